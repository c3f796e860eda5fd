//! Tests over a real socket, of behaviour that depends on the connection.

use std::time::Duration;

use cupel_http::ServeSettings;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::app::{TestApp, TestUser, a_report};
use crate::events::events_of;

struct Server {
    app: TestApp,
    address: std::net::SocketAddr,
    task: JoinHandle<()>,
}

const PATIENCE: Duration = Duration::from_secs(120);

async fn start(settings: ServeSettings, change: impl FnOnce(&mut cupel_http::Settings)) -> Server {
    let app = TestApp::with_settings(change).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let task = tokio::spawn(cupel_http::serve(listener, app.router.clone(), app.shutdown.clone(), settings));
    Server { app, address, task }
}

impl Server {
    /// Sends bytes and reads until the server closes the connection.
    async fn talk(&self, bytes: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        read_all(&mut stream).await
    }

    /// Opens the event stream of a waiting submission and waits for the first event. Returns the user and the stream.
    async fn follow(&self, headers: &str) -> (TestUser, TcpStream) {
        let user = self.app.user().await;
        let id = self.app.submit(&user, &json!({ "language": "python", "source_code": "x" })).await;
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let line = format!("GET /api/v1/execute/{id}/events");
        stream.write_all(&request(&user, &line, headers, "")).await.unwrap();
        let mut seen = String::new();
        while !seen.contains("event: queued") {
            let mut piece = [0u8; 4096];
            let read = tokio::time::timeout(PATIENCE, stream.read(&mut piece)).await.expect("an event comes").unwrap();
            assert_ne!(read, 0, "{seen}");
            seen.push_str(std::str::from_utf8(&piece[..read]).unwrap());
        }
        (user, stream)
    }

    /// Stops the server; fails if it does not stop.
    async fn stop(self) {
        self.app.shutdown.cancel();
        tokio::time::timeout(PATIENCE, self.task).await.expect("the server ends").unwrap();
    }
}

async fn read_all(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await.expect("the server closes").unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

/// Like [`read_all`], for a connection that may be reset.
async fn read_what_comes(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await.expect("the server closes");
    String::from_utf8_lossy(&answer).into_owned()
}

const LIVE: &[u8] = b"GET /livez HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";

/// Settings with which the test client counts as a trusted proxy.
fn behind_a_proxy() -> ServeSettings {
    ServeSettings { trusted_proxies: vec!["127.0.0.1".parse().unwrap()], ..ServeSettings::default() }
}

fn trusting(settings: &mut cupel_http::Settings) {
    settings.trusted_proxies = vec!["127.0.0.1".parse().unwrap()];
}

fn request(user: &TestUser, line: &str, headers: &str, body: &str) -> Vec<u8> {
    format!(
        "{line} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer {}\r\n{headers}\r\n{body}",
        user.token
    )
    .into_bytes()
}

/// The body of a response; chunks are joined.
fn body_of(answer: &str) -> String {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {answer:?}"));
    if !head.to_lowercase().contains("transfer-encoding: chunked") {
        return body.to_owned();
    }
    let (mut rest, mut joined) = (body, String::new());
    while let Some((size, after)) = rest.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).unwrap();
        joined.push_str(&after[..size]);
        rest = after[size..].trim_start_matches("\r\n");
        if size == 0 {
            break;
        }
    }
    joined
}

#[tokio::test]
async fn a_missing_request_head_gets_408_and_the_connection_is_closed() {
    let server =
        start(ServeSettings { head_time_max: Duration::from_millis(200), ..ServeSettings::default() }, |_| {}).await;
    let answer = server.talk(b"GET /healthz HTTP/1.1\r\nhost: x\r\nx-slow: ").await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer:?}");
    let problem: serde_json::Value = serde_json::from_str(&body_of(&answer)).unwrap();
    assert_eq!(problem["code"], "request-timeout");
    assert_eq!(server.talk(b"").await, "", "a connection without any data gets no response");
    server.stop().await;
}

#[tokio::test]
async fn a_missing_body_gets_408_and_nothing_is_stored() {
    let server = start(ServeSettings::default(), |s| s.body_time_max = Duration::from_millis(200)).await;
    let user = server.app.user().await;
    let head = "content-type: application/json\r\ncontent-length: 100\r\n";
    let answer = server.talk(&request(&user, "POST /api/v1/execute", head, "{\"language\":")).await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer:?}");
    assert!(answer.contains("\"code\":\"request-timeout\""), "{answer}");
    assert_eq!(server.app.stored().await, 0);
    server.stop().await;
}

/// Regression: with bodies that never became complete, four accounts filled the memory for bodies.
#[tokio::test]
async fn bodies_that_arrive_slowly_use_only_a_part_of_the_memory_for_bodies() {
    let server = start(ServeSettings::default(), |s| {
        (s.execute_body_bytes_max, s.bodies_of_user_bytes_max, s.bodies_bytes_max) = (1000, 4000, 8000);
        s.body_time_max = Duration::from_secs(6);
    })
    .await;
    let (one, other) = (server.app.user().await, server.app.user().await);
    let part = "x".repeat(900);
    let send = async |user: &TestUser| {
        let head = "content-type: application/json\r\ncontent-length: 1000\r\n";
        let answer = server.talk(&request(user, "POST /api/v1/execute", head, &part)).await;
        answer.split(' ').nth(1).map(str::to_owned).expect("a status")
    };
    let (a, b, c) = tokio::join!(send(&one), send(&one), send(&other));
    let mut of_one = [a, b];
    of_one.sort();
    assert_eq!((of_one, c), (["408".to_owned(), "429".to_owned()], "408".to_owned()));
    server.stop().await;
}

#[tokio::test]
async fn a_refusal_reaches_a_client_that_still_sends_its_body() {
    let server = start(ServeSettings::default(), |s| s.execute_body_bytes_max = 1000).await;
    let user = server.app.user().await;
    let head = format!("content-type: application/json\r\ncontent-length: {}\r\n", 8 << 20);
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(&request(&user, "POST /api/v1/execute", &head, "")).await.unwrap();
    let (mut reading, mut writing) = stream.split();
    let mut answer = Vec::new();
    let sending = async {
        // The server may close the connection during the write. The test requires only that the response arrives.
        for _ in 0..128 {
            if writing.write_all(&[b'x'; 64 * 1024]).await.is_err() {
                return;
            }
        }
    };
    let ((), read) = tokio::join!(sending, tokio::time::timeout(PATIENCE, reading.read_to_end(&mut answer)));
    let _ = read.expect("the server closes");
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.starts_with("HTTP/1.1 413 ") && answer.contains("\"code\":\"body-too-large\""), "{answer:?}");
    assert_eq!(server.app.stored().await, 0);
    server.stop().await;
}

#[tokio::test]
async fn a_chunked_body_without_end_is_stopped_at_the_limit() {
    let server = start(ServeSettings::default(), |s| s.execute_body_bytes_max = 1000).await;
    let user = server.app.user().await;
    let head = "content-type: application/json\r\ntransfer-encoding: chunked\r\n";
    let answer =
        server.talk(&request(&user, "POST /api/v1/execute", head, &format!("800\r\n{}\r\n", "x".repeat(0x800)))).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer:?}");
    server.stop().await;
}

#[tokio::test]
async fn a_reconnecting_client_gets_the_rest_of_the_stream() {
    let server = start(ServeSettings::default(), |_| {}).await;
    let user = server.app.user().await;
    let id = server.app.submit(&user, &json!({ "language": "python", "source_code": "x" })).await;
    let line = format!("GET /api/v1/execute/{id}/events");

    // The first connection reads one event and is closed.
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(&request(&user, &line, "", "")).await.unwrap();
    let mut seen = String::new();
    while !seen.contains("event: queued") || !seen.ends_with("\n\n\r\n") {
        let mut piece = [0u8; 4096];
        let read = tokio::time::timeout(PATIENCE, stream.read(&mut piece)).await.expect("an event comes").unwrap();
        assert_ne!(read, 0, "{seen}");
        seen.push_str(std::str::from_utf8(&piece[..read]).unwrap());
    }
    drop(stream);
    let last = seen.lines().find_map(|line| line.strip_prefix("id: ")).unwrap().to_owned();

    server.app.complete(a_report()).await;
    let answer = server.talk(&request(&user, &line, &format!("last-event-id: {last}\r\n"), "")).await;
    let names: Vec<String> = events_of(&body_of(&answer)).into_iter().map(|(_, name, _)| name).collect();
    assert_eq!(names, ["started", "test.start", "output", "verdict"]);
    server.stop().await;
}

#[tokio::test]
async fn malformed_requests_are_answered_and_the_server_continues() {
    let server = start(ServeSettings::default(), |_| {}).await;
    for rubbish in [
        &b"\x16\x03\x01\x02\x00\x01\x00"[..],
        b"GET\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: x\r\ncontent-length: -5\r\n\r\n",
        &[b'A'; 100_000],
    ] {
        let answer = server.talk(rubbish).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer:?}");
    }
    let answer = server.talk(b"GET /livez HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer:?}");
    server.stop().await;
}

#[tokio::test]
async fn one_connection_over_the_bound_waits_for_a_request_to_end() {
    let server = start(ServeSettings { connections_max: 1, ..ServeSettings::default() }, |_| {}).await;
    let (_, mut first) = server.follow("").await;
    let second = server.talk(LIVE);
    let ending = async {
        server.app.complete(a_report()).await;
        read_all(&mut first).await
    };
    let (second, first) = tokio::join!(second, ending);
    assert!(first.contains("event: verdict") && second.starts_with("HTTP/1.1 200 "), "{first:?} {second:?}");
    server.stop().await;
}

#[tokio::test]
async fn at_the_limit_the_oldest_connection_without_a_complete_request_is_dropped() {
    let server = start(ServeSettings { connections_max: 4, ..ServeSettings::default() }, |_| {}).await;
    let (_, following) = server.follow("").await;
    let half_head = b"GET /livez HTTP/1.1\r\nhost: x\r\n";
    let half_body = b"POST /api/v1/auth/login HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{";
    let mut waiting = Vec::new();
    for bytes in [&half_body[..], half_head, half_head] {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        waiting.push(stream);
        // Let the server accept the connections in this order.
        tokio::task::yield_now().await;
    }
    // Connections with half a head are dropped first; the half body and the stream stay.
    for _ in 0..20 {
        let answer = server.talk(LIVE).await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer:?}");
        let mut more = TcpStream::connect(server.address).await.unwrap();
        more.write_all(half_head).await.unwrap();
        waiting.push(more);
    }
    for stream in &mut waiting[1..10] {
        let answer = read_what_comes(stream).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 503 "), "{answer:?}");
    }
    server.app.complete(a_report()).await;
    let mut following = following;
    assert!(read_all(&mut following).await.contains("event: verdict"));
    server.stop().await;
}

#[tokio::test]
async fn a_thousand_incomplete_heads_do_not_block_other_clients() {
    let server = start(ServeSettings { connections_max: 64, ..behind_a_proxy() }, trusting).await;
    let mut flood = Vec::new();
    for _ in 0..300 {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        let _ = stream.write_all(b"GET /livez HTTP/1.1\r\nhost: x\r\n").await;
        flood.push(stream);
    }
    let user = server.app.user().await;
    let answer = server.talk(&request(&user, "GET /api/v1/auth/me", "x-forwarded-for: 203.0.113.1\r\n", "")).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer:?}");
    server.stop().await;
}

#[tokio::test]
async fn clients_behind_a_trusted_proxy_are_counted_separately() {
    let settings = ServeSettings { connections_of_address_max: 2, ..behind_a_proxy() };
    let server = start(settings, trusting).await;
    let (one, other) = ("x-forwarded-for: 203.0.113.1\r\n", "x-forwarded-for: 203.0.113.2\r\n");
    let (user, _first) = server.follow(one).await;
    let (_, _second) = server.follow(one).await;
    let ask = async |from: &str| server.talk(&request(&user, "GET /api/v1/auth/me", from, "")).await;
    let refused = ask(one).await;
    assert!(refused.starts_with("HTTP/1.1 503 ") && refused.contains("\"code\":\"unavailable\""), "{refused:?}");
    for _ in 0..5 {
        let answered = ask(other).await;
        assert!(answered.starts_with("HTTP/1.1 200 "), "{answered:?}");
    }
    let forged = ask("x-forwarded-for: 203.0.113.9, 203.0.113.1\r\n").await;
    assert!(forged.starts_with("HTTP/1.1 503 "), "the first address was written by the client: {forged:?}");
    server.stop().await;
}

#[tokio::test]
async fn ipv6_clients_of_one_network_count_as_one() {
    let settings = ServeSettings { connections_of_address_max: 1, ..behind_a_proxy() };
    let server = start(settings, trusting).await;
    let (user, _first) = server.follow("x-forwarded-for: 2001:db8:0:1::1\r\n").await;
    let ask = async |from: &str| {
        server.talk(&request(&user, "GET /api/v1/auth/me", &format!("x-forwarded-for: {from}\r\n"), "")).await
    };
    let same = ask("2001:db8:0:1:ffff::7").await;
    assert!(same.starts_with("HTTP/1.1 503 "), "{same:?}");
    let another = ask("2001:db8:0:2::1").await;
    assert!(another.starts_with("HTTP/1.1 200 "), "{another:?}");
    server.stop().await;
}

#[tokio::test]
async fn health_checks_are_answered_when_all_other_connections_are_busy() {
    let server = start(ServeSettings { connections_max: 16, ..ServeSettings::default() }, |_| {}).await;
    let mut streams = Vec::new();
    for _ in 0..14 {
        streams.push(server.follow("").await);
    }
    for path in ["/livez", "/readyz", "/healthz"] {
        let ask = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        let answer = server.talk(ask.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{path}: {answer:?}");
    }
    let refused = server.talk(b"GET /api/v1/languages HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    assert!(refused.starts_with("HTTP/1.1 503 ") && refused.contains("retry-after: 1"), "{refused:?}");
    server.stop().await;
}

#[tokio::test]
async fn a_head_that_cannot_be_read_gets_a_status_without_a_body() {
    let server = start(ServeSettings::default(), |_| {}).await;
    let long = format!("GET /livez HTTP/1.1\r\nhost: x\r\nx-long: {}\r\n\r\n", "x".repeat(200 * 1024));
    for (head, status) in [("FOO\r\n\r\n", "400"), (&*long, "431")] {
        let answer = server.talk(head.as_bytes()).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")) && answer.ends_with("\r\n\r\n"), "{answer:?}");
    }
    server.stop().await;
}

#[tokio::test]
async fn the_number_of_streams_of_all_users_is_limited() {
    let server = start(ServeSettings::default(), |s| s.long_answers_max = 2).await;
    let (user, _first) = server.follow("").await;
    let (_, _second) = server.follow("").await;
    let id = server.app.submit(&user, &json!({ "language": "python", "source_code": "x" })).await;
    let refused = server.talk(&request(&user, &format!("GET /api/v1/execute/{id}/events"), "", "")).await;
    assert!(refused.starts_with("HTTP/1.1 503 ") && refused.contains("retry-after: 1"), "{refused:?}");
    let looked_at = server.talk(&request(&user, &format!("GET /api/v1/execute/{id}"), "", "")).await;
    assert!(looked_at.starts_with("HTTP/1.1 200 "), "{looked_at:?}");
    server.stop().await;
}

#[tokio::test]
async fn the_server_stops_while_a_client_follows_a_stream() {
    let server = start(ServeSettings::default(), |_| {}).await;
    let user = server.app.user().await;
    let id = server.app.submit(&user, &json!({ "language": "python", "source_code": "x" })).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(&request(&user, &format!("GET /api/v1/execute/{id}/events"), "", "")).await.unwrap();
    let mut byte = [0u8; 1];
    stream.read_exact(&mut byte).await.unwrap();
    server.app.shutdown.cancel();
    let answer = read_all(&mut stream).await;
    assert!(answer.ends_with("0\r\n\r\n"), "the stream ends properly: {answer:?}");
    server.stop().await;
}

#[tokio::test]
async fn a_client_that_does_not_read_its_response_is_disconnected() {
    let server = start(
        ServeSettings { connections_max: 1, write_stall_max: Duration::from_millis(200), ..ServeSettings::default() },
        |_| {},
    )
    .await;
    let mut greedy = TcpStream::connect(server.address).await.unwrap();
    // The responses are larger than the socket's buffers, and the client reads none of them.
    greedy.write_all(&b"GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nhost: x\r\n\r\n".repeat(40)).await.unwrap();
    let next = server.talk(b"GET /livez HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    assert!(next.starts_with("HTTP/1.1 200 "), "the slot is free again: {next:?}");
    drop(greedy);
    server.stop().await;
}

#[tokio::test]
async fn one_address_cannot_take_all_connections() {
    let server = start(ServeSettings { connections_of_address_max: 1, ..ServeSettings::default() }, |_| {}).await;
    let (user, following) = server.follow("").await;
    let ask = request(&user, "GET /api/v1/auth/me", "", "");
    let refused = server.talk(&ask).await;
    assert!(refused.starts_with("HTTP/1.1 503 ") && refused.contains("\"code\":\"unavailable\""), "{refused:?}");
    assert!(server.talk(LIVE).await.starts_with("HTTP/1.1 200 "), "a health check is answered");
    drop(following);
    tokio::time::timeout(PATIENCE, async { while !server.talk(&ask).await.starts_with("HTTP/1.1 200 ") {} })
        .await
        .unwrap();
    server.stop().await;
}
