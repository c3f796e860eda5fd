//! [`Verification`] as part of the column `report` of `execution_results`.

use std::time::Duration;

use cupel_types::{BrokenClaim, Score, Start, Verification, VerifiedGroup, VerifiedSubmission};
use serde::{Deserialize, Serialize};

use super::grading::score_from;
use super::report::verdict_from;
use super::{RowError, us_of};

#[derive(Serialize, Deserialize)]
pub(super) struct VerificationRow {
    holds: bool,
    claims: u64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    broken: Vec<ClaimRow>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    submissions: Vec<SubmissionRow>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    time_limit_us: Option<u64>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    is_derived: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    limit_start: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    notes: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct ClaimRow {
    about: String,
    rule: String,
    expected: String,
    got: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    case: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct SubmissionRow {
    path: String,
    verdict: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    score: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    slowest_us: Option<u64>,
    time_limit_us: u64,
    groups: Vec<GroupRow>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
    holds: bool,
}

#[derive(Serialize, Deserialize)]
struct GroupRow {
    name: String,
    verdict: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    slowest_us: Option<u64>,
}

impl From<&Verification> for VerificationRow {
    fn from(v: &Verification) -> VerificationRow {
        let claim = |c: &BrokenClaim| ClaimRow {
            about: c.about.clone(),
            rule: c.rule.clone(),
            expected: c.expected.clone(),
            got: c.got.clone(),
            case: c.case.clone(),
        };
        let group = |g: &VerifiedGroup| GroupRow {
            name: g.name.clone(),
            verdict: g.verdict.code().into(),
            slowest_us: g.slowest.map(us_of),
        };
        let submission = |s: &VerifiedSubmission| SubmissionRow {
            path: s.path.clone(),
            verdict: s.verdict.code().into(),
            score: s.score.map(Score::millionths),
            slowest_us: s.slowest.map(us_of),
            time_limit_us: us_of(s.time_limit),
            groups: s.groups.iter().map(group).collect(),
            hint: s.hint.clone(),
            holds: s.holds,
        };
        VerificationRow {
            holds: v.holds,
            claims: v.claims,
            broken: v.broken.iter().map(claim).collect(),
            submissions: v.submissions.iter().map(submission).collect(),
            time_limit_us: v.time_limit.map(us_of),
            is_derived: v.is_derived,
            limit_start: v.limit_start.map(|start| start.name().to_owned()),
            notes: v.notes.clone(),
        }
    }
}

pub(super) fn read_verification(row: VerificationRow) -> Result<Verification, RowError> {
    let claim =
        |c: ClaimRow| BrokenClaim { about: c.about, rule: c.rule, expected: c.expected, got: c.got, case: c.case };
    let group = |g: GroupRow| {
        let slowest = g.slowest_us.map(Duration::from_micros);
        Ok(VerifiedGroup { name: g.name, verdict: verdict_from(&g.verdict)?, slowest })
    };
    let submission = |s: SubmissionRow| {
        Ok(VerifiedSubmission {
            path: s.path,
            verdict: verdict_from(&s.verdict)?,
            score: score_from(s.score)?,
            slowest: s.slowest_us.map(Duration::from_micros),
            time_limit: Duration::from_micros(s.time_limit_us),
            groups: s.groups.into_iter().map(group).collect::<Result<_, RowError>>()?,
            hint: s.hint,
            holds: s.holds,
        })
    };
    Ok(Verification {
        holds: row.holds,
        claims: row.claims,
        broken: row.broken.into_iter().map(claim).collect(),
        submissions: row.submissions.into_iter().map(submission).collect::<Result<_, RowError>>()?,
        time_limit: row.time_limit_us.map(Duration::from_micros),
        is_derived: row.is_derived,
        limit_start: row.limit_start.as_deref().and_then(Start::from_name),
        notes: row.notes,
    })
}
