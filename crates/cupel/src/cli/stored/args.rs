//! Arguments of the commands of `cupel admin` on the store as a whole.

use std::path::PathBuf;

use clap::Subcommand;

/// Commands on the store as a whole.
#[derive(Debug, Subcommand)]
pub(crate) enum StoredCommand {
    /// Update the store's schema, as every start does.
    Migrate,
    /// Copy a consistent snapshot of the SQLite database to a new file, also while the server runs.
    ///
    /// Packages and `secret.key` are separate files in the data directory: copy them as well. To copy a PostgreSQL
    /// database, use pg_dump.
    Backup {
        /// New file; `-` is standard output.
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Create the SQLite database of a data directory from a backup; the directory must have no database.
    Restore {
        /// The backup.
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Print the whole store, including secrets, as one JSON object per row. Stop all servers first.
    Export,
    /// Move all data from SQLite to an empty PostgreSQL database, or from `store.url` to SQLite. Problem packages move
    /// to the blob store of `blobs.url` (empty: that database), or from there. Stop all servers first.
    Move {
        /// Target: `sqlite` for the data directory, or the URL of the PostgreSQL database, such as
        /// `postgres://cupel@host:5432/database`; `-` reads it from standard input. Other users of the machine can see
        /// the arguments of processes, so a URL with a password belongs in a file.
        #[arg(value_name = "URL", required_unless_present = "url_file")]
        url: Option<String>,
        /// Read the URL from this file.
        #[arg(long, value_name = "FILE", conflicts_with = "url")]
        url_file: Option<PathBuf>,
    },
}
