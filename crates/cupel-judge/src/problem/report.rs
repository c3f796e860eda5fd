//! What judging a problem comes to.

use std::time::Duration;

use cupel_problem::{CaseId, GroupName, MaxScore, Score};
use cupel_types::{Bytes, CompileReport, Limits, Outcome, Output, StepReport, Usage, Verdict};

use crate::executor::Party;

/// All that is known of a submission to a problem.
#[derive(Clone, Debug)]
pub struct ProblemReport {
    /// The verdict of the whole.
    pub verdict: Verdict,
    /// The score of the whole; `None` where the problem has none, or the submission was not judged to the end.
    pub score: Option<Score>,
    /// The most there is.
    pub max_score: Option<MaxScore>,
    /// Why, where the verdict alone does not say it. For the author: it may quote tests.
    pub message: Option<String>,
    /// The compile step, where the language has one.
    pub compile: Option<CompileReport>,
    /// Every group but the root, in order.
    pub groups: Vec<GroupReport>,
    /// Every case, in order, also those that were skipped. None when the submission was not built.
    pub cases: Vec<ProblemCaseReport>,
    /// What was enforced for the program.
    pub limits: Limits,
    /// The CPU limit of the problem, which the verdict TLE is about.
    pub cpu_time_max: Duration,
    /// The version of the language that ran it.
    pub language_version: String,
}

impl ProblemReport {
    /// The longest CPU time of any case.
    pub fn cpu_time(&self) -> Duration {
        self.cases.iter().map(|case| case.usage.cpu_time).max().unwrap_or_default()
    }

    /// The most memory of any case.
    pub fn memory(&self) -> Bytes {
        self.cases.iter().map(|case| case.usage.memory).max().unwrap_or(Bytes::ZERO)
    }
}

/// A group.
#[derive(Clone, Debug)]
pub struct GroupReport {
    /// Its name.
    pub name: GroupName,
    /// Its verdict; skipped if it could not begin.
    pub verdict: Verdict,
    /// Its score, where it has one.
    pub score: Option<Score>,
    /// The most it gives, where it has scores.
    pub max: Option<MaxScore>,
    /// Why it was skipped, or what is wrong with it.
    pub reason: Option<String>,
}

/// A case.
#[derive(Clone, Debug)]
pub struct ProblemCaseReport {
    /// Its name.
    pub id: CaseId,
    /// The group it lies in.
    pub group: GroupName,
    /// Its verdict.
    pub verdict: Verdict,
    /// All that was true of the program by itself, the strongest first.
    pub causes: Vec<Verdict>,
    /// Its score, where it has one.
    pub score: Option<Score>,
    /// What it used, in the run that counts; nothing if it was skipped.
    pub usage: Usage,
    /// How the program ended, in the run that counts.
    pub step: Option<StepReport>,
    /// How often it was run beyond the first time, being near a limit.
    pub reruns: u32,
    /// What the checker says to the author. May quote the test.
    pub judge_message: Option<String>,
    /// What the checker says to the contestant.
    pub team_message: Option<String>,
    /// Whether the interactor accepted and left something unread that the program had said.
    pub unread: bool,
    /// How the conversation began, where there was one.
    pub transcript: Vec<(Party, Vec<u8>)>,
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
        }
    }

    /// How the conversation began, as samples of conversations are written: a line each, after `<` the problem's program's, after `>` the
    /// submission's. `None` where there was none.
    pub fn conversation(&self) -> Option<String> {
        (!self.transcript.is_empty()).then(|| super::own::conversation(&self.transcript))
    }

    /// Whether a limit of time ended it, so that nobody knows how long it would have taken.
    pub(super) fn is_unfinished(&self) -> bool {
        let outcome = self.step.as_ref().map(|step| step.outcome);
        matches!(outcome, Some(Outcome::TimeLimit | Outcome::WallLimit | Outcome::IdleLimit))
    }

    /// What the program wrote, as far as it was kept.
    pub fn stdout(&self) -> Option<&Output> {
        self.step.as_ref().map(|step| &step.stdout)
    }
}
