//! The directory that a program sees as `/`.

use std::sync::Arc;

use crate::ContentHash;

/// The directory that a program sees as `/`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Root {
    /// The toolchains of the machine.
    #[default]
    System,
    /// The files of a container image.
    Image(Arc<ImageRoot>),
    /// A container image of Docker Engine, in a separate container.
    Docker(Arc<ImageRoot>),
}

/// The files of a container image, and the settings with which its programs start.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ImageRoot {
    /// Hash of the image's configuration, which contains the digests of its layers.
    pub id: ContentHash,
    /// Directories that are searched for programs: the image's `PATH`.
    pub search: Vec<String>,
    /// User id of programs; not 0.
    pub uid: u32,
}

impl Root {
    /// The image, if the root is one of the native sandbox.
    pub fn image(&self) -> Option<&Arc<ImageRoot>> {
        match self {
            Root::System | Root::Docker(_) => None,
            Root::Image(image) => Some(image),
        }
    }

    /// The image, if programs run in Docker Engine.
    pub fn docker(&self) -> Option<&Arc<ImageRoot>> {
        match self {
            Root::System | Root::Image(_) => None,
            Root::Docker(image) => Some(image),
        }
    }
}
