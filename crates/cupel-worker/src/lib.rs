//! Takes leases, judges, reports: the part of Cupel that runs programs.
//!
//! ```text
//!  core.next_run() ─► driver (async, one per slot) ─► slot thread (owns an Executor) ─► judge
//!                        │ ▲                              │ live events ─► core.emit
//!   heartbeat ─► renew   │ └──────── report ◄─────────────┘
//!                        └► completion (async) ─► core.complete
//! ```
//!
//! *Architecture invariants:* a run is taken only when a slot is free; whatever was taken ends in exactly one
//! of `complete`, `give_back`, or nothing (when its lease was lost and no write of ours would count); a
//! failure of ours is never a verdict. The worker knows no sandbox: slots are made by an
//! [`ExecutorFactory`] that the binary brings.
#![forbid(unsafe_code)]

mod artifacts;
mod attempt_log;
mod limit_starts;
mod presence;
mod problem;
mod slot;
mod turns;
mod verifying;
mod worker;

pub use artifacts::{ArtifactBounds, Artifacts, ArtifactsError};
pub use slot::{ExecutorFactory, QUANTUM};
pub use worker::{Worker, WorkerParts};
