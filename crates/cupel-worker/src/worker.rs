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
use cupel_types::{LeaseId, RunId, Submission, UserId, Verdict, WorkerId};
use jiff::Timestamp;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{Notify, Semaphore, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::limit_starts::LimitStarts;
use crate::presence::Presence;
use crate::slot::{self, ExecutorFactory, Job, Judged, Said, SlotError, SlotParts, Tool};
use crate::turns::{RUNS_PER_SLOT_MAX, Turns};

/// Results per slot that may wait to be written while the slot already runs the next attempt.
const COMPLETIONS_PER_SLOT_MAX: usize = 8;

/// While a slot's runs are as short as this, its next one is leased while it is busy: it would otherwise be idle for as
/// long as that takes, and that is a good part of such a run. Tests script what ends and what does not; nothing that ends is long there.
const SHORT_RUN: Duration = Duration::from_millis(if cfg!(test) { 60_000 } else { 20 });

/// How long a run that was leased ahead waits for the slot it was meant for; then the first slot that is free has it.
const AHEAD_MAX: Duration = Duration::from_millis(50);

/// How long a run that was leased ahead waits for any slot of this worker; then it goes back to the queue, where other workers find it.
const SPARE_MAX: Duration = Duration::from_secs(1);

/// Pause after the queue or the store failed.
const FAILURE_PAUSE: Duration = Duration::from_millis(500);

/// How long a slot pauses when no thread can be started for a run.
const NO_THREAD_PAUSE: Duration = Duration::from_secs(1);

/// Why a worker that ends gives runs back.
const DRAINS: &str = "the worker drains";

/// How long a lease that was asked for before the shutdown is waited for. A queue that was closed answers at once.
const LAST_LEASE: Duration = Duration::from_secs(1);

/// How long runs that wait for their turn wait for an executor, once the grace period is over.
const LAST_TOOL: Duration = Duration::from_secs(2);

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
    /// How long a program that was sent by itself is executed, all its tests together; then the rest of them is skipped.
    pub run_time_max: Duration,
    /// How long a solution of a problem, or the verification of a package, is judged as a whole; then the package is at fault.
    pub judging_time_max: Duration,
    /// How long running attempts may go on after the shutdown signal.
    pub grace: Duration,
    /// How long a turn of a run lasts at least while others wait: [`QUANTUM`](crate::QUANTUM), or less in tests.
    pub quantum: Duration,
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
    /// Who has which slot.
    turns: Turns,
    /// Cancelled when the grace period is over.
    over: CancellationToken,
    /// Cancelled when all slots have ended.
    ended: CancellationToken,
    /// Leases to be renewed: running attempts and results that are being written.
    /// By lease: of one run an attempt that was lost and the next one may both be here.
    leases: Mutex<HashMap<LeaseId, RunId>>,
    completions: Semaphore,
    tracker: TaskTracker,
    /// Leased ahead for a slot that turned out to be busy for longer. At most one a slot at a time, each for [`SPARE_MAX`] at most.
    spare: Mutex<VecDeque<Arc<Assignment>>>,
    spare_bell: Notify,
}

impl Worker {
    /// A worker that has not started yet.
    pub fn new(parts: WorkerParts) -> Worker {
        let WorkerParts {
            core,
            id,
            slots,
            cache,
            factory,
            run_time_max,
            judging_time_max,
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

    /// Works until `shutdown` is cancelled, or it is told to drain, and everything taken has been finished or given back.
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
            tracing::info!(worker.id = %shared.id, "the grace period is over: what still runs is given back");
            shared.parts.ended.store(true, Ordering::Relaxed);
            shared.over.cancel();
            drivers.wait().await;
        }
        shared.ended.cancel();
        while let Some(unstarted) = shared.take_spare() {
            shared.give_back_unfinished(&unstarted, DRAINS).await;
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
    let (said, says) = unbounded_channel();
    let mut driver = Driver {
        number,
        shared: &shared,
        shutdown: &shutdown,
        said,
        says,
        threads: Vec::new(),
        free: Vec::new(),
        tool: None,
        waiting: VecDeque::new(),
        was_short: false,
        upcoming: None,
        ahead: None,
    };
    driver.work().await;
    // Whatever was taken for a run that will not be is given back before we go. A lease that is on its way ends with the
    // shutdown; without one, dropping it gives it back.
    let Driver { upcoming, ahead, waiting, threads, .. } = driver;
    // Threads whose runs wait end with this.
    drop(threads);
    let late = match upcoming {
        Some(upcoming) if shutdown.is_cancelled() => upcoming.await,
        _ => None,
    };
    for unfinished in ahead.into_iter().chain(late).chain(waiting.into_iter().map(|begun| begun.assignment)) {
        shared.give_back_unfinished(&unfinished, DRAINS).await;
    }
}

/// A slot's scheduler: one of its runs has the executor, others may wait for their next turn.
///
/// A turn is one or more whole steps of a run. Afterwards the run waits until others have had as much time on this slot as its turn
/// took, as long as there are others: runs of the queue, then those that wait here and owe less. So a run with many tests goes on,
/// test by test, and whoever comes meanwhile waits for one test.
struct Driver<'a> {
    number: usize,
    shared: &'a Arc<Shared>,
    shutdown: &'a CancellationToken,
    said: UnboundedSender<Said>,
    says: UnboundedReceiver<Said>,
    /// The slot's threads; one for each run that has begun, at most [`RUNS_PER_SLOT_MAX`].
    threads: Vec<SyncSender<Job>>,
    /// Those without a run.
    free: Vec<usize>,
    /// The executor, while no thread has it.
    tool: Option<Tool>,
    /// Runs that have begun and wait for their next turn.
    waiting: VecDeque<Begun>,
    /// Whether the last run was short.
    was_short: bool,
    /// Never dropped while it may come to something: that would cost the run an attempt.
    upcoming: Option<Upcoming<'a>>,
    /// What came of it while the slot was busy.
    ahead: Option<Arc<Assignment>>,
}

/// A run that this slot has begun.
struct Begun {
    assignment: Arc<Assignment>,
    /// Which of the slot's threads judges it.
    thread: usize,
    at: Timestamp,
    /// Slot time so far.
    had: Duration,
    /// How long its last turn took, and how much time others have had since.
    turn: Duration,
    others_had: Duration,
}

impl Begun {
    fn owner(&self) -> UserId {
        self.assignment.leased.submission.owner
    }

    /// How much time others may have on this slot before its next turn.
    fn owes(&self) -> Duration {
        self.turn.saturating_sub(self.others_had)
    }
}

/// What gets the executor next.
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

    /// A thread without a run, started if need be.
    fn thread(&mut self) -> Option<usize> {
        if let Some(thread) = self.free.pop() {
            return Some(thread);
        }
        let (number, shared, said) = (self.number, Arc::clone(self.shared), self.said.clone());
        let (jobs, taken) = sync_channel(1);
        let thread = std::thread::Builder::new().name(format!("slot-{number}"));
        match thread.spawn(move || slot::run(number, &shared.parts, taken, said)) {
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

    /// The executor, or shutdown: a slot that is still being built takes nothing with it. Runs that have begun are let end.
    async fn ready(&mut self) -> Option<Tool> {
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
            said = self.hear() => match said {
                Some(Said::Ready(tool)) => Some(tool),
                _ => None,
            },
        }
    }

    async fn next(&mut self) -> Option<Next> {
        // What is not wanted any more ends at once.
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

    /// The next run of a slot that has none.
    async fn next_new(&mut self) -> Option<Arc<Assignment>> {
        // While others wait, nobody gets more than a share of the slots.
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

    /// A run of another owner than these that can be had at once.
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
                tracing::debug!(error = chain(&error), "cannot look for runs of others");
                None
            }
        }
    }

    /// Lets a run have the executor until it ends or yields. `false`: the slot cannot go on.
    async fn give_turn(&mut self, next: Next, tool: Tool) -> bool {
        let (shared, shutdown) = (self.shared, self.shutdown);
        let (mut begun, job) = match next {
            Next::Again(begun) => (begun, Job::GoOn(tool)),
            Next::New(assignment) => {
                let leased = &assignment.leased;
                shared.leases().insert(leased.lease, leased.run);
                let Some(thread) = self.thread() else {
                    // The machine has no thread left at the moment: others are first, and this slot goes on after a pause.
                    shared.give_back_unfinished(&assignment, "no thread could be started").await;
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
        let said = match self.threads[begun.thread].try_send(job) {
            Ok(()) => self.hear().await,
            Err(_) => None,
        };
        let took = began.elapsed();
        shared.parts.core.used(begun.owner(), took);
        for other in &mut self.waiting {
            other.others_had += took;
        }
        begun.had += took;
        let result = match said {
            Some(Said::Yields(tool)) => {
                self.tool = Some(tool);
                self.was_short = false;
                (begun.turn, begun.others_had) = (took, Duration::ZERO);
                self.waiting.push_back(begun);
                return true;
            }
            Some(Said::Done(result)) => Some(*result),
            // Its thread has ended, and the executor with it.
            Some(Said::Ready(_) | Said::Gone) | None => None,
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
    /// Lets another slot have what was leased ahead for one that is busy; after [`SPARE_MAX`], another worker.
    fn offer(self: &Arc<Shared>, assignment: Arc<Assignment>) {
        let lease = assignment.leased.lease;
        self.spare.lock().unwrap_or_else(PoisonError::into_inner).push_back(assignment);
        self.spare_bell.notify_one();
        let shared = Arc::clone(self);
        self.tracker.spawn(async move {
            tokio::select! {
                () = tokio::time::sleep(SPARE_MAX) => {}
                // Then the worker gives back whatever is left.
                () = shared.ended.cancelled() => return,
            }
            if let Some(unstarted) = shared.take_spare_of(|spare| spare.leased.lease == lease) {
                shared.give_back_unfinished(&unstarted, "no slot of the worker was free").await;
            }
        });
    }

    /// The first of them that suits.
    fn take_spare_of(&self, suits: impl Fn(&Arc<Assignment>) -> bool) -> Option<Arc<Assignment>> {
        let mut spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner);
        let at = spare.iter().position(suits)?;
        spare.remove(at)
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

    async fn give_back_unfinished(&self, assignment: &Assignment, why: &str) {
        give_back(&self.parts.core, assignment, false, why).await;
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
