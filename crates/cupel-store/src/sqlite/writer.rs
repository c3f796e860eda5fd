//! The writer: one thread, one connection, commands grouped into transactions.
//!
//! Commands that arrive while a transaction is being committed go into the next one together (group
//! commit), so that many clients share one sync of the disk. Each is answered only after the commit.
//!
//! One failing must not fail the others. Commands hardly ever fail (a refusal is an answer, not a failure), so
//! no savepoint is paid for: when one does fail, the transaction is rolled back and every command gets a
//! transaction of its own. `Write::apply` takes `&self` and touches nothing but the database, so it can run twice.
//!
//! *Durability.* A transaction with a durable command in it commits with `synchronous=FULL`: the log is synced
//! before anybody hears of it. One that only leases, renews, notes the use of a key or writes a submission that
//! nobody is told of yet commits with `synchronous=NORMAL`, without a sync. Nothing accepted can be lost by that: the log is written in order, so
//! a power failure loses at most a tail of such commits, never a durable one or anything before it; a lost
//! lease leaves its run `Queued`, which is run again, and its worker died with the machine. A killed process
//! loses nothing at all, since the kernel has the pages. Source: sqlite.org, "PRAGMA synchronous".

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use std::{io, thread};

use cupel_core::StoreError;
use rusqlite::Connection;

use crate::sql::Write;
use crate::sql::fault::Fault;
use crate::sql::write::{Commands, Job, Waiting, line};

/// Commands that may wait; beyond that the callers wait.
const WAITING_MAX: usize = 1024;
/// Commands in one transaction.
const BATCH_MAX: usize = 256;

/// How often transactions begin while many commands come: a transaction costs about as much as ten commands, so under
/// load a little waiting makes room for more of them. Whoever comes alone never waits.
const PACE: Duration = Duration::from_millis(1);
/// Commands a second from which on they are many.
const PACED_FROM: f64 = 900.0;
/// Over which commands are counted for that.
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

    /// Has a command carried out; answers after the commit.
    pub(super) async fn run<W: Write>(&self, command: W) -> Result<W::Output, StoreError> {
        self.commands.run(command).await
    }

    /// Whether commands are carried out at present.
    pub(super) fn state(&self) -> Result<(), Fault> {
        self.commands.state()
    }

    pub(super) async fn close(&self) {
        self.commands.stop().await;
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // It ends when it has closed the connection, which may take a checkpoint.
            let _ = tokio::task::spawn_blocking(move || thread.join()).await;
        }
    }
}

/// When the next transaction should begin.
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

    /// How long to wait for company.
    fn pause(&self, now: Instant) -> Option<Duration> {
        // Who comes after a quiet time is alone, whatever there was before.
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
    /// Whether `synchronous` is FULL at present, for certain.
    syncing: bool,
    /// The disk was full, and the log has not been emptied since.
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
            tracing::warn!(%error, "the database was not closed cleanly; its log is replayed when it is opened");
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

    /// Applies all or none.
    fn transaction(&mut self, jobs: &mut [Box<dyn Job>]) -> Result<(), Fault> {
        let durable = jobs.iter().any(|job| job.durable());
        self.begin(durable)?;
        let result = self.apply_and_commit(jobs);
        if result.is_err() {
            // SQLite may have rolled back by itself; then this fails and is not needed.
            let _ = self.connection.execute_batch("ROLLBACK");
        }
        match &result {
            Err(fault) if fault.is_disk_full() => self.was_full = true,
            Ok(()) if self.was_full => self.was_full = !self.empty_log(),
            _ => {}
        }
        result
    }

    /// Puts the log into the database, so that it is written anew from its beginning: where the disk was full, the log must
    /// not be what fills it again. Says whether all of it could be. Source: sqlite.org, "PRAGMA wal_checkpoint".
    fn empty_log(&self) -> bool {
        let frames = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(1)?, row.get::<_, i64>(2)?));
        let done = self.connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], frames);
        done.is_ok_and(|(in_log, put)| in_log == put)
    }

    fn apply_and_commit(&mut self, jobs: &mut [Box<dyn Job>]) -> Result<(), Fault> {
        for job in jobs {
            job.apply(&self.connection)?;
        }
        self.connection.prepare_cached("COMMIT")?.execute([])?;
        Ok(())
    }

    /// Begins a transaction whose commit is synced or is not.
    fn begin(&mut self, sync: bool) -> Result<(), Fault> {
        if self.syncing != sync {
            // Compiled each time, never from the statement cache: SQLite may carry a pragma out when it compiles it.
            // Source: sqlite.org, "PRAGMA statements".
            let sql = if sync { "PRAGMA synchronous = FULL" } else { "PRAGMA synchronous = NORMAL" };
            // If this fails halfway, nobody knows which holds; then FULL is asked for again.
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
    use crate::sql::write::unawaited;
    use crate::sql::{Sql, values};

    #[test]
    fn transactions_are_paced_while_many_commands_come_and_only_then() {
        let mut pace = Pace::new();
        let start = pace.last_began;
        let at = |ms: u64| start + Duration::from_millis(ms);
        for ms in 1..=50 {
            pace.begins(at(ms), 2);
        }
        assert_eq!(pace.pause(at(50)), Some(PACE));
        assert_eq!(pace.pause(at(51)), None, "it is time");
        assert_eq!(pace.pause(at(1050)), None, "after a quiet time");
        for second in 2..4 {
            pace.begins(at(1000 * second), 3);
        }
        assert_eq!(pace.pause(at(3000)), None, "few come");
    }

    struct Touch<const SYNC: bool>;

    impl<const SYNC: bool> Write for Touch<SYNC> {
        type Output = ();
        const OPERATION: &'static str = "touch";
        const DURABLE: bool = SYNC;

        fn apply(&self, db: &dyn Sql) -> Result<(), Fault> {
            db.put("INSERT INTO t VALUES (1)", values![])
        }
    }

    fn job<const SYNC: bool>() -> Box<dyn Job> {
        unawaited(Touch::<SYNC>)
    }

    #[test]
    fn a_transaction_with_a_durable_command_commits_with_a_sync_and_only_such_a_one() {
        const FULL: i64 = 2;
        const NORMAL: i64 = 1;
        let folder = tempfile::tempdir().unwrap();
        let connection = Connection::open(folder.path().join("t.db")).unwrap();
        connection.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE t (n)").unwrap();
        let mut writer = Loop { connection, syncing: true, was_full: false };
        // Again and again: a pragma from a statement cache might be carried out only once.
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
    fn after_a_full_disk_the_log_does_not_grow_on() {
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
        // As large as it is, so that a table of many rows has no place.
        writer.connection.execute_batch("PRAGMA max_page_count = 3").unwrap();
        let fitted = commits(&mut writer, 2_000).iter().filter(|fits| **fits).count();
        assert!((1..2_000).contains(&fitted), "{fitted} rows");
        let full = log();
        writer.connection.execute_batch("PRAGMA max_page_count = 1000000").unwrap();
        assert_eq!(commits(&mut writer, 300), [true; 300]);
        assert!(log() < full + 65_536, "{full} bytes, then {}", log());
    }
}
