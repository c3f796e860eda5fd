//! The `cupel` command: command line, configuration, and the place where ports meet adapters.
//!
//! Entry points: `cli::args` lists the commands, each command is a file beside it; `compose` builds a
//! server out of store, queue, sandbox, worker and API. The executable is also the sandbox's launcher:
//! started as that, it never gets past the first line of `main`.
#![forbid(unsafe_code)]

// Its macros are used everywhere below.
#[macro_use]
mod terminal;

mod alerts;
mod calibrations;
mod cli;
mod compilers;
mod compose;
mod config;
mod data_dir;
mod executor;
mod first_account;
mod health;
mod local;
mod owner;
mod prepared;
mod room;
mod shipped;
mod telemetry;
mod webhooks;

use std::process::ExitCode;

fn main() -> ExitCode {
    // Before any thread exists: a launcher must be single-threaded, and never returns from here.
    cupel_sandbox::launcher::enter_if_asked();
    cli::main()
}
