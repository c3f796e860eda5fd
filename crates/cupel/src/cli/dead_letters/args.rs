//! Arguments of `cupel admin dead`.

use clap::Subcommand;
use cupel_types::SubmissionId;

#[derive(Debug, Subcommand)]
pub(crate) enum DeadCommand {
    /// List dead letters, the latest first.
    List {
        /// Maximum number of dead letters.
        #[arg(long, value_name = "COUNT", default_value_t = 100)]
        limit: u64,
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Print why each attempt of a dead letter failed, on which worker, and when.
    Show {
        /// The submission's id.
        #[arg(value_name = "SUBMISSION")]
        id: SubmissionId,
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Queue dead letters again under their ids, with the full number of attempts.
    Retry(DeadLetterSelection),
    /// Delete dead letters and the records of their attempts; the submissions stay, with their internal errors.
    Purge(DeadLetterSelection),
}

/// Selection of dead letters.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub(crate) struct DeadLetterSelection {
    /// Ids of submissions.
    #[arg(value_name = "SUBMISSION")]
    pub(crate) ids: Vec<SubmissionId>,
    /// All dead letters.
    #[arg(long)]
    pub(crate) all: bool,
}
