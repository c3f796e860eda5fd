//! Worker: takes leases on runs, judges them, and reports the results.
//!
//! ```text
//!  core.next_run() ─► driver (async, one per slot) ─► slot thread (owns an Executor) ─► judge
//!                        │ ▲                              │ live events ─► core.emit
//!   heartbeat ─► renew   │ └──────── report ◄─────────────┘
//!                        └► completion (async) ─► core.complete
//! ```
//! *Architecture invariants:* A run is taken only if a slot is free. Each taken run ends with exactly one successful
//! call of `complete` or `give_back`, or without a call if its lease was lost (the store would refuse the write). An
//! internal failure is never a verdict. This crate does not depend on the sandbox: an [`ExecutorFactory`] supplied by
//! the binary creates the executors.
#![forbid(unsafe_code)]

mod artifacts;
mod attempt_log;
mod driver;
mod ending;
mod limit_starts;
mod live;
mod long;
mod presence;
mod problem;
mod slot;
mod spare;
mod turns;
mod verifying;
mod worker;

pub use artifacts::{ArtifactBounds, Artifacts, ArtifactsError};
pub use driver::SHORT_RUN;
pub use slot::{ExecutorFactory, QUANTUM};
pub use worker::{Worker, WorkerParts};
