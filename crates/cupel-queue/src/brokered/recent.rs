//! Runs whose hints were recently passed to the broker. The sweeper runs every second, and must not publish these hints
//! again.
//!
//! Entries expire soon, because other nodes may take and return hints without this node's knowledge. An entry lives
//! shorter than the period over which the sweeper looks back for newly due runs. So if the hint of such a run is
//! rejected as a duplicate, a later sweep publishes it.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use cupel_types::RunId;

const KEPT: Duration = Duration::from_secs(3);
/// Maximum number of entries. A duplicate of an evicted entry is passed to the broker.
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

    /// Removes a run whose hint was taken, so that the hint may be published again.
    pub(super) fn forget(&mut self, run: RunId) {
        self.since.remove(&run);
    }

    fn expire(&mut self, now: Instant) {
        while let Some((at, run)) = self.order.front().copied()
            && (now.duration_since(at) > KEPT || self.order.len() > RECENT_MAX)
        {
            self.order.pop_front();
            // The run may have been forgotten and added again since then.
            if self.since.get(&run) == Some(&at) {
                self.since.remove(&run);
            }
        }
    }
}
