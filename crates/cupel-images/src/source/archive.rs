//! A tar archive with an OCI layout, or a tar archive from `docker save`. Its files are read in place.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::{Component, Path};

use crate::metered::Metered;
use crate::plan::Blobs;

/// Maximum number of entries of an archive. The archive of an image has only a few entries per layer.
const ENTRIES_MAX: usize = 100_000;
/// Maximum length of a path in an archive, in bytes. The paths that images use are shorter.
const PATH_BYTES_MAX: usize = 1024;

/// An archive and the positions of its files.
pub(crate) struct Archive {
    file: File,
    entries: HashMap<String, Location>,
}

enum Location {
    /// Offset and length in bytes.
    At(u64, u64),
    /// A link to another path; `docker save` writes links for repeated layers.
    Link(String),
}

impl Archive {
    /// Reads the table of an uncompressed archive.
    pub(crate) fn open(file: File) -> io::Result<Archive> {
        let entries = table(&file)?;
        Ok(Archive { file, entries })
    }

    pub(crate) fn contains(&self, path: &str) -> bool {
        self.entries.contains_key(path)
    }
}

/// The positions of the files in an archive.
fn table(file: &File) -> io::Result<HashMap<String, Location>> {
    let mut entries = HashMap::new();
    let (reader, meter) = Metered::new(file, u64::MAX);
    let mut tar = tar::Archive::new(reader);
    let mut all = tar.entries_with_seek()?;
    let mut is_first = true;
    loop {
        meter.before_entry();
        let Some(entry) = all.next() else { break };
        let entry = entry.map_err(|error| match is_first {
            true => io::Error::new(io::ErrorKind::InvalidData, format!("it is not a tar archive ({error})")),
            false => error,
        })?;
        is_first = false;
        let Some(path) = path(&entry.path()?).filter(|path| path.len() <= PATH_BYTES_MAX) else { continue };
        let kind = entry.header().entry_type();
        let place = if kind.is_file() {
            Location::At(entry.raw_file_position(), entry.size())
        } else if kind.is_symlink() || kind.is_hard_link() {
            let Some(target) = entry.link_name()? else { continue };
            let directory = Path::new(&path).parent().unwrap_or(Path::new(""));
            let target = if kind.is_symlink() { normal(&directory.join(target)) } else { normal(&target) };
            let Some(target) = target.filter(|target| target.len() <= PATH_BYTES_MAX) else { continue };
            Location::Link(target)
        } else {
            continue;
        };
        entries.insert(path, place);
        if entries.len() > ENTRIES_MAX {
            return Err(io::Error::other(format!("the archive has more than {ENTRIES_MAX} entries")));
        }
    }
    Ok(entries)
}

/// Converts a path of the archive to the form that images use.
fn path(path: &Path) -> Option<String> {
    let parts = path.components().filter(|part| !matches!(part, Component::CurDir | Component::RootDir));
    let parts: Option<Vec<&str>> = parts.map(|part| part.as_os_str().to_str()).collect();
    parts.map(|parts| parts.join("/")).filter(|path| !path.is_empty())
}

/// Resolves `..` in a path of the archive without reading links; `None` if the path leaves the archive.
fn normal(path: &Path) -> Option<String> {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(parts.pop()?),
            Component::Normal(name) => parts.push(name.to_str()?),
            Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
        }
    }
    Some(parts.join("/"))
}

impl Blobs for Archive {
    fn open(&self, path: &str) -> io::Result<Option<Box<dyn Read + '_>>> {
        let mut path = path;
        for _ in 0..8 {
            match self.entries.get(path) {
                None => return Ok(None),
                Some(Location::At(at, length)) => {
                    return Ok(Some(Box::new(Section { file: &self.file, at: *at, end: at.saturating_add(*length) })));
                }
                Some(Location::Link(target)) => path = target,
            }
        }
        Err(io::Error::other("the archive contains a loop of links"))
    }
}

/// Part of a file.
struct Section<'a> {
    file: &'a File,
    at: u64,
    end: u64,
}

impl Read for Section<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end - self.at).unwrap_or(usize::MAX).min(buffer.len());
        if left == 0 {
            return Ok(0);
        }
        let n = self.file.read_at(&mut buffer[..left], self.at)?;
        if n == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the archive is cut off"));
        }
        self.at += n as u64;
        Ok(n)
    }
}
