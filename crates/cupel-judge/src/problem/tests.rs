//! Judging a problem with a scripted executor: the cases that are run, repeated and skipped, and the results.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use cupel_languages::Registry;
use cupel_problem::{
    AfterInteraction, Aggregate, Calibration, Case, CasePoints, Checker, Comparison, ContentHash, ExampleSubmission,
    Feedback, FileRef, Hints, InputValidator, Interactor, JudgeProgram, Licence, Method, Objective, OnOutputLimit,
    OwnLimits, Passes, Problem, ProblemLimits, Program, ProgramFile, ProgramIo, ProgramShape, Protocol, Slug, Tests,
    TimeLimit, Titles, TokenRules, Trials, ValidatorArgs, VerdictRule, Visibility,
};
use cupel_types::{BoxPath, Bytes, FoundFiles, Outcome, Output, Start, StepReport, Usage};

use super::*;
use crate::executor::{Collect, Interaction, InteractionResult, Party, StepInput, StepObserver, StepResult};
use crate::scripted::{Answers, SCRIPT};
use crate::{JudgeEvent, NoCache};

// ---- the problem ------------------------------------------------------------------------------------

/// A package in a directory. The input of each case is the name of the case; its answer is `ok`.
pub(super) struct Fixture {
    dir: tempfile::TempDir,
    pub(super) languages: Registry,
    pub(super) limits: ProblemLimits,
    method: Arc<Method>,
    passes: Passes,
    pub(super) submissions: Vec<ExampleSubmission>,
    pub(super) validators: Vec<InputValidator>,
    pub(super) trials: Trials,
    pub(super) scoring: Scoring,
    /// How the data of all cases is made.
    pub(super) made: Option<cupel_problem::Made>,
}

impl Fixture {
    pub(super) fn new() -> Fixture {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("languages");
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("script.toml"), SCRIPT).unwrap();
        let mut languages = Registry::load(Some(&folder)).unwrap();
        languages.probe(&Answers);
        let mut limits = ProblemLimits::unset(Calibration::NARROW);
        limits.time = TimeLimit { limit: Some(Duration::from_secs(1)), calibration: Calibration::NARROW };
        let method = Arc::new(Method::Check(Checker::Builtin(Comparison::Tokens(TokenRules::default()))));
        Fixture {
            dir,
            languages,
            limits,
            method,
            passes: Passes::One,
            submissions: Vec::new(),
            validators: Vec::new(),
            trials: Trials::default(),
            scoring: Scoring::PassFail,
            made: None,
        }
    }

    pub(super) fn file(&self, name: &str, text: &str) -> FileRef {
        std::fs::write(self.dir.path().join(name), text).unwrap();
        // This hash is not SHA-256, but it differs for the different texts of these tests.
        let mut hash = [0; 32];
        hash.iter_mut().zip(text.bytes()).for_each(|(to, from)| *to = from);
        FileRef {
            path: PackagePath::new(name).unwrap(),
            hash: ContentHash::from_bytes(hash),
            size: Bytes::new(text.len() as u64),
        }
    }

    pub(super) fn program(&self, name: &str) -> Program {
        let file = ProgramFile { name: BoxPath::new(name).unwrap(), file: self.file(name, "x"), executable: false };
        Program {
            path: file.file.path.clone(),
            files: vec![file],
            language: None,
            entry_point: None,
            flags: Vec::new(),
            shape: ProgramShape::Sources,
        }
    }

    pub(super) fn checked_by_program(mut self, protocol: Protocol) -> Fixture {
        let program = self.program("check.scr");
        let program = JudgeProgram { program, protocol, args: vec!["flag".into()], words: None };
        self.method = Arc::new(Method::Check(Checker::Program(program)));
        self
    }

    pub(super) fn with_interactor(mut self) -> Fixture {
        let program = self.program("talk.scr");
        let program = JudgeProgram { program, protocol: Protocol::FeedbackDirectory, args: Vec::new(), words: None };
        self.method = Arc::new(Method::Interact(Interactor { program, then: AfterInteraction::Verdict }));
        self
    }

    pub(super) fn case(&self, id: &str, points: CasePoints) -> Node {
        self.case_with(id, id, points)
    }

    pub(super) fn case_with(&self, id: &str, input: &str, points: CasePoints) -> Node {
        Node::Case(Box::new(Case {
            id: CaseId::new(id),
            input: self.file(&format!("{id}.in"), input),
            answer: Some(self.file(&format!("{id}.ans"), "ok\n")),
            args: Vec::new(),
            files: Vec::new(),
            method: self.method.clone(),
            points,
            feedback: Feedback::Hidden,
            validator_args: ValidatorArgs::default(),
            hints: Hints::default(),
            shown: None,
            limits: OwnLimits::default(),
            made: self.made.clone(),
            unifies_newlines: false,
        }))
    }

    pub(super) fn package(&self, root: CaseGroup) -> Package {
        let problem = Problem {
            slug: Slug::from_text("p").unwrap(),
            titles: Titles::new("en".into(), "P".into(), BTreeMap::new()),
            statements: Vec::new(),
            editorials: Vec::new(),
            difficulty: None,
            tags: Vec::new(),
            authors: Vec::new(),
            source: None,
            licence: Licence { name: None, rights_owner: None },
            visibility: Visibility::Draft,
            forbids_packages: false,
            limits: self.limits.clone(),
            scoring: self.scoring,
            passes: self.passes,
            io: ProgramIo::default(),
            tests: Tests::new(root).unwrap(),
            validators: self.validators.clone(),
            trials: self.trials.clone(),
            submissions: self.submissions.clone(),
            generators: Vec::new(),
            includes: Vec::new(),
            attachments: Vec::new(),
            signature: None,
            conversations: Vec::new(),
        };
        Package::new(self.dir.path().to_owned(), problem, ContentHash::from_bytes([0; 32]))
    }

    fn judge(&self, root: CaseGroup, all_cases: bool, answers: Vec<Answer>) -> (ProblemReport, Scripted) {
        self.judge_observed(root, all_cases, answers, &mut Nothing)
    }

    fn judge_observed(
        &self,
        root: CaseGroup,
        all_cases: bool,
        answers: Vec<Answer>,
        observer: &mut dyn JudgeObserver,
    ) -> (ProblemReport, Scripted) {
        let package = self.package(root);
        let mut executor = Scripted::new(answers);
        let report = self.with_request(&package, |request| {
            let request = ProblemRequest { all_cases, ..*request };
            judge_problem(&request, &mut executor, &NoCache, observer).unwrap()
        });
        (report, executor)
    }

    fn judge_package(&self, package: &Package, executor: &mut dyn Executor) -> ProblemReport {
        self.with_request(package, |request| judge_problem(request, executor, &NoCache, &mut Nothing).unwrap())
    }

    /// Calls a function with a request to judge a submission.
    fn with_request<R>(&self, package: &Package, call: impl FnOnce(&ProblemRequest<'_>) -> R) -> R {
        let source = BoxFile { path: BoxPath::new("a.scr").unwrap(), data: b"x".as_slice().into(), executable: false };
        call(&ProblemRequest {
            package,
            files: &BoxFiles::new(vec![source]),
            language: self.languages.find("script").unwrap(),
            entry_point: None,
            languages: &self.languages,
            limits: LimitsRequest::default(),
            all_cases: false,
            owner: UserId::from_uuid(uuid::Uuid::nil()),
            function_batches: true,
        })
    }
}

pub(super) fn group(name: &str, children: Vec<Node>) -> CaseGroup {
    CaseGroup {
        name: GroupName::new(name).unwrap(),
        scoring: GroupScoring::None,
        verdict: VerdictRule::FirstError,
        stop: StopRule::Break,
        max: MaxScore::Unbounded,
        range: None,
        requires: Vec::new(),
        partial_suffices: false,
        counts: true,
        decides: true,
        children,
    }
}

// ---- the executor -----------------------------------------------------------------------------------

#[derive(Clone)]
pub(super) struct Answer {
    outcome: Outcome,
    cpu_ms: u64,
    start: Option<Start>,
    stdout: Vec<u8>,
    stderr: &'static str,
    files: Vec<(&'static str, &'static str)>,
}

impl Answer {
    pub(super) fn with_files(self, files: Vec<(&'static str, &'static str)>) -> Answer {
        Answer { files, ..self }
    }

    pub(super) fn with_stderr(self, stderr: &'static str) -> Answer {
        Answer { stderr, ..self }
    }
}

pub(super) fn prints(text: &str, cpu_ms: u64) -> Answer {
    Answer { outcome: Outcome::Exited(0), cpu_ms, start: None, stdout: text.into(), stderr: "", files: Vec::new() }
}

pub(super) fn started(start: Option<Start>) -> Answer {
    Answer { start, ..ok() }
}

pub(super) fn ok() -> Answer {
    prints("ok", 1)
}

pub(super) fn ends(outcome: Outcome, cpu_ms: u64) -> Answer {
    Answer { outcome, ..prints("", cpu_ms) }
}

pub(super) struct Scripted {
    pub(super) answers: VecDeque<Answer>,
    /// Arguments and standard input of each step.
    pub(super) requests: Vec<(Vec<String>, String)>,
    /// Wall-clock limit of each step.
    pub(super) wall_times: Vec<Duration>,
    /// Input files of each step that count as memory.
    counted_files: Vec<Bytes>,
}

impl Scripted {
    pub(super) fn new(answers: Vec<Answer>) -> Scripted {
        Scripted { answers: answers.into(), requests: Vec::new(), wall_times: Vec::new(), counted_files: Vec::new() }
    }
}

impl Executor for Scripted {
    fn execute(&mut self, step: StepInput<'_>, observer: &mut dyn StepObserver) -> Result<StepResult, ExecuteError> {
        let stdin = match &step.stdin {
            crate::StdinSource::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            crate::StdinSource::Descriptor(_) => "descriptor".into(),
            crate::StdinSource::Live(_) => "live".into(),
        };
        self.requests.push((step.argv.to_vec(), stdin));
        self.wall_times.push(step.limits.wall_time);
        self.counted_files.push(step.counted_files);
        let answer = self.answers.pop_front().expect("more steps than were scripted");
        answer.stdout.chunks(3).for_each(|piece| observer.stdout(piece));
        let stdout_kept = &answer.stdout[..answer.stdout.len().min(usize::try_from(step.keep.get()).unwrap())];
        let output = |data: &[u8]| Output { data: data.into(), truncated: false };
        let file = |(path, text): &(&str, &str)| BoxFile {
            path: BoxPath::new(path).unwrap(),
            data: text.as_bytes().into(),
            executable: false,
        };
        let report = StepReport {
            outcome: answer.outcome,
            exit_code: None,
            signal: None,
            stdout: output(stdout_kept),
            stderr: output(answer.stderr.as_bytes()),
            usage: Usage { cpu_time: Duration::from_millis(answer.cpu_ms), start: answer.start, ..Usage::default() },
        };
        let files = match step.collect {
            Collect::Nothing => BoxFiles::default(),
            _ => BoxFiles::new(answer.files.iter().map(file).collect()),
        };
        Ok(StepResult { report, files, files_truncated: false, fetched: Vec::new(), found: FoundFiles::default() })
    }

    /// The program ends first and writes nothing; the next answer is the interactor's.
    fn interact(
        &mut self,
        interaction: Interaction<'_>,
        observer: &mut dyn StepObserver,
    ) -> Result<InteractionResult, ExecuteError> {
        self.counted_files.push(interaction.program.counted_files);
        let interactor = self.execute(interaction.interactor, observer)?;
        let report = StepReport { outcome: Outcome::Exited(0), stderr: Output::default(), ..interactor.report.clone() };
        Ok(InteractionResult {
            program: StepResult { report, files: BoxFiles::default(), ..interactor.clone() },
            interactor,
            first: Party::Program,
            settled: false,
            unread: false,
            unheard: false,
            transcript: Vec::new(),
        })
    }
}

struct Nothing;

impl JudgeObserver for Nothing {
    fn event(&mut self, _: JudgeEvent<'_>) {}
}

fn verdicts(report: &ProblemReport) -> String {
    report.cases.iter().map(|case| case.verdict.code()).collect::<Vec<_>>().join(" ")
}

// ---- the rules --------------------------------------------------------------------------------------

#[test]
fn a_program_near_the_time_limit_is_run_again_and_its_fastest_run_counts() {
    let fixture = Fixture::new();
    let judged = |answers: Vec<Answer>| {
        let (report, executor) = fixture.judge(group("", vec![fixture.case("1", CasePoints::None)]), false, answers);
        let case = &report.cases[0];
        (case.verdict, case.reruns, case.usage.cpu_time.as_millis(), executor.answers.len())
    };
    for (answers, expected) in [
        (vec![prints("ok", 1000)], (Verdict::Accepted, 0, 1000, 0)),
        (vec![prints("ok", 1001), prints("ok", 990)], (Verdict::Accepted, 1, 990, 0)),
        (vec![prints("ok", 1050), prints("ok", 1001), prints("ok", 1080)], (Verdict::TimeLimit, 2, 1001, 0)),
        (vec![prints("ok", 1001), prints("no", 990)], (Verdict::WrongAnswer, 1, 990, 0)),
        // The sandbox ended the program, so its time is not near the limit.
        (vec![ends(Outcome::TimeLimit, 1100)], (Verdict::TimeLimit, 0, 1100, 0)),
        (vec![ends(Outcome::WallLimit, 700), prints("ok", 700)], (Verdict::Accepted, 1, 700, 0)),
        // The wall-clock limit ended a run that got too little processor time.
        (vec![ends(Outcome::WallLimit, 700), ends(Outcome::TimeLimit, 1100)], (Verdict::TimeLimit, 1, 1100, 0)),
        (
            vec![prints("ok", 1050), ends(Outcome::WallLimit, 600), ends(Outcome::WallLimit, 600)],
            (Verdict::TimeLimit, 2, 1050, 0),
        ),
        (vec![ends(Outcome::IdleLimit, 5)], (Verdict::IdleLimit, 0, 5, 0)),
        (vec![ends(Outcome::Exited(1), 1001), ends(Outcome::Exited(1), 5)], (Verdict::RuntimeError, 1, 5, 0)),
    ] {
        assert_eq!(judged(answers), expected);
    }
}

#[test]
fn a_run_that_the_wall_clock_limit_ended_is_repeated_with_more_wall_clock_time() {
    let fixture = Fixture::new();
    let starved = || ends(Outcome::WallLimit, 700);
    for (answers, factors) in [
        (vec![starved(), starved(), ok()], vec![1, 2, 4]),
        (vec![prints("ok", 1001), prints("ok", 1001), prints("ok", 1001)], vec![1, 1, 1]),
        (vec![prints("ok", 1001), starved(), starved()], vec![1, 1, 1]),
    ] {
        let (_, executor) = fixture.judge(group("", vec![fixture.case("1", CasePoints::None)]), false, answers);
        let expected: Vec<Duration> = factors.into_iter().map(|factor| executor.wall_times[0] * factor).collect();
        assert_eq!(executor.wall_times, expected);
    }
}

#[test]
fn the_rest_of_a_group_is_skipped_according_to_its_stop_rule() {
    let fixture = Fixture::new();
    let two = |name: &str, stop| {
        let cases = ["1", "2"].map(|case| fixture.case(&format!("{name}{case}"), CasePoints::None));
        Node::Group(CaseGroup { stop, ..group(name, cases.into()) })
    };
    let wrong = || prints("no", 1);
    for (inner, outer, all, answers, expected) in [
        (StopRule::Break, StopRule::Continue, false, vec![wrong(), ok(), ok()], "WA SK AC AC"),
        (StopRule::Continue, StopRule::Break, false, vec![wrong(), ok()], "WA AC SK SK"),
        (StopRule::BreakAll, StopRule::Continue, false, vec![wrong()], "WA SK SK SK"),
        (StopRule::Break, StopRule::Break, true, vec![wrong(), ok(), wrong(), ok()], "WA AC WA AC"),
    ] {
        let root = CaseGroup { stop: outer, ..group("", vec![two("a", inner), two("b", inner)]) };
        let (report, _) = fixture.judge(root, all, answers);
        assert_eq!(
            (report.verdict, verdicts(&report).as_str()),
            (Verdict::WrongAnswer, expected),
            "{inner:?} {outer:?}"
        );
    }
}

#[test]
fn a_group_with_a_failed_requirement_is_not_run_and_scores_nothing() {
    let fixture = Fixture::new();
    let ten: Score = "10".parse().unwrap();
    let scored = |name: &str, requires: &[&str]| {
        let requires = requires.iter().map(|name| GroupName::new(name).unwrap()).collect();
        let case = fixture.case(&format!("{name}1"), CasePoints::None);
        Node::Group(CaseGroup { scoring: GroupScoring::AllOrNothing(ten), requires, ..group(name, vec![case]) })
    };
    let root = CaseGroup {
        scoring: GroupScoring::Aggregate(Aggregate::Sum),
        stop: StopRule::Continue,
        ..group("", vec![scored("a", &[]), scored("b", &["a"]), scored("c", &["b"]), scored("d", &[])])
    };
    let (report, _) = fixture.judge(root, false, vec![prints("no", 1), ok()]);
    assert_eq!((report.verdict, report.score), (Verdict::WrongAnswer, Some(ten)));
    assert_eq!(verdicts(&report), "WA SK SK AC");
    let reasons: Vec<Option<&str>> = report.groups.iter().map(|group| group.reason.as_deref()).collect();
    assert_eq!(reasons, [None, Some("it requires `a`"), Some("it requires `b`"), None]);
}

#[test]
fn a_fault_of_the_checker_is_je_with_the_reason_and_ends_the_judging() {
    let fixture = Fixture::new().checked_by_program(Protocol::Testlib { percent: false });
    let cases = || ["1", "2"].map(|case| fixture.case(case, CasePoints::None)).into();
    for outcome in [Outcome::Exited(3), Outcome::Exited(9), Outcome::TimeLimit, Outcome::MemoryLimit] {
        let checker = Answer { stderr: "FAIL it is broken", ..ends(outcome, 1) };
        let (report, _) = fixture.judge(group("", cases()), true, vec![ok(), checker]);
        assert_eq!((report.verdict, verdicts(&report).as_str()), (Verdict::InternalError, "JE SK"), "{outcome:?}");
        let message = report.cases[0].judge_message.as_deref().unwrap();
        assert!(message.contains("check.scr") && message.contains("it is broken"), "{message}");
    }
    // The reason stays the same if groups are skipped because of the fault.
    let groups = ["a", "b"].map(|name| Node::Group(group(name, vec![fixture.case(name, CasePoints::None)])));
    let checker = Answer { stderr: "FAIL it is broken", ..ends(Outcome::Exited(3), 1) };
    let (report, _) = fixture.judge(group("", groups.into()), false, vec![ok(), checker]);
    assert!(report.message.as_deref().unwrap().contains("it is broken"), "{report:?}");
}

#[test]
fn a_checker_is_called_by_its_protocol_and_only_for_a_program_that_succeeded() {
    let fixture = Fixture::new().checked_by_program(Protocol::Testlib { percent: false });
    let cases = ["1", "2"].map(|case| fixture.case(case, CasePoints::None)).into();
    let (report, executor) = fixture.judge(group("", cases), false, vec![ok(), ok(), ends(Outcome::Exited(1), 1)]);
    assert_eq!(verdicts(&report), "AC RTE");
    let called = &executor.requests[1].0;
    assert_eq!(called[..], ["run", "check.scr", "/box/.cupel/in", "/box/.cupel/out", "/box/.cupel/ans", "flag"]);

    let fixture = Fixture::new().checked_by_program(Protocol::FeedbackDirectory);
    let cases = || vec![fixture.case("1", CasePoints::None)];
    let (report, executor) = fixture.judge(group("", cases()), false, vec![ok(), ends(Outcome::Exited(42), 1)]);
    assert_eq!(verdicts(&report), "AC");
    let (called, stdin) = &executor.requests[1];
    assert_eq!(called[..], ["run", "check.scr", "/box/.cupel/in", "/box/.cupel/ans", "/box/.cupel/feedback/", "flag"]);
    assert_eq!(stdin, "ok");
}

#[test]
fn points_of_a_checker_make_a_partial_score() {
    let fixture = Fixture::new().checked_by_program(Protocol::Testlib { percent: false });
    let ten: Score = "10".parse().unwrap();
    let points = CasePoints::FromChecker {
        max: MaxScore::Bounded(ten),
        unnamed: Some(ten),
        rejected: Score::ZERO,
        also_rejecting: false,
        may_be_negative: true,
    };
    for (message, verdict, score) in [
        ("points 4", Verdict::PartialScore, Some("4")),
        ("points 10", Verdict::Accepted, Some("10")),
        ("points 0", Verdict::WrongAnswer, Some("0")),
        ("points 11", Verdict::InternalError, None),
    ] {
        let checker = Answer { stderr: message, ..ends(Outcome::Exited(7), 1) };
        let root = CaseGroup {
            scoring: GroupScoring::Aggregate(Aggregate::Sum),
            ..group("", vec![fixture.case("1", points)])
        };
        let (report, _) = fixture.judge(root, false, vec![ok(), checker]);
        assert_eq!(report.cases[0].verdict, verdict, "{message}");
        assert_eq!(report.score.map(|score| score.to_string()).as_deref(), score, "{message}");
    }
}

/// The rule is DMOJ's: a checker that gives a part of the points accepts.
#[test]
fn a_group_with_a_partial_score_meets_a_requirement_only_if_the_format_says_so() {
    let fixture = Fixture::new().checked_by_program(Protocol::Testlib { percent: false });
    let ten: Score = "10".parse().unwrap();
    let points = CasePoints::FromChecker {
        max: MaxScore::Bounded(ten),
        unnamed: Some(ten),
        rejected: Score::ZERO,
        also_rejecting: false,
        may_be_negative: true,
    };
    for (partial_suffices, verdicts_of_cases) in [(true, "PT AC"), (false, "PT SK")] {
        let one = |name: &str, requires: Vec<GroupName>| {
            let case = fixture.case(&format!("{name}1"), points);
            let scoring = GroupScoring::Aggregate(Aggregate::Min);
            Node::Group(CaseGroup { scoring, requires, partial_suffices, ..group(name, vec![case]) })
        };
        let required = vec![GroupName::new("a").unwrap()];
        let root = CaseGroup {
            scoring: GroupScoring::Aggregate(Aggregate::Sum),
            stop: StopRule::Continue,
            ..group("", vec![one("a", Vec::new()), one("b", required)])
        };
        let part = Answer { stderr: "points 4", ..ends(Outcome::Exited(7), 1) };
        let (report, _) = fixture.judge(root, false, vec![ok(), part, ok(), ok()]);
        assert_eq!(verdicts(&report), verdicts_of_cases);
    }
}

/// Source: DMOJ judge-server, `linecount.py`: `passed` is false if a line differs, and the others give points.
#[test]
fn an_output_of_which_only_some_lines_are_right_is_rejected_with_points() {
    let mut fixture = Fixture::new();
    fixture.method = Arc::new(Method::Check(Checker::Builtin(Comparison::LineCount { exact: false })));
    fixture.scoring = Scoring::Points { objective: Objective::Max, skipped: SkippedCases::Zero };
    let ten: Score = "10".parse().unwrap();
    let points = CasePoints::FromChecker {
        max: MaxScore::Bounded(ten),
        unnamed: Some(ten),
        rejected: Score::ZERO,
        also_rejecting: true,
        may_be_negative: true,
    };
    let two_lines = |id: &str| {
        let Node::Case(mut case) = fixture.case(id, points) else { unreachable!() };
        case.answer = Some(fixture.file("two.ans", "ok\nno\n"));
        Node::Case(case)
    };
    for (cases, verdict_of_cases, score) in [(vec!["1"], "WA", "5"), (vec!["1", "2"], "WA SK", "0")] {
        let root = CaseGroup {
            scoring: GroupScoring::Aggregate(Aggregate::Min),
            ..group("", cases.iter().map(|id| two_lines(id)).collect())
        };
        let (report, _) = fixture.judge(root, false, vec![prints("ok\nx\n", 1)]);
        assert_eq!(verdicts(&report), verdict_of_cases);
        assert_eq!((report.verdict, report.score), (Verdict::WrongAnswer, Some(score.parse().unwrap())));
    }
}

#[test]
fn a_checker_that_is_cancelled_is_not_a_fault_of_the_package() {
    struct Cancelled;
    impl JudgeObserver for Cancelled {
        fn event(&mut self, _: JudgeEvent<'_>) {}

        fn cancelled(&mut self) -> bool {
            true
        }
    }
    let fixture = Fixture::new().checked_by_program(Protocol::Testlib { percent: false });
    let root = || group("", vec![fixture.case("1", CasePoints::None)]);
    let answers = || vec![ok(), ends(Outcome::Cancelled, 1)];
    let (report, _) = fixture.judge_observed(root(), false, answers(), &mut Cancelled);
    assert_eq!(report.verdict, Verdict::Cancelled);
    let (report, _) = fixture.judge(root(), false, answers());
    assert_eq!(report.verdict, Verdict::InternalError, "nobody has cancelled the run");
}

#[test]
fn groups_after_a_fault_of_the_package_have_no_points() {
    let fixture = Fixture::new().checked_by_program(Protocol::Testlib { percent: false });
    let ten: Score = "10".parse().unwrap();
    let scored = |name: &str| {
        let case = fixture.case(&format!("{name}1"), CasePoints::None);
        Node::Group(CaseGroup { scoring: GroupScoring::AllOrNothing(ten), ..group(name, vec![case]) })
    };
    let root = CaseGroup {
        scoring: GroupScoring::Aggregate(Aggregate::Sum),
        stop: StopRule::Continue,
        ..group("", vec![scored("a"), scored("b")])
    };
    let (report, _) = fixture.judge(root, false, vec![ok(), ends(Outcome::Signalled(cupel_types::Signal(11)), 1)]);
    let of_b = &report.groups[1];
    assert_eq!((report.verdict, of_b.verdict, of_b.score), (Verdict::InternalError, Verdict::Skipped, None));
}

#[test]
fn programs_with_the_same_path_and_other_flags_are_built_separately() {
    let mut fixture = Fixture::new().checked_by_program(Protocol::ExitCode);
    let plain = fixture.case("1", CasePoints::None);
    let Method::Check(Checker::Program(mut program)) = (*fixture.method).clone() else { unreachable!() };
    program.program.flags = vec!["-DLOOSE".into()];
    fixture.method = Arc::new(Method::Check(Checker::Program(program)));
    let loose = fixture.case("2", CasePoints::None);
    let package = fixture.package(group("", vec![plain, loose]));
    let flags: Vec<_> = judging_programs(&package.problem).iter().map(|program| program.flags.len()).collect();
    assert_eq!(flags, [0, 1]);
}

#[test]
fn a_group_whose_skipped_cases_count_as_zero_gives_no_points() {
    let mut fixture = Fixture::new().checked_by_program(Protocol::PythonModule { is_old: false });
    fixture.scoring = Scoring::Points { objective: Objective::Max, skipped: SkippedCases::Zero };
    let ten: Score = "10".parse().unwrap();
    let points = CasePoints::FromChecker {
        max: MaxScore::Bounded(ten),
        unnamed: Some(ten),
        rejected: Score::ZERO,
        also_rejecting: true,
        may_be_negative: true,
    };
    let rejects = || Answer { stderr: "points 4", ..ends(Outcome::Exited(48), 1) };
    let accepts = || ends(Outcome::Exited(42), 1);
    for (checkers, verdicts, score) in [
        (vec![accepts(), accepts()], "AC AC", "10"),
        (vec![accepts(), rejects()], "AC WA", "4"),
        (vec![rejects()], "WA SK", "0"),
    ] {
        let cases = ["1", "2"].map(|case| fixture.case(case, points)).into();
        let root = CaseGroup { scoring: GroupScoring::Aggregate(Aggregate::Min), ..group("", cases) };
        let answers = checkers.into_iter().flat_map(|checker| [ok(), checker]).collect();
        let (report, _) = fixture.judge(root, false, answers);
        assert_eq!(self::verdicts(&report), verdicts);
        assert_eq!(report.score.map(|score| score.to_string()).as_deref(), Some(score), "{verdicts}");
    }
}

#[test]
fn output_beyond_the_limit_is_discarded_if_the_package_requires_it() {
    let mut fixture = Fixture::new();
    fixture.limits.output = Bytes::new(4);
    fixture.limits.on_output_limit = OnOutputLimit::Discard;
    let judged = |answer: Answer| {
        let root = group("", vec![fixture.case("1", CasePoints::None)]);
        verdicts(&fixture.judge(root, false, vec![answer]).0)
    };
    assert_eq!(judged(prints("ok\n\n", 1)), "AC");
    assert_eq!(judged(prints("ok\n\n\n", 1)), "OLE");
    assert_eq!(judged(Answer { outcome: Outcome::Exited(1), ..prints("ok\n\n\n", 1) }), "RTE");
    assert_eq!(judged(Answer { outcome: Outcome::TimeLimit, ..prints("ok\n\n\n", 1100) }), "TLE");
}

#[test]
fn a_source_over_the_code_limit_is_not_compiled() {
    let mut fixture = Fixture::new();
    fixture.limits.code = Bytes::ZERO;
    let (report, executor) = fixture.judge(group("", vec![fixture.case("1", CasePoints::None)]), false, Vec::new());
    assert_eq!((report.verdict, report.cases.len(), executor.requests.len()), (Verdict::CompileError, 0, 0));
    assert!(report.message.unwrap().contains("1 bytes"));
}

#[test]
fn passes_continue_while_the_checker_leaves_an_input() {
    let mut fixture = Fixture::new().checked_by_program(Protocol::FeedbackDirectory);
    fixture.passes = Passes::UpTo(2.try_into().unwrap());
    let root = || group("", vec![fixture.case("1", CasePoints::None)]);
    let code = |code| ends(Outcome::Exited(code), 1);
    let next = |code| Answer {
        files: vec![(".cupel/feedback/nextpass.in", "second"), (".cupel/feedback/kept", "x")],
        ..ends(Outcome::Exited(code), 1)
    };
    let (report, executor) = fixture.judge(root(), false, vec![prints("ok", 7), next(42), prints("ok", 3), code(42)]);
    assert_eq!((verdicts(&report).as_str(), report.cases[0].usage.cpu_time.as_millis()), ("AC", 7));
    assert_eq!(executor.requests[2].1, "second");
    let (report, _) = fixture.judge(root(), false, vec![ok(), next(42), ok(), next(42)]);
    assert_eq!(verdicts(&report), "JE");
    let (report, _) = fixture.judge(root(), false, vec![ok(), next(43)]);
    assert_eq!(verdicts(&report), "JE");
    let (report, _) = fixture.judge(root(), false, vec![ok(), next(42), ends(Outcome::Exited(1), 1)]);
    assert_eq!(verdicts(&report), "RTE");
}

#[test]
fn the_message_for_a_refused_language_lists_the_accepted_languages() {
    let mut fixture = Fixture::new();
    fixture.limits.languages = Some(["c", "cpp"].map(|id| id.parse().unwrap()).into());
    let (report, _) = fixture.judge(group("", vec![fixture.case("1", CasePoints::None)]), false, Vec::new());
    let expected = "the problem does not accept submissions in `script`; it accepts c, cpp";
    assert_eq!((report.verdict, report.message.as_deref()), (Verdict::CompileError, Some(expected)));
}

/// The result of a step of an interaction, after four seconds.
fn ended(outcome: Outcome, cpu_time: Duration) -> StepResult {
    let (stdout, stderr) = (Output::default(), Output::default());
    let usage = Usage { cpu_time, wall_time: Duration::from_secs(4), ..Usage::default() };
    let report = StepReport { outcome, exit_code: None, signal: None, stdout, stderr, usage };
    let (files, found) = (BoxFiles::default(), FoundFiles::default());
    StepResult { report, files, files_truncated: false, fetched: Vec::new(), found }
}

/// Judges a submission to a problem with an interactor.
fn converse(executor: &mut dyn Executor) -> ProblemReport {
    let fixture = Fixture::new().with_interactor();
    let package = fixture.package(group("", vec![fixture.case("1", CasePoints::None)]));
    fixture.judge_package(&package, executor)
}

/// An executor in which the program waits until its idle limit.
struct Waits {
    interactor: Outcome,
    /// CPU time of the interactor.
    computed: Duration,
    /// Time by which the interactor outlives the program.
    outlives: Duration,
    unread: bool,
    unheard: bool,
}

impl Waits {
    fn with(interactor: Outcome) -> Waits {
        Waits { interactor, computed: Duration::ZERO, outlives: Duration::ZERO, unread: false, unheard: false }
    }
}

impl Executor for Waits {
    fn execute(&mut self, _: StepInput<'_>, _: &mut dyn StepObserver) -> Result<StepResult, ExecuteError> {
        panic!("no program runs alone")
    }

    fn interact(&mut self, _: Interaction<'_>, _: &mut dyn StepObserver) -> Result<InteractionResult, ExecuteError> {
        let mut interactor = ended(self.interactor, self.computed);
        interactor.report.usage.wall_time += self.outlives;
        Ok(InteractionResult {
            program: ended(Outcome::IdleLimit, Duration::ZERO),
            interactor,
            first: Party::Program,
            settled: false,
            unread: self.unread,
            unheard: self.unheard,
            transcript: Vec::new(),
        })
    }
}

/// An executor in which the program waits for an interactor that computes for this time, and then exits.
struct WaitsFor {
    computation: Duration,
    /// The idle limits of the programs so far.
    idle_times: Vec<Duration>,
}

impl Executor for WaitsFor {
    fn execute(&mut self, _: StepInput<'_>, _: &mut dyn StepObserver) -> Result<StepResult, ExecuteError> {
        panic!("no program runs alone")
    }

    fn interact(
        &mut self,
        interaction: Interaction<'_>,
        _: &mut dyn StepObserver,
    ) -> Result<InteractionResult, ExecuteError> {
        let idle_time = interaction.program.limits.idle_time;
        self.idle_times.push(idle_time);
        let (program, interactor) = match self.computation < idle_time {
            true => (Outcome::Exited(0), Outcome::Exited(42)),
            false => (Outcome::IdleLimit, Outcome::WallLimit),
        };
        Ok(InteractionResult {
            program: ended(program, Duration::from_millis(10)),
            interactor: ended(interactor, self.computation.min(idle_time)),
            first: Party::Program,
            settled: false,
            unread: false,
            unheard: false,
            transcript: Vec::new(),
        })
    }
}

#[test]
fn a_program_may_wait_for_a_computation_of_its_interactor() {
    let judge = |computation| {
        let mut executor = WaitsFor { computation, idle_times: Vec::new() };
        let report = converse(&mut executor);
        (report.verdict, executor.idle_times)
    };
    let (verdict, idle_times) = judge(Duration::from_secs(1));
    assert_eq!((verdict, idle_times.len()), (Verdict::Accepted, 1));
    let [first, wall] = [2, 8].map(Duration::from_secs);
    assert_eq!(judge(Duration::from_secs(3)), (Verdict::Accepted, vec![first, wall]));
    // An interactor that never ends is not waited for again, and is at fault.
    assert_eq!(judge(Duration::from_secs(60)), (Verdict::InternalError, vec![first, wall]));
}

#[test]
fn an_interactor_that_sleeps_instead_of_reading_is_at_fault() {
    for (interactor, unread, unheard, at_fault) in [
        (Outcome::WallLimit, true, false, true),
        (Outcome::IdleLimit, true, false, true),
        // The interactor had read everything, or wrote something that the program did not read, or ended when the
        // program ended.
        (Outcome::WallLimit, false, false, false),
        (Outcome::WallLimit, true, true, false),
        (Outcome::Exited(1), true, false, false),
    ] {
        let report = converse(&mut Waits { unread, unheard, ..Waits::with(interactor) });
        let found = report.verdict == Verdict::InternalError;
        assert_eq!(found, at_fault, "{interactor:?} {unread} {unheard}: {:?}", report.message);
    }
}

#[test]
fn a_program_that_waits_is_at_fault_even_if_its_interactor_had_computed() {
    let (crashed, killed) = (Outcome::Signalled(cupel_types::Signal(11)), Outcome::WallLimit);
    for (interactor, outlives_ms, verdict) in [
        // The interactor has read the end of its input.
        (Outcome::Exited(43), 10, Verdict::IdleLimit),
        (Outcome::Exited(42), 10, Verdict::IdleLimit),
        (Outcome::Exited(1), 10, Verdict::IdleLimit),
        (crashed, 10, Verdict::IdleLimit),
        // It may have computed only after the program had ended.
        (killed, 2_500, Verdict::IdleLimit),
        (killed, 1_500, Verdict::InternalError),
        (Outcome::TimeLimit, 10, Verdict::InternalError),
    ] {
        let (computed, outlives) = (Duration::from_secs(3), Duration::from_millis(outlives_ms));
        let report = converse(&mut Waits { computed, outlives, ..Waits::with(interactor) });
        assert_eq!(report.verdict, verdict, "{interactor:?} {outlives_ms}: {:?}", report.message);
    }
}

/// The rule is that of the program that accepts: in testlib's protocol, the points are the decision.
#[test]
fn points_of_a_checker_after_a_conversation_make_a_partial_score() {
    let mut fixture = Fixture::new().with_interactor();
    let Method::Interact(talk) = (*fixture.method).clone() else { unreachable!() };
    let ten: Score = "10".parse().unwrap();
    let points = CasePoints::FromChecker {
        max: MaxScore::Bounded(ten),
        unnamed: Some(ten),
        rejected: Score::ZERO,
        also_rejecting: false,
        may_be_negative: true,
    };
    for (protocol, checker, score_file, verdict) in [
        (Protocol::Testlib { percent: false }, 7, None, Verdict::PartialScore),
        (Protocol::FeedbackDirectory, 42, Some((".cupel/feedback/score.txt", "4")), Verdict::Accepted),
    ] {
        let program = JudgeProgram { program: fixture.program("check.scr"), protocol, args: Vec::new(), words: None };
        let then = AfterInteraction::Check(Checker::Program(program));
        fixture.method = Arc::new(Method::Interact(Interactor { then, ..talk.clone() }));
        let root = CaseGroup {
            scoring: GroupScoring::Aggregate(Aggregate::Sum),
            ..group("", vec![fixture.case("1", points)])
        };
        let files = score_file.into_iter().collect();
        let checker = Answer { stderr: "points 4", files, ..ends(Outcome::Exited(checker), 1) };
        let (report, _) = fixture.judge(root, false, vec![ends(Outcome::Exited(42), 1), checker]);
        assert_eq!(report.cases[0].verdict, verdict, "{:?}", report.message);
        assert_eq!(report.score, Some("4".parse().unwrap()));
    }
}

#[test]
fn a_checker_in_python_reports_its_points_in_a_file() {
    let fixture = Fixture::new().checked_by_program(Protocol::PythonModule { is_old: false });
    let ten: Score = "10".parse().unwrap();
    let points = CasePoints::FromChecker {
        max: MaxScore::Bounded(ten),
        unnamed: Some(ten),
        rejected: Score::ZERO,
        also_rejecting: true,
        may_be_negative: true,
    };
    let root =
        CaseGroup { scoring: GroupScoring::Aggregate(Aggregate::Sum), ..group("", vec![fixture.case("1", points)]) };
    let files = vec![(".cupel/feedback/points", "2.500000")];
    let checker = Answer { stderr: "points 10\n", files, ..ends(Outcome::Exited(47), 1) };
    let (report, _) = fixture.judge(root, false, vec![ok(), checker]);
    assert_eq!((report.verdict, report.score), (Verdict::PartialScore, Some("2.5".parse().unwrap())));
}

/// Source: Kattis problem package format 2025-09, "score.txt": on samples, the file is ignored.
#[test]
fn a_score_file_has_no_effect_in_a_sample() {
    let fixture = Fixture::new().checked_by_program(Protocol::FeedbackDirectory);
    let ten: Score = "10".parse().unwrap();
    let scored = CasePoints::FromChecker {
        max: MaxScore::Bounded(ten),
        unnamed: Some(ten),
        rejected: Score::ZERO,
        also_rejecting: false,
        may_be_negative: true,
    };
    let both = || vec![(".cupel/feedback/score.txt", "1"), (".cupel/feedback/score_multiplier.txt", "1")];
    for (points, files, verdict) in [
        (CasePoints::Ignored, both(), Verdict::Accepted),
        (CasePoints::Ignored, vec![(".cupel/feedback/score.txt", "x")], Verdict::Accepted),
        (scored, both(), Verdict::InternalError),
        (scored, vec![(".cupel/feedback/score.txt", "x")], Verdict::InternalError),
        (scored, vec![(".cupel/feedback/score_multiplier.txt", "2")], Verdict::InternalError),
        (CasePoints::None, both(), Verdict::InternalError),
    ] {
        let checker = Answer { files: files.clone(), ..ends(Outcome::Exited(42), 1) };
        let root = CaseGroup {
            scoring: GroupScoring::Aggregate(Aggregate::Sum),
            ..group("", vec![fixture.case("1", points)])
        };
        let (report, _) = fixture.judge(root, false, vec![ok(), checker]);
        assert_eq!(report.verdict, verdict, "{points:?} {files:?} {:?}", report.message);
    }
}

/// Source: Kattis problem package format, legacy: by default, a group ends at the first rejected case.
#[test]
fn a_group_that_ended_early_may_score_more_than_the_maximum_of_all_its_cases() {
    let mut fixture = Fixture::new();
    fixture.scoring = Scoring::Points { objective: Objective::Max, skipped: SkippedCases::Ignored };
    let score = |text: &str| text.parse::<Score>().unwrap();
    let with_range = |high: Option<&str>| {
        let worth =
            |id: &str, points| fixture.case(id, CasePoints::Fixed { accepted: score(points), rejected: Score::ZERO });
        let inner = CaseGroup {
            scoring: GroupScoring::Aggregate(Aggregate::Average),
            max: MaxScore::Bounded(score("4")),
            range: high.map(|high| cupel_problem::ScoreRange::new(None, Some(score(high))).unwrap()),
            ..group("a", vec![worth("1", "10"), worth("2", "1"), worth("3", "1")])
        };
        CaseGroup {
            scoring: GroupScoring::Aggregate(Aggregate::Sum),
            max: MaxScore::Bounded(score("4")),
            ..group("", vec![Node::Group(inner)])
        }
    };
    for (range, answers, verdict, expected) in [
        (None, vec![ok(), prints("no", 1)], Verdict::WrongAnswer, Some("5")),
        (None, vec![ok(), ok(), ok()], Verdict::Accepted, Some("4")),
        (Some("5"), vec![ok(), prints("no", 1)], Verdict::WrongAnswer, Some("5")),
        (Some("4"), vec![ok(), prints("no", 1)], Verdict::InternalError, None),
    ] {
        let (report, _) = fixture.judge(with_range(range), false, answers);
        assert_eq!((report.verdict, report.score), (verdict, expected.map(score)), "{range:?} {:?}", report.message);
    }
}

#[test]
fn files_for_a_language_are_also_for_its_versions() {
    let fixture = Fixture::new();
    let mut package = fixture.package(group("", vec![fixture.case("1", CasePoints::None)]));
    let include = |language: Option<&str>, name: &str| {
        let files =
            vec![ProgramFile { name: BoxPath::new(name).unwrap(), file: fixture.file(name, "x"), executable: false }];
        Include { language: language.map(|id| id.parse().unwrap()), files, entry_point: None, grader: None }
    };
    package.problem.includes =
        vec![include(None, "other.h"), include(Some("cpp"), "any.h"), include(Some("cpp20"), "20.h")];
    package.problem.includes.extend([include(Some("perl"), "perl.h"), include(Some("python"), "3.h")]);
    let source = BoxFile { path: BoxPath::new("a.cpp").unwrap(), data: b"x".as_slice().into(), executable: false };
    let files = BoxFiles::new(vec![source]);
    for (id, expected) in [
        ("cpp", "any.h"),
        ("cpp23", "any.h"),
        ("cpp-clang", "any.h"),
        ("cpp20", "20.h"),
        ("c", "other.h"),
        ("pypy", "3.h"),
        // The main files of these have the same names as those of Perl and Python 3.
        ("prolog", "other.h"),
        ("python2", "other.h"),
    ] {
        let request = ProblemRequest {
            package: &package,
            files: &files,
            language: fixture.languages.find(id).unwrap(),
            entry_point: None,
            languages: &fixture.languages,
            limits: LimitsRequest::default(),
            all_cases: false,
            owner: UserId::from_uuid(uuid::Uuid::nil()),
            function_batches: true,
        };
        let (all, _) = with_includes(&request).unwrap();
        let names: Vec<&str> = all.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(names, ["a.cpp", expected], "{id}");
    }
}

#[test]
fn large_files_of_a_submission_count_as_its_memory_and_those_of_the_package_do_not() {
    let counted = |fixture: Fixture, own: usize, answers| {
        let mut package = fixture.package(group("", vec![fixture.case("1", CasePoints::None)]));
        package.problem.limits.code = Bytes::mib(100);
        let file = FileRef { size: Bytes::mib(40), ..fixture.file("table", "x") };
        std::fs::File::create(fixture.dir.path().join("table")).unwrap().set_len(40 << 20).unwrap();
        let table = ProgramFile { name: BoxPath::new("table").unwrap(), file, executable: false };
        package.problem.includes =
            vec![Include { language: None, files: vec![table], entry_point: None, grader: None }];
        let source = BoxFile { path: BoxPath::new("a.scr").unwrap(), data: vec![b'x'; own].into(), executable: false };
        let mut executor = Scripted::new(answers);
        fixture.with_request(&package, |request| {
            let request = ProblemRequest { files: &BoxFiles::new(vec![source]), ..*request };
            judge_problem(&request, &mut executor, &NoCache, &mut Nothing).unwrap()
        });
        executor.counted_files
    };
    let free = usize::try_from(limits::FREE_FILES.get()).unwrap();
    let of_checker = Bytes::ZERO;
    let checked = || Fixture::new().checked_by_program(Protocol::ExitCode);
    assert_eq!(counted(checked(), free, vec![ok(), ok()]), [Bytes::ZERO, of_checker]);
    assert_eq!(counted(checked(), free + 7, vec![ok(), ok()]), [Bytes::new(7), of_checker]);
    let of_interactor = Bytes::ZERO;
    let talk = || ends(Outcome::Exited(42), 1);
    assert_eq!(counted(Fixture::new().with_interactor(), free + 7, vec![talk()]), [Bytes::new(7), of_interactor]);
}

/// Regression: every case of a submission that reached the wall-clock limit on purpose took seven times that limit.
#[test]
fn repetitions_after_the_wall_clock_limit_have_one_budget_per_submission() {
    let fixture = Fixture::new();
    let starved = || ends(Outcome::WallLimit, 700);
    let judged = |answers: Vec<Answer>| {
        let cases = ["1", "2", "3", "4"].map(|case| fixture.case(case, CasePoints::None)).into();
        let root = CaseGroup { stop: StopRule::Continue, ..group("", cases) };
        let (report, executor) = fixture.judge(root, false, answers);
        assert!(executor.answers.is_empty());
        report.cases.iter().map(|case| (case.verdict, case.reruns)).collect::<Vec<_>>()
    };
    let found = judged((0..8).map(|_| starved()).collect());
    assert_eq!(found, [2, 2, 0, 0].map(|reruns| (Verdict::IdleLimit, reruns)));
    // A repetition that ends early costs only its time.
    let found = judged((0..4).flat_map(|_| [starved(), ok()]).collect());
    assert_eq!(found, [(Verdict::Accepted, 1); 4]);
    // Repetitions after other runs are not counted.
    let found = judged([1001, 990, 1001, 990, 1001, 990, 1001, 990].map(|cpu_ms| prints("ok", cpu_ms)).into());
    assert_eq!(found, [(Verdict::Accepted, 1); 4]);
}

/// An executor in which the wall-clock limit ends a computing program. Contains the number of conversations.
struct Starves(usize);

impl Executor for Starves {
    fn execute(&mut self, _: StepInput<'_>, _: &mut dyn StepObserver) -> Result<StepResult, ExecuteError> {
        panic!("no program runs alone")
    }

    fn interact(&mut self, _: Interaction<'_>, _: &mut dyn StepObserver) -> Result<InteractionResult, ExecuteError> {
        self.0 += 1;
        Ok(InteractionResult {
            program: ended(Outcome::WallLimit, Duration::from_millis(700)),
            interactor: ended(Outcome::Exited(42), Duration::ZERO),
            first: Party::Program,
            settled: false,
            unread: false,
            unheard: false,
            transcript: Vec::new(),
        })
    }
}

#[test]
fn repetitions_of_conversations_have_the_same_budget() {
    let fixture = Fixture::new().with_interactor();
    let cases = ["1", "2", "3", "4"].map(|case| fixture.case(case, CasePoints::None)).into();
    let package = fixture.package(CaseGroup { stop: StopRule::Continue, ..group("", cases) });
    let mut executor = Starves(0);
    let report = fixture.judge_package(&package, &mut executor);
    assert_eq!((verdicts(&report).as_str(), executor.0), ("ILE ILE ILE ILE", 8));
}

/// Regression: the submission ended as an internal failure, without a reason for the package's authors.
#[test]
fn a_file_of_the_package_that_no_step_can_get_is_je_with_the_reason() {
    let fixture = Fixture::new().checked_by_program(Protocol::ExitCode);
    let sized = |name: &str, size| {
        let file = FileRef { size, ..fixture.file(name, "x") };
        ProgramFile { name: BoxPath::new(name).unwrap(), file, executable: false }
    };
    let judged = |change: &dyn Fn(&mut Case), includes, answers| {
        let Node::Case(mut case) = fixture.case("1", CasePoints::None) else { unreachable!() };
        change(&mut case);
        let mut package = fixture.package(group("", vec![Node::Case(case)]));
        package.problem.includes = includes;
        let mut executor = Scripted::new(answers);
        let report = fixture.judge_package(&package, &mut executor);
        assert!(executor.answers.is_empty());
        (report.verdict, report.message.unwrap())
    };
    let too_large = "half: the files of one program or test have more than 64 MiB with this file; use smaller files";
    let of_case = |case: &mut Case| case.files = vec![sized("big", Bytes::mib(65))];
    let (verdict, message) = judged(&of_case, Vec::new(), Vec::new());
    assert_eq!(verdict, Verdict::InternalError);
    assert!(message.contains(&too_large.replace("half", "big")), "{message}");

    let include = Include { language: None, files: vec![sized("b", Bytes::mib(65))], entry_point: None, grader: None };
    let (verdict, message) = judged(&|_| {}, vec![include], Vec::new());
    assert_eq!((verdict, message), (Verdict::InternalError, too_large.replace("half", "b")));

    // The checker's first file is read before the second exceeds the bound, so it must have its size.
    let half = sized("half", Bytes::mib(40));
    std::fs::File::create(fixture.dir.path().join("half")).unwrap().set_len(40 << 20).unwrap();
    let of_checker = |case: &mut Case| {
        let Method::Check(Checker::Program(mut checker)) = (*case.method).clone() else { unreachable!() };
        checker.program.files = vec![half.clone(), half.clone()];
        checker.program.language = Some("script".parse().unwrap());
        case.method = Arc::new(Method::Check(Checker::Program(checker)));
    };
    let (verdict, message) = judged(&of_checker, Vec::new(), Vec::new());
    assert_eq!(verdict, Verdict::InternalError);
    assert!(message.contains("does not build") && message.contains(too_large), "{message}");

    let of_answer = |case: &mut Case| case.answer.as_mut().unwrap().size = Bytes::mib(257);
    let (verdict, message) = judged(&of_answer, Vec::new(), vec![ok()]);
    assert_eq!(verdict, Verdict::InternalError);
    assert!(message.contains("1.ans: the file has 257 MiB") && message.contains("at most 256 MiB"), "{message}");
}

#[test]
fn a_run_on_custom_input_has_the_limits_of_the_sample_and_shows_the_output_file() {
    let fixture = Fixture::new();
    let Node::Case(hidden) = fixture.case("1", CasePoints::None) else { unreachable!() };
    let Node::Case(mut sample) = fixture.case("2", CasePoints::None) else { unreachable!() };
    sample.shown = Some(cupel_problem::Shown::Pair { input: sample.input.clone(), answer: None });
    sample.limits.time = Some(Duration::from_secs(3));
    let mut package = fixture.package(group("", vec![Node::Case(hidden), Node::Case(sample)]));
    let own = |package: &Package, answer: Answer| {
        let mut executor = Scripted::new(vec![answer]);
        let request = |request: &ProblemRequest<'_>| {
            let input: Arc<[u8]> = b"in".as_slice().into();
            run_with_input(request, &input, Bytes::kib(1), &mut executor, &NoCache, &mut Nothing).unwrap()
        };
        let report = fixture.with_request(package, request);
        let stdout = report.execution.as_ref().unwrap().stdout.data.clone();
        (report.limits.cpu_time.as_secs(), executor.wall_times[0].as_secs(), stdout)
    };
    let writes = || Answer { files: vec![("out.txt", "written"), ("other", "x")], ..prints("printed", 1) };
    assert_eq!(own(&package, writes()), (3, 16, b"printed".as_slice().into()));
    package.problem.io.output_file = Some(BoxPath::new("out.txt").unwrap());
    assert_eq!(own(&package, writes()), (3, 16, b"written".as_slice().into()));
    assert_eq!(own(&package, prints("printed", 1)), (3, 16, b"printed".as_slice().into()));
}
