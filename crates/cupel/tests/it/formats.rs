//! `cupel judge` on packages of each format: scores follow the rules of the format's own judge.

use serde_json::Value;

use crate::judge::Files;
use crate::support::{cupel, cupel_with_cache, end};

fn judge(files: &Files, name: &str, source: &str, args: &[&str]) -> Value {
    files.write(&format!("s/{name}"), source);
    let (package, submission) = (files.path("p"), files.path(&format!("s/{name}")));
    let fixed = ["judge", &package, "--submission", &submission, "--json"];
    let ended = end(cupel_with_cache(fixed.iter().chain(args)), b"");
    serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{ended:?}"))
}

/// Formats the overall verdict and score, then the score of each group.
fn summary(object: &Value) -> String {
    let groups = object["groups"].as_array().unwrap().iter();
    let scores = groups.map(|group| format!(" {}={}", group["name"].as_str().unwrap(), group["score"]));
    format!(
        "{} {}/{}{}",
        object["verdict"].as_str().unwrap(),
        object["score"],
        object["max_score"],
        scores.collect::<String>()
    )
}

#[test]
fn kattis_2025_09_scores_by_groups_shares_and_requirements() {
    let files = Files::new(&[
        (
            "p/problem.yaml",
            "problem_format_version: 2025-09\nname: Shares\nuuid: 6d2d5b0e-1a38-4b0b-8e0c-5c7d8f0f6b11\ntype: scoring\nlicense: cc0\nlimits:\n  time_limit: 1\n",
        ),
        ("p/statement/problem.en.md", "Print a share.\n"),
        ("p/data/sample/1.in", "1\n"),
        ("p/data/sample/1.ans", "1\n"),
        ("p/data/secret/test_group.yaml", "max_score: 100\n"),
        ("p/data/secret/g1/test_group.yaml", "max_score: 20\nscore_aggregation: pass-fail\nrequire_pass: [sample]\n"),
        ("p/data/secret/g2/test_group.yaml", "max_score: 30\nscore_aggregation: min\n"),
        ("p/data/secret/g3/test_group.yaml", "max_score: 50\nscore_aggregation: sum\nrequire_pass: [g1]\n"),
        ("p/input_validators/v.py", "import sys\nsys.exit(42)\n"),
        ("p/submissions/accepted/a.py", "input()\nprint(1)\n"),
        (
            "p/output_validator/v.py",
            "import sys\ngot = sys.stdin.read().strip()\nif got == 'bad': sys.exit(43)\nif open(sys.argv[1]).read()[0] in '23':\n    open(sys.argv[3] + 'score_multiplier.txt', 'w').write(got)\nsys.exit(42)\n",
        ),
    ]);
    for group in ["1", "2", "3"] {
        for case in ["0", "1"] {
            files.write(&format!("p/data/secret/g{group}/{case}.in"), &format!("{group}{case}\n"));
            files.write(&format!("p/data/secret/g{group}/{case}.ans"), "\n");
        }
    }
    for (source, expected) in [
        ("print(1)\n", "AC 100/100 sample=null secret=100 secret/g1=20 secret/g2=30 secret/g3=50"),
        (
            "print({'20': .5, '21': .75, '30': .25}.get(input(), 1))\n",
            "AC 66.25/100 sample=null secret=66.25 secret/g1=20 secret/g2=15 secret/g3=31.25",
        ),
        (
            "print('bad' if input() == '11' else 1)\n",
            "WA 30/100 sample=null secret=30 secret/g1=0 secret/g2=30 secret/g3=0",
        ),
        ("print(2)\n", "JE null/100 sample=null secret=null secret/g1=20 secret/g2=null secret/g3=0"),
    ] {
        let object = judge(&files, "a.py", source, &[]);
        let found = summary(&object);
        if expected.starts_with("JE") {
            assert!(found.starts_with("JE null/100"), "a share of 2: {found}");
        } else {
            assert_eq!(found, expected, "{source}");
        }
    }
}

#[test]
fn domjudge_scores_groups_nested_aggregations_and_rejected_cases() {
    let files = Files::new(&[
        ("p/domjudge-problem.ini", "timelimit = 1\n"),
        ("p/problem.yaml", "name: Numbers\ntype: scoring\nvalidation: custom\n"),
        ("p/data/testdata.yaml", "on_reject: continue\ngrader_flags: sum, ignore_sample\n"),
        ("p/data/secret/testdata.yaml", "on_reject: continue\ngrader_flags: sum\n"),
        ("p/data/secret/least/testdata.yaml", "on_reject: continue\ngrader_flags: min\n"),
        ("p/data/secret/least/u/testdata.yaml", "accept_score: 50\n"),
        ("p/data/secret/least/v/testdata.yaml", "accept_score: 50\n"),
        ("p/data/secret/mean/testdata.yaml", "on_reject: continue\ngrader_flags: avg\n"),
        ("p/data/secret/mean/x/testdata.yaml", "accept_score: 15\n"),
        ("p/data/secret/mean/y/testdata.yaml", "accept_score: 30\n"),
        ("p/data/secret/mean/z/testdata.yaml", "accept_score: 45\n"),
        ("p/data/secret/open/testdata.yaml", "on_reject: continue\nrange: 0 100\n"),
        ("p/data/secret/plain/testdata.yaml", "accept_score: 20\n"),
        (
            "p/output_validators/v.py",
            "import sys\nasked, got = open(sys.argv[1]).read().strip(), sys.stdin.read().strip()\nif asked not in '89': sys.exit(42 if got == asked else 43)\nopen(sys.argv[3] + 'score.txt', 'w').write(got)\nsys.exit(42 if float(got) >= 10 else 43)\n",
        ),
    ]);
    for (case, number) in [
        ("sample/1", 1),
        ("secret/plain/1", 1),
        ("secret/plain/2", 2),
        ("secret/mean/x/1", 3),
        ("secret/mean/y/1", 4),
        ("secret/mean/z/1", 5),
        ("secret/least/u/1", 6),
        ("secret/least/v/1", 7),
        ("secret/open/1", 8),
        ("secret/open/2", 9),
    ] {
        files.write(&format!("p/data/{case}.in"), &format!("{number}\n"));
        files.write(&format!("p/data/{case}.ans"), &format!("{number}\n"));
    }
    for (says, verdict, score) in [
        ("{8: 12.34, 9: 60.01}", "AC", "172.35 least=50 mean=30 open=72.35 plain=20"),
        ("{5: 0, 8: 3.5, 9: 0.25}", "WA", "88.75 least=50 mean=15 open=3.75 plain=20"),
        ("{1: 0, 7: 0, 8: 10, 9: 10}", "WA", "50 least=0 mean=30 open=20 plain=0"),
        ("{9: 10, 8: exit}", "RTE", "110 least=50 mean=30 open=10 plain=20"),
    ] {
        let source = format!("n = int(input())\nsays = {says}.get(n, n)\nprint(says if says != exit else exit(1))\n");
        let object = judge(&files, "a.py", &source, &["--format", "domjudge"]);
        let groups = object["groups"].as_array().unwrap().iter();
        let first = groups.filter_map(|group| {
            let name = group["name"].as_str()?.strip_prefix("secret/").filter(|name| !name.contains('/'))?;
            Some(format!(" {name}={}", group["score"]))
        });
        let found = format!("{}{}", object["score"], first.collect::<String>());
        assert_eq!((object["verdict"].as_str(), found.as_str()), (Some(verdict), score), "{says}: {object:#}");
    }
}

#[test]
fn dmoj_scores_whole_batches_and_skips_dependents_of_a_failed_batch() {
    let files = Files::new(&[(
        "p/init.yml",
        // The default, three times the CPU limit, is too short for a busy machine.
        "wall_time_factor: 20\ntest_cases:\n- {in: a.in, out: a.out, points: 5}\n- batched:\n  - {in: b1.in, out: b1.out}\n  - {in: b2.in, out: b2.out}\n  points: 10\n- batched:\n  - {in: c1.in, out: c1.out}\n  points: 20\n  dependencies: [1]\n",
    )]);
    for (name, number) in [("a", 1), ("b1", 2), ("b2", 3), ("c1", 4)] {
        files.write(&format!("p/{name}.in"), &format!("{number}\n"));
        files.write(&format!("p/{name}.out"), &format!("{number}\n"));
    }
    let limits = ["--time-limit", "1", "--memory-limit-kib", "65536"];
    for (source, verdict, score, cases) in [
        ("print(input())\n", "AC", 35, "AC AC AC AC"),
        ("n = input()\nprint(n if n != '3' else 0)\n", "WA", 5, "AC AC WA SK"),
        ("n = input()\nprint(n if n != '4' else 0)\n", "WA", 15, "AC AC AC WA"),
    ] {
        let object = judge(&files, "a.py", source, &limits);
        let found = object["cases"].as_array().unwrap().iter().map(|case| case["verdict"].as_str().unwrap());
        let found = found.collect::<Vec<_>>().join(" ");
        assert_eq!(
            (&object["verdict"], &object["score"], found.as_str()),
            (&verdict.into(), &score.into(), cases),
            "{object:#}"
        );
    }
}

/// The part of testlib that the programs of these tests need. Real packages contain the whole library.
const HEADER: &str = "#pragma once\n#include <cstdio>\n#include <cstdlib>\n#include <fstream>\n#include <iostream>\nstatic void quit(int code, const char *text) { fprintf(stderr, \"%s\", text); exit(code); }\n";

const CHECKER: &str = r#"
#include "testlib.h"
int main(int, char **v) {
    std::ifstream in(v[1]), out(v[2]), ans(v[3]);
    int expected, got;
    if (!(ans >> expected)) quit(3, "FAIL no answer");
    if (!(out >> got)) quit(2, "wrong output format no number");
    if (got == -1) quit(9, "what");
    if (got != expected) quit(1, "wrong answer another number");
    quit(0, "ok one number");
}
"#;

const INTERACTOR: &str = r#"
#include "testlib.h"
int main(int, char **v) {
    std::ifstream in(v[1]);
    std::ofstream log(v[2]);
    int n;
    in >> n;
    std::cout << n << std::endl;
    if (!(std::cin >> n)) quit(8, "unexpected eof");
    log << n << std::endl;
    quit(0, "ok talked");
}
"#;

/// Returns a problem whose solution copies its input: two tests, a checker and, if given, an interactor. No program
/// reaches its time limit, even if a busy machine lets it wait for the interactor.
fn copy(interactor: &str, solutions: &str) -> String {
    format!(
        r#"<?xml version="1.0" encoding="utf-8"?>
<problem revision="1" short-name="copy" url="https://example.org/copy">
 <names><name language="english" value="Copy"/></names>
 <judging input-file="" output-file=""><testset name="tests">
  <time-limit>20000</time-limit><memory-limit>67108864</memory-limit><test-count>2</test-count>
  <input-path-pattern>tests/%02d</input-path-pattern><answer-path-pattern>tests/%02d.a</answer-path-pattern>
  <tests><test method="manual" sample="true"/><test method="manual"/></tests>
 </testset></judging>
 <files><resources><file path="files/testlib.h" type="h.g++"/></resources></files>
 <assets>
  <checker type="testlib"><source path="files/check.cpp" type="cpp.g++17"/></checker>{interactor}
  <solutions><solution tag="main"><source path="solutions/a.py" type="python.3"/></solution>{solutions}</solutions>
 </assets>
</problem>"#
    )
}

fn copy_files() -> Files {
    Files::new(&[
        ("p/tests/01", "3\n"),
        ("p/tests/01.a", "3\n"),
        ("p/tests/02", "4\n"),
        ("p/tests/02.a", "4\n"),
        ("p/files/testlib.h", HEADER),
        ("p/files/check.cpp", CHECKER),
        ("p/files/talk.cpp", INTERACTOR),
        ("p/solutions/a.py", "print(input())\n"),
    ])
}

#[test]
fn polygons_checkers_and_interactors_answer_by_exit_code() {
    let files = copy_files();
    let talking = r#"<interactor><source path="files/talk.cpp" type="cpp.g++17"/></interactor>"#;
    for interactor in ["", talking] {
        files.write("p/problem.xml", &copy(interactor, ""));
        for (source, verdict, message) in [
            ("print(input())\n", "AC", "ok one number"),
            ("print(3)\n", "WA", "wrong answer another number"),
            (
                "print('x')\n",
                "PE",
                if interactor.is_empty() { "wrong output format no number" } else { "unexpected eof" },
            ),
            ("print(-1)\n", "JE", "files/check.cpp: it ended with exit code 9; expected 0, 1, 2, 3, 4, 7 or 8\nwhat"),
        ] {
            let object = judge(&files, "a.py", source, &["--all-cases"]);
            assert_eq!(object["verdict"], verdict, "{interactor} {source}: {object:#}");
            let cases = object["cases"].as_array().unwrap();
            assert!(cases.iter().any(|case| case["judge_message"] == message), "{interactor} {source}: {object:#}");
        }
    }
}

/// The input of an interactor is not that of the submission, even if the package names an input file.
#[test]
fn a_submission_cannot_read_the_input_of_an_interactor() {
    let files = copy_files();
    let talking = r#"<interactor><source path="files/talk.cpp" type="cpp.g++17"/></interactor>"#;
    // The input file of an ordinary problem exists, that of an interactive problem does not.
    let exists = "import os\nn = input()\nprint(n if os.path.exists('copy.in') else 0)\n";
    for (interactor, verdict) in [("", "AC"), (talking, "WA")] {
        let xml = copy(interactor, "").replace("input-file=\"\"", "input-file=\"copy.in\"");
        files.write("p/problem.xml", &xml);
        let object = judge(&files, "a.py", exists, &[]);
        assert_eq!(object["verdict"], verdict, "{object:#}");
    }
}

/// Each Polygon package contains testlib, which is larger than the maximum size of a source.
#[test]
fn headers_of_a_polygon_package_are_available_to_its_solutions_only() {
    let files = copy_files();
    files.write("p/files/testlib.h", &format!("{HEADER}// {}\n", "x".repeat(200 << 10)));
    files.write(
        "p/solutions/b.cpp",
        "#include \"testlib.h\"\nint main() { int n; std::cin >> n; std::cout << n; quit(0, \"\"); }\n",
    );
    let other = r#"<solution tag="accepted"><source path="solutions/b.cpp" type="cpp.g++17"/></solution>"#;
    files.write("p/problem.xml", &copy("", other));
    let ended = end(cupel(["verify", &files.path("p")]), b"");
    assert_eq!(ended.code, Some(0), "{ended:?}");

    // A contestant's submission gets only its own files.
    let object = judge(&files, "b.cpp", "#include \"testlib.h\"\nint main() {}\n", &[]);
    assert_eq!(object["verdict"], "CE", "{object:#}");
}

#[test]
fn judge_and_verify_compile_a_submission_of_a_package_in_the_same_language() {
    let prints = "#include <iostream>\nint main() { std::cout << __cplusplus / 100; }\n";
    let files = Files::new(&[
        (
            "p/problem.yaml",
            "problem_format_version: 2025-09\nname: Standard\nuuid: 6d2d5b0e-1a38-4b0b-8e0c-5c7d8f0f6b12\nlicense: cc0\nlimits:\n  time_limit: 5\n",
        ),
        ("p/statement/problem.en.md", "Print the standard of C++.\n"),
        ("p/data/secret/1.in", ""),
        ("p/data/secret/1.ans", "2021\n"),
        ("p/input_validators/v.py", "import sys\nsys.exit(42)\n"),
        ("p/submissions/accepted/a.cc", prints),
    ]);
    let package = files.path("p");
    let ended = end(cupel_with_cache(["verify", &package]), b"");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let ended = end(
        cupel_with_cache(["judge", &package, "--submission", &files.path("p/submissions/accepted/a.cc"), "--json"]),
        b"",
    );
    let object: Value = serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{ended:?}"));
    assert_eq!([&object["verdict"], &object["language"]], ["AC", "cpp23"], "{object:#}");
    // Another file is a new submission, in the language of its extension.
    let object = judge(&files, "a.cc", prints, &[]);
    assert_eq!([&object["verdict"], &object["language"]], ["WA", "cpp"], "{object:#}");
}
