//! Hands results to waiting callers in this process, without a read from the store.
//!
//! *Invariant:* a waiter gets a result only after it is durable in the store, and the result equals the stored result.
//! If a run ends in another process, is cancelled or is abandoned, waiters get no result here. They learn of the end
//! from the event bus.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cupel_types::SubmissionId;
use tokio::sync::oneshot;

use crate::run::SubmissionRecord;

/// Waiting callers by submission. Bounded by the number of submissions whose clients wait.
#[derive(Clone, Debug, Default)]
pub(crate) struct CompletionWaiters(Arc<Mutex<HashMap<SubmissionId, oneshot::Sender<SubmissionRecord>>>>);

impl CompletionWaiters {
    /// Registers a caller that waits for the end of a submission whose id is not published yet.
    pub(crate) fn expect(&self, id: SubmissionId) -> Expected {
        let (sender, record) = oneshot::channel();
        self.waiting().insert(id, sender);
        Expected { id, record, waiters: self.clone() }
    }

    /// Whether a caller waits for this submission.
    pub(crate) fn is_expected(&self, id: SubmissionId) -> bool {
        self.waiting().contains_key(&id)
    }

    /// Hands the result to the waiting caller, if there still is one.
    pub(crate) fn hand_over(&self, record: SubmissionRecord) {
        let sender = self.waiting().remove(&record.submission.id);
        if let Some(sender) = sender {
            // A caller that has given up finds the result in the store.
            drop(sender.send(record));
        }
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<SubmissionId, oneshot::Sender<SubmissionRecord>>> {
        // Each change of the map is a single call, so the map is consistent even if the lock is poisoned.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Registration of a waiting caller; removed when dropped.
#[derive(Debug)]
pub(crate) struct Expected {
    id: SubmissionId,
    record: oneshot::Receiver<SubmissionRecord>,
    waiters: CompletionWaiters,
}

impl Expected {
    /// The result, once it is handed over. If no result is handed over, the future never completes.
    pub(crate) async fn record(&mut self) -> SubmissionRecord {
        match (&mut self.record).await {
            Ok(record) => record,
            // Not reached while this value exists: only its `drop` discards the sender.
            Err(_) => std::future::pending().await,
        }
    }
}

impl Drop for Expected {
    fn drop(&mut self) {
        self.waiters.waiting().remove(&self.id);
    }
}
