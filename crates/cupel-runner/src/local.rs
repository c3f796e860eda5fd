//! The runner of this machine: programs run in the sandbox or, if their root is an image of Docker Engine, in its
//! containers. It starts the sandbox for a set of languages, and creates the executors of its slots.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cupel_judge::{ExecuteError, Executor};
use cupel_languages::{Language, Placeholders};
use cupel_sandbox::{
    CellRoot, Mount, RunError, Sandbox, SandboxConfig, SetupStep, Slot, StartError, Warm, WarmTemplate, doctor,
};
use cupel_types::{ImageRoot, Limits, Outcome, Root, chain};

use crate::command::operators_command;
use crate::docker::Containers;
use crate::executor::SlotExecutor;
use crate::native::{CompileServices, CompilerSharing, NativeSlot, SharedSandbox, failed};
use crate::prepared;
use crate::runner::Runner;

/// Runner of this machine: each slot has lanes of the sandbox.
pub struct LocalRunner {
    sandbox: Arc<SharedSandbox>,
    compilers: Arc<CompileServices>,
    /// Whether lanes are created before they are needed.
    makes_ahead: bool,
    /// Runs the programs of images of Docker Engine.
    containers: Option<Arc<Containers>>,
}

/// How many executors of a runner may exist at the same time.
#[derive(Clone, Copy, Debug)]
pub struct SlotCounts {
    /// Slots. Each has a separate processor if there are as many processors as slots.
    pub ordinary: usize,
    /// Further slots, for programs that wait most of the time. They have the numbers after those of the ordinary slots.
    /// Programs of ordinary slots have priority.
    pub interactive: usize,
}

impl From<usize> for SlotCounts {
    fn from(ordinary: usize) -> SlotCounts {
        SlotCounts { ordinary, interactive: 0 }
    }
}

impl SlotCounts {
    fn config(self) -> SandboxConfig {
        SandboxConfig { slots: self.ordinary, background_slots: self.interactive, ..SandboxConfig::default() }
    }
}

/// Directories of the host that programs may use.
#[derive(Clone, Copy, Debug, Default)]
pub struct Directories<'a> {
    /// Prepared artefacts of toolchains.
    pub prepared: Option<&'a Path>,
    /// Root directories of container images.
    pub images: Option<&'a Path>,
}

/// The launcher of a [`LocalRunner`], before any thread is started. The caller can drop its privileges at this point.
pub struct Launched {
    launched: cupel_sandbox::Launched,
    warm: Vec<WarmTemplate>,
    images: Vec<Arc<ImageRoot>>,
    /// Images of Docker Engine, with the limits of their programs.
    in_engine: Vec<(Arc<ImageRoot>, Limits)>,
    makes_ahead: bool,
}

impl Launched {
    /// Starts the sandbox of this launcher. `sharing` sets which users may share the sandbox's compile services.
    /// Programs of images of Docker Engine run in `containers`.
    pub fn start(self, sharing: CompilerSharing, containers: Option<Arc<Containers>>) -> LocalRunner {
        let Launched { launched, warm, images, in_engine, makes_ahead } = self;
        let sandbox = launched.start();
        if makes_ahead {
            images.iter().for_each(|image| sandbox.make_ahead(image));
            if let Some(containers) = &containers {
                in_engine.iter().for_each(|(image, limits)| containers.make_ahead(image, limits));
            }
        }
        let sandbox = Arc::new(SharedSandbox::new(sandbox, warm));
        let compilers = Arc::new(CompileServices::new(sharing, Arc::downgrade(&sandbox)));
        LocalRunner { sandbox, compilers, makes_ahead, containers }
    }
}

impl LocalRunner {
    /// Starts the launcher of a sandbox that mounts the toolchains of these languages.
    ///
    /// # Errors
    /// The configuration is invalid, or this machine lacks something that a sandbox needs.
    pub fn launch<'l>(
        slots: impl Into<SlotCounts>,
        languages: impl IntoIterator<Item = &'l Language>,
        directories: Directories<'_>,
    ) -> Result<Launched, StartError> {
        launch(slots.into().config(), languages.into_iter().collect(), directories, false)
    }

    /// Like [`LocalRunner::launch`], for many programs: keeps an interpreter warm if its language's file requests
    /// that.
    ///
    /// # Errors
    /// The configuration is invalid, or this machine lacks something that a sandbox needs.
    pub fn launch_warm<'l>(
        slots: impl Into<SlotCounts>,
        languages: impl IntoIterator<Item = &'l Language>,
        directories: Directories<'_>,
    ) -> Result<Launched, StartError> {
        launch(slots.into().config(), languages.into_iter().collect(), directories, true)
    }

    /// Like [`LocalRunner::launch`], for one program: creates only the parts that this program needs.
    ///
    /// # Errors
    /// The configuration is invalid, or this machine lacks something that a sandbox needs.
    pub fn launch_once(
        language: &Language,
        directories: Directories<'_>,
        keeps_warm: bool,
    ) -> Result<Launched, StartError> {
        let config = SandboxConfig { slots: 1, spares: false, ..SandboxConfig::default() };
        launch(config, vec![language], directories, keeps_warm)
    }
}

fn launch(
    config: SandboxConfig,
    languages: Vec<&Language>,
    directories: Directories<'_>,
    keeps_warm: bool,
) -> Result<Launched, StartError> {
    let warm: Vec<WarmTemplate> = languages.iter().filter_map(|language| warm_start(language)).collect();
    let images = languages.iter().filter_map(|language| image_of(language)).collect();
    let available = languages.iter().filter(|language| language.is_available());
    let in_engine = available.filter_map(|language| Some((language.root.docker()?.clone(), language.limits))).collect();
    let config = SandboxConfig {
        mounts: mounts(languages, directories.prepared),
        images: directories.images.map(Path::to_owned),
        warm: if keeps_warm { warm.clone() } else { Vec::new() },
        ..config
    };
    Ok(Launched { makes_ahead: config.spares, launched: Sandbox::launch(config)?, warm, images, in_engine })
}

impl Runner for LocalRunner {
    /// Creates the slot's lanes now, unless the sandbox is for one program. An interactive slot has its lanes when a
    /// program needs them.
    fn executor(&self, number: usize) -> Result<Box<dyn Executor>, ExecuteError> {
        if self.sandbox.is_lost() {
            return Err(ExecuteError { transient: true, source: RunError::LauncherLost.into() });
        }
        let mut slot = self.sandbox.sandbox.slot(number);
        if self.makes_ahead && number < self.sandbox.sandbox.slots() {
            slot.warm_up().map_err(|error| {
                self.sandbox.note(&error);
                ExecuteError { transient: true, ..failed(error) }
            })?;
        }
        let (sandbox, compilers) = (Arc::clone(&self.sandbox), Arc::clone(&self.compilers));
        let steps = Arc::clone(&self.sandbox.steps);
        let native = NativeSlot::new(sandbox, compilers, number, slot);
        Ok(Box::new(SlotExecutor { number, steps, native, containers: self.containers.clone() }))
    }

    fn idle_slot(&self) -> Option<usize> {
        self.sandbox.steps.idle_slot()
    }

    fn is_shared(&self, slot: usize) -> bool {
        self.sandbox.steps.is_shared(slot)
    }

    fn has_ended(&self) -> bool {
        self.sandbox.is_lost()
    }

    fn end(&self) -> io::Result<Box<dyn FnOnce() + Send>> {
        let end = self.sandbox.sandbox.launcher_end()?;
        Ok(Box::new(move || end.wait()))
    }

    fn run_in_image(&self, root: &Root, argv: &[String], env: &[(String, String)]) -> Result<String, String> {
        match (root, &self.containers) {
            (Root::Image(image), _) => {
                let mut slot = self.sandbox.sandbox.slot(self.sandbox.steps.idle_slot().unwrap_or(0));
                run_operators_command(&mut slot, image, argv, env)
            }
            (Root::Docker(image), Some(containers)) => containers.run_in_image(image, argv, env),
            (Root::Docker(_), None) => Err("this process was started without languages in Docker Engine, so it is not connected to the engine; restart \
                     the server"
                    .to_owned()),
            (Root::System, _) => Err("the files of this machine are not an image".to_owned()),
        }
    }

    fn offer(&self, language: &Language) {
        if let (Root::Docker(image), Some(containers)) = (&language.root, &self.containers) {
            containers.make_ahead(image, &language.limits);
        }
        if let Some(image) = image_of(language) {
            self.sandbox.sandbox.make_ahead(&image);
        }
    }

    fn uncounted(&self) -> Option<String> {
        self.sandbox.sandbox.features().uncounted.clone()
    }
}

/// Runs a command of an operator, such as a version command, with the files of an image.
///
/// # Errors
/// A message for the operator: the sandbox cannot be started, the command did not run to its end, or it failed.
pub fn run_in_image(
    images: &Path,
    image: &Arc<ImageRoot>,
    argv: &[String],
    env: &[(String, String)],
) -> Result<String, String> {
    let config = SandboxConfig { slots: 1, spares: false, images: Some(images.to_owned()), ..SandboxConfig::default() };
    let sandbox = Sandbox::start(config).map_err(|error| chain(&error))?;
    run_operators_command(&mut sandbox.slot(0), image, argv, env)
}

fn run_operators_command(
    slot: &mut Slot,
    image: &Arc<ImageRoot>,
    argv: &[String],
    env: &[(String, String)],
) -> Result<String, String> {
    let command = operators_command(CellRoot::Image(image.clone()), argv, env);
    let mut printed = Vec::new();
    let shown = argv.join(" ");
    let report = slot.run(&command, &mut printed).map_err(|error| match error {
        RunError::Setup { step: SetupStep::Exec, .. } => {
            format!("`{}` is not in the image", argv.first().map_or("", String::as_str))
        }
        other => format!("`{shown}` cannot be run in the image: {}", chain(&other)),
    })?;
    let printed = crate::command::printable(&printed);
    match report.outcome {
        Outcome::Exited(0) => Ok(printed),
        other => {
            let why = printed.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("no output");
            Err(format!("`{shown}` failed in the image ({other:?}): {why}"))
        }
    }
}

/// The image of an available language.
fn image_of(language: &Language) -> Option<Arc<ImageRoot>> {
    language.root.image().filter(|_| language.is_available()).cloned()
}

/// The warm start of a language whose file requests one. A language of an image has none.
fn warm_start(language: &Language) -> Option<WarmTemplate> {
    let is_of_machine = language.root == Root::System;
    let wanted = language.warm.as_deref().filter(|_| is_of_machine && language.is_available())?;
    let Some(kind) = Warm::from_name(wanted) else {
        tracing::warn!(language = language.id.as_str(), wanted, "unknown warm start in a language file");
        return None;
    };
    let values = Placeholders::new(&language.source, language.limits.memory);
    Some(WarmTemplate { kind, argv: language.execute_command(&values), env: language.environment(&[]) })
}

/// Starts the launcher of a sandbox with the mounts of these languages, for [`doctor::examine_launched`] to attack.
///
/// # Errors
/// The sandbox cannot be started.
pub fn launch_examination<'l>(
    languages: impl IntoIterator<Item = &'l Language>,
    prepared: Option<&Path>,
) -> Result<cupel_sandbox::Launched, StartError> {
    doctor::launch(&SandboxConfig { mounts: mounts(languages, prepared), ..SandboxConfig::default() })
}

fn mounts<'l>(languages: impl IntoIterator<Item = &'l Language>, prepared: Option<&Path>) -> Vec<Mount> {
    let mut mounts: Vec<Mount> =
        languages.into_iter().flat_map(|l| l.mounts.iter().map(|m| PathBuf::from(m).into())).collect();
    mounts.extend(prepared.map(|root| Mount { source: root.to_owned(), target: prepared::TARGET.into() }));
    mounts.sort();
    mounts.dedup();
    mounts
}
