//! The server loop: accepts connections, and does not let a slow or silent client keep anything.
//!
//! Every wait on a client has a limit: for the head of a request (which is also how long an idle connection is kept),
//! for its body (`body.rs`), and for taking what we send. The number of connections is bounded; beyond
//! that, clients wait in the kernel's backlog. When a connection ends, what the client is still sending is read for a
//! moment: closing at once would reset the connection, and the client would never see the answer.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Shutdown, SocketAddr};
use std::os::fd::AsFd;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::Sleep;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::limits::network_of;
use crate::problem::{Problem, ProblemKind};

/// How patient the server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServeSettings {
    /// How long the head of a request may take to arrive, and how long an idle connection is kept.
    pub head_time_max: Duration,
    /// How long a client may take none of what is sent to it.
    pub write_stall_max: Duration,
    /// How many connections may be open.
    pub connections_max: usize,
    /// How many of them may come from one address (IPv6: one /64). A reverse proxy is one address.
    pub connections_of_address_max: usize,
    /// How long open requests may go on after the shutdown began.
    pub drain_time_max: Duration,
}

impl Default for ServeSettings {
    fn default() -> ServeSettings {
        ServeSettings {
            head_time_max: Duration::from_secs(30),
            write_stall_max: Duration::from_secs(30),
            connections_max: 4096,
            connections_of_address_max: 1024,
            drain_time_max: Duration::from_secs(10),
        }
    }
}

/// Serves until `shutdown` is cancelled, then lets open requests end (see [`ServeSettings::drain_time_max`]).
///
/// Give [`ApiState`](crate::ApiState) the same token, so that long answers end at once.
///
/// # Errors
/// When connections cannot be accepted any more for a reason that does not pass.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    shutdown: CancellationToken,
    settings: ServeSettings,
) -> io::Result<()> {
    let slots = Arc::new(Semaphore::new(settings.connections_max));
    let addresses = Addresses::default();
    let result = accept(&listener, &router, &shutdown, settings, &slots, &addresses).await;
    drop(listener);
    // Every connection holds a slot: all slots free means all connections have ended.
    let all = u32::try_from(settings.connections_max).unwrap_or(u32::MAX);
    if tokio::time::timeout(settings.drain_time_max, slots.acquire_many(all)).await.is_err() {
        tracing::warn!("some requests were still open when the time to drain was over");
    }
    result
}

async fn accept(
    listener: &TcpListener,
    router: &Router,
    shutdown: &CancellationToken,
    settings: ServeSettings,
    slots: &Arc<Semaphore>,
    addresses: &Addresses,
) -> io::Result<()> {
    loop {
        let slot = tokio::select! {
            slot = Arc::clone(slots).acquire_owned() => slot.map_err(io::Error::other)?,
            () = shutdown.cancelled() => return Ok(()),
        };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = shutdown.cancelled() => return Ok(()),
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) if of_one_connection(&error) => continue,
            Err(error) => {
                // Out of descriptors or memory: connections that end will free some.
                tracing::error!(%error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let router = router.clone();
        let shutdown = shutdown.clone();
        let place = addresses.enter(network_of(peer.ip()), settings.connections_of_address_max.max(1));
        tokio::spawn(async move {
            match place {
                Some(_place) => connection(stream, peer, router, shutdown, settings).await,
                None => {
                    let detail = "Too many connections are open from this address.";
                    answer_without_request(&stream, ProblemKind::Unavailable, detail);
                    linger(&stream).await;
                }
            }
            drop(slot);
        });
    }
}

/// Source: accept(2), "Error handling".
fn of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
    )
}

/// A longer head is answered 431 by hyper.
const HEAD_BYTES_MAX: usize = 64 * 1024;

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    shutdown: CancellationToken,
    settings: ServeSettings,
) {
    let _ = stream.set_nodelay(true);
    let wire = Wire {
        shared: Arc::new(SharedStream { stream, half_read: AtomicBool::new(false) }),
        stall_max: settings.write_stall_max,
        stalled: None,
    };
    let shared = Arc::clone(&wire.shared);
    let service = router.map_request(move |mut request: hyper::Request<hyper::body::Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        request.map(axum::body::Body::new)
    });
    let mut connection = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(settings.head_time_max)
            .max_buf_size(HEAD_BYTES_MAX)
            .half_close(false)
            .serve_connection(TokioIo::new(wire), TowerToHyperService::new(service))
    );
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = shutdown.cancelled() => {
            connection.as_mut().graceful_shutdown();
            // The drain's limit is the caller's: the runtime drops what is left.
            tokio::time::timeout(settings.drain_time_max, connection).await.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = ended {
        if error.is_timeout() && shared.half_read.load(Ordering::Acquire) {
            answer_without_request(
                &shared.stream,
                ProblemKind::RequestTimeout,
                "The head of the request did not arrive in time.",
            );
        }
        tracing::debug!(%error, %peer, "a connection ended early");
    }
    linger(&shared.stream).await;
}

/// For when there is no request that the router could answer.
fn answer_without_request(stream: &TcpStream, kind: ProblemKind, detail: &'static str) {
    let body = Problem::new(kind, detail).to_body(&uuid::Uuid::now_v7().simple().to_string());
    let body = serde_json::to_string(&body).unwrap_or_default();
    let (status, length) = (kind.status(), body.len());
    let answer = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/problem+json\r\nconnection: close\r\nretry-after: 1\r\n\
         content-length: {length}\r\n\r\n{body}"
    );
    // A few hundred bytes into an empty send buffer: either all of it fits now, or nobody reads.
    let _ = stream.try_write(answer.as_bytes());
}

/// How many connections each address has.
#[derive(Clone, Default)]
struct Addresses(Arc<Mutex<HashMap<IpAddr, usize>>>);

/// One connection of an address; ends when dropped.
struct Place {
    addresses: Addresses,
    address: IpAddr,
}

impl Addresses {
    fn enter(&self, address: IpAddr, most: usize) -> Option<Place> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(address).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        Some(Place { addresses: self.clone(), address })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.addresses.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.address);
            }
        }
    }
}

const LINGER: Duration = Duration::from_secs(1);

/// Says that nothing more comes, and reads until the client has understood, or for a second.
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

/// Through a second descriptor of the same socket: tokio shuts down only what it owns.
fn shut_write(stream: &TcpStream) -> io::Result<()> {
    std::net::TcpStream::from(stream.as_fd().try_clone_to_owned()?).shutdown(Shutdown::Write)
}

struct SharedStream {
    stream: TcpStream,
    /// Whether something was read since something was last written: a request has begun.
    half_read: AtomicBool,
}

/// The connection as hyper sees it: it notices a client that takes nothing, and outlives hyper.
struct Wire {
    shared: Arc<SharedStream>,
    stall_max: Duration,
    stalled: Option<Pin<Box<Sleep>>>,
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
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(shut_write(&self.shared.stream))
    }
}
