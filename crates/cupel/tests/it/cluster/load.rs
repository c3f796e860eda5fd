//! Clients that submit, listen and ask until all they were promised is there, and remember what they saw.

use std::io::{BufRead, BufReader};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, RwLock};
use std::time::Duration;

use serde_json::{Value, json};

use super::history::{End, Seen, violations};
use crate::support::{PATIENCE, eventually};

/// Of how many submissions one is listened to.
const LISTENED: usize = 10;

/// What the submission with a key prints.
pub(crate) fn expected(key: usize) -> String {
    format!("run {key}\n")
}

/// Clients of a cluster. Nodes may come and go meanwhile: a client asks another one then.
pub(crate) struct Load {
    urls: RwLock<Vec<String>>,
    key: String,
    history: Mutex<Vec<Seen>>,
    accepted: AtomicUsize,
    turn: AtomicUsize,
}

impl Load {
    pub(crate) fn new(urls: &[&str], key: &str) -> Load {
        Load {
            urls: RwLock::new(urls.iter().map(|url| (*url).to_owned()).collect()),
            key: key.to_owned(),
            history: Mutex::default(),
            accepted: AtomicUsize::new(0),
            turn: AtomicUsize::new(0),
        }
    }

    /// Which nodes are there now.
    pub(crate) fn use_nodes(&self, urls: &[&str]) {
        *self.urls.write().unwrap() = urls.iter().map(|url| (*url).to_owned()).collect();
    }

    /// Submissions that clients were told are accepted.
    pub(crate) fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }

    /// Submits `count` programs by some clients at once, each with an idempotency key, again and again until it is
    /// accepted, and waits for all results. `meanwhile` runs beside.
    pub(crate) fn run(&self, count: usize, sleep: &str, meanwhile: impl FnOnce()) {
        const CLIENTS: usize = 8;
        let next = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..CLIENTS {
                scope.spawn(|| {
                    loop {
                        let key = next.fetch_add(1, Ordering::SeqCst);
                        if key >= count {
                            return;
                        }
                        let id = self.submit(key, sleep);
                        if key.is_multiple_of(LISTENED) {
                            scope.spawn(move || self.listen(key, &id));
                        }
                    }
                });
            }
            meanwhile();
        });
        self.collect();
    }

    fn saw(&self, seen: Seen) {
        self.history.lock().unwrap().push(seen);
    }

    fn url(&self) -> String {
        let urls = self.urls.read().unwrap();
        urls[self.turn.fetch_add(1, Ordering::Relaxed) % urls.len()].clone()
    }

    fn submit(&self, key: usize, sleep: &str) -> String {
        let body = json!({
            "language": "bash",
            "source_code": format!("read key; sleep {sleep}; echo run $key"),
            "input": format!("{key}\n"),
        });
        eventually(|| {
            let sent = agent(Duration::from_secs(15))
                .post(format!("{}/api/v1/execute", self.url()))
                .header("authorization", format!("Bearer {}", self.key))
                .header("idempotency-key", format!("key-{key}"))
                .send_json(&body);
            // Whether it was accepted is not known then: the same key is tried again, elsewhere.
            let mut answer = sent.ok()?;
            let status = answer.status().as_u16();
            let body: Value = answer.body_mut().read_json().ok()?;
            if let (200..300, Some(id)) = (status, body["submission_id"].as_str()) {
                self.saw(Seen::Accepted { key, id: id.to_owned() });
                self.accepted.fetch_add(1, Ordering::SeqCst);
                return Some(id.to_owned());
            }
            assert!(matches!(status, 429 | 500..600), "{status}: {body}");
            self.saw(Seen::Refused { key });
            std::thread::sleep(Duration::from_millis(100));
            None
        })
    }

    /// Listens until the verdict, and goes on elsewhere after what it has heard when it is cut off.
    fn listen(&self, listener: usize, id: &str) {
        let mut last = 0;
        eventually(|| {
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
                // Cut off: the next turn goes on.
                let line = line.ok()?;
                if let Some(text) = line.strip_prefix("id:") {
                    seq = text.trim().parse::<u64>().ok();
                } else if let Some(text) = line.strip_prefix("event:") {
                    name = text.trim().to_owned();
                } else if line.is_empty()
                    && let Some(seq) = seq.take()
                {
                    last = seq;
                    let is_last = name == "verdict";
                    self.saw(Seen::Heard { listener, id: id.to_owned(), seq, name: std::mem::take(&mut name) });
                    if is_last {
                        self.saw(Seen::Closed { listener, id: id.to_owned() });
                        return Some(());
                    }
                }
            }
            // A node that goes down ends its streams in an orderly way, so this is no violation by itself.
            None
        });
    }

    /// Asks every node for every result, until all are there.
    fn collect(&self) {
        let ids: Vec<String> = {
            let history = self.history.lock().unwrap();
            let mut ids: Vec<String> = history
                .iter()
                .filter_map(|s| if let Seen::Accepted { id, .. } = s { Some(id.clone()) } else { None })
                .collect();
            ids.sort();
            ids.dedup();
            ids
        };
        let urls = self.urls.read().unwrap().clone();
        for url in &urls {
            for id in &ids {
                let answer = eventually(|| {
                    let mut answer = agent(PATIENCE)
                        .get(format!("{url}/api/v1/execute/{id}?wait=10"))
                        .header("authorization", format!("Bearer {}", self.key))
                        .call()
                        .ok()?;
                    let body: Value = answer.body_mut().read_json().ok()?;
                    assert_ne!(answer.status(), 404, "{id} was accepted and is not there");
                    (answer.status() == 200 && !matches!(body["status"].as_str(), Some("queued" | "running")))
                        .then_some(body)
                });
                let text = |name: &str| answer[name].as_str().unwrap_or_default().to_owned();
                let attempts = answer["attempts"].as_u64().unwrap_or_default();
                let end = End {
                    verdict: text("verdict"),
                    stdout: text("stdout"),
                    completed_at: text("completed_at"),
                    attempts,
                };
                self.saw(Seen::Ended { id: id.clone(), end });
            }
        }
    }

    /// Everything that must not be in what was seen.
    pub(crate) fn violations(&self) -> Vec<String> {
        violations(&self.history.lock().unwrap(), expected)
    }

    /// How many attempts a submission took, at most.
    pub(crate) fn attempts_max(&self) -> u64 {
        let history = self.history.lock().unwrap();
        let attempts =
            history.iter().filter_map(|s| if let Seen::Ended { end, .. } = s { Some(end.attempts) } else { None });
        attempts.max().unwrap_or_default()
    }
}

pub(super) fn agent(time_max: Duration) -> ureq::Agent {
    ureq::Agent::config_builder().timeout_global(Some(time_max)).http_status_as_error(false).build().into()
}
