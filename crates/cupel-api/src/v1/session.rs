//! `/session`: sign-in and sign-out of a browser. The session is in a cookie that scripts cannot read; programs use the
//! tokens of `/auth/login` instead.

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use cupel_core::accounts::{Role, User};
use cupel_http::app::Shared;
use cupel_http::auth::{
    Named, Presented, Via, bearer, check_same_origin, remove_session_cookie, session_cookie, set_session_cookie,
};
use cupel_http::body::JsonBody;
use cupel_http::caller::Anybody;
use cupel_http::error::{ApiError, ErrorBody, ErrorKind};
use cupel_http::notes::Notes;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::account::{LoginRequest, sign_in};
use super::guest;

/// The user of a session.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SessionUser {
    /// The user's id.
    user_id: String,
    /// The user name.
    username: String,
    /// `user`, `author` or `admin`.
    role: &'static str,
}

impl From<&User> for SessionUser {
    fn from(user: &User) -> SessionUser {
        SessionUser { user_id: user.id.to_string(), username: user.username.clone(), role: user.role.as_str() }
    }
}

/// The guest of a session.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SessionGuest {
    /// The guest's id, for `X-Cupel-Site`.
    user_id: String,
}

/// Who is signed in.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SessionState {
    /// The user; `null` if no user is signed in.
    user: Option<SessionUser>,
    /// The guest as whom a visitor runs programs; `null` if there is none.
    guest: Option<SessionGuest>,
    /// Whether visitors may run programs as guests (`POST /auth/guest`).
    guests_allowed: bool,
    /// Whether anybody may register. Otherwise a join code is needed.
    registration_open: bool,
}

impl SessionState {
    pub(super) fn of(app: &Shared, user: Option<&User>) -> Json<SessionState> {
        let (guest, user) = match user {
            Some(user) if user.role == Role::Guest => (Some(SessionGuest { user_id: user.id.to_string() }), None),
            user => (None, user.map(SessionUser::from)),
        };
        let (guests_allowed, registration_open) = (app.settings.guests_allowed, app.settings.registration_open);
        Json(SessionState { user, guest, guests_allowed, registration_open })
    }
}

/// Sign in, in a browser.
///
/// Sets the cookie `cupel_session` (`HttpOnly`, `SameSite=Lax`, and `Secure` over TLS), which authenticates later
/// requests. A request that changes something and has this cookie needs the header `X-Cupel-Site` with any value, and
/// must come from a page of this server, as shown by `Sec-Fetch-Site` or `Origin`. The same applies to this request.
/// The cookie is valid until the session ends. If the browser had a guest, the guest ends.
///
/// If the value of `X-Cupel-Site` is a user's id, the server answers 401 unless the session belongs to that user. So a
/// page of one user cannot act for another user who has since signed in with the same browser.
#[utoipa::path(
    post, path = "/session", tag = "auth", operation_id = "sign_in",
    params(("X-Cupel-Site" = String, Header, description = "Any value")),
    request_body = LoginRequest,
    responses(
        (status = 200, description = "Signed in", body = SessionState, headers(("Set-Cookie" = String, description = "The session"))),
        (status = 401, description = "No account has this address or name and this password", body = ErrorBody, content_type = "application/problem+json"),
        (status = 403, description = "The account is disabled, or the request does not come from a page of this server", body = ErrorBody, content_type = "application/problem+json"),
        (status = 429, description = "Too many wrong passwords", body = ErrorBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn open(
    State(app): State<Shared>,
    Extension(notes): Extension<Notes>,
    headers: HeaderMap,
    JsonBody(body): JsonBody<LoginRequest>,
) -> Result<Response, ApiError> {
    check_same_origin(&Method::POST, &headers, &app.settings)
        .map_err(|why| ApiError::new(ErrorKind::CrossSite, why))?;
    let login = sign_in(&app, &notes, &headers, &body).await?;
    guest::end(&app, &headers).await;
    let named = Named { user: login.user.id, session: login.session };
    let cookie = session_cookie_of(&app, &notes, named, login.expires_at)?;
    Ok(with_cookie(cookie, SessionState::of(&app, Some(&login.user))))
}

/// `Set-Cookie` with this session.
pub(super) fn session_cookie_of(
    app: &Shared,
    notes: &Notes,
    named: Named,
    expires_at: Timestamp,
) -> Result<HeaderValue, ApiError> {
    let now = app.core.now();
    let value = app.tokens.issue_cookie(named, now, expires_at).map_err(|e| ApiError::internal(&e))?;
    let lifetime = expires_at.duration_since(now).unsigned_abs();
    let cookie = set_session_cookie(&value, lifetime, notes.client().is_tls);
    cookie.ok_or_else(|| ApiError::new(ErrorKind::Internal, ErrorKind::Internal.meaning()))
}

/// Who is signed in.
///
/// If the request has a token or an API key, the response names its owner.
#[utoipa::path(
    get, path = "/session", tag = "auth", operation_id = "session",
    responses((status = 200, description = "The user, if somebody is signed in", body = SessionState)),
)]
pub(crate) async fn session(State(app): State<Shared>, Anybody(caller): Anybody) -> Json<SessionState> {
    SessionState::of(&app, caller.as_ref().map(|caller| &caller.identity.user))
}

/// Sign out, in a browser.
///
/// Ends the session of the cookie and removes the cookie. `POST /auth/logout` ends the session of a token. If the value
/// of `X-Cupel-Site` is another user's id, the server answers 401, and the session and the cookie stay.
#[utoipa::path(
    delete, path = "/session", tag = "auth", operation_id = "sign_out",
    responses(
        (status = 204, description = "The session has ended"),
        (status = 403, description = "The request does not come from a page of this server", body = ErrorBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn close(
    State(app): State<Shared>,
    Anybody(caller): Anybody,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let is_cookies = matches!(credential(&headers), Presented::Cookie(_));
    if let Some(caller) = caller.filter(|_| is_cookies)
        && let Via::Session(session) = caller.identity.via
    {
        app.accounts.logout(session).await?;
        app.identities.forget_session(session);
    } else {
        guest::check_page(&app, &headers).await?;
        // A server that no longer has guests does not accept a guest as the caller.
        guest::end(&app, &headers).await;
    }
    Ok(with_cookie(remove_session_cookie(), StatusCode::NO_CONTENT))
}

/// Credential of a request to the native API: the header `Authorization` or, without one, the session cookie.
pub(crate) fn credential(headers: &HeaderMap) -> Presented<'_> {
    match bearer(headers) {
        missing @ Presented::Missing(_) => session_cookie(headers).unwrap_or(missing),
        presented => presented,
    }
}

pub(super) fn with_cookie(cookie: HeaderValue, answer: impl IntoResponse) -> Response {
    ([(header::SET_COOKIE, cookie), (header::CACHE_CONTROL, HeaderValue::from_static("no-store"))], answer)
        .into_response()
}
