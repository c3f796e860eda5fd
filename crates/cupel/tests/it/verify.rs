//! `cupel verify` on packages of each format: valid packages pass, and each kind of fault is found and named.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::judge::Files;
use crate::stored::SmallDisk;
use crate::support::{Ended, cupel, cupel_with_cache, end};

fn verify(path: &str, args: &[&str]) -> (Ended, Value) {
    let ended = end(cupel_with_cache(["verify", path, "--json"].iter().chain(args)), b"");
    let object = serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{ended:?}"));
    (ended, object)
}

/// Returns each claim that does not hold, as `subject | about | expected | got`.
fn broken(object: &Value) -> Vec<String> {
    let claims = object["expectations"].as_array().unwrap().iter().filter(|claim| claim["ok"] == false);
    let text = |claim: &Value, field: &str| claim[field].as_str().unwrap_or_default().to_owned();
    claims.map(|claim| ["subject", "about", "expected", "got"].map(|field| text(claim, field)).join(" | ")).collect()
}

const ADD: &str = "a, b = map(int, input().split())\nprint(a + b)\n";
const ABS: &str = "a, b = map(int, input().split())\nprint(abs(a) + abs(b))\n";
const SLOW: &str = "int main(void) { for (volatile int n = 0;;) n = n + 1; }\n";
const CRASH: &str = "raise SystemExit(1)\n";
const VALIDATE: &str = "import re, sys\nsys.exit(42 if re.fullmatch(r'-?\\d+ -?\\d+\\n', sys.stdin.read()) else 43)\n";

/// The submission of [`sums`] that runs for seconds. Tests that are not about it remove it.
const SLOW_PATH: &str = "p/submissions/time_limit_exceeded/slow.c";

const SUBMISSIONS: [(&str, &str, &str); 4] = [
    ("accepted", "add.py", ADD),
    ("wrong_answer", "abs.py", ABS),
    ("time_limit_exceeded", "slow.c", SLOW),
    ("run_time_error", "crash.py", CRASH),
];

/// Returns a package in Kattis 2025-09 that adds two numbers.
fn sums() -> Files {
    let files = Files::new(&[
        (
            "p/problem.yaml",
            "# the sum\nproblem_format_version: 2025-09\nname: Sum\nuuid: 6d2d5b0e-1a38-4b0b-8e0c-5c7d8f0f6b11\nlicense: cc0\nlimits:\n  time_limit: 0.5 # seconds\n  time_resolution: 0.5\n  memory: 128\n  validation_time: 1\n",
        ),
        ("p/statement/problem.en.md", "Sum.\n"),
        ("p/input_validators/v.py", VALIDATE),
        ("p/data/invalid_input/one.in", "1\n"),
    ]);
    for (name, input, answer) in
        [("sample/1", "1 2\n", "3\n"), ("secret/01", "10 20\n", "30\n"), ("secret/02", "5 -7\n", "-2\n")]
    {
        files.write(&format!("p/data/{name}.in"), input);
        files.write(&format!("p/data/{name}.ans"), answer);
    }
    for (folder, name, source) in SUBMISSIONS {
        files.write(&format!("p/submissions/{folder}/{name}"), source);
    }
    files
}

#[test]
fn a_checktestdata_description_works_as_a_validator() {
    let files = sums();
    files.remove(SLOW_PATH);
    files.write("p/input_validators/sum.ctd", "INT(-100, 100) SPACE INT(-100, 100) NEWLINE\n");
    let (ended, object) = verify(&files.path("p"), &[]);
    assert_eq!((ended.code, &object["notes"]), (Some(0), &serde_json::json!([])), "{object:#}");
    let asked = object["expectations"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|claim| claim["about"] == "input_validators/sum.ctd")
        .count();
    assert_eq!(asked, 3, "every case: {object:#}");

    files.write("p/input_validators/sum.ctd", "INT(-100, 5) SPACE INT(-100, 100) NEWLINE\n");
    let (ended, object) = verify(&files.path("p"), &[]);
    let [claim] = &broken(&object)[..] else { panic!("{object:#}") };
    assert_eq!(ended.code, Some(1));
    assert!(claim.contains("sum.ctd | accepted | rejected: ") && claim.contains("10 outside"), "{claim}");

    files.write("p/input_validators/sum.ctd", "NUMBER(-100, 10)\n");
    let claims = broken(&verify(&files.path("p"), &[]).1);
    assert!(claims.iter().any(|claim| claim.contains("the grammar is faulty")), "{claims:?}");
}

#[test]
fn a_valid_package_holds_and_the_object_has_every_promised_field() {
    let files = sums();
    let (ended, object) = verify(&files.path("p"), &[]);
    assert_eq!((ended.code, &object["ok"]), (Some(0), &true.into()), "{object:#}");
    for field in ["package", "slug", "format", "time_limit", "submissions", "expectations", "findings", "notes"] {
        assert!(object.get(field).is_some(), "{field}: {object:#}");
    }
    let claims = object["expectations"].as_array().unwrap();
    for claim in claims {
        for field in ["submission", "rule", "expected", "got", "case", "ok"] {
            assert!(claim.get(field).is_some(), "{field}: {claim:#}");
        }
    }
    let rules = |subject: &str| claims.iter().filter(|claim| claim["subject"] == subject).count();
    // The counts: three inputs and one invalid input; three answers; the rules of four folders; two margins.
    assert_eq!((rules("validator"), rules("checker"), rules("time_limit")), (4, 3, 2), "{object:#}");
    assert!(rules("submission") >= 4);
    // The slow submission runs until the upper margin. A busy machine may end it earlier, at the wall-clock limit.
    let runs_until_margin = |object: &Value| {
        let slow = object["submissions"].as_array().unwrap().iter().find(|one| one["verdict"] == "TLE");
        slow.is_some_and(|slow| slow["time_ms"].as_u64().unwrap() >= 750)
    };
    let mut others = (1..10).map(|_| verify(&files.path("p"), &[]).1);
    assert!(runs_until_margin(&object) || others.any(|object| runs_until_margin(&object)), "{object:#}");

    let finished = end(cupel(["verify", &files.path("p")]), b"");
    assert_eq!(finished.code, Some(0), "{finished:?}");
    for word in ["accepted/add.py", "sample", "secret", "of limit", "TLE", "claims hold"] {
        assert!(finished.stdout.contains(word), "{word}: {finished:?}");
    }
    // Progress goes to standard error; with `--json`, there is none.
    for step in ["input validators …", "checkers …", "submissions/accepted/add.py …"] {
        assert!(finished.stderr.lines().any(|line| line.ends_with(step)), "{step}: {finished:?}");
    }
    assert_eq!(ended.stderr, "");
}

#[test]
fn a_submission_in_python_2_is_not_tried_and_the_reason_is_shown() {
    let files = sums();
    let yaml = "name: Sum\nlicense: cc0\nlimits:\n  memory: 128\n";
    files.remove("p/statement/problem.en.md");
    files.remove("p/data/invalid_input/one.in");
    files.write("p/problem.yaml", yaml);
    files.write("p/problem_statement/problem.en.md", "Sum.\n");
    files.write("p/submissions/accepted/old.py", "#!/usr/bin/env python2\nprint sum(map(int, raw_input().split()))\n");
    let (ended, object) = verify(&files.path("p"), &["--time-limit", "0.5"]);
    assert_eq!(ended.code, Some(0), "{object:#}");
    let notes: Vec<&str> = object["notes"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    let why = "submissions/accepted/old.py: not tried here: Python 2.7 is not available here: `python2` is not installed: Debian 12 has no Python 2";
    assert!(notes.iter().any(|note| note.starts_with(why)), "{notes:?}");
    let ended = end(cupel(["languages"]), b"");
    assert!(
        ended.stdout.lines().any(|line| line.contains("python2") && line.contains("Debian 12 has no Python 2")),
        "{ended:?}"
    );
}

/// A checker in a language that is missing is neither a compile error nor a fault of the package.
#[test]
fn submissions_are_skipped_if_the_checker_is_in_a_language_that_is_missing() {
    let files = sums();
    files.write("p/output_validator/v.py2", "import sys\nsys.exit(42)\n");
    let why =
        "output_validator: Python 2.7 is not available here: `python2` is not installed: Debian 12 has no Python 2";
    let (ended, object) = verify(&files.path("p"), &[]);
    assert_eq!(ended.code, Some(1), "{object:#}");
    let submissions = object["submissions"].as_array().unwrap();
    assert!(submissions.len() == 4 && submissions.iter().all(|one| one["verdict"] == "SK"), "{object:#}");
    let notes: Vec<&str> = object["notes"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(notes.iter().any(|note| note.contains(&format!("add.py: not tried here: {why}"))), "{notes:?}");
    let found = broken(&object);
    let claim = "checker | output_validator | a program in a language that is installed here | Python 2.7";
    assert!(found.iter().any(|line| line.starts_with(claim)), "{found:?}");

    let (package, submission) = (files.path("p"), files.path("p/submissions/accepted/add.py"));
    let ended = end(cupel(["judge", &package, "--submission", &submission, "--json"]), b"");
    let object: Value = serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{ended:?}"));
    assert_eq!((ended.code, &object["verdict"]), (Some(1), &"SK".into()), "{object:#}");
    assert!(object["message"].as_str().unwrap().starts_with(why), "{object:#}");
}

/// The list of languages restricts new submissions only.
#[test]
fn the_programs_of_a_package_may_be_in_other_languages_than_new_submissions() {
    let files = sums();
    let yaml = std::fs::read_to_string(files.path("p/problem.yaml")).unwrap();
    files.write("p/problem.yaml", &format!("{yaml}languages: [c]\n"));
    let (ended, object) = verify(&files.path("p"), &[]);
    assert_eq!((ended.code, &object["ok"]), (Some(0), &true.into()), "{object:#}");

    files.write("s/add.py", ADD);
    for (submission, verdict) in [("p/submissions/accepted/add.py", "AC"), ("s/add.py", "CE")] {
        let (package, submission) = (files.path("p"), files.path(submission));
        let ended = end(cupel(["judge", &package, "--submission", &submission, "--json"]), b"");
        let object: Value = serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{ended:?}"));
        assert_eq!(object["verdict"], verdict, "{submission}: {object:#}");
    }
}

/// The files of a program keep their names, and find each other. Each program would fail with another main file.
#[test]
fn programs_of_several_files_keep_their_names() {
    let java = "class hello { public static void main(String[] a) { var in = new java.util.Scanner(System.in); System.out.println(message.of(in.nextInt(), in.nextInt())); } }\n";
    let shell = "#!/bin/sh\n. ./lib.sh\nread a b\nadd $a $b\n";
    let files = sums();
    files.remove("p/submissions/accepted/add.py");
    for (path, text) in [
        ("names.java/hello.java", java),
        ("names.java/message.java", "public class message { static int of(int a, int b) { return a + b; } }\n"),
        ("shell/lib.sh", "add() { echo $(($1 + $2)); }\n"),
        ("shell/solve.sh", shell),
        ("beside/lib.sh", "add() { echo $(($1 + $2)); }\n"),
        ("beside/run.sh", "#!/bin/bash\nsource \"$(dirname \"$0\")/lib.sh\"\nread a b\nadd $a $b\n"),
        ("named/aa.py", "def add(a, b): return a + b\n"),
        ("named/zz.py", "from aa import add\nprint(add(*map(int, input().split())))\n"),
        (
            "classes/Alpha.java",
            "public class Alpha { public static void main(String[] a) { System.out.println(0); } }\n",
        ),
        ("classes/Beta.java", "public class Beta { public static void main(String[] a) { hello.main(a); } }\n"),
        ("classes/hello.java", java),
        ("classes/message.java", "public class message { static int of(int a, int b) { return a + b; } }\n"),
    ] {
        files.write(&format!("p/submissions/accepted/{path}"), text);
    }
    let entries = "accepted/named:\n  entrypoint: zz.py\naccepted/classes:\n  entrypoint: Beta\n";
    files.write("p/submissions/submissions.yaml", entries);
    // Java takes longer to start than the limit of the package.
    let yaml = std::fs::read_to_string(files.path("p/problem.yaml")).unwrap();
    files.write(
        "p/problem.yaml",
        &yaml.replace("time_limit: 0.5 #", "time_limit: 5 #").replace("memory: 128", "memory: 256"),
    );
    files.remove(SLOW_PATH);
    let (ended, object) = verify(&files.path("p"), &[]);
    let found = object["submissions"].as_array().unwrap().iter();
    let accepted = found.filter(|one| one["verdict"] == "AC").count();
    assert_eq!((ended.code, accepted), (Some(0), 5), "{:?} {object:#}", broken(&object));
}

#[test]
fn each_submission_in_a_wrong_folder_is_found() {
    for (from, name, source) in SUBMISSIONS {
        for (to, ..) in SUBMISSIONS.iter().filter(|(to, ..)| *to != from) {
            let files = sums();
            files.remove(&format!("p/submissions/{from}/{name}"));
            files.write(&format!("p/submissions/{to}/{name}"), source);
            // At least one accepted submission must show that the problem can be solved.
            files.write("p/submissions/accepted/other.py", ADD);
            if source != SLOW {
                files.remove(SLOW_PATH);
            }
            let (ended, object) = verify(&files.path("p"), &[]);
            assert_eq!((ended.code, &object["ok"]), (Some(1), &false.into()), "{from} in {to}: {object:#}");
            let about = format!("submission | submissions/{to}/{name} | ");
            let found = broken(&object);
            assert!(found.iter().any(|line| line.starts_with(&about)), "{from} in {to}: {found:?}");
        }
    }
}

#[test]
fn each_fault_of_a_package_is_named() {
    let checker = |body: &str| format!("import sys\noutput = sys.stdin.read()\n{body}\n");
    let right = "want = open(sys.argv[2]).read().split()\nsys.exit(42 if output.split() == want else 43)";
    for (path, text, expected) in [
        (
            "input_validators/v.py",
            "import sys\nsys.exit(43)\n",
            "validator | input_validators/v.py | accepted | rejected",
        ),
        (
            "input_validators/v.py",
            "import sys\nsys.exit(42)\n",
            "validator | input_validators/v.py | rejected | accepted",
        ),
        (
            "input_validators/v.py",
            "assert False\n",
            "validator | input_validators/v.py | accepted | it ended with exit code 1",
        ),
        (
            "input_validators/v.py",
            "while True: pass\n",
            "validator | input_validators/v.py | accepted | it exceeded its",
        ),
        (
            "input_validators/v.c",
            "int main(void) { return no; }\n",
            "validator | input_validators/v.c | a program that builds",
        ),
        ("data/invalid_output/x.out", "3\n", "checker | tokens | rejected | accepted"),
        ("data/valid_output/x.out", "4\n", "checker | tokens | accepted | rejected"),
        ("output_validator/c.py", &checker(right), ""),
        (
            "output_validator/c.py",
            &checker(&right.replace("43", "1")),
            "checker | output_validator | a decision about an empty output",
        ),
        // A checker that fails on invalid UTF-8 is faulty, because any submission may write such output.
        (
            "output_validator/c.py",
            "import sys\nsys.stdin.reconfigure(errors='strict')\nwant = open(sys.argv[2]).read()\nsys.exit(42 if sys.stdin.read() == want else 43)\n",
            "checker | output_validator | a decision about random bytes | it ended with exit code 1",
        ),
        ("output_validator/c.py", "import sys\nsys.exit(42)\n", "submission | submissions/wrong_answer/abs.py"),
        ("submissions/accepted/b.py", "print raw_input()\n", "submission | submissions/accepted/b.py"),
        ("submissions/accepted/b.py", "print(int(raw_input()))\n", "submission | submissions/accepted/b.py"),
        ("data/secret/03.in", "2 2\n", "submission | submissions/accepted/add.py"),
        ("submissions/submissions.yaml", "accepted/add.py:\n  message: hello\n", "the message \"hello\" on some case"),
        (
            "submissions/submissions.yaml",
            "wrong_answer/abs.py:\n  sample:\n    required: WA\n",
            "WA on some case in sample | AC",
        ),
        (
            "submissions/submissions.yaml",
            "run_time_error/*:\n  secret/01:\n    permitted: [AC, WA]\n",
            "only AC or WA in secret/01 | RTE",
        ),
        (
            "submissions/submissions.yaml",
            "time_limit_exceeded/*:\n  use_for_time_limit: lower\n",
            "only AC or WA or RTE | TLE",
        ),
        // Submissions near the limit run to their end. The limit is compared with the case to which the rule applies.
        (
            "submissions/submissions.yaml",
            "accepted/*:\n  secret:\n    use_for_time_limit: upper\n",
            "TLE on some case in secret | AC",
        ),
    ] {
        let files = sums();
        if !text.contains("use_for_time_limit") {
            files.remove(SLOW_PATH);
        }
        if path.ends_with("v.c") {
            files.remove("p/input_validators/v.py");
        }
        files.write(&format!("p/{path}"), text);
        for trial in ["invalid_output", "valid_output"] {
            if path.contains(&format!("/{trial}/")) {
                files.write(&format!("p/data/{trial}/x.in"), "1 2\n");
                files.write(&format!("p/data/{trial}/x.ans"), "3\n");
            }
        }
        if path == "data/secret/03.in" {
            files.write("p/data/secret/03.ans", "5\n");
        }
        let (ended, object) = verify(&files.path("p"), &[]);
        let found = broken(&object);
        let holds = expected.is_empty();
        assert_eq!(ended.code, Some(i32::from(!holds)), "{path} {text:?}: {found:?}");
        assert!(holds || found.iter().any(|line| line.contains(expected)), "{path} {text:?}: {found:?}");
        if path == "submissions/accepted/b.py" {
            let one = object["submissions"].as_array().unwrap().iter().find(|one| one["ok"] == false).unwrap();
            assert_eq!(one["hint"], "Python 2 source?", "{one:#}");
        }
    }
}

#[test]
fn a_derived_limit_is_the_only_change_written_to_the_package() {
    let files = sums();
    let yaml = || std::fs::read_to_string(files.path("p/problem.yaml")).unwrap();
    let before = yaml();
    files.write("p/problem.yaml", &before.replace("time_limit: 0.5 #", "time_limit: 7 #"));
    let (ended, object) = verify(&files.path("p"), &["--update-time-limit"]);
    assert_eq!((ended.code, &object["time_limit"]["written"]), (Some(0), &true.into()), "{object:#}");
    assert_eq!(yaml(), before);
    let (_, object) = verify(&files.path("p"), &["--update-time-limit"]);
    assert_eq!(object["time_limit"]["written"], false, "the package has this limit already");

    // The limit is not written if a claim of the package does not hold.
    files.write("p/problem.yaml", &before.replace("time_limit: 0.5 #", "time_limit: 7 #"));
    files.write("p/submissions/accepted/abs.py", ABS);
    let changed = yaml();
    let (ended, object) = verify(&files.path("p"), &["--update-time-limit"]);
    assert_eq!((ended.code, &object["time_limit"]["written"], yaml()), (Some(1), &Value::Null, changed));

    // The file of a Polygon package is maintained in Polygon.
    let polygon = concat!(env!("CARGO_MANIFEST_DIR"), "/../cupel-package/tests/packages/polygon/words");
    let ended = end(cupel(["verify", polygon, "--update-time-limit"]), b"");
    assert!(ended.code == Some(2) && ended.stderr.contains("format `polygon`"), "{ended:?}");
}

/// Regression: the command reported that it had written the limit. It had written it to the file that no longer had the
/// name.
#[test]
fn a_limit_is_not_reported_as_written_if_an_editor_replaces_the_file_meanwhile() {
    let files = sums();
    let edited = std::fs::read_to_string(files.path("p/problem.yaml")).unwrap().replace("0.5 #", "3 #");
    files.write("p/new.yaml", &edited);
    let mut command = cupel_with_cache(["verify", &files.path("p"), "--update-time-limit"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut messages = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    // The verification has begun.
    messages.find(|line| line.contains('…')).unwrap();
    std::fs::rename(files.path("p/new.yaml"), files.path("p/problem.yaml")).unwrap();
    let rest: Vec<String> = messages.collect();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(7), "{rest:?} {output:?}");
    assert!(rest.iter().any(|line| line.contains("problem.yaml was replaced during the verification")), "{rest:?}");
    assert_eq!(std::fs::read_to_string(files.path("p/problem.yaml")).unwrap(), edited);
}

/// Regression: the file was cut off.
#[test]
fn a_limit_for_which_the_disk_has_no_space_leaves_the_package_unchanged() {
    const PAGE: usize = 4096;
    let (files, disk) = (sums(), SmallDisk::mount());
    let copied = Command::new("cp").args(["-r", &files.path("p")]).arg(disk.path()).status().unwrap();
    assert!(copied.success());
    // The limit that is written is longer, so the file needs another page.
    let file = disk.path().join("p/problem.yaml");
    let text = std::fs::read_to_string(&file).unwrap().replace("time_limit: 0.5 #", "time_limit: 7 #");
    let text = format!("{text}#{}\n", "x".repeat(PAGE - 2 - text.len()));
    std::fs::write(&file, &text).unwrap();
    disk.fill();
    let package = disk.path().join("p");
    let ended = end(cupel_with_cache(["verify", package.to_str().unwrap(), "--update-time-limit"]), b"");
    assert!(ended.code == Some(7) && ended.stderr.contains("cannot write to"), "{ended:?}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
}

#[test]
fn generators_run_in_a_package_without_submissions() {
    let generator = "import sys\nprint(sys.argv[1])\nprint(6, file=sys.stderr)\n";
    for (name, seconds, source, expected) in [
        ("gen.py", 1.0, generator, ""),
        ("gen.py", 1.0, "import sys\nsys.exit('no such case')\n", "the generator ended with exit code 1\nno such case"),
        // The wall-clock limit is more than four seconds. With such a small CPU limit, an endless loop reaches the CPU
        // limit first even on a busy machine.
        ("gen.py", 0.1, "while True: pass\n", "the generator exceeded its CPU time limit of 0.1 s"),
        ("gen.cpp", 1.0, "int main() { return no; }\n", "generator | gen.cpp | a program that builds"),
    ] {
        let init = format!(
            "time_limit: 1\nmemory_limit: 65536\ngenerator: {{source: {name}, time_limit: {seconds}}}\n\
             test_cases: [{{generator_args: [3], points: 1}}, {{generator_args: [4], points: 1}}]\n"
        );
        let files = Files::new(&[("p/init.yml", &init)]);
        files.write(&format!("p/{name}"), source);
        let (ended, object) = verify(&files.path("p"), &[]);
        let found = broken(&object);
        assert_eq!(ended.code, Some(i32::from(!expected.is_empty())), "{source}: {found:?}");
        assert!(expected.is_empty() == found.is_empty() && found.len() < 2, "{source}: {found:?}");
        assert!(found.iter().all(|claim| claim.contains(expected)), "{source}: {found:?}");
    }
}

#[test]
fn packages_of_every_format_hold() {
    for name in [
        "cupel/a-plus-b",
        "dmoj/pattern",
        "domjudge/addone",
        "domjudge/sums",
        "kattis-2025-09/ratio",
        "kattis-2025-09/sorting",
        "kattis-2025-09/steps",
        "kattis-legacy/echoes",
        "kattis-legacy/higher",
        "kattis-legacy/sums",
        "polygon/ask",
        "polygon/words",
    ] {
        let path = format!("{}/../cupel-package/tests/packages/{name}", env!("CARGO_MANIFEST_DIR"));
        // The limits of DMOJ packages come from the command line. In the other package, a program that waits for its
        // interactor must not reach a limit on a busy machine.
        let limits: &[&str] = match name {
            "dmoj/pattern" => &["--time-limit", "20", "--memory-limit-kib", "65536"],
            "polygon/ask" => &["--time-limit", "20"],
            _ => &[],
        };
        let (mut ended, mut object) = verify(&path, limits);
        // In this conversation, the derived limit decides how long the program may wait.
        for _ in 0..4 {
            if name == "kattis-legacy/higher" && ended.code != Some(0) {
                (ended, object) = verify(&path, limits);
            }
        }
        assert_eq!(ended.code, Some(0), "{name}: {:?} {object:#}", broken(&object));
    }
}

#[test]
fn several_packages_are_reported_in_order_and_a_refused_package_does_not_stop_the_others() {
    let files = sums();
    files.write("q/problem.yaml", "problem_format_version: 2025-09\n");
    files.write("r/problem.toml", "title = 'Copy'\nslug = 'copy'\n[limits]\ntime = 1.0\n");
    files.write("r/tests/1.in", "1\n");
    files.write("r/tests/1.out", "1\n");
    files.write("r/submissions/accepted/a.py", "print(input())\n");
    let (p, q, r) = (files.path("p"), files.path("q"), files.path("r"));
    for jobs in ["1", "2"] {
        let ended = end(cupel(["verify", &q, &p, &r, "--json", "--jobs", jobs]), b"");
        let objects: Vec<Value> = ended.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!((ended.code, objects.len()), (Some(2), 3), "{ended:?}");
        let finished: Vec<_> =
            objects.iter().map(|object| (object["package"].as_str().unwrap(), object["ok"] == true)).collect();
        // The reports are in the order of the arguments, regardless of which package ends first.
        let expected = [(q.as_str(), false), (&p, true), (&r, true)];
        assert_eq!(finished, expected);
        assert!(!objects[0]["findings"].as_array().unwrap().is_empty());
    }
}

#[test]
fn output_of_a_package_program_cannot_control_the_terminal() {
    let files = Files::new(&[
        ("p/problem.toml", "title = 'Copy'\nvalidators = ['v.py']\n[limits]\ntime = 1.0\n"),
        ("p/v.py", "import sys\nprint('no\\x1b[2J\\rall is well', file=sys.stderr)\nsys.exit(43)\n"),
        ("p/statement.md", "Copy.\n"),
        ("p/tests/secret/1.in", "1\n"),
        ("p/tests/secret/1.out", "1\n"),
    ]);
    let ended = end(cupel(["verify", "--color", "always", &files.path("p")]), b"");
    assert!(ended.stdout.contains("rejected: no\\u{1b}[2J\\u{d}all is well"), "{ended:?}");
}
