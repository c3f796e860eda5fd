//! Leaderboards and progress.

use axum::Json;
use axum::extract::State;
use cupel_core::problems::{Progress, TagProgress};
use cupel_http::app::Shared;
use cupel_http::body::{Id, Params};
use cupel_http::caller::{Caller, Visitor};
use cupel_http::error::{ApiError, ErrorBody};
use cupel_problem::Slug;
use serde::Serialize;
use utoipa::ToSchema;

use super::seen;
use super::view::StandingView;
use crate::v1::filters::PageParams;
use crate::v1::response::page::Pagination;
use crate::v1::response::time::rfc3339;

/// A page of a problem's leaderboard.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProblemBoardPage {
    /// Sorted by score (best first), then by CPU time in steps of 10 ms, then by the time of the first accepted
    /// submission.
    lines: Vec<ProblemBoardLine>,
    /// Whether results are omitted because the freeze of a contest hides them. They appear when the freeze is lifted.
    frozen: bool,
    pagination: Pagination,
}

/// A rank on a problem's leaderboard.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProblemBoardLine {
    /// Rank, from 1.
    rank: u64,
    /// The rank, under its former name.
    #[schema(deprecated)]
    place: u64,
    /// The user.
    username: String,
    /// Language of the user's best submission.
    language: Option<String>,
    /// Peak memory of that submission, in KiB, rounded up to whole MiB.
    memory_used_kb: Option<u64>,
    /// The user's result.
    standing: StandingView,
}

/// Get the leaderboard of a problem.
///
/// It omits users who do not want to be in leaderboards.
#[utoipa::path(
    get, path = "/problems/{slug}/leaderboard", tag = "problems", operation_id = "problem_leaderboard",
    params(("slug" = String, Path, description = "The problem's slug"), PageParams),
    responses(
        (status = 200, description = "A page", body = ProblemBoardPage),
        (status = 404, description = "The problem does not exist, or you may not see it", body = ErrorBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn problem_board(
    State(app): State<Shared>,
    Visitor(principal): Visitor,
    Id(slug): Id<Slug>,
    Params(page): Params<PageParams>,
) -> Result<Json<ProblemBoardPage>, ApiError> {
    let offset = page.offset()?;
    let seen = seen(&app, &principal, slug).await?;
    let board = app.core.problem_board(&seen, offset, page.limit).await?;
    let lines = board.lines.into_iter().map(|line| ProblemBoardLine {
        rank: line.place,
        place: line.place,
        username: line.username,
        language: line.language.map(|language| language.to_string()),
        memory_used_kb: line.memory.map(|memory| memory.get().as_kib()),
        standing: StandingView::from(&line.standing),
    });
    Ok(Json(ProblemBoardPage {
        lines: lines.collect(),
        frozen: board.is_frozen,
        pagination: Pagination { page: page.page, limit: page.limit, total: board.total },
    }))
}

/// A page of the global leaderboard.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BoardPage {
    /// Sorted by number of solved public problems (highest first). Users with equal numbers are sorted by the time at
    /// which they reached the number (earliest first).
    lines: Vec<BoardLine>,
    pagination: Pagination,
}

/// A rank on the global leaderboard.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BoardLine {
    /// Rank, from 1.
    rank: u64,
    /// The rank, under its former name.
    #[schema(deprecated)]
    place: u64,
    /// The user.
    username: String,
    /// Solved problems of the user.
    progress: ProgressView,
}

/// Numbers of public problems a user has solved.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProgressView {
    /// Number of all problems solved, including those without a difficulty.
    solved: u64,
    /// Number of easy problems solved.
    easy: u64,
    /// Number of medium problems solved.
    medium: u64,
    /// Number of hard problems solved.
    hard: u64,
    /// Number of problems tried but not solved.
    attempted: u64,
    /// Time at which the user most recently solved a new problem.
    #[schema(format = DateTime)]
    last_solved_at: Option<String>,
}

impl From<Progress> for ProgressView {
    fn from(progress: Progress) -> ProgressView {
        ProgressView {
            solved: progress.solved,
            easy: progress.easy,
            medium: progress.medium,
            hard: progress.hard,
            attempted: progress.attempted,
            last_solved_at: progress.last_solved_at.map(rfc3339),
        }
    }
}

/// Get the global leaderboard.
///
/// It omits users who do not want to be in leaderboards.
#[utoipa::path(
    get, path = "/leaderboard", tag = "problems", operation_id = "leaderboard",
    params(PageParams),
    responses((status = 200, description = "A page", body = BoardPage)),
)]
pub(crate) async fn board(
    State(app): State<Shared>,
    _visitor: Visitor,
    Params(page): Params<PageParams>,
) -> Result<Json<BoardPage>, ApiError> {
    let (lines, total) = app.core.ranks(page.offset()?, page.limit).await?;
    let lines = lines.into_iter().map(|line| BoardLine {
        rank: line.place,
        place: line.place,
        username: line.username,
        progress: line.progress.into(),
    });
    Ok(Json(BoardPage { lines: lines.collect(), pagination: Pagination { page: page.page, limit: page.limit, total } }))
}

/// Get the numbers of problems you have solved.
#[utoipa::path(
    get, path = "/users/me/progress", tag = "problems", operation_id = "progress",
    responses((status = 200, description = "Your progress", body = ProgressView)),
)]
pub(crate) async fn progress(State(app): State<Shared>, caller: Caller) -> Result<Json<ProgressView>, ApiError> {
    Ok(Json(app.core.progress(caller.user).await?.into()))
}

/// A user's solved public problems.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ActivityView {
    /// Days of the last year on which the user solved problems for the first time, oldest first.
    days: Vec<ActivityDay>,
    /// Numbers of public problems.
    problems: ProblemCounts,
    /// Tags of public problems, those with the most solved problems first; at most 100.
    tags: Vec<TagView>,
}

/// A day on which a user solved problems for the first time.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ActivityDay {
    /// The day, in UTC.
    #[schema(format = Date)]
    date: String,
    /// Number of problems that the user first solved on this day.
    solved: u64,
}

/// Numbers of public problems by difficulty.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProblemCounts {
    easy: u64,
    medium: u64,
    hard: u64,
}

/// Progress with the public problems that have a tag.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TagView {
    tag: String,
    /// Number of problems solved.
    solved: u64,
    /// Number of all public problems with the tag.
    problems: u64,
}

/// Get your solved problems, by day and by tag.
///
/// Your results include results that the freeze of a contest hides from other users.
#[utoipa::path(
    get, path = "/users/me/activity", tag = "problems", operation_id = "activity",
    responses((status = 200, description = "Your solved problems", body = ActivityView)),
)]
pub(crate) async fn activity(State(app): State<Shared>, caller: Caller) -> Result<Json<ActivityView>, ApiError> {
    let activity = app.core.activity(caller.user).await?;
    let [easy, medium, hard] = activity.problems;
    let tags = activity.tags.into_iter();
    Ok(Json(ActivityView {
        days: activity.days.into_iter().map(|(day, solved)| ActivityDay { date: date_of(day), solved }).collect(),
        problems: ProblemCounts { easy, medium, hard },
        tags: tags.map(|TagProgress { tag, solved, problems }| TagView { tag, solved, problems }).collect(),
    }))
}

/// The date of a day, which is counted from 1970-01-01; such as `2026-01-31`.
fn date_of(day: i64) -> String {
    let start = jiff::Timestamp::from_second(day.saturating_mul(86_400)).unwrap_or_default();
    start.to_zoned(jiff::tz::TimeZone::UTC).date().to_string()
}
