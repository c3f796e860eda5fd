//! The port to where unpacked packages lie.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use cupel_problem::{ImportError, Imported};
use cupel_types::{Bytes, ContentHash};

/// Packages by the hash of their content. What is there is whole and never changes.
///
/// All calls block: ask on a thread where that does no harm.
pub trait Packages: Send + Sync {
    /// Unpacks an archive or folder as if an enemy had made it, and keeps it. One that is there already stays as it is.
    ///
    /// # Errors
    /// [`ImportError::Refused`] with everything that is wrong with it, otherwise what failed on our side. Nothing has been
    /// kept then.
    fn import(&self, source: &Path) -> Result<Imported, ImportError>;

    /// A package that is here.
    ///
    /// # Errors
    /// When it is not, or not as it was.
    fn open(&self, hash: &ContentHash) -> Result<Arc<Imported>, PackagesError>;

    /// What a package takes on the disk.
    ///
    /// # Errors
    /// When it cannot be looked at.
    fn size(&self, hash: &ContentHash) -> Result<Bytes, PackagesError>;

    /// Removes a package. Call it while nothing is being imported.
    ///
    /// # Errors
    /// When it is there and cannot be removed.
    fn remove(&self, hash: &ContentHash) -> Result<(), PackagesError>;

    /// Somewhere to put an upload until it is imported, on the same disk. It is gone when the value is dropped.
    ///
    /// # Errors
    /// When no file can be made there.
    fn upload(&self) -> std::io::Result<tempfile::NamedTempFile>;

    /// Removes every package that is not among `wanted`, and what an interrupted import left. Call it while nothing is being
    /// imported. How many went.
    ///
    /// # Errors
    /// When the directory cannot be read or something cannot be removed.
    fn sweep(&self, wanted: &[ContentHash]) -> Result<u64, PackagesError>;
}

/// A package cannot be had. Our failure: nobody knows of a package that is not here.
#[derive(Debug, thiserror::Error)]
pub enum PackagesError {
    /// It is not here.
    #[error("package {0} is not here")]
    Missing(ContentHash),
    /// It is here, and not what it was.
    #[error(
        "package {hash} cannot be read any more; put the data directory back as it was, or import the package again"
    )]
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
}
