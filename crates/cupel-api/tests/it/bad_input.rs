//! Tests of bad input: each error has the right status, type and pointer, and nothing is stored.

use cupel_core::Bounds;
use cupel_types::Bytes;
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};

use crate::app::TestApp;

/// A valid submission with changes.
fn with(changes: Value) -> Value {
    let mut body = json!({ "language": "python", "source_code": "print(1)" });
    for (key, value) in changes.as_object().unwrap() {
        if value.is_null() {
            body.as_object_mut().unwrap().remove(key);
        } else {
            body[key] = value.clone();
        }
    }
    body
}

fn small() -> Bounds {
    Bounds {
        source_bytes_max: Bytes::new(1000),
        files_max: 4,
        files_bytes_max: Bytes::new(2500),
        stdin_bytes_max: Bytes::new(500),
        args_max: 3,
        env_max: 3,
        args_env_bytes_max: Bytes::new(300),
        tests_max: 3,
        tests_bytes_max: Bytes::new(1000),
        batch_max: 4,
        ..Bounds::default()
    }
}

#[tokio::test]
async fn a_bad_submission_is_refused_with_type_and_pointer_and_nothing_is_stored() {
    let app = TestApp::with(|_| {}, small()).await;
    let user = app.user().await;
    let text = |n: usize| "x".repeat(n);
    let file = |path: &str| json!([{ "path": path, "content": "" }]);
    let table = [
        // what, code, pointer
        (with(json!({ "language": "pyton" })), "unknown-language", "/language"),
        (with(json!({ "language": "" })), "invalid-submission", "/language"),
        (with(json!({ "version": "99.9" })), "unknown-language", "/version"),
        (with(json!({ "language": "python@99.9" })), "unknown-language", "/language"),
        (with(json!({ "language": "pyton", "version": "3" })), "unknown-language", "/language"),
        (with(json!({ "language": "../../etc" })), "unknown-language", "/language"),
        (with(json!({ "language": text(5000) })), "unknown-language", "/language"),
        (with(json!({ "language": "haskell" })), "language-unavailable", "/language"),
        (with(json!({ "language": null })), "invalid-body", "/language"),
        (with(json!({ "language": 3 })), "invalid-body", "/language"),
        (with(json!({ "source_code": null })), "invalid-body", "/source_code"),
        (with(json!({ "source_code": "" })), "invalid-submission", "/source_code"),
        (
            with(json!({ "source_code": null, "files": [{ "path": "a.py", "content": "" }] })),
            "invalid-submission",
            "/files/0",
        ),
        (with(json!({ "source_code": ["x"] })), "invalid-body", "/source_code"),
        (with(json!({ "source_code": text(1001) })), "submission-too-large", "/source_code"),
        (with(json!({ "input": text(501) })), "submission-too-large", "/input"),
        (with(json!({ "stdin": text(501) })), "submission-too-large", "/stdin"),
        (with(json!({ "input": "1", "stdin": "1" })), "invalid-body", "/stdin"),
        (with(json!({ "input": "1", "stdin_base64": "MQ==" })), "invalid-body", "/stdin_base64"),
        (with(json!({ "stdin_base64": "!" })), "invalid-body", "/stdin_base64"),
        (with(json!({ "input": 1 })), "invalid-body", "/input"),
        (with(json!({ "sorce_code": "" })), "invalid-body", "/sorce_code"),
        (with(json!({ "files": "a.py" })), "invalid-body", "/files"),
        (with(json!({ "files": ["a.py"] })), "invalid-body", "/files/0"),
        (with(json!({ "files": [{ "path": "a.py" }] })), "invalid-body", "/files/0/content"),
        (
            with(json!({ "files": [{ "path": "a.py", "content_base64": "!" }] })),
            "invalid-body",
            "/files/0/content_base64",
        ),
        (with(json!({ "files": [{ "path": "a.py", "content": "", "mode": 755 }] })), "invalid-body", "/files/0/mode"),
        (with(json!({ "files": [{ "path": "a.py", "content": text(1001) }] })), "submission-too-large", "/files/0"),
        (with(json!({ "files": vec![json!({ "path": "a.py", "content": "" }); 9] })), "submission-too-large", "/files"),
        (with(json!({ "files": file("../a.py") })), "invalid-path", "/files/0/path"),
        (with(json!({ "files": file("/etc/passwd") })), "invalid-path", "/files/0/path"),
        (with(json!({ "files": file("a/../../b") })), "invalid-path", "/files/0/path"),
        (with(json!({ "files": file("a\u{0}b") })), "invalid-path", "/files/0/path"),
        (with(json!({ "files": file("a\\..\\b") })), "invalid-path", "/files/0/path"),
        (with(json!({ "files": file(&text(2000)) })), "invalid-path", "/files/0/path"),
        (with(json!({ "files": file("main.py") })), "invalid-path", "/files/0/path"),
        (
            with(json!({ "files": [{ "path": "a", "content": "" }, { "path": "a/b", "content": "" }] })),
            "invalid-path",
            "/files/1/path",
        ),
        (with(json!({ "args": ["a", "b", "c", "d"] })), "submission-too-large", "/args"),
        (with(json!({ "args": ["a\u{0}"] })), "invalid-submission", "/args/0"),
        (with(json!({ "args": [1] })), "invalid-body", "/args/0"),
        (with(json!({ "env": { "A=B": "" } })), "invalid-submission", "/env/A=B"),
        (with(json!({ "env": ["A"] })), "invalid-body", "/env"),
        (with(json!({ "limits": { "cpu_time_ms": -1 } })), "invalid-body", "/limits/cpu_time_ms"),
        (with(json!({ "limits": { "cpu_time_ms": 0 } })), "invalid-limit", "/limits/cpu_time_ms"),
        (with(json!({ "limits": { "cpu_time_ms": 86_400_000 } })), "invalid-limit", "/limits/cpu_time_ms"),
        (with(json!({ "limits": { "cpu_time_ms": 1.5 } })), "invalid-body", "/limits/cpu_time_ms"),
        (with(json!({ "limits": { "cpu_time_ms": "2000" } })), "invalid-body", "/limits/cpu_time_ms"),
        (with(json!({ "limits": { "memory_kb": u64::MAX } })), "invalid-limit", "/limits/memory_kb"),
        (with(json!({ "limits": { "memory_kb": 0 } })), "invalid-limit", "/limits/memory_kb"),
        (with(json!({ "limits": { "processes": 1_000_000 } })), "invalid-limit", "/limits/processes"),
        (with(json!({ "limits": { "processes": 1e300 } })), "invalid-body", "/limits/processes"),
        (with(json!({ "limits": { "output_kb": u64::MAX } })), "invalid-limit", "/limits/output_kb"),
        (with(json!({ "limits": { "memory_mb": 64 } })), "invalid-body", "/limits/memory_mb"),
        (with(json!({ "limits": [1] })), "invalid-body", "/limits"),
        (with(json!({ "priority": "urgent" })), "invalid-body", "/priority"),
        (with(json!({ "run_at": "tomorrow" })), "invalid-body", "/run_at"),
        (with(json!({ "run_at": "2999-01-01T00:00:00Z" })), "invalid-submission", "/run_at"),
        (with(json!({ "webhook": "ftp://example.com/" })), "invalid-webhook", "/webhook"),
        (with(json!({ "webhook": "http://user:pass@example.com/" })), "invalid-webhook", "/webhook"),
        (with(json!({ "cache": "yes" })), "invalid-body", "/cache"),
        (with(json!({ "tests": [{ "stdin": "", "expect": "" }] })), "invalid-body", "/tests/0/expect"),
        (with(json!({ "tests": vec![json!({ "stdin": "" }); 4] })), "submission-too-large", "/tests"),
        (with(json!({ "tests": [{ "name": "a" }, { "name": "a" }] })), "invalid-submission", "/tests/1/name"),
        (with(json!({ "tests": [{ "stdin": text(501) }] })), "submission-too-large", "/tests/0/stdin"),
        (with(json!({ "tests": [{ "stdin": "" }], "input": "1" })), "invalid-submission", "/input"),
        (with(json!({ "tests": [{ "stdin": "" }], "stdin": "1" })), "invalid-submission", "/stdin"),
        (with(json!({ "env": { "A": "", "B": "", "C": "", "D": "" } })), "submission-too-large", "/env"),
        (with(json!({ "limits": { "instructions": 1_000_000 } })), "invalid-limit", "/limits/instructions"),
        (with(json!({ "limits": { "instructions": 1.5 } })), "invalid-body", "/limits/instructions"),
        (with(json!({ "limits": { "address_space_kb": 1023 } })), "invalid-limit", "/limits/address_space_kb"),
        (with(json!({ "linker_args": ["a\u{0}"] })), "invalid-submission", "/linker_args/0"),
        (with(json!({ "interpreter_args": "-B" })), "invalid-body", "/interpreter_args"),
        (with(json!({ "limits": { "inodes": 0 } })), "invalid-limit", "/limits/inodes"),
        (with(json!({ "limits": { "inodes": u64::MAX } })), "invalid-limit", "/limits/inodes"),
    ];
    for (body, code, pointer) in table {
        let answer = app.post("/api/v1/execute", &body).bearer(&user.token).send().await;
        answer.is_error(422, code).points_to(pointer);
        assert!(answer.text.len() < 4000, "an answer does not echo the request: {}", answer.text.len());
    }
    assert_eq!(app.stored().await, 0);
    // Finally, submissions without an error are accepted. The bound on sources does not apply to other files.
    app.submit(&user, &with(json!({}))).await;
    app.submit(&user, &with(json!({ "files": [{ "path": "data.txt", "content": text(1001) }] }))).await;
    assert_eq!(app.stored().await, 2);
}

#[tokio::test]
async fn all_errors_are_reported_together() {
    let app = TestApp::with(|_| {}, small()).await;
    let user = app.user().await;
    let body = with(
        json!({ "language": "python", "files": [{ "path": "../x", "content": "x" }], "limits": { "cpu_time_ms": 0, "memory_kb": u64::MAX } }),
    );
    let answer = app.post("/api/v1/execute", &body).bearer(&user.token).send().await;
    answer.is_error(422, "invalid-submission");
    let places: Vec<&str> =
        answer.json["errors"].as_array().unwrap().iter().map(|e| e["pointer"].as_str().unwrap()).collect();
    assert_eq!(places, ["/files/0/path", "/limits/cpu_time_ms", "/limits/memory_kb"]);
}

#[tokio::test]
async fn an_unknown_language_or_field_gets_the_nearest_suggestion() {
    let app = TestApp::start().await;
    let user = app.user().await;
    for (body, suggestion) in [
        (with(json!({ "language": "pyton" })), "`python`"),
        (with(json!({ "time_limit": 1, "source_code": null })), "The fields are: "),
        (with(json!({ "limit": {} })), "`limits`"),
    ] {
        let answer = app.post("/api/v1/execute", &body).bearer(&user.token).send().await;
        assert!(answer.json["detail"].as_str().unwrap().contains(suggestion), "{}", answer.text);
    }
}

#[tokio::test]
async fn one_bad_submission_refuses_the_whole_batch() {
    let app = TestApp::with(|_| {}, small()).await;
    let user = app.user().await;
    let good = with(json!({}));
    for (batch, code, pointer) in [
        (json!([good, with(json!({ "language": "nope" })), good]), "unknown-language", "/submissions/1/language"),
        (json!([good, with(json!({ "source_code": null }))]), "invalid-body", "/submissions/1/source_code"),
        (
            json!([good, with(json!({ "limits": { "memory_kb": 0 } }))]),
            "invalid-limit",
            "/submissions/1/limits/memory_kb",
        ),
        (json!([good, 3]), "invalid-body", "/submissions/1"),
        (json!([]), "invalid-body", "/submissions"),
        (json!(vec![good.clone(); 5]), "submission-too-large", "/submissions"),
    ] {
        let answer =
            app.post("/api/v1/execute/batch", &json!({ "submissions": batch })).bearer(&user.token).send().await;
        answer.is_error(422, code).points_to(pointer);
        if pointer.starts_with("/submissions/1") {
            let detail = answer.json["detail"].as_str().unwrap();
            assert!(detail.contains("submissions[1]"), "the detail alone shows which submission is bad: {detail}");
        }
    }
    assert_eq!(app.stored().await, 0);
}

#[tokio::test]
async fn a_list_of_any_length_over_its_limit_is_refused_at_its_pointer() {
    let app = TestApp::with(|s| s.execute_body_bytes_max = 4 << 20, small()).await;
    let user = app.user().await;
    let many = |entry: &str| vec![entry; 300_000].join(",");
    let one =
        |field: &str, list: String| format!("{{\"language\":\"python\",\"source_code\":\"\",\"{field}\":{list}}}");
    let env: Vec<String> = (0..300_000).map(|i| format!("\"{i}\":\"\"")).collect();
    for (path, body, pointer, detail) in [
        ("", one("tests", format!("[{}]", many("{}"))), "/tests", "At most 3 tests."),
        ("", one("files", format!("[{}]", many("{\"path\":\"\"}")[..].trim())), "/files", "At most 4 files."),
        ("", one("args", format!("[{}]", many("\"\""))), "/args", "At most 3 arguments."),
        ("", one("env", format!("{{{}}}", env.join(","))), "/env", "At most 3 variables."),
        (
            "/batch",
            format!("{{\"submissions\":[{}]}}", vec!["{\"language\":\"\"}"; 100_000].join(",")),
            "/submissions",
            "At most 4 submissions.",
        ),
        (
            "/batch",
            format!("{{\"submissions\":[{},{}]}}", with(json!({})), one("tests", format!("[{}]", many("{}")))),
            "/submissions/1/tests",
            "At most 3 tests.",
        ),
    ] {
        let answer = app
            .request(axum::http::Method::POST, &format!("/api/v1/execute{path}"))
            .bearer(&user.token)
            .raw(body)
            .header("content-type", "application/json")
            .send()
            .await;
        answer.is_error(422, "submission-too-large").points_to(pointer);
        assert_eq!(answer.json["detail"], detail);
    }
}

#[tokio::test]
async fn a_batch_reports_its_first_hundred_errors_and_that_there_are_more() {
    let app = TestApp::start().await;
    let user = app.user().await;
    for bad in [with(json!({ "args": vec!["\u{0}"; 60] })), with(json!({ "files": vec![json!({ "path": "x" }); 60] }))]
    {
        let batch = json!({ "submissions": vec![bad; 50] });
        let answer = app.post("/api/v1/execute/batch", &batch).bearer(&user.token).send().await;
        assert_eq!(answer.status, 422);
        let errors = answer.json["errors"].as_array().unwrap();
        assert_eq!((errors.len(), &errors[100]["pointer"]), (101, &json!("/submissions/1")));
        assert!(errors[100]["detail"].as_str().unwrap().contains("first 100"), "{}", errors[100]);
    }
}

#[tokio::test]
async fn a_body_that_is_not_json_is_refused_with_line_and_column() {
    let app = TestApp::start().await;
    let user = app.user().await;
    let deep = format!("{{\"language\": \"python\", \"env\": {}1{}}}", "{\"a\":".repeat(5000), "}".repeat(5000));
    for (body, kind, status, code, detail) in [
        (b"{\"language\": ".to_vec(), "application/json", 400, "invalid-json", "line 1, column 13: it ends before"),
        (
            b"{\"language\": \"python\", \"source_code\": \"\"} {}".to_vec(),
            "application/json",
            400,
            "invalid-json",
            "there is data after the end of the JSON value",
        ),
        (
            b"{\n\n  \"language\" \"python\"}".to_vec(),
            "application/json",
            400,
            "invalid-json",
            "line 3, column 14: a colon is missing",
        ),
        (b"{\"language\": \"\xff\xfe\"}".to_vec(), "application/json", 400, "invalid-utf8", "byte 14"),
        (
            b"{\"language\": \"\\ud800\"}".to_vec(),
            "application/json",
            400,
            "invalid-json",
            "escape that encodes no character",
        ),
        (b"".to_vec(), "application/json", 400, "invalid-json", "it ends before"),
        (b"[]".to_vec(), "application/json", 422, "invalid-body", "The body must be an object, not a list."),
        (
            b"[\"python\", \"print(1)\"]".to_vec(),
            "application/json",
            422,
            "invalid-body",
            "The body must be an object, not a list.",
        ),
        (deep.into_bytes(), "application/json", 422, "invalid-body", "`env.a` must be a string, not an object."),
        (
            b"language=python".to_vec(),
            "application/x-www-form-urlencoded",
            415,
            "unsupported-media-type",
            "application/json",
        ),
        (b"{}".to_vec(), "text/plain", 415, "unsupported-media-type", "application/json"),
        (b"{}".to_vec(), "application/jsonx", 415, "unsupported-media-type", "application/json"),
    ] {
        let answer = app
            .request(axum::http::Method::POST, "/api/v1/execute")
            .bearer(&user.token)
            .raw(body)
            .header("content-type", kind)
            .send()
            .await;
        answer.is_error(status, code);
        assert!(answer.json["detail"].as_str().unwrap().contains(detail), "{}", answer.text);
    }
    let answer = app.request(axum::http::Method::POST, "/api/v1/execute").bearer(&user.token).raw("{}").send().await;
    answer.is_error(415, "unsupported-media-type");
    let answer = app
        .post("/api/v1/execute", &with(json!({})))
        .bearer(&user.token)
        .header("content-encoding", "gzip")
        .send()
        .await;
    answer.is_error(415, "unsupported-media-type");
    assert_eq!(app.stored().await, 0);
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_with_or_without_content_length() {
    let app = TestApp::with_settings(|s| {
        s.execute_body_bytes_max = 2000;
        s.body_bytes_max = 500;
    })
    .await;
    let user = app.user().await;
    let execute = |n: usize| with(json!({ "source_code": "x".repeat(n) }));
    app.post("/api/v1/execute", &execute(3000)).bearer(&user.token).send().await.is_error(413, "body-too-large");
    let pieces = execute(3000).to_string().into_bytes();
    let pieces: Vec<Result<Vec<u8>, std::io::Error>> = pieces.chunks(100).map(|c| Ok(c.to_vec())).collect();
    let body = axum::body::Body::from_stream(futures_util::stream::iter(pieces));
    let call = app
        .request(axum::http::Method::POST, "/api/v1/execute")
        .bearer(&user.token)
        .header("content-type", "application/json")
        .raw(body);
    call.send().await.is_error(413, "body-too-large");
    let login = json!({ "email": "x".repeat(600), "password": "" });
    app.post("/api/v1/auth/login", &login).send().await.is_error(413, "body-too-large");
    assert_eq!(app.stored().await, 0);
}

#[tokio::test]
async fn bad_parameters_and_headers_are_refused() {
    let app = TestApp::start().await;
    let user = app.user().await;
    let long = format!("/api/v1/execute?ids={}", vec!["x"; 101].join(","));
    for (path, code) in [
        ("/api/v1/submissions?page=0", "invalid-parameter"),
        ("/api/v1/submissions?page=-1", "invalid-parameter"),
        ("/api/v1/submissions?page=99999999999999999999", "invalid-parameter"),
        ("/api/v1/submissions?page=18446744073709551615", "invalid-parameter"),
        ("/api/v1/submissions?limit=0", "invalid-parameter"),
        ("/api/v1/submissions?limit=101", "invalid-parameter"),
        ("/api/v1/submissions?limit=ten", "invalid-parameter"),
        ("/api/v1/submissions?pages=1", "invalid-parameter"),
        ("/api/v1/execute?ids=", "invalid-parameter"),
        ("/api/v1/execute?ids=a", "invalid-parameter"),
        ("/api/v1/execute?ids=0199a4e2-c5d0-7f3e-8a51-0d4b7c1f2e3a,b", "invalid-parameter"),
        ("/api/v1/execute", "invalid-parameter"),
        (&long, "invalid-parameter"),
        ("/api/v1/execute/0199a4e2-c5d0-7f3e-8a51-0d4b7c1f2e3a?wait=-1", "invalid-parameter"),
        ("/api/v1/execute/0199a4e2-c5d0-7f3e-8a51-0d4b7c1f2e3a?wait=NaN", "invalid-parameter"),
        ("/api/v1/execute/0199a4e2-c5d0-7f3e-8a51-0d4b7c1f2e3a?wait=soon", "invalid-parameter"),
        ("/api/v1/execute/0199a4e2-c5d0-7f3e-8a51-0d4b7c1f2e3a?wait=1e999", "invalid-parameter"),
        ("/api/v1/execute/0199a4e2-c5d0-7f3e-8a51-0d4b7c1f2e3a/events?after=-1", "invalid-parameter"),
        ("/api/v1/execute/%ff", "invalid-utf8"),
    ] {
        app.get(path).bearer(&user.token).send().await.is_error(400, code);
    }
    let good = with(json!({}));
    for key in ["", "a b", &"x".repeat(256)] {
        let answer = app.post("/api/v1/execute", &good).bearer(&user.token).header("idempotency-key", key).send().await;
        answer.is_error(400, "invalid-header");
    }
    let events = "/api/v1/execute/0199a4e2-c5d0-7f3e-8a51-0d4b7c1f2e3a/events";
    app.get(events).bearer(&user.token).header("last-event-id", "x").send().await.is_error(400, "invalid-header");
    assert_eq!(app.stored().await, 0);
}

#[tokio::test]
async fn unknown_objects_and_those_of_other_users_look_the_same() {
    let app = TestApp::start().await;
    let (owner, other, admin) = (app.user().await, app.user().await, app.admin().await);
    let id = app.submit(&owner, &with(json!({}))).await;
    let strip = |answer: crate::app::Answer| {
        let mut json = answer.json.clone();
        answer.is_error(404, "not-found");
        json["request_id"].take();
        json
    };
    let unknown = "0199a4e2-c5d0-7f3e-8a51-0d4b7c1f2e3a";
    for below in ["", "/events", "?wait=5"] {
        let theirs = strip(app.get(&format!("/api/v1/execute/{id}{below}")).bearer(&other.token).send().await);
        let nobodys = strip(app.get(&format!("/api/v1/execute/{unknown}{below}")).bearer(&other.token).send().await);
        assert_eq!(theirs, nobodys);
    }
    let theirs = strip(app.delete(&format!("/api/v1/execute/{id}")).bearer(&other.token).send().await);
    assert_eq!(theirs, strip(app.delete(&format!("/api/v1/execute/{unknown}")).bearer(&other.token).send().await));
    let none = app.get(&format!("/api/v1/execute?ids={id}")).bearer(&other.token).send().await;
    assert_eq!((none.status.as_u16(), &none.json), (200, &json!({ "submissions": [] })));
    strip(app.get("/api/v1/execute/not-an-id").bearer(&other.token).send().await);

    assert_eq!(app.get(&format!("/api/v1/execute/{id}")).bearer(&admin.token).send().await.status, 200);
    let view = app.get(&format!("/api/v1/execute/{id}")).bearer(&owner.token).send().await.json;
    assert_eq!(view["status"], "queued", "another user's DELETE has not cancelled it");
}

#[tokio::test]
async fn one_user_cannot_fill_the_memory_with_endless_bodies() {
    let app = TestApp::with_settings(|s| {
        s.execute_body_bytes_max = 2000;
        s.bodies_of_user_bytes_max = 3000;
    })
    .await;
    let (user, other) = (app.user().await, app.user().await);
    let call = |user: &crate::app::TestUser, body: axum::body::Body| {
        app.request(axum::http::Method::POST, "/api/v1/execute")
            .bearer(&user.token)
            .header("content-type", "application/json")
            .raw(body)
    };
    // Two bodies that stop after 1,500 bytes without an end.
    let endless = || {
        axum::body::Body::from_stream(
            stream::iter([Ok::<_, std::io::Error>(vec![b' '; 1500])]).chain(stream::pending()),
        )
    };
    let held: Vec<_> = (0..2).map(|_| tokio::spawn(call(&user, endless()).send())).collect();
    tokio::time::timeout(std::time::Duration::from_secs(120), async {
        while call(&user, axum::body::Body::from("{}")).send().await.status != 429 {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("the third is refused");
    assert_eq!(app.post("/api/v1/execute", &with(json!({}))).bearer(&other.token).send().await.status, 202);
    for body in held {
        body.abort();
        assert!(body.await.is_err());
    }
    assert_eq!(app.post("/api/v1/execute", &with(json!({}))).bearer(&user.token).send().await.status, 202);
}

/// A resolver for some names. It blocks on `hangs.example` until the test drops the sender of the channel.
struct Names(std::sync::Mutex<std::sync::mpsc::Receiver<()>>);

impl cupel_core::Resolver for Names {
    fn addresses(&self, host: &str) -> std::io::Result<Vec<std::net::IpAddr>> {
        let all: &[&str] = match host {
            "public.example" => &["1.1.1.1", "2606:4700::1111"],
            "inside.example" => &["1.1.1.1", "10.0.0.7"],
            "loopback.example" => &["::1"],
            "hangs.example" => {
                let _ = self.0.lock().unwrap().recv();
                &["10.0.0.7"]
            }
            _ => return Err(std::io::Error::other("no such name")),
        };
        Ok(all.iter().map(|address| address.parse().unwrap()).collect())
    }
}

#[tokio::test]
async fn a_webhook_whose_name_resolves_to_a_private_address_is_refused_at_once() {
    let bounds = |webhooks_private| cupel_core::Bounds { webhooks_private, ..cupel_core::Bounds::default() };
    let submission =
        |host: &str| json!({ "language": "python", "source_code": "x", "webhook": format!("https://{host}/hook") });
    let (held, holds) = std::sync::mpsc::channel();
    let names = std::sync::Arc::new(Names(std::sync::Mutex::new(holds)));
    let app = TestApp::with(|_| {}, bounds(false)).await;
    let _ = app.core.clone().with_resolver(names.clone());
    let user = app.user().await;
    for (host, status) in [
        ("public.example", 202),
        ("INSIDE.example:8443", 422),
        ("loopback.example", 422),
        ("nowhere.example", 202),
        ("hangs.example", 202),
        ("1.1.1.1", 202),
    ] {
        let answer = app.post("/api/v1/execute", &submission(host)).bearer(&user.token).send().await;
        assert_eq!(answer.status, status, "{host}: {answer:?}");
        if status == 422 {
            let name = host.to_ascii_lowercase().replace(":8443", "");
            let detail = format!(
                "`{name}` resolves to a private or reserved address: webhooks are sent only to public addresses"
            );
            answer.is_error(422, "invalid-webhook").points_to("/webhook");
            assert!(answer.text.contains(&detail) && !answer.text.contains("10.0.0.7"), "{answer:?}");
        }
    }
    drop(held);
    let batch = json!({ "submissions": [submission("public.example"), submission("inside.example")] });
    let answer = app.post("/api/v1/execute/batch", &batch).bearer(&user.token).send().await;
    answer.is_error(422, "invalid-webhook").points_to("/submissions/1/webhook");

    let app = TestApp::with(|_| {}, bounds(true)).await;
    let _ = app.core.clone().with_resolver(names);
    let user = app.user().await;
    app.submit(&user, &submission("inside.example")).await;
}
