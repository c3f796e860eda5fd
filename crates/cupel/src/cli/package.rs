//! Code shared by the commands for problem packages: reading a package, and a sandbox that runs its programs.

pub(super) mod args;

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

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

use self::args::Reading;
use super::{Exit, Failure, clean_up, run};
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

/// Unpacks a package into a private directory. From then on, a signal removes the directory before it ends the process.
pub(super) fn unpack(package: &Path, options: &ImportOptions<'_>) -> Result<Unpacked, Failure> {
    clean_up::listen().context("cannot listen for signals")?;
    let directory = private_directory().context("cannot create a directory")?;
    let imported =
        import(package, &directory.path().join("package"), options).map_err(|error| failed(package, error))?;
    Ok(Unpacked { imported, _directory: directory })
}

/// Creates a temporary directory that no other user can read. The directory is removed when the value is dropped. A
/// signal that ends the process also removes it.
fn private_directory() -> io::Result<TempDir> {
    let directory =
        tempfile::Builder::new().prefix("cupel-package-").permissions(Permissions::from_mode(0o700)).tempdir()?;
    clean_up::remove_at_a_signal(directory.path());
    Ok(directory)
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
        let store = prepared_store::of_commands(config);
        if let Some(store) = &store {
            for language in languages.iter().filter(|language| language.is_available()) {
                prepared::use_existing(store, language, Check::Sizes);
            }
        }
        let roots = images::store(config).map(|store| store.roots());
        let directories = Directories { prepared: store.as_ref().map(PreparedStore::root), images: roots.as_deref() };
        // This process must have one thread while it gives up its privileges.
        let launched = clean_up::without_thread(|| -> Result<_, Failure> {
            let launched = match config.worker.warm_interpreters {
                true => LocalRunner::launch_warm(slots, languages.iter(), directories),
                false => LocalRunner::launch(slots, languages.iter(), directories),
            };
            let launched = launched.context("cannot start the sandbox; `cupel doctor` shows details")?;
            let cache_directory = data_dir::user_cache().filter(|cache| fs::create_dir_all(cache).is_ok());
            owner::drop_privileges_keep_user(cache_directory.as_deref().as_slice())?;
            Ok(launched)
        });
        let launched = launched.context("cannot listen for signals")??;
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
