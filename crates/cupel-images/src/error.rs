//! Errors of the image store.

use std::io;
use std::path::{Path, PathBuf};

use cupel_types::ImageName;

use crate::SourceError;

/// Why an operation on images failed.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// The source is not valid.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The source cannot be read or is not an image.
    #[error("cannot read the image from {source_name}: {reason}")]
    Unreadable {
        /// The source.
        source_name: String,
        /// The reason.
        reason: String,
    },
    /// The image is refused. No part of it stays in the store.
    #[error("the image is refused: {part}: {reason}")]
    Refused {
        /// The part of the image, such as `layer 2 of 5 (sha256:…)`.
        part: String,
        /// The reason.
        reason: String,
    },
    /// The store has no image with this name.
    #[error("no image is named `{0}`; `cupel images list` shows the names")]
    Unknown(ImageName),
    /// The store has too little space for the image.
    #[error(
        "the image needs {needed} bytes beyond the bound of {bound} bytes for images (`images.disk_max`); remove images \
         that are not used (`cupel images remove`, `cupel images prune`) or raise the bound"
    )]
    Full {
        /// Bytes beyond the bound.
        needed: u64,
        /// The bound in bytes.
        bound: u64,
    },
    /// The existing root of the image is damaged.
    #[error(
        "the root of the image in the store is damaged at `{path}`; remove the image under all its names \
         (`cupel images remove`), and add it again"
    )]
    Damaged {
        /// The first damaged path, as programs see it.
        path: String,
    },
    /// The registry or engine failed, or did not answer in time.
    #[error("{remote} {reason}")]
    Remote {
        /// The registry or engine.
        remote: String,
        /// What happened.
        reason: String,
    },
    /// An operation on a file of the store failed.
    #[error("cannot {action} {}", crate::beneath::shown(path))]
    Io {
        /// The operation.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
}

impl ImageError {
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> ImageError {
        let path = path.to_owned();
        move |source| ImageError::Io { action, path, source }
    }

    pub(crate) fn refused(part: impl Into<String>, reason: impl Into<String>) -> ImageError {
        let escaped = |text: String| crate::beneath::escaped(&text);
        ImageError::Refused { part: escaped(part.into()), reason: escaped(reason.into()) }
    }

    /// A failure of a registry or engine. `reason` may contain parts of its response.
    pub(crate) fn remote(remote: impl Into<String>, reason: &str) -> ImageError {
        ImageError::Remote { remote: remote.into(), reason: crate::beneath::escaped(reason) }
    }
}
