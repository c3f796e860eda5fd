//! RabbitMQ: one durable queue per class, publisher confirms, consumers with manual acknowledgements.
//!
//! - A hint is published once the broker has confirmed it; it then survives a restart of the broker. If a hint cannot
//!   be routed because its queue is gone, the broker returns it, which counts as a failure. The next connection
//!   declares all queues again.
//! - While a taker waits here, there is a consumer on each queue, with at most [`PREFETCH`] unacknowledged hints. When
//!   no taker waits and none has come for a prefetched hint for a while, the consumers are cancelled and the prefetched
//!   hints are requeued, so a busy node does not hold hints that an idle node could take.
//! - Each priority class has its own queue, because a RabbitMQ priority queue starves low priorities.
//! - If a node dies, its connection closes, and RabbitMQ redelivers its unacknowledged hints to other nodes.
//! - A broker that is short of memory or disk space (an alarm) stops reading from connections that publish, but still
//!   delivers to others. So hints are published on a separate connection, which is opened when the first hint is
//!   published.
//! - An unreadable message is rejected and dead-lettered to the queue `CLUSTER.any.unreadable`, which keeps the last
//!   thousand for inspection.
//!
//! Sources: RabbitMQ's documentation, "Consumer Acknowledgements and Publisher Confirms", "Consumer Prefetch", "Dead
//! Letter Exchanges", "Memory and Disk Alarms".

use std::str::FromStr as _;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use cupel_core::RunHint;
use cupel_types::PriorityClass;
use futures_util::StreamExt as _;
use futures_util::future::{try_join_all, try_join3};
use lapin::options::{
    BasicAckOptions, BasicCancelOptions, BasicConsumeOptions, BasicNackOptions, BasicPublishOptions, BasicQosOptions,
    BasicRejectOptions, ConfirmSelectOptions, QueueDeclareOptions,
};
use lapin::protocol::{AMQPErrorKind, AMQPHardError, AMQPSoftError};
use lapin::types::{AMQPValue, FieldTable, ShortString};
use lapin::uri::AMQPUri;
use lapin::{BasicProperties, Channel, Confirmation, Connection, ConnectionProperties, Consumer, Error, ErrorKind};
use tokio::sync::OnceCell;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::broker::{Broker, BrokerError, BrokerFault, Delivery, Link, Settled, Tag, per_class};
use crate::inbox::Inbox;
use crate::names::Route;
use crate::shares::{PerClass, index};
use crate::wire;

/// Maximum number of unacknowledged hints of a class at one node. Hints are acknowledged within milliseconds of being
/// taken.
const PREFETCH: u16 = 32;
/// Maximum number of unreadable messages that are kept.
const UNREADABLE_MAX: i32 = 1000;
/// `delivery_mode` of messages that a durable queue keeps across a restart.
const PERSISTENT: u8 = 2;

/// Interval between checks whether the broker has blocked the connection.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// A RabbitMQ server.
pub(crate) struct RabbitMq {
    url: String,
    queues: PerClass<String>,
    unreadable: String,
}

impl RabbitMq {
    /// # Errors
    /// If the URL is malformed.
    pub(crate) fn new(url: &str, route: &Route) -> Result<RabbitMq, BrokerError> {
        // A trailing slash would name the virtual host with the empty name, which is never intended.
        let url = url.strip_suffix('/').filter(|url| !url.ends_with('/')).unwrap_or(url).to_owned();
        AMQPUri::from_str(&url).map_err(|error| BrokerError::new("read the URL", BrokerFault::Url, error))?;
        let queues = per_class(|class| route.of_class(class));
        Ok(RabbitMq { url, queues, unreadable: route.of_cluster("unreadable") })
    }
}

#[async_trait]
impl Broker for RabbitMq {
    async fn connect(&self) -> Result<Arc<dyn Link>, BrokerError> {
        let connection = connect(&self.url, "cupel queue").await?;
        let (looks, takes) = (channel(&connection).await?, channel(&connection).await?);
        takes.basic_qos(PREFETCH, BasicQosOptions::default()).await.map_err(to("set the prefetch limit"))?;

        let declaring = to("declare its queues");
        let mut bounded = FieldTable::default();
        bounded.insert("x-max-length".into(), AMQPValue::LongInt(UNREADABLE_MAX));
        looks.queue_declare(self.unreadable.as_str().into(), durable(), bounded).await.map_err(&declaring)?;
        for queue in &self.queues {
            let mut dead = FieldTable::default();
            dead.insert("x-dead-letter-exchange".into(), AMQPValue::LongString("".into()));
            dead.insert("x-dead-letter-routing-key".into(), AMQPValue::LongString(self.unreadable.as_str().into()));
            looks.queue_declare(queue.as_str().into(), durable(), dead).await.map_err(&declaring)?;
        }
        Ok(Arc::new(RabbitMqLink {
            _connection: connection,
            url: self.url.clone(),
            puts: OnceCell::new(),
            looks,
            takes,
            queues: self.queues.clone(),
            inbox: Arc::default(),
            consuming: tokio::sync::Mutex::default(),
        }))
    }
}

async fn connect(url: &str, name: &str) -> Result<Connection, BrokerError> {
    let properties = ConnectionProperties::default().with_connection_name(name.into());
    Connection::connect(url, properties).await.map_err(to("connect"))
}

async fn channel(connection: &Connection) -> Result<Channel, BrokerError> {
    connection.create_channel().await.map_err(to("open a channel"))
}

fn durable() -> QueueDeclareOptions {
    QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() }
}

struct RabbitMqLink {
    _connection: Connection,
    url: String,
    puts: OnceCell<Puts>,
    looks: Channel,
    takes: Channel,
    queues: PerClass<String>,
    inbox: Arc<Inbox>,
    consuming: tokio::sync::Mutex<Option<Consuming>>,
}

/// The connection and the channel that publish hints.
struct Puts {
    connection: Connection,
    channel: Channel,
}

impl Puts {
    async fn connect(url: &str) -> Result<Puts, BrokerError> {
        let connection = connect(url, "cupel queue, puts").await?;
        let channel = channel(&connection).await?;
        channel.confirm_select(ConfirmSelectOptions::default()).await.map_err(to("enable publisher confirms"))?;
        Ok(Puts { connection, channel })
    }

    /// Returns once the broker has blocked the connection. The broker blocks a connection only while the client
    /// publishes.
    async fn is_full(&self) -> BrokerError {
        while !self.connection.status().blocked() {
            tokio::time::sleep(LOOK_EVERY).await;
        }
        let why = "it is short of memory or disk space; run `rabbitmq-diagnostics alarms` to see which";
        BrokerError::new("publish hints", BrokerFault::Full, why)
    }
}

/// A consumer on each queue.
struct Consuming {
    tags: Vec<ShortString>,
    readers: Vec<JoinHandle<()>>,
    /// Cancelled before the consumers are cancelled on purpose.
    stopping: CancellationToken,
}

#[async_trait]
impl Link for RabbitMqLink {
    async fn put(&self, hints: &[RunHint]) -> Result<(), BrokerError> {
        let puts = self.puts.get_or_try_init(|| Puts::connect(&self.url)).await?;
        let publish = |hint: &RunHint| {
            let (queue, message) = (self.queues[index(hint.class)].as_str().into(), wire::write(hint));
            async move {
                let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
                let properties = BasicProperties::default().with_delivery_mode(PERSISTENT);
                puts.channel.basic_publish("".into(), queue, options, message.as_bytes(), properties).await?.await
            }
        };
        let confirmed = tokio::select! {
            // Hints already sent may still be accepted when the broker has room again; they are then duplicates.
            biased;
            full = puts.is_full() => return Err(full),
            confirmed = try_join_all(hints.iter().map(publish)) => confirmed.map_err(to("publish hints"))?,
        };
        if confirmed.iter().all(|confirmed| matches!(confirmed, Confirmation::Ack(None))) {
            Ok(())
        } else {
            Err(BrokerError::new("publish hints", BrokerFault::Other, "the broker did not accept all of them"))
        }
    }

    /// Unacknowledged hints are not counted.
    async fn ready(&self) -> Result<PerClass<usize>, BrokerError> {
        let ask = |queue: &str| {
            let queue = queue.into();
            async move {
                let passive = QueueDeclareOptions { passive: true, ..durable() };
                self.looks.queue_declare(queue, passive, FieldTable::default()).await
            }
        };
        let [a, b, c] = &self.queues;
        let (a, b, c) = try_join3(ask(a), ask(b), ask(c)).await.map_err(to("count hints"))?;
        Ok([a, b, c].map(|queue| queue.message_count() as usize))
    }

    async fn take(&self, wanted: PerClass<usize>) -> Result<Vec<Delivery>, BrokerError> {
        let mut consuming = self.consuming.lock().await;
        if consuming.is_none() {
            *consuming = Some(self.consume().await?);
        }
        self.inbox.take(wanted)
    }

    async fn wait(&self, end: &CancellationToken) -> Result<Vec<Delivery>, BrokerError> {
        self.inbox.wait(end).await;
        Ok(Vec::new())
    }

    async fn settle(&self, settled: &[Settled]) -> Result<(), BrokerError> {
        let ack = |settled: &Settled| self.takes.basic_ack(settled.tag.0, BasicAckOptions::default());
        try_join_all(settled.iter().map(ack)).await.map_err(to("settle hints"))?;
        Ok(())
    }

    async fn rest(&self, mut unwanted: Vec<Delivery>) -> Result<(), BrokerError> {
        if let Some(Consuming { tags, readers, stopping }) = self.consuming.lock().await.take() {
            stopping.cancel();
            for tag in tags {
                self.takes.basic_cancel(tag, BasicCancelOptions::default()).await.map_err(to("stop consuming"))?;
            }
            for reader in readers {
                // A join error means that the runtime shut down.
                let _ = reader.await;
            }
        }
        unwanted.append(&mut self.inbox.drain());
        let nack = |delivery: &Delivery| {
            self.takes.basic_nack(delivery.tag.0, BasicNackOptions { requeue: true, ..BasicNackOptions::default() })
        };
        try_join_all(unwanted.iter().map(nack)).await.map_err(to("requeue hints"))?;
        Ok(())
    }

    fn oldest_prefetched(&self) -> Option<Duration> {
        self.inbox.oldest()
    }
}

impl RabbitMqLink {
    async fn consume(&self) -> Result<Consuming, BrokerError> {
        let (mut tags, mut readers) = (Vec::new(), Vec::new());
        let stopping = CancellationToken::new();
        for (queue, class) in self.queues.iter().zip(PriorityClass::ALL) {
            let (options, arguments) = (BasicConsumeOptions::default(), FieldTable::default());
            let consumer = self.takes.basic_consume(queue.as_str().into(), "".into(), options, arguments).await;
            let consumer = consumer.map_err(to("consume"))?;
            tags.push(consumer.tag());
            readers.push(tokio::spawn(read(consumer, class, Arc::clone(&self.inbox), stopping.clone())));
        }
        Ok(Consuming { tags, readers, stopping })
    }
}

/// Reads deliveries until the consumer is cancelled, by this node or by the broker.
async fn read(mut consumer: Consumer, class: PriorityClass, inbox: Arc<Inbox>, stopping: CancellationToken) {
    while let Some(delivery) = consumer.next().await {
        let delivery = match delivery {
            Ok(delivery) => delivery,
            Err(error) => return inbox.fail(error.to_string()),
        };
        match wire::read_of(class, &delivery.data) {
            Some(hint) => inbox.push(Delivery { hint, tag: Tag(delivery.delivery_tag, 0) }),
            None => {
                if let Err(error) = delivery.reject(BasicRejectOptions { requeue: false }).await {
                    return inbox.fail(error.to_string());
                }
            }
        }
    }
    if !stopping.is_cancelled() {
        inbox.fail("the broker cancelled the consumer");
    }
}

fn to(doing: &'static str) -> impl Fn(Error) -> BrokerError {
    move |error| {
        let fault = match error.kind() {
            ErrorKind::ProtocolError(error) => match error.kind() {
                AMQPErrorKind::Soft(AMQPSoftError::ACCESSREFUSED) => BrokerFault::Denied,
                // The virtual host does not exist, or this user has no access to it.
                AMQPErrorKind::Hard(AMQPHardError::NOTALLOWED) => BrokerFault::Denied,
                _ => BrokerFault::Other,
            },
            ErrorKind::IOError(error) if error.kind() == std::io::ErrorKind::Other => BrokerFault::Url,
            ErrorKind::IOError(_) | ErrorKind::MissingHeartbeatError | ErrorKind::InvalidConnectionState(_) => {
                BrokerFault::Unreachable
            }
            _ => BrokerFault::Other,
        };
        BrokerError::new(doing, fault, error)
    }
}
