//! Arguments of `cupel problem`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Subcommand;
use cupel_package::PackageFormat;
use cupel_problem::Slug;

use crate::cli::package::args::formats;
use crate::cli::shared_args::{LocalSettings, parse_time};

/// Create, check, convert and list problem packages.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  cupel problem new two-sums
  cupel problem import maze.zip --into problems
  cupel problem export problems/maze --output maze.zip
  cupel problem list problems")]
pub(crate) struct Problem {
    #[command(subcommand)]
    pub(crate) command: ProblemCommand,
    #[command(flatten)]
    pub(crate) settings: LocalSettings,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ProblemCommand {
    /// Create a small package in Cupel's own format, with a validator and a generator, which `cupel verify` accepts
    /// unchanged.
    ///
    /// `cupel help formats` describes the format.
    New {
        /// Name of the problem and of its directory: letters a-z, digits and `-`.
        #[arg(value_name = "SLUG")]
        slug: Slug,
        /// Create a function problem: submissions are functions instead of programs.
        #[arg(long)]
        function: bool,
        /// Create a problem with several correct answers, and a checker that judges them.
        #[arg(long, conflicts_with = "function")]
        checker: bool,
        /// Parent of the directory; created if it does not exist.
        #[arg(long, value_name = "DIR", default_value = ".")]
        into: PathBuf,
    },
    /// Check a package, print its errors and warnings, and unpack it; a refused package leaves no files behind.
    Import {
        /// The package: a directory, a zip or a tar.
        #[arg(value_name = "PACKAGE")]
        package: PathBuf,
        /// Parent of the new directory, which has the problem's name; created if it does not exist.
        #[arg(long, value_name = "DIR")]
        into: PathBuf,
        /// Format of the package [default: recognised by its files].
        #[arg(long, value_name = "F", value_parser = formats())]
        format: Option<PackageFormat>,
        /// CPU time limit of a test, in seconds or with a unit; written into the package.
        #[arg(long, value_name = "S", allow_negative_numbers = true, value_parser = parse_time)]
        time_limit: Option<Duration>,
        /// Memory limit of a test, in KiB; written into the package. Most formats store whole MiB.
        #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = clap::value_parser!(u64).range(1024..=1 << 30))]
        memory_limit_kib: Option<u64>,
    },
    /// Write a package in the Kattis format 2025-09.
    Export {
        /// The package: a directory, a zip or a tar, in any format.
        #[arg(value_name = "PACKAGE")]
        package: PathBuf,
        /// Zip file to write; if the name does not end in .zip, a directory.
        #[arg(long, value_name = "FILE")]
        output: PathBuf,
    },
    /// List the packages in a directory; the exit code is 1 if one of them has an error.
    List {
        /// The directory.
        #[arg(value_name = "DIR", default_value = ".")]
        directory: PathBuf,
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
}
