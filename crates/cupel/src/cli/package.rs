//! Code shared by the commands for problem packages: reading a package, and a sandbox that runs its programs.

pub(super) mod args;

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use anyhow::Context;
use cupel_judge::{ArtifactCache, Executor, NoCache};
use cupel_languages::Registry;
use cupel_package::{ImportError, ImportOptions, Imported, import};
use cupel_problem::{InputValidator, Problem, Program};
use cupel_runner::prepared::{self, Check, PreparedStore};
use cupel_runner::{CompilerSharing, Directories, LocalRunner, Runner};
use cupel_types::{Bytes, LanguageId};
use cupel_worker::Artifacts;
use tempfile::TempDir;
use tokio::signal::unix::{SignalKind, signal};

use self::args::Reading;
use super::{Exit, Failure, run};
use crate::config::Config;
use crate::data_dir;
use crate::images::{self, MachineProbe};
use crate::owner;
use crate::prepared_store;

/// An unpacked package. Dropping the value removes its directory.
pub(super) struct Unpacked {
    pub(super) imported: Imported,
    _directory: TempDir,
}

/// Converts the flags of the command line into import options.
pub(super) fn options<'a>(reading: &Reading, languages: &'a Registry) -> ImportOptions<'a> {
    ImportOptions {
        format: reading.format,
        time_limit: reading.time_limit,
        memory_limit: reading.memory_limit_kib.map(Bytes::kib),
        allow_no_secret: reading.allow_no_secret,
        ..ImportOptions::new(languages)
    }
}

/// Unpacks a package into a private directory.
pub(super) fn unpack(package: &Path, options: &ImportOptions<'_>) -> Result<Unpacked, Failure> {
    let directory = private_directory().context("cannot create a directory")?;
    let imported =
        import(package, &directory.path().join("package"), options).map_err(|error| failed(package, error))?;
    Ok(Unpacked { imported, _directory: directory })
}

/// Creates a temporary directory that no other user can read. The directory is removed when the value is dropped. In a
/// process that has a [`Bench`], a signal that ends the process also removes it.
fn private_directory() -> io::Result<TempDir> {
    let directory =
        tempfile::Builder::new().prefix("cupel-package-").permissions(Permissions::from_mode(0o700)).tempdir()?;
    PRIVATE.lock().unwrap_or_else(PoisonError::into_inner).push(directory.path().to_owned());
    Ok(directory)
}

/// All directories of [`private_directory`], including removed ones.
static PRIVATE: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// Whether a signal is ending this process.
static ENDING: AtomicBool = AtomicBool::new(false);

/// Blocks forever if a signal is ending this process. The private directories are then removed, and the command must
/// not report failures that are caused by the removal.
pub(super) fn block_if_ending() {
    while ENDING.load(Ordering::SeqCst) {
        std::thread::park();
    }
}

/// Starts a thread that waits for signals. At a signal, the thread removes all private directories and then ends the
/// process as the signal would.
fn remove_at_a_signal() -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
    let listening = {
        let _entered = runtime.enter();
        kinds.map(signal)
    };
    let [mut interrupt, mut terminate, mut hang_up] = match listening {
        [Ok(interrupt), Ok(terminate), Ok(hang_up)] => [interrupt, terminate, hang_up],
        [Err(error), ..] | [_, Err(error), _] | [.., Err(error)] => return Err(error),
    };
    let listen = move || {
        let kind = runtime.block_on(async {
            tokio::select! {
                _ = interrupt.recv() => kinds[0],
                _ = terminate.recv() => kinds[1],
                _ = hang_up.recv() => kinds[2],
            }
        });
        ENDING.store(true, Ordering::SeqCst);
        for path in PRIVATE.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            let _ = fs::remove_dir_all(path);
        }
        std::process::exit(128 + kind.as_raw_value());
    };
    std::thread::Builder::new().name("signals".to_owned()).spawn(listen).map(drop)
}

/// Converts a failure to read a package into an error with the exit code for its cause.
pub(super) fn failed(package: &Path, error: ImportError) -> Failure {
    let exit = match &error {
        ImportError::Refused(_) => Exit::Usage,
        ImportError::Io(_) if !package.exists() => Exit::Usage,
        ImportError::TargetExists(_) => Exit::Usage,
        ImportError::Io(_) => Exit::System,
    };
    Failure { exit, error: error.into() }
}

/// Collects the possible languages of a program.
pub(super) fn languages_of(program: &Program, known: &Registry, into: &mut BTreeSet<LanguageId>) {
    into.extend(program.language.clone().and_then(|id| known.get(&id)).map(|language| language.id.clone()));
    for file in &program.files {
        let extension = file.name.as_str().rsplit_once('.').map(|(_, extension)| extension);
        into.extend(extension.and_then(|e| known.by_extension(e)).map(|language| language.id.clone()));
    }
}

/// Collects the languages of the input validators.
pub(super) fn languages_of_validators(problem: &Problem, known: &Registry, into: &mut BTreeSet<LanguageId>) {
    for validator in &problem.validators {
        match validator {
            InputValidator::ExitCode42(program) | InputValidator::ExitCode0(program) => {
                languages_of(program, known, into)
            }
            // Python interprets checktestdata descriptions.
            InputValidator::Checktestdata(_) => into.extend(known.find("python").map(|python| python.id.clone())),
        }
    }
}

/// Probed languages, and slots of the sandbox that run them.
pub(super) struct Bench {
    pub(super) languages: Registry,
    /// One executor for each slot; at least one.
    pub(super) executors: Vec<Box<dyn Executor>>,
    cache: Option<Artifacts>,
    _runner: LocalRunner,
}

impl Bench {
    /// Starts the sandbox and gives up all privileges. Only the caches are writable afterwards.
    pub(super) fn start(
        config: &Config,
        known: &Registry,
        ids: &BTreeSet<LanguageId>,
        slots: usize,
    ) -> Result<Bench, Failure> {
        let mut languages = known.only(ids);
        languages.probe_toolchains(&MachineProbe::of_commands(config));
        let store = prepared_store::of_commands(&config.data);
        if let Some(store) = &store {
            for language in languages.iter().filter(|language| language.is_available()) {
                prepared::use_existing(store, language, Check::Sizes);
            }
        }
        let roots = images::store(config).map(|store| store.roots());
        let directories = Directories { prepared: store.as_ref().map(PreparedStore::root), images: roots.as_deref() };
        let launched = match config.worker.warm_interpreters {
            true => LocalRunner::launch_warm(slots, languages.iter(), directories),
            false => LocalRunner::launch(slots, languages.iter(), directories),
        };
        let launched = launched.context("cannot start the sandbox; `cupel doctor` shows details")?;
        let cache_directory = data_dir::user_cache().filter(|cache| fs::create_dir_all(cache).is_ok());
        owner::drop_privileges_keep_user(cache_directory.as_deref().as_slice())?;
        remove_at_a_signal().context("cannot listen for signals")?;
        let runner = launched.start(CompilerSharing::Off, images::containers(config, languages.iter())?);
        let executors = (0..slots).map(|slot| runner.executor(slot)).collect::<Result<_, _>>()?;
        Ok(Bench { languages, executors, cache: run::cache(), _runner: runner })
    }

    /// Waits until compiled programs are stored in the cache.
    pub(super) fn end(self) {
        if let Some(cache) = self.cache {
            cache.settle();
        }
    }

    /// Borrows all parts that judging needs.
    pub(super) fn parts(&mut self) -> (&Registry, &mut [Box<dyn Executor>], &dyn ArtifactCache) {
        let cache: &dyn ArtifactCache = self.cache.as_ref().map_or(&NoCache, |cache| cache);
        (&self.languages, &mut self.executors, cache)
    }
}
