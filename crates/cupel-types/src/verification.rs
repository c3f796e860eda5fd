//! What came of holding a package against what it says of itself.

use std::time::Duration;

use crate::{Score, Start, Verdict};

/// What a package's check came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verification {
    /// Whether everything is as the package says.
    pub holds: bool,
    /// How many claims were looked at.
    pub claims: u64,
    /// Those that do not hold, the first of them.
    pub broken: Vec<BrokenClaim>,
    /// The package's submissions, in its order.
    pub submissions: Vec<VerifiedSubmission>,
    /// The limit on CPU time; `None` if there is none and none could be derived.
    pub time_limit: Option<Duration>,
    /// Whether that follows from the times measured, and the package has none.
    pub is_derived: bool,
    /// How the program was started from whose time a derived limit follows; `None` if its language has no warm start, or there is no
    /// derived limit.
    pub limit_start: Option<Start>,
    /// What its authors should know, and nothing follows from.
    pub notes: Vec<String>,
}

/// A claim that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokenClaim {
    /// What it is about: a program's or submission's path, or `time limit`.
    pub about: String,
    /// Where it is said.
    pub rule: String,
    /// What must be.
    pub expected: String,
    /// What is.
    pub got: String,
    /// The case by which it was decided.
    pub case: Option<String>,
}

/// A submission of the package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedSubmission {
    /// Where it lies.
    pub path: String,
    /// Its verdict; skipped if it could not be run here.
    pub verdict: Verdict,
    /// Its score, where it has one.
    pub score: Option<Score>,
    /// The most CPU time of any case; `None` if none was run.
    pub slowest: Option<Duration>,
    /// The limit it was held against.
    pub time_limit: Duration,
    /// Every group with cases, in order.
    pub groups: Vec<VerifiedGroup>,
    /// What may be the reason, where it is not as expected.
    pub hint: Option<String>,
    /// Whether it is as expected.
    pub holds: bool,
}

/// A submission of the package in a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedGroup {
    /// The group.
    pub name: String,
    /// Of the first case that is not accepted; accepted if all are.
    pub verdict: Verdict,
    /// The most CPU time of any case; `None` if none was run.
    pub slowest: Option<Duration>,
}
