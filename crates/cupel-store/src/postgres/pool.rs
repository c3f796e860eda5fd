//! The connections that read: made when they are needed, kept, never more than so many, each used by one question at a time.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cupel_core::StoreError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Server;
use super::connection::Connection;
use crate::sql::Sql;
use crate::sql::fault::Fault;

/// Readers of one database. A clone is another handle on the same ones.
#[derive(Clone)]
pub(super) struct Pool(Arc<Inner>);

struct Inner {
    server: Arc<Server>,
    /// As many permits as there may be connections.
    free: Arc<Semaphore>,
    idle: Mutex<Vec<Connection>>,
    count: u32,
}

impl Pool {
    /// With at most `count` connections, one of which is there.
    pub(super) fn new(server: Arc<Server>, count: u32, first: Connection) -> Pool {
        let free = Arc::new(Semaphore::new(count as usize));
        Pool(Arc::new(Inner { server, free, idle: Mutex::new(vec![first]), count }))
    }

    /// Asks a question; waits for a connection if all are busy. A question whose asker goes away is answered all the same.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        operation: &'static str,
        question: impl Fn(&dyn Sql) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.ask(question).await.map_err(|fault| fault.during(operation))
    }

    async fn ask<T: Send + 'static>(
        &self,
        question: impl Fn(&dyn Sql) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Fault> {
        let acquire = self.0.server.timeouts.acquire;
        let permit = tokio::time::timeout(acquire, Arc::clone(&self.0.free).acquire_owned()).await;
        let permit = permit.map_err(|_elapsed| Fault::Busy)?.map_err(|_closed| Fault::Closed)?;
        let inner = Arc::clone(&self.0);
        let asked = tokio::task::spawn_blocking(move || inner.answer(permit, question));
        asked.await.map_err(|_panicked| Fault::BrokenOff)?
    }

    /// Waits for open questions and closes the connections. Later questions fail.
    pub(super) async fn close(&self) {
        let all = self.0.free.acquire_many(self.0.count).await;
        self.0.free.close();
        drop(all);
        self.0.idle().clear();
    }
}

impl Inner {
    fn answer<T>(
        &self,
        _permit: OwnedSemaphorePermit,
        question: impl Fn(&dyn Sql) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let kept = self.idle().pop();
        let was_kept = kept.is_some();
        let connection = kept.map_or_else(|| self.server.connect(), Ok)?;
        match question(&connection) {
            // One that was kept may have ended long ago, and so have those beside it; a question can be asked again.
            Err(fault) if was_kept && fault.ends_the_connection() && !matches!(fault, Fault::Silent) => {
                self.idle().clear();
                let connection = self.server.connect()?;
                let answer = question(&connection);
                self.keep(connection, &answer);
                answer
            }
            answer => {
                self.keep(connection, &answer);
                answer
            }
        }
    }

    fn keep<T>(&self, connection: Connection, answer: &Result<T, Fault>) {
        if !answer.as_ref().is_err_and(Fault::ends_the_connection) {
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
