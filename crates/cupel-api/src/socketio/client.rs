//! The destination of a room's events: one client's connection, with the name of the room.

use std::sync::Arc;
use std::time::Duration;

use cupel_core::{AuthenticatedUser, Follow, Followed, Received};
use cupel_http::app::{LongAnswer, Shared};
use cupel_http::error::ApiError;
use cupel_types::SubmissionId;
use serde::Serialize;
use socketioxide::extract::SocketRef;
use socketioxide::{SendError, SocketError};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Opened;
use crate::v1::events::EventData;

/// Time after which a packet is offered again to a connection whose queue is full, because its client is slow.
pub(super) const FULL_PAUSE: Duration = Duration::from_millis(25);

/// Maximum time for which a client may accept no event.
const STALL_MAX: Duration = Duration::from_secs(30);

/// Destination of a room's events.
#[derive(Clone)]
pub(super) struct Client {
    pub(super) socket: SocketRef,
    pub(super) opened: Arc<Opened>,
    pub(super) room: Arc<str>,
    /// Ends the connection when it is cancelled. See [`super::connection`].
    pub(super) ending: CancellationToken,
}

/// An event of a room.
#[derive(Serialize)]
struct RoomEvent<'a> {
    room: &'a str,
    event: &'static str,
    data: EventData,
}

/// The client is gone, or accepts no events.
pub(super) struct Gone;

impl Client {
    pub(super) fn app(&self) -> &Shared {
        &self.opened.app
    }

    pub(super) fn viewer(&self) -> AuthenticatedUser {
        self.opened.holder.viewer
    }

    /// Counts one more followed run or room of the user.
    pub(super) fn begin(&self) -> Result<LongAnswer, ApiError> {
        self.app().long_answers.begin(self.opened.holder.user)
    }

    /// Forwards the events of a run until it or the connection has ended.
    pub(super) async fn forward(&self, mut log: Follow, run: SubmissionId, mut last: u64) {
        while let Some(Followed { received, position, pulling }) = log.next().await {
            let is_final = matches!(&received, Received::Event(event) if event.kind.is_final());
            let (name, data) = match received {
                Received::Event(event) => {
                    last = event.seq.0;
                    (event.kind.name(), EventData::of(event, position, pulling))
                }
                Received::Gap => ("gap", EventData::gap(run, last, self.app().core.now())),
            };
            if self.send(name, data).await.is_err() || is_final {
                return;
            }
        }
    }

    /// Sends an event as soon as the connection's queue has space. Ends the connection if the client accepts no event.
    pub(super) async fn send(&self, event: &'static str, data: EventData) -> Result<(), Gone> {
        let kind = match event {
            "output" | "verdict" => event,
            _ => "status",
        };
        let event = RoomEvent { room: &self.room, event, data };
        let deadline = Instant::now() + STALL_MAX;
        loop {
            match self.socket.emit(kind, &event) {
                Ok(()) => return Ok(()),
                Err(SendError::Socket(SocketError::InternalChannelFull)) if Instant::now() < deadline => {
                    let pause = tokio::time::sleep(FULL_PAUSE);
                    self.ending.run_until_cancelled(pause).await.ok_or(Gone)?;
                }
                Err(_) => {
                    self.ending.cancel();
                    return Err(Gone);
                }
            }
        }
    }
}
