//! Comparison of a program's output with the expected one.

/// Difference, relative to the expected number, below which two numbers count as equal.
const TOLERANCE: f64 = 1e-5;

/// Smallest number to which a difference is relative.
const MAGNITUDE_MIN: f64 = 1e-10;

/// Whether the outputs are equal. They are compared line by line and case-insensitively, without white space at the
/// ends of lines and of the text. Lines that differ still count as equal if both are numbers with nearly the same
/// value.
pub(super) fn is_equal(found: &str, expected: &str) -> bool {
    // A list of the lines would take sixteen times the memory of a text of line feeds.
    let (mut found, mut expected) = (found.trim().split('\n'), expected.trim().split('\n'));
    loop {
        match (found.next(), expected.next()) {
            (None, None) => return true,
            (Some(a), Some(b)) if is_equal_line(a.trim(), b.trim()) => {}
            _ => return false,
        }
    }
}

fn is_equal_line(found: &str, expected: &str) -> bool {
    if found.to_lowercase() == expected.to_lowercase() {
        return true;
    }
    match (found.parse::<f64>(), expected.parse::<f64>()) {
        (Ok(found), Ok(expected)) if found.is_finite() && expected.is_finite() => {
            (found - expected).abs() / expected.abs().max(MAGNITUDE_MIN) < TOLERANCE
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_and_case_are_ignored_and_numbers_are_compared_with_a_tolerance() {
        for (found, expected, is_right) in [
            ("1\n2\n", "1\n2", true),
            ("\n 1 \n2\n\n", "1\n2", true),
            ("YES", "yes", true),
            ("1.000001", "1", true),
            ("1.0001", "1", false),
            ("-0.0", "0", true),
            ("5.551115123125783e-17", "0", true),
            ("0", "5.551115123125783e-17", true),
            ("-9.9e-16", "0.0", true),
            ("1e-14", "0", false),
            ("1.0001e-9", "1e-9", false),
            ("1.000001e-9", "1e-9", true),
            ("1 2", "1  2", false),
            ("1.0 2", "1 2", false),
            ("1\n\n2", "1\n2", false),
            ("nan", "NaN", true),
            ("inf", "1", false),
            ("", "", true),
            ("x", "", false),
        ] {
            assert_eq!(is_equal(found, expected), is_right, "{found:?} {expected:?}");
        }
    }
}
