//! Executors for the judge. A [`Runner`] is a place where programs run. A runner provides one
//! [`Executor`](cupel_judge::Executor) per slot to the worker, and to the commands that judge without a server.
//!
//! - `native/` runs programs in the sandbox of this machine, with warm interpreters and compile services.
//! - `docker/` runs programs in containers of Docker Engine, for languages whose files request it.
//! - `prepared/` manages the prepared artefacts of toolchains, and uses a runner only through the trait.
//!
//! `local.rs` has the only runner: this machine. A step's root determines the place where the step runs, and
//! `executor.rs` alone decides it. A further place for the programs of a new kind of root is a folder beside `native/`
//! and `docker/` with a type that implements `CellFactory` (`cell.rs`); it uses `command.rs`, `output.rs` and
//! `interaction.rs` as these do. A module that runs all programs implements [`Runner`]. The worker does not change;
//! `docs/recipes/add-an-executor.md` lists the rest.
//!
//! *Architecture invariants:* this crate does not use a store, a queue or a configuration file, and its calls block.
//! `runner.rs` and `prepared/` name no type of the sandbox. `native/` and `docker/` do not name each other.
#![forbid(unsafe_code)]

mod cell;
mod command;
pub mod docker;
mod executor;
mod interaction;
mod local;
mod native;
mod output;
pub mod prepared;
mod runner;
mod running;

pub use docker::{Containers, DockerSettings, EngineFinding, Rating};
pub use local::{Directories, Launched, LocalRunner, SlotCounts, launch_examination, run_in_image};
pub use native::CompilerSharing;
pub use runner::Runner;
