//! The time limit, and how it is derived from the running times of the submissions in a package.
//!
//! Source: Kattis problem package format 2025-09, `limits`; legacy, `time_multiplier` and `time_safety_margin`.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

/// A positive factor in thousandths (1,500 means 1.5). The maximum factor is 1,000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Factor(NonZeroU32);

impl Factor {
    /// The factor 1.
    pub const ONE: Factor = Factor::thousandths(1000).unwrap();
    /// The largest factor.
    pub const MAX: Factor = Factor::thousandths(1_000_000).unwrap();

    /// Creates a factor from thousandths. Returns `None` for zero and for more than 1,000,000.
    pub const fn thousandths(n: u32) -> Option<Factor> {
        match NonZeroU32::new(n) {
            Some(n) if n.get() <= 1_000_000 => Some(Factor(n)),
            _ => None,
        }
    }

    /// Returns the factor in thousandths.
    pub const fn as_thousandths(self) -> u32 {
        self.0.get()
    }

    /// Multiplies a time by the factor. Rounds up to the nanosecond, so that rounding never makes a limit stricter.
    #[must_use]
    pub fn times(self, time: Duration) -> Duration {
        let nanos = (time.as_nanos().saturating_mul(u128::from(self.0.get()))).div_ceil(1000);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// Divides a time by the factor. Rounds down to the nanosecond.
    #[must_use]
    pub fn part_of(self, time: Duration) -> Duration {
        let nanos = time.as_nanos().saturating_mul(1000) / u128::from(self.0.get());
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// Multiplies a number of bytes by the factor. Rounds up and saturates.
    #[must_use]
    pub fn times_bytes(self, bytes: cupel_types::Bytes) -> cupel_types::Bytes {
        let scaled = (u128::from(bytes.get()) * u128::from(self.0.get())).div_ceil(1000);
        cupel_types::Bytes::new(u64::try_from(scaled).unwrap_or(u64::MAX))
    }
}

/// Error for a text that is not a valid [`Factor`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a factor is a decimal number above 0 and at most 1000")]
pub struct FactorError;

impl FromStr for Factor {
    type Err = FactorError;

    fn from_str(text: &str) -> Result<Factor, FactorError> {
        let score = text.parse::<super::score::Score>().map_err(|_| FactorError)?;
        let thousandths = u32::try_from(score.millionths().div_euclid(1000)).map_err(|_| FactorError)?;
        Factor::thousandths(thousandths).ok_or(FactorError)
    }
}

impl fmt::Display for Factor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.0.get() / 1000, self.0.get() % 1000);
        match rest {
            0 => f.pad(&whole.to_string()),
            _ => f.pad(format!("{whole}.{rest:03}").trim_end_matches('0')),
        }
    }
}

/// Relation between the time limit and the measured times of the submissions in the package.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Calibration {
    /// Minimum of the limit divided by the time of the slowest submission that must pass.
    pub accepted_to_limit: Factor,
    /// Minimum of the time of the fastest submission that must time out, divided by the limit.
    pub limit_to_time_limit_exceeded: Factor,
    /// A derived limit is a multiple of this time, which is never zero.
    pub resolution: Duration,
}

impl Calibration {
    /// Factors 2.0 and 1.5, one second: the defaults of Kattis 2025-09.
    pub const NARROW: Calibration = Calibration {
        accepted_to_limit: Factor::thousandths(2000).unwrap(),
        limit_to_time_limit_exceeded: Factor::thousandths(1500).unwrap(),
        resolution: Duration::from_secs(1),
    };
    /// Factors 5 and 2, one second: the defaults of legacy Kattis.
    pub const WIDE: Calibration = Calibration {
        accepted_to_limit: Factor::thousandths(5000).unwrap(),
        limit_to_time_limit_exceeded: Factor::thousandths(2000).unwrap(),
        resolution: Duration::from_secs(1),
    };

    /// Returns the smallest multiple of the resolution that leaves the required margin above `slowest`, the time of the
    /// slowest submission that must pass.
    #[must_use]
    pub fn limit_for(&self, slowest: Duration) -> Duration {
        let steps = self.accepted_to_limit.times(slowest).as_nanos().div_ceil(self.resolution.as_nanos().max(1)).max(1);
        self.resolution.saturating_mul(u32::try_from(steps).unwrap_or(u32::MAX))
    }

    /// Whether the limit has the required margin above the time of a submission that must pass.
    pub fn is_above(&self, limit: Duration, time: Duration) -> bool {
        self.accepted_to_limit.times(time) <= limit
    }

    /// Whether the limit has the required margin below the time of a submission that must time out.
    pub fn is_below(&self, limit: Duration, time: Duration) -> bool {
        self.limit_to_time_limit_exceeded.times(limit) <= time
    }
}

/// The CPU time limit of one case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeLimit {
    /// The limit, above zero. `None` if the package has none; the limit must then be derived by running the
    /// submissions.
    pub limit: Option<Duration>,
    /// The margins between the limit and the measured times. They apply to a derived limit and to a limit that the
    /// package sets.
    pub calibration: Calibration,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factors_are_positive_decimals() {
        for (text, shown) in [("1", "1"), ("1.5", "1.5"), ("0.001", "0.001"), ("1000", "1000"), ("2.0", "2")] {
            assert_eq!(text.parse::<Factor>().map(|f| f.to_string()).as_deref(), Ok(shown));
        }
        for text in ["0", "-1", "1001", "0.0001", "x", ""] {
            assert_eq!(text.parse::<Factor>(), Err(FactorError), "{text}");
        }
    }

    #[test]
    fn a_limit_is_rounded_up() {
        let factor: Factor = "1.5".parse().unwrap();
        assert_eq!(factor.times(Duration::from_millis(940)), Duration::from_millis(1410));
        assert_eq!(Factor::thousandths(1).unwrap().times(Duration::from_nanos(1)), Duration::from_nanos(1));
        assert_eq!(Factor::MAX.times(Duration::MAX), Duration::from_nanos(u64::MAX));
        assert_eq!(factor.part_of(Duration::from_millis(1500)), Duration::from_secs(1));
    }

    #[test]
    fn a_derived_limit_is_the_next_multiple_of_the_resolution_and_never_zero() {
        let ms = Duration::from_millis;
        let half_up = Calibration { accepted_to_limit: "1.5".parse().unwrap(), ..Calibration::NARROW };
        let fine = Calibration { resolution: ms(100), ..Calibration::NARROW };
        for (calibration, slowest, limit) in [
            (Calibration::NARROW, ms(0), ms(1000)),
            (Calibration::NARROW, ms(500), ms(1000)),
            (Calibration::NARROW, ms(501), ms(2000)),
            // Regression: rounding to the nearest multiple returned 1 s, which lost the margin.
            (half_up, ms(940), ms(2000)),
            (Calibration::WIDE, ms(201), ms(2000)),
            (fine, ms(130), ms(300)),
        ] {
            assert_eq!(calibration.limit_for(slowest), limit, "{calibration:?} {slowest:?}");
            assert!(calibration.is_above(limit, slowest));
        }
    }

    #[test]
    fn the_margins_of_a_limit_are_inclusive_on_both_sides() {
        let (ms, calibration) = (Duration::from_millis, Calibration::NARROW);
        assert!(calibration.is_above(ms(1000), ms(500)) && !calibration.is_above(ms(1000), ms(501)));
        assert!(calibration.is_below(ms(1000), ms(1500)) && !calibration.is_below(ms(1000), ms(1499)));
    }
}
