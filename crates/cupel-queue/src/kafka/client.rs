//! librdkafka's clients of one connection: what they share, what they call back, and what they may not do on a thread of the runtime.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _, ConsumerContext, Rebalance};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::FutureProducer;
use rdkafka::{ClientContext, Offset, TopicPartitionList};
use tokio::sync::watch;

use super::progress::{Place, Progress, partition};
use crate::broker::{BrokerError, Delivery, Fault};
use crate::inbox::Inbox;
use crate::shares::{PerClass, index};

pub(super) type Consumer = BaseConsumer<Context>;
pub(super) type Producer = FutureProducer<Context>;

/// What the clients of a connection and those who use it share.
pub(super) struct Ours {
    pub(super) topics: PerClass<String>,
    pub(super) inbox: Inbox,
    pub(super) progress: Progress,
    /// What a client said last about why it cannot do what it should.
    told: Mutex<Option<(RDKafkaErrorCode, String)>>,
    /// How often the producer has lost all brokers. It is told of that before anything is confirmed by one that came back.
    pub(super) losses: watch::Sender<usize>,
}

impl Ours {
    pub(super) fn new(topics: PerClass<String>) -> Ours {
        Ours {
            topics,
            inbox: Inbox::default(),
            progress: Progress::default(),
            told: Mutex::default(),
            losses: watch::Sender::default(),
        }
    }

    pub(super) fn losses(&self) -> usize {
        *self.losses.borrow()
    }

    /// To an error. That something took too long says little; the client may have told why.
    pub(super) fn failed(&self, doing: &'static str) -> impl Fn(KafkaError) -> BrokerError + '_ {
        move |error| {
            let code = match &error {
                KafkaError::AdminOp(code) => Some(*code),
                error => error.rdkafka_error_code(),
            };
            let fault = code.map_or(Fault::Other, fault_of);
            let told = self.told.lock().unwrap_or_else(PoisonError::into_inner).take();
            match told {
                Some((code, why)) if fault == Fault::Unreachable => {
                    BrokerError::new(doing, fault_of(code), format!("{error}: {why}"))
                }
                _ => BrokerError::new(doing, fault, error),
            }
        }
    }

    /// What has moved on since the last time.
    pub(super) fn committable(&self) -> TopicPartitionList {
        let mut list = TopicPartitionList::new();
        for (class, number, position) in self.progress.moved_on() {
            // It refuses offsets that are none; this is one.
            let _ = list.add_partition_offset(&self.topics[class], number, Offset::Offset(position));
        }
        list
    }

    /// The topics' classes and the numbers of partitions.
    fn places(&self, list: &TopicPartitionList) -> Vec<Place> {
        let class = |topic: &str| self.topics.iter().position(|ours| ours == topic);
        list.elements().iter().filter_map(|place| Some((class(place.topic())?, place.partition()))).collect()
    }
}

/// What the clients call back.
pub(super) struct Context {
    pub(super) ours: Arc<Ours>,
    /// Whether it is the one that puts hints.
    pub(super) puts: bool,
}

impl ClientContext for Context {
    /// For who looks for it: what it means for the queue, the keeper tells.
    fn log(&self, level: RDKafkaLogLevel, part: &str, message: &str) {
        tracing::debug!(?level, part, "librdkafka: {message}");
    }

    fn error(&self, error: KafkaError, reason: &str) {
        match error.rdkafka_error_code() {
            // It comes last, and says less than why each is down.
            Some(RDKafkaErrorCode::AllBrokersDown) if self.puts => self.ours.losses.send_modify(|losses| *losses += 1),
            Some(RDKafkaErrorCode::AllBrokersDown) | None => {}
            Some(code) => {
                *self.ours.told.lock().unwrap_or_else(PoisonError::into_inner) = Some((code, reason.to_owned()));
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
                    tracing::debug!(%error, "settled hints of partitions that go will come again");
                }
                let gone = ours.places(gone);
                ours.progress.revoked(&gone);
                ours.inbox.retain(|Delivery { hint, tag }| !gone.contains(&(index(hint.class), partition(*tag))));
            }
            Rebalance::Error(error) => tracing::debug!(%error, "kafka: partitions were not divided"),
        }
    }
}

/// Something that waits, for the network or for a thread of its own, when it ends: not on a thread of the runtime.
pub(super) struct OffThread<T: Send + 'static>(Option<T>);

impl<T: Send + 'static> OffThread<T> {
    pub(super) fn new(ends: T) -> OffThread<T> {
        OffThread(Some(ends))
    }

    pub(super) fn get(&self) -> &T {
        self.0.as_ref().expect("it is taken only at the end")
    }

    pub(super) fn get_mut(&mut self) -> &mut T {
        self.0.as_mut().expect("it is taken only at the end")
    }

    pub(super) fn into_inner(mut self) -> Option<T> {
        self.0.take()
    }
}

impl<T: Send + 'static> Drop for OffThread<T> {
    fn drop(&mut self) {
        if let Some(ends) = self.0.take() {
            // Where no thread can be had it ends here.
            let _ = thread::Builder::new().name("kafka-goodbye".into()).spawn(move || drop(ends));
        }
    }
}

/// What may wait for the network.
pub(super) async fn blocking<T: Send + 'static>(
    ours: &Ours,
    doing: &'static str,
    what: impl FnOnce() -> Result<T, KafkaError> + Send + 'static,
) -> Result<T, BrokerError> {
    match tokio::task::spawn_blocking(what).await {
        Ok(result) => result.map_err(ours.failed(doing)),
        Err(error) => Err(BrokerError::new(doing, Fault::Other, error)),
    }
}

pub(super) fn fault_of(code: RDKafkaErrorCode) -> Fault {
    match code {
        RDKafkaErrorCode::BrokerTransportFailure
        | RDKafkaErrorCode::AllBrokersDown
        | RDKafkaErrorCode::OperationTimedOut
        | RDKafkaErrorCode::RequestTimedOut
        | RDKafkaErrorCode::MessageTimedOut
        | RDKafkaErrorCode::CoordinatorNotAvailable
        | RDKafkaErrorCode::WaitingForCoordinator
        | RDKafkaErrorCode::Resolve => Fault::Unreachable,
        RDKafkaErrorCode::Authentication
        | RDKafkaErrorCode::SaslAuthenticationFailed
        | RDKafkaErrorCode::UnsupportedSASLMechanism => Fault::Denied,
        RDKafkaErrorCode::TopicAuthorizationFailed
        | RDKafkaErrorCode::GroupAuthorizationFailed
        | RDKafkaErrorCode::ClusterAuthorizationFailed => Fault::Rights,
        RDKafkaErrorCode::UnsupportedVersion | RDKafkaErrorCode::UnsupportedFeature => Fault::Version,
        _ => Fault::Other,
    }
}
