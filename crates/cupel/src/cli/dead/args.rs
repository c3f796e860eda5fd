//! What can be typed: `cupel admin dead`.

use clap::Subcommand;
use cupel_types::SubmissionId;

#[derive(Debug, Subcommand)]
pub(crate) enum DeadCommand {
    /// List them, those that died last first.
    List {
        /// How many at most.
        #[arg(long, value_name = "COUNT", default_value_t = 100)]
        limit: u64,
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Say of one why each attempt failed, at which worker, and when.
    Show {
        /// The submission's id.
        #[arg(value_name = "SUBMISSION")]
        id: SubmissionId,
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Queue them again under their ids, with as many attempts as at first.
    Retry(DeadOnes),
    /// Put them away, with what is known of their attempts; the submissions stay, with their internal errors.
    Purge(DeadOnes),
}

/// Which of them.
#[derive(Debug, clap::Args)]
pub(crate) struct DeadOnes {
    /// Ids of submissions.
    #[arg(value_name = "SUBMISSION", required_unless_present = "all", conflicts_with = "all")]
    pub(crate) ids: Vec<SubmissionId>,
    /// All that have died by now.
    #[arg(long)]
    pub(crate) all: bool,
}
