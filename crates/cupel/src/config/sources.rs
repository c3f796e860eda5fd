//! Reads the sources of the configuration: defaults, file, environment and flags.

use std::fmt;
use std::path::{Path, PathBuf};

use super::{Config, Layers, layers, read, text_file};

/// File that is read if it exists and the command line names no file.
pub(crate) const FILE: &str = "cupel.toml";

/// Whether a command uses the configuration file and the data directory in its current directory, although neither the
/// command line nor the environment names them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum CurrentDirectory {
    /// The command works on a server's data, and its user has chosen the directory.
    #[default]
    Trusted,
    /// The command runs programs of others, and the directory may be theirs: a language file names commands that Cupel
    /// runs outside the sandbox.
    Untrusted,
}

/// Whether the current directory has an entry with the name of the configuration file. A link whose target is absent or
/// unreachable is such an entry: reading it fails, and the failure is reported. A directory that this process may not
/// search, such as that of root after `sudo -u cupel`, has none.
pub(crate) fn is_file_there() -> bool {
    std::fs::symlink_metadata(FILE).is_ok()
}

/// Settings from the command line.
#[derive(Clone, Debug, Default)]
pub(crate) struct Overrides {
    pub(crate) current_directory: CurrentDirectory,
    pub(crate) file: Option<PathBuf>,
    pub(crate) listen: Option<String>,
    /// Name of a facade, and its address.
    pub(crate) facades: Vec<(String, String)>,
    pub(crate) data: Option<PathBuf>,
}

/// All errors in an unusable configuration.
#[derive(Debug)]
pub(crate) struct ConfigError(Vec<layers::ConfigFault>);

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.len() {
            1 => write!(f, "the configuration is not valid:")?,
            n => write!(f, "the configuration has {n} errors:")?,
        }
        self.0.iter().try_for_each(|fault| write!(f, "\n  {fault}"))
    }
}

impl std::error::Error for ConfigError {}

impl ConfigError {
    /// Returns the errors in these settings; `None` if there are none.
    pub(crate) fn of(layers: &Layers) -> Option<ConfigError> {
        (!layers.faults.is_empty()).then(|| ConfigError(layers.faults.clone()))
    }
}

/// Reads all sources.
///
/// # Errors
/// Lists all errors in all sources.
pub(crate) fn load(overrides: &Overrides) -> Result<(Config, Layers), ConfigError> {
    let (config, layers) = read_all(overrides);
    match ConfigError::of(&layers) {
        None => Ok((config, layers)),
        Some(error) => Err(error),
    }
}

/// Like [`load`], but also returns the values of a faulty configuration, with placeholders for the faulty values. Used
/// by checks that report further errors.
pub(crate) fn read_all(overrides: &Overrides) -> (Config, Layers) {
    let named = overrides.file.clone();
    let text = match &named {
        Some(path) => Some((path.clone(), text_file::read(path))),
        None if overrides.current_directory == CurrentDirectory::Untrusted => None,
        None => is_file_there().then(|| (PathBuf::from(FILE), text_file::read(Path::new(FILE)))),
    };
    let mut layers = Layers::defaults();
    match text {
        Some((path, Ok(text))) => layers.file(&path, &text),
        Some((path, Err(error))) => {
            let origin = layers::Origin::File { path, line: None };
            layers.faults.push(layers::ConfigFault {
                origin,
                key: String::new(),
                message: format!("cannot read the file: {error}"),
            });
        }
        None => {}
    }
    layers.environment_of_process(std::env::vars_os());
    layers.flag("server.listen", "--listen", overrides.listen.clone());
    for (name, address) in &overrides.facades {
        layers.flag(&format!("facades.{name}.listen"), "--facade", Some(address.clone()));
    }
    layers.path_flag("data.directory", "--data", overrides.data.as_deref());
    let mut config = read(&mut layers);
    if overrides.current_directory == CurrentDirectory::Untrusted && layers.is_default("data.directory") {
        config.local_data = None;
    }
    (config, layers)
}
