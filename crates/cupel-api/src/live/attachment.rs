//! One attached run: forwards its events to the client.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;

use cupel_core::{Follow, Followed, Received};
use cupel_http::app::{LongAnswer, Shared};
use cupel_types::SubmissionId;

use crate::live::message::ServerMessage;
use crate::live::outbox::{Closed, Outbox};
use crate::v1::events::EventData;

/// The events of a run for one client.
pub(super) struct Attachment {
    pub(super) log: Follow,
    /// Number of the last event that the client has.
    pub(super) last: u64,
    pub(super) client: Client,
    /// Counts this run as an open event stream.
    pub(super) open: LongAnswer,
}

/// Destination of a run's events.
pub(super) struct Client {
    pub(super) app: Shared,
    pub(super) run: SubmissionId,
    /// Name that the client gave to the run.
    pub(super) id: Option<String>,
    /// Set before the last event is sent, so that a client that has received this event may attach again at once.
    pub(super) has_ended: Arc<AtomicBool>,
    pub(super) out: Outbox,
}

impl Attachment {
    /// Forwards events until the run or the connection has ended.
    pub(super) async fn forward(self) {
        let Attachment { mut log, mut last, client, open: _open } = self;
        while let Some(Followed { received, position, pulling }) = log.next().await {
            let is_final = matches!(&received, Received::Event(event) if event.kind.is_final());
            let (name, data) = match received {
                Received::Event(event) => {
                    last = event.seq.0;
                    (event.kind.name(), EventData::of(event, position, pulling))
                }
                Received::Gap => ("gap", EventData::gap(client.run, last, client.app.core.now())),
            };
            if is_final {
                client.has_ended.store(true, Relaxed);
            }
            if client.send(name, data).await.is_err() || is_final {
                return;
            }
        }
        // The event bus sends no more events, because the server is shutting down.
        let run = client.run.to_string();
        let _ended = client.out.send(&ServerMessage::Detached { id: client.id.as_deref(), run: &run }).await;
    }
}

impl Client {
    async fn send(&self, event: &'static str, data: EventData) -> Result<(), Closed> {
        let run = self.run.to_string();
        self.out.send(&ServerMessage::Event { id: self.id.as_deref(), run: &run, event, data }).await
    }
}
