//! Accepting submissions: validate, charge, admit, write, publish the hint.
//!
//! *Invariant:* a client gets an id only after the submission is durable in the store. If a hint cannot be queued after
//! that, the client is not affected, because the sweeper finds the run.

use std::pin::Pin;
use std::time::Duration;

use async_trait::async_trait;
use cupel_languages::{Availability, Language, Pulling};
use cupel_types::{LanguageId, RunId, Submission, SubmissionId, SubmissionKind, UserId};
use jiff::Timestamp;
use tokio::time::Instant;

use crate::admission::AdmissionGuard;
use crate::awaited::Awaited;
use crate::check::{check, check_each};
use crate::cluster::WorkerRecord;
use crate::event::Seq;
use crate::fault::{FAULTS_MAX, InputFault};
use crate::new_submission::{NewSubmission, NewSubmissionKind};
use crate::problems::AuthorError;
use crate::{Core, Idempotency, Inserted, Interest, Needs, NewSubmissions, QueueError, RunHint, StoreError};

/// `Retry-After` when no worker has the needed languages.
const NO_WORKER_RETRY: Duration = Duration::from_secs(10);

/// Maximum pause between two attempts to find room.
const ROOM_PAUSE_MAX: Duration = Duration::from_secs(1);

/// Rate limit on the submissions of one owner. The caller implements it, because the rate depends on the owner's tier.
#[async_trait]
pub trait RateLimit: Send + Sync {
    /// Charges this number of submissions. Called once per request, after a cache hit and an earlier request with the
    /// same idempotency key were ruled out, and before anything is written.
    async fn charge(&self, submissions: usize) -> Result<(), RateExceeded>;
}

/// The owner's rate is exhausted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the rate limit is reached: {detail}")]
pub struct RateExceeded {
    /// The rate and when it is restored, for the client.
    pub detail: String,
    /// When a retry may succeed.
    pub retry_after: Duration,
}

/// Why nothing was accepted.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// The client's mistakes; at least one.
    #[error("the submission has {} fault(s)", .0.len())]
    Invalid(Vec<InputFault>),
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
        /// A language whose image workers are still pulling, with the reason for clients.
        pulling: Option<(LanguageId, String)>,
        /// When a retry may succeed.
        retry_after: Duration,
    },
    /// Too many of this owner's runs wait or are scheduled already.
    #[error("the owner has reached the maximum number of waiting runs")]
    TooManyWaiting {
        /// Maximum number per owner.
        most: usize,
        /// When a retry may succeed.
        retry_after: Duration,
    },
    /// The owner's rate is exhausted.
    #[error(transparent)]
    RateExceeded(#[from] RateExceeded),
    /// The owner's account was disabled or deleted after the owner's credential was checked.
    #[error("the owner's account is disabled or deleted")]
    OwnerDisabled,
    /// The idempotency key was used for another request.
    #[error("the idempotency key was used for another request")]
    IdempotencyMismatch,
    /// Failure of Cupel. The submissions may have been written, but the client must not get their ids.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Failure of Cupel; nothing was written.
    #[error("cannot open the problem's package")]
    Package(#[source] Box<AuthorError>),
    /// Failure of Cupel; nothing was written.
    #[error("cannot read the number of waiting runs from the queue")]
    Queue(#[source] QueueError),
}

impl SubmitError {
    /// The time after which a retry may find room, if the submission was refused only for lack of room.
    pub fn retry_after_lack_of_room(&self) -> Option<Duration> {
        match self {
            SubmitError::QueueFull { retry_after }
            | SubmitError::NoWorker { retry_after, .. }
            | SubmitError::TooManyWaiting { retry_after, .. } => Some(*retry_after),
            SubmitError::Invalid(_)
            | SubmitError::RateExceeded(_)
            | SubmitError::OwnerDisabled
            | SubmitError::IdempotencyMismatch
            | SubmitError::Store(_)
            | SubmitError::Package(_)
            | SubmitError::Queue(_) => None,
        }
    }
}

/// How long a client waits for room.
pub(crate) struct RoomWait<'a> {
    pub(crate) until: Instant,
    /// Ends the wait early when it completes.
    pub(crate) given_up: Pin<&'a mut (dyn Future<Output = ()> + Send + 'a)>,
}

/// Accepted submissions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submitted {
    /// The ids, in the order of the request.
    pub ids: Vec<SubmissionId>,
    /// Whether an earlier request with the same idempotency key created them.
    pub repeated: bool,
}

/// Result of [`Core::submit_each`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SubmittedEach {
    /// The id or the client's mistakes of each submission, in the order of the request.
    New(Vec<Result<SubmissionId, Vec<InputFault>>>),
    /// The ids of the submissions that an earlier request with the same idempotency key created.
    Repeated(Vec<SubmissionId>),
}

/// Submissions with the result of their validation.
pub(crate) struct Checked {
    pub(crate) new: Vec<NewSubmission>,
    /// The requested work of each submission, or all faults.
    pub(crate) kinds: Result<Vec<SubmissionKind>, Vec<InputFault>>,
    /// When the server had received them. They are submitted at this time, so that waits of the server just before the
    /// end of a contest are not at the expense of the sender.
    pub(crate) received_at: Timestamp,
}

impl Core {
    /// Accepts all submissions of a batch or none. The ids are in the order of `new`. For one submission, see
    /// [`Core::execute`].
    ///
    /// A repeated request (same owner, key and hash) gets the ids of the first request, and is not charged.
    ///
    /// # Errors
    /// [`SubmitError`]. Unless the error is [`SubmitError::Store`], nothing has been written.
    pub async fn submit(
        &self,
        owner: UserId,
        new: Vec<NewSubmission>,
        idempotency: Option<Idempotency>,
        rate_limit: &dyn RateLimit,
    ) -> Result<Submitted, SubmitError> {
        if let Some(earlier) = self.earlier_request(owner, idempotency.as_ref()).await? {
            return Ok(earlier);
        }
        let checked = self.validate(new);
        rate_limit.charge(checked.new.len()).await?;
        Ok(self.accept(owner, checked, idempotency, false, None).await?.0)
    }

    /// Accepts the valid submissions of a batch, and refuses the others. Otherwise like [`Core::submit`].
    ///
    /// # Errors
    /// [`SubmitError`]. [`SubmitError::Invalid`] has the one fault of the whole request. Unless the error is
    /// [`SubmitError::Store`], nothing has been written.
    pub async fn submit_each(
        &self,
        owner: UserId,
        mut new: Vec<NewSubmission>,
        idempotency: Option<Idempotency>,
        rate_limit: &dyn RateLimit,
    ) -> Result<SubmittedEach, SubmitError> {
        let received_at = self.now();
        let checked = check_each(&new, &self.registry(), self.bounds(), received_at);
        let mut kinds = checked.map_err(|fault| SubmitError::Invalid(vec![fault]))?;
        if let Some(earlier) = self.earlier_request(owner, idempotency.as_ref()).await? {
            return Ok(SubmittedEach::Repeated(earlier.ids));
        }
        rate_limit.charge(new.len()).await?;
        for (index, new) in new.iter_mut().enumerate() {
            match self.add_needs_of_package(index, new).await {
                Err(SubmitError::Invalid(faults)) => refuse(&mut kinds, faults),
                added => added?,
            }
        }
        refuse(&mut kinds, self.receiver_faults(&new).await);
        let (mut valid, mut refusals) = (Vec::new(), Vec::new());
        for (new, kind) in new.into_iter().zip(kinds) {
            refusals.push(match kind {
                Ok(kind) => {
                    valid.push((new, kind));
                    None
                }
                Err(faults) => Some(faults),
            });
        }
        let (submitted, _) = self.write(owner, valid, received_at, idempotency, false, None).await?;
        if submitted.repeated {
            return Ok(SubmittedEach::Repeated(submitted.ids));
        }
        let mut ids = submitted.ids.into_iter();
        let result = |refused: Option<Vec<InputFault>>| match refused {
            Some(faults) => Some(Err(faults)),
            None => ids.next().map(Ok),
        };
        Ok(SubmittedEach::New(refusals.into_iter().filter_map(result).collect()))
    }

    /// Validates submissions, for all callers. [`Core::accept`] reports the faults.
    pub(crate) fn validate(&self, new: Vec<NewSubmission>) -> Checked {
        let received_at = self.now();
        let kinds = check(&new, &self.registry(), self.bounds(), received_at);
        Checked { new, kinds, received_at }
    }

    /// Accepts validated submissions, all or none, and publishes their hints. The caller has ruled out an earlier
    /// request with the same idempotency key, and has charged the submissions. `is_awaited`: the client of the only
    /// submission waits for the result, see [`Core::wait_for`]. The second value is `None` if `is_awaited` is `false`.
    /// It is also `None` if a concurrent request with the same idempotency key was faster: its client may be waiting
    /// for the same result, so the caller uses [`Core::wait`].
    pub(crate) async fn accept(
        &self,
        owner: UserId,
        checked: Checked,
        idempotency: Option<Idempotency>,
        is_awaited: bool,
        room: Option<RoomWait<'_>>,
    ) -> Result<(Submitted, Option<Awaited>), SubmitError> {
        let Checked { mut new, kinds, received_at } = checked;
        for (index, new) in new.iter_mut().enumerate() {
            self.add_needs_of_package(index, new).await?;
        }
        let kinds = kinds.map_err(SubmitError::Invalid)?;
        let mut faults = self.receiver_faults(&new).await;
        faults.truncate(FAULTS_MAX);
        if !faults.is_empty() {
            return Err(SubmitError::Invalid(faults));
        }
        let valid = new.into_iter().zip(kinds).collect();
        self.write(owner, valid, received_at, idempotency, is_awaited, room).await
    }

    /// The submissions that an earlier request with the same idempotency key created, if there was one. Called before
    /// the charge: a client that repeats a request after a lost connection must get the ids even if the first request
    /// has used up the rate.
    pub(crate) async fn earlier_request(
        &self,
        owner: UserId,
        idempotency: Option<&Idempotency>,
    ) -> Result<Option<Submitted>, SubmitError> {
        let Some(repeat) = idempotency else { return Ok(None) };
        let record = self.inner.store.idempotent(owner, &repeat.key, self.now()).await?;
        record.map(|record| repeated(repeat, record)).transpose()
    }

    /// Admits and writes valid submissions, and publishes their hints; see [`Core::accept`].
    async fn write(
        &self,
        owner: UserId,
        valid: Vec<(NewSubmission, SubmissionKind)>,
        received_at: Timestamp,
        idempotency: Option<Idempotency>,
        is_awaited: bool,
        room: Option<RoomWait<'_>>,
    ) -> Result<(Submitted, Option<Awaited>), SubmitError> {
        if valid.is_empty() {
            return Ok((Submitted { ids: Vec::new(), repeated: false }, None));
        }
        let needs: Vec<Needs> =
            valid.iter().map(|(new, kind)| new.also_needs.iter().chain(kind.language()).cloned().collect()).collect();
        let run_at: Vec<Option<Timestamp>> = valid.iter().map(|(new, _)| new.run_at).collect();
        // A client that waits for room submits when there is room, which may be minutes later.
        let submits_later = room.is_some();
        let _admitted = self.room_for(owner, &needs, &run_at, room).await?;
        let now = self.now();
        let submitted_at = if submits_later { now } else { received_at };

        let also_needs: Needs = valid.iter().flat_map(|(new, _)| new.also_needs.iter().cloned()).collect();
        let submissions: Vec<(Submission, RunId)> =
            valid.into_iter().map(|(new, kind)| self.submission_of(owner, new, kind, (submitted_at, now))).collect();
        let ids: Vec<SubmissionId> = submissions.iter().map(|(s, _)| s.id).collect();
        let hints: Vec<(RunHint, Needs)> = submissions
            .iter()
            .zip(needs)
            .filter(|((s, _), _)| s.run_at.is_none())
            .map(|((s, run), needs)| (RunHint::new(*run, owner, s.priority), needs))
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
        // A repeated request returns the id at once, so a submission with an idempotency key must be durable from the
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

    /// Reserves space for runs, one with each of `needs`. With `wait`, tries again while there is no space.
    async fn room_for(
        &self,
        owner: UserId,
        needs: &[Needs],
        run_at: &[Option<Timestamp>],
        mut wait: Option<RoomWait<'_>>,
    ) -> Result<AdmissionGuard<'_>, SubmitError> {
        loop {
            let now = self.now();
            let scheduled = run_at.iter().flatten().filter(|at| **at > now).count();
            let admitted = match self.check_workers(needs).await {
                Ok(()) => self.admit(owner, needs.len(), scheduled, now).await,
                Err(error) => Err(error),
            };
            let (retry_after, error) = match admitted {
                Ok(guard) => return Ok(guard),
                Err(error) => (error.retry_after_lack_of_room(), error),
            };
            let (Some(retry_after), Some(wait)) = (retry_after, &mut wait) else { return Err(error) };
            let pause = retry_after.min(ROOM_PAUSE_MAX);
            if Instant::now() + pause >= wait.until {
                return Err(error);
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = &mut wait.given_up => return Err(error),
            }
        }
    }

    /// Adds the languages of the package's programs, and checks the requirements of the problem. `index`: the
    /// submission's place in the batch.
    async fn add_needs_of_package(&self, index: usize, new: &mut NewSubmission) -> Result<(), SubmitError> {
        let needs = match &new.kind {
            NewSubmissionKind::Program(_) => return Ok(()),
            NewSubmissionKind::Problem(solution) => self.needs_of_solution(index, solution).await?,
            NewSubmissionKind::Verify(version) => self.needs_of_verification(version.get().package).await,
        };
        new.also_needs.extend(needs);
        Ok(())
    }

    /// Checks that each submission has a live worker with all needed languages, or one that will have them when it has
    /// pulled images. A worker whose pull of an image has failed does not count. Runs that wait for an image have no
    /// hints, so they are outside the bounds of the queue; all of them together may be as many as one owner's share of
    /// it.
    async fn check_workers(&self, needs: &[Needs]) -> Result<(), SubmitError> {
        let serves = |needs: &Needs| self.inner.language_queues.serves(needs);
        if needs.iter().all(serves) {
            return Ok(());
        }
        // A worker with the languages may have just started.
        self.follow_workers().await?;
        let unserved: Vec<&Needs> = needs.iter().filter(|needs| !serves(needs)).collect();
        if unserved.is_empty() {
            return Ok(());
        }
        let workers = self.workers_alive().await?;
        let will_serve = |needs: &Needs| {
            workers.iter().any(|WorkerRecord { beat, .. }| {
                let is_coming = |id| beat.pulling.get(id).is_some_and(|pulling| pulling.failure.is_none());
                needs.iter().all(|id| beat.languages.contains_key(id) || is_coming(id))
            })
        };
        let Some(needs) = unserved.iter().find(|needs| !will_serve(needs)) else {
            return self.check_room_for_unserved(unserved.len()).await;
        };
        // While the store cannot write, workers cannot send heartbeats, so the store is checked first.
        self.inner.store.ping().await?;
        let registry = self.registry();
        let pulling = |language: &Language| match &language.availability {
            availability @ Availability::Pulling(Pulling { failure: Some(_) }) => {
                Some((language.id.clone(), availability.reason()?.to_owned()))
            }
            _ => None,
        };
        let pulling = needs.iter().filter_map(|id| registry.get(id)).find_map(pulling);
        Err(SubmitError::NoWorker { needs: (*needs).clone(), pulling, retry_after: NO_WORKER_RETRY })
    }

    fn submission_of(
        &self,
        owner: UserId,
        new: NewSubmission,
        kind: SubmissionKind,
        (submitted_at, now): (Timestamp, Timestamp),
    ) -> (Submission, RunId) {
        let submission = Submission {
            id: SubmissionId::from_uuid(self.inner.ids.next(now)),
            owner,
            kind,
            limits: new.limits(),
            priority: new.priority,
            run_at: new.run_at.filter(|at| *at > now),
            webhook: new.webhook,
            request_id: new.request_id,
            facade: new.facade,
            submitted_at,
        };
        (submission, RunId::from_uuid(self.inner.ids.next(now)))
    }
}

/// Refuses the submissions that these faults concern.
fn refuse(kinds: &mut [Result<SubmissionKind, Vec<InputFault>>], faults: Vec<InputFault>) {
    for fault in faults {
        match fault.index.and_then(|index| kinds.get_mut(index)) {
            Some(Err(faults)) => faults.push(fault),
            Some(kind) => *kind = Err(vec![fault]),
            None => {}
        }
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
        (Inserted::OwnerDisabled, _) => Err(SubmitError::OwnerDisabled),
        (Inserted::Repeated(record), Some(repeat)) => repeated(repeat, record).map(Some),
        // The store broke its contract, and nothing was written: no id may be returned.
        (Inserted::Repeated(_), None) => Err(SubmitError::Store(StoreError {
            operation: "insert submissions",
            transient: false,
            source: "the store reports a repeated request where no idempotency key was given".into(),
        })),
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
