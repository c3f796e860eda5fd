//! The socket of a live connection: frames in and out, keep-alive, and closing.
//!
//! A client that accepts no bytes for `write_stall_max` of the server loop is disconnected. While a write waits, the
//! server reads nothing from the client, so that the client cannot make the server queue responses. Source of the close
//! codes: RFC 6455, section 7.4.1.

use std::pin::pin;
use std::time::Duration;

use cupel_core::accounts::AccessEnded;
use cupel_http::app::Shared;
use cupel_http::caller::Holder;
use cupel_http::websocket::Upgraded;
use futures_util::{SinkExt, StreamExt};
use tokio::io::AsyncWriteExt as _;
use tokio::sync::mpsc::{Permit, Sender, UnboundedReceiver};
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::live::outbox::Pending;
use crate::live::session::{IDLE_MAX, Received, Session};

/// Maximum size of a message. A larger message ends the connection. To skip the message instead, the server would have
/// to read a remainder of unknown length.
pub(super) const MESSAGE_BYTES_MAX: usize = 256 << 10;

/// Size of one read from the connection, in bytes.
const READ_BYTES: usize = 8 << 10;

/// Maximum time for which the server reads on after it has closed its side.
const LINGER: Duration = Duration::from_secs(1);

/// Maximum time in which the messages that a client sent before it closed the connection are handled.
const AFTER_CLOSE_MAX: Duration = Duration::from_secs(10);

/// Number of unanswered pings after which the client is considered gone.
const UNANSWERED_PINGS_MAX: u32 = 3;

type Socket = WebSocketStream<Upgraded>;

/// Why the server closes a connection.
enum End {
    Idle,
    ServerStops,
    TooLarge,
    NotUtf8,
    Malformed,
    NoAccess(AccessEnded),
}

impl End {
    /// The close frame. Its reason has at most 123 bytes (RFC 6455, section 5.5).
    fn frame(self) -> CloseFrame {
        let (code, reason) = match self {
            End::Idle => {
                let minutes = IDLE_MAX.as_secs() / 60;
                let reason = format!("No run was attached and no message arrived for {minutes} minutes.");
                (CloseCode::Normal, reason)
            }
            End::ServerStops => (CloseCode::Away, "The server is shutting down.".to_owned()),
            End::TooLarge => (CloseCode::Size, format!("A message may have at most {MESSAGE_BYTES_MAX} bytes.")),
            End::NotUtf8 => (CloseCode::Invalid, "A text message is not UTF-8.".to_owned()),
            End::Malformed => (CloseCode::Protocol, "A frame violates RFC 6455.".to_owned()),
            End::NoAccess(why) => (CloseCode::Policy, why.sentence().to_owned()),
        };
        CloseFrame { code, reason: reason.into() }
    }
}

/// Serves the connection until it ends.
pub(super) async fn serve(
    upgraded: Upgraded,
    app: &Shared,
    holder: &Holder,
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
    let mut handling = pin!(session.run());
    let end = tokio::select! {
        end = exchange(&mut socket, app, holder, &inbox, pending) => end,
        // The end of the session also ends its attachments.
        () = &mut handling => Some(End::Idle),
    };
    match end {
        Some(end) => {
            let closing = close(&mut socket, end.frame());
            // The client may already be disconnected.
            let _gone = tokio::time::timeout(app.settings.event_ping, closing).await;
        }
        // Messages that arrived before the close take effect: a page sends `kill` and closes the connection when its
        // user leaves it.
        None => {
            drop((inbox, socket));
            let _too_slow = tokio::time::timeout(AFTER_CLOSE_MAX, handling).await;
        }
    }
}

/// Sends the close frame and the end of the stream, and discards what the client still sends. If the server closed a
/// connection with unread bytes, TCP would reset it, and the client could lose the close frame (RFC 1122, section
/// 4.2.2.13).
async fn close(socket: &mut Socket, frame: CloseFrame) {
    if socket.close(Some(frame)).await.is_ok() && socket.get_mut().shutdown().await.is_ok() {
        let mut nothing = tokio::io::sink();
        let _gone = tokio::time::timeout(LINGER, tokio::io::copy(socket.get_mut(), &mut nothing)).await;
    }
}

/// Sends and receives until the connection ends. Returns why the server closes it, or `None` if the client has closed
/// the connection or is disconnected.
async fn exchange(
    socket: &mut Socket,
    app: &Shared,
    holder: &Holder,
    inbox: &Sender<Received>,
    mut pending: UnboundedReceiver<Pending>,
) -> Option<End> {
    let mut pings = interval_at(Instant::now() + app.settings.event_ping, app.settings.event_ping);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // The check waits for the store, and the messages do not wait for the check.
    let mut access = pin!(holder.until_access_ends(app));
    let mut unanswered = 0;
    let mut place: Option<Permit<'_, Received>> = None;
    loop {
        tokio::select! {
            () = app.shutdown.cancelled() => return Some(End::ServerStops),
            message = pending.recv() => socket.send(Message::text(message?.text)).await.ok()?,
            reserved = inbox.reserve(), if place.is_none() => place = Some(reserved.ok()?),
            frame = socket.next(), if place.is_some() => {
                unanswered = 0;
                let received = match frame? {
                    Ok(Message::Text(text)) => Received::Text(text.as_str().to_owned()),
                    Ok(Message::Binary(_)) => Received::Binary,
                    // Tungstenite answers pings and close frames automatically.
                    Ok(_) => continue,
                    Err(Error::Capacity(_)) => return Some(End::TooLarge),
                    Err(Error::Utf8(_)) => return Some(End::NotUtf8),
                    Err(Error::Protocol(_)) => return Some(End::Malformed),
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
            why = &mut access => return Some(End::NoAccess(why)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_is_a_sentence_that_fits_into_a_close_frame() {
        let access = [
            AccessEnded::Account,
            AccessEnded::Session,
            AccessEnded::Key,
            AccessEnded::Administrator,
            AccessEnded::Author,
        ];
        let ends = [End::Idle, End::ServerStops, End::TooLarge, End::NotUtf8, End::Malformed];
        for end in ends.into_iter().chain(access.map(End::NoAccess)) {
            let reason = end.frame().reason;
            assert!(reason.len() <= 123 && reason.ends_with('.'), "{reason}");
        }
        assert!(End::Idle.frame().reason.contains("10 minutes"));
    }
}
