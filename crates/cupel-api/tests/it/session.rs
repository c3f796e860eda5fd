//! Sessions of browsers: the cookie, and the requests that it does not authenticate.

use axum::http::Method;
use serde_json::{Value, json};

use crate::app::{Answer, Call, PASSWORD, TestApp, TestUser};

/// A request from the site's own pages.
fn from_the_site(call: Call) -> Call {
    call.header("x-cupel-site", "1").header("sec-fetch-site", "same-origin")
}

async fn sign_in(app: &TestApp, user: &TestUser) -> Answer {
    let body = json!({ "username": user.user.username, "password": PASSWORD });
    from_the_site(app.post("/api/v1/session", &body)).send().await
}

/// The `Cookie` header of a browser that has received this answer.
fn cookie(answer: &Answer) -> String {
    answer.header("set-cookie").split(';').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_page_of_another_origin_can_neither_sign_in_nor_change_anything() {
    let app = TestApp::start().await;
    let user = app.user().await;
    let login = json!({ "username": user.user.username, "password": PASSWORD });
    let cookie = cookie(&sign_in(&app, &user).await);
    let program = json!({ "language": "python", "source_code": "print(42)" });
    let before = app.stored().await;
    let site = ("x-cupel-site", "1");
    for headers in [
        &[] as &[(&str, &str)],
        &[("sec-fetch-site", "same-origin")],
        &[site, ("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")],
        &[site, ("sec-fetch-site", "same-site")],
        &[site, ("host", "127.0.0.1:8080"), ("origin", "http://127.0.0.1:9000")],
        &[site],
    ] {
        let with = |call: Call| headers.iter().fold(call, |call, (name, value)| call.header(name, value));
        let refused = with(app.post("/api/v1/session", &login)).send().await;
        refused.is_error(403, "cross-site");
        assert_eq!(refused.header("set-cookie"), "", "{headers:?}");
        let call = |call: Call| with(call.header("cookie", &cookie));
        call(app.post("/api/v1/execute", &program)).send().await.is_error(403, "cross-site");
        call(app.delete("/api/v1/session")).send().await.is_error(403, "cross-site");
    }
    assert_eq!(app.stored().await, before, "nothing was stored");
    let state = app.get("/api/v1/session").header("cookie", &cookie).send().await;
    assert_eq!(state.json["user"]["username"], json!(user.user.username), "the session goes on");
}

#[tokio::test]
async fn cors_allows_no_other_origin_the_cookie_or_the_site_header() {
    let app = TestApp::with_settings(|settings| settings.cors_origins = vec!["*".into()]).await;
    let asked = app
        .request(Method::OPTIONS, "/api/v1/execute")
        .header("origin", "https://evil.example")
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "x-cupel-site,content-type")
        .send()
        .await;
    assert!(!asked.header("access-control-allow-headers").to_lowercase().contains("x-cupel-site"));
    assert_eq!(asked.header("access-control-allow-credentials"), "");
}

#[tokio::test]
async fn a_browser_signs_in_submits_follows_and_signs_out() {
    let app = TestApp::start().await;
    let user = app.user().await;
    let signed_in = sign_in(&app, &user).await;
    assert_eq!((signed_in.status.as_u16(), signed_in.header("cache-control")), (200, "no-store"));
    assert_eq!(signed_in.json["user"]["username"], json!(user.user.username));
    assert!(!signed_in.text.contains("token"), "scripts get no token: {}", signed_in.text);
    let set = signed_in.header("set-cookie");
    assert!(set.contains("; HttpOnly; SameSite=Lax") && set.contains("Path=/;") && !set.contains("Secure"), "{set}");
    let cookie = cookie(&signed_in);

    let program = json!({ "language": "python", "source_code": "print(42)" });
    let sent = from_the_site(app.post("/api/v1/execute", &program)).header("cookie", &cookie).send().await;
    assert_eq!(sent.status, 202, "{}", sent.text);
    app.complete(crate::app::a_report()).await;
    let id = sent.json["submission_id"].as_str().unwrap();
    // An `EventSource` sends the cookie but not the site's header.
    let events = app.get(&format!("/api/v1/execute/{id}/events")).header("cookie", &cookie).send().await;
    assert!(events.text.contains("event: verdict"), "{}", events.text);

    let signed_out = from_the_site(app.delete("/api/v1/session")).header("cookie", &cookie).send().await;
    assert_eq!(signed_out.status, 204);
    assert!(signed_out.header("set-cookie").starts_with("cupel_session=; Path=/; Max-Age=0"));
    app.get("/api/v1/auth/me").header("cookie", &cookie).send().await.is_error(401, "unauthorized");
}

#[tokio::test]
async fn a_client_with_the_cookie_of_an_ended_session_is_a_visitor() {
    let app = TestApp::start().await;
    let user = app.user().await;
    let cookie = cookie(&sign_in(&app, &user).await);
    from_the_site(app.delete("/api/v1/session")).header("cookie", &cookie).send().await;
    for _ in 0..100 {
        // A browser keeps sending the cookie. That does not count as guessing a token.
        app.get("/api/v1/auth/me").header("cookie", &cookie).send().await.is_error(401, "unauthorized");
    }
    let state = app.get("/api/v1/session").header("cookie", &cookie).send().await;
    assert_eq!((state.status.as_u16(), &state.json["user"]), (200, &Value::Null));
    assert_eq!(app.get("/api/v1/problems").header("cookie", &cookie).send().await.status, 200);
    assert_eq!(from_the_site(app.delete("/api/v1/session")).header("cookie", &cookie).send().await.status, 204);
}

#[tokio::test]
async fn a_token_is_not_accepted_as_a_cookie_and_a_cookie_not_as_a_token() {
    let app = TestApp::start().await;
    let user = app.user().await;
    let cookie = cookie(&sign_in(&app, &user).await);
    let (_, value) = cookie.split_once('=').unwrap();
    app.get("/api/v1/auth/me").bearer(value).send().await.is_error(401, "unauthorized");
    let token = format!("cupel_session={}", user.token);
    app.get("/api/v1/auth/me").header("cookie", &token).send().await.is_error(401, "unauthorized");
    let two = format!("{cookie}; cupel_session=other");
    app.get("/api/v1/auth/me").header("cookie", &two).send().await.is_error(401, "unauthorized");
    assert_eq!(app.get("/api/v1/auth/me").header("cookie", &cookie).send().await.status, 200);
}

#[tokio::test]
async fn a_page_that_was_loaded_over_tls_gets_a_secure_cookie() {
    let app = TestApp::start().await;
    let user = app.user().await;
    let body = json!({ "username": user.user.username, "password": PASSWORD });
    let call = app.post("/api/v1/session", &body).header("x-cupel-site", "1");
    let answer = call.header("host", "judge.example").header("origin", "https://judge.example").send().await;
    assert!(answer.header("set-cookie").ends_with("; Secure"), "{}", answer.text);
}

#[tokio::test]
async fn a_wrong_password_sets_no_cookie() {
    let app = TestApp::start().await;
    let user = app.user().await;
    let body = json!({ "username": user.user.username, "password": "wrong horse battery" });
    let answer = from_the_site(app.post("/api/v1/session", &body)).send().await;
    answer.is_error(401, "wrong-credentials");
    assert_eq!(answer.header("set-cookie"), "");
}

#[tokio::test]
async fn a_ticket_outweighs_the_cookie_that_the_browser_adds() {
    let app = TestApp::start().await;
    let (owner, other) = (app.user().await, app.user().await);
    let id = app.submit(&owner, &json!({ "language": "python", "source_code": "print(42)" })).await;
    app.complete(crate::app::a_report()).await;
    let cookie = cookie(&sign_in(&app, &other).await);
    let events = format!("/api/v1/execute/{id}/events");
    app.get(&events).header("cookie", &cookie).send().await.is_error(404, "not-found");
    let ticket = app.post("/api/v1/tickets", &json!({ "submission_id": id })).bearer(&owner.token).send().await;
    let followed = app.get(ticket.json["url"].as_str().unwrap()).header("cookie", &cookie).send().await;
    assert!(followed.text.contains("event: verdict"), "{}", followed.text);
}
