//! Byte format of a cache entry, with a leading checksum.
//!
//! ```text
//! magic (8) · SHA-256 of the rest (32) · output length (u64) · output · number of files (u64)
//!   · for each: path length (u64) · path · executable (u8) · data length (u64) · data
//! ```
//! Numbers are little-endian. Cupel writes the entries, but the disk may have damaged them. No field is trusted before
//! the checksum matches, and each length is checked against the remaining bytes.

use std::sync::Arc;

use cupel_types::{BoxFile, BoxFiles, BoxPath};
use sha2::{Digest, Sha256};

use super::Entry;

const MAGIC: &[u8; 8] = b"CUPEL-A1";
const HEADER_BYTES: usize = MAGIC.len() + 32;

pub(super) fn encode(entry: &Entry) -> Vec<u8> {
    let mut body = Vec::with_capacity(usize::try_from(entry.bytes()).unwrap_or(0) + 1024);
    let field = |body: &mut Vec<u8>, bytes: &[u8]| {
        body.extend((bytes.len() as u64).to_le_bytes());
        body.extend(bytes);
    };
    body.extend([0; HEADER_BYTES]);
    field(&mut body, &entry.output);
    body.extend((entry.files.len() as u64).to_le_bytes());
    for file in &entry.files {
        field(&mut body, file.path.as_str().as_bytes());
        body.push(u8::from(file.executable));
        field(&mut body, &file.data);
    }
    let checksum = Sha256::digest(&body[HEADER_BYTES..]);
    body[..MAGIC.len()].copy_from_slice(MAGIC);
    body[MAGIC.len()..HEADER_BYTES].copy_from_slice(&checksum);
    body
}

/// Decodes an entry; `None` if the bytes differ from those that were written.
pub(super) fn decode(bytes: &[u8]) -> Option<Entry> {
    let (magic, rest) = bytes.split_at_checked(MAGIC.len())?;
    let (checksum, body) = rest.split_at_checked(32)?;
    if magic != MAGIC || Sha256::digest(body)[..] != *checksum {
        return None;
    }
    let mut reader = Reader(body);
    let output = Arc::from(reader.field()?);
    let mut files = Vec::new();
    for _ in 0..reader.number()? {
        let path = BoxPath::new(std::str::from_utf8(reader.field()?).ok()?).ok()?;
        let executable = reader.take(1)?[0] != 0;
        files.push(BoxFile { path, data: Arc::from(reader.field()?), executable });
    }
    reader.0.is_empty().then(|| Entry { files: BoxFiles::new(files), output })
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self) -> Option<u64> {
        Some(u64::from_le_bytes(self.take(8)?.try_into().ok()?))
    }

    fn field(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        self.take(length)
    }
}
