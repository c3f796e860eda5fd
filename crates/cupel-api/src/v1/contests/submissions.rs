//! `GET /contests/{slug}/submissions`: the participants' submissions that count in a contest, for its organizers.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};
use cupel_core::contests::AttemptQuery;
use cupel_http::app::Shared;
use cupel_http::body::{Id, Params};
use cupel_http::caller::Caller;
use cupel_http::error::{ApiError, ErrorBody};
use cupel_problem::Slug;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::refusal;
use crate::csv::{self, Format};
use crate::v1::filters::{PageParams, one, twenty, verdict_of};
use crate::v1::response::page::Pagination;
use crate::v1::response::summary::{self, CSV_CHUNK, SummaryView, WithProblem};

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AttemptParams {
    /// Only submissions of this participant.
    #[serde(default)]
    username: Option<String>,
    /// Only submissions to this problem, given by its letter in the contest or by its slug.
    #[serde(default)]
    problem: Option<String>,
    /// Only submissions with this verdict, such as `WA`.
    #[serde(default)]
    verdict: Option<String>,
    /// With `csv`, the response is CSV with all submissions and without pages, as with `Accept: text/csv`.
    #[serde(default)]
    #[param(inline)]
    format: Option<Format>,
    /// Page number, from 1.
    #[serde(default = "one")]
    #[param(minimum = 1, default = 1)]
    page: u64,
    /// Entries per page.
    #[serde(default = "twenty")]
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: u64,
}

/// A page of the submissions in a contest.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AttemptPage {
    /// Newest first.
    submissions: Vec<SummaryView>,
    pagination: Pagination,
}

/// List the submissions of the participants that count in a contest, newest first, for its organizers.
///
/// These are the submissions to the contest's problems within each participant's time. Submissions that the freeze of
/// another contest hides are listed for administrators only. With `GET /submissions/{submission_id}`, an organizer gets
/// a submission of the list with its source, as its sender sees it.
#[utoipa::path(
    get, path = "/contests/{slug}/submissions", tag = "contests", operation_id = "contest_submissions",
    params(("slug" = String, Path, description = "The contest's slug"), AttemptParams),
    responses(
        (status = 200, description = "A page", content((AttemptPage = "application/json"), (String = "text/csv"))),
        (status = 404, description = "The contest does not exist, or you may not change it", body = ErrorBody, content_type = "application/problem+json"),
        (status = 422, description = "The contest has no such problem", body = ErrorBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn submissions(
    State(app): State<Shared>,
    caller: Caller,
    Id(slug): Id<Slug>,
    Params(params): Params<AttemptParams>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let principal = caller.principal();
    let page = PageParams { page: params.page, limit: params.limit };
    let offset = page.offset()?;
    let verdict = verdict_of(params.verdict.as_deref())?;
    let query = AttemptQuery { username: params.username, problem: params.problem, verdict };
    if Format::of(params.format, &headers) == Format::Csv {
        // Checks permission and the problem before the first line is sent.
        app.core.contest_submissions(&principal, &slug, query.clone(), None, (0, 0)).await.map_err(refusal)?;
        let name = format!("{slug}-submissions");
        let lines = summary::as_csv(WithProblem::Yes, move |before| {
            let (app, slug, query) = (app.clone(), slug.clone(), query.clone());
            async move {
                let page = app.core.contest_submissions(&principal, &slug, query, before, (0, CSV_CHUNK)).await;
                Ok(page.map_err(refusal)?.0)
            }
        });
        return Ok(csv::answer(&name, lines));
    }
    let listed = app.core.contest_submissions(&principal, &slug, query, None, (offset, page.limit)).await;
    let (submissions, total) = listed.map_err(refusal)?;
    Ok(Json(AttemptPage {
        submissions: submissions.into_iter().map(SummaryView::with_owner).collect(),
        pagination: Pagination { page: page.page, limit: page.limit, total },
    })
    .into_response())
}
