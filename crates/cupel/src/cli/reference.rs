//! `cupel openapi`, `cupel completions`, `cupel man`: what is generated from the code itself.

use std::path::Path;

use anyhow::Context;
use clap::CommandFactory;

use super::args::Args;
use super::{CommandResult, Exit};

pub(super) fn openapi() -> CommandResult {
    anstream::println!("{}", cupel_api::openapi_json());
    Ok(Exit::Ok)
}

pub(super) fn completions(shell: clap_complete::Shell) -> CommandResult {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "cupel", &mut text);
    anstream::print!("{}", String::from_utf8(text)?);
    Ok(Exit::Ok)
}

pub(super) fn man(out: Option<&Path>) -> CommandResult {
    match out {
        Some(directory) => {
            std::fs::create_dir_all(directory).with_context(|| format!("cannot make {}", directory.display()))?;
            clap_mangen::generate_to(Args::command(), directory)
                .with_context(|| format!("cannot write manual pages into {}", directory.display()))?;
        }
        None => {
            let mut text = Vec::new();
            clap_mangen::Man::new(Args::command()).render(&mut text)?;
            anstream::print!("{}", String::from_utf8(text)?);
        }
    }
    Ok(Exit::Ok)
}
