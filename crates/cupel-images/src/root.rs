//! Combines the layers of an image into one root directory.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

use rustix::fs::{AtFlags, FileType};

use crate::beneath::{self, Beneath};
use crate::contents::{Contents, RecordKind};

/// Adds a layer to a root that has the layers below it: removes what the layer removes, then adds hard links to its
/// files. Returns the number of entries added.
pub(crate) fn add_layer(root: &Beneath, layer: &Beneath, contents: &Contents) -> io::Result<u64> {
    for record in &contents.records {
        let path = record.path.as_path();
        // A path that no layer below has, or only behind a link to nothing, has nothing to remove.
        match record.kind {
            RecordKind::Opaque => {
                if let Ok(directory) = root.directory(path) {
                    beneath::empty(directory.as_fd())?;
                }
            }
            RecordKind::Whiteout => {
                let (parent, name) = (path.parent().unwrap_or(Path::new("")), path.file_name().unwrap_or_default());
                if let Ok(directory) = root.directory(parent) {
                    beneath::remove(directory.as_fd(), name)?;
                }
            }
            RecordKind::Directory | RecordKind::File(_) | RecordKind::Link(_) | RecordKind::HardLink => {}
        }
    }
    link_entries(layer.as_fd(), root.as_fd())
}

/// Links every file beneath a directory to the same path beneath another. A directory is merged with one of the same
/// name; anything else replaces what has its name.
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

/// Names that a root must have for a program that runs as user `uid`, and does not have. The files belong to the root
/// alone: a file of a layer is replaced, not changed.
pub(crate) fn complete(root: &Beneath, uid: u32) -> io::Result<()> {
    let etc = root.make_directories(Path::new("etc"));
    // An image whose /etc is a link has arranged it itself.
    let Ok(etc) = etc else { return Ok(()) };
    let text = |name: &str| -> io::Result<Option<String>> {
        match root.file(&Path::new("etc").join(name)) {
            Ok(Some(file)) => io::read_to_string(file).map(Some),
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
        // An empty file of the image counts as missing: Docker leaves one for each file that it mounts.
        if text(name)?.is_some_and(|known| known.is_empty()) {
            write(name, default)?;
        }
    }
    Ok(())
}
