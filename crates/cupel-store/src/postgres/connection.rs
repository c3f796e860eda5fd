//! A connection to PostgreSQL for queries and commands. One thread at a time uses it, and blocks for every result.
//!
//! The connection has a separate small runtime for its I/O, so a result wakes only the waiting thread. No wait for a
//! result is longer than [`Timeouts::answer`], except during a migration: if the server is frozen or the network drops
//! packets, the call returns [`SqlFault::Silent`], and the caller drops the connection.
//!
//! In a transaction, statements passed to [`Sql::put`] are deferred until the next other statement or the end of the
//! transaction. They are then sent together, without waiting for a result before the next statement is sent. All
//! results are checked before COMMIT is sent, so the outcome is unknown only if the result of COMMIT itself is lost.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use cupel_postgres::{Endpoint, Reactor};
use cupel_types::RunId;
use futures_util::TryStreamExt as _;
use tokio_postgres::{Client, Statement};
use uuid::Uuid;

use super::dialect::translate;
use crate::rows::bad;
use crate::sql::commands::{FETCH_RUNS, RunRow};
use crate::sql::fault::SqlFault;
use crate::sql::{Bind as _, Lock, Row, Sql, Value};

/// Maximum number of prepared statements per connection. Only list queries with many combinations of filters can exceed
/// it.
const STATEMENTS_MAX: usize = 400;

/// Timeouts of database operations.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// Limit for connecting, from the first packet to the end of the handshake.
    pub connect: Duration,
    /// Limit for waiting for a free connection of the pool.
    pub acquire: Duration,
    /// The server's limit for one statement. The server's limit for waiting for a lock is two thirds of this.
    pub statement: Duration,
    /// Limit for the server's result of one statement. Longer than `statement`, so that the server's own timeout
    /// applies first.
    pub answer: Duration,
}

impl Default for Timeouts {
    fn default() -> Timeouts {
        Timeouts {
            connect: Duration::from_secs(5),
            acquire: Duration::from_secs(10),
            statement: Duration::from_secs(12),
            answer: Duration::from_secs(15),
        }
    }
}

pub(super) struct Connection {
    // The first field, so that it is dropped before the client.
    reactor: Reactor,
    client: Client,
    /// Prepared statements by their SQL before translation.
    statements: RefCell<HashMap<String, Statement>>,
    answer: Cell<Duration>,
    /// Deferred changes that were not sent yet.
    queued: RefCell<Vec<QueuedStatement>>,
    fetched: RefCell<HashMap<RunId, Option<RunRow>>>,
    held: RefCell<HashSet<(Lock, [u8; 16])>>,
}

struct QueuedStatement {
    statement: Statement,
    values: Vec<Value<'static>>,
}

/// A failed transaction.
pub(super) struct NotCommitted {
    pub(super) fault: SqlFault,
    /// Whether the transaction may have been committed nevertheless.
    pub(super) may_be_committed: bool,
}

impl Connection {
    pub(super) fn open(place: &Endpoint, timeouts: &Timeouts) -> Result<Connection, SqlFault> {
        let unreachable = |error: std::io::Error| SqlFault::Unreachable(Arc::new(error));
        let reactor = Reactor::new().map_err(unreachable)?;
        let connecting = async {
            let (client, connection) = place.connect().await?;
            tokio::spawn(connection);
            // An idle transaction belongs to a node that was killed or disconnected; the transaction's locks must not
            // block other nodes.
            let session = format!(
                "SET statement_timeout = {statement}; SET lock_timeout = {lock}; SET idle_in_transaction_session_timeout = {idle}; \
                 SET jit = off; SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'",
                statement = timeouts.statement.as_millis(),
                lock = timeouts.statement.as_millis() * 2 / 3,
                idle = timeouts.answer.as_millis()
            );
            client.batch_execute(&session).await?;
            Ok::<_, tokio_postgres::Error>(client)
        };
        let client = reactor.block_on(async { tokio::time::timeout(timeouts.connect, connecting).await });
        let client = match client {
            Some(Ok(Ok(client))) => client,
            Some(Ok(Err(error))) if cupel_postgres::is_read_only(&error) => return Err(SqlFault::ReadOnly),
            Some(Ok(Err(error))) => return Err(SqlFault::Unreachable(Arc::new(error))),
            Some(Err(_elapsed)) => return Err(SqlFault::Silent),
            None => return Err(SqlFault::Closed),
        };
        Ok(Connection {
            reactor,
            client,
            statements: RefCell::default(),
            answer: Cell::new(timeouts.answer),
            queued: RefCell::default(),
            fetched: RefCell::default(),
            held: RefCell::default(),
        })
    }

    /// For operations that may take long: removes the server's limits on statements and locks, and sets the limit on
    /// results.
    pub(super) fn set_long_timeouts(&self, answer: Duration) -> Result<(), SqlFault> {
        self.answer.set(answer);
        self.batch("SET statement_timeout = 0; SET lock_timeout = 0; SET idle_in_transaction_session_timeout = 0")
    }

    fn wait<T>(&self, answer: impl Future<Output = Result<T, tokio_postgres::Error>>) -> Result<T, SqlFault> {
        let answer = async { tokio::time::timeout(self.answer.get(), answer).await };
        let answer = self.reactor.block_on(answer).ok_or(SqlFault::Closed)?;
        Ok(answer.map_err(|_elapsed| SqlFault::Silent)??)
    }

    /// Executes statements without parameters, separated by semicolons.
    pub(super) fn batch(&self, sql: &str) -> Result<(), SqlFault> {
        self.wait(self.client.batch_execute(sql))
    }

    fn statement(&self, sql: &str) -> Result<Statement, SqlFault> {
        if let Some(statement) = self.statements.borrow().get(sql) {
            return Ok(statement.clone());
        }
        let statement = self.wait(self.client.prepare(&translate(sql)))?;
        let mut statements = self.statements.borrow_mut();
        if statements.len() >= STATEMENTS_MAX {
            statements.clear();
        }
        statements.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }

    fn query(&self, sql: &str, values: &[Value<'_>]) -> Result<Vec<tokio_postgres::Row>, SqlFault> {
        self.flush()?;
        let statement = self.statement(sql)?;
        self.wait(async { self.client.query_raw(&statement, values).await?.try_collect().await })
    }

    /// Begins a transaction, and reads and locks these runs. `standing` are the runs whose end may change a user's
    /// standing in a problem; their problems and owners are locked as well.
    pub(super) fn begin(&self, durable: bool, mut runs: Vec<RunId>, standing: &HashSet<RunId>) -> Result<(), SqlFault> {
        self.forget();
        // Source: PostgreSQL's manual, "Asynchronous Commit".
        let begin = if durable { "BEGIN" } else { "BEGIN; SET LOCAL synchronous_commit TO OFF" };
        runs.sort_unstable();
        runs.dedup();
        if runs.is_empty() {
            return self.batch(begin);
        }
        // All transactions lock the rows of runs in the order of their ids, so these locks cause no deadlock.
        let statement = self.statement(FETCH_RUNS)?;
        let ids: Vec<Value<'_>> = runs.iter().map(|run| run.as_uuid().as_bytes().value()).collect();
        let rows = self.wait(async {
            let ids: [&Vec<Value<'_>>; 1] = [&ids];
            let begin = self.client.batch_execute(begin);
            let fetch = async { self.client.query_raw(&statement, ids).await?.try_collect::<Vec<_>>().await };
            // Both statements are sent at once, in this order.
            let ((), rows) = futures_util::future::try_join(begin, fetch).await?;
            Ok(rows)
        })?;
        let mut fetched = self.fetched.borrow_mut();
        fetched.extend(runs.into_iter().map(|run| (run, None)));
        let (mut problems, mut users) = (Vec::new(), Vec::new());
        for row in &rows {
            let row = RunRow::of(Row::Postgres(row))?;
            if let Some(about) = row.about.filter(|_| standing.contains(&row.id)) {
                problems.push(about.problem);
                users.push(row.owner);
            }
            fetched.insert(row.id, Some(row));
        }
        drop(fetched);
        problems.sort_unstable();
        problems.dedup();
        self.lock_all(Lock::Problem, problems.iter().map(|problem| problem.as_uuid()))?;
        users.sort_unstable();
        users.dedup();
        self.lock_all(Lock::User, users.iter().map(|user| user.as_uuid()))
    }

    /// Locks these rows, which must be in the order of their ids.
    fn lock_all<'i>(&self, what: Lock, ids: impl Iterator<Item = &'i Uuid>) -> Result<(), SqlFault> {
        let ids: Vec<Value<'_>> = ids.map(|id| id.as_bytes().value()).collect();
        if ids.is_empty() {
            return Ok(());
        }
        // A weaker lock, so that inserts of rows that only refer to this row need not wait.
        let sql = match what {
            Lock::Submission => "SELECT id FROM code_submissions WHERE id = ANY(?) ORDER BY id FOR NO KEY UPDATE",
            Lock::Problem => "SELECT id FROM problems WHERE id = ANY(?) ORDER BY id FOR NO KEY UPDATE",
            Lock::Contest => "SELECT id FROM contests WHERE id = ANY(?) ORDER BY id FOR NO KEY UPDATE",
            Lock::User => "SELECT id FROM users WHERE id = ANY(?) ORDER BY id FOR NO KEY UPDATE",
        };
        self.flush()?;
        let statement = self.statement(sql)?;
        let rows = self.wait(async {
            let ids: [&Vec<Value<'_>>; 1] = [&ids];
            self.client.query_raw(&statement, ids).await?.try_collect::<Vec<_>>().await
        })?;
        let mut held = self.held.borrow_mut();
        for row in &rows {
            held.insert((what, Row::Postgres(row).get(0)?));
        }
        Ok(())
    }

    /// Commits the transaction, including deferred changes.
    pub(super) fn commit(&self) -> Result<(), NotCommitted> {
        self.flush().map_err(|fault| NotCommitted { fault, may_be_committed: false })?;
        self.forget();
        self.batch("COMMIT").map_err(|fault| NotCommitted { may_be_committed: fault.ends_the_connection(), fault })
    }

    pub(super) fn roll_back(&self) -> Result<(), SqlFault> {
        self.forget();
        self.batch("ROLLBACK")
    }

    fn forget(&self) {
        self.queued.borrow_mut().clear();
        self.fetched.borrow_mut().clear();
        self.held.borrow_mut().clear();
    }

    /// Sends the deferred changes, and checks all results.
    fn flush(&self) -> Result<(), SqlFault> {
        let queued = self.queued.take();
        if queued.is_empty() {
            return Ok(());
        }
        let changes = queued.iter().map(|one| self.client.execute_raw(&one.statement, &one.values));
        // The first fault is the cause: later statements may fail because an earlier one changed no row.
        for changed in self.wait(async { Ok(one_after_another(changes).await) })? {
            match changed? {
                1 => {}
                changed => return Err(SqlFault::NotOne { changed }),
            }
        }
        Ok(())
    }
}

/// Sends all requests in order, without waiting for a result before the next request is sent. A request is sent when it
/// is first polled.
async fn one_after_another<T>(requests: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut requests: Vec<Pin<Box<_>>> = requests.map(Box::pin).collect();
    let mut answers = poll_fn(|context| {
        let polled: Vec<_> = requests.iter_mut().map(|request| request.as_mut().poll(context)).collect();
        Poll::Ready(polled)
    })
    .await
    .into_iter();
    let mut all = Vec::with_capacity(requests.len());
    for request in requests {
        all.push(match answers.next() {
            Some(Poll::Ready(answer)) => answer,
            Some(Poll::Pending) | None => request.await,
        });
    }
    all
}

impl Sql for Connection {
    fn execute(&self, sql: &str, values: &[Value<'_>]) -> Result<u64, SqlFault> {
        self.flush()?;
        let statement = self.statement(sql)?;
        self.wait(self.client.execute_raw(&statement, values))
    }

    fn put(&self, sql: &str, values: &[Value<'_>]) -> Result<(), SqlFault> {
        let statement = self.statement(sql)?;
        let values = values.iter().map(|value| value.clone().into_owned()).collect();
        self.queued.borrow_mut().push(QueuedStatement { statement, values });
        Ok(())
    }

    fn each(
        &self,
        sql: &str,
        values: &[Value<'_>],
        visit: &mut dyn FnMut(Row<'_>) -> Result<(), SqlFault>,
    ) -> Result<(), SqlFault> {
        self.query(sql, values)?.iter().try_for_each(|row| visit(Row::Postgres(row)))
    }

    fn lock(&self, what: Lock, id: &[u8]) -> Result<(), SqlFault> {
        let id = Uuid::from_slice(id).map_err(|_| bad("id"))?;
        if self.held.borrow().contains(&(what, id.into_bytes())) {
            return Ok(());
        }
        self.lock_all(what, [&id].into_iter())
    }

    fn run_at_hand(&self, run: RunId) -> Option<Option<RunRow>> {
        self.fetched.borrow_mut().remove(&run)
    }

    fn sync(&self) -> Result<(), SqlFault> {
        // A commit without changes does not wait for the log. This query writes a log record, which follows all earlier
        // log records.
        self.query("SELECT pg_logical_emit_message(TRUE, 'cupel', 'sync')::TEXT", &[]).map(drop)
    }
}
