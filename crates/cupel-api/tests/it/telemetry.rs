//! Tests of logs and metrics: the data that is recorded, and the data that never is.

use std::io::Write;
use std::sync::Mutex;

use axum::http::Method;
use metrics_exporter_prometheus::PrometheusBuilder;
use serde_json::json;

use crate::app::{PANIC, TestApp, a_report, a_step, output};

/// Captures the log of all threads until the guard is dropped. The whole binary has one subscriber: with one per
/// thread, call sites that another test reaches first may not be logged.
struct Log;

static WRITTEN: Mutex<Option<Vec<u8>>> = Mutex::new(None);

impl Log {
    fn begin() -> Log {
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_writer(|| Log)
            .with_ansi(false)
            .finish();
        tracing::subscriber::set_global_default(subscriber).unwrap();
        *WRITTEN.lock().unwrap() = Some(Vec::new());
        Log
    }

    fn end(self) -> String {
        String::from_utf8(WRITTEN.lock().unwrap().take().unwrap()).unwrap()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if let Some(written) = &mut *WRITTEN.lock().unwrap() {
            written.extend_from_slice(bytes);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn sources_inputs_outputs_and_secrets_are_never_logged_at_any_level() {
    let log = Log::begin();
    let app = TestApp::start().await;

    let password = "PASSWORD-marker";
    let new = json!({ "username": "ada", "email": "ada@example.com", "password": password });
    app.post("/api/v1/auth/register", &new).send().await;
    let login =
        app.post("/api/v1/auth/login", &json!({ "email": "ada@example.com", "password": password })).send().await;
    app.post("/api/v1/auth/login", &json!({ "email": "ada@example.com", "password": "WRONG-marker" })).send().await;
    let token = login.json["access_token"].as_str().unwrap();
    let key = app.post("/api/v1/auth/keys", &json!({ "name": "x" })).bearer(token).send().await;
    let key = key.json["api_key"].as_str().unwrap();
    let secret = app.get("/api/v1/auth/webhook-secret").bearer(token).send().await;

    let body = json!({ "language": "python", "source_code": "SOURCE-marker", "input": "INPUT-marker", "args": ["ARGS-marker"], "env": { "A": "ENV-marker" },
                       "files": [{ "path": "a", "content": "FILE-marker" }] });
    let answer = app.post("/api/v1/execute", &body).bearer(key).header("x-request-id", "trace-me").send().await;
    assert_eq!(answer.status, 202, "{answer:?}");
    let bad = json!({ "language": "LANGUAGE-marker", "source_code": "SOURCE-marker", "limits": { "memory_kb": 0 } });
    app.post("/api/v1/execute", &bad).bearer(key).send().await;
    app.request(Method::POST, "/api/v1/execute")
        .raw("{\"source_code\": \"BROKEN-marker")
        .header("content-type", "application/json")
        .bearer(key)
        .send()
        .await;
    app.get("/api/v1/submissions?x=QUERY-marker").bearer(key).send().await;
    let step =
        cupel_types::StepReport { stdout: output(b"OUTPUT-marker"), stderr: output(b"OUTPUT-marker"), ..a_step() };
    app.complete(cupel_types::RunReport { execution: Some(step), ..a_report() }).await;
    let id = answer.json["submission_id"].as_str().unwrap();
    app.get(&format!("/api/v1/execute/{id}")).bearer(key).send().await;
    app.get(&format!("/api/v1/execute/{id}/events")).bearer(key).send().await;

    let text = log.end();
    for kept in ["trace-me", "route=\"/api/v1/execute/{submission_id}\"", "status=202", "status=401"] {
        assert!(text.contains(kept), "{kept} is missing in {} bytes", text.len());
    }
    let (payload, secret) = (token.rsplit('.').next().unwrap(), secret.json["webhook_secret"].as_str().unwrap());
    for (what, secret) in [
        ("a marker", "-marker"),
        ("the token", payload),
        ("the key", crate::accounts::secret_of(key)),
        ("the webhook secret", &secret[6..]),
    ] {
        let line = text.lines().find(|line| line.contains(secret));
        assert!(line.is_none(), "{what}: {line:?}");
    }
}

#[tokio::test]
async fn requests_are_counted_by_route_and_metric_labels_are_bounded() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    let _here = metrics::set_default_local_recorder(&recorder);
    let app = TestApp::start().await;
    let user = app.user().await;
    let id = app.submit(&user, &json!({ "language": "python", "source_code": "x" })).await;
    for place in
        [format!("/api/v1/execute/{id}"), "/api/v1/execute/none".into(), "/made/up/1".into(), "/made/up/2".into()]
    {
        app.get(&place).bearer(&user.token).send().await;
    }
    app.request(Method::from_bytes(b"MADEUP").unwrap(), "/livez").send().await;

    let text = handle.render();
    for line in [
        r#"cupel_http_requests_total{method="POST",route="/api/v1/execute",status="202"} 1"#,
        r#"cupel_http_requests_total{method="GET",route="/api/v1/execute/{submission_id}",status="200"} 1"#,
        r#"cupel_http_requests_total{method="GET",route="/api/v1/execute/{submission_id}",status="404"} 1"#,
        r#"cupel_http_requests_total{method="GET",route="unmatched",status="404"} 2"#,
        r#"cupel_http_requests_total{method="other",route="/livez",status="405"} 1"#,
    ] {
        assert!(text.contains(line), "{line} is missing:\n{text}");
    }
    assert!(text.contains("cupel_http_request_duration_seconds"), "{text}");
    assert!(!text.contains("made/up") && !text.contains("MADEUP"), "{text}");
}

#[tokio::test]
async fn only_failures_of_the_server_are_counted_as_internal_errors() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    let _here = metrics::set_default_local_recorder(&recorder);
    let app = TestApp::start().await;
    let user = app.user().await;
    app.get("/api/v1/execute/none").bearer(&user.token).send().await.is_error(404, "not-found");
    app.post("/api/v1/execute", &json!({})).send().await;
    assert!(!handle.render().contains("cupel_http_internal_errors_total"), "{}", handle.render());
    PANIC.set(true);
    app.get("/metrics").send().await.is_error(500, "internal");
    PANIC.set(false);
    assert!(handle.render().contains("cupel_http_internal_errors_total 1"), "{}", handle.render());
}
