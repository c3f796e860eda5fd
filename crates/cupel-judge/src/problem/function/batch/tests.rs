//! Checks which tests share a process, and when a batch counts. The driver and the program are scripted.

use std::io::Read;
use std::os::fd::OwnedFd;

use cupel_languages::Registry;
use cupel_package::{ImportOptions, import};
use cupel_types::{BoxFile, BoxFiles, BoxPath, Bytes, LimitsRequest, UserId, Verdict};

use super::*;
use crate::executor::StepResult;
use crate::problem::{ProblemReport, ProblemRequest, judge_problem};
use crate::scripted::{Answers, SCRIPT};
use crate::{Executor, JudgeEvent, NoCache};

const PROBLEM: &str = "title = \"F\"\nslug = \"f\"\n\n[limits]\ntime = 2.0\nmemory_mib = 256\n\n[function]\nname = \"f\"\n\
    parameters = [{ name = \"n\", type = \"int\" }]\nreturns = \"int\"\n";

/// Reaction of the program to a test.
#[derive(Clone, Copy)]
enum Reply {
    Returns(i64),
    /// Prints this before it returns.
    PrintsAnd(&'static str, i64),
    /// Writes this to the channel, with the nonce in place of `@`.
    Writes(&'static str),
    Exits(i32),
    /// A limit ends it.
    Reaches(Outcome),
}

/// A program: its reaction to an argument, given the arguments of the earlier tests in the same process.
type Program = fn(&[i64], i64) -> Reply;

fn doubles(_: &[i64], n: i64) -> Reply {
    Reply::Returns(2 * n)
}

/// The usage of a process with this many tests.
type UsageOf = fn(usize) -> Usage;

/// A driver and a program in a process, as they appear to the judge.
struct Process {
    program: Program,
    usage: UsageOf,
    /// The tests of each process so far.
    processes: Vec<Vec<i64>>,
    /// Bytes that the current process has written to the channel.
    written: u64,
    /// Whether the executor fails for a process with several tests.
    fails: bool,
}

/// The input of the driver: an end of the pipe, or the whole input.
enum Input<'a> {
    Pipe(&'a OwnedFd),
    Whole(Option<Vec<u8>>),
}

impl Input<'_> {
    /// The data that arrived since the last answer. `None` at the end of the input.
    fn receive(&mut self) -> Option<String> {
        let data = match self {
            Input::Pipe(pipe) => {
                let mut data = vec![0; 1 << 16];
                let length = std::fs::File::from(pipe.try_clone().unwrap()).read(&mut data).unwrap();
                data.truncate(length);
                data
            }
            Input::Whole(data) => data.take().unwrap_or_default(),
        };
        (!data.is_empty()).then(|| String::from_utf8(data).unwrap())
    }
}

impl Process {
    fn new(program: Program) -> Process {
        let usage = |tests| Usage {
            cpu_time: Duration::from_millis(70 + tests as u64),
            memory: Bytes::mib(40),
            ..Usage::default()
        };
        Process { program, usage, processes: Vec::new(), written: 0, fails: false }
    }

    /// Reacts to tests until the process ends.
    fn ended(&mut self, mut input: Input<'_>, observer: &mut dyn StepObserver, had: &mut Vec<i64>) -> Outcome {
        let is_batch = matches!(input, Input::Pipe(_));
        let mut begin = true;
        while let Some(received) = input.receive() {
            let mut lines = received.lines();
            if is_batch && begin {
                assert_eq!(lines.next(), Some("function - f int 1 int"));
            }
            let header = lines.next().unwrap();
            let nonce = header.split(' ').next().unwrap();
            if !is_batch {
                assert_eq!(lines.next(), Some("function - f int 1 int"));
            }
            let n: i64 = lines.next().unwrap().parse().unwrap();
            assert_eq!(lines.next(), None, "a test arrives only after the answer to the one before");
            if is_batch && begin {
                observer.result(format!("{nonce} ready\n").as_bytes());
            }
            begin = false;
            let reply = (self.program)(had, n);
            had.push(n);
            let value = match reply {
                Reply::Returns(value) => value,
                Reply::PrintsAnd(text, value) => {
                    observer.stdout(text.as_bytes());
                    self.written = text.len() as u64;
                    value
                }
                Reply::Writes(text) => {
                    observer.result(text.replace('@', nonce).as_bytes());
                    continue;
                }
                Reply::Exits(code) => return Outcome::Exited(code),
                Reply::Reaches(outcome) => return outcome,
            };
            let value = format!("{value}\n");
            let length = if is_batch { format!(" {}", value.len()) } else { String::new() };
            let frame = format!("{nonce} ok{length}\n{value}");
            observer.result(frame.as_bytes());
            self.written += frame.len() as u64;
        }
        Outcome::Exited(0)
    }
}

impl Executor for Process {
    fn execute(&mut self, step: StepInput<'_>, observer: &mut dyn StepObserver) -> Result<StepResult, ExecuteError> {
        let is_batch = step.argv.last().is_some_and(|word| word == BATCH_ARGUMENT);
        let input = match &step.stdin {
            StdinSource::Descriptor(pipe) if is_batch => Input::Pipe(pipe),
            StdinSource::Bytes(bytes) if !is_batch => Input::Whole(Some(bytes.to_vec())),
            other => panic!("{other:?}"),
        };
        if is_batch && self.fails {
            return Err(ExecuteError { transient: true, source: "the lane is gone".into() });
        }
        let mut had = Vec::new();
        self.written = 0;
        let outcome = self.ended(input, observer, &mut had);
        let usage = Usage { output: Bytes::new(self.written), ..(self.usage)(had.len()) };
        if is_batch {
            assert_eq!(step.limits.cpu_time, Duration::from_secs(1), "half of the limit");
        }
        self.processes.push(had);
        let exit_code = if let Outcome::Exited(code) = outcome { Some(code) } else { None };
        let report = StepReport {
            outcome,
            exit_code,
            signal: None,
            stdout: Output::default(),
            stderr: Output::default(),
            usage,
        };
        Ok(StepResult {
            report,
            files: BoxFiles::default(),
            files_truncated: false,
            fetched: Vec::new(),
            found: Default::default(),
        })
    }
}

#[derive(Default)]
struct Events(Vec<String>);

impl JudgeObserver for Events {
    fn event(&mut self, event: JudgeEvent<'_>) {
        match event {
            JudgeEvent::ExecutionStarted { case } => self.0.push(format!("+{}", case.unwrap())),
            JudgeEvent::ExecutionEnded { case, .. } => self.0.push(format!("-{}", case.unwrap())),
            _ => {}
        }
    }
}

/// A problem that doubles numbers.
struct World {
    languages: Registry,
    package: Package,
    dir: tempfile::TempDir,
}

impl World {
    /// Tests are pairs of a group and an argument; the expected result is twice the argument.
    fn new(problem: &str, tests: &[(&str, i64)]) -> World {
        let dir = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("languages/script.toml", &SCRIPT.replace("version =", "driver = \"python\"\nversion ="));
        write("p/problem.toml", problem);
        write("p/statement.md", "# F\n");
        for (at, (group, n)) in tests.iter().enumerate() {
            write(&format!("p/tests/{group}/{:02}.in", at + 1), &format!("{n}\n"));
            write(&format!("p/tests/{group}/{:02}.out", at + 1), &format!("{}\n", 2 * n));
        }
        let mut languages = Registry::load(Some(&dir.path().join("languages"))).unwrap();
        languages.probe(&Answers);
        let imported = import(&dir.path().join("p"), &dir.path().join("i"), &ImportOptions::new(&languages)).unwrap();
        World { languages, package: imported.package, dir }
    }

    /// A sample and secret tests with the arguments 1, 2, ….
    fn of(count: i64) -> World {
        let secret = (1..=count).map(|n| ("secret", n));
        World::new(PROBLEM, &[("sample", 100)].into_iter().chain(secret).collect::<Vec<_>>())
    }

    fn judge_with(&self, process: &mut Process, function_batches: bool) -> (ProblemReport, Vec<String>) {
        let source = BoxFile { path: BoxPath::new("a.scr").unwrap(), data: b"x".as_slice().into(), executable: false };
        let files = BoxFiles::new(vec![source]);
        let request = ProblemRequest {
            package: &self.package,
            files: &files,
            language: self.languages.find("script").unwrap(),
            entry_point: None,
            languages: &self.languages,
            limits: LimitsRequest::default(),
            all_cases: true,
            owner: UserId::from_uuid(uuid::Uuid::nil()),
            function_batches,
        };
        let mut events = Events::default();
        let report = judge_problem(&request, process, &NoCache, &mut events).unwrap();
        (report, events.0)
    }

    fn judge(&self, process: &mut Process) -> ProblemReport {
        self.judge_with(process, true).0
    }
}

fn verdicts(report: &ProblemReport) -> Vec<Verdict> {
    report.cases.iter().map(|case| case.verdict).collect()
}

/// Judges with and without batches, and requires equal reports. Returns the tests of each process with batches.
fn processes_of(world: &World, mut process: Process) -> Vec<Vec<i64>> {
    let of_each = |report: &ProblemReport| {
        let case = |case: &crate::problem::ProblemCaseReport| {
            (case.id.clone(), case.verdict, case.causes.clone(), case.judge_message.clone(), case.usage.output)
        };
        (report.verdict, report.message.clone(), report.cases.iter().map(case).collect::<Vec<_>>())
    };
    let (alone, _) = world.judge_with(&mut process, false);
    assert!(alone.cases.iter().all(|case| !case.in_batch));
    process.processes.clear();
    let (together, events) = world.judge_with(&mut process, true);
    assert_eq!(of_each(&together), of_each(&alone));
    let expected = alone.cases.iter().flat_map(|case| [format!("+{}", case.id), format!("-{}", case.id)]);
    assert_eq!(events, expected.collect::<Vec<_>>());
    process.processes
}

fn each_alone(count: i64) -> impl Iterator<Item = Vec<i64>> {
    (1..=count).map(|n| vec![n])
}

#[test]
fn hidden_tests_share_a_process_and_samples_do_not() {
    assert_eq!(processes_of(&World::of(5), Process::new(doubles)), [vec![100], vec![1, 2, 3, 4], vec![5]]);
}

#[test]
fn a_process_gets_a_bounded_number_of_tests() {
    let processes = processes_of(&World::of(70), Process::new(doubles));
    assert_eq!(processes.iter().map(Vec::len).collect::<Vec<_>>(), [1, TESTS_MAX, 5, 1]);
}

#[test]
fn groups_do_not_share_a_process() {
    let groups = ["a", "b", "c"].map(|name| format!("[[groups]]\nname = \"{name}\"\npoints = 1\n"));
    let problem = format!("{PROBLEM}\n{}", groups.concat());
    let tests = [("a", 1), ("a", 2), ("b", 3), ("b", 4), ("b", 5), ("c", 6), ("c", 7), ("c", 8)];
    let processes = processes_of(&World::new(&problem, &tests), Process::new(doubles));
    assert_eq!(processes, [vec![1], vec![2], vec![3, 4], vec![5], vec![6, 7], vec![8]]);
}

#[test]
fn a_batch_that_is_not_entirely_right_does_not_count_and_is_the_last() {
    let programs: [(&str, Program); 11] = [
        ("wrong", |_, n| Reply::Returns(if n == 4 { 0 } else { 2 * n })),
        ("wrong because of leftovers", |had, n| Reply::Returns(if had.is_empty() { 2 * n } else { 0 })),
        ("prints", |_, n| if n == 4 { Reply::PrintsAnd("x\n", 8) } else { Reply::Returns(2 * n) }),
        ("exits early", |_, n| if n == 4 { Reply::Exits(0) } else { Reply::Returns(2 * n) }),
        ("crashes", |_, n| if n == 4 { Reply::Exits(1) } else { Reply::Returns(2 * n) }),
        ("loops", |_, n| if n == 4 { Reply::Reaches(Outcome::TimeLimit) } else { Reply::Returns(2 * n) }),
        ("waits", |_, n| if n == 4 { Reply::Reaches(Outcome::IdleLimit) } else { Reply::Returns(2 * n) }),
        ("returns another type", |_, n| {
            if n == 4 { Reply::Writes("@ wrong\nexpected int, got string\n") } else { Reply::Returns(2 * n) }
        }),
        ("is gone", |_, n| if n == 4 { Reply::Writes("@ missing\nnot found\n") } else { Reply::Returns(2 * n) }),
        ("writes junk", |_, n| if n == 4 { Reply::Writes("junk\n") } else { Reply::Returns(2 * n) }),
        ("guesses a nonce", |_, n| if n == 4 { Reply::Writes("guess ok 2\n8\n") } else { Reply::Returns(2 * n) }),
    ];
    for (name, program) in programs {
        let processes = processes_of(&World::of(6), Process::new(program));
        let alone: Vec<_> = [vec![100]].into_iter().chain(each_alone(6)).collect();
        let without_batch: Vec<_> = processes.iter().filter(|tests| tests.len() == 1).cloned().collect();
        assert_eq!(without_batch, alone, "{name}");
        assert_eq!(processes.len(), alone.len() + 1, "{name}: there is one batch");
    }
}

#[test]
fn an_answer_ahead_of_its_test_does_not_count() {
    // The answer to the next test has the nonce of this one, because the program does not know the next.
    let program = |_: &[i64], n| match n {
        2 => Reply::Writes("@ ok 2\n4\n@ ok 2\n6\n"),
        _ => Reply::Returns(2 * n),
    };
    let mut process = Process::new(program);
    let report = World::of(4).judge(&mut process);
    assert!(report.cases.iter().all(|case| !case.in_batch));
}

#[test]
fn a_batch_ends_at_the_first_wrong_answer() {
    let mut process = Process::new(|_, n| Reply::Returns(if n == 3 { 0 } else { 2 * n }));
    World::of(6).judge(&mut process);
    assert_eq!(process.processes[1], [1, 2, 3]);
}

#[test]
fn a_program_that_needs_earlier_calls_is_not_accepted() {
    let program: Program = |had, n| Reply::Returns(if n == 1 || n == 100 || !had.is_empty() { 2 * n } else { 0 });
    let mut process = Process::new(program);
    let report = World::of(5).judge(&mut process);
    assert_eq!(process.processes, [vec![100], vec![1, 2, 3, 4], vec![5]]);
    // The tests of the batch are accepted; the last test is not.
    assert_eq!(verdicts(&report)[1..], [[Verdict::Accepted; 4].as_slice(), &[Verdict::WrongAnswer]].concat());
    assert_eq!(report.verdict, Verdict::WrongAnswer);
}

#[test]
fn a_batch_near_a_limit_does_not_count() {
    let world = World::of(3);
    let usage: [(&str, UsageOf, usize); 3] = [
        ("far", |_| Usage { cpu_time: Duration::from_secs(1), memory: Bytes::mib(128), ..Usage::default() }, 3),
        ("time", |_| Usage { cpu_time: Duration::from_millis(1001), memory: Bytes::mib(1), ..Usage::default() }, 5),
        ("memory", |_| Usage { cpu_time: Duration::from_millis(1), memory: Bytes::mib(129), ..Usage::default() }, 5),
    ];
    for (name, usage, processes) in usage {
        let mut process = Process { usage, ..Process::new(doubles) };
        let report = world.judge(&mut process);
        assert_eq!(verdicts(&report), [Verdict::Accepted; 4], "{name}");
        assert_eq!(process.processes.len(), processes, "{name}");
    }
}

#[test]
fn the_shares_of_a_batch_are_within_its_usage() {
    let mut process = Process::new(doubles);
    let report = World::of(5).judge(&mut process);
    for case in report.cases.iter().filter(|case| case.in_batch) {
        let usage = &case.usage;
        assert!(usage.cpu_time <= Duration::from_millis(75), "{usage:?}");
        assert_eq!(usage.cpu_user + usage.cpu_system, usage.cpu_time);
        assert_eq!(usage.memory, Bytes::mib(40));
    }
}

#[test]
fn the_share_of_a_test_is_the_process_without_the_other_tests() {
    let usage = Usage {
        cpu_time: Duration::from_millis(100),
        cpu_user: Duration::from_millis(80),
        cpu_system: Duration::from_millis(20),
        wall_time: Duration::from_millis(200),
        ..Usage::default()
    };
    let own = without(&usage, 0.25);
    assert_eq!((own.cpu_time, own.wall_time), (Duration::from_millis(75), Duration::from_millis(150)));
    assert_eq!((own.cpu_user, own.cpu_system), (Duration::from_millis(60), Duration::from_millis(15)));
    assert_eq!(without(&usage, 0.0), usage);
    assert_eq!(without(&usage, 1.5).cpu_time, Duration::ZERO);
}

#[test]
fn a_failed_batch_is_no_failure_of_the_run() {
    let mut process = Process { fails: true, ..Process::new(doubles) };
    let report = World::of(3).judge(&mut process);
    assert_eq!(verdicts(&report), [Verdict::Accepted; 4]);
    assert_eq!(process.processes, [vec![100], vec![1], vec![2], vec![3]]);
}

#[test]
fn a_faulty_test_is_reported_when_it_is_judged() {
    let world = World::of(4);
    std::fs::write(world.dir.path().join("i/tests/secret/04.in"), "x\n").unwrap();
    let mut process = Process::new(doubles);
    let report = world.judge(&mut process);
    assert_eq!(
        verdicts(&report)[..4],
        [Verdict::Accepted, Verdict::Accepted, Verdict::Accepted, Verdict::InternalError]
    );
    assert_eq!(process.processes, [vec![100], vec![1, 2]]);
}

#[test]
fn large_tests_have_processes_of_their_own() {
    let problem = PROBLEM.replace("name = \"n\", type = \"int\"", "name = \"n\", type = \"string\"");
    let world = World::of(1);
    let package = world.dir.path().join("q");
    std::fs::create_dir_all(package.join("tests/secret")).unwrap();
    let write = |name: &str, text: &str| std::fs::write(package.join(name), text).unwrap();
    write("problem.toml", &problem);
    write("statement.md", "# F\n");
    let large = |input: usize, answer: usize| {
        write("tests/secret/1.in", &format!("\"{}\"\n", "x".repeat(input)));
        write("tests/secret/1.out", &format!("1{}\n", " ".repeat(answer)));
        let target = world.dir.path().join(format!("i-{input}-{answer}"));
        let imported = import(&package, &target, &ImportOptions::new(&world.languages)).unwrap();
        let package = imported.package;
        let case = package.problem.tests.cases().next().unwrap();
        Test::of(&package, package.problem.signature.as_ref().unwrap(), case).is_none()
    };
    assert!(!large(LINES_MAX - 100, 1));
    assert!(large(LINES_MAX, 1));
    assert!(large(1, ANSWER_MAX as usize));
}
