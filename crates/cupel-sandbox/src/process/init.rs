//! A cell's init: pid 1 of the cell. Sets the cell up, waits for a request, starts the program as its child, reaps,
//! sweeps, collects.
//!
//! It is made ahead of need: when a request comes, the namespaces, the mounts and the rules are there. It never
//! is the tenant's program: as pid 1 that would be immune to its own signals. It belongs to the lane's root, so the
//! program, another user, can neither signal nor trace it. What it finds out it writes into the page it shares
//! with the lane's init.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::sync::atomic::Ordering::Relaxed;

use rustix::fs::{Mode, OFlags};
use rustix::process::{Pid, WaitOptions};

use crate::bundle;
use crate::mechanism::cgroup::LaneGroup;
use crate::mechanism::ids::TENANT;
use crate::mechanism::landlock::Landlock;
use crate::mechanism::mounts::{self, BoxSize};
use crate::process::collect;
use crate::process::lane::{now_ns, own_cpu_ns};
use crate::process::payload::{self, Plan};
use crate::step::SetupStep;
use crate::sys::process::{
    ChildStack, StringArray, close_all_but, exit_now, fork, kill_everything_in_this_pid_namespace, vfork_with,
};
use crate::sys::seccomp::Instruction;
use crate::sys::shared::SharedNotes;
use crate::warm::WarmParent;
use crate::wire::{self, CellRequest};
use crate::{Wall, WallSet};

/// What a cell takes over from its lane: a copy of the lane's memory, of which these are the parts it uses.
pub(crate) struct CellEnvironment<'a> {
    pub(crate) walls_off: WallSet,
    /// The filter a program puts itself under; empty without that wall.
    pub(crate) filter: &'a [Instruction],
    pub(crate) landlock: Option<&'a Landlock>,
    pub(crate) group: &'a LaneGroup,
    pub(crate) notes: &'a SharedNotes,
    /// How large the box is to be if the request does not ask for another size.
    pub(crate) box_size: BoxSize,
    pub(crate) stack: &'a mut ChildStack,
    /// Where the request will come from.
    pub(crate) door: OwnedFd,
    /// The interpreter that this lane keeps ready.
    pub(crate) warm: Option<&'a WarmParent>,
    /// What a program that is started warm is charged less than one started cold, bytes.
    pub(crate) warm_memory: u64,
    pub(crate) buffer: &'a mut Vec<u8>,
    /// The slot's socket, for the files that are collected.
    pub(crate) socket: &'a OwnedFd,
}

/// The life of a cell's init.
pub(crate) fn main(mut environment: CellEnvironment<'_>) -> ! {
    let notes = environment.notes;
    let code = match run(&mut environment) {
        Ok(()) => {
            notes.finished.store(1, Relaxed);
            // The lane sees this, and need not wait until the kernel has taken this process and its namespaces down.
            drop(environment.door);
            0
        }
        Err((step, error)) => {
            notes.failed_errno.store(error.raw_os_error().unwrap_or(libc::EIO), Relaxed);
            notes.failed_step.store(step as u32, Relaxed);
            1
        }
    };
    // Leaves without running what this process inherited from the launcher.
    exit_now(code)
}

fn run(environment: &mut CellEnvironment<'_>) -> Result<(), (SetupStep, io::Error)> {
    let place = Place::set_up(environment)?;
    let received = wire::receive::<CellRequest>(environment.door.as_fd(), environment.buffer);
    match received.map_err(|e| (SetupStep::Protocol, e))? {
        Some((request, descriptors)) => place.run(&request, descriptors, environment),
        // The lane ends, and this cell was never needed.
        None => Ok(()),
    }
}

/// A cell that is ready for a program.
struct Place {
    box_dir: OwnedFd,
    ruleset: Option<OwnedFd>,
}

impl Place {
    /// Everything that does not depend on what will be run.
    fn set_up(environment: &CellEnvironment<'_>) -> Result<Place, (SetupStep, io::Error)> {
        let off = environment.walls_off;
        let _ = rustix::process::setpriority_process(None, 0);
        if !off.contains(Wall::FreshBox) {
            mounts::mount_box(environment.box_size, off).map_err(|e| (SetupStep::BoxMount, e.into()))?;
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
        Ok(Place { box_dir, ruleset })
    }

    /// Runs the program to its end, and ends everything it left.
    fn run(
        self,
        request: &CellRequest,
        descriptors: Vec<OwnedFd>,
        environment: &mut CellEnvironment<'_>,
    ) -> Result<(), (SetupStep, io::Error)> {
        let at = |step| move |error: io::Error| (step, error);
        let (off, notes) = (environment.walls_off, environment.notes);
        let size = BoxSize::of(&request.limits);
        if size != environment.box_size && !off.contains(Wall::FreshBox) {
            mounts::resize_box(size, off).map_err(|e| (SetupStep::BoxMount, e.into()))?;
        }
        notes.memory_base.store(environment.group.memory_at_the_beginning(), Relaxed);
        if !off.contains(Wall::MemoryLimit) {
            let less = if request.warm { environment.warm_memory } else { 0 };
            environment.group.limit_memory_to(&request.limits, less).map_err(at(SetupStep::CgroupLimits))?;
        }
        let [stdin, stdout, stderr, bundles @ ..] = descriptors.as_slice() else {
            return Err((SetupStep::Descriptors, io::Error::from_raw_os_error(libc::EBADF)));
        };
        for bundle in bundles {
            bundle::unpack(bundle.as_fd(), self.box_dir.as_fd(), TENANT).map_err(at(SetupStep::BoxFiles))?;
        }

        let argv = c_strings(&request.argv).map_err(at(SetupStep::Protocol))?;
        let envp = c_strings(&request.env).map_err(at(SetupStep::Protocol))?;
        let candidates = c_strings(&programs(&request.argv[0])).map_err(at(SetupStep::Protocol))?;
        let plan = Plan {
            descriptors: [stdin.as_raw_fd(), stdout.as_raw_fd(), stderr.as_raw_fd()],
            limits: &request.limits,
            walls_off: off,
            landlock: self.ruleset.as_ref().map(AsRawFd::as_raw_fd),
            filter: environment.filter,
            candidates: &candidates,
            argv: StringArray::new(&argv),
            envp: StringArray::new(&envp),
            notes,
        };
        let own_cpu = own_cpu_ns();
        let base = environment.group.cpu_total();
        for (slot, value) in notes.cpu_base.iter().zip([base.total, base.user, base.system]) {
            slot.store(value, Relaxed);
        }
        notes.started.store(now_ns(), Relaxed);
        let program = match environment.warm.filter(|_| request.warm) {
            None => vfork_with(environment.stack, &plan, payload::enter),
            Some(parent) => fork().map(|child| match child {
                None => payload::enter_warm(&plan, parent, &argv, &envp),
                Some(pid) => pid,
            }),
        };
        let program = program.map_err(at(SetupStep::Fork))?;
        failed(notes)?;
        // The other ends of the program's pipes must see its end.
        let _ =
            close_all_but(&[environment.door.as_raw_fd(), environment.socket.as_raw_fd(), self.box_dir.as_raw_fd()]);
        std::mem::forget((descriptors, self.ruleset));

        let status = reap(Some(program));
        failed(notes)?;
        notes.status.store(status, Relaxed);
        notes.ended.store(now_ns(), Relaxed);
        if !off.contains(Wall::PidNamespace) {
            sweep();
        }
        // Handing back files and giving back memory are ours.
        let end = environment.group.cpu_total();
        notes.cpu_own.fetch_add(own_cpu_ns().saturating_sub(own_cpu), Relaxed);
        for (slot, value) in notes.cpu_end.iter().zip([end.total, end.user, end.system]) {
            slot.store(value, Relaxed);
        }
        if let Some(limits) = request.collect
            && status == 0
        {
            let overflow = collect::send_files(self.box_dir.as_fd(), limits, environment.socket.as_fd())
                .map_err(at(SetupStep::Collect))?;
            notes.collect_overflow.store(u32::from(overflow), Relaxed);
        }
        Ok(())
    }
}

/// What kept the program from beginning, where something did.
fn failed(notes: &SharedNotes) -> Result<(), (SetupStep, io::Error)> {
    match notes.failed_step.load(Relaxed) {
        0 => Ok(()),
        step => Err((SetupStep::from_number(step), io::Error::from_raw_os_error(notes.failed_errno.load(Relaxed)))),
    }
}

/// Ends and reaps every process of this pid namespace but this one. Whoever outlived the program has become a child
/// of ours by then, so no child means nobody.
fn sweep() {
    match rustix::process::wait(WaitOptions::NOHANG) {
        Err(rustix::io::Errno::CHILD) => return,
        _ => {
            let _ = kill_everything_in_this_pid_namespace();
        }
    }
    reap(None);
}

/// Reaps until `main` has ended, and returns its status; or, with `None`, until there is nobody left.
fn reap(main: Option<Pid>) -> i32 {
    loop {
        match rustix::process::wait(WaitOptions::empty()) {
            Ok(Some((pid, status))) if Some(pid) == main => return status.as_raw(),
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(_) => return 0,
        }
    }
}

fn c_strings(texts: &[String]) -> io::Result<Vec<CString>> {
    texts.iter().map(|t| CString::new(t.as_str()).map_err(|_| io::Error::from_raw_os_error(libc::EINVAL))).collect()
}

/// Where toolchains lie, whatever `PATH` a tenant gives its program.
const TOOLCHAINS: [&str; 3] = ["/usr/local/bin", "/usr/bin", "/bin"];

/// Where the program may lie: itself when it names a path, else in each directory of toolchains.
fn programs(name: &str) -> Vec<String> {
    if name.contains('/') {
        return vec![name.to_owned()];
    }
    TOOLCHAINS.iter().map(|dir| format!("{dir}/{name}")).collect()
}
