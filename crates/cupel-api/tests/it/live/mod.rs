//! Live connections: a real WebSocket client and the real router, behind the real server loop.

mod input;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use cupel_core::accounts::{Role, Scope, Tier};
use cupel_core::event::{Event, EventKind, Seq, Stream};
use cupel_core::{Assignment, Bounds};
use cupel_http::{Rate, ServeSettings, TierRates, serve};
use cupel_testkit::servers::Postgres;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::block_in_place;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::{Error, Message};
use uuid::Uuid;

use crate::app::{PASSWORD, TestApp, TestUser, a_report};

const PATIENCE: Duration = Duration::from_secs(120);

/// Serves the app on loopback until its shutdown.
pub(crate) async fn address_of(app: &TestApp) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(serve(listener, app.router.clone(), app.shutdown.clone(), ServeSettings::default()));
    address
}

/// A WebSocket client.
pub(crate) struct Client(WebSocketStream<TcpStream>);

impl Client {
    /// Connects with these headers. If the connection is refused, returns the status and the code of the refusal.
    async fn try_connect(
        at: SocketAddr,
        query: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<Client, (u16, Value)> {
        let mut request = format!("ws://{at}/api/v1/live{query}").into_client_request().unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(*name, HeaderValue::from_str(value).unwrap());
        }
        let stream = TcpStream::connect(at).await.unwrap();
        match tokio_tungstenite::client_async(request, stream).await {
            Ok((socket, _)) => Ok(Client(socket)),
            Err(Error::Http(response)) => {
                let body = response.body().as_deref().unwrap_or_default();
                let document: Value = serde_json::from_slice(body).unwrap_or_default();
                Err((response.status().as_u16(), document["code"].clone()))
            }
            Err(error) => panic!("{error}"),
        }
    }

    pub(crate) async fn connect(at: SocketAddr, user: &TestUser) -> Client {
        Client::with_bearer(at, &user.token).await
    }

    /// Connects with an access token or an API key.
    pub(crate) async fn with_bearer(at: SocketAddr, credential: &str) -> Client {
        let bearer = format!("Bearer {credential}");
        Client::try_connect(at, "", &[("authorization", &bearer)]).await.unwrap_or_else(|refused| panic!("{refused:?}"))
    }

    pub(crate) async fn send(&mut self, message: Value) {
        self.raw(Message::text(message.to_string())).await;
    }

    async fn raw(&mut self, message: Message) {
        self.0.send(message).await.unwrap();
    }

    /// The next message; a close is `{"close": code}`, and a lost connection `null`.
    pub(crate) async fn next(&mut self) -> Value {
        loop {
            match tokio::time::timeout(PATIENCE, self.0.next()).await.expect("a message arrives") {
                Some(Ok(Message::Text(text))) => return serde_json::from_str(text.as_str()).unwrap(),
                Some(Ok(Message::Close(Some(frame)))) => return json!({ "close": u16::from(frame.code) }),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Value::Null,
            }
        }
    }

    /// The code and the reason of the server's close frame. Earlier messages are dropped.
    pub(crate) async fn closed(&mut self) -> (u16, String) {
        let closed = async {
            loop {
                match self.0.next().await {
                    Some(Ok(Message::Close(Some(frame)))) => {
                        return (frame.code.into(), frame.reason.as_str().to_owned());
                    }
                    Some(Ok(_)) => {}
                    other => panic!("no close frame: {other:?}"),
                }
            }
        };
        tokio::time::timeout(PATIENCE, closed).await.expect("the server closes")
    }

    /// The next message of this type; earlier ones of other types are dropped.
    pub(crate) async fn until(&mut self, kind: &str) -> Value {
        loop {
            let message = self.next().await;
            assert!(!message.is_null() && message["close"].is_null(), "the connection ended: {message}");
            if message["type"] == kind {
                return message;
            }
        }
    }

    /// The next event with this name. Earlier events are dropped.
    pub(crate) async fn event(&mut self, name: &str) -> Value {
        loop {
            let message = self.until("event").await;
            if message["event"] == name {
                return message["data"].clone();
            }
        }
    }

    /// The names of all events up to the verdict.
    async fn names_to_verdict(&mut self) -> Vec<String> {
        let mut names = Vec::new();
        while names.last().is_none_or(|name| name != "verdict") {
            names.push(self.until("event").await["event"].as_str().unwrap().to_owned());
        }
        names
    }

    #[track_caller]
    fn is_error(message: &Value, code: &str) {
        assert_eq!((&message["type"], &message["error"]["code"]), (&json!("error"), &json!(code)), "{message}");
        let detail = message["error"]["detail"].as_str().unwrap();
        assert!(detail.ends_with(['.', '?']), "{detail}");
    }

    /// Sends a message and asserts that it is refused with this code.
    pub(crate) async fn refused(&mut self, message: Value, code: &str) -> Value {
        self.send(message).await;
        let answer = self.until("error").await;
        Client::is_error(&answer, code);
        answer
    }
}

fn program() -> Value {
    json!({ "language": "python", "source_code": "print(42)" })
}

fn start(id: &str) -> Value {
    json!({ "type": "start", "id": id, "request": program() })
}

/// Publishes output of a run as its worker does; `n` is the event's number in the attempt.
fn output(app: &TestApp, assignment: &Assignment, n: u32, text: &str) {
    let (submission, attempt) = (assignment.leased.submission.id, assignment.leased.attempt);
    let kind = EventKind::Output { case: None, stream: Stream::Stdout, data: Arc::from(text.as_bytes()) };
    app.core.emit(Event { submission, seq: Seq::of_attempt(attempt, n), at: app.core.now(), kind });
}

#[tokio::test]
async fn a_started_run_is_followed_to_its_verdict_under_the_clients_own_name() {
    let app = TestApp::start().await;
    let user = app.user().await;
    let mut client = Client::connect(address_of(&app).await, &user).await;
    client.send(start("mine")).await;
    let accepted = client.next().await;
    assert_eq!((&accepted["type"], &accepted["id"]), (&json!("accepted"), &json!("mine")), "{accepted}");
    let queued = client.next().await;
    assert_eq!((&queued["event"], &queued["id"], &queued["run"]), (&json!("queued"), &json!("mine"), &accepted["run"]));
    assert_eq!(queued["data"]["position"], 1, "no other run waits");
    let assignment = app.next_run().await;
    assert_eq!(assignment.leased.submission.id.to_string(), accepted["run"].as_str().unwrap());
    output(&app, &assignment, 1, "4");
    assert_eq!(client.event("output").await["text"], "4");
    output(&app, &assignment, 2, "2\n");
    let second = client.event("output").await;
    assert_eq!((&second["text"], &second["stream"]), (&json!("2\n"), &json!("stdout")));
    assert!(second["seq"].is_u64() && second["t"].is_string());
    app.core.complete(&assignment, a_report(), Vec::new()).await.unwrap();
    assert_eq!(client.event("verdict").await["verdict"], "AC");
    // The connection no longer follows the run, so it cannot detach it.
    client.refused(json!({ "type": "detach", "run": accepted["run"] }), "conflict").await;
}

#[tokio::test]
async fn one_connection_follows_many_runs() {
    let app = TestApp::start().await;
    let user = app.user().await;
    let mut client = Client::connect(address_of(&app).await, &user).await;
    for id in ["a", "b", "c"] {
        client.send(start(id)).await;
    }
    for _ in 0..3 {
        app.complete(a_report()).await;
    }
    let mut ended = Vec::new();
    while ended.len() < 3 {
        let event = client.until("event").await;
        if event["event"] == "verdict" {
            ended.push(event["id"].as_str().unwrap().to_owned());
        }
    }
    ended.sort();
    assert_eq!(ended, ["a", "b", "c"]);
}

#[tokio::test]
async fn attaching_continues_after_the_given_event() {
    let app = TestApp::start().await;
    let user = app.user().await;
    let at = address_of(&app).await;
    let run = app.submit(&user, &program()).await;
    let mut first = Client::connect(at, &user).await;
    first.send(json!({ "type": "attach", "id": 1.to_string(), "run": run })).await;
    assert_eq!(first.next().await, json!({ "type": "attached", "id": "1", "run": run }));
    let assignment = app.next_run().await;
    for n in 1..=10 {
        output(&app, &assignment, n, &n.to_string());
    }
    let mut last = Value::Null;
    for n in 1..=4 {
        last = first.event("output").await;
        assert_eq!(last["text"], n.to_string());
    }
    // The connection is lost; the run continues.
    drop(first);
    let mut second = Client::connect(at, &user).await;
    second.send(json!({ "type": "attach", "run": run, "after": last["seq"] })).await;
    for n in 5..=10 {
        assert_eq!(second.event("output").await["text"], n.to_string(), "nothing is missed or repeated");
    }
    app.core.complete(&assignment, a_report(), Vec::new()).await.unwrap();
    assert_eq!(second.event("verdict").await["verdict"], "AC");
    // An ended run can be read from the start.
    second.send(json!({ "type": "attach", "run": run })).await;
    assert_eq!(second.names_to_verdict().await, ["queued", "verdict"]);
}

#[tokio::test]
async fn a_client_with_the_last_event_of_a_run_is_detached_also_after_a_restart() {
    let app = TestApp::start().await;
    let user = app.user().await;
    let run = app.submit(&user, &json!({ "language": "python", "source_code": "x" })).await;
    app.complete(a_report()).await;
    let mut client = Client::connect(address_of(&app.restarted()).await, &user).await;
    client.send(json!({ "type": "attach", "run": run })).await;
    let last = client.event("verdict").await["seq"].clone();
    let mut client = Client::connect(address_of(&app.restarted()).await, &user).await;
    client.send(json!({ "type": "attach", "run": run, "after": last })).await;
    assert_eq!(client.next().await["type"], "attached");
    assert_eq!(client.next().await, json!({ "type": "detached", "run": run }));
}

#[tokio::test]
async fn a_detached_run_sends_nothing_more_and_can_be_attached_again() {
    let app = TestApp::start().await;
    let user = app.user().await;
    let mut client = Client::connect(address_of(&app).await, &user).await;
    client.send(start("a")).await;
    let run = client.until("accepted").await["run"].clone();
    let queued = client.event("queued").await;
    client.send(json!({ "type": "attach", "run": run })).await;
    Client::is_error(&client.next().await, "conflict");
    client.send(json!({ "type": "detach", "run": run })).await;
    assert_eq!(client.next().await, json!({ "type": "detached", "run": run }));
    app.complete(a_report()).await;
    client.send(json!({ "type": "attach", "run": run, "after": queued["seq"] })).await;
    assert_eq!(client.next().await["type"], "attached");
    assert_eq!(client.names_to_verdict().await, ["started", "test.start", "output", "verdict"]);
}

/// Before, an attachment ended only after its connection had answered, so it could also send an event after `detached`.
#[tokio::test]
async fn a_detached_run_occupies_no_place_when_the_next_message_is_handled() {
    // The connection and one run occupy all places.
    let app = TestApp::with_settings(|settings| settings.long_answers_max = 2).await;
    let user = app.user().await;
    let (one, other) = (app.submit(&user, &program()).await, app.submit(&user, &program()).await);
    let mut client = Client::connect(address_of(&app).await, &user).await;
    client.send(json!({ "type": "attach", "run": one })).await;
    client.event("queued").await;
    // Sent together, so that both have arrived when the first is handled.
    for message in [json!({ "type": "detach", "run": one }), json!({ "type": "attach", "run": other })] {
        client.0.feed(Message::text(message.to_string())).await.unwrap();
    }
    client.0.flush().await.unwrap();
    client.until("detached").await;
    assert_eq!(client.next().await, json!({ "type": "attached", "run": other }));
}

#[tokio::test]
async fn a_killed_run_is_cancelled() {
    let app = TestApp::start().await;
    let user = app.user().await;
    let mut client = Client::connect(address_of(&app).await, &user).await;
    client.send(start("a")).await;
    let run = client.until("accepted").await["run"].clone();
    client.send(json!({ "type": "kill", "id": "k", "run": run })).await;
    let (mut killed, mut verdict) = (Value::Null, Value::Null);
    while killed.is_null() || verdict.is_null() {
        match client.next().await {
            message if message["type"] == "killed" => killed = message,
            message if message["event"] == "verdict" => verdict = message,
            _ => {}
        }
    }
    assert_eq!(killed, json!({ "type": "killed", "id": "k", "run": run, "status": "cancelled" }));
    assert_eq!(verdict["data"]["verdict"], "CANCELLED");
}

/// Regression: while a database froze or failed over, the terminals of all clients stood still.
#[tokio::test(flavor = "multi_thread")]
async fn messages_do_not_wait_for_a_store_that_does_not_answer_whether_the_client_still_has_access() {
    let postgres = Postgres::start();
    let many = Rate::per_minute(10_000, 10_000);
    let app = TestApp::with_postgres(&postgres.url(), |settings| {
        settings.access_check = Duration::from_millis(10);
        settings.tiers.insert("basic".into(), TierRates { submissions: many, reads: many });
    })
    .await;
    let mut client = Client::connect(address_of(&app).await, &app.user().await).await;
    block_in_place(|| postgres.freeze());
    let answers = async {
        // Several checks are due meanwhile.
        for _ in 0..20 {
            client.raw(Message::Binary(vec![0].into())).await;
            Client::is_error(&client.until("error").await, "unsupported-media-type");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    // A statement alone may take longer.
    let answered = tokio::time::timeout(Duration::from_secs(10), answers).await;
    block_in_place(|| postgres.thaw());
    answered.expect("the server answers");
}

/// Regression: the connection followed a run that it had started for a later time, without events for up to a month.
#[tokio::test]
async fn a_run_that_is_due_later_is_not_followed_until_then() {
    let app = TestApp::start().await;
    let user = app.user().await;
    let mut client = Client::connect(address_of(&app).await, &user).await;
    let later = app.core.now().checked_add(jiff::SignedDuration::from_hours(48)).unwrap().to_string();
    let mut start = start("a");
    start["request"]["run_at"] = json!(later);
    start["idempotency_key"] = json!("key");
    client.send(start.clone()).await;
    let run = client.next().await["run"].clone();
    let scheduled = client.next().await;
    assert_eq!((&scheduled["event"], &scheduled["id"], &scheduled["run"]), (&json!("scheduled"), &json!("a"), &run));
    assert!(scheduled["data"]["run_at"].is_string(), "{scheduled}");
    assert_eq!(client.next().await, json!({ "type": "detached", "id": "a", "run": run }));
    client.refused(json!({ "type": "detach", "run": run }), "conflict").await;
    client.send(json!({ "type": "attach", "run": run })).await;
    let answers = [client.next().await, client.next().await, client.next().await];
    assert_eq!(answers.each_ref().map(|answer| &answer["type"]), ["attached", "event", "detached"]);
    client.send(json!({ "type": "kill", "run": run })).await;
    client.until("killed").await;
    client.send(start).await;
    assert_eq!(client.event("verdict").await["verdict"], "CANCELLED", "the run that the message is repeated for");
    let soon = app.core.now().checked_add(jiff::SignedDuration::from_secs(30)).unwrap().to_string();
    client
        .send(json!({ "type": "start", "request": {
        "language": "python", "source_code": "x", "run_at": soon
    } }))
        .await;
    client.event("queued").await;
}

/// A page that is left kills its runs and closes the connection.
#[tokio::test]
async fn messages_before_the_close_of_a_connection_take_effect() {
    let app = TestApp::start().await;
    let (user, at) = (app.user().await, address_of(&app).await);
    for _ in 0..20 {
        let mut client = Client::connect(at, &user).await;
        client.send(start("a")).await;
        let run = client.until("accepted").await["run"].as_str().unwrap().to_owned();
        client.send(json!({ "type": "kill", "run": run })).await;
        client.0.close(None).await.unwrap();
        let found = app.get(&format!("/api/v1/execute/{run}?wait=30")).bearer(&user.token).send().await;
        assert_eq!(found.json["status"], "cancelled");
    }
}

#[tokio::test]
async fn a_refused_message_is_charged_as_a_read() {
    let hourly = |burst| Rate::new(burst, Duration::from_secs(3600), burst);
    // The handshake is a read, too.
    let tier = TierRates { submissions: hourly(9), reads: hourly(2) };
    let app = TestApp::with_settings(|s| {
        s.tiers.insert("basic".into(), tier);
    })
    .await;
    for raw in [
        Message::text("{\"type\":"),
        Message::binary(vec![1]),
        Message::text(json!({ "type": "detach", "id": "x".repeat(101), "run": "x" }).to_string()),
        Message::text(json!({ "type": "start", "request": program(), "tty": { "cols": 0, "rows": 0 } }).to_string()),
        Message::text(json!({ "type": "stdin", "run": Uuid::nil().to_string(), "seq": 1, "text": "x" }).to_string()),
    ] {
        let mut client = Client::connect(address_of(&app).await, &app.user().await).await;
        client.raw(raw.clone()).await;
        assert_ne!(client.next().await["error"]["code"], "rate-limited", "{raw}");
        client.raw(raw.clone()).await;
        Client::is_error(&client.next().await, "rate-limited");
    }
}

#[tokio::test]
async fn a_bad_message_is_refused_and_the_connection_stays_open() {
    let app = TestApp::start().await;
    let user = app.user().await;
    let mut client = Client::connect(address_of(&app).await, &user).await;
    for (raw, code) in [
        ("{\"type\":", "invalid-json"),
        ("3", "invalid-body"),
        ("{}", "invalid-body"),
        ("{\"type\": 7}", "invalid-body"),
        ("{\"type\": \"stop\"}", "invalid-body"),
        ("{\"type\": \"attach\"}", "invalid-body"),
        ("{\"type\": \"attach\", \"run\": \"nonsense\"}", "not-found"),
        ("{\"type\": \"attach\", \"run\": \"x\", \"after\": -1}", "invalid-body"),
        ("{\"type\": \"kill\", \"run\": \"x\", \"also\": 1}", "invalid-body"),
        ("{\"type\": \"start\", \"request\": 3}", "invalid-body"),
        ("{\"type\": \"start\", \"request\": {}}", "invalid-body"),
    ] {
        client.raw(Message::text(raw)).await;
        Client::is_error(&client.next().await, code);
    }
    client.raw(Message::binary(vec![1, 2, 3])).await;
    Client::is_error(&client.next().await, "unsupported-media-type");
    let long = json!({ "type": "attach", "id": "x".repeat(101), "run": "x" });
    client.refused(long, "invalid-body").await;
    let unknown = json!({ "type": "start", "id": "u", "request": { "language": "pyton", "source_code": "x" } });
    let answer = client.refused(unknown, "unknown-language").await;
    assert_eq!((&answer["id"], &answer["error"]["errors"][0]["pointer"]), (&json!("u"), &json!("/request/language")));
    client.send(start("good")).await;
    assert_eq!(client.next().await["type"], "accepted");
}

#[tokio::test]
async fn a_message_that_is_too_large_ends_the_connection_with_its_close_code() {
    let app = TestApp::start().await;
    let user = app.user().await;
    let mut client = Client::connect(address_of(&app).await, &user).await;
    let source = "x".repeat(300 << 10);
    client.send(json!({ "type": "start", "request": { "language": "python", "source_code": source } })).await;
    assert_eq!(client.closed().await, (1009, "A message may have at most 262144 bytes.".to_owned()));

    // While a client still sends, the server does not reset the connection: the client could lose the close frame.
    let mut client = Client::connect(address_of(&app).await, &user).await;
    client.raw(Message::text("x".repeat(8 << 20))).await;
    assert_eq!(client.closed().await.0, 1009);
}

#[tokio::test]
async fn a_run_of_another_user_does_not_exist() {
    let app = TestApp::start().await;
    let (owner, other, admin) = (app.user().await, app.user().await, app.admin().await);
    let at = address_of(&app).await;
    let run = app.submit(&owner, &program()).await;
    let mut client = Client::connect(at, &other).await;
    for kind in ["attach", "kill"] {
        let answer = client.refused(json!({ "type": kind, "id": "i", "run": run }), "not-found").await;
        assert_eq!((&answer["id"], &answer["run"]), (&json!("i"), &json!(run)));
    }
    client.refused(json!({ "type": "detach", "run": run }), "conflict").await;
    let mut client = Client::connect(at, &admin).await;
    client.send(json!({ "type": "attach", "run": run })).await;
    assert_eq!(client.next().await["type"], "attached");
}

#[tokio::test]
async fn a_connection_needs_a_credential_that_may_run_programs() {
    let app = TestApp::start().await;
    let user = app.user().await;
    let at = address_of(&app).await;
    let refusal = async |headers: &[(&'static str, &str)]| Client::try_connect(at, "", headers).await.err();
    assert_eq!(refusal(&[]).await, Some((401, json!("unauthorized"))));
    assert_eq!(refusal(&[("authorization", "Bearer nonsense")]).await, Some((401, json!("unauthorized"))));
    assert_eq!(refusal(&[("origin", "https://evil.example")]).await, Some((403, json!("forbidden"))));
    let reader = app.key(&user, &[Scope::RunsRead]).await;
    let reader = format!("Bearer {reader}");
    assert_eq!(refusal(&[("authorization", &reader)]).await, Some((403, json!("missing-scope"))));
    let runner = format!("Bearer {}", app.key(&user, &[Scope::RunsRead, Scope::RunsWrite]).await);
    assert_eq!(refusal(&[("authorization", &runner)]).await, None);
    app.get("/api/v1/live").bearer(&user.token).send().await.is_error(426, "upgrade-required");
}

#[tokio::test]
async fn a_key_that_may_not_read_runs_follows_only_the_runs_that_its_connection_starts() {
    let app = TestApp::start().await;
    let user = app.user().await;
    let run = app.submit(&user, &json!({ "language": "python", "source_code": "x" })).await;
    app.complete(a_report()).await;
    let at = address_of(&app).await;
    let mut client = Client::with_bearer(at, &app.key(&user, &[Scope::RunsWrite]).await).await;
    client.send(json!({ "type": "attach", "run": run })).await;
    Client::is_error(&client.next().await, "missing-scope");
    client.send(start("a")).await;
    client.until("accepted").await;
    app.complete(a_report()).await;
    assert_eq!(client.event("verdict").await["verdict"], "AC");
    let key = app.key(&user, &[Scope::RunsRead, Scope::RunsWrite]).await;
    let mut client = Client::with_bearer(at, &key).await;
    client.send(json!({ "type": "attach", "run": run })).await;
    assert_eq!(client.event("verdict").await["verdict"], "AC");
}

/// Regression: the rates were those of the tier at the handshake, for as long as the client kept the connection.
#[tokio::test]
async fn an_open_connection_has_the_rates_of_the_users_current_tier() {
    let app = TestApp::with_settings(|settings| {
        settings.access_check = Duration::from_millis(20);
        let reads = Rate::new(1, Duration::from_secs(3600), 1);
        settings.tiers.insert("small".into(), TierRates { reads, ..TierRates::default() });
        let reads = Rate::new(1_000_000, Duration::from_secs(1), 1_000_000);
        settings.tiers.insert("basic".into(), TierRates { reads, ..TierRates::default() });
    })
    .await;
    let user = app.user().await;
    let mut client = Client::connect(address_of(&app).await, &user).await;
    app.accounts.set_access(user.user.id, Role::User, Tier("small".into())).await.unwrap();
    let refused = async {
        let mut code = json!("not-found");
        while code == "not-found" {
            client.send(json!({ "type": "attach", "run": Uuid::nil().to_string() })).await;
            code = client.until("error").await["error"]["code"].clone();
        }
        code
    };
    assert_eq!(tokio::time::timeout(PATIENCE, refused).await.expect("a refusal"), "rate-limited");
}

#[tokio::test]
async fn a_session_cookie_opens_a_connection_only_for_a_page_of_this_server() {
    let app = TestApp::with_settings(|settings| {
        settings.public_url = "https://judge.example/cupel".into();
        settings.cors_origins = vec!["https://ide.judge.example".into()];
    })
    .await;
    let user = app.user().await;
    let at = address_of(&app).await;
    let body = json!({ "username": user.user.username, "password": PASSWORD });
    let call = app.post("/api/v1/session", &body).header("x-cupel-site", "1").header("sec-fetch-site", "same-origin");
    let signed_in = call.send().await;
    let cookie = signed_in.header("set-cookie").split(';').next().unwrap().to_owned();
    let open = async |headers: &[(&'static str, &str)]| {
        let headers: Vec<_> = headers.iter().copied().chain([("cookie", cookie.as_str())]).collect();
        Client::try_connect(at, "", &headers).await
    };
    let own = format!("http://{at}");
    let refused = Some((403, json!("cross-site")));
    assert_eq!(open(&[]).await.err(), refused, "a browser always names the origin");
    assert_eq!(open(&[("origin", "https://evil.example")]).await.err(), refused);
    assert_eq!(open(&[("origin", "null")]).await.err(), refused);
    assert_eq!(open(&[("origin", "https://ide.judge.example")]).await.err(), refused, "CORS permits no cookies");
    assert_eq!(open(&[("origin", &own), ("sec-fetch-site", "same-site")]).await.err(), refused);
    for own in [own.as_str(), "https://judge.example"] {
        let mut client = open(&[("origin", own)]).await.unwrap_or_else(|refused| panic!("{refused:?}"));
        client.send(start("a")).await;
        assert_eq!(client.next().await["type"], "accepted");
    }
    app.delete("/api/v1/session")
        .header("x-cupel-site", "1")
        .header("sec-fetch-site", "same-origin")
        .header("cookie", &cookie)
        .send()
        .await;
    assert_eq!(open(&[("origin", &own)]).await.err(), Some((401, json!("unauthorized"))), "the session has ended");
}

#[tokio::test]
async fn a_page_opens_no_connection_for_another_user_who_has_signed_in_with_the_same_browser() {
    let app = TestApp::start().await;
    let (user, other) = (app.user().await, app.user().await);
    let at = address_of(&app).await;
    let body = json!({ "username": other.user.username, "password": PASSWORD });
    let call = app.post("/api/v1/session", &body).header("x-cupel-site", "1").header("sec-fetch-site", "same-origin");
    let cookie = call.send().await.header("set-cookie").split(';').next().unwrap().to_owned();
    let origin = format!("http://{at}");
    let open = async |query: &str| {
        let headers = [("origin", origin.as_str()), ("cookie", cookie.as_str())];
        Client::try_connect(at, query, &headers).await.err()
    };
    let [of_page, of_session] = [&user, &other].map(|one| format!("?user={}", one.user.id));
    assert_eq!(open(&of_page).await, Some((401, json!("unauthorized"))));
    assert_eq!(open(&of_session).await, None);
    assert_eq!(open("").await, None, "other clients need not name the user");
    // With a token, the parameter `user` is ignored: the token identifies the user.
    let token = format!("Bearer {}", other.token);
    assert_eq!(Client::try_connect(at, &of_page, &[("authorization", &token)]).await.err(), None);
}

#[tokio::test]
async fn a_ticket_opens_one_connection() {
    let app = TestApp::start().await;
    let user = app.user().await;
    let at = address_of(&app).await;
    let reader = app.key(&user, &[Scope::RunsRead]).await;
    app.post("/api/v1/tickets", &json!({})).bearer(&reader).send().await.is_error(403, "missing-scope");
    let made = app.post("/api/v1/tickets", &json!({})).bearer(&user.token).send().await;
    assert_eq!(made.status, 201, "{made:?}");
    let query = made.json["url"].as_str().unwrap().strip_prefix("/api/v1/live").unwrap();
    let page = [("origin", "https://ide.example")];
    let mut client = Client::try_connect(at, query, &page).await.unwrap_or_else(|refused| panic!("{refused:?}"));
    client.send(start("a")).await;
    assert_eq!(client.next().await["type"], "accepted");
    assert_eq!(Client::try_connect(at, query, &page).await.err(), Some((401, json!("unauthorized"))));
    // A ticket for a stream does not open a live connection, and a ticket for a live connection does not open a stream.
    let run = app.submit(&user, &program()).await;
    let made = app.post("/api/v1/tickets", &json!({ "submission_id": run })).bearer(&user.token).send().await;
    let stream = format!("?ticket={}", made.json["ticket"].as_str().unwrap());
    assert_eq!(Client::try_connect(at, &stream, &[]).await.err(), Some((401, json!("unauthorized"))));
    let made = app.post("/api/v1/tickets", &json!({})).bearer(&user.token).send().await;
    let events = format!("/api/v1/execute/{run}/events?ticket={}", made.json["ticket"].as_str().unwrap());
    app.get(&events).send().await.is_error(401, "unauthorized");
}

#[tokio::test]
async fn a_connection_follows_a_bounded_number_of_runs() {
    let app = TestApp::with_queue(|_| {}, Bounds::default(), 100).await;
    let user = app.user().await;
    let mut client = Client::connect(address_of(&app).await, &user).await;
    let mut runs = Vec::new();
    for n in 0..32 {
        client.send(start(&n.to_string())).await;
        runs.push(client.until("accepted").await["run"].clone());
    }
    let answer = client.refused(start("one too many"), "rate-limited").await;
    assert!(answer["retry_after"].is_u64(), "{answer}");
    assert_eq!(app.stored().await, 32, "a refused start stores nothing");
    client.send(json!({ "type": "detach", "run": runs[0] })).await;
    client.until("detached").await;
    client.send(start("another")).await;
    client.until("accepted").await;
}

#[tokio::test]
async fn a_repeated_start_with_the_same_key_gets_the_first_run() {
    let app = TestApp::start().await;
    let user = app.user().await;
    let at = address_of(&app).await;
    let message = json!({ "type": "start", "id": "a", "request": program(), "idempotency_key": "k1" });
    let mut runs = Vec::new();
    for _ in 0..2 {
        let mut client = Client::connect(at, &user).await;
        client.send(message.clone()).await;
        let accepted = client.until("accepted").await;
        runs.push((accepted["run"].clone(), accepted["repeated"].clone()));
    }
    assert_eq!(runs[0].0, runs[1].0);
    assert_eq!((&runs[0].1, &runs[1].1), (&json!(false), &json!(true)));
    let mut client = Client::connect(at, &user).await;
    let other = json!({ "type": "start", "id": "b", "request": program(), "idempotency_key": "k1" });
    client.refused(other, "idempotency-mismatch").await;
    let malformed = json!({ "type": "start", "request": program(), "idempotency_key": "" });
    client.refused(malformed, "invalid-body").await;
}

/// Regression: a client that repeated its start after a lost connection was charged a second submission.
#[tokio::test]
async fn a_repeated_start_is_charged_as_a_read() {
    let hourly = |burst| Rate::new(burst, Duration::from_secs(3600), burst);
    // The handshake is a read, and so is a start with a key.
    let tier = TierRates { submissions: hourly(1), reads: hourly(3) };
    let app = TestApp::with_settings(|s| {
        s.tiers.insert("basic".into(), tier);
    })
    .await;
    let mut client = Client::connect(address_of(&app).await, &app.user().await).await;
    let message = json!({ "type": "start", "id": "a", "request": program(), "idempotency_key": "k1" });
    for repeated in [false, true] {
        client.send(message.clone()).await;
        assert_eq!(client.until("accepted").await["repeated"], repeated);
    }
    client.refused(message, "rate-limited").await;
}

#[tokio::test]
async fn a_shutdown_ends_connections_and_not_runs() {
    let app = TestApp::start().await;
    let user = app.user().await;
    let mut client = Client::connect(address_of(&app).await, &user).await;
    client.send(start("a")).await;
    client.event("queued").await;
    app.shutdown.cancel();
    assert_eq!(client.next().await, json!({ "close": 1001 }));
    app.complete(a_report()).await;
}

#[tokio::test]
async fn the_connection_of_a_disabled_user_ends() {
    let app = TestApp::with_settings(|s| s.access_check = Duration::from_millis(20)).await;
    let (admin, user) = (app.admin().await, app.user().await);
    let mut client = Client::connect(address_of(&app).await, &user).await;
    client.send(start("a")).await;
    client.event("queued").await;
    let place = format!("/api/v1/admin/users/{}", user.user.id);
    let disable = app.request(axum::http::Method::PATCH, &place).json(&json!({ "disabled": true }));
    assert_eq!(disable.bearer(&admin.token).send().await.status, 200);
    loop {
        let message = client.next().await;
        if message["type"] != "event" {
            assert_eq!(message, json!({ "close": 1008 }));
            break;
        }
    }
}

/// A client that reads nothing blocks only its own connection.
#[tokio::test]
async fn a_slow_client_delays_no_other_client_and_is_notified_of_missed_events() {
    let app = TestApp::start().await;
    let user = app.user().await;
    let at = address_of(&app).await;
    let (mut slow, mut fast) = (Client::connect(at, &user).await, Client::connect(at, &user).await);
    slow.send(start("slow")).await;
    let run = slow.until("accepted").await["run"].clone();
    fast.send(json!({ "type": "attach", "run": run })).await;
    fast.until("attached").await;
    let assignment = app.next_run().await;
    let piece = "x".repeat(64 << 10);
    let count = 400;
    for n in 1..=count {
        output(&app, &assignment, n, &piece);
        let event = fast.event("output").await;
        assert_eq!(event["seq"], Seq::of_attempt(1, n).0, "the fast client gets every event");
    }
    app.core.complete(&assignment, a_report(), Vec::new()).await.unwrap();
    assert_eq!(fast.event("verdict").await["verdict"], "AC");
    let names = slow.names_to_verdict().await;
    assert!(names.contains(&"gap".to_owned()), "a gap is reported");
    assert!(names.len() < count as usize, "dropped events were not kept for the slow client");
}

#[tokio::test]
async fn a_client_that_answers_no_ping_counts_as_gone() {
    let app = TestApp::with_settings(|s| s.event_ping = Duration::from_millis(20)).await;
    let user = app.user().await;
    let at = address_of(&app).await;
    let silent = Client::connect(at, &user).await.0.into_inner();
    // The client reads the bytes of pings and answers none, so the server closes the connection.
    let mut data = [0; 256];
    tokio::time::timeout(PATIENCE, async {
        loop {
            silent.readable().await.unwrap();
            match silent.try_read(&mut data) {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(_) => break,
            }
        }
    })
    .await
    .expect("the server closes");
}
