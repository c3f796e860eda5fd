//! `cupel problem`: creating, checking, converting and listing packages.

use std::process::{Command, Stdio};

use serde_json::Value;

use crate::judge::Files;
use crate::support::{cupel, end, eventually};

#[test]
fn a_new_package_and_its_exports_pass_verification() {
    let files = Files::new(&[("keep", "")]);
    let (here, package) = (files.path(""), files.path("two-sums"));
    let made = end(cupel(["problem", "new", "two-sums", "--into", &here]), b"");
    assert_eq!(made.code, Some(0), "{made:?}");
    assert_eq!(end(cupel(["verify", &package]), b"").code, Some(0));
    let again = end(cupel(["problem", "new", "two-sums", "--into", &here]), b"");
    assert!(again.code == Some(2) && again.stderr.contains("exists"), "{again:?}");

    let zip = files.path("out.zip");
    let exported = end(cupel(["problem", "export", &package, "--output", &zip]), b"");
    assert_eq!(exported.code, Some(0), "{exported:?}");
    let verified = end(cupel(["verify", &zip, "--json"]), b"");
    let object: Value = serde_json::from_str(&verified.stdout).unwrap_or_else(|_| panic!("{verified:?}"));
    assert_eq!((verified.code, &object["format"]), (Some(0), &"kattis-2025-09".into()), "{object:#}");

    // The export is imported into a directory that does not exist yet: the result is a folder with the problem's name.
    let imported = end(cupel(["problem", "import", &zip, "--into", &files.path("store")]), b"");
    assert_eq!(imported.code, Some(0), "{imported:?}");
    let listed = end(cupel(["problem", "list", &files.path("store"), "--json"]), b"");
    let object: Value = serde_json::from_str(&listed.stdout).unwrap_or_else(|_| panic!("{listed:?}"));
    let packages = object["packages"].as_array().unwrap();
    assert_eq!(packages.len(), 1, "{object:#}");
    assert_eq!((&packages[0]["title"], &packages[0]["tests"]), (&"Two Sums".into(), &5.into()), "{object:#}");
}

#[test]
fn a_new_package_has_a_working_checker_validator_and_generator() {
    let files = Files::new(&[("keep", "")]);
    for (slug, flag) in [("sum", None), ("summands", Some("--checker")), ("largest", Some("--function"))] {
        let package = files.path(slug);
        let here = files.path("");
        let made = end(cupel(["problem", "new", slug, "--into", &here].into_iter().chain(flag)), b"");
        assert_eq!(made.code, Some(0), "{made:?}");
        assert!(made.stdout.contains("cupel help formats"), "{made:?}");
        // The generator reproduces the files of the package.
        let read = |name: &str| std::fs::read(format!("{package}/tests/secret/{name}")).unwrap();
        let names = ["01.in", "01.out", "02.in", "02.out", "03.in", "03.out"];
        let before = names.map(read);
        for name in names {
            std::fs::remove_file(format!("{package}/tests/secret/{name}")).unwrap();
        }
        let mut generator = std::process::Command::new("python3");
        let generated = generator.arg("generators/cases.py").current_dir(&package).status().unwrap();
        assert!(generated.success());
        assert_eq!(names.map(read), before, "{slug}");
    }
    let verified = end(cupel(["verify", &files.path("summands"), "--json"]), b"");
    let object: Value = serde_json::from_str(&verified.stdout).unwrap_or_else(|_| panic!("{verified:?}"));
    assert_eq!(object["ok"], true, "{object:#}");
    let subjects: Vec<_> = object["expectations"].as_array().unwrap().iter().map(|claim| &claim["about"]).collect();
    for program in ["checkers/check.py", "validators/validate.py", "submissions/accepted/one_first.cpp"] {
        assert!(subjects.contains(&&Value::from(program)), "{program}: {subjects:?}");
    }
}

#[test]
fn the_binary_describes_the_files_of_packages() {
    let told = end(cupel(["help", "formats"]), b"");
    assert_eq!(told.code, Some(0), "{told:?}");
    for part in
        ["| Kattis 2025-09", "## Cupel's own format", "problem.toml", "FEEDBACK_DIRECTORY", "## Function problems"]
    {
        assert!(told.stdout.contains(part), "{part}: {}", told.stdout);
    }
    assert!(!told.stdout.contains("make test") && !told.stdout.contains("Architecture"), "{}", told.stdout);
    assert_eq!(end(cupel(["help", "problem", "new"]), b"").code, Some(0));
    assert_eq!(end(cupel(["help", "nothing"]), b"").code, Some(2));
}

#[test]
fn a_new_function_problem_passes_verification() {
    let files = Files::new(&[("keep", "")]);
    let made = end(cupel(["problem", "new", "largest", "--function", "--into", &files.path("a/b")]), b"");
    assert_eq!(made.code, Some(0), "{made:?}");
    let in_a_file = end(cupel(["problem", "new", "largest", "--into", &files.path("keep")]), b"");
    assert!(in_a_file.code == Some(2) && !in_a_file.stderr.contains(".making"), "{in_a_file:?}");
    let verified = end(cupel(["verify", &files.path("a/b/largest")]), b"");
    assert_eq!(verified.code, Some(0), "{verified:?}");
}

#[test]
fn a_refused_package_leaves_no_files_and_all_errors_are_reported() {
    let files = Files::new(&[
        ("p/problem.toml", "title = 'x'\ncolour = 'red'\n[limits]\ntime = -1\n"),
        ("p/tests/1.in", "1\n"),
        ("into/keep", ""),
    ]);
    let ended = end(cupel(["problem", "import", &files.path("p"), "--into", &files.path("into")]), b"");
    assert_eq!(ended.code, Some(2), "{ended:?}");
    for fault in ["colour", "limits.time", "tests/1.in"] {
        assert!(ended.stderr.contains(fault), "{fault}: {ended:?}");
    }
    let left: Vec<_> = std::fs::read_dir(files.path("into")).unwrap().collect();
    assert_eq!(left.len(), 1, "{left:?}");
    let listed = end(cupel(["problem", "list", &files.path("")]), b"");
    assert_eq!(listed.code, Some(1), "{listed:?}");
    let row = listed.stdout.lines().find(|line| line.starts_with("p ")).unwrap();
    let first = ended.stderr.lines().find(|line| line.contains("E_")).unwrap().trim();
    assert!(row.contains(first) && row.contains(" other findings)"), "{row}");
}

/// Regression: the title was printed as it is, and could hide or reverse the rest of the line.
#[test]
fn a_title_in_a_list_of_packages_has_no_effect_on_the_terminal() {
    let files = Files::new(&[
        ("all/p/problem.toml", "title = \"Left\\u202Eright\"\n[limits]\ntime = 1.0\n"),
        ("all/p/statement.md", "Text.\n"),
        ("all/p/tests/secret/1.in", "1\n"),
        ("all/p/tests/secret/1.out", "1\n"),
    ]);
    let (all, into) = (files.path("all"), files.path("into"));
    let listed = end(cupel(["problem", "list", &all]), b"");
    let imported = end(cupel(["problem", "import", &files.path("all/p"), "--into", &into]), b"");
    for ended in [listed, imported] {
        assert!(ended.code == Some(0) && ended.stdout.contains("Left\\u{202e}right"), "{ended:?}");
    }
}

#[test]
fn a_named_format_is_used_for_the_import() {
    let files = Files::new(&[
        ("p/init.yml", "test_cases:\n- {in: a.in, out: a.out, points: 5}\n"),
        ("p/a.in", "1\n"),
        ("p/a.out", "1\n"),
        ("into/keep", ""),
    ]);
    let import = |args: &[&str]| {
        let (package, into) = (files.path("p"), files.path("into"));
        let fixed = ["problem", "import", &package, "--into", &into];
        end(cupel(fixed.iter().chain(args)), b"")
    };
    let wrong = import(&["--format", "polygon"]);
    assert!(wrong.code == Some(2) && wrong.stderr.contains("polygon"), "{wrong:?}");
    let without = import(&[]);
    assert!(without.code == Some(2) && without.stderr.contains("time limit"), "{without:?}");
    let right = import(&["--format", "dmoj", "--time-limit", "1", "--memory-limit-kib", "65536"]);
    assert_eq!(right.code, Some(0), "{right:?}");
}

#[test]
fn limits_of_an_import_are_written_into_the_package() {
    const TEST: &str = "data/secret/1";
    for (form, file, before, after) in [
        (
            "dmoj",
            "init.yml",
            "# tests\ntest_cases:\n- {in: data/secret/1.in, out: data/secret/1.ans, points: 5}\n",
            "# tests\nmemory_limit: 65536\ntime_limit: 2\ntest_cases:\n- {in: data/secret/1.in, out: data/secret/1.ans, points: 5}\n",
        ),
        (
            "kattis-legacy",
            "problem.yaml",
            "name: Echo # the title\n",
            "name: Echo # the title\nlimits:\n  memory: 64\n  time_limit: 2\n",
        ),
    ] {
        let files = Files::new(&[(&format!("echo/{file}"), before), ("into/keep", "")]);
        files.write(&format!("echo/{TEST}.in"), "1\n");
        files.write(&format!("echo/{TEST}.ans"), "1\n");
        let import = |limit: &str| {
            let limits = ["--format", form, "--time-limit", limit, "--memory-limit-kib", "65536"];
            let (package, into) = (files.path("echo"), files.path("into"));
            end(cupel(["problem", "import", &package, "--into", &into].iter().chain(&limits)), b"")
        };
        let imported = import("2");
        assert_eq!(imported.code, Some(0), "{form}: {imported:?}");
        assert_eq!(std::fs::read_to_string(files.path(&format!("into/echo/{file}"))).unwrap(), after, "{form}");

        let listed = end(cupel(["problem", "list", &files.path("into"), "--json"]), b"");
        let listed: Value = serde_json::from_str(&listed.stdout).unwrap();
        assert_eq!(listed["packages"][0]["time_limit_ms"], 2000, "{form}: {listed:#}");
    }
}

#[test]
fn limits_of_an_import_do_not_disable_the_validator_of_a_package_without_problem_yaml() {
    let files = Files::new(&[
        ("echo/domjudge-problem.ini", "name = Echo\ntimelimit = 1\n"),
        ("echo/output_validators/check.py", "import sys\nsys.exit(43)\n"),
        ("echo/data/secret/1.in", "1\n"),
        ("echo/data/secret/1.ans", "1\n"),
        ("into/keep", ""),
    ]);
    let (package, into) = (files.path("echo"), files.path("into"));
    let imported = end(cupel(["problem", "import", &package, "--into", &into, "--time-limit", "2"]), b"");
    assert_eq!(imported.code, Some(0), "{imported:?}");
    let written = std::fs::read_to_string(files.path("into/echo/problem.yaml")).unwrap();
    assert_eq!(written, "validation: custom\nlimits:\n  time_limit: 2\n");
    let listed = end(cupel(["problem", "list", &into, "--json"]), b"");
    let listed: Value = serde_json::from_str(&listed.stdout).unwrap();
    let package = &listed["packages"][0];
    assert_eq!((&package["time_limit_ms"], &package["title"]), (&2000.into(), &"Echo".into()), "{package:#}");
    let unused = |finding: &Value| finding["code"] == "W_UNUSED_FILE";
    assert!(!package["findings"].as_array().unwrap().iter().any(unused), "{package:#}");
}

#[test]
fn limits_that_the_package_cannot_express_leave_nothing_behind() {
    let files = Files::new(&[
        ("echo/problem.yaml", "name: Echo\n"),
        ("echo/.timelimit", "1\n"),
        ("echo/data/secret/1.in", "1\n"),
        ("echo/data/secret/1.ans", "1\n"),
        ("into/keep", ""),
    ]);
    for (limits, why) in [
        (["--time-limit", "2"], ".timelimit: the time limit is 1 s here, but 2 s in problem.yaml"),
        (["--memory-limit-kib", "65537"], "not a whole number of MiB"),
    ] {
        let (package, into) = (files.path("echo"), files.path("into"));
        let refused = end(cupel(["problem", "import", &package, "--into", &into].iter().chain(&limits)), b"");
        assert!(refused.code == Some(2) && refused.stderr.contains(why), "{refused:?}");
        let left = std::fs::read_dir(&into).unwrap().map(|entry| entry.unwrap().file_name()).collect::<Vec<_>>();
        assert_eq!(left, ["keep"], "{limits:?}");
    }
}

/// Regression: a hidden directory with the secret tests stayed.
#[test]
fn an_export_that_is_interrupted_leaves_nothing() {
    let files = Files::new(&[
        ("p/problem.toml", "title = \"Large\"\n[limits]\ntime = 1.0\n"),
        ("p/statement.md", "Text.\n"),
        ("p/tests/secret/1.out", "1\n"),
    ]);
    // It takes so long to compress this file that the signal comes meanwhile.
    let lines: Vec<String> =
        (0..1_500_000_u64).map(|number| number.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_string()).collect();
    files.write("p/tests/secret/1.in", &(lines.join("\n") + "\n"));
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out.zip");
    let mut command = cupel(["problem", "export", &files.path("p"), "--output", output.to_str().unwrap()]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let entries = || std::fs::read_dir(folder.path()).unwrap().count();
    eventually(|| (entries() > 0 || child.try_wait().unwrap().is_some()).then_some(()));
    assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().is_ok());
    let code = child.wait().unwrap().code();
    // The export may have been complete before the signal.
    let is_there = output.exists();
    assert!(matches!((code, entries(), is_there), (Some(143), 0, false) | (Some(0 | 143), 1, true)), "{code:?}");
}
