//! Arguments of `cupel serve`, `cupel api` and `cupel worker`.

use cupel_facades::{JOBE, JUDGE0, PISTON, SANDBOXFUSION};

use crate::cli::shared_args::Settings;

/// Start the server: API, database, queue and workers in one process.
///
/// The first start creates an administrator and prints its password, an API key and a one-time link, once. SIGTERM and
/// SIGINT stop the server: running programs may end, and the other runs wait for the next start.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  cupel serve
  cupel serve --listen 127.0.0.1:9000 --data /var/lib/cupel
  cupel serve --facade piston=127.0.0.1:2000
  CUPEL_WORKER__SLOTS=4 cupel serve --config /etc/cupel.toml")]
pub(crate) struct Serve {
    /// Address and port of the API; port 0 selects a free port [default: 127.0.0.1:8080].
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) listen: Option<String>,
    /// An additional address for the clients of another product, with that product's paths at the root; repeatable.
    /// NAME is jobe, judge0, piston or sandboxfusion.
    #[arg(long = "facade", value_name = "NAME=HOST:PORT", value_parser = facade)]
    pub(crate) facades: Vec<(String, String)>,
    #[command(flatten)]
    pub(crate) settings: Settings,
}

fn facade(text: &str) -> Result<(String, String), String> {
    let known = [JOBE, JUDGE0, PISTON, SANDBOXFUSION];
    match text.split_once('=') {
        Some((name, address)) if known.contains(&name) => Ok((name.to_owned(), address.to_owned())),
        _ => Err(format!("expected NAME=HOST:PORT, where NAME is {}", known.join(" or "))),
    }
}
