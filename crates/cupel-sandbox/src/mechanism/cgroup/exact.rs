//! Version 1: the memory of a cell's programs, counted page by page.
//!
//! The kernel charges a group in batches of 64 pages, so the group's peak ([`LaneGroup::peak`]) is exact only to one
//! batch. Two other values are exact to one page. `pgpgin` in `memory.stat` is the number of pages that processes of
//! the group have received. `memory.kmem.max_usage_in_bytes` is the peak of kernel memory. For a program that frees no
//! memory before its peak, the sum of the two values is the peak; for other programs, the sum is larger. `Known::used`
//! combines the sum with the charged memory. Version 2 has no such figures.
//!
//! A read of `memory.stat` shows the changes on all processors only if there have been enough of them: more than 64 per
//! processor. So this module makes changes until the shown value changes, in at most [`ROUNDS_MAX`] rounds: it maps
//! pages and unmaps them. Source: Linux, mm/memcontrol.c, `memcg_vmstats_needs_flush` and `memcg_account_kmem`;
//! mm/memcontrol-v1.c, `memcg1_charge_statistics`.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::control_files::{fd, field, number_of, text_of};
use super::known::{BATCH, PAGE};
use super::lane::LaneGroup;
use crate::sys;

/// Pages that are mapped and unmapped at once. A page makes about eight changes.
const PAGES_OF_A_ROUND: usize = 32;
/// Maximum number of rounds. Sufficient for 64 processors; with more, the memory is counted in batches.
const ROUNDS_MAX: usize = 20;
/// Minimum kernel memory of a program, in bytes: the stack, page tables and records of its process. Measured: 18 to 20
/// pages for a small program in C, 28 to 31 for Python. The measurement of one program is often less, because the
/// kernel frees the memory of the lane's previous cell while the program runs. With a minimum that is slightly larger
/// than these figures, small programs have the same figure in every run.
const KERNEL_MIN: u64 = 32 * PAGE as u64;

impl LaneGroup {
    /// Whether this kernel counts pages exactly; see the module header.
    pub(super) fn counts_exactly(&self) -> bool {
        self.group_files.kernel_peak.is_some() && self.pages().is_some()
    }

    /// The state of the counters when a program begins. `touched` pages were touched after `pages` was read.
    pub(super) fn exact_base(&self, pages: Option<Pages>, touched: usize) -> ExactBase {
        let kernel = fd(&self.group_files.kernel_usage).map_or(0, number_of);
        ExactBase { pages: pages.map_or(0, |pages| pages.after + touched as u64), kernel }
    }

    /// Bytes that a cell's programs were given since `base`, with the peak of their kernel memory; 0 if unknown. Called
    /// when the programs are gone.
    pub(crate) fn exact_since(&self, base: ExactBase) -> u64 {
        let peak = fd(&self.group_files.peak).map_or(0, number_of);
        let Some(kernel) = fd(&self.group_files.kernel_peak).map(number_of) else { return 0 };
        // Counting must neither raise the peak nor reach the limit.
        let room = (PAGES_OF_A_ROUND * PAGE) as u64 + BATCH;
        if base.pages == 0 || self.memory() + room > peak {
            return 0;
        }
        let kernel = kernel.saturating_sub(base.kernel).max(KERNEL_MIN);
        self.pages().map_or(0, |pages| pages.before.saturating_sub(base.pages) * PAGE as u64 + kernel)
    }

    /// Number of pages that processes of the group have been given. `None` if it cannot be read, or if the shown value
    /// does not change within [`ROUNDS_MAX`] rounds.
    pub(super) fn pages(&self) -> Option<Pages> {
        let stat = fd(&self.group_files.stat)?;
        let first = field(&text_of(stat), "pgpgin")?;
        (1..=ROUNDS_MAX).find_map(|round| {
            sys::memory::map_and_unmap(PAGES_OF_A_ROUND * PAGE).ok()?;
            let after = field(&text_of(stat), "pgpgin").filter(|now| *now != first)?;
            Some(Pages { before: after.saturating_sub((round * PAGES_OF_A_ROUND) as u64), after })
        })
    }
}

/// Counters of a group when a program begins.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ExactBase {
    /// Pages that the group has been given; 0 if unknown.
    pages: u64,
    /// Kernel memory in use, in bytes.
    kernel: u64,
}

impl ExactBase {
    pub(crate) fn note(self, notes: &[AtomicU64; 2]) {
        notes[0].store(self.pages, Relaxed);
        notes[1].store(self.kernel, Relaxed);
    }

    pub(crate) fn noted(notes: &[AtomicU64; 2]) -> ExactBase {
        ExactBase { pages: notes[0].load(Relaxed), kernel: notes[1].load(Relaxed) }
    }
}

/// Number of pages that a group has been given, before and after counting them.
#[derive(Clone, Copy)]
pub(super) struct Pages {
    before: u64,
    after: u64,
}
