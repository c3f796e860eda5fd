//! Socket.IO below the official client: packets at moments at which it sends none. `socketio.test.mjs` tests the
//! official client.
//!
//! Source: Engine.IO protocol, revision 4 (`1` closes a connection, `2` and `3` are a ping and its answer); Socket.IO
//! protocol, revision 5 (`40` connects, `41` disconnects, `42` is an event, `43` an acknowledgement, `44` a refusal).

use std::collections::VecDeque;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::Method;
use cupel_core::accounts::Scope;
use cupel_http::{Rate, TierRates};
use cupel_problem::Visibility;
use serde_json::{Value, json};

use crate::app::{Answer, TestApp, TestUser};

const PATIENCE: Duration = Duration::from_secs(120);

/// Pause before a request is repeated.
const PAUSE: Duration = Duration::from_millis(10);

const PLACE: &str = "/api/v1/socket.io/?EIO=4&transport=polling";

/// Separates the packets of a body.
const SEPARATOR: &str = "\x1e";

/// Number of packets that the server keeps for a client that does not poll.
const PACKETS_MAX: usize = 16;

/// A client of the polling transport.
pub(crate) struct Poller<'a> {
    app: &'a TestApp,
    place: String,
    received: VecDeque<String>,
}

impl<'a> Poller<'a> {
    /// Opens an Engine.IO connection, as soon as the user may have one more.
    async fn open(app: &'a TestApp, credential: &str) -> Poller<'a> {
        let opened = async {
            loop {
                let answer = app.get(PLACE).bearer(credential).send().await;
                if answer.status == 200 {
                    return answer;
                }
                assert!(matches!(answer.json["code"].as_str(), Some("rate-limited" | "unavailable")), "{answer:?}");
                tokio::time::sleep(PAUSE).await;
            }
        };
        let answer = tokio::time::timeout(PATIENCE, opened).await.expect("the user may have one more connection");
        let open: Value = serde_json::from_str(answer.text.strip_prefix('0').unwrap()).unwrap();
        let place = format!("{PLACE}&sid={}", open["sid"].as_str().unwrap());
        let mut client = Poller { app, place, received: VecDeque::new() };
        // The next ping follows after 15 s. Without it, the queue of the client is empty.
        client.until(|packet| packet == "2").await;
        client
    }

    /// Opens an Engine.IO connection and connects to the namespace.
    pub(crate) async fn connected(app: &'a TestApp, credential: &str) -> Poller<'a> {
        let mut client = Poller::open(app, credential).await;
        client.send(&["40"]).await;
        client.until(|packet| packet.starts_with("40")).await;
        client
    }

    /// Sends packets in one request.
    pub(crate) async fn send(&self, packets: &[&str]) {
        let body = packets.join(SEPARATOR);
        let answer = self.app.request(Method::POST, &self.place).raw(body).send().await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }

    /// The next packet for which `is` returns true. Earlier packets are dropped, and pings are answered.
    pub(crate) async fn until(&mut self, is: impl Fn(&str) -> bool) -> String {
        let arrival = async {
            loop {
                while let Some(packet) = self.received.pop_front() {
                    if packet == "2" {
                        self.send(&["3"]).await;
                    }
                    if is(&packet) {
                        return packet;
                    }
                }
                let answer = self.app.get(&self.place).send().await;
                assert_eq!(answer.status, 200, "the Engine.IO connection has ended: {answer:?}");
                self.received.extend(answer.text.split(SEPARATOR).map(str::to_owned));
            }
        };
        tokio::time::timeout(PATIENCE, arrival).await.expect("the packet arrives")
    }

    /// Connects to the namespace again, on the same Engine.IO connection. Returns the answer. CONNECT is repeated,
    /// because the server ignores it while it handles the end of the connection before.
    pub(crate) async fn connect_again(&mut self) -> String {
        let again = Poller { app: self.app, place: self.place.clone(), received: VecDeque::new() };
        let repeated = async {
            loop {
                again.send(&["40"]).await;
                tokio::time::sleep(PAUSE).await;
            }
        };
        tokio::select! {
            answer = self.until(|packet| packet.starts_with("40") || packet.starts_with("44")) => answer,
            never = repeated => never,
        }
    }

    /// Sends an event, and returns its acknowledgement.
    async fn ask(&mut self, event: &str, room: &str) -> Value {
        self.send(&[&message(event, room)]).await;
        let packet = self.until(|packet| packet.starts_with("437")).await;
        serde_json::from_str::<Value>(&packet[3..]).unwrap()[0].clone()
    }
}

/// The packet of an event that requests an acknowledgement with the number 7.
fn message(event: &str, room: &str) -> String {
    format!("427{}", json!([event, { "room": room }]))
}

/// The room of a new submission that no worker takes, so that the room does not end.
async fn a_room(app: &TestApp, user: &TestUser) -> String {
    format!("submission:{}", app.submit(user, &json!({ "language": "python", "source_code": "x" })).await)
}

#[tokio::test]
async fn a_join_that_is_handled_after_the_disconnect_opens_no_room() {
    // While half of the server's maximum is in use, a user may have 16 connections and rooms.
    const OPEN_MAX: usize = 16;
    let app = TestApp::with_settings(|settings| settings.long_answers_max = 2 * OPEN_MAX).await;
    let (user, author) = (app.user().await, app.author().await);
    // The room of a submission ends with its first event, which cannot be sent. The room of a problem has no events
    // here.
    let join = message("join", &format!("problem:{}", app.problem(&author, "echo", Visibility::Public).await));
    for packets in [["41", &join], [&*join, "41"]] {
        let client = Poller::connected(&app, &user.token).await;
        client.send(&packets).await;
        client.send(&["1"]).await;
    }
    let mut client = Poller::connected(&app, &user.token).await;
    let joined = async {
        for _ in 1..OPEN_MAX {
            let room = a_room(&app, &user).await;
            // The server may still handle the end of an earlier connection.
            while client.ask("join", &room).await != json!({ "room": room }) {
                tokio::time::sleep(PAUSE).await;
            }
        }
    };
    tokio::time::timeout(PATIENCE, joined).await.expect("no other room is open");
}

#[tokio::test]
async fn a_client_that_connects_again_is_in_no_room() {
    let app = TestApp::start().await;
    let user = app.user().await;
    let room = a_room(&app, &user).await;
    let mut client = Poller::connected(&app, &user.token).await;
    for _ in 0..2 {
        assert_eq!(client.ask("leave", &room).await["error"]["code"], "conflict");
        assert_eq!(client.ask("join", &room).await, json!({ "room": room }));
        client.send(&["41"]).await;
        let answer = client.connect_again().await;
        assert!(answer.starts_with("40"), "{answer}");
    }
}

#[tokio::test]
async fn a_client_that_connects_again_and_again_is_limited() {
    const BURST: u32 = 20;
    let hourly = Rate::new(BURST, Duration::from_secs(3600), BURST);
    let tier = TierRates { submissions: hourly, reads: hourly };
    let app = TestApp::with_settings(|settings| settings.tiers = [("basic".to_owned(), tier)].into()).await;
    let user = app.user().await;
    let mut client = Poller::connected(&app, &user.token).await;
    let mut answer = String::new();
    for _ in 0..=BURST {
        client.send(&["41"]).await;
        answer = client.connect_again().await;
        if answer.starts_with("44") {
            break;
        }
    }
    assert!(answer.starts_with("44") && answer.contains("Your tier allows"), "{answer}");
}

#[tokio::test]
async fn a_client_that_is_disconnected_when_the_server_stops_cannot_connect_again() {
    let app = TestApp::start().await;
    let user = app.user().await;
    let mut client = Poller::connected(&app, &user.token).await;
    app.shutdown.cancel();
    client.until(|packet| packet == "41").await;
    assert_eq!(client.connect_again().await, r#"44{"message":"The server is shutting down."}"#);
}

#[tokio::test]
async fn a_client_whose_acknowledgement_does_not_fit_into_its_queue_is_disconnected() {
    let app = TestApp::start().await;
    let user = app.user().await;
    for event in ["join", "unknown"] {
        let mut client = Poller::connected(&app, &user.token).await;
        let message = message(event, "nonsense");
        let events = [&*message; 2 * PACKETS_MAX];
        let mut is_disconnected = false;
        while !is_disconnected {
            client.send(&events).await;
            // If the server sends an acknowledgement while the client polls, all of them may fit.
            for _ in events {
                is_disconnected = client.until(|packet| packet.starts_with("43") || packet == "41").await == "41";
                if is_disconnected {
                    break;
                }
            }
        }
    }
}

#[tokio::test]
async fn a_client_without_access_whose_queue_is_full_is_disconnected_when_it_polls() {
    let app = TestApp::with_settings(|settings| settings.access_check = Duration::from_millis(20)).await;
    let user = app.user().await;
    let key = async || app.key(&user, &[Scope::RunsRead]).await;
    let revoke_key = async || {
        let list = app.get("/api/v1/auth/keys").bearer(&user.token).send().await;
        let place = format!("/api/v1/auth/keys/{}", list.json["keys"][0]["key_id"].as_str().unwrap());
        assert_eq!(app.delete(&place).bearer(&user.token).send().await.status, 204);
    };
    let mut slow = Poller::connected(&app, &key().await).await;
    slow.send(&[&*message("unknown", ""); PACKETS_MAX]).await;
    revoke_key().await;
    // The server checks the access of the slow client before that of this one.
    let mut quick = Poller::connected(&app, &key().await).await;
    revoke_key().await;
    quick.until(|packet| packet == "41").await;
    slow.until(|packet| packet == "41").await;
}

#[tokio::test]
async fn a_body_that_is_slow_or_broken_or_too_large_gets_the_error_of_its_kind() {
    let app = TestApp::with_settings(|settings| settings.body_time_max = Duration::from_millis(200)).await;
    let post =
        async |body: Body| -> Answer { app.request(Method::POST, &format!("{PLACE}&sid=x")).raw(body).send().await };
    let first = || futures_util::stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(b"4"))]);
    let stalled = futures_util::StreamExt::chain(first(), futures_util::stream::pending());
    post(Body::from_stream(stalled)).await.is_error(408, "request-timeout");
    let broken = futures_util::stream::iter([Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof))]);
    let broken = futures_util::StreamExt::chain(first(), broken);
    post(Body::from_stream(broken)).await.is_error(400, "malformed-request");
    post(Body::from(vec![b'4'; (64 << 10) + 1])).await.is_error(413, "body-too-large");
}
