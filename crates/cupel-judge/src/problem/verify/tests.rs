//! Verification with a scripted executor: the cases that are run, repeated and skipped, and the derived time limit.

use std::sync::Arc;
use std::time::Duration;

use cupel_problem::{
    Aggregate, CaseGroup, CasePoints, ExampleSubmission, Expectation, ExpectedVerdict, Generator, GroupScoring,
    InputTrial, InputValidator, MaxScore, Node, Objective, Protocol, Score, ScoreRange, Scoring, SkippedCases,
    StepBounds, StopRule, ValidatorArgs,
};
use cupel_types::{Bytes, Outcome, Start};

use super::*;
use crate::NoCache;
use crate::problem::tests::{Answer, Fixture, Scripted, ends, group, ok, prints, started};

struct Nobody;

impl VerifyObserver for Nobody {
    fn event(&mut self, _: VerifyEvent<'_>) {}
}

fn must_be(verdict: ExpectedVerdict) -> Vec<Expectation> {
    vec![Expectation { verdict: Some(vec![verdict]), ..Expectation::nothing("folder") }]
}

impl Fixture {
    fn with(mut self, name: &str, expectations: Vec<Expectation>) -> Fixture {
        let program = self.program(name);
        self.submissions.push(ExampleSubmission { program, beside: Vec::new(), expectations });
        self
    }

    fn request<'a>(&'a self, package: &'a Package) -> VerifyRequest<'a> {
        VerifyRequest {
            package,
            languages: &self.languages,
            derive_time_limit: false,
            margins_bind: true,
            all_cases: false,
            owner: UserId::from_uuid(uuid::Uuid::nil()),
        }
    }

    fn verify(&self, children: Vec<Node>, answers: Vec<Answer>) -> (VerifyReport, Scripted) {
        self.verify_as(children, answers, |_| {})
    }

    fn verify_as(
        &self,
        children: Vec<Node>,
        answers: Vec<Answer>,
        change: impl Fn(&mut VerifyRequest<'_>),
    ) -> (VerifyReport, Scripted) {
        let package = self.package(group("", children));
        let mut request = self.request(&package);
        change(&mut request);
        let mut executor = Scripted::new(answers);
        let report = verify(&request, &mut executor, &NoCache, &mut Nobody).unwrap();
        (report, executor)
    }

    fn cases(&self, ids: &[&str]) -> Vec<Node> {
        ids.iter().map(|id| self.case(id, CasePoints::None)).collect()
    }
}

/// Returns the subject, the finding and the expectation of each broken claim.
fn broken(report: &VerifyReport) -> Vec<String> {
    report.broken().map(|claim| format!("{:?}: {} not {}", claim.subject, claim.got, claim.expected)).collect()
}

#[test]
fn a_submission_is_run_on_all_cases_and_checked_against_every_rule() {
    let accepted = |answers: Vec<Answer>| {
        let fixture = Fixture::new().with("a.scr", must_be(ExpectedVerdict::Accepted));
        fixture.verify(fixture.cases(&["1", "2", "3"]), answers)
    };
    let (report, executor) = accepted(vec![ok(), ok(), ok()]);
    assert!(report.holds() && executor.answers.is_empty(), "{:?}", broken(&report));
    let (report, executor) = accepted(vec![ok(), prints("no", 1), ok()]);
    assert!(!report.holds() && executor.answers.is_empty());
    let claim = report.broken().next().unwrap();
    assert_eq!((claim.case.as_deref(), claim.rule.as_str(), claim.expected.as_str()), (Some("2"), "folder", "AC"));
    assert!(claim.got.starts_with("WA: "), "{}", claim.got);
    let row = &report.submissions[0];
    assert_eq!((row.verdict, row.groups[0].verdict, row.holds), (Verdict::WrongAnswer, Verdict::WrongAnswer, false));
}

#[test]
fn equal_cases_are_run_once_and_reported_for_each() {
    let fixture = Fixture::new().with("a.scr", must_be(ExpectedVerdict::Accepted));
    let cases = [("1", "x"), ("2", "y"), ("3", "x")].map(|(id, input)| fixture.case_with(id, input, CasePoints::None));
    let (report, executor) = fixture.verify(cases.into(), vec![ok(), prints("ok", 7)]);
    assert!(report.holds(), "{:?}", broken(&report));
    assert_eq!(executor.requests.iter().map(|(_, stdin)| stdin.as_str()).collect::<Vec<_>>(), ["x", "y"]);
    assert_eq!(report.submissions[0].slowest(), Some(Duration::from_millis(7)));
}

#[test]
fn equal_cases_are_all_run_if_the_checker_gets_their_position() {
    for (protocol, codes, steps) in [
        (Protocol::PythonModule { is_old: false }, (42, 43), 10),
        (Protocol::FeedbackDirectory, (42, 43), 5),
        (Protocol::ExitCode, (0, 1), 5),
    ] {
        let fixture =
            Fixture::new().checked_by_program(protocol.clone()).with("a.scr", vec![Expectation::nothing("nothing")]);
        let cases = ["1", "2"].map(|id| fixture.case_with(id, "x", CasePoints::None));
        let (accepts, rejects) = (ends(Outcome::Exited(codes.0), 1), ends(Outcome::Exited(codes.1), 1));
        // The checker is called with an empty output, with random bytes, and with the answer.
        let of_outputs = [rejects.clone(), rejects, accepts.clone()];
        let judged = [ok(), accepts];
        let twice = steps / 5;
        let answers = of_outputs.iter().cycle().take(3 * twice).chain(judged.iter().cycle().take(2 * twice));
        let (report, executor) = fixture.verify(cases.into(), answers.cloned().collect());
        assert!(report.holds(), "{protocol:?}: {:?}", broken(&report));
        assert_eq!((executor.requests.len(), executor.answers.len()), (steps, 0), "{protocol:?}");
    }
}

#[test]
fn an_answer_may_have_as_many_bytes_as_its_own_case_allows() {
    for (of_problem, of_case, holds) in [(2, None, false), (2, Some(3), true), (3, Some(2), false), (3, None, true)] {
        let mut fixture = Fixture::new().with("a.scr", vec![Expectation::nothing("nothing")]);
        fixture.limits.output = Bytes::new(of_problem);
        let Node::Case(mut case) = fixture.case("1", CasePoints::None) else { unreachable!() };
        case.limits.output = of_case.map(Bytes::new);
        let (report, _) = fixture.verify(vec![Node::Case(case)], vec![ok()]);
        assert_eq!(report.holds(), holds, "{of_problem} {of_case:?} {:?}", broken(&report));
    }
}

/// In a sample, an invalid score file has no effect.
#[test]
fn a_checker_that_writes_an_invalid_score_file_does_not_decide() {
    for (points, holds) in [(CasePoints::None, false), (CasePoints::Ignored, true)] {
        let fixture = Fixture::new()
            .checked_by_program(Protocol::FeedbackDirectory)
            .with("a.scr", vec![Expectation::nothing("nothing")]);
        let scores = |code| ends(Outcome::Exited(code), 1).with_files(vec![(".cupel/feedback/score.txt", "x")]);
        let outputs = [scores(43), scores(43), scores(42)].into_iter().take(if holds { 3 } else { 1 });
        let answers = outputs.chain([ok(), ends(Outcome::Exited(42), 1)]).collect();
        let (report, executor) = fixture.verify(vec![fixture.case("1", points)], answers);
        assert_eq!((report.holds(), executor.answers.len()), (holds, 0), "{points:?} {:?}", broken(&report));
    }
}

/// Source: problemtools, `verifyproblem`, `fully_accepted`.
#[test]
fn if_the_lower_score_is_better_the_best_score_is_the_least_of_the_range() {
    let full = |full| vec![Expectation { full_score: Some(full), ..Expectation::nothing("folder") }];
    let mut fixture = Fixture::new()
        .checked_by_program(Protocol::FeedbackDirectory)
        .with("best.scr", full(true))
        .with("worst.scr", full(false));
    let bound = |points| Score::points(points).unwrap();
    let points = CasePoints::FromChecker {
        max: MaxScore::Unbounded,
        unnamed: None,
        rejected: Score::ZERO,
        also_rejecting: false,
        may_be_negative: true,
    };
    let scored = |score| ends(Outcome::Exited(42), 1).with_files(vec![(".cupel/feedback/score.txt", score)]);
    let mut broken_claims = |objective, scores: [&'static str; 2]| {
        fixture.scoring = Scoring::Points { objective, skipped: SkippedCases::Zero };
        let root = CaseGroup {
            scoring: GroupScoring::Aggregate(Aggregate::Sum),
            max: MaxScore::Bounded(bound(1000)),
            range: ScoreRange::new(Some(bound(0)), Some(bound(1000))),
            ..group("", vec![fixture.case("1", points)])
        };
        let package = fixture.package(root);
        // The checker gets an empty output, random bytes and the answer, and then the outputs of the submissions.
        let rejects = ends(Outcome::Exited(43), 1);
        let answers = vec![rejects.clone(), rejects, scored("0"), ok(), scored(scores[0]), ok(), scored(scores[1])];
        let mut executor = Scripted::new(answers);
        broken(&verify(&fixture.request(&package), &mut executor, &NoCache, &mut Nobody).unwrap())
    };
    assert_eq!(broken_claims(Objective::Min, ["0", "1000"]), [""; 0]);
    assert_eq!(broken_claims(Objective::Max, ["1000", "0"]), [""; 0]);
    let [best, worst] = &broken_claims(Objective::Min, ["1000", "0"])[..] else { panic!("two claims") };
    assert!(best.ends_with(": 1000 not the best score, 0"), "{best}");
    assert!(worst.ends_with(": 0 not more than 0 points"), "{worst}");
}

#[test]
fn times_within_the_margins_are_measured_again_and_the_fastest_counts() {
    // The limit is 1 s, so the margins begin at 0.5 s and end at 1.5 s.
    for (times, runs, verdict) in [
        (&[499][..], 1, "AC"),
        (&[501, 480], 2, "AC"),
        (&[900, 800, 850], 3, "AC"),
        (&[1200, 990, 400], 3, "AC"),
        (&[1100, 1200, 1300], 3, "TLE"),
    ] {
        let fixture = Fixture::new().with("a.scr", vec![Expectation::nothing("nothing")]);
        let answers: Vec<Answer> = times.iter().map(|time| prints("ok", *time)).collect();
        let (report, executor) = fixture.verify(fixture.cases(&["1"]), answers);
        let row = &report.submissions[0];
        assert_eq!((executor.requests.len(), row.verdict.code()), (runs, verdict), "{times:?}");
        let fastest = times.iter().min().copied().map(Duration::from_millis);
        assert_eq!(row.slowest(), fastest, "{times:?}");
    }
}

#[test]
fn a_limit_with_too_small_a_margin_on_either_side_does_not_hold() {
    let verified = |accepted: u64, too_slow: Answer, bind: bool| {
        let fixture = Fixture::new()
            .with("a.scr", must_be(ExpectedVerdict::Accepted))
            .with("t.scr", must_be(ExpectedVerdict::TimeLimit));
        let mut answers = vec![prints("ok", accepted); if accepted > 500 { 3 } else { 1 }];
        answers.extend(vec![too_slow; 3]);
        let (report, _) = fixture.verify_as(fixture.cases(&["1"]), answers, |request| request.margins_bind = bind);
        (broken(&report), report.notes.len())
    };
    let killed = || ends(Outcome::TimeLimit, 1550);
    assert_eq!(verified(500, killed(), true), (vec![], 0));
    let (found, _) = verified(510, killed(), true);
    assert_eq!(found, ["TimeLimit: 1 s not at least 2 times the 0.51 s of a.scr"]);
    let (found, _) = verified(10, prints("ok", 1400), true);
    assert_eq!(found, ["TimeLimit: 1 s not 1.5 times the limit is at most the 1.4 s of t.scr"]);
    // For a format without margins, a violated margin is only reported.
    assert_eq!(verified(510, killed(), false), (vec![], 1));
    // A submission that is in time is not too slow, regardless of the margins.
    let (found, _) = verified(10, prints("ok", 400), false);
    assert_eq!(found.len(), 1, "{found:?}");
}

#[test]
fn a_limit_is_derived_from_submissions_that_satisfy_their_rules() {
    let fixture = |limit: Option<Duration>| {
        let mut fixture = Fixture::new()
            .with("t.scr", must_be(ExpectedVerdict::TimeLimit))
            .with("a.scr", must_be(ExpectedVerdict::Accepted))
            .with("b.scr", must_be(ExpectedVerdict::Accepted));
        fixture.limits.time.limit = limit;
        fixture
    };
    let answers = |first| vec![prints(first, 5000), prints("ok", 1200), ends(Outcome::TimeLimit, 60_000)];
    let one = Duration::from_secs(1);
    for (given, derive, first, limit, holds) in [
        (None, false, "ok", 10 * one, true),
        (Some(one), true, "ok", 10 * one, true),
        // A submission with a wrong answer proves nothing about times.
        (None, false, "no", 3 * one, false),
    ] {
        let fixture = fixture(given);
        let change = |request: &mut VerifyRequest<'_>| request.derive_time_limit = derive;
        let (report, _) = fixture.verify_as(fixture.cases(&["1"]), answers(first), change);
        assert_eq!(report.time_limit.limit, Some(limit), "{given:?} {first}");
        assert!(report.time_limit.derived);
        assert_eq!(report.holds(), holds, "{:?}", broken(&report));
    }
    // A submission that must be too slow is in time under the derived limit.
    let fixture = fixture(None);
    let (report, _) =
        fixture.verify(fixture.cases(&["1"]), vec![prints("ok", 900), prints("ok", 100), prints("ok", 990)]);
    assert_eq!(report.time_limit.limit, Some(2 * one));
    assert_eq!(broken(&report).len(), 1, "{:?}", broken(&report));
}

#[test]
fn times_measured_with_cold_starts_are_reported() {
    let (warm, cold) = (Some(Start::Warm), Some(Start::Cold));
    let notes = |limit: Option<Duration>, starts: [Option<Start>; 2]| {
        let mut fixture = Fixture::new().with("a.scr", must_be(ExpectedVerdict::Accepted));
        fixture.limits.time.limit = limit;
        let answers = starts.map(started).to_vec();
        let (report, _) = fixture.verify(fixture.cases(&["1", "2"]), answers);
        report.notes.into_iter().filter(|note| note.contains("cold")).collect::<Vec<_>>()
    };
    assert_eq!(notes(None, [None, None]), [""; 0], "a language without a warm start");
    assert_eq!(notes(None, [warm, warm]), [""; 0]);
    let [note] = &notes(None, [cold, cold])[..] else { panic!("one note") };
    assert!(note.starts_with("a.scr: the time limit was derived with cold starts of "), "{note}");
    assert!(note.contains("worker.warm_interpreters"), "{note}");
    let [note] = &notes(Some(Duration::from_secs(1)), [cold, cold])[..] else { panic!("one note") };
    assert!(note.starts_with("a.scr: margins were measured with cold starts of "), "{note}");
    let [note] = &notes(None, [warm, cold])[..] else { panic!("one note") };
    assert!(note.starts_with("a.scr: 1 of its tests started cold (the first is 2)"), "{note}");
}

#[test]
fn without_a_limit_an_accepted_submission_that_fails_is_named() {
    let mut fixture = Fixture::new().with("a.scr", must_be(ExpectedVerdict::Accepted));
    fixture.limits.time.limit = None;
    let (report, _) = fixture.verify(fixture.cases(&["1"]), vec![prints("no", 1)]);
    let claims = broken(&report);
    let named = "TimeLimit: no limit, and no submission that passes as it must (a.scr: WA)";
    assert!(claims.iter().any(|claim| claim.starts_with(named)), "{claims:?}");
}

#[test]
fn without_a_limit_in_the_package_or_accepted_submissions_there_is_no_limit() {
    let mut fixture = Fixture::new();
    fixture.limits.time.limit = None;
    let (report, _) = fixture.verify(fixture.cases(&["1"]), Vec::new());
    assert_eq!(broken(&report), ["TimeLimit: neither not a time limit, or an accepted submission to derive it from"]);
    assert!(!report.time_limit.derived);
}

#[test]
fn a_group_with_a_timeout_is_skipped_if_its_other_cases_have_no_effect() {
    let slow = || ends(Outcome::TimeLimit, 1550);
    let groups = |fixture: &Fixture| -> Vec<Node> {
        let inner = |name: &str| {
            let cases = [format!("{name}1"), format!("{name}2")].map(|id| fixture.case(&id, CasePoints::None));
            let mut group = group(name, cases.into());
            group.stop = StopRule::Break;
            Node::Group(group)
        };
        vec![inner("a"), inner("b")]
    };
    let per_case =
        vec![Expectation { permitted: Some(vec![ExpectedVerdict::TimeLimit]), ..Expectation::nothing("cases") }];
    for (rules, all, runs) in [
        (must_be(ExpectedVerdict::TimeLimit), false, 2),
        (must_be(ExpectedVerdict::TimeLimit), true, 4),
        (per_case, false, 4),
    ] {
        let fixture = Fixture::new().with("t.scr", rules);
        let change = |request: &mut VerifyRequest<'_>| request.all_cases = all;
        let (report, executor) = fixture.verify_as(groups(&fixture), vec![slow(); 4], change);
        assert_eq!(executor.requests.len(), runs, "{all}");
        assert!(report.holds(), "{:?}", broken(&report));
        let verdicts: Vec<&str> = report.submissions[0].groups.iter().map(|group| group.verdict.code()).collect();
        assert_eq!(verdicts, ["TLE", "TLE"]);
    }
}

#[test]
fn a_rule_about_cases_that_do_not_exist_does_not_hold() {
    for (pattern, holds) in [("1", true), ("2", false)] {
        let rule = Expectation {
            permitted: Some(vec![ExpectedVerdict::Accepted]),
            scope: Scope::Glob(pattern.to_owned()),
            ..Expectation::nothing("submissions.yaml")
        };
        let fixture = Fixture::new().with("a.scr", vec![rule]);
        let (report, _) = fixture.verify(fixture.cases(&["1"]), vec![ok()]);
        assert_eq!(report.holds(), holds, "{pattern}: {:?}", broken(&report));
    }
}

#[test]
fn a_note_reports_that_nothing_was_judged_in_a_package_without_submissions() {
    let fixture = Fixture::new();
    let (report, _) = fixture.verify(fixture.cases(&["1"]), Vec::new());
    assert!(report.holds());
    assert_eq!(report.notes, [NO_SUBMISSIONS]);
}

/// Returns how `gen.scr` makes the input and the answer of all cases.
fn generates(fixture: &Fixture) -> cupel_problem::Made {
    let bounds = StepBounds { time: Duration::from_secs(7), ..fixture.limits.validation };
    let by = Arc::new(Generator { program: fixture.program("gen.scr"), bounds });
    cupel_problem::Made { by, args: vec!["3".to_owned()], input: true, answer: true }
}

#[test]
fn generators_run_in_a_package_without_submissions() {
    let verified = |answers: Vec<Answer>| {
        let mut fixture = Fixture::new();
        fixture.made = Some(generates(&fixture));
        let (report, executor) = fixture.verify(fixture.cases(&["1", "2"]), answers);
        assert!(executor.answers.is_empty());
        assert!(executor.requests.iter().all(|(argv, _)| argv.last().unwrap() == "3"), "{:?}", executor.requests);
        (broken(&report), report.claims.len())
    };
    assert_eq!(verified(vec![prints("5", 1), prints("6", 1)]), (vec![], 2));
    // The wall-clock limit ended a generator that got too little processor time.
    assert_eq!(verified(vec![ends(Outcome::WallLimit, 700), prints("5", 1), prints("6", 1)]), (vec![], 2));
    let starved = || ends(Outcome::WallLimit, 700);
    let expected = "Generator(PackagePath(\"gen.scr\")): the generator exceeded its wall-clock limit of 72 s not the data \
                    of the test";
    assert_eq!(verified(vec![starved(), starved(), starved()]), (vec![expected.to_owned()], 1));
    // A generator that failed is not run again.
    for (outcome, got) in [
        (Outcome::Exited(3), "the generator ended with exit code 3"),
        (Outcome::TimeLimit, "the generator exceeded its CPU time limit of 7 s"),
    ] {
        let expected = format!("Generator(PackagePath(\"gen.scr\")): {got} not the data of the test");
        assert_eq!(verified(vec![ends(outcome, 1)]), (vec![expected], 1));
    }
}

#[test]
fn a_generator_that_failed_does_not_hide_another_with_the_same_path() {
    let mut fixture = Fixture::new();
    let [first, mut second] = [generates(&fixture), generates(&fixture)];
    let program = Program { flags: vec!["-g".to_owned()], ..second.by.program.clone() };
    second.by = Arc::new(Generator { program, bounds: second.by.bounds });
    let mut cases = Vec::new();
    for (id, made) in [("1", first), ("2", second)] {
        fixture.made = Some(made);
        cases.extend(fixture.cases(&[id]));
    }
    let (report, executor) = fixture.verify(cases, vec![ends(Outcome::Exited(3), 1), prints("5", 1)]);
    assert!(executor.answers.is_empty(), "the second generator runs");
    assert_eq!((broken(&report).len(), report.claims.len()), (1, 2));
}

#[test]
fn a_checker_decides_about_the_answers_of_generators() {
    let mut fixture = Fixture::new().checked_by_program(Protocol::ExitCode);
    fixture.made = Some(generates(&fixture));
    let mut answers = vec![prints("5", 1)];
    answers.extend([1, 1, 0].map(|code| ends(Outcome::Exited(code), 1)));
    let (report, executor) = fixture.verify(fixture.cases(&["1"]), answers);
    assert!(report.holds() && executor.answers.is_empty(), "{:?}", broken(&report));
    let answers = vec![prints("5", 1), ends(Outcome::IdleLimit, 1)];
    let (report, _) = fixture.verify(fixture.cases(&["1"]), answers);
    let [found] = &broken(&report)[..] else { panic!("one broken claim") };
    assert!(found.ends_with("it exceeded its idle time limit of 62 s not a decision about an empty output"), "{found}");
}

#[test]
fn programs_are_built_in_a_package_without_submissions() {
    let mut fixture = Fixture::new().checked_by_program(Protocol::FeedbackDirectory);
    fixture.made = Some(generates(&fixture));
    fixture.languages = Registry::new(Vec::new()).unwrap();
    let (report, executor) = fixture.verify(fixture.cases(&["1"]), Vec::new());
    assert!(executor.requests.is_empty());
    let found = broken(&report);
    let expected = "a program in a language that is installed here";
    let is_of = |start: &str| found.iter().any(|claim| claim.starts_with(start) && claim.ends_with(expected));
    assert!(
        found.len() == 2 && is_of("Generator(PackagePath(\"gen.scr\"))") && is_of("Checker(\"check.scr\")"),
        "{found:?}"
    );
}

#[test]
fn an_interactor_must_decide_about_some_output_if_there_are_no_submissions() {
    let verified = |codes: [i32; 2]| {
        let fixture = Fixture::new().with_interactor();
        let (report, _) =
            fixture.verify(fixture.cases(&["1"]), codes.map(|code| ends(Outcome::Exited(code), 1)).into());
        (broken(&report), report.claims.len())
    };
    assert_eq!(verified([43, 43]), (vec![], 1));
    assert_eq!(verified([1, 43]), (vec![], 1));
    let (found, _) = verified([1, 3]);
    assert!(found.len() == 1 && found[0].contains("JE: ") && found[0].contains("exit code 3"), "{found:?}");
}

#[test]
fn validators_accept_every_input_and_one_of_them_rejects_each_invalid_input() {
    let exits = |code| ends(Outcome::Exited(code), 1);
    let verified = |codes: &[i32]| {
        let mut fixture = Fixture::new();
        fixture.validators =
            ["v.scr", "w.scr"].map(|name| InputValidator::ExitCode42(fixture.program(name))).into_iter().collect();
        let input = fixture.file("bad.in", "bad");
        fixture.trials.invalid_inputs = vec![InputTrial {
            name: "bad".to_owned(),
            input,
            validator_args: ValidatorArgs::Every(vec!["small".to_owned()]),
        }];
        let answers = codes.iter().map(|code| exits(*code)).collect();
        let (report, executor) = fixture.verify(fixture.cases(&["1"]), answers);
        assert_eq!(executor.requests.last().unwrap().0.last().unwrap(), "small");
        broken(&report)
    };
    assert!(verified(&[42, 42, 42, 43]).is_empty());
    assert!(verified(&[42, 42, 43, 42]).is_empty());
    for (codes, who, got) in [
        (&[42, 43, 42, 43][..], "w.scr", "rejected"),
        (&[0, 42, 42, 43], "v.scr", "it ended with exit code 0"),
        (&[42, 42, 42, 42], "w.scr", "accepted"),
        (&[42, 42, 1], "v.scr", "it ended with exit code 1"),
    ] {
        let found = verified(codes);
        assert!(found.len() == 1 && found[0].contains(who) && found[0].contains(got), "{codes:?}: {found:?}");
    }
}

#[test]
fn an_unchecked_claim_does_not_hold() {
    struct Stops;
    impl VerifyObserver for Stops {
        fn event(&mut self, _: VerifyEvent<'_>) {}
        fn cancelled(&mut self) -> bool {
            true
        }
    }
    let fixture = Fixture::new().with("a.scr", must_be(ExpectedVerdict::Accepted));
    let package = fixture.package(group("", fixture.cases(&["1"])));
    let request = fixture.request(&package);
    let report = verify(&request, &mut Scripted::new(Vec::new()), &NoCache, &mut Stops).unwrap();
    assert!(report.cancelled && !report.holds());

    // A submission is in a language that is not installed here.
    let nowhere = Registry::new(Vec::new()).unwrap();
    let request = VerifyRequest { languages: &nowhere, ..request };
    let report = verify(&request, &mut Scripted::new(Vec::new()), &NoCache, &mut Nobody).unwrap();
    assert!(!report.holds() && broken(&report)[0].contains("none was run"), "{:?}", broken(&report));
}

#[test]
fn a_submission_in_a_language_that_is_not_installed_is_a_note_if_others_hold() {
    let mut fixture = Fixture::new().with("a.scr", must_be(ExpectedVerdict::Accepted));
    fixture = fixture.with("b.scr", must_be(ExpectedVerdict::Accepted));
    let mut package = fixture.package(group("", fixture.cases(&["1"])));
    package.problem.submissions[1].program.language = Some("unlambda".parse().unwrap());
    let request = fixture.request(&package);
    let mut right = Scripted::new(vec![ok()]);
    let report = verify(&request, &mut right, &NoCache, &mut Nobody).unwrap();
    assert!(report.holds(), "{:?}", broken(&report));
    assert!(
        report.notes.iter().any(|note| note.contains("b.scr") && note.contains("`unlambda`")),
        "{:?}",
        report.notes
    );
    let untried = &report.submissions[1];
    assert_eq!((untried.verdict, untried.holds, untried.language.is_some()), (Verdict::Skipped, true, false));
}

#[test]
fn a_package_of_which_no_accepted_submission_runs_does_not_hold() {
    let mut fixture = Fixture::new().with("a.scr", must_be(ExpectedVerdict::Accepted));
    fixture = fixture.with("b.scr", must_be(ExpectedVerdict::WrongAnswer));
    let mut package = fixture.package(group("", fixture.cases(&["1"])));
    package.problem.submissions[0].program.language = Some("unlambda".parse().unwrap());
    let request = fixture.request(&package);
    let mut wrong = Scripted::new(vec![prints("no", 1)]);
    let report = verify(&request, &mut wrong, &NoCache, &mut Nobody).unwrap();
    let unproved = "at least one accepted submission in a language that is installed here";
    assert!(!report.holds() && broken(&report)[0].contains(unproved), "{:?}", broken(&report));
}

#[test]
fn without_an_accepted_submission_a_checker_must_accept_the_answers() {
    // The checker gets an empty output, random bytes and the answer, and then the output of the submission.
    let codes = |codes: &[i32]| codes.iter().map(|code| ends(Outcome::Exited(*code), 1)).collect::<Vec<_>>();
    let fixture = || Fixture::new().checked_by_program(Protocol::FeedbackDirectory);
    let verified = |fixture: Fixture, answers: Vec<Answer>| {
        let (report, executor) = fixture.verify(fixture.cases(&["1"]), answers);
        assert!(executor.answers.is_empty());
        broken(&report)
    };
    assert_eq!(verified(fixture(), codes(&[43, 43, 42])), [""; 0]);
    let found = ["Checker(\"check.scr\"): rejected not the answer accepted"];
    assert_eq!(verified(fixture(), codes(&[43, 43, 43])), found);
    let wrong = || fixture().with("w.scr", must_be(ExpectedVerdict::WrongAnswer));
    assert_eq!(verified(wrong(), [codes(&[43, 43, 43]), vec![ok()], codes(&[43])].concat()), found);
    // The checker may require another output, which the accepted submission proves.
    let accepted = || fixture().with("a.scr", must_be(ExpectedVerdict::Accepted));
    assert_eq!(verified(accepted(), [codes(&[43, 43, 43]), vec![ok()], codes(&[42])].concat()), [""; 0]);
}

#[test]
fn a_note_names_an_interactor_that_may_accept_nothing() {
    let notes = |fixture: Fixture, codes: &[i32]| {
        let answers = codes.iter().map(|code| ends(Outcome::Exited(*code), 1)).collect();
        let (report, _) = fixture.verify(fixture.cases(&["1"]), answers);
        report.notes.into_iter().filter(|note| note.contains("accepts anything")).collect::<Vec<_>>()
    };
    let [note] = &notes(Fixture::new().with_interactor(), &[43, 43])[..] else { panic!("one note") };
    assert!(note.starts_with("talk.scr: there is no accepted submission"), "{note}");
    let proved = Fixture::new().with_interactor().with("a.scr", must_be(ExpectedVerdict::Accepted));
    assert_eq!(notes(proved, &[43, 43, 42]), [""; 0]);
    assert_eq!(notes(Fixture::new().checked_by_program(Protocol::FeedbackDirectory), &[43, 43, 42]), [""; 0]);
}

#[test]
fn an_idle_submission_proves_nothing_about_the_time_limit() {
    let fixture = || Fixture::new().with("t.scr", must_be(ExpectedVerdict::TimeLimit));
    let verified = |answers: Vec<Answer>| {
        let fixture = fixture();
        let (report, _) = fixture.verify_as(fixture.cases(&["1", "2"]), answers, |request| request.all_cases = true);
        assert!(report.holds(), "{:?}", broken(&report));
        report
    };
    let report = verified(vec![ends(Outcome::IdleLimit, 5), ok()]);
    assert!(report.time_limit.fastest_too_slow.is_none() && report.submissions[0].is_idle());
    assert!(
        report.notes.iter().any(|note| note.starts_with("t.scr, 1: the submission was idle")),
        "{:?}",
        report.notes
    );
    assert!(!report.claims.iter().any(|claim| claim.subject == Subject::TimeLimit), "{:?}", report.claims);
    let report = verified(vec![ends(Outcome::IdleLimit, 5), ends(Outcome::TimeLimit, 1550)]);
    assert_eq!(report.time_limit.fastest_too_slow.unwrap().time, Duration::from_millis(1550));
}

#[test]
fn long_messages_are_shortened_in_notes_and_claims() {
    let fixture = Fixture::new().checked_by_program(Protocol::FeedbackDirectory);
    let floods = ends(Outcome::Exited(1), 1).with_stderr("x".repeat(100_000).leak());
    let (report, _) = fixture.verify(fixture.cases(&["1"]), vec![floods]);
    let claim = report.broken().next().unwrap();
    assert!(claim.got.len() < SHOWN_BYTES_MAX + 100 && claim.got.ends_with(" bytes more)"), "{}", claim.got);
}
