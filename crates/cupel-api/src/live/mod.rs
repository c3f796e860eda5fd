//! `GET /live`: one WebSocket that starts, follows and ends many runs.
//!
//! ```text
//!  socket.rs ── text ──► session.rs: one message at a time ──► core
//!      ▲                     │ attaches
//!      │                     ▼
//!      └── outbox.rs ◄── attachment.rs: one task per run ◄── event bus (or the store)
//! ```
//!
//! No run's output is buffered, except in the outbox. An attachment takes the next event from the bus only after the
//! outbox has accepted the previous event, and the outbox holds at most [`outbox::PENDING_BYTES_MAX`] bytes. So a slow
//! client delays only its own connection. If the bus drops events in the meantime, the client gets `gap`. Of a stored
//! log, an attachment holds a bounded part (`cupel-core/src/view.rs`).
//! `docs/live.md` describes every message.
//!
//! *Invariant:* a run does not end with its connection. An interactive run ends when no client has been attached for
//! `worker.detached_timeout`; its worker measures that time, because API nodes may fail.

mod attachment;
mod input;
mod input_charge;
mod message;
mod outbox;
mod session;
mod socket;

use axum::extract::{Request, State};
use axum::http::HeaderValue;
use axum::http::request::Parts;
use axum::response::Response;
use cupel_core::accounts::TicketUse;
use cupel_http::app::Shared;
use cupel_http::auth::SITE_HEADER;
use cupel_http::caller::Follower;
use cupel_http::error::{ApiError, ErrorBody};
use cupel_http::notes::Notes;
use cupel_http::websocket;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::live::session::Session;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "`Follower` reads the ticket, and `name_user` the user; these fields document them")]
pub(crate) struct LiveParams {
    /// A ticket from `POST /tickets` without `submission_id`, for browsers; replaces the header `Authorization`.
    ticket: Option<String>,
    /// Id of the user of the page. With a session cookie of another user, the server answers 401.
    #[param(format = Uuid)]
    user: Option<String>,
}

/// Open a live connection.
///
/// A WebSocket (RFC 6455) that carries JSON messages in both directions. The client starts runs, follows them from any
/// event on, and cancels them. The server sends the events of `GET /execute/{submission_id}/events`. One connection
/// serves many runs. [Live runs](/docs/live) describes all messages, bounds and errors.
///
/// A page of this server is authenticated by its session cookie, and names its user in `user`, so that it does not act
/// for another user who has signed in since. A page of another origin is authenticated by a ticket from `POST
/// /tickets`. A request without a credential gets 401, or 403 if it comes from a page of another origin that the
/// operator does not permit.
#[utoipa::path(
    get, path = "/live", tag = "execute", operation_id = "live",
    params(
        LiveParams,
        ("Upgrade" = String, Header, description = "`websocket`"),
        ("Sec-WebSocket-Version" = String, Header, description = "`13`"),
        ("Sec-WebSocket-Key" = String, Header, description = "16 random bytes as base64"),
    ),
    responses(
        (status = 101, description = "The connection is a WebSocket from here on"),
        (status = 401, description = "There is no valid credential, or the session belongs to another user than `user`", body = ErrorBody, content_type = "application/problem+json"),
        (status = 403, description = "The page's origin is not permitted, or the page may not use a session cookie (`cross-site`)", body = ErrorBody, content_type = "application/problem+json"),
        (status = 426, description = "The request is not a WebSocket handshake", body = ErrorBody, content_type = "application/problem+json"),
        (status = 429, description = "You have too many event streams, waits and live connections open", body = ErrorBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn live(State(app): State<Shared>, request: Request) -> Result<Response, ApiError> {
    websocket::check_origin(&request, &app.settings)?;
    let (mut parts, body) = request.into_parts();
    name_user(&mut parts);
    let follower = <Follower as axum::extract::FromRequestParts<Shared>>::from_request_parts(&mut parts, &app).await?;
    let request_id = parts.extensions.get::<Notes>().map(|notes| notes.request_id().to_owned()).unwrap_or_default();
    let request = Request::from_parts(parts, body);
    let holder = follower.holder(&app, TicketUse::Live).await?;
    let response = websocket::response(&request)?;
    let open = app.long_answers.begin(holder.user)?;
    follower.enter(&app, TicketUse::Live).await?;
    let upgraded = websocket::upgraded(request);
    tokio::spawn(async move {
        // The connection may end before the client has the response.
        let Some(upgraded) = upgraded.await else { return };
        let (session, inbox, out) = Session::new(app.clone(), holder.clone(), request_id);
        socket::serve(upgraded, &app, &holder, session, inbox, out).await;
        drop(open);
    });
    Ok(response)
}

/// Prefix of the user's id in a query string. The id needs no escaping.
const USER_PARAMETER: &str = "user=";

/// Names the user of the page in the site's header, as other requests of the site do. A script cannot add headers to a
/// handshake, so the query has the id.
fn name_user(parts: &mut Parts) {
    let query = parts.uri.query().unwrap_or_default();
    let named = query.split('&').find_map(|pair| pair.strip_prefix(USER_PARAMETER));
    if let Some(value) = named.and_then(|user| HeaderValue::try_from(user).ok()) {
        parts.headers.insert(SITE_HEADER, value);
    }
}
