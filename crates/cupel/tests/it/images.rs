//! Container images as toolchains, end to end: from an image archive, as `docker save` writes it, to the
//! result of a server.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::support::{NO_RATE_LIMITS, Server, cupel, end, eventually, source};

pub(crate) fn digest(bytes: &[u8]) -> String {
    let hash: [u8; 32] = Sha256::digest(bytes).into();
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Adds a file of this machine to an archive, and the links that lead to it.
fn add_file(archive: &mut tar::Builder<Vec<u8>>, path: &Path) {
    // The library directories are links on a system with a merged `/usr`.
    let path = &match path.strip_prefix("/lib64").or_else(|_| path.strip_prefix("/lib")) {
        Ok(_) => Path::new("/usr").join(path.strip_prefix("/").unwrap()),
        Err(_) => path.to_owned(),
    };
    let name = path.strip_prefix("/").unwrap();
    match fs::read_link(path) {
        Ok(target) => {
            let mut header = tar::Header::new_gnu();
            header.set_entry_type(tar::EntryType::Symlink);
            header.set_size(0);
            archive.append_link(&mut header, name, &target).unwrap();
            add_file(archive, &path.parent().unwrap().join(target));
        }
        Err(_) => archive.append_path_with_name(path, name).unwrap(),
    }
}

/// The shared libraries that a program or library of this machine loads, by their paths.
fn libraries(path: &Path) -> Vec<PathBuf> {
    let listed = Command::new("ldd").arg(path).output().unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    let words = listed.split_whitespace().filter(|word| word.starts_with('/'));
    words.map(PathBuf::from).collect()
}

/// An OCI layout with Python.
pub(crate) fn python_image(directory: &Path, note: &str) -> PathBuf {
    layout(directory, &python_layer(note))
}

/// An archive with Python, from the files of this machine. `note` is the text of an additional file, which a module
/// beside it reads.
pub(crate) fn python_layer(note: &str) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    archive.follow_symlinks(false);
    let python = fs::canonicalize("/usr/bin/python3").unwrap();
    let mut files = libraries(&python);
    files.push(PathBuf::from("/usr/bin/python3"));
    files.sort();
    files.dedup();
    for link in ["bin", "lib", "lib64"] {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_size(0);
        archive.append_link(&mut header, link, format!("usr/{link}")).unwrap();
    }
    for path in files {
        add_file(&mut archive, &path);
    }
    for part in ["collections", "encodings", "importlib", "json", "lib-dynload", "re"] {
        let path = format!("usr/lib/python3.11/{part}");
        archive.append_dir_all(&path, Path::new("/").join(&path)).unwrap();
    }
    for entry in fs::read_dir("/usr/lib/python3.11").unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "py") {
            add_file(&mut archive, &path);
        }
    }
    for (path, text) in [("course/note", note), ("course/helper.py", "def note():\n    return open('note').read()\n")] {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o600);
        archive.append_data(&mut header, path, text.as_bytes()).unwrap();
    }
    archive.into_inner().unwrap()
}

/// An OCI layout with one layer.
fn layout(directory: &Path, layer: &[u8]) -> PathBuf {
    let blobs = directory.join("blobs/sha256");
    fs::create_dir_all(&blobs).unwrap();
    let blob = |bytes: &[u8], media_type: &str| {
        let digest = digest(bytes);
        fs::write(blobs.join(&digest), bytes).unwrap();
        json!({ "mediaType": media_type, "digest": format!("sha256:{digest}"), "size": bytes.len() })
    };
    let config = json!({
        "architecture": "amd64", "os": "linux",
        "config": { "Env": ["PATH=/usr/bin", "COURSE=algorithms"], "User": "4711", "WorkingDir": "/course" },
        "rootfs": { "type": "layers", "diff_ids": [format!("sha256:{}", digest(layer))] },
    });
    let manifest = json!({
        "schemaVersion": 2,
        "config": blob(&serde_json::to_vec(&config).unwrap(), "application/vnd.oci.image.config.v1+json"),
        "layers": [blob(layer, "application/vnd.oci.image.layer.v1.tar")],
    });
    let manifest = blob(&serde_json::to_vec(&manifest).unwrap(), "application/vnd.oci.image.manifest.v1+json");
    let index = json!({ "schemaVersion": 2, "manifests": [manifest] });
    fs::write(directory.join("index.json"), serde_json::to_vec(&index).unwrap()).unwrap();
    directory.to_owned()
}

/// A language that runs Python from an image.
pub(crate) const LANGUAGE: &str = r#"
    name       = "Python (course)"
    image      = "course/python:2026"
    version_of = "python"
    extensions = []
    source     = "main.py"
    execute    = ["python3", "{source}"]
    version    = { command = ["python3", "--version"] }
    [[samples]]
    name   = "hello"
    source = "import os; print(os.environ['COURSE'])"
    stdout = "algorithms\n"
"#;

/// Prints what a program sees of its image, and whether it sees files of this machine.
pub(crate) const LOOK: &str = "import os, sys\nprint(os.environ['COURSE'], os.getuid(), open('/course/note').read(), os.getcwd())\n\
                    print(os.path.exists('/usr/bin/perl'), os.path.exists('/usr/lib/x86_64-linux-gnu/perl'))\n";

/// Runs a command on a data directory, and checks its exit code.
pub(crate) fn run(data: &Path, args: &[&str], code: i32) -> String {
    let mut command = cupel(args);
    command.env("CUPEL_DATA__DIRECTORY", data);
    let ended = end(command, b"");
    assert_eq!(ended.code, Some(code), "{args:?}: {}{}", ended.stdout, ended.stderr);
    ended.stdout + &ended.stderr
}

#[test]
fn an_image_is_added_used_listed_and_removed_while_the_server_runs() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    fs::create_dir(&data).unwrap();
    let image = python_image(&place.path().join("image"), "first");
    let server = Server::start(&data, &NO_RATE_LIMITS);
    run(&data, &["images", "add", "course/python:2026", image.to_str().unwrap()], 0);
    let file = source("course-python.toml", LANGUAGE);
    let added = run(&data, &["languages", "add", &file.path], 0);
    assert!(added.contains("a running server offers it within ten seconds"), "{added}");

    let listed = eventually(|| {
        let (status, language) = server.get("/api/v1/languages/course-python");
        (status == 200).then_some(language)
    });
    let digest = listed["image_digest"].as_str().unwrap();
    assert_eq!((&listed["image"], &listed["version_of"]), (&json!("course/python:2026"), &json!("python")));
    let shown = run(&data, &["images", "inspect", "course/python:2026"], 0);
    assert!(shown.contains(digest), "{shown}");
    assert!(shown.contains(r#""linked_directory": "/course""#), "{shown}");

    let execute = |body: Value| server.result(&eventually(|| accepted(&server, &body)));
    let result = execute(json!({ "language": "course-python", "source_code": LOOK }));
    assert_eq!(result["stdout"], "algorithms 4711 first /box\nFalse False\n", "{result:#}");
    assert_eq!(result["language_version"], format!("{} ({digest})", listed["version"].as_str().unwrap()));
    let source =
        "import helper, os\nprint(helper.note(), os.getcwd(), sorted(name for name in os.listdir() if name[0] != '_'))";
    let result = execute(json!({ "language": "course-python", "source_code": source }));
    let expected = "first /box ['helper.py', 'main.py', 'note']\n";
    assert_eq!(result["stdout"], expected, "the entries of the image's WORKDIR are in the box: {result:#}");
    assert_eq!(result["start"], Value::Null, "no interpreter of an image is kept: its code would run outside a cell");
    let result = execute(json!({ "language": "python", "version": "3", "source_code": "import sys; print(sys.path)" }));
    assert_eq!(result["language"], "python", "of equal versions, the language itself: {result:#}");
    let body = json!({ "language": "python", "version": "2.7", "source_code": "print 1" });
    let (status, refused) = server.call("POST", "/api/v1/execute", Some(&server.key), Some(&body));
    assert_eq!(status, 422);
    assert!(refused["detail"].as_str().unwrap().starts_with("There is no version `2.7`"), "{refused:#}");

    // A file with an error changes no language, and the error is reported until the file is corrected.
    let faulty = data.join("languages/faulty.toml");
    fs::write(&faulty, "id = 3\n").unwrap();
    let degraded = || server.get("/healthz").1["degraded"].to_string();
    eventually(|| degraded().contains("faulty.toml").then_some(()));
    assert_eq!(server.get("/api/v1/languages/course-python").0, 200);
    fs::remove_file(&faulty).unwrap();
    eventually(|| (!degraded().contains("faulty.toml")).then_some(()));

    // The name now refers to another image. Later runs use the new image, and no cached data of the first
    // image.
    let other = python_image(&place.path().join("other"), "second");
    run(&data, &["images", "add", "course/python:2026", other.to_str().unwrap()], 0);
    eventually(|| {
        let result = execute(json!({ "language": "course-python", "source_code": LOOK }));
        result["stdout"].as_str().unwrap().contains("second").then_some(())
    });
    // The first image has lost its name. The server removes its files as soon as it runs no program in them.
    let count = |directory: &str| {
        let entries = fs::read_dir(data.join("images").join(directory)).unwrap();
        entries.filter(|entry| entry.as_ref().unwrap().path().is_dir()).count()
    };
    eventually(|| ((count("roots"), count("layers")) == (1, 1)).then_some(()));
    let listed = run(&data, &["images", "list", "--json"], 0);
    assert!(listed.contains("\"images\":[{"), "{listed}");
    run(&data, &["images", "verify", "course/python:2026"], 0);
    drop(server);
    // A server also releases an image that it found at its start.
    let server = Server::start(&data, &NO_RATE_LIMITS);
    run(&data, &["images", "add", "course/python:2026", image.to_str().unwrap()], 0);
    eventually(|| ((count("roots"), count("layers")) == (1, 1)).then_some(()));
    drop(server);
    let pruned = run(&data, &["images", "prune"], 0);
    assert!(pruned.contains("removed 0 unpacked images and 0 layers"), "{pruned}");
    run(&data, &["images", "remove", "course/python:2026"], 0);
    let error = run(&data, &["images", "inspect", "course/python:2026"], 3);
    assert!(error.contains("no image is named `course/python:2026`"), "{error}");
}

#[test]
fn a_request_names_an_image_that_the_operator_allows() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    fs::create_dir(&data).unwrap();
    let settings = [&NO_RATE_LIMITS[..], &[("CUPEL_IMAGES__DIRECT", "course/*")]].concat();
    let server = Server::start(&data, &settings);
    let image = python_image(&place.path().join("image"), "a task");
    for name in ["course/task:7", "other/task:7"] {
        run(&data, &["images", "add", name, image.to_str().unwrap()], 0);
    }
    let images = eventually(|| {
        let (_, python) = server.get("/api/v1/languages/python");
        python.get("images").filter(|images| **images != json!([])).cloned()
    });
    assert_eq!(images, json!(["course/task:7"]), "the operator does not allow the other image");
    let (_, bash) = server.get("/api/v1/languages/bash");
    assert_eq!(bash["images"], json!([]), "the image has no `bash`");
    let (_, all) = server.get("/api/v1/languages");
    let ids: Vec<&str> =
        all["languages"].as_array().unwrap().iter().filter_map(|one| one["language_id"].as_str()).collect();
    assert!(ids.iter().all(|id| !id.contains('@')), "{ids:?}");

    for body in [
        json!({ "language": "python", "image": "course/task:7", "source_code": LOOK }),
        json!({ "language": "py@course/task:7", "source_code": LOOK }),
    ] {
        let result = server.result(&eventually(|| accepted(&server, &body)));
        assert_eq!(result["stdout"], "algorithms 4711 a task /box\nFalse False\n", "{result:#}");
        assert_eq!(result["language"], "python@course/task:7");
        assert!(result["language_version"].as_str().unwrap().contains(" (sha256:"), "{result:#}");
    }
    let refused = |more: Value| {
        let mut body = json!({ "language": "python", "source_code": "1" });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let (status, answer) = server.call("POST", "/api/v1/execute", Some(&server.key), Some(&body));
        assert_eq!(status, 422, "{answer:#}");
        let first = &answer["errors"][0];
        format!("{}: {}", first["pointer"].as_str().unwrap(), first["detail"].as_str().unwrap())
    };
    for (more, expected) in [
        (
            json!({ "image": "other/task:7" }),
            "/image: Requests may not name the image `other/task:7` for `python`, or it has no such toolchain; images for \
             it: course/task:7.",
        ),
        (json!({ "image": "../etc" }), "/image: An image name has components of lower-case letters"),
        (json!({ "image": "course/task:7", "version": "3" }), "/image: Send `version` or `image`, not both."),
    ] {
        let found = refused(more);
        assert!(found.starts_with(expected), "{found}");
    }
    // On the user's own machine, every image may be named.
    let program = source("main.py", LOOK);
    let stdout = run(&data, &["run", "--language", "python@other/task:7", &program.path], 0);
    assert!(stdout.starts_with("algorithms 4711 a task"), "{stdout}");
    let error = run(&data, &["run", "--language", "ruby@other/task:7", &program.path], 125);
    assert!(error.contains("`ruby` is not in the image"), "{error}");

    run(&data, &["images", "remove", "course/task:7"], 0);
    eventually(|| (server.get("/api/v1/languages/python").1["images"] == json!([])).then_some(()));
}

/// The id of an accepted submission; `None` while no worker has announced the language.
pub(crate) fn accepted(server: &Server, body: &Value) -> Option<String> {
    let (status, answer) = server.call("POST", "/api/v1/execute", Some(&server.key), Some(body));
    assert!(status == 202 || answer["code"] == "no-worker", "{answer:#}");
    answer["submission_id"].as_str().map(str::to_owned)
}

#[test]
fn a_language_whose_image_is_missing_or_whose_samples_fail_is_not_added() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    fs::create_dir(&data).unwrap();
    fs::write(data.join("cupel.db"), "").unwrap();
    let file = source("course-python.toml", LANGUAGE);
    let error = run(&data, &["languages", "add", &file.path], 1);
    assert!(error.contains("the image `course/python:2026` is not on this machine; add it with"), "{error}");
    let image = python_image(&place.path().join("image"), "x");
    run(&data, &["images", "add", "course/python:2026", image.to_str().unwrap()], 0);
    let wrong = source("course-python.toml", &LANGUAGE.replace("stdout = \"algorithms", "stdout = \"other"));
    let error = run(&data, &["languages", "add", &wrong.path], 1);
    assert!(error.contains("was not added, because a sample failed"), "{error}");
    let missing =
        source("course-python.toml", &LANGUAGE.replace("[\"python3\", \"{source}\"]", "[\"perl\", \"{source}\"]"));
    let error = run(&data, &["languages", "add", &missing.path], 1);
    assert!(error.contains("`perl` is not in the image"), "{error}");
    assert!(!data.join("languages/course-python.toml").exists());
    let program = source("main.py", LOOK);
    let error = run(&data, &["run", "--language", "course-python", &program.path], 2);
    assert!(error.contains("there is no language `course-python`"), "{error}");
    run(&data, &["languages", "add", &file.path], 0);
    let stdout = run(&data, &["run", "--language", "course-python", &program.path], 0);
    assert!(stdout.starts_with("algorithms 4711 x"), "{stdout}");
}

#[test]
fn the_files_of_an_image_stay_while_a_command_runs_a_program_in_it() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    fs::create_dir(&data).unwrap();
    fs::write(data.join("cupel.db"), "").unwrap();
    let image = python_image(&place.path().join("image"), "still there");
    run(&data, &["images", "add", "course/python:2026", image.to_str().unwrap()], 0);
    let file = source("course-python.toml", LANGUAGE);
    run(&data, &["languages", "add", &file.path], 0);
    // The program announces itself to everybody on this machine, because its arguments are visible in `/proc`.
    let mark = format!("held-{}", std::process::id());
    // It runs until its input ends. With this CPU limit, it may wait for a minute.
    let program = source("main.py", "import sys; sys.stdin.read(); print(open('/course/note').read())");
    let mut command = cupel(["run", "--time", "60", "--language", "course-python", &program.path, "--", &mark]);
    command.env("CUPEL_DATA__DIRECTORY", &data).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let running = command.spawn().unwrap();
    eventually(|| {
        let is_it = |text: Vec<u8>| text.starts_with(b"python3\0") && String::from_utf8_lossy(&text).contains(&mark);
        let processes = fs::read_dir("/proc").unwrap().flatten();
        let mut arguments = processes.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
        arguments.any(is_it).then_some(())
    });
    let removed = run(&data, &["images", "remove", "course/python:2026"], 0);
    assert!(removed.contains("1 image in use"), "{removed}");
    // The input ends.
    let ended = running.wait_with_output().unwrap();
    assert!(ended.status.success() && ended.stdout == b"still there\n", "{ended:?}");
    let pruned = run(&data, &["images", "prune"], 0);
    assert!(pruned.contains("removed 1 unpacked image and 1 layer"), "{pruned}");
}

/// A layer with one small file.
fn small_layer() -> Vec<u8> {
    let mut layer = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(1);
    header.set_mode(0o644);
    layer.append_data(&mut header, "a", &b"x"[..]).unwrap();
    layer.into_inner().unwrap()
}

#[test]
fn root_adds_an_image_that_the_servers_user_cannot_reach() {
    use std::os::unix::fs::{PermissionsExt, chown};
    const SERVER: u32 = 4321;
    // As in `/root`: other users cannot enter the directory that has the archive and the data directory.
    let place = tempfile::tempdir().unwrap();
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let data = place.path().join("data");
    fs::create_dir(&data).unwrap();
    fs::write(data.join("cupel.db"), "").unwrap();
    chown(&data, Some(SERVER), Some(SERVER)).unwrap();
    let directory = layout(&place.path().join("image"), &small_layer());
    let mut archive = tar::Builder::new(Vec::new());
    archive.append_dir_all(".", &directory).unwrap();
    let saved = place.path().join("saved.tar");
    fs::write(&saved, archive.into_inner().unwrap()).unwrap();
    // The mode that `docker save --output` gives.
    fs::set_permissions(&saved, fs::Permissions::from_mode(0o600)).unwrap();

    for (name, source) in [("course/archive:1", saved), ("course/layout:1", directory)] {
        run(&data, &["images", "add", name, source.to_str().unwrap()], 0);
        assert!(run(&data, &["images", "list"], 0).contains(name));
    }
}

/// Regression: root worked as the owner of the directory above the store, so the server could not change the images.
#[test]
fn root_adds_images_as_the_owner_of_a_store_outside_the_data_directory() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
    const SERVER: u32 = 4321;
    let place = tempfile::tempdir().unwrap();
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let (data, store) = (place.path().join("data"), place.path().join("store"));
    fs::create_dir(&data).unwrap();
    fs::create_dir(&store).unwrap();
    fs::write(data.join("cupel.db"), "").unwrap();
    for directory in [&data, &store] {
        chown(directory, Some(SERVER), Some(SERVER)).unwrap();
    }
    let image = layout(&place.path().join("image"), &small_layer());
    let mut add = cupel(["images", "add", "course/a:1", image.to_str().unwrap()]);
    add.env("CUPEL_DATA__DIRECTORY", &data).env("CUPEL_IMAGES__DIRECTORY", &store);
    let ended = end(add, b"");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    for name in ["", "index.json", "layers", "roots", "incoming", "locks", "locks/store"] {
        assert_eq!(fs::metadata(store.join(name)).unwrap().uid(), SERVER, "{name}");
    }
    let layer = fs::read_dir(store.join("layers")).unwrap().next().unwrap().unwrap();
    assert_eq!(layer.metadata().unwrap().uid(), SERVER);
}

/// Regression: the commands reported that they had removed 0 images, without the reason.
#[test]
fn remove_and_prune_say_that_files_stay_while_an_image_is_added() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    fs::create_dir(&data).unwrap();
    fs::write(data.join("cupel.db"), "").unwrap();
    let image = layout(&place.path().join("image"), &small_layer());
    run(&data, &["images", "add", "a:1", image.to_str().unwrap()], 0);
    let adding = fs::File::open(data.join("images/locks/store")).unwrap();
    adding.lock_shared().unwrap();
    let removed = run(&data, &["images", "remove", "a:1"], 0);
    assert!(removed.contains("removed a:1; an image is being added or verified, so its files"), "{removed}");
    let pruned = run(&data, &["images", "prune"], 0);
    assert!(pruned.contains("removed nothing; an image is being added or verified"), "{pruned}");
    let pruned: Value = serde_json::from_str(&run(&data, &["images", "prune", "--json"], 0)).unwrap();
    assert_eq!(pruned, json!({ "unpacked_images": 0, "layers": 0, "in_use": 0, "deferred": true }));
    drop(adding);
    let pruned: Value = serde_json::from_str(&run(&data, &["images", "prune", "--json"], 0)).unwrap();
    assert_eq!(pruned, json!({ "unpacked_images": 1, "layers": 1, "in_use": 0 }));
}

#[test]
fn root_creates_no_store_behind_a_link_of_the_servers_user() {
    use std::os::unix::fs::{lchown, symlink};
    let place = tempfile::tempdir().unwrap();
    let (data, elsewhere) = (place.path().join("data"), place.path().join("elsewhere"));
    fs::create_dir(&data).unwrap();
    fs::create_dir(&elsewhere).unwrap();
    fs::write(data.join("cupel.db"), "").unwrap();
    symlink(&elsewhere, data.join("images")).unwrap();
    let image = layout(&place.path().join("image"), &small_layer());
    let add = ["images", "add", "a:1", image.to_str().unwrap()];

    lchown(data.join("images"), Some(4321), Some(4321)).unwrap();
    let printed = run(&data, &add, 7);
    assert!(printed.contains("symbolic link that neither root nor this user has made"), "{printed}");
    assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), 0);

    // An administrator's link, for example to another disk.
    lchown(data.join("images"), Some(0), Some(0)).unwrap();
    run(&data, &add, 0);
    assert!(elsewhere.join("index.json").is_file());
}

#[test]
fn root_adds_an_image_of_an_engine_to_the_store_of_a_server_with_another_user() {
    use std::os::unix::fs::{PermissionsExt, chown};
    const SERVER: u32 = 4321;
    const ENGINE: u32 = 4322;
    let place = tempfile::tempdir().unwrap();
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let data = place.path().join("data");
    fs::create_dir(&data).unwrap();
    fs::write(data.join("cupel.db"), "").unwrap();
    chown(&data, Some(SERVER), Some(SERVER)).unwrap();
    let mut archive = tar::Builder::new(Vec::new());
    archive.append_dir_all(".", layout(&place.path().join("image"), &small_layer())).unwrap();
    let archive = archive.into_inner().unwrap();
    let socket = place.path().join("docker.sock");
    let listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
            while lines.next().is_some_and(|line| !line.is_empty()) {}
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", archive.len());
            let _ = (&stream).write_all(&[head.as_bytes(), &archive].concat());
        }
    });
    let add = || {
        let mut command = cupel(["images", "add", "course/a:1", "docker-daemon:course:1"]);
        command.env("CUPEL_DATA__DIRECTORY", &data).env("DOCKER_HOST", format!("unix://{}", socket.display()));
        let ended = end(command, b"");
        (ended.code, ended.stdout + &ended.stderr)
    };
    // The engine's own permissions.
    chown(&socket, Some(0), Some(ENGINE)).unwrap();
    fs::set_permissions(&socket, fs::Permissions::from_mode(0o660)).unwrap();
    let (code, printed) = add();
    assert_eq!(code, Some(0), "{printed}");
    assert!(run(&data, &["images", "list"], 0).contains("course/a:1"));

    fs::set_permissions(&socket, fs::Permissions::from_mode(0o600)).unwrap();
    let (code, printed) = add();
    assert_eq!(code, Some(2), "{printed}");
    assert!(printed.contains("as the owner of the data directory (user 4321)"), "{printed}");
    assert!(printed.contains("docker save --output FILE IMAGE"), "{printed}");
}

/// A registry that has the image of a layout under every name.
fn registry_of(layout: &Path) -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let index: Value = serde_json::from_slice(&fs::read(layout.join("index.json")).unwrap()).unwrap();
    let manifest = index["manifests"][0]["digest"].as_str().unwrap()["sha256:".len()..].to_owned();
    let blobs = layout.join("blobs/sha256");
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
            let path = lines.next().unwrap_or_default().split(' ').nth(1).unwrap_or_default().to_owned();
            while lines.next().is_some_and(|line| !line.is_empty()) {}
            let body = match path.rsplit_once("sha256:") {
                Some((_, digest)) => fs::read(blobs.join(digest)).unwrap(),
                None if path.contains("/manifests/") => fs::read(blobs.join(&manifest)).unwrap(),
                None => Vec::new(),
            };
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
            let _ = (&stream).write_all(&[head.as_bytes(), &body].concat());
        }
    });
    host
}

#[test]
fn an_administrator_adds_an_image_of_a_registry_through_the_api() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    fs::create_dir(&data).unwrap();
    let host = registry_of(&layout(&place.path().join("image"), &small_layer()));
    let server = Server::start(&data, &NO_RATE_LIMITS);
    let call =
        |method: &str, path: &str, body: Option<Value>| server.call(method, path, Some(&server.key), body.as_ref());
    let add = |name: &str, source: &str| {
        call("POST", "/api/v1/admin/images", Some(json!({ "name": name, "source": source })))
    };
    for (name, source, pointer, expected) in [
        ("Course", "docker://x/y:1", "/name", "An image name has components of lower-case letters"),
        ("course", "/etc/shadow", "/source", "A request may name an image of a registry only"),
        ("course", "oci:/var/lib/cupel", "/source", "A request may name an image of a registry only"),
        ("course", "docker-daemon:x", "/source", "A request may name an image of a registry only"),
        ("course", "docker://", "/source", "`docker://` is not a source of an image"),
    ] {
        let (status, refused) = add(name, source);
        assert_eq!((status, &refused["errors"][0]["pointer"]), (422, &json!(pointer)), "{source}: {refused:#}");
        assert!(refused["detail"].as_str().unwrap().starts_with(expected), "{refused:#}");
    }
    assert_eq!(add("course/a:1", &format!("docker://{host}/a:1")).0, 202);
    assert_eq!(add("course/b:1", "docker://127.0.0.1:1/b:1").0, 202);
    let images = eventually(|| {
        let (_, listed) = call("GET", "/api/v1/admin/images", None);
        let images = listed["images"].as_array().unwrap().clone();
        images.iter().all(|image| image["adding"] == json!(false)).then_some(images)
    });
    assert_eq!(
        (&images[0]["name"], &images[0]["state"], &images[0]["layers"]),
        (&json!("course/a:1"), &json!("ready"), &json!(1))
    );
    assert_eq!((&images[1]["name"], &images[1]["state"]), (&json!("course/b:1"), &json!("failed")));
    assert!(images[1]["failure"].as_str().unwrap().starts_with("the registry `127.0.0.1:1` failed"), "{images:#?}");
    // An addition under the name of a ready image fails; the image remains, and is shown.
    let (status, begun) = add("course/a:1", "docker://127.0.0.1:1/a:2");
    assert_eq!((status, &begun["state"], &begun["digest"]), (202, &json!("ready"), &images[0]["digest"]), "{begun:#}");
    let image = eventually(|| {
        let (_, listed) = call("GET", "/api/v1/admin/images", None);
        Some(listed["images"][0].clone()).filter(|image| image["adding"] == json!(false))
    });
    assert_eq!((&image["state"], &image["digest"]), (&json!("ready"), &images[0]["digest"]), "{image:#}");
    assert!(image["failure"].as_str().unwrap().starts_with("the registry `127.0.0.1:1` failed"), "{image:#}");
    assert_eq!(image["source"], json!(format!("docker://{host}/a:1")));

    let details = || call("GET", "/api/v1/admin/images/details?name=course/a:1", None).1;
    let shown = details();
    assert_eq!(
        [&shown["name"], &shown["user_id"], &shown["verification"]],
        [&json!("course/a:1"), &json!(4711), &json!(null)],
        "{shown:#}"
    );
    let verify = || {
        assert_eq!(call("POST", "/api/v1/admin/images/verify?name=course/a:1", None).0, 202);
        eventually(|| Some(details()["verification"].clone()).filter(|found| found["state"] != "running"))
    };
    assert_eq!(verify()["state"], "unchanged");
    let layer = shown["layers"][0].as_str().unwrap().strip_prefix("sha256:").unwrap();
    fs::write(data.join(format!("images/layers/{layer}/tree/a")), "y").unwrap();
    let found = verify();
    assert_eq!((&found["state"], &found["damaged"]), (&json!("damaged"), &json!(["/a"])), "{found:#}");

    assert_eq!(call("POST", "/api/v1/admin/images/verify?name=course/c:1", None).0, 404);
    // Another process adds an image.
    let adding = fs::File::open(data.join("images/locks/store")).unwrap();
    adding.lock_shared().unwrap();
    let (status, pruned) = call("POST", "/api/v1/admin/images/prune", None);
    let deferred = json!({ "unpacked_images": 0, "layers": 0, "in_use": 0, "deferred": true });
    assert_eq!((status, pruned), (200, deferred));
    drop(adding);
    let (status, pruned) = call("POST", "/api/v1/admin/images/prune", None);
    assert_eq!((status, pruned), (200, json!({ "unpacked_images": 0, "layers": 0, "in_use": 0 })));

    for (name, status) in [("course/a:1", 204), ("course/b:1", 204), ("course/a:1", 404), ("../x", 404)] {
        assert_eq!(call("DELETE", &format!("/api/v1/admin/images?name={name}"), None).0, status, "{name}");
    }
    assert_eq!(call("GET", "/api/v1/admin/images", None).1["images"], json!([]));
}

/// Regression: the directories of the store belonged to root, so the server could not add an image.
#[test]
fn a_server_adds_images_to_a_store_outside_its_data_directory() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
    let place = tempfile::tempdir().unwrap();
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let (data, store) = (place.path().join("data"), place.path().join("store"));
    fs::create_dir(&data).unwrap();
    let host = registry_of(&layout(&place.path().join("image"), &small_layer()));
    let add = || {
        let elsewhere = [("CUPEL_IMAGES__DIRECTORY", store.to_str().unwrap())];
        let server = Server::start(&data, &[&NO_RATE_LIMITS[..], &elsewhere].concat());
        let body = json!({ "name": "course/a:1", "source": format!("docker://{host}/a:1") });
        assert_eq!(server.call("POST", "/api/v1/admin/images", Some(&server.key), Some(&body)).0, 202);
        let image = eventually(|| {
            let (_, listed) = server.get("/api/v1/admin/images");
            Some(listed["images"][0].clone()).filter(|image| image["adding"] == json!(false))
        });
        assert_eq!(image["state"], "ready", "{image:#}");
    };
    // The server creates the directory.
    add();
    let service = fs::metadata(&data).unwrap().uid();
    assert_eq!(fs::metadata(store.join("index.json")).unwrap().uid(), service);
    // An operator has created it for the server's user.
    fs::remove_dir_all(&store).unwrap();
    fs::create_dir(&store).unwrap();
    chown(&store, Some(service), Some(service)).unwrap();
    add();
}

/// A directory that is mounted read-only over itself.
struct ReadOnly(PathBuf);

impl ReadOnly {
    /// Mounts the directory.
    fn mount(directory: PathBuf) -> ReadOnly {
        let mount = |arguments: &[&str]| {
            let status = Command::new("mount").args(arguments).arg(&directory).status().unwrap();
            assert!(status.success(), "mount {arguments:?}");
        };
        mount(&["--bind", directory.to_str().unwrap()]);
        let read_only = ReadOnly(directory.clone());
        mount(&["-o", "remount,bind,ro"]);
        read_only
    }
}

impl Drop for ReadOnly {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

#[test]
fn a_server_runs_programs_in_the_images_of_a_read_only_store() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    fs::create_dir(&data).unwrap();
    drop(Server::start(&data, &NO_RATE_LIMITS));
    let image = python_image(&place.path().join("image"), "shared");
    run(&data, &["images", "add", "course/python:2026", image.to_str().unwrap()], 0);
    let file = source("course-python.toml", LANGUAGE);
    run(&data, &["languages", "add", &file.path], 0);
    let _read_only = ReadOnly::mount(data.join("images"));
    let server = Server::start(&data, &NO_RATE_LIMITS);
    let body = json!({ "language": "course-python", "source_code": LOOK });
    let result = server.result(&eventually(|| accepted(&server, &body)));
    assert_eq!(result["stdout"], "algorithms 4711 shared /box\nFalse False\n", "{result:#}");
    for arguments in [
        &["images", "add", "course/other:1", image.to_str().unwrap()][..],
        &["images", "verify", "course/python:2026"],
        &["images", "remove", "course/python:2026"],
    ] {
        let error = run(&data, arguments, 7);
        assert!(error.contains("Read-only file system"), "{error}");
    }
    let result = server.result(&server.submit(&body));
    assert_eq!(result["verdict"], "AC", "a refused removal changes nothing: {result:#}");
}
