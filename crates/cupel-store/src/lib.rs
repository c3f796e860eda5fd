//! The `Store` port on SQLite and on PostgreSQL. `sql/` is every query and every command, written once; `sqlite/` and `postgres/` are
//! the databases: connections, transactions, migrations (`migrations/` is compiled in). `rows/` is the form in which
//! things lie there. Problem packages lie beside the database as files, or in a blob store that all nodes reach (`packages/`, `blobs/`).
//!
//! *Architecture invariants:* what may happen to a run is decided by `RunState::apply` in core, here it is
//! only carried out, in a transaction; a method that promises durability answers after the commit that has
//! it; no source, input, output or secret is ever logged.
#![forbid(unsafe_code)]

mod blobs;
mod packages;
mod postgres;
mod rows;
mod sql;
mod sqlite;
mod transfer;

pub use blobs::{
    ConnectBlobsError, DirectoryBlobs, PostgresBlobs, PostgresBlobsError, S3Blobs, S3UrlError, connect_blobs,
};
pub use packages::{LocalPackages, SharedPackages, share_package};
pub use postgres::{DatabaseClock, Postgres, PostgresError, PostgresOptions, PostgresStore, Timeouts};
pub use sql::SqlStore;
pub use sqlite::{BackupError, OpenError, ServeLock, Sqlite, SqliteStore, back_up, restore};
pub use transfer::{ExportError, Moved, TransferError};
