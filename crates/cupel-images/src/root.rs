//! Combines the layers of an image into one root directory.

use std::collections::{BTreeMap, HashSet};
use std::ffi::OsStr;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FileType};

use crate::beneath::{self, Beneath};
use crate::contents::{Contents, RecordKind};
use crate::hashing::Hashing;

/// Adds a layer to a root that already contains the layers below it. Applies the layer's whiteouts, and then adds hard
/// links to its files. Returns the number of entries of the layer, without whiteouts.
pub(crate) fn add_layer(root: &Beneath, layer: &Beneath, contents: &Contents) -> io::Result<u64> {
    for record in &contents.records {
        let path = record.path.as_path();
        // If no layer below has this path, there is nothing to remove. If a layer below has a link in its place, the
        // entries of this layer replace the link; nothing is removed from its target.
        match record.kind {
            RecordKind::Opaque => {
                if let Ok(directory) = root.directory_without_links(path) {
                    beneath::empty(directory.as_fd())?;
                }
            }
            RecordKind::Whiteout => {
                let (parent, name) = (path.parent().unwrap_or(Path::new("")), path.file_name().unwrap_or_default());
                if let Ok(directory) = root.directory_without_links(parent) {
                    beneath::remove(directory.as_fd(), name)?;
                }
            }
            RecordKind::Directory | RecordKind::File(_) | RecordKind::Link(_) | RecordKind::HardLink => {}
        }
    }
    link_entries(layer.as_fd(), root.as_fd())
}

/// Links every file beneath a directory to the same path beneath another. A directory is merged with an existing
/// directory of the same name. Any other entry replaces an existing entry.
fn link_entries(from: BorrowedFd<'_>, to: BorrowedFd<'_>) -> io::Result<u64> {
    let mut count = 0;
    for (name, kind) in beneath::list(from)? {
        count += 1;
        if kind == FileType::Directory {
            beneath::make_directory(to, &name)?;
            count += link_entries(beneath::enter(from, &name)?.as_fd(), beneath::enter(to, &name)?.as_fd())?;
            continue;
        }
        let link = || rustix::fs::linkat(from, &name, to, &name, AtFlags::empty());
        match link() {
            Err(rustix::io::Errno::EXIST) => {
                beneath::remove(to, &name)?;
                link()?;
            }
            other => other?,
        }
    }
    Ok(count)
}

/// Maximum size of a text file of an image that is read.
const TEXT_MAX: u64 = 1 << 20;

/// The content of a text file; `None` if the file is too large or is not text.
pub(crate) fn read_text(file: std::fs::File) -> io::Result<Option<String>> {
    let mut bytes = Vec::new();
    file.take(TEXT_MAX + 1).read_to_end(&mut bytes)?;
    Ok(String::from_utf8(bytes).ok().filter(|text| text.len() as u64 <= TEXT_MAX))
}

/// Compares a root with a root that was just created from the same layers. Returns at most `max` paths that differ.
pub(crate) fn differences(root: &Path, fresh: &Path, max: usize) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    match Beneath::open(root) {
        Ok(root) => compare(root.as_fd(), Beneath::open(fresh)?.as_fd(), Path::new("/"), max, &mut found)?,
        Err(_) => found.push(PathBuf::from("/")),
    }
    Ok(found)
}

fn compare(
    root: BorrowedFd<'_>,
    fresh: BorrowedFd<'_>,
    at: &Path,
    max: usize,
    found: &mut Vec<PathBuf>,
) -> io::Result<()> {
    let mut ours: BTreeMap<_, _> = beneath::list(root)?.into_iter().collect();
    for (name, kind) in beneath::list(fresh)? {
        if found.len() >= max {
            return Ok(());
        }
        let (name, kind, path) = (name.as_os_str(), Some(kind), at.join(&name));
        if ours.remove(name) != kind {
            found.push(path);
        } else if kind == Some(FileType::Directory) {
            let (root, fresh) = (beneath::enter(root, name)?, beneath::enter(fresh, name)?);
            compare(root.as_fd(), fresh.as_fd(), &path, max, found)?;
        } else if !is_same(root, fresh, name, kind)? {
            found.push(path);
        }
    }
    let extra = ours.into_keys().take(max.saturating_sub(found.len()));
    found.extend(extra.map(|name| at.join(name)));
    Ok(())
}

/// Whether a file or link has the same content in two directories. Usually both are hard links to the same file.
fn is_same(root: BorrowedFd<'_>, fresh: BorrowedFd<'_>, name: &OsStr, kind: Option<FileType>) -> io::Result<bool> {
    let stat = |at| rustix::fs::statat(at, name, AtFlags::SYMLINK_NOFOLLOW);
    let (ours, theirs) = (stat(root)?, stat(fresh)?);
    if (ours.st_dev, ours.st_ino) == (theirs.st_dev, theirs.st_ino) {
        return Ok(true);
    }
    if ours.st_mode != theirs.st_mode || ours.st_size != theirs.st_size {
        return Ok(false);
    }
    if kind == Some(FileType::Symlink) {
        let target = |at| rustix::fs::readlinkat(at, name, Vec::new());
        return Ok(target(root)? == target(fresh)?);
    }
    let hash = |at| -> io::Result<_> {
        use rustix::fs::{Mode, OFlags};
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = std::fs::File::from(rustix::fs::openat(at, name, flags, Mode::empty())?);
        Hashing::new(io::BufReader::with_capacity(128 * 1024, file)).finish()
    };
    Ok(hash(root)? == hash(fresh)?)
}

/// Whether a path of a root leads to an executable file. Links are followed as a program in the root would follow them.
pub fn is_program(root: &Path, path: &Path) -> bool {
    use rustix::fs::{Mode, OFlags, ResolveFlags};
    let Ok(root) = Beneath::open(root) else { return false };
    let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    let found = rustix::fs::openat2(root.as_fd(), path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty(), resolve);
    found
        .and_then(rustix::fs::fstat)
        .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile && stat.st_mode & 0o111 != 0)
}

/// Adds the names of users and hosts that a program of user `uid` needs and that the root lacks. A file that is linked
/// from a layer is replaced, not changed, because other roots share it.
pub(crate) fn complete(root: &Beneath, uid: u32) -> io::Result<()> {
    let etc = root.make_directories::<rustix::io::Errno>(Path::new("etc"), |_, _| Ok(()));
    // If /etc is a link, the image provides these files itself.
    let Ok((etc, _)) = etc else { return Ok(()) };
    // The same applies if a file is a link, is too large, or is not text.
    let text = |name: &str| -> io::Result<Option<String>> {
        match root.file(&Path::new("etc").join(name)) {
            Ok(Some(file)) => read_text(file),
            Ok(None) | Err(rustix::io::Errno::LOOP) => Ok(None),
            Err(rustix::io::Errno::NOENT) => Ok(Some(String::new())),
            Err(other) => Err(other.into()),
        }
    };
    let ids =
        |text: &str| -> HashSet<u32> { text.lines().filter_map(|line| line.split(':').nth(2)?.parse().ok()).collect() };
    let write = |name: &str, text: &str| -> io::Result<()> {
        beneath::remove(etc.as_fd(), OsStr::new(name))?;
        use rustix::fs::{Mode, OFlags};
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&etc, name, flags, Mode::from_raw_mode(0o644))?;
        rustix::fs::fchmod(&file, Mode::from_raw_mode(0o644))?;
        io::Write::write_all(&mut std::fs::File::from(file), text.as_bytes())
    };
    let ended =
        |text: &str| if text.is_empty() || text.ends_with('\n') { text.to_owned() } else { format!("{text}\n") };
    if let Ok(Some(known)) = text("passwd")
        && !ids(&known).contains(&uid)
    {
        write("passwd", &format!("{}user:x:{uid}:{uid}:user:/tmp:/bin/sh\n", ended(&known)))?;
    }
    if let Ok(Some(known)) = text("group")
        && !ids(&known).contains(&uid)
    {
        write("group", &format!("{}user:x:{uid}:\n", ended(&known)))?;
    }
    for (name, default) in [
        ("hosts", "127.0.0.1 localhost\n::1 localhost\n"),
        ("nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n"),
    ] {
        // An empty file is treated as missing, because Docker leaves an empty file for each file that it mounts.
        if text(name)?.is_some_and(|known| known.is_empty()) {
            write(name, default)?;
        }
    }
    Ok(())
}
