//! Runner for nsjail, if it is installed: one process that creates namespaces and mounts and enforces the time limit.
//! Source: nsjail's `--help`. Debian 12 has no package of it. A version with different options fails the trial run and
//! is skipped.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::Runner;
use super::fixture::{self, Fixture};
use super::workload::Workload;

pub(super) struct Nsjail;

impl Runner for Nsjail {
    fn name(&self) -> &'static str {
        "nsjail"
    }

    fn omits(&self) -> &'static str {
        "no control groups and no system call filter (both supported, but not configured); no usage figures"
    }

    fn prepare(&mut self, fixture: &Fixture) -> anyhow::Result<()> {
        fixture::require("nsjail", "Debian 12 has no package of it")?;
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
    let mut command = Command::new("nsjail");
    let user = fixture::USER.to_string();
    command.args(["--mode", "o", "--really_quiet", "--user", &user, "--group", &user, "--time_limit", "30"]);
    command.args(["--rlimit_as", "inf", "--rlimit_fsize", "64", "--rlimit_nproc", &fixture::PROCESSES.to_string()]);
    command.args(["--env", &format!("PATH={}", fixture::PATH), "--tmpfsmount", "/tmp"]);
    for path in fixture::shown() {
        command.arg("--bindmount_ro").arg(path);
    }
    for (link, target) in fixture::LINKS {
        command.args(["--symlink", &format!("{target}:/{link}")]);
    }
    command.arg("--bindmount_ro").arg(fixture.programs());
    if let Some(directory) = directory {
        command.arg("--bindmount").arg(directory).arg("--cwd").arg(directory);
    }
    command.arg("--").args(argv);
    command
}
