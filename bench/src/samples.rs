//! Run times and their statistics: percentiles, rate, ratio to a baseline.
//!
//! Percentiles are nearest-rank: the smallest measured time that at least the given share of the runs did not exceed.

use std::time::Duration;

use serde_json::{Value, json};

/// Times of runs of the same kind.
#[derive(Clone, Debug, Default)]
pub(crate) struct Samples {
    times: Vec<Duration>,
    /// Wall-clock time from the start of the first run to the end of the last, for runs without pauses between them.
    elapsed: Option<Duration>,
}

impl Samples {
    /// Adds one run.
    pub(crate) fn push(&mut self, time: Duration) {
        self.times.push(time);
    }

    /// Adds runs that followed each other without pauses (on any number of slots) and took `elapsed` in total.
    pub(crate) fn extend(&mut self, times: impl IntoIterator<Item = Duration>, elapsed: Duration) {
        self.times.extend(times);
        *self.elapsed.get_or_insert_default() += elapsed;
    }

    /// Adds all samples of `other`.
    pub(crate) fn append(&mut self, other: Samples) {
        self.times.extend(other.times);
        self.elapsed = self.elapsed.into_iter().chain(other.elapsed).reduce(|all, more| all + more);
    }

    /// Number of runs.
    pub(crate) fn len(&self) -> usize {
        self.times.len()
    }

    /// The time that `percent` of the runs did not exceed; zero if there are no runs.
    pub(crate) fn percentile(&self, percent: f64) -> Duration {
        let mut sorted = self.times.clone();
        sorted.sort_unstable();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rank within a small list")]
        let rank = (percent / 100.0 * sorted.len() as f64).ceil() as usize;
        sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
    }

    /// Runs per second, if the runs followed each other without pauses.
    pub(crate) fn rate(&self) -> Option<f64> {
        self.elapsed.filter(|elapsed| !elapsed.is_zero()).map(|elapsed| self.len() as f64 / elapsed.as_secs_f64())
    }

    /// A percentile divided by the same percentile of a baseline.
    pub(crate) fn ratio(&self, baseline: &Samples, percent: f64) -> f64 {
        self.percentile(percent).as_secs_f64() / baseline.percentile(percent).as_secs_f64()
    }

    /// The statistics, in milliseconds and runs per second.
    pub(crate) fn to_json(&self) -> Value {
        let ms = |percent| self.percentile(percent).as_secs_f64() * 1e3;
        json!({
            "runs": self.len(),
            "p50_ms": ms(50.0),
            "p90_ms": ms(90.0),
            "p99_ms": ms(99.0),
            "max_ms": ms(100.0),
            "runs_per_second": self.rate(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_nearest_rank() {
        let mut samples = Samples::default();
        for ms in (1..=100).rev() {
            samples.push(Duration::from_millis(ms));
        }
        for (percent, ms) in [(50.0, 50), (90.0, 90), (99.0, 99), (100.0, 100), (0.0, 1)] {
            assert_eq!(samples.percentile(percent), Duration::from_millis(ms), "p{percent}");
        }
        assert_eq!(Samples::default().percentile(50.0), Duration::ZERO);
    }

    #[test]
    fn only_runs_without_pause_have_a_rate() {
        let mut samples = Samples::default();
        samples.push(Duration::from_millis(1));
        assert_eq!(samples.rate(), None);
        samples.extend([Duration::from_millis(1); 9], Duration::from_secs(2));
        assert_eq!(samples.rate(), Some(5.0));
    }
}
