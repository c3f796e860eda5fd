//! `/admin`: operations for administrators.

use axum::Json;
use axum::extract::State;
use cupel_core::Needs;
use cupel_core::accounts::{AccessChange, Role, Tier, User};
use cupel_http::app::Shared;
use cupel_http::body::{Id, JsonBody, Params};
use cupel_http::caller::Caller;
use cupel_http::error::{ApiError, ErrorBody, ErrorKind, FieldError};
use cupel_http::suggest::nearest;
use cupel_types::UserId;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::v1::filters::{PageParams, one, twenty};
use crate::v1::membership::done;
use crate::v1::response::page::Pagination;
use crate::v1::response::time::rfc3339;

/// Changes to a user; omitted fields stay unchanged.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "role": "author", "tier": "basic" }))]
pub(crate) struct AccessRequest {
    /// `user`, `author` or `admin`.
    #[serde(default)]
    role: Option<RoleName>,
    /// The name of a configured tier.
    #[serde(default)]
    tier: Option<String>,
    /// Whether the account is disabled: its log-ins, tokens and API keys are refused, and its sessions end.
    #[serde(default)]
    disabled: Option<bool>,
}

/// Role of a user.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum RoleName {
    /// May submit.
    User,
    /// May also write problems.
    Author,
    /// May also administer the server.
    Admin,
}

impl From<RoleName> for Role {
    fn from(name: RoleName) -> Role {
        match name {
            RoleName::User => Role::User,
            RoleName::Author => Role::Author,
            RoleName::Admin => Role::Admin,
        }
    }
}

/// A user, as administrators see it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UserView {
    user_id: String,
    username: String,
    /// `null`: no address is known.
    email: Option<String>,
    role: &'static str,
    tier: String,
    #[schema(format = DateTime)]
    created_at: String,
    disabled: bool,
}

impl From<User> for UserView {
    fn from(user: User) -> UserView {
        UserView {
            user_id: user.id.to_string(),
            username: user.username,
            email: Some(user.email).filter(|email| !email.is_empty()),
            role: user.role.as_str(),
            tier: user.tier.0,
            created_at: rfc3339(user.created_at),
            disabled: user.disabled_at.is_some(),
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct UserParams {
    /// Only the user with this user name or e-mail address, case-insensitive.
    #[serde(default)]
    login: Option<String>,
    /// Page number, from 1.
    #[serde(default = "one")]
    #[param(minimum = 1, default = 1)]
    page: u64,
    /// Entries per page.
    #[serde(default = "twenty")]
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: u64,
}

/// A page of users, oldest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UserPage {
    users: Vec<UserView>,
    pagination: Pagination,
}

/// List users, or find one by name.
#[utoipa::path(
    get, path = "/admin/users", tag = "admin", operation_id = "users",
    params(UserParams),
    responses((status = 200, description = "A page", body = UserPage)),
)]
pub(crate) async fn users(
    State(app): State<Shared>,
    _admin: Caller,
    Params(params): Params<UserParams>,
) -> Result<Json<UserPage>, ApiError> {
    let page = PageParams { page: params.page, limit: params.limit };
    let offset = page.offset()?;
    let (users, total) = match &params.login {
        Some(login) => {
            let found: Vec<User> = app.accounts.find_user(login).await?.into_iter().collect();
            let total = found.len() as u64;
            (if offset == 0 { found } else { Vec::new() }, total)
        }
        None => (app.accounts.users(offset, page.limit).await?, app.accounts.count_users().await?),
    };
    Ok(Json(UserPage {
        users: users.into_iter().map(UserView::from).collect(),
        pagination: Pagination { page: page.page, limit: page.limit, total },
    }))
}

/// Change a user's role or tier, or disable the account.
///
/// Omitted fields stay unchanged, and a refused request changes nothing. Disabling ends the user's sessions and open
/// event streams within seconds; waiting and running submissions are cancelled.
#[utoipa::path(
    patch, path = "/admin/users/{user_id}", tag = "admin", operation_id = "set_access",
    params(("user_id" = String, Path, description = "The user's id", format = Uuid)),
    request_body = AccessRequest,
    responses(
        (status = 200, description = "The user after the change", body = UserView),
        (status = 404, description = "There is no such user", body = ErrorBody, content_type = "application/problem+json"),
        (status = 409, description = "The user is the only administrator who can log in, or an internal account", body = ErrorBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn change_user(
    State(app): State<Shared>,
    caller: Caller,
    Id(id): Id<UserId>,
    JsonBody(body): JsonBody<AccessRequest>,
) -> Result<Json<UserView>, ApiError> {
    if let Some(tier) = &body.tier
        && !app.settings.tiers.contains_key(tier)
    {
        let tiers = app.settings.tiers.keys().map(String::as_str);
        let detail = match nearest(tier, tiers.clone()) {
            Some(near) => format!("There is no such tier. Did you mean `{near}`?"),
            None => format!("There is no such tier. The tiers are: {}.", tiers.collect::<Vec<_>>().join(", ")),
        };
        return Err(
            ApiError::new(ErrorKind::InvalidBody, detail.clone()).with_errors(vec![FieldError::new("/tier", detail)])
        );
    }
    let change = AccessChange { role: body.role.map(Role::from), tier: body.tier.map(Tier), disabled: body.disabled };
    let change = app.accounts.change_access(id, change).await?;
    app.identities.forget(id);
    done(change)?;
    let user = app.accounts.user(id).await?.ok_or_else(|| ApiError::not_found("user"))?;
    let (role, disabled) = (user.role.as_str(), user.disabled_at.is_some());
    tracing::info!(by = %caller.user, user = %id, role, tier = user.tier.0, disabled, "access changed");
    Ok(Json(user.into()))
}

/// State of the queue.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct QueueView {
    /// Runs that wait for a worker.
    queued: u64,
    /// Runs that wait for their `run_at`.
    scheduled: u64,
    /// Runs that a worker is executing.
    running: u64,
    /// Time at which the longest-waiting run became ready to run.
    #[schema(format = DateTime)]
    oldest_queued_at: Option<String>,
    /// Number of hints in the queue. A hint announces to workers that a run is ready.
    depth: u64,
    /// Maximum of `depth`. While it is reached, submissions are refused with 503.
    depth_max: u64,
    /// Queued runs for which no live worker has all languages, grouped by these languages.
    unserved: Vec<UnservedView>,
    /// Number of dead letters: see `/admin/dead-letters`.
    dead_letters: u64,
}

/// Runs that wait for a worker, because no live worker has all of their languages.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UnservedView {
    /// Languages that a single worker must have.
    languages: Vec<String>,
    runs: u64,
}

impl From<(Needs, u64)> for UnservedView {
    fn from((needs, runs): (Needs, u64)) -> UnservedView {
        UnservedView { languages: needs.iter().map(ToString::to_string).collect(), runs }
    }
}

/// Get the state of the queue.
#[utoipa::path(
    get, path = "/admin/queue", tag = "admin", operation_id = "queue",
    responses((status = 200, description = "The state of the queue", body = QueueView)),
)]
pub(crate) async fn queue(State(app): State<Shared>, _caller: Caller) -> Result<Json<QueueView>, ApiError> {
    let counts = app.core.counts().await?;
    let unserved = app.core.unserved().await?;
    let depth = app.core.queue_depth().await?;
    Ok(Json(QueueView {
        queued: counts.queued,
        scheduled: counts.scheduled,
        running: counts.leased,
        oldest_queued_at: counts.oldest_due_at.map(rfc3339),
        depth: depth as u64,
        depth_max: app.core.queue_depth_max() as u64,
        unserved: unserved.into_iter().map(UnservedView::from).collect(),
        dead_letters: counts.dead,
    }))
}
