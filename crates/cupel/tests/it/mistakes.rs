//! Wrong input on the command line, by mistake or by an attacker: each case has an exit code and a remedy, and none
//! causes a panic.

use std::ffi::{OsStr, OsString};
use std::fs::{File, Permissions};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::support::{Ended, cupel, end, unused_languages};

/// Checks that the command ends without a panic and names the mistake.
fn refused(args: &[OsString], code: i32, message: &str) {
    let ended = end(cupel(args), b"");
    assert_eq!(ended.code, Some(code), "{args:?}: {ended:?}");
    assert!(
        ended.stderr.starts_with("error: ") && ended.stderr.contains(message),
        "{args:?}: {message}\n{}",
        ended.stderr
    );
    assert!(!ended.stderr.contains("panicked"), "{args:?}: {}", ended.stderr);
}

fn words<S: AsRef<OsStr>>(words: &[S]) -> Vec<OsString> {
    words.iter().map(|word| word.as_ref().to_owned()).collect()
}

#[test]
fn credentials_without_a_server_are_refused() {
    let message = "--key-file and --ca-file are for a server: add --server URL";
    for flag in ["--key-file", "--ca-file"] {
        refused(&words(&["run", "a.py", flag, "key"]), 2, message);
    }
}

#[test]
fn a_port_that_needs_privileges_is_refused_with_the_remedy() {
    let data = tempfile::tempdir().unwrap();
    for addresses in [&["--listen", "127.0.0.1:7"][..], &["--listen", "127.0.0.1:0", "--facade", "jobe=127.0.0.1:7"]] {
        // In a new network namespace, the ports below 1024 need privileges, whatever the machine's setting is.
        let mut command = Command::new("unshare");
        command
            .arg("--net")
            .arg(env!("CARGO_BIN_EXE_cupel"))
            .args(["serve", "--data"])
            .arg(data.path())
            .args(addresses);
        let ended = end(command, b"");
        let remedy = "(os error 13). Cupel opens its ports without privileges: use a port of 1024 or more";
        assert!(ended.code == Some(7) && ended.stderr.contains(remedy), "{addresses:?}: {ended:?}");
    }
}

#[test]
fn unusable_source_and_input_files_exit_with_2_and_their_path() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    std::fs::write(path("a.py"), "print(1)").unwrap();
    std::fs::write(path("empty.py"), "").unwrap();
    std::fs::create_dir(path("dir.py")).unwrap();
    std::fs::create_dir(path("none")).unwrap();
    File::create(path("big.py")).unwrap().set_len(1 << 30).unwrap();
    let (run, stdin) = (["run".into()], ["run".into(), path("a.py").into(), "--stdin".into()]);
    let judge = ["judge".into(), path("dir.py").into(), "--submission".into()];
    for (command, name, message) in [
        (&run[..], "nowhere.py", "No such file"),
        (&run, "dir.py", "dir.py is a directory, and `cupel run` takes one source file"),
        (&run, "empty.py", "the main source is empty"),
        (&run, "big.py", "the file must have at most 256 KiB, not 1 GiB"),
        (&run, "a.py/below.py", "Not a directory"),
        (&stdin, "nowhere", "No such file"),
        (&stdin, "dir.py", "it is a directory"),
        (&stdin, "big.py", "standard input must have at most 4 MiB, not 1 GiB"),
        (&judge, "nowhere.py", "No such file"),
        (&judge, "none", "has no files"),
        (&judge, "empty.py", "the main source is empty"),
        (&judge, "big.py", "the file must have at most 256 KiB, not 1 GiB"),
    ] {
        let args: Vec<OsString> = command.iter().cloned().chain([path(name).into()]).collect();
        refused(&args, 2, message);
        let ended = end(cupel(&args), b"");
        assert!(ended.stderr.contains(path(name).file_name().unwrap().to_str().unwrap()), "{args:?}: {}", ended.stderr);
    }
    // A file whose name is not UTF-8 is accepted. Its name in the sandbox is the language's default name.
    let odd = path("").join(OsStr::from_bytes(b"odd\xff.py"));
    std::fs::write(&odd, "print(__file__)").unwrap();
    let ended = end(cupel(["run".as_ref(), odd.as_os_str()]), b"");
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "/box/main.py\n"), "{ended:?}");
    for words in [&["verify"][..], &["template", "--language", "python"], &["problem", "export", "--output", "/tmp/x"]]
    {
        for name in ["nowhere", "empty.py", "big.py", "none"] {
            let args: Vec<OsString> = words.iter().map(OsString::from).chain([path(name).into()]).collect();
            refused(&args, 2, "");
        }
    }
}

#[test]
fn invalid_limits_exit_with_2_and_the_expected_form() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("a.py");
    std::fs::write(&file, "print(1)").unwrap();
    let file = file.to_str().unwrap();
    let (time, memory) =
        ("expected more than 0 seconds", "expected megabytes such as 64, or a whole number with B, K, M");
    for value in ["0", "-1", "1e30", "nan", "inf", "1e-12", "1KB", "1k", "1 KiB", "1.5s", "18446744073709551616"] {
        refused(&words(&["run", file, "--time", value]), 2, time);
        refused(&words(&["judge", file, "--submission", file, "--time-limit", value]), 2, time);
    }
    for value in ["0", "-1", "1e30", "nan", "1KB", "1k", "1.5M", "64mb", "99999999999G"] {
        refused(&words(&["run", file, "--memory", value]), 2, memory);
        refused(&words(&["run", file, "--output", value]), 2, memory);
    }
    for value in ["0", "-1", "1e30", "many"] {
        refused(&words(&["run", file, "--instructions", value]), 2, "--instructions");
        refused(&words(&["judge", file, "--submission", file, "--memory-limit-kib", value]), 2, "--memory-limit-kib");
    }
    refused(&words(&["run", file, "--memory", "1 KiB"]), 2, "with less than 1 MiB no program starts");
    refused(&words(&["run", file, "--time", "61"]), 2, "the maximum for this language is 60000 ms");
}

#[test]
fn unwritable_output_is_a_failure_and_a_closed_pipe_is_not() {
    let data = with_ada();
    let file = data.path().join("a.py");
    std::fs::write(&file, "print(1)").unwrap();
    let (file, dir) = (file.to_str().unwrap(), data.path().to_str().unwrap());
    for (args, code) in [
        (&["run", file][..], 125),
        (&["run", file, "--json"], 125),
        (&["user", "list", "--data", dir], 7),
        (&["user", "list", "--json", "--data", dir], 7),
        (&["config", "show"], 7),
        (&["help", "formats"], 7),
        (&["languages", "--json"], 7),
        (&["man"], 7),
    ] {
        let full = || Stdio::from(File::options().write(true).open("/dev/full").unwrap());
        let ended = cupel(args).stdin(Stdio::null()).stdout(full()).output().unwrap();
        let stderr = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(code), "{args:?}: {stderr}");
        assert_eq!(
            stderr, "error: cannot write to standard output: No space left on device (os error 28)\n",
            "{args:?}"
        );
        let mute = cupel(["run", "/nowhere.py"]).stdin(Stdio::null()).stderr(full()).status().unwrap();
        assert_eq!(mute.code(), Some(2), "a command whose standard error is closed");

        let mut child = cupel(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let ended = child.wait_with_output().unwrap();
        let stderr = String::from_utf8_lossy(&ended.stderr);
        assert!(
            matches!(ended.status.code(), Some(0 | 141)) && stderr.is_empty(),
            "{args:?}: {:?} {stderr}",
            ended.status
        );
    }
}

fn with_ada() -> TempDir {
    let data = tempfile::tempdir().unwrap();
    let dir = data.path().to_str().unwrap();
    let added = end(
        cupel(["user", "add", "ada", "ada@example.org", "--password-stdin", "--data", dir]),
        b"correct horse battery\n",
    );
    assert_eq!(added.code, Some(0), "{added:?}");
    data
}

/// Commands that fail for a wrong name or database.
const COMMANDS: [&[&str]; 18] = [
    &["user", "list"],
    &["user", "token", "ada"],
    &["user", "role", "ada", "author"],
    &["user", "tier", "ada", "pro"],
    &["user", "link", "ada"],
    &["user", "code", "class", "--uses", "3"],
    &["user", "codes"],
    &["user", "sessions", "ada"],
    &["user", "end-session", "ada", "--all"],
    &["user", "disable", "ada"],
    &["user", "enable", "ada"],
    &["user", "delete", "ada", "--yes"],
    &["user", "password", "ada"],
    &["key", "list", "--user", "ada"],
    &["contest", "standings", "final", "--by", "ada"],
    &["contest", "join-code", "final", "--by", "ada"],
    &["admin", "workers"],
    &["admin", "dead", "list"],
];

#[test]
fn each_command_reports_a_missing_newer_damaged_or_read_only_database() {
    let run = |args: &[&str], data: &Path| end(cupel(args.iter().chain(&["--data", data.to_str().unwrap()])), b"");
    let explains = |ended: Ended, args: &[&str], code: i32, words: &[&str]| {
        assert_eq!(ended.code, Some(code), "{args:?}: {ended:?}");
        let fits = words.iter().all(|word| ended.stderr.contains(word));
        assert!(ended.stdout.is_empty() && fits && ended.stderr.lines().count() == 1, "{args:?}: {words:?} {ended:?}");
    };
    let nowhere = tempfile::tempdir().unwrap();
    let (newer, damaged, closed) = (with_ada(), with_ada(), with_ada());
    let database = |dir: &TempDir| dir.path().join("cupel.db");
    // SQLite's user_version is at offset 60. Source: "Database File Format", sqlite.org.
    let mut bytes = std::fs::read(database(&newer)).unwrap();
    bytes[60..64].copy_from_slice(&9999u32.to_be_bytes());
    std::fs::write(database(&newer), bytes).unwrap();
    std::fs::write(database(&damaged), [7; 9000]).unwrap();
    std::fs::set_permissions(database(&closed), Permissions::from_mode(0o444)).unwrap();
    for args in COMMANDS {
        explains(run(args, nowhere.path()), args, 3, &["there is no database in", "--data"]);
        explains(run(args, newer.path()), args, 7, &["was written by a newer version of cupel (schema 9999"]);
        explains(run(args, damaged.path()), args, 7, &["cannot be used as a database"]);
        let remedy = ["the owner of the data directory (user id ", "must be able to read and write", "cupel.db"];
        explains(run(args, closed.path()), args, 7, &remedy);
    }
    // The database belongs to root, the data directory to another user.
    chown(database(&closed), Some(0), Some(0)).unwrap();
    std::fs::set_permissions(database(&closed), Permissions::from_mode(0o600)).unwrap();
    explains(run(COMMANDS[0], closed.path()), COMMANDS[0], 7, &["must be able to read and write"]);
    // The path of the data directory names a file.
    let file = closed.path().join("file");
    std::fs::write(&file, "").unwrap();
    explains(
        run(&["user", "add", "eve", "eve@example.org"], &file),
        &["user", "add"],
        7,
        &["cannot create", "File exists"],
    );
}

#[test]
fn each_command_reports_an_unknown_or_taken_name() {
    let data = with_ada();
    let run = |args: &[&str]| end(cupel(args.iter().chain(&["--data", data.path().to_str().unwrap()])), b"");
    for args in COMMANDS.iter().filter(|args| args.contains(&"ada")) {
        let args: Vec<&str> = args.iter().map(|word| if *word == "ada" { "eve" } else { word }).collect();
        let ended = run(&args);
        let message = "error: there is no user `eve`; `cupel user list` lists all of them\n";
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(3), message), "{args:?}");
    }
    for (args, code, message) in [
        (&["user", "add", "ada", "other@example.org"][..], 2, "the name ada is taken"),
        (&["user", "add", "other", "ada@example.org"], 2, "the address ada@example.org is taken"),
        (&["user", "tier", "ada", "gold"], 2, "there is no tier `gold`; the tiers are"),
        (&["user", "end-code", "0123456789"], 3, "there is no join code `0123456789`"),
        (&["user", "end-session", "ada", "0199a4e2-c5d0-7f3e-8a51-0d4b7c1f2e3a"], 3, "ada has no session"),
        (&["user", "end-session", "ada", "x"], 2, "`x` is not the id of a session"),
        (&["contest", "standings", "none", "--by", "ada"], 3, ""),
        (&["admin", "drain", "nobody"], 3, "there is no worker `nobody`"),
        (&["admin", "dead", "show", "0199a4e2-c5d0-7f3e-8a51-0d4b7c1f2e3a"], 3, "is not a dead letter"),
    ] {
        let ended = run(args);
        assert_eq!(ended.code, Some(code), "{args:?}: {ended:?}");
        assert!(ended.stderr.starts_with("error: ") && ended.stderr.contains(message), "{args:?}: {}", ended.stderr);
    }
    assert_eq!(run(&["user", "disable", "ada"]).code, Some(0));
    assert!(run(&["user", "list"]).stdout.trim_end().ends_with("disabled"));
    let token = run(&["user", "token", "ada"]);
    let message = "error: user `ada` is disabled; `cupel user enable` enables the account again\n";
    assert_eq!((token.code, token.stderr.as_str()), (Some(2), message));
}

#[test]
fn join_codes_and_sessions_are_listed_and_ended() {
    let data = with_ada();
    let run = |args: &[&str]| end(cupel(args.iter().chain(&["--data", data.path().to_str().unwrap()])), b"");
    let json = |args: &[&str]| -> serde_json::Value { serde_json::from_str(&run(args).stdout).unwrap() };
    let code = run(&["user", "code", "Class 10b", "--uses", "3"]).stdout.trim().to_owned();
    let other = run(&["user", "code", "Class 9a", "--uses", "1"]).stdout.trim().to_owned();
    let codes = &json(&["user", "codes", "--json"])["codes"];
    assert_eq!((&codes[0]["join_code"], &codes[1]["join_code"]), (&other.clone().into(), &code.clone().into()));
    assert_eq!(
        (&codes[1]["name"], &codes[1]["uses_max"], &codes[1]["uses"]),
        (&"Class 10b".into(), &3.into(), &0.into())
    );
    assert!(codes[1]["ended_at"].is_null(), "{codes}");
    assert!(run(&["user", "codes"]).stdout.contains("0 of 3  good until "));
    assert_eq!(run(&["user", "end-code", &code.to_uppercase()]).code, Some(0));
    assert_eq!(run(&["user", "end-code", codes[0]["code_id"].as_str().unwrap()]).code, Some(0));
    let codes = &json(&["user", "codes", "--json"])["codes"];
    assert!(codes[0]["ended_at"].is_string() && codes[1]["ended_at"].is_string(), "{codes}");

    let sessions = || json(&["user", "sessions", "ada", "--json"])["sessions"].as_array().unwrap().clone();
    assert_eq!((run(&["user", "token", "ada"]).code, run(&["user", "token", "ada"]).code), (Some(0), Some(0)));
    let two = sessions();
    assert_eq!(two.len(), 2, "{two:?}");
    assert_eq!(run(&["user", "end-session", "ada", two[0]["session_id"].as_str().unwrap()]).code, Some(0));
    assert_eq!(sessions(), two[1..]);
    assert_eq!(run(&["user", "end-session", "ada", "--all"]).code, Some(0));
    assert_eq!(sessions().len(), 0);
    assert_eq!(run(&["user", "end-session", "ada"]).code, Some(2), "which?");
}

#[test]
fn a_wrong_path_or_address_is_a_fault_of_the_command_line_and_not_of_the_machine() {
    let data = with_ada();
    let dir = data.path().to_str().unwrap();
    let package = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../problems/night-bus");
    let package = package.to_str().unwrap();
    let restored = data.path().join("restored");
    for (args, expected) in [
        (&["user", "import", dir, "--data", dir][..], "Is a directory"),
        (&["contest", "standings", "a b", "--data", dir], "a slug has 1 to 64 characters"),
        (&["contest", "add", "final", "--problem", "a/b", "--data", dir], "a slug has 1 to 64 characters"),
        (&["man", "--out", "/proc/nowhere"], "cannot create /proc/nowhere"),
        (&["problem", "export", package, "--output", "/nowhere/x.zip"], "the directory /nowhere does not exist"),
        (
            &["admin", "restore", "/etc/passwd", "--data", restored.to_str().unwrap()],
            "is not a readable SQLite database",
        ),
        (&["smoke", "--url", "nonsense", "--key", "x"], "expected an address such as"),
    ] {
        refused(&words(args), 2, expected);
    }
    let mut command = cupel(["user", "list"]);
    command.env("CUPEL_STORE__URL", "postgres://127.0.0.1:1/x");
    let ended = end(command, b"");
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("`store.url` is not the URL of a PostgreSQL database"), "{ended:?}");
}

/// As with `store.url` in the test above.
#[test]
fn a_server_with_the_malformed_address_of_an_engine_exits_with_2() {
    let data = tempfile::tempdir().unwrap();
    for (engine, url) in [
        ("EVENTS", "redis://host:port"),
        ("EVENTS", "postgres://host/x?sslmode=perhaps"),
        ("SHARED", "redis://host:99999"),
        ("QUEUE", "redis://host:port"),
        ("QUEUE", "postgres://host/x?sslmode=perhaps"),
        #[cfg(feature = "rabbitmq")]
        ("QUEUE", "amqp://host:port"),
        #[cfg(feature = "kafka")]
        ("QUEUE", "kafka://host/a?partitions=none"),
        #[cfg(feature = "s3")]
        ("BLOBS", "s3://bucket?endpoit=https://host"),
    ] {
        let mut command = cupel(["serve", "--listen", "127.0.0.1:0", "--data", data.path().to_str().unwrap()]);
        command.env("CUPEL_LANGUAGES__PREPARE", "false").env("CUPEL_PROBLEMS__SHIPPED", "false");
        command.env("CUPEL_LANGUAGES__DISABLED", unused_languages()).env(format!("CUPEL_{engine}__URL"), url);
        let ended = end(command, b"");
        let setting = format!("{}.url", engine.to_lowercase());
        assert!(ended.code == Some(2) && ended.stderr.contains(&setting), "{url}: {ended:?}");
    }
}
