//! Arguments of `cupel doctor`.

/// Test every wall and limit of the sandbox on this machine, by attacking it.
///
/// Prints a table with a remedy for each failure. The exit code is 1 if a wall is missing.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  cupel doctor\n  cupel doctor --json | jq '.walls[] | select(.ok | not)'")]
pub(crate) struct Doctor {
    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
    /// Switch walls off first, to check that their absence is detected.
    #[arg(long, value_name = "WALL", num_args = 1.., value_delimiter = ',')]
    pub(crate) without: Vec<String>,
}
