//! `/contests`: reading, participation, organizing, standings and questions.

mod clarifications;
mod manage;
mod participation;
mod progress;
mod read;
mod standings;
mod submissions;
mod view;

use cupel_core::contests::{ContestError, SeenContest};
use cupel_core::{InputFaultKind, Principal};
use cupel_http::app::Shared;
use cupel_http::error::{ApiError, ErrorKind, FieldError};
use cupel_problem::Slug;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::v1::faults::sentence;

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::default()
        .routes(routes!(read::contests, manage::create))
        .routes(routes!(read::contest, manage::change, manage::delete))
        .routes(routes!(participation::take_part, participation::withdraw))
        .routes(routes!(standings::standings))
        .routes(routes!(progress::progress))
        .routes(routes!(submissions::submissions))
        .routes(routes!(clarifications::clarifications, clarifications::ask))
        .routes(routes!(clarifications::answer))
        .routes(routes!(clarifications::announce))
}

/// The contest, if it is visible to the viewer.
async fn seen(app: &Shared, principal: &Principal, slug: &Slug) -> Result<SeenContest, ApiError> {
    app.core.seen_contest(principal, slug).await?.ok_or_else(|| ApiError::not_found("contest"))
}

/// Converts core's error to an `ApiError`.
fn refusal(error: ContestError) -> ApiError {
    match error {
        ContestError::Missing => ApiError::not_found("contest"),
        ContestError::SlugTaken => {
            let detail = "Another contest has this slug. Choose another one.";
            let field = FieldError::new("/slug", detail).of_kind(InputFaultKind::Taken);
            ApiError::new(ErrorKind::Taken, detail).with_errors(vec![field])
        }
        error @ ContestError::TooMany => ApiError::new(ErrorKind::Conflict, sentence(&error.to_string())),
        ContestError::Invalid { field, detail } => invalid(field, detail),
        ContestError::Conflict(why) => ApiError::new(ErrorKind::Conflict, sentence(why)),
        ContestError::Store(error) => error.into(),
    }
}

/// Error for an invalid field.
fn invalid(field: &str, detail: impl AsRef<str>) -> ApiError {
    let detail = sentence(detail.as_ref());
    ApiError::new(ErrorKind::InvalidBody, detail.clone())
        .with_errors(vec![FieldError::new(format!("/{field}"), detail)])
}
