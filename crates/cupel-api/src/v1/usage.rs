//! `/users/me/usage`: a user's limits and their remaining amounts.

use axum::Json;
use axum::extract::State;
use cupel_http::app::Shared;
use cupel_http::caller::Caller;
use cupel_http::error::ApiError;
use cupel_http::rate_limit::RateClass;
use serde::Serialize;
use utoipa::ToSchema;

/// A user's limits, and their remaining amounts.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UsageView {
    /// The tier that sets the rates.
    tier: String,
    /// Limits on requests.
    rates: Vec<RateView>,
    /// Number of the user's runs that wait in the queue.
    waiting: u64,
    /// Maximum of `waiting`. While it is reached, submissions are refused.
    waiting_max: u64,
}

/// A limit on requests, which is restored over time.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RateView {
    /// `submissions` or `reads`.
    name: &'static str,
    /// Requests per window.
    quota: u32,
    /// Length of the window, in seconds.
    window_seconds: u64,
    /// Requests that are possible at once.
    burst: u32,
    /// Requests that are possible now.
    remaining: u32,
}

/// Get the remaining amounts of your limits.
///
/// The request itself is charged as one read, before the numbers are taken.
#[utoipa::path(
    get, path = "/users/me/usage", tag = "auth", operation_id = "usage",
    responses((status = 200, description = "Your limits", body = UsageView)),
)]
pub(crate) async fn usage(State(app): State<Shared>, caller: Caller) -> Result<Json<UsageView>, ApiError> {
    let tier = &caller.identity.user.tier.0;
    let mut rates = Vec::new();
    for class in [RateClass::Submissions, RateClass::Reads] {
        let (rate, standing) = app.limits.usage(caller.user, class, &app.rates(tier)).await;
        rates.push(RateView {
            name: class.name(),
            quota: rate.quota,
            window_seconds: rate.window.as_secs(),
            burst: rate.burst,
            remaining: standing.remaining,
        });
    }
    let waiting = app.core.waiting_of(caller.user).await?;
    Ok(Json(UsageView { tier: tier.clone(), rates, waiting: waiting.0 as u64, waiting_max: waiting.1 as u64 }))
}
