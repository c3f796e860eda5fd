//! Socket.IO at `/api/v1/socket.io/`: a gateway for existing clients, with both transports of the protocol.
//!
//! ```text
//!  client ── HTTP or WebSocket ──► this file: credential ────► socketioxide: the protocol
//!    ▲                                                             │ `join`, `leave`
//!    │                                                             ▼
//!    └── `status`, `output`, `verdict` ◄── connection.rs: one task per room ◄── core (events of runs)
//! ```
//!
//! The handshake is authenticated like the handshake of a live connection. Later requests of the connection carry the
//! session id (`sid`) instead of a credential. The session id is a random secret. `docs/socketio.md` describes rooms,
//! events, errors and bounds.
//!
//! Source: Engine.IO protocol, revision 4; Socket.IO protocol, revision 5.

mod client;
mod connection;
mod room;

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequestParts as _, Request, State};
use axum::http::header;
use axum::response::Response;
use axum::routing::get;
use axum::{Extension, Router};
use cupel_core::accounts::TicketUse;
use cupel_http::app::{LongAnswer, Shared};
use cupel_http::caller::{Follower, Holder};
use cupel_http::draining::shutting_down;
use cupel_http::error::{ApiError, ErrorKind};
use cupel_http::notes::Notes;
use cupel_http::rate_limit::RateClass;
use cupel_http::websocket;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use socketioxide::handler::ConnectHandler as _;
use socketioxide::{ParserConfig, SocketIo};
use tower::Service as _;

/// The path of all requests; clients add the slash at its end.
const PATH: &str = "/api/v1/socket.io";

/// Maximum size of a message of the client, and of a request body with several messages.
const MESSAGE_BYTES_MAX: usize = 64 << 10;

/// Maximum bytes of packets in one response of the polling transport, unless a single packet is larger.
const RESPONSE_BYTES_MAX: u64 = 256 << 10;

/// Maximum number of packets that wait for a slow client. Further events for the client wait on the event bus.
const PACKETS_MAX: usize = 16;

/// Time between two pings.
const PING_PAUSE: Duration = Duration::from_secs(15);
/// Maximum time until a client answers a ping.
const PING_TIME_MAX: Duration = Duration::from_secs(20);

/// Maximum time between the handshake and the packet `CONNECT`.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(10);

/// The protocol's state: all connections of this server.
#[derive(Clone)]
struct Engine(Arc<dyn Fn(Request) -> Answer + Send + Sync>);

type Answer = Pin<Box<dyn Future<Output = Response> + Send>>;

/// Results of the handshake. socketioxide keeps the handshake's request, and these values in it, until the Engine.IO
/// connection ends.
pub(super) struct Opened {
    app: Shared,
    holder: Holder,
    request_id: String,
    /// Whether the client has sent CONNECT.
    has_connected: AtomicBool,
    /// Whether a check has found that the client's access has ended.
    has_ended: AtomicBool,
    /// Counts the connection as an open event stream of its user.
    _open: LongAnswer,
}

/// Why the server refuses CONNECT. The client gets the text in `connect_error`.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refused {
    /// The request of the Engine.IO connection has no [`Opened`].
    #[error("The connection has no handshake.")]
    NoHandshake,
    /// The credential of the handshake has ended.
    #[error("This connection has lost its access. Open another one, with a valid credential.")]
    AccessEnded,
    /// The client sends CONNECT too often.
    #[error("{0}")]
    RateLimited(String),
    /// The server would disconnect the client at once.
    #[error("The server is shutting down.")]
    ShuttingDown,
}

impl Opened {
    /// Returns an error unless the client may connect to the namespace. A client that was disconnected can send CONNECT
    /// again, because its Engine.IO connection stays open. So its access, checked by the handshake, is checked again.
    async fn admit(&self) -> Result<(), Refused> {
        if self.app.shutdown.is_cancelled() {
            return Err(Refused::ShuttingDown);
        }
        // A client without access must not use up the user's rate limit.
        if self.has_ended.load(Ordering::Relaxed) {
            return Err(Refused::AccessEnded);
        }
        // The handshake has paid for the first one.
        if self.has_connected.swap(true, Ordering::Relaxed) {
            let (_, paid) = self.app.limits.take(self.holder.user, RateClass::Reads, &self.holder.rates(), 1).await;
            paid.map_err(|error| Refused::RateLimited(error.detail().to_owned()))?;
        }
        if self.access_ended().await { Err(Refused::AccessEnded) } else { Ok(()) }
    }

    /// Whether the client's access has ended. The end is final: afterwards, a failure of the store, which ends no
    /// connection, does not restore the access.
    async fn access_ended(&self) -> bool {
        if !self.has_ended.load(Ordering::Relaxed) && self.holder.access_ended(&self.app).await.is_some() {
            self.has_ended.store(true, Ordering::Relaxed);
        }
        self.has_ended.load(Ordering::Relaxed)
    }
}

impl Engine {
    fn new() -> Engine {
        // The interface has no binary messages.
        let parser = ParserConfig::common().max_incoming_binaries(0).max_incoming_binary_buf_size(0);
        let (service, io) = SocketIo::builder()
            .req_path(PATH)
            .ping_interval(PING_PAUSE)
            .ping_timeout(PING_TIME_MAX)
            .connect_timeout(CONNECT_TIME_MAX)
            .max_buffer_size(PACKETS_MAX)
            .max_payload(RESPONSE_BYTES_MAX)
            .ws_max_message_size(MESSAGE_BYTES_MAX)
            .ws_max_frame_size(MESSAGE_BYTES_MAX)
            .with_parser(parser)
            .build_svc();
        io.ns("/", (async || {}).with(connection::prepare));
        Engine(Arc::new(move |request| {
            let mut service = service.clone();
            Box::pin(async move {
                let answer: Result<_, Infallible> = service.call(request).await;
                let Ok(answer) = answer;
                answer.map(Body::new)
            })
        }))
    }

    async fn answer(&self, request: Request) -> Response {
        (self.0)(request).await
    }
}

/// The routes of the gateway.
pub(crate) fn routes() -> Router<Shared> {
    let path = format!("{PATH}/");
    Router::new().route(&path, get(receive).post(send)).layer(Extension(Engine::new()))
}

/// The handshake of either transport, a poll, or the upgrade of a connection to a WebSocket.
async fn receive(
    State(app): State<Shared>,
    Extension(engine): Extension<Engine>,
    request: Request,
) -> Result<Response, ApiError> {
    if has_session(&request) {
        return Ok(engine.answer(request).await);
    }
    // A client that polls sends its first message with POST, which a server that drains refuses.
    if app.shutdown.is_cancelled() {
        return Err(shutting_down());
    }
    if request.headers().contains_key(header::UPGRADE) {
        websocket::check_origin(&request, &app.settings)?;
    }
    let (mut parts, _body) = request.into_parts();
    let follower = Follower::from_request_parts(&mut parts, &app).await?;
    let request_id = parts.extensions.get::<Notes>().map(|notes| notes.request_id().to_owned()).unwrap_or_default();
    let holder = follower.holder(&app, TicketUse::Live).await?;
    let open = app.long_answers.begin(holder.user)?;
    follower.enter(&app, TicketUse::Live).await?;
    let (has_connected, has_ended) = (AtomicBool::new(false), AtomicBool::new(false));
    parts.extensions.insert(Arc::new(Opened { app, holder, request_id, has_connected, has_ended, _open: open }));
    Ok(engine.answer(Request::from_parts(parts, Body::empty())).await)
}

/// Messages of a client that polls.
async fn send(
    State(app): State<Shared>,
    Extension(engine): Extension<Engine>,
    request: Request,
) -> Result<Response, ApiError> {
    if !has_session(&request) {
        return Err(ApiError::new(ErrorKind::Unauthorized, "A connection begins with GET; see /docs/socketio."));
    }
    let (parts, body) = request.into_parts();
    let time_max = app.settings.body_time_max;
    let read = tokio::time::timeout(time_max, Limited::new(body, MESSAGE_BYTES_MAX).collect()).await;
    let read = read.map_err(|_elapsed| {
        let detail = format!("The body did not arrive within {} s.", time_max.as_secs());
        ApiError::new(ErrorKind::RequestTimeout, detail)
    })?;
    let body = read.map_err(|error| {
        if error.is::<LengthLimitError>() {
            let detail = format!("The body may have at most {MESSAGE_BYTES_MAX} bytes here.");
            return ApiError::new(ErrorKind::BodyTooLarge, detail);
        }
        ApiError::new(ErrorKind::MalformedRequest, "The body ended too early or is not framed correctly.")
    })?;
    Ok(engine.answer(Request::from_parts(parts, Body::from(body.to_bytes()))).await)
}

/// Whether the request names an existing connection. Socketioxide checks the id.
fn has_session(request: &Request) -> bool {
    request.uri().query().is_some_and(|query| query.split('&').any(|pair| pair.starts_with("sid=")))
}
