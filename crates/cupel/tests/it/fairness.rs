//! Fairness between users: one user's long runs do not occupy all slots.

use serde_json::{Value, json};

use crate::support::{Server, eventually};

/// An access token of a new user.
fn another_user(server: &Server) -> String {
    let account = json!({ "username": "bob", "email": "bob@example.org", "password": "correct horse battery" });
    let (status, answer) = server.call("POST", "/api/v1/auth/register", None, Some(&account));
    assert_eq!(status, 201, "{answer}");
    let (status, answer) = server.call("POST", "/api/v1/auth/login", None, Some(&account_login()));
    assert_eq!(status, 200, "{answer}");
    answer["access_token"].as_str().unwrap().to_owned()
}

fn account_login() -> Value {
    json!({ "email": "bob@example.org", "password": "correct horse battery" })
}

/// A program that sleeps for one second in each of `tests` tests.
fn sleepers(tests: usize) -> Value {
    let tests: Vec<Value> = (0..tests).map(|_| json!({ "stdin": "" })).collect();
    json!({ "language": "python", "source_code": "import time\ntime.sleep(1)", "tests": tests })
}

#[test]
fn long_runs_of_one_user_do_not_delay_other_users() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &[("CUPEL_WORKER__SLOTS", "2")]);
    let bob = another_user(&server);
    let sleeping = [server.submit(&sleepers(100)), server.submit(&sleepers(100))];
    eventually(|| server.statuses(&sleeping).iter().all(|status| status == "running").then_some(()));

    let short = json!({ "language": "python", "source_code": "print('hello')", "priority": "interactive" });
    let (status, accepted) = server.call("POST", "/api/v1/execute", Some(&bob), Some(&short));
    assert_eq!(status, 202, "{accepted}");
    let path = format!("/api/v1/execute/{}", accepted["submission_id"].as_str().unwrap());
    let result = eventually(|| {
        let (_, answer) = server.call("GET", &path, Some(&bob), None);
        (!matches!(answer["status"].as_str(), Some("queued" | "running"))).then_some(answer)
    });
    assert_eq!(result["verdict"], "AC", "{result}");
    assert_eq!(server.statuses(&sleeping), ["running", "running"]);
    for id in sleeping {
        let (status, _) = server.call("DELETE", &format!("/api/v1/execute/{id}"), Some(&server.key), None);
        assert_eq!(status, 200);
    }
}

#[test]
fn a_run_over_the_operators_maximum_time_ends_with_that_reason() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &[("CUPEL_WORKER__RUN_TIME_MAX", "2500ms")]);
    let result = server.result(&server.submit(&sleepers(100)));
    assert_eq!(result["verdict"], "TLE", "{result}");
    let tests = result["tests"].as_array().unwrap();
    assert_eq!(tests.len(), 100);
    let verdicts: Vec<&str> = tests.iter().map(|test| test["verdict"].as_str().unwrap()).collect();
    let ran = verdicts.iter().take_while(|verdict| **verdict == "AC").count();
    // The number of tests that are run depends on the machine.
    assert_eq!(verdicts[ran], "TLE", "{verdicts:?}");
    assert!(verdicts[ran + 1..].iter().all(|verdict| *verdict == "SK"), "{verdicts:?}");
    let message = result["message"].as_str().unwrap();
    assert!(message.contains("time limit of 2500 ms for all executions of the run exceeded"), "{message}");
}
