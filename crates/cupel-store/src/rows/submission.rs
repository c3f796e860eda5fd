//! [`Submission`], stored in the columns `spec` and `data` of `code_submissions`.

use cupel_types::{
    BoxFile, BoxFiles, BoxPath, Bytes, Cases, ContentHash, FacadeRequest, Instructions, LimitsRequest, Live,
    PathPattern, PriorityClass, ProblemId, ProblemVersion, Program, Solution, Source, Submission, SubmissionId,
    SubmissionKind, TerminalSize, TestCase, ToolOptions, UserId,
};
use jiff::Timestamp;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use std::time::Duration;

use super::{BlobWriter, RowError, Span, bad, from_us, read, to_us, us_of};

/// A submission without a problem has neither `problem` nor `package`; a submission with a problem but without `cases`
/// verifies a package.
#[derive(Serialize, Deserialize)]
struct Spec {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    package: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cases: Option<CasesSpec>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    files: Vec<FileSpec>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    compiler_args: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    linker_args: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    interpreter_args: Vec<String>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    main_class: String,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    main_only: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    args: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    env: Vec<(String, String)>,
    #[serde(default)]
    stdin: Span,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    tests: Vec<TestSpec>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    stderr_to_stdout: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    fetch: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    artifacts: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    live: Option<LiveSpec>,
    #[serde(default)]
    limits: LimitsSpec,
    priority: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    run_at_us: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    webhook: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    facade: Option<FacadeSpec>,
}

#[derive(Serialize, Deserialize)]
struct FacadeSpec {
    name: String,
    request: Span,
}

/// A program that gets input while it runs.
#[derive(Serialize, Deserialize)]
struct LiveSpec {
    /// Columns and rows of its terminal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    terminal: Option<(u16, u16)>,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum CasesSpec {
    All,
    Samples,
    Input(Span),
}

#[derive(Serialize, Deserialize)]
struct FileSpec {
    path: String,
    data: Span,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    executable: bool,
}

#[derive(Serialize, Deserialize)]
struct TestSpec {
    name: String,
    stdin: Span,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expected: Option<Span>,
}

#[derive(Default, Serialize, Deserialize)]
struct LimitsSpec {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cpu_time_us: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    wall_time_us: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    idle_time_us: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    instructions: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    memory_bytes: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    address_space_bytes: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    processes: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    open_files: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    file_size_bytes: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    disk_bytes: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    inodes: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    output_bytes: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stack_bytes: Option<u64>,
}

impl From<LimitsRequest> for LimitsSpec {
    fn from(l: LimitsRequest) -> LimitsSpec {
        let LimitsRequest {
            cpu_time,
            wall_time,
            idle_time,
            instructions,
            memory,
            address_space,
            processes,
            open_files,
            file_size,
            disk,
            inodes,
            output,
            stack,
        } = l;
        LimitsSpec {
            cpu_time_us: cpu_time.map(us_of),
            wall_time_us: wall_time.map(us_of),
            idle_time_us: idle_time.map(us_of),
            instructions: instructions.map(Instructions::get),
            memory_bytes: memory.map(Bytes::get),
            address_space_bytes: address_space.map(Bytes::get),
            processes,
            open_files,
            file_size_bytes: file_size.map(Bytes::get),
            disk_bytes: disk.map(Bytes::get),
            inodes,
            output_bytes: output.map(Bytes::get),
            stack_bytes: stack.map(Bytes::get),
        }
    }
}

impl From<LimitsSpec> for LimitsRequest {
    fn from(l: LimitsSpec) -> LimitsRequest {
        LimitsRequest {
            cpu_time: l.cpu_time_us.map(Duration::from_micros),
            wall_time: l.wall_time_us.map(Duration::from_micros),
            idle_time: l.idle_time_us.map(Duration::from_micros),
            instructions: l.instructions.map(Instructions::new),
            memory: l.memory_bytes.map(Bytes::new),
            address_space: l.address_space_bytes.map(Bytes::new),
            processes: l.processes,
            open_files: l.open_files,
            file_size: l.file_size_bytes.map(Bytes::new),
            disk: l.disk_bytes.map(Bytes::new),
            inodes: l.inodes,
            output: l.output_bytes.map(Bytes::new),
            stack: l.stack_bytes.map(Bytes::new),
        }
    }
}

/// A submission as it is stored.
pub(crate) struct EncodedSubmission {
    pub(crate) spec: String,
    pub(crate) data: Vec<u8>,
    /// Approximate size of the decoded submission in memory.
    pub(crate) memory_bytes: usize,
}

/// Encodes `spec` and `data`.
pub(crate) fn encode_submission(s: &Submission) -> Result<EncodedSubmission, RowError> {
    let mut blob = BlobWriter::default();
    let mut spec = Spec {
        problem: s.of_problem().map(|of| of.problem.to_string()),
        package: s.of_problem().map(|of| of.package.to_string()),
        cases: None,
        files: s.source().map(|source| put_files(&source.files, &mut blob)).unwrap_or_default(),
        compiler_args: Vec::new(),
        linker_args: Vec::new(),
        interpreter_args: Vec::new(),
        main_class: String::new(),
        main_only: false,
        args: Vec::new(),
        env: Vec::new(),
        stdin: Span::default(),
        tests: Vec::new(),
        stderr_to_stdout: false,
        fetch: Vec::new(),
        artifacts: Vec::new(),
        live: None,
        limits: s.limits.into(),
        priority: s.priority.as_str().into(),
        run_at_us: s.run_at.map(to_us),
        webhook: s.webhook.clone(),
        request_id: s.request_id.clone(),
        facade: None,
    };
    match &s.kind {
        SubmissionKind::Program(program) => {
            let ToolOptions { compiler_args, linker_args, interpreter_args, main_class, main_only } = &program.tools;
            spec.compiler_args.clone_from(compiler_args);
            spec.linker_args.clone_from(linker_args);
            spec.interpreter_args.clone_from(interpreter_args);
            spec.main_class.clone_from(main_class);
            spec.main_only = *main_only;
            spec.args.clone_from(&program.args);
            spec.env.clone_from(&program.env);
            spec.stdin = blob.put(&program.stdin);
            let put = |t: &TestCase| TestSpec {
                name: t.name.clone(),
                stdin: blob.put(&t.stdin),
                expected: t.expected.as_ref().map(|e| blob.put(e)),
            };
            spec.stderr_to_stdout = program.stderr_to_stdout;
            spec.fetch = program.fetch.iter().map(|path| path.as_str().to_owned()).collect();
            spec.artifacts = program.artifacts.iter().map(|pattern| pattern.as_str().to_owned()).collect();
            spec.tests = program.tests.iter().map(put).collect();
            spec.live = program.live.map(|Live { terminal }| LiveSpec {
                terminal: terminal.map(|TerminalSize { columns, rows }| (columns, rows)),
            });
        }
        SubmissionKind::Problem(solution) => {
            spec.cases = Some(match &solution.cases {
                Cases::All => CasesSpec::All,
                Cases::Samples => CasesSpec::Samples,
                Cases::Input(input) => CasesSpec::Input(blob.put(input)),
            });
        }
        SubmissionKind::Verify(_) => {}
    }
    spec.facade = s.facade.as_ref().map(|of| FacadeSpec { name: of.facade.clone(), request: blob.put(&of.data) });
    let spec = serde_json::to_string(&spec)?;
    let memory_bytes = spec.len() + blob.piece_bytes;
    Ok(EncodedSubmission { spec, data: blob.finish(), memory_bytes })
}

/// Whether an encoded submission is interactive.
pub(crate) fn is_live(spec: &str) -> Result<bool, RowError> {
    #[derive(Deserialize)]
    struct OnlyLive {
        #[serde(default)]
        live: Option<IgnoredAny>,
    }
    let spec: OnlyLive = serde_json::from_str(spec)?;
    Ok(spec.live.is_some())
}

fn live(spec: LiveSpec) -> Result<Live, RowError> {
    let size = |(columns, rows)| TerminalSize::new(columns, rows).ok_or_else(|| bad("spec"));
    Ok(Live { terminal: spec.terminal.map(size).transpose()? })
}

fn put_files(files: &BoxFiles, blob: &mut BlobWriter) -> Vec<FileSpec> {
    let put =
        |f: &BoxFile| FileSpec { path: f.path.as_str().into(), data: blob.put(&f.data), executable: f.executable };
    files.iter().map(put).collect()
}

/// Decodes the submission of a row, with the package version of the run (`package`) if there is one.
pub(crate) fn decode_submission(
    id: SubmissionId,
    owner: UserId,
    language: &str,
    submitted_at: Timestamp,
    spec: &str,
    data: &[u8],
    package: Option<ContentHash>,
) -> Result<Submission, RowError> {
    let mut spec: Spec = serde_json::from_str(spec)?;
    let of = match (&spec.problem, &spec.package) {
        (Some(problem), Some(sent_for)) => {
            let sent_for = sent_for.parse().map_err(|_| bad("spec"))?;
            let package = package.unwrap_or(sent_for);
            Some(ProblemVersion { problem: problem.parse::<ProblemId>().map_err(|_| bad("spec"))?, package })
        }
        _ => None,
    };
    let files = std::mem::take(&mut spec.files);
    let source = || {
        let files = files.into_iter().map(|f| {
            let path = BoxPath::new(&f.path).map_err(|_| bad("spec"))?;
            Ok(BoxFile { path, data: read(data, f.data)?, executable: f.executable })
        });
        let files = BoxFiles::new(files.collect::<Result<_, RowError>>()?);
        Ok::<_, RowError>(Source { language: language.parse().map_err(|_| bad("language"))?, files })
    };
    let kind = match (of, spec.cases) {
        (None, _) => {
            let tests = spec.tests.into_iter().map(|t| {
                let expected = t.expected.map(|span| read(data, span)).transpose()?;
                Ok(TestCase { name: t.name, stdin: read(data, t.stdin)?, expected })
            });
            let fetch = spec.fetch.iter().map(|path| BoxPath::new(path).map_err(|_| bad("spec")));
            let artifacts = spec.artifacts.iter().map(|pattern| PathPattern::new(pattern).map_err(|_| bad("spec")));
            SubmissionKind::Program(Program {
                source: source()?,
                tools: ToolOptions {
                    compiler_args: spec.compiler_args,
                    linker_args: spec.linker_args,
                    interpreter_args: spec.interpreter_args,
                    main_class: spec.main_class,
                    main_only: spec.main_only,
                },
                args: spec.args,
                env: spec.env,
                stdin: read(data, spec.stdin)?,
                tests: tests.collect::<Result<_, RowError>>()?,
                stderr_to_stdout: spec.stderr_to_stdout,
                fetch: fetch.collect::<Result<_, RowError>>()?,
                artifacts: artifacts.collect::<Result<_, RowError>>()?,
                live: spec.live.map(live).transpose()?,
            })
        }
        (Some(of), None) => SubmissionKind::Verify(of),
        (Some(of), Some(cases)) => {
            let cases = match cases {
                CasesSpec::All => Cases::All,
                CasesSpec::Samples => Cases::Samples,
                CasesSpec::Input(span) => Cases::Input(read(data, span)?),
            };
            SubmissionKind::Problem(Solution { source: source()?, of, cases })
        }
    };
    Ok(Submission {
        id,
        owner,
        kind,
        limits: spec.limits.into(),
        priority: PriorityClass::from_name(&spec.priority).ok_or(bad("spec"))?,
        run_at: spec.run_at_us.map(|us| from_us(us, "spec")).transpose()?,
        webhook: spec.webhook,
        request_id: spec.request_id,
        facade: spec
            .facade
            .map(|of| Ok::<_, RowError>(FacadeRequest { facade: of.name, data: read(data, of.request)? }))
            .transpose()?,
        submitted_at,
    })
}

#[cfg(test)]
mod tests {
    use cupel_testkit::a_submission;

    use super::*;

    #[test]
    fn the_files_to_return_are_stored_and_are_none_in_older_rows() {
        let (mut submission, _) = a_submission().in_language("python").build();
        let stored = |submission: &Submission| {
            let EncodedSubmission { spec, data, .. } = encode_submission(submission).unwrap();
            let (id, owner, at) = (submission.id, submission.owner, submission.submitted_at);
            let decoded = decode_submission(id, owner, "python", at, &spec, &data, None).unwrap();
            let SubmissionKind::Program(program) = decoded.kind else { panic!("{spec}") };
            (spec.contains("fetch"), spec.contains("artifacts"), program.fetch, program.artifacts)
        };
        assert_eq!(stored(&submission), (false, false, Vec::new(), Vec::new()));
        let SubmissionKind::Program(program) = &mut submission.kind else { unreachable!() };
        program.fetch = vec![BoxPath::new("out.txt").unwrap(), BoxPath::new("a/b").unwrap()];
        program.artifacts = vec![PathPattern::new("*.png").unwrap(), PathPattern::new("a/**/b").unwrap()];
        let (fetch, artifacts) = (program.fetch.clone(), program.artifacts.clone());
        assert_eq!(stored(&submission), (true, true, fetch, artifacts));
    }

    #[test]
    fn equal_inputs_are_stored_once_and_each_counts_in_memory() {
        static INPUT: [u8; 80 << 10] = [7; 80 << 10];
        let tests = (0..100).fold(a_submission(), |tests, n| tests.test(&n.to_string(), &INPUT, Some(&INPUT)));
        let EncodedSubmission { spec, data, memory_bytes } = encode_submission(&tests.build().0).unwrap();
        assert!(data.len() < INPUT.len() + 1024, "{} bytes are stored", data.len());
        assert!(memory_bytes >= 200 * INPUT.len() + spec.len(), "{memory_bytes} bytes are counted");
    }

    #[test]
    fn the_arguments_and_the_environment_of_a_program_count_in_memory() {
        let text = "x".repeat(100 << 10);
        let (mut submission, _) = a_submission().build();
        let SubmissionKind::Program(program) = &mut submission.kind else { unreachable!() };
        program.args = vec![text.clone()];
        program.env = vec![("A".to_owned(), text.clone())];
        assert!(encode_submission(&submission).unwrap().memory_bytes >= 2 * text.len());
    }

    #[test]
    fn a_live_program_is_stored_with_its_terminal_and_older_rows_are_not_live() {
        let (mut submission, _) = a_submission().in_language("python").build();
        let stored = |submission: &Submission| {
            let EncodedSubmission { spec, data, .. } = encode_submission(submission).unwrap();
            let (id, owner, at) = (submission.id, submission.owner, submission.submitted_at);
            let decoded = decode_submission(id, owner, "python", at, &spec, &data, None).unwrap();
            let SubmissionKind::Program(program) = decoded.kind else { panic!("{spec}") };
            (spec.contains("live"), program.live)
        };
        assert_eq!(stored(&submission), (false, None));
        for terminal in [None, TerminalSize::new(80, 24)] {
            let SubmissionKind::Program(program) = &mut submission.kind else { unreachable!() };
            program.live = Some(Live { terminal });
            assert_eq!(stored(&submission), (true, Some(Live { terminal })));
        }
    }
}
