//! `cupel run`, `cupel languages` and `cupel doctor`: programs on this machine, without a server.

use serde_json::Value;

use crate::support::{Ended, cupel, end, source, unless_late};

fn run(name: &str, text: &str, args: &[&str], stdin: &[u8]) -> Ended {
    let file = source(name, text);
    end(cupel(["run", &file.path].iter().chain(args)), stdin)
}

fn json(name: &str, text: &str, args: &[&str]) -> (Option<i32>, Value) {
    let args: Vec<&str> = ["--json"].iter().chain(args).copied().collect();
    let ended = run(name, text, &args, b"");
    (ended.code, serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{ended:?}")))
}

#[test]
fn input_arguments_output_and_exit_code_pass_through() {
    let program =
        "import sys\nprint(sys.stdin.read().upper(), sys.argv[1:])\nprint('talk', file=sys.stderr)\nsys.exit(7)\n";
    let ended = run("a.py", program, &["--", "--x", "y z"], b"abc");
    assert_eq!((ended.code, ended.stdout.as_str(), ended.stderr.as_str()), (Some(7), "ABC ['--x', 'y z']\n", "talk\n"));
}

#[test]
fn megabytes_of_input_pass_through_unchanged() {
    let input: Vec<u8> = (0..900_000u32).map(|n| b'a' + (n % 26) as u8).collect();
    let ended = run("a.py", "import sys\nsys.stdout.write(sys.stdin.read()[::-1])\n", &[], &input);
    let reversed: Vec<u8> = input.into_iter().rev().collect();
    assert!(ended.code == Some(0) && ended.stdout.as_bytes() == reversed);
}

#[test]
fn the_source_may_come_from_standard_input() {
    let ended = end(cupel(["run", "-", "--language", "python3"]), b"print(6 * 7)");
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "42\n"));
    let ended = end(cupel(["run", "-"]), b"print(6 * 7)");
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("--language"), "{}", ended.stderr);
}

#[test]
fn input_may_come_from_a_file() {
    let input = source("in.txt", "3 4\n");
    let ended = run("sum.py", "print(sum(map(int, input().split())))", &["--stdin", &input.path], b"not this");
    assert_eq!(ended.stdout, "7\n");
}

/// Regression: the program got an empty input, and its result was that of the program alone.
#[test]
fn input_that_cannot_be_read_fails_the_run_and_the_error_names_the_cause() {
    let file = source("len.py", "import sys\nprint(len(sys.stdin.read()))\n");
    let directory = tempfile::tempdir().unwrap();
    for args in [&["run", &file.path][..], &["run", "--interactive", &file.path]] {
        let ended = cupel(args).stdin(std::fs::File::open(directory.path()).unwrap()).output().unwrap();
        let stderr = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(2), "{args:?}: {ended:?}");
        assert!(stderr.contains("cannot read standard input: Is a directory"), "{args:?}: {stderr}");
    }
}

#[test]
fn limits_and_signals_have_their_exit_codes() {
    let c = |body: &str| {
        format!(
            "#include <stdlib.h>\n#include <string.h>\n#include <signal.h>\n#include <unistd.h>\n#include <stdio.h>\nint main(void) {{ {body} }}\n"
        )
    };
    for (body, args, code, verdict) in [
        ("for (;;) ;", &["--time", "0.2"][..], 124, "TLE"),
        ("for (size_t n = 1 << 20;; ) { char *p = malloc(n); memset(p, 1, n); }", &["--memory", "32M"], 137, "MLE"),
        ("raise(SIGSEGV);", &[], 139, "RTE"),
        ("abort();", &[], 134, "RTE"),
        ("for (;;) puts(\"flood\");", &["--output", "64K"], 1, "OLE"),
        ("return 3;", &[], 3, "RTE"),
        ("return 0;", &[], 0, "AC"),
    ] {
        let (ended, object) = json("a.c", &c(body), args);
        assert_eq!((ended, object["verdict"].as_str()), (Some(code), Some(verdict)), "{body}: {object}");
        assert_eq!(object["truncated"], verdict == "OLE", "{body}");
    }
}

/// Regression: nothing was printed, as if the program had done nothing.
#[test]
fn the_command_names_the_signal_that_ended_a_program() {
    let ended = run("a.c", "#include <signal.h>\nint main(void) { raise(SIGSEGV); }\n", &[], b"");
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(139), ""), "{ended:?}");
    assert!(ended.stderr.starts_with("✗ killed by SIGSEGV · cpu"), "{ended:?}");
}

#[test]
fn instructions_are_limited_and_reported_or_refused_with_the_reason() {
    let examination = end(cupel(["doctor", "--json"]), b"");
    let message: Value = serde_json::from_str(&examination.stdout).unwrap();
    let (counted, reason) = (message["instructions"]["counted"].as_bool().unwrap(), &message["instructions"]["reason"]);
    let (_, object) = json("a.c", "int main(void) { return 0; }\n", &[]);
    assert_eq!(object["instructions"].is_u64(), counted, "{object}");
    let ended = run("a.c", "int main(void) { for (;;) ; }\n", &["--instructions", "100000000"], b"");
    if counted {
        assert_eq!(ended.code, Some(124), "{ended:?}");
    } else {
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.stderr.contains(reason.as_str().unwrap()), "{ended:?}");
    }
}

#[test]
fn an_interpreter_starts_warm_and_the_result_reports_it() {
    let (_, python) = json("a.py", "print(6 * 7)", &[]);
    assert_eq!((&python["stdout"], &python["start"]), (&"42\n".into(), &"warm".into()), "{python}");
    let (_, c) = json("a.c", "int main(void) { return 0; }", &[]);
    assert!(c.get("start").is_none(), "a compiled program has only one kind of start: {c}");
    assert_eq!(c["memory_kb"], 1024, "the smallest reported value: {c}");
}

#[test]
fn a_compile_error_prints_the_compiler_output_and_exits_with_1() {
    let ended = run("a.c", "int main(void) { return nothing; }", &[], b"");
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
    assert!(ended.stderr.contains("nothing") && ended.stderr.contains("undeclared"), "{}", ended.stderr);
    let (code, object) = json("a.c", "int main(void) { return nothing; }", &[]);
    assert_eq!((code, &object["verdict"], &object["compile"]["ok"]), (Some(1), &"CE".into(), &false.into()));
    assert!(object["compile"]["output"].as_str().unwrap().contains("undeclared"));
}

#[test]
fn the_object_has_every_promised_field() {
    let (code, object) = json(
        "a.c",
        "#include <stdio.h>\nint main(void) { puts(\"hi\"); fputs(\"err\", stderr); return 2; }",
        &["--time", "3"],
    );
    assert_eq!(code, Some(2));
    for field in [
        "verdict",
        "exit_code",
        "signal",
        "stdout",
        "stderr",
        "truncated",
        "compile",
        "cpu_time_ms",
        "wall_time_ms",
        "execution_time_ms",
        "memory_used_kb",
        "memory_kb",
        "language",
        "limits",
    ] {
        assert!(object.get(field).is_some(), "{field}: {object}");
    }
    assert_eq!((&object["exit_code"], &object["signal"], &object["language"]), (&2.into(), &Value::Null, &"c".into()));
    assert_eq!((&object["stdout"], &object["stderr"]), (&"hi\n".into(), &"err".into()));
    assert_eq!((&object["compile"]["ok"], &object["compile"]["cached"]), (&true.into(), &false.into()));
    assert!(object["compile"]["time_ms"].as_u64().unwrap() > 0 && object["memory_kb"].as_u64().unwrap() > 0);
    assert_eq!(object["limits"]["cpu_time_ms"], 3000);
}

#[test]
fn output_that_is_not_utf8_is_also_given_in_base64() {
    let (_, object) = json("a.py", "import sys\nsys.stdout.buffer.write(b'\\xff\\x00ok')", &[]);
    assert_eq!((&object["stdout"], &object["stdout_base64"]), (&"\u{fffd}\0ok".into(), &"/wBvaw==".into()));
}

#[test]
fn output_is_streamed() {
    use std::io::{BufRead, BufReader, Write};
    use std::process::Stdio;
    // Each answer arrives before the next question is sent, so the output is not delayed until the end.
    let file = source("echo.py", "while True:\n    print(input()[::-1], flush=True)\n");
    let mut child =
        cupel(["run", &file.path]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let (mut ask, mut answers) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()).lines());
    for (question, answer) in [("abc\n", "cba"), ("12\n", "21")] {
        ask.write_all(question.as_bytes()).unwrap();
        assert_eq!(answers.next().unwrap().unwrap(), answer);
    }
    drop(ask);
    assert_eq!(child.wait().unwrap().code(), Some(1), "the end of input reaches the program");
}

#[test]
fn a_closed_output_pipe_ends_the_program() {
    use std::io::Read;
    use std::process::Stdio;
    let file = source("yes.py", "while True: print('yes')\n");
    let mut child = cupel(["run", &file.path, "--output", "16M"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut first = [0; 4];
    let mut stdout = child.stdout.take().unwrap();
    stdout.read_exact(&mut first).unwrap();
    drop(stdout);
    let code = child.wait().unwrap().code();
    assert_eq!((&first, code), (b"yes\n", Some(141)), "the exit code that a shell reports for SIGPIPE");
}

#[test]
fn a_file_that_cannot_be_run_is_refused_with_a_remedy() {
    let (unknown, bare) = (source("a.unknown", "1"), source("a", "1"));
    for (args, message) in [
        (&["run", "/nowhere/a.py"][..], "cannot open /nowhere/a.py"),
        // Regression: the error was that the language is unknown.
        (&["run", "/nowhere/a"], "cannot open /nowhere/a: No such file"),
        (&["run", "/nowhere/a.unknown"], "cannot open /nowhere/a.unknown: No such file"),
        (&["submit", "sum", "/nowhere/a"], "cannot open /nowhere/a: No such file"),
        (&["test", "/nowhere/a"], "cannot open /nowhere/a: No such file"),
        (&["run", &unknown.path], "name it with --language"),
        (&["run", &bare.path], "name it with --language"),
        (&["run", "/nowhere/a", "--language", "pyton"], "did you mean `python`?"),
    ] {
        let ended = end(cupel(args), b"");
        assert_eq!(ended.code, Some(2), "{args:?}");
        assert!(ended.stderr.contains(message), "{args:?}: {}", ended.stderr);
    }
}

#[test]
fn every_available_language_says_hello() {
    let listed: Value = serde_json::from_str(&end(cupel(["languages", "--json"]), b"").stdout).unwrap();
    let languages = listed["languages"].as_array().unwrap();
    assert!(languages.len() >= 21);
    for language in languages {
        let available = language["available"].as_bool().unwrap();
        assert_eq!(available, language["version"].is_string(), "{language}");
        assert_eq!(available, language["reason"].is_null(), "{language}");
    }
    let registry = cupel_languages::Registry::load(None).unwrap();
    for id in languages.iter().filter(|l| l["available"] == true).map(|l| l["id"].as_str().unwrap()) {
        let language = registry.find(id).unwrap();
        let hello = language.samples.iter().find(|sample| sample.name == "hello");
        // A test tool, which only clients of other products use, prints the time, so it has no sample `hello`.
        let Some(hello) = hello else {
            assert!(!language.listed, "{id}");
            continue;
        };
        let run = || end(cupel(["run", "-", "--language", id]), hello.source.as_bytes());
        let ended = unless_late(run, |ended| &ended.stderr);
        assert_eq!((ended.code, Some(&ended.stdout)), (Some(0), hello.stdout.as_ref()), "{id}: {}", ended.stderr);
    }
}

#[test]
fn each_command_exits_with_2_for_an_unknown_language() {
    for args in [
        &["languages", "install", "pyhton", "--dry-run"][..],
        &["languages", "test", "nonsense"],
        &["run", "-", "--language", "nonsense"],
    ] {
        let ended = end(cupel(args), b"");
        assert_eq!(ended.code, Some(2), "{args:?} {}", ended.stderr);
    }
}

#[test]
fn languages_test_runs_the_samples() {
    let ended = end(cupel(["languages", "test", "python", "c"]), b"");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.lines().count() == 3 && ended.stdout.contains('✓'), "{}", ended.stdout);
}

#[test]
fn doctor_passes_here_and_names_a_missing_wall() {
    let whole = end(cupel(["doctor"]), b"");
    assert_eq!(whole.code, Some(0), "{}", whole.stdout);
    let ended = end(cupel(["doctor", "--json", "--without", "seccomp"]), b"");
    let object: Value = serde_json::from_str(&ended.stdout).unwrap();
    let missing: Vec<_> =
        object["walls"].as_array().unwrap().iter().filter(|w| w["ok"] == false).map(|w| &w["name"]).collect();
    assert_eq!((ended.code, &object["ok"]), (Some(1), &false.into()));
    assert!(missing.contains(&&"seccomp".into()), "{missing:?}");
    let walls = |config: &str| {
        let file = source("cupel.toml", config);
        let ended = end(cupel(["doctor", "--config", &file.path, "--json", "--without", "seccomp"]), b"");
        (ended.code, serde_json::from_str::<Value>(&ended.stdout).unwrap_or_default(), ended.stderr)
    };
    let all: Vec<String> = missing.iter().map(|name| name.to_string()).collect();
    let (code, object, _) = walls(&format!("[sandbox]\naccept_missing = [{}]\n", all.join(", ")));
    assert_eq!((code, &object["ok"]), (Some(0), &true.into()), "{object:#}");
    let seccomp = object["walls"].as_array().unwrap().iter().find(|wall| wall["name"] == "seccomp").unwrap();
    assert_eq!((&seccomp["ok"], &seccomp["accepted"]), (&false.into(), &true.into()));
    let (code, object, _) = walls("[sandbox]\naccept_missing = [\"disk-limit\"]\n");
    assert_eq!((code, &object["ok"]), (Some(1), &false.into()), "{object:#}");
    let (code, _, stderr) = walls("[sandbox]\naccept_missing = [\"fence\"]\n");
    assert!(code == Some(2) && stderr.contains("unknown wall `fence`"), "{code:?} {stderr}");
    let ended = end(cupel(["doctor", "--without", "everything"]), b"");
    assert!(ended.code == Some(2) && ended.stderr.contains("the walls are"), "{}", ended.stderr);
}

#[test]
fn a_program_is_compiled_once_if_there_is_a_cache_directory() {
    let cache = tempfile::tempdir().unwrap();
    let file = source("a.c", "#include <stdio.h>\nint main(void) { puts(\"once\"); }");
    let cached = || {
        let mut command = cupel(["run", &file.path, "--json"]);
        command.env("XDG_CACHE_HOME", cache.path());
        let object: Value = serde_json::from_str(&end(command, b"").stdout).unwrap();
        assert_eq!(object["stdout"], "once\n");
        object["compile"]["cached"].clone()
    };
    assert_eq!((cached(), cached()), (false.into(), true.into()));
}

#[test]
fn language_files_and_settings_in_the_current_directory_are_used_only_if_they_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/../../languages/python.toml");
    let command = format!(r#"["sh", "-c", "touch {}; python3 --version"]"#, path("witness").display());
    let text = std::fs::read_to_string(shipped).unwrap().replace(r#"["python3", "--version"]"#, &command);
    assert!(text.contains("witness"));
    for directory in ["data/languages", "other"] {
        std::fs::create_dir_all(path(directory)).unwrap();
        std::fs::write(path(directory).join("python.toml"), &text).unwrap();
    }
    std::fs::write(path("cupel.toml"), "[languages]\ndirectory = \"other\"\n").unwrap();
    std::fs::write(path("hello.py"), "print('hello')").unwrap();
    let in_it = |args: &[&str]| {
        let mut command = cupel(args);
        command.current_dir(dir.path());
        end(command, b"")
    };
    for args in [&["run", "hello.py"][..], &["languages"]] {
        let ended = in_it(args);
        assert_eq!(ended.code, Some(0), "{args:?}: {ended:?}");
        assert!(ended.stderr.contains("--config cupel.toml and --data data"), "{args:?}: {}", ended.stderr);
        assert!(!path("witness").exists(), "{args:?}");
    }
    for flags in [["--data", "data"], ["--config", "cupel.toml"]] {
        let ended = in_it(&[&["run", "hello.py"], &flags[..]].concat());
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "hello\n"), "{ended:?}");
        assert!(std::fs::remove_file(path("witness")).is_ok(), "{flags:?}");
    }
    let file = path("other/python.toml").display().to_string();
    let ended = in_it(&["languages", "add", &file]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("with --data"), "{}", ended.stderr);
}
