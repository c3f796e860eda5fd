//! [`PostgresBlobs`]: blobs in tables of the store's PostgreSQL database, so that a small cluster needs no other
//! service.
//!
//! A blob is a row of `blobs` and rows of `blob_chunks` of up to one mebibyte. All rows are written in one transaction,
//! so readers find the complete blob or nothing. If several nodes put the same key, the first blob is kept.
//!
//! Invariants: at most [`SESSIONS_MAX`] connections, and no wait longer than [`ANSWER_MAX`]. Ages are measured with the
//! server's clock.

use std::io::{self, Read, Write};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cupel_core::{BlobInfo, BlobKey, BlobKind, Blobs, BlobsError};
use cupel_postgres::{Endpoint, Reactor, UrlError};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Row, Statement, ToStatement};

use super::failed;

/// Maximum number of connections per node.
const SESSIONS_MAX: usize = 4;

/// Timeout for connecting, from the first packet.
const CONNECT_MAX: Duration = Duration::from_secs(5);
/// Timeout for a free connection, and for a result.
const ANSWER_MAX: Duration = Duration::from_secs(30);

const CHUNK_BYTES: usize = 1 << 20;

/// Version of the tables that this code supports.
const VERSION: i32 = 1;

/// Advisory lock held while the tables are created. The number is arbitrary, but must be the same on all nodes.
const MIGRATION_LOCK: i64 = 0x6375_7065_6c62_6c6f;

/// The storage mode `EXTERNAL` prevents the server from compressing chunks: most are incompressible, and compression
/// would take long.
const TABLES: &str = "
    CREATE TABLE blob_version (version INT NOT NULL);
    INSERT INTO blob_version VALUES (1);
    CREATE TABLE blobs (
        key TEXT COLLATE \"C\" PRIMARY KEY,
        id BIGINT NOT NULL,
        bytes BIGINT NOT NULL,
        put_at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp()
    );
    CREATE SEQUENCE blob_ids;
    CREATE TABLE blob_chunks (
        blob BIGINT NOT NULL,
        number INT NOT NULL,
        data BYTEA NOT NULL,
        PRIMARY KEY (blob, number)
    );
    ALTER TABLE blob_chunks ALTER COLUMN data SET STORAGE EXTERNAL;";

/// Blobs in a database.
pub struct PostgresBlobs {
    place: Endpoint,
    cluster: String,
    sessions: Mutex<Sessions>,
    freed: Condvar,
}

#[derive(Default)]
struct Sessions {
    idle: Vec<Session>,
    in_use: usize,
}

/// Reason why a database cannot be used for blobs.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages document the variants")]
pub enum PostgresBlobsError {
    #[error("the URL is not valid")]
    Url(#[from] UrlError),
    #[error("cannot connect to the database or create the tables")]
    Session(#[source] SessionError),
    #[error(
        "a newer version of cupel has changed the tables of blobs (schema {found}; this version supports {VERSION}); run that version"
    )]
    Newer { found: i32 },
}

/// A failed query.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    #[error(transparent)]
    Postgres(#[from] tokio_postgres::Error),
    #[error("the database did not respond in time")]
    Silent,
    #[error("all connections were busy for {} s", ANSWER_MAX.as_secs())]
    Busy,
    #[error("cannot set up the connection")]
    Setup(#[source] io::Error),
}

impl PostgresBlobs {
    /// A cluster's blobs in the database of a URL. Creates the tables if they do not exist.
    ///
    /// # Errors
    /// [`PostgresBlobsError`].
    pub fn open(url: &str, cluster: &str) -> Result<PostgresBlobs, PostgresBlobsError> {
        let place = Endpoint::parse(url, "cupel blobs")?.connect_within(CONNECT_MAX);
        let (cluster, sessions, freed) = (cluster.to_owned(), Mutex::default(), Condvar::new());
        let blobs = PostgresBlobs { place, cluster, sessions, freed };
        let found = blobs.with(|session| {
            let lock = format!("BEGIN; SELECT pg_advisory_xact_lock({MIGRATION_LOCK})");
            session.batch(&lock)?;
            let known = session.query("SELECT to_regclass('blob_version') IS NOT NULL", &[])?;
            if !known.first().is_some_and(|row| row.get(0)) {
                session.batch(TABLES)?;
            }
            let found = session.query("SELECT version FROM blob_version", &[])?;
            session.batch("COMMIT")?;
            Ok(found.first().map_or(VERSION, |row| row.get(0)))
        });
        match found.map_err(PostgresBlobsError::Session)? {
            VERSION => Ok(blobs),
            found => Err(PostgresBlobsError::Newer { found }),
        }
    }

    /// Runs queries on a connection reserved for them. After an error the connection is closed.
    fn with<T>(&self, ask: impl FnOnce(&Session) -> Result<T, SessionError>) -> Result<T, SessionError> {
        let idle = self.take()?;
        let held = Held(self);
        let session = match idle {
            // The server may have been restarted since the connection was last used.
            Some(session) if session.batch("").is_ok() => session,
            _ => Session::open(&self.place)?,
        };
        let answer = ask(&session)?;
        self.locked().idle.push(session);
        drop(held);
        Ok(answer)
    }

    /// The key as stored in the table: below the cluster's name.
    fn name(&self, of: impl std::fmt::Display) -> String {
        format!("{}/{of}", self.cluster)
    }

    /// Waits for one of the [`SESSIONS_MAX`] permits, which [`Held`] releases on drop. Returns an idle connection if
    /// there is one.
    fn take(&self) -> Result<Option<Session>, SessionError> {
        let full = |sessions: &mut Sessions| sessions.in_use >= SESSIONS_MAX;
        let waited = self.freed.wait_timeout_while(self.locked(), ANSWER_MAX, full);
        let (mut sessions, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if sessions.in_use >= SESSIONS_MAX {
            return Err(SessionError::Busy);
        }
        sessions.in_use += 1;
        Ok(sessions.idle.pop())
    }

    fn locked(&self) -> MutexGuard<'_, Sessions> {
        // Every change leaves consistent data, so a poisoned lock is ignored.
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One of the [`SESSIONS_MAX`] permits to use a connection, until it is dropped.
struct Held<'a>(&'a PostgresBlobs);

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.locked().in_use -= 1;
        self.0.freed.notify_one();
    }
}

impl Blobs for PostgresBlobs {
    fn put(&self, key: &BlobKey, source: &mut dyn Read) -> Result<(), BlobsError> {
        let put = self.with(|session| {
            let name = self.name(key);
            if !session.query("SELECT 1 FROM blobs WHERE key = $1", &[&name])?.is_empty() {
                return Ok(Ok(()));
            }
            session.batch("BEGIN")?;
            let id: i64 = session.one("SELECT nextval('blob_ids')", &[])?.get(0);
            let insert = session.prepare("INSERT INTO blob_chunks (blob, number, data) VALUES ($1, $2, $3)")?;
            let mut bytes = 0;
            for number in 0_i32.. {
                let mut chunk = Vec::with_capacity(CHUNK_BYTES);
                if let Err(error) = source.take(CHUNK_BYTES as u64).read_to_end(&mut chunk) {
                    session.batch("ROLLBACK")?;
                    return Ok(Err(BlobsError::Source(error)));
                }
                if chunk.is_empty() {
                    break;
                }
                bytes += chunk.len() as i64;
                session.execute(&insert, &[&id, &number, &chunk])?;
            }
            let named = "INSERT INTO blobs (key, id, bytes) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING RETURNING 1";
            // If another node has put the same key first, that node's blob stays, and this insertion is rolled back.
            let is_first = !session.query(named, &[&name, &id, &bytes])?.is_empty();
            session.batch(if is_first { "COMMIT" } else { "ROLLBACK" })?;
            Ok(Ok(()))
        });
        put.map_err(failed("put", key))?
    }

    fn get(&self, key: &BlobKey, into: &mut dyn Write, bytes_max: u64) -> Result<u64, BlobsError> {
        let read = self.with(|session| {
            let found = session.query("SELECT id, bytes FROM blobs WHERE key = $1", &[&self.name(key)])?;
            let Some(found) = found.first() else { return Ok(Err(BlobsError::Missing(*key))) };
            let (id, length) = (found.get::<_, i64>(0), found.get::<_, i64>(1).unsigned_abs());
            if length > bytes_max {
                return Ok(Err(BlobsError::TooLarge { key: *key, bytes_max }));
            }
            let select = session.prepare("SELECT data FROM blob_chunks WHERE blob = $1 AND number = $2")?;
            let mut bytes = 0;
            for number in 0_i32.. {
                if bytes >= length {
                    break;
                }
                let chunk = session.query(&select, &[&id, &number])?;
                // The blob was removed concurrently.
                let Some(chunk) = chunk.first() else { return Ok(Err(BlobsError::Missing(*key))) };
                let chunk: &[u8] = chunk.get(0);
                bytes += chunk.len() as u64;
                if let Err(error) = into.write_all(chunk) {
                    return Ok(Err(BlobsError::Target(error)));
                }
            }
            Ok(Ok(bytes))
        });
        read.map_err(failed("get", key))?
    }

    fn has(&self, key: &BlobKey) -> Result<bool, BlobsError> {
        let found = self.with(|session| session.query("SELECT 1 FROM blobs WHERE key = $1", &[&self.name(key)]));
        Ok(!found.map_err(failed("find", key))?.is_empty())
    }

    fn remove(&self, key: &BlobKey) -> Result<(), BlobsError> {
        let sql = "WITH gone AS (DELETE FROM blobs WHERE key = $1 RETURNING id) \
                   DELETE FROM blob_chunks USING gone WHERE blob = gone.id RETURNING 1";
        let removed = self.with(|session| session.query(sql, &[&self.name(key)]));
        removed.map(drop).map_err(failed("remove", key))
    }

    fn list(&self, kind: BlobKind) -> Result<Vec<BlobInfo>, BlobsError> {
        // The range of keys that start with this prefix: `0` follows `/` in ASCII.
        let (from, to) = (format!("{}/", self.name(kind)), format!("{}0", self.name(kind)));
        let sql = "SELECT key, bytes, extract(epoch FROM clock_timestamp() - put_at)::FLOAT8 FROM blobs WHERE key > $1 AND key < $2";
        let rows = self.with(|session| session.query(sql, &[&from, &to])).map_err(failed("list", kind))?;
        let above = self.name("");
        let found = rows.iter().filter_map(|row| {
            let key = row.get::<_, &str>(0).strip_prefix(&above)?.parse().ok()?;
            let age = Duration::try_from_secs_f64(row.get(2)).unwrap_or_default();
            Some(BlobInfo { key, bytes: row.get::<_, i64>(1).unsigned_abs(), age })
        });
        Ok(found.collect())
    }
}

impl std::fmt::Debug for PostgresBlobs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Hides the password.
        f.debug_struct("PostgresBlobs").finish_non_exhaustive()
    }
}

/// A connection, with a separate small runtime for its I/O.
struct Session {
    // The first field, so that it is dropped before the client.
    reactor: Reactor,
    client: Client,
}

impl Session {
    fn open(place: &Endpoint) -> Result<Session, SessionError> {
        let reactor = Reactor::new().map_err(SessionError::Setup)?;
        let connecting = async {
            let (client, connection) = place.connect().await?;
            tokio::spawn(connection);
            Ok(client)
        };
        let client = reactor.block_on(within(CONNECT_MAX, connecting)).ok_or(SessionError::Silent)??;
        Ok(Session { reactor, client })
    }

    fn wait<T>(&self, answer: impl Future<Output = Result<T, tokio_postgres::Error>>) -> Result<T, SessionError> {
        self.reactor.block_on(within(ANSWER_MAX, answer)).ok_or(SessionError::Silent)?
    }

    /// Executes statements without parameters.
    fn batch(&self, sql: &str) -> Result<(), SessionError> {
        self.wait(self.client.batch_execute(sql))
    }

    fn prepare(&self, sql: &str) -> Result<Statement, SessionError> {
        self.wait(self.client.prepare(sql))
    }

    fn query(
        &self,
        sql: &(impl ToStatement + ?Sized),
        values: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, SessionError> {
        self.wait(self.client.query(sql, values))
    }

    fn one(&self, sql: &str, values: &[&(dyn ToSql + Sync)]) -> Result<Row, SessionError> {
        self.wait(self.client.query_one(sql, values))
    }

    fn execute(&self, sql: &Statement, values: &[&(dyn ToSql + Sync)]) -> Result<u64, SessionError> {
        self.wait(self.client.execute(sql, values))
    }
}

async fn within<T>(
    time: Duration,
    answer: impl Future<Output = Result<T, tokio_postgres::Error>>,
) -> Result<T, SessionError> {
    Ok(tokio::time::timeout(time, answer).await.map_err(|_elapsed| SessionError::Silent)??)
}
