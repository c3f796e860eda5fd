//! Arguments of `cupel serve`, `cupel api` and `cupel worker`.

use cupel_facades::{JOBE, JUDGE0, PISTON, SANDBOXFUSION};

use crate::cli::shared_args::Settings;

/// Start the server: API, database, queue and workers in one process.
///
/// If there are no users yet, creates the administrator `admin`, and prints its password, an API key and a one-time
/// link, once. After SIGTERM, SIGINT or SIGHUP, running programs may continue for up to 30 seconds (server.drain);
/// programs that have not ended by then, and waiting runs, run after the next start. A second SIGINT stops the server
/// at once, and so does any of these signals while the server starts.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  cupel serve
  cupel serve --listen 127.0.0.1:9000 --data /var/lib/cupel
  cupel serve --facade piston=127.0.0.1:2000
  CUPEL_WORKER__SLOTS=4 cupel serve --config /etc/cupel.toml")]
pub(crate) struct Serve {
    /// Address and port of the HTTP server; port 0 selects a free port [default: 127.0.0.1:8080].
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) listen: Option<String>,
    /// An additional address for the clients of another product, with that product's paths at the root; repeatable.
    /// NAME is jobe, judge0, piston or sandboxfusion.
    #[arg(long = "facade", value_name = "NAME=HOST:PORT", value_parser = facade)]
    pub(crate) facades: Vec<(String, String)>,
    #[command(flatten)]
    pub(crate) settings: Settings,
}

/// The arguments of a worker, which serves no clients and therefore no facades.
#[derive(Debug, clap::Args)]
pub(crate) struct Worker {
    /// Address and port of the health checks and metrics; port 0 selects a free port [default: 127.0.0.1:8080].
    #[arg(long, value_name = "HOST:PORT")]
    listen: Option<String>,
    #[command(flatten)]
    settings: Settings,
}

impl From<Worker> for Serve {
    fn from(Worker { listen, settings }: Worker) -> Serve {
        Serve { listen, facades: Vec::new(), settings }
    }
}

fn facade(text: &str) -> Result<(String, String), String> {
    let known = [JOBE, JUDGE0, PISTON, SANDBOXFUSION];
    match text.split_once('=') {
        Some((name, address)) if known.contains(&name) => Ok((name.to_owned(), address.to_owned())),
        _ => Err(format!("expected NAME=HOST:PORT, where NAME is {}", known.join(" or "))),
    }
}
