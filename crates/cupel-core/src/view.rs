//! Reading submissions: look up, list, wait, watch, cancel. For these calls, a submission is visible to its owner and
//! to administrators; for other users it does not exist.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use cupel_types::{Cases, RunId, Solution, Submission, SubmissionId, SubmissionKind, UserId, Verdict};
use tokio::time::timeout;

use crate::disclosure::Disclosure;
use crate::event::{Event, EventKind, Seq};
use crate::ids::first_at;
use crate::live::{Credit, InputCount};
use crate::problems::{Attempted, RunSummary};
use crate::run::{HistoryFilter, RunState, Stage, SubmissionRecord, SubmissionSummary};
use crate::{AuthenticatedUser, Cancellation, Core, Interest, Notice, Received, Store, StoreError, Subscription};

/// Maximum difference between the time in an id and the time of acceptance. Ids never decrease, but a clock may be set
/// back.
const ID_SLACK: Duration = Duration::from_mins(10);

/// Maximum number of runs of a submission that are searched for a verdict, newest first.
const RUNS_MAX: u64 = 100;

/// Adds the bounds on ids that follow from the filter's times, so that the query reads no rows outside them. A time at
/// the limit of the representable range sets no bound.
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

/// Maximum time that a waiting call waits for an event from the bus before it queries the store.
const QUIET_MAX: Duration = Duration::from_secs(15);
/// As [`QUIET_MAX`], for the reports about the input of a live run. Until the end of the run is found, its unread input
/// stays charged.
const CREDIT_QUIET_MAX: Duration = Duration::from_mins(5);

impl Core {
    /// A submission. `None` if it does not exist or the viewer may not see it.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub async fn submission(
        &self,
        viewer: &AuthenticatedUser,
        id: SubmissionId,
    ) -> Result<Option<SubmissionRecord>, StoreError> {
        Ok(self.inner.store.submission(id).await?.filter(|r| viewer.may_see(r.submission.owner)))
    }

    /// Several submissions, in the order of `ids`, without those that do not exist for this viewer.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub async fn submissions(
        &self,
        viewer: &AuthenticatedUser,
        ids: &[SubmissionId],
    ) -> Result<Vec<SubmissionRecord>, StoreError> {
        let mut records = self.inner.store.submissions(ids).await?;
        records.retain(|r| viewer.may_see(r.submission.owner));
        Ok(records)
    }

    /// A page of the viewer's own submissions, newest first, and the total number.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub async fn list(
        &self,
        viewer: &AuthenticatedUser,
        offset: u64,
        limit: u64,
    ) -> Result<(Vec<SubmissionSummary>, u64), StoreError> {
        let (submissions, total) = self.inner.store.list(Some(viewer.user), offset, limit).await?;
        Ok((Disclosure::of(viewer.is_admin).summaries(submissions), total))
    }

    /// A page of the submissions that match the filter, newest first. Empty if the viewer may not see the submissions
    /// of the filter's owner.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub async fn history(
        &self,
        viewer: &AuthenticatedUser,
        filter: HistoryFilter,
        offset: u64,
        limit: u64,
    ) -> Result<Vec<SubmissionSummary>, StoreError> {
        if !viewer.may_see(filter.owner) {
            return Ok(Vec::new());
        }
        let submissions = self.inner.store.history(with_bounds(filter), offset, limit).await?;
        Ok(Disclosure::of(viewer.is_admin).summaries(submissions))
    }

    /// Number of submissions that [`Core::history`] lists.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub async fn history_count(&self, viewer: &AuthenticatedUser, filter: HistoryFilter) -> Result<u64, StoreError> {
        if !viewer.may_see(filter.owner) {
            return Ok(0);
        }
        self.inner.store.history_count(with_bounds(filter)).await
    }

    /// Like [`Core::submission`], but waits at most `at_most` until the run has ended, and then returns the current
    /// state.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub async fn wait(
        &self,
        viewer: &AuthenticatedUser,
        id: SubmissionId,
        at_most: Duration,
    ) -> Result<Option<SubmissionRecord>, StoreError> {
        // Subscribed before the first read, so an end between the two is not missed.
        let mut end = self.inner.events.subscribe(id, Seq::default(), Interest::End).await;
        let record = match self.submission(viewer, id).await? {
            Some(record) if !record.state.is_final() => record,
            other => return Ok(other),
        };
        // A request that waits does not keep the submission's sources and input in memory.
        let current = at_most.is_zero().then_some(record);
        let waited = timeout(at_most, self.wait_for_end(id, end.as_mut())).await;
        match current {
            Some(record) if waited.is_err() => Ok(Some(record)),
            // The run ended, the bus is closing, or the record is old: the store has the current state.
            _ => self.submission(viewer, id).await,
        }
    }

    /// Waits at most `at_most` until the submission has ended. Its viewer may be another user than its owner.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub async fn wait_until_ended(&self, attempted: Attempted, at_most: Duration) -> Result<(), StoreError> {
        // The submission, with its sources and input, does not stay in memory during the wait.
        let id = attempted.into_record().submission.id;
        // Subscribed before the read, so an end between the two is not missed.
        let mut end = self.inner.events.subscribe(id, Seq::default(), Interest::End).await;
        if self.inner.store.submission(id).await?.is_some_and(|record| !record.state.is_final()) {
            let _elapsed = timeout(at_most, self.wait_for_end(id, end.as_mut())).await;
        }
        Ok(())
    }

    /// How long to wait for an event from the bus before the store is queried. A node writes the end of a run first and
    /// announces it afterwards. If the node is killed in between, or gets no answer from the store, the end is never
    /// announced.
    fn quiet_max(&self) -> Duration {
        self.policy().lease.min(QUIET_MAX)
    }

    /// The next report about the input of a live run; `None`: no more will come. Also returns `None` if the run has
    /// ended and the bus does not announce it.
    pub async fn next_credit(&self, run: SubmissionId, credit: &mut Credit) -> Option<InputCount> {
        loop {
            // Each check reads the whole submission, and a run may wait long before it consumes input.
            let quiet_max = (self.policy().lease * 20).min(CREDIT_QUIET_MAX);
            match timeout(quiet_max, credit.next()).await {
                Ok(received) => return received,
                Err(_elapsed) if self.is_over(run).await => return None,
                Err(_elapsed) => {}
            }
        }
    }

    /// Whether the store shows that a submission has ended or does not exist. `false` if the store cannot answer.
    async fn is_over(&self, id: SubmissionId) -> bool {
        let found = self.inner.store.submission(id).await.inspect_err(|error| {
            tracing::warn!(submission.id = %id, %error, "cannot check if a submission has ended");
        });
        found.is_ok_and(|record| record.is_none_or(|record| record.state.is_final()))
    }

    /// Waits until the bus announces the end of a submission, or, if the bus may have missed the end, until the store
    /// shows it.
    pub(crate) async fn wait_for_end(&self, id: SubmissionId, end: &mut dyn Subscription) {
        while let Ok(Some(Received::Gap)) | Err(_) = timeout(self.quiet_max(), end.next()).await {
            if self.is_over(id).await {
                return;
            }
        }
    }

    /// The log of a submission after `after`: first the stored events, then live events. No event is repeated, and
    /// missed events are reported as a gap. The log ends after the final event. `None`: see [`Core::submission`].
    ///
    /// # Errors
    /// If the store cannot answer.
    pub async fn watch(
        &self,
        viewer: &AuthenticatedUser,
        id: SubmissionId,
        after: Seq,
    ) -> Result<Option<Box<dyn Subscription>>, StoreError> {
        Ok(self.watch_record(viewer, id, after).await?.map(|(_, log)| log))
    }

    /// The submission, and its log.
    pub(crate) async fn watch_record(
        &self,
        viewer: &AuthenticatedUser,
        id: SubmissionId,
        after: Seq,
    ) -> Result<Option<(SubmissionRecord, Box<dyn Subscription>)>, StoreError> {
        let live = self.inner.events.subscribe(id, after, Interest::Everything).await;
        let Some(record) = self.submission(viewer, id).await? else { return Ok(None) };
        let stored = self.inner.store.events(id, after).await?;
        let mut watch = Watch {
            store: Arc::clone(&self.inner.store),
            id,
            quiet_max: self.quiet_max(),
            last: after,
            // The bus may have forgotten that the run has ended.
            ended: record.state.is_final() && stored.is_empty(),
            reported_gap: false,
            missed_something: false,
            stored: VecDeque::new(),
            has_more_stored: false,
            live,
        };
        watch.hold(stored);
        Ok(Some((record, Box::new(watch))))
    }

    /// Cancels a submission that has not ended, and returns its new state. `None`: see [`Core::submission`]. Repeated
    /// cancellation changes nothing.
    ///
    /// # Errors
    /// [`CancelError`].
    pub async fn cancel(&self, viewer: &AuthenticatedUser, id: SubmissionId) -> Result<Option<RunState>, CancelError> {
        let Some(record) = self.submission(viewer, id).await? else { return Ok(None) };
        if !viewer.is_admin {
            if self.counts_in_contest(&record.submission).await? {
                return Err(CancelError::InContest);
            }
            let is_verdict =
                |run: &RunSummary| matches!(run.state, RunState::Judged { verdict, .. } if verdict.is_result());
            if !record.state.is_final() && self.inner.store.runs_of(id, RUNS_MAX).await?.iter().any(is_verdict) {
                return Err(CancelError::Rejudge);
            }
        }
        // The run may end meanwhile, and a rejudge create another one.
        let only = (!viewer.is_admin).then_some(record.run);
        let Some(done) = self.end(id, only, record.submission.kind.is_live()).await? else { return Ok(None) };
        if only.is_some_and(|only| only != done.run) { Err(CancelError::Rejudge) } else { Ok(Some(done.state)) }
    }

    /// Whether a contest counts the submission: the sender takes part in it, or can still join it.
    async fn counts_in_contest(&self, submission: &Submission) -> Result<bool, StoreError> {
        let SubmissionKind::Problem(Solution { of, cases: Cases::All, .. }) = &submission.kind else {
            return Ok(false);
        };
        let (store, sent_at) = (&self.inner.store, submission.submitted_at);
        Ok(store.is_taking_part_with(of.problem, submission.owner, sent_at).await?
            || store.is_in_running_contest(of.problem, sent_at, self.now()).await?)
    }

    /// Cancels a user's submissions that have not ended, including scheduled submissions; at most `limit`. Returns the
    /// number of cancelled submissions. The sweeper calls this after an account was disabled or deleted.
    pub(crate) async fn cancel_all_of(&self, owner: UserId, limit: u64) -> Result<u64, StoreError> {
        let mut cancelled = 0;
        // Queued submissions are read first. If a submission starts in the meantime, it is then found among the running
        // submissions.
        for stage in [Stage::Queued, Stage::Running] {
            let filter = HistoryFilter { stage: Some(stage), ..HistoryFilter::of(owner) };
            for summary in self.inner.store.history(filter, 0, limit - cancelled).await? {
                self.end(summary.id, None, true).await?;
                cancelled += 1;
            }
        }
        Ok(cancelled)
    }

    /// Cancels a submission. `only`: the only run that may be cancelled. `may_be_live`: whether it may have logs of
    /// live input, which then end. Ending logs that never began has no effect.
    async fn end(
        &self,
        id: SubmissionId,
        only: Option<RunId>,
        may_be_live: bool,
    ) -> Result<Option<Cancellation>, StoreError> {
        let now = self.now();
        let Some(done) = self.inner.store.cancel(id, only, now).await? else { return Ok(None) };
        if only.is_some_and(|only| only != done.run) {
            return Ok(Some(done));
        }
        self.stop_run(done.run);
        if let RunState::Cancelled { attempts } = done.state {
            // All nodes are notified, because any of them may be running the submission. A repeated call announces it
            // again: the first may have been committed without an answer, and then announced nothing. While the bus
            // remembers a log, the log takes its end only once.
            self.inner.events.announce(Notice::Stop(done.run));
            self.inner.events.publish(Event::finished(id, attempts, now, Verdict::Cancelled));
            if may_be_live {
                self.end_input(id, attempts, Verdict::Cancelled);
            }
        }
        Ok(Some(done))
    }
}

/// Why a submission was not cancelled.
#[derive(Debug, thiserror::Error)]
pub enum CancelError {
    /// The submission counts in a contest, or would if its sender joined the contest now. The sender sees the results
    /// of its tests while it is judged, and would avoid the penalty of a wrong submission.
    #[error("The submission counts in a contest, so that only an administrator can cancel it.")]
    InContest,
    /// The submission has a verdict and is judged again. Its sender would keep the earlier verdict.
    #[error("The submission is being judged again, so that only an administrator can cancel it.")]
    Rejudge,
    /// The store cannot answer; the call may be repeated.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Stored events, then live events from the bus. Sequence numbers only grow.
struct Watch {
    store: Arc<dyn Store>,
    id: SubmissionId,
    quiet_max: Duration,
    last: Seq,
    ended: bool,
    /// Whether the last item reported was a gap.
    reported_gap: bool,
    /// Whether to query the store when the bus has no event ready.
    missed_something: bool,
    /// The first of the stored events that have not been returned, and whether the store has more of them.
    stored: VecDeque<Event>,
    has_more_stored: bool,
    live: Box<dyn Subscription>,
}

/// Maximum size of the stored events that a watcher holds. Many clients may read slowly, and a log may have megabytes:
/// the store is read again when a client has received these events.
const STORED_BYTES_MAX: usize = 256 << 10;

/// Approximate size of an event in memory, in bytes.
fn size(event: &Event) -> usize {
    let extra = match &event.kind {
        EventKind::Output { data, .. } | EventKind::CompileEnded { output: data, .. } => data.len(),
        _ => 0,
    };
    128 + extra
}

/// Drops the events that a watcher does not hold yet. Returns whether there were any.
fn cut_to_page(log: &mut Vec<Event>) -> bool {
    let sums = log.iter().scan(0, |sum, event| {
        *sum += size(event);
        Some(*sum)
    });
    // Even an event that is too large is held alone.
    let end = sums.take_while(|sum| *sum <= STORED_BYTES_MAX).count().max(1);
    let has_more = end < log.len();
    log.truncate(end);
    log.shrink_to_fit();
    has_more
}

impl Watch {
    /// Holds the beginning of these stored events.
    fn hold(&mut self, mut log: Vec<Event>) {
        self.has_more_stored = cut_to_page(&mut log);
        self.stored = log.into();
    }

    /// Reads the stored events after the last one that was held.
    async fn hold_more(&mut self) {
        let log = self.store.events(self.id, self.last).await.unwrap_or_else(|error| {
            tracing::warn!(submission.id = %self.id, %error, "cannot read more of a watched event log");
            self.missed_something = true;
            Vec::new()
        });
        self.hold(log);
    }

    fn give(&mut self, event: Event) -> Option<Received> {
        self.last = event.seq;
        self.ended = event.kind.is_final();
        self.reported_gap = false;
        Some(Received::Event(event))
    }
}

/// The stored events after `last`. `None` if the run has not ended or the store cannot answer.
async fn rest(store: &Arc<dyn Store>, id: SubmissionId, last: Seq) -> Option<Vec<Event>> {
    match store.events(id, last).await {
        Ok(rest) => rest.last().is_some_and(|e| e.kind.is_final()).then_some(rest),
        Err(error) => {
            tracing::warn!(submission.id = %id, %error, "cannot read the rest of a watched event log");
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
            if self.has_more_stored {
                self.hold_more().await;
                continue;
            }
            let received = if self.missed_something {
                tokio::select! {
                    biased;
                    received = self.live.next() => received,
                    // The end may be among the missed events.
                    rest = rest(&self.store, self.id, self.last) => {
                        self.missed_something = false;
                        self.hold(rest.unwrap_or_default());
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
                    if !std::mem::replace(&mut self.reported_gap, true) {
                        return Some(Received::Gap);
                    }
                }
                // The bus has no more events. If the run has ended, the store has the rest.
                None => match rest(&self.store, self.id, self.last).await {
                    Some(rest) => self.hold(rest),
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
    use crate::event::Stream;

    #[test]
    fn a_watcher_holds_a_bounded_part_of_a_stored_log_but_at_least_one_event() {
        let output = |size: usize| Event {
            submission: SubmissionId::from_uuid(uuid::Uuid::nil()),
            seq: Seq::of_attempt(1, 1),
            at: Timestamp::UNIX_EPOCH,
            kind: EventKind::Output { case: None, stream: Stream::Stdout, data: vec![0; size].into() },
        };
        let cut = |mut log: Vec<Event>| (cut_to_page(&mut log), log.len());
        assert_eq!(cut(Vec::new()), (false, 0));
        assert_eq!(cut(vec![output(100); 3]), (false, 3));
        assert_eq!(cut(vec![output(64 << 10); 64]), (true, 3));
        assert_eq!(cut(vec![output(1); 90_000]), (true, STORED_BYTES_MAX / 129));
        assert_eq!(cut(vec![output(STORED_BYTES_MAX); 2]), (true, 1));
    }

    #[test]
    fn the_smallest_and_largest_timestamps_set_no_bounds() {
        let filter = |from, to| {
            with_bounds(HistoryFilter { from, to, ..HistoryFilter::of(UserId::from_uuid(uuid::Uuid::nil())) })
        };
        let ends = filter(Some(Timestamp::MIN), Some(Timestamp::MAX));
        assert_eq!((ends.first, ends.before), (None, None));
        let within = filter(Some(Timestamp::UNIX_EPOCH), Some(Timestamp::UNIX_EPOCH));
        assert!(within.first.is_some() && within.before > within.first);
    }
}
