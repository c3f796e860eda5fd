//! Arguments of `cupel verify`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use crate::cli::package::args::Reading;
use crate::cli::shared_args::LocalSettings;

/// Verify problem packages: their inputs, programs, submissions and time limits.
///
/// Builds the programs of the package, and runs the input validators on every input, the generators for every test, the
/// checkers on answers, trials and random bytes, and every submission of the package on the tests, and compares the
/// results with the expectations of the package. Prints a table and the claims that do not hold. Exit code: 0 if all
/// hold, 1 if one does not, 2 if a package or the command line is wrong, 7 if Cupel itself failed.
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
    /// Derive the time limit again, and write it into the package's configuration if all claims hold with it.
    #[arg(long, conflicts_with = "time_limit")]
    pub(crate) update_time_limit: bool,
    #[command(flatten)]
    pub(crate) reading: Reading,
    /// Number of packages verified at the same time, at most one per processor: faster, but times are less reliable.
    #[arg(long, value_name = "N", default_value_t = NonZeroUsize::MIN)]
    pub(crate) jobs: NonZeroUsize,
    /// Run every submission on every test, also after a test of the same group was too slow.
    #[arg(long)]
    pub(crate) all_cases: bool,
    /// Print one JSON object per package, each on one line.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) settings: LocalSettings,
}
