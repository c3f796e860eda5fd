//! Verifies the files of an image: its layers by their hashes, and its root against a new one.

use std::collections::{BTreeMap, BTreeSet};
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cupel_types::{ContentHash, ImageName};

use super::ImageStore;
use super::layers::LayerTree;
use crate::beneath::Beneath;
use crate::contents::RecordKind;
use crate::error::ImageError;
use crate::hashing::{Hashing, hash_of};
use crate::root;

impl ImageStore {
    /// Checks an image. The files of its layers are compared with the hashes from the time of unpacking. If the layers
    /// are undamaged, the image's root is compared with a new root from the same layers. Returns the paths of damaged,
    /// missing or added files, as programs see them; for a missing layer, its directory in the store.
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
                            .is_ok_and(|(found, _)| found == hash),
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
        // The root can be checked only against undamaged layers.
        if damaged.is_empty() {
            let incoming = self.incoming()?;
            let fresh = incoming.directory.path().join("root");
            self.build_root(&fresh, &layers, &image.config)?;
            let root = self.root(&image.id);
            damaged.extend(root::differences(&root, &fresh, usize::MAX).map_err(ImageError::io("read", &root))?);
        }
        Ok(damaged.into_iter().collect())
    }
}
