//! `cupel serve`, and the commands that work while it runs.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, ErrorKind};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::support::{Server, cupel, end, eventually, source, unused_languages};

#[test]
fn the_first_start_prints_a_working_example_and_the_second_how_to_get_a_key() {
    let data = tempfile::tempdir().unwrap();
    let mut server = Server::start(data.path(), &[]);
    let line = server.printed.lines().last().unwrap().trim().to_owned();
    let answer = Command::new("sh").args(["-c", &line]).output().unwrap();
    let mut answer: Value = serde_json::from_slice(&answer.stdout).unwrap_or_else(|_| panic!("{line}\n{answer:?}"));
    // The example waits ten seconds. On a busy machine, the first run may take longer.
    if matches!(answer["status"].as_str(), Some("queued" | "running")) {
        answer = server.result(answer["submission_id"].as_str().unwrap());
    }
    assert_eq!((&answer["status"], &answer["verdict"]), (&"completed".into(), &"AC".into()), "{answer}");
    server.terminate();
    assert_eq!(server.ended().code(), Some(0));

    let again = Server::start(data.path(), &[]);
    assert!(again.printed.contains("cupel key create") && !again.printed.contains("password:"), "{}", again.printed);
    assert!(again.printed.contains("administrator: admin · `cupel user link admin` prints"), "{}", again.printed);
}

#[test]
fn a_failed_start_does_not_consume_the_first_administrators_credentials() {
    let data = tempfile::tempdir().unwrap();
    let mut command = cupel(["serve", "--listen", "127.0.0.1:0", "--data", data.path().to_str().unwrap()]);
    command.env("CUPEL_LANGUAGES__PREPARE", "false").env("CUPEL_PROBLEMS__SHIPPED", "false");
    command.env("CUPEL_LANGUAGES__DISABLED", unused_languages()).env("CUPEL_SHARED__URL", "redis://127.0.0.1:1");
    let failed = end(command, b"");
    assert!(failed.code == Some(7) && failed.stderr.contains("shared.url"), "{failed:?}");
    let server = Server::start(data.path(), &[]);
    assert!(server.printed.contains("administrator: admin · password: "), "{}", server.printed);
    assert_eq!(server.get("/api/v1/auth/me").1["role"], "admin");
}

/// The server waits for an answer of its database.
#[test]
fn a_signal_ends_a_server_that_still_starts() {
    for (signal, code) in [("-INT", 130), ("-TERM", 0), ("-HUP", 0)] {
        let database = TcpListener::bind("127.0.0.1:0").unwrap();
        database.set_nonblocking(true).unwrap();
        let data = tempfile::tempdir().unwrap();
        let mut command = cupel(["api", "--listen", "127.0.0.1:0", "--data", data.path().to_str().unwrap()]);
        command.env("CUPEL_STORE__URL", format!("postgres://cupel@{}/cupel", database.local_addr().unwrap()));
        for engine in ["QUEUE", "EVENTS", "BLOBS"] {
            command.env(format!("CUPEL_{engine}__URL"), "postgres");
        }
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let _connection = eventually(|| {
            assert_eq!(child.try_wait().unwrap(), None);
            database.accept().ok()
        });
        assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
        assert_eq!(eventually(|| child.try_wait().unwrap()).code(), Some(code), "{signal}");
    }
}

/// Regression: connections were accepted by the kernel and waited while a node migrated its database.
#[test]
fn a_node_that_waits_for_its_database_refuses_connections_and_keeps_its_addresses() {
    let database = TcpListener::bind("127.0.0.1:0").unwrap();
    database.set_nonblocking(true).unwrap();
    let free = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    let addresses = free.map(|listener| listener.local_addr().unwrap().to_string());
    let start = |data: &tempfile::TempDir| {
        let mut command = cupel(["api", "--listen", &addresses[0], "--data", data.path().to_str().unwrap()]);
        command.env("CUPEL_STORE__URL", format!("postgres://cupel@{}/cupel", database.local_addr().unwrap()));
        for engine in ["QUEUE", "EVENTS", "BLOBS"] {
            command.env(format!("CUPEL_{engine}__URL"), "postgres");
        }
        command.env("CUPEL_FACADES__JOBE__LISTEN", &addresses[1]);
        command
    };
    let data = tempfile::tempdir().unwrap();
    let mut child = start(&data).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let _connection = eventually(|| {
        assert_eq!(child.try_wait().unwrap(), None);
        database.accept().ok()
    });
    for address in &addresses {
        let refused = TcpStream::connect(address).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused, "{address}");
        assert_eq!(TcpListener::bind(address).unwrap_err().kind(), ErrorKind::AddrInUse, "{address}");
    }
    let other = tempfile::tempdir().unwrap();
    let second = end(start(&other), b"");
    let expected = format!("cannot listen on {} (server.listen, --listen): ", addresses[0]);
    assert!(second.code == Some(7) && second.stderr.contains(&expected), "{second:?}");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_hang_up_stops_a_server_like_sigterm_unless_it_was_started_with_the_signal_ignored() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &[]);
    let hang_up = |pid: u32| assert!(Command::new("kill").args(["-HUP", &pid.to_string()]).status().unwrap().success());
    hang_up(server.pid());
    assert_eq!(server.ended().code(), Some(0));

    let mut nohup = Command::new("sh");
    nohup.args(["-c", "trap '' HUP; exec \"$0\" serve --listen 127.0.0.1:0 --data \"$1\""]);
    nohup.arg(env!("CARGO_BIN_EXE_cupel")).arg(data.path()).env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin");
    nohup.env("CUPEL_LANGUAGES__DISABLED", unused_languages()).env("CUPEL_LANGUAGES__PREPARE", "false");
    nohup.env("CUPEL_PROBLEMS__SHIPPED", "false");
    let mut child = nohup.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("Try next")));
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap().trim();
    assert_eq!(u64::from_str_radix(ignored, 16).unwrap() & 1, 1, "SIGHUP is still ignored: {ignored}");
    assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
    assert_eq!(eventually(|| child.try_wait().unwrap()).code(), Some(0));
}

#[test]
fn the_start_and_the_list_of_workers_count_the_languages_that_the_api_lists() {
    let data = tempfile::tempdir().unwrap();
    // An internal language, which the API does not list, needs no toolchain.
    let disabled: Vec<&str> = unused_languages().split(',').filter(|id| *id != "text").collect();
    let server = Server::start(data.path(), &[("CUPEL_LANGUAGES__DISABLED", &disabled.join(","))]);
    let languages = server.get("/api/v1/languages").1;
    let languages = languages["languages"].as_array().unwrap();
    let available = languages.iter().filter(|language| language["available"] == true).count();
    let mut line = format!("languages: {available} available");
    if available < languages.len() {
        line += &format!(" · {} not installed (", languages.len() - available);
    }
    assert!(server.printed.contains(&line), "{line}: {}", server.printed);
    let worker = eventually(|| server.get("/api/v1/admin/workers").1["workers"].get(0).cloned());
    assert_eq!(worker["languages"], available, "{worker}");
    // Regression: the command also counted internal languages.
    let workers = |flags: &[&str]| {
        let ended = end(cupel([&["admin", "workers", "--data", data.path().to_str().unwrap()], flags].concat()), b"");
        assert_eq!(ended.code, Some(0), "{ended:?}");
        ended.stdout
    };
    let table = workers(&[]);
    // The last column, "3 s ago", has three words.
    let shown = table.lines().nth(1).unwrap().split_whitespace().rev().nth(3).unwrap().to_owned();
    assert_eq!(shown, available.to_string(), "{table}");
    let object: Value = serde_json::from_str(&workers(&["--json"])).unwrap();
    assert!(object["workers"][0]["languages"]["text"].is_string(), "{object}");
}

#[test]
fn shipped_problems_with_programs_in_disabled_languages_are_loaded() {
    let data = tempfile::tempdir().unwrap();
    let settings = [("CUPEL_LANGUAGES__DISABLED", "java,python"), ("CUPEL_PROBLEMS__SHIPPED", "true")];
    let server = Server::start(data.path(), &settings);
    let problems = || server.get("/api/v1/problems?limit=100").1["pagination"]["total"].clone();
    eventually(|| (problems() == 24).then_some(()));
    let body = json!({ "language": "java", "source_code": "class A {}" });
    let (status, refused) = server.call("POST", "/api/v1/execute", Some(&server.key), Some(&body));
    assert_eq!(status, 422, "{refused}");
    assert_eq!(refused["errors"][0]["detail"], "The language `java` is disabled here.", "{refused}");
}

#[test]
fn the_link_of_the_first_start_begins_with_the_public_url() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &[("CUPEL_SERVER__PUBLIC_URL", "https://judge.example/cupel")]);
    assert!(server.printed.contains("good for a day: https://judge.example/cupel/password"), "{}", server.printed);
    assert!(server.printed.contains(&format!("site: {}/", server.url)), "{}", server.printed);
}

#[test]
fn a_second_server_on_the_same_data_is_refused() {
    let data = tempfile::tempdir().unwrap();
    let _server = Server::start(data.path(), &[]);
    let ended = end(cupel(["serve", "--listen", "127.0.0.1:0", "--data", data.path().to_str().unwrap()]), b"");
    assert_eq!(ended.code, Some(7));
    assert!(ended.stderr.contains("another server uses"), "{}", ended.stderr);
}

#[test]
fn users_tokens_and_keys_are_created_while_the_server_runs() {
    let data = tempfile::tempdir().unwrap();
    let dir = data.path().to_str().unwrap();
    let mut server = Server::start(data.path(), &[]);
    let password = b"correct horse battery\n";
    let added = end(cupel(["user", "add", "ada", "ada@example.org", "--password-stdin", "--data", dir]), password);
    assert_eq!(added.code, Some(0), "{added:?}");
    let again = end(cupel(["user", "add", "ada", "b@example.org", "--data", dir]), b"");
    assert_eq!((again.code, again.stderr.as_str()), (Some(2), "error: the name ada is taken\n"));
    let elsewhere = tempfile::tempdir().unwrap();
    let wrong_place = end(cupel(["user", "list", "--data", elsewhere.path().to_str().unwrap()]), b"");
    assert_eq!(wrong_place.code, Some(3), "{wrong_place:?}");
    assert!(wrong_place.stderr.contains("there is no database in"), "{}", wrong_place.stderr);
    assert_eq!(end(cupel(["user", "add", "x", "nowhere", "--data", dir]), b"").code, Some(2));
    let list = end(cupel(["user", "list", "--json", "--data", dir]), b"");
    let list: Value = serde_json::from_str(&list.stdout).unwrap();
    let ada = list["users"].as_array().unwrap().last().unwrap();
    let printed = ["username", "email", "role", "tier"].map(|field| ada[field].as_str().unwrap());
    assert_eq!(printed, ["ada", "ada@example.org", "user", "basic"]);
    let table = end(cupel(["user", "list", "--data", dir]), b"").stdout;
    let words = table.lines().last().unwrap().split_whitespace().take(4).collect::<Vec<_>>();
    assert_eq!(words, ["ada", "ada@example.org", "user", "basic"], "{table}");
    let login =
        server.post("/api/v1/auth/login", &json!({ "email": "ada@example.org", "password": "correct horse battery" }));
    assert!(login["access_token"].is_string());

    // The role and the password are changed; only the new password is valid.
    assert_eq!(end(cupel(["user", "role", "ada", "author", "--data", dir]), b"").code, Some(0));
    assert_eq!(end(cupel(["user", "role", "ada", "king", "--data", dir]), b"").code, Some(2));
    assert_eq!(end(cupel(["user", "role", "eve", "author", "--data", dir]), b"").code, Some(3));
    let short = end(cupel(["user", "password", "ada", "--password-stdin", "--data", dir]), b"short\n");
    assert_eq!(short.code, Some(2), "{short:?}");
    let reset = end(cupel(["user", "password", "ada", "--data", dir]), b"");
    let random = reset.stdout.split("password: ").nth(1).and_then(|text| text.split(' ').next()).unwrap_or_default();
    let log_in = |password: &str| {
        let body = json!({ "email": "ada@example.org", "password": password });
        server.call("POST", "/api/v1/auth/login", None, Some(&body))
    };
    assert_eq!((log_in("correct horse battery").0, log_in(random).0), (401, 200), "{reset:?}");
    let old = login["refresh_token"].as_str().unwrap();
    let refreshed = server.call("POST", "/api/v1/auth/refresh", None, Some(&json!({ "refresh_token": old })));
    assert_eq!(refreshed.0, 401, "{refreshed:?}");

    let token = end(cupel(["user", "token", "ada", "--data", dir]), b"");
    let admin = std::mem::replace(&mut server.key, token.stdout.trim().to_owned());
    assert_eq!(server.get("/api/v1/auth/me").1["username"], "ada");

    let made = end(
        cupel(["key", "create", "ci", "--user", "ada", "--scope", "runs:read", "--expires", "1d", "--data", dir]),
        b"",
    );
    server.key = made.stdout.trim().to_owned();
    assert_eq!(server.get("/api/v1/submissions").0, 200);
    let listed: Value =
        serde_json::from_str(&end(cupel(["key", "list", "--user", "ada", "--json", "--data", dir]), b"").stdout)
            .unwrap();
    let id = listed["keys"][0]["id"].as_str().unwrap();
    assert_eq!(listed["keys"][0]["scopes"], json!(["runs:read"]));
    let hidden = ["key", "create", "a\u{202e}b", "--user", "ada", "--scope", "runs:read", "--data", dir];
    assert_eq!(end(cupel(hidden), b"").code, Some(0));
    let table = end(cupel(["key", "list", "--user", "ada", "--data", dir]), b"").stdout;
    assert!(table.contains("a\\u{202e}b"), "a name has no effect on the terminal: {table}");
    let revoke = |args: &[&str]| end(cupel([&["key", "revoke"], args, &["--data", dir]].concat()), b"").code;
    assert_eq!(revoke(&[id, "--user", "admin"]), Some(3), "the key does not belong to the administrator");
    assert_eq!(revoke(&[id]), Some(0), "the id alone is sufficient");
    // The server caches a key for a few seconds.
    eventually(|| (server.get("/api/v1/submissions").0 == 401).then_some(()));
    let unknown = "0199a4e2-c5d0-7f3e-8a51-0d4b7c1f2e3a";
    assert_eq!(
        (revoke(&[unknown]), revoke(&[unknown, "--user", "ada"]), revoke(&["nonsense"])),
        (Some(3), Some(3), Some(2))
    );
    server.key = admin;
    assert_eq!(server.get("/api/v1/submissions").0, 200);

    assert_eq!(end(cupel(["user", "token", "nobody", "--data", dir]), b"").code, Some(3));
    assert_eq!(end(cupel(["key", "create", "x", "--scope", "root", "--data", dir]), b"").code, Some(2));
}

#[test]
fn accounts_for_a_class_are_imported_by_the_command_line() {
    let data = tempfile::tempdir().unwrap();
    let dir = data.path().to_str().unwrap();
    let mut server = Server::start(data.path(), &[]);
    let user = |args: &[&str], stdin: &[u8]| end(cupel([&["user"], args, &["--data", dir]].concat()), stdin);

    let faulty = user(&["import", "-"], b"username,email\nab,\nok1,nowhere\n");
    assert_eq!(faulty.code, Some(2), "{faulty:?}");
    assert!(faulty.stderr.contains("line 2: ") && faulty.stderr.contains("line 3: "), "{}", faulty.stderr);
    let file = data.path().join("class.csv");
    std::fs::write(&file, "username,email,tier\nzoe,zoe@example.org,pro\nyan,,\n").unwrap();
    let made = user(&["import", file.to_str().unwrap(), "--valid", "3d"], b"");
    assert_eq!(made.code, Some(0), "{made:?}");
    let counts = |created, existing| {
        format!(
            "users created: {created}; users of an earlier import with a new link: {existing}; names or addresses taken: 0\n"
        )
    };
    // The configuration of the command does not contain the server's address.
    let guess =
        "warning: the address http://127.0.0.1:8080 in the output is a guess, because server.public_url is empty";
    assert!(made.stderr.starts_with(guess) && made.stderr.ends_with(&counts(2, 0)), "{made:?}");
    let statuses =
        |csv: &str| csv.lines().skip(1).map(|line| line.split(',').nth(2).unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(statuses(&made.stdout), ["created", "created"]);
    // A repeated import creates new links for users without a password.
    let again = user(&["import", file.to_str().unwrap(), "--url", "https://judge.example/"], b"");
    assert_eq!((again.stderr.as_str(), statuses(&again.stdout)), (&*counts(0, 2), vec!["exists".to_owned(); 2]));
    assert!(again.stdout.contains(",https://judge.example/password"), "{again:?}");
    let links: Vec<&str> = again.stdout.lines().skip(1).map(|line| line.split(',').nth(3).unwrap()).collect();

    let log_in = |name: &str, password: &str| {
        server.call("POST", "/api/v1/auth/login", None, Some(&json!({ "email": name, "password": password }))).0
    };
    let set = |link: &str, password: &str| {
        // Without the site, the token is in the query.
        let (_, token) = link.split_once("/password#").or_else(|| link.split_once("/password?token=")).unwrap();
        let body = json!({ "token": token, "password": password });
        server.call("POST", "/api/v1/auth/password/reset", None, Some(&body)).0
    };
    assert_eq!((set(links[1], "correct horse"), log_in("yan", "correct horse")), (204, 200));
    let link = user(&["link", "zoe@example.org"], b"");
    assert!(link.stderr.starts_with(guess), "{link:?}");
    let link = user(&["link", "zoe@example.org", "--url", "http://judge.example"], b"");
    assert!(!link.stderr.contains("guess") && link.stdout.starts_with("http://judge.example/password"), "{link:?}");
    assert_eq!(user(&["link", "zoe", "--url", "judge.example"], b"").code, Some(2));
    let link = link.stdout;
    assert_eq!(set(links[0], "correct horse"), 401, "a newer link replaces it");
    assert_eq!((set(link.trim(), "correct horse"), log_in("zoe", "correct horse")), (204, 200));

    let code = user(&["code", "Class 10b", "--uses", "1"], b"").stdout;
    let body = json!({
        "username": "xia", "email": "xia@example.org", "password": "correct horse", "join_code": code.trim(),
    });
    assert_eq!(server.call("POST", "/api/v1/auth/register", None, Some(&body)).0, 201);

    assert_eq!(user(&["tier", "yan", "pro"], b"").code, Some(0));
    assert_eq!(user(&["tier", "yan", "gold"], b"").code, Some(2));
    assert_eq!(user(&["disable", "yan"], b"").code, Some(0));
    assert_eq!(log_in("yan", "correct horse"), 403);
    let list: Value = serde_json::from_str(&user(&["list", "--json"], b"").stdout).unwrap();
    let of = |name: &str| list["users"].as_array().unwrap().iter().find(|u| u["username"] == name).cloned().unwrap();
    assert_eq!((&of("yan")["tier"], &of("yan")["disabled"]), (&json!("pro"), &json!(true)));
    assert_eq!((user(&["enable", "yan"], b"").code, log_in("yan", "correct horse")), (Some(0), 200));
    assert_eq!(user(&["delete", "yan"], b"").code, Some(2), "deletion must be confirmed");
    assert_eq!((user(&["delete", "yan", "--yes"], b"").code, log_in("yan", "correct horse")), (Some(0), 401));
    assert_eq!(user(&["delete", "yan", "--yes"], b"").code, Some(3));
    let last = user(&["disable", "admin"], b"");
    assert!(last.code == Some(2) && last.stderr.contains("only administrator"), "{last:?}");
    server.terminate();
    assert!(server.ended().success());
}

#[test]
fn submissions_end_if_the_command_line_disables_or_deletes_their_user() {
    let data = tempfile::tempdir().unwrap();
    let dir = data.path().to_str().unwrap();
    let mut server = Server::start(data.path(), &[]);
    let user = |args: &[&str]| {
        let ended = end(cupel([&["user"], args, &["--data", dir]].concat()), b"");
        assert_eq!(ended.code, Some(0), "{ended:?}");
        ended.stdout
    };
    // With these limits, the program still runs when the command has ended.
    let limits = json!({ "wall_time_ms": 170_000, "idle_time_ms": 115_000 });
    let sleeps = json!({ "language": "python", "source_code": "import time\ntime.sleep(500)", "limits": limits });
    for (name, change) in [("ada", &["disable", "ada"][..]), ("bob", &["delete", "bob", "--yes"])] {
        user(&["add", name, &format!("{name}@example.org")]);
        let token = user(&["token", name]);
        let (status, sent) = server.call("POST", "/api/v1/execute", Some(token.trim()), Some(&sleeps));
        assert_eq!(status, 202, "{sent}");
        let id = sent["submission_id"].as_str().unwrap().to_owned();
        eventually(|| (server.submission(&id)["status"] == "running").then_some(()));
        user(change);
        assert_eq!(server.result(&id)["status"], "cancelled");
    }
    server.terminate();
    assert!(server.ended().success());
}

#[test]
fn smoke_passes_on_a_server_and_exits_with_4_for_a_wrong_key() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &[]);
    let ended = end(cupel(["smoke", "--url", &server.url, "--key", &server.key, "python", "c"]), b"");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.stdout.lines().count(), 3, "{}", ended.stdout);
    assert_eq!(end(cupel(["smoke", "--url", &server.url, "--key", "cup_wrong"]), b"").code, Some(4));
    assert_eq!(end(cupel(["smoke", "--url", "http://127.0.0.1:1", "--key", "x"]), b"").code, Some(6));
    // The key is in a file, in the environment, or in the variable of earlier versions. An empty variable is the same
    // as none.
    let file = source("key", &format!("{}\n", server.key));
    let with = |args: &[&str], variables: &[(&str, &str)]| {
        let mut command = cupel([&["smoke", "--url", &server.url, "bash"], args].concat());
        command.envs(variables.iter().copied());
        end(command, b"").code
    };
    assert_eq!(with(&["--key-file", &file.path], &[]), Some(0));
    assert_eq!(with(&[], &[("CUPEL_API_KEY", &server.key), ("CUPEL_KEY", "cup_wrong")]), Some(0));
    assert_eq!(with(&[], &[("CUPEL_API_KEY", ""), ("CUPEL_KEY", &server.key)]), Some(0));
    assert_eq!(with(&[], &[("CUPEL_API_KEY", "")]), Some(4));
}

#[test]
fn identical_sources_are_compiled_once_also_after_a_restart() {
    let data = tempfile::tempdir().unwrap();
    let body = json!({ "language": "c", "source_code": "#include <stdio.h>\nint main(void) { puts(\"once\"); }" });
    let mut server = Server::start(data.path(), &[]);
    assert_eq!(server.result(&server.submit(&body))["compile"]["cached"], false);
    let cached = server.result(&server.submit(&body));
    assert_eq!((&cached["compile"]["cached"], &cached["stdout"]), (&true.into(), &"once\n".into()));
    let artifacts = data.path().join("cache/artifacts");
    eventually(|| std::fs::read_dir(&artifacts).unwrap().flatten().find(|entry| entry.path().is_dir()));
    server.terminate();
    assert!(server.ended().success());
    let server = Server::start(data.path(), &[]);
    assert_eq!(server.result(&server.submit(&body))["compile"]["cached"], true);
}

#[test]
fn the_result_cache_also_returns_failed_results() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &[]);
    for (language, source, verdict) in
        [("python", "import os; print(os.urandom(16))", "AC"), ("c", "int main(void) { return x; }", "CE")]
    {
        let body = |cache: bool| {
            json!({
                "language": language, "source_code": source, "args": ["a"], "env": { "A": "1" }, "input": "x",
                "files": [{ "path": "beside.txt", "content": "x" }], "limits": { "memory_kb": 65536 }, "cache": cache,
            })
        };
        let send = |cache| server.post("/api/v1/execute?wait=30", &body(cache));
        let first = send(true);
        assert_eq!((&first["verdict"], first.get("cached")), (&verdict.into(), None), "{first}");
        let mut again = send(true);
        assert_eq!(again["cached"], true, "{again}");
        again.as_object_mut().unwrap().remove("cached");
        assert_eq!(again, first);
        let anew = send(false);
        assert_eq!((&anew["verdict"], anew.get("cached")), (&verdict.into(), None));
        assert_ne!(anew["submission_id"], first["submission_id"]);
    }
}

#[test]
fn a_cancelled_program_ends_and_frees_its_slot() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &[("CUPEL_WORKER__SLOTS", "1")]);
    // With this limit, the program still runs when the request to cancel it arrives.
    let limits = json!({ "cpu_time_ms": 60_000 });
    let id = server.submit(&json!({ "language": "python", "source_code": "while True: pass", "limits": limits }));
    eventually(|| (server.submission(&id)["status"] == "running").then_some(()));
    let answer = ureq::delete(format!("{}/api/v1/execute/{id}", server.url))
        .header("authorization", format!("Bearer {}", server.key))
        .call();
    assert!(answer.is_ok(), "{answer:?}");
    assert_eq!(server.result(&id)["status"], "cancelled");
    // The only slot is freed before the minute for which the first program could have run.
    let next = server.result(&server.submit(&json!({ "language": "python", "source_code": "print(1)" })));
    assert_eq!(next["stdout"], "1\n");
}

#[test]
fn output_is_streamed_while_the_program_runs() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &[]);
    // With these limits, the program still runs when its output has arrived.
    let limits = json!({ "wall_time_ms": 170_000, "idle_time_ms": 115_000 });
    let source = "import time\nprint('early', flush=True)\ntime.sleep(1000)";
    let id = server.submit(&json!({ "language": "python", "source_code": source, "limits": limits }));
    let stream = server.lines(&format!("/api/v1/execute/{id}/events"));
    let printed = stream.map(Result::unwrap).find(|line| line.contains("early")).unwrap();
    assert!(printed.starts_with("data:"), "{printed}");
    assert_eq!(server.submission(&id)["status"], "running");
}

#[test]
fn the_log_of_a_run_is_complete_and_in_order() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &[]);
    let body =
        json!({ "language": "python", "source_code": "print('é' * 40000)\nimport sys\nprint('e', file=sys.stderr)", });
    let id = server.submit(&body);
    server.result(&id);
    let log = server.text(&format!("/api/v1/execute/{id}/events"));
    let names: Vec<_> =
        log.lines().filter_map(|line| line.strip_prefix("event: ").or_else(|| line.strip_prefix("event:"))).collect();
    assert_eq!((names.first(), names.get(1)), (Some(&"queued"), Some(&"started")), "{names:?}");
    assert_eq!(names.last(), Some(&"verdict"));
    assert!(names.iter().filter(|n| **n == "output").count() >= 3, "two pieces of stdout, one of stderr: {names:?}");
    assert!(!log.contains('\u{fffd}'), "no piece splits a character");
}

#[test]
fn the_health_report_names_a_full_queue() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &[("CUPEL_QUEUE__DEPTH_MAX", "1")]);
    let order = |what: &str| {
        let ended = end(cupel(["admin", what, "--data", data.path().to_str().unwrap()]), b"");
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    };
    let degraded = || server.get("/healthz").1["degraded"].to_string();
    order("pause");
    eventually(|| degraded().contains("all workers are paused").then_some(()));
    assert!(!degraded().contains("the queue is full"));
    let program = json!({ "language": "bash", "source_code": "echo" });
    server.submit(&program);
    eventually(|| degraded().contains("the queue is full: `queue.depth_max` is 1").then_some(()));
    assert_eq!(server.call("POST", "/api/v1/execute", Some(&server.key), Some(&program)).0, 503);
    order("resume");
    eventually(|| (!degraded().contains("the queue is full")).then_some(()));
}

/// A counter that first appears with a failure shows no increase, so an alert would not detect the failure.
#[test]
fn counters_of_failures_that_alerts_watch_begin_at_zero() {
    let data = tempfile::tempdir().unwrap();
    let metrics = Server::start(data.path(), &[]).text("/metrics");
    for language in ["none", "python", "c"] {
        let line = format!(r#"cupel_runs_total{{verdict="JE",language="{language}"}} 0"#);
        assert!(metrics.lines().any(|found| found == line), "{line}\n{metrics}");
    }
    let alerts = include_str!("../../../../deploy/observability/alerts.yaml");
    let ranges = ["rate(", "increase("].into_iter().flat_map(|function| alerts.split(function).skip(1));
    let mut watched: BTreeSet<&str> = ranges.filter_map(|rest| Some(rest.split_once('[')?.0)).collect();
    // The routes of requests are not known before requests arrive.
    assert!(watched.remove("cupel_http_requests_total"));
    assert!(watched.remove(r#"cupel_http_requests_total{status="503",method="POST"}"#));
    assert!(watched.len() > 6, "{watched:?}");
    for selector in watched {
        let (name, labels) = selector.split_once('{').unwrap_or((selector, "}"));
        let labels: Vec<&str> = labels.trim_end_matches('}').split(',').collect();
        let is_it = |line: &str| {
            let has_name = line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' ']));
            has_name && labels.iter().all(|label| line.contains(label))
        };
        assert!(metrics.lines().any(is_it), "an alert uses {selector}\n{metrics}");
    }
}

#[test]
fn metrics_count_judged_runs() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &[]);
    server.result(&server.submit(&json!({ "language": "python", "source_code": "raise SystemExit(1)" })));
    let line = r#"cupel_runs_total{verdict="RTE",language="python"} 1"#;
    eventually(|| server.text("/metrics").contains(line).then_some(()));
    let metrics = server.text("/metrics");
    for name in [
        "cupel_run_duration_seconds_bucket",
        "cupel_worker_slots{state=\"idle\"}",
        "cupel_build_info",
        "cupel_queue_depth",
    ] {
        assert!(metrics.contains(name), "{name}\n{metrics}");
    }
    // The gauge counts the worker after its first heartbeat.
    eventually(|| server.text("/metrics").contains(r#"cupel_workers{state="working"} 1"#).then_some(()));
    let (metrics, alerts) = (server.text("/metrics"), include_str!("../../../../deploy/observability/alerts.yaml"));
    let words = alerts.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let mut names: BTreeSet<&str> = words.filter(|word| word.starts_with("cupel_")).collect();
    assert!(names.len() > 10, "{names:?}");
    // These metrics exist only if `shared.url` and `events.url` are set; `cluster::shared` tests the first.
    assert!(names.remove("cupel_cache_connected") && names.remove("cupel_events_connected"));
    for name in names {
        let is_told = |line: &str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' ']));
        assert!(metrics.lines().any(is_told), "an alert uses {name}\n{metrics}");
    }
}
