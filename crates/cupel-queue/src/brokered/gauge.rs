//! How many hints the broker has: what it said the last time, and what has been put and taken here since.
//!
//! What other nodes put and take is known at the next reading. So a window may be overrun by a batch of each node, and be
//! thought fuller than it is for as long as a reading is taken for fresh.

use std::time::{Duration, Instant};

use crate::shares::PerClass;

/// How long a reading is good enough.
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

    /// There is nothing better to be known now.
    pub(super) fn touch(&mut self) {
        self.at = Some(Instant::now());
    }

    pub(super) fn is_older(&self, than: Duration) -> bool {
        self.at.is_none_or(|at| at.elapsed() > than)
    }
}
