//! Tests of the Jobe facade: expected exchanges, one table per kind of response.

use std::time::Duration;

use axum::http::header;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use cupel_core::Bounds;
use cupel_core::accounts::Scope;
use cupel_facades::Keyless;
use cupel_http::{Rate, Settings, TierRates};
use cupel_types::{Bytes, Outcome, Program, RunReport, Signal, SubmissionKind, Verdict};
use serde_json::{Value, json};

use crate::app::{Answer, TestApp, TestSettings, compiled, compiler_exceeded, ended, not_compiled};

/// A run of Python with these additional or replaced attributes.
fn python(attributes: Value) -> Value {
    let mut spec = json!({ "language_id": "python3", "sourcecode": "x" });
    spec.as_object_mut().unwrap().extend(attributes.as_object().unwrap().clone());
    json!({ "run_spec": spec })
}

async fn run(app: &TestApp, body: &Value, report: RunReport) -> (Answer, Program) {
    let text = body.to_string();
    let (answer, assignment) = tokio::join!(app.jobe("POST", "/runs", &text), app.complete(report));
    match assignment.leased.submission.kind {
        SubmissionKind::Program(program) => (answer, program),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_outcome_depends_on_standard_error_and_not_on_the_exit_code() {
    let app = TestApp::start(Keyless::Loopback).await;
    for (language, outcome, stdout, stderr, expected, cmpinfo, out, err) in [
        ("python3", Outcome::Exited(0), "out", "", 15, "", "out", ""),
        ("python3", Outcome::Exited(3), "out", "", 15, "", "out", ""),
        ("python3", Outcome::Exited(0), "out", "err", 12, "", "out", "err"),
        // Messages have bare file names.
        ("python3", Outcome::Exited(1), "/box/a", "\"/box/a\"", 12, "", "/box/a", "\"a\""),
        ("python3", Outcome::Signalled(Signal(11)), "", "", 12, "", "", "Segmentation fault\n"),
        ("python3", Outcome::Signalled(Signal(6)), "", "why", 12, "", "", "why\nAborted\n"),
        ("python3", Outcome::MemoryLimit, "out", "", 12, "", "out", "Killed\n"),
        ("python3", Outcome::TimeLimit, "out", "err", 13, "", "out", ""),
        ("python3", Outcome::WallLimit, "out", "", 13, "", "out", ""),
        ("python3", Outcome::OutputLimit, "out", "", 13, "", "out", ""),
        ("python3", Outcome::Exited(0), "out", "a timelimit exceeded", 13, "", "out", ""),
        // The original compiles first. Cupel's interpreter reports the same error.
        (
            "python3",
            Outcome::Exited(1),
            "",
            "  File \"/box/prog.py\", line 1\nSyntaxError: x\n",
            11,
            "  File \"prog.py\", line 1\nSyntaxError: x\n",
            "",
            "",
        ),
        (
            "python3",
            Outcome::Exited(0),
            "1",
            "/box/prog.py:1: SyntaxWarning: x\n  1 is 1\nerr",
            11,
            "prog.py:1: SyntaxWarning: x\n  1 is 1\n",
            "",
            "",
        ),
        (
            "python3",
            Outcome::Exited(1),
            "",
            "Traceback (most recent call last):\n  File \"a\", line 1\nSyntaxError: x\n",
            12,
            "",
            "",
            "Traceback (most recent call last):\n  File \"a\", line 1\nSyntaxError: x\n",
        ),
        (
            "php",
            Outcome::Exited(255),
            "",
            "PHP Parse error:  x in /box/prog.php on line 1\n",
            11,
            "PHP Parse error:  x in prog.php on line 1\n",
            "",
            "",
        ),
        ("java", Outcome::Exited(1), "", "Exception\n\tat Main", 12, "", "", "Exception\n        at Main"),
    ] {
        let body = json!({ "run_spec": { "language_id": language, "sourcecode": "x" } });
        let (answer, _) = run(&app, &body, ended(outcome, stdout, stderr)).await;
        let expected = json!({ "run_id": null, "outcome": expected, "cmpinfo": cmpinfo, "stdout": out, "stderr": err });
        assert_eq!((answer.status, &answer.json), (200, &expected), "{outcome:?} {stderr:?}");
        assert_eq!(answer.headers[header::CONTENT_TYPE], "application/json; charset=UTF-8");
        assert_eq!(answer.headers[header::CACHE_CONTROL], "no-store, max-age=0, no-cache");
    }
}

/// The same texts about the source would be compile errors.
#[tokio::test]
async fn messages_about_other_files_than_the_source_are_output_of_the_program() {
    let app = TestApp::start(Keyless::Loopback).await;
    for (language, stdout, stderr) in [
        ("python3", "", "<string>:2: SyntaxWarning: \"is\" with a literal. Did you mean \"==\"?\n"),
        ("python3", "", "s.py:2: SyntaxWarning: \"is\" with a literal. Did you mean \"==\"?\n  print(x is 1)\n"),
        ("python3", "", "prog.python:2: SyntaxWarning: x\n  x\n"),
        ("python3", "out", "prog.py:3: SyntaxWarning: x\n  warnings.warn(\"x\",SyntaxWarning)\n"),
        ("python3", "", "err\nprog.py:3: SyntaxWarning: x\n  x is 1\n"),
        ("python3", "", "  File \"s.py\", line 1\n    print(\n         ^\nSyntaxError: '(' was never closed\n"),
        ("php", "", "PHP Parse error:  syntax error in other.php on line 1\n"),
        ("php", "", "PHP Parse error:  syntax error in prog.php(3) : eval()'d code on line 1\n"),
    ] {
        let body = json!({ "run_spec": { "language_id": language, "sourcecode": "x" } });
        let (answer, _) = run(&app, &body, ended(Outcome::Exited(0), stdout, stderr)).await;
        let expected = json!({ "run_id": null, "outcome": 12, "cmpinfo": "", "stdout": stdout, "stderr": stderr });
        assert_eq!(answer.json, expected);
    }
}

#[tokio::test]
async fn a_warning_of_the_compiler_may_precede_a_warning_of_the_program() {
    let app = TestApp::start(Keyless::Loopback).await;
    let of_compiler = "prog.py:1: SyntaxWarning: x\n  1 is 1\n";
    let stderr = format!("{of_compiler}prog.py:3: SyntaxWarning: y\n  warnings.warn(y)\n");
    let (answer, _) = run(&app, &python(json!({})), ended(Outcome::Exited(0), "out", &stderr)).await;
    assert_eq!((&answer.json["outcome"], &answer.json["cmpinfo"]), (&json!(11), &json!(of_compiler)));
}

#[tokio::test]
async fn a_program_that_cannot_be_started_is_a_run_time_error() {
    let app = TestApp::start(Keyless::Loopback).await;
    let body = json!({ "run_spec": { "language_id": "c", "sourcecode": "x" } });
    for (code, millis, outcome, stderr) in
        [(126, 0, 12, "sh: Permission denied\n"), (127, 0, 12, "sh: not found\n"), (126, 1, 15, ""), (1, 0, 15, "")]
    {
        let mut report = compiled(ended(Outcome::Exited(code), "", ""));
        report.execution.as_mut().unwrap().usage.wall_time = Duration::from_millis(millis);
        let (answer, _) = run(&app, &body, report).await;
        assert_eq!((&answer.json["outcome"], &answer.json["stderr"]), (&json!(outcome), &json!(stderr)), "{code}");
    }
}

#[tokio::test]
async fn standard_output_has_bare_names_of_the_jobs_files() {
    let app = TestApp::start(Keyless::Loopback).await;
    app.jobe("PUT", "/files/randomid02", r#"{"file_contents": ""}"#).await;
    let body = python(json!({ "file_list": [["randomid02", "data.txt"]] }));
    for (stdout, expected) in [
        ("  File \"/box/prog.py\", line 2\n(/box/data.txt:1)", "  File \"prog.py\", line 2\n(data.txt:1)"),
        // These are data of the program.
        ("/box/ /box/other /home/box/prog.py /box/prog.pyc", "/box/ /box/other /home/box/prog.py /box/prog.pyc"),
    ] {
        let (answer, _) = run(&app, &body, ended(Outcome::Exited(0), stdout, "")).await;
        assert_eq!(answer.json["stdout"], expected);
    }
}

#[tokio::test]
async fn messages_of_the_linker_have_no_paths_of_cupel() {
    let app = TestApp::start(Keyless::Loopback).await;
    let body = json!({ "run_spec": { "language_id": "c", "sourcecode": "x" } });
    let path = "/opt/cupel/prepared/cpp/linker-830cf1ae108de2aa/files/ld";
    let message = format!("{path}: error: undefined\n{path}: x {path}");
    let (answer, _) = run(&app, &body, not_compiled(Some(1), &message)).await;
    assert_eq!(answer.json["cmpinfo"], "ld: error: undefined\nld: x ld");
}

#[tokio::test]
async fn an_empty_file_with_the_name_of_the_source_replaces_it() {
    let app = TestApp::start(Keyless::Loopback).await;
    app.jobe("PUT", "/files/randomid03", r#"{"file_contents": ""}"#).await;
    let body = python(json!({ "file_list": [["randomid03", "prog.py"]] }));
    let (_, program) = run(&app, &body, ended(Outcome::Exited(0), "", "")).await;
    let files: Vec<_> = program.source.files.iter().map(|file| (file.path.as_str(), &*file.data)).collect();
    assert_eq!(files, [("prog.py", &b"\n"[..])]);
}

#[tokio::test]
async fn any_output_of_the_compiler_is_a_compile_error() {
    let app = TestApp::start(Keyless::Loopback).await;
    let body = json!({ "run_spec": { "language_id": "C", "sourcecode": "x" } });
    let warned = || {
        let mut report = compiled(ended(Outcome::Exited(0), "out", ""));
        report.compile.as_mut().unwrap().output.data = b"warning".as_slice().into();
        report
    };
    for (report, outcome, cmpinfo, stdout) in [
        (compiled(ended(Outcome::Exited(0), "out", "")), 15, "", "out"),
        (warned(), 11, "warning", ""),
        (not_compiled(Some(1), "error"), 11, "error", ""),
        (not_compiled(None, ""), 11, "the program was not run", ""),
        (compiler_exceeded(Outcome::WallLimit, ""), 11, "the compiler: limit exceeded", ""),
        (compiler_exceeded(Outcome::WallLimit, "note"), 11, "note\nthe compiler: limit exceeded", ""),
        (compiler_exceeded(Outcome::MemoryLimit, "note"), 11, "note\nthe compiler: limit exceeded", ""),
    ] {
        let (answer, _) = run(&app, &body, report).await;
        let expected =
            json!({ "run_id": null, "outcome": outcome, "cmpinfo": cmpinfo, "stdout": stdout, "stderr": "" });
        assert_eq!((answer.status, &answer.json), (200, &expected));
    }
    // In Pascal, the original ignores warnings.
    let body_of_pascal = json!({ "run_spec": { "language_id": "pascal", "sourcecode": "x" } });
    for (report, outcome, cmpinfo, stdout) in
        [(warned(), 15, "", "out"), (not_compiled(Some(1), "error"), 11, "error", "")]
    {
        let (answer, _) = run(&app, &body_of_pascal, report).await;
        let seen = ["outcome", "cmpinfo", "stdout"].map(|field| &answer.json[field]);
        assert_eq!(seen, [&json!(outcome), &json!(cmpinfo), &json!(stdout)]);
    }
    let (verdict, message) = (Verdict::InternalError, Some("why".into()));
    let failed = RunReport { verdict, message, ..not_compiled(None, "x") };
    let (answer, _) = run(&app, &body, failed).await;
    assert_eq!((&answer.json["outcome"], &answer.json["stderr"]), (&json!(20), &json!("why")), "a failure of Cupel");
}

#[tokio::test]
async fn requests_are_refused_in_the_order_and_with_the_texts_of_the_original() {
    let app = TestApp::start(Keyless::Loopback).await;
    let with = |attributes: Value| python(attributes).to_string();
    for (body, status, reason) in [
        (String::new(), 400, "Non-JSON post data received"),
        ("[1]".into(), 400, "Non-JSON post data received"),
        // The original answers 500 to these.
        ("{".into(), 400, "Server exception (Failed to parse JSON string. Error: Syntax error)"),
        ("{}".into(), 400, "No run_spec attribute found in post data"),
        (json!({ "run_spec": "x" }).to_string(), 400, "No run_spec attribute found in post data"),
        (json!({ "run_spec": {} }).to_string(), 400, "run_spec is missing the required attribute 'sourcecode'"),
        (with(json!({ "sourcecode": null })), 400, "run_spec is missing the required attribute 'sourcecode'"),
        (with(json!({ "language_id": null })), 400, "run_spec is missing the required attribute 'language_id'"),
        (with(json!({ "language_id": "MatLab" })), 400, "Language 'matlab' is not known"),
        (with(json!({ "language_id": "python" })), 400, "Language 'python' is not known"),
        (with(json!({ "language_id": " python3" })), 400, "Language ' python3' is not known"),
        (
            with(json!({ "parameters": { "cputime": 121 }, "sourcefilename": "/" })),
            400,
            "cputime exceeds maximum allowed on this Jobe server (120 secs)",
        ),
        (with(json!({ "sourcefilename": "../x" })), 400, "The sourcefilename for the run_spec is illegal"),
        (with(json!({ "sourcefilename": "-x" })), 400, "The sourcefilename for the run_spec is illegal"),
        (with(json!({ "sourcefilename": "a;b" })), 400, "The sourcefilename for the run_spec is illegal"),
        (with(json!({ "sourcefilename": "a\u{7f}" })), 400, "The sourcefilename for the run_spec is illegal"),
        (
            with(json!({ "file_list": [["unknown1", "a"], ["short", "b"]] })),
            400,
            "Invalid file specifier: Array\n(\n    [0] => short\n    [1] => b\n)\n",
        ),
        (with(json!({ "file_list": ["x"] })), 400, "Invalid file specifier: x"),
        (
            with(json!({ "file_list": [[12_345_678, "b"]] })),
            400,
            "Invalid file specifier: Array\n(\n    [0] => 12345678\n    [1] => b\n)\n",
        ),
        (
            with(json!({ "file_list": [["abcdefgh"]] })),
            400,
            "Invalid file specifier: Array\n(\n    [0] => abcdefgh\n)\n",
        ),
        (
            with(json!({ "file_list": [["abcdefgh", "a", 1, 2]] })),
            400,
            "Invalid file specifier: Array\n(\n    [0] => abcdefgh\n    [1] => a\n    [2] => 1\n    [3] => 2\n)\n",
        ),
        (
            with(json!({ "file_list": [["abcdefg-", "a"]] })),
            400,
            "Invalid file specifier: Array\n(\n    [0] => abcdefg-\n    [1] => a\n)\n",
        ),
        (
            with(json!({ "file_list": [["abcdefgh", "a..b"]] })),
            404,
            "One or more of the specified files is missing/unavailable",
        ),
        (
            with(json!({ "file_list": [["abcdefgh", ".."]] })),
            400,
            "Invalid file specifier: Array\n(\n    [0] => abcdefgh\n    [1] => ..\n)\n",
        ),
        (
            with(json!({ "file_list": [["abcdefgh", "é"]] })),
            400,
            "Invalid file specifier: Array\n(\n    [0] => abcdefgh\n    [1] => é\n)\n",
        ),
        (
            with(json!({ "file_list": [["unknown1", "a"]] })),
            404,
            "One or more of the specified files is missing/unavailable",
        ),
        (
            with(json!({ "parameters": { "runargs": "text" } })),
            400,
            "Server exception (parameter 'runargs' is not a list)",
        ),
        (
            with(json!({ "parameters": { "runargs": ["\""] } })),
            400,
            "Server exception (parameter 'runargs' has a quote that is not closed)",
        ),
    ] {
        let answer = app.jobe("POST", "/runs", &body).await;
        assert_eq!((answer.status, &answer.json), (status, &json!(reason)), "{body}");
    }
    // As in a list of the original, but its beginning only.
    let answer = app.jobe("POST", "/runs", &with(json!({ "file_list": [vec!["x".repeat(100); 1000]] }))).await;
    let reason = answer.json.as_str().unwrap();
    assert!(answer.status == 400 && reason.starts_with("Invalid file specifier: Array\n(\n    [0] => xxx"), "{reason}");
    assert!(reason.len() < 5000, "{}", reason.len());
    let forbidden = "<>:\"/\\|?*#[]@!$&'()+,;={}^~`\u{1}\n\u{7f}";
    let names = forbidden.chars().map(|c| format!("a{c}b")).chain([".a".to_owned(), "-a".to_owned()]);
    for name in names {
        let answer = app.jobe("POST", "/runs", &with(json!({ "sourcefilename": name }))).await;
        let reason = "The sourcefilename for the run_spec is illegal";
        assert_eq!((answer.status, &answer.json), (400, &json!(reason)), "{name:?}");
    }
    for (method, path) in [
        ("GET", "/runs"),
        ("HEAD", "/languages"),
        ("POST", "/files"),
        ("GET", "/files/abcdefgh"),
        ("GET", "/runresults/1"),
        ("PUT", "/files/a-b"),
        ("DELETE", "/languages"),
        ("OPTIONS", "/runs"),
    ] {
        let answer = app.jobe(method, path, "").await;
        assert_eq!(
            (answer.status, answer.text.as_str()),
            (404, if method == "HEAD" { "" } else { "\"\"" }),
            "{method} {path}"
        );
    }
}

/// Each row: attributes, and a check of the program that core gets.
#[tokio::test]
async fn a_run_spec_becomes_a_program() {
    let app = TestApp::start(Keyless::Loopback).await;
    let sent = async |body: &Value| run(&app, body, ended(Outcome::Exited(0), "", "")).await.1;
    let names = |program: &Program| -> Vec<String> {
        program.source.files.iter().map(|file| file.path.as_str().to_owned()).collect()
    };

    for (attributes, stdin) in [
        (json!({ "input": "line\n" }), "line\n"),
        (json!({ "input": "0" }), ""),
        (json!({ "input": null }), ""),
        (json!({}), ""),
        (json!({ "input": "" }), ""),
        (json!({ "parameters": [], "file_list": null, "jobeserver": "x" }), ""),
        (json!({ "parameters": null, "file_list": [], "sourcefilename": null }), ""),
    ] {
        let program = sent(&python(attributes)).await;
        assert_eq!((names(&program), &*program.stdin), (vec!["prog.py".to_owned()], stdin.as_bytes()));
    }
    for (language, name, expected) in [
        ("python3", "__tester__.python3", "__tester__.python3"),
        ("c", "", "prog.c"),
        ("c", "__tester__.c", "__tester__.c"),
        ("c", "odd name", "odd name"),
        ("c", "prog.java", "prog.c"),
        ("cpp", "", "prog.cpp"),
        ("pascal", "", "prog.pas"),
        ("php", "", "prog.php"),
        ("nodejs", "", "prog.js"),
        ("php", "test.py", "test.py"),
        ("java", "", "Main.java"),
        ("java", "prog.java", "Main.java"),
        ("java", "Test.java", "Test.java"),
        ("java", "Test.txt", "Main.java"),
    ] {
        let body = json!({ "run_spec": { "language_id": language, "sourcecode": "x", "sourcefilename": name } });
        assert_eq!(names(&sent(&body).await), [expected], "{language} {name}");
    }

    let tools = async |language: &str, parameters: Value| {
        let body = json!({ "run_spec": { "language_id": language, "sourcecode": "x", "parameters": parameters } });
        let program = sent(&body).await;
        let tools = program.tools;
        assert!(tools.main_only);
        (tools.compiler_args.join(" "), tools.linker_args.join(" "), tools.interpreter_args.join(" "), program.args)
    };
    let of = |compiler: &str, linker: &str, interpreter: &str, args: &[&str]| {
        let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
        (compiler.to_owned(), linker.to_owned(), interpreter.to_owned(), args)
    };
    for (language, parameters, expected) in [
        ("c", json!({}), of("-O0 -UONLINE_JUDGE -Wall -Werror -std=c99 -x c", "", "", &[])),
        ("c", json!({ "compileargs": [] }), of("-O0 -UONLINE_JUDGE", "", "", &[])),
        (
            "c",
            json!({ "compileargs": ["-O2 -g"], "linkargs": ["-lm"] }),
            of("-O0 -UONLINE_JUDGE -O2 -g", "-lm", "", &[]),
        ),
        ("cpp", json!({}), of("-O0 -UONLINE_JUDGE -Wall -Werror", "", "", &[])),
        ("pascal", json!({ "linkargs": ["-lm"] }), of("-Sh- -uONLINE_JUDGE -vew -Se", "", "", &[])),
        ("nodejs", json!({}), of("", "", "--use_strict", &[])),
        ("nodejs", json!({ "interpreterargs": [] }), of("", "", "", &[])),
        (
            "python3",
            json!({ "interpreterargs": ["-c \"print(\\\"Blah\\\")\""] }),
            of("", "", "-c print(\"Blah\")", &[]),
        ),
        ("python3", json!({ "runargs": ["Arg1", "'two words'", 3] }), of("", "", "", &["Arg1", "two words", "3"])),
        ("python3", json!({ "runargs": ["$HOME; ls"] }), of("", "", "", &["$HOME;", "ls"])),
    ] {
        assert_eq!(tools(language, parameters.clone()).await, expected, "{language} {parameters}");
    }
    let body = json!({ "run_spec": { "language_id": "java", "sourcecode": "x", "parameters": { "main_class": "B" } } });
    assert_eq!(sent(&body).await.tools.main_class, "B");
    let body = json!({ "run_spec": { "language_id": "c", "sourcecode": "x", "parameters": { "main_class": "B" } } });
    assert_eq!(sent(&body).await.tools.main_class, "");
}

#[tokio::test]
async fn parameters_are_limits_and_a_value_that_is_not_numeric_is_ignored() {
    let app = TestApp::start(Keyless::Loopback).await;
    let mb = |n: u64| Bytes::new(n * 1_024_000);
    let (ms, gib2) = (Duration::from_millis, Bytes::mib(2048));
    for (language, parameters, cpu, memory, space, processes, file_size) in [
        ("python3", json!({}), ms(5000), mb(1000), Some(mb(1000)), 30, mb(20)),
        ("c", json!({}), ms(5000), mb(400), Some(mb(400)), 30, mb(20)),
        ("java", json!({}), ms(5000), gib2, None, 256, mb(20)),
        // Node.js cannot start in an address space of this size.
        ("nodejs", json!({}), ms(5000), mb(400), None, 30, mb(20)),
        ("java", json!({ "memorylimit": 100 }), ms(5000), gib2, None, 256, mb(20)),
        ("c", json!({ "cputime": 1.5, "memorylimit": 0, "disklimit": -1 }), ms(1500), gib2, None, 30, Bytes::mib(256)),
        ("c", json!({ "cputime": "2", "numprocs": "10" }), ms(2000), mb(400), Some(mb(400)), 10, mb(20)),
        (
            "c",
            json!({ "cputime": "2; ls", "numprocs": [], "memorylimit": "inf" }),
            ms(5000),
            mb(400),
            Some(mb(400)),
            30,
            mb(20),
        ),
        (
            "c",
            json!({ "cputime": 0, "numprocs": 100_000, "memorylimit": 200_000 }),
            ms(5000),
            gib2,
            Some(mb(200_000)),
            256,
            mb(20),
        ),
        ("c", json!({ "cputime": 60 }), ms(60_000), mb(400), Some(mb(400)), 30, mb(20)),
    ] {
        let body = json!({ "run_spec": { "language_id": language, "sourcecode": "x", "parameters": parameters } });
        let text = body.to_string();
        let (answer, assignment) =
            tokio::join!(app.jobe("POST", "/runs", &text), app.complete(ended(Outcome::Exited(0), "", "")));
        assert_eq!(answer.status, 200, "{}", answer.text);
        let limits = assignment.leased.submission.limits;
        assert_eq!(
            (limits.cpu_time, limits.memory, limits.address_space, limits.processes, limits.file_size),
            (Some(cpu), Some(memory), space, Some(processes), Some(file_size)),
            "{language} {parameters}"
        );
        assert_eq!(limits.wall_time, Some(cpu * 2), "the wall time limit is twice the CPU time limit");
    }
    // The integer part of `cputime` is compared with the maximum. The limit is then at most the language's maximum.
    let body = python(json!({ "parameters": { "cputime": 120.9 } })).to_string();
    let (answer, assignment) =
        tokio::join!(app.jobe("POST", "/runs", &body), app.complete(ended(Outcome::Exited(0), "", "")));
    let max = app.core.registry().find("python").unwrap().limits_max;
    assert_eq!((answer.status, assignment.leased.submission.limits.cpu_time), (200, Some(max.cpu_time)));
}

#[tokio::test]
async fn a_long_stream_is_truncated_and_a_stream_that_is_not_utf8_is_escaped() {
    let app = TestApp::start(Keyless::Loopback).await;
    let long = "x".repeat(3_000_000);
    let (answer, _) = run(&app, &python(json!({})), ended(Outcome::Exited(0), &long, "")).await;
    assert_eq!((answer.json["stdout"].as_str().unwrap().len(), &answer.json["outcome"]), (2_048_000, &json!(15)));
    let body = python(json!({ "parameters": { "streamsize": 0.001 } }));
    let (answer, _) = run(&app, &body, ended(Outcome::Exited(0), &long, "")).await;
    assert_eq!(answer.json["stdout"].as_str().unwrap().len(), 1024);
    let mut report = ended(Outcome::Exited(0), "", "");
    report.execution.as_mut().unwrap().stdout.data = b"ok\xff\x01".as_slice().into();
    let (answer, _) = run(&app, &python(json!({ "debug": 1 })), report).await;
    assert_eq!(answer.json["stdout"], "ok\\xff\\x01");
    assert!(answer.json["run_id"].is_string(), "{}", answer.text);
}

#[tokio::test]
async fn files_are_sent_before_a_run_that_names_them() {
    let app = TestApp::start(Keyless::Loopback).await;
    let put = async |id: &str, body: &str| app.jobe("PUT", &format!("/files/{id}"), body).await;
    let base64 = |data: &[u8]| json!({ "file_contents": BASE64_STANDARD.encode(data) }).to_string();
    for (body, status, reason) in [
        ("{", 400, ""),
        ("{}", 400, "put: missing file_contents parameter"),
        ("[]", 400, "put: missing file_contents parameter"),
        (r#"{"file_contents": "a-b"}"#, 400, "put: contents of file randomid01 are not valid base-64"),
        (r#"{"file_contents": 3}"#, 400, "put: contents of file randomid01 are not valid base-64"),
    ] {
        let answer = put("randomid01", body).await;
        assert_eq!((answer.status, &answer.json), (status, &json!(reason)), "{body}");
    }
    let head = async |id: &str| app.jobe("HEAD", &format!("/files/{id}"), "").await.status;
    assert_eq!(head("randomid01").await, 404);
    let answer = put("randomid01", &base64(b"one")).await;
    assert_eq!((answer.status, answer.text.as_str()), (204, ""));
    assert_eq!(put("randomid02", &base64(b"print(2)")).await.status, 204);
    assert_eq!(head("randomid01").await, 204);
    // A short id can be stored, but not used.
    assert_eq!((put("short", &base64(b"x")).await.status, head("short").await), (204, 204));
    let file_list = json!([["randomid01", "data.txt"], ["randomid02", "prog.py", "anything"]]);
    let (_, program) = run(&app, &python(json!({ "file_list": file_list })), ended(Outcome::Exited(0), "", "")).await;
    let files: Vec<(&str, &[u8])> = program.source.files.iter().map(|file| (file.path.as_str(), &*file.data)).collect();
    let expected = [("prog.py", &b"print(2)"[..]), ("data.txt", b"one")];
    assert_eq!(files, expected, "a file with the name of the source replaces it");
}

/// The JSON of a file to store.
fn file(contents: &[u8]) -> String {
    json!({ "file_contents": BASE64_STANDARD.encode(contents) }).to_string()
}

#[tokio::test]
async fn stored_files_are_counted_before_they_are_used() {
    let bounds = Bounds { files_bytes_max: Bytes::new(10), ..Bounds::default() };
    let app = TestApp::start_with(Keyless::Loopback, TestSettings { bounds, ..TestSettings::default() }).await;
    assert_eq!(app.jobe("PUT", "/files/randomid01", &file(b"123456")).await.status, 204);
    let list = |count: usize| (0..count).map(|n| json!(["randomid01", format!("f{n}")])).collect::<Vec<Value>>();
    for (count, reason) in [
        (30_000, "file_list: at most 100 files; there are 30000"),
        (101, "file_list: at most 100 files; there are 101"),
        (2, "file_list: all files together have 12 bytes; at most 10 bytes are allowed"),
    ] {
        let answer = app.jobe("POST", "/runs", &python(json!({ "file_list": list(count) })).to_string()).await;
        assert_eq!((answer.status, answer.json), (400, json!(reason)));
    }
    let (answer, program) =
        run(&app, &python(json!({ "file_list": list(1) })), ended(Outcome::Exited(0), "", "")).await;
    assert_eq!((answer.status, program.source.files.len()), (200, 2));
}

#[tokio::test]
async fn a_stored_file_counts_with_its_size_while_its_run_waits() {
    let http = Settings {
        execute_body_bytes_max: 100_000,
        bodies_bytes_max: 100_000,
        bodies_of_user_bytes_max: 100_000,
        ..Settings::default()
    };
    let settings = TestSettings { http, queue_max: 1, ..TestSettings::default() };
    let app = TestApp::start_with(Keyless::Loopback, settings).await;
    let waiting = TestApp::judge0_request("POST", "/submissions", &json!({ "source_code": "x", "language_id": 71 }));
    assert_eq!(app.send(waiting).await.status, 201, "it occupies the only place");
    assert_eq!(app.jobe("PUT", "/files/randomid01", &file(&[b'x'; 60_000])).await.status, 204);
    let body = python(json!({ "file_list": [["randomid01", "a"]] })).to_string();
    // One of the two waits with more than half of the memory, and the other one is answered at once.
    let answered = async {
        tokio::select! {
            answer = app.jobe("POST", "/runs", &body) => answer,
            answer = app.jobe("POST", "/runs", &body) => answer,
        }
    };
    let answer = tokio::time::timeout(Duration::from_secs(50), answered).await.expect("one is answered at once");
    assert_eq!((answer.status, &answer.json["outcome"]), (200, &json!(21)), "{}", answer.text);
}

#[tokio::test]
async fn a_key_is_needed_where_clients_without_one_are_not_served() {
    let app = TestApp::start(Keyless::Nobody).await;
    let (owner, key) = app.key(&[Scope::RunsWrite]).await;
    let request = |key: Option<&str>, method: &str, path: &str, body: &str| {
        let mut request = TestApp::jobe_request(method, path, body);
        if let Some(key) = key {
            request.headers_mut().insert("x-api-key", key.parse().unwrap());
        }
        request
    };
    let body = python(json!({ "file_list": [["randomid01", "a"]] })).to_string();
    for (key, reason) in [
        (None, "Missing API key"),
        (Some("2AAA7A5415B4A9B394B54BF1D2E9D"), "Unknown API key"),
        (Some("cup_wrong"), "Unknown API key"),
    ] {
        let answer = app.send(request(key, "POST", "/runs", &body)).await;
        assert_eq!((answer.status, answer.text.as_str()), (403, reason));
        assert_eq!(answer.headers[header::CONTENT_TYPE], "text/html; charset=UTF-8");
        assert_eq!(answer.headers[header::ACCESS_CONTROL_ALLOW_ORIGIN], "*");
    }
    assert_eq!(app.send(request(None, "GET", "/languages", "")).await.status, 200, "the list needs no key");
    let file = json!({ "file_contents": "eA==" }).to_string();
    assert_eq!(app.send(request(Some(&key), "PUT", "/files/randomid01", &file)).await.status, 204);
    let (answer, assignment) = tokio::join!(
        app.send(request(Some(&key), "POST", "/runs/", &body)),
        app.complete(ended(Outcome::Exited(0), "", ""))
    );
    assert_eq!((answer.status, &answer.json["outcome"]), (200, &json!(15)));
    assert_eq!(assignment.leased.submission.owner, owner);

    // The original's own test program always sends this key.
    let app = TestApp::start(Keyless::Loopback).await;
    let answer = app.send(request(Some("2AAA7A5415B4A9B394B54BF1D2E9D"), "HEAD", "/files/randomid01", "")).await;
    assert_eq!(answer.status, 404, "the key is ignored, and the file is of another user");
}

#[tokio::test]
async fn the_list_has_the_installed_languages_in_the_order_of_the_original() {
    let app = TestApp::start(Keyless::Loopback).await;
    for path in ["/languages", "/languages/"] {
        let mut request = TestApp::jobe_request("GET", path, "");
        request.headers_mut().insert(header::ACCEPT, "text/html".parse().unwrap());
        let answer = app.send(request).await;
        assert_eq!(answer.headers[header::CONTENT_TYPE], "application/json; charset=UTF-8");
        assert_eq!(answer.headers[header::ACCESS_CONTROL_ALLOW_ORIGIN], "*");
        let listed: Vec<&str> = answer.json.as_array().unwrap().iter().map(|pair| pair[0].as_str().unwrap()).collect();
        assert_eq!(listed, ["c", "cpp", "java", "nodejs", "octave", "pascal", "php", "python3"]);
        assert_eq!(answer.json[7], json!(["python3", "3.11.2"]));
    }
}

#[tokio::test]
async fn cors_responses_list_what_a_page_of_another_site_may_send() {
    let app = TestApp::start(Keyless::Nobody).await;
    let mut request = TestApp::jobe_request("OPTIONS", "/runs", "");
    request.headers_mut().insert(header::ACCESS_CONTROL_REQUEST_METHOD, "POST".parse().unwrap());
    let answer = app.send(request).await;
    assert_eq!((answer.status, answer.text.as_str()), (204, ""));
    assert_eq!(answer.headers[header::ACCESS_CONTROL_ALLOW_METHODS], "GET, POST, OPTIONS, PUT, HEAD, DELETE");
    assert!(answer.headers[header::ACCESS_CONTROL_ALLOW_HEADERS].to_str().unwrap().contains("X-API-KEY"));
}

#[tokio::test]
async fn a_repeated_request_with_an_idempotency_key_gets_the_first_result() {
    let app = TestApp::start(Keyless::Loopback).await;
    let request =
        |source: &str| TestApp::jobe_request("POST", "/runs", &python(json!({ "sourcecode": source })).to_string());
    let [first, again, other] = app.send_repeatedly(request, ended(Outcome::Exited(0), "once", "")).await;
    assert_eq!((first.status, &first.json["stdout"]), (200, &json!("once")));
    assert_eq!(
        (again.status, &again.json, &again.headers["idempotency-replayed"]),
        (200, &first.json, &"true".parse().unwrap())
    );
    let detail = "This `Idempotency-Key` was used for another request. Use a new key for a new request.";
    assert_eq!((other.status, other.json), (422, json!(detail)));
}

#[tokio::test]
async fn an_overload_is_outcome_21_in_a_200_response() {
    let app = TestApp::start_with(Keyless::Loopback, TestSettings { queue_max: 1, ..TestSettings::default() }).await;
    let waiting = TestApp::judge0_request("POST", "/submissions", &json!({ "source_code": "x", "language_id": 71 }));
    assert_eq!(app.send(waiting).await.status, 201, "it occupies the only place");
    app.shutdown.cancel();
    let answer = app.jobe("POST", "/runs", &python(json!({})).to_string()).await;
    let expected = json!({ "run_id": "0", "outcome": 21, "cmpinfo": "", "stdout": "", "stderr": "" });
    assert_eq!((answer.status, answer.json), (200, expected));
    // A compiler that has exceeded the run's wall time limit is a compile error, not an overload.
    let body = json!({ "run_spec": { "language_id": "c", "sourcecode": "x" } }).to_string();
    for (seconds, outcome, cmpinfo) in [(11, 11, "The compiler did not end in time."), (1, 21, "")] {
        let app = TestApp::start(Keyless::Loopback).await;
        let compiling = app.begin_and_shut_down(Some(Duration::from_secs(seconds)));
        let (answer, ()) = tokio::join!(app.jobe("POST", "/runs", &body), compiling);
        assert_eq!((&answer.json["outcome"], &answer.json["cmpinfo"]), (&json!(outcome), &json!(cmpinfo)));
    }
}

#[tokio::test]
async fn a_key_over_its_rate_gets_429_in_plain_text() {
    let rates = TierRates { submissions: Rate::per_minute(1, 1), ..TierRates::default() };
    let http = Settings { tiers: [("basic".to_owned(), rates)].into(), ..Settings::default() };
    let app = TestApp::start_with(Keyless::Nobody, TestSettings { http, ..TestSettings::default() }).await;
    let (_, key) = app.key(&[Scope::RunsWrite]).await;
    let request = || {
        let mut request = TestApp::jobe_request("POST", "/runs", &python(json!({})).to_string());
        request.headers_mut().insert("x-api-key", key.parse().unwrap());
        request
    };
    let (first, _) = tokio::join!(app.send(request()), app.complete(ended(Outcome::Exited(0), "", "")));
    assert_eq!(first.status, 200);
    let refused = app.send(request()).await;
    assert_eq!((refused.status, refused.text.as_str()), (429, "Max RUN rate for this server exceeded"));
    assert_eq!(refused.headers["content-type"], "text/html; charset=UTF-8");
}

#[tokio::test]
async fn a_file_or_a_body_that_is_too_large_is_refused_with_413() {
    let app = TestApp::start(Keyless::Loopback).await;
    let most = app.core.bounds().files_bytes_max.get() as usize;
    let body = json!({ "file_contents": BASE64_STANDARD.encode(vec![0; most + 1]) }).to_string();
    let answer = app.jobe("PUT", "/files/randomid01", &body).await;
    let reason =
        format!("put: file randomid01 has {} bytes; the maximum is {}", most + 1, app.core.bounds().files_bytes_max);
    assert_eq!((answer.status, answer.json), (413, json!(reason)));
    assert_eq!(answer.headers[header::CONTENT_TYPE], "application/json; charset=UTF-8");
    let body = python(json!({ "sourcecode": "x".repeat(17 << 20) })).to_string();
    let answer = app.jobe("POST", "/runs", &body).await;
    assert_eq!(answer.status, 413, "{}", answer.text);
    assert!(answer.json.is_string(), "{}", answer.text);
    assert_eq!(answer.headers[header::CONTENT_TYPE], "application/json; charset=UTF-8");
}

#[tokio::test]
async fn a_source_that_is_a_number_or_a_boolean_becomes_text() {
    let app = TestApp::start(Keyless::Loopback).await;
    for (sent, expected) in [(json!(42), &b"42"[..]), (json!(1.5), b"1.5"), (json!(true), b"1")] {
        let (answer, program) =
            run(&app, &python(json!({ "sourcecode": sent })), ended(Outcome::Exited(0), "", "")).await;
        assert_eq!(answer.status, 200);
        assert_eq!(&*program.source.files.iter().next().unwrap().data, expected, "{sent}");
    }
}

#[tokio::test]
async fn octave_has_the_defaults_of_the_original() {
    let app = TestApp::start(Keyless::Loopback).await;
    let body = python(json!({ "language_id": "octave", "sourcecode": "disp(1)" })).to_string();
    let report = ended(Outcome::Exited(1), "", "error: parse error");
    let (answer, assignment) = tokio::join!(app.jobe("POST", "/runs", &body), app.complete(report));
    assert_eq!(
        (answer.status, &answer.json["outcome"]),
        (200, &json!(12)),
        "a syntax error is found by the interpreter"
    );
    let submission = assignment.leased.submission;
    assert_eq!(submission.limits.memory, Some(Bytes::new(500 * 1_024_000)));
    assert_eq!(submission.limits.address_space, None);
    let SubmissionKind::Program(program) = submission.kind else { panic!("no program") };
    assert_eq!(program.source.files.iter().next().unwrap().path.as_str(), "prog.m");
}
