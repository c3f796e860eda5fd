//! Arguments that control how a package is read.

use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use cupel_package::PackageFormat;

use crate::cli::shared_args::parse_time;

/// How a package is read.
#[derive(Debug, clap::Args)]
pub(crate) struct Reading {
    /// CPU time limit of a test, in seconds or with a unit, instead of the package's.
    #[arg(long, value_name = "S", allow_negative_numbers = true, value_parser = parse_time)]
    pub(crate) time_limit: Option<Duration>,
    /// Memory limit of a test, in KiB, instead of the package's.
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = clap::value_parser!(u64).range(1024..=1 << 30))]
    pub(crate) memory_limit_kib: Option<u64>,
    /// Format of the package [default: recognised by its files].
    #[arg(long, value_name = "F", value_parser = formats())]
    pub(crate) format: Option<PackageFormat>,
    /// Accept a package without secret tests.
    #[arg(long)]
    pub(crate) allow_no_secret: bool,
}

/// Reads the name of a package format. The help lists the names.
pub(in crate::cli) fn formats() -> impl TypedValueParser<Value = PackageFormat> {
    let names = PossibleValuesParser::new(PackageFormat::ALL.map(PackageFormat::as_str));
    names.try_map(|name| PackageFormat::from_name(&name).ok_or("there is no such format"))
}
