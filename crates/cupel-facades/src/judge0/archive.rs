//! The archive of additional files.
//!
//! An archive that cannot be read is treated as empty, as in the original. In contrast to the original, links, special
//! files and entries whose path leaves the directory are skipped, and the unpacked size is bounded.

use std::io::{Cursor, Read};

use cupel_types::BoxPath;
use zip::ZipArchive;

use crate::program::SourceFile;

/// Maximum size of an unpacked file: the original's `max_extract_size`, in bytes.
const FILE_BYTES_MAX: u64 = super::about::EXTRACT_KIB_MAX as u64 * 1024;

/// Maximum number of entries that are examined.
const ENTRIES_MAX: usize = 1000;

/// Files of an archive.
#[derive(Debug, Default)]
pub(super) struct Unpacked {
    pub(super) files: Vec<SourceFile>,
    /// Paths of the files with an execute bit.
    pub(super) executables: Vec<String>,
}

/// The regular files of an archive, in the archive's order, with at most `bytes_max` bytes together. `reserve` is
/// called with the size of each file before the file is unpacked.
///
/// # Errors
/// If the memory for a file cannot be reserved.
pub(super) fn files<E>(
    archive: &[u8],
    bytes_max: u64,
    mut reserve: impl FnMut(usize) -> Result<(), E>,
) -> Result<Unpacked, E> {
    let mut unpacked = Unpacked::default();
    let Ok(mut archive) = ZipArchive::new(Cursor::new(archive)) else { return Ok(unpacked) };
    if archive.has_overlapping_entries().unwrap_or(true) {
        return Ok(unpacked);
    }
    let mut left = bytes_max;
    for index in 0..archive.len().min(ENTRIES_MAX) {
        let Ok(mut entry) = archive.by_index(index) else { continue };
        let mode = entry.unix_mode().unwrap_or_default();
        let is_file = entry.is_file() && mode & 0o170_000 != 0o120_000;
        let Ok(name) = entry.name() else { continue };
        let path = name.trim_start_matches("./").to_owned();
        if !is_file || BoxPath::new(&path).is_err() || unpacked.files.iter().any(|(known, _)| *known == path) {
            continue;
        }
        let size = entry.size();
        if size > left.min(FILE_BYTES_MAX) {
            continue;
        }
        left -= size;
        reserve(usize::try_from(size).unwrap_or(usize::MAX))?;
        let mut data = Vec::new();
        // A file is omitted if it is damaged or its size differs from the archive's entry.
        if entry.by_ref().take(size + 1).read_to_end(&mut data).is_ok_and(|read| read as u64 == size) {
            if mode & 0o111 != 0 {
                unpacked.executables.push(path.clone());
            }
            unpacked.files.push((path, data.into()));
        }
    }
    Ok(unpacked)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use zip::write::{SimpleFileOptions, ZipWriter};

    fn zip(entries: &[(&str, &[u8])]) -> Vec<u8> {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, data) in entries {
            zip.start_file(*name, SimpleFileOptions::default()).unwrap();
            zip.write_all(data).unwrap();
        }
        zip.add_symlink("link", "/etc/passwd", SimpleFileOptions::default()).unwrap();
        zip.add_directory("directory", SimpleFileOptions::default()).unwrap();
        zip.finish().unwrap().into_inner()
    }

    fn names(archive: &[u8], bytes_max: u64) -> Vec<String> {
        let unpacked = files(archive, bytes_max, |_| Ok::<(), ()>(())).unwrap();
        unpacked.files.into_iter().map(|(path, _)| path).collect()
    }

    #[test]
    fn memory_is_reserved_before_a_file_is_unpacked() {
        let archive = zip(&[("a", b"12"), ("b", b"345")]);
        let mut sizes = Vec::new();
        let refused = files(&archive, 1000, |size| {
            sizes.push(size);
            if sizes.len() == 2 { Err("too much") } else { Ok(()) }
        });
        assert_eq!((refused.unwrap_err(), sizes), ("too much", vec![2, 3]));
    }

    #[test]
    fn regular_files_inside_the_directory_are_unpacked() {
        let archive = zip(&[("a.txt", b"1"), ("d/b.txt", b"2"), ("../out", b"3"), ("/abs", b"4"), ("d/../../e", b"5")]);
        assert_eq!(names(&archive, 1000), ["a.txt", "d/b.txt"]);
    }

    #[test]
    fn an_archive_that_cannot_be_read_has_no_files() {
        assert!(names(b"no archive", 1000).is_empty());
        assert!(names(b"", 1000).is_empty());
    }

    #[test]
    fn a_file_that_exceeds_a_bound_is_omitted() {
        let zeros = vec![0; FILE_BYTES_MAX as usize + 1];
        let archive = zip(&[("bomb", &zeros), ("small", b"1"), ("large", &[7; 2000])]);
        assert_eq!(names(&archive, 1000), ["small"]);
        assert_eq!(names(&archive, u64::MAX), ["small", "large"]);
    }
}
