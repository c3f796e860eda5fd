//! `/drafts`: the texts in a user's editors, with their earlier revisions.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use cupel_core::drafts::{Draft, DraftError, DraftPlace, Expected, Revision};
use cupel_core::problems::ProblemKey;
use cupel_http::app::Shared;
use cupel_http::body::{Params, SubmissionBody};
use cupel_http::caller::Caller;
use cupel_http::error::{ApiError, ErrorBody, ErrorKind, FieldError};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::etag;
use crate::v1::faults::sentence;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct DraftParams {
    /// The problem's slug. Without it, the draft is that of the playground.
    #[serde(default)]
    problem: Option<String>,
}

/// A text to save.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "text": "print(int(input()) * 2)\n" }))]
pub(crate) struct DraftRequest {
    /// The text: at most as many bytes as a source of a submission may have.
    text: String,
    /// Whether the present revision must stay in the history.
    #[serde(default)]
    begins_revision: bool,
}

/// A revision of a draft.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RevisionView {
    /// The number, which is also the `ETag`: later revisions of a draft have higher ones.
    #[schema(example = 1_790_000_000_000_000_u64)]
    revision: u64,
    /// When it was last saved (RFC 3339).
    #[schema(format = DateTime)]
    saved_at: String,
    /// Size of the text.
    bytes: u64,
}

impl From<Revision> for RevisionView {
    fn from(Revision { number, saved_at, bytes }: Revision) -> RevisionView {
        RevisionView { revision: number, saved_at: saved_at.to_string(), bytes: bytes.get() }
    }
}

/// A revision of a draft, with its text.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DraftView {
    /// The number, which is also the `ETag`: later revisions of a draft have higher ones.
    #[schema(example = 1_790_000_000_000_000_u64)]
    revision: u64,
    /// When it was last saved (RFC 3339).
    #[schema(format = DateTime)]
    saved_at: String,
    /// The text.
    text: String,
}

/// The revisions of a draft.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RevisionList {
    /// Newest first, at most as many as the operator lets the server keep of one draft.
    revisions: Vec<RevisionView>,
}

/// Get a draft.
///
/// Only you can read your drafts. The `ETag` names the revision; with `If-None-Match`, the response is 304 without a body
/// while the draft does not change. Without access to the problem, there is none to its draft, which is kept.
#[utoipa::path(
    get, path = "/drafts/{language_id}", tag = "problems", operation_id = "draft",
    params(("language_id" = String, Path, description = "Id or alias of the language"), DraftParams),
    responses(
        (status = 200, description = "The newest revision", body = DraftView, headers(("ETag" = String, description = "Names the revision"))),
        (status = 304, description = "The newest revision is the one that `If-None-Match` names"),
        (status = 404, description = "You have no such draft, or may not see the problem", body = ErrorBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn draft(
    State(app): State<Shared>,
    caller: Caller,
    Path(language): Path<String>,
    Params(params): Params<DraftParams>,
    request: HeaderMap,
) -> Result<Response, ApiError> {
    let found = app.core.draft(caller.viewer, place(language, params)?, None).await.map_err(reading)?;
    answer(found, &request)
}

/// Save a draft.
///
/// A save continues the newest revision for up to five minutes after that was begun; then it begins another one, and the
/// one before stays in the history. It also begins one without `If-Match`, with `begins_revision`, and if less than
/// half of the text is left. Repeating a save is safe: a text that is saved already is accepted under any condition.
#[utoipa::path(
    put, path = "/drafts/{language_id}", tag = "problems", operation_id = "save_draft",
    params(("language_id" = String, Path, description = "Id or alias of the language"), DraftParams,
        ("If-Match" = Option<String>, Header, pattern = "^(W/)?\"[0-9]{1,19}\"$", description = "The `ETag` of the revision that the text is based on: save only if it is still the newest"),
        ("If-None-Match" = Option<String>, Header, pattern = "^[*]$", description = "`*`: save only if there is no such draft")),
    request_body = DraftRequest,
    responses(
        (status = 200, description = "Saved", body = RevisionView, headers(("ETag" = String, description = "Names the revision"))),
        (status = 404, description = "The problem does not exist, or you may not see it", body = ErrorBody, content_type = "application/problem+json"),
        (status = 412, description = "Another device saved the draft in the meantime. Nothing was changed", body = ErrorBody, content_type = "application/problem+json"),
        (status = 422, description = "There is no such language, or the text is too large", body = ErrorBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn save(
    State(app): State<Shared>,
    caller: Caller,
    Path(language): Path<String>,
    Params(params): Params<DraftParams>,
    request: HeaderMap,
    body: SubmissionBody<DraftRequest>,
) -> Result<Response, ApiError> {
    let SubmissionBody { value, bytes, held: _held } = body;
    drop(bytes);
    let DraftRequest { text, begins_revision } = value;
    let expected = expected(&request)?;
    let place = place(language, params)?;
    let saved = app.core.save_draft(caller.viewer, place, text, expected, begins_revision).await.map_err(refusal)?;
    Ok(([(header::ETAG, tag(&saved)?)], Json(RevisionView::from(saved))).into_response())
}

/// Remove a draft with all its revisions.
#[utoipa::path(
    delete, path = "/drafts/{language_id}", tag = "problems", operation_id = "remove_draft",
    params(("language_id" = String, Path, description = "Id or alias of the language"), DraftParams),
    responses(
        (status = 204, description = "Removed"),
        (status = 404, description = "You have no such draft, or may not see the problem", body = ErrorBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn remove(
    State(app): State<Shared>,
    caller: Caller,
    Path(language): Path<String>,
    Params(params): Params<DraftParams>,
) -> Result<StatusCode, ApiError> {
    match app.core.remove_draft(caller.viewer, place(language, params)?).await.map_err(reading)? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(no_such_draft()),
    }
}

/// List the revisions of a draft.
#[utoipa::path(
    get, path = "/drafts/{language_id}/revisions", tag = "problems", operation_id = "draft_revisions",
    params(("language_id" = String, Path, description = "Id or alias of the language"), DraftParams),
    responses(
        (status = 200, description = "The revisions, none if you have no such draft", body = RevisionList),
        (status = 404, description = "You may not see the problem, or there is no such language", body = ErrorBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn revisions(
    State(app): State<Shared>,
    caller: Caller,
    Path(language): Path<String>,
    Params(params): Params<DraftParams>,
) -> Result<Json<RevisionList>, ApiError> {
    let found = app.core.draft_revisions(caller.viewer, place(language, params)?).await.map_err(reading)?;
    Ok(Json(RevisionList { revisions: found.into_iter().map(RevisionView::from).collect() }))
}

/// Get a revision of a draft.
///
/// While a revision is the newest, saves that continue it give it another number.
#[utoipa::path(
    get, path = "/drafts/{language_id}/revisions/{revision}", tag = "problems", operation_id = "draft_revision",
    params(("language_id" = String, Path, description = "Id or alias of the language"),
        ("revision" = u64, Path, description = "Number of the revision"), DraftParams),
    responses(
        (status = 200, description = "The revision", body = DraftView, headers(("ETag" = String, description = "Names the revision"))),
        (status = 404, description = "There is no such revision, or you may not see the problem", body = ErrorBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn revision(
    State(app): State<Shared>,
    caller: Caller,
    Path((language, number)): Path<(String, String)>,
    Params(params): Params<DraftParams>,
    request: HeaderMap,
) -> Result<Response, ApiError> {
    let number = number.parse().map_err(|_| no_such_draft())?;
    let found = app.core.draft(caller.viewer, place(language, params)?, Some(number)).await.map_err(reading)?;
    answer(found, &request)
}

fn place(language: String, DraftParams { problem }: DraftParams) -> Result<DraftPlace, ApiError> {
    let slug = problem.map(|slug| slug.parse().map_err(|_| ApiError::not_found("problem"))).transpose()?;
    Ok(DraftPlace { problem: slug.map(ProblemKey::Slug), language })
}

fn answer(found: Option<Draft>, request: &HeaderMap) -> Result<Response, ApiError> {
    let Draft { revision, text } = found.ok_or_else(no_such_draft)?;
    let tag = tag(&revision)?;
    if etag::is_known(request, &tag) {
        return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, tag)]).into_response());
    }
    let RevisionView { revision, saved_at, bytes: _ } = revision.into();
    Ok(([(header::ETAG, tag)], Json(DraftView { revision, saved_at, text })).into_response())
}

fn tag(revision: &Revision) -> Result<HeaderValue, ApiError> {
    HeaderValue::try_from(format!("\"{}\"", revision.number)).map_err(|error| ApiError::internal(&error))
}

/// The condition in the headers. A proxy that compresses makes a tag weak; the number in it is exact nevertheless.
fn expected(request: &HeaderMap) -> Result<Expected, ApiError> {
    let one = |name: HeaderName, form: &'static str| {
        let mut values = request.get_all(&name).iter();
        let value = values.next().map(|value| value.to_str().unwrap_or_default().trim());
        let wrong = move || ApiError::new(ErrorKind::InvalidHeader, format!("`{name}` must be {form}."));
        if values.next().is_some() { Err(wrong()) } else { Ok((value, wrong)) }
    };
    let (newest, wrong_tag) = one(header::IF_MATCH, "one `ETag` of this draft")?;
    let (nothing, wrong_star) = one(header::IF_NONE_MATCH, "`*`")?;
    match (newest, nothing) {
        (_, Some(other)) if other != "*" => Err(wrong_star()),
        (None, None) => Ok(Expected::Any),
        (None, Some(_)) => Ok(Expected::Nothing),
        // Both together never hold. Source: RFC 9110, section 13.2.2.
        (Some(_), Some(_)) => Err(refusal(DraftError::Changed)),
        (Some(tag), None) => {
            let tag = tag.strip_prefix("W/").unwrap_or(tag);
            let number = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"')).and_then(|tag| tag.parse().ok());
            number.map(Expected::Newest).ok_or_else(wrong_tag)
        }
    }
}

fn no_such_draft() -> ApiError {
    ApiError::not_found("draft of yours")
}

/// A refusal of a request whose language is only a name in the path.
fn reading(error: DraftError) -> ApiError {
    match error {
        DraftError::UnknownLanguage { detail } => ApiError::new(ErrorKind::NotFound, sentence(&detail)),
        error => refusal(error),
    }
}

fn refusal(error: DraftError) -> ApiError {
    match error {
        DraftError::NoProblem => ApiError::not_found("problem"),
        DraftError::UnknownLanguage { detail } => ApiError::new(ErrorKind::UnknownLanguage, sentence(&detail)),
        error @ DraftError::TooLarge { .. } => {
            let detail = sentence(&error.to_string());
            let field = FieldError::new("/text", detail.clone());
            ApiError::new(ErrorKind::SubmissionTooLarge, detail).with_errors(vec![field])
        }
        error @ DraftError::Changed => ApiError::new(
            ErrorKind::PreconditionFailed,
            format!("{} Read it again, and decide which text to keep.", sentence(&error.to_string())),
        ),
        DraftError::Store(error) => error.into(),
    }
}
