//! Report on verifying a package: claims, each of which holds or does not hold, and a table of the package's
//! submissions.

use std::time::Duration;

use cupel_problem::{CaseId, GroupName, MaxScore, PackagePath, Score};
use cupel_types::{LanguageId, Verdict};

use crate::problem::calibrate::Measured;

/// Complete result of verifying a package.
#[derive(Clone, Debug)]
pub struct VerifyReport {
    /// All claims, in the order in which they were checked.
    pub claims: Vec<Claim>,
    /// The package's submissions, in the order of the package.
    pub submissions: Vec<VerifiedSubmission>,
    /// The time limit, and the times with which it was compared.
    pub time_limit: VerifiedTimeLimit,
    /// Notes for the author, without effect on the result.
    pub notes: Vec<String>,
    /// Whether the verification was cancelled before it had checked everything.
    pub cancelled: bool,
}

impl VerifyReport {
    /// Whether everything was checked and all claims hold.
    pub fn holds(&self) -> bool {
        !self.cancelled && self.broken().next().is_none()
    }

    /// Returns the claims that do not hold.
    pub fn broken(&self) -> impl Iterator<Item = &Claim> {
        self.claims.iter().filter(|claim| !claim.holds)
    }
}

/// A statement that must hold for the package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The subject.
    pub subject: Subject,
    /// Source of the claim: a folder, a glob of `submissions.yaml`, an annotation, or a part of the format.
    pub rule: String,
    /// The expected state, for users.
    pub expected: String,
    /// The actual state, for users.
    pub got: String,
    /// The case or trial that decided the claim.
    pub case: Option<String>,
    /// Whether the claim holds.
    pub holds: bool,
}

/// Subject of a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// An input validator.
    Validator(PackagePath),
    /// A checker or interactor: a program's path, or the name of a comparison.
    Checker(String),
    /// A generator.
    Generator(PackagePath),
    /// A submission.
    Submission(PackagePath),
    /// The limit on CPU time.
    TimeLimit,
}

/// A submission of the package.
#[derive(Clone, Debug)]
pub struct VerifiedSubmission {
    /// The submission's path.
    pub path: PackagePath,
    /// The submission's language; `None` if no language that is available here matches.
    pub language: Option<LanguageId>,
    /// The overall verdict; skipped if the submission could not be run here.
    pub verdict: Verdict,
    /// The overall score, if it has one.
    pub score: Option<Score>,
    /// Maximum score.
    pub max_score: Option<MaxScore>,
    /// The CPU limit that was applied.
    pub time_limit: Duration,
    /// Every group with cases, in order.
    pub groups: Vec<VerifiedGroup>,
    /// A possible reason, if the submission does not meet expectations.
    pub hint: Option<String>,
    /// Whether all claims about the submission hold. There are no claims about a submission in a language that is not
    /// installed here.
    pub holds: bool,
}

impl VerifiedSubmission {
    /// Returns the longest CPU time of any case.
    pub fn slowest(&self) -> Option<Duration> {
        self.groups.iter().filter_map(|group| group.slowest).max()
    }

    /// Whether a limit ended the program while it was waiting, so that the longest CPU time says nothing about its
    /// speed.
    pub fn is_idle(&self) -> bool {
        self.groups.iter().any(|group| group.idle)
    }
}

/// Result of a submission in a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedGroup {
    /// The group.
    pub name: GroupName,
    /// Verdict of the first case that is not accepted; accepted if all cases are.
    pub verdict: Verdict,
    /// The case that decided the verdict, if one was not accepted.
    pub case: Option<CaseId>,
    /// The group's score, if it has one.
    pub score: Option<Score>,
    /// The group's maximum score, if it has scores.
    pub max: Option<MaxScore>,
    /// The longest CPU time of a case; `None` if no case was run.
    pub slowest: Option<Duration>,
    /// Whether a limit ended a program of the group while it was waiting.
    pub idle: bool,
}

/// The time limit, and the times with which it was compared.
#[derive(Clone, Debug)]
pub struct VerifiedTimeLimit {
    /// The limit; `None` if the package has none and none could be derived.
    pub limit: Option<Duration>,
    /// Whether the limit comes from measured times, because the package has none or the request ignores it.
    pub derived: bool,
    /// The slowest case of the submissions that must be in time.
    pub slowest_in_time: Option<Measured>,
    /// The minimum, over all submissions that must be too slow, of each submission's slowest case. Submissions that
    /// were idle do not count.
    pub fastest_too_slow: Option<Measured>,
}
