//! Files of the store: opened without following links, and created whole.
//!
//! The store belongs to the server's user, and root opens it, for example at the start of a server. A link in the store
//! must not lead root to another file.

use std::fs::{File, Permissions};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
use std::path::Path;

use rustix::fs::{AtFlags, Mode, OFlags, RenameFlags};
use rustix::io::Errno;

use super::ImageStore;
use crate::beneath::{self, Beneath};

/// Flags for every file of the store. Without O_NONBLOCK, opening a pipe would wait for its other end.
const PLAIN: OFlags = OFlags::NOFOLLOW.union(OFlags::CLOEXEC).union(OFlags::NONBLOCK).union(OFlags::NOCTTY);

/// Start of the names of incomplete files.
const TEMPORARY: &str = ".tmp";

/// A file with a temporary name. The name is removed if this value is dropped.
pub(super) struct NewFile {
    pub(super) file: File,
    name: TemporaryName,
}

struct TemporaryName {
    directory: OwnedFd,
    name: Option<String>,
}

impl ImageStore {
    /// Opens a directory of the store.
    pub(super) fn part(&self, name: &str) -> io::Result<OwnedFd> {
        let store = Beneath::open(&self.directory)?;
        beneath::enter(store.as_fd(), name.as_ref()).map_err(|errno| match errno {
            Errno::NOTDIR | Errno::LOOP => refused("it is not a directory; remove it"),
            other => other.into(),
        })
    }

    /// Creates a file in a directory of the store. Every process that can reach the store may read the file. If root
    /// creates it for the store's owner, it belongs to that owner.
    pub(super) fn new_file(&self, directory: OwnedFd) -> io::Result<NewFile> {
        let create = |path: &Path| {
            let flags = PLAIN | OFlags::RDWR | OFlags::CREATE | OFlags::EXCL;
            let name = path.file_name().unwrap_or_default();
            Ok(File::from(rustix::fs::openat(&directory, name, flags, Mode::from_raw_mode(0o644))?))
        };
        let made = tempfile::Builder::new().prefix(TEMPORARY).make_in(&self.directory, create)?;
        // The name is not removed by its path, which may lead to another directory later.
        let (file, path) = made.keep().map_err(|error| error.error)?;
        let name = path.file_name().and_then(|name| name.to_str()).map(str::to_owned);
        let parent = rustix::fs::fstat(&directory)?;
        let new = NewFile { file, name: TemporaryName { directory, name } };
        // The mode is set explicitly, because the umask of this process may be stricter.
        new.file.set_permissions(Permissions::from_mode(0o644))?;
        let store = std::fs::metadata(&self.directory)?;
        if rustix::process::geteuid().is_root() && store.uid() != 0 && store.uid() == parent.st_uid {
            // If this fails, for example without the capability, every process can still read the file.
            let _ = fchown(&new.file, Some(store.uid()), Some(store.gid()));
        }
        Ok(new)
    }
}

/// Removes the incomplete files that an interrupted process has left in a directory.
pub(super) fn remove_temporary(directory: &OwnedFd) -> io::Result<()> {
    for (name, _) in beneath::list(directory.as_fd())? {
        if name.to_str().is_some_and(|name| name.starts_with(TEMPORARY)) {
            beneath::remove(directory.as_fd(), &name)?;
        }
    }
    Ok(())
}

impl NewFile {
    /// Gives the file its name. An existing file is replaced.
    pub(super) fn persist(mut self, name: &str) -> io::Result<()> {
        let Some(temporary) = &self.name.name else { return Ok(()) };
        rustix::fs::renameat(&self.name.directory, temporary, &self.name.directory, name)?;
        self.name.name = None;
        Ok(())
    }

    /// Gives the file its name, unless a file has it.
    pub(super) fn persist_noclobber(mut self, name: &str) -> io::Result<File> {
        let directory = &self.name.directory;
        if let Some(temporary) = &self.name.name {
            match rustix::fs::renameat_with(directory, temporary, directory, name, RenameFlags::NOREPLACE) {
                Ok(()) => self.name.name = None,
                // Not every file system has this operation. The temporary name is removed below.
                Err(Errno::INVAL | Errno::NOSYS) => {
                    rustix::fs::linkat(directory, temporary, directory, name, AtFlags::empty())?;
                }
                Err(other) => return Err(other.into()),
            }
        }
        let NewFile { file, name: _ } = self;
        Ok(file)
    }
}

impl Drop for TemporaryName {
    fn drop(&mut self) {
        if let Some(name) = &self.name {
            // A prune removes the file if this fails.
            let _ = rustix::fs::unlinkat(&self.directory, name.as_str(), AtFlags::empty());
        }
    }
}

/// Opens a regular file of a directory for reading.
pub(super) fn open_file(directory: &OwnedFd, name: &str) -> io::Result<File> {
    open_with(directory, name, OFlags::RDONLY)
}

/// Opens the file of a lock. Without write access, it is opened for reading.
pub(super) fn open_lock(locks: &OwnedFd, name: &str) -> io::Result<File> {
    match open_with(locks, name, OFlags::RDWR | OFlags::APPEND) {
        Err(error) if matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem) => {
            open_with(locks, name, OFlags::RDONLY)
        }
        other => other,
    }
}

fn open_with(directory: &OwnedFd, name: &str, access: OFlags) -> io::Result<File> {
    let opened = rustix::fs::openat(directory, name, access | PLAIN, Mode::empty()).map_err(|errno| match errno {
        Errno::LOOP => refused("it is a symbolic link; remove it"),
        other => other.into(),
    })?;
    let file = File::from(opened);
    let meta = file.metadata()?;
    if !meta.is_file() {
        return Err(refused("it is not a regular file; remove it"));
    }
    if meta.nlink() > 1 {
        return Err(refused("the file has several names (hard links); remove this one"));
    }
    Ok(file)
}

fn refused(reason: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}
