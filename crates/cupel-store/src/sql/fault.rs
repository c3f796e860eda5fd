//! Internal failures, and whether they are transient.

use std::error::Error as _;
use std::io;
use std::sync::Arc;

use cupel_core::{BlobsError, DiskFull, StoreError};
use cupel_types::ContentHash;
use rusqlite::ErrorCode;
use rusqlite::ffi::SQLITE_IOERR_SHMSIZE;
use tokio_postgres::error::SqlState;

use crate::rows::RowError;

/// A failure before its conversion to [`StoreError`]. Cheap to clone, because one failed commit fails many commands.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum SqlFault {
    #[error("the database returned an error")]
    Sqlite(#[source] Arc<rusqlite::Error>),
    #[error("the database returned an error")]
    Postgres(#[source] Arc<tokio_postgres::Error>),
    #[error("a row cannot be decoded")]
    Row(#[source] Arc<RowError>),
    #[error("{changed} rows changed instead of one")]
    NotOne { changed: u64 },
    #[error("all connections to the database were busy for too long")]
    Busy,
    #[error("the database did not respond in time")]
    Silent,
    #[error("the database cannot be reached")]
    Unreachable(#[source] Arc<dyn std::error::Error + Send + Sync>),
    #[error("the database accepts no writes: it is a standby, or `default_transaction_read_only` is on")]
    ReadOnly,
    #[error("a read of the database was interrupted")]
    BrokenOff,
    /// Another transaction has changed what this one read before it had the locks.
    #[error("another transaction changed the same rows")]
    Superseded,
    /// The caller gets this error only if no blob store is configured.
    #[error("its data is in a blob store, but `blobs.url` is not set: restore its previous value")]
    Elsewhere(Vec<ContentHash>),
    #[error("its data cannot be read from the blob store")]
    Blob(#[source] Arc<BlobsError>),
    #[error("blob {0} is damaged: its content does not match its hash")]
    DamagedBlob(ContentHash),
    #[error("the database cannot write")]
    Full(#[source] DiskFull),
    #[error("the store is closed")]
    Closed,
}

/// Why a database server answers no query, in words that contain no name or address; `None` for other failures.
pub fn outage_of(error: &StoreError) -> Option<&'static str> {
    match error.source.downcast_ref::<SqlFault>()? {
        SqlFault::Postgres(error) => outage_of_code(error.code()?),
        // A server that refuses a connection returns a code; one that does not respond has none.
        SqlFault::Unreachable(source) => {
            let code = source.downcast_ref::<tokio_postgres::Error>().and_then(tokio_postgres::Error::code);
            code.and_then(outage_of_code).or(Some("the database server cannot be reached"))
        }
        SqlFault::ReadOnly => Some(READ_ONLY),
        _ => None,
    }
}

const READ_ONLY: &str = "the database server accepts no writes, because it is a standby or read-only";

fn outage_of_code(code: &SqlState) -> Option<&'static str> {
    // Class 28: invalid authorization specification. Source: PostgreSQL's manual, appendix A.
    if code.code().starts_with("28") {
        Some("the database server rejects the user or the password of `store.url`")
    } else if *code == SqlState::TOO_MANY_CONNECTIONS {
        Some("the database server permits no further connection")
    } else if *code == SqlState::READ_ONLY_SQL_TRANSACTION {
        Some(READ_ONLY)
    } else {
        None
    }
}

impl From<rusqlite::Error> for SqlFault {
    fn from(error: rusqlite::Error) -> SqlFault {
        SqlFault::Sqlite(Arc::new(error))
    }
}

impl From<tokio_postgres::Error> for SqlFault {
    fn from(error: tokio_postgres::Error) -> SqlFault {
        SqlFault::Postgres(Arc::new(error))
    }
}

impl From<RowError> for SqlFault {
    fn from(error: RowError) -> SqlFault {
        SqlFault::Row(Arc::new(error))
    }
}

impl SqlFault {
    pub(crate) fn during(self, operation: &'static str) -> StoreError {
        StoreError { operation, transient: self.is_transient(), source: Box::new(self) }
    }

    /// Whether the database failed because its disk is full.
    pub(crate) fn is_disk_full(&self) -> bool {
        match self {
            // If the WAL index, a memory-mapped file, cannot grow, SQLite returns a separate code.
            SqlFault::Sqlite(error) => {
                error.sqlite_error_code() == Some(ErrorCode::DiskFull)
                    || error.sqlite_error().is_some_and(|e| e.extended_code == SQLITE_IOERR_SHMSIZE)
            }
            SqlFault::Postgres(error) => error.code() == Some(&SqlState::DISK_FULL),
            SqlFault::Full(_) => true,
            _ => false,
        }
    }

    /// Adds the disk's name to a disk-full fault. Other faults are returned unchanged.
    pub(crate) fn at(self, place: &str) -> SqlFault {
        let source: Arc<dyn std::error::Error + Send + Sync> = match self {
            SqlFault::Sqlite(error) if SqlFault::Sqlite(Arc::clone(&error)).is_disk_full() => error,
            SqlFault::Postgres(error) if SqlFault::Postgres(Arc::clone(&error)).is_disk_full() => error,
            other => return other,
        };
        SqlFault::Full(DiskFull { place: place.to_owned(), source })
    }

    /// Whether a retry may succeed. Busy, full, out-of-memory, unreachable and I/O errors are transient. Violated
    /// constraints and rows that cannot be decoded are not.
    fn is_transient(&self) -> bool {
        match self {
            SqlFault::Sqlite(error) => matches!(
                error.sqlite_error_code(),
                Some(
                    ErrorCode::DatabaseBusy
                        | ErrorCode::DatabaseLocked
                        | ErrorCode::OutOfMemory
                        | ErrorCode::ReadOnly
                        | ErrorCode::SystemIoFailure
                        | ErrorCode::DiskFull
                        | ErrorCode::CannotOpen
                )
            ),
            // An error reported by the server: the first two characters of the code are its class. Source: PostgreSQL's
            // manual, appendix A.
            SqlFault::Postgres(error) => match error.code() {
                Some(code) => {
                    let passing = ["08", "40", "53", "55", "57", "58"];
                    passing.iter().any(|class| code.code().starts_with(class))
                        || *code == SqlState::READ_ONLY_SQL_TRANSACTION
                }
                // A network failure, or a bug in Cupel in how values are bound or read.
                None => error.is_closed() || error.source().is_some_and(|source| source.is::<io::Error>()),
            },
            // An unreachable blob store may become reachable again; a missing blob stays missing.
            SqlFault::Blob(error) => matches!(**error, BlobsError::Store { .. }),
            SqlFault::Row(_)
            | SqlFault::NotOne { .. }
            | SqlFault::BrokenOff
            | SqlFault::Elsewhere(_)
            | SqlFault::DamagedBlob(_) => false,
            SqlFault::Busy
            | SqlFault::Silent
            | SqlFault::Unreachable(_)
            | SqlFault::ReadOnly
            | SqlFault::Superseded
            | SqlFault::Full(_)
            | SqlFault::Closed => true,
        }
    }

    /// Whether the transaction lost a conflict with another transaction, so that a retry may succeed.
    pub(crate) fn is_conflict(&self) -> bool {
        let SqlFault::Postgres(error) = self else { return matches!(self, SqlFault::Superseded) };
        error.code().is_some_and(|code| {
            [
                SqlState::T_R_SERIALIZATION_FAILURE,
                SqlState::T_R_DEADLOCK_DETECTED,
                // Two transactions checked and inserted the same name, or a row was removed while a new row referred to
                // it.
                SqlState::UNIQUE_VIOLATION,
                SqlState::FOREIGN_KEY_VIOLATION,
            ]
            .contains(code)
        })
    }

    /// Whether the connection can no longer be used.
    pub(crate) fn ends_the_connection(&self) -> bool {
        match self {
            // An error without a code is a network failure. A read-only server has become a standby, and another server
            // is the primary.
            SqlFault::Postgres(error) => error.code().is_none_or(|code| {
                let ended = ["08", "57P"].iter().any(|class| code.code().starts_with(class));
                let useless =
                    [SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT, SqlState::READ_ONLY_SQL_TRANSACTION].contains(code);
                ended || useless
            }),
            SqlFault::Silent | SqlFault::Unreachable(_) | SqlFault::ReadOnly => true,
            SqlFault::Sqlite(_)
            | SqlFault::Row(_)
            | SqlFault::NotOne { .. }
            | SqlFault::Busy
            | SqlFault::BrokenOff
            | SqlFault::Superseded
            | SqlFault::Elsewhere(_)
            | SqlFault::Blob(_)
            | SqlFault::DamagedBlob(_)
            | SqlFault::Full(_)
            | SqlFault::Closed => false,
        }
    }
}
