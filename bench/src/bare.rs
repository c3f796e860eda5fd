//! The baseline: the same program started, read to its end and waited for, with nothing around it.
//!
//! `std::process::Command` uses `posix_spawn`, which measures within 10 % of vfork + exec and is a little faster
//! than fork + exec: overhead is told against the faster baseline.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

/// Runs `argv` once and gives the time from before its start until it is reaped and its output read.
pub(crate) fn run(argv: &[String]) -> anyhow::Result<Duration> {
    let mut command = Command::new(&argv[0]);
    command.args(&argv[1..]).env_clear().stdin(Stdio::null()).stderr(Stdio::null()).stdout(Stdio::piped());
    let started = Instant::now();
    let output = command.output().with_context(|| format!("starting {}", argv[0]))?;
    let time = started.elapsed();
    ensure!(output.status.success() && output.stdout == b"hello\n", "{} did not say hello bare", argv[0]);
    Ok(time)
}
