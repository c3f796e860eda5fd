//! Tests of complete response documents. Their exact shapes are guaranteed to clients.

use cupel_types::{
    Accuracy, Artifact, ArtifactContent, Artifacts, BoxPath, Bytes, CaseReport, ContentHash, FetchedFile, Instructions,
    Limits, Omission, Outcome, Output, PathPattern, RunReport, Signal, Start, StepReport, SubmissionKind, Usage,
    Verdict,
};
use serde_json::{Value, json};

use crate::app::{TestApp, a_report, a_step, ended, output, refused_by_compiler};

/// Replaces values that differ between runs (ids, times) by their kind.
fn redacted(value: &Value) -> Value {
    match value {
        Value::String(text) if uuid::Uuid::try_parse(text).is_ok() => json!("[id]"),
        Value::String(text) if is_time(text) => json!("[time]"),
        Value::Array(items) => items.iter().map(redacted).collect(),
        Value::Object(fields) => fields.iter().map(|(k, v)| (k.clone(), redacted(v))).collect(),
        other => other.clone(),
    }
}

/// Whether the text is RFC 3339 in UTC with exactly three digits of a second.
fn is_time(text: &str) -> bool {
    text.len() == 24 && text.ends_with('Z') && text.as_bytes()[19] == b'.' && text.parse::<jiff::Timestamp>().is_ok()
}

#[tokio::test]
async fn registration_and_login_have_the_documented_shapes() {
    let app = TestApp::start().await;
    let body = json!({ "username": "ada", "email": "ada@example.com", "password": "correct horse battery" });
    let answer = app.post("/api/v1/auth/register", &body).send().await;
    assert_eq!(answer.status, 201);
    assert_eq!(
        redacted(&answer.json),
        json!({ "user_id": "[id]", "username": "ada", "email": "ada@example.com", "message": "User registered successfully" })
    );

    let answer = app
        .post("/api/v1/auth/login", &json!({ "email": "ada@example.com", "password": "correct horse battery" }))
        .send()
        .await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!((&answer.json["token_type"], &answer.json["expires_in"]), (&json!("Bearer"), &json!(3600)));
    let token = answer.json["access_token"].as_str().unwrap();

    let me = app.get("/api/v1/auth/me").bearer(token).send().await;
    assert_eq!(
        redacted(&me.json),
        json!({ "user_id": "[id]", "username": "ada", "email": "ada@example.com", "role": "user", "tier": "basic",
                "scopes": ["runs:read", "runs:write", "problems:write", "account"], "in_leaderboards": true, "created_at": "[time]" })
    );
}

#[tokio::test]
async fn a_submission_has_the_documented_shape_from_queued_to_completed() {
    let app = TestApp::start().await;
    let user = app.user().await;
    let body = json!({ "language": "python", "source_code": "print(42)", "input": "" });
    let answer = app.post("/api/v1/execute", &body).bearer(&user.token).send().await;
    assert_eq!(answer.status, 202);
    assert_eq!(
        redacted(&answer.json),
        json!({ "submission_id": "[id]", "status": "queued", "message": "Code submitted for execution" })
    );
    let place = answer.header("location").to_owned();
    assert_eq!(place, format!("/api/v1/execute/{}", answer.json["submission_id"].as_str().unwrap()));

    let queued = app.get(&place).bearer(&user.token).send().await;
    assert_eq!(queued.status, 200);
    let nothing_yet = json!({
        "submission_id": "[id]", "status": "queued", "language": "python", "stdout": null, "stderr": null, "compilation_error": null,
        "runtime_error": null, "execution_time_ms": null, "memory_used_kb": null, "exit_code": null, "submitted_at": "[time]", "completed_at": null,
        "verdict": null, "message": null, "signal": null, "wall_time_ms": null, "truncated": null, "attempts": 0, "started_at": null,
        "compile": null, "tests": [], "limits": null, "language_version": null
    });
    assert_eq!(redacted(&queued.json), nothing_yet);

    let assignment = app.next_run().await;
    let running = app.get(&place).bearer(&user.token).send().await;
    assert_eq!((&running.json["status"], &running.json["attempts"]), (&json!("running"), &json!(1)));
    app.core.complete(&assignment, a_report(), Vec::new()).await.unwrap();

    let completed = app.get(&place).bearer(&user.token).send().await;
    assert_eq!(
        redacted(&completed.json),
        json!({
            "submission_id": "[id]", "status": "completed", "language": "python", "stdout": "42\n", "stderr": "", "compilation_error": null,
            "runtime_error": null, "execution_time_ms": 12, "memory_used_kb": 9000, "exit_code": 0, "submitted_at": "[time]", "completed_at": "[time]",
            "verdict": "AC", "message": null, "signal": null, "wall_time_ms": 15, "truncated": false, "attempts": 1, "started_at": "[time]",
            "compile": null, "tests": [],
            "limits": { "cpu_time_ms": 2000, "wall_time_ms": 30000, "idle_time_ms": 15000, "memory_kb": 65536, "processes": 64, "open_files": 256,
                        "file_size_kb": 65536, "disk_kb": 65536, "inodes": 4096, "output_kb": 1024, "stack_kb": 65536 },
            "language_version": "3.11.2"
        })
    );

    let list = app.get("/api/v1/submissions?page=1&limit=20").bearer(&user.token).send().await;
    assert_eq!(
        redacted(&list.json),
        json!({ "submissions": [{ "submission_id": "[id]", "language": "python", "purpose": "run", "status": "completed",
                                  "submitted_at": "[time]", "completed_at": "[time]", "verdict": "AC", "execution_time_ms": 12,
                                  "memory_used_kb": 9000 }],
                "pagination": { "page": 1, "limit": 20, "total": 1 } })
    );
}

#[tokio::test]
async fn every_outcome_has_its_status_and_message() {
    let app = TestApp::start().await;
    let user = app.user().await;
    for (report, status, verdict, sentence, exit_code, signal) in [
        (ended(Outcome::Exited(0)), "completed", "AC", None, Some(0), None),
        (ended(Outcome::Exited(3)), "failed", "RTE", Some("exit code 3"), Some(3), None),
        (ended(Outcome::Signalled(Signal(11))), "failed", "RTE", Some("killed by SIGSEGV"), None, Some(11)),
        (ended(Outcome::TimeLimit), "failed", "TLE", Some("time limit of 2000 ms exceeded"), None, None),
        (ended(Outcome::WallLimit), "failed", "TLE", Some("wall time limit of 30000 ms exceeded"), None, None),
        (ended(Outcome::IdleLimit), "failed", "ILE", Some("idle limit of 15000 ms exceeded"), None, None),
        (ended_by_instructions(), "failed", "TLE", Some("limit of 5000 instructions exceeded"), None, None),
        (ended(Outcome::MemoryLimit), "failed", "MLE", Some("memory limit of 64 MiB exceeded"), None, None),
        (ended(Outcome::DiskLimit), "failed", "OLE", Some("disk limit of 48 MiB in 4096 files exceeded"), None, None),
        (ended(Outcome::OutputLimit), "failed", "OLE", Some("output limit of 1 MiB exceeded"), None, None),
        (
            RunReport {
                verdict: Verdict::InternalError,
                execution: None,
                message: Some("no lane".into()),
                ..a_report()
            },
            "failed",
            "JE",
            None,
            None,
            None,
        ),
    ] {
        let id = app.submit(&user, &json!({ "language": "python", "source_code": "x" })).await;
        app.complete(report).await;
        let view = app.get(&format!("/api/v1/execute/{id}")).bearer(&user.token).send().await.json;
        assert_eq!(
            (&view["status"], &view["verdict"], &view["runtime_error"], &view["exit_code"], &view["signal"]),
            (&json!(status), &json!(verdict), &json!(sentence), &json!(exit_code), &json!(signal)),
            "{view}"
        );
    }
}

/// A report of a server that counts instructions.
fn ended_by_instructions() -> RunReport {
    let report = ended(Outcome::InstructionLimit);
    let limits = Limits { instructions: Some(Instructions::new(5000)), ..report.limits };
    let usage = |step: StepReport| Usage { instructions: Some(Instructions::new(5001)), ..step.usage };
    let execution = report.execution.map(|step| StepReport { usage: usage(step.clone()), ..step });
    RunReport { limits, execution, ..report }
}

#[tokio::test]
async fn instructions_are_shown_only_if_they_were_counted() {
    let app = TestApp::start().await;
    let user = app.user().await;
    for (report, figures) in [(ended_by_instructions(), json!([5001, 5000])), (a_report(), json!([null, null]))] {
        let id = app.submit(&user, &json!({ "language": "python", "source_code": "x" })).await;
        app.complete(report).await;
        let view = app.get(&format!("/api/v1/execute/{id}")).bearer(&user.token).send().await.json;
        assert_eq!(json!([view["instructions"], view["limits"]["instructions"]]), figures, "{view}");
        assert_eq!(view.as_object().unwrap().contains_key("instructions"), !figures[0].is_null(), "{view}");
    }
}

#[tokio::test]
async fn the_kind_of_start_is_shown_for_languages_with_warm_starts() {
    let app = TestApp::start().await;
    let user = app.user().await;
    let started = |start| {
        let step = a_step();
        StepReport { usage: Usage { start, ..step.usage }, ..step }
    };
    let case = |name: &str, start| CaseReport {
        name: name.into(),
        verdict: Verdict::Accepted,
        message: None,
        step: started(start),
    };
    let (warm, cold) = (Some(Start::Warm), Some(Start::Cold));
    for (starts, whole, each) in [
        ([warm, warm], json!("warm"), json!(["warm", "warm"])),
        ([warm, cold], json!("cold"), json!(["warm", "cold"])),
        ([None, None], json!(null), json!([null, null])),
    ] {
        let tests = json!([{ "stdin": "1", "expected": "1" }, { "stdin": "2", "expected": "2" }]);
        let body = json!({ "language": "python", "source_code": "pass", "tests": tests });
        let id = app.submit(&user, &body).await;
        let [one, two] = starts;
        let cases = vec![case("1", one), case("2", two)];
        app.complete(RunReport { execution: None, cases, ..a_report() }).await;
        let view = app.get(&format!("/api/v1/execute/{id}")).bearer(&user.token).send().await.json;
        let told: Vec<_> = view["tests"].as_array().unwrap().iter().map(|test| &test["start"]).collect();
        assert_eq!((&view["start"], json!(told)), (&whole, each), "{view}");
        assert_eq!(view.as_object().unwrap().contains_key("start"), !whole.is_null(), "{view}");
    }
}

#[tokio::test]
async fn figures_are_marked_approximate_if_those_of_any_test_are() {
    let app = TestApp::start().await;
    let user = app.user().await;
    let case = |name: &str, accuracy| {
        let step = a_step();
        let step = StepReport { usage: Usage { accuracy, ..step.usage }, ..step };
        CaseReport { name: name.into(), verdict: Verdict::Accepted, message: None, step }
    };
    let (exact, approximate) = (Accuracy::Exact, Accuracy::Approximate);
    for (accuracies, whole, each) in [
        ([exact, exact], json!(null), json!([null, null])),
        ([exact, approximate], json!("approximate"), json!([null, "approximate"])),
    ] {
        let tests = json!([{ "stdin": "1", "expected": "1" }, { "stdin": "2", "expected": "2" }]);
        let body = json!({ "language": "python", "source_code": "pass", "tests": tests });
        let id = app.submit(&user, &body).await;
        let [one, two] = accuracies;
        app.complete(RunReport { execution: None, cases: vec![case("1", one), case("2", two)], ..a_report() }).await;
        let view = app.get(&format!("/api/v1/execute/{id}")).bearer(&user.token).send().await.json;
        let of_tests: Vec<_> = view["tests"].as_array().unwrap().iter().map(|test| &test["accuracy"]).collect();
        assert_eq!((&view["accuracy"], json!(of_tests)), (&whole, each), "{view}");
    }
}

#[tokio::test]
async fn a_compile_error_has_every_documented_field() {
    let app = TestApp::start().await;
    let user = app.user().await;
    let id = app.submit(&user, &json!({ "language": "cpp", "source_code": "int main( {}" })).await;
    app.complete(refused_by_compiler("main.cpp:1: error")).await;
    let view = app.get(&format!("/api/v1/execute/{id}")).bearer(&user.token).send().await.json;
    assert_eq!(
        redacted(&view),
        json!({
            "submission_id": "[id]", "status": "failed", "language": "cpp", "stdout": "", "stderr": "",
            "compilation_error": "main.cpp:1: error", "runtime_error": null, "execution_time_ms": 0, "memory_used_kb": 0, "exit_code": 1,
            "submitted_at": "[time]", "completed_at": "[time]", "verdict": "CE", "message": null, "signal": null, "wall_time_ms": 0,
            "truncated": false, "attempts": 1, "started_at": "[time]",
            "compile": { "ok": false, "output": "main.cpp:1: error", "exit_code": 1, "time_ms": 120, "cached": false, "truncated": false },
            "tests": [], "limits": view["limits"], "language_version": "3.11.2"
        })
    );
    let list = app.get("/api/v1/submissions").bearer(&user.token).send().await.json;
    assert_eq!(
        (&list["submissions"][0]["execution_time_ms"], &list["submissions"][0]["memory_used_kb"]),
        (&json!(0), &json!(0))
    );
}

#[tokio::test]
async fn a_compile_error_has_a_message_without_compiler_output() {
    let app = TestApp::start().await;
    let user = app.user().await;
    let silent = |exit_code, message: Option<&str>| {
        let mut report = refused_by_compiler("");
        report.message = message.map(str::to_owned);
        report.compile.iter_mut().for_each(|compile| compile.exit_code = exit_code);
        report
    };
    // The compiler accepted the program, and the driver of a function problem did not find the function.
    let mut without_function = silent(Some(0), Some("method f not found"));
    without_function.compile.iter_mut().for_each(|compile| compile.ok = true);
    let over = "the compiler went over the memory limit of 1 GiB";
    let both = format!("{over}\nsome words");
    let spoke = |message: &str| RunReport { message: Some(message.into()), ..refused_by_compiler("some words") };
    for (report, sentence, exit_code) in [
        (silent(Some(2), None), "the compiler ended with exit code 2 and printed nothing", Some(2)),
        (silent(None, Some(over)), over, None),
        (spoke(over), both.as_str(), Some(1)),
        (RunReport { compile: None, ..silent(None, Some("function f not found")) }, "function f not found", None),
        (without_function, "method f not found", None),
    ] {
        let id = app.submit(&user, &json!({ "language": "cpp", "source_code": "x" })).await;
        app.complete(report).await;
        let view = app.get(&format!("/api/v1/execute/{id}")).bearer(&user.token).send().await.json;
        assert_eq!(
            (&view["compilation_error"], &view["exit_code"], &view["stdout"], &view["execution_time_ms"]),
            (&json!(sentence), &json!(exit_code), &json!(""), &json!(0)),
            "{view}"
        );
    }
}

#[tokio::test]
async fn a_submission_that_never_ran_has_null_results() {
    let app = TestApp::start().await;
    let user = app.user().await;
    let null_fields = [
        "stdout",
        "stderr",
        "compilation_error",
        "runtime_error",
        "execution_time_ms",
        "memory_used_kb",
        "exit_code",
        "signal",
        "wall_time_ms",
        "compile",
    ];
    let check = |view: &Value, status: &str, ended: bool| {
        assert_eq!(view["status"], status, "{view}");
        for field in null_fields {
            assert_eq!(view[field], Value::Null, "{status}: {field}");
        }
        assert_eq!(view["completed_at"].is_string(), ended, "{status}");
        assert_eq!(view["verdict"].is_string(), ended, "{status}");
    };
    let id = app.submit(&user, &json!({ "language": "python", "source_code": "x" })).await;
    let place = format!("/api/v1/execute/{id}");
    check(&app.get(&place).bearer(&user.token).send().await.json, "queued", false);
    app.delete(&place).bearer(&user.token).send().await;
    check(&app.get(&place).bearer(&user.token).send().await.json, "cancelled", true);

    let id = app.submit(&user, &json!({ "language": "python", "source_code": "x" })).await;
    let place = format!("/api/v1/execute/{id}");
    let assignment = app.next_run().await;
    check(&app.get(&place).bearer(&user.token).send().await.json, "running", false);
    let report = RunReport { verdict: Verdict::InternalError, execution: None, ..a_report() };
    app.core.complete(&assignment, report, Vec::new()).await.unwrap();
    check(&app.get(&place).bearer(&user.token).send().await.json, "failed", true);
}

#[tokio::test]
async fn only_output_that_is_not_text_is_base64() {
    let app = TestApp::start().await;
    let user = app.user().await;
    let id = app.submit(&user, &json!({ "language": "python", "source_code": "x" })).await;
    let step = StepReport { stdout: output(&[b'a', 0xff, 0]), stderr: output("é".as_bytes()), ..a_step() };
    app.complete(RunReport { execution: Some(step), ..a_report() }).await;
    let view = app.get(&format!("/api/v1/execute/{id}")).bearer(&user.token).send().await.json;
    assert_eq!((&view["stdout"], &view["stdout_base64"]), (&json!("a\u{fffd}\0"), &json!("Yf8A")));
    assert_eq!(view["stderr"], "é");
    assert!(view.get("stderr_base64").is_none());
}

#[tokio::test]
async fn files_of_a_program_are_read_back_if_the_request_names_them() {
    let app = TestApp::start().await;
    let user = app.user().await;
    let body = json!({ "language": "python", "source_code": "x", "fetch_files": ["out/a.bin", "none"] });
    let id = app.submit(&user, &body).await;
    let assignment = app.next_run().await;
    let SubmissionKind::Program(program) = &assignment.leased.submission.kind else { panic!("it is a program") };
    assert_eq!(program.fetch.iter().map(BoxPath::as_str).collect::<Vec<_>>(), ["out/a.bin", "none"]);
    let file = FetchedFile {
        path: BoxPath::new("out/a.bin").unwrap(),
        content: Output { data: b"\xff\0".as_slice().into(), truncated: true },
    };
    app.core.complete(&assignment, RunReport { files: vec![file], ..a_report() }, Vec::new()).await.unwrap();
    let view = app.get(&format!("/api/v1/execute/{id}")).bearer(&user.token).send().await.json;
    assert_eq!(view["fetched_files"], json!([{ "path": "out/a.bin", "content_base64": "/wA=", "truncated": true }]));

    for (change, code, pointer) in [
        (json!({ "fetch_files": ["a", "../b"] }), "invalid-path", "/fetch_files/1"),
        (json!({ "fetch_files": ["a"], "tests": [{ "stdin": "" }] }), "invalid-submission", "/fetch_files"),
        (json!({ "fetch_files": vec!["a"; 101] }), "submission-too-large", "/fetch_files"),
        (
            json!({ "fetch_files": vec![("a".repeat(200) + "/").repeat(4) + "b"; 21] }),
            "submission-too-large",
            "/fetch_files",
        ),
    ] {
        let mut body = json!({ "language": "python", "source_code": "x" });
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        app.post("/api/v1/execute", &body).bearer(&user.token).send().await.is_error(422, code).points_to(pointer);
    }
}

fn artifact(path: &str, data: &[u8], media_type: &str) -> Artifact {
    let content = ArtifactContent {
        data: data.into(),
        media_type: media_type.to_owned(),
        hash: ContentHash::from_bytes([7; 32]),
    };
    Artifact { path: BoxPath::new(path).unwrap(), size: Bytes::new(data.len() as u64), content: Ok(content) }
}

#[tokio::test]
async fn files_that_match_a_pattern_are_listed_and_only_pictures_are_shown_by_a_browser() {
    let app = TestApp::start().await;
    let (user, other) = (app.user().await, app.user().await);
    let body = json!({ "language": "python", "source_code": "x", "artifacts": ["*.png", "a/**"] });
    let id = app.submit(&user, &body).await;
    let assignment = app.next_run().await;
    let SubmissionKind::Program(program) = &assignment.leased.submission.kind else { panic!("it is a program") };
    assert_eq!(program.artifacts.iter().map(PathPattern::as_str).collect::<Vec<_>>(), ["*.png", "a/**"]);
    let omitted =
        Artifact { path: BoxPath::new("z").unwrap(), size: Bytes::mib(5), content: Err(Omission::FileTooLarge) };
    let files = vec![
        artifact("a/b.png", b"png", "image/png"),
        artifact("a/c.svg", b"<svg/>", "image/svg+xml"),
        artifact("large", &vec![b'l'; 2 << 20], "application/octet-stream"),
        omitted,
    ];
    let artifacts = Artifacts { files, has_more: true };
    app.core.complete(&assignment, RunReport { artifacts, ..a_report() }, Vec::new()).await.unwrap();
    let hash = "07".repeat(32);
    let url = |path: &str| format!("/api/v1/submissions/{id}/artifacts/{path}");
    for place in ["execute", "submissions"] {
        let view = app.get(&format!("/api/v1/{place}/{id}")).bearer(&user.token).send().await.json;
        assert_eq!(
            view["artifacts"][0],
            json!({ "path": "a/b.png", "size_bytes": 3, "media_type": "image/png", "sha256": hash, "url": url("a%2Fb.png") })
        );
        assert_eq!(
            view["artifacts"][3],
            json!({ "path": "z", "size_bytes": 5 << 20, "omitted": "file_too_large" }),
            "{view}"
        );
        assert_eq!(view["artifacts_truncated"], true);
    }
    for (path, how, media_type) in [
        ("a%2Fb.png", "inline; filename*=UTF-8''b.png", "image/png"),
        ("a%2Fc.svg", "attachment; filename*=UTF-8''c.svg", "image/svg+xml"),
        ("large", "attachment; filename*=UTF-8''large", "application/octet-stream"),
    ] {
        let answer = app.get(&url(path)).bearer(&user.token).send().await;
        assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, media_type));
        assert_eq!((answer.header("content-disposition"), answer.header("x-content-type-options")), (how, "nosniff"));
        assert_eq!(answer.header("cache-control"), "private, no-cache");
        assert!(answer.header("content-security-policy").starts_with("default-src 'none'; sandbox"));
        assert_eq!(app.get(&url(path)).bearer(&other.token).send().await.status, 404, "{path}");
        let tag = answer.header("etag").to_owned();
        assert_eq!(tag, format!("\"{hash}\""));
        let known = app.get(&url(path)).bearer(&user.token).header("if-none-match", &tag).send().await;
        assert_eq!((known.status.as_u16(), known.text.as_str()), (304, ""));
    }
    assert_eq!(app.get(&url("large")).bearer(&user.token).send().await.text, "l".repeat(2 << 20));
    for path in ["z", "none", "a", "%2e%2e%2Fa", "%00"] {
        app.get(&url(path)).bearer(&user.token).send().await.is_error(404, "not-found");
    }

    for (change, code, pointer) in [
        (json!({ "artifacts": ["*.png", "../*"] }), "invalid-path", "/artifacts/1"),
        (json!({ "artifacts": ["*"], "tests": [{ "stdin": "" }] }), "invalid-submission", "/artifacts"),
        (json!({ "artifacts": vec!["*"; 17] }), "submission-too-large", "/artifacts"),
        (json!({ "artifacts": ["x".repeat(129)] }), "invalid-path", "/artifacts/0"),
    ] {
        let mut body = json!({ "language": "python", "source_code": "x" });
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        app.post("/api/v1/execute", &body).bearer(&user.token).send().await.is_error(422, code).points_to(pointer);
    }
}

#[tokio::test]
async fn each_test_is_reported_and_the_first_failure_decides() {
    let app = TestApp::start().await;
    let user = app.user().await;
    let body = json!({ "language": "python", "source_code": "x", "tests": [{ "stdin": "1", "expected": "1" }, { "name": "big", "stdin": "2", "expected": "2" }] });
    let id = app.submit(&user, &body).await;
    let assignment = app.next_run().await;
    let SubmissionKind::Program(program) = &assignment.leased.submission.kind else { panic!("it is a program") };
    let names: Vec<&str> = program.tests.iter().map(|t| &*t.name).collect();
    assert_eq!(names, ["1", "big"]);
    let failed = StepReport { outcome: Outcome::Exited(7), exit_code: Some(7), ..a_step() };
    let cases = vec![
        CaseReport { name: "1".into(), verdict: Verdict::Accepted, message: None, step: a_step() },
        CaseReport {
            name: "big".into(),
            verdict: Verdict::RuntimeError,
            message: Some("ValueError: bad (line 3)".into()),
            step: failed,
        },
    ];
    let report = RunReport { verdict: Verdict::RuntimeError, execution: None, cases, ..a_report() };
    app.core.complete(&assignment, report, Vec::new()).await.unwrap();

    let view = app.get(&format!("/api/v1/execute/{id}")).bearer(&user.token).send().await.json;
    assert_eq!(
        (&view["status"], &view["verdict"], &view["runtime_error"], &view["exit_code"]),
        (&json!("failed"), &json!("RTE"), &json!("exit code 7"), &json!(7))
    );
    assert_eq!(view["stdout"], Value::Null);
    assert_eq!(
        view["tests"][1],
        json!({ "name": "big", "verdict": "RTE", "stdout": "42\n", "stderr": "", "runtime_error": "exit code 7", "message": "ValueError: bad (line 3)", "exit_code": 7, "signal": null,
                "execution_time_ms": 12, "wall_time_ms": 15, "memory_used_kb": 9000, "truncated": false })
    );
}

#[tokio::test]
async fn languages_have_the_documented_names_and_defaults() {
    let app = TestApp::start().await;
    let all = app.get("/api/v1/languages").send().await;
    assert_eq!(all.status, 200);
    for (id, name, seconds, megabytes) in [
        ("python", "Python 3.11", 10, 256),
        ("java", "Java 17", 15, 512),
        ("javascript", "Node.js 20", 10, 256),
        ("cpp", "C++17", 15, 512),
    ] {
        let one = app.get(&format!("/api/v1/languages/{id}")).send().await.json;
        assert!(all.json["languages"].as_array().unwrap().contains(&one), "{id}");
        assert_eq!(
            (
                &one["language_id"],
                &one["display_name"],
                &one["timeout_seconds"],
                &one["max_memory_mb"],
                &one["available"]
            ),
            (&json!(id), &json!(name), &json!(seconds), &json!(megabytes), &json!(true))
        );
    }
    let haskell = app.get("/api/v1/languages/haskell").send().await.json;
    assert_eq!((&haskell["available"], &haskell["version"]), (&json!(false), &json!(null)));
    assert!(haskell["unavailable_reason"].as_str().unwrap().contains("not installed"));
    assert_eq!(app.get("/api/v1/languages/py").send().await.json["language_id"], "python", "an alias");
    let unknown = app.get("/api/v1/languages/pyton").send().await;
    assert!(unknown.is_error(404, "not-found").json["detail"].as_str().unwrap().contains("`python`"));
}

#[tokio::test]
async fn wait_returns_the_whole_submission_once_it_has_ended() {
    let app = TestApp::start().await;
    let user = app.user().await;
    let body = json!({ "language": "python", "source_code": "x" });
    let asked = app.post("/api/v1/execute?wait=20", &body).bearer(&user.token).send();
    let (answer, ()) = tokio::join!(asked, app.complete(a_report()));
    assert_eq!(
        (answer.status.as_u16(), &answer.json["status"], &answer.json["stdout"]),
        (200, &json!("completed"), &json!("42\n"))
    );

    let asked = app.post("/api/v1/execute", &body).bearer(&user.token).header("prefer", "wait=20").send();
    let (answer, ()) = tokio::join!(asked, app.complete(a_report()));
    assert_eq!((answer.status.as_u16(), answer.header("preference-applied")), (200, "wait=20"));

    let answer = app.post("/api/v1/execute?wait=0.01", &body).bearer(&user.token).send().await;
    assert_eq!((answer.status.as_u16(), &answer.json["status"]), (202, &json!("queued")));
    let id = answer.json["submission_id"].as_str().unwrap().to_owned();
    let asked = app.get(&format!("/api/v1/execute/{id}?wait=20")).bearer(&user.token).send();
    let (answer, ()) = tokio::join!(asked, app.complete(a_report()));
    assert_eq!((answer.status.as_u16(), &answer.json["status"]), (200, &json!("completed")));
}

#[tokio::test]
async fn a_wait_over_the_maximum_is_shortened_to_it() {
    let app = TestApp::with_settings(|s| s.wait_max = std::time::Duration::from_millis(10)).await;
    let user = app.user().await;
    let body = json!({ "language": "python", "source_code": "x" });
    for wait in ["30", "86400", "86401", "1e300"] {
        let answer = app.post(&format!("/api/v1/execute?wait={wait}"), &body).bearer(&user.token).send().await;
        assert_eq!((answer.status.as_u16(), &answer.json["status"]), (202, &json!("queued")), "{wait}");
    }
}

#[tokio::test]
async fn a_submission_beyond_the_maximum_number_of_waits_is_accepted_without_waiting() {
    let app = TestApp::start().await;
    let user = app.user().await;
    let body = json!({ "language": "python", "source_code": "x" });
    let place = format!("/api/v1/execute/{}", app.submit(&user, &body).await);
    let mut open = Vec::new();
    loop {
        let stream = app.get(&format!("{place}/events")).bearer(&user.token).start().await;
        if stream.status() == 429 {
            break;
        }
        assert_eq!(stream.status(), 200);
        open.push(stream);
    }
    let accepted = app.post("/api/v1/execute", &body).bearer(&user.token).header("prefer", "wait=20").send().await;
    assert_eq!((accepted.status.as_u16(), accepted.header("preference-applied")), (202, ""));
    assert!(accepted.header("location").ends_with(accepted.json["submission_id"].as_str().unwrap()));
    assert_eq!(app.stored().await, 2);
    app.get(&format!("{place}?wait=20")).bearer(&user.token).send().await.is_error(429, "rate-limited");
    drop(open);
}

#[tokio::test]
async fn the_number_of_created_files_can_be_limited() {
    let app = TestApp::start().await;
    let user = app.user().await;
    app.submit(&user, &json!({ "language": "python", "source_code": "x", "limits": { "inodes": 100 } })).await;
    assert_eq!(app.next_run().await.leased.submission.limits.inodes, Some(100));
}

#[tokio::test]
async fn a_batch_is_accepted_and_queried_as_a_whole() {
    let app = TestApp::start().await;
    let user = app.user().await;
    let one = |n: u32| json!({ "language": "python", "source_code": format!("print({n})") });
    let answer = app
        .post("/api/v1/execute/batch", &json!({ "submissions": [one(1), one(2), one(3)] }))
        .bearer(&user.token)
        .send()
        .await;
    assert_eq!(answer.status, 202);
    let ids: Vec<&str> =
        answer.json["submissions"].as_array().unwrap().iter().map(|s| s["submission_id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), 3);
    let asked = format!("/api/v1/execute?ids={},{},{}", ids[2], uuid::Uuid::nil(), ids[0]);
    let views = app.get(&asked).bearer(&user.token).send().await;
    let got: Vec<&str> =
        views.json["submissions"].as_array().unwrap().iter().map(|s| s["submission_id"].as_str().unwrap()).collect();
    assert_eq!(got, [ids[2], ids[0]], "in the order of the request, without unknown ids");

    let many = json!({ "submissions": (0..30).map(one).collect::<Vec<_>>() });
    let answer = app.post("/api/v1/execute/batch", &many).bearer(&user.token).send().await;
    let ids: Vec<&str> =
        answer.json["submissions"].as_array().unwrap().iter().map(|s| s["submission_id"].as_str().unwrap()).collect();
    let views = app.get(&format!("/api/v1/execute?ids={}", ids.join(","))).bearer(&user.token).send().await;
    let got: Vec<&str> =
        views.json["submissions"].as_array().unwrap().iter().map(|s| s["submission_id"].as_str().unwrap()).collect();
    assert_eq!(got, ids);
}

#[tokio::test]
async fn cancelling_ends_queued_submissions_and_does_not_change_ended_submissions() {
    let app = TestApp::start().await;
    let user = app.user().await;
    let body = json!({ "language": "python", "source_code": "x" });
    let id = app.submit(&user, &body).await;
    let place = format!("/api/v1/execute/{id}");
    for _ in 0..2 {
        let answer = app.delete(&place).bearer(&user.token).send().await;
        assert_eq!(
            (answer.status.as_u16(), &answer.json),
            (200, &json!({ "submission_id": id, "status": "cancelled" }))
        );
    }
    let view = app.get(&place).bearer(&user.token).send().await.json;
    assert_eq!((&view["status"], &view["verdict"]), (&json!("cancelled"), &json!("CANCELLED")));

    let id = app.submit(&user, &body).await;
    app.complete(a_report()).await;
    let answer = app.delete(&format!("/api/v1/execute/{id}")).bearer(&user.token).send().await;
    assert_eq!((answer.status.as_u16(), &answer.json["status"]), (200, &json!("completed")));
}

#[tokio::test]
async fn every_field_of_a_submission_reaches_the_worker() {
    let app = TestApp::start().await;
    let user = app.user().await;
    let body = json!({
        "language": "py", "source_code": "import helper", "stdin": "in",
        "files": [{ "path": "helper.py", "content": "x = 1" }, { "path": "data/raw.bin", "content_base64": "AP8=" }],
        "args": ["-v", "a b"], "env": { "A": "1", "B": "" }, "limits": { "cpu_time_ms": 1500, "memory_kb": 2048, "processes": 3 },
        "priority": "interactive", "webhook": "https://example.com/hook", "cache": true
    });
    let answer = app.post("/api/v1/execute", &body).bearer(&user.token).header("x-request-id", "trace-7").send().await;
    assert_eq!(answer.status, 202, "{answer:?}");
    let sent = app.next_run().await.leased.submission;
    let SubmissionKind::Program(program) = &sent.kind else { panic!("it is a program") };
    assert_eq!(
        (program.source.language.as_str(), &*program.stdin, sent.request_id.as_deref()),
        ("python", &b"in"[..], Some("trace-7"))
    );
    let files: Vec<(&str, &[u8])> = program.source.files.iter().map(|f| (f.path.as_str(), &*f.data)).collect();
    assert_eq!(files, [("main.py", &b"import helper"[..]), ("helper.py", b"x = 1"), ("data/raw.bin", &[0, 255])]);
    assert_eq!(program.args, ["-v", "a b"]);
    assert_eq!(program.env, [("A".to_owned(), "1".to_owned()), ("B".to_owned(), String::new())]);
    assert_eq!((sent.limits.cpu_time, sent.limits.processes), (Some(std::time::Duration::from_millis(1500)), Some(3)));
    assert_eq!(sent.limits.memory, Some(cupel_types::Bytes::mib(2)));
    assert_eq!(
        (sent.priority, sent.webhook.as_deref()),
        (cupel_types::PriorityClass::Interactive, Some("https://example.com/hook"))
    );
}

#[tokio::test]
async fn pages_are_ordered_newest_first() {
    let app = TestApp::start().await;
    let (user, other) = (app.user().await, app.user().await);
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(app.submit(&user, &json!({ "language": "python", "source_code": "x" })).await);
    }
    app.submit(&other, &json!({ "language": "python", "source_code": "x" })).await;
    ids.reverse();
    let page = |page: u32| app.get(&format!("/api/v1/submissions?page={page}&limit=2")).bearer(&user.token).send();
    for (number, wanted) in [(1, &ids[0..2]), (2, &ids[2..4]), (3, &ids[4..5]), (4, &[])] {
        let answer = page(number).await.json;
        let got: Vec<&str> =
            answer["submissions"].as_array().unwrap().iter().map(|s| s["submission_id"].as_str().unwrap()).collect();
        assert_eq!(got, wanted);
        assert_eq!(answer["pagination"], json!({ "page": number, "limit": 2, "total": 5 }));
    }
}

#[tokio::test]
async fn a_history_shows_purposes_filters_and_continues_from_a_cursor() {
    let app = TestApp::start().await;
    let user = app.user().await;
    for n in 0..5 {
        let body = json!({ "language": "python", "source_code": format!("print({n})") });
        assert_eq!(app.post("/api/v1/execute", &body).bearer(&user.token).send().await.status, 202);
    }
    let get = async |query: &str| app.get(&format!("/api/v1/submissions?{query}")).bearer(&user.token).send().await;
    let by_page = get("page=1&limit=5").await.json;
    assert_eq!(by_page["pagination"], json!({ "page": 1, "limit": 5, "total": 5 }));
    assert_eq!(by_page["submissions"][0]["purpose"], "run");
    let (mut all, mut cursor) = (Vec::new(), String::new());
    for (length, is_last) in [(2, false), (2, false), (1, true)] {
        let page = get(&format!("limit=2&cursor={cursor}")).await.json;
        assert_eq!(page["submissions"].as_array().map(Vec::len), Some(length));
        all.extend(page["submissions"].as_array().unwrap().clone());
        let fields: Vec<&String> = page["pagination"].as_object().unwrap().keys().collect();
        assert_eq!(fields, ["limit", "next_cursor"]);
        assert_eq!(page["pagination"]["next_cursor"].is_null(), is_last);
        cursor = page["pagination"]["next_cursor"].as_str().unwrap_or_default().to_owned();
    }
    assert_eq!(json!(all), by_page["submissions"]);
    for (query, total) in [
        ("language=python", 5),
        ("status=queued", 5),
        ("status=failed", 0),
        ("verdict=AC", 0),
        ("purpose=trial", 0),
        ("purpose=samples", 0),
        ("purpose=run", 5),
        ("purpose=execution&from=2020-01-01T00:00:00Z", 5),
        ("to=2020-01-01T00:00:00Z", 0),
        ("problem=echo", 0),
    ] {
        assert_eq!(get(query).await.json["pagination"]["total"], total, "{query}");
    }
    for query in
        ["cursor=&page=1", "cursor=%21", "cursor=abcd", "status=odd", "purpose=odd", "from=now", "problem=A%20B"]
    {
        get(query).await.is_error(400, "invalid-parameter");
    }
}

/// Regression: a scheduled submission looked like one that is stuck in the queue.
#[tokio::test]
async fn a_scheduled_submission_shows_when_it_is_due() {
    let app = TestApp::start().await;
    let user = app.user().await;
    let due = jiff::Timestamp::from_second(app.core.now().as_second() + 48 * 3600).unwrap();
    let program = |run_at: Option<String>| json!({ "language": "python", "source_code": "x", "run_at": run_at });
    let scheduled = app.submit(&user, &program(Some(due.to_string()))).await;
    let others = [
        app.submit(&user, &program(None)).await,
        app.submit(&user, &program(Some("2020-01-01T00:00:00Z".into()))).await,
    ];
    let shown = async |id: &str| {
        let one = app.get(&format!("/api/v1/execute/{id}")).bearer(&user.token).send().await.json;
        let listed = app.get("/api/v1/submissions").bearer(&user.token).send().await.json;
        let listed = listed["submissions"].as_array().unwrap().iter().find(|one| one["submission_id"] == id).cloned();
        [one["run_at"].clone(), listed.unwrap()["run_at"].clone()]
            .map(|time| time.as_str().map(|time| time.parse::<jiff::Timestamp>().unwrap()))
    };
    assert_eq!(shown(&scheduled).await, [Some(due); 2]);
    for id in others {
        assert_eq!(shown(&id).await, [None; 2]);
    }
    let place = format!("/api/v1/execute/{scheduled}");
    assert_eq!(app.request(axum::http::Method::DELETE, &place).bearer(&user.token).send().await.status, 200);
    assert_eq!(shown(&scheduled).await, [None; 2], "a cancelled submission is not due");
}
