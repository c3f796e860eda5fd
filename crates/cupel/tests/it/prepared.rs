//! Prepared artefacts: a language gives the same results with and without them, and works if they are damaged.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Ended, Server, cupel, end, eventually, source, unless_late};

/// Returns a user's cache with all prepared artefacts of `c`, `cpp` and `java`. The first test that needs the cache
/// creates it.
fn prepared() -> &'static Path {
    static CACHE: OnceLock<TempDir> = OnceLock::new();
    let cache = CACHE.get_or_init(|| {
        let cache = tempfile::tempdir().unwrap();
        let ended = within(cache.path(), &["languages", "prepare", "c", "cpp", "java"]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        cache
    });
    cache.path()
}

/// Runs a command with this directory as the user's cache.
fn within(cache: &Path, args: &[&str]) -> Ended {
    let mut command = cupel(args);
    command.env("XDG_CACHE_HOME", cache);
    end(command, b"3\n1 2 3\n")
}

/// Returns the parts of a run's result that do not depend on time. The run uses the prepared artefacts, but not the
/// cache of compiled programs, because a cached program is not compiled.
fn comparable_result(name: &str, text: &str, prepared: Option<&Path>) -> Value {
    let file = source(name, text);
    let cache = tempfile::tempdir().unwrap();
    if let Some(prepared) = prepared {
        std::fs::create_dir(cache.path().join("cupel")).unwrap();
        let (from, to) = (prepared.join("cupel/prepared"), cache.path().join("cupel/prepared"));
        std::os::unix::fs::symlink(from, to).unwrap();
    }
    let result = || -> Value {
        let ended = within(cache.path(), &["run", "--json", &file.path]);
        let json: Value = serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{ended:?}"));
        let compiler = json["compile"]["output"].as_str().unwrap_or_default();
        serde_json::json!({
            "code": ended.code,
            "verdict": json["verdict"],
            "message": json["message"],
            "signal": json["signal"],
            "stdout": json["stdout"],
            "stderr": json["stderr"],
            "compiler": without_include_chains(compiler),
        })
    };
    unless_late(result, |result| result["message"].as_str().unwrap_or_default())
}

/// Removes the chains of includes that the compiler prints for an error in a header, because they are shorter with a
/// precompiled header.
fn without_include_chains(text: &str) -> Vec<&str> {
    let is_chain =
        |line: &str| line.starts_with("In file included from ") || line.starts_with("                 from ");
    text.lines().filter(|line| !is_chain(line)).collect()
}

const CPP: &[(&str, &str)] = &[
    ("an include was forgotten", "#include <iostream>\nint main() { std::vector<int> v{1}; std::cout << v.size(); }"),
    ("another forgotten include", "#include <vector>\nint main() { std::vector<int> v{1}; std::cout << v.size(); }"),
    ("a third forgotten include", "#include <cstdio>\nint main() { std::string s; puts(s.c_str()); }"),
    ("a template's error", "#include <bits/stdc++.h>\nint main() { std::list<int> l; std::sort(l.begin(), l.end()); }"),
    ("an error in a header", "#include <map>\nstruct X {};\nint main() { std::map<X, int> m; m[X()] = 1; }"),
    (
        "an error in a second header",
        "#include <cmath>\n#include <map>\nstruct X {};\nint main() { std::map<X, int> m; m[X()]; }",
    ),
    ("a name that was not declared", "#include <iostream>\nint main() { std::cout << x; }"),
    ("a warning", "#include <string>\n#warning look\nint main() { char *p = \"x\"; return *p; }"),
    (
        "macros of the compiler",
        "#include <iostream>\nint main() { std::cout << __FILE__ << __LINE__ << __COUNTER__ << __COUNTER__ << __cplusplus; }",
    ),
    ("a failed assertion", "#include <vector>\n#include <cassert>\nint main(int c, char **) { assert(c == 7); }"),
    (
        "the same header twice",
        "#include <vector>\n#include <functional>\n#include <bits/stdc++.h>\n#include <vector>\nint main() { std::cout << 1; }",
    ),
    (
        "headers of C after those of C++",
        "#include <cmath>\n#include <math.h>\n#include <stdlib.h>\n#include <cstdio>\nint main() { printf(\"%f\", sqrt(2) + std::abs(-1.5)); }",
    ),
    (
        "a checked container",
        "#define _GLIBCXX_DEBUG\n#include <bits/stdc++.h>\nint main() { std::cout << (sizeof(std::vector<int>::iterator) > sizeof(int *)); }",
    ),
    (
        "options in the source",
        "#pragma GCC optimize(\"O3\")\n#pragma GCC target(\"avx2\")\n#include <bits/stdc++.h>\nint main() { std::cout << __OPTIMIZE__; }",
    ),
    (
        "a header that `__has_include` tests first",
        "#if __has_include(<iostream>) && __has_include(<vector>)\n#include <iostream>\n#endif\nint main() { std::cout << 1; }",
    ),
    (
        "a keyword redefined",
        "#define int long long\n#include <bits/stdc++.h>\nsigned main() { std::cout << sizeof(int); }",
    ),
    ("code before includes", "int f();\n#include <iostream>\nint f() { return 2; }\nint main() { std::cout << f(); }"),
    (
        "exceptions",
        "#include <iostream>\n#include <stdexcept>\nint main() { try { throw std::runtime_error(\"x\"); } catch (std::exception &e) { std::cout << e.what(); } throw 1; }",
    ),
    (
        "input, threads and sorting",
        "#include <bits/stdc++.h>\nint main() { int n; std::cin >> n; std::vector<int> v(n); for (int &x : v) std::cin >> x; std::thread t([&] { std::sort(v.rbegin(), v.rend()); }); t.join(); for (int x : v) std::cout << x << ' '; }",
    ),
];

const JAVA: &[(&str, &str)] = &[
    ("a type error", "class Main { int n = \"no\"; }"),
    (
        "a warning",
        "import java.util.*; class Main { public static void main(String[] a) { List l = new ArrayList(); l.add(1); System.out.println(l); } }",
    ),
    ("a deprecation", "class Main { public static void main(String[] a) { System.out.println(new Integer(3)); } }"),
    (
        "a record and a lambda",
        "record P(int x) {} class Main { public static void main(String[] a) { Runnable r = () -> System.out.println(new P(1)); r.run(); throw new IllegalStateException(\"x\"); } }",
    ),
];

fn check_same(name: &str, cases: &[(&str, &str)]) {
    for (what, text) in cases {
        assert_eq!(comparable_result(name, text, Some(prepared())), comparable_result(name, text, None), "{what}");
    }
}

#[test]
fn precompiled_headers_do_not_change_results() {
    check_same("main.cpp", CPP);
}

/// The linker writes these messages, which contain names of temporary files.
#[test]
fn an_undefined_symbol_is_reported_with_and_without_artefacts() {
    let text = "#include <iostream>\nint g();\nint main() { std::cout << g(); }";
    for prepared in [Some(prepared()), None] {
        let comparable_result = comparable_result("main.cpp", text, prepared);
        let compiler = comparable_result["compiler"].to_string();
        assert!(
            comparable_result["verdict"] == "CE" && compiler.contains("undefined reference to"),
            "{comparable_result}"
        );
        assert!(compiler.contains("g()") && compiler.contains("main.cpp"), "{comparable_result}");
    }
}

#[test]
fn an_archive_of_the_compiler_does_not_change_results() {
    check_same("Main.java", JAVA);
}

#[test]
fn all_samples_pass_with_prepared_artefacts() {
    let ended = within(prepared(), &["languages", "test", "c", "cpp", "java"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

/// Creates a test language whose artefact is a text that the program prints.
fn own_language(directory: &Path, greeting: &str) -> PathBuf {
    let file = format!(
        "name = 'Own'\nextensions = ['own']\nsource = 'main.own'\n\
         execute = ['sh', '-c', 'cat \"$1\" 2>/dev/null || echo cold', 'sh', '{{prepared:greeting}}/a/greeting']\n\
         version = {{ command = ['sh', '-c', 'echo 1.0'] }}\n[packages]\n\
         [[samples]]\nname = 'hello'\nsource = ''\n\
         [[prepare]]\nname = 'greeting'\ncommands = [['sh', '-c', 'mkdir a; cp text a/greeting; id -u > b']]\n\
         outputs = ['a/*']\nfiles = {{ text = '{greeting}' }}\n"
    );
    std::fs::create_dir_all(directory).unwrap();
    std::fs::write(directory.join("own.toml"), file).unwrap();
    directory.to_owned()
}

/// Runs `cupel` with the test language.
fn with_own(dir: &Path, args: &[&str]) -> Ended {
    let mut command = cupel(args);
    command.env("XDG_CACHE_HOME", dir).env("CUPEL_LANGUAGES__DIRECTORY", dir.join("languages"));
    end(command, b"")
}

#[test]
fn a_damaged_artefact_is_not_used_and_made_again() {
    let dir = tempfile::tempdir().unwrap();
    own_language(&dir.path().join("languages"), "prepared");
    let program = source("main.own", "x");
    let run = || with_own(dir.path(), &["run", &program.path]).stdout;
    let prepare = || {
        let ended = with_own(dir.path(), &["languages", "prepare", "own"]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        ended.stderr
    };
    assert_eq!(run(), "cold\n", "the artefact does not exist, and a run does not create it");
    assert!(prepare().contains("own greeting: prepared in "));
    assert_eq!(run(), "prepared");
    assert_eq!(prepare(), "", "the artefact exists already");

    let shelf = dir.path().join("cupel/prepared/own");
    let artefact = || std::fs::read_dir(&shelf).unwrap().next().unwrap().unwrap().path();
    let greeting = artefact().join("files/a/greeting");
    assert!(!artefact().join("files/b").exists(), "only the named files are stored");
    assert_eq!(std::fs::metadata(&greeting).unwrap().permissions().mode() & 0o777, 0o644);
    std::fs::write(&greeting, "pre").unwrap();
    assert_eq!(run(), "cold\n", "a truncated artefact is not used");
    assert!(prepare().contains("prepared in "));
    std::fs::write(&greeting, "PREPARED").unwrap();
    assert!(prepare().contains("prepared in "), "every byte is checked");
    assert_eq!(run(), "prepared");

    own_language(&dir.path().join("languages"), "another");
    assert_eq!(run(), "cold\n", "a changed step has another artefact");
    prepare();
    assert_eq!(run(), "another");
}

#[test]
fn a_failed_preparation_is_reported_and_the_language_works() {
    let dir = tempfile::tempdir().unwrap();
    let file = own_language(&dir.path().join("languages"), "x").join("own.toml");
    let text = std::fs::read_to_string(&file).unwrap().replace("mkdir a;", "echo no such thing >&2; exit 3;");
    std::fs::write(&file, text).unwrap();
    let ended = with_own(dir.path(), &["languages", "prepare", "own"]);
    assert!(ended.code == Some(1) && ended.stderr.contains("no such thing"), "{ended:?}");
    let listed = with_own(dir.path(), &["languages"]).stdout;
    assert!(listed.contains("0 of 1") && listed.contains("no such thing"), "{listed}");
    let program = source("main.own", "x");
    assert_eq!(with_own(dir.path(), &["run", &program.path]).stdout, "cold\n");
}

#[test]
fn a_server_makes_missing_and_damaged_artefacts() {
    let (dir, data) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    own_language(&dir.path().join("languages"), "prepared");
    // Only the test language has prepared artefacts here.
    let listed: Value =
        serde_json::from_str(&with_own(dir.path(), &["languages", "--json"]).stdout).expect("a list of languages");
    let others: Vec<&str> = listed["languages"].as_array().unwrap().iter().filter_map(|l| l["id"].as_str()).collect();
    let others: Vec<&str> = others.into_iter().filter(|id| *id != "own").collect();
    let settings = [
        ("CUPEL_LANGUAGES__DIRECTORY", dir.path().join("languages").to_str().unwrap().to_owned()),
        ("CUPEL_LANGUAGES__DISABLED", others.join(",")),
        ("CUPEL_LANGUAGES__PREPARE", "true".to_owned()),
    ];
    let settings: Vec<(&str, &str)> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let made = || {
        eventually(|| {
            let shelf = std::fs::read_dir(data.path().join("cache/prepared/own")).ok()?;
            shelf.filter_map(Result::ok).map(|entry| entry.path()).find(|path| path.join("sums").exists())
        })
    };
    let server = Server::start(data.path(), &settings);
    let greeting = made().join("files/a/greeting");
    drop(server);
    std::fs::write(&greeting, "PREPARED").unwrap();
    let _server = Server::start(data.path(), &settings);
    eventually(|| std::fs::read_to_string(&greeting).ok().filter(|text| text == "prepared"));
}

#[test]
fn preparation_is_interrupted_by_runs_and_continues_after_them() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(
        data.path(),
        &[
            ("CUPEL_LANGUAGES__PREPARE", "true"),
            ("CUPEL_LANGUAGES__DISABLED", "java,kotlin,scala"),
            ("CUPEL_WORKER__SLOTS", "1"),
        ],
    );
    let program = serde_json::json!({ "language": "bash", "source_code": "sleep 1" });
    eventually(|| {
        let result = server.result(&server.submit(&program));
        assert_eq!(result["verdict"], "AC", "{result}");
        server.log().contains("gave way to a run").then_some(())
    });
    eventually(|| server.log().contains("\"prepared `").then_some(()));
    assert!(!server.log().contains("cannot prepare"), "{}", server.log());
}
