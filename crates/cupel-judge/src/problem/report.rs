//! Report on judging a submission to a problem.

use std::borrow::Cow;
use std::time::Duration;

use cupel_problem::{CaseId, GroupName, MaxScore, Score};
use cupel_types::{Bytes, CompileReport, Limits, Outcome, Output, StepReport, Usage, Verdict, counted};

use super::limits;
use crate::executor::Party;

/// Complete result of judging a submission to a problem.
#[derive(Clone, Debug)]
pub struct ProblemReport {
    /// Overall verdict.
    pub verdict: Verdict,
    /// Overall score; `None` if the problem has no scores, or the judging did not reach its end.
    pub score: Option<Score>,
    /// Maximum score.
    pub max_score: Option<MaxScore>,
    /// The reason, if the verdict alone does not express it. For the author only, because it may quote tests.
    pub message: Option<String>,
    /// The compile step, if the language has one.
    pub compile: Option<CompileReport>,
    /// All groups except the root, in order.
    pub groups: Vec<GroupReport>,
    /// All cases in order, including skipped ones. Empty if the submission could not be built.
    pub cases: Vec<ProblemCaseReport>,
    /// The limits that were enforced for the program.
    pub limits: Limits,
    /// The problem's CPU limit, to which the verdict TLE refers.
    pub cpu_time_max: Duration,
    /// Version of the language that ran the program.
    pub language_version: String,
}

impl ProblemReport {
    /// Returns the longest CPU time of any case.
    pub fn cpu_time(&self) -> Duration {
        self.cases.iter().map(|case| case.usage.cpu_time).max().unwrap_or_default()
    }

    /// Returns the highest memory use of any case.
    pub fn memory(&self) -> Bytes {
        self.cases.iter().map(|case| case.usage.memory).max().unwrap_or(Bytes::ZERO)
    }
}

/// Result of a group.
#[derive(Clone, Debug)]
pub struct GroupReport {
    /// The group's name.
    pub name: GroupName,
    /// The group's verdict; skipped if the group could not begin.
    pub verdict: Verdict,
    /// The group's score, if it has one.
    pub score: Option<Score>,
    /// The group's maximum score, if it has scores.
    pub max: Option<MaxScore>,
    /// The reason why the group was skipped, or the fault of the package.
    pub reason: Option<String>,
}

/// Result of a case.
#[derive(Clone, Debug)]
pub struct ProblemCaseReport {
    /// The case's name.
    pub id: CaseId,
    /// The case's group.
    pub group: GroupName,
    /// The case's verdict.
    pub verdict: Verdict,
    /// Verdicts that follow from the program's execution without the checker, the most severe first.
    pub causes: Vec<Verdict>,
    /// The case's score, if it has one.
    pub score: Option<Score>,
    /// Resource usage in the execution that counts; zero if the case was skipped.
    pub usage: Usage,
    /// The program's step in the execution that counts: its outcome, output and usage.
    pub step: Option<StepReport>,
    /// Number of times that the case was executed again because a measurement was near a limit.
    pub reruns: u32,
    /// The checker's message to the author, which may quote the test.
    pub judge_message: Option<String>,
    /// The checker's message to the contestant.
    pub team_message: Option<String>,
    /// Whether the interactor accepted but left output of the program unread.
    pub unread: bool,
    /// Beginning of the conversation, if there was one.
    pub transcript: Vec<(Party, Vec<u8>)>,
    /// Whether the case shared a process with other cases. If so, its CPU time is that of the process minus the shares
    /// of the other cases, and its memory is the peak of the process.
    pub in_batch: bool,
}

/// Truncates a message to at most `bytes_max` bytes, and appends the number of omitted bytes.
pub fn shortened(text: &str, bytes_max: usize) -> Cow<'_, str> {
    if text.len() <= bytes_max {
        return Cow::Borrowed(text);
    }
    let end = (0..=bytes_max).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    Cow::Owned(format!("{}… ({} more)", &text[..end], counted(text.len() - end, "byte")))
}

impl ProblemCaseReport {
    pub(in crate::problem) fn skipped(id: CaseId, group: GroupName) -> ProblemCaseReport {
        ProblemCaseReport {
            id,
            group,
            verdict: Verdict::Skipped,
            causes: Vec::new(),
            score: None,
            usage: Usage::default(),
            step: None,
            reruns: 0,
            judge_message: None,
            team_message: None,
            unread: false,
            transcript: Vec::new(),
            in_batch: false,
        }
    }

    /// Returns the beginning of the conversation, formatted like a sample of a conversation: the interactor's lines
    /// begin with `<`, the submission's with `>`. `None` if there was no conversation.
    pub fn conversation(&self) -> Option<String> {
        (!self.transcript.is_empty()).then(|| super::custom_input::conversation(&self.transcript))
    }

    /// Whether a time limit ended the program, so that its full time is unknown.
    pub(super) fn is_unfinished(&self) -> bool {
        let outcome = self.step.as_ref().map(|step| step.outcome);
        matches!(outcome, Some(Outcome::TimeLimit | Outcome::WallLimit | Outcome::IdleLimit))
    }

    /// Whether a time limit ended the program while it was waiting, so that its CPU time says nothing about its speed.
    pub(super) fn is_idle(&self) -> bool {
        match self.step.as_ref().map(|step| step.outcome) {
            Some(Outcome::IdleLimit) => true,
            Some(Outcome::WallLimit) => limits::is_waiting(&self.usage),
            _ => false,
        }
    }

    /// Returns the stored part of the program's standard output.
    pub fn stdout(&self) -> Option<&Output> {
        self.step.as_ref().map(|step| &step.stdout)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_shortened_between_two_characters() {
        assert_eq!(shortened("éé", 4), "éé");
        assert_eq!(shortened("éé", 3), "é… (2 bytes more)");
        assert_eq!(shortened("abc", 2), "ab… (1 byte more)");
    }
}
