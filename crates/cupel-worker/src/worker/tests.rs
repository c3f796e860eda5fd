//! Tests of the worker with the real store, queue and bus. Only the executor is scripted: it fails, panics and waits on
//! demand, unlike a real executor.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, AtomicUsize};

use async_trait::async_trait;
use cupel_core::cluster::{Order, OrderSent};
use cupel_core::event::{Event, Seq};
use cupel_core::run::RunState;
use cupel_core::{
    AuthenticatedUser, Bounds, CoreParts, EventBus, Interest, LeasePolicy, Notice, Notices, Queue, Store, Subscription,
};
use cupel_events::EmbeddedBus;
use cupel_judge::{ExecuteError, Executor, LiveInput, NoCache, StepInput, StepKind, StepObserver, StepResult};
use cupel_queue::EmbeddedQueue;
use cupel_store::{LocalPackages, SqlStore};
use cupel_testkit::{FakeClock, Unlimited, a_submission, a_user, fresh, registry, t0};
use cupel_types::{FoundFiles, Outcome, Output, StepReport, SubmissionId, Usage, UserId, Verdict};
use tokio::task::JoinHandle;

use super::*;

mod live;
mod long_runs;
mod turns;

const LONG_STEP: Duration = Duration::from_secs(30);

/// What an executor does with the next step.
#[derive(Clone, Copy, Debug)]
enum Does {
    /// Prints `out`, ends with 0.
    Ends,
    /// Fails with a transient or a permanent error.
    Fails {
        transient: bool,
    },
    /// Fails because a service of the machine cannot be reached.
    IsUnreachable,
    /// Refuses the step.
    Refuses,
    Panics,
    /// Runs until it is stopped.
    WaitsForStop,
    /// Receives the stop, and ends only when the test sets [`Bench::leave`].
    StopsLate,
    /// Ends with 0 when the test sets [`Bench::leave`], or when it is stopped.
    Leaves,
    /// Prints its live input until the end of input.
    Echoes,
    /// Prints 6 MiB, and then `end`.
    Floods,
    /// [`Does::Leaves`] if its wall-clock limit makes its run a long one; otherwise [`Does::Ends`].
    LeavesIfLong,
}

struct Scripted {
    slot: usize,
    ran: Arc<Mutex<Vec<(usize, StepKind)>>>,
    steps: Arc<Mutex<Vec<Does>>>,
    leave: Arc<AtomicBool>,
}

impl Executor for Scripted {
    fn execute(&mut self, step: StepInput<'_>, observer: &mut dyn StepObserver) -> Result<StepResult, ExecuteError> {
        self.ran.lock().unwrap().push((self.slot, step.kind));
        let does = self.steps.lock().unwrap().pop().unwrap_or(Does::Ends);
        let does = match does {
            Does::LeavesIfLong if step.limits.wall_time > LONG_STEP => Does::Leaves,
            Does::LeavesIfLong => Does::Ends,
            does => does,
        };
        let outcome = match does {
            Does::Ends => {
                observer.stdout(b"out");
                Outcome::Exited(0)
            }
            Does::Fails { transient } => return Err(ExecuteError { transient, source: "no cell".into() }),
            Does::IsUnreachable => return Err(ExecuteError::unreachable("no engine")),
            Does::Refuses => return Err(ExecuteError::refused("the command is too long")),
            Does::Panics => panic!("as scripted"),
            Does::WaitsForStop => {
                while !observer.cancelled() {
                    std::thread::yield_now();
                }
                Outcome::Cancelled
            }
            Does::Leaves | Does::LeavesIfLong => loop {
                if self.leave.load(Ordering::Acquire) {
                    break Outcome::Exited(0);
                }
                if observer.cancelled() {
                    break Outcome::Cancelled;
                }
                std::thread::yield_now();
            },
            Does::Echoes => {
                let cupel_judge::StdinSource::Live(live) = &step.stdin else { panic!("the step has live input") };
                let mut total = 0;
                loop {
                    match live.source.next(Duration::from_millis(1)) {
                        Some(LiveInput::Bytes(bytes)) => {
                            observer.stdout(&bytes);
                            total += bytes.len() as u64;
                            live.source.consumed(total);
                        }
                        Some(LiveInput::EndOfInput) => break Outcome::Exited(0),
                        Some(LiveInput::Signal(signal)) => break Outcome::Signalled(signal.signal()),
                        Some(LiveInput::Resize(_)) | None => {}
                    }
                    if observer.cancelled() {
                        break Outcome::Cancelled;
                    }
                }
            }
            Does::Floods => {
                for _ in 0..6 << 4 {
                    observer.stdout(&[b'x'; 64 << 10]);
                }
                observer.stdout(b"end");
                Outcome::Exited(0)
            }
            Does::StopsLate => {
                while !(observer.cancelled() && self.leave.load(Ordering::Acquire)) {
                    std::thread::yield_now();
                }
                Outcome::Cancelled
            }
        };
        let output = Output { data: b"out".as_slice().into(), truncated: false };
        let report = StepReport {
            outcome,
            exit_code: None,
            signal: None,
            stdout: output.clone(),
            stderr: output,
            usage: Usage::default(),
        };
        Ok(StepResult {
            report,
            files: Default::default(),
            files_truncated: false,
            fetched: Vec::new(),
            found: FoundFiles::default(),
        })
    }
}

/// A bus that records which submissions' events a worker keeps.
#[derive(Clone, Default)]
struct KeepingBus {
    bus: Arc<EmbeddedBus>,
    kept: Arc<Mutex<HashSet<SubmissionId>>>,
}

#[async_trait]
impl EventBus for KeepingBus {
    fn publish(&self, event: Event) {
        self.bus.publish(event);
    }

    async fn subscribe(&self, id: SubmissionId, after: Seq, interest: Interest) -> Box<dyn Subscription> {
        self.bus.subscribe(id, after, interest).await
    }

    fn keep(&self, id: SubmissionId) {
        self.kept.lock().unwrap().insert(id);
    }

    fn announce(&self, notice: Notice) {
        self.bus.announce(notice);
    }

    fn notices(&self) -> Box<dyn Notices> {
        self.bus.notices()
    }

    fn health(&self) -> Result<(), String> {
        self.bus.health()
    }

    async fn close(&self) {
        self.bus.close().await;
    }
}

/// A running worker.
struct Bench {
    core: Core,
    queue: Arc<dyn Queue>,
    store: Arc<dyn Store>,
    clock: Arc<FakeClock>,
    bus: KeepingBus,
    owner: UserId,
    /// Another user.
    other: UserId,
    /// Remaining steps of the script.
    steps: Arc<Mutex<Vec<Does>>>,
    /// The steps that have begun, with the numbers of their slots.
    ran: Arc<Mutex<Vec<(usize, StepKind)>>>,
    /// How often the creation of an executor was tried.
    made: Arc<AtomicUsize>,
    leave: Arc<AtomicBool>,
    shared: Arc<Shared>,
    shutdown: CancellationToken,
    worker: JoinHandle<()>,
    _data: tempfile::TempDir,
}

impl Bench {
    /// Starts a worker with one slot. `script` lists what the steps do, in reverse order.
    async fn start(script: Vec<Does>, policy: LeasePolicy) -> Bench {
        Bench::with_slots(1, script, policy).await
    }

    async fn with_slots(slots: usize, script: Vec<Does>, policy: LeasePolicy) -> Bench {
        Bench::with_interactive_slots(slots, 0, script, policy).await
    }

    async fn with_interactive_slots(
        slots: usize,
        interactive_slots: usize,
        script: Vec<Does>,
        policy: LeasePolicy,
    ) -> Bench {
        Bench::with_factory_panics(0, slots, interactive_slots, script, policy).await
    }

    /// The first `panics` creations of an executor panic.
    async fn with_factory_panics(
        panics: usize,
        slots: usize,
        interactive_slots: usize,
        script: Vec<Does>,
        policy: LeasePolicy,
    ) -> Bench {
        Bench::with_end(panics, slots, interactive_slots, (Duration::ZERO, false), script, policy).await
    }

    /// A worker whose process has the only API, with a long grace period.
    async fn alone(slots: usize, script: Vec<Does>) -> Bench {
        Bench::with_end(0, slots, 0, (Duration::from_hours(24), true), script, once()).await
    }

    async fn with_end(
        panics: usize,
        slots: usize,
        interactive_slots: usize,
        (grace, is_alone): (Duration, bool),
        script: Vec<Does>,
        policy: LeasePolicy,
    ) -> Bench {
        let data = tempfile::tempdir().unwrap();
        let store: Arc<dyn Store> = Arc::new(SqlStore::open_sqlite(&data.path().join("db")).await.unwrap());
        let (user, other) = (a_user(), a_user());
        let (owner, other_id) = (user.user.id, other.user.id);
        for user in [user, other] {
            cupel_core::AccountStore::insert_user(store.as_ref(), user).await.unwrap().unwrap();
        }
        let clock = Arc::new(FakeClock::default());
        let queue: Arc<dyn Queue> = Arc::new(EmbeddedQueue::new(1000));
        let bus = KeepingBus::default();
        let core = Core::new(CoreParts {
            store: store.clone(),
            queue: queue.clone(),
            events: Arc::new(bus.clone()),
            packages: Arc::new(LocalPackages::open(&data.path().join("packages"), registry()).unwrap()),
            clock: clock.clone(),
            registry: registry(),
            policy,
            bounds: Bounds::default(),
        });
        let (steps, made) = (Arc::new(Mutex::new(script)), Arc::new(AtomicUsize::new(0)));
        let (leave, ran) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::default()));
        let factory: ExecutorFactory = {
            let (steps, made, leave) = (Arc::clone(&steps), Arc::clone(&made), Arc::clone(&leave));
            let ran = Arc::clone(&ran);
            Arc::new(move |slot| {
                assert!(made.fetch_add(1, Ordering::Relaxed) >= panics, "as scripted");
                let (ran, steps, leave) = (Arc::clone(&ran), Arc::clone(&steps), Arc::clone(&leave));
                Ok(Box::new(Scripted { slot, ran, steps, leave }))
            })
        };
        let mut worker = Worker::new(WorkerParts {
            core: core.clone(),
            id: WorkerId::from_uuid(fresh()),
            slots,
            interactive_slots,
            cache: Arc::new(NoCache),
            factory,
            run_time_max: Duration::MAX,
            // The worker adds the pause between two reports.
            detached_timeout: Duration::ZERO,
            is_alone,
            judging_time_max: Duration::MAX,
            function_batches: true,
            long_step: LONG_STEP,
            grace,
            // Runs may take turns after every step.
            quantum: Duration::ZERO,
            short_run: Duration::from_mins(1),
            name: "bench".into(),
            version: "1.2.3".into(),
            beat: Duration::from_millis(5),
        });
        let shutdown = CancellationToken::new();
        let shared = Arc::clone(&worker.shared);
        worker.register().await;
        let listed = core.workers_alive().await.unwrap();
        assert_eq!(listed.len(), 1, "a registered worker is listed before it runs");
        let worker = tokio::spawn(worker.run(shutdown.clone()));
        // `cupel serve` starts the same task.
        let notices = core.clone();
        tokio::spawn(async move { notices.handle_notices().await });
        Bench {
            core,
            queue,
            store,
            clock,
            bus,
            owner,
            other: other_id,
            steps,
            ran,
            made,
            leave,
            shared,
            shutdown,
            worker,
            _data: data,
        }
    }

    fn viewer(&self) -> AuthenticatedUser {
        AuthenticatedUser { is_admin: true, ..AuthenticatedUser::of(self.owner) }
    }

    async fn submit(&self) -> SubmissionId {
        let new = a_submission().in_language("python").as_sent();
        self.core.submit(self.owner, vec![new], None, &Unlimited).await.unwrap().ids[0]
    }

    /// Submits a run with `tests` tests.
    async fn submit_tests(&self, owner: UserId, tests: usize) -> SubmissionId {
        let names = (0..tests).map(|test| test.to_string());
        let new = names.fold(a_submission().in_language("python"), |new, name| new.test(&name, b"", None));
        self.core.submit(owner, vec![new.as_sent()], None, &Unlimited).await.unwrap().ids[0]
    }

    /// Cancels a run of the owner.
    async fn cancel(&self, id: SubmissionId) {
        self.core.cancel(&self.viewer(), id).await.unwrap();
    }

    async fn state(&self, id: SubmissionId) -> RunState {
        self.core.submission(&self.viewer(), id).await.unwrap().unwrap().state
    }

    /// Waits until at most `count` steps of the script have not begun.
    async fn until_left(&self, count: usize) {
        while self.steps.lock().unwrap().len() > count {
            tokio::task::yield_now().await;
        }
    }

    /// Waits for a state that satisfies `is_it`.
    async fn until(&self, id: SubmissionId, is_it: impl Fn(&RunState) -> bool) -> RunState {
        let reached = async {
            loop {
                let state = self.state(id).await;
                if is_it(&state) {
                    return state;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), reached).await.expect("the state is reached")
    }
}

fn once() -> LeasePolicy {
    LeasePolicy { attempts_max: 1, ..LeasePolicy::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_judged_run_is_completed_with_its_log() {
    let bench = Bench::start(vec![], once()).await;
    let id = bench.submit().await;
    let state = bench.until(id, RunState::is_final).await;
    assert!(matches!(state, RunState::Judged { attempts: 1, verdict: Verdict::Accepted }), "{state:?}");
    let log = bench.store.events(id, Default::default()).await.unwrap();
    let names: Vec<_> = log.iter().map(|event| event.kind.name()).collect();
    assert_eq!(names, ["queued", "started", "test.start", "output", "test.end", "verdict"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_internal_failure_costs_an_attempt_and_is_never_the_programs_fault() {
    let policy = LeasePolicy { attempts_max: 2, ..LeasePolicy::default() };
    let bench = Bench::start(vec![Does::Ends, Does::Fails { transient: true }], policy).await;
    let id = bench.submit().await;
    bench.until(id, |state| matches!(state, RunState::Queued { attempts: 1, lost: 1 })).await;
    // This is longer than the backoff after a failure.
    bench.clock.advance(Duration::from_secs(60));
    // A sweep that finds the first hint still unsettled offers no second hint.
    let swept = async {
        loop {
            bench.core.sweep().await.unwrap();
            let state = bench.state(id).await;
            if state.is_final() {
                break state;
            }
            tokio::task::yield_now().await;
        }
    };
    let state = tokio::time::timeout(Duration::from_secs(60), swept).await.expect("the run is judged");
    assert!(matches!(state, RunState::Judged { attempts: 2, verdict: Verdict::Accepted }), "{state:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_the_machine_cannot_reach_costs_no_attempt() {
    let script = vec![Does::Ends, Does::IsUnreachable, Does::IsUnreachable];
    let bench = Bench::start(script, once()).await;
    let id = bench.submit().await;
    let judged = async {
        loop {
            bench.clock.advance(Duration::from_millis(100));
            bench.core.sweep().await.unwrap();
            let state = bench.state(id).await;
            if state.is_final() {
                break state;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let state = tokio::time::timeout(Duration::from_secs(60), judged).await.expect("the run is judged");
    assert!(matches!(state, RunState::Judged { verdict: Verdict::Accepted, .. }), "{state:?}");
    assert_eq!(bench.made.load(Ordering::Relaxed), 1, "the executor is not replaced");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_always_fails_is_abandoned() {
    let bench = Bench::start(vec![Does::Fails { transient: true }], once()).await;
    let id = bench.submit().await;
    assert!(matches!(bench.until(id, RunState::is_final).await, RunState::Abandoned { attempts: 1 }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_executor_is_replaced_and_the_next_run_is_judged() {
    for (breaks, failures) in
        [(Does::Panics, 1), (Does::Fails { transient: false }, 1), (Does::Fails { transient: true }, 3)]
    {
        let bench = Bench::start(vec![breaks; failures], once()).await;
        for _ in 0..failures {
            let id = bench.submit().await;
            assert!(matches!(bench.until(id, RunState::is_final).await, RunState::Abandoned { .. }), "{breaks:?}");
        }
        let id = bench.submit().await;
        assert!(matches!(bench.until(id, RunState::is_final).await, RunState::Judged { .. }), "{breaks:?}");
        assert_eq!(bench.made.load(Ordering::Relaxed), 2, "{breaks:?}");
    }
}

/// Regression: a submission whose step was refused cost the slot its executor at every attempt.
#[tokio::test(flavor = "multi_thread")]
async fn an_executor_that_refuses_a_step_is_not_replaced() {
    let bench = Bench::start(vec![Does::Refuses; 4], once()).await;
    for _ in 0..4 {
        let id = bench.submit().await;
        assert!(matches!(bench.until(id, RunState::is_final).await, RunState::Abandoned { .. }));
    }
    let id = bench.submit().await;
    assert!(matches!(bench.until(id, RunState::is_final).await, RunState::Judged { .. }));
    assert_eq!(bench.made.load(Ordering::Relaxed), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_whose_executor_could_not_be_created_because_of_a_panic_is_not_lost() {
    let bench = Bench::with_factory_panics(1, 1, 0, vec![], once()).await;
    let id = bench.submit().await;
    assert!(matches!(bench.until(id, RunState::is_final).await, RunState::Judged { attempts: 1, .. }));
    assert_eq!(bench.made.load(Ordering::Relaxed), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_slot_keeps_no_run_that_another_slot_can_run() {
    let script = vec![Does::WaitsForStop, Does::Ends, Does::Ends, Does::Ends];
    let bench = Bench::with_slots(2, script, once()).await;
    // Both slots have had short runs, so both lease their next run in advance.
    for _ in 0..3 {
        bench.until(bench.submit().await, RunState::is_final).await;
    }
    let long = bench.submit().await;
    // It is not enough that the run is leased: it must have begun the last step of the script.
    bench.until_left(0).await;
    for _ in 0..5 {
        let id = bench.submit().await;
        let state = bench.until(id, RunState::is_final).await;
        assert!(matches!(state, RunState::Judged { attempts: 1, verdict: Verdict::Accepted }), "{state:?}");
    }
    assert!(!bench.state(long).await.is_final());
    bench.core.cancel(&bench.viewer(), long).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_leased_in_advance_that_no_slot_takes_returns_to_the_queue() {
    let bench = Bench::start(vec![Does::Leaves, Does::Ends], once()).await;
    bench.until(bench.submit().await, RunState::is_final).await;
    let (long, next) = (bench.submit().await, bench.submit().await);
    bench.until(next, |state| matches!(state, RunState::Leased { .. })).await;
    let state = bench.until(next, |state| matches!(state, RunState::Queued { .. })).await;
    assert!(matches!(state, RunState::Queued { lost: 0, .. }), "{state:?}");
    assert!(!bench.state(long).await.is_final());
    assert_eq!(bench.shared.leases().len(), 1, "the lease of the returned run is not renewed");
    bench.leave.store(true, Ordering::Release);
    for id in [long, next] {
        bench.until(id, |state| matches!(state, RunState::Judged { .. })).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_leased_in_advance_is_given_back_when_the_worker_drains() {
    let bench = Bench::start(vec![Does::WaitsForStop, Does::Ends], once()).await;
    bench.until(bench.submit().await, RunState::is_final).await;
    let (long, next) = (bench.submit().await, bench.submit().await);
    bench.until(next, |state| matches!(state, RunState::Leased { .. })).await;
    bench.shutdown.cancel();
    bench.worker.await.unwrap();
    for id in [long, next] {
        let state = bench.core.submission(&AuthenticatedUser::of(bench.owner), id).await.unwrap().unwrap().state;
        assert!(matches!(state, RunState::Queued { lost: 0, .. }), "{state:?}");
    }
    assert!(bench.shared.leases().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_run_stops_and_frees_its_slot() {
    let bench = Bench::start(vec![Does::Ends, Does::WaitsForStop], once()).await;
    let first = bench.submit().await;
    bench.until_left(1).await;
    bench.core.cancel(&bench.viewer(), first).await.unwrap();
    let next = bench.submit().await;
    bench.until(next, |state| matches!(state, RunState::Judged { .. })).await;
    assert!(matches!(bench.state(first).await, RunState::Cancelled { .. }));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_events_of_a_silent_program_are_kept_on_the_bus() {
    let bench = Bench::start(vec![Does::WaitsForStop], once()).await;
    let id = bench.submit().await;
    while !bench.bus.kept.lock().unwrap().contains(&id) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    bench.cancel(id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_outlasts_the_grace_period_is_given_back_without_losing_an_attempt() {
    let bench = Bench::start(vec![Does::WaitsForStop], once()).await;
    let id = bench.submit().await;
    bench.until(id, |state| matches!(state, RunState::Leased { .. })).await;
    bench.shutdown.cancel();
    let Bench { worker, core, owner, .. } = bench;
    worker.await.unwrap();
    let viewer = AuthenticatedUser::of(owner);
    let state = core.submission(&viewer, id).await.unwrap().unwrap().state;
    assert!(matches!(state, RunState::Queued { lost: 0, .. }), "{state:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_is_renewed_while_its_run_is_in_progress() {
    let policy = LeasePolicy { lease: Duration::from_millis(30), attempts_max: 1 };
    let bench = Bench::start(vec![Does::WaitsForStop], policy).await;
    let id = bench.submit().await;
    let RunState::Leased { until: first, .. } = bench.until(id, |state| matches!(state, RunState::Leased { .. })).await
    else {
        unreachable!()
    };
    assert!(first > t0());
    bench.clock.advance(Duration::from_millis(20));
    bench.until(id, |state| matches!(state, RunState::Leased { until, .. } if *until > first)).await;
    bench.core.cancel(&bench.viewer(), id).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_lease_stops_the_run_and_its_result_is_ignored() {
    let policy = LeasePolicy { lease: Duration::from_millis(30), attempts_max: 2 };
    let bench = Bench::start(vec![Does::Ends, Does::WaitsForStop], policy).await;
    let id = bench.submit().await;
    bench.until_left(1).await;
    // Another process notices that the lease has expired, before this worker renews it.
    bench.clock.advance(Duration::from_secs(1));
    while bench.core.sweep().await.unwrap().expired == 0 {
        bench.clock.advance(Duration::from_secs(1));
    }
    let state = bench.until(id, RunState::is_final).await;
    assert!(matches!(state, RunState::Judged { attempts: 2, verdict: Verdict::Accepted }), "{state:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_attempt_that_ends_late_does_not_stop_the_renewal_of_the_next() {
    let policy = LeasePolicy { lease: Duration::from_millis(30), attempts_max: 2 };
    let bench = Bench::with_slots(2, vec![Does::WaitsForStop, Does::StopsLate], policy).await;
    let id = bench.submit().await;
    // It is not enough that the run is leased: the script step is chosen when the run begins.
    bench.until_left(1).await;
    bench.clock.advance(Duration::from_secs(1));
    while bench.core.sweep().await.unwrap().expired == 0 {
        bench.clock.advance(Duration::from_secs(1));
    }
    // The other slot has the run now. Only then does the first attempt end, and its end is recorded completely.
    bench.until_left(0).await;
    bench.leave.store(true, Ordering::Release);
    let other = bench.submit().await;
    bench.until(other, |state| matches!(state, RunState::Judged { .. })).await;
    while !bench.shared.tracker.is_empty() {
        tokio::task::yield_now().await;
    }
    let RunState::Leased { until: before, .. } = bench.state(id).await else { panic!("the second attempt is running") };
    bench.clock.advance(Duration::from_millis(20));
    bench.until(id, |state| matches!(state, RunState::Leased { attempts: 2, until, .. } if *until > before)).await;
    bench.core.cancel(&bench.viewer(), id).await.unwrap();
}

/// Counters of this thread, by name and labels, and the sums of its histograms, in microseconds.
#[derive(Clone, Default)]
struct Counters(Arc<Mutex<HashMap<String, Arc<AtomicU64>>>>);

impl Counters {
    fn count(&self, name: &str) -> u64 {
        self.0.lock().unwrap().get(name).map_or(0, |count| count.load(Ordering::Relaxed))
    }
}

impl metrics::Recorder for Counters {
    fn describe_counter(&self, _: metrics::KeyName, _: Option<metrics::Unit>, _: metrics::SharedString) {}
    fn describe_gauge(&self, _: metrics::KeyName, _: Option<metrics::Unit>, _: metrics::SharedString) {}
    fn describe_histogram(&self, _: metrics::KeyName, _: Option<metrics::Unit>, _: metrics::SharedString) {}

    fn register_counter(&self, key: &metrics::Key, _: &metrics::Metadata<'_>) -> metrics::Counter {
        let labels: String = key.labels().map(|label| format!(" {}", label.value())).collect();
        let mut counters = self.0.lock().unwrap();
        metrics::Counter::from_arc(Arc::clone(counters.entry(format!("{}{labels}", key.name())).or_default()))
    }

    fn register_gauge(&self, _: &metrics::Key, _: &metrics::Metadata<'_>) -> metrics::Gauge {
        metrics::Gauge::noop()
    }

    fn register_histogram(&self, key: &metrics::Key, _: &metrics::Metadata<'_>) -> metrics::Histogram {
        let mut counters = self.0.lock().unwrap();
        let sum = Arc::clone(counters.entry(key.name().to_owned()).or_default());
        metrics::Histogram::from_arc(Arc::new(Micros(sum)))
    }
}

struct Micros(Arc<AtomicU64>);

impl metrics::HistogramFn for Micros {
    fn record(&self, seconds: f64) {
        self.0.fetch_add(Duration::from_secs_f64(seconds).as_micros() as u64, Ordering::Relaxed);
    }
}

// This test has one thread, because the recorder is thread-local. Threads of slots are not recorded.
#[tokio::test]
async fn only_sandbox_failures_are_counted_as_sandbox_failures() {
    let counters = Counters::default();
    let _counting = metrics::set_default_local_recorder(&counters);
    for (does, sandbox, panic) in [(Does::Panics, 0, 1), (Does::Fails { transient: true }, 1, 1)] {
        let bench = Bench::start(vec![does], once()).await;
        let id = bench.submit().await;
        bench.until(id, |state| matches!(state, RunState::Abandoned { .. })).await;
        assert_eq!(counters.count("cupel_sandbox_failures_total"), sandbox, "{does:?}");
        assert_eq!(counters.count("cupel_failed_attempts_total sandbox"), sandbox, "{does:?}");
        assert_eq!(counters.count("cupel_failed_attempts_total panic"), panic, "{does:?}");
    }
}

// This test has one thread, because the recorder is thread-local.
#[tokio::test]
async fn a_refused_result_counts_one_lost_lease() {
    let counters = Counters::default();
    let _counting = metrics::set_default_local_recorder(&counters);
    let bench = Bench::start(vec![Does::Leaves], LeasePolicy::default()).await;
    bench.submit().await;
    bench.until_left(0).await;
    // Another node expires the lease, before this worker renews it.
    let now = bench.core.now();
    assert_eq!(bench.store.expire(jiff::Timestamp::MAX, now, 3, 10).await.unwrap().len(), 1);
    bench.leave.store(true, Ordering::Release);
    let ended = async {
        while !bench.shared.leases().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), ended).await.expect("the attempt ends");
    assert_eq!(counters.count("cupel_leases_lost_total"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_worker_takes_no_run_until_it_is_ordered_to_work() {
    let bench = Bench::start(vec![], once()).await;
    let store = Arc::clone(&bench.store);
    let until_it_says = async |order: Order| {
        while store.workers().await.unwrap().iter().all(|worker| worker.beat.order != order) {
            tokio::task::yield_now().await;
        }
    };
    store.send_order(None, Order::Pause).await.unwrap();
    until_it_says(Order::Pause).await;
    let id = bench.submit().await;
    // The worker reports every 5 ms. If it were not paused, it would take the run within this time.
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(matches!(bench.state(id).await, RunState::Queued { .. }));
    store.send_order(None, Order::Work).await.unwrap();
    assert!(matches!(bench.until(id, RunState::is_final).await, RunState::Judged { .. }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_ordered_to_drain_gives_back_running_attempts_and_ends() {
    let bench = Bench::start(vec![Does::WaitsForStop], once()).await;
    let id = bench.submit().await;
    bench.until(id, |state| matches!(state, RunState::Leased { .. })).await;
    let store = Arc::clone(&bench.store);
    let worker = loop {
        if let [worker] = &store.workers().await.unwrap()[..] {
            break worker.beat.id;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(store.send_order(Some(worker), Order::Drain).await.unwrap(), OrderSent::Sent);
    bench.worker.await.unwrap();
    let state = store.submission(id).await.unwrap().unwrap().state;
    assert!(matches!(state, RunState::Queued { lost: 0, .. }), "{state:?}");
    assert!(store.workers().await.unwrap().is_empty(), "the worker has removed itself");
}
