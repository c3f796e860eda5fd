//! Tests of dead letters: an administrator reads the cause of a dead letter, and retries or deletes it; the event
//! stream of a retried submission continues.

use cupel_core::GivenBack;
use cupel_core::RunStore as _;
use serde_json::{Value, json};

use crate::app::{TestApp, TestUser, a_report};

const PATH: &str = "/api/v1/admin/dead-letters";

/// Fails every attempt at the next run.
async fn die(app: &TestApp, attempts: u32) {
    for n in 1..=attempts {
        let leased = app.next_run().await.leased;
        let now = app.core.now();
        let why = format!("failure {n}");
        let given = GivenBack { lost_attempt: true, why, now, due: now, attempts_max: attempts };
        app.store.give_back(leased.run, leased.lease, given).await.unwrap().expect("the lease was current");
        if n < attempts {
            app.core.sweep().await.unwrap();
        }
    }
}

async fn letters(app: &TestApp, admin: &TestUser) -> Value {
    app.get(PATH).bearer(&admin.token).send().await.json
}

#[tokio::test]
async fn a_retried_dead_letter_keeps_its_id_and_gets_one_result() {
    let app = TestApp::start().await;
    let (admin, user) = (app.admin().await, app.user().await);
    assert_eq!(letters(&app, &admin).await["dead_letters"], json!([]));
    let id = app.submit(&user, &json!({ "language": "python", "source_code": "x" })).await;
    die(&app, 2).await;

    let place = format!("/api/v1/execute/{id}");
    let view = app.get(&place).bearer(&user.token).send().await.json;
    assert_eq!(view["verdict"], "JE", "{view}");
    let listed = letters(&app, &admin).await;
    let letter = &listed["dead_letters"][0];
    assert_eq!((&letter["submission_id"], &letter["reason"]), (&json!(id), &json!("failure 2")), "{listed}");
    assert_eq!((&letter["username"], &letter["attempts"]), (&json!(user.user.username), &json!(2)), "{listed}");
    assert_eq!(listed["pagination"]["total"], 1);
    let one = app.get(&format!("{PATH}/{id}")).bearer(&admin.token).send().await.json;
    let reasons: Vec<_> = one["failed_attempts"].as_array().unwrap().iter().map(|a| a["reason"].clone()).collect();
    assert_eq!(reasons, [json!("failure 1"), json!("failure 2")], "{one}");
    assert!(one["failed_attempts"][0]["worker_id"].is_string() && one["failed_attempts"][0]["failed_at"].is_string());
    let queue = app.get("/api/v1/admin/queue").bearer(&admin.token).send().await.json;
    assert_eq!(queue["dead_letters"], 1, "{queue}");

    // Other users can neither see nor change the dead letter.
    let retry = format!("{PATH}/{id}/retry");
    for path in [PATH.to_owned(), format!("{PATH}/{id}")] {
        app.get(&path).bearer(&user.token).send().await.is_error(403, "forbidden");
    }
    app.post(&retry, &json!({})).bearer(&user.token).send().await.is_error(403, "forbidden");

    assert_eq!(app.post(&retry, &json!({})).bearer(&admin.token).send().await.status, 204);
    app.post(&retry, &json!({})).bearer(&admin.token).send().await.is_error(404, "not-found");
    let view = app.get(&place).bearer(&user.token).send().await.json;
    assert_eq!(view["status"], "queued", "{view}");
    app.complete(a_report()).await;
    let view = app.get(&place).bearer(&user.token).send().await.json;
    assert_eq!((&view["submission_id"], &view["status"]), (&json!(id), &json!("completed")), "{view}");
    assert_eq!(letters(&app, &admin).await["pagination"]["total"], 0);
}

#[tokio::test]
async fn the_stream_of_a_retried_submission_continues_after_the_first_verdict() {
    let app = TestApp::start().await;
    let (admin, user) = (app.admin().await, app.user().await);
    let id = app.submit(&user, &json!({ "language": "python", "source_code": "x" })).await;
    die(&app, 1).await;
    let events = format!("/api/v1/execute/{id}/events");
    let ids = |text: &str| -> Vec<u64> {
        text.lines().filter_map(|line| line.strip_prefix("id:")).map(|id| id.trim().parse().unwrap()).collect()
    };
    let first = app.get(&events).bearer(&user.token).send().await.text;
    assert!(first.trim_end().lines().any(|line| line == "event: verdict"), "{first}");
    let last = *ids(&first).last().expect("an end");
    app.post(&format!("{PATH}/{id}/retry"), &json!({})).bearer(&admin.token).send().await;
    app.complete(a_report()).await;
    let then = app.get(&events).bearer(&user.token).header("last-event-id", &last.to_string()).send().await.text;
    assert!(!ids(&then).is_empty() && ids(&then).iter().all(|id| *id > last), "{then}");
    assert!(ids(&then).is_sorted(), "{then}");
    assert_eq!(then.lines().filter(|line| *line == "event: verdict").count(), 1, "{then}");
}

#[tokio::test]
async fn deleting_a_dead_letter_keeps_the_submission() {
    let app = TestApp::start().await;
    let (admin, user) = (app.admin().await, app.user().await);
    let id = app.submit(&user, &json!({ "language": "python", "source_code": "x" })).await;
    let place = format!("{PATH}/{id}");
    app.delete(&place).bearer(&admin.token).send().await.is_error(404, "not-found");
    die(&app, 1).await;
    assert_eq!(app.delete(&place).bearer(&admin.token).send().await.status, 204);
    app.get(&place).bearer(&admin.token).send().await.is_error(404, "not-found");
    app.post(&format!("{place}/retry"), &json!({})).bearer(&admin.token).send().await.is_error(404, "not-found");
    let view = app.get(&format!("/api/v1/execute/{id}")).bearer(&user.token).send().await.json;
    assert_eq!(view["verdict"], "JE", "{view}");
}
