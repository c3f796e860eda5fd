//! Tests of the Judge0 facade: expected exchanges. Each row of a table has a request and its response.

use std::io::Write as _;
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use cupel_core::accounts::Scope;
use cupel_core::{
    AuthenticatedUser, Bounds, ExecuteRequest, Executed, NewProgram, NewSource, NewSubmission, RateExceeded, RateLimit,
};
use cupel_facades::{Judge0Limit, Judge0Options, Keyless, callback_body};
use cupel_http::{Rate, Settings, TierRates};
use cupel_types::{
    Bytes, CaseReport, Limits, Outcome, Output, RunReport, Signal, StepReport, SubmissionKind, TestCase, Verdict,
};
use serde_json::{Value, json};

use crate::app::{Answer, TestApp, TestSettings, compiled, compiler_exceeded, ended, not_compiled};

/// A Python program.
fn python(more: &Value) -> Value {
    let mut all = json!({ "source_code": "print(1)", "language_id": 71 });
    all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    all
}

async fn post(app: &TestApp, path: &str, body: &Value) -> Answer {
    app.judge0("POST", path, body).await
}

async fn get(app: &TestApp, path: &str) -> Answer {
    app.judge0("GET", path, &Value::Null).await
}

/// Sends a program and waits for its result, while a worker completes it with this report.
async fn judged(app: &TestApp, query: &str, body: &Value, report: RunReport) -> Value {
    let path = format!("/submissions?wait=true&{query}");
    let (answer, _) = tokio::join!(post(app, &path, body), app.complete(report));
    assert_eq!(answer.status, 201, "{}", answer.text);
    answer.json
}

fn used(mut report: RunReport, cpu_ms: u64, memory_kib: u64) -> RunReport {
    let step = report.execution.as_mut().unwrap();
    step.usage.cpu_time = std::time::Duration::from_millis(cpu_ms);
    step.usage.memory = cupel_types::Bytes::kib(memory_kib);
    report
}

#[tokio::test(flavor = "multi_thread")]
async fn a_submission_has_a_token_and_can_be_queried_until_and_after_its_end() {
    let app = TestApp::start(Keyless::Loopback).await;
    let created = post(&app, "/submissions", &python(&json!({ "stdin": "in" }))).await;
    assert_eq!(created.status, 201);
    let token = created.json["token"].as_str().unwrap().to_owned();
    assert_eq!(created.json, json!({ "token": token }));
    let path = format!("/submissions/{token}?fields=status,stdout,time,memory,token");
    let queued = get(&app, &path).await;
    let expected = format!(
        r#"{{"stdout":null,"time":null,"memory":null,"token":"{token}","status":{{"description":"In Queue","id":1}}}}"#
    );
    assert_eq!((queued.status, &*queued.text), (200, &*expected));
    let report = used(ended(Outcome::Exited(0), "42\n", ""), 21, 3412);
    let assignment = app.complete(report).await;
    assert_eq!(assignment.leased.submission.id.to_string(), token, "the token is the id that the native API shows");
    let expected = format!(
        r#"{{"stdout":"42\n","time":"0.021","memory":3412,"token":"{token}","status":{{"description":"Accepted","id":3}}}}"#
    );
    assert_eq!(get(&app, &path).await.text, expected);
    let of_default = get(&app, &format!("/submissions/{token}")).await.text;
    let order = ["stdout", "time", "memory", "stderr", "token", "compile_output", "message", "status"];
    let places: Vec<_> = order.iter().map(|name| of_default.find(&format!("\"{name}\":")).unwrap()).collect();
    assert!(places.is_sorted(), "{of_default}");
}

#[tokio::test(flavor = "multi_thread")]
async fn all_35_fields_have_the_types_of_the_original() {
    let app = TestApp::start(Keyless::Loopback).await;
    let body = python(&json!({
        "stdin": "in", "expected_output": "42", "cpu_time_limit": 2, "command_line_arguments": "a 'b c'",
        "callback_url": "http://198.41.0.4/hook",
    }));
    let mut report = ended(Outcome::Exited(0), "", "");
    let step = StepReport { stdout: output("42\n"), ..used(report.clone(), 20, 3412).execution.unwrap() };
    report.execution = None;
    report.cases = vec![CaseReport { name: "1".into(), verdict: Verdict::Accepted, message: None, step }];
    let path = "/submissions?wait=true&fields=*";
    let (answer, _) = tokio::join!(post(&app, path, &body), app.complete(report));
    let all = &answer.json;
    assert_eq!(all.as_object().unwrap().len(), 35);
    let order = [
        "source_code",
        "language_id",
        "stdin",
        "expected_output",
        "stdout",
        "status_id",
        "created_at",
        "finished_at",
        "time",
        "memory",
        "stderr",
        "token",
        "number_of_runs",
        "cpu_time_limit",
        "cpu_extra_time",
        "wall_time_limit",
        "memory_limit",
        "stack_limit",
        "max_processes_and_or_threads",
        "enable_per_process_and_thread_time_limit",
        "enable_per_process_and_thread_memory_limit",
        "max_file_size",
        "compile_output",
        "exit_code",
        "exit_signal",
        "message",
        "wall_time",
        "compiler_options",
        "command_line_arguments",
        "redirect_stderr_to_stdout",
        "callback_url",
        "additional_files",
        "enable_network",
        "status",
        "language",
    ];
    let places: Vec<_> = order.iter().map(|name| answer.text.find(&format!("\"{name}\":")).unwrap()).collect();
    assert!(places.is_sorted(), "{}", answer.text);
    let token = all["token"].as_str().unwrap();
    let dashes: Vec<usize> = token.match_indices('-').map(|(at, _)| at).collect();
    assert_eq!((token.len(), dashes), (36, vec![8, 13, 18, 23]), "{token}");
    assert_eq!(token, token.to_lowercase());
    let date = |value: &Value| {
        let text = value.as_str().unwrap().to_owned();
        assert!(text.len() == 24 && text.ends_with('Z') && text.as_bytes()[19] == b'.', "{text}");
    };
    date(&all["created_at"]);
    date(&all["finished_at"]);
    for (name, expected) in [
        ("source_code", json!("print(1)")),
        ("language_id", json!(71)),
        ("stdin", json!("in")),
        ("expected_output", json!("42")),
        ("stdout", json!("42\n")),
        ("status_id", json!(3)),
        ("time", json!("0.02")),
        ("memory", json!(3412)),
        ("stderr", Value::Null),
        ("number_of_runs", json!(1)),
        ("cpu_time_limit", json!("2.0")),
        ("cpu_extra_time", json!("1.0")),
        ("wall_time_limit", json!("10.0")),
        ("memory_limit", json!(128_000)),
        ("stack_limit", json!(64_000)),
        ("max_processes_and_or_threads", json!(60)),
        ("enable_per_process_and_thread_time_limit", json!(false)),
        ("enable_per_process_and_thread_memory_limit", json!(false)),
        ("max_file_size", json!(1024)),
        ("compile_output", Value::Null),
        ("exit_code", json!(0)),
        ("exit_signal", Value::Null),
        ("message", Value::Null),
        ("wall_time", json!("0.015")),
        ("compiler_options", Value::Null),
        ("command_line_arguments", json!("a 'b c'")),
        ("redirect_stderr_to_stdout", json!(false)),
        ("callback_url", json!("http://198.41.0.4/hook")),
        ("additional_files", Value::Null),
        ("enable_network", json!(false)),
        ("status", json!({ "id": 3, "description": "Accepted" })),
        ("language", json!({ "id": 71, "name": "Python (3.11.2)" })),
    ] {
        assert_eq!(all[name], expected, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_status_and_the_message_describe_the_end_of_the_program() {
    let app = TestApp::start(Keyless::Loopback).await;
    let signalled = |signal| ended(Outcome::Signalled(Signal(signal)), "out", "");
    for (report, status, message, exit_code, exit_signal) in [
        (ended(Outcome::Exited(0), "out", ""), 3, None, json!(0), Value::Null),
        (ended(Outcome::TimeLimit, "out", ""), 5, Some("Time limit exceeded"), json!(0), Value::Null),
        (used(ended(Outcome::Exited(0), "out", ""), 5001, 1), 5, Some("Time limit exceeded"), json!(0), Value::Null),
        (ended(Outcome::WallLimit, "out", ""), 5, Some("Time limit exceeded (wall clock)"), json!(0), Value::Null),
        (ended(Outcome::IdleLimit, "out", ""), 5, Some("Time limit exceeded (wall clock)"), json!(0), Value::Null),
        (signalled(11), 7, Some("Caught fatal signal 11"), json!(0), json!(11)),
        (signalled(25), 8, Some("Caught fatal signal 25"), json!(0), json!(25)),
        (signalled(8), 9, Some("Caught fatal signal 8"), json!(0), json!(8)),
        (signalled(6), 10, Some("Caught fatal signal 6"), json!(0), json!(6)),
        (signalled(15), 12, Some("Caught fatal signal 15"), json!(0), json!(15)),
        (ended(Outcome::Exited(3), "out", ""), 11, Some("Exited with error status 3"), json!(3), Value::Null),
        (ended(Outcome::Exited(139), "out", ""), 11, Some("Exited with error status 139"), json!(139), Value::Null),
        (ended(Outcome::DiskLimit, "out", ""), 12, Some("Disk limit exceeded"), json!(0), json!(9)),
        (ended(Outcome::MemoryLimit, "out", ""), 12, Some("Caught fatal signal 9"), json!(0), json!(9)),
        (ended(Outcome::OutputLimit, "out", ""), 8, Some("Caught fatal signal 25"), json!(0), json!(25)),
    ] {
        let what = format!("{:?}", report.execution.as_ref().unwrap().outcome);
        let fields = "fields=status_id,message,exit_code,exit_signal,stdout";
        let json = judged(&app, fields, &python(&json!({})), report).await;
        let expected = json!({
            "stdout": "out", "status_id": status, "message": message, "exit_code": exit_code, "exit_signal": exit_signal,
        });
        assert_eq!(json, expected, "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_compilation_has_only_its_output_and_warnings_are_kept() {
    let app = TestApp::start(Keyless::Loopback).await;
    let c = json!({ "source_code": "x", "language_id": 50 });
    let failed = |messages: &str| {
        json!({
            "stdout": null, "time": null, "memory": null, "stderr": null, "compile_output": messages, "message": null,
            "exit_code": null, "exit_signal": null, "wall_time": null, "status": { "id": 6, "description": "Compilation Error" },
        })
    };
    let fields = "fields=stdout,time,memory,stderr,compile_output,message,exit_code,exit_signal,wall_time,status";
    let refused = not_compiled(Some(1), "error: x");
    assert_eq!(judged(&app, fields, &c, refused).await, failed("error: x"));
    for limit in [Outcome::TimeLimit, Outcome::WallLimit, Outcome::IdleLimit] {
        let too_long = compiler_exceeded(limit, "messages before");
        assert_eq!(judged(&app, fields, &c, too_long).await, failed("Compilation time limit exceeded."));
    }
    let too_large = compiler_exceeded(Outcome::MemoryLimit, "messages before");
    assert_eq!(judged(&app, fields, &c, too_large).await, failed("messages before\nthe compiler: limit exceeded"));
    // If the compiler printed nothing, the output is the reason.
    let killed = not_compiled(None, "");
    let killed = RunReport { message: Some("the compiler was killed".into()), ..killed };
    assert_eq!(judged(&app, fields, &c, killed).await, failed("the compiler was killed"));
    let silent = judged(&app, fields, &c, not_compiled(Some(1), "")).await;
    assert_eq!((&silent["compile_output"], &silent["status"]["id"]), (&Value::Null, &json!(6)));
    let mut warned = compiled(ended(Outcome::Exited(0), "1", ""));
    warned.compile.as_mut().unwrap().output = output("warning: x");
    let json = judged(&app, "fields=compile_output,status_id", &c, warned).await;
    assert_eq!(json, json!({ "compile_output": "warning: x", "status_id": 3 }));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_comparison_decides_between_accepted_and_wrong_answer() {
    let app = TestApp::start(Keyless::Loopback).await;
    let case = |stdout: &str| {
        let mut report = ended(Outcome::Exited(0), stdout, "");
        let step = report.execution.take().unwrap();
        report.cases = vec![CaseReport { name: "1".into(), verdict: Verdict::WrongAnswer, message: None, step }];
        report
    };
    for (expected, stdout, status) in [("a\nb", "a \nb\n\n", 3), ("a", "b", 4), ("", "", 3), ("a", "", 4)] {
        let body = python(&json!({ "expected_output": expected }));
        let json = judged(&app, "fields=status_id", &body, case(stdout)).await;
        assert_eq!(json["status_id"], status, "{expected:?} {stdout:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_answer_whose_stored_output_is_truncated_is_accepted() {
    let app = TestApp::start(Keyless::Loopback).await;
    let case = |stdout: &str, truncated, verdict| {
        let mut step = ended(Outcome::Exited(0), stdout, "").execution.unwrap();
        step.stdout.truncated = truncated;
        CaseReport { name: String::new(), verdict, message: None, step }
    };
    let body = python(&json!({ "expected_output": "1 2 3\n", "number_of_runs": 3 }));
    let (right, wrong) = (Verdict::Accepted, Verdict::WrongAnswer);
    for (second, third, status, stdout) in [
        (case("1 2", true, right), case("", true, right), 3, None),
        (case("1 2", true, wrong), case("1 2 3", false, right), 4, Some("1 2")),
        (case("1 2", true, right), case("1", true, wrong), 4, Some("1")),
        // The original's comparison decides about a whole output.
        (case("1  2  3", false, right), case("1 2 3", false, right), 4, Some("1  2  3")),
    ] {
        let mut report = RunReport::bare(Verdict::Accepted, Limits::default(), "3.11.2");
        report.cases = vec![case("1 2 3", false, right), second, third];
        let json = judged(&app, "fields=status_id,stdout", &body, report).await;
        assert_eq!(json, json!({ "status_id": status, "stdout": stdout }));
    }
}

/// A rate limit that no submission reaches.
struct Unlimited;

#[async_trait::async_trait]
impl RateLimit for Unlimited {
    async fn charge(&self, _submissions: usize) -> Result<(), RateExceeded> {
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_native_submission_is_accepted_if_its_own_tests_have_passed() {
    let app = TestApp::start(Keyless::Nobody).await;
    let (user, key) = app.key(&[Scope::RunsRead]).await;
    let test = |text: &str| TestCase {
        name: String::new(),
        stdin: text.as_bytes().into(),
        expected: Some(text.as_bytes().into()),
    };
    let case = |stdout: &str, verdict| {
        let step = ended(Outcome::Exited(0), stdout, "").execution.unwrap();
        CaseReport { name: String::new(), verdict, message: None, step }
    };
    let (right, wrong) = (Verdict::Accepted, Verdict::WrongAnswer);
    for (second, status) in [
        (case("2", right), 3),
        // The native comparison is by words.
        (case(" 2 ", right), 3),
        (case("1", wrong), 4),
    ] {
        let files = vec![(String::new(), Arc::from(*b"x"))];
        let program = NewProgram {
            source: NewSource { language: "python".to_owned(), files },
            tests: vec![test("1"), test("2")],
            ..NewProgram::default()
        };
        let request = ExecuteRequest::new(user, NewSubmission::from(program), &Unlimited);
        let Executed::Accepted { id, .. } = app.core.execute(request).await.unwrap() else { panic!("no wait") };
        let stdout = String::from_utf8(second.step.stdout.data.to_vec()).unwrap();
        let mut report = RunReport::bare(second.verdict, Limits::default(), "3.11.2");
        report.cases = vec![case("1", right), second];
        app.complete(report).await;
        let shown = get(&app, &format!("/submissions/{id}?fields=status_id,stdout&X-Auth-Token={key}")).await;
        assert_eq!(shown.json, json!({ "status_id": status, "stdout": stdout }));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn several_runs_have_mean_time_and_memory() {
    let app = TestApp::start(Keyless::Loopback).await;
    let step = |ms, kib, outcome| used(ended(outcome, "1", ""), ms, kib).execution.unwrap();
    let report = |steps: Vec<StepReport>| {
        let mut report = RunReport::bare(Verdict::Accepted, Limits::default(), "3.11.2");
        let case = |(at, step): (usize, StepReport)| CaseReport {
            name: (at + 1).to_string(),
            verdict: Verdict::of_outcome(step.outcome),
            message: None,
            step,
        };
        report.cases = steps.into_iter().enumerate().map(case).collect();
        report
    };
    let good = Outcome::Exited(0);
    let body = python(&json!({ "number_of_runs": 3 }));
    let (answer, assignment) = tokio::join!(
        post(&app, "/submissions?wait=true&fields=time,memory,status_id", &body),
        app.complete(report(vec![step(20, 10, good), step(20, 11, good), step(21, 11, good)]))
    );
    let SubmissionKind::Program(program) = assignment.leased.submission.kind else { panic!("no program") };
    assert_eq!(program.tests.len(), 3, "the program is compiled once and run three times");
    assert_eq!(answer.json["memory"], 10, "the mean, without its fraction");
    let time: f64 = answer.json["time"].as_str().unwrap().parse().unwrap();
    assert!((time - 0.061 / 3.0).abs() < 1e-12, "{time}");
    // Runs after the first that failed do not count.
    let failed = report(vec![step(20, 10, good), step(40, 30, Outcome::Exited(1)), step(9000, 9000, good)]);
    let json = judged(&app, "fields=time,memory,status_id", &body, failed).await;
    assert_eq!(json, json!({ "time": "0.03", "memory": 20, "status_id": 11 }));
    // Runs after the first wrong answer do not count either.
    let body = python(&json!({ "number_of_runs": 3, "expected_output": "1" }));
    let wrong = || StepReport { stdout: output("2"), ..step(40, 30, good) };
    let steps = vec![step(20, 10, good), wrong(), step(9000, 9000, Outcome::Exited(1))];
    let fields = "fields=time,memory,stdout,message,status_id";
    let json = judged(&app, fields, &body, report(steps)).await;
    let expected = json!({ "stdout": "2", "time": "0.03", "memory": 20, "message": null, "status_id": 4 });
    assert_eq!(json, expected);
    let json = judged(&app, fields, &body, report(vec![wrong(), step(1, 1, good), step(1, 1, good)])).await;
    assert_eq!((&json["status_id"], &json["time"]), (&json!(4), &json!("0.04")), "a later right answer does not count");
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_are_base64_in_both_directions_on_request() {
    let app = TestApp::start(Keyless::Loopback).await;
    let body = json!({
        "source_code": "cHJpbnQo\nMSk", "stdin": "/wA=", "language_id": "71", "command_line_arguments": "YQ==",
    });
    let mut report = ended(Outcome::Exited(1), "", "");
    report.execution.as_mut().unwrap().stdout.data = Arc::from(&b"hello\n\xff"[..]);
    let fields = "base64_encoded=true&fields=source_code,stdin,stdout,stderr,message,command_line_arguments";
    let json = judged(&app, fields, &body, report.clone()).await;
    let expected = json!({
        "source_code": "cHJpbnQoMSk=\n", "stdin": "/wA=\n", "stdout": "aGVsbG8K/w==\n", "stderr": null,
        "message": "RXhpdGVkIHdpdGggZXJyb3Igc3RhdHVzIDE=\n", "command_line_arguments": "YQ==",
    });
    assert_eq!(json, expected);
    // Without base64, bytes that are not text cause an error response, but the submission exists.
    let sentence =
        "some attributes for this submission cannot be converted to UTF-8, use base64_encoded=true query parameter";
    let json = judged(&app, "", &python(&json!({})), report).await;
    let token = json["token"].as_str().unwrap();
    assert_eq!(json["error"], sentence);
    let answer = get(&app, &format!("/submissions/{token}")).await;
    assert_eq!((answer.status, &answer.json), (400, &json!({ "error": sentence })));
    assert_eq!(get(&app, &format!("/submissions/{token}?fields=status_id")).await.status, 200);
    let batch = get(&app, &format!("/submissions/batch?tokens={token}")).await;
    let sentence = "some attributes for one or more submissions cannot be converted to UTF-8, use base64_encoded=true query parameter";
    assert_eq!((batch.status, &batch.json), (400, &json!({ "error": sentence })));
    // UTF-8 is text.
    let json = judged(&app, "fields=stdout", &python(&json!({})), ended(Outcome::Exited(0), "č\0", "")).await;
    assert_eq!(json, json!({ "stdout": "č\0" }));
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_have_the_statuses_and_texts_of_the_original() {
    let app = TestApp::start(Keyless::Loopback).await;
    let long: Vec<Value> = (0..21).map(|_| python(&json!({}))).collect();
    let unknown = "0192f0c5-0000-7000-8000-000000000000";
    let not_found = json!({ "status": 404, "error": "Not Found" });
    let too_many = json!({ "error": "number of submissions in a batch should be less than or equal to 20" });
    let none = json!({ "error": "there should be at least one submission in a batch" });
    let no_source = json!({ "source_code": ["can't be blank"] });
    let tokens = vec!["x"; 21].join(",");
    for (method, path, body, status, expected) in [
        ("POST", "/submissions".to_owned(), json!({ "language_id": 71 }), 422, no_source.clone()),
        (
            "POST",
            "/submissions?fields=foo,token,bar".into(),
            python(&json!({})),
            400,
            json!({ "error": "invalid fields: [foo, bar]" }),
        ),
        ("POST", "/submissions/batch".into(), json!({ "submissions": [] }), 400, none.clone()),
        ("POST", "/submissions/batch".into(), json!({}), 400, none.clone()),
        ("POST", "/submissions/batch".into(), json!({ "submissions": long }), 400, too_many.clone()),
        (
            "POST",
            "/submissions/batch".into(),
            json!({ "submissions": [{ "language_id": 71 }, 7] }),
            422,
            json!([
                no_source,
                { "source_code": ["can't be blank"], "language_id": ["can't be blank", "language with id  doesn't exist"] },
            ]),
        ),
        ("GET", "/submissions/batch".into(), Value::Null, 400, none.clone()),
        ("GET", format!("/submissions/batch?tokens={tokens}"), Value::Null, 400, too_many),
        ("GET", format!("/submissions/{unknown}"), Value::Null, 404, not_found.clone()),
        ("GET", "/submissions/nonsense".into(), Value::Null, 404, not_found.clone()),
        (
            "GET",
            format!("/submissions/{unknown}?fields=id"),
            Value::Null,
            400,
            json!({ "error": "invalid fields: [id]" }),
        ),
        (
            "GET",
            format!("/submissions/batch?tokens={unknown},,x"),
            Value::Null,
            200,
            json!({ "submissions": [null, null, null] }),
        ),
        ("GET", "/nothing".into(), Value::Null, 404, not_found.clone()),
        ("PUT", "/submissions".into(), json!({}), 404, not_found.clone()),
        ("PATCH", format!("/submissions/{unknown}"), json!({}), 404, not_found.clone()),
        ("GET", "/authenticate".into(), Value::Null, 404, not_found.clone()),
        ("GET", "/languages/12345".into(), Value::Null, 404, not_found.clone()),
        ("GET", "/languages/x".into(), Value::Null, 404, not_found.clone()),
        ("GET", "/submissions".into(), Value::Null, 403, Value::Null),
        ("DELETE", format!("/submissions/{unknown}"), Value::Null, 403, Value::Null),
        ("POST", "/authorize".into(), Value::Null, 403, Value::Null),
        ("POST", "/authenticate".into(), Value::Null, 200, Value::Null),
        // The token in the path has precedence.
        ("GET", format!("/submissions/{unknown}?token=x"), json!({ "token": "y" }), 404, not_found.clone()),
        ("GET", format!("/submissions/{unknown}.json"), Value::Null, 404, not_found.clone()),
        ("POST", "/submissions/".into(), json!({ "language_id": 71 }), 422, no_source.clone()),
        ("GET", "/docs".into(), Value::Null, 404, not_found.clone()),
        ("GET", "/dummy-client.html".into(), Value::Null, 404, not_found),
        // A private address: refused as in the native API, in the shape of a validation error.
        ("POST", "/submissions".into(), python(&json!({ "callback_url": "http://127.0.0.1/x" })), 422, Value::Null),
    ] {
        let answer = app.judge0(method, &path, &body).await;
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.text);
        if !expected.is_null() {
            assert_eq!(answer.json, expected, "{method} {path}");
        }
    }
    let malformed = TestApp::judge0_request("POST", "/submissions", &Value::Null);
    let (parts, _) = malformed.into_parts();
    let answer = app.send(axum::http::Request::from_parts(parts, "{".into())).await;
    assert_eq!((answer.status, answer.json), (400, json!({ "status": 400, "error": "Bad Request" })));
    // A body of another type has no parameters.
    let (mut parts, _) = TestApp::judge0_request("POST", "/submissions", &Value::Null).into_parts();
    parts.headers.insert("content-type", "text/plain".parse().unwrap());
    let answer = app.send(axum::http::Request::from_parts(parts, python(&json!({})).to_string().into())).await;
    let missing = json!(["can't be blank", "language with id  doesn't exist"]);
    assert_eq!((answer.status, &answer.json["language_id"]), (422, &missing));
    assert_eq!(post(&app, "/authenticate", &Value::Null).await.text, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_has_tokens_and_validation_errors_in_the_order_of_the_request() {
    let app = TestApp::start(Keyless::Loopback).await;
    let batch =
        json!({ "submissions": [python(&json!({})), { "source_code": "x", "language_id": 1234 }, python(&json!({}))] });
    let answer = post(&app, "/submissions/batch", &batch).await;
    assert_eq!(answer.status, 201);
    assert_eq!(answer.json[1], json!({ "language_id": ["language with id 1234 doesn't exist"] }));
    let token = |at: usize| answer.json[at]["token"].as_str().unwrap().to_owned();
    let (first, last) = (token(0), token(2));
    let path = format!("/submissions/batch?tokens={last},nonsense,{first},{first}&fields=token");
    let several = get(&app, &path).await;
    let expected = json!({ "submissions": [{ "token": last }, null, { "token": first }, { "token": first }] });
    assert_eq!((several.status, several.json), (200, expected));
    // The header has precedence over the parameter.
    let mut request = TestApp::judge0_request("GET", &path, &Value::Null);
    request.headers_mut().insert("tokens", first.parse().unwrap());
    assert_eq!(app.send(request).await.json, json!({ "submissions": [{ "token": first }] }));
    let of_default = get(&app, &format!("/submissions/batch?tokens={first}")).await.json;
    let fields: Vec<&String> = of_default["submissions"][0].as_object().unwrap().keys().collect();
    assert_eq!(fields, ["compile_output", "memory", "message", "status", "stderr", "stdout", "time", "token"]);
    // A batch never waits, and a submission that is not awaited has only its token.
    let one = json!({ "submissions": [python(&json!({}))] });
    let answer = post(&app, "/submissions/batch?wait=true&fields=status", &one).await;
    let id = &answer.json[0]["token"];
    assert_eq!((answer.status, &answer.json), (201, &json!([{ "token": id }])));
    for (query, body) in [
        ("wait=1", json!({})),
        ("wait=True", json!({})),
        ("wait=", json!({})),
        ("", json!({ "wait": true })),
        ("wait=true", json!({ "wait": "false" })),
    ] {
        let answer = post(&app, &format!("/submissions?fields=status&{query}"), &python(&body)).await;
        let id = &answer.json["token"];
        assert_eq!((answer.status, &answer.json), (201, &json!({ "token": id })), "{query} {body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_options_arguments_and_files_reach_the_program() {
    let app = TestApp::start(Keyless::Loopback).await;
    let archive = "UEsDBBQAAAAAAAAAIQC379yDAQAAAAEAAAAFAAAAYS50eHQxUEsBAhQDFAAAAAAAAAAhALfv3IMBAAAAAQAAAAUAAAAAAAAAAAAAAIABAAAAAGEudHh0UEsFBgAAAAABAAEAMwAAACQAAAAAAA==";
    let body = json!({
        "source_code": "int main(){}", "language_id": 50, "compiler_options": "-O3 -DX='a b' ; rm", "command_line_arguments": "1 \"2 3\"",
        "cpu_time_limit": 1.5, "cpu_extra_time": 0.5, "wall_time_limit": 3, "memory_limit": 4096, "stack_limit": 1024,
        "max_processes_and_or_threads": 7, "max_file_size": 0, "additional_files": archive, "stdin": "in",
        "enable_per_process_and_thread_memory_limit": true,
    });
    let (answer, assignment) = tokio::join!(
        post(&app, "/submissions?wait=true&fields=additional_files", &body),
        app.complete(compiled(ended(Outcome::Exited(0), "", "")))
    );
    assert_eq!(answer.json["additional_files"].as_str().unwrap().replace('\n', ""), archive);
    let submission = assignment.leased.submission;
    let SubmissionKind::Program(program) = &submission.kind else { panic!("no program") };
    assert_eq!(program.tools.compiler_args, ["-O3", "-DX=a b", "rm"]);
    assert_eq!(program.args, ["1", "2 3"]);
    assert_eq!(&program.stdin[..], b"in");
    let files: Vec<_> = program.source.files.iter().map(|file| (file.path.as_str(), &file.data[..])).collect();
    assert_eq!(files, [("main.c", &b"int main(){}"[..]), ("a.txt", b"1")]);
    let limits = submission.limits;
    assert_eq!(limits.cpu_time.unwrap().as_millis(), 2000, "with the extra time");
    assert_eq!(limits.wall_time.unwrap().as_millis(), 3000);
    assert_eq!((limits.memory.unwrap().as_kib(), limits.stack.unwrap().as_kib()), (4096, 1024));
    assert_eq!(limits.address_space, limits.memory, "of each process, as in the original");
    assert_eq!(limits.processes, Some(7));
    assert!(limits.file_size.unwrap().as_kib() > 4096, "0 is no limit");
    assert!(!program.stderr_to_stdout);
    let body = python(&json!({
        "cpu_time_limit": 0, "stack_limit": 0, "redirect_stderr_to_stdout": true, "stdin": null, "additional_files": "AAEC",
    }));
    assert_eq!(post(&app, "/submissions", &body).await.status, 201, "a broken archive has no files");
    let submission = app.complete(ended(Outcome::Exited(0), "", "")).await.leased.submission;
    let max = app.core.registry().find("python").unwrap().limits_max;
    assert_eq!((submission.limits.cpu_time, submission.limits.stack), (Some(max.cpu_time), Some(max.stack)));
    let SubmissionKind::Program(program) = &submission.kind else { panic!("no program") };
    assert!(program.stderr_to_stdout && program.stdin.is_empty());
    assert_eq!(program.source.files.iter().count(), 1);
}

/// An archive with these files, as base64.
fn archive(files: &[(&str, &str)]) -> String {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, data) in files {
        let mode = if name.ends_with(".sh") { 0o755 } else { 0o644 };
        zip.start_file(*name, zip::write::SimpleFileOptions::default().unix_permissions(mode)).unwrap();
        zip.write_all(data.as_bytes()).unwrap();
    }
    BASE64_STANDARD.encode(zip.finish().unwrap().into_inner())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_does_not_replace_the_source_and_needs_a_script_to_run() {
    let app = TestApp::start(Keyless::Loopback).await;
    let files = async |body: Value| {
        assert_eq!(post(&app, "/submissions", &body).await.status, 201, "{body}");
        let submission = app.complete(ended(Outcome::Exited(0), "", "")).await.leased.submission;
        let SubmissionKind::Program(program) = submission.kind else { panic!("no program") };
        let text = |data: &[u8]| String::from_utf8_lossy(data).into_owned();
        for file in program.source.files.iter() {
            assert_eq!(file.executable, file.path.as_str() == "d/tool.sh", "the execute bits of the archive apply");
        }
        program.source.files.iter().map(|file| (file.path.as_str().to_owned(), text(&file.data))).collect::<Vec<_>>()
    };
    let own = archive(&[("main.c", "other"), ("d/x.h", "1"), ("d/tool.sh", "2")]);
    let sent = files(json!({ "source_code": "own", "language_id": 50, "additional_files": own })).await;
    let expected = [("main.c", "own"), ("d/x.h", "1"), ("d/tool.sh", "2")];
    assert_eq!(sent, expected.map(|(path, text)| (path.to_owned(), text.to_owned())));
    let sent = files(json!({ "language_id": 89, "additional_files": archive(&[("compile", "1")]) })).await;
    assert_eq!(sent.iter().map(|(path, _)| path.as_str()).collect::<Vec<_>>(), ["run", "compile"]);
    assert!(sent[0].1.contains("exit 127"), "as a shell that does not find its script: {sent:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_multi_file_program_is_its_archive() {
    let app = TestApp::start(Keyless::Loopback).await;
    // `compile` and `run`.
    let archive = "UEsDBBQAAAAAAAAAIQC379yDAQAAAAEAAAAHAAAAY29tcGlsZTFQSwMEFAAAAAAAAAAhAA2+1RoBAAAAAQAAAAMAAABydW4yUEsBAhQDFAAAAAAAAAAhALfv3IMBAAAAAQAAAAcAAAAAAAAAAAAAAIABAAAAAGNvbXBpbGVQSwECFAMUAAAAAAAAACEADb7VGgEAAAABAAAAAwAAAAAAAAAAAAAAgAEmAAAAcnVuUEsFBgAAAAACAAIAZgAAAEgAAAAAAA==";
    let body = json!({ "source_code": "", "language_id": 89, "additional_files": archive, "command_line_arguments": "ignored" });
    let fields = "fields=source_code,status_id,language";
    let path = format!("/submissions?wait=true&{fields}");
    let report = ended(Outcome::Exited(0), "", "");
    let (answer, assignment) = tokio::join!(post(&app, &path, &body), app.complete(report));
    let language = json!({ "id": 89, "name": "Multi-file program" });
    assert_eq!(answer.json, json!({ "source_code": null, "status_id": 3, "language": language }));
    let SubmissionKind::Program(program) = &assignment.leased.submission.kind else { panic!("no program") };
    let files: Vec<_> = program.source.files.iter().map(|file| (file.path.as_str(), &file.data[..])).collect();
    assert_eq!(files, [("run", &b"2"[..]), ("compile", b"1")]);
    assert!(program.args.is_empty());
    let one = get(&app, "/languages/89").await.json;
    assert_eq!((&one["source_file"], &one["compile_cmd"], &one["run_cmd"]), (&Value::Null, &Value::Null, &Value::Null));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_languages_are_the_installed_languages_with_their_versions() {
    let app = TestApp::start(Keyless::Loopback).await;
    let active = get(&app, "/languages").await.json;
    let of = |id: i64| active.as_array().unwrap().iter().find(|language| language["id"] == id);
    assert_eq!(of(71), Some(&json!({ "id": 71, "name": "Python (3.11.2)" })));
    assert_eq!(of(50), Some(&json!({ "id": 50, "name": "C (GCC 3.11.2)" })), "the test's probe returns one version");
    assert_eq!((of(70), of(81), of(4)), (None, None, None), "Python 2, Scala (not installed) and an archived language");
    let all = get(&app, "/languages/all").await.json;
    let archived = |id: i64| all.as_array().unwrap().iter().find(|language| language["id"] == id).cloned();
    assert_eq!(archived(4), Some(json!({ "id": 4, "name": "C (gcc 7.2.0)", "is_archived": true })));
    assert_eq!(archived(71).unwrap()["is_archived"], false);
    let one = get(&app, "/languages/71.json").await.json;
    assert_eq!(
        (&one["source_file"], &one["compile_cmd"], &one["run_cmd"]),
        (&json!("main.py"), &Value::Null, &json!("python3 main.py"))
    );
    assert_eq!(get(&app, "/languages/4").await.json["is_archived"], true);
    let extra = get(&app, "/extra/languages/1").await.json;
    assert_eq!(extra["name"], "C (Clang 3.11.2)", "in Extra, id 1 is C with Clang");
    for (path, compiler) in [
        ("/languages/75", "clang"),
        ("/languages/76", "clang++"),
        ("/extra/languages/1", "clang"),
        ("/extra/languages/2", "clang++"),
        ("/extra/languages/13", "clang"),
        ("/extra/languages/14", "clang++"),
        ("/languages/50", "gcc"),
    ] {
        let command = get(&app, path).await.json["compile_cmd"].as_str().unwrap().to_owned();
        assert!(command.starts_with(&format!("{compiler} ")), "{path} {command}");
    }
    assert_eq!(get(&app, "/ce/languages/1").await.json["name"], "Bash (4.4)");
    let archived = post(&app, "/submissions", &json!({ "source_code": "x", "language_id": 1 })).await;
    assert_eq!(archived.json, json!({ "language_id": ["language with id 1 is archived and cannot be used anymore"] }));
    assert_eq!(post(&app, "/extra/submissions", &json!({ "source_code": "x", "language_id": 1 })).await.status, 201);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_describes_itself_as_release_1_13_1() {
    let app = TestApp::start(Keyless::Loopback).await;
    let statuses = get(&app, "/statuses").await.json;
    let expected: Vec<Value> = [
        "In Queue",
        "Processing",
        "Accepted",
        "Wrong Answer",
        "Time Limit Exceeded",
        "Compilation Error",
        "Runtime Error (SIGSEGV)",
        "Runtime Error (SIGXFSZ)",
        "Runtime Error (SIGFPE)",
        "Runtime Error (SIGABRT)",
        "Runtime Error (NZEC)",
        "Runtime Error (Other)",
        "Internal Error",
        "Exec Format Error",
    ]
    .iter()
    .enumerate()
    .map(|(at, description)| json!({ "id": at + 1, "description": description }))
    .collect();
    assert_eq!(statuses, json!(expected));
    for (prefix, version) in [("", "1.13.1"), ("/extra", "1.13.1-extra")] {
        let about = get(&app, &format!("{prefix}/about")).await.json;
        assert_eq!((&about["version"], about.as_object().unwrap().len()), (&json!(version), 4));
        for name in ["homepage", "source_code", "maintainer"] {
            assert!(about[name].is_string(), "{about}");
        }
    }
    for (path, text) in [("/version", "1.13.1"), ("/ce/version", "1.13.1"), ("/extra/version", "1.13.1-extra")] {
        let answer = get(&app, path).await;
        assert_eq!(
            (answer.text.as_str(), &answer.headers["content-type"]),
            (text, &"text/plain; charset=utf-8".parse().unwrap())
        );
    }
    for path in ["/isolate", "/license"] {
        let answer = get(&app, path).await;
        assert_eq!((answer.status, answer.text.is_empty()), (200, false), "{path}");
        assert_eq!(answer.headers["content-type"], "text/plain; charset=utf-8", "{path}");
    }
    for path in ["/", ""] {
        let answer = get(&app, path).await;
        assert_eq!((answer.status, answer.text.as_str()), (200, ""), "{path}");
    }
    let facts = get(&app, "/system_info").await.json;
    assert!(facts["CPU(s)"].is_string() && facts["Architecture"].is_string() && facts["Mem"].is_string(), "{facts}");
    assert!(facts.as_object().unwrap().values().all(Value::is_string), "{facts}");
    let workers = json!([{
        "queue": "1.13.1", "size": 0, "available": 0, "idle": 0, "working": 0, "paused": 0, "failed": 0,
    }]);
    assert_eq!(get(&app, "/workers").await.json, workers, "no worker has sent a heartbeat");
    let statistics = get(&app, "/statistics").await.json;
    assert_eq!(statistics["submissions"]["total"], 0);
    assert_eq!(statistics["submissions"]["last_30_days"].as_object().unwrap().len(), 30);
    let text = get(&app, "/statistics").await.text;
    let days: Vec<&str> = text.split('"').filter(|word| word.len() == 10 && word.starts_with("20")).collect();
    assert_eq!(days.len(), 30, "{text}");
    assert!(days.is_sorted_by(|newer, older| newer > older), "the newest is first: {text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_key_a_client_has_its_own_submissions_and_may_list_them() {
    let app = TestApp::start(Keyless::Nobody).await;
    let (_, key) = app.key(&[Scope::RunsRead, Scope::RunsWrite]).await;
    let send = async |method: &str, path: &str, body: &Value, header: &str, value: &str| {
        let mut request = TestApp::judge0_request(method, path, body);
        request.headers_mut().insert(axum::http::HeaderName::try_from(header).unwrap(), value.parse().unwrap());
        app.send(request).await
    };
    assert_eq!(post(&app, "/submissions", &python(&json!({}))).await.status, 401);
    assert_eq!(get(&app, "/").await.status, 200, "the root needs no key");
    assert_eq!(get(&app, "/languages").await.status, 401);
    assert_eq!(send("GET", "/languages", &Value::Null, "x-auth-token", "wrong").await.status, 401);
    for (header, value) in
        [("x-auth-token", key.clone()), ("x-rapidapi-key", key.clone()), ("authorization", format!("Bearer {key}"))]
    {
        assert_eq!(send("GET", "/languages", &Value::Null, header, &value).await.status, 200, "{header}");
    }
    assert_eq!(get(&app, &format!("/languages?X-Auth-Token={key}")).await.status, 200);
    let mut tokens = Vec::new();
    for _ in 0..3 {
        let answer = send("POST", "/submissions", &python(&json!({})), "x-auth-token", &key).await;
        tokens.push(answer.json["token"].clone());
    }
    let list =
        async |query: &str| send("GET", &format!("/submissions?{query}"), &Value::Null, "x-auth-token", &key).await;
    let page = list("per_page=2&fields=token").await;
    let meta = json!({ "current_page": 1, "next_page": 2, "prev_page": null, "total_pages": 2, "total_count": 3 });
    let expected = json!({ "submissions": [{ "token": tokens[2] }, { "token": tokens[1] }], "meta": meta });
    assert_eq!((page.status, page.json), (200, expected));
    let page = list("per_page=2&fields=token&page=2").await.json;
    assert_eq!(page["submissions"], json!([{ "token": tokens[0] }]));
    assert_eq!((&page["meta"]["next_page"], &page["meta"]["prev_page"]), (&Value::Null, &json!(1)));
    assert_eq!(list("page=0").await.json, json!({ "error": "invalid page: 0" }));
    assert_eq!(list("page=x").await.json, json!({ "error": "invalid page: 0" }));
    assert_eq!(list("per_page=-1").await.json, json!({ "error": "invalid per_page: -1" }));
    let of_default = list("").await.json;
    assert_eq!(of_default["submissions"][0].as_object().unwrap().len(), 8);
    // One submission with bytes that are not text makes the whole page unreadable without base64.
    let mut binary = ended(Outcome::Exited(0), "", "");
    binary.execution.as_mut().unwrap().stdout.data = Arc::from(&b"\xff"[..]);
    app.complete(binary).await;
    let page = list("").await;
    let sentence = "some attributes for one or more submissions cannot be converted to UTF-8, use base64_encoded=true query parameter";
    assert_eq!((page.status, page.json), (400, json!({ "error": sentence })));
    assert_eq!(list("fields=token").await.status, 200);
    assert_eq!(list("base64_encoded=true").await.status, 200);
    let path = format!("/submissions/{}", tokens[0].as_str().unwrap());
    let deleted = send("DELETE", &path, &Value::Null, "x-auth-token", &key).await;
    assert_eq!((deleted.status, deleted.json), (400, json!({ "error": "delete not allowed" })));
    let authorized = send("POST", "/authorize", &Value::Null, "x-auth-token", &key).await;
    assert_eq!((authorized.status, authorized.text.as_str()), (200, ""));
    let app = TestApp::start(Keyless::Nobody).await;
    let (_, key) = app.key(&[Scope::RunsRead]).await;
    let empty = get(&app, &format!("/submissions?X-Auth-Token={key}")).await.json;
    let meta = json!({ "current_page": 1, "next_page": null, "prev_page": null, "total_pages": 1, "total_count": 0 });
    assert_eq!(empty, json!({ "submissions": [], "meta": meta }));
}

/// Reports of a program that prints this.
fn prints(stdout: impl AsRef<[u8]>) -> RunReport {
    let mut report = ended(Outcome::Exited(0), "", "");
    report.execution.as_mut().unwrap().stdout.data = Arc::from(stdout.as_ref());
    report
}

/// The tokens of programs without a key that have printed these texts.
async fn printed(app: &TestApp, texts: impl IntoIterator<Item = Vec<u8>>) -> Vec<String> {
    let mut tokens = Vec::new();
    for text in texts {
        let answer = post(app, "/submissions", &python(&json!({}))).await;
        tokens.push(answer.json["token"].as_str().unwrap().to_owned());
        app.complete(prints(text)).await;
    }
    tokens
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_batch_is_read_in_parts_and_has_every_submission() {
    let app = TestApp::start(Keyless::Loopback).await;
    let size = |at: usize| if at < 5 { 100 } else { 200_000 };
    let text = |at: usize| vec![b'a' + at as u8; size(at)];
    let mut tokens = printed(&app, (0..14).map(text)).await;
    // A token that is no id, an id that does not exist, and a repeated token.
    tokens.extend(["nonsense".to_owned(), "0192f0c5-0000-7000-8000-000000000000".to_owned(), tokens[13].clone()]);
    let path = format!("/submissions/batch?fields=token,stdout&tokens={}", tokens.join(","));
    let whole = get(&app, &path).await;
    assert_eq!(
        (whole.status, &whole.headers["content-type"]),
        (200, &"application/json; charset=utf-8".parse().unwrap())
    );
    let one = |at: usize| json!({ "token": tokens[at], "stdout": String::from_utf8(text(at)).unwrap() });
    let mut expected: Vec<Value> = (0..14).map(one).collect();
    expected.extend([Value::Null, Value::Null, one(13)]);
    assert!(whole.json == json!({ "submissions": expected }), "{} bytes", whole.text.len());
    let encoded = get(&app, &format!("{path}&base64_encoded=true")).await.json;
    let last = encoded["submissions"][16]["stdout"].as_str().unwrap().replace('\n', "");
    assert_eq!(BASE64_STANDARD.decode(last).unwrap(), text(13));
    // The texts that are not selected do not count.
    let short = get(&app, &path.replace("token,stdout", "token")).await;
    assert_eq!((short.json["submissions"][13]["token"].as_str(), short.status), (Some(tokens[13].as_str()), 200));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_that_is_not_utf8_at_the_end_of_a_large_batch_is_found_before_the_response_begins() {
    let app = TestApp::start(Keyless::Loopback).await;
    let text = |at: usize| if at == 11 { b"\xff".to_vec() } else { vec![b'a'; 100_000] };
    let tokens = printed(&app, (0..12).map(text)).await.join(",");
    let answer = get(&app, &format!("/submissions/batch?tokens={tokens}")).await;
    let sentence = "some attributes for one or more submissions cannot be converted to UTF-8, use base64_encoded=true query parameter";
    assert_eq!((answer.status, answer.json), (400, json!({ "error": sentence })));
    let answer = get(&app, &format!("/submissions/batch?base64_encoded=true&tokens={tokens}")).await;
    assert_eq!((answer.status, &answer.json["submissions"][11]["stdout"]), (200, &json!("/w==\n")));
}

/// Two responses with 10 MiB of output, of which nothing has been read. Each reserves memory for a few submissions.
#[tokio::test(flavor = "multi_thread")]
async fn a_response_with_several_submissions_occupies_memory_for_a_few_of_them() {
    let http = Settings {
        answers_of_user_bytes_max: 14 << 20,
        answer_wait_max: std::time::Duration::ZERO,
        ..Settings::default()
    };
    let app = TestApp::start_with(Keyless::Loopback, TestSettings { http, ..TestSettings::default() }).await;
    let tokens = printed(&app, (0..20).map(|_| vec![b'x'; 512 << 10])).await.join(",");
    let path = format!("/submissions/batch?base64_encoded=true&tokens={tokens}");
    let open = async || app.open(TestApp::judge0_request("GET", &path, &Value::Null)).await;
    let (first, second) = (open().await, open().await);
    assert_eq!((first.status().as_u16(), second.status().as_u16()), (200, 200));
    let refused = TestApp::read(open().await).await;
    assert_eq!(refused.status, 429, "the memory is reserved before the response begins: {}", refused.text.len());
    for response in [first, second] {
        let answer = TestApp::read(response).await;
        assert_eq!(answer.json["submissions"].as_array().unwrap().len(), 20);
    }
    assert_eq!(TestApp::read(open().await).await.status, 200, "the memory is released");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_page_of_the_list_ends_with_its_description() {
    let app = TestApp::start(Keyless::Nobody).await;
    let (_, key) = app.key(&[Scope::RunsRead, Scope::RunsWrite]).await;
    let mut tokens = Vec::new();
    for at in 0..6_u8 {
        let path = format!("/submissions?X-Auth-Token={key}");
        tokens.push(post(&app, &path, &python(&json!({}))).await.json["token"].clone());
        app.complete(prints(vec![b'a' + at; 200_000])).await;
    }
    let page = get(&app, &format!("/submissions?fields=token,stdout&per_page=5&X-Auth-Token={key}")).await;
    let listed = page.json["submissions"].as_array().unwrap();
    let found: Vec<Value> = listed.iter().map(|one| one["token"].clone()).collect();
    tokens.reverse();
    assert_eq!(found, tokens[..5]);
    assert_eq!(listed[4]["stdout"], "b".repeat(200_000));
    let meta = json!({ "current_page": 1, "next_page": 2, "prev_page": null, "total_pages": 2, "total_count": 6 });
    assert_eq!(page.json["meta"], meta);
    assert!(page.text.find("\"submissions\"") < page.text.find("\"meta\""), "the order of the original");
    let last = i64::MAX;
    let empty = get(&app, &format!("/submissions?page={last}&X-Auth-Token={key}")).await;
    let meta = json!({
        "current_page": last, "next_page": null, "prev_page": last - 1, "total_pages": 1, "total_count": 6,
    });
    assert_eq!((empty.status, empty.json), (200, json!({ "submissions": [], "meta": meta })));
}

/// The original decides by its own commands: it compiles Lua, and interprets Erlang.
#[tokio::test(flavor = "multi_thread")]
async fn compiler_options_are_allowed_for_the_languages_that_the_original_compiles() {
    let app = TestApp::start(Keyless::Loopback).await;
    let only = json!({ "compiler_options": ["setting compiler options is only allowed for compiled languages"] });
    for (id, status) in [(64, 201), (58, 422), (50, 201), (71, 422)] {
        let body = json!({ "language_id": id, "source_code": "x", "compiler_options": "-s" });
        let answer = post(&app, "/submissions", &body).await;
        assert_eq!(answer.status, status, "{id}: {}", answer.text);
        if status == 422 {
            assert_eq!(answer.json, only, "{id}");
        }
    }
}

/// Strings of Pascal have at most 255 characters, and types of TypeScript are checked without `strict`.
#[tokio::test(flavor = "multi_thread")]
async fn a_compiler_whose_defaults_differ_gets_those_of_the_original_before_the_options_of_the_request() {
    let app = TestApp::start(Keyless::Loopback).await;
    for (id, expected) in [(67, &["-Sh-", "-s"][..]), (50, &["-s"])] {
        let body = json!({ "language_id": id, "source_code": "x", "compiler_options": "-s" });
        assert_eq!(post(&app, "/submissions", &body).await.status, 201, "{id}");
        let submission = app.complete(compiled(ended(Outcome::Exited(0), "", ""))).await.leased.submission;
        let SubmissionKind::Program(program) = &submission.kind else { panic!("no program") };
        assert_eq!(program.tools.compiler_args, expected, "{id}");
        let language = get(&app, &format!("/languages/{id}")).await;
        let command = language.json["compile_cmd"].as_str().unwrap();
        assert_eq!(command.contains(" -Sh- "), id == 67, "{command}");
    }
    let registry = app.core.registry();
    let typescript = &registry.find("typescript").unwrap().facade_options;
    for facade in ["judge0", "piston"] {
        assert_eq!(typescript[facade].compiler_base, ["--strict", "false"], "{facade}");
    }
}

/// Each run of a submission has its own input and expected output, and all of them count.
#[tokio::test(flavor = "multi_thread")]
async fn an_input_that_is_too_large_for_all_runs_is_refused_under_its_own_name() {
    let bounds = Bounds { tests_bytes_max: Bytes::new(1000), ..Bounds::default() };
    let app = TestApp::start_with(Keyless::Loopback, TestSettings { bounds, ..TestSettings::default() }).await;
    for (more, attribute) in [
        (json!({ "stdin": "x".repeat(300), "expected_output": "1" }), "stdin"),
        (json!({ "stdin": "1", "expected_output": "x".repeat(300) }), "expected_output"),
    ] {
        let mut body = python(&more);
        assert_eq!(post(&app, "/submissions", &body).await.status, 201);
        body["number_of_runs"] = json!(4);
        for (path, body) in [
            ("/submissions", body.clone()),
            ("/submissions/batch", json!({ "submissions": [python(&json!({})), body] })),
        ] {
            let answer = post(&app, path, &body).await;
            let faults = if path.ends_with("batch") { &answer.json[1] } else { &answer.json };
            assert_eq!(faults.as_object().unwrap().keys().collect::<Vec<_>>(), [attribute], "{path} {}", answer.text);
        }
    }
}

/// A client that sends its key as a parameter.
#[tokio::test(flavor = "multi_thread")]
async fn the_key_may_be_a_parameter_of_the_query_or_of_the_body() {
    let app = TestApp::start(Keyless::Nobody).await;
    let (owner, key) = app.key(&[Scope::RunsRead, Scope::RunsWrite]).await;
    let encoded: String = key.bytes().map(|byte| format!("%{byte:02x}")).collect();
    assert_eq!(get(&app, &format!("/languages?X-Auth-Token={key}")).await.status, 200);
    assert_eq!(get(&app, &format!("/languages?X-Auth-Token={encoded}")).await.status, 200);
    assert_eq!(get(&app, "/languages?X-Auth-Token=wrong").await.status, 401);
    let send = async |content_type: &str, body: String| {
        let (mut parts, _) = TestApp::judge0_request("POST", "/submissions", &Value::Null).into_parts();
        parts.headers.insert("content-type", content_type.parse().unwrap());
        parts.headers.insert("content-length", body.len().into());
        app.send(axum::http::Request::from_parts(parts, body.into())).await
    };
    let form = "application/x-www-form-urlencoded";
    let with_key = |more: Value| python(&more).to_string();
    for (content_type, body, status) in [
        ("application/json", with_key(json!({ "X-Auth-Token": key })), 201),
        (form, format!("X-Auth-Token={encoded}&source_code=x&language_id=71"), 201),
        ("application/json", with_key(json!({ "X-Auth-Token": "wrong" })), 401),
        ("application/json", with_key(json!({ "X-Auth-Token": 1 })), 401),
        ("application/json", with_key(json!({})), 401),
        ("application/json", "X-Auth-Token {".to_owned(), 401),
        // The server does not read a large body to find the key.
        ("application/json", with_key(json!({ "X-Auth-Token": key, "stdin": "x".repeat(70_000) })), 401),
    ] {
        let answer = send(content_type, body).await;
        assert_eq!(answer.status, status, "{content_type} {}", answer.text);
        if status == 201 {
            let assignment = app.complete(ended(Outcome::Exited(0), "", "")).await;
            assert_eq!(assignment.leased.submission.owner, owner);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_beyond_a_bound_of_core_is_refused_as_a_whole() {
    let batch = |count: usize| json!({ "submissions": vec![python(&json!({ "stdin": "x".repeat(1000) })); count] });
    let start = async |bounds: Bounds| {
        TestApp::start_with(Keyless::Loopback, TestSettings { bounds, ..TestSettings::default() }).await
    };
    let app = start(Bounds { batch_max: 2, ..Bounds::default() }).await;
    let refused = post(&app, "/submissions/batch", &batch(3)).await;
    let too_many = json!({ "error": "number of submissions in a batch should be less than or equal to 2" });
    assert_eq!((refused.status, refused.json), (400, too_many));
    assert_eq!(get(&app, "/config_info").await.json["max_submission_batch_size"], 2);
    assert_eq!(post(&app, "/submissions/batch", &batch(2)).await.status, 201);
    let app = start(Bounds { batch_bytes_max: Bytes::new(2500), ..Bounds::default() }).await;
    let refused = post(&app, "/submissions/batch", &batch(3)).await;
    assert_eq!(refused.status, 400, "{}", refused.text);
    assert!(refused.json["error"].as_str().unwrap().starts_with("a request carries at most"), "{}", refused.text);
    assert_eq!(app.core.counts().await.unwrap().queued, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_may_be_a_form() {
    let app = TestApp::start(Keyless::Loopback).await;
    let (mut parts, _) = TestApp::judge0_request("POST", "/submissions/batch", &Value::Null).into_parts();
    parts.headers.insert("content-type", "application/x-www-form-urlencoded".parse().unwrap());
    let body = "submissions[][source_code]=a&submissions[][language_id]=71&submissions[][language_id]=71";
    let answer = app.send(axum::http::Request::from_parts(parts, body.into())).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    assert!(answer.json[0]["token"].is_string());
    assert_eq!(answer.json[1], json!({ "source_code": ["can't be blank"] }));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_json_response_names_its_character_set() {
    let app = TestApp::start(Keyless::Loopback).await;
    let utf8 = "application/json; charset=utf-8";
    for (method, path, body) in [
        ("GET", "/languages", Value::Null),
        ("GET", "/nonsense", Value::Null),
        ("POST", "/submissions", json!({})),
        ("POST", "/submissions", python(&json!({}))),
        ("GET", "/submissions", Value::Null),
    ] {
        let answer = app.judge0(method, path, &body).await;
        assert_eq!(answer.headers["content-type"], utf8, "{method} {path}");
    }
    let keyed = TestApp::start(Keyless::Nobody).await;
    assert_eq!(get(&keyed, "/languages").await.headers["content-type"], utf8);
}

/// If a request has several errors, the first in this order is reported.
#[tokio::test(flavor = "multi_thread")]
async fn checks_have_the_order_of_the_original() {
    let settings = TestSettings {
        judge0: Judge0Options { enable_wait_result: false, ..Judge0Options::default() },
        ..TestSettings::default()
    };
    let app = TestApp::start_with(Keyless::Nobody, settings).await;
    let (_, key) = app.key(&[Scope::RunsRead, Scope::RunsWrite]).await;
    let tokens = vec!["x"; 21].join(",");
    let fields = json!({ "error": "invalid fields: [foo]" });
    let not_found = json!({ "status": 404, "error": "Not Found" });
    for (method, path, status, expected) in [
        ("POST", "/submissions?wait=true&fields=foo".to_owned(), 400, json!({ "error": "wait not allowed" })),
        ("POST", "/submissions?fields=foo".into(), 400, fields.clone()),
        ("GET", "/submissions?page=0&fields=foo".into(), 400, fields.clone()),
        ("GET", "/submissions/nonsense?fields=foo".into(), 400, fields.clone()),
        ("GET", "/submissions/nonsense".into(), 404, not_found),
        ("GET", format!("/submissions/batch?tokens={tokens}&fields=foo"), 400, fields.clone()),
        ("GET", "/submissions/batch?fields=foo".into(), 400, fields.clone()),
        ("DELETE", "/submissions/nonsense?fields=foo".into(), 400, fields),
        ("DELETE", "/submissions/nonsense".into(), 400, json!({ "error": "delete not allowed" })),
    ] {
        let path = path.clone();
        let mut request = TestApp::judge0_request(method, &path, &Value::Null);
        request.headers_mut().insert("x-auth-token", key.parse().unwrap());
        let answer = app.send(request).await;
        assert_eq!((answer.status, &answer.json), (status, &expected), "{method} {path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_change_the_behaviour_and_are_listed() {
    let mut options = Judge0Options {
        maintenance_mode: true,
        maintenance_message: "Back at noon.".to_owned(),
        enable_wait_result: false,
        enable_compiler_options: false,
        allowed_languages_for_compiler_options: vec!["C".to_owned()],
        enable_command_line_arguments: false,
        enable_callbacks: false,
        enable_additional_files: false,
        allow_enable_per_process_and_thread_time_limit: false,
        allow_enable_per_process_and_thread_memory_limit: false,
        max_submission_batch_size: 2,
        ..Judge0Options::default()
    };
    options.limits.cpu_time_limit = Judge0Limit { default: Some(1.5), max: Some(2.0) };
    options.limits.number_of_runs = Judge0Limit { default: None, max: Some(3.0) };
    let app =
        TestApp::start_with(Keyless::Loopback, TestSettings { judge0: options.clone(), ..TestSettings::default() });
    let app = app.await;
    let config = get(&app, "/config_info").await.json;
    for (name, expected) in [
        ("maintenance_mode", json!(true)),
        ("enable_wait_result", json!(false)),
        ("enable_compiler_options", json!(false)),
        ("allowed_languages_for_compile_options", json!(["C"])),
        ("enable_command_line_arguments", json!(false)),
        ("enable_callbacks", json!(false)),
        ("enable_additional_files", json!(false)),
        ("allow_enable_per_process_and_thread_time_limit", json!(false)),
        ("allow_enable_per_process_and_thread_memory_limit", json!(false)),
        ("max_submission_batch_size", json!(2)),
        ("cpu_time_limit", json!(1.5)),
        ("max_cpu_time_limit", json!(2.0)),
        ("number_of_runs", json!(1)),
        ("max_number_of_runs", json!(3)),
        ("memory_limit", json!(128_000)),
    ] {
        assert_eq!(config[name], expected, "{name}");
    }
    assert_eq!(config.as_object().unwrap().len(), 39);
    let refused = post(&app, "/submissions?wait=true", &python(&json!({}))).await;
    assert_eq!((refused.status, refused.json), (503, json!({ "error": "Back at noon." })));
    let unknown = "/submissions/0192f0c5-0000-7000-8000-000000000000";
    assert_eq!(app.judge0("DELETE", unknown, &Value::Null).await.status, 403, "the key is checked first");
    let (_, key) = app.key(&[Scope::RunsRead]).await;
    let refused = app.judge0("DELETE", &format!("{unknown}?X-Auth-Token={key}"), &Value::Null).await;
    assert_eq!((refused.status, refused.json), (503, json!({ "error": "Back at noon." })));
    // As in the original, maintenance does not affect batches.
    let batch = |count: usize| json!({ "submissions": vec![python(&json!({})); count] });
    assert_eq!(post(&app, "/submissions/batch", &batch(2)).await.status, 201);
    let too_many = json!({ "error": "number of submissions in a batch should be less than or equal to 2" });
    assert_eq!(post(&app, "/submissions/batch", &batch(3)).await.json, too_many);
    let options = Judge0Options { maintenance_mode: false, ..options };
    let app = TestApp::start_with(Keyless::Loopback, TestSettings { judge0: options, ..TestSettings::default() }).await;
    let refused = post(&app, "/submissions?wait=true", &python(&json!({}))).await;
    assert_eq!((refused.status, refused.json), (400, json!({ "error": "wait not allowed" })));
    let refused = post(&app, "/submissions", &python(&json!({ "command_line_arguments": "a" }))).await;
    let expected = json!({ "command_line_arguments": ["setting command line arguments is not allowed"] });
    assert_eq!((refused.status, refused.json), (422, expected));
    assert_eq!(post(&app, "/submissions", &python(&json!({}))).await.status, 201);
    let limits = app.complete(ended(Outcome::Exited(0), "", "")).await.leased.submission.limits;
    assert_eq!(limits.cpu_time.unwrap().as_millis(), 2500, "the default and the extra time");
}

#[tokio::test(flavor = "multi_thread")]
async fn if_not_strict_a_submission_may_have_the_limits_of_its_language() {
    let long = python(&json!({ "wall_time_limit": 25 }));
    let app = TestApp::start(Keyless::Loopback).await;
    let refused = post(&app, "/submissions", &long).await;
    assert_eq!(refused.json, json!({ "wall_time_limit": ["must be less than or equal to 20.0"] }));
    let judge0 = Judge0Options { strict: false, ..Judge0Options::default() };
    let app = TestApp::start_with(Keyless::Loopback, TestSettings { judge0, ..TestSettings::default() }).await;
    assert!(get(&app, "/config_info").await.json["max_wall_time_limit"].as_f64().unwrap() > 20.0);
    assert_eq!(post(&app, "/submissions", &long).await.status, 201);
    let limits = app.complete(ended(Outcome::Exited(0), "", "")).await.leased.submission.limits;
    assert_eq!(limits.wall_time.unwrap().as_secs(), 25);
    let report = ended(Outcome::MemoryLimit, "", "");
    let json = judged(&app, "fields=message,exit_signal", &python(&json!({})), report).await;
    assert_eq!(json, json!({ "message": "Memory limit exceeded", "exit_signal": 9 }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_request_with_an_idempotency_key_gets_the_first_token() {
    let app = TestApp::start(Keyless::Loopback).await;
    let send = async |path: &str, body: &Value, key: &str| {
        let mut request = TestApp::judge0_request("POST", path, body);
        request.headers_mut().insert("idempotency-key", key.parse().unwrap());
        app.send(request).await
    };
    let first = send("/submissions", &python(&json!({})), "a").await;
    let again = send("/submissions", &python(&json!({})), "a").await;
    assert_eq!((first.status, again.status, &first.json), (201, 201, &again.json));
    assert!(!first.headers.contains_key("idempotency-replayed"));
    assert_eq!(again.headers["idempotency-replayed"], "true");
    let detail = "This `Idempotency-Key` was used for another request. Use a new key for a new request.";
    let other = send("/submissions", &python(&json!({ "stdin": "x" })), "a").await;
    assert_eq!((other.status, other.json), (422, json!({ "error": detail })));
    let other = send("/submissions?base64_encoded=true", &python(&json!({})), "a").await;
    assert_eq!(other.status, 422, "the query parameters affect the submission");
    assert_eq!(send("/submissions", &python(&json!({})), "a b").await.status, 400, "a malformed key");
    // A batch in which the facade refuses one submission and core refuses another.
    let private = python(&json!({ "callback_url": "http://127.0.0.1/x" }));
    let batch = json!({ "submissions": [private, { "language_id": 71 }, python(&json!({})), python(&json!({ "stdin": "2" }))] });
    let first = send("/submissions/batch", &batch, "b").await;
    assert_eq!(first.status, 201, "{}", first.text);
    let again = send("/submissions/batch", &batch, "b").await;
    assert_eq!((again.status, &again.headers["idempotency-replayed"]), (201, &"true".parse().unwrap()));
    assert!(first.json[0]["callback_url"].is_array(), "{}", first.text);
    assert_eq!(again.json[0], json!({ "source_code": ["was refused when this batch was first sent"] }));
    for place in 1..4 {
        assert_eq!(again.json[place], first.json[place], "{place}");
    }
    assert!(first.json[3]["token"].is_string() && first.json[2] != first.json[3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_and_an_exhausted_rate_are_503() {
    let app = TestApp::start_with(Keyless::Loopback, TestSettings { queue_max: 1, ..TestSettings::default() }).await;
    assert_eq!(post(&app, "/submissions", &python(&json!({}))).await.status, 201);
    let batch = json!({ "submissions": [python(&json!({}))] });
    for (path, body) in [
        ("/submissions", &python(&json!({}))),
        ("/submissions?wait=true", &python(&json!({}))),
        ("/submissions/batch", &batch),
    ] {
        let full = post(&app, path, body).await;
        assert_eq!((full.status, &full.json), (503, &json!({ "error": "queue is full" })), "{path}");
        assert!(full.headers["retry-after"].to_str().unwrap().parse::<u64>().unwrap() >= 1);
    }
    // A batch is accepted as a whole or not at all, and running submissions do not count.
    let app = TestApp::start_with(Keyless::Loopback, TestSettings { queue_max: 2, ..TestSettings::default() }).await;
    let batch = |count: usize| json!({ "submissions": vec![python(&json!({})); count] });
    assert_eq!(post(&app, "/submissions/batch", &batch(3)).await.status, 503);
    assert_eq!(post(&app, "/submissions/batch", &batch(2)).await.status, 201);
    assert_eq!(post(&app, "/submissions/batch", &batch(1)).await.status, 503);
    app.take_run().await;
    assert_eq!(post(&app, "/submissions/batch", &batch(1)).await.status, 201);
    let rates = TierRates { submissions: Rate::per_minute(1, 1), ..TierRates::default() };
    let http = Settings { tiers: [("basic".to_owned(), rates)].into(), ..Settings::default() };
    let app = TestApp::start_with(Keyless::Nobody, TestSettings { http, ..TestSettings::default() }).await;
    let (_, key) = app.key(&[Scope::RunsWrite]).await;
    let send = async || {
        let mut request = TestApp::judge0_request("POST", "/submissions", &python(&json!({})));
        request.headers_mut().insert("x-auth-token", key.parse().unwrap());
        app.send(request).await
    };
    assert_eq!(send().await.status, 201);
    let refused = send().await;
    assert_eq!(refused.status, 503, "the official SDK loses submissions at 429");
    assert!(refused.json["error"].is_string() && refused.headers.contains_key("retry-after"), "{}", refused.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_creation_of_submissions_is_never_answered_with_429() {
    let rates = TierRates { reads: Rate::per_minute(1, 1), ..TierRates::default() };
    let http = Settings { tiers: [("basic".to_owned(), rates)].into(), ..Settings::default() };
    let app = TestApp::start_with(Keyless::Nobody, TestSettings { http, ..TestSettings::default() }).await;
    let (_, key) = app.key(&[Scope::RunsRead, Scope::RunsWrite]).await;
    let send = async |method: &str, path: &str, body: &Value| {
        let mut request = TestApp::judge0_request(method, path, body);
        request.headers_mut().insert("x-auth-token", key.parse().unwrap());
        app.send(request).await
    };
    assert_eq!(send("GET", "/languages", &Value::Null).await.status, 200);
    // The client has read too often.
    assert_eq!(send("GET", "/languages", &Value::Null).await.status, 429);
    let batch = json!({ "submissions": [python(&json!({}))] });
    for (path, body) in [("/submissions", &python(&json!({}))), ("/submissions/batch", &batch)] {
        let refused = send("POST", path, body).await;
        assert_eq!(refused.status, 503, "{path}");
        assert!(refused.json["error"].as_str().unwrap().contains("reads"), "{}", refused.text);
        assert!(refused.headers["retry-after"].to_str().unwrap().parse::<u64>().unwrap() >= 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_waits_gets_the_token_if_there_is_no_memory_for_the_result() {
    let http = Settings {
        answers_bytes_max: 1 << 20,
        answers_of_user_bytes_max: 1 << 20,
        answer_wait_max: std::time::Duration::ZERO,
        ..Settings::default()
    };
    let app = TestApp::start_with(Keyless::Loopback, TestSettings { http, ..TestSettings::default() }).await;
    let submit = async || {
        let (body, large) = (python(&json!({})), prints("x".repeat(1 << 20)));
        tokio::join!(post(&app, "/submissions?wait=true", &body), app.complete(large)).0
    };
    let first = submit().await;
    assert_eq!(first.json["stdout"].as_str().map(str::len), Some(1 << 20));
    let path = format!("/submissions/{}", first.json["token"].as_str().unwrap());
    let unread = app.open(TestApp::judge0_request("GET", &path, &Value::Null)).await;
    let second = submit().await;
    let token = second.json["token"].as_str().unwrap().to_owned();
    assert_eq!((second.status, &second.json), (201, &json!({ "token": token })));
    assert_eq!(TestApp::read(unread).await.status, 200);
    assert_eq!(get(&app, &format!("/submissions/{token}")).await.json["status"]["id"], 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_submission_is_processing_and_a_failure_of_the_judge_is_an_internal_error() {
    let app = TestApp::start(Keyless::Loopback).await;
    let token = post(&app, "/submissions", &python(&json!({}))).await.json["token"].as_str().unwrap().to_owned();
    let assignment = app.take_run().await;
    let path = format!("/submissions/{token}?fields=status,stdout,time,finished_at,message");
    let expected = json!({
        "status": { "id": 2, "description": "Processing" }, "stdout": null, "time": null, "finished_at": null, "message": null,
    });
    assert_eq!(get(&app, &path).await.json, expected);
    let report = RunReport {
        message: Some("the sandbox failed".to_owned()),
        ..RunReport::bare(Verdict::InternalError, Limits::default(), "3")
    };
    assert!(app.core.complete(&assignment, report, Vec::new()).await.unwrap());
    let failed = get(&app, &path).await.json;
    assert_eq!(failed["status"], json!({ "id": 13, "description": "Internal Error" }));
    assert_eq!((&failed["message"], &failed["stdout"]), (&json!("the sandbox failed"), &Value::Null));
    assert!(failed["finished_at"].is_string(), "{failed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_ends_with_the_current_status() {
    let http = Settings { wait_max: std::time::Duration::from_millis(50), ..Settings::default() };
    let app = TestApp::start_with(Keyless::Loopback, TestSettings { http, ..TestSettings::default() }).await;
    let waited = post(&app, "/submissions?wait=true&fields=status_id,token", &python(&json!({}))).await;
    assert_eq!((waited.status, &waited.json["status_id"]), (201, &json!(1)));
    let path = format!("/submissions/{}?fields=status_id", waited.json["token"].as_str().unwrap());
    app.complete(ended(Outcome::Exited(0), "", "")).await;
    assert_eq!(get(&app, &path).await.json, json!({ "status_id": 3 }));
}

#[tokio::test]
async fn a_key_of_another_server_is_ignored_where_no_key_is_needed() {
    let app = TestApp::start(Keyless::Loopback).await;
    for (name, value, status) in [
        ("x-auth-token", "of-another-server", 201),
        ("x-rapidapi-key", "of-another-server", 201),
        ("authorization", "Bearer of-another-server", 201),
        ("authorization", "Basic YTpi", 201),
        // Keys and tokens of this server are checked.
        ("x-auth-token", "cup_wrong", 401),
        ("x-auth-token", "e30.e30.e30", 401),
    ] {
        let body = json!({ "source_code": "x", "language_id": 71 });
        let mut request = TestApp::judge0_request("POST", "/submissions", &body);
        request.headers_mut().insert(name, value.parse().unwrap());
        let answer = app.send(request).await;
        assert_eq!(answer.status, status, "{name}: {value}: {}", answer.text);
    }
    let app = TestApp::start(Keyless::Nobody).await;
    let mut request = TestApp::judge0_request("GET", "/languages", &Value::Null);
    request.headers_mut().insert("x-auth-token", "of-another-server".parse().unwrap());
    assert_eq!(app.send(request).await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_is_accepted_in_place_of_json() {
    let app = TestApp::start(Keyless::Loopback).await;
    let (mut parts, _) = TestApp::judge0_request("POST", "/submissions", &Value::Null).into_parts();
    parts.headers.insert("content-type", "application/x-www-form-urlencoded".parse().unwrap());
    let body = "source_code=print(1)&language_id=71&memory_limit=&stdin=a%0Ab";
    let answer = app.send(axum::http::Request::from_parts(parts, body.into())).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    let assignment = app.complete(ended(Outcome::Exited(0), "", "")).await;
    let SubmissionKind::Program(program) = assignment.leased.submission.kind else { panic!("no program") };
    assert_eq!(&program.stdin[..], b"a\nb");
}

/// The settings of both flavours, with the values of this server where they differ from the original's.
#[tokio::test(flavor = "multi_thread")]
async fn config_info_has_the_defaults_of_the_original() {
    let app = TestApp::start(Keyless::Loopback).await;
    for (prefix, cpu, cpu_max, wall, wall_max, processes, file, file_max) in [
        ("/ce", 5.0, 15.0, 10.0, 20.0, 60, 1024, 4096),
        ("", 5.0, 15.0, 10.0, 20.0, 60, 1024, 4096),
        ("/extra", 15.0, 20.0, 20.0, 25.0, 100, 5120, 20_480),
    ] {
        let expected = json!({
            "maintenance_mode": false,
            "enable_wait_result": true,
            "enable_compiler_options": true,
            "allowed_languages_for_compile_options": [],
            "enable_command_line_arguments": true,
            "enable_submission_delete": false,
            "enable_callbacks": true,
            // The attempts of webhooks.
            "callbacks_max_tries": 10,
            "callbacks_timeout": 10.0,
            "enable_additional_files": true,
            "max_queue_size": 2000,
            "cpu_time_limit": cpu,
            "max_cpu_time_limit": cpu_max,
            "cpu_extra_time": 1.0,
            "max_cpu_extra_time": 5.0,
            "wall_time_limit": wall,
            "max_wall_time_limit": wall_max,
            "memory_limit": 128_000,
            "max_memory_limit": 512_000,
            "stack_limit": 64_000,
            "max_stack_limit": 128_000,
            "max_processes_and_or_threads": processes,
            "max_max_processes_and_or_threads": 120,
            "enable_per_process_and_thread_time_limit": false,
            "allow_enable_per_process_and_thread_time_limit": true,
            "enable_per_process_and_thread_memory_limit": false,
            "allow_enable_per_process_and_thread_memory_limit": true,
            "max_file_size": file,
            "max_max_file_size": file_max,
            "number_of_runs": 1,
            "max_number_of_runs": 20,
            "redirect_stderr_to_stdout": false,
            "max_extract_size": 10_240,
            "enable_batched_submissions": true,
            "max_submission_batch_size": 20,
            // Nothing is cached.
            "submission_cache_duration": 0.0,
            "use_docs_as_homepage": false,
            // Programs have no network.
            "allow_enable_network": false,
            "enable_network": false,
        });
        assert_eq!(get(&app, &format!("{prefix}/config_info")).await.json, expected, "{prefix}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn statistics_count_the_callers_programs_and_are_cached() {
    let app = TestApp::start(Keyless::Loopback).await;
    for code in [0, 0, 3] {
        judged(&app, "", &python(&json!({})), ended(Outcome::Exited(code), "", "")).await;
    }
    let counted = get(&app, "/statistics").await;
    let of = |name: &str| counted.json[name].clone();
    let language = json!({ "id": 71, "name": "Python (3.11.2)" });
    assert_eq!(of("languages"), json!([{ "language": language, "count": 3 }]));
    let status = |id: u8, name: &str, count: u8| json!({ "status": { "id": id, "name": name }, "count": count });
    assert_eq!(of("statuses"), json!([status(3, "Accepted", 2), status(11, "Runtime Error (NZEC)", 1)]));
    assert_eq!(of("database"), json!({ "size_pretty": "0 bytes", "size_in_bytes": 0 }));
    let submissions = of("submissions");
    let earlier: u64 = submissions["last_30_days"].as_object().unwrap().values().filter_map(Value::as_u64).sum();
    assert_eq!(submissions["total"], 3);
    assert_eq!(earlier + submissions["today"].as_u64().unwrap(), 3, "{submissions}");
    for name in ["created_at", "cached_until"] {
        assert!(of(name).as_str().unwrap().ends_with('Z'), "{}", counted.text);
    }
    judged(&app, "", &python(&json!({})), ended(Outcome::Exited(0), "", "")).await;
    assert_eq!(get(&app, "/statistics").await.text, counted.text, "numbers are returned from the cache");
}

/// Every callback has the default fields, in base64, for each status.
#[tokio::test(flavor = "multi_thread")]
async fn a_callback_describes_every_kind_of_end() {
    let app = TestApp::start(Keyless::Loopback).await;
    let failed = RunReport {
        message: Some("why".to_owned()),
        ..RunReport::bare(Verdict::InternalError, Limits::default(), "3")
    };
    let status = |id: u8, description: &str| json!({ "id": id, "description": description });
    for (report, status, stdout, compile_output, message) in [
        (ended(Outcome::Exited(0), "1\n", ""), status(3, "Accepted"), json!("MQo=\n"), Value::Null, Value::Null),
        (not_compiled(Some(1), "error"), status(6, "Compilation Error"), Value::Null, json!("ZXJyb3I=\n"), Value::Null),
        (failed, status(13, "Internal Error"), Value::Null, Value::Null, json!("d2h5\n")),
    ] {
        let body = json!({ "source_code": "x", "language_id": 50, "callback_url": "http://198.41.0.4/hook" });
        let token = post(&app, "/submissions", &body).await.json["token"].clone();
        let submission = app.complete(report).await.leased.submission;
        assert_eq!(submission.webhook.as_deref(), Some("http://198.41.0.4/hook"));
        let viewer = AuthenticatedUser::of(submission.owner);
        let record = app.core.submission(&viewer, submission.id).await.unwrap().unwrap();
        let sent = callback_body(&app.core.registry(), &record, &Judge0Options::default()).unwrap();
        let mut sent: Value = serde_json::from_str(&sent).unwrap();
        for name in ["time", "memory"] {
            sent.as_object_mut().unwrap().remove(name).unwrap();
        }
        let expected = json!({
            "token": token, "status": status, "stdout": stdout, "stderr": null, "compile_output": compile_output,
            "message": message,
        });
        assert_eq!(sent, expected);
    }
}

/// Pages of permitted origins may send a key. Their preflight requests need none.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_a_permitted_origin_may_send_a_key() {
    let http = Settings { cors_origins: vec!["https://ide.example".to_owned()], ..Settings::default() };
    let app = TestApp::start_with(Keyless::Nobody, TestSettings { http, ..TestSettings::default() }).await;
    let (_, key) = app.key(&[Scope::RunsRead]).await;
    let mut preflight = TestApp::judge0_request("OPTIONS", "/submissions", &Value::Null);
    for (name, value) in [
        ("origin", "https://ide.example"),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "content-type,x-auth-token"),
    ] {
        preflight.headers_mut().insert(name, value.parse().unwrap());
    }
    let answer = app.send(preflight).await;
    assert_eq!(
        (answer.status, &answer.headers["access-control-allow-origin"]),
        (200, &"https://ide.example".parse().unwrap())
    );
    let allowed = answer.headers["access-control-allow-headers"].to_str().unwrap().to_ascii_lowercase();
    for name in ["content-type", "x-auth-token", "x-auth-user", "x-rapidapi-key", "x-rapidapi-host"] {
        assert!(allowed.split(',').any(|allowed| allowed.trim() == name), "{name}: {allowed}");
    }
    for (origin, expected) in [("https://ide.example", Some("https://ide.example")), ("https://other.example", None)] {
        let mut request = TestApp::judge0_request("GET", "/languages", &Value::Null);
        request.headers_mut().insert("origin", origin.parse().unwrap());
        request.headers_mut().insert("x-auth-token", key.parse().unwrap());
        let answer = app.send(request).await;
        let allowed = answer.headers.get("access-control-allow-origin").map(|value| value.to_str().unwrap());
        assert_eq!((answer.status, allowed), (200, expected), "{origin}");
    }
}

fn output(text: &str) -> Output {
    Output { data: Arc::from(text.as_bytes()), truncated: false }
}
