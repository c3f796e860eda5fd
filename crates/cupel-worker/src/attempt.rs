//! What the attempts of a worker need, and the result of an attempt.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use cupel_core::event::Event;
use cupel_core::problems::PackagesError;
use cupel_core::{BlobsError, Core};
use cupel_judge::{ArtifactCache, ExecuteError, Executor, JudgeError, ProblemError};
use cupel_types::{LanguageId, RunReport};

use crate::compile_turns::CompileTurns;
use crate::limit_starts::LimitStarts;

/// Creates a slot's executor; called again after repeated failures. Runs on the slot's thread and may block.
pub type ExecutorFactory = Arc<dyn Fn(usize) -> Result<Box<dyn Executor>, ExecuteError> + Send + Sync>;

/// State shared by all slots of a worker.
pub(crate) struct SlotParts {
    pub(crate) core: Core,
    pub(crate) cache: Arc<dyn ArtifactCache>,
    pub(crate) factory: ExecutorFactory,
    /// Maximum total execution time of all tests of a stand-alone program.
    pub(crate) run_time_max: Duration,
    /// Time for which a live run continues without clients.
    pub(crate) detached_timeout: Duration,
    /// Maximum time to judge a solution or to verify a package.
    pub(crate) judging_time_max: Duration,
    /// Whether tests of function problems may share a process.
    pub(crate) function_batches: bool,
    /// Minimum length of a turn.
    pub(crate) quantum: Duration,
    /// Packages for which this worker has warned of a different start mode.
    pub(crate) limit_starts: LimitStarts,
    /// The live runs that wait to be compiled.
    pub(crate) compile_turns: CompileTurns,
    /// Set when runs that are still in progress must be returned to the queue.
    pub(crate) ended: AtomicBool,
    /// Set when live runs have lost their clients for good, because the only server shuts down.
    pub(crate) is_cut_off: AtomicBool,
}

/// A finished attempt.
#[derive(Debug)]
pub(crate) struct Judged {
    pub(crate) report: RunReport,
    pub(crate) events: Vec<Event>,
}

/// Why an attempt has no result. Always an internal failure.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SlotError {
    #[error(transparent)]
    Judge(#[from] JudgeError),
    #[error("the language {0} is not available on this worker")]
    Language(LanguageId),
    /// The worker had the language when it leased the run.
    #[error("the language {0} is no longer available on this worker")]
    Withdrawn(LanguageId),
    #[error(transparent)]
    Problem(#[from] ProblemError),
    #[error(transparent)]
    Package(#[from] PackagesError),
    #[error("the package seems to be faulty")]
    PackageFault,
    #[error("the judge panicked")]
    Panic,
}

impl SlotError {
    /// Whether the cause is this machine (such as a full disk) or a service that the machine cannot reach at present.
    /// Another worker, or this one at a later time, can judge the run, so the run does not lose an attempt.
    pub(crate) fn is_of_this_machine(&self) -> bool {
        use BlobsError::{Store, Target};
        match self {
            SlotError::Judge(JudgeError(error)) | SlotError::Problem(ProblemError::Execute(error)) => {
                error.is_of_this_machine()
            }
            SlotError::Package(error) => {
                matches!(error, PackagesError::Directory { .. } | PackagesError::Blobs(Store { .. } | Target(_)))
            }
            SlotError::Language(_)
            | SlotError::Withdrawn(_)
            | SlotError::Problem(_)
            | SlotError::PackageFault
            | SlotError::Panic => false,
        }
    }

    /// The cause, as a metrics label.
    pub(crate) fn cause(&self) -> &'static str {
        match self {
            SlotError::Judge(_) => "sandbox",
            SlotError::Language(_) | SlotError::Withdrawn(_) => "language",
            SlotError::Problem(_) => "sandbox",
            SlotError::Package(_) => "package",
            SlotError::PackageFault => "package_fault",
            SlotError::Panic => "panic",
        }
    }
}
