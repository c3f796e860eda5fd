//! The server under test, with the facades and without a sandbox.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Request};
use axum::response::Response;
use cupel_core::accounts::{AccountSettings, Accounts, NewAccount, NewKey, PasswordCost, Scope};
use cupel_core::event::{Event, EventKind, Seq};
use cupel_core::{Assignment, Bounds, Core, CoreParts, EventBus, LeasePolicy, SystemClock};
use cupel_events::EmbeddedBus;
use cupel_facades::{
    JOBE, JUDGE0, Judge0Options, Keyless, PISTON, PistonOptions, SANDBOXFUSION, jobe, judge0, piston, sandboxfusion,
};
use cupel_http::{ApiState, Health, HealthReport, Settings};
use cupel_languages::{Probe, Registry};
use cupel_queue::EmbeddedQueue;
use cupel_store::{LocalPackages, SqlStore};
use cupel_types::{
    Bytes, CompileReport, Limits, Outcome, Output, RunReport, StepReport, Usage, UserId, Verdict, WorkerId,
};
use http_body_util::BodyExt;
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// The server under test.
#[derive(Clone)]
pub(crate) struct TestApp {
    pub(crate) router: Router,
    pub(crate) core: Core,
    pub(crate) store: Arc<SqlStore>,
    pub(crate) accounts: Accounts,
    pub(crate) account: UserId,
    /// Ends waiting requests, as a shutdown of the server does.
    pub(crate) shutdown: CancellationToken,
    _dir: Arc<tempfile::TempDir>,
}

/// Configuration of the server under test.
pub(crate) struct TestSettings {
    pub(crate) piston: PistonOptions,
    pub(crate) judge0: Judge0Options,
    pub(crate) http: Settings,
    /// Maximum number of waiting runs.
    pub(crate) queue_max: usize,
    pub(crate) bounds: Bounds,
    pub(crate) events: Arc<dyn EventBus>,
    pub(crate) policy: LeasePolicy,
}

impl Default for TestSettings {
    fn default() -> TestSettings {
        TestSettings {
            piston: PistonOptions { strict: true, any_content_type: false },
            judge0: Judge0Options::default(),
            http: Settings::default(),
            queue_max: 2000,
            bounds: Bounds::default(),
            events: Arc::new(EmbeddedBus::default()),
            policy: LeasePolicy::default(),
        }
    }
}

struct Healthy;

#[async_trait]
impl Health for Healthy {
    async fn report(&self) -> HealthReport {
        HealthReport::default()
    }
}

/// A probe that finds every toolchain except Scala's.
struct AllButScala;

impl Probe for AllButScala {
    fn version(&self, command: &[String]) -> Result<String, String> {
        if command.iter().any(|word| word.contains("scala")) {
            Err("`scala` is not installed".into())
        } else {
            Ok("version 3.11.2".into())
        }
    }
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) json: Value,
    /// The body as it was sent.
    pub(crate) text: String,
}

impl TestApp {
    pub(crate) async fn start(keyless: Keyless) -> TestApp {
        TestApp::start_with(keyless, TestSettings::default()).await
    }

    pub(crate) async fn start_with(keyless: Keyless, settings: TestSettings) -> TestApp {
        let dir = tempfile::tempdir().unwrap();
        let store = Arc::new(SqlStore::open_sqlite(&dir.path().join("cupel.db")).await.unwrap());
        let mut registry = Registry::load(None).unwrap();
        registry.probe(&AllButScala);
        let core = Core::new(CoreParts {
            store: store.clone(),
            queue: Arc::new(EmbeddedQueue::new(settings.queue_max)),
            events: settings.events,
            packages: Arc::new(LocalPackages::open(&dir.path().join("packages"), registry.clone()).unwrap()),
            clock: Arc::new(SystemClock),
            registry,
            policy: settings.policy,
            bounds: settings.bounds,
        });
        let password_cost = PasswordCost { memory_kib: 64, passes: 1, lanes: 1 };
        let of_accounts = AccountSettings { password_cost, ..AccountSettings::default() };
        let accounts = Accounts::new(store.clone(), Arc::new(SystemClock), of_accounts);
        let account = accounts.internal(SANDBOXFUSION).await.unwrap().id;
        let shared = cupel_cache::SharedCaches::in_memory(Bytes::mib(1));
        let shutdown = CancellationToken::new();
        let state = ApiState {
            core: core.clone(),
            accounts: accounts.clone(),
            settings: Arc::new(settings.http),
            buckets: shared.buckets,
            health: Arc::new(Healthy),
            metrics: Arc::new(String::new),
            shutdown: shutdown.clone(),
        };
        let of_piston = accounts.internal(PISTON).await.unwrap().id;
        let of_judge0 = accounts.internal(JUDGE0).await.unwrap().id;
        let mut facades = vec![
            sandboxfusion("/sandboxfusion", keyless, account),
            piston("/piston", keyless, of_piston, settings.piston),
        ];
        facades.extend(judge0("/judge0", keyless, of_judge0, settings.judge0));
        facades.push(jobe("/jobe", keyless, accounts.internal(JOBE).await.unwrap().id));
        let router = cupel_http::router(state, facades);
        TestApp { router, core, store, accounts, account, shutdown, _dir: Arc::new(dir) }
    }

    /// A request from this machine, with this JSON body.
    pub(crate) fn request(method: &str, path: &str, body: &str) -> Request<Body> {
        let address = std::net::SocketAddr::from(([127, 0, 0, 1], 1));
        let request = Request::builder().method(method).uri(format!("/sandboxfusion{path}"));
        let request = request.header("content-type", "application/json").extension(ConnectInfo(address));
        request.body(body.to_owned().into()).unwrap()
    }

    /// The response to a request, before its body is read.
    pub(crate) async fn open(&self, request: Request<Body>) -> Response {
        self.router.clone().oneshot(request).await.unwrap()
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        TestApp::read(self.open(request).await).await
    }

    pub(crate) async fn read(response: Response) -> Answer {
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let json = serde_json::from_slice(&bytes).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Answer { status: parts.status.as_u16(), headers: parts.headers, json, text }
    }

    /// A request of a client of Piston on this machine.
    pub(crate) fn piston_request(method: &str, path: &str, content_type: Option<&str>, body: &[u8]) -> Request<Body> {
        let address = std::net::SocketAddr::from(([127, 0, 0, 1], 1));
        let mut request = Request::builder().method(method).uri(format!("/piston{path}"));
        if let Some(content_type) = content_type {
            request = request.header("content-type", content_type);
        }
        request.extension(ConnectInfo(address)).body(body.to_vec().into()).unwrap()
    }

    /// Sends `POST /api/v2/execute` to the facade of Piston.
    pub(crate) async fn piston(&self, body: &Value) -> Answer {
        let body = body.to_string();
        self.send(TestApp::piston_request("POST", "/api/v2/execute", Some("application/json"), body.as_bytes())).await
    }

    /// A request of a client of Judge0 on this machine, with this JSON body unless it is null.
    pub(crate) async fn judge0(&self, method: &str, path: &str, body: &Value) -> Answer {
        self.send(TestApp::judge0_request(method, path, body)).await
    }

    pub(crate) fn judge0_request(method: &str, path: &str, body: &Value) -> Request<Body> {
        let address = std::net::SocketAddr::from(([127, 0, 0, 1], 1));
        let request = Request::builder().method(method).uri(format!("/judge0{path}"));
        let request = request.header("content-type", "application/json").extension(ConnectInfo(address));
        let body = if body.is_null() { String::new() } else { body.to_string() };
        request.body(body.into()).unwrap()
    }

    /// A request of a client of Jobe on this machine.
    pub(crate) fn jobe_request(method: &str, path: &str, body: &str) -> Request<Body> {
        let address = std::net::SocketAddr::from(([127, 0, 0, 1], 1));
        let request = Request::builder().method(method).uri(format!("/jobe/index.php/restapi{path}"));
        request.extension(ConnectInfo(address)).body(body.to_owned().into()).unwrap()
    }

    pub(crate) async fn jobe(&self, method: &str, path: &str, body: &str) -> Answer {
        self.send(TestApp::jobe_request(method, path, body)).await
    }

    pub(crate) async fn run_code(&self, body: &Value) -> Answer {
        self.send(TestApp::request("POST", "/run_code", &body.to_string())).await
    }

    /// Sends a program, and completes its run with this report.
    pub(crate) async fn judged(&self, body: &Value, report: RunReport) -> (Answer, Assignment) {
        tokio::join!(self.run_code(body), self.complete(report))
    }

    /// Acts as the worker: completes the next run.
    pub(crate) async fn complete(&self, report: RunReport) -> Assignment {
        self.complete_with(|_| report).await
    }

    /// Acts as the worker: completes the next run with a report that depends on the run.
    pub(crate) async fn complete_with(&self, report: impl FnOnce(&Assignment) -> RunReport) -> Assignment {
        let worker = WorkerId::from_uuid(uuid::Uuid::new_v4());
        let next = tokio::time::timeout(Duration::from_secs(120), self.core.next_run(worker));
        let assignment = next.await.expect("a run is waiting").unwrap();
        let report = report(&assignment);
        assert!(self.core.complete(&assignment, report, Vec::new()).await.unwrap());
        assignment
    }

    /// Acts as a worker that takes the next run and does not complete it yet.
    pub(crate) async fn take_run(&self) -> Assignment {
        let next = self.core.next_run(WorkerId::from_uuid(uuid::Uuid::new_v4()));
        tokio::time::timeout(Duration::from_secs(120), next).await.expect("a run is waiting").unwrap()
    }

    /// Acts as a worker that has begun with the next run. If `compiling` is a time, the run's compiler has been working
    /// for this time. Then the server shuts down, so that the client waits no longer.
    pub(crate) async fn begin_and_shut_down(&self, compiling: Option<Duration>) {
        let leased = self.take_run().await.leased;
        let emit = |n, at, kind| {
            let seq = Seq::of_attempt(leased.attempt, n);
            self.core.emit(Event { submission: leased.submission.id, seq, at, kind });
        };
        emit(1, self.core.now(), EventKind::Started { attempt: leased.attempt });
        if let Some(time) = compiling {
            emit(2, self.core.now() - time, EventKind::CompileStarted);
        }
        self.shutdown.cancel();
    }

    /// Sends a request twice with the same idempotency key, and then a different request with this key. Returns the
    /// three answers.
    pub(crate) async fn send_repeatedly(
        &self,
        request: impl Fn(&str) -> Request<Body>,
        report: RunReport,
    ) -> [Answer; 3] {
        let keyed = |body: &str| {
            let mut request = request(body);
            request.headers_mut().insert("idempotency-key", "once".parse().unwrap());
            request
        };
        let (first, _) = tokio::join!(self.send(keyed("a")), self.complete(report));
        [first, self.send(keyed("a")).await, self.send(keyed("b")).await]
    }

    /// A new user and their API key.
    pub(crate) async fn key(&self, scopes: &[Scope]) -> (UserId, String) {
        let (username, email) = ("ada".into(), "ada@example.com".into());
        let new = NewAccount { username, email: Some(email), password: "correct horse battery".into() };
        let user = self.accounts.register(new).await.unwrap();
        let new = NewKey { name: "test".into(), scopes: scopes.to_vec(), expires_at: None };
        (user.id, self.accounts.create_key(&user, new).await.unwrap().1)
    }

    /// Disables a user. Like another node, this leaves the user's identity in the cache of this node.
    pub(crate) async fn disable(&self, user: UserId) {
        self.accounts.set_disabled(user, true).await.unwrap();
    }
}

/// The report of a program that ended with this outcome and output after 15 ms.
pub(crate) fn ended(outcome: Outcome, stdout: &str, stderr: &str) -> RunReport {
    let step = StepReport {
        outcome,
        exit_code: None,
        signal: None,
        stdout: output(stdout),
        stderr: output(stderr),
        usage: Usage { wall_time: Duration::from_millis(15), ..Usage::default() },
    };
    let report = RunReport::bare(Verdict::of_outcome(outcome), Limits::default(), "3.11.2");
    RunReport { execution: Some(step), ..report }
}

/// The report with a successful compilation of 120 ms.
pub(crate) fn compiled(report: RunReport) -> RunReport {
    let wall_time = Duration::from_millis(120);
    let (output, exit_code) = (output(""), Some(0));
    let compile = CompileReport { ok: true, output, exit_code, limit: None, wall_time, cached: false };
    RunReport { compile: Some(compile), ..report }
}

/// The report of a compiler that exited with this code, or that was killed, after 120 ms.
pub(crate) fn not_compiled(exit_code: Option<i32>, messages: &str) -> RunReport {
    let (output, wall_time) = (output(messages), Duration::from_millis(120));
    let compile = CompileReport { ok: false, output, exit_code, limit: None, wall_time, cached: false };
    RunReport { compile: Some(compile), ..RunReport::bare(Verdict::CompileError, Limits::default(), "12") }
}

/// The report of a compiler that exceeded this limit, as the judge reports it.
pub(crate) fn compiler_exceeded(limit: Outcome, messages: &str) -> RunReport {
    let mut report = not_compiled(None, messages);
    report.compile.as_mut().unwrap().limit = Some(limit);
    RunReport { message: Some("the compiler: limit exceeded".to_owned()), ..report }
}

fn output(text: &str) -> Output {
    Output { data: Arc::from(text.as_bytes()), truncated: false }
}
