//! Which runs' hints went to the broker a moment ago, so that the sweeper, who looks every second, does not send them again.
//!
//! Only for a moment, since nobody says here what other nodes take and give back: shorter than the sweeper looks back for runs
//! that have become due, so that it offers a run that is refused here once more.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use cupel_types::RunId;

const KEPT: Duration = Duration::from_secs(3);
/// How many are kept at most; a double of an older one goes to the broker.
const RECENT_MAX: usize = 10_000;

#[derive(Debug, Default)]
pub(super) struct Recent {
    since: HashMap<RunId, Instant>,
    order: VecDeque<(Instant, RunId)>,
}

impl Recent {
    pub(super) fn add(&mut self, run: RunId) {
        let now = Instant::now();
        self.since.insert(run, now);
        self.order.push_back((now, run));
        self.expire(now);
    }

    pub(super) fn has(&mut self, run: RunId) -> bool {
        self.expire(Instant::now());
        self.since.contains_key(&run)
    }

    /// It was taken: from now on it may come again.
    pub(super) fn forget(&mut self, run: RunId) {
        self.since.remove(&run);
    }

    fn expire(&mut self, now: Instant) {
        while let Some((at, run)) = self.order.front().copied()
            && (now.duration_since(at) > KEPT || self.order.len() > RECENT_MAX)
        {
            self.order.pop_front();
            // It may have been forgotten and added again meanwhile.
            if self.since.get(&run) == Some(&at) {
                self.since.remove(&run);
            }
        }
    }
}
