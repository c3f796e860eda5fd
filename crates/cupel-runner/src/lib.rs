//! Executors for the judge. A [`Runner`] is a place where programs run; it gives the worker, and the commands that judge
//! without a server, one [`Executor`](cupel_judge::Executor) for each slot.
//!
//! - `native/` runs programs in the sandbox of this machine, with warm interpreters and compile services.
//! - `prepared/` has the prepared artefacts of toolchains. It uses a runner through the trait only.
//!
//! A further place to run programs (an engine for containers, for example) is one more module beside `native/` that
//! implements [`Runner`]; the worker and the binary's wiring stay as they are.
//!
//! *Architecture invariants:* this crate knows no store, no queue and no configuration file, and it is blocking.
//! `runner.rs` and `prepared/` name no type of the sandbox.
#![forbid(unsafe_code)]

pub mod native;
pub mod prepared;
mod runner;

pub use native::{CompilerSharing, NativeRunner};
pub use runner::Runner;
