//! Results on their way to those who wait for them in this process, without a detour through the store.
//!
//! *Invariant:* a result is handed over only after the store has it durably, as it would be read there; who waits in
//! vain here (the run ended in another process, was cancelled or given up) hears of the end from the event bus.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cupel_types::SubmissionId;
use tokio::sync::oneshot;

use crate::run::SubmissionRecord;

/// Who waits for what. Bounded by the number of submissions whose senders wait.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ends(Arc<Mutex<HashMap<SubmissionId, oneshot::Sender<SubmissionRecord>>>>);

impl Ends {
    /// Waits for the end of a submission that nobody else knows yet.
    pub(crate) fn expect(&self, id: SubmissionId) -> Expected {
        let (sender, record) = oneshot::channel();
        self.waiting().insert(id, sender);
        Expected { id, record, ends: self.clone() }
    }

    /// Whether somebody waits.
    pub(crate) fn is_expected(&self, id: SubmissionId) -> bool {
        self.waiting().contains_key(&id)
    }

    /// Hands the result to who waits for it, if somebody still does.
    pub(crate) fn hand_over(&self, record: SubmissionRecord) {
        let sender = self.waiting().remove(&record.submission.id);
        if let Some(sender) = sender {
            // Who went away meanwhile finds it in the store.
            drop(sender.send(record));
        }
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<SubmissionId, oneshot::Sender<SubmissionRecord>>> {
        // Every change of the map is one call, so a poisoned lock guards a sound one.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place among those who wait; given up when dropped.
#[derive(Debug)]
pub(crate) struct Expected {
    id: SubmissionId,
    record: oneshot::Receiver<SubmissionRecord>,
    ends: Ends,
}

impl Expected {
    /// The result, when it is handed over. Does not end otherwise.
    pub(crate) async fn record(&mut self) -> SubmissionRecord {
        match (&mut self.record).await {
            Ok(record) => record,
            // The sender is dropped only with this value.
            Err(_) => std::future::pending().await,
        }
    }
}

impl Drop for Expected {
    fn drop(&mut self) {
        self.ends.waiting().remove(&self.id);
    }
}
