//! Sources of images.

mod archive;
mod credentials;
mod daemon;
mod layout;
mod registry;

use std::fmt;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use cupel_types::ContentHash;

pub(crate) use archive::Archive;
pub(crate) use daemon::save;
pub(crate) use layout::Layout;
pub use registry::RegistryOptions;
pub(crate) use registry::pull;

use crate::error::ImageError;
use crate::hashing::parse_digest;

/// The source of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A file or directory: an OCI layout (a directory or a tar archive), or an archive of `docker save`. Written
    /// `PATH`, `oci:PATH` or `docker-archive:PATH`. In the forms with a prefix, `:TAG` or `@sha256:DIGEST` at the end
    /// selects one of several images.
    Path {
        /// The file or directory.
        path: PathBuf,
        /// Selects one of several images.
        selector: Option<Selector>,
    },
    /// An image that a running Docker Engine has, written `docker-daemon:NAME:TAG`. `DOCKER_HOST` names the engine; the
    /// default is `/var/run/docker.sock`.
    Daemon {
        /// The name by which the engine knows the image.
        name: String,
    },
    /// An image in a registry, written `docker://HOST/NAME:TAG`, with or without `@sha256:DIGEST`.
    Registry {
        /// The reference, without `docker://`.
        reference: String,
    },
}

impl Source {
    /// The digest of the manifest, or of the index of manifests, that the source names.
    pub fn digest(&self) -> Option<ContentHash> {
        match self {
            Source::Path { selector: Some(Selector::Digest(digest)), .. } => Some(*digest),
            Source::Registry { reference } => registry::digest(reference),
            Source::Path { .. } | Source::Daemon { .. } => None,
        }
    }

    /// Opens the file or directory of a [`Source::Path`], with the rights that the process has now.
    ///
    /// # Errors
    /// The file or directory cannot be opened.
    pub fn open(&self) -> Result<OpenedSource<'_>, ImageError> {
        let content = match self {
            Source::Registry { reference } => Content::Registry(reference),
            Source::Daemon { name } => Content::Daemon(name),
            Source::Path { path, selector } => {
                let open = || match fs::metadata(path)?.is_dir() {
                    true => Layout::open(path).map(|layout| Content::Layout(layout, selector.as_ref())),
                    false => File::open(path).map(|file| Content::Archive(file, selector.as_ref())),
                };
                open().map_err(|error: io::Error| ImageError::Unreadable {
                    source_name: path.display().to_string(),
                    reason: error.to_string(),
                })?
            }
        };
        Ok(OpenedSource { source: self, content })
    }
}

/// A source whose file or directory is open. So a process can open a source first, and then change to a user who could
/// not open it.
pub struct OpenedSource<'a> {
    pub(crate) source: &'a Source,
    pub(crate) content: Content<'a>,
}

/// An opened file or directory, or the name by which a daemon or a registry knows the image.
pub(crate) enum Content<'a> {
    Layout(Layout, Option<&'a Selector>),
    Archive(File, Option<&'a Selector>),
    Daemon(&'a str),
    Registry(&'a str),
}

/// Selects one of several images of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selector {
    /// By its tag, or by its name and tag.
    Tag(String),
    /// By the digest of its manifest.
    Digest(ContentHash),
}

/// Error for a text that is not a valid [`Source`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a source of an image: {reason}")]
pub struct SourceError {
    text: String,
    reason: String,
}

impl SourceError {
    pub(crate) fn new(text: &str, reason: impl Into<String>) -> SourceError {
        SourceError { text: text.to_owned(), reason: reason.into() }
    }
}

impl FromStr for Source {
    type Err = SourceError;

    fn from_str(text: &str) -> Result<Source, SourceError> {
        let fail = |reason: &str| SourceError::new(text, reason);
        if let Some(reference) = text.strip_prefix("docker://") {
            registry::parse(reference).map_err(|reason| fail(&reason))?;
            return Ok(Source::Registry { reference: reference.to_owned() });
        }
        if let Some(name) = text.strip_prefix("docker-daemon:") {
            let is_name = |c: char| c.is_ascii_alphanumeric() || "._-/:@".contains(c);
            if name.is_empty() || !name.chars().all(is_name) {
                return Err(fail("write the name of an image, as `docker image ls` shows it"));
            }
            return Ok(Source::Daemon { name: name.to_owned() });
        }
        for prefix in ["oci-archive:", "oci:", "docker-archive:"] {
            if let Some(rest) = text.strip_prefix(prefix) {
                return with_selector(rest).map_err(|reason| fail(&reason));
            }
        }
        if text.is_empty() {
            return Err(fail("it is empty"));
        }
        if text.contains("://") {
            return Err(fail(
                "write a path, `oci:PATH`, `docker-archive:PATH`, `docker-daemon:NAME:TAG` or `docker://HOST/NAME:TAG`",
            ));
        }
        Ok(Source::Path { path: text.into(), selector: None })
    }
}

fn with_selector(text: &str) -> Result<Source, String> {
    let (path, selector) = match text.rsplit_once('@') {
        Some((path, digest)) if digest.starts_with("sha256:") => (path, Some(Selector::Digest(parse_digest(digest)?))),
        _ => {
            // A path may contain colons, and a name may contain slashes. So a text with a slash is a name only if it
            // has a tag.
            let is_selector = |text: &str| match text.rsplit_once(':') {
                Some((name, tag)) => {
                    !name.is_empty() && !name.starts_with('/') && !tag.is_empty() && !tag.contains('/')
                }
                None => !text.is_empty() && !text.contains('/'),
            };
            let mut colons = text.match_indices(':').map(|(at, _)| (&text[..at], &text[at + 1..]));
            match colons.find(|(_, after)| is_selector(after)) {
                Some((path, selector)) => (path, Some(Selector::Tag(selector.to_owned()))),
                None => (text, None),
            }
        }
    };
    if path.is_empty() {
        return Err("the path is missing".to_owned());
    }
    Ok(Source::Path { path: Path::new(path).to_owned(), selector })
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Path { path, selector: None } => path.display().fmt(f),
            Source::Path { path, selector: Some(Selector::Tag(tag)) } => write!(f, "oci:{}:{tag}", path.display()),
            Source::Path { path, selector: Some(Selector::Digest(digest)) } => {
                write!(f, "oci:{}@sha256:{digest}", path.display())
            }
            Source::Daemon { name } => write!(f, "docker-daemon:{name}"),
            Source::Registry { reference } => write!(f, "docker://{reference}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_may_name_a_digest_and_be_allowed() {
        let digest = format!("sha256:{}", "ab".repeat(32));
        let source = |text: &str| text.parse::<Source>().unwrap();
        let named = Some(ContentHash::from_bytes([0xab; 32]));
        for (text, expected) in [
            (format!("docker://registry.example/course/a@{digest}"), named),
            (format!("docker://registry.example/course/a:1@{digest}"), named),
            (format!("oci:/images/a@{digest}"), named),
            ("docker://registry.example/course/a:1".to_owned(), None),
            ("/images/a.tar".to_owned(), None),
            ("docker-daemon:course/a:1".to_owned(), None),
        ] {
            assert_eq!(source(&text).digest(), expected, "{text}");
        }
        let options = RegistryOptions { allowed: vec!["registry.example/course/*".to_owned()], ..Default::default() };
        assert!(options.allows(&source(&format!("docker://registry.example/course/a@{digest}"))));
        assert!(options.allows(&source("/images/a.tar")));
        assert!(!options.allows(&source("docker://registry.example/other/a:1")));
        assert!(RegistryOptions::default().allows(&source("docker://registry.example/other/a:1")));
    }

    #[test]
    fn a_source_is_a_path_or_a_reference() {
        let path = |path: &str, selector| Ok(Source::Path { path: path.into(), selector });
        let tag = |tag: &str| Some(Selector::Tag(tag.to_owned()));
        let digest = format!("sha256:{}", "ab".repeat(32));
        for (text, expected) in [
            ("image.tar", path("image.tar", None)),
            ("/a/b:c.tar", path("/a/b:c.tar", None)),
            ("oci:/a/b", path("/a/b", None)),
            ("oci:/a/b:1.0", path("/a/b", tag("1.0"))),
            ("docker-archive:a.tar:x", path("a.tar", tag("x"))),
            ("docker-archive:a.tar:course/x:1", path("a.tar", tag("course/x:1"))),
            ("oci:/a:b/c", path("/a:b/c", None)),
            ("oci:/a:b/c:1", path("/a", tag("b/c:1"))),
            ("oci:/a:/b:1", path("/a:/b", tag("1"))),
            (&format!("oci:a@{digest}"), path("a", Some(Selector::Digest(ContentHash::from_bytes([0xab; 32]))))),
            (
                "docker://127.0.0.1:5000/course:1",
                Ok(Source::Registry { reference: "127.0.0.1:5000/course:1".to_owned() }),
            ),
            ("docker-daemon:course:1", Ok(Source::Daemon { name: "course:1".to_owned() })),
        ] {
            assert_eq!(text.parse::<Source>(), expected, "{text}");
        }
        for bad in [
            "",
            "https://host/x",
            "docker://",
            "docker://UPPER/x y",
            "oci:",
            "oci:a@sha256:12",
            "docker-daemon:",
            "docker-daemon:a b",
        ] {
            assert!(bad.parse::<Source>().is_err(), "{bad}");
        }
    }
}
