//! A directory that resolves paths only to entries beneath it. Symbolic links to directories are followed as if this
//! directory were the root of the file system, except by [`Beneath::file`] and
//! [`Beneath::directory_without_links`]. Symbolic links to files are not followed.
//! Source: openat2(2).

use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

/// Permissions of directories. Programs may read every directory; only Cupel may change one.
const DIRECTORY: Mode = Mode::from_raw_mode(0o755);

/// Maximum number of directories between an entry and the opened directory. Images are limited far below it.
const DEPTH_MAX: usize = 10_000;

/// An open directory.
pub(crate) struct Beneath(OwnedFd);

/// A path of an archive as its components, without `.`, `..` and a leading slash. It has at least one component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EntryPath(PathBuf);

impl EntryPath {
    /// Parses a path of an archive. `None` for the root directory itself.
    pub(crate) fn parse(bytes: &[u8], depth_max: usize) -> Result<Option<EntryPath>, String> {
        let text = Path::new(OsStr::from_bytes(bytes));
        let shown = || shown(text);
        if bytes.contains(&0) {
            return Err(format!("the path `{}` contains a NUL byte", shown()));
        }
        let mut path = PathBuf::new();
        let mut depth = 0;
        for component in text.components() {
            match component {
                Component::RootDir | Component::CurDir => {}
                Component::Normal(name) => {
                    path.push(name);
                    depth += 1;
                }
                Component::ParentDir | Component::Prefix(_) => {
                    return Err(format!("the path `{}` contains `..`", shown()));
                }
            }
        }
        if depth > depth_max {
            return Err(format!("the path `{}` has more than {depth_max} components", shown()));
        }
        Ok(Some(EntryPath(path)).filter(|_| depth > 0))
    }

    pub(crate) fn parent(&self) -> &Path {
        self.0.parent().unwrap_or(Path::new(""))
    }

    pub(crate) fn name(&self) -> &OsStr {
        self.0.file_name().unwrap_or_default()
    }

    /// The path for messages.
    pub(crate) fn shown(&self) -> String {
        shown(&self.0)
    }

    pub(crate) fn as_path(&self) -> &Path {
        &self.0
    }

    /// The entry `name` beside this one; `name` must be a single component.
    pub(crate) fn beside(&self, name: &OsStr) -> EntryPath {
        EntryPath(self.parent().join(name))
    }
}

/// Formats a path of an image for messages.
pub(crate) fn shown(path: &Path) -> String {
    escaped(&path.to_string_lossy())
}

/// Formats a text of an image or a registry for messages. Control characters are escaped, because a terminal would
/// interpret them.
pub(crate) fn escaped(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c.is_control() {
            true => shown.extend(c.escape_default()),
            false => shown.push(c),
        }
    }
    shown
}

impl Beneath {
    /// Opens a directory of the store.
    pub(crate) fn open(path: &Path) -> io::Result<Beneath> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(Beneath(rustix::fs::open(path, flags, Mode::empty())?))
    }

    /// Opens a directory beneath this one. The empty path is this directory. Symbolic links are resolved as for a
    /// program whose root is this directory.
    pub(crate) fn directory(&self, path: &Path) -> rustix::io::Result<OwnedFd> {
        self.open_directory(path, IN_ROOT)
    }

    /// Opens a directory beneath this one. The empty path is this directory. A symbolic link in the path is an error.
    pub(crate) fn directory_without_links(&self, path: &Path) -> rustix::io::Result<OwnedFd> {
        self.open_directory(path, RESOLVE)
    }

    fn open_directory(&self, path: &Path, resolve: ResolveFlags) -> rustix::io::Result<OwnedFd> {
        let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        rustix::fs::openat2(&self.0, path, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty(), resolve)
    }

    /// Like [`Beneath::directory`], but creates missing directories. `before` is called before a directory is created,
    /// with its path and its depth. Returns the directory and its depth, which is the number of its ancestors up to
    /// this directory. Because of links, the depth can be larger than the number of components of the path.
    pub(crate) fn make_directories<E: From<Errno>>(
        &self,
        path: &Path,
        mut before: impl FnMut(&Path, usize) -> Result<(), E>,
    ) -> Result<(OwnedFd, usize), E> {
        let (mut at, mut depth) = (self.directory(Path::new(""))?, 0);
        let mut so_far = PathBuf::new();
        for name in path.components() {
            so_far.push(name);
            (at, depth) = match enter(at.as_fd(), name.as_os_str()) {
                Ok(directory) => (directory, depth + 1),
                Err(Errno::NOENT) => {
                    before(&so_far, depth + 1)?;
                    create(at.as_fd(), name.as_os_str())?;
                    (enter(at.as_fd(), name.as_os_str())?, depth + 1)
                }
                // The name is a symbolic link, or not a directory.
                Err(Errno::NOTDIR | Errno::LOOP) => {
                    let directory = self.directory(&so_far).map_err(|errno| match errno {
                        // The symbolic link is dangling.
                        Errno::NOENT => Errno::NOTDIR,
                        other => other,
                    })?;
                    let depth = self.depth_of(&directory)?;
                    (directory, depth)
                }
                Err(other) => return Err(other.into()),
            };
        }
        Ok((at, depth))
    }

    /// The number of ancestors of a directory beneath this one, up to this one.
    fn depth_of(&self, directory: &OwnedFd) -> rustix::io::Result<usize> {
        let id = |at: BorrowedFd<'_>| rustix::fs::fstat(at).map(|stat| (stat.st_dev, stat.st_ino));
        let top = id(self.0.as_fd())?;
        let mut at = rustix::io::fcntl_dupfd_cloexec(directory, 3)?;
        let mut depth = 0;
        while id(at.as_fd())? != top {
            // A directory that is not beneath this one has no way up to it.
            if depth > DEPTH_MAX {
                return Err(Errno::XDEV);
            }
            at = rustix::fs::openat(&at, "..", OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
            depth += 1;
        }
        Ok(depth)
    }

    /// Opens a regular file for reading. `None` if it is of another type. A symbolic link on the way is an error.
    pub(crate) fn file(&self, path: &Path) -> rustix::io::Result<Option<std::fs::File>> {
        // Without O_NONBLOCK, opening a pipe would wait for a writer.
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
        let file = rustix::fs::openat2(&self.0, path, flags, Mode::empty(), RESOLVE)?;
        let is_file = FileType::from_raw_mode(rustix::fs::fstat(&file)?.st_mode) == FileType::RegularFile;
        Ok(is_file.then(|| std::fs::File::from(file)))
    }

    /// Like [`Beneath::file`], but follows links to the file's directory.
    pub(crate) fn file_in_root(&self, path: &Path) -> rustix::io::Result<Option<std::fs::File>> {
        let parent = self.directory(path.parent().unwrap_or(Path::new("")))?;
        Beneath(parent).file(Path::new(path.file_name().unwrap_or_default()))
    }

    /// The target of a symbolic link. Symbolic links in the path of its directory are followed.
    pub(crate) fn link(&self, path: &Path) -> rustix::io::Result<PathBuf> {
        let parent = self.directory(path.parent().unwrap_or(Path::new("")))?;
        let target = rustix::fs::readlinkat(&parent, path.file_name().unwrap_or_default(), Vec::new())?;
        Ok(PathBuf::from(OsStr::from_bytes(target.to_bytes())))
    }
}

const IN_ROOT: ResolveFlags = ResolveFlags::IN_ROOT.union(ResolveFlags::NO_MAGICLINKS);
const RESOLVE: ResolveFlags = ResolveFlags::BENEATH.union(ResolveFlags::NO_SYMLINKS).union(ResolveFlags::NO_MAGICLINKS);

/// Opens a directory in `at`, without following a link.
pub(crate) fn enter(at: BorrowedFd<'_>, name: &OsStr) -> rustix::io::Result<OwnedFd> {
    rustix::fs::openat(at, name, OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())
}

/// Creates a directory in `at`. Keeps an existing directory, and replaces any other entry of this name. Returns whether
/// an entry was replaced.
pub(crate) fn make_directory(at: BorrowedFd<'_>, name: &OsStr) -> rustix::io::Result<bool> {
    match create(at, name) {
        Err(Errno::EXIST) if !is_directory(at, name)? => {
            rustix::fs::unlinkat(at, name, AtFlags::empty())?;
            create(at, name).map(|()| true)
        }
        Ok(()) | Err(Errno::EXIST) => Ok(false),
        Err(other) => Err(other),
    }
}

/// Creates a directory that every program may read, regardless of the umask of this process.
fn create(at: BorrowedFd<'_>, name: &OsStr) -> rustix::io::Result<()> {
    rustix::fs::mkdirat(at, name, DIRECTORY)?;
    rustix::fs::chmodat(at, name, DIRECTORY, AtFlags::empty())
}

fn is_directory(at: BorrowedFd<'_>, name: &OsStr) -> rustix::io::Result<bool> {
    let stat = rustix::fs::statat(at, name, AtFlags::SYMLINK_NOFOLLOW)?;
    Ok(FileType::from_raw_mode(stat.st_mode) == FileType::Directory)
}

/// Removes the entry with this name in `at`, if it exists: a file, a link, or a directory with its content.
pub(crate) fn remove(at: BorrowedFd<'_>, name: &OsStr) -> io::Result<()> {
    match rustix::fs::unlinkat(at, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        // unlinkat(2) on a directory: EISDIR on Linux, EPERM by POSIX.
        Err(Errno::ISDIR | Errno::PERM) => {
            empty(enter(at, name)?.as_fd())?;
            Ok(rustix::fs::unlinkat(at, name, AtFlags::REMOVEDIR)?)
        }
        Err(other) => Err(other.into()),
    }
}

/// Removes all entries of a directory.
pub(crate) fn empty(directory: BorrowedFd<'_>) -> io::Result<()> {
    for (name, _) in list(directory)? {
        remove(directory, &name)?;
    }
    Ok(())
}

/// The entries of a directory with their types, sorted by name.
pub(crate) fn list(directory: BorrowedFd<'_>) -> io::Result<Vec<(std::ffi::OsString, FileType)>> {
    let readable =
        rustix::fs::openat(directory, ".", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    let mut entries = Vec::new();
    for entry in rustix::fs::Dir::new(readable)? {
        let entry = entry?;
        let name = OsStr::from_bytes(entry.file_name().to_bytes()).to_owned();
        if name == "." || name == ".." {
            continue;
        }
        let kind = match entry.file_type() {
            FileType::Unknown => {
                FileType::from_raw_mode(rustix::fs::statat(directory, &name, AtFlags::SYMLINK_NOFOLLOW)?.st_mode)
            }
            known => known,
        };
        entries.push((name, kind));
    }
    entries.sort_by(|(a, _), (b, _)| a.cmp(b));
    Ok(entries)
}

/// Opens the directory at an absolute or relative path that the operator named, following links.
pub(crate) fn open_operators(path: &Path) -> io::Result<Beneath> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(Beneath(rustix::fs::openat(CWD, path, flags, Mode::empty())?))
}

impl From<Beneath> for OwnedFd {
    fn from(directory: Beneath) -> OwnedFd {
        directory.0
    }
}

impl AsFd for Beneath {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_of_an_archive_stays_in_the_root() {
        let parse = |text: &str| EntryPath::parse(text.as_bytes(), 4);
        let path = |text: &str| parse(text).unwrap().map(|path| path.as_path().display().to_string());
        assert_eq!(path("./usr/bin/python3"), Some("usr/bin/python3".to_owned()));
        assert_eq!(path("/etc//passwd"), Some("etc/passwd".to_owned()));
        assert_eq!(path("./"), None);
        assert_eq!(path("/"), None);
        for bad in ["../a", "a/../b", "a/..", "/..", "a\0b", "a/b/c/d/e"] {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_link_in_a_path_does_not_lead_outside() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("inner")).unwrap();
        std::os::unix::fs::symlink("/etc", dir.path().join("inner/link")).unwrap();
        let inner = Beneath::open(&dir.path().join("inner")).unwrap();
        assert_eq!(inner.directory(Path::new("link")).unwrap_err(), Errno::NOENT, "it has no /etc");
        let make = |path: &str| inner.make_directories::<Errno>(Path::new(path), |_, _| Ok(())).map(|(_, depth)| depth);
        assert_eq!(make("link/a"), Err(Errno::NOTDIR));
        assert_eq!(inner.file(Path::new("link/passwd")).unwrap_err(), Errno::LOOP);
        std::fs::create_dir(dir.path().join("inner/etc")).unwrap();
        assert_eq!(make("link/a"), Ok(2));
        assert!(dir.path().join("inner/etc/a").is_dir());
        std::os::unix::fs::symlink("etc/a", dir.path().join("inner/deep")).unwrap();
        assert_eq!((make("deep"), make("deep/b/c")), (Ok(2), Ok(4)), "the depth differs from the path's");
        assert!(inner.directory(Path::new("../../inner")).is_err(), "the parent of the root is the root");
    }

    #[test]
    fn removing_a_tree_does_not_follow_links() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("kept")).unwrap();
        std::fs::write(dir.path().join("kept/file"), "").unwrap();
        std::fs::create_dir_all(dir.path().join("tree/deep/deeper")).unwrap();
        std::os::unix::fs::symlink("../kept", dir.path().join("tree/link")).unwrap();
        let base = Beneath::open(dir.path()).unwrap();
        remove(base.as_fd(), OsStr::new("tree")).unwrap();
        remove(base.as_fd(), OsStr::new("tree")).unwrap();
        assert!(!dir.path().join("tree").exists());
        assert!(dir.path().join("kept/file").exists());
    }
}
