//! Who may do what: every operation of the document against every kind of caller, so that an endpoint that is
//! added without protection, or documented with another than it has, fails here.

use axum::http::Method;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use cupel_core::accounts::Scope;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::{Sha256, Sha384};

use crate::app::{SECRET, TestApp, TestUser};

const NO_ID: &str = "0199a4e2-c5d0-7f3e-8a51-0d4b7c1f2e3a";

struct Operation {
    method: Method,
    path: String,
    /// The scope the document names; `None`: open to everybody.
    scope: Option<Scope>,
}

fn operations() -> Vec<Operation> {
    let document: Value = serde_json::from_str(&cupel_api::openapi_json()).unwrap();
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let Ok(method) = method.to_uppercase().parse::<Method>() else { continue };
            let scope = operation["security"][0]["bearer"][0].as_str().map(|name| Scope::from_name(name).unwrap());
            let path = path
                .replace("{language_id}", "python")
                .replace("{submission_id}", NO_ID)
                .replace("{key_id}", NO_ID)
                .replace("{user_id}", NO_ID);
            operations.push(Operation { method, path, scope });
        }
    }
    operations
}

#[tokio::test]
async fn every_operation_lets_in_whom_it_says_and_nobody_else() {
    let app = TestApp::start().await;
    let operations = operations();
    assert!(operations.len() >= 18, "the document has all operations");
    let open: Vec<&str> = operations.iter().filter(|o| o.scope.is_none()).map(|o| &*o.path).collect();
    assert_eq!(
        open,
        [
            "/api/v1/auth/login",
            "/api/v1/auth/refresh",
            "/api/v1/auth/register",
            "/api/v1/languages",
            "/api/v1/languages/python"
        ]
    );

    for operation in operations {
        let Some(scope) = operation.scope else { continue };
        let name = format!("{} {}", operation.method, operation.path);
        // Without a body: whoever is let in fails later, with something that is not about who they are.
        let status = async |credential: Option<&str>| {
            let call = app.request(operation.method.clone(), &operation.path);
            let call = if let Some(credential) = credential { call.bearer(credential) } else { call };
            call.send().await.status.as_u16()
        };
        let (user, admin) = (app.user().await, app.admin().await);
        let keys = async |owner: &TestUser, with: bool| {
            let scopes: Vec<Scope> = Scope::ALL
                .into_iter()
                .filter(|s| (*s == scope) == with)
                .filter(|s| owner.user.role.as_str() == "admin" || *s != Scope::Admin)
                .collect();
            app.key(owner, &scopes).await
        };
        assert_eq!(status(None).await, 401, "{name}: nobody");
        assert_eq!(status(Some("rubbish")).await, 401, "{name}: rubbish");
        assert_eq!(
            status(Some(&keys(&admin, false).await)).await,
            403,
            "{name}: an administrator's key with every scope but this"
        );
        let for_admins = scope == Scope::Admin;
        assert_eq!(status(Some(&user.token)).await == 403, for_admins, "{name}: a user");
        if !for_admins {
            assert_eq!(status(Some(&keys(&user, false).await)).await, 403, "{name}: a user's key without the scope");
            let let_in = status(Some(&keys(&user, true).await)).await;
            assert!(![401, 403].contains(&let_in), "{name}: a user's key with only this scope: {let_in}");
        }
        let let_in = status(Some(&keys(&admin, true).await)).await;
        assert!(![401, 403].contains(&let_in), "{name}: an administrator's key with only this scope: {let_in}");
        let let_in = status(Some(&admin.token)).await;
        assert!(![401, 403].contains(&let_in), "{name}: an administrator: {let_in}");
    }
}

/// A token as a forger would make it: by hand, with any algorithm.
fn token<M: Mac + KeyInit>(algorithm: &str, user: &TestUser, change: impl FnOnce(&mut Value), secret: &[u8]) -> String {
    let payload = user.token.split('.').nth(1).unwrap();
    let mut claims: Value = serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap();
    change(&mut claims);
    let encode = |value: Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!("{}.{}", encode(json!({ "alg": algorithm, "typ": "JWT" })), encode(claims));
    let mac = <M as KeyInit>::new_from_slice(secret).unwrap().chain_update(&message).finalize().into_bytes();
    format!("{message}.{}", BASE64_URL_SAFE_NO_PAD.encode(mac))
}

#[tokio::test]
async fn forged_expired_and_unsigned_tokens_open_nothing() {
    let app = TestApp::start().await;
    let (user, admin) = (app.user().await, app.admin().await);
    let hs256 = |change: fn(&mut Value), secret: &[u8]| token::<Hmac<Sha256>>("HS256", &user, change, secret);
    let good = hs256(|_| {}, &SECRET);
    assert_eq!(app.get("/api/v1/auth/me").bearer(&good).send().await.status, 200, "the forger's tools work");

    let claims = user.token.split('.').nth(1).unwrap();
    let none = format!("{}.{claims}.", BASE64_URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"JWT"}"#));
    let stolen_identity = format!(
        "{}.{}.{}",
        user.token.split('.').next().unwrap(),
        admin.token.split('.').nth(1).unwrap(),
        user.token.split('.').nth(2).unwrap()
    );
    for (credential, reason) in [
        (none, "signed with `none`"),
        (token::<Hmac<Sha384>>("HS384", &user, |_| {}, &SECRET), "signed with `HS384`"),
        (hs256(|_| {}, b"guessed"), "not signed by this server"),
        (stolen_identity, "not signed by this server"),
        (hs256(|c| c["exp"] = json!(1_000_000_000), &SECRET), "expired"),
        (hs256(|c| c["aud"] = json!("another"), &SECRET), "another audience"),
        (hs256(|c| c["iss"] = json!("another"), &SECRET), "another issuer"),
        (hs256(|c| c["sid"] = json!(NO_ID), &SECRET), "session has ended"),
        ("cup_0199a4e2c5d07f3e8a510d4b7c1f2e3a_AAAA_000000".to_owned(), "no such API key"),
        ("cup_".to_owned(), "no such API key"),
        ("x".repeat(5000), "too long"),
    ] {
        let answer = app.get("/api/v1/auth/me").bearer(&credential).send().await;
        answer.is_problem(401, "unauthorized");
        assert!(answer.json["detail"].as_str().unwrap().contains(reason), "{} (wanted {reason})", answer.text);
        assert_eq!(answer.header("www-authenticate"), "Bearer realm=\"cupel\", error=\"invalid_token\"");
        assert!(
            !answer.text.contains(&credential[..credential.len().min(20)]) || credential == "cup_",
            "a credential is never echoed"
        );
    }
    for (header, reason) in [("Basic dXNlcjpwYXNz", "scheme"), ("Bearer", "malformed"), ("", "malformed")] {
        let answer = app.get("/api/v1/auth/me").header("authorization", header).send().await;
        assert!(
            answer.is_problem(401, "unauthorized").json["detail"].as_str().unwrap().contains(reason),
            "{}",
            answer.text
        );
    }
    let twice = app.get("/api/v1/auth/me").bearer(&user.token).bearer(&admin.token).send().await;
    twice.is_problem(401, "unauthorized");
    let none = app.get("/api/v1/auth/me").send().await;
    assert_eq!(none.is_problem(401, "unauthorized").header("www-authenticate"), "Bearer realm=\"cupel\"");
}

#[tokio::test]
async fn a_missing_scope_is_named() {
    let app = TestApp::start().await;
    let user = app.user().await;
    let key = app.key(&user, &[Scope::RunsRead]).await;
    let answer =
        app.post("/api/v1/execute", &json!({ "language": "python", "source_code": "" })).bearer(&key).send().await;
    answer.is_problem(403, "missing-scope");
    assert!(answer.json["detail"].as_str().unwrap().contains("`runs:write`"));
    assert!(answer.header("www-authenticate").contains("scope=\"runs:write\""));
    assert_eq!(app.stored().await, 0);
}

#[tokio::test]
async fn a_demotion_and_a_promotion_by_an_administrator_count_at_once() {
    let app = TestApp::start().await;
    let (chief, other) = (app.admin().await, app.user().await);
    let place = format!("/api/v1/admin/users/{}", other.user.id);
    app.get("/api/v1/admin/queue").bearer(&other.token).send().await.is_problem(403, "forbidden");
    let set =
        |role: &str| app.request(Method::PATCH, &place).json(&json!({ "role": role })).bearer(&chief.token).send();
    let answer = set("admin").await;
    assert_eq!(
        (answer.status.as_u16(), &answer.json["role"], &answer.json["tier"]),
        (200, &json!("admin"), &json!("basic"))
    );
    let queue = app.get("/api/v1/admin/queue").bearer(&other.token).send().await;
    assert_eq!(queue.status, 200);
    assert_eq!(
        (&queue.json["queued"], &queue.json["running"], &queue.json["oldest_queued_at"]),
        (&json!(0), &json!(0), &json!(null))
    );
    set("user").await;
    app.get("/api/v1/admin/queue").bearer(&other.token).send().await.is_problem(403, "forbidden");

    app.request(Method::PATCH, &place)
        .json(&json!({ "role": "king" }))
        .bearer(&chief.token)
        .send()
        .await
        .is_problem(422, "invalid-body")
        .points_to("/role");
    app.request(Method::PATCH, &place)
        .json(&json!({ "tier": "basics" }))
        .bearer(&chief.token)
        .send()
        .await
        .is_problem(422, "invalid-body")
        .points_to("/tier");
    let nobody = format!("/api/v1/admin/users/{NO_ID}");
    app.request(Method::PATCH, &nobody).json(&json!({})).bearer(&chief.token).send().await.is_problem(404, "not-found");
}

#[tokio::test]
async fn an_administrators_key_without_the_scope_sees_only_their_own() {
    let app = TestApp::start().await;
    let (admin, user) = (app.admin().await, app.user().await);
    let id = app.submit(&user, &json!({ "language": "python", "source_code": "" })).await;
    let (plain, full) =
        (app.key(&admin, &[Scope::RunsRead]).await, app.key(&admin, &[Scope::RunsRead, Scope::Admin]).await);
    let place = format!("/api/v1/execute/{id}");
    app.get(&place).bearer(&plain).send().await.is_problem(404, "not-found");
    assert_eq!(app.get(&place).bearer(&full).send().await.status, 200);
}
