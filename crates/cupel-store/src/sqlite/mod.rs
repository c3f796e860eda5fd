//! [`SqliteStore`]: one connection that writes and a few that read, on one file in WAL mode.
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

use cupel_core::StoreError;

use crate::sql::fault::SqlFault;
use crate::sql::{Backend, Sql, SqlStore, Write};
use readers::Readers;
use writer::Writer;

/// A store on one SQLite file. A clone is another handle to the same store.
pub type SqliteStore = SqlStore<Sqlite>;

/// One SQLite file.
#[derive(Clone, Debug)]
pub struct Sqlite {
    readers: Readers,
    writer: Writer,
}

impl Backend for Sqlite {
    /// One server at a time uses the file ([`ServeLock`]).
    const MANY_NODES: bool = false;

    async fn read<T: Send + 'static>(
        &self,
        operation: &'static str,
        question: impl Fn(&dyn Sql) -> Result<T, SqlFault> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.readers.read(operation, question).await
    }

    async fn write<W: Write>(&self, command: W) -> Result<W::Output, StoreError> {
        self.writer.run(command).await
    }

    fn state(&self) -> Result<(), SqlFault> {
        self.writer.state()
    }

    async fn close(&self) {
        self.writer.close().await;
        self.readers.close().await;
    }
}
