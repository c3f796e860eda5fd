//! Every query and every command, written once for both databases.
//!
//! [`Sql`] is a connection as they see it. `accounts.rs`, `cluster.rs`, `runs.rs`, `problems.rs`, `contests.rs`, `dead.rs`, `freezes.rs`, `history.rs`, `membership.rs`,
//! `rejudge.rs`, `standings.rs`, `webhooks.rs` are the store's ports over it, `commands.rs` the changes to runs, `large.rs` where
//! their large data lie; [`SqlStore`] is those ports on a [`Backend`], which is a database: `sqlite/` and `postgres/`.
//!
//! *The SQL that both understand.* Places are `?` or `?1`. Flags are the numbers 0 and 1, so a condition is `solved = 1`.
//! Where one could be NULL, `ORDER BY` says `NULLS FIRST` or `NULLS LAST`: the databases differ in that. `"user"` is quoted: on
//! PostgreSQL a bare `user` is who is connected. What stands in `/*pg …*/` is for PostgreSQL alone, what stands between
//! `/*sqlite*/` and `/*end*/` for SQLite alone (`postgres/dialect.rs`).
//!
//! *What is different.* On SQLite one transaction writes at a time. On PostgreSQL many do, on many machines, each statement seeing
//! what was committed before it. So who reads something and writes what follows from it holds a lock in between:
//! [`RunRow::read`](commands::RunRow::read) locks the run, [`Sql::lock`] whatever else. Two who look for a unique name and insert
//! it at once cannot both do so; the second is carried out again, and then sees the first.

pub(crate) mod accounts;
pub(crate) mod cluster;
pub(crate) mod commands;
pub(crate) mod contests;
pub(crate) mod dead;
pub(crate) mod fault;
pub(crate) mod freezes;
pub(crate) mod history;
pub(crate) mod large;
pub(crate) mod membership;
pub(crate) mod problems;
pub(crate) mod recent;
pub(crate) mod rejudge;
pub(crate) mod runs;
pub(crate) mod standings;
pub(crate) mod value;
pub(crate) mod webhooks;
pub(crate) mod write;

use std::sync::Arc;

use cupel_core::StoreError;
use cupel_types::RunId;

use commands::RunRow;
use fault::Fault;
use large::Large;
use recent::Recent;
pub(crate) use value::{Bind, Row, Value, values};
pub(crate) use write::Write;

/// A row that is held until the transaction ends: whoever asks for it meanwhile waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Lock {
    Submission,
    Problem,
    Contest,
    User,
}

/// A connection with a transaction or without. Statements are prepared once.
pub(crate) trait Sql {
    /// How many rows changed.
    fn execute(&self, sql: &str, values: &[Value<'_>]) -> Result<u64, Fault>;

    /// Changes exactly one row. Carried out before anything else is asked or the transaction ends, and not
    /// necessarily at once.
    ///
    /// # Errors
    /// When it is not one row; that and every other error may also come later, and ends the transaction.
    fn put(&self, sql: &str, values: &[Value<'_>]) -> Result<(), Fault>;

    /// Tells each row of the answer, in order.
    fn each(
        &self,
        sql: &str,
        values: &[Value<'_>],
        tell: &mut dyn FnMut(Row<'_>) -> Result<(), Fault>,
    ) -> Result<(), Fault>;

    /// Holds a row until the transaction ends. Who holds several takes them in the order of [`Lock`], and of one kind
    /// in the order of their ids.
    fn lock(&self, what: Lock, id: &[u8]) -> Result<(), Fault>;

    /// A run's row that was fetched and locked beforehand (`None` in it: there is no such run). It is good once.
    fn run_at_hand(&self, run: RunId) -> Option<Option<RunRow>>;

    /// Makes everything that was committed before survive anything, once this transaction is committed durably.
    fn sync(&self) -> Result<(), Fault>;
}

impl dyn Sql + '_ {
    /// All rows of the answer.
    pub(crate) fn all<T>(
        &self,
        sql: &str,
        values: &[Value<'_>],
        mut of: impl FnMut(Row<'_>) -> Result<T, Fault>,
    ) -> Result<Vec<T>, Fault> {
        let mut all = Vec::new();
        self.each(sql, values, &mut |row| {
            all.push(of(row)?);
            Ok(())
        })?;
        Ok(all)
    }

    /// The only row of the answer, if there is one.
    pub(crate) fn one<T>(
        &self,
        sql: &str,
        values: &[Value<'_>],
        of: impl FnOnce(Row<'_>) -> Result<T, Fault>,
    ) -> Result<Option<T>, Fault> {
        let (mut of, mut one) = (Some(of), None);
        self.each(sql, values, &mut |row| {
            if let Some(of) = of.take() {
                one = Some(of(row)?);
            }
            Ok(())
        })?;
        Ok(one)
    }

    /// The number that an aggregate is.
    pub(crate) fn count(&self, sql: &str, values: &[Value<'_>]) -> Result<u64, Fault> {
        let count = self.one(sql, values, |row| row.get::<i64>(0))?;
        Ok(count.and_then(|count| u64::try_from(count).ok()).unwrap_or(0))
    }

    /// Whether the answer has a row.
    pub(crate) fn exists(&self, sql: &str, values: &[Value<'_>]) -> Result<bool, Fault> {
        Ok(self.one(sql, values, |_| Ok(()))?.is_some())
    }
}

/// A database: where questions are asked and commands are carried out.
pub(crate) trait Backend: Send + Sync + 'static {
    /// Whether several nodes may have it at one time.
    const MANY_NODES: bool;

    /// What is asked of a connection, away from the threads that must not block. May be asked again on another connection.
    fn read<T: Send + 'static>(
        &self,
        operation: &'static str,
        question: impl Fn(&dyn Sql) -> Result<T, Fault> + Send + 'static,
    ) -> impl Future<Output = Result<T, StoreError>> + Send;

    /// Carries a command out; answers after its commit.
    fn write<W: Write>(&self, command: W) -> impl Future<Output = Result<W::Output, StoreError>> + Send;

    /// Whether commands are carried out at present: not by one that is closed, or that has found its disk full.
    fn state(&self) -> Result<(), Fault>;

    /// Ends after what it has been given.
    fn close(&self) -> impl Future<Output = ()> + Send;
}

/// The store on a database. A clone is another handle on the same one.
#[derive(Clone, Debug)]
pub struct SqlStore<B> {
    pub(crate) backend: B,
    pub(crate) recent: Arc<Recent>,
    pub(crate) large: Large,
}

impl<B> SqlStore<B> {
    pub(crate) fn on(backend: B) -> SqlStore<B> {
        SqlStore { backend, recent: Arc::default(), large: Large::default() }
    }

    async fn write<W: Write>(&self, command: W) -> Result<W::Output, StoreError>
    where
        B: Backend,
    {
        self.backend.write(command).await
    }

    async fn read<T: Send + 'static>(
        &self,
        operation: &'static str,
        question: impl Fn(&dyn Sql) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, StoreError>
    where
        B: Backend,
    {
        self.backend.read(operation, question).await
    }
}

/// An id as it is bound.
pub(crate) fn bytes(id: &uuid::Uuid) -> &[u8] {
    id.as_bytes()
}
