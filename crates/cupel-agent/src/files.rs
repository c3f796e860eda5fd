//! The files of the box: created before the program starts, and returned after all its processes are gone.
//!
//! The program may have created arbitrary links, pipes and directory trees. Each entry is opened relative to its
//! directory, without following links or crossing mount points, and only regular files are returned.

use std::ffi::CString;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use cupel_agent::{BOX, Collect, DATA_MAX, Find, FromAgent, LINKED_MAX};
use rustix::fs::{CWD, Dir, FileType, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use crate::link::Link;

/// Maximum number of entries visited by one search for files by pattern. It bounds the time of the search, because
/// matching a pattern may be slow.
const SEARCHED_MAX: u32 = 8192;

/// Maximum directory depth of a search for files. File paths have the same bound.
const DEPTH_MAX: u32 = 32;

const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
/// With `O_NONBLOCK`, opening a named pipe does not wait for a writer.
const FILE: OFlags = OFlags::RDONLY.union(OFlags::NOFOLLOW).union(OFlags::NONBLOCK).union(OFlags::CLOEXEC);
/// Any entry, with any permissions.
const ENTRY: OFlags = OFlags::PATH.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
/// The permissions to list a directory and to open its entries.
const LISTABLE: Mode = Mode::RUSR.union(Mode::XUSR);
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

    /// Makes links to the entries of a directory of the image, so that the program finds them by relative paths. If the
    /// box has an entry with the same name, that entry stays. Makes none if the directory is missing or has more than
    /// [`LINKED_MAX`] entries.
    pub(crate) fn link_entries_of(&self, directory: &str) -> io::Result<()> {
        for name in names_in(directory).ok().flatten().unwrap_or_default() {
            let target = [directory.as_bytes(), b"/", name.to_bytes()].concat();
            match rustix::fs::symlinkat(target, &self.0, name.as_c_str()) {
                // The box may be smaller than all links together.
                Ok(()) | Err(Errno::EXIST | Errno::NAMETOOLONG | Errno::NOSPC) => {}
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

    /// Sends the files that the step returns. Returns whether some may be missing because there are too many, or they
    /// are too large or too deep.
    ///
    /// The program is the owner of its files, and may have taken permissions from itself and so from the agent. All its
    /// processes are gone, so the agent restores the permissions that it needs.
    pub(crate) fn send(&self, collect: &Collect, outbox: Option<&str>, link: &mut Link) -> io::Result<bool> {
        if !matches!(collect, Collect::Nothing) {
            make_listable(self.0.as_fd())?;
        }
        match collect {
            Collect::Nothing => Ok(false),
            Collect::All { files, bytes, .. } => {
                let (mut files, mut bytes) = (*files, *bytes);
                let mut entries = files.saturating_mul(4).max(1024);
                let mut visit = |visited: Visited| {
                    let Visited::File { path, file, meta } = visited else { return Ok(false) };
                    if files == 0 || meta.size > bytes {
                        return Ok(false);
                    }
                    files -= 1;
                    link.send(&FromAgent::File { path, executable: meta.executable, truncated: false });
                    bytes -= send_content(file, meta.size, link)?;
                    Ok(true)
                };
                let complete = match outbox {
                    None => walk(self.0.as_fd(), "", &mut entries, &mut visit)?,
                    Some(outbox) => match open(self.0.as_fd(), outbox, DIRECTORY) {
                        Ok(opened) => walk(opened.as_fd(), outbox, &mut entries, &mut visit)?,
                        // The program has removed or replaced the directory.
                        Err(_) => true,
                    },
                };
                Ok(!complete)
            }
            Collect::Named { paths, bytes, find } => {
                let mut left = *bytes;
                for path in paths {
                    if let Some((file, meta)) = open_file(self.0.as_fd(), path) {
                        let keep = left.min(meta.size);
                        let (path, truncated) = (path.clone(), keep < meta.size);
                        link.send(&FromAgent::File { path, executable: meta.executable, truncated });
                        left -= send_content(file, keep, link)?;
                    }
                }
                find.as_ref().map_or(Ok(false), |find| self.send_found(find, link))
            }
        }
    }

    /// Sends the files that match a search. Returns whether there may be more.
    fn send_found(&self, find: &Find, link: &mut Link) -> io::Result<bool> {
        let (mut paths, mut entries) = (Vec::new(), SEARCHED_MAX);
        let complete = walk(self.0.as_fd(), "", &mut entries, &mut |visited| {
            // Clients cannot request paths with control characters or backslashes.
            if let Visited::File { path, .. } = visited
                && !path.contains(|c: char| c.is_control() || c == '\\')
                && find.patterns.iter().any(|pattern| cupel_glob::matches(pattern, &path))
            {
                paths.push(path);
            }
            Ok(true)
        })?;
        paths.sort_unstable();
        let files_max = usize::try_from(find.files).unwrap_or(usize::MAX);
        let has_more = !complete || paths.len() > files_max;
        paths.truncate(files_max);
        let mut left = find.bytes;
        for path in paths {
            let Some((file, meta)) = open_file(self.0.as_fd(), &path) else { continue };
            let has_content = meta.size <= find.file_bytes && meta.size <= left;
            link.send(&FromAgent::FoundFile { path, size: meta.size, has_content });
            if has_content {
                left -= send_content(file, meta.size, link)?;
            }
        }
        Ok(has_more)
    }
}

/// The names in a directory of the image; `None` if there are too many, or if it belongs to `/proc`.
fn names_in(directory: &str) -> rustix::io::Result<Option<Vec<CString>>> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let opened = rustix::fs::openat2(CWD, directory, flags, Mode::empty(), ResolveFlags::NO_MAGICLINKS)?;
    // The agent may list directories of `/proc` that the program may not.
    if rustix::fs::fstatfs(&opened)?.f_type == rustix::fs::PROC_SUPER_MAGIC {
        return Ok(None);
    }
    let mut names = Vec::new();
    for entry in Dir::read_from(opened.as_fd())? {
        let entry = entry?;
        match entry.file_name() {
            name if name == c"." || name == c".." => {}
            _ if names.len() == LINKED_MAX => return Ok(None),
            name => names.push(name.to_owned()),
        }
    }
    Ok(Some(names))
}

struct Meta {
    size: u64,
    executable: bool,
}

/// An entry below a directory.
enum Visited {
    /// A regular file.
    File { path: String, file: File, meta: Meta },
    /// An entry at a greater depth than a path may have.
    TooDeep,
}

/// Opens an entry below a directory.
fn open(directory: BorrowedFd<'_>, path: &str, flags: OFlags) -> rustix::io::Result<OwnedFd> {
    match rustix::fs::openat2(directory, path, flags, Mode::empty(), BENEATH) {
        Err(Errno::ACCESS) => {
            make_readable(directory, path)?;
            rustix::fs::openat2(directory, path, flags, Mode::empty(), BENEATH)
        }
        other => other,
    }
}

/// Gives the owner the permissions to read an entry and to search its parents. Links are refused, because chmod(2)
/// follows them.
fn make_readable(directory: BorrowedFd<'_>, path: &str) -> rustix::io::Result<()> {
    for (end, _) in path.match_indices('/').chain([(path.len(), "")]) {
        let name = &path[..end];
        let entry = rustix::fs::openat2(directory, name, ENTRY, Mode::empty(), BENEATH)?;
        let mode = rustix::fs::fstat(entry)?.st_mode;
        let wanted = match FileType::from_raw_mode(mode) {
            FileType::Symlink => return Err(Errno::LOOP),
            FileType::Directory => LISTABLE,
            _ => Mode::RUSR,
        };
        let (mode, flags) = (Mode::from_raw_mode(mode) | wanted, rustix::fs::AtFlags::empty());
        rustix::fs::chmodat(directory, name, mode, flags)?;
    }
    Ok(())
}

/// Gives the owner the permissions to list an open directory and to open its entries.
fn make_listable(directory: BorrowedFd<'_>) -> rustix::io::Result<()> {
    let mode = Mode::from_raw_mode(rustix::fs::fstat(directory)?.st_mode);
    if mode.contains(LISTABLE) { Ok(()) } else { rustix::fs::fchmod(directory, mode | LISTABLE) }
}

fn open_file(directory: BorrowedFd<'_>, path: &str) -> Option<(File, Meta)> {
    let opened = open(directory, path, FILE).ok()?;
    let stat = rustix::fs::fstat(&opened).ok()?;
    let is_file = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
    let meta = Meta { size: u64::try_from(stat.st_size).unwrap_or(0), executable: stat.st_mode & 0o100 != 0 };
    is_file.then(|| (File::from(opened), meta))
}

/// Calls `visit` for each regular file below a directory, and for each entry that is too deep, until `visit` returns
/// `false`. Returns `false` if `visit` did, or if there are more than `entries` entries.
fn walk(
    directory: BorrowedFd<'_>,
    prefix: &str,
    entries: &mut u32,
    visit: &mut dyn FnMut(Visited) -> io::Result<bool>,
) -> io::Result<bool> {
    make_listable(directory)?;
    for entry in Dir::read_from(directory)? {
        let entry = entry?;
        // Names that are not UTF-8 are skipped, because no client can request them.
        let Ok(name) = entry.file_name().to_str() else { continue };
        if name == "." || name == ".." {
            continue;
        }
        *entries = match entries.checked_sub(1) {
            Some(left) => left,
            None => return Ok(false),
        };
        let path = if prefix.is_empty() { name.to_owned() } else { format!("{prefix}/{name}") };
        if path.split('/').count() > DEPTH_MAX as usize {
            match visit(Visited::TooDeep)? {
                true => continue,
                false => return Ok(false),
            }
        }
        if let Some((file, meta)) = open_file(directory, name) {
            if !visit(Visited::File { path, file, meta })? {
                return Ok(false);
            }
        } else if let Ok(opened) = open(directory, name, DIRECTORY)
            && !walk(opened.as_fd(), &path, entries, visit)?
        {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Sends at most `keep` bytes of a file. Returns how many were sent.
fn send_content(file: File, keep: u64, link: &mut Link) -> io::Result<u64> {
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
