//! `GET /problems/{slug}/distribution`: CPU time and memory of the accepted solutions of a problem.

use axum::Json;
use axum::extract::State;
use cupel_core::problems::{Distribution, Histogram, MEMORY_UNIT, TIME_UNIT};
use cupel_http::app::Shared;
use cupel_http::body::{Id, Params};
use cupel_http::caller::Visitor;
use cupel_http::error::{ApiError, ErrorBody};
use cupel_problem::Slug;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::seen;
use crate::v1::filters::language_of;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct DistributionParams {
    /// Only solutions in this language (id or alias).
    #[serde(default)]
    language: Option<String>,
}

/// Distribution of CPU time and memory of a problem's accepted solutions.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DistributionView {
    /// Number of users with accepted solutions among the latest 20,000 submissions.
    users: u64,
    /// Whether solutions are omitted because the freeze of a contest hides them. They appear when the freeze is lifted.
    frozen: bool,
    /// Least CPU time of each user, in milliseconds; `null` for fewer than ten users.
    execution_time_ms: Option<HistogramView>,
    /// Least peak memory of each user, in KiB; `null` for fewer than ten users.
    memory_used_kb: Option<HistogramView>,
}

/// Histogram: number of users per range of values.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HistogramView {
    /// Beginning of the first bin.
    first: u64,
    /// Width of a bin.
    width: u64,
    /// Number of users per bin. The last bin also counts all larger values.
    users: Vec<u64>,
    /// Your own value, rounded up like the values of other users; `null` if you have no accepted solution.
    own: Option<u64>,
    /// Share of the other users whose value is larger than yours, in whole percent.
    better_than_percent: Option<u64>,
}

impl HistogramView {
    fn of(histogram: Histogram, unit: u64) -> HistogramView {
        let Histogram { first, width, users, own } = histogram;
        HistogramView {
            first: first.saturating_mul(unit),
            width: width.saturating_mul(unit),
            users,
            own: own.map(|own| own.figure.saturating_mul(unit)),
            better_than_percent: own.map(|own| own.better_than_percent),
        }
    }
}

/// Get the distribution of time and memory of accepted solutions.
///
/// Every user counts once, with their best values. Times are in steps of 10 ms, memory in steps of 1 MiB.
#[utoipa::path(
    get, path = "/problems/{slug}/distribution", tag = "problems", operation_id = "distribution",
    params(("slug" = String, Path, description = "The problem's slug"), DistributionParams),
    responses(
        (status = 200, description = "The distribution", body = DistributionView),
        (status = 404, description = "The problem does not exist, or you may not see it", body = ErrorBody, content_type = "application/problem+json"),
        (status = 422, description = "There is no such language", body = ErrorBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn distribution(
    State(app): State<Shared>,
    Visitor(principal): Visitor,
    Id(slug): Id<Slug>,
    Params(params): Params<DistributionParams>,
) -> Result<Json<DistributionView>, ApiError> {
    let seen = seen(&app, &principal, slug).await?;
    let language = language_of(&app, params.language.as_deref())?;
    let found = app.core.distribution(&seen, language).await?;
    let Distribution { users, is_frozen, cpu_time, memory } = found;
    let time_unit = u64::try_from(TIME_UNIT.as_millis()).unwrap_or(1);
    Ok(Json(DistributionView {
        users: users as u64,
        frozen: is_frozen,
        execution_time_ms: cpu_time.map(|times| HistogramView::of(times, time_unit)),
        memory_used_kb: memory.map(|memory| HistogramView::of(memory, MEMORY_UNIT.as_kib())),
    }))
}
