//! Overhead of a cell over the same bare program, in four situations.
//!
//! *Cold*: the first run of a newly started sandbox. *Lone*: a run after 30 ms of idleness, when processors and kernel
//! are in sleep states. *Back to back*: one slot, no pause. *Busy*: all slots at once, no pause. Bare and sandboxed
//! runs take turns, so that other activity on the machine affects both.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use cupel_sandbox::{CellKind, CellRoot, Command, Sandbox, SandboxConfig, Slot, Stdin};
use cupel_types::{BoxFile, BoxFiles, BoxPath, Bytes, Limits, Outcome};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::samples::Samples;
use crate::table::Table;
use crate::{bare, programs};

/// Amount of measurement.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// Number of sandboxes started.
    pub(crate) cold: usize,
    /// Number of runs after idleness.
    pub(crate) lone: usize,
    /// Number of back-to-back runs on one slot.
    pub(crate) back_to_back: usize,
    /// How long all slots are kept busy, bare and sandboxed runs together.
    pub(crate) busy: Duration,
}

/// Idleness before each lone run.
const LONE_PAUSE: Duration = Duration::from_millis(30);
/// Number of turns of bare and sandboxed runs while all slots are busy.
const BUSY_TURNS: u32 = 10;

/// A program, run bare and in a cell.
struct Program {
    name: &'static str,
    bare: Vec<String>,
    cell: Command,
    /// Divisor of the planned number of runs: a program that takes ten times as long is run a tenth as often.
    share: usize,
}

/// Run times in one situation.
struct Pair {
    situation: &'static str,
    bare: Samples,
    cell: Samples,
}

/// Measures every program in every situation; prints a table for each and returns the figures.
pub(crate) fn measure(plan: Plan) -> anyhow::Result<Value> {
    let folder = shown_folder()?;
    let programs = programs(folder.path())?;
    let config = SandboxConfig { mounts: vec![folder.path().to_owned().into()], ..SandboxConfig::default() };
    let start = || start(config.clone());

    let mut figures = serde_json::Map::new();
    for program in &programs {
        let mut pairs = vec![cold(program, plan.cold, start)?];
        let sandbox = start()?;
        let mut slot = sandbox.slot(0);
        slot.warm_up().context("creating lanes")?;
        for _ in 0..20 / program.share {
            in_cell(&mut slot, &program.cell)?;
        }
        pairs.push(alternating("lone, after 30 ms idle", program, &mut slot, plan.lone / program.share, LONE_PAUSE)?);
        pairs.push(alternating("back to back", program, &mut slot, plan.back_to_back / program.share, Duration::ZERO)?);
        drop(slot);
        pairs.push(busy(program, &sandbox, plan.busy)?);
        println!("{}", table(program, &pairs));
        let situations = pairs.iter().map(|pair| {
            let overhead = pair.overhead_ms(50.0);
            let of_pair =
                json!({"bare": pair.bare.to_json(), "cell": pair.cell.to_json(), "overhead_p50_ms": overhead});
            (pair.situation.to_owned(), of_pair)
        });
        figures.insert(program.name.to_owned(), situations.collect());
    }
    Ok(figures.into())
}

fn programs(folder: &Path) -> anyhow::Result<Vec<Program>> {
    let hello = programs::compile_hello(folder, "hello", "-static")?;
    let dynamic = programs::compile_hello(folder, "hello-dynamic", "-pie")?;
    let script = folder.join("hello.py");
    std::fs::write(&script, programs::HELLO_PYTHON).context("writing hello.py")?;
    let [hello_path, dynamic_path, script_path] =
        ["hello", "hello-dynamic", "hello.py"].map(|name| folder.join(name).display().to_string());
    let python = "/usr/bin/python3".to_owned();
    let mut programs = vec![
        // Only the cost of the cell: no file is copied, and there is no dynamic linking.
        Program {
            name: "C, static, in the root",
            bare: vec![hello_path.clone()],
            cell: command(&[&hello_path], vec![]),
            share: 1,
        },
        // A typical submission: an executable of 16 KB from a compile step.
        Program {
            name: "C, dynamic, copied into the box",
            bare: vec![dynamic_path],
            cell: command(&["./hello"], vec![file("hello", &dynamic, true)?]),
            share: 1,
        },
        // Shows the effect of the size of copied files: 800 KB.
        Program {
            name: "C, static, copied into the box",
            bare: vec![hello_path],
            cell: command(&["./hello"], vec![file("hello", &hello, true)?]),
            share: 1,
        },
    ];
    if Path::new(&python).exists() {
        let source = file("hello.py", programs::HELLO_PYTHON.as_bytes(), false)?;
        programs.push(Program {
            name: "Python",
            bare: vec![python.clone(), script_path],
            cell: command(&[&python, "hello.py"], vec![source]),
            share: 5,
        });
    }
    Ok(programs)
}

/// A directory that can be mounted in cells.
pub(crate) fn shown_folder() -> anyhow::Result<TempDir> {
    // Not below /tmp, because a cell has its own /tmp. Readable by all, because cells run programs as another user.
    let folder =
        tempfile::Builder::new().prefix("cupel-bench-").tempdir_in("/var/tmp").context("creating a directory")?;
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755))
        .context("setting the permissions of the directory")?;
    Ok(folder)
}

pub(crate) fn start(config: SandboxConfig) -> anyhow::Result<Sandbox> {
    Sandbox::start(config).context("starting the sandbox; `cupel doctor` lists what is missing")
}

/// All slots of a sandbox, with their lanes created.
pub(crate) fn ready_slots(sandbox: &Sandbox) -> anyhow::Result<Vec<Slot>> {
    let mut slots: Vec<Slot> = (0..sandbox.slots()).map(|index| sandbox.slot(index)).collect();
    for slot in &mut slots {
        slot.warm_up().context("creating lanes")?;
    }
    Ok(slots)
}

/// A command in a cell with only these files.
pub(crate) fn command(argv: &[&str], files: Vec<BoxFile>) -> Command {
    Command {
        root: CellRoot::System,
        argv: argv.iter().map(|&argument| argument.to_owned()).collect(),
        env: vec![("PATH".to_owned(), "/usr/bin:/bin".to_owned())],
        files: vec![BoxFiles::new(files)],
        counted_files: Bytes::ZERO,
        stdin: Stdin::Bytes([].into()),
        limits: Limits::default(),
        kind: CellKind::Run,
        warm: None,
        stderr_to_stdout: false,
        result: false,
        collect: None,
        outbox: None,
        fetch: Vec::new(),
        find: None,
        watch: false,
    }
}

fn file(name: &str, data: &[u8], executable: bool) -> anyhow::Result<BoxFile> {
    Ok(BoxFile { path: BoxPath::new(name)?, data: data.into(), executable })
}

/// Runs a hello program once in a cell. Returns the time from the request until its output and usage are available.
pub(crate) fn in_cell(slot: &mut Slot, command: &Command) -> anyhow::Result<Duration> {
    // Collects standard output and standard error; the program writes nothing to standard error.
    let mut output = Vec::new();
    let started = Instant::now();
    let report =
        slot.run(command, &mut output).with_context(|| format!("running {} in a cell", command.argv.join(" ")))?;
    let time = started.elapsed();
    let well = report.outcome == Outcome::Exited(0) && output == b"hello\n";
    ensure!(well, "the program did not print `hello`: {:?}, {}", report.outcome, String::from_utf8_lossy(&output));
    Ok(time)
}

fn cold(program: &Program, rounds: usize, start: impl Fn() -> anyhow::Result<Sandbox>) -> anyhow::Result<Pair> {
    let mut pair = Pair::new("cold: first run of a new sandbox");
    for _ in 0..rounds {
        pair.bare.push(bare::run(&program.bare)?);
        let sandbox = start()?;
        pair.cell.push(in_cell(&mut sandbox.slot(0), &program.cell)?);
    }
    Ok(pair)
}

fn alternating(
    situation: &'static str,
    program: &Program,
    slot: &mut Slot,
    rounds: usize,
    pause: Duration,
) -> anyhow::Result<Pair> {
    let mut pair = Pair::new(situation);
    for _ in 0..rounds {
        thread::sleep(pause);
        let bare = bare::run(&program.bare)?;
        thread::sleep(pause);
        let cell = in_cell(slot, &program.cell)?;
        if pause.is_zero() {
            pair.bare.extend([bare], bare);
            pair.cell.extend([cell], cell);
        } else {
            pair.bare.push(bare);
            pair.cell.push(cell);
        }
    }
    Ok(pair)
}

fn busy(program: &Program, sandbox: &Sandbox, lasts: Duration) -> anyhow::Result<Pair> {
    let mut pair = Pair::new("busy: all slots");
    let mut slots = ready_slots(sandbox)?;
    let turn = lasts / BUSY_TURNS / 2;
    for _ in 0..BUSY_TURNS {
        let started = Instant::now();
        let bare = on_all(&mut slots, started + turn, |_| bare::run(&program.bare))?;
        pair.bare.extend(bare, started.elapsed());
        let started = Instant::now();
        let cell = on_all(&mut slots, started + turn, |slot| in_cell(slot, &program.cell))?;
        pair.cell.extend(cell, started.elapsed());
    }
    Ok(pair)
}

/// Runs repeatedly until `end`, with one thread per slot.
pub(crate) fn on_all(
    slots: &mut [Slot],
    end: Instant,
    run: impl Fn(&mut Slot) -> anyhow::Result<Duration> + Sync,
) -> anyhow::Result<Vec<Duration>> {
    let run = &run;
    thread::scope(|scope| {
        let again = |slot| {
            move || {
                let slot: &mut Slot = slot;
                let mut times = Vec::new();
                while Instant::now() < end {
                    times.push(run(slot)?);
                }
                anyhow::Ok(times)
            }
        };
        let threads: Vec<_> = slots.iter_mut().map(|slot| scope.spawn(again(slot))).collect();
        let mut all = Vec::new();
        for thread in threads {
            all.extend(thread.join().map_err(|_| anyhow::anyhow!("a slot's thread panicked"))??);
        }
        Ok(all)
    })
}

fn table(program: &Program, pairs: &[Pair]) -> Table {
    let header = ["situation", "runs", "p50", "p90", "p99", "per second", "x bare", "+ p50"];
    let mut table = Table::new(&format!("{}: bare and in a cell, milliseconds", program.name), &header);
    for pair in pairs {
        for (what, samples) in [("bare", &pair.bare), ("cell", &pair.cell)] {
            let ms = |percent| format!("{:.2}", samples.percentile(percent).as_secs_f64() * 1e3);
            let rate = samples.rate().map_or("".to_owned(), |rate| format!("{rate:.0}"));
            let (ratio, overhead) = match what {
                "bare" => (String::new(), String::new()),
                _ => (format!("{:.2}", pair.ratio(50.0)), format!("{:+.2}", pair.overhead_ms(50.0))),
            };
            let situation = format!("{}, {what}", pair.situation);
            table.row(vec![situation, samples.len().to_string(), ms(50.0), ms(90.0), ms(99.0), rate, ratio, overhead]);
        }
    }
    table
}

impl Pair {
    fn new(situation: &'static str) -> Pair {
        Pair { situation, bare: Samples::default(), cell: Samples::default() }
    }

    fn overhead_ms(&self, percent: f64) -> f64 {
        (self.cell.percentile(percent).as_secs_f64() - self.bare.percentile(percent).as_secs_f64()) * 1e3
    }

    fn ratio(&self, percent: f64) -> f64 {
        self.cell.ratio(&self.bare, percent)
    }
}
