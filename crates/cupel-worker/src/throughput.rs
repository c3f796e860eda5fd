//! The number of runs that a worker judged within the last minute, for administrators.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

/// Length of the window, in s.
const SECONDS: usize = 60;

/// Counts events within the last minute, to the second.
#[derive(Debug)]
pub(crate) struct Throughput {
    start: Instant,
    window: Mutex<Window>,
    total: AtomicU64,
}

#[derive(Debug)]
struct Window {
    /// Events per second. The second `n` since the start has the place `n % SECONDS`.
    counts: [u32; SECONDS],
    /// The second of the last change, since the start.
    now: usize,
}

impl Throughput {
    pub(crate) fn new() -> Throughput {
        Throughput {
            start: Instant::now(),
            window: Mutex::new(Window { counts: [0; SECONDS], now: 0 }),
            total: AtomicU64::new(0),
        }
    }

    /// Counts one event.
    pub(crate) fn add(&self) {
        self.total.fetch_add(1, Ordering::Relaxed);
        self.with_window(Window::add);
    }

    /// Number of events in the current second and the 59 before it.
    pub(crate) fn last_minute(&self) -> u32 {
        self.with_window(|window| window.sum())
    }

    /// Number of events since the start.
    pub(crate) fn total(&self) -> u64 {
        self.total.load(Ordering::Relaxed)
    }

    fn with_window<T>(&self, act: impl FnOnce(&mut Window) -> T) -> T {
        let now = usize::try_from(self.start.elapsed().as_secs()).unwrap_or(usize::MAX);
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        window.advance(now);
        act(&mut window)
    }
}

impl Window {
    fn add(&mut self) {
        let count = &mut self.counts[self.now % SECONDS];
        *count = count.saturating_add(1);
    }

    fn sum(&self) -> u32 {
        self.counts.iter().fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// Empties the places of the seconds after the last change. Another thread may already have gone further.
    fn advance(&mut self, now: usize) {
        let passed = now.saturating_sub(self.now);
        for second in 1..=passed.min(SECONDS) {
            self.counts[(self.now + second) % SECONDS] = 0;
        }
        self.now += passed;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_count_for_a_minute() {
        let mut window = Window { counts: [0; SECONDS], now: 0 };
        window.add();
        window.add();
        window.advance(30);
        window.add();
        assert_eq!(window.sum(), 3);
        window.advance(59);
        assert_eq!(window.sum(), 3);
        window.advance(60);
        assert_eq!(window.sum(), 1, "the first two events are a minute old");
        window.advance(58);
        assert_eq!(window.sum(), 1, "another thread has gone further");
        window.advance(1_000);
        assert_eq!(window.sum(), 0);
        window.add();
        assert_eq!(window.sum(), 1);
    }

    #[test]
    fn a_judged_run_counts_at_once() {
        let throughput = Throughput::new();
        throughput.add();
        assert_eq!(throughput.last_minute(), 1);
    }
}
