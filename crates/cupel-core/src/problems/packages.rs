//! The port to where unpacked packages lie, and when one that nobody names may be removed.
//!
//! Several nodes import and remove at the same time, and none of them holds a lock on the others. What keeps a package from
//! being removed while somebody is about to name it:
//!
//! - Every import keeps a *copy* of its own, under a name that no other has. So who removes a copy never removes one that was made
//!   after they looked.
//! - Only copies older than [`REMOVABLE_AFTER`] are removed, and the store is asked which packages are named *after* they were
//!   listed.
//! - Who names a package looks at a clock of their own once it is named ([`Packages::settle`]): where [`SETTLED_WITHIN`] has passed
//!   since the copy was made, it is made again. If less has passed, nobody can have found the copy old enough before it was named; a
//!   copy that is made again is younger than the name, so nobody who finds it can miss the name.
//!
//! So it does not matter who removes, how many at once, or how long a node stands still in between.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use cupel_package::{ImportError, Imported};
use cupel_types::{Bytes, ContentHash};
use uuid::Uuid;

use crate::blobs::BlobsError;

/// From what age on a copy of a package that nobody names is removed.
pub const REMOVABLE_AFTER: Duration = Duration::from_secs(60 * 60);

/// How long after a copy was made its package may be named without making it again. The other half of [`REMOVABLE_AFTER`] is for clocks
/// that go wrong.
pub const SETTLED_WITHIN: Duration = Duration::from_secs(30 * 60);

/// Packages by the hash of their content. What is there is whole and never changes.
///
/// All calls block: ask on a thread where that does no harm.
pub trait Packages: Send + Sync {
    /// Unpacks an archive or folder as if an enemy had made it, and keeps a copy that all nodes reach.
    ///
    /// # Errors
    /// [`TakeError::Import`] with everything that is wrong with it, otherwise what failed on our side. Nothing has been kept then.
    fn import(&self, source: &Path) -> Result<Taken, TakeError>;

    /// To be called when the store has it that a problem names what was taken: from then on it stays.
    ///
    /// # Errors
    /// When the copy had to be made again, and could not be.
    fn settle(&self, taken: &Taken) -> Result<(), PackagesError>;

    /// Removes what was taken and is not going to be named. `is_named`: something else names the package. Nobody in this process is
    /// importing.
    ///
    /// # Errors
    /// When it cannot be removed.
    fn discard(&self, taken: &Taken, is_named: bool) -> Result<(), PackagesError>;

    /// A package, fetched if need be. It stays on this machine for as long as the value lives.
    ///
    /// # Errors
    /// When it is not to be had, or not as it was.
    fn open(&self, hash: &ContentHash) -> Result<Arc<Imported>, PackagesError>;

    /// What a package takes on the disk.
    ///
    /// # Errors
    /// When it cannot be looked at.
    fn size(&self, hash: &ContentHash) -> Result<Bytes, PackagesError>;

    /// Copies that are old enough to be removed, of some packages or of all. Nobody in this process is importing.
    ///
    /// # Errors
    /// When they cannot be listed.
    fn removable(&self, of: Option<&[ContentHash]>) -> Result<Vec<Removable>, PackagesError>;

    /// Removes copies. Those that are gone already are passed over.
    ///
    /// # Errors
    /// When one cannot be removed.
    fn remove(&self, copies: &[PackageCopy]) -> Result<(), PackagesError>;

    /// Somewhere to put an upload until it is imported, on the same disk. It is gone when the value is dropped.
    ///
    /// # Errors
    /// When no file can be made there.
    fn upload(&self) -> std::io::Result<tempfile::NamedTempFile>;

    /// Removes what interrupted imports left on this machine: how many things. Called at a start, before anybody can import.
    ///
    /// # Errors
    /// When the directory cannot be read or something cannot be removed.
    fn tidy(&self) -> Result<u64, PackagesError>;
}

/// A package that was taken in and that the store does not name yet.
#[derive(Clone, Debug)]
pub struct Taken {
    /// It. On this machine for as long as the value lives.
    pub imported: Arc<Imported>,
    /// What was kept of it.
    pub copy: PackageCopy,
    /// No later than the copy was made.
    pub kept_at: Instant,
    /// Whether this import made the copy, and not an earlier one that was settled.
    pub is_own: bool,
}

/// One of the copies of a package.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PackageCopy {
    /// The package.
    pub hash: ContentHash,
    /// Which copy; nil where there is only one.
    pub id: Uuid,
}

/// A copy that may go if nobody names its package.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Removable {
    /// Which.
    pub copy: PackageCopy,
    /// Whether there is a newer one that is old enough to be relied on: then it may go in any case.
    pub is_spare: bool,
}

/// A package was not taken in.
#[derive(Debug, thiserror::Error)]
pub enum TakeError {
    /// It is at fault, or cannot be unpacked.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// It cannot be kept.
    #[error(transparent)]
    Packages(#[from] PackagesError),
}

/// A package cannot be had or kept. Our failure: nobody knows of a package that is not here.
#[derive(Debug, thiserror::Error)]
pub enum PackagesError {
    /// There is none.
    #[error("there is no package {0}")]
    Missing(ContentHash),
    /// It is here, and not what it was.
    #[error("package {hash} cannot be read any more; put back what it lay in as it was, or import the package again")]
    Damaged {
        /// Which.
        hash: ContentHash,
        /// How that shows.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The directory of all packages cannot be used.
    #[error("cannot {action} {path}", path = path.display())]
    Directory {
        /// What was being done, such as `list`.
        action: &'static str,
        /// With what.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// Where all nodes' packages lie cannot be used.
    #[error("packages cannot be had from or given to the other nodes")]
    Blobs(#[from] BlobsError),
}
