//! Kafka: one topic per class, one consumer group that all nodes share. A language queue has separate topics and a
//! separate group, so that a node that joins or leaves it does not rebalance the group of the common queue.
//!
//! - The group assigns each partition, with its hints, to one node at a time, and reassigns the partitions of a dead
//!   node within [`SILENCE_MAX`]. A node without a partition receives no hints, so there should be several times as
//!   many partitions as nodes (`?partitions=`, 12 by default, used only when the topics are created).
//! - A hint that has arrived at a node where no taker waits is passed on after [`PASS_ON_AFTER`]: it is published to a
//!   partition of another node, then settled. So a busy node does not delay a hint that an idle node could take. The
//!   message's key counts how often its hint was passed on. The waiting time grows with this count, so that hints do
//!   not circulate quickly while all nodes are busy.
//! - Hints are settled in any order. After each settlement, the lowest unsettled offset is committed. If a node dies,
//!   nothing is lost, because the partition's next owner starts at that offset. Settled hints above that offset are
//!   delivered again, which does no harm. A hint that is never settled would block its partition forever, so it is
//!   given up after a while, and the sweeper finds its run.
//! - Before partitions are revoked, settled offsets are committed. Hints of these partitions that arrived and were not
//!   handed out are discarded here, because the partition's next owner receives them.
//! - The number of waiting hints is the distance between the committed offsets, or the starts of the partitions if
//!   those are later, and the ends of the partitions. A partition's start moves when hints expire.
//! - Nodes that only publish do not join the group.
//!
//! The client is librdkafka, a C library in this process. It reconnects automatically. Nevertheless a link (this
//! adapter's connection) counts as broken as soon as all brokers are lost, and the next link publishes the unconfirmed
//! hints again. The reason is that brokers may return without the topics, and some accept hints for topics that they do
//! not have (tansu) or create such topics with their own settings. So hints are published only by a link that has found
//! the topics.
//!
//! Sources: librdkafka's INTRODUCTION.md and CONFIGURATION.md; Kafka's documentation, "Consumer".

mod client;
mod member;
mod progress;

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use cupel_core::RunHint;
use futures_util::future::try_join_all;
use percent_encoding::percent_decode_str;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{CommitMode, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{FutureRecord, Producer as _, PurgeConfig};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use self::client::{Consumer, Context, OffThread, Ours, Producer, blocking, fault_of};
use self::member::{LOOK_EVERY, Member, Reader};
use self::progress::passes;
use crate::broker::{Broker, BrokerError, BrokerFault, Delivery, Link, Settled, per_class};
use crate::brokered::ANSWER_MAX;
use crate::names::{self, Route};
use crate::shares::{CLASSES, PerClass, index};
use crate::wire;

/// Default number of partitions of the topics that Cupel creates.
const PARTITIONS: u16 = 12;
const PARTITIONS_MAX: u16 = 10_000;
/// Default and maximum of `fetch.wait.max.ms`: how long a broker without messages may hold a fetch request.
const FETCH_WAIT_MS: u16 = 500;
/// Default port.
const PORT: u16 = 9092;
/// Session timeout. A node that is silent for this long loses its partitions to others.
const SILENCE_MAX: Duration = Duration::from_secs(10);
/// How long a hint waits on a node without a waiting taker before it is passed on for the first time. The time doubles
/// with each pass.
const PASS_ON_AFTER: Duration = Duration::from_millis(500);
/// Maximum number of doublings. While all nodes are busy, every hint at the broker is passed on every two seconds
/// ([`PASS_ON_AFTER`], doubled twice).
const DOUBLINGS: u32 = 2;
/// Retention and segment time of the topics that Cupel creates. While workers run, no hint waits this long, because
/// hints are passed on. Hints that expire while no worker runs are no longer counted, so the sweeper publishes their
/// runs again.
const KEPT: Duration = Duration::from_secs(6 * 3600);
const SEGMENT: Duration = Duration::from_secs(3600);
/// Interval at which the starts of the partitions are read again. They move only when hints expire.
const STARTS_EVERY: Duration = Duration::from_secs(10);

/// Brokers of a Kafka cluster.
pub(crate) struct Kafka {
    config: ClientConfig,
    hosts: Vec<String>,
    topics: PerClass<String>,
    group: String,
    partitions: i32,
    fetch_wait_ms: u16,
    /// How long a hint may stay unsettled before it is given up.
    reclaim_after: Duration,
}

impl Kafka {
    /// Parses `kafka://USER:PASSWORD@HOST:PORT,HOST:PORT/PREFIX?partitions=N&fetch_wait_ms=N`; everything but one host
    /// is optional.
    ///
    /// # Errors
    /// If the URL has another form.
    pub(crate) fn new(url: &str, route: &Route, reclaim_after: Duration) -> Result<Kafka, BrokerError> {
        let wrong = |what: &str| BrokerError::new("read the URL", BrokerFault::Url, what);
        let rest = url.strip_prefix("kafka://").ok_or_else(|| wrong("it does not begin with kafka://"))?;
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let (user, hosts) = authority.rsplit_once('@').map_or((None, authority), |(user, hosts)| (Some(user), hosts));
        if hosts.split(',').any(|host| host.is_empty() || host.starts_with(':')) {
            return Err(wrong("a host is missing or empty"));
        }
        if !prefix.is_empty() && !names::is_good(prefix) {
            return Err(wrong("the prefix is not valid; use 1 to 64 characters from a-z 0-9 - _ ."));
        }
        let (mut partitions, mut fetch_wait_ms) = (PARTITIONS, FETCH_WAIT_MS);
        let unknown = || {
            wrong(
                "the parameters after `?` are partitions=N, 1 to 10000, and fetch_wait_ms=N, 1 to 500; TLS to Kafka is not supported",
            )
        };
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, number) = pair.split_once('=').unwrap_or((pair, ""));
            let (option, max) = match name {
                "partitions" => (&mut partitions, PARTITIONS_MAX),
                "fetch_wait_ms" => (&mut fetch_wait_ms, FETCH_WAIT_MS),
                _ => return Err(unknown()),
            };
            *option = number.parse().ok().filter(|number| (1..=max).contains(number)).ok_or_else(unknown)?;
        }
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", hosts)
            .set("client.id", "cupel")
            .set("socket.timeout.ms", millis(ANSWER_MAX))
            .set("socket.connection.setup.timeout.ms", millis(ANSWER_MAX))
            .set("socket.nagle.disable", "true")
            .set("allow.auto.create.topics", "false");
        if let Some((user, password)) = user.map(|user| user.split_once(':').unwrap_or((user, ""))) {
            let plain = |escaped| percent_decode_str(escaped).decode_utf8_lossy().into_owned();
            config
                .set("security.protocol", "sasl_plaintext")
                .set("sasl.mechanism", "PLAIN")
                .set("sasl.username", plain(user))
                .set("sasl.password", plain(password));
        }
        let named = |name: String| if prefix.is_empty() { name } else { format!("{prefix}.{name}") };
        Ok(Kafka {
            config,
            hosts: hosts.split(',').map(str::to_owned).collect(),
            topics: per_class(|class| named(route.of_class(class))),
            group: named(format!("{}.workers", route.prefix())),
            partitions: i32::from(partitions),
            fetch_wait_ms,
            reclaim_after,
        })
    }

    fn client<T: FromClientConfigAndContext<Context>>(
        &self,
        ours: &Arc<Ours>,
        puts: bool,
        more: &[(&str, &str)],
    ) -> Result<T, BrokerError> {
        let mut config = self.config.clone();
        for (key, value) in more {
            config.set(*key, *value);
        }
        config.create_with_context(Context { ours: Arc::clone(ours), puts }).map_err(ours.failed("create a client"))
    }

    /// Creates the missing topics. A user without permission to create topics can use existing topics.
    async fn make_topics(&self, ours: &Arc<Ours>, counts: PerClass<i32>) -> Result<(), BrokerError> {
        let doing = "create its topics";
        let (kept_ms, segment_ms) = (millis(KEPT), millis(SEGMENT));
        let missing = self.topics.iter().zip(counts).filter(|(_, count)| *count == 0);
        let topics: Vec<NewTopic<'_>> = missing
            .map(|(topic, _)| {
                // The broker's default replication factor.
                NewTopic::new(topic, self.partitions, TopicReplication::Fixed(-1))
                    .set("retention.ms", &kept_ms)
                    .set("segment.ms", &segment_ms)
            })
            .collect();
        if topics.is_empty() {
            return Ok(());
        }
        let admin: OffThread<AdminClient<Context>> = OffThread::new(self.client(ours, false, &[])?);
        let options = AdminOptions::new().operation_timeout(Some(ANSWER_MAX)).request_timeout(Some(ANSWER_MAX));
        let made = admin.get().create_topics(&topics, &options).await.map_err(ours.failed(doing))?;
        for topic in made {
            match topic {
                Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
                Err((topic, code)) => return Err(BrokerError::new(doing, fault_of(code), format!("{topic}: {code}"))),
            }
        }
        Ok(())
    }

    /// Whether one of the hosts accepts TCP connections. It is called after a request in Kafka's protocol has failed,
    /// so a host that accepts runs another server.
    async fn accepts_tcp(&self) -> bool {
        for host in &self.hosts {
            let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
            let address = if has_port { host.clone() } else { format!("{host}:{PORT}") };
            if matches!(timeout(LOOK_EVERY * 5, TcpStream::connect(address)).await, Ok(Ok(_))) {
                return true;
            }
        }
        false
    }
}

fn millis(time: Duration) -> String {
    time.as_millis().to_string()
}

#[async_trait]
impl Broker for Kafka {
    async fn connect(&self) -> Result<Arc<dyn Link>, BrokerError> {
        let ours = Arc::new(Ours::new(self.topics.clone()));
        let more = [
            ("acks", "all"),
            ("linger.ms", "0"),
            // Some brokers (tansu with its log in memory) lose the rest of a batch if a read starts in the middle of
            // it.
            ("batch.num.messages", "1"),
            ("message.timeout.ms", &millis(ANSWER_MAX)),
        ];
        let producer = OffThread::new(self.client::<Producer>(&ours, true, &more)?);
        let mut counts = match partitions(&producer, &ours).await {
            Err(error) if error.fault == BrokerFault::Unreachable && self.accepts_tcp().await => {
                return Err(BrokerError { fault: BrokerFault::Stranger, ..error });
            }
            counts => counts?,
        };
        self.make_topics(&ours, counts).await?;
        let losses = loop {
            // Brokers that were lost before this point are found again by the metadata request below.
            let losses = ours.losses();
            counts = partitions(&producer, &ours).await?;
            if !counts.contains(&0) {
                break losses;
            }
            // The brokers learn of new topics one after the other. The timeout of connecting bounds this loop.
            tokio::time::sleep(LOOK_EVERY / 2).await;
        };
        let more = [
            ("group.id", self.group.as_str()),
            ("session.timeout.ms", &millis(SILENCE_MAX)),
            ("heartbeat.interval.ms", &millis(SILENCE_MAX / 4)),
            ("auto.offset.reset", "earliest"),
            ("enable.auto.commit", "false"),
            ("enable.auto.offset.store", "false"),
            ("fetch.wait.max.ms", &self.fetch_wait_ms.to_string()),
        ];
        let consumer = Arc::new(self.client::<Consumer>(&ours, false, &more)?);
        let link = KafkaLink {
            member: Mutex::new(Some(OffThread::new(Member { reader: None, consumer }))),
            producer,
            counts,
            losses,
            turns: AtomicUsize::new(0),
            reclaim_after: self.reclaim_after,
            starts: Arc::default(),
            ours,
        };
        // Missing permissions on the group are reported only when the group is used.
        link.ready().await?;
        Ok(Arc::new(link))
    }
}

/// Number of partitions of each topic; 0 if the topic does not exist.
async fn partitions(producer: &OffThread<Producer>, ours: &Ours) -> Result<PerClass<i32>, BrokerError> {
    let (producer, topics) = (producer.get().clone(), ours.topics.clone());
    let count = move || {
        let mut counts = [0; CLASSES];
        for (count, topic) in counts.iter_mut().zip(&topics) {
            let metadata = producer.client().fetch_metadata(Some(topic), ANSWER_MAX)?;
            for found in metadata.topics().iter().filter(|found| found.name() == topic) {
                match found.error().map(RDKafkaErrorCode::from) {
                    None => *count = i32::try_from(found.partitions().len()).unwrap_or(i32::MAX),
                    Some(RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic) => {}
                    Some(code) => return Err(KafkaError::MetadataFetch(code)),
                }
            }
        }
        Ok(counts)
    };
    blocking(ours, "read its topics", count).await
}

struct KafkaLink {
    /// `None` after this node has left the group.
    member: Mutex<Option<OffThread<Member>>>,
    producer: OffThread<Producer>,
    /// Partitions of each topic.
    counts: PerClass<i32>,
    /// The loss counter (`Ours::losses`) when the topics were last found. Once the counter is higher, this link is
    /// broken.
    losses: usize,
    /// Round-robin counter for choosing partitions.
    turns: AtomicUsize,
    reclaim_after: Duration,
    starts: Arc<Mutex<Starts>>,
    ours: Arc<Ours>,
}

/// An offset of each partition of the topics.
type Offsets = HashMap<(String, i32), Offset>;

/// The first offset of each partition, and when they were read; `None` until they are first read.
type Starts = Option<(Instant, Arc<Offsets>)>;

#[async_trait]
impl Link for KafkaLink {
    async fn put(&self, hints: &[RunHint]) -> Result<(), BrokerError> {
        self.put_at(hints.iter().map(|hint| {
            let count = self.counts[index(hint.class)];
            (*hint, self.turn() % count, 0)
        }))
        .await
    }

    async fn ready(&self) -> Result<PerClass<usize>, BrokerError> {
        self.ours.progress.give_up(self.reclaim_after);
        self.commit().await?;
        let (topics, counts, consumer) = (self.ours.topics.clone(), self.counts, self.consumer()?);
        let known = Arc::clone(&self.starts);
        let count = move || {
            let mut all = TopicPartitionList::new();
            for (topic, count) in topics.iter().zip(counts) {
                all.add_partition_range(topic, 0, count - 1);
            }
            let committed = consumer.committed_offsets(all.clone(), ANSWER_MAX)?.to_topic_map();
            // `Offset::Beginning` or `Offset::End` instead of a timestamp requests the first or the end offset (Kafka's
            // protocol, ListOffsets).
            let mut list = |which: Offset| -> Result<Offsets, KafkaError> {
                all.set_all_offsets(which)?;
                Ok(consumer.offsets_for_times(all.clone(), ANSWER_MAX)?.to_topic_map())
            };
            let ends = list(Offset::End)?;
            let last = known.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let starts = match last {
                Some((at, starts)) if at.elapsed() < STARTS_EVERY => starts,
                _ => {
                    let starts = Arc::new(list(Offset::Beginning)?);
                    *known.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), Arc::clone(&starts)));
                    starts
                }
            };
            let offset = |of: &Offsets, partition: &(String, i32)| match of.get(partition) {
                Some(Offset::Offset(offset)) => Some(*offset),
                _ => None,
            };
            let mut ready = [0; CLASSES];
            for partition in ends.keys() {
                let class = topics.iter().position(|topic| *topic == partition.0);
                if let (Some(end), Some(class)) = (offset(&ends, partition), class) {
                    let start = offset(&starts, partition).unwrap_or(0);
                    ready[class] += waiting(offset(&committed, partition), start, end);
                }
            }
            Ok(ready)
        };
        blocking(&self.ours, "count hints", count).await
    }

    async fn take(&self, wanted: PerClass<usize>) -> Result<Vec<Delivery>, BrokerError> {
        self.join()?;
        let taken = self.ours.inbox.take(wanted)?;
        if taken.is_empty() {
            self.is_whole()?;
        }
        self.ours.progress.give_out(&taken, Some(Instant::now()));
        Ok(taken)
    }

    async fn wait(&self, end: &CancellationToken) -> Result<Vec<Delivery>, BrokerError> {
        self.ours.inbox.wait(end).await;
        Ok(Vec::new())
    }

    async fn settle(&self, settled: &[Settled]) -> Result<(), BrokerError> {
        self.ours.progress.settle(settled);
        self.commit().await
    }

    async fn rest(&self, unwanted: Vec<Delivery>) -> Result<(), BrokerError> {
        self.is_whole()?;
        self.ours.progress.give_out(&unwanted, None);
        for delivery in unwanted {
            self.ours.inbox.push(delivery);
        }
        let elsewhere = self.ours.progress.elsewhere(self.counts);
        let passed = self.ours.inbox.take_overdue(|Delivery { hint, tag }| {
            let time = PASS_ON_AFTER * (1 << passes(*tag).min(DOUBLINGS));
            (!elsewhere[index(hint.class)].is_empty()).then_some(time)
        });
        if !passed.is_empty() {
            self.put_at(passed.iter().map(|Delivery { hint, tag }| {
                let to = &elsewhere[index(hint.class)];
                (*hint, to[self.turn() as usize % to.len()], passes(*tag).saturating_add(1))
            }))
            .await?;
            let settled: Vec<Settled> =
                passed.iter().map(|Delivery { hint, tag }| Settled { class: hint.class, tag: *tag }).collect();
            self.settle(&settled).await?;
        }
        Ok(())
    }

    fn pushes_hints(&self) -> bool {
        true
    }

    /// Leaves the group, so that other nodes get this node's hints at once and not only after the session timeout.
    async fn leave(&self) {
        let member = self.member().take();
        // A join error means that the runtime shut down.
        let _ = tokio::task::spawn_blocking(move || drop(member.map(OffThread::into_inner))).await;
    }
}

impl KafkaLink {
    /// Publishes each hint to the given partition, with the given number of passes.
    async fn put_at(&self, hints: impl Iterator<Item = (RunHint, i32, u32)> + Send) -> Result<(), BrokerError> {
        let put = hints.map(|(hint, partition, passes)| async move {
            let (key, message) = (passes.to_string(), wire::write(&hint));
            let topic = &self.ours.topics[index(hint.class)];
            let record = FutureRecord::to(topic).partition(partition).key(&key).payload(&message);
            self.producer.get().send(record, ANSWER_MAX).await.map_err(|(error, _)| error)
        });
        self.is_whole()?;
        let mut losses = self.ours.losses.subscribe();
        tokio::select! {
            put = try_join_all(put) => drop(put.map_err(self.ours.failed("publish hints"))?),
            _ = losses.wait_for(|losses| *losses != self.losses) => {
                // The next link publishes these hints again.
                self.producer.get().purge(PurgeConfig::default().queue().inflight().non_blocking());
            }
        }
        // Hints confirmed after a loss may have gone to brokers without the topics.
        self.is_whole()
    }

    /// Fails if all brokers were lost since this link found the topics.
    fn is_whole(&self) -> Result<(), BrokerError> {
        if self.ours.losses() == self.losses {
            return Ok(());
        }
        Err(BrokerError::new("keep the connection", BrokerFault::Unreachable, "all brokers were lost"))
    }

    fn turn(&self) -> i32 {
        self.turns.fetch_add(1, Ordering::Relaxed) as i32 & i32::MAX
    }

    /// Commits the offsets that have advanced.
    async fn commit(&self) -> Result<(), BrokerError> {
        let committable = self.ours.committable();
        if committable.count() == 0 {
            return Ok(());
        }
        let consumer = self.consumer()?;
        let commit = move || match consumer.commit(&committable, CommitMode::Sync) {
            // The partitions are moving to another node, which starts at an earlier offset. That does no harm.
            Err(KafkaError::ConsumerCommit(
                RDKafkaErrorCode::RebalanceInProgress
                | RDKafkaErrorCode::IllegalGeneration
                | RDKafkaErrorCode::UnknownMemberId
                | RDKafkaErrorCode::NoOffset,
            )) => Ok(()),
            other => other,
        };
        blocking(&self.ours, "settle hints", commit).await
    }

    fn consumer(&self) -> Result<Arc<Consumer>, BrokerError> {
        let member = self.member();
        member.as_ref().map(|member| Arc::clone(&member.get().consumer)).ok_or_else(has_left)
    }

    /// Joins the group and starts the reader, when hints are first taken.
    fn join(&self) -> Result<(), BrokerError> {
        let mut member = self.member();
        let member = member.as_mut().ok_or_else(has_left)?.get_mut();
        if member.reader.is_none() {
            // Discard earlier events, such as a failed connection to the first address of a host.
            while member.consumer.poll(Duration::ZERO).is_some() {}
            let topics: Vec<&str> = self.ours.topics.iter().map(String::as_str).collect();
            member.consumer.subscribe(&topics).map_err(self.ours.failed("join the group"))?;
            member.reader = Some(Reader::start(&member.consumer, &self.ours)?);
        }
        Ok(())
    }

    fn member(&self) -> MutexGuard<'_, Option<OffThread<Member>>> {
        self.member.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Number of waiting hints in a partition: those from the committed offset to the end that have not expired. A group
/// without a committed offset is new, or its offsets have expired.
fn waiting(committed: Option<i64>, start: i64, end: i64) -> usize {
    usize::try_from(end - committed.map_or(start, |committed| committed.max(start))).unwrap_or(0)
}

fn has_left() -> BrokerError {
    BrokerError::new("use the group", BrokerFault::Other, "this node has left the group")
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::collections::BTreeSet;
    use std::io::{BufRead as _, BufReader};
    use std::process::{Command, Stdio};

    use cupel_types::{PriorityClass, RunId, UserId};
    use rdkafka::mocking::MockCluster;
    use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};
    use uuid::Uuid;

    const CLASS: PriorityClass = PriorityClass::Submission;
    /// Long enough for a busy machine.
    const PATIENCE: Duration = Duration::from_secs(120);

    fn kafka(url: &str) -> Result<Kafka, BrokerError> {
        Kafka::new(url, &Route::common("cupel"), Duration::from_secs(30))
    }

    #[test]
    fn a_url_has_hosts_and_optionally_a_user_a_prefix_and_parameters() {
        let named = kafka("kafka://u:p%40%2Fs@a:1,b:2/team?partitions=3&fetch_wait_ms=10").unwrap();
        assert_eq!(named.config.get("bootstrap.servers"), Some("a:1,b:2"));
        assert_eq!((named.config.get("sasl.username"), named.config.get("sasl.password")), (Some("u"), Some("p@/s")));
        assert_eq!((named.topics[0].as_str(), named.partitions), ("team.cupel.any.interactive", 3));
        assert_eq!(named.fetch_wait_ms, 10);
        assert_eq!(named.group, "team.cupel.any.workers");
        assert_eq!(kafka("kafka://a:1").unwrap().topics[2], "cupel.any.batch");
        for wrong in [
            "kafka://",
            "kafka://a,,b",
            "kafka://a/b/c",
            "kafka://a/B",
            "kafka://a?partitions=0",
            "kafka://a?fetch_wait_ms=0",
            "kafka://a?fetch_wait_ms=501",
            "kafka://a?x=1",
            "kafka://a?partitions=3&sslmode=require",
            "redis://a",
        ] {
            assert!(matches!(kafka(wrong), Err(BrokerError { fault: BrokerFault::Url, .. })), "{wrong}");
        }
    }

    fn hint(run: u128) -> RunHint {
        let id = Uuid::from_u128(run);
        RunHint { run: RunId::from_uuid(id), owner: UserId::from_uuid(id), class: CLASS }
    }

    /// Not a test: the process that the next test kills.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    #[ignore = "started by `hints_held_by_a_killed_process_are_redelivered`"]
    async fn a_process_that_takes_and_never_settles() {
        let link = kafka(&std::env::var("CUPEL_TEST_KAFKA").unwrap()).unwrap().connect().await.unwrap();
        let takes = async {
            let mut taken = 0;
            while taken < 3 {
                taken += link.take([3; CLASSES]).await.unwrap().len();
                link.wait(&CancellationToken::new()).await.unwrap();
            }
        };
        timeout(PATIENCE, takes).await.unwrap();
        println!("took all hints");
        // Wait until this process is killed, or until its parent ends and closes the pipe.
        tokio::task::spawn_blocking(|| std::io::stdin().read_line(&mut String::new())).await.unwrap().unwrap();
    }

    /// Uses librdkafka's mock brokers: tansu 0.6 does not rebalance a group after a member was killed.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn hints_held_by_a_killed_process_are_redelivered() {
        let brokers = MockCluster::new(1).unwrap();
        let url = format!("kafka://{}", brokers.bootstrap_servers());
        let kafka = kafka(&url).unwrap();
        for topic in &kafka.topics {
            brokers.create_topic(topic, 2, 1).unwrap();
        }
        let lives = kafka.connect().await.unwrap();
        lives.put(&[hint(1), hint(2), hint(3)]).await.unwrap();
        let mut dies = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "--nocapture", "kafka::tests::a_process_that_takes_and_never_settles"])
            .env("CUPEL_TEST_KAFKA", &url)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(dies.stdout.take().unwrap()).lines();
        assert!(lines.map_while(Result::ok).any(|line| line.ends_with("took all hints")));
        let mut runs = BTreeSet::new();
        let mut are = async |count: usize| {
            while runs.len() < count {
                runs.extend(lives.take([3; CLASSES]).await.unwrap().iter().map(|delivery| delivery.hint.run));
                lives.wait(&CancellationToken::new()).await.unwrap();
            }
        };
        // Both processes are members; one has two hints, the other has one.
        timeout(PATIENCE, are(1)).await.unwrap();
        dies.kill().unwrap();
        dies.wait().unwrap();
        timeout(PATIENCE, are(3)).await.unwrap();
    }

    #[test]
    fn only_hints_that_have_not_expired_are_waiting() {
        assert_eq!(waiting(None, 0, 3), 3, "a new group");
        assert_eq!(waiting(Some(1), 0, 3), 2);
        assert_eq!(waiting(Some(1), 2, 3), 1);
        assert_eq!(waiting(Some(0), 256, 256), 0);
        assert_eq!(waiting(None, 500, 500), 0, "the group's offsets have expired, too");
        assert_eq!(waiting(Some(4), 0, 3), 0, "the end was read before a later commit");
    }

    /// librdkafka's mock brokers delete the oldest messages of a partition with more than 5 MiB.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn expired_hints_do_not_fill_the_window() {
        let brokers = MockCluster::new(1).unwrap();
        let kafka = kafka(&format!("kafka://{}", brokers.bootstrap_servers())).unwrap();
        for topic in &kafka.topics {
            brokers.create_topic(topic, 1, 1).unwrap();
        }
        let link = kafka.connect().await.unwrap();
        link.put(&[hint(1), hint(2)]).await.unwrap();
        assert_eq!(link.ready().await.unwrap()[index(CLASS)], 2);
        let ours = Arc::new(Ours::new(kafka.topics.clone()));
        let producer = OffThread::new(kafka.client::<Producer>(&ours, true, &[]).unwrap());
        let (topic, filler) = (kafka.topics[index(CLASS)].as_str(), "x".repeat(900_000));
        for _ in 0..7 {
            let record = FutureRecord::to(topic).partition(0).key("0").payload(&filler);
            producer.get().send(record, PATIENCE).await.unwrap();
        }
        let (start, end) = {
            let (producer, topic) = (producer.get().clone(), topic.to_owned());
            let read = move || producer.client().fetch_watermarks(&topic, 0, PATIENCE);
            blocking(&ours, "read the offsets", read).await.unwrap()
        };
        assert!(start >= 2, "the hints have expired");
        let ready = kafka.connect().await.unwrap().ready().await.unwrap();
        assert_eq!(ready[index(CLASS)] as i64, end - start);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_link_that_lost_all_brokers_stays_broken_when_they_return() {
        let brokers = MockCluster::new(1).unwrap();
        let kafka = kafka(&format!("kafka://{}", brokers.bootstrap_servers())).unwrap();
        for topic in &kafka.topics {
            brokers.create_topic(topic, 2, 1).unwrap();
        }
        let link = kafka.connect().await.unwrap();
        link.put(&[hint(1)]).await.unwrap();
        brokers.broker_down(1).unwrap();
        // The broker returns on its port, so no other process may get that port meanwhile. This socket is bound and
        // does not listen.
        let port = tokio::net::TcpSocket::new_v4().unwrap();
        port.set_reuseaddr(true).unwrap();
        port.bind(brokers.bootstrap_servers().parse().unwrap()).unwrap();
        let notices = async {
            while link.rest(Vec::new()).await.is_ok() {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        timeout(PATIENCE, notices).await.expect("an idle link also detects the loss");
        brokers.broker_up(1).unwrap();
        let lost = link.put(&[hint(2)]).await.unwrap_err();
        assert_eq!(lost.fault, BrokerFault::Unreachable, "{lost:?}");
        assert!(link.take([1; CLASSES]).await.is_err());
        kafka.connect().await.unwrap().put(&[hint(2)]).await.unwrap();
    }

    /// Uses librdkafka's mock brokers, because the test server has no access control.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn missing_permissions_are_reported_at_connect() {
        let brokers = MockCluster::new(1).unwrap();
        let kafka = kafka(&format!("kafka://{}", brokers.bootstrap_servers())).unwrap();
        for topic in &kafka.topics {
            brokers.create_topic(topic, 2, 1).unwrap();
        }
        kafka.connect().await.map(drop).unwrap();
        let denied = [RDKafkaRespErr::RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED];
        brokers.request_errors(RDKafkaApiKey::OffsetFetch, &denied);
        let of_group = kafka.connect().await.map(drop).unwrap_err();
        assert_eq!(of_group.fault, BrokerFault::Rights, "{of_group:?}");
        brokers.topic_error(&kafka.topics[1], RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED).unwrap();
        let of_topic = kafka.connect().await.map(drop).unwrap_err();
        assert_eq!(of_topic.fault, BrokerFault::Rights, "{of_topic:?}");
    }
}
