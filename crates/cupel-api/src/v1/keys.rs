//! `/auth/keys`: API keys. A key's text is shown only once, when it is created.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use cupel_core::accounts::{ApiKey, CreateKeyError, NewKey, Scope};
use cupel_http::app::Shared;
use cupel_http::auth::Via;
use cupel_http::body::{Id, JsonBody};
use cupel_http::caller::{Caller, unauthorized};
use cupel_http::error::{ApiError, ErrorBody, ErrorKind, FieldError};
use cupel_types::ApiKeyId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::account::invalid;
use crate::v1::response::time::rfc3339;

/// A key to create.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "name": "ci", "scopes": ["runs:read", "runs:write"], "expires_at": "2030-01-01T00:00:00Z" }))]
pub(crate) struct KeyRequest {
    /// Display name.
    #[schema(min_length = 1, max_length = 100, pattern = "^[^\\u0000-\\u001f\\u007f-\\u009f]*$")]
    name: String,
    /// The key's scopes; `runs:read` and `runs:write` by default.
    #[serde(default = "runs")]
    #[schema(min_items = 1)]
    scopes: Vec<ScopeName>,
    /// Time at which the key expires; never by default. Required if a key that expires creates the key.
    #[serde(default)]
    #[schema(format = DateTime)]
    expires_at: Option<String>,
}

fn runs() -> Vec<ScopeName> {
    vec![ScopeName::RunsRead, ScopeName::RunsWrite]
}

/// Scope of a key.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, ToSchema)]
pub(crate) enum ScopeName {
    /// Read submissions.
    #[serde(rename = "runs:read")]
    RunsRead,
    /// Submit and cancel.
    #[serde(rename = "runs:write")]
    RunsWrite,
    /// The rights of an author, if the owner of the key has them: to write own problems and contests, and to read what
    /// only their authors and organizers see, such as drafts and the submissions of all users.
    #[serde(rename = "problems:write")]
    ProblemsWrite,
    /// Change the account, including its keys.
    #[serde(rename = "account")]
    Account,
    /// Administer, if the owner of the key may do so.
    #[serde(rename = "admin")]
    Admin,
}

impl From<ScopeName> for Scope {
    fn from(name: ScopeName) -> Scope {
        match name {
            ScopeName::RunsRead => Scope::RunsRead,
            ScopeName::RunsWrite => Scope::RunsWrite,
            ScopeName::ProblemsWrite => Scope::ProblemsWrite,
            ScopeName::Account => Scope::Account,
            ScopeName::Admin => Scope::Admin,
        }
    }
}

impl From<Scope> for ScopeName {
    fn from(scope: Scope) -> ScopeName {
        match scope {
            Scope::RunsRead => ScopeName::RunsRead,
            Scope::RunsWrite => ScopeName::RunsWrite,
            Scope::ProblemsWrite => ScopeName::ProblemsWrite,
            Scope::Account => ScopeName::Account,
            Scope::Admin => ScopeName::Admin,
        }
    }
}

/// A key, without its secret.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct KeyView {
    key_id: String,
    name: String,
    scopes: Vec<ScopeName>,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    expires_at: Option<String>,
    /// Time of the last use, accurate to the minute.
    #[schema(format = DateTime)]
    last_used_at: Option<String>,
    #[schema(format = DateTime)]
    revoked_at: Option<String>,
}

impl From<&ApiKey> for KeyView {
    fn from(key: &ApiKey) -> KeyView {
        KeyView {
            key_id: key.id.to_string(),
            name: key.name.clone(),
            scopes: key.scopes.iter().copied().map(ScopeName::from).collect(),
            created_at: rfc3339(key.created_at),
            expires_at: key.expires_at.map(rfc3339),
            last_used_at: key.last_used_at.map(rfc3339),
            revoked_at: key.revoked_at.map(rfc3339),
        }
    }
}

/// A new key with its text.
#[derive(Serialize, ToSchema)]
pub(crate) struct NewKeyView {
    /// For `Authorization: Bearer`. Shown only in this response.
    api_key: String,
    /// The created key.
    key: KeyView,
}

/// Your keys.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct KeyViews {
    /// The keys, newest first, including revoked and expired keys.
    keys: Vec<KeyView>,
}

/// Create an API key.
///
/// A key can create another key only with scopes that it has itself, and only one that expires no later than itself.
#[utoipa::path(
    post, path = "/auth/keys", tag = "auth", operation_id = "create_key",
    request_body = KeyRequest,
    responses((status = 201, description = "The key. Its text is shown only in this response", body = NewKeyView)),
)]
pub(crate) async fn create_key(
    State(app): State<Shared>,
    caller: Caller,
    JsonBody(body): JsonBody<KeyRequest>,
) -> Result<Response, ApiError> {
    let scopes: Vec<Scope> = body.scopes.into_iter().map(Scope::from).collect();
    let expires_at = match body.expires_at.map(|text| text.parse::<jiff::Timestamp>()) {
        None => None,
        Some(Ok(time)) => Some(time),
        Some(Err(_)) => {
            let detail = "`expires_at` must be a time such as `2030-01-01T00:00:00Z` (RFC 3339).";
            return Err(refused("/expires_at", detail));
        }
    };
    let new = NewKey { name: body.name, scopes, expires_at };
    check_within(&caller.identity.via, &new)?;
    let creator = caller.identity.via.credential();
    let created = app.accounts.create_key_with(&caller.identity.user, creator, new).await;
    let (key, api_key) = created.map_err(|error| match error {
        CreateKeyError::Invalid(faults) => invalid(faults),
        CreateKeyError::NoAccess(ended) => {
            // Another node has ended the access; this node's cache does not show that yet.
            app.identities.forget(caller.user);
            unauthorized(ended.sentence())
        }
        CreateKeyError::Store(error) => error.into(),
    })?;
    let answer = NewKeyView { api_key, key: KeyView::from(&key) };
    Ok((StatusCode::CREATED, [(header::CACHE_CONTROL, "no-store")], Json(answer)).into_response())
}

/// Refuses a key that permits more than the key that creates it, or for longer. Otherwise, the holder of a short-lived
/// key could keep its permissions forever.
fn check_within(creator: &Via, new: &NewKey) -> Result<(), ApiError> {
    let Via::Key { scopes: held, expires_at: until, .. } = creator else { return Ok(()) };
    if let Some(missing) = new.scopes.iter().find(|scope| !held.contains(scope)) {
        let missing = missing.as_str();
        let detail =
            format!("Your key cannot create a key with the scope `{missing}`, because it does not have this scope.");
        return Err(refused("/scopes", detail));
    }
    if let Some(until) = until
        && new.expires_at.is_none_or(|at| at > *until)
    {
        let until = rfc3339(*until);
        let detail = format!("Your key expires at {until}. Set `expires_at` to this time or an earlier one.");
        return Err(refused("/expires_at", detail));
    }
    Ok(())
}

/// Error for an invalid field.
fn refused(pointer: &'static str, detail: impl Into<String>) -> ApiError {
    let detail = detail.into();
    ApiError::new(ErrorKind::InvalidBody, detail.clone()).with_errors(vec![FieldError::new(pointer, detail)])
}

/// List your API keys.
///
/// Revoked and expired keys are listed for 90 days. If you have more than 1,000 keys, the oldest of them are deleted
/// earlier.
#[utoipa::path(
    get, path = "/auth/keys", tag = "auth", operation_id = "keys",
    responses((status = 200, description = "Your keys, without their secrets", body = KeyViews)),
)]
pub(crate) async fn keys(State(app): State<Shared>, caller: Caller) -> Result<Json<KeyViews>, ApiError> {
    let keys = app.accounts.keys(caller.user).await?;
    Ok(Json(KeyViews { keys: keys.iter().map(KeyView::from).collect() }))
}

/// Revoke an API key.
#[utoipa::path(
    delete, path = "/auth/keys/{key_id}", tag = "auth", operation_id = "revoke_key",
    params(("key_id" = String, Path, description = "The key's id", format = Uuid)),
    responses(
        (status = 204, description = "The key is no longer valid"),
        (status = 404, description = "There is no such key of yours", body = ErrorBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn revoke_key(
    State(app): State<Shared>,
    caller: Caller,
    Id(id): Id<ApiKeyId>,
) -> Result<StatusCode, ApiError> {
    let revoked = app.accounts.revoke_key(caller.user, id).await?;
    app.identities.forget(caller.user);
    if revoked { Ok(StatusCode::NO_CONTENT) } else { Err(ApiError::not_found("API key")) }
}
