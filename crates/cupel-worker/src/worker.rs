//! The worker: one driver per slot, one heartbeat for all leases, and the drain at the end.
//!
//! Every few seconds the worker reports to the store and receives its order: work, pause, or drain (`presence.rs`).
//!
//! Drain: after the shutdown signal, no lease is requested. Running attempts may finish within the grace period.
//! Attempts that are still running are then stopped in the sandbox, and their runs are returned to the queue without
//! losing an attempt. Only a live run that has consumed input ends instead, because its input cannot be repeated. If
//! the shutdown is also that of the only API, no client can come back to a live run. If the run may need one, its grace
//! period is [`CUT_OFF_GRACE`]. Results and runs that the store could not take get some more seconds ([`LAST_WRITES`]).
//! [`Worker::run`] returns when no run is left.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cupel_core::{Core, chain};
use cupel_judge::ArtifactCache;
use cupel_types::{WorkerId, counted};
use tokio::sync::{Notify, Semaphore, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::attempt::{ExecutorFactory, SlotParts};
use crate::compile_turns::CompileTurns;
use crate::driver::{drive, drive_interactive};
use crate::ending::{DRAINS, LAST_WRITES, lease_lost};
use crate::interactive::InteractiveSlots;
use crate::limit_starts::LimitStarts;
use crate::long::LongRuns;
use crate::presence::Presence;
use crate::shared::Shared;
use crate::throughput::Throughput;
use crate::turns::Turns;

/// Maximum number of results per slot that wait to be written while the slot already runs the next attempt.
const COMPLETIONS_PER_SLOT_MAX: usize = 8;

/// How long a live run may continue at the shutdown of the only server, whose clients are cut off. A program that is
/// about to end does so.
const CUT_OFF_GRACE: Duration = Duration::from_secs(2);

/// Parts and settings of a worker.
pub struct WorkerParts {
    /// The application core; the worker takes its runs from there.
    pub core: Core,
    /// The worker's id, in leases and logs.
    pub id: WorkerId,
    /// Number of slots: runs that are executed at the same time. At least one.
    pub slots: usize,
    /// Number of further slots, which only live runs use. Their executors have the numbers from `slots` on.
    pub interactive_slots: usize,
    /// Cache of compiled artefacts.
    pub cache: Arc<dyn ArtifactCache>,
    /// Creates the executor of each slot.
    pub factory: ExecutorFactory,
    /// Maximum total execution time of all tests of a stand-alone program. When it is exceeded, the remaining tests
    /// are skipped.
    pub run_time_max: Duration,
    /// Time for which an interactive run continues without clients.
    pub detached_timeout: Duration,
    /// Whether this process has the only API, so that its shutdown cuts off the clients of live runs.
    pub is_alone: bool,
    /// Maximum time to judge a solution of a problem or to verify a package. Exceeding it is a fault of the package.
    pub judging_time_max: Duration,
    /// Whether tests of function problems may share a process.
    pub function_batches: bool,
    /// A program whose wall-clock limit is above this time and above its language's default is a long run, as are live
    /// runs and verifications. If there are several slots, long runs together occupy at most all but one.
    pub long_step: Duration,
    /// How long running attempts may continue after the shutdown signal.
    pub grace: Duration,
    /// Minimum length of a run's turn while others wait: [`QUANTUM`](crate::QUANTUM), or less in tests.
    pub quantum: Duration,
    /// After a run of at most this duration, the slot's next run is leased in advance: [`SHORT_RUN`](crate::SHORT_RUN).
    /// Tests use a larger value, so that all of their runs count as short, even on a slow machine.
    pub short_run: Duration,
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
    interactive_slots: usize,
    grace: Duration,
    is_alone: bool,
    presence: Presence,
}

impl Worker {
    /// Creates a worker, not started yet.
    pub fn new(parts: WorkerParts) -> Worker {
        let WorkerParts {
            core,
            id,
            slots,
            interactive_slots,
            cache,
            factory,
            run_time_max,
            detached_timeout,
            is_alone,
            judging_time_max,
            function_batches,
            long_step,
            grace,
            quantum,
            short_run,
            name,
            version,
            beat,
        } = parts;
        let slots = slots.max(1);
        let (ended, is_cut_off) = (AtomicBool::new(false), AtomicBool::new(false));
        let shared = Shared {
            id,
            parts: SlotParts {
                core,
                cache,
                factory,
                run_time_max,
                detached_timeout,
                judging_time_max,
                function_batches,
                quantum,
                limit_starts: LimitStarts::default(),
                compile_turns: CompileTurns::default(),
                ended,
                is_cut_off,
            },
            is_paused: watch::Sender::new(false),
            busy: AtomicU32::new(0),
            judged: Throughput::new(),
            turns: Turns::new(slots, quantum),
            long: LongRuns::new(slots, interactive_slots, long_step),
            interactive: InteractiveSlots::new(interactive_slots),
            short_run,
            over: CancellationToken::new(),
            ended: CancellationToken::new(),
            gives_up: CancellationToken::new(),
            leases: Mutex::default(),
            completions: Semaphore::new(slots * COMPLETIONS_PER_SLOT_MAX),
            tracker: TaskTracker::new(),
            spare: Mutex::default(),
            spare_bell: Notify::new(),
        };
        let shared = Arc::new(shared);
        let presence = Presence { shared: Arc::clone(&shared), name, version, slots, every: beat, is_heard: true };
        Worker { shared, slots, interactive_slots, grace, is_alone, presence }
    }

    /// Reports this worker to the store. Called before this node reports that it has started, so that from then on all
    /// nodes accept submissions in the worker's languages. If the store cannot write, [`run`](Self::run) tries again.
    pub async fn register(&mut self) {
        self.presence.report(&CancellationToken::new()).await;
    }

    /// Works until `shutdown` is cancelled or an order to drain arrives, and until every taken run is finished or
    /// returned to the queue.
    pub async fn run(self, shutdown: CancellationToken) {
        let Worker { shared, slots, interactive_slots, grace, is_alone, presence } = self;
        let (process, shutdown) = (shutdown.clone(), shutdown.child_token());
        tracing::info!(worker.id = %shared.id, slots, "worker {} takes runs on {}", shared.id, counted(slots, "slot"));
        let heartbeat = tokio::spawn(heartbeat(Arc::clone(&shared)));
        let gone = CancellationToken::new();
        let presence = tokio::spawn(presence.run(shutdown.clone(), gone.clone()));
        let drivers = TaskTracker::new();
        for number in 0..slots {
            drivers.spawn(drive(number, Arc::clone(&shared), shutdown.clone()));
        }
        for number in slots..slots + interactive_slots {
            drivers.spawn(drive_interactive(number, Arc::clone(&shared), shutdown.clone()));
        }
        drivers.close();
        shutdown.cancelled().await;
        shared.parts.compile_turns.close();
        // After an order to drain, the API continues until the process is shut down.
        let cut_off = async {
            process.cancelled().await;
            tokio::time::sleep(CUT_OFF_GRACE).await;
            shared.parts.is_cut_off.store(true, Ordering::Relaxed);
            std::future::pending::<()>().await;
        };
        let all_ended = async {
            tokio::select! {
                () = drivers.wait() => {}
                () = cut_off, if is_alone => {}
            }
        };
        if tokio::time::timeout(grace, all_ended).await.is_err() {
            tracing::info!(worker.id = %shared.id, "the grace period is over; returning the runs in progress to the queue");
            shared.parts.ended.store(true, Ordering::Relaxed);
            shared.over.cancel();
            drivers.wait().await;
        }
        shared.ended.cancel();
        while let Some(unstarted) = shared.take_spare().or_else(|| shared.long.take_of(|_| true)) {
            shared.give_back_unfinished(unstarted, DRAINS);
        }
        shared.tracker.close();
        if tokio::time::timeout(LAST_WRITES, shared.tracker.wait()).await.is_err() {
            shared.gives_up.cancel();
            shared.tracker.wait().await;
        }
        heartbeat.abort();
        gone.cancel();
        if presence.await.is_err() {
            tracing::error!(worker.id = %shared.id, "the presence task of worker {} panicked", shared.id);
        }
        tracing::info!(worker.id = %shared.id, "worker {} has stopped", shared.id);
    }
}

/// Renews every lease three times per lease duration. Also removes the core's records of attempts that ended without a
/// result, such as those of cancelled runs: the sweeper does so as well, but only on nodes that accept submissions.
async fn heartbeat(shared: Arc<Shared>) {
    let core = &shared.parts.core;
    let mut ticks = tokio::time::interval((core.policy().lease / 3).max(Duration::from_millis(10)));
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        core.forget_dropped();
        let leases = shared.leases().current();
        if leases.is_empty() {
            continue;
        }
        for submission in shared.leases().submissions() {
            core.keep_events(submission);
        }
        match core.renew(&leases).await {
            Ok(lost) => {
                for lease in lost {
                    let unreported = shared.leases().lose(lease);
                    if let Some(run) = unreported {
                        lease_lost(run);
                    }
                }
            }
            Err(error) => tracing::warn!(error = chain(&error), "could not renew {}", counted(leases.len(), "lease")),
        }
    }
}

#[cfg(test)]
mod tests;
