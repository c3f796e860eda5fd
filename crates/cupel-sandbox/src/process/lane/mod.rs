//! A lane's init: pid 1 of the lane's pid namespace, and supervisor of the cells in it, one at a time.
//!
//! The lane's init reads requests from its slot, and passes each request to a cell that it created in advance. It
//! watches the clock and the control group, kills the cell when a limit is reached, and replies with the usage figures.
//! The init uses only what the launcher passed to it: a socket and some files of its control groups.
//!
//! ```text
//!   idle, with a cell waiting ──Run──► cell running ──its init ended──► swept and counted ──Done──► checked
//!     ▲                                   │  ▲ Kill, limit: kill the cell's init, and with it          │
//!     │                                   └──┘ its pid namespace                                       │
//!     └────────────────────────── next cell forked ◄──────────────────────────────────────Ready────────┘
//! ```

mod handshake;
mod runnable;
mod set_up;
mod supervise;
mod warm_up;

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use cupel_types::{Bytes, Instructions, Limits};
use rustix::process::{Pid, Signal, WaitOptions, pidfd_send_signal};
use rustix::time::{ClockId, clock_gettime};

use crate::bundle;
use crate::mechanism::cgroup::{Beside, Known, LaneGroup, LaneGroupFiles, Settled};
use crate::mechanism::instructions::LaneCounter;
use crate::mechanism::landlock::Landlock;
use crate::mechanism::mounts::BoxSize;
use crate::mechanism::namespaces;
use crate::mechanism::oom::OomPreference;
use crate::process::init::{self, CellEnvironment};
use crate::process::zygote::Zygote;
use crate::step::SetupStep;
use crate::sys::process::{
    ChildStack, Forked, close_all_but, exit_now, fork_with, kill_everything_in_this_pid_namespace,
};
use crate::sys::seccomp::Instruction;
use crate::sys::shared::SharedPage;
use crate::wire::{self, CellDone, CellRequest, FromLane, ToLane};
use crate::{Wall, WallSet};

pub(crate) use handshake::{LaneReport, cold_start, expect, send_report};
pub(crate) use set_up::LaneSetup;

/// Main function of a lane's init. Exits when its socket closes.
pub(crate) fn main(mut setup: LaneSetup, socket: OwnedFd, sync: OwnedFd, files: LaneGroupFiles) -> ! {
    let shown = setup.shown.iter().filter_map(|shown| shown.descriptor()).map(|tree| tree.as_raw_fd());
    let executable = setup.executable.as_ref().map(AsRawFd::as_raw_fd);
    let keep = files.descriptors().chain([socket.as_raw_fd(), sync.as_raw_fd()]).chain(shown).chain(executable);
    let keep: Vec<i32> = keep.collect();
    let _ = close_all_but(&keep);
    let result = set_up::set_up(&setup, &sync, files);
    let (warm, executable) = (setup.warm.clone(), setup.executable.take());
    drop(setup);
    match result {
        Ok(mut lane) => {
            if send_report(&sync, LaneReport::Ready, &[]).is_ok() {
                if let Some((template, known)) = warm
                    && let Err(reason) = lane.warm_up(&template, known, sync, executable.as_ref().map(AsFd::as_fd))
                {
                    let _ = wire::send(socket.as_fd(), &FromLane::Cold { reason }, &[]);
                }
                drop(executable);
                let _ = lane.serve(&socket);
            }
            exit_now(0)
        }
        Err((step, error)) => {
            let errno = error.raw_os_error().unwrap_or(libc::EIO);
            let _ = send_report(&sync, LaneReport::Failed { step: step as u32, errno }, &[]);
            exit_now(1)
        }
    }
}
struct Lane {
    walls_off: WallSet,
    /// The tenant's user and group id in this lane.
    tenant: u32,
    /// Number of processors that the lane's programs may use; one if the lane is pinned.
    cpus: u32,
    oom_preference: OomPreference,
    /// The file with the number of sockets in this network namespace.
    sockets: Option<OwnedFd>,
    /// Number of the sandbox's own sockets in this namespace.
    own_sockets: u32,
    /// The part of the system call filter that each program installs. The larger part is inherited.
    filter: Vec<Instruction>,
    /// The same part of the filter, for programs with a terminal.
    filter_with_terminal: Vec<Instruction>,
    landlock: Option<Landlock>,
    shared: SharedPage,
    /// The memory file of `shared`, for a zygote.
    shared_file: OwnedFd,
    group: LaneGroup,
    counter: Option<LaneCounter>,
    /// Size of the next cell's box: the size that the last run had, because the next run probably needs the same size.
    box_size: BoxSize,
    stack: ChildStack,
    buffer: Vec<u8>,
    shutting_down: bool,
    waiting: Option<Cell>,
    zygote: Option<Zygote>,
    /// Difference between the memory charged to a cold and to a warm start of the same program, in bytes.
    warm_memory: u64,
    /// Memory measurement of an empty warm program; all zero until it has run.
    warm_nothing: Known,
    /// Memory that a cold start of a nearly empty program uses, in bytes.
    cold_memory: u64,
    /// Difference between the instructions counted for a cold and for a warm start of the same program.
    warm_instructions: u64,
    /// Instructions that a cold start of a nearly empty program executes; `None` if they are not counted.
    cold_instructions: Option<u64>,
}

/// More than a cold start of an interpreter needs. Python 3.11 of Debian 12 needs 12 MiB of address space, and 6 open
/// files at a time.
const COLD_ADDRESS_SPACE: Bytes = Bytes::mib(64);
const COLD_OPEN_FILES: u32 = 16;

/// A cell whose init waits for a request, or runs one. `requests` is the socket on which the init receives the request.
struct Cell {
    pid: Pid,
    pidfd: OwnedFd,
    requests: OwnedFd,
}

impl Lane {
    fn serve(&mut self, socket: &OwnedFd) -> io::Result<()> {
        while !self.shutting_down {
            // If this fails, the next run tries again and reports the error.
            if self.waiting.is_none() {
                self.waiting = self.make_cell(socket).ok();
            }
            let Some((message, descriptors)) = wire::receive::<ToLane>(socket.as_fd(), &mut self.buffer)? else {
                break;
            };
            match message {
                // This message arrived after the cell had ended.
                ToLane::Kill(_) | ToLane::Signal(_) | ToLane::InputEnded => {}
                ToLane::Run(mut request) => {
                    // With a limit below the interpreter's own usage, a warm program would reach the limit at a
                    // different point than a cold one, so start it cold.
                    request.warm &=
                        request.terminal.is_none() && self.zygote.is_some() && self.can_limit_warm(&request.limits);
                    let (done, cell) = match self.run(&request, descriptors, socket) {
                        Ok((done, cell)) => (done, Some(cell)),
                        Err((step, error)) => {
                            let errno = error.raw_os_error().unwrap_or(libc::EIO);
                            (CellDone { failed_step: step as u32, failed_errno: errno, ..CellDone::default() }, None)
                        }
                    };
                    wire::send(socket.as_fd(), &FromLane::Done(done), &[])?;
                    if let Some(cell) = cell {
                        self.bury(&cell);
                    }
                    // The next cell is a copy of this process, so the request must not stay in memory.
                    request.wipe();
                    let clean = self.is_clean();
                    wire::send(socket.as_fd(), &FromLane::Ready { clean }, &[])?;
                }
            }
        }
        Ok(())
    }

    /// Whether these limits are higher than what an interpreter uses to start.
    fn can_limit_warm(&self, limits: &Limits) -> bool {
        let &Limits {
            instructions,
            memory,
            address_space,
            open_files,
            // The time of the interpreter's start is not charged to a warm program.
            cpu_time: _,
            wall_time: _,
            idle_time: _,
            // `can_replace` in `warm/python.rs` compares it.
            stack: _,
            // An interpreter starts as one process, and writes nothing.
            processes: _,
            file_size: _,
            disk: _,
            inodes: _,
            output: _,
        } = limits;
        memory.get() > self.cold_memory
            && address_space.is_none_or(|limit| limit >= COLD_ADDRESS_SPACE)
            && open_files >= COLD_OPEN_FILES
            && instructions
                .is_none_or(|limit| self.cold_instructions.is_some_and(|cold| limit > Instructions::new(cold)))
    }

    /// Forks a cell that sets itself up and waits.
    fn make_cell(&mut self, socket: &OwnedFd) -> Result<Cell, (SetupStep, io::Error)> {
        let off = self.walls_off;
        self.shared.reset();
        self.group.make_cell_group().map_err(|e| (SetupStep::CgroupLimits, e))?;
        let (requests, theirs) = wire::socket_pair().map_err(|e| (SetupStep::Fork, e))?;
        self.oom_preference.of_cells().map_err(|e| (SetupStep::OomPreference, e))?;
        match fork_with(namespaces::of_cell(off), self.group.birthplace()) {
            Err(error) => {
                self.group.end();
                self.oom_preference.of_the_lane().map_err(|e| (SetupStep::OomPreference, e))?;
                Err((SetupStep::Fork, error))
            }
            Ok(Forked::Child) => {
                drop(requests);
                init::main(CellEnvironment {
                    walls_off: off,
                    tenant: self.tenant,
                    filter: &self.filter,
                    filter_with_terminal: &self.filter_with_terminal,
                    landlock: self.landlock.as_ref(),
                    group: &self.group,
                    shared: &self.shared,
                    box_size: self.box_size,
                    stack: &mut self.stack,
                    requests: theirs,
                    zygote: self.zygote.as_ref(),
                    number: self.group.cells(),
                    warm_memory: self.warm_memory,
                    buffer: &mut self.buffer,
                    socket,
                })
            }
            Ok(Forked::Parent(pid, pidfd)) => {
                self.oom_preference.of_the_lane().map_err(|e| (SetupStep::OomPreference, e))?;
                Ok(Cell { pid, pidfd, requests })
            }
        }
    }

    /// Runs a cell until no process of the tenant is left in it, and returns the figures. The cell's init may still be
    /// exiting: removing a cell takes as long as running a small program, so the caller does not wait for it.
    fn run(
        &mut self,
        request: &CellRequest,
        descriptors: Vec<OwnedFd>,
        socket: &OwnedFd,
    ) -> Result<(CellDone, Cell), (SetupStep, io::Error)> {
        let off = self.walls_off;
        let cell = match self.waiting.take() {
            Some(cell) => cell,
            None => self.make_cell(socket)?,
        };
        let mut limits = request.limits;
        if request.warm {
            limits.memory = Bytes::new(limits.memory.get().saturating_sub(self.warm_memory));
        }
        let beside = Beside { zygote: self.zygote.is_some(), errand: request.warm };
        let ignored = (off.contains(Wall::MemoryLimit), off.contains(Wall::ProcessLimit));
        let given = bundle::given(request, &descriptors);
        if let Err(error) = self.group.begin(&limits, given, beside, ignored) {
            let _ = pidfd_send_signal(&cell.pidfd, Signal::KILL);
            self.bury(&cell);
            return Err((SetupStep::CgroupLimits, error));
        }
        self.box_size = BoxSize::of(&request.limits, given, 0);
        if let Some(counter) = &mut self.counter {
            counter.begin();
        }
        // An error can be ignored: if the setup of the cell failed, the cell's init has stored the cause in the shared
        // page.
        let handed: Vec<_> = descriptors.iter().map(AsFd::as_fd).collect();
        let _ = wire::send(cell.requests.as_fd(), request, &handed);
        drop(handed);
        drop(descriptors);
        let own_cpu = own_cpu_ns();
        let killed_for = self.supervise(request, &cell, socket);
        let own_cpu = own_cpu_ns().saturating_sub(own_cpu);
        let counted = self.group.counted();
        self.group.has_begun_with(self.shared.memory_base.load(Relaxed));
        let done = self.conclude(request, killed_for, own_cpu, counted);
        Ok((done, cell))
    }

    /// Waits until a cell's init has ended, and with it the cell's pid namespace. Then ends every other process left in
    /// the lane.
    fn bury(&mut self, cell: &Cell) {
        let _ = rustix::process::waitpid(Some(cell.pid), WaitOptions::empty());
        self.sweep();
        self.group.end();
    }

    /// Ends and reaps all processes of the lane except its init and its zygote.
    fn sweep(&self) {
        // If there is a zygote, every program has a separate pid namespace, so none of the program's processes is
        // reparented to this process. Then it is enough to wait for the children in this process's own process group.
        let wait = |options| match self.zygote {
            None => rustix::process::wait(options).map(|ended| ended.is_some()),
            Some(_) => rustix::process::waitpid(None, options).map(|ended| ended.is_some()),
        };
        loop {
            match wait(WaitOptions::NOHANG) {
                Ok(true) => {}
                Ok(false) => {
                    let _ = kill_everything_in_this_pid_namespace();
                    let _ = wait(WaitOptions::empty());
                }
                Err(_) => return,
            }
        }
    }

    /// Whether the lane's memory and the number of its sockets are as before the last run. Waits a moment for the
    /// kernel to free what the cell left. Called while the lane has no cell.
    fn is_clean(&mut self) -> bool {
        // The kernel frees the cell's tmpfs shortly after the cell's last process.
        for _ in 0..50 {
            match self.group.settled() {
                Settled::Yes if self.no_socket_is_left() => return true,
                Settled::Never => return false,
                Settled::Yes | Settled::NotYet => {}
            }
            // Sockets that are referenced only by each other exist until the kernel's garbage collector for descriptors
            // in flight runs. The queues of such sockets may contain descriptors with names, locks, and files with
            // their memory. Closing a socket starts this collector.
            drop(wire::socket_pair());
            std::thread::sleep(Duration::from_millis(1));
        }
        false
    }

    /// Whether only the sandbox's sockets are left. The lane's own socket belongs to the launcher's network namespace,
    /// in which it was created.
    fn no_socket_is_left(&self) -> bool {
        self.sockets.as_ref().is_none_or(|file| number_of_sockets(file) == Some(self.own_sockets))
    }
}

/// Number of sockets in a network namespace, from its `/proc/net/sockstat`.
fn number_of_sockets(file: &OwnedFd) -> Option<u32> {
    let mut text = [0; 64];
    let n = rustix::io::pread(file, &mut text, 0).ok()?;
    let line = std::str::from_utf8(&text[..n]).ok()?.lines().next()?;
    line.strip_prefix("sockets: used ")?.parse().ok()
}

/// Monotonic time in nanoseconds.
pub(crate) fn now_ns() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

/// CPU time of this process in nanoseconds. The process has one thread.
pub(crate) fn own_cpu_ns() -> u64 {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}
