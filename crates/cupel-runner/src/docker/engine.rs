//! The client of Docker Engine: images with the agent, and containers that are created from them.

use std::collections::HashMap;
use std::io::{self, Read as _};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use bollard::Docker;
use bollard::container::{AttachContainerResults, PathStatResponse};
use bollard::errors::Error as ClientError;
use bollard::models::{
    ContainerConfig, ContainerCreateBody, HealthConfig, HostConfig, HostConfigLogConfig, ResourcesUlimits,
};
use bollard::query_parameters::{
    AttachContainerOptionsBuilder, CommitContainerOptionsBuilder, ContainerArchiveInfoOptionsBuilder,
    EventsOptionsBuilder, ListContainersOptionsBuilder, ListImagesOptionsBuilder, RemoveContainerOptionsBuilder,
    RemoveImageOptionsBuilder, UploadToContainerOptionsBuilder,
};
use cupel_agent as agent;
use cupel_sandbox::{ENGINE_DEFAULT, engine_rules};
use cupel_types::{ContentHash, Held, ImageRoot, chain};
use flate2::read::GzDecoder;
use futures_util::StreamExt;
use sha2::{Digest, Sha256};
use tokio::sync::{Mutex, OnceCell};
use tokio_util::task::TaskTracker;

use super::shape::Shape;

/// The agent, linked statically, as a gzip stream.
static AGENT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/cupel-agent.gz"));

/// Label of everything that Cupel creates in an engine.
pub(super) const LABEL: &str = "org.cupel.executor";
/// Repository of the images with the agent.
const REPOSITORY: &str = "cupel-agent";
/// Maximum time for the engine's answer to a request that costs it nothing.
const PING_MAX: Duration = Duration::from_secs(30);
/// Timeout of one request, in seconds.
const REQUEST_SECONDS: u64 = 60;
/// Directories searched for programs if an image has no `PATH`. Source: Docker.
const PATH_DEFAULT: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// The user ids of containers. Running containers of a worker have different ids, because the kernel bounds pipes,
/// queued signals and descriptors in flight per user: with a common id, a program could use up what the programs of
/// other users need. An engine that remaps user ids usually maps 65,536 of them, so the ids are below that.
const UIDS: std::ops::Range<u32> = 20_000..60_000;
/// The user id in an image's [`ImageRoot`]. Nothing uses it, because programs have the id of their container.
const UNUSED_UID: u32 = 1000;
/// Maximum time to wait for the out-of-memory event of a container whose connection was lost. A busy engine sends it
/// late.
const EVENT_MAX: Duration = Duration::from_secs(10);
/// A container that was created this long ago and has not been started was left by a dead worker.
pub(super) const ABANDONED_AFTER: Duration = Duration::from_secs(120);

/// Settings of the executor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DockerSettings {
    /// Path of the engine's socket.
    pub socket: String,
    /// Runtime of containers, such as `runsc`; `None` means the engine's default.
    pub runtime: Option<String>,
    /// Processors that containers may use, in the form of cpuset(7); `None` means all.
    pub cpus: Option<String>,
    /// Number of containers that are kept ready for each kind of container.
    pub ready: usize,
    /// Maximum total number of containers that are kept ready.
    pub ready_max: usize,
}

impl Default for DockerSettings {
    fn default() -> DockerSettings {
        DockerSettings { socket: "/var/run/docker.sock".to_owned(), runtime: None, cpus: None, ready: 2, ready_max: 16 }
    }
}

/// An image of the engine.
#[derive(Clone, Debug)]
pub struct FoundInEngine {
    /// The image's id, the directories in which it searches for programs, and the user id of its programs.
    pub root: ImageRoot,
    /// The variables of the image.
    pub env: Vec<(String, String)>,
}

/// One finding about an engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineFinding {
    /// The examined property, such as `memory limit`.
    pub subject: &'static str,
    /// The observed state, for operators.
    pub found: String,
    /// How the state compares with the native sandbox.
    pub rating: Rating,
}

/// How a finding compares with the native sandbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rating {
    /// As in the native sandbox.
    Same,
    /// Differs from the native sandbox, but is not dangerous.
    Differs,
    /// A bound on programs is missing, or programs cannot run.
    Missing,
}

/// Why a program was not run, or its end was not observed: a failure of the engine or of a container, an unusable
/// image, a program that cannot be started, or a request that this executor does not support.
#[derive(Debug, thiserror::Error)]
pub enum ContainerError {
    /// The engine cannot be reached or refused a request.
    #[error("Docker Engine: {context}")]
    Engine {
        /// The attempted operation.
        context: String,
        /// The cause.
        #[source]
        source: ClientError,
    },
    /// The engine is too old.
    #[error("Docker Engine has API version {0}; at least 1.41 (Docker 20.10) is needed")]
    TooOld(String),
    /// There is no such image.
    #[error("the image `{0}` is not in Docker Engine; get it with `docker pull {0}` or `docker load`")]
    NoImage(String),
    /// The image is unusable.
    #[error("the image `{name}` of Docker Engine cannot be used: {reason}")]
    BadImage {
        /// Name of the image.
        name: String,
        /// The reason.
        reason: String,
    },
    /// The container ended or does not answer.
    #[error("a container ended or stopped answering: {0}")]
    Lost(String),
    /// The program could not be started.
    #[error("cannot {what} in the container")]
    NotStarted {
        /// What failed.
        what: String,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// The agent in this binary cannot be decompressed.
    #[error("the agent for containers in this binary is damaged; install Cupel again")]
    DamagedAgent(#[source] io::Error),
    /// The executor does not support this.
    #[error("programs in Docker Engine cannot have {0}")]
    Unsupported(&'static str),
    /// This process cannot create more threads or descriptors.
    #[error("cannot create a thread or a descriptor")]
    Io(#[source] io::Error),
}

impl ContainerError {
    /// Whether the engine answered that an image or a container does not exist.
    fn is_not_found(&self) -> bool {
        matches!(
            self,
            ContainerError::Engine { source: ClientError::DockerResponseServerError { status_code: 404, .. }, .. }
        )
    }

    /// Whether the engine does not listen at present. A request that timed out is no proof: the cause may be its image.
    pub fn is_unreachable(&self) -> bool {
        let is_absent =
            |error: &io::Error| matches!(error.kind(), io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound);
        match self {
            ContainerError::Engine { source: ClientError::SocketNotFoundError(_), .. } => true,
            ContainerError::Engine { source: ClientError::IOError { err }, .. } => is_absent(err),
            ContainerError::Engine { source, .. } => {
                let causes = std::iter::successors(std::error::Error::source(source), |cause| cause.source());
                causes.filter_map(|cause| cause.downcast_ref::<io::Error>()).any(is_absent)
            }
            _ => false,
        }
    }

    /// Whether another attempt may succeed.
    pub fn is_transient(&self) -> bool {
        match self {
            ContainerError::Engine { .. } | ContainerError::Lost(_) | ContainerError::Io(_) => true,
            ContainerError::TooOld(_)
            | ContainerError::NoImage(_)
            | ContainerError::BadImage { .. }
            | ContainerError::NotStarted { .. }
            | ContainerError::DamagedAgent(_)
            | ContainerError::Unsupported(_) => false,
        }
    }
}

fn failed(context: impl Into<String>) -> impl FnOnce(ClientError) -> ContainerError {
    let context = context.into();
    move |source| ContainerError::Engine { context, source }
}

/// The runtimes whose programs are known to run on this machine's kernel.
const RUNTIMES_ON_THIS_KERNEL: [&str; 3] = ["runc", "io.containerd.runc.v2", "crun"];

/// A connection to an engine.
pub(super) struct Engine {
    /// The connection is opened at the first use, so that the engine may start after the worker.
    docker: OnceCell<Docker>,
    /// Whether the clock of containers may differ from this machine's clock.
    has_own_clock: OnceCell<bool>,
    pub(super) settings: DockerSettings,
    /// The system call filter, in the engine's form.
    filter: String,
    /// Images with the agent, by the original image.
    with_agent: Mutex<HashMap<ContentHash, String>>,
    /// Number of the next container's user id in [`UIDS`], modulo their number. It starts at a random value, because
    /// other workers may use the same engine.
    next_uid: AtomicU32,
    /// The removals of containers that are in progress.
    pub(super) removals: TaskTracker,
}

impl Engine {
    pub(super) fn new(settings: DockerSettings) -> Engine {
        let removals = TaskTracker::new();
        let next_uid = AtomicU32::new(rand::random_range(0..UIDS.len() as u32));
        Engine {
            docker: OnceCell::new(),
            has_own_clock: OnceCell::new(),
            settings,
            filter: filter(),
            with_agent: Mutex::default(),
            next_uid,
            removals,
        }
    }

    async fn docker(&self) -> Result<&Docker, ContainerError> {
        self.docker.get_or_try_init(|| connect(&self.settings.socket)).await
    }

    /// Whether the clock of containers may differ from this machine's clock. This is so if the runtime has its own
    /// kernel, such as gVisor or Kata Containers.
    pub(super) async fn has_own_clock(&self) -> Result<bool, ContainerError> {
        let examine = || async {
            let runtime = match &self.settings.runtime {
                Some(runtime) => Some(runtime.clone()),
                None => {
                    let info = self.docker().await?.info().await;
                    info.map_err(failed("cannot read the engine's default runtime"))?.default_runtime
                }
            };
            Ok(runtime.is_none_or(|runtime| !RUNTIMES_ON_THIS_KERNEL.contains(&&*runtime)))
        };
        self.has_own_clock.get_or_try_init(examine).await.copied()
    }

    /// Checks that the engine answers.
    async fn ping(&self) -> Result<(), ContainerError> {
        let ping = async { self.docker().await?.ping().await.map(drop).map_err(failed("it cannot be reached")) };
        let timeout = |_| failed("it does not answer")(ClientError::RequestTimeoutError);
        tokio::time::timeout(PING_MAX, ping).await.map_err(timeout)?
    }

    /// Finds an image.
    pub(super) async fn image(&self, name: &str) -> Result<FoundInEngine, ContainerError> {
        self.ping().await?;
        let bad = |reason: &str| ContainerError::BadImage { name: name.to_owned(), reason: reason.to_owned() };
        let image = match self.docker().await?.inspect_image(name).await {
            Ok(image) => image,
            Err(ClientError::DockerResponseServerError { status_code: 404, .. }) => {
                return Err(ContainerError::NoImage(name.to_owned()));
            }
            Err(error) => return Err(failed(format!("cannot inspect the image `{name}`"))(error)),
        };
        let id = image.id.as_deref().and_then(|id| id.strip_prefix("sha256:"));
        let id: ContentHash = id.and_then(|id| id.parse().ok()).ok_or_else(|| bad("it has no id"))?;
        let architecture = image.architecture.unwrap_or_default();
        let own = match std::env::consts::ARCH {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            other => other,
        };
        if architecture != own {
            return Err(bad(&format!("it is for `{architecture}`, and this machine is `{own}`")));
        }
        let config = image.config.unwrap_or_default();
        let env: Vec<(String, String)> = config
            .env
            .unwrap_or_default()
            .iter()
            .filter_map(|entry| entry.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned())))
            .collect();
        let path = env.iter().find(|(name, _)| name == "PATH").map_or(PATH_DEFAULT, |(_, path)| path);
        let search = path.split(':').filter(|part| part.starts_with('/')).map(str::to_owned).collect();
        // The engine would make a writable directory on its disk for each volume, without a limit on its size.
        let volumes = config.volumes.unwrap_or_default();
        if !volumes.is_empty() {
            let names: Vec<&str> = volumes.iter().map(String::as_str).collect();
            return Err(bad(&format!("it declares volumes ({}); build it without `VOLUME`", names.join(", "))));
        }
        let directory = ImageRoot::working_directory(config.working_dir.as_deref());
        let root = ImageRoot { id, search, uid: UNUSED_UID, directory, held: Held::default() };
        Ok(FoundInEngine { root, env })
    }

    /// The image with the agent. It is created from `image` if it does not exist.
    async fn with_agent(&self, image: &ContentHash) -> Result<String, ContainerError> {
        let mut known = self.with_agent.lock().await;
        if let Some(name) = known.get(image) {
            return Ok(name.clone());
        }
        let tag = format!("{}-{}", &image.to_string()[..32], version_of_agent());
        let name = format!("{REPOSITORY}:{tag}");
        if self.docker().await?.inspect_image(&name).await.is_err() {
            let config = ContainerCreateBody {
                image: Some(format!("sha256:{image}")),
                entrypoint: Some(vec![agent::PATH.to_owned()]),
                cmd: Some(Vec::new()),
                labels: Some(labels()),
                network_disabled: Some(true),
                ..Default::default()
            };
            let created = self.docker().await?.create_container(None, config).await;
            let id = created.map_err(failed("cannot create a container for the agent"))?.id;
            let result = match self.check_files(&id, image).await {
                Ok(()) => self.commit_agent(&id, &tag).await,
                Err(error) => Err(error),
            };
            let _ = self.remove(&id).await;
            result?;
        }
        known.insert(*image, name.clone());
        Ok(name)
    }

    /// Checks the files of an image that the engine opens when it starts a container, and the directories that it
    /// mounts over. The engine reads both lists of users and groups although the user is a number, and would wait for
    /// ever for the writer of a FIFO. `container` is a container of the image that was not started.
    async fn check_files(&self, container: &str, image: &ContentHash) -> Result<(), ContainerError> {
        let bad = |reason: String| ContainerError::BadImage { name: format!("sha256:{image}"), reason };
        for path in ["/etc/passwd", "/etc/group"] {
            let mut found = self.stat(container, path).await?;
            // The engine resolves all links of a path at once.
            if let Some(link) = found.as_ref().filter(|found| found.file_mode & GO_TYPE == GO_LINK) {
                found = self.stat(container, &link.link_target).await?;
            }
            match found {
                Some(found) if found.file_mode & GO_TYPE != 0 => {
                    return Err(bad(format!("its `{path}` is not a regular file")));
                }
                Some(found) if found.size > USERS_MAX => {
                    let reason = format!("its `{path}` has {} bytes; the maximum is {USERS_MAX}", found.size);
                    return Err(bad(reason));
                }
                _ => {}
            }
        }
        for path in [agent::BOX, "/tmp"] {
            if self.stat(container, path).await?.is_some_and(|found| found.file_mode & GO_TYPE != GO_DIRECTORY) {
                return Err(bad(format!("its `{path}` is not a directory")));
            }
        }
        Ok(())
    }

    /// The type and size of a file of a container; `None` if it does not exist.
    async fn stat(&self, container: &str, path: &str) -> Result<Option<PathStatResponse>, ContainerError> {
        let options = ContainerArchiveInfoOptionsBuilder::new().path(path).build();
        match self.docker().await?.get_container_archive_info(container, Some(options)).await {
            Ok(found) => Ok(Some(found)),
            Err(ClientError::DockerResponseServerError { status_code: 404, .. }) => Ok(None),
            Err(error) => Err(failed(format!("cannot examine `{path}` of an image"))(error)),
        }
    }

    async fn commit_agent(&self, container: &str, tag: &str) -> Result<(), ContainerError> {
        let options = UploadToContainerOptionsBuilder::new().path("/").build();
        let archive = archive_of_agent().map_err(ContainerError::DamagedAgent)?;
        let archive = bollard::body_full(archive.into());
        let uploaded = self.docker().await?.upload_to_container(container, Some(options), archive).await;
        uploaded.map_err(failed("cannot copy the agent into an image"))?;
        let options = CommitContainerOptionsBuilder::new().container(container).repo(REPOSITORY).tag(tag).build();
        let config = ContainerConfig { labels: Some(labels()), ..Default::default() };
        self.docker()
            .await?
            .commit_container(options, config)
            .await
            .map_err(failed("cannot create an image with the agent"))?;
        Ok(())
    }

    /// Creates and starts a container.
    pub(super) async fn start(&self, shape: &Shape) -> Result<(String, AttachContainerResults), ContainerError> {
        let id = match self.create(shape).await {
            // Somebody removed the image with the agent: another version of Cupel, or the engine's administrator.
            Err(error) if error.is_not_found() => {
                self.with_agent.lock().await.remove(&shape.image);
                self.create(shape).await?
            }
            other => other?,
        };
        let options = AttachContainerOptionsBuilder::new().stream(true).stdin(true).stdout(true).stderr(true).build();
        let started = async {
            let streams = self.docker().await?.attach_container(&id, Some(options)).await;
            let streams = streams.map_err(failed("cannot attach to a container"))?;
            self.docker().await?.start_container(&id, None).await.map_err(failed("cannot start a container"))?;
            Ok(streams)
        };
        match started.await {
            Ok(streams) => Ok((id, streams)),
            Err(error) => {
                let _ = self.remove(&id).await;
                Err(error)
            }
        }
    }

    async fn create(&self, shape: &Shape) -> Result<String, ContainerError> {
        let config = self.container(shape, self.with_agent(&shape.image).await?);
        let created = self.docker().await?.create_container(None, config).await;
        Ok(created.map_err(failed("cannot create a container"))?.id)
    }

    fn container(&self, shape: &Shape, image: String) -> ContainerCreateBody {
        let uid = UIDS.start + self.next_uid.fetch_add(1, Relaxed) % UIDS.len() as u32;
        let box_options = format!(
            "rw,exec,nosuid,nodev,size={},nr_inodes={},mode=0755,uid={uid},gid={uid}",
            shape.disk, shape.inodes
        );
        let temporary = format!("rw,exec,nosuid,nodev,size={},nr_inodes={},mode=1777", shape.disk, shape.inodes);
        let host = HostConfig {
            network_mode: Some("none".to_owned()),
            readonly_rootfs: Some(true),
            cap_drop: Some(vec!["ALL".to_owned()]),
            security_opt: Some(vec!["no-new-privileges:true".to_owned(), format!("seccomp={}", self.filter)]),
            memory: Some(signed(shape.memory)),
            // The engine's limit applies to the sum of memory and swap.
            memory_swap: Some(signed(shape.memory)),
            pids_limit: Some(i64::from(shape.processes)),
            // No core dumps, not even to a program of the host. The filter refuses to change this limit. See
            // `forbid_core_dumps` in the sandbox.
            ulimits: Some(vec![ResourcesUlimits { name: Some("core".to_owned()), soft: Some(1), hard: Some(1) }]),
            cpuset_cpus: self.settings.cpus.clone(),
            tmpfs: Some([(agent::BOX.to_owned(), box_options), ("/tmp".to_owned(), temporary)].into()),
            ipc_mode: Some("private".to_owned()),
            shm_size: Some(signed(shape.disk.min(64 << 20))),
            // The engine must not log the program's output.
            log_config: Some(HostConfigLogConfig { typ: Some("none".to_owned()), config: None }),
            auto_remove: Some(true),
            runtime: self.settings.runtime.clone(),
            ..Default::default()
        };
        ContainerCreateBody {
            image: Some(image),
            entrypoint: Some(vec![agent::PATH.to_owned()]),
            cmd: Some(Vec::new()),
            user: Some(format!("{uid}:{uid}")),
            // A check of the image would run in the container beside the program.
            healthcheck: Some(HealthConfig { test: Some(vec!["NONE".to_owned()]), ..Default::default() }),
            working_dir: Some("/".to_owned()),
            hostname: Some("cupel".to_owned()),
            labels: Some(labels()),
            attach_stdin: Some(true),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            open_stdin: Some(true),
            // Standard input ends when the worker's connection ends.
            stdin_once: Some(true),
            tty: Some(false),
            host_config: Some(host),
            ..Default::default()
        }
    }

    /// Whether the kernel has killed a process of this container because its memory was exhausted. The engine keeps its
    /// last 256 events, including those of removed containers.
    pub(super) async fn was_out_of_memory(&self, id: &str) -> bool {
        let filters: HashMap<&str, Vec<&str>> = [("container", vec![id]), ("event", vec!["oom"])].into();
        let options = EventsOptionsBuilder::new().since("0").filters(&filters).build();
        let Ok(docker) = self.docker().await else { return false };
        let mut events = std::pin::pin!(docker.events(Some(options)));
        // If there is no event, the engine waits for one, so the request has a timeout.
        matches!(tokio::time::timeout(EVENT_MAX, events.next()).await, Ok(Some(Ok(_))))
    }

    /// Removes a container, with all its processes.
    pub(super) async fn remove(&self, id: &str) -> Result<(), ContainerError> {
        let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
        match self.docker().await?.remove_container(id, Some(options)).await {
            // The container is gone, or the engine is already removing it.
            Ok(()) | Err(ClientError::DockerResponseServerError { status_code: 404 | 409, .. }) => Ok(()),
            Err(error) => Err(failed("cannot remove a container")(error)),
        }
    }

    /// Removes containers of at least this age that were never started or have ended.
    pub(super) async fn remove_abandoned(&self, age: Duration) -> Result<usize, ContainerError> {
        let filters: HashMap<&str, Vec<&str>> =
            [("label", vec![LABEL]), ("status", vec!["created", "exited", "dead"])].into();
        let options = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
        let listed = self.docker().await?.list_containers(Some(options)).await;
        let listed = listed.map_err(failed("cannot list containers"))?;
        let info = self.docker().await?.info().await.map_err(failed("cannot read the engine's time"))?;
        // The engine's clock is used, because the engine may run on another machine.
        let now = info.system_time.as_deref().and_then(|time| time.parse::<jiff::Timestamp>().ok());
        let now = now.map_or(0, jiff::Timestamp::as_second);
        let age = i64::try_from(age.as_secs()).unwrap_or(i64::MAX);
        let mut removed = 0;
        for container in listed {
            let is_old = container.created.is_some_and(|created| now - created >= age);
            // A container has the labels of its image, so anybody's container may have this label.
            let is_own = container.command.as_deref() == Some(agent::PATH);
            if let Some(id) = container.id.filter(|_| is_old && is_own) {
                // If the engine cannot remove one container, the others are removed all the same.
                match self.remove(&id).await {
                    Ok(()) => removed += 1,
                    Err(error) => tracing::warn!(container = id, error = %chain(&error), "cannot remove a container"),
                }
            }
        }
        Ok(removed)
    }

    /// Removes the images with the agent that this version of Cupel does not need: those of other versions, and those
    /// whose original image has lost its names. The engine keeps images that containers use. Returns the number of
    /// removed images.
    pub(super) async fn remove_unused_images(&self) -> Result<usize, ContainerError> {
        let filters: HashMap<&str, Vec<&str>> = [("label", vec![LABEL])].into();
        let list = |options: ListImagesOptionsBuilder| async move {
            let listed = self.docker().await?.list_images(Some(options.build())).await;
            listed.map_err(failed("cannot list images"))
        };
        let with_agent = list(ListImagesOptionsBuilder::new().filters(&filters)).await?;
        let all = list(ListImagesOptionsBuilder::new()).await?;
        // All names of an image with the agent begin with `REPOSITORY`.
        let is_own = |name: &str| name.strip_prefix(REPOSITORY).is_some_and(|rest| rest.starts_with(':'));
        let is_named = |image: &&bollard::models::ImageSummary| image.repo_tags.iter().any(|name| !is_own(name));
        let originals: Vec<&str> = all.iter().filter(is_named).map(|image| image.id.as_str()).collect();
        let mut removed = 0;
        for name in with_agent.iter().flat_map(|image| &image.repo_tags).filter(|name| is_own(name)) {
            let Some((original, version)) = name[REPOSITORY.len() + 1..].split_once('-') else { continue };
            let has_original = originals.iter().any(|id| id.starts_with(&format!("sha256:{original}")));
            if has_original && version == version_of_agent() {
                continue;
            }
            // The original image remains, because a worker may still use it without its name.
            let options = RemoveImageOptionsBuilder::new().noprune(true).build();
            match self.docker().await?.remove_image(name, Some(options), None).await {
                Ok(_) => removed += 1,
                // Another worker has removed it, or a container uses it.
                Err(ClientError::DockerResponseServerError { status_code: 404 | 409, .. }) => {}
                Err(error) => return Err(failed(format!("cannot remove the image `{name}`"))(error)),
            }
        }
        Ok(removed)
    }

    /// Examines the capabilities of the engine.
    pub(super) async fn examine(&self) -> Result<Vec<EngineFinding>, ContainerError> {
        let info = self.docker().await?.info().await.map_err(failed("cannot read the engine's capabilities"))?;
        let mut findings = Vec::new();
        let mut add = |subject, found: String, rating| findings.push(EngineFinding { subject, found, rating });
        add("engine", format!("Docker {}", info.server_version.unwrap_or_default()), Rating::Same);
        let runtime = self.settings.runtime.clone().or(info.default_runtime).unwrap_or_default();
        match info.runtimes.is_none_or(|known| known.contains_key(&runtime)) {
            true => add("runtime", runtime, Rating::Same),
            false => add("runtime", format!("{runtime}, which the engine does not have"), Rating::Missing),
        }
        for (subject, is_there, without) in [
            ("memory limit", info.memory_limit, "none: the kernel does not support it"),
            ("swap limit", info.swap_limit, "programs may use swap in addition to their memory limit"),
            ("process limit", info.pids_limit, "programs may start any number of processes"),
        ] {
            match is_there == Some(true) {
                true => add(subject, "enforced".to_owned(), Rating::Same),
                false => add(subject, without.to_owned(), Rating::Missing),
            }
        }
        match info.security_options.unwrap_or_default().iter().any(|option| option.contains("seccomp")) {
            true => add("system call filter", "Cupel's".to_owned(), Rating::Same),
            false => add("system call filter", "none: programs may make every system call".to_owned(), Rating::Missing),
        }
        let cgroups = info.cgroup_version.map(|version| version.to_string()).unwrap_or_default();
        let of_version_1 = "1: peak memory is the highest use less file pages at the end, and can be a few MiB off";
        match cgroups.as_str() {
            "1" => add("control groups", of_version_1.to_owned(), Rating::Differs),
            _ => add("control groups", cgroups, Rating::Same),
        }
        let differs = [
            ("user ids", "one for each container; the image's `USER` has no effect"),
            ("disk limit", "applies to `/box` and `/tmp` separately; `/dev/shm` has at most 64 MiB"),
            ("CPU time", "includes up to a few milliseconds for the start of the program"),
            ("instructions", "not counted; a limit on instructions is refused"),
            ("warm starts", "none: every program starts cold, and compilers are started for each program"),
        ];
        differs.into_iter().for_each(|(subject, found)| add(subject, found.to_owned(), Rating::Differs));
        Ok(findings)
    }
}

async fn connect(socket: &str) -> Result<Docker, ContainerError> {
    let context = format!("cannot connect to {socket}");
    let docker = Docker::connect_with_unix(socket, REQUEST_SECONDS, bollard::API_DEFAULT_VERSION);
    let docker = match docker {
        Ok(docker) => docker.negotiate_version().await.map_err(failed(context))?,
        Err(error) => return Err(failed(context)(error)),
    };
    let version = docker.client_version();
    match (version.major_version, version.minor_version) < (1, 41) {
        true => Err(ContainerError::TooOld(version.to_string())),
        false => Ok(docker),
    }
}

/// The part of a tag that names the agent's version.
fn version_of_agent() -> String {
    hex(&Sha256::digest(AGENT)[..8])
}

fn labels() -> HashMap<String, String> {
    [(LABEL.to_owned(), agent::VERSION.to_string())].into()
}

fn signed(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// An archive with the agent.
fn archive_of_agent() -> io::Result<Vec<u8>> {
    let mut agent = Vec::new();
    GzDecoder::new(AGENT).read_to_end(&mut agent)?;
    let mut header = tar::Header::new_ustar();
    header.set_size(agent.len() as u64);
    header.set_mode(0o755);
    let mut archive = tar::Builder::new(Vec::with_capacity(agent.len() + 4096));
    archive.append_data(&mut header, agent::PATH.trim_start_matches('/'), &agent[..])?;
    archive.into_inner()
}

/// Maximum size of an image's list of users or groups, in bytes.
const USERS_MAX: i64 = 1 << 20;
// Types of files in the engine's answers. Source: the constants of `FileMode` in Go's package io/fs.
const GO_DIRECTORY: u32 = 1 << 31;
const GO_LINK: u32 = 1 << 27;
/// Mask of the type; zero for a regular file.
const GO_TYPE: u32 = GO_DIRECTORY | GO_LINK | 1 << 26 | 1 << 25 | 1 << 24 | 1 << 21 | 1 << 19;

/// The system call filter in the engine's form. Source: Docker's documentation, "Seccomp security profiles for Docker".
fn filter() -> String {
    let rules = engine_rules().into_iter().map(|rule| {
        let arguments: Vec<_> = rule.arguments.iter().map(|(index, mask, value)| {
            serde_json::json!({ "index": index, "value": mask, "valueTwo": value, "op": "SCMP_CMP_MASKED_EQ" })
        }).collect();
        match rule.errno {
            None => serde_json::json!({ "names": rule.calls, "action": "SCMP_ACT_ALLOW", "args": arguments }),
            Some(errno) => {
                serde_json::json!({ "names": rule.calls, "action": "SCMP_ACT_ERRNO", "errnoRet": errno, "args": arguments })
            }
        }
    });
    serde_json::json!({
        "defaultAction": "SCMP_ACT_ERRNO",
        "defaultErrnoRet": ENGINE_DEFAULT,
        "syscalls": rules.collect::<Vec<_>>(),
    })
    .to_string()
}

/// Interval between two searches for containers of dead workers.
pub(super) const REAP_EVERY: Duration = Duration::from_secs(60);
/// Number of these searches between two searches for unused images: one day.
pub(super) const IMAGES_EVERY: usize = 24 * 60;
