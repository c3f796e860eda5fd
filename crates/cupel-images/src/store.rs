//! The image store of a node: a directory with layers, roots and the index of their names.
//!
//! Several processes may use one directory: a server and commands. Additions and removals take effect by a rename. File
//! locks (flock(2), which end with their process) coordinate the processes:
//!
//! * `store` is held shared by an addition, from before the search for known layers until the image has its name. It is
//!   held exclusively by a removal of layers and roots;
//! * `index` is held while the index is replaced;
//! * `incoming` is held while a directory is created in it, and while abandoned directories are searched;
//! * `root-ID` is held shared by a process that runs programs in that root ([`ImageStore::hold`]), so that a root in
//!   use is not removed.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::os::fd::AsFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use cupel_types::{ContentHash, ImageName};
use tempfile::TempDir;

use crate::beneath::{self, Beneath};
use crate::bounds::{Budget, Excess, ImageBounds};
use crate::contents::{Contents, RecordKind};
use crate::error::ImageError;
use crate::hashing::{Hashing, hash_of};
use crate::index::{DEFAULT_UID, Image, ImageConfig, ImageRow, IndexFile, VERSION};
use crate::layer::{self, LayerFault};
use crate::plan::{self, Blobs, Compression, Plan, PlannedLayer};
use crate::root;
use crate::source::{Archive, Layout, RegistryOptions, Selector, Source};

/// The images of a node.
#[derive(Clone, Debug)]
pub struct ImageStore {
    directory: PathBuf,
    bounds: ImageBounds,
    /// Maximum total size of all layers, in bytes.
    disk_max: u64,
}

/// Result of [`ImageStore::add`].
#[derive(Clone, Debug)]
pub struct AddedImage {
    /// The image.
    pub image: Image,
    /// Number of its layers that were unpacked now. The other layers were already in the store.
    pub layers_unpacked: usize,
    /// Bytes of the layers that were unpacked now.
    pub bytes_unpacked: u64,
    /// The image that had this name before, if it was a different image.
    pub replaced: Option<ContentHash>,
}

/// Result of [`ImageStore::prune`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Number of removed roots, to which no name referred.
    pub roots: usize,
    /// Number of removed layers, to which no image referred.
    pub layers: usize,
    /// Number of roots that are still in use, and are removed later.
    pub in_use: usize,
}

/// A layer of an image that is being added or verified.
struct LayerTree {
    contents: Contents,
    /// The directory with its files (`tree`) and its record (`contents`).
    place: PathBuf,
    /// Whether it has just been unpacked.
    is_new: bool,
}

/// Free space for new layers under the bound on disk space.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FreeSpace {
    pub(crate) bytes: u64,
    /// The bound in bytes.
    pub(crate) bound: u64,
}

/// Maximum bytes after the end of a layer's archive. tar(1) pads an archive to at most 1 MiB.
const PADDING_MAX: u64 = 1 << 20;

/// A directory of [`ImageStore::incoming`], which is removed when this value is dropped.
struct Incoming {
    directory: TempDir,
    _lock: File,
}

/// Keeps a root while it is in use.
#[derive(Debug)]
pub struct RootInUse {
    path: PathBuf,
    _lock: File,
}

impl RootInUse {
    /// The directory that programs see as `/`.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl ImageStore {
    /// The store in this directory, which is created when the first image is added.
    pub fn new(directory: impl Into<PathBuf>, disk_max: u64) -> ImageStore {
        ImageStore { directory: directory.into(), bounds: ImageBounds::default(), disk_max }
    }

    /// Sets other bounds on images.
    #[must_use]
    pub fn with_bounds(self, bounds: ImageBounds) -> ImageStore {
        ImageStore { bounds, ..self }
    }

    /// The directory whose entries are the roots, by the ids of their images.
    pub fn roots(&self) -> PathBuf {
        self.directory.join("roots")
    }

    /// The file that lists the images. It changes when an image is added or removed.
    pub fn index(&self) -> PathBuf {
        self.directory.join("index.json")
    }

    fn layers(&self) -> PathBuf {
        self.directory.join("layers")
    }

    fn layer(&self, diff_id: &ContentHash) -> PathBuf {
        self.layers().join(diff_id.to_string())
    }

    fn root(&self, id: &ContentHash) -> PathBuf {
        self.roots().join(id.to_string())
    }

    /// Creates the store's directories, so that a sandbox can mount [`ImageStore::roots`] before the first image is
    /// added.
    ///
    /// # Errors
    /// A directory cannot be created.
    pub fn create(&self) -> Result<(), ImageError> {
        for directory in [self.layers(), self.roots(), self.directory.join("incoming"), self.directory.join("locks")] {
            std::fs::create_dir_all(&directory).map_err(ImageError::io("create", &directory))?;
        }
        Ok(())
    }

    /// Adds an image under a name. If another image has the name, the name then refers to the new image. If space is
    /// lacking, layers and roots that no name needs are removed first.
    ///
    /// # Errors The source cannot be read, the image is refused, or the store has too little space. The existing images
    /// are then unchanged.
    pub fn add(
        &self,
        name: &ImageName,
        source: &Source,
        registries: &RegistryOptions,
    ) -> Result<AddedImage, ImageError> {
        match self.try_to_add(name, source, registries) {
            Err(full @ ImageError::Full { .. }) => match self.prune()?.layers {
                0 => Err(full),
                _ => self.try_to_add(name, source, registries),
            },
            other => other,
        }
    }

    fn try_to_add(
        &self,
        name: &ImageName,
        source: &Source,
        registries: &RegistryOptions,
    ) -> Result<AddedImage, ImageError> {
        self.create()?;
        self.remove_abandoned()?;
        let _adding = self.lock_shared("store")?;
        let incoming = self.incoming()?;
        match source {
            Source::Registry { reference } => {
                let layout = incoming.directory.path().join("layout");
                let is_known = |id: &ContentHash| self.layer(id).is_dir();
                let room = FreeSpace { bytes: self.room()?, bound: self.disk_max };
                let digest = crate::source::pull(reference, &layout, registries, &self.bounds, room, &is_known)?;
                let blobs = Layout::open(&layout).map_err(ImageError::io("open", &layout))?;
                let plan = plan::of_manifest(&blobs, &digest, &self.bounds)?;
                self.add_planned(name, source, &blobs, plan, &incoming)
            }
            Source::Path { path, selector } => {
                let unreadable = |error: io::Error| ImageError::Unreadable {
                    source_name: path.display().to_string(),
                    reason: error.to_string(),
                };
                if std::fs::metadata(path).map_err(unreadable)?.is_dir() {
                    let blobs = Layout::open(path).map_err(unreadable)?;
                    let plan = plan::of_layout(&blobs, selector.as_ref(), &self.bounds)?;
                    return self.add_planned(name, source, &blobs, plan, &incoming);
                }
                self.add_archive(name, source, path, selector.as_ref(), &incoming)
            }
            Source::Daemon { name: of_engine } => {
                let archive = incoming.directory.path().join("saved.tar");
                crate::source::save(of_engine, &archive, &self.bounds, registries)?;
                self.add_archive(name, source, &archive, None, &incoming)
            }
        }
    }

    /// Adds the image of an archive in a file.
    fn add_archive(
        &self,
        name: &ImageName,
        source: &Source,
        path: &Path,
        selector: Option<&Selector>,
        incoming: &Incoming,
    ) -> Result<AddedImage, ImageError> {
        let file = self.uncompressed(path, incoming.directory.path())?;
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

    /// Opens an archive. A compressed archive is first uncompressed into `incoming`, because its files are read in any
    /// order.
    fn uncompressed(&self, path: &Path, incoming: &Path) -> Result<File, ImageError> {
        let mut file = File::open(path).map_err(ImageError::io("open", path))?;
        let mut head = [0; 4];
        let n = file.read(&mut head).map_err(ImageError::io("read", path))?;
        file.seek(SeekFrom::Start(0)).map_err(ImageError::io("read", path))?;
        let compression = by_first_bytes(&head[..n]);
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
        let reader = decoder(compression, Box::new(BufReader::new(file))).map_err(damaged)?;
        let bound = self.bounds.bytes_max;
        let copied = io::copy(&mut reader.take(bound + 1), &mut to).map_err(damaged)?;
        if copied > bound {
            return Err(ImageError::refused("the archive", format!("it has more than {bound} bytes")));
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
        // From the lowest to the highest. The same layer may occur twice, for example an empty layer.
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

    /// Returns a layer of an image that is being added. If the store does not have the layer, it is unpacked into
    /// `incoming`.
    fn tree(
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

    fn excess(&self, part: &str, excess: Excess) -> ImageError {
        match excess {
            Excess::Bound(reason) => ImageError::refused(part, reason),
            Excess::Space(needed) => ImageError::Full { needed, bound: self.disk_max },
        }
    }

    /// The record of a layer of the store.
    fn contents_of(&self, diff_id: &ContentHash) -> Result<Option<Contents>, ImageError> {
        let path = self.layer(diff_id).join("contents");
        match File::open(&path) {
            Ok(file) => Contents::read(file).map(Some).map_err(ImageError::io("read", &path)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(ImageError::io("read", &path)(error)),
        }
    }

    /// Total size of the files of a layer of the store, in bytes.
    fn bytes_of(&self, diff_id: &ContentHash) -> Result<u64, ImageError> {
        let path = self.layer(diff_id).join("contents");
        let file = File::open(&path).map_err(ImageError::io("read", &path))?;
        Contents::read_bytes(file).map_err(ImageError::io("read", &path))
    }

    /// Unpacks a layer into `incoming`, and verifies its digests.
    fn unpack(
        &self,
        blobs: &dyn Blobs,
        planned: &PlannedLayer,
        part: &str,
        budget: &mut Budget<'_>,
        incoming: &Path,
    ) -> Result<LayerTree, ImageError> {
        let refused = |reason: String| ImageError::refused(part, reason);
        let cut_off = |error: io::Error| refused(format!("its archive is corrupt or truncated: {error}"));
        let blob = blobs.open(&planned.path).map_err(cut_off)?;
        let blob = blob.ok_or_else(|| refused(format!("the image does not contain `{}`", planned.path)))?;
        let place = incoming.join(format!("layer-{}", planned.diff_id));
        let tree = place.join("tree");
        std::fs::create_dir_all(&tree).map_err(ImageError::io("create", &tree))?;
        let into = Beneath::open(&tree).map_err(ImageError::io("open", &tree))?;
        let mut stored = Hashing::new(BufReader::with_capacity(128 * 1024, blob));
        let contents = {
            let plain = decoder_of(planned.compression, &mut stored).map_err(cut_off)?;
            let mut plain = Hashing::new(plain);
            let contents = layer::unpack(&mut plain, &into, budget).map_err(|fault| match fault {
                LayerFault::Refused(reason) => refused(reason),
                LayerFault::Full(needed) => ImageError::Full { needed, bound: self.disk_max },
                LayerFault::Read(error) => cut_off(error),
                LayerFault::Write { path, source } => ImageError::io("write", &tree.join(path))(source),
            })?;
            let found = plain.finish_within(PADDING_MAX).map_err(cut_off)?;
            if found != planned.diff_id {
                return Err(refused(format!("its uncompressed archive has the digest sha256:{found}")));
            }
            contents
        };
        let found = stored.finish().map_err(cut_off)?;
        if let Some(digest) = planned.digest
            && digest != found
        {
            return Err(refused(format!("its archive has the digest sha256:{found}, and sha256:{digest} is expected")));
        }
        let record = place.join("contents");
        let file = File::create(&record).map_err(ImageError::io("create", &record))?;
        contents.write(&file).map_err(ImageError::io("write", &record))?;
        Ok(LayerTree { contents, place, is_new: true })
    }

    /// Free bytes for new layers under the bound on disk space.
    fn room(&self) -> Result<u64, ImageError> {
        let mut used = 0;
        for diff_id in hashes_in(&self.layers())? {
            used += self.bytes_of(&diff_id)?;
        }
        Ok(self.disk_max.saturating_sub(used))
    }

    /// Creates the root of an image in a new directory. Returns its number of entries and the user id of its programs.
    fn build_root(
        &self,
        place: &Path,
        layers: &[Arc<LayerTree>],
        config: &ImageConfig,
    ) -> Result<(u64, Option<u32>), ImageError> {
        std::fs::create_dir(place).map_err(ImageError::io("create", place))?;
        // Set explicitly, because the umask of this process may be stricter.
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(place, mode).map_err(ImageError::io("create", place))?;
        let root = Beneath::open(place).map_err(ImageError::io("open", place))?;
        let mut entries = 0;
        for layer in layers {
            let tree = layer.place.join("tree");
            let opened = Beneath::open(&tree).map_err(ImageError::io("open", &tree))?;
            let added = root::add_layer(&root, &opened, &layer.contents);
            entries += added.map_err(ImageError::io("link the files of", &tree))?;
        }
        let uid = user_id(config, &root)?;
        root::complete(&root, uid.unwrap_or(DEFAULT_UID)).map_err(ImageError::io("complete", place))?;
        let top = beneath::list(root.as_fd()).map_err(ImageError::io("read", place))?.len();
        let bound = self.bounds.top_entries_max;
        if top > bound {
            let reason = format!("it has {top} entries, and at most {bound} are accepted");
            return Err(ImageError::refused("the root directory", reason));
        }
        Ok((entries, uid))
    }

    /// The images, sorted by name.
    ///
    /// # Errors
    /// The index cannot be read.
    pub fn list(&self) -> Result<Vec<Image>, ImageError> {
        let path = self.index();
        let text = match std::fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(ImageError::io("read", &path)(error)),
        };
        let damaged = |what: String| ImageError::io("read", &path)(io::Error::new(io::ErrorKind::InvalidData, what));
        let file: IndexFile = serde_json::from_slice(&text).map_err(|error| damaged(error.to_string()))?;
        if file.version != VERSION {
            return Err(damaged(format!("it has version {}, and this Cupel reads version {VERSION}", file.version)));
        }
        let images = file.images.into_iter().map(ImageRow::image).collect::<Option<Vec<_>>>();
        let mut images = images.ok_or_else(|| damaged("a name or a hash in it is damaged".to_owned()))?;
        images.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(images)
    }

    /// The image with this name.
    ///
    /// # Errors No image has this name, or the index cannot be read.
    pub fn get(&self, name: &ImageName) -> Result<Image, ImageError> {
        let found = self.list()?.into_iter().find(|image| image.name == *name);
        found.ok_or_else(|| ImageError::Unknown(name.clone()))
    }

    /// Checks an image. The files of its layers are compared with the hashes from the time of unpacking. Its root is
    /// compared with a new root from the same layers. Returns the paths of damaged, missing or added files.
    ///
    /// # Errors
    /// There is no such image, or the store cannot be read.
    pub fn verify(&self, name: &ImageName) -> Result<Vec<PathBuf>, ImageError> {
        self.create()?;
        let _reading = self.lock_shared("store")?;
        let image = self.get(name)?;
        let mut damaged = BTreeSet::new();
        let (mut layers, mut trees) = (Vec::new(), BTreeMap::<ContentHash, Arc<LayerTree>>::new());
        for diff_id in &image.layers {
            if let Some(known) = trees.get(diff_id) {
                layers.push(known.clone());
                continue;
            }
            let place = self.layer(diff_id);
            let tree = place.join("tree");
            let (Some(contents), Ok(layer)) = (self.contents_of(diff_id)?, Beneath::open(&tree)) else {
                damaged.insert(tree);
                continue;
            };
            for record in &contents.records {
                let is_whole = match record.kind {
                    RecordKind::File(hash) => match layer.file_in_root(&record.path) {
                        Ok(Some(file)) => Hashing::new(BufReader::with_capacity(128 * 1024, file))
                            .finish()
                            .is_ok_and(|found| found == hash),
                        _ => false,
                    },
                    RecordKind::Link(hash) => {
                        use std::os::unix::ffi::OsStrExt;
                        layer.link(&record.path).is_ok_and(|target| hash_of(target.as_os_str().as_bytes()) == hash)
                    }
                    RecordKind::Directory => layer.directory(&record.path).is_ok(),
                    RecordKind::HardLink => {
                        layer.link(&record.path).is_ok() || layer.file_in_root(&record.path).is_ok()
                    }
                    RecordKind::Whiteout | RecordKind::Opaque => true,
                };
                if !is_whole {
                    damaged.insert(Path::new("/").join(&record.path));
                }
            }
            let tree = Arc::new(LayerTree { contents, place, is_new: false });
            trees.insert(*diff_id, tree.clone());
            layers.push(tree);
        }
        // A damaged layer cannot be used for checking the root.
        if damaged.is_empty() {
            let incoming = self.incoming()?;
            let fresh = incoming.directory.path().join("root");
            self.build_root(&fresh, &layers, &image.config)?;
            let root = self.root(&image.id);
            damaged.extend(root::differences(&root, &fresh, usize::MAX).map_err(ImageError::io("read", &root))?);
        }
        Ok(damaged.into_iter().collect())
    }

    /// Removes a name, and the layers and roots that no other name needs.
    ///
    /// # Errors
    /// There is no such image, or the store cannot be changed.
    pub fn remove(&self, name: &ImageName) -> Result<Pruned, ImageError> {
        self.get(name)?;
        self.change_index(|images| images.retain(|image| image.name != *name))?;
        self.prune()
    }

    /// Removes the roots and layers that no name needs, and files of interrupted additions.
    ///
    /// # Errors
    /// The store cannot be changed.
    pub fn prune(&self) -> Result<Pruned, ImageError> {
        self.create()?;
        self.remove_abandoned()?;
        // Layers of an addition in progress do not have a name yet.
        let lock = self.lock_file("store")?;
        if lock.try_lock().is_err() {
            tracing::info!("an image is being added or verified; layers are removed by a later prune");
            return Ok(Pruned::default());
        }
        let _lock = self.lock("index")?;
        let images = self.list()?;
        let roots: HashSet<_> = images.iter().map(|image| image.id).collect();
        let layers: HashSet<_> = images.iter().flat_map(|image| &image.layers).collect();
        let mut pruned = Pruned::default();
        for id in hashes_in(&self.roots())? {
            if roots.contains(&id) {
                continue;
            }
            let lock = self.lock_file(&format!("root-{id}"))?;
            if lock.try_lock().is_err() {
                pruned.in_use += 1;
                continue;
            }
            self.remove_whole(&self.root(&id))?;
            pruned.roots += 1;
        }
        for diff_id in hashes_in(&self.layers())? {
            if !layers.contains(&diff_id) {
                self.remove_whole(&self.layer(&diff_id))?;
                pruned.layers += 1;
            }
        }
        Ok(pruned)
    }

    /// Keeps the root of an image until the result is dropped.
    ///
    /// # Errors
    /// The store has no such root.
    pub fn hold(&self, id: &ContentHash) -> Result<RootInUse, ImageError> {
        let path = self.root(id);
        let lock = self.lock_file(&format!("root-{id}"))?;
        lock.lock_shared().map_err(ImageError::io("lock", &path))?;
        std::fs::metadata(&path).map_err(ImageError::io("open", &path))?;
        Ok(RootInUse { path, _lock: lock })
    }

    /// Creates a directory for incomplete files. It is locked until the value is dropped.
    fn incoming(&self) -> Result<Incoming, ImageError> {
        let _lock = self.lock("incoming")?;
        let path = self.directory.join("incoming");
        let directory = TempDir::new_in(&path).map_err(ImageError::io("create a directory in", &path))?;
        let lock = File::open(directory.path()).map_err(ImageError::io("open", directory.path()))?;
        lock.try_lock().map_err(|error| ImageError::io("lock", directory.path())(error.into()))?;
        Ok(Incoming { directory, _lock: lock })
    }

    /// Removes the directories of interrupted additions, which no process has locked.
    fn remove_abandoned(&self) -> Result<(), ImageError> {
        let _lock = self.lock("incoming")?;
        let path = self.directory.join("incoming");
        for entry in std::fs::read_dir(&path).map_err(ImageError::io("read", &path))? {
            let path = entry.map_err(ImageError::io("read", &path))?.path();
            if File::open(&path).is_ok_and(|directory| directory.try_lock().is_ok())
                && let Err(error) = remove_tree(&path)
            {
                // The directory only wastes space. The next operation tries again.
                tracing::warn!(path = %path.display(), %error, "cannot remove the files of an interrupted addition");
            }
        }
        Ok(())
    }

    /// Removes a layer or a root. It is first renamed, so that an entry with its final name is always complete.
    fn remove_whole(&self, path: &Path) -> Result<(), ImageError> {
        let aside = self.incoming()?.directory;
        std::fs::rename(path, aside.path().join("removed")).map_err(ImageError::io("remove", path))?;
        aside.close().map_err(ImageError::io("remove", path))
    }

    fn lock_file(&self, name: &str) -> Result<File, ImageError> {
        let path = self.directory.join("locks").join(name);
        match File::options().create(true).append(true).open(&path) {
            // A process without write access to the store can also hold its roots.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => File::open(&path),
            other => other,
        }
        .map_err(ImageError::io("open", &path))
    }

    fn lock(&self, name: &str) -> Result<File, ImageError> {
        let file = self.lock_file(name)?;
        file.lock().map_err(ImageError::io("lock", &self.directory))?;
        Ok(file)
    }

    fn lock_shared(&self, name: &str) -> Result<File, ImageError> {
        let file = self.lock_file(name)?;
        file.lock_shared().map_err(ImageError::io("lock", &self.directory))?;
        Ok(file)
    }

    /// Replaces the index as a whole.
    fn change_index<T>(&self, change: impl FnOnce(&mut Vec<Image>) -> T) -> Result<T, ImageError> {
        let _lock = self.lock("index")?;
        let mut images = self.list()?;
        let result = change(&mut images);
        let file = IndexFile { version: VERSION, images: images.iter().map(ImageRow::of).collect() };
        let path = self.index();
        let failed = |error: io::Error| ImageError::io("write", &path)(error);
        let mut temporary = tempfile::NamedTempFile::new_in(&self.directory).map_err(failed)?;
        serde_json::to_writer_pretty(&mut temporary, &file).map_err(|error| failed(error.into()))?;
        temporary.as_file().sync_all().map_err(failed)?;
        temporary.persist(&path).map_err(|error| failed(error.error))?;
        Ok(result)
    }
}

/// The time in seconds since 1970.
#[expect(clippy::disallowed_methods, reason = "the time is only shown to users; this crate has no clock")]
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Renames a complete directory to its final name, unless another process was faster.
fn put_in_place(from: &Path, to: &Path) -> Result<(), ImageError> {
    match std::fs::rename(from, to) {
        Ok(()) => Ok(()),
        Err(error) if matches!(error.kind(), io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::AlreadyExists) => {
            remove_tree(from)
        }
        Err(error) => Err(ImageError::io("create", to)(error)),
    }
}

fn remove_tree(path: &Path) -> Result<(), ImageError> {
    std::fs::remove_dir_all(path).map_err(ImageError::io("remove", path))
}

/// The entries of a directory of the store whose names are hashes.
fn hashes_in(directory: &Path) -> Result<Vec<ContentHash>, ImageError> {
    let mut hashes = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(ImageError::io("read", directory))? {
        let entry = entry.map_err(ImageError::io("read", directory))?;
        hashes.extend(entry.file_name().to_str().and_then(|name| name.parse::<ContentHash>().ok()));
    }
    Ok(hashes)
}

/// Recognises the compression of an archive. Sources: RFC 1952 (gzip), RFC 8878 (zstd).
fn by_first_bytes(head: &[u8]) -> Compression {
    match head {
        [0x1f, 0x8b, ..] => Compression::Gzip,
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Compression::Zstd,
        _ => Compression::None,
    }
}

fn decoder<'a>(compression: Compression, mut from: Box<dyn Read + 'a>) -> io::Result<Box<dyn Read + 'a>> {
    Ok(match compression {
        Compression::None => from,
        Compression::Gzip => Box::new(flate2::read::MultiGzDecoder::new(from)),
        Compression::Zstd => {
            let mut decoder = zstd::stream::read::Decoder::new(from)?;
            // 128 MiB, the window that every decoder should support (RFC 8878, 3.1.1.1.2, recommends at least 8 MiB).
            decoder.window_log_max(27)?;
            Box::new(decoder)
        }
        Compression::Unknown => {
            let mut head = Vec::new();
            (&mut from).take(4).read_to_end(&mut head)?;
            let compression = by_first_bytes(&head);
            return decoder(compression, Box::new(io::Cursor::new(head).chain(from)));
        }
    })
}

fn decoder_of<'a>(compression: Compression, from: &'a mut dyn Read) -> io::Result<Box<dyn Read + 'a>> {
    decoder(compression, Box::new(from))
}

/// The user id of an image's programs, from `USER`: a number, or a name in its `/etc/passwd`. `None` for root, because
/// no program runs as root.
fn user_id(config: &ImageConfig, root: &Beneath) -> Result<Option<u32>, ImageError> {
    let Some(user) = &config.user else { return Ok(None) };
    let name = user.split(':').next().unwrap_or_default();
    let id = match name.parse::<u32>() {
        Ok(id) => Some(id),
        Err(_) => {
            let passwd = match root.file(Path::new("etc/passwd")) {
                Ok(Some(file)) => root::read_text(file).ok().flatten().unwrap_or_default(),
                _ => String::new(),
            };
            let line = passwd.lines().find(|line| line.split(':').next() == Some(name));
            line.and_then(|line| line.split(':').nth(2)?.parse().ok())
        }
    };
    match id {
        Some(0) => Ok(None),
        // The kernel uses the largest id for "no change".
        Some(id) if id < u32::MAX => Ok(Some(id)),
        _ => Err(ImageError::refused(
            "the configuration",
            format!("its user `{user}` is not in the image's /etc/passwd"),
        )),
    }
}
