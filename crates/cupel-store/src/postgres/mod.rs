//! [`Postgres`]: one database for all nodes of a cluster, on PostgreSQL 13 or later.
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

use async_trait::async_trait;
use cupel_core::Clock;

use clock::DatabaseClock;
pub use connection::Timeouts;
pub use open::{PostgresError, PostgresOptions};

use crate::sql::Backend;
use crate::sql::fault::SqlFault;
use crate::sql::read::{Answer, Query};
use crate::sql::write::Commands;
use connection::Connection;
use cupel_postgres::Endpoint;
use pool::Pool;
use writers::Writers;

/// One PostgreSQL database.
#[derive(Debug)]
pub(crate) struct Postgres {
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

#[async_trait]
impl Backend for Postgres {
    fn has_many_nodes(&self) -> bool {
        true
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(self.clock.clone())
    }

    async fn read(&self, query: Query) -> Result<Answer, SqlFault> {
        self.pool.read(query).await
    }

    fn commands(&self) -> &Commands {
        self.writers.commands()
    }

    async fn close(&self) {
        self.writers.close().await;
        self.pool.close().await;
    }
}
