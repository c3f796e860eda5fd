//! Tests of the Piston facade: expected exchanges, one table per kind of response.

use std::io::Write as _;
use std::time::Duration;

use axum::http::header;
use cupel_core::Bounds;
use cupel_core::accounts::Scope;
use cupel_facades::{Keyless, PistonOptions};
use cupel_http::Settings;
use cupel_types::{Bytes, Limits, Outcome, RunReport, Signal, SubmissionKind, Verdict};
use serde_json::{Value, json};

use crate::app::{Answer, TestApp, TestSettings, compiled, compiler_exceeded, ended, not_compiled};

/// A test fails after this time instead of waiting for a condition forever.
const PATIENCE: Duration = Duration::from_secs(120);

const JSON: Option<&str> = Some("application/json");

/// A request for Python with these additional or replaced fields.
fn python(fields: Value) -> Value {
    let mut body = json!({ "language": "python", "version": "*", "files": [{ "content": "x" }] });
    body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    body
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

async fn get(app: &TestApp, path: &str) -> Answer {
    app.send(TestApp::piston_request("GET", path, None, b"")).await
}

/// A stage of a result, with the time and memory that `ended` reports.
fn stage(stdout: &str, stderr: &str, code: Option<i32>, signal: Option<&str>, message: Value, status: Value) -> Value {
    json!({
        "stdout": stdout, "stderr": stderr, "output": format!("{stdout}{stderr}"), "code": code, "signal": signal,
        "message": message, "status": status, "cpu_time": 0, "wall_time": 15, "memory": 0,
    })
}

#[tokio::test]
async fn the_result_of_a_program_is_in_a_200_response() {
    let app = TestApp::start(Keyless::Loopback).await;
    let (null, wall) = (Value::Null, "Time limit exceeded (wall clock)");
    let exited = |code: i32| {
        let message = json!(format!("Exited with error status {code}"));
        stage("out", "err", Some(code), None, message, json!("RE"))
    };
    let killed =
        |status: &str, message: &str| stage("out", "err", None, Some("SIGKILL"), json!(message), json!(status));
    for (outcome, expected) in [
        (Outcome::Exited(0), stage("out", "err", Some(0), None, null.clone(), null.clone())),
        (Outcome::Exited(3), exited(3)),
        // In the original, the shell that starts the program survives the signal.
        (Outcome::Signalled(Signal(11)), exited(139)),
        (Outcome::TimeLimit, killed("TO", "Time limit exceeded")),
        (Outcome::WallLimit, killed("TO", wall)),
        (Outcome::IdleLimit, killed("TO", wall)),
        (Outcome::MemoryLimit, killed("SG", "Caught fatal signal 9")),
    ] {
        let report = ended(outcome, "out", "err");
        let body = python(json!({}));
        let (answer, _) = tokio::join!(app.piston(&body), app.complete(report));
        let expected = json!({ "language": "python", "version": "3.11.2", "run": expected });
        assert_eq!((answer.status, &answer.json), (200, &expected), "{outcome:?}");
    }
}

#[tokio::test]
async fn a_compile_stage_exists_as_in_the_original_and_a_failed_compile_stage_is_also_the_run() {
    let app = TestApp::start(Keyless::Loopback).await;
    let send = async |language: &str, report: RunReport| {
        let body = json!({ "language": language, "version": "*", "files": [{ "content": "x" }] });
        tokio::join!(app.piston(&body), app.complete(report)).0.json
    };
    let fine = send("c++", compiled(ended(Outcome::Exited(0), "out", ""))).await;
    assert_eq!((&fine["compile"]["code"], &fine["run"]["stdout"]), (&json!(0), &json!("out")));
    assert_eq!((&fine["language"], &fine["compile"]["wall_time"]), (&json!("c++"), &json!(120)));
    let failed = send("g++", not_compiled(Some(1), "error")).await;
    assert_eq!(failed["language"], "c++", "the canonical name");
    assert_eq!((&failed["compile"]["stderr"], &failed["compile"]["status"]), (&json!("error"), &json!("RE")));
    assert_eq!(failed["run"], failed["compile"]);
    for (limit, status, message, stderr) in [
        (Outcome::TimeLimit, "TO", "Time limit exceeded", "note"),
        (Outcome::WallLimit, "TO", "Time limit exceeded (wall clock)", "note"),
        (Outcome::MemoryLimit, "SG", "Caught fatal signal 9", "note\nthe compiler: limit exceeded"),
    ] {
        let late = send("c", compiler_exceeded(limit, "note")).await;
        assert_eq!((&late["compile"]["status"], &late["compile"]["message"]), (&json!(status), &json!(message)));
        assert_eq!((&late["compile"]["code"], &late["compile"]["signal"]), (&Value::Null, &json!("SIGKILL")));
        assert_eq!((&late["compile"]["stderr"], &late["run"]), (&json!(stderr), &late["compile"]));
    }
    // The compiler succeeded, but left too many files.
    let mut too_many = not_compiled(Some(0), "");
    too_many.message = Some("too many files".to_owned());
    let too_many = send("c", too_many).await;
    assert_eq!((&too_many["run"]["code"], &too_many["run"]["stderr"]), (&json!(1), &json!("too many files")));
    let java = send("java", not_compiled(Some(1), "error")).await;
    assert_eq!(java.get("compile"), None, "the original starts the source file");
    assert_eq!((&java["run"]["code"], &java["run"]["stderr"]), (&json!(1), &json!("error")));
    let sh = send("sh", ended(Outcome::Exited(0), "", "")).await;
    assert_eq!((sh.get("compile"), &sh["language"]), (None, &json!("bash")));
}

#[tokio::test]
async fn output_beyond_the_limit_of_the_original_is_cut_and_reported() {
    let app = TestApp::start(Keyless::Loopback).await;
    let (fits, long, wide) = ("x".repeat(1024), "x".repeat(1025), "\u{1f600}".repeat(513));
    for (stdout, stderr, status, message, kept) in [
        (&fits, &fits, Value::Null, Value::Null, 1024),
        (&long, &fits, json!("OL"), json!("stdout length exceeded"), 1024),
        (&fits, &long, json!("EL"), json!("stderr length exceeded"), 1024),
        (&wide, &fits, json!("OL"), json!("stdout length exceeded"), 512),
    ] {
        let report = ended(Outcome::Exited(0), stdout, stderr);
        let body = python(json!({}));
        let (answer, _) = tokio::join!(app.piston(&body), app.complete(report));
        let run = &answer.json["run"];
        assert_eq!((&run["status"], &run["message"]), (&status, &message));
        assert_eq!(run["signal"].is_null(), status.is_null());
        assert_eq!(run["code"], 0, "the program had already ended");
        assert_eq!(run["stdout"].as_str().unwrap().chars().count(), kept);
    }
    // `output` has the beginnings of both streams, even if one of them is far too long.
    let report = ended(Outcome::Exited(0), &"x".repeat(3000), "oops");
    let body = python(json!({}));
    let (answer, _) = tokio::join!(app.piston(&body), app.complete(report));
    assert_eq!(answer.json["run"]["output"], format!("{fits}oops"));
    // A program that is ended at the limit has no exit code.
    for (stdout, stderr, status) in [(&long, &fits, "OL"), (&fits, &long, "EL")] {
        let mut report = ended(Outcome::OutputLimit, stdout, stderr);
        let step = report.execution.as_mut().unwrap();
        (step.stdout.truncated, step.stderr.truncated) = (status == "OL", status == "EL");
        let body = python(json!({}));
        let (answer, _) = tokio::join!(app.piston(&body), app.complete(report));
        let run = &answer.json["run"];
        assert_eq!((&run["status"], &run["code"], &run["signal"]), (&json!(status), &Value::Null, &json!("SIGKILL")));
    }
}

#[tokio::test]
async fn time_is_in_milliseconds_and_memory_in_thousands_and_bad_utf8_is_replaced() {
    let app = TestApp::start(Keyless::Loopback).await;
    let mut report = ended(Outcome::Exited(0), "", "");
    let step = report.execution.as_mut().unwrap();
    step.stdout.data = b"a\xff".as_slice().into();
    step.usage.cpu_time = Duration::from_micros(12_900);
    step.usage.memory = Bytes::kib(3412);
    let body = python(json!({}));
    let (answer, _) = tokio::join!(app.piston(&body), app.complete(report));
    let run = &answer.json["run"];
    assert_eq!((&run["stdout"], &run["output"]), (&json!("a\u{fffd}"), &json!("a\u{fffd}")));
    assert_eq!((&run["cpu_time"], &run["wall_time"], &run["memory"]), (&json!(12), &json!(15), &json!(3_412_000)));
}

#[tokio::test]
async fn an_executable_may_have_any_encoding() {
    let app = TestApp::start(Keyless::Loopback).await;
    let file = |content: &str, encoding: &str| json!({ "content": content, "encoding": encoding });
    for (name, version) in [("file", "*"), ("elf", "0.0.1")] {
        let files = [file("f0VMRg==", "base64"), file("x", "utf8")];
        let body = json!({ "language": name, "version": version, "files": files });
        let (answer, run) = tokio::join!(app.piston(&body), app.complete(ended(Outcome::Exited(0), "", "")));
        assert_eq!((answer.status, &answer.json["language"]), (200, &json!("file")));
        let SubmissionKind::Program(program) = &run.leased.submission.kind else { panic!("no program") };
        let sent: Vec<_> = program.source.files.iter().map(|file| (file.path.as_str(), &*file.data)).collect();
        assert_eq!(sent, [("a.out", &b"\x7fELF"[..]), ("file1.code", b"x")]);
    }
    let answer = app.piston(&json!({ "language": "file", "version": "*", "files": [] })).await;
    assert_eq!((answer.status, answer.json), (500, json!({ "message": "there is no file" })));
}

#[tokio::test]
async fn the_improved_style_has_the_exact_signal_and_the_whole_output() {
    let options = PistonOptions { strict: false, any_content_type: true };
    let app = TestApp::start_with(Keyless::Loopback, TestSettings { piston: options, ..TestSettings::default() }).await;
    let long = "x".repeat(5000);
    for (outcome, signal, message) in [
        (Outcome::Signalled(Signal(11)), "SIGSEGV", "Caught fatal signal 11"),
        (Outcome::MemoryLimit, "SIGKILL", "Memory limit exceeded"),
    ] {
        let report = ended(outcome, &long, "");
        let request = TestApp::piston_request(
            "POST",
            "/api/v2/execute",
            Some("text/plain"),
            python(json!({ "run_timeout": 9000 })).to_string().as_bytes(),
        );
        let (answer, _) = tokio::join!(app.send(request), app.complete(report));
        let run = &answer.json["run"];
        assert_eq!((answer.status, &run["status"]), (200, &json!("SG")));
        assert_eq!((&run["code"], &run["signal"], &run["message"]), (&Value::Null, &json!(signal), &json!(message)));
        assert_eq!(run["stdout"].as_str().unwrap().len(), 5000);
    }
}

/// The first validation error is reported, in the order of the original.
#[tokio::test]
async fn an_invalid_request_gets_the_message_of_the_original() {
    let app = TestApp::start(Keyless::Loopback).await;
    let number = |field: &str| format!("If specified, {field} must be a number");
    let message = |text: &str| json!({ "message": text });
    let mut cases = vec![
        (json!({}), message("language is required as a string")),
        (json!({ "language": "" }), message("language is required as a string")),
        (json!({ "language": 1 }), message("language is required as a string")),
        (json!({ "language": "python" }), message("version is required as a string")),
        (json!({ "language": "python", "version": "*" }), message("files is required as an array")),
        (python(json!({ "files": {} })), message("files is required as an array")),
        (python(json!({ "files": [{}] })), message("files[0].content is required as a string")),
        (
            python(json!({ "files": [{ "content": "" }, { "content": 1 }] })),
            message("files[1].content is required as a string"),
        ),
        (python(json!({ "files": [1] })), message("files[0].content is required as a string")),
        (python(json!({ "files": [null] })), json!({})),
        (python(json!({ "language": "Python" })), message("Python-* runtime is unknown")),
        (python(json!({ "language": " python" })), message(" python-* runtime is unknown")),
        (python(json!({ "version": "latest" })), message("python-latest runtime is unknown")),
        (python(json!({ "version": "4" })), message("python-4 runtime is unknown")),
        (python(json!({ "language": "scala" })), message("scala-* runtime is unknown")),
        (python(json!({ "files": [] })), message("files must include at least one utf8 encoded file")),
        (
            python(
                json!({ "files": [{ "content": "", "encoding": "base64" }, { "content": "", "encoding": "UTF8" }] }),
            ),
            message("files must include at least one utf8 encoded file"),
        ),
        (python(json!({ "run_timeout": 3001 })), message("run_timeout cannot exceed the configured limit of 3000")),
        (python(json!({ "run_timeout": -1 })), message("run_timeout must be non-negative")),
        (
            python(json!({ "compile_timeout": 10000.5 })),
            message("compile_timeout cannot exceed the configured limit of 10000"),
        ),
        (python(json!({ "run_cpu_time": 3001 })), message("run_cpu_time cannot exceed the configured limit of 3000")),
        (python(json!({ "compile_cpu_time": -0.5 })), message("compile_cpu_time must be non-negative")),
        // The checks are made in the order of the original.
        (python(json!({ "run_cpu_time": "a", "run_memory_limit": "b" })), message(&number("run_memory_limit"))),
        (python(json!({ "run_cpu_time": "a", "compile_timeout": "b" })), message(&number("compile_timeout"))),
        (python(json!({ "stdin": 5 })), json!({})),
    ];
    for field in [
        "compile_memory_limit",
        "run_memory_limit",
        "compile_timeout",
        "run_timeout",
        "compile_cpu_time",
        "run_cpu_time",
    ] {
        cases.push((python(json!({ field: "5" })), message(&number(field))));
    }
    for (body, expected) in cases {
        let answer = app.piston(&body).await;
        assert_eq!((answer.status, &answer.json), (400, &expected), "{body}");
    }
}

#[tokio::test]
async fn more_files_than_cupel_permits_are_the_clients_error() {
    let app = TestApp::start(Keyless::Loopback).await;
    let files = |count: usize| vec![json!({ "content": "" }); count];
    let answer = app.piston(&python(json!({ "files": files(101) }))).await;
    let expected = json!({ "message": "files may have at most 100 entries; there are 101" });
    assert_eq!((answer.status, &answer.json), (400, &expected));
    // The maximum is the configured one.
    let bounds = Bounds { files_max: 120, ..Bounds::default() };
    let app = TestApp::start_with(Keyless::Loopback, TestSettings { bounds, ..TestSettings::default() }).await;
    let body = python(json!({ "files": files(120) }));
    let (answer, _) = tokio::join!(app.piston(&body), app.complete(ended(Outcome::Exited(0), "", "")));
    assert_eq!(answer.status, 200, "{}", answer.text);
    let answer = app.piston(&python(json!({ "files": files(121) }))).await;
    let expected = json!({ "message": "files may have at most 120 entries; there are 121" });
    assert_eq!((answer.status, &answer.json), (400, &expected));
}

#[tokio::test]
async fn a_request_that_cannot_be_prepared_gets_500_with_the_reason() {
    let app = TestApp::start(Keyless::Loopback).await;
    for (fields, reason) in [
        (
            json!({ "files": [{ "name": "../x", "content": "" }] }),
            "File path \"../x\" tries to escape parent directory: ../x",
        ),
        (
            json!({ "files": [{ "name": "..foo", "content": "" }] }),
            "File path \"..foo\" tries to escape parent directory: ..foo",
        ),
        (json!({ "files": [{ "name": "a/", "content": "" }] }), "File path \"a/\" is a directory"),
        (json!({ "files": [{ "name": 5, "content": "" }] }), "the name of file 0 is not a string"),
        (json!({ "args": 5 }), "`args` must be an array of strings"),
    ] {
        let answer = app.piston(&python(fields)).await;
        assert_eq!((answer.status, &answer.json), (500, &json!({ "message": reason })));
    }
    for name in ["a\0", &"a".repeat(256)] {
        let answer =
            app.piston(&python(json!({ "files": [{ "content": "" }, { "name": name, "content": "" }] }))).await;
        assert_eq!((answer.status, answer.json["message"].is_string()), (500, true), "{name:?}: {}", answer.text);
    }
}

#[tokio::test]
async fn a_memory_limit_with_which_no_program_starts_is_raised_to_the_smallest_one() {
    let app = TestApp::start(Keyless::Loopback).await;
    let max = app.core.registry().find("python").unwrap().limits_max.memory;
    for (limit, memory) in [
        (json!(1), Limits::MEMORY_MIN),
        (json!(128_000), Limits::MEMORY_MIN),
        (json!(64 << 20), Bytes::mib(64)),
        (json!(0), max),
        (json!(-1), max),
        (json!(1e15), max),
    ] {
        let body = python(json!({ "run_memory_limit": limit }));
        let report = ended(Outcome::MemoryLimit, "", "");
        let (answer, assignment) = tokio::join!(app.piston(&body), app.complete(report));
        assert_eq!((answer.status, &answer.json["run"]["signal"]), (200, &json!("SIGKILL")), "{limit}");
        assert_eq!(assignment.leased.submission.limits.memory, Some(memory), "{limit}");
    }
}

#[tokio::test]
async fn a_valid_request_becomes_a_submission() {
    let app = TestApp::start(Keyless::Loopback).await;
    let usual =
        json!({ "compile_timeout": 10000, "run_timeout": 3000, "compile_memory_limit": -1, "run_memory_limit": -1 });
    type Expected<'a> = (&'a [(&'a str, &'a str)], &'a str, &'a [&'a str], u64, u64);
    let main: &[(&str, &str)] = &[("main.py", "x")];
    let cases: Vec<(Value, Expected<'_>)> = vec![
        (json!({}), (main, "\n", &[], 3000, 3000)),
        (usual, (main, "\n", &[], 3000, 3000)),
        (json!({ "stdin": "a" }), (main, "a\n", &[], 3000, 3000)),
        (json!({ "stdin": "a\r\n" }), (main, "a\r\n", &[], 3000, 3000)),
        (json!({ "stdin": "a\r" }), (main, "a\r\n", &[], 3000, 3000)),
        (json!({ "log": 0, "unknown": {} }), (main, "\n", &[], 3000, 3000)),
        (json!({ "stdin": null, "args": null }), (main, "\n", &[], 3000, 3000)),
        (json!({ "args": "" }), (main, "\n", &[], 3000, 3000)),
        (json!({ "args": "ab" }), (main, "\n", &["a", "b"], 3000, 3000)),
        (json!({ "args": ["a", 1, true, null] }), (main, "\n", &["a", "1", "true", "null"], 3000, 3000)),
        (json!({ "args": [1.0, 1.5, -2] }), (main, "\n", &["1", "1.5", "-2"], 3000, 3000)),
        // 0 means the default here, and no limit in the original.
        (json!({ "run_timeout": 0, "run_cpu_time": "" }), (main, "\n", &[], 3000, 3000)),
        (json!({ "run_timeout": 1500.0, "run_cpu_time": 500 }), (main, "\n", &[], 1500, 500)),
        (
            json!({ "files": [
                { "name": "data", "content": "eA==", "encoding": "base64" },
                { "name": "app.py", "content": "1", "encoding": "utf8" },
                { "name": "/lib/b.py", "content": "2" },
                { "name": "lib/b.py", "content": "3" },
            ] }),
            (&[("app.py", "1"), ("data", "x"), ("lib/b.py", "3")], "\n", &[], 3000, 3000),
        ),
        (json!({ "files": [{ "name": "script", "content": "1" }] }), (&[("main.py", "1")], "\n", &[], 3000, 3000)),
        // An empty name counts as missing.
        (json!({ "files": [{ "name": "", "content": "\u{e9}" }] }), (&[("main.py", "\u{e9}")], "\n", &[], 3000, 3000)),
    ];
    for (fields, (files, stdin, args, wall, cpu)) in cases {
        let body = python(fields);
        let (answer, run) = tokio::join!(app.piston(&body), app.complete(ended(Outcome::Exited(0), "", "")));
        assert_eq!(answer.status, 200, "{body}");
        let SubmissionKind::Program(program) = &run.leased.submission.kind else { panic!("{body}") };
        let sent: Vec<(&str, &str)> = program
            .source
            .files
            .iter()
            .map(|file| (file.path.as_str(), std::str::from_utf8(&file.data).unwrap()))
            .collect();
        assert_eq!(sent, files, "{body}");
        assert_eq!(
            (&*program.stdin, &program.args[..]),
            (stdin.as_bytes(), &args.iter().map(ToString::to_string).collect::<Vec<_>>()[..]),
            "{body}"
        );
        let limits = &run.leased.submission.limits;
        assert_eq!(
            (limits.wall_time, limits.cpu_time),
            (Some(Duration::from_millis(wall)), Some(Duration::from_millis(cpu))),
            "{body}"
        );
        assert_eq!(limits.output, Some(Bytes::kib(4)), "more than 1,024 characters");
    }
    // Lone surrogates are replaced.
    let body = br#"{"language": "python", "version": "*", "files": [{"content": "\ud800"}], "stdin": "\udfff"}"#;
    let request = TestApp::piston_request("POST", "/api/v2/execute", JSON, body);
    let (_, run) = tokio::join!(app.send(request), app.complete(ended(Outcome::Exited(0), "", "")));
    let SubmissionKind::Program(program) = &run.leased.submission.kind else { panic!("no program") };
    assert_eq!(&*program.source.files.iter().next().unwrap().data, "\u{fffd}".as_bytes());
    assert_eq!(&*program.stdin, "\u{fffd}\n".as_bytes());
}

/// In the original, every file is a source of these languages. Here, a file with another extension is data or a header.
#[tokio::test]
async fn a_further_file_without_an_extension_is_a_source_if_the_compiler_takes_several() {
    let app = TestApp::start(Keyless::Loopback).await;
    let file = |name: Option<&str>, encoding: &str| json!({ "name": name, "content": "eA==", "encoding": encoding });
    for (language, sent, expected) in [
        ("c", file(None, "utf8"), "file1.c"),
        ("c", file(Some("lib/util"), "utf8"), "lib/util.c"),
        ("c++", file(Some("util"), ""), "util.cpp"),
        ("csharp", file(None, "utf8"), "file1.cs"),
        ("c", file(Some("util"), "base64"), "util"),
        ("c", file(Some("main"), "utf8"), "main"),
        ("c", file(Some("util.h"), "utf8"), "util.h"),
        ("c", file(Some("input.txt"), "utf8"), "input.txt"),
        ("python", file(Some("util"), "utf8"), "util"),
    ] {
        let files = [file(Some("main.c"), "utf8"), sent];
        let body = json!({ "language": language, "version": "*", "files": files });
        let (answer, run) = tokio::join!(app.piston(&body), app.complete(ended(Outcome::Exited(0), "", "")));
        assert_eq!(answer.status, 200, "{language} {}", answer.text);
        let SubmissionKind::Program(program) = &run.leased.submission.kind else { panic!("{language}") };
        let paths: Vec<_> = program.source.files.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(paths[1], expected, "{language}");
    }
}

#[tokio::test]
async fn a_compiler_whose_defaults_differ_gets_those_of_the_original() {
    let app = TestApp::start(Keyless::Loopback).await;
    for (language, expected) in [("pascal", &["-Sh-"][..]), ("c", &[]), ("python", &[])] {
        let body = python(json!({ "language": language }));
        let (answer, run) = tokio::join!(app.piston(&body), app.complete(ended(Outcome::Exited(0), "", "")));
        assert_eq!(answer.status, 200, "{language}");
        let SubmissionKind::Program(program) = &run.leased.submission.kind else { panic!("{language}") };
        assert_eq!(program.tools.compiler_args, expected, "{language}");
    }
}

#[tokio::test]
async fn a_request_for_a_version_of_the_original_runs_with_the_installed_version() {
    let app = TestApp::start(Keyless::Loopback).await;
    for (language, version, runs) in [
        ("python", "3.10.0", true),
        ("py", "3.x", true),
        ("python3.12", "3.12.0", true),
        ("python", "^3.9", true),
        ("python", "2.7.18", false),
        ("javascript", "1.32.3", false),
        ("javascript", "18.15.0", true),
        ("node-js", "*", true),
        ("deno-js", "*", false),
        ("c++", "10.2.0", true),
    ] {
        let body = json!({ "language": language, "version": version, "files": [{ "content": "x" }] });
        if runs {
            let (answer, _) = tokio::join!(app.piston(&body), app.complete(ended(Outcome::Exited(0), "", "")));
            assert_eq!((answer.status, &answer.json["version"]), (200, &json!("3.11.2")), "{body}");
        } else {
            let message = format!("{language}-{version} runtime is unknown");
            assert_eq!(app.piston(&body).await.json["message"], message, "{body}");
        }
    }
}

#[tokio::test]
async fn a_body_that_is_not_a_json_object_gets_the_error_of_the_original() {
    let app = TestApp::start(Keyless::Loopback).await;
    let required = json!({ "message": "language is required as a string" });
    let stack = |text: &str| json!({ "stack": text });
    let no_json = json!({ "message": "requests must be of type application/json" });
    let large = format!("{{\"language\":\"{}\"}}", "x".repeat(102_400));
    let cases: Vec<(Option<&str>, &[u8], u16, Value)> = vec![
        (JSON, b"", 400, required.clone()),
        (JSON, b"{}", 400, required.clone()),
        (JSON, b"\xef\xbb\xbf {}", 400, required.clone()),
        (JSON, b"[]", 400, required.clone()),
        (Some("application/json; charset=utf-8"), b"{}", 400, required.clone()),
        (Some("application/jsonp"), b"{}", 400, required.clone()),
        (Some("application/json-patch+json"), b"{", 400, required.clone()),
        (Some("application/json;"), b"{", 400, required),
        (JSON, b"{", 400, stack("SyntaxError: Unexpected end of JSON input")),
        (JSON, b"5", 400, stack("SyntaxError: Unexpected token 5 in JSON at position 0")),
        (JSON, b"null", 400, stack("SyntaxError: Unexpected token n in JSON at position 0")),
        (JSON, b"  ", 400, stack("SyntaxError: Unexpected token in JSON at position 0")),
        (JSON, large.as_bytes(), 400, stack("PayloadTooLargeError: request entity too large")),
        (
            Some("application/json; charset=latin1"),
            b"{}",
            400,
            stack("UnsupportedMediaTypeError: unsupported charset \"LATIN1\""),
        ),
        (None, b"{}", 415, no_json.clone()),
        (Some("text/plain"), b"{}", 415, no_json.clone()),
        (Some("text/plain"), large.as_bytes(), 415, no_json.clone()),
        (Some("Application/JSON"), b"{}", 415, no_json),
    ];
    for (content_type, body, status, expected) in cases {
        let answer = app.send(TestApp::piston_request("POST", "/api/v2/execute", content_type, body)).await;
        assert_eq!(
            (answer.status, &answer.json),
            (status, &expected),
            "{content_type:?} {:?}",
            String::from_utf8_lossy(body)
        );
    }
}

#[tokio::test]
async fn a_compressed_body_is_accepted_up_to_the_limit_of_its_content() {
    let app = TestApp::start(Keyless::Loopback).await;
    let send = async |body: Vec<u8>| {
        let mut request = TestApp::piston_request("POST", "/api/v2/execute", JSON, &body);
        request.headers_mut().insert(header::CONTENT_ENCODING, header::HeaderValue::from_static("gzip"));
        app.send(request).await
    };
    assert_eq!(send(gzip(b"{}")).await.json["message"], "language is required as a string");
    let bomb = gzip(&vec![b' '; 100 << 20]);
    assert_eq!(send(bomb[..].to_vec()).await.json["stack"], "PayloadTooLargeError: request entity too large");
    assert_eq!(send(b"{}".to_vec()).await.json["stack"], "Error: incorrect header check");
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(b"{\"language\":\"x\"}").unwrap();
    let mut request = TestApp::piston_request("POST", "/api/v2/execute", JSON, &encoder.finish().unwrap());
    request.headers_mut().insert(header::CONTENT_ENCODING, header::HeaderValue::from_static("deflate"));
    assert_eq!(app.send(request).await.json["message"], "version is required as a string");
    let mut request = TestApp::piston_request("POST", "/api/v2/execute", JSON, b"{}");
    request.headers_mut().insert(header::CONTENT_ENCODING, header::HeaderValue::from_static("br"));
    let expected = json!({ "stack": "UnsupportedMediaTypeError: unsupported content encoding \"br\"" });
    assert_eq!(app.send(request).await.json, expected);
}

#[tokio::test]
async fn addresses_are_those_of_the_original() {
    let app = TestApp::start(Keyless::Loopback).await;
    let not_found = json!({ "message": "Not Found" });
    for (method, path, content_type, status) in [
        ("GET", "", None, 200),
        ("GET", "/", None, 200),
        ("GET", "/api/v2/runtimes", None, 200),
        ("GET", "/API/v2/Runtimes/", None, 200),
        ("GET", "/api/v2/piston/runtimes?x=1", None, 200),
        ("HEAD", "/api/v2/packages", None, 200),
        ("HEAD", "/api/v2/runtimes", None, 200),
        ("HEAD", "/", None, 200),
        ("GET", "/api/v2/%72untimes", None, 404),
        ("OPTIONS", "/api/v2/execute", None, 200),
        ("GET", "/api/v2/execute", None, 404),
        ("GET", "/api/v2/connect", None, 404),
        ("GET", "/api//v2/runtimes", None, 404),
        ("GET", "/api/v2", None, 404),
        ("GET", "/elsewhere", None, 404),
        ("OPTIONS", "/api/v2/elsewhere", None, 404),
        ("POST", "/api/v2/elsewhere", JSON, 404),
        ("POST", "/api/v2/elsewhere", None, 415),
        ("PUT", "/api/v2/runtimes", JSON, 404),
        ("POST", "/elsewhere", None, 404),
    ] {
        let answer = app.send(TestApp::piston_request(method, path, content_type, b"")).await;
        assert_eq!(answer.status, status, "{method} {path}");
        if status == 404 {
            assert_eq!(answer.json, not_found, "{method} {path}");
        }
    }
    for (path, methods) in [("execute", "POST"), ("runtimes", "GET,HEAD"), ("packages", "GET,HEAD,POST,DELETE")] {
        let answer = app.send(TestApp::piston_request("OPTIONS", &format!("/api/v2/{path}"), None, b"")).await;
        assert_eq!((answer.text.as_str(), &answer.headers["allow"]), (methods, &methods.parse().unwrap()), "{path}");
        assert_eq!(answer.headers["content-type"], "text/html; charset=utf-8", "{path}");
        assert!(!answer.headers.contains_key("access-control-allow-origin"), "{path}");
    }
    // The body is parsed before the content type, the address and the fields are checked.
    for (path, content_type, body, status) in [
        ("/api/v2/elsewhere", "application/json", "{", 400),
        ("/api/v2/elsewhere", "text/plain", "{", 415),
        ("/api/v2/elsewhere", "application/json", "{}", 404),
    ] {
        let request = TestApp::piston_request("POST", path, Some(content_type), body.as_bytes());
        assert_eq!(app.send(request).await.status, status, "{path} {content_type} {body}");
    }
    // A WebSocket at an unknown path is accepted, and then closed. Another protocol is not.
    for (protocol, status) in [("websocket", 101), ("h2c", 404)] {
        let mut request = TestApp::piston_request("GET", "/api/v2/elsewhere", None, b"");
        for (name, value) in [
            ("connection", "upgrade"),
            ("upgrade", protocol),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ] {
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        assert_eq!(app.send(request).await.status, status, "{protocol}");
    }
    assert_eq!(get(&app, "/").await.json, json!({ "message": "Piston v3.1.1" }));
    let runtimes = get(&app, "/api/v2/runtimes").await.json;
    let named = |name: &str| runtimes.as_array().unwrap().iter().find(|runtime| runtime["language"] == name).cloned();
    assert_eq!(
        named("c++").unwrap(),
        json!({ "language": "c++", "version": "3.11.2", "aliases": ["cpp", "g++"], "runtime": "gcc" })
    );
    assert_eq!(named("bash").unwrap(), json!({ "language": "bash", "version": "3.11.2", "aliases": ["sh"] }));
    let nasm = json!({ "language": "nasm64", "version": "3.11.2", "aliases": ["asm64"], "runtime": "nasm" });
    assert_eq!(named("nasm64"), Some(nasm));
    assert_eq!(named("scala"), None, "it is not installed");
}

#[tokio::test]
async fn responses_have_the_headers_of_express() {
    let app = TestApp::start(Keyless::Loopback).await;
    for (method, path, status, is_tagged) in [
        ("GET", "/", 200, true),
        ("GET", "", 200, true),
        ("GET", "/api/v2/runtimes", 200, true),
        ("GET", "/api/v2/packages", 200, true),
        ("GET", "/elsewhere", 404, false),
        ("POST", "/api/v2/execute", 400, false),
    ] {
        let answer = app.send(TestApp::piston_request(method, path, JSON, b"")).await;
        let of = |name: &str| answer.headers.get(name).map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(answer.status, status, "{method} {path}");
        assert_eq!(of("content-type").as_deref(), Some("application/json; charset=utf-8"), "{method} {path}");
        assert_eq!(of("x-powered-by").as_deref(), Some("Express"), "{method} {path}");
        assert_eq!(of("etag").is_some_and(|tag| tag.starts_with("W/\"")), is_tagged, "{method} {path}");
        let Some(tag) = of("etag") else { continue };
        for (sent, expected) in [(tag.as_str(), 304), (&tag[2..], 304), ("*", 304), ("W/\"0\"", 200)] {
            let mut again = TestApp::piston_request(method, path, None, b"");
            again.headers_mut().insert(header::IF_NONE_MATCH, sent.parse().unwrap());
            let again = app.send(again).await;
            assert_eq!((again.status, again.text.is_empty()), (expected, expected == 304), "{path} {sent}");
        }
    }
    let keyed = TestApp::start(Keyless::Nobody).await;
    let refused = keyed.piston(&python(json!({}))).await;
    assert_eq!((refused.status, &refused.headers["x-powered-by"]), (401, &"Express".parse().unwrap()));
    assert_eq!(refused.headers["content-type"], "application/json; charset=utf-8");
}

#[tokio::test]
async fn a_repeated_request_with_an_idempotency_key_gets_the_first_result() {
    let app = TestApp::start(Keyless::Loopback).await;
    let request = |source: &str| {
        let body = python(json!({ "files": [{ "content": source }] })).to_string();
        TestApp::piston_request("POST", "/api/v2/execute", JSON, body.as_bytes())
    };
    let [first, again, other] = app.send_repeatedly(request, ended(Outcome::Exited(0), "once", "")).await;
    assert_eq!((first.status, &first.json["run"]["stdout"]), (200, &json!("once")));
    assert_eq!((again.status, &again.json), (200, &first.json));
    assert!(!first.headers.contains_key("idempotency-replayed"));
    assert_eq!(again.headers["idempotency-replayed"], "true");
    let detail = "This `Idempotency-Key` was used for another request. Use a new key for a new request.";
    assert_eq!((other.status, other.json), (422, json!({ "message": detail })));
}

#[tokio::test]
async fn a_program_that_does_not_start_in_time_gets_503() {
    let app = TestApp::start_with(Keyless::Loopback, TestSettings { queue_max: 1, ..TestSettings::default() }).await;
    let waiting = TestApp::judge0_request("POST", "/submissions", &json!({ "source_code": "x", "language_id": 71 }));
    assert_eq!(app.send(waiting).await.status, 201, "it occupies the only place");
    app.shutdown.cancel();
    let answer = app.piston(&python(json!({}))).await;
    let reason = "Too many programs wait. Send the request again later.";
    assert_eq!((answer.status, answer.json), (503, json!({ "message": reason })));
    let app = TestApp::start(Keyless::Loopback).await;
    let body = python(json!({}));
    let (answer, ()) = tokio::join!(app.piston(&body), app.begin_and_shut_down(None));
    let reason = "The program began too late to end in time. Send the request again later.";
    assert_eq!((answer.status, answer.json), (503, json!({ "message": reason })));
}

#[tokio::test]
async fn a_compilation_beyond_its_timeout_is_reported_as_a_timeout() {
    let app = TestApp::start(Keyless::Loopback).await;
    let body = json!({ "language": "c", "version": "*", "files": [{ "content": "x" }], "compile_timeout": 100 });
    let report = compiled(ended(Outcome::Exited(0), "out", ""));
    for report in [report, not_compiled(Some(1), "error")] {
        let (answer, _) = tokio::join!(app.piston(&body), app.complete(report));
        let compile = &answer.json["compile"];
        let expected = (&json!("TO"), &json!("SIGKILL"), &Value::Null);
        assert_eq!((&compile["status"], &compile["signal"], &compile["code"]), expected, "it took 120 ms");
        assert_eq!(&answer.json["run"], compile, "a failed compile stage is also the run");
    }
}

#[tokio::test]
async fn a_compressed_program_counts_with_its_own_size_while_it_waits() {
    let http = Settings {
        execute_body_bytes_max: 100_000,
        bodies_bytes_max: 300_000,
        bodies_of_user_bytes_max: 300_000,
        ..Settings::default()
    };
    let piston = PistonOptions { strict: false, any_content_type: false };
    let settings = TestSettings { http, piston, queue_max: 1, ..TestSettings::default() };
    let app = TestApp::start_with(Keyless::Loopback, settings).await;
    let waiting = TestApp::judge0_request("POST", "/submissions", &json!({ "source_code": "x", "language_id": 71 }));
    assert_eq!(app.send(waiting).await.status, 201, "it occupies the only place");
    let body = gzip(python(json!({ "stdin": "x".repeat(90_000) })).to_string().as_bytes());
    assert!(body.len() < 5000, "{}", body.len());
    let send = || {
        let mut request = TestApp::piston_request("POST", "/api/v2/execute", JSON, &body);
        request.headers_mut().insert(header::CONTENT_ENCODING, header::HeaderValue::from_static("gzip"));
        app.send(request)
    };
    // One of the two waits with more than a quarter of the memory, and the other one is answered at once.
    let answered = async {
        tokio::select! {
            answer = send() => answer,
            answer = send() => answer,
        }
    };
    let answer = tokio::time::timeout(PATIENCE, answered).await.expect("one is answered at once");
    let reason = "Too many programs wait. Send the request again later.";
    assert_eq!((answer.status, answer.json), (503, json!({ "message": reason })));
}

#[tokio::test]
async fn packages_are_listed_but_only_the_operator_can_change_them() {
    let app = TestApp::start(Keyless::Loopback).await;
    let packages = get(&app, "/api/v2/packages").await.json;
    let of = |name: &str| packages.as_array().unwrap().iter().find(|package| package["language"] == name).cloned();
    assert_eq!(of("node").unwrap(), json!({ "language": "node", "language_version": "3.11.2", "installed": true }));
    assert_eq!(of("scala").unwrap(), json!({ "language": "scala", "language_version": "3.2.2", "installed": false }));
    let lacked = |name: &str, version: &str| {
        packages.as_array().unwrap().contains(&json!({
            "language": name, "language_version": version, "installed": false,
        }))
    };
    assert!(lacked("brachylog", "1.0.0") && lacked("python", "3.10.0"), "the others of the original");
    assert!(packages.as_array().unwrap().len() >= 114, "{packages}");
    for (method, package, version, status, message) in [
        ("POST", "brachylog", "*", 500, "brachylog-1.0.0 cannot be installed here"),
        ("POST", "python", "3.10.0", 500, "python-3.10.0 cannot be installed here"),
        ("DELETE", "python", "3.10.0", 500, "python-3.10.0 is not installed"),
        ("POST", "python", "*", 500, "Already installed"),
        ("POST", "gcc", "*", 500, "Already installed"),
        (
            "POST",
            "scala",
            "3",
            500,
            "This server installs no packages. Its operator can: cupel languages install scala",
        ),
        ("POST", "scala", "4", 404, "Requested package scala-4 does not exist"),
        ("POST", "nothing", "*", 404, "Requested package nothing-* does not exist"),
        ("DELETE", "scala", "*", 500, "scala-3.2.2 is not installed"),
        (
            "DELETE",
            "bash",
            "*",
            500,
            "This server removes no packages. Its operator can disable the language: languages.disabled = [\"bash\"]",
        ),
    ] {
        let body = json!({ "language": package, "version": version }).to_string();
        let answer = app.send(TestApp::piston_request(method, "/api/v2/packages", JSON, body.as_bytes())).await;
        assert_eq!((answer.status, &answer.json), (status, &json!({ "message": message })), "{method} {package}");
    }
}

#[tokio::test]
async fn a_client_elsewhere_sends_a_key_with_or_without_a_scheme() {
    let app = TestApp::start(Keyless::Nobody).await;
    let (user, key) = app.key(&[Scope::RunsWrite]).await;
    let body = python(json!({})).to_string();
    let request = |authorization: Option<&str>| {
        let mut request = TestApp::piston_request("POST", "/api/v2/execute", JSON, body.as_bytes());
        if let Some(value) = authorization {
            request.headers_mut().insert(header::AUTHORIZATION, value.parse().unwrap());
        }
        request
    };
    for authorization in [key.clone(), format!("Bearer {key}")] {
        let report = ended(Outcome::Exited(0), "", "");
        let (answer, run) = tokio::join!(app.send(request(Some(&authorization))), app.complete(report));
        assert_eq!((answer.status, run.leased.submission.owner), (200, user));
    }
    for authorization in [None, Some("wrong"), Some("Bearer wrong")] {
        let answer = app.send(request(authorization)).await;
        assert_eq!(answer.status, 401);
        assert!(answer.json["message"].is_string(), "{}", answer.json);
    }
    assert_eq!(get(&app, "/api/v2/runtimes").await.status, 200, "the list is public");
}

#[tokio::test]
async fn a_failure_of_cupel_is_a_500_with_a_message() {
    let app = TestApp::start(Keyless::Loopback).await;
    let report = RunReport {
        message: Some("the sandbox failed".to_owned()),
        ..RunReport::bare(Verdict::InternalError, cupel_types::Limits::default(), "3")
    };
    let body = python(json!({}));
    let (answer, _) = tokio::join!(app.piston(&body), app.complete(report));
    assert_eq!((answer.status, &answer.json), (500, &json!({ "message": "the sandbox failed" })));
}
