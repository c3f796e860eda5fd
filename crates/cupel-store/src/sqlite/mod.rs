//! [`Sqlite`]: one connection that writes and a few that read, on one file in WAL mode.
//!
//! - Writing: `writer.rs` is the thread that owns the writing connection and groups commands into transactions.
//! - Reading: a small pool. In WAL mode, readers see the last commit and never wait for the writer.
//!
//! All statements of a query or command run on one thread that may block: the writer's thread, or a blocking thread of
//! the runtime. `sql/` has the queries and commands; `connection.rs` runs them.
//!
//! The pragmas are in `open.rs`. Source: sqlite.org, "PRAGMA statements" and "Write-Ahead Logging". `synchronous=FULL`
//! syncs the log at every commit, so a commit survives a power failure; see `writer.rs` for the exception.

mod backup;
mod connection;
mod lock;
mod migrate;
mod open;
mod readers;
mod writer;

pub use backup::{BackupError, back_up, check_origin, check_vacant, restore};
pub use lock::ServeLock;
pub use open::OpenError;

use std::sync::Arc;

use async_trait::async_trait;
use cupel_core::{Clock, SystemClock};

use crate::sql::Backend;
use crate::sql::fault::SqlFault;
use crate::sql::read::{Answer, Query};
use crate::sql::write::Commands;
use readers::Readers;
use writer::Writer;

/// One SQLite file.
#[derive(Debug)]
pub(crate) struct Sqlite {
    readers: Readers,
    writer: Writer,
}

#[async_trait]
impl Backend for Sqlite {
    /// One server at a time uses the file ([`ServeLock`]).
    fn has_many_nodes(&self) -> bool {
        false
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(SystemClock)
    }

    async fn read(&self, query: Query) -> Result<Answer, SqlFault> {
        self.readers.read(query).await
    }

    fn commands(&self) -> &Commands {
        self.writer.commands()
    }

    async fn close(&self) {
        self.writer.close().await;
        self.readers.close().await;
    }
}
