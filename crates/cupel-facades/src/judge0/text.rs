//! Base64 as the original reads and writes it.
//!
//! Source: the functions `Base64.decode64` and `encode64` of Ruby's standard library, which the original uses: RFC
//! 2045.

use base64::engine::Engine as _;
use base64::prelude::BASE64_STANDARD;

use crate::lenient_base64::LENIENT;

/// Characters of an encoded line.
const LINE: usize = 60;

/// Decodes a text. Characters outside the alphabet are skipped, and decoding stops at the first `=`, so no text is
/// invalid.
pub(super) fn decode(text: &str) -> Vec<u8> {
    let is_digit = |c: &u8| c.is_ascii_alphanumeric() || matches!(c, b'+' | b'/');
    let mut digits: Vec<u8> = text.bytes().take_while(|c| *c != b'=').filter(is_digit).collect();
    // A single remaining digit has too few bits for a byte.
    if digits.len() % 4 == 1 {
        digits.pop();
    }
    LENIENT.decode(&digits).unwrap_or_default()
}

/// Encodes bytes in lines, each with a line feed.
pub(super) fn encode(bytes: &[u8]) -> String {
    let digits = BASE64_STANDARD.encode(bytes);
    let mut text = String::with_capacity(digits.len() + digits.len() / LINE + 1);
    for line in digits.as_bytes().chunks(LINE) {
        text.push_str(std::str::from_utf8(line).unwrap_or_default());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_can_be_decoded() {
        for (text, bytes) in [
            ("aGVsbG8K", &b"hello\n"[..]),
            ("aGVs\nbG8K\n", b"hello\n"),
            (" a-G_V*s", b"hel"),
            ("aGVsbG8", b"hello"),
            ("aGVsbG8=ignored", b"hello"),
            ("aGVsb", b"hel"),
            ("/+8=", b"\xff\xef"),
            ("", b""),
            ("=", b""),
        ] {
            assert_eq!(decode(text), bytes, "{text:?}");
        }
    }

    #[test]
    fn encoded_lines_have_sixty_characters_and_a_line_feed() {
        assert_eq!(encode(b"hello\n"), "aGVsbG8K\n");
        assert_eq!(encode(b""), "");
        let lines = encode(&[0; 100]);
        assert_eq!(lines.lines().map(str::len).collect::<Vec<_>>(), [60, 60, 16]);
        assert!(lines.ends_with('\n'));
        assert_eq!(encode(&[0; 45]).len(), 61);
    }
}
