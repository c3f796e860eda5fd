//! The writer: one thread with one connection, which groups commands into transactions.
//!
//! Commands that arrive while a transaction is being committed share the next transaction (group commit), so that many
//! clients share one sync of the disk. Each command is acknowledged only after the commit.
//!
//! A failing command must not fail the others. Commands rarely fail (a refusal is a result, not a failure), so there
//! are no savepoints. If a command fails, the transaction is rolled back and every command gets a separate transaction.
//! `Write::apply` takes `&self` and changes only the database, so it can run twice.
//!
//! *Durability.* A transaction with a durable command commits with `synchronous=FULL`: the log is synced before the
//! command is acknowledged. A transaction without a durable command (for example, one that only leases, renews, saves
//! drafts, or writes a submission that is not acknowledged yet) commits with `synchronous=NORMAL`, without a sync. This
//! cannot lose accepted work: the log is written in order, so a power failure loses at most the last such commits. It
//! loses no durable commit, and no commit that precedes a durable commit. A run whose lease is lost is `Queued` again
//! and is run again; its worker stopped with the machine. If only the process is killed, nothing is lost, because the
//! kernel has the written pages. Source: sqlite.org, "PRAGMA synchronous".

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use std::{io, thread};

use rusqlite::Connection;

use crate::sql::fault::SqlFault;
use crate::sql::write::{Commands, Job, Waiting, line};

/// Maximum number of queued commands; if the queue is full, callers wait.
const WAITING_MAX: usize = 1024;
/// Maximum number of commands in one transaction.
const BATCH_MAX: usize = 256;

/// Minimum interval between transactions under load. A transaction costs about as much as ten commands, so a short wait
/// lets more commands share a transaction. Without load, no command waits.
const PACE: Duration = Duration::from_millis(1);
/// Number of commands per second from which the writer is considered under load.
const PACED_FROM: f64 = 900.0;
/// Interval over which commands are counted.
const COUNTED_OVER: Duration = Duration::from_millis(20);

#[derive(Clone, Debug)]
pub(super) struct Writer {
    commands: Commands,
    thread: Arc<Mutex<Option<JoinHandle<()>>>>,
}

impl Writer {
    pub(super) fn start(connection: Connection) -> io::Result<Writer> {
        let place = format!("the disk of `{}`", connection.path().unwrap_or("the database"));
        let (commands, waiting) = line(WAITING_MAX, &place);
        let thread = thread::Builder::new().name("store-writer".into());
        let thread = thread.spawn(move || Loop { connection, syncing: true, was_full: false }.run(waiting))?;
        Ok(Writer { commands, thread: Arc::new(Mutex::new(Some(thread))) })
    }

    /// The queue of the writer.
    pub(super) fn commands(&self) -> &Commands {
        &self.commands
    }

    pub(super) async fn close(&self) {
        self.commands.stop().await;
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // The thread ends after it has closed the connection, which may include a checkpoint.
            let _ = tokio::task::spawn_blocking(move || thread.join()).await;
        }
    }
}

/// Decides when the next transaction begins.
struct Pace {
    last_began: Instant,
    counted_from: Instant,
    counted: usize,
    is_busy: bool,
}

impl Pace {
    fn new() -> Pace {
        let now = Instant::now();
        Pace { last_began: now, counted_from: now, counted: 0, is_busy: false }
    }

    /// Time to wait for further commands.
    fn pause(&self, now: Instant) -> Option<Duration> {
        // The first command after an idle period does not wait, even if the load was high before.
        let fresh = now.duration_since(self.counted_from) < 2 * COUNTED_OVER;
        let left = PACE.checked_sub(now.duration_since(self.last_began))?;
        (self.is_busy && fresh && !left.is_zero()).then_some(left)
    }

    fn begins(&mut self, now: Instant, commands: usize) {
        self.last_began = now;
        self.counted += commands;
        let counted_over = now.duration_since(self.counted_from);
        if counted_over >= COUNTED_OVER {
            self.is_busy = self.counted as f64 >= PACED_FROM * counted_over.as_secs_f64();
            self.counted_from = now;
            self.counted = 0;
        }
    }
}

struct Loop {
    connection: Connection,
    /// Whether `synchronous` is known to be FULL.
    syncing: bool,
    /// Whether the disk was full, and the log has not been emptied since.
    was_full: bool,
}

impl Loop {
    fn run(mut self, mut waiting: Waiting) {
        let mut batch: Vec<Box<dyn Job>> = Vec::with_capacity(BATCH_MAX);
        let mut pace = Pace::new();
        while waiting.blocking_recv_many(&mut batch, BATCH_MAX) > 0 {
            if let Some(pause) = pace.pause(Instant::now()) {
                thread::sleep(pause);
                while batch.len() < BATCH_MAX
                    && let Ok(job) = waiting.try_recv()
                {
                    batch.push(job);
                }
            }
            pace.begins(Instant::now(), batch.len());
            let stop = batch.iter().any(|job| job.stops());
            if stop {
                waiting.close();
            }
            self.commit_together(&mut batch);
            if stop {
                while waiting.blocking_recv_many(&mut batch, BATCH_MAX) > 0 {
                    self.commit_together(&mut batch);
                }
            }
        }
        if let Err((_, error)) = self.connection.close() {
            tracing::warn!(%error, "the database was not closed cleanly; its log is replayed when it is next opened");
        }
    }

    fn commit_together(&mut self, batch: &mut Vec<Box<dyn Job>>) {
        match self.transaction(batch) {
            Ok(()) => batch.drain(..).for_each(|job| job.answer(Ok(()))),
            Err(_) if batch.len() > 1 => {
                for job in batch.drain(..) {
                    let mut alone = [job];
                    let result = self.transaction(&mut alone);
                    let [job] = alone;
                    job.answer(result);
                }
            }
            Err(fault) => batch.drain(..).for_each(|job| job.answer(Err(fault.clone()))),
        }
    }

    /// Applies all jobs or none.
    fn transaction(&mut self, jobs: &mut [Box<dyn Job>]) -> Result<(), SqlFault> {
        let durable = jobs.iter().any(|job| job.durable());
        self.begin(durable)?;
        let result = self.apply_and_commit(jobs);
        if result.is_err() {
            // SQLite may already have rolled back. This statement then fails, which does no harm.
            let _ = self.connection.execute_batch("ROLLBACK");
        }
        match &result {
            Err(fault) if fault.is_disk_full() => self.was_full = true,
            Ok(()) if self.was_full => self.was_full = !self.empty_log(),
            _ => {}
        }
        result
    }

    /// Runs a checkpoint, so that the log is overwritten from its start. Without this, the log would continue to grow
    /// after the disk was full. Returns whether the whole log was written to the database. Source: sqlite.org, "PRAGMA
    /// wal_checkpoint".
    fn empty_log(&self) -> bool {
        let counts = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(1)?, row.get::<_, i64>(2)?));
        let done = self.connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], counts);
        done.is_ok_and(|(frames, written)| frames == written)
    }

    fn apply_and_commit(&mut self, jobs: &mut [Box<dyn Job>]) -> Result<(), SqlFault> {
        for job in jobs {
            job.apply(&self.connection)?;
        }
        self.connection.prepare_cached("COMMIT")?.execute([])?;
        Ok(())
    }

    /// Begins a transaction; `sync` decides whether its commit is synced.
    fn begin(&mut self, sync: bool) -> Result<(), SqlFault> {
        if self.syncing != sync {
            // Compiled each time and not taken from the statement cache, because SQLite may run a pragma when it is
            // compiled. Source: sqlite.org, "PRAGMA statements".
            let sql = if sync { "PRAGMA synchronous = FULL" } else { "PRAGMA synchronous = NORMAL" };
            // If the pragma fails, the setting is unknown; FULL is then set again before the next durable commit.
            self.syncing = false;
            self.connection.execute_batch(sql)?;
            self.syncing = sync;
        }
        self.connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::Write;
    use crate::sql::write::unawaited;
    use crate::sql::{Sql, values};

    #[test]
    fn transactions_are_paced_only_under_load() {
        let mut pace = Pace::new();
        let start = pace.last_began;
        let at = |ms: u64| start + Duration::from_millis(ms);
        for ms in 1..=50 {
            pace.begins(at(ms), 2);
        }
        assert_eq!(pace.pause(at(50)), Some(PACE));
        assert_eq!(pace.pause(at(51)), None, "the pause is over");
        assert_eq!(pace.pause(at(1050)), None, "no pause after an idle period");
        for second in 2..4 {
            pace.begins(at(1000 * second), 3);
        }
        assert_eq!(pace.pause(at(3000)), None, "few commands arrive");
    }

    struct Touch<const SYNC: bool>;

    impl<const SYNC: bool> Write for Touch<SYNC> {
        type Output = ();
        const OPERATION: &'static str = "touch";
        const DURABLE: bool = SYNC;

        fn apply(&self, db: &dyn Sql) -> Result<(), SqlFault> {
            db.put("INSERT INTO t VALUES (1)", values![])
        }
    }

    fn job<const SYNC: bool>() -> Box<dyn Job> {
        unawaited(Touch::<SYNC>)
    }

    #[test]
    fn only_a_transaction_with_a_durable_command_is_synced() {
        const FULL: i64 = 2;
        const NORMAL: i64 = 1;
        let folder = tempfile::tempdir().unwrap();
        let connection = Connection::open(folder.path().join("t.db")).unwrap();
        connection.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE t (n)").unwrap();
        let mut writer = Loop { connection, syncing: true, was_full: false };
        // Several rounds, because a pragma from a statement cache might run only once.
        for round in 0..5 {
            let batches = [
                (vec![job::<true>()], FULL),
                (vec![job::<false>(), job::<false>()], NORMAL),
                (vec![job::<false>(), job::<true>(), job::<false>()], FULL),
                (vec![job::<false>()], NORMAL),
            ];
            for (i, (mut batch, expected)) in batches.into_iter().enumerate() {
                writer.commit_together(&mut batch);
                let level = writer.connection.query_row("PRAGMA synchronous", [], |row| row.get::<_, i64>(0)).unwrap();
                assert_eq!(level, expected, "round {round}, batch {i}");
            }
        }
        let count = writer.connection.query_row("SELECT count(*) FROM t", [], |row| row.get::<_, i64>(0)).unwrap();
        assert_eq!(count, 5 * 7);
    }

    #[test]
    fn after_a_full_disk_the_log_does_not_grow_further() {
        let folder = tempfile::tempdir().unwrap();
        let connection = Connection::open(folder.path().join("t.db")).unwrap();
        connection
            .execute_batch("PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; CREATE TABLE t (n)")
            .unwrap();
        let mut writer = Loop { connection, syncing: true, was_full: false };
        let commits = |writer: &mut Loop, count: u32| {
            (0..count).map(|_| writer.transaction(&mut [job::<true>()]).is_ok()).collect::<Vec<_>>()
        };
        let log = || std::fs::metadata(folder.path().join("t.db-wal")).unwrap().len();
        // Limits the file to its present size, so that a table of many rows does not fit.
        writer.connection.execute_batch("PRAGMA max_page_count = 3").unwrap();
        let fitted = commits(&mut writer, 2_000).iter().filter(|fits| **fits).count();
        assert!((1..2_000).contains(&fitted), "{fitted} rows");
        let full = log();
        writer.connection.execute_batch("PRAGMA max_page_count = 1000000").unwrap();
        assert_eq!(commits(&mut writer, 300), [true; 300]);
        assert!(log() < full + 65_536, "{full} bytes, then {}", log());
    }
}
