//! What can be typed: `cupel config`.

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
    /// Print the commented defaults, which are the reference.
    Default,
    /// Print what is in force.
    Show {
        /// Also say where each value came from.
        #[arg(long)]
        sources: bool,
    },
    /// Report every fault at once; exit code 2 when there is one.
    Check,
}
