//! Answering for submissions: look, list, wait, watch, cancel. A submission exists for its owner and for
//! administrators; for everybody else there is none.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use cupel_types::{SubmissionId, UserId, Verdict};
use tokio::time::timeout;

use crate::ends::Expected;
use crate::event::{Event, Seq};
use crate::ids::first_at;
use crate::run::{HistoryFilter, RunState, Stage, SubmissionRecord, SubmissionSummary};
use crate::{Core, Interest, Notice, Received, Store, StoreError, Subscription};

/// Submissions of a user that are read at once to be cancelled.
const CANCELLED_AT_ONCE: u64 = 100;

/// How far the time in an id may be from the time of acceptance: ids never go back, clocks do.
const ID_SLACK: Duration = Duration::from_mins(10);

/// A filter with the bounds of ids that follow from its times, so that no other time is looked at. A time at the end of all times is
/// no bound.
fn with_bounds(mut filter: HistoryFilter) -> HistoryFilter {
    let bound = |time| SubmissionId::from_uuid(first_at(time));
    let first = filter.from.and_then(|from| from.checked_sub(ID_SLACK).ok()).map(bound);
    let end = filter.to.and_then(|to| to.checked_add(ID_SLACK).ok()).map(bound);
    filter.first = first.max(filter.first);
    filter.before = match (end, filter.before) {
        (Some(end), Some(before)) => Some(end.min(before)),
        (end, before) => end.or(before),
    };
    filter
}

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Viewer {
    /// The user.
    pub user: UserId,
    /// Whether they may see what others sent.
    pub is_admin: bool,
}

impl Viewer {
    fn may_see(&self, owner: UserId) -> bool {
        self.is_admin || self.user == owner
    }
}

/// How long a submission whose sender waits may stay without a sync of its own.
const SYNC_AFTER: Duration = Duration::from_millis(250);

/// How long who waits for an end hears nothing, at most, before the store is asked.
const QUIET_MAX: Duration = Duration::from_secs(15);

/// A submission that was accepted just now, and whose end its sender waits for.
pub struct Awaited {
    pub(crate) id: SubmissionId,
    pub(crate) expected: Expected,
    pub(crate) end: Box<dyn Subscription>,
}

impl Core {
    /// One submission. `None`: there is none, or it is somebody else's.
    ///
    /// # Errors
    /// When the store cannot answer.
    pub async fn submission(&self, viewer: &Viewer, id: SubmissionId) -> Result<Option<SubmissionRecord>, StoreError> {
        Ok(self.inner.store.submission(id).await?.filter(|r| viewer.may_see(r.submission.owner)))
    }

    /// Several at once, in the order asked for, without those that do not exist for this viewer.
    ///
    /// # Errors
    /// When the store cannot answer.
    pub async fn submissions(
        &self,
        viewer: &Viewer,
        ids: &[SubmissionId],
    ) -> Result<Vec<SubmissionRecord>, StoreError> {
        let mut records = self.inner.store.submissions(ids).await?;
        records.retain(|r| viewer.may_see(r.submission.owner));
        Ok(records)
    }

    /// A page of the viewer's own submissions, newest first, and how many there are in all.
    ///
    /// # Errors
    /// When the store cannot answer.
    pub async fn list(
        &self,
        viewer: &Viewer,
        offset: u64,
        limit: u64,
    ) -> Result<(Vec<SubmissionSummary>, u64), StoreError> {
        self.inner.store.list(Some(viewer.user), offset, limit).await
    }

    /// A page of those of the viewer's own submissions that the filter lets through, newest first.
    ///
    /// # Errors
    /// When the store cannot answer.
    pub async fn history(
        &self,
        filter: HistoryFilter,
        offset: u64,
        limit: u64,
    ) -> Result<Vec<SubmissionSummary>, StoreError> {
        self.inner.store.history(with_bounds(filter), offset, limit).await
    }

    /// How many submissions the filter lets through.
    ///
    /// # Errors
    /// When the store cannot answer.
    pub async fn history_count(&self, filter: HistoryFilter) -> Result<u64, StoreError> {
        self.inner.store.history_count(with_bounds(filter)).await
    }

    /// Like [`Core::submission`], but waits until the run has ended, at most `at_most`; then it answers
    /// with what there is.
    ///
    /// # Errors
    /// When the store cannot answer.
    pub async fn wait(
        &self,
        viewer: &Viewer,
        id: SubmissionId,
        at_most: Duration,
    ) -> Result<Option<SubmissionRecord>, StoreError> {
        // Subscribed before the first look, so an end between the two is not missed.
        let mut end = self.inner.events.subscribe(id, Seq::default(), Interest::End).await;
        let record = match self.submission(viewer, id).await? {
            Some(record) if !record.state.is_final() => record,
            other => return Ok(other),
        };
        match timeout(at_most, self.heard_of_end(id, end.as_mut())).await {
            // Ended, or the bus is going down: either way the store knows best.
            Ok(()) => self.submission(viewer, id).await,
            Err(_elapsed) if at_most.is_zero() => Ok(Some(record)),
            Err(_elapsed) => self.submission(viewer, id).await,
        }
    }

    /// After how long a silence the store is asked. Who ends a run writes that first and tells it then: killed in between, or left
    /// without the answer to its last word to the store, it has told nobody.
    fn quiet_max(&self) -> Duration {
        self.policy().lease.min(QUIET_MAX)
    }

    /// Waits for the end of a submission as the bus tells it, and as the store does where the bus may have missed it.
    async fn heard_of_end(&self, id: SubmissionId, end: &mut dyn Subscription) {
        while let Ok(Some(Received::Gap)) | Err(_) = timeout(self.quiet_max(), end.next()).await {
            match self.inner.store.submission(id).await {
                Ok(Some(record)) if !record.state.is_final() => {}
                Ok(_) => return,
                Err(error) => tracing::warn!(submission.id = %id, %error, "cannot look whether a submission has ended"),
            }
        }
    }

    /// Waits until a submission that was accepted just now has ended, at most `at_most` or until `given_up`. When it was judged by a worker
    /// of this process, the result comes as it was written, without being read back. One that has not ended comes as it stands; `None`:
    /// it cannot be read.
    ///
    /// The sender may be told of the submission when this has returned, not before.
    ///
    /// # Errors
    /// When the store cannot make it durable: the sender must not be told that it was accepted.
    pub async fn wait_for(
        &self,
        viewer: &Viewer,
        awaited: Awaited,
        at_most: Duration,
        given_up: impl Future<Output = ()> + Send,
    ) -> Result<Option<SubmissionRecord>, StoreError> {
        let Awaited { id, mut expected, mut end } = awaited;
        let ended = async {
            tokio::select! {
                biased;
                record = expected.record() => Some(record),
                // Ended elsewhere, or the bus is going down: the store knows best.
                () = self.heard_of_end(id, end.as_mut()) => None,
                () = given_up => None,
            }
        };
        tokio::pin!(ended);
        let mut is_synced = false;
        let mut result = timeout(at_most.min(SYNC_AFTER), ended.as_mut()).await;
        if result.is_err() {
            // Not a short one: it becomes durable by itself.
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
                let read = self.submission(viewer, id).await;
                let read = read.inspect_err(|error| tracing::warn!(%error, "cannot look at a submission waited for"));
                Ok(read.ok().flatten())
            }
        }
    }

    /// The log of a submission after `after`: what is stored, then what happens, without a gap and
    /// without repetition; it ends after the final event. `None`: see [`Core::submission`].
    ///
    /// # Errors
    /// When the store cannot answer.
    pub async fn watch(
        &self,
        viewer: &Viewer,
        id: SubmissionId,
        after: Seq,
    ) -> Result<Option<Box<dyn Subscription>>, StoreError> {
        let live = self.inner.events.subscribe(id, after, Interest::Everything).await;
        if self.submission(viewer, id).await?.is_none() {
            return Ok(None);
        }
        let stored = self.inner.store.events(id, after).await?;
        Ok(Some(Box::new(Watch {
            store: Arc::clone(&self.inner.store),
            id,
            quiet_max: self.quiet_max(),
            last: after,
            ended: false,
            told_gap: false,
            missed_something: false,
            stored: stored.into(),
            live,
        })))
    }

    /// Cancels a submission that has not ended. `None`: see [`Core::submission`]; otherwise its state
    /// now. Cancelling again changes nothing.
    ///
    /// # Errors
    /// When the store cannot answer; the call may be repeated.
    pub async fn cancel(&self, viewer: &Viewer, id: SubmissionId) -> Result<Option<RunState>, StoreError> {
        if self.submission(viewer, id).await?.is_none() {
            return Ok(None);
        }
        self.end(id).await
    }

    /// Cancels all of a user's submissions that have not ended, those that are due later included: the account was disabled or deleted.
    ///
    /// # Errors
    /// When the store cannot answer; the call may be repeated.
    pub async fn cancel_all_of(&self, owner: UserId) -> Result<(), StoreError> {
        // What waits comes first: it may run by the time that what runs is looked at.
        for stage in [Stage::Queued, Stage::Running] {
            loop {
                let filter = HistoryFilter { stage: Some(stage), ..HistoryFilter::of(owner) };
                let found = self.inner.store.history(filter, 0, CANCELLED_AT_ONCE).await?;
                let is_last = (found.len() as u64) < CANCELLED_AT_ONCE;
                for summary in found {
                    self.end(summary.id).await?;
                }
                if is_last {
                    break;
                }
            }
        }
        Ok(())
    }

    async fn end(&self, id: SubmissionId) -> Result<Option<RunState>, StoreError> {
        let now = self.now();
        let Some(done) = self.inner.store.cancel(id, now).await? else { return Ok(None) };
        self.stop_run(done.run);
        if done.changed {
            // Whichever node runs it.
            self.inner.events.announce(Notice::Stop(done.run));
            self.inner.events.publish(Event::finished(id, done.state.attempts(), now, Verdict::Cancelled));
        }
        Ok(Some(done.state))
    }
}

/// What is stored, then what the bus brings. Sequence numbers only grow.
struct Watch {
    store: Arc<dyn Store>,
    id: SubmissionId,
    quiet_max: Duration,
    last: Seq,
    ended: bool,
    /// Whether the last thing that was told is that something is missing.
    told_gap: bool,
    /// Whether the store is to be asked when the bus has nothing at hand.
    missed_something: bool,
    stored: VecDeque<Event>,
    live: Box<dyn Subscription>,
}

impl Watch {
    fn give(&mut self, event: Event) -> Option<Received> {
        self.last = event.seq;
        self.ended = event.kind.is_final();
        self.told_gap = false;
        Some(Received::Event(event))
    }
}

/// What the store has after `last`, if the run has ended: of one that goes on it has nothing.
async fn rest(store: &Arc<dyn Store>, id: SubmissionId, last: Seq) -> Option<VecDeque<Event>> {
    match store.events(id, last).await {
        Ok(rest) => rest.last().is_some_and(|e| e.kind.is_final()).then(|| rest.into()),
        Err(error) => {
            tracing::warn!(submission.id = %id, %error, "cannot complete a watched log");
            None
        }
    }
}

#[async_trait]
impl Subscription for Watch {
    async fn next(&mut self) -> Option<Received> {
        while !self.ended {
            while let Some(event) = self.stored.pop_front() {
                if event.seq > self.last {
                    return self.give(event);
                }
            }
            let received = if self.missed_something {
                tokio::select! {
                    biased;
                    received = self.live.next() => received,
                    // What was missed may be the end.
                    rest = rest(&self.store, self.id, self.last) => {
                        self.missed_something = false;
                        self.stored = rest.unwrap_or_default();
                        continue;
                    }
                }
            } else {
                match timeout(self.quiet_max, self.live.next()).await {
                    Ok(received) => received,
                    Err(_elapsed) => {
                        self.missed_something = true;
                        continue;
                    }
                }
            };
            match received {
                Some(Received::Event(event)) if event.seq <= self.last => {}
                Some(Received::Event(event)) => return self.give(event),
                Some(Received::Gap) => {
                    self.missed_something = true;
                    if !std::mem::replace(&mut self.told_gap, true) {
                        return Some(Received::Gap);
                    }
                }
                // The bus has no more. If the run has ended, the store has the rest.
                None => match rest(&self.store, self.id, self.last).await {
                    Some(rest) => self.stored = rest,
                    None => return None,
                },
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    #[test]
    fn the_first_and_the_last_of_all_times_are_no_bounds() {
        let filter = |from, to| {
            with_bounds(HistoryFilter { from, to, ..HistoryFilter::of(UserId::from_uuid(uuid::Uuid::nil())) })
        };
        let ends = filter(Some(Timestamp::MIN), Some(Timestamp::MAX));
        assert_eq!((ends.first, ends.before), (None, None));
        let within = filter(Some(Timestamp::UNIX_EPOCH), Some(Timestamp::UNIX_EPOCH));
        assert!(within.first.is_some() && within.before > within.first);
    }
}
