//! The judge with a scripted executor: its requests, its handling of the results, and its events.

use std::collections::{HashMap, VecDeque};
use std::sync::Mutex;
use std::time::Duration;

use cupel_languages::Registry;
use cupel_types::{
    Artifact, BoxFile, BoxFiles, BoxPath, FoundFile, Instructions, Omission, PathPattern, Signal, Source, ToolOptions,
};

use super::*;
use crate::output_budget::STREAM_BYTES_SPARSE;
use crate::scripted::{Answers, SCRIPT};
use crate::{ArtifactKey, Differs, LiveInput, LiveSource, LiveStdin, NoCache, StepResult, TerminalSize};

// ---- the submission ---------------------------------------------------------------------------------

const COMPILED: &str = r#"
name = "Compiled"
extensions = ["src", "hdr"]
source = "main.src"
compile = [["front", "{source}"], ["back", "-o", "{stem}"]]
execute = ["./{stem}", "-m{memory_mb}"]
artifacts = ["main"]
env = { MODE = "fast" }
version = { command = ["front", "--version"] }
[compile_limits]
cpu_time_ms = 20000
output_kb = 1
[packages]
[[samples]]
name = "hello"
source = "x"
"#;

fn language(id: &str) -> Language {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in [("compiled", COMPILED), ("script", SCRIPT)] {
        std::fs::write(dir.path().join(format!("{name}.toml")), text).unwrap();
    }
    let mut registry = Registry::load(Some(dir.path())).unwrap();
    registry.probe(&Answers);
    registry.find(id).unwrap().clone()
}

fn file(path: &str, text: &str) -> BoxFile {
    BoxFile { path: BoxPath::new(path).unwrap(), data: text.as_bytes().into(), executable: false }
}

fn a_program(files: Vec<BoxFile>) -> Program {
    Program {
        source: Source { language: "script".parse().unwrap(), files: BoxFiles::new(files) },
        tools: ToolOptions::NONE,
        args: vec!["one".into(), "{source}".into()],
        env: vec![("MODE".into(), "mine".into())],
        stdin: b"in".as_slice().into(),
        tests: Vec::new(),
        stderr_to_stdout: false,
        fetch: Vec::new(),
        artifacts: Vec::new(),
        live: None,
    }
}

/// Returns a request of an arbitrary owner, within the limits of its language.
fn request<'a>(program: &'a Program, language: &'a Language, output_kept_max: Bytes) -> JudgeRequest<'a> {
    let owner = UserId::from_uuid(uuid::Uuid::nil());
    let limits = LimitsRequest::default();
    JudgeRequest { owner, program, limits, language, stdin: None, output_kept_max, time_max: Duration::MAX }
}

fn case(name: &str, stdin: &str, expected: Option<&str>) -> TestCase {
    TestCase { name: name.into(), stdin: stdin.as_bytes().into(), expected: expected.map(|e| e.as_bytes().into()) }
}

// ---- the executor -----------------------------------------------------------------------------------

/// A request to the executor.
#[derive(Debug)]
struct Request {
    kind: StepKind,
    argv: Vec<String>,
    env: HashMap<String, String>,
    files: Vec<String>,
    limits: Limits,
    collect: Collect,
    stdin: Vec<u8>,
}

/// Returns the scripted answers in order and records the requests.
#[derive(Default)]
struct Scripted {
    answers: VecDeque<Result<Answer, ExecuteError>>,
    asked: Vec<Request>,
}

struct Answer {
    outcome: Outcome,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    files: Vec<BoxFile>,
    files_truncated: bool,
    fetched: Vec<FetchedFile>,
    found: FoundFiles,
    cpu_time: Duration,
}

fn ends(outcome: Outcome) -> Answer {
    Answer {
        outcome,
        stdout: Vec::new(),
        stderr: Vec::new(),
        files: Vec::new(),
        files_truncated: false,
        fetched: Vec::new(),
        found: FoundFiles::default(),
        cpu_time: Duration::from_secs(1),
    }
}

fn prints(text: &str) -> Answer {
    Answer { stdout: text.into(), ..ends(Outcome::Exited(0)) }
}

fn leaves(files: Vec<BoxFile>) -> Answer {
    Answer { files, ..ends(Outcome::Exited(0)) }
}

fn scripted(answers: impl IntoIterator<Item = Answer>) -> Scripted {
    Scripted { answers: answers.into_iter().map(Ok).collect(), asked: Vec::new() }
}

impl Executor for Scripted {
    fn execute(&mut self, step: StepInput<'_>, observer: &mut dyn StepObserver) -> Result<StepResult, ExecuteError> {
        self.asked.push(Request {
            kind: step.kind,
            argv: step.argv.to_vec(),
            env: step.env.iter().cloned().collect(),
            files: step.files.iter().flatten().map(|f| f.path.to_string()).collect(),
            limits: step.limits,
            collect: step.collect.clone(),
            stdin: match &step.stdin {
                StdinSource::Bytes(bytes) => bytes.to_vec(),
                StdinSource::Descriptor(_) => b"descriptor".to_vec(),
                StdinSource::Live(_) => b"live".to_vec(),
            },
        });
        let mut answer = self.answers.pop_front().expect("the judge asked for more steps than were scripted")?;
        if observer.cancelled() {
            answer.outcome = Outcome::Cancelled;
        }
        observer.stderr(&answer.stderr);
        observer.stdout(&answer.stdout);
        let output = |data: Vec<u8>| Output { data: data.into(), truncated: false };
        let usage = Usage { cpu_time: answer.cpu_time, wall_time: answer.cpu_time, ..Usage::default() };
        let (stdout, stderr) = (output(answer.stdout), output(answer.stderr));
        let report = StepReport { outcome: answer.outcome, exit_code: None, signal: None, stdout, stderr, usage };
        Ok(StepResult {
            report,
            files: BoxFiles::new(answer.files),
            files_truncated: answer.files_truncated,
            fetched: answer.fetched,
            found: answer.found,
        })
    }
}

// ---- the observer and the cache ---------------------------------------------------------------------

#[derive(Default)]
struct Log {
    lines: Vec<String>,
    cancel_after: Option<usize>,
}

impl JudgeObserver for Log {
    fn event(&mut self, event: JudgeEvent<'_>) {
        self.lines.push(match event {
            JudgeEvent::CompileStarted => "compile".into(),
            JudgeEvent::CompileEnded { ok, cached, .. } => format!("compiled ok={ok} cached={cached}"),
            JudgeEvent::ExecutionStarted { case } => format!("start {}", case.unwrap_or("-")),
            JudgeEvent::Stdout { data, .. } => format!("out {}", String::from_utf8_lossy(data)),
            JudgeEvent::Stderr { data, .. } => format!("err {}", String::from_utf8_lossy(data)),
            JudgeEvent::ExecutionEnded { case, verdict, .. } => format!("end {} {verdict}", case.unwrap_or("-")),
        });
    }

    fn cancelled(&mut self) -> bool {
        self.cancel_after.is_some_and(|lines| self.lines.len() > lines)
    }
}

type Artifacts = (BoxFiles, Arc<[u8]>);

#[derive(Default)]
struct MemoryCache(Mutex<HashMap<ArtifactKey, Artifacts>>);

impl ArtifactCache for MemoryCache {
    fn get(&self, key: &ArtifactKey) -> Option<(BoxFiles, Arc<[u8]>)> {
        self.0.lock().unwrap().get(key).cloned()
    }

    fn put(&self, key: ArtifactKey, files: &BoxFiles, output: &Arc<[u8]>) {
        self.0.lock().unwrap().insert(key, (files.clone(), output.clone()));
    }
}

fn judged(id: &str, program: &Program, executor: &mut Scripted, cache: &dyn ArtifactCache) -> (RunReport, Vec<String>) {
    let mut log = Log::default();
    let language = language(id);
    let request = request(program, &language, Bytes::mib(1));
    let report = judge(&request, executor, cache, &mut log).unwrap();
    (report, log.lines)
}

// ---- rules ------------------------------------------------------------------------------------------

/// A source without input.
struct Silent;

impl LiveSource for Silent {
    fn next(&self, _: Duration) -> Option<LiveInput> {
        None
    }

    fn consumed(&self, _: u64) {}
}

#[test]
fn live_input_replaces_the_input_of_the_submission() {
    let mut executor = scripted([prints("out")]);
    let (program, language) = (a_program(vec![file("main.scr", "x")]), language("script"));
    let stdin = StdinSource::Live(LiveStdin { source: Arc::new(Silent), terminal: TerminalSize::new(80, 24) });
    let request = JudgeRequest { stdin: Some(stdin), ..request(&program, &language, Bytes::kib(1)) };
    judge(&request, &mut executor, &NoCache, &mut Log::default()).unwrap();
    assert_eq!(executor.asked[0].stdin, b"live");
}

#[test]
fn a_script_runs_with_its_files_arguments_environment_and_input() {
    let mut executor = scripted([prints("hi\n")]);
    let program = a_program(vec![file("a.scr", ""), file("b.scr", ""), file("data.txt", "")]);
    let (report, log) = judged("script", &program, &mut executor, &NoCache);
    let asked = &executor.asked[0];
    assert_eq!(asked.kind, StepKind::Execute);
    assert_eq!(asked.argv, ["run", "a.scr", "one", "{source}"]);
    assert_eq!(asked.env["MODE"], "mine");
    assert_eq!(asked.files, ["a.scr", "b.scr", "data.txt"]);
    assert_eq!(asked.stdin, b"in");
    assert_eq!(log, ["start -", "err ", "out hi\n", "end - AC"]);
    assert_eq!((report.verdict, report.compile, report.language_version.as_str()), (Verdict::Accepted, None, "1.2.3"));
    assert_eq!(&report.execution.unwrap().stdout.data[..], b"hi\n");
}

#[test]
fn every_outcome_has_its_verdict() {
    for (outcome, verdict) in [
        (Outcome::Exited(3), Verdict::RuntimeError),
        (Outcome::Signalled(Signal(11)), Verdict::RuntimeError),
        (Outcome::WallLimit, Verdict::TimeLimit),
        (Outcome::MemoryLimit, Verdict::MemoryLimit),
        (Outcome::OutputLimit, Verdict::OutputLimit),
        (Outcome::DiskLimit, Verdict::OutputLimit),
        (Outcome::IdleLimit, Verdict::IdleLimit),
    ] {
        let (report, _) =
            judged("script", &a_program(vec![file("a.scr", "")]), &mut scripted([ends(outcome)]), &NoCache);
        assert_eq!(report.verdict, verdict);
        let is_limit = !matches!(outcome, Outcome::Exited(_) | Outcome::Signalled(_));
        assert_eq!(report.message.is_some(), is_limit, "{outcome:?}");
    }
}

#[test]
fn compile_commands_pass_on_their_files_and_share_one_budget() {
    let left = vec![file("main.src", ""), file("main", "binary"), file("main.tmp", "")];
    let mut executor = scripted([leaves(left.clone()), leaves(left), prints("")]);
    let sent = vec![file("main.src", ""), file("util.hdr", ""), file("input.dat", ""), file("main", "theirs")];
    let (report, log) = judged("compiled", &a_program(sent), &mut executor, &NoCache);
    let [front, back, run] = &executor.asked[..] else { panic!("three steps") };
    assert_eq!((front.kind, &front.argv[..]), (StepKind::Compile, &["front".to_owned(), "main.src".into()][..]));
    assert_eq!(front.env["MODE"], "fast", "only the program gets the client's environment");
    assert_eq!(front.stdin, b"");
    assert_eq!(back.argv, ["back", "-o", "main"]);
    assert_eq!(back.files, ["main.src", "main", "main.tmp"]);
    assert_eq!(back.limits.cpu_time, Duration::from_secs(19));
    assert_eq!(run.argv, ["./main", "-m256", "one", "{source}"]);
    assert_eq!(run.files, ["main", "input.dat"], "artefacts replace submitted files, and sources are omitted");
    assert_eq!(log[..2], ["compile", "compiled ok=true cached=false"]);
    assert_eq!(report.compile.unwrap().wall_time, Duration::from_secs(2));
}

#[test]
fn a_rejected_source_is_ce_with_the_compiler_output_of_both_streams() {
    let refused = Answer { stdout: b" and out".into(), stderr: b"err".into(), ..ends(Outcome::Exited(1)) };
    let (report, log) = judged("compiled", &a_program(vec![file("main.src", "")]), &mut scripted([refused]), &NoCache);
    let compile = report.compile.unwrap();
    assert_eq!(
        (report.verdict, compile.ok, &compile.output.data[..]),
        (Verdict::CompileError, false, &b"err and out"[..])
    );
    assert_eq!((report.message, report.execution), (None, None));
    assert_eq!(log, ["compile", "compiled ok=false cached=false"]);
}

#[test]
fn a_compiler_over_its_limits_is_ce_and_names_the_limit() {
    for (outcome, limit, words) in [
        (Outcome::MemoryLimit, Some(Outcome::MemoryLimit), "the compiler: memory limit of "),
        (Outcome::TimeLimit, Some(Outcome::TimeLimit), "the compiler: time limit of 20000 ms exceeded"),
        (Outcome::Signalled(Signal(11)), None, "the compiler was killed by SIGSEGV"),
    ] {
        let (report, _) =
            judged("compiled", &a_program(vec![file("main.src", "")]), &mut scripted([ends(outcome)]), &NoCache);
        assert_eq!(report.verdict, Verdict::CompileError);
        assert!(report.message.as_deref().unwrap().starts_with(words), "{:?}", report.message);
        assert_eq!(report.compile.unwrap().limit, limit);
    }
}

#[test]
fn an_incomplete_set_of_artefacts_is_not_run() {
    let cut = Answer { files_truncated: true, ..leaves(vec![file("main", "binary")]) };
    let (report, _) = judged("compiled", &a_program(vec![file("main.src", "")]), &mut scripted([cut]), &NoCache);
    assert_eq!((report.verdict, report.message.is_some()), (Verdict::CompileError, true));
    assert_eq!(report.compile.unwrap().limit, Some(Outcome::DiskLimit));
}

#[test]
fn compiler_output_is_bounded_and_marked_as_truncated() {
    let flood = Answer { stdout: vec![b'x'; 5000], ..ends(Outcome::Exited(1)) };
    let (report, _) = judged("compiled", &a_program(vec![file("main.src", "")]), &mut scripted([flood]), &NoCache);
    let output = report.compile.unwrap().output;
    assert_eq!((output.data.len(), output.truncated), (1024, true));
}

#[test]
fn an_identical_source_is_compiled_once_and_a_different_source_again() {
    let (cache, left) = (MemoryCache::default(), || leaves(vec![file("main", "binary")]));
    let program = a_program(vec![file("main.src", "1"), file("input.dat", "")]);
    judged("compiled", &program, &mut scripted([left(), left(), prints("")]), &cache);

    let mut again = Program { stdin: b"else".as_slice().into(), args: Vec::new(), ..program.clone() };
    let mut executor = scripted([prints("")]);
    let (report, log) = judged("compiled", &again, &mut executor, &cache);
    assert!(report.compile.unwrap().cached);
    assert_eq!(log[..2], ["compile", "compiled ok=true cached=true"]);
    assert_eq!(executor.asked[0].files, ["main", "input.dat"]);

    again.source.files = BoxFiles::new(vec![file("main.src", "2"), file("input.dat", "")]);
    let (report, _) = judged("compiled", &again, &mut scripted([left(), left(), prints("")]), &cache);
    assert!(!report.compile.unwrap().cached);
}

/// Regression: a multi-file program had the result of an earlier compilation after an upgrade of the compiler that its
/// script calls.
#[test]
fn a_program_whose_compilation_may_start_any_program_is_always_compiled() {
    let cache = MemoryCache::default();
    let program = a_program(vec![file("main.src", "1")]);
    let mut language = language("compiled");
    language.compilers.push(cupel_languages::ANY_PROGRAM.to_owned());
    for _ in 0..2 {
        let request = request(&program, &language, Bytes::mib(1));
        let left = || leaves(vec![file("main", "binary")]);
        let mut executor = scripted([left(), left(), prints("")]);
        let report = judge(&request, &mut executor, &cache, &mut Log::default()).unwrap();
        assert!(!report.compile.unwrap().cached);
    }
}

#[test]
fn every_input_of_a_compilation_is_in_the_key() {
    let language = language("compiled");
    let commands = vec![vec!["cc".to_owned(), "ab".into()]];
    let files = BoxFiles::new(vec![file("a", "bc")]);
    let (owner, somebody) = (UserId::from_uuid(uuid::Uuid::from_u128(1)), UserId::from_uuid(uuid::Uuid::from_u128(2)));
    let base = ArtifactKey::of(owner, &language, &commands, &files);
    assert_eq!(base, ArtifactKey::of(owner, &language.clone(), &commands, &files.clone()));
    let mut keys = vec![base, ArtifactKey::of(somebody, &language, &commands, &files)];
    let mut other = |language: &Language, commands: &[Vec<String>], files: Vec<BoxFile>| {
        keys.push(ArtifactKey::of(owner, language, commands, &BoxFiles::new(files)));
    };
    other(&language, &[vec!["cc".into(), "a".into(), "b".into()]], vec![file("a", "bc")]);
    other(&language, &[vec!["cc".into()], vec!["ab".into()]], vec![file("a", "bc")]);
    other(&language, &commands, vec![file("ab", "c")]);
    other(&language, &commands, vec![file("a", "bd")]);
    other(&language, &commands, vec![BoxFile { executable: true, ..file("a", "bc") }]);
    let mut changed = language.clone();
    changed.availability = cupel_languages::Availability::Available { version: "1.2.4".into() };
    other(&changed, &commands, vec![file("a", "bc")]);
    let mut changed = language.clone();
    changed.compile_limits.memory = cupel_types::Bytes::mib(1);
    other(&changed, &commands, vec![file("a", "bc")]);
    let mut changed = language.clone();
    changed.env.push(("A".into(), "B".into()));
    other(&changed, &commands, vec![file("a", "bc")]);
    // Another compiler than that of the version command, before and after an upgrade.
    for state in ["1", "2"] {
        let mut changed = language.clone();
        changed.compile_programs.push(format!("back {state}"));
        other(&changed, &commands, vec![file("a", "bc")]);
    }
    for version in [None, Some("1.81"), Some("1.83")] {
        let package = cupel_languages::LibraryPackage::Debian("libboost-dev".into());
        let version = version.map(str::to_owned);
        let mut changed = language.clone();
        changed.libraries.push(cupel_languages::Library { name: "Boost".into(), package, version });
        other(&changed, &commands, vec![file("a", "bc")]);
    }
    let distinct: std::collections::HashSet<_> = keys.iter().collect();
    assert_eq!(distinct.len(), keys.len());
}

#[test]
fn a_message_shows_the_missing_word_or_the_first_extra_word() {
    let mut program = a_program(vec![file("a.scr", "")]);
    program.tests = vec![case("1", "", Some("x")), case("2", "", Some("x")), case("3", "", Some("x y z"))];
    let mut executor = scripted([prints(""), prints("x y"), prints("x y")]);
    let (report, _) = judged("script", &program, &mut executor, &NoCache);
    let messages: Vec<&str> = report.cases.iter().filter_map(|case| case.message.as_deref()).collect();
    assert_eq!(
        messages,
        [
            r#"word 1, line 1 of the output: the output ends; expected "x""#,
            r#"word 2, line 1 of the output: trailing output "y""#,
            r#"word 3, line 1 of the output: the output ends; expected "z""#,
        ]
    );
}

#[test]
fn all_cases_are_run_and_the_first_failed_case_decides() {
    let mut program = a_program(vec![file("a.scr", "")]);
    program.tests = vec![
        case("1", "a", Some("x y")),
        case("2", "b", Some("x y")),
        case("3", "c", Some("x y")),
        case("4", "d", None),
    ];
    let mut executor = scripted([prints("x\ny\n"), prints("x\nz\n"), ends(Outcome::TimeLimit), prints("anything")]);
    let (report, log) = judged("script", &program, &mut executor, &NoCache);
    let verdicts: Vec<_> = report.cases.iter().map(|c| c.verdict.code()).collect();
    assert_eq!(verdicts, ["AC", "WA", "TLE", "AC"]);
    assert_eq!((report.verdict, report.execution), (Verdict::WrongAnswer, None));
    let message = r#"word 2, line 2 of the output: expected "y", got "z""#;
    assert_eq!(report.message.unwrap(), format!("test 2: {message}"));
    let messages: Vec<Option<&str>> = report.cases.iter().map(|case| case.message.as_deref()).collect();
    assert_eq!(messages[..2], [None, Some(message)]);
    assert_eq!(executor.asked.iter().map(|a| &a.stdin[..]).collect::<Vec<_>>(), [b"a", b"b", b"c", b"d"]);
    assert_eq!(log.iter().filter(|l| l.starts_with("start") || l.starts_with("end")).count(), 8);
}

#[test]
fn a_right_answer_with_a_wrong_exit_code_is_a_runtime_error() {
    let mut program = a_program(vec![file("a.scr", "")]);
    program.tests = vec![case("1", "", Some("x"))];
    let answer = Answer { outcome: Outcome::Exited(1), ..prints("x") };
    assert_eq!(judged("script", &program, &mut scripted([answer]), &NoCache).0.verdict, Verdict::RuntimeError);
}

#[test]
fn cancellation_ends_the_run_at_once() {
    let mut program = a_program(vec![file("a.scr", "")]);
    program.tests = (0..5).map(|n| case(&n.to_string(), "", None)).collect();
    let language = language("script");
    let mut log = Log { cancel_after: Some(4), ..Log::default() };
    let request = request(&program, &language, Bytes::mib(1));
    let report = judge(&request, &mut scripted([prints(""), prints("")]), &NoCache, &mut log).unwrap();
    assert_eq!((report.verdict, report.cases.len()), (Verdict::Cancelled, 2));
}

#[test]
fn a_failure_of_the_executor_is_never_a_verdict() {
    for (id, source) in [("script", "a.scr"), ("compiled", "main.src")] {
        let failure = ExecuteError { transient: true, source: "no cell".into() };
        let mut executor = Scripted { answers: [Err(failure)].into(), asked: Vec::new() };
        let (program, language) = (a_program(vec![file(source, "")]), language(id));
        let request = request(&program, &language, Bytes::mib(1));
        assert!(judge(&request, &mut executor, &NoCache, &mut Log::default()).is_err());
    }
}

#[test]
fn outputs_of_all_streams_share_one_bound_and_are_judged_completely() {
    let mut program = a_program(vec![file("a.scr", "")]);
    let big = "x".repeat(300 << 10);
    program.tests = (0..20).map(|n| case(&n.to_string(), "", Some(&big))).collect();
    let talks = || Answer { stderr: big.clone().into_bytes(), ..prints(&big) };
    let (report, _) = judged("script", &program, &mut scripted((0..20).map(|_| talks())), &NoCache);
    assert_eq!(report.verdict, Verdict::Accepted, "output that is not stored is also compared");
    let streams = || report.cases.iter().flat_map(|c| [&c.step.stdout, &c.step.stderr]);
    assert_eq!(streams().map(|s| s.data.len()).sum::<usize>(), 1 << 20);
    assert!(streams().take(2).all(|s| s.data.len() == big.len() && !s.truncated));
    assert!(
        streams().skip(4).all(|s| s.data.len() == STREAM_BYTES_SPARSE && s.truncated),
        "all streams show their beginning"
    );
}

#[test]
fn the_compiler_and_a_single_execution_share_the_bound() {
    let left = vec![file("main", "binary")];
    let warns = Answer { stderr: vec![b'w'; 700], ..leaves(left.clone()) };
    let talks = Answer { stderr: vec![b'e'; 1 << 20], ..prints(&"x".repeat(1 << 20)) };
    let mut executor = scripted([warns, leaves(left), talks]);
    let (report, _) = judged("compiled", &a_program(vec![file("main.src", "")]), &mut executor, &NoCache);
    let (compile, step) = (report.compile.unwrap(), report.execution.unwrap());
    assert_eq!((compile.output.data.len(), compile.output.truncated), (700, false));
    assert_eq!((step.stderr.data.len(), step.stderr.truncated), (STREAM_BYTES_SPARSE, true));
    assert_eq!((step.stdout.data.len(), step.stdout.truncated), ((1 << 20) - 700 - STREAM_BYTES_SPARSE, true));
}

#[test]
fn a_bound_that_is_too_small_for_all_streams_is_still_enforced() {
    let mut program = a_program(vec![file("a.scr", "")]);
    program.tests = (0..9).map(|n| case(&n.to_string(), "", None)).collect();
    let language = language("script");
    let request = request(&program, &language, Bytes::new(10));
    let mut executor = scripted((0..9).map(|_| prints("output")));
    let report = judge(&request, &mut executor, &NoCache, &mut Log::default()).unwrap();
    assert!(report.cases.iter().map(|c| c.step.stdout.data.len()).sum::<usize>() <= 10);
    assert!(report.cases[8].step.stdout.truncated);
}

/// Returns the answer of a program that ends with this outcome after it wrote this text to standard error.
fn writes_stderr(stderr: &str, outcome: Outcome) -> Answer {
    Answer { stderr: stderr.into(), ..ends(outcome) }
}

#[test]
fn the_exception_that_ended_a_program_is_its_message() {
    let traceback = "debug\nat main.scr 3\nat /lib/other 9\nValueError: bad\n";
    let one = || a_program(vec![file("main.scr", "x")]);
    for (stderr, outcome, message) in [
        (traceback, Outcome::Exited(1), Some("ValueError: bad (line 3)")),
        (traceback, Outcome::Signalled(Signal(6)), Some("ValueError: bad (line 3)")),
        (traceback, Outcome::Exited(0), None),
        ("debug\n", Outcome::Exited(1), None),
        (traceback, Outcome::TimeLimit, Some("time limit of 10000 ms exceeded")),
        ("write: No space left on device\n", Outcome::Exited(3), Some("disk limit of 64 MiB in 4096 files exceeded")),
        ("write: No space left on device\n", Outcome::Exited(0), None),
        (
            "OSError: [Errno 28] No space left on device\nValueError: no space left on device\n",
            Outcome::Exited(1),
            Some("ValueError: no space left on device; disk limit of 64 MiB in 4096 files exceeded"),
        ),
    ] {
        let (report, _) = judged("script", &one(), &mut scripted([writes_stderr(stderr, outcome)]), &NoCache);
        assert_eq!(report.message.as_deref(), message, "{outcome:?}");
        assert_eq!(report.verdict, Verdict::of_outcome(outcome));
    }
    let program = Program { tests: vec![case("a", "", None), case("b", "", None)], ..one() };
    let answers = [prints(""), writes_stderr(traceback, Outcome::Exited(1))];
    let (report, _) = judged("script", &program, &mut scripted(answers), &NoCache);
    assert_eq!(report.message.as_deref(), Some("test b: ValueError: bad (line 3)"));
}

#[test]
fn an_exception_is_found_after_more_output_than_the_report_keeps() {
    let program = a_program(vec![file("main.scr", "x")]);
    let stderr = "noise\n".repeat(1 << 20) + "ValueError: bad\n";
    let language = language("script");
    let request = request(&program, &language, Bytes::kib(1));
    let mut executor = scripted([writes_stderr(&stderr, Outcome::Exited(1))]);
    let report = judge(&request, &mut executor, &NoCache, &mut Log::default()).unwrap();
    assert_eq!(report.message.as_deref(), Some("ValueError: bad"));
    assert!(report.execution.unwrap().stderr.truncated);
}

#[test]
fn a_full_language_heap_is_the_memory_limit() {
    let program = a_program(vec![file("main.scr", "x")]);
    let program = Program { tests: vec![case("a", "", Some("1"))], ..program };
    let (report, log) =
        judged("script", &program, &mut scripted([writes_stderr("HeapError\n", Outcome::Exited(1))]), &NoCache);
    assert_eq!((report.verdict, report.cases[0].verdict), (Verdict::MemoryLimit, Verdict::MemoryLimit));
    assert_eq!((report.cases[0].step.outcome, report.cases[0].step.exit_code), (Outcome::MemoryLimit, Some(1)));
    assert_eq!(report.message.as_deref(), Some("test a: memory limit of 256 MiB exceeded: HeapError"));
    assert_eq!(log.last().map(String::as_str), Some("end a MLE"));
}

/// Regression: the sandbox refused the execution, because a file was also the directory of another file.
#[test]
fn a_submitted_file_that_cannot_exist_beside_an_artifact_is_omitted() {
    let artifact = |path| leaves(vec![file(path, "binary")]);
    let mut language = language("compiled");
    language.artifacts.clear();
    for (left, sent) in [("main", "main"), ("main", "main/.keep"), ("main/x", "main")] {
        let program = a_program(vec![file("main.src", ""), file(sent, ""), file("main.txt", "")]);
        let request = request(&program, &language, Bytes::mib(1));
        let mut executor = scripted([artifact(left), artifact(left), prints("")]);
        judge(&request, &mut executor, &NoCache, &mut Log::default()).unwrap();
        assert_eq!(executor.asked[2].files, [left, "main.txt"], "{sent}");
    }
}

/// Regression: the sandbox refused such a command, and the run ended as an internal failure.
#[test]
fn a_command_that_is_too_long_is_a_compile_error_that_says_so() {
    let long = || vec!["x".repeat(50 << 10)];
    let tools = ToolOptions { compiler_args: long(), linker_args: long(), ..ToolOptions::NONE };
    let compiled = Program { tools, ..a_program(vec![file("main.src", "")]) };
    let env = vec![("MINE".into(), "x".repeat(50 << 10))];
    let started = Program { args: long(), env, ..a_program(vec![file("a.scr", "")]) };
    for (id, program, what) in
        [("compiled", compiled, "the compile command"), ("script", started, "the command that starts the program")]
    {
        let mut executor = scripted([]);
        let (report, _) = judged(id, &program, &mut executor, &NoCache);
        let message = report.message.unwrap();
        assert_eq!((report.verdict, executor.asked.len()), (Verdict::CompileError, 0), "{message}");
        assert!(message.starts_with(what) && message.contains("the maximum is 96 KiB"), "{message}");
    }
}

/// Judges a run of three tests whose executions may take `seconds` in total.
fn judged_within(seconds: u64, answers: Vec<Answer>) -> (RunReport, Scripted) {
    let language = language("script");
    let tests = ["1", "2", "3"].map(|name| case(name, "", None)).into();
    let program = Program { tests, ..a_program(vec![file("a.scr", "")]) };
    let request =
        JudgeRequest { time_max: Duration::from_secs(seconds), ..request(&program, &language, Bytes::mib(1)) };
    let mut executor = scripted(answers);
    let report = judge(&request, &mut executor, &NoCache, &mut Log::default()).unwrap();
    (report, executor)
}

fn verdicts(report: &RunReport) -> Vec<Verdict> {
    report.cases.iter().map(|case| case.verdict).collect()
}

#[test]
fn a_run_over_its_total_time_ends_with_tle_and_the_remaining_tests_are_skipped() {
    let slow = |outcome, seconds| Answer { cpu_time: Duration::from_secs(seconds), ..ends(outcome) };
    let (report, executor) = judged_within(3, vec![slow(Outcome::Exited(0), 2), slow(Outcome::WallLimit, 1)]);
    assert_eq!(report.verdict, Verdict::TimeLimit);
    assert_eq!(verdicts(&report), [Verdict::Accepted, Verdict::TimeLimit, Verdict::Skipped]);
    let walls: Vec<_> = executor.asked.iter().map(|asked| asked.limits.wall_time.as_secs()).collect();
    assert_eq!(walls, [3, 1], "each test gets the remaining time");
    assert_eq!(
        report.message.as_deref(),
        Some("time limit of 3000 ms for all executions of the run exceeded; the last test was skipped")
    );
    assert_eq!(
        report.cases[1].step.outcome,
        Outcome::Cancelled,
        "the total time of the run ended the test, not a limit of its own"
    );
}

#[test]
fn a_run_whose_total_time_ends_between_two_tests_is_not_accepted() {
    let slow = Answer { cpu_time: Duration::from_secs(3), ..ends(Outcome::Exited(0)) };
    let (report, _) = judged_within(3, vec![slow]);
    assert_eq!(report.verdict, Verdict::TimeLimit);
    assert_eq!(verdicts(&report), [Verdict::Accepted, Verdict::Skipped, Verdict::Skipped]);
}

#[test]
fn a_run_that_uses_its_total_time_up_in_its_last_test_is_accepted() {
    let (report, _) = judged_within(3, vec![prints(""), prints(""), prints("")]);
    assert_eq!((report.verdict, report.message), (Verdict::Accepted, None));
}

fn fetched(path: &str, bytes: usize) -> FetchedFile {
    let content = Output { data: vec![b'f'; bytes].into(), truncated: false };
    FetchedFile { path: BoxPath::new(path).unwrap(), content }
}

#[test]
fn the_files_that_a_program_asked_for_are_in_its_report() {
    let paths = vec![BoxPath::new("out.txt").unwrap(), BoxPath::new("plot/a.png").unwrap()];
    let program = Program { fetch: paths.clone(), ..a_program(vec![file("main.scr", "x")]) };
    let files = vec![fetched("out.txt", 5)];
    let answer = Answer { fetched: files.clone(), ..ends(Outcome::Exited(1)) };
    let mut executor = scripted([answer]);
    let (report, _) = judged("script", &program, &mut executor, &NoCache);
    assert_eq!(executor.asked[0].collect, Collect::Named { paths, keep: Bytes::mib(1), find: None });
    assert_eq!(report.files, files);
}

#[test]
fn files_that_are_read_back_share_the_bound_on_kept_output() {
    let fetch = vec![BoxPath::new("a").unwrap(), BoxPath::new("b").unwrap()];
    let program = Program { fetch, ..a_program(vec![file("main.scr", "x")]) };
    let language = language("script");
    let request = request(&program, &language, Bytes::new(1000));
    let stdout = vec![b'o'; 300];
    let answer = Answer { stdout, fetched: vec![fetched("a", 600), fetched("b", 600)], ..ends(Outcome::Exited(0)) };
    let report = judge(&request, &mut scripted([answer]), &NoCache, &mut Log::default()).unwrap();
    let sizes: Vec<_> = report.files.iter().map(|file| (file.content.data.len(), file.content.truncated)).collect();
    assert_eq!(sizes, [(600, false), (100, true)]);
}

#[test]
fn the_files_that_match_a_pattern_are_the_artifacts_of_a_run() {
    let artifacts = vec![PathPattern::new("*.txt").unwrap()];
    let program = Program { artifacts, ..a_program(vec![file("main.scr", "x"), file("sent.txt", "same")]) };
    let found = |path: &str, text: &str| FoundFile {
        path: BoxPath::new(path).unwrap(),
        size: Bytes::new(text.len() as u64),
        data: Some(text.as_bytes().into()),
    };
    let files = vec![found("new.txt", "abc"), found("sent.txt", "same")];
    let answer = Answer { found: FoundFiles { files, has_more: false }, ..ends(Outcome::Exited(1)) };
    let mut executor = scripted([answer]);
    let (report, _) = judged("script", &program, &mut executor, &NoCache);
    let Collect::Named { paths, find: Some(find), .. } = &executor.asked[0].collect else {
        panic!("{:?}", executor.asked[0].collect)
    };
    assert_eq!((paths.len(), find.patterns.as_slice()), (0, program.artifacts.as_slice()));
    let [Artifact { path, size, content: Ok(content) }] = report.artifacts.files.as_slice() else {
        panic!("{:?}", report.artifacts)
    };
    assert_eq!((path.as_str(), *size, &*content.data), ("new.txt", Bytes::new(3), &b"abc"[..]));
    assert_eq!(content.media_type, "text/plain; charset=utf-8");
    let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(content.hash.to_string(), abc);
}

#[test]
fn output_leaves_less_room_for_artifacts() {
    let artifacts = vec![PathPattern::new("*").unwrap()];
    let program = Program { artifacts, ..a_program(vec![file("main.scr", "x")]) };
    let language = language("script");
    let request = request(&program, &language, Bytes::new(1000));
    let found = |path: &str, bytes: usize| FoundFile {
        path: BoxPath::new(path).unwrap(),
        size: Bytes::new(bytes as u64),
        data: Some(vec![1; bytes].into()),
    };
    let found = FoundFiles { files: vec![found("a", 600), found("b", 300)], has_more: true };
    let answer = Answer { stdout: vec![b'o'; 500], found, ..ends(Outcome::Exited(0)) };
    let report = judge(&request, &mut scripted([answer]), &NoCache, &mut Log::default()).unwrap();
    let reasons: Vec<_> = report.artifacts.files.iter().map(|file| file.content.as_ref().err().copied()).collect();
    assert_eq!((reasons, report.artifacts.has_more), (vec![Some(Omission::NoRoom), None], true));
}

#[test]
fn a_program_with_tests_reads_no_files_back() {
    let fetch = vec![BoxPath::new("a").unwrap()];
    let artifacts = vec![PathPattern::new("*").unwrap()];
    let program =
        Program { fetch, artifacts, tests: vec![case("1", "", None)], ..a_program(vec![file("main.scr", "x")]) };
    let mut executor = scripted([prints("")]);
    let (report, _) = judged("script", &program, &mut executor, &NoCache);
    assert_eq!((&executor.asked[0].collect, report.files), (&Collect::Nothing, Vec::new()));
}

#[test]
fn at_most_a_hundred_files_and_16_kib_of_paths_are_read_back() {
    let named = |count: usize, length: usize| {
        let path = |n: usize| BoxPath::new(&format!("{n:0length$}")).unwrap();
        Program { fetch: (0..count).map(path).collect(), ..a_program(vec![file("main.scr", "x")]) }
    };
    assert_eq!(named(100, 3).fetched_paths().len(), 100);
    assert_eq!(named(101, 3).fetched_paths().len(), 100);
    assert_eq!(named(100, 250).fetched_paths().len(), (16 << 10) / 250);
}

/// The site translates these messages (`web/src/i18n/judge.ts`), and its test reads the same list. `UPDATE_DOCS=1`
/// writes the list instead.
#[test]
fn the_list_of_messages_for_the_site_is_up_to_date() {
    // Each function names the next variant, so that a new variant does not compile until it is in the list.
    let next_difference = |what: &Differs| match what {
        Differs::Word => Some(Differs::Number),
        Differs::Number => Some(Differs::Space),
        Differs::Space => Some(Differs::Missing),
        Differs::Missing => Some(Differs::Trailing),
        Differs::Trailing => Some(Differs::Others),
        Differs::Others => Some(Differs::NoLine),
        Differs::NoLine => Some(Differs::Count),
        Differs::Count => None,
    };
    let next_outcome = |outcome: &Outcome| match outcome {
        Outcome::Exited(_) => Some(Outcome::Signalled(Signal(25))),
        Outcome::Signalled(_) => Some(Outcome::TimeLimit),
        Outcome::TimeLimit => Some(Outcome::WallLimit),
        Outcome::WallLimit => Some(Outcome::IdleLimit),
        Outcome::IdleLimit => Some(Outcome::InstructionLimit),
        Outcome::InstructionLimit => Some(Outcome::MemoryLimit),
        Outcome::MemoryLimit => Some(Outcome::OutputLimit),
        Outcome::OutputLimit => Some(Outcome::DiskLimit),
        Outcome::DiskLimit => Some(Outcome::Cancelled),
        Outcome::Cancelled => None,
    };
    let mut list = Vec::new();
    for what in std::iter::successors(Some(Differs::Word), next_difference) {
        let (expected, actual) = if what == Differs::NoLine { ("2 lines", "") } else { ("10", "9") };
        let difference = Difference {
            what,
            word: 1,
            line: 2,
            answer_at: 0,
            output_at: 0,
            expected: expected.into(),
            actual: actual.into(),
        };
        list.push(difference.for_author());
    }
    list.push(crate::compare::share_message(1, 2));
    let limits = Limits { instructions: Some(Instructions::new(1000)), inodes: 4096, ..Limits::default() };
    list.extend(std::iter::successors(Some(Outcome::Exited(0)), next_outcome).filter_map(|one| limits.exceeded(one)));
    list.push(overdue_message(Duration::from_secs(3)));
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/judge/messages.txt");
    let text = list.join("\n") + "\n";
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path, &text).unwrap();
    }
    assert_eq!(std::fs::read_to_string(path).unwrap(), text, "messages.txt differs from the judge's messages");
}
