//! Function problems in all languages that have drivers: real compilers, real programs, the real sandbox.

mod batches;
mod cheats;
mod ends;
mod names;
mod values;

use serde_json::Value;

use crate::judge::Files;
use crate::support::{cupel, cupel_with_cache, end};

/// Languages with drivers, and the file name of a submission in each.
const LANGUAGES: [(&str, &str); 8] = [
    ("python", "a.py"),
    ("javascript", "a.js"),
    ("typescript", "a.ts"),
    ("java", "Solution.java"),
    ("cpp", "a.cpp"),
    ("c", "a.c"),
    ("go", "a.go"),
    ("rust", "a.rs"),
];

/// Returns a package with this `[function]` and these secret tests: input and answer.
fn package(function: &str, tests: &[(&str, &str)]) -> Files {
    let toml = format!(
        "title = \"F\"\nslug = \"f\"\nlicence = \"cc0\"\n\n[limits]\ntime = 5.0\nmemory_mib = 512\n\n[function]\n{function}\n"
    );
    let files = Files::new(&[("p/problem.toml", &toml), ("p/statement.md", "# F\n\nWrite it.\n")]);
    for (number, (input, answer)) in tests.iter().enumerate() {
        files.write(&format!("p/tests/secret/{:02}.in", number + 1), input);
        files.write(&format!("p/tests/secret/{:02}.out", number + 1), answer);
    }
    files
}

fn judge(files: &Files, name: &str, source: &str) -> Value {
    files.write(&format!("s/{name}"), source);
    let (package, submission) = (files.path("p"), files.path(&format!("s/{name}")));
    let ended = end(cupel_with_cache(["judge", &package, "--submission", &submission, "--json", "--all-cases"]), b"");
    serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{ended:?}"))
}

/// Judges a submission and checks its verdict and that the message contains these words.
fn check(files: &Files, name: &str, source: &str, verdict: &str, words: &str) -> Value {
    let object = judge(files, name, source);
    let texts = format!(
        "{}\n{}\n{}",
        object["message"].as_str().unwrap_or_default(),
        object["cases"][0]["judge_message"].as_str().unwrap_or_default(),
        object["compile"]["output"].as_str().unwrap_or_default()
    );
    assert_eq!(object["verdict"], verdict, "{name}: {source}\n{object:#}");
    assert!(texts.contains(words), "{name}: {words:?} is missing in {texts}\n{object:#}");
    object
}

/// A function problem that doubles numbers.
fn doubles() -> Files {
    package(
        "name = \"twice\"\nparameters = [{ name = \"n\", type = \"int\" }]\nreturns = \"list<int>\"",
        &[("21\n", "[21,42]\n"), ("576460752303423488\n", "[576460752303423488,1152921504606846976]\n")],
    )
}

/// Correct solutions of [`doubles`] that also print and define a `main` that does something else.
const RIGHT: [(&str, &str); 8] = [
    (
        "a.py",
        "print('[0,0]')\ndef twice(n):\n    print('seen', n)\n    return [n, 2 * n]\nif __name__ == '__main__':\n    raise SystemExit(3)\n",
    ),
    (
        "a.js",
        "console.log('seen');\nfunction main() { process.exit(3); }\nfunction twice(n) { return [n, 2n * BigInt(n)]; }\n",
    ),
    (
        "a.ts",
        "console.log('seen');\nfunction main(): void { process.exit(3); }\nexport function twice(n: number): (number | bigint)[] { return [n, 2n * BigInt(n)]; }\n",
    ),
    (
        "Solution.java",
        "public class Solution {\n    public static void main(String[] a) { System.exit(3); }\n    public long[] twice(long n) { System.out.println(\"seen\"); return new long[] {n, 2 * n}; }\n}\n",
    ),
    (
        "a.cpp",
        "#include <iostream>\n#include <vector>\n#define int long long\nusing namespace std;\nvector<int> twice(int n) { cout << \"seen\" << endl; return {n, 2 * n}; }\nsigned main() { return 3; }\n",
    ),
    (
        "a.c",
        "#include <stdio.h>\n#include <stdlib.h>\nlist_int twice(long long n) {\n    puts(\"seen\");\n    list_int two = {malloc(16), 2};\n    two.items[0] = n;\n    two.items[1] = 2 * n;\n    return two;\n}\nint main(void) { return 3; }\n",
    ),
    (
        "a.go",
        "package main\n\nimport \"fmt\"\n\nfunc twice(n int) []int {\n\tfmt.Println(\"seen\")\n\treturn []int{n, 2 * n}\n}\n\nfunc main() {\n\tpanic(3)\n}\n",
    ),
    (
        "a.rs",
        "pub fn twice(n: i64) -> Vec<i64> {\n    println!(\"seen\");\n    vec![n, 2 * n]\n}\nfn main() { std::process::exit(3) }\n",
    ),
];

#[test]
fn a_correct_result_is_accepted_regardless_of_output_and_main() {
    let files = doubles();
    for (name, source) in RIGHT {
        let object = check(&files, name, source, "AC", "");
        let printed = object["cases"][1]["stdout"].as_str().unwrap();
        assert!(printed.contains("seen"), "{name}: its output is missing: {object:#}");
        let start = if name == "a.py" { Value::from("warm") } else { Value::Null };
        assert_eq!(object["cases"][1]["start"], start, "{name}: {object:#}");
    }
}

#[test]
fn starter_code_compiles_and_is_a_wrong_answer() {
    let files = doubles();
    for (language, name) in LANGUAGES {
        let ended = end(cupel(["template", &files.path("p"), "--language", language]), b"");
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(ended.stdout.contains("twice"), "{ended:?}");
        check(&files, name, &ended.stdout, "WA", "");
    }
}

#[test]
fn starter_code_that_does_not_exist_is_refused() {
    let files = doubles();
    let template = |package: &str, language: &str| end(cupel(["template", package, "--language", language]), b"");
    let refused = template(&files.path("p"), "ruby");
    assert_eq!(refused.code, Some(2));
    assert!(refused.stderr.contains("function problems do not support"), "{refused:?}");
    let refused = template(&files.path("p"), "pyton");
    assert!(refused.stderr.contains("did you mean `python`"), "{refused:?}");
    files.write("q/problem.toml", "title = \"Q\"\n\n[limits]\ntime = 1.0\n");
    files.write("q/statement.md", "# Q\n");
    files.write("q/tests/secret/1.in", "1\n");
    files.write("q/tests/secret/1.out", "1\n");
    let refused = template(&files.path("q"), "python");
    assert!(refused.stderr.contains("a whole program"), "{refused:?}");
}

#[test]
fn a_language_without_a_driver_is_refused_before_it_runs() {
    check(
        &doubles(),
        "a.rb",
        "def twice(n) = [n, 2 * n]\n",
        "CE",
        "function problems do not support `ruby`; supported are",
    );
}

#[test]
fn a_test_that_does_not_match_the_signature_is_a_package_fault() {
    let function = "name = \"twice\"\nparameters = [{ name = \"n\", type = \"int\" }]\nreturns = \"list<int>\"";
    for (input, answer, words) in [
        ("\"a\"\n", "[1,2]\n", "tests/secret/01.in: not what `twice` takes (n: int): line 1, column 1: expected int"),
        ("1\n", "{}\n", "tests/secret/01.out: line 1, column 1: expected list<int>"),
    ] {
        check(&package(function, &[(input, answer)]), "a.py", RIGHT[0].1, "JE", words);
    }
}

#[test]
fn results_are_compared_as_the_package_specifies() {
    let function = |compare: &str| {
        format!("name = \"f\"\nparameters = [{{ name = \"n\", type = \"int\" }}]\nreturns = \"list<float>\"\n{compare}")
    };
    let returns = |list: &str| format!("def f(n):\n    return {list}\n");
    for (compare, list, verdict) in [
        ("", "[1.0, 2.5]", "AC"),
        ("", "[2.5, 1]", "WA"),
        ("compare = \"unordered\"", "[2.5, 1]", "AC"),
        ("compare = \"unordered\"", "[2.5, 2.5]", "WA"),
        ("compare = \"float\"\ntolerance = 0.01", "[1.001, 2.495]", "AC"),
        ("compare = \"float\"\ntolerance = 0.01", "[1.1, 2.5]", "WA"),
    ] {
        check(&package(&function(compare), &[("0\n", "[1, 2.5]\n")]), "a.py", &returns(list), verdict, "");
    }
}

#[test]
fn a_checker_gets_the_result_as_json() {
    let function = "name = \"f\"\nparameters = [{ name = \"n\", type = \"int\" }]\nreturns = \"list<string>\"\ncompare = \"checker\"\n\n[checker]\nkind = \"program\"\nprogram = \"check.py\"\nprotocol = \"kattis\"";
    let files = package(function, &[("3\n", "anything\n")]);
    let checker = "import json, sys\nn = int(open(sys.argv[1]).read())\nsys.exit(42 if json.load(sys.stdin) == ['\"é'] * n else 43)\n";
    files.write("p/check.py", checker);
    check(&files, "a.py", "def f(n):\n    print('noise')\n    return ['\"é'] * n\n", "AC", "");
    check(&files, "a.py", "def f(n):\n    return []\n", "WA", "");
}

#[test]
fn a_note_names_the_languages_that_cannot_change_the_length_of_an_argument() {
    let function = "name = \"f\"\nparameters = [{ name = \"nums\", type = \"list<int>\" }]\nmutates = \"nums\"";
    let files = package(function, &[("[1,0]\n", "[0,1]\n"), ("[0,1,0]\n", "[1]\n"), ("[0]\n", "[]\n")]);
    let notes = || {
        let ended = end(cupel_with_cache(["verify", &files.path("p"), "--json"]), b"");
        let report: Value = serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{ended:?}"));
        let notes = report["notes"].as_array().unwrap().iter().map(|note| note.as_str().unwrap().to_owned());
        notes.filter(|note| note.contains("length")).collect::<Vec<_>>()
    };
    let found = notes();
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("tests/secret/02.out: not possible in go, java: "), "{found:?}");
    let toml = std::fs::read_to_string(files.path("p/problem.toml")).unwrap();
    files.write("p/problem.toml", &format!("languages = [\"python\", \"java\"]\n{toml}"));
    assert!(notes()[0].starts_with("tests/secret/02.out: not possible in java: "));
    files.write("p/problem.toml", &format!("languages = [\"python\", \"cpp\"]\n{toml}"));
    assert_eq!(notes(), [""; 0]);
}

#[test]
fn a_function_may_change_its_argument() {
    let function = "name = \"turn\"\nparameters = [{ name = \"nums\", type = \"list<int>\" }]\nmutates = \"nums\"";
    let files = package(function, &[("[1,2,3]\n", "[3,2,1]\n"), ("[]\n", "[]\n")]);
    for (name, source) in [
        ("a.py", "def turn(nums):\n    nums.reverse()\n"),
        ("a.js", "module.exports = (nums) => { nums.reverse(); };\n"),
        ("a.ts", "function turn(nums: number[]): void { nums.reverse(); }\n"),
        (
            "Solution.java",
            "class Solution { static void turn(long[] a) { for (int i = 0, j = a.length - 1; i < j; i++, j--) { long x = a[i]; a[i] = a[j]; a[j] = x; } } }\n",
        ),
        (
            "a.cpp",
            "class Solution { public: void turn(vector<long long> &a) { reverse(a.begin(), a.end()); } };\nusing namespace std;\n",
        ),
        (
            "a.c",
            "void turn(list_int *a) { for (size_t i = 0; i < a->size / 2; i++) { long long x = a->items[i]; a->items[i] = a->items[a->size - 1 - i]; a->items[a->size - 1 - i] = x; } }\n",
        ),
        (
            "a.go",
            "package main\n\nfunc turn(a []int) {\n\tfor i, j := 0, len(a)-1; i < j; i, j = i+1, j-1 {\n\t\ta[i], a[j] = a[j], a[i]\n\t}\n}\n",
        ),
        ("a.rs", "pub fn turn(nums: &mut Vec<i64>) { nums.reverse() }\n"),
    ] {
        let source = if name == "a.cpp" {
            format!("#include <bits/stdc++.h>\nusing namespace std;\n{source}")
        } else {
            source.to_owned()
        };
        check(&files, name, &source, "AC", "");
    }
}
