//! `/submissions/{id}/artifacts`: the files that a program left behind.
//!
//! A user's program wrote the content, so a browser must neither execute it nor guess its type. Therefore, only
//! pictures of four types are shown, and every response has a content security policy that forbids everything.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use cupel_http::app::Shared;
use cupel_http::caller::Caller;
use cupel_http::error::{ApiError, ErrorBody};
use cupel_http::large_answer;
use cupel_types::SubmissionId;

use crate::etag::is_known;
use crate::v1::problems::Raw;
use crate::v1::response::path::encoded;

/// Types that a browser shows. They contain no scripts and load no other resources.
const SHOWN: [&str; 4] = ["image/png", "image/jpeg", "image/gif", "image/webp"];

/// Source: Fetch standard, "Cross-Origin-Resource-Policy header".
const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// Get a file that a program left behind.
///
/// A browser shows pictures (PNG, JPEG, GIF and WebP) and downloads all other files. `ETag` is the SHA-256 of the
/// content.
#[utoipa::path(
    get, path = "/submissions/{submission_id}/artifacts/{path}", tag = "submissions", operation_id = "artifact",
    params(
        ("submission_id" = String, Path, description = "The submission's id", format = Uuid),
        ("path" = String, Path, description = "Path of the file, as in its `url`: `/` is `%2F`"),
        ("If-None-Match" = Option<String>, Header, description = "Entity tag that the client has"),
    ),
    responses(
        (status = 200, description = "The file, with its own media type; `application/octet-stream` stands for any", body = Raw, content_type = "application/octet-stream"),
        (status = 304, description = "The client has the file"),
        (status = 404, description = "The file does not exist or was omitted, or you may not see the submission", body = ErrorBody, content_type = "application/problem+json"),
        (status = 429, description = "You have too many large responses open", body = ErrorBody, content_type = "application/problem+json"),
        (status = 503, description = "The store cannot be reached, or too many large responses are open", body = ErrorBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn artifact(
    State(app): State<Shared>,
    caller: Caller,
    Path((id, path)): Path<(String, String)>,
    request: HeaderMap,
) -> Result<Response, ApiError> {
    let id = id.parse::<SubmissionId>().map_err(|_| ApiError::not_found("submission"))?;
    let attempted = app.core.attempted(&caller.viewer, id).await?.ok_or_else(|| ApiError::not_found("submission"))?;
    let artifacts = attempted.into_record().report.map(|report| report.artifacts).unwrap_or_default();
    let found = artifacts.files.into_iter().find(|artifact| artifact.path.as_str() == path);
    let content = found.and_then(|artifact| artifact.content.ok()).ok_or_else(|| ApiError::not_found("file"))?;

    let tag = HeaderValue::try_from(format!("\"{}\"", content.hash)).map_err(|error| ApiError::internal(&error))?;
    let mut response = if is_known(&request, &tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let is_shown = SHOWN.contains(&content.media_type.as_str());
        let how = if is_shown { "inline" } else { "attachment" };
        let name = encoded(path.rsplit('/').next().unwrap_or(&path));
        let disposition = HeaderValue::try_from(format!("{how}; filename*=UTF-8''{name}"));
        let media_type = HeaderValue::try_from(&content.media_type);
        let mut response = large_answer::bytes(&app, caller.user, content.data).await?;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, media_type.map_err(|error| ApiError::internal(&error))?);
        headers.insert(header::CONTENT_DISPOSITION, disposition.map_err(|error| ApiError::internal(&error))?);
        response
    };
    let headers = response.headers_mut();
    headers.insert(header::ETAG, tag);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    let policy = "default-src 'none'; sandbox; frame-ancestors 'none'";
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    headers.insert(CROSS_ORIGIN_RESOURCE_POLICY, HeaderValue::from_static("same-origin"));
    Ok(response)
}
