//! `/tickets`: one-time credentials for an event stream, for browsers, whose `EventSource` cannot send a header.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use cupel_http::app::Shared;
use cupel_http::body::JsonBody;
use cupel_http::caller::Caller;
use cupel_http::error::{ApiError, ErrorBody, ErrorKind, FieldError};
use cupel_types::SubmissionId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::v1::response::rfc3339;

/// Purpose of the ticket.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TicketRequest {
    /// The submission whose events you want to follow.
    #[schema(format = Uuid)]
    #[schema(format = Uuid)]
    submission_id: String,
}

/// A ticket.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({ "ticket": "cut_…", "url": "/api/v1/execute/0199a4e2-c5d0-7f3e-8a51-0d4b7c1f2e3a/events?ticket=cut_…", "expires_at": "2026-11-20T07:01:00.000Z" }))]
pub(crate) struct Ticket {
    /// Value for `?ticket=`; valid for one request.
    ticket: String,
    /// URL at which to use it.
    url: String,
    #[schema(format = DateTime)]
    expires_at: String,
}

/// Get a ticket for an event stream.
///
/// `new EventSource(url)` follows the submission. A ticket opens the stream of this submission once, within one minute.
/// If the connection breaks, get another ticket, and add `&after=` with the last event's id.
#[utoipa::path(
    post, path = "/tickets", tag = "execute", operation_id = "create_ticket",
    request_body = TicketRequest,
    responses(
        (status = 201, description = "The ticket. It is shown only in this response", body = Ticket),
        (status = 404, description = "The submission does not exist, or it belongs to another user", body = ErrorBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn create_ticket(
    State(app): State<Shared>,
    caller: Caller,
    JsonBody(body): JsonBody<TicketRequest>,
) -> Result<Response, ApiError> {
    let id: SubmissionId = body.submission_id.parse().map_err(|_| {
        let detail = "`submission_id` must be the UUID of a submission.";
        ApiError::new(ErrorKind::InvalidBody, detail).with_errors(vec![FieldError::new("/submission_id", detail)])
    })?;
    if app.core.submission(&caller.viewer, id).await?.is_none() {
        return Err(ApiError::not_found("submission"));
    }
    let made = app.accounts.make_ticket(&caller.viewer, id).await?;
    let (ticket, expires_at) = made.ok_or_else(|| {
        ApiError::new(
            ErrorKind::RateLimited,
            "You have the maximum number of unused tickets. Use them, or wait a minute.",
        )
        .retry_after(cupel_core::accounts::TICKET_LIFETIME)
    })?;
    let url = format!("/api/v1/execute/{id}/events?ticket={ticket}");
    let answer = Ticket { ticket, url, expires_at: rfc3339(expires_at) };
    Ok((StatusCode::CREATED, [(header::CACHE_CONTROL, "no-store")], Json(answer)).into_response())
}
