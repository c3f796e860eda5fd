//! Command line and API have the same limits, refusals and results for the same program.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};

use crate::judge::Files;
use crate::problems::{Person, archive};
use crate::support::{Ended, NO_RATE_LIMITS, Server, cupel, end, source};

/// Bounds that a test can exceed without megabytes of data.
const SMALL: &str = "[limits]\nsource_max = \"1KiB\"\nstdin_max = \"64B\"\nargs_max = 2\noutput_kept_max = \"2KiB\"\n\
                     [worker]\nslots = 1\nwarm_interpreters = false\n[problems]\nshipped = false\n";

fn server(data: &Path, config: &str) -> Server {
    let settings: Vec<_> = NO_RATE_LIMITS.into_iter().chain([("CUPEL_CONFIG", config)]).collect();
    Server::start(data, &settings)
}

/// Runs `cupel run` on a file with the given standard input.
fn run(file: &str, config: &str, args: &[&str], stdin: &[u8]) -> Ended {
    let (flags, of_program) = args.split_at(args.iter().position(|arg| *arg == "--").unwrap_or(args.len()));
    let fixed = ["run", file, "--json", "--config", config];
    end(cupel(fixed.iter().chain(flags).chain(of_program)), stdin)
}

fn object(ended: &Ended) -> Value {
    serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{ended:?}"))
}

#[test]
fn one_configuration_gives_the_same_refusals_on_the_command_line_and_over_http() {
    let (data, config) = (tempfile::tempdir().unwrap(), source("cupel.toml", SMALL));
    let server = server(data.path(), &config.path);
    let long = "#".repeat(1025);
    let input = "i".repeat(65);
    let short = "print(1)";
    let in_file = source("in.txt", &input);
    for (text, args, body) in [
        (short, &["--time", "61"][..], json!({ "limits": { "cpu_time_ms": 61_000 } })),
        (short, &["--memory", "3G"], json!({ "limits": { "memory_kb": 3 << 20 } })),
        (short, &["--memory", "512K"], json!({ "limits": { "memory_kb": 512 } })),
        (short, &["--output", "17M"], json!({ "limits": { "output_kb": 17 << 10 } })),
        (short, &["--", "a", "b", "c"], json!({ "args": ["a", "b", "c"] })),
        (short, &["--stdin", &in_file.path], json!({ "stdin": input })),
        (&long, &[], json!({})),
        ("", &[], json!({})),
    ] {
        let file = source("a.py", text);
        let mut body = body;
        (body["language"], body["source_code"]) = ("python".into(), text.into());
        let (status, refused) = server.call("POST", "/api/v1/execute", Some(&server.key), Some(&body));
        assert_eq!(status, 422, "{args:?}: {refused}");
        let why = refused["errors"][0]["detail"].as_str().unwrap();
        // The API formats the message as a sentence.
        let why = why[1..].trim_end_matches('.');
        let ended = run(&file.path, &config.path, args, b"");
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{args:?}: {ended:?}");
        assert!(ended.stderr.contains(why), "{args:?}: {why}\n{}", ended.stderr);
    }
    // The length of a stream is not known in advance.
    let reads = source("a.py", "import sys\nprint(len(sys.stdin.read()))");
    let streamed = run(&reads.path, &config.path, &[], input.as_bytes());
    assert_eq!(streamed.code, Some(2), "{streamed:?}");
    assert!(streamed.stderr.contains("standard input: the maximum is 64 bytes; there is more"), "{}", streamed.stderr);
    assert_eq!(object(&run(&reads.path, &config.path, &[], &input.as_bytes()[1..]))["stdout"], "64\n");
}

#[test]
fn each_command_that_runs_programs_reads_the_named_configuration() {
    let files = Files::new(&[
        ("p/problem.toml", "title = \"Double\"\nslug = \"double\"\ndifficulty = \"easy\"\n[limits]\ntime = 5.0\n"),
        ("p/statement.md", "Print twice the number.\n"),
        ("p/tests/sample/1.in", "1\n"),
        ("p/tests/sample/1.out", "2\n"),
        ("p/tests/secret/1.in", "4\n"),
        ("p/tests/secret/1.out", "8\n"),
        ("p/submissions/accepted/double.py", "print(2 * int(input()))\n"),
        ("languages/none.toml", "name = 1\n"),
        ("s/long.py", &"#".repeat(1025)),
        ("s/empty.py", ""),
    ]);
    files.write("cupel.toml", SMALL);
    files.write("faulty.toml", "[limits]\nsource_maxx = \"1KiB\"\n");
    files.write("languages.toml", &format!("[languages]\ndirectory = {:?}\n", files.path("languages")));
    let (package, long, empty) = (files.path("p"), files.path("s/long.py"), files.path("s/empty.py"));
    let right = files.path("p/submissions/accepted/double.py");
    let (small, into) = (files.path("cupel.toml"), files.path("made"));
    for args in [
        &["run", &right][..],
        &["judge", &package, "--submission", &right],
        &["verify", &package],
        &["template", &package, "--language", "python"],
        &["problem", "list", &package],
        &["problem", "import", &package, "--into", &into],
    ] {
        for (config, told) in [("faulty.toml", "source_maxx"), ("languages.toml", "none.toml")] {
            let ended = end(cupel(args.iter().chain(&["--config", &files.path(config)])), b"");
            assert_eq!(ended.code, Some(2), "{args:?}: {ended:?}");
            assert!(ended.stderr.contains(told), "{args:?}: {}", ended.stderr);
            let mut command = cupel(args);
            command.env("CUPEL_CONFIG", files.path(config));
            assert_eq!(end(command, b"").stderr, ended.stderr, "{args:?}");
        }
    }
    let judge = |submission: &str| {
        end(cupel(["judge", &package, "--submission", submission, "--json", "--config", &small]), b"")
    };
    for (submission, why) in
        [(&long, "the file must have at most 1 KiB, not 1025 bytes"), (&empty, "the main source is empty")]
    {
        let ended = judge(submission);
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.stderr.contains(why), "{}", ended.stderr);
    }
    // The configuration turns `worker.warm_interpreters` off.
    let judged = object(&judge(&right));
    assert_eq!((&judged["verdict"], &judged["cases"][0]["start"]), (&json!("AC"), &json!("cold")), "{judged}");
    assert_eq!(object(&run(&right, &small, &[], b"1"))["start"], "cold");
}

/// Fields that are measured in each run.
const MEASURED: [&str; 5] = ["execution_time_ms", "wall_time_ms", "memory_used_kb", "instructions", "attempts"];
/// Fields that only the server has.
const OF_SERVER: [&str; 8] =
    ["submission_id", "status", "submitted_at", "completed_at", "started_at", "tests", "attempts", "problem"];
/// Fields that only the command has: older names of `execution_time_ms` and `memory_used_kb`.
const OF_COMMAND: [&str; 2] = ["cpu_time_ms", "memory_kb"];

#[test]
fn run_and_execute_return_the_same_fields_and_values() {
    let (data, config) = (tempfile::tempdir().unwrap(), source("cupel.toml", SMALL));
    let server = server(data.path(), &config.path);
    let c = |body: &str| format!("#include <stdio.h>\n#include <stdlib.h>\nint main(void) {{ {body} }}\n");
    // The compiler would remove a store to memory that is never read, and the allocation.
    let hoard = c("for (;;) *(volatile char *)malloc(1 << 20) = 1;");
    for (language, name, text, args, limits, verdict) in [
        ("python", "a.py", "print('hi')".to_owned(), &[][..], json!({}), "AC"),
        ("python", "a.py", "import sys\nsys.stderr.write('no')\nsys.exit(3)".to_owned(), &[], json!({}), "RTE"),
        ("python", "a.py", "print([][1])".to_owned(), &[], json!({}), "RTE"),
        ("python", "a.py", "import sys\nsys.stdout.buffer.write(b'\\xff')".to_owned(), &[], json!({}), "AC"),
        ("python", "a.py", "print('x' * 5000)".to_owned(), &[], json!({}), "AC"),
        ("c", "a.c", c("abort();"), &[], json!({}), "RTE"),
        ("c", "a.c", c("for (;;) ;"), &["--time", "0.2"], json!({ "cpu_time_ms": 200 }), "TLE"),
        ("c", "a.c", hoard, &["--memory", "8M"], json!({ "memory_kb": 8192 }), "MLE"),
        ("c", "a.c", c("for (;;) puts(\"flood\");"), &["--output", "64K"], json!({ "output_kb": 64 }), "OLE"),
        ("c", "a.c", c("return nothing;"), &[], json!({}), "CE"),
    ] {
        let file = source(name, &text);
        let here = object(&run(&file.path, &config.path, args, b""));
        let body = json!({ "language": language, "files": [{ "path": name, "content": text }], "limits": limits });
        let there = server.result(&server.submit(&body));
        assert_eq!(here["verdict"], verdict, "{text}\n{here}");
        let names = |object: &Value, without: &[&str]| -> BTreeSet<String> {
            object.as_object().unwrap().keys().filter(|key| !without.contains(&key.as_str())).cloned().collect()
        };
        assert_eq!(names(&here, &OF_COMMAND), names(&there, &OF_SERVER), "{text}\n{here}\n{there}");
        for field in names(&here, &OF_COMMAND) {
            if MEASURED.contains(&field.as_str()) {
                assert_eq!(here[&field].is_u64(), there[&field].is_u64(), "{text}: {field}\n{here}\n{there}");
                continue;
            }
            let plain = |object: &Value| {
                let mut value = object[&field].clone();
                if let Some(compile) = value.as_object_mut().filter(|_| field == "compile") {
                    compile.retain(|key, _| !["time_ms", "cached"].contains(&key.as_str()));
                }
                value
            };
            assert_eq!(plain(&here), plain(&there), "{text}: {field}\n{here}\n{there}");
        }
    }
}

#[test]
fn judge_and_a_submission_to_the_problem_return_the_same_words() {
    let (data, config) = (tempfile::tempdir().unwrap(), source("cupel.toml", SMALL));
    let server = server(data.path(), &config.path);
    let author = Person::register(&server, "grace", Some("author"));
    let tar = archive(&[("5\n", "10\n"), ("7\n", "14\n")], None);
    let (status, made) = author.upload("POST", "/api/v1/problems", &tar);
    assert_eq!(status, 201, "{made}");
    let package = tempfile::tempdir().unwrap();
    let package = package.path().join("double.tar");
    std::fs::write(&package, &tar).unwrap();
    for text in [
        "print(2 * int(input()))",
        "print(int(input()))",
        "n = int(input())\nprint(2 * n if n < 6 else 'six')",
        "import sys\nsys.exit(4)",
        "print([][1])",
        "import os\nos.abort()",
    ] {
        let file = source("main.py", text);
        let judged =
            ["judge", package.to_str().unwrap(), "--submission", &file.path, "--json", "--config", &config.path];
        let here = object(&end(cupel(judged), b""));
        let body = json!({ "language": "python", "source_code": text });
        let sent = author.post("/api/v1/problems/double/submissions", body);
        let there = author.ended(&sent["submission_id"]);
        for field in ["verdict", "language", "language_version", "compile"] {
            assert_eq!(here[field], there[field], "{text}: {field}\n{here}\n{there}");
        }
        assert_eq!(here["message"], there["problem"]["author_message"], "{text}\n{here}\n{there}");
        assert_eq!(here["time_limit_ms"], there["limits"]["cpu_time_ms"], "{text}\n{here}\n{there}");
        assert_eq!(here["memory_limit_kb"], there["limits"]["memory_kb"], "{text}\n{here}\n{there}");
        for field in ["score", "max_score"] {
            assert_eq!(here[field], there["problem"][field], "{text}: {field}\n{here}\n{there}");
        }
        let (cases, tests) = (here["cases"].as_array().unwrap(), there["problem"]["tests"].as_array().unwrap());
        assert_eq!(cases.len(), tests.len(), "{text}\n{here}\n{there}");
        for (case, test) in cases.iter().zip(tests) {
            for field in ["name", "verdict", "score", "start", "judge_message", "message"] {
                assert_eq!(case[field], test[field], "{text}: {field}\n{here}\n{there}");
            }
            for field in ["stdout", "stderr"].into_iter().filter(|_| test["is_shown"] == true) {
                assert_eq!(case[field], test[field], "{text}: {field}\n{here}\n{there}");
            }
        }
        for (group, other) in
            here["groups"].as_array().unwrap().iter().zip(there["problem"]["groups"].as_array().unwrap())
        {
            for field in ["name", "verdict", "score", "max_score", "reason"] {
                assert_eq!(group[field], other[field], "{text}: {field}\n{here}\n{there}");
            }
        }
    }
}
