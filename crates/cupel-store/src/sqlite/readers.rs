//! Pool of reading connections, each used by one query at a time, on threads that may block.

use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::open::BUSY_TIMEOUT;
use crate::sql::fault::SqlFault;
use crate::sql::read::{Answer, Query};

/// Readers of one database. A clone is another handle to the same pool.
#[derive(Clone)]
pub(super) struct Readers(Arc<Pool>);

struct Pool {
    /// One permit per connection: the holder of a permit finds a connection in `idle`.
    free: Arc<Semaphore>,
    idle: Mutex<Vec<Connection>>,
    count: u32,
}

impl Readers {
    pub(super) fn new(connections: Vec<Connection>) -> Readers {
        let free = Arc::new(Semaphore::new(connections.len()));
        let count = u32::try_from(connections.len()).unwrap_or(u32::MAX);
        Readers(Arc::new(Pool { free, idle: Mutex::new(connections), count }))
    }

    /// Runs a query; waits for a reader if all are busy. If the future is dropped, a query that has begun still runs to
    /// its end.
    pub(super) async fn read(&self, query: Query) -> Result<Answer, SqlFault> {
        let permit = tokio::time::timeout(BUSY_TIMEOUT, Arc::clone(&self.0.free).acquire_owned()).await;
        let permit = permit.map_err(|_elapsed| SqlFault::Busy)?.map_err(|_closed| SqlFault::Closed)?;
        let connection = self.0.idle().pop().ok_or(SqlFault::Closed)?;
        let loan = Loan { connection: Some(connection), pool: Arc::clone(&self.0), _permit: permit };
        let answer = tokio::task::spawn_blocking(move || loan.connection.as_ref().map(|connection| query(connection)));
        answer.await.map_err(|_panicked| SqlFault::BrokenOff)?.unwrap_or(Err(SqlFault::Closed))
    }

    /// Waits for running queries and closes the connections. Later queries fail.
    pub(super) async fn close(&self) {
        let all = self.0.free.acquire_many(self.0.count).await;
        self.0.free.close();
        drop(all);
        self.0.idle().clear();
    }
}

impl Pool {
    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Readers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Readers").field(&self.0.count).finish()
    }
}

/// A borrowed connection. It is returned to the pool on drop, before its permit is released, even after a panic.
struct Loan {
    connection: Option<Connection>,
    pool: Arc<Pool>,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Loan {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            self.pool.idle().push(connection);
        }
    }
}
