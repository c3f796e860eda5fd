//! Unpacks a layer: a tar archive with the files that the layer adds and the names that it removes.
//!
//! The archive is untrusted. Each entry is created beneath the layer's directory. Links in its path are resolved as for
//! a program of the image, as in other container engines, so they cannot lead outside. No directory is deeper than the
//! bound, even through links, because every later walk through the tree holds one descriptor per level. Devices, pipes
//! and sockets are omitted, because a program uses those of its cell. Owners are ignored. Permissions are simplified,
//! because programs cannot change the files: every file is readable, and a file is executable if any user may execute
//! it in the image.
//!
//! Source: OCI Image Specification 1.1, "Image Layer Filesystem Changeset".

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use cupel_types::ContentHash;
use rustix::fs::{AtFlags, Mode, OFlags, Timespec, Timestamps, XattrFlags};
use rustix::io::Errno;
use sha2::{Digest, Sha256};
use tar::{Archive, Entry, EntryType};

use crate::beneath::{self, Beneath, EntryPath, shown};
use crate::bounds::{Budget, Excess};
use crate::contents::{Contents, Record, RecordKind};
use crate::hashing::hash_of;
use crate::metered::Metered;

/// Prefix of whiteouts, which are names that remove an entry.
const WHITEOUT: &[u8] = b".wh.";
/// The name of an entry that makes its directory opaque.
const OPAQUE: &[u8] = b".wh..wh..opq";
/// Block size for copying a file, in bytes. A block of zeros becomes a hole.
const BLOCK: usize = 64 * 1024;
/// Maximum number of extended attributes of a file, and maximum length of one value in bytes.
const ATTRIBUTES_MAX: usize = 64;
const ATTRIBUTE_BYTES_MAX: usize = 64 * 1024;

/// Why a layer could not be unpacked.
#[derive(Debug)]
pub(crate) enum LayerFault {
    /// The layer is refused, for this reason.
    Refused(String),
    /// This number of bytes exceeds the free space of the store.
    Full(u64),
    /// The archive could not be read to its end.
    Read(io::Error),
    /// A file could not be written.
    Write { path: PathBuf, source: io::Error },
}

impl From<String> for LayerFault {
    fn from(reason: String) -> LayerFault {
        LayerFault::Refused(reason)
    }
}

impl From<Excess> for LayerFault {
    fn from(excess: Excess) -> LayerFault {
        match excess {
            Excess::Bound(reason) => LayerFault::Refused(reason),
            Excess::Space(needed) => LayerFault::Full(needed),
        }
    }
}

/// Unpacks an archive into an empty directory.
pub(crate) fn unpack(archive: impl Read, into: &Beneath, budget: &mut Budget<'_>) -> Result<Contents, LayerFault> {
    let mut unpacking = Unpacking {
        into,
        contents: Contents::default(),
        parent: None,
        has_replaced: false,
        block: vec![0; BLOCK].into_boxed_slice(),
        depth_max: budget.bounds.depth_max,
    };
    let (archive, meter) = Metered::new(archive, budget.bounds.archive_bytes_max());
    let mut archive = Archive::new(archive);
    let mut entries = archive.entries().map_err(LayerFault::Read)?;
    loop {
        meter.before_entry();
        let Some(entry) = entries.next() else { break };
        let entry = entry.map_err(LayerFault::Read)?;
        meter.before_data();
        unpacking.entry(entry, budget)?;
    }
    let Unpacking { mut contents, has_replaced, .. } = unpacking;
    if has_replaced {
        contents.keep_last();
    }
    Ok(contents)
}

struct Unpacking<'a> {
    into: &'a Beneath,
    contents: Contents,
    /// The directory of the last entry. It is kept open, because the next entry is often in the same directory.
    parent: Option<(PathBuf, OwnedFd)>,
    /// Whether an entry replaced an earlier entry of the same archive. The record of the earlier entry is then removed.
    has_replaced: bool,
    block: Box<[u8]>,
    depth_max: usize,
}

impl Unpacking<'_> {
    fn entry<R: Read>(&mut self, mut entry: Entry<'_, R>, budget: &mut Budget<'_>) -> Result<(), LayerFault> {
        let kind = entry.header().entry_type();
        if kind == EntryType::XGlobalHeader {
            return Ok(());
        }
        let Some(path) = EntryPath::parse(&entry.path_bytes(), self.depth_max)? else { return Ok(()) };
        let size = if kind.is_file() || kind.is_gnu_sparse() { entry.size() } else { 0 };
        budget.charge(path.as_path().as_os_str().len(), size)?;
        if path.name().as_bytes().starts_with(WHITEOUT) {
            return self.whiteout(&path);
        }
        let failed = failed_at(path.as_path());
        let parent = self.parent_of(&path, budget)?;
        match kind {
            EntryType::Directory => {
                if beneath::make_directory(parent.as_fd(), path.name()).map_err(failed)? {
                    self.has_replaced = true;
                    self.parent = None;
                }
                self.record(&path, RecordKind::Directory);
            }
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {
                let attributes = Attributes::of(&mut entry)?;
                self.replace(&path, &parent)?;
                let hash = self.file(&mut entry, &parent, &path, &attributes)?;
                self.contents.bytes += entry.size();
                self.record(&path, RecordKind::File(hash));
            }
            EntryType::Symlink => {
                let target = link_target(&entry, &path)?;
                self.replace(&path, &parent)?;
                rustix::fs::symlinkat(&target, &parent, path.name()).map_err(failed)?;
                let _ = rustix::fs::utimensat(
                    &parent,
                    path.name(),
                    &times(entry.header().mtime().unwrap_or(0)),
                    AtFlags::SYMLINK_NOFOLLOW,
                );
                self.record(&path, RecordKind::Link(hash_of(target.as_os_str().as_bytes())));
            }
            EntryType::Link => self.hard_link(&entry, &path, &parent)?,
            EntryType::Char | EntryType::Block | EntryType::Fifo => self.contents.left_out += 1,
            other => {
                let reason = format!("`{}` has the unknown type {:?}", path.shown(), other.as_byte() as char);
                return Err(reason.into());
            }
        }
        Ok(())
    }

    fn record(&mut self, path: &EntryPath, kind: RecordKind) {
        self.contents.records.push(Record { path: path.as_path().to_owned(), kind });
    }

    /// The directory that contains the path, which is created if it is missing.
    fn parent_of(&mut self, path: &EntryPath, budget: &mut Budget<'_>) -> Result<OwnedFd, LayerFault> {
        let failed = failed_at(path.as_path());
        if let Some((known, directory)) = &self.parent
            && known == path.parent()
        {
            return rustix::io::fcntl_dupfd_cloexec(directory, 3).map_err(failed);
        }
        let depth_max = self.depth_max;
        let check = |depth: usize| match depth > depth_max {
            true => Err(LayerFault::from(format!("`{}` is more than {depth_max} directories deep", path.shown()))),
            false => Ok(()),
        };
        let contents = &mut self.contents;
        let made = self.into.make_directories(path.parent(), |missing, depth| {
            check(depth)?;
            budget.charge(missing.as_os_str().len(), 0).map_err(LayerFault::from)?;
            contents.records.push(Record { path: missing.to_owned(), kind: RecordKind::Directory });
            Ok::<(), EnterFault>(())
        });
        let (directory, depth) = made.map_err(|fault| match fault {
            EnterFault::Layer(fault) => fault,
            EnterFault::Errno(errno) => cannot_enter(path, errno),
        })?;
        check(depth + 1)?;
        let kept = rustix::io::fcntl_dupfd_cloexec(&directory, 3).map_err(failed)?;
        self.parent = Some((path.parent().to_owned(), kept));
        Ok(directory)
    }

    fn whiteout(&mut self, path: &EntryPath) -> Result<(), LayerFault> {
        let name = path.name().as_bytes();
        if name == OPAQUE {
            self.contents.records.push(Record { path: path.parent().to_owned(), kind: RecordKind::Opaque });
            return Ok(());
        }
        let removed = &name[WHITEOUT.len()..];
        if removed.starts_with(WHITEOUT) {
            // Metadata of aufs, such as `.wh..wh.plnk`, which no other file system uses.
            return Ok(());
        }
        if removed.is_empty() || removed == b"." || removed == b".." {
            return Err(format!("`{}` removes no name", path.shown()).into());
        }
        let removed = path.beside(OsStr::from_bytes(removed));
        self.record(&removed, RecordKind::Whiteout);
        Ok(())
    }

    /// Removes an earlier entry of the same archive with the same name. The later entry replaces it.
    fn replace(&mut self, path: &EntryPath, parent: &OwnedFd) -> Result<(), LayerFault> {
        match rustix::fs::unlinkat(parent, path.name(), AtFlags::empty()) {
            Ok(()) => {
                self.has_replaced = true;
                // The replaced entry may be a link to the directory that is open.
                self.parent = None;
                Ok(())
            }
            Err(Errno::NOENT) => Ok(()),
            Err(Errno::ISDIR) => {
                Err(format!("`{}` is a directory and something else in the same layer", path.shown()).into())
            }
            Err(other) => Err(failed_at(path.as_path())(other)),
        }
    }

    fn file<R: Read>(
        &mut self,
        entry: &mut Entry<'_, R>,
        parent: &OwnedFd,
        path: &EntryPath,
        attributes: &Attributes,
    ) -> Result<ContentHash, LayerFault> {
        let failed = failed_at(path.as_path());
        let failed_io = |source| LayerFault::Write { path: path.as_path().to_owned(), source };
        let mode = entry.header().mode().map_err(LayerFault::Read)?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut file =
            File::from(rustix::fs::openat(parent, path.name(), flags, Mode::from_raw_mode(0o600)).map_err(&failed)?);
        let hash = copy(entry, &mut file, &mut self.block).map_err(|fault| match fault {
            CopyFault::Read(error) => LayerFault::Read(error),
            CopyFault::Write(error) => failed_io(error),
        })?;
        for (name, value) in &attributes.user {
            // If the file system does not support these attributes, they are omitted, as in other runtimes.
            let _ = rustix::fs::fsetxattr(&file, name.as_str(), value, XattrFlags::empty());
        }
        let executable = mode & 0o111 != 0;
        rustix::fs::fchmod(&file, Mode::from_raw_mode(if executable { 0o755 } else { 0o644 })).map_err(&failed)?;
        // The time matters, because a compiled Python module is valid only for its source's modification time.
        rustix::fs::futimens(&file, &times(entry.header().mtime().unwrap_or(0))).map_err(&failed)?;
        if mode & 0o6000 != 0 || attributes.has_capabilities {
            self.contents.privileges_dropped += 1;
        }
        Ok(hash)
    }

    fn hard_link<R: Read>(
        &mut self,
        entry: &Entry<'_, R>,
        path: &EntryPath,
        parent: &OwnedFd,
    ) -> Result<(), LayerFault> {
        let shown = path.shown();
        let target = link_target(entry, path)?;
        let target = EntryPath::parse(target.as_os_str().as_bytes(), self.depth_max)?
            .ok_or_else(|| format!("`{shown}` is a hard link to the root directory"))?;
        if target == *path {
            return Err(format!("`{shown}` is a hard link to itself").into());
        }
        self.replace(path, parent)?;
        let linked = self
            .into
            .directory(target.parent())
            .and_then(|from| rustix::fs::linkat(&from, target.name(), parent, path.name(), AtFlags::empty()));
        match linked {
            Ok(()) => self.record(path, RecordKind::HardLink),
            // The target does not exist, is a directory, or its path contains a file or a link.
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::PERM) => {
                let target = target.shown();
                let reason =
                    format!("`{shown}` is a hard link to `{target}`, which is not an earlier file of the layer");
                return Err(reason.into());
            }
            Err(Errno::MLINK) => {
                return Err(format!("`{shown}` cannot be created: its file has too many hard links").into());
            }
            Err(other) => return Err(failed_at(path.as_path())(other)),
        }
        Ok(())
    }
}

/// The reason why the directory of an entry cannot be opened.
enum EnterFault {
    Errno(Errno),
    Layer(LayerFault),
}

impl From<Errno> for EnterFault {
    fn from(errno: Errno) -> EnterFault {
        EnterFault::Errno(errno)
    }
}

impl From<LayerFault> for EnterFault {
    fn from(fault: LayerFault) -> EnterFault {
        EnterFault::Layer(fault)
    }
}

fn cannot_enter(path: &EntryPath, errno: Errno) -> LayerFault {
    let shown = path.shown();
    match errno {
        Errno::LOOP => format!("the path `{shown}` contains a loop of symbolic links").into(),
        Errno::NOTDIR => format!("the path `{shown}` leads through a file, or through a link without a target").into(),
        other => failed_at(path.as_path())(other),
    }
}

fn failed_at(path: &Path) -> impl Fn(Errno) -> LayerFault {
    move |errno| match errno {
        // The name cannot exist on this file system.
        Errno::NAMETOOLONG | Errno::INVAL | Errno::ILSEQ => {
            LayerFault::Refused(format!("`{}` cannot be created: {errno}", shown(path)))
        }
        other => LayerFault::Write { path: path.to_owned(), source: other.into() },
    }
}

/// The target of a symbolic or hard link.
fn link_target<R: Read>(entry: &Entry<'_, R>, path: &EntryPath) -> Result<PathBuf, LayerFault> {
    let shown = path.shown();
    let target = entry.link_name_bytes().ok_or_else(|| format!("the link `{shown}` has no target"))?;
    if target.is_empty() || target.contains(&0) || target.len() > 4095 {
        return Err(format!("the link `{shown}` has no valid target").into());
    }
    Ok(PathBuf::from(std::ffi::OsString::from_vec(target.into_owned())))
}

fn times(seconds: u64) -> Timestamps {
    // A time outside the range of the file system (until 2446 on ext4) is ignored.
    let time = Timespec { tv_sec: i64::try_from(seconds.min(1 << 33)).unwrap_or(0), tv_nsec: 0 };
    Timestamps { last_access: time, last_modification: time }
}

/// The extended attributes of an entry.
#[derive(Default)]
struct Attributes {
    /// Attributes that any user may set.
    user: Vec<(String, Vec<u8>)>,
    has_capabilities: bool,
}

impl Attributes {
    fn of<R: Read>(entry: &mut Entry<'_, R>) -> Result<Attributes, LayerFault> {
        const PREFIX: &str = "SCHILY.xattr.";
        let mut attributes = Attributes::default();
        let Some(extensions) = entry.pax_extensions().map_err(LayerFault::Read)? else { return Ok(attributes) };
        for extension in extensions {
            let extension = extension.map_err(LayerFault::Read)?;
            let Ok(key) = extension.key() else { continue };
            if key.starts_with("GNU.sparse.") {
                // Only this extended header marks the entry as sparse: its data are a map and fragments of the file.
                return Err("a sparse file is in the pax format, which is not supported; the GNU format is"
                    .to_owned()
                    .into());
            }
            match key.strip_prefix(PREFIX) {
                Some("security.capability") => attributes.has_capabilities = true,
                Some(name) if name.starts_with("user.") => {
                    let value = extension.value_bytes();
                    if value.len() > ATTRIBUTE_BYTES_MAX || attributes.user.len() >= ATTRIBUTES_MAX {
                        return Err(format!(
                            "the extended attribute `{name}` is too large, or the entry has too many attributes"
                        )
                        .into());
                    }
                    attributes.user.push((name.to_owned(), value.to_owned()));
                }
                _ => {}
            }
        }
        Ok(attributes)
    }
}

enum CopyFault {
    Read(io::Error),
    Write(io::Error),
}

/// Copies the content of a file, with holes for blocks of zeros, and returns its hash.
fn copy(from: &mut impl Read, to: &mut File, block: &mut [u8]) -> Result<ContentHash, CopyFault> {
    let mut hash = Sha256::new();
    let (mut size, mut ends_in_hole) = (0, false);
    loop {
        let mut filled = 0;
        while filled < block.len() {
            match from.read(&mut block[filled..]) {
                Ok(0) => break,
                Ok(n) => filled += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(CopyFault::Read(error)),
            }
        }
        let data = &block[..filled];
        if data.is_empty() {
            break;
        }
        hash.update(data);
        size += filled as u64;
        ends_in_hole = filled == block.len() && data.iter().all(|byte| *byte == 0);
        match ends_in_hole {
            true => to.seek(SeekFrom::Current(filled as i64)).map(drop).map_err(CopyFault::Write)?,
            false => to.write_all(data).map_err(CopyFault::Write)?,
        }
    }
    if ends_in_hole {
        to.set_len(size).map_err(CopyFault::Write)?;
    }
    Ok(ContentHash::from_bytes(hash.finalize().into()))
}
