//! Accepting submissions: validate, admit, write, publish the hint.
//!
//! *Invariant:* an id is returned only after the store has it durably. If a hint cannot be queued after that, the
//! client is not affected: the sweeper finds the run.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cupel_types::{
    Bytes, Cases, LimitsRequest, PriorityClass, ProblemVersion, RunId, Submission, SubmissionId, TestCase, UserId,
};
use jiff::Timestamp;

use crate::check::{SubmissionFault, check};
use crate::event::Seq;
use crate::{Awaited, Core, Idempotency, Inserted, Interest, Needs, NewSubmissions, QueueError, RunHint, StoreError};

/// Bounds of `Retry-After` when the queue is full.
const RETRY_AFTER_MIN: Duration = Duration::from_secs(1);
const RETRY_AFTER_MAX: Duration = Duration::from_secs(60);

/// `Retry-After` when no worker has the needed languages.
const NO_WORKER_RETRY: Duration = Duration::from_secs(10);

/// Divisor of the size of the queue that yields the share of one owner: one tenth.
const OWNER_SHARE: usize = 10;

/// A submission as the client sent it; core assigns ids and times.
#[derive(Clone, Default)]
pub struct NewSubmission {
    /// Its purpose.
    pub purpose: Purpose,
    /// Id or alias of the language, as sent.
    pub language: String,
    /// Paths as sent, with contents. The first is the main source; if its path is empty, the language determines it.
    pub files: Vec<(String, Arc<[u8]>)>,
    /// Arguments after the program's name.
    pub args: Vec<String>,
    /// Environment variables in addition to the language's own.
    pub env: Vec<(String, String)>,
    /// Standard input, if there are no tests.
    pub stdin: Arc<[u8]>,
    /// Test cases; an empty name is replaced with the case's number, from 1.
    pub tests: Vec<TestCase>,
    /// Requested limits.
    pub limits: LimitsRequest,
    /// Its priority.
    pub priority: PriorityClass,
    /// Earliest start. A time in the past means now.
    pub run_at: Option<Timestamp>,
    /// Webhook receiver: an `http` or `https` URL.
    pub webhook: Option<String>,
    /// Id of the HTTP request that brought it.
    pub request_id: Option<String>,
    /// Languages that its worker must have in addition to its own: those of the package's programs.
    pub also_needs: Needs,
}

/// Purpose of a submission.
#[derive(Clone, Debug, Default)]
pub enum Purpose {
    /// To run a program.
    #[default]
    Run,
    /// To solve a problem. Such a submission has no arguments, environment, input or tests of its own.
    Solve {
        /// The problem, and its version.
        of: ProblemVersion,
        /// The cases to run.
        cases: Cases,
    },
    /// To verify a package against its own claims. Such a submission has no fields of a program.
    Verify(ProblemVersion),
}

/// Bounds on the contents of one submission and of one batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it; see also the default")]
pub struct Bounds {
    /// Bytes in the main source, and in each other file.
    pub file_bytes_max: Bytes,
    pub files_max: usize,
    /// Bytes in all files of one submission.
    pub files_bytes_max: Bytes,
    pub stdin_bytes_max: Bytes,
    pub args_max: usize,
    pub env_max: usize,
    /// Bytes in all arguments and in the names and values of the environment, together.
    pub args_env_bytes_max: Bytes,
    pub tests_max: usize,
    /// Bytes in all inputs and expected outputs of one submission.
    pub tests_bytes_max: Bytes,
    /// Bytes of output that are kept per submission: of the compiler and of both streams of all tests together. A
    /// program may write more, up to its `output` limit: all of its output is judged, and the rest is not kept.
    pub output_kept_max: Bytes,
    /// How far `run_at` may be in the future.
    pub run_at_ahead_max: Duration,
    /// Whether webhooks may go to private and reserved addresses.
    pub webhooks_private: bool,
    /// Whether the workers count instructions; if not, a limit on instructions is refused.
    pub counts_instructions: bool,
    /// Problems that one author may own.
    pub problems_per_author_max: u64,
    /// Disk space that the packages imported by one author may use.
    pub package_bytes_per_author_max: Bytes,
    /// Submissions in one batch.
    pub batch_max: usize,
    /// Bytes in all submissions of a request, whether or not it is a batch: the most that one transaction may have to
    /// carry. A request through the API reaches it only if the bound on bodies is at least as large.
    pub batch_bytes_max: Bytes,
}

impl Default for Bounds {
    fn default() -> Bounds {
        Bounds {
            file_bytes_max: Bytes::kib(256),
            files_max: 100,
            files_bytes_max: Bytes::mib(8),
            stdin_bytes_max: Bytes::mib(4),
            args_max: 256,
            env_max: 64,
            args_env_bytes_max: Bytes::kib(64),
            tests_max: 100,
            tests_bytes_max: Bytes::mib(16),
            output_kept_max: Bytes::mib(8),
            run_at_ahead_max: Duration::from_secs(30 * 24 * 3600),
            webhooks_private: false,
            counts_instructions: false,
            problems_per_author_max: 1000,
            package_bytes_per_author_max: Bytes::mib(10 << 10),
            batch_max: 1000,
            batch_bytes_max: Bytes::mib(16),
        }
    }
}

/// Why nothing was accepted.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// The client's mistakes, all of them; at least one.
    #[error("the submission has {} fault(s)", .0.len())]
    Invalid(Vec<SubmissionFault>),
    /// Too many runs wait already.
    #[error("the queue is full")]
    QueueFull {
        /// When a retry may succeed.
        retry_after: Duration,
    },
    /// No live worker has all needed languages.
    #[error("no worker has all of: {}", names(.needs))]
    NoWorker {
        /// The languages that one worker must have.
        needs: Needs,
        /// When a retry may succeed.
        retry_after: Duration,
    },
    /// Too many of this owner's runs wait or are scheduled already.
    #[error("the owner has as many runs waiting as one owner may")]
    TooManyWaiting {
        /// Maximum number per owner.
        most: usize,
        /// When a retry may succeed.
        retry_after: Duration,
    },
    /// The idempotency key was used for another request.
    #[error("the idempotency key was used for another request")]
    IdempotencyMismatch,
    /// Failure of Cupel; nothing was written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Failure of Cupel; nothing was written.
    #[error("cannot ask the queue how much is waiting")]
    Queue(#[source] QueueError),
}

/// Accepted submissions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submitted {
    /// The ids, in the order of the request.
    pub ids: Vec<SubmissionId>,
    /// Whether an earlier request with the same idempotency key created them.
    pub repeated: bool,
}

impl Core {
    /// Accepts all submissions or none. The ids are in the order of `new`.
    ///
    /// A request that repeats an earlier one (same owner, key and hash) gets the ids of the earlier one.
    ///
    /// # Errors
    /// [`SubmitError`]; nothing has been written.
    pub async fn submit(
        &self,
        owner: UserId,
        new: Vec<NewSubmission>,
        idempotency: Option<Idempotency>,
    ) -> Result<Submitted, SubmitError> {
        Ok(self.accept(owner, new, idempotency, false).await?.0)
    }

    /// Like [`Core::submit`] for one submission. `is_awaited`: the client waits for the result, see [`Core::wait_for`].
    /// The second value is `None` for a repeated request, whose result others may have waited for: use [`Core::wait`].
    ///
    /// # Errors
    /// As [`Core::submit`].
    pub async fn submit_one(
        &self,
        owner: UserId,
        new: NewSubmission,
        idempotency: Option<Idempotency>,
        is_awaited: bool,
    ) -> Result<(Submitted, Option<Awaited>), SubmitError> {
        self.accept(owner, vec![new], idempotency, is_awaited).await
    }

    async fn accept(
        &self,
        owner: UserId,
        new: Vec<NewSubmission>,
        idempotency: Option<Idempotency>,
        is_awaited: bool,
    ) -> Result<(Submitted, Option<Awaited>), SubmitError> {
        let now = self.now();
        if let Some(repeat) = &idempotency
            && let Some(record) = self.inner.store.idempotent(owner, &repeat.key, now).await?
        {
            return Ok((repeated(repeat, record)?, None));
        }
        let kinds = check(&new, &self.registry(), &self.inner.bounds, now).map_err(SubmitError::Invalid)?;
        if kinds.is_empty() {
            return Ok((Submitted { ids: Vec::new(), repeated: false }, None));
        }
        self.check_receivers(&new).await?;
        let needs: Vec<Needs> = new
            .iter()
            .zip(&kinds)
            .map(|(new, kind)| new.also_needs.iter().chain(kind.language()).cloned().collect())
            .collect();
        let unserved = || needs.iter().find(|needs| !self.inner.language_queues.serves(needs));
        if unserved().is_some() {
            // A worker with the languages may have just started.
            self.follow_workers().await?;
        }
        if let Some(needs) = unserved() {
            // Workers cannot send heartbeats while the store cannot write, so check that first.
            self.inner.store.ping().await?;
            return Err(SubmitError::NoWorker { needs: needs.clone(), retry_after: NO_WORKER_RETRY });
        }
        let scheduled = new.iter().filter(|s| s.run_at.is_some_and(|at| at > now)).count();
        let _admitted = self.admit(owner, kinds.len(), scheduled, now).await?;

        let also_needs: Needs = new.iter().flat_map(|new| new.also_needs.iter().cloned()).collect();
        let mut submissions = Vec::with_capacity(new.len());
        for (new, kind) in new.into_iter().zip(kinds) {
            let run_at = new.run_at.filter(|at| *at > now);
            let submission = Submission {
                id: SubmissionId::from_uuid(self.inner.ids.next(now)),
                owner,
                kind,
                limits: new.limits,
                priority: new.priority,
                run_at,
                webhook: new.webhook,
                request_id: new.request_id,
                submitted_at: now,
            };
            submissions.push((submission, RunId::from_uuid(self.inner.ids.next(now))));
        }
        let ids: Vec<SubmissionId> = submissions.iter().map(|(s, _)| s.id).collect();
        let hints: Vec<(RunHint, Needs)> = submissions
            .iter()
            .zip(needs)
            .filter(|((s, _), _)| s.run_at.is_none())
            .map(|((s, run), needs)| (RunHint { run: *run, owner, class: s.priority }, needs))
            .collect();

        // Subscribe before anyone can learn the id, so that the end cannot be missed.
        let awaited = match ids.first() {
            Some(id) if is_awaited => Some(Awaited {
                id: *id,
                expected: self.inner.waiters.expect(*id),
                end: self.inner.events.subscribe(*id, Seq::default(), Interest::End).await,
            }),
            _ => None,
        };
        // A repeated request returns the id at once, so a submission with an idempotency key has to be durable from the
        // start.
        let is_awaited = awaited.is_some() && idempotency.is_none();
        let new = NewSubmissions { submissions, also_needs, idempotency: idempotency.clone(), is_awaited };
        if let Some(earlier) = earlier(self.inner.store.insert(new).await?, idempotency.as_ref())? {
            return Ok((earlier, None));
        }
        if let Err(error) = self.inner.language_queues.publish(&hints).await {
            tracing::debug!(%error, "hints were not queued; the sweeper will queue them");
        }
        Ok((Submitted { ids, repeated: false }, awaited))
    }

    /// Reserves room for `more` runs, `scheduled` of them with a later `run_at`, until the guard is dropped. As many
    /// runs may be scheduled as may wait in the queue.
    async fn admit(
        &self,
        owner: UserId,
        more: usize,
        scheduled: usize,
        now: Timestamp,
    ) -> Result<AdmissionGuard<'_>, SubmitError> {
        let guard = self.inner.admission.enter(owner, more);
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

    /// Checks that the owner's share has room for the `entering` runs, `scheduled` of them with a later `run_at`. The
    /// share is a tenth of the queue, but never less than the largest batch, because a batch of that size must be
    /// acceptable.
    ///
    /// The store is queried only for owners who schedule runs or have half of their share waiting, so that other
    /// requests cost no query. The consequence: an owner with a whole share scheduled may have up to half a share
    /// waiting beside it.
    async fn share(&self, owner: UserId, entering: usize, scheduled: usize, now: Timestamp) -> Result<(), SubmitError> {
        let depth_max = self.queue().depth_max();
        let most = (depth_max / OWNER_SHARE).max(self.inner.bounds.batch_max).min(depth_max);
        if most == depth_max {
            return Ok(());
        }
        let waiting = self.inner.language_queues.depth_of(owner).await.map_err(SubmitError::Queue)?;
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

fn names(needs: &Needs) -> String {
    needs.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn repeated(repeat: &Idempotency, record: crate::IdempotencyRecord) -> Result<Submitted, SubmitError> {
    if record.request_hash == repeat.request_hash {
        Ok(Submitted { ids: record.submissions, repeated: true })
    } else {
        Err(SubmitError::IdempotencyMismatch)
    }
}

/// The ids of the earlier request, if the insertion found one.
fn earlier(inserted: Inserted, idempotency: Option<&Idempotency>) -> Result<Option<Submitted>, SubmitError> {
    match (inserted, idempotency) {
        (Inserted::New, _) => Ok(None),
        (Inserted::Repeated(record), Some(repeat)) => repeated(repeat, record).map(Some),
        // A store that does this breaks its contract, and nothing was written: no id may be returned.
        (Inserted::Repeated(_), None) => Err(SubmitError::Store(StoreError {
            operation: "insert submissions",
            transient: false,
            source: "the store reports a repeated request where no idempotency key was given".into(),
        })),
    }
}

/// Counts the submissions that are being accepted, so that concurrent requests cannot exceed the queue's bound between
/// reading its depth and adding to it. Also measures how fast runs end, for `Retry-After`.
#[derive(Debug, Default)]
pub(crate) struct Admission {
    entering: AtomicUsize,
    /// The same, per owner.
    entering_of: Mutex<HashMap<UserId, usize>>,
    /// Runs that ended since the last tick.
    ended: AtomicUsize,
    /// Runs ended per second, smoothed, in thousandths.
    rate_milli: AtomicUsize,
}

pub(crate) struct AdmissionGuard<'a> {
    admission: &'a Admission,
    owner: UserId,
    more: usize,
    /// Submissions that were being accepted when this one arrived, including it.
    entered: usize,
    /// The same, of its owner.
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

    /// How long a tenth of the waiting runs takes at the current rate; 1 s to 60 s.
    fn retry_after(&self, depth: usize) -> Duration {
        let rate_milli = self.rate_milli.load(Ordering::Relaxed).max(1);
        Duration::from_secs((depth * 100 / rate_milli) as u64).clamp(RETRY_AFTER_MIN, RETRY_AFTER_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_that_were_not_written_are_never_returned() {
        let record = || crate::IdempotencyRecord { request_hash: [1; 32], submissions: Vec::new() };
        let key = |hash| Idempotency { key: "k".into(), request_hash: [hash; 32], expires_at: Timestamp::UNIX_EPOCH };
        assert!(matches!(earlier(Inserted::New, None), Ok(None)));
        assert!(matches!(
            earlier(Inserted::Repeated(record()), Some(&key(1))),
            Ok(Some(Submitted { repeated: true, .. }))
        ));
        let other = earlier(Inserted::Repeated(record()), Some(&key(2)));
        assert!(matches!(other, Err(SubmitError::IdempotencyMismatch)), "{other:?}");
        let impossible = earlier(Inserted::Repeated(record()), None);
        assert!(matches!(impossible, Err(SubmitError::Store(_))), "{impossible:?}");
    }
}
