//! Content hashes.

use std::fmt;
use std::str::FromStr;

/// SHA-256 of a file's or a package's content.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentHash([u8; 32]);

/// Error for a text that is not a valid [`ContentHash`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a content hash is 64 hexadecimal digits in lower case")]
pub struct ContentHashError;

impl ContentHash {
    /// Wraps an existing hash.
    pub const fn from_bytes(bytes: [u8; 32]) -> ContentHash {
        ContentHash(bytes)
    }

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl FromStr for ContentHash {
    type Err = ContentHashError;

    /// Parses the format that [`Display`](fmt::Display) writes.
    fn from_str(text: &str) -> Result<ContentHash, ContentHashError> {
        let digits = text.as_bytes();
        if digits.len() != 64 {
            return Err(ContentHashError);
        }
        let digit = |c: u8| match c {
            b'0'..=b'9' => Ok(c - b'0'),
            b'a'..=b'f' => Ok(c - b'a' + 10),
            _ => Err(ContentHashError),
        };
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
            *byte = digit(pair[0])? << 4 | digit(pair[1])?;
        }
        Ok(ContentHash(bytes))
    }
}

impl fmt::Display for ContentHash {
    /// 64 hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ContentHash({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_parsed_from_its_text_and_from_nothing_else() {
        let hash = ContentHash::from_bytes(std::array::from_fn(|i| (i * 9) as u8));
        assert_eq!(hash.to_string().parse(), Ok(hash));
        for bad in ["", "0", &"0".repeat(63), &"0".repeat(65), &"A".repeat(64), &"../".repeat(22), &"é".repeat(32)] {
            assert_eq!(bad.parse::<ContentHash>(), Err(ContentHashError), "{bad:?}");
        }
    }
}
