//! Waiting for the result of a submission that was just accepted.
//!
//! *Invariant:* when the wait has ended, the submission is durable. If the run ends within [`SYNC_AFTER`], one disk
//! sync covers both submission and result. After that time without a result, the submission is synced separately.
//!
//! The client gets the id only with the result or after that sync. The sender's list may show the submission earlier,
//! up to [`SYNC_AFTER`] before it is durable. In that time a power failure can remove it; a crash of Cupel cannot.

use std::time::Duration;

use cupel_types::SubmissionId;
use tokio::time::timeout;

use crate::completion_waiters::Expected;
use crate::run::SubmissionRecord;
use crate::{Core, StoreError, Subscription};

/// Maximum time without a separate disk sync for a submission whose client waits.
const SYNC_AFTER: Duration = Duration::from_millis(250);

/// A newly accepted submission whose client waits for the result.
pub(crate) struct Awaited {
    pub(crate) id: SubmissionId,
    pub(crate) expected: Expected,
    pub(crate) end: Box<dyn Subscription>,
}

impl Core {
    /// Waits until a newly accepted submission has ended, at most `at_most` or until `given_up`. If a worker of this
    /// process judged the run, the written result is returned without a read. A submission that has not ended is
    /// returned in its current state. `None`: the submission cannot be read.
    ///
    /// The id must not be sent to the client before this function has returned.
    ///
    /// # Errors
    /// If the store cannot make the submission durable. The client must then not be told that the submission was
    /// accepted.
    pub(crate) async fn wait_for(
        &self,
        awaited: Awaited,
        at_most: Duration,
        given_up: impl Future<Output = ()> + Send,
    ) -> Result<Option<SubmissionRecord>, StoreError> {
        let Awaited { id, mut expected, mut end } = awaited;
        let ended = async {
            tokio::select! {
                biased;
                record = expected.record() => Some(record),
                // The run ended on another node, or the bus is closing: the store has the current state.
                () = self.wait_for_end(id, end.as_mut()) => None,
                () = given_up => None,
            }
        };
        tokio::pin!(ended);
        let mut is_synced = false;
        let mut result = timeout(at_most.min(SYNC_AFTER), ended.as_mut()).await;
        if result.is_err() {
            // The run takes long, so the submission gets a separate disk sync.
            self.inner.store.sync().await?;
            is_synced = true;
            result = timeout(at_most.saturating_sub(SYNC_AFTER), ended).await;
        }
        match result {
            Ok(Some(record)) => Ok(Some(record)),
            Ok(None) | Err(_) => {
                if !is_synced {
                    self.inner.store.sync().await?;
                }
                let read = self.inner.store.submission(id).await;
                let read = read.inspect_err(|error| tracing::warn!(%error, "cannot read an awaited submission"));
                Ok(read.ok().flatten())
            }
        }
    }
}
