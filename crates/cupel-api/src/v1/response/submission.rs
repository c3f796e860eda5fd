//! A submission with all its data.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use cupel_core::run::{RunState, SubmissionRecord};
use cupel_types::{Bytes, CaseReport, FetchedFile, Instructions, Limits, StepReport, Verdict, counted};
use serde::Serialize;
use utoipa::ToSchema;

use super::artifact::ArtifactView;
use super::failure::{compilation_error, runtime_error, runtime_error_of_problem};
use super::graded::{GradedView, ResponseParts, SentFileView, graded};
use super::limits::LimitsView;
use super::status::Status;
use super::step::{AccuracyView, StartView, exit_code, signal, text_of};
use super::time::rfc3339;

/// A submission with all its data. Values that are not known (yet) are `null`.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SubmissionView {
    /// The submission's id.
    pub(crate) submission_id: String,
    /// The submission's status.
    pub(crate) status: Status,
    /// The language's id; `null` for the verification of a package.
    pub(crate) language: Option<String>,
    /// Standard output. If it is not UTF-8, invalid bytes are replaced, and `stdout_base64` has the exact bytes. Empty
    /// if compilation failed; `null` if the submission has tests (see `tests`).
    pub(crate) stdout: Option<String>,
    /// Exact standard output; only if it is not UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) stdout_base64: Option<String>,
    /// Standard error, like `stdout`.
    pub(crate) stderr: Option<String>,
    /// Exact standard error; only if it is not UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) stderr_base64: Option<String>,
    /// Why compilation failed, if it did: the judge's reason, then the compiler's output.
    pub(crate) compilation_error: Option<String>,
    /// How the program failed, if it did, in one sentence: its exit code, its signal or the limit. With tests, for the
    /// deciding test; for a hidden test of a problem, only the meaning of the verdict.
    pub(crate) runtime_error: Option<String>,
    /// CPU time in milliseconds; with tests, of the slowest test. 0 if compilation failed. If hidden tests of a problem
    /// ran, the time is rounded up to 10 ms.
    pub(crate) execution_time_ms: Option<u64>,
    /// Machine instructions, without the kernel's; with tests, of the test with the most. Only if the server can count
    /// them, and if no hidden test of a problem ran.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) instructions: Option<u64>,
    /// Peak memory of all the program's processes together, in KiB; with tests, of the test with the most. At least
    /// 1,024 if the program ran, and 0 if compilation failed. If hidden tests of a problem ran, rounded up to
    /// whole MiB.
    ///
    /// `limits.memory_kb` limits the same amount: private and shared memory of the processes, files that they write to
    /// `/box`, `/tmp` and `/dev/shm`, page tables and pipes. Not counted: the program's own executable and source, its
    /// other input files, and pages of files on disk, such as the toolchain's executables and libraries. In a problem,
    /// the submission's own files are counted beyond 16 MiB in total. For a program that reached its memory limit, the
    /// figure is the limit, unless the heap of its language (Java, JavaScript) was full earlier. Warm and cold starts
    /// are measured in the same way. With control groups of version 1, the values of a program agree within 5 % from
    /// run to run. With version 2, or if the program frees much memory, they may also differ by 256 KiB for each
    /// processor of the program, and so may the values of warm and cold starts.
    ///
    /// `ru_maxrss` and `VmHWM` apply to one process and include resident pages of executables and libraries. So they
    /// are larger for a program with one process (C: by 1 MiB, Python: by 5 MiB, Java: by 20 MiB) and smaller for a
    /// program with many processes. `cg-mem` of isolate is the same measure, but also counts the executable and files
    /// on disk that the program was the first to read.
    pub(crate) memory_used_kb: Option<u64>,
    /// How the program was started, if its language has a warm start: `warm` (as a copy of an initialised interpreter)
    /// or `cold` (by executing the interpreter, which is part of `execution_time_ms`). With tests: `cold` if any test
    /// was started cold. Compare times only between programs with the same kind of start. Absent if hidden tests of a
    /// problem ran.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) start: Option<StartView>,
    /// `approximate` if the program ran in a container of Docker Engine. Times and memory are then less exact: CPU time
    /// includes up to a few milliseconds for the start of the program, and with control groups of version 1
    /// `memory_used_kb` can be a few MiB off. `cupel doctor --executor docker` lists what the engine cannot enforce.
    /// Absent if the figures are exact.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) accuracy: Option<AccuracyView>,
    /// The exit code, if the program exited by itself; with tests, of the deciding test, unless that test is hidden. If
    /// compilation failed, the exit code of the compiler; `null` if the compiler accepted the program, but the program
    /// lacks the function that the problem requires. `null` after a signal. A program that a limit ended may have an
    /// exit code, even 0, if it exited by itself before the limit was noticed, or because the heap of its language was
    /// full. So `verdict` says whether a limit was reached, not this field.
    pub(crate) exit_code: Option<i32>,
    /// Time at which the server had received the submission.
    #[schema(format = DateTime)]
    pub(crate) submitted_at: String,
    /// Time at which the submission is due. Only if it was sent with a later `run_at` and no attempt has begun.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    pub(crate) run_at: Option<String>,
    /// Time at which the submission reached its final state.
    #[schema(format = DateTime)]
    pub(crate) completed_at: Option<String>,
    /// `AC`, `WA`, `TLE`, `ILE`, `MLE`, `OLE`, `RTE`, `CE`, `JE` or `CANCELLED`; for problems also `PT`, `PE`, `SV`,
    /// `CLE` and `SK`.
    pub(crate) verdict: Option<String>,
    /// Human-readable explanation, if the verdict alone is not enough: the exception that ended the program, as its
    /// language prints it (`IndexError: list index out of range (line 3)`), the limit that was reached, or the first
    /// difference. Exceptions are extracted from the program's standard error: show them, but do not rely on them.
    pub(crate) message: Option<String>,
    /// The number of the signal that ended the program, if one did. `null` if SIGKILL ended it for a limit.
    pub(crate) signal: Option<i32>,
    /// Wall-clock time in milliseconds; with tests, of the slowest test. 0 if compilation failed. `null` if hidden
    /// tests of a problem ran.
    pub(crate) wall_time_ms: Option<u64>,
    /// Whether some output was discarded: the output of all tests together is kept up to the operator's limit (8 MiB by
    /// default).
    pub(crate) truncated: Option<bool>,
    /// Number of attempts by workers. More than one only if a worker failed or gave the submission back, for example
    /// because it was stopped, or if the submission was judged again.
    pub(crate) attempts: u32,
    /// Start of the first attempt.
    #[schema(format = DateTime)]
    pub(crate) started_at: Option<String>,
    /// The compilation, if programs of the language are compiled.
    pub(crate) compile: Option<CompileView>,
    /// The tests, in order, up to the last that ran.
    pub(crate) tests: Vec<TestView>,
    /// The limits that applied.
    pub(crate) limits: Option<LimitsView>,
    /// The language version that ran the program, such as `3.11.2`.
    pub(crate) language_version: Option<String>,
    /// `true` if this is the result of an earlier, identical submission of yours, returned because the request has
    /// `cache`; otherwise absent.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) cached: bool,
    /// The judging result, for a submission to a problem.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) problem: Option<GradedView>,
    /// The files that were requested with `fetch_files` and exist. Absent if there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) fetched_files: Vec<FetchedFileView>,
    /// The files that the program left behind and that match a pattern of `artifacts`, ordered by path. At most 200 are
    /// listed. The contents of at most 100 are kept, only of files of up to 4 MiB, and up to 8 MiB of all files and the
    /// output together, unless the operator sets another maximum. Files of the request that the program did not change
    /// are omitted. Absent if there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) artifacts: Vec<ArtifactView>,
    /// Whether there may be more files than `artifacts` lists. Absent if not.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) artifacts_truncated: bool,
    /// The submitted files; only from `GET /submissions/{submission_id}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) files: Option<Vec<SentFileView>>,
}

/// A compilation.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CompileView {
    /// Whether compilation succeeded.
    pub(crate) ok: bool,
    /// The compiler's output, including warnings.
    pub(crate) output: String,
    /// The compiler's exit code; `null` if a signal or a limit ended it.
    pub(crate) exit_code: Option<i32>,
    /// Duration, in milliseconds; 0 if the result came from the cache.
    pub(crate) time_ms: u64,
    /// Whether an earlier, identical compilation was used.
    pub(crate) cached: bool,
    /// Whether some of the compiler's output was discarded.
    pub(crate) truncated: bool,
}

/// One test.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TestView {
    /// The test's name.
    pub(crate) name: String,
    /// The test's verdict.
    pub(crate) verdict: String,
    /// Standard output.
    pub(crate) stdout: String,
    /// Exact standard output; only if it is not UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) stdout_base64: Option<String>,
    /// Standard error.
    pub(crate) stderr: String,
    /// Exact standard error; only if it is not UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) stderr_base64: Option<String>,
    /// Why the program failed, if it did.
    pub(crate) runtime_error: Option<String>,
    /// Human-readable explanation, like the submission's `message`: the exception that ended the program, the limit
    /// that was reached, or the first difference.
    pub(crate) message: Option<String>,
    /// The exit code, if the program exited by itself, even if `verdict` is that of a limit.
    pub(crate) exit_code: Option<i32>,
    /// The number of the signal that ended the program, if one did. `null` if SIGKILL ended it for a limit.
    pub(crate) signal: Option<i32>,
    /// CPU time in milliseconds.
    pub(crate) execution_time_ms: u64,
    /// Wall-clock time in milliseconds.
    pub(crate) wall_time_ms: u64,
    /// Machine instructions of all processes, without the kernel's; only if the server can count them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) instructions: Option<u64>,
    /// Peak memory in KiB; see `memory_used_kb` of the submission.
    pub(crate) memory_used_kb: u64,
    /// `warm` or `cold`; see `start` of the submission.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) start: Option<StartView>,
    /// `approximate`, or absent; see `accuracy` of the submission.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) accuracy: Option<AccuracyView>,
    /// Whether some output was discarded.
    pub(crate) truncated: bool,
}

/// A file that was read back after the execution.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FetchedFileView {
    /// Path of the file in the working directory.
    pub(crate) path: String,
    /// Content of the file, as base64.
    pub(crate) content_base64: String,
    /// Whether the content is only the beginning of the file: at most 8 MiB are kept of the output and all files
    /// together, unless the operator sets another maximum.
    pub(crate) truncated: bool,
}

impl From<&FetchedFile> for FetchedFileView {
    fn from(file: &FetchedFile) -> FetchedFileView {
        let FetchedFile { path, content } = file;
        FetchedFileView {
            path: path.to_string(),
            content_base64: BASE64_STANDARD.encode(&content.data),
            truncated: content.truncated,
        }
    }
}

/// Submissions requested by id.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SubmissionViews {
    /// The submissions, in the order of the request; ids that do not exist (for you) are omitted.
    pub(crate) submissions: Vec<SubmissionView>,
}

impl SubmissionView {
    pub(crate) fn of(record: &SubmissionRecord, parts: &ResponseParts) -> SubmissionView {
        let report = record.report.as_ref();
        let result = report.map(|report| parts.disclosure.result(report));
        let figures = result.as_ref().map(|result| result.figures).unwrap_or_default();
        let grading = result.as_ref().and_then(|result| result.grading.as_ref());
        let verdict = record.state.verdict();
        let is_first_attempt_due = matches!(record.state, RunState::Queued { attempts: 0, .. });
        let steps: Vec<&StepReport> =
            report.map(|r| r.execution.iter().chain(r.cases.iter().map(|c| &c.step)).collect()).unwrap_or_default();
        // The deciding step: the only execution, the first test that failed or, if no test failed, the last test.
        let deciding = report.and_then(|r| {
            let case = r.cases.iter().find(|c| c.verdict != Verdict::Accepted).or(r.cases.last());
            r.execution.as_ref().or(case.map(|c| &c.step))
        });
        let deciding_test = grading.zip(verdict).and_then(|(grading, verdict)| grading.deciding_step(verdict));
        let execution = report.and_then(|r| r.execution.as_ref());
        let (stdout, stdout_base64) = execution.map(|e| text_of(&e.stdout)).map_or((None, None), |(t, b)| (Some(t), b));
        let (stderr, stderr_base64) = execution.map(|e| text_of(&e.stderr)).map_or((None, None), |(t, b)| (Some(t), b));
        let compile = report.and_then(|r| r.compile.as_ref());
        // If compilation failed, there is no output.
        let not_built = report.filter(|r| r.is_not_built());
        let (stdout, stderr) = match not_built {
            Some(_) => (stdout.or_else(|| Some(String::new())), stderr.or_else(|| Some(String::new()))),
            None => (stdout, stderr),
        };
        SubmissionView {
            submission_id: record.submission.id.to_string(),
            status: Status::from(&record.state),
            language: record.submission.language().map(ToString::to_string),
            stdout,
            stdout_base64,
            stderr,
            stderr_base64,
            compilation_error: not_built.map(compilation_error),
            runtime_error: verdict.and_then(|verdict| {
                let report = report?;
                match (deciding, grading) {
                    (Some(step), _) => runtime_error(verdict, step, &report.limits),
                    (None, Some(grading)) => runtime_error_of_problem(verdict, grading, &report.limits),
                    (None, None) => None,
                }
            }),
            execution_time_ms: figures.cpu_time.map(|time| time.as_millis() as u64),
            instructions: figures.instructions.map(Instructions::get),
            memory_used_kb: figures.memory.map(Bytes::as_kib),
            start: figures.start.map(StartView::from),
            accuracy: figures.accuracy.and_then(AccuracyView::of),
            exit_code: match not_built {
                Some(report) => report.exit_code_of_compiler(),
                None => deciding.or(deciding_test).and_then(exit_code),
            },
            submitted_at: rfc3339(record.submission.submitted_at),
            run_at: record.submission.run_at.filter(|_| is_first_attempt_due).map(rfc3339),
            completed_at: record.completed_at.map(rfc3339),
            verdict: verdict.map(|v| v.code().to_owned()),
            message: report.and_then(|r| r.message.clone()).or_else(|| abandoned(&record.state)),
            signal: deciding.or(deciding_test).and_then(signal),
            wall_time_ms: figures.wall_time.map(|time| time.as_millis() as u64),
            truncated: report.map(|_| {
                let graded = grading.into_iter().flat_map(|grading| [grading.returned, grading.conversation]);
                let mut outputs = steps.iter().flat_map(|s| [&s.stdout, &s.stderr]).chain(graded.flatten());
                outputs.any(|output| output.truncated)
            }),
            attempts: record.state.attempts(),
            started_at: record.started_at.map(rfc3339),
            compile: compile.map(|c| CompileView {
                ok: c.ok,
                output: text_of(&c.output).0,
                exit_code: c.exit_code,
                time_ms: c.wall_time.as_millis() as u64,
                cached: c.cached,
                truncated: c.output.truncated,
            }),
            tests: report.map(|r| r.cases.iter().map(|c| test_view(c, &r.limits)).collect()).unwrap_or_default(),
            limits: report.map(|r| r.limits.into()),
            language_version: report.map(|r| r.language_version.clone()),
            cached: parts.cached,
            problem: graded(record, grading, parts),
            fetched_files: report.map(|r| r.files.iter().map(FetchedFileView::from).collect()).unwrap_or_default(),
            artifacts: report
                .map(|r| r.artifacts.files.iter().map(|one| ArtifactView::of(record.submission.id, one)).collect())
                .unwrap_or_default(),
            artifacts_truncated: report.is_some_and(|r| r.artifacts.has_more),
            files: parts.with_files.then(|| {
                record
                    .submission
                    .source()
                    .map(|source| source.files.iter().map(SentFileView::from).collect())
                    .unwrap_or_default()
            }),
        }
    }
}

fn test_view(case: &CaseReport, limits: &Limits) -> TestView {
    let (stdout, stdout_base64) = text_of(&case.step.stdout);
    let (stderr, stderr_base64) = text_of(&case.step.stderr);
    TestView {
        name: case.name.clone(),
        verdict: case.verdict.code().to_owned(),
        stdout,
        stdout_base64,
        stderr,
        stderr_base64,
        runtime_error: runtime_error(case.verdict, &case.step, limits),
        message: case.message.clone(),
        exit_code: exit_code(&case.step),
        signal: signal(&case.step),
        execution_time_ms: case.step.usage.cpu_time.as_millis() as u64,
        wall_time_ms: case.step.usage.wall_time.as_millis() as u64,
        instructions: case.step.usage.instructions.map(Instructions::get),
        memory_used_kb: case.step.usage.memory.as_kib(),
        start: case.step.usage.start.map(StartView::from),
        accuracy: AccuracyView::of(case.step.usage.accuracy),
        truncated: case.step.stdout.truncated || case.step.stderr.truncated,
    }
}

fn abandoned(state: &RunState) -> Option<String> {
    match state {
        RunState::Abandoned { attempts } => {
            let times = counted(*attempts, "time");
            Some(format!("The judge failed {times} to run this program. The program is not the cause."))
        }
        RunState::Queued { .. } | RunState::Leased { .. } | RunState::Judged { .. } | RunState::Cancelled { .. } => {
            None
        }
    }
}
