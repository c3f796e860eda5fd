//! Images that are damaged or attack the store. Each is refused with the part and the reason, and leaves nothing.

use std::fs::File;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};

use cupel_images::{ImageBounds, ImageError};
use serde_json::json;
use tar::EntryType;

use crate::build::{Fixture, Layer, Layout, Stored, digest, image_name};

/// Adds the image, and checks that it is refused with this text and that the store has no layer, root or name.
fn refused(expected: &str, make: impl FnOnce(Layout) -> Layout) {
    refused_source(expected, |fixture| make(fixture.layout("image")).write());
}

fn refused_source(expected: &str, make: impl FnOnce(&Fixture) -> std::path::PathBuf) {
    let fixture = Fixture::new();
    let path = make(&fixture);
    let error = fixture.add("image", &path).unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, ImageError::Refused { .. }), "{text}");
    assert!(text.contains(expected), "`{text}` does not contain `{expected}`");
    fixture.assert_empty();
}

fn layer(expected: &str, layer: Layer) {
    refused(expected, |image| image.layer(layer));
}

#[test]
fn a_layer_cannot_leave_its_directory() {
    layer("contains `..`", Layer::new().file("../escape", "x"));
    layer("contains `..`", Layer::new().file("a/../../escape", "x"));
    layer("a link without a target", Layer::new().symlink("a", "/etc").file("a/passwd", "x"));
    layer("contains a loop of symbolic links", Layer::new().symlink("a", "b").symlink("b", "a").file("a/x", "x"));
    layer("leads through a file", Layer::new().file("a", "x").file("a/b", "x"));
    layer("contains `..`", Layer::new().hard_link("a", "../../etc/passwd"));
    layer("which is not an earlier file", Layer::new().hard_link("a", "/etc/passwd"));
    layer("which is not an earlier file", Layer::new().symlink("etc", "/etc").hard_link("a", "etc/passwd"));
    layer("which is not an earlier file", Layer::new().directory("d").hard_link("a", "d"));
    layer("hard link to itself", Layer::new().file("a", "x").hard_link("a", "a"));
    layer("removes no name", Layer::new().file("a/.wh...", "x"));
    layer("removes no name", Layer::new().file(".wh.", "x"));
}

#[test]
fn a_link_in_a_path_is_resolved_as_for_a_program_of_the_image() {
    let fixture = Fixture::new();
    let layer = Layer::new()
        .directory("usr/lib")
        .symlink("lib", "usr/lib")
        .file("lib/a", "x")
        .symlink("up", "../../..")
        .file("up/b", "x")
        .symlink("absolute", "/usr")
        .file("absolute/lib/c", "x")
        .symlink("lib/d", "a")
        .hard_link("e", "lib/a");
    let added = fixture.add("a", &fixture.layout("a").layer(layer).write()).unwrap();
    assert_eq!(
        crate::build::listing(&fixture.root(&added)),
        [
            "absolute -> /usr",
            "b",
            "e",
            "lib -> usr/lib",
            "up -> ../../..",
            "usr/",
            "usr/lib/",
            "usr/lib/a",
            "usr/lib/c",
            "usr/lib/d -> a"
        ]
    );
    assert!(!fixture.directory.path().join("b").exists());
    assert!(fixture.store.verify(&image_name("a")).unwrap().is_empty());
}

#[test]
fn a_file_that_replaces_a_link_does_not_follow_it() {
    let fixture = Fixture::new();
    let victim = fixture.directory.path().join("victim");
    std::fs::write(&victim, "unchanged").unwrap();
    let lower = Layer::new().symlink("a", victim.to_str().unwrap()).file("a", "same layer");
    let upper = Layer::new().symlink("b", victim.to_str().unwrap());
    let top = Layer::new().file("b", "other layer").file(".wh.a", "");
    let added = fixture.add("a", &fixture.layout("a").layer(lower).layer(upper).layer(top).write()).unwrap();
    assert_eq!(std::fs::read_to_string(&victim).unwrap(), "unchanged");
    assert_eq!(std::fs::read_to_string(fixture.root(&added).join("b")).unwrap(), "other layer");
}

#[test]
fn a_whiteout_behind_a_link_removes_nothing() {
    let fixture = Fixture::new();
    let outside = fixture.directory.path().join("outside");
    std::fs::create_dir(&outside).unwrap();
    std::fs::write(outside.join("file"), "x").unwrap();
    let lower = Layer::new().symlink("a", outside.to_str().unwrap());
    let upper = Layer::new().file("a/.wh.file", "").file("a/.wh..wh..opq", "");
    fixture.add("a", &fixture.layout("a").layer(lower).layer(upper).write()).unwrap();
    assert!(outside.join("file").exists());
}

#[test]
fn whiteouts_behind_a_link_that_their_layer_replaces_remove_nothing_from_its_target() {
    let fixture = Fixture::new();
    let lower = Layer::new().file("target/file", "x").symlink("a", "target").symlink("b", "target");
    let upper = Layer::new().file("a/.wh..wh..opq", "").file("a/new", "y").file("b/.wh.file", "").file("b/new", "z");
    let added = fixture.add("a", &fixture.layout("a").layer(lower).layer(upper).write()).unwrap();
    let root = fixture.root(&added);
    let read = |path: &str| std::fs::read_to_string(root.join(path)).unwrap();
    assert_eq!(["target/file", "a/new", "b/new"].map(read), ["x", "y", "z"]);
    assert!(!root.join("target/new").exists());
}

#[test]
fn a_damaged_image_is_refused() {
    let tar = || Layer::new().file("a", &"text ".repeat(10_000)).tar();
    refused("has the digest sha256:", |image| {
        let image = image.stored(tar(), Stored::Gzip);
        let path = image.descriptors[0]["digest"].as_str().unwrap()[7..].to_owned();
        let other = Layout::new(image.path.with_extension("other"));
        let other = other.stored(Layer::new().file("a", "other").tar(), Stored::Gzip);
        let other_path = other.path.join("blobs/sha256").join(&other.descriptors[0]["digest"].as_str().unwrap()[7..]);
        std::fs::copy(other_path, image.path.join("blobs/sha256").join(path)).unwrap();
        image
    });
    for cut in [10, 100, 400] {
        refused("layer 1 of 1", |image| {
            let image = image.stored(tar(), Stored::Gzip);
            let path = image.path.join("blobs/sha256").join(&image.descriptors[0]["digest"].as_str().unwrap()[7..]);
            let bytes = std::fs::read(&path).unwrap();
            std::fs::write(&path, &bytes[..cut.min(bytes.len() - 1)]).unwrap();
            image
        });
    }
    refused("does not contain `blobs/sha256/", |image| {
        let image = image.stored(tar(), Stored::Plain);
        std::fs::remove_file(
            image.path.join("blobs/sha256").join(&image.descriptors[0]["digest"].as_str().unwrap()[7..]),
        )
        .unwrap();
        image
    });
    refused("is not one of a layer that can be unpacked", |mut image| {
        image = image.stored(tar(), Stored::Plain);
        image.descriptors[0]["mediaType"] = json!("application/x-unknown");
        image
    });
    refused("names 2 layers, but the manifest names 1", |mut image| {
        image = image.stored(tar(), Stored::Plain);
        image.config["rootfs"]["diff_ids"].as_array_mut().unwrap().push(json!(digest(b"")));
        image
    });
    refused("this machine is linux/", |mut image| {
        image.config["architecture"] = json!("s390x");
        image
    });
    refused("is not a SHA-256 digest", |mut image| {
        image.config["rootfs"]["diff_ids"] = json!(["sha256:../../etc"]);
        image
            .descriptors
            .push(json!({ "mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": digest(b""), "size": 0 }));
        image
    });
    refused("bytes, and the manifest says 7", |mut image| {
        image = image.layer(Layer::new().file("a", ""));
        image.descriptors[0]["size"] = json!(7);
        image
    });
    refused("its environment contains", |image| image.with(json!({ "Env": ["NO-EQUALS-SIGN"] })));
    refused("is not in the image's /etc/passwd", |image| {
        image.layer(Layer::new().file("a", "")).with(json!({ "User": "nobody-knows" }))
    });
    refused("which no user can have", |image| {
        image.layer(Layer::new().file("a", "")).with(json!({ "User": "4294967295:100" }))
    });
}

#[test]
fn the_files_of_a_layout_are_files() {
    refused_source("a symbolic link leads to it", |fixture| {
        let path = fixture.layout("image").layer(Layer::new().file("a", "x")).write();
        std::fs::rename(path.join("index.json"), path.join("other.json")).unwrap();
        std::os::unix::fs::symlink("other.json", path.join("index.json")).unwrap();
        path
    });
    refused_source("it is not a regular file", |fixture| {
        let path = fixture.layout("image").layer(Layer::new().file("a", "x")).write();
        std::fs::remove_file(path.join("index.json")).unwrap();
        let status = std::process::Command::new("mkfifo").arg(path.join("index.json")).status().unwrap();
        assert!(status.success());
        path
    });
    refused_source("it has more than", |fixture| {
        let path = fixture.layout("image").write();
        std::fs::File::options().write(true).open(path.join("index.json")).unwrap().set_len(1 << 30).unwrap();
        path
    });
}

#[test]
fn an_image_beyond_the_bounds_is_refused() {
    let bounds = ImageBounds {
        layers_max: 3,
        entries_max: 20,
        path_bytes_max: 300,
        file_bytes_max: 1000,
        bytes_max: 5000,
        depth_max: 5,
        top_entries_max: 18,
    };
    let check = |expected: &str, make: &dyn Fn(Layout) -> Layout| {
        let fixture = Fixture::new();
        let store = fixture.store.clone().with_bounds(bounds.clone());
        let path = make(fixture.layout("a")).write();
        let source = path.to_str().unwrap().parse().unwrap();
        // The first attempt leaves no layers that the second attempt could use.
        for _ in 0..2 {
            let text = store.add(&image_name("a"), &source, &Default::default()).unwrap_err().to_string();
            assert!(text.contains(expected), "{text}");
        }
    };
    let many = |n: usize| (0..n).fold(Layer::new(), |layer, at| layer.file(&format!("f{at}"), ""));
    check("more than 20 entries", &|image| image.layer(many(15)).layer(many(6)));
    check("the paths of the image have more than 300 bytes", &|image| {
        image.layer((0..4).fold(Layer::new(), |layer, at| layer.file(&format!("{}{at}", "x".repeat(80)), "")))
    });
    check("a file of 1001 bytes exceeds", &|image| image.layer(Layer::new().file("a", &"x".repeat(1001))));
    check("more than 5000 bytes", &|image| {
        let layer = (0..6).fold(Layer::new(), |layer, at| layer.file(&format!("f{at}"), &"x".repeat(900)));
        image.layer(layer)
    });
    check("more than 20 entries", &|image| {
        // Directories that exist only because the paths of other entries name them count, too.
        (0..7).fold(image, |image, at| match at {
            0 => image.layer((0..6).fold(Layer::new(), |layer, at| layer.file(&format!("{at}/b/c/f"), ""))),
            _ => image,
        })
    });
    check("it has 19 entries, and at most 18 are accepted", &|image| image.layer(many(18)));
    check("has more than 5 components", &|image| image.layer(Layer::new().file("1/2/3/4/5/6", "")));
    check("more than 5 directories deep", &|image| {
        image.layer(Layer::new().directory("1/2/3/4").symlink("a", "1/2/3/4").file("a/5/6", ""))
    });
    check("at most 3 are accepted", &|image| {
        (0..4).fold(image, |image, at| image.layer(Layer::new().file(&at.to_string(), "")))
    });
    // A header that promises a terabyte is refused before anything is written.
    check("exceeds the bound", &|image| {
        let mut tar = Layer::new().file("a", "x").tar();
        tar[124..136].copy_from_slice(b"\x80\0\0\0\0\0\x01\0\0\0\0\0");
        let mut sum: u32 = tar[..512].iter().map(|byte| u32::from(*byte)).sum();
        sum -= tar[148..156].iter().map(|byte| u32::from(*byte)).sum::<u32>();
        sum += 8 * u32::from(b' ');
        tar[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        image.stored(tar, Stored::Gzip)
    });
}

/// Each link leads to the deepest directory so far, so that all paths in the archive are short.
#[test]
fn a_tree_that_links_make_deep_is_refused() {
    let path = ["d"; 40].join("/");
    let chain = (0..10).fold(Layer::new().symlink("l0", "."), |layer, at| {
        layer.directory(&format!("l{at}/{path}")).symlink(&format!("l{}", at + 1), &format!("l{at}/{path}"))
    });
    layer("directories deep", chain);
}

#[test]
fn data_after_the_end_of_an_archive_is_bounded() {
    let padded = |bytes: usize| {
        let mut tar = Layer::new().file("a", "x").tar();
        tar.resize(tar.len() + bytes, 0);
        tar
    };
    let fixture = Fixture::new();
    fixture.add("a", &fixture.layout("a").stored(padded(1 << 19), Stored::Gzip).write()).unwrap();
    refused("follow the end of the archive", |image| image.stored(padded(3 << 20), Stored::Gzip));
}

/// Another process truncates the archive of a layer, writes it again, and appends to it, while the image is added.
#[test]
fn an_image_whose_layer_changes_while_it_is_read_is_refused_or_whole() {
    let content: String = (0..200_000).map(|line| format!("{line}\n")).collect();
    for (how, round) in [Stored::Plain, Stored::Gzip, Stored::Zstd].into_iter().flat_map(|how| [(how, 0), (how, 1)]) {
        let fixture = Fixture::new();
        let tar = Layer::new().file("a", &content).file("b", &content).tar();
        let path = fixture.layout("image").stored(tar, how).write();
        let blobs = std::fs::read_dir(path.join("blobs/sha256")).unwrap().map(|entry| entry.unwrap().path());
        let blob = blobs.max_by_key(|path| path.metadata().unwrap().len()).unwrap();
        let whole = std::fs::read(&blob).unwrap();
        let stop = AtomicBool::new(false);
        std::thread::scope(|threads| {
            threads.spawn(|| {
                let mut file = File::options().write(true).open(&blob).unwrap();
                for step in (round..).take_while(|_| !stop.load(Ordering::Relaxed)) {
                    let length = whole.len() / 7 * (step % 9);
                    file.set_len(length as u64).unwrap();
                    std::thread::yield_now();
                    file.seek(SeekFrom::Start(0)).unwrap();
                    file.write_all(&whole).unwrap();
                    std::thread::yield_now();
                }
            });
            for _ in 0..20 {
                match fixture.add("image", &path) {
                    Ok(_) => {
                        assert_eq!(fixture.store.verify(&image_name("image")).unwrap(), Vec::<String>::new());
                        fixture.store.remove(&image_name("image")).unwrap();
                    }
                    Err(error) => {
                        let text = error.to_string();
                        assert!(matches!(error, ImageError::Refused { .. }) && text.contains("layer 1"), "{text}");
                    }
                }
                fixture.assert_empty();
            }
            stop.store(true, Ordering::Relaxed);
        });
    }
}

#[test]
fn an_archive_that_is_longer_than_its_manifest_says_is_refused() {
    // Empty gzip members decompress to nothing, so only the size of the archive can bound them.
    let empty_member = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()).finish().unwrap();
    refused_source("bytes, and the manifest says", |fixture| {
        let path = fixture.layout("image").stored(Layer::new().file("a", "x").tar(), Stored::Gzip).write();
        let blobs = std::fs::read_dir(path.join("blobs/sha256")).unwrap().map(|entry| entry.unwrap().path());
        let blob = blobs.into_iter().find(|path| std::fs::read(path).unwrap().starts_with(b"\x1f\x8b")).unwrap();
        File::options().append(true).open(blob).unwrap().write_all(&empty_member.repeat(1000)).unwrap();
        path
    });
}

#[test]
fn a_large_file_in_etc_is_not_changed() {
    let fixture = Fixture::new();
    let large = "x".repeat(3 << 20);
    let names = ["passwd", "group", "hosts", "nsswitch.conf"];
    let layer = names.iter().fold(Layer::new(), |layer, name| layer.file(&format!("etc/{name}"), &large));
    let added = fixture.add("a", &fixture.layout("a").layer(layer).write()).unwrap();
    for name in names {
        let path = fixture.root(&added).join("etc").join(name);
        assert_eq!(std::fs::metadata(path).unwrap().len(), 3 << 20, "{name}");
    }
}

#[test]
fn names_and_attributes_are_bounded() {
    let long = "x".repeat(3 << 20);
    layer(
        "more than 1 MiB",
        Layer::new().entry(EntryType::GNULongName, b"long", b"", 0, long.as_bytes()).file("a", ""),
    );
    layer("more than 1 MiB", Layer::new().pax(&[("comment", &long)]).file("a", ""));
    // The entry should have no data; its data are skipped.
    layer("more than 1 MiB", Layer::new().entry(EntryType::Directory, b"d", b"", 0o755, long.as_bytes()).file("a", ""));
    layer("more than 1 MiB", Layer::new().entry(EntryType::Regular, b".wh.a", b"", 0, long.as_bytes()).file("a", ""));
    let fixture = Fixture::new();
    let large = Layer::new().file("a", &long).file("b", &long);
    fixture.add("a", &fixture.layout("a").layer(large).write()).unwrap();
}

#[test]
fn control_characters_of_a_path_do_not_reach_a_terminal() {
    layer("`\\u{1b}[2Ja` is a hard link", Layer::new().hard_link("\u{1b}[2Ja", "nothing"));
    layer("`../\\u{7}` contains", Layer::new().file("../\u{7}", ""));
    refused("its user `\\u{1b}]0;x\\u{7}` is not", |image| {
        image.layer(Layer::new().file("a", "")).with(json!({ "User": "\u{1b}]0;x\u{7}" }))
    });
    refused("linux/\\u{1b}[2J", |mut image| {
        image.config["architecture"] = json!("\u{1b}[2J");
        image
    });
    refused("media type `\\u{1b}[2J`", |image| {
        let mut image = image.layer(Layer::new().file("a", ""));
        image.descriptors[0]["mediaType"] = json!("\u{1b}[2J");
        image
    });
}

#[test]
fn an_unknown_type_of_entry_is_refused() {
    layer("has the unknown type", Layer::new().entry(EntryType::new(b'Z'), b"a", b"", 0o644, b""));
    layer("in the pax format", Layer::new().pax(&[("GNU.sparse.major", "1")]).file("a", "x"));
}

#[test]
fn a_directory_that_replaces_a_link_of_its_layer_gets_the_files_that_follow() {
    let fixture = Fixture::new();
    let layer = Layer::new().directory("x").symlink("a", "x").file("a/first", "").directory("a").file("a/second", "");
    let added = fixture.add("a", &fixture.layout("a").layer(layer).write()).unwrap();
    assert_eq!(crate::build::listing(&fixture.root(&added)), ["a/", "a/second", "x/", "x/first"]);
}

#[test]
fn a_repeated_name_in_a_layer_has_its_last_content() {
    let fixture = Fixture::new();
    let layer = Layer::new().file("a", "first").symlink("b", "a").file("a", "last").file("b", "file");
    let added = fixture.add("a", &fixture.layout("a").layer(layer).write()).unwrap();
    assert_eq!(std::fs::read_to_string(fixture.root(&added).join("a")).unwrap(), "last");
    assert_eq!(std::fs::read_to_string(fixture.root(&added).join("b")).unwrap(), "file");
    assert!(fixture.store.verify(&image_name("a")).unwrap().is_empty());
}
