//! Runner for isolate, if it is installed: separate commands create, use and clean up a box. Source: isolate(1). Debian
//! 12 has no package of it. Runs without control groups, because isolate needs its keeper daemon for them.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

use super::Runner;
use super::fixture::{self, Fixture};
use super::workload::Workload;

pub(super) struct Isolate;

impl Runner for Isolate {
    fn name(&self) -> &'static str {
        "isolate"
    }

    fn omits(&self) -> &'static str {
        "no control groups (they need its keeper daemon), so limits are per process; no system call filter; no Landlock"
    }

    fn prepare(&mut self, fixture: &Fixture) -> anyhow::Result<()> {
        fixture::require("isolate", "Debian 12 has no package of it")?;
        fixture::try_once(fixture, |argv, _| {
            fixture::captured(&mut isolate(0, &["--init"])).context("--init")?;
            Ok(run(0, argv, fixture))
        })
    }

    fn takes(&self, _: &Workload) -> bool {
        true
    }

    fn run_once(&self, workload: &Workload, fixture: &Fixture, worker: usize) -> anyhow::Result<Duration> {
        let started = Instant::now();
        let made = fixture::captured(&mut isolate(worker, &["--init"])).context("--init")?;
        let root = Path::new(String::from_utf8_lossy(&made).trim()).join("box");
        if let Some(source) = &workload.source {
            std::fs::write(root.join(source.name), source.text).context("writing the source into the box")?;
        }
        let mut output = Vec::new();
        for argv in &workload.steps {
            output = fixture::captured(&mut run(worker, argv, fixture))?;
        }
        fixture::captured(&mut isolate(worker, &["--cleanup"])).context("--cleanup")?;
        let time = started.elapsed();
        ensure!(output == b"hello\n", "the program did not print `hello`");
        Ok(time)
    }
}

fn isolate(worker: usize, arguments: &[&str]) -> Command {
    let mut command = Command::new("isolate");
    command.arg(format!("--box-id={worker}")).args(arguments);
    command
}

fn run(worker: usize, argv: &[String], fixture: &Fixture) -> Command {
    let mut command = isolate(worker, &["--silent", "--time=30", "--wall-time=60"]);
    command.arg(format!("--processes={}", fixture::PROCESSES)).arg(format!("--env=PATH={}", fixture::PATH));
    command.arg(format!("--dir={}", fixture.programs().display()));
    for path in fixture::shown().filter(|path| path.is_dir() && path.starts_with("/etc")) {
        command.arg(format!("--dir={}", path.display()));
    }
    command.args(["--run", "--"]).args(argv);
    command
}
