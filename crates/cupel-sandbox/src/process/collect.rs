//! Collects the files that a step left in its box, and sends them as descriptors, once all processes of the step are
//! gone.
//!
//! The cell's init runs this code over a tree that the tenant created: names, links and sizes are untrusted. Each entry
//! is opened relative to the directory in which it was listed, without following links or crossing mount points, and
//! only regular files are sent. There are bounds on the number of files, bytes and visited entries, and on the length
//! and depth of paths ([`BoxPath`]). A file that was found by a pattern is opened again, beneath the box, before it is
//! sent.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use cupel_types::{BoxPath, BoxPathError};
use rustix::fs::{Dir, FileType, Mode, OFlags, ResolveFlags, Stat};

use crate::wire::{self, CollectLimits, DESCRIPTORS_MAX, FromLane};

/// Sends the regular files below `dir`, or only those in the directory `outbox` if that name is not empty. Omits files
/// whose path is not a valid [`BoxPath`] and files that cannot be opened. Returns `true` if a bound on files, bytes,
/// entries or path lengths was exceeded, so that files may be missing.
pub(crate) fn send_files(
    dir: BorrowedFd<'_>,
    outbox: &str,
    limits: CollectLimits,
    to: BorrowedFd<'_>,
) -> io::Result<bool> {
    let mut batch = Batch::new(to, Purpose::Collected);
    let (mut files, mut bytes) = (limits.files, limits.bytes.get());
    let mut entries = limits.files.saturating_mul(4).max(1024);
    let mut visit = |found: Found| {
        let Found::File { path, stat, opened } = found else { return Ok(false) };
        let size = u64::try_from(stat.st_size).unwrap_or(u64::MAX);
        if files == 0 || size > bytes {
            return Ok(false);
        }
        files -= 1;
        bytes -= size;
        batch.add(path, stat.st_mode & 0o100 != 0, opened)?;
        Ok(true)
    };
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let complete = match outbox {
        "" => walk(dir, "", &mut entries, &mut visit)?,
        outbox => match rustix::fs::openat2(dir, outbox, flags, Mode::empty(), BENEATH) {
            Ok(opened) => walk(opened.as_fd(), outbox, &mut entries, &mut visit)?,
            // The program removed or replaced that directory, so there are no files to send.
            Err(_) => true,
        },
    };
    batch.flush()?;
    Ok(!complete)
}

/// Sends the first `files_max` regular files below `dir` whose paths match a pattern, in the order of their paths. The
/// receiver limits the number of bytes. Returns `true` if there may be more files.
pub(crate) fn send_matching(
    dir: BorrowedFd<'_>,
    patterns: &[String],
    files_max: u32,
    to: BorrowedFd<'_>,
) -> io::Result<bool> {
    let mut paths = Vec::new();
    let mut entries = SEARCHED_MAX;
    let complete = walk(dir, "", &mut entries, &mut |found| {
        if let Found::File { path, .. } = found
            && patterns.iter().any(|pattern| cupel_glob::matches(pattern, &path))
        {
            paths.push(path);
        }
        // No client could request a file whose path is too long.
        Ok(true)
    })?;
    paths.sort_unstable();
    let files_max = usize::try_from(files_max).unwrap_or(usize::MAX);
    let has_more = !complete || paths.len() > files_max;
    paths.truncate(files_max);
    let mut batch = Batch::new(to, Purpose::Found);
    for path in paths {
        if let Some((opened, executable)) = open_file(dir, &path) {
            batch.add(path, executable, opened)?;
        }
    }
    batch.flush()?;
    Ok(has_more)
}

/// Sends the regular files at these paths below `dir`. Missing files and entries of other types are left out. The
/// receiver limits the number of bytes. Returns `true` if there are more files than the limits allow.
pub(crate) fn send_named(
    dir: BorrowedFd<'_>,
    paths: &[String],
    limits: CollectLimits,
    to: BorrowedFd<'_>,
) -> io::Result<bool> {
    let mut batch = Batch::new(to, Purpose::Collected);
    let mut files = limits.files;
    for path in paths {
        let Some((opened, executable)) = open_file(dir, path) else { continue };
        files = match files.checked_sub(1) {
            Some(left) => left,
            None => {
                batch.flush()?;
                return Ok(true);
            }
        };
        batch.add(path.clone(), executable, opened)?;
    }
    batch.flush()?;
    Ok(false)
}

/// Opens the regular file at this path. Also returns whether the file is executable.
fn open_file(dir: BorrowedFd<'_>, path: &str) -> Option<(OwnedFd, bool)> {
    let opened = rustix::fs::openat2(dir, path, FILE, Mode::empty(), BENEATH).ok()?;
    let stat = rustix::fs::fstat(&opened).ok()?;
    let is_file = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
    is_file.then_some((opened, stat.st_mode & 0o100 != 0))
}

/// Flags for opening an entry that may be a file. With `O_NONBLOCK`, opening a FIFO for reading does not wait for a
/// writer.
const FILE: OFlags =
    OFlags::RDONLY.union(OFlags::NOFOLLOW).union(OFlags::NONBLOCK).union(OFlags::NOCTTY).union(OFlags::CLOEXEC);

/// Maximum number of attempts to send the same files, one per millisecond: 20 s, less than a slot waits for its lane.
const TRIES_MAX: u32 = 20_000;

const BENEATH: ResolveFlags = ResolveFlags::BENEATH
    .union(ResolveFlags::NO_SYMLINKS)
    .union(ResolveFlags::NO_XDEV)
    .union(ResolveFlags::NO_MAGICLINKS);

/// Maximum number of entries visited by one search for files by pattern: twice the number of files that a program may
/// create by default. It bounds the time of the search, because matching a pattern may be slow.
const SEARCHED_MAX: u32 = 8192;

struct Batch<'a> {
    to: BorrowedFd<'a>,
    purpose: Purpose,
    names: Vec<String>,
    executable: Vec<bool>,
    descriptors: Vec<OwnedFd>,
}

/// Why files are sent.
enum Purpose {
    /// All files, or files that were requested by path.
    Collected,
    /// Files whose paths match a pattern.
    Found,
}

impl<'a> Batch<'a> {
    fn new(to: BorrowedFd<'a>, purpose: Purpose) -> Batch<'a> {
        Batch { to, purpose, names: Vec::new(), executable: Vec::new(), descriptors: Vec::new() }
    }

    fn add(&mut self, path: String, executable: bool, file: OwnedFd) -> io::Result<()> {
        self.names.push(path);
        self.executable.push(executable);
        self.descriptors.push(file);
        if self.names.len() == DESCRIPTORS_MAX { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        if !self.names.is_empty() {
            let (names, executable) = (std::mem::take(&mut self.names), std::mem::take(&mut self.executable));
            let message = match self.purpose {
                Purpose::Collected => FromLane::Files { names, executable },
                Purpose::Found => FromLane::Found { names },
            };
            let descriptors: Vec<BorrowedFd<'_>> = self.descriptors.iter().map(AsFd::as_fd).collect();
            for _ in 0..TRIES_MAX {
                match wire::send(self.to, &message, &descriptors) {
                    // The user's limit on descriptors in flight is reached, because the reader is slow. There is no
                    // event to wait for: descriptors count until they are received, even if the socket is writable.
                    Err(error) if error.raw_os_error() == Some(libc::ETOOMANYREFS) => {
                        std::thread::sleep(Duration::from_millis(1));
                    }
                    sent => {
                        self.descriptors.clear();
                        return sent;
                    }
                }
            }
            return Err(io::Error::from_raw_os_error(libc::ETOOMANYREFS));
        }
        Ok(())
    }
}

/// An entry below a directory.
enum Found {
    /// A regular file.
    File { path: String, stat: Stat, opened: OwnedFd },
    /// An entry whose path exceeds the bound.
    PathTooLong,
}

/// Calls `visit` for each regular file below `dir` that has a valid path and can be opened, and for each entry whose
/// path is too long, until `visit` returns `false`. Returns `false` if `visit` did, or if there are more than `entries`
/// entries.
fn walk(
    dir: BorrowedFd<'_>,
    prefix: &str,
    entries: &mut u32,
    visit: &mut dyn FnMut(Found) -> io::Result<bool>,
) -> io::Result<bool> {
    for entry in Dir::read_from(dir)? {
        let entry = entry?;
        let name = entry.file_name();
        if name == c"." || name == c".." {
            continue;
        }
        *entries = match entries.checked_sub(1) {
            Some(left) => left,
            None => return Ok(false),
        };
        // Skip names that are not UTF-8 or not valid in a box path, since no client could request them.
        let Ok(name) = name.to_str() else { continue };
        let path = if prefix.is_empty() { name.to_owned() } else { format!("{prefix}/{name}") };
        match BoxPath::new(&path) {
            Ok(_) => {}
            Err(BoxPathError::TooLong) => match visit(Found::PathTooLong)? {
                true => continue,
                false => return Ok(false),
            },
            Err(_) => continue,
        }
        let Ok(opened) = rustix::fs::openat2(dir, name, FILE, Mode::empty(), BENEATH) else { continue };
        let Ok(stat) = rustix::fs::fstat(&opened) else { continue };
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => {
                let complete = walk(opened.as_fd(), &path, entries, visit)?;
                if !complete {
                    return Ok(false);
                }
            }
            FileType::RegularFile => {
                let goes_on = visit(Found::File { path, stat, opened })?;
                if !goes_on {
                    return Ok(false);
                }
            }
            _ => {}
        }
    }
    Ok(true)
}

#[cfg(test)]
#[path = "collect_fuzz.rs"]
mod fuzz;
