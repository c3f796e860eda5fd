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
//! Every process that can read the store can hold its locks, regardless of their owner and of the owner's umask. A lock
//! of an earlier version of Cupel may need `chmod 644`, which its owner does when it opens the lock.

use std::fs::{File, Permissions};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use cupel_types::ContentHash;
use rustix::fs::{Mode, OFlags};
use tempfile::TempDir;

use super::ImageStore;
use super::files::open_lock;
use crate::beneath;
use crate::error::ImageError;

/// Maximum number of attempts to create a lock.
const CREATIONS_MAX: usize = 10;

/// A lock that is held. It ends with this value, even if another thread has just forked a process, which has the file
/// open until it executes a program: closing the file alone would not end the lock then (flock(2)).
#[derive(Debug)]
pub(super) struct Held(File);

impl Drop for Held {
    fn drop(&mut self) {
        let _ = self.0.unlock();
    }
}

impl Held {
    /// Locks the file. `None` if another process has locked it.
    pub(super) fn exclusive_now(file: File) -> Option<Held> {
        file.try_lock().is_ok().then(|| Held(file))
    }
}

/// A directory of [`ImageStore::incoming`], which is removed when this value is dropped.
pub(super) struct Incoming {
    pub(super) directory: TempDir,
    pub(super) _lock: Held,
}

/// Keeps a root while it is in use.
#[derive(Debug)]
pub struct RootInUse {
    path: PathBuf,
    /// `None` if the file system is read-only, so that no process can remove the root.
    _lock: Option<Held>,
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
                Some(Held(lock))
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
        Ok(Incoming { directory, _lock: Held(lock) })
    }

    /// Removes the directories of interrupted additions, which no process has locked.
    pub(super) fn remove_abandoned(&self) -> Result<(), ImageError> {
        let _lock = self.lock("incoming")?;
        let path = self.directory.join("incoming");
        let incoming = self.part("incoming").map_err(ImageError::io("open", &path))?;
        for (name, _) in beneath::list(incoming.as_fd()).map_err(ImageError::io("read", &path))? {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let opened = rustix::fs::openat(&incoming, &name, flags, Mode::empty()).map(File::from);
            if opened.is_ok_and(|directory| Held::exclusive_now(directory).is_some())
                && let Err(error) = beneath::remove(incoming.as_fd(), &name)
            {
                // The directory only wastes space. The next operation tries again to remove it.
                let path = path.join(&name);
                tracing::warn!(path = %path.display(), %error, "cannot remove the files of an interrupted addition");
            }
        }
        Ok(())
    }

    /// Opens the file of a lock, which is created if it does not exist. It is never replaced, because a process may
    /// hold the lock.
    pub(super) fn lock_file(&self, name: &str) -> Result<File, ImageError> {
        let locks = self.directory.join("locks");
        let directory = self.part("locks").map_err(ImageError::io("open", &locks))?;
        let path = locks.join(name);
        self.open_or_create(&directory, name).map_err(ImageError::io("open", &path))
    }

    fn open_or_create(&self, locks: &OwnedFd, name: &str) -> io::Result<File> {
        for _ in 0..CREATIONS_MAX {
            match open_lock(locks, name) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                    let path = beneath::shown(&self.directory.join("locks").join(name));
                    let remedy = format!("{error}; as root, run `chmod 644 {path}`");
                    return Err(io::Error::new(error.kind(), remedy));
                }
                opened => return opened.inspect(make_readable),
            }
            let created = self.new_file(locks.try_clone()?).and_then(|file| file.persist_noclobber(name));
            match created {
                // Another process has created the lock, or has removed the incomplete file.
                Err(error) if matches!(error.kind(), io::ErrorKind::AlreadyExists | io::ErrorKind::NotFound) => {}
                other => return other,
            }
        }
        Err(io::ErrorKind::NotFound.into())
    }

    pub(super) fn lock(&self, name: &str) -> Result<Held, ImageError> {
        let file = self.lock_file(name)?;
        file.lock().map_err(ImageError::io("lock", &self.directory))?;
        Ok(Held(file))
    }

    pub(super) fn lock_shared(&self, name: &str) -> Result<Held, ImageError> {
        let file = self.lock_file(name)?;
        file.lock_shared().map_err(ImageError::io("lock", &self.directory))?;
        Ok(Held(file))
    }
}

/// Name of the lock of a root.
pub(super) fn root_lock(id: &ContentHash) -> String {
    format!("root-{id}")
}

/// Lets every process open a lock that an earlier version of Cupel left to the umask of its process. If this fails, the
/// process that cannot read the file reports it.
fn make_readable(file: &File) {
    let Ok(meta) = file.metadata() else { return };
    // A lock is empty. The content of another file, which has been moved here, stays closed.
    let is_lock = meta.is_file() && meta.nlink() == 1 && meta.len() == 0;
    if is_lock && meta.mode() & 0o444 != 0o444 && meta.uid() == rustix::process::geteuid().as_raw() {
        let _ = file.set_permissions(Permissions::from_mode(0o644));
    }
}
