//! Submissions in lists.

use cupel_core::run::SubmissionSummary;
use cupel_http::error::ApiError;
use cupel_types::{Bytes, SubmissionId};
use futures_util::Stream;
use serde::Serialize;
use utoipa::ToSchema;

use super::status::Status;
use super::time::rfc3339;
use crate::csv;
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
    /// Time at which the server had received the submission.
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

impl SummaryView {
    /// The line of a list as CSV, as in [`columns`].
    fn cells(&self, with_problem: WithProblem) -> impl Iterator<Item = csv::Cell<'_>> {
        let cells = [
            csv::Cell::Text(&self.submission_id),
            csv::Cell::text(self.username.as_deref()),
            csv::Cell::text(self.language.as_deref()),
            csv::Cell::Text(self.status.as_str()),
            csv::Cell::text(self.verdict.as_deref()),
            csv::Cell::number(self.score),
            csv::Cell::number(self.execution_time_ms),
            csv::Cell::number(self.memory_used_kb),
            csv::Cell::Text(&self.submitted_at),
            csv::Cell::text(self.completed_at.as_deref()),
        ];
        let problem = || csv::Cell::text(self.problem.as_deref());
        cells.into_iter().chain((with_problem == WithProblem::Yes).then(problem))
    }

    /// The submission with the name of its owner.
    pub(crate) fn with_owner(summary: SubmissionSummary) -> SummaryView {
        let username = Some(summary.username.clone());
        SummaryView { username, ..SummaryView::from(summary) }
    }
}

/// Number of CSV lines read at a time.
pub(crate) const CSV_CHUNK: u64 = 500;

/// Whether a list as CSV has a column with the problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WithProblem {
    No,
    Yes,
}

/// A list of submissions as CSV, read from the store while it is sent. `read` returns the first [`CSV_CHUNK`]
/// submissions of the list before this one.
pub(crate) fn as_csv<F>(
    with_problem: WithProblem,
    read: impl Fn(Option<SubmissionId>) -> F + Send,
) -> impl Stream<Item = Result<bytes::Bytes, ApiError>> + Send
where
    F: Future<Output = Result<Vec<SubmissionSummary>, ApiError>> + Send,
{
    /// Where the next chunk begins.
    enum Position {
        Start,
        After(SubmissionId),
    }
    let first = (read, Some(Position::Start));
    futures_util::stream::try_unfold(first, move |(read, position)| async move {
        let Some(position) = position else { return Ok(None) };
        let mut lines = csv::Lines::default();
        let before = match position {
            Position::Start => {
                lines.line(columns(with_problem));
                None
            }
            Position::After(before) => Some(before),
        };
        let summaries = read(before).await?;
        let last = summaries.last().filter(|_| summaries.len() as u64 == CSV_CHUNK);
        let next = last.map(|last| Position::After(last.id));
        for summary in summaries {
            let line = SummaryView::with_owner(summary);
            lines.line(line.cells(with_problem));
        }
        Ok(Some((lines.take(), (read, next))))
    })
}

fn columns(with_problem: WithProblem) -> impl Iterator<Item = csv::Cell<'static>> {
    let names = [
        "submission_id",
        "username",
        "language",
        "status",
        "verdict",
        "score",
        "execution_time_ms",
        "memory_used_kb",
        "submitted_at",
        "completed_at",
    ];
    names.into_iter().chain((with_problem == WithProblem::Yes).then_some("problem")).map(csv::Cell::Text)
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
