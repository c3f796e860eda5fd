//! The time limit, and how it may be found from the submissions a package carries.
//!
//! Source: Kattis problem package format 2025-09, `limits`; legacy, `time_multiplier` and `time_safety_margin`.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

/// A positive factor in thousandths: 1.5 is 1,500. At most 1,000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Factor(NonZeroU32);

impl Factor {
    /// Changes nothing.
    pub const ONE: Factor = Factor::thousandths(1000).unwrap();
    /// The largest.
    pub const MAX: Factor = Factor::thousandths(1_000_000).unwrap();

    /// From thousandths; `None` for zero and beyond 1,000,000.
    pub const fn thousandths(n: u32) -> Option<Factor> {
        match NonZeroU32::new(n) {
            Some(n) if n.get() <= 1_000_000 => Some(Factor(n)),
            _ => None,
        }
    }

    /// The number of thousandths.
    pub const fn as_thousandths(self) -> u32 {
        self.0.get()
    }

    /// A time multiplied by it, rounded up to the nanosecond: a limit is never tightened by rounding.
    #[must_use]
    pub fn times(self, time: Duration) -> Duration {
        let nanos = (time.as_nanos().saturating_mul(u128::from(self.0.get()))).div_ceil(1000);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// A number of bytes multiplied by it, rounded up; saturates.
    #[must_use]
    pub fn times_bytes(self, bytes: cupel_types::Bytes) -> cupel_types::Bytes {
        let scaled = (u128::from(bytes.get()) * u128::from(self.0.get())).div_ceil(1000);
        cupel_types::Bytes::new(u64::try_from(scaled).unwrap_or(u64::MAX))
    }
}

/// Why a text is no [`Factor`].
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

/// How a time limit relates to the times measured of a package's own submissions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Calibration {
    /// The limit is at least this times the slowest submission that must pass.
    pub accepted_to_limit: Factor,
    /// The fastest submission that must time out takes at least this times the limit.
    pub limit_to_time_limit_exceeded: Factor,
    /// A derived limit is a multiple of this. Never zero.
    pub resolution: Duration,
}

impl Calibration {
    /// The defaults of Kattis 2025-09: 2.0, 1.5, one second.
    pub const KATTIS_2025_09: Calibration = Calibration {
        accepted_to_limit: Factor::thousandths(2000).unwrap(),
        limit_to_time_limit_exceeded: Factor::thousandths(1500).unwrap(),
        resolution: Duration::from_secs(1),
    };
    /// The defaults of legacy Kattis: 5, 2, one second.
    pub const KATTIS_LEGACY: Calibration = Calibration {
        accepted_to_limit: Factor::thousandths(5000).unwrap(),
        limit_to_time_limit_exceeded: Factor::thousandths(2000).unwrap(),
        resolution: Duration::from_secs(1),
    };
}

/// The CPU time limit of one case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeLimit {
    /// The limit itself, above zero. `None`: the format has none, and it has to be derived by running the submissions.
    pub limit: Option<Duration>,
    /// By which it is derived, or held against what is measured.
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
    }
}
