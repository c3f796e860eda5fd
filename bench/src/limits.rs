//! Throughput of output into a slot, and how far programs exceed a limit before they are killed.
//!
//! A program writes alternately into a slot and into a pipe that the bench reads, and the throughputs are compared. An
//! overrun is the difference between a cell's reported
//! usage and the limit that killed it, while all slots run the same program.

use std::io::Read;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use cupel_sandbox::{CellReport, Command, Observer, SandboxConfig, Slot};
use cupel_types::{Bytes, Limits, Outcome};
use serde_json::{Value, json};

use crate::samples::Samples;
use crate::table::Table;
use crate::{programs, sandbox};

/// Amount of measurement.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// Number of streams without a sandbox, and as many in a cell.
    pub(crate) streams: usize,
    /// Number of overruns of each limit, per slot; of limits that take long to reach, a tenth of it.
    pub(crate) overruns: usize,
}

/// Source of a program with several modes. It writes the given number of MiB, or runs until it is killed: it uses the
/// CPU, waits, or uses the CPU and then waits.
const SOURCE: &str = r#"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
static long now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000L + t.tv_nsec / 1000;
}
int main(int argc, char **argv) {
    long began = now_us();
    static char block[256 * 1024];
    memset(block, 'x', sizeof block);
    switch (argv[1][0]) {
    case 'w':
        for (long left = atol(argv[2]) * 4; left > 0; left--)
            for (size_t at = 0; at < sizeof block;) {
                ssize_t n = write(1, block + at, sizeof block - at);
                if (n < 0) return 1;
                at += n;
            }
        return 0;
    case 's': for (;;) __asm__ volatile("");
    case 'b':
        while (clock() < CLOCKS_PER_SEC / 20) __asm__ volatile("");
        dprintf(1, "%ld", now_us() - began);
        for (;;) pause();
    default: for (;;) pause();
    }
}
"#;

/// Size of one stream, in MiB.
const STREAM_MIB: u64 = 2048;
/// The limit of every overrun except the overrun that uses [`LONG_LIMIT`].
const LIMIT: Duration = Duration::from_millis(200);
const LONG_LIMIT: Duration = Duration::from_secs(2);

/// Measures streams and overruns; prints a table for each and returns the figures.
pub(crate) fn measure(plan: Plan) -> anyhow::Result<Value> {
    let folder = sandbox::shown_folder()?;
    programs::compile(folder.path(), "limits", SOURCE, "-static")?;
    let program = folder.path().join("limits").display().to_string();
    let config = SandboxConfig { mounts: vec![folder.path().to_owned().into()], ..SandboxConfig::default() };
    let sandbox = sandbox::start(config)?;
    let mut slots = sandbox::ready_slots(&sandbox)?;
    let stream = stream(&program, &mut slots[0], plan.streams)?;
    let overruns = overruns(&program, &mut slots, plan.overruns)?;
    Ok(json!({ "stream": stream, "overruns": overruns }))
}

fn stream(program: &str, slot: &mut Slot, rounds: usize) -> anyhow::Result<Value> {
    let size = STREAM_MIB.to_string();
    let limits = Limits {
        output: Bytes::mib(STREAM_MIB),
        cpu_time: Duration::from_secs(60),
        wall_time: Duration::from_secs(60),
        ..Limits::default()
    };
    let command = Command { limits, ..sandbox::command(&[program, "write", &size], vec![]) };
    let (mut bare, mut cell) = (Samples::default(), Samples::default());
    for _ in 0..rounds {
        bare.push(bare_stream(program, &size)?);
        let mut counted = Counted(0);
        let started = Instant::now();
        let report = slot.run(&command, &mut counted)?;
        cell.push(started.elapsed());
        let all = report.outcome == Outcome::Exited(0) && counted.0 == STREAM_MIB << 20;
        ensure!(all, "received {} bytes, {:?}", counted.0, report.outcome);
    }
    let rate = |samples: &Samples| (STREAM_MIB << 20) as f64 / samples.percentile(50.0).as_secs_f64() / 1e9;
    let mut table = Table::new("2 GiB of output, GB per second", &["", "p50", "x bare"]);
    table.row(vec!["bare, a pipe of 1 MiB".into(), format!("{:.2}", rate(&bare)), String::new()]);
    let ratio = rate(&cell) / rate(&bare);
    table.row(vec!["cell".into(), format!("{:.2}", rate(&cell)), format!("{ratio:.2}")]);
    println!("{table}");
    Ok(json!({ "bare_gb_per_s": rate(&bare), "cell_gb_per_s": rate(&cell) }))
}

fn bare_stream(program: &str, size: &str) -> anyhow::Result<Duration> {
    let started = Instant::now();
    let mut child = std::process::Command::new(program).args(["write", size]).stdout(Stdio::piped()).spawn()?;
    let mut output = child.stdout.take().context("standard output is not a pipe")?;
    rustix::pipe::fcntl_setpipe_size(&output, 1 << 20).context("enlarging the pipe")?;
    let mut chunk = vec![0; 256 * 1024];
    let mut bytes = 0;
    loop {
        match output.read(&mut chunk)? {
            0 => break,
            n => bytes += n as u64,
        }
    }
    ensure!(child.wait()?.success() && bytes == STREAM_MIB << 20, "received {bytes} bytes");
    Ok(started.elapsed())
}

struct Counted(u64);

impl Observer for Counted {
    fn stdout(&mut self, data: &[u8]) {
        self.0 += data.len() as u64;
    }

    fn stderr(&mut self, _: &[u8]) {}
}

/// A limit, the program that exceeds it, and the usage figure that is compared with the limit.
struct Overrun {
    name: &'static str,
    argument: &'static str,
    limit: Duration,
    set: fn(&mut Limits, Duration),
    outcome: Outcome,
    used: fn(&CellReport, &[u8]) -> Duration,
    /// Divisor of the planned number of runs.
    share: usize,
}

const OVERRUNS: [Overrun; 4] = [
    Overrun {
        name: "CPU time",
        argument: "spin",
        limit: LIMIT,
        set: |limits, limit| limits.cpu_time = limit,
        outcome: Outcome::TimeLimit,
        used: |report, _| report.usage.cpu_time,
        share: 1,
    },
    Overrun {
        name: "wall clock",
        argument: "spin",
        limit: LIMIT,
        set: |limits, limit| limits.wall_time = limit,
        outcome: Outcome::WallLimit,
        used: |report, _| report.usage.wall_time,
        share: 1,
    },
    Overrun {
        name: "idleness",
        argument: "pause",
        limit: LIMIT,
        set: |limits, limit| limits.idle_time = limit,
        outcome: Outcome::IdleLimit,
        used: |report, _| report.usage.wall_time,
        share: 1,
    },
    Overrun {
        name: "idleness after work",
        argument: "busy, then pause",
        limit: LONG_LIMIT,
        set: |limits, limit| limits.idle_time = limit,
        outcome: Outcome::IdleLimit,
        // The program prints how many microseconds it worked before it paused.
        used: |report, output| {
            let worked = std::str::from_utf8(output).ok().and_then(|output| output.parse().ok()).unwrap_or(0);
            report.usage.wall_time.saturating_sub(Duration::from_micros(worked))
        },
        share: 10,
    },
];

fn overruns(program: &str, slots: &mut [Slot], rounds: usize) -> anyhow::Result<Value> {
    let mut table =
        Table::new("All slots busy: milliseconds beyond a limit", &["limit", "ms", "runs", "p50", "p99", "most"]);
    let mut figures = serde_json::Map::new();
    for overrun in &OVERRUNS {
        let mut limits = Limits {
            cpu_time: Duration::from_secs(10),
            wall_time: Duration::from_secs(10),
            idle_time: Duration::from_secs(10),
            ..Limits::default()
        };
        (overrun.set)(&mut limits, overrun.limit);
        let command = Command { limits, ..sandbox::command(&[program, overrun.argument], vec![]) };
        let again = |slot: &mut Slot| -> anyhow::Result<Vec<Duration>> {
            (0..(rounds / overrun.share).max(1))
                .map(|_| {
                    let mut output = Vec::new();
                    let report = slot.run(&command, &mut output)?;
                    ensure!(report.outcome == overrun.outcome, "{}: {:?}", overrun.name, report.outcome);
                    Ok((overrun.used)(&report, &output).saturating_sub(overrun.limit))
                })
                .collect()
        };
        let mut beyond = Samples::default();
        std::thread::scope(|scope| {
            let threads: Vec<_> = slots.iter_mut().map(|slot| scope.spawn(|| again(slot))).collect();
            for thread in threads {
                let times = thread.join().map_err(|_| anyhow::anyhow!("a slot's thread panicked"))??;
                times.into_iter().for_each(|time| beyond.push(time));
            }
            anyhow::Ok(())
        })?;
        let ms = |percent| beyond.percentile(percent).as_secs_f64() * 1e3;
        let [p50, p99, most] = [50.0, 99.0, 100.0].map(ms);
        let cells = [p50, p99, most].map(|ms| format!("{ms:.2}"));
        let limit = overrun.limit.as_millis().to_string();
        table.row([overrun.name.to_owned(), limit, beyond.len().to_string()].into_iter().chain(cells).collect());
        figures.insert(overrun.name.to_owned(), json!({ "p50_ms": p50, "p99_ms": p99, "most_ms": most }));
    }
    println!("{table}");
    Ok(figures.into())
}
