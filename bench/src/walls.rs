//! Cost of each wall of a cell: measures a complete cell and a cell that lacks the wall, in turns.
//!
//! The cost of a wall is the time saved by omitting it. Omitting a wall also omits everything that depends on it, so
//! the costs cannot be added. Measured with static C, back to back (one slot) and busy (all slots).

use std::path::Path;
use std::time::{Duration, Instant};

use cupel_sandbox::{Sandbox, SandboxConfig, Slot, Wall, WallSet};
use serde_json::{Value, json};

use crate::quiet::Quiet;
use crate::samples::Samples;
use crate::table::Table;
use crate::{bare, programs, sandbox};

/// Amount of measurement.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// Number of turns in each situation, for each of the two cells (with and without the wall).
    pub(crate) turns: usize,
    /// Writes the figures even if the machine was busy.
    pub(crate) force: bool,
}

/// Duration of a turn.
const TURN: Duration = Duration::from_millis(250);
/// First user ids of the two sandboxes that exist at the same time.
const UID_BASES: [u32; 2] = [0x7000_0000, 0x7000_4000];

/// Run times without pauses, on one slot and on all slots.
#[derive(Default)]
struct Times {
    row: Samples,
    busy: Samples,
}

/// A sandbox with its lanes created.
struct Cells {
    slots: Vec<Slot>,
    // Must be dropped after the slots.
    _sandbox: Sandbox,
}

/// Measures, for each wall, cells without that wall; prints a table and returns the figures.
pub(crate) fn measure(plan: Plan) -> anyhow::Result<Value> {
    let folder = sandbox::shown_folder()?;
    programs::compile_hello(folder.path(), "hello", "-static")?;
    let hello = [folder.path().join("hello").display().to_string()];
    let command = sandbox::command(&[&hello[0]], vec![]);

    let header = ["without", "back to back p50 ms", "saves", "busy, per second", "x all walls"];
    let mut table = Table::new("C, static: cost of each wall of a cell", &header);
    let mut figures = serde_json::Map::new();
    let mut quiet = Quiet::default();
    let (mut all, mut bare) = (Times::default(), Times::default());
    for &wall in Wall::ALL {
        // Both sandboxes are new, and each of them is measured first equally often. Therefore, neither age nor order
        // affects the result.
        let mut full = Cells::start(folder.path(), WallSet::NONE, UID_BASES[0])?;
        let mut less = Cells::start(folder.path(), WallSet::NONE.with(wall), UID_BASES[1])?;
        let (mut with, mut without) = (Times::default(), Times::default());
        for turn in 0..plan.turns {
            quiet.wait();
            let mut pairs = [(&mut with, &mut full), (&mut without, &mut less)];
            if turn % 2 == 1 {
                pairs.reverse();
            }
            for (times, cells) in pairs {
                times.take(&mut cells.slots, |slot| sandbox::in_cell(slot, &command))?;
            }
        }
        bare.take(&mut full.slots, |_| bare::run(&hello))?;
        let (saves, ratio) = (with.ms() - without.ms(), without.rate() / with.rate());
        let ms = |ms: f64| format!("{ms:.3}");
        let rate = format!("{:.0}", without.rate());
        table.row(vec![wall.to_string(), ms(without.ms()), ms(saves), rate, format!("{ratio:.3}")]);
        figures.insert(wall.to_string(), json!({ "with": with.to_json(), "without": without.to_json() }));
        all.add(with);
    }
    for (what, times) in [("nothing: all walls", all), ("everything: bare", bare)] {
        let (ms, rate) = (format!("{:.3}", times.ms()), format!("{:.0}", times.rate()));
        table.row(vec![what.to_owned(), ms, String::new(), rate, String::new()]);
        figures.insert(what.to_owned(), times.to_json());
    }
    println!("{table}\n{quiet}");
    quiet.accept(plan.force)?;
    figures.insert("quiet".to_owned(), quiet.to_json());
    Ok(figures.into())
}

impl Cells {
    fn start(shown: &Path, walls_off: WallSet, uid_base: u32) -> anyhow::Result<Cells> {
        let config =
            SandboxConfig { mounts: vec![shown.to_owned().into()], walls_off, uid_base, ..SandboxConfig::default() };
        let sandbox = sandbox::start(config)?;
        Ok(Cells { slots: sandbox::ready_slots(&sandbox)?, _sandbox: sandbox })
    }
}

impl Times {
    /// Takes one turn on the first slot, and one on all slots.
    fn take(
        &mut self,
        slots: &mut [Slot],
        run: impl Fn(&mut Slot) -> anyhow::Result<Duration> + Sync,
    ) -> anyhow::Result<()> {
        let every = slots.len();
        for (samples, count) in [(&mut self.row, 1), (&mut self.busy, every)] {
            let started = Instant::now();
            let times = sandbox::on_all(&mut slots[..count], started + TURN, &run)?;
            samples.extend(times, started.elapsed());
        }
        Ok(())
    }

    fn add(&mut self, other: Times) {
        self.row.append(other.row);
        self.busy.append(other.busy);
    }

    /// Median of back-to-back runs, in milliseconds.
    fn ms(&self) -> f64 {
        self.row.percentile(50.0).as_secs_f64() * 1e3
    }

    /// Runs per second when busy.
    fn rate(&self) -> f64 {
        self.busy.rate().unwrap_or_default()
    }

    fn to_json(&self) -> Value {
        json!({ "row": self.row.to_json(), "busy": self.busy.to_json() })
    }
}
