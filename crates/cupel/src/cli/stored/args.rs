//! What can be typed: the commands of `cupel admin` about the store as a whole.

use std::path::PathBuf;

use clap::Subcommand;

/// What is done to the store as a whole.
#[derive(Debug, Subcommand)]
pub(crate) enum StoredCommand {
    /// Bring the store's schema up to date, as every start does.
    Migrate,
    /// Copy the SQLite database into a new file, as it is at one moment, also while the server runs.
    ///
    /// Packages and `secret.key` lie beside it and are files: copy them, too. A PostgreSQL database is copied by pg_dump.
    Backup {
        /// The file to make; `-` is standard output.
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Make the SQLite database of a data directory that has none out of such a copy.
    Restore {
        /// The copy.
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Print everything in the store, secrets included: a JSON object per row. Nobody should use the store meanwhile.
    Export,
    /// Move everything from SQLite into an empty PostgreSQL database, or from `store.url` into SQLite. Problems' packages go into the store
    /// of `blobs.url` (empty: that database), or come from there. Stop all servers before.
    Move {
        /// `postgres://user:password@host:5432/database`, or `sqlite`: into the data directory.
        #[arg(value_name = "URL")]
        url: String,
    },
}
