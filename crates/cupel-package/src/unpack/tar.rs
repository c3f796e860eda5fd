//! Tar archives, plain or gzipped.

use std::cell::Cell;
use std::io::{self, Read};

use tar::{Archive, EntryType};

use super::zip::{Links, resolve_links};
use super::{Sink, SinkError};
use crate::finding::Code;

/// Bounds a stream, including bytes that are skipped instead of unpacked: long names, extended headers, holes.
struct Bounded<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 && !buffer.is_empty() {
            return Err(io::Error::other("the archive is larger than the maximum"));
        }
        let most = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let n = self.inner.read(&mut buffer[..most])?;
        self.left -= n as u64;
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
    let left = sink.limits().total_bytes_max.saturating_mul(2);
    let mut archive = Archive::new(Bounded { inner: stream, left });
    let findings = sink.findings();
    let mut links: Links = Vec::new();
    let damaged = |error: io::Error| {
        super::damaged(findings, name, &error.to_string());
        SinkError::Refused
    };
    for entry in archive.entries().map_err(damaged)? {
        let mut entry = entry.map_err(damaged)?;
        sink.count_entry()?;
        let kind = entry.header().entry_type();
        if matches!(kind, EntryType::XGlobalHeader | EntryType::XHeader) {
            continue;
        }
        let name_raw = entry.path_bytes().into_owned();
        let path = match sink.name(below, &name_raw) {
            Ok(Some(path)) => path,
            Ok(None) | Err(SinkError::Refused) => continue,
            Err(error) => return Err(error),
        };
        match kind {
            EntryType::Directory => sink.directory(&path)?,
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {
                let executable = entry.header().mode().map_err(damaged)? & 0o111 != 0;
                match sink.file(&path, executable, &mut entry, &|| Some(compressed.get())) {
                    Err(SinkError::Source(error)) => return Err(damaged(error)),
                    other => other?,
                }
            }
            EntryType::Symlink => {
                let target = entry.link_name_bytes().map(|target| String::from_utf8_lossy(&target).into_owned());
                links.push((path, target.unwrap_or_default()));
            }
            EntryType::Link => {
                // The target of a hard link is relative to the root of the archive.
                let target = entry.link_name_bytes().map(|target| String::from_utf8_lossy(&target).into_owned());
                let depth = path.as_str().split('/').count() - 1;
                let target = target.unwrap_or_default();
                let absolute = target.starts_with('/');
                links.push((path, if absolute { target } else { format!("{}{below}{target}", "../".repeat(depth)) }));
            }
            _ => {
                let fault = "the entry is a device, a pipe or something else that is not a file";
                findings.file(Code::ArchiveLink, path.as_str(), fault, "Remove it");
            }
        }
    }
    resolve_links(links, sink)
}
