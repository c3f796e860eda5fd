//! Webhook deliveries: due deliveries, and the retry schedule.
//!
//! The outbox row is written in the transaction that ends the run, so no delivery is forgotten. Sending (signature,
//! protection against private addresses) is in the crate `cupel`. Source: Standard Webhooks, "Deliverability and
//! reliability". The schedule begins as proposed there (5 s, 5 min, 30 min, 2 h, 5 h, 10 h); all later pauses are 10 h
//! as well. If a receiver answers with status 410, all waiting deliveries of the same owner to its address are given
//! up. A delivery whose submission is judged again waits for the new result.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use cupel_types::{UserId, WebhookId};
use jiff::SignedDuration;

use crate::run::SubmissionRecord;
use crate::{AuthenticatedUser, Core, Delivery, DeliveryRecord, StoreError};

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

/// What a delivery has to report.
#[derive(Clone, Debug)]
pub enum Reported {
    /// The submission has ended.
    Ended(Box<SubmissionRecord>),
    /// The submission has a new run that has not ended: it is rejudged, or its dead letter is retried. The delivery was
    /// postponed.
    JudgedAgain,
    /// The submission no longer exists.
    Missing,
}

/// Pause of a delivery whose submission is judged again.
const JUDGED_AGAIN_PAUSE: SignedDuration = SignedDuration::from_mins(1);

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

/// Maximum number of owners of due deliveries that are considered at a time.
const OWNERS_MAX: u32 = 1000;

/// The turns of the owners of due deliveries. Owners with fewer deliveries in progress come first; among those with
/// equally many, the one whose last turn was longest ago. So an owner waits for at most one delivery of each other
/// owner, however many deliveries of the others have been due for longer.
#[derive(Debug, Default)]
pub struct Turns {
    /// Number of turns so far.
    count: u64,
    /// The last turn of each owner with due deliveries.
    last: HashMap<UserId, u64>,
}

impl Turns {
    /// The owners of the next deliveries, at most `limit`; an owner of several is listed as often. `due`: the number of
    /// due deliveries of each owner. `busy`: an owner for each delivery in progress.
    fn next(&mut self, due: &[(UserId, u64)], busy: &[UserId], limit: u32) -> Vec<UserId> {
        let in_progress = |owner| busy.iter().filter(|of| **of == owner).count();
        let mut left: Vec<_> = due.iter().map(|(owner, due)| (*owner, *due, in_progress(*owner))).collect();
        let owners: HashSet<UserId> = due.iter().map(|(owner, _)| *owner).collect();
        self.last.retain(|owner, _| owners.contains(owner));
        let mut chosen = Vec::new();
        while chosen.len() < limit as usize {
            let last = |owner: &UserId| self.last.get(owner).copied().unwrap_or(0);
            let waiting = left.iter_mut().filter(|(_, due, _)| *due > 0);
            let Some(next) = waiting.min_by_key(|(owner, _, in_progress)| (*in_progress, last(owner))) else { break };
            next.1 -= 1;
            next.2 += 1;
            self.count += 1;
            self.last.insert(next.0, self.count);
            chosen.push(next.0);
        }
        chosen
    }
}

impl Core {
    /// The key that signs a user's webhooks; `None`: the user does not exist.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub async fn webhook_secret(&self, owner: UserId) -> Result<Option<[u8; 32]>, StoreError> {
        self.inner.store.webhook_secret(owner).await
    }

    /// Claims at most `limit` due deliveries for `hold`, those of their owners in turn. A delivery for which no attempt
    /// is recorded within that time is due again. `busy`: an owner for each delivery in progress.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub async fn take_deliveries(
        &self,
        hold: Duration,
        limit: u32,
        busy: &[UserId],
        turns: &mut Turns,
    ) -> Result<Vec<Delivery>, StoreError> {
        let now = self.now();
        let until = SignedDuration::try_from(hold).ok().and_then(|hold| now.checked_add(hold).ok()).unwrap_or(now);
        let due = self.inner.store.due_owners(now, OWNERS_MAX).await?;
        let owners = turns.next(&due, busy, limit);
        if owners.is_empty() { Ok(Vec::new()) } else { self.inner.store.take_deliveries(now, until, &owners).await }
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

    /// What a delivery has to report. If the submission is judged again, the delivery is postponed, which does not count
    /// as an attempt.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub async fn reported_by(&self, delivery: &Delivery) -> Result<Reported, StoreError> {
        let viewer = AuthenticatedUser::of(delivery.owner);
        match self.submission(&viewer, delivery.submission).await? {
            Some(record) if record.state.is_final() => Ok(Reported::Ended(Box::new(record))),
            Some(_) => {
                let now = self.now();
                let next = now.checked_add(JUDGED_AGAIN_PAUSE).unwrap_or(now);
                self.inner.store.postpone_delivery(delivery, next).await?;
                Ok(Reported::JudgedAgain)
            }
            None => Ok(Reported::Missing),
        }
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
    fn owners_are_served_in_turn_and_those_with_deliveries_in_progress_come_last() {
        let owner = |n| UserId::from_uuid(uuid::Uuid::from_u128(n));
        let (patient, hostile) = (owner(9), (1..=8).map(owner).collect::<Vec<_>>());
        let mut due: Vec<_> = hostile.iter().map(|owner| (*owner, 300)).collect();
        let mut turns = Turns::default();
        assert_eq!(turns.next(&due, &[], 8), hostile, "the receivers of all these do not answer");
        due.push((patient, 2));
        assert_eq!(turns.next(&due, &hostile[1..], 1), [patient], "the oldest delivery is of the owner served last");
        due[8].1 = 1;
        assert_eq!(turns.next(&due, &hostile[1..], 1), [hostile[0]]);
        let busy = [&hostile[..1], &hostile[2..]].concat();
        assert_eq!(turns.next(&due, &busy, 3), [hostile[1], patient, hostile[2]]);
        assert_eq!(turns.next(&[(patient, 2)], &[], 5), [patient; 2]);
        assert!(turns.next(&[], &busy, 5).is_empty());
    }

    #[test]
    fn jitter_lengthens_the_backoff_by_at_most_a_tenth() {
        for jitter in [-1.0, 0.0, 0.5, 1.0, 7.0] {
            let pause = retry_after(2, jitter).unwrap().as_secs();
            assert!((300..=330).contains(&pause), "{jitter}: {pause}");
        }
    }
}
