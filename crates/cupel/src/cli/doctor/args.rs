//! Arguments of `cupel doctor`.

use clap::ValueEnum;

use crate::cli::shared_args::Settings;

/// Test every wall and limit of the sandbox on this machine, by attacking it.
///
/// Prints a table with a remedy for each failure. The exit code is 1 if a wall is missing that the configuration does
/// not accept (`sandbox.accept_missing`). With `--executor docker`, shows what Docker Engine enforces, and where its
/// figures and limits differ from the sandbox's; the exit code is 1 if the engine lacks something that the sandbox has.
/// The exit code is 2 if the command line or the configuration is wrong.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  cupel doctor
  cupel doctor --json | jq '.walls[] | select(.ok | not)'
  cupel doctor --executor docker")]
pub(crate) struct Doctor {
    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
    /// Switch walls off first, to check that their absence is detected.
    #[arg(long, value_name = "WALL", num_args = 1.., value_delimiter = ',')]
    pub(crate) without: Vec<String>,
    /// What to examine.
    #[arg(long, value_enum, default_value_t = Examined::Native, conflicts_with = "without")]
    pub(crate) executor: Examined,
    #[command(flatten)]
    pub(crate) settings: Settings,
}

/// Where programs run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Examined {
    /// The sandbox of this machine.
    Native,
    /// Docker Engine, at the socket of the configuration (`docker.socket`).
    Docker,
}
