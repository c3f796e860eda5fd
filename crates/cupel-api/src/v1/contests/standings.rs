//! `GET /contests/{slug}/standings`.

use axum::Json;
use axum::extract::State;
use cupel_core::contests::{Cell, Participant, StandingsRow, Style, label};
use cupel_problem::Slug;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::seen;
use crate::app::Shared;
use crate::auth::Visitor;
use crate::body::{Id, Params};
use crate::problem::{Problem, ProblemBody};
use crate::v1::problems::points;
use crate::v1::response::Pagination;
use crate::v1::submissions::{PageParams, one, twenty};

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct StandingsParams {
    /// Whether frozen results are shown, too: for those who arrange the contest.
    #[serde(default)]
    unfrozen: bool,
    /// Which page, from 1.
    #[serde(default = "one")]
    #[param(minimum = 1, default = 1)]
    page: u64,
    /// How many on a page.
    #[serde(default = "twenty")]
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: u64,
}

/// The standings of a contest.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StandingsView {
    /// As of how long after the start: after yours, if you take part virtually.
    elapsed_seconds: u64,
    /// Whether there may be results that are not shown to you.
    frozen: bool,
    /// What the problems are called, in order.
    problems: Vec<String>,
    /// A page of the lines, the best first.
    rows: Vec<RowView>,
    /// Your own line, on whatever page it is; `null` if you do not take part.
    own: Option<RowView>,
    pagination: Pagination,
}

/// A participant's line.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RowView {
    /// The place, from 1; equals share one. Virtual participants have the place they would have had.
    rank: u32,
    /// Who.
    username: String,
    /// `official` or `virtual`.
    kind: &'static str,
    /// Problems solved; IOI: problems with points.
    solved: u32,
    /// ICPC: penalty in minutes.
    penalty_minutes: Option<u64>,
    /// IOI: the sum of the best scores.
    score: Option<f64>,
    /// One for each problem.
    problems: Vec<CellView>,
}

/// What a participant has made of a problem.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CellView {
    /// Tries whose result is shown, up to and with the one that solves it.
    tries: u32,
    /// Tries whose result is not shown: not judged yet, or frozen.
    pending: u32,
    /// When it was solved, in seconds after the start; IOI: when the best score was reached.
    solved_at_seconds: Option<u64>,
    /// Whether it was the first official solution.
    first: bool,
    /// IOI: the best score.
    score: Option<f64>,
}

/// Read the standings.
///
/// They are at most about a second old. Your own results are never frozen for you.
#[utoipa::path(
    get, path = "/contests/{slug}/standings", tag = "contests", operation_id = "standings",
    params(("slug" = String, Path, description = "The contest's name in addresses"), StandingsParams),
    responses(
        (status = 200, description = "The standings", body = StandingsView),
        (status = 404, description = "There is no such contest, or it is not shown to you", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn standings(
    State(app): State<Shared>,
    Visitor(seer): Visitor,
    Id(slug): Id<Slug>,
    Params(params): Params<StandingsParams>,
) -> Result<Json<StandingsView>, Problem> {
    let seen = seen(&app, &seer, &slug).await?;
    let page = PageParams { page: params.page, limit: params.limit };
    let standings = app.core.standings(&seer, &seen, params.unfrozen, page.offset()?, page.limit).await?;
    let line = |(row, who): &(StandingsRow, Participant)| RowView::of(seen.contest.style, row, who);
    Ok(Json(StandingsView {
        elapsed_seconds: standings.until.as_secs(),
        frozen: standings.is_frozen,
        problems: (0..seen.contest.problems.len()).map(|place| label(place).to_string()).collect(),
        rows: standings.rows.iter().map(line).collect(),
        own: standings.own.as_ref().map(line),
        pagination: Pagination { page: page.page, limit: page.limit, total: standings.total },
    }))
}

impl RowView {
    fn of(style: Style, row: &StandingsRow, who: &Participant) -> RowView {
        let is_icpc = matches!(style, Style::Icpc { .. });
        let cell = |cell: &Cell| CellView {
            tries: cell.tries,
            pending: cell.pending,
            solved_at_seconds: cell.solved_at.map(|at| at.as_secs()),
            first: cell.is_first,
            score: cell.score.filter(|_| !is_icpc).map(points),
        };
        RowView {
            rank: row.rank,
            username: who.username.clone(),
            kind: row.participation.as_str(),
            solved: row.solved,
            penalty_minutes: is_icpc.then_some(row.penalty.as_secs() / 60),
            score: (!is_icpc).then(|| points(row.score)),
            problems: row.cells.iter().map(cell).collect(),
        }
    }
}
