//! The container images of this node: their location, the toolchains in them, their management through the API, and the
//! pulls of images whose source a language file gives (`images/pulls.rs`).

mod pulls;

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::MetadataExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::SystemTime;

use async_trait::async_trait;
use cupel_core::images::{
    Addition, ImageDescription, ImageEntry, Images, ImagesError, Pruned, ReadyImage, Verification,
};
use cupel_core::{Clock as _, SystemClock};
use cupel_images::{AddedImage, Image, ImageError, ImageStore, RegistryOptions, Source, SourceError};
use cupel_languages::{
    FoundImage, HostProbe, ImageExecutor, Language, LanguageFault, LibraryPackage, LoadError, Probe, Pulling, Registry,
};
use cupel_runner::{Containers, DockerSettings};
use cupel_types::{ContentHash, Held, ImageName, ImageRoot, Root, WeakHeld, chain};
use tokio::task::JoinHandle;

use crate::config::Config;
use crate::data_dir::{self, DataDir};
use crate::local;

pub(crate) use pulls::{Pulls, pause, pull};

/// Directories that are searched for programs if an image sets no `PATH`. Source: Docker.
const PATH_DEFAULT: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The store in the configured directory, or below the data directory. A command on a machine where no server has
/// started uses the user's cache directory. `None` if the user has no cache directory.
pub(crate) fn store(config: &Config) -> Option<ImageStore> {
    let directory = match &config.images.directory {
        Some(directory) => directory.clone(),
        None => match local::servers_data(config) {
            Some(data) => data.join(DIRECTORY),
            None => data_dir::user_cache()?.join(DIRECTORY),
        },
    };
    Some(open(config, &directory))
}

/// Whether [`store`] returns the user's own store, because no server has started in the data directory.
pub(crate) fn is_users_own(config: &Config) -> bool {
    config.images.directory.is_none() && local::servers_data(config).is_none()
}

/// The store of a server.
pub(crate) fn of_server(config: &Config, data: &DataDir) -> ImageStore {
    let directory = config.images.directory.clone().unwrap_or_else(|| data.path().join(DIRECTORY));
    open(config, &directory)
}

/// Name of the store's directory in a data directory.
pub(crate) const DIRECTORY: &str = "images";

fn open(config: &Config, directory: &Path) -> ImageStore {
    // The sandbox accepts no symbolic link in the path to the roots.
    let parent = directory.parent().and_then(|parent| std::fs::canonicalize(parent).ok());
    let found = std::fs::canonicalize(directory).ok().filter(|_| !is_link_of_another_user(directory));
    let directory = match (found, parent, directory.file_name()) {
        (Some(found), _, _) => found,
        (None, Some(parent), Some(name)) => parent.join(name),
        _ => directory.to_owned(),
    };
    ImageStore::new(directory, config.images.disk_max.get())
}

/// Whether the path is a link that neither root nor the user of this process has made. The server's user could make
/// such a link in the data directory, and would then choose the directory in which root creates the store. The store
/// refuses links.
fn is_link_of_another_user(path: &Path) -> bool {
    let trusted = [0, rustix::process::geteuid().as_raw()];
    std::fs::symlink_metadata(path).is_ok_and(|entry| entry.is_symlink() && !trusted.contains(&entry.uid()))
}

/// A time in seconds since 1970.
pub(crate) fn timestamp(seconds: u64) -> jiff::Timestamp {
    let time = i64::try_from(seconds).ok().and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    time.unwrap_or_default()
}

fn list(store: Option<&ImageStore>) -> Result<Vec<Image>, String> {
    store.map_or(Ok(Vec::new()), |store| store.list().map_err(|error| chain(&error)))
}

/// Checks the sources of images that language files name (`image_source`). `directory` contains the operator's language
/// files.
///
/// # Errors
/// Lists all errors in all files.
pub(crate) fn check_sources(registry: &Registry, directory: Option<&Path>, config: &Config) -> Result<(), LoadError> {
    let mut faults = Vec::new();
    for language in registry {
        let Some(fault) = language.image_source.as_ref().and_then(|text| source_fault(language, text, config)) else {
            continue;
        };
        let name = format!("{}.toml", language.id);
        let path = directory.map(|directory| directory.join(&name));
        faults.push(match path.as_ref().map(std::fs::read_to_string) {
            Some(Ok(text)) => {
                LanguageFault::in_text(&path.unwrap_or_default().display().to_string(), &text, "image_source", fault)
            }
            _ => LanguageFault::in_text(&name, "", "image_source", fault),
        });
    }
    if faults.is_empty() { Ok(()) } else { Err(LoadError::Faults(faults)) }
}

/// Why a process that runs programs could not pull the image of a language from this source.
fn source_fault(language: &Language, text: &str, config: &Config) -> Option<String> {
    if language.executor == Some(ImageExecutor::Docker) {
        let reason = "the programs of this language run in Docker Engine, which has its own images: remove this key \
                      and pull the image there, or run the programs in the sandbox (`executor = \"native\"`)";
        return Some(reason.to_owned());
    }
    let source: Source = match text.parse() {
        Ok(source) => source,
        Err(error) => {
            return Some(format!(
                "{error}; write it as for `cupel images add`, such as `docker://HOST/NAME@sha256:DIGEST`"
            ));
        }
    };
    if matches!(&source, Source::Path { path, .. } if !path.is_absolute()) {
        return Some(format!("`{text}` is a relative path; write the absolute path that the file has on every worker"));
    }
    if !config.images.registries.allows(&source) {
        return Some(format!(
            "the setting `images.registries.allowed` does not allow `{text}`: add it there, or name another source"
        ));
    }
    None
}

/// Probes the toolchains of this machine, of its images, and of the images of Docker Engine.
pub(crate) struct MachineProbe {
    host: HostProbe,
    docker: DockerSettings,
    /// The engine, opened when a language first needs it.
    containers: OnceLock<Result<Containers, String>>,
    store: Option<ImageStore>,
    /// The images, or the reason why they cannot be read.
    images: Result<Vec<Image>, String>,
    /// State of the index from before the images were read.
    index: Option<IndexState>,
    /// The images that this process pulls.
    pulls: Pulls,
    /// Whether the languages of Docker Engine are left for a later probe, because the engine may answer slowly.
    pub(crate) defers_engine: bool,
    /// The data directory of a server, if the command ignores it because no option names it.
    ignored_data: Option<PathBuf>,
    /// The images that a registry or a program holds since this process found them.
    held: Mutex<BTreeMap<ContentHash, WeakHeld>>,
}

/// Size and time of the file that lists the images.
type IndexState = (u64, Option<SystemTime>);

fn index_state(store: Option<&ImageStore>) -> Option<IndexState> {
    let meta = std::fs::metadata(store?.index()).ok()?;
    Some((meta.len(), meta.modified().ok()))
}

impl MachineProbe {
    pub(crate) fn new(store: Option<ImageStore>, docker: &DockerSettings, pulls: Pulls) -> MachineProbe {
        let (index, images) = (index_state(store.as_ref()), list(store.as_ref()));
        MachineProbe {
            host: HostProbe::default(),
            docker: docker.clone(),
            containers: OnceLock::new(),
            store,
            images,
            index,
            pulls,
            defers_engine: false,
            ignored_data: None,
            held: Mutex::default(),
        }
    }

    /// The probe of commands, which pull no images.
    pub(crate) fn of_commands(config: &Config) -> MachineProbe {
        let is_ignored = config.local_data.is_none() && DataDir::has_server(&config.data).unwrap_or(false);
        let probe = MachineProbe::new(store(config), &config.docker, Pulls::default());
        MachineProbe { ignored_data: is_ignored.then(|| config.data.clone()), ..probe }
    }

    fn containers(&self) -> Result<&Containers, String> {
        let connect = || Containers::on_demand(&self.docker).map_err(|error| chain(&error));
        self.containers.get_or_init(connect).as_ref().map_err(Clone::clone)
    }

    /// The ids of the languages' images in Docker Engine. Images that the engine lacks are left out, and all images if
    /// it does not answer.
    pub(crate) fn ids_in_engine(&self, languages: &Registry) -> BTreeMap<ImageName, ContentHash> {
        let names = languages.iter().filter(|language| is_in_engine(language)).filter_map(|l| l.image.as_ref());
        let names: BTreeMap<&str, &ImageName> = names.map(|name| (name.as_str(), name)).collect();
        match self.containers() {
            Ok(containers) if !names.is_empty() => {
                let ids = containers.ids(&names.keys().copied().collect());
                ids.into_iter().map(|(name, id)| (names[name].clone(), id)).collect()
            }
            _ => BTreeMap::new(),
        }
    }

    fn in_engine(&self, name: &ImageName) -> Result<FoundImage, String> {
        let found = self.containers()?.image(name.as_str()).map_err(|error| chain(&error))?;
        Ok(FoundImage { digest: found.root.id, env: found.env, root: Root::Docker(Arc::new(found.root)) })
    }

    /// Adds all languages in the images that the operator allows requests to name.
    pub(crate) fn add_direct(&self, registry: &mut Registry, config: &Config) {
        let is_allowed = |image: &ImageName| {
            config.images.direct.iter().any(|pattern| cupel_images::pattern::matches(pattern, image))
        };
        let images = self.images.iter().flatten().map(|image| &image.name);
        let images: Vec<ImageName> = images.filter(|name| is_allowed(name)).cloned().collect();
        registry.add_in_images(&images);
    }

    /// Holds the root of an image. The hold is shared by all languages of the image, and lasts until no registry and no
    /// step has it.
    fn hold(&self, store: &ImageStore, id: &ContentHash) -> Result<Held, ImageError> {
        let mut all = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(held) = all.get(id).and_then(WeakHeld::upgrade) {
            return Ok(held);
        }
        let held = Held::by(store.hold(id)?);
        all.retain(|_, known| known.upgrade().is_some());
        all.extend(held.downgrade().map(|weak| (*id, weak)));
        Ok(held)
    }

    /// Removes the roots and layers that no name needs and no process uses.
    ///
    /// # Errors
    /// The store cannot be changed.
    pub(crate) fn remove_unneeded(&self) -> Result<(), ImageError> {
        let Some(store) = self.store.as_ref().filter(|store| store.has_unneeded().unwrap_or(false)) else {
            return Ok(());
        };
        // Roots in use stay unneeded, so this occurs with every heartbeat.
        let Some(pruned) = store.try_to_prune()? else {
            tracing::debug!("an image is being added or verified; unneeded files are removed later");
            return Ok(());
        };
        if pruned.roots > 0 || pruned.layers > 0 {
            let cupel_images::Pruned { roots, layers, in_use, deferred: _ } = pruned;
            tracing::info!(roots, layers, in_use, "removed files of images that have lost their names");
        }
        Ok(())
    }

    /// Reads the list of images again.
    pub(crate) fn read_again(&mut self) {
        self.index = index_state(self.store.as_ref());
        self.images = list(self.store.as_ref());
    }

    /// Whether the list of images has changed since it was read.
    pub(crate) fn is_outdated(&self) -> bool {
        index_state(self.store.as_ref()) != self.index
    }

    fn root_of(&self, image: &FoundImage) -> Result<(PathBuf, Arc<ImageRoot>), String> {
        match (&self.store, &image.root) {
            (Some(store), Root::Image(root)) => Ok((store.roots(), root.clone())),
            _ => Err("this process has no images".to_owned()),
        }
    }
}

impl Probe for MachineProbe {
    fn libraries(&self, packages: &BTreeSet<LibraryPackage>) -> BTreeMap<LibraryPackage, String> {
        self.host.libraries(packages)
    }

    fn version(&self, command: &[String]) -> Result<String, String> {
        self.host.version(command)
    }

    fn is_installed(&self, program: &str) -> bool {
        self.host.is_installed(program)
    }

    fn fingerprint(&self, program: &str) -> Option<String> {
        self.host.fingerprint(program)
    }

    fn image(&self, name: &ImageName, language: &Language) -> Result<FoundImage, String> {
        if is_in_engine(language) {
            return match self.defers_engine {
                true => Err("Docker Engine has not described its image yet".to_owned()),
                false => self.in_engine(name),
            };
        }
        let images = self.images.as_ref().map_err(Clone::clone)?;
        let found = images.iter().find(|image| image.name == *name);
        let (Some(image), Some(store)) = (found, &self.store) else {
            let source = language.image_source.as_deref().unwrap_or("SOURCE");
            let other = match &self.ignored_data {
                Some(data) => format!(", or use the images of the server in {} with --data", data.display()),
                None => String::new(),
            };
            return Err(format!(
                "the image `{name}` is not on this machine; add it with `cupel images add {name} {source}`{other}"
            ));
        };
        let held = self.hold(store, &image.id).map_err(|error| chain(&error))?;
        let path = image.config.env.iter().find(|(name, _)| name == "PATH").map_or(PATH_DEFAULT, |(_, path)| path);
        let search = path.split(':').filter(|part| part.starts_with('/')).map(str::to_owned).collect();
        let directory = ImageRoot::working_directory(image.config.directory.as_deref());
        let root = ImageRoot { id: image.id, search, uid: image.program_uid(), directory, held };
        Ok(FoundImage {
            digest: image.digest_or_id(),
            env: image.config.env.clone(),
            root: Root::Image(Arc::new(root)),
        })
    }

    fn pulling(&self, name: &ImageName) -> Option<Pulling> {
        // An image that is there but cannot be used is not pulled again.
        let is_missing = self.images.as_ref().is_ok_and(|images| images.iter().all(|image| image.name != *name));
        if is_missing { self.pulls.state_of(name) } else { None }
    }

    fn version_in(&self, image: &FoundImage, command: &[String]) -> Result<String, String> {
        if let Root::Docker(root) = &image.root {
            return self.containers()?.run_in_image(root, command, &image.env);
        }
        let (roots, root) = self.root_of(image)?;
        cupel_runner::run_in_image(&roots, &root, command, &image.env)
    }

    fn is_installed_in(&self, image: &FoundImage, program: &str) -> Result<bool, String> {
        if let Root::Docker(root) = &image.root {
            return self.containers()?.has_program(root, program).map_err(|error| chain(&error));
        }
        let (roots, root) = self.root_of(image)?;
        let directory = roots.join(root.id.to_string());
        let paths: Vec<String> = match program.starts_with('/') {
            true => vec![program.to_owned()],
            false => root.search.iter().map(|part| format!("{part}/{program}")).collect(),
        };
        Ok(paths.iter().any(|path| cupel_images::is_program(&directory, Path::new(path))))
    }
}

/// Whether the programs of a language run in Docker Engine.
pub(crate) fn is_in_engine(language: &Language) -> bool {
    language.executor == Some(ImageExecutor::Docker)
}

/// The executor of containers for these languages; `None` if none of them runs in Docker Engine.
///
/// # Errors
/// This process has no threads or descriptors left.
pub(crate) fn containers<'l>(
    config: &Config,
    languages: impl IntoIterator<Item = &'l Language>,
) -> anyhow::Result<Option<Arc<Containers>>> {
    match languages.into_iter().any(is_in_engine) {
        true => Ok(Some(Arc::new(Containers::start(&config.docker)?))),
        false => Ok(None),
    }
}

/// Like [`containers`], but for a single program, so no container is started in advance.
///
/// # Errors
/// This process has no descriptors left.
pub(crate) fn containers_on_demand(config: &Config, language: &Language) -> anyhow::Result<Option<Arc<Containers>>> {
    match is_in_engine(language) {
        true => Ok(Some(Arc::new(Containers::on_demand(&config.docker)?))),
        false => Ok(None),
    }
}

/// The group that may use the engine's socket, if one of these languages needs the engine: for its programs, or for its
/// image (`docker-daemon:`). A process that gives up root's privileges keeps this group.
pub(crate) fn engine_group<'l>(config: &Config, languages: impl IntoIterator<Item = &'l Language>) -> Option<u32> {
    let mut sockets = languages.into_iter().filter_map(|language| match &language.image_source {
        _ if is_in_engine(language) => Some(PathBuf::from(&config.docker.socket)),
        Some(source) => socket_of(&source.parse().ok()?, &config.images.registries),
        None => None,
    });
    sockets.find_map(|socket| group_of(&socket))
}

/// The socket of the engine that has an image; `None` if the image is elsewhere.
pub(crate) fn socket_of(source: &Source, registries: &RegistryOptions) -> Option<PathBuf> {
    match source {
        Source::Daemon { .. } => registries.engine_socket().ok(),
        Source::Path { .. } | Source::Registry { .. } => None,
    }
}

/// The group that may use a socket.
pub(crate) fn group_of(socket: &Path) -> Option<u32> {
    let meta = std::fs::metadata(socket).ok()?;
    let may_use = meta.mode() & 0o060 == 0o060 && meta.gid() != 0;
    may_use.then_some(meta.gid())
}

/// Whether this process lacks the right to use an existing socket.
pub(crate) fn is_closed(socket: &Path) -> bool {
    use rustix::fs::Access;
    rustix::fs::access(socket, Access::READ_OK | Access::WRITE_OK) == Err(rustix::io::Errno::ACCESS)
}

/// Checks that this process may use the engine's socket, after it has given up its privileges.
///
/// # Errors
/// The process may not use it. The error contains the remedy.
pub(crate) fn check_engine_access(config: &Config) -> anyhow::Result<()> {
    let socket = &config.docker.socket;
    // The engine may not run yet; the process waits for it later.
    anyhow::ensure!(
        !is_closed(Path::new(socket)),
        "a language runs in Docker Engine, and the user of this server may not use the engine's socket {socket}; give \
         the socket a group other than root (`dockerd --group docker`), or run the engine as the server's user"
    );
    Ok(())
}

/// Maximum number of concurrent additions.
const ADDITIONS_MAX: usize = 2;
/// Maximum number of failed additions that are listed.
const FAILURES_MAX: usize = 100;

/// Failure of an addition that has panicked.
const PANICKED: &str = "Cupel itself failed; the log of the server has the cause";

/// Maximum number of images whose last verification is remembered.
const VERIFICATIONS_MAX: usize = 100;

/// The images of a server, as administrators manage them through its API.
pub(crate) struct ManagedImages {
    store: ImageStore,
    registries: RegistryOptions,
    additions: Arc<Mutex<BTreeMap<ImageName, Addition>>>,
    /// The last verification of each image, by its id.
    verifications: Arc<Mutex<BTreeMap<ContentHash, Verification>>>,
}

impl ManagedImages {
    pub(crate) fn new(store: ImageStore, registries: RegistryOptions) -> ManagedImages {
        ManagedImages { store, registries, additions: Arc::default(), verifications: Arc::default() }
    }

    fn verifications(&self) -> MutexGuard<'_, BTreeMap<ContentHash, Verification>> {
        self.verifications.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn image(&self, name: &ImageName) -> Result<Image, ImagesError> {
        let name = name.clone();
        self.with_store(move |store| store.get(&name)).await
    }

    fn additions(&self) -> MutexGuard<'_, BTreeMap<ImageName, Addition>> {
        self.additions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stops listing a failed addition. An addition that runs stays listed: it may have begun during a removal.
    fn forget_failure(&self, name: &ImageName) {
        let mut additions = self.additions();
        if additions.get(name).is_some_and(|addition| addition.failure.is_some()) {
            additions.remove(name);
        }
    }

    /// Starts to add an image. [`Images::list`] shows the addition until it has ended; a failed addition stays listed.
    ///
    /// # Errors
    /// The image is already being added, or too many images are.
    fn begin(&self, name: ImageName, source: Source) -> Result<JoinHandle<Result<(), String>>, ImagesError> {
        {
            let mut additions = self.additions();
            let running = || additions.iter().filter(|(_, addition)| addition.failure.is_none());
            if running().any(|(known, _)| *known == name) {
                return Err(ImagesError::Busy(format!("`{name}` is already being added")));
            }
            if running().count() >= ADDITIONS_MAX {
                return Err(ImagesError::Busy(format!("{ADDITIONS_MAX} images are being added; try again later")));
            }
            if additions.len() >= FAILURES_MAX
                && let Some(oldest) = additions.iter().find(|(_, a)| a.failure.is_some()).map(|(name, _)| name.clone())
            {
                additions.remove(&oldest);
            }
            additions.insert(name.clone(), Addition { source: source.to_string(), failure: None });
        }
        let (store, registries, of_image) = (self.store.clone(), self.registries.clone(), name.clone());
        Ok(self.follow(name, move || store.add(&of_image, &source, &registries)))
    }

    /// Calls `verify` in the background, and records how the verification ended.
    fn follow_verification(
        &self,
        name: ImageName,
        id: ContentHash,
        verify: impl FnOnce() -> Result<Vec<PathBuf>, ImageError> + Send + 'static,
    ) -> JoinHandle<()> {
        let verifications = Arc::clone(&self.verifications);
        tokio::task::spawn_blocking(move || {
            // A panic must not leave the verification in progress, because only one runs at a time.
            let verified = catch_unwind(AssertUnwindSafe(verify)).map_err(|_| PANICKED.to_owned());
            let verified = verified.and_then(|verified| verified.map_err(|error| chain(&error)));
            let at = SystemClock.now();
            let verification = match verified {
                Ok(damaged) => {
                    if !damaged.is_empty() {
                        tracing::error!(image = name.as_str(), files = damaged.len(), "an image is damaged");
                    }
                    let damaged = damaged.iter().map(|path| path.to_string_lossy().into_owned()).collect();
                    Verification::Ended { at, damaged }
                }
                Err(reason) => Verification::Failed { at, reason },
            };
            verifications.lock().unwrap_or_else(PoisonError::into_inner).insert(id, verification);
        })
    }

    /// Calls `add` in the background, and records how the addition ended.
    fn follow(
        &self,
        name: ImageName,
        add: impl FnOnce() -> Result<AddedImage, ImageError> + Send + 'static,
    ) -> JoinHandle<Result<(), String>> {
        let additions = Arc::clone(&self.additions);
        tokio::task::spawn_blocking(move || {
            // A panic must not leave the addition in progress, because the number of additions is bounded.
            let added = catch_unwind(AssertUnwindSafe(add)).map_err(|_| PANICKED.to_owned());
            let added = added.and_then(|added| added.map_err(|error| chain(&error)));
            let mut additions = additions.lock().unwrap_or_else(PoisonError::into_inner);
            match added {
                Ok(added) => {
                    tracing::info!(image = name.as_str(), layers = added.layers_unpacked, "an image was added");
                    additions.remove(&name);
                    Ok(())
                }
                Err(reason) => {
                    tracing::warn!(image = name.as_str(), error = reason, "an image could not be added");
                    if let Some(addition) = additions.get_mut(&name) {
                        addition.failure = Some(reason.clone());
                    }
                    Err(reason)
                }
            }
        })
    }

    /// Calls a blocking operation of the store.
    async fn with_store<T: Send + 'static>(
        &self,
        call: impl FnOnce(&ImageStore) -> Result<T, ImageError> + Send + 'static,
    ) -> Result<T, ImagesError> {
        let store = self.store.clone();
        let called = tokio::task::spawn_blocking(move || call(&store)).await;
        let result = called.map_err(|error| ImagesError::Failed(error.to_string()))?;
        result.map_err(|error| match error {
            ImageError::Unknown(name) => ImagesError::Unknown(name),
            other => ImagesError::Failed(chain(&other)),
        })
    }
}

#[async_trait]
impl Images for ManagedImages {
    async fn list(&self) -> Result<Vec<ImageEntry>, ImagesError> {
        // Copied first: an addition that ends meanwhile must be in one of the two lists.
        let additions = self.additions().clone();
        let ready = self.with_store(ImageStore::list).await?;
        let entry = |image: Image| {
            let ready = ReadyImage {
                digest: format!("sha256:{}", image.digest_or_id()),
                bytes: image.bytes,
                layers: image.layers.len(),
                added_at: timestamp(image.added),
                source: image.source,
            };
            ImageEntry { name: image.name, ready: Some(ready), addition: None }
        };
        let mut entries: BTreeMap<ImageName, ImageEntry> =
            ready.into_iter().map(|image| (image.name.clone(), entry(image))).collect();
        for (name, addition) in additions {
            let new = || ImageEntry { name: name.clone(), ready: None, addition: None };
            entries.entry(name.clone()).or_insert_with(new).addition = Some(addition);
        }
        Ok(entries.into_values().collect())
    }

    async fn begin_to_add(&self, name: ImageName, text: &str) -> Result<(), ImagesError> {
        let source: Source = text.parse().map_err(|error: SourceError| ImagesError::BadSource(error.to_string()))?;
        if !matches!(source, Source::Registry { .. }) {
            let reason = "a request may name an image of a registry only, as `docker://HOST/NAME:TAG`; for a file of the \
                          server, use `cupel images add` there";
            return Err(ImagesError::BadSource(reason.to_owned()));
        }
        self.begin(name, source).map(drop)
    }

    async fn describe(&self, name: &ImageName) -> Result<(ImageDescription, Option<Verification>), ImagesError> {
        let image = self.image(name).await?;
        let verification = self.verifications().get(&image.id).cloned();
        let description = ImageDescription {
            uid: image.program_uid(),
            added_at: timestamp(image.added),
            name: image.name,
            source: image.source,
            id: image.id,
            digest: image.digest,
            architecture: image.architecture,
            layers: image.layers,
            bytes: image.bytes,
            entries: image.entries,
            left_out: image.left_out,
            privileges_dropped: image.privileges_dropped,
            env: image.config.env,
            working_directory: image.config.directory,
            user: image.config.user,
        };
        Ok((description, verification))
    }

    async fn begin_to_verify(&self, name: ImageName) -> Result<(), ImagesError> {
        let image = self.image(&name).await?;
        {
            let mut verifications = self.verifications();
            if verifications.values().any(|verification| *verification == Verification::Running) {
                return Err(ImagesError::Busy("an image is being verified; try again later".to_owned()));
            }
            if verifications.len() >= VERIFICATIONS_MAX {
                verifications.pop_first();
            }
            verifications.insert(image.id, Verification::Running);
        }
        let (store, of_image) = (self.store.clone(), name.clone());
        self.follow_verification(name, image.id, move || store.verify(&of_image));
        Ok(())
    }

    async fn prune(&self) -> Result<Pruned, ImagesError> {
        let cupel_images::Pruned { roots, layers, in_use, deferred } = self.with_store(ImageStore::prune).await?;
        Ok(Pruned { roots, layers, in_use, deferred })
    }

    async fn remove(&self, name: &ImageName) -> Result<(), ImagesError> {
        // This is a separate statement, so that the lock is released before it is taken again.
        let has_failed = self.additions().get(name).map(|addition| addition.failure.is_some());
        if has_failed == Some(false) {
            return Err(ImagesError::Busy(format!("`{name}` is being added")));
        }
        let of_image = name.clone();
        match self.with_store(move |store| store.remove(&of_image)).await {
            // Only the failed addition had this name.
            Err(ImagesError::Unknown(_)) if has_failed == Some(true) => {}
            other => drop(other?),
        }
        self.forget_failure(name);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_addition_that_panics_has_failed_and_takes_no_place() {
        let directory = tempfile::tempdir().unwrap();
        let managed = ManagedImages::new(ImageStore::new(directory.path(), 1 << 20), RegistryOptions::default());
        let name: ImageName = "course/a:1".parse().unwrap();
        let adding = Addition { source: "docker://a/b:1".to_owned(), failure: None };
        managed.additions().insert(name.clone(), adding.clone());
        assert!(matches!(managed.remove(&name).await, Err(ImagesError::Busy(_))));
        managed.forget_failure(&name);
        assert_eq!(managed.additions().get(&name), Some(&adding), "a removal that has overlapped it keeps the record");
        let failed = managed.follow(name.clone(), || panic!("a panic")).await.unwrap();
        assert_eq!(failed, Err(PANICKED.to_owned()));
        let listed = managed.list().await.unwrap();
        let failure = Some(PANICKED.to_owned());
        assert_eq!(
            listed,
            [ImageEntry { name: name.clone(), ready: None, addition: Some(Addition { failure, ..adding }) }]
        );
        managed.remove(&name).await.unwrap();
        assert_eq!(managed.remove(&name).await, Err(ImagesError::Unknown(name)));
    }

    #[tokio::test]
    async fn a_verification_that_panics_has_failed_and_is_not_in_progress() {
        let directory = tempfile::tempdir().unwrap();
        let managed = ManagedImages::new(ImageStore::new(directory.path(), 1 << 20), RegistryOptions::default());
        let id = ContentHash::from_bytes([7; 32]);
        managed.verifications().insert(id, Verification::Running);
        managed.follow_verification("course/a:1".parse().unwrap(), id, || panic!("a panic")).await.unwrap();
        let ended = managed.verifications().get(&id).cloned();
        assert!(matches!(&ended, Some(Verification::Failed { reason, .. }) if reason == PANICKED), "{ended:?}");
    }
}
