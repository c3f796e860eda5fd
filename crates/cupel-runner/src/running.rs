//! The number of running steps of each slot, wherever they run: it shows which slots are idle.

use std::sync::atomic::{AtomicU32, Ordering};

pub(crate) struct RunningSteps(Vec<AtomicU32>);

impl RunningSteps {
    pub(crate) fn of(slots: usize) -> RunningSteps {
        RunningSteps((0..slots).map(|_| AtomicU32::new(0)).collect())
    }

    /// Counts a running step of a slot until the guard is dropped.
    pub(crate) fn count(&self, slot: usize) -> RunningStep<'_> {
        let count = self.0.get(slot);
        if let Some(count) = count {
            count.fetch_add(1, Ordering::Relaxed);
        }
        RunningStep(count)
    }

    /// A slot without running steps.
    pub(crate) fn idle_slot(&self) -> Option<usize> {
        self.0.iter().position(|running| running.load(Ordering::Relaxed) == 0)
    }

    /// Whether more than one step runs in a slot.
    pub(crate) fn is_shared(&self, slot: usize) -> bool {
        self.0.get(slot).is_some_and(|running| running.load(Ordering::Relaxed) > 1)
    }
}

/// Guard that counts a running step until it is dropped.
pub(crate) struct RunningStep<'a>(Option<&'a AtomicU32>);

impl Drop for RunningStep<'_> {
    fn drop(&mut self) {
        if let Some(count) = self.0 {
            count.fetch_sub(1, Ordering::Relaxed);
        }
    }
}
