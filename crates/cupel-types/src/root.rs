//! The directory that a program sees as `/`.

use std::any::Any;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::ContentHash;

/// The directory that a program sees as `/`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Root {
    /// The toolchains of the machine.
    #[default]
    System,
    /// The files of a container image.
    Image(Arc<ImageRoot>),
    /// A container image of Docker Engine, in a separate container.
    Docker(Arc<ImageRoot>),
}

/// The files of a container image, and the settings with which its programs start.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ImageRoot {
    /// Hash of the image's configuration, which contains the digests of its layers.
    pub id: ContentHash,
    /// Directories that are searched for programs: the image's `PATH`.
    pub search: Vec<String>,
    /// User id of programs; not 0.
    pub uid: u32,
    /// The image's `WORKDIR`, as [`ImageRoot::working_directory`] returns it. Programs find its entries in `/box`,
    /// their own working directory.
    pub directory: Option<String>,
    /// Prevents the removal of the files for as long as a copy of this value exists.
    pub held: Held,
}

impl ImageRoot {
    /// Maximum number of entries of the image's `WORKDIR` that programs find in their working directory.
    pub const LINKED_MAX: usize = 1000;

    /// The directory that an image names as its `WORKDIR`, without `/` at the end. `None` if its entries are not shown:
    /// `/` is the default of an image, and a relative path has no meaning.
    pub fn working_directory(named: Option<&str>) -> Option<String> {
        let path = named?.trim_end_matches('/');
        (path.starts_with('/') && path.len() < 4096 && !path.contains('\0')).then(|| path.to_owned())
    }
}

/// Prevents the removal of an image's files while a clone exists. The default holds nothing: Docker Engine keeps the
/// files of its images itself. Holds are equal, because they do not change what a program sees.
#[derive(Clone, Default)]
pub struct Held(Option<Arc<Hold>>);

struct Hold {
    number: u64,
    /// Releases the files when it is dropped.
    _guard: Box<dyn Any + Send + Sync>,
}

impl Held {
    /// Holds the files until all clones are dropped, which drops `guard`.
    pub fn by(guard: impl Any + Send + Sync) -> Held {
        static HOLDS: AtomicU64 = AtomicU64::new(1);
        let number = HOLDS.fetch_add(1, Ordering::Relaxed);
        Held(Some(Arc::new(Hold { number, _guard: Box::new(guard) })))
    }

    /// The number of this hold, which no other hold of this process has; 0 for the default. Files that were seen under
    /// another number may have been removed and unpacked again since then.
    pub fn number(&self) -> u64 {
        self.0.as_ref().map_or(0, |hold| hold.number)
    }

    /// A reference that does not keep the files; `None` for the default.
    pub fn downgrade(&self) -> Option<WeakHeld> {
        self.0.as_ref().map(|hold| WeakHeld(Arc::downgrade(hold)))
    }
}

/// A reference to a [`Held`] that does not keep the files.
pub struct WeakHeld(std::sync::Weak<Hold>);

impl WeakHeld {
    /// The hold, unless it has ended.
    pub fn upgrade(&self) -> Option<Held> {
        self.0.upgrade().map(|hold| Held(Some(hold)))
    }
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Held").field(&self.number()).finish()
    }
}

impl PartialEq for Held {
    fn eq(&self, _: &Held) -> bool {
        true
    }
}

impl Eq for Held {}

impl Hash for Held {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

impl Root {
    /// The image, if the root is one of the native sandbox.
    pub fn image(&self) -> Option<&Arc<ImageRoot>> {
        match self {
            Root::System | Root::Docker(_) => None,
            Root::Image(image) => Some(image),
        }
    }

    /// The image, if programs run in Docker Engine.
    pub fn docker(&self) -> Option<&Arc<ImageRoot>> {
        match self {
            Root::System | Root::Image(_) => None,
            Root::Docker(image) => Some(image),
        }
    }
}
