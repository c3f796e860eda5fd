//! In-memory cache of recently written submissions that wait for a worker. Most of them are leased soon, and then need
//! not be read and decoded. A cached submission stays valid, because submissions never change.
//!
//! *Invariants:* only committed submissions are in the cache. The cache is bounded in number and bytes of memory; the
//! oldest entries are evicted first. In a process that leases no runs, such as an API node, the cache is empty.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use cupel_types::{RunId, Submission};

const SUBMISSIONS_MAX: usize = 4096;
const BYTES_MAX: usize = 32 << 20;
/// Approximate memory of a submission besides its data and its spec.
const OVERHEAD_BYTES: usize = 1 << 10;

/// The cache.
#[derive(Debug, Default)]
pub(crate) struct Recent(Mutex<RecentSubmissions>);

#[derive(Debug, Default)]
struct RecentSubmissions {
    by_run: HashMap<RunId, (Submission, usize)>,
    /// Runs in insertion order; those that were already taken are skipped.
    order: VecDeque<RunId>,
    bytes: usize,
    /// Whether this process leases runs. Until its first lease, no submission is kept.
    leases: bool,
}

impl Recent {
    /// Adds a committed submission; `memory_bytes` is the size of its data and its spec in memory.
    pub(crate) fn keep(&self, run: RunId, submission: Submission, memory_bytes: usize) {
        let bytes = memory_bytes + OVERHEAD_BYTES;
        let mut cache = self.cache();
        if !cache.leases || bytes > BYTES_MAX / 4 {
            return;
        }
        cache.bytes += bytes;
        cache.order.push_back(run);
        if let Some((_, replaced)) = cache.by_run.insert(run, (submission, bytes)) {
            cache.bytes -= replaced;
        }
        while cache.bytes > BYTES_MAX || cache.order.len() > SUBMISSIONS_MAX {
            let Some(oldest) = cache.order.pop_front() else { break };
            cache.remove(oldest);
        }
    }

    /// Removes and returns the submission of this run, if it is in the cache.
    pub(crate) fn take(&self, run: RunId) -> Option<Submission> {
        let mut cache = self.cache();
        cache.leases = true;
        let taken = cache.remove(run);
        while cache.order.front().is_some_and(|oldest| !cache.by_run.contains_key(oldest)) {
            cache.order.pop_front();
        }
        taken
    }

    fn cache(&self) -> MutexGuard<'_, RecentSubmissions> {
        // Code that holds the lock does not panic between two changes, so the data are consistent even if the lock is
        // poisoned.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RecentSubmissions {
    fn remove(&mut self, run: RunId) -> Option<Submission> {
        let (submission, bytes) = self.by_run.remove(&run)?;
        self.bytes -= bytes;
        Some(submission)
    }
}

#[cfg(test)]
mod tests {
    use cupel_testkit::{a_submission, fresh};

    use super::*;

    fn run() -> RunId {
        RunId::from_uuid(fresh())
    }

    fn submission() -> Submission {
        a_submission().alone().submissions.remove(0).0
    }

    /// The cache of a process that leases runs.
    fn recent() -> Recent {
        let recent = Recent::default();
        assert!(recent.take(run()).is_none());
        recent
    }

    #[test]
    fn a_process_that_leases_no_runs_keeps_no_submissions() {
        let (recent, run) = (Recent::default(), run());
        recent.keep(run, submission(), 10);
        assert!(recent.cache().by_run.is_empty());
        assert!(recent.take(run).is_none());
    }

    #[test]
    fn a_cached_submission_is_taken_once() {
        let (recent, run) = (recent(), run());
        let submission_kept = submission();
        recent.keep(run, submission_kept.clone(), 10);
        assert_eq!(recent.take(run).map(|s| s.id), Some(submission_kept.id));
        assert!(recent.take(run).is_none());
        let left = recent.cache();
        assert!(left.bytes == 0 && left.by_run.is_empty() && left.order.is_empty());
    }

    #[test]
    fn the_oldest_submissions_are_evicted_over_the_limits_of_number_and_bytes() {
        let recent = recent();
        let runs: Vec<RunId> = (0..=SUBMISSIONS_MAX).map(|_| run()).collect();
        runs.iter().for_each(|run| recent.keep(*run, submission(), 0));
        assert!(recent.take(runs[0]).is_none() && recent.take(runs[1]).is_some());
        for _ in 0..20 {
            recent.keep(run(), submission(), BYTES_MAX / 5);
        }
        assert!(recent.cache().bytes <= BYTES_MAX);
        assert!(recent.take(runs[2]).is_none());
        let huge = run();
        recent.keep(huge, submission(), BYTES_MAX / 2);
        assert!(recent.take(huge).is_none());
    }
}
