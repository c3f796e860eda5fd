//! Start of the sandbox for a set of languages, and the executors of its slots.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cupel_judge::{ExecuteError, Executor};
use cupel_languages::{Language, Placeholders};
use cupel_sandbox::{Mount, RunError, Sandbox, SandboxConfig, StartError, Warm, WarmTemplate, doctor};

use super::compile_services::{CompileServices, CompilerSharing};
use super::executor::{SlotExecutor, failed};
use super::sandbox::SharedSandbox;
use crate::prepared;
use crate::runner::Runner;

/// Runner of this machine: each slot has lanes of the sandbox.
pub struct NativeRunner {
    sandbox: Arc<SharedSandbox>,
    compilers: Arc<CompileServices>,
    /// Whether lanes are created before they are needed.
    makes_ahead: bool,
}

/// Launcher of a [`NativeRunner`] that has not started a thread yet. The caller can drop its privileges at this point.
pub struct Launched {
    launched: cupel_sandbox::Launched,
    warm: Vec<WarmTemplate>,
    makes_ahead: bool,
}

impl Launched {
    fn with(config: SandboxConfig, warm: Vec<WarmTemplate>) -> Result<Launched, StartError> {
        Ok(Launched { makes_ahead: config.spares, launched: Sandbox::launch(config)?, warm })
    }

    /// Starts the sandbox of this launcher. `sharing` sets which users may share the sandbox's compile services.
    pub fn start(self, sharing: CompilerSharing) -> NativeRunner {
        let Launched { launched, warm, makes_ahead } = self;
        let sandbox = Arc::new(SharedSandbox::new(launched.start(), warm));
        let compilers = Arc::new(CompileServices::new(sharing, Arc::downgrade(&sandbox)));
        NativeRunner { sandbox, compilers, makes_ahead }
    }
}

impl NativeRunner {
    /// Starts the launcher of a sandbox that mounts the toolchains of these languages and, if a directory is given,
    /// their prepared artefacts.
    ///
    /// # Errors
    /// This machine lacks something that a sandbox needs.
    pub fn launch<'l>(
        slots: usize,
        languages: impl IntoIterator<Item = &'l Language> + Clone,
        prepared: Option<&Path>,
    ) -> Result<Launched, StartError> {
        let warm = languages.clone().into_iter().filter_map(warm_template).collect();
        Launched::with(SandboxConfig { slots, mounts: mounts(languages, prepared), ..SandboxConfig::default() }, warm)
    }

    /// As [`NativeRunner::launch`], for many programs: keeps an interpreter warm if its language file requests that.
    ///
    /// # Errors
    /// This machine lacks something that a sandbox needs.
    pub fn launch_warm<'l>(
        slots: usize,
        languages: impl IntoIterator<Item = &'l Language> + Clone,
        prepared: Option<&Path>,
    ) -> Result<Launched, StartError> {
        let warm: Vec<_> = languages.clone().into_iter().filter_map(warm_template).collect();
        let mounts = mounts(languages, prepared);
        Launched::with(SandboxConfig { slots, mounts, warm: warm.clone(), ..SandboxConfig::default() }, warm)
    }

    /// As [`NativeRunner::launch`], for one program: creates only what that program needs.
    ///
    /// # Errors
    /// This machine lacks something that a sandbox needs.
    pub fn launch_once(language: &Language, prepared: Option<&Path>, keeps_warm: bool) -> Result<Launched, StartError> {
        let warm: Vec<_> = warm_template(language).into_iter().collect();
        let config =
            SandboxConfig { slots: 1, mounts: mounts([language], prepared), spares: false, ..SandboxConfig::default() };
        let kept = if keeps_warm { warm.clone() } else { Vec::new() };
        Launched::with(SandboxConfig { warm: kept, ..config }, warm)
    }
}

impl Runner for NativeRunner {
    /// Creates the slot's lanes now, unless the sandbox is for one program.
    fn executor(&self, number: usize) -> Result<Box<dyn Executor>, ExecuteError> {
        if self.sandbox.is_lost() {
            return Err(ExecuteError { transient: true, source: RunError::LauncherLost.into() });
        }
        let mut slot = self.sandbox.sandbox.slot(number);
        if self.makes_ahead {
            slot.warm_up().map_err(|error| {
                self.sandbox.note(&error);
                ExecuteError { transient: true, ..failed(error) }
            })?;
        }
        Ok(Box::new(SlotExecutor::new(Arc::clone(&self.sandbox), Arc::clone(&self.compilers), number, slot)))
    }

    fn idle_slot(&self) -> Option<usize> {
        self.sandbox.idle_slot()
    }

    fn is_shared(&self, slot: usize) -> bool {
        self.sandbox.is_shared(slot)
    }

    fn has_ended(&self) -> bool {
        self.sandbox.is_lost()
    }

    fn end(&self) -> io::Result<Box<dyn FnOnce() + Send>> {
        let end = self.sandbox.sandbox.launcher_end()?;
        Ok(Box::new(move || end.wait()))
    }

    fn uncounted(&self) -> Option<String> {
        self.sandbox.sandbox.features().uncounted.clone()
    }
}

/// The warm start of a language whose file requests one.
fn warm_template(language: &Language) -> Option<WarmTemplate> {
    let wanted = language.warm.as_deref().filter(|_| language.is_available())?;
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
