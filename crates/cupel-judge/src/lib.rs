//! Judging: compiles once, runs every case, checks the output, and returns a verdict. Plain functions over an
//! [`Executor`].
//!
//! *Architecture invariants:* This crate does not depend on HTTP, SQL, a queue, or the sandbox; `cupel-runner`
//! implements [`Executor`] with the sandbox and with Docker Engine. A failure of the executor is never a verdict.
#![forbid(unsafe_code)]

mod artifacts;
mod cache;
mod compare;
mod compile;
mod executor;
mod failure;
mod files;
mod judge;
mod live;
mod observer;
mod output_budget;
mod prepare;
mod problem;
#[cfg(test)]
mod scripted;

pub use cache::{ArtifactCache, ArtifactKey, NoCache};
pub use compare::{BuiltIn, BuiltInError, CompareResult, Comparer, Difference, Differs};
pub use executor::{
    Collect, ExecuteError, Executor, Interaction, InteractionResult, Party, StdinSource, StepInput, StepKind,
    StepObserver, StepResult, WarmInput,
};
pub use judge::{JudgeError, JudgeRequest, judge};
pub use live::{LiveInput, LiveSignal, LiveSource, LiveStdin, TerminalSize};
pub use observer::{JudgeEvent, JudgeObserver};
pub use prepare::{PrepareError, prepare};
pub use problem::{
    Claim, DerivedTimeLimit, GroupReport, Measured, ProblemCaseReport, ProblemError, ProblemReport, ProblemRequest,
    Subject, VerifiedGroup, VerifiedSubmission, VerifiedTimeLimit, VerifyEvent, VerifyObserver, VerifyReport,
    VerifyRequest, derive_time_limit, judge_problem, judging_programs, language_of_files, must_be_in_time,
    run_with_input, shortened, verify,
};
