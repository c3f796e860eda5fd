//! Arguments of `cupel submit`.

use std::path::PathBuf;

use crate::cli::remote::args::{Credentials, ServerUrl};

/// Submit a solution to a problem of a server, and wait for the verdict.
///
/// SIGINT, SIGTERM and SIGHUP cancel the submission, if the server permits it; --no-wait ends the command as soon as
/// the server has the submission.
///
/// Exit code: 0 if the solution is accepted (with --no-wait: if the server has it), 1 if it is not; 2 if the command
/// line, the file or the language is wrong; 3 if the server has no such problem; 4 if there is no API key, or the
/// server refused it; 6 if the server could not be reached or failed; 7 if the solution could not be judged.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  cupel submit two-sum two-sum.py --server https://judge.example
  cupel submit https://judge.example/problems/two-sum two-sum.py")]
pub(crate) struct Submit {
    /// The problem: its name in URLs, or the URL of its page.
    #[arg(value_name = "PROBLEM")]
    pub(crate) problem: String,
    /// The source file.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// The language, by id or alias [default: by the file's extension].
    #[arg(short, long, value_name = "ID")]
    pub(crate) language: Option<String>,
    /// Print the submission's id and do not wait for the verdict.
    #[arg(long, conflicts_with = "json")]
    pub(crate) no_wait: bool,
    /// Print one JSON object with all results: that of `GET /api/v1/execute/{id}`.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) server_url: ServerUrl,
    #[command(flatten)]
    pub(crate) credentials: Credentials,
}
