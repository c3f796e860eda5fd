//! The `cupel` binary: command line, configuration and composition.
//!
//! Entry points: `cli::args` lists the commands, and each command is a file beside it. `compose` builds a server from
//! store, queue, sandbox, worker and API. The sandbox's launcher is the same executable, started again: the first line
//! of `main` then runs the launcher and never returns.
#![forbid(unsafe_code)]

// Declared first, because the other modules use its macros.
#[macro_use]
mod terminal;

mod alerts;
mod calibrations;
mod cli;
mod compose;
mod config;
mod data_dir;
mod disk_space;
mod first_account;
mod health;
mod images;
mod local;
mod owner;
mod prepared_store;
mod role;
mod shipped;
mod telemetry;
mod webhooks;

use std::process::ExitCode;

/// The version of this build: that of the package and, in a release, the commit (`0.1.0+8da264264ac2`).
const VERSION: &str = env!("BUILD_VERSION");

fn main() -> ExitCode {
    // Called before any thread exists, because a launcher must be single-threaded. In a launcher it does not return.
    cupel_sandbox::launcher::enter_if_asked();
    cli::main()
}
