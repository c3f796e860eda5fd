//! Submissions in lists.

use cupel_core::run::SubmissionSummary;
use cupel_types::Bytes;
use serde::Serialize;
use utoipa::ToSchema;

use super::status::Status;
use super::time::rfc3339;
use crate::v1::problems::view::points;

/// A submission in a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SummaryView {
    /// The submission's id.
    pub(crate) submission_id: String,
    /// The language's id; `null` for the verification of a package.
    pub(crate) language: Option<String>,
    /// Purpose: `run` (a program without a problem), `submission` (a solution that counts), `samples` (a trial on a
    /// problem's samples), `custom_input` (a trial on the sender's own input) or `verification` (of a problem's
    /// package).
    pub(crate) purpose: &'static str,
    /// The submission's status.
    pub(crate) status: Status,
    /// Time at which the submission was accepted.
    #[schema(format = DateTime)]
    pub(crate) submitted_at: String,
    /// Time at which the submission is due. Only if it was sent with a later `run_at` and no attempt has begun.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    pub(crate) run_at: Option<String>,
    /// Time at which the submission reached its final state.
    #[schema(format = DateTime)]
    pub(crate) completed_at: Option<String>,
    /// The verdict, once there is one.
    pub(crate) verdict: Option<String>,
    /// CPU time in milliseconds. If hidden tests ran, rounded up to 10 ms, except for administrators, and for authors
    /// in the lists of their problems.
    pub(crate) execution_time_ms: Option<u64>,
    /// Peak memory in KiB. If hidden tests ran, rounded up to whole MiB, with the same exceptions.
    pub(crate) memory_used_kb: Option<u64>,
    /// Slug of the problem of the submission; absent if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) problem: Option<String>,
    /// The score; absent if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) score: Option<f64>,
    /// The submission's owner; only in lists that can contain other users' submissions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) username: Option<String>,
}

impl From<SubmissionSummary> for SummaryView {
    fn from(summary: SubmissionSummary) -> SummaryView {
        SummaryView {
            submission_id: summary.id.to_string(),
            language: summary.language.as_ref().map(ToString::to_string),
            purpose: summary.sent_for.as_str(),
            status: Status::from(&summary.state),
            submitted_at: rfc3339(summary.submitted_at),
            run_at: summary.run_at.map(rfc3339),
            completed_at: summary.completed_at.map(rfc3339),
            verdict: summary.state.verdict().map(|v| v.code().to_owned()),
            execution_time_ms: summary.cpu_time.map(|t| t.as_millis() as u64),
            memory_used_kb: summary.memory.map(Bytes::as_kib),
            problem: summary.slug.map(|slug| slug.to_string()),
            score: summary.score.map(points),
            username: None,
        }
    }
}

/// A page of submissions, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SubmissionPage {
    /// The page.
    pub(crate) submissions: Vec<SummaryView>,
    /// Position of the page.
    pub(crate) pagination: HistoryPagination,
}

/// Position of a page of submissions: `page`, `limit` and `total` for a page by number, `limit` and `next_cursor` for a
/// page by cursor.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HistoryPagination {
    /// Page number, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) page: Option<u64>,
    /// Entries per page.
    pub(crate) limit: u64,
    /// Total number of entries.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) total: Option<u64>,
    /// The `cursor` of the next page; `null`: this is the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub(crate) next_cursor: Option<Option<String>>,
}
