//! Arguments of the commands that use a server.

use std::path::PathBuf;

use crate::cli::shared_args::{URL_DEFAULT, parse_url_or_default};

/// Credentials for a server.
///
/// A key is never an argument, because other users of the machine can see the arguments of processes.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Server")]
pub(crate) struct Credentials {
    /// Read the API key from this file instead of the environment variable CUPEL_API_KEY. Its scopes must be
    /// `runs:read` and `runs:write`.
    #[arg(long, value_name = "FILE")]
    pub(crate) key_file: Option<PathBuf>,
    /// Trust only the certificate authorities in this PEM file, for a server whose certificate no public authority
    /// has issued.
    #[arg(long, value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
}

/// The server of a problem.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ServerUrl {
    /// URL of the server, unless PROBLEM is a URL.
    #[arg(long, env = "CUPEL_URL", default_value = URL_DEFAULT, value_name = "URL", value_parser = parse_url_or_default)]
    pub(crate) server: String,
}
