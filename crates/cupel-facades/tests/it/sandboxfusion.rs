//! Tests of the SandboxFusion facade: expected exchanges, one table per kind of response.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, header};
use cupel_core::accounts::{Scope, Tier};
use cupel_core::rate_limit::Rate;
use cupel_core::run::{HistoryFilter, RunState};
use cupel_core::{Assignment, AuthenticatedUser, Bounds};
use cupel_facades::Keyless;
use cupel_http::{Settings, TierRates};
use cupel_types::{
    BoxPath, Bytes, FetchedFile, LimitsRequest, Outcome, Output, RunReport, Signal, SubmissionKind, Verdict,
};
use serde_json::{Value, json};

use crate::app::{TestApp, TestSettings, compiled, compiler_exceeded, ended, not_compiled};

/// The JSON of a command's result.
fn command(status: &str, seconds: f64, return_code: Option<i32>, stdout: &str, stderr: &str) -> Value {
    json!({
        "status": status, "execution_time": seconds, "return_code": return_code, "stdout": stdout, "stderr": stderr,
    })
}

fn response(status: &str, message: &str, compile_result: Value, run_result: Value) -> Value {
    json!({
        "status": status, "message": message, "compile_result": compile_result, "run_result": run_result,
        "executor_pod_name": null, "files": {},
    })
}

#[tokio::test]
async fn the_outcome_of_a_program_is_in_a_200_response() {
    let app = TestApp::start(Keyless::Loopback).await;
    let finished = |code: i32| command("Finished", 0.015, Some(code), "out", "err");
    let timed_out = || command("TimeLimitExceeded", 0.015, None, "out", "err");
    let built = || command("Finished", 0.12, Some(0), "", "");
    let not_built = |code: i32, compiler_output: &str| command("Finished", 0.12, Some(code), "", compiler_output);
    let too_slow = |compiler_output: &str| command("TimeLimitExceeded", 0.12, None, "", compiler_output);
    let out_of_memory = "note\nthe compiler: limit exceeded";
    let ends = |outcome| ended(outcome, "out", "err");
    let segfault = Outcome::Signalled(Signal(11));
    let null = || Value::Null;
    let cases: Vec<(&str, RunReport, &str, Value, Value)> = vec![
        ("python", ends(Outcome::Exited(0)), "Success", null(), finished(0)),
        ("python", ends(Outcome::Exited(3)), "Failed", null(), finished(3)),
        ("python", ends(segfault), "Failed", null(), finished(-11)),
        ("python", ends(Outcome::WallLimit), "Failed", null(), timed_out()),
        ("python", ends(Outcome::TimeLimit), "Failed", null(), timed_out()),
        ("python", ends(Outcome::MemoryLimit), "Failed", null(), finished(-9)),
        ("python", ends(Outcome::OutputLimit), "Failed", null(), finished(-9)),
        ("cpp", compiled(ends(Outcome::Exited(0))), "Success", built(), finished(0)),
        ("cpp", compiled(ends(segfault)), "Failed", built(), finished(-11)),
        ("cpp", compiled(ends(Outcome::WallLimit)), "Failed", built(), timed_out()),
        ("cpp", not_compiled(Some(1), "error"), "Failed", not_built(1, "error"), null()),
        ("cpp", compiler_exceeded(Outcome::TimeLimit, "note"), "Failed", too_slow("note"), null()),
        ("cpp", compiler_exceeded(Outcome::WallLimit, ""), "Failed", too_slow(""), null()),
        ("cpp", compiler_exceeded(Outcome::MemoryLimit, "note"), "Failed", not_built(-9, out_of_memory), null()),
        // In a language without a compile step in the original, the run fails.
        ("python", compiler_exceeded(Outcome::WallLimit, ""), "Failed", null(), too_slow("")),
        // The compiler succeeded, but left too many files.
        ("cpp", not_compiled(Some(0), ""), "Failed", not_built(-9, ""), null()),
    ];
    for (language, report, status, compile, run) in cases {
        let verdict = report.verdict;
        let (answer, _) = app.judged(&json!({ "code": "x", "language": language }), report).await;
        let expected = response(status, "", compile, run);
        assert_eq!((answer.status, &answer.json), (200, &expected), "{language} {verdict:?}");
    }
    let body = json!({ "code": "x", "language": "cpp", "compile_timeout": 0.1 });
    for report in [compiled(ends(Outcome::Exited(0))), not_compiled(Some(1), "error")] {
        let (answer, _) = app.judged(&body, report).await;
        assert_eq!(answer.json["compile_result"]["status"], "TimeLimitExceeded", "it took 0.12 s");
        assert_eq!((&answer.json["status"], &answer.json["run_result"]), (&json!("Failed"), &Value::Null));
    }
    // The sandbox's shortest limit is 1 ms, within which this program has ended.
    let body = json!({ "code": "x", "language": "cpp", "run_timeout": 0 });
    let (answer, _) = app.judged(&body, compiled(ends(Outcome::Exited(0)))).await;
    let at_once = command("TimeLimitExceeded", 0.0, None, "", "");
    assert_eq!((&answer.json["status"], &answer.json["run_result"]), (&json!("Failed"), &at_once));
}

#[tokio::test]
async fn a_program_that_cannot_be_run_is_answered_without_a_run() {
    let app = TestApp::start(Keyless::Loopback).await;
    let missing = |program: &str| {
        command("Finished", 0.0, Some(127), "", &format!("/bin/bash: line 1: {program}: command not found\n"))
    };
    let exception = |error: &str| {
        response("SandboxError", &format!("exception on running code x: {error} None"), Value::Null, Value::Null)
    };
    let no_object = || {
        json!({
            "status": "Error", "execution_time": null, "return_code": 1, "stdout": null, "stderr": "Object name not found.",
        })
    };
    let too_large = "Python int too large to convert to C long";
    let mut not_started = command("Error", 0.0, None, "", too_large);
    for field in ["execution_time", "stdout"] {
        not_started[field] = Value::Null;
    }
    for (body, expected) in [
        (json!({ "language": "sql" }), exception("'sql'")),
        (json!({ "language": "julia" }), response("Failed", "", Value::Null, missing("julia"))),
        (
            json!({ "language": "scala", "code": "object Main {}" }),
            response("Failed", "", missing("scala"), Value::Null),
        ),
        (
            json!({ "language": "scala", "code": "// objects\nval object = 1" }),
            response("SandboxError", "Object name not found.", no_object(), Value::Null),
        ),
        (
            json!({ "language": "cpp", "compile_timeout": 0 }),
            response("Failed", "", command("TimeLimitExceeded", 0.0, None, "", ""), Value::Null),
        ),
        (
            json!({ "language": "python", "run_timeout": -1 }),
            response("Failed", "", Value::Null, command("TimeLimitExceeded", 0.0, None, "", "")),
        ),
        (
            json!({ "language": "python", "files": { "a": "abcde" } }),
            exception(
                "Invalid base64-encoded string: number of data characters (5) cannot be 1 more than a multiple of 4",
            ),
        ),
        (json!({ "language": "python", "files": { "": "" } }), exception("[Errno 21] Is a directory: ''")),
        (
            json!({ "language": "python", "files": { "../a": "" } }),
            exception("the path `../a` is outside of the working directory, which Cupel does not allow"),
        ),
        (
            json!({ "language": "python", "memory_limit_MB": 1_000_000_000_000_000_u64 }),
            response("SandboxError", too_large, Value::Null, not_started),
        ),
    ] {
        let mut sent = json!({ "code": "x" });
        sent.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
        let answer = app.run_code(&sent).await;
        assert_eq!((answer.status, &answer.json), (200, &expected), "{sent}");
    }
}

#[tokio::test]
async fn the_request_becomes_an_ordinary_submission() {
    let app = TestApp::start(Keyless::Loopback).await;
    let body = json!({
        "code": "print(1)", "language": "python", "stdin": "in", "run_timeout": 1.5, "memory_limit_MB": 64,
        "files": { "./a//b.txt": "YQ==", "main.py": "", "x": null, "IGNORE_THIS_FILE": "!" },
    });
    let (answer, assignment) = app.judged(&body, ended(Outcome::Exited(0), "", "")).await;
    assert_eq!(answer.json["status"], "Success");
    let submission = &assignment.leased.submission;
    let SubmissionKind::Program(program) = &submission.kind else { panic!("{submission:?}") };
    assert_eq!(program.source.language.as_str(), "python");
    let files: Vec<_> = program.source.files.iter().map(|file| (file.path.as_str(), &*file.data)).collect();
    assert_eq!(files[0], ("main_.py", &b"print(1)"[..]), "the code does not replace the client's file");
    assert!(files[1..].contains(&("a/b.txt", &b"a"[..])) && files[1..].contains(&("main.py", &b""[..])), "{files:?}");
    assert_eq!((files.len(), &*program.stdin), (3, &b"in"[..]));
    let LimitsRequest { cpu_time, wall_time, idle_time, memory, .. } = submission.limits;
    assert_eq!([cpu_time, wall_time, idle_time], [Some(Duration::from_millis(1500)); 3]);
    assert_eq!((memory, submission.owner), (Some(Bytes::mib(64)), app.account));
}

#[tokio::test]
async fn files_are_returned_under_the_paths_of_the_request() {
    let app = TestApp::start(Keyless::Loopback).await;
    let body = json!({
        "code": "x", "language": "python", "fetch_files": ["a.txt", "./a.txt", "b/c", "none", "../a", "/etc/passwd", ""],
    });
    let file = |path: &str, data: &[u8]| FetchedFile {
        path: BoxPath::new(path).unwrap(),
        content: Output { data: data.into(), truncated: false },
    };
    let files = vec![file("a.txt", b"a"), file("b/c", b"\xff\0")];
    // The response contains the file even if the program failed.
    let report = RunReport { files, ..ended(Outcome::Exited(1), "", "") };
    let (answer, assignment) = app.judged(&body, report).await;
    assert_eq!(answer.json["files"], json!({ "a.txt": "YQ==", "./a.txt": "YQ==", "b/c": "/wA=" }));
    let SubmissionKind::Program(program) = &assignment.leased.submission.kind else { panic!("it is a program") };
    let asked: Vec<&str> = program.fetch.iter().map(BoxPath::as_str).collect();
    assert_eq!(asked, ["a.txt", "b/c", "none"]);
}

#[tokio::test]
async fn a_file_that_was_read_in_part_or_cannot_exist_is_omitted() {
    let app = TestApp::start(Keyless::Loopback).await;
    let mut paths = vec!["whole".to_owned(), "part".to_owned()];
    let impossible = ["a\0b", "a\nb", "a\\b"].map(str::to_owned);
    paths.extend(impossible.into_iter().chain(["x".repeat(256), "x/".repeat(600) + "x"]));
    paths.extend(vec!["whole".to_owned(); 150]);
    let file = |path: &str, truncated: bool| FetchedFile {
        path: BoxPath::new(path).unwrap(),
        content: Output { data: b"a".as_slice().into(), truncated },
    };
    let files = vec![file("whole", false), file("part", true)];
    let body = json!({ "code": "x", "language": "python", "fetch_files": paths });
    let report = RunReport { files, ..ended(Outcome::Exited(0), "", "") };
    let (answer, assignment) = app.judged(&body, report).await;
    assert_eq!((&answer.json["status"], &answer.json["files"]), (&json!("Success"), &json!({ "whole": "YQ==" })));
    let SubmissionKind::Program(program) = &assignment.leased.submission.kind else { panic!("it is a program") };
    let asked: Vec<&str> = program.fetch.iter().map(BoxPath::as_str).collect();
    assert_eq!(asked, ["whole", "part"]);
}

#[tokio::test]
async fn two_paths_of_the_same_file_are_no_error() {
    let app = TestApp::start(Keyless::Loopback).await;
    let text = r#"{ "FIELDS", "files": { "./a": "YQ==", "a": "Yg==" } }"#;
    for (path, fields) in [("/run_code", r#""code": "x", "language": "python""#), ("/run_jupyter", r#""cells": []"#)] {
        let request = TestApp::request("POST", path, &text.replace("\"FIELDS\"", fields));
        let (_, assignment) = tokio::join!(app.send(request), app.complete(ended(Outcome::Exited(0), "", "")));
        let SubmissionKind::Program(program) = &assignment.leased.submission.kind else { panic!("it is a program") };
        let files: Vec<_> = program.source.files.iter().filter(|file| file.path.as_str() == "a").collect();
        assert_eq!((files.len(), &*files[0].data), (1, &b"b"[..]), "{path}");
    }
}

#[tokio::test]
async fn limits_for_which_a_request_has_no_field_are_the_languages_maxima() {
    let app = TestApp::start(Keyless::Loopback).await;
    let max = app.core.registry().find("python").unwrap().limits_max;
    for (path, body) in
        [("/run_code", json!({ "code": "x", "language": "python" })), ("/run_jupyter", json!({ "cells": [] }))]
    {
        let request = TestApp::request("POST", path, &body.to_string());
        let (_, assignment) = tokio::join!(app.send(request), app.complete(ended(Outcome::Exited(0), "", "")));
        let limits = assignment.leased.submission.limits;
        assert_eq!((limits.memory, limits.output), (Some(max.memory), Some(max.output)));
        assert_eq!((limits.processes, limits.open_files), (Some(max.processes), Some(max.open_files)));
        assert_eq!((limits.file_size, limits.disk), (Some(max.file_size), Some(max.disk)));
        assert_eq!(limits.inodes, Some(max.inodes));
    }
}

#[tokio::test]
async fn a_limit_is_clamped_to_the_languages_maximum_and_to_the_minimum() {
    let app = TestApp::start(Keyless::Loopback).await;
    let max = app.core.registry().find("python").unwrap().limits_max;
    for (timeout, memory, wall_time, bytes) in [
        (json!(1e9), json!(-1), max.wall_time, max.memory),
        (json!("inf"), json!(1_000_000_000), max.wall_time, max.memory),
        (json!(1e-9), json!(0), Duration::from_millis(1), max.memory),
        (json!(0.0002), json!(1), Duration::from_millis(1), Bytes::mib(1)),
    ] {
        let body = json!({ "code": "", "language": "python", "run_timeout": timeout, "memory_limit_MB": memory });
        let (_, assignment) = app.judged(&body, ended(Outcome::Exited(0), "", "")).await;
        let limits = assignment.leased.submission.limits;
        assert_eq!((limits.wall_time, limits.memory), (Some(wall_time), Some(bytes)), "{body}");
    }
}

#[tokio::test]
async fn every_validation_error_of_a_request_is_in_one_422_response() {
    let app = TestApp::start(Keyless::Loopback).await;
    let answer = app.run_code(&json!({ "language": "c", "run_timeout": "x" })).await;
    let kinds: Vec<&Value> = answer.json["detail"].as_array().unwrap().iter().map(|fault| &fault["type"]).collect();
    assert_eq!(
        (answer.status, kinds),
        (422, vec![&json!("float_parsing"), &json!("missing"), &json!("literal_error")])
    );
    assert_eq!(answer.headers[header::CONTENT_TYPE], "application/json");
}

#[tokio::test]
async fn pings_and_errors_have_the_shapes_of_fastapi() {
    let app = TestApp::start(Keyless::Loopback).await;
    for (method, path, status, body) in [
        ("GET", "/v1/ping", 200, json!("pong")),
        ("GET", "/ping", 200, json!("pong")),
        ("GET", "/run_code", 405, json!({ "detail": "Method Not Allowed" })),
        ("GET", "/docs", 404, json!({ "detail": "Not Found" })),
        ("GET", "/", 404, json!({ "detail": "Not Found" })),
        ("POST", "/v1/ping", 405, json!({ "detail": "Method Not Allowed" })),
        ("GET", "/nowhere", 404, json!({ "detail": "Not Found" })),
        ("POST", "/nonesuch", 404, json!({ "detail": "Not Found" })),
    ] {
        let answer = app.send(TestApp::request(method, path, "")).await;
        assert_eq!((answer.status, &answer.json), (status, &body), "{method} {path}");
    }
    for path in ["/run_code", "/run_code/", "/run_jupyter", "/submit", "/list_ids", "/get_metrics_function"] {
        for method in ["GET", "HEAD", "OPTIONS", "PUT"] {
            let answer = app.send(TestApp::request(method, path, "")).await;
            assert_eq!((answer.status, &answer.headers["allow"]), (405, &"POST".parse().unwrap()), "{method} {path}");
        }
    }
    // A slash at the end needs no redirect.
    let body = json!({ "code": "", "language": "sql" }).to_string();
    assert_eq!(app.send(TestApp::request("POST", "/run_code/", &body)).await.status, 200);
    let too_large = format!("\"{}\"", "x".repeat(17 << 20));
    let answer = app.send(TestApp::request("POST", "/run_code", &too_large)).await;
    assert_eq!((answer.status, answer.json["detail"].is_string()), (413, true));
}

#[tokio::test]
async fn a_key_is_needed_unless_the_client_is_on_this_machine() {
    let body = json!({ "code": "", "language": "sql" }).to_string();
    let from = |address: &str, header: Option<(&'static str, &str)>| {
        let mut request = TestApp::request("POST", "/run_code", &body);
        let address = std::net::SocketAddr::new(address.parse().unwrap(), 1);
        request.extensions_mut().insert(axum::extract::ConnectInfo(address));
        if let Some((name, value)) = header {
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        request
    };
    let app = TestApp::start(Keyless::Loopback).await;
    assert_eq!(app.send(from("127.0.0.1", None)).await.status, 200);
    assert_eq!(app.send(from("127.0.0.1", Some(("x-forwarded-for", "203.0.113.9")))).await.status, 401);
    let page = app.send(from("127.0.0.1", Some(("origin", "https://page.example")))).await;
    assert_eq!(page.status, 401, "a page in a browser on this machine needs a key");
    let refused = app.send(from("203.0.113.9", None)).await;
    assert_eq!((refused.status, refused.json["detail"].is_string()), (401, true));
    assert!(refused.headers[header::WWW_AUTHENTICATE].to_str().unwrap().starts_with("Bearer"));
    let bad = app.send(from("127.0.0.1", Some(("authorization", "Bearer cup_nonsense")))).await;
    assert_eq!(bad.status, 401, "an invalid key is refused even if no key is needed");

    let app = TestApp::start(Keyless::Nobody).await;
    assert_eq!(app.send(from("127.0.0.1", None)).await.status, 401);
    let app = TestApp::start(Keyless::Anyone).await;
    assert_eq!(app.send(from("203.0.113.9", None)).await.status, 200);
}

#[tokio::test]
async fn a_run_with_a_key_belongs_to_the_keys_owner() {
    let app = TestApp::start(Keyless::Loopback).await;
    let (owner, key) = app.key(&[Scope::RunsWrite]).await;
    let mut request = TestApp::request("POST", "/run_code", &json!({ "code": "", "language": "python" }).to_string());
    request.headers_mut().insert(header::AUTHORIZATION, format!("Bearer {key}").parse().unwrap());
    let (answer, assignment) = tokio::join!(app.send(request), app.complete(ended(Outcome::Exited(0), "", "")));
    assert_eq!((answer.status, assignment.leased.submission.owner), (200, owner));
}

/// The driver's result of a notebook with these outputs, which are JSON.
fn notebook(outcome: Outcome, outputs: &str) -> RunReport {
    let content = Output { data: outputs.as_bytes().into(), truncated: false };
    let file = FetchedFile { path: BoxPath::new(".jupyter-outputs.json").unwrap(), content };
    RunReport { files: vec![file], ..ended(outcome, "", "") }
}

#[tokio::test]
async fn the_cells_of_a_notebook_run_in_one_program() {
    let app = TestApp::start(Keyless::Loopback).await;
    let cell = json!({
        "stdout": "hi\n", "stderr": "", "display": [{ "text/plain": "42", "image/png": "cG5n" }],
        "error": [{ "ename": "E", "evalue": "v", "traceback": ["t"] }],
    });
    let cells = json!([cell]).to_string();
    let finished = |code: i32| command("Finished", 0.015, Some(code), "", "");
    let timed_out = command("TimeLimitExceeded", 0.015, None, "", "");
    let body =
        json!({ "cells": ["x = 1"], "files": { "data/a.txt": "YQ==" }, "fetch_files": ["b"], "total_timeout": 5 });
    let text = body.to_string();
    let missing = "the outputs of the cells are missing: a cell ended the process or removed their file";
    let changed = "the outputs of the cells are missing: a cell changed their file";
    let large = "the outputs of the cells are larger than the server keeps of a program's output";
    let mut truncated = notebook(Outcome::Exited(0), &cells);
    truncated.files[0].content.truncated = true;
    for (report, status, message, driver, cells) in [
        // A cell that raises an exception does not stop the others.
        (notebook(Outcome::Exited(0), &cells), "Success", "", finished(0), json!([cell])),
        (notebook(Outcome::Exited(1), &cells), "Failed", "", finished(1), json!([])),
        (notebook(Outcome::WallLimit, &cells), "Failed", "", timed_out, json!([])),
        // A cell ends the process or writes to the result file.
        (ended(Outcome::Exited(0), "", ""), "Failed", missing, finished(0), json!([])),
        (notebook(Outcome::Exited(0), "[{}]"), "Failed", changed, finished(0), json!([])),
        (truncated, "Failed", large, finished(0), json!([])),
    ] {
        let request = TestApp::request("POST", "/run_jupyter", &text);
        let (answer, assignment) = tokio::join!(app.send(request), app.complete(report));
        let expected = json!({
            "status": status, "message": message, "driver": driver, "cells": cells, "executor_pod_name": null, "files": {},
        });
        assert_eq!((answer.status, &answer.json), (200, &expected));
        let submission = &assignment.leased.submission;
        let SubmissionKind::Program(program) = &submission.kind else { panic!() };
        let sent: Value = serde_json::from_slice(&program.stdin).unwrap();
        assert_eq!(sent, json!({ "cells": ["x = 1"], "output": ".jupyter-outputs.json" }));
        let fetch: Vec<&str> = program.fetch.iter().map(BoxPath::as_str).collect();
        assert_eq!(fetch, [".jupyter-outputs.json", "b"]);
        let files: Vec<&str> = program.source.files.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(files, ["main.py", "data/a.txt"]);
        assert_eq!(submission.limits.wall_time, Some(Duration::from_secs(15)), "and 10 s for the start");
    }
}

#[tokio::test]
async fn a_notebook_is_validated_like_a_program() {
    let app = TestApp::start(Keyless::Loopback).await;
    for (body, kind, place) in [
        (json!({}), "missing", json!(["body", "cells"])),
        (json!({ "cells": "x" }), "list_type", json!(["body", "cells"])),
        (json!({ "cells": ["x", 1] }), "string_type", json!(["body", "cells", 1])),
        (json!({ "cells": [], "kernel": "r" }), "literal_error", json!(["body", "kernel"])),
        (json!({ "cells": [], "total_timeout": null }), "float_type", json!(["body", "total_timeout"])),
        (json!({ "cells": [], "files": { "a": null } }), "string_type", json!(["body", "files", "a"])),
        (json!({ "cells": [], "cell_timeout": "x" }), "float_parsing", json!(["body", "cell_timeout"])),
        (json!({ "cells": [], "memory_limit_MB": 0.5 }), "int_from_float", json!(["body", "memory_limit_MB"])),
        (json!({ "cells": [], "fetch_files": {} }), "list_type", json!(["body", "fetch_files"])),
    ] {
        let answer = app.send(TestApp::request("POST", "/run_jupyter", &body.to_string())).await;
        let found = &answer.json["detail"][0];
        assert_eq!((answer.status, &found["type"], &found["loc"]), (422, &json!(kind), &place), "{body}");
    }
    // The limits of a cell and of memory are accepted without effect.
    let body = json!({ "cells": [], "cell_timeout": 1, "memory_limit_MB": 1, "kernel": "python3" }).to_string();
    let request = TestApp::request("POST", "/run_jupyter", &body);
    let (_, assignment) = tokio::join!(app.send(request), app.complete(notebook(Outcome::Exited(0), "[]")));
    let limits = assignment.leased.submission.limits;
    let max = app.core.registry().find("python").unwrap().limits_max;
    assert_eq!((limits.wall_time, limits.memory), (Some(Duration::from_secs(55).min(max.wall_time)), Some(max.memory)));
    let outside = json!({ "cells": [], "files": { "../a": "YQ==" } }).to_string();
    let answer = app.send(TestApp::request("POST", "/run_jupyter", &outside)).await;
    assert_eq!((answer.status, &answer.json["status"]), (200, &json!("SandboxError")));
}

/// The body of a data-set request with one row.
fn data_set(config: Value, row: Value, others: Value) -> String {
    let mut config = config;
    config["provided_data"] = row;
    let mut body = json!({ "dataset": "mine", "id": 7, "config": config });
    body.as_object_mut().unwrap().extend(others.as_object().unwrap().clone());
    body.to_string()
}

fn common_oj() -> Value {
    json!({ "dataset_type": "CommonOJDataset", "language": "python" })
}

/// Reports of a program that prints this and exits.
fn prints(stdout: &str) -> RunReport {
    ended(Outcome::Exited(0), stdout, "")
}

fn stdin_of(run: &Assignment) -> &str {
    match &run.leased.submission.kind {
        SubmissionKind::Program(program) => std::str::from_utf8(&program.stdin).unwrap(),
        other => panic!("{other:?}"),
    }
}

/// Takes the runs of this number of cases, whose inputs are their numbers. The last case comes first, so that all of
/// them can be completed: when a case has failed, those after it are cancelled.
async fn last_case_first(app: &TestApp, cases: usize) -> Vec<Assignment> {
    let mut runs = Vec::new();
    for _ in 0..cases {
        runs.push(app.take_run().await);
    }
    runs.sort_by(|a, b| stdin_of(b).cmp(stdin_of(a)));
    runs
}

#[tokio::test]
async fn a_completion_is_tested_with_the_cases_of_the_request() {
    let app = TestApp::start(Keyless::Loopback).await;
    let case = |stdin: &str, stdout: &str| json!({ "input": { "stdin": stdin }, "output": { "stdout": stdout } });
    let cases = json!([case("1", "One\n"), case("2", "2"), case("3", "3")]);
    let completion = "It is:\n```python\nprint(input())\n```\n";
    for (test, extra, outputs, passed, accepted) in [
        (cases.clone(), json!({}), ["one", "2.000001", "3"], vec![true, true, true], true),
        (Value::from(cases.to_string()), json!({}), ["one", "x", "3"], vec![true, false], false),
        (cases.clone(), json!({ "run_all_cases": true }), ["one", "x", "3"], vec![true, false, true], false),
        (json!([]), json!({}), ["", "", ""], vec![], true),
    ] {
        let mut config = common_oj();
        config["extra"] = extra;
        let is_empty = test == json!([]);
        let body = data_set(config, json!({ "id": 7, "test": test }), json!({ "completion": completion }));
        let request = app.send(TestApp::request("POST", "/submit", &body));
        // Three cases run at a time.
        let judged = async {
            for run in last_case_first(&app, if is_empty { 0 } else { 3 }).await {
                assert_eq!(run.leased.submission.limits.wall_time, Some(Duration::from_secs(20)));
                let number: usize = stdin_of(&run).parse().unwrap();
                assert!(app.core.complete(&run, prints(outputs[number - 1]), Vec::new()).await.unwrap());
            }
        };
        let (answer, ()) = tokio::join!(request, judged);
        assert_eq!(answer.status, 200, "{}", answer.text);
        let found: Vec<bool> =
            answer.json["tests"].as_array().unwrap().iter().map(|test| test["passed"].as_bool().unwrap()).collect();
        assert_eq!((found, &answer.json["accepted"]), (passed, &json!(accepted)));
        assert_eq!(answer.json["extracted_code"], "print(input())");
        assert_eq!((&answer.json["extracted_type"], &answer.json["id"]), (&json!("fenced"), &json!(7)));
        if let Some(test) = answer.json["tests"].get(0) {
            assert_eq!((&test["exec_info"]["status"], &test["test_info"]), (&json!("Success"), &case("1", "One\n")));
        }
    }
}

/// A server with this rate limit of submissions, a key, and requests with this key.
async fn with_rate(rate: Rate) -> (TestApp, impl Fn(&str, &str) -> Request<Body>) {
    let mut settings = TestSettings::default();
    let rates = TierRates { submissions: rate, ..TierRates::default() };
    settings.http.tiers.insert(Tier::BASIC.to_owned(), rates);
    let app = TestApp::start_with(Keyless::Loopback, settings).await;
    let (_, key) = app.key(&[Scope::RunsWrite]).await;
    let request = move |path: &str, body: &str| {
        let mut request = TestApp::request("POST", path, body);
        request.headers_mut().insert(header::AUTHORIZATION, format!("Bearer {key}").parse().unwrap());
        request
    };
    (app, request)
}

/// A request with this number of cases.
fn of_cases(cases: usize) -> String {
    let test = vec![json!({ "input": { "stdin": "" }, "output": { "stdout": "1" } }); cases];
    data_set(common_oj(), json!({ "id": 7, "test": test }), json!({ "completion": "```python\nx\n```" }))
}

#[tokio::test]
async fn the_cases_that_run_when_a_case_has_failed_are_cancelled() {
    let case = |stdin: &str| json!({ "input": { "stdin": stdin }, "output": { "stdout": "1" } });
    let test = ["0", "1", "2", "3", "4"].map(case);
    let body = data_set(common_oj(), json!({ "id": 7, "test": test }), json!({ "completion": "```python\nx\n```" }));
    // With an idempotency key, a repeated request gets the results of the cases that run.
    for (key, are_cancelled) in [(None, true), (Some("once"), false)] {
        let app = TestApp::start(Keyless::Loopback).await;
        let mut request = TestApp::request("POST", "/submit", &body);
        if let Some(key) = key {
            request.headers_mut().insert("idempotency-key", key.parse().unwrap());
        }
        let judged = async {
            let mut running = last_case_first(&app, 3).await;
            let first = running.pop().unwrap();
            assert!(app.core.complete(&first, prints("wrong"), Vec::new()).await.unwrap());
            running
        };
        let (answer, others) = tokio::join!(app.send(request), judged);
        assert_eq!((answer.status, answer.json["tests"].as_array().map(Vec::len)), (200, Some(1)), "{}", answer.text);
        let viewer = AuthenticatedUser::of(app.account);
        for other in others {
            let record = app.core.submission(&viewer, other.leased.submission.id).await.unwrap().unwrap();
            assert_eq!(matches!(record.state, RunState::Cancelled { .. }), are_cancelled, "{:?}", record.state);
        }
        let all = app.core.history_count(&viewer, HistoryFilter::of(app.account)).await.unwrap();
        assert_eq!(all, 3, "no further case has begun");
    }
}

#[tokio::test]
async fn cases_beyond_the_rate_limit_wait_and_other_requests_are_refused() {
    let (app, request) = with_rate(Rate::per_minute(600, 2)).await;
    let begun = std::time::Instant::now();
    let judged = async {
        for _ in 0..12 {
            app.complete(prints("1")).await;
        }
    };
    let (answer, ()) = tokio::join!(app.send(request("/submit", &of_cases(12))), judged);
    assert_eq!((answer.status, &answer.json["accepted"]), (200, &json!(true)), "{}", answer.text);
    assert_eq!(answer.json["tests"].as_array().unwrap().len(), 12);
    assert!(begun.elapsed() >= Duration::from_millis(950), "two cases at once, then ten in a second");

    let (app, request) = with_rate(Rate::per_minute(1, 1)).await;
    let program = json!({ "code": "", "language": "python" }).to_string();
    let (answer, _) = tokio::join!(app.send(request("/run_code", &program)), app.complete(prints("")));
    assert_eq!(answer.status, 200);
    assert_eq!(app.send(request("/run_code", &program)).await.status, 429);
    let stop = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        app.shutdown.cancel();
    };
    let (answer, ()) = tokio::join!(app.send(request("/submit", &of_cases(1))), stop);
    assert_eq!(answer.status, 429, "a shutdown ends the wait");
}

/// Regression: the cases of a request went on for up to an hour.
#[tokio::test]
async fn no_further_case_begins_after_the_key_was_revoked() {
    let app = TestApp::start(Keyless::Nobody).await;
    let (user, key) = app.key(&[Scope::RunsWrite]).await;
    let mut request = TestApp::request("POST", "/submit", &of_cases(12));
    request.headers_mut().insert(header::AUTHORIZATION, format!("Bearer {key}").parse().unwrap());
    let judged = async {
        let running = [app.take_run().await, app.take_run().await, app.take_run().await];
        let id = app.accounts.keys(user).await.unwrap()[0].id;
        assert!(app.accounts.revoke_key(user, id).await.unwrap());
        for run in running {
            // The first refusal ends the request, which cancels the others.
            app.core.complete(&run, prints("1"), Vec::new()).await.unwrap();
        }
    };
    let (answer, ()) = tokio::join!(app.send(request), judged);
    assert_eq!(answer.status, 401, "{}", answer.text);
    let viewer = AuthenticatedUser::of(user);
    assert_eq!(app.core.history_count(&viewer, HistoryFilter::of(user)).await.unwrap(), 3);
}

#[tokio::test]
async fn a_completion_is_inserted_into_a_test_that_passes_if_it_exits_with_0() {
    let app = TestApp::start(Keyless::Loopback).await;
    let labels = json!({ "programming_language": "python", "execution_language": "jest" });
    let labels_python = json!({ "programming_language": "python", "execution_language": "python" });
    let test = json!({ "code": "#<INSERT>\nassert f() == 1\n", "asset": { "a.txt": "YQ==" } });
    let row = json!({ "id": 7, "labels": labels_python.to_string(), "test": test.to_string() });
    let completion = json!({ "completion": "```py\ndef f(): return 1\n```" });
    let body = data_set(json!({ "dataset_type": "AutoEvalDataset" }), row, completion.clone());
    for (outcome, accepted) in [(Outcome::Exited(0), true), (Outcome::Exited(1), false)] {
        let request = TestApp::request("POST", "/submit", &body);
        let (answer, assignment) = tokio::join!(app.send(request), app.complete(ended(outcome, "", "")));
        let full = "def f(): return 1\nassert f() == 1\n";
        assert_eq!((&answer.json["accepted"], &answer.json["full_code"]), (&json!(accepted), &json!(full)));
        let SubmissionKind::Program(program) = &assignment.leased.submission.kind else { panic!() };
        let files: Vec<&str> = program.source.files.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(files, ["main.py", "a.txt"]);
    }
    let row = json!({ "id": 7, "labels": labels, "test": test });
    let body = data_set(json!({ "dataset_type": "AutoEvalDataset" }), row, completion);
    let answer = app.send(TestApp::request("POST", "/submit", &body)).await;
    assert_eq!((answer.status, &answer.json["accepted"]), (200, &json!(false)), "jest is not installed");
}

/// The body of a request with a row of `AutoEvalDataset`. `fields`: those of `config`, `labels` and `test`.
fn auto_eval(completion: &str, [fields, labels, test]: [Value; 3]) -> String {
    let mut config = json!({ "dataset_type": "AutoEvalDataset" });
    config.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    data_set(config, json!({ "id": 7, "labels": labels, "test": test }), json!({ "completion": completion }))
}

/// The text of a program's main file, and its other files by path.
fn files_of(assignment: &cupel_core::Assignment) -> (String, Vec<(String, String)>) {
    let SubmissionKind::Program(program) = &assignment.leased.submission.kind else { panic!("it is a program") };
    let text = |data: &[u8]| String::from_utf8_lossy(data).into_owned();
    let mut files = program.source.files.iter().map(|file| (file.path.as_str().to_owned(), text(&file.data)));
    let main = files.next().unwrap().1;
    (main, files.collect())
}

/// Each row: the completion; fields of `config`, `labels` and `test`; and the program that runs.
#[tokio::test]
async fn the_program_of_a_test_is_assembled_as_in_the_original() {
    let app = TestApp::start(Keyless::Loopback).await;
    let python = || json!({ "programming_language": "python" });
    let of = |language: &str| json!({ "programming_language": language });
    let test = || json!({ "code": "assert f() == 1" });
    let function = "```python\ndef f(): return 1\n```";
    let main = "```\ndef f(): return 1\n\nif __name__ == \"__main__\":\n    input()\n```";
    let single = "```\ndef f(): return 1\n\nif __name__ == '__main__':\n    input()\n```";
    let cpp = "```cpp\nint f() { return 1; }\nint main() { return f(); }\n```";
    let cpp_test = json!({ "code": "#<INSERT>\nint main() { return f() - 1; }" });
    let go = "```go\npackage main\nimport \"fmt\"\nfunc f() { fmt.Println() }\n```";
    let go_test = json!({ "code": "package main\nimport (\n\"fmt\"\n\"os\"\n)\nfunc main() { f() }" });
    let go_program =
        "package main\n\nimport \"fmt\"\nimport \"os\"\n\n\nfunc f() { fmt.Println() }\nfunc main() { f() }";
    let quoted = json!({ "extra": { "repr_code": true } });
    let in_string = json!({ "code": "exec(#<INSERT>)" });
    let blocks = "```sh\na\n```\n```python\nb\n```";
    let extra = |field: &str, value: Value| json!({ "extra": { field: value } });
    let nothing = || json!({});
    for (completion, parts, program) in [
        // Without a mark, the test follows the code.
        (function, [nothing(), python(), test()], "def f(): return 1\nassert f() == 1"),
        (main, [nothing(), python(), test()], "def f(): return 1\nassert f() == 1"),
        (single, [nothing(), python(), test()], "def f(): return 1\n\n\nassert f() == 1"),
        (cpp, [nothing(), of("cpp"), cpp_test], "int f() { return 1; }\nint main() { return f() - 1; }"),
        (go, [nothing(), of("go"), go_test], go_program),
        (function, [quoted.clone(), python(), in_string], "exec('def f(): return 1')"),
        (function, [quoted, python(), json!({ "code": "x" })], "'def f(): return 1'\nx"),
        // The first block counts, in any language.
        (blocks, [nothing(), python(), json!({ "code": "x" })], "a\nx"),
        (blocks, [extra("autoeval_extract_code_mode", json!("all")), python(), json!({ "code": "x" })], "a\n\nb\nx"),
        (blocks, [extra("code_block_idx", json!(-1)), python(), json!({ "code": "x" })], "b\nx"),
        (blocks, [extra("code_block_idx", json!(true)), python(), json!({ "code": "x" })], "b\nx"),
        (blocks, [extra("code_block_idx", json!("1")), python(), json!({ "code": "x" })], "\nx"),
        // A second mark ends the test.
        (function, [nothing(), python(), json!({ "code": "a #<INSERT> b #<INSERT> c" })], "a def f(): return 1 b "),
        // The text of a column may contain control characters.
        (function, [nothing(), python(), json!("{\"code\": \"#<INSERT>\nx\"}")], "def f(): return 1\nx"),
        ("No code.", [nothing(), python(), test()], "\nassert f() == 1"),
    ] {
        let body = auto_eval(completion, parts);
        let request = TestApp::request("POST", "/submit", &body);
        let (answer, assignment) = tokio::join!(app.send(request), app.complete(compiled(prints(""))));
        assert_eq!((answer.status, &answer.json["accepted"]), (200, &json!(true)), "{body}: {}", answer.text);
        assert_eq!(files_of(&assignment).0, program, "{body}");
        assert_eq!(answer.json["full_code"], program, "{body}");
    }
}

#[tokio::test]
async fn a_test_has_its_own_default_time_limits_and_its_files_may_be_json_text() {
    let app = TestApp::start(Keyless::Loopback).await;
    let labels = json!({ "programming_language": "cpp", "execution_language": null });
    for (fields, asset, seconds) in [
        (json!({}), json!({ "a.txt": "YQ==" }), 20),
        (json!({ "run_timeout": 0, "compile_timeout": 0 }), json!("{\"a.txt\": \"YQ==\"}"), 20),
        (json!({ "run_timeout": 3 }), json!({ "a.txt": "YQ==", "b.txt": null }), 3),
    ] {
        let test = json!({ "code": "int main() {}", "asset": asset });
        let body = auto_eval("```cpp\nint x;\n```", [fields, labels.clone(), test]);
        let request = TestApp::request("POST", "/submit", &body);
        let (answer, assignment) = tokio::join!(app.send(request), app.complete(compiled(prints(""))));
        assert_eq!(answer.json["accepted"], true, "{}", answer.text);
        assert_eq!(files_of(&assignment).1, [("a.txt".to_owned(), "a".to_owned())]);
        let max = app.core.registry().find("cpp").unwrap().limits_max.wall_time;
        let wall_time = Duration::from_secs(seconds).min(max);
        assert_eq!(assignment.leased.submission.limits.wall_time, Some(wall_time));
    }
    // A compilation of 39 s is within the default.
    let body = auto_eval("```cpp\nint x;\n```", [json!({}), labels, json!({ "code": "int main() {}" })]);
    let mut slow = compiled(prints(""));
    slow.compile.as_mut().unwrap().wall_time = Duration::from_secs(39);
    let (answer, _) = tokio::join!(app.send(TestApp::request("POST", "/submit", &body)), app.complete(slow));
    assert_eq!(answer.json["accepted"], true, "{}", answer.text);
}

#[tokio::test]
async fn code_that_ends_the_process_before_the_test_lacks_the_flag() {
    let app = TestApp::start(Keyless::Loopback).await;
    let labels = json!({ "programming_language": "python" });
    let fields = json!({ "extra": { "append_flag": 1 } });
    let body = auto_eval("```python\nexit()\n```", [fields.clone(), labels.clone(), json!({ "code": "assert f()" })]);
    for prints_flag in [true, false] {
        let mut request = TestApp::request("POST", "/submit", &body);
        request.headers_mut().insert("idempotency-key", format!("{prints_flag}").parse().unwrap());
        let judged = app.complete_with(|assignment| {
            let program = files_of(assignment).0;
            let flag = program.strip_prefix("exit()\nassert f()\n\nprint(\"").unwrap().strip_suffix("\")").unwrap();
            assert_eq!(flag.len(), 20);
            prints(if prints_flag { flag } else { "" })
        });
        let (answer, _) = tokio::join!(app.send(request), judged);
        assert_eq!((answer.status, &answer.json["accepted"]), (200, &json!(prints_flag)), "{}", answer.text);
        assert_eq!(answer.json["tests"][0]["passed"], prints_flag);
        // A repeated request has the result of the first one, and the same program.
        let mut request = TestApp::request("POST", "/submit", &body);
        request.headers_mut().insert("idempotency-key", format!("{prints_flag}").parse().unwrap());
        assert_eq!(app.send(request).await.json, answer.json);
    }
    let body =
        auto_eval("```js\nx\n```", [fields, json!({ "programming_language": "nodejs" }), json!({ "code": "y" })]);
    let request = TestApp::request("POST", "/submit", &body);
    let (answer, assignment) = tokio::join!(app.send(request), app.complete(prints("")));
    assert_eq!((&answer.json["accepted"], files_of(&assignment).0.as_str()), (&json!(true), "x\ny"), "only in Python");
}

#[tokio::test]
async fn a_test_in_java_runs_its_classes_in_junit() {
    let app = TestApp::start(Keyless::Loopback).await;
    let completion = "```java\nimport java.util.*;\npublic class Main { int f() { return 1; } }\n```";
    let test = json!({ "code": "class MainTest { @Test void t() {} }", "asset": { "a.txt": "YQ==" } });
    let labels = json!({ "programming_language": "java", "execution_language": "java" });
    let body = auto_eval(completion, [json!({}), labels, test]);
    let request = TestApp::request("POST", "/submit", &body);
    let (answer, assignment) = tokio::join!(app.send(request), app.complete(compiled(prints(""))));
    assert_eq!((answer.status, &answer.json["accepted"]), (200, &json!(true)), "{}", answer.text);
    let code = "import java.util.*;\npublic class Main { int f() { return 1; } }";
    assert_eq!(answer.json["extracted_code"], code);
    let imports = "import org.junit.jupiter.api.Test;\nimport static org.junit.jupiter.api.Assertions.*;\n";
    let SubmissionKind::Program(program) = &assignment.leased.submission.kind else { panic!("it is a program") };
    assert_eq!(program.source.language.as_str(), "junit");
    let (main, others) = files_of(&assignment);
    assert_eq!(main, format!("{imports}{code}\n"), "a class of the completion may have the name of the source");
    let of_test = format!("{imports}\nclass MainTest {{ @Test void t() {{}} }}\n");
    assert!(others.contains(&("MainTest.java".to_owned(), of_test)), "{others:?}");
    assert!(others.contains(&("a.txt".to_owned(), "a".to_owned())) && others.len() == 2, "{others:?}");
    assert!(answer.json["full_code"].as_str().unwrap().starts_with("// Main.java\n\nimport org"), "{}", answer.text);
    // A completion without code has only the test.
    let test = json!({ "code": "class MainTest { @Test void t() {} }" });
    let body = auto_eval("No code.", [json!({}), json!({ "programming_language": "java" }), test]);
    let request = TestApp::request("POST", "/submit", &body);
    let report = not_compiled(Some(1), "error");
    let (answer, assignment) = tokio::join!(app.send(request), app.complete(report));
    assert_eq!((&answer.json["accepted"], &answer.json["extracted_code"]), (&json!(false), &json!("")));
    assert_eq!(files_of(&assignment).1.len(), 1);
}

#[tokio::test]
async fn a_page_is_a_file_of_its_test() {
    let app = TestApp::start(Keyless::Loopback).await;
    let labels = json!({ "programming_language": "html", "execution_language": "nodejs" });
    let test = json!({ "code": "read('index.html')" });
    let body = auto_eval("```html\n<p>hi</p>\n```", [json!({}), labels, test]);
    let request = TestApp::request("POST", "/submit", &body);
    let (_, assignment) = tokio::join!(app.send(request), app.complete(prints("")));
    let page = ("index.html".to_owned(), "<p>hi</p>".to_owned());
    assert_eq!(files_of(&assignment), ("read('index.html')".to_owned(), vec![page]));
}

#[tokio::test]
async fn a_row_that_cannot_be_judged_is_refused() {
    let app = TestApp::start(Keyless::Loopback).await;
    let python = || json!({ "programming_language": "python" });
    let test = || json!({ "code": "x" });
    let no_code = "the column test should be a dict with the text code";
    let no_language = "the column labels should be a dict with the text programming_language";
    for (parts, detail) in [
        ([json!({}), python(), json!({})], no_code),
        ([json!({}), python(), json!("{")], no_code),
        ([json!({}), python(), json!({ "code": 1 })], no_code),
        ([json!({}), json!({}), test()], no_language),
        ([json!({}), json!("no JSON"), test()], no_language),
        (
            [json!({}), json!({ "programming_language": "html" }), test()],
            "the label execution_language \"html\" is not supported",
        ),
        (
            [json!({}), python(), json!({ "code": "x", "asset": "{" })],
            "the value asset of the column test should be a dict",
        ),
        (
            [json!({}), python(), json!({ "code": "x", "asset": { "a": 1 } })],
            "the file \"a\" of the value asset should be base64",
        ),
        (
            [json!({ "extra": { "autoeval_extract_code_mode": "last" } }), python(), test()],
            "Invalid autoeval_extract_code_mode: \"last\"",
        ),
    ] {
        let answer = app.send(TestApp::request("POST", "/submit", &auto_eval("```\nx\n```", parts))).await;
        assert_eq!((answer.status, &answer.json), (400, &json!({ "detail": detail })));
    }
    // A file that cannot be written is a failure of the sandbox, as in the original.
    let test = json!({ "code": "x", "asset": { "../a": "YQ==" } });
    let body = auto_eval("```\nx\n```", [json!({}), python(), test]);
    let answer = app.send(TestApp::request("POST", "/submit", &body)).await;
    let detail = answer.json["detail"].as_str().unwrap();
    assert!(answer.status == 500 && detail.starts_with("failed to request sandbox: "), "{}", answer.text);
}

#[tokio::test]
async fn junit_without_code_runs_the_classes_of_the_files() {
    let app = TestApp::start(Keyless::Loopback).await;
    for (files, expected) in [
        (json!({ "Main.java": "YQ==", "B.java": "Yg==" }), ("a", vec![("B.java", "b")])),
        (json!({ "B.java": "Yg==" }), ("\n", vec![("B.java", "b")])),
        (json!({ "Main.java": "" }), ("\n", vec![])),
    ] {
        let body = json!({ "code": "", "language": "junit", "files": files });
        let (answer, assignment) = app.judged(&body, compiled(prints(""))).await;
        assert_eq!(answer.json["status"], "Success", "{}", answer.text);
        let (main, others) = files_of(&assignment);
        let others: Vec<_> = others.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
        assert_eq!((main.as_str(), others), expected, "{files}");
    }
}

/// Differences between languages are data in the language files.
#[tokio::test]
async fn each_language_has_its_own_tool_options() {
    let app = TestApp::start(Keyless::Loopback).await;
    for (language, code, main, main_only, interpreter_args, source) in [
        ("python", "x", "main.py", true, vec![], "x"),
        ("pytest", "x", "test_main.py", true, vec![], "x"),
        ("go_test", "x", "main_test.go", true, vec![], "x"),
        ("junit", "x", "Main.java", false, vec![], "x"),
        ("java", "x", "Main.java", true, vec!["-ea"], "x"),
        ("php", "echo 1;", "main.php", true, vec![], "<?php\necho 1;"),
        ("php", "<?php echo 1;", "main.php", true, vec![], "<?php echo 1;"),
    ] {
        let body = json!({ "code": code, "language": language });
        let (answer, assignment) = app.judged(&body, ended(Outcome::Exited(0), "", "")).await;
        assert_eq!(answer.status, 200, "{language}");
        let SubmissionKind::Program(program) = assignment.leased.submission.kind else { panic!("{language}") };
        let file = program.source.files.iter().next().unwrap();
        assert_eq!((file.path.as_str(), &*file.data), (main, source.as_bytes()), "{language}");
        assert_eq!(
            (program.tools.main_only, program.tools.interpreter_args),
            (main_only, interpreter_args.into_iter().map(String::from).collect()),
            "{language}"
        );
    }
}

#[tokio::test]
async fn the_compilers_of_some_languages_have_the_options_of_the_original() {
    let app = TestApp::start(Keyless::Loopback).await;
    let jars = json!({ "b.jar": "", "lib/a.jar": "", "c:d.jar": "", "data.txt": "" });
    for (language, files, compiler, interpreter) in [
        ("rust", json!({}), "-C debug-assertions=on", ""),
        ("python", jars.clone(), "", ""),
        ("java", json!({}), "", "-ea"),
        ("java", jars, "-cp .:b.jar:lib/a.jar", "-ea -cp .:b.jar:lib/a.jar"),
    ] {
        let body = json!({ "code": "x", "language": language, "files": files });
        let (_, assignment) = app.judged(&body, ended(Outcome::Exited(0), "", "")).await;
        let SubmissionKind::Program(program) = assignment.leased.submission.kind else { panic!("{language}") };
        let args = (program.tools.compiler_args.join(" "), program.tools.interpreter_args.join(" "));
        assert_eq!(args, (compiler.to_owned(), interpreter.to_owned()), "{language}");
    }
    let registry = app.core.registry();
    let typescript = &registry.find("typescript").unwrap().facade_options["sandboxfusion"];
    assert_eq!(typescript.compiler_args, ["--noCheck"]);
}

/// Each row: fields of `config`; the wall-clock limit of the run, in milliseconds; and how many cases are in the
/// response if the first fails.
#[tokio::test]
async fn the_configuration_of_an_evaluation_is_converted_as_by_python() {
    let app = TestApp::start(Keyless::Loopback).await;
    let case = |stdin: &str| json!({ "input": { "stdin": stdin }, "output": { "stdout": stdin } });
    for (fields, millis, tests) in [
        (json!({ "run_timeout": "0.5" }), 500, 1),
        (json!({ "run_timeout": " 2 ", "extra": { "run_all_cases": 1 } }), 2000, 2),
        (json!({ "run_timeout": true, "extra": { "run_all_cases": "true" } }), 1000, 2),
        (json!({ "run_timeout": null, "extra": { "run_all_cases": "" } }), 20_000, 1),
        (json!({ "extra": { "run_all_cases": 0 } }), 20_000, 1),
        (json!({ "extra": { "run_all_cases": null } }), 20_000, 1),
        // Python treats zero like an absent value.
        (json!({ "run_timeout": 0, "compile_timeout": 0.0 }), 20_000, 1),
    ] {
        let mut config = common_oj();
        config.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        let row = json!({ "id": 7, "test": [case("1"), case("2")] });
        let body = data_set(config, row, json!({ "completion": "```python\nx\n```" }));
        let judged = async {
            for run in last_case_first(&app, 2).await {
                assert_eq!(run.leased.submission.limits.wall_time, Some(Duration::from_millis(millis)));
                assert!(app.core.complete(&run, prints("x"), Vec::new()).await.unwrap());
            }
        };
        let (answer, ()) = tokio::join!(app.send(TestApp::request("POST", "/submit", &body)), judged);
        assert_eq!((answer.status, answer.json["tests"].as_array().unwrap().len()), (200, tests), "{fields}");
    }
}

#[tokio::test]
async fn prompts_come_from_the_rows_of_the_request() {
    let app = TestApp::start(Keyless::Loopback).await;
    let post = async |path: &str, body: &str| app.send(TestApp::request("POST", path, body)).await;
    let row = |id: u64| json!({ "id": id, "content": "Add.", "labels": "{\"a\": 1}" });
    let rows = json!([row(1), row(2), row(3)]);
    let answer = post("/list_ids", &data_set(common_oj(), rows.clone(), json!({ "offset": 1 }))).await;
    assert_eq!(answer.json, json!([2, 3]));
    let answer = post("/get_prompts", &data_set(common_oj(), rows, json!({ "limit": 1 }))).await;
    let listed = answer.json.as_array().unwrap();
    assert_eq!((listed.len(), &listed[0]["id"], &listed[0]["labels"]), (1, &json!(1), &json!({ "a": 1 })));
    let prompt = listed[0]["prompt"].as_str().unwrap();
    assert!(prompt.starts_with("Add.\n\n") && prompt.contains("Python"), "{prompt}");
    let answer = post("/get_prompt_by_id/", &data_set(common_oj(), row(7), json!({}))).await;
    assert_eq!(answer.json["id"], 7);
    let result = json!({
        "id": 7, "accepted": true, "extracted_code": "", "full_code": null, "test_code": null, "extracted_type": null,
        "tests": [{ "passed": true, "exec_info": { "status": "Success" }, "test_info": null }], "extra": null,
    });
    let metrics = data_set(common_oj(), row(7), json!({ "results": [result] }));
    assert_eq!(post("/get_metrics", &metrics).await.json, json!({}));
    let answer = post("/get_metrics_function", &data_set(common_oj(), row(7), json!({}))).await;
    assert_eq!(answer.json, json!({ "function": null }));
    assert_eq!(app.send(TestApp::request("GET", "/list_datasets", "")).await.json, json!([]));
}

/// Regression: a case without these texts had no input and no expected output, so a program that prints nothing passed.
#[tokio::test]
async fn a_case_without_texts_for_input_and_output_is_refused() {
    let app = TestApp::start(Keyless::Loopback).await;
    let good = json!({ "input": { "stdin": "" }, "output": { "stdout": "" } });
    for (case, field) in [
        (json!({ "input": "1 2", "output": "3" }), "input.stdin"),
        (json!({ "input": { "stdin": "1 2" }, "output": {} }), "output.stdout"),
        (json!({ "input": { "stdin": 5 }, "output": { "stdout": "5" } }), "input.stdin"),
        (json!({ "input": { "stdin": "5" }, "output": { "stdout": 5 } }), "output.stdout"),
        (json!({ "input": { "stdin": "5" }, "ouput": { "stdout": "5" } }), "output.stdout"),
        (json!("x"), "input.stdin"),
        (json!(null), "input.stdin"),
    ] {
        let body = data_set(common_oj(), json!({ "test": [good, case] }), json!({ "completion": "" }));
        let answer = app.send(TestApp::request("POST", "/submit", &body)).await;
        let detail = format!("case 2 of the column test: {field} should be a text");
        assert_eq!((answer.status, &answer.json), (400, &json!({ "detail": detail })), "{case}");
    }
}

#[tokio::test]
async fn data_sets_that_do_not_exist_are_refused_with_400() {
    let app = TestApp::start(Keyless::Loopback).await;
    let of = |config: Value, row: Value| data_set(config, row, json!({ "completion": "" }));
    let without = json!({ "dataset": "mbpp", "id": 1, "completion": "", "config": {} }).to_string();
    let no_rows = json!({ "dataset": "x", "id": 1, "completion": "", "config": common_oj() }).to_string();
    for (path, body, detail) in [
        ("/submit", without, "no eval class found for dataset mbpp"),
        ("/submit", of(json!({ "dataset_type": "Nonesuch" }), json!({})), "eval class Nonesuch not found"),
        (
            "/submit",
            of(json!({ "dataset_type": "CommonOJDataset" }), json!({})),
            "config.language field must exist for CommonOJDataset, got None",
        ),
        ("/submit", of(common_oj(), json!({})), "the column test should be a list of cases"),
        (
            "/submit",
            of(common_oj(), json!([])),
            "request.config.provided_data should be a dict with the columns of a row",
        ),
        ("/get_prompts", of(common_oj(), json!({})), "request.config.provided_data should be a list of dict"),
        ("/submit", no_rows, "this server stores no data sets: send the rows as config.provided_data"),
        (
            "/submit",
            of(common_oj(), json!({ "test": vec![json!({}); 5000] })),
            "the column test has 5000 cases; the maximum is 100",
        ),
    ] {
        let answer = app.send(TestApp::request("POST", path, &body)).await;
        assert_eq!((answer.status, &answer.json), (400, &json!({ "detail": detail })), "{path}");
    }
    for (path, body, kind, place) in [
        ("/submit", json!({}), "missing", json!(["body", "dataset"])),
        ("/submit", json!({ "dataset": "x", "config": {}, "completion": "" }), "missing", json!(["body", "id"])),
        (
            "/submit",
            json!({ "dataset": "x", "id": 1.5, "config": {}, "completion": "" }),
            "string_type",
            json!(["body", "id"]),
        ),
        ("/submit", json!({ "dataset": "x", "id": 1, "completion": "" }), "missing", json!(["body", "config"])),
        ("/list_ids", json!({ "dataset": "x", "config": [] }), "model_attributes_type", json!(["body", "config"])),
    ] {
        let answer = app.send(TestApp::request("POST", path, &body.to_string())).await;
        let found = &answer.json["detail"][0];
        assert_eq!((answer.status, &found["type"], &found["loc"]), (422, &json!(kind), &place), "{body}");
    }
}

/// Each row: the fields of `config`, and the validation errors.
#[tokio::test]
async fn config_and_results_are_validated_like_every_model() {
    let app = TestApp::start(Keyless::Loopback).await;
    let faults = async |path: &str, body: &Value| {
        let answer = app.send(TestApp::request("POST", path, &body.to_string())).await;
        assert_eq!(answer.status, 422, "{body}: {}", answer.text);
        let listed = answer.json["detail"].as_array().unwrap().clone();
        listed
            .iter()
            .map(|fault| (fault["type"].as_str().unwrap().to_owned(), fault["loc"].clone()))
            .collect::<Vec<_>>()
    };
    let list = "list[dict[str,any]]";
    let one = "dict[str,any]";
    for (config, expected) in [
        (json!({ "language": 1 }), vec![("string_type", json!(["language"]))]),
        (json!({ "dataset_type": [] }), vec![("string_type", json!(["dataset_type"]))]),
        (json!({ "locale": {} }), vec![("string_type", json!(["locale"]))]),
        (json!({ "is_fewshot": "maybe" }), vec![("bool_parsing", json!(["is_fewshot"]))]),
        (json!({ "is_fewshot": [] }), vec![("bool_type", json!(["is_fewshot"]))]),
        (json!({ "run_timeout": "ten" }), vec![("float_parsing", json!(["run_timeout"]))]),
        (json!({ "compile_timeout": {} }), vec![("float_type", json!(["compile_timeout"]))]),
        (json!({ "custom_extract_logic": 1 }), vec![("string_type", json!(["custom_extract_logic"]))]),
        (json!({ "extra": "x" }), vec![("dict_type", json!(["extra"]))]),
        (
            json!({ "provided_data": "x" }),
            vec![("list_type", json!(["provided_data", list])), ("dict_type", json!(["provided_data", one]))],
        ),
        (
            json!({ "provided_data": [{}, 1] }),
            vec![("dict_type", json!(["provided_data", list, 1])), ("dict_type", json!(["provided_data", one]))],
        ),
        (
            json!({ "locale": 1, "language": 2, "is_fewshot": "yes", "run_timeout": null, "extra": null }),
            vec![("string_type", json!(["language"])), ("string_type", json!(["locale"]))],
        ),
    ] {
        let place = |place: &Value| {
            let whole = ["body", "config"].map(Value::from);
            Value::Array(whole.into_iter().chain(place.as_array().unwrap().clone()).collect())
        };
        let expected: Vec<_> = expected.iter().map(|(kind, at)| ((*kind).to_owned(), place(at))).collect();
        assert_eq!(faults("/list_ids", &json!({ "dataset": "x", "config": config })).await, expected, "{config}");
    }
    let result = |more: Value| {
        let mut result = json!({ "id": 1, "accepted": true, "extracted_code": "", "tests": [] });
        result.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        result
    };
    for (results, kind, place) in [
        (Value::Null, "list_type", json!(["body", "results"])),
        (json!([1]), "model_attributes_type", json!(["body", "results", 0])),
        (json!([result(json!({})), {}]), "missing", json!(["body", "results", 1, "id"])),
        (json!([result(json!({ "accepted": null }))]), "bool_type", json!(["body", "results", 0, "accepted"])),
        (json!([result(json!({ "tests": {} }))]), "list_type", json!(["body", "results", 0, "tests"])),
        (
            json!([result(json!({ "tests": [{ "passed": true }] }))]),
            "missing",
            json!(["body", "results", 0, "tests", 0, "exec_info"]),
        ),
    ] {
        let body = json!({ "dataset": "x", "config": {}, "results": results });
        assert_eq!(faults("/get_metrics", &body).await[0], (kind.to_owned(), place), "{body}");
    }
    let none = json!({ "dataset": "x", "config": {} });
    assert_eq!(faults("/get_metrics", &none).await, [("missing".to_owned(), json!(["body", "results"]))]);
}

#[tokio::test]
async fn a_route_for_get_has_no_other_method_and_may_end_with_a_slash() {
    let app = TestApp::start(Keyless::Loopback).await;
    for path in ["/ping", "/ping/", "/v1/ping", "/v1/ping/", "/list_datasets", "/list_datasets/"] {
        assert_eq!(app.send(TestApp::request("GET", path, "")).await.status, 200, "{path}");
        for method in ["HEAD", "OPTIONS", "POST"] {
            let answer = app.send(TestApp::request(method, path, "")).await;
            assert_eq!((answer.status, &answer.headers["allow"]), (405, &"GET".parse().unwrap()), "{method} {path}");
        }
        let answer = app.send(TestApp::request("PUT", path, "")).await;
        assert_eq!(answer.json, json!({ "detail": "Method Not Allowed" }), "{path}");
    }
}

#[tokio::test]
async fn a_repeated_request_with_an_idempotency_key_gets_the_first_result() {
    let app = TestApp::start(Keyless::Loopback).await;
    let run_code =
        |code: &str| TestApp::request("POST", "/run_code", &json!({ "code": code, "language": "python" }).to_string());
    let [first, again, other] = app.send_repeatedly(run_code, ended(Outcome::Exited(0), "once", "")).await;
    assert_eq!((first.status, &first.json["run_result"]["stdout"]), (200, &json!("once")));
    assert_eq!(
        (again.status, &again.json, &again.headers["idempotency-replayed"]),
        (200, &first.json, &"true".parse().unwrap())
    );
    let detail = "This `Idempotency-Key` was used for another request. Use a new key for a new request.";
    assert_eq!((other.status, other.json), (422, json!({ "detail": detail })));
    let app = TestApp::start(Keyless::Loopback).await;
    let run_jupyter = |code: &str| TestApp::request("POST", "/run_jupyter", &json!({ "cells": [code] }).to_string());
    let [first, again, _] = app.send_repeatedly(run_jupyter, notebook(Outcome::Exited(0), "[]")).await;
    assert_eq!((first.status, &again.json), (200, &first.json));
    assert_eq!(again.headers["idempotency-replayed"], "true");
    // Each case of a completion is a submission.
    let app = TestApp::start(Keyless::Loopback).await;
    let case = json!({ "input": { "stdin": "" }, "output": { "stdout": "1" } });
    let submit = |code: &str| {
        let row = json!({ "id": 1, "test": [case, case] });
        let body = data_set(common_oj(), row, json!({ "id": 1, "completion": format!("```python\n{code}\n```") }));
        let mut request = TestApp::request("POST", "/submit", &body);
        request.headers_mut().insert("idempotency-key", "once".parse().unwrap());
        request
    };
    let (first, ..) = tokio::join!(app.send(submit("a")), app.complete(prints("1")), app.complete(prints("1")));
    assert_eq!((first.status, &first.json["accepted"]), (200, &json!(true)));
    let again = app.send(submit("a")).await;
    assert_eq!((&again.json, &again.headers["idempotency-replayed"]), (&first.json, &"true".parse().unwrap()));
    assert_eq!(app.send(submit("b")).await.status, 422);
}

#[tokio::test]
async fn a_program_that_does_not_start_in_time_gets_504() {
    let app = TestApp::start_with(Keyless::Loopback, TestSettings { queue_max: 1, ..TestSettings::default() }).await;
    let waiting = TestApp::judge0_request("POST", "/submissions", &json!({ "source_code": "x", "language_id": 71 }));
    assert_eq!(app.send(waiting).await.status, 201, "it occupies the only place");
    app.shutdown.cancel();
    for (path, body) in
        [("/run_code", json!({ "code": "x", "language": "python" })), ("/run_jupyter", json!({ "cells": ["x"] }))]
    {
        let answer = app.send(TestApp::request("POST", path, &body.to_string())).await;
        let detail = "Cupel could not run this in time: too many programs wait. Send it again later.";
        assert_eq!((answer.status, answer.json), (504, json!({ "detail": detail })), "{path}");
    }
}

#[tokio::test]
async fn a_compiler_beyond_its_time_limit_at_the_deadline_is_reported_as_timed_out() {
    let minute = Duration::from_secs(60);
    let timed_out = |answer: &Value, result: &str, other: &str| {
        assert_eq!((&answer["status"], &answer["message"]), (&json!("Failed"), &json!("")), "{answer}");
        assert_eq!(answer[other], Value::Null, "{answer}");
        let result = &answer[result];
        assert_eq!((&result["status"], &result["return_code"]), (&json!("TimeLimitExceeded"), &Value::Null));
        assert!(result["execution_time"].as_f64().unwrap() >= 60.0, "{answer}");
    };
    let send = async |path: &str, body: &Value, compiling: Option<Duration>| {
        let app = TestApp::start(Keyless::Loopback).await;
        let request = TestApp::request("POST", path, &body.to_string());
        tokio::join!(app.send(request), app.begin_and_shut_down(compiling)).0
    };
    let cpp = json!({ "code": "x", "language": "cpp", "compile_timeout": 59 });
    let answer = send("/run_code", &cpp, Some(minute)).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    timed_out(&answer.json, "compile_result", "run_result");
    // In the original, the time of this compiler counts as time of the run.
    let csharp = json!({ "code": "x", "language": "csharp", "compile_timeout": 1e6, "run_timeout": 59 });
    timed_out(&send("/run_code", &csharp, Some(minute)).await.json, "run_result", "compile_result");
    let late = "Cupel could not run this in time: it began too late to end in time. Send it again later.";
    for (body, compiling) in [
        (json!({ "code": "x", "language": "cpp", "compile_timeout": 3600 }), Some(minute)),
        (cpp, None),
        (json!({ "code": "x", "language": "python" }), None),
    ] {
        let answer = send("/run_code", &body, compiling).await;
        assert_eq!((answer.status, answer.json), (504, json!({ "detail": late })), "{body}");
    }
    let row = json!({ "id": 7, "test": [{ "input": { "stdin": "" }, "output": { "stdout": "" } }] });
    let config = json!({ "dataset_type": "CommonOJDataset", "language": "cpp" });
    let body: Value = serde_json::from_str(&data_set(config, row, json!({ "completion": "```cpp\nx\n```" }))).unwrap();
    let answer = send("/submit", &body, Some(minute)).await;
    assert_eq!((answer.status, &answer.json["accepted"]), (200, &json!(false)), "{}", answer.text);
    timed_out(&answer.json["tests"][0]["exec_info"], "compile_result", "run_result");
    let answer = send("/submit", &body, None).await;
    let detail = "Failed to check stdio test case: it began too late to end in time; send it again later";
    assert_eq!((answer.status, answer.json), (500, json!({ "detail": detail })));
}

#[tokio::test]
async fn every_key_of_an_evaluation_is_present_and_long_texts_of_passed_cases_are_shortened() {
    let app = TestApp::start(Keyless::Loopback).await;
    let long = "1".repeat(1001);
    let case = |stdout: &str| json!({ "input": { "stdin": "" }, "output": { "stdout": stdout } });
    let short = format!("{}...{}", "1".repeat(500), "1".repeat(500));
    let completion = json!({ "completion": "```cpp\nx\n```" });
    for (extra, printed, passed, shown) in [
        (json!({}), &long, true, &short),
        (json!({ "return_full_case": true }), &long, true, &long),
        (json!({}), &short, false, &long),
    ] {
        let config = json!({ "dataset_type": "CommonOJDataset", "language": "cpp", "extra": extra });
        let body = data_set(config, json!({ "id": 7, "test": [case(&long)] }), completion.clone());
        let request = TestApp::request("POST", "/submit", &body);
        let (answer, assignment) = tokio::join!(app.send(request), app.complete(compiled(prints(printed))));
        assert_eq!(assignment.leased.submission.limits.wall_time, Some(Duration::from_secs(10)), "cpp is compiled");
        let finished = |seconds, stdout: &str| command("Finished", seconds, Some(0), stdout, "");
        let expected = json!({
            "id": 7, "accepted": passed, "extracted_code": "x", "full_code": null, "test_code": null,
            "extracted_type": "fenced", "extra": null,
            "tests": [{
                "passed": passed, "test_info": case(shown),
                "exec_info": response("Success", "", finished(0.12, ""), finished(0.015, printed)),
            }],
        });
        assert_eq!((answer.status, &answer.json), (200, &expected));
    }
}

#[tokio::test]
async fn a_case_is_repeated_if_the_sandbox_fails_and_then_the_request_fails() {
    let app = TestApp::start(Keyless::Loopback).await;
    let row = json!({ "id": 7, "test": [{ "input": { "stdin": "" }, "output": { "stdout": "1" } }] });
    let body = data_set(common_oj(), row, json!({ "completion": "```python\nx\n```" }));
    let failed = || RunReport {
        message: Some("no sandbox".to_owned()),
        ..RunReport::bare(Verdict::InternalError, cupel_types::Limits::default(), "3")
    };
    for (failures, status) in [(4, 200), (5, 500)] {
        let judged = async {
            for _ in 0..failures {
                app.complete(failed()).await;
            }
            if status == 200 {
                app.complete(prints("1")).await;
            }
        };
        let (answer, ()) = tokio::join!(app.send(TestApp::request("POST", "/submit", &body)), judged);
        assert_eq!(answer.status, status, "{}", answer.text);
        if status == 500 {
            let detail = "Failed to check stdio test case: exception on running code x: no sandbox None";
            assert_eq!(answer.json, json!({ "detail": detail }));
        }
    }
}

/// The members of the enumeration for which Cupel has no language, each with the program that the original's shell then
/// reports as missing.
#[tokio::test]
async fn a_language_without_a_counterpart_has_return_code_127() {
    let app = TestApp::start(Keyless::Loopback).await;
    for (language, program, is_compiled) in [
        ("cuda", "cmake", true),
        ("jest", "npm", false),
        ("julia", "julia", false),
        ("kotlin_script", "kotlin", false),
        ("lean", "lake", false),
        ("python_gpu", "python", true),
        ("swift", "swiftc", true),
    ] {
        let answer = app.run_code(&json!({ "code": "x", "language": language })).await.json;
        let stderr = format!("/bin/bash: line 1: {program}: command not found\n");
        let missing = command("Finished", 0.0, Some(127), "", &stderr);
        let (compile, run) = if is_compiled { (missing, Value::Null) } else { (Value::Null, missing) };
        assert_eq!(answer, response("Failed", "", compile, run), "{language}");
    }
    // Every other member has a language, except `sql`, for which the original has no runner.
    let registry = app.core.registry();
    for language in
        "python cpp nodejs go go_test java php csharp bash typescript rust lua R perl D_ut ruby scala pytest \
                     junit verilog racket"
            .split_whitespace()
    {
        assert!(registry.of_facade("sandboxfusion", language).is_some(), "{language}");
    }
    assert!(registry.of_facade("sandboxfusion", "sql").is_none());
}

/// A test fails after this time instead of waiting for a condition forever.
const PATIENCE: Duration = Duration::from_secs(120);

#[tokio::test]
async fn more_than_100_spellings_of_paths_are_refused_without_a_run() {
    let app = TestApp::start(Keyless::Loopback).await;
    let spellings = |count: usize| (0..count).map(|n| format!("{}a", "./".repeat(n))).collect::<Vec<_>>();
    let reason = "/fetch_files: at most 100 different paths are read back; there are more";
    for (path, body, message) in [
        (
            "/run_code",
            json!({ "code": "x", "language": "python", "fetch_files": spellings(101) }),
            format!("exception on running code x: {reason} None"),
        ),
        (
            "/run_jupyter",
            json!({ "cells": [], "fetch_files": spellings(101) }),
            format!("exception on running jupyter: {reason}"),
        ),
    ] {
        let request = app.send(TestApp::request("POST", path, &body.to_string()));
        let answer = tokio::time::timeout(PATIENCE, request).await.expect("nothing runs");
        assert_eq!((answer.status, &answer.json["message"]), (200, &json!(message)), "{path}");
    }
    let body = json!({ "code": "x", "language": "python", "fetch_files": spellings(100) });
    let (answer, assignment) = app.judged(&body, ended(Outcome::Exited(0), "", "")).await;
    let SubmissionKind::Program(program) = &assignment.leased.submission.kind else { panic!("it is a program") };
    assert_eq!((&answer.json["status"], program.fetch.len()), (&json!("Success"), 1));
}

#[tokio::test]
async fn more_files_than_permitted_are_refused_before_they_are_compared_with_each_other() {
    let app = TestApp::start(Keyless::Loopback).await;
    let files = |count: usize| (0..count).map(|n| (format!("f{n}"), json!(""))).collect::<Value>();
    for count in [101, 50_000] {
        let reason = format!("/files: at most 100 files; there are {count}");
        for (path, body) in [
            ("/run_code", json!({ "code": "x", "language": "python", "files": files(count) })),
            ("/run_jupyter", json!({ "cells": [], "files": files(count) })),
        ] {
            let answer = app.send(TestApp::request("POST", path, &body.to_string())).await;
            assert_eq!((answer.status, &answer.json["status"]), (200, &json!("SandboxError")), "{path}");
            assert!(answer.json["message"].as_str().unwrap().contains(&reason), "{path}: {}", answer.text);
        }
        let (labels, test) =
            (json!({ "programming_language": "python" }), json!({ "code": "y", "asset": files(count) }));
        let body = auto_eval("```\nx\n```", [json!({}), labels, test]);
        let answer = app.send(TestApp::request("POST", "/submit", &body)).await;
        assert!(answer.status == 500 && answer.text.contains(&reason), "{} {}", answer.status, answer.text);
    }
    // Skipped files do not count.
    let mut sent = files(99);
    for n in 0..10 {
        sent[format!("IGNORE_THIS_FILE{n}")] = json!("");
    }
    let body = json!({ "code": "x", "language": "python", "files": sent });
    let (answer, _) = app.judged(&body, ended(Outcome::Exited(0), "", "")).await;
    assert_eq!(answer.json["status"], "Success", "{}", answer.text);
}

#[tokio::test]
async fn code_above_the_maximum_of_a_source_is_refused_before_its_cases_run() {
    let app = TestApp::start(Keyless::Loopback).await;
    let completion = format!("```python\n{}\n```", "x".repeat(300_000));
    let test = vec![json!({ "input": { "stdin": "" }, "output": { "stdout": "" } }); 100];
    let body = data_set(common_oj(), json!({ "id": 7, "test": test }), json!({ "completion": completion }));
    let answer = app.send(TestApp::request("POST", "/submit", &body)).await;
    let detail = "the code of the completion has 300000 bytes; the maximum is 256 KiB (limits.source_max)";
    assert_eq!((answer.status, &answer.json), (400, &json!({ "detail": detail })));
    let python = || json!({ "programming_language": "python" });
    let long = json!({ "code": "y".repeat(300_000) });
    for (completion, test, what) in [
        (completion.as_str(), json!({ "code": "y" }), "the code of the completion has 300000 bytes"),
        ("```\nx\n```", long, "the program of the code and the test has 300002 bytes"),
    ] {
        let body = auto_eval(completion, [json!({}), python(), test]);
        let answer = app.send(TestApp::request("POST", "/submit", &body)).await;
        let detail = format!("{what}; the maximum is 256 KiB (limits.source_max)");
        assert_eq!((answer.status, &answer.json), (400, &json!({ "detail": detail })));
    }
}

#[tokio::test]
async fn the_streams_of_all_cases_are_truncated_together_after_they_were_compared() {
    let bounds = Bounds { output_kept_max: Bytes::new(6), ..Bounds::default() };
    let app = TestApp::start_with(Keyless::Loopback, TestSettings { bounds, ..TestSettings::default() }).await;
    let case = json!({ "input": { "stdin": "" }, "output": { "stdout": "1234" } });
    let row = json!({ "id": 7, "test": [case, case, case] });
    let body = data_set(common_oj(), row, json!({ "completion": "```python\nx\n```" }));
    let judged = async {
        for _ in 0..3 {
            app.complete(prints("1234")).await;
        }
    };
    let (answer, ()) = tokio::join!(app.send(TestApp::request("POST", "/submit", &body)), judged);
    assert_eq!((answer.status, &answer.json["accepted"]), (200, &json!(true)), "{}", answer.text);
    let tests = answer.json["tests"].as_array().unwrap();
    let streams: Vec<&Value> = tests.iter().map(|test| &test["exec_info"]["run_result"]["stdout"]).collect();
    assert_eq!(streams, ["1234", "12", ""]);
}

#[tokio::test]
async fn a_response_has_at_most_10_000_rows_and_its_memory_is_reserved() {
    let http = Settings {
        answers_bytes_max: 4 << 20,
        answers_of_user_bytes_max: 4 << 20,
        answer_wait_max: Duration::ZERO,
        ..Settings::default()
    };
    let app = TestApp::start_with(Keyless::Loopback, TestSettings { http, ..TestSettings::default() }).await;
    let rows = vec![json!({ "id": 1, "content": "x" }); 10_001];
    let count = "has 10001 rows; the maximum is 10000: send fewer rows, or set offset and limit";
    for path in ["/get_prompts", "/list_ids"] {
        let body = data_set(common_oj(), json!(rows), json!({}));
        let answer = app.send(TestApp::request("POST", path, &body)).await;
        let detail = format!("request.config.provided_data {count}");
        assert_eq!((answer.status, &answer.json), (400, &json!({ "detail": detail })), "{path}");
        let body = data_set(common_oj(), json!(rows), json!({ "offset": 1 }));
        let answer = app.send(TestApp::request("POST", path, &body)).await;
        assert_eq!((answer.status, answer.json.as_array().map(Vec::len)), (200, Some(10_000)), "{path}");
    }
    let long = json!({ "id": "x".repeat(1 << 20), "content": "x".repeat(1 << 20) });
    for (path, rows) in
        [("/get_prompts", json!([long])), ("/list_ids", json!([long])), ("/get_prompt_by_id", long.clone())]
    {
        let body = data_set(common_oj(), rows, json!({}));
        let open = app.open(TestApp::request("POST", path, &body)).await;
        assert_eq!(open.status(), 200, "{path}");
        let refused = app.send(TestApp::request("POST", path, &body)).await;
        assert_eq!(refused.status, 429, "{path}: the first response has not been read");
        assert!(TestApp::read(open).await.text.len() > 1 << 20, "{path}");
    }
}

#[tokio::test]
async fn a_refusal_does_not_repeat_long_texts_of_the_request() {
    let app = TestApp::start(Keyless::Loopback).await;
    let long = "x".repeat(1 << 20);
    for mut config in
        [json!({}), json!({ "dataset_type": long }), json!({ "dataset_type": "CommonOJDataset", "language": long })]
    {
        config["provided_data"] = json!({});
        let body = json!({ "dataset": long, "id": 1, "completion": "", "config": config }).to_string();
        let answer = app.send(TestApp::request("POST", "/submit", &body)).await;
        assert!(answer.status == 400 && answer.text.len() < 5000, "{} {}", answer.status, answer.text.len());
    }
    let body = json!({ "code": "x", "language": "python", "files": { format!("/{long}"): "" } });
    assert!(app.run_code(&body).await.text.len() < 5000);
}

/// A server whose memory for bodies has this number of bytes, for all and for each user.
async fn with_memory(bytes: usize, queue_max: usize) -> TestApp {
    let http = Settings {
        execute_body_bytes_max: 100_000,
        bodies_bytes_max: bytes,
        bodies_of_user_bytes_max: bytes,
        ..Settings::default()
    };
    TestApp::start_with(Keyless::Loopback, TestSettings { http, queue_max, ..TestSettings::default() }).await
}

/// Occupies the only place in the queue.
async fn fill_queue(app: &TestApp) {
    let request = TestApp::judge0_request("POST", "/submissions", &json!({ "source_code": "x", "language_id": 71 }));
    assert_eq!(app.send(request).await.status, 201);
}

/// A request whose body sets the returned flag when the server has read it.
fn observed(path: &str, body: &str) -> (Request<Body>, Arc<AtomicBool>) {
    let is_read = Arc::new(AtomicBool::new(false));
    let mut request = TestApp::request("POST", path, "");
    let (begin, flag) = (body.to_owned(), Arc::clone(&is_read));
    let end = futures_util::stream::once(async move {
        flag.store(true, Ordering::SeqCst);
        Ok(String::new())
    });
    let begin = futures_util::stream::iter([Ok::<_, std::convert::Infallible>(begin)]);
    *request.body_mut() = Body::from_stream(futures_util::StreamExt::chain(begin, end));
    (request, is_read)
}

/// Fields that the server ignores.
fn padding() -> String {
    "x".repeat(90_000)
}

/// A request that needs no run, and most of the memory for bodies.
async fn large_request(app: &TestApp) -> u16 {
    app.run_code(&json!({ "code": "", "language": "sql", "unknown": padding() })).await.status
}

#[tokio::test]
async fn ignored_parts_of_a_body_use_no_memory_while_the_request_waits() {
    // Seconds.
    let long = 3000;
    let case = json!({ "input": { "stdin": "" }, "output": { "stdout": "1" } });
    let mut config = common_oj();
    config["run_timeout"] = json!(long);
    config["unknown"] = json!(padding());
    let submit = data_set(config, json!({ "id": 7, "test": [case] }), json!({ "completion": "```python\nx\n```" }));
    let program = json!({ "code": "x", "language": "python", "run_timeout": long, "unknown": padding() });
    let notebook = json!({ "cells": [], "total_timeout": long, "unknown": padding() });
    for (path, body, queue_max) in [
        // These wait for room in the queue.
        ("/run_code", program.to_string(), 1),
        ("/run_jupyter", notebook.to_string(), 1),
        // This waits for the end of its case.
        ("/submit", submit, 10),
    ] {
        let app = with_memory(100_000, queue_max).await;
        if queue_max == 1 {
            fill_queue(&app).await;
        }
        let (request, is_read) = observed(path, &body);
        let waiting = tokio::spawn({
            let app = app.clone();
            async move { app.send(request).await }
        });
        let admitted = async {
            while !is_read.load(Ordering::SeqCst) {
                tokio::task::yield_now().await;
            }
            while large_request(&app).await != 200 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, admitted).await.unwrap_or_else(|_| panic!("{path} uses the memory"));
        assert!(!waiting.is_finished(), "{path}");
        waiting.abort();
    }
}

#[tokio::test]
async fn requests_that_wait_use_at_most_half_of_the_memory() {
    let app = with_memory(300_000, 1).await;
    fill_queue(&app).await;
    let body = json!({ "code": "x", "language": "python", "run_timeout": 3000, "stdin": padding() });
    // One of the two waits, and the other one is answered at once.
    let answered = async {
        tokio::select! {
            answer = app.run_code(&body) => answer,
            answer = app.run_code(&body) => answer,
        }
    };
    let answer = tokio::time::timeout(PATIENCE, answered).await.expect("one is answered at once");
    let detail = "Cupel could not run this in time: too many programs wait. Send it again later.";
    assert_eq!((answer.status, answer.json), (504, json!({ "detail": detail })));
}

#[tokio::test]
async fn the_cases_of_a_completion_keep_at_most_half_of_the_memory_until_they_have_ended() {
    let app = with_memory(300_000, 100).await;
    let case = json!({ "input": { "stdin": padding() }, "output": { "stdout": "1" } });
    let row = json!({ "id": 7, "test": [case] });
    let body = data_set(common_oj(), row, json!({ "completion": "```python\nx\n```" }));
    let submit = || app.send(TestApp::request("POST", "/submit", &body));
    let refused = async {
        tokio::select! {
            answer = submit() => answer,
            answer = submit() => answer,
        }
    };
    let refused = tokio::time::timeout(PATIENCE, refused).await.expect("one is refused at once");
    assert_eq!(refused.status, 429, "{}", refused.text);
    assert!(refused.headers.contains_key("retry-after"));
    // The client of the other one has disconnected, so there is memory again.
    let worker = async {
        loop {
            app.complete(prints("1")).await;
        }
    };
    let answer = tokio::select! {
        answer = submit() => answer,
        () = worker => unreachable!("it does not end"),
    };
    assert_eq!((answer.status, &answer.json["accepted"]), (200, &json!(true)), "{}", answer.text);
}
