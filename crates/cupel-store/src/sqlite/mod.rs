//! [`SqliteStore`]: one connection that writes, a few that read, one file in WAL mode.
//!
//! - Writing: `writer.rs` is the thread that owns the writing connection and groups commands into
//!   transactions; `commands.rs` are those about runs, the others stand beside their queries.
//! - Reading: a small pool; in WAL mode readers see the last commit and never wait for the writer.
//!
//! A statement never leaves its thread: one is a few microseconds of SQLite, and a change of threads costs more.
//!
//! Pragmas. Source: sqlite.org, "PRAGMA statements" and "Write-Ahead Logging". `synchronous=FULL` syncs the
//! log at every commit, so a commit survives the loss of power; see `writer.rs` for the one exception.

mod accounts;
mod cluster;
mod commands;
mod contests;
mod fault;
mod lock;
mod migrate;
mod open;
mod problems;
mod readers;
mod recent;
mod rejudge;
mod runs;
mod standings;
mod webhooks;
mod writer;

use std::sync::Arc;

pub use lock::ServeLock;
pub use open::OpenError;

use cupel_core::StoreError;

use readers::Readers;
use recent::Recent;
use writer::{Write, Writer};

/// The store on one SQLite file. A clone is another handle on the same thing.
#[derive(Clone, Debug)]
pub struct SqliteStore {
    readers: Readers,
    writer: Writer,
    recent: Arc<Recent>,
}

impl SqliteStore {
    async fn write<W: Write>(&self, command: W) -> Result<W::Output, StoreError> {
        self.writer.run(command).await
    }
}
