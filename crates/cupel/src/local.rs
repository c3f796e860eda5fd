//! Judging on this machine without a server: code that `cupel run` and `cupel languages test` have in common.

use std::path::PathBuf;

use anyhow::{Context, bail};
use cupel_languages::{HostProbe, Language, LoadError, Registry, Sample};
use cupel_types::{BoxFile, BoxFiles, BoxPath, Source, ToolOptions};

use crate::config;

/// Returns all enabled languages of the configuration, not yet probed.
///
/// # Errors
/// All faults of all language files.
pub(crate) fn registry(config: &config::Languages) -> Result<Registry, LoadError> {
    let all = Registry::load(config.directory.as_deref())?;
    if config.disabled.is_empty() {
        return Ok(all);
    }
    let enabled = |language: &&Language| !config.disabled.iter().any(|id| id == language.id.as_str());
    Registry::new(all.iter().filter(enabled).cloned().collect())
}

/// Returns the cache directory of the current user, if it exists.
pub(crate) fn user_cache() -> Option<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let base = absolute("XDG_CACHE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".cache")))?;
    Some(base.join("cupel"))
}

/// Probes one language only, because probing all languages takes a second or two.
///
/// # Errors
/// The language is not available here. The error contains the reason and a remedy.
pub(crate) fn available(language: &Language) -> anyhow::Result<Language> {
    let mut alone = Registry::new(vec![language.clone()]).context("cannot load the language")?;
    alone.probe(&HostProbe::default());
    match alone.iter().next() {
        Some(found) if found.is_available() => Ok(found.clone()),
        Some(found) => {
            bail!("{} is not available: {}; `cupel languages install {}` may help", found.name, reason(found), found.id)
        }
        None => bail!("{} is not available", language.name),
    }
}

/// Returns the reason why a language cannot be used, as text; empty if it can be used.
pub(crate) fn reason(language: &Language) -> &str {
    match &language.availability {
        cupel_languages::Availability::Unavailable { reason } => reason,
        cupel_languages::Availability::Unprobed => "not probed yet",
        cupel_languages::Availability::Available { .. } => "",
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
            live: None,
        }
    }
}
