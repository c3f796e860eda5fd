//! Arguments that control how a package is read.

use std::time::Duration;

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
    #[arg(long, value_name = "F", value_parser = parse_format)]
    pub(crate) format: Option<PackageFormat>,
    /// Accept a package without secret tests.
    #[arg(long)]
    pub(crate) allow_no_secret: bool,
}

pub(in crate::cli) fn parse_format(text: &str) -> Result<PackageFormat, String> {
    PackageFormat::from_name(text).ok_or_else(|| {
        let names = PackageFormat::ALL.map(PackageFormat::as_str);
        format!("expected one of {}", names.join(", "))
    })
}
