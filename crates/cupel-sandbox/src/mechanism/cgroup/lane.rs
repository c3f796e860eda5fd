//! Limiting and counting: a lane's part, over the few files it was handed.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use super::cell::{CellGroup, CellLimits};
use cupel_types::Limits;

/// Memory our own init of a cell may take beside the program, on top of the limit.
const OVERHEAD: u64 = 1024 * 1024;
/// Least memory a cell gets: with less, setting it up could meet the OOM killer before there is a program to kill.
const MEMORY_MIN: u64 = 1024 * 1024;
/// With this much memory a cell is set up without meeting its limit.
const SET_UP_MEMORY: u64 = 16 * 1024 * 1024;
/// Most memory that may stay charged to a lane between two cells: page cache of files on disk, pages that somebody
/// still holds, and the kernel's own, of which it gives most back on demand. A lane that has been the first to read
/// more than this is retired: what it read stays in memory, and weighs on no other lane.
const FILES_MAX: u64 = 1024 * 1024;
pub(super) const HELD_MAX: u64 = 4 * 1024 * 1024;
const KERNEL_MAX: u64 = 16 * 1024 * 1024;
/// By how much that may grow from cell to cell before it is worth waiting for.
const KERNEL_GROWTH: u64 = 384 * 1024;
/// By how much the memory charged may differ from the last time before it is looked up what it consists of. The
/// kernel itself charges in steps of 64 pages to a processor.
pub(super) const UNSEEN_MAX: u64 = 128 * 1024;
/// Largest portion in which the kernel charges memory to a group, bytes. It charges one ahead of use on each processor, and takes the next
/// pages from it. Source: `MEMCG_CHARGE_BATCH` in include/linux/memcontrol.h: 32 pages, 64 since 5.16.
const PORTION: u64 = 64 * PAGE as u64;
const PAGE: usize = 4096;
/// Step in which the unused rest of a portion is measured, and the most that is touched for it; pages.
const AHEAD_STEP: usize = 8;
const AHEAD_PAGES_MAX: usize = 80;
/// The size of given files is rounded up to this in the limit, so that the limit seldom changes from cell to cell; bytes.
const GIVEN_STEP: u64 = 1024 * 1024;
/// Processes beside the program's: the lane's init and the cell's.
const OWN_PROCESSES: u32 = 2;

/// Processes of ours that some lanes and cells have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Beside {
    /// The lane has a zygote.
    pub(crate) zygote: bool,
    /// It will begin this program, in an errand that has the program's groups.
    pub(crate) errand: bool,
}

/// The files of a lane's groups that its init holds, by role; what the machine does not have is missing.
#[derive(Debug, Default)]
pub(crate) struct LaneGroupFiles {
    pub(super) limit: Option<OwnedFd>,
    pub(super) swap_limit: Option<OwnedFd>,
    pub(super) usage: Option<OwnedFd>,
    pub(super) peak: Option<OwnedFd>,
    pub(super) stat: Option<OwnedFd>,
    pub(super) oom: Option<OwnedFd>,
    pub(super) oom_event: Option<OwnedFd>,
    pub(super) pids: Option<OwnedFd>,
    pub(super) cpu: Option<OwnedFd>,
    pub(super) cpu_user: Option<OwnedFd>,
    pub(super) cpu_system: Option<OwnedFd>,
    /// Version 2: the lane's directory, in which its init makes a group per cell.
    pub(super) v2_dir: Option<OwnedFd>,
}

fn fd(file: &Option<OwnedFd>) -> Option<BorrowedFd<'_>> {
    file.as_ref().map(AsFd::as_fd)
}

impl LaneGroupFiles {
    /// The descriptors, for whoever closes all others.
    pub(crate) fn descriptors(&self) -> impl Iterator<Item = i32> + '_ {
        use std::os::fd::AsRawFd;
        [
            &self.limit,
            &self.swap_limit,
            &self.usage,
            &self.peak,
            &self.stat,
            &self.oom,
            &self.oom_event,
            &self.pids,
            &self.cpu,
            &self.cpu_user,
            &self.cpu_system,
            &self.v2_dir,
        ]
        .into_iter()
        .flatten()
        .map(AsRawFd::as_raw_fd)
    }
}

/// A lane's groups as its init uses them.
pub(crate) struct LaneGroup {
    group_files: LaneGroupFiles,
    /// Memory of the init alone, when nothing had run.
    base: u64,
    /// How much of that is memory of processes, and how much page cache, where it is more than next to nothing.
    held_base: u64,
    files_base: u64,
    limits: Option<CellLimits>,
    counts_cpu: bool,
    /// What the kernel kept after the last cell, beside page cache.
    kernel_kept: u64,
    files: FileCache,
    /// Page cache of files on disk that was charged when the cell began, bytes.
    files_before: u64,
    oom_kills: u64,
    /// How much of a portion is used up before a program begins, pages.
    used_ahead: usize,
    /// Version 2: the group of the cell there is, and that of the one before if it is still there.
    cell: Option<CellGroup>,
    ended: Option<CellGroup>,
    /// Version 2: with how much memory the last cell began, bytes.
    began_with: u64,
    cells: u64,
}

/// Page cache of files on disk, as it was last looked up.
#[derive(Default)]
struct FileCache {
    bytes: u64,
    /// All that was charged when it was looked up, by [`Moment`].
    usage_seen: [u64; 3],
}

/// When a lane's memory is looked at.
#[derive(Clone, Copy)]
enum Moment {
    /// With a cell in it that has not begun.
    Begin,
    /// The tenant's processes are gone, the cell is there.
    Counted,
    /// The cell is gone.
    Idle,
}

/// Whether the memory of a cell that has ended is back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Settled {
    Yes,
    NotYet,
    /// What is left, nobody gives back unasked.
    Never,
}

/// CPU time in ns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct CpuTimes {
    pub(crate) total: u64,
    pub(crate) user: u64,
    pub(crate) system: u64,
}

/// What is charged to a cell that is ready for its program.
pub(crate) struct Ready {
    /// Unused rest of the last portion, bytes.
    ahead: u64,
    /// Memory in use, bytes. What is charged beyond it is the program's.
    pub(crate) base: u64,
    /// Pages that were touched to measure `ahead`. They are part of `base`, so they stay until the cell's init ends.
    _touched: Vec<u8>,
}

/// What was measured of the memory of a cell's programs.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Known {
    /// Peak of the group beyond what was in use when the program began, bytes.
    pub(crate) charged: u64,
    /// Memory of others that was freed during the run and hides as much of the program's, bytes: what the kernel had kept of
    /// earlier cells of the lane, or given files that the program removed.
    pub(crate) given_back: u64,
    /// Page faults of all processes that were waited for; 0: unknown.
    pub(crate) faults: u64,
}

impl Known {
    /// Peak memory, bytes.
    ///
    /// The group is charged in portions, so `charged` is too large by less than one. Each page that is used costs one fault, so for a
    /// program that frees nothing the number of faults is exact. It is used where it agrees with `charged`.
    pub(crate) fn used(self) -> u64 {
        let missing = self.faults.saturating_mul(PAGE as u64);
        let most = self.charged + self.given_back;
        let possible = self.charged.saturating_sub(PORTION)..=most + PORTION;
        match self.faults {
            0 => most,
            _ if possible.contains(&missing) => missing,
            // Too few faults: huge pages, or children that were not waited for.
            _ if missing < self.charged => *possible.start(),
            _ => most,
        }
    }

    /// The same for a copy of an interpreter, beside what it shares with that. `nothing`: what was measured of a copy that ran an empty
    /// program. A copy also faults when it first writes to a shared page or reads a file's, so its faults count beyond those alone.
    pub(crate) fn used_by_a_copy(self, nothing: Known) -> u64 {
        let most = self.charged + self.given_back;
        let beyond = self.faults.saturating_sub(nothing.faults).saturating_mul(PAGE as u64);
        let missing = nothing.charged.saturating_add(beyond);
        let possible = self.charged.saturating_sub(PORTION)..=most + PORTION;
        if nothing.faults > 0 && self.faults > 0 && possible.contains(&missing) {
            return missing;
        }
        self.used().min(most)
    }
}

/// What the groups counted for one cell.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counted {
    pub(crate) memory_peak: u64,
    /// Page cache that was charged when the cell began and has been freed since, bytes.
    pub(crate) files_given_back: u64,
    pub(crate) oom_kills: u64,
}

impl LaneGroup {
    /// `counts_cpu: false` leaves CPU time uncounted, to show what that lets through.
    pub(crate) fn new(files: LaneGroupFiles, counts_cpu: bool) -> LaneGroup {
        let mut group = LaneGroup {
            group_files: files,
            base: 0,
            held_base: 0,
            files_base: 0,
            limits: None,
            counts_cpu,
            kernel_kept: 0,
            files: FileCache::default(),
            files_before: 0,
            oom_kills: 0,
            used_ahead: 0,
            cell: None,
            ended: None,
            began_with: 0,
            cells: 0,
        };
        group.base = group.memory();
        group.oom_kills = group.oom_kills();
        group
    }

    /// What is charged now is the lane's own: it is not counted, and not missed, as a cell's.
    pub(crate) fn count_from_here(&mut self) {
        self.base = self.memory();
        self.limits = None;
        let text = fd(&self.group_files.stat).map(text_of).unwrap_or_default();
        let of = |name| field(&text, name).unwrap_or(0);
        self.held_base = of("rss") + of("shmem");
        self.files_base = of("cache").saturating_sub(of("shmem"));
    }

    /// Makes the next programs begin with this many pages of a portion used up, at most 48. Over several values the smallest peak of
    /// equal programs is more exact than one portion.
    pub(crate) fn use_ahead(&mut self, pages: usize) {
        self.used_ahead = pages.min(48);
    }

    /// The next cell; v2: makes its group, for its init to be born into.
    pub(crate) fn make_cell_group(&mut self) -> io::Result<()> {
        self.cells += 1;
        let Some(lane) = fd(&self.group_files.v2_dir) else { return Ok(()) };
        // The limits of the last cell, which are probably the next one's; not those that setting up might meet.
        let limits = self.limits.filter(|(memory, _)| *memory >= SET_UP_MEMORY);
        self.cell = Some(CellGroup::make(lane, format!("cell-{}", self.cells), limits)?);
        Ok(())
    }

    /// Measures what is in use and resets the peak. Called by the cell's init when all is ready but the program, so the files that the
    /// cell was given, its executable among them, are not counted as the program's memory.
    ///
    /// The unused rest of the last [`PORTION`] would hide as much of the program's memory, and differs from run to run. So pages are
    /// touched until the kernel charges the next portion; then its rest is known.
    pub(crate) fn begin_counting(&self) -> Ready {
        let mut touched = Vec::with_capacity((AHEAD_PAGES_MAX + self.used_ahead) * PAGE);
        let mut charged = self.memory();
        let mut ahead = 0;
        let step = (AHEAD_STEP * PAGE) as u64;
        while charged > 0 && ahead == 0 && touched.len() < AHEAD_PAGES_MAX * PAGE {
            touched.resize(touched.len() + AHEAD_STEP * PAGE, 1);
            std::hint::black_box(&mut touched);
            let before = std::mem::replace(&mut charged, self.memory());
            if charged > before + step {
                // The portion came in the middle of the step, on average.
                ahead = (charged - before).saturating_sub(step / 2);
            }
        }
        if self.used_ahead > 0 && ahead > 0 {
            touched.resize(touched.len() + self.used_ahead * PAGE, 1);
            std::hint::black_box(&mut touched);
            ahead = ahead.saturating_sub((self.used_ahead * PAGE) as u64);
        }
        self.reset_peak();
        Ready { ahead, base: self.memory_at_the_beginning().saturating_sub(ahead), _touched: touched }
    }

    fn reset_peak(&self) {
        match (&self.cell, fd(&self.group_files.peak)) {
            (Some(cell), _) => cell.reset_peak(),
            // If it cannot be reset, the peak includes setting up.
            (None, Some(peak)) => drop(put(peak, "0")),
            (None, None) => {}
        }
    }

    /// What is charged before the program begins, bytes: its limit is beside that. Called by the cell's init with what it found.
    pub(crate) fn held(&self, ready: &Ready) -> u64 {
        let held = match &self.cell {
            Some(cell) => cell.memory(),
            None => self.memory().saturating_sub(self.files.bytes),
        };
        held.saturating_sub(ready.ahead)
    }

    /// Called by the cell's init: from here on the limit is the program's alone. Until then there is a little more, for setting up.
    /// `less`: what the program shares with others and is not charged for, bytes.
    pub(crate) fn limit_memory_to(&self, limits: &Limits, less: u64, held: u64) -> io::Result<()> {
        let memory = limits.memory.get().saturating_sub(less).max(MEMORY_MIN).saturating_add(held);
        match &self.cell {
            Some(cell) => cell.limit_memory(memory),
            None => self.set_memory_v1(memory),
        }
    }

    /// Sets the limits for the next cell, but for the ignored of memory and processes, and resets what can be reset. `given`: bytes of
    /// the files that will be laid into it, which are not its program's memory.
    pub(crate) fn begin(
        &mut self,
        limits: &Limits,
        given: u64,
        beside: Beside,
        (ignore_memory, ignore_pids): (bool, bool),
    ) -> io::Result<()> {
        let given = given.next_multiple_of(GIVEN_STEP);
        let memory = limits.memory.get().max(MEMORY_MIN).saturating_add(OVERHEAD).saturating_add(given);
        let memory = if ignore_memory { u64::MAX } else { memory };
        // The program itself is one. An errand ends when it begins: for the rest of its life it could have one more, by
        // this limit; the user's own (`RLIMIT_NPROC`) knows no errand.
        let program = limits.processes.max(1).saturating_add(u32::from(beside.errand));
        let processes = if ignore_pids { u32::MAX } else { program };
        if let Some(cell) = &mut self.cell {
            cell.limit((memory, processes))?;
            cell.reset_peak();
            self.limits = Some((memory, processes));
            self.oom_kills = self.oom_kills();
            return Ok(());
        }
        let memory = memory.saturating_add(self.base);
        let processes = processes.saturating_add(u32::from(beside.zygote));
        if self.limits != Some((memory, processes)) {
            self.set_memory_v1(memory)?;
            if let Some(pids) = fd(&self.group_files.pids) {
                put(pids, &processes_text(processes.saturating_add(OWN_PROCESSES)))?;
            }
            self.limits = Some((memory, processes));
        }
        if let Some(event) = fd(&self.group_files.oom_event) {
            // An event of the last cell's.
            let mut count = [0u8; 8];
            let _ = rustix::io::read(event, &mut count);
        }
        self.files_before = self.file_cache(Moment::Begin);
        self.oom_kills = self.oom_kills();
        Ok(())
    }

    /// Memory and memory with swap: the second may never be the smaller one, on the way either.
    fn set_memory_v1(&self, bytes: u64) -> io::Result<()> {
        let Some(limit) = fd(&self.group_files.limit) else { return Ok(()) };
        let text = if bytes >= i64::MAX as u64 { "-1".to_owned() } else { bytes.to_string() };
        let Some(swap) = fd(&self.group_files.swap_limit) else { return put(limit, &text) };
        if put(limit, &text).is_ok() {
            put(swap, &text)
        } else {
            put(swap, &text)?;
            put(limit, &text)
        }
    }

    /// How many cells there have been.
    pub(crate) fn cells(&self) -> u64 {
        self.cells
    }

    /// v2: the group the cell's init is born into.
    pub(crate) fn birthplace(&self) -> Option<BorrowedFd<'_>> {
        self.cell.as_ref().map(CellGroup::dir)
    }

    /// What to poll for an OOM kill, and for which condition.
    pub(crate) fn oom_event(&self) -> Option<(BorrowedFd<'_>, rustix::event::PollFlags)> {
        use rustix::event::PollFlags;
        match &self.cell {
            Some(cell) => cell.events().map(|e| (e, PollFlags::PRI)),
            None => fd(&self.group_files.oom_event).map(|e| (e, PollFlags::IN)),
        }
    }

    /// OOM kills in this cell so far.
    pub(crate) fn oom_kills_of_cell(&self) -> u64 {
        self.oom_kills().saturating_sub(self.oom_kills)
    }

    fn oom_kills(&self) -> u64 {
        match &self.cell {
            Some(cell) => cell.ooms(),
            None => fd(&self.group_files.oom).and_then(|file| field(&text_of(file), "oom_kill")).unwrap_or(0),
        }
    }

    /// Version 2: kills everything in the cell at once. `false`: that has to be done in another way.
    pub(crate) fn kill_cell(&self) -> bool {
        self.cell.as_ref().is_some_and(CellGroup::kill)
    }

    /// CPU time as the group's counter stands, ns.
    pub(crate) fn cpu_ns(&self) -> u64 {
        match (&self.cell, fd(&self.group_files.cpu)) {
            (None, Some(total)) if self.counts_cpu => number_of(total),
            _ => self.cpu_total().total,
        }
    }

    /// Whether what the lane's init uses is counted together with its cells.
    pub(crate) fn counts_the_lane(&self) -> bool {
        self.group_files.v2_dir.is_none()
    }

    /// The group's counters as they stand.
    pub(crate) fn cpu_total(&self) -> CpuTimes {
        if !self.counts_cpu {
            return CpuTimes::default();
        }
        if let Some(cell) = &self.cell {
            return cell.cpu();
        }
        let number = |file: &Option<OwnedFd>| fd(file).map_or(0, number_of);
        CpuTimes {
            total: number(&self.group_files.cpu),
            user: number(&self.group_files.cpu_user),
            system: number(&self.group_files.cpu_system),
        }
    }

    /// Bytes charged to a cell that is ready to begin, for its init; its peak is counted from there. Version 2 has a
    /// figure of page cache for each cell, which is no part of its peak, nor of this.
    fn memory_at_the_beginning(&self) -> u64 {
        match &self.cell {
            // It is looked up when there is more than cells began with before: usually there is no page cache.
            Some(cell) if cell.memory() > self.began_with + UNSEEN_MAX => cell.memory().saturating_sub(cell.files()),
            _ => self.memory(),
        }
    }

    /// With how much memory the cell has begun, as its init found.
    pub(crate) fn has_begun_with(&mut self, memory: u64) {
        if self.cell.is_some() && memory > 0 {
            self.began_with = memory;
        }
    }

    /// Bytes charged right now.
    pub(crate) fn memory(&self) -> u64 {
        match &self.cell {
            Some(cell) => cell.memory(),
            None => fd(&self.group_files.usage).map_or(0, number_of),
        }
    }

    /// Whether the memory of cells that have ended is back, as far as the next one would miss it: a little page cache may
    /// stay, since it is given back on demand, but not pages that are still held (by a descriptor in flight
    /// between two sockets, say, which the kernel collects when it comes to it).
    ///
    /// What the kernel itself keeps (tasks and inodes on their way out) is waited for, too, where it is more than after the last
    /// cell: given back in the middle of the next one, it would hide as much of what that uses.
    pub(crate) fn settled(&mut self) -> Settled {
        if let (Some(ended), Some(lane)) = (&self.ended, fd(&self.group_files.v2_dir)) {
            if !ended.is_given_back() || ended.remove(lane).is_err() {
                return Settled::NotYet;
            }
            self.ended = None;
        }
        if self.group_files.v2_dir.is_some() {
            return Settled::Yes;
        }
        let kept = self.memory().saturating_sub(self.base);
        let files = self.file_cache(Moment::Idle).saturating_sub(self.files_base);
        let beside_files = kept.saturating_sub(files);
        if beside_files > HELD_MAX
            && let Some(stat) = fd(&self.group_files.stat)
        {
            let text = text_of(stat);
            let of = |name| field(&text, name).unwrap_or(0);
            if (of("rss") + of("shmem")).saturating_sub(self.held_base) > HELD_MAX {
                return Settled::NotYet;
            }
        }
        if beside_files > KERNEL_MAX.min(self.kernel_kept + KERNEL_GROWTH) {
            return Settled::NotYet;
        }
        self.kernel_kept = beside_files;
        if files > FILES_MAX { Settled::Never } else { Settled::Yes }
    }

    /// Page cache of files on disk charged to this lane, bytes. It changes little from cell to cell, and then so does
    /// all that is charged: what that consists of is looked up only when it differs from the last time.
    fn file_cache(&mut self, moment: Moment) -> u64 {
        let usage = self.memory();
        let seen = &mut self.files.usage_seen[moment as usize];
        if usage.abs_diff(*seen) > UNSEEN_MAX
            && let Some(stat) = fd(&self.group_files.stat)
        {
            *seen = usage;
            let text = text_of(stat);
            // `cache` counts shared memory, too. Source: cgroup-v1/memory.rst, "memory.stat".
            self.files.bytes = field(&text, "cache").unwrap_or(0).saturating_sub(field(&text, "shmem").unwrap_or(0));
        }
        self.files.bytes
    }

    /// The highest memory use without page cache of files on disk, but with that which was there before.
    ///
    /// The kernel keeps one peak, of everything together. Page cache of disk files is there for everybody, is given
    /// back on demand, and is charged to whoever happened to be the first to read; so it is taken off. As it
    /// only grows until it is given back for want of memory, what is there at the end is what was there at the peak, or
    /// more: a program that gives memory back and then is the first to read large files has a peak that cannot be seen.
    fn peak(&mut self) -> u64 {
        match &self.cell {
            Some(cell) => cell.peak(),
            None => {
                let peak = fd(&self.group_files.peak).map_or(0, number_of);
                let files = self.file_cache(Moment::Counted);
                // What earlier cells had left and was given back during this one made room for as much again.
                (peak + self.files_before).saturating_sub(files)
            }
        }
    }

    /// The cell's figures; the tenant's processes are gone.
    pub(crate) fn counted(&mut self) -> Counted {
        let memory_peak = self.peak();
        let files_given_back = self.files_before.saturating_sub(self.files.bytes);
        Counted { memory_peak, files_given_back, oom_kills: self.oom_kills_of_cell() }
    }

    /// All of the cell's processes are gone. On v2 its group goes, too, when it is asked whether all is settled.
    pub(crate) fn end(&mut self) {
        if let Some(cell) = self.cell.take() {
            let before = self.ended.replace(cell);
            if let (Some(before), Some(lane)) = (before, fd(&self.group_files.v2_dir)) {
                // What cannot go now goes with the lane.
                let _ = before.remove(lane);
            }
        }
    }
}

pub(super) fn processes_text(n: u32) -> String {
    // The kernel's own bound on process ids.
    if n > 4_194_304 { "max".to_owned() } else { n.to_string() }
}

pub(super) fn put(fd: BorrowedFd<'_>, text: &str) -> io::Result<()> {
    rustix::io::pwrite(fd, text.as_bytes(), 0)?;
    Ok(())
}

pub(super) fn text_of(fd: BorrowedFd<'_>) -> String {
    let mut buffer = [0u8; 1024];
    let n = rustix::io::pread(fd, &mut buffer, 0).unwrap_or(0);
    String::from_utf8_lossy(&buffer[..n]).into_owned()
}

pub(super) fn number_of(fd: BorrowedFd<'_>) -> u64 {
    let mut buffer = [0u8; 32];
    let n = rustix::io::pread(fd, &mut buffer, 0).unwrap_or(0);
    buffer[..n]
        .iter()
        .take_while(|c| c.is_ascii_digit())
        .fold(0u64, |sum, c| sum.wrapping_mul(10).wrapping_add(u64::from(c - b'0')))
}

/// The number after `name` in a file of `name number` lines.
pub(super) fn field(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_charged_and_not_used_is_less_than_a_portion() {
        let page = PAGE as u64;
        let used = |charged, faults| Known { charged: charged * PORTION, given_back: 0, faults }.used();
        assert_eq!(used(10, 0), 10 * PORTION, "nobody knows");
        assert_eq!(used(10, 900), 10 * PORTION, "it gave memory back");
        assert_eq!(used(10, 600), 600 * page);
        assert_eq!(used(10, 660), 660 * page);
        assert_eq!(used(10, 3), 9 * PORTION, "of larger pages, or of children that nobody waited for");
        assert_eq!(used(0, 5), 5 * page);
    }

    #[test]
    fn the_faults_of_a_copy_count_beyond_those_of_one_that_does_nothing() {
        let page = PAGE as u64;
        let nothing = Known { charged: 2 * PORTION, given_back: 0, faults: 300 };
        let used =
            |charged, faults| Known { charged: charged * PORTION, given_back: 0, faults }.used_by_a_copy(nothing);
        assert_eq!(used(3, 300), 2 * PORTION);
        assert_eq!(used(3, 310), 2 * PORTION + 10 * page);
        assert_eq!(used(3, 0), 3 * PORTION, "it was ended, so its faults are unknown");
        assert_eq!(used(3, 900), 3 * PORTION, "it freed memory");
    }

    #[test]
    fn what_others_gave_back_hides_nothing() {
        let hidden = |faults| Known { charged: 4 * PORTION, given_back: 6 * PORTION, faults }.used();
        assert_eq!(hidden(0), 10 * PORTION);
        assert_eq!(hidden(600), 600 * PAGE as u64);
        assert_eq!(hidden(900), 10 * PORTION);
    }

    #[test]
    fn figures_are_found_by_their_whole_name() {
        let text = "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n";
        assert_eq!(field(text, "oom_kill"), Some(3));
        assert_eq!(field(text, "oom"), None);
    }
}
