//! The writers: a few threads with a connection each, which take queued commands and run them in transactions.
//!
//! Queued commands share a transaction (group commit). Few round trips are needed: one fetches the rows of all runs
//! that the commands will read, and one sends the commands' changes together (`connection.rs`).
//!
//! A failing command must not fail the others. If a transaction fails and the connection does not, each of its commands
//! is run in a separate transaction. A command that loses a conflict (a deadlock, or two inserts of the same name) is
//! run again, so [`Write::apply`] can run twice. If a connection from an earlier transaction turns out to be closed
//! before the commit, it is replaced, and the commands are run on the new one. If the server does not answer, or the
//! new connection is lost as well, the commands fail with a transient error; so they do if a connection is lost during
//! COMMIT, and then the outcome is unknown.
//!
//! *Durability.* As in `sqlite/writer.rs`: a transaction with a durable command commits with `synchronous_commit` on
//! (or a stronger setting of the server). Any other transaction commits with `synchronous_commit` off. The write-ahead
//! log is written in order, so a crash of the server loses at most the last non-durable commits. A durable commit and
//! everything before it survive.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use std::{io, thread};

use cupel_types::chain;

use super::Server;
use super::connection::{Connection, NotCommitted};
use crate::sql::fault::SqlFault;
use crate::sql::write::{Commands, Job, Waiting, line};

/// Maximum number of queued commands; if the queue is full, callers wait.
const WAITING_MAX: usize = 1024;
/// Maximum number of commands in one transaction.
const BATCH_MAX: usize = 256;
/// Maximum number of times that a command is run if it loses conflicts.
const TRIES_MAX: u32 = 6;
/// Delay after the first conflict; doubles after each further one.
const BACK_OFF: Duration = Duration::from_millis(5);

#[derive(Clone, Debug)]
pub(super) struct Writers {
    commands: Commands,
    threads: Arc<Mutex<Vec<JoinHandle<()>>>>,
}

impl Writers {
    pub(super) fn start(server: &Arc<Server>, count: u32) -> io::Result<Writers> {
        let (commands, waiting) = line(WAITING_MAX, &format!("the database server at {}", server.place.name()));
        let waiting = Arc::new(Mutex::new(waiting));
        let threads = (0..count).map(|n| {
            let (server, waiting) = (Arc::clone(server), Arc::clone(&waiting));
            let thread = thread::Builder::new().name(format!("store-writer-{n}"));
            thread.spawn(move || Loop { server, connection: None }.run(&waiting))
        });
        Ok(Writers { commands, threads: Arc::new(Mutex::new(threads.collect::<Result<_, _>>()?)) })
    }

    /// The queue of the writers.
    pub(super) fn commands(&self) -> &Commands {
        &self.commands
    }

    pub(super) async fn close(&self) {
        self.commands.stop().await;
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        let _ = tokio::task::spawn_blocking(move || threads.into_iter().for_each(|thread| drop(thread.join()))).await;
    }
}

struct Loop {
    server: Arc<Server>,
    connection: Option<Connection>,
}

impl Loop {
    fn run(mut self, waiting: &Mutex<Waiting>) {
        let mut batch: Vec<Box<dyn Job>> = Vec::with_capacity(BATCH_MAX);
        loop {
            {
                // The first idle writer takes all queued commands, up to [`BATCH_MAX`].
                let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
                if waiting.blocking_recv_many(&mut batch, BATCH_MAX) == 0 {
                    return;
                }
                if batch.iter().any(|job| job.stops()) {
                    waiting.close();
                }
            }
            self.commit_together(&mut batch);
        }
    }

    fn commit_together(&mut self, batch: &mut Vec<Box<dyn Job>>) {
        match self.transaction(batch) {
            Ok(()) => batch.drain(..).for_each(|job| job.answer(Ok(()))),
            Err(NotCommitted { fault, may_be_committed }) if may_be_committed || fault.ends_the_connection() => {
                tracing::warn!(error = %chain(&fault), "cannot write to the database");
                batch.drain(..).for_each(|job| job.answer(Err(fault.clone())));
            }
            Err(_) => {
                let mut out_of_reach: Option<SqlFault> = None;
                for job in batch.drain(..) {
                    let mut alone = [job];
                    let result = out_of_reach.clone().map_or_else(|| self.run_with_retries(&mut alone), Err);
                    out_of_reach = result.as_ref().err().filter(|fault| fault.ends_the_connection()).cloned();
                    let [job] = alone;
                    job.answer(result);
                }
            }
        }
    }

    /// Runs one command, and retries it if it loses a conflict.
    fn run_with_retries(&mut self, alone: &mut [Box<dyn Job>; 1]) -> Result<(), SqlFault> {
        let mut back_off = BACK_OFF;
        for _ in 1..TRIES_MAX {
            match self.transaction(alone) {
                Err(NotCommitted { fault, may_be_committed: false }) if fault.is_conflict() => thread::sleep(back_off),
                result => return result.map_err(|not| not.fault),
            }
            back_off *= 2;
        }
        self.transaction(alone).map_err(|not| not.fault)
    }

    /// Applies all jobs or none.
    fn transaction(&mut self, jobs: &mut [Box<dyn Job>]) -> Result<(), NotCommitted> {
        let was_kept = self.connection.is_some();
        match self.try_transaction(jobs) {
            Err(NotCommitted { fault, may_be_committed: false })
                if was_kept && fault.ends_the_connection() && !matches!(fault, SqlFault::Silent) =>
            {
                self.try_transaction(jobs)
            }
            result => result,
        }
    }

    fn try_transaction(&mut self, jobs: &mut [Box<dyn Job>]) -> Result<(), NotCommitted> {
        let not = |fault| NotCommitted { fault, may_be_committed: false };
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.server.connect().map_err(not)?,
        };
        let result = apply_and_commit(&connection, jobs);
        let ended = match &result {
            Ok(()) => false,
            Err(not) => not.fault.ends_the_connection() || connection.roll_back().is_err(),
        };
        if !ended {
            self.connection = Some(connection);
        }
        result
    }
}

fn apply_and_commit(connection: &Connection, jobs: &mut [Box<dyn Job>]) -> Result<(), NotCommitted> {
    let not = |fault| NotCommitted { fault, may_be_committed: false };
    let durable = jobs.iter().any(|job| job.durable());
    let runs = jobs.iter().flat_map(|job| job.runs()).collect();
    let standing: HashSet<_> = jobs.iter().filter(|job| job.changes_standings()).flat_map(|job| job.runs()).collect();
    connection.begin(durable, runs, &standing).map_err(not)?;
    for job in jobs {
        job.apply(connection).map_err(not)?;
    }
    connection.commit()
}
