//! The librdkafka clients of one link: their shared state, their callbacks, and helpers that run their blocking calls
//! outside the runtime's threads.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _, ConsumerContext, Rebalance};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::FutureProducer;
use rdkafka::{ClientContext, Offset, TopicPartitionList};
use tokio::sync::watch;

use super::progress::{PartitionKey, Progress, partition};
use crate::broker::{BrokerError, BrokerFault, Delivery};
use crate::inbox::Inbox;
use crate::shares::{PerClass, index};

pub(super) type Consumer = BaseConsumer<Context>;
pub(super) type Producer = FutureProducer<Context>;

/// State shared by the clients of a link and the link itself.
pub(super) struct Ours {
    pub(super) topics: PerClass<String>,
    pub(super) inbox: Inbox,
    pub(super) progress: Progress,
    /// The last error that a client reported.
    last_error: Mutex<Option<(RDKafkaErrorCode, String)>>,
    /// Number of times that the producer has lost all brokers. librdkafka reports a loss before any confirmation from a
    /// broker that has returned.
    pub(super) losses: watch::Sender<usize>,
}

impl Ours {
    pub(super) fn new(topics: PerClass<String>) -> Ours {
        Ours {
            topics,
            inbox: Inbox::default(),
            progress: Progress::default(),
            last_error: Mutex::default(),
            losses: watch::Sender::default(),
        }
    }

    pub(super) fn losses(&self) -> usize {
        *self.losses.borrow()
    }

    /// Converts to a [`BrokerError`]. A timeout has no cause, so the last error that the client reported is added.
    pub(super) fn failed(&self, doing: &'static str) -> impl Fn(KafkaError) -> BrokerError + '_ {
        move |error| {
            let code = match &error {
                KafkaError::AdminOp(code) => Some(*code),
                error => error.rdkafka_error_code(),
            };
            let fault = code.map_or(BrokerFault::Other, fault_of);
            let last_error = self.last_error.lock().unwrap_or_else(PoisonError::into_inner).take();
            match last_error {
                Some((code, why)) if fault == BrokerFault::Unreachable => {
                    BrokerError::new(doing, fault_of(code), format!("{error}: {why}"))
                }
                _ => BrokerError::new(doing, fault, error),
            }
        }
    }

    /// The offsets that have advanced since the last call.
    pub(super) fn committable(&self) -> TopicPartitionList {
        let mut list = TopicPartitionList::new();
        for (class, number, position) in self.progress.moved_on() {
            // Fails only for invalid offsets, and this offset is valid.
            let _ = list.add_partition_offset(&self.topics[class], number, Offset::Offset(position));
        }
        list
    }

    /// Converts a list of librdkafka to class indexes and partition numbers.
    fn places(&self, list: &TopicPartitionList) -> Vec<PartitionKey> {
        let class = |topic: &str| self.topics.iter().position(|ours| ours == topic);
        list.elements().iter().filter_map(|place| Some((class(place.topic())?, place.partition()))).collect()
    }
}

/// Callbacks of the clients.
pub(super) struct Context {
    pub(super) ours: Arc<Ours>,
    /// Whether this client is the producer.
    pub(super) puts: bool,
}

impl ClientContext for Context {
    /// Logged at debug level only, because the keeper logs the effects on the queue.
    fn log(&self, level: RDKafkaLogLevel, part: &str, message: &str) {
        tracing::debug!(?level, part, "librdkafka: {message}");
    }

    fn error(&self, error: KafkaError, reason: &str) {
        match error.rdkafka_error_code() {
            // This error arrives last and has less detail than the errors of the individual brokers.
            Some(RDKafkaErrorCode::AllBrokersDown) if self.puts => self.ours.losses.send_modify(|losses| *losses += 1),
            Some(RDKafkaErrorCode::AllBrokersDown) | None => {}
            Some(code) => {
                *self.ours.last_error.lock().unwrap_or_else(PoisonError::into_inner) = Some((code, reason.to_owned()));
            }
        }
    }
}

impl ConsumerContext for Context {
    fn pre_rebalance(&self, consumer: &Consumer, rebalance: &Rebalance<'_>) {
        let ours = &self.ours;
        match rebalance {
            Rebalance::Assign(new) => ours.progress.assigned(ours.places(new)),
            Rebalance::Revoke(gone) => {
                let committable = ours.committable();
                if committable.count() > 0
                    && let Err(error) = consumer.commit(&committable, CommitMode::Sync)
                {
                    tracing::debug!(%error, "cannot commit revoked partitions; settled hints will be redelivered");
                }
                let gone = ours.places(gone);
                ours.progress.revoked(&gone);
                ours.inbox.retain(|Delivery { hint, tag }| !gone.contains(&(index(hint.class), partition(*tag))));
            }
            Rebalance::Error(error) => tracing::debug!(%error, "kafka: the group was not rebalanced"),
        }
    }
}

/// A value whose drop may block on the network or a thread. It is dropped on a separate thread, not on a thread of the
/// runtime.
pub(super) struct OffThread<T: Send + 'static>(Option<T>);

impl<T: Send + 'static> OffThread<T> {
    pub(super) fn new(value: T) -> OffThread<T> {
        OffThread(Some(value))
    }

    pub(super) fn get(&self) -> &T {
        self.0.as_ref().expect("only `into_inner` and `drop` take it")
    }

    pub(super) fn get_mut(&mut self) -> &mut T {
        self.0.as_mut().expect("only `into_inner` and `drop` take it")
    }

    pub(super) fn into_inner(mut self) -> Option<T> {
        self.0.take()
    }
}

impl<T: Send + 'static> Drop for OffThread<T> {
    fn drop(&mut self) {
        if let Some(value) = self.0.take() {
            // If no thread can be started, the closure is dropped here, and `value` with it.
            let _ = thread::Builder::new().name("kafka-goodbye".into()).spawn(move || drop(value));
        }
    }
}

/// Runs a call that may wait for the network on a blocking thread.
pub(super) async fn blocking<T: Send + 'static>(
    ours: &Ours,
    doing: &'static str,
    what: impl FnOnce() -> Result<T, KafkaError> + Send + 'static,
) -> Result<T, BrokerError> {
    match tokio::task::spawn_blocking(what).await {
        Ok(result) => result.map_err(ours.failed(doing)),
        Err(error) => Err(BrokerError::new(doing, BrokerFault::Other, error)),
    }
}

pub(super) fn fault_of(code: RDKafkaErrorCode) -> BrokerFault {
    match code {
        RDKafkaErrorCode::BrokerTransportFailure
        | RDKafkaErrorCode::AllBrokersDown
        | RDKafkaErrorCode::OperationTimedOut
        | RDKafkaErrorCode::RequestTimedOut
        | RDKafkaErrorCode::MessageTimedOut
        | RDKafkaErrorCode::CoordinatorNotAvailable
        | RDKafkaErrorCode::WaitingForCoordinator
        | RDKafkaErrorCode::Resolve => BrokerFault::Unreachable,
        RDKafkaErrorCode::Authentication
        | RDKafkaErrorCode::SaslAuthenticationFailed
        | RDKafkaErrorCode::UnsupportedSASLMechanism => BrokerFault::Denied,
        RDKafkaErrorCode::TopicAuthorizationFailed
        | RDKafkaErrorCode::GroupAuthorizationFailed
        | RDKafkaErrorCode::ClusterAuthorizationFailed => BrokerFault::Rights,
        RDKafkaErrorCode::UnsupportedVersion | RDKafkaErrorCode::UnsupportedFeature => BrokerFault::Version,
        _ => BrokerFault::Other,
    }
}
