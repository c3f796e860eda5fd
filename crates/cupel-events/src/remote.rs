//! The bus over a server that all nodes share: what `redis.rs` and `postgres.rs` have in common.
//!
//! ```text
//!  publish ──► outbox ──► one task ──► server ──► one task of every node ──► hub ──► subscribers
//!     └───────────────── what is wholly from here ───────────────────────────┘
//! ```
//!
//! One task has one session with the server at a time. When it ends, for whatever reason, the next one is begun, for as
//! long as the bus lives: subscribers get a gap, rooms are joined again, and what was not told is told again. What was
//! told twice is recognised by its number.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use cupel_core::event::{Event, Seq};
use cupel_core::{EventBus, Interest, Notice, Notices, Subscription};
use cupel_types::SubmissionId;
use tokio::time::{sleep, timeout};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::EventBounds;
use crate::hub::{Hub, Topic};
use crate::outbox::{Outbox, Outgoing};
use crate::wire::Message;

/// How long the server may take for one answer; then it counts as away.
pub(crate) const ANSWER_MAX: Duration = Duration::from_secs(3);
/// How often an idle session is tried.
const CHECK: Duration = Duration::from_secs(3);
/// How long there may be nothing to clean away.
const CLEAN_PAUSE_MAX: Duration = Duration::from_secs(3600);
/// Between two tries to reach the server.
const PAUSE_MIN: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(1);
/// What is told at once.
const BATCH_EVENTS_MAX: usize = 512;
const BATCH_BYTES_MAX: usize = 1 << 20;
/// What is joined and left at once.
const WORK_MAX: usize = 256;
/// How long a subscriber to everything waits to be joined. One that is not by then is joined later.
const JOIN_WAIT: Duration = Duration::from_secs(1);
/// How long a look at what is kept waits for what was published here before.
const SETTLE_MAX: Duration = Duration::from_millis(500);
/// How long the last events are waited for at the end.
const CLOSE_MAX: Duration = Duration::from_secs(2);

/// How long the server keeps the events of a submission that is running: far longer than between two refreshes.
pub(crate) const LIVE_KEPT: Duration = Duration::from_secs(600);
/// How long it keeps the end: for who began to listen just before, and for who was cut off. The store has it for ever.
pub(crate) const ENDED_KEPT: Duration = Duration::from_secs(60);

/// Why a session could not begin, or ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServerError {
    #[error(transparent)]
    Redis(#[from] redis::RedisError),
    #[error(transparent)]
    Postgres(#[from] tokio_postgres::Error),
    #[error(transparent)]
    Url(#[from] cupel_postgres::UrlError),
    #[error("the server gave no answer for {} s", ANSWER_MAX.as_secs())]
    Silent,
    #[error("the server closed the connection")]
    Closed,
    /// Nothing that waiting would mend: an operator has to.
    #[error("{0}")]
    Unfit(String),
}

/// Where sessions come from.
#[async_trait]
pub(crate) trait Server: Send + Sync + 'static {
    /// Connects. What others tell goes to `hub` from then on.
    async fn open(&self, hub: &Arc<Hub>) -> Result<Box<dyn Session>, ServerError>;
}

/// A connection.
#[async_trait]
pub(crate) trait Session: Send + Sync {
    /// Tells all nodes, in this order, and keeps for latecomers what is to be kept.
    async fn tell(&self, batch: &[Told]) -> Result<(), ServerError>;
    /// From when this returns, what is told about these topics reaches the hub.
    async fn follow(&self, topics: &[Topic]) -> Result<(), ServerError>;
    /// Until now.
    async fn leave(&self, topics: &[Topic]) -> Result<(), ServerError>;
    /// What is kept of each topic after a place, the oldest first; of the end, the last event.
    async fn kept(&self, topics: &[(Topic, Seq)]) -> Result<Vec<Vec<Message>>, ServerError>;
    /// Does nothing, on the server.
    async fn check(&self) -> Result<(), ServerError>;
    /// Removes some of what has expired; when to come again.
    async fn clean(&self) -> Result<Duration, ServerError> {
        Ok(CLEAN_PAUSE_MAX)
    }
    /// Returns when the connection is lost.
    async fn lost(&self) -> ServerError;
}

/// What is to be told, and whether latecomers are to find it.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    pub(crate) outgoing: Outgoing,
    pub(crate) keep: bool,
}

/// The bus.
pub(crate) struct RemoteBus {
    hub: Arc<Hub>,
    outbox: Arc<Outbox>,
    /// Why the server cannot be reached.
    trouble: Arc<Mutex<Option<String>>>,
    _task: DropGuard,
}

impl RemoteBus {
    /// Connects, and keeps connected until it is dropped.
    ///
    /// # Errors
    /// When the server cannot be reached or used now.
    pub(crate) async fn start(server: impl Server, bounds: EventBounds) -> Result<RemoteBus, ServerError> {
        let hub = Arc::new(Hub::new(bounds));
        let outbox = Arc::new(Outbox::new(bounds));
        let trouble = Arc::new(Mutex::new(None));
        let first = timeout(2 * ANSWER_MAX, server.open(&hub)).await.unwrap_or(Err(ServerError::Silent))?;
        // Now, so that who subscribes at once is no latecomer.
        let number = hub.begin_session();
        let stop = CancellationToken::new();
        let keeper =
            Keeper { server, hub: Arc::clone(&hub), outbox: Arc::clone(&outbox), trouble: Arc::clone(&trouble) };
        let stopped = stop.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = keeper.run(first, number) => {}
                () = stopped.cancelled() => {}
            }
        });
        Ok(RemoteBus { hub, outbox, trouble, _task: stop.drop_guard() })
    }
}

#[async_trait]
impl EventBus for RemoteBus {
    fn publish(&self, event: Event) {
        // Late events of attempts that this node has given up go nowhere.
        if let Some(before) = self.outbox.event(event.clone()) {
            self.hub.published(&event, before);
        }
    }

    async fn subscribe(&self, id: SubmissionId, after: Seq, interest: Interest) -> Box<dyn Subscription> {
        let topic = Topic { id, interest };
        let reader = self.hub.enter(topic, after);
        // Who waits for the end finds it in what is kept, however late they are joined.
        if interest == Interest::Everything {
            let _later = timeout(JOIN_WAIT, self.hub.joined(topic)).await;
        }
        Box::new(reader)
    }

    fn announce(&self, notice: Notice) {
        self.hub.notices.send(notice);
        self.outbox.message(Message::Notice { notice, from: self.hub.node });
    }

    fn notices(&self) -> Box<dyn Notices> {
        self.hub.notices.listen()
    }

    fn health(&self) -> Result<(), String> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone().map_or(Ok(()), Err)
    }

    async fn close(&self) {
        if timeout(CLOSE_MAX, self.outbox.settled()).await.is_err() {
            tracing::warn!("some events could not be told to other nodes any more; they are in the store");
        }
        self.hub.close();
    }
}

impl Drop for RemoteBus {
    fn drop(&mut self) {
        self.hub.close();
    }
}

/// The task that has the session.
struct Keeper<S> {
    server: S,
    hub: Arc<Hub>,
    outbox: Arc<Outbox>,
    trouble: Arc<Mutex<Option<String>>>,
}

impl<S: Server> Keeper<S> {
    async fn run(self, first: Box<dyn Session>, number: u64) {
        let mut session = Some((first, number));
        let mut pause = PAUSE_MIN;
        loop {
            if let Some((session, number)) = session.take() {
                let error = self.keep(&*session, number).await;
                tracing::warn!(error = cupel_core::chain(&error), "the event bus lost its server; it goes on trying");
                self.set_trouble(Some(&error));
                pause = PAUSE_MIN;
            }
            sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
            let opened = timeout(2 * ANSWER_MAX, self.server.open(&self.hub)).await.unwrap_or(Err(ServerError::Silent));
            match opened {
                Ok(opened) => {
                    tracing::info!("the event bus has its server again");
                    self.set_trouble(None);
                    session = Some((opened, self.hub.begin_session()));
                }
                Err(error) => {
                    tracing::debug!(error = cupel_core::chain(&error), "the event bus still has no server");
                    self.set_trouble(Some(&error));
                    // Whoever waits looks into the store now and then.
                    self.hub.break_all();
                }
            }
        }
    }

    /// Uses a session until it ends; why it did.
    async fn keep(&self, session: &dyn Session, number: u64) -> ServerError {
        let ended = tokio::select! {
            Err(error) = self.tell(session) => error,
            Err(error) = self.listen(session, number) => error,
            Err(error) = check(session) => error,
            Err(error) = clean(session) => error,
            error = session.lost() => error,
        };
        self.hub.end_session();
        self.outbox.restore();
        ended
    }

    async fn tell(&self, session: &dyn Session) -> Result<std::convert::Infallible, ServerError> {
        loop {
            let batch = to_keep(self.outbox.take(BATCH_EVENTS_MAX, BATCH_BYTES_MAX).await);
            answered(session.tell(&batch)).await?;
            metrics::counter!("cupel_events_told_total").increment(batch.len() as u64);
            self.outbox.told();
        }
    }

    async fn listen(&self, session: &dyn Session, number: u64) -> Result<std::convert::Infallible, ServerError> {
        loop {
            let work = self.hub.work(WORK_MAX).await;
            if !work.leave.is_empty() {
                answered(session.leave(&work.leave)).await?;
            }
            if !work.join.is_empty() {
                let topics: Vec<Topic> = work.join.iter().map(|(topic, _)| *topic).collect();
                answered(session.follow(&topics)).await?;
                // What was published here before is found there, in its place.
                let _too_much_waits = timeout(SETTLE_MAX, self.outbox.settled()).await;
                let kept = answered(session.kept(&work.join)).await?;
                for (topic, kept) in topics.into_iter().zip(kept) {
                    self.hub.join(topic, &kept, number);
                }
            }
        }
    }

    fn set_trouble(&self, error: Option<&ServerError>) {
        metrics::gauge!("cupel_events_connected").set(if error.is_some() { 0.0 } else { 1.0 });
        let text = error.map(|error| format!("events do not reach other nodes: {}", cupel_core::chain(error)));
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = text;
    }
}

async fn check(session: &dyn Session) -> Result<std::convert::Infallible, ServerError> {
    loop {
        sleep(CHECK).await;
        answered(session.check()).await?;
    }
}

async fn clean(session: &dyn Session) -> Result<std::convert::Infallible, ServerError> {
    loop {
        sleep(answered(session.clean()).await?).await;
    }
}

async fn answered<T>(answer: impl Future<Output = Result<T, ServerError>>) -> Result<T, ServerError> {
    timeout(ANSWER_MAX, answer).await.unwrap_or(Err(ServerError::Silent))
}

/// Of a submission that ends in the same batch only the end is kept: what was before is in the store.
fn to_keep(batch: Vec<Outgoing>) -> Vec<Told> {
    let mut ending = HashSet::new();
    let mut told: Vec<Told> = batch
        .into_iter()
        .rev()
        .map(|outgoing| {
            let keep = match &outgoing.message {
                Message::Event { event, .. } if event.kind.is_final() => ending.insert(event.submission),
                Message::Event { event, .. } => !ending.contains(&event.submission),
                _ => false,
            };
            Told { outgoing, keep }
        })
        .collect();
    told.reverse();
    told
}

#[cfg(test)]
mod tests {
    use super::*;
    use cupel_core::event::EventKind;
    use cupel_types::Verdict;

    #[tokio::test]
    async fn of_what_ends_at_once_only_the_end_is_kept() {
        let outbox = Outbox::new(EventBounds::default());
        let id = |n: u128| SubmissionId::from_uuid(uuid::Uuid::from_u128(n));
        let at = jiff::Timestamp::UNIX_EPOCH;
        let started = |of, attempt| {
            let kind = EventKind::Started { attempt };
            Event { submission: id(of), seq: Seq::of_attempt(attempt, 1), at, kind }
        };
        outbox.event(started(1, 1));
        outbox.event(started(2, 1));
        outbox.event(Event::finished(id(1), 1, at, Verdict::Accepted));
        outbox.event(started(1, 2));
        outbox.message(Message::Lost);
        let kept: Vec<bool> = to_keep(outbox.take(10, usize::MAX).await).iter().map(|told| told.keep).collect();
        assert_eq!(kept, [false, true, true, true, false]);
    }
}
