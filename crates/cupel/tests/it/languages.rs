//! Behaviour of single languages: the class that is started, and the exception that the result reports.

use serde_json::{Value, json};

use crate::support::{NO_RATE_LIMITS, Server, cupel, end, source};

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
        let execute = server.result(&server.submit(&json!({ "language": language, "source_code": text })));
        assert_eq!((&execute["verdict"], &execute["stdout"]), (&json!("AC"), &json!("started\n")), "{execute:#}");
        // The client chooses the file name; the submission has tests.
        let extension = if language == "kotlin" { "kt" } else { language };
        let body = json!({ "language": language, "files": [{ "path": format!("src/Main.{extension}"), "content": text }],
            "tests": [{ "input": "", "expected": "started" }] });
        let tests = server.result(&server.submit(&body));
        assert_eq!(tests["verdict"], "AC", "{tests:#}");
        let file = source(&format!("any_name.{extension}"), text);
        let run = end(cupel(["run", &file.path]), b"");
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
