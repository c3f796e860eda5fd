//! A language whose programs run in Docker Engine, in a server and in commands. The test starts its own engine.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::Path;

use cupel_testkit::docker::Engine;
use serde_json::{Value, json};

use crate::images::{LOOK, accepted, python_layer};
use crate::support::{NO_RATE_LIMITS, Server, cupel, end, eventually, source};

const LANGUAGE: &str = r#"
    name       = "Python (Docker)"
    image      = "course/python:2026"
    executor   = "docker"
    extensions = []
    source     = "main.py"
    execute    = ["python3", "{source}"]
    version    = { command = ["python3", "--version"] }
    [[samples]]
    name   = "hello"
    source = "import os; print(os.environ['COURSE'])"
    stdout = "algorithms\n"
"#;

fn import(engine: &Engine, place: &Path, note: &str) {
    // The engine accepts no archive in which a path occurs twice.
    let files = place.join(note);
    fs::create_dir(&files).unwrap();
    tar::Archive::new(&python_layer(note)[..]).unpack(&files).unwrap();
    // In a container, the permissions from the image apply.
    fs::set_permissions(files.join("course/note"), fs::Permissions::from_mode(0o644)).unwrap();
    let changes = ["ENV PATH=/usr/bin", "ENV COURSE=algorithms", "USER 4711"];
    engine.import(&files, "course/python:2026", &changes);
}

#[test]
fn a_language_in_docker_engine_follows_its_image_and_its_engine() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    fs::create_dir(&data).unwrap();
    let mut engine = Engine::start();
    import(&engine, place.path(), "first");
    let socket = engine.socket().to_str().unwrap().to_owned();
    let settings: Vec<(&str, &str)> =
        [("CUPEL_DOCKER__SOCKET", socket.as_str())].into_iter().chain(NO_RATE_LIMITS).collect();
    let command = |args: &[&str], stdin: &str| {
        let mut command = cupel(args);
        command.env("CUPEL_DATA__DIRECTORY", &data).envs(settings.iter().copied());
        let ended = end(command, stdin.as_bytes());
        (ended.code, ended.stdout + &ended.stderr)
    };
    let file = source("docker-python.toml", LANGUAGE);
    let (code, printed) = command(&["languages", "add", &file.path], "");
    assert_eq!(code, Some(0), "{printed}");
    assert!(printed.contains("the first language in Docker Engine: restart the server"), "{printed}");
    let program = source("main.py", "import sys; print(sys.stdin.read().upper(), sys.argv[1:])");
    let (code, printed) = command(&["run", "--language", "docker-python", &program.path, "--", "a", "b"], "input");
    assert!(code == Some(0) && printed.starts_with("INPUT ['a', 'b']\n"), "{printed}");
    let (code, printed) = command(&["doctor", "--executor", "docker", "--json"], "");
    assert!(code == Some(0) && printed.contains(r#""subject":"memory limit""#), "{printed}");

    // The hidden tests of a function problem are judged in batches, in a container, too.
    let version = LANGUAGE.replace("image ", "driver = \"python\"\nversion_of = \"python\"\nimage ");
    let file = source("python-docker.toml", &version);
    let (code, printed) = command(&["languages", "add", &file.path], "");
    assert_eq!(code, Some(0), "{printed}");
    assert!(printed.contains("offers it within ten seconds"), "{printed}");
    let problem = concat!(env!("CARGO_MANIFEST_DIR"), "/../../problems/light-tail");
    let solution = format!("{problem}/submissions/accepted/total.py");
    let judge = ["judge", problem, "--submission", &solution, "--language", "python-docker"];
    let (code, printed) = command(&judge, "");
    assert_eq!(code, Some(0), "{printed}");

    let server = Server::start(&data, &settings);
    let listed = server.get("/api/v1/languages/docker-python").1;
    assert_eq!((&listed["executor"], &listed["available"]), (&json!("docker"), &json!(true)), "{listed:#}");
    let look = || json!({ "language": "docker-python", "source_code": LOOK });
    let execute = |body: Value| server.result(&eventually(|| accepted(&server, &body)));
    let result = execute(look());
    // The image's `USER` has no effect, because every container has a separate user id.
    let words: Vec<&str> = result["stdout"].as_str().unwrap().split(' ').collect();
    let [course, user, file, rest @ ..] = &words[..] else { panic!("{result:#}") };
    assert_eq!((*course, *file, rest), ("algorithms", "first", &["/box\nFalse", "False\n"][..]), "{result:#}");
    assert!((20_000..60_000).contains(&user.parse::<u32>().unwrap()), "{user}");
    let digest = listed["image_digest"].as_str().unwrap();
    assert_eq!(result["language_version"], format!("{} ({digest})", listed["version"].as_str().unwrap()));
    let body = json!({ "language": "docker-python", "source_code": "1", "limits": { "instructions": 1_000_000 } });
    let (status, refused) = server.call("POST", "/api/v1/execute", Some(&server.key), Some(&body));
    assert_eq!(status, 422);
    assert!(refused["detail"].as_str().unwrap().contains("run in Docker Engine"), "{refused:#}");

    import(&engine, place.path(), "second");
    eventually(|| execute(look())["stdout"].as_str().unwrap().contains("second").then_some(()));

    // The language is not offered while the engine is down, and is offered again when the engine is back.
    let availability = || server.get("/api/v1/languages/docker-python").1["available"].as_bool();
    engine.stop_daemon(true);
    eventually(|| (availability() == Some(false)).then_some(()));
    engine.start_daemon();
    eventually(|| (availability() == Some(true)).then_some(()));
    assert!(execute(look())["stdout"].as_str().unwrap().contains("second"));

    server.kill();
    // The next server removes a container that was created but not started.
    eventually(|| engine.docker(&["ps", "--quiet"]).is_empty().then_some(()));
}

#[test]
fn a_server_starts_without_its_engine_and_beside_one_that_does_not_answer() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    fs::create_dir_all(data.join("languages")).unwrap();
    fs::write(data.join("languages/docker-python.toml"), LANGUAGE).unwrap();
    let silent = place.path().join("silent");
    let _listener = UnixListener::bind(&silent).unwrap();
    for path in [place.path().to_owned(), silent.clone()] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o777)).unwrap();
    }
    for socket in [place.path().join("no-engine"), silent] {
        let server = Server::start(&data, &[("CUPEL_DOCKER__SOCKET", socket.to_str().unwrap())]);
        let listed = server.get("/api/v1/languages/docker-python").1;
        assert_eq!(listed["available"], false);
        assert!(listed["unavailable_reason"].as_str().unwrap().contains("Docker Engine"), "{listed:#}");
        let result =
            server.result(&accepted(&server, &json!({ "language": "bash", "source_code": "echo a" })).unwrap());
        assert_eq!(result["stdout"], "a\n", "{result:#}");
    }
}
