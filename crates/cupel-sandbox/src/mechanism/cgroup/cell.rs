//! Version 2: a cell's own group, made before the cell and removed after it.
//!
//! Its figures are the cell's alone, and begin at nothing: the group is never used again. All files that a run reads or
//! writes are open before it begins. The lane's init made the group and so owns its files; the programs in it, other
//! users, see no control group file system.
//! Source: the kernel's Documentation/admin-guide/cgroup-v2.rst.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use super::lane::{CpuTimes, HELD_MAX, UNSEEN_MAX, field, number_of, processes_text, put, text_of};

/// Memory in bytes and processes that a cell may have.
pub(super) type CellLimits = (u64, u32);

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

/// The greatest amount of memory the cell had.
enum Peak {
    /// Told by the kernel (5.19 and later) for the time since the group was made or, where it can be (6.12 and later),
    /// since it was reset through this descriptor.
    Told(OwnedFd),
    /// An older kernel keeps none: the greatest that was seen, bytes. Whoever watches the cell looks now and then.
    Seen(AtomicU64),
}

impl CellGroup {
    /// Makes the group below a lane's. `limits`: those that the cell will probably have.
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
        // Before 6.12 it is a figure that nobody writes.
        let peak = open(&dir, "memory.peak", OFlags::RDWR).or_else(|_| open(&dir, "memory.peak", OFlags::RDONLY))?;
        Ok(CellGroup {
            name: name.to_owned(),
            limits: None,
            memory_max: open(&dir, "memory.max", OFlags::WRONLY)?,
            processes_max: open(&dir, "pids.max", OFlags::WRONLY)?,
            memory: open(&dir, "memory.current", OFlags::RDONLY)?,
            peak: peak.map_or(Peak::Seen(AtomicU64::new(0)), Peak::Told),
            stat: open(&dir, "memory.stat", OFlags::RDONLY)?,
            events: open(&dir, "memory.events", OFlags::RDONLY)?,
            cpu: open(&dir, "cpu.stat", OFlags::RDONLY)?,
            kill: open(&dir, "cgroup.kill", OFlags::WRONLY)?,
            dir,
        })
    }

    /// What holds for every cell: no swap, and who outgrows the group takes all of it along.
    fn settle(&mut self) -> io::Result<()> {
        for (file, text) in [("memory.swap.max", "0"), ("memory.oom.group", "1")] {
            // A kernel without swap has the one not; a controller that is missing was told of at the start.
            if let Some(file) = open(&self.dir, file, OFlags::WRONLY)? {
                put(file.as_fd(), text)?;
            }
        }
        // Events are news from the first look on.
        let _ = self.ooms();
        Ok(())
    }

    /// Sets the limits, unless they are what they should be. Cells are made with those of the one before.
    pub(super) fn limit(&mut self, (memory, processes): CellLimits) -> io::Result<()> {
        let before = self.limits.replace((memory, processes));
        if before.is_none_or(|(before, _)| before != memory) {
            self.limit_memory(memory)?;
        }
        if let Some(file) = &self.processes_max
            && before.is_none_or(|(_, before)| before != processes)
        {
            // The cell's init is one more.
            put(file.as_fd(), &processes_text(processes.saturating_add(1)))?;
        }
        Ok(())
    }

    /// Sets the limit on memory alone, in bytes. Not remembered: what follows is the end of the cell.
    pub(super) fn limit_memory(&self, bytes: u64) -> io::Result<()> {
        let Some(file) = &self.memory_max else { return Ok(()) };
        let text = if bytes >= i64::MAX as u64 { "max".to_owned() } else { bytes.to_string() };
        put(file.as_fd(), &text)
    }

    /// Forgets the peak of setting up, where the kernel can.
    pub(super) fn reset_peak(&self) {
        match &self.peak {
            Peak::Told(file) => drop(put(file.as_fd(), "reset")),
            Peak::Seen(most) => most.store(0, Relaxed),
        }
    }

    /// Where a cell's init is born.
    pub(super) fn dir(&self) -> BorrowedFd<'_> {
        self.dir.as_fd()
    }

    /// What to poll, for exceptional conditions, for news of the OOM killer.
    pub(super) fn events(&self) -> Option<BorrowedFd<'_>> {
        self.events.as_ref().map(AsFd::as_fd)
    }

    /// Processes that were killed because this group was over its own limit. Those that fell to a limit above it, or
    /// because the machine had no memory left, are not its doing and not counted.
    pub(super) fn ooms(&self) -> u64 {
        let text = self.events.as_ref().map(|file| text_of(file.as_fd())).unwrap_or_default();
        match field(&text, "oom") {
            Some(over) if over > 0 => field(&text, "oom_kill").unwrap_or(0),
            _ => 0,
        }
    }

    pub(super) fn cpu(&self) -> CpuTimes {
        let text = self.cpu.as_ref().map(|file| text_of(file.as_fd())).unwrap_or_default();
        let ns = |name| field(&text, name).unwrap_or(0).saturating_mul(1000);
        if let Peak::Seen(_) = self.peak {
            // Whoever asks for the time is watching.
            let _ = self.memory();
        }
        CpuTimes { total: ns("usage_usec"), user: ns("user_usec"), system: ns("system_usec") }
    }

    /// Bytes charged right now.
    pub(super) fn memory(&self) -> u64 {
        let now = self.memory.as_ref().map_or(0, |file| number_of(file.as_fd()));
        if let Peak::Seen(most) = &self.peak {
            most.fetch_max(now, Relaxed);
        }
        now
    }

    /// The most that was charged at one time, bytes, without page cache of files on disk: that is there for everybody,
    /// is given back on demand, and is charged to whoever happened to be the first to read.
    pub(super) fn peak(&self) -> u64 {
        let peak = match &self.peak {
            Peak::Told(file) => number_of(file.as_fd()),
            Peak::Seen(most) => most.load(Relaxed).max(self.memory()),
        };
        if self.memory() <= UNSEEN_MAX {
            return peak;
        }
        peak.saturating_sub(self.files())
    }

    /// Page cache of files on disk, bytes.
    pub(super) fn files(&self) -> u64 {
        let [file, shared] = self.stat(["file", "shmem"]);
        file.saturating_sub(shared)
    }

    /// These of the kernel's figures, bytes; only those among the first are found.
    fn stat<const N: usize>(&self, names: [&str; N]) -> [u64; N] {
        let text = self.stat.as_ref().map(|file| text_of(file.as_fd())).unwrap_or_default();
        names.map(|name| field(&text, name).unwrap_or(0))
    }

    /// Kills everything in the group at once. `false`: this kernel cannot (before 5.14).
    pub(super) fn kill(&self) -> bool {
        self.kill.as_ref().is_some_and(|file| put(file.as_fd(), "1").is_ok())
    }

    /// Whether the memory that only its processes had is back, now that they are gone. What stays in the page cache
    /// is no cell's.
    pub(super) fn is_given_back(&self) -> bool {
        if self.memory() <= HELD_MAX {
            return true;
        }
        let [private, shared] = self.stat(["anon", "shmem"]);
        private + shared <= HELD_MAX
    }

    /// Removes the group. Fails as long as a process is in it.
    pub(super) fn remove(&self, lane: BorrowedFd<'_>) -> io::Result<()> {
        remove(lane, &self.name)
    }
}

fn remove(lane: BorrowedFd<'_>, name: &str) -> io::Result<()> {
    Ok(rustix::fs::unlinkat(lane, name, rustix::fs::AtFlags::REMOVEDIR)?)
}

/// A file of the group's; `None` where this kernel or this group has none of that name.
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

    /// A directory that looks like a group of an older kernel's.
    fn looking_like_a_group(files: &[(&str, &str)]) -> (tempfile::TempDir, OwnedFd) {
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
    fn without_a_peak_of_the_kernels_the_greatest_amount_seen_is_told() {
        let (lane, fd) = looking_like_a_group(&[("memory.current", "5000000\n"), ("cpu.stat", "usage_usec 7\n")]);
        let group = CellGroup::open(fd.as_fd(), "cell").unwrap();
        group.reset_peak();
        assert_eq!(group.cpu().total, 7000);
        std::fs::write(lane.path().join("cell/memory.current"), "300\n").unwrap();
        assert_eq!((group.memory(), group.peak()), (300, 5_000_000));
        assert!(!group.kill(), "no cgroup.kill either");
    }

    #[test]
    fn only_a_groups_own_limit_makes_its_kills_its_own() {
        let machines = "low 0\nhigh 0\nmax 12\noom 0\noom_kill 3\noom_group_kill 1\n";
        let (lane, fd) = looking_like_a_group(&[("memory.events", machines)]);
        let group = CellGroup::open(fd.as_fd(), "cell").unwrap();
        assert_eq!(group.ooms(), 0);
        std::fs::write(lane.path().join("cell/memory.events"), machines.replace("oom 0", "oom 1")).unwrap();
        assert_eq!(group.ooms(), 3);
    }

    #[test]
    fn limits_are_written_when_they_change() {
        let (lane, fd) = looking_like_a_group(&[("memory.max", "max\n"), ("pids.max", "max\n")]);
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
