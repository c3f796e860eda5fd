//! Free space on the disk of the data directory, and the message for a full disk.
//!
//! The last 256 KiB are treated as used, because a database needs several pages at once.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// A disk with fewer free bytes than this is full.
const FREE_BYTES_MIN: u64 = 256 << 10;

/// The space available to this process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DiskSpace {
    /// Free bytes.
    pub(crate) free: u64,
    /// Bytes of the whole disk.
    pub(crate) size: u64,
    /// Whether there are no free inodes: no file can be created, but existing files can grow.
    no_files: bool,
}

impl DiskSpace {
    /// Returns the space on the disk of `directory`, if known. Makes one system call.
    pub(crate) fn under(directory: &Path) -> Option<DiskSpace> {
        let disk = rustix::fs::statvfs(directory).ok()?;
        Some(DiskSpace {
            free: disk.f_bavail.saturating_mul(disk.f_frsize),
            size: disk.f_blocks.saturating_mul(disk.f_frsize),
            // A file system that allocates inodes dynamically reports a total of zero.
            no_files: disk.f_files > 0 && disk.f_favail == 0,
        })
    }

    /// The free part, from 0 to 1.
    pub(crate) fn left(&self) -> f64 {
        self.free as f64 / self.size.max(1) as f64
    }

    fn is_full(&self) -> bool {
        self.free < FREE_BYTES_MIN || self.no_files
    }
}

/// Returns the message for a full disk: the mount point and the files that can be removed. `None` while there is space.
pub(crate) fn lack(data: &Path) -> Option<String> {
    let room = DiskSpace::under(data).filter(DiskSpace::is_full)?;
    let what = if room.no_files { "has no free inodes" } else { "is full" };
    let free = room.free >> 10;
    let size = room.size >> 20;
    Some(format!(
        "the disk under the data directory `{data}` {what} ({free} KiB of {size} MiB free; mounted at `{mount}`). Remove \
         other files from it, enlarge it, or stop Cupel and empty `{cache}`, which it fills again. Cupel then continues automatically.",
        data = data.display(),
        mount = mount_of(data).display(),
        cache = data.join("cache").display(),
    ))
}

/// Returns the mount point of a directory's file system.
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
    fn a_disk_without_free_bytes_or_inodes_is_full() {
        let room = DiskSpace { free: FREE_BYTES_MIN, size: 1 << 30, no_files: false };
        assert!(!room.is_full());
        assert!(DiskSpace { free: FREE_BYTES_MIN - 1, ..room }.is_full());
        assert!(DiskSpace { no_files: true, ..room }.is_full());
    }

    #[test]
    fn the_mount_point_is_the_highest_directory_on_the_same_disk() {
        assert_eq!(mount_of(Path::new("/proc/self")), Path::new("/proc"));
        assert_eq!(mount_of(Path::new("/")), Path::new("/"));
    }
}
