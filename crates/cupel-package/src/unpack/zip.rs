//! Zip archives. Duplicate names and overlapping entries are refused before any entry is unpacked.

use std::cell::Cell;
use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};

use zip::result::ZipError;
use zip::{CompressionMethod, ZipArchive};

use super::counted::Counted;
use super::sink::link_target;
use super::{Sink, SinkError};
use crate::finding::Code;
use cupel_problem::PackagePath;

/// Maximum length of a link's target, in bytes. The targets of all links are kept in memory.
const LINK_BYTES_MAX: usize = 1024;

/// Number of bytes that may be read to find the end of the central directory, in addition to the bytes of its
/// entries.
const LIST_BYTES_FREE: u64 = 1 << 20;
/// Maximum average number of bytes per entry of the central directory. An entry usually has 46 bytes plus the name.
/// Source: APPNOTE.TXT 4.3.12.
const LIST_BYTES_AN_ENTRY: u64 = 512;

pub(super) fn unpack(file: File, name: &str, below: &str, sink: &mut Sink<'_>) -> Result<(), SinkError> {
    let findings = sink.findings();
    let file = Counted::new(BufReader::new(file));
    let (count, most) = (file.count(), file.bytes_max());
    // The central directory is read into memory, so its size is bounded before it is parsed.
    most.set(LIST_BYTES_FREE + LIST_BYTES_AN_ENTRY * sink.limits().entries_max as u64);
    let mut archive = match ZipArchive::new(file) {
        Ok(archive) => archive,
        Err(_) if count.get() > most.get() => {
            let remedy = "Remove the files that the problem does not need";
            findings.file(Code::ArchiveBomb, name, "the archive's list of entries is too long", remedy);
            return Err(SinkError::Refused);
        }
        Err(error) => return Err(refused(error, name, sink)),
    };
    most.set(u64::MAX);
    if archive.len() > sink.limits().entries_max {
        let fault = format!("the archive has {} entries; the maximum is {}", archive.len(), sink.limits().entries_max);
        findings.file(Code::ArchiveBomb, name, fault, "Remove the files that the problem does not need");
        return Err(SinkError::Refused);
    }
    if archive.has_duplicate_names() {
        let from = archive.central_directory_start();
        let twice = name_that_occurs_twice(archive.into_inner(), from, sink.limits().entries_max);
        let fault = match twice.ok().flatten() {
            Some(twice) => format!("the name `{twice}` occurs twice in the archive"),
            None => "a name occurs twice in the archive".to_owned(),
        };
        findings.file(Code::ArchiveDuplicate, name, fault, "Pack it again with each file once");
        return Err(SinkError::Refused);
    }
    if archive.has_overlapping_entries().map_err(|error| refused(error, name, sink))? {
        let fault = "two entries of the archive share bytes, as in a zip bomb";
        findings.file(Code::ArchiveBomb, name, fault, "Pack it again with an ordinary archiver");
        return Err(SinkError::Refused);
    }
    let mut links = Vec::new();
    for index in 0..archive.len() {
        entry(&mut archive, &count, index, name, below, sink, &mut links)?;
    }
    resolve_links(links, sink)
}

/// Reads the list of entries, at most `entries_max`, and returns the first name that occurs twice. Source: APPNOTE.TXT
/// 4.3.12.
fn name_that_occurs_twice(mut file: impl Read + Seek, from: u64, entries_max: usize) -> io::Result<Option<String>> {
    const HEADER: usize = 46;
    file.seek(SeekFrom::Start(from))?;
    let mut names = HashSet::new();
    for _ in 0..=entries_max {
        let mut header = [0; HEADER];
        file.read_exact(&mut header)?;
        if !header.starts_with(b"PK\x01\x02") {
            break;
        }
        let length = |at: usize| u16::from_le_bytes([header[at], header[at + 1]]);
        let mut name = vec![0; usize::from(length(28))];
        file.read_exact(&mut name)?;
        file.seek_relative(i64::from(length(30)) + i64::from(length(32)))?;
        if let Some(twice) = names.replace(name) {
            return Ok(Some(String::from_utf8_lossy(&twice).into_owned()));
        }
    }
    Ok(None)
}

/// Links and their targets, which are resolved after all files are unpacked.
pub(super) type Links = Vec<(PackagePath, String)>;

fn entry(
    archive: &mut ZipArchive<Counted<BufReader<File>>>,
    count: &Cell<u64>,
    index: usize,
    name: &str,
    below: &str,
    sink: &mut Sink<'_>,
    links: &mut Links,
) -> Result<(), SinkError> {
    sink.count_entry()?;
    let findings = sink.findings();
    let raw = archive.by_index_raw(index).map_err(|error| refused(error, name, sink))?;
    let name_raw = raw.name_raw().to_vec();
    let is_dir = raw.name_raw().ends_with(b"/");
    let mode = raw.unix_mode().unwrap_or(0o644);
    let (encrypted, method) = (raw.encrypted(), raw.compression());
    drop(raw);
    // A package with an invalid name is refused. The remaining entries are still checked, so that all faults are
    // reported.
    let path = match sink.name(below, &name_raw) {
        Ok(Some(path)) => path,
        Ok(None) | Err(SinkError::Refused) => return Ok(()),
        Err(error) => return Err(error),
    };
    if encrypted {
        findings.file(Code::ArchiveEncrypted, path.as_str(), "the entry is encrypted", "Pack it without a password");
        return Ok(());
    }
    if !matches!(method, CompressionMethod::Stored | CompressionMethod::Deflated) {
        let fault = format!("the entry is compressed with {method}");
        findings.file(Code::ArchiveMethod, path.as_str(), fault, "Pack it with the standard method, deflate");
        return Ok(());
    }
    const TYPE: u32 = 0o170_000;
    match mode & TYPE {
        _ if is_dir => return sink.directory(&path),
        0 | 0o100_000 => {}
        0o040_000 => return sink.directory(&path),
        0o120_000 => {
            let mut text = Vec::new();
            let entry = archive.by_index(index).map_err(|error| refused(error, name, sink))?;
            entry.take(LINK_BYTES_MAX as u64 + 1).read_to_end(&mut text).map_err(SinkError::Source)?;
            links.extend(link_text(&path, &text, sink).map(|target| (path, target)));
            return Ok(());
        }
        _ => {
            let fault = "the entry is a device, a pipe or a socket";
            findings.file(Code::ArchiveLink, path.as_str(), fault, "Remove it");
            return Ok(());
        }
    }
    let mut source = archive.by_index(index).map_err(|error| refused(error, name, sink))?;
    match sink.file(&path, mode & 0o111 != 0, &mut source, &|| Some(count.get())) {
        Err(SinkError::Source(error)) => {
            let fault = format!("the entry is corrupted or cut off: {error}");
            findings.file(Code::ArchiveDamaged, path.as_str(), fault, "Upload it again, or pack it again");
            Err(SinkError::Refused)
        }
        other => other,
    }
}

/// Returns the target of a link as text. `None` if it is too long, which is reported.
pub(super) fn link_text(path: &PackagePath, target: &[u8], sink: &Sink<'_>) -> Option<String> {
    if target.len() > LINK_BYTES_MAX {
        let fault = format!("the target of the link has more than {LINK_BYTES_MAX} bytes");
        sink.findings().file(Code::ArchiveLink, path.as_str(), fault, "Replace the link with the file");
        return None;
    }
    Some(String::from_utf8_lossy(target).into_owned())
}

/// Replaces a link to a file of the package by a copy of that file. A package with any other link is refused.
pub(super) fn resolve_links(links: Links, sink: &mut Sink<'_>) -> Result<(), SinkError> {
    for (path, target) in links {
        match link_target(&path, &target) {
            Ok(original) if sink.has_file(&original) => sink.copy_of(&path, &original)?,
            Ok(_) => {
                let fault = format!("the link points to `{target}`, which is not a file of the package");
                sink.findings().file(Code::ArchiveLink, path.as_str(), fault, "Replace the link with the file");
            }
            Err(_) => {
                let fault = format!("the link points to `{target}`, outside the package");
                sink.findings().file(Code::ArchiveLink, path.as_str(), fault, "Replace the link with the file");
            }
        }
    }
    Ok(())
}

fn refused(error: ZipError, name: &str, sink: &Sink<'_>) -> SinkError {
    match error {
        ZipError::Io(error) => return SinkError::Source(error),
        ZipError::CompressionMethodNotSupported(_) => {
            let remedy = "Pack it with the standard method, deflate";
            sink.findings().file(Code::ArchiveMethod, name, "an entry has an unknown compression method", remedy);
        }
        ZipError::UnsupportedArchive(ZipError::PASSWORD_REQUIRED) => {
            sink.findings().file(Code::ArchiveEncrypted, name, "an entry is encrypted", "Pack it without a password");
        }
        other => super::damaged(sink.findings(), name, &other.to_string()),
    }
    SinkError::Refused
}
