//! Container images of a node, as administrators manage them through the API.

use std::sync::Arc;

use async_trait::async_trait;
use cupel_types::ImageName;
use jiff::Timestamp;

use crate::Core;

/// The container images of this node.
#[async_trait]
pub trait Images: Send + Sync {
    /// The images, and the additions that have not ended, in the order of their names.
    async fn list(&self) -> Result<Vec<ImageEntry>, ImagesError>;

    /// Starts to add an image from a registry. [`Images::list`] shows the progress. `source` is written as for `cupel
    /// images add`.
    async fn begin_to_add(&self, name: ImageName, source: &str) -> Result<(), ImagesError>;

    /// Removes an image, or the record of an addition that failed.
    async fn remove(&self, name: &ImageName) -> Result<(), ImagesError>;
}

/// An image, or an image that is being added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageEntry {
    /// Name of the image.
    pub name: ImageName,
    /// Reference or file from which the image was added.
    pub source: String,
    /// State of the image.
    pub state: ImageState,
}

/// State of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImageState {
    /// The image is being added.
    Adding,
    /// The image could not be added.
    Failed {
        /// Human-readable reason.
        reason: String,
    },
    /// Languages can use it.
    Ready {
        /// `sha256:` and 64 hexadecimal digits.
        digest: String,
        /// Bytes of the files of all layers.
        bytes: u64,
        /// Number of layers.
        layers: usize,
        /// Time at which the image was added.
        added_at: Timestamp,
    },
}

/// Why an operation on images is refused or fails.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImagesError {
    /// There is no such image.
    #[error("there is no image `{0}`")]
    Unknown(ImageName),
    /// A request may not name this source.
    #[error("{0}")]
    BadSource(String),
    /// Too many images are being added, or an image with this name is being added.
    #[error("{0}")]
    Busy(String),
    /// The node's disk or store failed.
    #[error("{0}")]
    Failed(String),
}

impl Core {
    /// Makes the images of this node available to administrators. Later calls have no effect.
    #[must_use]
    pub fn with_images(self, images: Arc<dyn Images>) -> Core {
        let _ = self.inner.images.set(images);
        self
    }

    /// The images of this node; `None` if it runs no programs.
    pub fn images(&self) -> Option<&Arc<dyn Images>> {
        self.inner.images.get()
    }
}
