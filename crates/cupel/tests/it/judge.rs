//! `cupel judge` and `cupel check`: real packages, real programs, the real sandbox.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Ended, cupel, cupel_with_cache, end, eventually};

/// A directory of files.
pub(crate) struct Files(TempDir);

impl Files {
    pub(crate) fn new(files: &[(&str, &str)]) -> Files {
        let dir = Files(tempfile::tempdir().unwrap());
        files.iter().for_each(|(path, text)| dir.write(path, text));
        dir
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.0.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub(crate) fn remove(&self, path: &str) {
        std::fs::remove_file(self.0.path().join(path)).unwrap();
    }

    pub(crate) fn path(&self, path: &str) -> String {
        self.0.path().join(path).to_str().unwrap().to_owned()
    }
}

/// Returns a legacy package without tests, with small limits so that tests of limits are fast.
pub(crate) fn package(problem: &str) -> Files {
    let yaml = format!("name: Sum\nlicense: cc0\nlimits:\n  memory: 128\n  output: 1\n  validation_time: 3\n{problem}");
    Files::new(&[("p/problem.yaml", &yaml), ("p/problem_statement/problem.en.md", "Sum.\n")])
}

/// Returns a problem that adds two numbers, with four tests.
fn sums(problem: &str) -> Files {
    let files = package(problem);
    for (name, input, answer) in [
        ("sample/1", "1 2\n", "3\n"),
        ("secret/01", "10 20\n", "30\n"),
        ("secret/02", "5 -7\n", "-2\n"),
        ("secret/03", "0 0\n", "0\n"),
    ] {
        files.write(&format!("p/data/{name}.in"), input);
        files.write(&format!("p/data/{name}.ans"), answer);
    }
    files
}

fn judge(files: &Files, name: &str, source: &str, args: &[&str]) -> (Ended, Value) {
    judge_within("1", files, name, source, args)
}

/// Judges with this time limit, in seconds. A program that waits for its interactor is idle, so a conversation on a
/// busy machine needs a large limit.
pub(crate) fn judge_within(limit: &str, files: &Files, name: &str, source: &str, args: &[&str]) -> (Ended, Value) {
    files.write(&format!("s/{name}"), source);
    let (package, submission) = (files.path("p"), files.path(&format!("s/{name}")));
    let fixed = ["judge", &package, "--submission", &submission, "--time-limit", limit, "--json"];
    let ended = end(cupel_with_cache(fixed.iter().chain(args)), b"");
    let object = serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{ended:?}"));
    (ended, object)
}

/// The program has a stack as large as its memory limit, and its input is larger than a pipe's buffer.
#[test]
fn programs_of_a_problem_start_warm_and_results_report_it() {
    let files = sums("");
    files.write("p/data/secret/04.in", &format!("1{}\n2\n", " ".repeat(100_000)));
    files.write("p/data/secret/04.ans", "3\n");
    let source = "import sys\nprint(sum(map(int, sys.stdin.read().split())))\n";
    for args in [&[][..], &["--memory-limit-kib", "1048576"]] {
        let (_, report) = judge(&files, "a.py", source, args);
        assert_eq!(report["verdict"], "AC", "{report}");
        let starts = report["cases"].as_array().unwrap().iter().map(|case| case["start"].as_str());
        assert_eq!(starts.collect::<Vec<_>>(), [Some("warm"); 5], "{report}");
    }
    let (_, report) = judge(&files, "a.c", "int main(void) { return 0; }", &[]);
    assert_eq!(report["cases"][0]["start"], Value::Null, "{report}");
}

#[test]
fn standard_error_of_a_failing_program_is_shown_and_harmless() {
    let files = Files::new(&[
        ("p/problem.toml", "title = \"E\"\n[limits]\ntime = 5.0\n"),
        ("p/statement.md", "E\n"),
        ("p/tests/secret/1.in", "1\n"),
        ("p/tests/secret/1.out", "1\n"),
        (
            "s/a.py",
            "import sys\nprint('\\x1b[2Jgone', file=sys.stderr)\nfor n in range(99):\n    print('line', n, file=sys.stderr)\nsys.exit(3)\n",
        ),
    ]);
    let ended = end(cupel(["judge", &files.path("p"), "--submission", &files.path("s/a.py")]), b"");
    assert_eq!(ended.code, Some(1));
    assert!(ended.stdout.contains("secret/1, standard error:\n\\u{1b}[2Jgone\nline 0\n"), "{}", ended.stdout);
    assert!(ended.stdout.contains("line 18\n…\n") && !ended.stdout.contains("line 19"), "{}", ended.stdout);
}

fn verdicts(object: &Value) -> String {
    let cases = object["cases"].as_array().unwrap().iter();
    cases.map(|case| case["verdict"].as_str().unwrap()).collect::<Vec<_>>().join(" ")
}

const ADD: &str = "a, b = map(int, input().split())\nprint(a + b)\n";

#[test]
fn the_unpacked_package_is_private_and_removed_when_a_signal_ends_the_command() {
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let files = sums("");
        files.write("s/loop.py", "while True: pass\n");
        // Neither below /tmp nor below /var/tmp.
        let place = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let args = ["judge", &files.path("p"), "--submission", &files.path("s/loop.py"), "--time-limit", "60"];
        let mut command = cupel(args);
        command.env("TMPDIR", place.path()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let unpacked = eventually(|| std::fs::read_dir(place.path()).unwrap().next()).unwrap();
        assert_eq!(unpacked.metadata().unwrap().permissions().mode() & 0o777, 0o700);
        let tasks = format!("/proc/{}/task", child.id());
        let names = || {
            std::fs::read_dir(&tasks).unwrap().map(|task| std::fs::read_to_string(task.unwrap().path().join("comm")))
        };
        eventually(|| names().any(|name| name.is_ok_and(|name| name.trim() == "signals")).then_some(()));
        let sent = Command::new("kill").args([format!("-{signal}"), child.id().to_string()]).status().unwrap();
        assert!(sent.success());
        assert_eq!(child.wait().unwrap().code(), Some(code), "{signal}");
        assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0, "{signal}");
    }
}

/// A problem with so many tests that a signal reaches a command before it has read or written all of them.
fn many_tests() -> Files {
    let files = sums("");
    files.write("p/submissions/accepted/a.py", ADD);
    let input = format!("1{}2\n", " ".repeat(20_000));
    for number in 1000..2000 {
        files.write(&format!("p/data/secret/{number}.in"), &input);
        files.write(&format!("p/data/secret/{number}.ans"), "3\n");
    }
    files
}

/// Regression: the directory with the tests stayed, because the commands listened for signals only afterwards.
#[test]
fn a_signal_while_a_package_is_unpacked_leaves_nothing() {
    let files = many_tests();
    files.write("s/a.py", ADD);
    let (package, submission) = (files.path("p"), files.path("s/a.py"));
    for args in [&["verify", &package][..], &["judge", &package, "--submission", &submission]] {
        let place = tempfile::tempdir().unwrap();
        let mut command = cupel(args);
        command.env("TMPDIR", place.path()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        eventually(|| std::fs::read_dir(place.path()).unwrap().next()).unwrap();
        let sent = Command::new("kill").args(["-TERM".to_owned(), child.id().to_string()]).status().unwrap();
        assert!(sent.success());
        assert_eq!(child.wait().unwrap().code(), Some(143), "{args:?}");
        assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0, "{args:?}");
    }
}

/// Regression: the file was left out, so the program was judged without it.
#[test]
fn a_submission_with_a_link_or_a_special_file_is_refused_by_its_name() {
    let files = sums("");
    files.write("s/a.py", ADD);
    files.write("elsewhere.py", "secret = 1\n");
    let (package, submission) = (files.path("p"), files.path("s"));
    let refused = |name: &str, what: &str| {
        let ended = end(cupel(["judge", &package, "--submission", &submission]), b"");
        assert_eq!(ended.code, Some(2), "{name}: {ended:?}");
        assert!(ended.stderr.contains(&format!("{} is {what}", files.path(name))), "{name}: {}", ended.stderr);
        files.remove(name);
    };
    std::os::unix::fs::symlink(files.path("elsewhere.py"), files.path("s/linked.py")).unwrap();
    refused("s/linked.py", "a symbolic link");
    assert!(Command::new("mkfifo").arg(files.path("s/pipe.py")).status().unwrap().success());
    refused("s/pipe.py", "a special file");
}

#[test]
fn each_kind_of_end_has_its_verdict() {
    let files = sums("");
    for (name, source, verdict, cases) in [
        ("a.py", ADD, "AC", "AC AC AC AC"),
        (
            "a.cpp",
            "#include <iostream>\nint main() { int a, b; std::cin >> a >> b; std::cout << a + b << std::endl; }",
            "AC",
            "AC AC AC AC",
        ),
        (
            "sum.java",
            "import java.util.*;\npublic class Add { public static void main(String[] x) { Scanner s = new Scanner(System.in); System.out.println(s.nextInt() + s.nextInt()); } }",
            "AC",
            "AC AC AC AC",
        ),
        ("w.py", "a, b = map(int, input().split())\nprint(a + abs(b))\n", "WA", "AC AC WA SK"),
        ("t.c", "int main(void) { for (volatile int n = 0;;) n = n + 1; }", "TLE", "TLE SK SK SK"),
        ("i.py", "import time\ntime.sleep(60)\n", "ILE", "ILE SK SK SK"),
        ("r.py", "raise SystemExit(3)\n", "RTE", "RTE SK SK SK"),
        ("s.c", "#include <signal.h>\nint main(void) { raise(SIGSEGV); }", "RTE", "RTE SK SK SK"),
        (
            "m.c",
            "#include <stdlib.h>\n#include <string.h>\nint main(void) { for (;;) memset(malloc(1 << 20), 1, 1 << 20); }",
            "MLE",
            "MLE SK SK SK",
        ),
        ("o.py", "while True: print('x' * 1000)\n", "OLE", "OLE SK SK SK"),
        ("c.c", "int main(void) { return nothing; }", "CE", ""),
        ("right_but_1.py", &format!("{ADD}raise SystemExit(1)\n"), "RTE", "RTE SK SK SK"),
    ] {
        // Only the programs that must reach a time limit have a small one.
        let limit = if matches!(verdict, "TLE" | "ILE") { "1" } else { "10" };
        let (ended, object) = judge_within(limit, &files, name, source, &[]);
        assert_eq!(
            (object["verdict"].as_str(), verdicts(&object).as_str()),
            (Some(verdict), cases),
            "{name}: {object:#}"
        );
        assert_eq!(ended.code, Some(i32::from(verdict != "AC")), "{name}");
    }
}

#[test]
fn the_object_has_every_promised_field() {
    let (_, object) = judge(&sums(""), "w.py", "print(3)\n", &["--all-cases"]);
    assert_eq!(verdicts(&object), "AC WA WA WA");
    for field in [
        "verdict",
        "score",
        "max_score",
        "time_ms",
        "execution_time_ms",
        "memory_kb",
        "memory_used_kb",
        "groups",
        "cases",
        "message",
        "compile",
    ] {
        assert!(object.get(field).is_some(), "{field}: {object:#}");
    }
    let case = &object["cases"][1];
    assert_eq!((&case["name"], &case["group"]), (&"secret/01".into(), &"secret".into()));
    for field in ["verdict", "score", "time_ms", "execution_time_ms", "memory_kb", "memory_used_kb", "judge_message"] {
        assert!(case.get(field).is_some(), "{field}: {case:#}");
    }
    assert_eq!(case["judge_message"], "word 1, line 1 of the output: expected \"30\", got \"3\"");
    for field in ["name", "verdict", "score", "max", "reason"] {
        assert!(object["groups"][0].get(field).is_some(), "{field}: {object:#}");
    }
}

#[test]
fn a_directory_is_submitted_with_all_its_files() {
    let files = sums("");
    files.write("s/dir/helper.py", "def add(a, b):\n    return a + b\n");
    files.write("s/dir/__main__.py", "from helper import add\nprint(add(*map(int, input().split())))\n");
    let (package, submission) = (files.path("p"), files.path("s/dir"));
    let ended = end(cupel(["judge", &package, "--submission", &submission, "--time-limit", "1"]), b"");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.contains("secret/03") && ended.stdout.contains("accepted"), "{ended:?}");
}

#[test]
fn a_missing_time_limit_is_derived_from_accepted_submissions() {
    let files = sums("");
    files.write("p/submissions/accepted/a.py", ADD);
    files.write("s/t.c", "int main(void) { for (volatile int n = 0;;) n = n + 1; }");
    let ended = end(cupel(["judge", &files.path("p"), "--submission", &files.path("s/t.c"), "--json"]), b"");
    let object: Value = serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{ended:?}"));
    assert_eq!(object["verdict"], "TLE", "{object:#}");
    // The derived limit is five times the time of the accepted submission, in whole seconds.
    let limit = object["time_limit_ms"].as_u64().unwrap();
    assert!((1000..10_000).contains(&limit) && limit.is_multiple_of(1000), "{limit}");
    assert!(ended.stderr.contains("submissions/accepted/a.py"), "{ended:?}");
}

#[test]
fn a_derived_time_limit_is_cached() {
    let files = sums("");
    files.write("p/submissions/accepted/a.py", ADD);
    files.write("s/a.py", ADD);
    files.write("cache/README", "");
    let judge = |more: &[&str]| {
        let (package, submission) = (files.path("p"), files.path("s/a.py"));
        let mut command = cupel(["judge", &package, "--submission", &submission, "--json"]);
        command.args(more).env("XDG_CACHE_HOME", files.path("cache"));
        let ended = end(command, b"");
        let object: Value = serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{ended:?}"));
        assert_eq!(object["verdict"], "AC", "{ended:?}");
        (object["time_limit_ms"].as_u64().unwrap(), ended.stderr.contains("measured before"))
    };
    let (limit, is_known) = judge(&[]);
    assert!(!is_known);
    assert_eq!(judge(&[]), (limit, true));
    assert!(!judge(&["--calibrate"]).1);
    // A cold start takes more CPU time than a warm one, so a cached limit applies to one kind of start only.
    let mut cold = cupel(["judge", &files.path("p"), "--submission", &files.path("s/a.py")]);
    cold.env("XDG_CACHE_HOME", files.path("cache")).env("CUPEL_WORKER__WARM_INTERPRETERS", "false");
    let cold = end(cold, b"").stderr;
    assert!(cold.contains("started cold") && !cold.contains("measured before"), "{cold}");
    assert!(judge(&[]).1);
    // If the cached limit is damaged, the limit is derived again. Another package has another limit.
    for kept in std::fs::read_dir(files.path("cache/cupel/time-limits")).unwrap() {
        std::fs::write(kept.unwrap().path(), "{").unwrap();
    }
    assert!(!judge(&[]).1);
    assert!(judge(&[]).1);
    // `cupel verify` caches derived limits, too.
    for kept in std::fs::read_dir(files.path("cache/cupel/time-limits")).unwrap() {
        std::fs::remove_file(kept.unwrap().path()).unwrap();
    }
    let mut verify = cupel(["verify", &files.path("p")]);
    verify.env("XDG_CACHE_HOME", files.path("cache"));
    assert_eq!(end(verify, b"").code, Some(0));
    assert!(judge(&[]).1);
    files.write("p/data/secret/04.in", "1 1\n");
    files.write("p/data/secret/04.ans", "2\n");
    assert!(!judge(&[]).1);
}

/// The test replaces `ACT` by code, which runs before the validator reads the output.
const VALIDATOR: &str = r#"
import os, signal, sys, time
act = open(sys.argv[1]).read().split()
feedback = sys.argv[3]
assert feedback.endswith("/") and os.path.isdir(feedback)
ACT
answer = open(sys.argv[2]).read().split()
output = sys.stdin.read().split()
open(feedback + "judgemessage.txt", "w").write("saw %d words" % len(output))
open(feedback + "teammessage.txt", "w").write("look again")
sys.exit(42 if output == answer else 43)
"#;

#[test]
fn a_validator_of_the_package_decides_only_by_exit_codes_42_and_43() {
    for (act, verdict) in [
        ("", "AC"),
        ("sys.exit(43)", "WA"),
        ("sys.exit(0)", "JE"),
        ("sys.exit(1)", "JE"),
        ("sys.exit(50)", "JE"),
        ("raise SystemExit('what')", "JE"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "JE"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "JE"),
        ("while True: pass", "JE"),
        // Messages are truncated on every channel.
        ("sys.stdout.write('x' * (64 << 20))", "AC"),
        ("sys.stderr.write('x' * (20 << 20))", "AC"),
        ("open(sys.argv[3] + 'judgemessage.txt', 'w').write('x' * (20 << 20))", "AC"),
        ("open(sys.argv[3] + 'teammessage.txt', 'w').write('x' * (20 << 20)); sys.exit(43)", "WA"),
        ("open(sys.argv[3] + 'score.txt', 'w').write('1' * (20 << 20))", "JE"),
    ] {
        let files = sums("validation: custom\n");
        files.write("p/output_validators/check/check.py", &VALIDATOR.replace("ACT", act));
        let (_, object) = judge(&files, "a.py", ADD, &[]);
        assert_eq!(object["verdict"], verdict, "{act}: {object:#}");
        if verdict == "JE" {
            assert!(object["cases"][0]["judge_message"].as_str().unwrap().contains("output_validators"), "{object:#}");
            assert_eq!(verdicts(&object), "JE SK SK SK", "{act}");
        }
    }
    let files = sums("validation: custom\n");
    files.write("p/output_validators/check/check.py", &VALIDATOR.replace("ACT", ""));
    let (_, object) = judge(&files, "w.py", "print(3, 4)\n", &[]);
    let case = &object["cases"][0];
    assert_eq!(
        (&case["verdict"], &case["judge_message"], &case["team_message"]),
        (&"WA".into(), &"saw 2 words".into(), &"look again".into())
    );
}

/// With `cupel run`, which does not check the syntax, the same errors are run-time errors.
#[test]
fn a_syntax_error_of_an_interpreted_language_is_a_compile_error_in_a_problem() {
    let files = sums("");
    for (name, wrong, right) in [
        ("a.py", "print(1\n", "a, b = map(int, input().split())\nprint(a + b)\n"),
        ("a.pl", "print (1;\n", "my ($a, $b) = split ' ', <STDIN>; print $a + $b, \"\\n\";\n"),
        ("a.rb", "puts (1\n", "puts gets.split.map(&:to_i).sum\n"),
        ("a.php", "<?php echo (1;\n", "<?php fscanf(STDIN, '%d %d', $a, $b); echo $a + $b, \"\\n\";\n"),
        ("a.lua", "print(1\n", "local a, b = io.read('n', 'n') print(a + b)\n"),
        (
            "a.js",
            "console.log(1\n",
            "const [a, b] = require('fs').readFileSync(0, 'utf8').split(' '); console.log(+a + +b)\n",
        ),
        ("a.R", "print(1\n", "cat(sum(scan(file('stdin'), quiet = TRUE)), '\\n')\n"),
    ] {
        let (_, object) = judge(&files, name, wrong, &[]);
        assert_eq!(object["verdict"], "CE", "{name}: {object:#}");
        let output = object["compile"]["output"].as_str().unwrap();
        assert!(!output.trim().is_empty(), "{name}: {object:#}");
        let (_, object) = judge(&files, name, right, &[]);
        assert_eq!(object["verdict"], "AC", "{name}: {object:#}");
        let ended = end(cupel(["run", "--json", &files.path(&format!("s/{name}"))]), b"1 2\n");
        assert_eq!(ended.code, Some(0), "{name}: {ended:?}");
        files.write(&format!("s/{name}"), wrong);
        let ended = end(cupel(["run", "--json", &files.path(&format!("s/{name}"))]), b"");
        let object: Value = serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{ended:?}"));
        assert_eq!(object["verdict"], "RTE", "{name}: {object:#}");
    }
}

#[test]
fn java_without_a_main_class_is_a_compile_error_in_a_problem() {
    let (_, object) = judge(&sums(""), "A.java", "class A { static int add(int a, int b) { return a + b; } }\n", &[]);
    assert_eq!(
        (&object["verdict"], &object["message"]),
        (&"CE".into(), &"no class has a `main` method".into()),
        "{object:#}"
    );
}

/// The array is larger than the memory limit, and the linker accepts it.
#[test]
fn static_data_larger_than_the_memory_limit_exceeds_it() {
    let source = "char a[3000000000UL];\nint main() { for (unsigned long i = 0; i < sizeof a; i += 4096) a[i] = 1; return a[5]; }\n";
    for name in ["a.c", "a.cpp"] {
        let (_, object) = judge(&sums(""), name, source, &[]);
        assert_eq!(object["verdict"], "MLE", "{name}: {object:#}");
    }
}

#[test]
fn a_submission_of_headers_is_compiled_with_the_packages_main_source() {
    let files = sums("");
    files.write("s/mine/solution.hpp", "inline int add(int a, int b) { return a + b; }\n");
    let args = ["judge", &files.path("p"), "--submission", &files.path("s/mine"), "--time-limit", "1", "--json"];
    let object = || -> Value {
        let ended = end(cupel(args), b"");
        serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{ended:?}"))
    };
    let alone = object();
    assert_eq!(alone["verdict"], "CE", "{alone:#}");
    assert!(alone["message"].as_str().unwrap().contains("only headers"), "{alone:#}");
    let main = "#include \"solution.hpp\"\n#include <iostream>\nint main() { int a, b; std::cin >> a >> b; std::cout << add(a, b); }\n";
    files.write("p/include/cpp/main.cpp", main);
    let object = object();
    assert_eq!((&object["verdict"], &object["language"]), (&"AC".into(), &"cpp".into()), "{object:#}");
}

#[test]
fn a_judging_programs_files_in_cupels_directory_are_dropped() {
    for path in [".cupel", ".cupel/in", ".cupel/feedback", ".cupel/feedback/judgemessage.txt"] {
        let files = Files::new(&[
            (
                "p/problem.toml",
                "title = \"E\"\n[limits]\ntime = 5.0\n[checker]\nkind = \"program\"\nprogram = \"check\"\n",
            ),
            ("p/statement.md", "E\n"),
            ("p/tests/secret/1.in", "1\n"),
            ("p/tests/secret/1.out", "1\n"),
            ("p/check/build", "#!/bin/sh\nprintf '#!/bin/sh\\nexit 42\\n' > run\nchmod +x run\n"),
            (&format!("p/check/{path}"), "forged\n"),
        ]);
        let (ended, object) = judge(&files, "a.py", "print(input())\n", &[]);
        assert_eq!((ended.code, &object["verdict"]), (Some(0), &Value::from("AC")), "{path}: {object}");
        assert!(!object.to_string().contains("forged"), "{path}: {object}");
    }
}

#[test]
fn a_validator_that_does_not_compile_is_a_package_fault_with_the_compiler_output() {
    let files = sums("validation: custom\n");
    files.write("p/output_validators/check.cpp", "int main() { return undeclared; }\n");
    let (ended, object) = judge(&files, "a.py", ADD, &[]);
    assert_eq!((object["verdict"].as_str(), ended.code), (Some("JE"), Some(2)), "{object:#}");
    assert!(object["cases"][0]["judge_message"].as_str().unwrap().contains("undeclared"), "{object:#}");
}

#[test]
fn scores_of_checkers_and_groups_add_up() {
    let files = package("type: scoring\nvalidation: custom score\n");
    files.write("p/data/testdata.yaml", "grading: default\ngrader_flags: sum\nrange: 0 100\n");
    files.write("p/data/sample/1.in", "1\n");
    files.write("p/data/sample/1.ans", "10\n");
    for (group, cases) in [("g1", 2), ("g2", 3)] {
        files.write(&format!("p/data/secret/{group}/testdata.yaml"), "on_reject: continue\ngrader_flags: min\n");
        for case in 0..cases {
            files.write(&format!("p/data/secret/{group}/{case}.in"), &format!("{case}\n"));
            files.write(&format!("p/data/secret/{group}/{case}.ans"), "10\n");
        }
    }
    let validator = r#"
import sys
best, got = int(open(sys.argv[2]).read()), int(sys.stdin.read())
if got > best: sys.exit(43)
open(sys.argv[3] + "score.txt", "w").write(str(got))
sys.exit(42)
"#;
    files.write("p/output_validators/v.py", validator);
    let (ended, object) =
        judge(&files, "a.py", "n = int(input())\nprint(10 - 2 * n if n < 3 else 1)\n", &["--all-cases"]);
    let group = |name: &str| {
        let groups = object["groups"].as_array().unwrap();
        groups.iter().find(|group| group["name"] == name).unwrap_or_else(|| panic!("{object:#}"))["score"].clone()
    };
    assert_eq!((group("secret/g1"), group("secret/g2")), (8.into(), 6.into()), "{object:#}");
    // A part of the score is AC in the API, but does not exit with 0.
    assert_eq!((ended.code, &object["verdict"]), (Some(1), &"AC".into()), "{object:#}");
}

/// Interactor of a guessing game. It answers higher or lower, and allows at most ten guesses.
const GUESS: &str = r#"
import sys
secret = int(open(sys.argv[1]).read())
ACT
for turn in range(10):
    line = sys.stdin.readline()
    if not line: sys.exit(43)
    guess = int(line)
    if guess == secret:
        print("correct", flush=True)
        sys.exit(42)
    print("lower" if guess > secret else "higher", flush=True)
sys.exit(43)
"#;

const BISECT: &str = r#"
low, high = 1, 1000
while True:
    middle = (low + high) // 2
    print(middle, flush=True)
    said = input()
    if said == "correct": break
    if said == "lower": high = middle - 1
    else: low = middle + 1
"#;

pub(crate) fn guessing(act: &str) -> Files {
    let files = package("validation: custom interactive\n");
    for (name, secret) in [("1", 7), ("2", 1000)] {
        files.write(&format!("p/data/secret/{name}.in"), &format!("{secret}\n"));
        files.write(&format!("p/data/secret/{name}.ans"), "\n");
    }
    files.write("p/output_validators/v/v.py", &GUESS.replace("ACT", act));
    files
}

#[test]
fn the_party_that_ends_a_conversation_first_decides_it() {
    for (act, source, verdict) in [
        ("", BISECT, "AC"),
        // Ten guesses are not enough for 1000. The program then fails at the end of its input.
        ("", "for n in range(1, 2000):\n    print(n, flush=True)\n    if input() == 'correct': break\n", "WA"),
        ("", "raise SystemExit(1)\n", "RTE"),
        ("", "import os\nprint(5, flush=True)\ninput()\nos.abort()\n", "RTE"),
        ("", "print(5)\n", "WA"),
        ("", "print('five')\n", "JE"),
        // The output was not flushed, so interactor and program wait for each other. The format has no verdict for
        // idleness.
        ("", "import sys\nprint(5)\nsys.stdin.readline()\n", "TLE"),
        ("", "input()\n", "TLE"),
        ("", "while True: pass\n", "TLE"),
        ("sys.exit(43)", BISECT, "WA"),
        ("sys.exit(0)", BISECT, "JE"),
        ("import os; os.abort()", BISECT, "JE"),
        ("while True: pass", BISECT, "JE"),
        ("sys.stdin.readline(); sys.exit(42)", "print(1, flush=True)\n", "AC"),
        ("sys.exit(42)", "import sys\nsys.stdin.close()\n", "AC"),
    ] {
        // A program that waits or computes forever must reach its limit. The other programs must not.
        let limit = if verdict == "TLE" { "1" } else { "200" };
        let (_, object) = judge_within(limit, &guessing(act), "a.py", source, &[]);
        assert_eq!(object["verdict"], verdict, "interactor {act:?}, program {source:?}: {object:#}");
    }
}

#[test]
fn a_race_to_the_end_always_has_the_same_winner() {
    // The interactor rejects and ends. The program then fails at the end of its input.
    let files = guessing("sys.exit(43)");
    for _ in 0..10 {
        let (_, object) = judge_within("60", &files, "a.py", "input()\nraise SystemExit(1)\n", &[]);
        assert_eq!(object["verdict"], "WA", "{object:#}");
    }
}

#[test]
fn a_second_pass_gets_the_input_that_the_validator_wrote() {
    let files = package("validation: custom multi-pass\n");
    files.write("p/data/secret/1.in", "encode 5\n");
    files.write("p/data/secret/1.ans", "5\n");
    let validator = r#"
import os, sys
words = open(sys.argv[1]).read().split()
answer = open(sys.argv[2]).read().strip()
output = sys.stdin.read().strip()
seen = sys.argv[3] + "seen"
if words[0] == "encode":
    assert not os.path.exists(seen)
    open(seen, "w").write("x")
    open(sys.argv[3] + "nextpass.in", "w").write("decode " + output + "\n")
    sys.exit(42)
assert os.path.exists(seen)
sys.exit(42 if output == answer else 43)
"#;
    files.write("p/output_validators/v.py", validator);
    let args = ["--format", "domjudge"];
    let program = "import os\nassert not os.path.exists('kept')\nopen('kept', 'w').close()\nwhat, n = input().split()\nprint(int(n) * 2 if what == 'encode' else int(n) // 2)\n";
    let (_, object) = judge(&files, "a.py", program, &args);
    assert_eq!(object["verdict"], "AC", "{object:#}");
    let (_, object) = judge(&files, "w.py", "print(input().split()[1])\nprint(0)\n", &args);
    assert_eq!(object["verdict"], "WA", "{object:#}");
    files.write(
        "p/output_validators/v.py",
        &validator.replace("if words[0] == \"encode\":", "if True:").replace("assert not", "os.path"),
    );
    let (_, object) = judge(&files, "a.py", "print(input().split()[1])\n", &args);
    assert_eq!(object["verdict"], "JE", "an endless number of passes: {object:#}");
}

#[test]
fn a_directory_that_is_not_a_package_is_refused_with_file_and_reason() {
    let files = Files::new(&[("p/readme.txt", "hello\n"), ("s/a.py", "pass\n")]);
    let ended = end(cupel(["judge", &files.path("p"), "--submission", &files.path("s/a.py"), "--json"]), b"");
    let object: Value = serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{ended:?}"));
    assert_eq!((ended.code, &object["verdict"]), (Some(2), &"JE".into()));
    assert_eq!(object["findings"][0]["code"], "E_FORMAT_UNKNOWN", "{object:#}");
    let ended = end(cupel(["judge", "/nowhere", "--submission", &files.path("s/a.py")]), b"");
    assert_eq!(ended.code, Some(2), "{ended:?}");
}

// ---- cupel check ------------------------------------------------------------------------------------

fn check(name: &str, answer: &str, output: &str, flags: &[&str]) -> (Option<i32>, Files) {
    let files = Files::new(&[("in", "x\n"), ("ans", answer), ("out", output)]);
    let [input, ans, out, feedback] = ["in", "ans", "out", "feedback"].map(|name| files.path(name));
    let mut args =
        vec!["check", name, "--input", &input, "--answer", &ans, "--output", &out, "--feedback", &feedback, "--"];
    args.extend(flags);
    (end(cupel(args), b"").code, files)
}

#[test]
fn check_exits_with_42_or_43_and_writes_its_messages() {
    let (code, files) = check("default", "1 2\n", "1\n2", &[]);
    assert_eq!(code, Some(42));
    assert!(!Path::new(&files.path("feedback/judgemessage.txt")).exists());
    let (code, files) = check("default", "1 2\n", "1\n3", &[]);
    assert_eq!(code, Some(43));
    let read = |name: &str| std::fs::read_to_string(files.path(&format!("feedback/{name}"))).unwrap();
    assert_eq!(read("judgemessage.txt"), "word 2, line 2 of the output: expected \"2\", got \"3\"\n");
    assert_eq!(read("diffposition.txt"), "2 2\n");
    assert_eq!(check("default", "1.0\n", "1.0000001", &["float_tolerance", "1e-6"]).0, Some(42));
    assert_eq!(check("default", "A\n", "a", &["case_sensitive"]).0, Some(43));
    assert_eq!(check("sorted-lines", "a\nb\n", "b\na\n", &[]).0, Some(42));
    assert_eq!(check("std::yesno.cpp", "YES\n", "yes", &[]).0, Some(42));
}

#[test]
fn a_check_removes_the_results_of_an_earlier_one() {
    let files = Files::new(&[("ans", "1\n2\n"), ("half", "1\n3\n")]);
    let feedback = files.path("feedback");
    let check = |name: &str, output: &str| {
        let (answer, output) = (files.path("ans"), files.path(output));
        let args = ["check", name, "--answer", &answer, "--output", &output, "--feedback", &feedback];
        let ended = end(cupel(args), b"");
        let left = std::fs::read_dir(&feedback).unwrap();
        let mut left: Vec<String> = left.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        left.sort();
        (ended.code, left)
    };
    let both = ["judgemessage.txt", "score_multiplier.txt"].map(str::to_owned).to_vec();
    assert_eq!(check("line-count", "half"), (Some(42), both));
    let both = ["diffposition.txt", "judgemessage.txt"].map(str::to_owned).to_vec();
    assert_eq!(check("default", "half"), (Some(43), both));
    assert_eq!(check("default", "ans"), (Some(42), Vec::new()));
    assert_eq!(check("default", "feedback").0, Some(2), "a directory");
}

#[test]
fn a_single_file_with_another_extension_is_compiled_in_the_named_language() {
    let files = sums("");
    files.write(
        "s/sum.data",
        "#include <stdio.h>\nint main(void) { int a, b; scanf(\"%d %d\", &a, &b); printf(\"%d\\n\", a + b); }\n",
    );
    let args = [
        "judge",
        &files.path("p"),
        "--submission",
        &files.path("s/sum.data"),
        "--language",
        "c",
        "--json",
        "--time-limit",
        "5",
    ];
    let ended = end(cupel(args), b"");
    let object: Value = serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{ended:?}"));
    assert_eq!(object["verdict"], "AC", "{object:#}");
}

#[test]
fn check_fails_on_invalid_arguments() {
    for (name, flags) in [
        ("default", &["float_tolerance"][..]),
        ("default", &["what"]),
        ("nothing", &[]),
        ("exact", &["case_sensitive"]),
    ] {
        let (code, files) = check(name, "1\n", "1\n", flags);
        assert_eq!(code, Some(2), "{name} {flags:?}");
        assert!(!Path::new(&files.path("feedback")).exists());
    }
    let ended = end(cupel(["check", "default", "--answer", "/nowhere"]), b"");
    assert_eq!(ended.code, Some(2), "{ended:?}");
}

#[test]
fn check_reads_the_output_from_standard_input() {
    let files = Files::new(&[("ans", "1 2\n")]);
    assert_eq!(end(cupel(["check", "default", "--answer", &files.path("ans")]), b"1 2").code, Some(42));
    assert_eq!(end(cupel(["check", "default", "--answer", &files.path("ans")]), b"1 2 3").code, Some(43));
}

/// Returns the peak memory of `cupel check default`, in KiB, after it has read the whole output, which it then accepts.
/// Answer and output are each a piece of text and its number of repetitions.
fn most_memory_while_comparing((answer, answers): (&str, usize), (output, outputs): (&str, usize)) -> u64 {
    let files = Files::new(&[]);
    let repeat = |into: &mut dyn Write, piece: &str, times: usize| {
        let block = piece.repeat((1 << 16) / piece.len());
        let pieces = block.len() / piece.len();
        (0..times / pieces).for_each(|_| into.write_all(block.as_bytes()).unwrap());
        into.write_all(piece.repeat(times % pieces).as_bytes()).unwrap();
    };
    repeat(&mut std::fs::File::create(files.path("ans")).unwrap(), answer, answers);
    let command = ["check", "default", "--answer", &files.path("ans")];
    let mut child = cupel(command).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    repeat(&mut stdin, output, outputs);
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    drop(stdin);
    assert_eq!(child.wait().unwrap().code(), Some(42), "{outputs} of {output:?}");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
fn an_output_of_20_mb_takes_no_more_memory_than_a_small_output() {
    const LARGE: usize = 20_000_000;
    // The output is larger than a pipe's buffer, so the comparison is still running when the test reads its memory.
    let small = most_memory_while_comparing(("0\n", 500_000), ("0 ", 500_000));
    for (what, answer, output) in [
        ("one word", ("a", LARGE), ("a", LARGE)),
        ("blanks", (" ", 1), (" ", LARGE)),
        ("many words", ("0\n", LARGE / 2), ("0 ", LARGE / 2)),
    ] {
        let most = most_memory_while_comparing(answer, output);
        assert!(most < small + 4096, "{what}: {most} KiB, a small output {small} KiB");
    }
}
