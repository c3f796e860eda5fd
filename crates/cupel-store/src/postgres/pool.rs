//! Pool of reading connections: opened on demand, kept open, bounded in number, each used by one query at a time.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Server;
use super::connection::Connection;
use crate::sql::fault::SqlFault;
use crate::sql::read::{Answer, Query};

/// Readers of one database. A clone is another handle to the same pool.
#[derive(Clone)]
pub(super) struct Pool(Arc<Inner>);

struct Inner {
    server: Arc<Server>,
    /// One permit per allowed connection.
    free: Arc<Semaphore>,
    idle: Mutex<Vec<Connection>>,
    count: u32,
}

impl Pool {
    /// A pool of at most `count` connections; `first` is already open.
    pub(super) fn new(server: Arc<Server>, count: u32, first: Connection) -> Pool {
        let free = Arc::new(Semaphore::new(count as usize));
        Pool(Arc::new(Inner { server, free, idle: Mutex::new(vec![first]), count }))
    }

    /// Runs a query; waits for a connection if all are busy. If the future is dropped, a query that has begun still
    /// runs to its end.
    pub(super) async fn read(&self, query: Query) -> Result<Answer, SqlFault> {
        let acquire = self.0.server.timeouts.acquire;
        let permit = tokio::time::timeout(acquire, Arc::clone(&self.0.free).acquire_owned()).await;
        let permit = permit.map_err(|_elapsed| SqlFault::Busy)?.map_err(|_closed| SqlFault::Closed)?;
        let inner = Arc::clone(&self.0);
        let asked = tokio::task::spawn_blocking(move || inner.answer(permit, &query));
        asked.await.map_err(|_panicked| SqlFault::BrokenOff)?
    }

    /// Waits for running queries and closes the connections. Later queries fail.
    pub(super) async fn close(&self) {
        let all = self.0.free.acquire_many(self.0.count).await;
        self.0.free.close();
        drop(all);
        self.0.idle().clear();
    }
}

impl Inner {
    fn answer(&self, _permit: OwnedSemaphorePermit, query: &Query) -> Result<Answer, SqlFault> {
        let idle = self.idle().pop();
        let was_idle = idle.is_some();
        let connection = idle.map_or_else(|| self.server.connect(), Ok)?;
        match query(&connection) {
            // The server may have closed all idle connections long ago. The query is run again on a new connection.
            Err(fault) if was_idle && fault.ends_the_connection() && !matches!(fault, SqlFault::Silent) => {
                self.idle().clear();
                let connection = self.server.connect()?;
                let answer = query(&connection);
                self.keep(connection, &answer);
                answer
            }
            answer => {
                self.keep(connection, &answer);
                answer
            }
        }
    }

    fn keep(&self, connection: Connection, answer: &Result<Answer, SqlFault>) {
        if !answer.as_ref().is_err_and(SqlFault::ends_the_connection) {
            self.idle().push(connection);
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Pool").field(&self.0.count).finish()
    }
}
