//! [`PostgresStore`]: one database for all nodes of a cluster, on PostgreSQL 13 or later.
//!
//! - Writing: `writers.rs` has a few threads that group commands into transactions.
//! - Reading: `pool.rs` has a bounded number of connections. A read finds everything committed before it.
//! - `connection.rs` is one connection as `sql/` uses it, `dialect.rs` the translation to PostgreSQL's SQL.
//! - `open.rs` reports why a database cannot be used, `migrate.rs` brings its schema up to date, `clock.rs` provides
//!   its time.
//!
//! *Invariant:* no call waits forever, even if the server or the network fails: connecting, waiting for a free
//! connection and waiting for a result have limits (`Timeouts`), after which the call returns a transient error.

mod clock;
mod connection;
mod dialect;
mod migrate;
mod open;
mod pool;
mod writers;

use std::sync::Arc;

use cupel_core::{Blobs, StoreError};

pub use clock::DatabaseClock;
pub use connection::Timeouts;
pub use open::{PostgresError, PostgresOptions};

use crate::sql::fault::SqlFault;
use crate::sql::large::Large;
use crate::sql::{Backend, Sql, SqlStore, Write};
use connection::Connection;
use cupel_postgres::Endpoint;
use pool::Pool;
use writers::Writers;

/// A store on one PostgreSQL database. A clone is another handle to the same store.
pub type PostgresStore = SqlStore<Postgres>;

/// One PostgreSQL database.
#[derive(Clone, Debug)]
pub struct Postgres {
    pool: Pool,
    writers: Writers,
    clock: DatabaseClock,
}

/// Opens connections.
struct Server {
    place: Endpoint,
    timeouts: Timeouts,
}

impl Server {
    fn connect(&self) -> Result<Connection, SqlFault> {
        Connection::open(&self.place, &self.timeouts)
    }
}

impl PostgresStore {
    /// Stores sources, inputs and outputs of more than 64 KiB in `blobs` from now on, and reads those stored there
    /// earlier. A store opened without that blob store cannot read these submissions.
    #[must_use]
    pub fn with_blobs(self, blobs: Arc<dyn Blobs>) -> PostgresStore {
        SqlStore { large: Large::in_blobs(blobs), ..self }
    }

    /// The database's time: the same on every node, independent of the clocks of the machines.
    pub fn clock(&self) -> DatabaseClock {
        self.backend.clock.clone()
    }
}

impl Backend for Postgres {
    const MANY_NODES: bool = true;

    async fn read<T: Send + 'static>(
        &self,
        operation: &'static str,
        question: impl Fn(&dyn Sql) -> Result<T, SqlFault> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.pool.read(operation, question).await
    }

    async fn write<W: Write>(&self, command: W) -> Result<W::Output, StoreError> {
        self.writers.run(command).await
    }

    fn state(&self) -> Result<(), SqlFault> {
        self.writers.state()
    }

    async fn close(&self) {
        self.writers.close().await;
        self.pool.close().await;
    }
}
