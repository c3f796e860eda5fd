//! Admission: checks whether the queue and the owner's share of it have space for more runs.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use cupel_types::UserId;
use jiff::Timestamp;

use crate::accounts::GUESTS_WAITING_MAX;
use crate::{Core, QueueError, SubmitError};

/// Bounds of `Retry-After` when the queue is full.
const RETRY_AFTER_MIN: Duration = Duration::from_secs(1);
const RETRY_AFTER_MAX: Duration = Duration::from_secs(60);

/// Divisor that yields one owner's share of the queue: one tenth.
const OWNER_SHARE: usize = 10;

impl Core {
    /// Reserves space for `more` runs, `scheduled` of them with a later `run_at`, until the guard is dropped. The
    /// number of scheduled runs has the same maximum as the number of waiting runs.
    pub(crate) async fn admit(
        &self,
        owner: UserId,
        more: usize,
        scheduled: usize,
        now: Timestamp,
    ) -> Result<AdmissionGuard<'_>, SubmitError> {
        let guard = self.inner.admission.enter(owner.share(), more);
        let depth_max = self.queue().depth_max();
        let depth = self.inner.language_queues.depth().await.map_err(SubmitError::Queue)?;
        if depth + guard.entered > depth_max {
            return Err(SubmitError::QueueFull { retry_after: self.inner.admission.retry_after(depth) });
        }
        self.share(owner, guard.entered_of_owner, scheduled, now).await?;
        if scheduled > 0 && self.inner.store.counts(now).await?.scheduled + guard.entered as u64 > depth_max as u64 {
            return Err(SubmitError::QueueFull { retry_after: RETRY_AFTER_MAX });
        }
        Ok(guard)
    }

    /// Checks that there is space for `more` runs that no worker can judge yet.
    pub(crate) async fn check_room_for_unserved(&self, more: usize) -> Result<(), SubmitError> {
        let waiting = self.inner.store.waiting_for(self.now()).await?;
        let serves = |needs| self.inner.language_queues.serves(needs);
        let unserved: u64 = waiting.iter().filter(|(needs, _)| !serves(needs)).map(|(_, runs)| runs).sum();
        if unserved.saturating_add(more as u64) > self.share_max() as u64 {
            return Err(SubmitError::QueueFull { retry_after: RETRY_AFTER_MAX });
        }
        Ok(())
    }

    /// Number of the owner's runs that wait in the queue, and its maximum.
    ///
    /// # Errors
    /// If the queue cannot answer.
    pub async fn waiting_of(&self, owner: UserId) -> Result<(usize, usize), QueueError> {
        Ok((self.inner.language_queues.depth_of(owner.share()).await?, self.most_waiting_of(owner)))
    }

    /// Maximum number of waiting runs of this owner; for a guest, of all guests of its share.
    fn most_waiting_of(&self, owner: UserId) -> usize {
        if owner.is_guest() { GUESTS_WAITING_MAX.min(self.share_max()) } else { self.share_max() }
    }

    /// Maximum number of waiting runs of one owner.
    fn share_max(&self) -> usize {
        let depth_max = self.queue().depth_max();
        (depth_max / OWNER_SHARE).max(self.inner.bounds.batch_max).min(depth_max)
    }

    /// Checks that the owner's share has space for the `entering` runs, `scheduled` of them with a later `run_at`. The
    /// share is a tenth of the queue, but at least the size of the largest batch, because a batch of that size must be
    /// acceptable.
    ///
    /// The store is queried only for owners who schedule runs or have more than half of their share waiting; other
    /// requests cost no query. Therefore an owner whose whole share is scheduled may have up to half a share waiting in
    /// addition.
    async fn share(&self, owner: UserId, entering: usize, scheduled: usize, now: Timestamp) -> Result<(), SubmitError> {
        let most = self.most_waiting_of(owner);
        if most == self.queue().depth_max() {
            return Ok(());
        }
        let waiting = self.inner.language_queues.depth_of(owner.share()).await.map_err(SubmitError::Queue)?;
        if waiting + entering > most {
            return Err(SubmitError::TooManyWaiting { most, retry_after: self.inner.admission.retry_after(waiting) });
        }
        if scheduled > 0 || waiting + entering > most / 2 {
            let later = usize::try_from(self.inner.store.scheduled_of(owner, now).await?).unwrap_or(usize::MAX);
            if later.saturating_add(waiting + entering) > most {
                return Err(SubmitError::TooManyWaiting { most, retry_after: RETRY_AFTER_MAX });
            }
        }
        Ok(())
    }
}

/// Counts the submissions that are being accepted, so that concurrent requests cannot exceed the queue's bound between
/// reading its depth and adding to it. Also measures how fast runs end, for `Retry-After`.
#[derive(Debug, Default)]
pub(crate) struct Admission {
    entering: AtomicUsize,
    /// Number of submissions that are being accepted, per owner.
    entering_of: Mutex<HashMap<UserId, usize>>,
    /// Runs that ended since the last tick.
    ended: AtomicUsize,
    /// Runs ended per second, smoothed, in thousandths.
    rate_milli: AtomicUsize,
    /// Number of runs that all workers judged within the last minute, by their heartbeats; 0 if this node has workers
    /// of its own and does not read the heartbeats.
    judged_last_minute: AtomicUsize,
}

pub(crate) struct AdmissionGuard<'a> {
    admission: &'a Admission,
    owner: UserId,
    more: usize,
    /// Number of submissions that were being accepted when this request arrived, including its own.
    entered: usize,
    /// Number of submissions of the same owner that were being accepted when this request arrived, including its own.
    entered_of_owner: usize,
}

impl Drop for AdmissionGuard<'_> {
    fn drop(&mut self) {
        self.admission.entering.fetch_sub(self.more, Ordering::AcqRel);
        let mut of = self.admission.entering_of.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entering) = of.get_mut(&self.owner) {
            *entering -= self.more;
            if *entering == 0 {
                of.remove(&self.owner);
            }
        }
    }
}

impl Admission {
    fn enter(&self, owner: UserId, more: usize) -> AdmissionGuard<'_> {
        let entered = self.entering.fetch_add(more, Ordering::AcqRel) + more;
        let mut of = self.entering_of.lock().unwrap_or_else(PoisonError::into_inner);
        let entered_of_owner = of.entry(owner).or_default();
        *entered_of_owner += more;
        AdmissionGuard { admission: self, owner, more, entered, entered_of_owner: *entered_of_owner }
    }

    pub(crate) fn ended(&self, runs: usize) {
        self.ended.fetch_add(runs, Ordering::Relaxed);
    }

    /// Updates the rate; `elapsed` is the time since the last tick.
    pub(crate) fn tick(&self, elapsed: Duration) {
        let ms = elapsed.as_millis().max(1) as usize;
        let now = self.ended.swap(0, Ordering::Relaxed) * 1_000_000 / ms;
        let before = self.rate_milli.load(Ordering::Relaxed);
        self.rate_milli.store((before * 3 + now) / 4, Ordering::Relaxed);
    }

    /// Sets the number of runs that all workers judged within the last minute.
    pub(crate) fn judged_last_minute(&self, runs: usize) {
        self.judged_last_minute.store(runs, Ordering::Relaxed);
    }

    /// How long a tenth of the waiting runs takes at the current rate; 1 s to 60 s.
    fn retry_after(&self, depth: usize) -> Duration {
        let of_workers_milli = self.judged_last_minute.load(Ordering::Relaxed) * 1000 / 60;
        let rate_milli = self.rate_milli.load(Ordering::Relaxed).max(of_workers_milli).max(1);
        Duration::from_secs((depth * 100 / rate_milli) as u64).clamp(RETRY_AFTER_MIN, RETRY_AFTER_MAX)
    }
}
