//! A cell's init: pid 1 of the cell. Sets the cell up, starts the program as its child, reaps, sweeps, collects.
//!
//! It never is the tenant's program: as pid 1 that would be immune to its own signals. It belongs to the
//! lane's root, so the program, another user, can neither signal nor trace it. What it finds out it writes
//! into the page it shares with the lane's init.

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
use crate::mechanism::mounts;
use crate::process::collect;
use crate::process::lane::now_ns;
use crate::process::payload::{self, Plan};
use crate::step::SetupStep;
use crate::sys::process::{
    ChildStack, StringArray, close_all_but, exit_now, kill_everything_in_this_pid_namespace, vfork_with,
};
use crate::sys::seccomp::Instruction;
use crate::sys::shared::SharedNotes;
use crate::wire::CellRequest;
use crate::{Wall, WallSet};

/// What a cell takes over from its lane.
pub(crate) struct CellEnvironment<'a> {
    pub(crate) walls_off: WallSet,
    pub(crate) filter: &'a [Instruction],
    pub(crate) landlock: Option<&'a Landlock>,
    pub(crate) group: &'a LaneGroup,
    pub(crate) notes: &'a SharedNotes,
    pub(crate) socket: &'a OwnedFd,
}

/// The life of a cell's init.
pub(crate) fn main(request: &CellRequest, descriptors: Vec<OwnedFd>, environment: &CellEnvironment<'_>) -> ! {
    let code = match run(request, descriptors, environment) {
        Ok(()) => {
            environment.notes.finished.store(1, Relaxed);
            0
        }
        Err((step, error)) => {
            environment.notes.failed_errno.store(error.raw_os_error().unwrap_or(libc::EIO), Relaxed);
            environment.notes.failed_step.store(step as u32, Relaxed);
            1
        }
    };
    // Leaves without running what this process inherited from the launcher.
    exit_now(code)
}

fn run(
    request: &CellRequest,
    descriptors: Vec<OwnedFd>,
    environment: &CellEnvironment<'_>,
) -> Result<(), (SetupStep, io::Error)> {
    let at = |step| move |error: io::Error| (step, error);
    let off = environment.walls_off;
    let notes = environment.notes;
    // A program that outgrows its group is the one to go, never the lane's init. Inherited.
    std::fs::write("/proc/self/oom_score_adj", "1000").map_err(at(SetupStep::OomPreference))?;
    let _ = rustix::process::setpriority_process(None, 0);
    if !off.contains(Wall::FreshBox) {
        mounts::mount_box(&request.limits, off).map_err(|e| (SetupStep::BoxMount, e.into()))?;
    }
    if !off.contains(Wall::PrivateProc) {
        mounts::mount_proc().map_err(|e| (SetupStep::CellProc, e.into()))?;
    }
    notes.memory_base.store(environment.group.memory(), Relaxed);

    let [stdin, stdout, stderr, bundles @ ..] = descriptors.as_slice() else {
        return Err((SetupStep::Descriptors, io::Error::from_raw_os_error(libc::EBADF)));
    };
    let box_dir = rustix::fs::open("/box", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
        .map_err(|e| (SetupStep::BoxFiles, e.into()))?;
    for bundle in bundles {
        bundle::unpack(bundle.as_fd(), box_dir.as_fd(), TENANT).map_err(at(SetupStep::BoxFiles))?;
    }
    let landlock = match environment.landlock {
        Some(landlock) => Some(landlock.ruleset().map_err(at(SetupStep::LandlockRules))?),
        None => None,
    };

    let argv = c_strings(&request.argv).map_err(at(SetupStep::Protocol))?;
    let envp = c_strings(&request.env).map_err(at(SetupStep::Protocol))?;
    let candidates = c_strings(&programs(&request.argv[0])).map_err(at(SetupStep::Protocol))?;
    let plan = Plan {
        descriptors: [stdin.as_raw_fd(), stdout.as_raw_fd(), stderr.as_raw_fd()],
        limits: &request.limits,
        walls_off: off,
        landlock: landlock.as_ref().map(AsRawFd::as_raw_fd),
        filter: environment.filter,
        candidates: &candidates,
        argv: StringArray::new(&argv),
        envp: StringArray::new(&envp),
        notes,
    };
    let base = environment.group.cpu_total();
    for (slot, value) in notes.cpu_base.iter().zip([base.total, base.user, base.system]) {
        slot.store(value, Relaxed);
    }
    let mut stack = ChildStack::new();
    notes.started.store(now_ns(), Relaxed);
    let program = vfork_with(&mut stack, &plan, payload::enter).map_err(at(SetupStep::Fork))?;
    if notes.failed_step.load(Relaxed) != 0 {
        let step = SetupStep::from_number(notes.failed_step.load(Relaxed));
        return Err((step, io::Error::from_raw_os_error(notes.failed_errno.load(Relaxed))));
    }
    // The other ends of the program's pipes must see its end.
    let _ = close_all_but(&[environment.socket.as_raw_fd(), box_dir.as_raw_fd()]);
    std::mem::forget((descriptors, landlock));

    let status = reap(Some(program));
    notes.status.store(status, Relaxed);
    notes.ended.store(now_ns(), Relaxed);
    if !off.contains(Wall::PidNamespace) {
        let _ = kill_everything_in_this_pid_namespace();
        reap(None);
    }
    if let Some(limits) = request.collect
        && status == 0
    {
        let overflow =
            collect::send_files(box_dir.as_fd(), limits, environment.socket.as_fd()).map_err(at(SetupStep::Collect))?;
        notes.collect_overflow.store(u32::from(overflow), Relaxed);
    }
    Ok(())
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
