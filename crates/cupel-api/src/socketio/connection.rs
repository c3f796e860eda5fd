//! One connection: its messages `join` and `leave`, and the events of its rooms.
//!
//! A room is a task that takes the next event only after the connection has accepted the previous event. So a slow
//! client delays only its own rooms. If the event bus drops events in the meantime, the client gets `gap`.

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

use super::Opened;
use super::client::Client;
use super::room::{Room, Submissions};
use crate::v1::events::{DUE_SOON, EventData};

/// Maximum number of rooms of one connection. Each also counts as an open event stream of its user.
const ROOMS_MAX: usize = 32;

/// Maximum number of messages of a connection that are being handled or waiting. Further messages are refused.
const MESSAGES_MAX: usize = 8;

/// Maximum length of an unknown event's name in an error message.
const EVENT_CHARACTERS_MAX: usize = 40;

/// One connection.
struct Connection {
    opened: Arc<Opened>,
    /// The rooms by name. Messages are handled one after another, under this lock.
    rooms: Mutex<HashMap<String, Task>>,
    messages: Semaphore,
}

/// A task that is aborted when this handle is dropped.
struct Task(JoinHandle<()>);

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

/// A connection without the data of its handshake. It is refused.
#[derive(Debug, thiserror::Error)]
#[error("the connection has no handshake")]
pub(super) struct NoHandshake;

/// Prepares a new connection. It runs before the client is notified of the connection. Otherwise, socketioxide would
/// drop an early message, because no handler is registered, and the client would wait for an acknowledgement.
pub(super) async fn prepare(socket: SocketRef) -> Result<(), NoHandshake> {
    let opened = socket.req_parts().extensions.get::<Arc<Opened>>().cloned().ok_or(NoHandshake)?;
    let guard = Arc::new(Task(tokio::spawn(guard(socket.clone(), Arc::clone(&opened)))));
    let (rooms, messages) = (Mutex::default(), Semaphore::new(MESSAGES_MAX));
    let connection = Arc::new(Connection { opened, rooms, messages });
    for kind in [Kind::Join, Kind::Leave] {
        let connection = Arc::clone(&connection);
        socket.on(kind.name(), move |socket: SocketRef, TryData(message): TryData<Value>, ack: AckSender| {
            let connection = Arc::clone(&connection);
            async move {
                let reply = connection.handle(&socket, kind, message.unwrap_or_default()).await;
                // If the queue of the client is full, the acknowledgement cannot be sent. The server then disconnects
                // the client, so that it connects again.
                if ack.send(&reply).is_err() {
                    let _gone = socket.disconnect();
                }
            }
        });
    }
    // Without this handler, a client that sends another event would wait for its acknowledgement for ever.
    let request_id = connection.opened.request_id.clone();
    socket.on_fallback(move |Event(name): Event, ack: AckSender| {
        let short: String = name.chars().take(EVENT_CHARACTERS_MAX).collect();
        let detail = format!("There is no event `{}`. A client sends `join` or `leave`.", short.escape_debug());
        let error = ApiError::new(ErrorKind::InvalidBody, detail).to_body(&request_id);
        async move {
            let _without_ack = ack.send(&Reply::Refused { retry_after: None, error });
        }
    });
    socket.on_disconnect(move || {
        let connection = Arc::clone(&connection);
        guard.0.abort();
        async move { connection.rooms.lock().await.clear() }
    });
    Ok(())
}

/// Ends the connection when the server shuts down or the client's access ends.
async fn guard(socket: SocketRef, opened: Arc<Opened>) {
    let every = opened.app.settings.access_check;
    let mut checks = interval_at(Instant::now() + every, every);
    checks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = opened.app.shutdown.cancelled() => break,
            // If a connection is refused after `prepare`, socketioxide does not call `on_disconnect`.
            _ = checks.tick() => {
                if !socket.connected() || opened.holder.access_ended(&opened.app).await.is_some() {
                    break;
                }
            }
        }
    }
    let _gone = socket.disconnect();
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
        let Opened { app, holder, .. } = &*self.opened;
        let (_, paid) = app.limits.take(holder.user, RateClass::Reads, &holder.rates, 1).await;
        paid?;
        let Message { room: name, after } = parse(message.to_string().as_bytes())?;
        let room = Room::named(&name)?;
        rooms.retain(|_, task| !task.0.is_finished());
        match kind {
            Kind::Leave => {
                let left = rooms.remove(&name);
                left.ok_or_else(|| ApiError::new(ErrorKind::Conflict, "This connection is not in the room."))?;
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
                let opened = Arc::clone(&self.opened);
                let client = Client { socket: socket.clone(), opened, room: Arc::from(&*name) };
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
