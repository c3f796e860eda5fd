//! The part of the store with submissions and runs.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use cupel_problem::Slug;
use cupel_types::{LanguageId, LeaseId, RunId, RunReport, Submission, SubmissionId, UserId, WorkerId};
use jiff::Timestamp;

use super::queue::RunHint;
use super::store_error::StoreError;
use crate::event::{Event, Seq};
use crate::routes::Needs;
use crate::run::{HistoryFilter, LeasedRun, RunState, SubmissionRecord, SubmissionSummary};

/// The source of truth about submissions and runs.
#[async_trait]
pub trait RunStore: Send + Sync {
    /// Writes submissions with their runs (`Queued`) and their idempotency record in one transaction. When this returns
    /// `Ok(Inserted::New)`, the submissions are durable, unless they are [awaited](NewSubmissions::is_awaited). Awaited
    /// submissions survive the end of this process, and become durable with the next durable transaction of any caller.
    ///
    /// No submission is written if the owner's account was disabled or deleted before this call. If the account is
    /// disabled or deleted during the call, the submissions may be written.
    async fn insert(&self, new: NewSubmissions) -> Result<Inserted, StoreError>;

    /// Makes all earlier writes durable before it returns.
    async fn sync(&self) -> Result<(), StoreError>;

    /// One submission with its latest run.
    async fn submission(&self, id: SubmissionId) -> Result<Option<SubmissionRecord>, StoreError>;

    /// Several submissions, in the order of `ids`; those that do not exist are omitted.
    async fn submissions(&self, ids: &[SubmissionId]) -> Result<Vec<SubmissionRecord>, StoreError>;

    /// A page of an owner's submissions (`None`: of all owners), newest first, and the total number.
    async fn list(
        &self,
        owner: Option<UserId>,
        offset: u64,
        limit: u64,
    ) -> Result<(Vec<SubmissionSummary>, u64), StoreError>;

    /// A page of the submissions that match the filter, newest first.
    async fn history(
        &self,
        filter: HistoryFilter,
        offset: u64,
        limit: u64,
    ) -> Result<Vec<SubmissionSummary>, StoreError>;

    /// Number of submissions that match the filter.
    async fn history_count(&self, filter: HistoryFilter) -> Result<u64, StoreError>;

    /// Compare-and-set from `Queued` (and due) to `Leased`. `None`: another worker holds the run, the run ended, or it
    /// needs a language that is not in `languages` (`None`: the worker has all languages).
    ///
    /// If the call returns an error, the lease may nevertheless exist. Core then releases it.
    async fn lease(
        &self,
        run: RunId,
        lease: LeaseId,
        worker: WorkerId,
        now: Timestamp,
        until: Timestamp,
        languages: Option<Arc<BTreeSet<LanguageId>>>,
    ) -> Result<Option<LeasedRun>, StoreError>;

    /// Renews every lease in `leases`; returns those that are no longer current, in the order given.
    async fn renew(&self, leases: &[(RunId, LeaseId)], until: Timestamp) -> Result<Vec<LeaseId>, StoreError>;

    /// Writes the verdict, the report, the event log and the webhook delivery in one durable transaction, if `lease` is
    /// current. `false`: the lease is stale and nothing was written.
    async fn complete(&self, run: RunId, lease: LeaseId, done: Completion) -> Result<bool, StoreError>;

    /// Gives a leased run back; see [`RunEvent::GiveBack`](crate::run::RunEvent::GiveBack). Returns the submission and
    /// the new state, or `None` if the lease is stale. If the run is queued again, it is due at `due`. If the run is
    /// abandoned, its webhook delivery is written in the same transaction, and its submission becomes a [dead
    /// letter](crate::DeadLetterStore).
    async fn give_back(
        &self,
        run: RunId,
        lease: LeaseId,
        given: GivenBack,
    ) -> Result<Option<(SubmissionId, RunState)>, StoreError>;

    /// Cancels the latest run of a submission if it has not ended, and writes its webhook delivery in the same
    /// transaction. If `run` is given, another run is not cancelled. `None`: the submission does not exist.
    async fn cancel(
        &self,
        id: SubmissionId,
        run: Option<RunId>,
        now: Timestamp,
    ) -> Result<Option<Cancellation>, StoreError>;

    /// Moves runs whose lease ends at or before `lease_end` to `Queued` or to `Abandoned` (with their webhook delivery,
    /// as [dead letters](crate::DeadLetterStore)); at most `limit`.
    async fn expire(
        &self,
        lease_end: Timestamp,
        now: Timestamp,
        attempts_max: u32,
        limit: u32,
    ) -> Result<Vec<ExpiredRun>, StoreError>;

    /// Runs that are `Queued` and due, in the order of [`DueRun::place`], after `after` (exclusive), at most `limit`.
    /// The sweeper publishes their hints again.
    async fn due(&self, now: Timestamp, after: DuePlace, limit: u32) -> Result<Vec<DueRun>, StoreError>;

    /// The stored log of a submission after `after`: `queued` and, once the run was judged, everything from `started`
    /// of its last attempt to the final event. If the run was cancelled or abandoned, the log has only `queued` and the
    /// final event. Empty if the submission does not exist.
    async fn events(&self, id: SubmissionId, after: Seq) -> Result<Vec<Event>, StoreError>;

    /// Numbers of queued and leased runs, and the time at which the oldest waiting run became due.
    async fn counts(&self, now: Timestamp) -> Result<RunCounts, StoreError>;

    /// The runs that workers hold, longest first, at most `limit`.
    async fn running(&self, limit: u32) -> Result<Vec<RunningRun>, StoreError>;

    /// Number of due runs that wait, per set of needed languages.
    async fn waiting_for(&self, now: Timestamp) -> Result<Vec<(Needs, u64)>, StoreError>;

    /// Number of an owner's runs that wait for their `run_at`.
    async fn scheduled_of(&self, owner: UserId, now: Timestamp) -> Result<u64, StoreError>;

    /// The record of an earlier request with this idempotency key, if there is one that has not expired.
    async fn idempotent(
        &self,
        owner: UserId,
        key: &str,
        now: Timestamp,
    ) -> Result<Option<IdempotencyRecord>, StoreError>;

    /// Deletes expired records, at most `limit` of each kind.
    async fn purge_expired(&self, cutoffs: RetentionCutoffs, limit: u32) -> Result<Purged, StoreError>;

    /// A cheap query that fails if the store is not usable; for `/readyz`.
    async fn ping(&self) -> Result<(), StoreError>;

    /// Closes the store once the calls already made have finished. Later calls fail.
    async fn close(&self);
}

/// Retention bounds for [`RunStore::purge_expired`]: records up to these times are deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetentionCutoffs {
    /// Idempotency records and one-time links that expired by this time, and sessions that expired or ended by it.
    pub now: Timestamp,
    /// Webhook deliveries that ended by this time.
    pub deliveries_before: Timestamp,
    /// API keys that were revoked, or expired, by this time, and join codes for accounts that expired by it.
    pub keys_before: Timestamp,
    /// Workers whose last heartbeat was at or before this time.
    pub workers_before: Timestamp,
    /// Failed attempts that ended by this time, except those of dead letters.
    pub failures_before: Timestamp,
    /// Snippets that were last shared at or before this time.
    pub snippets_before: Timestamp,
    /// Revisions of drafts that were last saved at or before this time.
    pub drafts_before: Timestamp,
}

/// Result of [`RunStore::purge_expired`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Purged {
    /// Number of deleted records.
    pub deleted: u64,
    /// Whether the limit was reached for a kind of records, so that more of them may have expired.
    pub may_have_more: bool,
}

/// Submissions that are accepted together or not at all.
#[derive(Clone, Debug)]
pub struct NewSubmissions {
    /// The submissions, all of the same owner.
    pub submissions: Vec<(Submission, RunId)>,
    /// Languages that the submissions need in addition to their own.
    pub also_needs: Needs,
    /// The client's `Idempotency-Key` with the hash of its request.
    pub idempotency: Option<Idempotency>,
    /// Whether the client gets the ids only after the submissions have ended or [`RunStore::sync`] has returned. The
    /// durable write of the result also makes the submissions durable, so one disk sync covers both.
    pub is_awaited: bool,
}

/// Data by which a repeated request is recognized.
#[derive(Clone, Debug)]
pub struct Idempotency {
    /// The header's value, 1 to 255 characters.
    pub key: String,
    /// SHA-256 of method, path and body.
    pub request_hash: [u8; 32],
    /// When the record may be deleted.
    pub expires_at: Timestamp,
}

/// Stored record of an earlier request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyRecord {
    /// Hash of that request.
    pub request_hash: [u8; 32],
    /// The submissions it created.
    pub submissions: Vec<SubmissionId>,
}

/// Result of an insertion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Inserted {
    /// The submissions were written.
    New,
    /// The idempotency key was already used; nothing was written.
    Repeated(IdempotencyRecord),
    /// The owner's account is disabled or deleted; nothing was written.
    OwnerDisabled,
}

/// A finished attempt, ready to be written.
#[derive(Clone, Debug)]
pub struct Completion {
    /// The submission's owner.
    pub owner: UserId,
    /// The result.
    pub report: RunReport,
    /// The log of this attempt, from `Started` to `Finished`.
    pub events: Vec<Event>,
    /// When the attempt ended.
    pub at: Timestamp,
}

/// A run whose lease a worker releases.
#[derive(Clone, Debug)]
pub struct GivenBack {
    /// Whether the attempt counts as lost.
    pub lost_attempt: bool,
    /// The cause, for administrators; kept if the attempt is lost.
    pub why: String,
    /// The current time.
    pub now: Timestamp,
    /// The time from which the run may be tried again.
    pub due: Timestamp,
    /// Number of lost attempts after which a run is abandoned.
    pub attempts_max: u32,
}

/// Result of a cancellation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cancellation {
    /// The latest run of the submission.
    pub run: RunId,
    /// The run's state after the call.
    pub state: RunState,
    /// Whether this call ended the run; `false` if the run had ended before, or is not the run to cancel.
    pub changed: bool,
}

/// A position in the order in which runs become due. Ties are broken by run id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DuePlace {
    /// When the run is (or was) due.
    pub at: Timestamp,
    /// The run.
    pub run: RunId,
}

impl DuePlace {
    /// The position before every run that is due at `at`.
    pub const fn before(at: Timestamp) -> DuePlace {
        DuePlace { at, run: RunId::from_uuid(uuid::Uuid::nil()) }
    }
}

/// A run that is due and waits for a worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueRun {
    /// The hint to publish.
    pub hint: RunHint,
    /// The languages that the run needs.
    pub needs: Needs,
    /// The position, from which the next page continues.
    pub place: DuePlace,
}

/// A run whose lease expired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpiredRun {
    /// The hint to publish again.
    pub hint: RunHint,
    /// The languages that the run needs.
    pub needs: Needs,
    /// The submission it belongs to.
    pub submission: SubmissionId,
    /// The expired lease.
    pub lease: LeaseId,
    /// `Queued` or `Abandoned`.
    pub state: RunState,
}

/// A run that a worker holds, for administrators.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunningRun {
    /// The submission that is judged.
    pub submission: SubmissionId,
    /// The name of the submission's owner.
    pub username: String,
    /// The submission's language; `None` for the verification of a package.
    pub language: Option<LanguageId>,
    /// The problem of the submission, if any.
    pub problem: Option<Slug>,
    /// Number of the current attempt, from 1.
    pub attempt: u32,
    /// When the first attempt began.
    pub started_at: Timestamp,
    /// The worker.
    pub worker: WorkerId,
    /// Name of the worker, if it is known.
    pub worker_name: Option<String>,
}

/// Numbers of waiting and running runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RunCounts {
    /// Runs that are due and wait for a worker.
    pub queued: u64,
    /// Runs that wait for their `run_at`.
    pub scheduled: u64,
    /// Runs that workers hold.
    pub leased: u64,
    /// When the run that has waited longest became due.
    pub oldest_due_at: Option<Timestamp>,
    /// Submissions that are [dead letters](crate::DeadLetterStore).
    pub dead: u64,
}
