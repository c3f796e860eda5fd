//! The `Store` port on SQLite and on PostgreSQL. `sql/` has the port's queries and commands, written once for both.
//! `sqlite/` and `postgres/` have the connections, transactions and migrations (`migrations/` is compiled in). `rows/`
//! is the format of stored values. Problem packages are stored beside the database as files, or in a blob store that
//! all nodes reach (`packages/`, `blobs/`).
//!
//! *Architecture invariants:* `RunState::apply` in core decides the transitions of a run; this crate only executes
//! them, in a transaction. A method that promises durability returns after the commit that contains the change.
//! Sources, inputs, outputs and secrets are never logged.
#![forbid(unsafe_code)]

mod blobs;
mod packages;
mod postgres;
mod rows;
mod sql;
mod sqlite;
mod transfer;

pub use blobs::{ConnectBlobsError, DirectoryBlobs, PostgresBlobs, PostgresBlobsError, connect_blobs};
#[cfg(feature = "s3")]
pub use blobs::{S3Blobs, S3UrlError};
pub use packages::{LocalPackages, SharedPackages, share_package};
pub use postgres::{PostgresError, PostgresOptions, Timeouts};
pub use sql::{SqlStore, outage_of};
pub use sqlite::{BackupError, OpenError, ServeLock, back_up, check_origin, check_vacant, restore};
pub use transfer::{ExportError, Moved, TransferError};
