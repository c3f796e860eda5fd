//! Server loop: accepts connections and bounds the resources of slow or silent clients.
//!
//! Every wait for a client has a limit: for the head of a request (also the keep-alive time of an idle connection), for
//! its body (`body.rs`), and for the client to accept the data that the server sends. The number of connections is
//! bounded (`connections.rs`): at the maximum, the oldest connection without a complete request is dropped; if every
//! connection has a complete request, new clients wait in the kernel's backlog. Before the server closes a connection,
//! it continues to read from the client for a moment: an immediate close would reset the connection, and the client
//! would not get the response.
//!
//! A handler may respond with 101 and take over the connection (WebSockets). The handler must then close the connection
//! when the server shuts down.

use std::convert::Infallible;
use std::io;
use std::net::{Shutdown, SocketAddr};
use std::os::fd::AsFd;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, Response, StatusCode, header};
use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Sleep;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::client;
use crate::connections::{ConnectionBounds, Connections, Full, InFlight, Open};
use crate::edge;
use crate::error::{ApiError, ErrorKind};
use crate::state::Network;

/// Limits and timeouts of the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServeSettings {
    /// Maximum time for the head of a request to arrive; also the maximum time for which an idle connection is kept
    /// open.
    pub head_time_max: Duration,
    /// Maximum time without progress in sending data to a client.
    pub write_stall_max: Duration,
    /// Maximum number of open connections.
    pub connections_max: usize,
    /// Maximum number of connections from one address (IPv6: one /64), and of simultaneous requests from one client's
    /// address.
    pub connections_of_address_max: usize,
    /// Proxies whose `X-Forwarded-For` is trusted, as in [`Settings`](crate::Settings): their connections are not
    /// limited by address, but the requests that come through them are.
    pub trusted_proxies: Vec<Network>,
    /// Maximum time that open requests may continue after shutdown begins.
    pub drain_time_max: Duration,
}

impl Default for ServeSettings {
    fn default() -> ServeSettings {
        ServeSettings {
            head_time_max: Duration::from_secs(30),
            write_stall_max: Duration::from_secs(30),
            connections_max: 4096,
            connections_of_address_max: 1024,
            trusted_proxies: Vec::new(),
            drain_time_max: Duration::from_secs(10),
        }
    }
}

/// Serves until `shutdown` is cancelled, then waits for open requests (see [`ServeSettings::drain_time_max`]).
///
/// The token of [`ApiState`](crate::ApiState) must be cancelled before this one or with it, so that long-lived
/// responses end.
///
/// Errors of accept(2) are logged, and the server continues to accept.
pub async fn serve(listener: TcpListener, router: Router, shutdown: CancellationToken, settings: ServeSettings) {
    let connections = Connections::new(ConnectionBounds {
        all: settings.connections_max.max(1),
        of_address: settings.connections_of_address_max.max(1),
    });
    let drain_time_max = settings.drain_time_max;
    accept(&listener, &router, &shutdown, &Arc::new(settings), &connections).await;
    drop(listener);
    if tokio::time::timeout(drain_time_max, connections.all_ended()).await.is_err() {
        tracing::warn!("some requests were still open when the drain time expired");
    }
}

async fn accept(
    listener: &TcpListener,
    router: &Router,
    shutdown: &CancellationToken,
    settings: &Arc<ServeSettings>,
    connections: &Connections,
) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = shutdown.cancelled() => return,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) if concerns_one_connection(&error) => continue,
            Err(error) => {
                // The process is out of descriptors or memory. Connections that end release some.
                tracing::error!(%error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        // Wait for room only after accepting, so that a connection is dropped only for a client that has connected.
        let slot = tokio::select! {
            slot = connections.room() => slot,
            () = shutdown.cancelled() => return,
        };
        let router = router.clone();
        let shutdown = shutdown.clone();
        let settings = Arc::clone(settings);
        let is_proxy = client::is_trusted(peer.ip(), &settings.trusted_proxies);
        let open = connections.enter((!is_proxy).then(|| peer.ip()));
        tokio::spawn(async move {
            match open {
                Ok(open) => connection(stream, peer, router, shutdown, &settings, Arc::new(open)).await,
                Err(full) => {
                    answer_without_request(&stream, ErrorKind::Unavailable, full.detail());
                    linger(&stream).await;
                }
            }
            drop(slot);
        });
    }
}

/// Whether an error of accept(2) concerns only one connection. Source: accept(2), "Error handling".
fn concerns_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
    )
}

/// Maximum size of the head of a request. hyper responds to a longer head with 431.
const HEAD_BYTES_MAX: usize = 64 * 1024;

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    shutdown: CancellationToken,
    settings: &Arc<ServeSettings>,
    open: Arc<Open>,
) {
    let _ = stream.set_nodelay(true);
    let wire = Wire {
        shared: Arc::new(SharedStream {
            stream,
            half_read: AtomicBool::new(false),
            upgraded: OnceLock::new(),
            unflushed: Mutex::default(),
        }),
        closed: CancellationToken::new(),
        stall_max: settings.write_stall_max,
        stalled: None,
    };
    let (shared, closed) = (Arc::clone(&wire.shared), wire.closed.clone());
    let service = {
        let (open, settings, shared) = (Arc::clone(&open), Arc::clone(settings), Arc::clone(&shared));
        tower::service_fn(move |request| {
            answer(request, peer, router.clone(), Arc::clone(&settings), Arc::clone(&open), Arc::clone(&shared))
        })
    };
    let mut connection = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(settings.head_time_max)
            .max_buf_size(HEAD_BYTES_MAX)
            .half_close(false)
            .serve_connection(TokioIo::new(wire), TowerToHyperService::new(service))
            .with_upgrades()
    );
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = open.dropped() => {
            if shared.half_read.load(Ordering::Acquire) {
                answer_without_request(
                    &shared.stream,
                    ErrorKind::Unavailable,
                    "The server has reached its connection limit, and this connection has not sent a complete request.",
                );
            }
            // Do not linger, because another connection waits for this slot.
            return;
        }
        () = shutdown.cancelled() => {
            connection.as_mut().graceful_shutdown();
            // `serve` waits no longer than the drain time, so the connection also ends then.
            tokio::time::timeout(settings.drain_time_max, connection).await.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = ended {
        if error.is_timeout() && shared.half_read.load(Ordering::Acquire) {
            answer_without_request(
                &shared.stream,
                ErrorKind::RequestTimeout,
                "The head of the request did not arrive in time.",
            );
        }
        tracing::debug!(%error, %peer, "a connection ended early");
    } else if shared.upgraded.get().is_some() {
        // The handler owns the stream now. The connection stays counted until the handler drops it.
        let drained = async {
            shutdown.cancelled().await;
            tokio::time::sleep(settings.drain_time_max).await;
        };
        tokio::select! {
            () = closed.cancelled() => {}
            () = drained => {}
        }
        return;
    }
    shared.flushed();
    tokio::select! {
        () = linger(&shared.stream) => {}
        () = open.dropped() => {}
    }
}

/// Endpoints of load balancers, for which some connections are reserved.
const HEALTH_CHECKS: [&str; 3] = ["/livez", "/readyz", "/healthz"];

/// Serves one request, or refuses it if its client has reached the maximum number of open requests.
async fn answer(
    mut request: Request<Incoming>,
    peer: SocketAddr,
    router: Router,
    settings: Arc<ServeSettings>,
    open: Arc<Open>,
    stream: Arc<SharedStream>,
) -> Result<Response<Body>, Infallible> {
    let client = client::client(peer.ip(), request.headers(), &settings.trusted_proxies).address;
    let is_health = HEALTH_CHECKS.contains(&request.uri().path());
    // A client may send the next request before it has received the whole response to the previous one.
    stream.flushed();
    let in_flight = match open.begin(client, is_health, !request.body().is_end_stream()) {
        Ok(in_flight) => Arc::new(in_flight),
        Err(full) => {
            tracing::debug!(%client, ?full, "a request was refused because of the connection limit");
            return Ok(refusal(full));
        }
    };
    request.extensions_mut().insert(ConnectInfo(peer));
    let request = request.map(|body| Body::new(Counted { body, in_flight: Arc::clone(&in_flight), response_of: None }));
    let response = router.oneshot(request).await?;
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        // Counts as a request while the connection is open, so that the connection is not dropped for another
        // connection.
        let _ = stream.upgraded.set(Arc::clone(&in_flight));
    }
    Ok(response.map(|body| Body::new(Counted { body, in_flight, response_of: Some(stream) })))
}

/// Response to a refused request; created without the router, because the server is full.
fn refusal(full: Full) -> Response<Body> {
    let error = ApiError::new(ErrorKind::Unavailable, full.detail());
    let id = uuid::Uuid::now_v7().simple().to_string();
    let mut response = Response::new(Body::from(serde_json::to_vec(&error.to_body(&id)).unwrap_or_default()));
    *response.status_mut() = ErrorKind::Unavailable.status();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/problem+json"));
    headers.insert(header::RETRY_AFTER, header::HeaderValue::from_static("1"));
    headers.insert(header::CONNECTION, header::HeaderValue::from_static("close"));
    if let Ok(id) = header::HeaderValue::try_from(id) {
        headers.insert(edge::X_REQUEST_ID, id);
    }
    response
}

/// Body that keeps its request counted until it is dropped or, for a response, until hyper has written all of it to the
/// stream.
struct Counted<B> {
    body: B,
    in_flight: Arc<InFlight>,
    /// The stream to which the response is written. `None`: the body of a request.
    response_of: Option<Arc<SharedStream>>,
}

impl<B> Drop for Counted<B> {
    fn drop(&mut self) {
        match &self.response_of {
            // hyper drops the body when all of it is in its own buffer.
            Some(stream) => stream.flush_pending(Arc::clone(&self.in_flight)),
            // A handler that does not read the rest of the body does not wait for it either.
            None => self.in_flight.body_ended(),
        }
    }
}

impl<B: HttpBody<Data = Bytes> + Unpin> HttpBody for Counted<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        if self.response_of.is_none() && (frame.is_none() || self.body.is_end_stream()) {
            self.in_flight.body_ended();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Sends a response to a client whose request is missing or incomplete, without the router.
fn answer_without_request(stream: &TcpStream, kind: ErrorKind, detail: &'static str) {
    let body = ApiError::new(kind, detail).to_body(&uuid::Uuid::now_v7().simple().to_string());
    let body = serde_json::to_string(&body).unwrap_or_default();
    let (status, length) = (kind.status(), body.len());
    let answer = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/problem+json\r\nconnection: close\r\nretry-after: 1\r\n\
         content-length: {length}\r\n\r\n{body}"
    );
    // The send buffer is empty. If the few hundred bytes do not fit at once, the client is not reading.
    let _ = stream.try_write(answer.as_bytes());
}

const LINGER: Duration = Duration::from_secs(1);

/// Closes the sending side and reads until the client closes, or for one second.
async fn linger(stream: &TcpStream) {
    if shut_write(stream).is_err() {
        return;
    }
    let mut rest = vec![0u8; 16 * 1024];
    let reading = async {
        while stream.readable().await.is_ok() {
            match stream.try_read(&mut rest) {
                Ok(0) => return,
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => return,
            }
        }
    };
    let _ = tokio::time::timeout(LINGER, reading).await;
}

/// Shuts down the sending side through a duplicate descriptor, because tokio shuts down only sockets that it owns.
fn shut_write(stream: &TcpStream) -> io::Result<()> {
    std::net::TcpStream::from(stream.as_fd().try_clone_to_owned()?).shutdown(Shutdown::Write)
}

struct SharedStream {
    stream: TcpStream,
    /// Whether data was read since the last write. If so, a request has begun.
    half_read: AtomicBool,
    /// Request that upgraded the connection to another protocol.
    upgraded: OnceLock<Arc<InFlight>>,
    /// Request whose response is complete, but partly still in hyper's buffer.
    unflushed: Mutex<Option<Arc<InFlight>>>,
}

impl SharedStream {
    /// Keeps the request counted until [`SharedStream::flushed`].
    fn flush_pending(&self, in_flight: Arc<InFlight>) {
        let before = self.unflushed.lock().unwrap_or_else(PoisonError::into_inner).replace(in_flight);
        drop(before);
    }

    /// Ends the request whose response was not flushed before. Does nothing if there is none.
    fn flushed(&self) {
        let ended = self.unflushed.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(ended);
    }
}

/// The stream that hyper uses. `Wire` detects a client that accepts no data, and may outlive hyper's connection.
struct Wire {
    shared: Arc<SharedStream>,
    stall_max: Duration,
    stalled: Option<Pin<Box<Sleep>>>,
    /// Cancelled when hyper, or the handler of an upgraded connection, drops this value.
    closed: CancellationToken,
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.shared.flushed();
        self.closed.cancel();
    }
}

impl Wire {
    fn poll_progress(
        &mut self,
        cx: &mut Context<'_>,
        mut write: impl FnMut(&TcpStream) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        loop {
            match self.shared.stream.poll_write_ready(cx) {
                Poll::Ready(ready) => {
                    ready?;
                    match write(&self.shared.stream) {
                        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                        result => {
                            self.stalled = None;
                            self.shared.half_read.store(false, Ordering::Release);
                            return Poll::Ready(result);
                        }
                    }
                }
                Poll::Pending => {
                    let stall_max = self.stall_max;
                    let stalled = self.stalled.get_or_insert_with(|| Box::pin(tokio::time::sleep(stall_max)));
                    ready!(stalled.as_mut().poll(cx));
                    return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
                }
            }
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        loop {
            ready!(self.shared.stream.poll_read_ready(cx))?;
            match self.shared.stream.try_read(buf.initialize_unfilled()) {
                Ok(read) => {
                    buf.advance(read);
                    if read > 0 {
                        self.shared.half_read.store(true, Ordering::Release);
                    }
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.get_mut().poll_progress(cx, |stream| stream.try_write(buf))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.get_mut().poll_progress(cx, |stream| stream.try_write_vectored(bufs))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // hyper flushes the stream only when its own buffer is empty.
        self.shared.flushed();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(shut_write(&self.shared.stream))
    }
}
