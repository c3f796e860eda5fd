//! The room on the disk under the data directory, and what to say when there is none.
//!
//! The last 256 KiB count as none: a database needs a few pages at once, and a disk that is full within one write is full.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// With less than this, bytes, a disk is full.
const ROOM_MIN: u64 = 256 << 10;

/// The room that is left to this process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room {
    /// Bytes that can still be written.
    pub(crate) free: u64,
    /// Bytes of the whole disk.
    pub(crate) size: u64,
    /// Whether no file can be made any more, though there may be room in those that exist.
    no_files: bool,
}

impl Room {
    /// The room under `directory`, where that can be known. One system call.
    pub(crate) fn under(directory: &Path) -> Option<Room> {
        let disk = rustix::fs::statvfs(directory).ok()?;
        Some(Room {
            free: disk.f_bavail.saturating_mul(disk.f_frsize),
            size: disk.f_blocks.saturating_mul(disk.f_frsize),
            // A file system that makes inodes as it needs them says that it has none at all.
            no_files: disk.f_files > 0 && disk.f_favail == 0,
        })
    }

    /// The part that is left, from 0 to 1.
    pub(crate) fn left(&self) -> f64 {
        self.free as f64 / self.size.max(1) as f64
    }

    fn is_full(&self) -> bool {
        self.free < ROOM_MIN || self.no_files
    }
}

/// Says that the disk under the data directory is full, where it is mounted, and what can be removed; nothing while it has room.
pub(crate) fn lack(data: &Path) -> Option<String> {
    let room = Room::under(data).filter(Room::is_full)?;
    let what = if room.no_files { "has no free inodes" } else { "is full" };
    let free = room.free >> 10;
    let size = room.size >> 20;
    Some(format!(
        "the disk under the data directory `{data}` {what} ({free} KiB of {size} MiB free; mounted at `{mount}`). Remove files that \
         Cupel does not need from it, enlarge it, or stop Cupel and empty `{cache}`, which is made again. Cupel goes on by itself.",
        data = data.display(),
        mount = mount_of(data).display(),
        cache = data.join("cache").display(),
    ))
}

/// Where the file system of a directory is mounted.
fn mount_of(directory: &Path) -> PathBuf {
    let device = |path: &Path| path.metadata().map(|meta| meta.dev()).ok();
    let of_directory = device(directory);
    let same = directory.ancestors().take_while(|path| device(path) == of_directory);
    same.last().unwrap_or(directory).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_is_full_without_bytes_or_without_inodes() {
        let room = Room { free: ROOM_MIN, size: 1 << 30, no_files: false };
        assert!(!room.is_full());
        assert!(Room { free: ROOM_MIN - 1, ..room }.is_full());
        assert!(Room { no_files: true, ..room }.is_full());
    }

    #[test]
    fn the_mount_of_a_directory_is_the_highest_on_its_disk() {
        assert_eq!(mount_of(Path::new("/proc/self")), Path::new("/proc"));
        assert_eq!(mount_of(Path::new("/")), Path::new("/"));
    }
}
