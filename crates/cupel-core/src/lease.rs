//! The workers' use cases: leasing, renewing and ending attempts.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use cupel_types::{LeaseId, RunId, RunReport, SubmissionId, UserId, WorkerId};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::{Notify, oneshot};

use crate::dead_letters::kept;
use crate::event::{Event, Seq};
use crate::run::{LeasedRun, RunState, SubmissionRecord};
use crate::{Backoff, Completion, Core, GivenBack, Hinted, Notice, Queue, QueueError, RunHint, StoreError, chain};

/// Maximum number of hints that one call of [`Core::next_run_of_others`] takes. The call skips hints whose run has
/// ended or was taken.
const GONE_MAX: usize = 8;

/// Smallest slot time that is announced; shorter times are accumulated per owner.
const USED_MIN: Duration = Duration::from_millis(100);

/// Maximum number of owners whose slot time is accumulated.
const USED_MAX: usize = 10_000;

/// Maximum slot time charged by one notice.
const CHARGE_MAX: Duration = Duration::from_secs(24 * 3600);

/// Delay before a run whose submission could not be read is tried again.
const UNREADABLE_RETRY_DELAY: SignedDuration = SignedDuration::from_secs(1);

/// Pauses between two attempts to give back a run whose worker no longer waits for it.
const HAND_BACK_PAUSES: Backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(5));

/// Maximum number of these attempts. With the pauses between them, they take at least eight minutes.
const HAND_BACKS_MAX: u32 = 100;

/// Length of a lease and number of attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeasePolicy {
    /// Time after which a lease expires unless it is renewed.
    pub lease: Duration,
    /// Number of lost attempts after which a run is abandoned; at least 1.
    pub attempts_max: u32,
}

impl Default for LeasePolicy {
    fn default() -> Self {
        LeasePolicy { lease: Duration::from_secs(30), attempts_max: 3 }
    }
}

/// One attempt that a worker holds.
#[derive(Clone, Debug)]
pub struct Assignment {
    /// The run, and the lease that every later call carries.
    pub leased: LeasedRun,
    /// Raised when the result is no longer wanted: the run was cancelled or the lease was lost. The worker should stop
    /// the program and drop the assignment; its report would be refused.
    pub stop: Arc<StopFlag>,
}

/// One-time signal that an attempt should stop.
#[derive(Debug, Default)]
pub struct StopFlag {
    raised: AtomicBool,
    waiters: Notify,
}

impl StopFlag {
    /// Whether the attempt should stop. Cheap enough for the judge to call often.
    pub fn is_raised(&self) -> bool {
        self.raised.load(Ordering::Acquire)
    }

    /// Waits until the attempt should stop.
    pub async fn raised(&self) {
        let notified = self.waiters.notified();
        tokio::pin!(notified);
        notified.as_mut().enable();
        if !self.is_raised() {
            notified.await;
        }
    }

    /// Raises the flag.
    pub fn raise(&self) {
        self.raised.store(true, Ordering::Release);
        self.waiters.notify_waiters();
    }
}

/// Why there is no next run.
#[derive(Debug, thiserror::Error)]
pub enum NextError {
    /// The queue is closed or cannot be reached.
    #[error("cannot get the next run from the queue")]
    Queue(#[source] QueueError),
    /// The store could not lease the run. The run is not lost: the sweeper publishes its hint again.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Core {
    /// The next run for this worker. Waits until one is available, and skips hints whose run has ended or was taken.
    ///
    /// Cancel-safe: if the future is dropped while a run is being leased, the worker's lease is released and the run
    /// does not lose an attempt.
    ///
    /// # Errors
    /// [`NextError`]; unless the queue is closed, wait briefly before calling again.
    pub async fn next_run(&self, worker: WorkerId) -> Result<Assignment, NextError> {
        loop {
            let (hinted, queue) = self.inner.language_queues.next().await.map_err(NextError::Queue)?;
            // Leasing is a separate task, so that dropping this future leaves no lease behind.
            let (answer, leased) = oneshot::channel();
            let core = self.clone();
            tokio::spawn(async move {
                let result = core.lease_hint(hinted, &*queue, worker).await;
                if let Err(Ok(Some(unwanted))) = answer.send(result) {
                    core.hand_back_unstarted(&unwanted).await;
                }
            });
            // The task always answers, unless the runtime shuts down.
            match leased.await.unwrap_or(Ok(None))? {
                Some(assignment) => return Ok(assignment),
                None => tokio::task::yield_now().await,
            }
        }
    }

    /// The next run of an owner not in `not`, if a run is available at once. If the future is dropped, a leased run is
    /// released as in [`Core::next_run`]. A hint in transit may then be lost; the sweeper finds its run.
    ///
    /// # Errors
    /// As [`Core::next_run`].
    pub async fn next_run_of_others(&self, worker: WorkerId, not: &[UserId]) -> Result<Option<Assignment>, NextError> {
        // Skips hints whose run ended or was taken, a few per call.
        for _ in 0..GONE_MAX {
            let Some((hinted, queue)) = self.inner.language_queues.next_other(not).await.map_err(NextError::Queue)?
            else {
                break;
            };
            let (answer, leased) = oneshot::channel();
            let core = self.clone();
            tokio::spawn(async move {
                let result = core.lease_hint(hinted, &*queue, worker).await;
                if let Err(Ok(Some(unwanted))) = answer.send(result) {
                    core.hand_back_unstarted(&unwanted).await;
                }
            });
            if let Some(assignment) = leased.await.unwrap_or(Ok(None))? {
                return Ok(Some(assignment));
            }
        }
        Ok(None)
    }

    /// Charges slot time to an owner. Short times are accumulated before they are announced, so other nodes learn of
    /// them with a delay.
    pub fn used(&self, owner: UserId, time: Duration) {
        let total = {
            let mut used = self.inner.used.lock().unwrap_or_else(PoisonError::into_inner);
            if used.len() >= USED_MAX && !used.contains_key(&owner) {
                // Clearing the map drops up to `USED_MIN` of slot time per owner.
                used.clear();
            }
            let total = used.entry(owner).or_default();
            *total += time;
            if *total < USED_MIN {
                return;
            }
            used.remove(&owner).unwrap_or_default()
        };
        let millis = u64::try_from(total.as_millis()).unwrap_or(u64::MAX);
        self.inner.events.announce(Notice::Used { owner, millis });
    }

    async fn lease_hint(
        &self,
        hinted: Hinted,
        queue: &dyn Queue,
        worker: WorkerId,
    ) -> Result<Option<Assignment>, NextError> {
        let run = hinted.hint.run;
        let now = self.now();
        let lease = LeaseId::from_uuid(uuid::Uuid::new_v4());
        // A run that needs a language missing here is left to other workers; the sweeper publishes its hint to their
        // queue.
        let languages = Some(self.languages());
        let leased = self.inner.store.lease(run, lease, worker, now, self.lease_end(now), languages).await;
        // If the lease is in the store, the hint is no longer needed; if not, the sweeper publishes a new hint.
        if let Err(error) = queue.settle(hinted).await {
            tracing::debug!(%error, run.id = %run, "a hint was not settled");
        }
        let leased = match leased {
            Ok(Some(leased)) => leased,
            Ok(None) => return Ok(None),
            Err(error) => {
                self.give_back_unreadable(run, lease, &error).await;
                return Err(error.into());
            }
        };
        let stop = Arc::new(StopFlag::default());
        self.running().insert(lease, (run, Arc::downgrade(&stop)));
        Ok(Some(Assignment { leased, stop }))
    }

    /// Gives back a run that no worker waits for. If the store fails, tries again. Nobody renews the lease, but the
    /// sweeper expires no lease during an outage of the store, nor during the time of a lease after it. During an
    /// outage, no lease is granted, so few runs are given back at a time.
    async fn hand_back_unstarted(&self, assignment: &Assignment) {
        let (run, mut pauses) = (assignment.leased.run, HAND_BACK_PAUSES);
        for attempt in 1..=HAND_BACKS_MAX {
            match self.give_back(assignment, false, "the worker stopped before the run started").await {
                Ok(()) => return,
                Err(error) if error.transient && attempt < HAND_BACKS_MAX => {
                    tracing::debug!(error = chain(&error), run.id = %run, "cannot give run {run} back; retrying");
                    tokio::time::sleep(pauses.pause()).await;
                }
                Err(error) => {
                    let error = chain(&error);
                    tracing::warn!(error, run.id = %run, "cannot give run {run} back; its lease will expire");
                    return;
                }
            }
        }
    }

    /// Gives back a lease that the store may have granted without returning the submission. After a transient error,
    /// the run loses no attempt. After a permanent error, the run loses one attempt each time, so it is abandoned
    /// eventually.
    async fn give_back_unreadable(&self, run: RunId, lease: LeaseId, cause: &StoreError) {
        let now = self.now();
        let due = now.saturating_add(UNREADABLE_RETRY_DELAY).unwrap_or(now);
        let lost_attempt = !cause.transient;
        let why = kept(&format!("the submission cannot be read: {}", chain(cause)));
        let returned = GivenBack { lost_attempt, why, now, due, attempts_max: self.inner.policy.attempts_max };
        match self.inner.store.give_back(run, lease, returned).await {
            Ok(Some((submission, RunState::Abandoned { attempts }))) => {
                tracing::error!(run.id = %run, attempt.number = attempts, "abandoned a run: its submission cannot be read");
                self.abandoned(submission, attempts, now);
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, run.id = %run, "cannot give a run back; its lease will expire"),
        }
    }

    /// Renews leases; returns those that are no longer current, and raises the stop flags of their attempts. To be
    /// called about three times per [`LeasePolicy::lease`].
    ///
    /// # Errors
    /// If the store cannot answer; the leases remain valid until they expire.
    pub async fn renew(&self, leases: &[(RunId, LeaseId)]) -> Result<Vec<LeaseId>, StoreError> {
        let lost = self.inner.store.renew(leases, self.lease_end(self.now())).await?;
        for lease in &lost {
            self.stop_attempt(*lease);
        }
        Ok(lost)
    }

    /// Publishes a live event of an attempt. Never blocks. The event number comes from [`Seq::of_attempt`] with
    /// `LeasedRun::attempt` and a count from 1. The worker's first event is `started`; the final event is published by
    /// core.
    pub fn emit(&self, event: Event) {
        if !event.kind.is_final() {
            self.inner.events.publish(event);
        }
    }

    /// Keeps the live events of an attempt, although the program is silent: see
    /// [`EventBus::keep`](crate::EventBus::keep). Never blocks.
    pub fn keep_events(&self, id: SubmissionId) {
        self.inner.events.keep(id);
    }

    /// Records the result of an attempt (report, log and webhook delivery in one transaction), then announces it.
    /// `events` is the log of the attempt from `started` on; the final event is added here. `false`: the lease was
    /// stale and nothing was written.
    ///
    /// # Errors
    /// If the store cannot write. After a transient error, retry while the lease is being renewed.
    pub async fn complete(
        &self,
        assignment: &Assignment,
        report: RunReport,
        mut events: Vec<Event>,
    ) -> Result<bool, StoreError> {
        let LeasedRun { run, lease, attempt, started_at, ref submission, .. } = assignment.leased;
        let now = self.now();
        let (verdict, is_live) = (report.verdict, submission.kind.is_live());
        let end = Event::finished(submission.id, attempt, now, verdict);
        let place = Seq::of_attempt(attempt, 0)..Seq::of_end(attempt);
        events.retain(|e| e.submission == submission.id && place.contains(&e.seq) && !e.kind.is_final());
        events.push(end.clone());
        let record = self.inner.waiters.is_expected(submission.id).then(|| SubmissionRecord {
            submission: submission.clone(),
            run,
            state: RunState::Judged { attempts: attempt, verdict: report.verdict },
            started_at: Some(started_at),
            completed_at: Some(now),
            report: Some(report.clone()),
        });
        let done = Completion { owner: submission.owner, report, events, at: now };
        let written = self.inner.store.complete(run, lease, done).await?;
        self.running().remove(&lease);
        if written {
            self.inner.admission.ended(1);
            // Hands the result over before the event is published, so that a caller that receives the final event finds
            // the result.
            record.into_iter().for_each(|record| self.inner.waiters.hand_over(record));
            self.inner.events.publish(end);
            if is_live {
                self.end_input(submission.id, attempt, verdict);
            }
        } else {
            tracing::info!(run.id = %run, attempt.number = attempt, "a late result was refused");
        }
        Ok(written)
    }

    /// Gives an attempt back without a verdict, because the worker drains (`lost_attempt: false`; the attempt does not
    /// count as lost) or failed (`true`). `reason` is for the log and for administrators. A run is retried 1 s after a
    /// failed attempt 1, 4 s after a failed attempt 2, and 16 s after a later one; attempts that did not count as lost
    /// have numbers as well. The run is abandoned after [`LeasePolicy::attempts_max`] lost attempts.
    ///
    /// # Errors
    /// If the store cannot write. After a transient error, retry while the lease is being renewed; otherwise, the lease
    /// expires.
    pub async fn give_back(&self, assignment: &Assignment, lost_attempt: bool, reason: &str) -> Result<(), StoreError> {
        let attempt = assignment.leased.attempt;
        let seconds = if lost_attempt { 4u64.saturating_pow(attempt.saturating_sub(1).min(2)) } else { 0 };
        self.give_back_after(assignment, lost_attempt, Duration::from_secs(seconds), reason).await
    }

    /// Gives back an attempt that this worker cannot judge now. After `pause`, any worker can take the run. The attempt
    /// does not count as lost.
    ///
    /// # Errors
    /// As [`Core::give_back`].
    pub async fn give_back_later(
        &self,
        assignment: &Assignment,
        pause: Duration,
        reason: &str,
    ) -> Result<(), StoreError> {
        self.give_back_after(assignment, false, pause, reason).await
    }

    async fn give_back_after(
        &self,
        assignment: &Assignment,
        lost_attempt: bool,
        pause: Duration,
        reason: &str,
    ) -> Result<(), StoreError> {
        let LeasedRun { run, lease, attempt, ref submission, .. } = assignment.leased;
        let now = self.now();
        let pause = SignedDuration::try_from(pause).unwrap_or(SignedDuration::from_hours(24));
        let due = now.saturating_add(pause).unwrap_or(now);
        let attempts_max = self.inner.policy.attempts_max;
        let returned = GivenBack { lost_attempt, why: kept(reason), now, due, attempts_max };
        let state = self.inner.store.give_back(run, lease, returned).await?;
        self.running().remove(&lease);
        match state.map(|(_, state)| state) {
            None => {
                tracing::info!(run.id = %run, attempt.number = attempt, reason, "a worker tried to release a lease that it had lost")
            }
            Some(RunState::Abandoned { attempts }) => {
                tracing::error!(
                    run.id = %run, attempt.number = attempt, reason,
                    "abandoned a run: the maximum number of attempts failed"
                );
                self.abandoned(submission.id, attempts, now);
            }
            Some(_) => {
                if lost_attempt {
                    tracing::warn!(run.id = %run, attempt.number = attempt, reason, "an attempt failed; the run is retried");
                }
                if due <= now {
                    let hint = RunHint::new(run, submission.owner, submission.priority);
                    if let Err(error) =
                        self.inner.language_queues.publish(&[(hint, assignment.leased.needs.clone())]).await
                    {
                        tracing::debug!(%error, run.id = %run, "a released run could not be queued; the sweeper will queue it");
                    }
                }
            }
        }
        Ok(())
    }

    /// Announces that a run was abandoned.
    pub(crate) fn abandoned(&self, submission: cupel_types::SubmissionId, attempts: u32, now: Timestamp) {
        self.inner.admission.ended(1);
        let verdict = cupel_types::Verdict::InternalError;
        // Workers count the runs that they have judged. This run has no result, so its language is not counted.
        metrics::counter!("cupel_runs_total", "verdict" => verdict.code(), "language" => "none").increment(1);
        self.inner.events.publish(Event::finished(submission, attempts, now, verdict));
        // The sweeper does not know whether the run is live. Ending logs that never began has no effect.
        self.end_input(submission, attempts, verdict);
    }

    /// Handles the notices of all nodes: stops attempts that are no longer wanted, and charges owners for the slot time
    /// of their runs. Ends when the bus is closed; run one such task per process. Without this task, a worker learns of
    /// a cancellation only when it renews the lease, and queues balance owners only by the number of delivered hints.
    pub async fn handle_notices(&self) {
        let mut notices = self.inner.events.notices();
        while let Some(notice) = notices.next().await {
            match notice {
                Notice::Stop(run) => self.stop_run(run),
                Notice::Used { owner, millis } => {
                    self.inner.language_queues.charge(owner, Duration::from_millis(millis).min(CHARGE_MAX));
                }
            }
        }
    }

    /// Raises the stop flags of a run's attempts in this process.
    pub(crate) fn stop_run(&self, run: RunId) {
        for (_, flag) in self.running().values().filter(|(of, _)| *of == run) {
            raise(flag);
        }
    }

    /// Raises the stop flag of one attempt, if it runs in this process.
    pub(crate) fn stop_attempt(&self, lease: LeaseId) {
        if let Some((_, flag)) = self.running().remove(&lease) {
            raise(&flag);
        }
    }

    /// Removes the stop flags of attempts that were dropped without a result. The sweeper calls this as well; a process
    /// that runs attempts but never sweeps must call it regularly, or the flags accumulate.
    pub fn forget_dropped(&self) {
        self.running().retain(|_, (_, flag)| flag.strong_count() > 0);
    }

    fn running(&self) -> MutexGuard<'_, HashMap<LeaseId, (RunId, Weak<StopFlag>)>> {
        // Each change of the map is a single call, so the map is consistent even if the lock is poisoned.
        self.inner.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lease_end(&self, now: Timestamp) -> Timestamp {
        let lease = SignedDuration::try_from(self.inner.policy.lease).unwrap_or(SignedDuration::from_hours(24));
        now.saturating_add(lease).unwrap_or(now)
    }
}

fn raise(flag: &Weak<StopFlag>) {
    if let Some(flag) = flag.upgrade() {
        flag.raise();
    }
}
