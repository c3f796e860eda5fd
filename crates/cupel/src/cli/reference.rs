//! `cupel openapi`, `cupel completions`, `cupel man`, `cupel help`: documentation that the binary brings.

use std::path::Path;

use anyhow::Context;
use clap::CommandFactory;

use super::args::Args;
use super::{CommandResult, Exit};

/// The package formats, Cupel's own format, and function problems. All are pages of the repository; parts of them are for developers.
const PACKAGES: &str = include_str!("../../../../docs/packages.md");
const OWN_FORMAT: &str = include_str!("../../../cupel-package/README.md");
const FUNCTIONS: &str = include_str!("../../../cupel-function/README.md");
const OF_DEVELOPERS: &str = "## What is held";
const OF_AUTHORS: &str = "## Cupel's own format";

/// The topic `formats` of `cupel help`.
pub(super) fn formats() {
    let packages = PACKAGES.split(OF_DEVELOPERS).next().unwrap_or_default();
    let own = OWN_FORMAT.split_once(OF_AUTHORS).map(|(_, own)| own).unwrap_or_default();
    anstream::print!("{packages}{OF_AUTHORS}{own}\n## Function problems\n\n{FUNCTIONS}");
}

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
