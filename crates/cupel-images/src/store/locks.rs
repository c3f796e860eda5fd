//! Locks between the processes that use one store, and the locked directories for incomplete files.
//!
//! The locks are on files (flock(2)), so they end with their process:
//!
//! * `store` is held shared while an image is verified, and while an image is added, from before the search for known
//!   layers until the image has its name. It is held exclusively while layers and roots are removed;
//! * `index` is held while the index is replaced;
//! * `incoming` is held while a directory is created in it, and while it is searched for abandoned directories;
//! * `root-ID` is held shared by a process that runs programs in that root ([`ImageStore::hold`]), so that a root in
//!   use is not removed.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use cupel_types::ContentHash;
use tempfile::TempDir;

use super::{ImageStore, remove_tree};
use crate::error::ImageError;

/// A directory of [`ImageStore::incoming`], which is removed when this value is dropped.
pub(super) struct Incoming {
    pub(super) directory: TempDir,
    _lock: File,
}

/// Keeps a root while it is in use.
#[derive(Debug)]
pub struct RootInUse {
    path: PathBuf,
    _lock: File,
}

impl RootInUse {
    /// The directory that programs see as `/`.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl ImageStore {
    /// Keeps the root of an image until the result is dropped.
    ///
    /// # Errors
    /// The store has no such root.
    pub fn hold(&self, id: &ContentHash) -> Result<RootInUse, ImageError> {
        let path = self.root(id);
        let lock = self.lock_file(&format!("root-{id}"))?;
        lock.lock_shared().map_err(ImageError::io("lock", &path))?;
        std::fs::metadata(&path).map_err(ImageError::io("open", &path))?;
        Ok(RootInUse { path, _lock: lock })
    }

    /// Creates a directory for incomplete files. It is locked until the value is dropped.
    pub(super) fn incoming(&self) -> Result<Incoming, ImageError> {
        let _lock = self.lock("incoming")?;
        let path = self.directory.join("incoming");
        let directory = TempDir::new_in(&path).map_err(ImageError::io("create a directory in", &path))?;
        let lock = File::open(directory.path()).map_err(ImageError::io("open", directory.path()))?;
        lock.try_lock().map_err(|error| ImageError::io("lock", directory.path())(error.into()))?;
        Ok(Incoming { directory, _lock: lock })
    }

    /// Removes the directories of interrupted additions, which no process has locked.
    pub(super) fn remove_abandoned(&self) -> Result<(), ImageError> {
        let _lock = self.lock("incoming")?;
        let path = self.directory.join("incoming");
        for entry in std::fs::read_dir(&path).map_err(ImageError::io("read", &path))? {
            let path = entry.map_err(ImageError::io("read", &path))?.path();
            if File::open(&path).is_ok_and(|directory| directory.try_lock().is_ok())
                && let Err(error) = remove_tree(&path)
            {
                // The directory only wastes space. The next operation tries again to remove it.
                tracing::warn!(path = %path.display(), %error, "cannot remove the files of an interrupted addition");
            }
        }
        Ok(())
    }

    pub(super) fn lock_file(&self, name: &str) -> Result<File, ImageError> {
        let path = self.directory.join("locks").join(name);
        match File::options().create(true).append(true).open(&path) {
            // A process without write access to the store can also hold its roots.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => File::open(&path),
            other => other,
        }
        .map_err(ImageError::io("open", &path))
    }

    pub(super) fn lock(&self, name: &str) -> Result<File, ImageError> {
        let file = self.lock_file(name)?;
        file.lock().map_err(ImageError::io("lock", &self.directory))?;
        Ok(file)
    }

    pub(super) fn lock_shared(&self, name: &str) -> Result<File, ImageError> {
        let file = self.lock_file(name)?;
        file.lock_shared().map_err(ImageError::io("lock", &self.directory))?;
        Ok(file)
    }
}
