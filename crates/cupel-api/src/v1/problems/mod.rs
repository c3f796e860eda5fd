//! `/problems`: reading, solving, authoring, and the progress of users.

mod boards;
mod chunked_download;
mod detail;
mod distribution;
mod list;
mod manage;
mod rejudge;
pub(crate) mod result;
mod solve;
pub(in crate::v1) mod statement_html;
mod text_budget;
mod upload;
mod verification;
pub(crate) mod view;

pub(in crate::v1) use detail::encoded;
pub(crate) use rejudge::{language_of, verdict_of};
pub(crate) use result::Disclosure;
pub(crate) use view::points;

use cupel_core::Principal;
use cupel_core::problems::{AuthorError, ProblemKey, SeenProblem};
use cupel_http::app::Shared;
use cupel_http::error::{ApiError, ErrorKind, FieldError};
use cupel_problem::Slug;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::v1::faults::sentence;

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::default()
        .routes(routes!(list::problems, manage::import))
        .routes(routes!(detail::problem, manage::change, manage::delete))
        .routes(routes!(detail::file))
        .routes(routes!(solve::run))
        .routes(routes!(solve::submit, solve::submissions))
        .routes(routes!(manage::verify))
        .routes(routes!(manage::verify_version))
        .routes(routes!(manage::package, manage::new_version))
        .routes(routes!(manage::versions))
        .routes(routes!(rejudge::rejudge_problem, rejudge::preview))
        .routes(routes!(boards::problem_board))
        .routes(routes!(distribution::distribution))
        .routes(routes!(boards::board))
        .routes(routes!(boards::progress))
        .routes(routes!(boards::activity))
        .routes(routes!(result::submission))
        .routes(routes!(result::runs))
        .routes(routes!(rejudge::rejudge_submission))
}

/// Raw bytes: archives and files.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
#[expect(dead_code, reason = "only the OpenAPI document uses it")]
pub(in crate::v1) struct Raw(Vec<u8>);

fn no_such_problem() -> ApiError {
    ApiError::not_found("problem")
}

/// The problem, if it is visible to the viewer.
async fn seen(app: &Shared, principal: &Principal, slug: Slug) -> Result<SeenProblem, ApiError> {
    app.core.problem(principal, ProblemKey::Slug(slug)).await?.ok_or_else(no_such_problem)
}

fn slug_taken(detail: &'static str) -> ApiError {
    ApiError::new(ErrorKind::Taken, detail).with_errors(vec![FieldError::new("/slug", detail)])
}

/// Converts core's error to an `ApiError`.
pub(super) fn refusal(error: AuthorError) -> ApiError {
    match error {
        AuthorError::Missing => no_such_problem(),
        AuthorError::SlugTaken => slug_taken("Another problem has this slug. Choose another one."),
        AuthorError::NoSlug => {
            let detail = "The package has no name from which a slug can be derived. Send one as `?slug=`.";
            ApiError::new(ErrorKind::InvalidPackage, detail)
        }
        error @ (AuthorError::TooManyProblems { .. } | AuthorError::TooMuchStored { .. }) => {
            let detail = format!(
                "{} Remove drafts that you do not need, or ask the operator for a larger quota.",
                sentence(&error.to_string())
            );
            ApiError::new(ErrorKind::QuotaUsedUp, detail)
        }
        AuthorError::Refused(refused) => view::refused(&refused.findings),
        AuthorError::NotVerified => ApiError::new(
            ErrorKind::Conflict,
            "Only a verified version may be visible to others. Verify it (`POST /problems/{slug}/verify`, or \
             `POST /problems/{slug}/versions/{version}/verify` for a staged one), and correct the claims that do not hold.",
        ),
        AuthorError::NotAdministrator => ApiError::new(
            ErrorKind::Forbidden,
            "Only an administrator can make an unverified version visible. Omit `exception`, or ask an administrator.",
        ),
        AuthorError::NoVersion { number } => {
            ApiError::new(ErrorKind::NotFound, format!("The problem has no version {number}."))
        }
        AuthorError::NoTimeLimit => ApiError::new(
            ErrorKind::Conflict,
            "The package has no time limit, and verification has not derived one from its submissions. Verify the version \
             (`POST /problems/{slug}/verify`): this server must have the languages of its accepted submissions. Or upload a package that has a time limit.",
        ),
        AuthorError::InUse => ApiError::new(
            ErrorKind::Conflict,
            "Only a draft that has no submissions and is in no contest can be deleted. To hide the problem, make it a draft.",
        ),
        AuthorError::InContest { contest } => {
            let detail = format!(
                "The contest `{contest}` has this problem, and is running or begins within an hour. Its contestants would \
                 get 404. Wait until it has ended."
            );
            ApiError::new(ErrorKind::Conflict, detail)
        }
        AuthorError::Store(error) => error.into(),
        error @ (AuthorError::Import(_)
        | AuthorError::Packages(_)
        | AuthorError::Upload(_)
        | AuthorError::BrokenOff) => ApiError::internal(&error),
    }
}
