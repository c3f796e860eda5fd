//! Accounts: registration, sessions, API keys.

use axum::http::Method;
use cupel_core::accounts::{Role, Scope};
use cupel_http::TierRates;
use serde_json::{Value, json};

use crate::app::{PASSWORD, TestApp};

#[tokio::test]
async fn a_bad_registration_reports_all_errors() {
    let app = TestApp::start().await;
    let answer = app
        .post("/api/v1/auth/register", &json!({ "username": "a b", "email": "nowhere", "password": "short" }))
        .send()
        .await;
    answer.is_error(422, "invalid-body");
    let places: Vec<&str> =
        answer.json["errors"].as_array().unwrap().iter().map(|e| e["pointer"].as_str().unwrap()).collect();
    assert_eq!(places, ["/username", "/email", "/password"]);
    assert!(!answer.text.contains("short\""), "a password is never echoed");
    app.post("/api/v1/auth/register", &json!({ "username": "ada" }))
        .send()
        .await
        .is_error(422, "invalid-body")
        .points_to("/email");
    let extra = json!({ "username": "ada", "email": "ada@example.com", "password": PASSWORD, "role": "admin" });
    app.post("/api/v1/auth/register", &extra).send().await.is_error(422, "invalid-body").points_to("/role");
    assert_eq!(app.accounts.count_users().await.unwrap(), 0);
}

#[tokio::test]
async fn a_taken_name_or_address_is_a_conflict() {
    let app = TestApp::start().await;
    let new = |name: &str, email: &str| json!({ "username": name, "email": email, "password": PASSWORD });
    assert_eq!(app.post("/api/v1/auth/register", &new("ada", "ada@example.com")).send().await.status, 201);
    app.post("/api/v1/auth/register", &new("ADA", "other@example.com"))
        .send()
        .await
        .is_error(409, "taken")
        .points_to("/username");
    app.post("/api/v1/auth/register", &new("eve", "Ada@Example.com"))
        .send()
        .await
        .is_error(409, "taken")
        .points_to("/email");
}

#[tokio::test]
async fn a_refused_field_of_an_account_has_a_code() {
    let app = TestApp::start().await;
    let user = app.user().await;
    let name = &user.user.username;
    let good = json!({ "username": "ada", "email": "ada@example.com", "password": PASSWORD });
    for (field, value, code) in [
        ("username", json!("a b"), "bad-username"),
        ("username", json!("deleted-1"), "reserved-username"),
        ("username", json!(name), "taken"),
        ("email", json!("nowhere"), "bad-email"),
        ("email", json!(null), "missing"),
        ("email", json!(user.user.email), "taken"),
        ("password", json!("short"), "bad-password"),
        ("password", json!("ada@example.com"), "password-is-name"),
        ("join_code", json!("none"), "bad-join-code"),
    ] {
        let mut body = good.clone();
        body[field] = value;
        let answer = app.post("/api/v1/auth/register", &body).send().await;
        let error = &answer.json["errors"][0];
        assert_eq!((&error["pointer"], &error["code"]), (&json!(format!("/{field}")), &json!(code)), "{answer:?}");
    }
    let key = json!({ "name": "", "scopes": ["runs:read"] });
    let answer = app.post("/api/v1/auth/keys", &key).bearer(&user.token).send().await;
    assert_eq!(answer.json["errors"][0]["code"], "bad-name", "{answer:?}");
    let answer = app.post("/api/v1/auth/keys", &json!({ "name": 1 })).bearer(&user.token).send().await;
    assert_eq!(answer.json["errors"][0].get("code"), None, "a wrong type has no code: {answer:?}");
}

#[tokio::test]
async fn registration_can_be_closed() {
    let app = TestApp::with_settings(|s| s.registration_open = false).await;
    let new = json!({ "username": "ada", "email": "ada@example.com", "password": PASSWORD });
    app.post("/api/v1/auth/register", &new).send().await.is_error(403, "forbidden");
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_user_get_the_same_answer() {
    let app = TestApp::start().await;
    let user = app.user().await;
    let wrong = app
        .post("/api/v1/auth/login", &json!({ "email": user.user.email, "password": "wrong password" }))
        .header("x-request-id", "same")
        .send()
        .await;
    let unknown = app
        .post("/api/v1/auth/login", &json!({ "email": "nobody@example.com", "password": "wrong password" }))
        .header("x-request-id", "same")
        .send()
        .await;
    wrong.is_error(401, "wrong-credentials");
    assert_eq!((wrong.status, &wrong.json, &wrong.headers), (unknown.status, &unknown.json, &unknown.headers));
}

#[tokio::test]
async fn refreshing_extends_a_session_and_logging_out_ends_it() {
    let app = TestApp::start().await;
    let user = app.user().await;
    let login =
        app.post("/api/v1/auth/login", &json!({ "email": user.user.username, "password": PASSWORD })).send().await.json;
    let refresh = |token: &str| app.post("/api/v1/auth/refresh", &json!({ "refresh_token": token })).send();
    let by_name = json!({ "username": user.user.username, "password": PASSWORD });
    assert_eq!(app.post("/api/v1/auth/login", &by_name).send().await.status, 200);
    let next = refresh(login["refresh_token"].as_str().unwrap()).await;
    assert_eq!(
        (next.status.as_u16(), &next.json["token_type"], &next.json["expires_in"]),
        (200, &json!("Bearer"), &json!(3600))
    );
    let access = next.json["access_token"].as_str().unwrap();
    assert_eq!(app.get("/api/v1/auth/me").bearer(access).send().await.status, 200);

    assert_eq!(app.request(axum::http::Method::POST, "/api/v1/auth/logout").bearer(access).send().await.status, 204);
    app.get("/api/v1/auth/me").bearer(access).send().await.is_error(401, "unauthorized");
    refresh(next.json["refresh_token"].as_str().unwrap()).await.is_error(401, "unauthorized");
    refresh("rubbish").await.is_error(401, "unauthorized");
    assert_eq!(
        app.get("/api/v1/auth/me").bearer(&user.token).send().await.status,
        200,
        "the other session stays valid"
    );
}

#[tokio::test]
async fn a_reused_refresh_token_ends_the_session() {
    let app = TestApp::start().await;
    let user = app.user().await;
    let login =
        app.post("/api/v1/auth/login", &json!({ "email": user.user.email, "password": PASSWORD })).send().await.json;
    let refresh = |token: String| app.post("/api/v1/auth/refresh", &json!({ "refresh_token": token })).send();
    let first = login["refresh_token"].as_str().unwrap().to_owned();
    let tokens = refresh(first.clone()).await.json;
    let (second, access) = (tokens["refresh_token"].as_str().unwrap(), tokens["access_token"].as_str().unwrap());
    let me = |token: &str| app.get("/api/v1/auth/me").bearer(token).send();
    assert_eq!(me(access).await.status, 200, "the identity is now cached");
    refresh(first).await.is_error(401, "unauthorized");
    me(access).await.is_error(401, "unauthorized");
    refresh(second.to_owned()).await.is_error(401, "unauthorized");
    assert_eq!(me(&user.token).await.status, 200, "the other session stays valid");
}

/// The secret of the key `cup_<id>_<secret>_<checksum>`. It may contain `_`; the other parts do not.
pub(crate) fn secret_of(key: &str) -> &str {
    key.splitn(3, '_').nth(2).and_then(|rest| rest.rsplit_once('_')).unwrap().0
}

#[tokio::test]
async fn a_key_is_shown_once_and_works_until_it_is_revoked() {
    let app = TestApp::start().await;
    let (user, other) = (app.user().await, app.user().await);
    let made = app
        .post(
            "/api/v1/auth/keys",
            &json!({ "name": "ci", "scopes": ["runs:read"], "expires_at": "2999-01-01T00:00:00Z" }),
        )
        .bearer(&user.token)
        .send()
        .await;
    assert_eq!(made.status, 201, "{made:?}");
    let (text, id) = (made.json["api_key"].as_str().unwrap(), made.json["key"]["key_id"].as_str().unwrap());
    assert!(text.starts_with("cup_"));
    let me = app.get("/api/v1/auth/me").bearer(text).send().await;
    assert_eq!((me.status.as_u16(), &me.json["scopes"]), (200, &json!(["runs:read"])));

    let list = app.get("/api/v1/auth/keys").bearer(&user.token).send().await;
    assert_eq!(list.json["keys"][0]["name"], "ci");
    assert!(!list.text.contains(secret_of(text)), "the secret is not shown again");

    let place = format!("/api/v1/auth/keys/{id}");
    app.delete(&place).bearer(&other.token).send().await.is_error(404, "not-found");
    assert_eq!(app.delete(&place).bearer(&user.token).send().await.status, 204);
    let refused = app.get("/api/v1/auth/me").bearer(text).send().await;
    assert!(refused.is_error(401, "unauthorized").json["detail"].as_str().unwrap().contains("revoked"));
}

#[tokio::test]
async fn a_key_cannot_create_a_key_with_more_scopes() {
    let app = TestApp::start().await;
    let (user, admin) = (app.user().await, app.admin().await);
    let key = app.key(&user, &[Scope::Account, Scope::RunsRead]).await;
    let make = |scopes: Value, with: &str| {
        app.post("/api/v1/auth/keys", &json!({ "name": "x", "scopes": scopes })).bearer(with).send()
    };
    assert_eq!(make(json!(["runs:read"]), &key).await.status, 201);
    make(json!(["runs:read", "runs:write"]), &key).await.is_error(422, "invalid-body").points_to("/scopes");
    make(json!(["admin"]), &app.key(&admin, &[Scope::Account]).await)
        .await
        .is_error(422, "invalid-body")
        .points_to("/scopes");
    make(json!(["admin"]), &user.token).await.is_error(422, "invalid-body").points_to("/scopes");
    make(json!(["everything"]), &user.token).await.is_error(422, "invalid-body").points_to("/scopes/0");
    make(json!([]), &user.token).await.is_error(422, "invalid-body").points_to("/scopes");
    let past = app
        .post("/api/v1/auth/keys", &json!({ "name": "x", "expires_at": "2001-01-01T00:00:00Z" }))
        .bearer(&user.token)
        .send()
        .await;
    past.is_error(422, "invalid-body").points_to("/expires_at");
    app.request(axum::http::Method::POST, "/api/v1/auth/logout").bearer(&key).send().await.is_error(409, "conflict");
}

#[tokio::test]
async fn a_key_that_expires_cannot_create_a_key_that_is_valid_for_longer() {
    let app = TestApp::start().await;
    let user = app.user().await;
    let make = async |expires_at: Value, with: &str| {
        let body = json!({ "name": "x", "scopes": ["account"], "expires_at": expires_at });
        app.post("/api/v1/auth/keys", &body).bearer(with).send().await
    };
    let (earlier, end, later) = ("2998-01-01T00:00:00Z", "2999-01-01T00:00:00Z", "2999-01-01T00:00:00.001Z");
    let made = make(json!(end), &user.token).await;
    let key = made.json["api_key"].as_str().unwrap();
    for expires_at in [json!(null), json!(later)] {
        make(expires_at, key).await.is_error(422, "invalid-body").points_to("/expires_at");
    }
    for expires_at in [end, earlier] {
        assert_eq!(make(json!(expires_at), key).await.status, 201);
    }
    assert_eq!(make(json!(null), &user.token).await.status, 201, "a session may create lasting keys");
    let lasting = app.key(&user, &[Scope::Account]).await;
    assert_eq!(make(json!(null), &lasting).await.status, 201);
}

#[tokio::test]
async fn each_user_has_a_stable_webhook_secret() {
    let app = TestApp::start().await;
    let (user, other) = (app.user().await, app.user().await);
    let secret = async |token: &str| {
        app.get("/api/v1/auth/webhook-secret").bearer(token).send().await.json["webhook_secret"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let mine = secret(&user.token).await;
    assert!(mine.starts_with("whsec_") && mine.len() > 40);
    assert_eq!(mine, secret(&user.token).await);
    assert_ne!(mine, secret(&other.token).await);
}

async fn with_two_tiers() -> TestApp {
    TestApp::with_settings(|s| {
        s.tiers.insert("trusted".into(), TierRates::default());
    })
    .await
}

#[tokio::test]
async fn a_change_of_access_keeps_unnamed_fields() {
    let app = with_two_tiers().await;
    let admin = app.admin().await;
    for _ in 0..20 {
        let user = app.user().await;
        let change = |body: Value| {
            let place = format!("/api/v1/admin/users/{}", user.user.id);
            app.request(Method::PATCH, &place).json(&body).bearer(&admin.token).send()
        };
        let (role, tier) =
            tokio::join!(change(json!({ "role": "author" })), change(json!({ "tier": "trusted", "disabled": true })));
        assert_eq!((role.status.as_u16(), tier.status.as_u16()), (200, 200), "{role:?} {tier:?}");
        let now = app.accounts.user(user.user.id).await.unwrap().unwrap();
        assert_eq!((now.role, &*now.tier.0, now.disabled_at.is_some()), (Role::Author, "trusted", true));
    }
}

#[tokio::test]
async fn a_refused_change_of_access_changes_nothing() {
    let app = with_two_tiers().await;
    let admin = app.admin().await;
    let place = format!("/api/v1/admin/users/{}", admin.user.id);
    let body = json!({ "role": "user", "disabled": false, "tier": "trusted" });
    app.request(Method::PATCH, &place).json(&body).bearer(&admin.token).send().await.is_error(409, "conflict");
    let now = app.accounts.user(admin.user.id).await.unwrap().unwrap();
    assert_eq!((now.role, &*now.tier.0), (Role::Admin, "basic"));
}

#[tokio::test]
async fn a_session_shows_the_client_that_opened_it() {
    let app = TestApp::start().await;
    let user = app.user().await;
    let long = format!("Browser/1\t{}", "x".repeat(300));
    let login = json!({ "email": user.user.email, "password": PASSWORD });
    let answer = app.post("/api/v1/auth/login", &login).header("user-agent", &long).send().await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let session_list = app.get("/api/v1/auth/sessions").bearer(&user.token).send().await.json;
    let agents: Vec<_> =
        session_list["sessions"].as_array().unwrap().iter().map(|one| one["user_agent"].clone()).collect();
    let kept = format!("Browser/1{}", "x".repeat(191));
    assert_eq!(agents, [json!(kept), json!(null)], "newest first; 200 characters without control characters");
}
