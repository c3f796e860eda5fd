//! Runs of solutions on custom inputs over HTTP: programs, functions, classes, conversations.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::judge::Files;
use crate::problems::{Person, pack};
use crate::support::{NO_RATE_LIMITS, Server};

/// Returns a copy of a shipped problem with a time limit that no program reaches while it waits for its interactor.
fn patient(slug: &str) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    let folder = format!("{}/../../problems/{slug}/.", env!("CARGO_MANIFEST_DIR"));
    let copied = Command::new("cp").args(["-r", &folder]).arg(copy.path()).status().unwrap();
    assert!(copied.success());
    let file = copy.path().join("problem.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let patient = text.replace("\ntime       = 1.0\n", "\ntime       = 60.0\n");
    assert_ne!(text, patient);
    std::fs::write(file, patient).unwrap();
    copy
}

/// Runs `what` as an author on a server that has these shipped problems as the author's drafts.
fn with_problems(data: &Path, slugs: &[&str], what: impl FnOnce(&Person<'_>)) {
    let server = Server::start_with_all_languages(data, &NO_RATE_LIMITS);
    let author = Person::register(&server, "grace", Some("author"));
    for slug in slugs {
        let folder = format!("{}/../../problems/{slug}", env!("CARGO_MANIFEST_DIR"));
        let (status, made) = author.upload("POST", "/api/v1/problems", &pack(Path::new(&folder)));
        assert_eq!(status, 201, "{made}");
    }
    what(&author);
}

/// Returns the result of a source on an input.
fn run(by: &Person<'_>, slug: &str, (language, source): (&str, &str), input: &str) -> Value {
    let body = json!({ "language": language, "source_code": source, "input": input });
    let sent = by.post(&format!("/api/v1/problems/{slug}/run"), body);
    by.ended(&sent["submission_id"])
}

#[test]
fn a_function_is_called_with_custom_arguments() {
    let data = tempfile::tempdir().unwrap();
    with_problems(data.path(), &["light-tail", "bath-lockers"], |author| {
        let python = "class Solution:\n    def lightTail(self, train, strength):\n        print('seen', train.val)\n        return train.next\n";
        let javascript = "function lightTail(train, strength) {\n  console.log('seen', Number(train.val));\n  return train.next;\n}\n";
        for solution in [("python", python), ("javascript", javascript)] {
            let view = run(author, "light-tail", solution, "[4, 1152921504606846976, 6]\n10\n");
            assert_eq!((&view["verdict"], &view["stdout"]), (&json!("AC"), &json!("seen 4\n")), "{view}");
            // All 64 bits of an integer are preserved.
            assert_eq!(view["problem"]["returned"], "[1152921504606846976,6]", "{view}");
            assert_eq!(view["problem"]["purpose"], "custom_input");
        }

        // The languages in which the function can be called.
        let languages = author.get("/api/v1/problems/light-tail")["limits"]["languages"].clone();
        // Other versions of these languages may also be installed.
        let has = |language: &&str| languages.as_array().unwrap().contains(&json!(language));
        let expected = ["c", "cpp", "go", "java", "javascript", "python", "rust", "typescript"];
        assert!(expected.iter().all(&has) && !has(&"bash"), "{languages}");
        let bash = json!({ "language": "bash", "source_code": "echo", "input": "[1]\n10\n" });
        let (status, refused) =
            author.server.call("POST", "/api/v1/problems/light-tail/run", Some(&author.token), Some(&bash));
        assert_eq!((status, &refused["errors"][0]["pointer"]), (422, &json!("/language")), "{refused}");

        let raises = run(author, "light-tail", ("python", "def lightTail(a, b):\n    return b // 0\n"), "[1]\n10\n");
        assert_eq!((&raises["verdict"], &raises["problem"]["returned"]), (&json!("RTE"), &json!(null)), "{raises}");
        assert!(raises["stderr"].as_str().unwrap().contains("ZeroDivisionError"), "{raises}");
        let other = run(author, "light-tail", ("python", "def lightTail(a, b):\n    return 'x'\n"), "[1]\n10\n");
        assert_eq!(
            (&other["verdict"], &other["message"]),
            (&json!("WA"), &json!("expected ListNode<int>, got string")),
            "{other}"
        );
        let missing = run(author, "light-tail", ("python", "def tail(a, b):\n    return a\n"), "[1]\n10\n");
        assert_eq!(missing["verdict"], "CE", "{missing}");
        assert!(missing["message"].as_str().unwrap().contains("lightTail"), "{missing}");

        // The input for a class: the method names, and a list of arguments for each method.
        let class = "class Lockers:\n    def __init__(self, count):\n        self.count = count\n    def take(self):\n        return self.count\n    def giveBack(self, locker):\n        return locker == 2\n    def busy(self, low, high):\n        return low + high\n";
        let calls = "[\"Lockers\", \"take\", \"giveBack\", \"busy\"]\n[[7], [], [2], [1, 4]]\n";
        let view = run(author, "bath-lockers", ("python", class), calls);
        assert_eq!(view["problem"]["returned"], "[null,7,true,5]", "{view}");
    });
}

#[test]
fn invalid_arguments_are_refused_with_line_and_type() {
    let data = tempfile::tempdir().unwrap();
    with_problems(data.path(), &["light-tail"], |author| {
        for (input, words) in [
            ("[1, 2]\nten\n", "line 2, column 1: expected int"),
            ("[1, \"x\"]\n10\n", "line 1, column 5: expected int"),
            ("[1]\n", "line 2, column 1: expected int"),
            ("[1]\n10\n11\n", "line 3, column 1"),
            ("[9223372036854775808]\n10\n", "line 1, column 2: expected int"),
            ("", "line 1, column 1: expected ListNode<int>"),
        ] {
            let body = json!({ "language": "python", "source_code": "x", "input": input });
            let (status, refused) =
                author.server.call("POST", "/api/v1/problems/light-tail/run", Some(&author.token), Some(&body));
            let fault = &refused["errors"][0];
            assert_eq!((status, &fault["pointer"]), (422, &json!("/input")), "{refused}");
            let detail = fault["detail"].as_str().unwrap();
            assert!(detail.contains(words), "{input:?}: {detail}");
            assert!(
                detail.contains("train: ListNode<int>, strength: int"),
                "the message names the parameters: {detail}"
            );
        }
    });
}

#[test]
fn the_problems_interactor_uses_the_custom_input() {
    let data = tempfile::tempdir().unwrap();
    with_problems(data.path(), &[], |author| {
        let (status, made) = author.upload("POST", "/api/v1/problems", &pack(patient("cracking-point").path()));
        assert_eq!(status, 201, "{made}");
        let halves = "import sys\nlow, high = 1, 1_000_000\nwhile low < high:\n    middle = (low + high + 1) // 2\n    print('?', middle, flush=True)\n    if input() == 'holds':\n        low = middle\n    else:\n        high = middle - 1\nprint('!', low, flush=True)\n";
        let view = run(author, "cracking-point", ("python", halves), "5\n");
        assert_eq!(view["verdict"], "AC", "{view}");
        let conversation = view["problem"]["conversation"].as_str().unwrap();
        assert!(conversation.starts_with(">? 500001\n<cracks\n") && conversation.ends_with(">! 5\n"), "{conversation}");

        let view = run(author, "cracking-point", ("python", "print('! 6')\n"), "5\n");
        let why = "it answers 6, but cracks above 5";
        assert_eq!((&view["verdict"], &view["message"]), (&json!("WA"), &json!(why)), "{view}");

        // The result contains the conversations of samples, but not those of other tests.
        let body = json!({ "language": "python", "source_code": halves });
        let sent = author.post("/api/v1/problems/cracking-point/run", body);
        let view = author.ended(&sent["submission_id"]);
        let tests = view["problem"]["tests"].as_array().unwrap();
        let conversation = |test: &Value| {
            test["conversation"].as_str().is_some_and(|conversation| conversation.starts_with(">? 500001\n<"))
        };
        assert!(!tests.is_empty() && tests.iter().all(conversation), "{view}");

        // The message blames neither the program nor the package.
        let view = run(author, "cracking-point", ("python", halves), "five\n");
        assert_eq!((&view["verdict"], &view["attempts"]), (&json!("SK"), &json!(1)), "{view}");
        assert!(view["message"].as_str().unwrap().contains("may not accept your input"), "{view}");
    });
}

#[test]
fn a_checker_after_an_interactor_reveals_no_test_for_a_custom_input() {
    let files = Files::new(&[
        (
            "p/problem.toml",
            "title = \"Parrot\"\nslug = \"parrot\"\n[limits]\ntime = 60.0\n[interactor]\nprogram = \"interactor\"\nprotocol = \"testlib\"\n\
             [checker]\nkind = \"program\"\nprogram = \"checker\"\nprotocol = \"testlib\"\n",
        ),
        ("p/statement.md", "Say it again.\n"),
        ("p/tests/secret/1.in", "hidden\n"),
        ("p/tests/secret/1.out", "hidden\n"),
        (
            "p/interactor/main.py",
            "import sys\nprint(open(sys.argv[1]).read().strip(), flush=True)\nopen(sys.argv[2], 'w').write(input())\n",
        ),
        (
            "p/checker/main.py",
            "import sys\ntest, conversation = open(sys.argv[1]).read().strip(), open(sys.argv[2]).read()\n\
             print('the test is', test, file=sys.stderr)\nsys.exit(conversation != test)\n",
        ),
    ]);
    let data = tempfile::tempdir().unwrap();
    with_problems(data.path(), &[], |author| {
        let (status, made) = author.upload("POST", "/api/v1/problems", &pack(Path::new(&files.path("p"))));
        assert_eq!(status, 201, "{made}");
        let view = run(author, "parrot", ("python", "print(input())\n"), "mine\n");
        // Only the interactor decides, because the correct answer for this input is unknown.
        assert_eq!(
            (&view["verdict"], &view["problem"]["conversation"]),
            (&json!("AC"), &json!("<mine\n>mine\n")),
            "{view}"
        );
        assert!(!view.to_string().contains("hidden"), "{view}");
    });
}
