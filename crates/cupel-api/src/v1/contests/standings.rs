//! `GET /contests/{slug}/standings`.

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json};
use cupel_core::contests::{Cell, Participant, Phase, StandingsRow, Style, label};
use cupel_http::app::Shared;
use cupel_http::body::{Id, Params};
use cupel_http::caller::Visitor;
use cupel_http::error::{ApiError, ErrorBody, ErrorKind};
use cupel_http::notes::Notes;
use cupel_problem::Slug;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::seen;
use crate::csv::{self, Format};
use crate::etag;
use crate::v1::filters::{PageParams, one, twenty};
use crate::v1::guest::share_of_visitor;
use crate::v1::problems::points;
use crate::v1::response::page::Pagination;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct StandingsParams {
    /// Whether frozen results are included; only for the contest's organizers. Results that the freeze of another
    /// contest hides are included only for administrators.
    #[serde(default)]
    unfrozen: bool,
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

/// The standings of a contest.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StandingsView {
    /// Time that the standings show, in seconds since the start of the contest. If you take part virtually, the time is
    /// counted from your own start.
    elapsed_seconds: u64,
    /// Whether some results may be hidden from you.
    frozen: bool,
    /// Labels of the problems, in order; empty before the contest begins, unless you may change it.
    problems: Vec<String>,
    /// A page of lines, best first.
    rows: Vec<RowView>,
    /// Your own line, even if it is on another page; `null` if you do not take part.
    own: Option<RowView>,
    pagination: Pagination,
}

/// A participant's line.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RowView {
    /// Rank, from 1; equal results share a rank. Virtual participants get the rank that their result would have had in
    /// the contest.
    rank: u32,
    /// The participant.
    username: String,
    /// `official` or `virtual`.
    kind: &'static str,
    /// Number of problems solved. In a contest with IOI scoring, the number of problems with points.
    solved: u32,
    /// Penalty in minutes, for ICPC scoring.
    penalty_minutes: Option<u64>,
    /// Sum of the best scores, for IOI scoring.
    score: Option<f64>,
    /// One entry per problem.
    problems: Vec<CellView>,
}

/// A participant's result for a problem.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CellView {
    /// Number of tries with a visible result, up to and including the first accepted one.
    tries: u32,
    /// Number of tries without a visible result: not judged yet, or frozen.
    pending: u32,
    /// Time of the solution, in seconds after the start. In a contest with IOI scoring, the time of the best score.
    solved_at_seconds: Option<u64>,
    /// Whether this is the first official solution of the problem.
    first: bool,
    /// The best score, for IOI scoring.
    score: Option<f64>,
}

/// Get the standings.
///
/// The standings are at most about one second old. Your own results are never frozen for you.
///
/// The JSON response has an `ETag`, which covers everything except `elapsed_seconds`. If you send this `ETag` as
/// `If-None-Match`, the response is 304 without a body until anything else changes.
#[utoipa::path(
    get, path = "/contests/{slug}/standings", tag = "contests", operation_id = "standings",
    params(("slug" = String, Path, description = "The contest's slug"), StandingsParams),
    responses(
        (status = 200, description = "The standings", content((StandingsView = "application/json"), (String = "text/csv"))),
        (status = 304, description = "The standings have not changed since the response with this `ETag`, except for `elapsed_seconds`"),
        (status = 403, description = "`unfrozen` is only for the contest's organizers", body = ErrorBody, content_type = "application/problem+json"),
        (status = 404, description = "The contest does not exist, or you may not see it", body = ErrorBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn standings(
    State(app): State<Shared>,
    Extension(notes): Extension<Notes>,
    Visitor(principal): Visitor,
    Id(slug): Id<Slug>,
    Params(params): Params<StandingsParams>,
    request: HeaderMap,
) -> Result<Response, ApiError> {
    let seen = seen(&app, &principal, &slug).await?;
    if params.unfrozen && !seen.may_change {
        return Err(ApiError::new(ErrorKind::Forbidden, "Only the organizers of a contest see its frozen results."));
    }
    // Until the contest begins, only its organizers know how many problems it has.
    let shows_problems = seen.may_change || seen.phase != Phase::Upcoming;
    let problems = if shows_problems { seen.contest.problems.len() } else { 0 };
    let page = PageParams { page: params.page, limit: params.limit };
    if Format::of(params.format, &request) == Format::Csv {
        page.offset()?;
        let total = app.core.standings(&principal, &seen, params.unfrozen, 0, 0).await?.total;
        let reader = principal.user().unwrap_or_else(|| share_of_visitor(&app, notes.client().address));
        let bytes = csv_bytes(total, seen.contest.problems.len());
        // The rows stay in memory until the client has received the last line.
        let held = app.answers.wait_for(reader, bytes, app.settings.answer_wait_max).await?;
        let standings = app.core.standings(&principal, &seen, params.unfrozen, 0, u64::MAX).await?;
        let chunks = csv_of(seen.contest.style, problems, standings.rows).map(move |chunk| {
            let _held = &held;
            Ok(chunk)
        });
        return Ok(csv::answer(&format!("{slug}-standings"), futures_util::stream::iter(chunks)));
    }
    let standings = app.core.standings(&principal, &seen, params.unfrozen, page.offset()?, page.limit).await?;
    let line = |(row, who): &(StandingsRow, Participant)| RowView::of(seen.contest.style, problems, row, who);
    let view = StandingsView {
        elapsed_seconds: standings.until.as_secs(),
        frozen: standings.is_frozen,
        problems: (0..problems).map(|place| label(place).to_string()).collect(),
        rows: standings.rows.iter().map(line).collect(),
        own: standings.own.as_ref().map(line),
        pagination: Pagination { page: page.page, limit: page.limit, total: standings.total },
    };
    let tag = view.tag().map_err(|error| ApiError::internal(&error))?;
    let headers = [(header::ETAG, tag.clone())];
    if etag::is_known(&request, &tag) {
        return Ok((StatusCode::NOT_MODIFIED, headers).into_response());
    }
    Ok((headers, Json(view)).into_response())
}

/// Number of lines written at a time.
const CSV_CHUNK: usize = 500;

/// Upper bound on the memory for the name of a participant and the parts of a row that every row has.
const ROW_BYTES: usize = 256;

/// Memory that a response in CSV needs besides its rows, for the lines that are being sent.
const CSV_BYTES_MIN: usize = 64 << 10;

/// Memory that a response in CSV with these many rows and problems needs.
fn csv_bytes(rows: u64, problems: usize) -> usize {
    let of_row = ROW_BYTES + problems * size_of::<Cell>();
    CSV_BYTES_MIN.saturating_add(usize::try_from(rows).unwrap_or(usize::MAX).saturating_mul(of_row))
}

/// Standings as CSV: a line per participant, with four columns per problem.
fn csv_of(
    style: Style,
    problems: usize,
    rows: Vec<(StandingsRow, Participant)>,
) -> impl Iterator<Item = bytes::Bytes> + Send {
    let mut lines = csv::Lines::default();
    let names = ["tries", "pending", "solved_at_seconds", "score"];
    let of_problems: Vec<String> =
        (0..problems).flat_map(|place| names.map(|name| format!("{}_{name}", label(place)))).collect();
    let first = ["rank", "username", "kind", "solved", "penalty_minutes", "score"];
    lines.line(first.into_iter().chain(of_problems.iter().map(String::as_str)).map(csv::Cell::Text));
    let mut rows = rows.into_iter().peekable();
    let mut is_first = true;
    std::iter::from_fn(move || {
        if rows.peek().is_none() && !is_first {
            return None;
        }
        is_first = false;
        for (row, who) in rows.by_ref().take(CSV_CHUNK) {
            let row = RowView::of(style, problems, &row, &who);
            let mut cells = vec![
                csv::Cell::number(Some(row.rank)),
                csv::Cell::Text(&row.username),
                csv::Cell::Text(row.kind),
                csv::Cell::number(Some(row.solved)),
                csv::Cell::number(row.penalty_minutes),
                csv::Cell::number(row.score),
            ];
            for cell in &row.problems {
                cells.push(csv::Cell::number(Some(cell.tries)));
                cells.push(csv::Cell::number(Some(cell.pending)));
                cells.push(csv::Cell::number(cell.solved_at_seconds));
                cells.push(csv::Cell::number(cell.score));
            }
            lines.line(cells);
        }
        Some(lines.take())
    })
}

impl StandingsView {
    /// The entity tag. It covers everything except the time, which changes every second even if nothing else does.
    fn tag(&self) -> Result<HeaderValue, serde_json::Error> {
        let StandingsView { elapsed_seconds: _, frozen, problems, rows, own, pagination } = self;
        etag::weak_tag(&(frozen, problems, rows, own, pagination))
    }
}

impl RowView {
    fn of(style: Style, problems: usize, row: &StandingsRow, who: &Participant) -> RowView {
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
            problems: row.cells.iter().take(problems).map(cell).collect(),
        }
    }
}
