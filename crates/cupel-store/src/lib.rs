//! The `Store` port on SQLite: every query, and the migrations. `migrations/sqlite/` is compiled in. `rows/` is the form
//! in which things lie there, `sqlite/` the database; another database would be a folder beside it. Problem packages lie
//! beside the database as files, or in a blob store that all nodes reach (`packages/`, `blobs/`).
//!
//! *Architecture invariants:* what may happen to a run is decided by `RunState::apply` in core, here it is
//! only carried out, in a transaction; a method that promises durability answers after the commit that has
//! it; no source, input, output or secret is ever logged.
#![forbid(unsafe_code)]

mod blobs;
mod packages;
mod rows;
mod sqlite;

pub use blobs::DirectoryBlobs;
pub use packages::{LocalPackages, SharedPackages};
pub use sqlite::{OpenError, ServeLock, SqliteStore};
