//! Opening: folder and file with tight modes, pragmas, migrations.

use std::fs::{DirBuilder, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions as _, SqlSafeStr as _};

use super::SqliteStore;
use super::writer::Writer;

/// Connections that read. More would only wait for the cores.
const READERS_MAX: u32 = 4;
/// SQLite's page size, which is set when the file is made.
const PAGE_BYTES: u32 = 4096;
/// How long to wait for another process's transaction (the command line beside a server).
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// Why the store cannot be opened.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum OpenError {
    #[error("cannot make the data folder `{}`", path.display())]
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
    #[error("`{}` was written by a newer version of cupel (schema {version}, this one knows {known}); run that version, or restore a backup made before the upgrade", path.display())]
    Newer { path: PathBuf, version: i64, known: i64 },
    #[error("`{}` cannot be brought to this version's schema", path.display())]
    Migrate {
        path: PathBuf,
        #[source]
        source: MigrateError,
    },
    #[error("`{}` cannot be used as a database", path.display())]
    Database {
        path: PathBuf,
        #[source]
        source: sqlx::Error,
    },
}

/// Every change of the schema, oldest first. A published one never changes again.
fn migrations() -> Vec<Migration> {
    let simple = |version, name: &'static str, sql: &'static str| {
        Migration::new(version, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
    };
    vec![
        simple(1, "base", include_str!("../../migrations/sqlite/0001_base.sql")),
        simple(2, "key ends", include_str!("../../migrations/sqlite/0002_key_ends.sql")),
        simple(3, "waiting of owner", include_str!("../../migrations/sqlite/0003_waiting_of_owner.sql")),
    ]
}

impl SqliteStore {
    /// Opens the database file at `path`, making it (mode 0600) and its folder (0700) if need be, and
    /// brings its schema up to date.
    ///
    /// # Errors
    /// [`OpenError`], among them a database that a newer version has written.
    pub async fn open(path: &Path) -> Result<SqliteStore, OpenError> {
        make_file(path)?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .page_size(PAGE_BYTES)
            .busy_timeout(BUSY_TIMEOUT)
            .pragma("temp_store", "memory")
            .pragma("cache_size", "-16000") // KiB
            .pragma("wal_autocheckpoint", "4000") // pages: 16 MiB between checkpoints
            .pragma("journal_size_limit", "67108864") // bytes the log may keep after a checkpoint
            .statement_cache_capacity(200)
            .disable_statement_logging();
        let failed = |source| OpenError::Database { path: path.to_owned(), source };

        let mut writing: SqliteConnection = options.connect().await.map_err(failed)?;
        migrate(&mut writing, path).await?;
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS_MAX)
            .test_before_acquire(false)
            .acquire_timeout(BUSY_TIMEOUT)
            .connect_with(options.pragma("query_only", "on"))
            .await
            .map_err(failed)?;
        Ok(SqliteStore { readers, writer: Writer::start(writing) })
    }
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

async fn migrate(connection: &mut SqliteConnection, path: &Path) -> Result<(), OpenError> {
    let migrations = migrations();
    let known = migrations.iter().map(|m| m.version).max().unwrap_or(0);
    Migrator::with_migrations(migrations).run(connection).await.map_err(|source| match source {
        MigrateError::VersionMissing(version) if version > known => {
            OpenError::Newer { path: path.to_owned(), version, known }
        }
        source => OpenError::Migrate { path: path.to_owned(), source },
    })
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use cupel_core::{AccountStore as _, RunStore as _};
    use cupel_testkit::{a_submission, a_user, t0};
    use sqlx::Executor as _;

    use super::super::fault::Fault;
    use super::super::writer::Write;
    use super::*;

    /// No more room than 4 MiB. SQLite gives the same answer (SQLITE_FULL) for its own bound as for the disk's.
    struct SmallDisk;

    #[async_trait]
    impl Write for SmallDisk {
        type Output = ();
        const OPERATION: &'static str = "bound the file";
        const DURABLE: bool = false;

        async fn apply(&self, connection: &mut SqliteConnection) -> Result<(), Fault> {
            connection.execute("PRAGMA max_page_count = 1024").await?;
            Ok(())
        }
    }

    #[tokio::test]
    async fn a_full_disk_refuses_transiently_before_acceptance_and_the_store_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cupel.db");
        let store = SqliteStore::open(&path).await.unwrap();
        store.write(SmallDisk).await.unwrap();
        let owner = store.insert_user(a_user()).await.unwrap().unwrap().id;
        let big = a_submission().by(owner).stdin(&vec![1; 8 << 20]).alone();
        let id = big.submissions[0].0.id;
        let result = store.insert(big).await;
        let error = result.expect_err("it cannot fit");
        assert!(error.transient, "{error:?}");
        assert!(store.submission(id).await.unwrap().is_none());
        let small = a_submission().by(owner).alone();
        let id = small.submissions[0].0.id;
        store.insert(small).await.unwrap();
        assert!(store.submission(id).await.unwrap().is_some());
        assert_eq!(store.counts(t0()).await.unwrap().queued, 1);
    }
}
