//! Links in the box to the entries of the image's `WORKDIR`, so that programs find the files of the image by relative
//! paths, as in a container of the image. The working directory itself is `/box`, because the files of the submission
//! are there.
//!
//! The image is untrusted. Its directory is opened in the cell's root, and only the names of its entries are read. A
//! directory of `/proc` is refused, because the process that reads it here may list what the program may not.

use std::ffi::CString;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use cupel_types::ImageRoot;
use rustix::fs::{AtFlags, CWD, Dir, Gid, Mode, OFlags, ResolveFlags, Uid};
use rustix::io::Errno;

/// The entries of a directory of the image.
#[derive(Debug, Default)]
pub(crate) struct LinkedDirectory<'a> {
    directory: &'a str,
    names: Vec<CString>,
}

impl<'a> LinkedDirectory<'a> {
    /// Reads the names in a directory of the cell's root. There are none if `directory` is empty, is no directory of
    /// the image, or has more than [`ImageRoot::LINKED_MAX`] entries.
    pub(crate) fn read(directory: &'a str) -> LinkedDirectory<'a> {
        let names = match directory {
            "" => None,
            _ => names(directory).ok().flatten(),
        };
        LinkedDirectory { directory, names: names.unwrap_or_default() }
    }

    /// Number of links, which is the number of inodes that they use.
    pub(crate) fn count(&self) -> u64 {
        self.names.len() as u64
    }

    /// Makes the links in a box. If the box has an entry with the same name, that entry stays.
    pub(crate) fn make(&self, dir: BorrowedFd<'_>, owner: u32) -> rustix::io::Result<()> {
        let (uid, gid) = (Uid::from_raw(owner), Gid::from_raw(owner));
        for name in &self.names {
            let target = Path::new(self.directory).join(std::ffi::OsStr::from_bytes(name.to_bytes()));
            match rustix::fs::symlinkat(&target, dir, name.as_c_str()) {
                Ok(()) => rustix::fs::chownat(dir, name.as_c_str(), Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW)?,
                // A long target uses a page of the box, which may be smaller than all links together.
                Err(Errno::EXIST | Errno::NAMETOOLONG | Errno::NOSPC) => {}
                Err(other) => return Err(other),
            }
        }
        Ok(())
    }
}

/// The names in a directory; `None` if there are too many, or if it belongs to `/proc`.
fn names(directory: &str) -> rustix::io::Result<Option<Vec<CString>>> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let opened = rustix::fs::openat2(CWD, directory, flags, Mode::empty(), ResolveFlags::NO_MAGICLINKS)?;
    if rustix::fs::fstatfs(&opened)?.f_type == rustix::fs::PROC_SUPER_MAGIC {
        return Ok(None);
    }
    let mut names = Vec::new();
    for entry in Dir::read_from(opened.as_fd())? {
        let entry = entry?;
        match entry.file_name() {
            name if name == c"." || name == c".." => {}
            _ if names.len() == ImageRoot::LINKED_MAX => return Ok(None),
            name => names.push(name.to_owned()),
        }
    }
    Ok(Some(names))
}
