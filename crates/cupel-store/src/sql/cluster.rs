//! `ClusterStore`: workers, the orders given to them, and leadership of the sweeper.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use cupel_core::StoreError;
use cupel_core::cluster::{ClusterStore, Order, OrderSent, WorkerBeat, WorkerRecord};
use cupel_languages::{LibraryVersions, Pulling, PullingLanguages};
use cupel_types::{LanguageId, NodeId, WorkerId};
use jiff::Timestamp;

use super::fault::SqlFault;
use super::{Row, Sql, SqlStore, Write, bytes, values};
use crate::rows::{RowError, bad, from_us, id_from, to_us};

#[async_trait]
impl ClusterStore for SqlStore {
    async fn beat(&self, worker: WorkerBeat, now: Timestamp) -> Result<Order, StoreError> {
        self.write(Beat { worker, now }).await
    }

    async fn leave(&self, worker: WorkerId) -> Result<(), StoreError> {
        self.write(Leave(worker)).await
    }

    async fn workers(&self) -> Result<Vec<WorkerRecord>, StoreError> {
        let read = self.read("list workers", |db| {
            let sql = "SELECT id, name, version, slots, busy, languages, doing, \
                       CASE WHEN told = 'work' AND (SELECT is_paused FROM cluster) = 1 THEN 'pause' ELSE told END, \
                       started_at, seen_at, libraries, pulling, judged FROM workers ORDER BY started_at, id";
            db.all(sql, values![], record)
        });
        read.await
    }

    async fn offers(&self, seen_after: Timestamp) -> Result<Vec<(BTreeMap<LanguageId, String>, u64)>, StoreError> {
        let read = self.read("count workers by languages", move |db| {
            let sql =
                "SELECT languages, count(*) FROM workers WHERE seen_at > ? AND doing <> 'drain' GROUP BY languages";
            db.all(sql, values![to_us(seen_after)], |row| {
                let workers = u64::try_from(row.get::<i64>(1)?).unwrap_or(0);
                Ok((languages_from(row.text(0)?)?, workers))
            })
        });
        read.await
    }

    async fn send_order(&self, worker: Option<WorkerId>, order: Order) -> Result<OrderSent, StoreError> {
        self.write(Tell { worker, order }).await
    }

    async fn is_paused(&self) -> Result<bool, StoreError> {
        self.read("read whether the workers are paused", |db| is_paused(db)).await
    }

    async fn lead(&self, node: NodeId, now: Timestamp, until: Timestamp) -> Result<bool, StoreError> {
        // A single node always leads, even after it replaces a killed process whose leadership has not expired.
        if self.backend.has_many_nodes() { self.write(Lead { node, now, until }).await } else { Ok(true) }
    }

    async fn open_alerts(&self) -> Result<BTreeSet<String>, StoreError> {
        let read = self.read("read the open alerts", |db| {
            let names = db.one("SELECT alerts FROM cluster", values![], |row| row.get::<String>(0))?;
            Ok(names.ok_or(bad("alerts"))?.split_whitespace().map(str::to_owned).collect())
        });
        read.await
    }

    async fn set_open_alerts(&self, names: BTreeSet<String>) -> Result<(), StoreError> {
        self.write(SetOpenAlerts(names.into_iter().collect::<Vec<_>>().join(" "))).await
    }

    async fn shared_secret(&self, name: &'static str, proposed: [u8; 32]) -> Result<[u8; 32], StoreError> {
        self.write(SharedSecret { name, proposed }).await
    }
}

fn is_paused(db: &dyn Sql) -> Result<bool, SqlFault> {
    let is_paused = db.one("SELECT is_paused FROM cluster", values![], |row| row.get(0))?;
    Ok(is_paused.ok_or(bad("is_paused"))?)
}

fn record(row: Row<'_>) -> Result<WorkerRecord, SqlFault> {
    let order =
        |column: usize| -> Result<Order, SqlFault> { Ok(Order::from_name(row.text(column)?).ok_or(bad("told"))?) };
    Ok(WorkerRecord {
        beat: WorkerBeat {
            id: WorkerId::from_uuid(id_from(row.blob(0)?, "id")?),
            name: row.get(1)?,
            version: row.get(2)?,
            slots: row.get(3)?,
            busy: row.get(4)?,
            judged_last_minute: row.get(12)?,
            languages: languages_from(row.text(5)?)?,
            libraries: libraries_from(row.text(10)?)?,
            pulling: pulling_from(row.text(11)?)?,
            order: order(6)?,
        },
        order: order(7)?,
        started_at: from_us(row.get(8)?, "started_at")?,
        seen_at: from_us(row.get(9)?, "seen_at")?,
    })
}

/// Skips ids that only a later version of Cupel knows: runs in these languages are for workers of that version.
fn languages_from(json: &str) -> Result<BTreeMap<LanguageId, String>, RowError> {
    let versions: BTreeMap<String, String> = serde_json::from_str(json)?;
    Ok(versions.into_iter().filter_map(|(id, version)| Some((id.parse().ok()?, version))).collect())
}

fn libraries_from(json: &str) -> Result<LibraryVersions, RowError> {
    let versions: BTreeMap<String, BTreeMap<String, String>> = serde_json::from_str(json)?;
    Ok(versions.into_iter().filter_map(|(id, versions)| Some((id.parse().ok()?, versions))).collect())
}

fn libraries_json(libraries: &LibraryVersions) -> String {
    let versions: serde_json::Map<String, serde_json::Value> =
        libraries.iter().map(|(id, versions)| (id.to_string(), serde_json::json!(versions))).collect();
    serde_json::Value::Object(versions).to_string()
}

fn pulling_from(json: &str) -> Result<PullingLanguages, RowError> {
    let failures: BTreeMap<String, Option<String>> = serde_json::from_str(json)?;
    Ok(failures.into_iter().filter_map(|(id, failure)| Some((id.parse().ok()?, Pulling { failure }))).collect())
}

fn pulling_json(pulling: &PullingLanguages) -> String {
    let failures: serde_json::Map<String, serde_json::Value> =
        pulling.iter().map(|(id, pulling)| (id.to_string(), pulling.failure.as_deref().into())).collect();
    serde_json::Value::Object(failures).to_string()
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
    const OPERATION: &'static str = "record a worker's heartbeat";
    // If a crash loses the heartbeat, the next one follows within seconds.
    const DURABLE: bool = false;

    fn apply(&self, db: &dyn Sql) -> Result<Order, SqlFault> {
        let WorkerBeat { id, name, version, slots, busy, judged_last_minute, languages, libraries, pulling, order } =
            &self.worker;
        let now = to_us(self.now);
        let sql = "INSERT INTO workers (id, name, version, slots, busy, judged, languages, libraries, pulling, doing, told, started_at, seen_at) \
                   VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'work', ?, ?) \
                   ON CONFLICT (id) DO UPDATE SET busy = excluded.busy, judged = excluded.judged, languages = excluded.languages, \
                   libraries = excluded.libraries, pulling = excluded.pulling, \
                   slots = excluded.slots, doing = excluded.doing, seen_at = excluded.seen_at \
                   RETURNING CASE WHEN told = 'work' AND (SELECT is_paused FROM cluster) = 1 THEN 'pause' ELSE told END";
        let (languages, libraries, pulling) =
            (languages_json(languages), libraries_json(libraries), pulling_json(pulling));
        let (id, order) = (bytes(id.as_uuid()), order.as_str());
        let judged = judged_last_minute;
        let values = values![id, name, version, slots, busy, judged, languages, libraries, pulling, order, now, now];
        let order_of_worker = db.one(sql, values, |row| Ok(Order::from_name(row.text(0)?)))?;
        Ok(order_of_worker.flatten().ok_or(bad("told"))?)
    }
}

struct Leave(WorkerId);

impl Write for Leave {
    type Output = ();
    const OPERATION: &'static str = "remove a worker that has stopped";
    const DURABLE: bool = false;

    fn apply(&self, db: &dyn Sql) -> Result<(), SqlFault> {
        db.execute("DELETE FROM workers WHERE id = ?", values![bytes(self.0.as_uuid())])?;
        Ok(())
    }
}

struct Tell {
    worker: Option<WorkerId>,
    order: Order,
}

impl Write for Tell {
    type Output = OrderSent;
    const OPERATION: &'static str = "give an order to workers";
    const DURABLE: bool = true;

    fn apply(&self, db: &dyn Sql) -> Result<OrderSent, SqlFault> {
        let order = self.order.as_str();
        if let Some(worker) = self.worker {
            let id = bytes(worker.as_uuid());
            let is_known = db.exists("SELECT 1 FROM workers WHERE id = ?", values![id])?;
            if is_known && self.order == Order::Work && is_paused(db)? {
                return Ok(OrderSent::AllPaused);
            }
            let changed = db.execute("UPDATE workers SET told = ? WHERE id = ?", values![order, id])?;
            return Ok(if changed == 1 { OrderSent::Sent } else { OrderSent::NoWorker });
        }
        db.execute("UPDATE workers SET told = ? WHERE told <> 'drain'", values![order])?;
        if self.order != Order::Drain {
            db.put("UPDATE cluster SET is_paused = ?", values![self.order == Order::Pause])?;
        }
        Ok(OrderSent::Sent)
    }
}

/// The names, separated by spaces.
struct SetOpenAlerts(String);

impl Write for SetOpenAlerts {
    type Output = ();
    const OPERATION: &'static str = "record the open alerts";
    const DURABLE: bool = true;

    fn apply(&self, db: &dyn Sql) -> Result<(), SqlFault> {
        db.put("UPDATE cluster SET alerts = ?", values![self.0])
    }
}

struct SharedSecret {
    name: &'static str,
    proposed: [u8; 32],
}

impl Write for SharedSecret {
    type Output = [u8; 32];
    const OPERATION: &'static str = "store a shared secret";
    const DURABLE: bool = true;

    fn apply(&self, db: &dyn Sql) -> Result<[u8; 32], SqlFault> {
        let insert = "INSERT INTO shared_secrets (name, secret) VALUES (?, ?) ON CONFLICT (name) DO NOTHING";
        db.execute(insert, values![self.name, self.proposed])?;
        let secret =
            db.one("SELECT secret FROM shared_secrets WHERE name = ?", values![self.name], |row| row.get(0))?;
        Ok(secret.ok_or(bad("secret"))?)
    }
}

struct Lead {
    node: NodeId,
    now: Timestamp,
    until: Timestamp,
}

impl Write for Lead {
    type Output = bool;
    const OPERATION: &'static str = "claim the leadership of the cluster";
    // If a crash loses the leadership, the node claims it again.
    const DURABLE: bool = false;

    fn apply(&self, db: &dyn Sql) -> Result<bool, SqlFault> {
        let sql = "UPDATE cluster SET leader = ?1, leader_until = ?2 \
                   WHERE leader = ?1 OR leader IS NULL OR leader_until <= ?3";
        Ok(db.execute(sql, values![bytes(self.node.as_uuid()), to_us(self.until), to_us(self.now)])? == 1)
    }
}
