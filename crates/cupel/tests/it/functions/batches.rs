//! Tests that share a process: the results are the same as with a separate process for each test.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::{RIGHT, package};
use crate::judge::Files;
use crate::support::{cupel_with_cache, end};

/// Judges a submission on all tests, with or without batches.
fn judged(package: &Path, submission: &Path, batches: bool) -> Value {
    let args =
        ["judge", package.to_str().unwrap(), "--submission", submission.to_str().unwrap(), "--json", "--all-cases"];
    let mut command = cupel_with_cache(args);
    command.env("CUPEL_WORKER__FUNCTION_BATCHES", batches.to_string());
    let ended = end(command, b"");
    serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{ended:?}"))
}

/// The parts of a report that do not depend on measurements.
fn facts(report: &Value) -> Value {
    let case = |case: &Value| {
        let fields = ["name", "group", "verdict", "causes", "score", "exit_code", "signal", "stdout", "judge_message"];
        json!(fields.map(|field| &case[field]))
    };
    let cases: Vec<Value> = report["cases"].as_array().unwrap().iter().map(case).collect();
    json!([report["verdict"], report["score"], report["message"], report["groups"], cases])
}

fn in_batch(report: &Value) -> usize {
    report["cases"].as_array().unwrap().iter().filter(|case| case["in_batch"] == true).count()
}

/// Judges with and without batches, and checks that the results agree. Returns the result with batches.
fn check_both(package: &Path, submission: &Path) -> Value {
    let (together, alone) = (judged(package, submission, true), judged(package, submission, false));
    assert_eq!(facts(&together), facts(&alone), "{}\n{together:#}\n{alone:#}", submission.display());
    assert_eq!(in_batch(&alone), 0);
    together
}

fn folders(of: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir(of).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.sort();
    found
}

/// All function problems of the repository, with all submissions that do not reach the time limit. Those take a minute
/// of CPU time, and `cupel verify` judges them in batches.
#[test]
fn batches_change_no_verdict_of_any_function_problem() {
    let problems = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../problems");
    let is_function = |folder: &PathBuf| {
        std::fs::read_to_string(folder.join("problem.toml")).is_ok_and(|text| text.contains("\n[function]"))
    };
    let (mut problems_seen, mut batched, mut languages) = (0, 0, Vec::new());
    for problem in folders(&problems).into_iter().filter(is_function) {
        problems_seen += 1;
        let folders_of_kinds = folders(&problem.join("submissions"));
        for folder in folders_of_kinds.iter().filter(|folder| !folder.ends_with("time_limit_exceeded")) {
            for submission in folders(folder) {
                let mut report = check_both(&problem, &submission);
                let is_accepted = folder.ends_with("accepted");
                for _ in 0..2 {
                    // A busy machine may end a batch.
                    if is_accepted && in_batch(&report) == 0 {
                        report = judged(&problem, &submission, true);
                    }
                }
                assert_eq!(report["verdict"] == "AC", is_accepted, "{}: {report:#}", submission.display());
                if in_batch(&report) > 0 {
                    batched += 1;
                    languages.push(report["language"].as_str().unwrap().to_owned());
                }
            }
        }
    }
    languages.sort();
    languages.dedup();
    assert!(problems_seen >= 3, "{problems_seen}");
    assert!(batched >= 8 && languages.len() == 8, "{batched} {languages:?}");
}

/// The tests of the problem that [`twice`] makes. All of them but the first can be in a batch.
const TESTS: usize = 8;

/// A problem that doubles numbers: hidden tests with the numbers from 1 to [`TESTS`], and these limits.
fn twice(limits: &str) -> Files {
    let function = "name = \"twice\"\nparameters = [{ name = \"n\", type = \"int\" }]\nreturns = \"list<int>\"";
    let tests: Vec<(String, String)> = (1..=TESTS).map(|n| (format!("{n}\n"), format!("[{n},{}]\n", 2 * n))).collect();
    let tests: Vec<(&str, &str)> = tests.iter().map(|(input, answer)| (&**input, &**answer)).collect();
    limited(package(function, &tests), limits)
}

/// Sets the limits of a problem.
fn limited(files: Files, limits: &str) -> Files {
    let toml = std::fs::read_to_string(files.path("p/problem.toml")).unwrap();
    let changed = toml.replace("time = 5.0\nmemory_mib = 512", limits);
    assert_ne!(changed, toml);
    files.write("p/problem.toml", &changed);
    files
}

/// Limits that are so large that a batch does not reach them even on a busy machine.
const WIDE: &str = "time = 300.0\nmemory_mib = 512";

/// Small limits on memory and output, and a time limit that no program reaches.
const NARROW: &str = "time = 60.0\nmemory_mib = 160";

/// Limits for a program that uses all of its CPU time or waits: a busy machine may need much longer to grant the time.
const NARROW_TIME: &str = "time = 1.0\nwall_time = 120.0\nmemory_mib = 160";

/// The limits for a program with this verdict.
fn narrow(verdict: &str) -> &'static str {
    if matches!(verdict, "TLE" | "ILE") { NARROW_TIME } else { NARROW }
}

/// Judges a program with and without batches. Returns the overall verdict and the number of tests in batches.
fn check_twice(limits: &str, name: &str, source: &str) -> (String, usize) {
    let files = twice(limits);
    files.write(&format!("s/{name}"), source);
    let report = check_both(Path::new(&files.path("p")), Path::new(&files.path(&format!("s/{name}"))));
    (report["verdict"].as_str().unwrap().to_owned(), in_batch(&report))
}

#[test]
fn silent_right_programs_are_judged_in_a_batch_in_every_language() {
    for (name, source) in RIGHT {
        let silent: Vec<&str> = source.lines().filter(|line| !is_printing(line)).collect();
        let source = silent
            .join("\n")
            .replace(" cout << \"seen\" << endl;", "")
            .replace(" System.out.println(\"seen\");", "")
            .replace("import \"fmt\"\n", "");
        assert_eq!(check_twice(WIDE, name, &source), ("AC".to_owned(), TESTS - 1), "{name}\n{source}");
    }
}

/// Whether a line of [`RIGHT`] only prints.
fn is_printing(line: &str) -> bool {
    let line = line.trim_start();
    ["print('[0,0]", "print('seen", "console.log(", "puts(", "fmt.Println(", "println!("]
        .iter()
        .any(|begin| line.starts_with(begin))
}

#[test]
fn the_code_of_a_batch_starts_warm_if_the_language_does() {
    let files = twice(WIDE);
    files.write("s/a.py", "def twice(n):\n    return [n, 2 * n]\n");
    let report = judged(Path::new(&files.path("p")), Path::new(&files.path("s/a.py")), true);
    let starts = report["cases"].as_array().unwrap().iter().map(|case| case["start"].as_str());
    assert_eq!(starts.collect::<Vec<_>>(), [Some("warm"); TESTS], "{report:#}");
}

#[test]
fn programs_that_fail_on_one_test_get_the_same_verdicts() {
    let python = |on_6: &str| {
        format!("import os, sys, time\ndef twice(n):\n    if n == 6:\n        {on_6}\n    return [n, 2 * n]\n")
    };
    for (on_6, verdict) in [
        ("raise ValueError(n)", "RTE"),
        ("os.abort()", "RTE"),
        ("os._exit(0)", "WA"),
        ("sys.exit(0)", "WA"),
        ("return []", "WA"),
        ("return None", "WA"),
        ("while True: pass", "TLE"),
        ("time.sleep(100)", "ILE"),
        ("keep = [b'x' * (1 << 20) for _ in range(1000)]", "MLE"),
        ("for _ in range(1000): print('x' * (1 << 20))", "OLE"),
        ("os.write(3, b'junk')", "WA"),
        ("os.close(3)", "RTE"),
    ] {
        let (got, batched) = check_twice(narrow(verdict), "a.py", &python(on_6));
        // A busy machine may end a batch before test 6.
        assert!(got == verdict && batched <= 5, "{on_6}: {got}, {batched} tests in batches");
    }
    for (name, source, verdict) in [
        (
            "Solution.java",
            "class Solution { long[] twice(long n) { if (n == 6) throw new IllegalStateException(); return new long[] {n, 2 * n}; } }\n",
            "RTE",
        ),
        (
            "Solution.java",
            "class Solution { long[] twice(long n) { if (n == 6) System.exit(0); return new long[] {n, 2 * n}; } }\n",
            "WA",
        ),
        ("a.js", "function twice(n) { if (n === 6) throw new Error(n); return [n, 2 * n]; }\n", "RTE"),
        ("a.js", "function twice(n) { if (n === 6) process.exit(0); return [n, 2 * n]; }\n", "WA"),
        ("a.ts", "function twice(n: number): number[] { while (n === 6) {} return [n, 2 * n]; }\n", "TLE"),
        (
            "a.c",
            "#include <stdlib.h>\nlist_int twice(long long n) { if (n == 6) abort(); list_int two = {malloc(16), 2}; two.items[0] = n; two.items[1] = 2 * n; return two; }\n",
            "RTE",
        ),
        (
            "a.cpp",
            "#include <stdexcept>\n#include <vector>\nstd::vector<long long> twice(long long n) { if (n == 6) throw std::runtime_error(\"x\"); return {n, 2 * n}; }\n",
            "RTE",
        ),
        (
            "a.go",
            "package main\n\nfunc twice(n int) []int {\n\tif n == 6 {\n\t\tpanic(n)\n\t}\n\treturn []int{n, 2 * n}\n}\n",
            "RTE",
        ),
        ("a.rs", "pub fn twice(n: i64) -> Vec<i64> {\n    assert!(n != 6);\n    vec![n, 2 * n]\n}\n", "RTE"),
    ] {
        let (got, batched) = check_twice(narrow(verdict), name, source);
        assert!(got == verdict && batched <= 5, "{name}: {source}: {got}, {batched} tests in batches");
    }
}

#[test]
fn programs_that_keep_state_get_the_verdicts_of_separate_processes() {
    for (name, source) in [
        ("a.py", "seen = []\ndef twice(n):\n    seen.append(n)\n    return [seen[0], 2 * n]\n"),
        ("b.py", "def twice(n, kept=[]):\n    kept += [n, 2 * n]\n    return kept\n"),
        (
            "c.py",
            "import builtins\ndef twice(n):\n    was = getattr(builtins, 'was', n)\n    builtins.was = n\n    return [was, 2 * n]\n",
        ),
        (
            "d.py",
            "import os\ndef twice(n):\n    if os.path.exists('was'):\n        return []\n    open('was', 'w').close()\n    return [n, 2 * n]\n",
        ),
        (
            "Solution.java",
            "class Solution { static long first = -1; long[] twice(long n) { if (first < 0) first = n; return new long[] {first, 2 * n}; } }\n",
        ),
        ("a.js", "let first;\nfunction twice(n) { first ??= n; return [first, 2 * n]; }\n"),
        (
            "a.cpp",
            "#include <vector>\nstd::vector<long long> all;\nstd::vector<long long> twice(long long n) { all.push_back(n); all.push_back(2 * n); return all; }\n",
        ),
        (
            "a.c",
            "#include <stdlib.h>\nlist_int twice(long long n) { static long long first; if (!first) first = n; list_int two = {malloc(16), 2}; two.items[0] = first; two.items[1] = 2 * n; return two; }\n",
        ),
        (
            "a.go",
            "package main\n\nvar all []int\n\nfunc twice(n int) []int {\n\tall = append(all, n, 2*n)\n\treturn all\n}\n",
        ),
        (
            "a.rs",
            "use std::sync::atomic::{AtomicI64, Ordering};\nstatic FIRST: AtomicI64 = AtomicI64::new(0);\npub fn twice(n: i64) -> Vec<i64> {\n    let _ = FIRST.compare_exchange(0, n, Ordering::Relaxed, Ordering::Relaxed);\n    vec![FIRST.load(Ordering::Relaxed), 2 * n]\n}\n",
        ),
    ] {
        assert_eq!(check_twice(WIDE, name, source), ("AC".to_owned(), 0), "{name}: {source}");
    }
    // The state of an object does not pass from test to test.
    for (name, source) in [
        (
            "e.py",
            "class Solution:\n    def __init__(self):\n        self.kept = []\n    def twice(self, n):\n        self.kept += [n, 2 * n]\n        return self.kept\n",
        ),
        (
            "Solution.java",
            "class Solution { long first = -1; long[] twice(long n) { if (first < 0) first = n; return new long[] {first, 2 * n}; } }\n",
        ),
        (
            "b.js",
            "class Solution { constructor() { this.kept = []; } twice(n) { this.kept.push(n, 2 * n); return this.kept; } }\n",
        ),
    ] {
        assert_eq!(check_twice(WIDE, name, source), ("AC".to_owned(), TESTS - 1), "{name}: {source}");
    }
}

#[test]
fn programs_whose_use_adds_up_get_processes_of_their_own() {
    // Each test is far below the limits; all tests together are not.
    let source = "kept = []\ndef twice(n):\n    kept.append(b'x' * (64 << 20))\n    return [n, 2 * n]\n";
    assert_eq!(check_twice(WIDE, "a.py", source), ("AC".to_owned(), 0));
}

#[test]
fn programs_that_print_have_processes_of_their_own() {
    let source = "def twice(n):\n    if n == 5: print('seen', n)\n    return [n, 2 * n]\n";
    assert_eq!(check_twice(WIDE, "a.py", source), ("AC".to_owned(), 0));
}

/// Forged frames: the program controls its process, but knows neither the correct answer nor a later nonce.
#[test]
fn forged_frames_are_not_accepted() {
    let find = "import os, sys\ndef twice(n):\n    frame = sys._getframe()\n    while 'nonce' not in frame.f_locals:\n        frame = frame.f_back\n    nonce = frame.f_locals['nonce']\n";
    for (forged, verdict) in [
        // A wrong answer with the nonce.
        ("    os.write(3, nonce + b' ok 6\\n2\\n0 0\\n')\n    os._exit(0)\n", "WA"),
        // Two answers.
        ("    os.write(3, nonce + b' ok 6\\n2\\n0 0\\n')\n    return [n, 2 * n]\n", "WA"),
        // A second report that the program is loaded.
        ("    os.write(3, nonce + b' ready\\n')\n    return [n, 2 * n]\n", "WA"),
        // A frame shorter than its length, and a length that is not a number.
        ("    os.write(3, nonce + b' ok 999999999\\n2\\n0 0\\n')\n    return [n, 2 * n]\n", "WA"),
        ("    os.write(3, nonce + b' ok x\\n2\\n0 0\\n')\n    return [n, 2 * n]\n", "WA"),
        // A false report that the function is missing.
        ("    os.write(3, nonce + b' missing\\n')\n    os._exit(0)\n", "CE"),
    ] {
        assert_eq!(check_twice(WIDE, "a.py", &format!("{find}{forged}")), (verdict.to_owned(), 0), "{forged}");
    }
}

#[test]
fn a_batch_has_no_standard_input_for_the_submission() {
    for (name, source) in [
        ("a.py", "import sys\ndef twice(n):\n    return [n, 2 * n] if sys.stdin.read() == '' else []\n"),
        (
            "b.py",
            "import os\nempty = os.read(0, 99)\ndef twice(n):\n    return [n, 2 * n] if empty + os.read(0, 99) == b'' else []\n",
        ),
        ("c.py", "import sys\ndef twice(n):\n    return [n, 2 * n] if sys.argv == ['main.py'] else []\n"),
        (
            "a.js",
            "const fs = require('fs');\nfunction twice(n) { return fs.readFileSync(0, 'utf8') === '' ? [n, 2 * n] : []; }\n",
        ),
        (
            "Solution.java",
            "class Solution { long[] twice(long n) throws Exception { return System.in.read() < 0 ? new long[] {n, 2 * n} : null; } }\n",
        ),
        (
            "a.cpp",
            "#include <iostream>\n#include <vector>\nstd::vector<long long> twice(long long n) { std::string s; if (std::cin >> s) return {}; return {n, 2 * n}; }\n",
        ),
        (
            "a.c",
            "#include <stdio.h>\n#include <stdlib.h>\nlist_int twice(long long n) { list_int two = {malloc(16), 2}; if (getchar() != EOF) exit(1); two.items[0] = n; two.items[1] = 2 * n; return two; }\n",
        ),
        (
            "a.go",
            "package main\n\nimport (\n\t\"io\"\n\t\"os\"\n)\n\nfunc twice(n int) []int {\n\tif all, _ := io.ReadAll(os.Stdin); len(all) > 0 {\n\t\treturn nil\n\t}\n\treturn []int{n, 2 * n}\n}\n",
        ),
        (
            "a.rs",
            "use std::io::Read;\npub fn twice(n: i64) -> Vec<i64> {\n    let mut all = String::new();\n    std::io::stdin().read_to_string(&mut all).unwrap();\n    assert!(all.is_empty());\n    vec![n, 2 * n]\n}\n",
        ),
    ] {
        assert_eq!(check_twice(WIDE, name, source), ("AC".to_owned(), TESTS - 1), "{name}: {source}");
    }
}

#[test]
fn a_checker_decides_about_the_tests_of_a_batch() {
    let function = "name = \"f\"\nparameters = [{ name = \"n\", type = \"int\" }]\nreturns = \"int\"\ncompare = \"checker\"\n\n[checker]\nkind = \"program\"\nprogram = \"check.py\"\nprotocol = \"kattis\"";
    let tests = [("1\n", "x\n"), ("2\n", "x\n"), ("3\n", "x\n"), ("4\n", "x\n")];
    let files = limited(package(function, &tests), WIDE);
    let checker =
        "import json, sys\nn = int(open(sys.argv[1]).read())\nsys.exit(42 if json.load(sys.stdin) % n == 0 else 43)\n";
    files.write("p/check.py", checker);
    for (source, verdict) in
        [("def f(n):\n    return 7 * n\n", "AC"), ("def f(n):\n    return 3 if n == 2 else n\n", "WA")]
    {
        files.write("s/a.py", source);
        let report = check_both(Path::new(&files.path("p")), Path::new(&files.path("s/a.py")));
        assert_eq!(report["verdict"], verdict, "{report:#}");
        // On a slow machine, a batch may end before the second test.
        assert!(verdict == "WA" || in_batch(&report) > 0, "{report:#}");
        assert!(verdict == "AC" || report["cases"][1]["in_batch"] == false, "{report:#}");
    }
}

#[test]
fn the_calls_of_a_class_begin_with_a_new_object_in_each_test() {
    let function = "class = \"Counter\"\nconstructor = [{ name = \"start\", type = \"int32\" }]\nmethods = [{ name = \"next\", returns = \"int32\" }]";
    let tests: Vec<(String, String)> = (1..=5)
        .map(|n| (format!("[\"Counter\",\"next\",\"next\"]\n[[{n}],[],[]]\n"), format!("[null,{},{}]\n", n + 1, n + 2)))
        .collect();
    let tests: Vec<(&str, &str)> = tests.iter().map(|(input, answer)| (&**input, &**answer)).collect();
    let files = limited(package(function, &tests), WIDE);
    for (name, source) in [
        (
            "a.py",
            "class Counter:\n    def __init__(self, at):\n        self.at = at\n    def next(self):\n        self.at += 1\n        return self.at\n",
        ),
        ("a.js", "class Counter { constructor(at) { this.at = at; } next() { return ++this.at; } }\n"),
        (
            "a.ts",
            "class Counter { at: number; constructor(at: number) { this.at = at; } next(): number { return ++this.at; } }\n",
        ),
        ("Counter.java", "class Counter { int at; Counter(int at) { this.at = at; } int next() { return ++at; } }\n"),
        ("a.cpp", "class Counter { int at; public: Counter(int at) : at(at) {} int next() { return ++at; } };\n"),
        (
            "a.c",
            "#include <stdlib.h>\nstruct Counter { int at; };\nCounter *Counter_new(int at) { Counter *made = malloc(sizeof *made); made->at = at; return made; }\nint Counter_next(Counter *self) { return ++self->at; }\n",
        ),
        (
            "a.go",
            "package main\n\ntype Counter struct{ at int32 }\n\nfunc NewCounter(at int32) *Counter { return &Counter{at} }\n\nfunc (self *Counter) next() int32 {\n\tself.at++\n\treturn self.at\n}\n",
        ),
        (
            "a.rs",
            "pub struct Counter { at: i32 }\nimpl Counter {\n    pub fn new(at: i32) -> Self { Counter { at } }\n    pub fn next(&mut self) -> i32 { self.at += 1; self.at }\n}\n",
        ),
    ] {
        files.write(&format!("s/{name}"), source);
        let report = check_both(Path::new(&files.path("p")), Path::new(&files.path(&format!("s/{name}"))));
        assert_eq!(report["verdict"], "AC", "{name}: {report:#}");
        // On a slow machine, a batch may end early. One process must have run two tests at least.
        assert!((2..=4).contains(&in_batch(&report)), "{name}: {report:#}");
    }
}
