//! `/problems`: reading, solving, authoring, and the progress of users.

mod boards;
mod chunked_download;
mod detail;
mod distribution;
pub(crate) mod errors;
mod list;
mod manage;
mod rejudge;
pub(crate) mod result;
mod solve;
pub(in crate::v1) mod statement_html;
mod text_budget;
mod upload;
pub(crate) mod view;

pub(crate) use view::points;

use cupel_core::Principal;
use cupel_core::problems::{ProblemKey, SeenProblem};
use cupel_http::app::Shared;
use cupel_http::error::ApiError;
use cupel_problem::Slug;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use errors::{no_such_problem, refusal, slug_taken};

/// Lists, statements and statistics.
pub(super) fn pages() -> OpenApiRouter<Shared> {
    OpenApiRouter::default()
        .routes(routes!(list::problems, manage::import))
        .routes(routes!(detail::problem, manage::change, manage::delete))
        .routes(routes!(detail::editorial))
        .routes(routes!(manage::versions))
        .routes(routes!(boards::problem_board))
        .routes(routes!(distribution::distribution))
        .routes(routes!(boards::board))
        .routes(routes!(boards::progress))
        .routes(routes!(boards::activity))
}

/// Files, packages, submissions and their results.
pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::default()
        .routes(routes!(detail::file))
        .routes(routes!(solve::run))
        .routes(routes!(solve::submit, solve::submissions))
        .routes(routes!(manage::verify))
        .routes(routes!(manage::verify_version))
        .routes(routes!(manage::package, manage::new_version))
        .routes(routes!(rejudge::rejudge_problem, rejudge::preview))
        .routes(routes!(result::submission))
        .routes(routes!(result::runs))
        .routes(routes!(rejudge::rejudge_submission))
}

/// Raw bytes: archives and files.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
#[expect(dead_code, reason = "only the OpenAPI document uses it")]
pub(in crate::v1) struct Raw(Vec<u8>);

/// The problem, if it is visible to the viewer.
async fn seen(app: &Shared, principal: &Principal, slug: Slug) -> Result<SeenProblem, ApiError> {
    app.core.problem(principal, ProblemKey::Slug(slug)).await?.ok_or_else(no_such_problem)
}
