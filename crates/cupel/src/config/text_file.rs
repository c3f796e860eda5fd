//! Reads text files that settings name.

use std::path::Path;
use std::{fs, io};

/// Reads a regular file. Other files are refused, because opening a FIFO or a device might block forever.
pub(super) fn read(path: &Path) -> io::Result<String> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    fs::read_to_string(path)
}
