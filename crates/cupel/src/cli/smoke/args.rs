//! Arguments of `cupel smoke`.

use crate::cli::shared_args::{URL_DEFAULT, parse_url_or_default};

/// Run the samples of every shipped language that a server offers, through its HTTP API, and print a table.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  cupel smoke --url http://127.0.0.1:8080 --key \"$CUPEL_API_KEY\"")]
pub(crate) struct Smoke {
    /// URL of the server.
    #[arg(long, env = "CUPEL_URL", default_value = URL_DEFAULT, value_parser = parse_url_or_default)]
    pub(crate) url: String,
    /// An API key with the scopes runs:read and runs:write.
    #[arg(long, env = "CUPEL_API_KEY", hide_env_values = true)]
    pub(crate) key: Option<String>,
    /// Only these languages.
    #[arg(value_name = "ID")]
    pub(crate) ids: Vec<String>,
}
