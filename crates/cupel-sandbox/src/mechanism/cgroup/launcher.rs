//! The launcher's part of control groups: creates and removes groups, and moves processes into them. This requires
//! write access to the hierarchies.

use std::collections::HashMap;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};
use rustix::process::Pid;

use super::place::{self, enable_controllers};
use super::{Hierarchies, LaneGroupFiles};
use crate::WallSet;
use crate::mechanism::host::Lack;
use crate::wire::Scheduling;

/// The groups of one launcher, one directory per hierarchy, named after the launcher's process. The directory contains
/// a group for each ordinary lane, and for each processor a group with the groups of all background lanes of that
/// processor. The kernel gives every group the same weight, so these lanes together have the weight of one ordinary
/// lane. Source: cgroup-v2.rst, "Weights".
#[derive(Debug)]
pub(crate) struct LauncherGroups {
    hierarchies: Hierarchies,
    name: String,
    /// The background lanes, with the name of the group that contains each of them.
    background: HashMap<u32, String>,
}

impl LauncherGroups {
    /// Creates the launcher's groups, and removes the groups of launchers that have ended. If something is missing for
    /// a wall that is not `off`, the error names the remedy. `is_root` selects a remedy for the host's root.
    pub(crate) fn create(
        hierarchies: Hierarchies,
        own_pid: u32,
        off: WallSet,
        is_root: bool,
    ) -> Result<LauncherGroups, Lack> {
        let hierarchies = match hierarchies {
            Hierarchies::V2(own) => Hierarchies::V2(place::parent(own)),
            Hierarchies::V1 { memory, pids, cpuacct, cpuset, cpu } => {
                // No wall needs this controller, so it is omitted if the user may not write to its directory.
                let cpu = cpu.filter(|dir| rustix::fs::access(dir, rustix::fs::Access::WRITE_OK).is_ok());
                Hierarchies::V1 { memory, pids, cpuacct, cpuset, cpu }
            }
        };
        if let Some(lack) = place::lacking(&hierarchies, off) {
            return Err(lack);
        }
        let groups = LauncherGroups { hierarchies, name: format!("cupel-{own_pid}"), background: HashMap::new() };
        match groups.make() {
            Ok(()) => Ok(groups),
            Err(error) => {
                groups.remove();
                Err(place::refused(&error, &groups.hierarchies, is_root))
            }
        }
    }

    fn make(&self) -> io::Result<()> {
        for dir in self.parents() {
            remove_stale(dir);
            create_dir(&dir.join(&self.name))?;
        }
        match &self.hierarchies {
            Hierarchies::V1 { cpuset: Some(parent), .. } => {
                configure_cpuset(&parent.join(&self.name), None)?;
            }
            Hierarchies::V1 { .. } => {}
            Hierarchies::V2(own) => {
                enable_controllers(own, place::DOWN_TO_LANES, true)?;
                enable_controllers(&own.join(&self.name), place::DOWN_TO_LANES, false)?;
            }
        }
        Ok(())
    }

    /// The group of each hierarchy in which the launcher creates its groups.
    fn parents(&self) -> Vec<&Path> {
        match &self.hierarchies {
            Hierarchies::V1 { memory, pids, cpuacct, cpuset, cpu } => {
                let mut dirs: Vec<&Path> =
                    [memory, pids, cpuacct, cpuset, cpu].into_iter().flatten().map(PathBuf::as_path).collect();
                // Several controllers, such as cpu and cpuacct, may share one hierarchy.
                dirs.sort_unstable();
                dirs.dedup();
                dirs
            }
            Hierarchies::V2(own) => vec![own],
        }
    }

    /// The path of a lane's group, relative to each of the [`LauncherGroups::parents`].
    fn lane_path(&self, lane: u32) -> PathBuf {
        let mut path = PathBuf::from(&self.name);
        path.extend(self.background.get(&lane));
        path.join(format!("lane-{lane}"))
    }

    fn lane_dirs(&self, lane: u32) -> Vec<PathBuf> {
        let path = self.lane_path(lane);
        self.parents().into_iter().map(|parent| parent.join(&path)).collect()
    }

    /// Creates the group of the background lanes of a processor in each hierarchy, if it does not exist.
    fn create_background(&self, name: &str, cpu: Option<u32>) -> io::Result<()> {
        let path = Path::new(&self.name).join(name);
        for parent in self.parents() {
            create_dir(&parent.join(&path))?;
        }
        match &self.hierarchies {
            Hierarchies::V1 { cpuset: Some(parent), .. } => configure_cpuset(&parent.join(&path), cpu),
            Hierarchies::V1 { .. } => Ok(()),
            Hierarchies::V2(own) => enable_controllers(&own.join(&path), place::DOWN_TO_LANES, false),
        }
    }

    /// Creates a lane's groups, and opens the files that the lane's init needs.
    pub(crate) fn create_lane(&mut self, lane: u32, scheduling: Scheduling, owner: u32) -> io::Result<LaneGroupFiles> {
        let Scheduling { cpu, is_background } = scheduling;
        if is_background {
            let name = cpu.map_or_else(|| "background".to_owned(), |cpu| format!("background-{cpu}"));
            self.create_background(&name, cpu)?;
            self.background.insert(lane, name);
        }
        for dir in self.lane_dirs(lane) {
            create_dir(&dir)?;
        }
        let path = self.lane_path(lane);
        let lane_dir = |parent: &Option<PathBuf>| parent.as_ref().map(|parent| parent.join(&path));
        match &self.hierarchies {
            Hierarchies::V1 { memory, pids, cpuacct, cpuset, cpu: _ } => {
                if let Some(dir) = lane_dir(cpuset) {
                    configure_cpuset(&dir, cpu)?;
                }
                let memory_files = lane_dir(memory).map(|dir| open_memory_files(&dir)).transpose()?;
                let mut files = memory_files.unwrap_or_default();
                if let Some(dir) = lane_dir(pids) {
                    files.pids = Some(open(&dir.join("pids.max"))?);
                }
                if let Some(dir) = lane_dir(cpuacct) {
                    files.cpu = Some(open(&dir.join("cpuacct.usage"))?);
                    files.cpu_user = open_if_there(&dir.join("cpuacct.usage_user"))?;
                    files.cpu_system = open_if_there(&dir.join("cpuacct.usage_sys"))?;
                }
                Ok(files)
            }
            Hierarchies::V2(own) => {
                let dir = own.join(&path);
                create_dir(&dir.join("init"))?;
                if let Some(cpu) = cpu {
                    // If there is no cpuset controller, the lane pins itself.
                    let _ = write_at(&dir.join("cpuset.cpus"), &cpu.to_string());
                }
                give_to_init(&dir, owner)?;
                let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
                let v2_dir = Some(rustix::fs::open(&dir, flags, Mode::empty())?);
                Ok(LaneGroupFiles { v2_dir, ..LaneGroupFiles::default() })
            }
        }
    }

    /// Moves a lane's init into its groups. On v2, this takes two moves: see [`LauncherGroups::settle_lane`].
    pub(crate) fn join_lane(&self, lane: u32, init: Pid) -> io::Result<()> {
        for dir in self.lane_dirs(lane) {
            write_at(&dir.join("cgroup.procs"), &init.as_raw_nonzero().to_string())?;
        }
        Ok(())
    }

    /// v2 only: moves the lane's init to a leaf group, since a group that enables controllers for its children cannot
    /// contain processes. Called after the init has made the lane's group the root of its cgroup namespace.
    pub(crate) fn settle_lane(&self, lane: u32, init: Pid) -> io::Result<()> {
        if let Hierarchies::V2(_) = &self.hierarchies {
            for dir in self.lane_dirs(lane) {
                write_at(&dir.join("init/cgroup.procs"), &init.as_raw_nonzero().to_string())?;
                enable_controllers(&dir, place::IN_LANES, false)?;
            }
        }
        Ok(())
    }

    /// Removes a lane's groups once its processes are gone. Groups that cannot be removed yet (because of a dying
    /// process) remain until the next launcher removes them.
    pub(crate) fn remove_lane(&mut self, lane: u32) {
        for dir in self.lane_dirs(lane) {
            remove_tree(&dir);
        }
        self.background.remove(&lane);
    }

    /// Removes all groups of this launcher.
    pub(crate) fn remove(&self) {
        for dir in self.parents() {
            remove_tree(&dir.join(&self.name));
        }
    }

    pub(crate) fn is_v2(&self) -> bool {
        matches!(self.hierarchies, Hierarchies::V2(_))
    }
}

/// v1: sets the processors and the memory nodes of a new group, which has none until then. `cpu` is its only
/// processor; with `None`, the group has all processors of the group above it.
fn configure_cpuset(dir: &Path, cpu: Option<u32>) -> io::Result<()> {
    let parent = dir.parent().ok_or(io::ErrorKind::NotFound)?;
    let cpus = match cpu {
        Some(cpu) => cpu.to_string(),
        None => std::fs::read_to_string(parent.join("cpuset.cpus"))?,
    };
    let mems = std::fs::read_to_string(parent.join("cpuset.mems"))?;
    write_at(&dir.join("cpuset.cpus"), cpus.trim())?;
    write_at(&dir.join("cpuset.mems"), mems.trim())
}

/// v1: opens the files of a lane's memory group.
fn open_memory_files(dir: &Path) -> io::Result<LaneGroupFiles> {
    Ok(LaneGroupFiles {
        limit: Some(open(&dir.join("memory.limit_in_bytes"))?),
        swap_limit: open_if_there(&dir.join("memory.memsw.limit_in_bytes"))?,
        usage: Some(open(&dir.join("memory.usage_in_bytes"))?),
        peak: Some(open(&dir.join("memory.max_usage_in_bytes"))?),
        swap_peak: open_if_there(&dir.join("memory.memsw.max_usage_in_bytes"))?,
        stat: open_if_there(&dir.join("memory.stat"))?,
        kernel_usage: open_if_there(&dir.join("memory.kmem.usage_in_bytes"))?,
        kernel_peak: open_if_there(&dir.join("memory.kmem.max_usage_in_bytes"))?,
        oom: Some(open(&dir.join("memory.oom_control"))?),
        oom_event: Some(oom_event(dir)?),
        ..LaneGroupFiles::default()
    })
}

/// v2: gives a lane's group to the lane's init, which creates a group per cell. So the init must own the directory, and
/// the files that are needed to fork into a group below the directory.
fn give_to_init(dir: &Path, owner: u32) -> io::Result<()> {
    for path in
        [dir.to_owned(), dir.join("cgroup.procs"), dir.join("cgroup.subtree_control"), dir.join("init/cgroup.procs")]
    {
        std::os::unix::fs::chown(&path, Some(owner), Some(owner))?;
    }
    Ok(())
}

pub(super) fn create_dir(dir: &Path) -> io::Result<()> {
    match std::fs::create_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }
}

pub(super) fn write_at(path: &Path, text: &str) -> io::Result<()> {
    let fd = rustix::fs::open(path, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?;
    rustix::io::write(&fd, text.as_bytes())?;
    Ok(())
}

fn open(path: &Path) -> io::Result<OwnedFd> {
    Ok(rustix::fs::open(path, OFlags::RDWR | OFlags::CLOEXEC, Mode::empty()).or_else(|errno| match errno {
        // Some counters are read-only files.
        rustix::io::Errno::ACCESS | rustix::io::Errno::PERM => {
            rustix::fs::open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
        }
        other => Err(other),
    })?)
}

fn open_if_there(path: &Path) -> io::Result<Option<OwnedFd>> {
    match open(path) {
        Ok(fd) => Ok(Some(fd)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// v1: an eventfd that becomes readable when the OOM killer acts in the group.
/// Source: cgroup-v1/memory.rst, "OOM Control".
fn oom_event(dir: &Path) -> io::Result<OwnedFd> {
    use std::os::fd::AsRawFd;
    let event =
        rustix::event::eventfd(0, rustix::event::EventfdFlags::CLOEXEC | rustix::event::EventfdFlags::NONBLOCK)?;
    let control = rustix::fs::open(dir.join("memory.oom_control"), OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    write_at(&dir.join("cgroup.event_control"), &format!("{} {}", event.as_raw_fd(), control.as_raw_fd()))?;
    Ok(event)
}

/// Maximum number of attempts to remove a group whose processes were killed, one per millisecond.
const REMOVALS_MAX: u32 = 100;

/// Removes a group and all groups below it, deepest first. Kills the processes that are left in them.
fn remove_tree(dir: &Path) {
    if let Ok(entries) = std::fs::read_dir(dir) {
        for entry in entries.flatten() {
            if entry.file_type().is_ok_and(|t| t.is_dir()) {
                remove_tree(&entry.path());
            }
        }
    }
    for _ in 0..REMOVALS_MAX {
        match std::fs::remove_dir(dir) {
            // Version 2, since Linux 5.14: `cgroup.kill` kills all processes in the group and below.
            Err(error)
                if error.raw_os_error() == Some(libc::EBUSY) && write_at(&dir.join("cgroup.kill"), "1").is_ok() =>
            {
                std::thread::sleep(std::time::Duration::from_millis(1));
            }
            Err(error) if error.raw_os_error() == Some(libc::EBUSY) => {
                for pid in std::fs::read_to_string(dir.join("cgroup.procs")).unwrap_or_default().lines() {
                    if let Some(pid) = pid.parse().ok().and_then(Pid::from_raw) {
                        let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
                    }
                }
                std::thread::sleep(std::time::Duration::from_millis(1));
            }
            _ => return,
        }
    }
}

/// Removes the groups of launchers that were killed and so could not remove them.
fn remove_stale(parent: &Path) {
    let Ok(entries) = std::fs::read_dir(parent) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let pid = name.to_str().and_then(|n| n.strip_prefix("cupel-")).and_then(|n| n.parse::<u32>().ok());
        if pid.is_some_and(has_ended) {
            remove_tree(&entry.path());
        }
    }
}

/// Whether no process has this id, or only a zombie. A killed launcher can stay a zombie for seconds, because its owner
/// has ended too, and the init process of a container or a virtual machine may reap its children late.
fn has_ended(pid: u32) -> bool {
    // proc_pid_stat(5): the state follows the name, which may contain parentheses.
    match std::fs::read_to_string(format!("/proc/{pid}/stat")) {
        Ok(stat) => stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with(['Z', 'X'])),
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    }
}
