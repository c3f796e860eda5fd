//! The unpacked package: a directory owned by Cupel. Its files are identified by name, size and hash.

use std::borrow::{Borrow, Cow};
use std::fmt;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

pub use cupel_types::ContentHash;

use cupel_types::Bytes;

use super::problem::Problem;

/// Path of a file in a package: relative, and never outside the package.
///
/// Components are joined by `/`. Each has 1 to 255 bytes and is neither `.` nor `..`. A path contains no control
/// characters, backslashes or drive letters. It has at most 1,024 bytes and 16 components.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PackagePath(Arc<str>);

/// The reason why a text is not a valid [`PackagePath`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages explain the variants")]
pub enum PackagePathError {
    #[error("the name is empty")]
    Empty,
    #[error("the path has more than 1024 bytes")]
    TooLong,
    #[error("the path has more than 16 components")]
    TooDeep,
    #[error("the path is absolute")]
    Absolute,
    #[error("the path contains `..`, `.` or an empty component")]
    Traversal,
    #[error("a component of the path has more than 255 bytes")]
    ComponentTooLong,
    #[error("the path contains a control character or a backslash")]
    Character,
}

impl PackagePath {
    /// Maximum length of a path, in bytes.
    pub const LENGTH_MAX: usize = 1024;
    /// Maximum number of components.
    pub const DEPTH_MAX: usize = 16;
    /// Maximum length of a component, in bytes.
    pub const COMPONENT_LENGTH_MAX: usize = 255;

    /// Checks and wraps a path.
    ///
    /// # Errors
    /// If the text is not a valid path; the error is the rule that it violates.
    pub fn new(text: &str) -> Result<PackagePath, PackagePathError> {
        let bytes = text.as_bytes();
        let drive = bytes.len() >= 2 && bytes[0].is_ascii_alphabetic() && bytes[1] == b':';
        if text.is_empty() {
            return Err(PackagePathError::Empty);
        }
        if text.starts_with('/') || drive {
            return Err(PackagePathError::Absolute);
        }
        if text.len() > PackagePath::LENGTH_MAX {
            return Err(PackagePathError::TooLong);
        }
        if text.chars().any(|c| c.is_control() || c == '\\') {
            return Err(PackagePathError::Character);
        }
        if text.split('/').count() > PackagePath::DEPTH_MAX {
            return Err(PackagePathError::TooDeep);
        }
        for component in text.split('/') {
            if matches!(component, "" | "." | "..") {
                return Err(PackagePathError::Traversal);
            }
            if component.len() > PackagePath::COMPONENT_LENGTH_MAX {
                return Err(PackagePathError::ComponentTooLong);
            }
        }
        Ok(PackagePath(text.into()))
    }

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the last component.
    pub fn name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }

    /// Returns the path of the parent directory. `None` at the top level.
    pub fn parent(&self) -> Option<PackagePath> {
        self.0.rsplit_once('/').map(|(parent, _)| PackagePath(parent.into()))
    }

    /// Returns the path of an entry below this path.
    ///
    /// # Errors
    /// As for [`PackagePath::new`].
    pub fn join(&self, below: &str) -> Result<PackagePath, PackagePathError> {
        PackagePath::new(&format!("{}/{below}", self.0))
    }

    /// Returns the rest of the path below `directory`. `None` if the path is not below it.
    pub fn below(&self, directory: &str) -> Option<&str> {
        self.0.strip_prefix(directory)?.strip_prefix('/')
    }
}

impl FromStr for PackagePath {
    type Err = PackagePathError;

    fn from_str(text: &str) -> Result<PackagePath, PackagePathError> {
        PackagePath::new(text)
    }
}

/// Ordered maps with paths as keys are searched by text, for example for all paths below a directory.
impl Borrow<str> for PackagePath {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PackagePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// One file of a package: path, hash, size.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FileRef {
    /// Path relative to the package's directory.
    pub path: PackagePath,
    /// SHA-256 of the content, computed at import.
    pub hash: ContentHash,
    /// Length in bytes.
    pub size: Bytes,
}

/// Bounds on the files of a package that are read into memory, because a step gets them as files.
impl Package {
    /// Maximum size of one such file. This applies to the input and the answer of a case if its checker or interactor
    /// is a program. Input that is only the program's standard input is not read into memory.
    pub const FILE_IN_MEMORY_MAX: Bytes = Bytes::mib(256);
    /// Maximum total size of the files of one program, or of the additional files of one case.
    pub const FILES_TOGETHER_MAX: Bytes = Bytes::mib(64);
}

/// A problem, together with the directory that contains its files.
///
/// Cupel created the directory at import. It contains only directories and regular files.
#[derive(Clone, Debug)]
pub struct Package {
    root: PathBuf,
    /// The problem that the package describes.
    pub problem: Problem,
    /// Hash of all names, executable bits and contents in the directory. It does not depend on how the package was
    /// packed.
    pub hash: ContentHash,
}

impl Package {
    /// Combines a problem with its directory. The paths of its [`FileRef`]s are relative to that directory.
    pub fn new(root: PathBuf, problem: Problem, hash: ContentHash) -> Package {
        Package { root, problem, hash }
    }

    /// The directory.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Returns the absolute path of a file of the package.
    pub fn path_of(&self, file: &FileRef) -> PathBuf {
        self.root.join(file.path.as_str())
    }

    /// Opens a file of the package for reading, and checks that its length is unchanged.
    ///
    /// # Errors
    /// If the file cannot be opened, or if its length has changed because the directory was modified.
    pub fn open(&self, file: &FileRef) -> io::Result<File> {
        let opened = File::open(self.path_of(file))?;
        let meta = opened.metadata()?;
        if !meta.is_file() || meta.len() != file.size.get() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the package's directory was changed after import"));
        }
        Ok(opened)
    }

    /// Returns the package with the derived time limit, unless the package sets its own limit.
    pub fn with_derived_time_limit(&self, derived: Option<Duration>) -> Cow<'_, Package> {
        if self.problem.limits.time.limit.is_some() || derived.is_none() {
            return Cow::Borrowed(self);
        }
        let mut limited = self.clone();
        limited.problem.limits.time.limit = derived;
        Cow::Owned(limited)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_cannot_leave_the_package() {
        for good in ["problem.yaml", "data/secret/01 large.in", "...", "ünï/x", "ab:c/d"] {
            assert!(PackagePath::new(good).is_ok(), "{good:?}");
        }
        for (bad, why) in [
            ("", PackagePathError::Empty),
            ("/etc/passwd", PackagePathError::Absolute),
            ("C:/x", PackagePathError::Absolute),
            ("..", PackagePathError::Traversal),
            ("a/../b", PackagePathError::Traversal),
            ("./a", PackagePathError::Traversal),
            ("a//b", PackagePathError::Traversal),
            ("a/", PackagePathError::Traversal),
            ("a\0b", PackagePathError::Character),
            ("..\\a", PackagePathError::Character),
        ] {
            assert_eq!(PackagePath::new(bad), Err(why), "{bad:?}");
        }
        assert_eq!(PackagePath::new(&"x".repeat(256)), Err(PackagePathError::ComponentTooLong));
        assert_eq!(PackagePath::new(&"x/".repeat(17)), Err(PackagePathError::TooDeep));
        assert_eq!(PackagePath::new(&"x".repeat(1025)), Err(PackagePathError::TooLong));
    }

    #[test]
    fn below_needs_a_whole_component() {
        let path = PackagePath::new("data/secret/1.in").unwrap();
        assert_eq!(path.below("data"), Some("secret/1.in"));
        assert_eq!(path.below("dat"), None);
        assert_eq!(path.parent().unwrap().as_str(), "data/secret");
        assert_eq!(path.name(), "1.in");
    }
}
