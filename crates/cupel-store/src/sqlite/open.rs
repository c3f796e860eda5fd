//! Opening: folder and file with tight modes, pragmas, migrations.

use std::fs::{DirBuilder, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use cupel_types::Bytes;
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Executor as _, SqlSafeStr as _};

use super::SqliteStore;
use super::writer::Writer;

/// Connections that read. More would only wait for the cores.
const READERS_MAX: u32 = 4;
/// SQLite's page size, which is set when the file is made.
const PAGE_BYTES: u64 = 4096;
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
    vec![simple(1, "base", include_str!("../../migrations/sqlite/0001_base.sql"))]
}

impl SqliteStore {
    /// Opens the database file at `path`, making it (mode 0600) and its folder (0700) if need be, and
    /// brings its schema up to date.
    ///
    /// # Errors
    /// [`OpenError`], among them a database that a newer version has written.
    pub async fn open(path: &Path) -> Result<SqliteStore, OpenError> {
        SqliteStore::open_bounded(path, None).await
    }

    /// [`SqliteStore::open`], with a bound on the database file. What does not fit is refused as if the
    /// disk were full: transiently, before it is accepted.
    ///
    /// # Errors
    /// As [`SqliteStore::open`].
    pub async fn open_bounded(path: &Path, size_max: Option<Bytes>) -> Result<SqliteStore, OpenError> {
        make_file(path)?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .page_size(PAGE_BYTES as u32)
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
        if let Some(size_max) = size_max {
            let pages = (size_max.get() / PAGE_BYTES).max(1);
            // A number we made: nothing of anybody else's is in this text.
            let pragma = sqlx::AssertSqlSafe(format!("PRAGMA max_page_count = {pages}"));
            writing.execute(sqlx::raw_sql(pragma)).await.map_err(failed)?;
        }
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
