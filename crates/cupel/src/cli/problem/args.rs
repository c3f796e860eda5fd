//! What can be typed: `cupel problem`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Subcommand;
use cupel_package::PackageFormat;
use cupel_problem::Slug;

use crate::cli::package::args::parse_format;
use crate::cli::shared_args::{Settings, parse_time};

/// Begin, check, convert and list problem packages.
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
    pub(crate) settings: Settings,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ProblemCommand {
    /// Write a small package in Cupel's own format, with a validator and a generator, which `cupel verify` accepts as it is.
    ///
    /// `cupel help formats` describes the form.
    New {
        /// Its name and that of its directory: letters a-z, digits and `-`.
        #[arg(value_name = "SLUG")]
        slug: Slug,
        /// A function to be written, and not a program that reads and writes.
        #[arg(long)]
        function: bool,
        /// A problem with several right answers, and a checker that judges them.
        #[arg(long, conflicts_with = "function")]
        checker: bool,
        /// Where to make the directory; made if it is not there.
        #[arg(long, value_name = "DIR", default_value = ".")]
        into: PathBuf,
    },
    /// Check a package, print all that is wrong or odd, and unpack it; nothing is made if it is refused.
    Import {
        /// The package: a directory, a zip or a tar.
        #[arg(value_name = "PACKAGE")]
        package: PathBuf,
        /// The directory in which to make one of the problem's name; made if it is not there.
        #[arg(long, value_name = "DIR")]
        into: PathBuf,
        /// The package's format, where it is not to be recognised.
        #[arg(long, value_name = "F", value_parser = parse_format)]
        format: Option<PackageFormat>,
        /// CPU time limit of a test, in seconds or with a unit, for formats that have none.
        #[arg(long, value_name = "S", allow_negative_numbers = true, value_parser = parse_time)]
        time_limit: Option<Duration>,
        /// Memory limit of a test, in KiB, for formats that have none.
        #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = clap::value_parser!(u64).range(1024..=1 << 30))]
        memory_limit_kib: Option<u64>,
    },
    /// Write a package in the Kattis form 2025-09.
    Export {
        /// The package: a directory, a zip or a tar, in any form.
        #[arg(value_name = "PACKAGE")]
        package: PathBuf,
        /// The zip to write; a name that does not end in .zip is a directory.
        #[arg(long, value_name = "FILE")]
        output: PathBuf,
    },
    /// List the packages in a directory.
    List {
        /// The directory.
        #[arg(value_name = "DIR", default_value = ".")]
        directory: PathBuf,
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
}
