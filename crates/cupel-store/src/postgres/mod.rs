//! [`PostgresStore`]: one database for the nodes of a cluster, on PostgreSQL 13 or later.
//!
//! - Writing: `writers.rs` are a few threads that group commands into transactions.
//! - Reading: `pool.rs`, a bounded number of connections; who reads sees what was committed before.
//! - `connection.rs` is one connection as `sql/` sees it, `dialect.rs` what PostgreSQL says differently.
//! - `open.rs` says why a database cannot be used, `migrate.rs` brings its schema up to date, `clock.rs` is its time.
//!
//! *Invariant:* nothing here waits for ever, whatever becomes of the server or of the way to it: a bound on connecting, on waiting
//! for a connection, and on every answer (`Timeouts`), after which there is a transient error.

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

use crate::sql::fault::Fault;
use crate::sql::large::Large;
use crate::sql::{Backend, Sql, SqlStore, Write};
use connection::Connection;
use cupel_postgres::Place;
use pool::Pool;
use writers::Writers;

/// The store on one PostgreSQL database. A clone is another handle on the same thing.
pub type PostgresStore = SqlStore<Postgres>;

/// One PostgreSQL database.
#[derive(Clone, Debug)]
pub struct Postgres {
    pool: Pool,
    writers: Writers,
    clock: DatabaseClock,
}

/// Where connections come from.
struct Server {
    place: Place,
    timeouts: Timeouts,
}

impl Server {
    fn connect(&self) -> Result<Connection, Fault> {
        Connection::open(&self.place, &self.timeouts)
    }
}

impl PostgresStore {
    /// Keeps sources, inputs and outputs of over 64 KiB in `blobs` from now on, and finds there what was kept so. Who opens the
    /// store without them cannot read those submissions.
    #[must_use]
    pub fn with_blobs(self, blobs: Arc<dyn Blobs>) -> PostgresStore {
        SqlStore { large: Large::in_blobs(blobs), ..self }
    }

    /// The database's time: the same on every node, whatever its own clock says.
    pub fn clock(&self) -> DatabaseClock {
        self.backend.clock.clone()
    }
}

impl Backend for Postgres {
    const MANY_NODES: bool = true;

    async fn read<T: Send + 'static>(
        &self,
        operation: &'static str,
        question: impl Fn(&dyn Sql) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.pool.read(operation, question).await
    }

    async fn write<W: Write>(&self, command: W) -> Result<W::Output, StoreError> {
        self.writers.run(command).await
    }

    fn state(&self) -> Result<(), Fault> {
        self.writers.state()
    }

    async fn close(&self) {
        self.writers.close().await;
        self.pool.close().await;
    }
}
