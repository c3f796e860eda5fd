//! The worker: one driver per slot, one heartbeat for all leases, and a drain at the end.
//!
//! Every few seconds it reports to the store and receives its order: work, pause, or drain (`presence.rs`).
//!
//! Drain: after the shutdown signal, no lease is taken. Running attempts may finish within the grace period. The rest
//! are stopped in the sandbox and given back without losing an attempt. [`Worker::run`] returns when nothing is left.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cupel_core::{Assignment, Core, chain};
use cupel_judge::ArtifactCache;
use cupel_types::{LeaseId, RunId, WorkerId};
use tokio::sync::{Notify, Semaphore, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::driver::drive;
use crate::ending::{DRAINS, give_back};
use crate::limit_starts::LimitStarts;
use crate::long::LongRuns;
use crate::presence::Presence;
use crate::slot::{ExecutorFactory, SlotParts};
use crate::turns::Turns;

/// Maximum number of results per slot that wait to be written while the slot already runs the next attempt.
const COMPLETIONS_PER_SLOT_MAX: usize = 8;

<<<<<<< HEAD
=======
/// Longest run that counts as short. While a slot's runs are short, its next run is leased in advance, during the
/// current one: waiting for the lease would otherwise leave the slot idle for a large part of a run's duration. In
/// tests, every run that ends counts as short: the scripts decide which runs end.
const SHORT_RUN: Duration = Duration::from_millis(if cfg!(test) { 60_000 } else { 20 });

/// How long a run leased in advance waits for its intended slot; then the first free slot takes it.
const AHEAD_MAX: Duration = Duration::from_millis(50);

/// How long a run leased in advance waits for any slot of this worker; then it returns to the queue, for other workers.
const SPARE_MAX: Duration = Duration::from_secs(1);

/// Pause after a failure of the queue or the store.
const FAILURE_PAUSE: Duration = Duration::from_millis(500);

/// How long a slot pauses if no thread can be started for a run.
const NO_THREAD_PAUSE: Duration = Duration::from_secs(1);

/// Reason recorded for runs given back at the end of the worker.
const DRAINS: &str = "the worker is draining";

/// How long to wait at shutdown for a lease that was requested before it. A closed queue answers at once.
const LAST_LEASE: Duration = Duration::from_secs(1);

/// How long, after the grace period, runs that wait for their turn wait for an executor.
const LAST_TOOL: Duration = Duration::from_secs(2);

/// Maximum number of attempts to write a result, with growing pauses; then the lease is left to expire.
const COMPLETE_TRIES_MAX: u32 = 8;

>>>>>>> p1
/// Parts and settings of a worker.
pub struct WorkerParts {
    /// The application core, from which runs are taken.
    pub core: Core,
    /// The worker's id, in leases and logs.
    pub id: WorkerId,
    /// Number of programs that run at the same time; at least one.
    pub slots: usize,
    /// Cache of compiled artefacts.
    pub cache: Arc<dyn ArtifactCache>,
    /// Creates the executor of each slot.
    pub factory: ExecutorFactory,
    /// Maximum execution time of a stand-alone program, all its tests together; the remaining tests are then skipped.
    pub run_time_max: Duration,
    /// Maximum time to judge a solution of a problem or to verify a package. Exceeding it is a fault of the package.
    pub judging_time_max: Duration,
    /// Longest step of a short run. Long runs together occupy at most all slots but one.
    pub long_step: Duration,
    /// How long running attempts may continue after the shutdown signal.
    pub grace: Duration,
    /// Minimum length of a run's turn while others wait: [`QUANTUM`](crate::QUANTUM), or less in tests.
    pub quantum: Duration,
    /// The worker's display name.
    pub name: String,
    /// Cupel's version.
    pub version: String,
    /// Interval between two reports to the store.
    pub beat: Duration,
}

/// A worker: judges runs until shutdown or an order to drain.
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
    /// Number of slots that run something.
    pub(crate) busy: AtomicU32,
    /// Which owner uses which slot.
    pub(crate) turns: Turns,
    /// Which slots long runs may use.
    pub(crate) long: LongRuns,
    /// Cancelled when the grace period is over.
    pub(crate) over: CancellationToken,
    /// Cancelled when all slots have ended.
    pub(crate) ended: CancellationToken,
    /// Leases to renew: those of running attempts and of results that are being written. Keyed by lease, because a lost
    /// attempt and the next attempt of the same run may both be present.
    pub(crate) leases: Mutex<HashMap<LeaseId, RunId>>,
    pub(crate) completions: Semaphore,
    pub(crate) tracker: TaskTracker,
    /// Runs leased in advance for a slot that stayed busy. At most one per slot at a time, each for at most
    /// a second (`spare.rs`).
    pub(crate) spare: Mutex<VecDeque<Arc<Assignment>>>,
    pub(crate) spare_bell: Notify,
}

impl Worker {
    /// Creates a worker, not started yet.
    pub fn new(parts: WorkerParts) -> Worker {
        let WorkerParts {
            core,
            id,
            slots,
            cache,
            factory,
            run_time_max,
            judging_time_max,
            long_step,
            grace,
            quantum,
            name,
            version,
            beat,
        } = parts;
        let slots = slots.max(1);
        let ended = AtomicBool::new(false);
        let shared = Shared {
            id,
            parts: SlotParts {
                core,
                cache,
                factory,
                run_time_max,
                judging_time_max,
                quantum,
                limit_starts: LimitStarts::default(),
                ended,
            },
            is_paused: watch::Sender::new(false),
            busy: AtomicU32::new(0),
            turns: Turns::new(slots, quantum),
            long: LongRuns::new(slots, long_step),
            over: CancellationToken::new(),
            ended: CancellationToken::new(),
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

    /// Works until `shutdown` is cancelled or an order to drain arrives, and every taken run is finished or given back.
    pub async fn run(self, shutdown: CancellationToken) {
        let Worker { shared, slots, grace, presence } = self;
        let shutdown = shutdown.child_token();
        tracing::info!(worker.id = %shared.id, slots, "worker {} takes runs on {slots} slot{}", shared.id, if slots == 1 { "" } else { "s" });
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
            tracing::info!(worker.id = %shared.id, "the grace period is over: giving back the runs still in progress");
            shared.parts.ended.store(true, Ordering::Relaxed);
            shared.over.cancel();
            drivers.wait().await;
        }
        shared.ended.cancel();
        while let Some(unstarted) = shared.take_spare().or_else(|| shared.long.take_of(|_| true)) {
            shared.give_back_unfinished(&unstarted, DRAINS).await;
        }
        shared.tracker.close();
        shared.tracker.wait().await;
        heartbeat.abort();
        gone.cancel();
        if presence.await.is_err() {
            tracing::error!(worker.id = %shared.id, "the presence task of worker {} panicked", shared.id);
        }
        tracing::info!(worker.id = %shared.id, "worker {} has stopped", shared.id);
    }
}

<<<<<<< HEAD
=======
/// A lease request in progress.
type Upcoming<'a> = Pin<Box<dyn Future<Output = Option<Arc<Assignment>>> + Send + 'a>>;

/// Takes runs for one slot and passes them to it; results are written concurrently.
async fn drive(number: usize, shared: Arc<Shared>, shutdown: CancellationToken) {
    let (messages, inbox) = unbounded_channel();
    let mut driver = Driver {
        number,
        shared: &shared,
        shutdown: &shutdown,
        messages,
        inbox,
        threads: Vec::new(),
        free: Vec::new(),
        tool: None,
        waiting: VecDeque::new(),
        was_short: false,
        upcoming: None,
        ahead: None,
    };
    driver.work().await;
    // Give back every taken run that will not be judged. A lease request in progress ends with the shutdown; if there
    // is no shutdown, dropping the request gives the run back.
    let Driver { upcoming, ahead, waiting, threads, .. } = driver;
    // This ends the threads whose runs wait.
    drop(threads);
    let late = match upcoming {
        Some(upcoming) if shutdown.is_cancelled() => upcoming.await,
        _ => None,
    };
    for unfinished in ahead.into_iter().chain(late).chain(waiting.into_iter().map(|begun| begun.assignment)) {
        shared.give_back_unfinished(&unfinished, DRAINS).await;
    }
}

/// Scheduler of a slot: one run has the executor, others may wait for their next turn.
///
/// A turn is one or more whole steps of a run. If there are other runs (first those in the queue, then those waiting
/// here that owe less time), the run then waits until they have had as much time on this slot as its turn took. A run
/// with many tests therefore continues test by test, and a new run waits for at most one test.
struct Driver<'a> {
    number: usize,
    shared: &'a Arc<Shared>,
    shutdown: &'a CancellationToken,
    messages: UnboundedSender<SlotMessage>,
    inbox: UnboundedReceiver<SlotMessage>,
    /// The slot's threads: one for each run that has begun, at most [`RUNS_PER_SLOT_MAX`].
    threads: Vec<SyncSender<Job>>,
    /// Indices of the threads without a run.
    free: Vec<usize>,
    /// The executor, unless a thread has it.
    tool: Option<SlotExecutor>,
    /// Runs that have begun and wait for their next turn.
    waiting: VecDeque<Begun>,
    /// Whether the last run was short.
    was_short: bool,
    /// Lease request in progress. Never dropped while it may still yield a lease: that would cost the run an attempt.
    upcoming: Option<Upcoming<'a>>,
    /// The run it yielded while the slot was busy.
    ahead: Option<Arc<Assignment>>,
}

/// A run begun by this slot.
struct Begun {
    assignment: Arc<Assignment>,
    /// Index of the slot's thread that judges it.
    thread: usize,
    at: Timestamp,
    /// Slot time used so far.
    had: Duration,
    /// Length of its last turn, and the slot time that others have had since then.
    turn: Duration,
    others_had: Duration,
}

impl Begun {
    fn owner(&self) -> UserId {
        self.assignment.leased.submission.owner
    }

    /// Slot time that others may still have before its next turn.
    fn owes(&self) -> Duration {
        self.turn.saturating_sub(self.others_had)
    }
}

/// The run that gets the executor next.
enum Next {
    New(Arc<Assignment>),
    Again(Begun),
}

impl<'a> Driver<'a> {
    async fn work(&mut self) {
        let mut state = SlotState::enter("starting");
        let Some(first) = self.thread() else { return };
        if self.threads[first].try_send(Job::Build).is_err() {
            return;
        }
        self.free.push(first);
        loop {
            let Some(tool) = self.ready().await else { return };
            state.change("idle");
            let Some(next) = self.next().await else { return };
            state.change("busy");
            self.shared.busy.fetch_add(1, Ordering::Relaxed);
            let goes_on = self.give_turn(next, tool).await;
            self.shared.busy.fetch_sub(1, Ordering::Relaxed);
            state.change("starting");
            if !goes_on {
                return;
            }
        }
    }

    /// Returns a thread without a run; starts one if needed.
    fn thread(&mut self) -> Option<usize> {
        if let Some(thread) = self.free.pop() {
            return Some(thread);
        }
        let (number, shared, messages) = (self.number, Arc::clone(self.shared), self.messages.clone());
        let (jobs, taken) = sync_channel(1);
        let thread = std::thread::Builder::new().name(format!("slot-{number}"));
        match thread.spawn(move || slot::run(number, &shared.parts, taken, messages)) {
            Ok(_) => {
                self.threads.push(jobs);
                Some(self.threads.len() - 1)
            }
            Err(error) => {
                tracing::error!(slot = number, %error, "cannot start a thread of slot {number}");
                None
            }
        }
    }

    /// Returns the executor, or `None` at shutdown. A slot that is still being built then ends without a run; runs that
    /// have begun may finish.
    async fn ready(&mut self) -> Option<SlotExecutor> {
        if let Some(tool) = self.tool.take() {
            return Some(tool);
        }
        let (shared, shutdown, is_empty) = (self.shared, self.shutdown, self.waiting.is_empty());
        let gone = async {
            shutdown.cancelled().await;
            if !is_empty {
                shared.over.cancelled().await;
                tokio::time::sleep(LAST_TOOL).await;
            }
        };
        tokio::select! {
            biased;
            () = gone => None,
            message = self.next_message() => match message {
                Some(SlotMessage::Ready(tool)) => Some(tool),
                _ => None,
            },
        }
    }

    async fn next(&mut self) -> Option<Next> {
        // A run whose result is no longer wanted ends at once.
        let unwanted = self.waiting.iter().position(|begun| begun.assignment.stop.is_raised());
        if let Some(begun) = unwanted.and_then(|at| self.waiting.remove(at)) {
            return Some(Next::Again(begun));
        }
        let first = self.waiting.iter().enumerate().min_by_key(|(_, begun)| begun.owes());
        let Some((at, first)) = first else { return self.next_new().await.map(Next::New) };
        let may_begin = self.waiting.len() < RUNS_PER_SLOT_MAX && !self.shutdown.is_cancelled();
        if may_begin && !first.owes().is_zero() {
            let mut not = self.shared.turns.crowding();
            not.extend(self.waiting.iter().map(Begun::owner));
            if let Some(assignment) = self.take_other(&not).await {
                return Some(Next::New(assignment));
            }
        }
        self.waiting.remove(at).map(Next::Again)
    }

    /// Returns the next run for a slot without runs.
    async fn next_new(&mut self) -> Option<Arc<Assignment>> {
        // While others wait, no owner gets more than its share of the slots.
        let crowding = self.shared.turns.crowding();
        if !crowding.is_empty()
            && let Some(assignment) = self.take_other(&crowding).await
        {
            return Some(assignment);
        }
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

    /// Takes a run of an owner not in `not`, if one is available at once.
    async fn take_other(&mut self, not: &[UserId]) -> Option<Arc<Assignment>> {
        let suits = |assignment: &Arc<Assignment>| !not.contains(&assignment.leased.submission.owner);
        if let Some(assignment) = self.ahead.take_if(|assignment| suits(assignment)) {
            return Some(assignment);
        }
        let shared = self.shared;
        if let Some(assignment) = shared.take_spare_of(suits) {
            return Some(assignment);
        }
        if *shared.is_paused.borrow() || self.shutdown.is_cancelled() {
            return None;
        }
        let _room = shared.completions.try_acquire().ok()?;
        match shared.parts.core.next_run_of_others(shared.id, not).await {
            Ok(assignment) => assignment.map(Arc::new),
            Err(error) => {
                tracing::debug!(error = chain(&error), "cannot query the queue for runs of other owners");
                None
            }
        }
    }

    /// Gives a run the executor until it ends or yields. Returns `false` if the slot cannot continue.
    async fn give_turn(&mut self, next: Next, tool: SlotExecutor) -> bool {
        let (shared, shutdown) = (self.shared, self.shutdown);
        let (mut begun, job) = match next {
            Next::Again(begun) => (begun, Job::GoOn(tool)),
            Next::New(assignment) => {
                let leased = &assignment.leased;
                shared.leases().insert(leased.lease, leased.run);
                let Some(thread) = self.thread() else {
                    // The machine has no thread left at the moment: give the run back to other workers, and continue
                    // with this slot after a pause.
                    shared.give_back_unfinished(&assignment, "the worker could not start a thread").await;
                    self.tool = Some(tool);
                    tokio::time::sleep(NO_THREAD_PAUSE).await;
                    return true;
                };
                let at = shared.parts.core.now();
                let nothing = Duration::ZERO;
                let job = Job::Judge(Arc::clone(&assignment), tool);
                (Begun { assignment, thread, at, had: nothing, turn: nothing, others_had: nothing }, job)
            }
        };
        if self.was_short && self.waiting.is_empty() && self.ahead.is_none() && !shutdown.is_cancelled() {
            self.upcoming.get_or_insert_with(|| Box::pin(self::next(shared, shutdown)));
        }
        let began = Instant::now();
        let _turn = shared.turns.begin(self.number, begun.owner());
        // The thread waits for a job, so its queue of one is empty.
        let message = match self.threads[begun.thread].try_send(job) {
            Ok(()) => self.next_message().await,
            Err(_) => None,
        };
        let took = began.elapsed();
        shared.parts.core.used(begun.owner(), took);
        for other in &mut self.waiting {
            other.others_had += took;
        }
        begun.had += took;
        let result = match message {
            Some(SlotMessage::Yields(tool)) => {
                self.tool = Some(tool);
                self.was_short = false;
                (begun.turn, begun.others_had) = (took, Duration::ZERO);
                self.waiting.push_back(begun);
                return true;
            }
            Some(SlotMessage::Done(result)) => Some(*result),
            // Its thread has ended, and the executor with it.
            Some(SlotMessage::Ready(_) | SlotMessage::Gone) | None => None,
        };
        let goes_on = result.is_some();
        let result = result.unwrap_or(Err(SlotError::Panic));
        let submission = &begun.assignment.leased.submission;
        metrics::histogram!("cupel_run_duration_seconds", "language" => language_label(submission)).record(begun.had);
        self.was_short = result.is_ok() && begun.had <= SHORT_RUN;
        self.free.push(begun.thread);
        shared.tracker.spawn(end(Arc::clone(shared), begun.assignment, begun.at, result));
        goes_on
    }

    /// Waits for the slot's next message. Meanwhile it polls the lease request in progress, which holds a place in the
    /// queue that others must not be denied. The resulting run is kept for this slot if the slot's message follows
    /// within [`AHEAD_MAX`].
    async fn next_message(&mut self) -> Option<SlotMessage> {
        let shared = self.shared;
        loop {
            tokio::select! {
                biased;
                message = self.inbox.recv() => return message,
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

/// Waits for the next attempt and for room for its result; returns `None` at shutdown.
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
                // The queue may be granting a lease at this moment: wait for it, so that it is given back before the
                // worker ends.
                if let Ok(Ok(unstarted)) = tokio::time::timeout(LAST_LEASE, assignment).await {
                    give_back(&shared.parts.core, &unstarted, false, DRAINS).await;
                }
                return None;
            }
            // A lease request in progress is given back when dropped.
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

/// Waits until the worker's paused state equals `wanted`.
async fn until(pause: &mut watch::Receiver<bool>, wanted: bool) {
    // The sender lives as long as the worker, so this never fails.
    drop(pause.wait_for(|is_paused| *is_paused == wanted).await);
}

/// Records the end of an attempt.
async fn end(shared: Arc<Shared>, assignment: Arc<Assignment>, began: Timestamp, result: Result<Judged, SlotError>) {
    // The semaphore is never closed.
    let _room = shared.completions.acquire().await;
    let core = &shared.parts.core;
    let (run, attempt) = (assignment.leased.run, assignment.leased.attempt);
    match result {
        Ok(judged) if judged.report.verdict != Verdict::Cancelled => complete(core, &assignment, began, judged).await,
        // Cancelled by its owner, or the lease was lost: the store would refuse the result.
        Ok(_) if assignment.stop.is_raised() => {
            tracing::info!(run.id = %run, attempt.number = attempt, "stopped run {run}: its result is no longer wanted");
        }
        Ok(_) => give_back(core, &assignment, false, DRAINS).await,
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

/// Exports the trace of an attempt that has ended.
fn trace(core: &Core, assignment: &Assignment, began: Timestamp, outcome: Ended<'_>) {
    let LeasedRun { run, attempt, ref submission, .. } = assignment.leased;
    if let Some(traces) = cupel_traces::traces() {
        traces.ran(&Run { submission, run, attempt, began, ended: core.now(), outcome });
    }
}

/// The language as a metrics label.
fn language_label(submission: &Submission) -> String {
    submission.language().map_or_else(|| "none".to_owned(), ToString::to_string)
}

/// Counts an attempt lost to an internal failure.
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
                tracing::warn!(run.id = %run, error = chain(&error), "could not write the result of run {run}; retrying");
                tokio::time::sleep(pause).await;
                pause *= 2;
            }
            Err(error) => {
                attempt_failed("store");
                tracing::error!(run.id = %run, error = chain(&error), "could not write the result of run {run}");
                give_back(core, assignment, true, "the worker could not write the result").await;
                return;
            }
        }
    }
}

>>>>>>> p1
/// Renews every lease three times per lease duration.
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
                    // If its attempt has ended meanwhile, nothing is lost.
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
    pub(crate) async fn give_back_unfinished(&self, assignment: &Assignment, why: &str) {
        give_back(&self.parts.core, assignment, false, why).await;
        self.leases().remove(&assignment.leased.lease);
    }

    pub(crate) fn leases(&self) -> MutexGuard<'_, HashMap<LeaseId, RunId>> {
        self.leases.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
