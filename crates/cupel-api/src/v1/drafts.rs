//! `/drafts`: the texts of a user's editors, with earlier revisions.

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
    /// The problem's slug. If it is missing, the draft belongs to the playground.
    #[serde(default)]
    problem: Option<String>,
}

/// A text to save.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "text": "print(int(input()) * 2)\n" }))]
pub(crate) struct DraftRequest {
    /// The text. Its maximum size is that of a submission's source.
    text: String,
    /// Whether this save starts a new revision, even if it would otherwise change the newest one. The previous revision
    /// then stays in the history. A save of a text that is already saved starts none.
    #[serde(default)]
    begins_revision: bool,
}

/// A revision of a draft.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RevisionView {
    /// Number of the revision, which is also the `ETag`. Later revisions of a draft have higher numbers.
    #[schema(example = 1_790_000_000_000_000_u64)]
    revision: u64,
    /// Time at which the revision was last saved (RFC 3339).
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
    /// Number of the revision, which is also the `ETag`. Later revisions of a draft have higher numbers.
    #[schema(example = 1_790_000_000_000_000_u64)]
    revision: u64,
    /// Time at which the revision was last saved (RFC 3339).
    #[schema(format = DateTime)]
    saved_at: String,
    /// The text.
    text: String,
}

/// The revisions of a draft.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RevisionList {
    /// The revisions, newest first. The operator sets how many revisions of a draft are stored.
    revisions: Vec<RevisionView>,
}

/// Get a draft.
///
/// Only you can read your drafts. The `ETag` names the revision. If you send it as `If-None-Match`, the response is 304
/// without a body as long as the draft has not changed. If you lose access to the problem, you cannot read its draft,
/// but the draft is kept.
#[utoipa::path(
    get, path = "/drafts/{language_id}", tag = "problems", operation_id = "draft",
    params(("language_id" = String, Path, description = "Id or alias of the language"), DraftParams),
    responses(
        (status = 200, description = "The newest revision", body = DraftView, headers(("ETag" = String, description = "Names the revision"))),
        (status = 304, description = "`If-None-Match` names the newest revision"),
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
/// A save changes the newest revision if that revision was started less than five minutes ago. Otherwise, the save
/// starts a new revision, and the previous revision stays in the history. A save also starts a new revision if it has
/// no `If-Match`, if `begins_revision` is true, or if the text has become shorter by more than half. A save can be
/// repeated safely: if the text is already saved, the conditions in the headers are ignored.
#[utoipa::path(
    put, path = "/drafts/{language_id}", tag = "problems", operation_id = "save_draft",
    params(("language_id" = String, Path, description = "Id or alias of the language"), DraftParams,
        ("If-Match" = Option<String>, Header, pattern = "^(W/)?\"[0-9]{1,19}\"$", description = "The `ETag` of the revision on which the text is based. The text is saved only if that revision is still the newest"),
        ("If-None-Match" = Option<String>, Header, pattern = "^[*]$", description = "With `*`, the text is saved only if the draft does not exist yet")),
    request_body = DraftRequest,
    responses(
        (status = 200, description = "Saved", body = RevisionView, headers(("ETag" = String, description = "Names the revision"))),
        (status = 404, description = "The problem does not exist, or you may not see it", body = ErrorBody, content_type = "application/problem+json"),
        (status = 412, description = "The condition in `If-Match` or `If-None-Match` is not met: the draft was changed, created or removed in the meantime, or the request has both headers. Nothing was changed", body = ErrorBody, content_type = "application/problem+json"),
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
        (status = 200, description = "The revisions. The list is empty if you have no such draft", body = RevisionList),
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
/// A save that changes the newest revision also gives it a new number.
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

/// The condition in the headers. A weak tag is accepted, because a proxy that compresses responses makes tags weak and
/// keeps their numbers.
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
        // The two conditions contradict each other. Source: RFC 9110, section 13.2.2.
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

/// Error of a read or a removal. For an unknown language in the path, the response is 404.
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
            format!("{} Get the draft again, and decide which text to keep.", sentence(&error.to_string())),
        ),
        DraftError::Store(error) => error.into(),
    }
}
