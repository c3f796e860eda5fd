//! Which words are numbers, and which numbers are near enough.
//!
//! Invariant: the value is that of correct rounding to 64 bits, except that what is not zero never becomes zero and what is finite never
//! becomes infinite: an output of `1e-4000` is not the answer `0`.
//! Source of the grammar and of both exceptions: `problem-package-format`, default output validator, and its test vectors.

/// How far a number may be from the expected one: within one of the two, an unset one is 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Tolerance {
    pub(super) absolute: f64,
    pub(super) relative: f64,
}

impl Tolerance {
    /// Whether `came` may stand for `expected`. A product, not a quotient: an expected 0 needs the absolute tolerance.
    pub(super) fn accepts(self, expected: f64, came: f64) -> bool {
        let distance = (came - expected).abs();
        distance <= self.absolute || distance <= self.relative * expected.abs()
    }
}

/// The value of a word: an optional sign; digits with an optional fraction, or a fraction alone; an optional exponent.
/// No hexadecimal, no `inf`, no `nan`.
pub(super) fn parse(word: &[u8]) -> Option<f64> {
    let unsigned = match word {
        [b'+' | b'-', rest @ ..] => rest,
        all => all,
    };
    let (whole, rest) = digits(unsigned);
    let (fraction, rest) = match rest {
        [b'.', rest @ ..] => digits(rest),
        rest => (&[][..], rest),
    };
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    match rest {
        [] => {}
        [b'e' | b'E', b'+' | b'-', exponent @ ..] | [b'e' | b'E', exponent @ ..] => {
            if exponent.is_empty() || !exponent.iter().all(u8::is_ascii_digit) {
                return None;
            }
        }
        _ => return None,
    }
    let value: f64 = std::str::from_utf8(word).ok()?.parse().ok()?;
    let is_zero = whole.iter().chain(fraction).all(|digit| *digit == b'0');
    Some(if value == 0.0 && !is_zero {
        f64::from_bits(1).copysign(value)
    } else if value.is_infinite() {
        f64::MAX.copysign(value)
    } else {
        value
    })
}

fn digits(text: &[u8]) -> (&[u8], &[u8]) {
    text.split_at(text.iter().position(|b| !b.is_ascii_digit()).unwrap_or(text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_the_grammar_have_their_value() {
        for (word, value) in [
            ("0100", 100.0),
            ("+100", 100.0),
            ("1e2", 100.0),
            (".1e3", 100.0),
            ("100.", 100.0),
            ("100.e0", 100.0),
            (".5", 0.5),
            ("1.", 1.0),
            ("-0", 0.0),
            ("1E+2", 100.0),
            ("10000e-0000000000000000000000000000000000000000002", 100.0),
            ("000000000000000000000000000000000100.000000000000000000000000000000000", 100.0),
            ("100.00000000000000000000000000000000000000000001", 100.0),
        ] {
            assert_eq!(parse(word.as_bytes()), Some(value), "{word}");
        }
    }

    #[test]
    fn other_words_are_not_numbers() {
        for word in [
            "", ".", "+", "+.", ".e0", "e0", "1e", "1e+", "++0", "+-0", "0x0", "0e1.0", "1..0", "1.0.", "inf", "nan",
            "INFINITY", "1_000", "1,0", "1a", "-1-1", "1e2e3", "１",
        ] {
            assert_eq!(parse(word.as_bytes()), None, "{word}");
        }
        assert_eq!(parse(b"1\0"), None);
    }

    #[test]
    fn nothing_becomes_zero_or_infinite_by_being_small_or_large() {
        assert_eq!(parse(b"1e-20000"), Some(f64::from_bits(1)));
        assert_eq!(parse(b"-1e-20000").unwrap().to_bits(), (-f64::from_bits(1)).to_bits());
        assert_eq!(parse(b"0e-20000"), Some(0.0));
        assert_eq!(parse(b"1e99999999999999999999"), Some(f64::MAX));
        assert_eq!(parse(b"0e99999999999999999999"), Some(0.0));
    }

    #[test]
    fn either_tolerance_suffices() {
        let accepts = |absolute, relative, a, s| Tolerance { absolute, relative }.accepts(a, s);
        assert!(accepts(0.1, 0.0, 1.0, 1.0625));
        assert!(!accepts(0.1, 0.0, 1.0, 1.125));
        assert!(accepts(0.0, 0.1, 100.0, 110.0));
        assert!(!accepts(0.0, 0.1, 0.0, 1e-300));
        assert!(accepts(0.1, 0.1, 100.0, 109.0));
        assert!(accepts(0.0, 0.0, 5.0, 5.0));
        assert!(!accepts(1.0, 1.0, f64::MAX, -f64::MAX));
    }
}
