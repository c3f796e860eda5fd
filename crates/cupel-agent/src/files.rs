//! The files of the box: created before the program starts, and returned after all its processes are gone.
//!
//! The program may have made links, pipes and directories of any shape. Each entry is opened relative to its directory, without
//! following links or crossing mounts, and only regular files are returned.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use cupel_agent::{BOX, Collect, DATA_MAX, FromAgent};
use rustix::fs::{CWD, Dir, FileType, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use crate::link::Link;

/// Maximum depth of directories that are searched for files. Paths of files have the same bound.
const DEPTH_MAX: u32 = 32;

const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
/// With `O_NONBLOCK`, opening a named pipe does not wait for a writer.
const FILE: OFlags = OFlags::RDONLY.union(OFlags::NOFOLLOW).union(OFlags::NONBLOCK).union(OFlags::CLOEXEC);
const BENEATH: ResolveFlags = ResolveFlags::BENEATH
    .union(ResolveFlags::NO_SYMLINKS)
    .union(ResolveFlags::NO_XDEV)
    .union(ResolveFlags::NO_MAGICLINKS);

/// The directory of the box, opened before the program starts.
pub(crate) struct BoxDirectory(OwnedFd);

impl BoxDirectory {
    pub(crate) fn open() -> io::Result<BoxDirectory> {
        let opened = rustix::fs::openat(CWD, BOX, DIRECTORY, Mode::empty());
        let why = |errno: rustix::io::Errno| io::Error::new(errno.kind(), format!("cannot open {BOX}: {errno}"));
        Ok(BoxDirectory(opened.map_err(why)?))
    }

    /// Creates a directory and its parents.
    pub(crate) fn make_directories(&self, path: &str) -> io::Result<()> {
        for (end, _) in path.match_indices('/').chain([(path.len(), "")]) {
            match rustix::fs::mkdirat(&self.0, &path[..end], Mode::from_raw_mode(0o755)) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Creates a file.
    pub(crate) fn create(&self, path: &str, executable: bool) -> io::Result<File> {
        if let Some((parent, _)) = path.rsplit_once('/') {
            self.make_directories(parent)?;
        }
        let mode = Mode::from_raw_mode(if executable { 0o755 } else { 0o644 });
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(rustix::fs::openat2(&self.0, path, flags, mode, BENEATH)?.into())
    }

    /// Sends the files of a step. Returns whether some were omitted because there are too many.
    pub(crate) fn send(&self, collect: &Collect, outbox: Option<&str>, link: &mut Link) -> io::Result<bool> {
        match collect {
            Collect::Nothing => Ok(false),
            Collect::All { files, bytes, .. } => {
                let mut budget = Budget { files: *files, bytes: *bytes, entries: files.saturating_mul(4).max(1024) };
                let complete = match outbox {
                    None => walk(self.0.as_fd(), "", &mut budget, link)?,
                    Some(outbox) => match rustix::fs::openat2(&self.0, outbox, DIRECTORY, Mode::empty(), BENEATH) {
                        Ok(opened) => walk(opened.as_fd(), outbox, &mut budget, link)?,
                        // The program has removed or replaced the directory.
                        Err(_) => true,
                    },
                };
                Ok(!complete)
            }
            Collect::Named { paths, bytes } => {
                let mut left = *bytes;
                for path in paths {
                    if let Some((file, meta)) = open_file(self.0.as_fd(), path) {
                        let keep = left.min(meta.size);
                        left -= send_file(path, file, keep, keep < meta.size, meta.executable, link)?;
                    }
                }
                Ok(false)
            }
        }
    }
}

struct Meta {
    size: u64,
    executable: bool,
}

struct Budget {
    files: u32,
    bytes: u64,
    entries: u32,
}

fn open_file(directory: BorrowedFd<'_>, path: &str) -> Option<(File, Meta)> {
    let opened = rustix::fs::openat2(directory, path, FILE, Mode::empty(), BENEATH).ok()?;
    let stat = rustix::fs::fstat(&opened).ok()?;
    let is_file = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
    let meta = Meta { size: u64::try_from(stat.st_size).unwrap_or(0), executable: stat.st_mode & 0o100 != 0 };
    is_file.then(|| (File::from(opened), meta))
}

/// Sends the files below a directory. Returns `false` if a bound was reached.
fn walk(directory: BorrowedFd<'_>, prefix: &str, budget: &mut Budget, link: &mut Link) -> io::Result<bool> {
    for entry in Dir::read_from(directory)? {
        let entry = entry?;
        // Names that are not UTF-8 are skipped, because no client can request them.
        let Ok(name) = entry.file_name().to_str() else { continue };
        if name == "." || name == ".." {
            continue;
        }
        budget.entries = match budget.entries.checked_sub(1) {
            Some(left) => left,
            None => return Ok(false),
        };
        let path = if prefix.is_empty() { name.to_owned() } else { format!("{prefix}/{name}") };
        if path.split('/').count() > DEPTH_MAX as usize {
            return Ok(false);
        }
        if let Some((file, meta)) = open_file(directory, name) {
            if budget.files == 0 || meta.size > budget.bytes {
                return Ok(false);
            }
            budget.files -= 1;
            budget.bytes -= send_file(&path, file, meta.size, false, meta.executable, link)?;
        } else if let Ok(opened) = rustix::fs::openat2(directory, name, DIRECTORY, Mode::empty(), BENEATH)
            && !walk(opened.as_fd(), &path, budget, link)?
        {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Sends at most `keep` bytes of a file. Returns how many were sent.
fn send_file(path: &str, file: File, keep: u64, cut: bool, executable: bool, link: &mut Link) -> io::Result<u64> {
    link.send(&FromAgent::File { path: path.to_owned(), executable, truncated: cut });
    let (mut file, mut sent) = (file.take(keep), 0);
    let mut data = vec![0; DATA_MAX];
    loop {
        let n = file.read(&mut data)?;
        if n == 0 {
            return Ok(sent);
        }
        link.send(&FromAgent::Data(data[..n].to_vec()));
        sent += n as u64;
        if link.is_full() {
            link.flush_all()?;
        }
    }
}

/// A file that is being received.
pub(crate) struct Incoming {
    pub(crate) file: File,
    pub(crate) left: u64,
}

impl Incoming {
    pub(crate) fn write(&mut self, data: &[u8]) -> io::Result<()> {
        self.left = self.left.checked_sub(data.len() as u64).ok_or(io::ErrorKind::InvalidData)?;
        self.file.write_all(data)
    }
}
