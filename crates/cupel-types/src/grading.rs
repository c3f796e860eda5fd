//! The part of a result that is about a problem.
//!
//! Invariant: what a program wrote is kept only where a contestant may see the whole test: on any other it could be the input.
//! What a checker said may quote a test, and is for the problem's authors.

use crate::{Output, Score, StepReport, Usage, Verdict, named};

/// What a problem's tests said of a submission.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grading {
    /// The score; `None` where the problem has none, or the submission was not judged to its end.
    pub score: Option<Score>,
    /// The most there is; `None` where there are no scores, or no most.
    pub max_score: Option<Score>,
    /// Every group but the root, in order.
    pub groups: Vec<GroupGrade>,
    /// Every case, in order, also those that were skipped. None when the submission was not built.
    pub cases: Vec<CaseGrade>,
    /// Why, for the problem's authors; it may quote tests.
    pub author_message: Option<String>,
    /// What the function returned, as JSON, where it was called with arguments of the sender's own.
    pub returned: Option<Output>,
    /// What was said between the program and the problem's, on an input of the sender's own: a line each, after `>` and `<`.
    pub conversation: Option<Output>,
}

/// A group of cases.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupGrade {
    /// Its name, such as `secret/group1`.
    pub name: String,
    /// Its verdict; skipped if it could not begin.
    pub verdict: Verdict,
    /// Its score, where it has one.
    pub score: Option<Score>,
    /// The most it gives, where there is a most.
    pub max_score: Option<Score>,
    /// Why it was skipped, or what is wrong with it. For the problem's authors.
    pub reason: Option<String>,
}

/// A case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseGrade {
    /// Its name, such as `secret/01`.
    pub name: String,
    /// The group it lies in.
    pub group: String,
    /// Its verdict.
    pub verdict: Verdict,
    /// Its score, where it has one.
    pub score: Option<Score>,
    /// What the program used; nothing if it was skipped.
    pub usage: Usage,
    /// What a contestant may see of it; of what is shown in the statement, everything.
    pub feedback: Feedback,
    /// How the program ended and what it wrote, where a contestant may see everything.
    pub step: Option<StepReport>,
    /// What was said between the program and the problem's, where a contestant may see everything: a line each, after `>` and `<`.
    pub conversation: Option<Output>,
    /// What the checker says to the author. May quote the test.
    pub judge_message: Option<String>,
    /// What the checker says to the contestant.
    pub team_message: Option<String>,
}

named! {
    /// What a contestant may see of a case.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub enum Feedback, as_str, from_name {
        /// Everything: input, answer, the checker's words.
        Full = "full",
        /// The verdict.
        Verdict = "verdict",
        /// Nothing; only the group's result.
        Hidden = "hidden",
    }
}
