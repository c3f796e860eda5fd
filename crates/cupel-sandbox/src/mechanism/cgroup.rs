//! Control groups: what a lane may use, and what its cells used.
//!
//! The launcher makes a lane's groups and hands the lane's init descriptors to exactly the files it needs;
//! no control group file system is mounted inside. A lane's init joins once, everything it forks is born
//! there: on v1, moving a process costs 10 to 16 ms after idleness, so nothing is ever moved for a run.
//!
//! v1: one group a lane in each hierarchy; a cell's figures are differences, its peak a counter that is
//! reset. v2: the lane's init sits in `init`, and every cell gets a new sibling group by
//! `CLONE_INTO_CGROUP`, so its figures are the group's own.
//! Sources: the kernel's Documentation/admin-guide/cgroup-v1/ and cgroup-v2.rst.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use cupel_types::Limits;
use rustix::fs::{Mode, OFlags};
use rustix::process::Pid;

/// Memory our own init of a cell may take beside the program, on top of the limit.
const OVERHEAD: u64 = 1024 * 1024;
/// Most memory that may stay charged to a lane between two cells: page cache, which makes the next start faster;
/// pages that somebody still holds; and the kernel's own, of which it gives most back on demand.
const KEPT_MAX: u64 = 48 * 1024 * 1024;
const HELD_MAX: u64 = 4 * 1024 * 1024;
const KERNEL_MAX: u64 = 16 * 1024 * 1024;
/// By how much that may grow from cell to cell before it is worth waiting for.
const KERNEL_GROWTH: u64 = 1024 * 1024;
/// Processes beside the program's: the lane's init and the cell's.
const OWN_PROCESSES: u32 = 2;

/// Which controllers there are and where our groups go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Hierarchies {
    /// Version 1: the directory of our own process in each hierarchy.
    V1 { memory: Option<PathBuf>, pids: Option<PathBuf>, cpuacct: Option<PathBuf>, cpuset: Option<PathBuf> },
    /// Version 2: our own group.
    V2(PathBuf),
}

impl Hierarchies {
    /// Reads `/proc/self/cgroup` and `/proc/self/mountinfo`. A controller that is bound to version 1 is used
    /// there; a machine whose memory controller is on version 2 is a version 2 machine.
    pub(crate) fn detect() -> io::Result<Hierarchies> {
        let groups = std::fs::read_to_string("/proc/self/cgroup")?;
        let mounts = std::fs::read_to_string("/proc/self/mountinfo")?;
        Ok(Hierarchies::from_texts(&groups, &mounts))
    }

    fn from_texts(groups: &str, mounts: &str) -> Hierarchies {
        let v1 = |controller: &str| -> Option<PathBuf> {
            let own = groups.lines().find_map(|line| {
                let mut parts = line.splitn(3, ':');
                let (_, names, path) = (parts.next()?, parts.next()?, parts.next()?);
                names.split(',').any(|n| n == controller).then_some(path)
            })?;
            let (root, point) =
                mount_of(mounts, |kind, options| kind == "cgroup" && options.split(',').any(|o| o == controller))?;
            Some(below(&point, &root, own))
        };
        let memory = v1("memory");
        let unified = groups.lines().find_map(|line| line.strip_prefix("0::"));
        if let (None, Some(own), Some((root, point))) =
            (&memory, unified, mount_of(mounts, |kind, _| kind == "cgroup2"))
        {
            return Hierarchies::V2(below(&point, &root, own));
        }
        Hierarchies::V1 { memory, pids: v1("pids"), cpuacct: v1("cpuacct"), cpuset: v1("cpuset") }
    }
}

/// The first mount that fits: (root within the file system, mount point). Source: proc_pid_mountinfo(5).
fn mount_of(mounts: &str, fits: impl Fn(&str, &str) -> bool) -> Option<(String, PathBuf)> {
    mounts.lines().find_map(|line| {
        let (front, back) = line.split_once(" - ")?;
        let front: Vec<&str> = front.split(' ').collect();
        let mut back = back.split(' ');
        let (kind, _source, options) = (back.next()?, back.next()?, back.next()?);
        fits(kind, options).then(|| (front[3].to_owned(), PathBuf::from(front[4])))
    })
}

/// The directory of group `own` under a mount whose root is `root`.
fn below(point: &Path, root: &str, own: &str) -> PathBuf {
    let rest = own.strip_prefix(root.trim_end_matches('/')).unwrap_or(own);
    let rest = rest.trim_start_matches('/');
    if rest.is_empty() { point.to_owned() } else { point.join(rest) }
}

/// The groups of one launcher, one directory per hierarchy, named after its process.
#[derive(Debug)]
pub(crate) struct LauncherGroups {
    hierarchies: Hierarchies,
    name: String,
}

impl LauncherGroups {
    /// Makes the launcher's groups and removes those of launchers that are gone.
    pub(crate) fn create(hierarchies: Hierarchies, own_pid: u32) -> io::Result<LauncherGroups> {
        let groups = LauncherGroups { hierarchies, name: format!("cupel-{own_pid}") };
        for dir in groups.parents() {
            remove_stale(dir);
            create_dir(&dir.join(&groups.name))?;
        }
        match &groups.hierarchies {
            Hierarchies::V1 { cpuset: Some(parent), .. } => {
                // A new cpuset is empty until told otherwise.
                for file in ["cpuset.cpus", "cpuset.mems"] {
                    let inherited = std::fs::read_to_string(parent.join(file))?;
                    write_at(&parent.join(&groups.name).join(file), inherited.trim())?;
                }
            }
            Hierarchies::V1 { .. } => {}
            Hierarchies::V2(own) => {
                enable_controllers(own, true)?;
                enable_controllers(&own.join(&groups.name), false)?;
            }
        }
        Ok(groups)
    }

    fn parents(&self) -> Vec<&Path> {
        match &self.hierarchies {
            Hierarchies::V1 { memory, pids, cpuacct, cpuset } => {
                let mut dirs: Vec<&Path> =
                    [memory, pids, cpuacct, cpuset].into_iter().flatten().map(PathBuf::as_path).collect();
                // cpu and cpuacct (or others) may be one hierarchy.
                dirs.sort_unstable();
                dirs.dedup();
                dirs
            }
            Hierarchies::V2(own) => vec![own],
        }
    }

    fn lane_dirs(&self, lane: u32) -> Vec<PathBuf> {
        self.parents().into_iter().map(|p| p.join(&self.name).join(format!("lane-{lane}"))).collect()
    }

    /// Makes a lane's groups, puts `init` into them, and opens the files its init needs.
    pub(crate) fn create_lane(&self, lane: u32, cpu: Option<u32>, owner: u32) -> io::Result<LaneGroupFiles> {
        for dir in self.lane_dirs(lane) {
            create_dir(&dir)?;
        }
        let lane_dir =
            |parent: &Option<PathBuf>| parent.as_ref().map(|p| p.join(&self.name).join(format!("lane-{lane}")));
        match &self.hierarchies {
            Hierarchies::V1 { memory, pids, cpuacct, cpuset } => {
                if let (Some(dir), Some(parent)) = (lane_dir(cpuset), cpuset) {
                    let cpus = match cpu {
                        Some(cpu) => cpu.to_string(),
                        None => std::fs::read_to_string(parent.join("cpuset.cpus"))?.trim().to_owned(),
                    };
                    let mems = std::fs::read_to_string(parent.join("cpuset.mems"))?;
                    write_at(&dir.join("cpuset.cpus"), &cpus)?;
                    write_at(&dir.join("cpuset.mems"), mems.trim())?;
                }
                let mut files = LaneGroupFiles::default();
                if let Some(dir) = lane_dir(memory) {
                    files.0[F_LIMIT] = Some(open(&dir.join("memory.limit_in_bytes"))?);
                    files.0[F_SWAP_LIMIT] = open_if_there(&dir.join("memory.memsw.limit_in_bytes"))?;
                    files.0[F_USAGE] = Some(open(&dir.join("memory.usage_in_bytes"))?);
                    files.0[F_PEAK] = Some(open(&dir.join("memory.max_usage_in_bytes"))?);
                    files.0[F_STAT] = open_if_there(&dir.join("memory.stat"))?;
                    files.0[F_OOM] = Some(open(&dir.join("memory.oom_control"))?);
                    files.0[F_OOM_EVENT] = Some(oom_event(&dir)?);
                }
                if let Some(dir) = lane_dir(pids) {
                    files.0[F_PIDS] = Some(open(&dir.join("pids.max"))?);
                }
                if let Some(dir) = lane_dir(cpuacct) {
                    files.0[F_CPU] = Some(open(&dir.join("cpuacct.usage"))?);
                    files.0[F_CPU_USER] = open_if_there(&dir.join("cpuacct.usage_user"))?;
                    files.0[F_CPU_SYSTEM] = open_if_there(&dir.join("cpuacct.usage_sys"))?;
                }
                Ok(files)
            }
            Hierarchies::V2(own) => {
                let dir = own.join(&self.name).join(format!("lane-{lane}"));
                create_dir(&dir.join("init"))?;
                if let Some(cpu) = cpu {
                    // Without the cpuset controller the lane pins itself.
                    let _ = write_at(&dir.join("cpuset.cpus"), &cpu.to_string());
                }
                // The lane's init makes a group per cell: the directory and the two files that forking into
                // a group below needs are its own.
                for path in [
                    dir.clone(),
                    dir.join("cgroup.procs"),
                    dir.join("cgroup.subtree_control"),
                    dir.join("init/cgroup.procs"),
                ] {
                    std::os::unix::fs::chown(&path, Some(owner), Some(owner))?;
                }
                let mut files = LaneGroupFiles::default();
                files.0[F_V2_DIR] =
                    Some(rustix::fs::open(&dir, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?);
                Ok(files)
            }
        }
    }

    /// Moves a lane's init into its groups. On v2 in two moves: see [`LauncherGroups::settle_lane`].
    pub(crate) fn join_lane(&self, lane: u32, init: Pid) -> io::Result<()> {
        for dir in self.lane_dirs(lane) {
            write_at(&dir.join("cgroup.procs"), &init.as_raw_nonzero().to_string())?;
        }
        Ok(())
    }

    /// v2 only: after the lane's init has made its lane's group the root of its namespace, it moves to a leaf,
    /// since a group that has controllers below has no processes.
    pub(crate) fn settle_lane(&self, lane: u32, init: Pid) -> io::Result<()> {
        if let Hierarchies::V2(_) = &self.hierarchies {
            for dir in self.lane_dirs(lane) {
                write_at(&dir.join("init/cgroup.procs"), &init.as_raw_nonzero().to_string())?;
                enable_controllers(&dir, false)?;
            }
        }
        Ok(())
    }

    /// Removes a lane's groups once its processes are gone. What cannot be removed yet (a dying process) is
    /// left for the next launcher to find.
    pub(crate) fn remove_lane(&self, lane: u32) {
        for dir in self.lane_dirs(lane) {
            remove_tree(&dir);
        }
    }

    /// Removes everything of this launcher's.
    pub(crate) fn remove(&self) {
        for dir in self.parents() {
            remove_tree(&dir.join(&self.name));
        }
    }

    /// Controllers that are missing here, by name.
    pub(crate) fn missing(&self) -> Vec<&'static str> {
        match &self.hierarchies {
            Hierarchies::V1 { memory, pids, cpuacct, cpuset: _ } => {
                [("memory", memory), ("pids", pids), ("cpuacct", cpuacct)]
                    .into_iter()
                    .filter(|(_, d)| d.is_none())
                    .map(|(n, _)| n)
                    .collect()
            }
            Hierarchies::V2(own) => {
                let there = std::fs::read_to_string(own.join("cgroup.controllers")).unwrap_or_default();
                ["memory", "pids", "cpu"].into_iter().filter(|c| !there.split_whitespace().any(|t| t == *c)).collect()
            }
        }
    }

    pub(crate) fn is_v2(&self) -> bool {
        matches!(self.hierarchies, Hierarchies::V2(_))
    }
}

/// Gives a v2 group's children their controllers. `may_move`: the group is our own, and whoever is in it moves
/// to a leaf first where the kernel asks for that.
fn enable_controllers(dir: &Path, may_move: bool) -> io::Result<()> {
    let there = std::fs::read_to_string(dir.join("cgroup.controllers"))?;
    for controller in ["memory", "pids", "cpu", "cpuset"] {
        if !there.split_whitespace().any(|c| c == controller) {
            continue;
        }
        let control = dir.join("cgroup.subtree_control");
        let enable = format!("+{controller}");
        match write_at(&control, &enable) {
            Err(error) if error.raw_os_error() == Some(libc::EBUSY) && may_move => {
                let leaf = dir.join("cupel-main");
                create_dir(&leaf)?;
                for pid in std::fs::read_to_string(dir.join("cgroup.procs"))?.lines() {
                    let _ = write_at(&leaf.join("cgroup.procs"), pid);
                }
                write_at(&control, &enable)?;
            }
            other => other?,
        }
    }
    Ok(())
}

fn create_dir(dir: &Path) -> io::Result<()> {
    match std::fs::create_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other.map_err(|e| io::Error::new(e.kind(), format!("{}: {e}", dir.display()))),
    }
}

fn write_at(path: &Path, text: &str) -> io::Result<()> {
    let fd = rustix::fs::open(path, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?;
    rustix::io::write(&fd, text.as_bytes())?;
    Ok(())
}

fn open(path: &Path) -> io::Result<OwnedFd> {
    Ok(rustix::fs::open(path, OFlags::RDWR | OFlags::CLOEXEC, Mode::empty()).or_else(|errno| match errno {
        // Figures that nobody writes are read-only files.
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

/// Removes a group with all groups below, deepest first. Processes left in it are killed.
fn remove_tree(dir: &Path) {
    if let Ok(entries) = std::fs::read_dir(dir) {
        for entry in entries.flatten() {
            if entry.file_type().is_ok_and(|t| t.is_dir()) {
                remove_tree(&entry.path());
            }
        }
    }
    for _ in 0..100 {
        match std::fs::remove_dir(dir) {
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

/// Removes the groups of launchers whose process is gone: it was killed, and could not.
fn remove_stale(parent: &Path) {
    let Ok(entries) = std::fs::read_dir(parent) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let pid = name.to_str().and_then(|n| n.strip_prefix("cupel-")).and_then(|n| n.parse::<u32>().ok());
        if let Some(pid) = pid
            && !Path::new("/proc").join(pid.to_string()).exists()
        {
            remove_tree(&entry.path());
        }
    }
}

const F_LIMIT: usize = 0;
const F_SWAP_LIMIT: usize = 1;
const F_USAGE: usize = 2;
const F_PEAK: usize = 3;
const F_OOM: usize = 4;
const F_OOM_EVENT: usize = 5;
const F_PIDS: usize = 6;
const F_CPU: usize = 7;
const F_CPU_USER: usize = 8;
const F_CPU_SYSTEM: usize = 9;
const F_V2_DIR: usize = 10;
const F_STAT: usize = 11;
const FILES: usize = 12;

/// The files of a lane's groups that its init holds, by role; what the machine does not have is missing.
#[derive(Debug, Default)]
pub(crate) struct LaneGroupFiles([Option<OwnedFd>; FILES]);

impl LaneGroupFiles {
    /// The descriptors, for whoever closes all others.
    pub(crate) fn descriptors(&self) -> impl Iterator<Item = i32> + '_ {
        use std::os::fd::AsRawFd;
        self.0.iter().flatten().map(AsRawFd::as_raw_fd)
    }
}

/// A lane's groups as its init uses them.
pub(crate) struct LaneGroup {
    files: LaneGroupFiles,
    /// Memory of the init alone, when nothing had run.
    base: u64,
    limits: Option<(u64, u32)>,
    counts_cpu: bool,
    /// What the kernel kept after the last cell, beside page cache.
    kernel_kept: u64,
    /// What was charged when the cell began: the init, and page cache that earlier cells left.
    before: u64,
    oom_kills: u64,
    cpu: CpuTimes,
    cell: Option<V2Cell>,
    cells: u64,
}

struct V2Cell {
    name: String,
    dir: OwnedFd,
    events: Option<OwnedFd>,
}

/// CPU time in ns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct CpuTimes {
    pub(crate) total: u64,
    pub(crate) user: u64,
    pub(crate) system: u64,
}

/// What the groups counted for one cell.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counted {
    pub(crate) cpu: CpuTimes,
    pub(crate) memory_peak: u64,
    pub(crate) oom_kills: u64,
}

impl LaneGroup {
    /// `counts_cpu: false` leaves CPU time uncounted, to show what that lets through.
    pub(crate) fn new(files: LaneGroupFiles, counts_cpu: bool) -> LaneGroup {
        let mut group = LaneGroup {
            files,
            base: 0,
            limits: None,
            counts_cpu,
            kernel_kept: 0,
            before: 0,
            oom_kills: 0,
            cpu: CpuTimes::default(),
            cell: None,
            cells: 0,
        };
        group.base = group.memory();
        group.oom_kills = group.oom_kills();
        group
    }

    fn file(&self, index: usize) -> Option<BorrowedFd<'_>> {
        self.files.0[index].as_ref().map(AsFd::as_fd)
    }

    /// Sets the limits for the next cell and resets what can be reset. On v2 makes its group.
    pub(crate) fn begin(&mut self, limits: &Limits, ignore_memory: bool, ignore_pids: bool) -> io::Result<()> {
        let memory = if ignore_memory { u64::MAX } else { limits.memory.get().saturating_add(OVERHEAD) };
        // The program itself is one.
        let processes = if ignore_pids { u32::MAX } else { limits.processes.max(1) };
        if self.files.0[F_V2_DIR].is_some() {
            return self.begin_v2(memory, processes);
        }
        let memory = memory.saturating_add(self.base);
        if self.limits != Some((memory, processes)) {
            self.set_memory_v1(memory)?;
            if let Some(pids) = self.file(F_PIDS) {
                put(pids, &processes_text(processes.saturating_add(OWN_PROCESSES)))?;
            }
            self.limits = Some((memory, processes));
        }
        if let Some(peak) = self.file(F_PEAK) {
            put(peak, "0")?;
        }
        if let Some(event) = self.file(F_OOM_EVENT) {
            // An event of the last cell's.
            let mut count = [0u8; 8];
            let _ = rustix::io::read(event, &mut count);
        }
        self.before = self.memory();
        self.oom_kills = self.oom_kills();
        self.cpu = self.cpu_total();
        Ok(())
    }

    /// Memory and memory with swap: the second may never be the smaller one, on the way either.
    fn set_memory_v1(&self, bytes: u64) -> io::Result<()> {
        let Some(limit) = self.file(F_LIMIT) else { return Ok(()) };
        let text = if bytes >= i64::MAX as u64 { "-1".to_owned() } else { bytes.to_string() };
        let Some(swap) = self.file(F_SWAP_LIMIT) else { return put(limit, &text) };
        if put(limit, &text).is_ok() {
            put(swap, &text)
        } else {
            put(swap, &text)?;
            put(limit, &text)
        }
    }

    fn begin_v2(&mut self, memory: u64, processes: u32) -> io::Result<()> {
        self.cells += 1;
        let name = format!("cell-{}", self.cells);
        let Some(lane) = self.file(F_V2_DIR) else { return Ok(()) };
        rustix::fs::mkdirat(lane, &name, Mode::from_raw_mode(0o755))?;
        let dir = rustix::fs::openat(lane, &name, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        let memory_text = if memory >= i64::MAX as u64 { "max".to_owned() } else { memory.to_string() };
        // A controller that is missing here was told of when the sandbox started.
        for (file, text) in [
            ("memory.max", memory_text.as_str()),
            ("memory.swap.max", "0"),
            ("memory.oom.group", "1"),
            ("pids.max", &processes_text(processes.saturating_add(1))),
        ] {
            match rustix::fs::openat(&dir, file, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty()) {
                Ok(fd) => put(fd.as_fd(), text)?,
                Err(rustix::io::Errno::NOENT) => {}
                Err(other) => return Err(other.into()),
            }
        }
        let events = rustix::fs::openat(&dir, "memory.events", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).ok();
        self.oom_kills = 0;
        self.cpu = CpuTimes::default();
        self.cell = Some(V2Cell { name, dir, events });
        Ok(())
    }

    /// v2: the group the cell's init is born into.
    pub(crate) fn birthplace(&self) -> Option<BorrowedFd<'_>> {
        self.cell.as_ref().map(|c| c.dir.as_fd())
    }

    /// What to poll for an OOM kill, and for which condition.
    pub(crate) fn oom_event(&self) -> Option<(BorrowedFd<'_>, rustix::event::PollFlags)> {
        use rustix::event::PollFlags;
        match &self.cell {
            Some(cell) => cell.events.as_ref().map(|e| (e.as_fd(), PollFlags::PRI)),
            None => self.file(F_OOM_EVENT).map(|e| (e, PollFlags::IN)),
        }
    }

    /// OOM kills in this cell so far.
    pub(crate) fn oom_kills_of_cell(&self) -> u64 {
        self.oom_kills().saturating_sub(self.oom_kills)
    }

    fn oom_kills(&self) -> u64 {
        let text = match &self.cell {
            Some(cell) => cell.events.as_ref().map(|e| text_of(e.as_fd())),
            None => self.file(F_OOM).map(text_of),
        };
        text.and_then(|t| field(&t, "oom_kill")).unwrap_or(0)
    }

    /// CPU time of the cell so far, its init's share included.
    pub(crate) fn cpu_of_cell(&self) -> CpuTimes {
        let now = self.cpu_total();
        CpuTimes {
            total: now.total.saturating_sub(self.cpu.total),
            user: now.user.saturating_sub(self.cpu.user),
            system: now.system.saturating_sub(self.cpu.system),
        }
    }

    /// The counters when the cell began; zero where every cell has its own.
    pub(crate) fn cpu_before_cell(&self) -> CpuTimes {
        self.cpu
    }

    /// The group's counters as they stand.
    pub(crate) fn cpu_total(&self) -> CpuTimes {
        if !self.counts_cpu {
            return CpuTimes::default();
        }
        if let Some(cell) = &self.cell {
            let text = file_text(cell.dir.as_fd(), "cpu.stat");
            let ns = |name| field(&text, name).unwrap_or(0) * 1000;
            return CpuTimes { total: ns("usage_usec"), user: ns("user_usec"), system: ns("system_usec") };
        }
        let number = |index| self.file(index).map_or(0, number_of);
        CpuTimes { total: number(F_CPU), user: number(F_CPU_USER), system: number(F_CPU_SYSTEM) }
    }

    /// Bytes charged right now.
    pub(crate) fn memory(&self) -> u64 {
        match &self.cell {
            Some(cell) => file_text(cell.dir.as_fd(), "memory.current").trim().parse().unwrap_or(0),
            None => self.file(F_USAGE).map_or(0, number_of),
        }
    }

    /// Whether the memory of cells that have ended is back, as far as the next one would miss it: page cache may
    /// stay, since it is given back on demand, but not pages that are still held (by a descriptor in flight
    /// between two sockets, say, which the kernel collects when it comes to it).
    ///
    /// `patient`: what the kernel itself keeps (inodes on their way out) is waited for, too, where it is more than
    /// after the last cell; it would count as the next one's.
    pub(crate) fn is_settled(&mut self, patient: bool) -> bool {
        let kept = self.memory().saturating_sub(self.base);
        if kept <= HELD_MAX || kept > KEPT_MAX {
            return kept <= HELD_MAX;
        }
        let Some(stat) = self.file(F_STAT) else { return true };
        let text = text_of(stat);
        let of = |name| field(&text, name).unwrap_or(0);
        // `cache` counts shared memory, too. Source: cgroup-v1/memory.rst, "memory.stat".
        let file_cache = of("cache").saturating_sub(of("shmem"));
        let kernel = kept.saturating_sub(file_cache);
        let kernel_max = if patient { KERNEL_MAX.min(self.kernel_kept + KERNEL_GROWTH) } else { KERNEL_MAX };
        let settled = of("rss") + of("shmem") <= HELD_MAX && kernel <= kernel_max;
        if settled {
            self.kernel_kept = kernel;
        }
        settled
    }

    /// Reads the cell's figures; its processes are gone. On v2 its group goes, too.
    pub(crate) fn end(&mut self) -> Counted {
        let memory_peak = match &self.cell {
            Some(cell) => file_text(cell.dir.as_fd(), "memory.peak").trim().parse().unwrap_or(0),
            // What earlier cells had left and was given back during this one made room for as much again
            // below the same peak.
            None => self.file(F_PEAK).map_or(0, number_of) + self.before.saturating_sub(self.memory()),
        };
        let counted = Counted { cpu: self.cpu_of_cell(), memory_peak, oom_kills: self.oom_kills_of_cell() };
        if let Some(cell) = self.cell.take()
            && let Some(lane) = self.file(F_V2_DIR)
        {
            let _ = rustix::fs::unlinkat(lane, &cell.name, rustix::fs::AtFlags::REMOVEDIR);
        }
        counted
    }
}

fn processes_text(n: u32) -> String {
    // The kernel's own bound on process ids.
    if n > 4_194_304 { "max".to_owned() } else { n.to_string() }
}

fn put(fd: BorrowedFd<'_>, text: &str) -> io::Result<()> {
    rustix::io::pwrite(fd, text.as_bytes(), 0)?;
    Ok(())
}

fn text_of(fd: BorrowedFd<'_>) -> String {
    let mut buffer = [0u8; 1024];
    let n = rustix::io::pread(fd, &mut buffer, 0).unwrap_or(0);
    String::from_utf8_lossy(&buffer[..n]).into_owned()
}

fn number_of(fd: BorrowedFd<'_>) -> u64 {
    let mut buffer = [0u8; 32];
    let n = rustix::io::pread(fd, &mut buffer, 0).unwrap_or(0);
    buffer[..n]
        .iter()
        .take_while(|c| c.is_ascii_digit())
        .fold(0u64, |sum, c| sum.wrapping_mul(10).wrapping_add(u64::from(c - b'0')))
}

fn file_text(dir: BorrowedFd<'_>, name: &str) -> String {
    match rustix::fs::openat(dir, name, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()) {
        Ok(fd) => text_of(fd.as_fd()),
        Err(_) => String::new(),
    }
}

/// The number after `name` in a file of `name number` lines.
fn field(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HYBRID_GROUPS: &str = "8:pids:/\n4:memory:/outer/me\n3:cpuset:/\n2:cpu,cpuacct:/a\n0::/\n";
    const HYBRID_MOUNTS: &str = "\
30 20 0:26 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
31 20 0:27 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids
32 20 0:28 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset
33 20 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
34 20 0:30 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
";

    #[test]
    fn a_hybrid_machine_uses_version_1_beneath_our_own_groups() {
        let found = Hierarchies::from_texts(HYBRID_GROUPS, HYBRID_MOUNTS);
        assert_eq!(
            found,
            Hierarchies::V1 {
                memory: Some("/sys/fs/cgroup/memory/outer/me".into()),
                pids: Some("/sys/fs/cgroup/pids".into()),
                cpuacct: Some("/sys/fs/cgroup/cpu,cpuacct/a".into()),
                cpuset: Some("/sys/fs/cgroup/cpuset".into()),
            }
        );
    }

    #[test]
    fn a_unified_machine_uses_version_2() {
        let mounts = "25 20 0:22 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate\n";
        let found = Hierarchies::from_texts("0::/system.slice/cupel.service\n", mounts);
        assert_eq!(found, Hierarchies::V2("/sys/fs/cgroup/system.slice/cupel.service".into()));
    }

    #[test]
    fn a_mount_that_shows_only_a_part_is_understood() {
        let mounts = "30 20 0:26 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n";
        let Hierarchies::V1 { memory, .. } = Hierarchies::from_texts("4:memory:/docker/abc/x\n", mounts) else {
            panic!("version 1")
        };
        assert_eq!(memory, Some("/sys/fs/cgroup/memory/x".into()));
    }

    #[test]
    fn figures_are_found_by_their_whole_name() {
        let text = "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n";
        assert_eq!(field(text, "oom_kill"), Some(3));
        assert_eq!(field(text, "oom"), None);
    }
}
