//! Integers that a client writes with a fraction or an exponent, such as `1.0` or `1e3`. JSON Schema treats them as
//! integers; serde does not.

/// Largest integer up to which a 64-bit floating point number is exact.
const EXACT_MAX: f64 = 9_007_199_254_740_991.0;

/// Rewrites such numbers in the valid JSON `text` without a fraction or exponent.
pub(crate) fn integers_without_fraction(text: &str) -> String {
    let mut written = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c == '"' || c == '-' || c.is_ascii_digit()) {
        written.push_str(&rest[..start]);
        rest = &rest[start..];
        let token = if rest.starts_with('"') { string(rest) } else { number(rest) };
        match token.parse::<f64>() {
            Ok(value) if token.contains(['.', 'e', 'E']) && value.fract() == 0.0 && value.abs() <= EXACT_MAX => {
                // `-0.0` is 0.
                written.push_str(&(value as i64).to_string());
            }
            _ => written.push_str(token),
        }
        rest = &rest[token.len()..];
    }
    written.push_str(rest);
    written
}

/// The string at the beginning of `rest`, with its quotes.
fn string(rest: &str) -> &str {
    let mut escaped = false;
    let end = rest.bytes().skip(1).position(|c| {
        let ends = c == b'"' && !escaped;
        escaped = c == b'\\' && !escaped;
        ends
    });
    &rest[..end.map_or(rest.len(), |end| end + 2)]
}

/// The number at the beginning of `rest`.
fn number(rest: &str) -> &str {
    let end = rest.find(|c: char| !(c.is_ascii_digit() || "+-.eE".contains(c)));
    &rest[..end.unwrap_or(rest.len())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_numbers_without_a_fractional_part_become_integers() {
        for (sent, read) in [
            (r#"{"a":1.0,"b":[2.50,-3.00],"c":1e3}"#, r#"{"a":1,"b":[2.50,-3],"c":1000}"#),
            (r#"{"1.0":"1.0 \"2.0 \\","b":-0.0}"#, r#"{"1.0":"1.0 \"2.0 \\","b":0}"#),
            ("[1e30, 7, 18446744073709551615, 1e-3]", "[1e30, 7, 18446744073709551615, 1e-3]"),
            ("2.0", "2"),
        ] {
            assert_eq!(integers_without_fraction(sent), read);
        }
    }
}
