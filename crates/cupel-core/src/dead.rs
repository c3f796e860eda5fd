//! Dead letters: submissions whose run was given up, because every attempt at it ended in a failure of ours.
//!
//! Their senders were told of an internal error. An administrator sees why each attempt failed, at which worker and when, has them
//! tried again, or puts them away. To be tried again means a new run of the same submission, as at a rejudge: it has all attempts
//! before it, its events follow those of the run before, and whatever the run that was given up may still have under way is refused.
//!
//! A fault of a problem's package is none of these: it is told to the authors, and they rejudge.

use async_trait::async_trait;
use cupel_problem::Slug;
use cupel_types::{LanguageId, RunId, SubmissionId, UserId, WorkerId};
use jiff::Timestamp;

use crate::event::{Event, EventKind, Seq};
use crate::ids::IdGenerator;
use crate::problems::RejudgeOne;
use crate::{Core, Needs, RunHint, StoreError};

/// Submissions in one transaction.
const STEP: usize = 200;

/// Bytes that are kept of why an attempt failed.
const WHY_BYTES_MAX: usize = 2 << 10;

/// The truth about runs that were given up. [`RunStore`](crate::RunStore) makes dead letters, in the transaction that gives up.
#[async_trait]
pub trait DeadLetterStore: Send + Sync {
    /// A page of them, those that died last first, and how many there are in all.
    async fn dead_letters(&self, offset: u64, limit: u64) -> Result<(Vec<DeadLetter>, u64), StoreError>;

    /// One, and every failed attempt at this submission that is still remembered, the first one first.
    async fn dead_letter(&self, id: SubmissionId) -> Result<Option<(DeadLetter, Vec<FailedAttempt>)>, StoreError>;

    /// Those that died at or before `until`, the oldest first, at most `limit`.
    async fn dead_until(&self, until: Timestamp, limit: u32) -> Result<Vec<SubmissionId>, StoreError>;

    /// Gives each dead letter among these a new run, due `now`; the others are left out.
    async fn retry_dead(&self, again: Vec<RejudgeOne>, now: Timestamp) -> Result<Vec<RetriedRun>, StoreError>;

    /// Puts dead letters away, with what is remembered of their attempts; how many there were. The submissions stay as they are.
    async fn purge_dead(&self, ids: &[SubmissionId]) -> Result<u64, StoreError>;
}

/// A submission whose run was given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// What was sent.
    pub submission: SubmissionId,
    /// The run that was given up.
    pub run: RunId,
    /// Who sent it.
    pub owner: UserId,
    /// The sender's name.
    pub username: String,
    /// Its language; `None` where a package was to be verified.
    pub language: Option<LanguageId>,
    /// The problem it is about, if it is about one that is still there.
    pub problem: Option<Slug>,
    /// Attempts made, those at earlier runs included.
    pub attempts: u32,
    /// When it was given up.
    pub died_at: Timestamp,
    /// Why its last attempt failed; empty where that was not kept.
    pub why: String,
}

/// An attempt that ended in a failure of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedAttempt {
    /// Its number.
    pub attempt: u32,
    /// Of which run.
    pub run: RunId,
    /// Who had it.
    pub worker: Option<WorkerId>,
    /// What people called that worker, where that was still known.
    pub worker_name: Option<String>,
    /// When it ended.
    pub failed_at: Timestamp,
    /// Why.
    pub why: String,
}

/// A new run of what was a dead letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetriedRun {
    /// Which.
    pub submission: SubmissionId,
    /// Enough to queue it.
    pub hint: RunHint,
    /// What it needs.
    pub needs: Needs,
    /// Attempts made before.
    pub attempts: u32,
}

/// Tries dead letters again, for who has a store and nothing else; the sweeper of a server offers their runs within seconds.
///
/// # Errors
/// When the store cannot write; what was queued stays queued, and the call may be repeated.
pub async fn retry_in(
    store: &(impl DeadLetterStore + ?Sized),
    ids: &[SubmissionId],
    now: Timestamp,
) -> Result<Vec<RetriedRun>, StoreError> {
    let new_ids = IdGenerator::default();
    let mut retried = Vec::new();
    for part in ids.chunks(STEP) {
        let each = |id: &SubmissionId| RejudgeOne { submission: *id, run: RunId::from_uuid(new_ids.next(now)) };
        retried.append(&mut store.retry_dead(part.iter().map(each).collect(), now).await?);
    }
    Ok(retried)
}

impl Core {
    /// Tries a dead letter again. `false`: it is none.
    ///
    /// # Errors
    /// When the store cannot write.
    pub async fn retry_dead(&self, id: SubmissionId) -> Result<bool, StoreError> {
        let now = self.now();
        let retried = retry_in(&*self.inner.store, &[id], now).await?;
        for run in &retried {
            // Between the end of the run before and whatever comes of this one.
            let seq = Seq::of_attempt(run.attempts.saturating_add(1), 0);
            self.inner.events.publish(Event { submission: run.submission, seq, at: now, kind: EventKind::Queued });
        }
        let hints: Vec<(RunHint, Needs)> = retried.iter().map(|run| (run.hint, run.needs.clone())).collect();
        if let Err(error) = self.inner.lanes.publish(&hints).await {
            tracing::debug!(%error, "a run that is tried again was not queued; the sweeper will");
        }
        Ok(!retried.is_empty())
    }
}

/// As much of it as is kept, without NUL, which not every store takes.
pub(crate) fn kept(why: &str) -> String {
    why[..why.floor_char_boundary(WHY_BYTES_MAX)].replace('\0', "\u{fffd}")
}
