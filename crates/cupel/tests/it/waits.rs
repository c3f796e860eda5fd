//! `server.wait_max`: a request of any kind is answered within this time, however long the client asks to wait and
//! however long a program runs.

use std::path::Path;

use serde_json::{Value, json};

use crate::problems::{Person, archive};
use crate::support::{NO_RATE_LIMITS, Server, agent};

/// A program that runs until the test ends.
const SLEEPS: &str = "import time\nwhile True: time.sleep(1)\n";

fn server(data: &Path) -> Server {
    let settings: Vec<_> =
        NO_RATE_LIMITS.into_iter().chain([("CUPEL_SERVER__WAIT_MAX", "1s"), ("CUPEL_WORKER__SLOTS", "1")]).collect();
    Server::start(data, &settings)
}

#[test]
fn no_request_waits_longer_than_wait_max() {
    let data = tempfile::tempdir().unwrap();
    let server = server(data.path());
    let author = Person::register(&server, "grace", Some("author"));
    let (status, made) = author.upload("POST", "/api/v1/problems", &archive(&[("5\n", "10\n")], None));
    assert_eq!(status, 201, "{made}");
    let limits = json!({ "wall_time_ms": 120_000, "idle_time_ms": 120_000 });
    let sleeps = json!({ "language": "python", "source_code": SLEEPS, "limits": limits });
    let to_problem = json!({ "language": "python", "source_code": SLEEPS });
    let first = author.post("/api/v1/execute", sleeps.clone())["submission_id"].as_str().unwrap().to_owned();
    let is_open = |answer: &Value| matches!(answer["status"].as_str(), Some("queued" | "running"));

    let with_input = json!({ "language": "python", "source_code": SLEEPS, "input": "1\n" });
    for (method, path, body) in [
        ("POST", "/api/v1/execute?wait=60".to_owned(), Some(sleeps.clone())),
        ("POST", "/api/v1/execute?wait=1e300".to_owned(), Some(sleeps.clone())),
        ("GET", format!("/api/v1/execute/{first}?wait=60"), None),
        ("GET", format!("/api/v1/submissions/{first}?wait=60"), None),
        ("POST", "/api/v1/problems/double/submissions?wait=60".to_owned(), Some(to_problem.clone())),
        ("POST", "/api/v1/problems/double/run?wait=60".to_owned(), Some(to_problem)),
        ("POST", "/api/v1/problems/double/run?wait=60".to_owned(), Some(with_input)),
        ("POST", "/api/v1/problems/double/verify?wait=60".to_owned(), Some(json!({}))),
    ] {
        let (status, answer) = server.call(method, &path, Some(&author.token), body.as_ref());
        assert!((200..300).contains(&status) && is_open(&answer), "{method} {path}: {status} {answer}");
    }
    let preferred = agent()
        .post(format!("{}/api/v1/execute", server.url))
        .header("authorization", format!("Bearer {}", author.token))
        .header("prefer", "wait=60")
        .send_json(&sleeps);
    let answer: Value = preferred.unwrap().body_mut().read_json().unwrap();
    assert!(is_open(&answer), "{answer}");

    // A batch and a list by ids do not wait. A value of `wait` that is not a number is refused.
    let batch = json!({ "submissions": [sleeps, sleeps] });
    let (status, answer) = server.call("POST", "/api/v1/execute/batch?wait=60", Some(&author.token), Some(&batch));
    assert!(status == 422 || status == 400 || is_open(&answer["submissions"][0]), "{status} {answer}");
    let listed = author.get(&format!("/api/v1/execute?ids={first}"));
    assert!(is_open(&listed["submissions"][0]), "{listed}");
    let (status, refused) = server.call("POST", "/api/v1/execute?wait=true", Some(&author.token), Some(&sleeps));
    assert_eq!(status, 400, "{refused}");

    // A stream begins at once and continues until the program ends.
    let mut events = agent()
        .get(format!("{}/api/v1/execute/{first}/events", server.url))
        .header("authorization", format!("Bearer {}", author.token))
        .call()
        .unwrap();
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(events.body_mut().as_reader()));
    assert!(lines.any(|line| line.unwrap().starts_with("data:")));
    assert!(
        is_open(&author.get(&format!("/api/v1/execute/{first}"))),
        "all requests were answered while the program ran"
    );
}
