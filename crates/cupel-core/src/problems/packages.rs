//! The port for unpacked packages, and the rules by which an unnamed package may be removed.
//!
//! A package is *named* if a version of a problem in the store refers to it. Several nodes import and remove packages
//! concurrently, without locks between nodes. These rules prevent the removal of a package that another node is about
//! to name:
//!
//! - Every import makes its own *copy*, under a unique name. So the removal of a copy never affects a copy that was
//!   made after the listing.
//! - Only copies older than [`REMOVABLE_AFTER`] are removed, and the store is queried for the named packages *after*
//!   the copies were listed.
//! - A node that names a package then checks its own clock ([`Packages::settle`]). If [`SETTLED_WITHIN`] has passed
//!   since the copy was made, the node makes the copy again. If less time has passed, the copy was too young to be
//!   removed before it was named. A copy that is made again is newer than the name in the store, so any node that lists
//!   the copy also finds the name.
//!
//! So any number of nodes may remove packages at once, and a node may stall for any time in between.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use cupel_package::{ImportError, Imported};
use cupel_types::{Bytes, ContentHash};
use uuid::Uuid;

use crate::blobs::BlobsError;

/// Age from which a copy of an unnamed package is removed.
pub const REMOVABLE_AFTER: Duration = Duration::from_secs(60 * 60);

/// Time after the creation of a copy within which its package may be named without making the copy again. The other
/// half of [`REMOVABLE_AFTER`] is a margin for clock errors.
pub const SETTLED_WITHIN: Duration = Duration::from_secs(30 * 60);

/// Packages by the hash of their content. A stored package is complete and never changes.
///
/// All calls but [`Packages::opened`] block: call them on a thread that may block.
pub trait Packages: Send + Sync {
    /// Unpacks an untrusted archive or folder, and stores a copy that all nodes can read.
    ///
    /// # Errors
    /// [`TakeError::Import`] with all faults of the package, or a failure of Cupel. In either case, nothing is stored.
    fn import(&self, source: &Path) -> Result<Taken, TakeError>;

    /// Call this once the store has recorded a version that names the taken package. From then on the copy is kept.
    ///
    /// # Errors
    /// If the copy had to be made again and could not.
    fn settle(&self, taken: &Taken) -> Result<(), PackagesError>;

    /// Removes a taken package that will not be named. `is_named`: the package is named elsewhere. No import runs in
    /// this process during the call.
    ///
    /// # Errors
    /// If the package cannot be removed.
    fn discard(&self, taken: &Taken, is_named: bool) -> Result<(), PackagesError>;

    /// A package that is in memory. Reads no file's content, so it does not block for long.
    fn opened(&self, hash: &ContentHash) -> Option<Arc<Imported>>;

    /// A package, fetched if necessary. It stays on this machine while the value is alive.
    ///
    /// # Errors
    /// If the package is missing, unreachable or damaged.
    fn open(&self, hash: &ContentHash) -> Result<Arc<Imported>, PackagesError>;

    /// Whether a package is on this machine, or can be fetched.
    ///
    /// # Errors
    /// If this cannot be determined.
    fn exists(&self, hash: &ContentHash) -> Result<bool, PackagesError>;

    /// Those of the packages that are neither on this machine nor can be fetched.
    ///
    /// # Errors
    /// If this cannot be determined.
    fn missing(&self, of: &[ContentHash]) -> Result<Vec<ContentHash>, PackagesError>;

    /// Disk space used by a package.
    ///
    /// # Errors
    /// If the package cannot be read.
    fn size(&self, hash: &ContentHash) -> Result<Bytes, PackagesError>;

    /// Copies that are old enough to be removed, of some packages or of all. No import runs in this process during the
    /// call.
    ///
    /// # Errors
    /// If the copies cannot be listed.
    fn removable(&self, of: Option<&[ContentHash]>) -> Result<Vec<Removable>, PackagesError>;

    /// Removes copies. Those already removed are skipped.
    ///
    /// # Errors
    /// If a copy cannot be removed.
    fn remove(&self, copies: &[PackageCopy]) -> Result<(), PackagesError>;

    /// A temporary file for an upload, on the file system of the packages. It is deleted when the value is dropped.
    ///
    /// # Errors
    /// If the file cannot be created.
    fn upload(&self) -> std::io::Result<tempfile::NamedTempFile>;

    /// Removes leftovers of interrupted imports from this machine; returns their number. Called at start, before any
    /// import.
    ///
    /// # Errors
    /// If the directory cannot be read or an entry cannot be removed.
    fn tidy(&self) -> Result<u64, PackagesError>;
}

/// A package that was imported but is not named in the store yet.
#[derive(Clone, Debug)]
pub struct Taken {
    /// The package, on this machine while the value is alive.
    pub imported: Arc<Imported>,
    /// The stored copy.
    pub copy: PackageCopy,
    /// A time at or before the creation of the copy.
    pub kept_at: Instant,
    /// Whether this import made the copy; `false` if the copy is from an earlier import that was settled.
    pub is_own: bool,
}

/// A copy of a package.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PackageCopy {
    /// The package.
    pub hash: ContentHash,
    /// Id of the copy; nil if there is only one.
    pub id: Uuid,
}

/// A copy that may be removed if no problem names its package.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Removable {
    /// The copy.
    pub copy: PackageCopy,
    /// Whether a newer copy is old enough to rely on. If so, this copy may be removed even if its package is named.
    pub is_spare: bool,
}

/// How many packages the store names, and how many of them this process cannot open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PackageCount {
    /// Packages that a version of a problem names.
    pub named: usize,
    /// Those that are missing.
    pub missing: usize,
}

/// A package was not imported.
#[derive(Debug, thiserror::Error)]
pub enum TakeError {
    /// The package has faults, or cannot be unpacked.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// The package cannot be stored.
    #[error(transparent)]
    Packages(#[from] PackagesError),
}

/// A package cannot be read or stored. This is a failure of Cupel, because no caller has the hash of a package that was
/// never stored.
#[derive(Debug, thiserror::Error)]
pub enum PackagesError {
    /// The package is missing.
    #[error("there is no package {0}")]
    Missing(ContentHash),
    /// The package is damaged.
    #[error("package {hash} cannot be read any more; restore its files from a backup, or import the package again")]
    Damaged {
        /// The hash.
        hash: ContentHash,
        /// The symptom.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The packages directory is unusable.
    #[error("cannot {action} {path}", path = path.display())]
    Directory {
        /// The failed action, such as `list`.
        action: &'static str,
        /// The path.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// The shared package storage of all nodes is unusable.
    #[error("packages cannot be exchanged with the other nodes")]
    Blobs(#[from] BlobsError),
}
