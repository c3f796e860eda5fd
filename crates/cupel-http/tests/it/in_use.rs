//! Connections in use: they are not dropped when another client connects to a full server.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::{get, post};
use cupel_http::{ServeSettings, serve};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

const PATIENCE: Duration = Duration::from_secs(120);

/// Starts a server that accepts one connection.
async fn start(router: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let settings = ServeSettings { connections_max: 1, ..ServeSettings::default() };
    tokio::spawn(serve(listener, router.route("/livez", get(|| async { "ok" })), CancellationToken::new(), settings));
    address
}

async fn sent(server: SocketAddr, head: &str) -> TcpStream {
    let mut stream = TcpStream::connect(server).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

/// Reads the rest of the response, up to the end of the connection.
async fn rest(stream: &mut TcpStream) -> Vec<u8> {
    let mut answer = Vec::new();
    let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await;
    read.expect("the server closes").expect("the whole response arrives");
    answer
}

const LIVEZ: &str = "GET /livez HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";

#[tokio::test]
async fn a_connection_is_in_use_until_its_response_is_written() {
    // Larger than the buffers of the kernel.
    const LENGTH: usize = 64 * 1024 * 1024;
    let server = start(Router::new().route("/large", get(|| async { vec![b'x'; LENGTH] }))).await;
    let mut first = sent(server, "GET /large HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    let byte = tokio::time::timeout(PATIENCE, first.read_u8()).await.expect("a byte arrives").unwrap();
    assert_eq!(byte, b'H');
    let mut second = sent(server, LIVEZ).await;
    let answer = rest(&mut first).await;
    assert!(answer.len() > LENGTH, "{}", answer.len());
    assert!(rest(&mut second).await.starts_with(b"HTTP/1.1 200 "));
}

#[tokio::test]
async fn a_connection_is_in_use_while_a_handler_that_reads_no_body_serves_its_request() {
    let (entered, leave) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let handler = {
        let (entered, leave) = (Arc::clone(&entered), Arc::clone(&leave));
        || async move {
            entered.add_permits(1);
            let _leave = leave.acquire().await;
            "done"
        }
    };
    let server = start(Router::new().route("/act", post(handler))).await;
    let mut first = sent(server, "POST /act HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n").await;
    tokio::time::timeout(PATIENCE, entered.acquire()).await.expect("the handler runs").unwrap().forget();
    let mut second = sent(server, LIVEZ).await;
    // The server waits for an end of the first request, because it has not dropped the connection.
    first.write_all(b"body").await.unwrap();
    leave.add_permits(1);
    let mut answer = vec![0; 13];
    tokio::time::timeout(PATIENCE, first.read_exact(&mut answer)).await.expect("a response arrives").unwrap();
    assert_eq!(answer, b"HTTP/1.1 200 ");
    drop(first);
    assert!(rest(&mut second).await.starts_with(b"HTTP/1.1 200 "));
}
