//! Runs one untrusted process tree on Linux under limits, and reports exactly what happened.
//!
//! # Theory of operation
//!
//! ```text
//!  your process ──────────── any number of threads, one Slot each; needs no privilege once the launcher runs
//!    │ re-executed at start           │ a socket per lane: requests and pipes go in, usage figures come out
//!    ▼                                ▼
//!  launcher ───────────────► lane's init ─────────► cell's init ─────────► the program
//!  privileged, one thread    own user, pid, mount,  own pid, mount and     another user, no
//!  makes lanes, maps ids,    net, ipc, uts, cgroup  ipc namespaces; fresh  capabilities, filter,
//!  makes control groups      namespaces; read-only  /box, /tmp, /proc;     Landlock, rlimits;
//!                            root; supervises       reaps; cleans up       may fork
//! ```
//!
//! * The **launcher** is the only process that needs privileges: either root's, reduced to six capabilities, or those
//!   of an ordinary user inside a separate user namespace. The launcher is the same executable, started again. It has
//!   one thread and an empty network namespace, and reads fixed-layout messages from one socket; it ends when that
//!   socket closes. The launcher creates lanes and hands out their sockets, but is not involved in runs. Your process
//!   can drop all its privileges once the launcher runs: [`privileges`].
//! * A **lane** is created in advance and serves thousands of runs, one at a time. Creating all namespaces and joining
//!   control groups takes milliseconds. A run inherits the lane's user, net, uts and cgroup namespaces and, with
//!   version 1, its control groups, at no cost.
//! * A **cell** is the environment of one step: fresh pid, mount and ipc namespaces, a fresh tmpfs, a fresh `/proc`.
//!   Everything that the program leaves behind (processes, files, shared memory) disappears with the cell.
//! * The **root** of a lane is the machine's toolchains, or the files of a container image ([`CellRoot::Image`]). The
//!   launcher opens the image's directory by the image's id, beneath a directory that it opened at its start. A slot
//!   keeps the lanes of the images that it used last.
//! * An **interpreter** can be kept warm in an additional process of a lane, the zygote (`process/zygote.rs`, `warm/`).
//!   A program is then a copy of the zygote, forked into the cell. Every wall is applied to the copy, just as to a
//!   process that is about to exec a program.
//! * A **live** program gets input while it runs (`live.rs`). The slot's thread writes it to the program's pipe or
//!   terminal; the cell's init sends signals (`process/live.rs`). The cell's init creates the terminal in the cell and
//!   passes the other end to the slot. While the input is open, the idle limit does not apply, because waiting for a
//!   person is not idleness; the wall-clock limit bounds the wait.
//! * A **service** is a program that stays in a cell, in a lane reserved for it, and answers requests: for example, a
//!   compile service.
//! * The **tenant** is the user whose program runs, and also the unprivileged user id of the program in a cell.
//! * **Who kills whom:** closing the launcher's socket ends the launcher, which ends the lanes. When a lane's init
//!   ends, the kernel kills its pid namespace, including the cell; the same holds for a cell's init. When a program
//!   reaches a limit, the lane's init kills the cell's init. No process can outlive the one above it.
//! * **Usage figures** are read from the control groups after the last process of the cell is gone. *CPU time* is the
//!   CPU time of the program's processes from `exec` to their last instruction, no matter which process waited for
//!   them. The CPU time of the sandbox's init processes in the same group is subtracted. *Memory* is the peak of all
//!   these processes together, minus what the cell held before they started. This figure includes anonymous and shared
//!   memory, files in the box, and kernel memory used on their behalf. Its resolution is up to 256 KiB, because the
//!   kernel charges memory in such steps. Page cache of files on disk is shared by all programs; the part of it that is
//!   present at the end is subtracted. If a program frees memory and then reads large files that no other program has
//!   read, the reported peak is too low: this page cache is subtracted although it did not exist at the peak. The limit
//!   counts the same memory, since the kernel reclaims page cache before it kills.
//! * **Instructions** are counted, if the processor can count them: the launcher opens a counter on a lane's init, and
//!   the programs inherit it (`mechanism/instructions.rs`).
//!
//! *Architecture invariants:* this crate never names a verdict; it has no async runtime; `unsafe` is in
//! `sys/` alone; outside a cell, no path, name or size supplied by an untrusted program is trusted.
//!
//! Ideas taken from: isolate (the keeper and the proxy), go-sandbox (a failing child reports its step), bubblewrap and
//! nsjail (the order in which privileges are dropped).
#![deny(unsafe_code)]

mod bundle;
mod command;
mod config;
pub mod doctor;
pub mod launcher;
mod live;
mod mechanism;
mod pipe;
mod pool;
pub mod privileges;
mod probe;
mod process;
mod raw_terminal;
mod refusal;
mod service;
mod slot;
mod step;
mod sys;
mod warm;
mod wire;

use std::sync::Arc;

use cupel_types::ImageRoot;

use crate::wire::{LaneImage, Scheduling};

pub use command::{CellKind, CellReport, CellRoot, Command, Observer, RunError, Stdin};
pub use config::{CountedEvent, Mount, SandboxConfig, Wall, WallSet};
pub use launcher::{Features, LauncherEnd, StartError};
pub use live::LiveQueue;
pub use mechanism::seccomp::{ENGINE_DEFAULT, EngineRule, engine_rules};
pub use raw_terminal::{RawTerminal, window_size};
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
    /// Starts the launcher and, if [`SandboxConfig::spares`] is set, a background thread that creates spare lanes.
    /// `main` must call [`launcher::enter_if_asked`] before anything else.
    ///
    /// # Errors
    /// If the configuration is invalid, or if this machine lacks something that the sandbox needs; the error says what
    /// to do.
    pub fn start(config: SandboxConfig) -> Result<Sandbox, StartError> {
        Ok(Sandbox::launch(config)?.start())
    }

    /// Starts the launcher alone. This adds no thread to the calling process, so that process can still drop its
    /// privileges ([`privileges::give_up`]).
    ///
    /// # Errors
    /// If the configuration is invalid, or if this machine lacks something that the sandbox needs; the error says what
    /// to do.
    pub fn launch(config: SandboxConfig) -> Result<Launched, StartError> {
        refusal::of_config(&config)?;
        Ok(Launched { launcher: launcher::LauncherClient::start(&config)?, config })
    }

    /// A handle on slot `index`. The background slots ([`SandboxConfig::background_slots`]) have the indices from
    /// [`SandboxConfig::slots`] on. Use only one handle per slot at a time: the programs of two handles would share a
    /// processor.
    pub fn slot(&self, index: usize) -> Slot {
        Slot::new(index % (self.slots() + self.config.background_slots), self.pool.clone(), &self.config)
    }

    /// Creates a lane for this image in every slot but the background slots, in advance, so that the first run need not
    /// wait for it. Does nothing if [`SandboxConfig::spares`] is not set, or in a slot that is already creating as many
    /// spares for other images as it may have.
    pub fn make_ahead(&self, image: &ImageRoot) {
        for slot in 0..self.slots() {
            self.pool.make_spare_for(slot, LaneImage::of(image));
        }
    }

    /// The number of slots, without background slots.
    pub fn slots(&self) -> usize {
        self.config.slots.max(1)
    }

    /// The features of this machine.
    pub fn features(&self) -> &Features {
        self.launcher.features()
    }

    /// A handle to wait for the end of the launcher. A process that dropped its privileges cannot start another
    /// launcher, so after the end of its launcher it can only exit.
    ///
    /// # Errors
    /// If this process cannot open another descriptor.
    pub fn launcher_end(&self) -> std::io::Result<LauncherEnd> {
        self.launcher.ended()
    }

    /// The launcher's process id.
    pub fn launcher_pid(&self) -> u32 {
        self.launcher.pid()
    }
}

/// A running launcher, without lanes and without a background thread.
#[derive(Debug)]
pub struct Launched {
    launcher: launcher::LauncherClient,
    config: SandboxConfig,
}

impl Launched {
    /// The sandbox of this launcher. If [`SandboxConfig::spares`] is set, starts a thread that creates spare lanes.
    pub fn start(self) -> Sandbox {
        let Launched { launcher, config } = self;
        let launcher = Arc::new(launcher);
        let cpus = processors();
        // Offset by the process id, so that commands started in parallel do not all use the same processor.
        let first = std::process::id() as usize;
        let cpu_of = |slot: usize| cpus.get((first + slot) % cpus.len().max(1)).copied();
        let slots = config.slots.max(1);
        let schedulings = (0..slots + config.background_slots)
            .map(|slot| Scheduling { cpu: cpu_of(slot), is_background: slot >= slots })
            .collect();
        let pool = Arc::new(pool::LanePool::new(launcher.clone(), schedulings, config.spares));
        Sandbox { launcher, pool, config }
    }
}

/// The processors that this process may use.
fn processors() -> Vec<u32> {
    match rustix::thread::sched_getaffinity(None) {
        Ok(set) => (0..rustix::thread::CpuSet::MAX_CPU)
            .filter(|cpu| set.is_set(*cpu))
            .filter_map(|cpu| u32::try_from(cpu).ok())
            .collect(),
        Err(_) => Vec::new(),
    }
}
