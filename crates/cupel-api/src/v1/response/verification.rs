//! Result of verifying a package, for its authors.

use std::time::Duration;

use cupel_types::{BrokenClaim, Verification, VerifiedGroup, VerifiedSubmission};
use serde::Serialize;
use utoipa::ToSchema;

use super::step::StartView;
use crate::v1::problems::view::points;

/// Result of verifying a package.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct VerificationView {
    /// Whether all claims of the package hold.
    holds: bool,
    /// Number of claims checked.
    claims: u64,
    /// Claims that do not hold, at most the first thousand.
    broken: Vec<ClaimView>,
    /// The package's submissions.
    submissions: Vec<VerifiedSubmissionView>,
    /// CPU time limit, in milliseconds.
    time_limit_ms: Option<u64>,
    /// Whether the limit was derived from the measured times because the package sets none.
    is_time_limit_derived: bool,
    /// How the program that determined a derived limit was started. A warm start takes less CPU time than a cold one.
    /// `null`: the program's language has no warm start, or the limit is not derived.
    time_limit_start: Option<StartView>,
    /// Remarks that do not affect the result.
    notes: Vec<String>,
}

/// A claim that does not hold.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ClaimView {
    /// Subject: a path in the package, or `time limit`.
    about: String,
    /// Where the package makes the claim.
    rule: String,
    /// The expected value.
    expected: String,
    /// The actual value.
    got: String,
    /// The deciding test.
    test: Option<String>,
}

/// A submission of the package.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct VerifiedSubmissionView {
    /// Path in the package.
    path: String,
    /// The submission's verdict; `SK`: it was not run, because its language is not installed on this server.
    verdict: &'static str,
    /// The submission's score, if it has one.
    score: Option<f64>,
    /// CPU time of its slowest test, in milliseconds.
    slowest_ms: Option<u64>,
    /// The time limit that applied, in milliseconds.
    time_limit_ms: u64,
    /// Every group of tests.
    groups: Vec<VerifiedGroupView>,
    /// A possible reason, if the result is not as expected.
    hint: Option<String>,
    /// Whether the result is as expected. Also `true` if the submission was skipped (`SK`), because its language is not
    /// installed on this server.
    holds: bool,
}

/// Result of a package's submission for a group of tests.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct VerifiedGroupView {
    /// Name of the group.
    name: String,
    /// Verdict of the first test that is not accepted; `AC` if all are accepted.
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
