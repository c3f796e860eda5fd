//! One connection: its messages `join` and `leave`, and the events of its rooms.
//!
//! A room is a task that takes the next event only after the connection has accepted the previous event. So a slow
//! client delays only its own rooms. If the event bus drops events in the meantime, the client gets `gap`.
//!
//! The client may disconnect from the namespace and connect again while its Engine.IO connection stays open. Each time,
//! [`prepare`] checks the client's access and makes a new [`Connection`], which has no rooms.
//!
//! *Invariant:* only [`Connection::end`] disconnects the client. Every other task cancels `ending` instead. All
//! connections to the namespace on one Engine.IO connection have the same session id, by which socketioxide finds the
//! socket that it removes. So `disconnect` on a socket that has already ended would remove the next one.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use cupel_core::event::Seq;
use cupel_http::body::parse;
use cupel_http::error::{ApiError, ErrorBody, ErrorKind};
use cupel_http::rate_limit::RateClass;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use socketioxide::extract::{AckSender, Event, SocketRef, TryData};
use tokio::sync::{Mutex, Semaphore};
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tokio_util::sync::CancellationToken;

use super::client::{Client, FULL_PAUSE};
use super::room::{Room, Submissions};
use super::{Opened, Refused};
use crate::v1::events::{DUE_SOON, EventData};

/// Maximum number of rooms of one connection. Each also counts as an open event stream of its user.
const ROOMS_MAX: usize = 32;

/// Maximum number of messages of a connection that are being handled or waiting. Further messages are refused.
const MESSAGES_MAX: usize = 8;

/// Maximum length of an unknown event's name in an error message.
const EVENT_CHARACTERS_MAX: usize = 40;

/// One connection to the namespace.
struct Connection {
    opened: Arc<Opened>,
    /// The rooms by name. Messages are handled one after another, under this lock. `None`: the connection has ended, so
    /// nothing would end a room that a message opens now.
    rooms: Mutex<Option<HashMap<String, Task>>>,
    messages: Semaphore,
    /// Cancelled when the connection ends, or must be ended. From then on, the client gets no acknowledgement.
    ending: CancellationToken,
}

/// A task that is aborted when this handle is dropped.
struct Task(JoinHandle<()>);

impl Task {
    /// Ends the task, and waits until it has ended: an aborted task continues to its next `await`.
    async fn end(mut self) {
        self.0.abort();
        // An error means that the task was cancelled, or has panicked.
        let _ended = (&mut self.0).await;
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The client's messages `join` and `leave`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Message {
    room: String,
    /// Number of an event. After `join` of a submission, only later events are sent.
    #[serde(default)]
    after: u64,
}

/// The acknowledgement of a message.
#[derive(Serialize)]
#[serde(untagged)]
enum Reply {
    Done {
        room: String,
    },
    Refused {
        /// Seconds after which a repetition may succeed.
        #[serde(skip_serializing_if = "Option::is_none")]
        retry_after: Option<u64>,
        error: ErrorBody,
    },
}

/// Prepares a new connection. It runs before the client is notified of the connection. Otherwise, socketioxide would
/// drop an early message, because no handler is registered, and the client would wait for an acknowledgement.
pub(super) async fn prepare(socket: SocketRef) -> Result<(), Refused> {
    let opened = socket.req_parts().extensions.get::<Arc<Opened>>().cloned().ok_or(Refused::NoHandshake)?;
    opened.admit().await?;
    let rooms = Mutex::new(Some(HashMap::new()));
    let (messages, ending) = (Semaphore::new(MESSAGES_MAX), CancellationToken::new());
    let connection = Arc::new(Connection { opened, rooms, messages, ending });
    for kind in [Kind::Join, Kind::Leave] {
        let connection = Arc::clone(&connection);
        socket.on(kind.name(), move |socket: SocketRef, TryData(message): TryData<Value>, ack: AckSender| {
            let connection = Arc::clone(&connection);
            async move {
                let reply = connection.handle(&socket, kind, message.unwrap_or_default()).await;
                connection.acknowledge(ack, &reply);
            }
        });
    }
    // Without this handler, a client that sends another event would wait for its acknowledgement for ever.
    let unknown = Arc::clone(&connection);
    socket.on_fallback(move |Event(name): Event, ack: AckSender| {
        let short: String = name.chars().take(EVENT_CHARACTERS_MAX).collect();
        let detail = format!("There is no event `{}`. A client sends `join` or `leave`.", short.escape_debug());
        let error = ApiError::new(ErrorKind::InvalidBody, detail).to_body(&unknown.opened.request_id);
        async move { unknown.acknowledge(ack, &Reply::Refused { retry_after: None, error }) }
    });
    let ended = Arc::clone(&connection);
    socket.on_disconnect(move || {
        ended.ending.cancel();
        async move { drop(ended.rooms.lock().await.take()) }
    });
    tokio::spawn(guard(socket, connection));
    Ok(())
}

/// Ends the connection when the server shuts down, the client's access ends, or another task requires it.
async fn guard(socket: SocketRef, connection: Arc<Connection>) {
    let Connection { opened, ending, .. } = &*connection;
    let every = opened.app.settings.access_check;
    let mut checks = interval_at(Instant::now() + every, every);
    checks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = ending.cancelled() => break,
            () = opened.app.shutdown.cancelled() => break,
            // If a connection is refused after `prepare`, socketioxide does not call `on_disconnect`.
            _ = checks.tick() => {
                if !socket.connected() || opened.access_ended().await {
                    break;
                }
            }
        }
    }
    connection.end(&socket).await;
}

#[derive(Clone, Copy)]
enum Kind {
    Join,
    Leave,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Kind::Join => "join",
            Kind::Leave => "leave",
        }
    }
}

impl Connection {
    /// Ends the rooms, and disconnects the client as soon as its queue has space for the packet: while the queue is
    /// full, `disconnect` does nothing. If the queue stays full, the next ping does not fit either, and socketioxide
    /// closes the Engine.IO connection.
    ///
    /// The lock is held until then, so that `on_disconnect` waits for it. Before `on_disconnect` has returned, the
    /// client cannot connect again, so `disconnect` finds no later socket.
    async fn end(&self, socket: &SocketRef) {
        self.ending.cancel();
        let mut rooms = self.rooms.lock().await;
        if rooms.take().is_none() {
            return;
        }
        while socket.connected() && socket.clone().disconnect().is_err() {
            tokio::time::sleep(FULL_PAUSE).await;
        }
    }

    /// Sends an acknowledgement. If the client's queue has no space for it, the connection ends, so that the client
    /// does not wait for the acknowledgement for ever.
    fn acknowledge(&self, ack: AckSender, reply: &Reply) {
        // Acknowledgements must not take the space of the packet that disconnects the client.
        if !self.ending.is_cancelled() && ack.send(reply).is_err() {
            self.ending.cancel();
        }
    }

    async fn handle(&self, socket: &SocketRef, kind: Kind, message: Value) -> Reply {
        match self.act(socket, kind, &message).await {
            Ok(room) => Reply::Done { room },
            Err(error) => {
                Reply::Refused { retry_after: error.seconds_to_wait(), error: error.to_body(&self.opened.request_id) }
            }
        }
    }

    async fn act(&self, socket: &SocketRef, kind: Kind, message: &Value) -> Result<String, ApiError> {
        let _permit = self.messages.try_acquire().map_err(|_| {
            let detail = format!("At most {MESSAGES_MAX} messages may wait. Wait for the acknowledgements.");
            ApiError::new(ErrorKind::RateLimited, detail).retry_after(Duration::from_secs(1))
        })?;
        let mut rooms = self.rooms.lock().await;
        // `connected` of the socket cannot be used here: it is still false for a message that arrives just after
        // CONNECT.
        let Some(rooms) = &mut *rooms else {
            return Err(ApiError::new(ErrorKind::Conflict, "The connection has ended."));
        };
        let Opened { app, holder, .. } = &*self.opened;
        let (_, paid) = app.limits.take(holder.user, RateClass::Reads, &holder.rates(), 1).await;
        paid?;
        let Message { room: name, after } = parse(message.to_string().as_bytes())?;
        let room = Room::named(&name)?;
        rooms.retain(|_, task| !task.0.is_finished());
        match kind {
            Kind::Leave => {
                let missing = || ApiError::new(ErrorKind::Conflict, "This connection is not in the room.");
                let left = rooms.remove(&name).ok_or_else(missing)?;
                // No event of the room follows the acknowledgement.
                left.end().await;
            }
            Kind::Join if rooms.contains_key(&name) => {
                let detail = "This connection is in the room already. Leave it first to follow it from another event.";
                return Err(ApiError::new(ErrorKind::Conflict, detail));
            }
            Kind::Join if rooms.len() >= ROOMS_MAX => {
                let detail = format!("A connection is in at most {ROOMS_MAX} rooms. Leave one.");
                return Err(ApiError::new(ErrorKind::RateLimited, detail).retry_after(Duration::from_secs(1)));
            }
            Kind::Join => {
                let (opened, ending) = (Arc::clone(&self.opened), self.ending.clone());
                let client = Client { socket: socket.clone(), opened, room: Arc::from(&*name), ending };
                if let Some(task) = join(client, room, after).await? {
                    rooms.insert(name.clone(), task);
                }
            }
        }
        Ok(name)
    }
}

/// Joins a room, if the user may, and returns its task. `None`: the submission is scheduled for later, so the
/// client is not in the room.
async fn join(client: Client, room: Room, after: u64) -> Result<Option<Task>, ApiError> {
    let open = client.begin()?;
    let forward: std::pin::Pin<Box<dyn Future<Output = ()> + Send>> = match room {
        Room::Submission(id) => {
            let missing = || ApiError::not_found("submission");
            let record = client.app().core.submission(&client.viewer(), id).await?.ok_or_else(missing)?;
            let now = client.app().core.now();
            if let Some(run_at) = record.submission.run_at
                && !record.state.is_final()
                && run_at.duration_since(now) > DUE_SOON
            {
                // The submission would occupy a room without events for up to a month.
                let _gone = client.send("scheduled", EventData::scheduled(id, after, run_at, now)).await;
                return Ok(None);
            }
            let log = client.app().core.follow(&client.viewer(), id, Seq(after)).await?.ok_or_else(missing)?;
            Box::pin(async move { client.forward(log, id, after).await })
        }
        Room::Problem(_) | Room::Contest(_) => {
            let submissions = Submissions::of(client, room).await?;
            Box::pin(submissions.forward())
        }
    };
    Ok(Some(Task(tokio::spawn(async move {
        forward.await;
        drop(open);
    }))))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::mpsc;

    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_task_has_ended_when_end_returns() {
        let (started, has_started) = tokio::sync::oneshot::channel();
        let (release, released) = mpsc::channel::<()>();
        let has_ended = Arc::new(AtomicBool::new(false));
        let ended = Arc::clone(&has_ended);
        let task = Task(tokio::spawn(async move {
            let _ = started.send(());
            // Like a step of a room: it cannot be aborted before its next `await`.
            let _ = released.recv();
            ended.store(true, Ordering::SeqCst);
            std::future::pending::<()>().await;
        }));
        has_started.await.expect("the task runs");
        let mut end = std::pin::pin!(task.end());
        assert!(futures_util::poll!(end.as_mut()).is_pending());
        release.send(()).expect("the task waits");
        end.await;
        assert!(has_ended.load(Ordering::SeqCst));
    }
}
