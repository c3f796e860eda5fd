//! The part of the store with the outbox of webhook deliveries.

use async_trait::async_trait;
use cupel_types::{SubmissionId, UserId, WebhookId};
use jiff::Timestamp;

use super::store_error::StoreError;

/// The outbox of webhook deliveries.
#[async_trait]
pub trait WebhookStore: Send + Sync {
    /// Owners of due deliveries, each with the number of these: at most `limit` owners, those with the delivery that
    /// has been due for longest first.
    async fn due_owners(&self, now: Timestamp, limit: u32) -> Result<Vec<(UserId, u64)>, StoreError>;
    /// Claims due deliveries until `until`, so that other senders skip them: for each entry of `owners`, one delivery
    /// of this owner, the one that has been due for longest.
    async fn take_deliveries(
        &self,
        now: Timestamp,
        until: Timestamp,
        owners: &[UserId],
    ) -> Result<Vec<Delivery>, StoreError>;
    /// Records that the receiver accepted the delivery. Does nothing if the claim is not current: the delivery was
    /// [requested again](WebhookStore::redeliver) or claimed by another sender.
    async fn delivered(&self, claimed: &Delivery, now: Timestamp, status: u16) -> Result<(), StoreError>;
    /// Records a failed attempt, with the receiver's status if the receiver answered. `next`: the time of the next
    /// attempt; `None`: no further attempt follows. Does nothing if the claim is not current.
    async fn delivery_failed(
        &self,
        claimed: &Delivery,
        now: Timestamp,
        error: &str,
        status: Option<u16>,
        next: Option<Timestamp>,
    ) -> Result<(), StoreError>;
    /// Makes a claimed delivery due at `next` without an attempt. Does nothing if the claim is not current.
    async fn postpone_delivery(&self, claimed: &Delivery, next: Timestamp) -> Result<(), StoreError>;
    /// The receiver is permanently gone (410): gives up this delivery and all others of the same owner to the same
    /// address. Returns their number. If the claim is not current, this delivery stays due.
    async fn receiver_gone(&self, claimed: &Delivery, now: Timestamp) -> Result<u64, StoreError>;
    /// A page of an owner's deliveries (`None`: of all owners), those of the newest submissions first, and the total
    /// number.
    async fn deliveries(
        &self,
        owner: Option<UserId>,
        offset: u64,
        limit: u64,
    ) -> Result<(Vec<DeliveryRecord>, u64), StoreError>;
    /// Makes a delivery due at `now` with the full number of attempts, regardless of how it ended. `false`: no delivery
    /// has this id, or the delivery belongs to another owner (`None`: any owner).
    async fn redeliver(&self, id: WebhookId, owner: Option<UserId>, now: Timestamp) -> Result<bool, StoreError>;
}

/// State of a webhook delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryRecord {
    /// The id, the same for every attempt (`webhook-id`).
    pub id: WebhookId,
    /// The submission whose end it reports.
    pub submission: SubmissionId,
    /// The submission's owner.
    pub owner: UserId,
    /// The receiver's address.
    pub url: String,
    /// Number of attempts made.
    pub tries: u32,
    /// When the delivery is tried next; `None` if it has ended.
    pub next_at: Option<Timestamp>,
    /// When the delivery ended.
    pub ended_at: Option<Timestamp>,
    /// Status of the last attempt, if the receiver answered it.
    pub status: Option<u16>,
    /// Why the last attempt failed.
    pub error: Option<String>,
}

/// One webhook to send.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The id, the same for every attempt (`webhook-id`).
    pub id: WebhookId,
    /// The submission it reports.
    pub submission: SubmissionId,
    /// The submission's owner, whose secret signs the webhook.
    pub owner: UserId,
    /// The receiver's address.
    pub url: String,
    /// Number of previous attempts.
    pub tries: u32,
    /// End of the claim, which identifies it.
    pub claimed_until: Timestamp,
}
