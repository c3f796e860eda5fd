//! `ClusterStore`: workers, what they are told, and who sweeps.

use std::collections::BTreeMap;

use async_trait::async_trait;
use cupel_core::StoreError;
use cupel_core::cluster::{ClusterStore, Order, WorkerBeat, WorkerRecord};
use cupel_types::{LanguageId, NodeId, WorkerId};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::SqliteStore;
use super::commands::{blob, bytes};
use super::fault::Fault;
use super::writer::Write;
use crate::rows::{RowError, bad, from_us, id_from, to_us};

#[async_trait]
impl ClusterStore for SqliteStore {
    async fn beat(&self, worker: WorkerBeat, now: Timestamp) -> Result<Order, StoreError> {
        self.write(Beat { worker, now }).await
    }

    async fn leave(&self, worker: WorkerId) -> Result<(), StoreError> {
        self.write(Leave(worker)).await
    }

    async fn workers(&self) -> Result<Vec<WorkerRecord>, StoreError> {
        let read = self.readers.read("list the workers", |reader| {
            let sql = "SELECT id, name, version, slots, busy, languages, doing, \
                       CASE WHEN told = 'work' AND (SELECT is_paused FROM cluster) = 1 THEN 'pause' ELSE told END, \
                       started_at, seen_at FROM workers ORDER BY started_at, id";
            let mut query = reader.prepare_cached(sql)?;
            let mut rows = query.query([])?;
            let mut workers = Vec::new();
            while let Some(row) = rows.next()? {
                workers.push(record(row)?);
            }
            Ok(workers)
        });
        read.await
    }

    async fn tell(&self, worker: Option<WorkerId>, order: Order) -> Result<bool, StoreError> {
        self.write(Tell { worker, order }).await
    }

    async fn is_paused(&self) -> Result<bool, StoreError> {
        let sql = "SELECT is_paused FROM cluster";
        let read = self.readers.read("ask whether all is paused", |reader| {
            Ok(reader.prepare_cached(sql)?.query_row([], |row| row.get::<_, i64>(0))? == 1)
        });
        read.await
    }

    /// One server at a time has the file ([`super::ServeLock`]), so it leads.
    async fn lead(&self, _: NodeId, _: Timestamp, _: Timestamp) -> Result<bool, StoreError> {
        Ok(true)
    }

    async fn shared_secret(&self, name: &'static str, proposed: [u8; 32]) -> Result<[u8; 32], StoreError> {
        self.write(SharedSecret { name, proposed }).await
    }
}

fn record(row: &Row<'_>) -> Result<WorkerRecord, Fault> {
    let order = |column: usize| -> Result<Order, Fault> {
        let name: String = row.get(column)?;
        Ok(Order::from_name(&name).ok_or(bad("told"))?)
    };
    let count = |column: usize| -> Result<u32, Fault> {
        Ok(u32::try_from(row.get::<_, i64>(column)?).map_err(|_| bad("slots"))?)
    };
    Ok(WorkerRecord {
        beat: WorkerBeat {
            id: WorkerId::from_uuid(id_from(blob(row, 0)?, "id")?),
            name: row.get(1)?,
            version: row.get(2)?,
            slots: count(3)?,
            busy: count(4)?,
            languages: languages_from(&row.get::<_, String>(5)?)?,
            order: order(6)?,
        },
        told: order(7)?,
        started_at: from_us(row.get(8)?, "started_at")?,
        seen_at: from_us(row.get(9)?, "seen_at")?,
    })
}

fn languages_from(json: &str) -> Result<BTreeMap<LanguageId, String>, RowError> {
    let versions: BTreeMap<String, String> = serde_json::from_str(json)?;
    let parsed = versions.into_iter().map(|(id, version)| Ok((id.parse().map_err(|_| bad("languages"))?, version)));
    parsed.collect()
}

fn languages_json(languages: &BTreeMap<LanguageId, String>) -> String {
    let versions: serde_json::Map<String, serde_json::Value> =
        languages.iter().map(|(id, version)| (id.to_string(), version.as_str().into())).collect();
    serde_json::Value::Object(versions).to_string()
}

struct Beat {
    worker: WorkerBeat,
    now: Timestamp,
}

impl Write for Beat {
    type Output = Order;
    const OPERATION: &'static str = "note that a worker is there";
    // What a crash takes back is said again within seconds.
    const DURABLE: bool = false;

    fn apply(&self, connection: &Connection) -> Result<Order, Fault> {
        let WorkerBeat { id, name, version, slots, busy, languages, order } = &self.worker;
        let now = to_us(self.now);
        let sql = "INSERT INTO workers (id, name, version, slots, busy, languages, doing, told, started_at, seen_at) \
                   VALUES (?, ?, ?, ?, ?, ?, ?, 'work', ?, ?) \
                   ON CONFLICT (id) DO UPDATE SET busy = excluded.busy, languages = excluded.languages, \
                   slots = excluded.slots, doing = excluded.doing, seen_at = excluded.seen_at \
                   RETURNING CASE WHEN told = 'work' AND (SELECT is_paused FROM cluster) = 1 THEN 'pause' ELSE told END";
        let mut upsert = connection.prepare_cached(sql)?;
        let told: String = upsert.query_row(
            params![
                bytes(id.as_uuid()),
                name,
                version,
                slots,
                busy,
                languages_json(languages),
                order.as_str(),
                now,
                now
            ],
            |row| row.get(0),
        )?;
        Ok(Order::from_name(&told).ok_or(bad("told"))?)
    }
}

struct Leave(WorkerId);

impl Write for Leave {
    type Output = ();
    const OPERATION: &'static str = "note that a worker has stopped";
    const DURABLE: bool = false;

    fn apply(&self, connection: &Connection) -> Result<(), Fault> {
        connection.prepare_cached("DELETE FROM workers WHERE id = ?")?.execute([bytes(self.0.as_uuid())])?;
        Ok(())
    }
}

struct Tell {
    worker: Option<WorkerId>,
    order: Order,
}

impl Write for Tell {
    type Output = bool;
    const OPERATION: &'static str = "tell workers what to do";
    const DURABLE: bool = true;

    fn apply(&self, connection: &Connection) -> Result<bool, Fault> {
        let order = self.order.as_str();
        if let Some(worker) = self.worker {
            let mut update = connection.prepare_cached("UPDATE workers SET told = ? WHERE id = ?")?;
            return Ok(update.execute(params![order, bytes(worker.as_uuid())])? == 1);
        }
        connection.prepare_cached("UPDATE workers SET told = ? WHERE told <> 'drain'")?.execute([order])?;
        if self.order != Order::Drain {
            let is_paused = i64::from(self.order == Order::Pause);
            connection.prepare_cached("UPDATE cluster SET is_paused = ?")?.execute([is_paused])?;
        }
        Ok(true)
    }
}

struct SharedSecret {
    name: &'static str,
    proposed: [u8; 32],
}

impl Write for SharedSecret {
    type Output = [u8; 32];
    const OPERATION: &'static str = "agree on a shared secret";
    const DURABLE: bool = true;

    fn apply(&self, connection: &Connection) -> Result<[u8; 32], Fault> {
        let insert = "INSERT INTO shared_secrets (name, secret) VALUES (?, ?) ON CONFLICT (name) DO NOTHING";
        connection.prepare_cached(insert)?.execute(params![self.name, self.proposed])?;
        let select = "SELECT secret FROM shared_secrets WHERE name = ?";
        let found: Option<Vec<u8>> =
            connection.prepare_cached(select)?.query_row([self.name], |row| row.get(0)).optional()?;
        Ok(found.and_then(|secret| secret.try_into().ok()).ok_or(bad("secret"))?)
    }
}
