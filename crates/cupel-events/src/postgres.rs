//! The bus on PostgreSQL: a table for late subscribers, and NOTIFY for live subscribers.
//!
//! - One statement per batch writes the rows and notifies, so a notified node finds the rows. If a row is committed
//!   after a node has read the table, its notification also arrives after that read. LISTEN precedes the first read, so
//!   no event is lost between the two.
//! - All nodes listen to one channel and ignore events without a subscriber on the node. A notification is the Base64
//!   text of frames. An event that does not fit (8,000 bytes) is only referenced in the notification; the nodes that
//!   need the event read it from the table.
//! - The table is UNLOGGED: a crash of PostgreSQL empties it and has no other effect. Rows expire, unless the worker of
//!   a run that goes on extends their expiry. Every node removes expired rows, a bounded number at a time.
//! - The input of a live run, and the latest report of its attached clients, expire later than the longest wait for a
//!   slot. They are removed as soon as the run ends or a later report arrives.
//!
//! Each node has two connections: one sends; the other listens, reads and cleans up.
//!
//! Source: PostgreSQL documentation, "NOTIFY", "CREATE TABLE" (UNLOGGED).

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD_NO_PAD;
use cupel_core::Interest;
use cupel_core::event::{EventKind, LiveEvent, Seq};
use cupel_postgres::{Endpoint, version_text};
use tokio::task::AbortHandle;
use tokio_postgres::error::SqlState;
use tokio_postgres::{AsyncMessage, Client, Statement};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::hub::{self, Hub, Topic};
use crate::outbox::Outgoing;
use crate::remote::{ANSWER_MAX, ENDED_KEPT, KeptMessage, Server, ServerError, Session, time_kept};
use crate::wire::{self, Message};

/// `server_version_num` of the oldest supported version.
const VERSION_MIN: i32 = 130_000;

/// Maximum bytes of frames in one notification: slightly less than three quarters of PostgreSQL's limit on the text of
/// a notification.
const NOTIFICATION_MAX: usize = 5_900;

/// How long a row of a running submission is stored after it was written or its expiry was last extended, unless
/// [`time_kept`] gives another time: longer than the interval of the extensions, with which a worker keeps the events
/// of a run that goes on.
const LIVE_KEPT: Duration = Duration::from_secs(120);

/// Maximum number of expired rows removed by one statement. The next two constants are the pauses after such a
/// statement: the first if more expired rows may remain, the second if none remain.
const CLEAN_ROWS: i64 = 1000;
const CLEAN_BUSY: Duration = Duration::from_millis(100);
const CLEAN_IDLE: Duration = Duration::from_secs(3);

/// A PostgreSQL database, and the name of the table in it.
pub(crate) struct PostgresServer {
    place: Endpoint,
    /// Name of the table and of the channel.
    name: String,
}

impl PostgresServer {
    /// `cluster` consists of letters, digits, `-` and `_`.
    ///
    /// # Errors
    /// If `url` is not a valid URL of a PostgreSQL server.
    pub(crate) fn new(url: &str, cluster: &str) -> Result<PostgresServer, ServerError> {
        let place = Endpoint::parse(url, "cupel events")?.connect_within(ANSWER_MAX);
        Ok(PostgresServer { place, name: format!("{cluster}_events") })
    }

    async fn connect(&self, hub: Option<Arc<Hub>>, lost: &CancellationToken) -> Result<Connected, ServerError> {
        let (client, mut connection) = self.place.connect().await.map_err(unfit)?;
        let lost = lost.clone();
        let driver = tokio::spawn(async move {
            // Cancels the token however this task ends.
            let _lost = lost.drop_guard();
            while let Some(Ok(message)) = std::future::poll_fn(|context| connection.poll_message(context)).await {
                if let (AsyncMessage::Notification(notification), Some(hub)) = (message, &hub) {
                    match BASE64_STANDARD_NO_PAD.decode(notification.payload()) {
                        Ok(bytes) => hub.hear(&bytes),
                        Err(_) => hub::garbage(1),
                    }
                }
            }
        });
        let connected = Connected { client, driver: driver.abort_handle() };
        // Asynchronous commit is safe, because a crash of PostgreSQL empties the table anyway.
        connected.client.batch_execute("SET synchronous_commit = off; SET statement_timeout = '3s'").await?;
        Ok(connected)
    }

    /// Creates the table under a lock, because two nodes that create it concurrently would cause errors for each other.
    async fn create_table(&self, client: &Client) -> Result<(), ServerError> {
        let found: String = client.query_one("SHOW server_version_num", &[]).await?.try_get(0)?;
        if let Ok(found) = found.parse::<i32>()
            && found < VERSION_MIN
        {
            let (needed, found) = (version_text(VERSION_MIN), version_text(found));
            return Err(ServerError::Unfit(format!("the server is PostgreSQL {found}; {needed} or later is required")));
        }
        let name = &self.name;
        let sql = format!(
            "SELECT pg_advisory_xact_lock(hashtext('cupel:{name}'));
             CREATE UNLOGGED TABLE IF NOT EXISTS \"{name}\" (
                 submission uuid NOT NULL,
                 seq bigint NOT NULL,
                 expires timestamptz NOT NULL,
                 frame bytea NOT NULL,
                 PRIMARY KEY (submission, seq)
             );
             CREATE INDEX IF NOT EXISTS \"{name}_expires\" ON \"{name}\" (expires);"
        );
        client.batch_execute(&sql).await.map_err(unfit)
    }
}

/// Recognises errors that retrying cannot fix, and adds the remedy.
fn unfit(error: tokio_postgres::Error) -> ServerError {
    let remedy = match error.code() {
        Some(code) if *code == SqlState::INVALID_PASSWORD || *code == SqlState::INVALID_AUTHORIZATION_SPECIFICATION => {
            "check the user and the password"
        }
        Some(code) if *code == SqlState::INVALID_CATALOG_NAME => "create the database, or name another one in the URL",
        Some(code) if *code == SqlState::INSUFFICIENT_PRIVILEGE => {
            "the user needs permission to create a table; grant it on the schema, or give the user a separate database"
        }
        _ => return ServerError::Postgres(error),
    };
    ServerError::Unfit(format!("{}; {remedy}", cupel_core::chain(&error)))
}

/// A connection, and the task that drives it.
struct Connected {
    client: Client,
    driver: AbortHandle,
}

impl Drop for Connected {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

#[async_trait]
impl Server for PostgresServer {
    async fn open(&self, hub: &Arc<Hub>) -> Result<Box<dyn Session>, ServerError> {
        let lost = CancellationToken::new();
        let sender = self.connect(None, &lost).await?;
        let listener = self.connect(Some(Arc::clone(hub)), &lost).await?;
        self.create_table(&sender.client).await?;
        let name = &self.name;
        listener.client.batch_execute(&format!("LISTEN \"{name}\"")).await?;
        let send = sender.client.prepare(&send_sql(name)).await?;
        let all = listener.client.prepare(&kept_sql(name)).await?;
        let end = listener.client.prepare(&end_sql(name)).await?;
        let clean = listener.client.prepare(&clean_sql(name)).await?;
        Ok(Box::new(PostgresSession { name: name.clone(), sender, listener, send, all, end, clean, lost }))
    }
}

struct PostgresSession {
    name: String,
    sender: Connected,
    listener: Connected,
    send: Statement,
    all: Statement,
    end: Statement,
    clean: Statement,
    lost: CancellationToken,
}

/// Stores events and notifies. A late event of a dead attempt is not stored, because a later event exists. The rows are
/// inserted in the order of their keys, so that two nodes which report the same presences do not deadlock. The
/// notifications are last, after the rows are written.
///
/// `extended` extends the expiry of the rows of running submissions, except rows that are stored longer. One statement
/// must not change and remove the same row, so it also leaves those in `gone`.
///
/// `superseded` removes the rows before given events, but only rows that are stored longer than those of a submission's
/// own log: these are read until they expire, because notifications refer to them. Rows that another node is removing
/// are skipped, so that nodes which remove rows of the same runs in different orders do not wait for each other. An
/// input that is being stored while its run ends may remain until it expires.
fn send_sql(name: &str) -> String {
    let live_seconds = LIVE_KEPT.as_secs();
    format!(
        "WITH added AS (
             INSERT INTO \"{name}\" (submission, seq, expires, frame)
             SELECT given.submission, given.seq, now() + given.seconds * interval '1 second', given.frame
             FROM unnest($1::uuid[], $2::bigint[], $3::int[], $4::bytea[]) AS given (submission, seq, seconds, frame)
             WHERE NOT EXISTS (
                 SELECT FROM \"{name}\" AS later WHERE later.submission = given.submission AND later.seq > given.seq
             )
             ORDER BY given.submission, given.seq
             ON CONFLICT DO NOTHING
         ), gone AS (
             DELETE FROM \"{name}\" AS old USING unnest($5::uuid[], $6::bigint[]) AS given (submission, seq)
             WHERE old.submission = given.submission AND old.seq = given.seq
         ), extended AS (
             UPDATE \"{name}\" AS old SET expires = now() + interval '{live_seconds} seconds' FROM (
                 SELECT live.submission, live.seq FROM \"{name}\" AS live
                 WHERE live.submission = ANY($11::uuid[]) AND live.expires < now() + interval '{live_seconds} seconds'
                     AND (live.submission, live.seq) NOT IN (SELECT * FROM unnest($5::uuid[], $6::bigint[]))
                 FOR UPDATE SKIP LOCKED
             ) AS found
             WHERE old.submission = found.submission AND old.seq = found.seq
         ), superseded AS (
             DELETE FROM \"{name}\" AS old USING (
                 SELECT long.submission, long.seq
                 FROM unnest($9::uuid[], $10::bigint[]) AS given (submission, seq)
                 JOIN \"{name}\" AS long ON long.submission = given.submission AND long.seq < given.seq
                 WHERE long.expires > now() + interval '{live_seconds} seconds'
                 FOR UPDATE OF long SKIP LOCKED
             ) AS found
             WHERE old.submission = found.submission AND old.seq = found.seq
         )
         SELECT count(pg_notify($7, sent.frames)) FROM unnest($8::text[]) AS sent (frames)"
    )
}

fn kept_sql(name: &str) -> String {
    format!(
        "SELECT given.place, kept.frame
         FROM unnest($1::uuid[], $2::bigint[]) WITH ORDINALITY AS given (submission, after, place)
         JOIN \"{name}\" AS kept ON kept.submission = given.submission AND kept.seq > given.after
         ORDER BY given.place, kept.seq"
    )
}

fn end_sql(name: &str) -> String {
    format!(
        "SELECT given.place, kept.frame
         FROM unnest($1::uuid[]) WITH ORDINALITY AS given (submission, place)
         CROSS JOIN LATERAL (
             SELECT frame FROM \"{name}\" AS one WHERE one.submission = given.submission ORDER BY seq DESC LIMIT 1
         ) AS kept"
    )
}

fn clean_sql(name: &str) -> String {
    format!(
        "DELETE FROM \"{name}\" AS old USING (
             SELECT submission, seq FROM \"{name}\" WHERE expires < now() ORDER BY expires LIMIT {CLEAN_ROWS}
             FOR UPDATE SKIP LOCKED
         ) AS expired
         WHERE old.submission = expired.submission AND old.seq = expired.seq"
    )
}

/// Value of the `seq` column. The highest bit would be the sign, but attempt numbers never reach it.
fn column(seq: Seq) -> i64 {
    i64::try_from(seq.0).unwrap_or(i64::MAX)
}

/// The submission whose rows are to be stored for longer. `None` for the first event of an attempt, before which no
/// rows are needed, and for the last one, after which none are.
fn extended(outgoing: &Outgoing) -> Option<Uuid> {
    let id = match &outgoing.message {
        Message::Event { event, before } if *before > Seq::default() && !event.kind.is_final() => event.submission,
        Message::PendingEvent { submission, .. } => *submission,
        _ => return None,
    };
    outgoing.refresh.then(|| *id.as_uuid())
}

/// Encodes messages as the texts of notifications, in order.
fn notifications<'a>(messages: impl Iterator<Item = &'a Message>) -> Vec<String> {
    let mut texts = Vec::new();
    let mut frames = Vec::new();
    for message in messages {
        let mut frame = wire::frame(message);
        if frame.len() > NOTIFICATION_MAX
            && let Message::Event { event, .. } = message
        {
            frame = wire::frame(&Message::PendingEvent { submission: event.submission, seq: event.seq });
        }
        if frames.len() + frame.len() > NOTIFICATION_MAX {
            texts.push(BASE64_STANDARD_NO_PAD.encode(&frames));
            frames.clear();
        }
        frames.append(&mut frame);
    }
    if !frames.is_empty() {
        texts.push(BASE64_STANDARD_NO_PAD.encode(&frames));
    }
    texts
}

#[async_trait]
impl Session for PostgresSession {
    async fn send(&self, batch: &[KeptMessage]) -> Result<(), ServerError> {
        let (mut ids, mut seqs, mut seconds, mut frames) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let (mut gone_ids, mut gone_seqs, mut gone) = (Vec::new(), Vec::new(), HashSet::new());
        let (mut later_ids, mut later_seqs) = (Vec::new(), Vec::new());
        let extended: Vec<Uuid> = batch.iter().filter_map(|kept| extended(&kept.outgoing)).collect();
        for kept_message in batch {
            let Message::Event { event, .. } = &kept_message.outgoing.message else { continue };
            for seq in &kept_message.outgoing.gone {
                gone_ids.push(*event.submission.as_uuid());
                gone_seqs.push(column(*seq));
                gone.insert((event.submission, *seq));
            }
        }
        for kept_message in batch {
            let Message::Event { event, .. } = &kept_message.outgoing.message else { continue };
            // An event that is only referenced in the notification must be in the table.
            let frame = wire::frame(&kept_message.outgoing.message);
            let is_wanted = kept_message.keep || frame.len() > NOTIFICATION_MAX;
            if is_wanted && !gone.contains(&(event.submission, event.seq)) {
                let kept = if kept_message.keep { time_kept(&event.kind, LIVE_KEPT) } else { ENDED_KEPT };
                if matches!(event.kind, EventKind::Finished { .. } | EventKind::Live(LiveEvent::Attached)) {
                    later_ids.push(*event.submission.as_uuid());
                    later_seqs.push(column(event.seq));
                }
                ids.push(*event.submission.as_uuid());
                seqs.push(column(event.seq));
                seconds.push(i32::try_from(kept.as_secs()).unwrap_or(i32::MAX));
                frames.push(frame);
            }
        }
        let texts = notifications(batch.iter().map(|kept_message| &kept_message.outgoing.message));
        let client = &self.sender.client;
        let given: [&(dyn tokio_postgres::types::ToSql + Sync); 11] = [
            &ids,
            &seqs,
            &seconds,
            &frames,
            &gone_ids,
            &gone_seqs,
            &self.name,
            &texts,
            &later_ids,
            &later_seqs,
            &extended,
        ];
        client.query(&self.send, &given).await?;
        Ok(())
    }

    /// Nothing to do, because every node receives all notifications.
    async fn follow(&self, _: &[Topic]) -> Result<(), ServerError> {
        Ok(())
    }

    async fn leave(&self, _: &[Topic]) -> Result<(), ServerError> {
        Ok(())
    }

    async fn kept(&self, topics: &[(Topic, Seq)]) -> Result<Vec<Vec<Message>>, ServerError> {
        let mut kept = vec![Vec::new(); topics.len()];
        for interest in [Interest::Everything, Interest::End] {
            let (mut places, mut ids, mut after): (Vec<usize>, Vec<Uuid>, Vec<i64>) = Default::default();
            for (place, (topic, seq)) in topics.iter().enumerate().filter(|(_, (t, _))| t.interest == interest) {
                places.push(place);
                ids.push(*topic.id.as_uuid());
                after.push(column(*seq));
            }
            if places.is_empty() {
                continue;
            }
            let client = &self.listener.client;
            let rows = match interest {
                Interest::Everything => client.query(&self.all, &[&ids, &after]).await?,
                Interest::End => client.query(&self.end, &[&ids]).await?,
            };
            for row in rows {
                let place = usize::try_from(row.try_get::<_, i64>(0)? - 1).ok().and_then(|at| places.get(at));
                let reading = wire::read(row.try_get(1)?);
                if reading.garbage > 0 {
                    hub::garbage(reading.garbage);
                }
                if let Some(place) = place {
                    kept[*place].extend(reading.messages);
                }
            }
        }
        Ok(kept)
    }

    async fn check(&self) -> Result<(), ServerError> {
        self.sender.client.simple_query("SELECT 1").await?;
        self.listener.client.simple_query("SELECT 1").await?;
        Ok(())
    }

    async fn clean(&self) -> Result<Duration, ServerError> {
        let removed = self.listener.client.execute(&self.clean, &[]).await?;
        Ok(if removed == CLEAN_ROWS.unsigned_abs() { CLEAN_BUSY } else { CLEAN_IDLE })
    }

    async fn lost(&self) -> ServerError {
        self.lost.cancelled().await;
        ServerError::Closed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::EventBounds;
    use cupel_core::event::{Event, EventKind, Stream};
    use cupel_testkit::servers::{self, Postgres};
    use cupel_types::{LiveInput, SubmissionId};

    /// Regression: the rows of a running submission expired two minutes after they were written. A client that followed
    /// the run from then on got nothing until the program printed something.
    #[tokio::test(flavor = "multi_thread")]
    async fn the_rows_of_a_submission_are_stored_as_long_as_its_worker_keeps_them() {
        let (url, cluster) = (Postgres::shared().database().await, servers::cluster());
        let database = url.rsplit('/').next().expect("the URL ends with the database").to_owned();
        let rows = |sql: &str| {
            let answer = Postgres::shared().psql(&database, &sql.replace("TABLE", &format!("\"{cluster}_events\"")));
            answer.split_whitespace().map(|number| number.parse::<i64>().expect("a number")).collect::<Vec<_>>()
        };
        let hub = Arc::new(Hub::new(EventBounds::default()));
        let session = PostgresServer::new(&url, &cluster).unwrap().open(&hub).await.unwrap();
        let [running, other] = [1, 2].map(|n| SubmissionId::from_uuid(Uuid::from_u128(n)));
        let event = |submission, n: u32, kind| {
            let event = Event { submission, seq: Seq::of_attempt(1, n), at: jiff::Timestamp::UNIX_EPOCH, kind };
            Message::Event { event, before: if n == 1 { Seq::default() } else { Seq::of_attempt(1, n - 1) } }
        };
        let started = |of, n| event(of, n, EventKind::Started { attempt: 1 });
        let send = async |message: Message, gone: &[u32], refresh| {
            let keep = matches!(message, Message::Event { .. });
            let mut outgoing = Outgoing::of(message, refresh);
            outgoing.gone = gone.iter().map(|n| Seq::of_attempt(1, *n)).collect();
            session.send(&[KeptMessage { outgoing, keep }]).await.unwrap();
        };
        for n in 1..=3 {
            send(started(running, n), &[], n == 1).await;
        }
        let input = LiveEvent::Input { input: LiveInput::EndOfInput, total_bytes: 0 };
        send(event(running, 4, EventKind::Live(input)), &[], false).await;
        send(started(other, 1), &[], true).await;
        let nearly_expired =
            "UPDATE TABLE SET expires = now() + interval '20 seconds' WHERE expires < now() + '1 hour'";
        let longer =
            "SELECT seq - (1::bigint << 32) FROM TABLE WHERE expires > now() + interval '60 seconds' ORDER BY 1";
        rows(nearly_expired);
        assert_eq!(rows(longer), [4], "the expiry of an input is later and stays");
        send(Message::PendingEvent { submission: running, seq: Seq::of_attempt(1, 4) }, &[], true).await;
        assert_eq!(rows(longer), [1, 2, 3, 4], "the other submission is not extended");
        assert_eq!(rows("SELECT count(*) FROM TABLE WHERE expires > now() + interval '1 hour'"), [1]);
        rows(nearly_expired);
        send(started(running, 5), &[2], true).await;
        assert_eq!(rows(longer), [1, 3, 4, 5], "the second row is removed by the same statement");
    }

    #[test]
    fn an_event_too_large_for_a_notification_is_referenced() {
        let output = |n: u32, len: usize| {
            let kind = EventKind::Output { case: None, stream: Stream::Stdout, data: vec![b'x'; len].into() };
            let submission = SubmissionId::from_uuid(Uuid::from_u128(1));
            let event = Event { submission, seq: Seq::of_attempt(1, n), at: jiff::Timestamp::UNIX_EPOCH, kind };
            Message::Event { event, before: Seq::default() }
        };
        let messages = [output(1, 10), output(2, 4000), output(3, 4000), output(4, 9000), output(5, 10)];
        let texts = notifications(messages.iter());
        assert!(texts.len() >= 2 && texts.iter().all(|text| text.len() < 8000));
        let read: Vec<Message> = texts
            .iter()
            .flat_map(|text| wire::read(&BASE64_STANDARD_NO_PAD.decode(text).expect("the text is Base64")).messages)
            .collect();
        let named = Message::PendingEvent {
            submission: SubmissionId::from_uuid(Uuid::from_u128(1)),
            seq: Seq::of_attempt(1, 4),
        };
        assert_eq!(read, [messages[0].clone(), messages[1].clone(), messages[2].clone(), named, messages[4].clone()]);
        assert!(notifications([].iter()).is_empty());
    }
}
