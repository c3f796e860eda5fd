//! The ports: what core needs of the world, as small dyn-compatible traits in the domain's own types.
//!
//! An adapter is one type in `cupel-store`, `cupel-queue` or `cupel-events`; the suites in
//! `cupel-testkit` say what every adapter must do, and run against each of them.

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
use crate::dead::DeadLetterStore;
use crate::event::{Event, Seq};
use crate::problems::ProblemStore;
use crate::routes::Needs;
use crate::run::{HistoryFilter, LeasedRun, RunState, SubmissionRecord, SubmissionSummary};

// ---- Store ------------------------------------------------------------------------------------------

/// The store could not answer. Never the client's mistake.
#[derive(Debug, thiserror::Error)]
#[error("cannot {operation}")]
pub struct StoreError {
    /// What was being done, such as `insert a submission`.
    pub operation: &'static str,
    /// Whether the same call may succeed later (busy, full disk, connection lost).
    pub transient: bool,
    /// Why.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

/// The truth about submissions and runs.
#[async_trait]
pub trait RunStore: Send + Sync {
    /// Writes submissions with their runs (`Queued`) and their idempotency record in one durable
    /// transaction. When this returns `Ok(Inserted::New)`, the submissions survive anything; what is
    /// [awaited](NewSubmissions::is_awaited) survives the end of this process, and anything after the next durable
    /// transaction, whosever it is.
    async fn insert(&self, new: NewSubmissions) -> Result<Inserted, StoreError>;

    /// When this returns, everything that was written before survives anything.
    async fn sync(&self) -> Result<(), StoreError>;

    /// One submission with its latest run.
    async fn submission(&self, id: SubmissionId) -> Result<Option<SubmissionRecord>, StoreError>;

    /// Several at once, in the order asked for; those that do not exist are left out.
    async fn submissions(&self, ids: &[SubmissionId]) -> Result<Vec<SubmissionRecord>, StoreError>;

    /// A page of an owner's submissions (`None`: everybody's), newest first, and how many there are in all.
    async fn list(
        &self,
        owner: Option<UserId>,
        offset: u64,
        limit: u64,
    ) -> Result<(Vec<SubmissionSummary>, u64), StoreError>;

    /// Some of an owner's submissions, newest first.
    async fn history(
        &self,
        filter: HistoryFilter,
        offset: u64,
        limit: u64,
    ) -> Result<Vec<SubmissionSummary>, StoreError>;

    /// How many those are.
    async fn history_count(&self, filter: HistoryFilter) -> Result<u64, StoreError>;

    /// Compare-and-set from `Queued` (and due) to `Leased`. `None`: somebody else has it, it ended, or it
    /// needs a language that is not among `languages` (`None`: the worker has all).
    ///
    /// After an error the lease may have been taken: core gives it back.
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

    /// Records the verdict, the report, the event log and the webhook delivery in one durable
    /// transaction, if `lease` is current. `false`: it is stale, nothing was written.
    async fn complete(&self, run: RunId, lease: LeaseId, done: Completion) -> Result<bool, StoreError>;

    /// Gives a leased run back; see [`RunEvent::GiveBack`](crate::run::RunEvent::GiveBack). Returns the
    /// new state, or `None` if the lease is stale. A run that is queued again is due at `due`. One that is
    /// abandoned gets its webhook delivery in the same transaction, and its submission becomes a
    /// [dead letter](DeadLetterStore).
    async fn give_back(&self, run: RunId, lease: LeaseId, given: GivenBack) -> Result<Option<RunState>, StoreError>;

    /// Cancels the latest run of a submission if it has not ended, and writes its webhook delivery in the
    /// same transaction. `None`: there is no such submission.
    async fn cancel(&self, id: SubmissionId, now: Timestamp) -> Result<Option<Cancellation>, StoreError>;

    /// Puts runs whose lease ends at or before `lease_end` back to `Queued` or to `Abandoned` (with their
    /// webhook delivery, as [dead letters](DeadLetterStore)); at most `limit`.
    async fn expire(
        &self,
        lease_end: Timestamp,
        now: Timestamp,
        attempts_max: u32,
        limit: u32,
    ) -> Result<Vec<ExpiredRun>, StoreError>;

    /// Runs that are `Queued` and due, in the order of [`DueRun::place`], after `after` (exclusive), at
    /// most `limit`: what the sweeper offers to the queue again.
    async fn due(&self, now: Timestamp, after: DuePlace, limit: u32) -> Result<Vec<DueRun>, StoreError>;

    /// The stored log of a submission after `after`: `queued`, and when the run has ended everything from
    /// `started` of its last attempt to the final event. Empty when there is no such submission.
    async fn events(&self, id: SubmissionId, after: Seq) -> Result<Vec<Event>, StoreError>;

    /// How many runs are queued and leased, and since when the oldest due one waits.
    async fn counts(&self, now: Timestamp) -> Result<RunCounts, StoreError>;

    /// How many runs are due and wait, by what they need.
    async fn waiting_for(&self, now: Timestamp) -> Result<Vec<(Needs, u64)>, StoreError>;

    /// How many runs of one owner wait for their `run_at`.
    async fn scheduled_of(&self, owner: UserId, now: Timestamp) -> Result<u64, StoreError>;

    /// The answer to an earlier request with this idempotency key, if one was kept and has not expired.
    async fn idempotent(
        &self,
        owner: UserId,
        key: &str,
        now: Timestamp,
    ) -> Result<Option<IdempotencyRecord>, StoreError>;

    /// Removes what nobody may ask for any more. At most `limit` for each reason; how many went.
    async fn forget(&self, over: Over, limit: u32) -> Result<u64, StoreError>;

    /// A cheap question that fails when the store is not usable; for `/readyz`.
    async fn ping(&self) -> Result<(), StoreError>;

    /// Ends after what has been asked of it. Later calls fail.
    async fn close(&self);
}

/// What is over, and may be forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Over {
    /// Idempotency records that have expired by then, and sessions that have expired or ended.
    pub now: Timestamp,
    /// Webhook deliveries that ended by then.
    pub deliveries_before: Timestamp,
    /// API keys that were revoked, or expired, by then.
    pub keys_before: Timestamp,
    /// Workers that were last heard of by then.
    pub workers_before: Timestamp,
    /// Failed attempts that ended by then, but those of dead letters.
    pub failures_before: Timestamp,
}

/// Submissions that are accepted together or not at all.
#[derive(Clone, Debug)]
pub struct NewSubmissions {
    /// What to insert. All have the same owner.
    pub submissions: Vec<(Submission, RunId)>,
    /// What they need beside their own languages.
    pub also_needs: Needs,
    /// The client's `Idempotency-Key` with the hash of its request.
    pub idempotency: Option<Idempotency>,
    /// Whether nobody is told of them before they have ended or [`RunStore::sync`] has returned. Their end is durable
    /// and makes them durable with it, so that one sync of the disk is enough for both.
    pub is_awaited: bool,
}

/// What identifies a repeated request.
#[derive(Clone, Debug)]
pub struct Idempotency {
    /// The header's value, 1 to 255 characters.
    pub key: String,
    /// SHA-256 of method, path and body.
    pub request_hash: [u8; 32],
    /// When the record may be forgotten.
    pub expires_at: Timestamp,
}

/// What was kept of an earlier request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyRecord {
    /// Hash of the request it belonged to.
    pub request_hash: [u8; 32],
    /// The submissions it made.
    pub submissions: Vec<SubmissionId>,
}

/// How an insertion went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Inserted {
    /// Written.
    New,
    /// The idempotency key had been used; nothing was written.
    Repeated(IdempotencyRecord),
}

/// A finished attempt, ready to be written.
#[derive(Clone, Debug)]
pub struct Completion {
    /// The result.
    pub report: RunReport,
    /// The log of this attempt, from `Started` to `Finished`.
    pub events: Vec<Event>,
    /// When it ended.
    pub at: Timestamp,
}

/// A run that a worker gives back.
#[derive(Clone, Debug)]
pub struct GivenBack {
    /// Whether the attempt counts as lost.
    pub lost_attempt: bool,
    /// Why, for administrators: kept where the attempt is lost.
    pub why: String,
    /// When.
    pub now: Timestamp,
    /// When it may be tried again.
    pub due: Timestamp,
    /// After how many lost attempts a run is abandoned.
    pub attempts_max: u32,
}

/// What a cancellation found and did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cancellation {
    /// The latest run of the submission.
    pub run: RunId,
    /// Its state after the call.
    pub state: RunState,
    /// Whether this call ended it; otherwise it had ended before.
    pub changed: bool,
}

/// A place in the order in which runs become due. Ties are broken by the run's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DuePlace {
    /// When the run is (or was) due.
    pub at: Timestamp,
    /// Which run.
    pub run: RunId,
}

impl DuePlace {
    /// Before everything that is due at `at`.
    pub const fn before(at: Timestamp) -> DuePlace {
        DuePlace { at, run: RunId::from_uuid(uuid::Uuid::nil()) }
    }
}

/// A run that waits and may be started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueRun {
    /// Enough to queue it.
    pub hint: RunHint,
    /// What it needs.
    pub needs: Needs,
    /// Where to go on from here.
    pub place: DuePlace,
}

/// A run the sweeper took from a silent worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpiredRun {
    /// Enough to queue it again.
    pub hint: RunHint,
    /// What it needs.
    pub needs: Needs,
    /// What it is a run of.
    pub submission: SubmissionId,
    /// The lease that was taken away.
    pub lease: LeaseId,
    /// `Queued` or `Abandoned`.
    pub state: RunState,
}

/// What is waiting and what is running.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RunCounts {
    /// Runs that are due and wait for a worker.
    pub queued: u64,
    /// Runs that wait for their `run_at`.
    pub scheduled: u64,
    /// Runs in the hands of workers.
    pub leased: u64,
    /// Since when the run that has waited longest is due.
    pub oldest_due_at: Option<Timestamp>,
    /// Submissions that are [dead letters](DeadLetterStore).
    pub dead: u64,
}

/// Users, keys and refresh sessions.
#[async_trait]
pub trait AccountStore: Send + Sync {
    /// Writes a user. Names and addresses are compared without regard to case.
    async fn insert_user(&self, user: NewUser) -> Result<Result<User, UserTaken>, StoreError>;
    /// By id; one that was deleted is none.
    async fn user(&self, id: UserId) -> Result<Option<User>, StoreError>;
    /// By e-mail address or user name, with the password hash (PHC string).
    async fn user_by_login(&self, login: &str) -> Result<Option<(User, String)>, StoreError>;
    /// The key with which webhooks to this user's receivers are signed. `None`: no such user.
    async fn webhook_secret(&self, id: UserId) -> Result<Option<[u8; 32]>, StoreError>;
    /// A page of all users, the oldest first.
    async fn users(&self, offset: u64, limit: u64) -> Result<Vec<User>, StoreError>;
    /// Changes what the change names, all of it or nothing. The only administrator who can log in keeps the role and is not disabled;
    /// disabling ends all sessions.
    async fn change_access(
        &self,
        id: UserId,
        change: AccessChange,
        now: Timestamp,
    ) -> Result<AccountChange, StoreError>;
    /// How many users there are.
    async fn count_users(&self) -> Result<u64, StoreError>;
    /// Writes a key.
    async fn insert_key(&self, key: ApiKey) -> Result<(), StoreError>;
    /// A key by its public part, revoked and expired ones included.
    async fn key(&self, id: ApiKeyId) -> Result<Option<ApiKey>, StoreError>;
    /// An owner's keys, newest first.
    async fn keys(&self, owner: UserId) -> Result<Vec<ApiKey>, StoreError>;
    /// Revokes an owner's key. `false`: there is none.
    async fn revoke_key(&self, owner: UserId, id: ApiKeyId, now: Timestamp) -> Result<bool, StoreError>;
    /// Notes that a key was used (coarse: at most once a minute per key is enough).
    async fn touch_key(&self, id: ApiKeyId, now: Timestamp) -> Result<(), StoreError>;
    /// Writes a refresh session. `password_hash`: the one that was verified. `false`: the user has another one by now, is disabled
    /// or deleted; nothing was written then.
    async fn insert_session(&self, session: RefreshSession, password_hash: Option<&str>) -> Result<bool, StoreError>;
    /// Exchanges the current refresh token hash of a session for the next. A hash that was already
    /// exchanged is a stolen token: the whole session ends.
    async fn rotate_session(
        &self,
        id: SessionId,
        old_hash: [u8; 32],
        new_hash: [u8; 32],
        now: Timestamp,
    ) -> Result<Option<Rotated>, StoreError>;
    /// Ends a session.
    async fn end_session(&self, id: SessionId, now: Timestamp) -> Result<(), StoreError>;
    /// Whether the session exists and has not ended; access tokens carry its id.
    async fn session_alive(&self, id: SessionId, now: Timestamp) -> Result<bool, StoreError>;
}

/// A session whose refresh token was exchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotated {
    /// Whose session it is.
    pub user: UserId,
    /// Until when it can be refreshed; exchanging does not prolong it.
    pub expires_at: Timestamp,
}

/// Which unique name was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum UserTaken {
    Username,
    Email,
}

/// The outbox of webhook deliveries.
#[async_trait]
pub trait WebhookStore: Send + Sync {
    /// Deliveries that are due, moved out of the way of other senders until `until`; at most `limit`, and none of those owners'.
    async fn take_deliveries(
        &self,
        now: Timestamp,
        until: Timestamp,
        limit: u32,
        not_of: &[UserId],
    ) -> Result<Vec<Delivery>, StoreError>;
    /// The receiver took it.
    async fn delivered(&self, id: WebhookId, now: Timestamp, status: u16) -> Result<(), StoreError>;
    /// It failed: try again at `next`, or never (`None`).
    async fn delivery_failed(
        &self,
        id: WebhookId,
        now: Timestamp,
        error: &str,
        next: Option<Timestamp>,
    ) -> Result<(), StoreError>;
    /// The receiver is gone for good (410): this delivery and all others of the same owner to the same
    /// address are given up. Returns how many.
    async fn receiver_gone(&self, id: WebhookId, now: Timestamp) -> Result<u64, StoreError>;
    /// A page of an owner's deliveries (`None`: everybody's), those of the newest submissions first, and how many there are.
    async fn deliveries(
        &self,
        owner: Option<UserId>,
        offset: u64,
        limit: u64,
    ) -> Result<(Vec<DeliveryRecord>, u64), StoreError>;
    /// Makes a delivery due at `now`, with all tries before it, however it ended. `false`: there is none with this id, or none of
    /// this owner (`None`: anybody's).
    async fn redeliver(&self, id: WebhookId, owner: Option<UserId>, now: Timestamp) -> Result<bool, StoreError>;
}

/// How a webhook delivery stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryRecord {
    /// Its id, the same at every try (`webhook-id`).
    pub id: WebhookId,
    /// The submission whose end it tells.
    pub submission: SubmissionId,
    /// The submission's owner.
    pub owner: UserId,
    /// The receiver's address.
    pub url: String,
    /// Tries made.
    pub tries: u32,
    /// When it is tried next; `None` when it has ended.
    pub next_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// The status with which the receiver ended it: 2xx, or 410.
    pub status: Option<u16>,
    /// Why the last try failed.
    pub error: Option<String>,
}

/// One webhook to send.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// Its id, the same at every try (`webhook-id`).
    pub id: WebhookId,
    /// Which submission it tells of.
    pub submission: SubmissionId,
    /// Whose submission it is; their secret signs it.
    pub owner: UserId,
    /// Where to.
    pub url: String,
    /// Tries made before this one.
    pub tries: u32,
}

/// All of the store.
pub trait Store:
    RunStore + AccountStore + MembershipStore + WebhookStore + ProblemStore + ContestStore + ClusterStore + DeadLetterStore
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
{
}

// ---- Queue ------------------------------------------------------------------------------------------

/// "Look at this run": all that travels through a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RunHint {
    /// Which run.
    pub run: RunId,
    /// Whose it is; queues are fair between owners.
    pub owner: UserId,
    /// How urgent.
    pub class: PriorityClass,
}

/// A hint in the hands of a worker; [`Queue::settle`] ends it.
#[derive(Debug)]
pub struct Hinted {
    /// The hint.
    pub hint: RunHint,
    /// What the adapter needs to settle it.
    pub token: u64,
}

/// Why the queue did not take or give a hint.
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

/// Moves hints from those who accept to those who work. It may lose them and may give one twice:
/// the store is the truth.
#[async_trait]
pub trait Queue: Send + Sync {
    /// Offers hints. All or none. A run that is already waiting is not queued twice, as far as this process knows.
    async fn publish(&self, hints: &[RunHint]) -> Result<(), QueueError>;
    /// The next hint: classes by weight, owners of a class by the slot time charged to them. Waits until there is one.
    async fn next(&self) -> Result<Hinted, QueueError>;
    /// The next hint of another owner than these, if there is one that can be had at once. A queue at a broker looks past a bounded
    /// number of hints, and takes a moment.
    async fn next_other(&self, not: &[UserId]) -> Result<Option<Hinted>, QueueError>;
    /// A run of this owner has occupied a slot for this long. Cheap, never blocks.
    fn charge(&self, owner: UserId, time: Duration);
    /// The worker is done with it, one way or another.
    async fn settle(&self, hinted: Hinted) -> Result<(), QueueError>;
    /// How many hints wait, for admission and metrics: those that this process has not handed on, and those that any
    /// process could take, as they were counted a moment ago.
    async fn depth(&self) -> Result<usize, QueueError>;
    /// How many of them are one owner's; those that were handed on are not known by owner. Asked for every submission, so
    /// it has to be cheap.
    async fn depth_of(&self, owner: UserId) -> Result<usize, QueueError>;
    /// How many may wait.
    fn depth_max(&self) -> usize;
    /// Whether hints get from this process to others at the moment; if not why, for people. Asks nobody.
    fn health(&self) -> Result<(), String>;
    /// A queue beside this one, for hints that only workers with this language take: at the same broker, with bounds of its own. Whoever
    /// asks again has another end of the same.
    async fn lane(&self, language: &LanguageId) -> Result<Arc<dyn Queue>, QueueError>;
    /// Ends it, with its lanes: who waits and who comes gets [`QueueError::Closed`]. What was taken and not given out goes back to where
    /// others find it.
    fn close(&self);
    /// Waits until a queue that was closed has gone, with its lanes, for some seconds at most: others have what it held.
    async fn gone(&self) {}
}

// ---- Events -----------------------------------------------------------------------------------------

/// Live status and output, on this node and on all others. May lose everything at a restart: the store has the log
/// of what ended.
#[async_trait]
pub trait EventBus: Send + Sync {
    /// Tells everybody who listens. Never blocks, never fails the caller; slow listeners get gaps. Events of one attempt
    /// come from one node, which publishes its first one (`Seq::of_attempt(attempt, 1)`) before the others.
    fn publish(&self, event: Event);
    /// Events of a submission after `after` that the bus still has, then what comes. Who needs to know
    /// what happened before subscribes first and asks the store then.
    async fn subscribe(&self, id: SubmissionId, after: Seq, interest: Interest) -> Box<dyn Subscription>;
    /// Tells all nodes, this one included. Never blocks, never fails the caller, and may be lost: what must happen
    /// happens without it, later.
    fn announce(&self, notice: Notice);
    /// What is announced from now on. One listener a process is enough.
    fn notices(&self) -> Box<dyn Notices>;
    /// Whether other nodes can be reached at the moment; if not why, for people. Asks nobody.
    fn health(&self) -> Result<(), String>;
    /// Tells what is still to be told, for at most some seconds, and ends all subscriptions. Later ones end at once.
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

/// What a subscriber wants to hear of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Interest {
    /// Every event.
    Everything,
    /// The final event only. A gap is reported where that one may have been missed, and nowhere else.
    End,
}

/// What a subscriber reads.
#[async_trait]
pub trait Subscription: Send {
    /// The next event; `None` when the log has ended (after a final event, or at shutdown).
    async fn next(&mut self) -> Option<Received>;
}

/// What a subscriber gets.
#[derive(Clone, Debug)]
pub enum Received {
    /// The next event, with a greater [`Seq`] than any before.
    Event(Event),
    /// Events were dropped, because the subscriber was too slow, or may have been, because the bus could not be reached:
    /// the final one, too. Read the store's snapshot. More may come.
    Gap,
}

/// What all nodes are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// The result of a run is not wanted any more: whoever runs it should stop.
    Stop(RunId),
    /// Runs of this owner have occupied slots for this long: lines charge the owner.
    Used {
        /// Whose runs.
        owner: UserId,
        /// Slot time, in milliseconds.
        millis: u64,
    },
}

/// Where notices come out.
#[async_trait]
pub trait Notices: Send {
    /// The next one; `None` at shutdown. Who is far behind loses the oldest.
    async fn next(&mut self) -> Option<Notice>;
}

/// How long things take before core does something about them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeasePolicy {
    /// How long a lease lasts without being renewed.
    pub lease: Duration,
    /// After how many lost attempts a run is abandoned; at least 1.
    pub attempts_max: u32,
}

impl Default for LeasePolicy {
    fn default() -> Self {
        LeasePolicy { lease: Duration::from_secs(30), attempts_max: 3 }
    }
}
