//! Files copied into and out of a box.

use std::fmt;
use std::sync::Arc;

/// Path of a file in the box: relative, and unable to leave the box.
///
/// One or more components joined by `/`, at most 1,024 bytes and 32 components in total. Each component has 1 to 255
/// bytes and is not `.` or `..`. Control characters (including NUL) and backslashes are not allowed. This check is only
/// the first line of defence: files are opened beneath the box without following links.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BoxPath(Arc<str>);

/// Error for a text that is not a valid [`BoxPath`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the error messages describe the variants")]
pub enum BoxPathError {
    #[error("a file name may not be empty")]
    Empty,
    #[error("a file path has at most 1024 bytes and 32 components")]
    TooLong,
    #[error("a file path is relative: it may not begin with `/`")]
    Absolute,
    #[error("a file path may not contain `.` or `..` or empty components")]
    Traversal,
    #[error("a component of a file path has at most 255 bytes")]
    ComponentTooLong,
    #[error("a file path may not contain control characters or backslashes")]
    Character,
}

impl BoxPath {
    /// Checks and wraps a path.
    ///
    /// # Errors
    /// The first rule of the type that the text breaks.
    pub fn new(text: &str) -> Result<BoxPath, BoxPathError> {
        if text.is_empty() {
            return Err(BoxPathError::Empty);
        }
        if text.len() > 1024 || text.split('/').count() > 32 {
            return Err(BoxPathError::TooLong);
        }
        if text.starts_with('/') {
            return Err(BoxPathError::Absolute);
        }
        if text.chars().any(|c| c.is_control() || c == '\\') {
            return Err(BoxPathError::Character);
        }
        for component in text.split('/') {
            if matches!(component, "" | "." | "..") {
                return Err(BoxPathError::Traversal);
            }
            if component.len() > 255 {
                return Err(BoxPathError::ComponentTooLong);
            }
        }
        Ok(BoxPath(text.into()))
    }

    /// Whether files cannot exist at both paths: the paths are equal, or one is beneath the other.
    pub fn clashes_with(&self, other: &BoxPath) -> bool {
        let beneath = |a: &str, b: &str| a.strip_prefix(b).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        beneath(&self.0, &other.0) || beneath(&other.0, &self.0)
    }

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BoxPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// One regular file with its bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct BoxFile {
    /// Path in the box.
    pub path: BoxPath,
    /// Contents.
    pub data: Arc<[u8]>,
    /// Whether the program may execute the file.
    pub executable: bool,
}

impl fmt::Debug for BoxFile {
    /// Writes only name and size, because the content belongs to a user and must not be logged.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BoxFile({}, {} bytes)", self.path, self.data.len())
    }
}

/// An immutable list of files. Cheap to clone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BoxFiles(Arc<[BoxFile]>);

impl BoxFiles {
    /// Collects files. The caller must reject duplicate paths and paths that are a directory of another path; otherwise
    /// the sandbox reports a failure to set up the box.
    pub fn new(files: Vec<BoxFile>) -> BoxFiles {
        BoxFiles(files.into())
    }

    /// The files in the order given.
    pub fn iter(&self) -> std::slice::Iter<'_, BoxFile> {
        self.0.iter()
    }

    /// Whether the two lists share one allocation. With this cheap check, a caller can detect unchanged files without
    /// reading them. For equal files in different allocations, the result is `false`.
    pub fn is_same(&self, other: &BoxFiles) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Number of files.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether the list is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Total size of all files, in bytes.
    pub fn total_bytes(&self) -> u64 {
        self.0.iter().map(|f| f.data.len() as u64).sum()
    }
}

impl<'a> IntoIterator for &'a BoxFiles {
    type Item = &'a BoxFile;
    type IntoIter = std::slice::Iter<'a, BoxFile>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_clashes_with_itself_and_with_paths_beneath_it() {
        let clash = |a: &str, b: &str| BoxPath::new(a).unwrap().clashes_with(&BoxPath::new(b).unwrap());
        for (a, b, expected) in
            [("a", "a", true), ("a", "a/b", true), ("a/b/c", "a/b", true), ("a", "ab", false), ("a/b", "a/c", false)]
        {
            assert_eq!((clash(a, b), clash(b, a)), (expected, expected), "{a} {b}");
        }
    }

    #[test]
    fn a_path_cannot_leave_the_box() {
        for good in ["main.c", "src/a/b.py", "...", "a b", "ünï"] {
            assert!(BoxPath::new(good).is_ok(), "{good:?}");
        }
        for (bad, why) in [
            ("", BoxPathError::Empty),
            ("/etc/passwd", BoxPathError::Absolute),
            ("..", BoxPathError::Traversal),
            ("a/../b", BoxPathError::Traversal),
            ("./a", BoxPathError::Traversal),
            ("a//b", BoxPathError::Traversal),
            ("a/", BoxPathError::Traversal),
            ("a\0b", BoxPathError::Character),
            ("a\nb", BoxPathError::Character),
            ("..\\a", BoxPathError::Character),
        ] {
            assert_eq!(BoxPath::new(bad), Err(why), "{bad:?}");
        }
        assert_eq!(BoxPath::new(&"x".repeat(256)), Err(BoxPathError::ComponentTooLong));
        assert_eq!(BoxPath::new(&"x/".repeat(600)), Err(BoxPathError::TooLong));
    }
}
