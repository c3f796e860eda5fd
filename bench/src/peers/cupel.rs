//! Runners for Cupel's sandbox as a library: one cell per run, controlled by this process.
//!
//! *Cold*: the first run of a newly started sandbox, including the creation of its lane. *Pooled*: lanes and cells are
//! ready, as in a server. *Warm*: the program is forked from an initialised interpreter.

use std::sync::Mutex;
use std::time::Duration;

use anyhow::{anyhow, ensure};
use cupel_sandbox::{Command, Sandbox, SandboxConfig, Slot, Warm, WarmTemplate};
use cupel_types::{Bytes, Limits};

use super::Runner;
use super::fixture::{self, Fixture};
use super::workload::{PYTHON_PROGRAM as PYTHON, Workload};
use crate::sandbox::{self, in_cell};

/// First user ids of the bench's sandboxes. Each has its own range, because they exist at the same time.
const UID_BASES: [u32; 3] = [0x7000_0000, 0x7000_4000, 0x7000_8000];

pub(super) const POOLED: &str = "Cupel, pooled";
pub(super) const WARM: &str = "Cupel, warm";

/// Runner that starts a new sandbox for each run.
#[derive(Default)]
pub(super) struct Cold {
    config: SandboxConfig,
}

impl Runner for Cold {
    fn name(&self) -> &'static str {
        "Cupel, cold"
    }

    fn omits(&self) -> &'static str {
        "nothing; the time includes creating the lane, but not starting the launcher"
    }

    fn prepare(&mut self, fixture: &Fixture) -> anyhow::Result<()> {
        self.config = config(fixture, UID_BASES[0]);
        sandbox::start(self.config.clone()).map(drop)
    }

    fn takes(&self, workload: &Workload) -> bool {
        is_one_program(workload)
    }

    fn measures_throughput(&self) -> bool {
        false
    }

    fn run_once(&self, workload: &Workload, _: &Fixture, _: usize) -> anyhow::Result<Duration> {
        let sandbox = sandbox::start(self.config.clone())?;
        in_cell(&mut sandbox.slot(0), &command(workload))
    }
}

/// Runner with one sandbox whose lanes are all created. Programs are executed, or forked from a warm interpreter.
pub(super) struct Ready {
    warm: Option<Warm>,
    slots: Vec<Mutex<Slot>>,
    // Must be dropped after the slots.
    sandbox: Option<Sandbox>,
}

impl Ready {
    /// Executes every program.
    pub(super) fn pooled() -> Ready {
        Ready { warm: None, slots: Vec::new(), sandbox: None }
    }

    /// Forks programs from a warm interpreter; supports only programs for that interpreter.
    pub(super) fn warm() -> Ready {
        Ready { warm: Some(Warm::Python), ..Ready::pooled() }
    }

    /// Checks that programs really start warm. A program that cannot start warm is started cold, which is visible only
    /// in the time.
    fn check_warm(&mut self, fixture: &Fixture) -> anyhow::Result<()> {
        if self.warm.is_none() {
            return Ok(());
        }
        let slot = self.slots[0].get_mut().map_err(|_| anyhow!("a run panicked"))?;
        let script = fixture.programs().join("hello.py").display().to_string();
        let mut best = |warm| {
            let command = Command { warm, ..program(&[PYTHON, &script]) };
            (0..5)
                .map(|_| in_cell(slot, &command))
                .collect::<anyhow::Result<Vec<_>>>()
                .map(|times| times.into_iter().min())
        };
        let (cold, warm) = (best(None)?, best(self.warm)?);
        ensure!(
            warm.zip(cold).is_some_and(|(warm, cold)| warm < cold / 2),
            "programs are started cold instead of warm"
        );
        Ok(())
    }
}

impl Runner for Ready {
    fn name(&self) -> &'static str {
        if self.warm.is_some() { WARM } else { POOLED }
    }

    fn omits(&self) -> &'static str {
        if self.warm.is_some() { "nothing; starting the interpreter is not in the time" } else { "nothing" }
    }

    fn prepare(&mut self, fixture: &Fixture) -> anyhow::Result<()> {
        let mut config = config(fixture, UID_BASES[if self.warm.is_some() { 2 } else { 1 }]);
        let python =
            |kind| WarmTemplate { kind, argv: vec![PYTHON.to_owned(), "main.py".to_owned()], env: environment() };
        config.warm = self.warm.map(python).into_iter().collect();
        let sandbox = sandbox::start(config)?;
        self.slots = sandbox::ready_slots(&sandbox)?.into_iter().map(Mutex::new).collect();
        self.sandbox = Some(sandbox);
        self.check_warm(fixture)
    }

    fn takes(&self, workload: &Workload) -> bool {
        is_one_program(workload) && (self.warm.is_none() || workload.steps[0][0] == PYTHON)
    }

    fn run_once(&self, workload: &Workload, _: &Fixture, worker: usize) -> anyhow::Result<Duration> {
        let mut slot = self.slots[worker % self.slots.len()].lock().map_err(|_| anyhow!("a run panicked"))?;
        in_cell(&mut slot, &Command { warm: self.warm, ..command(workload) })
    }
}

fn is_one_program(workload: &Workload) -> bool {
    workload.source.is_none() && workload.steps.len() == 1
}

fn config(fixture: &Fixture, uid_base: u32) -> SandboxConfig {
    let mounts = fixture::shown().map(ToOwned::to_owned).chain([fixture.programs()]).map(Into::into).collect();
    SandboxConfig { mounts, uid_base, ..SandboxConfig::default() }
}

fn command(workload: &Workload) -> Command {
    program(&workload.steps[0].iter().map(String::as_str).collect::<Vec<_>>())
}

fn program(argv: &[&str]) -> Command {
    let limits = Limits { memory: Bytes::mib(fixture::MEMORY_MB), processes: fixture::PROCESSES, ..Limits::default() };
    Command { limits, env: environment(), ..sandbox::command(argv, vec![]) }
}

fn environment() -> Vec<(String, String)> {
    vec![("PATH".to_owned(), fixture::PATH.to_owned())]
}
