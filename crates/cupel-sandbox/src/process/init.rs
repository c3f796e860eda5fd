//! A cell's init: pid 1 of the cell. It sets up the cell, waits for a request, starts the program as its child, reaps
//! child processes, ends leftover processes, and collects files.
//!
//! The cell's init is created in advance, so that namespaces, mounts and rules already exist when a request arrives. It
//! never executes the tenant's program itself, because a program as pid 1 would be immune to its own signals. It runs
//! as the lane's root, so the program, a different user, can neither signal nor trace it. It writes its results into
//! the page that it shares with the lane's init.

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::sync::atomic::Ordering::Relaxed;

use cupel_types::TerminalSize;
use rustix::fs::{Mode, OFlags};
use rustix::process::{Pid, PidfdFlags, WaitId, WaitIdOptions, WaitOptions};

use crate::bundle;
use crate::mechanism::cgroup::LaneGroup;
use crate::mechanism::landlock::Landlock;
use crate::mechanism::mounts::{self, BoxSize};
use crate::process::collect;
use crate::process::lane::{now_ns, own_cpu_ns};
use crate::process::linked::LinkedDirectory;
use crate::process::live;
use crate::process::payload::{self, Plan, Streams, Texts};
use crate::process::zygote::{self, Zygote};
use crate::step::SetupStep;
use crate::sys::process::{
    ChildStack, exit_now, kill_everything_in_this_pid_namespace, page_faults_of_children, vfork_with,
};
use crate::sys::seccomp::Instruction;
use crate::sys::shared::SharedPage;
use crate::sys::terminal;
use crate::wire::{self, CellRequest, FromLane};
use crate::{Wall, WallSet};

/// The parts of the lane that a cell uses. The cell's init is forked from the lane's init, so it has a copy of the
/// lane's memory.
pub(crate) struct CellEnvironment<'a> {
    pub(crate) walls_off: WallSet,
    /// The tenant's user and group id in this lane.
    pub(crate) tenant: u32,
    /// The part of the system call filter that each program installs; empty if the seccomp wall is off.
    pub(crate) filter: &'a [Instruction],
    /// The same part of the filter, for programs with a terminal.
    pub(crate) filter_with_terminal: &'a [Instruction],
    pub(crate) landlock: Option<&'a Landlock>,
    pub(crate) group: &'a LaneGroup,
    pub(crate) shared: &'a SharedPage,
    /// Size of the box if the request does not need another size.
    pub(crate) box_size: BoxSize,
    pub(crate) stack: &'a mut ChildStack,
    /// The socket on which the request arrives.
    pub(crate) requests: OwnedFd,
    /// The lane's warm interpreter, if it has one.
    pub(crate) zygote: Option<&'a Zygote>,
    /// Number of this cell among the cells of its lane.
    pub(crate) number: u64,
    /// Difference between the memory charged to a cold and to a warm start of the same program, in bytes.
    pub(crate) warm_memory: u64,
    pub(crate) buffer: &'a mut Vec<u8>,
    /// The slot's socket, over which collected files are sent.
    pub(crate) socket: &'a OwnedFd,
}

/// Main function of a cell's init.
pub(crate) fn main(mut environment: CellEnvironment<'_>) -> ! {
    let shared = environment.shared;
    let code = match run(&mut environment) {
        Ok(()) => {
            shared.finished.store(1, Relaxed);
            // Closing this socket notifies the lane, which then need not wait until the kernel has removed this process
            // and its namespaces.
            drop(environment.requests);
            0
        }
        Err((step, error)) => {
            shared.fail(step, error.raw_os_error().unwrap_or(libc::EIO));
            1
        }
    };
    // Exits without running the exit handlers inherited from the launcher.
    exit_now(code)
}

fn run(environment: &mut CellEnvironment<'_>) -> Result<(), (SetupStep, io::Error)> {
    let place = CellSetup::set_up(environment)?;
    let received = wire::receive::<CellRequest>(environment.requests.as_fd(), environment.buffer);
    match received.map_err(|e| (SetupStep::Protocol, e))? {
        Some((request, descriptors)) => place.run(request, descriptors, environment),
        // The lane ends without a request for this cell.
        None => Ok(()),
    }
}

/// A cell that is ready for a program.
struct CellSetup {
    box_dir: OwnedFd,
    ruleset: Option<OwnedFd>,
    /// A pidfd of this process, for the zygote if there is one.
    own: Option<OwnedFd>,
}

impl CellSetup {
    /// Performs the part of the setup that is the same for all requests.
    fn set_up(environment: &CellEnvironment<'_>) -> Result<CellSetup, (SetupStep, io::Error)> {
        let off = environment.walls_off;
        let _ = rustix::process::setpriority_process(None, 0);
        if !off.contains(Wall::FreshBox) {
            mounts::mount_box(environment.box_size, environment.tenant, off)
                .map_err(|e| (SetupStep::BoxMount, e.into()))?;
        }
        if !off.contains(Wall::PrivateProc) {
            mounts::mount_proc().map_err(|e| (SetupStep::CellProc, e.into()))?;
        }
        let box_dir = rustix::fs::open("/box", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
            .map_err(|e| (SetupStep::BoxFiles, e.into()))?;
        let ruleset = match environment.landlock {
            Some(landlock) => Some(landlock.ruleset(box_dir.as_fd()).map_err(|e| (SetupStep::LandlockRules, e))?),
            None => None,
        };
        let own = match environment.zygote {
            Some(_) => {
                let pidfd = rustix::process::pidfd_open(rustix::process::getpid(), PidfdFlags::empty());
                Some(pidfd.map_err(|e| (SetupStep::Fork, e.into()))?)
            }
            None => None,
        };
        Ok(CellSetup { box_dir, ruleset, own })
    }

    /// Runs the program to its end, and ends all processes that it left behind.
    fn run(
        self,
        request: CellRequest,
        descriptors: Vec<OwnedFd>,
        environment: &mut CellEnvironment<'_>,
    ) -> Result<(), (SetupStep, io::Error)> {
        let (collect, watch, is_live) = (request.collect, request.watch, request.live);
        let (outbox, fetch) = (request.outbox.clone(), request.fetch.clone());
        let (patterns, found_max) = (request.patterns.clone(), request.found_max);
        let at = |step| move |error: io::Error| (step, error);
        let (off, shared) = (environment.walls_off, environment.shared);
        let linked = LinkedDirectory::read(&request.linked);
        let size = BoxSize::of(&request.limits, bundle::given(&request, &descriptors), linked.count());
        if size != environment.box_size && !off.contains(Wall::FreshBox) {
            mounts::resize_box(size, off).map_err(|e| (SetupStep::BoxMount, e.into()))?;
        }
        let terminal = match request.terminal {
            Some(size) => Some(self.make_terminal(size, environment).map_err(at(SetupStep::Terminal))?),
            None => None,
        };
        let Some((streams, bundles)) = streams_of(&request, &descriptors, terminal.as_ref()) else {
            return Err((SetupStep::Descriptors, io::Error::from_raw_os_error(libc::EBADF)));
        };
        for bundle in bundles {
            bundle::unpack(bundle.as_fd(), self.box_dir.as_fd(), environment.tenant)
                .map_err(at(SetupStep::BoxFiles))?;
        }
        if !outbox.is_empty() {
            bundle::make_directory(self.box_dir.as_fd(), &outbox, environment.tenant)
                .map_err(at(SetupStep::BoxFiles))?;
        }
        linked.make(self.box_dir.as_fd(), environment.tenant).map_err(|e| (SetupStep::BoxFiles, e.into()))?;
        // Its memory does not count as the run's.
        drop(linked);
        let ready = environment.group.begin_counting();
        shared.memory_base.store(ready.base, Relaxed);
        ready.exact_base.note(&shared.exact_base);
        let (limits, held) = (request.limits, environment.group.held(&ready));
        let counted_files = request.counted_files.get();
        if !off.contains(Wall::MemoryLimit) {
            let less = counted_files + if request.warm { environment.warm_memory } else { 0 };
            environment.group.limit_memory_to(&limits, less, held).map_err(at(SetupStep::CgroupLimits))?;
        }

        let own_cpu = own_cpu_ns();
        let base = environment.group.cpu_total();
        for (slot, value) in shared.cpu_base.iter().zip([base.total, base.user, base.system]) {
            slot.store(value, Relaxed);
        }
        shared.started.store(now_ns(), Relaxed);
        let program = match environment.zygote.filter(|_| request.warm) {
            None => self.execute(&request, streams, environment)?,
            Some(zygote) => {
                let copy = self.fork_from(zygote, request, streams, environment)?;
                if shared.copy_wants_memory(|| failed(shared).is_err() || has_ended(copy)) {
                    // The copy is about to exec. After that it shares no memory with the zygote, so it gets the limit
                    // of a cold start.
                    if !off.contains(Wall::MemoryLimit) {
                        environment
                            .group
                            .limit_memory_to(&limits, counted_files, held)
                            .map_err(at(SetupStep::CgroupLimits))?;
                    }
                    shared.copy_has_memory();
                }
                copy
            }
        };
        failed(shared)?;
        if watch {
            let pidfd =
                rustix::process::pidfd_open(program, PidfdFlags::empty()).map_err(|e| at(SetupStep::Fork)(e.into()))?;
            wire::send(environment.socket.as_fd(), &FromLane::Begun, &[pidfd.as_fd()])
                .map_err(at(SetupStep::Protocol))?;
        }
        // Processes at the other ends of the program's pipes must see end of file.
        drop(descriptors);
        let master = terminal.map(|Terminal { master, slave: _ }| master);

        let status = match is_live {
            false => reap(Some(program)),
            true => {
                let (requests, buffer) = (environment.requests.as_fd(), &mut *environment.buffer);
                live::attend(program, requests, master.as_ref().map(AsFd::as_fd), buffer)
                    .map_err(at(SetupStep::Signals))?
            }
        };
        failed(shared)?;
        shared.status.store(status, Relaxed);
        shared.ended.store(now_ns(), Relaxed);
        if watch {
            wire::send(environment.socket.as_fd(), &FromLane::Ended { status }, &[])
                .map_err(at(SetupStep::Protocol))?;
        }
        if !off.contains(Wall::PidNamespace) {
            sweep();
        }
        shared.memory_end.store(environment.group.memory(), Relaxed);
        shared.faults.store(page_faults_of_children(), Relaxed);
        // The program is not charged for the CPU time that the sandbox uses to collect files and free memory.
        let end = environment.group.cpu_total();
        shared.cpu_own.fetch_add(own_cpu_ns().saturating_sub(own_cpu), Relaxed);
        for (slot, value) in shared.cpu_end.iter().zip([end.total, end.user, end.system]) {
            slot.store(value, Relaxed);
        }
        shared.exact.store(environment.group.exact_since(ready.exact_base), Relaxed);
        let has_names = !outbox.is_empty() || !fetch.is_empty() || !patterns.is_empty();
        if let Some(limits) = collect
            && (status == 0 || (limits.after_failure && (status & 0x7f == 0 || has_names)))
        {
            let (dir, socket) = (self.box_dir.as_fd(), environment.socket.as_fd());
            let sent = match fetch.is_empty() && patterns.is_empty() {
                true => collect::send_files(dir, &outbox, limits, socket),
                false => collect::send_named(dir, &fetch, limits, socket),
            };
            let mut overflow = sent.map_err(at(SetupStep::Collect))?;
            if !patterns.is_empty() {
                let sent = collect::send_matching(dir, &patterns, found_max, socket);
                overflow |= sent.map_err(at(SetupStep::Collect))?;
            }
            shared.collect_overflow.store(u32::from(overflow), Relaxed);
        }
        Ok(())
    }

    /// Creates the program's terminal, and sends the other end to the slot.
    fn make_terminal(&self, size: TerminalSize, environment: &CellEnvironment<'_>) -> io::Result<Terminal> {
        mounts::mount_terminals(environment.tenant)?;
        if let (Some(landlock), Some(ruleset)) = (environment.landlock, &self.ruleset) {
            landlock.allow_terminals(ruleset.as_fd())?;
        }
        let master = mounts::open_terminal()?;
        let slave = terminal::open_slave(master.as_fd())?;
        terminal::resize(slave.as_fd(), size)?;
        terminal::expect_utf8(slave.as_fd())?;
        wire::send(environment.socket.as_fd(), &FromLane::Terminal, &[master.as_fd()])?;
        Ok(Terminal { master, slave })
    }

    /// Starts the program by exec.
    fn execute(
        &self,
        request: &CellRequest,
        streams: Streams<'_>,
        environment: &mut CellEnvironment<'_>,
    ) -> Result<Pid, (SetupStep, io::Error)> {
        let texts = Texts::of(request).map_err(|e| (SetupStep::Protocol, e))?;
        let plan = Plan {
            streams,
            limits: &request.limits,
            walls_off: environment.walls_off,
            tenant: environment.tenant,
            landlock: self.ruleset.as_ref().map(AsRawFd::as_raw_fd),
            filter: if request.terminal.is_some() { environment.filter_with_terminal } else { environment.filter },
            has_terminal: request.terminal.is_some(),
            call: texts.call(),
            shared: environment.shared,
        };
        vfork_with(environment.stack, &plan, payload::enter).map_err(|e| (SetupStep::Fork, e))
    }

    /// Starts the program as a copy of the warm interpreter.
    fn fork_from(
        &self,
        zygote: &Zygote,
        request: CellRequest,
        streams: Streams<'_>,
        environment: &mut CellEnvironment<'_>,
    ) -> Result<Pid, (SetupStep, io::Error)> {
        let own = self.own.as_ref().map(AsFd::as_fd);
        let beside = [own, self.ruleset.as_ref().map(AsFd::as_fd), environment.group.birthplace()];
        let beside = beside.into_iter().chain([streams.result]).flatten();
        let handed: Vec<_> = streams.standard.into_iter().chain(beside).collect();
        zygote::let_in(true);
        let begun = zygote.begin(environment.number, request, &handed, environment.buffer);
        zygote::let_in(false);
        let cpu_own = begun.map_err(|e| (SetupStep::Fork, e))?;
        environment.shared.cpu_own.fetch_add(cpu_own, Relaxed);
        Ok(zygote::PROGRAM)
    }
}

/// The program's terminal.
struct Terminal {
    /// The side of the slot.
    master: OwnedFd,
    /// The side of the program.
    slave: OwnedFd,
}

/// The program's streams, and the bundles that were passed after them.
fn streams_of<'a>(
    request: &CellRequest,
    descriptors: &'a [OwnedFd],
    terminal: Option<&'a Terminal>,
) -> Option<(Streams<'a>, &'a [OwnedFd])> {
    let (standard, rest) = match terminal {
        Some(Terminal { slave, .. }) => ([slave.as_fd(); 3], descriptors),
        None => {
            let (standard, rest) = descriptors.split_first_chunk::<3>()?;
            (standard.each_ref().map(AsFd::as_fd), rest)
        }
    };
    let (result, bundles) = if request.result { rest.split_first().map(|(r, b)| (Some(r), b))? } else { (None, rest) };
    Some((Streams { standard, result: result.map(AsFd::as_fd) }, bundles))
}

/// Returns the failure that prevented the program's start, if any.
fn failed(shared: &SharedPage) -> Result<(), (SetupStep, io::Error)> {
    match shared.failed_step.load(Relaxed) {
        0 => Ok(()),
        step => Err((SetupStep::from_number(step), io::Error::from_raw_os_error(shared.failed_errno.load(Relaxed)))),
    }
}

/// Whether a child has ended. Does not reap it.
fn has_ended(child: Pid) -> bool {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    !matches!(rustix::process::waitid(WaitId::Pid(child), options), Ok(None))
}

/// Ends and reaps all other processes of this pid namespace. Processes that outlived the program have been reparented
/// to this process, so if this process has no child, no other process is left.
fn sweep() {
    match rustix::process::wait(WaitOptions::NOHANG) {
        Err(rustix::io::Errno::CHILD) => return,
        _ => {
            let _ = kill_everything_in_this_pid_namespace();
        }
    }
    reap(None);
}

/// Reaps child processes until `main` has ended, and returns its status. With `None`, reaps until no process is left.
fn reap(main: Option<Pid>) -> i32 {
    loop {
        match rustix::process::wait(WaitOptions::empty()) {
            Ok(Some((pid, status))) if Some(pid) == main => return status.as_raw(),
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(_) => return 0,
        }
    }
}
