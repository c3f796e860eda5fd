//! Opening a database: folder and file with restrictive modes, pragmas, migrations.

use std::fs::{DirBuilder, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::Connection;

use super::Sqlite;
use super::migrate::{MigrateError, migrate};
use super::readers::Readers;
use super::writer::Writer;
use crate::sql::SqlStore;

/// Maximum number of reading connections. More connections would only compete for the processors.
const READERS_MAX: usize = 4;
/// Time to wait for a transaction of another process (a command that runs at the same time as a server), or for a
/// reader.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// Number of compiled statements that a connection caches; larger than the number of statements.
const STATEMENTS_MAX: usize = 200;

/// Pragmas of every connection. The page size takes effect when the file is created.
const PRAGMAS: &str = "PRAGMA page_size = 4096; \
     PRAGMA journal_mode = WAL; \
     PRAGMA synchronous = FULL; \
     PRAGMA foreign_keys = ON; \
     PRAGMA temp_store = MEMORY; \
     PRAGMA cache_size = -16000; /* KiB */ \
     PRAGMA wal_autocheckpoint = 4000; /* pages: 16 MiB between checkpoints */ \
     PRAGMA journal_size_limit = 67108864; /* bytes the log may keep after a checkpoint */";

/// Reason why the store cannot be opened.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages document the variants")]
pub enum OpenError {
    #[error("cannot create the data directory `{}`", path.display())]
    Folder {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("cannot open the database file `{}`", path.display())]
    File {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("`{}` was written by a newer version of cupel (schema {version}; this version supports {known}); run that version, or restore a backup made before the upgrade", path.display())]
    Newer { path: PathBuf, version: i64, known: i64 },
    #[error("cannot update the schema of `{}`", path.display())]
    Migrate {
        path: PathBuf,
        #[source]
        source: rusqlite::Error,
    },
    #[error("`{}` cannot be used as a database", path.display())]
    Database {
        path: PathBuf,
        #[source]
        source: rusqlite::Error,
    },
    #[error("cannot start the thread that writes to the database")]
    Thread(#[source] io::Error),
}

impl SqlStore {
    /// Opens the database file at `path`, creates it (mode 0600) and its folder (0700) if they do not exist, and
    /// brings its schema up to date. Blocks for some milliseconds, longer if the schema changes.
    ///
    /// # Errors
    /// [`OpenError`], for example for a database written by a newer version.
    pub async fn open_sqlite(path: &Path) -> Result<SqlStore, OpenError> {
        make_file(path)?;
        let failed = |source| OpenError::Database { path: path.to_owned(), source };
        let mut writing = connect(path).map_err(failed)?;
        migrate(&mut writing).map_err(|error| match error {
            MigrateError::Newer { version, known } => OpenError::Newer { path: path.to_owned(), version, known },
            MigrateError::Sql(source) => OpenError::Migrate { path: path.to_owned(), source },
        })?;
        let reading = || {
            let connection = connect(path)?;
            connection.execute_batch("PRAGMA query_only = ON")?;
            Ok(connection)
        };
        let readers = (0..READERS_MAX).map(|_| reading()).collect::<Result<_, _>>().map_err(failed)?;
        let writer = Writer::start(writing).map_err(OpenError::Thread)?;
        Ok(SqlStore::on(Sqlite { readers: Readers::new(readers), writer }))
    }
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.execute_batch(PRAGMAS)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    Ok(connection)
}

fn make_file(path: &Path) -> Result<(), OpenError> {
    if let Some(folder) = path.parent().filter(|f| !f.as_os_str().is_empty()) {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
        made.map_err(|source| OpenError::Folder { path: folder.to_owned(), source })?;
    }
    // SQLite gives its log and index files the mode of the database file.
    let opened = OpenOptions::new().create(true).truncate(false).read(true).write(true).mode(0o600).open(path);
    opened.map(drop).map_err(|source| OpenError::File { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use cupel_core::{AccountStore as _, RunStore as _};
    use cupel_testkit::{a_submission, a_user, t0};

    use super::*;
    use crate::sql::fault::SqlFault;
    use crate::sql::{Sql, Write, values};

    /// Limits the database to 4 MiB. SQLite returns the same error (SQLITE_FULL) for this limit as for a full disk.
    struct SmallDisk;

    impl Write for SmallDisk {
        type Output = ();
        const OPERATION: &'static str = "bound the file";
        const DURABLE: bool = false;

        fn apply(&self, db: &dyn Sql) -> Result<(), SqlFault> {
            db.exists("PRAGMA max_page_count = 1024", values![])?;
            Ok(())
        }
    }

    #[tokio::test]
    async fn a_full_disk_is_a_transient_error_and_the_store_stays_usable() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cupel.db");
        let store = SqlStore::open_sqlite(&path).await.unwrap();
        store.write(SmallDisk).await.unwrap();
        let owner = store.insert_user(a_user()).await.unwrap().unwrap().id;
        let big = a_submission().by(owner).stdin(&vec![1; 8 << 20]).alone();
        let id = big.submissions[0].0.id;
        let result = store.insert(big).await;
        let error = result.expect_err("it cannot fit");
        assert!(error.transient && cupel_core::is_disk_full(&error), "{error:?}");
        assert!(cupel_core::chain(&error).contains(path.to_str().unwrap()), "{error:?}");
        // `ping` reports the full disk, although small changes still fit.
        let error = store.ping().await.expect_err("the disk was full a moment ago");
        assert!(cupel_core::is_disk_full(&error), "{error:?}");
        assert!(store.submission(id).await.unwrap().is_none());
        let small = a_submission().by(owner).alone();
        let id = small.submissions[0].0.id;
        store.insert(small).await.unwrap();
        assert!(store.submission(id).await.unwrap().is_some());
        assert_eq!(store.counts(t0()).await.unwrap().queued, 1);
    }
}
