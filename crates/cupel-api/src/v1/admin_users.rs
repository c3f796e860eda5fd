//! `/admin/users/…` and `/admin/registration-codes`: password links, import and deletion of accounts, and join codes.

use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use cupel_core::accounts::{AccountChange, CreateCodeError, NewCode, RegistrationCode, read_people, write_links};
use cupel_http::app::Shared;
use cupel_http::body::{CsvBody, Id, JsonBody};
use cupel_http::caller::Caller;
use cupel_http::error::{ApiError, ErrorBody, ErrorKind, FieldError};
use cupel_types::{JoinCodeId, UserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::account::invalid;
use super::membership::done;
use crate::v1::faults::sentence;
use crate::v1::response::time::rfc3339;

/// Lifetime of a password link for an existing account.
const RESET_LIFETIME: Duration = Duration::from_secs(24 * 3600);

/// Lifetime of a password link for a new account. It is longer, because these links are distributed in advance.
const INVITATION_LIFETIME: Duration = Duration::from_secs(14 * 24 * 3600);

fn link_address(app: &Shared) -> String {
    crate::link_address(&app.settings.public_url, app.settings.has_site)
}

/// A one-time link.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({ "link": "https://judge.example/password#cul_…", "token": "cul_…", "expires_at": "2026-11-21T07:00:00.000Z" }))]
pub(crate) struct LinkView {
    /// URL of a page with a password form.
    link: String,
    /// Token for `POST /auth/password/link` and `POST /auth/password/reset`.
    token: String,
    #[schema(format = DateTime)]
    expires_at: String,
}

/// Create a one-time link for setting a user's password.
///
/// The link is valid for 24 hours and can be used once. An older link of the user becomes invalid. Sessions and the old
/// password stay valid until the link is used.
#[utoipa::path(
    post, path = "/admin/users/{user_id}/password-link", tag = "admin", operation_id = "create_password_link",
    params(("user_id" = String, Path, description = "The user's id", format = Uuid)),
    responses(
        (status = 201, description = "The link. It is shown only in this response", body = LinkView),
        (status = 404, description = "There is no such user", body = ErrorBody, content_type = "application/problem+json"),
        (status = 409, description = "The user is an internal account", body = ErrorBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn create_password_link(
    State(app): State<Shared>,
    caller: Caller,
    Id(id): Id<UserId>,
) -> Result<Response, ApiError> {
    if app.accounts.user(id).await?.is_some_and(|user| user.is_internal()) {
        done(AccountChange::Internal)?;
    }
    let link = app.accounts.make_link(id, RESET_LIFETIME).await?.ok_or_else(|| ApiError::not_found("user"))?;
    tracing::info!(by = %caller.user, user = %id, "one-time link created");
    let address = link_address(&app);
    let expires_at = rfc3339(link.expires_at);
    let answer = LinkView { link: format!("{address}{}", link.token), token: link.token, expires_at };
    Ok((StatusCode::CREATED, [(header::CACHE_CONTROL, "no-store")], Json(answer)).into_response())
}

/// Delete a user.
///
/// Removes the user's name, e-mail address, password, sessions, API keys, webhooks, drafts and shared programs. Waiting
/// and running submissions are cancelled. The user's submissions are kept under an anonymous name, so that standings do
/// not change.
#[utoipa::path(
    delete, path = "/admin/users/{user_id}", tag = "admin", operation_id = "delete_user",
    params(("user_id" = String, Path, description = "The user's id", format = Uuid)),
    responses(
        (status = 204, description = "Deleted"),
        (status = 404, description = "There is no such user", body = ErrorBody, content_type = "application/problem+json"),
        (status = 409, description = "The user is the only administrator who can log in, or an internal account", body = ErrorBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn delete_user(
    State(app): State<Shared>,
    caller: Caller,
    Id(id): Id<UserId>,
) -> Result<StatusCode, ApiError> {
    let change = app.accounts.delete(id).await?;
    app.identities.forget(id);
    done(change)?;
    tracing::info!(by = %caller.user, user = %id, "account deleted");
    Ok(StatusCode::NO_CONTENT)
}

/// Create many users from CSV.
///
/// The first line names the columns: `username` and, optionally, `email`, `role` and `tier`. At most 5,000 users. If
/// any line is invalid, no user is created, and `errors` lists every invalid line. The response has one line per user.
/// A new user gets a one-time link, which is valid for 14 days. If the name or the e-mail address is already taken,
/// `status` is `taken`. An import may be repeated. If a user with the same name and address exists and has not set a
/// password yet, `status` is `exists`, and the user gets a new link. The old link becomes invalid. The user's role and
/// tier do not change.
#[utoipa::path(
    post, path = "/admin/users/import", tag = "admin", operation_id = "import_users",
    request_body(content = String, content_type = "text/csv", example = json!("username,email\nada,ada@example.com\nbob,\n")),
    responses(
        (status = 200, description = "`username,email,status,link,expires_at`; `status` is `created`, `exists` or `taken`", body = String, content_type = "text/csv"),
        (status = 422, description = "Lines are invalid. No user was created", body = ErrorBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn import_users(
    State(app): State<Shared>,
    caller: Caller,
    CsvBody(body): CsvBody,
) -> Result<Response, ApiError> {
    let tiers: Vec<&str> = app.settings.tiers.keys().map(String::as_str).collect();
    let people = read_people(&body, &tiers).map_err(|faults| {
        let errors: Vec<FieldError> = faults
            .iter()
            .take(cupel_core::FAULTS_MAX)
            .map(|fault| FieldError::new(format!("/{}", fault.line), sentence(&fault.detail)))
            .collect();
        let detail = faults
            .first()
            .map_or(String::new(), |fault| format!("{} No user was created.", sentence(&fault.to_string())));
        ApiError::new(ErrorKind::InvalidBody, detail).with_errors(errors)
    })?;
    let imported = app.accounts.import(people, INVITATION_LIFETIME).await?;
    tracing::info!(by = %caller.user, people = imported.len(), "users imported");
    let csv = Bytes::from(write_links(&imported, &link_address(&app)));
    let headers = [(header::CONTENT_TYPE, "text/csv; charset=utf-8"), (header::CACHE_CONTROL, "no-store")];
    Ok((headers, csv).into_response())
}

/// A join code to create.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "name": "Class 10b", "uses_max": 30, "expires_at": "2030-01-01T00:00:00Z" }))]
pub(crate) struct CodeRequest {
    /// Display name.
    #[schema(min_length = 1, max_length = 100, pattern = "^[^\\u0000-\\u001f\\u007f-\\u009f]*$")]
    name: String,
    /// Maximum number of registrations with the code.
    #[schema(minimum = 1, maximum = 10_000)]
    uses_max: u32,
    /// Time at which the code expires.
    #[schema(format = DateTime)]
    expires_at: String,
}

/// A join code for accounts.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CodeView {
    code_id: String,
    /// The code that users enter as `join_code` when they register.
    join_code: String,
    name: String,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    expires_at: String,
    uses_max: u32,
    /// Number of registrations with the code.
    uses: u32,
    #[schema(format = DateTime)]
    ended_at: Option<String>,
}

impl From<RegistrationCode> for CodeView {
    fn from(code: RegistrationCode) -> CodeView {
        CodeView {
            code_id: code.id.to_string(),
            join_code: code.code,
            name: code.name,
            created_at: rfc3339(code.created_at),
            expires_at: rfc3339(code.expires_at),
            uses_max: code.uses_max,
            uses: code.uses,
            ended_at: code.ended_at.map(rfc3339),
        }
    }
}

/// Join codes.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CodeViews {
    /// The codes, newest first. The list includes ended and expired codes.
    codes: Vec<CodeView>,
}

/// Create a join code for accounts.
///
/// Successful registrations with the code do not count against the user's IP address, and are possible while
/// registration is closed.
#[utoipa::path(
    post, path = "/admin/registration-codes", tag = "admin", operation_id = "create_registration_code",
    request_body = CodeRequest,
    responses((status = 201, description = "The code", body = CodeView)),
)]
pub(crate) async fn create_code(
    State(app): State<Shared>,
    caller: Caller,
    JsonBody(body): JsonBody<CodeRequest>,
) -> Result<Response, ApiError> {
    let expires_at = body.expires_at.parse().map_err(|_| {
        let detail = "`expires_at` must be a time such as `2030-01-01T00:00:00Z` (RFC 3339).";
        ApiError::new(ErrorKind::InvalidBody, detail).with_errors(vec![FieldError::new("/expires_at", detail)])
    })?;
    let new = NewCode { name: body.name, uses_max: body.uses_max, expires_at };
    let code = app.accounts.create_code(new).await.map_err(|error| match error {
        CreateCodeError::Invalid(faults) => invalid(faults),
        CreateCodeError::Store(error) => error.into(),
    })?;
    tracing::info!(by = %caller.user, code = %code.id, "join code created");
    Ok((StatusCode::CREATED, Json(CodeView::from(code))).into_response())
}

/// List join codes for accounts.
#[utoipa::path(
    get, path = "/admin/registration-codes", tag = "admin", operation_id = "registration_codes",
    responses((status = 200, description = "At most 1,000 codes", body = CodeViews)),
)]
pub(crate) async fn codes(State(app): State<Shared>, _caller: Caller) -> Result<Json<CodeViews>, ApiError> {
    let codes = app.accounts.codes().await?;
    Ok(Json(CodeViews { codes: codes.into_iter().map(CodeView::from).collect() }))
}

/// End a join code for accounts.
#[utoipa::path(
    delete, path = "/admin/registration-codes/{code_id}", tag = "admin", operation_id = "end_registration_code",
    params(("code_id" = String, Path, description = "The code's id", format = Uuid)),
    responses(
        (status = 204, description = "The code has ended"),
        (status = 404, description = "There is no such code", body = ErrorBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn end_code(
    State(app): State<Shared>,
    caller: Caller,
    Id(id): Id<JoinCodeId>,
) -> Result<StatusCode, ApiError> {
    if !app.accounts.end_code(id).await? {
        return Err(ApiError::not_found("join code"));
    }
    tracing::info!(by = %caller.user, code = %id, "join code ended");
    Ok(StatusCode::NO_CONTENT)
}
