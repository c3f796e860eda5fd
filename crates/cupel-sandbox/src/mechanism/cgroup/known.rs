//! The peak memory of a program, from several measured figures: none of them alone is exact for every program.

/// Largest batch in which the kernel charges memory to a group, in bytes. The kernel charges one batch in advance on
/// each processor, and takes the next pages from that batch. Source: `MEMCG_CHARGE_BATCH` in
/// include/linux/memcontrol.h: 32 pages, 64 since Linux 5.16.
pub(super) const BATCH: u64 = 64 * PAGE as u64;
pub(super) const PAGE: usize = 4096;

/// Measured figures about the memory of a cell's programs.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Known {
    /// Peak of the group minus the memory in use when the program began, in bytes.
    pub(crate) charged: u64,
    /// Memory that did not belong to the program and was freed during the run, in bytes: kernel memory of earlier cells
    /// of the lane, or input files that the program removed. The same amount of the program's memory is missing in
    /// `charged`.
    pub(crate) given_back: u64,
    /// Page faults of all processes that were waited for; 0 if unknown.
    pub(crate) faults: u64,
    /// Size of the pages that the kernel gave the programs, plus their kernel memory, in bytes
    /// ([`LaneGroup::exact_since`](super::LaneGroup::exact_since)); 0 if unknown.
    pub(crate) exact: u64,
}

impl Known {
    /// Peak memory in bytes.
    ///
    /// The group is charged in batches, so `charged` is too large by less than one batch. Each used page causes one
    /// fault, so for a program that frees nothing, the number of faults is exact. That number is used if it agrees with
    /// `charged`.
    pub(crate) fn used(self) -> u64 {
        let missing = self.faults.saturating_mul(PAGE as u64);
        let most = self.charged + self.given_back;
        if self.exact > 0 {
            // `charged` is wrong by up to one batch for each processor that the program used. A small program uses
            // about two processors.
            let batches = 2 * BATCH;
            // If the difference is larger, `exact` includes pages that the program freed before the peak.
            let agrees = self.exact <= most + batches;
            return if agrees { self.exact.max(self.charged.saturating_sub(batches)) } else { most };
        }
        let possible = self.charged.saturating_sub(BATCH)..=most + BATCH;
        match self.faults {
            0 => most,
            _ if possible.contains(&missing) => missing,
            // Too few faults: the program used huge pages, or had children that were not waited for.
            _ if missing < self.charged => *possible.start(),
            _ => most,
        }
    }

    /// Peak memory of a copy of an interpreter, in bytes, without the memory that it shares with the interpreter.
    /// `nothing` is the measurement of a copy that ran an empty program. A copy also faults at its first write to a
    /// shared page or its first read of a file's page, so only the faults beyond those of `nothing` count. `exact`
    /// counts only pages of the copy, and is at least the value for `nothing`.
    pub(crate) fn used_by_a_copy(self, nothing: Known) -> u64 {
        if self.exact > 0 {
            return Known { exact: self.exact.max(nothing.exact), ..self }.used();
        }
        let most = self.charged + self.given_back;
        let beyond = self.faults.saturating_sub(nothing.faults).saturating_mul(PAGE as u64);
        let missing = nothing.charged.saturating_add(beyond);
        let possible = self.charged.saturating_sub(BATCH)..=most + BATCH;
        if nothing.faults > 0 && self.faults > 0 && possible.contains(&missing) {
            return missing;
        }
        self.used().min(most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_faults_correct_the_charged_memory_by_less_than_a_batch() {
        let page = PAGE as u64;
        let used = |charged, faults| Known { charged: charged * BATCH, given_back: 0, faults, exact: 0 }.used();
        assert_eq!(used(10, 0), 10 * BATCH, "the faults are unknown");
        assert_eq!(used(10, 900), 10 * BATCH, "the program freed memory");
        assert_eq!(used(10, 600), 600 * page);
        assert_eq!(used(10, 660), 660 * page);
        assert_eq!(used(10, 3), 9 * BATCH, "huge pages, or children that were not waited for");
        assert_eq!(used(0, 5), 5 * page);
    }

    #[test]
    fn exactly_counted_pages_decide_unless_the_program_freed_more_than_two_batches() {
        let page = PAGE as u64;
        let known = |exact| Known { charged: 10 * BATCH, given_back: 0, faults: 900, exact };
        let nothing = Known { charged: 2 * BATCH, given_back: 0, faults: 300, exact: 0 };
        for (exact, used) in [
            (600 * page, 600 * page),
            (700 * page, 700 * page),
            (768 * page, 768 * page),
            (769 * page, 10 * BATCH),
            // Huge pages are counted as one page.
            (100 * page, 8 * BATCH),
        ] {
            assert_eq!(known(exact).used(), used);
            assert_eq!(known(exact).used_by_a_copy(nothing), used);
        }
    }

    #[test]
    fn only_faults_beyond_those_of_an_empty_program_count_for_a_copy() {
        let page = PAGE as u64;
        let nothing = Known { charged: 2 * BATCH, given_back: 0, faults: 300, exact: 0 };
        let used = |charged, faults| {
            Known { charged: charged * BATCH, given_back: 0, faults, exact: 0 }.used_by_a_copy(nothing)
        };
        assert_eq!(used(3, 300), 2 * BATCH);
        assert_eq!(used(3, 310), 2 * BATCH + 10 * page);
        assert_eq!(used(3, 0), 3 * BATCH, "the program was killed, so its faults are unknown");
        assert_eq!(used(3, 900), 3 * BATCH, "the program freed memory");
    }

    #[test]
    fn freed_memory_of_others_is_added_to_the_peak() {
        let hidden = |faults| Known { charged: 4 * BATCH, given_back: 6 * BATCH, faults, exact: 0 }.used();
        assert_eq!(hidden(0), 10 * BATCH);
        assert_eq!(hidden(600), 600 * PAGE as u64);
        assert_eq!(hidden(900), 10 * BATCH);
    }
}
