//! Arguments of `cupel smoke`.

use crate::cli::remote::args::Credentials;
use crate::cli::shared_args::{URL_DEFAULT, parse_url_or_default};

/// Run the samples of every shipped language that a server offers, through its HTTP API, and print a table.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  CUPEL_API_KEY=… cupel smoke
  cupel smoke --url https://judge.example --key-file key --ca-file ca.pem python c")]
pub(crate) struct Smoke {
    /// URL of the server.
    #[arg(long, env = "CUPEL_URL", default_value = URL_DEFAULT, value_parser = parse_url_or_default)]
    pub(crate) url: String,
    /// An API key, as in earlier versions. Hidden, because other users of the machine can see arguments.
    #[arg(long, hide = true, conflicts_with = "key_file")]
    pub(crate) key: Option<String>,
    /// Only these languages.
    #[arg(value_name = "ID")]
    pub(crate) ids: Vec<String>,
    #[command(flatten)]
    pub(crate) credentials: Credentials,
}
