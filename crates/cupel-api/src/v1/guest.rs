//! `/auth/guest`: a temporary account with which a visitor runs programs in a browser.

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::Response;
use cupel_core::accounts::Role;
use cupel_http::app::Shared;
use cupel_http::auth::{Named, Presented, Via, check_same_origin};
use cupel_http::caller::Anybody;
use cupel_http::error::{ApiError, ErrorBody, ErrorKind};
use cupel_http::notes::Notes;

use super::session::{SessionState, session_cookie_of, with_cookie};

/// Become a guest, in a browser.
///
/// A guest is a temporary account without name and password. It may run programs, on the samples of a problem too, and
/// read and cancel its own runs; everything else needs an account. Its runs have the rates of the tier `guest`, and
/// neither `webhook`, `run_at` nor `tests`. The guest and its runs are deleted after 24 hours, or when the
/// session ends before, for example because the visitor signs in.
///
/// Sets the session cookie, under the conditions of `POST /session`. If somebody is signed in already, or the visitor is
/// a guest already, nothing changes.
#[utoipa::path(
    post, path = "/auth/guest", tag = "auth", operation_id = "open_guest",
    params(("X-Cupel-Site" = String, Header, description = "Any value")),
    responses(
        (status = 201, description = "The visitor is a new guest", body = SessionState, headers(("Set-Cookie" = String, description = "The session"))),
        (status = 200, description = "The session of the request goes on", body = SessionState),
        (status = 403, description = "The server has no guests, or the request does not come from a page of this server", body = ErrorBody, content_type = "application/problem+json"),
        (status = 429, description = "Too many guests from your IP address", body = ErrorBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn open(
    State(app): State<Shared>,
    Anybody(caller): Anybody,
    Extension(notes): Extension<Notes>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    check_same_origin(&Method::POST, &headers, &app.settings.public_url)
        .map_err(|why| ApiError::new(ErrorKind::CrossSite, why))?;
    if !app.settings.guests_allowed {
        let detail = "Running programs needs an account on this server. Register or sign in.";
        return Err(ApiError::new(ErrorKind::Forbidden, detail));
    }
    if let Some(caller) = caller {
        return Ok(axum::response::IntoResponse::into_response(SessionState::of(&app, Some(&caller.identity.user))));
    }
    app.limits.guest(notes.client().address).await?;
    let guest = app.accounts.open_guest().await?;
    notes.set_user(guest.user.id);
    let named = Named { user: guest.user.id, session: guest.session };
    let cookie = session_cookie_of(&app, &notes, named, guest.expires_at)?;
    Ok(with_cookie(cookie, (StatusCode::CREATED, SessionState::of(&app, Some(&guest.user)))))
}

/// Ends the guest of the browser that sent these headers, if it is one.
pub(super) async fn end(app: &Shared, headers: &HeaderMap) -> Result<(), ApiError> {
    let Some(Presented::Cookie(text)) = cupel_http::auth::session_cookie(headers) else { return Ok(()) };
    let Ok(named) = app.tokens.read_cookie(text, app.core.now()) else { return Ok(()) };
    let Ok(identity) = app.identities.of_token(&app.accounts, named).await else { return Ok(()) };
    if let (Role::Guest, Via::Session(session)) = (identity.user.role, &identity.via) {
        app.accounts.logout(*session).await?;
        app.identities.forget_session(*session);
    }
    Ok(())
}
