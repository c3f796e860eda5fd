//! Turns in which live runs are compiled. All interactive slots of a processor together have the weight of one other
//! slot, so a compiler in one of them is slow while others compute. Therefore another slot lends its executor to a live
//! run in an interactive slot (`interactive.rs`) for each compile step, between two of its own runs.
//!
//! A slot that has lent its executor owes other runs as much time, before it lends it again (`driver.rs`). If no slot
//! lends its executor in time, the live run is compiled with that of the interactive slot.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cupel_types::UserId;
use tokio::sync::{Notify, oneshot};

use crate::slot::SlotExecutor;

/// How long a live run waits for the executor of another slot.
const WAIT_MAX: Duration = Duration::from_secs(30);

/// The live runs that wait for an executor to be compiled with.
#[derive(Default)]
pub(crate) struct CompileTurns {
    waiting: Mutex<VecDeque<Borrower>>,
    bell: Notify,
}

/// A live run that waits for an executor.
pub(crate) struct Borrower {
    /// The share ([`UserId::share`]) of the run.
    share: UserId,
    lend: oneshot::Sender<Loan>,
}

/// An executor of another slot. If it is dropped instead of given back, that slot creates another one.
pub(crate) struct Loan {
    pub(crate) executor: SlotExecutor,
    back: oneshot::Sender<SlotExecutor>,
}

impl CompileTurns {
    /// Waits until a slot lends its executor. `None` if none does in time.
    pub(crate) async fn borrow(&self, share: UserId) -> Option<Loan> {
        let (lend, mut lent) = oneshot::channel();
        self.waiting().push_back(Borrower { share, lend });
        self.bell.notify_one();
        match tokio::time::timeout(WAIT_MAX, &mut lent).await {
            Ok(loan) => loan.ok(),
            Err(_) => {
                lent.close();
                lent.try_recv().ok()
            }
        }
    }

    /// Takes the first run that still waits and whose share is not in `last`; if there is none, the first run.
    pub(crate) fn take(&self, last: &[UserId]) -> Option<Borrower> {
        let mut waiting = self.waiting();
        waiting.retain(|borrower| !borrower.lend.is_closed());
        let at = waiting.iter().position(|borrower| !last.contains(&borrower.share)).unwrap_or_default();
        waiting.remove(at)
    }

    /// Lets a run that was taken wait again, before all others.
    pub(crate) fn put_back(&self, borrower: Borrower) {
        self.waiting().push_front(borrower);
        self.bell.notify_one();
    }

    /// Waits until [`take`](Self::take) may find a run: one has begun to wait since the last call.
    pub(crate) async fn changed(&self) {
        self.bell.notified().await;
    }

    fn waiting(&self) -> MutexGuard<'_, VecDeque<Borrower>> {
        // Each change is a single call, so the data are consistent even if the lock is poisoned.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Borrower {
    pub(crate) fn share(&self) -> UserId {
        self.share
    }

    /// Lends the executor. The receiver gets it back. Returns the executor if the run no longer waits.
    pub(crate) fn lend(self, executor: SlotExecutor) -> Result<oneshot::Receiver<SlotExecutor>, SlotExecutor> {
        let (back, returned) = oneshot::channel();
        match self.lend.send(Loan { executor, back }) {
            Ok(()) => Ok(returned),
            Err(loan) => Err(loan.executor),
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
