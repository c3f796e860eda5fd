//! Flags and values that several commands have in common.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{OsStringValueParser, TypedValueParser as _};
use cupel_types::Bytes;

use super::{Exit, Failure, OrExit};
use crate::config::{self, Config, CurrentDirectory, DIRECTORY_IN_DATA, Overrides, is_public_url, units};
use crate::data_dir::DataDir;

/// Location of the configuration file and of the data directory.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Settings {
    /// Configuration file [default: ./cupel.toml if it exists].
    // An empty variable is the same as none: a compose file passes every variable that it names.
    #[arg(
        long, global = true, env = "CUPEL_CONFIG", hide_env_values = true, value_name = "FILE",
        value_parser = OsStringValueParser::new().map(PathBuf::from)
    )]
    config: Option<PathBuf>,
    /// Directory of the database, keys and caches [default: data].
    #[arg(long, global = true, value_name = "DIR")]
    data: Option<PathBuf>,
}

impl Settings {
    pub(crate) fn overrides(&self, listen: Option<String>) -> Overrides {
        Overrides { file: self.config(), data: self.data.clone(), listen, ..Overrides::default() }
    }

    fn config(&self) -> Option<PathBuf> {
        self.config.clone().filter(|path| !path.as_os_str().is_empty())
    }

    /// Returns flags that give another command the same settings.
    pub(crate) fn flags(&self) -> Vec<OsString> {
        let flag = |name: &str, path: &Option<PathBuf>| path.clone().map(|path| [name.into(), path.into()]);
        [flag("--config", &self.config()), flag("--data", &self.data)].into_iter().flatten().flatten().collect()
    }
}

/// Location of the configuration file and of the data directory, for commands without a server. They run programs of
/// others, so they use nothing of the current directory that is not named.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct LocalSettings {
    /// Configuration file [default: none; ./cupel.toml is not read].
    #[arg(
        long, global = true, env = "CUPEL_CONFIG", hide_env_values = true, value_name = "FILE",
        value_parser = OsStringValueParser::new().map(PathBuf::from)
    )]
    config: Option<PathBuf>,
    /// Data directory of a server, to use its languages and images [default: none].
    #[arg(long, global = true, value_name = "DIR")]
    data: Option<PathBuf>,
}

impl LocalSettings {
    /// Reads the configuration. If the current directory has settings or language files that are ignored, prints a
    /// note.
    ///
    /// # Errors
    /// Lists all errors in the configuration. Fails if this process may not look into the named data directory.
    pub(super) fn load(&self) -> Result<Config, Failure> {
        let named = Settings { config: self.config.clone(), data: self.data.clone() };
        let overrides = Overrides { current_directory: CurrentDirectory::Untrusted, ..named.overrides(None) };
        let (config, _) = config::load(&overrides).or_exit(Exit::Usage)?;
        if let Some(named) = &config.local_data {
            // Otherwise, the languages and images of the server would seem to be absent.
            DataDir::has_server(named).or_exit(Exit::Usage)?;
        }
        let data = &config.data;
        let has_languages = data.join(DIRECTORY_IN_DATA).is_dir();
        let ignored = [
            (overrides.file.is_none() && config::is_file_there()).then(|| format!("--config {}", config::FILE)),
            (config.local_data.is_none() && has_languages).then(|| format!("--data {}", data.display())),
        ];
        let flags: Vec<String> = ignored.into_iter().flatten().collect();
        if !flags.is_empty() {
            errln!(
                "Settings and language files in the current directory are ignored, because it may contain files of others. If you trust \
                 them, add {}.",
                flags.join(" and ")
            );
        }
        Ok(config)
    }
}

/// Parses seconds with or without a unit; more than zero.
pub(super) fn parse_time(text: &str) -> Result<Duration, &'static str> {
    units::seconds(text).ok_or("expected more than 0 seconds, such as 2 or 0.5, or a duration such as 500ms or 2m")
}

/// Parses megabytes, or a size with its unit; more than zero.
pub(super) fn parse_memory(text: &str) -> Result<Bytes, &'static str> {
    units::megabytes(text)
        .ok_or("expected megabytes such as 64, or a whole number with B, K, M or G (or KiB, MiB, GiB), such as 64M")
}

/// Parses a duration with its unit; more than zero.
pub(super) fn parse_duration(text: &str) -> Result<Duration, &'static str> {
    units::duration(text).filter(|d| !d.is_zero()).ok_or("expected a duration such as 12h or 30d")
}

/// Address of a server on this machine with the default settings.
pub(super) const URL_DEFAULT: &str = "http://127.0.0.1:8080";

/// Parses the value of an option whose environment variable is `CUPEL_URL`. An empty variable is the same as none.
pub(super) fn parse_url_or_default(text: &str) -> Result<String, &'static str> {
    parse_url(if text.is_empty() { URL_DEFAULT } else { text })
}

/// Parses the address of a server for its users. The rules are those of `server.public_url`.
pub(super) fn parse_url(text: &str) -> Result<String, &'static str> {
    is_public_url(text).then(|| text.to_owned()).ok_or("expected an address such as https://judge.example")
}
