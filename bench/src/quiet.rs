//! Detects whether other programs keep the machine busy; figures from a busy machine are not usable.
//!
//! A burst of measurements starts when all processors together have been idle for at least the share [`IDLE_MIN`] of
//! [`SAMPLE`]. After [`WAIT_MAX`], the burst starts anyway and counts as disturbed. If too many bursts are disturbed,
//! the figures are not written. Source: proc(5), `/proc/stat`.

use std::fmt;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::bail;
use serde_json::{Value, json};

const SAMPLE: Duration = Duration::from_millis(100);
const IDLE_MIN: f64 = 0.93;
/// Number of consecutive idle samples after which the machine has settled: two seconds.
const SETTLED_SAMPLES: u32 = 20;
const WAIT_MAX: Duration = Duration::from_secs(6);
/// If more than this share of the bursts is disturbed, the figures are not written.
const DISTURBED_MAX: f64 = 0.05;
/// After this many consecutive disturbed bursts, the next bursts check once without waiting.
const DISTURBED_IN_A_ROW_MAX: u32 = 3;

/// Counts of the bursts so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Quiet {
    bursts: u32,
    disturbed: u32,
    in_a_row: u32,
}

impl Quiet {
    /// Waits until the processors have been idle for two seconds, but at most `at_most`. By then, programs that were
    /// started for the measurements have finished their background work (for example, a server prepares headers).
    /// Returns whether the machine became idle.
    pub(crate) fn settle(at_most: Duration) -> bool {
        let begun = Instant::now();
        let mut idle_samples = 0;
        while idle_samples < SETTLED_SAMPLES && begun.elapsed() < at_most {
            let before = Ticks::now();
            thread::sleep(SAMPLE);
            idle_samples = if Ticks::now().idle_since(before) >= IDLE_MIN { idle_samples + 1 } else { 0 };
        }
        idle_samples == SETTLED_SAMPLES
    }

    /// Waits until the machine is idle, or the maximum wait is over.
    pub(crate) fn wait(&mut self) {
        let begun = Instant::now();
        let patience = if self.in_a_row < DISTURBED_IN_A_ROW_MAX { WAIT_MAX } else { Duration::ZERO };
        self.bursts += 1;
        loop {
            let before = Ticks::now();
            thread::sleep(SAMPLE);
            if Ticks::now().idle_since(before) >= IDLE_MIN {
                self.in_a_row = 0;
                return;
            }
            if begun.elapsed() >= patience {
                self.disturbed += 1;
                self.in_a_row += 1;
                return;
            }
        }
    }

    /// Returns an error if the machine was busy, unless `force`.
    pub(crate) fn accept(self, force: bool) -> anyhow::Result<()> {
        if self.is_busy() && !force {
            bail!("the machine was busy ({self}); the figures are not written; measure again, or use --force");
        }
        Ok(())
    }

    fn is_busy(self) -> bool {
        f64::from(self.disturbed) > DISTURBED_MAX * f64::from(self.bursts)
    }

    /// JSON for the results file.
    pub(crate) fn to_json(self) -> Value {
        json!({ "bursts": self.bursts, "disturbed": self.disturbed, "busy": self.is_busy() })
    }
}

impl fmt::Display for Quiet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} bursts started while the machine was busy", self.disturbed, self.bursts)
    }
}

/// Time of all processors together, in ticks.
#[derive(Clone, Copy, Debug)]
struct Ticks {
    all: u64,
    idle: u64,
}

impl Ticks {
    fn now() -> Ticks {
        Ticks::parse(&std::fs::read_to_string("/proc/stat").unwrap_or_default())
    }

    /// Parses the first line: user, nice, system, idle, iowait, irq, softirq, steal. The remaining fields are already
    /// included in these fields.
    fn parse(text: &str) -> Ticks {
        let line = text.lines().next().unwrap_or_default();
        let numbers: Vec<u64> = line.split_whitespace().skip(1).take(8).filter_map(|n| n.parse().ok()).collect();
        Ticks { all: numbers.iter().sum(), idle: numbers.iter().skip(3).take(2).sum() }
    }

    fn idle_since(self, before: Ticks) -> f64 {
        let all = self.all.saturating_sub(before.all).max(1);
        self.idle.saturating_sub(before.idle) as f64 / all as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_time_is_a_share_of_all_time() {
        let before = Ticks::parse("cpu  100 0 100 1000 10 0 0 5 0 0\ncpu0 1 1 1\n");
        let after = Ticks::parse("cpu  105 0 105 1085 15 0 0 5 7 0\n");
        assert_eq!(before.all, 1215);
        assert!((after.idle_since(before) - 0.9).abs() < 1e-9);
    }

    #[test]
    fn figures_of_a_busy_machine_are_rejected_unless_forced() {
        let busy = Quiet { bursts: 100, disturbed: 6, in_a_row: 0 };
        assert!(busy.accept(false).is_err());
        assert!(busy.accept(true).is_ok());
        assert!(Quiet { disturbed: 5, ..busy }.accept(false).is_ok());
    }
}
