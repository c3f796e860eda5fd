//! The queries and commands of the store's ports, written once for both databases.
//!
//! [`Sql`] is the connection that the queries and commands use. The store's ports are implemented in `accounts.rs`,
//! `cluster.rs`, `contests.rs`, `dead_letters.rs`, `drafts.rs`, `membership.rs`, `problems.rs`, `runs.rs`,
//! `snippets.rs` and `webhooks.rs`. Of the other files, `commands.rs` has the changes to runs, `large.rs` the storage
//! of large data, and `freezes.rs`, `history.rs`, `rejudge.rs` and `standings.rs` the queries and commands of their
//! subjects. [`SqlStore`] implements the ports on a [`Backend`], which is a database: `sqlite/` or `postgres/`.
//! `read.rs` and `write.rs` pass queries and commands to it.
//!
//! *Common SQL dialect.* Parameters are `?` or `?1`. Flags are the numbers 0 and 1, so a condition is `solved = 1`. An
//! `ORDER BY` expression that can be NULL has `NULLS FIRST` or `NULLS LAST`, because the defaults of the databases
//! differ. `"user"` is quoted: in PostgreSQL an unquoted `user` is the session user. Text in `/*pg …*/` applies to
//! PostgreSQL only, text between `/*sqlite*/` and `/*end*/` to SQLite only (`postgres/dialect.rs`).
//!
//! *Concurrency.* On SQLite one transaction writes at a time. On PostgreSQL many transactions write concurrently, from
//! many machines, and each statement sees what was committed before it started. Read-modify-write commands therefore
//! lock the row: [`RunRow::read`](commands::RunRow::read) locks the run, [`Sql::lock`] any other row. If two
//! transactions check that a unique name is free and insert it at the same time, only one succeeds. The other is run
//! again and then finds the row of the first.

pub(crate) mod accounts;
pub(crate) mod cluster;
pub(crate) mod commands;
pub(crate) mod contests;
pub(crate) mod dead_letters;
pub(crate) mod drafts;
pub(crate) mod fault;
pub(crate) mod freezes;
pub(crate) mod guests;
pub(crate) mod history;
pub(crate) mod large;
pub(crate) mod membership;
pub(crate) mod problems;
pub(crate) mod read;
pub(crate) mod recent;
pub(crate) mod rejudge;
pub(crate) mod runs;
pub(crate) mod snippets;
pub(crate) mod standings;
pub(crate) mod value;
pub(crate) mod webhooks;
pub(crate) mod write;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use cupel_core::{Blobs, Clock, StoreError};
use cupel_types::RunId;

use commands::RunRow;
use fault::SqlFault;
pub use fault::outage_of;
use large::Large;
use read::{Answer, Query, answer_of, query};
use recent::Recent;
pub(crate) use value::{Bind, Row, Value, values};
use write::Commands;
pub(crate) use write::Write;

/// A row that is locked until the transaction ends; other transactions wait for the lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Lock {
    Submission,
    Problem,
    Contest,
    User,
}

/// A connection, inside or outside a transaction. Statements are prepared once and cached.
pub(crate) trait Sql {
    /// Executes a statement and returns the number of changed rows.
    fn execute(&self, sql: &str, values: &[Value<'_>]) -> Result<u64, SqlFault>;

    /// Changes exactly one row. The statement may be deferred; it is executed before the next query and before the
    /// transaction ends.
    ///
    /// # Errors
    /// If the statement does not change exactly one row. This and any other error may be returned by a later call, and
    /// ends the transaction.
    fn put(&self, sql: &str, values: &[Value<'_>]) -> Result<(), SqlFault>;

    /// Calls `visit` for each row of the result, in order.
    fn each(
        &self,
        sql: &str,
        values: &[Value<'_>],
        visit: &mut dyn FnMut(Row<'_>) -> Result<(), SqlFault>,
    ) -> Result<(), SqlFault>;

    /// Locks a row until the transaction ends. To avoid deadlocks, a transaction takes its locks in the order of
    /// [`Lock`], and locks of one kind in the order of their ids.
    fn lock(&self, what: Lock, id: &[u8]) -> Result<(), SqlFault>;

    /// Takes a run's row that was fetched and locked in advance (inner `None`: no such run). Available once per run.
    fn run_at_hand(&self, run: RunId) -> Option<Option<RunRow>>;

    /// Makes all earlier commits durable, once this transaction is committed durably.
    fn sync(&self) -> Result<(), SqlFault>;
}

impl dyn Sql + '_ {
    /// All rows of the result.
    pub(crate) fn all<T>(
        &self,
        sql: &str,
        values: &[Value<'_>],
        mut of: impl FnMut(Row<'_>) -> Result<T, SqlFault>,
    ) -> Result<Vec<T>, SqlFault> {
        let mut all = Vec::new();
        self.each(sql, values, &mut |row| {
            all.push(of(row)?);
            Ok(())
        })?;
        Ok(all)
    }

    /// The first row of the result, if there is one.
    pub(crate) fn one<T>(
        &self,
        sql: &str,
        values: &[Value<'_>],
        of: impl FnOnce(Row<'_>) -> Result<T, SqlFault>,
    ) -> Result<Option<T>, SqlFault> {
        let (mut of, mut one) = (Some(of), None);
        self.each(sql, values, &mut |row| {
            if let Some(of) = of.take() {
                one = Some(of(row)?);
            }
            Ok(())
        })?;
        Ok(one)
    }

    /// The value of an aggregate query.
    pub(crate) fn count(&self, sql: &str, values: &[Value<'_>]) -> Result<u64, SqlFault> {
        let count = self.one(sql, values, |row| row.get::<i64>(0))?;
        Ok(count.and_then(|count| u64::try_from(count).ok()).unwrap_or(0))
    }

    /// Whether the result has a row.
    pub(crate) fn exists(&self, sql: &str, values: &[Value<'_>]) -> Result<bool, SqlFault> {
        Ok(self.one(sql, values, |_| Ok(()))?.is_some())
    }
}

/// A database that runs queries and commands.
#[async_trait]
pub(crate) trait Backend: fmt::Debug + Send + Sync {
    /// Whether several nodes may use the database at the same time.
    fn has_many_nodes(&self) -> bool;

    /// The clock with which times in the database, such as the ends of leases, are compared.
    fn clock(&self) -> Arc<dyn Clock>;

    /// Runs a query on a connection, on a thread that may block. Waits for a connection if all are busy. If the future
    /// is dropped, a query that has begun still runs to its end.
    async fn read(&self, query: Query) -> Result<Answer, SqlFault>;

    /// The queue of the commands.
    fn commands(&self) -> &Commands;

    /// Completes the commands accepted so far, then closes.
    async fn close(&self);
}

/// A store on a database. A clone is another handle to the same store.
#[derive(Clone, Debug)]
pub struct SqlStore {
    backend: Arc<dyn Backend>,
    recent: Arc<Recent>,
    pub(crate) large: Large,
}

impl SqlStore {
    pub(crate) fn on(backend: impl Backend + 'static) -> SqlStore {
        SqlStore { backend: Arc::new(backend), recent: Arc::default(), large: Large::default() }
    }

    /// Stores sources, inputs and outputs of more than 64 KiB in `blobs` from now on, and reads those stored there
    /// earlier. A store opened without that blob store cannot read these submissions.
    #[must_use]
    pub fn with_blobs(self, blobs: Arc<dyn Blobs>) -> SqlStore {
        SqlStore { large: Large::in_blobs(blobs), ..self }
    }

    /// The clock of the store's times. On PostgreSQL it is the database's, which is the same on every node, independent
    /// of the clocks of the machines; on SQLite it is this machine's.
    pub fn clock(&self) -> Arc<dyn Clock> {
        self.backend.clock()
    }

    /// Runs a command; returns after its commit.
    pub(crate) fn write<W: Write>(&self, command: W) -> impl Future<Output = Result<W::Output, StoreError>> + Send {
        self.backend.commands().run(command)
    }

    /// Runs a query. `operation` names it in errors.
    pub(crate) fn read<T: Send + 'static>(
        &self,
        operation: &'static str,
        question: impl Fn(&dyn Sql) -> Result<T, SqlFault> + Send + 'static,
    ) -> impl Future<Output = Result<T, StoreError>> + Send {
        answer_of(self.ask(operation, query(question)))
    }

    async fn ask(&self, operation: &'static str, query: Query) -> Result<Answer, StoreError> {
        self.backend.read(query).await.map_err(|fault| fault.during(operation))
    }
}

/// An id as a statement parameter.
pub(crate) fn bytes(id: &uuid::Uuid) -> &[u8] {
    id.as_bytes()
}
