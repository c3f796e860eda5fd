//! What can be typed: `cupel admin`.

use clap::Subcommand;

use crate::cli::dead::args::DeadCommand;
use crate::cli::shared_args::Settings;
use crate::cli::stored::args::StoredCommand;

/// Look at workers and at what waits, and tell workers what to do, also while servers run; copy, move and export the store.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  cupel admin workers
  cupel admin queue --json | jq .queued
  cupel admin pause                      no worker takes new runs
  cupel admin resume
  cupel admin drain judge-3              this one finishes what it has, and ends
  cupel admin dead list                  what was given up
  cupel admin dead retry --all
  cupel admin backup /backup/cupel.db    while the server runs
  cupel admin move postgres://cupel@db/cupel")]
pub(crate) struct Admin {
    #[command(subcommand)]
    pub(crate) command: AdminCommand,
    #[command(flatten)]
    pub(crate) settings: Settings,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AdminCommand {
    /// List the workers: who is there, what they do, what they are told.
    Workers {
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Say how many runs wait and since when, and how many run.
    Queue {
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Tell a worker, or all of them, to take no new runs for now; they hear it within seconds.
    Pause {
        /// The worker's id or name; all of them, and those that come later, when it is left out.
        #[arg(value_name = "WORKER")]
        worker: Option<String>,
    },
    /// Tell a worker, or all of them, to take runs again.
    Resume {
        /// The worker's id or name; all of them when it is left out.
        #[arg(value_name = "WORKER")]
        worker: Option<String>,
    },
    /// Tell a worker to take no new runs, to finish what it has or give it back, and to end.
    ///
    /// What keeps workers running, such as systemd or Kubernetes, may start another in its place: stop it there if none is to be.
    Drain {
        /// The worker's id or name.
        #[arg(value_name = "WORKER")]
        worker: String,
    },
    /// List submissions that were abandoned because every attempt failed because of Cupel; retry or purge them.
    #[command(subcommand)]
    Dead(DeadCommand),
    #[command(flatten)]
    Stored(StoredCommand),
}
