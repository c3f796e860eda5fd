//! Tests of the store: adding, sharing, verifying and removing layers and images.

use std::collections::HashMap;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use cupel_images::{AddedImage, ImageError, ImageStore, Pruned};
use serde_json::json;
use tar::EntryType;

use crate::build::{Fixture, Layer, Stored, image_name, listing};

#[test]
fn a_higher_layer_replaces_removes_and_merges() {
    let fixture = Fixture::new();
    let lower = Layer::new()
        .directory("kept")
        .file("kept/a", "lower")
        .file("kept/b", "lower")
        .directory("hidden")
        .file("hidden/old", "x")
        .directory("gone")
        .file("gone/deep", "x")
        .file("was-file", "x")
        .directory("was-directory")
        .file("was-directory/x", "x")
        .symlink("link", "kept/a");
    let upper = Layer::new()
        .file("kept/.wh.b", "")
        .file("kept/a", "upper")
        .file("hidden/.wh..wh..opq", "")
        .file("hidden/new", "x")
        .file(".wh.gone", "")
        .file(".wh.never", "")
        .file(".wh..wh.plnk", "")
        .directory("was-file")
        .file("was-file/now", "x")
        .file("was-directory", "a file now");
    let added = fixture.add("a", &fixture.layout("a").layer(lower).layer(upper).write()).unwrap();
    let root = fixture.root(&added);
    assert_eq!(
        listing(&root),
        ["hidden/", "hidden/new", "kept/", "kept/a", "link -> kept/a", "was-directory", "was-file/", "was-file/now"]
    );
    assert_eq!(std::fs::read_to_string(root.join("kept/a")).unwrap(), "upper");
}

#[test]
fn every_compression_gives_the_same_root() {
    let fixture = Fixture::new();
    let tar = || Layer::new().file("a", &"text ".repeat(100_000)).hard_link("b", "a").tar();
    for (name, how) in [("plain", Stored::Plain), ("gzip", Stored::Gzip), ("zstd", Stored::Zstd)] {
        // Each image has a different lower layer, so that its root is new.
        let path = fixture.layout(name).layer(Layer::new().file(name, "")).stored(tar(), how).write();
        let added = fixture.add(name, &path).unwrap();
        let root = fixture.root(&added);
        assert_eq!(std::fs::metadata(root.join("b")).unwrap().len(), 500_000, "{name}");
        assert_eq!(added.layers_unpacked, if name == "plain" { 2 } else { 1 }, "{name}: layers are shared");
    }
}

#[test]
fn files_keep_their_times_and_holes_and_lose_owners_and_privileges() {
    let fixture = Fixture::new();
    let layer = Layer::new()
        .entry(EntryType::Regular, b"secret", b"", 0o600, b"x")
        .entry(EntryType::Regular, b"set-user-id", b"", 0o4711, b"x")
        .pax(&[("SCHILY.xattr.security.capability", "x"), ("SCHILY.xattr.user.note", "kept")])
        .entry(EntryType::Regular, b"capable", b"", 0o755, b"x")
        .entry(EntryType::Directory, b"closed", b"", 0o700, b"")
        .entry(EntryType::Char, b"null", b"", 0o666, b"")
        .entry(EntryType::Fifo, b"pipe", b"", 0o666, b"")
        .file("zeros", &"\0".repeat(1 << 20));
    let added = fixture.add("a", &fixture.layout("a").layer(layer).write()).unwrap();
    let root = fixture.root(&added);
    let mode = |name: &str| std::fs::metadata(root.join(name)).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode("secret"), 0o644, "programs of every user read it");
    assert_eq!(mode("set-user-id"), 0o755);
    assert_eq!(mode("closed"), 0o755);
    assert_eq!(mode("etc"), 0o755, "a directory that no layer has");
    assert_eq!(mode("etc/passwd"), 0o644);
    assert_eq!(std::fs::metadata(root.join("secret")).unwrap().mtime(), 1_000_000_000);
    let zeros = std::fs::metadata(root.join("zeros")).unwrap();
    assert_eq!((zeros.len(), zeros.blocks()), (1 << 20, 0), "a hole");
    let mut value = [0; 16];
    let n = rustix::fs::getxattr(root.join("capable"), "user.note", &mut value).unwrap_or(0);
    assert!(n == 0 || &value[..n] == b"kept", "kept where the file system has extended attributes");
    assert!(rustix::fs::getxattr(root.join("capable"), "security.capability", &mut value).is_err());
    assert_eq!(listing(&root), ["capable", "closed/", "secret", "set-user-id", "zeros"]);
    assert_eq!((added.image.left_out, added.image.privileges_dropped), (2, 2));
}

#[test]
fn the_configuration_sets_environment_directory_and_user_of_programs() {
    let fixture = Fixture::new();
    let passwd = Layer::new()
        .directory("etc")
        .file("etc/passwd", "root:x:0:0::/root:/bin/sh\nstudent:x:4711:4711::/home:/bin/sh");
    let path = fixture
        .layout("a")
        .layer(passwd)
        .with(json!({ "Env": ["PATH=/opt/bin:/usr/bin", "EMPTY=", "A=b=c"], "WorkingDir": "/course", "User": "student:staff" }))
        .write();
    let added = fixture.add("a", &path).unwrap();
    let text = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(added.image.config.env, [text("PATH", "/opt/bin:/usr/bin"), text("EMPTY", ""), text("A", "b=c")]);
    assert_eq!(added.image.config.directory.as_deref(), Some("/course"));
    assert_eq!(added.image.uid, Some(4711));
    let passwd = std::fs::read_to_string(fixture.root(&added).join("etc/passwd")).unwrap();
    assert_eq!(passwd.lines().count(), 2, "{passwd}");
}

#[test]
fn a_root_names_the_user_of_its_programs() {
    let fixture = Fixture::new();
    let layer = Layer::new().directory("etc").file("etc/passwd", "root:x:0:0::/root:/bin/sh").file("etc/hosts", "");
    let added = fixture.add("a", &fixture.layout("a").layer(layer).write()).unwrap();
    let etc = fixture.root(&added).join("etc");
    let read = |name: &str| std::fs::read_to_string(etc.join(name)).unwrap();
    assert_eq!(read("passwd"), "root:x:0:0::/root:/bin/sh\nuser:x:1000:1000:user:/tmp:/bin/sh\n");
    assert_eq!(read("group"), "user:x:1000:\n");
    assert!(read("hosts").contains("localhost"));
    // The layer itself has not changed, although the root links to its files.
    assert!(fixture.store.verify(&image_name("a")).unwrap().is_empty());
}

#[test]
fn names_are_listed_replaced_and_removed_with_their_unshared_layers() {
    let fixture = Fixture::new();
    let shared = || Layer::new().file("shared", "x");
    let one = fixture.layout("one").layer(shared()).layer(Layer::new().file("one", "x")).write();
    let two = fixture.layout("two").layer(shared()).layer(Layer::new().file("two", "x")).write();
    let first = fixture.add("course/a:1", &one).unwrap();
    fixture.add("b", &two).unwrap();
    let replaced = fixture.add("b", &one).unwrap();
    assert!(replaced.replaced.is_some());
    assert_eq!(replaced.layers_unpacked, 0);
    assert_eq!(replaced.image.id, first.image.id);
    let names: Vec<_> = fixture.store.list().unwrap().into_iter().map(|image| image.name.to_string()).collect();
    assert_eq!(names, ["b:latest", "course/a:1"]);
    assert_eq!(
        fixture.store.prune().unwrap(),
        Pruned { roots: 1, layers: 1, in_use: 0, deferred: false },
        "the layer and root of two"
    );
    fixture.store.remove(&image_name("b")).unwrap();
    assert!(fixture.root(&first).is_dir(), "the other name still has it");
    let used = fixture.store.hold(&first.image.id).unwrap();
    assert_eq!(
        fixture.store.remove(&image_name("course/a:1")).unwrap(),
        Pruned { roots: 0, layers: 0, in_use: 1, deferred: false }
    );
    assert!(used.path().join("one").exists(), "a root in use stays, and so do its files");
    assert!(fixture.store.has_unneeded().unwrap());
    drop(used);
    assert_eq!(fixture.store.prune().unwrap(), Pruned { roots: 1, layers: 2, in_use: 0, deferred: false });
    assert!(!fixture.store.has_unneeded().unwrap());
    fixture.assert_empty();
    assert!(matches!(fixture.store.remove(&image_name("b")), Err(ImageError::Unknown(_))));
}

#[test]
fn damage_on_the_disk_is_found() {
    let fixture = Fixture::new();
    let layer = Layer::new().file("a", "text").file("b", "text").symlink("c", "a");
    let added = fixture.add("a", &fixture.layout("a").layer(layer).write()).unwrap();
    assert!(fixture.store.verify(&image_name("a")).unwrap().is_empty());
    // The file in the root is a hard link to the file of the layer.
    std::fs::write(fixture.root(&added).join("b"), "tExt").unwrap();
    assert_eq!(fixture.store.verify(&image_name("a")).unwrap(), [std::path::Path::new("/b")]);
}

#[test]
fn damage_of_a_root_is_found_and_not_taken_for_the_image() {
    let fixture = Fixture::new();
    let lower = Layer::new().file("etc/passwd", "root:x:0:0::/:/bin/sh\n").file("d/a", "text").symlink("d/b", "a");
    let path = fixture.layout("a").layer(lower).layer(Layer::new().file("d/.wh.a", "").file("c", "text")).write();
    let added = fixture.add("a", &path).unwrap();
    let root = fixture.root(&added);
    let verify = || {
        let damaged = fixture.store.verify(&image_name("a")).unwrap();
        damaged.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(verify(), "");
    std::fs::write(root.join("extra"), "").unwrap();
    assert_eq!(verify(), "/extra");
    std::fs::remove_file(root.join("extra")).unwrap();
    std::fs::remove_file(root.join("d/b")).unwrap();
    assert_eq!(verify(), "/d/b");
    std::os::unix::fs::symlink("a", root.join("d/b")).unwrap();
    assert_eq!(verify(), "", "the same link");
    // This file belongs to the root, because it names the user.
    let text = std::fs::read_to_string(root.join("etc/passwd")).unwrap();
    std::fs::write(root.join("etc/passwd"), text.replace("root", "toor")).unwrap();
    assert_eq!(verify(), "/etc/passwd");
    let refused = fixture.add("b", &path).unwrap_err();
    assert!(matches!(&refused, ImageError::Damaged { path } if path == "/etc/passwd"), "{refused}");
    fixture.store.remove(&image_name("a")).unwrap();
    fixture.add("a", &path).unwrap();
    assert_eq!(verify(), "");
}

/// Concurrent additions, removals and checks, as by several processes.
#[test]
fn every_image_is_whole_whatever_is_removed_meanwhile() {
    let fixture = Fixture::new();
    let shared = || (0..200).fold(Layer::new(), |layer, at| layer.file(&format!("shared/{at}"), "x"));
    let images: Vec<_> = (0..3)
        .map(|number| {
            let own = (0..50).fold(Layer::new(), |layer, at| layer.file(&format!("own/{number}-{at}"), "x"));
            fixture.layout(&number.to_string()).layer(shared()).layer(own).write()
        })
        .collect();
    std::thread::scope(|threads| {
        for (number, path) in images.iter().enumerate() {
            let (fixture, name) = (&fixture, format!("image{number}"));
            threads.spawn(move || {
                for _ in 0..25 {
                    fixture.add(&name, path).unwrap();
                    let damaged = fixture.store.verify(&image_name(&name)).unwrap();
                    assert!(damaged.is_empty(), "{damaged:?}");
                    fixture.store.remove(&image_name(&name)).unwrap();
                }
            });
        }
        threads.spawn(|| (0..100).for_each(|_| assert_eq!(fixture.store.prune().unwrap().in_use, 0)));
    });
    fixture.store.prune().unwrap();
    fixture.assert_empty();
}

#[test]
fn a_prune_reports_that_it_is_deferred_while_an_image_is_added_or_verified() {
    let fixture = Fixture::new();
    let path = fixture.layout("a").layer(Layer::new().file("a", "x")).write();
    fixture.add("a", &path).unwrap();
    // As an addition or a verification in another process does.
    let lock = std::fs::File::open(fixture.directory.path().join("store/locks/store")).unwrap();
    lock.lock_shared().unwrap();
    let deferred = Pruned { deferred: true, ..Pruned::default() };
    assert_eq!(fixture.store.remove(&image_name("a")).unwrap(), deferred);
    assert_eq!(fixture.store.prune().unwrap(), deferred);
    lock.unlock().unwrap();
    assert_eq!(fixture.store.prune().unwrap(), Pruned { roots: 1, layers: 1, in_use: 0, deferred: false });
}

#[test]
fn the_bound_on_disk_space_holds_for_all_layers_together() {
    let fixture = Fixture::new();
    let store = ImageStore::new(fixture.directory.path().join("small"), 1500);
    let add = |name: &str| {
        let path = fixture.layout(name).layer(Layer::new().file(name, &"x".repeat(1000))).write();
        store.add(&image_name(name), &path.to_str().unwrap().parse().unwrap(), &Default::default())
    };
    add("a").unwrap();
    assert!(matches!(add("b"), Err(ImageError::Full { needed: 500, bound: 1500 })));
    store.remove(&image_name("a")).unwrap();
    add("b").unwrap();
    store.remove(&image_name("b")).unwrap();
    // Layers of images that have lost their name are removed to make room.
    for text in ["c", "d", "e", "f"] {
        let path = fixture.layout(text).layer(Layer::new().file(text, &text.repeat(400))).write();
        store.add(&image_name("name"), &path.to_str().unwrap().parse().unwrap(), &Default::default()).unwrap();
    }
    assert_eq!(store.list().unwrap().len(), 1);
}

#[test]
fn files_of_an_interrupted_addition_are_removed_by_the_next_addition() {
    let fixture = Fixture::new();
    let path = fixture.layout("a").layer(Layer::new().file("a", "x")).write();
    fixture.add("a", &path).unwrap();
    let left = fixture.directory.path().join("store/incoming/left");
    std::fs::create_dir(&left).unwrap();
    fixture.add("a", &path).unwrap();
    assert!(!left.exists());
}

/// Total size of the regular files beneath a directory. A file with several links counts once.
fn disk_used(directory: &Path) -> u64 {
    fn walk(at: &Path, sizes: &mut HashMap<u64, u64>) {
        for entry in std::fs::read_dir(at).unwrap().map(Result::unwrap) {
            let meta = entry.path().symlink_metadata().unwrap();
            match meta.is_dir() {
                true => walk(&entry.path(), sizes),
                false => drop(sizes.insert(meta.ino(), meta.len())),
            }
        }
    }
    let mut sizes = HashMap::new();
    ["layers", "roots"].iter().for_each(|part| walk(&directory.join(part), &mut sizes));
    sizes.into_values().sum()
}

#[test]
fn the_bound_on_disk_space_holds_while_replaced_images_are_in_use() {
    const BOUND: u64 = 100_000;
    let fixture = Fixture::new();
    let place = fixture.directory.path().join("small");
    let store = ImageStore::new(&place, BOUND);
    let mut in_use = Vec::new();
    let mut refused = 0;
    for day in 0..10 {
        let layer = Layer::new().file("data", &format!("{day}").repeat(40_000));
        let path = fixture.layout(&format!("day-{day}")).layer(layer).write();
        match store.add(&image_name("daily"), &path.to_str().unwrap().parse().unwrap(), &Default::default()) {
            Ok(added) => in_use.push(store.hold(&added.image.id).unwrap()),
            Err(ImageError::Full { bound, .. }) => {
                assert_eq!(bound, BOUND);
                refused += 1;
                in_use.remove(0);
            }
            Err(other) => panic!("{other}"),
        }
        // Each root also has a few small files of its own.
        let used = disk_used(&place);
        assert!(used <= BOUND + 5_000, "day {day}: {used} bytes");
        assert!(in_use.iter().all(|root| root.path().join("data").exists()), "day {day}");
    }
    assert!(refused > 0, "ten images of 40 kB do not fit into 100 kB");
}

/// Gives a directory with all its files to a user.
fn give(path: &Path, user: u32) {
    chown(path, Some(user), Some(user)).unwrap();
    if path.is_dir() && !path.is_symlink() {
        std::fs::read_dir(path).unwrap().for_each(|entry| give(&entry.unwrap().path(), user));
    }
}

/// Calls `call` on a thread of another user, without privileges.
fn as_user<T: Send>(user: u32, call: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|threads| {
        let thread = threads.spawn(|| {
            let uid = rustix::thread::Uid::from_raw(user);
            rustix::thread::set_thread_res_uid(uid, uid, uid).unwrap();
            call()
        });
        thread.join().unwrap()
    })
}

/// Whether a test can change users and mount file systems.
fn is_root() -> bool {
    let is_root = rustix::process::geteuid().is_root();
    if !is_root {
        eprintln!("not tested: this needs root");
    }
    is_root
}

/// A directory that is mounted read-only over itself.
struct ReadOnly(PathBuf);

impl ReadOnly {
    /// `None` if this process may not mount.
    fn mount(directory: PathBuf) -> Option<ReadOnly> {
        let mount = |args: &[&str]| Command::new("mount").args(args).arg(&directory).status().unwrap().success();
        if !mount(&["--bind", directory.to_str().unwrap()]) {
            eprintln!("not tested: this needs the right to mount");
            return None;
        }
        let is_read_only = mount(&["-o", "remount,bind,ro"]);
        let mounted = ReadOnly(directory);
        assert!(is_read_only);
        Some(mounted)
    }
}

impl Drop for ReadOnly {
    fn drop(&mut self) {
        assert!(Command::new("umount").arg("--lazy").arg(&self.0).status().unwrap().success());
    }
}

/// The server's user.
const SERVER: u32 = 4321;

#[test]
fn a_root_that_root_has_held_under_a_strict_umask_can_be_held_and_removed_by_the_servers_user() {
    if !is_root() {
        return;
    }
    let fixture = Fixture::new();
    let path = fixture.layout("a").layer(Layer::new().file("a", "x")).write();
    let added = fixture.add("a", &path).unwrap();
    let lock = fixture.directory.path().join(format!("store/locks/root-{}", added.image.id));
    give(fixture.directory.path(), SERVER);
    std::fs::remove_file(&lock).unwrap();
    drop(fixture.store.hold(&added.image.id).unwrap());
    let state = || std::fs::metadata(&lock).map(|meta| (meta.mode() & 0o7777, meta.uid(), meta.ino())).unwrap();
    assert_eq!((state().0, state().1), (0o644, SERVER));
    let verify = || as_user(SERVER, || fixture.store.verify(&image_name("a")).unwrap());
    let held = as_user(SERVER, || fixture.store.hold(&added.image.id).unwrap());
    assert_eq!(verify(), [] as [&Path; 0]);
    drop((held, fixture.store.hold(&added.image.id).unwrap()));

    // An earlier version of Cupel left the file to the process that held the root first, and to its umask.
    chown(&lock, Some(0), Some(0)).unwrap();
    std::fs::set_permissions(&lock, std::fs::Permissions::from_mode(0o600)).unwrap();
    let (_, _, inode) = state();
    let error = as_user(SERVER, || fixture.store.hold(&added.image.id).unwrap_err());
    let remedy = format!("as root, run `chmod 644 {}`", lock.display());
    assert!(cupel_types::chain(&error).contains(&remedy), "{}", cupel_types::chain(&error));
    assert_eq!(state(), (0o600, 0, inode), "a process may hold the lock, so the file is not replaced");
    drop(fixture.store.hold(&added.image.id).unwrap());
    assert_eq!(state(), (0o644, 0, inode), "root repairs the mode");
    drop(as_user(SERVER, || fixture.store.hold(&added.image.id).unwrap()));
    assert_eq!(verify(), [] as [&Path; 0]);
    let removed = as_user(SERVER, || fixture.store.remove(&image_name("a")).unwrap());
    assert_eq!(removed, Pruned { roots: 1, layers: 1, in_use: 0, deferred: false });
}

/// A store of the server's user with an image, and a file that only root may read.
fn store_of_server() -> (Fixture, AddedImage, PathBuf) {
    let fixture = Fixture::new();
    let path = fixture.layout("a").layer(Layer::new().file("a", "x")).write();
    let added = fixture.add("a", &path).unwrap();
    give(fixture.directory.path(), SERVER);
    let secret = fixture.directory.path().join("secret");
    std::fs::write(&secret, "").unwrap();
    std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o600)).unwrap();
    (fixture, added, secret)
}

#[test]
fn a_link_in_the_place_of_a_lock_gives_nobody_the_file_behind_it() {
    if !is_root() {
        return;
    }
    let (fixture, added, secret) = store_of_server();
    let locks = fixture.directory.path().join("store/locks");
    let state = || std::fs::metadata(&secret).map(|meta| (meta.mode() & 0o7777, meta.uid(), meta.nlink())).unwrap();
    let lock = locks.join(format!("root-{}", added.image.id));
    let hold = || cupel_types::chain(&fixture.store.hold(&added.image.id).unwrap_err());

    std::fs::remove_file(&lock).unwrap();
    symlink(&secret, &lock).unwrap();
    let error = hold();
    assert!(error.contains("it is a symbolic link; remove it"), "{error}");
    assert_eq!(state(), (0o600, 0, 1));

    std::fs::remove_file(&lock).unwrap();
    std::fs::hard_link(&secret, &lock).unwrap();
    let error = hold();
    assert!(error.contains("several names (hard links); remove this one"), "{error}");
    assert_eq!(state(), (0o600, 0, 2));

    // The user has moved a file of root here, which is not empty.
    std::fs::remove_file(&lock).unwrap();
    std::fs::write(&lock, "secret").unwrap();
    std::fs::set_permissions(&lock, std::fs::Permissions::from_mode(0o600)).unwrap();
    drop(fixture.store.hold(&added.image.id).unwrap());
    let meta = std::fs::metadata(&lock).unwrap();
    assert_eq!((meta.mode() & 0o7777, meta.uid()), (0o600, 0));
}

#[test]
fn root_creates_nothing_behind_a_link_in_the_place_of_a_directory_of_the_store() {
    if !is_root() {
        return;
    }
    let (fixture, added, _) = store_of_server();
    let store = fixture.directory.path().join("store");
    let elsewhere = fixture.directory.path().join("elsewhere");
    std::fs::create_dir_all(elsewhere.join("kept")).unwrap();
    let links = |name: &str| {
        let (path, aside) = (store.join(name), store.join("aside"));
        std::fs::rename(&path, &aside).unwrap();
        symlink(&elsewhere, &path).unwrap();
        for error in [
            fixture.store.create().unwrap_err(),
            fixture.store.prune().unwrap_err(),
            fixture.store.verify(&image_name("a")).unwrap_err(),
        ] {
            let error = cupel_types::chain(&error);
            assert!(error.contains(&format!("{}: it is not a directory; remove it", path.display())), "{error}");
        }
        if name == "locks" {
            let error = cupel_types::chain(&fixture.store.hold(&added.image.id).unwrap_err());
            assert!(error.contains("it is not a directory; remove it"), "{error}");
        }
        std::fs::remove_file(&path).unwrap();
        std::fs::rename(&aside, &path).unwrap();
        assert_eq!(listing(&elsewhere), ["kept/"], "{name}");
    };
    ["locks", "roots", "layers", "incoming"].into_iter().for_each(links);
}

#[test]
fn the_index_and_the_records_are_not_read_through_a_link() {
    let fixture = Fixture::new();
    let path = fixture.layout("a").layer(Layer::new().file("a", "x")).write();
    let added = fixture.add("a", &path).unwrap();
    let store = fixture.directory.path().join("store");
    let held = fixture.store.hold(&added.image.id).unwrap();
    for name in ["index.json".to_owned(), format!("roots/{}.layers", added.image.id)] {
        let (path, aside) = (store.join(&name), store.join("aside"));
        std::fs::rename(&path, &aside).unwrap();
        symlink(&aside, &path).unwrap();
        let error = match name.as_str() {
            "index.json" => fixture.store.list().unwrap_err(),
            // The root stays in use, so that its removal reads which layers it has.
            _ => fixture.store.remove(&image_name("a")).unwrap_err(),
        };
        let error = cupel_types::chain(&error);
        assert!(error.contains("it is a symbolic link; remove it"), "{name}: {error}");
        std::fs::rename(&aside, &path).unwrap();
    }
    drop(held);
}

#[test]
fn a_prune_removes_incomplete_files_and_the_records_of_missing_roots() {
    let fixture = Fixture::new();
    let path = fixture.layout("a").layer(Layer::new().file("a", "x")).write();
    let added = fixture.add("a", &path).unwrap();
    let store = fixture.directory.path().join("store");
    let kept = store.join(format!("roots/{}.layers", added.image.id));
    let missing = format!("roots/{}.layers", "0".repeat(64));
    let left = [".tmpA", "locks/.tmpB", "roots/.tmpC", missing.as_str()].map(|name| store.join(name));
    left.iter().for_each(|path| std::fs::write(path, "").unwrap());
    fixture.store.prune().unwrap();
    assert!(left.iter().all(|path| !path.exists()), "{left:?}");
    assert!(kept.exists());
    fixture.store.remove(&image_name("a")).unwrap();
    assert!(!kept.exists());
}

/// Regression: a server that root starts created the directories of a store outside its data directory. They belonged
/// to root, so every later pull failed.
#[test]
fn directories_that_root_creates_belong_to_the_owner_of_the_store() {
    if !is_root() {
        return;
    }
    let fixture = Fixture::new();
    let path = fixture.layout("a").layer(Layer::new().file("a", "x")).write();
    let store = fixture.directory.path().join("store");
    std::fs::create_dir(&store).unwrap();
    // Left by an earlier version of Cupel.
    std::fs::create_dir(store.join("locks")).unwrap();
    give(fixture.directory.path(), SERVER);
    let owner = |name: &str| std::fs::metadata(store.join(name)).unwrap().uid();
    chown(store.join("locks"), Some(0), Some(0)).unwrap();
    fixture.store.create().unwrap();
    assert_eq!(["layers", "roots", "incoming", "locks"].map(owner), [SERVER; 4]);
    as_user(SERVER, || fixture.add("a", &path).unwrap());
    chown(store.join("layers"), Some(0), Some(0)).unwrap();
    fixture.store.create().unwrap();
    assert_eq!(owner("layers"), 0, "a directory with files keeps its owner");
}

#[test]
fn any_user_can_use_a_store_that_root_has_filled_in_a_build_step() {
    if !is_root() {
        return;
    }
    let fixture = Fixture::new();
    let path = fixture.layout("a").layer(Layer::new().file("a", "x")).write();
    let added = fixture.add("a", &path).unwrap();
    // A build step has an ordinary umask, so other users can reach the files of the store.
    for directory in ["", "store", "store/roots", "store/locks"] {
        let path = fixture.directory.path().join(directory);
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let use_it = || {
        assert_eq!(fixture.store.get(&image_name("a")).unwrap().id, added.image.id);
        assert!(fixture.store.hold(&added.image.id).unwrap().path().join("a").exists());
    };
    as_user(SERVER, use_it);
    let Some(_read_only) = ReadOnly::mount(fixture.directory.path().join("store")) else { return };
    as_user(SERVER, use_it);
    use_it();
}

#[test]
fn a_root_on_a_read_only_file_system_needs_no_lock() {
    if !is_root() {
        return;
    }
    let fixture = Fixture::new();
    let path = fixture.layout("a").layer(Layer::new().file("a", "x")).write();
    let added = fixture.add("a", &path).unwrap();
    let store = fixture.directory.path().join("store");
    std::fs::remove_file(store.join(format!("locks/root-{}", added.image.id))).unwrap();
    let Some(_read_only) = ReadOnly::mount(store) else { return };
    let held = fixture.store.hold(&added.image.id).unwrap();
    assert!(held.path().join("a").exists());
}
