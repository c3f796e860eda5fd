//! Ensures that one `cupel serve` at a time uses a data folder, because a starting server treats all existing leases as
//! orphaned.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// Lock held while this process serves from a data folder. The kernel releases it when the process ends, even by a
/// crash.
#[derive(Debug)]
pub struct ServeLock {
    _file: File,
}

impl ServeLock {
    /// The lock file of a database file.
    pub fn path(database: &Path) -> PathBuf {
        let mut name = database.as_os_str().to_owned();
        name.push(".lock");
        name.into()
    }

    /// Takes the lock beside the database file `database`. `None` if another process holds it.
    ///
    /// # Errors
    /// If the lock file cannot be created or locked.
    pub fn take(database: &Path) -> io::Result<Option<ServeLock>> {
        let name = ServeLock::path(database);
        let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(name)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(ServeLock { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}
