//! Python's treatment of text: lenient base64, JSON with control characters, and the literal of a string.

use std::borrow::Cow;

/// Decodes as `base64.b64decode` does without `validate`: characters outside the alphabet are skipped, and the data
/// ends at a complete padding. Source: CPython 3.11, `Modules/binascii.c`, `binascii_a2b_base64_impl`.
///
/// # Errors
///
/// The message of Python's exception.
pub(super) fn decode_base64(text: &str) -> Result<Vec<u8>, String> {
    if !text.is_ascii() {
        return Err("string argument should contain only ASCII characters".to_owned());
    }
    let mut data = Vec::with_capacity(text.len() / 4 * 3);
    let (mut position, mut left, mut pads) = (0u8, 0u8, 0u8);
    for byte in text.bytes() {
        if byte == b'=' {
            pads = pads.saturating_add(1);
            if position >= 2 && position.saturating_add(pads) >= 4 {
                return Ok(data);
            }
            continue;
        }
        let Some(value) = value_of(byte) else { continue };
        pads = 0;
        match position {
            0 => left = value,
            1 => {
                data.push(left << 2 | value >> 4);
                left = value & 0x0f;
            }
            2 => {
                data.push(left << 4 | value >> 2);
                left = value & 0x03;
            }
            _ => data.push(left << 6 | value),
        }
        position = (position + 1) % 4;
    }
    match position {
        0 => Ok(data),
        1 => Err(format!(
            "Invalid base64-encoded string: number of data characters ({}) cannot be 1 more than a multiple of 4",
            data.len() / 3 * 4 + 1
        )),
        _ => Err("Incorrect padding".to_owned()),
    }
}

const fn value_of(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}

/// JSON whose strings may contain control characters, as `json.loads` accepts it with `strict=False`: the control
/// characters are escaped here.
pub(super) fn with_escaped_controls(json: &str) -> Cow<'_, str> {
    let is_raw = |c: char| c < ' ';
    if !json.contains(is_raw) {
        return Cow::Borrowed(json);
    }
    let (mut escaped, mut is_string, mut is_escape) = (String::with_capacity(json.len()), false, false);
    for c in json.chars() {
        match c {
            c if is_string && is_raw(c) => {
                escaped.push_str(&format!("\\u{:04x}", u32::from(c)));
                is_escape = false;
                continue;
            }
            _ if is_escape => is_escape = false,
            '\\' if is_string => is_escape = true,
            '"' => is_string = !is_string,
            _ => {}
        }
        escaped.push(c);
    }
    Cow::Owned(escaped)
}

/// The literal of a string, as `repr` returns it. In contrast to `repr`, characters without a glyph that are neither
/// control characters nor white space are not escaped. The literal has the same value.
pub(super) fn literal(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut literal = String::from(quote);
    for c in text.chars() {
        match c {
            '\n' => literal.push_str("\\n"),
            '\r' => literal.push_str("\\r"),
            '\t' => literal.push_str("\\t"),
            '\\' => literal.push_str("\\\\"),
            c if c == quote => literal.extend(['\\', c]),
            c if c.is_control() || (c.is_whitespace() && c != ' ') => literal.push_str(&match u32::from(c) {
                code @ 0..=0xff => format!("\\x{code:02x}"),
                code @ 0x100..=0xffff => format!("\\u{code:04x}"),
                code => format!("\\U{code:08x}"),
            }),
            c => literal.push(c),
        }
    }
    literal.push(quote);
    literal
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The expected results are those of CPython 3.11.
    #[test]
    fn base64_is_decoded_as_leniently_as_by_python() {
        for (text, data) in [
            ("", &b""[..]),
            ("YWJj", b"abc"),
            ("YW Jj\n", b"abc"),
            ("!", b""),
            ("YQ==", b"a"),
            ("YQ==YWJj", b"a"),
            ("Y=Q==", b"a"),
            ("YWI=", b"ab"),
            ("=YWJj", b"abc"),
        ] {
            assert_eq!(decode_base64(text).as_deref(), Ok(data), "{text}");
        }
        for (text, message) in [
            ("abcde", "number of data characters (5) cannot be 1 more than a multiple of 4"),
            ("a", "number of data characters (1) cannot"),
            ("YQ", "Incorrect padding"),
            ("YWI", "Incorrect padding"),
            ("é", "only ASCII"),
        ] {
            assert!(decode_base64(text).unwrap_err().contains(message), "{text}");
        }
    }

    /// The expected results are those of CPython 3.11.
    #[test]
    fn a_string_has_the_literal_of_repr() {
        for (text, expected) in [
            ("", "''"),
            ("a\nb\r\t\\", r"'a\nb\r\t\\'"),
            ("it's", r#""it's""#),
            ("say \"hi\"", r#"'say "hi"'"#),
            ("it's \"x\"", r#"'it\'s "x"'"#),
            ("\0\u{7f}\u{85}\u{a0}", r"'\x00\x7f\x85\xa0'"),
            ("\u{2028}é\u{1f600}", "'\\u2028é\u{1f600}'"),
        ] {
            assert_eq!(literal(text), expected, "{text:?}");
        }
    }

    #[test]
    fn control_characters_in_strings_are_escaped() {
        for (json, expected) in [
            ("{\"a\": 1}", "{\"a\": 1}"),
            ("{\n\"a\": \"b\nc\t\"\n}", "{\n\"a\": \"b\\u000ac\\u0009\"\n}"),
            ("\"a\\\"\nb\" \n", "\"a\\\"\\u000ab\" \n"),
            ("\"\\\\\"\n\"\n\"", "\"\\\\\"\n\"\\u000a\""),
        ] {
            assert_eq!(with_escaped_controls(json), expected, "{json:?}");
        }
    }
}
