//! The parts of an image, read from its manifest and configuration and checked before anything is unpacked.

use std::collections::HashSet;
use std::io::Read;

use cupel_types::ContentHash;
use oci_spec::image::{ImageConfiguration, ImageIndex, ImageManifest, MediaType};
use serde::Deserialize;

use crate::bounds::ImageBounds;
use crate::compression::Compression;
use crate::error::ImageError;
use crate::hashing::{hash_of, parse_digest};
use crate::index::ImageConfig;
use crate::source::Selector;

/// Maximum size of a manifest, in bytes. Registries have the same maximum.
pub(crate) const MANIFEST_MAX: u64 = 4 << 20;
/// Maximum size of a configuration, including its history, in bytes.
pub(crate) const CONFIG_MAX: u64 = 8 << 20;
/// Maximum nesting of indexes.
const NESTING_MAX: usize = 4;

/// The files of a source.
pub(crate) trait Blobs {
    /// Opens a file of the image; `None` if there is none with this path.
    fn open(&self, path: &str) -> std::io::Result<Option<Box<dyn Read + '_>>>;
}

/// The parts of an image.
#[derive(Debug)]
pub(crate) struct Plan {
    /// Hash of the configuration.
    pub(crate) id: ContentHash,
    /// Digest of the manifest, if the source has one.
    pub(crate) digest: Option<ContentHash>,
    pub(crate) config: ImageConfig,
    pub(crate) architecture: String,
    /// The layers, from the lowest to the highest.
    pub(crate) layers: Vec<PlannedLayer>,
}

/// A layer of a plan.
#[derive(Debug)]
pub(crate) struct PlannedLayer {
    /// Path of its archive in the source.
    pub(crate) path: String,
    /// What the manifest says about the stored archive; `None` for an archive
    /// of `docker save`, whose manifest does not describe it.
    pub(crate) stored: Option<StoredLayer>,
    /// Digest of the uncompressed archive.
    pub(crate) diff_id: ContentHash,
    pub(crate) compression: Compression,
}

/// Digest and size, in bytes, of a layer's stored archive.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StoredLayer {
    pub(crate) digest: ContentHash,
    pub(crate) size: u64,
}

/// Path of a blob in an OCI layout.
pub(crate) fn blob_path(digest: &ContentHash) -> String {
    format!("blobs/sha256/{digest}")
}

/// The processor architecture of this machine, by its name in images (the names of Go).
pub(crate) fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "x86" => "386",
        "aarch64" => "arm64",
        "powerpc64" => "ppc64le",
        other => other,
    }
}

/// Reads a whole file of the source. `digest` is the expected digest of its content.
fn read(blobs: &dyn Blobs, path: &str, max: u64, digest: Option<&ContentHash>) -> Result<Vec<u8>, ImageError> {
    let refused = |reason: String| ImageError::refused(path, reason);
    let file = blobs.open(path).map_err(|error| refused(format!("it cannot be read: {error}")))?;
    let file = file.ok_or_else(|| refused("the image refers to it but does not contain it".to_owned()))?;
    let mut text = Vec::new();
    let read = file.take(max + 1).read_to_end(&mut text);
    read.map_err(|error| refused(format!("it cannot be read: {error}")))?;
    if text.len() as u64 > max {
        return Err(refused(format!("it has more than {max} bytes")));
    }
    if let Some(digest) = digest {
        let found = hash_of(&text);
        if found != *digest {
            return Err(refused(format!("its content has the digest sha256:{found}, but sha256:{digest} is expected")));
        }
    }
    Ok(text)
}

fn parse<T: for<'d> Deserialize<'d>>(path: &str, what: &str, text: &[u8]) -> Result<T, ImageError> {
    serde_json::from_slice(text).map_err(|error| ImageError::refused(path, format!("it is not {what}: {error}")))
}

/// The plan of an image in an OCI layout. `wanted` selects one of several images: its digest, or its tag.
pub(crate) fn of_layout(
    blobs: &dyn Blobs,
    wanted: Option<&Selector>,
    bounds: &ImageBounds,
) -> Result<Plan, ImageError> {
    let text = read(blobs, "index.json", MANIFEST_MAX, None)?;
    let index: ImageIndex = parse("index.json", "an image index", &text)?;
    let mut candidates: Vec<_> = match wanted {
        None => index.manifests().clone(),
        Some(wanted) => index.manifests().iter().filter(|entry| wanted.matches(entry)).cloned().collect(),
    };
    // An image with several names has an entry for each name.
    let mut digests = HashSet::new();
    candidates.retain(|entry| digests.insert(entry.digest().to_string()));
    let entry = match (candidates.as_slice(), wanted) {
        ([], None) => return Err(ImageError::refused("index.json", "it names no image")),
        ([], Some(wanted)) => return Err(ImageError::refused("index.json", format!("it names no image {wanted}"))),
        ([one], _) => one.clone(),
        (several, _) => of_this_machine(several).ok_or_else(|| {
            several_images("index.json", several.iter().filter_map(|entry| names_of(entry).next().map(str::to_owned)))
        })?,
    };
    of_descriptor(blobs, &entry, bounds, NESTING_MAX)
}

impl Selector {
    fn matches(&self, entry: &oci_spec::image::Descriptor) -> bool {
        match self {
            Selector::Tag(tag) => names_of(entry).any(|name| is_named(name, tag)),
            Selector::Digest(digest) => parse_digest(entry.digest().as_ref()).is_ok_and(|found| found == *digest),
        }
    }
}

/// The names and tags of an entry of an index. `docker save` of Docker 25 and later writes the full name into
/// `io.containerd.image.name` and the tag into `org.opencontainers.image.ref.name`. Other tools write the name or the
/// tag into the latter. Source: moby, `image/tarexport/save.go`.
fn names_of(entry: &oci_spec::image::Descriptor) -> impl Iterator<Item = &str> {
    const NAMES: [&str; 2] = ["io.containerd.image.name", "org.opencontainers.image.ref.name"];
    let annotations = entry.annotations().as_ref();
    NAMES.into_iter().filter_map(move |name| annotations?.get(name).map(String::as_str))
}

/// Whether `wanted` is this name, its tag, or its short form. Docker shows the short form, which omits the default
/// registry `docker.io`.
fn is_named(name: &str, wanted: &str) -> bool {
    let short = name.strip_prefix("docker.io/").map(|name| name.strip_prefix("library/").unwrap_or(name));
    name == wanted
        || short.is_some_and(|short| short == wanted)
        || name.rsplit_once(':').is_some_and(|(_, tag)| tag == wanted)
}

/// Maximum number of names that an error lists.
const NAMES_MAX: usize = 5;

/// The error for a source with several images, of which one must be selected.
fn several_images(path: &str, names: impl Iterator<Item = String>) -> ImageError {
    let names: Vec<String> = names.take(NAMES_MAX).map(|name| format!("`{}`", name.escape_debug())).collect();
    let named = if names.is_empty() { String::new() } else { format!(", such as {}", names.join(", ")) };
    ImageError::refused(path, format!("it has several images{named}; select one: `oci:PATH:NAME` or `oci:PATH@DIGEST`"))
}

impl std::fmt::Display for Selector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Selector::Tag(tag) => write!(f, "with the name or tag `{tag}`"),
            Selector::Digest(digest) => write!(f, "with the digest sha256:{digest}"),
        }
    }
}

/// Selects the first entry for Linux on this machine's architecture.
fn of_this_machine(entries: &[oci_spec::image::Descriptor]) -> Option<oci_spec::image::Descriptor> {
    let mut fitting = entries.iter().filter(|entry| {
        entry.platform().as_ref().is_some_and(|platform| {
            platform.os().to_string() == "linux" && platform.architecture().to_string() == architecture()
        })
    });
    // Several variants of an architecture are listed with the most general one first.
    fitting.next().cloned()
}

fn of_descriptor(
    blobs: &dyn Blobs,
    entry: &oci_spec::image::Descriptor,
    bounds: &ImageBounds,
    nesting: usize,
) -> Result<Plan, ImageError> {
    let digest =
        parse_digest(entry.digest().as_ref()).map_err(|reason| ImageError::refused("the manifest's digest", reason))?;
    of_nested(blobs, &digest, bounds, nesting)
}

/// The plan of the image whose manifest, or index of manifests, has this digest.
pub(crate) fn of_manifest(blobs: &dyn Blobs, digest: &ContentHash, bounds: &ImageBounds) -> Result<Plan, ImageError> {
    of_nested(blobs, digest, bounds, NESTING_MAX)
}

fn of_nested(
    blobs: &dyn Blobs,
    digest: &ContentHash,
    bounds: &ImageBounds,
    nesting: usize,
) -> Result<Plan, ImageError> {
    let path = blob_path(digest);
    let text = read(blobs, &path, MANIFEST_MAX, Some(digest))?;
    #[derive(Deserialize)]
    struct Kind {
        manifests: Option<serde_json::Value>,
    }
    let kind: Kind = parse(&path, "an image manifest", &text)?;
    if kind.manifests.is_some() {
        let index: ImageIndex = parse(&path, "an image index", &text)?;
        let entry = of_this_machine(index.manifests()).ok_or_else(|| {
            let platform = |entry: &oci_spec::image::Descriptor| {
                entry.platform().as_ref().map(|p| format!("{}/{}", p.os(), p.architecture()))
            };
            let has: Vec<_> = index.manifests().iter().filter_map(platform).collect();
            let reason = format!("it has no image for linux/{}, only for {}", architecture(), has.join(", "));
            ImageError::refused(&path, reason)
        })?;
        return match nesting.checked_sub(1) {
            Some(nesting) => of_descriptor(blobs, &entry, bounds, nesting),
            None => Err(ImageError::refused(&path, "indexes are nested too deeply")),
        };
    }
    let manifest: ImageManifest = parse(&path, "an image manifest", &text)?;
    let id = parse_digest(manifest.config().digest().as_ref())
        .map_err(|reason| ImageError::refused("the configuration's digest", reason))?;
    let config_path = blob_path(&id);
    let config_text = read(blobs, &config_path, CONFIG_MAX, Some(&id))?;
    let (config, architecture, diff_ids) = configuration(&config_path, &config_text)?;
    let entries = manifest.layers();
    check_number(entries.len(), diff_ids.len(), bounds)?;
    let mut layers = Vec::new();
    for (at, (entry, diff_id)) in entries.iter().zip(diff_ids).enumerate() {
        let part = part(at, entries.len(), &diff_id);
        let digest =
            parse_digest(entry.digest().as_ref()).map_err(|reason| ImageError::refused(part.clone(), reason))?;
        let compression = compression(entry.media_type()).map_err(|reason| ImageError::refused(part, reason))?;
        let stored = Some(StoredLayer { digest, size: entry.size() });
        layers.push(PlannedLayer { path: blob_path(&digest), stored, diff_id, compression });
    }
    Ok(Plan { id, digest: Some(*digest), config, architecture, layers })
}

/// Name of a layer in messages.
pub(crate) fn part(at: usize, of: usize, diff_id: &ContentHash) -> String {
    format!("layer {} of {of} (sha256:{diff_id})", at + 1)
}

fn check_number(layers: usize, diff_ids: usize, bounds: &ImageBounds) -> Result<(), ImageError> {
    if layers != diff_ids {
        let reason = format!("it names {diff_ids} layers, but the manifest names {layers}");
        return Err(ImageError::refused("the configuration", reason));
    }
    if layers > bounds.layers_max {
        let reason = format!("it has {layers} layers, and at most {} are accepted", bounds.layers_max);
        return Err(ImageError::refused("the manifest", reason));
    }
    Ok(())
}

fn compression(media_type: &MediaType) -> Result<Compression, String> {
    let name = media_type.to_string();
    match name.as_str() {
        "application/vnd.oci.image.layer.v1.tar" | "application/vnd.docker.image.rootfs.diff.tar" => {
            Ok(Compression::None)
        }
        "application/vnd.oci.image.layer.v1.tar+gzip" | "application/vnd.docker.image.rootfs.diff.tar.gzip" => {
            Ok(Compression::Gzip)
        }
        "application/vnd.oci.image.layer.v1.tar+zstd" => Ok(Compression::Zstd),
        _ => Err(format!("its media type `{name}` is not one of a layer that can be unpacked")),
    }
}

/// Reads a configuration: environment, working directory and user of programs, the architecture, and the digests of the
/// layers.
fn configuration(path: &str, text: &[u8]) -> Result<(ImageConfig, String, Vec<ContentHash>), ImageError> {
    let refused = |reason: String| ImageError::refused(path, reason);
    let config: ImageConfiguration = parse(path, "an image configuration", text)?;
    let (os, machine) = (config.os().to_string(), config.architecture().to_string());
    if os != "linux" || machine != architecture() {
        return Err(refused(format!("the image is for {os}/{machine}, and this machine is linux/{}", architecture())));
    }
    let mut diff_ids = Vec::new();
    for text in config.rootfs().diff_ids() {
        diff_ids.push(parse_digest(text).map_err(refused)?);
    }
    let own = config.config().as_ref();
    let mut env = Vec::new();
    for text in own.and_then(|own| own.env().as_ref()).into_iter().flatten() {
        match text.split_once('=') {
            Some((name, value)) if !name.is_empty() && !text.contains('\0') => {
                env.push((name.to_owned(), value.to_owned()));
            }
            _ => return Err(refused(format!("its environment contains `{}`", text.escape_default()))),
        }
    }
    let text_of = |text: Option<&String>| text.filter(|text| !text.is_empty()).cloned();
    let directory = text_of(own.and_then(|own| own.working_dir().as_ref()));
    let user = text_of(own.and_then(|own| own.user().as_ref()));
    Ok((ImageConfig { env, directory, user }, machine, diff_ids))
}

/// One image in `manifest.json` of an archive that `docker save` wrote.
#[derive(Debug, Deserialize)]
struct Saved {
    #[serde(rename = "Config")]
    config: String,
    #[serde(rename = "RepoTags")]
    tags: Option<Vec<String>>,
    #[serde(rename = "Layers")]
    layers: Vec<String>,
}

/// The plan of an image in an archive that `docker save` wrote.
pub(crate) fn of_saved(blobs: &dyn Blobs, wanted: Option<&Selector>, bounds: &ImageBounds) -> Result<Plan, ImageError> {
    const PATH: &str = "manifest.json";
    let text = read(blobs, PATH, MANIFEST_MAX, None)?;
    let mut images: Vec<Saved> = parse(PATH, "the manifest of `docker save`", &text)?;
    match wanted {
        None => {}
        Some(Selector::Tag(tag)) => images.retain(|image| image.tags.iter().flatten().any(|name| is_named(name, tag))),
        Some(Selector::Digest(_)) => {
            return Err(ImageError::refused(PATH, "an archive of `docker save` has no digests of manifests"));
        }
    }
    let image = match (images.as_slice(), wanted) {
        ([one], _) => one,
        ([], Some(wanted)) => return Err(ImageError::refused(PATH, format!("it names no image {wanted}"))),
        ([], None) => return Err(ImageError::refused(PATH, "it names no image")),
        (several, _) => {
            let names = several.iter().filter_map(|image| image.tags.iter().flatten().next().cloned());
            return Err(several_images(PATH, names));
        }
    };
    let text = read(blobs, &image.config, CONFIG_MAX, None)?;
    let id = hash_of(&text);
    // The name contains the digest. If the content has another digest, the file is damaged.
    let named = image.config.rsplit('/').next().unwrap_or_default().trim_end_matches(".json");
    if named.parse::<ContentHash>().is_ok_and(|named| named != id) {
        return Err(ImageError::refused(&image.config, format!("its content has the digest sha256:{id}")));
    }
    let (config, architecture, diff_ids) = configuration(&image.config, &text)?;
    check_number(image.layers.len(), diff_ids.len(), bounds)?;
    let layers = image.layers.iter().zip(diff_ids);
    let layers = layers
        .map(|(path, diff_id)| PlannedLayer {
            path: path.clone(),
            stored: None,
            diff_id,
            compression: Compression::Unknown,
        })
        .collect();
    Ok(Plan { id, digest: None, config, architecture, layers })
}
