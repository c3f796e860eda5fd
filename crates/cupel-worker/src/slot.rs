//! A slot: one OS thread that owns an executor and judges one attempt after another.
//!
//! ```text
//!  build ──► Ready ──► (job) ──► Done ──► Ready …
//!    ▲ └ failed: wait, again        │ failed too often, or panicked
//!    └──────────────────────────────┘
//! ```

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::Receiver;
use std::time::Duration;

use cupel_core::event::Event;
use cupel_core::problems::PackagesError;
use cupel_core::{Assignment, BlobsError, Core, chain};
use cupel_judge::{ArtifactCache, ExecuteError, Executor, JudgeError, JudgeRequest, ProblemError, judge};
use cupel_types::{LanguageId, RunReport, Source, Verdict, Work};
use tokio::sync::mpsc::UnboundedSender;

use crate::attempt_log::AttemptLog;
use crate::problem;
use crate::verifying;

/// Makes the executor of a slot, again when the one before kept failing. Called on the slot's thread; may block.
pub type ExecutorFactory = Arc<dyn Fn(usize) -> Result<Box<dyn Executor>, ExecuteError> + Send + Sync>;

/// Failures in a row after which the executor is made anew.
const FAILURES_MAX: u32 = 3;

/// Pauses between two tries to make an executor grow to this.
const REBUILD_PAUSE_MAX: Duration = Duration::from_secs(30);

/// How long a slot takes nothing after this machine could not judge a run: others may take what it gives back.
const MACHINE_PAUSE: Duration = Duration::from_secs(2);

/// What all slots of a worker share.
pub(crate) struct SlotParts {
    pub(crate) core: Core,
    pub(crate) cache: Arc<dyn ArtifactCache>,
    pub(crate) factory: ExecutorFactory,
    /// How long a solution, or the verification of a package, is judged as a whole.
    pub(crate) judging_time_max: Duration,
    /// Raised when what still runs is to be given back.
    pub(crate) ended: AtomicBool,
}

/// What a slot says. At most one of each is on its way, so the channel is bounded by the protocol.
#[derive(Debug)]
pub(crate) enum Said {
    /// It can take an attempt.
    Ready,
    /// The attempt it was given has ended.
    Done(Box<Result<Judged, SlotError>>),
}

/// A finished attempt.
#[derive(Debug)]
pub(crate) struct Judged {
    pub(crate) report: RunReport,
    pub(crate) events: Vec<Event>,
}

/// Why an attempt has no result. Always our failure.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SlotError {
    #[error(transparent)]
    Judge(#[from] JudgeError),
    #[error("the language {0} is not available on this worker")]
    Language(LanguageId),
    #[error(transparent)]
    Problem(#[from] ProblemError),
    #[error(transparent)]
    Package(#[from] PackagesError),
    #[error("the package seems to be at fault")]
    PackageFault,
    #[error("the judge panicked")]
    Panic,
}

impl SlotError {
    /// Whether it lies with this machine, such as its full disk, or with what it cannot reach at present. Another one can judge the run,
    /// and so can this one later: it has cost the run nothing.
    pub(crate) fn is_of_this_machine(&self) -> bool {
        use BlobsError::{Store, Target};
        let SlotError::Package(error) = self else { return false };
        matches!(error, PackagesError::Directory { .. } | PackagesError::Blobs(Store { .. } | Target(_)))
    }

    /// What failed, as a label of metrics.
    pub(crate) fn cause(&self) -> &'static str {
        match self {
            SlotError::Judge(_) => "sandbox",
            SlotError::Language(_) => "language",
            SlotError::Problem(_) => "sandbox",
            SlotError::Package(_) => "package",
            SlotError::PackageFault => "package_fault",
            SlotError::Panic => "panic",
        }
    }
}

/// Runs a slot until nobody gives it attempts any more.
pub(crate) fn run(number: usize, parts: &SlotParts, jobs: &Receiver<Arc<Assignment>>, said: &UnboundedSender<Said>) {
    while let Some(mut executor) = build(number, parts, said) {
        let mut failures = 0;
        while failures < FAILURES_MAX {
            if said.send(Said::Ready).is_err() {
                return;
            }
            let Ok(assignment) = jobs.recv() else { return };
            let attempt = AssertUnwindSafe(|| judge_one(parts, &assignment, executor.as_mut()));
            let result = catch_unwind(attempt).unwrap_or(Err(SlotError::Panic));
            failures = match &result {
                Ok(_)
                | Err(
                    SlotError::Language(_)
                    | SlotError::Package(_)
                    | SlotError::PackageFault
                    | SlotError::Problem(ProblemError::Package { .. }),
                ) => 0,
                Err(SlotError::Judge(JudgeError(error)) | SlotError::Problem(ProblemError::Execute(error)))
                    if error.transient =>
                {
                    failures + 1
                }
                // Nothing that will heal by itself, or an executor in an unknown state.
                Err(SlotError::Judge(_) | SlotError::Problem(_) | SlotError::Panic) => FAILURES_MAX,
            };
            let is_machines = result.as_ref().is_err_and(SlotError::is_of_this_machine);
            if said.send(Said::Done(Box::new(result))).is_err() {
                return;
            }
            if is_machines {
                // Not a wait for another thread: the machine needs time to recover.
                std::thread::sleep(MACHINE_PAUSE);
            }
        }
        tracing::warn!(slot = number, "slot {number} gets a new executor after repeated failures");
    }
}

/// The executor, sooner or later; `None` when the worker has gone away meanwhile.
fn build(number: usize, parts: &SlotParts, said: &UnboundedSender<Said>) -> Option<Box<dyn Executor>> {
    let mut pause = Duration::from_millis(250);
    loop {
        match (parts.factory)(number) {
            Ok(executor) => return Some(executor),
            Err(error) => {
                metrics::counter!("cupel_sandbox_failures_total").increment(1);
                tracing::error!(slot = number, error = chain(&error), "cannot make an executor for slot {number}");
            }
        }
        // Not a wait for another thread: the machine needs time to recover.
        std::thread::sleep(pause);
        pause = (pause * 2).min(REBUILD_PAUSE_MAX);
        if said.is_closed() {
            return None;
        }
    }
}

fn judge_one(parts: &SlotParts, assignment: &Assignment, executor: &mut dyn Executor) -> Result<Judged, SlotError> {
    let submission = &assignment.leased.submission;
    let registry = parts.core.registry();
    let language = |source: &Source| {
        let found = registry.get(&source.language).filter(|language| language.is_available());
        found.ok_or_else(|| SlotError::Language(source.language.clone()))
    };
    let time_max = match &submission.work {
        // As many tests, each as long, as its sender may ask for.
        Work::Program(_) => Duration::MAX,
        Work::Problem(_) | Work::Verify(_) => parts.judging_time_max,
    };
    let mut log = AttemptLog::begin(&parts.core, assignment, &parts.ended, time_max);
    let mut report = match &submission.work {
        Work::Program(program) => {
            let request = JudgeRequest {
                owner: submission.owner,
                program,
                limits: submission.limits,
                language: language(&program.source)?,
                stdin: None,
                output_kept_max: parts.core.bounds().output_kept_max,
            };
            judge(&request, executor, parts.cache.as_ref(), &mut log)?
        }
        Work::Problem(solution) => {
            let language = language(&solution.source)?;
            problem::judge_solution(parts, assignment, solution, language, &registry, executor, &mut log)?
        }
        Work::Verify(version) => verifying::verify_version(parts, assignment, version, &registry, executor, &mut log)?,
    };
    if log.is_overdue() && report.verdict == Verdict::Cancelled {
        problem::overdue(&mut report, time_max);
        return Ok(Judged { report, events: log.finish() });
    }
    // A package that is at fault is so again: another attempt shows whether it was this machine.
    let may_try_again = assignment.leased.lost == 0 && parts.core.policy().attempts_max > 1;
    if report.grading.is_some() && report.verdict == Verdict::InternalError && may_try_again {
        return Err(SlotError::PackageFault);
    }
    Ok(Judged { report, events: log.finish() })
}
