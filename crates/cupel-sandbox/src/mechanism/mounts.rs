//! The file system that a program sees: the lane's read-only root, the cell's box and `/proc`.
//!
//! A lane's root is a small tmpfs. The toolchain's directories and the configured mounts are mounted into it,
//! read-only, without set-uid and devices. Apart from a few devices such as `/dev/null`, it contains nothing else of
//! the host, so there is no path to other host files. The root of a lane for a container image has the entries of the
//! image's root directory in place of the toolchains. Sources: mount_namespaces(7), open_tree(2), pivot_root(2),
//! tmpfs(5), proc(5).

use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, symlink};
use std::path::{Path, PathBuf};

use cupel_types::{ContentHash, Limits};
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, ResolveFlags};
use rustix::mount::{
    MountFlags, MountPropagationFlags, MoveMountFlags, OpenTreeFlags, UnmountFlags, mount, mount_bind, mount_change,
    mount_move, mount_remount, move_mount, open_tree, unmount,
};

use crate::step::SetupStep;
use crate::sys::mount::{NODEV, NOEXEC, NOSUID, RDONLY, set_attributes};
use crate::{Mount, Wall, WallSet};

/// Host paths that every program sees: the system's programs and libraries.
pub(crate) const SYSTEM: &[&str] =
    &["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc/alternatives", LINKER_CACHE];
/// The cache of the dynamic linker. A root has a copy of it, not a mount: ldconfig(8) may replace the file at any time,
/// and move_mount(2) fails with `ENOENT` if the file of a detached mount has been replaced.
const LINKER_CACHE: &str = "/etc/ld.so.cache";
/// Private directories of a lane or a cell. They would hide host directories that are mounted at these paths.
pub(crate) const OWN_PLACES: &[&str] = &["/box", "/tmp", "/proc", "/dev", "/cell"];
const DEVICES: &[&str] = &["null", "zero", "full", "random", "urandom"];
/// Symbolic links in `/dev` to the descriptors of the process that follows the link.
const DEV_LINKS: [(&str, &str); 4] = [
    ("fd", "/proc/self/fd"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"),
];
/// Maximum number of pseudo-terminals in a cell with a terminal, including the program's. The kernel has a limit for
/// the whole host, 4096 by default (pty(7), /proc/sys/kernel/pty/max).
const TERMINALS_MAX: u32 = 16;

/// Directory in which the new root is assembled. This directory exists on every host, and the new root hides it only in
/// this mount namespace.
const SCAFFOLD: &str = "/tmp";

/// The step that failed, and the error.
pub(crate) type Failed = (SetupStep, io::Error);

fn at(step: SetupStep) -> impl Fn(io::Error) -> Failed {
    move |error| (step, error)
}

fn errno_at(step: SetupStep) -> impl Fn(rustix::io::Errno) -> Failed {
    move |errno| (step, errno.into())
}

/// A file, directory or link that is placed into the root.
enum Piece {
    /// A directory or file, as a detached copy of its mount.
    Tree { tree: OwnedFd, is_dir: bool },
    /// A symbolic link, recreated with the same target.
    Link(PathBuf),
    /// The content of a small file.
    Copy(Vec<u8>),
}

/// A configured mount, an entry of an image's root, or the probe. The launcher opens it, since a lane may not be
/// allowed to traverse the path to it.
pub(crate) struct Shown {
    piece: Piece,
    pub(crate) target: PathBuf,
}

impl Shown {
    /// The descriptor that a lane must keep open until its root is mounted.
    pub(crate) fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        match &self.piece {
            Piece::Tree { tree, .. } => Some(tree.as_fd()),
            Piece::Link(_) | Piece::Copy(_) => None,
        }
    }
}

/// The source of a configured mount.
pub(crate) enum Source {
    /// A path that is shown unchanged, and that the administrator controls. The path is looked up for each lane, so the
    /// file or directory may be installed after the start.
    Path(PathBuf),
    /// A directory or file that is shown at another path, and whose source another user may control. Lanes show the
    /// object that was found at the start, even if the source path refers to another object later.
    Held { found: OwnedFd, is_dir: bool, target: PathBuf },
}

/// Opens the sources of the mounts that are shown at another path, because another user may control such a source. The
/// launcher calls it at its start, before that user can replace the source. Omits sources that do not exist, are not
/// accessible, or are neither a directory nor a regular file. Refuses symbolic links in the paths.
pub(crate) fn hold(mounts: Vec<Mount>) -> io::Result<Vec<Source>> {
    let mut sources = Vec::new();
    for Mount { source, target } in mounts {
        if source == target {
            sources.push(Source::Path(source));
            continue;
        }
        let resolve = ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        match rustix::fs::openat2(CWD, &source, OFlags::PATH | OFlags::CLOEXEC, Mode::empty(), resolve) {
            Ok(found) => {
                let is_dir = match FileType::from_raw_mode(rustix::fs::fstat(&found)?.st_mode) {
                    FileType::Directory => true,
                    FileType::RegularFile => false,
                    _ => continue,
                };
                sources.push(Source::Held { found, is_dir, target });
            }
            Err(errno) if is_out_of_reach(io::Error::from(errno).kind()) => {}
            Err(errno) => {
                return Err(io::Error::new(io::Error::from(errno).kind(), format!("{}: {errno}", source.display())));
            }
        }
    }
    Ok(sources)
}

fn is_out_of_reach(kind: io::ErrorKind) -> bool {
    matches!(kind, io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::PermissionDenied)
}

/// Opens the configured mounts for a lane. Omits those that do not exist or are not accessible.
pub(crate) fn open_shown(sources: &[Source], off: WallSet) -> io::Result<Vec<Shown>> {
    let attributes = tree_attributes(off);
    let mut shown = Vec::new();
    for source in sources {
        let (piece, target) = match source {
            Source::Path(path) => (open_piece(path, attributes), path),
            Source::Held { found, is_dir, target } => {
                let tree = copy_tree(found.as_fd(), Path::new(""), OpenTreeFlags::AT_EMPTY_PATH, attributes);
                (tree.map(|tree| Some(Piece::Tree { tree, is_dir: *is_dir })), target)
            }
        };
        match piece {
            Ok(Some(piece)) => shown.push(Shown { piece, target: target.clone() }),
            Ok(None) => {}
            Err(error) if is_out_of_reach(error.kind()) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(shown)
}

fn tree_attributes(off: WallSet) -> u64 {
    let read_only = if off.contains(Wall::ReadOnlyRoot) { 0 } else { RDONLY };
    read_only | NOSUID | NODEV
}

/// Opens Cupel's running executable for [`own_executable`], even if its name refers to another file now. The launcher
/// calls this function, because the launcher may traverse every directory.
pub(crate) fn find_own_executable() -> io::Result<OwnedFd> {
    let open = |path: &Path| rustix::fs::open(path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty());
    let runs = open(Path::new("/proc/self/exe"))?;
    let inode = |file: &OwnedFd| rustix::fs::fstat(file).map(|stat| (stat.st_dev, stat.st_ino)).ok();
    // Prefer the path, because its mount belongs to this namespace, and only such mounts can be copied. If a process
    // created a mount namespace after its exec, its executable is on a mount of the previous namespace.
    let named = std::env::current_exe().ok().and_then(|path| open(&path).ok());
    Ok(named.filter(|named| inode(named).is_some() && inode(named) == inode(&runs)).unwrap_or(runs))
}

/// A detached mount of Cupel's executable alone. A process that is executed from this mount has no path to the mount.
pub(crate) fn own_executable(found: BorrowedFd<'_>, off: WallSet) -> io::Result<OwnedFd> {
    copy_tree(found, Path::new(""), OpenTreeFlags::AT_EMPTY_PATH, tree_attributes(off))
}

/// Cupel's executable as the probe that `doctor` runs in a cell.
pub(crate) fn probe(found: BorrowedFd<'_>, off: WallSet) -> io::Result<Shown> {
    let tree = own_executable(found, off)?;
    Ok(Shown { piece: Piece::Tree { tree, is_dir: false }, target: PathBuf::from("/probe") })
}

/// Maximum number of entries of an image's root directory. Each becomes a mount.
const IMAGE_ENTRIES_MAX: usize = 256;

/// Opens the directory that contains the roots of images. Must be called before another user can replace it. `None` if
/// it does not exist.
pub(crate) fn hold_images(path: &Path) -> io::Result<Option<OwnedFd>> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let resolve = ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    match rustix::fs::openat2(CWD, path, flags, Mode::empty(), resolve) {
        Ok(found) => Ok(Some(found)),
        Err(rustix::io::Errno::NOENT) => Ok(None),
        Err(other) => Err(other.into()),
    }
}

/// Opens the entries of an image's root directory for a lane, except the directories that every lane creates itself.
/// The image is named only by its id, so a tenant cannot lead the launcher to another path.
pub(crate) fn open_image(images: BorrowedFd<'_>, id: &ContentHash, off: WallSet) -> io::Result<Vec<Shown>> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    let root = rustix::fs::openat2(images, id.to_string(), flags, Mode::empty(), resolve)?;
    let attributes = tree_attributes(off);
    let mut shown = Vec::new();
    for entry in rustix::fs::Dir::read_from(&root)? {
        let entry = entry?;
        let name = Path::new(OsStr::from_bytes(entry.file_name().to_bytes()));
        let target = Path::new("/").join(name);
        let is_own = OWN_PLACES.iter().chain(&["/sys"]).any(|own| Path::new(own) == target);
        if is_own || matches!(entry.file_name().to_bytes(), b"." | b"..") {
            continue;
        }
        if shown.len() == IMAGE_ENTRIES_MAX {
            return Err(io::Error::other("the image's root directory has more than 256 entries"));
        }
        let piece = match FileType::from_raw_mode(rustix::fs::statat(&root, name, AtFlags::SYMLINK_NOFOLLOW)?.st_mode) {
            FileType::Symlink => {
                let text = rustix::fs::readlinkat(&root, name, Vec::new())?;
                Piece::Link(PathBuf::from(OsStr::from_bytes(text.to_bytes())))
            }
            kind @ (FileType::Directory | FileType::RegularFile) => {
                let tree = copy_tree(root.as_fd(), name, OpenTreeFlags::AT_SYMLINK_NOFOLLOW, attributes)?;
                Piece::Tree { tree, is_dir: kind == FileType::Directory }
            }
            _ => continue,
        };
        shown.push(Shown { piece, target });
    }
    Ok(shown)
}

/// Builds the lane's root and changes to it. Called by the lane's init in its new mount namespace. Besides the lane's
/// private directories and a few devices, the root contains `shown` and, unless `is_image`, the system's directories.
pub(crate) fn enter_lane_root(shown: &[Shown], is_image: bool, off: WallSet) -> Result<(), Failed> {
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)
        .map_err(errno_at(SetupStep::RootMount))?;
    // Open the sources before the scaffold hides anything.
    let attributes = tree_attributes(off);
    let mut pieces = Vec::new();
    let system = if is_image { &[] } else { SYSTEM };
    for path in system.iter().map(PathBuf::from) {
        let piece = match path.as_os_str() == LINKER_CACHE {
            true => copy_file(&path),
            false => open_piece(&path, attributes),
        };
        if let Some(piece) = piece.map_err(at(SetupStep::RootTrees))? {
            pieces.push((path, piece));
        }
    }
    for device in DEVICES {
        let path = Path::new("/dev").join(device);
        // Read-only: programs can still write to the device, but cannot change its inode (times, attributes).
        if let Some(piece) = open_piece(&path, RDONLY | NOSUID | NOEXEC).map_err(at(SetupStep::RootTrees))? {
            pieces.push((path, piece));
        }
    }
    if off.contains(Wall::PrivateRoot)
        && let Some(piece) = open_piece(Path::new("/"), attributes).map_err(at(SetupStep::RootTrees))?
    {
        pieces.push((PathBuf::from("/opt/host"), piece));
    }

    // The largest file is the linker's cache: 37 KiB on a server, and rarely more than 1 MiB.
    let root_options = "size=16m,nr_inodes=1k,mode=755";
    mount_tmpfs(SCAFFOLD, root_options).map_err(errno_at(SetupStep::RootMount))?;
    let root = Path::new(SCAFFOLD);
    let fill = at(SetupStep::RootFill);
    for (path, piece) in pieces {
        place(root, &path, &piece).map_err(&fill)?;
    }
    for Shown { piece, target } in shown {
        place(root, target, piece).map_err(&fill)?;
    }
    let own: &[_] = if is_image { &[] } else { &["etc", "var", "opt"] };
    for dir in ["box", "tmp", "proc", "dev/shm", "cell"].iter().chain(own) {
        std::fs::create_dir_all(root.join(dir)).map_err(&fill)?;
    }
    for (link, target) in DEV_LINKS {
        symlink(target, root.join("dev").join(link)).map_err(&fill)?;
    }
    let files = [
        ("etc/passwd", "root:x:0:0:root:/:/usr/sbin/nologin\nuser:x:1000:1000:user:/tmp:/bin/sh\n"),
        ("etc/group", "root:x:0:\nuser:x:1000:\n"),
        ("etc/hosts", "127.0.0.1 localhost\n::1 localhost\n"),
        ("etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n"),
    ];
    // An image already has these files, because the image store adds them.
    for (path, text) in files.iter().filter(|_| !is_image) {
        std::fs::write(root.join(path), text).map_err(&fill)?;
    }
    // The lane's /proc must stay visible underneath: the kernel allows a user namespace to mount /proc only if a /proc
    // is already visible.
    mount("proc", root.join("proc"), "proc", MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC, None)
        .map_err(errno_at(SetupStep::LaneProc))?;

    let pivot = errno_at(SetupStep::RootPivot);
    rustix::process::chdir(root).map_err(&pivot)?;
    rustix::process::pivot_root(".", ".").map_err(&pivot)?;
    unmount(".", UnmountFlags::DETACH).map_err(&pivot)?;
    rustix::process::chdir("/").map_err(&pivot)?;
    if attributes & RDONLY != 0 {
        mount_remount("/", MountFlags::BIND | MountFlags::RDONLY | MountFlags::NOSUID | MountFlags::NODEV, "")
            .map_err(&pivot)?;
    }
    Ok(())
}

/// Reads a host file for the root. Returns `None` if the file does not exist.
fn copy_file(path: &Path) -> io::Result<Option<Piece>> {
    match std::fs::read(path) {
        Ok(content) => Ok(Some(Piece::Copy(content))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Opens a host path for the root. Returns `None` if the path does not exist or is of a type that is not shown.
fn open_piece(path: &Path, attributes: u64) -> io::Result<Option<Piece>> {
    let kind = match std::fs::symlink_metadata(path) {
        Ok(metadata) => metadata.file_type(),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    if kind.is_symlink() {
        return Ok(Some(Piece::Link(std::fs::read_link(path)?)));
    }
    if !kind.is_dir() && !kind.is_file() && !kind.is_char_device() {
        return Ok(None);
    }
    // If the path has become a link in the meantime, the link itself is copied, and its target is not shown.
    let tree = copy_tree(CWD, path, OpenTreeFlags::AT_SYMLINK_NOFOLLOW, attributes)?;
    Ok(Some(Piece::Tree { tree, is_dir: kind.is_dir() }))
}

/// A detached copy of the mount at `path`, relative to `at`, and of the mounts below it.
fn copy_tree(at: BorrowedFd<'_>, path: &Path, how: OpenTreeFlags, attributes: u64) -> io::Result<OwnedFd> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_RECURSIVE;
    let tree = open_tree(at, path, flags | how)?;
    set_attributes(tree.as_fd(), attributes, true)?;
    Ok(tree)
}

fn place(root: &Path, path: &Path, piece: &Piece) -> io::Result<()> {
    let target = root.join(path.strip_prefix("/").unwrap_or(path));
    if let Some(parent) = target.parent() {
        std::fs::create_dir_all(parent)?;
    }
    match piece {
        // The path is already visible, inside a directory that was mounted before.
        _ if std::fs::symlink_metadata(&target).is_ok() => Ok(()),
        Piece::Link(text) => symlink(text, &target),
        Piece::Copy(content) => std::fs::write(&target, content),
        Piece::Tree { tree, is_dir } => {
            if *is_dir {
                std::fs::create_dir(&target)?;
            } else {
                std::fs::write(&target, b"")?;
            }
            Ok(move_mount(tree, "", CWD, &target, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)?)
        }
    }
}

fn mount_tmpfs(target: &str, options: &str) -> rustix::io::Result<()> {
    let options = std::ffi::CString::new(options).map_err(|_| rustix::io::Errno::INVAL)?;
    mount("tmpfs", target, "tmpfs", MountFlags::NOSUID | MountFlags::NODEV, options.as_c_str())
}

/// Capacity of a cell's writable directories, in bytes and inodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BoxSize {
    bytes: u64,
    inodes: u64,
}

impl BoxSize {
    /// These bounds exceed the resources of any machine. The kernel refuses some larger numbers.
    const BYTES_MAX: u64 = 1 << 50;
    const INODES_MAX: u64 = 1 << 40;

    /// The size for a run with these limits, `given` bytes of input files, and this many links.
    pub(crate) fn of(limits: &Limits, given: u64, links: u64) -> BoxSize {
        // Files in tmpfs use memory: a file beyond the memory limit would cause an OOM kill instead of ENOSPC. So the
        // program's files may use three quarters of that limit. Input files count only against the disk limit. If some
        // of them count as memory, a large file may still cause an OOM kill.
        let memory = (limits.memory.get() / 4 * 3).saturating_add(given);
        let bytes = limits.disk.get().min(memory).clamp(64 * 1024, Self::BYTES_MAX);
        // The root and the three directories in it use four inodes.
        BoxSize { bytes, inodes: limits.inodes.min(Self::INODES_MAX) + 4 + links }
    }

    /// Whether the share of the memory limit that files may use is less than the disk limit. Input files are not
    /// considered.
    pub(crate) fn is_of_the_memory(limits: &Limits) -> bool {
        limits.disk_bytes() < limits.disk
    }

    fn options(self, off: WallSet) -> String {
        if off.contains(Wall::DiskLimit) {
            "mode=755".to_owned()
        } else {
            format!("size={},nr_inodes={},mode=755", self.bytes, self.inodes)
        }
    }
}

/// Mounts a cell's writable directories `/box`, `/tmp` and `/dev/shm`. They share one tmpfs, so that one bound holds
/// for all of them. Called by the cell's init in its new mount namespace.
pub(crate) fn mount_box(size: BoxSize, tenant: u32, off: WallSet) -> rustix::io::Result<()> {
    mount_tmpfs("/cell", &size.options(off))?;
    for (dir, mode) in [("/cell/box", 0o755), ("/cell/tmp", 0o1777), ("/cell/shm", 0o1777)] {
        let mode = rustix::fs::Mode::from_raw_mode(mode);
        rustix::fs::mkdir(dir, mode)?;
        rustix::fs::chmod(dir, mode)?;
    }
    let (uid, gid) = (rustix::fs::Uid::from_raw(tenant), rustix::fs::Gid::from_raw(tenant));
    rustix::fs::chown("/cell/box", Some(uid), Some(gid))?;
    for (from, to) in [("/cell/box", "/box"), ("/cell/tmp", "/tmp"), ("/cell/shm", "/dev/shm")] {
        mount_bind(from, to)?;
    }
    Ok(())
}

/// Changes the size of the mounted directories, which are still empty.
pub(crate) fn resize_box(size: BoxSize, off: WallSet) -> rustix::io::Result<()> {
    mount_remount("/cell", MountFlags::NOSUID | MountFlags::NODEV, size.options(off).as_str())
}

/// Mounts a cell's `/proc`. This `/proc` shows the tenant's processes, but neither the cell's init (`hidepid=2`) nor
/// kernel state (`subset=pid`). It is read-only, so that a process cannot make itself a less likely victim of the OOM
/// killer.
pub(crate) fn mount_proc() -> rustix::io::Result<()> {
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC | MountFlags::RDONLY;
    mount("proc", "/proc", "proc", flags, c"subset=pid,hidepid=2")
}

/// Replaces `/dev` by a directory with terminals in `/dev/pts`, an instance of devpts that no other cell shares. The
/// terminals belong to the tenant. `/dev/tty` is the first terminal, the program's, for every session in the cell. The
/// new directory is assembled at `/cell`, whose content it hides until it is moved, so the program must not have
/// started.
pub(crate) fn mount_terminals(tenant: u32) -> io::Result<()> {
    const ASSEMBLY: &str = "/cell";
    mount_tmpfs(ASSEMBLY, "size=64k,nr_inodes=32,mode=755")?;
    let new = Path::new(ASSEMBLY);
    for device in DEVICES {
        let (source, target) = (Path::new("/dev").join(device), new.join(device));
        if source.exists() {
            std::fs::write(&target, b"")?;
            mount_bind(&source, &target)?;
        }
    }
    for (link, target) in DEV_LINKS.into_iter().chain([("ptmx", "pts/ptmx"), ("tty", "pts/0")]) {
        symlink(target, new.join(link))?;
    }
    std::fs::create_dir(new.join("shm"))?;
    mount_bind("/dev/shm", new.join("shm"))?;
    std::fs::create_dir(new.join("pts"))?;
    let options = format!("newinstance,ptmxmode=0666,mode=0620,uid={tenant},gid={tenant},max={TERMINALS_MAX}");
    let options = std::ffi::CString::new(options)?;
    mount("devpts", new.join("pts"), "devpts", MountFlags::NOSUID | MountFlags::NOEXEC, options.as_c_str())?;
    mount_move(ASSEMBLY, "/dev")?;
    let flags = MountFlags::BIND | MountFlags::RDONLY | MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    Ok(mount_remount("/dev", flags, "")?)
}

/// Opens a new terminal of the cell. Returns the master of the pseudo-terminal, which the program does not get, in
/// non-blocking mode (pty(7)).
pub(crate) fn open_terminal() -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::open("/dev/pts/ptmx", flags, Mode::empty())
}
