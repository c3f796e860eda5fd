//! What a viewer may see of a submission's result. Every dialect renders what [`Disclosure::result`] returns.
//!
//! *Invariants:* for a hidden test, the sender gets only the number, the verdict and the score. If the problem hides
//! the results of individual tests, the sender gets only the number. The sender never gets a hidden test's name, the
//! output or the checker's messages. A hidden test's time and memory affect only the rounded maximum over all tests
//! and, if the test exceeded a limit of time or instructions, the name of that limit. A program can make its time and
//! memory depend on its input, so exact figures would leak the input.
//!
//! Only core creates the disclosure for authors, where it checks who the viewer is: `Attempted::disclosure`,
//! `SeenProblem::disclosure` and `ProblemToChange::disclosure`. The events of a run that is being judged are filtered
//! by the worker, which alone has the tests.

use std::time::Duration;

use cupel_types::{
    Accuracy, Bytes, CaseGrade, Feedback, Grading, GroupGrade, Instructions, Limits, Outcome, Output, RunReport, Score,
    Start, StepReport, Usage, Verdict,
};

use crate::run::{SentFor, SubmissionSummary};

/// How much of a result its viewer may see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disclosure(Audience);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Audience {
    Sender,
    Authors,
}

/// The parts of a result that the viewer may see.
#[derive(Clone, Debug)]
pub struct DisclosedResult<'r> {
    /// The figures of the whole result.
    pub figures: Figures,
    /// The result by a problem's tests, if the submission was to a problem.
    pub grading: Option<DisclosedGrading<'r>>,
}

/// Highest figures over all executions; `None` if they are unknown or the viewer may not see them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// CPU time, rounded up if it could leak a hidden test.
    pub cpu_time: Option<Duration>,
    /// Memory, rounded up if it could leak a hidden test.
    pub memory: Option<Bytes>,
    /// Wall-clock time.
    pub wall_time: Option<Duration>,
    /// Machine instructions.
    pub instructions: Option<Instructions>,
    /// How the program was started.
    pub start: Option<Start>,
    /// How exact the times and the memory are.
    pub accuracy: Option<Accuracy>,
}

/// The parts of a [`Grading`] that the viewer may see.
#[derive(Clone, Debug)]
pub struct DisclosedGrading<'r> {
    /// The score.
    pub score: Option<Score>,
    /// The maximum score.
    pub max_score: Option<Score>,
    /// Every group except the root, in order.
    pub groups: Vec<DisclosedGroup<'r>>,
    /// Every test, in order.
    pub cases: Vec<DisclosedCase<'r>>,
    /// Reason for the result; only for authors.
    pub author_message: Option<&'r str>,
    /// The function's return value for the sender's own arguments.
    pub returned: Option<&'r Output>,
    /// Dialogue on the sender's own input.
    pub conversation: Option<&'r Output>,
    audience: Audience,
    all: &'r Grading,
}

/// The parts of a [`GroupGrade`] that the viewer may see.
#[derive(Clone, Copy, Debug)]
pub struct DisclosedGroup<'r> {
    /// Name.
    pub name: &'r str,
    /// Verdict.
    pub verdict: Verdict,
    /// Score, if the group has one.
    pub score: Option<Score>,
    /// Maximum score, if there is a maximum.
    pub max_score: Option<Score>,
    /// Why the group was skipped, or an error in the group; only for authors.
    pub reason: Option<&'r str>,
}

/// The parts of a [`CaseGrade`] that the viewer may see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DisclosedCase<'r> {
    /// Number of the test, from 1.
    pub number: u64,
    /// Whether contestants see the whole test.
    pub is_shown: bool,
    /// The name. If it is present, the viewer may also see the test's input and expected output.
    pub name: Option<&'r str>,
    /// The verdict.
    pub verdict: Option<Verdict>,
    /// The score.
    pub score: Option<Score>,
    /// Resource usage, if the test was run.
    pub usage: Option<Usage>,
    /// How the program ended and its output.
    pub step: Option<&'r StepReport>,
    /// Dialogue between the program and the interactor.
    pub conversation: Option<&'r Output>,
    /// The checker's message to the author.
    pub judge_message: Option<&'r str>,
    /// The checker's message to the contestant.
    pub team_message: Option<&'r str>,
}

impl Disclosure {
    /// For the submission's sender. It discloses nothing that another viewer of the submission may not see.
    pub const SENDER: Disclosure = Disclosure(Audience::Sender);

    /// For the problem's authors and for administrators.
    pub(crate) const AUTHORS: Disclosure = Disclosure(Audience::Authors);

    /// For authors if `is_author`, otherwise for the sender.
    pub(crate) fn of(is_author: bool) -> Disclosure {
        if is_author { Disclosure::AUTHORS } else { Disclosure::SENDER }
    }

    pub(crate) fn is_for_authors(self) -> bool {
        self.0 == Audience::Authors
    }

    /// The parts of a result that the viewer may see.
    pub fn result(self, report: &RunReport) -> DisclosedResult<'_> {
        let grading = report.grading.as_ref().map(|grading| DisclosedGrading::of(self.0, grading));
        DisclosedResult { figures: self.figures(report), grading }
    }

    fn figures(self, report: &RunReport) -> Figures {
        let peak = report.peak();
        let (cpu_time, memory) = (peak.map(|(cpu_time, _)| cpu_time), peak.map(|(_, memory)| memory));
        let not_built = report.is_not_built().then_some(Duration::ZERO);
        if !self.is_for_authors() && report.ran_hidden_cases() {
            let (cpu_time, memory) = (cpu_time.map(RoundedTime::of), memory.map(RoundedMemory::of));
            let (cpu_time, memory) = (cpu_time.map(RoundedTime::get), memory.map(RoundedMemory::get));
            return Figures { cpu_time, memory, wall_time: not_built, ..Figures::default() };
        }
        Figures {
            cpu_time,
            memory,
            wall_time: report.usages().map(|usage| usage.wall_time).max().or(not_built),
            instructions: report.usages().filter_map(|usage| usage.instructions).max(),
            start: report.start(),
            accuracy: Some(report.accuracy()),
        }
    }

    /// The summary with the figures that the viewer may see. Only a submission with [`SentFor::Submission`] runs hidden
    /// tests.
    pub(crate) fn summary(self, summary: SubmissionSummary) -> SubmissionSummary {
        match summary.sent_for {
            SentFor::Submission if !summary.is_exact && !self.is_for_authors() => SubmissionSummary {
                cpu_time: summary.cpu_time.map(RoundedTime::of).map(RoundedTime::get),
                memory: summary.memory.map(RoundedMemory::of).map(RoundedMemory::get),
                ..summary
            },
            SentFor::Submission | SentFor::Run | SentFor::Samples | SentFor::CustomInput | SentFor::Verification => {
                summary
            }
        }
    }

    /// [`Disclosure::summary`] of each.
    pub(crate) fn summaries(self, summaries: Vec<SubmissionSummary>) -> Vec<SubmissionSummary> {
        summaries.into_iter().map(|summary| self.summary(summary)).collect()
    }
}

impl<'r> DisclosedGrading<'r> {
    fn of(audience: Audience, grading: &'r Grading) -> DisclosedGrading<'r> {
        let Grading { score, max_score, groups, cases, author_message, returned, conversation } = grading;
        DisclosedGrading {
            score: *score,
            max_score: *max_score,
            groups: groups.iter().map(|group| DisclosedGroup::of(audience, group)).collect(),
            cases: (1..).zip(cases).map(|(number, case)| DisclosedCase::of(audience, number, case)).collect(),
            author_message: author_message.as_deref().filter(|_| audience == Audience::Authors),
            returned: returned.as_ref(),
            conversation: conversation.as_ref(),
            audience,
            all: grading,
        }
    }

    /// The execution of the test that decided the verdict. `None` if the viewer may not see that test.
    pub fn deciding_step(&self, verdict: Verdict) -> Option<&'r StepReport> {
        let case = self.deciding_case(verdict)?;
        case.step.as_ref().filter(|_| is_in_full(self.audience, case))
    }

    /// The limit of time or instructions that the deciding test exceeded. The verdict does not distinguish these
    /// limits. All of them are public, so the sender may learn which one it was.
    pub fn exceeded_time_limit(&self, verdict: Verdict, limits: &Limits) -> Outcome {
        match self.deciding_case(verdict).map(|case| case.usage) {
            Some(usage) if usage.cpu_time > limits.cpu_time => Outcome::TimeLimit,
            Some(usage) if limits.instructions.is_some_and(|max| usage.instructions >= Some(max)) => {
                Outcome::InstructionLimit
            }
            Some(usage) if usage.wall_time >= limits.wall_time => Outcome::WallLimit,
            // A program that waits uses little CPU time.
            Some(usage) if usage.wall_time >= limits.idle_time => Outcome::IdleLimit,
            _ => Outcome::TimeLimit,
        }
    }

    fn deciding_case(&self, verdict: Verdict) -> Option<&'r CaseGrade> {
        self.all.cases.iter().find(|case| case.verdict == verdict)
    }
}

impl<'r> DisclosedGroup<'r> {
    fn of(audience: Audience, group: &'r GroupGrade) -> DisclosedGroup<'r> {
        let GroupGrade { name, verdict, score, max_score, reason } = group;
        DisclosedGroup {
            name,
            verdict: *verdict,
            score: *score,
            max_score: *max_score,
            reason: reason.as_deref().filter(|_| audience == Audience::Authors),
        }
    }
}

/// Whether the viewer may see everything of a test.
fn is_in_full(audience: Audience, case: &CaseGrade) -> bool {
    case.feedback == Feedback::Full || audience == Audience::Authors
}

impl<'r> DisclosedCase<'r> {
    fn of(audience: Audience, number: u64, case: &'r CaseGrade) -> DisclosedCase<'r> {
        let CaseGrade {
            name,
            group: _,
            verdict,
            score,
            usage,
            feedback,
            step,
            conversation,
            judge_message,
            team_message,
        } = case;
        let in_full = is_in_full(audience, case);
        let is_known = in_full || *feedback == Feedback::Verdict;
        let has_run = *verdict != Verdict::Skipped;
        DisclosedCase {
            number,
            is_shown: *feedback == Feedback::Full,
            name: in_full.then_some(name),
            verdict: is_known.then_some(*verdict),
            score: score.filter(|_| is_known),
            usage: (in_full && has_run).then_some(*usage),
            step: step.as_ref().filter(|_| in_full),
            conversation: conversation.as_ref().filter(|_| in_full),
            judge_message: judge_message.as_deref().filter(|_| in_full),
            team_message: team_message.as_deref().filter(|_| in_full),
        }
    }
}

/// A CPU time rounded up to hundredths of a second, as users other than the problem's authors see it. Source: Kattis
/// and CSES show hundredths of a second and whole megabytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoundedTime(Duration);

impl RoundedTime {
    const UNIT: Duration = Duration::from_millis(10);

    /// Rounds a time.
    pub fn of(time: Duration) -> RoundedTime {
        let unit = RoundedTime::UNIT.as_micros();
        let us = time.as_micros().div_ceil(unit).saturating_mul(unit);
        RoundedTime(Duration::from_micros(u64::try_from(us).unwrap_or(u64::MAX)))
    }

    /// The rounded time.
    pub fn get(self) -> Duration {
        self.0
    }
}

/// An amount of memory rounded up to whole MiB; see [`RoundedTime`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoundedMemory(Bytes);

impl RoundedMemory {
    const UNIT: Bytes = Bytes::mib(1);

    /// Rounds an amount.
    pub fn of(memory: Bytes) -> RoundedMemory {
        let unit = RoundedMemory::UNIT.get();
        RoundedMemory(Bytes::new(memory.get().div_ceil(unit).saturating_mul(unit)))
    }

    /// The rounded amount.
    pub fn get(self) -> Bytes {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const USAGE: Usage = Usage {
        cpu_time: Duration::from_micros(11_001),
        cpu_user: Duration::ZERO,
        cpu_system: Duration::ZERO,
        wall_time: Duration::from_millis(15),
        instructions: Some(Instructions::new(7)),
        memory: Bytes::new((3 << 20) + 1),
        output: Bytes::ZERO,
        start: Some(Start::Warm),
        accuracy: Accuracy::Approximate,
    };

    /// A case of which everything is known.
    fn case(feedback: Feedback, verdict: Verdict) -> CaseGrade {
        let step = StepReport {
            outcome: Outcome::Exited(3),
            exit_code: Some(3),
            signal: None,
            stdout: Output::default(),
            stderr: Output::default(),
            usage: USAGE,
        };
        CaseGrade {
            name: "secret/overflow".to_owned(),
            group: "secret".to_owned(),
            verdict,
            score: Some(Score::ONE),
            usage: if verdict == Verdict::Skipped { Usage::default() } else { USAGE },
            feedback,
            step: Some(step),
            conversation: Some(Output::default()),
            judge_message: Some("line 3 of the input".to_owned()),
            team_message: Some("wrong sum".to_owned()),
        }
    }

    fn report(cases: Vec<CaseGrade>) -> RunReport {
        let group = GroupGrade {
            name: "secret".to_owned(),
            verdict: Verdict::RuntimeError,
            score: None,
            max_score: None,
            reason: Some("a quote of the input".to_owned()),
        };
        let author_message = Some("another quote".to_owned());
        let grading = Grading { groups: vec![group], cases, author_message, ..Grading::default() };
        RunReport { grading: Some(grading), ..RunReport::bare(Verdict::RuntimeError, Limits::default(), "1") }
    }

    /// One letter per part of a case that is disclosed: the name, the verdict, the score, the usage, the step, the
    /// conversation, the message to the judge and the message to the team.
    fn parts(case: &DisclosedCase<'_>) -> String {
        let parts = [
            ('n', case.name.is_some()),
            ('v', case.verdict.is_some()),
            ('s', case.score.is_some()),
            ('u', case.usage.is_some()),
            ('o', case.step.is_some()),
            ('c', case.conversation.is_some()),
            ('j', case.judge_message.is_some()),
            ('t', case.team_message.is_some()),
        ];
        parts.iter().map(|(letter, is_there)| if *is_there { *letter } else { '-' }).collect()
    }

    #[test]
    fn the_parts_of_a_test_that_each_viewer_sees() {
        use Verdict::{RuntimeError, Skipped};
        for (feedback, verdict, sender, authors) in [
            (Feedback::Full, RuntimeError, "nvsuocjt", "nvsuocjt"),
            (Feedback::Full, Skipped, "nvs-ocjt", "nvs-ocjt"),
            (Feedback::Verdict, RuntimeError, "-vs-----", "nvsuocjt"),
            (Feedback::Verdict, Skipped, "-vs-----", "nvs-ocjt"),
            (Feedback::Hidden, RuntimeError, "--------", "nvsuocjt"),
            (Feedback::Hidden, Skipped, "--------", "nvs-ocjt"),
        ] {
            let report = report(vec![case(feedback, verdict)]);
            for (disclosure, expected) in [(Disclosure::SENDER, sender), (Disclosure::AUTHORS, authors)] {
                let grading = disclosure.result(&report).grading.expect("a grading");
                let shown = grading.cases[0];
                assert_eq!(parts(&shown), expected, "{feedback:?} {verdict:?} {disclosure:?}");
                assert_eq!((shown.number, shown.is_shown), (1, feedback == Feedback::Full));
                let sees_step = expected.contains('o');
                assert_eq!(grading.deciding_step(verdict).is_some(), sees_step, "{feedback:?} {disclosure:?}");
            }
        }
    }

    #[test]
    fn only_authors_see_the_reasons_that_may_quote_tests() {
        let report = report(vec![case(Feedback::Verdict, Verdict::RuntimeError)]);
        for (disclosure, sees) in [(Disclosure::SENDER, false), (Disclosure::AUTHORS, true)] {
            let grading = disclosure.result(&report).grading.expect("a grading");
            assert_eq!(grading.groups[0].reason.is_some(), sees);
            assert_eq!(grading.author_message.is_some(), sees);
        }
    }

    #[test]
    fn the_sender_gets_only_rounded_figures_if_a_hidden_test_ran() {
        let exact = Figures {
            cpu_time: Some(USAGE.cpu_time),
            memory: Some(USAGE.memory),
            wall_time: Some(USAGE.wall_time),
            instructions: USAGE.instructions,
            start: USAGE.start,
            accuracy: Some(USAGE.accuracy),
        };
        let rounded =
            Figures { cpu_time: Some(Duration::from_millis(20)), memory: Some(Bytes::mib(4)), ..Figures::default() };
        let shown = || case(Feedback::Full, Verdict::Accepted);
        for (other, expected) in [
            (case(Feedback::Full, Verdict::Accepted), exact),
            (case(Feedback::Verdict, Verdict::Accepted), rounded),
            (case(Feedback::Hidden, Verdict::Accepted), rounded),
            // A hidden test that was not run has no figures.
            (case(Feedback::Hidden, Verdict::Skipped), exact),
        ] {
            let label = format!("{:?} {:?}", other.feedback, other.verdict);
            let report = report(vec![shown(), other]);
            assert_eq!(Disclosure::SENDER.result(&report).figures, expected, "{label}");
            assert_eq!(Disclosure::AUTHORS.result(&report).figures, exact, "{label}");
        }
    }

    #[test]
    fn a_program_that_was_not_built_used_nothing() {
        let report = RunReport::bare(Verdict::CompileError, Limits::default(), "1");
        let figures = Disclosure::SENDER.result(&report).figures;
        assert_eq!((figures.cpu_time, figures.memory), (Some(Duration::ZERO), Some(Bytes::ZERO)));
        assert_eq!(figures.wall_time, Some(Duration::ZERO));
    }

    #[test]
    fn the_exceeded_time_limit_of_a_hidden_test_is_named_without_its_times() {
        let ms = Duration::from_millis;
        let limits = Limits { cpu_time: ms(1000), wall_time: ms(3000), idle_time: ms(2000), ..Limits::default() };
        for (cpu_ms, wall_ms, expected) in
            [(1050, 1060, Outcome::TimeLimit), (2, 3003, Outcome::WallLimit), (2, 2004, Outcome::IdleLimit)]
        {
            let mut hidden = case(Feedback::Verdict, Verdict::TimeLimit);
            hidden.usage = Usage { cpu_time: ms(cpu_ms), wall_time: ms(wall_ms), ..Usage::default() };
            let report = report(vec![hidden]);
            let grading = Disclosure::SENDER.result(&report).grading.expect("a grading");
            assert_eq!(grading.exceeded_time_limit(Verdict::TimeLimit, &limits), expected);
        }
        let limits = Limits { instructions: Some(Instructions::new(500)), ..limits };
        let mut hidden = case(Feedback::Verdict, Verdict::TimeLimit);
        let instructions = Some(Instructions::new(500));
        hidden.usage = Usage { cpu_time: ms(300), wall_time: ms(310), instructions, ..Usage::default() };
        let report = report(vec![hidden]);
        let grading = Disclosure::SENDER.result(&report).grading.expect("a grading");
        assert_eq!(grading.exceeded_time_limit(Verdict::TimeLimit, &limits), Outcome::InstructionLimit);
    }
}
