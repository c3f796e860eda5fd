//! Tests of `cache`: the server returns the stored result of an identical submission if the request permits it.

use std::time::Duration;

use cupel_http::{Rate, TierRates};
use cupel_testkit::servers::{self, Redis};
use cupel_types::{RunReport, Verdict};
use serde_json::{Value, json};

use crate::app::{Answer, TestApp, TestUser, a_report, shared_over};
use crate::live::{Client, address_of};

fn body() -> Value {
    json!({ "language": "python", "source_code": "print(42)", "cache": true })
}

/// A report as a worker sends it.
fn report(app: &TestApp, verdict: Verdict) -> RunReport {
    let registry = app.core.registry();
    let python = registry.find("python").unwrap();
    let language_version = python.installed_version().unwrap().to_owned();
    RunReport { verdict, limits: python.limits, language_version, ..a_report() }
}

async fn send(app: &TestApp, user: &TestUser, query: &str, body: &Value) -> Answer {
    app.post(&format!("/api/v1/execute{query}"), body).bearer(&user.token).send().await
}

/// Submits and completes a run; returns its id.
async fn run(app: &TestApp, user: &TestUser, verdict: Verdict) -> String {
    let id = app.submit(user, &body()).await;
    app.complete(report(app, verdict)).await;
    id
}

#[tokio::test]
async fn a_cached_result_is_returned_and_marked() {
    let app = TestApp::start().await;
    let user = app.user().await;
    let id = run(&app, &user, Verdict::Accepted).await;

    let known = send(&app, &user, "?wait=5", &body()).await;
    assert_eq!(
        (known.status.as_u16(), &known.json["cached"], &known.json["submission_id"]),
        (200, &json!(true), &json!(id))
    );
    assert_eq!((&known.json["verdict"], &known.json["stdout"]), (&json!("AC"), &json!("42\n")));
    assert_eq!(known.header("content-location"), format!("/api/v1/execute/{id}"));
    assert!(known.header("ratelimit-policy").starts_with("\"reads\""), "it costs no submission: {known:?}");

    let known = send(&app, &user, "", &body()).await;
    assert_eq!(
        (known.status.as_u16(), &known.json["cached"], &known.json["status"]),
        (202, &json!(true), &json!("completed"))
    );
    assert_eq!(
        (known.header("location"), &known.json["submission_id"]),
        (format!("/api/v1/execute/{id}").as_str(), &json!(id))
    );
    assert_eq!(app.stored().await, 1, "nothing was stored");

    let looked_at = app.get(&format!("/api/v1/execute/{id}")).bearer(&user.token).send().await;
    assert_eq!(looked_at.json.get("cached"), None, "the first submission was run");
}

/// Before, it was charged nothing, so a client could request the same stored result without end.
#[tokio::test]
async fn a_cached_result_over_a_live_connection_is_charged_as_a_read() {
    let hourly = |burst| Rate::new(burst, Duration::from_secs(3600), burst);
    // Reads: the submission of the first run, the handshake, and two starts.
    let tier = TierRates { submissions: hourly(1), reads: hourly(4) };
    let app = TestApp::with_settings(|settings| {
        settings.tiers.insert("basic".into(), tier);
    })
    .await;
    let user = app.user().await;
    let id = run(&app, &user, Verdict::Accepted).await;
    let mut client = Client::connect(address_of(&app).await, &user).await;
    let start = json!({ "type": "start", "request": body() });
    for _ in 0..2 {
        client.send(start.clone()).await;
        let accepted = client.next().await;
        assert_eq!((&accepted["cached"], &accepted["run"]), (&json!(true), &json!(id)), "{accepted}");
        client.event("verdict").await;
    }
    client.send(start).await;
    assert_eq!(client.next().await["error"]["code"], "rate-limited");
}

#[tokio::test]
async fn a_request_without_cache_or_without_permission_gets_a_new_run() {
    let app = TestApp::start().await;
    let (user, other) = (app.user().await, app.user().await);
    let id = run(&app, &user, Verdict::Accepted).await;
    let with = |change: Value| {
        let mut body = body();
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        body
    };
    let mut stored = 1;
    for body in [
        with(json!({ "cache": false })),
        with(json!({ "cache": null })),
        with(json!({ "webhook": "https://example.com/hook" })),
        with(json!({ "run_at": "2020-01-01T00:00:00Z" })),
        with(json!({ "input": "1" })),
    ] {
        let answer = send(&app, &user, "", &body).await;
        stored += 1;
        assert_eq!(
            (answer.status.as_u16(), answer.json.get("cached"), app.stored().await),
            (202, None, stored),
            "{body}"
        );
        assert_ne!(answer.json["submission_id"], json!(id));
    }
    let answer = send(&app, &other, "", &body()).await;
    assert_eq!(
        (answer.status.as_u16(), answer.json.get("cached")),
        (202, None),
        "a user does not get another user's result"
    );
    let once = || app.post("/api/v1/execute", &body()).bearer(&user.token).header("idempotency-key", "k").send();
    let (first, again) = (once().await, once().await);
    assert_eq!((first.json.get("cached"), again.header("idempotency-replayed")), (None, "true"));
    assert_eq!(first.json["submission_id"], again.json["submission_id"]);
}

#[tokio::test]
async fn an_internal_error_is_not_cached() {
    let app = TestApp::start().await;
    let user = app.user().await;
    let id = run(&app, &user, Verdict::InternalError).await;
    let again = run(&app, &user, Verdict::WrongAnswer).await;
    assert_ne!(again, id);
    let known = send(&app, &user, "?wait=5", &body()).await;
    assert_eq!((&known.json["submission_id"], &known.json["cached"]), (&json!(again), &json!(true)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_share_results_through_redis_and_run_again_without_it() {
    let (redis, cluster) = (Redis::start(), servers::cluster());
    let shared = async || shared_over(&redis, &cluster).await;
    let app = TestApp::start().await;
    let (here, there) = (app.node(shared().await), app.node(shared().await));
    let user = app.user().await;
    let id = run(&here, &user, Verdict::Accepted).await;
    assert_eq!(send(&there, &user, "", &body()).await.json["submission_id"], json!(id));
    tokio::task::block_in_place(|| redis.kill());
    let anew = send(&there, &user, "", &body()).await;
    assert_eq!((anew.status.as_u16(), anew.json.get("cached")), (202, None));
    assert_ne!(anew.json["submission_id"], json!(id));
}
