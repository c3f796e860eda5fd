//! `cupel config`, and how other commands report an invalid configuration.

use crate::support::{cupel, end, source};

#[test]
fn the_printed_defaults_are_a_valid_configuration() {
    let printed = end(cupel(["config", "default"]), b"").stdout;
    let file = source("cupel.toml", &printed);
    assert_eq!(end(cupel(["config", "check", "--config", &file.path]), b"").code, Some(0));
}

#[test]
fn all_errors_are_reported_together_with_file_line_and_suggestion() {
    let file = source("cupel.toml", "[server]\nlissten = \"x\"\n\n[worker]\nlease = 30\n");
    for command in [&["config", "check"][..], &["serve"]] {
        let mut command = cupel(command.iter().chain(&["--config", &file.path]));
        command.env("CUPEL_QUEUE__DEPTH_MAX", "many");
        let ended = end(command, b"");
        assert_eq!(ended.code, Some(2));
        let path = &file.path;
        for message in [
            &format!("{path}:2: server.lissten: unknown setting; did you mean `server.listen`?"),
            &format!("{path}:5: worker.lease: expected a duration"),
            "environment variable CUPEL_QUEUE__DEPTH_MAX: queue.depth_max: expected a whole number from 1 to 10000000, found \"many\"",
        ] {
            assert!(ended.stderr.contains(message), "{message}\n{}", ended.stderr);
        }
    }
}

#[test]
fn the_source_of_each_value_is_shown() {
    let file = source("cupel.toml", "[worker]\nslots = 3\nlease = \"9s\"\n");
    let mut command = cupel(["config", "show", "--sources", "--config", &file.path, "--data", "/somewhere"]);
    command.env("CUPEL_WORKER__LEASE", "20s");
    let shown = end(command, b"").stdout;
    let line = |key: &str| {
        shown.lines().find(|line| line.starts_with(key)).unwrap().split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(line("worker.slots"), format!("worker.slots 3 {}:2", file.path));
    assert_eq!(line("worker.lease"), "worker.lease \"20s\" environment variable CUPEL_WORKER__LEASE");
    assert_eq!(line("data.directory"), "data.directory \"/somewhere\" flag --data");
    assert_eq!(line("server.listen"), "server.listen \"127.0.0.1:8080\" default");
}

#[test]
fn an_unreadable_configuration_is_reported() {
    let ended = end(cupel(["config", "show", "--config", "/nowhere/cupel.toml"]), b"");
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("/nowhere/cupel.toml: cannot read the file"), "{}", ended.stderr);
}

/// Regression: the defaults were used instead, so `cupel user add` created a user in a new database.
#[test]
fn a_configuration_file_that_is_a_dangling_link_is_an_error_and_not_an_absent_file() {
    let dir = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink("/nowhere/cupel.toml", dir.path().join("cupel.toml")).unwrap();
    let in_it = |args: &[&str]| {
        let mut command = cupel(args);
        command.current_dir(dir.path());
        end(command, b"")
    };
    for args in [&["config", "check"][..], &["user", "add", "ann", "ann@example.com"]] {
        let ended = in_it(args);
        assert_eq!(ended.code, Some(2), "{args:?}: {ended:?}");
        assert!(ended.stderr.contains("cupel.toml: cannot read the file"), "{args:?}: {}", ended.stderr);
    }
    assert!(!dir.path().join("data").exists());
    // A command that does not read the file says so.
    let ended = in_it(&["run", "/nowhere/a.py"]);
    assert!(ended.stderr.contains("add --config cupel.toml"), "{}", ended.stderr);
}

#[test]
fn an_invalid_language_file_is_reported_with_line_and_key_before_the_start() {
    let languages = tempfile::tempdir().unwrap();
    let path = languages.path().join("zig.toml");
    let text = "name = \"Zig\"\nextensions = [\"zig\"]\nsource = \"main.zig\"\nexecute = [\"./main\"]\n\
                version = { command = [\"zig\", \"version\"] }\nsamples = []\n";
    std::fs::write(&path, text).unwrap();
    let data = tempfile::tempdir().unwrap();
    let command = |args: &[&str]| {
        let mut command = cupel(args);
        command.env("CUPEL_LANGUAGES__DIRECTORY", languages.path()).env("CUPEL_DATA__DIRECTORY", data.path());
        end(command, b"")
    };
    assert_eq!(command(&["config", "check"]).code, Some(0), "no packages are needed");

    std::fs::write(&path, format!("{text}[limits]\ncpu_time_ms = 0\n")).unwrap();
    for args in [&["config", "check"][..], &["serve"], &["languages"], &["run", "x.zig"]] {
        let ended = command(args);
        assert_eq!(ended.code, Some(2), "{args:?}: {ended:?}");
        let message = format!("{}:8: `limits.cpu_time_ms`: expected a whole number", path.display());
        assert!(ended.stderr.contains(&message), "{args:?}: {}", ended.stderr);
    }
}

#[test]
fn the_check_reports_the_errors_of_the_configuration_and_of_all_language_files_together() {
    let languages = tempfile::tempdir().unwrap();
    std::fs::write(languages.path().join("a.toml"), "name = 3\n").unwrap();
    std::fs::write(languages.path().join("b.toml"), b"\xff").unwrap();
    std::fs::write(languages.path().join("c.toml"), "name = 4\n").unwrap();
    let mut command = cupel(["config", "check"]);
    command.env("CUPEL_LANGUAGES__DIRECTORY", languages.path()).env("CUPEL_QUEUE__URL", "postgres");
    let ended = end(command, b"");
    assert_eq!(ended.code, Some(2), "{ended:?}");
    for expected in ["queue.url: \"postgres\" means", "a.toml:1: `name`", "b.toml: `(whole file)`", "c.toml:1: `name`"]
    {
        assert!(ended.stderr.contains(expected), "{expected}\n{}", ended.stderr);
    }
}

/// `cupel api` refuses such a configuration with the exit code 2.
#[test]
fn the_check_names_the_engines_that_separate_processes_would_lack() {
    let check = |variables: &[(&str, &str)]| {
        let mut command = cupel(["config", "check"]);
        command.envs(variables.iter().copied());
        let ended = end(command, b"");
        assert_eq!(ended.code, Some(0), "{ended:?}");
        ended.stderr
    };
    assert_eq!(check(&[]), "", "a configuration for `cupel serve`");
    let mut variables = vec![
        ("CUPEL_STORE__URL", "postgres://h/d"),
        ("CUPEL_EVENTS__URL", "postgres"),
        ("CUPEL_BLOBS__URL", "postgres"),
    ];
    let note = check(&variables);
    assert!(note.contains("`cupel api` and `cupel worker` would not start:\n  queue.url is empty"), "{note}");
    assert!(!note.contains("events.url"), "{note}");
    variables.push(("CUPEL_QUEUE__URL", "postgres"));
    assert_eq!(check(&variables), "");
}

#[test]
fn a_fifo_or_a_device_is_refused_as_a_configuration_or_language_file() {
    let dir = tempfile::tempdir().unwrap();
    let fifo = dir.path().join("cupel.toml");
    let made = std::process::Command::new("mkfifo").arg(&fifo).status().unwrap();
    assert!(made.success());
    let check = |args: &[&str], variables: &[(&str, &std::path::Path)]| {
        let mut command = cupel([&["config", "check"], args].concat());
        command.envs(variables.iter().copied());
        let ended = end(command, b"");
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.stderr.contains("it is not a regular file"), "{}", ended.stderr);
    };
    check(&["--config", fifo.to_str().unwrap()], &[]);
    check(&["--config", "/dev/zero"], &[]);
    check(&[], &[("CUPEL_LANGUAGES__DIRECTORY", dir.path())]);
    check(&[], &[("CUPEL_STORE__URL_FILE", &fifo)]);
}
