//! The writer: one task, one connection, commands grouped into transactions.
//!
//! Commands that arrive while a transaction is being committed go into the next one together (group
//! commit), so that many clients share one sync of the disk. Each is answered only after the commit.
//!
//! One failing must not fail the others. Commands hardly ever fail (a refusal is an answer, not a failure), so
//! no savepoint is paid for: when one does fail, the transaction is rolled back and every command gets a
//! transaction of its own. `Write::apply` takes `&self` and touches nothing but the database, so it can run twice.
//!
//! *Durability.* A transaction with a durable command in it commits with `synchronous=FULL`: the log is synced
//! before anybody hears of it. One that only leases, renews or notes the use of a key commits with
//! `synchronous=NORMAL`, without a sync. Nothing accepted can be lost by that: the log is written in order, so
//! a power failure loses at most a tail of such commits, never a durable one or anything before it; a lost
//! lease leaves its run `Queued`, which is run again, and its worker died with the machine. A killed process
//! loses nothing at all, since the kernel has the pages. Source: sqlite.org, "PRAGMA synchronous".

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use cupel_core::StoreError;
use sqlx::sqlite::SqliteConnection;
use sqlx::{Connection as _, Executor as _};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::fault::Fault;

/// Commands that may wait; beyond that the callers wait.
const WAITING_MAX: usize = 1024;
/// Commands in one transaction.
const BATCH_MAX: usize = 256;

/// A change of the database.
#[async_trait]
pub(super) trait Write: Send + Sync + 'static {
    type Output: Send + 'static;
    /// What is being done, for the error: `insert submissions`.
    const OPERATION: &'static str;
    /// Whether it must survive a loss of power once answered.
    const DURABLE: bool;
    /// Makes the change inside the open transaction. May be called again after a rollback.
    async fn apply(&self, connection: &mut SqliteConnection) -> Result<Self::Output, Fault>;
}

#[derive(Clone, Debug)]
pub(super) struct Writer {
    commands: mpsc::Sender<Box<dyn Job>>,
    task: Arc<Mutex<Option<JoinHandle<()>>>>,
}

impl Writer {
    pub(super) fn start(connection: SqliteConnection) -> Writer {
        let (commands, waiting) = mpsc::channel(WAITING_MAX);
        let task = tokio::spawn(Loop { connection, syncing: true }.run(waiting));
        Writer { commands, task: Arc::new(Mutex::new(Some(task))) }
    }

    /// Has a command carried out; answers after the commit.
    pub(super) async fn run<W: Write>(&self, command: W) -> Result<W::Output, StoreError> {
        let (answer, answered) = oneshot::channel();
        let job = Pending { command, done: None, answer };
        let sent = self.commands.send(Box::new(job)).await;
        let result = match sent {
            Ok(()) => answered.await.unwrap_or(Err(Fault::Closed)),
            Err(_) => Err(Fault::Closed),
        };
        result.map_err(|fault| fault.during(W::OPERATION))
    }

    /// Whether commands are still carried out.
    pub(super) fn is_alive(&self) -> bool {
        !self.commands.is_closed()
    }

    pub(super) async fn close(&self) {
        let (answer, answered) = oneshot::channel();
        if self.commands.send(Box::new(Stop { answer })).await.is_ok() {
            let _ = answered.await;
        }
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(task) = task {
            let _ = task.await;
        }
    }
}

/// A command with the caller who waits for it.
#[async_trait]
trait Job: Send {
    fn durable(&self) -> bool {
        false
    }
    /// Applies the command and keeps its result.
    async fn apply(&mut self, connection: &mut SqliteConnection) -> Result<(), Fault>;
    /// Tells the caller: the result that was kept, or why there is none.
    fn answer(self: Box<Self>, committed: Result<(), Fault>);
    fn stops(&self) -> bool {
        false
    }
}

struct Pending<W: Write> {
    command: W,
    done: Option<W::Output>,
    answer: oneshot::Sender<Result<W::Output, Fault>>,
}

#[async_trait]
impl<W: Write> Job for Pending<W> {
    fn durable(&self) -> bool {
        W::DURABLE
    }

    async fn apply(&mut self, connection: &mut SqliteConnection) -> Result<(), Fault> {
        self.done = None;
        self.done = Some(self.command.apply(connection).await?);
        Ok(())
    }

    fn answer(self: Box<Self>, committed: Result<(), Fault>) {
        let Pending { done, answer, .. } = *self;
        // A caller who went away does not hear it; what was written stands.
        let _ = answer.send(committed.and_then(|()| done.ok_or(Fault::Closed)));
    }
}

struct Stop {
    answer: oneshot::Sender<()>,
}

#[async_trait]
impl Job for Stop {
    async fn apply(&mut self, _: &mut SqliteConnection) -> Result<(), Fault> {
        Ok(())
    }

    fn answer(self: Box<Self>, _: Result<(), Fault>) {
        let _ = self.answer.send(());
    }

    fn stops(&self) -> bool {
        true
    }
}

struct Loop {
    connection: SqliteConnection,
    /// Whether `synchronous` is FULL at present, for certain.
    syncing: bool,
}

impl Loop {
    async fn run(mut self, mut waiting: mpsc::Receiver<Box<dyn Job>>) {
        let mut batch: Vec<Box<dyn Job>> = Vec::with_capacity(BATCH_MAX);
        while waiting.recv_many(&mut batch, BATCH_MAX).await > 0 {
            let stop = batch.iter().any(|job| job.stops());
            if stop {
                waiting.close();
            }
            self.commit_together(&mut batch).await;
            if stop {
                while waiting.recv_many(&mut batch, BATCH_MAX).await > 0 {
                    self.commit_together(&mut batch).await;
                }
            }
        }
        if let Err(error) = self.connection.close().await {
            tracing::warn!(%error, "the database was not closed cleanly; its log is replayed when it is opened");
        }
    }

    async fn commit_together(&mut self, batch: &mut Vec<Box<dyn Job>>) {
        match self.transaction(batch).await {
            Ok(()) => batch.drain(..).for_each(|job| job.answer(Ok(()))),
            Err(_) if batch.len() > 1 => {
                for job in batch.drain(..) {
                    let mut alone = [job];
                    let result = self.transaction(&mut alone).await;
                    let [job] = alone;
                    job.answer(result);
                }
            }
            Err(fault) => batch.drain(..).for_each(|job| job.answer(Err(fault.clone()))),
        }
    }

    /// Applies all or none.
    async fn transaction(&mut self, jobs: &mut [Box<dyn Job>]) -> Result<(), Fault> {
        let durable = jobs.iter().any(|job| job.durable());
        self.begin(durable).await?;
        let result = self.apply_and_commit(jobs).await;
        if result.is_err() {
            // SQLite may have rolled back by itself; then this fails and is not needed.
            let _ = self.connection.execute(sqlx::query("ROLLBACK")).await;
        }
        result
    }

    async fn apply_and_commit(&mut self, jobs: &mut [Box<dyn Job>]) -> Result<(), Fault> {
        for job in jobs {
            job.apply(&mut self.connection).await?;
        }
        self.connection.execute(sqlx::query("COMMIT")).await?;
        Ok(())
    }

    /// Begins a transaction whose commit is synced or is not.
    async fn begin(&mut self, sync: bool) -> Result<(), Fault> {
        if self.syncing == sync {
            self.connection.execute(sqlx::query("BEGIN IMMEDIATE")).await?;
            return Ok(());
        }
        // Raw, so never from the statement cache: SQLite may carry a pragma out when it compiles it. Source:
        // sqlite.org, "PRAGMA statements". In one call, because each costs a change of threads.
        let sql = if sync {
            "PRAGMA synchronous = FULL; BEGIN IMMEDIATE"
        } else {
            "PRAGMA synchronous = NORMAL; BEGIN IMMEDIATE"
        };
        // If this fails halfway, nobody knows which holds; then FULL is asked for again.
        self.syncing = false;
        self.connection.execute(sqlx::raw_sql(sql)).await?;
        self.syncing = sync;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sqlx::Row as _;
    use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};

    struct Touch<const SYNC: bool>;

    #[async_trait]
    impl<const SYNC: bool> Write for Touch<SYNC> {
        type Output = ();
        const OPERATION: &'static str = "touch";
        const DURABLE: bool = SYNC;

        async fn apply(&self, connection: &mut SqliteConnection) -> Result<(), Fault> {
            connection.execute(sqlx::query("INSERT INTO t VALUES (1)")).await?;
            Ok(())
        }
    }

    fn job<const SYNC: bool>() -> Box<dyn Job> {
        Box::new(Pending { command: Touch::<SYNC>, done: None, answer: oneshot::channel().0 })
    }

    #[tokio::test]
    async fn a_transaction_with_a_durable_command_commits_with_a_sync_and_only_such_a_one() {
        const FULL: i64 = 2;
        const NORMAL: i64 = 1;
        let folder = tempfile::tempdir().unwrap();
        let options = SqliteConnectOptions::new().filename(folder.path().join("t.db")).create_if_missing(true);
        let mut connection =
            sqlx::ConnectOptions::connect(&options.journal_mode(SqliteJournalMode::Wal)).await.unwrap();
        connection.execute("CREATE TABLE t (n)").await.unwrap();
        let mut writer = Loop { connection, syncing: true };
        // Again and again: a pragma from a statement cache might be carried out only once.
        for round in 0..5 {
            let batches = [
                (vec![job::<true>()], FULL),
                (vec![job::<false>(), job::<false>()], NORMAL),
                (vec![job::<false>(), job::<true>(), job::<false>()], FULL),
                (vec![job::<false>()], NORMAL),
            ];
            for (i, (mut batch, expected)) in batches.into_iter().enumerate() {
                writer.commit_together(&mut batch).await;
                let row = writer.connection.fetch_one(sqlx::raw_sql("PRAGMA synchronous")).await.unwrap();
                assert_eq!(row.get::<i64, _>(0), expected, "round {round}, batch {i}");
            }
        }
        let row = writer.connection.fetch_one("SELECT count(*) FROM t").await.unwrap();
        assert_eq!(row.get::<i64, _>(0), 5 * 7);
    }
}
