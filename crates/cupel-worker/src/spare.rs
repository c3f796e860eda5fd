//! Runs leased in advance for a slot that stayed busy. The worker's first free slot takes them.

use std::pin::pin;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use cupel_core::Assignment;

use crate::shared::Shared;

/// How long a run leased in advance waits for any slot of this worker. After that it returns to the queue, for other
/// workers.
const SPARE_MAX: Duration = Duration::from_secs(1);

impl Shared {
    /// Offers a run leased in advance for a busy slot to the other slots; after [`SPARE_MAX`], returns it to the queue
    /// for other workers.
    pub(crate) fn offer(self: &Arc<Shared>, assignment: Arc<Assignment>) {
        let lease = assignment.leased.lease;
        self.spare.lock().unwrap_or_else(PoisonError::into_inner).push_back(assignment);
        self.spare_bell.notify_one();
        let shared = Arc::clone(self);
        self.tracker.spawn(async move {
            tokio::select! {
                () = tokio::time::sleep(SPARE_MAX) => {}
                // At its end, the worker itself returns the remaining runs.
                () = shared.ended.cancelled() => return,
            }
            if let Some(unstarted) = shared.take_spare_of(|spare| spare.leased.lease == lease) {
                shared.give_back_waiting(&unstarted, Duration::ZERO, "no slot of the worker was free").await;
            }
        });
    }

    /// Takes the first spare run that satisfies `suits`.
    pub(crate) fn take_spare_of(&self, suits: impl Fn(&Arc<Assignment>) -> bool) -> Option<Arc<Assignment>> {
        let mut spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner);
        let at = spare.iter().position(suits)?;
        spare.remove(at)
    }

    pub(crate) fn take_spare(&self) -> Option<Arc<Assignment>> {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    /// Waits for a spare run.
    pub(crate) async fn spare(&self) -> Arc<Assignment> {
        loop {
            let mut ring = pin!(self.spare_bell.notified());
            ring.as_mut().enable();
            if let Some(assignment) = self.take_spare() {
                // One notification may represent several runs.
                self.spare_bell.notify_one();
                return assignment;
            }
            ring.await;
        }
    }
}
