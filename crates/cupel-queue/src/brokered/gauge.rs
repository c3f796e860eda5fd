//! Estimate of the number of hints at the broker: the last reading, plus the hints that this node has put since then,
//! minus the hints that it has taken since then.
//!
//! The next reading includes the changes by other nodes. Until then, each node may put up to a whole window of hints in
//! addition to those of other nodes, and a window may seem fuller than it is.

use std::time::{Duration, Instant};

use crate::shares::PerClass;

/// How long a reading counts as fresh.
pub(super) const FRESH: Duration = Duration::from_millis(20);

#[derive(Debug, Default)]
pub(super) struct Gauge {
    ready: PerClass<usize>,
    at: Option<Instant>,
}

impl Gauge {
    pub(super) fn ready(&self, class: usize) -> usize {
        self.ready[class]
    }

    pub(super) fn total(&self) -> usize {
        self.ready.iter().sum()
    }

    pub(super) fn put(&mut self, class: usize) {
        self.ready[class] += 1;
    }

    pub(super) fn taken(&mut self, class: usize) {
        self.ready[class] = self.ready[class].saturating_sub(1);
    }

    pub(super) fn read(&mut self, ready: PerClass<usize>) {
        self.ready = ready;
        self.touch();
    }

    /// Marks the estimate as fresh, because no better one is available.
    pub(super) fn touch(&mut self) {
        self.at = Some(Instant::now());
    }

    pub(super) fn is_older(&self, than: Duration) -> bool {
        self.at.is_none_or(|at| at.elapsed() > than)
    }
}
