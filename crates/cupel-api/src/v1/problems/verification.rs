//! What came of verifying a package, for its authors.

use std::time::Duration;

use cupel_types::{BrokenClaim, Verification, VerifiedGroup, VerifiedSubmission};
use serde::Serialize;
use utoipa::ToSchema;

use super::view::points;
use crate::v1::response::StartView;

/// What verifying a package came to.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct VerificationView {
    /// Whether everything is as the package says.
    holds: bool,
    /// How many claims were looked at.
    claims: u64,
    /// Those that do not hold, at most the first thousand.
    broken: Vec<ClaimView>,
    /// The package's submissions.
    submissions: Vec<VerifiedSubmissionView>,
    /// The limit on CPU time, in milliseconds.
    time_limit_ms: Option<u64>,
    /// Whether that follows from the times measured, and the package has none.
    is_time_limit_derived: bool,
    /// How the program was started whose time a derived limit follows from. A warm start takes less CPU time than a cold one. `null`: its
    /// language has no warm start, or the limit is not derived.
    time_limit_start: Option<StartView>,
    /// What you should know, and nothing follows from.
    notes: Vec<String>,
}

/// A claim that does not hold.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ClaimView {
    /// What it is about: a path in the package, or `time limit`.
    about: String,
    /// Where it is said.
    rule: String,
    /// What must be.
    expected: String,
    /// What is.
    got: String,
    /// The test by which it was decided.
    test: Option<String>,
}

/// A submission of the package.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct VerifiedSubmissionView {
    /// Where it lies.
    path: String,
    /// Its verdict; `SK`: its language is not installed here, and nothing is known of it.
    verdict: &'static str,
    /// Its score, where it has one.
    score: Option<f64>,
    /// CPU time of its slowest test, in milliseconds.
    slowest_ms: Option<u64>,
    /// The limit it was held against, in milliseconds.
    time_limit_ms: u64,
    /// Every group of tests.
    groups: Vec<VerifiedGroupView>,
    /// What may be the reason, where it is not as expected.
    hint: Option<String>,
    /// Whether it is as expected, or was not tried because its language is not installed here (`SK`).
    holds: bool,
}

/// A submission of the package in a group of tests.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct VerifiedGroupView {
    /// The group.
    name: String,
    /// Of the first test that is not accepted.
    verdict: &'static str,
    /// CPU time of the slowest test, in milliseconds.
    slowest_ms: Option<u64>,
}

fn ms(time: Duration) -> u64 {
    time.as_millis() as u64
}

impl From<&Verification> for VerificationView {
    fn from(verification: &Verification) -> VerificationView {
        VerificationView {
            holds: verification.holds,
            claims: verification.claims,
            broken: verification.broken.iter().map(ClaimView::from).collect(),
            submissions: verification.submissions.iter().map(VerifiedSubmissionView::from).collect(),
            time_limit_ms: verification.time_limit.map(ms),
            is_time_limit_derived: verification.is_derived,
            time_limit_start: verification.limit_start.map(StartView::from),
            notes: verification.notes.clone(),
        }
    }
}

impl From<&BrokenClaim> for ClaimView {
    fn from(claim: &BrokenClaim) -> ClaimView {
        let BrokenClaim { about, rule, expected, got, case } = claim.clone();
        ClaimView { about, rule, expected, got, test: case }
    }
}

impl From<&VerifiedSubmission> for VerifiedSubmissionView {
    fn from(submission: &VerifiedSubmission) -> VerifiedSubmissionView {
        let group = |group: &VerifiedGroup| VerifiedGroupView {
            name: group.name.clone(),
            verdict: group.verdict.code(),
            slowest_ms: group.slowest.map(ms),
        };
        VerifiedSubmissionView {
            path: submission.path.clone(),
            verdict: submission.verdict.code(),
            score: submission.score.map(points),
            slowest_ms: submission.slowest.map(ms),
            time_limit_ms: ms(submission.time_limit),
            groups: submission.groups.iter().map(group).collect(),
            hint: submission.hint.clone(),
            holds: submission.holds,
        }
    }
}
