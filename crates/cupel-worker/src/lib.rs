//! Worker: takes leases on runs, judges them, and reports the results.
//!
//! ```text
//!  core.next_run() ─► driver (async, one per slot) ─► slot thread (owns an Executor) ─► judge
//!                        │ ▲                              │ live events ─► core.emit
//!   heartbeat ─► renew   │ └──────── report ◄─────────────┘
//!                        └► completion (async) ─► core.complete
//! ```
//!
//! # Fairness is by time
//!
//! These rules together bound how long one user's runs delay another's:
//!
//! - Each node orders its waiting hints in a line (`crates/cupel-queue/src/line.rs`, weighted fair queueing), which
//!   charges an owner for the slot time of their runs. Workers report slot time on the event bus (`Notice::Used`), so
//!   that every node's line charges it.
//! - The runs of a slot take turns in using its executor (`slot.rs`). Between two steps, a run whose turn has lasted a
//!   quarter of a second returns the executor to the driver. The driver starts a waiting run of another owner, or
//!   continues one that yielded before (`driver.rs`). A run that yielded keeps its lease, its thread and its results so
//!   far; its time limits do not include the waiting time. A slot has at most four begun runs, including the one that
//!   has its turn.
//! - While other owners' runs wait, a free slot is not given to an owner who already has half of the worker's slots
//!   (`turns.rs`). Only slots whose current turn has lasted more than a quarter of a second count. So, on a worker with
//!   several slots, an owner whose runs have such turns does not get the last slot while another owner's run waits.
//! - A program that requests a wall-clock limit above `worker.long_step` and above its language's default is a long run
//!   (`long.rs`). So are live runs, and verifications of packages, whose programs may take a minute each. All long runs
//!   together may use all slots but one, or the only slot. The next long run waits in the worker for up to five
//!   seconds, then in the store for a second, without losing an attempt. Short runs overtake it.
//! - Live runs use further slots first (`interactive.rs`), of which an owner has at most half. These slots have no
//!   processors of their own, and their time is not charged. The live runs are compiled in turns of the other slots
//!   (`compile_turns.rs`), whose time is charged.
//! - All executions of one program together take at most `worker.run_time_max`. The test that reaches this time is TLE;
//!   the tests after it are SK.
//!
//! A step is never interrupted. In the worst case, runs of other users occupy every slot, and a user waits for one
//! short test of each of those users. On a worker with one slot, the wait may include one long test.
//!
//! While a slot's runs are short, its next run is leased in advance. If the slot then stays busy, the first free slot
//! gets that run; after a second, the run is returned to the queue (`spare.rs`).
//!
//! *Architecture invariants:* A result is written only through `complete`, with the lease under which it was judged. A
//! run begins only if a slot is free. Each taken run ends with exactly one successful call of `complete` or
//! `give_back`, or without a call if its lease was lost (the store would refuse the write). An internal failure is
//! never reported as the program's fault. This crate does not depend on the sandbox: an [`ExecutorFactory`] supplied by
//! the binary creates the executors.
#![forbid(unsafe_code)]

mod artifacts;
mod attempt;
mod attempt_log;
mod compile_turns;
mod driver;
mod ending;
mod interactive;
mod leases;
mod limit_starts;
mod live;
mod long;
mod presence;
mod problem;
mod shared;
mod slot;
mod spare;
mod throughput;
mod turns;
mod verifying;
mod waiting;
mod worker;

pub use artifacts::{ArtifactBounds, Artifacts, ArtifactsError};
pub use attempt::ExecutorFactory;
pub use driver::SHORT_RUN;
pub use slot::QUANTUM;
pub use worker::{Worker, WorkerParts};
