//! Dead letters: submissions whose run was abandoned because the maximum number of attempts ended in a failure of
//! Cupel.
//!
//! The senders of these submissions receive an internal error. An administrator can see why, when and on which worker
//! each attempt failed, and can retry or purge the dead letters. Like a rejudge, a retry is a new run of the same
//! submission. The attempts and events of the new run continue the numbering of the earlier run. Late reports of the
//! abandoned run are refused.
//!
//! A fault of a problem's package does not create a dead letter. It is reported to the problem's authors, who rejudge.

use async_trait::async_trait;
use cupel_problem::Slug;
use cupel_types::{LanguageId, RunId, SubmissionId, UserId, WorkerId};
use jiff::Timestamp;

use crate::event::{Event, EventKind, Seq};
use crate::ids::IdGenerator;
use crate::problems::RejudgeOne;
use crate::{Core, Needs, RunHint, StoreError};

/// Submissions per transaction.
const STEP: usize = 200;

/// Maximum length in bytes of the stored cause of a failed attempt.
const WHY_BYTES_MAX: usize = 2 << 10;

/// The source of truth about abandoned runs. [`RunStore`](crate::RunStore) creates dead letters, in the transaction
/// that abandons a run.
#[async_trait]
pub trait DeadLetterStore: Send + Sync {
    /// A page of dead letters, most recent first, and the total number.
    async fn dead_letters(&self, offset: u64, limit: u64) -> Result<(Vec<DeadLetter>, u64), StoreError>;

    /// One dead letter, and every stored failed attempt at its submission, oldest first.
    async fn dead_letter(&self, id: SubmissionId) -> Result<Option<(DeadLetter, Vec<FailedAttempt>)>, StoreError>;

    /// Submissions that became dead letters at or before `until`, oldest first, at most `limit`.
    async fn dead_until(&self, until: Timestamp, limit: u32) -> Result<Vec<SubmissionId>, StoreError>;

    /// Gives each dead letter among these a new run, due `now`; other submissions are skipped.
    async fn retry_dead(&self, again: Vec<RejudgeOne>, now: Timestamp) -> Result<Vec<RetriedRun>, StoreError>;

    /// Deletes dead letters and their failed attempts; returns the number of dead letters deleted. The submissions are
    /// unchanged.
    async fn purge_dead(&self, ids: &[SubmissionId]) -> Result<u64, StoreError>;
}

/// A submission whose run was abandoned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// The submission.
    pub submission: SubmissionId,
    /// The abandoned run.
    pub run: RunId,
    /// The submission's owner.
    pub owner: UserId,
    /// The owner's name.
    pub username: String,
    /// The submission's language; `None` for the verification of a package.
    pub language: Option<LanguageId>,
    /// The submission's problem, if it has one that still exists.
    pub problem: Option<Slug>,
    /// Number of attempts, including those at earlier runs.
    pub attempts: u32,
    /// When the run was abandoned.
    pub died_at: Timestamp,
    /// Why the last attempt failed; empty if the cause was not stored.
    pub why: String,
}

/// An attempt that ended in a failure of Cupel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedAttempt {
    /// Number of the attempt.
    pub attempt: u32,
    /// The run.
    pub run: RunId,
    /// The worker that held the attempt.
    pub worker: Option<WorkerId>,
    /// The name of that worker, if it was still known.
    pub worker_name: Option<String>,
    /// When the attempt ended.
    pub failed_at: Timestamp,
    /// The cause.
    pub why: String,
}

/// A new run of a former dead letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetriedRun {
    /// The submission.
    pub submission: SubmissionId,
    /// The hint to publish.
    pub hint: RunHint,
    /// The languages that the run needs.
    pub needs: Needs,
    /// Number of attempts at earlier runs.
    pub attempts: u32,
}

/// Retries dead letters, for a caller that has only a store; the sweeper of a server publishes hints for the new runs
/// within seconds.
///
/// # Errors
/// If the store cannot write; runs already queued stay queued, and the call may be repeated.
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
    /// A page of dead letters, most recent first, and the total number.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub async fn dead_letters(&self, offset: u64, limit: u64) -> Result<(Vec<DeadLetter>, u64), StoreError> {
        self.inner.store.dead_letters(offset, limit).await
    }

    /// One dead letter, and every stored failed attempt at its submission, oldest first.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub async fn dead_letter(&self, id: SubmissionId) -> Result<Option<(DeadLetter, Vec<FailedAttempt>)>, StoreError> {
        self.inner.store.dead_letter(id).await
    }

    /// Deletes a dead letter; the submission is unchanged. `false`: the submission is not a dead letter.
    ///
    /// # Errors
    /// If the store cannot write.
    pub async fn purge_dead(&self, id: SubmissionId) -> Result<bool, StoreError> {
        Ok(self.inner.store.purge_dead(&[id]).await? > 0)
    }

    /// Retries a dead letter. `false`: the submission is not a dead letter.
    ///
    /// # Errors
    /// If the store cannot write.
    pub async fn retry_dead(&self, id: SubmissionId) -> Result<bool, StoreError> {
        let now = self.now();
        let retried = retry_in(&*self.inner.store, &[id], now).await?;
        for run in &retried {
            // A sequence number between the end of the earlier run and the events of the new run.
            let seq = Seq::of_attempt(run.attempts.saturating_add(1), 0);
            self.inner.events.publish(Event { submission: run.submission, seq, at: now, kind: EventKind::Queued });
        }
        let hints: Vec<(RunHint, Needs)> = retried.iter().map(|run| (run.hint, run.needs.clone())).collect();
        if let Err(error) = self.inner.language_queues.publish(&hints).await {
            tracing::debug!(%error, "a retried run was not queued; the sweeper will queue it");
        }
        Ok(!retried.is_empty())
    }
}

/// The text as stored: with U+FFFD in place of each NUL, which some stores refuse, and at most [`WHY_BYTES_MAX`] long.
pub(crate) fn kept(why: &str) -> String {
    let mut kept = why[..why.floor_char_boundary(WHY_BYTES_MAX)].replace('\0', "\u{fffd}");
    kept.truncate(kept.floor_char_boundary(WHY_BYTES_MAX));
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stored_text_is_bounded_even_if_its_nul_bytes_are_replaced() {
        assert_eq!(kept("a\0b"), "a\u{fffd}b");
        assert_eq!(kept(&"\0".repeat(WHY_BYTES_MAX)).len(), WHY_BYTES_MAX / 3 * 3);
    }
}
