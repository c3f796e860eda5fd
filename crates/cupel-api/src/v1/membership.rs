//! `/auth/password`, `/auth/sessions`, `/auth/delete-account`: operations of users on their own account.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use cupel_core::accounts::{AccountChange, ChangePasswordError, Session};
use cupel_http::app::Shared;
use cupel_http::auth::Via;
use cupel_http::body::{Id, JsonBody};
use cupel_http::caller::{Anybody, Caller};
use cupel_http::error::{ApiError, ErrorBody, ErrorKind};
use cupel_http::notes::Notes;
use cupel_http::rate_limit::Claimed;
use cupel_types::SessionId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::account::{failed, invalid};
use crate::v1::response::time::rfc3339;

/// A new password and, as confirmation, the old one.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "old_password": "correct horse battery", "password": "staple correct horse" }))]
pub(crate) struct PasswordRequest {
    #[schema(format = Password)]
    old_password: String,
    /// The new password: 8 to 256 characters; not the user name or the e-mail address.
    #[schema(format = Password, min_length = 8, max_length = 256, pattern = "^[^\\u0000]*$")]
    password: String,
}

/// Change your password.
///
/// Your other sessions end. An unused one-time link to your account becomes invalid. API keys stay valid.
#[utoipa::path(
    post, path = "/auth/password", tag = "auth", operation_id = "change_password",
    request_body = PasswordRequest,
    responses(
        (status = 204, description = "Changed"),
        (status = 401, description = "The old password is wrong", body = ErrorBody, content_type = "application/problem+json"),
        (status = 429, description = "Too many wrong passwords", body = ErrorBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn change_password(
    State(app): State<Shared>,
    Extension(notes): Extension<Notes>,
    caller: Caller,
    JsonBody(body): JsonBody<PasswordRequest>,
) -> Result<StatusCode, ApiError> {
    let user = &caller.identity.user;
    let keep = match &caller.identity.via {
        Via::Session(session) => Some(*session),
        Via::Key { .. } | Via::Keyless => None,
    };
    // The holder of a stolen token must not get more password guesses than at log-in.
    let attempt = app.limits.login_attempt(Claimed::Own(user.id), notes.client().address).await?;
    match app.accounts.change_password(user, &body.old_password, &body.password, keep).await {
        Ok(()) => {
            // Too many changes are charged like wrong passwords, because each costs two hashes.
            if app.limits.right_password(user.id).await.is_ok() {
                attempt.succeeded().await;
            }
            app.identities.forget(user.id);
            tracing::info!(user = %user.id, "password changed");
            Ok(StatusCode::NO_CONTENT)
        }
        Err(ChangePasswordError::Invalid(fault)) => {
            attempt.undecided().await;
            Err(invalid(vec![fault]))
        }
        Err(ChangePasswordError::Wrong | ChangePasswordError::NotGood) => Err(wrong_password()),
        Err(ChangePasswordError::Failed(error)) => {
            attempt.undecided().await;
            Err(failed(error))
        }
    }
}

fn wrong_password() -> ApiError {
    ApiError::new(ErrorKind::WrongCredentials, "The old password is wrong.")
}

/// A new password, with a one-time link.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "token": "cul_…", "password": "staple correct horse" }))]
pub(crate) struct ResetRequest {
    /// The text after `#` or `token=` in the link.
    token: String,
    /// The new password: 8 to 256 characters; not the user name or the e-mail address.
    #[schema(format = Password, min_length = 8, max_length = 256, pattern = "^[^\\u0000]*$")]
    password: String,
}

/// Set a password with a one-time link.
///
/// An administrator creates the link. Setting the password ends all sessions. If only the password is refused, the link
/// stays valid.
#[utoipa::path(
    post, path = "/auth/password/reset", tag = "auth", operation_id = "reset_password",
    request_body = ResetRequest,
    responses(
        (status = 204, description = "The password is set. You can log in now"),
        (status = 401, description = "The link is invalid, already used or expired", body = ErrorBody, content_type = "application/problem+json"),
        (status = 429, description = "Too many invalid links from your IP address", body = ErrorBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn reset_password(
    State(app): State<Shared>,
    Extension(notes): Extension<Notes>,
    JsonBody(body): JsonBody<ResetRequest>,
) -> Result<StatusCode, ApiError> {
    reset(&app, &notes, &body.token, &body.password).await.map(|()| StatusCode::NO_CONTENT)
}

/// Sets a password with a link's token.
pub(crate) async fn reset(app: &Shared, notes: &Notes, token: &str, password: &str) -> Result<(), ApiError> {
    let guess = app.limits.token(notes.client().address).await?;
    let used = app.accounts.use_link(token, password).await;
    if !matches!(used, Err(ChangePasswordError::Wrong | ChangePasswordError::NotGood)) {
        guess.refund().await;
    }
    match used {
        Ok(user) => {
            notes.set_user(user);
            app.identities.forget(user);
            tracing::info!(%user, "password set with a one-time link");
            Ok(())
        }
        Err(ChangePasswordError::Invalid(fault)) => Err(invalid(vec![fault])),
        Err(ChangePasswordError::Wrong | ChangePasswordError::NotGood) => Err(bad_link()),
        Err(ChangePasswordError::Failed(error)) => Err(failed(error)),
    }
}

fn bad_link() -> ApiError {
    let detail = "The link is invalid, already used or expired. Ask an administrator for another one.";
    ApiError::new(ErrorKind::WrongCredentials, detail)
}

/// The token of a one-time link.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "token": "cul_…" }))]
pub(crate) struct LinkRequest {
    /// The text after `#` or `token=` in the link.
    token: String,
}

/// The account whose password a one-time link sets.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({ "username": "ada" }))]
pub(crate) struct LinkAccount {
    username: String,
}

/// Get the account of a one-time link.
///
/// The link stays valid. `POST /auth/password/reset` sets the password.
#[utoipa::path(
    post, path = "/auth/password/link", tag = "auth", operation_id = "password_link",
    request_body = LinkRequest,
    responses(
        (status = 200, description = "The account", body = LinkAccount),
        (status = 401, description = "The link is invalid, already used or expired", body = ErrorBody, content_type = "application/problem+json"),
        (status = 429, description = "Too many invalid links from your IP address", body = ErrorBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn password_link(
    State(app): State<Shared>,
    Extension(notes): Extension<Notes>,
    _client: Anybody,
    JsonBody(body): JsonBody<LinkRequest>,
) -> Result<Response, ApiError> {
    let guess = app.limits.token(notes.client().address).await?;
    let found = app.accounts.user_of_link(&body.token).await;
    if !matches!(found, Ok(None)) {
        guess.refund().await;
    }
    let user = found?.ok_or_else(bad_link)?;
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(LinkAccount { username: user.username })).into_response())
}

/// A session: one log-in on one device.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SessionView {
    session_id: String,
    #[schema(format = DateTime)]
    created_at: String,
    /// Time of the last refresh. A session in use is refreshed each time its access token expires.
    #[schema(format = DateTime)]
    last_used_at: Option<String>,
    #[schema(format = DateTime)]
    expires_at: String,
    /// The `User-Agent` header of the log-in: at most 200 characters, without control characters.
    user_agent: Option<String>,
    /// Whether this is the session of this request.
    current: bool,
}

/// Your sessions.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SessionViews {
    /// Newest first.
    sessions: Vec<SessionView>,
}

/// List your sessions.
#[utoipa::path(
    get, path = "/auth/sessions", tag = "auth", operation_id = "sessions",
    responses((status = 200, description = "Sessions that have not ended", body = SessionViews)),
)]
pub(crate) async fn sessions(State(app): State<Shared>, caller: Caller) -> Result<Json<SessionViews>, ApiError> {
    let sessions = app.accounts.sessions(caller.user).await?;
    let view = |session: Session| SessionView {
        session_id: session.id.to_string(),
        created_at: rfc3339(session.created_at),
        last_used_at: session.last_used_at.map(rfc3339),
        expires_at: rfc3339(session.expires_at),
        user_agent: session.user_agent,
        current: matches!(caller.identity.via, Via::Session(id) if id == session.id),
    };
    Ok(Json(SessionViews { sessions: sessions.into_iter().map(view).collect() }))
}

/// End one of your sessions.
#[utoipa::path(
    delete, path = "/auth/sessions/{session_id}", tag = "auth", operation_id = "end_session",
    params(("session_id" = String, Path, description = "The session's id", format = Uuid)),
    responses(
        (status = 204, description = "The session is no longer valid"),
        (status = 404, description = "There is no such session of yours", body = ErrorBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn end_session(
    State(app): State<Shared>,
    caller: Caller,
    Id(id): Id<SessionId>,
) -> Result<StatusCode, ApiError> {
    let ended = app.accounts.end_session(caller.user, id).await?;
    app.identities.forget_session(id);
    if ended { Ok(StatusCode::NO_CONTENT) } else { Err(ApiError::not_found("session")) }
}

/// Confirmation by password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeleteRequest {
    #[schema(format = Password)]
    password: String,
}

/// Delete your account.
///
/// Removes your name, e-mail address, password, sessions, API keys, webhooks, drafts and shared programs. Waiting and
/// running submissions are cancelled. Your submissions are kept under an anonymous name, so that standings do not
/// change.
#[utoipa::path(
    post, path = "/auth/delete-account", tag = "auth", operation_id = "delete_account",
    request_body = DeleteRequest,
    responses(
        (status = 204, description = "Deleted"),
        (status = 401, description = "The password is wrong", body = ErrorBody, content_type = "application/problem+json"),
        (status = 409, description = "You are the only administrator who can log in", body = ErrorBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn delete_account(
    State(app): State<Shared>,
    Extension(notes): Extension<Notes>,
    caller: Caller,
    JsonBody(body): JsonBody<DeleteRequest>,
) -> Result<StatusCode, ApiError> {
    let user = &caller.identity.user;
    let attempt = app.limits.login_attempt(Claimed::Own(user.id), notes.client().address).await?;
    match app.accounts.is_password(user, &body.password).await {
        Ok(true) => attempt.succeeded().await,
        Ok(false) => return Err(ApiError::new(ErrorKind::WrongCredentials, "The password is wrong.")),
        Err(error) => {
            attempt.undecided().await;
            return Err(failed(error));
        }
    }
    let change = app.accounts.delete(user.id).await?;
    app.identities.forget(user.id);
    done(change)?;
    tracing::info!(user = %user.id, "account deleted by its owner");
    Ok(StatusCode::NO_CONTENT)
}

/// Converts the refusal of an account change to an `ApiError`.
pub(crate) fn done(change: AccountChange) -> Result<(), ApiError> {
    match change {
        AccountChange::Done => Ok(()),
        AccountChange::NoSuchUser => Err(ApiError::not_found("user")),
        AccountChange::LastAdministrator => Err(ApiError::new(
            ErrorKind::Conflict,
            "This is the only administrator who can log in. Give another user the role `admin` first.",
        )),
        AccountChange::Internal => Err(ApiError::new(
            ErrorKind::Conflict,
            "This is an internal account of Cupel, to which the runs of clients without a key belong. It cannot be deleted or disabled, \
             and has neither a role nor a password.",
        )),
    }
}
