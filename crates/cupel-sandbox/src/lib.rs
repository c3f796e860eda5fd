//! Runs one untrusted process tree on Linux under limits, and says exactly what happened.
//!
//! # Theory of operation
//!
//! ```text
//!  your process ──────────── any number of threads, one Slot each; no privilege once the launcher runs
//!    │ re-executed at start           │ a socket per lane: requests and pipes go in, figures come out
//!    ▼                                ▼
//!  launcher ───────────────► lane's init ─────────► cell's init ─────────► the program
//!  privileged, one thread    own user, pid, mount,  own pid, mount and     another user, no
//!  makes lanes, maps ids,    net, ipc, uts, cgroup  ipc namespaces; fresh  capabilities, filter,
//!  makes control groups      namespaces; read-only  /box, /tmp, /proc;     Landlock, rlimits;
//!                            root; supervises       reaps and sweeps       may fork as it likes
//! ```
//!
//! * The **launcher** is the only process that needs privilege: root's, cut down to six capabilities, or that of an
//!   ordinary user in a user namespace of their own. It is our own executable started again, has one thread and an empty
//!   network namespace, and reads fixed-layout messages from one socket. It ends when that closes. It makes lanes
//!   and hands their sockets out; runs go past it. Your process can give up everything once it runs: [`privileges`].
//! * A **lane** is made ahead of need and serves one run at a time, thousands in all. Making namespaces and
//!   joining control groups costs milliseconds; a run in a lane inherits both for nothing.
//! * A **cell** is what one step gets: fresh pid, mount and ipc namespaces, a fresh tmpfs, a fresh `/proc`.
//!   Whatever the program leaves (processes, files, shared memory) ends with it.
//! * An **interpreter** may be kept warm in a process of a lane's, its zygote (`process/zygote.rs`, `warm/`): a program is then
//!   a copy of that, forked into the cell, and goes through every wall as it would before an exec.
//! * A **service** is a program that stays in a cell and answers requests, in a lane of its own: a warm compiler.
//! * **Who kills whom:** closing the launcher's socket ends the launcher, which ends the lanes; the end of a
//!   lane's init is the end of its pid namespace and so of its cell; the same holds for a cell's init. A
//!   limit kills the cell's init. There is no process that can outlive the one above it.
//! * **Figures** are read from the control groups after the last process of the cell is gone. *CPU time* is what the
//!   program's processes used, whoever waited for them, from `exec` to their last instruction: what our inits used in the
//!   same group is taken off. *Memory* is the highest use of all of them together beyond what the cell held before they
//!   began: anonymous and shared memory, files in the box, and the kernel's own memory on their behalf, in the steps
//!   of up to 256 KiB in which it charges. Page cache of files on disk is everybody's, and taken off as far as it is there
//!   at the end; a program that gives memory back and then is the first to read large files has a peak that is told too
//!   low. The limit counts the same, since the kernel gives page cache back before it kills.
//! * **Instructions** are counted by a counter that a lane's init gets when it is made and its programs inherit
//!   (`mechanism/instructions.rs`), where the processor has one.
//!
//! *Architecture invariants:* this crate never names a verdict; it has no async runtime; `unsafe` is in
//! `sys/` alone; no path, name or size of a tenant's is followed outside a cell.
//!
//! Ideas owed: isolate (the keeper and the proxy), go-sandbox (a failing child tells its step), bubblewrap and
//! nsjail (the order in which to give things up).
#![deny(unsafe_code)]

mod bundle;
mod command;
mod config;
pub mod doctor;
pub mod launcher;
mod mechanism;
mod pool;
pub mod privileges;
mod probe;
mod process;
mod refusal;
mod service;
mod slot;
mod step;
mod sys;
mod warm;
mod wire;

use std::sync::Arc;

pub use command::{CellKind, CellReport, Command, Observer, RunError, Stdin};
pub use config::{CountedEvent, Mount, SandboxConfig, Wall, WallSet};
pub use launcher::{Features, LauncherEnd, StartError};
pub use refusal::Refusal;
pub use service::{RequestLimits, ServiceCell, ServiceCommand, ServiceError};
pub use slot::Slot;
pub use step::SetupStep;
pub use warm::{Warm, WarmTemplate};
pub use wire::CollectLimits;

/// A running launcher with its lanes.
#[derive(Debug)]
pub struct Sandbox {
    launcher: Arc<launcher::LauncherClient>,
    pool: Arc<pool::LanePool>,
    config: SandboxConfig,
}

impl Sandbox {
    /// Starts the launcher. [`launcher::enter_if_asked`] must be the first thing `main` does.
    ///
    /// # Errors
    /// When this machine cannot give what a sandbox needs; the error says what to do.
    pub fn start(config: SandboxConfig) -> Result<Sandbox, StartError> {
        Ok(Sandbox::launch(config)?.start())
    }

    /// Starts the launcher alone: this process has no more threads afterwards than before, and can still give up its
    /// privileges ([`privileges::give_up`]).
    ///
    /// # Errors
    /// When this machine cannot give what a sandbox needs; the error says what to do.
    pub fn launch(config: SandboxConfig) -> Result<Launched, StartError> {
        refusal::of_config(&config)?;
        Ok(Launched { launcher: launcher::LauncherClient::start(&config)?, config })
    }

    /// A handle on slot `index`, below [`SandboxConfig::slots`]. One at a time should be in use: two would
    /// share a processor.
    pub fn slot(&self, index: usize) -> Slot {
        Slot::new(index % self.config.slots.max(1), self.pool.clone(), &self.config)
    }

    /// How many slots there are.
    pub fn slots(&self) -> usize {
        self.config.slots.max(1)
    }

    /// What this machine gives.
    pub fn features(&self) -> &Features {
        self.launcher.features()
    }

    /// The end of the launcher, to be waited for. Whoever gave up the privileges to start another one can only end, too.
    ///
    /// # Errors
    /// When there is no descriptor left.
    pub fn launcher_end(&self) -> std::io::Result<LauncherEnd> {
        self.launcher.ended()
    }

    /// The launcher's process id.
    pub fn launcher_pid(&self) -> u32 {
        self.launcher.pid()
    }
}

/// A launcher that runs; no lane yet, and no thread.
#[derive(Debug)]
pub struct Launched {
    launcher: launcher::LauncherClient,
    config: SandboxConfig,
}

impl Launched {
    /// The sandbox of this launcher. Starts a thread, which makes spare lanes.
    pub fn start(self) -> Sandbox {
        let Launched { launcher, config } = self;
        let launcher = Arc::new(launcher);
        let cpus = processors();
        // Commands that are started beside one another do not all begin with the same one.
        let first = std::process::id() as usize;
        let cpu_of = |slot: usize| cpus.get((first + slot) % cpus.len().max(1)).copied();
        let cpus = (0..config.slots.max(1)).map(cpu_of).collect();
        let pool = Arc::new(pool::LanePool::new(launcher.clone(), cpus, config.warm.len(), config.spares));
        Sandbox { launcher, pool, config }
    }
}

/// The processors this process may use.
fn processors() -> Vec<u32> {
    match rustix::thread::sched_getaffinity(None) {
        Ok(set) => (0..rustix::thread::CpuSet::MAX_CPU)
            .filter(|cpu| set.is_set(*cpu))
            .filter_map(|cpu| u32::try_from(cpu).ok())
            .collect(),
        Err(_) => Vec::new(),
    }
}
