//! Arguments of `cupel config`.

use clap::Subcommand;

use crate::cli::shared_args::Settings;

/// Show and check the configuration.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  cupel config default > cupel.toml
  cupel config show --sources
  cupel config check --config /etc/cupel.toml")]
pub(crate) struct Config {
    #[command(subcommand)]
    pub(crate) command: ConfigCommand,
    #[command(flatten)]
    pub(crate) settings: Settings,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Print the defaults with comments, which are the reference of all settings.
    Default,
    /// Print the effective settings.
    Show {
        /// Also print the source of each value.
        #[arg(long)]
        sources: bool,
    },
    /// Report all errors at once; the exit code is 2 if there is one.
    Check,
}
