//! [`SqliteStore`]: one connection that writes, a few that read, one file in WAL mode.
//!
//! - Writing: `writer.rs` is the task that owns the writing connection and groups commands into
//!   transactions; `commands.rs` are those about runs, the others stand beside their queries.
//! - Reading: a small pool; in WAL mode readers see the last commit and never wait for the writer.
//!
//! Pragmas. Source: sqlite.org, "PRAGMA statements" and "Write-Ahead Logging". `synchronous=FULL` syncs the
//! log at every commit, so a commit survives the loss of power; see `writer.rs` for the one exception.

mod accounts;
mod commands;
mod fault;
mod lock;
mod open;
mod runs;
mod webhooks;
mod writer;

pub use lock::ServeLock;
pub use open::OpenError;

use cupel_core::StoreError;
use sqlx::sqlite::SqlitePool;

use fault::Fault;
use writer::{Write, Writer};

/// The store on one SQLite file. A clone is another handle on the same thing.
#[derive(Clone, Debug)]
pub struct SqliteStore {
    readers: SqlitePool,
    writer: Writer,
}

impl SqliteStore {
    async fn write<W: Write>(&self, command: W) -> Result<W::Output, StoreError> {
        self.writer.run(command).await
    }

    /// Ends the writer after what it has been given, and closes the file. Later calls fail.
    pub async fn close(&self) {
        self.writer.close().await;
        self.readers.close().await;
    }
}

/// Runs a read and names it in its error.
async fn reading<T>(operation: &'static str, read: impl Future<Output = Result<T, Fault>>) -> Result<T, StoreError> {
    read.await.map_err(|fault| fault.during(operation))
}
