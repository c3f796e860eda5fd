//! `/submissions`: a user's own submissions, page by page.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::app::Shared;
use crate::auth::Caller;
use crate::body::Params;
use crate::problem::{Problem, ProblemKind};
use crate::v1::response::{Pagination, SubmissionPage, SummaryView};

const LIMIT_MAX: u64 = 100;
/// Far beyond any real list, and small enough that page times limit fits every store's integers.
const PAGE_MAX: u64 = 1_000_000_000;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageParams {
    /// Which page, from 1.
    #[serde(default = "one")]
    #[param(minimum = 1, default = 1)]
    pub(crate) page: u64,
    /// How many on a page.
    #[serde(default = "twenty")]
    #[param(minimum = 1, maximum = 100, default = 20)]
    pub(crate) limit: u64,
}

pub(crate) const fn one() -> u64 {
    1
}

pub(crate) const fn twenty() -> u64 {
    20
}

impl PageParams {
    pub(crate) fn offset(&self) -> Result<u64, Problem> {
        let refuse = |detail: String| Err(Problem::new(ProblemKind::InvalidParameter, detail));
        if !(1..=LIMIT_MAX).contains(&self.limit) {
            return refuse(format!("`limit` is 1 to {LIMIT_MAX}."));
        }
        if !(1..=PAGE_MAX).contains(&self.page) {
            return refuse("`page` is counted from 1.".to_owned());
        }
        Ok((self.page - 1) * self.limit)
    }
}

/// List your submissions, newest first.
#[utoipa::path(
    get, path = "/submissions", tag = "submissions", operation_id = "submissions",
    params(PageParams),
    responses((status = 200, description = "A page", body = SubmissionPage)),
)]
pub(crate) async fn submissions(
    State(app): State<Shared>,
    caller: Caller,
    Params(page): Params<PageParams>,
) -> Result<Json<SubmissionPage>, Problem> {
    let (submissions, total) = app.core.list(&caller.viewer, page.offset()?, page.limit).await?;
    Ok(Json(SubmissionPage {
        submissions: submissions.into_iter().map(SummaryView::from).collect(),
        pagination: Pagination { page: page.page, limit: page.limit, total },
    }))
}
