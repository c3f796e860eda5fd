//! Turns a forked process into a lane: ids, namespaces, root, rules, and everything that the lane's cells inherit.

use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::process::Signal;

use super::Lane;
use super::handshake::{LaneReport, expect, send_report};
use crate::mechanism::cgroup::{Known, LaneGroup, LaneGroupFiles};
use crate::mechanism::instructions::LaneCounter;
use crate::mechanism::landlock::{self, Landlock};
use crate::mechanism::mounts::{self, BoxSize, Shown};
use crate::mechanism::oom::OomPreference;
use crate::mechanism::seccomp::{self, Filters};
use crate::mechanism::{capabilities, ids, rlimits};
use crate::step::SetupStep;
use crate::sys;
use crate::sys::process::{ChildStack, reset_signals};
use crate::sys::shared::SharedPage;
use crate::warm::{ColdStart, WarmTemplate};
use crate::{CountedEvent, Wall, WallSet};

/// Parameters of a new lane.
pub(crate) struct LaneSetup {
    pub(crate) walls_off: WallSet,
    pub(crate) shown: Vec<Shown>,
    /// Whether `shown` is the root of a container image; otherwise, it is an addition to the system's directories.
    pub(crate) is_image: bool,
    /// The tenant's user and group id in this lane.
    pub(crate) tenant: u32,
    pub(crate) cpu: Option<u32>,
    /// The event that the lane's counter counts, if any.
    pub(crate) counted: Option<CountedEvent>,
    /// The interpreter to keep warm, if any, and its cold start, if another lane has measured it.
    pub(crate) warm: Option<(WarmTemplate, Option<ColdStart>)>,
    /// The detached executable for the lane's zygote, if available.
    pub(crate) executable: Option<OwnedFd>,
}

pub(super) fn set_up(setup: &LaneSetup, sync: &OwnedFd, files: LaneGroupFiles) -> Result<Lane, (SetupStep, io::Error)> {
    let off = setup.walls_off;
    let at = |step| move |error: io::Error| (step, error);
    reset_signals();
    let beside = expect(sync, LaneReport::Go, Duration::from_secs(20))?;
    let counter = match setup.counted {
        Some(counted) => {
            let handed = beside.try_into().map_err(|_| (SetupStep::Count, io::ErrorKind::InvalidData.into()))?;
            Some(LaneCounter::new(counted, handed))
        }
        None => None,
    };
    ids::become_lane_root().map_err(at(SetupStep::Identity))?;
    // The lane must die with its launcher. The change of ids cleared this signal, so set it again.
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(|e| (SetupStep::Identity, e.into()))?;
    if !off.contains(Wall::CgroupNamespace) {
        sys::namespaces::unshare(libc::CLONE_NEWCGROUP).map_err(at(SetupStep::Clone))?;
    }
    send_report(sync, LaneReport::Go, &[])?;
    expect(sync, LaneReport::Go, Duration::from_secs(20))?;
    if let Some(cpu) = setup.cpu {
        pin(cpu).map_err(at(SetupStep::Pin))?;
    }
    if !off.contains(Wall::UtsNamespace) {
        rustix::system::sethostname(b"cupel").map_err(|e| (SetupStep::HostName, e.into()))?;
    }
    let oom_preference = OomPreference::open().map_err(at(SetupStep::OomPreference))?;
    let box_size = BoxSize::of(&cupel_types::Limits::default(), 0, 0);
    mounts::enter_lane_root(&setup.shown, setup.is_image, off)?;
    if off.contains(Wall::FreshBox) {
        mounts::mount_box(box_size, setup.tenant, off).map_err(|e| (SetupStep::BoxMount, e.into()))?;
    }
    // Set limits of this user namespace to zero, so that even a program that bypasses the filter cannot create these
    // objects. Namespaces that cells need (pid, mount and ipc) stay allowed. Without a separate user namespace, this
    // would change the limits of the host.
    if !off.contains(Wall::UserNamespace) {
        forbid_kernel_objects().map_err(at(SetupStep::NamespaceLimits))?;
    }
    let filters = if off.contains(Wall::Seccomp) {
        Filters::default()
    } else {
        seccomp::default_filters().map_err(|e| (SetupStep::SeccompApply, io::Error::other(e)))?
    };
    let landlock = match landlock::detect().filter(|_| !off.contains(Wall::Landlock)) {
        Some(abi) => Some(Landlock::prepare(abi, &setup.shown).map_err(at(SetupStep::LandlockRules))?),
        None => None,
    };
    let (shared, shared_file) = SharedPage::new().map_err(at(SetupStep::Fork))?;
    // The lane's init performs these steps once, and every program inherits the result.
    if setup.warm.is_some() {
        capabilities::let_a_zygote_inherit().map_err(|e| (SetupStep::Capabilities, e.into()))?;
    }
    if !off.contains(Wall::Capabilities) {
        capabilities::empty_bounding_set().map_err(|e| (SetupStep::Capabilities, e.into()))?;
    }
    if !off.contains(Wall::Rlimits) {
        rlimits::forbid_core_dumps().map_err(|e| (SetupStep::Rlimits, e.into()))?;
    }
    if !off.contains(Wall::NoNewPrivs) && !filters.inherited.is_empty() {
        match crate::sys::seccomp::install(&filters.inherited) {
            0 => {}
            errno => return Err((SetupStep::SeccompApply, io::Error::from_raw_os_error(errno))),
        }
    }
    let cpus = usable_processors().map_err(at(SetupStep::Pin))?;
    // Without a separate network namespace, this file would count the host's sockets.
    let sockets = match off.contains(Wall::NetNamespace) {
        true => None,
        false => {
            let flags = rustix::fs::OFlags::RDONLY | rustix::fs::OFlags::CLOEXEC;
            rustix::fs::open("/proc/self/net/sockstat", flags, rustix::fs::Mode::empty()).ok()
        }
    };
    Ok(Lane {
        walls_off: off,
        tenant: setup.tenant,
        cpus,
        oom_preference,
        sockets,
        own_sockets: 0,
        filter: filters.own,
        filter_with_terminal: filters.own_with_terminal,
        landlock,
        shared,
        shared_file,
        group: LaneGroup::new(files, !off.contains(Wall::CpuAccounting)),
        counter,
        box_size,
        stack: ChildStack::new(),
        buffer: Vec::new(),
        shutting_down: false,
        waiting: None,
        zygote: None,
        warm_memory: 0,
        warm_nothing: Known::default(),
        cold_memory: 0,
        warm_instructions: 0,
        cold_instructions: None,
    })
}

/// Sets the limits of this user namespace on these objects to zero. Source: namespaces(7), "The /proc/sys/user
/// directory"; inotify(7); fanotify(7).
fn forbid_kernel_objects() -> io::Result<()> {
    for count in [
        "user_namespaces",
        "net_namespaces",
        "uts_namespaces",
        "cgroup_namespaces",
        "time_namespaces",
        "inotify_instances",
        "inotify_watches",
        "fanotify_groups",
        "fanotify_marks",
    ] {
        match std::fs::write(format!("/proc/sys/user/max_{count}"), "0") {
            // This kernel has no such limit.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            other => other?,
        }
    }
    Ok(())
}

/// Pins this process to one processor. All processes of the lane inherit the setting. A cpuset group has the same
/// effect, but unlike this setting, programs cannot change it.
fn pin(cpu: u32) -> io::Result<()> {
    let mut set = rustix::thread::CpuSet::new();
    set.set(cpu as usize);
    Ok(rustix::thread::sched_setaffinity(None, &set)?)
}

/// Number of processors that programs of this lane can use: those of the cpuset group. A program can undo [`pin`], but
/// not the group's restriction.
fn usable_processors() -> io::Result<u32> {
    let pinned = rustix::thread::sched_getaffinity(None)?;
    let mut all = rustix::thread::CpuSet::new();
    (0..rustix::thread::CpuSet::MAX_CPU).for_each(|cpu| all.set(cpu));
    rustix::thread::sched_setaffinity(None, &all)?;
    let usable = rustix::thread::sched_getaffinity(None)?.count().max(1);
    rustix::thread::sched_setaffinity(None, &pinned)?;
    Ok(usable)
}
