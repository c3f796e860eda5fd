//! Bounds on images.

/// Bounds on one image. An image beyond any of them is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageBounds {
    /// Number of layers. Docker's own limit is 127.
    pub layers_max: usize,
    /// Entries of all layers together.
    pub entries_max: u64,
    /// Bytes of the paths of all entries together. They are kept in memory while an image is unpacked.
    pub path_bytes_max: u64,
    /// Bytes of one file.
    pub file_bytes_max: u64,
    /// Unpacked bytes of all layers together.
    pub bytes_max: u64,
    /// Number of directories above an entry.
    pub depth_max: usize,
}

impl Default for ImageBounds {
    /// 127 layers, 1,000,000 entries with 256 MiB of paths, 8 GiB per file, 20 GiB in all, 200 directories deep.
    fn default() -> ImageBounds {
        ImageBounds {
            layers_max: 127,
            entries_max: 1_000_000,
            path_bytes_max: 256 << 20,
            file_bytes_max: 8 << 30,
            bytes_max: 20 << 30,
            depth_max: 200,
        }
    }
}

/// What is left of the bounds while an image is unpacked.
pub(crate) struct Budget<'a> {
    pub(crate) bounds: &'a ImageBounds,
    entries: u64,
    path_bytes: u64,
    bytes: u64,
}

impl<'a> Budget<'a> {
    pub(crate) fn new(bounds: &'a ImageBounds) -> Budget<'a> {
        let ImageBounds { entries_max: entries, path_bytes_max: path_bytes, bytes_max: bytes, .. } = *bounds;
        Budget { bounds, entries, path_bytes, bytes }
    }

    /// Charges an entry with a path of this length and this size. The error is the reason for a refusal.
    pub(crate) fn charge(&mut self, path_bytes: usize, bytes: u64) -> Result<(), String> {
        let ImageBounds { entries_max, path_bytes_max, file_bytes_max, bytes_max, .. } = *self.bounds;
        if bytes > file_bytes_max {
            return Err(format!("a file of {bytes} bytes exceeds the bound of {file_bytes_max} bytes"));
        }
        self.entries =
            self.entries.checked_sub(1).ok_or_else(|| format!("the image has more than {entries_max} entries"))?;
        self.path_bytes = self
            .path_bytes
            .checked_sub(path_bytes as u64)
            .ok_or_else(|| format!("the paths of the image have more than {path_bytes_max} bytes"))?;
        self.bytes =
            self.bytes.checked_sub(bytes).ok_or_else(|| format!("the image has more than {bytes_max} bytes"))?;
        Ok(())
    }
}
