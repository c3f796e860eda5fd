//! Clients that submit, listen and poll until they have all results, and record the responses that they receive.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, RwLock};
use std::time::Duration;

use serde_json::{Value, json};

use super::history::{End, Seen, violations};
use crate::support::{PATIENCE, eventually_within};

/// Number of concurrent clients.
const CLIENTS: usize = 8;

/// Approximate maximum of the number of submissions with a listener.
const LISTENERS: usize = 200;

/// The kind of submissions that clients send.
#[derive(Clone, Debug)]
pub(crate) enum Sends {
    /// Programs that sleep for this many seconds and print `run` and their input.
    Programs { sleep: &'static str },
    /// Solutions of the problem with this name, which asks for the double of a number.
    Solutions { of: &'static str },
}

impl Sends {
    fn path(&self) -> String {
        match self {
            Sends::Programs { .. } => "/api/v1/execute".to_owned(),
            Sends::Solutions { of } => format!("/api/v1/problems/{of}/submissions"),
        }
    }

    fn body(&self, key: usize) -> Value {
        match self {
            Sends::Programs { sleep } => json!({
                "language": "bash",
                "source_code": format!("read key; sleep {sleep}; echo run $key"),
                "input": format!("{key}\n"),
            }),
            Sends::Solutions { .. } => json!({
                "language": "bash",
                "source_code": format!("read n; echo $((2 * n)) # {key}"),
            }),
        }
    }

    /// Returns the output of the submission with a key, as its sender sees it.
    fn expected(&self, key: usize) -> String {
        match self {
            Sends::Programs { .. } => format!("run {key}\n"),
            Sends::Solutions { .. } => String::new(),
        }
    }
}

/// Clients of a cluster. If a node is killed, its clients use another node.
pub(crate) struct Load {
    urls: RwLock<Vec<String>>,
    key: String,
    sends: Sends,
    /// Maximum wait of a client, after which the test fails.
    patience: Duration,
    history: Mutex<Vec<Seen>>,
    accepted: AtomicUsize,
    refused: AtomicUsize,
    turn: AtomicUsize,
    listeners: AtomicUsize,
    /// Number of submissions that clients may send so far.
    let_in: AtomicUsize,
}

impl Load {
    pub(crate) fn new(urls: &[&str], key: &str, sends: Sends, patience: Duration) -> Load {
        Load {
            urls: RwLock::new(urls.iter().map(|url| (*url).to_owned()).collect()),
            key: key.to_owned(),
            sends,
            patience,
            history: Mutex::default(),
            accepted: AtomicUsize::new(0),
            refused: AtomicUsize::new(0),
            turn: AtomicUsize::new(0),
            listeners: AtomicUsize::new(0),
            let_in: AtomicUsize::new(usize::MAX),
        }
    }

    /// Limits the clients to the first `count` submissions until the next call. So a test can place a fault between
    /// these submissions and later submissions on a machine of any speed.
    pub(crate) fn let_in(&self, count: usize) {
        self.let_in.store(count, Ordering::SeqCst);
    }

    /// Sets the nodes that clients use.
    pub(crate) fn use_nodes(&self, urls: &[&str]) {
        *self.urls.write().unwrap() = urls.iter().map(|url| (*url).to_owned()).collect();
    }

    /// Number of accepted submissions.
    pub(crate) fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }

    /// Number of refusals that asked the client to retry.
    pub(crate) fn refused(&self) -> usize {
        self.refused.load(Ordering::SeqCst)
    }

    /// Sends `count` submissions from concurrent clients and waits for all results. Each submission has an idempotency
    /// key and is retried until it is accepted. `meanwhile` runs at the same time.
    pub(crate) fn run(&self, count: usize, meanwhile: impl FnOnce()) {
        let next = AtomicUsize::new(0);
        let listened = (count / LISTENERS).max(10);
        std::thread::scope(|scope| {
            for _ in 0..CLIENTS {
                scope.spawn(|| {
                    loop {
                        let key = next.fetch_add(1, Ordering::SeqCst);
                        if key >= count {
                            return;
                        }
                        self.eventually(|| (key < self.let_in.load(Ordering::SeqCst)).then_some(()));
                        let id = self.submit(key);
                        if key.is_multiple_of(listened) {
                            scope.spawn(move || self.listen(&id));
                        }
                    }
                });
            }
            meanwhile();
        });
        self.collect(listened);
    }

    /// Sends a GET and returns status and response.
    pub(crate) fn get(&self, path: &str) -> (u16, Value) {
        let request = agent(PATIENCE).get(format!("{}{path}", self.url()));
        answered(request.header("authorization", format!("Bearer {}", self.key)).call())
    }

    /// Sends a POST with a body of this type and returns status and response.
    pub(crate) fn post(&self, path: &str, kind: &str, body: &[u8]) -> (u16, Value) {
        let request = agent(PATIENCE).post(format!("{}{path}", self.url())).header("content-type", kind);
        answered(request.header("authorization", format!("Bearer {}", self.key)).send(body))
    }

    fn saw(&self, seen: Seen) {
        self.history.lock().unwrap().push(seen);
    }

    fn url(&self) -> String {
        let urls = self.urls.read().unwrap();
        urls[self.turn.fetch_add(1, Ordering::Relaxed) % urls.len()].clone()
    }

    fn eventually<T>(&self, condition: impl FnMut() -> Option<T>) -> T {
        eventually_within(self.patience, condition)
    }

    fn submit(&self, key: usize) -> String {
        let (path, body) = (self.sends.path(), self.sends.body(key));
        self.eventually(|| {
            let sent = agent(Duration::from_secs(15))
                .post(format!("{}{path}", self.url()))
                .header("authorization", format!("Bearer {}", self.key))
                .header("idempotency-key", format!("key-{key}"))
                .send_json(&body);
            // After a failed request, the outcome is unknown, so the client sends the same key to another node.
            let mut answer = sent.ok()?;
            let status = answer.status().as_u16();
            let body: Value = answer.body_mut().read_json().ok()?;
            if let (200..300, Some(id)) = (status, body["submission_id"].as_str()) {
                self.saw(Seen::Accepted { key, id: id.to_owned() });
                self.accepted.fetch_add(1, Ordering::SeqCst);
                return Some(id.to_owned());
            }
            // A refusal with any other status would misreport the fault.
            assert!(matches!(status, 429 | 503 | 507), "{status}: {body}");
            self.saw(Seen::Refused { key });
            self.refused.fetch_add(1, Ordering::SeqCst);
            std::thread::sleep(Duration::from_millis(100));
            None
        })
    }

    /// Listens until the verdict. If the stream is cut, the client resumes after the last event on another node.
    fn listen(&self, id: &str) {
        let (listener, mut last) = (self.listeners.fetch_add(1, Ordering::SeqCst), 0);
        self.eventually(|| {
            let answer = agent(Duration::from_secs(60))
                .get(format!("{}/api/v1/execute/{id}/events", self.url()))
                .header("authorization", format!("Bearer {}", self.key))
                .header("last-event-id", last.to_string())
                .call()
                .ok()?;
            if answer.status() != 200 {
                return None;
            }
            let (mut seq, mut name) = (None, String::new());
            for line in BufReader::new(answer.into_body().into_reader()).lines() {
                // The stream was cut. The next iteration resumes it.
                let line = line.ok()?;
                if let Some(text) = line.strip_prefix("id:") {
                    seq = text.trim().parse::<u64>().ok();
                } else if let Some(text) = line.strip_prefix("event:") {
                    name = text.trim().to_owned();
                } else if line.is_empty() {
                    let name = std::mem::take(&mut name);
                    if let Some(seq) = seq.take() {
                        last = seq;
                        let is_last = name == "verdict";
                        self.saw(Seen::Heard { listener, id: id.to_owned(), seq, name });
                        if is_last {
                            self.saw(Seen::Closed { listener, id: id.to_owned() });
                            return Some(());
                        }
                    } else if name == "gap" {
                        self.saw(Seen::Gap { listener, id: id.to_owned() });
                    }
                }
            }
            // A node that shuts down closes its streams properly, so this alone is not a violation.
            None
        });
    }

    /// Requests each result from each node until every node returns it, then listens again to the submissions with
    /// listeners.
    fn collect(&self, listened: usize) {
        let ids: BTreeMap<String, usize> = {
            let history = self.history.lock().unwrap();
            let accepted = history
                .iter()
                .filter_map(|s| if let Seen::Accepted { key, id } = s { Some((id.clone(), *key)) } else { None });
            accepted.collect()
        };
        let urls = self.urls.read().unwrap().clone();
        let asked: Vec<(&String, &String)> = urls.iter().flat_map(|url| ids.keys().map(move |id| (url, id))).collect();
        let next = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..CLIENTS {
                scope.spawn(|| {
                    while let Some((url, id)) = asked.get(next.fetch_add(1, Ordering::SeqCst)) {
                        self.saw(Seen::Ended { id: (*id).clone(), end: self.end(url, id) });
                    }
                });
            }
        });
        ids.iter().filter(|(_, key)| key.is_multiple_of(listened)).for_each(|(id, _)| self.listen(id));
    }

    fn end(&self, url: &str, id: &str) -> End {
        let answer = self.eventually(|| {
            let mut answer = agent(PATIENCE)
                .get(format!("{url}/api/v1/execute/{id}?wait=10"))
                .header("authorization", format!("Bearer {}", self.key))
                .call()
                .ok()?;
            let body: Value = answer.body_mut().read_json().ok()?;
            assert_ne!(answer.status(), 404, "{id} was accepted but not found");
            (answer.status() == 200 && !matches!(body["status"].as_str(), Some("queued" | "running"))).then_some(body)
        });
        let text = |name: &str| answer[name].as_str().unwrap_or_default().to_owned();
        End {
            verdict: text("verdict"),
            stdout: text("stdout"),
            completed_at: text("completed_at"),
            attempts: answer["attempts"].as_u64().unwrap_or_default(),
        }
    }

    /// Returns all violations in the history.
    pub(crate) fn violations(&self) -> Vec<String> {
        violations(&self.history.lock().unwrap(), |key| self.sends.expected(key))
    }

    /// Returns the largest number of attempts that any submission needed.
    pub(crate) fn attempts_max(&self) -> u64 {
        let history = self.history.lock().unwrap();
        let attempts =
            history.iter().filter_map(|s| if let Seen::Ended { end, .. } = s { Some(end.attempts) } else { None });
        attempts.max().unwrap_or_default()
    }
}

fn answered(answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> (u16, Value) {
    let mut answer = answer.unwrap();
    let status = answer.status().as_u16();
    let body = answer.body_mut().read_to_string().unwrap();
    (status, serde_json::from_str(&body).unwrap_or(Value::String(body)))
}

pub(super) fn agent(time_max: Duration) -> ureq::Agent {
    ureq::Agent::config_builder().timeout_global(Some(time_max)).http_status_as_error(false).build().into()
}
