//! Artifacts: files that a program leaves behind, and that its submission asked for with patterns.

use std::fmt;
use std::sync::Arc;

use crate::{BoxPath, BoxPathError, Bytes, ContentHash};

/// Maximum number of patterns of a submission.
pub const ARTIFACT_PATTERNS_MAX: usize = 16;

/// Maximum number of artifacts that are kept. The contents of others are omitted.
pub const ARTIFACTS_MAX: usize = 100;

/// Maximum number of artifacts that are listed, with or without their contents.
pub const ARTIFACTS_LISTED_MAX: usize = 200;

/// Maximum size of an artifact that is kept.
pub const ARTIFACT_BYTES_MAX: Bytes = Bytes::mib(4);

/// Maximum size of all artifacts that are kept.
pub const ARTIFACTS_BYTES_MAX: Bytes = Bytes::mib(8);

/// A pattern of paths in the box, such as `*.png` or `plots/**/*.svg`. `cupel_glob::matches` documents what a pattern
/// matches.
///
/// A pattern has the form of a [`BoxPath`], so it cannot name a file outside the box. Its length is at most
/// [`PathPattern::BYTES_MAX`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PathPattern(BoxPath);

/// Error for a text that is not a valid [`PathPattern`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the error messages describe the variants")]
pub enum PathPatternError {
    #[error("a pattern may not be empty")]
    Empty,
    #[error("a pattern has at most {} bytes and 32 components", PathPattern::BYTES_MAX)]
    TooLong,
    #[error("a pattern is relative: it may not begin with `/`")]
    Absolute,
    #[error("a pattern may not contain `.` or `..` or empty components")]
    Traversal,
    #[error("a pattern may not contain control characters or backslashes")]
    Character,
}

impl PathPattern {
    /// Maximum length of a pattern, in bytes.
    pub const BYTES_MAX: usize = 128;

    /// Checks and wraps a pattern.
    ///
    /// # Errors
    /// The first rule that the text breaks.
    pub fn new(text: &str) -> Result<PathPattern, PathPatternError> {
        if text.len() > PathPattern::BYTES_MAX {
            return Err(PathPatternError::TooLong);
        }
        BoxPath::new(text).map(PathPattern).map_err(|error| match error {
            BoxPathError::Empty => PathPatternError::Empty,
            BoxPathError::TooLong | BoxPathError::ComponentTooLong => PathPatternError::TooLong,
            BoxPathError::Absolute => PathPatternError::Absolute,
            BoxPathError::Traversal => PathPatternError::Traversal,
            BoxPathError::Character => PathPatternError::Character,
        })
    }

    /// The pattern as text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

/// A search for files in a box, after the program and all its processes have ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileSearch {
    /// A file is found if one of these matches its path.
    pub patterns: Vec<PathPattern>,
    /// Maximum number of files returned. If more files match, the first in the order of their paths are returned.
    pub files_max: u32,
    /// Maximum size of a file whose content is returned.
    pub file_bytes_max: Bytes,
    /// Maximum size of all contents that are returned. A file that exceeds the remaining bytes is returned without
    /// content; smaller files after it may be returned with content.
    pub bytes_max: Bytes,
}

/// The result of a [`FileSearch`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FoundFiles {
    /// The files, ordered by path.
    pub files: Vec<FoundFile>,
    /// Whether there may be more files than the search returns.
    pub has_more: bool,
}

/// A regular file that a [`FileSearch`] found.
#[derive(Clone, PartialEq, Eq)]
pub struct FoundFile {
    /// Path of the file in the box.
    pub path: BoxPath,
    /// Size of the file.
    pub size: Bytes,
    /// Content of the file; `None` if it exceeds a bound of the search.
    pub data: Option<Arc<[u8]>>,
}

impl fmt::Debug for FoundFile {
    /// Writes only the path and the sizes, because the content belongs to a user and must not be logged.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FoundFile({}, {}, {} bytes)", self.path, self.size, self.data.as_ref().map_or(0, |data| data.len()))
    }
}

/// The artifacts of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Artifacts {
    /// The files that match a pattern of the submission, ordered by path. Only regular files are listed. Files of the
    /// submission that the program did not change are omitted.
    pub files: Vec<Artifact>,
    /// Whether there may be more files than are listed.
    pub has_more: bool,
}

/// A file that a program left behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artifact {
    /// Path of the file in the box.
    pub path: BoxPath,
    /// Size of the file.
    pub size: Bytes,
    /// Content of the file, or why it was not kept.
    pub content: Result<ArtifactContent, Omission>,
}

/// The content of an artifact.
#[derive(Clone, PartialEq, Eq)]
pub struct ArtifactContent {
    /// The bytes.
    pub data: Arc<[u8]>,
    /// Media type, determined from the bytes.
    pub media_type: String,
    /// SHA-256 of the bytes.
    pub hash: ContentHash,
}

impl fmt::Debug for ArtifactContent {
    /// Writes only type and size, because the content belongs to a user and must not be logged.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ArtifactContent({}, {} bytes)", self.media_type, self.data.len())
    }
}

crate::named! {
    /// Why the content of an artifact was not kept.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Omission, as_str, from_name {
        /// The file is larger than [`ARTIFACT_BYTES_MAX`].
        FileTooLarge = "file_too_large",
        /// The content is larger than the rest of [`ARTIFACTS_BYTES_MAX`] after earlier artifacts, or than the rest of
        /// the run's bound on stored output.
        NoRoom = "no_room",
        /// There are [`ARTIFACTS_MAX`] artifacts before it.
        TooMany = "too_many",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_cannot_name_a_file_outside_the_box() {
        for good in ["*.png", "plots/**/*.svg", "**", "a?b", "...", "[x]", &"x".repeat(128)] {
            assert_eq!(PathPattern::new(good).map(|pattern| pattern.as_str().to_owned()), Ok(good.to_owned()));
        }
        for (bad, why) in [
            ("", PathPatternError::Empty),
            ("/etc/*", PathPatternError::Absolute),
            ("../*", PathPatternError::Traversal),
            ("a/../b", PathPatternError::Traversal),
            ("./*", PathPatternError::Traversal),
            ("a//b", PathPatternError::Traversal),
            ("a/", PathPatternError::Traversal),
            ("a\0", PathPatternError::Character),
            ("a\nb", PathPatternError::Character),
            ("a\\*", PathPatternError::Character),
        ] {
            assert_eq!(PathPattern::new(bad), Err(why), "{bad:?}");
        }
        assert_eq!(PathPattern::new(&"x".repeat(129)), Err(PathPatternError::TooLong));
        assert_eq!(PathPattern::new(&format!("{}a", "*/".repeat(32))), Err(PathPatternError::TooLong));
    }
}
