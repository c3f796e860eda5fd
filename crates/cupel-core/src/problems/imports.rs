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
    pub(super) reads: Reads,
}

/// Reads of packages for requests. A package may have gigabytes of files, and all of them are read when it is opened.
#[derive(Debug)]
pub(super) struct Reads {
    shared: PerKey<ContentHash, SharedRead>,
    /// Has [`READ_AT_ONCE`] permits.
    pub(super) permits: Arc<Semaphore>,
}

/// The result of a read that concurrent requests share; `None` until the package was read. The request that holds the
/// lock reads the package.
pub(super) type SharedRead = tokio::sync::Mutex<Option<Arc<Imported>>>;

impl Default for Reads {
    fn default() -> Reads {
        Reads { shared: PerKey::default(), permits: Arc::new(Semaphore::new(READ_AT_ONCE)) }
    }
}

impl Reads {
    /// The read of a package that its concurrent requests share.
    pub(super) fn of(&self, hash: ContentHash) -> Arc<SharedRead> {
        self.shared.get_or_make(hash, SharedRead::default)
    }
}
