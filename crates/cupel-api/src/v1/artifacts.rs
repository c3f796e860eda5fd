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
use cupel_types::{Artifact, Omission, SubmissionId};
use serde::Serialize;
use utoipa::ToSchema;

use crate::etag::is_known;
use crate::v1::problems::{Raw, encoded};

/// Types that a browser shows. They contain no scripts and load no other resources.
const SHOWN: [&str; 4] = ["image/png", "image/jpeg", "image/gif", "image/webp"];

/// Source: Fetch standard, "Cross-Origin-Resource-Policy header".
const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// A file that the program left behind, and that matches a pattern of `artifacts`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "path": "plots/a.png", "size_bytes": 1204, "media_type": "image/png",
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "url": "/api/v1/submissions/0199a4e2-c5d0-7f3e-8a51-0d4b7c1f2e3a/artifacts/plots%2Fa.png"
}))]
pub(crate) struct ArtifactView {
    /// Path of the file in the working directory.
    path: String,
    /// Size of the file.
    size_bytes: u64,
    /// Media type, determined from the content and never from the name: `text/plain; charset=utf-8` for text in UTF-8,
    /// `application/octet-stream` if it is unknown. Absent if the content was omitted.
    #[serde(skip_serializing_if = "Option::is_none")]
    media_type: Option<String>,
    /// SHA-256 of the content, in hexadecimal digits. Absent if the content was omitted.
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
    /// URL of the content. Absent if the content was omitted.
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    /// Why the content was omitted. Absent if it was kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    omitted: Option<OmissionView>,
}

/// Why the content of a file was omitted.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OmissionView {
    /// The file is larger than 4 MiB.
    FileTooLarge,
    /// The file is larger than what earlier files left of the 8 MiB, or than what is left of the operator's maximum for
    /// the output of a run.
    NoRoom,
    /// 100 earlier files were kept.
    TooMany,
}

impl From<Omission> for OmissionView {
    fn from(why: Omission) -> OmissionView {
        match why {
            Omission::FileTooLarge => OmissionView::FileTooLarge,
            Omission::NoRoom => OmissionView::NoRoom,
            Omission::TooMany => OmissionView::TooMany,
        }
    }
}

impl ArtifactView {
    pub(crate) fn of(submission: SubmissionId, artifact: &Artifact) -> ArtifactView {
        let Artifact { path, size, content } = artifact;
        let kept = content.as_ref().ok();
        ArtifactView {
            path: path.to_string(),
            size_bytes: size.get(),
            media_type: kept.map(|content| content.media_type.clone()),
            sha256: kept.map(|content| content.hash.to_string()),
            url: kept.map(|_| format!("/api/v1/submissions/{submission}/artifacts/{}", encoded(path.as_str()))),
            omitted: content.as_ref().err().copied().map(OmissionView::from),
        }
    }
}

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
    let artifacts = attempted.record.report.map(|report| report.artifacts).unwrap_or_default();
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
