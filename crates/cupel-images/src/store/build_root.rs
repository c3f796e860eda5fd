//! Builds the root of an image from its layers.

use std::os::fd::AsFd;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use super::ImageStore;
use super::layers::LayerTree;
use crate::beneath::{self, Beneath};
use crate::error::ImageError;
use crate::index::{DEFAULT_UID, ImageConfig};
use crate::root;

impl ImageStore {
    /// Creates the root of an image in a new directory. Returns the number of entries of its layers and the
    /// user id of its programs.
    pub(super) fn build_root(
        &self,
        place: &Path,
        layers: &[Arc<LayerTree>],
        config: &ImageConfig,
    ) -> Result<(u64, Option<u32>), ImageError> {
        std::fs::create_dir(place).map_err(ImageError::io("create", place))?;
        // The mode is set explicitly, because the umask of this process may be stricter.
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
}

/// The user id of an image's programs, from `USER`: a number, or a name in its `/etc/passwd`. `None` if the image names
/// no user, or root, because no program runs as root.
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
        Some(id) => {
            let reason = format!("its user `{user}` has the id {id}, which no user can have");
            Err(ImageError::refused("the configuration", reason))
        }
        None => {
            let reason = format!("its user `{user}` is not in the image's /etc/passwd");
            Err(ImageError::refused("the configuration", reason))
        }
    }
}
