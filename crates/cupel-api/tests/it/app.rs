//! The server under test, in a temporary directory. It has no worker and no sandbox: the tests complete the runs. The
//! toolchains that it finds and its health report are invented.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use cupel_cache::SharedCaches;
use cupel_core::accounts::{
    AccountChange, AccountSettings, Accounts, NewAccount, NewKey, PasswordCost, Role, Scope, Tier, User,
};
use cupel_core::event::{Event, EventKind, Seq, Stream};
use cupel_core::problems::{NewPackage, ProblemChange};
use cupel_core::result_cache::ResultCache;
use cupel_core::{Assignment, Bounds, Core, CoreParts, LeasePolicy, SystemClock};
use cupel_events::EmbeddedBus;
use cupel_http::{ApiState, Check, Health, HealthReport, MetricsAccess, Secret, Settings, Wall};
use cupel_languages::{Probe, Registry};
use cupel_problem::Visibility;
use cupel_queue::EmbeddedQueue;
use cupel_store::{LocalPackages, PostgresOptions, SqlStore, Timeouts};
use cupel_testkit::servers::Redis;
use cupel_types::{
    Bytes, CompileReport, ExitStatus, Limits, Outcome, Output, RunReport, StepReport, Usage, Verdict, WorkerId,
};
use http_body_util::BodyExt;
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

pub(crate) const SECRET: [u8; 32] = [42; 32];
pub(crate) const PASSWORD: &str = "correct horse battery";

pub(crate) struct TestApp {
    pub(crate) router: Router,
    pub(crate) core: Core,
    pub(crate) accounts: Accounts,
    pub(crate) health: Arc<TestHealth>,
    pub(crate) shutdown: CancellationToken,
    pub(crate) store: Arc<SqlStore>,
    settings: Arc<Settings>,
    made: Arc<AtomicU32>,
    dir: Arc<tempfile::TempDir>,
}

/// State that nodes share through this Redis. The timeout is long, because the test machine may be slow.
pub(crate) async fn shared_over(redis: &Redis, cluster: &str) -> SharedCaches {
    let shared = cupel_cache::connect_patiently(&redis.url(), cluster, Bytes::mib(1), Duration::from_secs(60)).await;
    shared.expect("Redis is reachable")
}

/// A user with an access token.
pub(crate) struct TestUser {
    pub(crate) user: User,
    pub(crate) token: String,
}

#[derive(Default)]
pub(crate) struct TestHealth {
    pub(crate) store_is_down: std::sync::atomic::AtomicBool,
    pub(crate) wall_is_down: std::sync::atomic::AtomicBool,
}

#[async_trait]
impl Health for TestHealth {
    async fn report(&self) -> HealthReport {
        HealthReport {
            checks: vec![Check { name: "store".into(), ok: !self.store_is_down.load(Ordering::Relaxed), detail: None }],
            walls: vec![Wall {
                name: "seccomp".into(),
                stands: !self.wall_is_down.load(Ordering::Relaxed),
                detail: None,
            }],
            degraded: Vec::new(),
        }
    }
}

/// Text of `/metrics`. Panics on threads where [`PANIC`] is set, because no real handler panics.
fn metrics_text() -> String {
    assert!(!PANIC.get(), "the password of the database is hunter2");
    "cupel_up 1\n".to_owned()
}

thread_local! {
    /// Whether `/metrics` panics on this thread.
    pub(crate) static PANIC: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

/// A probe that finds every toolchain except Haskell's.
struct AllButHaskell;

impl Probe for AllButHaskell {
    fn version(&self, command: &[String]) -> Result<String, String> {
        if command.iter().any(|word| word.contains("ghc")) {
            Err("`ghc` is not installed".into())
        } else {
            Ok("version 3.11.2".into())
        }
    }
}

fn core_over(store: &Arc<SqlStore>, dir: &Path, bounds: Bounds, queue_depth_max: usize) -> Core {
    let mut registry = Registry::load(None).unwrap();
    registry.probe(&AllButHaskell);
    Core::new(CoreParts {
        store: store.clone(),
        queue: Arc::new(EmbeddedQueue::new(queue_depth_max)),
        events: Arc::new(EmbeddedBus::default()),
        packages: Arc::new(LocalPackages::open(&dir.join("packages"), registry.clone()).unwrap()),
        clock: Arc::new(SystemClock),
        registry,
        policy: LeasePolicy::default(),
        bounds,
    })
}

impl TestApp {
    pub(crate) async fn start() -> TestApp {
        TestApp::with(|_| {}, Bounds::default()).await
    }

    pub(crate) async fn with_settings(change: impl FnOnce(&mut Settings)) -> TestApp {
        TestApp::with(change, Bounds::default()).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Settings), bounds: Bounds) -> TestApp {
        TestApp::with_queue(change, bounds, 2000).await
    }

    pub(crate) async fn with_queue(
        change: impl FnOnce(&mut Settings),
        bounds: Bounds,
        queue_depth_max: usize,
    ) -> TestApp {
        let dir = tempfile::tempdir().unwrap();
        let store = SqlStore::open_sqlite(&dir.path().join("cupel.db")).await.unwrap();
        TestApp::on(store, dir, change, bounds, queue_depth_max)
    }

    /// A server whose store is a PostgreSQL database. If the database does not answer, the store waits longer than any
    /// test.
    pub(crate) async fn with_postgres(url: &str, change: impl FnOnce(&mut Settings)) -> TestApp {
        let forever = Duration::from_secs(3600);
        let timeouts = Timeouts { connect: forever, acquire: forever, statement: forever, answer: forever };
        let options = PostgresOptions { timeouts, ..PostgresOptions::new(url, "cupel") };
        let store = SqlStore::open_postgres(options).await.unwrap();
        TestApp::on(store, tempfile::tempdir().unwrap(), change, Bounds::default(), 2000)
    }

    fn on(
        store: SqlStore,
        dir: tempfile::TempDir,
        change: impl FnOnce(&mut Settings),
        bounds: Bounds,
        queue_depth_max: usize,
    ) -> TestApp {
        let store = Arc::new(store);
        let core = core_over(&store, dir.path(), bounds, queue_depth_max);
        // A cheap hash, because these tests do not cover the cost of guessing passwords.
        let password_cost = PasswordCost { memory_kib: 64, passes: 1, lanes: 1 };
        let accounts = Accounts::new(
            store.clone(),
            Arc::new(SystemClock),
            AccountSettings { password_cost, ..AccountSettings::default() },
        );
        let mut settings = Settings {
            jwt_secret: Secret(SECRET.to_vec()),
            metrics_access: MetricsAccess::Open,
            ..Settings::default()
        };
        change(&mut settings);
        let health = Arc::new(TestHealth::default());
        let shutdown = CancellationToken::new();
        let app = TestApp {
            router: Router::new(),
            core,
            accounts,
            health,
            shutdown,
            store,
            settings: Arc::new(settings),
            made: Arc::default(),
            dir: Arc::new(dir),
        };
        app.node(SharedCaches::in_memory(Bytes::mib(1)))
    }

    /// Another API node over the same store, with this shared state (rates and results).
    pub(crate) fn node(&self, shared: SharedCaches) -> TestApp {
        let cache = ResultCache { results: shared.results, secret: [7; 32], lifetime: Duration::from_secs(600) };
        let state = ApiState {
            core: self.core.clone().with_result_cache(cache),
            accounts: self.accounts.clone(),
            settings: Arc::clone(&self.settings),
            buckets: shared.buckets,
            health: self.health.clone(),
            metrics: Arc::new(metrics_text),
            shutdown: self.shutdown.clone(),
        };
        let router = cupel_http::router(state, [cupel_api::native(&self.settings, None)]);
        TestApp {
            router,
            core: self.core.clone(),
            accounts: self.accounts.clone(),
            health: Arc::clone(&self.health),
            shutdown: self.shutdown.clone(),
            store: Arc::clone(&self.store),
            settings: Arc::clone(&self.settings),
            made: Arc::clone(&self.made),
            dir: Arc::clone(&self.dir),
        }
    }

    /// The same server after a restart: everything in memory is lost.
    pub(crate) fn restarted(&self) -> TestApp {
        let core = core_over(&self.store, self.dir.path(), Bounds::default(), 2000);
        let app = TestApp { core, ..self.node(SharedCaches::in_memory(Bytes::mib(1))) };
        app.node(SharedCaches::in_memory(Bytes::mib(1)))
    }

    /// The same server with other settings.
    pub(crate) fn with_other_settings(&self, change: impl FnOnce(&mut Settings)) -> TestApp {
        let mut settings = Settings::clone(&self.settings);
        change(&mut settings);
        let app = TestApp { settings: Arc::new(settings), ..self.node(SharedCaches::in_memory(Bytes::mib(1))) };
        app.node(SharedCaches::in_memory(Bytes::mib(1)))
    }

    /// A new user, logged in.
    pub(crate) async fn user(&self) -> TestUser {
        let n = self.made.fetch_add(1, Ordering::Relaxed);
        let new = NewAccount {
            username: format!("user{n}"),
            email: Some(format!("user{n}@example.com")),
            password: PASSWORD.into(),
        };
        let user = self.accounts.register(new).await.unwrap();
        let login = self
            .post("/api/v1/auth/login", &serde_json::json!({ "email": user.email, "password": PASSWORD }))
            .send()
            .await;
        assert_eq!(login.status, 200, "{login:?}");
        TestUser { token: login.json["access_token"].as_str().unwrap().to_owned(), user }
    }

    /// A new administrator, logged in.
    pub(crate) async fn admin(&self) -> TestUser {
        let mut admin = self.user().await;
        assert_eq!(
            self.accounts.set_access(admin.user.id, Role::Admin, Tier::default()).await.unwrap(),
            AccountChange::Done
        );
        admin.user = self.accounts.user(admin.user.id).await.unwrap().unwrap();
        admin
    }

    /// A new author, logged in.
    pub(crate) async fn author(&self) -> TestUser {
        let mut author = self.user().await;
        assert_eq!(
            self.accounts.set_access(author.user.id, Role::Author, Tier::default()).await.unwrap(),
            AccountChange::Done
        );
        author.user = self.accounts.user(author.user.id).await.unwrap().unwrap();
        author
    }

    /// Imports [`an_archive`] as a problem of this author; returns its slug.
    pub(crate) async fn problem(&self, author: &TestUser, slug: &str, visibility: Visibility) -> String {
        self.problem_from(author, slug, visibility, &[]).await
    }

    /// Like [`TestApp::problem`], with these changes of the archive.
    pub(crate) async fn problem_from(
        &self,
        author: &TestUser,
        slug: &str,
        visibility: Visibility,
        changes: &[(&str, Option<&str>)],
    ) -> String {
        let archive = self.dir.path().join(format!("{slug}.tar"));
        std::fs::write(&archive, an_archive(changes)).unwrap();
        let new = NewPackage { archive, slug: Some(slug.parse().unwrap()) };
        let problem = self.core.import_problem(author.user.id, new).await.unwrap().problem;
        // Record the version as verified.
        let change = ProblemChange { visibility: Some(visibility), ..ProblemChange::default() };
        cupel_core::ProblemStore::change_problem(&*self.store, problem.id, change, self.core.now())
            .await
            .unwrap()
            .unwrap();
        problem.slug.to_string()
    }

    /// The directory of packages.
    pub(crate) fn packages(&self) -> std::path::PathBuf {
        self.dir.path().join("packages")
    }

    /// Creates an API key of this user.
    pub(crate) async fn key(&self, owner: &TestUser, scopes: &[Scope]) -> String {
        let new = NewKey { name: "test".into(), scopes: scopes.to_vec(), expires_at: None };
        self.accounts.create_key(&owner.user, new).await.unwrap().1
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> Call {
        Call { router: self.router.clone(), request: Request::builder().method(method).uri(path), body: Body::empty() }
    }

    pub(crate) fn get(&self, path: &str) -> Call {
        self.request(Method::GET, path)
    }

    pub(crate) fn delete(&self, path: &str) -> Call {
        self.request(Method::DELETE, path)
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Call {
        self.request(Method::POST, path).json(body)
    }

    /// Submits and returns the id.
    pub(crate) async fn submit(&self, by: &TestUser, body: &Value) -> String {
        let answer = self.post("/api/v1/execute", body).bearer(&by.token).send().await;
        assert_eq!(answer.status, 202, "{answer:?}");
        answer.json["submission_id"].as_str().unwrap().to_owned()
    }

    /// Acts as the worker: takes the next run.
    pub(crate) async fn next_run(&self) -> Assignment {
        let worker = WorkerId::from_uuid(uuid::Uuid::new_v4());
        tokio::time::timeout(Duration::from_secs(120), self.core.next_run(worker))
            .await
            .expect("a run is waiting")
            .unwrap()
    }

    /// Acts as the worker: completes the next run with this report.
    pub(crate) async fn complete(&self, report: RunReport) {
        let assignment = self.next_run().await;
        assert!(self.core.complete(&assignment, report, log_of(&assignment)).await.unwrap());
    }

    /// Number of submissions of all users.
    pub(crate) async fn stored(&self) -> u64 {
        cupel_core::RunStore::list(&*self.store, None, 0, 1).await.unwrap().1
    }
}

/// A package as a tar archive: echo, with a sample, two secret cases and an image. `changes` replace files, or remove
/// them.
pub(crate) fn an_archive(changes: &[(&str, Option<&str>)]) -> Vec<u8> {
    let mut files = BTreeMap::from([
        ("problem.toml", "title = \"Echo\"\ndifficulty = \"easy\"\ntags = [\"strings\"]\n[limits]\ntime = 1.0\n"),
        ("statement.md", "Print what you read. ![A parrot](images/parrot.svg)\n"),
        ("images/parrot.svg", "<svg xmlns='http://www.w3.org/2000/svg'/>"),
        ("submissions/accepted/echo.py", "print(input())\n"),
        ("tests/sample/1.in", "a\n"),
        ("tests/sample/1.out", "a\n"),
        ("tests/secret/1.in", "b\n"),
        ("tests/secret/1.out", "b\n"),
        ("tests/secret/2.in", "the secret\n"),
        ("tests/secret/2.out", "the secret\n"),
    ]);
    for (path, text) in changes {
        match text {
            Some(text) => drop(files.insert(path, text)),
            None => drop(files.remove(path)),
        }
    }
    let dir = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = dir.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let tar = std::process::Command::new("tar").args(["-cf", "-", "-C"]).arg(dir.path()).arg(".").output().unwrap();
    assert!(tar.status.success(), "{tar:?}");
    tar.stdout
}

fn log_of(assignment: &Assignment) -> Vec<Event> {
    let (attempt, submission) = (assignment.leased.attempt, assignment.leased.submission.id);
    let kinds = [
        EventKind::Started { attempt },
        EventKind::ExecutionStarted { case: None },
        EventKind::Output { case: None, stream: Stream::Stdout, data: Arc::from(&b"42\n"[..]) },
    ];
    let at = cupel_core::Clock::now(&SystemClock);
    (1u32..).zip(kinds).map(|(n, kind)| Event { submission, seq: Seq::of_attempt(attempt, n), at, kind }).collect()
}

/// A request under construction.
pub(crate) struct Call {
    router: Router,
    request: axum::http::request::Builder,
    body: Body,
}

impl Call {
    pub(crate) fn header(mut self, name: &str, value: &str) -> Call {
        self.request = self.request.header(name, value);
        self
    }

    pub(crate) fn bearer(self, token: &str) -> Call {
        self.header("authorization", &format!("Bearer {token}"))
    }

    pub(crate) fn json(self, body: &Value) -> Call {
        self.raw(body.to_string()).header("content-type", "application/json")
    }

    pub(crate) fn raw(mut self, body: impl Into<Body>) -> Call {
        self.body = body.into();
        self
    }

    /// Sets the client's address.
    pub(crate) fn at_address(mut self, address: &str) -> Call {
        let address = std::net::SocketAddr::new(address.parse().unwrap(), 1);
        self.request = self.request.extension(axum::extract::ConnectInfo(address));
        self
    }

    pub(crate) async fn send(self) -> Answer {
        let response = self.router.oneshot(self.request.body(self.body).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = tokio::time::timeout(Duration::from_secs(120), body.collect())
            .await
            .expect("the answer ends")
            .unwrap()
            .to_bytes();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Answer {
            status: parts.status,
            headers: parts.headers,
            json: serde_json::from_str(&text).unwrap_or(Value::Null),
            text,
            bytes,
        }
    }

    /// Sends the request and returns the response with its body unread.
    pub(crate) async fn start(self) -> axum::response::Response {
        self.router.oneshot(self.request.body(self.body).unwrap()).await.unwrap()
    }
}

/// Asserts that a message is a sentence, without texts of parsers or names of types.
#[track_caller]
fn is_plain(message: &str) {
    let first = message.chars().next().unwrap_or_default();
    assert!(first.is_uppercase() || first == '`', "begins with neither a capital letter nor a name: {message}");
    assert!(message.ends_with(['.', '?']), "ends with neither a full stop nor a question mark: {message}");
    if message.starts_with("E_") {
        // A finding about a package may contain the message of the parser of its files.
        return;
    }
    let lower = message.to_lowercase();
    for text in [
        "invalid type",
        "invalid value",
        ", expected ",
        "float literal",
        "digit found",
        "u64",
        "struct ",
        "sequence",
        "eof",
    ] {
        assert!(!lower.contains(text), "contains a text of a parser: {message}");
    }
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) json: Value,
    pub(crate) text: String,
    pub(crate) bytes: bytes::Bytes,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |v| v.to_str().unwrap())
    }

    /// Asserts that this is a complete problem document of this kind.
    #[track_caller]
    pub(crate) fn is_error(&self, status: u16, code: &str) -> &Answer {
        assert_eq!(
            (self.status.as_u16(), self.json["code"].as_str()),
            (status, Some(code)),
            "{} {}",
            self.status,
            self.text
        );
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(self.json["status"], status);
        assert_eq!(self.json["type"], format!("/errors/{code}"));
        assert_eq!(self.json["request_id"], self.header("x-request-id"));
        assert!(self.json["title"].as_str().is_some_and(|t| !t.is_empty()), "{}", self.text);
        assert!(self.json["detail"].as_str().is_some_and(|t| !t.is_empty()), "{}", self.text);
        assert!(self.json["errors"].is_array(), "{}", self.text);
        is_plain(self.json["detail"].as_str().unwrap());
        for error in self.json["errors"].as_array().unwrap() {
            is_plain(error["detail"].as_str().unwrap());
        }
        self
    }

    /// Asserts that the first error has this pointer.
    #[track_caller]
    pub(crate) fn points_to(&self, pointer: &str) -> &Answer {
        assert_eq!(self.json["errors"][0]["pointer"], pointer, "{}", self.text);
        self
    }
}

/// A report: `AC` with output `42` unless changed.
pub(crate) fn a_report() -> RunReport {
    RunReport {
        verdict: Verdict::Accepted,
        message: None,
        compile: None,
        execution: Some(a_step()),
        cases: Vec::new(),
        files: Vec::new(),
        artifacts: Default::default(),
        grading: None,
        verification: None,
        limits: Limits { cpu_time: Duration::from_secs(2), memory: Bytes::mib(64), ..Limits::default() },
        language_version: "3.11.2".into(),
    }
}

pub(crate) fn a_step() -> StepReport {
    StepReport {
        outcome: Outcome::Exited(0),
        exit_code: Some(0),
        signal: None,
        stdout: output(b"42\n"),
        stderr: output(b""),
        usage: Usage {
            cpu_time: Duration::from_millis(12),
            wall_time: Duration::from_millis(15),
            memory: Bytes::kib(9000),
            ..Usage::default()
        },
    }
}

/// The report of a run with this outcome.
pub(crate) fn ended(outcome: Outcome) -> RunReport {
    let status = match outcome {
        Outcome::Exited(code) => Some(ExitStatus::Exited(code)),
        Outcome::Signalled(signal) => Some(ExitStatus::Signalled(signal)),
        _ => None,
    };
    let exit_code = if let Some(ExitStatus::Exited(code)) = status { Some(code) } else { None };
    let signal = if let Some(ExitStatus::Signalled(signal)) = status { Some(signal.0) } else { None };
    RunReport {
        verdict: Verdict::of_outcome(outcome),
        execution: Some(StepReport { outcome, exit_code, signal, ..a_step() }),
        ..a_report()
    }
}

pub(crate) fn refused_by_compiler(said: &str) -> RunReport {
    let compile = CompileReport {
        ok: false,
        output: output(said.as_bytes()),
        exit_code: Some(1),
        limit: None,
        wall_time: Duration::from_millis(120),
        cached: false,
    };
    RunReport { verdict: Verdict::CompileError, compile: Some(compile), execution: None, ..a_report() }
}

pub(crate) fn output(data: &[u8]) -> Output {
    Output { data: Arc::from(data), truncated: false }
}
