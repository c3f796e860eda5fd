//! Compares the result of a submission with the package's expectations. The functions are pure.
//!
//! Source: Kattis problem package format 2025-09, "Submissions"; legacy, "Example submissions"; DOMjudge manual,
//! `@EXPECTED_RESULTS@`.

use cupel_problem::{
    CaseId, ExampleSubmission, Expectation, ExpectedVerdict, MaxScore, Objective, Problem, Scope, Score, ScoreRange,
    Scoring,
};
use cupel_types::{Verdict, counted};

use super::report::{Claim, Subject};
use crate::problem::answer::message;
use crate::problem::report::shortened;
use crate::problem::{ProblemCaseReport, ProblemReport};

/// Maximum number of lines and bytes that a claim shows of the compiler's output.
/// Maximum number of messages of cases in a claim.
const MESSAGES_SHOWN: usize = 3;
const COMPILER_LINES_MAX: usize = 10;
const COMPILER_BYTES_MAX: usize = 1 << 10;

/// The best score that a submission may get.
#[derive(Clone, Copy, Debug)]
pub(super) struct BestScore {
    objective: Objective,
    /// `Unbounded` if there is no bound, or it is unknown. `None` if the submission was not scored.
    score: Option<MaxScore>,
}

impl BestScore {
    /// If the lower score is better, the best score is the lower end of the problem's range. Source: problemtools,
    /// `verifyproblem`, `fully_accepted`.
    pub(super) fn of(problem: &Problem, report: &ProblemReport) -> BestScore {
        match problem.scoring {
            Scoring::Points { objective: Objective::Min, .. } => {
                let least = problem.tests.root().range.and_then(|range| range.low());
                let score = report.max_score.map(|_| least.map_or(MaxScore::Unbounded, MaxScore::Bounded));
                BestScore { objective: Objective::Min, score }
            }
            Scoring::Points { objective: Objective::Max, .. } | Scoring::PassFail => {
                BestScore { objective: Objective::Max, score: report.max_score }
            }
        }
    }
}

/// Returns all expectations on a submission as claims, compared with its result.
pub(super) fn claims(example: &ExampleSubmission, report: &ProblemReport, best: BestScore) -> Vec<Claim> {
    let about = About { example, report, best };
    if let Some(claim) = about.judged() {
        return vec![claim];
    }
    example.expectations.iter().flat_map(|rule| about.rule(rule)).collect()
}

struct About<'a> {
    example: &'a ExampleSubmission,
    report: &'a ProblemReport,
    best: BestScore,
}

impl About<'_> {
    fn claim(&self, rule: &str, expected: String, got: String, case: Option<&CaseId>, holds: bool) -> Claim {
        Claim {
            subject: Subject::Submission(self.example.program.path.clone()),
            rule: rule.to_owned(),
            expected,
            got,
            case: case.map(CaseId::to_string),
            holds,
        }
    }

    /// If the submission could not be judged, returns a claim with the fault, because its expectations cannot be
    /// checked.
    fn judged(&self) -> Option<Claim> {
        let report = self.report;
        let why = || report.message.clone().unwrap_or_default();
        let case = report.cases.iter().find(|case| case.verdict == Verdict::InternalError).map(|case| &case.id);
        (report.verdict == Verdict::InternalError).then(|| {
            let got = format!("JE: {}", why());
            self.claim("judging", "a verdict on the submission".to_owned(), got, case, false)
        })
    }

    fn rule(&self, rule: &Expectation) -> Vec<Claim> {
        let each = [
            rule.verdict.as_deref().map(|verdicts| self.verdict(rule, verdicts)),
            rule.permitted.as_deref().map(|verdicts| self.permitted(rule, verdicts)),
            rule.required.as_deref().map(|verdicts| self.required(rule, verdicts)),
            rule.score.as_ref().map(|range| self.score(rule, range)),
            rule.full_score.map(|full| self.full_score(rule, full)),
            rule.message.as_deref().map(|text| self.message(rule, text)),
        ];
        each.into_iter().flatten().collect()
    }

    fn built(&self) -> bool {
        !self.report.cases.is_empty()
    }

    fn covered<'s>(&'s self, rule: &'s Expectation) -> impl Iterator<Item = &'s ProblemCaseReport> {
        let ran = |case: &&ProblemCaseReport| case.verdict != Verdict::Skipped;
        self.report.cases.iter().filter(|case| rule.scope.covers(&case.id)).filter(ran)
    }

    /// Returns the claim on the overall verdict.
    fn verdict(&self, rule: &Expectation, expected: &[ExpectedVerdict]) -> Claim {
        let got = self.report.verdict.overall();
        let holds = expected.iter().any(|verdict| verdict.covers(got));
        let decisive = self.report.cases.iter().find(|case| case.verdict == got && got != Verdict::Accepted);
        // The claim already contains the case.
        let place = decisive.map(|case| format!("{}: ", case.id)).unwrap_or_default();
        let message = match self.built() {
            true => self.report.message.clone(),
            false => self.why_not_built(),
        };
        let got_text = match &message {
            Some(message) if !holds => format!("{}: {}", got.code(), message.strip_prefix(&place).unwrap_or(message)),
            _ => got.code().to_owned(),
        };
        self.claim(&rule.origin, names(expected), got_text, decisive.map(|case| &case.id), holds)
    }

    /// Returns the claim on the verdicts of all cases.
    fn permitted(&self, rule: &Expectation, permitted: &[ExpectedVerdict]) -> Claim {
        let expected = format!("only {}{}", names(permitted), on(&rule.scope));
        if !self.built() {
            return self.not_built(rule, expected);
        }
        let wrong = self.covered(rule).find(|case| !permitted.iter().any(|verdict| verdict.covers(case.verdict)));
        match wrong {
            Some(case) => self.claim(&rule.origin, expected, self.shown(case), Some(&case.id), false),
            // A pattern that matches no case, such as a misspelt one, says nothing.
            None => {
                let holds = !matches!(rule.scope, Scope::Glob(_)) || self.covered(rule).next().is_some();
                self.claim(&rule.origin, expected, self.verdicts(rule), None, holds)
            }
        }
    }

    /// Returns the claim on the verdict of at least one case.
    fn required(&self, rule: &Expectation, required: &[ExpectedVerdict]) -> Claim {
        let expected = format!("{} on some case{}", names(required), on(&rule.scope));
        if !self.built() {
            return self.not_built(rule, expected);
        }
        let right = self.covered(rule).find(|case| required.iter().any(|verdict| verdict.covers(case.verdict)));
        match right {
            Some(case) => self.claim(&rule.origin, expected, case.verdict.code().to_owned(), Some(&case.id), true),
            None => self.claim(&rule.origin, expected, self.verdicts(rule), None, false),
        }
    }

    /// Returns the reason why the submission does not build: its message, or the beginning of the compiler's output.
    fn why_not_built(&self) -> Option<String> {
        let compiler = || {
            let output = message(&self.report.compile.as_ref()?.output.data)?;
            let mut lines = output.lines();
            let first: Vec<&str> = lines.by_ref().take(COMPILER_LINES_MAX).collect();
            let more = match lines.count() {
                0 => String::new(),
                more => format!("\n… ({} more)", counted(more, "line")),
            };
            Some(format!("{}{more}", shortened(&first.join("\n"), COMPILER_BYTES_MAX)))
        };
        self.report.message.clone().or_else(compiler)
    }

    fn not_built(&self, rule: &Expectation, expected: String) -> Claim {
        let got = self.report.verdict.overall();
        let why = self.why_not_built().map(|message| format!(": {message}")).unwrap_or_default();
        self.claim(&rule.origin, expected, format!("{}{why}", got.code()), None, false)
    }

    /// Returns the claim on the score. If the rule names groups, the claim is on each of these groups that is not
    /// inside another of them; otherwise, it is on the overall score.
    fn score(&self, rule: &Expectation, range: &ScoreRange) -> Claim {
        let expected = format!("a score of {}{}", shown(range), on(&rule.scope));
        let scores: Vec<(String, Option<Score>)> = match &rule.scope {
            Scope::All => vec![(String::new(), self.report.score)],
            Scope::Glob(_) => self.scores_in(rule),
        };
        let wrong = scores.iter().find(|(_, score)| !score.is_some_and(|score| range.contains(score)));
        let text = |score: &Option<Score>| score.map_or_else(|| "none".to_owned(), |score| score.to_string());
        let all = || scores.iter().map(|(_, score)| text(score)).collect::<Vec<_>>().join(", ");
        match wrong {
            Some((name, score)) => Claim {
                case: (!name.is_empty()).then(|| name.clone()),
                ..self.claim(&rule.origin, expected, text(score), None, false)
            },
            None => self.claim(&rule.origin, expected, all(), None, !scores.is_empty()),
        }
    }

    fn scores_in(&self, rule: &Expectation) -> Vec<(String, Option<Score>)> {
        let mut found: Vec<(String, Option<Score>)> = Vec::new();
        let inside = |found: &[(String, Option<Score>)], name: &str| {
            found.iter().any(|(outer, _)| name.strip_prefix(outer.as_str()).is_some_and(|rest| rest.starts_with('/')))
        };
        for group in &self.report.groups {
            let name = group.name.as_str();
            if rule.scope.covers(&CaseId::new(name)) && !inside(&found, name) {
                found.push((name.to_owned(), group.score));
            }
        }
        for case in self.covered(rule).filter(|case| case.score.is_some()) {
            if !inside(&found, case.id.as_str()) {
                found.push((case.id.to_string(), case.score));
            }
        }
        found
    }

    fn full_score(&self, rule: &Expectation, full: bool) -> Claim {
        let got = self.report.score.map_or_else(|| "none".to_owned(), |score| score.to_string());
        let (Some(MaxScore::Bounded(best)), Some(score)) = (self.best.score, self.report.score) else {
            // Without a bound, there is no full score. Without a score, the verdict already reports the problem.
            let unbounded = self.best.score == Some(MaxScore::Unbounded) && self.report.score.is_some();
            return self.claim(&rule.origin, expected_score(full, None, self.best.objective), got, None, unbounded);
        };
        let expected = expected_score(full, Some(best), self.best.objective);
        self.claim(&rule.origin, expected, got, None, (score == best) == full)
    }

    fn message(&self, rule: &Expectation, text: &str) -> Claim {
        let contains_text =
            |case: &&ProblemCaseReport| case.judge_message.as_deref().is_some_and(|message| message.contains(text));
        let expected = format!("the message {text:?} on some case{}", on(&rule.scope));
        let found = self.covered(rule).find(contains_text);
        let got = || {
            let message = |case: &ProblemCaseReport| {
                case.judge_message.as_deref().map(|message| format!("{}: {message:?}", case.id))
            };
            let all: Vec<String> = self.covered(rule).filter_map(message).collect();
            match all.len().checked_sub(MESSAGES_SHOWN) {
                _ if all.is_empty() => "no message".to_owned(),
                None | Some(0) => all.join(", "),
                Some(more) => format!("{}, and {more} more", all[..MESSAGES_SHOWN].join(", ")),
            }
        };
        match found {
            Some(case) => self.claim(&rule.origin, expected, format!("{text:?}"), Some(&case.id), true),
            None => self.claim(&rule.origin, expected, got(), None, false),
        }
    }

    fn shown(&self, case: &ProblemCaseReport) -> String {
        match &case.judge_message {
            Some(message) => format!("{}: {message}", case.verdict.code()),
            None => case.verdict.code().to_owned(),
        }
    }

    /// Lists all verdicts that occur, each once.
    fn verdicts(&self, rule: &Expectation) -> String {
        let mut found: Vec<&str> = Vec::new();
        for case in self.covered(rule) {
            if !found.contains(&case.verdict.code()) {
                found.push(case.verdict.code());
            }
        }
        if found.is_empty() { "no case".to_owned() } else { found.join(", ") }
    }
}

fn names(verdicts: &[ExpectedVerdict]) -> String {
    verdicts.iter().map(|verdict| verdict.code()).collect::<Vec<_>>().join(" or ")
}

fn on(scope: &Scope) -> String {
    match scope {
        Scope::All => String::new(),
        Scope::Glob(glob) => format!(" in {glob}"),
    }
}

fn shown(range: &ScoreRange) -> String {
    match (range.low(), range.high()) {
        (Some(low), Some(high)) if low == high => low.to_string(),
        (Some(low), Some(high)) => format!("{low} to {high}"),
        (Some(low), None) => format!("at least {low}"),
        (None, Some(high)) => format!("at most {high}"),
        (None, None) => "anything".to_owned(),
    }
}

fn expected_score(full: bool, best: Option<Score>, objective: Objective) -> String {
    match (full, best, objective) {
        (true, Some(best), Objective::Max) => format!("the full score, {best}"),
        (true, Some(best), Objective::Min) => format!("the best score, {best}"),
        (false, Some(best), Objective::Max) => format!("less than {best} points"),
        (false, Some(best), Objective::Min) => format!("more than {best} points"),
        (true, None, Objective::Max) => "the full score".to_owned(),
        (true, None, Objective::Min) => "the best score".to_owned(),
        (false, None, Objective::Max) => "less than the full score".to_owned(),
        (false, None, Objective::Min) => "more than the best score".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use cupel_problem::{GroupName, PackagePath, Program, ProgramShape};
    use cupel_types::{CompileReport, Limits, Output};

    use super::*;
    use crate::problem::GroupReport;

    fn rule() -> Expectation {
        Expectation::nothing("rule")
    }

    fn report(verdict: Verdict, cases: &[(&str, Verdict)]) -> ProblemReport {
        let case = |(id, verdict): &(&str, Verdict)| {
            let group = GroupName::new(id.rsplit_once('/').map_or("", |(group, _)| group)).unwrap();
            ProblemCaseReport { verdict: *verdict, ..ProblemCaseReport::skipped(CaseId::new(id), group) }
        };
        ProblemReport {
            verdict,
            score: None,
            max_score: None,
            message: None,
            compile: None,
            groups: Vec::new(),
            cases: cases.iter().map(case).collect(),
            limits: Limits::default(),
            cpu_time_max: Duration::from_secs(1),
            language_version: String::new(),
        }
    }

    /// Returns whether the claim holds, the finding, and the case.
    fn held(rule: Expectation, report: &ProblemReport) -> (bool, String, Option<String>) {
        let program = Program {
            path: PackagePath::new("submissions/x").unwrap(),
            files: Vec::new(),
            language: None,
            entry_point: None,
            flags: Vec::new(),
            shape: ProgramShape::Sources,
        };
        let example = ExampleSubmission { program, beside: Vec::new(), expectations: vec![rule] };
        let best = BestScore { objective: Objective::Max, score: report.max_score };
        let mut claims = claims(&example, report, best);
        assert_eq!(claims.len(), 1, "{claims:?}");
        let claim = claims.remove(0);
        (claim.holds, claim.got, claim.case)
    }

    use ExpectedVerdict as E;
    use Verdict as V;

    #[test]
    fn the_overall_verdict_is_mapped_to_a_verdict_of_the_package_format() {
        for (expected, got, holds) in [
            (&[E::Accepted][..], V::Accepted, true),
            (&[E::Accepted], V::PartialScore, true),
            (&[E::Accepted], V::WrongAnswer, false),
            (&[E::WrongAnswer], V::Accepted, false),
            (&[E::WrongAnswer], V::PresentationError, true),
            (&[E::WrongAnswer], V::TimeLimit, false),
            (&[E::PresentationError], V::WrongAnswer, false),
            (&[E::TimeLimit], V::IdleLimit, true),
            (&[E::TimeLimit], V::WrongAnswer, false),
            (&[E::RuntimeError], V::MemoryLimit, true),
            (&[E::MemoryLimit], V::RuntimeError, false),
            (&[E::CompileError], V::CompileLimit, true),
            (&[E::CompileError], V::Accepted, false),
            (&[E::TimeLimit, E::MemoryLimit], V::MemoryLimit, true),
        ] {
            let rule = Expectation { verdict: Some(expected.to_vec()), ..rule() };
            assert_eq!(held(rule, &report(got, &[("1", got)])).0, holds, "{expected:?} {got:?}");
        }
    }

    #[test]
    fn rules_about_cases_name_the_case_that_breaks_them() {
        let cases = [("sample/1", V::Accepted), ("secret/a/1", V::WrongAnswer), ("secret/b/1", V::Accepted)];
        let report = report(V::WrongAnswer, &cases);
        let permits = |verdicts: &[E]| Expectation { permitted: Some(verdicts.to_vec()), ..rule() };
        let requires = |verdicts: &[E]| Expectation { required: Some(verdicts.to_vec()), ..rule() };
        let inside = |glob: &str, rule: Expectation| Expectation { scope: Scope::Glob(glob.to_owned()), ..rule };
        for (rule, holds, got, case) in [
            (permits(&[E::Accepted]), false, "WA", Some("secret/a/1")),
            (permits(&[E::Accepted, E::WrongAnswer]), true, "AC, WA", None),
            (requires(&[E::WrongAnswer]), true, "WA", Some("secret/a/1")),
            (requires(&[E::TimeLimit, E::RuntimeError]), false, "AC, WA", None),
            (inside("sample", permits(&[E::Accepted])), true, "AC", None),
            (inside("secret/b", requires(&[E::WrongAnswer])), false, "AC", None),
            (inside("secret/*", requires(&[E::WrongAnswer])), true, "WA", Some("secret/a/1")),
            (inside("nowhere", requires(&[E::WrongAnswer])), false, "no case", None),
        ] {
            let context = format!("{rule:?}");
            assert_eq!(held(rule, &report), (holds, got.to_owned(), case.map(str::to_owned)), "{context}");
        }
        // A skipped case proves nothing, and a submission that does not build satisfies no rule about cases.
        let skipped = self::report(V::TimeLimit, &[("1", V::TimeLimit), ("2", V::Skipped)]);
        assert!(held(permits(&[E::TimeLimit]), &skipped).0);
        let unbuilt = self::report(V::CompileError, &[]);
        assert_eq!(held(permits(&[E::Accepted]), &unbuilt), (false, "CE".to_owned(), None));
        assert!(!held(requires(&[E::WrongAnswer]), &unbuilt).0);
    }

    #[test]
    fn a_claim_about_a_submission_that_does_not_build_shows_the_beginning_of_the_compilers_output() {
        let unbuilt = |output: &str| {
            let output = Output { data: output.as_bytes().into(), truncated: false };
            let (exit_code, wall_time) = (Some(1), Duration::ZERO);
            let compile = CompileReport { ok: false, output, exit_code, limit: None, wall_time, cached: false };
            ProblemReport { compile: Some(compile), ..report(V::CompileError, &[]) }
        };
        let verdict = || Expectation { verdict: Some(vec![E::Accepted]), ..rule() };
        let permitted = || Expectation { permitted: Some(vec![E::Accepted]), ..rule() };
        for rule in [&verdict as &dyn Fn() -> Expectation, &permitted] {
            let got = |output: &str| held(rule(), &unbuilt(output)).1;
            assert_eq!(got("a.c:1: \u{1b}[1merror\n"), "CE: a.c:1: [1merror");
            let lines = got(&"line\n".repeat(12));
            assert!(lines.starts_with("CE: line\n") && lines.ends_with("line\n… (2 lines more)"), "{lines}");
            assert!(got(&"x".repeat(5000)).ends_with("x… (3976 bytes more)"));
            assert_eq!(got(""), "CE");
        }
    }

    #[test]
    fn a_score_rule_applies_to_the_whole_or_to_the_named_groups() {
        let points = |text: &str| text.parse::<Score>().unwrap();
        let mut report = report(V::WrongAnswer, &[("secret/a/1", V::Accepted), ("secret/b/1", V::WrongAnswer)]);
        report.score = Some(points("40"));
        report.max_score = Some(MaxScore::Bounded(points("100")));
        let group = |name: &str, score: &str| GroupReport {
            name: GroupName::new(name).unwrap(),
            verdict: V::Accepted,
            score: Some(points(score)),
            max: None,
            reason: None,
        };
        report.groups = vec![group("secret", "40"), group("secret/a", "40"), group("secret/b", "0")];
        let range = |low: &str, high: &str| ScoreRange::new(Some(points(low)), Some(points(high)));
        for (scope, score, holds) in [
            (Scope::All, range("40", "40"), true),
            (Scope::All, range("41", "100"), false),
            (Scope::Glob("secret".into()), range("40", "40"), true),
            (Scope::Glob("secret/a".into()), range("40", "40"), true),
            (Scope::Glob("secret/*".into()), range("1", "40"), false),
            (Scope::Glob("nowhere".into()), range("0", "100"), false),
        ] {
            let context = format!("{scope:?} {score:?}");
            assert_eq!(held(Expectation { scope, score, ..rule() }, &report).0, holds, "{context}");
        }
        let full = |full| Expectation { full_score: Some(full), ..rule() };
        assert!(!held(full(true), &report).0 && held(full(false), &report).0);
        report.score = Some(points("100"));
        assert!(held(full(true), &report).0 && !held(full(false), &report).0);
        report.score = None;
        assert!(!held(full(true), &report).0 && !held(full(false), &report).0);
    }

    #[test]
    fn a_message_must_occur_on_some_case() {
        let mut report = report(V::WrongAnswer, &[("1", V::Accepted), ("2", V::WrongAnswer)]);
        report.cases[1].judge_message = Some("expected 3, got 4".to_owned());
        let message = |text: &str| Expectation { message: Some(text.to_owned()), ..rule() };
        assert_eq!(held(message("got 4"), &report), (true, "\"got 4\"".to_owned(), Some("2".to_owned())));
        assert_eq!(held(message("got 5"), &report), (false, "2: \"expected 3, got 4\"".to_owned(), None));
    }

    #[test]
    fn a_fault_of_the_package_satisfies_no_rule() {
        let mut report = report(V::InternalError, &[("1", V::InternalError)]);
        report.message = Some("check.py: it ended with exit code 1".to_owned());
        let rule = Expectation { verdict: Some(vec![E::WrongAnswer]), ..rule() };
        let (holds, got, case) = held(rule, &report);
        assert!(!holds && got.starts_with("JE: check.py") && case.as_deref() == Some("1"), "{got} {case:?}");
    }
}
