//! The image store of a node: a directory with layers, roots and the index of their names.
//!
//! Several processes may use one directory: a server, and commands beside it. An addition becomes visible by a rename,
//! and a removal begins with a rename. Locks synchronise the processes (`locks.rs`).

mod add;
mod build_root;
mod files;
mod layers;
mod locks;
mod names;
mod prune;
mod verify;

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use cupel_types::ContentHash;
use rustix::fs::{AtFlags, Gid, Mode, Uid};
use rustix::io::Errno;

use crate::beneath::{self, Beneath};
use crate::bounds::ImageBounds;
use crate::error::ImageError;

pub use add::AddedImage;
pub use locks::RootInUse;
pub use prune::Pruned;

/// Name of the file that lists the images.
const INDEX: &str = "index.json";

/// The images of a node.
#[derive(Clone, Debug)]
pub struct ImageStore {
    directory: PathBuf,
    bounds: ImageBounds,
    /// Maximum total size of all layers, in bytes.
    disk_max: u64,
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

    /// The directory of the store.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The directory whose entries are the roots, by the ids of their images.
    pub fn roots(&self) -> PathBuf {
        self.directory.join("roots")
    }

    /// The file that lists the images. It changes when an image is added or removed.
    pub fn index(&self) -> PathBuf {
        self.directory.join(INDEX)
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

    /// The file that lists the layers of a root.
    fn layers_of_root(&self, id: &ContentHash) -> PathBuf {
        self.roots().join(layers::layers_name(id))
    }

    /// Creates the store's directories, so that a sandbox can mount [`ImageStore::roots`] before the first image is
    /// added. If root creates them in a directory of another user, they belong to that user.
    ///
    /// # Errors
    /// A directory cannot be created.
    pub fn create(&self) -> Result<(), ImageError> {
        std::fs::create_dir_all(&self.directory).map_err(ImageError::io("create", &self.directory))?;
        let store = Beneath::open(&self.directory).map_err(|error| match error.raw_os_error().map(Errno::from_raw_os_error) {
            Some(Errno::NOTDIR | Errno::LOOP) => ImageError::io("open", &self.directory)(io::Error::other(
                "it is not a directory, or it is a symbolic link that neither root nor this user has made; remove it, or \
                 replace it as root",
            )),
            _ => ImageError::io("open", &self.directory)(error),
        })?;
        for name in ["layers", "roots", "incoming", "locks"] {
            let path = self.directory.join(name);
            match rustix::fs::mkdirat(store.as_fd(), name, Mode::from_raw_mode(0o777)) {
                Ok(()) | Err(Errno::EXIST) => {
                    let part = self.part(name).map_err(ImageError::io("open", &path))?;
                    give_to_owner(&store, &part).map_err(ImageError::io("change the owner of", &path))?;
                }
                // A store on a read-only file system, or of another user, is complete if it has its directories.
                Err(errno) => drop(self.part(name).map_err(|_| ImageError::io("create", &path)(errno.into()))?),
            }
        }
        Ok(())
    }
}

/// Gives an empty directory of the store that belongs to root to the owner of the store, who could not change it
/// otherwise. It is new, or an earlier version of Cupel left it to root.
fn give_to_owner(store: &Beneath, part: &OwnedFd) -> io::Result<()> {
    if !rustix::process::geteuid().is_root() {
        return Ok(());
    }
    let (store, about) = (rustix::fs::fstat(store)?, rustix::fs::fstat(part)?);
    if store.st_uid == 0 || about.st_uid != 0 || !beneath::list(part.as_fd())?.is_empty() {
        return Ok(());
    }
    let (owner, group) = (Uid::from_raw(store.st_uid), Gid::from_raw(store.st_gid));
    match rustix::fs::chownat(part, c"", Some(owner), Some(group), AtFlags::EMPTY_PATH) {
        // Root lacks the capability, the owner has no id in this user namespace, or the file system is read-only. The
        // store then works for every process that may write to it.
        Err(Errno::PERM | Errno::INVAL | Errno::ROFS) => Ok(()),
        other => Ok(other?),
    }
}

fn remove_tree(path: &Path) -> Result<(), ImageError> {
    std::fs::remove_dir_all(path).map_err(ImageError::io("remove", path))
}
