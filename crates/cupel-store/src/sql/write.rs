//! Commands, and how those who wait for them are told.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use cupel_core::{DiskFull, StoreError};
use cupel_types::RunId;
use tokio::sync::{mpsc, oneshot};

use super::Sql;
use super::fault::Fault;

/// How long the store is taken for full after a command that found it full.
const FULL_FOR: Duration = Duration::from_secs(5);

/// A change of the database.
pub(crate) trait Write: Send + 'static {
    type Output: Send + 'static;
    /// What is being done, for the error: `insert submissions`.
    const OPERATION: &'static str;
    /// Whether it must survive a loss of power once answered.
    const DURABLE: bool;
    /// The same of this very one.
    fn is_durable(&self) -> bool {
        Self::DURABLE
    }
    /// The runs that it will read, as far as it knows: where a question is a journey, those of many commands are fetched in one.
    fn runs(&self) -> Vec<RunId> {
        Vec::new()
    }
    /// Whether the end of its runs may change how somebody stands with a problem.
    fn changes_standings(&self) -> bool {
        false
    }
    /// Makes the change inside the open transaction. May be called again after a rollback.
    fn apply(&self, db: &dyn Sql) -> Result<Self::Output, Fault>;
}

/// A command with the caller who waits for it.
pub(crate) trait Job: Send {
    fn durable(&self) -> bool {
        false
    }
    fn runs(&self) -> Vec<RunId> {
        Vec::new()
    }
    fn changes_standings(&self) -> bool {
        false
    }
    /// Applies the command and keeps its result.
    fn apply(&mut self, db: &dyn Sql) -> Result<(), Fault>;
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

impl<W: Write> Job for Pending<W> {
    fn durable(&self) -> bool {
        self.command.is_durable()
    }

    fn runs(&self) -> Vec<RunId> {
        self.command.runs()
    }

    fn changes_standings(&self) -> bool {
        self.command.changes_standings()
    }

    fn apply(&mut self, db: &dyn Sql) -> Result<(), Fault> {
        self.done = None;
        self.done = Some(self.command.apply(db)?);
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

impl Job for Stop {
    fn apply(&mut self, _: &dyn Sql) -> Result<(), Fault> {
        Ok(())
    }

    fn answer(self: Box<Self>, _: Result<(), Fault>) {
        let _ = self.answer.send(());
    }

    fn stops(&self) -> bool {
        true
    }
}

/// Where commands wait for a writer.
pub(crate) type Waiting = mpsc::Receiver<Box<dyn Job>>;

/// The callers' end of that.
#[derive(Clone, Debug)]
pub(crate) struct Commands {
    waiting: mpsc::Sender<Box<dyn Job>>,
    /// Where the database writes, for the error of a full disk.
    place: Arc<str>,
    /// When a command last failed because the disk was full, and how.
    last_full: Arc<Mutex<Option<(Instant, DiskFull)>>>,
}

/// A line of commands, of which at most `waiting_max` wait; beyond that the callers do. `place` is where the database writes.
pub(crate) fn line(waiting_max: usize, place: &str) -> (Commands, Waiting) {
    let (waiting, commands) = mpsc::channel(waiting_max);
    (Commands { waiting, place: place.into(), last_full: Arc::default() }, commands)
}

impl Commands {
    /// Has a command carried out; answers after the commit.
    pub(crate) async fn run<W: Write>(&self, command: W) -> Result<W::Output, StoreError> {
        let (answer, answered) = oneshot::channel();
        let sent = self.waiting.send(Box::new(Pending { command, done: None, answer })).await;
        let result = match sent {
            Ok(()) => answered.await.unwrap_or(Err(Fault::Closed)),
            Err(_) => Err(Fault::Closed),
        };
        result.map_err(|fault| {
            let fault = fault.at(&self.place);
            if let Fault::Full(full) = &fault {
                *self.last_full.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), full.clone()));
            }
            fault.during(W::OPERATION)
        })
    }

    /// Whether commands are carried out at present.
    ///
    /// One that found the disk full counts for a while: on a full disk, small changes still succeed now and then.
    pub(crate) fn state(&self) -> Result<(), Fault> {
        if self.waiting.is_closed() {
            return Err(Fault::Closed);
        }
        match &*self.last_full.lock().unwrap_or_else(PoisonError::into_inner) {
            Some((at, full)) if at.elapsed() < FULL_FOR => Err(Fault::Full(full.clone())),
            _ => Ok(()),
        }
    }

    /// Ends the writer after what it has been given.
    pub(crate) async fn stop(&self) {
        let (answer, answered) = oneshot::channel();
        if self.waiting.send(Box::new(Stop { answer })).await.is_ok() {
            let _ = answered.await;
        }
    }
}

/// A command with nobody who waits, for tests of writers.
#[cfg(test)]
pub(crate) fn unawaited<W: Write>(command: W) -> Box<dyn Job> {
    Box::new(Pending { command, done: None, answer: oneshot::channel().0 })
}
