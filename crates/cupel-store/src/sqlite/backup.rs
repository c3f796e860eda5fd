//! Backup of a database file, even while a server uses it, and restore to a path without a database.
//!
//! The copy is a consistent snapshot, made by SQLite's online backup API in one step. Because the backup reads one
//! snapshot, writes of a busy server do not restart it; they are appended to the write-ahead log. Source: sqlite.org,
//! "SQLite Backup API". The copy is renamed to its final name only after its whole content is on the disk.
//!
//! Invariant: no copy gets the name of a database whose log still exists. SQLite finds the log by its name alone, and
//! would write the pages of the other database into the copy. Source: sqlite.org, "How To Corrupt An SQLite Database
//! File", "Unlinking or renaming a database file while in use" and "Mispairing database files and hot journals".

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, ErrorCode, OpenFlags, ffi};
use tempfile::NamedTempFile;

use super::migrate::{KNOWN, version};
use super::open::BUSY_TIMEOUT;

/// Reason why a backup or restore failed.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages document the variants")]
pub enum BackupError {
    #[error("`{}` already exists: remove it, or choose another place", path.display())]
    Exists { path: PathBuf },
    #[error(
        "`{}` is left of another database, and may have changes that are only in this file: move it away together with that \
         database, or remove it", path.display()
    )]
    Leftover { path: PathBuf },
    #[error("`{}` cannot be read", path.display())]
    Unread {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("`{}` is not a readable SQLite database", path.display())]
    Source {
        path: PathBuf,
        #[source]
        source: rusqlite::Error,
    },
    #[error("`{}` is damaged: {finding}", path.display())]
    Damaged { path: PathBuf, finding: String },
    #[error("`{}` is not a cupel database", path.display())]
    Stranger { path: PathBuf },
    #[error("`{}` was written by a newer version of cupel (schema {version}; this version supports {known}): run that version", path.display())]
    Newer { path: PathBuf, version: i64, known: i64 },
    #[error("`{}` cannot be written", path.display())]
    Target {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("copying to `{}` failed", path.display())]
    Copy {
        path: PathBuf,
        #[source]
        source: rusqlite::Error,
    },
}

impl BackupError {
    /// Whether SQLite could not open the copy because this user cannot write beside it. SQLite creates files beside a
    /// database with a write-ahead log, also to read it. Source: sqlite.org, "Write-Ahead Logging", "Read-Only
    /// Databases".
    pub fn needs_writable_directory(&self) -> bool {
        let BackupError::Source { source, .. } = self else { return false };
        matches!(source.sqlite_error_code(), Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen))
    }
}

/// Copies the database file `from`, which may be in use, to the new file `to` (mode 0600). Returns its size in bytes.
/// Blocks.
///
/// # Errors
/// [`BackupError`]. No file is left behind.
pub fn back_up(from: &Path, to: &Path) -> Result<u64, BackupError> {
    // A read-only connection would leave its log files behind.
    let source = match open(from, OpenFlags::SQLITE_OPEN_READ_WRITE, "") {
        // On a full disk, the file that connections share cannot be created. If the file does not exist, no server is
        // running, because a server keeps it. So this connection can use the database exclusively, and then needs no
        // such file. Source: sqlite.org, "Write-Ahead Logging", "Use of WAL Without Shared-Memory".
        Err(BackupError::Source { source, .. }) if lacks_shared_memory(&source) => {
            open(from, OpenFlags::SQLITE_OPEN_READ_WRITE, "PRAGMA locking_mode = EXCLUSIVE")?
        }
        opened => opened?,
    };
    copy(&source, to)
}

/// Whether SQLite could not create the file that the connections of a database share.
fn lacks_shared_memory(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error().map(|error| error.extended_code);
    code.is_some_and(|code| [ffi::SQLITE_IOERR_SHMOPEN, ffi::SQLITE_IOERR_SHMSIZE].contains(&code))
}

/// Refuses a copy that cannot be a database of Cupel. For a caller that still runs as root, and therefore must not open
/// the file with SQLite yet. [`restore`] checks more.
///
/// # Errors
/// [`BackupError::Stranger`], and [`BackupError::Unread`] if the file cannot be read.
pub fn check_origin(copy: &File, path: &Path) -> Result<(), BackupError> {
    match has_version(copy) {
        Ok(true) => Ok(()),
        Ok(false) => Err(BackupError::Stranger { path: path.to_owned() }),
        Err(source) => Err(BackupError::Unread { path: path.to_owned(), source }),
    }
}

/// Offset of `user_version` in a database file. Source: <https://www.sqlite.org/fileformat.html>, "The Database
/// Header".
const VERSION_AT: u64 = 60;
/// Name of the table of schema versions in the first databases of Cupel.
const OLD_TABLE: &[u8] = b"_sqlx_migrations";
/// Number of bytes that are read and searched at a time.
const SEARCHED_AT_ONCE: usize = 64 * 1024;

/// Whether the file has a schema version in its header, or contains the name of the old table of schema versions.
fn has_version(file: &File) -> io::Result<bool> {
    let mut version = [0; 4];
    file.read_exact_at(&mut version, VERSION_AT)?;
    if i32::from_be_bytes(version) > 0 {
        return Ok(true);
    }
    let mut buffer = vec![0; SEARCHED_AT_ONCE];
    let mut at = 0;
    loop {
        let read = file.read_at(&mut buffer, at)?;
        if buffer[..read].windows(OLD_TABLE.len()).any(|window| window == OLD_TABLE) {
            return Ok(true);
        }
        // The name may span two chunks.
        match read.checked_sub(OLD_TABLE.len()) {
            Some(searched @ 1..) => at += searched as u64,
            _ => return Ok(false),
        }
    }
}

/// Creates the database file `to` from a copy, after checking the copy's integrity. `to` must not exist. Returns its
/// size in bytes. Blocks.
///
/// # Errors
/// [`BackupError`]. No file is left behind.
pub fn restore(copied: &Path, to: &Path) -> Result<u64, BackupError> {
    // SQLite does not report why a file cannot be opened, so the file is opened here first.
    File::open(copied).map_err(|source| BackupError::Unread { path: copied.to_owned(), source })?;
    let source = open(copied, OpenFlags::SQLITE_OPEN_READ_ONLY, "")?;
    let failed = |source| BackupError::Source { path: copied.to_owned(), source };
    let finding: String = source.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0)).map_err(failed)?;
    if finding != "ok" {
        return Err(BackupError::Damaged { path: copied.to_owned(), finding });
    }
    match version(&source).map_err(failed)? {
        version if version > KNOWN => Err(BackupError::Newer { path: copied.to_owned(), version, known: KNOWN }),
        version if version < 1 => Err(BackupError::Stranger { path: copied.to_owned() }),
        _ => copy(&source, to),
    }
}

/// Checks that a new database file can get the name `to`: that no database has it, and no log of a database remains
/// there. A log is not removed here, because it may be all that is left of changes to a database that was moved away.
/// An empty log has no changes, and the first connection rebuilds the index of a log (`-shm`).
///
/// # Errors
/// [`BackupError::Exists`] and [`BackupError::Leftover`], and [`BackupError::Target`] if this process may not look into
/// the folder.
pub fn check_vacant(to: &Path) -> Result<(), BackupError> {
    let length = |path: &Path| match fs::symlink_metadata(path) {
        Ok(about) => Ok(Some(about.len())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(BackupError::Target { path: to.to_owned(), source }),
    };
    if length(to)?.is_some() {
        return Err(BackupError::Exists { path: to.to_owned() });
    }
    for suffix in ["-wal", "-journal"] {
        let mut path = to.as_os_str().to_owned();
        path.push(suffix);
        let path = PathBuf::from(path);
        if length(&path)?.is_some_and(|bytes| bytes > 0) {
            return Err(BackupError::Leftover { path });
        }
    }
    Ok(())
}

/// Opens a database, and runs the statements `first` before SQLite reads the file.
fn open(path: &Path, how: OpenFlags, first: &str) -> Result<Connection, BackupError> {
    let failed = |source| BackupError::Source { path: path.to_owned(), source };
    let connection = Connection::open_with_flags(path, how | OpenFlags::SQLITE_OPEN_NO_MUTEX).map_err(failed)?;
    connection.busy_timeout(BUSY_TIMEOUT).map_err(failed)?;
    connection.execute_batch(first).map_err(failed)?;
    // SQLite reads the file only when the first statement is run.
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(())).map_err(failed)?;
    Ok(connection)
}

fn copy(source: &Connection, to: &Path) -> Result<u64, BackupError> {
    let failed = |source| BackupError::Target { path: to.to_owned(), source };
    check_vacant(to)?;
    // The file has mode 0600 and a random name. If the name were predictable, other users who can write to the folder
    // could place a link there in advance. The file is removed when `part` is dropped.
    let mut name = to.file_name().unwrap_or_default().to_owned();
    name.push(".");
    let part = tempfile::Builder::new().prefix(&name).suffix(".part").tempfile_in(folder_of(to)).map_err(failed)?;
    write(source, part.path()).map_err(|source| BackupError::Copy { path: to.to_owned(), source })?;
    name_durably(part, to).map_err(failed)
}

fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn write(source: &Connection, part: &Path) -> rusqlite::Result<()> {
    let mut target = Connection::open(part)?;
    // Without a log or a journal, because an incomplete copy is discarded.
    target.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF")?;
    let backup = Backup::new(source, &mut target)?;
    loop {
        match backup.step(-1)? {
            StepResult::Done => break,
            // Another connection is changing the log's file.
            _ => std::thread::sleep(std::time::Duration::from_millis(10)),
        }
    }
    drop(backup);
    // A single file without a log, until a store opens it.
    target.execute_batch("PRAGMA journal_mode = DELETE")?;
    target.close().map_err(|(_, error)| error)
}

/// Syncs the file to the disk, then renames it to its final name, if no other file has that name. Uses hard links only
/// on file systems without such a rename.
fn name_durably(part: NamedTempFile, to: &Path) -> io::Result<u64> {
    part.as_file().sync_all()?;
    let file = part.persist_noclobber(to).map_err(|error| error.error)?;
    File::open(folder_of(to))?.sync_all()?;
    Ok(file.metadata()?.len())
}
