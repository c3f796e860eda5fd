//! Tests of `Idempotency-Key`: a repeated request has one effect.

use std::collections::HashSet;

use serde_json::json;

use crate::app::TestApp;

fn body(source: &str) -> serde_json::Value {
    json!({ "language": "python", "source_code": source })
}

#[tokio::test]
async fn a_repeated_request_gets_the_id_of_the_first() {
    let app = TestApp::start().await;
    let (user, other) = (app.user().await, app.user().await);
    let send = |source: &str, token: &str| {
        app.post("/api/v1/execute", &body(source)).bearer(token).header("idempotency-key", "k-1").send()
    };
    let first = send("1", &user.token).await;
    assert_eq!((first.status.as_u16(), first.header("idempotency-replayed")), (202, ""));
    let again = send("1", &user.token).await;
    assert_eq!((again.status.as_u16(), again.header("idempotency-replayed")), (202, "true"));
    assert_eq!(again.json, first.json);
    assert_eq!(app.stored().await, 1);

    send("2", &user.token).await.is_error(422, "idempotency-mismatch");
    assert_eq!(app.stored().await, 1);

    let others = send("1", &other.token).await;
    assert_eq!(others.header("idempotency-replayed"), "", "each user has separate keys");
    assert_ne!(others.json["submission_id"], first.json["submission_id"]);
}

#[tokio::test]
async fn concurrent_requests_with_one_key_create_one_submission() {
    let app = TestApp::start().await;
    let user = app.user().await;
    let calls = (0..20)
        .map(|_| app.post("/api/v1/execute", &body("1")).bearer(&user.token).header("idempotency-key", "k").send());
    let answers = futures_util::future::join_all(calls).await;
    let ids: HashSet<String> = answers
        .iter()
        .map(|a| a.json["submission_id"].as_str().unwrap_or_else(|| panic!("{a:?}")).to_owned())
        .collect();
    assert_eq!(ids.len(), 1);
    assert_eq!(answers.iter().filter(|a| a.header("idempotency-replayed").is_empty()).count(), 1);
    assert_eq!(app.stored().await, 1);
}

#[tokio::test]
async fn a_repeated_batch_gets_the_ids_of_the_first() {
    let app = TestApp::start().await;
    let user = app.user().await;
    let batch = json!({ "submissions": [body("1"), body("2")] });
    let send = || app.post("/api/v1/execute/batch", &batch).bearer(&user.token).header("idempotency-key", "b").send();
    let (first, again) = (send().await, send().await);
    assert_eq!(first.json, again.json);
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(app.stored().await, 2);
    // The same key on another route is another request.
    app.post("/api/v1/execute", &body("1"))
        .bearer(&user.token)
        .header("idempotency-key", "b")
        .send()
        .await
        .is_error(422, "idempotency-mismatch");
}

#[tokio::test]
async fn a_refused_request_does_not_use_up_its_key() {
    let app = TestApp::start().await;
    let user = app.user().await;
    let wrong = json!({ "language": "pyton", "source_code": "x" });
    app.post("/api/v1/execute", &wrong)
        .bearer(&user.token)
        .header("idempotency-key", "k")
        .send()
        .await
        .is_error(422, "unknown-language");
    let right = app.post("/api/v1/execute", &body("1")).bearer(&user.token).header("idempotency-key", "k").send().await;
    assert_eq!((right.status.as_u16(), right.header("idempotency-replayed")), (202, ""));
}
