//! Tests of the WebSocket of the Piston facade, with a bus that can lose events.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use cupel_core::accounts::Scope;
use cupel_core::event::{Event, EventKind, Seq, Stream};
use cupel_core::{
    Assignment, AuthenticatedUser, Completion, EventBus, Interest, LeasePolicy, Notice, Notices, Received,
    RunStore as _, Subscription,
};
use cupel_events::EmbeddedBus;
use cupel_facades::Keyless;
use cupel_http::{ServeSettings, Settings, serve};
use cupel_types::{Outcome, SubmissionId, SubmissionKind, Verdict};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

use crate::app::{TestApp, TestSettings, compiled, ended};

/// Longer than any step takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// A bus that gives every subscriber a gap when the test demands it, as a bus does that was disconnected.
struct Breaking {
    bus: EmbeddedBus,
    breaks: watch::Sender<()>,
}

struct Broken(Box<dyn Subscription>, watch::Receiver<()>);

#[async_trait]
impl Subscription for Broken {
    async fn next(&mut self) -> Option<Received> {
        tokio::select! {
            received = self.0.next() => received,
            Ok(()) = self.1.changed() => Some(Received::Gap),
        }
    }
}

#[async_trait]
impl EventBus for Breaking {
    fn publish(&self, event: Event) {
        self.bus.publish(event);
    }

    async fn subscribe(&self, id: SubmissionId, after: Seq, interest: Interest) -> Box<dyn Subscription> {
        Box::new(Broken(self.bus.subscribe(id, after, interest).await, self.breaks.subscribe()))
    }

    fn announce(&self, notice: Notice) {
        self.bus.announce(notice);
    }

    fn notices(&self) -> Box<dyn Notices> {
        self.bus.notices()
    }

    fn health(&self) -> Result<(), String> {
        self.bus.health()
    }

    async fn close(&self) {
        self.bus.close().await;
    }
}

/// Connects a client, and sends its `init` with a program in Python.
async fn connect(app: &TestApp) -> WebSocketStream<TcpStream> {
    connect_with(app, "python").await
}

async fn connect_with(app: &TestApp, language: &str) -> WebSocketStream<TcpStream> {
    connect_as(app, language, None).await
}

async fn connect_as(app: &TestApp, language: &str, key: Option<&str>) -> WebSocketStream<TcpStream> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at: SocketAddr = listener.local_addr().unwrap();
    tokio::spawn(serve(listener, app.router.clone(), app.shutdown.clone(), ServeSettings::default()));
    let stream = TcpStream::connect(at).await.unwrap();
    let url = format!("ws://{at}/piston/api/v2/connect");
    let mut request = url.into_client_request().unwrap();
    if let Some(key) = key {
        request.headers_mut().insert("authorization", format!("Bearer {key}").parse().unwrap());
    }
    let (mut socket, _) = tokio_tungstenite::client_async(request, stream).await.unwrap();
    let init = json!({ "type": "init", "language": language, "version": "*", "files": [{ "content": "x" }] });
    socket.send(Message::text(init.to_string())).await.unwrap();
    socket
}

/// The next message; a close frame is `{"close": code}`.
async fn next(socket: &mut WebSocketStream<TcpStream>) -> Value {
    loop {
        match tokio::time::timeout(PATIENCE, socket.next()).await.expect("a message arrives") {
            Some(Ok(Message::Text(text))) => return serde_json::from_str(&text).unwrap(),
            Some(Ok(Message::Close(Some(frame)))) => return json!({ "close": u16::from(frame.code) }),
            Some(Ok(_)) => {}
            other => panic!("the connection was lost: {other:?}"),
        }
    }
}

/// A client that waits because the queue has room for one program only, and has one.
async fn waiting() -> (TestApp, WebSocketStream<TcpStream>) {
    let app = TestApp::start_with(Keyless::Loopback, TestSettings { queue_max: 1, ..TestSettings::default() }).await;
    let body = json!({ "source_code": "x", "language_id": 71 });
    assert_eq!(app.judge0("POST", "/submissions", &body).await.status, 201, "it occupies the only place");
    let mut socket = connect(&app).await;
    assert_eq!(next(&mut socket).await["type"], "runtime");
    (app, socket)
}

/// A client whose run a worker has taken.
struct Connected {
    app: TestApp,
    bus: Arc<Breaking>,
    socket: WebSocketStream<TcpStream>,
    run: Assignment,
}

impl Connected {
    async fn start(policy: LeasePolicy) -> Connected {
        let bus = Arc::new(Breaking { bus: EmbeddedBus::default(), breaks: watch::Sender::default() });
        let settings = TestSettings { events: bus.clone(), policy, ..TestSettings::default() };
        let app = TestApp::start_with(Keyless::Loopback, settings).await;
        let socket = connect(&app).await;
        let run = app.take_run().await;
        let mut connected = Connected { app, bus, socket, run };
        assert_eq!(connected.next().await["type"], "runtime");
        // The client has this event, so it follows the run.
        connected.app.core.emit(connected.output(2, "before\n"));
        assert_eq!(connected.next().await["stage"], "run");
        assert_eq!(connected.next().await["data"], "before\n");
        connected
    }

    fn output(&self, n: u32, text: &str) -> Event {
        let (submission, seq) = (self.run.leased.submission.id, Seq::of_attempt(self.run.leased.attempt, n));
        let kind = EventKind::Output { case: None, stream: Stream::Stdout, data: text.as_bytes().into() };
        Event { submission, seq, at: self.app.core.now(), kind }
    }

    /// The worker writes its result, and does not announce it.
    async fn ends_unannounced(&self) {
        let (leased, at) = (&self.run.leased, self.app.core.now());
        let report = ended(Outcome::Exited(0), "before\nafter\n", "");
        let end = Event::finished(leased.submission.id, leased.attempt, at, report.verdict);
        let events = vec![self.output(2, "before\n"), self.output(3, "after\n"), end];
        let done = Completion { owner: leased.submission.owner, report, events, at };
        assert!(self.app.store.complete(leased.run, leased.lease, done).await.unwrap());
    }

    /// The next message; a close frame is `{"close": code}`.
    async fn next(&mut self) -> Value {
        next(&mut self.socket).await
    }

    /// Receives the rest of a run that has ended.
    async fn the_rest_follows(&mut self) {
        assert_eq!(self.next().await["data"], "after\n");
        assert_eq!(self.next().await, json!({ "type": "exit", "stage": "run", "code": 0, "signal": null }));
        assert_eq!(self.next().await, json!({ "close": 4999 }));
    }
}

#[tokio::test]
async fn an_end_that_was_not_announced_is_noticed_although_the_client_sends_messages() {
    // The store is asked after this time without events.
    let policy = LeasePolicy { lease: Duration::from_millis(300), attempts_max: 3 };
    let mut client = Connected::start(policy).await;
    client.ends_unannounced().await;
    let mut pause = tokio::time::interval(Duration::from_millis(20));
    let first = async {
        loop {
            tokio::select! {
                message = client.socket.next() => return message,
                // A message of this type has no effect.
                _ = pause.tick() => client.socket.send(Message::text(r#"{"type":"none"}"#)).await.unwrap(),
            }
        }
    };
    let first = tokio::time::timeout(PATIENCE, first).await.expect("the end is noticed");
    let first: Value = serde_json::from_str(first.unwrap().unwrap().to_text().unwrap()).unwrap();
    assert_eq!(first["data"], "after\n");
    assert_eq!(client.next().await["type"], "exit");
}

#[tokio::test]
async fn a_run_that_ended_while_events_were_lost_is_reported_completely() {
    let mut client = Connected::start(LeasePolicy::default()).await;
    client.ends_unannounced().await;
    client.bus.breaks.send_replace(());
    client.the_rest_follows().await;
}

#[tokio::test]
async fn lost_events_of_a_run_that_goes_on_close_the_connection_and_are_not_the_clients_fault() {
    let mut client = Connected::start(LeasePolicy::default()).await;
    client.bus.breaks.send_replace(());
    assert_eq!(client.next().await, json!({ "type": "error", "message": "Some events of the run were lost." }));
    assert_eq!(client.next().await, json!({ "close": 4002 }));
}

#[tokio::test]
async fn a_run_that_ended_by_itself_is_not_reported_as_killed_because_of_its_output() {
    let mut client = Connected::start(LeasePolicy::default()).await;
    let text = "x".repeat(5000);
    client.app.core.emit(client.output(3, &text));
    assert_eq!(client.next().await["data"], text);
    let report = ended(Outcome::Exited(0), &format!("before\n{text}"), "");
    assert!(client.app.core.complete(&client.run, report, Vec::new()).await.unwrap());
    assert_eq!(client.next().await, json!({ "type": "exit", "stage": "run", "code": 0, "signal": null }));
    assert_eq!(client.next().await, json!({ "close": 4999 }));
}

#[tokio::test]
async fn a_run_after_a_slow_compilation_is_reported_as_it_ended() {
    let app = TestApp::start(Keyless::Loopback).await;
    let mut socket = connect_with(&app, "c").await;
    let run = app.take_run().await;
    assert_eq!(next(&mut socket).await["type"], "runtime");
    let submission = run.leased.submission.id;
    for (n, kind) in [(1, EventKind::CompileStarted), (2, EventKind::ExecutionStarted { case: None })] {
        let seq = Seq::of_attempt(run.leased.attempt, n);
        app.core.emit(Event { submission, seq, at: app.core.now(), kind });
    }
    assert_eq!(next(&mut socket).await, json!({ "type": "stage", "stage": "compile" }));
    assert_eq!(next(&mut socket).await, json!({ "type": "exit", "stage": "compile", "code": 0, "signal": null }));
    assert_eq!(next(&mut socket).await, json!({ "type": "stage", "stage": "run" }));
    let mut report = compiled(ended(Outcome::Exited(0), "", ""));
    // Longer than the default of `compile_timeout`.
    report.compile.as_mut().unwrap().wall_time = Duration::from_secs(12);
    assert!(app.core.complete(&run, report, Vec::new()).await.unwrap());
    assert_eq!(next(&mut socket).await, json!({ "type": "exit", "stage": "run", "code": 0, "signal": null }));
    assert_eq!(next(&mut socket).await, json!({ "close": 4999 }));
}

#[tokio::test]
async fn a_run_waits_for_room_in_a_full_queue() {
    let (app, mut socket) = waiting().await;
    // Input may be sent meanwhile.
    let input = json!({ "type": "data", "stream": "stdin", "data": "early\n" });
    socket.send(Message::text(input.to_string())).await.unwrap();
    app.take_run().await;
    let run = app.take_run().await;
    let SubmissionKind::Program(program) = &run.leased.submission.kind else { panic!("no program") };
    assert!(program.live.is_some());
    assert!(app.core.complete(&run, ended(Outcome::Exited(0), "", ""), Vec::new()).await.unwrap());
    assert_eq!(next(&mut socket).await, json!({ "type": "stage", "stage": "run" }));
    assert_eq!(next(&mut socket).await["type"], "exit");
    assert_eq!(next(&mut socket).await, json!({ "close": 4999 }));
}

#[tokio::test]
async fn a_wait_for_room_ends_when_the_client_disconnects_or_sends_a_wrong_message() {
    let (_app, mut socket) = waiting().await;
    socket.send(Message::text(r#"{"type":"init"}"#)).await.unwrap();
    assert_eq!(next(&mut socket).await, json!({ "close": 4000 }));
    let (_app, mut socket) = waiting().await;
    socket.close(None).await.unwrap();
    let end = async { while socket.next().await.is_some() {} };
    tokio::time::timeout(PATIENCE, end).await.expect("the server closes the connection");
}

/// Regression: the client saw that the connection was lost, and not why.
#[tokio::test]
async fn a_message_above_the_maximum_is_refused_with_the_reason() {
    let app = TestApp::start(Keyless::Loopback).await;
    let mut socket = connect(&app).await;
    let _run = app.take_run().await;
    assert_eq!(next(&mut socket).await["type"], "runtime");
    let data = json!({ "type": "data", "stream": "stdin", "data": "x".repeat(110_000) });
    socket.send(Message::text(data.to_string())).await.unwrap();
    let message = "the message has more than 100 KiB: send its text in parts";
    assert_eq!(next(&mut socket).await, json!({ "type": "error", "message": message }));
    assert_eq!(next(&mut socket).await, json!({ "close": 4002 }));
}

/// Regression: the run went on, and got input, for as long as the client wished.
#[tokio::test]
async fn a_connection_ends_with_its_key_and_its_run_is_cancelled() {
    let http = Settings { access_check: Duration::from_millis(50), ..Settings::default() };
    let app = TestApp::start_with(Keyless::Nobody, TestSettings { http, ..TestSettings::default() }).await;
    let (user, key) = app.key(&[Scope::RunsRead, Scope::RunsWrite]).await;
    let mut socket = connect_as(&app, "python", Some(&key)).await;
    let run = app.take_run().await;
    assert_eq!(next(&mut socket).await["type"], "runtime");

    let id = app.accounts.keys(user).await.unwrap()[0].id;
    assert!(app.accounts.revoke_key(user, id).await.unwrap());
    let error = json!({ "type": "error", "message": "The API key was revoked or has expired." });
    assert_eq!(next(&mut socket).await, error);
    assert_eq!(next(&mut socket).await, json!({ "close": 4002 }));
    let viewer = AuthenticatedUser::of(user);
    let ended = app.core.wait(&viewer, run.leased.submission.id, PATIENCE).await.unwrap().expect("the run");
    assert_eq!(ended.state.verdict(), Some(Verdict::Cancelled));
}
