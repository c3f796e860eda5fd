//! Turns in which live runs are compiled. All interactive slots of a processor together have the weight of one other
//! slot, so a compiler in one of them is slow while others compute. Therefore a live run in an interactive slot
//! (`interactive.rs`) is compiled with the executor of another slot, which lends it between two of its own runs.
//!
//! A slot that has lent its executor owes its time to runs of others, before it lends it again (`driver.rs`). If no
//! slot lends its executor in time, or the worker shuts down, the live run is compiled with the interactive slot's
//! executor.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cupel_types::UserId;
use tokio::sync::{Notify, oneshot};

use crate::slot::SlotExecutor;

/// The live runs that wait for an executor to be compiled with.
#[derive(Default)]
pub(crate) struct CompileTurns {
    state: Mutex<State>,
    bell: Notify,
    is_closed: AtomicBool,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Borrower>,
    /// The share of the run that was the last to get an executor.
    last: Option<UserId>,
}

/// A live run that waits for an executor.
pub(crate) struct Borrower {
    /// The share ([`UserId::share`]) of the run.
    share: UserId,
    lend: oneshot::Sender<Loan>,
}

/// The request of a live run for an executor. If it is dropped, the run no longer waits.
pub(crate) struct Request {
    lent: oneshot::Receiver<Loan>,
}

/// The answer to a request.
pub(crate) enum Answer {
    Lent(Loan),
    /// No slot has lent its executor yet.
    Waits,
    /// No slot will lend its executor.
    Refused,
}

/// An executor of another slot. If it is dropped instead of given back, that slot creates another one.
pub(crate) struct Loan {
    pub(crate) executor: SlotExecutor,
    back: oneshot::Sender<SlotExecutor>,
}

impl CompileTurns {
    /// Requests an executor for a run of this share.
    pub(crate) fn request(&self, share: UserId) -> Request {
        let (lend, lent) = oneshot::channel();
        self.state().waiting.push_back(Borrower { share, lend });
        self.bell.notify_one();
        Request { lent }
    }

    /// Takes a run that waits: the first whose share is neither in `crowding` nor the last that got an executor; if
    /// there is none, the first that is not the last; otherwise the first.
    pub(crate) fn take(&self, crowding: &[UserId]) -> Option<Borrower> {
        let mut state = self.state();
        let State { waiting, last } = &mut *state;
        waiting.retain(|borrower| !borrower.lend.is_closed());
        let is_other = |borrower: &Borrower| *last != Some(borrower.share);
        let at = waiting.iter().position(|borrower| is_other(borrower) && !crowding.contains(&borrower.share));
        let at = at.or_else(|| waiting.iter().position(is_other)).unwrap_or_default();
        let borrower = waiting.remove(at);
        if !waiting.is_empty() {
            // One notification may represent several runs.
            self.bell.notify_one();
        }
        borrower
    }

    /// Lets a run that was taken wait again, before all others.
    pub(crate) fn put_back(&self, borrower: Borrower) {
        self.state().waiting.push_front(borrower);
        self.bell.notify_one();
    }

    /// Lends an executor. The receiver gets it back. Returns the executor if the run no longer waits.
    pub(crate) fn lend(
        &self,
        borrower: Borrower,
        executor: SlotExecutor,
    ) -> Result<oneshot::Receiver<SlotExecutor>, SlotExecutor> {
        let (back, returned) = oneshot::channel();
        match borrower.lend.send(Loan { executor, back }) {
            Ok(()) => {
                self.state().last = Some(borrower.share);
                Ok(returned)
            }
            Err(loan) => Err(loan.executor),
        }
    }

    /// Waits until [`take`](Self::take) may find a run.
    pub(crate) async fn changed(&self) {
        self.bell.notified().await;
    }

    /// Called when the worker shuts down: slots may end without answering a request.
    pub(crate) fn close(&self) {
        self.is_closed.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Relaxed)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Each change is a single call, so the data are consistent even if the lock is poisoned.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Borrower {
    pub(crate) fn share(&self) -> UserId {
        self.share
    }
}

impl Request {
    /// Waits for the answer for at most this time.
    pub(crate) async fn answer(&mut self, time_max: Duration) -> Answer {
        match tokio::time::timeout(time_max, &mut self.lent).await {
            Ok(Ok(loan)) => Answer::Lent(loan),
            Ok(Err(_)) => Answer::Refused,
            Err(_) => Answer::Waits,
        }
    }
}

#[cfg(test)]
impl CompileTurns {
    /// Whether a run waits.
    pub(crate) fn is_requested(&self) -> bool {
        !self.state().waiting.is_empty()
    }
}

#[cfg(test)]
impl Request {
    /// Whether an executor was lent that the run has not taken.
    pub(crate) fn is_answered(&self) -> bool {
        !self.lent.is_empty()
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        self.lent.close();
        if let Ok(loan) = self.lent.try_recv() {
            loan.give_back();
        }
    }
}

impl Loan {
    /// Gives the executor back.
    pub(crate) fn give_back(self) {
        // The slot may have ended.
        let _ = self.back.send(self.executor);
    }
}
