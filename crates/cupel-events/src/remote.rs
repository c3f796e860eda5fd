//! The bus over a server that all nodes share: the code common to `redis.rs` and `postgres.rs`.
//!
//! ```text
//!  publish ──► outbox ──► one task ──► server ──► one task of every node ──► hub ──► subscribers
//!     └─ attempts whose first event was published here while the feed existed ──┘
//! ```
//!
//! One task holds one session with the server at a time. Whenever a session ends, the task opens another one, as long
//! as the bus exists. Subscribers then get a gap, the task subscribes to the topics again, and unconfirmed events are
//! sent again. Duplicates are recognised by their sequence number.
//!
//! A session proves itself by lasting for [`LASTS_AFTER`]. If a session ends before that, the pauses between sessions
//! go on growing, and the bus stays reported as disconnected until events are sent or a later session proves itself.
//! The reason is that some faults permit connecting and fail every operation, for example while Redis loads its data.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use cupel_core::event::{Event, EventKind, LiveEvent, Seq};
use cupel_core::{Backoff, EventBus, Interest, Notice, Notices, Subscription};
use cupel_types::SubmissionId;
use tokio::time::{sleep, timeout};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::EventBounds;
use crate::hub::{Hub, Topic};
use crate::outbox::{Outbox, Outgoing};
use crate::wire::Message;

/// Timeout of one answer. If it expires, the server counts as unreachable.
pub(crate) const ANSWER_MAX: Duration = Duration::from_secs(3);
/// Interval of connection checks.
const CHECK: Duration = Duration::from_secs(3);
/// Pause between calls of `Session::clean` that do nothing, because the server removes expired events itself.
const CLEAN_PAUSE_MAX: Duration = Duration::from_secs(3600);
/// Pause between two attempts to reach the server.
const PAUSE_MIN: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(1);
/// Duration after which a session has proved itself: longer than an operation without an answer takes to end it.
const LASTS_AFTER: Duration = Duration::from_secs(8);
/// Interval at which a lasting outage is logged again.
const LOG_INTERVAL: Duration = Duration::from_secs(60);
/// Bounds of a batch of sent events.
const BATCH_EVENTS_MAX: usize = 512;
const BATCH_BYTES_MAX: usize = 1 << 20;
/// Maximum number of topics joined and left in one batch.
const WORK_MAX: usize = 256;
/// Maximum time that `subscribe` waits for the server to confirm the subscription to all events. After that time, the
/// subscription is completed in the background.
const JOIN_WAIT: Duration = Duration::from_secs(1);
/// Maximum time that a read of stored events waits until the events that this node published earlier have been sent.
const SETTLE_MAX: Duration = Duration::from_millis(500);
/// Maximum time that `close` waits until the last events are sent.
const CLOSE_MAX: Duration = Duration::from_secs(2);

/// How long the server stores the final event: for subscribers that arrive around the end, and for those that were
/// disconnected. The store has the event permanently.
pub(crate) const ENDED_KEPT: Duration = Duration::from_secs(60);

/// How long the server stores an input of a live run, and the latest report that a client is attached, unless the run
/// ends earlier: longer than a run waits for a slot. A client sends input before its run starts, and may leave before.
/// The worker then needs both, because they are not sent again. Unconsumed input is bounded (`cupel-core/src/live.rs`),
/// and of the reports only the latest is stored this long.
const INPUT_KEPT: Duration = Duration::from_hours(24);

/// How long the server stores an event. `live` is the time for the events of a running submission, which a subscriber
/// that arrives later can read from the database.
pub(crate) fn time_kept(kind: &EventKind, live: Duration) -> Duration {
    match kind {
        EventKind::Finished { .. } => ENDED_KEPT,
        EventKind::Live(LiveEvent::Input { .. } | LiveEvent::Attached) => INPUT_KEPT,
        // The worker repeats the report of consumed input.
        _ => live,
    }
}

/// Reason why a session could not begin, or ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServerError {
    #[error(transparent)]
    Redis(#[from] redis::RedisError),
    #[error(transparent)]
    Postgres(#[from] tokio_postgres::Error),
    #[error(transparent)]
    Url(#[from] cupel_postgres::UrlError),
    #[error("the server did not answer within {} s", .0.as_secs())]
    Silent(Duration),
    #[error("the server closed the connection")]
    Closed,
    /// A retry cannot succeed: an operator must act first.
    #[error("{0}")]
    Unfit(String),
}

/// A server on which sessions can be opened.
#[async_trait]
pub(crate) trait Server: Send + Sync + 'static {
    /// Connects. From then on, messages of other nodes are passed to `hub`.
    async fn open(&self, hub: &Arc<Hub>) -> Result<Box<dyn Session>, ServerError>;
}

/// A connection to the server.
#[async_trait]
pub(crate) trait Session: Send + Sync {
    /// Sends the batch to all nodes, in order, and stores the events marked `keep` for late subscribers.
    async fn send(&self, batch: &[KeptMessage]) -> Result<(), ServerError>;
    /// Subscribes: once this returns, messages about these topics reach the hub.
    async fn follow(&self, topics: &[Topic]) -> Result<(), ServerError>;
    /// Unsubscribes.
    async fn leave(&self, topics: &[Topic]) -> Result<(), ServerError>;
    /// The stored events of each topic after a position, oldest first. For a topic with `Interest::End`, only the last
    /// stored event.
    async fn kept(&self, topics: &[(Topic, Seq)]) -> Result<Vec<Vec<Message>>, ServerError>;
    /// A round trip that does nothing, to check the connection.
    async fn check(&self) -> Result<(), ServerError>;
    /// Removes some expired events. Returns the pause until the next call.
    async fn clean(&self) -> Result<Duration, ServerError> {
        Ok(CLEAN_PAUSE_MAX)
    }
    /// Returns once the connection is lost.
    async fn lost(&self) -> ServerError;
}

/// A message to send, and whether to store it for late subscribers.
#[derive(Clone, Debug)]
pub(crate) struct KeptMessage {
    pub(crate) outgoing: Outgoing,
    pub(crate) keep: bool,
}

/// The bus.
pub(crate) struct RemoteBus {
    hub: Arc<Hub>,
    outbox: Arc<Outbox>,
    /// Why the server cannot be reached; `None` while it can.
    trouble: Arc<Mutex<Option<String>>>,
    _task: DropGuard,
}

impl RemoteBus {
    /// Connects, and stays connected until the bus is dropped.
    ///
    /// # Errors
    /// If the server cannot be reached or used now.
    pub(crate) async fn start(server: impl Server, bounds: EventBounds) -> Result<RemoteBus, ServerError> {
        let hub = Arc::new(Hub::new(bounds));
        let outbox = Arc::new(Outbox::new(bounds));
        let trouble = Arc::new(Mutex::new(None));
        let first =
            timeout(2 * ANSWER_MAX, server.open(&hub)).await.unwrap_or(Err(ServerError::Silent(2 * ANSWER_MAX)))?;
        metrics::gauge!("cupel_events_connected").set(1.0);
        // Begin the session before returning, so that a subscriber that subscribes at once does not count as late.
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
        // An event whose number is not larger than that of an earlier event of the submission is late, and is dropped.
        if let Some(before) = self.outbox.event(event.clone()) {
            self.hub.published(&event, before);
        }
    }

    async fn subscribe(&self, id: SubmissionId, after: Seq, interest: Interest) -> Box<dyn Subscription> {
        let topic = Topic { id, interest };
        let reader = self.hub.enter(topic, after);
        // A subscriber to the final event need not wait: when its topic is subscribed, the server still has the final
        // event.
        if interest == Interest::Everything {
            let _later = timeout(JOIN_WAIT, self.hub.joined(topic)).await;
        }
        Box::new(reader)
    }

    fn keep(&self, id: SubmissionId) {
        self.outbox.keep(id);
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
            tracing::warn!("some events were not sent to other nodes before shutdown; the store has them");
        }
        self.hub.close();
    }
}

impl Drop for RemoteBus {
    fn drop(&mut self) {
        self.hub.close();
    }
}

/// The task that holds the session.
struct Keeper<S> {
    server: S,
    hub: Arc<Hub>,
    outbox: Arc<Outbox>,
    trouble: Arc<Mutex<Option<String>>>,
}

impl<S: Server> Keeper<S> {
    async fn run(self, first: Box<dyn Session>, number: u64) {
        let mut session = Some((first, number));
        // Pauses before sessions, until a session has lasted for `LASTS_AFTER`.
        let mut backoff = Backoff::new(PAUSE_MIN, PAUSE_MAX);
        let mut has_lasted = true;
        let mut logged_at: Option<Instant> = None;
        loop {
            if let Some((session, number)) = session.take() {
                let began = Instant::now();
                let error = self.keep(&*session, number).await;
                has_lasted = began.elapsed() >= LASTS_AFTER;
                if has_lasted {
                    backoff.reset();
                }
                if has_lasted || logged_at.is_none_or(|at| at.elapsed() > LOG_INTERVAL) {
                    tracing::warn!(
                        error = cupel_core::chain(&error),
                        "the event bus lost the connection to its server and is reconnecting"
                    );
                    logged_at = Some(Instant::now());
                }
                self.set_trouble(Some(&error));
            }
            sleep(backoff.pause()).await;
            let opened = timeout(2 * ANSWER_MAX, self.server.open(&self.hub)).await;
            let opened = opened.unwrap_or(Err(ServerError::Silent(2 * ANSWER_MAX)));
            match opened {
                Ok(opened) => {
                    if has_lasted {
                        self.is_back();
                    }
                    session = Some((opened, self.hub.begin_session()));
                }
                Err(error) => {
                    tracing::debug!(error = cupel_core::chain(&error), "the event bus cannot connect to its server");
                    self.set_trouble(Some(&error));
                    // Give waiting subscribers a gap, so that they read from the store.
                    self.hub.break_all();
                }
            }
        }
    }

    /// Uses a session until it ends. Returns the reason.
    async fn keep(&self, session: &dyn Session, number: u64) -> ServerError {
        let ended = tokio::select! {
            Err(error) = self.send(session) => error,
            Err(error) = self.listen(session, number) => error,
            Err(error) = check(session) => error,
            Err(error) = clean(session) => error,
            error = session.lost() => error,
            Err(error) = self.prove() => error,
        };
        self.hub.end_session();
        self.outbox.restore();
        ended
    }

    async fn send(&self, session: &dyn Session) -> Result<std::convert::Infallible, ServerError> {
        loop {
            let batch = to_keep(self.outbox.take(BATCH_EVENTS_MAX, BATCH_BYTES_MAX).await);
            answered(session.send(&batch)).await?;
            metrics::counter!("cupel_events_sent_total").increment(batch.len() as u64);
            self.outbox.sent();
            self.is_back();
        }
    }

    /// Ends the report of an outage once the session has lasted.
    async fn prove(&self) -> Result<std::convert::Infallible, ServerError> {
        sleep(LASTS_AFTER).await;
        self.is_back();
        std::future::pending().await
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
                // Events published earlier on this node must be stored before the stored events are read.
                let _too_much_waits = timeout(SETTLE_MAX, self.outbox.settled()).await;
                let kept = answered(session.kept(&work.join)).await?;
                for (topic, kept) in topics.into_iter().zip(kept) {
                    self.hub.join(topic, &kept, number);
                }
            }
        }
    }

    /// Ends the report of an outage, if there was one.
    fn is_back(&self) {
        let is_away = self.trouble.lock().unwrap_or_else(PoisonError::into_inner).is_some();
        if is_away {
            tracing::info!("the event bus reconnected to its server");
            self.set_trouble(None);
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
    timeout(ANSWER_MAX, answer).await.unwrap_or(Err(ServerError::Silent(ANSWER_MAX)))
}

/// Marks the events to store. If a submission ends within the batch, the server does not keep the events before its
/// final event, because the store has them.
fn to_keep(batch: Vec<Outgoing>) -> Vec<KeptMessage> {
    let mut ending = HashSet::new();
    let mut sent: Vec<KeptMessage> = batch
        .into_iter()
        .rev()
        .map(|outgoing| {
            let keep = match &outgoing.message {
                Message::Event { event, .. } if event.kind.is_final() => ending.insert(event.submission),
                Message::Event { event, .. } => !ending.contains(&event.submission),
                _ => false,
            };
            KeptMessage { outgoing, keep }
        })
        .collect();
    sent.reverse();
    sent
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;
    use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

    use cupel_testkit::brokers::wait_until;
    use cupel_types::Verdict;
    use tokio::sync::Semaphore;

    /// A server on which sessions can be opened, and every attempt to send fails. It also is its own session.
    #[derive(Clone)]
    struct Refusing {
        /// Number of attempts that have begun. Each attempt fails once it has a permit.
        attempts: Arc<AtomicUsize>,
        permits: Arc<Semaphore>,
    }

    #[async_trait]
    impl Server for Refusing {
        async fn open(&self, _: &Arc<Hub>) -> Result<Box<dyn Session>, ServerError> {
            Ok(Box::new(self.clone()))
        }
    }

    #[async_trait]
    impl Session for Refusing {
        async fn send(&self, _: &[KeptMessage]) -> Result<(), ServerError> {
            self.attempts.fetch_add(1, Ordering::Relaxed);
            self.permits.acquire().await.unwrap().forget();
            Err(ServerError::Unfit("this server is read-only".to_owned()))
        }
        async fn follow(&self, _: &[Topic]) -> Result<(), ServerError> {
            Ok(())
        }
        async fn leave(&self, _: &[Topic]) -> Result<(), ServerError> {
            Ok(())
        }
        async fn kept(&self, topics: &[(Topic, Seq)]) -> Result<Vec<Vec<Message>>, ServerError> {
            Ok(vec![Vec::new(); topics.len()])
        }
        async fn check(&self) -> Result<(), ServerError> {
            Ok(())
        }
        async fn lost(&self) -> ServerError {
            std::future::pending().await
        }
    }

    #[tokio::test]
    async fn a_server_that_accepts_connections_and_fails_to_send_stays_reported() {
        let server = Refusing { attempts: Arc::default(), permits: Arc::new(Semaphore::new(0)) };
        let bus = RemoteBus::start(server.clone(), EventBounds::default()).await.unwrap();
        let id = SubmissionId::from_uuid(uuid::Uuid::from_u128(1));
        bus.publish(Event::finished(id, 1, jiff::Timestamp::UNIX_EPOCH, Verdict::Accepted));
        let begins = async |attempt| {
            let has_begun = async || server.attempts.load(Ordering::Relaxed) >= attempt;
            wait_until("an attempt to send begins", has_begun).await;
        };
        begins(1).await;
        bus.health().expect("nothing has failed yet");
        for attempt in 2..5 {
            server.permits.add_permits(1);
            begins(attempt).await;
            let health = bus.health().expect_err("the bus has another session, but the fault persists");
            assert!(health.contains("read-only"), "{health}");
        }
    }

    /// Records gauges.
    #[derive(Default)]
    struct Gauges(Mutex<HashMap<String, Arc<AtomicU64>>>);

    impl Gauges {
        fn get(&self, name: &str) -> Option<f64> {
            let gauges = self.0.lock().unwrap();
            gauges.get(name).map(|gauge| f64::from_bits(gauge.load(Ordering::Relaxed)))
        }
    }

    impl metrics::Recorder for Gauges {
        fn describe_counter(&self, _: metrics::KeyName, _: Option<metrics::Unit>, _: metrics::SharedString) {}
        fn describe_gauge(&self, _: metrics::KeyName, _: Option<metrics::Unit>, _: metrics::SharedString) {}
        fn describe_histogram(&self, _: metrics::KeyName, _: Option<metrics::Unit>, _: metrics::SharedString) {}

        fn register_counter(&self, _: &metrics::Key, _: &metrics::Metadata<'_>) -> metrics::Counter {
            metrics::Counter::noop()
        }

        fn register_gauge(&self, key: &metrics::Key, _: &metrics::Metadata<'_>) -> metrics::Gauge {
            let mut gauges = self.0.lock().unwrap();
            metrics::Gauge::from_arc(Arc::clone(gauges.entry(key.name().to_owned()).or_default()))
        }

        fn register_histogram(&self, _: &metrics::Key, _: &metrics::Metadata<'_>) -> metrics::Histogram {
            metrics::Histogram::noop()
        }
    }

    /// Regression: the gauge did not exist until the first outage.
    // This test has one thread, because the recorder is thread-local.
    #[tokio::test]
    async fn the_connection_is_reported_from_the_start() {
        let gauges = Gauges::default();
        let _recording = metrics::set_default_local_recorder(&gauges);
        let server = Refusing { attempts: Arc::default(), permits: Arc::new(Semaphore::new(1)) };
        let bus = RemoteBus::start(server, EventBounds::default()).await.unwrap();
        assert_eq!(gauges.get("cupel_events_connected"), Some(1.0));
        let id = SubmissionId::from_uuid(uuid::Uuid::from_u128(1));
        bus.publish(Event::finished(id, 1, jiff::Timestamp::UNIX_EPOCH, Verdict::Accepted));
        wait_until("the failure is reported", async || gauges.get("cupel_events_connected") == Some(0.0)).await;
    }

    #[test]
    fn pauses_double_until_a_session_has_lasted() {
        let mut backoff = Backoff::new(PAUSE_MIN, PAUSE_MAX);
        let pauses: Vec<u64> = (0..7).map(|_| backoff.pause().as_millis() as u64).collect();
        assert_eq!(pauses, [50, 100, 200, 400, 800, 1000, 1000]);
        backoff.reset();
        assert_eq!(backoff.pause(), PAUSE_MIN);
    }

    #[tokio::test]
    async fn events_before_the_end_of_a_submission_in_the_same_batch_are_not_kept() {
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
        let kept: Vec<bool> = to_keep(outbox.take(10, usize::MAX).await).iter().map(|sent| sent.keep).collect();
        assert_eq!(kept, [false, true, true, true, false]);
    }
}
