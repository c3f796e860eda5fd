//! A slot: one executor, and the OS threads that judge with it, one at a time.
//!
//! ```text
//!  Build ─► Ready(tool) ─► Judge(attempt, tool) ─► Done ─► Ready(tool) …
//!    ▲ └ failed: wait, again       │    ▲             │ failed too often, or panicked
//!    │                Yields(tool) ▼    │ Continue    │
//!    │                       another run's turn       │
//!    └────────────────────────────────────────────────┘
//! ```
//!
//! The executor ([`SlotExecutor`]) is passed between threads: only the thread that holds it runs. If a turn has lasted
//! for a [quantum](QUANTUM), the thread passes the executor to the driver between two steps of the attempt and waits
//! until the driver returns it. The driver gives the executor to another run, or returns it at once (`driver.rs`). A
//! waiting run keeps its lease and its partial results. Its waiting time does not count as running time.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use cupel_core::{Assignment, chain};
use cupel_judge::{
    ExecuteError, Executor, Interaction, InteractionResult, JudgeError, JudgeRequest, LiveSource, LiveStdin,
    ProblemError, StdinSource, StepInput, StepKind, StepObserver, StepResult, WarmInput, judge,
};
use cupel_languages::Language;
use cupel_types::{LanguageId, LimitsRequest, Outcome, RunReport, Source, SubmissionKind, UserId, Verdict};
use tokio::runtime::Handle;
use tokio::sync::mpsc::UnboundedSender;

use crate::attempt::{Judged, SlotError, SlotParts};
use crate::attempt_log::AttemptLog;
use crate::compile_turns::{Answer, CompileTurns, Loan};
use crate::interactive::share_of;
use crate::live::LiveFeed;
use crate::problem;
use crate::verifying;

/// Minimum length of a turn. A run keeps its slot for this long, and for at least one step.
pub const QUANTUM: Duration = Duration::from_millis(250);

/// Consecutive failures after which the executor is replaced.
const FAILURES_MAX: u32 = 3;

/// Maximum pause between two attempts to create an executor.
const REBUILD_PAUSE_MAX: Duration = Duration::from_secs(30);

/// How long a live run waits for the executor of another slot to be compiled with.
const LOAN_WAIT_MAX: Duration = Duration::from_secs(30);

/// How often a live run that waits checks whether it should end.
const LOAN_WAIT_STEP: Duration = Duration::from_millis(100);

/// Pause of a slot after this machine could not judge a run, so that other workers can take the run.
const MACHINE_PAUSE: Duration = Duration::from_secs(2);

/// A slot's executor, with its number of consecutive failures.
pub(crate) struct SlotExecutor {
    executor: Box<dyn Executor>,
    failures: u32,
}

impl SlotExecutor {
    /// Counts a failure of this executor, or ends the count.
    fn count(&mut self, result: &Result<StepResult, ExecuteError>) {
        self.failures = match result {
            Ok(_) => 0,
            // Another executor would fail in the same way.
            Err(error) if error.is_of_this_machine() || error.is_of_the_step() => self.failures,
            Err(error) if error.transient => self.failures + 1,
            Err(_) => FAILURES_MAX,
        };
    }
}

/// A job for a thread of a slot.
pub(crate) enum Job {
    /// Create an executor.
    Build,
    /// Judge an attempt.
    Judge(Arc<Assignment>, SlotExecutor),
    /// Continue the waiting attempt.
    Continue(SlotExecutor),
}

/// A message from a thread of a slot. At most one of each kind is in transit, so the number of messages in the channel
/// is bounded.
pub(crate) enum SlotMessage {
    /// The thread has no attempt, and returns the executor.
    Ready(SlotExecutor),
    /// Other runs may have a turn; the attempt continues later.
    Yields(SlotExecutor),
    /// The attempt has ended. It has waited this long for an executor of another slot.
    Done(Box<Result<Judged, SlotError>>, Duration),
    /// The thread has ended.
    Gone,
}

/// Runs the jobs of a slot's thread until the channel closes. If `borrows`, programs are compiled with executors that
/// other slots lend (`compile_turns.rs`).
pub(crate) fn run(
    number: usize,
    parts: &SlotParts,
    borrows: bool,
    runtime: &Handle,
    jobs: Receiver<Job>,
    messages: UnboundedSender<SlotMessage>,
) {
    let mut hand = TurnTaker {
        jobs,
        messages,
        tool: None,
        quantum: parts.quantum,
        since: Instant::now(),
        has_stepped: false,
        is_announced: false,
        waited: Arc::default(),
        lenders: None,
        compiler: Compiler::NotChosen,
        has_loan_failed: false,
        waited_for_loan: Duration::ZERO,
    };
    while let Ok(job) = hand.jobs.recv() {
        match job {
            Job::Build => hand.tool = build(number, parts, &hand.messages),
            Job::Judge(assignment, tool) => {
                hand.take_up(tool);
                let share = share_of(&assignment);
                hand.lenders = borrows.then_some(Lenders { turns: &parts.compile_turns, runtime, share });
                if !hand.judge(number, parts, runtime, &assignment) {
                    return;
                }
            }
            // No attempt of this thread waits for the executor, so the thread returns it.
            Job::Continue(tool) => hand.tool = Some(tool),
        }
        let Some(tool) = hand.tool.take() else { return };
        if hand.messages.send(SlotMessage::Ready(tool)).is_err() {
            return;
        }
    }
}

/// A thread's handle to the shared executor. The judge uses it as its executor.
struct TurnTaker<'a> {
    jobs: Receiver<Job>,
    messages: UnboundedSender<SlotMessage>,
    /// The executor; present during this thread's turn.
    tool: Option<SlotExecutor>,
    /// Minimum length of a turn.
    quantum: Duration,
    /// When this turn began.
    since: Instant,
    /// Whether a step has run in this turn. Yielding before the first step would only switch runs without progress.
    has_stepped: bool,
    /// Whether the next step has already waited for its turn and been announced.
    is_announced: bool,
    /// Nanoseconds that the attempt has waited for its turns.
    waited: Arc<AtomicU64>,
    /// The other slots, if they compile this slot's programs.
    lenders: Option<Lenders<'a>>,
    /// The executor that compiles the attempt's program.
    compiler: Compiler,
    /// Whether the last failure was that of an executor of another slot.
    has_loan_failed: bool,
    /// How long the attempt has waited for an executor of another slot.
    waited_for_loan: Duration,
}

/// The executor that compiles an attempt's program.
enum Compiler {
    NotChosen,
    Own,
    Borrowed(Loan),
}

/// What a thread needs to borrow an executor.
struct Lenders<'a> {
    turns: &'a CompileTurns,
    runtime: &'a Handle,
    /// The share of the current attempt's owner.
    share: UserId,
}

impl Lenders<'_> {
    /// Borrows an executor of another slot. `None` if no slot lends one in time, or the attempt should end.
    fn borrow(&self, observer: &mut dyn StepObserver) -> Option<Loan> {
        let mut request = self.turns.request(self.share);
        let until = Instant::now() + LOAN_WAIT_MAX;
        while Instant::now() < until && !self.turns.is_closed() && !observer.cancelled() {
            match self.runtime.block_on(request.answer(LOAN_WAIT_STEP)) {
                Answer::Lent(loan) => return Some(loan),
                Answer::Waits => {}
                Answer::Refused => return None,
            }
        }
        None
    }
}

impl Drop for TurnTaker<'_> {
    fn drop(&mut self) {
        // The receiver may have been dropped already.
        let _ = self.messages.send(SlotMessage::Gone);
    }
}

impl TurnTaker<'_> {
    fn take_up(&mut self, tool: SlotExecutor) {
        self.tool = Some(tool);
        self.since = Instant::now();
        self.has_stepped = false;
    }

    /// Judges an attempt. Returns `false` if the slot's driver has ended.
    fn judge(&mut self, number: usize, parts: &SlotParts, runtime: &Handle, assignment: &Assignment) -> bool {
        self.waited = Arc::default();
        self.is_announced = false;
        (self.compiler, self.has_loan_failed, self.waited_for_loan) = (Compiler::NotChosen, false, Duration::ZERO);
        let waited = Arc::clone(&self.waited);
        let attempt = AssertUnwindSafe(|| judge_one(parts, runtime, assignment, self, &waited));
        let result = catch_unwind(attempt).unwrap_or(Err(SlotError::Panic));
        match &result {
            // The executor is in an unknown state, so it is not given back.
            Err(SlotError::Panic) => self.compiler = Compiler::Own,
            _ => self.end_loan(),
        }
        // The executor is absent if the worker ended while the attempt waited.
        let Some(tool) = &mut self.tool else { return false };
        let is_machines = result.as_ref().is_err_and(SlotError::is_of_this_machine);
        tool.failures = match &result {
            // Another executor would fail in the same way, or has failed.
            _ if is_machines || self.has_loan_failed => tool.failures,
            Err(SlotError::Judge(JudgeError(error)) | SlotError::Problem(ProblemError::Execute(error)))
                if error.is_of_the_step() =>
            {
                tool.failures
            }
            Ok(_)
            | Err(
                SlotError::Language(_)
                | SlotError::Withdrawn(_)
                | SlotError::Package(_)
                | SlotError::PackageFault
                | SlotError::Problem(ProblemError::Package { .. }),
            ) => 0,
            Err(SlotError::Judge(JudgeError(error)) | SlotError::Problem(ProblemError::Execute(error)))
                if error.transient =>
            {
                tool.failures + 1
            }
            // The failure is permanent, or the executor is in an unknown state.
            Err(SlotError::Judge(_) | SlotError::Problem(_) | SlotError::Panic) => FAILURES_MAX,
        };
        let is_broken = tool.failures >= FAILURES_MAX;
        if self.messages.send(SlotMessage::Done(Box::new(result), self.waited_for_loan)).is_err() {
            return false;
        }
        if is_machines {
            // This sleep does not wait for another thread: the machine needs time to recover.
            std::thread::sleep(MACHINE_PAUSE);
        }
        if is_broken {
            tracing::warn!(slot = number, "replacing the executor of slot {number} after repeated failures");
            self.tool = None;
            self.tool = build(number, parts, &self.messages);
        }
        true
    }

    /// Lets other runs have a turn if this turn has lasted long enough.
    fn yield_turn(&mut self) {
        if self.has_stepped
            && self.since.elapsed() >= self.quantum
            && let Some(tool) = self.tool.take()
        {
            self.wait_for_turn(tool);
        }
    }

    /// Returns the slot's own executor for one step. A borrowed one is not needed any more.
    fn executor(&mut self) -> Result<&mut dyn Executor, ExecuteError> {
        self.end_loan();
        if !std::mem::take(&mut self.is_announced) {
            self.yield_turn();
        }
        self.has_stepped = true;
        match &mut self.tool {
            Some(tool) => Ok(tool.executor.as_mut()),
            None => Err(ExecuteError { transient: true, source: "the worker has ended".into() }),
        }
    }

    /// The executor of another slot that compiles the attempt's program. `None` if this slot's does.
    fn loan(&mut self, observer: &mut dyn StepObserver) -> Option<&mut Loan> {
        if let (Compiler::NotChosen, Some(lenders)) = (&self.compiler, &self.lenders) {
            let began = Instant::now();
            let loan = lenders.borrow(observer);
            self.waited_for_loan += self.count_waited(began);
            self.compiler = loan.map_or(Compiler::Own, Compiler::Borrowed);
        }
        match &mut self.compiler {
            Compiler::Borrowed(loan) => Some(loan),
            Compiler::NotChosen | Compiler::Own => None,
        }
    }

    /// Gives a borrowed executor back. After repeated failures, the other slot creates an executor instead.
    fn end_loan(&mut self) {
        if let Compiler::Borrowed(loan) = std::mem::replace(&mut self.compiler, Compiler::Own)
            && loan.executor.failures < FAILURES_MAX
        {
            loan.give_back();
        }
    }

    fn count_waited(&self, began: Instant) -> Duration {
        let waited = began.elapsed();
        self.waited.fetch_add(u64::try_from(waited.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
        waited
    }

    fn wait_for_turn(&mut self, tool: SlotExecutor) {
        let began = Instant::now();
        if self.messages.send(SlotMessage::Yields(tool)).is_err() {
            return;
        }
        if let Ok(Job::Continue(tool) | Job::Judge(_, tool)) = self.jobs.recv() {
            self.take_up(tool);
        }
        self.count_waited(began);
    }
}

impl Executor for TurnTaker<'_> {
    fn await_turn(&mut self) {
        self.yield_turn();
        self.is_announced = true;
    }

    fn execute(&mut self, step: StepInput<'_>, observer: &mut dyn StepObserver) -> Result<StepResult, ExecuteError> {
        if step.kind == StepKind::Compile
            && let Some(loan) = self.loan(observer)
        {
            let result = loan.executor.executor.execute(step, observer);
            loan.executor.count(&result);
            self.has_loan_failed = result.is_err();
            return result;
        }
        self.executor()?.execute(step, observer)
    }

    fn interact(
        &mut self,
        interaction: Interaction<'_>,
        observer: &mut dyn StepObserver,
    ) -> Result<InteractionResult, ExecuteError> {
        self.executor()?.interact(interaction, observer)
    }

    fn compile_warm(&mut self, step: WarmInput<'_>, observer: &mut dyn StepObserver) -> Option<StepResult> {
        match self.loan(observer) {
            Some(loan) => loan.executor.executor.compile_warm(step, observer),
            None => self.executor().ok()?.compile_warm(step, observer),
        }
    }
}

/// Creates an executor, retrying until it succeeds. Returns `None` if the worker ends first.
fn build(number: usize, parts: &SlotParts, messages: &UnboundedSender<SlotMessage>) -> Option<SlotExecutor> {
    let mut pause = Duration::from_millis(250);
    loop {
        // A panic of the factory would end the thread, and the slot with it.
        let built = catch_unwind(AssertUnwindSafe(|| (parts.factory)(number)));
        let error = match built {
            Ok(Ok(executor)) => return Some(SlotExecutor { executor, failures: 0 }),
            Ok(Err(error)) => chain(&error),
            Err(_) => "the creation panicked".to_owned(),
        };
        metrics::counter!("cupel_sandbox_failures_total").increment(1);
        tracing::error!(slot = number, error, "cannot create an executor for slot {number}");
        // This sleep does not wait for another thread: the machine needs time to recover.
        std::thread::sleep(pause);
        pause = (pause * 2).min(REBUILD_PAUSE_MAX);
        if messages.is_closed() {
            return None;
        }
    }
}

/// Why a live run is not tried again after its first attempt was lost.
const INPUT_GONE: &str = "The worker that ran this interactive program failed. Its input cannot be repeated.";

/// Why a live run ends when the only server does.
const SERVER_STOPPED: &str = "The server was shut down, and the input of this interactive program cannot be repeated.";

/// Why a live run ends when its worker does.
const WORKER_STOPPED: &str = "The worker that ran this interactive program was stopped. Its input cannot be repeated.";

/// The report of a live run that Cupel could not continue.
fn failed_live(limits: LimitsRequest, language: &Language, why: String) -> RunReport {
    let version = language.installed_version().unwrap_or_default();
    let mut report = RunReport::bare(Verdict::InternalError, limits.over(language.limits), version);
    report.message = Some(why);
    report
}

/// The report of a live run that was ended because it had no clients: its output and usage remain.
fn detached(mut report: RunReport, why: String) -> RunReport {
    (report.verdict, report.message) = (Verdict::IdleLimit, Some(why));
    if let Some(step) = &mut report.execution {
        step.outcome = Outcome::IdleLimit;
    }
    report
}

/// Why a live run was ended early.
enum Broken {
    /// Input was lost: the output may be wrong.
    Input(String),
    /// It had no clients.
    Detached(String),
    /// Its worker was stopped after the run had consumed input.
    Stopped(&'static str),
}

/// Why a live run was ended early, if it was.
fn broken(feed: &LiveFeed, report: &RunReport, parts: &SlotParts) -> Option<Broken> {
    let is_cancelled = report.verdict == Verdict::Cancelled;
    match feed.failure().why() {
        // Otherwise, the program ended at the same time.
        Some(why) if feed.failure().is_detached() => is_cancelled.then_some(Broken::Detached(why)),
        Some(why) => Some(Broken::Input(why)),
        None if !is_cancelled || !feed.has_consumed() => None,
        None if parts.is_cut_off.load(Ordering::Relaxed) => Some(Broken::Stopped(SERVER_STOPPED)),
        None => parts.ended.load(Ordering::Relaxed).then_some(Broken::Stopped(WORKER_STOPPED)),
    }
}

/// Judges an attempt; `waited` counts the nanoseconds during which other runs had the slot.
fn judge_one(
    parts: &SlotParts,
    runtime: &Handle,
    assignment: &Assignment,
    executor: &mut dyn Executor,
    waited: &AtomicU64,
) -> Result<Judged, SlotError> {
    let (submission, attempt) = (&assignment.leased.submission, assignment.leased.attempt);
    let registry = parts.core.registry();
    // The run may have waited in this worker since it was leased.
    let is_missing = |id: &LanguageId| registry.get(id).is_none_or(|language| language.availability.reason().is_some());
    if let Some(withdrawn) = assignment.leased.needs.iter().find(|id| is_missing(id)) {
        return Err(SlotError::Withdrawn(withdrawn.clone()));
    }
    let language = |source: &Source| {
        let found = registry.get(&source.language).filter(|language| language.is_available());
        found.ok_or_else(|| SlotError::Language(source.language.clone()))
    };
    let time_max = match &submission.kind {
        // The judge itself ends the executions in time, with a verdict.
        SubmissionKind::Program(_) => Duration::MAX,
        SubmissionKind::Problem(_) | SubmissionKind::Verify(_) => parts.judging_time_max,
    };
    let mut log = AttemptLog::begin(&parts.core, assignment, &parts.ended, time_max, waited);
    let mut report = match &submission.kind {
        SubmissionKind::Program(program) => {
            let language = language(&program.source)?;
            if program.live.is_some() && assignment.leased.lost > 0 {
                let report = failed_live(submission.limits, language, INPUT_GONE.to_owned());
                return Ok(Judged { report, events: log.finish() });
            }
            let open = |has_terminal| {
                LiveFeed::open(&parts.core, runtime, submission.id, attempt, has_terminal, parts.detached_timeout)
            };
            let feed = program.live.map(|live| (live, open(live.terminal.is_some())));
            let stdin = feed.as_ref().map(|(live, feed)| {
                log.follow_input(feed, &parts.is_cut_off);
                let source = Arc::clone(feed) as Arc<dyn LiveSource>;
                StdinSource::Live(LiveStdin { source, terminal: live.terminal })
            });
            let request = JudgeRequest {
                owner: submission.owner,
                program,
                limits: submission.limits,
                language,
                stdin,
                output_kept_max: parts.core.bounds().output_kept_of(submission.owner),
                time_max: parts.run_time_max,
            };
            let report = judge(&request, executor, parts.cache.as_ref(), &mut log)?;
            let Some((_, feed)) = feed else { return Ok(Judged { report, events: log.finish() }) };
            match broken(&feed, &report, parts) {
                Some(Broken::Detached(why)) => detached(report, why),
                Some(Broken::Input(why)) => failed_live(submission.limits, language, why),
                // The output so far remains.
                Some(Broken::Stopped(why)) => {
                    RunReport { verdict: Verdict::InternalError, message: Some(why.to_owned()), ..report }
                }
                None => report,
            }
        }
        SubmissionKind::Problem(solution) => {
            let language = language(&solution.source)?;
            problem::judge_solution(parts, assignment, solution, language, &registry, executor, &mut log)?
        }
        SubmissionKind::Verify(version) => {
            verifying::verify_version(parts, assignment, version, &registry, executor, &mut log)?
        }
    };
    if log.is_overdue() && report.verdict == Verdict::Cancelled {
        problem::overdue(&mut report, time_max);
        return Ok(Judged { report, events: log.finish() });
    }
    // A faulty package fails again, so a second attempt shows whether this machine was the cause.
    let may_try_again = assignment.leased.lost == 0 && parts.core.policy().attempts_max > 1;
    if report.grading.is_some() && report.verdict == Verdict::InternalError && may_try_again {
        return Err(SlotError::PackageFault);
    }
    Ok(Judged { report, events: log.finish() })
}
