//! `WebhookStore`: the outbox; and forgetting what is over.

use async_trait::async_trait;
use cupel_core::{Delivery, Over, StoreError, WebhookStore};
use cupel_types::{SubmissionId, UserId, WebhookId};
use jiff::Timestamp;
use sqlx::sqlite::SqliteConnection;
use sqlx::{Executor as _, Row as _};

use super::commands::bytes;
use super::fault::Fault;
use super::writer::Write;
use super::{SqliteStore, reading};
use crate::rows::{bad, id_from, to_us};

#[async_trait]
impl WebhookStore for SqliteStore {
    async fn take_deliveries(&self, now: Timestamp, until: Timestamp, limit: u32) -> Result<Vec<Delivery>, StoreError> {
        let any = reading("look for webhook deliveries", async {
            let query = sqlx::query("SELECT 1 FROM webhook_deliveries WHERE next_at <= ? LIMIT 1").bind(to_us(now));
            Ok((&self.readers).fetch_optional(query).await?.is_some())
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

#[async_trait]
impl Write for Take {
    type Output = Vec<Delivery>;
    const OPERATION: &'static str = "take webhook deliveries";
    // A lost "taken" means that a delivery is tried sooner.
    const DURABLE: bool = false;

    async fn apply(&self, connection: &mut SqliteConnection) -> Result<Vec<Delivery>, Fault> {
        let sql = "UPDATE webhook_deliveries SET next_at = ? WHERE id IN \
                   (SELECT id FROM webhook_deliveries WHERE next_at <= ? ORDER BY next_at LIMIT ?) \
                   RETURNING id, submission, owner, url, tries";
        let query = sqlx::query(sql).bind(to_us(self.until)).bind(to_us(self.now)).bind(self.limit);
        let rows = connection.fetch_all(query).await?;
        rows.iter()
            .map(|row| {
                Ok(Delivery {
                    id: WebhookId::from_uuid(id_from(row.try_get(0)?, "id")?),
                    submission: SubmissionId::from_uuid(id_from(row.try_get(1)?, "submission")?),
                    owner: UserId::from_uuid(id_from(row.try_get(2)?, "owner")?),
                    url: row.try_get(3)?,
                    tries: u32::try_from(row.try_get::<i64, _>(4)?).map_err(|_| bad("tries"))?,
                })
            })
            .collect()
    }
}

struct Delivered {
    id: WebhookId,
    now: Timestamp,
    status: u16,
}

#[async_trait]
impl Write for Delivered {
    type Output = ();
    const OPERATION: &'static str = "record a webhook delivery";
    const DURABLE: bool = true;

    async fn apply(&self, connection: &mut SqliteConnection) -> Result<(), Fault> {
        let sql = "UPDATE webhook_deliveries SET tries = tries + 1, next_at = NULL, ended_at = ?, status = ?, error = NULL \
                   WHERE id = ? AND next_at IS NOT NULL";
        let query = sqlx::query(sql).bind(to_us(self.now)).bind(i64::from(self.status)).bind(bytes(self.id.as_uuid()));
        connection.execute(query).await?;
        Ok(())
    }
}

struct Failed {
    id: WebhookId,
    now: Timestamp,
    error: String,
    next: Option<Timestamp>,
}

#[async_trait]
impl Write for Failed {
    type Output = ();
    const OPERATION: &'static str = "record a failed webhook delivery";
    const DURABLE: bool = true;

    async fn apply(&self, connection: &mut SqliteConnection) -> Result<(), Fault> {
        let sql = "UPDATE webhook_deliveries SET tries = tries + 1, next_at = ?, ended_at = ?, error = ? \
                   WHERE id = ? AND next_at IS NOT NULL";
        let ended_at = if self.next.is_none() { Some(to_us(self.now)) } else { None };
        let query = sqlx::query(sql)
            .bind(self.next.map(to_us))
            .bind(ended_at)
            .bind(self.error.as_str())
            .bind(bytes(self.id.as_uuid()));
        connection.execute(query).await?;
        Ok(())
    }
}

struct Gone {
    id: WebhookId,
    now: Timestamp,
}

#[async_trait]
impl Write for Gone {
    type Output = u64;
    const OPERATION: &'static str = "give up a webhook receiver";
    const DURABLE: bool = true;

    async fn apply(&self, connection: &mut SqliteConnection) -> Result<u64, Fault> {
        let sql = "UPDATE webhook_deliveries SET tries = tries + (id = ?1), next_at = NULL, ended_at = ?2, status = 410, \
                   error = 'the receiver is gone (410)' WHERE next_at IS NOT NULL \
                   AND (owner, url) = (SELECT owner, url FROM webhook_deliveries WHERE id = ?1)";
        let query = sqlx::query(sql).bind(bytes(self.id.as_uuid())).bind(to_us(self.now));
        Ok(connection.execute(query).await?.rows_affected())
    }
}

/// Removes what nobody may ask for any more.
pub(super) struct Forget {
    pub(super) over: Over,
    pub(super) limit: u32,
}

#[async_trait]
impl Write for Forget {
    type Output = u64;
    const OPERATION: &'static str = "forget what is over";
    const DURABLE: bool = false;

    async fn apply(&self, connection: &mut SqliteConnection) -> Result<u64, Fault> {
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
        ];
        let mut forgotten = 0;
        for (sql, until) in removals {
            let query = sqlx::query(sql).bind(to_us(until)).bind(self.limit);
            forgotten += connection.execute(query).await?.rows_affected();
        }
        Ok(forgotten)
    }
}
