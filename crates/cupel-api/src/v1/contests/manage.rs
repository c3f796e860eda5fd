//! Creating, changing and deleting contests.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use cupel_core::Principal;
use cupel_core::contests::{Contest, ContestChange, ContestError, JoinCode, NewContest, Style};
use cupel_core::problems::ProblemKey;
use cupel_http::app::Shared;
use cupel_http::body::{Id, JsonBody};
use cupel_http::caller::Caller;
use cupel_http::error::{ApiError, ErrorBody};
use cupel_problem::Slug;
use cupel_types::ProblemId;
use jiff::Timestamp;
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;

use super::view::{ContestView, StyleName};
use super::{invalid, refusal, seen};

/// Penalty of the ICPC, in minutes.
const PENALTY_MINUTES: u64 = 20;

/// A contest to create.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "slug": "autumn", "title": "Autumn contest", "style": "icpc", "starts_at": "2030-01-01T10:00:00Z",
    "length_seconds": 18000, "public": true, "problems": ["night-bus", "calm-water"]
}))]
pub(crate) struct ContestRequest {
    /// Name in URLs: 1 to 64 characters from `a-z`, `0-9` and `-`; neither begins nor ends with `-`.
    #[schema(pattern = "^[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?$")]
    slug: String,
    /// Display name: at most 200 characters on one line, not blank.
    #[schema(
        min_length = 1,
        max_length = 200,
        pattern = "^[^\\u0000-\\u001f\\u007f-\\u009f]*[^\\s\\u0000-\\u001f\\u007f-\\u009f][^\\u0000-\\u001f\\u007f-\\u009f]*$"
    )]
    title: String,
    /// Description, in Markdown: at most 10,000 characters.
    #[serde(default)]
    #[schema(max_length = 10000)]
    description: String,
    /// Scoring rules.
    style: StyleName,
    /// ICPC: penalty in minutes for each rejected try at a problem that is later solved, 0 to 1440; 20 by default.
    #[serde(default)]
    #[schema(maximum = 1440)]
    penalty_minutes: Option<u64>,
    /// Deprecated: the penalty in seconds. Send `penalty_minutes` instead, not both.
    #[serde(default)]
    #[schema(deprecated, maximum = 86400)]
    penalty_seconds: Option<u64>,
    /// Start time (RFC 3339).
    #[schema(format = DateTime)]
    starts_at: String,
    /// Duration in seconds: 60 to 2678400 (31 days).
    #[schema(minimum = 60, maximum = 2678400)]
    length_seconds: u64,
    /// Number of seconds before the end at which the standings freeze: results of later submissions are not shown. No
    /// freeze by default; at most `length_seconds`. Until the freeze is lifted, the statistics and leaderboards of the
    /// problems also omit the submissions that participants sent after the freeze began.
    #[serde(default)]
    #[schema(maximum = 2678400)]
    freeze_seconds: Option<u64>,
    /// Whether everybody may see the contest and take part. If not, users need its join code.
    #[serde(default)]
    public: bool,
    /// Slugs of the problems, in order. They must be public problems or your own private problems. Participants can see
    /// the private problems once the contest has started.
    #[schema(min_items = 1, max_items = 26)]
    problems: Vec<String>,
}

/// Changes to a contest; omitted fields stay unchanged. After a contest has begun, its start, rules and problems cannot
/// change.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "unfrozen": true }))]
pub(crate) struct ContestChangeRequest {
    /// Display name: at most 200 characters on one line, not blank.
    #[serde(default)]
    #[schema(
        min_length = 1,
        max_length = 200,
        pattern = "^[^\\u0000-\\u001f\\u007f-\\u009f]*[^\\s\\u0000-\\u001f\\u007f-\\u009f][^\\u0000-\\u001f\\u007f-\\u009f]*$"
    )]
    title: Option<String>,
    /// Description, in Markdown: at most 10,000 characters.
    #[serde(default)]
    #[schema(max_length = 10000)]
    description: Option<String>,
    /// Scoring rules.
    #[serde(default)]
    style: Option<StyleName>,
    /// ICPC: penalty in minutes for each rejected try at a problem that is later solved, 0 to 1440. If it is omitted
    /// and the style changes from `ioi` to `icpc`, the penalty is 20.
    #[serde(default)]
    #[schema(maximum = 1440)]
    penalty_minutes: Option<u64>,
    /// Deprecated: the penalty in seconds. Send `penalty_minutes` instead, not both.
    #[serde(default)]
    #[schema(deprecated, maximum = 86400)]
    penalty_seconds: Option<u64>,
    /// Start time (RFC 3339).
    #[serde(default)]
    #[schema(format = DateTime)]
    starts_at: Option<String>,
    /// Duration in seconds: 60 to 2678400 (31 days). If the standings are frozen, the freeze keeps its start; its
    /// length changes.
    #[serde(default)]
    #[schema(minimum = 60, maximum = 2678400)]
    length_seconds: Option<u64>,
    /// Number of seconds before the end at which the standings freeze: results of later submissions are not shown.
    /// `null`: no freeze. At most `length_seconds`.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<u64>, maximum = 2678400)]
    freeze_seconds: Option<Option<u64>>,
    /// Whether the freeze is lifted; `true` only after it has begun. `false` hides the results again, but users may
    /// already have seen them.
    #[serde(default)]
    unfrozen: Option<bool>,
    /// Whether everybody may see the contest and take part. If not, users need its join code.
    #[serde(default)]
    public: Option<bool>,
    /// Whether to replace the `join_code`. The old code becomes invalid; participants stay in the contest.
    #[serde(default)]
    new_join_code: bool,
    /// Slugs of the problems, in order.
    #[serde(default)]
    #[schema(min_items = 1, max_items = 26)]
    problems: Option<Vec<String>>,
}

/// Deserializes a field that is present. `null` becomes `Some(None)`.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<u64>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// Create a contest.
#[utoipa::path(
    post, path = "/contests", tag = "contests", operation_id = "create_contest",
    request_body = ContestRequest,
    responses(
        (status = 201, description = "The contest", body = ContestView),
        (status = 409, description = "Another contest has this slug, or you have 50 contests that have not ended", body = ErrorBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn create(
    State(app): State<Shared>,
    caller: Caller,
    JsonBody(body): JsonBody<ContestRequest>,
) -> Result<(StatusCode, Json<ContestView>), ApiError> {
    let principal = caller.principal();
    let slug: Slug = body.slug.parse().map_err(|_| {
        invalid("slug", "a slug has 1 to 64 characters from `a-z`, `0-9` and `-`, and neither begins nor ends with `-`")
    })?;
    let new = NewContest {
        id: app.core.new_contest_id(),
        slug: slug.clone(),
        title: body.title,
        description: body.description,
        owner: caller.user,
        style: style_of(body.style, body.penalty_minutes, body.penalty_seconds)?,
        starts_at: time_of(&body.starts_at)?,
        length: Duration::from_secs(body.length_seconds),
        freeze: body.freeze_seconds.map(Duration::from_secs),
        is_public: body.public,
        join_code: JoinCode::random(),
        problems: problems_of(&app, &principal, &body.problems).await?,
    };
    let inserted = app.core.insert_contest(&principal, new).await;
    inserted.map_err(|error| refusal_of(error, body.penalty_seconds))?;
    tracing::info!(by = %caller.user, contest = %slug, "contest created");
    let seen = seen(&app, &principal, &slug).await?;
    Ok((StatusCode::CREATED, Json(ContestView::of(&seen, app.core.now()))))
}

/// Change a contest.
#[utoipa::path(
    patch, path = "/contests/{slug}", tag = "contests", operation_id = "change_contest",
    params(("slug" = String, Path, description = "The contest's slug")),
    request_body = ContestChangeRequest,
    responses(
        (status = 200, description = "The contest after the change", body = ContestView),
        (status = 404, description = "The contest does not exist, or you may not change it", body = ErrorBody, content_type = "application/problem+json"),
        (status = 409, description = "The contest has begun, so this change is no longer possible; or nothing is frozen", body = ErrorBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn change(
    State(app): State<Shared>,
    caller: Caller,
    Id(slug): Id<Slug>,
    JsonBody(body): JsonBody<ContestChangeRequest>,
) -> Result<Json<ContestView>, ApiError> {
    let principal = caller.principal();
    let penalty = penalty_of(body.penalty_minutes, body.penalty_seconds)?;
    let style = match (body.style, penalty) {
        (None, None) => None,
        (style, _) => {
            let present = seen(&app, &principal, &slug).await?.contest.style;
            Some(match (style.unwrap_or(StyleName::of(present)), penalty, present) {
                (StyleName::Icpc, None, Style::Icpc { .. }) => present,
                (style, ..) => style_of(style, body.penalty_minutes, body.penalty_seconds)?,
            })
        }
    };
    let change = ContestChange {
        title: body.title,
        description: body.description,
        style,
        starts_at: body.starts_at.as_deref().map(time_of).transpose()?,
        length: body.length_seconds.map(Duration::from_secs),
        freeze: body.freeze_seconds.map(|freeze| freeze.map(Duration::from_secs)),
        is_unfrozen: body.unfrozen,
        is_public: body.public,
        join_code: body.new_join_code.then(JoinCode::random),
        problems: match &body.problems {
            Some(slugs) => Some(problems_of(&app, &principal, slugs).await?),
            None => None,
        },
    };
    let changed = app.core.change_contest(&principal, &slug, change).await;
    changed.map_err(|error| refusal_of(error, body.penalty_seconds))?;
    tracing::info!(by = %caller.user, contest = %slug, "contest changed");
    let seen = seen(&app, &principal, &slug).await?;
    Ok(Json(ContestView::of(&seen, app.core.now())))
}

/// Delete a contest that has not begun, or that has no participants.
///
/// The submissions to the contest's problems are kept.
#[utoipa::path(
    delete, path = "/contests/{slug}", tag = "contests", operation_id = "delete_contest",
    params(("slug" = String, Path, description = "The contest's slug")),
    responses(
        (status = 204, description = "Deleted"),
        (status = 404, description = "The contest does not exist, or you may not change it", body = ErrorBody, content_type = "application/problem+json"),
        (status = 409, description = "The contest has begun and has participants", body = ErrorBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn delete(
    State(app): State<Shared>,
    caller: Caller,
    Id(slug): Id<Slug>,
) -> Result<StatusCode, ApiError> {
    app.core.delete_contest(&caller.principal(), &slug).await.map_err(refusal)?;
    tracing::info!(by = %caller.user, contest = %slug, "contest deleted");
    Ok(StatusCode::NO_CONTENT)
}

/// Like [`refusal`], but an error in the penalty names the field that the request has.
fn refusal_of(error: ContestError, penalty_seconds: Option<u64>) -> ApiError {
    match error {
        ContestError::Invalid { field: "penalty", detail } => {
            invalid(if penalty_seconds.is_some() { "penalty_seconds" } else { "penalty_minutes" }, detail)
        }
        error => refusal(error),
    }
}

fn style_of(style: StyleName, minutes: Option<u64>, seconds: Option<u64>) -> Result<Style, ApiError> {
    match (style, penalty_of(minutes, seconds)?) {
        (StyleName::Icpc, None) => Ok(Style::Icpc { penalty: Duration::from_mins(PENALTY_MINUTES) }),
        (StyleName::Icpc, Some((_, penalty))) => Ok(Style::Icpc { penalty }),
        (StyleName::Ioi, None) => Ok(Style::Ioi),
        (StyleName::Ioi, Some((field, _))) => Err(invalid(field, "the style `ioi` has no penalties")),
    }
}

/// The penalty, with the name of the field that set it.
fn penalty_of(minutes: Option<u64>, seconds: Option<u64>) -> Result<Option<(&'static str, Duration)>, ApiError> {
    match (minutes, seconds) {
        (None, None) => Ok(None),
        (Some(minutes), None) => Ok(Some(("penalty_minutes", Duration::from_secs(minutes.saturating_mul(60))))),
        (None, Some(seconds)) => Ok(Some(("penalty_seconds", Duration::from_secs(seconds)))),
        (Some(_), Some(_)) => Err(invalid(
            "penalty_seconds",
            "`penalty_seconds` is replaced by `penalty_minutes`: send only one of the two",
        )),
    }
}

fn time_of(text: &str) -> Result<Timestamp, ApiError> {
    text.parse().map_err(|_| {
        let fault = match text.parse::<jiff::civil::DateTime>() {
            Ok(_) => "`starts_at` has no time zone: add `Z` or an offset such as `+02:00`",
            Err(_) => "`starts_at` must be a time such as `2030-01-01T00:00:00Z` (RFC 3339)",
        };
        invalid("starts_at", fault)
    })
}

/// Problems with these slugs, which must all be visible to the viewer. Too many slugs are refused before any of them is
/// looked up, because each costs a query.
async fn problems_of(app: &Shared, principal: &Principal, slugs: &[String]) -> Result<Vec<ProblemId>, ApiError> {
    if slugs.len() > Contest::PROBLEMS_MAX {
        return Err(refusal(ContestError::wrong_number_of_problems()));
    }
    let mut problems = Vec::with_capacity(slugs.len());
    for (place, text) in slugs.iter().enumerate() {
        let found = match text.parse() {
            Ok(slug) => app.core.problem(principal, ProblemKey::Slug(slug)).await?,
            Err(_) => None,
        };
        let Some(found) = found else {
            return Err(invalid(&format!("problems/{place}"), "there is no such problem"));
        };
        problems.push(found.problem().id);
    }
    Ok(problems)
}
