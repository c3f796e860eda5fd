//! `GET /contests/{slug}/progress`: the participants' results for the problems of a contest, including submissions
//! before and after the contest.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use cupel_core::Principal;
use cupel_core::contests::{ParticipantProgress, label};
use cupel_http::app::Shared;
use cupel_http::body::{Id, Params};
use cupel_http::caller::Caller;
use cupel_http::error::{ApiError, ErrorBody};
use cupel_problem::Slug;
use futures_util::Stream;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{refusal, seen};
use crate::csv::{self, Format};
use crate::v1::filters::{PageParams, one, twenty};
use crate::v1::problems::points;
use crate::v1::response::page::Pagination;
use crate::v1::response::time::rfc3339;

/// Number of CSV lines read at a time.
const CSV_CHUNK: u64 = 100;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ProgressParams {
    /// With `csv`, the response is CSV with all lines and without pages, as with `Accept: text/csv`.
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

/// A page of a group's progress.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct GroupProgressPage {
    /// Letters of the problems, in order.
    problems: Vec<String>,
    /// Participants, in the order in which they joined.
    participants: Vec<GroupProgressLine>,
    pagination: Pagination,
}

/// A participant's results for the problems of a contest.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct GroupProgressLine {
    /// The participant.
    username: String,
    /// Number of problems solved.
    solved: usize,
    /// Number of problems tried but not solved.
    attempted: usize,
    /// One entry per problem; `null` if the participant has not tried it.
    problems: Vec<Option<GroupProgressCell>>,
}

/// A participant's result for a problem.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct GroupProgressCell {
    /// Whether the participant has solved the problem.
    solved: bool,
    /// Number of tries, up to and including the first accepted one.
    tries: u32,
    /// Best score, if the problem has scores.
    best_score: Option<f64>,
    /// Time of the first solution.
    #[schema(format = DateTime)]
    solved_at: Option<String>,
}

impl From<ParticipantProgress> for GroupProgressLine {
    fn from(progress: ParticipantProgress) -> GroupProgressLine {
        let count = |is_solved| progress.standings.iter().flatten().filter(|one| one.is_solved == is_solved).count();
        let (solved, attempted) = (count(true), count(false));
        let cell = |standing: cupel_core::problems::Standing| GroupProgressCell {
            solved: standing.is_solved,
            tries: standing.tries,
            best_score: standing.best_score.map(points),
            solved_at: standing.solved_at.map(rfc3339),
        };
        GroupProgressLine {
            username: progress.participant.username,
            solved,
            attempted,
            problems: progress.standings.into_iter().map(|standing| standing.map(cell)).collect(),
        }
    }
}

/// Get the progress of all participants.
///
/// Progress includes all submissions of the participants to the contest's problems; standings include only submissions
/// during the contest.
#[utoipa::path(
    get, path = "/contests/{slug}/progress", tag = "contests", operation_id = "contest_progress",
    params(("slug" = String, Path, description = "The contest's slug"), ProgressParams),
    responses(
        (status = 200, description = "A page", content((GroupProgressPage = "application/json"), (String = "text/csv"))),
        (status = 404, description = "The contest does not exist, or you may not change it", body = ErrorBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn progress(
    State(app): State<Shared>,
    caller: Caller,
    Id(slug): Id<Slug>,
    Params(params): Params<ProgressParams>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let principal = caller.principal();
    let problems = seen(&app, &principal, &slug).await?.contest.problems.len();
    let page = PageParams { page: params.page, limit: params.limit };
    let offset = page.offset()?;
    if Format::of(params.format, &headers) == Format::Csv {
        // Checks permission before the first line is sent.
        app.core.contest_progress(&principal, &slug, 0, 0).await.map_err(refusal)?;
        return Ok(csv::answer(&format!("{slug}-progress"), csv_of(app, principal, slug, problems)));
    }
    let (lines, total) = app.core.contest_progress(&principal, &slug, offset, page.limit).await.map_err(refusal)?;
    Ok(Json(GroupProgressPage {
        problems: (0..problems).map(|place| label(place).to_string()).collect(),
        participants: lines.into_iter().map(GroupProgressLine::from).collect(),
        pagination: Pagination { page: page.page, limit: page.limit, total },
    })
    .into_response())
}

/// Progress as CSV: a line per participant, with four columns per problem.
fn csv_of(
    app: Shared,
    principal: Principal,
    slug: Slug,
    problems: usize,
) -> impl Stream<Item = Result<Bytes, ApiError>> + Send {
    futures_util::stream::try_unfold(Some(0), move |offset| {
        let (app, slug) = (app.clone(), slug.clone());
        async move {
            let Some(offset) = offset else { return Ok(None) };
            let mut lines = csv::Lines::default();
            if offset == 0 {
                let names = ["solved", "tries", "best_score", "solved_at"];
                let of_problems: Vec<String> =
                    (0..problems).flat_map(|place| names.map(|name| format!("{}_{name}", label(place)))).collect();
                let first = ["username", "solved", "attempted"];
                lines.line(first.into_iter().chain(of_problems.iter().map(String::as_str)).map(csv::Cell::Text));
            }
            let (page, _) = app.core.contest_progress(&principal, &slug, offset, CSV_CHUNK).await.map_err(refusal)?;
            let next = (page.len() as u64 == CSV_CHUNK).then_some(offset + CSV_CHUNK);
            for line in page.into_iter().map(GroupProgressLine::from) {
                let mut cells = vec![
                    csv::Cell::Text(&line.username),
                    csv::Cell::number(Some(line.solved)),
                    csv::Cell::number(Some(line.attempted)),
                ];
                for cell in &line.problems {
                    let cell = cell.as_ref();
                    cells.push(csv::Cell::number(cell.map(|cell| u8::from(cell.solved))));
                    cells.push(csv::Cell::number(cell.map(|cell| cell.tries)));
                    cells.push(csv::Cell::number(cell.and_then(|cell| cell.best_score)));
                    cells.push(csv::Cell::text(cell.and_then(|cell| cell.solved_at.as_deref())));
                }
                lines.line(cells);
            }
            Ok(Some((lines.take(), next)))
        }
    })
}
