//! Result of verifying a problem package against its own claims.

use std::time::Duration;

use crate::{Score, Start, Verdict};

/// Result of a package verification.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verification {
    /// Whether every claim holds.
    pub holds: bool,
    /// Number of claims checked.
    pub claims: u64,
    /// The first claims that do not hold.
    pub broken: Vec<BrokenClaim>,
    /// The package's submissions, in the package's order.
    pub submissions: Vec<VerifiedSubmission>,
    /// CPU time limit; `None` if the package sets no limit and none could be derived.
    pub time_limit: Option<Duration>,
    /// Whether `time_limit` was derived from measured times because the package sets no limit.
    pub is_derived: bool,
    /// How the program that determined the derived limit was started; `None` if its language has no warm start, or if
    /// no limit was derived.
    pub limit_start: Option<Start>,
    /// Remarks for the authors; they do not affect `holds`.
    pub notes: Vec<String>,
}

/// A claim that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokenClaim {
    /// Subject of the claim: the path of a program or submission, or `time limit`.
    pub about: String,
    /// Location of the claim in the package.
    pub rule: String,
    /// Expected value.
    pub expected: String,
    /// Actual value.
    pub got: String,
    /// The case that decided.
    pub case: Option<String>,
}

/// A submission of the package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedSubmission {
    /// Path in the package.
    pub path: String,
    /// Verdict; `Skipped` if the submission could not be run here.
    pub verdict: Verdict,
    /// Score, if there is one.
    pub score: Option<Score>,
    /// Highest CPU time of any case; `None` if no case was run.
    pub slowest: Option<Duration>,
    /// The time limit with which the submission was judged.
    pub time_limit: Duration,
    /// Every group that has cases, in order.
    pub groups: Vec<VerifiedGroup>,
    /// A possible reason if the result is not the expected one.
    pub hint: Option<String>,
    /// Whether the result is the expected one.
    pub holds: bool,
}

/// Result of a package submission in one group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedGroup {
    /// The group's name.
    pub name: String,
    /// Verdict of the first case that is not accepted; `Accepted` if all are.
    pub verdict: Verdict,
    /// Highest CPU time of any case; `None` if no case was run.
    pub slowest: Option<Duration>,
}
