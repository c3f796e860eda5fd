//! The sweeper: recovery at start, expired leases, due and lost hints, forgetting.
//!
//! The queue may lose every hint; the store is the truth. So the sweeper looks at the store and offers
//! what it finds. A hint too many does no harm: the second lease of a run fails.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::cluster::WORKERS_KEPT;
use crate::run::RunState;
use crate::{Core, DuePlace, DueRun, Needs, Over, QueueError, Routes, RunHint, StoreError};

/// Rows looked at in one step.
const STEP: u32 = 1000;
/// Steps in one sweep, so that one sweep is short whatever there is to do.
const STEPS_MAX: u32 = 10;
/// How far back the look for newly due runs reaches: longer than an insertion takes to become visible.
const OVERLAP: SignedDuration = SignedDuration::from_secs(5);
/// A deficit of hints up to this many is what is on its way at any moment: inserted and not yet published, or
/// taken and not yet leased. Behind a line longer than this it is looked into only now and then.
const ON_THE_WAY_MAX: u64 = 64;
/// How often, in sweeps, a small deficit behind a long line is looked into.
const LOOK_EVERY: u32 = 30;
/// How often, in sweeps, old records are removed.
const FORGET_EVERY: u32 = 60;
/// How long a webhook delivery that ended is kept for people to look at.
const DELIVERIES_KEPT: SignedDuration = SignedDuration::from_hours(7 * 24);

/// How long an API key that was revoked or has expired is kept for its owner to look at.
const KEYS_KEPT: SignedDuration = SignedDuration::from_hours(90 * 24);

/// How long is remembered why an attempt failed of what was judged in the end.
const FAILURES_KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);

/// What a sweep did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Whether this node was the one to sweep. If not, nothing was done.
    pub led: bool,
    /// Attempts that were lost because their worker fell silent.
    pub expired: u64,
    /// Runs given up, among those.
    pub abandoned: u64,
    /// Hints offered to the queue.
    pub offered: u64,
    /// Runs that are due and wait for a worker with a language that none has, as far as is known.
    pub unserved: u64,
    /// Records removed because nobody may ask for them any more.
    pub forgotten: u64,
}

/// What one sweep remembers for the next.
#[derive(Debug, Default)]
pub(crate) struct SweepState {
    /// When this node last came by, whether or not it led.
    ticked: Option<Timestamp>,
    /// When it last swept to the end; `None` when another node has led since.
    last: Option<Timestamp>,
    /// Where the walk over all waiting runs stands.
    walk: Option<DuePlace>,
    /// How many runs that no worker can judge it has met.
    met: u64,
    /// How many the last walk met, and what was known of workers then.
    unserved: u64,
    routes: Option<Arc<Routes>>,
    sweeps: u32,
}

impl Core {
    /// Expires leases, offers due runs that the queue does not have, forgets what is over. Bounded work;
    /// called every second by one task of every node that accepts submissions; one of these nodes does it.
    ///
    /// # Errors
    /// When the store cannot answer; what was done stands, and the next sweep goes on.
    pub async fn sweep(&self) -> Result<Swept, StoreError> {
        let mut state = self.inner.sweep.lock().await;
        let now = self.now();
        let mut swept = Swept::default();
        self.forget_dropped();
        if let Some(ticked) = state.ticked.replace(now) {
            self.inner.admission.tick(Duration::try_from(now.duration_since(ticked)).unwrap_or_default());
        }
        if !self.leads(now).await? {
            (state.last, state.walk) = (None, None);
            return Ok(swept);
        }
        swept.led = true;
        self.expire(now, &mut swept).await?;
        self.offer_newly_due(state.last, now, &mut swept).await?;
        self.offer_missing(&mut state, now, &mut swept).await?;
        state.sweeps = state.sweeps.wrapping_add(1);
        if state.sweeps % FORGET_EVERY == 1 {
            let ago = |kept| now.saturating_sub(kept).unwrap_or(now);
            let over = Over {
                now,
                deliveries_before: ago(DELIVERIES_KEPT),
                keys_before: ago(KEYS_KEPT),
                workers_before: ago(WORKERS_KEPT),
                failures_before: ago(FAILURES_KEPT),
            };
            swept.forgotten = self.inner.store.forget(over, STEP).await?;
        }
        state.last = Some(now);
        swept.unserved = state.unserved;
        Ok(swept)
    }

    /// Fills the queue from the store, as far as it has room. Called once at start, before anything
    /// listens; what does not fit follows by [`Core::sweep`].
    ///
    /// # Errors
    /// When the store cannot answer.
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

    /// Takes every lease from its holder, for a process that knows that all of them are dead: `cupel
    /// serve`, where all workers live in the one process that has just started. Called before
    /// [`Core::recover`] and before any worker starts.
    ///
    /// Each costs its run an attempt. The process did not end by drain (that gives leases back), so it
    /// was killed or it crashed, and the run may be why: if it were free of charge, a run that brings
    /// the process down would do so for ever. An innocent run loses one of its attempts and is tried again.
    ///
    /// # Errors
    /// When the store cannot answer.
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

    /// One step; whether there may be more.
    async fn expire_step(&self, lease_end: Timestamp, now: Timestamp, swept: &mut Swept) -> Result<bool, StoreError> {
        let expired = self.inner.store.expire(lease_end, now, self.inner.policy.attempts_max, STEP).await?;
        let mut again = Vec::new();
        for run in &expired {
            swept.expired += 1;
            self.stop_attempt(run.lease);
            if let RunState::Abandoned { attempts } = run.state {
                swept.abandoned += 1;
                tracing::error!(run.id = %run.hint.run, attempt.number = attempts, "gave up a run: its workers fell silent");
                self.abandoned(run.submission, attempts, now);
            } else {
                tracing::warn!(run.id = %run.hint.run, attempt.number = run.state.attempts(), "a worker fell silent; the run is tried again");
                again.push((run.hint, run.needs.clone()));
            }
        }
        self.offer(&again, swept).await;
        Ok(expired.len() == STEP as usize)
    }

    /// Runs that became due since the last sweep, by `run_at` or after a pause. Those that were due when they were made were
    /// published by who made them: offered by every sweep until somebody takes them, they would go through a broker
    /// several times, because a node knows only its own doubles. If that was in vain, they are missing.
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
            let hints = of(due.into_iter().filter(|due| !was_due_at_birth(due)));
            if !self.offer(&hints, swept).await || is_last {
                break;
            }
            after = last;
        }
        Ok(())
    }

    /// If more runs wait than the queue has hints, some hints are missing: walk on over all waiting runs
    /// and offer them. The walk goes on where the last sweep stopped, so a long line costs no more. Those that no worker can
    /// judge miss nothing; they are counted anew when workers come or go, and now and then, since some of them are cancelled.
    async fn offer_missing(&self, state: &mut SweepState, now: Timestamp, swept: &mut Swept) -> Result<(), StoreError> {
        let Ok(depth) = self.inner.lanes.depth().await else { return Ok(()) };
        let depth_max = self.queue().depth_max();
        let routes = self.inner.lanes.routes();
        if state.routes != routes || state.sweeps.is_multiple_of(LOOK_EVERY) {
            (state.routes, state.unserved) = (routes, 0);
        }
        let elsewhere = depth as u64 + state.unserved;
        let missing = self.inner.store.counts(now).await?.queued.saturating_sub(elsewhere);
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
            state.met += due.iter().filter(|due| !self.inner.lanes.serves(&due.needs)).count() as u64;
            if state.walk.is_none() {
                state.unserved = state.met;
            }
            if !self.offer(&of(due), swept).await || state.walk.is_none() {
                break;
            }
        }
        Ok(())
    }

    /// Offers hints, as many as there is room for; whether all were taken but those that no worker can judge.
    async fn offer(&self, hints: &[(RunHint, Needs)], swept: &mut Swept) -> bool {
        for part in hints.chunks(100) {
            match self.inner.lanes.publish(part).await {
                Ok(offered) => swept.offered += offered,
                Err(QueueError::Full { .. }) => return false,
                Err(error) => {
                    tracing::warn!(%error, "the queue takes no hints");
                    return false;
                }
            }
        }
        true
    }
}

fn of(due: impl IntoIterator<Item = DueRun>) -> Vec<(RunHint, Needs)> {
    due.into_iter().map(|due| (due.hint, due.needs)).collect()
}

/// Whether a run has been due since it was made, as its id tells.
fn was_due_at_birth(due: &DueRun) -> bool {
    let born = due.hint.run.as_uuid().get_timestamp().map(|at| at.to_unix());
    born.is_some_and(|(s, ns)| {
        let born_ms = i128::from(s) * 1000 + i128::from(ns / 1_000_000);
        i128::from(due.place.at.as_millisecond()) <= born_ms
    })
}
