//! The record of a layer's content, stored beside the layer's files. The record lists the names that the layer removes
//! from the layers below. It also has checksums, so that a later check can find files that were damaged on the disk.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use cupel_types::ContentHash;

/// The record of a layer.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Contents {
    pub(crate) records: Vec<Record>,
    /// Bytes of all files.
    pub(crate) bytes: u64,
    /// Number of devices, pipes and sockets that were omitted.
    pub(crate) left_out: u64,
    /// Number of files whose set-user-id or set-group-id bits or capabilities were dropped.
    pub(crate) privileges_dropped: u64,
}

/// One entry of a layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) path: PathBuf,
    pub(crate) kind: RecordKind,
}

/// The kind of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RecordKind {
    Directory,
    /// A regular file with this content.
    File(ContentHash),
    /// A symbolic link whose target text has this hash.
    Link(ContentHash),
    /// A hard link to an earlier file or link.
    HardLink,
    /// Whiteout: removes this path of the layers below.
    Whiteout,
    /// Opaque directory: removes the content of this directory in the layers below.
    Opaque,
}

/// First line of the file. A file of another version is treated as damaged.
const HEADING: &str = "cupel layer 1";

impl Contents {
    pub(crate) fn write(&self, to: impl Write) -> io::Result<()> {
        let mut to = BufWriter::new(to);
        writeln!(to, "{HEADING}\n{} {} {}", self.bytes, self.left_out, self.privileges_dropped)?;
        for Record { path, kind } in &self.records {
            match kind {
                RecordKind::Directory => to.write_all(b"d ")?,
                RecordKind::File(hash) => write!(to, "f {hash} ")?,
                RecordKind::Link(hash) => write!(to, "l {hash} ")?,
                RecordKind::HardLink => to.write_all(b"h ")?,
                RecordKind::Whiteout => to.write_all(b"w ")?,
                RecordKind::Opaque => to.write_all(b"o ")?,
            }
            to.write_all(path.as_os_str().as_bytes())?;
            to.write_all(b"\0")?;
        }
        to.flush()
    }

    /// Drops the records of entries that a later entry of the same archive has replaced.
    pub(crate) fn keep_last(&mut self) {
        let mut seen = HashSet::new();
        let mut kept: Vec<Record> = Vec::with_capacity(self.records.len());
        for record in self.records.drain(..).rev() {
            let is_removal = matches!(record.kind, RecordKind::Whiteout | RecordKind::Opaque);
            if is_removal || seen.insert(record.path.clone()) {
                kept.push(record);
            }
        }
        kept.reverse();
        self.records = kept;
    }

    pub(crate) fn read(from: impl Read) -> io::Result<Contents> {
        let mut from = BufReader::new(from);
        let mut contents = read_head(&mut from)?;
        let mut record = Vec::new();
        while from.read_until(0, &mut record)? > 0 {
            contents.records.push(record.strip_suffix(b"\0").and_then(parse).ok_or_else(damaged)?);
            record.clear();
        }
        Ok(contents)
    }

    /// The bytes of all files, without reading the records.
    pub(crate) fn read_bytes(from: impl Read) -> io::Result<u64> {
        read_head(&mut BufReader::new(from)).map(|contents| contents.bytes)
    }
}

fn damaged() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the record of the layer is damaged")
}

/// Reads everything except the records.
fn read_head(from: &mut impl BufRead) -> io::Result<Contents> {
    let mut line = String::new();
    from.read_line(&mut line)?;
    if line.trim_end() != HEADING {
        return Err(damaged());
    }
    line.clear();
    from.read_line(&mut line)?;
    let mut numbers = line.split_ascii_whitespace().map(str::parse);
    let mut number = || numbers.next().and_then(Result::ok).ok_or_else(damaged);
    Ok(Contents { bytes: number()?, left_out: number()?, privileges_dropped: number()?, records: Vec::new() })
}

fn parse(record: &[u8]) -> Option<Record> {
    let (letter, rest) = (*record.first()?, record.get(2..)?);
    let hash = || -> Option<(ContentHash, &[u8])> {
        let hash = std::str::from_utf8(rest.get(..64)?).ok()?.parse().ok()?;
        Some((hash, rest.get(65..)?))
    };
    let (kind, path) = match letter {
        b'd' => (RecordKind::Directory, rest),
        b'h' => (RecordKind::HardLink, rest),
        b'w' => (RecordKind::Whiteout, rest),
        b'o' => (RecordKind::Opaque, rest),
        b'f' => hash().map(|(hash, path)| (RecordKind::File(hash), path))?,
        b'l' => hash().map(|(hash, path)| (RecordKind::Link(hash), path))?,
        _ => return None,
    };
    Some(Record { path: PathBuf::from(OsStr::from_bytes(path)), kind })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_as_it_was_written() {
        let hash = ContentHash::from_bytes([7; 32]);
        let record = |path: &[u8], kind| Record { path: PathBuf::from(OsStr::from_bytes(path)), kind };
        let contents = Contents {
            records: vec![
                record(b"usr", RecordKind::Directory),
                record(b"usr/a b\n\xff", RecordKind::File(hash)),
                record(b"bin", RecordKind::Link(hash)),
                record(b"sbin", RecordKind::HardLink),
                record(b"etc/old", RecordKind::Whiteout),
                record(b"", RecordKind::Opaque),
            ],
            bytes: 1,
            left_out: 2,
            privileges_dropped: 3,
        };
        let mut file = Vec::new();
        contents.write(&mut file).unwrap();
        assert_eq!(Contents::read(&file[..]).unwrap(), contents);
        for cut in [0, 5, file.len() - 1] {
            assert!(Contents::read(&file[..cut]).is_err(), "cut at {cut}");
        }
    }
}
