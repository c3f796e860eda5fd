//! The socket of a live connection: frames in and out, keep-alive, and closing.
//!
//! A client that accepts no bytes for `write_stall_max` of the server loop is disconnected. While a write waits, the
//! server reads nothing from the client, so that the client cannot make the server queue responses. Source of the close
//! codes: RFC 6455, section 7.4.1.

use cupel_http::app::Shared;
use cupel_http::websocket::Upgraded;
use cupel_types::UserId;
use futures_util::{SinkExt, StreamExt};
use tokio::sync::mpsc::{Permit, Sender, UnboundedReceiver};
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::live::outbox::Pending;
use crate::live::session::{Received, Session};
use crate::v1::events::may_read;

/// Maximum size of a message. A larger message ends the connection. To skip the message instead, the server would have
/// to read a remainder of unknown length.
pub(super) const MESSAGE_BYTES_MAX: usize = 256 << 10;

/// Size of one read from the connection, in bytes.
const READ_BYTES: usize = 8 << 10;

/// Number of unanswered pings after which the client is considered gone.
const UNANSWERED_PINGS_MAX: u32 = 3;

type Socket = WebSocketStream<Upgraded>;

/// Serves the connection until it ends.
pub(super) async fn serve(
    upgraded: Upgraded,
    app: &Shared,
    user: UserId,
    session: Session,
    inbox: Sender<Received>,
    pending: UnboundedReceiver<Pending>,
) {
    let config = WebSocketConfig::default()
        .max_message_size(Some(MESSAGE_BYTES_MAX))
        .max_frame_size(Some(MESSAGE_BYTES_MAX))
        .read_buffer_size(READ_BYTES)
        .write_buffer_size(0);
    let mut socket = WebSocketStream::from_raw_socket(upgraded, Role::Server, Some(config)).await;
    let end = tokio::select! {
        end = exchange(&mut socket, app, user, &inbox, pending) => end,
        // The end of the session also ends its attachments.
        () = session.run() => Some((CloseCode::Normal, "No run was attached and no message arrived for ten minutes.")),
    };
    if let Some((code, reason)) = end {
        let frame = CloseFrame { code, reason: reason.into() };
        // The client may already be disconnected.
        let _gone = tokio::time::timeout(app.settings.event_ping, socket.close(Some(frame))).await;
    }
}

/// Sends and receives until the connection ends. Returns the close code and the reason to send, or `None` if the client
/// has closed the connection or is disconnected.
async fn exchange(
    socket: &mut Socket,
    app: &Shared,
    user: UserId,
    inbox: &Sender<Received>,
    mut pending: UnboundedReceiver<Pending>,
) -> Option<(CloseCode, &'static str)> {
    let every = |period| {
        let mut ticks = interval_at(Instant::now() + period, period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ticks
    };
    let (mut pings, mut checks) = (every(app.settings.event_ping), every(app.settings.access_check));
    let mut unanswered = 0;
    let mut place: Option<Permit<'_, Received>> = None;
    loop {
        tokio::select! {
            () = app.shutdown.cancelled() => return Some((CloseCode::Away, "The server is shutting down.")),
            message = pending.recv() => socket.send(Message::text(message?.text)).await.ok()?,
            reserved = inbox.reserve(), if place.is_none() => place = Some(reserved.ok()?),
            frame = socket.next(), if place.is_some() => {
                unanswered = 0;
                let received = match frame? {
                    Ok(Message::Text(text)) => Received::Text(text.as_str().to_owned()),
                    Ok(Message::Binary(_)) => Received::Binary,
                    // Tungstenite answers pings and close frames automatically.
                    Ok(_) => continue,
                    Err(Error::Capacity(_)) => return Some((CloseCode::Size, "A message may have at most 262144 bytes.")),
                    Err(Error::Utf8(_)) => return Some((CloseCode::Invalid, "A text message is not UTF-8.")),
                    Err(Error::Protocol(_)) => return Some((CloseCode::Protocol, "A frame violates RFC 6455.")),
                    Err(_gone) => return None,
                };
                if let Some(place) = place.take() {
                    place.send(received);
                }
            }
            _ = pings.tick() => {
                // While the session's queue is full, nothing is read from the client, so its pongs are not seen.
                if place.is_some() {
                    unanswered += 1;
                }
                if unanswered > UNANSWERED_PINGS_MAX {
                    return None;
                }
                socket.send(Message::Ping(Default::default())).await.ok()?;
            }
            _ = checks.tick() => if !may_read(app, user).await {
                return Some((CloseCode::Policy, "The account is disabled or was deleted."));
            },
        }
    }
}
