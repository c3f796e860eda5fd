//! Container images of a node, as administrators manage them through the API.

use std::sync::Arc;

use async_trait::async_trait;
use cupel_types::{ContentHash, ImageName};
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

    /// Describes an image, with the result of its last verification.
    async fn describe(&self, name: &ImageName) -> Result<(ImageDescription, Option<Verification>), ImagesError>;

    /// Starts to check whether the unpacked files of an image have changed. [`Images::describe`] has the result.
    async fn begin_to_verify(&self, name: ImageName) -> Result<(), ImagesError>;

    /// Removes layers and unpacked images that no name needs.
    async fn prune(&self) -> Result<Pruned, ImagesError>;

    /// Removes an image, and the record of an addition to its name that failed.
    async fn remove(&self, name: &ImageName) -> Result<(), ImagesError>;
}

/// The name of an image: an image that languages can use, an addition under this name, or both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageEntry {
    /// Name of the image.
    pub name: ImageName,
    /// The image that languages can use. It remains until an addition under the same name has succeeded.
    pub ready: Option<ReadyImage>,
    /// The addition that has not ended, or has failed.
    pub addition: Option<Addition>,
}

/// An image that languages can use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadyImage {
    /// Reference or file from which the image was added.
    pub source: String,
    /// `sha256:` and 64 hexadecimal digits.
    pub digest: String,
    /// Bytes of the files of all layers.
    pub bytes: u64,
    /// Number of layers.
    pub layers: usize,
    /// Time at which the image was added.
    pub added_at: Timestamp,
}

/// An addition that has not ended, or has failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addition {
    /// Reference or file from which the image is added.
    pub source: String,
    /// Human-readable reason of the failure; `None` until the addition has ended.
    pub failure: Option<String>,
}

/// What an image consists of, and how its programs run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageDescription {
    /// Name of the image.
    pub name: ImageName,
    /// Reference or file from which the image was added.
    pub source: String,
    /// Hash of its configuration.
    pub id: ContentHash,
    /// Hash of its manifest; `None` for an archive without one.
    pub digest: Option<ContentHash>,
    /// Architecture, as the image names it.
    pub architecture: String,
    /// Hashes of the uncompressed archives of its layers, from the lowest to the highest.
    pub layers: Vec<ContentHash>,
    /// Bytes of the files of all layers.
    pub bytes: u64,
    /// Number of entries in its root file system.
    pub entries: u64,
    /// Number of devices, pipes and sockets that were omitted.
    pub left_out: u64,
    /// Number of files whose set-user-id or set-group-id bits or capabilities were dropped.
    pub privileges_dropped: u64,
    /// Environment of its programs.
    pub env: Vec<(String, String)>,
    /// Its `WORKDIR`.
    pub working_directory: Option<String>,
    /// Its `USER`.
    pub user: Option<String>,
    /// User id of its programs; never 0.
    pub uid: u32,
    /// Time at which the image was added.
    pub added_at: Timestamp,
}

/// State of the verification of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verification {
    /// The files are being compared.
    Running,
    /// The files were compared.
    Ended {
        /// End of the verification.
        at: Timestamp,
        /// Paths of files that are damaged, missing or new. Empty if the image is unchanged.
        damaged: Vec<String>,
    },
    /// The files could not be compared.
    Failed {
        /// End of the verification.
        at: Timestamp,
        /// Human-readable reason.
        reason: String,
    },
}

/// What [`Images::prune`] has removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pruned {
    /// Number of removed unpacked images.
    pub roots: usize,
    /// Number of removed layers.
    pub layers: usize,
    /// Number of unpacked images that programs still use. A later call removes them.
    pub in_use: usize,
    /// Whether nothing was removed because an image was being added or verified. A later call removes it.
    pub deferred: bool,
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
    /// Too many images are being added or verified, or an operation on this image has not ended.
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

    /// The use cases for the images of this node; `None` if it runs no programs.
    pub fn images(&self) -> Option<NodeImages> {
        self.inner.images.get().cloned().map(NodeImages)
    }
}

/// The use cases for the images of this node.
pub struct NodeImages(Arc<dyn Images>);

impl NodeImages {
    /// The images, and the additions that have not ended, in the order of their names.
    ///
    /// # Errors
    /// [`ImagesError`], as for all use cases of images.
    pub async fn list(&self) -> Result<Vec<ImageEntry>, ImagesError> {
        self.0.list().await
    }

    /// Starts to add an image from a registry, and returns the state of its name. A ready image of this name stays
    /// usable until the addition has succeeded. `source` is written as for `cupel images add`.
    ///
    /// # Errors
    /// [`ImagesError`].
    pub async fn add(&self, name: ImageName, source: String) -> Result<ImageEntry, ImagesError> {
        self.0.begin_to_add(name.clone(), &source).await?;
        // The addition may have failed already, and its record may have been removed.
        let listed = self.0.list().await?.into_iter().find(|entry| entry.name == name);
        let addition = Addition { source, failure: None };
        Ok(listed.unwrap_or(ImageEntry { name, ready: None, addition: Some(addition) }))
    }

    /// Describes an image, with the result of its last verification.
    ///
    /// # Errors
    /// [`ImagesError`].
    pub async fn describe(&self, name: &ImageName) -> Result<(ImageDescription, Option<Verification>), ImagesError> {
        self.0.describe(name).await
    }

    /// Starts to check whether the unpacked files of an image have changed, and describes the image.
    ///
    /// # Errors
    /// [`ImagesError`].
    pub async fn verify(&self, name: ImageName) -> Result<(ImageDescription, Option<Verification>), ImagesError> {
        self.0.begin_to_verify(name.clone()).await?;
        self.0.describe(&name).await
    }

    /// Removes layers and unpacked images that no name needs.
    ///
    /// # Errors
    /// [`ImagesError`].
    pub async fn prune(&self) -> Result<Pruned, ImagesError> {
        self.0.prune().await
    }

    /// Removes an image, and the record of an addition to its name that failed.
    ///
    /// # Errors
    /// [`ImagesError`].
    pub async fn remove(&self, name: &ImageName) -> Result<(), ImagesError> {
        self.0.remove(name).await
    }
}
