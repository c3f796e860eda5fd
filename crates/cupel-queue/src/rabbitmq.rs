//! RabbitMQ: a durable queue a class, published to with confirms, consumed from with manual acknowledgements.
//!
//! - A hint is put when the broker has confirmed it: then it survives the broker's restart. One that cannot be routed, because its
//!   queue is gone, comes back and counts as a failure; with the next connection all queues are declared again.
//! - While somebody here waits for hints there is a consumer on each queue, which may have [`PREFETCH`] unsettled. When nobody
//!   does, the consumers are cancelled and what they brought goes back, so that a busy node holds nothing that an idle one could do.
//! - Priorities are a queue each, because a priority queue lets its low ones starve.
//! - A node that dies takes its connection along: RabbitMQ gives what it had to others.
//! - A broker that is short of memory or of disk space (an alarm) reads nothing more from connections that publish, and gives others what
//!   it has. So hints are put by a connection of its own, which is made when there is the first one to be put.
//! - A message that cannot be read is rejected, and goes to the queue `CLUSTER.any.unreadable`, where the last thousand stay to be
//!   looked at.
//!
//! Sources: RabbitMQ's documentation, "Consumer Acknowledgements and Publisher Confirms", "Consumer Prefetch", "Dead Letter
//! Exchanges", "Memory and Disk Alarms".

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
use lapin::{BasicProperties, Channel, Confirmation, Connection, ConnectionProperties, Consumer, Error, ErrorKind};
use tokio::sync::OnceCell;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::broker::{Broker, BrokerError, Delivery, Fault, Link, Settled, Tag, per_class};
use crate::inbox::Inbox;
use crate::names::Route;
use crate::shares::{PerClass, index};
use crate::wire;

/// Hints of a class that a node may have and not have settled. Settling follows taking within milliseconds.
const PREFETCH: u16 = 32;
/// Unreadable messages that are kept.
const UNREADABLE_MAX: i32 = 1000;
/// `delivery_mode` of messages that a durable queue keeps through a restart.
const PERSISTENT: u8 = 2;

/// How often it is looked whether the broker says that it takes nothing.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// A RabbitMQ server.
pub(crate) struct RabbitMq {
    url: String,
    queues: PerClass<String>,
    unreadable: String,
}

impl RabbitMq {
    pub(crate) fn new(url: &str, route: &Route) -> RabbitMq {
        // A bare slash names the virtual host with an empty name, which nobody means.
        let url = url.strip_suffix('/').filter(|url| !url.ends_with('/')).unwrap_or(url).to_owned();
        let queues = per_class(|class| route.of_class(class));
        RabbitMq { url, queues, unreadable: route.of_cluster("unreadable") }
    }
}

#[async_trait]
impl Broker for RabbitMq {
    async fn connect(&self) -> Result<Arc<dyn Link>, BrokerError> {
        let connection = connect(&self.url, "cupel queue").await?;
        let (looks, takes) = (channel(&connection).await?, channel(&connection).await?);
        takes.basic_qos(PREFETCH, BasicQosOptions::default()).await.map_err(to("limit what is sent ahead"))?;

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

/// What hints are put by.
struct Puts {
    connection: Connection,
    channel: Channel,
}

impl Puts {
    async fn connect(url: &str) -> Result<Puts, BrokerError> {
        let connection = connect(url, "cupel queue, puts").await?;
        let channel = channel(&connection).await?;
        channel.confirm_select(ConfirmSelectOptions::default()).await.map_err(to("ask for confirms"))?;
        Ok(Puts { connection, channel })
    }

    /// Ends when the broker says that it takes nothing: it does so to who puts something meanwhile.
    async fn is_full(&self) -> BrokerError {
        while !self.connection.status().blocked() {
            tokio::time::sleep(LOOK_EVERY).await;
        }
        let why = "it is short of memory or of disk space; `rabbitmq-diagnostics alarms` says which";
        BrokerError::new("put hints", Fault::Full, why)
    }
}

/// A consumer on each queue.
struct Consuming {
    tags: Vec<ShortString>,
    readers: Vec<JoinHandle<()>>,
    /// Set when it ends because it is meant to.
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
            // What is put all the same would come when there is room again, once more.
            biased;
            full = puts.is_full() => return Err(full),
            confirmed = try_join_all(hints.iter().map(publish)) => confirmed.map_err(to("put hints"))?,
        };
        if confirmed.iter().all(|confirmed| matches!(confirmed, Confirmation::Ack(None))) {
            Ok(())
        } else {
            Err(BrokerError::new("put hints", Fault::Other, "the broker did not take all of them"))
        }
    }

    /// What is in somebody's hands is not counted.
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

    async fn wait(&self) -> Result<Vec<Delivery>, BrokerError> {
        self.inbox.wait().await;
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
                // It can only have been cancelled with the runtime.
                let _ = reader.await;
            }
        }
        unwanted.append(&mut self.inbox.drain());
        let nack = |delivery: &Delivery| {
            self.takes.basic_nack(delivery.tag.0, BasicNackOptions { requeue: true, ..BasicNackOptions::default() })
        };
        try_join_all(unwanted.iter().map(nack)).await.map_err(to("give hints back"))?;
        Ok(())
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

/// Until the consumer is cancelled, by us or by the broker.
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
        inbox.fail("the broker has cancelled the consumer");
    }
}

fn to(doing: &'static str) -> impl Fn(Error) -> BrokerError {
    move |error| {
        let fault = match error.kind() {
            ErrorKind::ProtocolError(error) => match error.kind() {
                AMQPErrorKind::Soft(AMQPSoftError::ACCESSREFUSED) => Fault::Denied,
                // A virtual host that is not there, or not for this user.
                AMQPErrorKind::Hard(AMQPHardError::NOTALLOWED) => Fault::Denied,
                _ => Fault::Other,
            },
            ErrorKind::IOError(error) if error.kind() == std::io::ErrorKind::Other => Fault::Url,
            ErrorKind::IOError(_) | ErrorKind::MissingHeartbeatError | ErrorKind::InvalidConnectionState(_) => {
                Fault::Unreachable
            }
            _ => Fault::Other,
        };
        BrokerError::new(doing, fault, error)
    }
}
