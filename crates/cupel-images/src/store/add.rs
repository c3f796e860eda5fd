//! Adds images: reads the source, unpacks new layers, builds the root, and renames everything to its final place.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use cupel_types::{ContentHash, ImageName};

use super::layers::LayerTree;
use super::locks::{Incoming, root_lock};
use super::{ImageStore, remove_tree};
use crate::bounds::{Budget, FreeSpace};
use crate::compression::{Compression, by_first_bytes, decoder};
use crate::error::ImageError;
use crate::index::Image;
use crate::plan::{self, Blobs, Plan};
use crate::root;
use crate::source::{Archive, Content, Layout, OpenedSource, RegistryOptions, Selector, Source};

/// Result of [`ImageStore::add`].
#[derive(Clone, Debug)]
pub struct AddedImage {
    /// The image.
    pub image: Image,
    /// Number of the image's layers that this call unpacked. The other layers were already in the store.
    pub layers_unpacked: usize,
    /// Bytes of the layers that this call unpacked.
    pub bytes_unpacked: u64,
    /// The image that had this name before, if it was a different image.
    pub replaced: Option<ContentHash>,
}

impl ImageStore {
    /// Adds an image under a name. If another image has the name, the name then refers to the new image. If space is
    /// lacking, layers and roots that no name needs are removed first.
    ///
    /// # Errors
    /// The source cannot be read, the image is refused, the store has too little space or cannot be changed, or it has
    /// a damaged root of the same image. The existing images are then unchanged.
    pub fn add(
        &self,
        name: &ImageName,
        source: &Source,
        registries: &RegistryOptions,
    ) -> Result<AddedImage, ImageError> {
        self.add_opened(name, &source.open()?, registries)
    }

    /// Like [`ImageStore::add`], with an opened source.
    ///
    /// # Errors
    /// As for [`ImageStore::add`].
    pub fn add_opened(
        &self,
        name: &ImageName,
        opened: &OpenedSource<'_>,
        registries: &RegistryOptions,
    ) -> Result<AddedImage, ImageError> {
        match self.try_to_add(name, opened, registries) {
            Err(full @ ImageError::Full { .. }) => match self.prune()?.layers {
                0 => Err(full),
                _ => self.try_to_add(name, opened, registries),
            },
            other => other,
        }
    }

    fn try_to_add(
        &self,
        name: &ImageName,
        opened: &OpenedSource<'_>,
        registries: &RegistryOptions,
    ) -> Result<AddedImage, ImageError> {
        self.create()?;
        self.remove_abandoned()?;
        let _adding = self.lock_shared("store")?;
        let incoming = self.incoming()?;
        let source = opened.source;
        match &opened.content {
            Content::Layout(blobs, selector) => {
                let plan = plan::of_layout(blobs, *selector, &self.bounds)?;
                self.add_planned(name, source, blobs, plan, &incoming)
            }
            Content::Archive(file, selector) => self.add_archive(name, source, file, *selector, &incoming),
            Content::Daemon(of_engine) => {
                let archive = incoming.directory.path().join("saved.tar");
                crate::source::save(of_engine, &archive, &self.bounds, registries)?;
                let file = File::open(&archive).map_err(ImageError::io("open", &archive))?;
                self.add_archive(name, source, &file, None, &incoming)
            }
            Content::Registry(reference) => {
                let layout = incoming.directory.path().join("layout");
                let is_known = |id: &ContentHash| self.layer(id).is_dir();
                let room = FreeSpace { bytes: self.room()?, bound: self.disk_max };
                let digest = crate::source::pull(reference, &layout, registries, &self.bounds, room, &is_known)?;
                let blobs = Layout::open(&layout).map_err(ImageError::io("open", &layout))?;
                let plan = plan::of_manifest(&blobs, &digest, &self.bounds)?;
                self.add_planned(name, source, &blobs, plan, &incoming)
            }
        }
    }

    /// Adds the image of an archive in a file.
    fn add_archive(
        &self,
        name: &ImageName,
        source: &Source,
        file: &File,
        selector: Option<&Selector>,
        incoming: &Incoming,
    ) -> Result<AddedImage, ImageError> {
        let file = self.uncompressed(file, incoming.directory.path())?;
        let blobs = Archive::open(file)
            .map_err(|error| ImageError::refused("the archive", format!("it cannot be read: {error}")))?;
        let plan = match (blobs.contains("index.json"), blobs.contains("manifest.json")) {
            (true, _) => plan::of_layout(&blobs, selector, &self.bounds)?,
            (false, true) => plan::of_saved(&blobs, selector, &self.bounds)?,
            (false, false) => {
                let reason = "it contains neither `index.json` (OCI layout) nor `manifest.json` (`docker save`)";
                return Err(ImageError::refused("the archive", reason));
            }
        };
        self.add_planned(name, source, &blobs, plan, incoming)
    }

    /// The file of an archive, at its start. A compressed archive is first uncompressed into `incoming`, because its
    /// files are read in any order.
    fn uncompressed(&self, file: &File, incoming: &Path) -> Result<File, ImageError> {
        let head = |mut file: &File| -> io::Result<Vec<u8>> {
            let mut head = Vec::new();
            file.seek(SeekFrom::Start(0))?;
            file.take(4).read_to_end(&mut head)?;
            file.seek(SeekFrom::Start(0))?;
            Ok(head)
        };
        let unreadable = |error: io::Error| ImageError::refused("the archive", format!("it cannot be read: {error}"));
        let head = head(file).map_err(unreadable)?;
        let file = file.try_clone().map_err(unreadable)?;
        let compression = by_first_bytes(&head);
        if compression == Compression::None {
            return Ok(file);
        }
        let plain = incoming.join("archive.tar");
        let mut to = File::options()
            .read(true)
            .write(true)
            .create_new(true)
            .open(&plain)
            .map_err(ImageError::io("create", &plain))?;
        let damaged =
            |error: io::Error| ImageError::refused("the archive", format!("it cannot be uncompressed: {error}"));
        let mut reader = decoder(compression, Box::new(BufReader::new(file))).map_err(damaged)?;
        let bound = self.bounds.bytes_max;
        let (mut copied, mut block) = (0, vec![0; 1 << 16]);
        loop {
            let read = match reader.read(&mut block) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(damaged(error)),
            };
            copied += read as u64;
            if copied > bound {
                return Err(ImageError::refused("the archive", format!("it has more than {bound} bytes")));
            }
            to.write_all(&block[..read]).map_err(ImageError::io("write", &plain))?;
        }
        to.seek(SeekFrom::Start(0)).map_err(ImageError::io("read", &plain))?;
        Ok(to)
    }

    fn add_planned(
        &self,
        name: &ImageName,
        source: &Source,
        blobs: &dyn Blobs,
        plan: Plan,
        incoming: &Incoming,
    ) -> Result<AddedImage, ImageError> {
        let mut budget = Budget::new(&self.bounds, self.room()?);
        // The layers from the lowest to the highest. The same layer may occur twice, for example an empty layer.
        let mut layers: Vec<Arc<LayerTree>> = Vec::new();
        let mut trees: BTreeMap<ContentHash, Arc<LayerTree>> = BTreeMap::new();
        for (at, planned) in plan.layers.iter().enumerate() {
            let part = plan::part(at, plan.layers.len(), &planned.diff_id);
            let tree = match trees.entry(planned.diff_id) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(place) => {
                    let tree = self.tree(blobs, planned, &part, &mut budget, incoming.directory.path())?;
                    place.insert(Arc::new(tree))
                }
            };
            layers.push(tree.clone());
        }
        let place = incoming.directory.path().join("root");
        let (entries, uid) = self.build_root(&place, &layers, &plan.config)?;
        let contents = || trees.values().map(|tree| &tree.contents);
        let image = Image {
            name: name.clone(),
            id: plan.id,
            digest: plan.digest,
            source: source.to_string(),
            added: now(),
            architecture: plan.architecture,
            layers: plan.layers.iter().map(|layer| layer.diff_id).collect(),
            bytes: contents().map(|layer| layer.bytes).sum(),
            entries,
            left_out: contents().map(|layer| layer.left_out).sum(),
            privileges_dropped: contents().map(|layer| layer.privileges_dropped).sum(),
            config: plan.config,
            uid,
        };
        // The image is accepted. Its files must be durable before they get their final names.
        let directory = File::open(&place).map_err(ImageError::io("open", &place))?;
        rustix::fs::syncfs(&directory).map_err(|errno| ImageError::io("write", &place)(errno.into()))?;
        let new = || trees.iter().filter(|(_, tree)| tree.is_new);
        for (diff_id, tree) in new() {
            put_in_place(&tree.place, &self.layer(diff_id))?;
        }
        let root = self.root(&image.id);
        if root.is_dir() {
            let differing = root::differences(&root, &place, 1).map_err(ImageError::io("read", &root))?;
            if let Some(path) = differing.first() {
                return Err(ImageError::Damaged { path: crate::beneath::shown(path) });
            }
        } else {
            // The user of the running server may not be able to create it later.
            self.lock_file(&root_lock(&image.id))?;
            self.record_layers(&image)?;
            put_in_place(&place, &root)?;
        }
        let replaced = self.change_index(|images| {
            let before = images.iter().position(|known| known.name == *name).map(|at| images.remove(at).id);
            images.push(image.clone());
            before.filter(|id| *id != image.id)
        })?;
        let bytes_unpacked = new().map(|(_, tree)| tree.contents.bytes).sum();
        Ok(AddedImage { image, layers_unpacked: new().count(), bytes_unpacked, replaced })
    }
}

/// The time in seconds since 1970.
#[expect(clippy::disallowed_methods, reason = "the time is only shown to users; this crate has no clock")]
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Renames a complete directory to its final name, unless another process has already done so.
fn put_in_place(from: &Path, to: &Path) -> Result<(), ImageError> {
    match std::fs::rename(from, to) {
        Ok(()) => Ok(()),
        Err(error) if matches!(error.kind(), io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::AlreadyExists) => {
            remove_tree(from)
        }
        Err(error) => Err(ImageError::io("create", to)(error)),
    }
}
