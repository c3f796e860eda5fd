//! The API's errors about problems.

use cupel_core::InputFaultKind;
use cupel_core::problems::{AuthorError, MEMBERS_MAX, Part};
use cupel_http::error::{ApiError, ErrorKind, FieldError};

use super::view;
use crate::v1::faults::sentence;

pub(super) fn no_such_problem() -> ApiError {
    ApiError::not_found("problem")
}

pub(super) fn slug_taken(detail: &'static str) -> ApiError {
    let field = FieldError::new("/slug", detail).of_kind(InputFaultKind::Taken);
    ApiError::new(ErrorKind::Taken, detail).with_errors(vec![field])
}

/// An error in the list of users with this part; `index`: the place of the name in the list.
fn member_fault(part: Part, index: Option<usize>, detail: String) -> ApiError {
    let list = match part {
        Part::Reader => "/readers",
        Part::Author => "/authors",
    };
    let pointer = index.map_or(list.to_owned(), |index| format!("{list}/{index}"));
    ApiError::new(ErrorKind::InvalidBody, detail.clone()).with_errors(vec![FieldError::new(pointer, detail)])
}

/// Converts core's error to an `ApiError`.
pub(crate) fn refusal(error: AuthorError) -> ApiError {
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
        AuthorError::OtherVersion => ApiError::new(
            ErrorKind::Conflict,
            "The problem's version or visibility changed during the request, so an unchecked version was not made \
             visible. Read the problem, and send the request again.",
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
        AuthorError::TooManyMembers { part } => member_fault(part, None, format!("At most {MEMBERS_MAX} names.")),
        AuthorError::NoUser { part, index } => member_fault(part, Some(index), "No user has this name.".to_owned()),
        AuthorError::NotAuthor { index } => {
            let detail = "This user is not an author. An administrator can give the user the role `author`.";
            member_fault(Part::Author, Some(index), detail.to_owned())
        }
        AuthorError::InUse => ApiError::new(
            ErrorKind::Conflict,
            "Only a draft that has no submissions and is in no contest can be deleted. To hide the problem, make it a draft.",
        ),
        AuthorError::InContest { contest } => {
            let detail = format!(
                "The contest `{contest}` has this problem and has not ended, so its contestants would get 404. Take the \
                 problem out of the contest before the contest begins, or wait until the contest has ended."
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
