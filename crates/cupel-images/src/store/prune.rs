//! Removes images, and the layers and roots that no name needs.

use std::collections::HashSet;
use std::os::fd::AsFd;
use std::path::Path;

use cupel_types::{ContentHash, ImageName};

use super::ImageStore;
use super::files::remove_temporary;
use super::layers::hashes_in;
use super::locks::{Held, Incoming, root_lock};
use crate::beneath::{self, Beneath};
use crate::error::ImageError;

/// Result of [`ImageStore::prune`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Number of removed roots, to which no name referred.
    pub roots: usize,
    /// Number of removed layers, which neither an image nor a root in use has.
    pub layers: usize,
    /// Number of roots that are still in use, and are removed later.
    pub in_use: usize,
    /// Whether nothing was removed because an image was being added or verified. A later prune removes what no name
    /// needs.
    pub deferred: bool,
}

impl ImageStore {
    /// Removes a name, and the layers and roots that no other name needs, as [`ImageStore::prune`] does.
    ///
    /// # Errors
    /// There is no such image, or the store cannot be changed.
    pub fn remove(&self, name: &ImageName) -> Result<Pruned, ImageError> {
        self.get(name)?;
        self.change_index(|images| images.retain(|image| image.name != *name))?;
        self.prune()
    }

    /// Whether the store has a root or a layer that no name needs. [`ImageStore::prune`] removes it when it is not in
    /// use.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn has_unneeded(&self) -> Result<bool, ImageError> {
        let images = self.list()?;
        let is_needed = |id: &ContentHash| images.iter().any(|image| image.id == *id || image.layers.contains(id));
        let all = [hashes_in(&self.roots())?, hashes_in(&self.layers())?].concat();
        Ok(!all.iter().all(is_needed))
    }

    /// Removes the roots and layers that no name needs, and files of interrupted additions. A root that is in use keeps
    /// its layers. While an image is being added or verified, nothing is removed ([`Pruned::deferred`]).
    ///
    /// # Errors
    /// The store cannot be changed.
    pub fn prune(&self) -> Result<Pruned, ImageError> {
        Ok(self.try_to_prune()?.unwrap_or_else(|| {
            tracing::info!("an image is being added or verified; layers are removed by a later prune");
            Pruned { deferred: true, ..Pruned::default() }
        }))
    }

    /// Like [`ImageStore::prune`]. `None` if an image is being added or verified.
    ///
    /// # Errors
    /// The store cannot be changed.
    pub fn try_to_prune(&self) -> Result<Option<Pruned>, ImageError> {
        self.create()?;
        self.remove_abandoned()?;
        // Layers of an addition in progress do not have a name yet.
        let Some(_removing) = Held::exclusive_now(self.lock_file("store")?) else { return Ok(None) };
        let _lock = self.lock("index")?;
        let images = self.list()?;
        let roots: HashSet<_> = images.iter().map(|image| image.id).collect();
        let mut layers: HashSet<_> = images.iter().flat_map(|image| image.layers.iter().copied()).collect();
        let mut pruned = Pruned::default();
        for id in hashes_in(&self.roots())? {
            if roots.contains(&id) {
                continue;
            }
            let Some(_lock) = Held::exclusive_now(self.lock_file(&root_lock(&id))?) else {
                layers.extend(self.recorded_layers(&id)?);
                pruned.in_use += 1;
                continue;
            };
            self.remove_whole(&self.root(&id))?;
            pruned.roots += 1;
        }
        for diff_id in hashes_in(&self.layers())? {
            if !layers.contains(&diff_id) {
                self.remove_whole(&self.layer(&diff_id))?;
                pruned.layers += 1;
            }
        }
        self.remove_incomplete()?;
        Ok(Some(pruned))
    }

    /// Removes the incomplete files of interrupted additions, and the records of roots that do not exist. The caller
    /// has the locks `store` and `index`.
    fn remove_incomplete(&self) -> Result<(), ImageError> {
        let store = Beneath::open(&self.directory).map_err(ImageError::io("open", &self.directory))?;
        remove_temporary(&store.into()).map_err(ImageError::io("clean", &self.directory))?;
        for name in ["locks", "roots"] {
            let path = self.directory.join(name);
            let cleaned = self.part(name).and_then(|part| remove_temporary(&part));
            cleaned.map_err(ImageError::io("clean", &path))?;
        }
        let path = self.roots();
        let roots = self.part("roots").map_err(ImageError::io("open", &path))?;
        let entries = beneath::list(roots.as_fd()).map_err(ImageError::io("read", &path))?;
        let names: HashSet<_> = entries.into_iter().filter_map(|(name, _)| name.into_string().ok()).collect();
        for name in &names {
            if name.strip_suffix(".layers").is_some_and(|id| !names.contains(id)) {
                beneath::remove(roots.as_fd(), name.as_ref()).map_err(ImageError::io("remove", &path.join(name)))?;
            }
        }
        Ok(())
    }

    /// Removes a layer or a root. It is first renamed, so that an entry with its final name is always complete.
    fn remove_whole(&self, path: &Path) -> Result<(), ImageError> {
        // The lock is held until the end, so that no addition removes the directory meanwhile.
        let Incoming { directory: aside, _lock } = self.incoming()?;
        std::fs::rename(path, aside.path().join("removed")).map_err(ImageError::io("remove", path))?;
        aside.close().map_err(ImageError::io("remove", path))
    }
}
