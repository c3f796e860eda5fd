//! The ports: what core needs from the outside world, as small dyn-compatible traits in the domain's own types.
//!
//! Each adapter is one type in `cupel-store`, `cupel-queue` or `cupel-events`. The suites in `cupel-testkit` specify
//! what every adapter must do, and run against each of them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use cupel_types::{
    ApiKeyId, LanguageId, LeaseId, PriorityClass, RunId, RunReport, SessionId, Submission, SubmissionId, UserId,
    WebhookId, WorkerId,
};
use jiff::Timestamp;

use crate::accounts::{AccessChange, AccountChange, ApiKey, MembershipStore, NewUser, RefreshSession, User};
use crate::cluster::ClusterStore;
use crate::contests::ContestStore;
use crate::dead_letters::DeadLetterStore;
use crate::drafts::DraftStore;
use crate::event::{Event, Seq};
use crate::problems::ProblemStore;
use crate::routes::Needs;
use crate::run::{HistoryFilter, LeasedRun, RunState, SubmissionRecord, SubmissionSummary};
use crate::snippets::SnippetStore;

// ---- Store ------------------------------------------------------------------------------------------

/// Failure of the store. Never the client's mistake.
#[derive(Debug, thiserror::Error)]
#[error("cannot {operation}")]
pub struct StoreError {
    /// The failed operation, such as `insert a submission`.
    pub operation: &'static str,
    /// Whether the same call may succeed later (busy, full disk, connection lost).
    pub transient: bool,
    /// The cause.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

/// The source of truth about submissions and runs.
#[async_trait]
pub trait RunStore: Send + Sync {
    /// Writes submissions with their runs (`Queued`) and their idempotency record in one transaction. When this returns
    /// `Ok(Inserted::New)`, the submissions are durable. [Awaited](NewSubmissions::is_awaited) submissions survive the
    /// end of this process, and become durable with the next durable transaction of any caller.
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

    /// Gives a leased run back; see [`RunEvent::GiveBack`](crate::run::RunEvent::GiveBack). Returns the new state, or
    /// `None` if the lease is stale. If the run is queued again, it is due at `due`. If the run is abandoned, its
    /// webhook delivery is written in the same transaction, and its submission becomes a [dead
    /// letter](DeadLetterStore).
    async fn give_back(&self, run: RunId, lease: LeaseId, given: GivenBack) -> Result<Option<RunState>, StoreError>;

    /// Cancels the latest run of a submission if it has not ended, and writes its webhook delivery in the same
    /// transaction. `None`: the submission does not exist.
    async fn cancel(&self, id: SubmissionId, now: Timestamp) -> Result<Option<Cancellation>, StoreError>;

    /// Moves at most `limit` runs whose lease ends at or before `lease_end` to `Queued` or to `Abandoned`. Abandoned
    /// runs get their webhook delivery and become [dead letters](DeadLetterStore).
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

    /// The stored log of a submission after `after`: `queued` and, once the run has ended, everything from `started` of
    /// its last attempt to the final event. Empty if the submission does not exist.
    async fn events(&self, id: SubmissionId, after: Seq) -> Result<Vec<Event>, StoreError>;

    /// Numbers of queued and leased runs, and the time at which the oldest waiting run became due.
    async fn counts(&self, now: Timestamp) -> Result<RunCounts, StoreError>;

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

    /// Deletes expired records, at most `limit` of each kind. Returns the number of deleted records.
    async fn purge_expired(&self, cutoffs: RetentionCutoffs, limit: u32) -> Result<u64, StoreError>;

    /// A cheap query that fails if the store is not usable; for `/readyz`.
    async fn ping(&self) -> Result<(), StoreError>;

    /// Closes the store once the calls already made have finished. Later calls fail.
    async fn close(&self);
}

/// Retention bounds for [`RunStore::purge_expired`]: records up to these times are deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetentionCutoffs {
    /// Idempotency records that expired by this time, and sessions that expired or ended by it.
    pub now: Timestamp,
    /// Webhook deliveries that ended by this time.
    pub deliveries_before: Timestamp,
    /// API keys that were revoked, or expired, by this time.
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

/// Identification of a repeated request.
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
}

/// A finished attempt, ready to be written.
#[derive(Clone, Debug)]
pub struct Completion {
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
    /// Whether this call ended it; `false` if it had ended before.
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
    /// Submissions that are [dead letters](DeadLetterStore).
    pub dead: u64,
}

/// Users, keys and refresh sessions.
#[async_trait]
pub trait AccountStore: Send + Sync {
    /// Inserts a user. Names and e-mail addresses are compared case-insensitively.
    async fn insert_user(&self, user: NewUser) -> Result<Result<User, UserTaken>, StoreError>;
    /// A user by id; `None` for a deleted user.
    async fn user(&self, id: UserId) -> Result<Option<User>, StoreError>;
    /// A user by e-mail address or user name, with the password hash (PHC string).
    async fn user_by_login(&self, login: &str) -> Result<Option<(User, String)>, StoreError>;
    /// The key that signs webhooks for this user's submissions. `None`: no such user.
    async fn webhook_secret(&self, id: UserId) -> Result<Option<[u8; 32]>, StoreError>;
    /// A page of all users, oldest first.
    async fn users(&self, offset: u64, limit: u64) -> Result<Vec<User>, StoreError>;
    /// Applies all parts of the change or none. The only administrator who can log in cannot be disabled or lose the
    /// role. Disabling a user ends all of the user's sessions.
    async fn change_access(
        &self,
        id: UserId,
        change: AccessChange,
        now: Timestamp,
    ) -> Result<AccountChange, StoreError>;
    /// Number of users.
    async fn count_users(&self) -> Result<u64, StoreError>;
    /// Inserts a key.
    async fn insert_key(&self, key: ApiKey) -> Result<(), StoreError>;
    /// A key by its public part; includes revoked and expired keys.
    async fn key(&self, id: ApiKeyId) -> Result<Option<ApiKey>, StoreError>;
    /// An owner's keys, newest first.
    async fn keys(&self, owner: UserId) -> Result<Vec<ApiKey>, StoreError>;
    /// Revokes an owner's key. `false`: the owner has no such key.
    async fn revoke_key(&self, owner: UserId, id: ApiKeyId, now: Timestamp) -> Result<bool, StoreError>;
    /// Records that a key was used (coarse: at most once a minute per key is enough).
    async fn touch_key(&self, id: ApiKeyId, now: Timestamp) -> Result<(), StoreError>;
    /// Inserts a refresh session. `password_hash`: the hash that was verified. Returns `false` and writes nothing if
    /// the user has a different hash by now, or is disabled or deleted.
    async fn insert_session(&self, session: RefreshSession, password_hash: Option<&str>) -> Result<bool, StoreError>;
    /// Replaces the current refresh token hash of a session with the next. A hash that was already replaced means a
    /// stolen token: the whole session ends.
    async fn rotate_session(
        &self,
        id: SessionId,
        old_hash: [u8; 32],
        new_hash: [u8; 32],
        now: Timestamp,
    ) -> Result<Option<Rotated>, StoreError>;
    /// Ends a session.
    async fn end_session(&self, id: SessionId, now: Timestamp) -> Result<(), StoreError>;
    /// Whether the session exists and has not ended. Access tokens carry the session's id.
    async fn session_alive(&self, id: SessionId, now: Timestamp) -> Result<bool, StoreError>;
}

/// A session whose refresh token was replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotated {
    /// The session's user.
    pub user: UserId,
    /// When the session expires; a refresh does not extend it.
    pub expires_at: Timestamp,
}

/// The unique name that was already taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum UserTaken {
    Username,
    Email,
}

/// The outbox of webhook deliveries.
#[async_trait]
pub trait WebhookStore: Send + Sync {
    /// Claims at most `limit` due deliveries until `until`, so that other senders skip them. Deliveries of the listed
    /// owners are excluded.
    async fn take_deliveries(
        &self,
        now: Timestamp,
        until: Timestamp,
        limit: u32,
        not_of: &[UserId],
    ) -> Result<Vec<Delivery>, StoreError>;
    /// Records that the receiver accepted the delivery.
    async fn delivered(&self, id: WebhookId, now: Timestamp, status: u16) -> Result<(), StoreError>;
    /// Records a failed try, with the receiver's status if it answered. `next`: the time of the next try; `None`: there
    /// is none.
    async fn delivery_failed(
        &self,
        id: WebhookId,
        now: Timestamp,
        error: &str,
        status: Option<u16>,
        next: Option<Timestamp>,
    ) -> Result<(), StoreError>;
    /// The receiver is permanently gone (410): gives up this delivery and all others of the same owner to the same
    /// address. Returns their number.
    async fn receiver_gone(&self, id: WebhookId, now: Timestamp) -> Result<u64, StoreError>;
    /// A page of an owner's deliveries (`None`: of all owners), those of the newest submissions first, and the total
    /// number.
    async fn deliveries(
        &self,
        owner: Option<UserId>,
        offset: u64,
        limit: u64,
    ) -> Result<(Vec<DeliveryRecord>, u64), StoreError>;
    /// Makes a delivery due at `now` with its full number of tries, regardless of how it ended. `false`: no delivery
    /// has this id, or the delivery belongs to another owner (`None`: any owner).
    async fn redeliver(&self, id: WebhookId, owner: Option<UserId>, now: Timestamp) -> Result<bool, StoreError>;
}

/// State of a webhook delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryRecord {
    /// The id, the same for every try (`webhook-id`).
    pub id: WebhookId,
    /// The submission whose end it reports.
    pub submission: SubmissionId,
    /// The submission's owner.
    pub owner: UserId,
    /// The receiver's address.
    pub url: String,
    /// Number of tries made.
    pub tries: u32,
    /// When the delivery is tried next; `None` if it has ended.
    pub next_at: Option<Timestamp>,
    /// When the delivery ended.
    pub ended_at: Option<Timestamp>,
    /// Status of the last try, if the receiver answered it.
    pub status: Option<u16>,
    /// Why the last try failed.
    pub error: Option<String>,
}

/// One webhook to send.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The id, the same for every try (`webhook-id`).
    pub id: WebhookId,
    /// The submission it reports.
    pub submission: SubmissionId,
    /// The submission's owner, whose secret signs the webhook.
    pub owner: UserId,
    /// The receiver's address.
    pub url: String,
    /// Number of previous tries.
    pub tries: u32,
}

/// The complete store.
pub trait Store:
    RunStore
    + AccountStore
    + MembershipStore
    + WebhookStore
    + ProblemStore
    + ContestStore
    + ClusterStore
    + DeadLetterStore
    + SnippetStore
    + DraftStore
{
}
impl<T> Store for T where
    T: RunStore
        + AccountStore
        + MembershipStore
        + WebhookStore
        + ProblemStore
        + ContestStore
        + ClusterStore
        + DeadLetterStore
        + SnippetStore
        + DraftStore
{
}

// ---- Queue ------------------------------------------------------------------------------------------

/// "Look at this run": the only message of a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RunHint {
    /// The run.
    pub run: RunId,
    /// The run's owner; queues are fair between owners.
    pub owner: UserId,
    /// The priority.
    pub class: PriorityClass,
}

/// A hint that a worker has taken; [`Queue::settle`] ends it.
#[derive(Debug)]
pub struct Hinted {
    /// The hint.
    pub hint: RunHint,
    /// Data that the adapter needs for settling the hint.
    pub token: u64,
}

/// Failure to publish or take a hint.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum QueueError {
    #[error("the queue is full ({depth_max} runs wait)")]
    Full { depth_max: usize },
    #[error("the queue is closed")]
    Closed,
    #[error("the queue cannot be reached")]
    Unreachable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Carries hints from API nodes to workers. It may lose hints and may deliver a hint twice: the store is the source of
/// truth.
#[async_trait]
pub trait Queue: Send + Sync {
    /// Publishes all hints or none. Skips hints of runs that this process knows to be in the queue.
    async fn publish(&self, hints: &[RunHint]) -> Result<(), QueueError>;
    /// The next hint. The priority classes share the hints by weight, and the owners within a class by the slot time
    /// charged to them. Waits until a hint is available.
    async fn next(&self) -> Result<Hinted, QueueError>;
    /// The next hint of an owner not in `not`, if one is available at once. A queue at a broker examines a bounded
    /// number of hints, which takes a moment.
    async fn next_other(&self, not: &[UserId]) -> Result<Option<Hinted>, QueueError>;
    /// Charges slot time to an owner. Cheap, never blocks.
    fn charge(&self, owner: UserId, time: Duration);
    /// Settles a hint. The outcome of its run does not matter.
    async fn settle(&self, hinted: Hinted) -> Result<(), QueueError>;
    /// Number of waiting hints, for admission and metrics: hints that this process has not yet passed to the broker,
    /// plus hints at the broker as of the last reading.
    async fn depth(&self) -> Result<usize, QueueError>;
    /// Number of an owner's waiting hints. Hints already handed to the broker cannot be counted per owner. Called for
    /// every submission, so it must be cheap.
    async fn depth_of(&self, owner: UserId) -> Result<usize, QueueError>;
    /// Maximum number of waiting hints.
    fn depth_max(&self) -> usize;
    /// Whether this process can currently exchange hints with others; if not, the cause as text for people. Makes no
    /// network call.
    fn health(&self) -> Result<(), String>;
    /// A separate queue for one language: its hints are taken only by workers with this language. The queue uses the
    /// same broker and has its own bounds. A repeated call returns another handle to the same queue.
    async fn language_queue(&self, language: &LanguageId) -> Result<Arc<dyn Queue>, QueueError>;
    /// Closes the queue and its language queues: current and later calls get [`QueueError::Closed`]. Hints that were
    /// taken from the broker and not handed out are returned to it for other processes.
    fn close(&self);
    /// Waits at most a few seconds until a closed queue and its language queues have shut down and have returned their
    /// hints to other processes.
    async fn gone(&self) {}
}

// ---- Events -----------------------------------------------------------------------------------------

/// Live status and output, across all nodes. A restart may lose all events: the store has the log of ended runs.
#[async_trait]
pub trait EventBus: Send + Sync {
    /// Publishes an event to all subscribers. Never blocks and never returns an error; slow subscribers get gaps. One
    /// node publishes all events of an attempt. It publishes the first event (`Seq::of_attempt(attempt, 1)`) before the
    /// others.
    fn publish(&self, event: Event);
    /// The events of a submission after `after` that the bus still has, followed by live events. A caller that needs
    /// the earlier events subscribes first and then reads the store.
    async fn subscribe(&self, id: SubmissionId, after: Seq, interest: Interest) -> Box<dyn Subscription>;
    /// Sends a notice to all nodes, this one included. Never blocks and never returns an error. If a notice is lost,
    /// its effect is only delayed.
    fn announce(&self, notice: Notice);
    /// Notices from now on. One listener per process is enough.
    fn notices(&self) -> Box<dyn Notices>;
    /// Whether other nodes can be reached at the moment; if not, the cause as text for people. Makes no network call.
    fn health(&self) -> Result<(), String>;
    /// Publishes pending events for at most a few seconds, and ends all subscriptions. Later subscriptions end at once.
    async fn close(&self);
}

#[async_trait]
impl<B: EventBus + ?Sized> EventBus for std::sync::Arc<B> {
    fn publish(&self, event: Event) {
        (**self).publish(event);
    }

    async fn subscribe(&self, id: SubmissionId, after: Seq, interest: Interest) -> Box<dyn Subscription> {
        (**self).subscribe(id, after, interest).await
    }

    fn announce(&self, notice: Notice) {
        (**self).announce(notice);
    }

    fn notices(&self) -> Box<dyn Notices> {
        (**self).notices()
    }

    fn health(&self) -> Result<(), String> {
        (**self).health()
    }

    async fn close(&self) {
        (**self).close().await;
    }
}

/// The events a subscriber wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Interest {
    /// Every event.
    Everything,
    /// The final event only. A gap is reported only if the final event may have been missed.
    End,
}

/// Receiving end of a subscription.
#[async_trait]
pub trait Subscription: Send {
    /// The next event; `None` when the log has ended (after a final event, or at shutdown).
    async fn next(&mut self) -> Option<Received>;
}

/// An item of a subscription.
#[derive(Clone, Debug)]
pub enum Received {
    /// The next event, with a greater [`Seq`] than any before.
    Event(Event),
    /// Events were dropped because the subscriber was too slow, or may have been lost because the bus was unreachable.
    /// The final event may be among them: read the store's snapshot. More events may follow.
    Gap,
}

/// A message to all nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// The result of a run is no longer wanted: the worker that runs it should stop.
    Stop(RunId),
    /// Slot time that runs of this owner used: queues charge it to the owner.
    Used {
        /// The owner.
        owner: UserId,
        /// Slot time, in milliseconds.
        millis: u64,
    },
}

/// Receiving end of the notices.
#[async_trait]
pub trait Notices: Send {
    /// The next notice; `None` at shutdown. A slow reader loses the oldest notices.
    async fn next(&mut self) -> Option<Notice>;
}

/// Length of a lease and number of attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeasePolicy {
    /// Time after which a lease expires unless it is renewed.
    pub lease: Duration,
    /// Number of lost attempts after which a run is abandoned; at least 1.
    pub attempts_max: u32,
}

impl Default for LeasePolicy {
    fn default() -> Self {
        LeasePolicy { lease: Duration::from_secs(30), attempts_max: 3 }
    }
}
