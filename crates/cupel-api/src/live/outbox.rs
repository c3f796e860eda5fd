//! Messages on their way to a client, bounded in bytes.

use std::sync::Arc;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::live::message::ServerMessage;

/// Maximum number of bytes that wait for a slow client, per connection. A larger message counts as this number. In
/// addition, each task that sends may hold one message.
pub(super) const PENDING_BYTES_MAX: usize = 256 << 10;

/// The sender's side. Clones share the outbox.
#[derive(Clone)]
pub(super) struct Outbox {
    sender: UnboundedSender<Pending>,
    room: Arc<Semaphore>,
}

/// A message to send. It counts towards the bound until it is dropped.
pub(super) struct Pending {
    pub(super) text: String,
    _room: OwnedSemaphorePermit,
}

/// The connection has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Closed;

/// Creates an outbox. The semaphore bounds the channel.
pub(super) fn outbox() -> (Outbox, UnboundedReceiver<Pending>) {
    let (sender, receiver) = unbounded_channel();
    (Outbox { sender, room: Arc::new(Semaphore::new(PENDING_BYTES_MAX)) }, receiver)
}

impl Outbox {
    /// Adds a message as soon as the bound permits it. Waiting senders are served in the order of their calls.
    pub(super) async fn send(&self, message: &ServerMessage<'_>) -> Result<(), Closed> {
        let text = match serde_json::to_string(message) {
            Ok(text) => text,
            Err(error) => {
                // A message consists of strings and numbers, so serialization does not fail.
                tracing::error!(%error, "cannot write a message of a live connection");
                return Ok(());
            }
        };
        let bytes = u32::try_from(text.len().clamp(1, PENDING_BYTES_MAX)).unwrap_or(u32::MAX);
        let room = Arc::clone(&self.room).acquire_many_owned(bytes).await.map_err(|_| Closed)?;
        self.sender.send(Pending { text, _room: room }).map_err(|_| Closed)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn a_sender_waits_until_the_client_has_received_enough() {
        let (out, mut taken) = outbox();
        let text = "x".repeat(PENDING_BYTES_MAX / 2);
        let message = ServerMessage::Detached { id: Some(&text), run: "r" };
        out.send(&message).await.unwrap();
        let mut second = Box::pin(out.send(&message));
        assert!(second.as_mut().now_or_never().is_none(), "two messages do not fit");
        drop(taken.recv().await);
        second.await.unwrap();
        drop(taken);
        let small = ServerMessage::Detached { id: None, run: "r" };
        assert_eq!(out.send(&small).await, Err(Closed));
    }
}
