//! The sweeper: recovery at start, expired leases, due runs, lost hints, submissions of disabled and deleted users, and
//! retention.
//!
//! The queue may lose every hint; the store is the source of truth. The sweeper therefore reads the store and publishes
//! hints for the runs it finds. A superfluous hint does no harm: the second lease of a run fails.

use std::sync::Arc;
use std::time::Duration;

use cupel_types::UserId;
use jiff::{SignedDuration, Timestamp};

use crate::cluster::WORKERS_KEPT;
use crate::run::RunState;
use crate::{Core, DuePlace, DueRun, Needs, QueueError, RetentionCutoffs, Routes, RunHint, StoreError};

/// Rows per step.
const STEP: u32 = 1000;
/// Steps per sweep, so that every sweep is short.
const STEPS_MAX: u32 = 10;
/// How far back the search for newly due runs reaches: longer than an insertion takes to become visible.
const OVERLAP: SignedDuration = SignedDuration::from_secs(5);
/// Number of missing hints (waiting runs without a hint in the queue) that is normal. The hints of such runs are not
/// yet published, or were taken but the runs are not yet leased. While the queue has more hints than this, and no more
/// than this number of hints are missing, the sweeper searches for them only every [`LOOK_EVERY`] sweeps.
const ON_THE_WAY_MAX: u64 = 64;
/// Maximum number of hints that are published to a queue at a time, because a queue accepts all of them or none.
const PART_MAX: usize = 100;
/// Number of sweeps between two searches for missing hints while the queue has many hints and few are missing.
const LOOK_EVERY: u32 = 30;
/// Number of disabled and deleted users per sweep.
const USERS_MAX: u32 = 100;
/// Number of their submissions that a sweep cancels. Each cancellation is a durable write.
const CANCELLED_MAX: u64 = 100;
/// How long the submissions of a disabled or deleted user are cancelled. The store refuses the user's submissions, but
/// PostgreSQL may still commit insertions that began before the account was disabled; their statements end within
/// seconds. The rest is for clocks that differ.
const CANCELLED_FOR: SignedDuration = SignedDuration::from_mins(2);
/// Number of sweeps between two removals of old records, unless records were left.
const FORGET_EVERY: u32 = 60;
/// How long a finished webhook delivery is kept for display.
const DELIVERIES_KEPT: SignedDuration = SignedDuration::from_hours(7 * 24);

/// How long a revoked or expired API key is kept in its owner's list.
const KEYS_KEPT: SignedDuration = SignedDuration::from_hours(90 * 24);

/// How long failed attempts are kept. Those of dead letters are kept until the dead letter is removed.
const FAILURES_KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Result of a sweep.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Whether this node was the leader. If not, nothing was done.
    pub led: bool,
    /// Attempts that were lost because their worker stopped renewing the lease.
    pub expired: u64,
    /// Number of these attempts whose run was abandoned.
    pub abandoned: u64,
    /// Hints published to the queue.
    pub offered: u64,
    /// Submissions cancelled because their owner was disabled or deleted.
    pub cancelled: u64,
    /// Due runs that wait although no known worker has all needed languages: the last complete count.
    pub unserved: u64,
    /// Records removed because their retention ended.
    pub forgotten: u64,
}

/// State that a sweep keeps for the next sweep.
#[derive(Debug, Default)]
pub(crate) struct SweepState {
    /// When this node last ran a sweep, as leader or not.
    ticked: Option<Timestamp>,
    /// When the store last failed to tell this node whether it is the leader, or to expire leases.
    failed: Option<Timestamp>,
    /// When this node last completed a sweep; `None` if another node has been leader since.
    last: Option<Timestamp>,
    /// Position of the walk over all waiting runs.
    walk: Option<DuePlace>,
    /// Number of runs found by this walk so far that no worker can judge.
    met: u64,
    /// Number of such runs found by the last complete walk, and the routes at that time. Zero from when a new count is
    /// due until it is complete.
    unserved: u64,
    routes: Option<Arc<Routes>>,
    /// The same number, which is reported: while the runs are counted again, that of the last complete walk.
    reported: u64,
    sweeps: u32,
    /// Whether expired records may be left.
    has_expired: bool,
    /// Whether guests that have ended are left.
    has_guests: bool,
    /// The last user of the round over disabled and deleted users whose submissions were cancelled.
    cancelled_up_to: Option<(Timestamp, UserId)>,
}

impl Core {
    /// Expires leases, publishes due runs that the queue does not have, cancels the submissions of disabled and deleted
    /// users, and removes old records. The work is bounded. One task of every node that accepts submissions calls this
    /// method every second; only the leader does the work.
    ///
    /// # Errors
    /// If the store cannot answer; work already done is kept, and the next sweep continues.
    pub async fn sweep(&self) -> Result<Swept, StoreError> {
        let mut state = self.inner.sweep.lock().await;
        let state = &mut *state;
        let now = self.now();
        let mut swept = Swept::default();
        self.forget_dropped();
        if let Some(ticked) = state.ticked.replace(now) {
            self.inner.admission.tick(Duration::try_from(now.duration_since(ticked)).unwrap_or_default());
        }
        // If the clock was set back, the failure would be in the future, and no lease would expire until then.
        state.failed = state.failed.map(|failed| failed.min(now));
        if !self.leads(now).await.inspect_err(|_| state.failed = Some(now))? {
            (state.last, state.walk, state.cancelled_up_to) = (None, None, None);
            return Ok(swept);
        }
        swept.led = true;
        // While the store failed, workers could neither renew leases nor report results. They get the time of a lease
        // to do so, because an expired lease costs the run an attempt. Errors of the later steps do not count. If one
        // of them failed in every sweep, such as the removal of old records, no lease would ever expire.
        let lease = SignedDuration::try_from(self.inner.policy.lease).unwrap_or(SignedDuration::MAX);
        if state.failed.is_none_or(|failed| now.duration_since(failed) > lease) {
            self.expire(now, &mut swept).await.inspect_err(|_| state.failed = Some(now))?;
        }
        self.offer_newly_due(state.last, now, &mut swept).await?;
        self.offer_missing(state, now, &mut swept).await?;
        state.sweeps = state.sweeps.wrapping_add(1);
        let is_turn = state.sweeps % FORGET_EVERY == 1;
        // Taken: after a failure, the next attempt follows at the next turn, so that the rest of each sweep takes
        // place.
        if std::mem::take(&mut state.has_expired) || is_turn {
            let ago = |kept| now.saturating_sub(kept).unwrap_or(now);
            // Without a retention, records are kept forever.
            let before = |kept: Option<Duration>| {
                let kept = kept.and_then(|kept| SignedDuration::try_from(kept).ok());
                kept.map_or(Timestamp::MIN, ago)
            };
            let cutoffs = RetentionCutoffs {
                now,
                deliveries_before: ago(DELIVERIES_KEPT),
                keys_before: ago(KEYS_KEPT),
                workers_before: ago(WORKERS_KEPT),
                failures_before: ago(FAILURES_KEPT),
                snippets_before: before(self.bounds().snippets_kept),
                drafts_before: before(self.bounds().drafts_kept),
            };
            state.has_expired = self.purge_expired(cutoffs, &mut swept).await?;
            state.has_guests |= is_turn;
        }
        if state.has_guests {
            state.has_guests = self.forget_guests(now, &mut swept).await;
        }
        self.cancel_for_closed_accounts(state, now, &mut swept).await?;
        state.last = Some(now);
        swept.unserved = state.reported;
        Ok(swept)
    }

    /// Fills the queue from the store until the queue is full. On an installation with a single node, called once at
    /// start, before any listener opens; [`Core::sweep`] publishes the rest later. With several nodes, only
    /// [`Core::sweep`] publishes.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub async fn recover(&self) -> Result<Swept, StoreError> {
        let mut swept = Swept::default();
        let now = self.now();
        let mut after = DuePlace::before(Timestamp::MIN);
        loop {
            let due = self.inner.store.due(now, after, STEP).await?;
            let Some(last) = due.last() else { break };
            after = last.place;
            if !self.offer(&of(due), &mut swept).await {
                break;
            }
        }
        Ok(swept)
    }

    /// Expires every lease. For a process that knows that all lease holders are dead, such as `cupel serve` at its
    /// start, because all workers are in the same process. Called before [`Core::recover`] and before any worker
    /// starts.
    ///
    /// Each expired lease counts as a lost attempt of its run. A drained process gives its leases back. A lease that is
    /// left over means that its process was killed or crashed, and the run may be the cause. If an expired lease did
    /// not count, a run that crashes the process would be retried forever. A run that is not the cause loses one
    /// attempt and is tried again.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub async fn recover_orphans(&self) -> Result<Swept, StoreError> {
        let mut swept = Swept::default();
        while self.expire_step(Timestamp::MAX, self.now(), &mut swept).await? {}
        Ok(swept)
    }

    async fn expire(&self, now: Timestamp, swept: &mut Swept) -> Result<(), StoreError> {
        for _ in 0..STEPS_MAX {
            if !self.expire_step(now, now, swept).await? {
                break;
            }
        }
        Ok(())
    }

    /// Expires one step of leases; returns whether there may be more.
    async fn expire_step(&self, lease_end: Timestamp, now: Timestamp, swept: &mut Swept) -> Result<bool, StoreError> {
        let expired = self.inner.store.expire(lease_end, now, self.inner.policy.attempts_max, STEP).await?;
        let mut again = Vec::new();
        for run in &expired {
            swept.expired += 1;
            metrics::counter!("cupel_failed_attempts_total", "cause" => "lease").increment(1);
            self.stop_attempt(run.lease);
            if let RunState::Abandoned { attempts } = run.state {
                swept.abandoned += 1;
                tracing::error!(run.id = %run.hint.run, attempt.number = attempts, "abandoned a run: the worker of its last attempt stopped renewing the lease");
                self.abandoned(run.submission, attempts, now);
            } else {
                tracing::warn!(run.id = %run.hint.run, attempt.number = run.state.attempts(), "a lease expired without renewal; the run is retried");
                again.push((run.hint, run.needs.clone()));
            }
        }
        self.offer(&again, swept).await;
        Ok(expired.len() == STEP as usize)
    }

    /// Publishes runs that became due since the last sweep, by `run_at` or after a backoff. A run that was due when it
    /// was created was published by the node that created it. If every sweep published such runs until a worker takes
    /// them, they would pass through a broker several times, because a node recognises only duplicates of hints that it
    /// published itself. If that first publication was lost, [`Core::offer_missing`] finds the run.
    async fn offer_newly_due(
        &self,
        last: Option<Timestamp>,
        now: Timestamp,
        swept: &mut Swept,
    ) -> Result<(), StoreError> {
        let Some(last) = last else { return Ok(()) };
        let mut after = DuePlace::before(last.saturating_sub(OVERLAP).unwrap_or(last));
        for _ in 0..STEPS_MAX {
            let due = self.inner.store.due(now, after, STEP).await?;
            let Some(last) = due.last().map(|last| last.place) else { break };
            let is_last = due.len() < STEP as usize;
            let hints = of(due.into_iter().filter(|due| !was_due_when_created(due)));
            if !self.offer(&hints, swept).await || is_last {
                break;
            }
            after = last;
        }
        Ok(())
    }

    /// Publishes missing hints. Hints are missing if there are more waiting runs than hints in the queue. The sweeper
    /// then goes through all waiting runs and publishes their hints, unless the queue is full; if few are missing
    /// ([`ON_THE_WAY_MAX`]), it does so only at intervals. The walk continues where the last sweep stopped, so a sweep
    /// stays short even if many runs wait. The hints of runs that no worker can judge do not count as
    /// missing. These runs are counted again when workers join or leave, and at intervals, because some of them are
    /// cancelled.
    async fn offer_missing(&self, state: &mut SweepState, now: Timestamp, swept: &mut Swept) -> Result<(), StoreError> {
        let Ok(depth) = self.inner.language_queues.depth().await else { return Ok(()) };
        let depth_max = self.queue().depth_max();
        let routes = self.inner.language_queues.routes();
        if state.routes != routes || state.sweeps.is_multiple_of(LOOK_EVERY) {
            (state.routes, state.unserved) = (routes, 0);
        }
        let elsewhere = depth as u64 + state.unserved;
        let missing = self.inner.store.counts(now).await?.queued.saturating_sub(elsewhere);
        if missing == 0 {
            // Without a walk: the queue has the hints of all other runs.
            state.reported = state.unserved;
        }
        let worth_it =
            missing > ON_THE_WAY_MAX || (depth as u64) <= ON_THE_WAY_MAX || state.sweeps.is_multiple_of(LOOK_EVERY);
        if depth >= depth_max || missing == 0 || (state.walk.is_none() && !worth_it) {
            state.walk = None;
            return Ok(());
        }
        for _ in 0..STEPS_MAX {
            if state.walk.is_none() {
                state.met = 0;
            }
            let after = state.walk.unwrap_or(DuePlace::before(Timestamp::MIN));
            let due = self.inner.store.due(now, after, STEP).await?;
            state.walk = if due.len() < STEP as usize { None } else { due.last().map(|d| d.place) };
            state.met += due.iter().filter(|due| !self.inner.language_queues.serves(&due.needs)).count() as u64;
            if state.walk.is_none() {
                (state.unserved, state.reported) = (state.met, state.met);
            }
            if !self.offer(&of(due), swept).await || state.walk.is_none() {
                break;
            }
        }
        Ok(())
    }

    /// Cancels submissions of users who were disabled or deleted. The store recorded this with the change of the
    /// account, so the process that changed it, such as `cupel user disable`, need not be a server. A sweep continues
    /// where the last one stopped, so that no user's submissions wait for those of all others.
    async fn cancel_for_closed_accounts(
        &self,
        state: &mut SweepState,
        now: Timestamp,
        swept: &mut Swept,
    ) -> Result<(), StoreError> {
        let users = self.inner.store.users_to_cancel(state.cancelled_up_to, USERS_MAX).await?;
        let is_last = users.len() < USERS_MAX as usize;
        for (since, user) in users {
            match self.cancel_for(user, since, now, CANCELLED_MAX - swept.cancelled).await {
                Ok(cancelled) => swept.cancelled += cancelled,
                Err(error) => {
                    tracing::error!(user.id = %user, error = crate::chain(&error), "cannot cancel the submissions of a disabled user");
                    // The store would probably fail for the other users as well.
                    if error.transient {
                        return Ok(());
                    }
                }
            }
            state.cancelled_up_to = Some((since, user));
            if swept.cancelled >= CANCELLED_MAX {
                return Ok(());
            }
        }
        if is_last {
            state.cancelled_up_to = None;
        }
        Ok(())
    }

    /// Cancels submissions of a user who was disabled or deleted at `since`, at most `limit`. Returns their number.
    async fn cancel_for(&self, user: UserId, since: Timestamp, now: Timestamp, limit: u64) -> Result<u64, StoreError> {
        let cancelled = self.cancel_all_of(user, limit).await?;
        if cancelled == 0 && now.duration_since(since) > CANCELLED_FOR {
            self.inner.store.end_cancelling(user, since).await?;
        }
        Ok(cancelled)
    }

    /// Deletes expired records. Returns whether there may be more; the next sweep then continues. A submission with an
    /// idempotency key or a webhook leaves a record, so a fixed number of records per minute could be less than what a
    /// busy server inserts, and the tables would grow without bound.
    async fn purge_expired(&self, cutoffs: RetentionCutoffs, swept: &mut Swept) -> Result<bool, StoreError> {
        for _ in 0..STEPS_MAX {
            let purged = self.inner.store.purge_expired(cutoffs, STEP).await?;
            swept.forgotten += purged.deleted;
            if !purged.may_have_more {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Removes guests that have ended, and their submissions. Returns whether there may be more. A failure does not
    /// prevent the rest of the sweep.
    async fn forget_guests(&self, now: Timestamp, swept: &mut Swept) -> bool {
        for _ in 0..STEPS_MAX {
            match self.inner.store.forget_guests(now).await {
                Ok(0) => return false,
                Ok(forgotten) => swept.forgotten += forgotten,
                Err(error) => {
                    tracing::error!(error = crate::chain(&error), "cannot delete guests that have ended");
                    return false;
                }
            }
        }
        true
    }

    /// Publishes hints while the queues have room. Returns whether later hints are worth a try, which is not the case
    /// if the common queue refused some. A language queue that refuses hints does not stop the sweep for other
    /// languages.
    async fn offer(&self, hints: &[(RunHint, Needs)], swept: &mut Swept) -> bool {
        let published = self.inner.language_queues.publish_in_parts(hints, PART_MAX).await;
        swept.offered += published.hints;
        let mut goes_on = true;
        for (language, error) in published.refused {
            match (language, error) {
                (None, QueueError::Full { .. }) => goes_on = false,
                (None, error) => {
                    tracing::warn!(%error, "the queue accepts no hints; the next sweep retries");
                    goes_on = false;
                }
                (Some(language), error) => tracing::debug!(
                    %language, error = crate::chain(&error),
                    "the language queue of {language} accepts no hints; the next sweep retries"
                ),
            }
        }
        goes_on
    }
}

fn of(due: impl IntoIterator<Item = DueRun>) -> Vec<(RunHint, Needs)> {
    due.into_iter().map(|due| (due.hint, due.needs)).collect()
}

/// Whether a run has been due since it was created, according to the time in its id.
fn was_due_when_created(due: &DueRun) -> bool {
    let born = due.hint.run.as_uuid().get_timestamp().map(|at| at.to_unix());
    born.is_some_and(|(s, ns)| {
        let born_ms = i128::from(s) * 1000 + i128::from(ns / 1_000_000);
        i128::from(due.place.at.as_millisecond()) <= born_ms
    })
}
