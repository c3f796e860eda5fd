//! The status of a submission.

use cupel_core::run::RunState;
use cupel_types::Verdict;
use serde::Serialize;
use utoipa::ToSchema;

/// Status of a submission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Status {
    /// Waits for a worker.
    Queued,
    /// A worker is executing it.
    Running,
    /// Ended with exit code 0 (and, with tests, all answers right): verdict `AC`.
    Completed,
    /// Ended in any other way.
    Failed,
    /// Cancelled before it ended.
    Cancelled,
}

impl Status {
    /// Name, as in JSON.
    pub(crate) const fn as_str(&self) -> &'static str {
        match self {
            Status::Queued => "queued",
            Status::Running => "running",
            Status::Completed => "completed",
            Status::Failed => "failed",
            Status::Cancelled => "cancelled",
        }
    }
}

impl From<&RunState> for Status {
    fn from(state: &RunState) -> Status {
        match state {
            RunState::Queued { .. } => Status::Queued,
            RunState::Leased { .. } => Status::Running,
            RunState::Judged { verdict, .. } => match verdict {
                Verdict::Accepted => Status::Completed,
                Verdict::Cancelled => Status::Cancelled,
                Verdict::PartialScore
                | Verdict::WrongAnswer
                | Verdict::PresentationError
                | Verdict::TimeLimit
                | Verdict::IdleLimit
                | Verdict::MemoryLimit
                | Verdict::OutputLimit
                | Verdict::RuntimeError
                | Verdict::SecurityViolation
                | Verdict::CompileError
                | Verdict::CompileLimit
                | Verdict::Skipped
                | Verdict::InternalError => Status::Failed,
            },
            RunState::Cancelled { .. } => Status::Cancelled,
            RunState::Abandoned { .. } => Status::Failed,
        }
    }
}
