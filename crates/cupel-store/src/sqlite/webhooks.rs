//! `WebhookStore`: the outbox; and forgetting what is over.

use async_trait::async_trait;
use cupel_core::{Delivery, Over, StoreError, WebhookStore};
use cupel_types::{SubmissionId, UserId, WebhookId};
use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::SqliteStore;
use super::commands::{blob, bytes};
use super::fault::Fault;
use super::writer::Write;
use crate::rows::{bad, id_from, to_us};

#[async_trait]
impl WebhookStore for SqliteStore {
    async fn take_deliveries(&self, now: Timestamp, until: Timestamp, limit: u32) -> Result<Vec<Delivery>, StoreError> {
        let any = self.readers.read("look for webhook deliveries", move |reader| {
            let sql = "SELECT 1 FROM webhook_deliveries WHERE next_at <= ? LIMIT 1";
            Ok(reader.prepare_cached(sql)?.exists([to_us(now)])?)
        });
        if !any.await? {
            return Ok(Vec::new());
        }
        self.write(Take { now, until, limit }).await
    }

    async fn delivered(&self, id: WebhookId, now: Timestamp, status: u16) -> Result<(), StoreError> {
        self.write(Delivered { id, now, status }).await
    }

    async fn delivery_failed(
        &self,
        id: WebhookId,
        now: Timestamp,
        error: &str,
        next: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        self.write(Failed { id, now, error: error.to_owned(), next }).await
    }

    async fn receiver_gone(&self, id: WebhookId, now: Timestamp) -> Result<u64, StoreError> {
        self.write(Gone { id, now }).await
    }
}

struct Take {
    now: Timestamp,
    until: Timestamp,
    limit: u32,
}

impl Write for Take {
    type Output = Vec<Delivery>;
    const OPERATION: &'static str = "take webhook deliveries";
    // A lost "taken" means that a delivery is tried sooner.
    const DURABLE: bool = false;

    fn apply(&self, connection: &Connection) -> Result<Vec<Delivery>, Fault> {
        let sql = "UPDATE webhook_deliveries SET next_at = ? WHERE id IN \
                   (SELECT id FROM webhook_deliveries WHERE next_at <= ? ORDER BY next_at LIMIT ?) \
                   RETURNING id, submission, owner, url, tries";
        let mut update = connection.prepare_cached(sql)?;
        let mut rows = update.query(params![to_us(self.until), to_us(self.now), self.limit])?;
        let mut taken = Vec::new();
        while let Some(row) = rows.next()? {
            taken.push(Delivery {
                id: WebhookId::from_uuid(id_from(blob(row, 0)?, "id")?),
                submission: SubmissionId::from_uuid(id_from(blob(row, 1)?, "submission")?),
                owner: UserId::from_uuid(id_from(blob(row, 2)?, "owner")?),
                url: row.get(3)?,
                tries: u32::try_from(row.get::<_, i64>(4)?).map_err(|_| bad("tries"))?,
            });
        }
        Ok(taken)
    }
}

struct Delivered {
    id: WebhookId,
    now: Timestamp,
    status: u16,
}

impl Write for Delivered {
    type Output = ();
    const OPERATION: &'static str = "record a webhook delivery";
    const DURABLE: bool = true;

    fn apply(&self, connection: &Connection) -> Result<(), Fault> {
        let sql = "UPDATE webhook_deliveries SET tries = tries + 1, next_at = NULL, ended_at = ?, status = ?, error = NULL \
                   WHERE id = ? AND next_at IS NOT NULL";
        let mut update = connection.prepare_cached(sql)?;
        update.execute(params![to_us(self.now), self.status, bytes(self.id.as_uuid())])?;
        Ok(())
    }
}

struct Failed {
    id: WebhookId,
    now: Timestamp,
    error: String,
    next: Option<Timestamp>,
}

impl Write for Failed {
    type Output = ();
    const OPERATION: &'static str = "record a failed webhook delivery";
    const DURABLE: bool = true;

    fn apply(&self, connection: &Connection) -> Result<(), Fault> {
        let sql = "UPDATE webhook_deliveries SET tries = tries + 1, next_at = ?, ended_at = ?, error = ? \
                   WHERE id = ? AND next_at IS NOT NULL";
        let ended_at = if self.next.is_none() { Some(to_us(self.now)) } else { None };
        let mut update = connection.prepare_cached(sql)?;
        update.execute(params![self.next.map(to_us), ended_at, self.error, bytes(self.id.as_uuid())])?;
        Ok(())
    }
}

struct Gone {
    id: WebhookId,
    now: Timestamp,
}

impl Write for Gone {
    type Output = u64;
    const OPERATION: &'static str = "give up a webhook receiver";
    const DURABLE: bool = true;

    fn apply(&self, connection: &Connection) -> Result<u64, Fault> {
        let sql = "UPDATE webhook_deliveries SET tries = tries + (id = ?1), next_at = NULL, ended_at = ?2, status = 410, \
                   error = 'the receiver is gone (410)' WHERE next_at IS NOT NULL \
                   AND (owner, url) = (SELECT owner, url FROM webhook_deliveries WHERE id = ?1)";
        let mut update = connection.prepare_cached(sql)?;
        Ok(update.execute(params![bytes(self.id.as_uuid()), to_us(self.now)])? as u64)
    }
}

/// Removes what nobody may ask for any more.
pub(super) struct Forget {
    pub(super) over: Over,
    pub(super) limit: u32,
}

impl Write for Forget {
    type Output = u64;
    const OPERATION: &'static str = "forget what is over";
    const DURABLE: bool = false;

    fn apply(&self, connection: &Connection) -> Result<u64, Fault> {
        let removals = [
            (
                "DELETE FROM idempotency_keys WHERE (owner, key) IN \
                 (SELECT owner, key FROM idempotency_keys WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)",
                self.over.now,
            ),
            (
                "DELETE FROM refresh_sessions WHERE id IN \
                 (SELECT id FROM refresh_sessions WHERE expires_at <= ?1 OR ended_at <= ?1 LIMIT ?2)",
                self.over.now,
            ),
            (
                "DELETE FROM webhook_deliveries WHERE id IN \
                 (SELECT id FROM webhook_deliveries WHERE ended_at <= ? ORDER BY ended_at LIMIT ?)",
                self.over.deliveries_before,
            ),
            (
                "DELETE FROM api_keys WHERE id IN \
                 (SELECT id FROM api_keys WHERE revoked_at <= ? ORDER BY revoked_at LIMIT ?)",
                self.over.keys_before,
            ),
            (
                "DELETE FROM api_keys WHERE id IN \
                 (SELECT id FROM api_keys WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)",
                self.over.keys_before,
            ),
            (
                "DELETE FROM workers WHERE id IN (SELECT id FROM workers WHERE seen_at <= ? ORDER BY seen_at LIMIT ?)",
                self.over.workers_before,
            ),
        ];
        let mut forgotten = 0;
        for (sql, until) in removals {
            forgotten += connection.prepare_cached(sql)?.execute(params![to_us(until), self.limit])? as u64;
        }
        Ok(forgotten)
    }
}
