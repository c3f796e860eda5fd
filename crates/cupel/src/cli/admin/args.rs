//! Arguments of `cupel admin`.

use clap::Subcommand;

use crate::cli::dead_letters::args::DeadCommand;
use crate::cli::shared_args::Settings;
use crate::cli::stored::args::StoredCommand;

/// List workers and waiting runs, and pause or drain workers, also while servers run; copy, move and export the store.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  cupel admin workers
  cupel admin queue --json | jq .queued
  cupel admin pause                      no worker takes new runs
  cupel admin resume
  cupel admin drain judge-3              this worker finishes its runs, and ends
  cupel admin dead list                  submissions that could not be judged
  cupel admin dead retry --all
  cupel admin backup /backup/cupel.db    while the server runs
  cupel admin move --url-file /root/database-url")]
pub(crate) struct Admin {
    #[command(subcommand)]
    pub(crate) command: AdminCommand,
    #[command(flatten)]
    pub(crate) settings: Settings,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AdminCommand {
    /// List the workers with their states and pending commands (pause, drain).
    ///
    /// BUSY is the number of slots that were occupied at the last heartbeat (SEEN); `cupel admin queue` prints the
    /// current number of running runs. LANGUAGES is the number of languages that `GET /languages` lists; `languages` of
    /// --json also has the others.
    Workers {
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Print the number of waiting and running runs, and the age of the oldest waiting run.
    Queue {
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Pause a worker, or all workers: within seconds, they take no new runs.
    Pause {
        /// Id or name of the worker [default: all workers, and those that start later].
        #[arg(value_name = "WORKER")]
        worker: Option<String>,
    },
    /// Resume a paused worker, or all workers.
    ///
    /// Workers that were paused all together, with `cupel admin pause`, can only be resumed all together.
    Resume {
        /// Id or name of the worker [default: all workers].
        #[arg(value_name = "WORKER")]
        worker: Option<String>,
    },
    /// Drain a worker: it takes no new runs, finishes its runs or gives them back, and ends.
    ///
    /// A service manager such as systemd or Kubernetes may start a new worker in its place. To prevent that, stop the
    /// worker there.
    Drain {
        /// Id or name of the worker.
        #[arg(value_name = "WORKER")]
        worker: String,
    },
    /// List, retry or delete dead letters: submissions of which every attempt failed because of an internal failure.
    #[command(subcommand)]
    Dead(DeadCommand),
    #[command(flatten)]
    Stored(StoredCommand),
}
