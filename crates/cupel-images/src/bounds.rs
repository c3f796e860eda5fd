//! Bounds on images.

use crate::contents::Contents;

/// Bounds on one image. An image that exceeds any bound is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageBounds {
    /// Number of layers. Docker's own limit is 127.
    pub layers_max: usize,
    /// Entries of all layers together.
    pub entries_max: u64,
    /// Bytes of the paths of all entries together. These paths are kept in memory while an image is unpacked.
    pub path_bytes_max: u64,
    /// Bytes of one file.
    pub file_bytes_max: u64,
    /// Unpacked bytes of all layers together.
    pub bytes_max: u64,
    /// Maximum depth of an entry below the root, after links are resolved.
    pub depth_max: usize,
    /// Entries of the root directory itself. The sandbox mounts each of them.
    pub top_entries_max: usize,
}

impl Default for ImageBounds {
    /// 127 layers, 1,000,000 entries with 256 MiB of paths, 8 GiB per file, 20 GiB in all, 200 directories deep, 256
    /// entries in the root directory.
    fn default() -> ImageBounds {
        ImageBounds {
            layers_max: 127,
            entries_max: 1_000_000,
            path_bytes_max: 256 << 20,
            file_bytes_max: 8 << 30,
            bytes_max: 20 << 30,
            depth_max: 200,
            top_entries_max: 256,
        }
    }
}

impl ImageBounds {
    /// Maximum bytes of the uncompressed archive of a layer: its files and headers.
    pub(crate) fn archive_bytes_max(&self) -> u64 {
        self.bytes_max.saturating_add(self.entries_max.saturating_mul(2048))
    }
}

/// Free space for new layers within the bound on disk space.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FreeSpace {
    pub(crate) bytes: u64,
    /// The bound in bytes.
    pub(crate) bound: u64,
}

/// The remaining bounds while an image is unpacked.
pub(crate) struct Budget<'a> {
    pub(crate) bounds: &'a ImageBounds,
    entries: u64,
    path_bytes: u64,
    bytes: u64,
    /// Bytes that the store can still hold.
    room: u64,
}

/// Why an entry does not fit.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Excess {
    /// The image exceeds a bound; the reason for its refusal.
    Bound(String),
    /// This number of bytes exceeds the free space of the store.
    Space(u64),
}

impl<'a> Budget<'a> {
    pub(crate) fn new(bounds: &'a ImageBounds, room: u64) -> Budget<'a> {
        let ImageBounds { entries_max: entries, path_bytes_max: path_bytes, bytes_max: bytes, .. } = *bounds;
        Budget { bounds, entries, path_bytes, bytes, room }
    }

    /// Charges an entry that is about to be created, with a path of this length and this size.
    pub(crate) fn charge(&mut self, path_bytes: usize, bytes: u64) -> Result<(), Excess> {
        let file_bytes_max = self.bounds.file_bytes_max;
        if bytes > file_bytes_max {
            let reason = format!("a file of {bytes} bytes exceeds the bound of {file_bytes_max} bytes");
            return Err(Excess::Bound(reason));
        }
        self.charge_image(1, path_bytes as u64, bytes)?;
        self.room = self.room.checked_sub(bytes).ok_or_else(|| Excess::Space(bytes - self.room))?;
        Ok(())
    }

    /// Charges the entries of a layer that is already in the store.
    pub(crate) fn charge_known(&mut self, contents: &Contents) -> Result<(), Excess> {
        let path_bytes = contents.records.iter().map(|record| record.path.as_os_str().len() as u64).sum();
        self.charge_image(contents.records.len() as u64, path_bytes, contents.bytes)
    }

    fn charge_image(&mut self, entries: u64, path_bytes: u64, bytes: u64) -> Result<(), Excess> {
        let ImageBounds { entries_max, path_bytes_max, bytes_max, .. } = *self.bounds;
        let beyond = |reason: String| Excess::Bound(reason);
        self.entries = self
            .entries
            .checked_sub(entries)
            .ok_or_else(|| beyond(format!("the image has more than {entries_max} entries")))?;
        self.path_bytes = self
            .path_bytes
            .checked_sub(path_bytes)
            .ok_or_else(|| beyond(format!("the paths of the image have more than {path_bytes_max} bytes in total")))?;
        self.bytes = self
            .bytes
            .checked_sub(bytes)
            .ok_or_else(|| beyond(format!("the image has more than {bytes_max} bytes")))?;
        Ok(())
    }
}
