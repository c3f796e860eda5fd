//! The first process of a container that runs one step. `cupel-agent` waits for a step and supervises its program;
//! `cupel-agent program` is the process that becomes the program.

#![forbid(unsafe_code)]

mod files;
mod link;
mod meter;
mod program;
mod supervise;
mod terminals;

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    match arguments.next() {
        Some(word) if word == program::WORD => program::become_program(arguments),
        _ => match supervise::serve() {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                // The worker logs the container's standard error.
                eprintln!("cupel-agent: {error}");
                ExitCode::FAILURE
            }
        },
    }
}
