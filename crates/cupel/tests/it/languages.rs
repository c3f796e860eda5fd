//! Behaviour of single languages: the class that is started, and the exception that the result reports.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::{Value, json};

use crate::judge::Files;
use crate::support::{NO_RATE_LIMITS, Server, cupel, end, source, unless_late};

/// Programs that print `started` if Cupel starts the right class. In most of them, the class does not have the
/// language's default name.
const CLASSES: [(&str, &str); 6] = [
    ("java", "public class Hello { public static void main(String[] a) { System.out.println(\"started\"); } }"),
    (
        "java",
        "class Node { int n; }\nclass Solution { public static void main(String[] a) { System.out.println(\"started\"); } }",
    ),
    (
        "java",
        "// public class Main {\npackage a.b;\npublic class Hello {\n  String s = \"public class No {\";\n  public static void \
         main(String[] a) { System.out.println(\"started\"); }\n}",
    ),
    (
        "java",
        "class Other { public static void main(String[] a) { System.out.println(\"wrong\"); } }\nclass Main { public static void \
         main(String[] a) { System.out.println(\"started\"); } }",
    ),
    ("kotlin", "package a.b\nobject Hello { @JvmStatic fun main(args: Array<String>) { println(\"started\") } }"),
    ("scala", "package a.b\nobject Hello { def main(args: Array[String]): Unit = println(\"started\") }"),
];

#[test]
fn the_class_with_main_is_started_regardless_of_its_name_on_all_routes() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start_with_all_languages(data.path(), &NO_RATE_LIMITS);
    for (language, text) in CLASSES {
        let submit = |body: Value| {
            let ended = || server.result(&server.submit(&body));
            unless_late(ended, |ended| ended["message"].as_str().unwrap_or_default())
        };
        let execute = submit(json!({ "language": language, "source_code": text }));
        assert_eq!((&execute["verdict"], &execute["stdout"]), (&json!("AC"), &json!("started\n")), "{execute:#}");
        // The client chooses the file name; the submission has tests.
        let extension = if language == "kotlin" { "kt" } else { language };
        let body = json!({ "language": language, "files": [{ "path": format!("src/Main.{extension}"), "content": text }],
            "tests": [{ "input": "", "expected": "started" }] });
        let tests = submit(body);
        assert_eq!(tests["verdict"], "AC", "{tests:#}");
        let file = source(&format!("any_name.{extension}"), text);
        let run = unless_late(|| end(cupel(["run", &file.path]), b""), |run| &run.stderr);
        assert_eq!((run.code, run.stdout.as_str()), (Some(0), "started\n"), "{}", run.stderr);
    }
    let wrong = server
        .result(&server.submit(&json!({ "language": "java", "source_code": "public class Hello { int n = x; }" })));
    let messages = wrong["compilation_error"].as_str().unwrap();
    assert!(messages.starts_with("Hello.java:1: error: cannot find symbol"), "{messages}");
    assert_eq!((&wrong["exit_code"], &wrong["stdout"], &wrong["memory_used_kb"]), (&json!(1), &json!(""), &json!(0)));
}

#[test]
fn a_class_without_main_is_named_on_every_route() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start_with_all_languages(data.path(), &NO_RATE_LIMITS);
    let message = "Main method not found in class Hello";
    let java = "public class Hello { static int twice(int n) { return 2 * n; } }";
    let inherited = "class Base { public static void main(String[] a) { System.out.println(1); } }\npublic class Sub extends Base {}";
    let execute = |source: &str| server.result(&server.submit(&json!({ "language": "java", "source_code": source })));
    let without = execute(java);
    assert_eq!((&without["verdict"], &without["message"]), (&json!("RTE"), &json!(message)), "{without:#}");
    assert_eq!(execute(inherited)["stdout"], "1\n", "a class may inherit `main`");
    let file = source("Hello.java", java);
    let run = end(cupel(["run", &file.path]), b"");
    assert!(run.stderr.contains(message), "{}", run.stderr);
}

#[test]
fn an_exception_becomes_the_message_and_a_full_heap_is_the_memory_limit_and_a_full_disk_names_its_limit() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start_with_all_languages(data.path(), &NO_RATE_LIMITS);
    let result = |language: &str, source: &str, limits: Value| {
        server.result(&server.submit(&json!({ "language": language, "source_code": source, "limits": limits })))
    };
    let none = || json!({});
    for (language, source, message) in [
        ("python", "a = []\n\nprint(a[5])\n", "IndexError: list index out of range (line 3)"),
        ("cpp", "#include <stdexcept>\nint main() { throw std::out_of_range(\"far\"); }", "std::out_of_range: far"),
        ("javascript", "\nnull.x", "TypeError: Cannot read properties of null (reading 'x') (line 2)"),
        (
            "java",
            "class Main { public static void main(String[] a) {\n  System.out.println(1 / a.length); } }",
            "java.lang.ArithmeticException: / by zero (line 2)",
        ),
    ] {
        let ended = result(language, source, none());
        assert_eq!((&ended["verdict"], &ended["message"]), (&json!("RTE"), &json!(message)), "{ended:#}");
        assert!(ended["runtime_error"].is_string(), "{ended:#}");
    }
    let fills = "file = open('a', 'wb', 0)\nwhile file.write(b'x' * 65536): pass";
    let full = result("python", fills, json!({ "disk_kb": 1024 }));
    let message = "OSError: [Errno 28] No space left on device (line 2); disk limit of 1 MiB in 4096 files exceeded";
    assert_eq!((&full["verdict"], &full["message"]), (&json!("RTE"), &json!(message)), "{full:#}");
    let hoard = "import java.util.*;\nclass Main { public static void main(String[] a) {\n  List<byte[]> all = new ArrayList<>();\n  for (;;) \
                 all.add(new byte[1 << 20]); } }";
    let full = result("java", hoard, json!({ "memory_kb": 131_072 }));
    assert_eq!(
        (&full["verdict"], &full["message"], &full["runtime_error"]),
        (
            &json!("MLE"),
            &json!("memory limit of 128 MiB exceeded: java.lang.OutOfMemoryError: Java heap space (line 4)"),
            &json!("memory limit of 128 MiB exceeded")
        ),
        "{full:#}"
    );
}

#[test]
fn standard_input_may_be_bytes() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &NO_RATE_LIMITS);
    let program = "import sys; print(sys.stdin.buffer.read())";
    let body = json!({ "language": "PY3", "source_code": program, "stdin_base64": "/wAK" });
    assert_eq!(server.result(&server.submit(&body))["stdout"], "b'\\xff\\x00\\n'\n");
    let body = json!({ "language": "python", "source_code": program, "tests": [{ "stdin_base64": "/wAK", "expected": "b'\\xff\\x00\\n'" }] });
    assert_eq!(server.result(&server.submit(&body))["verdict"], "AC");
}

/// Regression: the file was written in place, so an interruption left a part of it.
#[test]
fn a_language_file_is_replaced_as_a_whole() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("languages")).unwrap();
    let text = |greeting: &str| {
        format!(
            "name = 'Own'\nextensions = ['own']\nsource = 'main.own'\nexecute = ['sh', '{{source}}']\n\
             version = {{ command = ['sh', '-c', 'echo 1.0'] }}\n[packages]\n\
             [[samples]]\nname = 'hello'\nsource = 'echo {greeting}'\nstdout = \"{greeting}\\n\"\n"
        )
    };
    let add = |greeting: &str| {
        let file = source("own.toml", &text(greeting));
        let mut command = cupel(["languages", "add", &file.path]);
        command.env("CUPEL_LANGUAGES__DIRECTORY", dir.path().join("languages"));
        let ended = end(command, b"");
        assert_eq!(ended.code, Some(0), "{ended:?}");
    };
    add("one");
    let added = dir.path().join("languages/own.toml");
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&added), 0o644);
    // The link is another name of the file that is replaced.
    let earlier = dir.path().join("earlier");
    std::fs::hard_link(&added, &earlier).unwrap();
    std::fs::set_permissions(&added, Permissions::from_mode(0o640)).unwrap();
    add("two");
    let read = |path: &Path| std::fs::read_to_string(path).unwrap();
    assert_eq!((read(&earlier), read(&added)), (text("one"), text("two")));
    assert_eq!(mode(&added), 0o640);
    assert_eq!(std::fs::read_dir(added.parent().unwrap()).unwrap().count(), 1);
}

/// Regression: the file was copied to the directory, where no server reads it, after the samples of the shipped
/// language with the same id had passed.
#[test]
fn a_language_file_whose_name_does_not_end_in_toml_is_refused_and_not_copied() {
    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/../../languages/python.toml");
    let text = std::fs::read_to_string(shipped).unwrap();
    let dir = tempfile::tempdir().unwrap();
    for name in ["python.txt", "PYTHON.TOML", "python", ".toml"] {
        let file = source(name, &text);
        let mut command = cupel(["languages", "add", &file.path]);
        command.env("CUPEL_LANGUAGES__DIRECTORY", dir.path());
        let ended = end(command, b"");
        assert_eq!(ended.code, Some(2), "{name}: {ended:?}");
        assert!(ended.stderr.contains("`.toml`"), "{name}: {}", ended.stderr);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "{name}");
    }
}

/// Regression: the exit code was 0 if there was no package to install.
#[test]
fn the_installation_of_a_language_that_stays_unavailable_fails() {
    let dir = tempfile::tempdir().unwrap();
    let text = "name = \"Own\"\nextensions = [\"own\"]\nsource = \"main.own\"\nexecute = [\"./main\"]\n\
                version = { command = [\"no-such-toolchain\"] }\nsamples = []\n";
    std::fs::write(dir.path().join("own.toml"), text).unwrap();
    for (flags, code) in [(&[][..], 1), (&["--dry-run"], 0)] {
        let mut command = cupel(["languages", "install", "own"].iter().chain(flags));
        command.env("CUPEL_LANGUAGES__DIRECTORY", dir.path());
        let ended = end(command, b"");
        assert_eq!(ended.code, Some(code), "{ended:?}");
        assert!(ended.stdout.contains("not available yet: own"), "{ended:?}");
    }
}

/// Programs of a package that are valid since C++20.
const RANGES: &str = "#include <iostream>\n#include <ranges>\n#include \"greet.h\"\nint main() {\n    int n, sum = 0;\n    std::cin >> n;\n    \
                      for (int i : std::views::iota(1, n + 1)) sum += i;\n    std::cout << sum << std::endl;\n}\n";
const CONCEPTS: &str = "#include <concepts>\n#include <fstream>\n#include <iostream>\ntemplate <std::integral T> bool same(T a, T b) { return a == b; \
                        }\nint main(int, char **argv) {\n    long a, b = -1;\n    std::ifstream(argv[2]) >> a;\n    std::cin >> b;\n    return same(a, b) ? \
                        42 : 43;\n}\n";

/// In Kattis, C++ has one standard; the type of a source of Polygon has the standard. Regression: both were C++17.
#[test]
fn programs_of_a_package_have_the_standard_of_its_format() {
    let kattis = Files::new(&[
        ("p/problem.yaml", "name: Sum\nlicense: cc0\nvalidation: custom\n"),
        ("p/problem_statement/problem.en.md", "Sum.\n"),
        ("p/data/sample/1.in", "3\n"),
        ("p/data/sample/1.ans", "6\n"),
        ("p/data/secret/1.in", "4\n"),
        ("p/data/secret/1.ans", "10\n"),
        ("p/include/cpp/greet.h", "\n"),
        ("p/output_validators/check.cpp", CONCEPTS),
        ("p/submissions/accepted/ranges.cpp", RANGES),
        ("p/submissions/wrong_answer/zero.py", "print(0)\n"),
    ]);
    let xml = r#"<?xml version="1.0" encoding="utf-8"?>
<problem revision="1" short-name="sum" url="https://example.org/sum">
 <names><name language="english" value="Sum"/></names>
 <judging input-file="" output-file=""><testset name="tests">
  <time-limit>1000</time-limit><memory-limit>67108864</memory-limit><test-count>1</test-count>
  <input-path-pattern>tests/%02d</input-path-pattern><answer-path-pattern>tests/%02d.a</answer-path-pattern>
  <tests><test method="manual"/></tests>
 </testset></judging>
 <files><resources><file path="files/greet.h" type="h.g++"/></resources></files>
 <assets>
  <checker name="std::ncmp.cpp" type="testlib"><source path="files/check.cpp" type="cpp.g++17"/></checker>
  <solutions><solution tag="main"><source path="solutions/a.cpp" type="cpp.gcc13-64-winlibs-g++20"/></solution></solutions>
 </assets>
</problem>"#;
    let polygon = Files::new(&[
        ("p/problem.xml", xml),
        ("p/tests/01", "4\n"),
        ("p/tests/01.a", "10\n"),
        ("p/files/greet.h", "\n"),
        ("p/solutions/a.cpp", RANGES),
    ]);
    for (files, path, language) in
        [(kattis, "submissions/accepted/ranges.cpp", "cpp23"), (polygon, "solutions/a.cpp", "cpp20")]
    {
        let ended = end(cupel(["verify", &files.path("p"), "--json"]), b"");
        let object: Value = serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{ended:?}"));
        assert_eq!(ended.code, Some(0), "{object:#}");
        let submission = object["submissions"].as_array().unwrap().iter().find(|one| one["path"] == path).unwrap();
        assert_eq!((&submission["verdict"], &submission["language"]), (&json!("AC"), &json!(language)), "{object:#}");
    }
}
