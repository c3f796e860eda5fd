//! Arguments of `cupel languages`.

use std::path::PathBuf;

use clap::Subcommand;

use crate::cli::shared_args::LocalSettings;

/// List, install and test languages.
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:
  cupel languages
  cupel languages install core
  cupel languages install python --libraries
  cupel languages install rust haskell --dry-run
  cupel languages add course-python.toml --data /var/lib/cupel
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
    pub(crate) settings: LocalSettings,
}

#[derive(Debug, Subcommand)]
pub(crate) enum LanguagesCommand {
    /// Install the Debian and npm packages of languages.
    Install {
        /// Ids, `core` for the languages of `make run`, `popular` for those that most users ask for, or `all`.
        #[arg(required = true, value_name = "ID|core|popular|all")]
        ids: Vec<String>,
        /// Also install the libraries that the language files name, such as NumPy.
        #[arg(long)]
        libraries: bool,
        /// Only print what would be installed.
        #[arg(long)]
        dry_run: bool,
    },
    /// Add a language file to this installation, if all its samples pass.
    ///
    /// The file is copied to the directory of language files (the setting languages.directory, or `languages` in the
    /// data directory). Its name is the id of the language and `.toml`. The recipe docs/recipes/add-a-language.md
    /// describes its keys.
    Add {
        /// The file, such as python-3.13.toml.
        file: PathBuf,
    },
    /// Create the prepared artefacts of toolchains (precompiled headers, archives), so that compilers start faster.
    ///
    /// A server creates them while it is idle, and `install` also creates them.
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
