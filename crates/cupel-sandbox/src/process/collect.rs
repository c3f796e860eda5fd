//! Collects the files that a step left in its box, and sends them as descriptors, once all processes of the step are
//! gone.
//!
//! The cell's init runs this code over a tree that the tenant created: names, links and sizes are untrusted. Each entry
//! is opened relative to the directory in which it was listed, without following links or crossing mounts, and only
//! regular files are sent. There are bounds on files, bytes, visited entries, and the depth of a [`BoxPath`].

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use cupel_types::{BoxPath, BoxPathError};
use rustix::fs::{Dir, FileType, Mode, OFlags, ResolveFlags};

use crate::wire::{self, CollectLimits, DESCRIPTORS_MAX, FromLane};

/// Sends every regular file below `dir`, or only those in the directory `outbox` if that name is not empty. Returns
/// `true` if the files exceed the limits, so that some were not sent.
pub(crate) fn send_files(
    dir: BorrowedFd<'_>,
    outbox: &str,
    limits: CollectLimits,
    to: BorrowedFd<'_>,
) -> io::Result<bool> {
    let mut batch = Batch { to, names: Vec::new(), executable: Vec::new(), descriptors: Vec::new() };
    let mut budget =
        Budget { files: limits.files, bytes: limits.bytes.get(), entries: limits.files.saturating_mul(4).max(1024) };
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let complete = match outbox {
        "" => walk(dir, "", &mut budget, &mut batch)?,
        outbox => match rustix::fs::openat2(dir, outbox, flags, Mode::empty(), BENEATH) {
            Ok(opened) => walk(opened.as_fd(), outbox, &mut budget, &mut batch)?,
            // The program removed or replaced that directory, so there are no files to send.
            Err(_) => true,
        },
    };
    batch.flush()?;
    Ok(!complete)
}

/// Sends the regular files at these paths below `dir`. Missing files and entries of other types are left out. The
/// receiver limits the number of bytes. Returns `true` if there are more files than the limits allow.
pub(crate) fn send_named(
    dir: BorrowedFd<'_>,
    paths: &[String],
    limits: CollectLimits,
    to: BorrowedFd<'_>,
) -> io::Result<bool> {
    let mut batch = Batch { to, names: Vec::new(), executable: Vec::new(), descriptors: Vec::new() };
    let mut files = limits.files;
    for path in paths {
        let Ok(opened) = rustix::fs::openat2(dir, path.as_str(), FILE, Mode::empty(), BENEATH) else { continue };
        let Ok(stat) = rustix::fs::fstat(&opened) else { continue };
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            continue;
        }
        files = match files.checked_sub(1) {
            Some(left) => left,
            None => {
                batch.flush()?;
                return Ok(true);
            }
        };
        batch.add(path.clone(), stat.st_mode & 0o100 != 0, opened)?;
    }
    batch.flush()?;
    Ok(false)
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

struct Budget {
    files: u32,
    bytes: u64,
    entries: u32,
}

struct Batch<'a> {
    to: BorrowedFd<'a>,
    names: Vec<String>,
    executable: Vec<bool>,
    descriptors: Vec<OwnedFd>,
}

impl Batch<'_> {
    fn add(&mut self, path: String, executable: bool, file: OwnedFd) -> io::Result<()> {
        self.names.push(path);
        self.executable.push(executable);
        self.descriptors.push(file);
        if self.names.len() == DESCRIPTORS_MAX { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        if !self.names.is_empty() {
            let message = FromLane::Files {
                names: std::mem::take(&mut self.names),
                executable: std::mem::take(&mut self.executable),
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

/// Adds the files below `dir` to the batch. Returns `false` if a bound was reached.
fn walk(dir: BorrowedFd<'_>, prefix: &str, budget: &mut Budget, batch: &mut Batch<'_>) -> io::Result<bool> {
    for entry in Dir::read_from(dir)? {
        let entry = entry?;
        let name = entry.file_name();
        if name == c"." || name == c".." {
            continue;
        }
        budget.entries = match budget.entries.checked_sub(1) {
            Some(left) => left,
            None => return Ok(false),
        };
        // Skip names that are not UTF-8 or not valid in a box path, since no client could request them.
        let Ok(name) = name.to_str() else { continue };
        let path = if prefix.is_empty() { name.to_owned() } else { format!("{prefix}/{name}") };
        match BoxPath::new(&path) {
            Ok(_) => {}
            // The path exceeds the bound, so this file is not sent.
            Err(BoxPathError::TooLong) => return Ok(false),
            Err(_) => continue,
        }
        let Ok(opened) = rustix::fs::openat2(dir, name, FILE, Mode::empty(), BENEATH) else { continue };
        let Ok(stat) = rustix::fs::fstat(&opened) else { continue };
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => {
                let complete = walk(opened.as_fd(), &path, budget, batch)?;
                if !complete {
                    return Ok(false);
                }
            }
            FileType::RegularFile => {
                let size = u64::try_from(stat.st_size).unwrap_or(u64::MAX);
                if budget.files == 0 || size > budget.bytes {
                    return Ok(false);
                }
                budget.files -= 1;
                budget.bytes -= size;
                batch.add(path, stat.st_mode & 0o100 != 0, opened)?;
            }
            _ => {}
        }
    }
    Ok(true)
}

#[cfg(test)]
#[path = "collect_fuzz.rs"]
mod fuzz;
