//! Baseline: starts the same program without a sandbox, reads its output to the end, and waits for it to exit.
//!
//! `std::process::Command` uses `posix_spawn`, which takes within 10 % of the time of vfork + exec and a little less
//! than fork + exec, so overhead is relative to the faster baseline.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

/// Runs `argv` once. Returns the time from before the start until the output is read and the process is reaped.
pub(crate) fn run(argv: &[String]) -> anyhow::Result<Duration> {
    let mut command = Command::new(&argv[0]);
    command.args(&argv[1..]).env_clear().stdin(Stdio::null()).stderr(Stdio::null()).stdout(Stdio::piped());
    let started = Instant::now();
    let output = command.output().with_context(|| format!("starting {}", argv[0]))?;
    let time = started.elapsed();
    ensure!(output.status.success() && output.stdout == b"hello\n", "{} did not print `hello` when run bare", argv[0]);
    Ok(time)
}
