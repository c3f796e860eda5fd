//! Tests of internal failures: the response describes the remedy and reveals no internals.

use cupel_core::Bounds;
use serde_json::json;

use crate::app::{PANIC, TestApp};

fn body() -> serde_json::Value {
    json!({ "language": "python", "source_code": "x" })
}

#[tokio::test]
async fn a_full_queue_refuses_before_anything_is_stored() {
    let app = TestApp::with_queue(|_| {}, Bounds::default(), 2).await;
    let user = app.user().await;
    let first = app.post("/api/v1/execute", &body()).bearer(&user.token).header("idempotency-key", "k").send().await;
    app.submit(&user, &body()).await;
    let refused = app.post("/api/v1/execute", &body()).bearer(&user.token).send().await;
    refused.is_error(503, "queue-full");
    assert!(refused.header("retry-after").parse::<u64>().unwrap() >= 1);
    let batch = json!({ "submissions": [body(), body()] });
    app.post("/api/v1/execute/batch", &batch).bearer(&user.token).send().await.is_error(503, "queue-full");
    assert_eq!(app.stored().await, 2);
    // A repetition of an accepted request succeeds even while the queue is full.
    let again = app.post("/api/v1/execute", &body()).bearer(&user.token).header("idempotency-key", "k").send().await;
    assert_eq!((again.status.as_u16(), &again.json), (202, &first.json));
    app.next_run().await;
    app.submit(&user, &body()).await;
}

#[tokio::test]
async fn one_user_cannot_fill_the_queue_for_everybody() {
    let app = TestApp::with_queue(|_| {}, Bounds { batch_max: 2, ..Bounds::default() }, 40).await;
    let (user, other) = (app.user().await, app.user().await);
    for _ in 0..4 {
        app.submit(&user, &body()).await;
    }
    let refused = app.post("/api/v1/execute", &body()).bearer(&user.token).send().await;
    refused.is_error(429, "too-many-waiting");
    assert!(refused.header("retry-after").parse::<u64>().unwrap() >= 1);
    let batch = json!({ "submissions": [body(), body()] });
    app.post("/api/v1/execute/batch", &batch).bearer(&user.token).send().await.is_error(429, "too-many-waiting");
    assert_eq!(app.stored().await, 4);
    app.submit(&other, &body()).await;
}

#[tokio::test]
async fn an_unavailable_store_is_an_internal_error_without_details() {
    let app = TestApp::start().await;
    let user = app.user().await;
    let id = app.submit(&user, &body()).await;
    cupel_core::RunStore::close(&*app.store).await;
    for call in [
        app.post("/api/v1/execute", &body()).bearer(&user.token),
        app.get(&format!("/api/v1/execute/{id}")).bearer(&user.token),
        app.get(&format!("/api/v1/execute/{id}/events")).bearer(&user.token),
        app.get("/api/v1/submissions").bearer(&user.token),
        app.get(&format!("/api/v1/execute?ids={id}")).bearer(&user.token),
        app.post("/api/v1/auth/login", &json!({ "email": "a", "password": "b" })),
    ] {
        let answer = call.send().await;
        assert!([500, 503].contains(&answer.status.as_u16()), "{answer:?}");
        answer.is_error(answer.status.as_u16(), if answer.status == 503 { "unavailable" } else { "internal" });
        let text = answer.text.to_lowercase();
        for inside in ["sql", "pool", "insert", "database", ".db", "panic"] {
            assert!(!text.contains(inside), "{inside}: {}", answer.text);
        }
    }
}

#[tokio::test]
async fn a_panic_is_caught_and_its_message_is_not_sent() {
    let app = TestApp::start().await;
    PANIC.set(true);
    let answer = app.get("/metrics").send().await;
    answer.is_error(500, "internal");
    assert!(!answer.text.contains("hunter2"), "{}", answer.text);
    PANIC.set(false);
    assert_eq!(app.get("/metrics").send().await.status, 200, "the server continues");
}
