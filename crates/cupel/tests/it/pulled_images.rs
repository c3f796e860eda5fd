//! Images that a server pulls itself, because a language file gives their source. The registry is Debian's
//! `docker-registry`.

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};
use std::{fs, io, thread};

use cupel_testkit::servers::ImageRegistry;
use serde_json::{Value, json};

use crate::images::{LANGUAGE, LOOK, accepted, digest, python_image, run};
use crate::support::{NO_RATE_LIMITS, Server, agent, eventually, source};

/// Uploads the image of an OCI layout, and returns the digest of its manifest.
fn push(registry: &ImageRegistry, layout: &Path, name: &str) -> String {
    let url = |path: &str| format!("http://{}/v2/{name}/{path}", registry.host());
    let index: Value = serde_json::from_slice(&fs::read(layout.join("index.json")).unwrap()).unwrap();
    let manifest = index["manifests"][0]["digest"].as_str().unwrap().to_owned();
    let blobs = layout.join("blobs/sha256");
    for entry in fs::read_dir(&blobs).unwrap() {
        let bytes = fs::read(entry.unwrap().path()).unwrap();
        let begun = agent().post(url("blobs/uploads/")).send_empty().unwrap();
        let location = begun.headers()["location"].to_str().unwrap().to_owned();
        let put = agent().put(format!("{location}&digest=sha256:{}", digest(&bytes))).send(&bytes[..]).unwrap();
        assert_eq!(put.status(), 201);
    }
    let bytes = fs::read(blobs.join(&manifest["sha256:".len()..])).unwrap();
    let put = agent()
        .put(url(&format!("manifests/{manifest}")))
        .content_type("application/vnd.oci.image.manifest.v1+json")
        .send(&bytes[..])
        .unwrap();
    assert_eq!(put.status(), 201);
    manifest
}

/// The language file with the source of its image.
pub(crate) fn language_from(image_source: &str) -> String {
    LANGUAGE.replacen("extensions = []", &format!("extensions = []\n    image_source = \"{image_source}\""), 1)
}

/// Pushes an image with Python, and returns its source. `note` is the text of a file of the image.
pub(crate) fn python_in(registry: &ImageRegistry, place: &Path, note: &str) -> String {
    let layout = python_image(&place.join(note), note);
    format!("docker://{}/course/python@{}", registry.host(), push(registry, &layout, "course/python"))
}

/// Writes a language file into a data directory. A running server sees no file or the whole file.
fn put_language(data: &Path, text: &str) {
    let directory = data.join("languages");
    fs::create_dir_all(&directory).unwrap();
    fs::write(directory.join("new"), text).unwrap();
    fs::rename(directory.join("new"), directory.join("course-python.toml")).unwrap();
}

fn course(server: &Server) -> Value {
    let (status, language) = server.get("/api/v1/languages/course-python");
    assert_eq!(status, 200, "{language:#}");
    language
}

/// Names of the files in a part of the store.
fn stored(data: &Path, part: &str) -> Vec<String> {
    let entries = fs::read_dir(data.join("images").join(part)).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

const BODY: &str = "import os; print(open('/course/note').read())";

#[test]
fn a_server_pulls_the_image_of_a_language_file_and_later_the_image_with_another_digest() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    fs::create_dir(&data).unwrap();
    let registry = ImageRegistry::start();
    let first = python_in(&registry, place.path(), "first");
    put_language(&data, &language_from(&first));
    let server = Server::start(&data, &NO_RATE_LIMITS);
    let listed = eventually(|| {
        let listed = course(&server);
        if listed["available"] == false {
            assert_eq!(listed["unavailable_reason"], "its image is being pulled", "{listed:#}");
        }
        (listed["available"] == true).then_some(listed)
    });
    assert!(first.ends_with(listed["image_digest"].as_str().unwrap()), "{listed:#}");
    let execute = |source: &str| {
        let body = json!({ "language": "course-python", "source_code": source });
        server.result(&eventually(|| accepted(&server, &body)))
    };
    assert_eq!(execute(LOOK)["stdout"], "algorithms 4711 first /box\nFalse False\n");

    // The registry is down while the language file gets another digest: the first image stays in use.
    let second = python_in(&registry, place.path(), "second");
    registry.stop();
    put_language(&data, &language_from(&second));
    let degraded = || server.get("/healthz").1["degraded"].to_string();
    eventually(|| {
        degraded().contains("the image `course/python:2026` of a language file could not be pulled").then_some(())
    });
    assert_eq!(course(&server)["image_digest"], listed["image_digest"]);
    assert_eq!(execute(BODY)["stdout"], "first\n");
    registry.start_again();
    eventually(|| {
        let language = course(&server);
        assert_eq!(language["available"], true, "{language:#}");
        second.ends_with(language["image_digest"].as_str().unwrap()).then_some(())
    });
    assert_eq!(execute(BODY)["stdout"], "second\n");
    eventually(|| (!degraded().contains("course/python")).then_some(()));
    let images = server.get("/api/v1/admin/images").1;
    assert_eq!((&images["images"][0]["state"], &images["images"][1]), (&json!("ready"), &json!(null)), "{images:#}");

    // A running server also notices a new file.
    let mut other = language_from(&second).replace("course/python:2026", "course/other:1");
    other = other.replace("Python (course)", "Python (other)");
    fs::write(data.join("languages/other-python.toml"), other).unwrap();
    eventually(|| (server.get("/api/v1/languages/other-python").1["available"] == true).then_some(()));
}

/// Passes connections on to a registry, once it is opened. Until then, they wait.
struct Gate {
    host: String,
    is_open: Arc<(Mutex<bool>, Condvar)>,
}

impl Gate {
    fn before(registry: &ImageRegistry) -> Gate {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let gate = Gate { host: listener.local_addr().unwrap().to_string(), is_open: Arc::default() };
        let (is_open, registry) = (Arc::clone(&gate.is_open), registry.host());
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (is_open, registry) = (Arc::clone(&is_open), registry.clone());
                thread::spawn(move || {
                    let (open, opened) = &*is_open;
                    drop(opened.wait_while(open.lock().unwrap(), |open| !*open).unwrap());
                    let server = TcpStream::connect(registry).unwrap();
                    let (mut from, mut to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                    thread::spawn(move || io::copy(&mut from, &mut to));
                    let _ = io::copy(&mut &server, &mut &client);
                });
            }
        });
        gate
    }

    fn open(&self) {
        *self.is_open.0.lock().unwrap() = true;
        self.is_open.1.notify_all();
    }
}

#[test]
fn a_submission_waits_while_the_server_pulls_the_image_and_its_events_say_so() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    fs::create_dir(&data).unwrap();
    let registry = ImageRegistry::start();
    let gate = Gate::before(&registry);
    let source = python_in(&registry, place.path(), "waited for").replace(&registry.host(), &gate.host);
    put_language(&data, &language_from(&source));
    let server = Server::start(&data, &NO_RATE_LIMITS);
    eventually(|| (course(&server)["unavailable_reason"] == "its image is being pulled").then_some(()));
    let id = server.submit(&json!({ "language": "course-python", "source_code": BODY }));
    let mut log = server.lines(&format!("/api/v1/execute/{id}/events")).map(Result::unwrap);
    let queued = log.find_map(|line| line.strip_prefix("data:").map(str::to_owned)).unwrap();
    let queued: Value = serde_json::from_str(&queued).unwrap();
    assert_eq!((&queued["position"], &queued["pulling"]), (&json!(1), &json!("course-python")), "{queued:#}");
    gate.open();
    assert_eq!(server.result(&id)["stdout"], "waited for\n");
    let mut names = log.filter_map(|line| line.strip_prefix("event:").map(|name| name.trim().to_owned()));
    assert_eq!(names.find(|name| name != "queued").as_deref(), Some("started"));
}

#[test]
fn a_server_whose_registry_is_down_judges_other_languages_and_pulls_the_image_later() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    fs::create_dir(&data).unwrap();
    let registry = ImageRegistry::start();
    put_language(&data, &language_from(&python_in(&registry, place.path(), "late")));
    registry.stop();
    let server = Server::start(&data, &NO_RATE_LIMITS);
    eventually(|| {
        let listed = course(&server);
        let reason = "its image could not be pulled so far; the attempts continue";
        (listed["unavailable_reason"] == reason).then_some(())
    });
    let result = server.result(&server.submit(&json!({ "language": "bash", "source_code": "echo other" })));
    assert_eq!(result["stdout"], "other\n");
    let body = json!({ "language": "course-python", "source_code": BODY });
    let (status, refused) = server.call("POST", "/api/v1/execute", Some(&server.key), Some(&body));
    assert_eq!((status, &refused["code"]), (503, &json!("no-worker")), "{refused:#}");
    let detail = "No live worker has `course-python`: its image could not be pulled so far; the attempts continue. \
                  Nothing was accepted. Try again later.";
    assert_eq!(refused["detail"], detail);
    // Only administrators see the address of the registry.
    let failure = eventually(|| {
        let workers = server.get("/api/v1/admin/workers").1;
        workers["workers"][0]["pulling"][0]["failure"].as_str().map(str::to_owned)
    });
    assert!(failure.starts_with(&format!("the registry `{}` failed", registry.host())), "{failure}");
    let shown = run(&data, &["admin", "workers"], 0);
    assert!(
        shown.contains(&format!("no course-python yet: its image could not be pulled so far: {failure}")),
        "{shown}"
    );
    let workers: Value = serde_json::from_str(&run(&data, &["admin", "workers", "--json"], 0)).unwrap();
    assert_eq!(workers["workers"][0]["pulling"], json!({ "course-python": failure }));
    let image = server.get("/api/v1/admin/images").1["images"][0].clone();
    assert_eq!(image["name"], "course/python:2026", "{image:#}");
    assert!(server.text("/metrics").contains("cupel_image_pulls_total{result=\"failed\"}"));

    registry.start_again();
    let result = server.result(&eventually(|| accepted(&server, &body)));
    assert_eq!(result["stdout"], "late\n", "{result:#}");
    eventually(|| (server.get("/api/v1/admin/workers").1["workers"][0]["pulling"] == json!([])).then_some(()));
}

#[test]
fn a_language_whose_image_does_not_have_the_digest_stays_unavailable_and_leaves_no_files() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    fs::create_dir(&data).unwrap();
    let registry = ImageRegistry::start();
    let right = python_in(&registry, place.path(), "right");
    let (name, _) = right.split_once('@').unwrap();
    let wrong = format!("{name}@sha256:{}", "ab".repeat(32));
    put_language(&data, &language_from(&wrong));
    let server = Server::start(&data, &NO_RATE_LIMITS);
    let image = eventually(|| {
        let images = server.get("/api/v1/admin/images").1["images"].clone();
        (images[0]["state"] == "failed").then(|| images[0].clone())
    });
    assert_eq!((&image["name"], &image["source"]), (&json!("course/python:2026"), &json!(wrong)), "{image:#}");
    eventually(|| {
        let reason = "its image could not be pulled so far; the attempts continue";
        (course(&server)["unavailable_reason"] == reason).then_some(())
    });
    // A directory of the next attempt may exist for a moment.
    for part in ["incoming", "layers", "roots"] {
        eventually(|| stored(&data, part).is_empty().then_some(()));
    }
    assert!(!data.join("images/index.json").exists());
}

#[test]
fn a_source_that_no_server_could_use_is_an_error_of_the_language_file() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    fs::create_dir(&data).unwrap();
    let check = |source: &str, executor: &str, expected: &str| {
        let text = language_from(source).replacen("version_of", &format!("{executor}\n    version_of"), 1);
        put_language(&data, &text);
        let mut command = crate::support::cupel(["languages"]);
        command.env("CUPEL_DATA__DIRECTORY", &data).env("CUPEL_IMAGES__REGISTRIES__ALLOWED", "registry.example/**");
        let ended = crate::support::end(command, b"");
        assert_eq!(ended.code, Some(2), "{source}: {}", ended.stderr);
        let place = format!("{}:", data.join("languages/course-python.toml").display());
        assert!(ended.stderr.contains(&place) && ended.stderr.contains(expected), "{source}: {}", ended.stderr);
    };
    let key = "`image_source`: ";
    let example = "write it as for `cupel images add`, such as `docker://HOST/NAME@sha256:DIGEST`";
    check("docker://", "", &format!("{key}`docker://` is not a source of an image"));
    check("https://registry.example/a:1", "", example);
    check("images/python.tar", "", &format!("{key}`images/python.tar` is a relative path; write the absolute path"));
    check(
        "docker://other.example/a:1",
        "",
        &format!("{key}the setting `images.registries.allowed` does not allow `docker://other.example/a:1`"),
    );
    check(
        "docker://registry.example/a:1",
        "executor = \"docker\"",
        &format!("{key}the programs of this language run in Docker Engine"),
    );
    // A good source. The command does not pull; it names the command that does.
    fs::remove_file(data.join("languages/course-python.toml")).unwrap();
    let file = source("course-python.toml", &language_from("docker://registry.example/a:1"));
    let error = run(&data, &["languages", "add", &file.path], 1);
    let remedy = "add it with `cupel images add course/python:2026 docker://registry.example/a:1`";
    assert!(error.contains(remedy), "{error}");
}
