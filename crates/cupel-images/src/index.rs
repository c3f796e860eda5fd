//! The index of a store: the names of its images and the parts of each image.

use cupel_types::{ContentHash, ImageName};
use serde::{Deserialize, Serialize};

use crate::Source;

/// An image of a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Its name.
    pub name: ImageName,
    /// Hash of its configuration, which in turn contains the digests of its layers.
    pub id: ContentHash,
    /// Digest of its manifest; `None` if its source has no manifest of OCI, such as an archive of `docker save`.
    pub digest: Option<ContentHash>,
    /// The source of the image, as the operator wrote it.
    pub source: String,
    /// Time at which it was added, in seconds since 1970.
    pub added: u64,
    /// Processor architecture, by its name in images.
    pub architecture: String,
    /// Hashes of the uncompressed archives of its layers, from the lowest to the highest.
    pub layers: Vec<ContentHash>,
    /// Bytes of the files of all layers, including layers that other images share.
    pub bytes: u64,
    /// Number of entries of all its layers, without whiteouts. An entry that several layers contain is counted several
    /// times.
    pub entries: u64,
    /// Number of devices, pipes and sockets that were omitted.
    pub left_out: u64,
    /// Number of files whose set-user-id or set-group-id bits or capabilities were dropped.
    pub privileges_dropped: u64,
    /// Environment, working directory and user of its programs.
    pub config: ImageConfig,
    /// User id of its programs, if the image names a user other than root.
    pub uid: Option<u32>,
}

/// User id of programs in an image that names no user, or root.
pub(crate) const DEFAULT_UID: u32 = 1000;

impl Image {
    /// The digest that is shown for the image: the manifest's digest, or the image's id if it has no manifest.
    pub fn digest_or_id(&self) -> ContentHash {
        self.digest.unwrap_or(self.id)
    }

    /// Whether the image is the one that `source` names: it was added from this source, or has the digest that the
    /// source names. A source without a digest may contain another image by now.
    pub fn is_from(&self, source: &Source) -> bool {
        self.source == source.to_string() || (self.digest.is_some() && self.digest == source.digest())
    }

    /// User id of its programs; never 0.
    pub fn program_uid(&self) -> u32 {
        self.uid.unwrap_or(DEFAULT_UID)
    }
}

/// Environment, working directory and user of an image's programs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageConfig {
    /// `ENV`: names and values.
    pub env: Vec<(String, String)>,
    /// `WORKDIR`.
    pub directory: Option<String>,
    /// `USER`, as written in the image.
    pub user: Option<String>,
}

/// The index as a file.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct IndexFile {
    pub(crate) version: u32,
    pub(crate) images: Vec<ImageRow>,
}

/// Version of [`IndexFile`]'s format.
pub(crate) const VERSION: u32 = 1;

/// One image in [`IndexFile`].
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ImageRow {
    name: String,
    id: String,
    digest: Option<String>,
    source: String,
    added: u64,
    architecture: String,
    layers: Vec<String>,
    bytes: u64,
    entries: u64,
    left_out: u64,
    privileges_dropped: u64,
    env: Vec<(String, String)>,
    directory: Option<String>,
    user: Option<String>,
    uid: Option<u32>,
}

impl ImageRow {
    pub(crate) fn of(image: &Image) -> ImageRow {
        let Image {
            name,
            id,
            digest,
            source,
            added,
            architecture,
            layers,
            bytes,
            entries,
            left_out,
            privileges_dropped,
            config: ImageConfig { env, directory, user },
            uid,
        } = image.clone();
        ImageRow {
            name: name.to_string(),
            id: id.to_string(),
            digest: digest.map(|digest| digest.to_string()),
            source,
            added,
            architecture,
            layers: layers.iter().map(ToString::to_string).collect(),
            bytes,
            entries,
            left_out,
            privileges_dropped,
            env,
            directory,
            user,
            uid,
        }
    }

    /// `None` if a name or a hash is damaged.
    pub(crate) fn image(self) -> Option<Image> {
        let hash = |text: String| text.parse::<ContentHash>().ok();
        Some(Image {
            name: self.name.parse().ok()?,
            id: hash(self.id)?,
            digest: match self.digest {
                Some(digest) => Some(hash(digest)?),
                None => None,
            },
            source: self.source,
            added: self.added,
            architecture: self.architecture,
            layers: self.layers.into_iter().map(hash).collect::<Option<_>>()?,
            bytes: self.bytes,
            entries: self.entries,
            left_out: self.left_out,
            privileges_dropped: self.privileges_dropped,
            config: ImageConfig { env: self.env, directory: self.directory, user: self.user },
            uid: self.uid,
        })
    }
}
