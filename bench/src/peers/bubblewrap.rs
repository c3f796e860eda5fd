//! Runner for bubblewrap: one process that creates namespaces and mounts, then executes the program. Source: bwrap(1).

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::Runner;
use super::fixture::{self, Fixture};
use super::workload::Workload;

pub(super) struct Bubblewrap;

impl Runner for Bubblewrap {
    fn name(&self) -> &'static str {
        "bubblewrap"
    }

    fn omits(&self) -> &'static str {
        "no control groups, so no limits on memory and processes and no usage figures; no time limits; no system call \
         filter; no Landlock; one user for all runs"
    }

    fn prepare(&mut self, fixture: &Fixture) -> anyhow::Result<()> {
        fixture::require("bwrap", "Debian package bubblewrap")?;
        fixture::try_once(fixture, |argv, directory| Ok(start(argv, directory, fixture)))
    }

    fn takes(&self, _: &Workload) -> bool {
        true
    }

    fn run_once(&self, workload: &Workload, fixture: &Fixture, _: usize) -> anyhow::Result<Duration> {
        fixture::run_steps(workload, fixture, |argv, directory| Ok(start(argv, directory, fixture)))
    }
}

fn start(argv: &[String], directory: Option<&Path>, fixture: &Fixture) -> Command {
    let mut command = Command::new("bwrap");
    let user = fixture::USER.to_string();
    command.args(["--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL"]);
    command.args(["--uid", &user, "--gid", &user, "--clearenv", "--setenv", "PATH", fixture::PATH]);
    for path in fixture::shown() {
        command.arg("--ro-bind").args([path, path]);
    }
    for (link, target) in fixture::LINKS {
        command.args(["--symlink", target, &format!("/{link}")]);
    }
    command.args(["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"]);
    command.arg("--ro-bind").args([fixture.programs(), fixture.programs()]);
    if let Some(directory) = directory {
        command.arg("--bind").args([directory, directory]).arg("--chdir").arg(directory);
    }
    command.arg("--").args(argv);
    command
}
