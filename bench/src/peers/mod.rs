//! Compares Cupel with other sandboxes and container runtimes: the same work in each runner, in turns, in one session.
//!
//! A row is work × runner × situation. The comparison is fair: every run is a new process. The measured time includes
//! capturing and checking the output, reading the exit status, and cleaning up. Work that a runner omits is listed with
//! the runner's figures ([`Runner::omits`]).
//!
//! Runners take turns of a few runs each ([`STRETCH`]), so that other activity on the machine affects all of them. Each
//! round starts on idle processors ([`quiet`](crate::quiet)). A runner that is missing or fails its trial run is
//! skipped, with a line that gives the reason. How to read the figures: bench/README.md.

mod bare;
mod bubblewrap;
mod cupel;
mod docker;
mod fixture;
mod isolate;
mod nsjail;
mod oci;
mod served;
mod targets;
mod workload;

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use serde_json::{Value, json};

use crate::quiet::Quiet;
use crate::samples::Samples;
use crate::table::Table;
use fixture::Fixture;
use workload::Workload;

/// A way of running a program. Dropping the runner cleans up.
trait Runner: Send + Sync {
    /// Display name.
    fn name(&self) -> &'static str;

    /// Work that a cell does and this runner omits.
    fn omits(&self) -> &'static str;

    /// Prepares the resources that all its runs share. If this fails, the runner is skipped, and the error is reported
    /// as the reason.
    fn prepare(&mut self, fixture: &Fixture) -> anyhow::Result<()>;

    /// Whether the runner supports this work.
    fn takes(&self, workload: &Workload) -> bool;

    /// Runs once, checks the output, cleans up, and returns the total time.
    fn run_once(&self, workload: &Workload, fixture: &Fixture, worker: usize) -> anyhow::Result<Duration>;

    /// Whether throughput is measured.
    fn measures_throughput(&self) -> bool {
        true
    }

    /// Number of parallel runs when throughput is measured.
    fn workers(&self) -> usize {
        thread::available_parallelism().map_or(1, usize::from)
    }
}

/// Amount of measurement.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// Maximum number of runs of a runner in one situation.
    pub(crate) runs_max: usize,
    /// Minimum number of runs of a runner in one situation.
    pub(crate) runs_min: usize,
    /// Time for the runs of a runner in one situation; slow work is run less often.
    pub(crate) each: Duration,
    /// Whether to measure and write figures even if the machine is busy.
    pub(crate) force: bool,
    /// Measures only work whose name contains this text.
    pub(crate) only: Option<String>,
}

/// Number of runs in a row before the next runner takes its turn.
const STRETCH: usize = 10;
/// Idleness before each lone run.
const LONE_PAUSE: Duration = Duration::from_millis(30);
/// Number of turns of each runner when throughput is measured.
const BUSY_TURNS: u32 = 4;
/// Maximum time between two checks of whether the machine is idle.
const BURST: Duration = Duration::from_secs(2);

/// Maximum time for the machine to become idle before the first measurement. Preparing headers and warming up compilers
/// takes a minute.
const SETTLE: Duration = Duration::from_secs(300);
const SETTLE_FORCED: Duration = Duration::from_secs(20);

/// The situations in which work is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Situation {
    /// A single run after 30 ms of idle time.
    Lone,
    /// A single worker that runs programs without pauses.
    BackToBack,
    /// All workers, no pause.
    Busy,
}

/// Figures of one work, runner and situation.
struct Row {
    workload: &'static str,
    runner: &'static str,
    situation: Situation,
    samples: Samples,
}

/// Measures everything, prints the tables and returns the figures. Returns an error if the machine was busy.
pub(crate) fn measure(plan: &Plan) -> anyhow::Result<Value> {
    let fixture = Fixture::prepare()?;
    let mut absent = Vec::new();
    let runners = present(&fixture, &mut absent);
    if !Quiet::settle(if plan.force { SETTLE_FORCED } else { SETTLE }) {
        eprintln!("  warning: the machine does not become idle; measuring anyway");
    }
    let mut quiet = Quiet::default();
    let mut rows = Vec::new();
    for workload in workload::all(&fixture) {
        if plan.only.as_ref().is_some_and(|only| !workload.name.contains(only)) {
            continue;
        }
        if let Some(missing) = workload.missing() {
            absent.push(format!("{}: {missing} is missing on this machine", workload.name));
            continue;
        }
        let mut measured = measure_workload(&workload, &runners, &fixture, plan, &mut quiet, &mut absent);
        println!("{}", table(workload.name, &measured));
        rows.append(&mut measured);
    }
    let judged = targets::judge(&rows);
    println!("{}", targets::table(&judged));
    println!("### What each runner leaves out\n");
    for runner in &runners {
        println!("- {}: {}", runner.name(), runner.omits());
    }
    for line in &absent {
        println!("- not measured: {line}");
    }
    println!("- {quiet}");
    quiet.accept(plan.force)?;
    Ok(json!({
        "rows": rows.iter().map(|row| row.to_json(&rows)).collect::<Vec<_>>(),
        "targets": judged.iter().map(targets::Judged::to_json).collect::<Vec<_>>(),
        "not_measured": absent,
        "quiet": quiet.to_json(),
    }))
}

/// The runners that are installed and could be prepared.
fn present(fixture: &Fixture, absent: &mut Vec<String>) -> Vec<Box<dyn Runner>> {
    let all: Vec<Box<dyn Runner>> = vec![
        Box::new(bare::Bare),
        Box::new(cupel::Cold::default()),
        Box::new(cupel::Ready::pooled()),
        Box::new(cupel::Ready::warm()),
        Box::new(served::Served::default()),
        Box::new(bubblewrap::Bubblewrap),
        Box::new(nsjail::Nsjail),
        Box::new(isolate::Isolate),
        Box::new(oci::Oci::new("crun")),
        Box::new(oci::Oci::new("runc")),
        Box::new(docker::Docker::default()),
    ];
    let mut present = Vec::new();
    for mut runner in all {
        match runner.prepare(fixture) {
            Ok(()) => present.push(runner),
            Err(why) => absent.push(format!("{}: {why:#}", runner.name())),
        }
    }
    present
}

/// Measures one work with all runners in all situations.
fn measure_workload(
    workload: &Workload,
    runners: &[Box<dyn Runner>],
    fixture: &Fixture,
    plan: &Plan,
    quiet: &mut Quiet,
    absent: &mut Vec<String>,
) -> Vec<Row> {
    let mut entrants = Vec::new();
    for runner in runners.iter().filter(|runner| runner.takes(workload)) {
        // The trial runs fill the page cache, and their time determines the number of runs.
        let trial = runner
            .run_once(workload, fixture, 0)
            .and_then(|first| Ok(first.min(runner.run_once(workload, fixture, 0)?)));
        match trial {
            Ok(time) => entrants.push((runner.as_ref(), time)),
            Err(why) => absent.push(format!("{}, {}: {why:#}", workload.name, runner.name())),
        }
    }
    let mut rows = Vec::new();
    for situation in [Situation::Lone, Situation::BackToBack, Situation::Busy] {
        let takes_part =
            |(runner, _): &&(&dyn Runner, Duration)| situation != Situation::Busy || runner.measures_throughput();
        let mut measured: Vec<_> =
            entrants.iter().filter(takes_part).map(|(runner, _)| (*runner, Ok(Samples::default()))).collect();
        match situation {
            Situation::Lone => in_turn(workload, &entrants, &mut measured, fixture, plan, LONE_PAUSE, quiet),
            Situation::BackToBack => in_turn(workload, &entrants, &mut measured, fixture, plan, Duration::ZERO, quiet),
            Situation::Busy => busy(workload, &mut measured, fixture, plan, quiet),
        }
        for (runner, samples) in measured {
            match samples {
                Ok(samples) => rows.push(Row { workload: workload.name, runner: runner.name(), situation, samples }),
                Err(why) => absent.push(format!("{}, {}, {situation:?}: {why:#}", workload.name, runner.name())),
            }
        }
    }
    eprintln!("  measured {}", workload.name);
    rows
}

type Measured<'a> = (&'a dyn Runner, anyhow::Result<Samples>);

/// Runs all runners in turns of one stretch each, spread evenly over the rounds.
fn in_turn(
    workload: &Workload,
    entrants: &[(&dyn Runner, Duration)],
    measured: &mut [Measured<'_>],
    fixture: &Fixture,
    plan: &Plan,
    pause: Duration,
    quiet: &mut Quiet,
) {
    let stretch = if pause.is_zero() { STRETCH } else { 1 };
    let rounds = (plan.runs_max / stretch).max(1);
    let mut burst = Instant::now();
    quiet.wait();
    for round in 0..rounds {
        for ((_, time), (runner, samples)) in entrants.iter().zip(measured.iter_mut()) {
            let Ok(kept) = samples else { continue };
            for _ in turns(round, rounds, stretch, runs_of(*time + pause, plan)) {
                // The machine may have become busy since the last check.
                if burst.elapsed() > BURST {
                    quiet.wait();
                    burst = Instant::now();
                }
                thread::sleep(pause);
                match runner.run_once(workload, fixture, 0) {
                    Ok(time) => kept.push(time),
                    Err(why) => {
                        *samples = Err(why);
                        break;
                    }
                }
            }
        }
    }
}

/// Number of runs for work that takes `time`.
fn runs_of(time: Duration, plan: &Plan) -> usize {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small positive number")]
    let fit = (plan.each.as_secs_f64() / time.as_secs_f64().max(1e-6)) as usize;
    fit.clamp(plan.runs_min, plan.runs_max)
}

/// The run indices of this round, if `runs` runs are spread over `rounds` rounds in stretches of `stretch` consecutive
/// runs.
fn turns(round: usize, rounds: usize, stretch: usize, runs: usize) -> std::ops::Range<usize> {
    let stretches = runs.div_ceil(stretch);
    let before = stretches * round / rounds * stretch;
    let after = stretches * (round + 1) / rounds * stretch;
    before.min(runs)..after.min(runs)
}

/// Keeps all workers of each runner busy, one runner after the other, in turns.
fn busy(workload: &Workload, measured: &mut [Measured<'_>], fixture: &Fixture, plan: &Plan, quiet: &mut Quiet) {
    for _ in 0..BUSY_TURNS {
        for (runner, samples) in measured.iter_mut() {
            let Ok(kept) = samples else { continue };
            quiet.wait();
            let started = Instant::now();
            match on_all_workers(*runner, workload, fixture, started + plan.each / BUSY_TURNS) {
                Ok(times) => kept.extend(times, started.elapsed()),
                Err(why) => *samples = Err(why),
            }
        }
    }
}

/// Runs repeatedly until `end`, with one thread per worker; each worker runs at least once.
fn on_all_workers(
    runner: &dyn Runner,
    workload: &Workload,
    fixture: &Fixture,
    end: Instant,
) -> anyhow::Result<Vec<Duration>> {
    let failed = AtomicBool::new(false);
    thread::scope(|scope| {
        let failed = &failed;
        let again = |worker| {
            move || {
                let mut times = Vec::new();
                while times.is_empty() || (Instant::now() < end && !failed.load(Ordering::Relaxed)) {
                    let time = runner.run_once(workload, fixture, worker);
                    failed.fetch_or(time.is_err(), Ordering::Relaxed);
                    times.push(time?);
                }
                anyhow::Ok(times)
            }
        };
        let threads: Vec<_> = (0..runner.workers()).map(|worker| scope.spawn(again(worker))).collect();
        let mut all = Vec::new();
        for thread in threads {
            all.extend(thread.join().map_err(|_| anyhow!("a worker panicked"))??);
        }
        anyhow::Ok(all)
    })
    .with_context(|| format!("keeping {} busy", runner.name()))
}

/// The samples of a work, runner and situation.
fn find<'r>(rows: &'r [Row], workload: &str, runner: &str, situation: Situation) -> Option<&'r Samples> {
    let wanted = |row: &&Row| row.workload == workload && row.runner == runner && row.situation == situation;
    rows.iter().find(wanted).map(|row| &row.samples)
}

fn table(workload: &str, rows: &[Row]) -> Table {
    let header = [
        "runner",
        "lone p50",
        "p99",
        "x bare",
        "p99 x bare",
        "runs",
        "back to back p50",
        "p99",
        "x bare",
        "p99 x bare",
        "runs",
        "per second",
        "x bare",
    ];
    let mut table = Table::new(&format!("{workload}, milliseconds"), &header);
    let mut names: Vec<&str> = Vec::new();
    for row in rows {
        if !names.contains(&row.runner) {
            names.push(row.runner);
        }
    }
    for runner in names {
        let mut cells = vec![runner.to_owned()];
        for situation in [Situation::Lone, Situation::BackToBack] {
            let samples = find(rows, workload, runner, situation);
            let baseline = find(rows, workload, bare::NAME, situation);
            for percent in [50.0, 99.0] {
                cells.push(samples.map_or("–".into(), |s| figure(s.percentile(percent).as_secs_f64() * 1e3)));
            }
            for percent in [50.0, 99.0] {
                cells.push(samples.and_then(|s| Some(s.ratio(baseline?, percent))).map_or("–".into(), figure));
            }
            cells.push(samples.map_or("–".into(), |s| s.len().to_string()));
        }
        let rate = |runner| find(rows, workload, runner, Situation::Busy).and_then(Samples::rate);
        cells.push(rate(runner).map_or("–".into(), figure));
        cells.push(rate(runner).and_then(|r| Some(r / rate(bare::NAME)?)).map_or("–".into(), figure));
        table.row(cells);
    }
    table
}

/// Formats a number with three significant digits.
fn figure(number: f64) -> String {
    match number {
        n if n < 10.0 => format!("{n:.2}"),
        n if n < 100.0 => format!("{n:.1}"),
        n => format!("{n:.0}"),
    }
}

impl Row {
    fn to_json(&self, rows: &[Row]) -> Value {
        let baseline = find(rows, self.workload, bare::NAME, self.situation);
        let ratio = |percent| baseline.map(|bare| self.samples.ratio(bare, percent));
        let mut figures = self.samples.to_json();
        figures["work"] = self.workload.into();
        figures["runner"] = self.runner.into();
        figures["situation"] = self.situation.slug().into();
        figures["p50_x_bare"] = json!(ratio(50.0));
        figures["p99_x_bare"] = json!(ratio(99.0));
        figures
    }
}

impl Situation {
    /// Name in the JSON results.
    fn slug(self) -> &'static str {
        match self {
            Situation::Lone => "lone",
            Situation::BackToBack => "back_to_back",
            Situation::Busy => "busy",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_run_belongs_to_exactly_one_round() {
        for (rounds, stretch, runs) in [(200, 1, 200), (200, 1, 7), (20, 10, 200), (20, 10, 35), (1, 10, 3)] {
            let taken: Vec<usize> = (0..rounds).flat_map(|round| turns(round, rounds, stretch, runs)).collect();
            assert_eq!(taken, (0..runs).collect::<Vec<_>>(), "{rounds} rounds, {stretch} in a row, {runs} runs");
        }
    }

    #[test]
    fn slow_work_is_run_less_often() {
        let plan = Plan { runs_max: 200, runs_min: 5, each: Duration::from_secs(4), force: false, only: None };
        let runs = |ms| runs_of(Duration::from_millis(ms), &plan);
        assert_eq!([runs(1), runs(100), runs(10_000)], [200, 40, 5]);
    }
}
