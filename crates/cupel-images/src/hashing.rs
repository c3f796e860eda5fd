//! Readers that compute the SHA-256 digest of the data that are read through them.

use std::io::{self, Read};

use cupel_types::ContentHash;
use sha2::{Digest, Sha256};

/// Digest of these bytes.
pub(crate) fn hash_of(bytes: &[u8]) -> ContentHash {
    ContentHash::from_bytes(Sha256::digest(bytes).into())
}

/// Parses `sha256:` and 64 hexadecimal digits.
pub(crate) fn parse_digest(text: &str) -> Result<ContentHash, String> {
    let digits = text.strip_prefix("sha256:").ok_or_else(|| format!("`{text}` is not a SHA-256 digest"))?;
    digits.parse().map_err(|_| format!("`{text}` is not a SHA-256 digest"))
}

/// Computes the digest of the bytes that are read through it.
pub(crate) struct Hashing<R> {
    inner: R,
    hash: Sha256,
    bytes: u64,
}

impl<R: Read> Hashing<R> {
    pub(crate) fn new(inner: R) -> Hashing<R> {
        Hashing { inner, hash: Sha256::new(), bytes: 0 }
    }

    /// Bytes read so far.
    pub(crate) fn bytes_read(&self) -> u64 {
        self.bytes
    }

    /// Reads the rest, at most `max` bytes, and returns the digest of everything.
    pub(crate) fn finish_within(mut self, max: u64) -> io::Result<ContentHash> {
        if io::copy(&mut (&mut self).take(max + 1), &mut io::sink())? > max {
            return Err(io::Error::other(format!("more than {max} bytes follow the end of the archive")));
        }
        Ok(ContentHash::from_bytes(self.hash.finalize().into()))
    }

    /// Reads the rest, and returns the digest and the size, in bytes, of everything.
    pub(crate) fn finish(mut self) -> io::Result<(ContentHash, u64)> {
        io::copy(&mut self, &mut io::sink())?;
        Ok((ContentHash::from_bytes(self.hash.finalize().into()), self.bytes))
    }
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.hash.update(&buffer[..n]);
        self.bytes += n as u64;
        Ok(n)
    }
}
