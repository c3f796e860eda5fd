//! Account lifecycle: passwords, links, sessions, disabling, deletion, classes, tickets.

use std::time::Duration;

use axum::http::Method;
use cupel_core::accounts::{NewCode, Role, Scope, Tier};
use cupel_http::Rate;
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::app::{Answer, PASSWORD, TestApp, TestUser, a_report};
use crate::events::events_of;

const ANOTHER: &str = "staple correct horse";

async fn log_in(app: &TestApp, login: &str, password: &str) -> Answer {
    app.post("/api/v1/auth/login", &json!({ "email": login, "password": password })).send().await
}

async fn me(app: &TestApp, token: &str) -> Answer {
    app.get("/api/v1/auth/me").bearer(token).send().await
}

#[tokio::test]
async fn changing_a_password_needs_the_old_password_and_ends_the_other_sessions() {
    let app = TestApp::start().await;
    let user = app.user().await;
    let login = log_in(&app, &user.user.username, PASSWORD).await;
    let other = login.json["access_token"].as_str().unwrap();
    let key = app.key(&user, &[Scope::Account, Scope::RunsRead]).await;
    let change = async |old: &str, new: &str| {
        let body = json!({ "old_password": old, "password": new });
        app.post("/api/v1/auth/password", &body).bearer(&user.token).send().await
    };
    change("wrong", ANOTHER).await.is_error(401, "wrong-credentials");
    change(PASSWORD, "short").await.is_error(422, "invalid-body").points_to("/password");
    assert_eq!(
        (me(&app, other).await.status, change(PASSWORD, ANOTHER).await.status.as_u16()),
        (200.try_into().unwrap(), 204)
    );
    me(&app, other).await.is_error(401, "unauthorized");
    assert_eq!(me(&app, &user.token).await.status, 200, "the session that changed the password stays valid");
    assert_eq!(me(&app, &key).await.status, 200, "keys stay valid");
    log_in(&app, &user.user.username, PASSWORD).await.is_error(401, "wrong-credentials");
    assert_eq!(log_in(&app, &user.user.username, ANOTHER).await.status, 200);
    for _ in 0..20 {
        change("a guess", ANOTHER).await;
    }
    change("a guess", ANOTHER).await.is_error(429, "too-many-attempts");
}

#[tokio::test]
async fn a_one_time_link_sets_a_password_once() {
    let app = TestApp::with_settings(|s| s.public_url = "https://judge.example/".into()).await;
    let (user, admin) = (app.user().await, app.admin().await);
    let place = format!("/api/v1/admin/users/{}/password-link", user.user.id);
    let made = app.request(Method::POST, &place).bearer(&admin.token).send().await;
    assert_eq!((made.status.as_u16(), made.header("cache-control")), (201, "no-store"), "{made:?}");
    let token = made.json["token"].as_str().unwrap();
    assert_eq!(made.json["link"], format!("https://judge.example/password?token={token}"));
    assert_eq!(me(&app, &user.token).await.status, 200, "nothing has changed yet");

    let reset = async |token: &str, password: &str| {
        app.post("/api/v1/auth/password/reset", &json!({ "token": token, "password": password })).send().await
    };
    reset(token, "short").await.is_error(422, "invalid-body").points_to("/password");
    for bad in ["", "rubbish", &token[..token.len() - 1]] {
        reset(bad, ANOTHER).await.is_error(401, "wrong-credentials");
    }
    assert_eq!(reset(token, ANOTHER).await.status, 204);
    reset(token, ANOTHER).await.is_error(401, "wrong-credentials");
    me(&app, &user.token).await.is_error(401, "unauthorized");
    assert_eq!(log_in(&app, &user.user.email, ANOTHER).await.status, 200);
    app.request(Method::POST, &place).bearer(&user.token).send().await;
    let nobody = place.replace(&user.user.id.to_string(), "0199a4e2-c5d0-7f3e-8a51-0d4b7c1f2e3a");
    app.request(Method::POST, &nobody).bearer(&admin.token).send().await.is_error(404, "not-found");
}

#[tokio::test]
async fn a_one_time_link_names_its_account_until_it_is_used() {
    let app = TestApp::with_settings(|s| {
        (s.public_url, s.has_site) = ("https://judge.example/cupel".into(), true);
        s.login.bad_tokens = Rate::per_minute(1, 4);
    })
    .await;
    let (user, admin) = (app.user().await, app.admin().await);
    let place = format!("/api/v1/admin/users/{}/password-link", user.user.id);
    let made = app.request(Method::POST, &place).bearer(&admin.token).send().await;
    let token = made.json["token"].as_str().unwrap();
    // A browser does not send the fragment, so the token is in no log.
    assert_eq!(made.json["link"], format!("https://judge.example/cupel/password#{token}"));

    let name = async |token: &str| app.post("/api/v1/auth/password/link", &json!({ "token": token })).send().await;
    for _ in 0..2 {
        let named = name(token).await;
        assert_eq!((named.status.as_u16(), named.header("cache-control")), (200, "no-store"), "{named:?}");
        assert_eq!(named.json, json!({ "username": user.user.username }));
    }
    name(&token.replace("cul_", "cup_")).await.is_error(401, "wrong-credentials");
    let reset = json!({ "token": token, "password": ANOTHER });
    assert_eq!(app.post("/api/v1/auth/password/reset", &reset).send().await.status, 204);
    let used = name(token).await;
    used.is_error(401, "wrong-credentials");
    assert!(used.json["detail"].as_str().unwrap().ends_with("Ask an administrator for another one."), "{used:?}");
    let expired = app.accounts.make_link(user.user.id, Duration::ZERO).await.unwrap().unwrap();
    name(&expired.token).await.is_error(401, "wrong-credentials");
    name("a guess").await.is_error(401, "wrong-credentials");
    name("a guess").await.is_error(429, "too-many-attempts");
}

#[tokio::test]
async fn a_server_with_the_site_leaves_the_page_of_a_link_to_the_site() {
    for (has_site, status) in [(true, 404), (false, 200)] {
        let app = TestApp::with_settings(|s| s.has_site = has_site).await;
        assert_eq!(app.get("/password?token=cul_x").send().await.status, status, "{has_site}");
    }
}

#[tokio::test]
async fn the_page_of_a_link_sets_the_password_without_javascript() {
    let app = TestApp::start().await;
    let user = app.user().await;
    let link = app.accounts.make_link(user.user.id, std::time::Duration::from_secs(60)).await.unwrap().unwrap();
    let page = app.get(&format!("/password?token={}", link.token)).send().await;
    assert_eq!((page.status.as_u16(), page.header("cache-control")), (200, "no-store"));
    let policy = page.header("content-security-policy");
    assert!(policy.contains("form-action 'self'") && !policy.contains("script"), "{policy}");
    assert!(page.text.contains(&format!("value=\"{}\"", link.token)), "{}", page.text);
    let send = async |body: String| {
        let call = app.request(Method::POST, "/password").header("content-type", "application/x-www-form-urlencoded");
        call.raw(body).send().await
    };
    let short = send(format!("token={}&password=short", link.token)).await;
    assert!(short.status == 422 && short.text.contains("8 to 256 characters"), "{short:?}");
    let own = send(format!("token={}&password={}", link.token, user.user.email.to_uppercase())).await;
    assert!(own.status == 422 && own.text.contains("differ from the user name"), "{own:?}");
    let set = send(format!("token={}&password=staple+correct%20h%C3%B6rse", link.token)).await;
    assert!(set.status == 200 && set.text.contains("Your password is set"), "{set:?}");
    assert_eq!(log_in(&app, &user.user.email, "staple correct hörse").await.status, 200);
    let again = send(format!("token={}&password={ANOTHER}", link.token).replace(' ', "+")).await;
    assert!(again.status == 401 && again.text.contains("already used or expired"), "{again:?}");
    let script = app.get("/password?token=%22%3E%3Cscript%3Ealert(1)%3C/script%3E").send().await;
    assert!(!script.text.contains("<script"), "{}", script.text);
}

#[tokio::test]
async fn sessions_are_listed_and_ended_one_by_one() {
    let app = TestApp::start().await;
    let (user, other) = (app.user().await, app.user().await);
    let second = log_in(&app, &user.user.username, PASSWORD).await;
    let second = second.json["access_token"].as_str().unwrap();
    let list = app.get("/api/v1/auth/sessions").bearer(&user.token).send().await;
    let sessions = list.json["sessions"].as_array().unwrap();
    assert_eq!(sessions.iter().map(|s| s["current"].as_bool().unwrap()).collect::<Vec<_>>(), [false, true]);
    let place = format!("/api/v1/auth/sessions/{}", sessions[0]["session_id"].as_str().unwrap());
    assert_eq!(me(&app, second).await.status, 200);
    app.delete(&place).bearer(&other.token).send().await.is_error(404, "not-found");
    assert_eq!(app.delete(&place).bearer(&user.token).send().await.status, 204);
    me(&app, second).await.is_error(401, "unauthorized");
    app.delete(&place).bearer(&user.token).send().await.is_error(404, "not-found");
    assert_eq!(me(&app, &user.token).await.status, 200);
}

#[tokio::test]
async fn a_disabled_account_is_refused_at_once_with_any_credential() {
    let app = TestApp::start().await;
    let (user, admin) = (app.user().await, app.admin().await);
    let key = app.key(&user, &[Scope::RunsRead]).await;
    let refresh = log_in(&app, &user.user.email, PASSWORD).await.json["refresh_token"].as_str().unwrap().to_owned();
    let id = app.submit(&user, &json!({ "language": "python", "source_code": "x" })).await;
    let ticket = ticket(&app, &user, &id).await;
    assert_eq!(
        (me(&app, &user.token).await.status, me(&app, &key).await.status),
        (200.try_into().unwrap(), 200.try_into().unwrap())
    );
    let set = async |disabled: bool| {
        let place = format!("/api/v1/admin/users/{}", user.user.id);
        app.request(Method::PATCH, &place).json(&json!({ "disabled": disabled })).bearer(&admin.token).send().await
    };
    let disabled = set(true).await;
    assert_eq!((disabled.status.as_u16(), &disabled.json["disabled"]), (200, &json!(true)), "{disabled:?}");
    me(&app, &user.token).await.is_error(401, "unauthorized");
    me(&app, &key).await.is_error(401, "unauthorized");
    app.get(&ticket).send().await.is_error(401, "unauthorized");
    let body = json!({ "refresh_token": refresh });
    app.post("/api/v1/auth/refresh", &body).send().await.is_error(401, "unauthorized");
    log_in(&app, &user.user.email, PASSWORD).await.is_error(403, "forbidden");
    log_in(&app, &user.user.email, "wrong password").await.is_error(401, "wrong-credentials");
    assert_eq!(set(false).await.json["disabled"], false);
    assert_eq!(log_in(&app, &user.user.email, PASSWORD).await.status, 200);
    assert_eq!(me(&app, &key).await.status, 200, "its keys are valid again");
    me(&app, &user.token).await.is_error(401, "unauthorized");
}

#[tokio::test]
async fn the_last_administrator_cannot_be_disabled_demoted_or_deleted() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let place = format!("/api/v1/admin/users/{}", admin.user.id);
    let disable = app.request(Method::PATCH, &place).json(&json!({ "disabled": true })).bearer(&admin.token);
    disable.send().await.is_error(409, "conflict");
    let demote = app.request(Method::PATCH, &place).json(&json!({ "role": "author" })).bearer(&admin.token);
    demote.send().await.is_error(409, "conflict");
    app.delete(&place).bearer(&admin.token).send().await.is_error(409, "conflict");
    let body = json!({ "password": PASSWORD });
    app.post("/api/v1/auth/delete-account", &body).bearer(&admin.token).send().await.is_error(409, "conflict");
    assert_eq!(me(&app, &admin.token).await.status, 200);
}

#[tokio::test]
async fn submissions_of_a_deleted_account_stay_under_an_anonymous_name() {
    let app = TestApp::start().await;
    let (user, admin) = (app.user().await, app.admin().await);
    let key = app.key(&user, &[Scope::RunsRead]).await;
    let id = app.submit(&user, &json!({ "language": "python", "source_code": "print(42)" })).await;
    app.complete(a_report()).await;
    let delete = async |password: &str| {
        let body = json!({ "password": password });
        app.post("/api/v1/auth/delete-account", &body).bearer(&user.token).send().await
    };
    delete("wrong").await.is_error(401, "wrong-credentials");
    assert_eq!(delete(PASSWORD).await.status, 204);
    me(&app, &user.token).await.is_error(401, "unauthorized");
    me(&app, &key).await.is_error(401, "unauthorized");
    log_in(&app, &user.user.email, PASSWORD).await.is_error(401, "wrong-credentials");
    let kept = app.get(&format!("/api/v1/execute/{id}")).bearer(&admin.token).send().await;
    assert_eq!((kept.status.as_u16(), &kept.json["status"]), (200, &json!("completed")));
    let users = app.get("/api/v1/admin/users").bearer(&admin.token).send().await;
    assert!(!users.text.contains(&user.user.username) && !users.text.contains("deleted-"), "{}", users.text);
    let again = json!({ "username": user.user.username, "email": user.user.email, "password": PASSWORD });
    assert_eq!(app.post("/api/v1/auth/register", &again).send().await.status, 201, "name and address are free");

    let other = app.user().await;
    let place = format!("/api/v1/admin/users/{}", other.user.id);
    assert_eq!(app.delete(&place).bearer(&admin.token).send().await.status, 204);
    me(&app, &other.token).await.is_error(401, "unauthorized");
    app.delete(&place).bearer(&admin.token).send().await.is_error(404, "not-found");
}

#[tokio::test]
async fn a_class_behind_one_address_registers_with_a_join_code() {
    let app = TestApp::with_settings(|s| s.registration_open = false).await;
    let admin = app.admin().await;
    let expires_at = (app.core.now() + SignedDuration::from_hours(1)).to_string();
    let body = json!({ "name": "Class 10b", "uses_max": 30, "expires_at": expires_at });
    let made = app.post("/api/v1/admin/registration-codes", &body).bearer(&admin.token).send().await;
    assert_eq!(made.status, 201, "{made:?}");
    let code = made.json["join_code"].as_str().unwrap().to_uppercase();
    let register = async |n: usize, code: &str| {
        let body = json!({ "username": format!("pupil{n}"), "email": format!("pupil{n}@example.com"), "password": PASSWORD, "join_code": code });
        app.post("/api/v1/auth/register", &body).at_address("203.0.113.7").send().await
    };
    for n in 0..30 {
        let answer = register(n, &code).await;
        assert_eq!(answer.status, 201, "pupil {n}: {answer:?}");
        if n < 3 {
            // A refused registration does not use up the code.
            register(n, &code).await.is_error(409, "taken");
        }
    }
    register(30, &code).await.is_error(422, "invalid-body").points_to("/join_code");
    let without = json!({ "username": "eve", "email": "eve@example.com", "password": PASSWORD });
    app.post("/api/v1/auth/register", &without).send().await.is_error(403, "forbidden");

    let listed = app.get("/api/v1/admin/registration-codes").bearer(&admin.token).send().await;
    assert_eq!((&listed.json["codes"][0]["uses"], &listed.json["codes"][0]["name"]), (&json!(30), &json!("Class 10b")));
    let new =
        NewCode { name: "another".into(), uses_max: 5, expires_at: app.core.now() + SignedDuration::from_hours(1) };
    let other = app.accounts.create_code(new).await.unwrap();
    let place = format!("/api/v1/admin/registration-codes/{}", other.id);
    assert_eq!(app.delete(&place).bearer(&admin.token).send().await.status, 204);
    register(31, &other.code).await.is_error(422, "invalid-body").points_to("/join_code");
    let mut last = register(32, "0123456789").await;
    for n in 33..200 {
        if last.status == 429 {
            break;
        }
        last = register(n, "0123456789").await;
    }
    last.is_error(429, "too-many-attempts");
}

#[tokio::test]
async fn pupils_without_an_e_mail_address_register_with_a_join_code() {
    let app = TestApp::start().await;
    let expires_at = app.core.now() + SignedDuration::from_hours(1);
    let new = NewCode { name: "Class 5a".into(), uses_max: 5, expires_at };
    let code = app.accounts.create_code(new).await.unwrap().code;
    let register = async |body: &Value| app.post("/api/v1/auth/register", body).send().await;
    for name in ["lea", "tom"] {
        let answer = register(&json!({ "username": name, "password": PASSWORD, "join_code": code })).await;
        assert_eq!((answer.status.as_u16(), answer.json.get("email")), (201, None), "{answer:?}");
        let login = json!({ "username": name, "password": PASSWORD });
        assert_eq!(app.post("/api/v1/auth/login", &login).send().await.status, 200);
    }
    let bad = register(&json!({ "username": "kim", "password": PASSWORD, "email": "", "join_code": code })).await;
    bad.is_error(422, "invalid-body").points_to("/email");
    let without_code = register(&json!({ "username": "kim", "password": PASSWORD })).await;
    without_code.is_error(422, "invalid-body").points_to("/email");
    let detail = "An e-mail address is required; with a join code, it is optional.";
    assert_eq!(without_code.json["errors"][0]["detail"], detail, "{without_code:?}");
}

#[tokio::test]
async fn probing_for_taken_names_with_a_join_code_is_limited() {
    let app = TestApp::with_settings(|s| {
        s.registration_open = false;
        s.login.registrations = Rate::new(2, Duration::from_hours(1), 2);
    })
    .await;
    let expires_at = app.core.now() + SignedDuration::from_hours(1);
    let code = app.accounts.create_code(NewCode { name: "a class".into(), uses_max: 9, expires_at }).await.unwrap();
    let register = async |name: &str, password: &str| {
        let body = json!({ "username": name, "email": format!("{name}@example.com"), "password": password, "join_code": code.code });
        app.post("/api/v1/auth/register", &body).at_address("203.0.113.7").send().await
    };
    for name in ["ann", "ben", "cem"] {
        assert_eq!(register(name, PASSWORD).await.status, 201);
    }
    register("ann", PASSWORD).await.is_error(409, "taken");
    register("deleted-0", PASSWORD).await.is_error(422, "invalid-body").points_to("/username");
    register("ben", PASSWORD).await.is_error(429, "too-many-attempts");
    assert_eq!(register("dora", PASSWORD).await.status, 201, "a successful registration is not charged");
}

#[tokio::test]
async fn users_are_imported_from_csv_and_set_their_passwords_with_links() {
    let app = TestApp::start().await;
    let (admin, taken) = (app.admin().await, app.user().await);
    let import = async |csv: String| {
        let call = app.request(Method::POST, "/api/v1/admin/users/import").header("content-type", "text/csv");
        call.raw(csv).bearer(&admin.token).send().await
    };
    let faulty = import("username,email\nok,\na b,\nok2,nowhere\n".into()).await;
    assert_eq!(faulty.is_error(422, "invalid-body").json["errors"][0]["pointer"], "/2", "a name is too short");
    assert_eq!(faulty.json["errors"].as_array().unwrap().len(), 3);
    let before = app.accounts.count_users().await.unwrap();
    let name = &taken.user.username;
    let done = import(format!("username,email,role\nzoe,zoe@example.com,author\nyan,,\n{name},,\nxia,,\n")).await;
    assert_eq!((done.status.as_u16(), done.header("content-type")), (200, "text/csv; charset=utf-8"), "{done:?}");
    assert_eq!(app.accounts.count_users().await.unwrap(), before + 3);
    let lines: Vec<Vec<&str>> = done.text.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(lines[0], ["username", "email", "status", "link", "expires_at"]);
    let last: Vec<_> = lines[1..].iter().map(|line| (line[0], line[2])).collect();
    assert_eq!(last, [("zoe", "created"), ("yan", "created"), (name.as_str(), "taken"), ("xia", "created")]);
    // Before the link is used, no password works.
    for password in ["!", "", PASSWORD] {
        log_in(&app, "yan", password).await.is_error(401, "wrong-credentials");
    }
    let token = lines[2][3].split_once("token=").unwrap().1;
    let body = json!({ "token": token, "password": ANOTHER });
    assert_eq!(app.post("/api/v1/auth/password/reset", &body).send().await.status, 204);
    let login = log_in(&app, "yan", ANOTHER).await;
    assert_eq!(me(&app, login.json["access_token"].as_str().unwrap()).await.json["email"], Value::Null);
    let zoe = app.accounts.find_user("zoe").await.unwrap().unwrap();
    assert_eq!((zoe.role, zoe.tier), (Role::Author, Tier::default()));
    // In a second import, users with a password or another address are reported as taken. All other users get new
    // links.
    let again = import("username,email\nzoe,ZOE@example.com\nyan,\nxia,xia@example.com\n".into()).await;
    let lines: Vec<Vec<&str>> = again.text.lines().map(|line| line.split(',').collect()).collect();
    let last: Vec<_> = lines[1..].iter().map(|line| (line[0], line[2])).collect();
    assert_eq!(last, [("zoe", "exists"), ("yan", "taken"), ("xia", "taken")]);
    assert_eq!(app.accounts.count_users().await.unwrap(), before + 3);
    let body = json!({ "token": lines[1][3].split_once("token=").unwrap().1, "password": ANOTHER });
    assert_eq!(app.post("/api/v1/auth/password/reset", &body).send().await.status, 204);
    log_in(&app, "zoe", ANOTHER).await;
    import("x".repeat((1 << 20) + 1)).await.is_error(413, "body-too-large");
}

/// URL of a submission's events with a ticket.
async fn ticket(app: &TestApp, user: &TestUser, submission: &str) -> String {
    let body = json!({ "submission_id": submission });
    let made = app.post("/api/v1/tickets", &body).bearer(&user.token).send().await;
    assert_eq!((made.status.as_u16(), made.header("cache-control")), (201, "no-store"), "{made:?}");
    made.json["url"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_ticket_opens_only_its_submissions_stream_and_only_once() {
    let app = TestApp::start().await;
    let (user, other) = (app.user().await, app.user().await);
    let submit = async || app.submit(&user, &json!({ "language": "python", "source_code": "x" })).await;
    let (id, second) = (submit().await, submit().await);
    app.complete(a_report()).await;
    app.complete(a_report()).await;
    let place = ticket(&app, &user, &id).await;
    // The ticket is invalid for other URLs, and trying them does not use it up.
    app.get(&place.replace(&id, &second)).send().await.is_error(401, "unauthorized");
    app.get(&place.replace("/events", "")).send().await.is_error(400, "invalid-parameter");
    // Another node also accepts the ticket.
    let node = app.node(cupel_cache::SharedCaches::in_memory(cupel_types::Bytes::mib(1)));
    let stream = node.get(&place).send().await;
    assert_eq!(stream.status, 200, "{stream:?}");
    assert_eq!(events_of(&stream.text).last().map(|(_, name, _)| &**name), Some("verdict"));
    app.get(&place).send().await.is_error(401, "unauthorized");
    app.get(&format!("/api/v1/execute/{id}/events?ticket=rubbish")).send().await.is_error(401, "unauthorized");
    let after = format!("{}&after={}", ticket(&app, &user, &id).await, events_of(&stream.text)[2].0);
    assert_eq!(events_of(&app.get(&after).send().await.text), events_of(&stream.text)[3..]);

    let body = json!({ "submission_id": id });
    app.post("/api/v1/tickets", &body).bearer(&other.token).send().await.is_error(404, "not-found");
    app.post("/api/v1/tickets", &body).send().await.is_error(401, "unauthorized");
    let bad = json!({ "submission_id": "x" });
    app.post("/api/v1/tickets", &bad).bearer(&user.token).send().await.is_error(422, "invalid-body");
}
