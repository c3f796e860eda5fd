//! What can be typed: `cupel languages`.

use clap::Subcommand;

use crate::cli::shared_args::Settings;

/// List, install and test languages.
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:
  cupel languages
  cupel languages install core
  cupel languages install rust haskell --dry-run
  cupel languages prepare
  cupel languages test python cpp"
)]
pub(crate) struct Languages {
    #[command(subcommand)]
    pub(crate) command: Option<LanguagesCommand>,
    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) settings: Settings,
}

#[derive(Debug, Subcommand)]
pub(crate) enum LanguagesCommand {
    /// Install the Debian and npm packages that languages name.
    Install {
        /// Ids, or `core` for the common ones, or `all`.
        #[arg(required = true, value_name = "ID|core|all")]
        ids: Vec<String>,
        /// Only say what would be installed.
        #[arg(long)]
        dry_run: bool,
    },
    /// Make what toolchains prepare once, so that compilers start faster: precompiled headers, archives.
    ///
    /// A server does it by itself when it has nothing else to do, and `install` does it, too.
    Prepare {
        /// Only these languages.
        #[arg(value_name = "ID")]
        ids: Vec<String>,
    },
    /// Run the samples of every available language in the sandbox.
    Test {
        /// Only these languages.
        #[arg(value_name = "ID")]
        ids: Vec<String>,
    },
}
