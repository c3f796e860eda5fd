//! Baseline: starts the program itself, reads its output to the end, and waits for it to exit.
//!
//! `std::process::Command` uses `posix_spawn`, which is within 10 % of vfork + exec and a little faster than fork +
//! exec, so ratios are relative to the faster baseline.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::Runner;
use super::fixture::{self, Fixture};
use super::workload::Workload;

pub(super) const NAME: &str = "bare fork + exec";

pub(super) struct Bare;

impl Runner for Bare {
    fn name(&self) -> &'static str {
        NAME
    }

    fn omits(&self) -> &'static str {
        "everything: no isolation, no limits, no measurement"
    }

    fn prepare(&mut self, _: &Fixture) -> anyhow::Result<()> {
        Ok(())
    }

    fn takes(&self, _: &Workload) -> bool {
        true
    }

    fn run_once(&self, workload: &Workload, fixture: &Fixture, _: usize) -> anyhow::Result<Duration> {
        fixture::run_steps(workload, fixture, |argv, directory| Ok(start(argv, directory)))
    }
}

fn start(argv: &[String], directory: Option<&Path>) -> Command {
    let mut command = Command::new(&argv[0]);
    command.args(&argv[1..]).env_clear().env("PATH", fixture::PATH);
    if let Some(directory) = directory {
        command.current_dir(directory);
    }
    command
}
