//! The unpacked package: a directory that is Cupel's own, and the files in it by name, size and hash.

use std::borrow::Cow;
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

/// Where something lies in a package: a relative path that cannot leave it.
///
/// Components joined by `/`; each 1 to 255 bytes, none `.` or `..`; no control character, no backslash, no drive letter;
/// at most 1,024 bytes and 16 components.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PackagePath(Arc<str>);

/// Why a text is no [`PackagePath`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
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
    /// Most bytes of a path.
    pub const LENGTH_MAX: usize = 1024;
    /// Most components of a path.
    pub const DEPTH_MAX: usize = 16;
    /// Most bytes of one component.
    pub const COMPONENT_LENGTH_MAX: usize = 255;

    /// Checks and wraps a path.
    ///
    /// # Errors
    /// Every way in which the text breaks the rules of the type.
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

    /// The last component.
    pub fn name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }

    /// The path of the directory it lies in; `None` at the top.
    pub fn parent(&self) -> Option<PackagePath> {
        self.0.rsplit_once('/').map(|(parent, _)| PackagePath(parent.into()))
    }

    /// The path of something inside this one.
    ///
    /// # Errors
    /// As for [`PackagePath::new`].
    pub fn join(&self, below: &str) -> Result<PackagePath, PackagePathError> {
        PackagePath::new(&format!("{}/{below}", self.0))
    }

    /// What of it lies below `directory`; `None` if it does not.
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

impl fmt::Display for PackagePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// One file of a package: where it lies, what is in it, how much.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileRef {
    /// Where, below the package's directory.
    pub path: PackagePath,
    /// SHA-256 of its bytes, taken when it was read in.
    pub hash: ContentHash,
    /// Its length.
    pub size: Bytes,
}

/// A problem together with the directory that holds its files.
///
/// The directory was written by Cupel and contains directories and regular files only.
#[derive(Clone, Debug)]
pub struct Package {
    root: PathBuf,
    /// What the package says.
    pub problem: Problem,
    /// The hash of all names, x bits and contents in the directory: the same package has the same hash however it was packed.
    pub hash: ContentHash,
}

impl Package {
    /// Puts a problem together with the directory its [`FileRef`]s are relative to.
    pub fn new(root: PathBuf, problem: Problem, hash: ContentHash) -> Package {
        Package { root, problem, hash }
    }

    /// The directory.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where a file of it lies.
    pub fn path_of(&self, file: &FileRef) -> PathBuf {
        self.root.join(file.path.as_str())
    }

    /// Opens a file of it for reading, and looks whether its length is still the one that was recorded.
    ///
    /// # Errors
    /// When it cannot be opened, or has another length: somebody has changed the directory.
    pub fn open(&self, file: &FileRef) -> io::Result<File> {
        let opened = File::open(self.path_of(file))?;
        let meta = opened.metadata()?;
        if !meta.is_file() || meta.len() != file.size.get() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the package's directory was changed after import"));
        }
        Ok(opened)
    }

    /// The package with the time limit that was derived for it. A limit of its own stays.
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
