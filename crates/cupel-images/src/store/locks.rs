//! Locks between the processes that use one store, and the locked directories for incomplete files.
//!
//! The locks are on files (flock(2)), so they end with their process:
//!
//! * `store` is held shared while an image is verified, and while an image is added, from before the search for known
//!   layers until the image has its name. It is held exclusively while layers and roots are removed;
//! * `index` is held while the index is replaced;
//! * `incoming` is held while a directory is created in it, and while it is searched for abandoned directories;
//! * `root-ID` is held shared by a process that runs programs in that root ([`ImageStore::hold`]), so that a root in
//!   use is not removed. It is created before the root gets its name.
//!
//! A process may hold a lock if it can read the store, whoever created the file: root, the server's user, or a build
//! step of a worker's container image, each with any umask.

use std::fs::{File, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use cupel_types::ContentHash;
use tempfile::{NamedTempFile, TempDir};

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
    /// `None` if the file system is read-only, so that no process can remove the root.
    _lock: Option<File>,
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
        let lock = match self.lock_file(&root_lock(id)) {
            Ok(lock) => {
                lock.lock_shared().map_err(ImageError::io("lock", &path))?;
                Some(lock)
            }
            // An earlier version of Cupel added the image, and did not create the file.
            Err(ImageError::Io { source, .. }) if source.kind() == io::ErrorKind::ReadOnlyFilesystem => None,
            Err(other) => return Err(other),
        };
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

    /// Opens the file of a lock, which is created if it does not exist. Without write access, it is opened for reading.
    pub(super) fn lock_file(&self, name: &str) -> Result<File, ImageError> {
        let locks = self.directory.join("locks");
        let path = locks.join(name);
        let open = || match File::options().read(true).append(true).open(&path) {
            Err(error) if is_not_writable(&error) => File::open(&path),
            other => other,
        };
        let opened = match open() {
            Ok(file) => {
                self.make_readable(&file);
                Ok(file)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                match self.new_file(&locks).and_then(|file| Ok(file.persist_noclobber(&path)?)) {
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => open(),
                    other => other,
                }
            }
            // Root created the file with an earlier version of Cupel, which left its mode to the umask.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                self.new_file(&locks).and_then(|file| Ok(file.persist(&path)?))
            }
            Err(other) => Err(other),
        };
        opened.map_err(ImageError::io("open", &path))
    }

    /// Creates a file in a directory of the store, with a temporary name. Every process that can reach the store may
    /// read it.
    pub(super) fn new_file(&self, directory: &Path) -> io::Result<NamedTempFile> {
        let file = NamedTempFile::new_in(directory)?;
        self.make_readable(file.as_file());
        Ok(file)
    }

    /// Lets every process read a file of the store, and gives a file that root has created to the store's owner. The
    /// mode is set explicitly, because the umask of this process may be stricter.
    fn make_readable(&self, file: &File) {
        let (Ok(meta), Ok(store)) = (file.metadata(), std::fs::metadata(&self.directory)) else { return };
        let user = rustix::process::geteuid().as_raw();
        // A failure is left to the process that cannot read the file.
        if meta.mode() & 0o444 != 0o444 && meta.uid() == user {
            let _ = file.set_permissions(Permissions::from_mode(0o644));
        }
        if user == 0 && meta.uid() == 0 && store.uid() != 0 {
            let _ = fchown(file, Some(store.uid()), Some(store.gid()));
        }
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

/// Name of the lock of a root.
pub(super) fn root_lock(id: &ContentHash) -> String {
    format!("root-{id}")
}

/// Whether a file could not be opened for writing, but perhaps for reading.
fn is_not_writable(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem)
}
