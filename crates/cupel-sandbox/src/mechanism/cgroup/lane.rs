//! The lane's part of control groups: limits cells and counts their usage, through files that the launcher passed to
//! the lane.

use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};

use cupel_types::Limits;

use super::cell::{CellGroup, CellLimits, CpuTimes, HELD_MAX, UNSEEN_MAX};
use super::control_files::{LaneGroupFiles, fd, field, number_of, processes_text, put, text_of};
use super::exact::ExactBase;
use super::known::PAGE;

/// Memory that a cell's init may use in addition to the program's limit, in bytes.
const OVERHEAD: u64 = 1024 * 1024;
/// Minimum memory of a cell, in bytes. With less, the OOM killer could act during setup, before there is a program to
/// kill.
const MEMORY_MIN: u64 = 1024 * 1024;
/// Memory with which a cell can be set up without reaching its limit, in bytes.
const SET_UP_MEMORY: u64 = 16 * 1024 * 1024;
/// Maximum memory that may remain charged to a lane between two cells, in bytes: `FILES_MAX` of page cache of files on
/// disk, and `KERNEL_MAX` of kernel memory, most of which the kernel frees on demand. [`HELD_MAX`] bounds the pages
/// that are still held. A lane with more page cache is retired; the cached files then stay in memory, but no lane is
/// charged for them.
const FILES_MAX: u64 = 1024 * 1024;
const KERNEL_MAX: u64 = 16 * 1024 * 1024;
/// Maximum growth of kernel memory from one cell to the next, in bytes. If the memory grows more, the lane waits until
/// it is freed.
const KERNEL_GROWTH: u64 = 384 * 1024;
/// Step in which the unused rest of a batch is measured, and the maximum number of pages that are touched to measure
/// this rest. Both are in pages.
const AHEAD_STEP: usize = 8;
const AHEAD_PAGES_MAX: usize = 80;
/// The size of input files in the memory limit is rounded up to a multiple of this number of bytes, so that the limit
/// seldom changes from cell to cell.
const INPUT_FILES_STEP: u64 = 1024 * 1024;
/// Maximum that the kernel charges at once, in bytes. A group that reached its limit has used all but this much of it.
/// Source: `MEMCG_CHARGE_BATCH` in include/linux/memcontrol.h.
const CHARGE_MAX: u64 = 64 * PAGE as u64;
/// Processes in addition to the program's: the init processes of the lane and of the cell.
const OWN_PROCESSES: u32 = 2;

/// Additional sandbox processes that some lanes and cells have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Beside {
    /// The lane has a zygote.
    pub(crate) zygote: bool,
    /// The zygote will start this program, through a short-lived process (the errand) in the program's groups.
    pub(crate) errand: bool,
}

/// A lane's groups, used by the lane's init.
pub(crate) struct LaneGroup {
    pub(super) group_files: LaneGroupFiles,
    /// Whether the kernel counts the pages of programs exactly.
    is_exact: bool,
    /// Memory of the lane's init alone, before any cell, in bytes.
    base: u64,
    /// Process memory and page cache contained in `base`; zero if they are negligible.
    held_base: u64,
    files_base: u64,
    limits: Option<CellLimits>,
    counts_cpu: bool,
    /// Kernel memory that remained after the last cell, without page cache.
    kernel_kept: u64,
    files: FileCache,
    /// Page cache of files on disk that was charged when the cell began, in bytes.
    files_before: u64,
    oom_kills: u64,
    /// Number of pages of a batch that are used up before a program begins.
    used_ahead: usize,
    /// Version 2: the group of the current cell, and that of the previous one if it still exists.
    cell: Option<CellGroup>,
    ended: Option<CellGroup>,
    /// Version 2: memory in use when the last cell began, in bytes.
    began_with: u64,
    cells: u64,
}

/// Page cache of files on disk at the last reading.
#[derive(Default)]
struct FileCache {
    bytes: u64,
    /// Total charged memory at the last reading, by [`Moment`].
    usage_seen: [u64; 3],
}

/// Point in the life of a cell at which the lane's memory is read.
#[derive(Clone, Copy)]
enum Moment {
    /// The cell exists, but its program has not begun.
    Begin,
    /// The tenant's processes are gone, but the cell still exists.
    Counted,
    /// The cell is gone.
    Idle,
}

/// Whether the memory of an ended cell has been freed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Settled {
    Yes,
    NotYet,
    /// The rest will not be freed without memory pressure.
    Never,
}

/// Memory charged to a cell that is ready for its program.
pub(crate) struct Ready {
    /// Unused rest of the last batch, in bytes.
    ahead: u64,
    /// Memory in use, in bytes. All memory that is charged in addition belongs to the program.
    pub(crate) base: u64,
    /// Memory in use as counted page by page, for [`LaneGroup::exact_since`].
    pub(crate) exact_base: ExactBase,
    /// Pages that were touched to measure `ahead`. They are part of `base`, so they are kept until the cell's init
    /// ends.
    _touched: Vec<u8>,
}

/// Counters of the lane's groups for one cell.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counted {
    pub(crate) memory_peak: u64,
    /// Page cache that was charged when the cell began and has been freed since, in bytes.
    pub(crate) files_given_back: u64,
    pub(crate) oom_kill: Option<OomKill>,
}

/// Why the OOM killer killed a process of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OomKill {
    /// The cell exceeded its memory limit.
    OwnLimit,
    /// The machine, or a group above the lane's, ran out of memory. With version 2, such a kill also ends the cell's
    /// init.
    Foreign,
}

impl LaneGroup {
    /// `counts_cpu: false` turns off the counting of CPU time. Only tests use it.
    pub(crate) fn new(files: LaneGroupFiles, counts_cpu: bool) -> LaneGroup {
        let mut group = LaneGroup {
            group_files: files,
            is_exact: false,
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
        group.is_exact = group.counts_exactly();
        group.base = group.memory();
        group.oom_kills = group.oom_kills_v1();
        group
    }

    /// Adds the memory that is charged now to the lane's base, so that it is not attributed to cells.
    pub(crate) fn count_from_here(&mut self) {
        self.base = self.memory();
        self.limits = None;
        let text = fd(&self.group_files.stat).map(text_of).unwrap_or_default();
        let of = |name| field(&text, name).unwrap_or(0);
        self.held_base = of("rss") + of("shmem");
        self.files_base = of("cache").saturating_sub(of("shmem"));
    }

    /// Uses up this many pages of a batch, at most 48, before each of the next programs begins. The caller runs the
    /// same program with different values of `pages`. The smallest measured peak is wrong by less than one batch.
    pub(crate) fn use_ahead(&mut self, pages: usize) {
        self.used_ahead = pages.min(48);
    }

    /// Whether memory is counted page by page; otherwise in batches.
    pub(crate) fn is_exact(&self) -> bool {
        self.is_exact
    }

    /// Counts the next cell. On v2, also creates the cell's group, in which the cell's init will start.
    pub(crate) fn make_cell_group(&mut self) -> io::Result<()> {
        self.cells += 1;
        let Some(lane) = fd(&self.group_files.v2_dir) else { return Ok(()) };
        // The next cell probably has the limits of the last one. Limits that the setup might reach are not used here.
        let limits = self.limits.filter(|(memory, _)| *memory >= SET_UP_MEMORY);
        self.cell = Some(CellGroup::make(lane, format!("cell-{}", self.cells), limits)?);
        Ok(())
    }

    /// Measures the memory in use and resets the peak. Called by the cell's init when everything except the program is
    /// ready. So the input files, including the executable, do not count as the program's memory, unless the request
    /// says so (`CellRequest::counted_files`).
    ///
    /// The unused rest of the last batch (`BATCH`) would hide the same amount of the program's memory, and differs
    /// from run to run. So this function touches pages until the kernel charges the next batch: the unused rest of a
    /// new batch is known.
    pub(crate) fn begin_counting(&self) -> Ready {
        let pages = if self.is_exact { self.pages() } else { None };
        let mut touched = Vec::with_capacity((AHEAD_PAGES_MAX + self.used_ahead) * PAGE);
        let mut charged = self.memory();
        let mut ahead = 0;
        let step = (AHEAD_STEP * PAGE) as u64;
        while charged > 0 && ahead == 0 && touched.len() < AHEAD_PAGES_MAX * PAGE {
            touch(&mut touched, AHEAD_STEP);
            std::hint::black_box(&mut touched);
            let before = std::mem::replace(&mut charged, self.memory());
            if charged > before + step {
                // On average, the batch was charged in the middle of the step.
                ahead = (charged - before).saturating_sub(step / 2);
            }
        }
        if self.used_ahead > 0 && ahead > 0 {
            touch(&mut touched, self.used_ahead);
            std::hint::black_box(&mut touched);
            ahead = ahead.saturating_sub((self.used_ahead * PAGE) as u64);
        }
        self.reset_peak();
        let base = self.memory_at_the_beginning().saturating_sub(ahead);
        Ready { ahead, base, exact_base: self.exact_base(pages, touched.len() / PAGE), _touched: touched }
    }

    fn reset_peak(&self) {
        match (&self.cell, fd(&self.group_files.peak)) {
            (Some(cell), _) => cell.reset_peak(),
            // If the peak cannot be reset, it includes the setup.
            (None, Some(peak)) => drop(put(peak, "0")),
            (None, None) => {}
        }
        for peak in [&self.group_files.swap_peak, &self.group_files.kernel_peak].into_iter().filter_map(fd) {
            drop(put(peak, "0"));
        }
    }

    /// Memory in bytes that is charged before the program begins; the cell's limit is the sum of this and the program's
    /// limit. Called by the cell's init with its measurement.
    pub(crate) fn held(&self, ready: &Ready) -> u64 {
        let held = match &self.cell {
            Some(cell) => cell.memory(),
            None => self.memory().saturating_sub(self.files.bytes),
        };
        held.saturating_sub(ready.ahead)
    }

    /// Reduces the cell's memory limit, which is slightly higher during setup, to the program's limit. Called by the
    /// cell's init. `less` is the memory in bytes that the program shares with others and is not charged for, and the
    /// part of the input files that counts as its memory; `held` is the result of [`LaneGroup::held`].
    pub(crate) fn limit_memory_to(&self, limits: &Limits, less: u64, held: u64) -> io::Result<()> {
        let memory = limits.memory.get().saturating_sub(less).max(MEMORY_MIN).saturating_add(held);
        match &self.cell {
            Some(cell) => cell.limit_memory(memory),
            None => self.set_memory_v1(memory),
        }
    }

    /// Sets the limits for the next cell, and resets the counters that can be reset. `ignore_memory` and `ignore_pids`
    /// turn off the memory limit and the process limit for tests. `input_files` is the size in bytes of the cell's
    /// input files. Their part that counts as the program's memory is subtracted before the program begins.
    pub(crate) fn begin(
        &mut self,
        limits: &Limits,
        input_files: u64,
        beside: Beside,
        (ignore_memory, ignore_pids): (bool, bool),
    ) -> io::Result<()> {
        let input_files = input_files.next_multiple_of(INPUT_FILES_STEP);
        let memory = limits.memory.get().max(MEMORY_MIN).saturating_add(OVERHEAD).saturating_add(input_files);
        let memory = if ignore_memory { u64::MAX } else { memory };
        // The program itself is one process. An errand ends when the program begins. After that, this limit would allow
        // the program one more process, but the user's limit (`RLIMIT_NPROC`) prevents that.
        let program = limits.processes.max(1).saturating_add(u32::from(beside.errand));
        let processes = if ignore_pids { u32::MAX } else { program };
        if let Some(cell) = &mut self.cell {
            cell.limit((memory, processes))?;
            cell.reset_peak();
            self.limits = Some((memory, processes));
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
        // Discard an event of the last cell.
        self.discard_oom_event();
        self.files_before = self.file_cache(Moment::Begin);
        self.oom_kills = self.oom_kills_v1();
        Ok(())
    }

    /// Sets the limits on memory and on memory with swap. The kernel requires that the second limit is never smaller
    /// than the first, so the order of the writes depends on the old values.
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

    /// Number of cells so far.
    pub(crate) fn cells(&self) -> u64 {
        self.cells
    }

    /// v2: the group in which the cell's init starts.
    pub(crate) fn birthplace(&self) -> Option<BorrowedFd<'_>> {
        self.cell.as_ref().map(CellGroup::dir)
    }

    /// The descriptor to poll for an OOM kill, and the condition to poll for.
    pub(crate) fn oom_event(&self) -> Option<(BorrowedFd<'_>, rustix::event::PollFlags)> {
        use rustix::event::PollFlags;
        match &self.cell {
            Some(cell) => cell.events().map(|e| (e, PollFlags::PRI)),
            None => fd(&self.group_files.oom_event).map(|e| (e, PollFlags::IN)),
        }
    }

    /// Version 1: resets the event, so that polling waits for the next one. Version 2: reading the counts resets it.
    pub(crate) fn discard_oom_event(&self) {
        if let Some(event) = fd(&self.group_files.oom_event) {
            let mut count = [0u8; 8];
            let _ = rustix::io::read(event, &mut count);
        }
    }

    /// Whether and why the OOM killer has killed a process of this cell.
    pub(crate) fn oom_kill(&self) -> Option<OomKill> {
        if let Some(cell) = &self.cell {
            cell.oom_kill()
        } else if self.oom_kills_v1() <= self.oom_kills {
            None
        } else if self.has_reached_its_limit() {
            Some(OomKill::OwnLimit)
        } else {
            Some(OomKill::Foreign)
        }
    }

    /// Version 1: whether the cell has reached its own limit. If not, a kill is not its fault: the kernel counts every
    /// process of the group that it kills, also because of the limit of a group above, or because the machine has no
    /// memory. Source: mm/oom_kill.c.
    ///
    /// A cell that has reached its limit may still have been killed for another reason, because reaching the limit
    /// leads to a kill only if the kernel can reclaim no page cache. The kernel's own counts of failed charges
    /// (`failcnt`) are no help: Linux 6.18 does not count.
    fn has_reached_its_limit(&self) -> bool {
        // The cell's init has lowered the limit (`limit_memory_to`), so it is read.
        let Some(limit) = fd(&self.group_files.limit).map(number_of) else { return true };
        let peaks = [&self.group_files.peak, &self.group_files.swap_peak].into_iter().filter_map(fd);
        peaks.map(number_of).max().is_none_or(|peak| peak >= limit.saturating_sub(CHARGE_MAX))
    }

    /// OOM kills in the lane's group so far, for any reason.
    fn oom_kills_v1(&self) -> u64 {
        fd(&self.group_files.oom).and_then(|file| field(&text_of(file), "oom_kill")).unwrap_or(0)
    }

    /// Version 2: kills all processes of the cell at once. Returns `false` if this is not possible.
    pub(crate) fn kill_cell(&self) -> bool {
        self.cell.as_ref().is_some_and(CellGroup::kill)
    }

    /// Current value of the group's CPU time counter, in nanoseconds.
    pub(crate) fn cpu_ns(&self) -> u64 {
        match (&self.cell, fd(&self.group_files.cpu)) {
            (None, Some(total)) if self.counts_cpu => number_of(total),
            _ => self.cpu_total().total,
        }
    }

    /// Whether the groups also count the usage of the lane's init.
    pub(crate) fn counts_the_lane(&self) -> bool {
        self.group_files.v2_dir.is_none()
    }

    /// Current values of the group's CPU time counters.
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

    /// Bytes charged to a cell that is ready to begin. The program's peak is counted from this value. Called by the
    /// cell's init. On version 2, the page cache of the cell is known. This function subtracts it, because it is
    /// subtracted from the peak as well.
    fn memory_at_the_beginning(&self) -> u64 {
        match &self.cell {
            // Usually there is no page cache, so its amount is read only if clearly more memory is in use than when the
            // last cell began.
            Some(cell) if cell.memory() > self.began_with + UNSEEN_MAX => cell.memory().saturating_sub(cell.files()),
            _ => self.memory(),
        }
    }

    /// Stores the memory in use when the cell began, as measured by its init.
    pub(crate) fn has_begun_with(&mut self, memory: u64) {
        if self.cell.is_some() && memory > 0 {
            self.began_with = memory;
        }
    }

    /// Bytes that are charged now.
    pub(crate) fn memory(&self) -> u64 {
        match &self.cell {
            Some(cell) => cell.memory(),
            None => fd(&self.group_files.usage).map_or(0, number_of),
        }
    }

    /// Whether enough memory of ended cells has been freed for the next cell. A little page cache may remain, since it
    /// is reclaimed on demand. Pages that are still held may not remain: for example, those of a descriptor in flight
    /// between two sockets, which the kernel collects later.
    ///
    /// This function also waits for kernel memory (of tasks and inodes that are being freed) if there is more of it
    /// than after the last cell. If that memory were freed during the next cell, it would hide the same amount of the
    /// next cell's memory.
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

    /// Page cache of files on disk charged to this lane, in bytes. The page cache and the total charge seldom change
    /// from cell to cell, so the composition of the total is read only if the total has changed.
    fn file_cache(&mut self, moment: Moment) -> u64 {
        let usage = self.memory();
        let seen = &mut self.files.usage_seen[moment as usize];
        if usage.abs_diff(*seen) > UNSEEN_MAX
            && let Some(stat) = fd(&self.group_files.stat)
        {
            *seen = usage;
            let text = text_of(stat);
            // `cache` includes shared memory. Source: cgroup-v1/memory.rst, "memory.stat".
            self.files.bytes = field(&text, "cache").unwrap_or(0).saturating_sub(field(&text, "shmem").unwrap_or(0));
        }
        self.files.bytes
    }

    /// Peak memory without page cache of files on disk, except for page cache that existed before the cell.
    ///
    /// The kernel keeps one peak for all memory together. Page cache of disk files is shared by all programs, reclaimed
    /// on demand, and charged to the group that reads a page first; so it is subtracted. Page cache only grows until
    /// the kernel reclaims it for lack of memory, so its amount at the end is at least its amount at the peak. If a
    /// program frees memory and then reads large files that no other program has read, the true peak cannot be
    /// determined.
    fn peak(&mut self) -> u64 {
        match &self.cell {
            Some(cell) => cell.peak(),
            None => {
                let peak = fd(&self.group_files.peak).map_or(0, number_of);
                let files = self.file_cache(Moment::Counted);
                // If page cache of earlier cells was reclaimed during this cell, the same amount of other memory was
                // charged in its place. So it is added to the peak.
                (peak + self.files_before).saturating_sub(files)
            }
        }
    }

    /// The cell's figures, after the tenant's processes are gone.
    pub(crate) fn counted(&mut self) -> Counted {
        let memory_peak = self.peak();
        let files_given_back = self.files_before.saturating_sub(self.files.bytes);
        Counted { memory_peak, files_given_back, oom_kill: self.oom_kill() }
    }

    /// Records that all of the cell's processes are gone. On v2, a later call of [`LaneGroup::settled`] removes the
    /// cell's group.
    pub(crate) fn end(&mut self) {
        if let Some(cell) = self.cell.take() {
            let before = self.ended.replace(cell);
            if let (Some(before), Some(lane)) = (before, fd(&self.group_files.v2_dir)) {
                // A group that cannot be removed now is removed with the lane.
                let _ = before.remove(lane);
            }
        }
    }
}

/// Touches `pages` more pages. Whole pages are copied, which is fast without optimization, too.
fn touch(touched: &mut Vec<u8>, pages: usize) {
    for _ in 0..pages {
        touched.extend_from_slice(&[1; PAGE]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn on_version_1_oom_kills_count_only_if_the_cell_reached_its_limit() {
        let dir = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            std::fs::write(dir.path().join(name), text).unwrap();
            Some(OwnedFd::from(std::fs::File::open(dir.path().join(name)).unwrap()))
        };
        let control = |kills: u64| format!("oom_kill_disable 0\nunder_oom 0\noom_kill {kills}\n");
        let limit: u64 = 64 << 20;
        let files = LaneGroupFiles {
            limit: file("limit", &format!("{limit}\n")),
            oom: file("oom_control", &control(2)),
            peak: file("max_usage", "0\n"),
            swap_peak: file("memsw.max_usage", "0\n"),
            ..LaneGroupFiles::default()
        };
        let mut group = LaneGroup::new(files, false);
        file("oom_control", &control(3));
        for (peak, swap_peak, kill) in [
            (limit / 2, limit / 2, OomKill::Foreign),
            (limit, limit, OomKill::OwnLimit),
            (limit - 4096, 0, OomKill::OwnLimit),
            (limit / 2, limit, OomKill::OwnLimit),
            (limit - (1 << 20), limit - (1 << 20), OomKill::Foreign),
        ] {
            file("max_usage", &format!("{peak}\n"));
            file("memsw.max_usage", &format!("{swap_peak}\n"));
            assert_eq!(group.counted().oom_kill, Some(kill), "{peak}, with swap {swap_peak}");
        }
    }
}
