//! Encoding of messages: little-endian numbers and length-prefixed strings. Each message has exactly one encoding.

use std::io;
use std::time::Duration;

/// A message that can be encoded and decoded.
pub(crate) trait Message: Sized {
    /// Capacity in bytes of the buffer to encode into. For a message with a tenant's data, the capacity is at least the
    /// encoded length, because a growing buffer leaves copies of the data in memory.
    fn room(&self) -> usize {
        512
    }
    fn encode(&self, to: &mut Writer);
    fn decode(from: &mut Reader<'_>) -> Result<Self, Malformed>;
}

/// The bytes are not a valid message of the expected type.
#[derive(Debug, thiserror::Error)]
#[error("malformed message in the sandbox's internal protocol")]
pub(crate) struct Malformed;

impl From<Malformed> for io::Error {
    fn from(error: Malformed) -> io::Error {
        io::Error::new(io::ErrorKind::InvalidData, error)
    }
}

/// Decodes a message, which must consist of all of the bytes.
pub(crate) fn decode<M: Message>(bytes: &[u8]) -> Result<M, Malformed> {
    let mut reader = Reader(bytes);
    let message = M::decode(&mut reader)?;
    if reader.0.is_empty() { Ok(message) } else { Err(Malformed) }
}

/// Overwrites all current and earlier contents of a buffer.
pub(crate) fn wipe(buffer: &mut Vec<u8>) {
    buffer.resize(buffer.capacity(), 0);
    buffer.fill(0);
    std::hint::black_box(buffer);
}

/// Writes numbers and strings.
pub(crate) struct Writer(pub(super) Vec<u8>);

impl Writer {
    pub(crate) fn u32(&mut self, n: u32) {
        self.0.extend_from_slice(&n.to_le_bytes());
    }

    pub(super) fn u64(&mut self, n: u64) {
        self.0.extend_from_slice(&n.to_le_bytes());
    }

    pub(crate) fn i32(&mut self, n: i32) {
        self.0.extend_from_slice(&n.to_le_bytes());
    }

    pub(super) fn duration(&mut self, d: Duration) {
        self.u64(u64::try_from(d.as_nanos()).unwrap_or(u64::MAX));
    }

    pub(super) fn some_u64(&mut self, n: Option<u64>) {
        self.u32(u32::from(n.is_some()));
        if let Some(n) = n {
            self.u64(n);
        }
    }

    pub(super) fn string(&mut self, text: &str) {
        self.u32(u32::try_from(text.len()).unwrap_or(u32::MAX));
        self.0.extend_from_slice(text.as_bytes());
    }

    pub(super) fn strings(&mut self, texts: &[String]) {
        self.u32(u32::try_from(texts.len()).unwrap_or(u32::MAX));
        for text in texts {
            self.string(text);
        }
    }

    pub(super) fn pairs(&mut self, pairs: &[(String, String)]) {
        self.u32(u32::try_from(pairs.len()).unwrap_or(u32::MAX));
        for (first, second) in pairs {
            self.string(first);
            self.string(second);
        }
    }
}

/// Reads the format of [`Writer`]; refuses bytes that end too early.
pub(crate) struct Reader<'a>(pub(super) &'a [u8]);

impl Reader<'_> {
    pub(super) fn take<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (head, rest) = self.0.split_first_chunk::<N>().ok_or(Malformed)?;
        self.0 = rest;
        Ok(*head)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Malformed> {
        self.take().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64, Malformed> {
        self.take().map(u64::from_le_bytes)
    }

    pub(crate) fn i32(&mut self) -> Result<i32, Malformed> {
        self.take().map(i32::from_le_bytes)
    }

    pub(super) fn bool(&mut self) -> Result<bool, Malformed> {
        match self.u32()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Malformed),
        }
    }

    pub(super) fn some_u64(&mut self) -> Result<Option<u64>, Malformed> {
        if self.bool()? { self.u64().map(Some) } else { Ok(None) }
    }

    pub(super) fn duration(&mut self) -> Result<Duration, Malformed> {
        self.u64().map(Duration::from_nanos)
    }

    pub(super) fn string(&mut self) -> Result<String, Malformed> {
        let length = self.u32()? as usize;
        let (head, rest) = self.0.split_at_checked(length).ok_or(Malformed)?;
        self.0 = rest;
        String::from_utf8(head.to_vec()).map_err(|_| Malformed)
    }

    pub(super) fn strings(&mut self) -> Result<Vec<String>, Malformed> {
        let count = self.u32()? as usize;
        // Each string takes at least four bytes. So a wrong count reserves no more memory than a message of this length
        // could need.
        if count > self.0.len() / 4 {
            return Err(Malformed);
        }
        (0..count).map(|_| self.string()).collect()
    }

    pub(super) fn pairs(&mut self) -> Result<Vec<(String, String)>, Malformed> {
        let count = self.u32()? as usize;
        if count > self.0.len() / 8 {
            return Err(Malformed);
        }
        (0..count).map(|_| Ok((self.string()?, self.string()?))).collect()
    }
}
