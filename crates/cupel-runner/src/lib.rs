//! Executors for the judge. A [`Runner`] is a place where programs run. A runner provides one
//! [`Executor`](cupel_judge::Executor) per slot to the worker, and to the commands that judge without a server.
//!
//! - `native/` runs programs in the sandbox of this machine, with warm interpreters and compile services.
//! - `docker/` runs programs in containers of Docker Engine, for languages whose files request it.
//! - `prepared/` manages the prepared artefacts of toolchains, and uses a runner only through the trait.
//!
//! A step's root determines where it runs; `native/executor.rs` decides. A module that runs the programs of a new kind
//! of root has a type that implements `Cell` (`cell.rs`). A module that runs all programs implements [`Runner`]. The
//! worker does not change; `docs/recipes/add-an-executor.md` lists the rest.
//!
//! *Architecture invariants:* this crate does not use a store, a queue or a configuration file, and its calls block.
//! `runner.rs` and `prepared/` name no type of the sandbox.
#![forbid(unsafe_code)]

mod cell;
pub mod docker;
pub mod native;
pub mod prepared;
mod runner;

pub use docker::{Containers, DockerSettings, EngineFinding, Rating};
pub use native::{CompilerSharing, Directories, NativeRunner};
pub use runner::Runner;
