//! The part of a run's result that exists only for problems: score, groups and cases.
//!
//! Invariant: a program's output is kept only for cases whose feedback is `Full`, because a program can print the input
//! of any case. The checker's messages to the authors may quote a test.

use crate::{Output, Score, StepReport, Usage, Verdict, named};

/// The judgement of a submission by a problem's cases.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grading {
    /// The score; `None` if the problem has no scores or the judging did not finish.
    pub score: Option<Score>,
    /// The maximum score; `None` if the problem has no scores or no maximum.
    pub max_score: Option<Score>,
    /// Every group except the root, in order.
    pub groups: Vec<GroupGrade>,
    /// Every case, in order, including skipped ones. Empty if the submission could not be compiled.
    pub cases: Vec<CaseGrade>,
    /// Reason for the result, for the problem's authors. May quote tests.
    pub author_message: Option<String>,
    /// The function's return value as JSON, if it was called with arguments from the sender.
    pub returned: Option<Output>,
    /// Dialogue between the program and the problem's interactor on the sender's own input. Lines of the program begin
    /// with `>`, lines of the interactor with `<`.
    pub conversation: Option<Output>,
}

/// Result of a group of cases.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupGrade {
    /// Name, such as `secret/group1`.
    pub name: String,
    /// Verdict; `Skipped` if the group was not started.
    pub verdict: Verdict,
    /// Score, if the group has one.
    pub score: Option<Score>,
    /// Maximum score, if there is a maximum.
    pub max_score: Option<Score>,
    /// Why the group was skipped, or an error in the group. For the problem's authors.
    pub reason: Option<String>,
}

/// Result of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseGrade {
    /// Name, such as `secret/01`.
    pub name: String,
    /// Name of the group that contains the case.
    pub group: String,
    /// The case's verdict.
    pub verdict: Verdict,
    /// Score, if the case has one.
    pub score: Option<Score>,
    /// Resource usage of the program; zero if the case was skipped.
    pub usage: Usage,
    /// How much of the case a contestant may see. `Full` for cases that the statement shows.
    pub feedback: Feedback,
    /// How the program ended and its output; present only if `feedback` is `Full`.
    pub step: Option<StepReport>,
    /// Dialogue between the program and the problem's interactor: lines of the program begin with `>`, lines of the
    /// interactor with `<`. Present only if `feedback` is `Full`.
    pub conversation: Option<Output>,
    /// The checker's message to the author. May quote the test.
    pub judge_message: Option<String>,
    /// The checker's message to the contestant.
    pub team_message: Option<String>,
}

named! {
    /// How much of a case a contestant may see.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub enum Feedback, as_str, from_name {
        /// Everything: input, answer, checker message.
        Full = "full",
        /// Only the verdict.
        Verdict = "verdict",
        /// Nothing; only the group's result is visible.
        Hidden = "hidden",
    }
}
