//! Scores as exact decimals.
//!
//! Invariant: sums are exact, because standings compare scores for equality. Sums of binary floating-point numbers are
//! not exact (0.1 + 0.2), so a score is a whole number of millionths.

use std::fmt;
use std::str::FromStr;

/// A score in millionths of a point. May be negative if the package format allows it (legacy Kattis).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Score(i64);

/// Error for a text or a number that is not a valid [`Score`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScoreError {
    /// Not a decimal number.
    #[error("a score is a decimal number such as 12.5")]
    Form,
    /// Outside the supported range.
    #[error("a score is between -9 billion and 9 billion")]
    Range,
}

impl Score {
    /// Zero points.
    pub const ZERO: Score = Score(0);
    /// One point.
    pub const ONE: Score = Score(MILLION);
    /// The largest score.
    pub const MAX: Score = Score(9_000_000_000 * MILLION);

    /// Whole points; `None` beyond ±9 billion.
    pub const fn points(points: i64) -> Option<Score> {
        if points > 9_000_000_000 || points < -9_000_000_000 { None } else { Some(Score(points * MILLION)) }
    }

    /// From millionths of a point; `None` beyond ±9 billion points.
    pub const fn from_millionths(millionths: i64) -> Option<Score> {
        if millionths > Score::MAX.0 || millionths < -Score::MAX.0 { None } else { Some(Score(millionths)) }
    }

    /// The number of millionths.
    pub const fn millionths(self) -> i64 {
        self.0
    }

    /// The sum; `None` beyond the range.
    #[must_use]
    pub const fn checked_add(self, other: Score) -> Option<Score> {
        // The absolute value of both is at most 9e15 millionths, so the sum cannot overflow.
        Score::from_millionths(self.0 + other.0)
    }

    /// This score times a fraction, rounded to the nearest millionth, halves away from zero; `None` if the denominator
    /// is zero or the result is out of range.
    #[must_use]
    pub fn scaled(self, numerator: i64, denominator: i64) -> Option<Score> {
        if denominator == 0 {
            return None;
        }
        let product = i128::from(self.0) * i128::from(numerator);
        Score::from_i128(div_rounded(product, i128::from(denominator)))
    }

    /// Product of two scores, both as numbers of points; `None` if out of range.
    #[must_use]
    pub fn checked_mul(self, other: Score) -> Option<Score> {
        self.scaled(other.0, MILLION)
    }

    /// Share `index` of `count` equal shares. All shares add up to exactly the whole.
    ///
    /// 100 points in three shares: 33.333333, 33.333333, 33.333334. `None` if `index` is not below `count`.
    #[must_use]
    pub fn share(self, index: usize, count: usize) -> Option<Score> {
        if index >= count {
            return None;
        }
        let (whole, index, count) = (i128::from(self.0), index as i128, count as i128);
        let upto = |n: i128| (whole * n).div_euclid(count);
        Score::from_i128(upto(index + 1) - upto(index))
    }

    fn from_i128(millionths: i128) -> Option<Score> {
        i64::try_from(millionths).ok().and_then(Score::from_millionths)
    }
}

const MILLION: i64 = 1_000_000;

fn div_rounded(n: i128, d: i128) -> i128 {
    let (n, d) = if d < 0 { (-n, -d) } else { (n, d) };
    if n >= 0 { (n + d / 2) / d } else { -((-n + d / 2) / d) }
}

impl FromStr for Score {
    type Err = ScoreError;

    /// Parses an optional sign, digits with an optional fraction, and an optional exponent: `12`, `-0.5`, `.25`, `1e2`.
    /// More than six decimals are rounded to the nearest millionth.
    fn from_str(text: &str) -> Result<Score, ScoreError> {
        let (negative, rest) = match text.as_bytes().first() {
            Some(b'-') => (true, &text[1..]),
            Some(b'+') => (false, &text[1..]),
            _ => (false, text),
        };
        let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
            Some((m, e)) if e.len() <= 6 => (m, e.parse::<i32>().map_err(|_| ScoreError::Form)?),
            Some(_) => return Err(ScoreError::Form),
            None => (rest, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits: Vec<u8> = whole.bytes().chain(fraction.bytes()).collect();
        if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
            return Err(ScoreError::Form);
        }
        // The value is digits × 10^-scale points, that is digits × 10^(6-scale) millionths.
        let fraction_digits = i32::try_from(fraction.len()).map_err(|_| ScoreError::Form)?;
        let shift = 6 + exponent - fraction_digits;
        let digits: Vec<u8> = digits.into_iter().skip_while(|d| *d == b'0').collect();
        if digits.is_empty() {
            return Ok(Score::ZERO);
        }
        let length = i32::try_from(digits.len()).map_err(|_| ScoreError::Form)?;
        if length + shift > 16 {
            return Err(ScoreError::Range);
        }
        let keep = (length + shift.min(0)).max(0) as usize;
        let mut value = digits[..keep].iter().fold(0_i64, |sum, d| sum * 10 + i64::from(d - b'0'));
        for _ in 0..shift.max(0) {
            value *= 10;
        }
        if shift < 0 && length + shift >= 0 && digits[keep] >= b'5' {
            value += 1;
        }
        Score::from_millionths(if negative { -value } else { value }).ok_or(ScoreError::Range)
    }
}

impl fmt::Display for Score {
    /// The shortest exact decimal: `12`, `0.5`, `33.333333`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (points, rest) = (self.0.unsigned_abs() / MILLION as u64, self.0.unsigned_abs() % MILLION as u64);
        let sign = if self.0 < 0 { "-" } else { "" };
        let text = match rest {
            0 => format!("{sign}{points}"),
            _ => format!("{sign}{points}.{rest:06}").trim_end_matches('0').to_owned(),
        };
        f.pad(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_parsed_and_displayed_exactly() {
        for (text, shown) in [
            ("0", "0"),
            ("12", "12"),
            ("-0.5", "-0.5"),
            (".25", "0.25"),
            ("1e2", "100"),
            ("5.", "5"),
            ("+3.140000", "3.14"),
            ("33.3333333", "33.333333"),
            ("0.0000005", "0.000001"),
            ("0.00000004", "0"),
            ("1e-7", "0"),
            ("9000000000", "9000000000"),
            ("0000000000000000000000001", "1"),
        ] {
            assert_eq!(text.parse::<Score>().map(|s| s.to_string()), Ok(shown.to_owned()), "{text}");
        }
        for text in ["", "-", ".", "1..2", "a", "1e", "nan", "inf", "0x1", " 1", "1e9999999"] {
            assert_eq!(text.parse::<Score>(), Err(ScoreError::Form), "{text}");
        }
        for text in ["9000000001", "1e10", "1e99999", "99999999999999999999"] {
            assert_eq!(text.parse::<Score>(), Err(ScoreError::Range), "{text}");
        }
    }

    #[test]
    fn shares_add_up_to_the_whole() {
        for (points, count) in [(100, 3), (1, 7), (0, 4), (100, 1), (7, 13)] {
            let whole = Score::points(points).unwrap();
            let sum = (0..count).try_fold(Score::ZERO, |sum, i| sum.checked_add(whole.share(i, count)?));
            assert_eq!(sum, Some(whole));
        }
        assert_eq!(Score::ONE.share(3, 3), None);
    }

    #[test]
    fn products_round_to_the_nearest_millionth() {
        let third = Score::ONE.scaled(1, 3).unwrap();
        assert_eq!(third.to_string(), "0.333333");
        assert_eq!(Score::ONE.scaled(-2, 3).unwrap().to_string(), "-0.666667");
        assert_eq!(Score::points(40).unwrap().checked_mul("0.25".parse().unwrap()), Score::points(10));
        assert_eq!(Score::ONE.scaled(1, 0), None);
        assert_eq!(Score::MAX.checked_mul(Score::MAX), None);
    }
}
