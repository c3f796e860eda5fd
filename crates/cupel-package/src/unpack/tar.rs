//! Tar archives, plain or gzipped.

use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;

use cupel_types::Bytes;
use tar::{Archive, Entry, EntryType};

use super::zip::{Links, link_text, resolve_links};
use super::{Sink, SinkError};
use crate::finding::Code;

/// Maximum number of bytes between the data of two entries: padding, headers, long names and extended headers. A path
/// has at most 1,024 bytes, so most of them are left for attributes, which are ignored.
const HEADERS_BYTES_MAX: u64 = 64 << 10;

/// Bounds a stream: the bytes between the data of two entries, and all bytes. The parser keeps the former in memory,
/// and the untrusted archive determines their number.
struct Metered<R> {
    inner: R,
    meter: Meter,
    left_in_all: u64,
}

/// The part of a [`Metered`] stream that its user controls.
#[derive(Clone)]
struct Meter {
    /// Bytes that may be read before the next call. `u64::MAX`: only the bound on all bytes applies.
    left: Rc<Cell<u64>>,
    exceeded: Rc<Cell<Option<Exceeded>>>,
}

/// The bound that a stream exceeds.
#[derive(Clone, Copy)]
enum Exceeded {
    Headers,
    Stream,
}

impl Meter {
    /// Called before the parser looks for the next entry.
    fn before_entry(&self) {
        self.left.set(HEADERS_BYTES_MAX);
    }

    /// Called before the data of an entry are read. Other bounds apply to the data.
    fn before_data(&self) {
        self.left.set(u64::MAX);
    }

    fn exceed(&self, bound: Exceeded) -> io::Error {
        self.exceeded.set(Some(bound));
        io::Error::other("a bound on the archive is exceeded")
    }
}

impl<R> Metered<R> {
    /// A reader of at most `bytes_max` bytes in total.
    fn new(inner: R, bytes_max: u64) -> (Metered<R>, Meter) {
        let meter = Meter { left: Rc::new(Cell::new(HEADERS_BYTES_MAX)), exceeded: Rc::default() };
        (Metered { inner, meter: meter.clone(), left_in_all: bytes_max }, meter)
    }
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.meter.left.get();
        match (left, self.left_in_all) {
            _ if buffer.is_empty() => {}
            (0, _) => return Err(self.meter.exceed(Exceeded::Headers)),
            (_, 0) => return Err(self.meter.exceed(Exceeded::Stream)),
            _ => {}
        }
        let most = buffer.len().min(usize::try_from(left.min(self.left_in_all)).unwrap_or(usize::MAX));
        let n = self.inner.read(&mut buffer[..most])?;
        self.left_in_all -= n as u64;
        if left != u64::MAX {
            self.meter.left.set(left - n as u64);
        }
        Ok(n)
    }
}

pub(super) fn unpack<R: Read>(
    stream: R,
    compressed: &Cell<u64>,
    name: &str,
    below: &str,
    sink: &mut Sink<'_>,
) -> Result<(), SinkError> {
    // Besides its content, every entry has a header block and padding, so the bound is twice the maximum size
    // of all files.
    let bytes_max = sink.limits().total_bytes_max.saturating_mul(2);
    let (stream, meter) = Metered::new(stream, bytes_max);
    let mut archive = Archive::new(stream);
    let mut unpacking = Unpacking {
        compressed,
        name,
        below,
        meter: &meter,
        bytes_max,
        links: Vec::new(),
        skippable: sink.limits().total_bytes_max,
    };
    let mut entries = archive.entries().map_err(|error| unpacking.failed(error, sink))?;
    loop {
        meter.before_entry();
        let Some(entry) = entries.next() else { break };
        let mut entry = entry.map_err(|error| unpacking.failed(error, sink))?;
        meter.before_data();
        unpacking.entry(&mut entry, sink)?;
        unpacking.skip(&mut entry, sink)?;
    }
    resolve_links(unpacking.links, sink)
}

struct Unpacking<'a> {
    compressed: &'a Cell<u64>,
    /// The archive's name.
    name: &'a str,
    below: &'a str,
    meter: &'a Meter,
    bytes_max: u64,
    links: Links,
    /// Remaining number of bytes of data that may be read without being unpacked.
    skippable: u64,
}

impl Unpacking<'_> {
    fn entry<R: Read>(&mut self, entry: &mut Entry<'_, R>, sink: &mut Sink<'_>) -> Result<(), SinkError> {
        sink.count_entry()?;
        let kind = entry.header().entry_type();
        if matches!(kind, EntryType::XGlobalHeader | EntryType::XHeader) {
            return Ok(());
        }
        let name_raw = entry.path_bytes().into_owned();
        let path = match sink.name(self.below, &name_raw) {
            Ok(Some(path)) => path,
            Ok(None) | Err(SinkError::Refused) => return Ok(()),
            Err(error) => return Err(error),
        };
        match kind {
            EntryType::Directory => sink.directory(&path),
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {
                let executable = entry.header().mode().map_err(|error| self.failed(error, sink))? & 0o111 != 0;
                match sink.file(&path, executable, entry, &|| Some(self.compressed.get())) {
                    Err(SinkError::Source(error)) => Err(self.failed(error, sink)),
                    other => other,
                }
            }
            EntryType::Symlink | EntryType::Link => {
                let target = entry.link_name_bytes().unwrap_or_default();
                let Some(target) = link_text(&path, &target, sink) else { return Ok(()) };
                // The target of a hard link is relative to the root of the archive.
                let is_relative = kind == EntryType::Link && !target.starts_with('/');
                let depth = if is_relative { path.as_str().split('/').count() - 1 } else { 0 };
                let below = if is_relative { self.below } else { "" };
                self.links.push((path, format!("{}{below}{target}", "../".repeat(depth))));
                Ok(())
            }
            _ => {
                let fault = "the entry is a device, a pipe or something else that is not a file";
                sink.findings().file(Code::ArchiveLink, path.as_str(), fault, "Remove it");
                Ok(())
            }
        }
    }

    /// Reads the data of an entry that is not unpacked. Otherwise they would count as bytes between entries.
    fn skip<R: Read>(&mut self, entry: &mut Entry<'_, R>, sink: &Sink<'_>) -> Result<(), SinkError> {
        let most = self.skippable.saturating_add(1);
        let skipped = io::copy(&mut entry.by_ref().take(most), &mut io::sink());
        let skipped = skipped.map_err(|error| self.failed(error, sink))?;
        match self.skippable.checked_sub(skipped) {
            Some(left) => self.skippable = left,
            None => return Err(self.refused("the entries that are not unpacked are too large", sink)),
        }
        Ok(())
    }

    /// Reports a failure of the stream.
    fn failed(&self, error: io::Error, sink: &Sink<'_>) -> SinkError {
        match self.meter.exceeded.get() {
            None => {
                super::damaged(sink.findings(), self.name, &error.to_string());
                SinkError::Refused
            }
            Some(Exceeded::Headers) => {
                let most = Bytes::new(HEADERS_BYTES_MAX);
                self.refused(&format!("the names and attributes of an entry have more than {most}"), sink)
            }
            Some(Exceeded::Stream) => {
                let most = Bytes::new(self.bytes_max);
                self.refused(&format!("the unpacked archive has more than {most}"), sink)
            }
        }
    }

    fn refused(&self, fault: &str, sink: &Sink<'_>) -> SinkError {
        let remedy = "Pack only the files of the problem, with short names and without extended attributes";
        sink.findings().file(Code::ArchiveBomb, self.name, fault, remedy);
        SinkError::Refused
    }
}
