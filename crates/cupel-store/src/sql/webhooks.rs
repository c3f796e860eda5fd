//! `WebhookStore`: the outbox, and deletion of expired records.

use std::collections::BTreeMap;

use async_trait::async_trait;
use cupel_core::{Delivery, DeliveryRecord, Purged, RetentionCutoffs, StoreError, WebhookStore};
use cupel_types::{SubmissionId, UserId, WebhookId};
use jiff::Timestamp;

use super::fault::SqlFault;
use super::{Bind as _, Row, Sql, SqlStore, Write, bytes, values};
use crate::rows::{bad, from_us, id_from, to_us};

/// Claims due deliveries of an owner, at most `?4`, the oldest first.
pub(crate) const CLAIM: &str = "UPDATE webhook_deliveries SET next_at = ?1 WHERE id IN \
     (SELECT id FROM webhook_deliveries WHERE owner = ?2 AND next_at <= ?3 ORDER BY next_at LIMIT ?4 \
     /*pg FOR UPDATE SKIP LOCKED */) RETURNING id, submission, owner, url, tries";

pub(crate) const DUE_OWNERS: &str = "SELECT owner, count(*) FROM webhook_deliveries WHERE next_at <= ? \
     GROUP BY owner ORDER BY min(next_at) LIMIT ?";

/// Ends the open deliveries to the receiver of `?1`, if the claim of `?1` until `?3` is current.
pub(crate) const GONE: &str = "UPDATE webhook_deliveries \
     SET tries = tries + CASE WHEN id = ?1 THEN 1 ELSE 0 END, next_at = NULL, ended_at = ?2, status = 410, \
     error = 'the receiver responded with 410' WHERE next_at IS NOT NULL \
     AND (id <> ?1 OR next_at = ?3) AND (owner, url) = (SELECT owner, url FROM webhook_deliveries WHERE id = ?1)";

#[async_trait]
impl WebhookStore for SqlStore {
    async fn take_deliveries(
        &self,
        now: Timestamp,
        until: Timestamp,
        owners: &[UserId],
    ) -> Result<Vec<Delivery>, StoreError> {
        let mut of = BTreeMap::new();
        for owner in owners {
            *of.entry(*owner).or_insert(0) += 1;
        }
        self.write(Take { now, until, of }).await
    }

    async fn due_owners(&self, now: Timestamp, limit: u32) -> Result<Vec<(UserId, u64)>, StoreError> {
        let read = self.read("find webhook deliveries", move |db| {
            db.all(DUE_OWNERS, values![to_us(now), limit], |row| {
                let due = u64::try_from(row.get::<i64>(1)?).map_err(|_| bad("count"))?;
                Ok((UserId::from_uuid(id_from(row.blob(0)?, "owner")?), due))
            })
        });
        read.await
    }

    async fn delivered(&self, claimed: &Delivery, now: Timestamp, status: u16) -> Result<(), StoreError> {
        self.write(Delivered { claim: Claim::of(claimed), now, status }).await
    }

    async fn delivery_failed(
        &self,
        claimed: &Delivery,
        now: Timestamp,
        error: &str,
        status: Option<u16>,
        next: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        self.write(Failed { claim: Claim::of(claimed), now, error: error.to_owned(), status, next }).await
    }

    async fn postpone_delivery(&self, claimed: &Delivery, next: Timestamp) -> Result<(), StoreError> {
        self.write(Postpone { claim: Claim::of(claimed), next }).await
    }

    async fn receiver_gone(&self, claimed: &Delivery, now: Timestamp) -> Result<u64, StoreError> {
        self.write(Gone { claim: Claim::of(claimed), now }).await
    }

    async fn deliveries(
        &self,
        owner: Option<UserId>,
        offset: u64,
        limit: u64,
    ) -> Result<(Vec<DeliveryRecord>, u64), StoreError> {
        let [offset, limit] = [offset, limit].map(|n| i64::try_from(n).unwrap_or(i64::MAX));
        let read = self.read("list webhook deliveries", move |db| {
            let of = if owner.is_some() { "WHERE owner = ? " } else { "" };
            let owner = owner.as_ref().map(|owner| bytes(owner.as_uuid()));
            let mut values: Vec<_> = owner.iter().map(|owner| owner.value()).collect();
            let total = db.count(&format!("SELECT count(*) FROM webhook_deliveries {of}"), &values)?;
            values.extend([limit.value(), offset.value()]);
            let sql = format!(
                "SELECT id, submission, owner, url, tries, next_at, ended_at, status, error FROM webhook_deliveries {of}\
                 ORDER BY submission DESC, id DESC LIMIT ? OFFSET ?"
            );
            Ok((db.all(&sql, &values, record)?, total))
        });
        read.await
    }

    async fn redeliver(&self, id: WebhookId, owner: Option<UserId>, now: Timestamp) -> Result<bool, StoreError> {
        self.write(Again { id, owner, now }).await
    }
}

fn record(row: Row<'_>) -> Result<DeliveryRecord, SqlFault> {
    let time = |us: Option<i64>, column| us.map(|us| from_us(us, column)).transpose();
    Ok(DeliveryRecord {
        id: WebhookId::from_uuid(id_from(row.blob(0)?, "id")?),
        submission: SubmissionId::from_uuid(id_from(row.blob(1)?, "submission")?),
        owner: UserId::from_uuid(id_from(row.blob(2)?, "owner")?),
        url: row.get(3)?,
        tries: u32::try_from(row.get::<i64>(4)?).map_err(|_| bad("tries"))?,
        next_at: time(row.get(5)?, "next_at")?,
        ended_at: time(row.get(6)?, "ended_at")?,
        status: row.get::<Option<i64>>(7)?.map(u16::try_from).transpose().map_err(|_| bad("status"))?,
        error: row.get(8)?,
    })
}

struct Again {
    id: WebhookId,
    owner: Option<UserId>,
    now: Timestamp,
}

impl Write for Again {
    type Output = bool;
    const OPERATION: &'static str = "repeat a webhook delivery";
    const DURABLE: bool = true;

    fn apply(&self, db: &dyn Sql) -> Result<bool, SqlFault> {
        let of = if self.owner.is_some() { " AND owner = ?" } else { "" };
        let sql = format!(
            "UPDATE webhook_deliveries SET tries = 0, next_at = ?, ended_at = NULL, status = NULL, error = NULL WHERE id = ?{of} \
             AND NOT EXISTS (SELECT 1 FROM users u WHERE u.id = webhook_deliveries.owner AND u.deleted_at IS NOT NULL)"
        );
        let (now, id, owner) =
            (to_us(self.now), bytes(self.id.as_uuid()), self.owner.as_ref().map(|owner| bytes(owner.as_uuid())));
        let mut values = vec![now.value(), id.value()];
        values.extend(owner.iter().map(|owner| owner.value()));
        Ok(db.execute(&sql, &values)? > 0)
    }
}

struct Take {
    now: Timestamp,
    until: Timestamp,
    /// Number of deliveries of each owner.
    of: BTreeMap<UserId, u32>,
}

impl Write for Take {
    type Output = Vec<Delivery>;
    const OPERATION: &'static str = "claim webhook deliveries";
    // If a crash loses the claim, the delivery is retried earlier.
    const DURABLE: bool = false;

    fn apply(&self, db: &dyn Sql) -> Result<Vec<Delivery>, SqlFault> {
        let (until, now) = (to_us(self.until), to_us(self.now));
        let mut taken = Vec::new();
        for (owner, limit) in &self.of {
            taken.extend(db.all(CLAIM, values![until, bytes(owner.as_uuid()), now, *limit], |row| {
                Ok(Delivery {
                    id: WebhookId::from_uuid(id_from(row.blob(0)?, "id")?),
                    submission: SubmissionId::from_uuid(id_from(row.blob(1)?, "submission")?),
                    owner: UserId::from_uuid(id_from(row.blob(2)?, "owner")?),
                    url: row.get(3)?,
                    tries: u32::try_from(row.get::<i64>(4)?).map_err(|_| bad("tries"))?,
                    claimed_until: self.until,
                })
            })?);
        }
        Ok(taken)
    }
}

/// A claim of a delivery. While it is current, `next_at` of the row is `until`.
struct Claim {
    id: WebhookId,
    until: Timestamp,
}

impl Claim {
    fn of(delivery: &Delivery) -> Claim {
        Claim { id: delivery.id, until: delivery.claimed_until }
    }
}

struct Delivered {
    claim: Claim,
    now: Timestamp,
    status: u16,
}

impl Write for Delivered {
    type Output = ();
    const OPERATION: &'static str = "record a webhook delivery";
    const DURABLE: bool = true;

    fn apply(&self, db: &dyn Sql) -> Result<(), SqlFault> {
        let sql = "UPDATE webhook_deliveries SET tries = tries + 1, next_at = NULL, ended_at = ?, status = ?, error = NULL \
                   WHERE id = ? AND next_at = ?";
        db.execute(
            sql,
            values![to_us(self.now), self.status, bytes(self.claim.id.as_uuid()), to_us(self.claim.until)],
        )?;
        Ok(())
    }
}

struct Failed {
    claim: Claim,
    now: Timestamp,
    error: String,
    status: Option<u16>,
    next: Option<Timestamp>,
}

impl Write for Failed {
    type Output = ();
    const OPERATION: &'static str = "record a failed webhook delivery";
    const DURABLE: bool = true;

    fn apply(&self, db: &dyn Sql) -> Result<(), SqlFault> {
        let sql = "UPDATE webhook_deliveries SET tries = tries + 1, next_at = ?, ended_at = ?, error = ?, status = ? \
                   WHERE id = ? AND next_at = ?";
        let ended_at = if self.next.is_none() { Some(to_us(self.now)) } else { None };
        db.execute(
            sql,
            values![
                self.next.map(to_us),
                ended_at,
                self.error,
                self.status.map(i64::from),
                bytes(self.claim.id.as_uuid()),
                to_us(self.claim.until)
            ],
        )?;
        Ok(())
    }
}

struct Postpone {
    claim: Claim,
    next: Timestamp,
}

impl Write for Postpone {
    type Output = ();
    const OPERATION: &'static str = "postpone a webhook delivery";
    // If a crash loses it, the delivery is due when its claim ends.
    const DURABLE: bool = false;

    fn apply(&self, db: &dyn Sql) -> Result<(), SqlFault> {
        let sql = "UPDATE webhook_deliveries SET next_at = ? WHERE id = ? AND next_at = ?";
        db.execute(sql, values![to_us(self.next), bytes(self.claim.id.as_uuid()), to_us(self.claim.until)])?;
        Ok(())
    }
}

struct Gone {
    claim: Claim,
    now: Timestamp,
}

impl Write for Gone {
    type Output = u64;
    const OPERATION: &'static str = "cancel the deliveries to a webhook receiver";
    const DURABLE: bool = true;

    fn apply(&self, db: &dyn Sql) -> Result<u64, SqlFault> {
        db.execute(GONE, values![bytes(self.claim.id.as_uuid()), to_us(self.now), to_us(self.claim.until)])
    }
}

/// Deletes records whose retention has ended.
pub(crate) struct PurgeExpired {
    pub(crate) cutoffs: RetentionCutoffs,
    pub(crate) limit: u32,
}

impl Write for PurgeExpired {
    type Output = Purged;
    const OPERATION: &'static str = "delete expired records";
    const DURABLE: bool = false;

    fn apply(&self, db: &dyn Sql) -> Result<Purged, SqlFault> {
        // The outer condition repeats that of the subquery: PostgreSQL evaluates it again on a row that another
        // transaction changed after the subquery had selected it. A record that was renewed at that moment stays.
        let removals = [
            (
                "DELETE FROM idempotency_keys WHERE expires_at <= ?1 AND (owner, key) IN \
                 (SELECT owner, key FROM idempotency_keys WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)",
                self.cutoffs.now,
            ),
            (
                "DELETE FROM refresh_sessions WHERE (expires_at <= ?1 OR ended_at <= ?1) AND id IN \
                 (SELECT id FROM refresh_sessions WHERE expires_at <= ?1 OR ended_at <= ?1 LIMIT ?2)",
                self.cutoffs.now,
            ),
            (
                "DELETE FROM password_links WHERE expires_at <= ?1 AND \"user\" IN \
                 (SELECT \"user\" FROM password_links WHERE expires_at <= ?1 LIMIT ?2)",
                self.cutoffs.now,
            ),
            (
                "DELETE FROM registration_codes WHERE expires_at <= ?1 AND id IN \
                 (SELECT id FROM registration_codes WHERE expires_at <= ?1 LIMIT ?2)",
                self.cutoffs.keys_before,
            ),
            (
                "DELETE FROM webhook_deliveries WHERE ended_at <= ?1 AND id IN \
                 (SELECT id FROM webhook_deliveries WHERE ended_at <= ?1 ORDER BY ended_at LIMIT ?2)",
                self.cutoffs.deliveries_before,
            ),
            (
                "DELETE FROM api_keys WHERE revoked_at <= ?1 AND id IN \
                 (SELECT id FROM api_keys WHERE revoked_at <= ?1 ORDER BY revoked_at LIMIT ?2)",
                self.cutoffs.keys_before,
            ),
            (
                "DELETE FROM api_keys WHERE expires_at <= ?1 AND id IN \
                 (SELECT id FROM api_keys WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)",
                self.cutoffs.keys_before,
            ),
            (
                "DELETE FROM workers WHERE seen_at <= ?1 AND id IN \
                 (SELECT id FROM workers WHERE seen_at <= ?1 ORDER BY seen_at LIMIT ?2)",
                self.cutoffs.workers_before,
            ),
            (
                "DELETE FROM failed_attempts WHERE (submission, attempt) IN \
                 (SELECT submission, attempt FROM failed_attempts f WHERE failed_at <= ?1 \
                 AND NOT EXISTS (SELECT 1 FROM dead_letters d WHERE d.submission = f.submission) \
                 ORDER BY failed_at LIMIT ?2)",
                self.cutoffs.failures_before,
            ),
            (
                "DELETE FROM snippets WHERE shared_at <= ?1 AND (id, owner) IN \
                 (SELECT id, owner FROM snippets WHERE shared_at <= ?1 ORDER BY shared_at LIMIT ?2)",
                self.cutoffs.snippets_before,
            ),
            (
                "DELETE FROM drafts WHERE saved_at <= ?1 AND (owner, problem, language, number) IN \
                 (SELECT owner, problem, language, number FROM drafts WHERE saved_at <= ?1 ORDER BY saved_at LIMIT ?2)",
                self.cutoffs.drafts_before,
            ),
        ];
        let mut purged = Purged::default();
        for (sql, until) in removals {
            let deleted = db.execute(sql, values![to_us(until), self.limit])?;
            purged.deleted += deleted;
            purged.may_have_more |= deleted >= u64::from(self.limit);
        }
        Ok(purged)
    }
}
