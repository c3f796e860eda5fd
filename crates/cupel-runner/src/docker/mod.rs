//! The executor on Docker Engine: one container per step.
//!
//! ```text
//!  slot's thread ── Session ──► attached streams ──► agent (process 1 of the container) ──► program
//!        │                                              ▲
//!        └─ Pool: containers started in advance ────────┘
//! ```
//!
//! The image of a language gets one more layer with the agent (`cupel-agent`). The agent starts the program, takes the
//! measurements, and enforces the limits that Docker Engine cannot enforce. A container is used for exactly one step.
//! It has no network, a read-only root, no capabilities, no new privileges, Cupel's system call filter, and an
//! unprivileged user id that no other running container of the worker has. Besides the program, only the agent runs in
//! it.
//!
//! *Invariant:* No running container outlives its worker. The container's standard input is the worker's connection; if
//! the connection closes for any reason, the agent exits, and the engine removes the container. If a worker dies
//! between creating and starting a container, the workers on this engine remove the container
//! ([`Containers::remove_abandoned`]).

mod cell;
mod engine;
mod pool;
mod report;
mod session;
mod shape;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use cupel_judge::LiveStdin;
use cupel_sandbox::{CellReport, Command, Observer, Stdin};
use cupel_types::{Bytes, ContentHash, ImageRoot, Limits, Outcome, chain};

pub use engine::{ContainerError, DockerSettings, EngineFinding, FoundInEngine, Rating};

pub(crate) use cell::ContainerCell;
use engine::Engine;
use pool::Pool;
use session::{Input, Session};
use shape::Shape;

/// Maximum time for the removal of containers when a process ends.
const CLOSE_MAX: Duration = Duration::from_secs(10);
/// Maximum number of attempts of one step. A step is repeated only if no data of the failed attempt was observed.
const TRIES_MAX: u32 = 3;

/// A Docker Engine, and the containers of this process.
pub struct Containers {
    /// `None` only while this value is being dropped.
    runtime: Option<tokio::runtime::Runtime>,
    engine: Arc<Engine>,
    pool: Arc<Pool>,
}

impl Containers {
    /// Creates containers on demand, without a background thread. Used by commands, and before the sandbox is launched.
    /// The engine is not contacted before the first call.
    ///
    /// # Errors
    /// This process cannot create more descriptors.
    pub fn on_demand(settings: &DockerSettings) -> Result<Containers, ContainerError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(ContainerError::Io)?;
        Ok(Containers::with(runtime, DockerSettings { ready: 0, ..settings.clone() }))
    }

    /// Keeps containers ready, and removes containers of dead workers. The engine may start later.
    ///
    /// # Errors
    /// This process cannot create more threads or descriptors.
    pub fn start(settings: &DockerSettings) -> Result<Containers, ContainerError> {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let runtime =
            builder.worker_threads(1).thread_name("docker").enable_all().build().map_err(ContainerError::Io)?;
        let containers = Containers::with(runtime, settings.clone());
        containers.runtime().spawn(pool::reap(Arc::clone(&containers.engine)));
        Ok(containers)
    }

    fn with(runtime: tokio::runtime::Runtime, settings: DockerSettings) -> Containers {
        let engine = Arc::new(Engine::new(settings));
        let pool = Arc::new(Pool::new(Arc::clone(&engine)));
        Containers { runtime: Some(runtime), engine, pool }
    }

    fn runtime(&self) -> &tokio::runtime::Runtime {
        self.runtime.as_ref().unwrap_or_else(|| unreachable!("it is taken by `drop` alone"))
    }

    /// Finds an image in the engine.
    ///
    /// # Errors
    /// The engine has no such image or does not answer, or the image cannot be used here.
    pub fn image(&self, name: &str) -> Result<FoundInEngine, ContainerError> {
        self.runtime().block_on(self.engine.image(name))
    }

    /// The ids of the images with these names. Images that the engine lacks are left out, and all images if it does not
    /// answer.
    pub fn ids<'n>(&self, names: &BTreeSet<&'n str>) -> BTreeMap<&'n str, ContentHash> {
        let find = async |name: &&'n str| Some((*name, self.engine.image(name).await.ok()?.root.id));
        let found = self.runtime().block_on(futures_util::future::join_all(names.iter().map(find)));
        found.into_iter().flatten().collect()
    }

    /// Whether an image contains a program.
    ///
    /// # Errors
    /// No container can be started, or the container fails.
    pub fn has_program(&self, image: &ImageRoot, program: &str) -> Result<bool, ContainerError> {
        let command = crate::command::operators_command(cupel_sandbox::CellRoot::System, &[], &[]);
        let shape = Shape::of(image, &command.limits, &[], Bytes::ZERO);
        self.runtime().block_on(async {
            let container = self.pool.take(&shape).await?;
            Session::new(container).find(program, &image.search).await
        })
    }

    /// Runs a command of an operator, such as a version command, in an image. Returns its output.
    ///
    /// # Errors
    /// A message for the operator.
    pub fn run_in_image(&self, image: &ImageRoot, argv: &[String], env: &[(String, String)]) -> Result<String, String> {
        let command = crate::command::operators_command(cupel_sandbox::CellRoot::System, argv, env);
        let mut printed = Vec::new();
        let shown = argv.join(" ");
        let report = self.run(image, &command, None, &mut printed);
        let printed = crate::command::printable(&printed);
        match report {
            Err(ContainerError::NotStarted { .. }) => {
                Err(format!("`{}` is not in the image", argv.first().map_or("", String::as_str)))
            }
            Err(error) => Err(format!("`{shown}` cannot be run in the image: {}", chain(&error))),
            Ok(report) if report.outcome == Outcome::Exited(0) => Ok(printed),
            Ok(report) => {
                let why = printed.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("no output");
                Err(format!("`{shown}` failed in the image ({:?}): {why}", report.outcome))
            }
        }
    }

    /// Starts containers for programs of an image with these limits in advance, so that the first program starts
    /// sooner.
    pub(crate) fn make_ahead(&self, image: &ImageRoot, limits: &Limits) {
        let _entered = self.runtime().enter();
        self.pool.refill(&Shape::of(image, limits, &[], Bytes::ZERO), true);
    }

    /// Runs one step in a new container. `live` is the program's input if it arrives while the program runs.
    pub(crate) fn run(
        &self,
        image: &ImageRoot,
        command: &Command,
        live: Option<&LiveStdin>,
        observer: &mut dyn Observer,
    ) -> Result<CellReport, ContainerError> {
        if command.limits.instructions.is_some() {
            return Err(ContainerError::Unsupported("a limit on instructions"));
        }
        if let Some(outcome) = report::exceeds_the_disk(command) {
            return Ok(report::not_run(outcome));
        }
        if let Some(report) = command.exceeded_by_its_files() {
            return Ok(report);
        }
        let shape = Shape::of(image, &command.limits, &command.files, command.counted_files);
        let is_repeatable = live.is_none() && !matches!(command.stdin, Stdin::Descriptor(_));
        let mut tries = 1;
        loop {
            let input = Input::of(command, live)?;
            let (result, was_seen) = self.runtime().block_on(async {
                let container = match self.pool.take(&shape).await {
                    Ok(container) => container,
                    Err(error) => return (Err(error), false),
                };
                self.pool.refill(&shape, false);
                let mut session = Session::new(container);
                let result = session.run(image, command, input, observer).await;
                if result.as_ref().is_err_and(ContainerError::is_transient) && session.ended_unused() {
                    self.pool.discard_ready();
                }
                (result, session.was_seen)
            });
            match result {
                Err(error) if error.is_transient() && is_repeatable && !was_seen && tries < TRIES_MAX => {
                    tracing::warn!(error = %chain(&error), "a container failed; the step is repeated");
                    tries += 1;
                }
                other => return other,
            }
        }
    }

    /// Removes stopped containers of Cupel that are at least this old. [`Containers::start`] does this regularly.
    /// Returns the number of removed containers.
    ///
    /// # Errors
    /// The engine does not answer.
    pub fn remove_abandoned(&self, age: Duration) -> Result<usize, ContainerError> {
        self.runtime().block_on(self.engine.remove_abandoned(age))
    }

    /// Removes the images with the agent that no language needs: those of other versions of Cupel, and those whose
    /// original image has lost its names. [`Containers::start`] does this regularly. Returns the number of removed
    /// images.
    ///
    /// # Errors
    /// The engine does not answer.
    pub fn remove_unused_images(&self) -> Result<usize, ContainerError> {
        self.runtime().block_on(self.engine.remove_unused_images())
    }

    /// The capabilities of the engine, for operators.
    ///
    /// # Errors
    /// The engine does not answer.
    pub fn examine(&self) -> Result<Vec<EngineFinding>, ContainerError> {
        self.runtime().block_on(self.engine.examine())
    }
}

/// Removes the ready containers, and waits until all are removed. Any that remain after `CLOSE_MAX` end when their
/// connections close.
impl Drop for Containers {
    fn drop(&mut self) {
        let Some(runtime) = self.runtime.take() else { return };
        // This thread may belong to another runtime, in which `block_on` is forbidden. Therefore another thread closes
        // the pool. A current-thread runtime runs its tasks only in such a call.
        let runtime = Arc::new(runtime);
        let (pool, of_closing, (done, closed)) =
            (Arc::clone(&self.pool), Arc::clone(&runtime), std::sync::mpsc::channel());
        let close = move || {
            of_closing.block_on(pool.close());
            shut_down(of_closing);
            let _ = done.send(());
        };
        if std::thread::Builder::new().name("docker-close".into()).spawn(close).is_ok() {
            let _ = closed.recv_timeout(CLOSE_MAX);
        }
        shut_down(runtime);
    }
}

/// Ends a runtime without waiting for its tasks, if this is its last owner.
fn shut_down(runtime: Arc<tokio::runtime::Runtime>) {
    if let Some(runtime) = Arc::into_inner(runtime) {
        runtime.shutdown_background();
    }
}
