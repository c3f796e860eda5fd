//! Sessions of browsers: the cookie, and the requests that it does not authenticate.

use std::time::Duration;

use axum::http::Method;
use cupel_core::rate_limit::Rate;
use cupel_http::TierRates;
use cupel_problem::Visibility;
use serde_json::{Value, json};

use crate::app::{Answer, Call, PASSWORD, TestApp, TestUser};

/// A request from the site's own pages.
pub(crate) fn from_the_site(call: Call) -> Call {
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

/// The cookie of a new guest.
pub(crate) async fn guest(app: &TestApp) -> String {
    let opened = from_the_site(app.post("/api/v1/auth/guest", &json!({}))).send().await;
    assert_eq!(opened.status, 201, "{}", opened.text);
    cookie(&opened)
}

const PROGRAM: &str = "print(42)";

#[tokio::test]
async fn a_visitor_becomes_a_guest_and_runs_until_signing_in() {
    let app = TestApp::start().await;
    let user = app.user().await;
    let state = app.get("/api/v1/session").send().await.json;
    assert_eq!((&state["user"], &state["guest"], &state["guests_allowed"]), (&Value::Null, &Value::Null, &json!(true)));
    let opened = from_the_site(app.post("/api/v1/auth/guest", &json!({}))).send().await;
    assert_eq!((opened.status.as_u16(), &opened.json["user"]), (201, &Value::Null));
    let set = opened.header("set-cookie");
    assert!(set.contains("; Max-Age=86") && set.contains("; HttpOnly; SameSite=Lax"), "{set}");
    let guest = cookie(&opened);
    let again = from_the_site(app.post("/api/v1/auth/guest", &json!({}))).header("cookie", &guest).send().await;
    assert_eq!((again.status.as_u16(), again.header("set-cookie")), (200, ""), "the guest goes on");
    assert_eq!(again.json["guest"], opened.json["guest"]);

    let program = json!({ "language": "python", "source_code": PROGRAM });
    let sent = from_the_site(app.post("/api/v1/execute", &program)).header("cookie", &guest).send().await;
    assert_eq!((sent.status.as_u16(), sent.header("ratelimit-policy")), (202, "\"submissions\";q=30;w=60;burst=10"));
    let id = sent.json["submission_id"].as_str().unwrap();
    let run = format!("/api/v1/execute/{id}");
    assert_eq!(app.get(&run).header("cookie", &guest).send().await.status, 200);
    let other = self::guest(&app).await;
    app.get(&run).header("cookie", &other).send().await.is_error(404, "not-found");
    app.get(&run).bearer(&user.token).send().await.is_error(404, "not-found");

    let body = json!({ "username": user.user.username, "password": PASSWORD });
    let signed_in = from_the_site(app.post("/api/v1/session", &body)).header("cookie", &guest).send().await;
    assert_eq!(
        (signed_in.json["user"]["username"].as_str(), &signed_in.json["guest"]),
        (Some(&*user.user.username), &Value::Null)
    );
    app.get(&run).header("cookie", &guest).send().await.is_error(401, "unauthorized");
    let own = cookie(&signed_in);
    app.get(&run).header("cookie", &own).send().await.is_error(404, "not-found");
    let kept = from_the_site(app.post("/api/v1/auth/guest", &json!({}))).header("cookie", &own).send().await;
    assert_eq!((kept.status.as_u16(), &kept.json["user"]), (200, &signed_in.json["user"]), "a user becomes no guest");
    // This page was opened before the user signed in with the same browser.
    let page = opened.json["guest"]["user_id"].as_str().unwrap();
    let late = app.post("/api/v1/auth/guest", &json!({})).header("sec-fetch-site", "same-origin");
    let late = late.header("x-cupel-site", page).header("cookie", &own).send().await;
    assert_eq!((late.status.as_u16(), late.header("set-cookie")), (200, ""));
    assert_eq!(late.json["user"], signed_in.json["user"]);
}

#[tokio::test]
async fn a_guest_gets_no_webhook_no_later_start_no_tests_and_at_most_one_mebibyte() {
    let app = TestApp::start().await;
    let guest = guest(&app).await;
    for (field, value) in [
        ("webhook", json!("https://example.com/hook")),
        ("run_at", json!("2030-01-01T00:00:00Z")),
        ("tests", json!([{ "stdin": "1" }])),
    ] {
        let mut program = json!({ "language": "python", "source_code": PROGRAM });
        program[field] = value;
        let refused = from_the_site(app.post("/api/v1/execute", &program)).header("cookie", &guest).send().await;
        let detail = refused.is_error(403, "forbidden").json["detail"].as_str().unwrap();
        assert!(detail.starts_with(&format!("`{field}` needs an account.")), "{detail}");
    }
    let program = json!({ "language": "python", "source_code": PROGRAM, "stdin": "x".repeat(1 << 20) });
    let refused = from_the_site(app.post("/api/v1/execute", &program)).header("cookie", &guest).send().await;
    let detail = refused.is_error(403, "forbidden").json["detail"].as_str().unwrap();
    assert!(detail.starts_with("More than 1 MiB of sources and input needs an account."), "{detail}");
    assert_eq!(app.stored().await, 0);
}

/// An address can open many guests, so they do not have a share each.
#[tokio::test]
async fn at_most_fifty_runs_of_the_guests_from_one_address_wait() {
    let many = Rate::per_minute(1000, 1000);
    let app = TestApp::with_settings(|settings| {
        settings.tiers.insert("guest".into(), TierRates { submissions: many, reads: many });
    })
    .await;
    let guests = [guest(&app).await, guest(&app).await];
    let user = app.user().await;
    let program = json!({ "language": "python", "source_code": PROGRAM });
    let run =
        async |guest: &str| from_the_site(app.post("/api/v1/execute", &program)).header("cookie", guest).send().await;
    for _ in 0..25 {
        for guest in &guests {
            assert_eq!(run(guest).await.status, 202);
        }
    }
    for guest in &guests {
        run(guest).await.is_error(429, "too-many-waiting");
    }
    app.submit(&user, &program).await;
    assert_eq!(app.stored().await, 51);
}

#[tokio::test]
async fn a_ticket_of_a_guest_opens_only_what_a_guest_may_open() {
    let app = TestApp::start().await;
    let guest = guest(&app).await;
    let ticket = async || {
        let made = from_the_site(app.post("/api/v1/tickets", &json!({}))).header("cookie", &guest).send().await;
        made.json["ticket"].as_str().unwrap_or_else(|| panic!("{}", made.text)).to_owned()
    };
    let socket = format!("/api/v1/socket.io/?EIO=4&transport=polling&ticket={}", ticket().await);
    app.get(&socket).send().await.is_error(403, "forbidden");
    let closed = app.with_other_settings(|settings| settings.guests_allowed = false);
    closed.get(&format!("/api/v1/live?ticket={}", ticket().await)).send().await.is_error(401, "unauthorized");
}

#[tokio::test]
async fn a_guest_sees_the_problems_of_a_visitor_and_is_in_no_list_of_users() {
    let app = TestApp::start().await;
    let (author, admin) = (app.author().await, app.admin().await);
    let public = app.problem(&author, "echo", Visibility::Public).await;
    let draft = app.problem(&author, "draft", Visibility::Draft).await;
    let guest = guest(&app).await;
    let run = async |slug: &str| {
        let body = json!({ "language": "python", "source_code": PROGRAM });
        from_the_site(app.post(&format!("/api/v1/problems/{slug}/run"), &body)).header("cookie", &guest).send().await
    };
    assert_eq!(run(&public).await.status, 202);
    run(&draft).await.is_error(404, "not-found");
    let refused =
        from_the_site(app.post(&format!("/api/v1/problems/{public}/submissions"), &json!({}))).header("cookie", &guest);
    let refused = refused.send().await;
    assert_eq!(refused.is_error(403, "forbidden").json["detail"], "This needs an account. Register or sign in.");

    let state = app.get("/api/v1/session").header("cookie", &guest).send().await.json;
    let id = state["guest"]["user_id"].as_str().unwrap();
    let users = app.get("/api/v1/admin/users").bearer(&admin.token).send().await.json;
    assert!(!users["users"].to_string().contains(id), "{users}");
    let place = format!("/api/v1/admin/users/{id}");
    let promoted =
        app.request(Method::PATCH, &place).json(&json!({ "role": "admin" })).bearer(&admin.token).send().await;
    promoted.is_error(404, "not-found");
    // An administrator can stop a guest.
    let disabled =
        app.request(Method::PATCH, &place).json(&json!({ "disabled": true })).bearer(&admin.token).send().await;
    assert_eq!(disabled.status, 200, "{}", disabled.text);
    from_the_site(app.post("/api/v1/execute", &json!({})))
        .header("cookie", &guest)
        .send()
        .await
        .is_error(401, "unauthorized");
}

#[tokio::test]
async fn a_server_without_guests_opens_none_and_refuses_those_it_had() {
    let app = TestApp::start().await;
    let guest = guest(&app).await;
    let user = app.user().await;
    let closed = app.with_other_settings(|settings| settings.guests_allowed = false);
    let kept = from_the_site(closed.post("/api/v1/auth/guest", &json!({}))).bearer(&user.token).send().await;
    assert_eq!((kept.status.as_u16(), kept.json["user"]["username"].as_str()), (200, Some(&*user.user.username)));
    let refused = from_the_site(closed.post("/api/v1/auth/guest", &json!({}))).send().await;
    assert_eq!(refused.is_error(403, "forbidden").header("set-cookie"), "");
    let state = closed.get("/api/v1/session").header("cookie", &guest).send().await.json;
    assert_eq!((&state["guest"], &state["guests_allowed"]), (&Value::Null, &json!(false)));
    let program = json!({ "language": "python", "source_code": PROGRAM });
    from_the_site(closed.post("/api/v1/execute", &program))
        .header("cookie", &guest)
        .send()
        .await
        .is_error(401, "unauthorized");
    let left = from_the_site(closed.delete("/api/v1/session")).header("cookie", &guest).send().await;
    assert_eq!(left.status, 204);
    let state = app.get("/api/v1/session").header("cookie", &guest).send().await.json;
    assert_eq!(state["guest"], Value::Null, "signing out ended the guest");
}

#[tokio::test]
async fn guests_are_limited_per_address_and_opened_only_by_the_site() {
    let app =
        TestApp::with_settings(|settings| settings.login.guests = Rate::new(2, Duration::from_secs(3600), 2)).await;
    app.post("/api/v1/auth/guest", &json!({})).send().await.is_error(403, "cross-site");
    let foreign =
        app.post("/api/v1/auth/guest", &json!({})).header("x-cupel-site", "1").header("sec-fetch-site", "cross-site");
    foreign.send().await.is_error(403, "cross-site");
    for _ in 0..2 {
        guest(&app).await;
    }
    from_the_site(app.post("/api/v1/auth/guest", &json!({}))).send().await.is_error(429, "too-many-attempts");
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

/// Regression: the browser lost the cookie, and the session went on.
#[tokio::test]
async fn a_page_of_another_user_does_not_end_the_session() {
    let app = TestApp::start().await;
    let (user, other) = (app.user().await, app.user().await);
    for cookie in [cookie(&sign_in(&app, &user).await), guest(&app).await] {
        let page_of = |id: &str| app.delete("/api/v1/session").header("x-cupel-site", id).header("cookie", &cookie);
        let refused = page_of(&other.user.id.to_string()).header("sec-fetch-site", "same-origin").send().await;
        refused.is_error(401, "unauthorized");
        assert_eq!(refused.header("set-cookie"), "");
        let state = app.get("/api/v1/session").header("cookie", &cookie).send().await;
        let whose = if state.json["user"].is_null() { "guest" } else { "user" };
        let id = state.json[whose]["user_id"].as_str().expect("the session goes on").to_owned();
        let ended = page_of(&id).header("sec-fetch-site", "same-origin").send().await;
        assert_eq!((ended.status.as_u16(), ended.header("set-cookie").is_empty()), (204, false));
        let state = app.get("/api/v1/session").header("cookie", &cookie).send().await;
        assert_eq!((&state.json["user"], &state.json["guest"]), (&Value::Null, &Value::Null));
    }
}

/// Regression: a page of another site whose name resolved to this server's address became a guest, or registered.
#[tokio::test]
async fn a_page_under_another_sites_name_becomes_no_guest_and_registers_nobody() {
    let app = TestApp::with_settings(|settings| settings.has_any_name = false).await;
    let account = json!({ "username": "mallory", "email": "mallory@evil.example", "password": PASSWORD });
    for (host, status) in [("evil.example:8080", 403), ("127.0.0.1:8080", 201)] {
        for (path, body) in [("guest", &json!({})), ("register", &account)] {
            let call = from_the_site(app.post(&format!("/api/v1/auth/{path}"), body)).header("host", host);
            let answer = call.header("origin", &format!("http://{host}")).send().await;
            assert_eq!(answer.status, status, "{path}: {answer:?}");
            assert!(status == 201 || answer.json["code"] == "cross-site", "{answer:?}");
        }
    }
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

/// Such an answer is no error, so without the mark the page would not notice that its session has ended.
#[tokio::test]
async fn an_answer_to_a_page_of_a_user_whose_session_has_ended_is_marked() {
    let app = TestApp::start().await;
    let (user, other) = (app.user().await, app.user().await);
    let (own, of_other) = (cookie(&sign_in(&app, &user).await), cookie(&sign_in(&app, &other).await));
    let id = user.user.id.to_string();
    let mark = async |path: &str, page: &str, cookie: &str| {
        let answer = app.get(path).header("x-cupel-site", page).header("cookie", cookie).send().await;
        (answer.status.as_u16(), answer.header("x-cupel-visitor").to_owned())
    };
    const LIST: &str = "/api/v1/contests";
    const UNKNOWN: &str = "/api/v1/contests/unknown";
    assert_eq!(mark(LIST, &id, &own).await, (200, String::new()));
    assert_eq!(mark(LIST, &id, &of_other).await, (200, "1".to_owned()), "the session of another user");
    from_the_site(app.delete("/api/v1/session")).header("cookie", &own).send().await;
    assert_eq!(mark(LIST, &id, &own).await, (200, "1".to_owned()));
    assert_eq!(mark(UNKNOWN, &id, &own).await, (404, "1".to_owned()));
    assert_eq!(mark(LIST, &id, "").await, (200, "1".to_owned()), "the browser has removed the cookie");
    assert_eq!(mark(LIST, "1", &own).await, (200, String::new()), "the page has no user yet");
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
