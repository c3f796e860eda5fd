//! Bundles: the input files of a box, packed into one sealed memory file, so that one descriptor passes all of them.
//!
//! Layout, little endian: `count: u32`, then for each file `executable: u32, path_len: u32, data_len: u64,
//! path, data`. The main process writes bundles; the cell's init reads them inside the cell, and descends from `/box`
//! one path component at a time without following links.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use cupel_types::{BoxFiles, BoxPath};
use rustix::fs::{AtFlags, MemfdFlags, Mode, OFlags, SealFlags};

use crate::wire::CellRequest;

/// Writes files into a new sealed memory file.
pub(crate) fn write(files: &BoxFiles) -> io::Result<OwnedFd> {
    let memfd = rustix::fs::memfd_create("cupel-bundle", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
    let mut head = Vec::with_capacity(64 * files.len() + 4);
    head.extend_from_slice(&u32::try_from(files.len()).unwrap_or(u32::MAX).to_le_bytes());
    for file in files {
        head.extend_from_slice(&u32::from(file.executable).to_le_bytes());
        head.extend_from_slice(&(file.path.as_str().len() as u32).to_le_bytes());
        head.extend_from_slice(&(file.data.len() as u64).to_le_bytes());
        head.extend_from_slice(file.path.as_str().as_bytes());
        // Small files are written together with their headers.
        if file.data.len() <= 64 * 1024 {
            head.extend_from_slice(&file.data);
            if head.len() > 256 * 1024 {
                write_all(memfd.as_fd(), &head)?;
                head.clear();
            }
        } else {
            write_all(memfd.as_fd(), &head)?;
            head.clear();
            write_all(memfd.as_fd(), &file.data)?;
        }
    }
    write_all(memfd.as_fd(), &head)?;
    rustix::fs::fcntl_add_seals(&memfd, SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL)?;
    Ok(memfd)
}

fn write_all(fd: BorrowedFd<'_>, mut data: &[u8]) -> io::Result<()> {
    while !data.is_empty() {
        let n = rustix::io::write(fd, data)?;
        data = &data[n..];
    }
    Ok(())
}

/// Maximum memory in bytes that a file in a tmpfs takes in addition to its contents: the unused part of its last page,
/// its inode and its name.
const FILE_COST: u64 = 4096 + 1024;

/// Approximate memory, in bytes, that the files of a request's bundles use in the cell. The bundles' descriptors follow
/// those of the program's streams.
pub(crate) fn given(request: &CellRequest, descriptors: &[OwnedFd]) -> u64 {
    let bundles = descriptors.iter().skip(request.streams());
    let bytes = |bundle| rustix::fs::fstat(bundle).map_or(0, |of| u64::try_from(of.st_size).unwrap_or(0));
    let cost = |bundle| bytes(bundle).saturating_add(u64::from(number_of_files(bundle)) * FILE_COST);
    bundles.map(cost).fold(0, u64::saturating_add)
}

/// Number of files in a bundle; zero if the bundle is not readable.
fn number_of_files(bundle: &OwnedFd) -> u32 {
    let mut count = [0; 4];
    match rustix::io::pread(bundle, &mut count, 0) {
        Ok(4) => u32::from_le_bytes(count),
        _ => 0,
    }
}

/// Reads a bundle and creates its files beneath `dir`, owned by `owner`.
pub(crate) fn unpack(bundle: BorrowedFd<'_>, dir: BorrowedFd<'_>, owner: u32) -> io::Result<()> {
    let mut source = Source { bundle, at: 0, buffer: vec![0; 8 * 1024], start: 0, end: 0 };
    let count = u32::from_le_bytes(source.array()?);
    for _ in 0..count {
        let executable = u32::from_le_bytes(source.array()?) != 0;
        let path_len = u32::from_le_bytes(source.array()?) as usize;
        let data_len = u64::from_le_bytes(source.array()?);
        if path_len > 4096 {
            return Err(io::Error::from_raw_os_error(libc::ENAMETOOLONG));
        }
        let path =
            String::from_utf8(source.bytes(path_len)?).map_err(|_| io::Error::from_raw_os_error(libc::EILSEQ))?;
        let file = create(dir, &path, executable, owner)?;
        source.copy_to(file.as_fd(), data_len)?;
    }
    Ok(())
}

/// Creates a file and its parent directories. Each component is opened by name relative to the previous component,
/// without following links, so neither a link in the box nor `..` can lead outside.
fn create(dir: BorrowedFd<'_>, path: &str, executable: bool, owner: u32) -> io::Result<OwnedFd> {
    BoxPath::new(path).map_err(|_| io::Error::from_raw_os_error(libc::EINVAL))?;
    let (above, name) = path.rsplit_once('/').map_or((None, path), |(above, name)| (Some(above), name));
    let parent = match above {
        Some(above) => directories(dir, above, owner)?,
        None => None,
    };
    let mode = Mode::from_raw_mode(if executable { 0o755 } else { 0o644 });
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = rustix::fs::openat(parent.as_ref().map_or(dir, AsFd::as_fd), name, flags, mode)?;
    let (uid, gid) = (rustix::fs::Uid::from_raw(owner), rustix::fs::Gid::from_raw(owner));
    rustix::fs::fchown(&file, Some(uid), Some(gid))?;
    Ok(file)
}

/// Creates a directory and its parents if they do not exist.
pub(crate) fn make_directory(dir: BorrowedFd<'_>, path: &str, owner: u32) -> io::Result<()> {
    BoxPath::new(path).map_err(|_| io::Error::from_raw_os_error(libc::EINVAL))?;
    directories(dir, path, owner).map(drop)
}

/// Creates the missing directories of a validated path, and opens the last one.
fn directories(dir: BorrowedFd<'_>, path: &str, owner: u32) -> io::Result<Option<OwnedFd>> {
    let (uid, gid) = (rustix::fs::Uid::from_raw(owner), rustix::fs::Gid::from_raw(owner));
    let mut parent: Option<OwnedFd> = None;
    for step in path.split('/') {
        let at = parent.as_ref().map_or(dir, AsFd::as_fd);
        match rustix::fs::mkdirat(at, step, Mode::from_raw_mode(0o755)) {
            Ok(()) => rustix::fs::chownat(at, step, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW)?,
            Err(rustix::io::Errno::EXIST) => {}
            Err(other) => return Err(other.into()),
        }
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        parent = Some(rustix::fs::openat(at, step, flags, Mode::empty())?);
    }
    Ok(parent)
}

/// A buffered positional reader. This reader does not use the shared file offset, so a bundle can be read many times.
struct Source<'a> {
    bundle: BorrowedFd<'a>,
    at: u64,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
}

impl Source<'_> {
    fn fill(&mut self) -> io::Result<()> {
        if self.start == self.end {
            let n = rustix::io::pread(self.bundle, &mut self.buffer, self.at)?;
            if n == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            (self.start, self.end) = (0, n);
            self.at += n as u64;
        }
        Ok(())
    }

    fn bytes(&mut self, mut wanted: usize) -> io::Result<Vec<u8>> {
        let mut out = Vec::with_capacity(wanted);
        while wanted > 0 {
            self.fill()?;
            let n = wanted.min(self.end - self.start);
            out.extend_from_slice(&self.buffer[self.start..self.start + n]);
            self.start += n;
            wanted -= n;
        }
        Ok(out)
    }

    fn array<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let bytes = self.bytes(N)?;
        bytes.try_into().map_err(|_| io::ErrorKind::UnexpectedEof.into())
    }

    /// Copies the buffered bytes with a write and the rest with sendfile, so that large files are copied only once.
    fn copy_to(&mut self, to: BorrowedFd<'_>, mut wanted: u64) -> io::Result<()> {
        let buffered = usize::try_from(wanted).unwrap_or(usize::MAX).min(self.end - self.start);
        write_all(to, &self.buffer[self.start..self.start + buffered])?;
        self.start += buffered;
        wanted -= buffered as u64;
        while wanted > 0 {
            let most = usize::try_from(wanted).unwrap_or(usize::MAX).min(1 << 30);
            match rustix::fs::sendfile(to, self.bundle, Some(&mut self.at), most)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                n => wanted -= n as u64,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "bundle_fuzz.rs"]
mod fuzz;

#[cfg(test)]
mod tests {
    use cupel_types::BoxFile;

    use super::*;

    #[test]
    fn unpacking_restores_the_files_that_were_written() {
        let big: Vec<u8> = (0..300_000u32).map(|n| n as u8).collect();
        let file = |path: &str, data: &[u8], executable| BoxFile {
            path: BoxPath::new(path).unwrap(),
            data: data.into(),
            executable,
        };
        let files =
            BoxFiles::new(vec![file("a/b/c.txt", b"hi", false), file("main", &big, true), file("a/empty", b"", false)]);
        let bundle = write(&files).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path();
        let opened = std::fs::File::open(dir).unwrap();
        let me = rustix::process::getuid().as_raw();
        unpack(bundle.as_fd(), opened.as_fd(), me).unwrap();
        assert_eq!(std::fs::read(dir.join("a/b/c.txt")).unwrap(), b"hi");
        assert_eq!(std::fs::read(dir.join("main")).unwrap(), big);
        assert_eq!(std::fs::read(dir.join("a/empty")).unwrap(), b"");
        let again = unpack(bundle.as_fd(), opened.as_fd(), me).unwrap_err();
        assert_eq!(again.raw_os_error(), Some(libc::EEXIST), "a path that already exists");
    }
}
