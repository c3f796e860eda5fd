//! Connections that leave HTTP, as WebSockets do.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{Response, StatusCode, header};
use axum::routing::get;
use cupel_http::{ServeSettings, serve};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

const PATIENCE: Duration = Duration::from_secs(120);

/// Upgrades to a protocol that echoes the received bytes until the client closes the connection.
async fn echo(mut request: Request) -> Response<Body> {
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let mut stream = TokioIo::new(upgrade.await.expect("the connection is upgraded"));
        let mut data = [0; 64];
        while let Ok(read @ 1..) = stream.read(&mut data).await {
            stream.write_all(&data[..read]).await.expect("the client reads");
        }
    });
    let headers = [(header::CONNECTION, "upgrade"), (header::UPGRADE, "echo")];
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    response.headers_mut().extend(headers.map(|(name, value)| (name, header::HeaderValue::from_static(value))));
    response
}

struct Server {
    address: SocketAddr,
    shutdown: CancellationToken,
    task: JoinHandle<()>,
}

async fn start(settings: ServeSettings) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().route("/echo", get(echo)).route("/livez", get(|| async { "ok" }));
    let shutdown = CancellationToken::new();
    let task = tokio::spawn(serve(listener, router, shutdown.clone(), settings));
    Server { address, shutdown, task }
}

async fn upgraded(server: &Server) -> TcpStream {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let head = b"GET /echo HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n";
    stream.write_all(head).await.unwrap();
    let mut answer = String::new();
    while !answer.contains("\r\n\r\n") {
        answer.push(char::from(byte(&mut stream).await));
    }
    assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
    stream
}

async fn byte(stream: &mut TcpStream) -> u8 {
    tokio::time::timeout(PATIENCE, stream.read_u8()).await.expect("a byte arrives").unwrap()
}

async fn echoes(stream: &mut TcpStream) {
    for sent in [b'a', b'b', b'c'] {
        stream.write_u8(sent).await.unwrap();
        assert_eq!(byte(stream).await, sent);
    }
}

#[tokio::test]
async fn an_upgraded_connection_carries_the_other_protocol_until_it_is_closed() {
    let server = start(ServeSettings::default()).await;
    let mut stream = upgraded(&server).await;
    echoes(&mut stream).await;
    stream.shutdown().await.unwrap();
    let end = tokio::time::timeout(PATIENCE, stream.read(&mut [0])).await.expect("the server closes").unwrap();
    assert_eq!(end, 0);
}

#[tokio::test]
async fn an_upgraded_connection_counts_as_open_and_is_not_dropped_for_another() {
    let server = start(ServeSettings { connections_max: 1, ..ServeSettings::default() }).await;
    let mut first = upgraded(&server).await;
    let mut second = TcpStream::connect(server.address).await.unwrap();
    second.write_all(b"GET /livez HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
    echoes(&mut first).await;
    let mut data = [0];
    assert!(second.try_read(&mut data).is_err(), "only one connection is allowed");
    drop(first);
    assert_eq!(byte(&mut second).await, b'H', "the second connection is served after the first has ended");
}

#[tokio::test]
async fn a_shutdown_ends_upgraded_connections_after_the_drain_time() {
    let settings = ServeSettings { drain_time_max: Duration::from_millis(10), ..ServeSettings::default() };
    let server = start(settings).await;
    let mut stream = upgraded(&server).await;
    echoes(&mut stream).await;
    server.shutdown.cancel();
    tokio::time::timeout(PATIENCE, server.task).await.expect("the server ends").unwrap();
}
