//! `cupel openapi`, `cupel completions`, `cupel man`, `cupel help`: documentation inside the binary.

use std::path::Path;

use anyhow::Context;
use clap::CommandFactory;

use super::args::Args;
use super::{CommandResult, Exit, OrExit};

/// Prints the topic `formats` of `cupel help`.
pub(super) fn formats() {
    out!("{}", cupel_api::package_formats());
}

pub(super) fn openapi() -> CommandResult {
    outln!("{}", cupel_api::openapi_json());
    Ok(Exit::Ok)
}

pub(super) fn completions(shell: clap_complete::Shell) -> CommandResult {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "cupel", &mut text);
    out!("{}", String::from_utf8(text)?);
    Ok(Exit::Ok)
}

pub(super) fn man(out: Option<&Path>) -> CommandResult {
    match out {
        Some(directory) => {
            std::fs::create_dir_all(directory)
                .with_context(|| format!("cannot create {}", directory.display()))
                .or_exit(Exit::Usage)?;
            clap_mangen::generate_to(Args::command(), directory)
                .with_context(|| format!("cannot write manual pages into {}", directory.display()))?;
        }
        None => {
            let mut text = Vec::new();
            clap_mangen::Man::new(Args::command()).render(&mut text)?;
            out!("{}", String::from_utf8(text)?);
        }
    }
    Ok(Exit::Ok)
}
