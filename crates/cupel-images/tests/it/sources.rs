//! Tests of all forms of image sources.

use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::json;

use cupel_images::RegistryOptions;

use crate::build::{Fixture, Layer, Layout, digest, image_name, listing};

/// Packs a directory into a tar.
fn pack(directory: &Path) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    builder.append_dir_all(".", directory).unwrap();
    builder.into_inner().unwrap()
}

fn write(fixture: &Fixture, name: &str, bytes: &[u8]) -> PathBuf {
    let path = fixture.directory.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn a_layout_is_read_as_a_directory_a_tar_and_a_compressed_tar() {
    let fixture = Fixture::new();
    let layout = fixture.layout("image").layer(Layer::new().file("a", "x")).write();
    let tar = pack(&layout);
    let ids: Vec<_> = [layout, write(&fixture, "a.tar", &tar), write(&fixture, "a.tar.gz", &gzip(&tar))]
        .iter()
        .map(|path| fixture.add("a", path).unwrap().image.id)
        .collect();
    assert!(ids.iter().all(|id| *id == ids[0]));
}

#[test]
fn an_archive_of_docker_save_is_read_and_selected_by_tag() {
    let fixture = Fixture::new();
    let directory = fixture.directory.path().join("saved");
    let mut manifest = Vec::new();
    for tag in ["one", "two"] {
        let tar = Layer::new().file(tag, "x").tar();
        let config = json!({
            "architecture": "amd64", "os": "linux", "config": { "Env": ["A=b"] },
            "rootfs": { "type": "layers", "diff_ids": [digest(&tar), digest(&tar)] },
        });
        let config = serde_json::to_vec(&config).unwrap();
        let name = format!("{}.json", &digest(&config)[7..]);
        std::fs::create_dir_all(directory.join(tag)).unwrap();
        std::fs::create_dir_all(directory.join(format!("{tag}-again"))).unwrap();
        std::fs::write(directory.join(&name), &config).unwrap();
        std::fs::write(directory.join(tag).join("layer.tar"), &tar).unwrap();
        // If an image has a layer twice, Docker writes a link for the second one.
        std::os::unix::fs::symlink(format!("../{tag}/layer.tar"), directory.join(format!("{tag}-again/layer.tar")))
            .unwrap();
        manifest.push(json!({
            "Config": name, "RepoTags": [format!("course:{tag}")],
            "Layers": [format!("{tag}/layer.tar"), format!("{tag}-again/layer.tar")],
        }));
    }
    std::fs::write(directory.join("manifest.json"), serde_json::to_vec(&manifest).unwrap()).unwrap();
    let mut builder = tar::Builder::new(Vec::new());
    builder.follow_symlinks(false);
    builder.append_dir_all("", &directory).unwrap();
    let path = write(&fixture, "saved.tar", &builder.into_inner().unwrap());
    let error = fixture.add("a", &path).unwrap_err().to_string();
    assert!(
        error.contains("it has several images, such as `course:one`, `course:two`; select one: `oci:PATH:NAME`"),
        "{error}"
    );
    for name in ["two", "course:two"] {
        let added = fixture.add_from("a", &format!("docker-archive:{}:{name}", path.display())).unwrap();
        assert_eq!(listing(&fixture.root(&added)), ["two"], "{name}");
    }
    let error = fixture.add_from("a", &format!("oci:{}:other:two", path.display())).unwrap_err().to_string();
    assert!(error.contains("it names no image with the name or tag `other:two`"), "{error}");
    let added = fixture.add_from("a", &format!("oci:{}:course:two", path.display())).unwrap();
    assert_eq!(added.image.config.env, [("A".to_owned(), "b".to_owned())]);
    assert_eq!(added.image.digest, None);
}

#[test]
fn an_archive_of_docker_25_is_selected_by_its_full_name_and_an_image_with_two_names_is_one_image() {
    let fixture = Fixture::new();
    let one = fixture.layout("saved").layer(Layer::new().file("one", "x")).manifest();
    let layout = fixture.layout("saved").layer(Layer::new().file("two", "x"));
    let two = layout.manifest();
    let named = |manifest: &serde_json::Value, name: &str| {
        let mut entry = manifest.clone();
        let (_, tag) = name.rsplit_once(':').unwrap();
        entry["annotations"] = json!({ "io.containerd.image.name": name, "org.opencontainers.image.ref.name": tag });
        entry
    };
    let one = [named(&one, "docker.io/library/course:1"), named(&one, "docker.io/library/course:latest")];
    let path = layout.index(&one);
    let added = fixture.add("a", &path).unwrap();
    assert_eq!(listing(&fixture.root(&added)), ["one"], "without a selector");

    let two = named(&two, "registry.example/other:1");
    let layout = Layout { path, config: json!({}), descriptors: vec![] };
    let path = layout.index(&[&one[..], &[two][..]].concat());
    let path = write(&fixture, "saved.tar", &pack(&path));
    for (name, expected) in [
        ("course:1", "one"),
        ("docker.io/library/course:1", "one"),
        ("latest", "one"),
        ("registry.example/other:1", "two"),
    ] {
        let added = fixture.add_from("a", &format!("docker-archive:{}:{name}", path.display())).unwrap();
        assert_eq!(listing(&fixture.root(&added)), [expected], "{name}");
    }
    for (name, expected) in [
        ("1", "such as `docker.io/library/course:1`, `registry.example/other:1`; select one"),
        ("other:1", "it names no image with the name or tag `other:1`"),
    ] {
        let error =
            fixture.add_from("a", &format!("docker-archive:{}:{name}", path.display())).unwrap_err().to_string();
        assert!(error.contains(expected), "{name}: {error}");
    }
}

#[test]
fn an_index_is_searched_for_this_machine_s_architecture() {
    let fixture = Fixture::new();
    let native = fixture.layout("image").layer(Layer::new().file("native", "x"));
    let native_manifest = native.manifest();
    let mut foreign =
        Layout { path: native.path.clone(), config: native.config.clone(), descriptors: native.descriptors.clone() };
    foreign.config["architecture"] = json!("s390x");
    let foreign_manifest = foreign.manifest();
    let entry = |mut manifest: serde_json::Value, architecture: &str| {
        manifest["platform"] = json!({ "os": "linux", "architecture": architecture });
        manifest
    };
    let index = |entries: &[serde_json::Value]| {
        let index = json!({
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": entries,
        });
        let bytes = serde_json::to_vec(&index).unwrap();
        json!({
            "mediaType": "application/vnd.oci.image.index.v1+json",
            "digest": native.blob(&bytes), "size": bytes.len(),
        })
    };
    let both = index(&[entry(foreign_manifest.clone(), "s390x"), entry(native_manifest, "amd64")]);
    let only_foreign = index(&[entry(foreign_manifest, "s390x")]);
    let path = native.path.clone();
    Layout { path: path.clone(), config: json!({}), descriptors: vec![] }.index(&[both]);
    let added = fixture.add("a", &path).unwrap();
    assert_eq!(listing(&fixture.root(&added)), ["native"]);
    Layout { path: path.clone(), config: json!({}), descriptors: vec![] }.index(&[only_foreign]);
    let error = fixture.add("a", &path).unwrap_err().to_string();
    assert!(error.contains("has no image for linux/amd64, only for linux/s390x"), "{error}");
}

#[test]
fn a_file_that_is_not_an_image_is_refused_with_the_missing_part() {
    let fixture = Fixture::new();
    for (name, bytes, expected) in [
        ("text", b"hello".to_vec(), "the archive: it cannot be read"),
        ("page", b"<html>".repeat(200), "it is not a tar archive"),
        ("other.tar", Layer::new().file("a", "x").tar(), "contains neither `index.json`"),
        (
            "cut.tar.gz",
            gzip(&Layer::new().file("a", &"x".repeat(10_000)).tar())[..40].to_vec(),
            "cannot be uncompressed",
        ),
    ] {
        let error = fixture.add("a", &write(&fixture, name, &bytes)).unwrap_err().to_string();
        assert!(error.contains(expected), "{name}: {error}");
    }
    let error = fixture.add("a", Path::new("/nowhere")).unwrap_err().to_string();
    assert!(error.starts_with("cannot read the image from /nowhere"), "{error}");
}

/// Maximum time between two parts of an archive.
const SILENCE_MAX: std::time::Duration = std::time::Duration::from_millis(300);

/// A fake Docker Engine with one image; it implements the part of the API that is used.
fn engine(socket: &Path, archive: Vec<u8>) {
    let listener = std::os::unix::net::UnixListener::bind(socket).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            use std::io::BufRead;
            let mut lines = std::io::BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
            let first = lines.next().unwrap_or_default();
            while lines.next().is_some_and(|line| !line.is_empty()) {}
            let (status, body) = match first.as_str() {
                "GET /images/get?names=course%3A1 HTTP/1.1" => ("200 OK", archive.clone()),
                // A real engine writes all layers to its disk before it answers.
                "GET /images/get?names=slow HTTP/1.1" => {
                    std::thread::sleep(SILENCE_MAX * 3);
                    ("200 OK", archive.clone())
                }
                "GET /images/get?names=stuck HTTP/1.1" => {
                    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", archive.len());
                    let _ = (&stream).write_all(&[head.as_bytes(), &archive[..512]].concat());
                    // Waits until the client gives up.
                    assert_eq!(lines.next(), None);
                    continue;
                }
                _ => ("404 Not Found", br#"{"message":"reference does not exist"}"#.to_vec()),
            };
            let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
            let _ = (&stream).write_all(&[head.as_bytes(), &body].concat());
        }
    });
}

#[test]
fn an_image_of_a_running_engine_is_read_through_its_socket() {
    let fixture = Fixture::new();
    let layout = fixture.layout("image").layer(Layer::new().file("a", "x")).write();
    let socket = fixture.directory.path().join("docker.sock");
    engine(&socket, pack(&layout));
    let source = |name: &str| format!("docker-daemon:{name}");
    let options =
        RegistryOptions { docker_socket: Some(socket), silence_max: SILENCE_MAX, ..RegistryOptions::default() };
    let add = |name: &str| fixture.store.add(&image_name("a"), &source(name).parse().unwrap(), &options);
    let added = add("course:1").unwrap();
    assert_eq!(listing(&fixture.root(&added)), ["a"]);
    assert_eq!(added.image.source, "docker-daemon:course:1");
    add("slow").unwrap();
    let error = add("stuck").unwrap_err().to_string();
    assert!(error.ends_with("failed: it sent nothing for 0.3 s"), "{error}");
    let quick = RegistryOptions { time_max: SILENCE_MAX, ..options.clone() };
    let error = fixture.store.add(&image_name("b"), &source("slow").parse().unwrap(), &quick).unwrap_err().to_string();
    assert!(error.ends_with("within 0.3 s (`images.registries.time_max`)"), "{error}");
    let error = add("course:2").unwrap_err().to_string();
    assert!(error.contains("reference does not exist"), "{error}");
    let nowhere = RegistryOptions { docker_socket: Some("/nowhere/docker.sock".into()), ..RegistryOptions::default() };
    let error = fixture.store.add(&image_name("a"), &source("x").parse().unwrap(), &nowhere).unwrap_err().to_string();
    assert!(error.starts_with("the Docker Engine at /nowhere/docker.sock failed"), "{error}");
}
