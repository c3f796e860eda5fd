//! Version 2: the group of one cell, created before the cell and removed after it.
//!
//! The group is never reused, so its figures start at zero and include only this cell. All control files that a run
//! needs are opened before the run begins. The lane's init creates the group, and therefore owns its files. The
//! programs in the group run as other users and see no control group file system.
//! Source: the kernel's Documentation/admin-guide/cgroup-v2.rst.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use super::OomKill;
use super::control_files::{field, number_of, processes_text, put, text_of};

/// Maximum private and shared memory of an ended cell that may still be charged when the next one begins, in bytes.
pub(super) const HELD_MAX: u64 = 4 * 1024 * 1024;
/// Amount of charged memory, in bytes, below which page cache is ignored, and below which a change does not make a
/// reading of `memory.stat` outdated. The kernel charges in steps of 64 pages per processor.
pub(super) const UNSEEN_MAX: u64 = 128 * 1024;

/// Limits of a cell: memory in bytes, and number of processes.
pub(super) type CellLimits = (u64, u32);

/// CPU time in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct CpuTimes {
    pub(crate) total: u64,
    pub(crate) user: u64,
    pub(crate) system: u64,
}

pub(super) struct CellGroup {
    name: String,
    dir: OwnedFd,
    limits: Option<CellLimits>,
    memory_max: Option<OwnedFd>,
    processes_max: Option<OwnedFd>,
    memory: Option<OwnedFd>,
    peak: Peak,
    stat: Option<OwnedFd>,
    events: Option<OwnedFd>,
    cpu: Option<OwnedFd>,
    kill: Option<OwnedFd>,
}

/// Source of the cell's peak memory.
enum Peak {
    /// The kernel's peak (Linux 5.19 and later) since the group was created or, on Linux 6.12 and later, since it was
    /// reset through this descriptor.
    Kernels(OwnedFd),
    /// The highest sampled usage in bytes, for older kernels, which keep no peak. The lane's supervisor samples the
    /// usage periodically.
    Sampled(AtomicU64),
}

impl CellGroup {
    /// Creates the group below a lane's group. `limits` are the limits that the cell will probably have.
    pub(super) fn make(lane: BorrowedFd<'_>, name: String, limits: Option<CellLimits>) -> io::Result<CellGroup> {
        rustix::fs::mkdirat(lane, &name, Mode::from_raw_mode(0o755))?;
        let made = CellGroup::open(lane, &name).and_then(|mut group| {
            group.settle()?;
            if let Some(limits) = limits {
                group.limit(limits)?;
            }
            Ok(group)
        });
        made.inspect_err(|_| remove(lane, &name).unwrap_or(()))
    }

    fn open(lane: BorrowedFd<'_>, name: &str) -> io::Result<CellGroup> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let dir = rustix::fs::openat(lane, name, flags, Mode::empty())?;
        // Before Linux 6.12, this file is read-only.
        let peak = open(&dir, "memory.peak", OFlags::RDWR).or_else(|_| open(&dir, "memory.peak", OFlags::RDONLY))?;
        Ok(CellGroup {
            name: name.to_owned(),
            limits: None,
            memory_max: open(&dir, "memory.max", OFlags::WRONLY)?,
            processes_max: open(&dir, "pids.max", OFlags::WRONLY)?,
            memory: open(&dir, "memory.current", OFlags::RDONLY)?,
            peak: peak.map_or(Peak::Sampled(AtomicU64::new(0)), Peak::Kernels),
            stat: open(&dir, "memory.stat", OFlags::RDONLY)?,
            events: open(&dir, "memory.events", OFlags::RDONLY)?,
            cpu: open(&dir, "cpu.stat", OFlags::RDONLY)?,
            kill: open(&dir, "cgroup.kill", OFlags::WRONLY)?,
            dir,
        })
    }

    /// Applies the settings for every cell: no swap, and an OOM kill ends all processes of the group.
    fn settle(&mut self) -> io::Result<()> {
        for (file, text) in [("memory.swap.max", "0"), ("memory.oom.group", "1")] {
            // A kernel without swap lacks the first file. A missing controller was reported at the start.
            if let Some(file) = open(&self.dir, file, OFlags::WRONLY)? {
                put(file.as_fd(), text)?;
            }
        }
        // `poll` reports events of this file only after the file has been read once.
        let _ = self.oom_kill();
        Ok(())
    }

    /// Sets the limits that differ from the current limits. A cell's group is created with the limits of the previous
    /// cell.
    pub(super) fn limit(&mut self, (memory, processes): CellLimits) -> io::Result<()> {
        let before = self.limits.replace((memory, processes));
        if before.is_none_or(|(before, _)| before != memory) {
            self.limit_memory(memory)?;
        }
        if let Some(file) = &self.processes_max
            && before.is_none_or(|(_, before)| before != processes)
        {
            // The cell's init is one more process.
            put(file.as_fd(), &processes_text(processes.saturating_add(1)))?;
        }
        Ok(())
    }

    /// Sets only the memory limit, in bytes. `limits` is not updated, because it is not read again before the cell
    /// ends.
    pub(super) fn limit_memory(&self, bytes: u64) -> io::Result<()> {
        let Some(file) = &self.memory_max else { return Ok(()) };
        let text = if bytes >= i64::MAX as u64 { "max".to_owned() } else { bytes.to_string() };
        put(file.as_fd(), &text)
    }

    /// Resets the peak after setup, if the kernel supports that.
    pub(super) fn reset_peak(&self) {
        match &self.peak {
            Peak::Kernels(file) => drop(put(file.as_fd(), "reset")),
            Peak::Sampled(most) => most.store(0, Relaxed),
        }
    }

    /// The directory of the group in which the cell's init is started.
    pub(super) fn dir(&self) -> BorrowedFd<'_> {
        self.dir.as_fd()
    }

    /// The descriptor to poll for exceptional conditions, which signal OOM kills.
    pub(super) fn events(&self) -> Option<BorrowedFd<'_>> {
        self.events.as_ref().map(AsFd::as_fd)
    }

    /// Whether and why the OOM killer has killed a process of this group. A group that has exceeded its own limit may
    /// still have been killed for another reason.
    pub(super) fn oom_kill(&self) -> Option<OomKill> {
        let text = self.events.as_ref().map(|file| text_of(file.as_fd())).unwrap_or_default();
        match (field(&text, "oom_kill"), field(&text, "oom")) {
            (None | Some(0), _) => None,
            (Some(_), None | Some(0)) => Some(OomKill::Foreign),
            (Some(_), Some(_)) => Some(OomKill::OwnLimit),
        }
    }

    pub(super) fn cpu(&self) -> CpuTimes {
        let text = self.cpu.as_ref().map(|file| text_of(file.as_fd())).unwrap_or_default();
        let ns = |name| field(&text, name).unwrap_or(0).saturating_mul(1000);
        if let Peak::Sampled(_) = self.peak {
            // The supervisor polls the CPU time, so sample the memory at the same time.
            let _ = self.memory();
        }
        CpuTimes { total: ns("usage_usec"), user: ns("user_usec"), system: ns("system_usec") }
    }

    /// Bytes that are charged now.
    pub(super) fn memory(&self) -> u64 {
        let now = self.memory.as_ref().map_or(0, |file| number_of(file.as_fd()));
        if let Peak::Sampled(most) = &self.peak {
            most.fetch_max(now, Relaxed);
        }
        now
    }

    /// Peak of the charged memory, in bytes, minus the page cache of files on disk at the end. All programs share that
    /// cache; the kernel reclaims it on demand, and charges it to the group that reads a page first. If a program frees
    /// memory and then reads files, the result is less than the true peak (`LaneGroup::peak`).
    pub(super) fn peak(&self) -> u64 {
        let peak = match &self.peak {
            Peak::Kernels(file) => number_of(file.as_fd()),
            Peak::Sampled(most) => most.load(Relaxed).max(self.memory()),
        };
        if self.memory() <= UNSEEN_MAX {
            return peak;
        }
        peak.saturating_sub(self.files())
    }

    /// Page cache of files on disk, in bytes.
    pub(super) fn files(&self) -> u64 {
        let [file, shared] = self.stat(["file", "shmem"]);
        file.saturating_sub(shared)
    }

    /// Fields of `memory.stat`, in bytes. Only fields in the first 1024 bytes of the file are found.
    fn stat<const N: usize>(&self, names: [&str; N]) -> [u64; N] {
        let text = self.stat.as_ref().map(|file| text_of(file.as_fd())).unwrap_or_default();
        names.map(|name| field(&text, name).unwrap_or(0))
    }

    /// Kills all processes of the group at once. Returns `false` if the kernel does not support that (before Linux
    /// 5.14).
    pub(super) fn kill(&self) -> bool {
        self.kill.as_ref().is_some_and(|file| put(file.as_fd(), "1").is_ok())
    }

    /// Whether the private and shared memory of the ended processes has been freed. Remaining page cache does not
    /// matter.
    pub(super) fn is_given_back(&self) -> bool {
        if self.memory() <= HELD_MAX {
            return true;
        }
        let [private, shared] = self.stat(["anon", "shmem"]);
        private + shared <= HELD_MAX
    }

    /// Removes the group. Fails while it contains a process.
    pub(super) fn remove(&self, lane: BorrowedFd<'_>) -> io::Result<()> {
        remove(lane, &self.name)
    }
}

fn remove(lane: BorrowedFd<'_>, name: &str) -> io::Result<()> {
    Ok(rustix::fs::unlinkat(lane, name, rustix::fs::AtFlags::REMOVEDIR)?)
}

/// Opens a file of the group. Returns `None` if this kernel or this group has no such file.
fn open(dir: &OwnedFd, name: &str, flags: OFlags) -> Result<Option<OwnedFd>, Errno> {
    match rustix::fs::openat(dir, name, flags | OFlags::CLOEXEC, Mode::empty()) {
        Ok(file) => Ok(Some(file)),
        Err(Errno::NOENT) => Ok(None),
        Err(other) => Err(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A directory that imitates a group of an older kernel.
    fn fake_group(files: &[(&str, &str)]) -> (tempfile::TempDir, OwnedFd) {
        let lane = tempfile::tempdir().unwrap();
        let dir = lane.path().join("cell");
        std::fs::create_dir(&dir).unwrap();
        for (name, text) in files {
            std::fs::write(dir.join(name), text).unwrap();
        }
        let fd = rustix::fs::open(lane.path(), OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty()).unwrap();
        (lane, fd)
    }

    #[test]
    fn if_the_kernel_keeps_no_peak_the_highest_sample_is_used() {
        let (lane, fd) = fake_group(&[("memory.current", "5000000\n"), ("cpu.stat", "usage_usec 7\n")]);
        let group = CellGroup::open(fd.as_fd(), "cell").unwrap();
        group.reset_peak();
        assert_eq!(group.cpu().total, 7000);
        std::fs::write(lane.path().join("cell/memory.current"), "300\n").unwrap();
        assert_eq!((group.memory(), group.peak()), (300, 5_000_000));
        assert!(!group.kill(), "there is no cgroup.kill");
    }

    #[test]
    fn an_oom_kill_is_foreign_unless_the_group_exceeded_its_limit() {
        let machines = "low 0\nhigh 0\nmax 12\noom 0\noom_kill 3\noom_group_kill 1\n";
        let (lane, fd) = fake_group(&[("memory.events", machines)]);
        let group = CellGroup::open(fd.as_fd(), "cell").unwrap();
        assert_eq!(group.oom_kill(), Some(OomKill::Foreign));
        std::fs::write(lane.path().join("cell/memory.events"), machines.replace("oom 0", "oom 1")).unwrap();
        assert_eq!(group.oom_kill(), Some(OomKill::OwnLimit));
        let other = machines.replace("oom_kill 3", "oom_kill 0");
        std::fs::write(lane.path().join("cell/memory.events"), other.replace("oom 0", "oom 1")).unwrap();
        assert_eq!(group.oom_kill(), None);
    }

    #[test]
    fn limits_are_written_only_when_they_change() {
        let (lane, fd) = fake_group(&[("memory.max", "max\n"), ("pids.max", "max\n")]);
        let mut group = CellGroup::open(fd.as_fd(), "cell").unwrap();
        let file = |name: &str| std::fs::read_to_string(lane.path().join("cell").join(name)).unwrap();
        group.limit((77_000, 10)).unwrap();
        assert!(file("memory.max").starts_with("77000") && file("pids.max").starts_with("11"));
        std::fs::write(lane.path().join("cell/memory.max"), "as it was").unwrap();
        group.limit((77_000, u32::MAX)).unwrap();
        assert_eq!(file("memory.max"), "as it was");
        assert!(file("pids.max").starts_with("max"));
    }
}
