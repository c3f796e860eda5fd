//! Snapshots of the help texts. `UPDATE_SNAPSHOTS=1` rewrites the files; review them like code.

use std::path::Path;

use crate::support::{cupel, end};

fn check(name: &str, args: &[&str]) {
    let ended = end(cupel(args), b"");
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{args:?}");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/help").join(format!("{name}.txt"));
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        std::fs::write(&path, &ended.stdout).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(ended.stdout, expected, "{} differs; UPDATE_SNAPSHOTS=1 rewrites it", path.display());
}

#[test]
fn help_matches_its_snapshots() {
    check("cupel", &["--help"]);
    for command in [
        "serve",
        "api",
        "worker",
        "admin",
        "run",
        "get",
        "test",
        "submit",
        "judge",
        "verify",
        "problem",
        "check",
        "template",
        "doctor",
        "languages",
        "images",
        "user",
        "key",
        "contest",
        "config",
        "smoke",
        "completions",
        "man",
    ] {
        check(command, &[command, "--help"]);
    }
    check("problem-new", &["problem", "new", "--help"]);
    check("problem-import", &["problem", "import", "--help"]);
    check("problem-export", &["problem", "export", "--help"]);
    check("problem-list", &["problem", "list", "--help"]);
    check("admin-dead", &["admin", "dead", "--help"]);
    check("user-add", &["user", "add", "--help"]);
    check("contest-create", &["contest", "create", "--help"]);
    check("user-import", &["user", "import", "--help"]);
    check("key-create", &["key", "create", "--help"]);
    check("languages-install", &["languages", "install", "--help"]);
    check("languages-add", &["languages", "add", "--help"]);
    check("images-add", &["images", "add", "--help"]);
}

#[test]
fn a_wrong_command_line_exits_with_2_and_a_suggestion() {
    let ended = end(cupel(["langauges"]), b"");
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("languages"), "{}", ended.stderr);
    assert_eq!(end(cupel(["run"]), b"").code, Some(2));
    assert_eq!(end(cupel(["run", "x.py", "--time", "soon"]), b"").code, Some(2));
}

#[test]
fn completions_and_manual_pages_are_generated() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let ended = end(cupel(["completions", shell]), b"");
        assert!(ended.code == Some(0) && ended.stdout.contains("languages"), "{shell}");
    }
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(end(cupel(["man", "--out", dir.path().to_str().unwrap()]), b"").code, Some(0));
    assert!(dir.path().join("cupel.1").exists() && dir.path().join("cupel-run.1").exists());
}

#[test]
fn the_openapi_document_is_json_in_version_3_1() {
    let ended = end(cupel(["openapi"]), b"");
    let document: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
}

#[test]
fn a_closed_output_pipe_is_not_an_error() {
    for args in [&["openapi"][..], &["languages", "--json"], &["config", "default"], &["completions", "bash"], &["man"]]
    {
        let mut child =
            cupel(args).stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let ended = child.wait_with_output().unwrap();
        assert_eq!((ended.status.code(), String::from_utf8_lossy(&ended.stderr).as_ref()), (Some(0), ""), "{args:?}");
    }
}
