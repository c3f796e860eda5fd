//! Webhook deliveries: due deliveries, and the retry schedule.
//!
//! The outbox row is written in the transaction that ends the run, so no delivery is forgotten. Sending (signature,
//! protection against private addresses) is in the crate `cupel`. Source: Standard Webhooks, "Deliverability and
//! reliability". The schedule begins as proposed there (5 s, 5 min, 30 min, 2 h, 5 h, 10 h); all later pauses are 10 h
//! as well. If a receiver answers with status 410, all waiting deliveries of the same owner to its address are given
//! up.

use std::time::Duration;

use cupel_types::{UserId, WebhookId};
use jiff::SignedDuration;

use crate::{AuthenticatedUser, Core, Delivery, DeliveryRecord, StoreError, chain};

/// Result of a delivery attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sent {
    /// The receiver answered 2xx.
    Delivered {
        /// The status.
        status: u16,
    },
    /// The receiver answered 410 and wants no more webhooks.
    Gone,
    /// Any other result. `error` is human-readable (the status, or why there is no status) and contains no secret.
    Failed {
        /// The cause.
        error: String,
        /// The receiver's status, if it answered.
        status: Option<u16>,
    },
}

/// Backoff after the `tries`th failed attempt (from 1), or `None` if that was the last attempt. `jitter` from 0 to 1
/// lengthens the backoff by up to a tenth, so that many deliveries are not retried at the same moment.
pub fn retry_after(tries: u32, jitter: f64) -> Option<Duration> {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;
    let pause_s = match tries {
        0 => 0,
        1 => 5,
        2 => 5 * MINUTE,
        3 => 30 * MINUTE,
        4 => 2 * HOUR,
        5 => 5 * HOUR,
        6..=9 => 10 * HOUR,
        _ => return None,
    };
    Some(Duration::from_secs(pause_s).mul_f64(1.0 + jitter.clamp(0.0, 1.0) / 10.0))
}

impl Core {
    /// The key that signs a user's webhooks; `None`: the user does not exist.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub async fn webhook_secret(&self, owner: UserId) -> Result<Option<[u8; 32]>, StoreError> {
        self.inner.store.webhook_secret(owner).await
    }

    /// Claims at most `limit` due deliveries for `hold`. A delivery for which no attempt is recorded within that time
    /// is due again. Deliveries of `busy` owners, who have deliveries in progress, come last, so an owner whose
    /// receiver hangs gets only capacity that no other owner needs.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub async fn take_deliveries(
        &self,
        hold: Duration,
        limit: u32,
        busy: &[UserId],
    ) -> Result<Vec<Delivery>, StoreError> {
        let now = self.now();
        let until = SignedDuration::try_from(hold).ok().and_then(|hold| now.checked_add(hold).ok()).unwrap_or(now);
        let mut taken = self.inner.store.take_deliveries(now, until, limit, busy).await?;
        let room = limit.saturating_sub(u32::try_from(taken.len()).unwrap_or(u32::MAX));
        if room > 0 && !busy.is_empty() {
            match self.inner.store.take_deliveries(now, until, room, &[]).await {
                Ok(others) => taken.extend(others),
                Err(error) if taken.is_empty() => return Err(error),
                // The deliveries claimed so far must still be sent.
                Err(error) => tracing::warn!(error = chain(&error), "cannot read all due webhook deliveries"),
            }
        }
        Ok(taken)
    }

    /// A page of deliveries, those of the newest submissions first, and the total number. `all`: of all owners, if the
    /// viewer is an administrator.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub async fn deliveries(
        &self,
        viewer: &AuthenticatedUser,
        all: bool,
        offset: u64,
        limit: u64,
    ) -> Result<(Vec<DeliveryRecord>, u64), StoreError> {
        let owner = (!(all && viewer.is_admin)).then_some(viewer.user);
        self.inner.store.deliveries(owner, offset, limit).await
    }

    /// Resends a delivery with the full number of attempts. `false`: no delivery visible to this viewer has this id.
    ///
    /// # Errors
    /// If the store cannot write.
    pub async fn redeliver(&self, viewer: &AuthenticatedUser, id: WebhookId) -> Result<bool, StoreError> {
        let owner = (!viewer.is_admin).then_some(viewer.user);
        self.inner.store.redeliver(id, owner, self.now()).await
    }

    /// Records the result of an attempt. A failed delivery becomes due again according to the schedule, until the
    /// schedule is exhausted.
    ///
    /// # Errors
    /// If the store cannot write; the delivery is then tried again.
    pub async fn record_delivery(&self, delivery: &Delivery, sent: Sent) -> Result<(), StoreError> {
        let now = self.now();
        match sent {
            Sent::Delivered { status } => self.inner.store.delivered(delivery, now, status).await,
            Sent::Gone => self.inner.store.receiver_gone(delivery, now).await.map(|_| ()),
            Sent::Failed { error, status } => {
                let jitter: f64 = rand::random();
                let pause = retry_after(delivery.tries + 1, jitter).and_then(|p| SignedDuration::try_from(p).ok());
                let next = pause.and_then(|pause| now.checked_add(pause).ok());
                let error: String = error.chars().take(500).collect();
                self.inner.store.delivery_failed(delivery, now, &error, status, next).await
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_backoff_grows_to_ten_hours_and_ends_after_ten_tries() {
        let seconds = |tries| retry_after(tries, 0.0).map(|d| d.as_secs());
        let all: Vec<_> = (1..=10).map(seconds).collect();
        let expected = [5, 300, 1800, 7200, 18_000, 36_000, 36_000, 36_000, 36_000].map(Some);
        assert_eq!(all[..9], expected);
        assert_eq!(all[9], None);
        assert_eq!(retry_after(u32::MAX, 1.0), None);
    }

    #[test]
    fn jitter_lengthens_the_backoff_by_at_most_a_tenth() {
        for jitter in [-1.0, 0.0, 0.5, 1.0, 7.0] {
            let pause = retry_after(2, jitter).unwrap().as_secs();
            assert!((300..=330).contains(&pause), "{jitter}: {pause}");
        }
    }
}
