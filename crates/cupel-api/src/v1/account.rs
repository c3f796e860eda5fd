//! `/auth`: registration, log-in, log-out, and the caller's account.

use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use cupel_core::accounts::{
    AccountError, Accounts, Login, LoginError, NewAccount, PasswordError, RefreshError, RegisterError, Scope, User,
};
use cupel_core::{InputFault, InputFaultKind, UserTaken};
use cupel_http::app::Shared;
use cupel_http::auth::{Via, check_own_name};
use cupel_http::body::JsonBody;
use cupel_http::caller::Caller;
use cupel_http::error::{ApiError, ErrorBody, ErrorKind, FieldError};
use cupel_http::notes::Notes;
use cupel_http::rate_limit::{Claimed, RateClass};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::v1::faults::{FormFaults, sentence};
use crate::v1::response::time::rfc3339;

/// A new account.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "username": "ada", "email": "ada@example.com", "password": "correct horse battery" }))]
pub(crate) struct RegisterRequest {
    /// 3 to 32 characters out of `A-Z a-z 0-9 _ . -`; does not begin with `deleted-`, in upper or lower case.
    #[schema(min_length = 3, max_length = 32, pattern = "^(?![Dd][Ee][Ll][Ee][Tt][Ee][Dd]-)[A-Za-z0-9_.-]+$")]
    username: String,
    /// E-mail address, which can also be used to log in. Required without `join_code`.
    #[serde(default)]
    #[schema(format = Email, max_length = 254)]
    email: Option<String>,
    /// 8 to 256 characters; not the user name or the e-mail address.
    // A missing password is reported together with the other validation errors, so that a missing e-mail address is not
    // hidden.
    #[serde(default)]
    #[schema(required, format = Password, min_length = 8, max_length = 256, pattern = "^[^\\u0000]*$")]
    password: String,
    /// A join code from an administrator. Successful registrations with a code do not count against your IP address,
    /// and are possible while registration is closed.
    #[serde(default)]
    join_code: Option<String>,
}

/// The created account.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({ "user_id": "0199a4e2-c5d0-7f3e-8a51-0d4b7c1f2e3a", "username": "ada", "email": "ada@example.com", "message": "User registered successfully" }))]
pub(crate) struct Registered {
    user_id: String,
    username: String,
    /// Omitted if the account has no e-mail address.
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    message: &'static str,
}

/// Create an account.
#[utoipa::path(
    post, path = "/auth/register", tag = "auth", operation_id = "register",
    request_body = RegisterRequest,
    responses(
        (status = 201, description = "The account was created. You can log in now", body = Registered),
        (status = 403, description = "Registration is closed, or the page was loaded under a host name that is not this server's", body = ErrorBody, content_type = "application/problem+json"),
        (status = 409, description = "The name or e-mail address is taken", body = ErrorBody, content_type = "application/problem+json"),
        (status = 429, description = "Too many registrations or wrong join codes from your IP address", body = ErrorBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn register(
    State(app): State<Shared>,
    Extension(notes): Extension<Notes>,
    headers: HeaderMap,
    JsonBody(body): JsonBody<RegisterRequest>,
) -> Result<Response, ApiError> {
    check_own_name(&headers, &app.settings).map_err(|why| ApiError::new(ErrorKind::CrossSite, why))?;
    let new = NewAccount { username: body.username, email: body.email, password: body.password };
    let made = match &body.join_code {
        Some(code) => {
            // A successful registration with a join code is not charged, because a class registers from one IP address.
            // If a value is invalid or taken, the registration is charged like a registration without a code. Only a
            // wrong code is charged as a guess.
            let address = notes.client().address;
            let guess = app.limits.join_code(address).await?;
            let made = app.accounts.register_with_code(new, code).await;
            match &made {
                Ok(_) | Err(RegisterError::Failed(_)) => guess.refund().await,
                Err(RegisterError::Taken(_) | RegisterError::Invalid(_)) => {
                    guess.refund().await;
                    app.limits.registration(address).await?;
                }
                Err(RegisterError::NoSuchCode) => {}
            }
            made
        }
        None if !app.settings.registration_open => {
            let detail = "Registration is closed. Ask an administrator for an account or a `join_code`.";
            return Err(ApiError::new(ErrorKind::Forbidden, detail));
        }
        None => {
            app.limits.registration(notes.client().address).await?;
            app.accounts.register(new).await
        }
    };
    let user = made.map_err(|error| match error {
        RegisterError::NoSuchCode => {
            let detail = "The join code does not exist, has expired or is used up.";
            let field = FieldError::new("/join_code", detail).of_kind(InputFaultKind::BadJoinCode);
            ApiError::new(ErrorKind::InvalidBody, detail).with_errors(vec![field])
        }
        RegisterError::Invalid(faults) => invalid(faults),
        RegisterError::Taken(which) => {
            let (pointer, detail) = match which {
                UserTaken::Username => ("/username", "Another account has this user name."),
                UserTaken::Email => ("/email", "Another account has this e-mail address."),
            };
            let field = FieldError::new(pointer, detail).of_kind(InputFaultKind::Taken);
            ApiError::new(ErrorKind::Taken, detail).with_errors(vec![field])
        }
        RegisterError::Failed(error) => failed(error),
    })?;
    let answer = Registered {
        user_id: user.id.to_string(),
        username: user.username,
        email: Some(user.email).filter(|email| !email.is_empty()),
        message: "User registered successfully",
    };
    Ok((StatusCode::CREATED, Json(answer)).into_response())
}

pub(super) fn invalid(faults: Vec<InputFault>) -> ApiError {
    let of = |fault: InputFault| FieldError::new(fault.pointer, sentence(&fault.detail)).of_kind(fault.kind);
    let errors: Vec<FieldError> = faults.into_iter().map(of).collect();
    let detail = errors.first().map(|e| e.detail.clone()).unwrap_or_default();
    ApiError::new(ErrorKind::InvalidBody, detail).with_errors(errors)
}

pub(super) fn failed(error: AccountError) -> ApiError {
    match error {
        AccountError::Store(error) => error.into(),
        AccountError::Password(PasswordError::Busy) => {
            ApiError::new(ErrorKind::Unavailable, "Too many passwords are being checked at the moment.")
                .retry_after(Duration::from_secs(2))
        }
        AccountError::Password(error @ PasswordError::Hash(_)) => ApiError::internal(&error),
    }
}

/// Log-in credentials.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "email": "ada@example.com", "password": "correct horse battery" }))]
pub(crate) struct LoginRequest {
    /// The e-mail address or the user name. Exactly one of `email` and `username` is required.
    #[serde(default)]
    email: Option<String>,
    /// Another name for `email`.
    #[serde(default)]
    username: Option<String>,
    /// The password.
    #[schema(format = Password)]
    password: String,
}

impl LoginRequest {
    /// The e-mail address or the user name.
    fn login(&self) -> Result<&str, ApiError> {
        let mut faults = FormFaults::default();
        match (&self.email, &self.username) {
            (Some(login), None) | (None, Some(login)) => return Ok(login),
            (None, None) => faults.push("/email", "", "The field `email` is required."),
            (Some(_), Some(_)) => {
                faults.push("/username", "", "`email` and `username` are names of the same field. Send only one.");
            }
        }
        Err(faults.into_error())
    }
}

/// Tokens for access to the API.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({ "access_token": "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl", "token_type": "Bearer", "expires_in": 3600, "refresh_token": "cur_…", "refresh_expires_at": "2026-12-20T07:00:00.000Z" }))]
pub(crate) struct TokenAnswer {
    /// For `Authorization: Bearer`.
    access_token: String,
    /// `Bearer`.
    token_type: &'static str,
    /// Lifetime of the access token, in seconds.
    expires_in: u64,
    /// Valid for one use at `/auth/refresh`.
    refresh_token: String,
    /// Time until which the session can be refreshed.
    #[schema(format = DateTime)]
    refresh_expires_at: String,
}

/// Response with tokens. Its headers forbid caching.
fn tokens(app: &Shared, login: &Login) -> Result<Response, ApiError> {
    let named = cupel_http::auth::Named { user: login.user.id, session: login.session };
    let access_token = app.tokens.issue(named, app.core.now()).map_err(|error| ApiError::internal(&error))?;
    let answer = TokenAnswer {
        access_token,
        token_type: "Bearer",
        expires_in: app.tokens.lifetime_seconds(),
        refresh_token: login.refresh_token.clone(),
        refresh_expires_at: rfc3339(login.expires_at),
    };
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(answer)).into_response())
}

/// Log in.
///
/// For a wrong password and for an unknown account, the response is the same and takes the same time.
#[utoipa::path(
    post, path = "/auth/login", tag = "auth", operation_id = "login",
    request_body = LoginRequest,
    responses(
        (status = 200, description = "Logged in", body = TokenAnswer),
        (status = 403, description = "The account is disabled", body = ErrorBody, content_type = "application/problem+json"),
        (status = 401, description = "No account has this address or name and this password", body = ErrorBody, content_type = "application/problem+json"),
        (status = 429, description = "Too many wrong passwords", body = ErrorBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn login(
    State(app): State<Shared>,
    Extension(notes): Extension<Notes>,
    headers: HeaderMap,
    JsonBody(body): JsonBody<LoginRequest>,
) -> Result<Response, ApiError> {
    let login = sign_in(&app, &notes, &headers, &body).await?;
    tokens(&app, &login)
}

/// Checks the password and starts a session.
pub(super) async fn sign_in(
    app: &Shared,
    notes: &Notes,
    headers: &HeaderMap,
    body: &LoginRequest,
) -> Result<Login, ApiError> {
    let name = body.login()?;
    let account = match app.accounts.find_user(name).await? {
        Some(user) => Claimed::User { id: user.id, login: name },
        None => Claimed::Unknown(name),
    };
    let attempt = app.limits.login_attempt(account, notes.client().address).await?;
    let user_agent = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
    let login = match app.accounts.verify_login(name, &body.password).await {
        Ok(verified) => {
            app.limits.right_password(verified.user()).await?;
            app.accounts.open_verified(verified, user_agent).await
        }
        Err(error) => Err(error),
    };
    match login {
        Ok(login) => {
            attempt.succeeded().await;
            notes.set_user(login.user.id);
            Ok(login)
        }
        Err(LoginError::Wrong) => Err(ApiError::new(
            ErrorKind::WrongCredentials,
            "The e-mail address, the user name or the password is wrong.",
        )),
        Err(LoginError::Disabled) => {
            if let Claimed::User { id, .. } = account {
                app.limits.right_password(id).await?;
            }
            attempt.succeeded().await;
            Err(ApiError::new(ErrorKind::Forbidden, "This account is disabled. Ask an administrator."))
        }
        Err(LoginError::Failed(error)) => {
            attempt.undecided().await;
            tracing::warn!(error = cupel_core::chain(&error), "a login failed because of a server error");
            Err(failed(error))
        }
    }
}

/// The session to continue.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RefreshRequest {
    /// The session's latest refresh token.
    refresh_token: String,
}

/// Exchange a refresh token.
///
/// A refresh token is valid for one use. Using it a second time ends the session for every holder. A refresh is charged
/// as one read; a session can be refreshed 60 times per hour, with bursts of up to 60.
#[utoipa::path(
    post, path = "/auth/refresh", tag = "auth", operation_id = "refresh",
    request_body = RefreshRequest,
    responses(
        (status = 200, description = "New tokens", body = TokenAnswer),
        (status = 401, description = "The refresh token is invalid or was used before, or its session has ended", body = ErrorBody, content_type = "application/problem+json"),
        (status = 429, description = "The session was refreshed too often. The token is still valid", body = ErrorBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn refresh(
    State(app): State<Shared>,
    Extension(notes): Extension<Notes>,
    JsonBody(body): JsonBody<RefreshRequest>,
) -> Result<Response, ApiError> {
    let guess = app.limits.token(notes.client().address).await?;
    let claimed = Accounts::session_claimed(&body.refresh_token);
    if let Some(session) = claimed
        && let Err(refused) = app.limits.refresh(session).await
    {
        guess.refund().await;
        return Err(refused);
    }
    match app.accounts.refresh(&body.refresh_token).await {
        Ok(login) => {
            guess.refund().await;
            notes.set_user(login.user.id);
            // The token has already been exchanged, so the read is charged but never refused.
            let (note, _paid) =
                app.limits.take(login.user.id, RateClass::Reads, &app.rates(&login.user.tier.0), 1).await;
            notes.set_rate(note);
            tokens(&app, &login)
        }
        Err(RefreshError::Invalid) => {
            // If the token was used before, its session has ended. This node then refuses the session's access tokens
            // at once.
            if let Some(session) = claimed {
                app.identities.forget_session(session);
            }
            Err(ApiError::new(
                ErrorKind::Unauthorized,
                "The refresh token is invalid or was used before, or its session has ended. Log in again.",
            ))
        }
        Err(RefreshError::Store(error)) => {
            guess.refund().await;
            let error = ApiError::from(error);
            if error.kind() != ErrorKind::Unavailable {
                return Err(error);
            }
            // If the connection to the database was lost during the commit, the token may have been exchanged.
            let detail = "The store cannot be reached at the moment. Send the request again. If that is refused, the \
                          token had already been exchanged: log in again.";
            Err(ApiError::new(ErrorKind::Unavailable, detail).retry_after(Duration::from_secs(2)))
        }
    }
}

/// Log out.
///
/// Ends the session of the access token: the access token and its refresh token become invalid.
#[utoipa::path(
    post, path = "/auth/logout", tag = "auth", operation_id = "logout",
    responses(
        (status = 204, description = "The session has ended"),
        (status = 409, description = "An API key has no session; revoke it instead", body = ErrorBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn logout(State(app): State<Shared>, caller: Caller) -> Result<StatusCode, ApiError> {
    match &caller.identity.via {
        Via::Session(session) => {
            app.accounts.logout(*session).await?;
            app.identities.forget(caller.user);
            Ok(StatusCode::NO_CONTENT)
        }
        Via::Keyless => Err(ApiError::new(ErrorKind::Conflict, "A call without a token has no session.")),
        Via::Key { id, .. } => Err(ApiError::new(
            ErrorKind::Conflict,
            format!("An API key has no session. Revoke the key instead: DELETE /api/v1/auth/keys/{id}."),
        )),
    }
}

/// Your account.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Me {
    user_id: String,
    username: String,
    /// `null`: no address is known.
    email: Option<String>,
    /// `user`, `author` or `admin`.
    role: &'static str,
    /// The tier that sets your rate limits.
    tier: String,
    /// Scopes of the credentials you used.
    scopes: Vec<&'static str>,
    /// Whether leaderboards show you. The standings of contests show every participant.
    in_leaderboards: bool,
    #[schema(format = DateTime)]
    created_at: String,
}

pub(super) fn me_of(user: &User, via: &Via) -> Me {
    let scopes = match via {
        Via::Session(_) => Scope::ALL.to_vec(),
        Via::Key { scopes, .. } => scopes.clone(),
        Via::Keyless => Vec::new(),
    };
    let is_admin = user.role == cupel_core::accounts::Role::Admin;
    Me {
        user_id: user.id.to_string(),
        username: user.username.clone(),
        email: Some(user.email.clone()).filter(|email| !email.is_empty()),
        role: user.role.as_str(),
        tier: user.tier.0.clone(),
        scopes: scopes.into_iter().filter(|s| is_admin || *s != Scope::Admin).map(Scope::as_str).collect(),
        in_leaderboards: user.in_leaderboards,
        created_at: rfc3339(user.created_at),
    }
}

/// Get your account.
#[utoipa::path(
    get, path = "/auth/me", tag = "auth", operation_id = "me",
    responses((status = 200, description = "Your account", body = Me)),
)]
pub(crate) async fn me(caller: Caller) -> Json<Me> {
    Json(me_of(&caller.identity.user, &caller.identity.via))
}

/// Settings of your account to change.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "in_leaderboards": false }))]
pub(crate) struct MeChange {
    /// Whether leaderboards show you: the leaderboards of problems and the global leaderboard. If not, they omit you,
    /// and other users move up. The standings of contests show every participant.
    in_leaderboards: bool,
}

/// Change a setting of your account.
#[utoipa::path(
    patch, path = "/auth/me", tag = "auth", operation_id = "change_me",
    request_body = MeChange,
    responses((status = 200, description = "Your account", body = Me)),
)]
pub(crate) async fn change_me(
    State(app): State<Shared>,
    caller: Caller,
    JsonBody(body): JsonBody<MeChange>,
) -> Result<Json<Me>, ApiError> {
    let changed = app.accounts.set_in_leaderboards(caller.user, body.in_leaderboards).await?;
    app.identities.forget(caller.user);
    if !changed {
        return Err(ApiError::not_found("account"));
    }
    let user = User { in_leaderboards: body.in_leaderboards, ..caller.identity.user.clone() };
    Ok(Json(me_of(&user, &caller.identity.via)))
}

/// The secret that signs your webhooks.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({ "webhook_secret": "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD" }))]
pub(crate) struct WebhookSecret {
    /// In the format of the Standard Webhooks convention: `whsec_` and base64.
    webhook_secret: String,
}

/// Get the secret that signs your webhooks.
///
/// Signatures follow the Standard Webhooks convention: `webhook-signature` contains `v1,` and the base64 HMAC-SHA256 of
/// `webhook-id.webhook-timestamp.body`.
#[utoipa::path(
    get, path = "/auth/webhook-secret", tag = "auth", operation_id = "webhook_secret",
    responses((status = 200, description = "The secret", body = WebhookSecret)),
)]
pub(crate) async fn webhook_secret(State(app): State<Shared>, caller: Caller) -> Result<Json<WebhookSecret>, ApiError> {
    let secret = app.accounts.webhook_secret(caller.user).await?.ok_or_else(|| ApiError::not_found("account"))?;
    Ok(Json(WebhookSecret { webhook_secret: format!("whsec_{}", BASE64_STANDARD.encode(secret)) }))
}
