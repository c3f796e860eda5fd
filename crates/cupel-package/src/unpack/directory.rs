//! Packages that are directories: copied for an import, scanned if Cupel wrote them.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::sink::Observer;
use super::zip::{Links, link_text, resolve_links};
use super::{Sink, SinkError, Stored, UnpackLimits};
use crate::finding::{Code, ImportError};
use cupel_problem::PackagePath;

pub(super) fn copy(source: &Path, sink: &mut Sink<'_>) -> Result<(), SinkError> {
    let mut links: Links = Vec::new();
    let mut pending: Vec<PathBuf> = vec![source.to_owned()];
    let mut bytes = 0_u64;
    while let Some(directory) = pending.pop() {
        for place in listed(&directory)? {
            sink.count_entry()?;
            let relative = place.strip_prefix(source).unwrap_or(&place);
            let path = match sink.name("", relative.as_os_str().as_bytes()) {
                Ok(Some(path)) => path,
                Ok(None) | Err(SinkError::Refused) => continue,
                Err(error) => return Err(error),
            };
            let meta = fs::symlink_metadata(&place).map_err(ImportError::io("read", &place))?;
            let kind = meta.file_type();
            if kind.is_dir() {
                sink.directory(&path)?;
                pending.push(place);
            } else if kind.is_file() {
                let mut file = File::open(&place).map_err(ImportError::io("open", &place))?;
                let executable = meta.permissions().mode() & 0o111 != 0;
                bytes = bytes.saturating_add(meta.len());
                match sink.file(&path, executable, &mut file, &|| Some(bytes)) {
                    Err(SinkError::Source(error)) => return Err(ImportError::io("read", &place)(error).into()),
                    other => other?,
                }
            } else if kind.is_symlink() {
                let target = fs::read_link(&place).map_err(ImportError::io("read", &place))?;
                let target = link_text(&path, target.as_os_str().as_bytes(), sink);
                links.extend(target.map(|target| (path, target)));
            } else {
                let fault = "this is a device, a pipe or a socket";
                sink.findings().file(Code::ArchiveLink, path.as_str(), fault, "Remove it");
            }
        }
    }
    resolve_links(links, sink)
}

/// Returns the entries of a directory, sorted, so that the order of findings is deterministic.
fn listed(directory: &Path) -> Result<Vec<PathBuf>, ImportError> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(directory).map_err(ImportError::io("list", directory))? {
        entries.push(entry.map_err(ImportError::io("list", directory))?.path());
    }
    entries.sort();
    Ok(entries)
}

/// Scans a directory that Cupel wrote, and returns names, hashes and sizes. An entry that is neither a regular file nor
/// a directory is an internal failure.
pub(crate) fn scan(root: &Path, limits: &UnpackLimits) -> Result<BTreeMap<PackagePath, Stored>, ImportError> {
    let mut files = BTreeMap::new();
    let mut pending = vec![root.to_owned()];
    let mut buffer = vec![0; 64 << 10];
    while let Some(directory) = pending.pop() {
        for place in listed(&directory)? {
            let changed = || {
                let error =
                    std::io::Error::new(std::io::ErrorKind::InvalidData, "the directory was modified after the import");
                ImportError::io("read", &place)(error)
            };
            let meta = fs::symlink_metadata(&place).map_err(ImportError::io("read", &place))?;
            if meta.is_dir() {
                pending.push(place);
                continue;
            }
            let relative = place.strip_prefix(root).ok().and_then(Path::to_str);
            let path = relative.and_then(|text| PackagePath::new(text).ok()).ok_or_else(changed)?;
            if !meta.is_file() || files.len() >= limits.entries_max {
                return Err(changed());
            }
            let mut file = File::open(&place).map_err(ImportError::io("open", &place))?;
            let mut observer = Observer::default();
            loop {
                match file.read(&mut buffer).map_err(ImportError::io("read", &place))? {
                    0 => break,
                    n => observer.see(&buffer[..n]),
                }
            }
            files.insert(path, observer.finish(meta.permissions().mode() & 0o111 != 0));
        }
    }
    Ok(files)
}
