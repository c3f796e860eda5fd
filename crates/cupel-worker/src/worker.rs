//! The worker: a driver per slot, one heartbeat for all leases, and a drain at the end.
//!
//! It says every few seconds that it is there, and hears what it is told: to pause, to go on, to drain (`presence.rs`).
//!
//! Drain: after the shutdown signal no lease is taken; what runs may end within the grace period; the rest
//! is stopped in the sandbox and given back at no cost to it. [`Worker::run`] returns when nothing is left.

use std::collections::{HashMap, VecDeque};
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant};

use cupel_core::run::LeasedRun;
use cupel_core::{Assignment, Core, NextError, QueueError, chain};
use cupel_judge::ArtifactCache;
use cupel_traces::{Ended, Run};
use cupel_types::{LeaseId, RunId, Submission, Verdict, WorkerId};
use jiff::Timestamp;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::sync::{Notify, Semaphore, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::presence::Presence;
use crate::slot::{self, ExecutorFactory, Judged, Said, SlotError, SlotParts};

/// Results per slot that may wait to be written while the slot already runs the next attempt.
const COMPLETIONS_PER_SLOT_MAX: usize = 8;

/// While a slot's runs are as short as this, its next one is leased while it is busy: it would otherwise be idle for as
/// long as that takes, and that is a good part of such a run. Tests script what ends and what does not; nothing that ends is long there.
const SHORT_RUN: Duration = Duration::from_millis(if cfg!(test) { 60_000 } else { 20 });

/// How long a run that was leased ahead waits for the slot it was meant for; then the first slot that is free has it.
const AHEAD_MAX: Duration = Duration::from_millis(50);

/// Pause after the queue or the store failed.
const FAILURE_PAUSE: Duration = Duration::from_millis(500);

/// How long a lease that was asked for before the shutdown is waited for. A queue that was closed answers at once.
const LAST_LEASE: Duration = Duration::from_secs(1);

/// Tries to write a result, with growing pauses; then the lease is left to expire.
const COMPLETE_TRIES_MAX: u32 = 8;

/// What a worker is made of.
pub struct WorkerParts {
    /// Where the work comes from.
    pub core: Core,
    /// Who this is, in leases and logs.
    pub id: WorkerId,
    /// Programs that run at one time; at least one.
    pub slots: usize,
    /// Keeps what compilations left.
    pub cache: Arc<dyn ArtifactCache>,
    /// Makes the executor of each slot.
    pub factory: ExecutorFactory,
    /// How long a solution of a problem, or the verification of a package, is judged as a whole; then the package is at fault.
    pub judging_time_max: Duration,
    /// How long running attempts may go on after the shutdown signal.
    pub grace: Duration,
    /// What people call it.
    pub name: String,
    /// The version of Cupel.
    pub version: String,
    /// How often it says that it is there.
    pub beat: Duration,
}

/// Judges runs until it is told to stop.
pub struct Worker {
    shared: Arc<Shared>,
    slots: usize,
    grace: Duration,
    presence: Presence,
}

pub(crate) struct Shared {
    pub(crate) id: WorkerId,
    pub(crate) parts: SlotParts,
    /// Whether new runs are taken.
    pub(crate) is_paused: watch::Sender<bool>,
    /// Slots that run something.
    pub(crate) busy: AtomicU32,
    /// Leases to be renewed: running attempts and results that are being written.
    /// By lease: of one run an attempt that was lost and the next one may both be here.
    leases: Mutex<HashMap<LeaseId, RunId>>,
    completions: Semaphore,
    tracker: TaskTracker,
    /// Leased ahead for a slot that turned out to be busy for longer. At most one a slot.
    spare: Mutex<VecDeque<Arc<Assignment>>>,
    spare_bell: Notify,
}

impl Worker {
    /// A worker that has not started yet.
    pub fn new(parts: WorkerParts) -> Worker {
        let WorkerParts { core, id, slots, cache, factory, judging_time_max, grace, name, version, beat } = parts;
        let slots = slots.max(1);
        let shared = Shared {
            id,
            parts: SlotParts { core, cache, factory, judging_time_max, ended: AtomicBool::new(false) },
            is_paused: watch::Sender::new(false),
            busy: AtomicU32::new(0),
            leases: Mutex::default(),
            completions: Semaphore::new(slots * COMPLETIONS_PER_SLOT_MAX),
            tracker: TaskTracker::new(),
            spare: Mutex::default(),
            spare_bell: Notify::new(),
        };
        let shared = Arc::new(shared);
        let presence = Presence { shared: Arc::clone(&shared), name, version, slots, every: beat };
        Worker { shared, slots, grace, presence }
    }

    /// Works until `shutdown` is cancelled, or it is told to drain, and everything taken has been finished or given back.
    pub async fn run(self, shutdown: CancellationToken) {
        let Worker { shared, slots, grace, presence } = self;
        let shutdown = shutdown.child_token();
        tracing::info!(worker.id = %shared.id, slots, "worker {} takes runs on {slots} slots", shared.id);
        let heartbeat = tokio::spawn(heartbeat(Arc::clone(&shared)));
        let gone = CancellationToken::new();
        let presence = tokio::spawn(presence.tell(shutdown.clone(), gone.clone()));
        let drivers = TaskTracker::new();
        for number in 0..slots {
            drivers.spawn(drive(number, Arc::clone(&shared), shutdown.clone()));
        }
        drivers.close();
        shutdown.cancelled().await;
        if tokio::time::timeout(grace, drivers.wait()).await.is_err() {
            tracing::info!(worker.id = %shared.id, "the grace period is over: what still runs is given back");
            shared.parts.ended.store(true, Ordering::Relaxed);
            drivers.wait().await;
        }
        while let Some(unstarted) = shared.take_spare() {
            shared.give_back_unstarted(&unstarted).await;
        }
        shared.tracker.close();
        shared.tracker.wait().await;
        heartbeat.abort();
        gone.cancel();
        if presence.await.is_err() {
            tracing::error!(worker.id = %shared.id, "what told that worker {} is there has panicked", shared.id);
        }
        tracing::info!(worker.id = %shared.id, "worker {} has stopped", shared.id);
    }
}

/// A lease on its way, or the wait for one.
type Upcoming<'a> = Pin<Box<dyn Future<Output = Option<Arc<Assignment>>> + Send + 'a>>;

/// Takes runs for one slot, hands them to it, and lets the results be written beside.
async fn drive(number: usize, shared: Arc<Shared>, shutdown: CancellationToken) {
    let (jobs, taken) = sync_channel::<Arc<Assignment>>(1);
    let (said, says) = unbounded_channel();
    let for_thread = Arc::clone(&shared);
    let thread = std::thread::Builder::new().name(format!("slot-{number}"));
    let spawned = thread.spawn(move || slot::run(number, &for_thread.parts, &taken, &said));
    if let Err(error) = spawned {
        tracing::error!(slot = number, %error, "cannot start the thread of slot {number}");
        return;
    }
    let mut driver = Driver { shared: &shared, shutdown: &shutdown, jobs, says, upcoming: None, ahead: None };
    driver.work().await;
    // Whatever was taken for a run that will not be is given back before we go. A lease that is on its way ends with the
    // shutdown; without one, dropping it gives it back.
    let Driver { upcoming, ahead, .. } = driver;
    let late = match upcoming {
        Some(upcoming) if shutdown.is_cancelled() => upcoming.await,
        _ => None,
    };
    for unstarted in ahead.into_iter().chain(late) {
        shared.give_back_unstarted(&unstarted).await;
    }
}

struct Driver<'a> {
    shared: &'a Arc<Shared>,
    shutdown: &'a CancellationToken,
    jobs: SyncSender<Arc<Assignment>>,
    says: UnboundedReceiver<Said>,
    /// Never dropped while it may come to something: that would cost the run an attempt.
    upcoming: Option<Upcoming<'a>>,
    /// What came of it while the slot was busy.
    ahead: Option<Arc<Assignment>>,
}

impl<'a> Driver<'a> {
    async fn work(&mut self) {
        let mut state = SlotState::enter("starting");
        let mut was_short = false;
        loop {
            // Ready, or shutdown: a slot that is still being built takes nothing with it.
            let ready = tokio::select! {
                biased;
                () = self.shutdown.cancelled() => return,
                ready = self.hear() => ready,
            };
            let Some(Said::Ready) = ready else { return };
            state.change("idle");
            let Some(assignment) = self.next().await else { return };
            state.change("busy");
            self.shared.busy.fetch_add(1, Ordering::Relaxed);
            was_short = self.run_one(assignment, was_short).await;
            self.shared.busy.fetch_sub(1, Ordering::Relaxed);
            state.change("starting");
        }
    }

    async fn next(&mut self) -> Option<Arc<Assignment>> {
        if let Some(assignment) = self.ahead.take() {
            return Some(assignment);
        }
        let (shared, shutdown) = (self.shared, self.shutdown);
        let upcoming = self.upcoming.get_or_insert_with(|| Box::pin(next(shared, shutdown)));
        tokio::select! {
            biased;
            spare = shared.spare() => Some(spare),
            assignment = upcoming => {
                self.upcoming = None;
                assignment
            }
        }
    }

    /// Says whether it was short.
    async fn run_one(&mut self, assignment: Arc<Assignment>, was_short: bool) -> bool {
        let (began, began_at) = (Instant::now(), self.shared.parts.core.now());
        let leased = &assignment.leased;
        self.shared.leases().insert(leased.lease, leased.run);
        // The slot said that it is ready, so its queue of one is empty.
        let (shared, shutdown) = (self.shared, self.shutdown);
        if was_short && self.ahead.is_none() && !shutdown.is_cancelled() {
            self.upcoming.get_or_insert_with(|| Box::pin(next(shared, shutdown)));
        }
        let result = match self.jobs.try_send(Arc::clone(&assignment)) {
            Ok(()) => match self.hear().await {
                Some(Said::Done(result)) => *result,
                Some(Said::Ready) | None => Err(SlotError::Panic),
            },
            Err(_) => Err(SlotError::Panic),
        };
        let took = began.elapsed();
        metrics::histogram!("cupel_run_duration_seconds", "language" => language_label(&leased.submission))
            .record(took);
        let is_short = result.is_ok() && took <= SHORT_RUN;
        self.shared.tracker.spawn(end(Arc::clone(self.shared), assignment, began_at, result));
        is_short
    }

    /// What the slot says next. Meanwhile a lease that is on its way is driven on (it has a place in the queue, which must
    /// not be kept from others), and what comes of it is for this slot if it has said something soon after.
    async fn hear(&mut self) -> Option<Said> {
        let shared = self.shared;
        loop {
            tokio::select! {
                biased;
                said = self.says.recv() => return said,
                assignment = poll_fn(|context| match &mut self.upcoming {
                    Some(upcoming) => upcoming.as_mut().poll(context),
                    None => Poll::Pending,
                }) => {
                    self.upcoming = None;
                    if let Some(assignment) = &assignment {
                        shared.leases().insert(assignment.leased.lease, assignment.leased.run);
                    }
                    self.ahead = assignment;
                }
                () = tokio::time::sleep(AHEAD_MAX), if self.ahead.is_some() => {
                    self.ahead.take().into_iter().for_each(|assignment| shared.offer(assignment));
                }
            }
        }
    }
}

/// The next attempt, once there is room for its result; `None` at shutdown.
async fn next(shared: &Shared, shutdown: &CancellationToken) -> Option<Arc<Assignment>> {
    let mut pause = shared.is_paused.subscribe();
    loop {
        tokio::select! {
            biased;
            () = shutdown.cancelled() => return None,
            () = until(&mut pause, false) => {}
        }
        let mut assignment = pin!(async {
            // The semaphore is never closed.
            let _room = shared.completions.acquire().await;
            shared.parts.core.next_run(shared.id).await
        });
        let result = tokio::select! {
            biased;
            () = shutdown.cancelled() => {
                // A lease may be on its way just now: it is waited for, so that it is given back before we go.
                if let Ok(Ok(unstarted)) = tokio::time::timeout(LAST_LEASE, assignment).await {
                    give_back(&shared.parts.core, &unstarted, false, "the worker drains").await;
                }
                return None;
            }
            // What is on its way is given back when it is dropped.
            () = until(&mut pause, true) => continue,
            result = assignment.as_mut() => result,
        };
        match result {
            Ok(assignment) => return Some(Arc::new(assignment)),
            Err(error) => {
                if !matches!(error, NextError::Queue(QueueError::Closed)) {
                    tracing::warn!(error = chain(&error), "cannot take a run");
                }
                tokio::select! {
                    () = shutdown.cancelled() => return None,
                    () = tokio::time::sleep(FAILURE_PAUSE) => {}
                }
            }
        }
    }
}

/// Waits until the worker is paused, or is not.
async fn until(pause: &mut watch::Receiver<bool>, wanted: bool) {
    // The sender lives as long as the worker, so there is always an answer.
    drop(pause.wait_for(|is_paused| *is_paused == wanted).await);
}

/// Writes what came of an attempt.
async fn end(shared: Arc<Shared>, assignment: Arc<Assignment>, began: Timestamp, result: Result<Judged, SlotError>) {
    // The semaphore is never closed.
    let _room = shared.completions.acquire().await;
    let core = &shared.parts.core;
    let (run, attempt) = (assignment.leased.run, assignment.leased.attempt);
    match result {
        Ok(judged) if judged.report.verdict != Verdict::Cancelled => complete(core, &assignment, began, judged).await,
        // Cancelled by its owner, or the lease was lost: nothing that we write would count.
        Ok(_) if assignment.stop.is_raised() => {
            tracing::info!(run.id = %run, attempt.number = attempt, "stopped run {run}: its result is not wanted any more");
        }
        Ok(_) => give_back(core, &assignment, false, "the worker drains").await,
        Err(error) => {
            if let SlotError::Judge(_) | SlotError::Problem(_) = &error {
                metrics::counter!("cupel_sandbox_failures_total").increment(1);
            }
            attempt_failed(error.cause());
            let (is_lost, error) = (!error.is_of_this_machine(), chain(&error));
            tracing::error!(run.id = %run, attempt.number = attempt, error, "could not judge run {run}");
            trace(core, &assignment, began, Ended::Failed(&error));
            give_back(core, &assignment, is_lost, &error).await;
        }
    }
    shared.leases().remove(&assignment.leased.lease);
}

/// Tells the traces of an attempt that has ended.
fn trace(core: &Core, assignment: &Assignment, began: Timestamp, outcome: Ended<'_>) {
    let LeasedRun { run, attempt, ref submission, .. } = assignment.leased;
    if let Some(traces) = cupel_traces::traces() {
        traces.ran(&Run { submission, run, attempt, began, ended: core.now(), outcome });
    }
}

/// The language as a label of metrics.
fn language_label(submission: &Submission) -> String {
    submission.language().map_or_else(|| "none".to_owned(), ToString::to_string)
}

/// Counts an attempt that a failure of ours cost.
fn attempt_failed(cause: &'static str) {
    metrics::counter!("cupel_failed_attempts_total", "cause" => cause).increment(1);
}

async fn give_back(core: &Core, assignment: &Assignment, lost_attempt: bool, reason: &str) {
    if let Err(error) = core.give_back(assignment, lost_attempt, reason).await {
        let run = assignment.leased.run;
        tracing::warn!(run.id = %run, error = chain(&error), "could not give run {run} back; its lease will expire");
    }
}

async fn complete(core: &Core, assignment: &Assignment, began: Timestamp, judged: Judged) {
    let run = assignment.leased.run;
    let submission = &assignment.leased.submission;
    let verdict = judged.report.verdict;
    let mut pause = Duration::from_millis(50);
    for attempt in 1..=COMPLETE_TRIES_MAX {
        match core.complete(assignment, judged.report.clone(), judged.events.clone()).await {
            Ok(written) => {
                if written {
                    trace(core, assignment, began, Ended::Judged(verdict, &judged.events));
                    let language = language_label(submission);
                    metrics::counter!("cupel_runs_total", "verdict" => verdict.code(), "language" => language)
                        .increment(1);
                    let request_id = submission.request_id.as_deref();
                    tracing::info!(run.id = %run, submission.id = %submission.id, request_id, %verdict, "judged run {run}: {verdict}");
                }
                return;
            }
            Err(error) if error.transient && attempt < COMPLETE_TRIES_MAX => {
                tracing::warn!(run.id = %run, error = chain(&error), "could not write a result; trying again");
                tokio::time::sleep(pause).await;
                pause *= 2;
            }
            Err(error) => {
                attempt_failed("store");
                tracing::error!(run.id = %run, error = chain(&error), "could not write the result of run {run}");
                give_back(core, assignment, true, "its result could not be written").await;
                return;
            }
        }
    }
}

/// Renews every lease three times per its length.
async fn heartbeat(shared: Arc<Shared>) {
    let core = &shared.parts.core;
    let mut ticks = tokio::time::interval((core.policy().lease / 3).max(Duration::from_millis(10)));
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let leases: Vec<(RunId, LeaseId)> = shared.leases().iter().map(|(lease, run)| (*run, *lease)).collect();
        if leases.is_empty() {
            continue;
        }
        match core.renew(&leases).await {
            Ok(lost) => {
                for lease in lost {
                    // Whose attempt has ended meanwhile has lost nothing.
                    let Some(run) = shared.leases().remove(&lease) else { continue };
                    metrics::counter!("cupel_leases_lost_total").increment(1);
                    tracing::warn!(run.id = %run, "lost the lease of run {run}");
                }
            }
            Err(error) => tracing::warn!(error = chain(&error), "could not renew {} leases", leases.len()),
        }
    }
}

impl Shared {
    /// Lets another slot have what was leased ahead for one that is busy.
    fn offer(&self, assignment: Arc<Assignment>) {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner).push_back(assignment);
        self.spare_bell.notify_one();
    }

    fn take_spare(&self) -> Option<Arc<Assignment>> {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    /// Waits for what another slot cannot run soon.
    async fn spare(&self) -> Arc<Assignment> {
        loop {
            let mut ring = pin!(self.spare_bell.notified());
            ring.as_mut().enable();
            if let Some(assignment) = self.take_spare() {
                // A ring may have been for several.
                self.spare_bell.notify_one();
                return assignment;
            }
            ring.await;
        }
    }

    async fn give_back_unstarted(&self, assignment: &Assignment) {
        give_back(&self.parts.core, assignment, false, "the worker drains").await;
        self.leases().remove(&assignment.leased.lease);
    }

    fn leases(&self) -> MutexGuard<'_, HashMap<LeaseId, RunId>> {
        self.leases.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps the gauge of slots by state right, also when a driver ends.
struct SlotState(&'static str);

impl SlotState {
    fn enter(state: &'static str) -> SlotState {
        metrics::gauge!("cupel_worker_slots", "state" => state).increment(1.0);
        SlotState(state)
    }

    fn change(&mut self, state: &'static str) {
        *self = SlotState::enter(state);
    }
}

impl Drop for SlotState {
    fn drop(&mut self) {
        metrics::gauge!("cupel_worker_slots", "state" => self.0).decrement(1.0);
    }
}

#[cfg(test)]
mod tests;
