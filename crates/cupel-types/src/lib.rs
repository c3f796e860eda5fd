//! Domain types: ids, limits with units, outcomes, verdicts, submissions and reports.
//!
//! *Architecture invariant:* this crate does no I/O, reads no clock, starts no thread and derives no serde. Each
//! boundary (HTTP, tables, messages) has its own DTOs and converts to and from these types.
#![forbid(unsafe_code)]

mod artifact;
mod chain;
mod command;
mod counted;
mod files;
mod grading;
mod hash;
mod ids;
mod image_name;
mod limits;
mod live;
mod named;
mod outcome;
mod report;
mod root;
mod score;
mod submission;
mod units;
mod verdict;
mod verification;

pub use artifact::{
    ARTIFACT_BYTES_MAX, ARTIFACT_PATTERNS_MAX, ARTIFACTS_BYTES_MAX, ARTIFACTS_LISTED_MAX, ARTIFACTS_MAX, Artifact,
    ArtifactContent, Artifacts, FileSearch, FoundFile, FoundFiles, Omission, PathPattern, PathPatternError,
};
pub use chain::chain;
pub use command::{COMMAND_BYTES_MAX, command_bytes};
pub use counted::counted;
pub use files::{BoxFile, BoxFiles, BoxPath, BoxPathError};
pub use grading::{CaseGrade, Feedback, Grading, GroupGrade};
pub use hash::{ContentHash, ContentHashError};
pub use ids::{
    ApiKeyId, ClarificationId, ContestId, JoinCodeId, LanguageId, LanguageIdError, LeaseId, NodeId, ProblemId, RunId,
    SessionId, SubmissionId, TicketId, UserId, WebhookId, WorkerId,
};
pub use image_name::{ImageName, ImageNameError};
pub use limits::{Limits, LimitsRequest};
pub use live::{LiveInput, LiveSignal, TerminalSize};
pub use outcome::{Accuracy, ExitStatus, Outcome, Signal, Start, Usage};
pub use report::{CaseReport, CompileReport, FetchedFile, Output, RunReport, StepReport};
pub use root::{Held, ImageRoot, Root, WeakHeld};
pub use score::{Score, ScoreError};
pub use submission::{
    Cases, FETCH_BYTES_MAX, FETCH_FILES_MAX, FETCH_PATHS_BYTES_MAX, FacadeRequest, Live, PriorityClass, ProblemVersion,
    Program, Solution, Source, Submission, SubmissionKind, TestCase, ToolOptions,
};
pub use units::{Bytes, Instructions};
pub use verdict::Verdict;
pub use verification::{BrokenClaim, Verification, VerifiedGroup, VerifiedSubmission};
