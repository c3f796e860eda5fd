//! Schema migrations, applied in order when a database is opened, by one node at a time.
//!
//! The table `cupel` has one row: the schema version, and the name of the cluster that the database belongs to. Each
//! migration and its number are written in one transaction, under an advisory lock. The numbers are those of the SQLite
//! migrations, so that data of one version can move between the databases. The first migration creates the whole schema
//! as it was when PostgreSQL support was added.

use super::connection::Connection;
use crate::sql::fault::SqlFault;
use crate::sql::{Sql, values};

/// All migrations with the version that each leads to, oldest first. A published migration never changes.
const MIGRATIONS: [(i64, &str); 30] = [
    (7, include_str!("../../migrations/postgres/0007_base.sql")),
    (8, include_str!("../../migrations/postgres/0008_cluster.sql")),
    (9, include_str!("../../migrations/postgres/0009_dead_letters.sql")),
    (10, include_str!("../../migrations/postgres/0010_needs.sql")),
    (11, include_str!("../../migrations/postgres/0011_data_hash.sql")),
    (12, include_str!("../../migrations/postgres/0012_time_limits.sql")),
    (13, include_str!("../../migrations/postgres/0013_exceptions.sql")),
    (14, include_str!("../../migrations/postgres/0014_webhook_owners.sql")),
    (15, include_str!("../../migrations/postgres/0015_withheld.sql")),
    (16, include_str!("../../migrations/postgres/0016_announcements.sql")),
    (17, include_str!("../../migrations/postgres/0017_purposes.sql")),
    (18, include_str!("../../migrations/postgres/0018_accounts.sql")),
    (19, include_str!("../../migrations/postgres/0019_devices.sql")),
    (20, include_str!("../../migrations/postgres/0020_limit_starts.sql")),
    (21, include_str!("../../migrations/postgres/0021_snippets.sql")),
    (22, include_str!("../../migrations/postgres/0022_libraries.sql")),
    (23, include_str!("../../migrations/postgres/0023_drafts.sql")),
    (24, include_str!("../../migrations/postgres/0024_pulling.sql")),
    (25, include_str!("../../migrations/postgres/0025_exact_figures.sql")),
    (26, include_str!("../../migrations/postgres/0026_credentials_of_tickets.sql")),
    (27, include_str!("../../migrations/postgres/0027_leaderboards.sql")),
    (28, include_str!("../../migrations/postgres/0028_cancellations.sql")),
    (29, include_str!("../../migrations/postgres/0029_guests.sql")),
    (30, include_str!("../../migrations/postgres/0030_scores.sql")),
    (31, include_str!("../../migrations/postgres/0031_abandoned.sql")),
    (32, include_str!("../../migrations/postgres/0032_throughput.sql")),
    (33, include_str!("../../migrations/postgres/0033_open_deliveries.sql")),
    (34, include_str!("../../migrations/postgres/0034_snippets_in_order.sql")),
    (35, include_str!("../../migrations/postgres/0035_open_webhooks.sql")),
    (36, include_str!("../../migrations/postgres/0036_alerts.sql")),
];

/// Lock held by a node while it changes the schema ("cupel" in ASCII).
const LOCK: &str = "SELECT pg_advisory_xact_lock(427857421676)::TEXT";

const TABLE: &str = "CREATE TABLE IF NOT EXISTS cupel (one BOOLEAN PRIMARY KEY DEFAULT TRUE CHECK (one), \
     schema_version BIGINT NOT NULL, cluster TEXT NOT NULL)";

/// Reason why the schema does not fit this version or this cluster.
#[derive(Debug)]
pub(super) enum MigrateError {
    Newer { version: i64, known: i64 },
    OtherCluster { found: String },
    SqlFault(SqlFault),
}

impl From<SqlFault> for MigrateError {
    fn from(fault: SqlFault) -> MigrateError {
        MigrateError::SqlFault(fault)
    }
}

/// Brings the schema up to date. An unassigned database is assigned to `cluster`.
pub(super) fn migrate(connection: &Connection, cluster: &str) -> Result<(), MigrateError> {
    let (known, _) = MIGRATIONS[MIGRATIONS.len() - 1];
    loop {
        connection.batch("BEGIN")?;
        let step = step(connection, cluster, known);
        if step.is_err() {
            // The connection is closed after an error, so a failed rollback does no harm.
            let _ = connection.roll_back();
        }
        if step? {
            return Ok(());
        }
    }
}

/// Applies the next migration. `true` if none was left.
fn step(connection: &Connection, cluster: &str, known: i64) -> Result<bool, MigrateError> {
    let db: &dyn Sql = connection;
    let table = "SELECT to_regclass('cupel') IS NOT NULL";
    if db.one(table, values![], |row| row.get::<bool>(0))? != Some(true) {
        db.exists(LOCK, values![])?;
        connection.batch(TABLE)?;
    }
    let read = |db: &dyn Sql| {
        let sql = "SELECT schema_version, cluster FROM cupel";
        db.one(sql, values![], |row| Ok((row.get::<i64>(0)?, row.get::<String>(1)?)))
    };
    let mut row = read(db)?;
    if row.as_ref().is_none_or(|(version, _)| *version < known) {
        db.exists(LOCK, values![])?;
        // Read again: another node may have applied this migration before the lock was acquired.
        row = read(db)?;
    }
    let version = match row {
        Some((_, found)) if found != cluster => return Err(MigrateError::OtherCluster { found }),
        Some((version, _)) if version > known => return Err(MigrateError::Newer { version, known }),
        Some((version, _)) => version,
        None => {
            db.put("INSERT INTO cupel (schema_version, cluster) VALUES (0, ?)", values![cluster])?;
            0
        }
    };
    let next = MIGRATIONS.iter().find(|(number, _)| *number > version);
    if let Some((number, sql)) = next {
        connection.batch(sql)?;
        db.put("UPDATE cupel SET schema_version = ?", values![*number])?;
    }
    connection.commit().map_err(|not| not.fault)?;
    Ok(next.is_none())
}
