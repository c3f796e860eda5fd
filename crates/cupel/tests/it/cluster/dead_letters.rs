//! A submission whose worker is killed at every attempt, and its treatment as a dead letter by an administrator.

use std::time::Duration;

use cupel_testkit::servers::{Postgres, Redis};
use serde_json::{Value, json};

use super::LEASE;
use super::load::agent;
use super::nodes::Cluster;
use crate::support::{PATIENCE, eventually};

/// A client that submits and polls.
pub(super) struct Client<'a> {
    pub(super) url: &'a str,
    pub(super) key: &'a str,
}

impl Client<'_> {
    fn submit(&self, source: &str) -> String {
        self.submit_in("bash", source)
    }

    pub(super) fn submit_in(&self, language: &str, source: &str) -> String {
        let (_, body) = self.try_submit(language, source);
        body["submission_id"].as_str().unwrap_or_else(|| panic!("{body}")).to_owned()
    }

    /// Sends a submission and returns status and response.
    pub(super) fn try_submit(&self, language: &str, source: &str) -> (u16, Value) {
        let body = json!({ "language": language, "source_code": source });
        let answer = agent(PATIENCE)
            .post(format!("{}/api/v1/execute", self.url))
            .header("authorization", format!("Bearer {}", self.key))
            .send_json(&body);
        let mut answer = answer.unwrap();
        (answer.status().as_u16(), answer.body_mut().read_json().unwrap())
    }

    fn get(&self, path: &str) -> String {
        let answer = agent(Duration::from_secs(60))
            .get(format!("{}/api/v1/execute/{path}", self.url))
            .header("authorization", format!("Bearer {}", self.key))
            .call();
        answer.unwrap().body_mut().read_to_string().unwrap()
    }

    /// Waits until the submission satisfies the condition.
    pub(super) fn wait_until(&self, id: &str, is: impl Fn(&Value) -> bool) -> Value {
        eventually(|| Some(serde_json::from_str(&self.get(id)).unwrap()).filter(&is))
    }

    /// Returns numbers and names of the events of an ended submission, after a given event.
    fn events(&self, id: &str) -> Vec<(u64, String)> {
        let view = self.get(&format!("{id}/events"));
        let fields = |start: &'static str| view.lines().filter_map(move |line| line.strip_prefix(start));
        let numbers = fields("id:").map(|number| number.trim().parse().unwrap());
        numbers.zip(fields("event:").map(|name| name.trim().to_owned())).collect()
    }
}

#[test]
fn a_submission_that_kills_its_workers_becomes_a_dead_letter_and_can_be_retried() {
    let (postgres, redis) = (Postgres::start(), Redis::start());
    let cluster = Cluster::new(&[
        ("CUPEL_STORE__URL", &postgres.url()),
        ("CUPEL_QUEUE__URL", &redis.url()),
        ("CUPEL_EVENTS__URL", &redis.url()),
        ("CUPEL_BLOBS__URL", "postgres"),
        // Only killed workers lose a lease, even if this machine stalls for some seconds.
        ("CUPEL_WORKER__LEASE", "9s"),
        ("CUPEL_QUEUE__RECLAIM_AFTER", LEASE),
        ("CUPEL_WORKER__ATTEMPTS_MAX", "2"),
    ]);
    let api = cluster.start("api");
    let client = Client { url: &api.url, key: cluster.key() };
    let mut workers = vec![cluster.start("worker")];
    // Simulates a program that kills its worker: the test kills each worker that runs it. Bash starts each `sleep`, so
    // the program is not idle for its idle limit.
    let poison = client.submit("sleep 4; sleep 4; sleep 4; sleep 4; echo survived");
    for attempt in 1..=2 {
        client.wait_until(&poison, |view| view["status"] == "running" && view["attempts"] == attempt);
        workers.remove(0).kill();
        if attempt == 1 {
            workers.push(cluster.start("worker"));
        }
    }
    let view = client.wait_until(&poison, |view| view["verdict"] == "JE");
    assert_eq!(view["attempts"], 2, "{view}");
    let before = client.events(&poison);
    assert_eq!(before.last().map(|(_, name)| name.as_str()), Some("verdict"), "{before:?}");

    // The next worker does not take the dead letter, but judges other submissions.
    let third = cluster.start("worker");
    let innocent = client.submit("echo fine");
    client.wait_until(&innocent, |view| view["verdict"] == "AC");
    let dead = |args: &[&str]| cluster.admin(&[&["dead"], args].concat());
    let listed: Value = serde_json::from_str(&dead(&["list", "--json"])).unwrap();
    assert_eq!((&listed["total"], &listed["dead_letters"][0]["submission_id"]), (&1.into(), &poison.as_str().into()));
    let shown: Value = serde_json::from_str(&dead(&["show", &poison, "--json"])).unwrap();
    let attempts = shown["failed_attempts"].as_array().unwrap();
    let workers: Vec<&str> = attempts.iter().filter_map(|attempt| attempt["worker_id"].as_str()).collect();
    assert!(workers.len() == 2 && workers[0] != workers[1], "{shown}");
    assert!(attempts.iter().all(|a| a["reason"].as_str().is_some_and(|why| !why.is_empty())), "{shown}");
    assert!(dead(&["show", &poison]).contains(workers[1]));

    // From here on, no worker is killed.
    assert!(dead(&["retry", "--all"]).starts_with("1 "));
    let view = client.wait_until(&poison, |view| view["status"] == "completed");
    assert_eq!((&view["verdict"], &view["stdout"]), (&"AC".into(), &"survived\n".into()), "{view}");
    assert_eq!(view["attempts"], 3, "{view}");
    let after = client.events(&poison);
    let end = before.last().map_or(0, |(number, _)| *number);
    assert!(after.is_sorted_by_key(|(number, _)| *number), "{after:?}");
    assert!(after.iter().filter(|(_, name)| name != "queued").all(|(number, _)| *number > end), "{after:?}");
    assert_eq!(after.iter().filter(|(_, name)| name == "verdict").count(), 1, "{after:?}");
    assert_eq!(serde_json::from_str::<Value>(&dead(&["list", "--json"])).unwrap()["total"], 0);
    third.stop();
    api.stop();
    cluster.nothing_is_left();
}
