//! `GET /contests` and `GET /contests/{slug}`.

use axum::Json;
use axum::extract::State;
use cupel_core::contests::{Contest, Participant};
use cupel_http::app::Shared;
use cupel_http::body::{Id, Params};
use cupel_http::caller::Visitor;
use cupel_http::error::{ApiError, ErrorBody, ErrorKind};
use cupel_problem::Slug;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::seen;
use super::view::{ContestLine, ContestView, ParticipationView, PhaseName};
use crate::v1::filters::{PageParams, TEXT_MAX, one, twenty};
use crate::v1::response::page::Pagination;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ContestParams {
    /// Only contests that are `upcoming`, `running` or `over`.
    #[serde(default)]
    #[param(inline)]
    phase: Option<PhaseName>,
    /// Only contests whose title or slug has each word of this text, in upper or lower case.
    #[serde(default)]
    q: Option<String>,
    /// Whether each contest has your participation, in `participation`.
    #[serde(default)]
    #[param(default = false)]
    participation: bool,
    /// Page number, from 1.
    #[serde(default = "one")]
    #[param(minimum = 1, default = 1)]
    page: u64,
    /// Entries per page.
    #[serde(default = "twenty")]
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: u64,
}

/// A page of contests.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ContestPage {
    /// The contests, sorted by start time, latest first.
    contests: Vec<ListedContest>,
    pagination: Pagination,
}

/// A contest of the list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ListedContest {
    #[serde(flatten)]
    line: ContestLine,
    /// Your participation, if you asked for it and take part.
    #[serde(skip_serializing_if = "Option::is_none")]
    participation: Option<ParticipationView>,
}

/// List contests.
///
/// The list has the public contests and, if you authenticate, the contests that you organize or take part in.
/// Administrators get all contests.
#[utoipa::path(
    get, path = "/contests", tag = "contests", operation_id = "contests",
    params(ContestParams),
    responses((status = 200, description = "A page", body = ContestPage)),
)]
pub(crate) async fn contests(
    State(app): State<Shared>,
    Visitor(principal): Visitor,
    Params(params): Params<ContestParams>,
) -> Result<Json<ContestPage>, ApiError> {
    let page = PageParams { page: params.page, limit: params.limit };
    let phase = params.phase.map(Into::into);
    if params.q.as_ref().is_some_and(|text| text.chars().count() > TEXT_MAX) {
        return Err(ApiError::new(ErrorKind::InvalidParameter, "`q` must have at most 100 characters.".to_owned()));
    }
    let text = params.q.filter(|text| !text.trim().is_empty());
    let (contests, total) = app.core.contests(&principal, phase, text, page.offset()?, page.limit).await?;
    let asked: &[Contest] = if params.participation { &contests } else { &[] };
    let own = app.core.participations(&principal, asked).await?;
    let now = app.core.now();
    let own = own.into_iter().chain(std::iter::repeat(None));
    let listed = |(contest, own): (&Contest, Option<Participant>)| ListedContest {
        line: ContestLine::of(contest, now),
        participation: own.map(|own| ParticipationView::of(&own, contest)),
    };
    Ok(Json(ContestPage {
        contests: contests.iter().zip(own).map(listed).collect(),
        pagination: Pagination { page: page.page, limit: page.limit, total },
    }))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct DescriptionParams {
    /// Whether the description is also sent as HTML, in `description_html`.
    #[serde(default)]
    #[param(default = false)]
    html: bool,
}

/// Get a contest.
#[utoipa::path(
    get, path = "/contests/{slug}", tag = "contests", operation_id = "contest",
    params(("slug" = String, Path, description = "The contest's slug"), DescriptionParams),
    responses(
        (status = 200, description = "The contest", body = ContestView),
        (status = 404, description = "The contest does not exist, or you may not see it", body = ErrorBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn contest(
    State(app): State<Shared>,
    Visitor(principal): Visitor,
    Id(slug): Id<Slug>,
    Params(params): Params<DescriptionParams>,
) -> Result<Json<ContestView>, ApiError> {
    let seen = seen(&app, &principal, &slug).await?;
    let view = ContestView::of(&seen, app.core.now());
    Ok(Json(if params.html { view.with_html().await? } else { view }))
}
