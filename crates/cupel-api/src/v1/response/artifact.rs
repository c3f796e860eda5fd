//! A file that a program left behind, without its content.

use cupel_types::{Artifact, Omission, SubmissionId};
use serde::Serialize;
use utoipa::ToSchema;

use super::path::encoded;

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
