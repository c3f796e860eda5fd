//! What verifying a package comes to: claims, each of which holds or does not, and a table of its submissions.

use std::time::Duration;

use cupel_problem::{CaseId, GroupName, MaxScore, PackagePath, Score};
use cupel_types::{LanguageId, Verdict};

use crate::problem::calibrate::Measured;

/// All that was found out about a package.
#[derive(Clone, Debug)]
pub struct VerifyReport {
    /// Everything that must hold, in the order in which it was looked at.
    pub claims: Vec<Claim>,
    /// The package's submissions, in its order.
    pub submissions: Vec<VerifiedSubmission>,
    /// The time limit and what it was held against.
    pub time_limit: VerifiedTimeLimit,
    /// What the author should know, and nothing follows from.
    pub notes: Vec<String>,
    /// Whether it was cancelled before everything had been looked at.
    pub cancelled: bool,
}

impl VerifyReport {
    /// Whether everything was looked at, and holds.
    pub fn holds(&self) -> bool {
        !self.cancelled && self.broken().next().is_none()
    }

    /// The claims that do not hold.
    pub fn broken(&self) -> impl Iterator<Item = &Claim> {
        self.claims.iter().filter(|claim| !claim.holds)
    }
}

/// Something that must hold of the package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// What it is about.
    pub subject: Subject,
    /// Where it is said: a folder, a glob of `submissions.yaml`, an annotation, a part of the format.
    pub rule: String,
    /// What must be, for people.
    pub expected: String,
    /// What is, for people.
    pub got: String,
    /// The case by which it was decided, or the trial.
    pub case: Option<String>,
    /// Whether it holds.
    pub holds: bool,
}

/// What a claim is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// An input validator.
    Validator(PackagePath),
    /// What decides about outputs: a program's path, or the name of a comparison.
    Checker(String),
    /// A submission.
    Submission(PackagePath),
    /// The limit on CPU time.
    TimeLimit,
}

/// One submission of the package.
#[derive(Clone, Debug)]
pub struct VerifiedSubmission {
    /// Where it lies.
    pub path: PackagePath,
    /// Its language; `None` if it has none that is available here.
    pub language: Option<LanguageId>,
    /// The verdict of the whole; skipped if it could not be run here.
    pub verdict: Verdict,
    /// The score of the whole, where there is one.
    pub score: Option<Score>,
    /// The most there is.
    pub max_score: Option<MaxScore>,
    /// The CPU limit it was held against.
    pub time_limit: Duration,
    /// Every group with cases, in order.
    pub groups: Vec<VerifiedGroup>,
    /// What may be the reason, where it is not as expected.
    pub hint: Option<String>,
    /// Whether all claims about it hold. Of one in a language that is not installed here nothing is claimed.
    pub holds: bool,
}

impl VerifiedSubmission {
    /// The most CPU time of any case.
    pub fn slowest(&self) -> Option<Duration> {
        self.groups.iter().filter_map(|group| group.slowest).max()
    }
}

/// A submission in a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedGroup {
    /// The group.
    pub name: GroupName,
    /// Of the first case that is not accepted; accepted if all are.
    pub verdict: Verdict,
    /// The case that decided, if one was not accepted.
    pub case: Option<CaseId>,
    /// The group's score, where it has one.
    pub score: Option<Score>,
    /// The most it gives, where it has scores.
    pub max: Option<MaxScore>,
    /// The most CPU time of a case; `None` if none was run.
    pub slowest: Option<Duration>,
}

/// The time limit, and what it was held against.
#[derive(Clone, Debug)]
pub struct VerifiedTimeLimit {
    /// It; `None` if there is none and none could be derived.
    pub limit: Option<Duration>,
    /// Whether it follows from the times measured, and the package has none or it was not to be looked at.
    pub derived: bool,
    /// The slowest case of those submissions that must be in time.
    pub slowest_in_time: Option<Measured>,
    /// The slowest case of that submission, of those that must be too slow, whose slowest case is the fastest.
    pub fastest_too_slow: Option<Measured>,
}
