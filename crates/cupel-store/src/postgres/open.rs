//! Opening a database: errors name the setting to change and the remedy.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use cupel_postgres::{Endpoint, UrlError};
use tokio_postgres::error::SqlState;

use super::clock::DatabaseClock;
use super::connection::{Connection, Timeouts};
use super::migrate::{MigrateError, migrate};
use super::pool::Pool;
use super::writers::Writers;
use super::{Postgres, Server};
use crate::sql::fault::SqlFault;
use crate::sql::{Sql, SqlStore, values};

/// PostgreSQL 13, as `server_version_num`.
const OLDEST: i64 = 130_000;
/// Time limit for schema migrations, including the wait for another node's migrations.
const MIGRATION: Duration = Duration::from_secs(1800);

/// Options for opening a database.
#[derive(Clone, Debug)]
pub struct PostgresOptions {
    /// `postgres://user:password@host:port/database`, with `?sslmode=…` as in libpq.
    pub url: String,
    /// The cluster's name. A database belongs to one cluster.
    pub cluster: String,
    /// Number of connections that write, at least 1.
    pub writers: u32,
    /// Maximum number of connections that read, at least 1.
    pub readers: u32,
    /// Timeouts of database operations.
    pub timeouts: Timeouts,
}

impl PostgresOptions {
    /// Default options, with the number of connections that one node needs.
    pub fn new(url: impl Into<String>, cluster: impl Into<String>) -> PostgresOptions {
        let (url, cluster) = (url.into(), cluster.into());
        PostgresOptions { url, cluster, writers: 4, readers: 8, timeouts: Timeouts::default() }
    }
}

/// Reason why the store cannot be opened.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages document the variants")]
pub enum PostgresError {
    #[error(
        "`store.url` is not the URL of a PostgreSQL database; expected postgres://user:password@host:5432/database"
    )]
    Url(#[source] UrlError),
    #[error(
        "cannot connect to a PostgreSQL server at `{place}`: check host, port and `sslmode` in `store.url`, that the server runs, and that it accepts connections from this machine"
    )]
    Unreachable {
        place: String,
        #[source]
        source: Arc<dyn std::error::Error + Send + Sync>,
    },
    #[error(
        "the PostgreSQL server at `{place}` rejects the user: check user and password in `store.url`, and the server's pg_hba.conf"
    )]
    Login {
        place: String,
        #[source]
        source: Arc<dyn std::error::Error + Send + Sync>,
    },
    #[error(
        "database `{place}` does not exist: create it (createdb), or correct the database name at the end of `store.url`"
    )]
    NoDatabase {
        place: String,
        #[source]
        source: Arc<dyn std::error::Error + Send + Sync>,
    },
    #[error(
        "the user in `store.url` lacks privileges in `{place}`: make the user the owner of the database (ALTER DATABASE … OWNER TO …)"
    )]
    Rights {
        place: String,
        #[source]
        source: Arc<dyn std::error::Error + Send + Sync>,
    },
    #[error(
        "the PostgreSQL server at `{place}` accepts no writes: name the primary in `store.url`, not a standby, and check that `default_transaction_read_only` is off"
    )]
    ReadOnly { place: String },
    #[error("the server at `{place}` is PostgreSQL {version}; `store.url` must name a server of version 13 or later")]
    TooOld { place: String, version: String },
    #[error(
        "`{place}` was written by a newer version of cupel (schema {version}; this version supports {known}); run that version, or restore a backup made before the upgrade"
    )]
    Newer { place: String, version: i64, known: i64 },
    #[error(
        "`{place}` belongs to the cluster `{found}`, and this node to `{cluster}`: give each cluster its own database in `store.url`, or set `cluster.name` to `{found}`"
    )]
    OtherCluster { place: String, found: String, cluster: String },
    #[error(
        "cannot update the schema of `{place}`; if another program has tables there, name a separate database for cupel in `store.url`"
    )]
    Migrate {
        place: String,
        #[source]
        source: Arc<dyn std::error::Error + Send + Sync>,
    },
    #[error("cannot start the threads that write to the database")]
    Threads(#[source] io::Error),
}

impl SqlStore {
    /// Connects, creates the schema or brings it up to date, and measures the database's time.
    ///
    /// # Errors
    /// [`PostgresError`], which names the setting to change.
    pub async fn open_postgres(options: PostgresOptions) -> Result<SqlStore, PostgresError> {
        let opened = tokio::task::spawn_blocking(move || open(&options)).await;
        let backend = opened.map_err(|panicked| PostgresError::Threads(io::Error::other(panicked)))??;
        backend.clock.keep(backend.pool.clone());
        Ok(SqlStore::on(backend))
    }
}

fn open(options: &PostgresOptions) -> Result<Postgres, PostgresError> {
    let place = Endpoint::parse(&options.url, "cupel").map_err(PostgresError::Url)?;
    let name = place.name();
    let server = Arc::new(Server { place, timeouts: options.timeouts });
    let first = server.connect().map_err(|fault| refused(&name, fault))?;
    check_version(&first, &name)?;
    {
        let patient = server.connect().map_err(|fault| refused(&name, fault))?;
        let migrated = patient.set_long_timeouts(MIGRATION).map_err(MigrateError::SqlFault);
        migrated.and_then(|()| migrate(&patient, &options.cluster)).map_err(|error| match error {
            MigrateError::Newer { version, known } => PostgresError::Newer { place: name.clone(), version, known },
            MigrateError::OtherCluster { found } => {
                PostgresError::OtherCluster { place: name.clone(), found, cluster: options.cluster.clone() }
            }
            MigrateError::SqlFault(fault) => refused(&name, fault),
        })?;
    }
    let clock = DatabaseClock::measure(&first).map_err(|fault| refused(&name, fault))?;
    let writers = Writers::start(&server, options.writers.max(1)).map_err(PostgresError::Threads)?;
    Ok(Postgres { pool: Pool::new(server, options.readers.max(1), first), writers, clock })
}

fn check_version(connection: &Connection, place: &str) -> Result<(), PostgresError> {
    let db: &dyn Sql = connection;
    let sql = "SELECT current_setting('server_version_num')::BIGINT, current_setting('server_version')";
    let version = db.one(sql, values![], |row| Ok((row.get::<i64>(0)?, row.get::<String>(1)?)));
    match version.map_err(|fault| refused(place, fault))? {
        Some((number, version)) if number < OLDEST => Err(PostgresError::TooOld { place: place.to_owned(), version }),
        _ => Ok(()),
    }
}

/// Converts a failure at the start into the error that names its cause.
fn refused(place: &str, fault: SqlFault) -> PostgresError {
    let place = place.to_owned();
    let (code, source): (_, Arc<dyn std::error::Error + Send + Sync>) = match fault {
        SqlFault::Unreachable(source) => {
            let error = source.downcast_ref::<tokio_postgres::Error>();
            (error.and_then(tokio_postgres::Error::code).cloned(), source)
        }
        SqlFault::Postgres(source) => (source.code().cloned(), source),
        SqlFault::ReadOnly => return PostgresError::ReadOnly { place },
        fault @ SqlFault::Silent => return PostgresError::Unreachable { place, source: Arc::new(fault) },
        fault => return PostgresError::Migrate { place, source: Arc::new(fault) },
    };
    let Some(code) = code else { return PostgresError::Unreachable { place, source } };
    match code {
        SqlState::INVALID_PASSWORD | SqlState::INVALID_AUTHORIZATION_SPECIFICATION => {
            PostgresError::Login { place, source }
        }
        SqlState::INVALID_CATALOG_NAME => PostgresError::NoDatabase { place, source },
        SqlState::INSUFFICIENT_PRIVILEGE => PostgresError::Rights { place, source },
        code if ["08", "53", "57"].iter().any(|class| code.code().starts_with(class)) => {
            PostgresError::Unreachable { place, source }
        }
        _ => PostgresError::Migrate { place, source },
    }
}
