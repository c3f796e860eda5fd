//! The layers of a store: their records, their sizes, and the unpacking of a new one.

use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use cupel_types::ContentHash;

use super::ImageStore;
use super::files::open_file;
use crate::beneath::{self, Beneath};
use crate::bounds::{Budget, Excess};
use crate::compression::decoder_of;
use crate::contents::Contents;
use crate::error::ImageError;
use crate::hashing::Hashing;
use crate::index::Image;
use crate::layer::{self, LayerFault};
use crate::plan::{Blobs, PlannedLayer, StoredLayer};

/// A layer of an image that is being added or verified.
pub(super) struct LayerTree {
    pub(super) contents: Contents,
    /// The directory with its files (`tree`) and its record (`contents`).
    pub(super) place: PathBuf,
    /// Whether it has just been unpacked.
    pub(super) is_new: bool,
}

/// Maximum bytes after the end of a layer's archive. tar(1) pads an archive to a multiple of 10 KiB, unless an option
/// selects another size.
const PADDING_MAX: u64 = 1 << 20;

impl ImageStore {
    /// Returns a layer of an image that is being added. If the store does not have the layer, it is unpacked into
    /// `incoming`.
    pub(super) fn tree(
        &self,
        blobs: &dyn Blobs,
        planned: &PlannedLayer,
        part: &str,
        budget: &mut Budget<'_>,
        incoming: &Path,
    ) -> Result<LayerTree, ImageError> {
        let Some(contents) = self.contents_of(&planned.diff_id)? else {
            return self.unpack(blobs, planned, part, budget, incoming);
        };
        budget.charge_known(&contents).map_err(|excess| self.excess(part, excess))?;
        Ok(LayerTree { contents, place: self.layer(&planned.diff_id), is_new: false })
    }

    /// The record of a layer of the store.
    pub(super) fn contents_of(&self, diff_id: &ContentHash) -> Result<Option<Contents>, ImageError> {
        let path = self.layer(diff_id).join("contents");
        match self.open_contents(diff_id) {
            Ok(file) => Contents::read(file).map(Some).map_err(ImageError::io("read", &path)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(ImageError::io("read", &path)(error)),
        }
    }

    fn open_contents(&self, diff_id: &ContentHash) -> io::Result<File> {
        let layer = beneath::enter(self.part("layers")?.as_fd(), diff_id.to_string().as_ref())?;
        open_file(&layer, "contents")
    }

    /// Records the layers of a root, before the root gets its name.
    pub(super) fn record_layers(&self, image: &Image) -> Result<(), ImageError> {
        let path = self.layers_of_root(&image.id);
        let failed = |error: io::Error| ImageError::io("write", &path)(error);
        let mut new = self.part("roots").and_then(|roots| self.new_file(roots)).map_err(failed)?;
        for layer in &image.layers {
            writeln!(new.file, "{layer}").map_err(failed)?;
        }
        new.file.sync_all().map_err(failed)?;
        new.persist(&layers_name(&image.id)).map_err(failed)
    }

    /// The recorded layers of a root; none if an earlier version of Cupel created it.
    pub(super) fn recorded_layers(&self, id: &ContentHash) -> Result<Vec<ContentHash>, ImageError> {
        let path = self.layers_of_root(id);
        let read = self.part("roots").and_then(|roots| open_file(&roots, &layers_name(id)));
        match read.and_then(io::read_to_string) {
            Ok(text) => Ok(text.lines().filter_map(|line| line.parse().ok()).collect()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(ImageError::io("read", &path)(error)),
        }
    }

    /// Free bytes for new layers within the bound on disk space. The layers of a root that is still in use count,
    /// because the root has links to their files.
    pub(super) fn room(&self) -> Result<u64, ImageError> {
        let mut used = 0;
        for diff_id in hashes_in(&self.layers())? {
            used += self.bytes_of(&diff_id)?;
        }
        Ok(self.disk_max.saturating_sub(used))
    }

    fn excess(&self, part: &str, excess: Excess) -> ImageError {
        match excess {
            Excess::Bound(reason) => ImageError::refused(part, reason),
            Excess::Space(needed) => ImageError::Full { needed, bound: self.disk_max },
        }
    }

    /// Total size of the files of a layer of the store, in bytes.
    fn bytes_of(&self, diff_id: &ContentHash) -> Result<u64, ImageError> {
        let path = self.layer(diff_id).join("contents");
        let file = self.open_contents(diff_id).map_err(ImageError::io("read", &path))?;
        Contents::read_bytes(file).map_err(ImageError::io("read", &path))
    }

    /// Unpacks a layer into `incoming`, and verifies its digests and its size.
    fn unpack(
        &self,
        blobs: &dyn Blobs,
        planned: &PlannedLayer,
        part: &str,
        budget: &mut Budget<'_>,
        incoming: &Path,
    ) -> Result<LayerTree, ImageError> {
        let refused = |reason: String| ImageError::refused(part, reason);
        let blob = blobs.open(&planned.path).map_err(|error| cut_off(part, error))?;
        let blob = blob.ok_or_else(|| refused(format!("the image does not contain `{}`", planned.path)))?;
        let place = incoming.join(format!("layer-{}", planned.diff_id));
        let tree = place.join("tree");
        std::fs::create_dir_all(&tree).map_err(ImageError::io("create", &tree))?;
        // The file can grow while it is read.
        let readable = planned.stored.as_ref().map_or(u64::MAX, |stored| stored.size.saturating_add(1));
        let mut stored = Hashing::new(BufReader::with_capacity(128 * 1024, blob.take(readable)));
        let unpacked = self.unpack_archive(planned, part, budget, &tree, &mut stored);
        let too_long = |bytes: u64| {
            let size = planned.stored.as_ref().map(|stored| stored.size).filter(|size| bytes > *size)?;
            Some(refused(format!("its archive has more than {size} bytes, and the manifest says {size}")))
        };
        let contents = unpacked.map_err(|error| too_long(stored.bytes_read()).unwrap_or(error))?;
        let (found, bytes) = stored.finish().map_err(|error| cut_off(part, error))?;
        if let Some(error) = too_long(bytes) {
            return Err(error);
        }
        if let Some(StoredLayer { digest, size }) = planned.stored {
            if digest != found {
                return Err(refused(format!(
                    "its archive has the digest sha256:{found}, and sha256:{digest} is expected"
                )));
            }
            if size != bytes {
                return Err(refused(format!("its archive has {bytes} bytes, and the manifest says {size}")));
            }
        }
        let record = place.join("contents");
        let file = File::create(&record).map_err(ImageError::io("create", &record))?;
        contents.write(&file).map_err(ImageError::io("write", &record))?;
        Ok(LayerTree { contents, place, is_new: true })
    }

    /// Unpacks the archive into `tree`, and verifies the digest of the uncompressed archive.
    fn unpack_archive(
        &self,
        planned: &PlannedLayer,
        part: &str,
        budget: &mut Budget<'_>,
        tree: &Path,
        stored: &mut dyn Read,
    ) -> Result<Contents, ImageError> {
        let refused = |reason: String| ImageError::refused(part, reason);
        let into = Beneath::open(tree).map_err(ImageError::io("open", tree))?;
        let plain = decoder_of(planned.compression, stored).map_err(|error| cut_off(part, error))?;
        let mut plain = Hashing::new(plain);
        let contents = layer::unpack(&mut plain, &into, budget).map_err(|fault| match fault {
            LayerFault::Refused(reason) => refused(reason),
            LayerFault::Full(needed) => ImageError::Full { needed, bound: self.disk_max },
            LayerFault::Read(error) => cut_off(part, error),
            LayerFault::Write { path, source } => ImageError::io("write", &tree.join(path))(source),
        })?;
        let found = plain.finish_within(PADDING_MAX).map_err(|error| cut_off(part, error))?;
        if found != planned.diff_id {
            return Err(refused(format!("its uncompressed archive has the digest sha256:{found}")));
        }
        Ok(contents)
    }
}

fn cut_off(part: &str, error: io::Error) -> ImageError {
    ImageError::refused(part, format!("its archive is corrupt or truncated: {error}"))
}

/// Name of the file that lists the layers of a root.
pub(super) fn layers_name(id: &ContentHash) -> String {
    format!("{id}.layers")
}

/// The entries of a directory of the store whose names are hashes.
pub(super) fn hashes_in(directory: &Path) -> Result<Vec<ContentHash>, ImageError> {
    let mut hashes = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(ImageError::io("read", directory))? {
        let entry = entry.map_err(ImageError::io("read", directory))?;
        hashes.extend(entry.file_name().to_str().and_then(|name| name.parse::<ContentHash>().ok()));
    }
    Ok(hashes)
}
