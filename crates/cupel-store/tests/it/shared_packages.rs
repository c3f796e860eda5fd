//! Packages of several nodes with one blob store: available on all nodes, fetched once, verified, and not lost.

use std::fs::{self, File};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use cupel_core::problems::{PackagesError, TakeError, Taken};
use cupel_core::{BlobKind, Blobs, BlobsError, Packages};
use cupel_store::{DirectoryBlobs, LocalPackages, SharedPackages, share_package};
use cupel_types::{Bytes, ContentHash};

use crate::watched::Watched;

/// A directory of blobs, and a cache directory per node.
struct Cluster {
    folder: tempfile::TempDir,
    blobs: Arc<Watched>,
}

impl Cluster {
    fn new() -> Cluster {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("blobs")).unwrap();
        let blobs = DirectoryBlobs::open(&folder.path().join("blobs"), "one").unwrap();
        Cluster { folder, blobs: Arc::new(Watched::new(blobs)) }
    }

    fn node(&self, name: &str) -> SharedPackages {
        self.node_with(name, Bytes::mib(1024))
    }

    fn node_with(&self, name: &str, bytes_max: Bytes) -> SharedPackages {
        let local = LocalPackages::open(&self.cache(name), cupel_testkit::registry()).unwrap();
        SharedPackages::new(Arc::clone(&self.blobs) as _, local, bytes_max).unwrap()
    }

    fn cache(&self, node: &str) -> PathBuf {
        self.folder.path().join(node)
    }

    /// Names in a node's cache directory.
    fn names(&self, node: &str) -> Vec<String> {
        let entries = fs::read_dir(self.cache(node)).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn copies(&self, hash: &ContentHash) -> Vec<PathBuf> {
        let copies = self.blobs.list(BlobKind::CopiesOf(*hash)).unwrap();
        copies.iter().map(|copy| self.folder.path().join("blobs/one").join(copy.key.to_string())).collect()
    }

    /// Makes all copies of a package two hours old.
    fn age(&self, hash: &ContentHash) {
        for copy in self.copies(hash) {
            let file = File::options().append(true).open(copy).unwrap();
            let modified = file.metadata().unwrap().modified().unwrap();
            file.set_modified(modified - std::time::Duration::from_secs(2 * 60 * 60)).unwrap();
        }
    }

    /// A package with one secret test, whose answer has `length` bytes.
    fn source(&self, length: usize) -> PathBuf {
        let root = self.folder.path().join(format!("source-{length}"));
        for (path, text) in [
            ("problem.toml", "title = \"Echo\"\nslug = \"echo\"\n[limits]\ntime = 1.0\n"),
            ("statement.md", "Print what you read.\n"),
            ("tests/secret/1.in", "b\n"),
            ("tests/secret/1.out", &format!("{}\n", "b".repeat(length))),
        ] {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        root
    }

    fn import(&self, node: &SharedPackages, length: usize) -> Taken {
        let taken = node.import(&self.source(length)).unwrap();
        node.settle(&taken).unwrap();
        taken
    }
}

#[test]
fn a_package_imported_on_one_node_opens_on_another() {
    let cluster = Cluster::new();
    let (one, two) = (cluster.node("one"), cluster.node("two"));
    let taken = cluster.import(&one, 1);
    let opened = two.open(&taken.copy.hash).unwrap();
    assert_eq!(opened.package.hash, taken.copy.hash);
    assert_eq!(opened.package.problem.slug.as_str(), "echo");
    assert!(opened.package.root().starts_with(cluster.cache("two")));
    let answer = fs::read(opened.package.root().join("tests/secret/1.out")).unwrap();
    assert_eq!(answer, b"b\n");
    assert_eq!(two.size(&taken.copy.hash).unwrap(), one.size(&taken.copy.hash).unwrap());
    assert_eq!(cluster.names("two"), [taken.copy.hash.to_string()], "the node has no other package");
}

#[test]
fn a_package_is_missing_if_it_is_neither_in_the_blob_store_nor_on_this_machine() {
    let cluster = Cluster::new();
    let one = cluster.node("one");
    let (cached, stored) = (cluster.import(&one, 1).copy.hash, cluster.import(&one, 2).copy.hash);
    let nobody = ContentHash::from_bytes([7; 32]);
    let two = cluster.node("two");
    two.open(&cached).unwrap();
    cluster.copies(&cached).into_iter().for_each(|copy| fs::remove_file(copy).unwrap());
    assert_eq!(two.missing(&[cached, stored, nobody]).unwrap(), [nobody]);
    assert_eq!(cluster.node("three").missing(&[cached, stored, nobody]).unwrap(), [cached, nobody]);
}

#[test]
fn concurrent_requests_fetch_a_package_once() {
    let cluster = Cluster::new();
    let hash = cluster.import(&cluster.node("one"), 1).copy.hash;
    let two = cluster.node("two");
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| two.open(&hash).unwrap());
        }
    });
    two.open(&hash).unwrap();
    cluster.node("two").open(&hash).unwrap();
    assert_eq!(cluster.blobs.gets.load(Ordering::Relaxed), 1);
}

#[test]
fn the_same_package_gives_the_same_bytes_on_every_node() {
    let cluster = Cluster::new();
    let hash = cluster.import(&cluster.node("one"), 1).copy.hash;
    cluster.import(&cluster.node("two"), 1);
    let copies = cluster.copies(&hash);
    assert_eq!(copies.len(), 2);
    assert_eq!(fs::read(&copies[0]).unwrap(), fs::read(&copies[1]).unwrap());
}

#[test]
fn a_missing_package_is_distinguished_from_an_unreachable_blob_store() {
    let cluster = Cluster::new();
    let hash = cluster.import(&cluster.node("one"), 1).copy.hash;
    let (two, nobody) = (cluster.node("two"), ContentHash::from_bytes([7; 32]));
    assert!(matches!(two.open(&nobody), Err(PackagesError::Missing(missing)) if missing == nobody));
    fs::rename(cluster.folder.path().join("blobs"), cluster.folder.path().join("away")).unwrap();
    assert!(matches!(two.open(&hash), Err(PackagesError::Blobs(BlobsError::Store { .. }))));
    let refused = two.import(&cluster.source(2));
    assert!(matches!(refused, Err(TakeError::Packages(PackagesError::Blobs(_)))), "{refused:?}");
    fs::rename(cluster.folder.path().join("away"), cluster.folder.path().join("blobs")).unwrap();
    two.open(&hash).unwrap();
}

/// Content that an attacker with access to the blob store could store in place of a package.
#[test]
fn content_from_the_blob_store_is_verified() {
    let cluster = Cluster::new();
    let one = cluster.node("one");
    let hash = cluster.import(&one, 1).copy.hash;
    let [good] = &cluster.copies(&hash)[..] else { panic!("expected one copy") };
    let whole = fs::read(good).unwrap();

    let outside = cluster.folder.path().join("outside");
    let archive = |make: &dyn Fn(&mut tar::Builder<Vec<u8>>)| {
        let mut tar = tar::Builder::new(Vec::new());
        make(&mut tar);
        tar.into_inner().unwrap()
    };
    let entry = |tar: &mut tar::Builder<Vec<u8>>, name: &str, kind: tar::EntryType, link: Option<&str>| {
        let mut header = tar::Header::new_gnu();
        // The raw name, without the checks of `set_path`.
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(kind);
        header.set_size(if kind.is_file() { 1 } else { 0 });
        header.set_mode(0o644);
        if let Some(link) = link {
            header.as_old_mut().linkname[..link.len()].copy_from_slice(link.as_bytes());
        }
        header.set_cksum();
        tar.append(&header, if kind.is_file() { b"x".as_slice() } else { b"" }).unwrap();
    };
    use tar::EntryType::{Fifo, Link, Regular, Symlink};
    let absolute = outside.to_str().unwrap();
    let attacks: Vec<(&str, Vec<u8>)> = vec![
        ("nothing", Vec::new()),
        ("not an archive", b"hello".repeat(1000)),
        ("truncated", whole[..whole.len() / 2].to_vec()),
        ("a bit changed", {
            let mut changed = whole.clone();
            let at = changed.windows(6).position(|bytes| bytes == b"Print ").unwrap();
            changed[at] ^= 1;
            changed
        }),
        ("a path that escapes", archive(&|tar| entry(tar, "../../outside", Regular, None))),
        ("an absolute path", archive(&|tar| entry(tar, absolute, Regular, None))),
        ("a symbolic link that escapes", archive(&|tar| entry(tar, "way", Symlink, Some("../../outside")))),
        ("a hard link that escapes", archive(&|tar| entry(tar, "way", Link, Some("/etc/passwd")))),
        ("a file through a link", {
            archive(&|tar| {
                entry(tar, "way", Symlink, Some(cluster.folder.path().to_str().unwrap()));
                entry(tar, "way/outside", Regular, None);
            })
        }),
        ("a pipe", archive(&|tar| entry(tar, "pipe", Fifo, None))),
        ("another package", {
            let other = cluster.import(&one, 2).copy.hash;
            fs::read(&cluster.copies(&other)[0]).unwrap()
        }),
        ("one additional file", {
            let mut tar = tar::Builder::new(whole[..whole.len() - 1024].to_vec());
            entry(&mut tar, "tests/secret/2.in", Regular, None);
            tar.into_inner().unwrap()
        }),
    ];
    for (name, bytes) in attacks {
        fs::write(good, bytes).unwrap();
        let two = cluster.node("two");
        let opened = two.open(&hash);
        assert!(matches!(opened, Err(PackagesError::Damaged { .. })), "{name}: {opened:?}");
        assert_eq!(cluster.names("two"), Vec::<String>::new(), "{name}");
        assert!(!outside.exists(), "{name}");
    }
    // Importing the package again replaces the damaged copies.
    cluster.import(&cluster.node("three"), 1);
    assert_eq!(cluster.node("two").open(&hash).unwrap().package.hash, hash);
}

#[test]
fn a_package_damaged_in_the_cache_is_fetched_again() {
    let cluster = Cluster::new();
    let hash = cluster.import(&cluster.node("one"), 1).copy.hash;
    fs::write(cluster.cache("one").join(hash.to_string()).join("tests/secret/1.out"), "x\n").unwrap();
    let opened = cluster.node("one").open(&hash).unwrap();
    assert_eq!(fs::read(opened.package.root().join("tests/secret/1.out")).unwrap(), b"b\n");
}

#[test]
fn an_import_concurrent_with_a_removal_on_another_node_is_not_lost() {
    let cluster = Cluster::new();
    let (one, two) = (cluster.node("one"), cluster.node("two"));
    // A copy left by a draft that was deleted long ago.
    let hash = cluster.import(&one, 1).copy.hash;
    cluster.age(&hash);
    // Node two lists removable copies; no problem refers to this package yet.
    let may_go: Vec<_> = two.removable(None).unwrap().iter().map(|found| found.copy).collect();
    assert_eq!(may_go.len(), 1);
    // Node three imports the same content and refers to it. Then node two removes the copies that it listed.
    let three = cluster.node("three");
    let taken = cluster.import(&three, 1);
    two.remove(&may_go).unwrap();
    assert!(!may_go.contains(&taken.copy));
    assert_eq!(cluster.node("four").open(&hash).unwrap().package.hash, hash);
    assert_eq!(two.removable(None).unwrap(), [], "the new copy is too young to be removable");
}

#[test]
fn a_copy_is_created_again_if_referring_to_it_took_too_long() {
    let cluster = Cluster::new();
    let one = cluster.node("one");
    let mut taken = one.import(&cluster.source(1)).unwrap();
    let hash = taken.copy.hash;
    // While this node was suspended, other nodes removed the copy.
    one.remove(&[taken.copy]).unwrap();
    let Some(long_ago) = taken.kept_at.checked_sub(2 * cupel_core::problems::SETTLED_WITHIN) else { return };
    taken.kept_at = long_ago;
    one.settle(&taken).unwrap();
    assert_eq!(cluster.copies(&hash).len(), 1);
    assert_eq!(cluster.node("two").open(&hash).unwrap().package.hash, hash);
}

#[test]
fn a_refused_copy_is_removed_and_a_referenced_copy_stays() {
    let cluster = Cluster::new();
    let (one, two) = (cluster.node("one"), cluster.node("two"));
    let refused = one.import(&cluster.source(1)).unwrap();
    let hash = refused.copy.hash;
    let named = cluster.import(&two, 1);
    one.discard(&refused, true).unwrap();
    assert_eq!(cluster.copies(&hash).len(), 1);
    // Imported again on a node that already has a copy: no copy is made, and none is removed.
    let again = two.import(&cluster.source(1)).unwrap();
    assert_eq!((again.copy, again.is_own), (named.copy, false));
    two.discard(&again, true).unwrap();
    assert_eq!(cluster.node("three").open(&hash).unwrap().package.hash, hash);
}

#[test]
fn all_old_copies_but_the_newest_are_spare() {
    let cluster = Cluster::new();
    let hash = cluster.import(&cluster.node("one"), 1).copy.hash;
    cluster.age(&hash);
    let second = cluster.import(&cluster.node("two"), 1).copy;
    cluster.age(&hash);
    let found = cluster.node("three").removable(Some(&[hash])).unwrap();
    let spare: Vec<_> = found.iter().map(|found| (found.copy == second, found.is_spare)).collect();
    assert_eq!(spare, [(true, false), (false, true)]);
}

#[test]
fn the_cache_is_bounded_and_evicts_the_least_recently_used_but_no_open_package() {
    let cluster = Cluster::new();
    let one = cluster.node("one");
    let lengths = [100_001, 100_002, 100_003, 100_004];
    let hashes: Vec<ContentHash> = lengths.iter().map(|length| cluster.import(&one, *length).copy.hash).collect();
    // Each package takes a little over 100 KiB: two fit, three do not.
    let two = cluster.node_with("two", Bytes::kib(300));
    let here = || {
        let names = cluster.names("two");
        hashes.iter().map(|hash| names.contains(&hash.to_string())).collect::<Vec<_>>()
    };
    two.open(&hashes[0]).unwrap();
    two.open(&hashes[1]).unwrap();
    assert_eq!(here(), [true, true, false, false]);
    two.open(&hashes[0]).unwrap();
    two.open(&hashes[2]).unwrap();
    assert_eq!(here(), [true, false, true, false], "the least recently used package is evicted");
    let in_use = two.open(&hashes[0]).unwrap();
    two.open(&hashes[2]).unwrap();
    two.open(&hashes[3]).unwrap();
    assert_eq!(here(), [true, false, false, true], "the open package is not evicted");
    let others = [two.open(&hashes[1]).unwrap(), two.open(&hashes[2]).unwrap(), two.open(&hashes[3]).unwrap()];
    assert_eq!(here(), [true; 4], "the limit is exceeded, but all packages are open");
    assert!(in_use.package.root().join("tests/secret/1.out").exists());
    drop((others, in_use));
    two.open(&hashes[3]).unwrap();
    assert_eq!(here().iter().filter(|is_here| **is_here).count(), 2);
    drop(two);
    // A start also evicts packages that do not fit; the most recently used package stays.
    cluster.node_with("two", Bytes::kib(150));
    assert_eq!(here(), [false, false, false, true]);
}

#[test]
fn an_open_package_that_the_cache_tried_to_evict_is_not_read_again() {
    let cluster = Cluster::new();
    let one = cluster.node("one");
    let hashes: Vec<ContentHash> = (1..=2).map(|n| cluster.import(&one, 50_000 + n).copy.hash).collect();
    // Only one of the packages fits.
    let two = cluster.node_with("two", Bytes::kib(100));
    let in_use = two.open(&hashes[0]).unwrap();
    for _ in 0..2 {
        let other = two.open(&hashes[1]).unwrap();
        assert!(Arc::ptr_eq(&two.open(&hashes[0]).unwrap(), &in_use), "the same value, without another read");
        assert!(Arc::ptr_eq(&two.opened(&hashes[1]).unwrap(), &other));
    }
    let other = two.open(&hashes[1]).unwrap();
    assert!(Arc::ptr_eq(&two.opened(&hashes[0]).unwrap(), &in_use));
    drop((in_use, other));
    two.open(&hashes[1]).unwrap();
    assert_eq!(cluster.names("two"), [hashes[1].to_string()], "a package that no caller has open is evicted");
    assert!(two.opened(&hashes[0]).is_none());
}

#[test]
fn an_open_package_is_not_evicted() {
    let cluster = Cluster::new();
    let one = cluster.node("one");
    let hashes: Vec<ContentHash> = (1..=6).map(|n| cluster.import(&one, 50_000 + n).copy.hash).collect();
    let two = cluster.node_with("two", Bytes::kib(100));
    let missing = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (two, hashes, missing) = (&two, &hashes, &missing);
            scope.spawn(move || {
                for round in 0..30 {
                    let opened = two.open(&hashes[(thread * 5 + round) % hashes.len()]).unwrap();
                    for path in ["problem.toml", "tests/secret/1.in", "tests/secret/1.out"] {
                        if let Err(error) = File::open(opened.package.root().join(path)) {
                            assert_eq!(error.kind(), io::ErrorKind::NotFound);
                            missing.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                }
            });
        }
    });
    assert_eq!(missing.load(Ordering::Relaxed), 0);
    // The packages that were kept open are closed now; the next use evicts what does not fit.
    two.open(&hashes[0]).unwrap();
    assert!(cluster.names("two").len() <= 2, "{:?}", cluster.names("two"));
}

#[test]
fn an_installation_on_one_machine_shares_its_packages() {
    let cluster = Cluster::new();
    let alone = LocalPackages::open(&cluster.cache("alone"), cupel_testkit::registry()).unwrap();
    let hashes: Vec<_> = (1..=2).map(|n| alone.import(&cluster.source(n)).unwrap().copy.hash).collect();
    let copies = |hash: &ContentHash| cluster.blobs.list(BlobKind::CopiesOf(*hash)).unwrap().len();
    for _ in 0..2 {
        hashes.iter().for_each(|hash| share_package(&alone, cluster.blobs.as_ref(), hash).unwrap());
        assert_eq!(hashes.iter().map(copies).collect::<Vec<_>>(), [1, 1]);
    }
    let one = cluster.node("one");
    hashes.iter().for_each(|hash| assert_eq!(one.open(hash).unwrap().package.hash, *hash));
    let missing = share_package(&alone, cluster.blobs.as_ref(), &ContentHash::from_bytes([7; 32]));
    assert!(matches!(missing, Err(PackagesError::Missing(_))), "{missing:?}");
}

#[test]
fn leftovers_of_a_crash_are_removed() {
    let cluster = Cluster::new();
    let one = cluster.node("one");
    let hash = cluster.import(&one, 1).copy.hash;
    fs::create_dir_all(cluster.cache("one").join(".gone-x/package")).unwrap();
    drop(one.upload().unwrap().keep().unwrap());
    assert_eq!(one.tidy().unwrap(), 2);
    assert_eq!(cluster.names("one"), [hash.to_string()]);
}
