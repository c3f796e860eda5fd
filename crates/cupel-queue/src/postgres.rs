//! PostgreSQL: a table that nodes take rows from with SKIP LOCKED, and NOTIFY to wake waiting nodes.
//!
//! - The table is unlogged, so it does not load the disk that the store's transactions wait for. A crash of the server
//!   empties the table, but the store is durable and has the runs.
//! - Taking a hint deletes its row in one statement, so there is nothing to settle. If a node dies while it has a hint,
//!   the hint is lost; the sweeper finds the run.
//! - A run that waits in the table is not inserted again.
//! - Each published batch sends a NOTIFY to all nodes. Waiting nodes then query the table, and SKIP LOCKED gives each
//!   of them different rows.
//! - On each node, the common queue and each language queue that it has opened have one connection each, on which
//!   statements are pipelined. The connection must go to the server itself or to a pooler in session mode, because
//!   LISTEN belongs to a session.
//!
//! Sources: PostgreSQL's manual, "SELECT: The Locking Clause", "NOTIFY", "CREATE TABLE: UNLOGGED".

use std::future::poll_fn;
use std::sync::Arc;

use async_trait::async_trait;
use cupel_core::RunHint;
use cupel_postgres::{Connection, Endpoint, version_text};
use cupel_types::{PriorityClass, RunId, UserId};
use tokio::sync::Notify;
use tokio_postgres::error::SqlState;
use tokio_postgres::{AsyncMessage, Client, Error, Statement};
use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::Uuid;

use crate::broker::{Broker, BrokerError, BrokerFault, Delivery, Link, Tag};
use crate::brokered::WAIT_MAX;
use crate::names::Route;
use crate::shares::{CLASSES, PerClass, index};

/// `server_version_num` of PostgreSQL 13.
const OLDEST: i32 = 130_000;
/// Schema version that [`MIGRATION`] creates.
const SCHEMA: i32 = 1;
/// Key of the advisory lock held while the table is created; nothing else uses it.
const MIGRATION_LOCK: i64 = 0x6375_7065_6c71;

/// Creates the table. The statements are idempotent, so nodes that waited for the lock run them without effect. (A
/// check for the table inside the locked transaction could use a stale catalog cache.) Each taken hint leaves a dead
/// row. By default, autovacuum waits until a fifth of the rows are dead, so a long queue would make the table grow.
const MIGRATION: &str = "
    CREATE UNLOGGED TABLE IF NOT EXISTS cupel_queue (
        place text     NOT NULL,
        class smallint NOT NULL,
        id    bigint   GENERATED ALWAYS AS IDENTITY,
        run   uuid     NOT NULL,
        owner uuid     NOT NULL,
        PRIMARY KEY (place, run)
    ) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
    CREATE INDEX IF NOT EXISTS cupel_queue_by_class ON cupel_queue (place, class, id);
    CREATE TABLE IF NOT EXISTS cupel_queue_schema (version int NOT NULL);
    INSERT INTO cupel_queue_schema SELECT 1 WHERE NOT EXISTS (SELECT FROM cupel_queue_schema);
";

/// Numbers the rows in the order of the batch, in which they are delivered, and inserts them in the order of the runs.
/// Two nodes may insert the same runs at the same time, and each insertion waits for an uncommitted row with the same
/// key. With a different order on each node, they would wait for each other.
const PUT: &str = "
    WITH numbered AS MATERIALIZED (
        SELECT nextval(pg_get_serial_sequence('cupel_queue', 'id')) AS id, h.class, h.run, h.owner
        FROM (
            SELECT * FROM unnest($2::smallint[], $3::uuid[], $4::uuid[]) WITH ORDINALITY AS u (class, run, owner, n)
            ORDER BY n
        ) AS h
    ),
    put AS (
        INSERT INTO cupel_queue (place, class, id, run, owner) OVERRIDING SYSTEM VALUE
        SELECT $1, class, id, run, owner FROM numbered ORDER BY run
        ON CONFLICT DO NOTHING
        RETURNING 1
    )
    SELECT pg_notify($5, '') FROM (SELECT count(*) FROM put) AS all_of_them";

const READY: &str = "SELECT class, count(*) FROM cupel_queue WHERE place = $1 GROUP BY class";

const TAKE: &str = "
    DELETE FROM cupel_queue WHERE ctid = ANY (ARRAY (
        SELECT row.ctid
        FROM unnest($2::smallint[], $3::bigint[]) AS want (class, n)
        CROSS JOIN LATERAL (
            SELECT q.ctid FROM cupel_queue AS q
            WHERE q.place = $1 AND q.class = want.class
            ORDER BY q.id LIMIT want.n
            FOR UPDATE SKIP LOCKED
        ) AS row
    ))
    RETURNING id, class, run, owner";

/// A PostgreSQL database.
pub(crate) struct Postgres {
    server: Endpoint,
    /// Value of the `place` column of this route's rows.
    place: String,
    /// Channel of LISTEN and NOTIFY.
    bell: String,
}

impl Postgres {
    /// # Errors
    /// If the URL is malformed.
    pub(crate) fn new(url: &str, route: &Route) -> Result<Postgres, BrokerError> {
        let server = Endpoint::parse(url, "cupel queue")
            .map_err(|error| BrokerError::new("read the URL", BrokerFault::Url, error))?;
        // All routes share one channel, because the length of a channel's name is limited and a needless wake-up costs
        // only one query.
        Ok(Postgres { server, place: route.prefix(), bell: route.of_cluster("bell") })
    }
}

#[async_trait]
impl Broker for Postgres {
    async fn connect(&self) -> Result<Arc<dyn Link>, BrokerError> {
        let (mut client, connection) = self.server.connect().await.map_err(to("connect"))?;
        let (bell, alive) = (Arc::new(Notify::new()), CancellationToken::new());
        let lost = CancellationToken::new();
        tokio::spawn(listen(connection, Arc::clone(&bell), alive.clone(), lost.clone()));
        let end = alive.drop_guard();
        let session = format!("SET synchronous_commit = off; SET jit = off; LISTEN \"{}\"", self.bell);
        migrate(&mut client).await?;
        client.batch_execute(&session).await.map_err(to("set up the session"))?;
        let put = client.prepare(PUT).await.map_err(to("prepare a statement"))?;
        let ready = client.prepare(READY).await.map_err(to("prepare a statement"))?;
        let take = client.prepare(TAKE).await.map_err(to("prepare a statement"))?;
        Ok(Arc::new(PostgresLink {
            client,
            put,
            ready,
            take,
            place: self.place.clone(),
            channel: self.bell.clone(),
            bell,
            lost,
            _end: end,
        }))
    }
}

/// Reads the server's messages until the link is dropped or the connection is lost.
async fn listen(mut connection: Connection, bell: Arc<Notify>, alive: CancellationToken, lost: CancellationToken) {
    loop {
        let message = tokio::select! {
            () = alive.cancelled() => return,
            message = poll_fn(|context| connection.poll_message(context)) => message,
        };
        match message {
            Some(Ok(AsyncMessage::Notification(_))) => bell.notify_one(),
            Some(Ok(_)) => {}
            Some(Err(_)) | None => return lost.cancel(),
        }
    }
}

/// Creates the table if it does not exist. Nodes that start at the same time wait for each other.
async fn migrate(client: &mut Client) -> Result<(), BrokerError> {
    let version: String =
        client.query_one("SHOW server_version_num", &[]).await.map_err(to("read the server version"))?.get(0);
    if let Ok(version) = version.parse::<i32>()
        && version < OLDEST
    {
        let (found, needed) = (version_text(version), version_text(OLDEST));
        let old = format!("the server is PostgreSQL {found}; {needed} or later is required");
        return Err(BrokerError::new("use this server", BrokerFault::Version, old));
    }
    if schema(client).await?.is_none() {
        let making = to("create the queue's table");
        let transaction = client.transaction().await.map_err(&making)?;
        transaction.execute("SELECT pg_advisory_xact_lock($1)", &[&MIGRATION_LOCK]).await.map_err(&making)?;
        transaction.batch_execute(MIGRATION).await.map_err(&making)?;
        transaction.commit().await.map_err(&making)?;
    }
    match schema(client).await? {
        Some(SCHEMA) => Ok(()),
        other => {
            let found = other.map_or_else(|| "none".to_owned(), |version| version.to_string());
            let wrong = format!(
                "the queue in this database has schema version {found}; this program supports version {SCHEMA}"
            );
            Err(BrokerError::new("use the queue of this database", BrokerFault::Version, wrong))
        }
    }
}

/// Schema version of the existing table, if there is one.
async fn schema(client: &Client) -> Result<Option<i32>, BrokerError> {
    let asking = to("look up the queue's table");
    let there = client.query_one("SELECT to_regclass('cupel_queue_schema') IS NOT NULL", &[]).await.map_err(&asking)?;
    if !there.get::<_, bool>(0) {
        return Ok(None);
    }
    let row = client.query_opt("SELECT max(version) FROM cupel_queue_schema", &[]).await.map_err(&asking)?;
    Ok(row.and_then(|row| row.get(0)))
}

struct PostgresLink {
    client: Client,
    put: Statement,
    ready: Statement,
    take: Statement,
    place: String,
    channel: String,
    bell: Arc<Notify>,
    lost: CancellationToken,
    _end: DropGuard,
}

#[async_trait]
impl Link for PostgresLink {
    async fn put(&self, hints: &[RunHint]) -> Result<(), BrokerError> {
        let classes: Vec<i16> = hints.iter().map(|hint| index(hint.class) as i16).collect();
        let runs: Vec<Uuid> = hints.iter().map(|hint| *hint.run.as_uuid()).collect();
        let owners: Vec<Uuid> = hints.iter().map(|hint| *hint.owner.as_uuid()).collect();
        self.client
            .execute(&self.put, &[&self.place, &classes, &runs, &owners, &self.channel])
            .await
            .map_err(to("publish hints"))?;
        Ok(())
    }

    async fn ready(&self) -> Result<PerClass<usize>, BrokerError> {
        let rows = self.client.query(&self.ready, &[&self.place]).await.map_err(to("count hints"))?;
        let mut ready = [0; CLASSES];
        for row in rows {
            if let Some(ready) = usize::try_from(row.get::<_, i16>(0)).ok().and_then(|class| ready.get_mut(class)) {
                *ready = usize::try_from(row.get::<_, i64>(1)).unwrap_or(0);
            }
        }
        Ok(ready)
    }

    async fn take(&self, wanted: PerClass<usize>) -> Result<Vec<Delivery>, BrokerError> {
        let classes: Vec<i16> = (0..CLASSES as i16).collect();
        let counts: Vec<i64> = wanted.iter().map(|wanted| *wanted as i64).collect();
        let mut rows =
            self.client.query(&self.take, &[&self.place, &classes, &counts]).await.map_err(to("take hints"))?;
        rows.sort_by_key(|row| row.get::<_, i64>(0));
        let delivery = |row: &tokio_postgres::Row| {
            let class = *PriorityClass::ALL.get(usize::try_from(row.get::<_, i16>(1)).ok()?)?;
            let hint = RunHint { run: RunId::from_uuid(row.get(2)), owner: UserId::from_uuid(row.get(3)), class };
            Some(Delivery { hint, tag: Tag::default() })
        };
        Ok(rows.iter().filter_map(delivery).collect())
    }

    async fn wait(&self, end: &CancellationToken) -> Result<Vec<Delivery>, BrokerError> {
        tokio::select! {
            () = self.bell.notified() => Ok(Vec::new()),
            () = end.cancelled() => Ok(Vec::new()),
            () = tokio::time::sleep(WAIT_MAX) => Ok(Vec::new()),
            () = self.lost.cancelled() => {
                Err(BrokerError::new("wait for hints", BrokerFault::Unreachable, "the connection was closed"))
            }
        }
    }

    async fn rest(&self, unwanted: Vec<Delivery>) -> Result<(), BrokerError> {
        if unwanted.is_empty() {
            return Ok(());
        }
        let hints: Vec<RunHint> = unwanted.into_iter().map(|delivery| delivery.hint).collect();
        self.put(&hints).await
    }
}

fn to(doing: &'static str) -> impl Fn(Error) -> BrokerError {
    move |error| {
        let denied = [
            SqlState::INVALID_PASSWORD,
            SqlState::INVALID_AUTHORIZATION_SPECIFICATION,
            SqlState::INVALID_CATALOG_NAME,
            SqlState::INSUFFICIENT_PRIVILEGE,
        ];
        // The server has no room for new rows, and keeps the connection.
        let full = [SqlState::INSUFFICIENT_RESOURCES, SqlState::DISK_FULL, SqlState::OUT_OF_MEMORY];
        let fault = match error.code() {
            Some(code) if denied.contains(code) => BrokerFault::Denied,
            Some(code) if full.contains(code) => BrokerFault::Full,
            Some(_) => BrokerFault::Other,
            None => BrokerFault::Unreachable,
        };
        BrokerError::new(doing, fault, error)
    }
}

#[cfg(test)]
mod tests {
    use cupel_testkit::brokers::wait_until;
    use cupel_testkit::servers;
    use tokio::task::block_in_place;

    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn nodes_that_insert_the_same_runs_in_different_orders_do_not_deadlock() {
        let server = servers::Postgres::shared();
        let url = server.database().await;
        let database = url.rsplit_once('/').unwrap().1;
        let broker = Postgres::new(&url, &Route::common("cupel")).unwrap();
        let nodes = [broker.connect().await.unwrap(), broker.connect().await.unwrap()];
        let (mut holder, connection) = Endpoint::parse(&url, "test").unwrap().connect().await.unwrap();
        tokio::spawn(connection);
        // Both nodes have inserted their first rows before either of them can continue.
        let held = holder.transaction().await.unwrap();
        let insert = "INSERT INTO cupel_queue (place, class, run, owner) VALUES ($1, 2, $2, $2)";
        held.execute(insert, &[&broker.place, &Uuid::from_u128(2)]).await.unwrap();
        let mut puts = Vec::new();
        for (node, runs) in nodes.into_iter().zip([[1, 2, 3], [3, 2, 1]]) {
            let hint = |run| {
                let (run, owner) = (Uuid::from_u128(run), Uuid::from_u128(1));
                let (run, owner) = (RunId::from_uuid(run), UserId::from_uuid(owner));
                RunHint { run, owner, class: PriorityClass::Batch }
            };
            puts.push(tokio::spawn(async move { node.put(&runs.map(hint)).await }));
        }
        let waiting = "SELECT count(*) FROM pg_stat_activity
            WHERE datname = current_database() AND wait_event_type = 'Lock'";
        wait_until("both nodes wait", async || block_in_place(|| server.psql(database, waiting)) == "2").await;
        held.rollback().await.unwrap();
        for put in puts {
            put.await.unwrap().expect("no deadlock");
        }
    }
}
