//! `/tickets`: one-time credentials for an event stream or a live connection. Browsers need them, because their
//! `EventSource` and `WebSocket` cannot send headers.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use cupel_core::accounts::{Scope, TicketUse};
use cupel_http::app::Shared;
use cupel_http::body::JsonBody;
use cupel_http::caller::Caller;
use cupel_http::error::{ApiError, ErrorBody, ErrorKind, FieldError};
use cupel_types::SubmissionId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::v1::response::time::rfc3339;

/// Purpose of the ticket.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TicketRequest {
    /// The submission whose events you want to follow. Without it, the ticket opens a live connection (`GET /live`),
    /// and an API key needs the scope `runs:write`.
    #[serde(default)]
    #[schema(format = Uuid)]
    submission_id: Option<String>,
}

/// A ticket.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({ "ticket": "cut_…", "url": "/api/v1/execute/0199a4e2-c5d0-7f3e-8a51-0d4b7c1f2e3a/events?ticket=cut_…", "expires_at": "2026-11-20T07:01:00.000Z" }))]
pub(crate) struct Ticket {
    /// Value for `?ticket=`; valid for one request.
    ticket: String,
    /// URL at which the ticket can be used.
    url: String,
    #[schema(format = DateTime)]
    expires_at: String,
}

/// Get a ticket for an event stream or a live connection.
///
/// `new EventSource(url)` follows the submission: close it at the event `verdict`, or the browser connects again with
/// the used ticket and gets 401. `new WebSocket(url)` opens a live connection. A ticket can be used once, within one
/// minute. If the connection breaks, get another ticket. For an event stream, then add `&after=` with the last event's
/// id. The ticket, and the connection that it opens, are valid only as long as the session or the API key of this
/// request.
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
    let (opens, place) = match body.submission_id {
        None => {
            caller.requires(Scope::RunsWrite)?;
            (TicketUse::Live, "/api/v1/live".to_owned())
        }
        Some(text) => {
            let id: SubmissionId = text.parse().map_err(|_| {
                let detail = "`submission_id` must be the UUID of a submission.";
                let errors = vec![FieldError::new("/submission_id", detail)];
                ApiError::new(ErrorKind::InvalidBody, detail).with_errors(errors)
            })?;
            if app.core.submission(&caller.viewer, id).await?.is_none() {
                return Err(ApiError::not_found("submission"));
            }
            (TicketUse::Stream(id), format!("/api/v1/execute/{id}/events"))
        }
    };
    let issued = app.accounts.make_ticket(&caller.viewer, caller.identity.via.credential(), opens).await?;
    let (ticket, expires_at) = issued.ok_or_else(|| {
        ApiError::new(
            ErrorKind::RateLimited,
            "You have the maximum number of unused tickets. Use one of them, or wait a minute.",
        )
        .retry_after(cupel_core::accounts::TICKET_LIFETIME)
    })?;
    let url = format!("{place}?ticket={ticket}");
    let answer = Ticket { ticket, url, expires_at: rfc3339(expires_at) };
    Ok((StatusCode::CREATED, [(header::CACHE_CONTROL, "no-store")], Json(answer)).into_response())
}
