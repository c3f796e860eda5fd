//! Recognizes numbers among words, and decides whether a number is within the tolerance of another.
//!
//! Invariant: the value is the nearest 64-bit floating-point number, except that a nonzero value never becomes zero and
//! a finite value never becomes infinite. So an output of `1e-4000` does not equal the answer `0`. Source of the
//! grammar and of both exceptions: `problem-package-format`, default output validator, and its test vectors.

use super::is_space;

/// Maximum distance from the expected number. A number within either tolerance is accepted; an unset tolerance is 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Tolerance {
    pub(super) absolute: f64,
    pub(super) relative: f64,
}

impl Tolerance {
    /// Whether `actual` is accepted for `expected`. The relative test multiplies instead of dividing, so an expected 0
    /// is compared with the absolute tolerance only.
    pub(super) fn accepts(self, expected: f64, actual: f64) -> bool {
        let distance = (actual - expected).abs();
        distance <= self.absolute || distance <= self.relative * expected.abs()
    }
}

/// Powers of ten that have an exact representation.
const TENS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
];

/// Returns the value and the length of a plain word: one without an exponent, with at most 15 digits, and followed by
/// white space. `None` for any other word, which may still be a number.
///
/// The quotient of two exactly represented numbers is correctly rounded. Source: Clinger, "How to read floating point
/// numbers accurately", 1990.
pub(super) fn parse_plain(text: &[u8]) -> Option<(f64, usize)> {
    let (is_negative, mut at) = match text.first()? {
        b'-' => (true, 1),
        b'+' => (false, 1),
        _ => (false, 0),
    };
    let (whole, mut digits) = leading_digits(&text[at..], 0)?;
    at += digits;
    let (mut mantissa, mut places) = (whole, 0);
    if *text.get(at)? == b'.' {
        (mantissa, places) = leading_digits(&text[at + 1..], whole)?;
        at += 1 + places;
        digits += places;
    }
    if digits == 0 || digits > 15 || !is_space(*text.get(at)?) {
        return None;
    }
    // The conversion of the mantissa is exact, because 15 digits are below 2^53.
    let value = mantissa as f64 / TENS[places];
    Some((if is_negative { -value } else { value }, at))
}

/// Appends the leading digits of a text (up to 16) to the value `before`. Returns the new value and the number of
/// digits. `None` if the text ends before eight bytes can be read at once, or if the value overflows.
fn leading_digits(text: &[u8], before: u64) -> Option<(u64, usize)> {
    let mut value = before;
    for begin in [0, 8] {
        let (eight, count) = eight_digits(*text.get(begin..)?.first_chunk()?);
        value = value.checked_mul(WHOLE_TENS[count])?.checked_add(eight)?;
        if count < 8 {
            return Some((value, begin + count));
        }
    }
    Some((value, 16))
}

/// Powers of ten up to the eighth.
const WHOLE_TENS: [u64; 9] = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000];

/// Returns the value and the number of the leading digits among eight bytes, computed in one register. Source: Lemire,
/// "Number parsing at a gigabyte per second", 2021.
fn eight_digits(bytes: [u8; 8]) -> (u64, usize) {
    const EVERY: u64 = 0x0101_0101_0101_0101;
    // Each byte of a digit is now the digit's value; any other byte is above 9. A carry only reaches later bytes.
    let values = u64::from_le_bytes(bytes) ^ (0x30 * EVERY);
    let others = (values.wrapping_add((0x80 - 10) * EVERY) | values) & (0x80 * EVERY);
    let count = others.trailing_zeros() / 8;
    if count == 0 {
        return (0, 0);
    }
    // Puts zeros before the first digit and drops the bytes after the last digit.
    let ones = values << (64 - 8 * count);
    let pairs = ones.wrapping_mul(10 << 8 | 1) >> 8;
    let fours = (pairs & 0x00ff_00ff_00ff_00ff).wrapping_mul(100 << 16 | 1) >> 16;
    let eight = (fours & 0x0000_ffff_0000_ffff).wrapping_mul(10_000 << 32 | 1) >> 32;
    (eight, count as usize)
}

/// Returns the value of a word that is a number: an optional sign; digits with an optional fraction, or a fraction
/// alone; an optional exponent. Hexadecimal numbers, `inf` and `nan` are not accepted.
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
    fn words_of_the_grammar_are_parsed_as_numbers() {
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
    fn very_small_and_very_large_numbers_stay_nonzero_and_finite() {
        assert_eq!(parse(b"1e-20000"), Some(f64::from_bits(1)));
        assert_eq!(parse(b"-1e-20000").unwrap().to_bits(), (-f64::from_bits(1)).to_bits());
        assert_eq!(parse(b"0e-20000"), Some(0.0));
        assert_eq!(parse(b"1e99999999999999999999"), Some(f64::MAX));
        assert_eq!(parse(b"0e99999999999999999999"), Some(0.0));
    }

    #[test]
    fn the_plain_parser_agrees_with_the_general_parser() {
        for word in [
            "0",
            "-0",
            "7",
            "+12",
            "123456789012345",
            "-1234567.12345678",
            "0.00000000000001",
            ".5",
            "5.",
            "00012.500",
            "99999999.9999999",
            "12345678",
            "1234567.8",
            "3.14159265358979",
        ] {
            let text = format!("{word} and a few bytes more");
            let (value, length) = parse_plain(text.as_bytes()).unwrap_or_else(|| panic!("{word}"));
            assert_eq!(
                (Some(value.to_bits()), length),
                (parse(word.as_bytes()).map(f64::to_bits), word.len()),
                "{word}"
            );
        }
    }

    #[test]
    fn the_plain_parser_rejects_other_words() {
        for word in [
            "",
            "-",
            ".",
            "-.",
            "1e5",
            "1.5e-3",
            "1234567890123456",
            "0.1234567890123456",
            "1a",
            "a1",
            "1:",
            "1/",
            "1.2.3",
        ] {
            assert_eq!(parse_plain(format!("{word} and a few bytes more").as_bytes()), None, "{word}");
        }
        assert_eq!(parse_plain(b"12 34"), None, "fewer than eight bytes remain");
        assert_eq!(parse_plain(b"12345678901234567890"), None, "the word may continue");
    }

    proptest::proptest! {
        #[test]
        fn the_plain_parser_agrees_on_any_digits(word in "[+-]?[0-9]{0,9}([.][0-9]{0,9})?", next in "[ \n\t\r]") {
            let text = format!("{word}{next}0123456789abcdef");
            if let Some((value, length)) = parse_plain(text.as_bytes()) {
                proptest::prop_assert_eq!(Some(value.to_bits()), parse(word.as_bytes()).map(f64::to_bits));
                proptest::prop_assert_eq!(length, word.len());
            }
        }
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
