//! The bus on Redis (6.2 or later): a stream per submission for late subscribers, and publish/subscribe for live
//! subscribers.
//!
//! ```text
//! NAME:events:log:ID    stream; one entry per event, with id ATTEMPT-NUMBER and the frame in field `e`
//! NAME:events:all:ID    channel: every event        NAME:events:end:ID    channel: the final event
//! NAME:events:nodes     channel: messages for all nodes
//! ```
//!
//! - Redis rejects an entry whose id is not greater than the last id. So late events of dead attempts, and events that
//!   are sent twice after a lost connection, never enter a stream.
//! - An event is written to its stream before it is published. A node that subscribes first and then reads the stream
//!   misses nothing.
//! - A stream holds the last attempt, bounded by [`Outbox`](crate::outbox::Outbox) like a log in memory; once the run
//!   has ended, the stream holds only the final event. Streams expire; those with the input of a live run, or with
//!   reports of its attached clients, expire later than the longest wait for a slot.
//!
//! One connection per node carries all traffic, in RESP3: published messages arrive between the replies.
//!
//! Source: Redis documentation, `XADD` (explicit ids, `MINID`), "Redis Pub/Sub", "RESP protocol" (push types).

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use cupel_core::Interest;
use cupel_core::event::Seq;
use cupel_types::SubmissionId;
use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Client, ErrorKind, IntoConnectionInfo as _, ProtocolVersion, PushInfo, PushKind, RedisError,
    RedisResult, ServerErrorKind, Value,
};
use tokio_util::sync::CancellationToken;

use crate::hub::{self, Hub, Topic};
use crate::remote::{ANSWER_MAX, KeptMessage, Server, ServerError, Session, time_kept};
use crate::wire::{self, Message};

/// Oldest supported version, the first with `XADD … MINID`.
const VERSION_MIN: (u32, u32) = (6, 2);

/// Approximate maximum number of entries in a stream. Applies if no node removes excess entries any more.
const STREAM_MAX: usize = 4096;

/// How long Redis stores the events of a running submission after their expiry was last refreshed: far longer than the
/// refresh interval. A worker refreshes them also while the program is silent.
const LIVE_KEPT: Duration = Duration::from_secs(600);

/// A Redis server, and the names of this cluster's keys.
pub(crate) struct RedisServer {
    client: Client,
    names: Arc<Names>,
}

/// Names of keys and channels.
struct Names(String);

impl Names {
    fn log(&self, id: SubmissionId) -> String {
        format!("{}:events:log:{id}", self.0)
    }

    fn channel(&self, Topic { id, interest }: Topic) -> String {
        let what = match interest {
            Interest::Everything => "all",
            Interest::End => "end",
        };
        format!("{}:events:{what}:{id}", self.0)
    }

    fn nodes(&self) -> String {
        format!("{}:events:nodes", self.0)
    }
}

impl RedisServer {
    /// # Errors
    /// If `url` is not a valid URL of a Redis server.
    pub(crate) fn new(url: &str, cluster: &str) -> Result<RedisServer, ServerError> {
        let info = url.into_connection_info()?;
        let settings = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
        let client = Client::open(info.set_redis_settings(settings))?;
        Ok(RedisServer { client, names: Arc::new(Names(cluster.to_owned())) })
    }
}

#[async_trait]
impl Server for RedisServer {
    async fn open(&self, hub: &Arc<Hub>) -> Result<Box<dyn Session>, ServerError> {
        let lost = CancellationToken::new();
        let pushed = {
            let (hub, lost) = (Arc::clone(hub), lost.clone());
            move |push: PushInfo| {
                match push.kind {
                    PushKind::Message => {
                        // The data of a published message consist of the channel and the message.
                        if let Some(Value::BulkString(bytes)) = push.data.get(1) {
                            hub.hear(bytes);
                        }
                    }
                    PushKind::Disconnection => lost.cancel(),
                    _ => {}
                }
                Ok::<(), redis::aio::SendError>(())
            }
        };
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(ANSWER_MAX))
            .set_response_timeout(Some(ANSWER_MAX))
            .set_push_sender(pushed);
        let mut connection = self.client.get_multiplexed_async_connection_with_config(&config).await.map_err(unfit)?;
        let server: String = redis::cmd("INFO").arg("server").query_async(&mut connection).await.map_err(unfit)?;
        refuse_old(&server)?;
        connection.subscribe(self.names.nodes()).await.map_err(unfit)?;
        Ok(Box::new(RedisSession { connection, names: Arc::clone(&self.names), lost }))
    }
}

/// Recognises errors that retrying cannot fix.
fn unfit(error: RedisError) -> ServerError {
    match error.kind() {
        ErrorKind::AuthenticationFailed | ErrorKind::InvalidClientConfig => {
            ServerError::Unfit(format!("{error}; check the user and the password"))
        }
        ErrorKind::Server(ServerErrorKind::NoPerm) => {
            ServerError::Unfit(format!("{error}; the user needs permission for streams, publish/subscribe and INFO"))
        }
        ErrorKind::RESP3NotSupported => ServerError::Unfit(too_old("a version before 6.0")),
        _ => ServerError::Redis(error),
    }
}

fn too_old(found: &str) -> String {
    format!("Redis {}.{} or later is required; this server is {found}", VERSION_MIN.0, VERSION_MIN.1)
}

fn refuse_old(info: &str) -> Result<(), ServerError> {
    let version = info.lines().find_map(|line| line.strip_prefix("redis_version:")).unwrap_or_default().trim();
    let mut numbers = version.split('.').map_while(|part| part.parse::<u32>().ok());
    match (numbers.next(), numbers.next()) {
        (Some(major), Some(minor)) if (major, minor) < VERSION_MIN => Err(ServerError::Unfit(too_old(version))),
        // A server without a version is assumed to be recent enough.
        _ => Ok(()),
    }
}

struct RedisSession {
    connection: MultiplexedConnection,
    names: Arc<Names>,
    lost: CancellationToken,
}

fn entry_id(seq: Seq) -> String {
    format!("{}-{}", seq.attempt(), seq.number())
}

impl RedisSession {
    /// Appends the commands that store an event, or that extend the expiry of those that are stored.
    fn write(&self, kept: &KeptMessage, pipe: &mut redis::Pipeline) {
        if let Message::PendingEvent { submission, .. } = kept.outgoing.message
            && kept.outgoing.refresh
        {
            pipe.cmd("EXPIRE").arg(self.names.log(submission)).arg(LIVE_KEPT.as_secs());
        }
        let Message::Event { event, .. } = &kept.outgoing.message else { return };
        if !kept.keep {
            return;
        }
        let (key, id, seq) = (self.names.log(event.submission), entry_id(event.seq), event.seq);
        let is_final = event.kind.is_final();
        let seconds = time_kept(&event.kind, LIVE_KEPT).as_secs();
        let add = pipe.cmd("XADD").arg(&key);
        if is_final {
            add.arg("MINID").arg("=").arg(&id);
        } else if seq.number() == 1 {
            // Remove the events of earlier attempts.
            add.arg("MINID").arg("=").arg(format!("{}-0", seq.attempt()));
        } else {
            add.arg("MAXLEN").arg("~").arg(STREAM_MAX);
        }
        add.arg(&id).arg("e").arg(wire::frame(&kept.outgoing.message));
        if is_final {
            pipe.cmd("EXPIRE").arg(&key).arg(seconds);
        } else {
            if !kept.outgoing.gone.is_empty() {
                pipe.cmd("XDEL").arg(&key).arg(kept.outgoing.gone.iter().copied().map(entry_id).collect::<Vec<_>>());
            }
            if kept.outgoing.refresh {
                pipe.cmd("EXPIRE").arg(&key).arg(seconds);
            }
        }
    }

    /// Appends the commands that publish the batch. The events of one submission share one message.
    fn publish(&self, batch: &[KeptMessage], pipe: &mut redis::Pipeline) {
        let mut messages: Vec<(String, Vec<u8>)> = Vec::new();
        let mut by_id = std::collections::HashMap::new();
        for kept in batch {
            let message = &kept.outgoing.message;
            match message {
                Message::Event { event, .. } => {
                    let all = Topic { id: event.submission, interest: Interest::Everything };
                    let at = *by_id.entry(event.submission).or_insert_with(|| {
                        messages.push((self.names.channel(all), Vec::with_capacity(512)));
                        messages.len() - 1
                    });
                    wire::write(message, &mut messages[at].1);
                    if event.kind.is_final() {
                        let end = Topic { interest: Interest::End, ..all };
                        messages.push((self.names.channel(end), wire::frame(message)));
                    }
                }
                _ => messages.push((self.names.nodes(), wire::frame(message))),
            }
        }
        for (channel, bytes) in messages {
            pipe.cmd("PUBLISH").arg(channel).arg(bytes);
        }
    }
}

#[async_trait]
impl Session for RedisSession {
    async fn send(&self, batch: &[KeptMessage]) -> Result<(), ServerError> {
        let mut pipe = redis::pipe();
        pipe.ignore_errors();
        batch.iter().for_each(|kept| self.write(kept, &mut pipe));
        self.publish(batch, &mut pipe);
        let answers: Vec<RedisResult<Value>> = pipe.query_async(&mut self.connection.clone()).await?;
        for error in answers.into_iter().filter_map(Result::err) {
            match error.kind() {
                // The event is late or a duplicate. Redis has no specific error code for this.
                ErrorKind::Server(ServerErrorKind::ResponseError)
                    if error.detail().is_some_and(|detail| detail.contains("equal or smaller")) => {}
                // Redis is most likely out of memory: live subscribers still receive the event, late subscribers do
                // not.
                ErrorKind::Extension | ErrorKind::Server(ServerErrorKind::ResponseError) => {
                    metrics::counter!("cupel_events_dropped_total", "why" => "not_kept").increment(1);
                    tracing::warn!(%error, "Redis could not store an event for later subscribers");
                }
                _ => return Err(error.into()),
            }
        }
        Ok(())
    }

    async fn follow(&self, topics: &[Topic]) -> Result<(), ServerError> {
        let channels: Vec<String> = topics.iter().map(|topic| self.names.channel(*topic)).collect();
        Ok(self.connection.clone().subscribe(channels).await?)
    }

    async fn leave(&self, topics: &[Topic]) -> Result<(), ServerError> {
        let channels: Vec<String> = topics.iter().map(|topic| self.names.channel(*topic)).collect();
        Ok(self.connection.clone().unsubscribe(channels).await?)
    }

    async fn kept(&self, topics: &[(Topic, Seq)]) -> Result<Vec<Vec<Message>>, ServerError> {
        let mut pipe = redis::pipe();
        for (topic, after) in topics {
            let key = self.names.log(topic.id);
            match topic.interest {
                Interest::Everything => {
                    pipe.cmd("XRANGE").arg(key).arg(format!("({}", entry_id(*after))).arg("+");
                }
                Interest::End => {
                    pipe.cmd("XREVRANGE").arg(key).arg("+").arg("-").arg("COUNT").arg(1);
                }
            }
        }
        let answers: Vec<Value> = pipe.query_async(&mut self.connection.clone()).await?;
        Ok(answers.iter().map(entries).collect())
    }

    async fn check(&self) -> Result<(), ServerError> {
        Ok(redis::cmd("PING").query_async(&mut self.connection.clone()).await?)
    }

    async fn lost(&self) -> ServerError {
        self.lost.cancelled().await;
        ServerError::Closed
    }
}

/// Decodes stream entries: a list of ids with lists of field names and values.
fn entries(answer: &Value) -> Vec<Message> {
    let list = |value: &Value| match value {
        Value::Array(values) => values.clone(),
        _ => Vec::new(),
    };
    let mut messages = Vec::new();
    for entry in list(answer) {
        let fields = list(&entry).into_iter().nth(1).map(|fields| list(&fields)).unwrap_or_default();
        let frame = fields.chunks_exact(2).find_map(|pair| match pair {
            [Value::BulkString(name), Value::BulkString(frame)] if name == b"e" => Some(frame),
            _ => None,
        });
        let reading = frame.map(|frame| wire::read(frame)).unwrap_or_default();
        if reading.messages.is_empty() {
            hub::garbage(reading.garbage.max(1));
        }
        messages.extend(reading.messages);
    }
    messages
}

#[cfg(test)]
mod tests {
    use cupel_core::event::{Event, EventKind};
    use cupel_testkit::servers::{self, Redis};

    use super::*;
    use crate::EventBounds;
    use crate::outbox::Outgoing;

    #[test]
    fn versions_before_the_minimum_are_refused() {
        let refused = |version: &str| refuse_old(&format!("# Server\r\nredis_version:{version}\r\n")).is_err();
        assert!(refused("5.0.14") && refused("6.0.16"));
        assert!(!refused("6.2.0") && !refused("7.0.15") && !refused("10.1"));
        assert!(refuse_old("").is_ok());
    }

    /// Regression: the events of a program that prints nothing for ten minutes expired.
    #[tokio::test(flavor = "multi_thread")]
    async fn the_stream_of_a_submission_is_stored_as_long_as_its_worker_keeps_it() {
        let (redis, cluster) = (Redis::shared(), servers::cluster());
        let hub = Arc::new(Hub::new(EventBounds::default()));
        let session = RedisServer::new(&redis.url(), &cluster).unwrap().open(&hub).await.unwrap();
        let submission = SubmissionId::from_uuid(uuid::Uuid::from_u128(1));
        let seq = Seq::of_attempt(1, 1);
        let kind = EventKind::Started { attempt: 1 };
        let event = Event { submission, seq, at: jiff::Timestamp::UNIX_EPOCH, kind };
        let message = Message::Event { event, before: Seq::default() };
        session.send(&[KeptMessage { outgoing: Outgoing::of(message, true), keep: true }]).await.unwrap();
        let key = format!("{cluster}:events:log:{submission}");
        redis.command(&format!("EXPIRE {key} 20"));
        let message = Message::PendingEvent { submission, seq };
        session.send(&[KeptMessage { outgoing: Outgoing::of(message, true), keep: false }]).await.unwrap();
        let left = redis.command(&format!("TTL {key}"));
        let left: u64 = left.lines().find_map(|line| line.strip_prefix(':')?.parse().ok()).expect("a number");
        assert!(left > 20, "{left}");
    }

    #[test]
    fn foreign_entries_are_skipped() {
        let text = |text: &str| Value::BulkString(text.as_bytes().to_vec());
        let frame = Value::BulkString(wire::frame(&Message::Lost));
        let good = Value::Array(vec![text("1-1"), Value::Array(vec![text("x"), text("y"), text("e"), frame])]);
        let strange = Value::Array(vec![text("1-2"), Value::Array(vec![text("e"), text("nonsense")])]);
        let all = Value::Array(vec![Value::Nil, strange, good, Value::Int(3)]);
        assert_eq!(entries(&all), [Message::Lost]);
        assert!(entries(&Value::Nil).is_empty());
    }
}
