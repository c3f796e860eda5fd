//! Tests of the edge: properties of every response.

use std::sync::atomic::Ordering;

use axum::http::Method;
use serde_json::json;

use crate::app::TestApp;

#[tokio::test]
async fn unknown_routes_and_wrong_methods_get_problem_documents() {
    let app = TestApp::start().await;
    for path in ["/nowhere", "/api/v1/nowhere", "/api/v2/execute", "/docs/nowhere.js", "/api/v1/execute/", "//"] {
        app.get(path).send().await.is_error(404, "no-such-route");
    }
    let answer = app.request(Method::PUT, "/api/v1/execute").send().await;
    answer.is_error(405, "method-not-allowed");
    let mut allowed: Vec<&str> = answer.header("allow").split(',').collect();
    allowed.sort_unstable();
    assert_eq!(allowed, ["GET", "HEAD", "POST"]);
    app.request(Method::from_bytes(b"BREW").unwrap(), "/healthz").send().await.is_error(405, "method-not-allowed");
}

#[tokio::test]
async fn every_response_has_an_id_and_the_security_headers() {
    let app = TestApp::start().await;
    for path in ["/", "/docs/", "/openapi.json", "/healthz", "/api/v1/languages", "/api/v1/auth/me", "/nowhere"] {
        let answer = app.get(path).send().await;
        assert_eq!(answer.header("x-request-id").len(), 32, "{path}");
        assert_eq!(
            (answer.header("x-content-type-options"), answer.header("referrer-policy")),
            ("nosniff", "no-referrer"),
            "{path}"
        );
        let policy = answer.header("content-security-policy");
        assert!(
            policy.starts_with("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
            "{path}: {policy}"
        );
        assert!(!policy.contains("unsafe") && !policy.contains("http"), "{path}: {policy}");
    }
    assert_eq!(app.get("/api/v1/languages").send().await.header("cache-control"), "no-store");
    let echoed = app.get("/healthz").header("x-request-id", "abc.DEF-1_2").send().await;
    assert_eq!(echoed.header("x-request-id"), "abc.DEF-1_2");
    let replaced = app.get("/healthz").header("x-request-id", "a b\"c").send().await;
    assert_eq!(replaced.header("x-request-id").len(), 32);
}

#[tokio::test]
async fn other_origins_are_allowed_only_if_configured() {
    let preflight = async |app: &TestApp| {
        let call = app.request(Method::OPTIONS, "/api/v1/execute").header("origin", "https://play.example.com");
        call.header("access-control-request-method", "POST")
            .header("access-control-request-headers", "authorization,content-type")
            .send()
            .await
    };
    let closed = TestApp::start().await;
    assert_eq!(preflight(&closed).await.header("access-control-allow-origin"), "");
    let open = TestApp::with_settings(|s| s.cors_origins = vec!["https://play.example.com".into()]).await;
    let answer = preflight(&open).await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("access-control-allow-origin")),
        (200, "https://play.example.com")
    );
    let methods = answer.header("access-control-allow-methods");
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
        assert!(methods.split(',').any(|one| one == method), "{method}: {methods}");
    }
    let other = open.get("/healthz").header("origin", "https://evil.example.com").send().await;
    assert_eq!(other.header("access-control-allow-origin"), "");
}

#[tokio::test]
async fn health_reports_degraded_and_failed_parts() {
    let app = TestApp::start().await;
    assert_eq!(app.get("/livez").send().await.text, "ok\n");
    let well = app.get("/healthz").send().await;
    assert_eq!((well.status.as_u16(), &well.json["status"]), (200, &json!("ok")));
    assert_eq!(well.json["walls"], json!([{ "name": "seccomp", "stands": true }]));
    assert_eq!(app.get("/readyz").send().await.text, "ok\n");

    let app = TestApp::start().await;
    app.health.wall_is_down.store(true, Ordering::Relaxed);
    let weak = app.get("/healthz").send().await;
    assert_eq!((weak.status.as_u16(), &weak.json["status"]), (200, &json!("degraded")));

    let app = TestApp::start().await;
    app.health.store_is_down.store(true, Ordering::Relaxed);
    let broken = app.get("/healthz").send().await;
    assert_eq!(
        (broken.status.as_u16(), &broken.json["status"], &broken.json["checks"][0]["ok"]),
        (503, &json!("unavailable"), &json!(false))
    );
    let ready = app.get("/readyz").send().await;
    assert!(ready.is_error(503, "unavailable").json["detail"].as_str().unwrap().contains("`store`"));
    assert_eq!(ready.header("retry-after"), "5");
    assert_eq!(app.get("/livez").send().await.status, 200, "liveness does not depend on components");

    let app = TestApp::start().await;
    app.shutdown.cancel();
    app.get("/readyz").send().await.is_error(503, "unavailable");
}

/// Regression: results could not be read, and load balancers got no response, until the last program had ended.
#[tokio::test]
async fn a_server_that_drains_answers_reads_and_refuses_the_rest() {
    let app = TestApp::with_settings(|settings| settings.answers_while_draining = true).await;
    let user = app.user().await;
    let body = json!({ "language": "python", "source_code": "x" });
    let id = app.submit(&user, &body).await;
    app.shutdown.cancel();
    let place = format!("/api/v1/execute/{id}");
    for path in [&*place, &*format!("{place}?wait=10"), "/api/v1/submissions", "/livez", "/docs/"] {
        assert_eq!(app.get(path).bearer(&user.token).send().await.status, 200, "{path}");
    }
    let events = app.get(&format!("{place}/events")).bearer(&user.token).send().await;
    assert!(events.text.contains("event: queued"), "{}", events.text);
    let refused = [
        app.get("/readyz").send().await,
        app.get("/api/v1/socket.io/?EIO=4&transport=polling").bearer(&user.token).send().await,
        app.post("/api/v1/execute", &body).bearer(&user.token).send().await,
        app.request(axum::http::Method::DELETE, &place).bearer(&user.token).send().await,
        app.get("/api/v1/live")
            .bearer(&user.token)
            .header("sec-websocket-key", "AAAAAAAAAAAAAAAAAAAAAA==")
            .send()
            .await,
    ];
    for answer in refused {
        answer.is_error(503, "unavailable");
        assert_eq!(answer.header("retry-after"), "5");
    }
    assert_eq!(app.stored().await, 1);
}

#[tokio::test]
async fn metrics_are_served_only_to_the_configured_clients() {
    use cupel_http::{MetricsAccess, Secret};
    let open = TestApp::start().await;
    let answer = open.get("/metrics").at_address("203.0.113.9").send().await;
    assert_eq!((answer.status.as_u16(), &*answer.text), (200, "cupel_up 1\n"));

    let local = TestApp::with_settings(|s| s.metrics_access = MetricsAccess::Loopback).await;
    assert_eq!(local.get("/metrics").at_address("127.0.0.1").send().await.status, 200);
    assert_eq!(local.get("/metrics").at_address("::1").send().await.status, 200);
    local.get("/metrics").at_address("203.0.113.9").send().await.is_error(403, "forbidden");
    for (header, value) in [
        ("x-forwarded-for", "203.0.113.9"),
        ("x-forwarded-host", "judge.example"),
        ("x-forwarded-proto", "https"),
        ("x-real-ip", "203.0.113.9"),
        ("forwarded", "for=203.0.113.9"),
        ("via", "1.1 proxy"),
    ] {
        let through_a_proxy = local.get("/metrics").at_address("127.0.0.1").header(header, value).send().await;
        through_a_proxy.is_error(403, "forbidden");
    }
    // The page of a site whose name resolves to the loopback address.
    let page = local.get("/metrics").at_address("127.0.0.1").header("host", "evil.example:8080");
    page.header("sec-fetch-site", "same-origin").send().await.is_error(403, "forbidden");
    let entered = local.get("/metrics").at_address("127.0.0.1").header("sec-fetch-site", "none").send().await;
    assert_eq!(entered.status, 200, "the user of a browser");

    let token =
        TestApp::with_settings(|s| s.metrics_access = MetricsAccess::Token(Secret(b"open sesame".to_vec()))).await;
    assert_eq!(token.get("/metrics").bearer("open sesame").send().await.status, 200);
    token.get("/metrics").bearer("open").send().await.is_error(401, "unauthorized");
    token.get("/metrics").send().await.is_error(401, "unauthorized");
}

#[tokio::test]
async fn a_location_has_the_path_of_the_public_address() {
    for (public_url, path) in [("https://judge.example/cupel", "/cupel"), ("https://judge.example/", ""), ("", "")] {
        let app = TestApp::with_settings(|s| s.public_url = public_url.into()).await;
        let user = app.user().await;
        let body = json!({ "language": "python", "source_code": "print(42)" });
        let accepted = app.post("/api/v1/execute", &body).bearer(&user.token).send().await;
        let id = accepted.json["submission_id"].as_str().unwrap();
        assert_eq!(accepted.header("location"), format!("{path}/api/v1/execute/{id}"), "{public_url}");
    }
}
