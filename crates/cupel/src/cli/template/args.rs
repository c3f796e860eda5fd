//! Arguments of `cupel template`.

use std::path::PathBuf;

use cupel_package::PackageFormat;

use crate::cli::package::args::formats;
use crate::cli::shared_args::LocalSettings;

/// Print the template of a submission to a function problem.
///
/// It contains the types, the names and a sample call in the language. It compiles, but its answers are wrong.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  cupel problem new two-sum --function && cupel template two-sum --language python
  cupel template problems/light-tail --language java > Solution.java
  cupel template two-sum.zip --language rust

problems/light-tail is in Cupel's repository; any function problem works.")]
pub(crate) struct Template {
    /// The package: a directory, a zip or a tar.
    #[arg(value_name = "PACKAGE")]
    pub(crate) package: PathBuf,
    /// The language, by id or alias.
    #[arg(long, alias = "lang", value_name = "ID")]
    pub(crate) language: String,
    /// Format of the package [default: recognised by its files].
    #[arg(long, value_name = "F", value_parser = formats())]
    pub(crate) format: Option<PackageFormat>,
    #[command(flatten)]
    pub(crate) settings: LocalSettings,
}
