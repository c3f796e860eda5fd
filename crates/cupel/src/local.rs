//! The configured languages of this machine, for commands and the server, and the programs that `cupel run`, `cupel
//! test` and `cupel languages test` judge without a server.

use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use cupel_languages::{Availability, Language, LoadError, Registry, Sample};
use cupel_types::{BoxFile, BoxFiles, BoxPath, Source, ToolOptions};

use crate::config::{Config, DIRECTORY_IN_DATA};
use crate::data_dir::{DataDir, may_be_directory};
use crate::images::{self, MachineProbe};

/// The language files cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RegistryError {
    /// The configured directory cannot be read.
    #[error("{setting}: cannot read {}", path.display())]
    Directory { setting: String, path: PathBuf, source: std::io::Error },
    /// Another failure, or errors in language files.
    #[error(transparent)]
    Load(LoadError),
}

/// Returns all enabled languages of the configuration, not yet probed.
///
/// # Errors
/// Lists all errors in all language files.
pub(crate) fn registry(config: &Config) -> Result<Registry, RegistryError> {
    let files = language_files(config);
    let directory = files.clone().filter(|path| config.languages.directory.is_some() || may_be_directory(path));
    let mut all = Registry::load(directory.as_deref()).map_err(|error| match error {
        LoadError::Read { path, source } if config.languages.directory.as_ref() == Some(&path) => {
            RegistryError::Directory { setting: config.languages.directory_setting.clone(), path, source }
        }
        error => RegistryError::Load(error),
    })?;
    all.run_images_in(config.images.executor);
    images::check_sources(&all, files.as_deref(), config).map_err(RegistryError::Load)?;
    all.disable(&config.languages.disabled);
    Ok(all)
}

/// Prepares the registry for a name with a version or an image. For a version, such as `python@3`, returns only the
/// versions of that language, probed. For an image, such as `python@course/ml:2`, adds the languages in that image. For
/// any other name, returns the registry unchanged.
pub(crate) fn versions_of(registry: Registry, name: Option<&str>, config: &Config) -> Registry {
    let Some((language, version)) = name.and_then(|name| name.split_once('@')) else { return registry };
    if version.contains(':')
        && let Ok(image) = version.parse()
    {
        let mut registry = registry;
        registry.add_in_images(&[image]);
        return registry;
    }
    let versions = registry.versions(language).into_iter().cloned().collect();
    match Registry::new(versions) {
        Ok(mut versions) if versions.iter().count() > 0 => {
            versions.probe_toolchains(&MachineProbe::of_commands(config));
            versions
        }
        _ => registry,
    }
}

/// Returns the directory of the operator's language files: the configured directory, or the directory in the data
/// directory, which may not exist. `None` if the command may not use the data directory.
pub(crate) fn language_files(config: &Config) -> Option<PathBuf> {
    let in_data = || config.local_data.as_ref().map(|data| data.join(DIRECTORY_IN_DATA));
    config.languages.directory.clone().or_else(in_data)
}

/// The data directory, if a server has started there and the command may use it. A command whose user has named the
/// directory reports first that this process may not look into it.
pub(crate) fn servers_data(config: &Config) -> Option<&Path> {
    config.local_data.as_deref().filter(|data| DataDir::has_server(data).unwrap_or(false))
}

/// Probes one language only, because probing all languages takes a second or two.
///
/// # Errors
/// The language is not available here. The error contains the reason and a remedy.
pub(crate) fn available(language: &Language, config: &Config) -> anyhow::Result<Language> {
    let mut alone = Registry::new(vec![language.clone()]).context("cannot load the language")?;
    alone.probe_toolchains(&MachineProbe::of_commands(config));
    match alone.iter().next() {
        Some(found) if found.is_available() => Ok(found.clone()),
        Some(found) => Err(unavailable(found)),
        None => bail!("{} is not available", language.name),
    }
}

/// Returns the error that an unavailable language cannot be used: the reason, and a remedy if there is one.
pub(crate) fn unavailable(language: &Language) -> anyhow::Error {
    let has_packages = language.image.is_none() && language.missing.is_none();
    let remedy = match has_packages {
        true => format!("; `cupel languages install {}` may help", language.id),
        false => String::new(),
    };
    anyhow!("{} is not available: {}{remedy}", language.name, reason(language))
}

/// Returns the version of a language for a table: the digest of an image is shortened.
pub(crate) fn short_version(language: &Language) -> String {
    const DIGEST: usize = "(sha256:".len() + 12;
    match language.installed_version().unwrap_or("-").split_once(' ') {
        Some((version, digest)) => format!("{version} {}…)", digest.chars().take(DIGEST).collect::<String>()),
        None => language.installed_version().unwrap_or("-").to_owned(),
    }
}

/// Returns the reason why a language cannot be used, as text; empty if it can be used.
pub(crate) fn reason(language: &Language) -> &str {
    match &language.availability {
        Availability::Unprobed => "not probed yet",
        other => other.reason().unwrap_or_default(),
    }
}

/// A program to judge on this machine.
pub(crate) struct Program {
    pub(crate) source: Vec<u8>,
    /// File name of the source; `None` for the language's default name.
    pub(crate) file: Option<BoxPath>,
    pub(crate) args: Vec<String>,
    pub(crate) stdin: Vec<u8>,
}

impl Program {
    /// Returns the program of a sample.
    pub(crate) fn of_sample(sample: &Sample) -> Program {
        Program {
            source: sample.source.clone().into_bytes(),
            file: sample.file.clone(),
            args: sample.args.clone(),
            stdin: sample.stdin.clone().into_bytes(),
        }
    }

    pub(crate) fn judged_as(self, language: &Language) -> cupel_types::Program {
        let path = self.file.unwrap_or_else(|| language.source.clone());
        let files = BoxFiles::new(vec![BoxFile { path, data: self.source.into(), executable: false }]);
        cupel_types::Program {
            source: Source { language: language.id.clone(), files },
            tools: ToolOptions::NONE,
            args: self.args,
            env: Vec::new(),
            stdin: self.stdin.into(),
            tests: Vec::new(),
            stderr_to_stdout: false,
            fetch: Vec::new(),
            artifacts: Vec::new(),
            live: None,
        }
    }
}
