//! The leases that a worker renews, and which of them it reports as lost.
//!
//! ```text
//!  hold ─► Held ─► begin_end ─► Ending ─► release
//!           │                    │
//!           ▼ lose: reported     ▼ lose: Lost ─► release; reported only if the result is refused
//! ```
//!
//! A run that is returned to the queue before it began takes the same way (`begin_give_back`), and is never reported.
//!
//! While a result is written, the store may have it already when it receives the renewal. It then reports a lease that
//! the attempt has just ended, not one that was lost.

use std::collections::HashMap;

use cupel_core::run::LeasedRun;
use cupel_types::{LeaseId, RunId, SubmissionId};

/// Leases of running attempts, of results that are being written, and of runs that wait in this worker for a slot.
/// Keyed by lease, because a lost attempt and the next attempt of the same run may both be present.
#[derive(Debug, Default)]
pub(crate) struct Leases(HashMap<LeaseId, Leased>);

#[derive(Clone, Copy, Debug)]
struct Leased {
    run: RunId,
    submission: SubmissionId,
    phase: Phase,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Held,
    /// The attempt's end is being written.
    Ending,
    /// The store no longer has the lease. Either the end has been written, or the lease was lost.
    Lost,
}

impl Leases {
    pub(crate) fn hold(&mut self, leased: &LeasedRun) {
        let LeasedRun { lease, run, .. } = *leased;
        self.0.insert(lease, Leased { run, submission: leased.submission.id, phase: Phase::Held });
    }

    pub(crate) fn release(&mut self, lease: LeaseId) {
        self.0.remove(&lease);
    }

    /// Records that the end of the attempt is being written. Until [`release`](Self::release), the lease is renewed.
    pub(crate) fn begin_end(&mut self, lease: LeaseId) {
        if let Some(leased) = self.0.get_mut(&lease) {
            leased.phase = Phase::Ending;
        }
    }

    /// [`begin_end`](Self::begin_end) of an attempt that has not begun, whose lease may not be held yet.
    pub(crate) fn begin_give_back(&mut self, leased: &LeasedRun) {
        if !self.0.contains_key(&leased.lease) {
            self.hold(leased);
        }
        self.begin_end(leased.lease);
    }

    /// The leases to renew.
    pub(crate) fn current(&self) -> Vec<(RunId, LeaseId)> {
        let current = self.0.iter().filter(|(_, leased)| leased.phase != Phase::Lost);
        current.map(|(lease, leased)| (leased.run, *lease)).collect()
    }

    /// The submissions of the leases to renew.
    pub(crate) fn submissions(&self) -> Vec<SubmissionId> {
        self.0.values().filter(|leased| leased.phase != Phase::Lost).map(|leased| leased.submission).collect()
    }

    /// Records that the store no longer has this lease. Returns the lease's run if the loss must be reported: not if
    /// the end of the attempt is being written or has been written.
    pub(crate) fn lose(&mut self, lease: LeaseId) -> Option<RunId> {
        let leased = self.0.get_mut(&lease)?;
        if leased.phase == Phase::Held {
            return self.0.remove(&lease).map(|leased| leased.run);
        }
        leased.phase = Phase::Lost;
        None
    }

    /// Whether a loss must be reported now that the result is refused or no longer wanted. Not if it has been reported,
    /// and not if only the stop flag was raised, because the run was then cancelled.
    pub(crate) fn is_unreported_loss(&self, lease: LeaseId, is_stopped: bool) -> bool {
        match self.0.get(&lease).map(|leased| leased.phase) {
            Some(Phase::Lost) => true,
            Some(Phase::Held | Phase::Ending) => !is_stopped,
            None => false,
        }
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use cupel_testkit::fresh;

    use super::*;

    fn held() -> (Leases, LeaseId, RunId) {
        let (lease, run) = (LeaseId::from_uuid(fresh()), RunId::from_uuid(fresh()));
        let leased = Leased { run, submission: SubmissionId::from_uuid(fresh()), phase: Phase::Held };
        (Leases(HashMap::from([(lease, leased)])), lease, run)
    }

    #[test]
    fn a_lease_lost_during_its_attempt_is_reported_once() {
        let (mut leases, lease, run) = held();
        assert_eq!(leases.lose(lease), Some(run));
        assert_eq!(leases.lose(lease), None);
        leases.begin_end(lease);
        assert!(!leases.is_unreported_loss(lease, true), "its late result is refused");
        assert!(leases.is_empty());
    }

    /// The store answers a renewal after it has written the result.
    #[test]
    fn a_lease_that_its_result_ended_is_not_reported() {
        let (mut leases, lease, run) = held();
        leases.begin_end(lease);
        assert_eq!(leases.current(), [(run, lease)]);
        assert_eq!(leases.lose(lease), None);
        assert_eq!(leases.current(), []);
        leases.release(lease);
        assert!(leases.is_empty());
    }

    #[test]
    fn a_lease_lost_while_its_result_is_written_is_reported_with_the_refusal() {
        let (mut leases, lease, _) = held();
        leases.begin_end(lease);
        assert!(leases.is_unreported_loss(lease, false));
        assert!(!leases.is_unreported_loss(lease, true), "the run was cancelled");
        // The renewal also raises the stop flag.
        assert_eq!(leases.lose(lease), None);
        assert!(leases.is_unreported_loss(lease, true));
    }
}
