//! Locks of the imports and of the reads of packages in this process.

use std::sync::Arc;

use cupel_package::Imported;
use cupel_types::ContentHash;
use tokio::sync::Semaphore;

use crate::PerKey;

/// Maximum number of packages that are read concurrently for requests.
const READ_AT_ONCE: usize = 4;

/// Locks of this process's imports.
#[derive(Debug, Default)]
pub(crate) struct Imports {
    /// Read-locked by each import; write-locked by the removal of packages, which excludes imports in this process.
    pub(super) all: tokio::sync::RwLock<()>,
    /// Held from reading an author's usage until the new package is recorded, so that concurrent imports cannot exceed
    /// the bound.
    pub(super) turn: tokio::sync::Mutex<()>,
    pub(super) opening: Opening,
}

/// Packages that requests wait for. A package may have gigabytes of files, and all of them are read when it is opened.
#[derive(Debug)]
pub(super) struct Opening {
    places: PerKey<ContentHash, OpeningSlot>,
    /// Allows [`READ_AT_ONCE`] reads.
    pub(super) reading: Arc<Semaphore>,
}

/// The holder of the lock reads the package for all callers, each of whom has another reference.
pub(super) type OpeningSlot = tokio::sync::Mutex<Option<Arc<Imported>>>;

impl Default for Opening {
    fn default() -> Opening {
        Opening { places: PerKey::default(), reading: Arc::new(Semaphore::new(READ_AT_ONCE)) }
    }
}

impl Opening {
    /// The place of a package, which has its value as long as a caller has the place.
    pub(super) fn place(&self, hash: ContentHash) -> Arc<OpeningSlot> {
        self.places.get_or_make(hash, OpeningSlot::default)
    }
}
