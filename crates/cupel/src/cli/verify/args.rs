//! What can be typed: `cupel verify`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use crate::cli::package::args::Reading;
use crate::cli::shared_args::Settings;

/// Prove problem packages right: their inputs, checkers, submissions and time limits.
///
/// Runs the input validators on every input, the checkers on answers, trials and junk, and every submission of the package on
/// every test, and holds all of it against what the package says. Prints a table and what does not hold. Exit code: 0 when all
/// holds, 1 when something does not, 2 when a package or the command line is wrong, 7 when Cupel itself failed.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  cupel verify problems/maze
  cupel verify problems/*
  cupel verify problems/maze --update-time-limit
  cupel verify maze.zip --json | jq '.expectations[] | select(.ok | not)'")]
pub(crate) struct Verify {
    /// Packages: directories, zips or tars.
    #[arg(value_name = "PACKAGE", required = true)]
    pub(crate) packages: Vec<PathBuf>,
    /// Derive the time limit anew, and write it into the package's own file if everything holds with it.
    #[arg(long, conflicts_with = "time_limit")]
    pub(crate) update_time_limit: bool,
    #[command(flatten)]
    pub(crate) reading: Reading,
    /// So many packages at once, at most one a processor: quicker, and times are less certain.
    #[arg(long, value_name = "N", default_value_t = NonZeroUsize::MIN)]
    pub(crate) jobs: NonZeroUsize,
    /// Run every submission on every test, also those of a group that already was too slow.
    #[arg(long)]
    pub(crate) all_cases: bool,
    /// Print one JSON object a package, each on a line.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) settings: Settings,
}
