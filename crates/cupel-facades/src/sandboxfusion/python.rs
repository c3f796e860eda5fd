//! Input that Python's standard library accepts: lenient base64.

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
}
