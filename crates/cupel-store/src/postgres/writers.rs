//! The writers: a few threads with a connection each, which take the commands that wait and carry them out in transactions.
//!
//! What waits goes into one transaction (group commit): journeys to the server are few, since the rows of all runs that its
//! commands read are fetched in one, and what they change goes out together (`connection.rs`).
//!
//! One failing must not fail the others. When a transaction fails, every command of it gets one of its own, and one that lost
//! against another transaction (a deadlock, two inserting the same name) is carried out again: [`Write::apply`] can run twice.
//! A connection that turns out to have ended before anything was committed is replaced, and the commands are carried out on
//! the new one. One that ends while COMMIT is on its way leaves it open whether they were; then they fail, transiently.
//!
//! *Durability.* As in `sqlite/writer.rs`: a transaction with a durable command in it commits with `synchronous_commit` on (or what the
//! server's own setting demands beyond that), any other with it off. The log has one order, so a crash of the server loses at
//! most a tail of such commits, never anything before a durable one.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use std::{io, thread};

use cupel_core::StoreError;

use super::Server;
use super::connection::{Connection, NotCommitted};
use crate::sql::Write;
use crate::sql::fault::Fault;
use crate::sql::write::{Commands, Job, Waiting, line};

/// Commands that may wait; beyond that the callers wait.
const WAITING_MAX: usize = 1024;
/// Commands in one transaction.
const BATCH_MAX: usize = 256;
/// How often a command is tried that loses against others.
const TRIES_MAX: u32 = 6;
/// How long it waits after the first loss, then twice as long, and so on.
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
                // Whoever is free takes all that waits.
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
            Err(NotCommitted { fault, perhaps }) if perhaps || fault.ends_the_connection() => {
                tracing::warn!(error = %fault, "the database is out of reach: {fault}");
                batch.drain(..).for_each(|job| job.answer(Err(fault.clone())));
            }
            Err(_) => {
                let mut out_of_reach: Option<Fault> = None;
                for job in batch.drain(..) {
                    let mut alone = [job];
                    let result = out_of_reach.clone().map_or_else(|| self.insist(&mut alone), Err);
                    out_of_reach = result.as_ref().err().filter(|fault| fault.ends_the_connection()).cloned();
                    let [job] = alone;
                    job.answer(result);
                }
            }
        }
    }

    /// Carries one command out, again if it loses against others.
    fn insist(&mut self, alone: &mut [Box<dyn Job>; 1]) -> Result<(), Fault> {
        let mut back_off = BACK_OFF;
        for _ in 1..TRIES_MAX {
            match self.transaction(alone) {
                Err(NotCommitted { fault, perhaps: false }) if fault.is_conflict() => thread::sleep(back_off),
                result => return result.map_err(|not| not.fault),
            }
            back_off *= 2;
        }
        self.transaction(alone).map_err(|not| not.fault)
    }

    /// Applies all or none.
    fn transaction(&mut self, jobs: &mut [Box<dyn Job>]) -> Result<(), NotCommitted> {
        let was_kept = self.connection.is_some();
        match self.try_transaction(jobs) {
            Err(NotCommitted { fault, perhaps: false })
                if was_kept && fault.ends_the_connection() && !matches!(fault, Fault::Silent) =>
            {
                self.try_transaction(jobs)
            }
            result => result,
        }
    }

    fn try_transaction(&mut self, jobs: &mut [Box<dyn Job>]) -> Result<(), NotCommitted> {
        let not = |fault| NotCommitted { fault, perhaps: false };
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
    let not = |fault| NotCommitted { fault, perhaps: false };
    let durable = jobs.iter().any(|job| job.durable());
    let runs = jobs.iter().flat_map(|job| job.runs()).collect();
    let standing: HashSet<_> = jobs.iter().filter(|job| job.changes_standings()).flat_map(|job| job.runs()).collect();
    connection.begin(durable, runs, &standing).map_err(not)?;
    for job in jobs {
        job.apply(connection).map_err(not)?;
    }
    connection.commit()
}
