//! `GET /problems`: the list of problems.

use axum::Json;
use axum::extract::State;
use cupel_core::problems::{ProblemFilter, ProblemSort, SolveState};
use cupel_http::app::Shared;
use cupel_http::body::Params;
use cupel_http::caller::Visitor;
use cupel_http::error::{ApiError, ErrorKind};
use cupel_problem::{Difficulty, Tag};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::view::ProblemLineView;
use crate::v1::filters::{PageParams, TEXT_MAX, one, twenty};
use crate::v1::response::page::Pagination;

const TAGS_MAX: usize = 20;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListParams {
    /// Only problems of these difficulties: `easy`, `medium`, `hard`, separated by commas.
    #[serde(default)]
    difficulty: Option<String>,
    /// Only problems with all of these tags, separated by commas.
    #[serde(default)]
    tag: Option<String>,
    /// Only problems with this state for you: `solved`, `attempted`, `unsolved` or `new`.
    #[serde(default)]
    #[param(inline)]
    state: Option<StateName>,
    /// Only problems whose title or slug contains this text, or that have a tag with a word that begins with it.
    #[serde(default)]
    q: Option<String>,
    /// Only problems that you may change.
    #[serde(default)]
    mine: bool,
    /// Whether the response has the tags of all matching problems, in `tags`.
    #[serde(default)]
    tag_counts: bool,
    /// Sort order: `title`, `newest`, `difficulty` or `solved` (solved by most users first).
    #[serde(default)]
    sort: Option<String>,
    /// Page number, from 1.
    #[serde(default = "one")]
    #[param(minimum = 1, default = 1)]
    page: u64,
    /// Entries per page.
    #[serde(default = "twenty")]
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: u64,
}

/// State of a problem for a user.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum StateName {
    /// Solved.
    Solved,
    /// Tried and not solved.
    Attempted,
    /// Not solved, whether or not tried.
    Unsolved,
    /// Not tried.
    New,
}

/// A page of problems.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProblemPage {
    problems: Vec<ProblemLineView>,
    /// The tags of all matching problems, most frequent first, at most 500. Only if you asked for them.
    #[serde(skip_serializing_if = "Option::is_none")]
    tags: Option<Vec<TagCount>>,
    pagination: Pagination,
}

/// A tag and the number of its problems.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TagCount {
    /// The tag.
    tag: String,
    /// Number of problems with the tag that match.
    problems: u64,
}

/// List problems.
///
/// The list has the public problems and, if you authenticate, your own problems and those shared with you. While a
/// contest with a private problem is running, users with whom the problem is shared do not find it. Administrators get
/// all problems.
#[utoipa::path(
    get, path = "/problems", tag = "problems", operation_id = "problems",
    params(ListParams),
    responses((status = 200, description = "A page", body = ProblemPage)),
)]
pub(crate) async fn problems(
    State(app): State<Shared>,
    Visitor(principal): Visitor,
    Params(params): Params<ListParams>,
) -> Result<Json<ProblemPage>, ApiError> {
    let page = PageParams { page: params.page, limit: params.limit };
    let (offset, filter) = (page.offset()?, filter(&params)?);
    let tags = if params.tag_counts { Some(app.core.problem_tags(&principal, filter.clone()).await?) } else { None };
    let (lines, total) = app.core.problems(&principal, filter, offset, page.limit).await?;
    let problems = lines.iter().map(|line| ProblemLineView::of(&line.problem, line.standing.as_ref())).collect();
    let count = |(tag, problems): (Tag, u64)| TagCount { tag: tag.to_string(), problems };
    Ok(Json(ProblemPage {
        problems,
        tags: tags.map(|tags| tags.into_iter().map(count).collect()),
        pagination: Pagination { page: page.page, limit: page.limit, total },
    }))
}

fn filter(params: &ListParams) -> Result<ProblemFilter, ApiError> {
    let refuse = |detail: &str| ApiError::new(ErrorKind::InvalidParameter, detail.to_owned());
    let words = |text: &Option<String>| {
        let text = text.clone().unwrap_or_default();
        text.split(',').map(|word| word.trim().to_owned()).filter(|word| !word.is_empty()).collect::<Vec<_>>()
    };
    let difficulties = words(&params.difficulty).iter().map(|word| Difficulty::from_name(word)).collect::<Option<_>>();
    let tags: Vec<Tag> = words(&params.tag)
        .iter()
        .map(|word| word.parse())
        .collect::<Result<_, _>>()
        .map_err(|_| refuse("A tag is 1 to 40 characters without commas."))?;
    if tags.len() > TAGS_MAX || params.q.as_ref().is_some_and(|text| text.chars().count() > TEXT_MAX) {
        return Err(refuse("`tag` must have at most 20 tags, and `q` at most 100 characters."));
    }
    let sort = params.sort.as_deref().map_or(Some(ProblemSort::default()), ProblemSort::from_name);
    Ok(ProblemFilter {
        own: params.mine,
        difficulties: difficulties.ok_or_else(|| {
            refuse("`difficulty` must be a list of `easy`, `medium` and `hard`, separated by commas.")
        })?,
        tags,
        state: params.state.map(|state| match state {
            StateName::Solved => SolveState::Solved,
            StateName::Attempted => SolveState::Attempted,
            StateName::Unsolved => SolveState::Unsolved,
            StateName::New => SolveState::New,
        }),
        text: params.q.clone().filter(|text| !text.is_empty()),
        sort: sort.ok_or_else(|| refuse("`sort` must be one of `title`, `newest`, `difficulty`, `solved`."))?,
        ..ProblemFilter::default()
    })
}
