//! Arguments of `cupel get`.

use std::path::PathBuf;

use crate::cli::remote::args::{Credentials, ServerUrl};

/// Download a problem's statement and samples into a new directory.
///
/// The directory has `statement.md` (or another extension, by the statement's format) and `samples/N.in` and
/// `samples/N.ans`, which `cupel test` uses. N is the sample's number on the problem's page.
///
/// A public problem needs no API key.
///
/// Exit code: 0; 2 if the command line is wrong, or the directory exists or cannot be created; 3 if the server has no
/// such problem; 4 if the server refused the API key; 6 if the server could not be reached or failed; 7
/// if a file cannot be written.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  cupel get two-sum --server https://judge.example
  cupel get https://judge.example/problems/two-sum --out a")]
pub(crate) struct Get {
    /// The problem: its name in URLs, or the URL of its page.
    #[arg(value_name = "PROBLEM")]
    pub(crate) problem: String,
    /// The new directory [default: the problem's name].
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) server_url: ServerUrl,
    #[command(flatten)]
    pub(crate) credentials: Credentials,
}
