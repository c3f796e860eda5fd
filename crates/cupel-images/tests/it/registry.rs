//! Images from registries: a real one (Debian's `docker-registry`), and servers that misbehave.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use cupel_images::{AddedImage, ImageError, RegistryOptions, Source};
use serde_json::{Value, json};

use crate::build::{Fixture, Layer, Stored, digest, image_name, listing};

/// A registry of this test, on a free port.
struct Registry {
    process: Child,
    host: String,
    _directory: tempfile::TempDir,
}

impl Registry {
    fn start() -> Registry {
        Registry::with("")
    }

    fn with(more: &str) -> Registry {
        let directory = tempfile::tempdir().unwrap();
        let start = || Registry::try_on_free_port(&directory, more);
        // If another process takes the port before the registry listens, the registry ends.
        let (process, host) = (0..5).find_map(|_| start()).expect("a registry that listens");
        Registry { process, host, _directory: directory }
    }

    /// Starts a registry on a port that is free now. Returns `None` if the registry ends.
    fn try_on_free_port(directory: &tempfile::TempDir, more: &str) -> Option<(Child, String)> {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let host = format!("127.0.0.1:{port}");
        let config = format!(
            "version: 0.1\nlog:\n  level: error\nstorage:\n  filesystem:\n    rootdirectory: {}\nhttp:\n  addr: {host}\n{more}",
            directory.path().join("data").display()
        );
        let path = directory.path().join("config.yml");
        std::fs::write(&path, config).unwrap();
        let mut process = Command::new("docker-registry")
            .arg("serve")
            .arg(&path)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("apt-get install docker-registry");
        let deadline = Instant::now() + Duration::from_secs(120);
        while process.try_wait().unwrap().is_none() {
            if TcpStream::connect(&host).is_ok() {
                return Some((process, host));
            }
            assert!(Instant::now() < deadline, "the registry does not listen");
            std::thread::sleep(Duration::from_millis(10));
        }
        None
    }

    /// Uploads everything in an OCI layout, and tags its image.
    fn push(&self, layout: &Path, name: &str, tag: &str, login: Option<&str>) -> String {
        let agent = ureq::Agent::config_builder().http_status_as_error(false).build().new_agent();
        let url = |path: &str| format!("http://{}/v2/{name}/{path}", self.host);
        let login = login.unwrap_or("none");
        let index: Value = serde_json::from_slice(&std::fs::read(layout.join("index.json")).unwrap()).unwrap();
        let manifest = index["manifests"][0]["digest"].as_str().unwrap().to_owned();
        for entry in std::fs::read_dir(layout.join("blobs/sha256")).unwrap() {
            let bytes = std::fs::read(entry.unwrap().path()).unwrap();
            let begun = agent.post(url("blobs/uploads/")).header("authorization", login).send_empty().unwrap();
            let location = begun.headers()["location"].to_str().unwrap().to_owned();
            let to = format!("{location}&digest={}", digest(&bytes));
            let put = agent.put(to).header("authorization", login).send(&bytes[..]).unwrap();
            assert_eq!(put.status(), 201);
        }
        let bytes = std::fs::read(layout.join("blobs/sha256").join(&manifest[7..])).unwrap();
        let put = agent
            .put(url(&format!("manifests/{tag}")))
            .header("authorization", login)
            .content_type("application/vnd.oci.image.manifest.v1+json")
            .send(&bytes[..])
            .unwrap();
        assert_eq!(put.status(), 201);
        manifest
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Options without the credentials of the user who runs the tests.
fn options(fixture: &Fixture) -> RegistryOptions {
    let path = fixture.directory.path().join("config.json");
    if !path.exists() {
        std::fs::write(&path, "{}").unwrap();
    }
    RegistryOptions { credentials: Some(path), silence_max: Duration::from_secs(20), ..RegistryOptions::default() }
}

fn add(fixture: &Fixture, source: &str, options: &RegistryOptions) -> Result<AddedImage, ImageError> {
    let source: Source = source.parse()?;
    fixture.store.add(&image_name("a"), &source, options)
}

#[test]
fn an_image_is_pulled_by_tag_and_by_digest_without_the_known_layers() {
    let fixture = Fixture::new();
    let registry = Registry::start();
    let base = || Layer::new().file("base", &"text ".repeat(10_000)).tar();
    let one = fixture.layout("one").stored(base(), Stored::Gzip).layer(Layer::new().file("one", "x")).write();
    let two = fixture.layout("two").stored(base(), Stored::Gzip).layer(Layer::new().file("two", "x")).write();
    let digest_of_one = registry.push(&one, "course/a", "1", None);
    registry.push(&two, "course/a", "2", None);
    let options = options(&fixture);
    let host = &registry.host;
    let added = add(&fixture, &format!("docker://{host}/course/a:1"), &options).unwrap();
    assert_eq!(listing(&fixture.root(&added)), ["base", "one"]);
    assert_eq!(added.image.digest.map(|digest| format!("sha256:{digest}")), Some(digest_of_one.clone()));
    let added = add(&fixture, &format!("docker://{host}/course/a:2"), &options).unwrap();
    assert_eq!((listing(&fixture.root(&added)), added.layers_unpacked), (vec!["base".to_owned(), "two".to_owned()], 1));
    let added = add(&fixture, &format!("docker://{host}/course/a@{digest_of_one}"), &options).unwrap();
    assert_eq!(added.layers_unpacked, 0);

    let error = add(&fixture, &format!("docker://{host}/course/a:3"), &options).unwrap_err();
    assert!(matches!(error, ImageError::Remote { .. }) && error.to_string().contains(host), "{error}");
    let allowed = RegistryOptions { allowed: vec![format!("{host}/other/*")], ..options.clone() };
    let error = add(&fixture, &format!("docker://{host}/course/a:1"), &allowed).unwrap_err().to_string();
    assert!(error.contains("images.registries.allowed"), "{error}");
    let mirrored = RegistryOptions { mirrors: vec![("registry.invalid".to_owned(), host.clone())], ..options };
    add(&fixture, "docker://registry.invalid/course/a:1", &mirrored).unwrap();
}

#[test]
fn credentials_are_those_of_docker() {
    let fixture = Fixture::new();
    let htpasswd = fixture.directory.path().join("htpasswd");
    // bcrypt of `secret`, cost 5, for the user `teacher`.
    let made = Command::new("python3")
        .args([
            "-c",
            "import crypt; print('teacher:' + crypt.crypt('secret', crypt.mksalt(crypt.METHOD_BLOWFISH, rounds=32)))",
        ])
        .output()
        .unwrap();
    std::fs::write(&htpasswd, made.stdout).unwrap();
    let auth = format!("auth:\n  htpasswd:\n    realm: test\n    path: {}\n", htpasswd.display());
    let registry = Registry::with(&auth);
    let path = fixture.layout("a").layer(Layer::new().file("a", "x")).write();
    // base64 of `teacher:secret`.
    const LOGIN: &str = "dGVhY2hlcjpzZWNyZXQ=";
    registry.push(&path, "a", "1", Some(&format!("Basic {LOGIN}")));
    let source = format!("docker://{}/a:1", registry.host);
    let error = add(&fixture, &source, &options(&fixture)).unwrap_err();
    assert!(matches!(error, ImageError::Remote { .. }), "{error}");
    let file = fixture.directory.path().join("with-login.json");
    let config = json!({ "auths": { &registry.host: { "auth": LOGIN } } });
    std::fs::write(&file, config.to_string()).unwrap();
    add(&fixture, &source, &RegistryOptions { credentials: Some(file), ..options(&fixture) }).unwrap();
}

/// A registry that answers each path with the result of a function: a status line, headers and a body.
fn misbehaving(answer: impl Fn(&str, usize) -> Option<Vec<u8>> + Send + Sync + 'static) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let count = Arc::new(AtomicUsize::new(0));
    let (answer, counted) = (Arc::new(answer), Arc::clone(&count));
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (answer, counted) = (Arc::clone(&answer), Arc::clone(&counted));
            std::thread::spawn(move || {
                let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
                let first = lines.next().unwrap().unwrap();
                while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
                let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
                match answer(&path, counted.fetch_add(1, Ordering::Relaxed)) {
                    Some(bytes) => drop((&stream).write_all(&bytes)),
                    // Do not answer, but wait until the client gives up.
                    None => while lines.next().is_some_and(|line| line.is_ok()) {},
                }
            });
        }
    });
    (host, count)
}

fn ok(body: &[u8]) -> Option<Vec<u8>> {
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
    Some([head.as_bytes(), body].concat())
}

#[test]
fn a_registry_that_sends_too_slowly_is_given_up_after_the_maximum_time() {
    let fixture = Fixture::new();
    // Sends a byte at a time, so the registry is never silent.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let mut lines = BufReader::new(&stream).lines();
                while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
                let _ = (&stream).write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n");
                while (&stream).write_all(b" ").is_ok() {
                    std::thread::sleep(Duration::from_millis(50));
                }
            });
        }
    });
    let slow = RegistryOptions { time_max: Duration::from_millis(500), ..options(&fixture) };
    let began = Instant::now();
    let error = add(&fixture, &format!("docker://{host}/a:1"), &slow).unwrap_err().to_string();
    let expected = "failed: it did not send the whole image within 0.5 s (`images.registries.time_max`)";
    assert!(error.ends_with(expected), "{error}");
    // At this pace, the whole image would take longer.
    assert!(began.elapsed() < Duration::from_secs(40), "{:?}", began.elapsed());
    assert!(fixture.store.list().unwrap().is_empty());
}

/// Files of an image, as a registry would send them: the manifest, and the blobs by digest.
fn image(fixture: &Fixture, name: &str) -> (Vec<u8>, std::path::PathBuf) {
    let layout = fixture.layout(name).layer(Layer::new().file(name, "x")).write();
    let index: Value = serde_json::from_slice(&std::fs::read(layout.join("index.json")).unwrap()).unwrap();
    let blobs = layout.join("blobs/sha256");
    let manifest = std::fs::read(blobs.join(&index["manifests"][0]["digest"].as_str().unwrap()[7..])).unwrap();
    (manifest, blobs)
}

#[test]
fn a_registry_that_misbehaves_adds_nothing() {
    let fixture = Fixture::new();
    let (manifest, blobs) = image(&fixture, "image");
    let blob = move |path: &str| std::fs::read(blobs.join(path.rsplit("sha256:").next().unwrap_or_default())).unwrap();
    let is_blob = |path: &str| path.contains("/blobs/");
    let patient = options(&fixture);
    let quick = RegistryOptions { silence_max: Duration::from_millis(300), ..patient.clone() };
    let check_with = |options: &RegistryOptions, expected: &str, host: &str, reference: &str| {
        let error = add(&fixture, &format!("docker://{host}/{reference}"), options).unwrap_err().to_string();
        assert!(error.contains(expected), "`{error}` does not contain `{expected}`");
        assert!(fixture.store.list().unwrap().is_empty());
        let left = |name: &str| std::fs::read_dir(fixture.directory.path().join("store").join(name)).unwrap().count();
        assert_eq!((left("roots"), left("layers"), left("incoming")), (0, 0, 0), "{expected}");
    };
    let check = |expected: &str, host: &str, reference: &str| check_with(&patient, expected, host, reference);

    let (host, _) = misbehaving(|_, _| None);
    check_with(&quick, "failed", &host, "silent:1");

    let text = manifest.clone();
    let (host, _) = misbehaving(move |path, _| if is_blob(path) { None } else { ok(&text) });
    check_with(&quick, "failed", &host, "silent-later:1");

    let text = manifest.clone();
    let (host, _) = misbehaving(move |_, _| ok(&text));
    check("for sha256:", &host, &format!("a@{}", digest(b"another")));

    // A manifest without an end, and a configuration that would not fit into memory.
    let (host, _) = misbehaving(|_, _| {
        let body = vec![b' '; 5 << 20];
        Some([b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n".as_slice(), &body].concat())
    });
    check("more than 4194304 bytes", &host, "endless:1");
    let mut large: Value = serde_json::from_slice(&manifest).unwrap();
    large["config"]["size"] = json!(1u64 << 30);
    let (host, _) = misbehaving(move |_, _| ok(large.to_string().as_bytes()));
    check("its configuration has 1073741824 bytes", &host, "large:1");

    // A message for the operator has no control characters.
    let (host, _) = misbehaving(|_, _| {
        let body = r#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"no \u001b[31msuch tag"}]}"#;
        Some(format!("HTTP/1.1 404 Not Found\r\nconnection: close\r\n\r\n{body}").into_bytes())
    });
    check("answered 404 Not Found: no [31msuch tag", &host, "missing:1");

    // A blob with other content of the same length, a blob that is too long, and a blob that is cut off.
    for (change, expected) in [("other", "digest"), ("longer", "more than"), ("shorter", "failed")] {
        let (text, blob) = (manifest.clone(), blob.clone());
        let (host, _) = misbehaving(move |path, _| {
            if !is_blob(path) {
                return ok(&text);
            }
            let mut bytes = blob(path);
            match change {
                "other" => *bytes.last_mut().unwrap() ^= 1,
                "longer" => bytes.push(0),
                _ => {
                    let whole = ok(&bytes).unwrap();
                    return Some(whole[..whole.len() - 1].to_vec());
                }
            }
            ok(&bytes)
        });
        check(expected, &host, "a:1");
    }

    let (host, count) = misbehaving(|path, _| {
        Some(
            format!(
                "HTTP/1.1 307 Temporary Redirect\r\nlocation: {path}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            )
            .into_bytes(),
        )
    });
    check("failed", &host, "circle:1");
    assert!(count.load(Ordering::Relaxed) < 50, "redirects are bounded");
}

#[test]
fn an_image_that_is_too_large_for_the_store_is_not_downloaded() {
    let fixture = Fixture::new();
    let (manifest, blobs) = image(&fixture, "image");
    let mut manifest: Value = serde_json::from_slice(&manifest).unwrap();
    manifest["layers"][0]["size"] = json!(3000);
    let config = manifest["config"]["digest"].as_str().unwrap().to_owned();
    let text = manifest.to_string().into_bytes();
    let (host, _) = misbehaving(move |path, _| match path.contains("/blobs/") {
        true if path.ends_with(&config) => ok(&std::fs::read(blobs.join(&config[7..])).unwrap()),
        true => None,
        false => ok(&text),
    });
    let store = cupel_images::ImageStore::new(fixture.directory.path().join("small"), 1000);
    let source: Source = format!("docker://{host}/a:1").parse().unwrap();
    let error = store.add(&image_name("a"), &source, &options(&fixture)).unwrap_err();
    assert!(matches!(error, ImageError::Full { needed: 2000, bound: 1000 }), "{error}");
}

#[test]
fn a_password_is_not_sent_to_another_host_in_plain_text() {
    let fixture = Fixture::new();
    let (elsewhere, count) = misbehaving(|_, _| ok(br#"{"token":"x"}"#));
    let (host, _) = misbehaving(move |_, _| {
        let challenge = format!("Bearer realm=\"http://{elsewhere}/token\",service=\"x\"");
        Some(format!("HTTP/1.1 401 Unauthorized\r\nwww-authenticate: {challenge}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").into_bytes())
    });
    let file = fixture.directory.path().join("login.json");
    std::fs::write(&file, json!({ "auths": { &host: { "auth": "dGVhY2hlcjpzZWNyZXQ=" } } }).to_string()).unwrap();
    let options = RegistryOptions { credentials: Some(file), ..options(&fixture) };
    let error = add(&fixture, &format!("docker://{host}/a:1"), &options).unwrap_err().to_string();
    assert!(error.contains("another host without HTTPS"), "{error}");
    assert_eq!(count.load(Ordering::Relaxed), 0, "the other host is not asked");
}

/// A challenge that names a token service of the same host.
fn challenge(host: &str) -> Option<Vec<u8>> {
    let challenge = format!("Bearer realm=\"http://{host}/token\",service=\"x\"");
    let head = "HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\nconnection: close";
    Some(format!("{head}\r\nwww-authenticate: {challenge}\r\n\r\n").into_bytes())
}

#[test]
fn a_token_that_expires_during_a_pull_is_renewed() {
    let fixture = Fixture::new();
    let (manifest, blobs) = image(&fixture, "image");
    let (tokens, refused) = (Arc::new(AtomicUsize::new(0)), AtomicUsize::new(0));
    let counted = Arc::clone(&tokens);
    let own = Arc::new(std::sync::OnceLock::<String>::new());
    let known = Arc::clone(&own);
    let (host, _) = misbehaving(move |path, _| {
        let host = known.wait();
        match path {
            "/v2/" => challenge(host),
            path if path.starts_with("/token") => {
                assert_eq!(path, "/token?scope=repository%3Acourse%2Fa%3Apull&service=x");
                counted.fetch_add(1, Ordering::Relaxed);
                ok(br#"{"access_token":"x"}"#)
            }
            path if path.contains("/manifests/") => ok(&manifest),
            _ if refused.fetch_add(1, Ordering::Relaxed) == 0 => challenge(host),
            path => ok(&std::fs::read(blobs.join(path.rsplit("sha256:").next().unwrap())).unwrap()),
        }
    });
    own.set(host.clone()).unwrap();
    add(&fixture, &format!("docker://{host}/course/a:1"), &options(&fixture)).unwrap();
    assert_eq!(tokens.load(Ordering::Relaxed), 2);
}

#[test]
fn the_answer_of_a_token_service_is_bounded() {
    let fixture = Fixture::new();
    for (answer, expected) in [
        (vec![b' '; 2 << 20], "the answer of the token service: it has more than 1048576 bytes"),
        (b"{}".to_vec(), "the token service of the registry"),
    ] {
        let own = Arc::new(std::sync::OnceLock::<String>::new());
        let known = Arc::clone(&own);
        let (host, _) = misbehaving(move |path, _| match path {
            path if path.starts_with("/token") => {
                Some([b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n".as_slice(), &answer].concat())
            }
            _ => challenge(known.wait()),
        });
        own.set(host.clone()).unwrap();
        let error = add(&fixture, &format!("docker://{host}/a:1"), &options(&fixture)).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn a_redirect_to_another_host_gets_no_credentials_and_is_verified() {
    let fixture = Fixture::new();
    let (manifest, blobs) = image(&fixture, "image");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let elsewhere = listener.local_addr().unwrap();
    let heads = std::thread::spawn(move || {
        let mut heads = Vec::new();
        for stream in listener.incoming().take(2) {
            let stream = stream.unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
            let head: Vec<String> = lines.by_ref().take_while(|line| !line.is_empty()).collect();
            let path = head[0].split(' ').nth(1).unwrap().to_owned();
            let bytes = std::fs::read(blobs.join(path.rsplit("sha256:").next().unwrap())).unwrap();
            (&stream).write_all(&ok(&bytes).unwrap()).unwrap();
            heads.push(head.join("\n"));
        }
        heads
    });
    let (host, _) = misbehaving(move |path, _| {
        if !path.contains("/blobs/") {
            return ok(&manifest);
        }
        let location = format!("http://localhost:{}{path}", elsewhere.port());
        Some(format!("HTTP/1.1 307 Temporary Redirect\r\nlocation: {location}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").into_bytes())
    });
    let file = fixture.directory.path().join("login.json");
    std::fs::write(&file, json!({ "auths": { &host: { "auth": "dGVhY2hlcjpzZWNyZXQ=" } } }).to_string()).unwrap();
    let options = RegistryOptions { credentials: Some(file), ..options(&fixture) };
    add(&fixture, &format!("docker://{host}/a:1"), &options).unwrap();
    for head in heads.join().unwrap() {
        assert!(!head.to_lowercase().contains("authorization"), "{head}");
    }
}

#[test]
fn the_registry_is_tried_if_a_mirror_sends_a_damaged_image() {
    let fixture = Fixture::new();
    let (manifest, blobs) = image(&fixture, "image");
    let serving = |manifest: Vec<u8>, damage: fn(Vec<u8>) -> Vec<u8>| {
        let blobs = blobs.clone();
        let answer = move |path: &str, _| match path.rsplit_once("/blobs/sha256:") {
            Some((_, digest)) => ok(&damage(std::fs::read(blobs.join(digest)).unwrap())),
            None => ok(&manifest),
        };
        misbehaving(answer).0
    };
    let registry = serving(manifest.clone(), |blob| blob);
    let flipped = |mut blob: Vec<u8>| {
        blob[0] ^= 1;
        blob
    };
    for mirror in [serving(b"{".to_vec(), |blob| blob), serving(manifest, flipped)] {
        let mirrored = RegistryOptions { mirrors: vec![(registry.clone(), mirror)], ..options(&fixture) };
        add(&fixture, &format!("docker://{registry}/a:1"), &mirrored).unwrap();
    }
}

#[test]
fn a_host_that_the_registry_redirects_to_does_not_choose_where_the_password_is_sent() {
    let fixture = Fixture::new();
    let (manifest, blobs) = image(&fixture, "image");
    let thief = TcpListener::bind("127.0.0.1:0").unwrap();
    thief.set_nonblocking(true).unwrap();
    let realm = format!("https://localhost:{}/token", thief.local_addr().unwrap().port());
    let answer = move |challenge: &str| {
        let head = format!("HTTP/1.1 401 Unauthorized\r\nwww-authenticate: {challenge}\r\n");
        Some(format!("{head}content-length: 0\r\nconnection: close\r\n\r\n").into_bytes())
    };
    let (elsewhere, _) = misbehaving(move |_, _| answer(&format!("Bearer realm=\"{realm}\"")));
    let elsewhere = elsewhere.replace("127.0.0.1", "localhost");
    let (host, _) = misbehaving(move |path, _| {
        if path.contains("/manifests/") {
            return ok(&manifest);
        }
        if path.contains("/blobs/") {
            return ok(&std::fs::read(blobs.join(path.rsplit("sha256:").next().unwrap())).unwrap());
        }
        let head = format!("HTTP/1.1 307 Temporary Redirect\r\nlocation: http://{elsewhere}{path}\r\n");
        Some(format!("{head}content-length: 0\r\nconnection: close\r\n\r\n").into_bytes())
    });
    let file = fixture.directory.path().join("login.json");
    std::fs::write(&file, json!({ "auths": { &host: { "auth": "dGVhY2hlcjpzZWNyZXQ=" } } }).to_string()).unwrap();
    let options = RegistryOptions { credentials: Some(file), ..options(&fixture) };
    add(&fixture, &format!("docker://{host}/a:1"), &options).unwrap();
    assert_eq!(thief.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
}

#[test]
fn an_identity_token_is_exchanged_at_the_token_service_and_never_sent_to_the_registry() {
    let fixture = Fixture::new();
    let (manifest, blobs) = image(&fixture, "image");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let heads = Arc::new(std::sync::Mutex::new(Vec::<String>::new()));
    let (seen, own) = (Arc::clone(&heads), host.clone());
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut head = String::new();
            while reader.read_line(&mut head).unwrap() > 2 {}
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
            let mut body = vec![0; length.unwrap_or(0)];
            reader.read_exact(&mut body).unwrap();
            let path = head.split(' ').nth(1).unwrap().to_owned();
            let has_token = head.contains("authorization: Bearer exchanged");
            seen.lock().unwrap().push(format!("{head}{}", String::from_utf8(body).unwrap()));
            let answer = match path.as_str() {
                "/token" => ok(br#"{"access_token":"exchanged"}"#),
                _ if !has_token => challenge(&own),
                path if path.contains("/manifests/") => ok(&manifest),
                path => ok(&std::fs::read(blobs.join(path.rsplit("sha256:").next().unwrap())).unwrap()),
            };
            (&stream).write_all(&answer.unwrap()).unwrap();
        }
    });
    let file = fixture.directory.path().join("identity.json");
    std::fs::write(&file, json!({ "auths": { &host: { "identitytoken": "long lived" } } }).to_string()).unwrap();
    let options = RegistryOptions { credentials: Some(file), ..options(&fixture) };
    add(&fixture, &format!("docker://{host}/course/a:1"), &options).unwrap();
    let heads = heads.lock().unwrap();
    let (with_secret, others): (Vec<_>, Vec<_>) = heads.iter().partition(|head| head.contains("lived"));
    assert!(others.iter().all(|head| head.starts_with("GET /v2/")), "{others:#?}");
    let [exchange] = with_secret[..] else { panic!("{with_secret:#?}") };
    assert!(exchange.starts_with("POST /token HTTP/1.1\r\n"), "{exchange}");
    let (_, form) = exchange.split_once("\r\n\r\n").unwrap();
    assert_eq!(
        form,
        "scope=repository%3Acourse%2Fa%3Apull&service=x&grant_type=refresh_token&client_id=cupel&refresh_token=long+lived"
    );
}

#[test]
fn an_identity_token_does_not_follow_a_redirect_of_the_token_service() {
    let fixture = Fixture::new();
    let (elsewhere, requests) = misbehaving(|_, _| ok(br#"{"access_token":"x"}"#));
    for status in ["307 Temporary Redirect", "308 Permanent Redirect"] {
        let own = Arc::new(std::sync::OnceLock::<String>::new());
        let (known, target) = (Arc::clone(&own), elsewhere.clone());
        let (host, _) = misbehaving(move |path, _| match path {
            "/token" => {
                let head = format!("HTTP/1.1 {status}\r\nlocation: http://{target}/token\r\ncontent-length: 0");
                Some(format!("{head}\r\nconnection: close\r\n\r\n").into_bytes())
            }
            _ => challenge(known.wait()),
        });
        own.set(host.clone()).unwrap();
        let file = fixture.directory.path().join("identity.json");
        std::fs::write(&file, json!({ "auths": { &host: { "identitytoken": "long lived" } } }).to_string()).unwrap();
        let options = RegistryOptions { credentials: Some(file), ..options(&fixture) };
        let error = add(&fixture, &format!("docker://{host}/course/a:1"), &options).unwrap_err().to_string();
        assert!(error.contains(&format!("the token service of the registry `{host}` answered {status}")), "{error}");
        assert_eq!(requests.load(Ordering::Relaxed), 0, "the token was sent on");
    }
}

#[test]
fn a_refused_pull_says_why_the_credentials_were_not_used() {
    let fixture = Fixture::new();
    let unauthorized = || Some(b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".to_vec());
    let (host, _) = misbehaving(move |_, _| unauthorized());
    let refused = |config: &str| {
        let file = fixture.directory.path().join("faulty.json");
        std::fs::write(&file, config).unwrap();
        let options = RegistryOptions { credentials: Some(file), ..options(&fixture) };
        add(&fixture, &format!("docker://{host}/a:1"), &options).unwrap_err().to_string()
    };
    let helper = json!({ "credHelpers": { &host: "cupel-test-is-not-there" } }).to_string();
    for (config, expected) in [
        ("{}", "answered 401 Unauthorized"),
        ("{", "answered 401 Unauthorized; the credentials were not used: Unable to read config"),
        (
            helper.as_str(),
            "answered 401 Unauthorized; the credentials were not used: cannot use the credential helper \
             `docker-credential-cupel-test-is-not-there`: No such file or directory (os error 2)",
        ),
    ] {
        let error = refused(config);
        assert!(error.ends_with(expected), "{config}: {error}");
    }
}
