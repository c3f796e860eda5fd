//! `/admin/dead-letters`: submissions that were abandoned because an internal error ended every attempt.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use cupel_core::dead_letters::{DeadLetter, FailedAttempt};
use cupel_http::app::Shared;
use cupel_http::body::{Id, Params};
use cupel_http::caller::Caller;
use cupel_http::error::{ApiError, ErrorBody};
use cupel_types::SubmissionId;
use serde::Serialize;
use utoipa::ToSchema;

use crate::v1::filters::PageParams;
use crate::v1::response::page::Pagination;
use crate::v1::response::time::rfc3339;

/// A dead letter: a submission whose run was abandoned.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DeadLetterView {
    submission_id: String,
    /// The abandoned run.
    run_id: String,
    /// The submission's owner.
    user_id: String,
    username: String,
    /// The submission's language; `null` for the verification of a package.
    language: Option<String>,
    /// The problem of the submission, if any.
    problem: Option<String>,
    /// Number of attempts, including those before a retry.
    attempts: u32,
    #[schema(format = DateTime)]
    died_at: String,
    /// Why the last attempt failed.
    reason: String,
}

impl From<DeadLetter> for DeadLetterView {
    fn from(letter: DeadLetter) -> DeadLetterView {
        DeadLetterView {
            submission_id: letter.submission.to_string(),
            run_id: letter.run.to_string(),
            user_id: letter.owner.to_string(),
            username: letter.username,
            language: letter.language.map(|id| id.to_string()),
            problem: letter.problem.map(|slug| slug.to_string()),
            attempts: letter.attempts,
            died_at: rfc3339(letter.died_at),
            reason: letter.why,
        }
    }
}

/// A page of dead letters, most recent failure first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DeadLetterPage {
    dead_letters: Vec<DeadLetterView>,
    pagination: Pagination,
}

/// An attempt that failed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FailedAttemptView {
    /// Attempt number; a retried submission continues the numbering.
    attempt: u32,
    run_id: String,
    worker_id: Option<String>,
    /// Name of the worker, if it was still known when the attempt failed.
    worker_name: Option<String>,
    #[schema(format = DateTime)]
    failed_at: String,
    reason: String,
}

impl From<FailedAttempt> for FailedAttemptView {
    fn from(attempt: FailedAttempt) -> FailedAttemptView {
        FailedAttemptView {
            attempt: attempt.attempt,
            run_id: attempt.run.to_string(),
            worker_id: attempt.worker.map(|id| id.to_string()),
            worker_name: attempt.worker_name,
            failed_at: rfc3339(attempt.failed_at),
            reason: attempt.why,
        }
    }
}

/// A dead letter with all recorded attempts.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DeadLetterDetail {
    dead_letter: DeadLetterView,
    /// The attempts, in order.
    failed_attempts: Vec<FailedAttemptView>,
}

/// List dead letters.
///
/// Submissions that ended because an internal error, such as a sandbox failure or the death of a worker, ended every
/// attempt. Their owners got an internal error as the result.
#[utoipa::path(
    get, path = "/admin/dead-letters", tag = "admin", operation_id = "dead_letters",
    params(PageParams),
    responses((status = 200, description = "A page", body = DeadLetterPage)),
)]
pub(crate) async fn dead_letters(
    State(app): State<Shared>,
    _admin: Caller,
    Params(page): Params<PageParams>,
) -> Result<Json<DeadLetterPage>, ApiError> {
    let (letters, total) = app.core.dead_letters(page.offset()?, page.limit).await?;
    Ok(Json(DeadLetterPage {
        dead_letters: letters.into_iter().map(DeadLetterView::from).collect(),
        pagination: Pagination { page: page.page, limit: page.limit, total },
    }))
}

/// Get a dead letter, with the cause, worker and time of each failed attempt.
#[utoipa::path(
    get, path = "/admin/dead-letters/{submission_id}", tag = "admin", operation_id = "dead_letter",
    params(("submission_id" = String, Path, description = "The submission's id", format = Uuid)),
    responses(
        (status = 200, description = "The dead letter", body = DeadLetterDetail),
        (status = 404, description = "This submission is not a dead letter", body = ErrorBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn dead_letter(
    State(app): State<Shared>,
    _admin: Caller,
    Id(id): Id<SubmissionId>,
) -> Result<Json<DeadLetterDetail>, ApiError> {
    let found = app.core.dead_letter(id).await?;
    let (letter, attempts) = found.ok_or_else(|| ApiError::not_found("dead letter"))?;
    Ok(Json(DeadLetterDetail {
        dead_letter: letter.into(),
        failed_attempts: attempts.into_iter().map(FailedAttemptView::from).collect(),
    }))
}

/// Retry a dead letter.
///
/// The submission is queued again under the same id, with the full number of attempts. The event numbers continue, and
/// the webhook is sent once more when the submission ends.
#[utoipa::path(
    post, path = "/admin/dead-letters/{submission_id}/retry", tag = "admin", operation_id = "retry_dead_letter",
    params(("submission_id" = String, Path, description = "The submission's id", format = Uuid)),
    responses(
        (status = 204, description = "The submission is queued again"),
        (status = 404, description = "This submission is not a dead letter", body = ErrorBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn retry_dead_letter(
    State(app): State<Shared>,
    caller: Caller,
    Id(id): Id<SubmissionId>,
) -> Result<StatusCode, ApiError> {
    if !app.core.retry_dead(id).await? {
        return Err(ApiError::not_found("dead letter"));
    }
    tracing::info!(by = %caller.user, submission.id = %id, "dead letter queued for a retry");
    Ok(StatusCode::NO_CONTENT)
}

/// Delete a dead letter.
///
/// Deletes the record of the failed attempts. The submission is kept, with the internal error as its result.
#[utoipa::path(
    delete, path = "/admin/dead-letters/{submission_id}", tag = "admin", operation_id = "purge_dead_letter",
    params(("submission_id" = String, Path, description = "The submission's id", format = Uuid)),
    responses(
        (status = 204, description = "The dead letter was deleted"),
        (status = 404, description = "This submission is not a dead letter", body = ErrorBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn purge_dead_letter(
    State(app): State<Shared>,
    caller: Caller,
    Id(id): Id<SubmissionId>,
) -> Result<StatusCode, ApiError> {
    if !app.core.purge_dead(id).await? {
        return Err(ApiError::not_found("dead letter"));
    }
    tracing::info!(by = %caller.user, submission.id = %id, "dead letter deleted");
    Ok(StatusCode::NO_CONTENT)
}
