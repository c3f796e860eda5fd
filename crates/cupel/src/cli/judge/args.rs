//! What can be typed: `cupel judge`.

use std::path::PathBuf;

use crate::cli::package::args::Reading;
use crate::cli::shared_args::Settings;

/// Judge a submission against a problem package, without a server.
///
/// The package is a directory or an archive in the form of Kattis, ICPC, DOMjudge, DMOJ, Codeforces Polygon or Cupel.
/// Prints a line per test. Exit code: 0 when it is accepted, 1 when it is not, 2 when the package or the command line is
/// wrong, 7 when Cupel itself failed.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  cupel judge hello.zip --submission hello.py
  cupel judge problems/maze --submission maze/ --language cpp --all-cases
  cupel judge sums --submission slow.java --time-limit 2.5 --json | jq '.cases[] | select(.verdict != \"AC\")'")]
pub(crate) struct Judge {
    /// The package: a directory, a zip or a tar.
    #[arg(value_name = "PACKAGE")]
    pub(crate) package: PathBuf,
    /// The source: a file, or a directory with all of its files.
    #[arg(long, value_name = "FILE_OR_DIR")]
    pub(crate) submission: PathBuf,
    /// Its language, by id or alias [default: by the extensions of its files].
    #[arg(long, value_name = "ID")]
    pub(crate) language: Option<String>,
    #[command(flatten)]
    pub(crate) reading: Reading,
    /// Measure the time limit of a package that has none again, instead of using the one that was measured before.
    #[arg(long)]
    pub(crate) calibrate: bool,
    /// Run every test, also those that change nothing any more.
    #[arg(long)]
    pub(crate) all_cases: bool,
    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) settings: Settings,
}
