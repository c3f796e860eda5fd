//! Recovery: no accepted submission is lost or judged twice after kill -9 of the server or its launcher, or after a
//! drain.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::support::{NO_RATE_LIMITS, PATIENCE, Server, cupel, end, eventually, eventually_within, groups_of};

const SUBMISSIONS: usize = 500;

/// A run that loses two attempts to a failure of Cupel ends as an internal error. The number of attempts in the result
/// also counts attempts that a worker gave back before they began.
const ONE_ATTEMPT_MAY_BE_LOST: (&str, &str) = ("CUPEL_WORKER__ATTEMPTS_MAX", "2");

fn settings() -> Vec<(&'static str, &'static str)> {
    NO_RATE_LIMITS.into_iter().chain([ONE_ATTEMPT_MAY_BE_LOST]).collect()
}

/// Submits many programs at once, each with a distinct output.
fn submit_all(server: &Server) -> Vec<String> {
    let submissions: Vec<Value> = (0..SUBMISSIONS)
        .map(|n| json!({ "language": "bash", "source_code": format!("read x; sleep 0.01; echo $x {n}"), "input": format!("run-{n}\n") }))
        .collect();
    let accepted = server.post("/api/v1/execute/batch", &json!({ "submissions": submissions }));
    accepted["submissions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| s["submission_id"].as_str().unwrap().to_owned())
        .collect()
}

fn completed(server: &Server, ids: &[String]) -> usize {
    server.statuses(ids).iter().filter(|status| *status == "completed").count()
}

#[test]
fn kill_9_in_the_middle_of_500_submissions_loses_none_and_repeats_none() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &settings());
    let ids = submit_all(&server);
    assert_eq!(ids.len(), SUBMISSIONS);
    let before = eventually_within(5 * PATIENCE, || Some(completed(&server, &ids)).filter(|n| *n >= 50));
    server.kill();
    assert!(before < SUBMISSIONS, "the server was too quick to be killed in the middle");

    each_has_one_result(data.path(), &ids, before);
}

#[test]
fn a_killed_launcher_ends_the_server_and_the_next_start_finishes_everything() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &settings());
    let ids = submit_all(&server);
    let before = eventually_within(5 * PATIENCE, || Some(completed(&server, &ids)).filter(|n| *n >= 50));
    let launcher = launcher_of(server.pid());
    let killed = Command::new("kill").args(["-KILL", &launcher.to_string()]).status().unwrap();
    assert!(killed.success());
    let log = data.path().join("serve.log");
    // The server has no privilege to start another launcher. It reports that and exits, so that the service manager
    // restarts it.
    assert_eq!(server.ended().code(), Some(7));
    let log = std::fs::read_to_string(log).unwrap();
    assert!(log.contains("launcher ended") && log.contains("start Cupel again"), "{log}");

    each_has_one_result(data.path(), &ids, before);
    assert_eq!(groups_of(launcher), Vec::<PathBuf>::new(), "the next start removes the killed launcher's groups");
}

/// Returns the only child of a server.
fn launcher_of(server: u32) -> u32 {
    let children = std::fs::read_to_string(format!("/proc/{server}/task/{server}/children")).unwrap();
    children.trim().parse().unwrap_or_else(|_| panic!("not one child: {children:?}"))
}

/// Starts the server again and checks that each submission gets exactly one result.
fn each_has_one_result(data: &Path, ids: &[String], before: usize) {
    let server = Server::start(data, &settings());
    assert!(completed(&server, ids) >= before, "an ended submission keeps its result");
    eventually_within(5 * PATIENCE, || (completed(&server, ids) == SUBMISSIONS).then_some(()));
    for (n, id) in ids.iter().enumerate() {
        let submission = server.submission(id);
        assert_eq!(submission["stdout"], format!("run-{n} {n}\n"), "{submission}");
        assert_eq!(submission["verdict"], "AC", "{submission}");
        let log = server.text(&format!("/api/v1/execute/{id}/events"));
        let results = log.lines().filter(|line| line.trim_start_matches("event:").trim() == "verdict").count();
        assert_eq!(results, 1, "{log}");
    }
    let all = server.get("/api/v1/submissions?limit=1").1;
    assert_eq!(all["pagination"]["total"], SUBMISSIONS);
}

#[test]
fn a_drain_in_the_middle_of_500_submissions_costs_none_an_attempt() {
    let data = tempfile::tempdir().unwrap();
    // Each run has a single attempt, so a run lost by the drain would end as an internal error.
    let settings: Vec<_> = NO_RATE_LIMITS
        .into_iter()
        .chain([("CUPEL_WORKER__ATTEMPTS_MAX", "1"), ("CUPEL_SERVER__DRAIN", "0s")])
        .collect();
    let mut server = Server::start(data.path(), &settings);
    let ids = submit_all(&server);
    for enough in [50, 150] {
        eventually_within(5 * PATIENCE, || (completed(&server, &ids) >= enough).then_some(()));
        server.terminate();
        assert_eq!(server.ended().code(), Some(0));
        server = Server::start(data.path(), &settings);
    }
    eventually_within(5 * PATIENCE, || (completed(&server, &ids) == SUBMISSIONS).then_some(()));
}

/// Starts a program that sleeps and prints `ended`. Returns its id while it runs. If a busy machine shows the program
/// too late, a program that sleeps longer is started.
fn running(server: &Server, seconds: [u32; 2]) -> String {
    let start = |seconds: u32| {
        let source = format!("import time\ntime.sleep({seconds})\nprint('ended')");
        let id = server.submit(&json!({ "language": "python", "source_code": source }));
        let status = eventually(|| Some(server.submission(&id)["status"].clone()).filter(|status| status != "queued"));
        (status == "running").then_some(id)
    };
    seconds.into_iter().find_map(start).expect("a program runs")
}

#[test]
fn a_drain_lets_running_programs_end() {
    let data = tempfile::tempdir().unwrap();
    let mut server = Server::start(data.path(), &[("CUPEL_SERVER__DRAIN", "60s")]);
    let id = running(&server, [1, 10]);
    server.terminate();
    assert_eq!(server.ended().code(), Some(0));
    let server = Server::start(data.path(), &[]);
    let submission = server.submission(&id);
    assert_eq!(
        (&submission["status"], &submission["stdout"], &submission["attempts"]),
        (&"completed".into(), &"ended\n".into(), &1.into())
    );
}

/// Regression: the server refused all connections until the last program had ended.
#[test]
fn during_a_drain_results_can_be_read_and_submissions_are_refused_with_503() {
    let data = tempfile::tempdir().unwrap();
    let mut server = Server::start(data.path(), &[("CUPEL_SERVER__DRAIN", "120s")]);
    let id = running(&server, [25, 25]);
    server.terminate();
    eventually(|| (server.get("/readyz").0 == 503).then_some(()));
    assert_eq!(server.submission(&id)["status"], "running");
    let body = json!({ "language": "bash", "source_code": "true" });
    let (status, refused) = server.call("POST", "/api/v1/execute", Some(&server.key), Some(&body));
    assert_eq!((status, &refused["code"]), (503, &"unavailable".into()), "{refused}");
    // The data keep a second server out, not the address, so that its message is the same as without a drain.
    let place = server.url.strip_prefix("http://").unwrap();
    let other = end(cupel(["serve", "--listen", place, "--data", data.path().to_str().unwrap()]), b"");
    assert!(other.stderr.contains("another server uses"), "{other:?}");
    server.kill();
}

#[test]
fn a_run_that_outlasts_the_drain_runs_again_without_losing_an_attempt() {
    let data = tempfile::tempdir().unwrap();
    // Each run has a single attempt, so a drain that cost an attempt would cause an internal error.
    let settings = [("CUPEL_SERVER__DRAIN", "0s"), ("CUPEL_WORKER__ATTEMPTS_MAX", "1")];
    let mut server = Server::start(data.path(), &settings);
    let id = running(&server, [3, 10]);
    server.terminate();
    assert_eq!(server.ended().code(), Some(0));
    let server = Server::start(data.path(), &settings);
    let submission = server.result(&id);
    assert_eq!(
        (&submission["status"], &submission["stdout"]),
        (&"completed".into(), &"ended\n".into()),
        "{submission}"
    );
}
