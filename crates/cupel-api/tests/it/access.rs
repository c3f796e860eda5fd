//! Tests of authorisation: call every operation of the OpenAPI document as every kind of caller. The tests fail for an
//! endpoint without protection, or whose protection differs from the documented one.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::http::Method;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use cupel_core::accounts::Scope;
use cupel_core::cluster::{Order, WorkerBeat};
use cupel_core::rate_limit::Rate;
use cupel_languages::Pulling;
use cupel_problem::Visibility;
use cupel_types::WorkerId;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::{Sha256, Sha384};

use crate::app::{SECRET, TestApp, TestUser};

const NO_ID: &str = "0199a4e2-c5d0-7f3e-8a51-0d4b7c1f2e3a";

struct Operation {
    method: Method,
    path: String,
    /// Allowed callers, as documented.
    callers: String,
    /// The documented scope; `None`: no authentication is needed.
    scope: Option<Scope>,
}

/// The objects to which the operations are applied.
struct Objects {
    slug: String,
    submission: String,
    clarification: String,
}

fn operations(place: &Objects) -> Vec<Operation> {
    let document: Value = serde_json::from_str(cupel_api::openapi_json()).unwrap();
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let Ok(method) = method.to_uppercase().parse::<Method>() else { continue };
            let scope = operation["security"][0]["bearer"][0].as_str().map(|name| Scope::from_name(name).unwrap());
            let callers = operation["x-callers"].as_str().expect("every operation lists its callers").to_owned();
            let path = path
                .replace("{language_id}", "python")
                .replace("{submission_id}", &place.submission)
                .replace("{slug}", &place.slug)
                .replace("{clarification_id}", &place.clarification)
                .replace("{file}", "none")
                .replace("{version}", "1")
                .replace("{revision}", "1")
                .replace("{key_id}", NO_ID)
                .replace("{snippet_id}", "AAAAAAAAAAAAAAAAAAAAAA")
                .replace("{delivery_id}", NO_ID)
                .replace("{session_id}", NO_ID)
                .replace("{code_id}", NO_ID)
                .replace("{user_id}", NO_ID);
            operations.push(Operation { method, path, callers, scope });
        }
    }
    assert!(operations.len() >= 55, "the document has at least 55 operations");
    // Logging out ends the sessions that the other operations need, so it comes last.
    operations.sort_by_key(|operation| operation.path.ends_with("/logout"));
    operations
}

impl Operation {
    /// Status of the response with this credential. Ids, bodies and state are chosen so that an allowed call
    /// deletes nothing that later calls need.
    async fn status(&self, app: &TestApp, credential: Option<&str>) -> u16 {
        let call = app.request(self.method.clone(), &self.path);
        let call = match (self.method.as_str(), self.path.rsplit('/').next().unwrap()) {
            ("POST", "run" | "submissions") => call.json(&json!({ "language": "python", "source_code": "1" })),
            // Only a page of the site can open a guest.
            ("POST", "guest") => crate::session::from_the_site(call),
            ("POST", "announcements") => call.json(&json!({ "text": "!" })),
            ("PATCH", _) if self.path.contains("/clarifications/") => call.json(&json!({ "answer": "!" })),
            ("PATCH", _) => call.json(&json!({})),
            ("PUT", "package") => call.raw("no archive").header("content-type", "application/zip"),
            _ => call,
        };
        let call = match credential {
            Some(cookie) if cookie.starts_with("cupel_session=") => crate::session::from_the_site(call)
                .header("cookie", cookie)
                // A browser sends these with the handshake of a live connection.
                .header("host", "127.0.0.1:8080")
                .header("origin", "http://127.0.0.1:8080"),
            Some(credential) => call.bearer(credential),
            None => call,
        };
        call.send().await.status.as_u16()
    }

    fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

/// A problem of the author, and a submission to it by the author.
async fn place(app: &TestApp, author: &TestUser, visibility: Visibility) -> Objects {
    let files = [("solution/solution.md", Some("Print it.\n"))];
    let problem = app.problem_from(author, "echo", visibility, &files).await;
    let path = format!("/api/v1/problems/{problem}/submissions");
    let sent = app.post(&path, &json!({ "language": "python", "source_code": "x" })).bearer(&author.token).send().await;
    let submission = sent.json["submission_id"].as_str().unwrap_or_else(|| panic!("{sent:?}")).to_owned();
    let clarification = match visibility {
        Visibility::Draft => NO_ID.to_owned(),
        _ => contest(app, author, &problem).await,
    };
    Objects { slug: problem, submission, clarification }
}

/// A contest of the author with this problem, under the same slug, and a question about it.
async fn contest(app: &TestApp, author: &TestUser, problem: &str) -> String {
    let begun = cupel_core::Clock::now(&cupel_core::SystemClock) - jiff::SignedDuration::from_secs(1);
    let body = json!({
        "slug": problem, "title": "A contest", "style": "icpc", "starts_at": begun.to_string(), "length_seconds": 3600,
        "public": true, "problems": [problem],
    });
    let made = app.post("/api/v1/contests", &body).bearer(&author.token).send().await;
    assert_eq!(made.status, 201, "{made:?}");
    let participant = app.user().await;
    let path = format!("/api/v1/contests/{problem}");
    let body = json!({ "kind": "official" });
    app.post(&format!("{path}/participation"), &body).bearer(&participant.token).send().await;
    let asked = app
        .post(&format!("{path}/clarifications"), &json!({ "question": "?" }))
        .bearer(&participant.token)
        .send()
        .await;
    asked.json["clarification_id"].as_str().unwrap_or_else(|| panic!("{asked:?}")).to_owned()
}

#[tokio::test]
async fn every_operation_allows_exactly_its_documented_callers() {
    let many = Rate::new(1000, Duration::from_secs(3600), 1000);
    let app = TestApp::with_settings(|settings| settings.login.guests = many).await;
    let (user, admin) = (app.user().await, app.admin().await);
    let (author, other) = (app.author().await, app.author().await);
    let place = place(&app, &author, Visibility::Public).await;
    for operation in operations(&place) {
        let name = operation.name();
        let status = async |who: &TestUser| operation.status(&app, Some(&who.token)).await;
        let is_in = |status: u16| ![401, 403].contains(&status);
        let anonymous = operation.status(&app, None).await;
        assert_eq!(is_in(anonymous), operation.callers == "everybody", "{name}: anonymous: {anonymous}");
        if operation.callers != "everybody" {
            assert_eq!(anonymous, 401, "{name}");
        }
        // A new guest for each operation, because some of them end it.
        let code = operation.status(&app, Some(&crate::session::guest(&app).await)).await;
        let expects_guest = ["everybody", "guest"].contains(&operation.callers.as_str());
        assert_eq!(is_in(code), expects_guest, "{name}: a guest: {code}");
        assert!(expects_guest || code == 403, "{name}: a guest: {code}");
        let (expects_user, expects_author) = match operation.callers.as_str() {
            "everybody" | "guest" | "user" => (true, true),
            "author" | "owner" => (false, true),
            "admin" => (false, false),
            other => panic!("{name}: {other}?"),
        };
        // Refused callers get 403 if they lack the role, and 404 if the object belongs to another user.
        let code = status(&user).await;
        assert_eq!(code != 403, expects_user, "{name}: a user: {code}");
        let code = status(&other).await;
        assert_eq!(code != 403, expects_author, "{name}: the author of another problem: {code}");
        if operation.callers == "owner" {
            assert_eq!(code, 404, "{name}: the author of another problem");
        }
        for (who, person, is_admin) in [("the author", &author, false), ("an administrator", &admin, true)] {
            let code = status(person).await;
            assert_eq!(is_in(code), expects_author || is_admin, "{name}: {who}: {code}");
            assert!(operation.callers != "owner" || code != 404, "{name}: {who}: {code}");
        }
    }
}

/// A client can send a wrong credential to an operation for everybody, or exceed the rate limit of its address.
#[tokio::test]
async fn operations_for_everybody_document_refused_credentials_and_rate_limits() {
    let document: Value = serde_json::from_str(cupel_api::openapi_json()).unwrap();
    let once = Rate::new(1, Duration::from_secs(3600), 1);
    let app = TestApp::with_settings(|settings| settings.anonymous_reads = once).await;
    // This request uses up the only read of the address.
    assert_eq!(app.get("/api/v1/languages").send().await.status, 200);
    let mut uncharged = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, documented) in item.as_object().unwrap() {
            if documented["x-callers"] != "everybody" {
                continue;
            }
            let name = format!("{} {}", method.to_uppercase(), path.strip_prefix("/api/v1").unwrap());
            let code = |status: &str| {
                documented["responses"][status]["content"]["application/problem+json"]["example"]["code"].clone()
            };
            let path = path.replace(['{', '}'], "");
            let call = || app.request(method.to_uppercase().parse().unwrap(), &path);
            let refused = call().bearer("rubbish").send().await;
            let is_refused = refused.status == 401;
            assert!(!is_refused || !code("401").is_null(), "{name}: 401 is not documented");
            assert!(is_refused || code("401") != "unauthorized", "{name}: no credential is refused");
            let limited = call().send().await;
            let is_limited = limited.status == 429;
            assert!(!is_limited || !code("429").is_null(), "{name}: 429 is not documented");
            assert_eq!(is_refused, is_limited, "{name}: {refused:?} {limited:?}");
            if !is_limited {
                uncharged.push(name);
            }
        }
    }
    // These have other rate limits.
    let others = ["auth/login", "auth/password/reset", "auth/refresh", "auth/register", "session"];
    uncharged.sort();
    assert_eq!(uncharged, others.map(|path| format!("POST /{path}")), "all others charge a read");
}

/// What a visitor can do without an account is decided here, not where an operation is added.
#[tokio::test]
async fn guests_may_call_these_operations_and_no_others() {
    let document: Value = serde_json::from_str(cupel_api::openapi_json()).unwrap();
    let mut allowed = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            if operation["x-callers"] == "guest" {
                allowed.push(format!("{} {}", method.to_uppercase(), path.strip_prefix("/api/v1").unwrap()));
            }
        }
    }
    allowed.sort();
    assert_eq!(
        allowed,
        [
            "DELETE /execute/{submission_id}",
            "GET /execute",
            "GET /execute/{submission_id}",
            "GET /execute/{submission_id}/events",
            "GET /live",
            "GET /submissions/{submission_id}",
            "GET /submissions/{submission_id}/artifacts/{path}",
            "POST /execute",
            "POST /problems/{slug}/run",
            "POST /tickets",
        ]
    );
}

#[tokio::test]
async fn a_key_allows_exactly_the_operations_of_its_scopes() {
    let app = TestApp::start().await;
    let author = app.author().await;
    let place = place(&app, &author, Visibility::Public).await;
    for operation in operations(&place) {
        let Some(scope) = operation.scope else { continue };
        // A new user per operation, because the number of keys per user is limited.
        let admin = app.admin().await;
        let name = operation.name();
        let key = async |with: bool| {
            let scopes: Vec<Scope> = Scope::ALL.into_iter().filter(|s| (*s == scope) == with).collect();
            app.key(&admin, &scopes).await
        };
        assert_eq!(operation.status(&app, Some("rubbish")).await, 401, "{name}: rubbish");
        assert_eq!(operation.status(&app, Some(&key(false).await)).await, 403, "{name}: all scopes except this one");
        let code = operation.status(&app, Some(&key(true).await)).await;
        assert!(![401, 403].contains(&code), "{name}: only this scope: {code}");
    }
}

#[tokio::test]
async fn a_draft_is_visible_only_to_its_author_and_administrators() {
    let app = TestApp::start().await;
    let (user, admin) = (app.user().await, app.admin().await);
    let (author, other) = (app.author().await, app.author().await);
    let place = place(&app, &author, Visibility::Draft).await;
    let mut seen = 0;
    for operation in
        operations(&place).into_iter().filter(|o| o.path.starts_with(&format!("/api/v1/problems/{}", place.slug)))
    {
        let name = operation.name();
        for who in [None, Some(&user.token), Some(&other.token)] {
            let code = operation.status(&app, who.map(String::as_str)).await;
            assert!([401, 403, 404].contains(&code), "{name}: {code}");
            // A caller who may use the operation gets 404, because the draft is invisible to this caller.
            assert!(operation.callers != "everybody" || code == 404, "{name}: {code}");
        }
        // The author cannot delete the problem, because it has a submission.
        for who in [&author, &admin] {
            let code = operation.status(&app, Some(&who.token)).await;
            assert!(code != 403 && (code != 404 || operation.path.ends_with("/files/none")), "{name}: {code}");
        }
        seen += 1;
    }
    assert!(seen >= 12, "{seen}");
    let foreign = format!("/api/v1/submissions/{}", place.submission);
    app.get(&foreign).bearer(&other.token).send().await.is_error(404, "not-found");
    assert_eq!(app.get(&foreign).bearer(&admin.token).send().await.status, 200);
}

/// A forged token: built by hand, with any algorithm.
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
async fn forged_expired_and_unsigned_tokens_are_refused() {
    let app = TestApp::start().await;
    let (user, admin) = (app.user().await, app.admin().await);
    let hs256 = |change: fn(&mut Value), secret: &[u8]| token::<Hmac<Sha256>>("HS256", &user, change, secret);
    let good = hs256(|_| {}, &SECRET);
    assert_eq!(app.get("/api/v1/auth/me").bearer(&good).send().await.status, 200, "the test creates valid tokens");

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
        answer.is_error(401, "unauthorized");
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
            answer.is_error(401, "unauthorized").json["detail"].as_str().unwrap().contains(reason),
            "{}",
            answer.text
        );
    }
    let twice = app.get("/api/v1/auth/me").bearer(&user.token).bearer(&admin.token).send().await;
    twice.is_error(401, "unauthorized");
    let none = app.get("/api/v1/auth/me").send().await;
    assert_eq!(none.is_error(401, "unauthorized").header("www-authenticate"), "Bearer realm=\"cupel\"");
}

#[tokio::test]
async fn the_error_names_the_missing_scope() {
    let app = TestApp::start().await;
    let user = app.user().await;
    let key = app.key(&user, &[Scope::RunsRead]).await;
    let answer =
        app.post("/api/v1/execute", &json!({ "language": "python", "source_code": "x" })).bearer(&key).send().await;
    answer.is_error(403, "missing-scope");
    assert!(answer.json["detail"].as_str().unwrap().contains("`runs:write`"));
    assert!(answer.header("www-authenticate").contains("scope=\"runs:write\""));
    assert_eq!(app.stored().await, 0);
}

#[tokio::test]
async fn a_change_of_role_takes_effect_at_once() {
    let app = TestApp::start().await;
    let (chief, other) = (app.admin().await, app.user().await);
    // Found by user name, regardless of case.
    let found = app.get(&format!("/api/v1/admin/users?login={}", other.user.username.to_uppercase()));
    let found = found.bearer(&chief.token).send().await.json;
    assert_eq!(
        (&found["users"][0]["user_id"], &found["pagination"]["total"]),
        (&json!(other.user.id.to_string()), &json!(1))
    );
    let none = app.get("/api/v1/admin/users?login=nobody").bearer(&chief.token).send().await.json;
    assert_eq!((&none["users"], &none["pagination"]["total"]), (&json!([]), &json!(0)));
    let all = app.get("/api/v1/admin/users?limit=1").bearer(&chief.token).send().await.json;
    assert_eq!((all["users"].as_array().unwrap().len(), &all["pagination"]["total"]), (1, &json!(2)));
    let place = format!("/api/v1/admin/users/{}", other.user.id);
    app.get("/api/v1/admin/queue").bearer(&other.token).send().await.is_error(403, "forbidden");
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
    let workers = async || app.get("/api/v1/admin/workers").bearer(&other.token).send().await.json["workers"].clone();
    assert_eq!(workers().await, json!([]));
    let beat = WorkerBeat {
        id: WorkerId::from_uuid(uuid::Uuid::from_u128(7)),
        name: "lab".into(),
        version: "1.2.3".into(),
        slots: 4,
        busy: 1,
        judged_last_minute: 240,
        languages: BTreeMap::from([("python".parse().unwrap(), "3.11".into())]),
        libraries: BTreeMap::new(),
        pulling: [("course".parse().unwrap(), Pulling { failure: Some("the registry failed".to_owned()) })].into(),
        order: Order::Work,
    };
    app.core.beat(beat).await.unwrap();
    let worker = &workers().await[0];
    assert_eq!((&worker["name"], &worker["slots"], &worker["busy"]), (&json!("lab"), &json!(4), &json!(1)));
    assert_eq!((&worker["order"], &worker["languages"]), (&json!("work"), &json!(1)));
    assert_eq!(worker["judged_last_minute"], json!(240));
    assert_eq!(worker["pulling"], json!([{ "language_id": "course", "failure": "the registry failed" }]));
    let running = app.get("/api/v1/admin/running").bearer(&other.token).send().await;
    assert_eq!((running.status.as_u16(), &running.json), (200, &json!({ "running": [] })));
    set("user").await;
    for place in ["queue", "running"] {
        app.get(&format!("/api/v1/admin/{place}")).bearer(&other.token).send().await.is_error(403, "forbidden");
    }

    app.request(Method::PATCH, &place)
        .json(&json!({ "role": "king" }))
        .bearer(&chief.token)
        .send()
        .await
        .is_error(422, "invalid-body")
        .points_to("/role");
    app.request(Method::PATCH, &place)
        .json(&json!({ "tier": "basics" }))
        .bearer(&chief.token)
        .send()
        .await
        .is_error(422, "invalid-body")
        .points_to("/tier");
    let nobody = format!("/api/v1/admin/users/{NO_ID}");
    app.request(Method::PATCH, &nobody).json(&json!({})).bearer(&chief.token).send().await.is_error(404, "not-found");
}

#[tokio::test]
async fn an_administrators_key_without_the_admin_scope_sees_only_their_own_submissions() {
    let app = TestApp::start().await;
    let (admin, user) = (app.admin().await, app.user().await);
    let id = app.submit(&user, &json!({ "language": "python", "source_code": "x" })).await;
    let (plain, full) =
        (app.key(&admin, &[Scope::RunsRead]).await, app.key(&admin, &[Scope::RunsRead, Scope::Admin]).await);
    let place = format!("/api/v1/execute/{id}");
    app.get(&place).bearer(&plain).send().await.is_error(404, "not-found");
    assert_eq!(app.get(&place).bearer(&full).send().await.status, 200);
}

/// Regression: a user who was no author any more, and a key without the scope, read everything that an author reads.
#[tokio::test]
async fn an_authors_view_needs_the_role_and_for_a_key_the_scope() {
    let app = TestApp::start().await;
    let (author, user, admin) = (app.author().await, app.user().await, app.admin().await);
    app.problem(&author, "echo", Visibility::Public).await;
    app.problem(&author, "draft", Visibility::Draft).await;
    for (slug, is_public) in [("open", true), ("closed", false)] {
        let mut contest = crate::contests::a_contest(slug, -10);
        contest["public"] = json!(is_public);
        contest["freeze_seconds"] = json!(3600);
        assert_eq!(crate::contests::make(&app, &author, &contest).await.status, 201);
    }
    assert_eq!(crate::contests::take_part(&app, &user, "open", "official").await.status, 201);
    let question = json!({ "question": "Why?" });
    let asked = app.post("/api/v1/contests/open/clarifications", &question).bearer(&user.token).send().await;
    assert_eq!(asked.status, 201, "{asked:?}");
    let solution = json!({ "language": "python", "source_code": "print(input())" });
    let sent = app.post("/api/v1/problems/echo/submissions", &solution).bearer(&user.token).send().await;
    let submission = format!("submissions/{}", sent.json["submission_id"].as_str().unwrap());

    let view = async |credential: &str| {
        let get = |path: &str| app.get(&format!("/api/v1/{path}")).bearer(credential).send();
        let mut codes = Vec::new();
        for path in [
            "problems/echo/submissions?all=true",
            &submission,
            "problems/draft",
            "contests/open/standings?unfrozen=true",
            "contests/closed",
        ] {
            codes.push(get(path).await.status.as_u16());
        }
        let number = async |path: &str, list: &str| get(path).await.json[list].as_array().map(Vec::len);
        let numbers = [
            number("problems?mine=true", "problems").await,
            number("contests", "contests").await,
            number("contests/open/clarifications", "clarifications").await,
        ];
        (codes, numbers, get("contests/open").await.json["may_change"].clone())
    };
    let of_author = (vec![200; 5], [Some(2), Some(2), Some(1)], json!(true));
    let of_user = (vec![403, 404, 404, 403, 404], [Some(0), Some(1), Some(0)], json!(false));
    assert_eq!(view(&author.token).await, of_author);
    let runs = app.key(&author, &[Scope::RunsRead, Scope::RunsWrite]).await;
    let problems = app.key(&author, &[Scope::RunsRead, Scope::ProblemsWrite]).await;
    assert_eq!(view(&runs).await, of_user);
    assert_eq!(view(&problems).await, of_author);

    let place = format!("/api/v1/admin/users/{}", author.user.id);
    let demoted = app.request(Method::PATCH, &place).json(&json!({ "role": "user" })).bearer(&admin.token).send().await;
    assert_eq!(demoted.status, 200, "{demoted:?}");
    for credential in [&author.token, &problems] {
        assert_eq!(view(credential).await, of_user);
    }
}
