//! Arguments of `cupel judge`.

use std::path::PathBuf;

use crate::cli::package::args::Reading;
use crate::cli::shared_args::LocalSettings;

/// Judge a submission against a problem package, without a server.
///
/// The package is a directory or an archive in the format of Kattis, DOMjudge, DMOJ, Codeforces Polygon or Cupel.
/// Prints one line per test. Exit code: 0 if the submission is accepted with the maximum score, 1 if it is not, 2 if
/// the package or the command line is wrong, 7 if Cupel itself failed or the language is not installed. With `--json`,
/// `verdict` is that of the API: AC also stands for a part of the score if a checker of a Kattis package accepted every
/// test.
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
    /// Language of the source, by id or alias [default: by the extensions of its files].
    #[arg(long, value_name = "ID")]
    pub(crate) language: Option<String>,
    #[command(flatten)]
    pub(crate) reading: Reading,
    /// If the package has no time limit, measure it again instead of using the cached one.
    #[arg(long)]
    pub(crate) calibrate: bool,
    /// Run every test, also those that can no longer change the result.
    #[arg(long)]
    pub(crate) all_cases: bool,
    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) settings: LocalSettings,
}
