//! Measures how late this machine wakes a thread while other processes use its processors.
//!
//! How far a program exceeds a limit depends on how soon a thread of the sandbox wakes up. A trial adds the delay that
//! was measured during its own run to its bound. So the bound stays tight on an idle machine, and a trial does not fail
//! merely because the machine is busy.

use std::collections::VecDeque;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// Time for which the measuring thread sleeps.
const INTERVAL: Duration = Duration::from_millis(2);

/// Number of delays that are kept, which cover more than a minute.
const DELAYS_MAX: usize = 50_000;

/// Number of wake-ups between a limit and the end of the last process: the wake-ups of the timer, of the process that
/// ends the cell, of a process that ends, and of the thread that reads its CPU time.
const WAKE_UPS: u32 = 4;

#[derive(Default)]
struct Delays {
    /// When a sleep should have ended, and its delay.
    of: VecDeque<(Instant, Duration)>,
    /// When the current sleep should end.
    due: Option<Instant>,
}

/// The moment from which delays are measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Noise(Instant);

impl Noise {
    /// Begins a measurement. One thread of the process measures for all trials.
    pub(crate) fn begin() -> Noise {
        let delays = delays();
        let lock = delays.lock().unwrap_or_else(PoisonError::into_inner);
        if lock.due.is_none() {
            drop(lock);
            std::thread::spawn(move || measure(delays));
        }
        Noise(Instant::now())
    }

    /// Maximum time that the delays since [`Noise::begin`] can add to the overrun of a limit.
    pub(crate) fn overrun(self) -> Duration {
        let now = Instant::now();
        let delays = delays().lock().unwrap_or_else(PoisonError::into_inner);
        // The current sleep may already be late.
        let current = delays.due.map_or(Duration::ZERO, |due| now.saturating_duration_since(due));
        let past = delays.of.iter().filter(|(due, delay)| *due + *delay >= self.0).map(|(_, delay)| *delay);
        past.chain([current]).max().unwrap_or_default() * WAKE_UPS
    }
}

fn delays() -> &'static Mutex<Delays> {
    static DELAYS: OnceLock<Mutex<Delays>> = OnceLock::new();
    DELAYS.get_or_init(Mutex::default)
}

fn measure(delays: &Mutex<Delays>) {
    loop {
        let due = Instant::now() + INTERVAL;
        delays.lock().unwrap_or_else(PoisonError::into_inner).due = Some(due);
        std::thread::sleep(INTERVAL);
        let delay = due.elapsed();
        let mut lock = delays.lock().unwrap_or_else(PoisonError::into_inner);
        if lock.of.len() == DELAYS_MAX {
            lock.of.pop_front();
        }
        lock.of.push_back((due, delay));
    }
}
