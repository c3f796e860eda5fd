//! Commands, and how their callers receive the result.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use cupel_core::{DiskFull, StoreError};
use cupel_types::RunId;
use tokio::sync::{mpsc, oneshot};

use super::Sql;
use super::fault::SqlFault;
use super::read::{Answer, answer_of};

/// How long the store counts as full after a command failed because of a full disk.
const FULL_FOR: Duration = Duration::from_secs(5);

/// A command: a change of the database.
pub(crate) trait Write: Send + 'static {
    type Output: Send + 'static;
    /// Name of the operation in errors, as in `insert submissions`.
    const OPERATION: &'static str;
    /// Whether the change must survive a power failure once it is acknowledged.
    const DURABLE: bool;
    /// Whether this particular command is durable.
    fn is_durable(&self) -> bool {
        Self::DURABLE
    }
    /// Runs that the command will read, as far as they are known in advance. PostgreSQL fetches the runs of many
    /// commands in one round trip.
    fn runs(&self) -> Vec<RunId> {
        Vec::new()
    }
    /// Whether the end of the command's runs may change a user's standing in a problem.
    fn changes_standings(&self) -> bool {
        false
    }
    /// Makes the change in the open transaction. May be called again after a rollback.
    fn apply(&self, db: &dyn Sql) -> Result<Self::Output, SqlFault>;
}

/// A command together with the caller that waits for its result.
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
    /// Applies the command and stores its result.
    fn apply(&mut self, db: &dyn Sql) -> Result<(), SqlFault>;
    /// Sends the caller the stored result, or the error.
    fn answer(self: Box<Self>, committed: Result<(), SqlFault>);
    fn stops(&self) -> bool {
        false
    }
}

struct Pending<W> {
    command: W,
    done: Option<Answer>,
    answer: oneshot::Sender<Result<Answer, SqlFault>>,
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

    fn apply(&mut self, db: &dyn Sql) -> Result<(), SqlFault> {
        self.done = None;
        self.done = Some(Box::new(self.command.apply(db)?));
        Ok(())
    }

    fn answer(self: Box<Self>, committed: Result<(), SqlFault>) {
        let Pending { done, answer, .. } = *self;
        // If the caller is gone, the result is dropped; the change remains.
        let _ = answer.send(committed.and_then(|()| done.ok_or(SqlFault::Closed)));
    }
}

struct Stop {
    answer: oneshot::Sender<()>,
}

impl Job for Stop {
    fn apply(&mut self, _: &dyn Sql) -> Result<(), SqlFault> {
        Ok(())
    }

    fn answer(self: Box<Self>, _: Result<(), SqlFault>) {
        let _ = self.answer.send(());
    }

    fn stops(&self) -> bool {
        true
    }
}

/// Receiving end of the command queue, for the writers.
pub(crate) type Waiting = mpsc::Receiver<Box<dyn Job>>;

/// Sending end of the command queue, for callers.
#[derive(Clone, Debug)]
pub(crate) struct Commands {
    waiting: mpsc::Sender<Box<dyn Job>>,
    /// Name of the disk or server to which the database writes, for the error of a full disk.
    place: Arc<str>,
    /// Time and error of the last command that failed because the disk was full.
    last_full: Arc<Mutex<Option<(Instant, DiskFull)>>>,
}

/// A command queue for at most `waiting_max` commands; if it is full, callers wait. `place` names the disk or server to
/// which the database writes.
pub(crate) fn line(waiting_max: usize, place: &str) -> (Commands, Waiting) {
    let (waiting, commands) = mpsc::channel(waiting_max);
    (Commands { waiting, place: place.into(), last_full: Arc::default() }, commands)
}

impl Commands {
    /// Runs a command; returns after the commit.
    pub(crate) fn run<W: Write>(&self, command: W) -> impl Future<Output = Result<W::Output, StoreError>> + Send {
        let (answer, answered) = oneshot::channel();
        answer_of(self.run_job(Box::new(Pending { command, done: None, answer }), answered, W::OPERATION))
    }

    /// Runs a job whose answer arrives at `answered`; returns after the commit.
    async fn run_job(
        &self,
        job: Box<dyn Job>,
        answered: oneshot::Receiver<Result<Answer, SqlFault>>,
        operation: &'static str,
    ) -> Result<Answer, StoreError> {
        let sent = self.waiting.send(job).await;
        let result = match sent {
            Ok(()) => answered.await.unwrap_or(Err(SqlFault::Closed)),
            Err(_) => Err(SqlFault::Closed),
        };
        result.map_err(|fault| {
            let fault = fault.at(&self.place);
            if let SqlFault::Full(full) = &fault {
                *self.last_full.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), full.clone()));
            }
            fault.during(operation)
        })
    }

    /// Whether commands are accepted at present.
    ///
    /// After a disk-full error, the store counts as full for [`FULL_FOR`], because on a full disk some small changes
    /// still succeed.
    pub(crate) fn state(&self) -> Result<(), SqlFault> {
        if self.waiting.is_closed() {
            return Err(SqlFault::Closed);
        }
        match &*self.last_full.lock().unwrap_or_else(PoisonError::into_inner) {
            Some((at, full)) if at.elapsed() < FULL_FOR => Err(SqlFault::Full(full.clone())),
            _ => Ok(()),
        }
    }

    /// Stops the writer after it has run all commands queued so far.
    pub(crate) async fn stop(&self) {
        let (answer, answered) = oneshot::channel();
        if self.waiting.send(Box::new(Stop { answer })).await.is_ok() {
            let _ = answered.await;
        }
    }
}

/// A command without a caller, for tests of writers.
#[cfg(test)]
pub(crate) fn unawaited<W: Write>(command: W) -> Box<dyn Job> {
    Box::new(Pending { command, done: None, answer: oneshot::channel().0 })
}
