//! Redis: one stream per class, one consumer group that all nodes share.
//!
//! - `XADD` publishes a hint. `XREADGROUP` delivers it to one node, which holds it until it sends `XACK` and `XDEL`.
//!   The length of the stream (`XLEN`) is the number of waiting hints. This length includes delivered hints, which are
//!   held only briefly.
//! - The hints of a node that dies stay pending. A node that takes hints also claims, with `XAUTOCLAIM`, the hints that
//!   have been unsettled for too long.
//! - The blocking read (`XREADGROUP … BLOCK`) has its own connection, which is opened when first needed. All other
//!   commands share one connection and are pipelined. A node that stops ends its blocking read with `CLIENT UNBLOCK`,
//!   because Redis would deliver the next hint to it.
//! - Whether hints survive a crash of the server depends on its persistence settings.
//! - If a stream or group is gone (`NOGROUP`), the next connection creates it again.
//! - A full server (`maxmemory`) refuses `XADD` and `XGROUP CREATE`, and executes the other commands.
//!
//! Sources: the commands' pages of Redis' documentation. XAUTOCLAIM is available since Redis 6.2, CLIENT UNBLOCK since
//! Redis 5.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use cupel_core::RunHint;
use cupel_types::PriorityClass;
use redis::aio::MultiplexedConnection;
use redis::streams::{StreamAutoClaimReply, StreamId, StreamInfoGroupsReply, StreamReadReply};
use redis::{AsyncConnectionConfig, Client, ErrorKind, Pipeline, RedisError, Value};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::broker::{Broker, BrokerError, BrokerFault, Delivery, Link, Settled, Tag, per_class};
use crate::brokered::{ANSWER_MAX, WAIT_MAX};
use crate::names::Route;
use crate::shares::{CLASSES, PerClass, index};
use crate::wire;

/// Name of the consumer group.
const GROUP: &str = "workers";
/// The field of an entry that holds the hint.
const FIELD: &str = "hint";
const OLDEST: (u32, u32) = (6, 2);
/// Maximum number of entries of a class that are claimed at once.
const RECLAIM_MAX: usize = 16;
/// Interval at which a node that stops tries to end its blocking read.
const UNBLOCK_EVERY: Duration = Duration::from_millis(20);
/// Idle time after which a consumer without pending entries is removed from the group.
const FORGET_AFTER: Duration = Duration::from_secs(3600);

/// A Redis server.
pub(crate) struct Redis {
    client: Client,
    keys: PerClass<String>,
    /// How long a hint may stay unsettled before its node is considered dead.
    reclaim_after: Duration,
}

impl Redis {
    /// # Errors
    /// If the URL is malformed.
    pub(crate) fn new(url: &str, route: &Route, reclaim_after: Duration) -> Result<Redis, BrokerError> {
        let client = Client::open(url).map_err(|error| failed("read the URL", error))?;
        let keys = per_class(|class| route.of_class(class));
        Ok(Redis { client, keys, reclaim_after })
    }
}

#[async_trait]
impl Broker for Redis {
    async fn connect(&self) -> Result<Arc<dyn Link>, BrokerError> {
        let mut talk = connection(&self.client).await?;
        let info: String =
            redis::cmd("INFO").arg("server").query_async(&mut talk).await.map_err(to("read the server version"))?;
        let version = version(&info);
        if version.is_some_and(|version| version < OLDEST) {
            let (major, minor) = version.unwrap_or_default();
            let old = format!("the server is Redis {major}.{minor}; {}.{} or later is required", OLDEST.0, OLDEST.1);
            return Err(BrokerError::new("use this server", BrokerFault::Version, old));
        }
        for key in &self.keys {
            let created: Result<(), RedisError> = redis::cmd("XGROUP")
                .arg("CREATE")
                .arg(key)
                .arg(GROUP)
                .arg(0)
                .arg("MKSTREAM")
                .query_async(&mut talk)
                .await;
            match created {
                Err(error) if error.code() == Some("BUSYGROUP") => {}
                // A full server refuses the command even if the group exists.
                Err(error) if error.code() == Some("OOM") && has_group(key, &mut talk).await => {}
                Err(error) => return Err(failed("create the consumer group", error)),
                Ok(()) => {}
            }
        }
        Ok(Arc::new(RedisLink {
            client: self.client.clone(),
            talk,
            wait: tokio::sync::Mutex::default(),
            keys: self.keys.clone(),
            node: Uuid::now_v7().to_string(),
            reclaim_after: self.reclaim_after,
            reclaiming: Mutex::new(Reclaiming { next: Instant::now(), claimed: Vec::new() }),
        }))
    }
}

async fn connection(client: &Client) -> Result<MultiplexedConnection, BrokerError> {
    // Each caller sets a timeout for its answer, because the blocking read takes longer than other commands.
    let config = AsyncConnectionConfig::new().set_connection_timeout(Some(ANSWER_MAX)).set_response_timeout(None);
    client.get_multiplexed_async_connection_with_config(&config).await.map_err(to("connect"))
}

/// Whether the stream has the consumer group. `false` if the server does not answer that.
async fn has_group(key: &str, talk: &mut MultiplexedConnection) -> bool {
    let reply: Result<StreamInfoGroupsReply, RedisError> =
        redis::cmd("XINFO").arg("GROUPS").arg(key).query_async(talk).await;
    reply.is_ok_and(|reply| reply.groups.iter().any(|group| group.name == GROUP))
}

/// The version in the reply to INFO, which has a line such as `redis_version:7.0.15`.
fn version(info: &str) -> Option<(u32, u32)> {
    let line = info.lines().find_map(|line| line.strip_prefix("redis_version:"))?;
    let mut numbers = line.trim().split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

struct RedisLink {
    client: Client,
    talk: MultiplexedConnection,
    /// The connection of the blocking read, once there is one.
    wait: tokio::sync::Mutex<Option<WaitConnection>>,
    keys: PerClass<String>,
    /// This node's consumer name in the group.
    node: String,
    reclaim_after: Duration,
    reclaiming: Mutex<Reclaiming>,
}

/// The connection of the blocking read.
#[derive(Clone)]
struct WaitConnection {
    connection: MultiplexedConnection,
    /// The connection's id for `CLIENT UNBLOCK`; `None` if the server does not permit `CLIENT ID`.
    id: Option<u64>,
}

impl WaitConnection {
    async fn open(client: &Client) -> Result<WaitConnection, BrokerError> {
        let mut connection = connection(client).await?;
        let id = redis::cmd("CLIENT").arg("ID").query_async(&mut connection).await.ok();
        Ok(WaitConnection { connection, id })
    }
}

struct Reclaiming {
    /// Time of the next `XAUTOCLAIM`.
    next: Instant,
    /// Claimed hints that have not been returned by `take` yet.
    claimed: Vec<Delivery>,
}

#[async_trait]
impl Link for RedisLink {
    async fn put(&self, hints: &[RunHint]) -> Result<(), BrokerError> {
        let mut all = Pipeline::with_capacity(hints.len());
        for hint in hints {
            let key = &self.keys[index(hint.class)];
            all.cmd("XADD").arg(key).arg("*").arg(FIELD).arg(wire::write(hint)).ignore();
        }
        all.exec_async(&mut self.talk.clone()).await.map_err(to("publish hints"))
    }

    async fn ready(&self) -> Result<PerClass<usize>, BrokerError> {
        let mut all = Pipeline::new();
        for key in &self.keys {
            all.cmd("XLEN").arg(key);
        }
        all.query_async(&mut self.talk.clone()).await.map_err(to("count hints"))
    }

    async fn take(&self, mut wanted: PerClass<usize>) -> Result<Vec<Delivery>, BrokerError> {
        self.reclaim().await?;
        let mut deliveries = self.claimed(&mut wanted);
        let mut all = Pipeline::new();
        for (key, wanted) in self.keys.iter().zip(wanted) {
            if wanted > 0 {
                let read = all.cmd("XREADGROUP").arg("GROUP").arg(GROUP).arg(&self.node).arg("COUNT").arg(wanted);
                read.arg("STREAMS").arg(key).arg(">");
            }
        }
        if !all.is_empty() {
            let replies: Vec<Option<StreamReadReply>> =
                all.query_async(&mut self.talk.clone()).await.map_err(to("take hints"))?;
            for reply in replies.into_iter().flatten() {
                deliveries.append(&mut self.read(reply).await?);
            }
        }
        Ok(deliveries)
    }

    /// Returns at most one hint per class. Usually one stream wakes a blocked reader, and the result has one hint.
    async fn wait(&self, end: &CancellationToken) -> Result<Vec<Delivery>, BrokerError> {
        let mut open = self.wait.lock().await;
        let WaitConnection { mut connection, id } = match &*open {
            Some(open) => open.clone(),
            None => open.insert(WaitConnection::open(&self.client).await?).clone(),
        };
        if end.is_cancelled() {
            return Ok(Vec::new());
        }
        let mut read = redis::cmd("XREADGROUP");
        read.arg("GROUP").arg(GROUP).arg(&self.node).arg("COUNT").arg(1).arg("BLOCK").arg(WAIT_MAX.as_millis() as u64);
        read.arg("STREAMS").arg(&self.keys).arg([">"; CLASSES].as_slice());
        let reply: Result<Option<StreamReadReply>, RedisError> = tokio::select! {
            reply = read.query_async(&mut connection) => reply,
            // `leave` closes the connection.
            () = self.cannot_unblock(id, end) => return Ok(Vec::new()),
        };
        match reply.map_err(to("wait for hints"))? {
            Some(reply) => self.read(reply).await,
            None => Ok(Vec::new()),
        }
    }

    async fn settle(&self, settled: &[Settled]) -> Result<(), BrokerError> {
        let entries: Vec<_> = settled.iter().map(|one| (index(one.class), id(one.tag))).collect();
        self.remove(&entries).await
    }

    /// Requeues hints in one transaction, so that no hint is lost or duplicated.
    async fn rest(&self, mut unwanted: Vec<Delivery>) -> Result<(), BrokerError> {
        let claimed = std::mem::take(&mut self.reclaiming().claimed);
        unwanted.extend(&claimed);
        if unwanted.is_empty() {
            return Ok(());
        }
        let mut all = Pipeline::new();
        all.atomic();
        for Delivery { hint, tag } in unwanted {
            let key = &self.keys[index(hint.class)];
            all.cmd("XADD").arg(key).arg("*").arg(FIELD).arg(wire::write(&hint)).ignore();
            all.cmd("XACK").arg(key).arg(GROUP).arg(id(tag)).ignore();
            all.cmd("XDEL").arg(key).arg(id(tag)).ignore();
        }
        let requeued = all.exec_async(&mut self.talk.clone()).await;
        if requeued.is_err() {
            self.reclaiming().claimed.extend(claimed);
        }
        requeued.map_err(to("requeue hints"))
    }

    /// Closes the connection of the blocking read, so that Redis delivers no more hints to it.
    async fn leave(&self) {
        // A read that still runs keeps the lock; it ends within `WAIT_MAX`.
        if let Ok(mut wait) = self.wait.try_lock() {
            *wait = None;
        }
    }
}

impl RedisLink {
    /// Once `end` is cancelled, ends the blocking read of the connection `id` again and again, because the server may
    /// not have received the read yet. Returns only if the server does not permit that.
    async fn cannot_unblock(&self, id: Option<u64>, end: &CancellationToken) {
        end.cancelled().await;
        let Some(id) = id else { return };
        let mut unblock = redis::cmd("CLIENT");
        unblock.arg("UNBLOCK").arg(id);
        while unblock.exec_async(&mut self.talk.clone()).await.is_ok() {
            tokio::time::sleep(UNBLOCK_EVERY).await;
        }
    }

    async fn read(&self, reply: StreamReadReply) -> Result<Vec<Delivery>, BrokerError> {
        let mut deliveries = Vec::new();
        for stream in reply.keys {
            if let Some(class) = self.keys.iter().position(|key| *key == stream.key) {
                deliveries.append(&mut self.read_entries(class, stream.ids).await?);
            }
        }
        Ok(deliveries)
    }

    /// Returns the hints among the entries and removes unreadable entries.
    async fn read_entries(&self, class: usize, entries: Vec<StreamId>) -> Result<Vec<Delivery>, BrokerError> {
        let (mut deliveries, mut unreadable) = (Vec::new(), Vec::new());
        for entry in entries {
            let message = match entry.map.get(FIELD) {
                Some(Value::BulkString(message)) => message.as_slice(),
                _ => &[],
            };
            match (wire::read_of(PriorityClass::ALL[class], message), tag(&entry.id)) {
                (Some(hint), Some(tag)) => deliveries.push(Delivery { hint, tag }),
                _ => unreadable.push((class, entry.id)),
            }
        }
        self.remove(&unreadable).await?;
        Ok(deliveries)
    }

    /// Acknowledges and deletes in one transaction. An entry that is acknowledged but not deleted would count as
    /// waiting forever.
    async fn remove(&self, entries: &[(usize, String)]) -> Result<(), BrokerError> {
        let mut all = Pipeline::new();
        all.atomic();
        for (class, key) in self.keys.iter().enumerate() {
            let ids: Vec<&String> = entries.iter().filter(|(of, _)| *of == class).map(|(_, id)| id).collect();
            if !ids.is_empty() {
                all.cmd("XACK").arg(key).arg(GROUP).arg(&ids).ignore();
                all.cmd("XDEL").arg(key).arg(&ids).ignore();
            }
        }
        if all.is_empty() {
            return Ok(());
        }
        all.exec_async(&mut self.talk.clone()).await.map_err(to("settle hints"))
    }

    /// Claims hints that have been unsettled for too long, at an interval of a quarter of `reclaim_after`.
    async fn reclaim(&self) -> Result<(), BrokerError> {
        {
            let mut reclaiming = self.reclaiming();
            if Instant::now() < reclaiming.next {
                return Ok(());
            }
            reclaiming.next = Instant::now() + self.reclaim_after / 4;
        }
        let mut talk = self.talk.clone();
        for (class, key) in self.keys.iter().enumerate() {
            let mut claim = redis::cmd("XAUTOCLAIM");
            claim.arg(key).arg(GROUP).arg(&self.node).arg(self.reclaim_after.as_millis() as u64);
            claim.arg("0-0").arg("COUNT").arg(RECLAIM_MAX);
            let reply: StreamAutoClaimReply =
                claim.query_async(&mut talk).await.map_err(to("claim unsettled hints"))?;
            let claimed = self.read_entries(class, reply.claimed).await?;
            if !claimed.is_empty() {
                tracing::info!(hints = claimed.len(), "claimed hints that another worker left unsettled");
            }
            self.reclaiming().claimed.extend(claimed);
            self.forget_the_dead(key, &mut talk).await?;
        }
        Ok(())
    }

    /// Removes from the group all consumers that have been idle for too long and have nothing pending.
    async fn forget_the_dead(&self, key: &str, talk: &mut MultiplexedConnection) -> Result<(), BrokerError> {
        let consumers: redis::streams::StreamInfoConsumersReply = redis::cmd("XINFO")
            .arg("CONSUMERS")
            .arg(key)
            .arg(GROUP)
            .query_async(talk)
            .await
            .map_err(to("list the consumers of the group"))?;
        let gone: HashSet<String> = consumers
            .consumers
            .into_iter()
            .filter(|one| one.pending == 0 && one.idle as u128 > FORGET_AFTER.as_millis() && one.name != self.node)
            .map(|one| one.name)
            .collect();
        for name in gone {
            let _: u64 = redis::cmd("XGROUP")
                .arg("DELCONSUMER")
                .arg(key)
                .arg(GROUP)
                .arg(name)
                .query_async(talk)
                .await
                .map_err(to("remove a consumer from the group"))?;
        }
        Ok(())
    }

    /// Takes claimed hints, up to `wanted` of each class.
    fn claimed(&self, wanted: &mut PerClass<usize>) -> Vec<Delivery> {
        let is_wanted = |delivery: &mut Delivery| {
            let wanted = &mut wanted[index(delivery.hint.class)];
            let takes = *wanted > 0;
            *wanted -= usize::from(takes);
            takes
        };
        self.reclaiming().claimed.extract_if(.., is_wanted).collect()
    }

    fn reclaiming(&self) -> std::sync::MutexGuard<'_, Reclaiming> {
        self.reclaiming.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Parses an entry id, a time in milliseconds and a sequence number: `1526919030474-55`.
fn tag(id: &str) -> Option<Tag> {
    let (ms, number) = id.split_once('-')?;
    Some(Tag(ms.parse().ok()?, number.parse().ok()?))
}

fn id(Tag(ms, number): Tag) -> String {
    format!("{ms}-{number}")
}

fn to(doing: &'static str) -> impl Fn(RedisError) -> BrokerError {
    move |error| failed(doing, error)
}

fn failed(doing: &'static str, error: RedisError) -> BrokerError {
    // The commands of a pipeline may fail differently, but they share permissions and memory, so the first error is
    // reported for all.
    let first = error.clone().into_server_errors().and_then(|errors| Some(errors.first()?.1.code().to_owned()));
    let fault = match (error.kind(), first.as_deref().or(error.code())) {
        (ErrorKind::AuthenticationFailed, _) => BrokerFault::Denied,
        (ErrorKind::InvalidClientConfig, _) => BrokerFault::Url,
        (ErrorKind::Io, _) => BrokerFault::Unreachable,
        (_, Some("NOAUTH" | "WRONGPASS" | "NOPERM")) => BrokerFault::Denied,
        (_, Some("OOM")) => BrokerFault::Full,
        _ => BrokerFault::Other,
    };
    BrokerError::new(doing, fault, error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_parsed_from_the_info_reply() {
        assert_eq!(version("# Server\r\nredis_version:7.0.15\r\nredis_mode:standalone\r\n"), Some((7, 0)));
        assert_eq!(version("redis_version:6.0.16"), Some((6, 0)));
        assert_eq!(version("server_name:other"), None);
    }

    #[test]
    fn entry_ids_round_trip() {
        assert_eq!(tag("1526919030474-55"), Some(Tag(1_526_919_030_474, 55)));
        assert_eq!(id(Tag(1_526_919_030_474, 55)), "1526919030474-55");
        assert_eq!((tag("1526919030474"), tag("-"), tag("a-1")), (None, None, None));
    }
}
