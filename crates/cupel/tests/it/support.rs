//! Test support: commands, servers and an HTTP client.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// Maximum time of a wait, unless a test sets another. A test that waits longer fails instead of hanging.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// Returns a command of the binary with a clean environment.
pub(crate) fn cupel<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cupel"));
    command.args(args).env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").current_dir(std::env::temp_dir());
    command
}

/// Returns a command of the binary as [`cupel`] does, with a cache that all tests of this process share: precompiled
/// headers and compiled programs. For tests that compile much and are not about compilation.
pub(crate) fn cupel_with_cache<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Command {
    static CACHE: OnceLock<PathBuf> = OnceLock::new();
    let cache = CACHE.get_or_init(|| {
        let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache");
        // Programs that were compiled in an earlier run are removed, so that this run compiles them.
        let _ = std::fs::remove_dir_all(cache.join("cupel/artifacts"));
        // Without a toolchain, only the tests that use its language fail.
        end(with_cache(cupel(["languages", "prepare", "c", "cpp", "java"]), &cache), b"");
        cache
    });
    with_cache(cupel(args), cache)
}

fn with_cache(mut command: Command, cache: &Path) -> Command {
    command.env("XDG_CACHE_HOME", cache);
    command
}

/// Returns a value of `languages.disabled` with which a server has only the languages that most tests of servers use. A
/// server runs the version command of each toolchain when it starts, which takes 0.3 s of processor time for all of
/// them. [`Server::start_with_all_languages`] starts a server with all of them.
pub(crate) fn unused_languages() -> &'static str {
    const USED: [&str; 4] = ["bash", "c", "cpp", "python"];
    static UNUSED: OnceLock<String> = OnceLock::new();
    UNUSED.get_or_init(|| {
        let shipped = cupel_languages::Registry::load(None).unwrap();
        let ids = shipped.iter().map(|language| language.id.as_str());
        ids.filter(|id| !USED.contains(id)).collect::<Vec<_>>().join(",")
    })
}

/// Exit code and output of a command.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs a command with the given standard input.
pub(crate) fn end(mut command: Command, stdin: &[u8]) -> Ended {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut pipe = child.stdin.take().unwrap();
    let stdin = stdin.to_vec();
    let feeder = std::thread::spawn(move || pipe.write_all(&stdin));
    let output = child.wait_with_output().unwrap();
    // Writing the input fails if the program does not read it.
    let _ = feeder.join();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Ended { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// Calls `run`, which compiles a program. If the compiler reached a time limit, which a busy machine can cause, calls
/// it again, at most twice.
pub(crate) fn unless_late<T>(mut run: impl FnMut() -> T, message_of: impl Fn(&T) -> &str) -> T {
    let is_late = |ended: &T| {
        let message = message_of(ended);
        message.contains("the compiler: ") && message.contains(" limit of ") && message.contains(" ms exceeded")
    };
    let first = run();
    if !is_late(&first) {
        return first;
    }
    let second = run();
    if is_late(&second) { run() } else { second }
}

/// A file in its own temporary directory.
pub(crate) struct Source {
    pub(crate) path: String,
    /// Removed when the value is dropped.
    _dir: TempDir,
}

pub(crate) fn source(name: &str, text: &str) -> Source {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    std::fs::write(&path, text).unwrap();
    Source { path: path.to_str().unwrap().to_owned(), _dir: dir }
}

/// A `cupel serve` started by a test.
pub(crate) struct Server {
    child: Child,
    data: PathBuf,
    pub(crate) url: String,
    pub(crate) key: String,
    /// The server's output at its start.
    pub(crate) printed: String,
}

impl Server {
    /// Starts a server on a free port with all installed languages. `settings` are environment variables.
    pub(crate) fn start_with_all_languages(data: &Path, settings: &[(&str, &str)]) -> Server {
        Server::start(data, &[settings, &[("CUPEL_LANGUAGES__DISABLED", "")]].concat())
    }

    /// Starts a server on a free port, with few languages. `settings` are environment variables.
    pub(crate) fn start(data: &Path, settings: &[(&str, &str)]) -> Server {
        let mut command = cupel(["serve", "--listen", "127.0.0.1:0", "--data", data.to_str().unwrap()]);
        let log = std::fs::OpenOptions::new().create(true).append(true).open(data.join("serve.log")).unwrap();
        let mut child = command
            // The preparation would compete with the tests for processors; other tests cover it.
            .env("CUPEL_LANGUAGES__PREPARE", "false")
            .env("CUPEL_PROBLEMS__SHIPPED", "false")
            .env("CUPEL_LANGUAGES__DISABLED", unused_languages())
            .envs(settings.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut printed = String::new();
        while !printed.contains("Try next") {
            let line = lines.next().unwrap_or_else(|| panic!("the server ended: {printed}\n{}", log_of(data))).unwrap();
            printed += &format!("{line}\n");
        }
        if printed.contains("another terminal") {
            printed += &lines.next().unwrap().unwrap();
        }
        let word = |start: &str| printed.split_whitespace().find(|word| word.starts_with(start)).map(str::to_owned);
        let url = word("http://").unwrap();
        let key = word("cup_").unwrap_or_else(|| {
            let scopes = ["admin", "account", "runs:read", "runs:write", "problems:write"];
            let mut create = cupel(["key", "create", "test", "--data", data.to_str().unwrap()]);
            create.args(scopes.iter().flat_map(|scope| ["--scope", scope])).envs(settings.iter().copied());
            let made = end(create, b"");
            assert_eq!(made.code, Some(0), "{made:?}");
            made.stdout.trim().to_owned()
        });
        Server { child, data: data.to_owned(), url, key, printed }
    }

    /// Sends a GET and returns status and response.
    pub(crate) fn get(&self, path: &str) -> (u16, Value) {
        let mut answer = agent()
            .get(format!("{}{path}", self.url))
            .header("authorization", format!("Bearer {}", self.key))
            .call()
            .unwrap();
        (answer.status().as_u16(), answer.body_mut().read_json().unwrap())
    }

    /// Sends a GET and returns the response as text, such as an event stream.
    pub(crate) fn text(&self, path: &str) -> String {
        let mut answer = agent()
            .get(format!("{}{path}", self.url))
            .header("authorization", format!("Bearer {}", self.key))
            .call()
            .unwrap();
        answer.body_mut().read_to_string().unwrap()
    }

    /// Returns the lines of a streamed response, as they arrive.
    pub(crate) fn lines(&self, path: &str) -> impl Iterator<Item = std::io::Result<String>> + use<> {
        let answer = agent()
            .get(format!("{}{path}", self.url))
            .header("authorization", format!("Bearer {}", self.key))
            .call()
            .unwrap();
        BufReader::new(answer.into_body().into_reader()).lines()
    }

    /// Sends a POST, which must succeed, and returns the response.
    pub(crate) fn post(&self, path: &str, body: &Value) -> Value {
        let request =
            agent().post(format!("{}{path}", self.url)).header("authorization", format!("Bearer {}", self.key));
        let mut answer = request.send_json(body).unwrap();
        let status = answer.status().as_u16();
        let body: Value = answer.body_mut().read_json().unwrap();
        assert!((200..300).contains(&status), "{status}: {body}");
        body
    }

    /// Sends any request and returns status and response. `token`: the bearer token, if any.
    pub(crate) fn call(&self, method: &str, path: &str, token: Option<&str>, body: Option<&Value>) -> (u16, Value) {
        let content = body.map(|body| ("application/json", body.to_string().into_bytes()));
        self.send(method, path, token, content)
    }

    /// Uploads an archive and returns status and response.
    pub(crate) fn upload(&self, method: &str, path: &str, token: &str, archive: &[u8]) -> (u16, Value) {
        self.send(method, path, Some(token), Some(("application/x-tar", archive.to_vec())))
    }

    fn send(&self, method: &str, path: &str, token: Option<&str>, content: Option<(&str, Vec<u8>)>) -> (u16, Value) {
        let mut request = ureq::http::Request::builder().method(method).uri(format!("{}{path}", self.url));
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let mut answer = match content {
            Some((kind, bytes)) => agent().run(request.header("content-type", kind).body(bytes).unwrap()),
            None => agent().run(request.body(()).unwrap()),
        }
        .unwrap();
        let status = answer.status().as_u16();
        // A response with status 204 has no body.
        let body = if status == 204 { Value::Null } else { answer.body_mut().read_json().unwrap() };
        (status, body)
    }

    /// Submits and returns the id.
    pub(crate) fn submit(&self, body: &Value) -> String {
        self.post("/api/v1/execute", body)["submission_id"].as_str().unwrap().to_owned()
    }

    pub(crate) fn submission(&self, id: &str) -> Value {
        self.get(&format!("/api/v1/execute/{id}")).1
    }

    /// Waits for the submission's end and returns it. A compilation alone may take up to two minutes on a busy machine.
    pub(crate) fn result(&self, id: &str) -> Value {
        eventually_within(3 * PATIENCE, || {
            let answer = self.get(&format!("/api/v1/execute/{id}?wait=10")).1;
            (!matches!(answer["status"].as_str(), Some("queued" | "running"))).then_some(answer)
        })
    }

    /// Returns the states of the given submissions.
    pub(crate) fn statuses(&self, ids: &[String]) -> Vec<String> {
        ids.chunks(100)
            .flat_map(|ids| {
                let body = self.get(&format!("/api/v1/execute?ids={}", ids.join(","))).1;
                body["submissions"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|s| s["status"].as_str().unwrap().to_owned())
                    .collect::<Vec<_>>()
            })
            .collect()
    }

    pub(crate) fn log(&self) -> String {
        log_of(&self.data)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn terminate(&mut self) {
        let asked = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(asked.success());
    }

    /// Waits until the process ends.
    pub(crate) fn ended(mut self) -> ExitStatus {
        eventually(|| self.child.try_wait().unwrap())
    }

    /// Sends SIGKILL, so the process cannot clean up.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn agent() -> ureq::Agent {
    ureq::Agent::config_builder().timeout_global(Some(PATIENCE)).http_status_as_error(false).build().into()
}

fn log_of(data: &Path) -> String {
    std::fs::read_to_string(data.join("serve.log")).unwrap_or_default()
}

/// Polls the condition until it returns a value, up to [`PATIENCE`].
pub(crate) fn eventually<T>(condition: impl FnMut() -> Option<T>) -> T {
    eventually_within(PATIENCE, condition)
}

/// Like [`eventually`], with another maximum time.
pub(crate) fn eventually_within<T>(patience: Duration, mut condition: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(answer) = condition() {
            return answer;
        }
        let waited = begun.elapsed();
        assert!(waited < patience, "the condition did not become true within {patience:?}");
        // Many conditions start a command, so the longer the wait, the longer the pauses.
        std::thread::sleep((waited / 8).clamp(Duration::from_millis(10), Duration::from_millis(250)));
    }
}

/// Returns the control groups of a launcher that this process started, one per hierarchy. Other directories may contain
/// groups of a killed launcher with the same process id; these are not included.
pub(crate) fn groups_of(launcher: u32) -> Vec<PathBuf> {
    let own = std::fs::read_to_string("/proc/self/cgroup").unwrap();
    let groups = own.lines().map(|line| {
        // cgroups(7): hierarchy:controllers:path.
        let (controllers, path) = line.split_once(':').unwrap().1.split_once(':').unwrap();
        // A launcher moves the processes of its group into `cupel-main`.
        let above = path.trim_end_matches("/cupel-main").trim_start_matches('/');
        Path::new("/sys/fs/cgroup").join(controllers).join(above).join(format!("cupel-{launcher}"))
    });
    groups.filter(|group| group.is_dir()).collect()
}

/// Rate limits that the load of a test never reaches.
pub(crate) const NO_RATE_LIMITS: [(&str, &str); 4] = [
    ("CUPEL_RATE_LIMITS__TIERS__BASIC__SUBMISSIONS_PER_MINUTE", "1000000"),
    ("CUPEL_RATE_LIMITS__TIERS__BASIC__SUBMISSIONS_BURST", "100000"),
    ("CUPEL_RATE_LIMITS__TIERS__BASIC__READS_PER_MINUTE", "1000000"),
    ("CUPEL_RATE_LIMITS__TIERS__BASIC__READS_BURST", "100000"),
];
