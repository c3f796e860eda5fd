//! The container images of this node: where they are, and what languages find in them.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use cupel_images::{Image, ImageStore, RootInUse};
use cupel_languages::{FoundImage, HostProbe, Probe};
use cupel_runner::native;
use cupel_types::{ImageName, ImageRoot, Root, chain};

use crate::config::Config;
use crate::data_dir::DataDir;
use crate::local;

/// Directories in which programs are searched if an image has no `PATH`. Source: Docker.
const PATH_DEFAULT: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// User id of programs if an image names no user, or root.
const UID_DEFAULT: u32 = 1000;

/// The store in the configured directory, or below the data directory. A command on a machine where no server has started uses
/// the user's own directory. `None` if that has none.
pub(crate) fn store(config: &Config) -> Option<ImageStore> {
    let directory = match &config.images.directory {
        Some(directory) => directory.clone(),
        None if DataDir::has_database(&config.data) => config.data.join(DIRECTORY),
        None => local::user_cache()?.join(DIRECTORY),
    };
    Some(open(config, &directory))
}

/// The store of a server.
pub(crate) fn of_server(config: &Config, data: &DataDir) -> ImageStore {
    let directory = config.images.directory.clone().unwrap_or_else(|| data.path().join(DIRECTORY));
    open(config, &directory)
}

/// Name of the store's directory in a data directory.
pub(crate) const DIRECTORY: &str = "images";

fn open(config: &Config, directory: &Path) -> ImageStore {
    // The sandbox accepts no link on the way to the roots.
    let parent = directory.parent().and_then(|parent| std::fs::canonicalize(parent).ok());
    let directory = match (std::fs::canonicalize(directory), parent, directory.file_name()) {
        (Ok(found), _, _) => found,
        (Err(_), Some(parent), Some(name)) => parent.join(name),
        _ => directory.to_owned(),
    };
    ImageStore::new(directory, config.images.disk_max.get())
}

fn list(store: Option<&ImageStore>) -> Result<Vec<Image>, String> {
    store.map_or(Ok(Vec::new()), |store| store.list().map_err(|error| chain(&error)))
}

/// Probes the toolchains of this machine and of its images.
pub(crate) struct MachineProbe {
    host: HostProbe,
    store: Option<ImageStore>,
    /// The images, or why they cannot be read.
    images: Result<Vec<Image>, String>,
    /// Keeps the images that were found on the disk for as long as this value exists.
    held: Mutex<Vec<RootInUse>>,
}

impl MachineProbe {
    pub(crate) fn new(store: Option<ImageStore>) -> MachineProbe {
        let images = list(store.as_ref());
        MachineProbe { host: HostProbe::default(), store, images, held: Mutex::default() }
    }

    /// Reads the list of images again.
    pub(crate) fn read_again(&mut self) {
        self.images = list(self.store.as_ref());
    }

    /// The file that lists the images.
    pub(crate) fn index(&self) -> Option<PathBuf> {
        self.store.as_ref().map(ImageStore::index)
    }

    fn root_of(&self, image: &FoundImage) -> Result<(PathBuf, Arc<ImageRoot>), String> {
        match (&self.store, &image.root) {
            (Some(store), Root::Image(root)) => Ok((store.roots(), root.clone())),
            _ => Err("this process has no images".to_owned()),
        }
    }
}

impl Probe for MachineProbe {
    fn version(&self, command: &[String]) -> Result<String, String> {
        self.host.version(command)
    }

    fn is_installed(&self, program: &str) -> bool {
        self.host.is_installed(program)
    }

    fn image(&self, name: &ImageName) -> Result<FoundImage, String> {
        let images = self.images.as_ref().map_err(Clone::clone)?;
        let found = images.iter().find(|image| image.name == *name);
        let (Some(image), Some(store)) = (found, &self.store) else {
            return Err(format!(
                "the image `{name}` is not on this machine; add it with `cupel images add {name} SOURCE`"
            ));
        };
        let held = store.hold(&image.id).map_err(|error| chain(&error))?;
        let mut all = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if !all.iter().any(|other| other.path() == held.path()) {
            all.push(held);
        }
        drop(all);
        let path = image.config.env.iter().find(|(name, _)| name == "PATH").map_or(PATH_DEFAULT, |(_, path)| path);
        let search = path.split(':').filter(|part| part.starts_with('/')).map(str::to_owned).collect();
        let root = ImageRoot { id: image.id, search, uid: image.uid.unwrap_or(UID_DEFAULT) };
        Ok(FoundImage {
            digest: image.digest.unwrap_or(image.id),
            env: image.config.env.clone(),
            root: Root::Image(Arc::new(root)),
        })
    }

    fn version_in(&self, image: &FoundImage, command: &[String]) -> Result<String, String> {
        let (roots, root) = self.root_of(image)?;
        native::run_in_image(&roots, &root, command, &image.env)
    }

    fn is_installed_in(&self, image: &FoundImage, program: &str) -> bool {
        let Ok((roots, root)) = self.root_of(image) else { return false };
        let directory = roots.join(root.id.to_string());
        let paths: Vec<String> = match program.starts_with('/') {
            true => vec![program.to_owned()],
            false => root.search.iter().map(|part| format!("{part}/{program}")).collect(),
        };
        paths.iter().any(|path| cupel_images::is_program(&directory, Path::new(path)))
    }
}
