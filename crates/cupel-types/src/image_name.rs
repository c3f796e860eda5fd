//! Names of container images.

use std::fmt;
use std::str::FromStr;

/// Name under which a node keeps a container image: a path of lower-case components and a tag, such as `python:3.13` or
/// `course/algorithms:2026`. A name without a tag has the tag `latest`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ImageName(String);

/// Error for a text that is not a valid [`ImageName`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "an image name has components of lower-case letters, digits, `.`, `_` and `-`, separated by `/`, and an optional tag \
     after `:`, such as `python:3.13`; at most 200 characters"
)]
pub struct ImageNameError;

impl ImageName {
    const LENGTH_MAX: usize = 200;

    /// The name with its tag.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ImageName {
    type Err = ImageNameError;

    fn from_str(text: &str) -> Result<ImageName, ImageNameError> {
        let (path, tag) = text.split_once(':').unwrap_or((text, "latest"));
        let is_edge = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let is_component = |part: &str| {
            part.starts_with(is_edge)
                && part.ends_with(is_edge)
                && part.chars().all(|c| is_edge(c) || matches!(c, '.' | '_' | '-'))
        };
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let is_tag = tag.starts_with(is_word) && tag.chars().all(|c| is_word(c) || matches!(c, '.' | '-'));
        let is_valid = path.split('/').all(is_component) && is_tag && path.len() + tag.len() < Self::LENGTH_MAX;
        is_valid.then(|| ImageName(format!("{path}:{tag}"))).ok_or(ImageNameError)
    }
}

impl fmt::Display for ImageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_components_and_a_tag() {
        for (text, expected) in [
            ("python:3.13", Some("python:3.13")),
            ("python", Some("python:latest")),
            ("course/cs-101/a_b.c:2026_A-1", Some("course/cs-101/a_b.c:2026_A-1")),
            ("Python", None),
            ("a//b", None),
            ("/a", None),
            ("../a", None),
            ("a/.", None),
            ("a:", None),
            ("a:b:c", None),
            ("a:.b", None),
            ("a b", None),
            ("", None),
        ] {
            assert_eq!(text.parse::<ImageName>().ok().as_ref().map(ImageName::as_str), expected, "{text}");
        }
        assert!("a".repeat(300).parse::<ImageName>().is_err());
    }
}
