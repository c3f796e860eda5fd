//! Webhook deliveries: which are due, and when to try again.
//!
//! The outbox row is written in the transaction that ends the run, so that no result goes untold. The
//! sending itself (signature, guard against private addresses) is the binary's.
//! Source of the schedule: Standard Webhooks, "Deliverability and reliability" (5 s, 5 min, 30 min, 2 h, 5 h,
//! 10 h, …) and of 410 meaning "never again".

use std::time::Duration;

use cupel_types::{UserId, WebhookId};
use jiff::SignedDuration;

use crate::{Core, Delivery, DeliveryRecord, StoreError, Viewer, chain};

/// How a try went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sent {
    /// The receiver answered 2xx.
    Delivered {
        /// The status.
        status: u16,
    },
    /// It answered 410: it does not want to hear from us again.
    Gone,
    /// Anything else; `error` is for people (a status, or why there was none) and holds no secret.
    Failed {
        /// Why.
        error: String,
    },
}

/// The pause after the `tries`th failed try (from 1), or `None` when there is to be no other.
/// `jitter` from 0 to 1 stretches it by up to a tenth, so that a crowd of deliveries does not come back at once.
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
    /// Deliveries that are due, at most `limit`. They are the caller's for `hold`; whoever does not
    /// record a try by then finds them due again. Those of owners who have some under way (`busy`) come after all others: whose
    /// receiver hangs has the room that nobody else wants.
    ///
    /// # Errors
    /// When the store cannot answer.
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
                // What was taken has to be sent.
                Err(error) => tracing::warn!(error = chain(&error), "cannot look at all webhooks that are due"),
            }
        }
        Ok(taken)
    }

    /// A page of deliveries, those of the newest submissions first, and how many there are. `all`: everybody's, where the viewer is an
    /// administrator.
    ///
    /// # Errors
    /// When the store cannot answer.
    pub async fn deliveries(
        &self,
        viewer: &Viewer,
        all: bool,
        offset: u64,
        limit: u64,
    ) -> Result<(Vec<DeliveryRecord>, u64), StoreError> {
        let owner = (!(all && viewer.is_admin)).then_some(viewer.user);
        self.inner.store.deliveries(owner, offset, limit).await
    }

    /// Sends a delivery again, with all tries before it. `false`: there is none with this id for this viewer.
    ///
    /// # Errors
    /// When the store cannot write.
    pub async fn redeliver(&self, viewer: &Viewer, id: WebhookId) -> Result<bool, StoreError> {
        let owner = (!viewer.is_admin).then_some(viewer.user);
        self.inner.store.redeliver(id, owner, self.now()).await
    }

    /// Records how a try went. A failed one is due again by the schedule, until that is exhausted.
    ///
    /// # Errors
    /// When the store cannot write; the delivery is then tried again.
    pub async fn record_delivery(&self, delivery: &Delivery, sent: Sent) -> Result<(), StoreError> {
        let now = self.now();
        let id: WebhookId = delivery.id;
        match sent {
            Sent::Delivered { status } => self.inner.store.delivered(id, now, status).await,
            Sent::Gone => self.inner.store.receiver_gone(id, now).await.map(|_| ()),
            Sent::Failed { error } => {
                let jitter: f64 = rand::random();
                let pause = retry_after(delivery.tries + 1, jitter).and_then(|p| SignedDuration::try_from(p).ok());
                let next = pause.and_then(|pause| now.checked_add(pause).ok());
                let error: String = error.chars().take(500).collect();
                self.inner.store.delivery_failed(id, now, &error, next).await
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_ten_hours_and_end_after_ten_tries() {
        let seconds = |tries| retry_after(tries, 0.0).map(|d| d.as_secs());
        let all: Vec<_> = (1..=10).map(seconds).collect();
        let expected = [5, 300, 1800, 7200, 18_000, 36_000, 36_000, 36_000, 36_000].map(Some);
        assert_eq!(all[..9], expected);
        assert_eq!(all[9], None);
        assert_eq!(retry_after(u32::MAX, 1.0), None);
    }

    #[test]
    fn jitter_only_lengthens_and_by_a_tenth_at_most() {
        for jitter in [-1.0, 0.0, 0.5, 1.0, 7.0] {
            let pause = retry_after(2, jitter).unwrap().as_secs();
            assert!((300..=330).contains(&pause), "{jitter}: {pause}");
        }
    }
}
