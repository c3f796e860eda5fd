//! The artefact cache: exact, bounded, and careful with what a crash or a bad disk left.

use cupel_types::{BoxFile, BoxPath};

use super::*;

fn entry(text: &str, bytes: usize) -> (BoxFiles, Arc<[u8]>) {
    let file = |path: &str, executable| BoxFile {
        path: BoxPath::new(path).unwrap(),
        data: text.bytes().cycle().take(bytes).collect(),
        executable,
    };
    (BoxFiles::new(vec![file("main", true), file("lib/data.txt", false)]), Arc::from(text.as_bytes()))
}

fn key(n: u8) -> ArtifactKey {
    ArtifactKey([n; 32])
}

fn disk_of(cache: &Artifacts) -> &Disk {
    cache.disk.as_ref().unwrap()
}

fn put_on_disk(cache: &Artifacts, n: u8, bytes: usize) {
    let (files, output) = entry("x", bytes);
    disk_of(cache).put(&key(n), &Entry { files, output });
}

#[test]
fn what_was_put_comes_back_unchanged() {
    let dir = tempfile::tempdir().unwrap();
    let (files, output) = entry("hello", 100_000);
    let cache = Artifacts::open(dir.path(), ArtifactBounds::default()).unwrap();
    cache.put(key(1), &files, &output);
    assert_eq!(cache.get(&key(1)), Some((files, output)));
    assert_eq!(cache.get(&key(2)), None);
}

#[test]
fn entries_on_disk_survive_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    put_on_disk(&Artifacts::open(dir.path(), ArtifactBounds::default()).unwrap(), 1, 1000);
    let cache = Artifacts::open(dir.path(), ArtifactBounds::default()).unwrap();
    assert_eq!(cache.get(&key(1)), Some(entry("x", 1000)));
}

#[test]
fn a_damaged_entry_is_a_miss_and_goes() {
    let dir = tempfile::tempdir().unwrap();
    let cache = Artifacts::open(dir.path(), ArtifactBounds::default()).unwrap();
    put_on_disk(&cache, 1, 1000);
    let path = disk_of(&cache).path(&key(1));
    let whole = std::fs::read(&path).unwrap();
    for at in [0, 10, 45, whole.len() / 2, whole.len() - 1] {
        put_on_disk(&cache, 1, 1000);
        let mut damaged = whole.clone();
        damaged[at] ^= 1;
        std::fs::write(&path, &damaged).unwrap();
        assert_eq!(cache.get(&key(1)), None, "byte {at}");
        assert!(!path.exists());
    }
    put_on_disk(&cache, 1, 1000);
    std::fs::write(&path, &whole[..whole.len() - 1]).unwrap();
    assert_eq!(cache.get(&key(1)), None);
}

#[test]
fn the_least_recently_used_goes_first_and_the_disk_stays_bounded() {
    let dir = tempfile::tempdir().unwrap();
    let bounds = ArtifactBounds { memory: Bytes::ZERO, disk: Bytes::kib(10) };
    let cache = Artifacts::open(dir.path(), bounds).unwrap();
    // Each entry is a little over 4,000 bytes: two fit, three do not.
    put_on_disk(&cache, 1, 2000);
    put_on_disk(&cache, 2, 2000);
    assert!(cache.get(&key(1)).is_some());
    put_on_disk(&cache, 3, 2000);
    assert!(cache.get(&key(2)).is_none());
    assert!(cache.get(&key(1)).is_some() && cache.get(&key(3)).is_some());
    put_on_disk(&cache, 4, 50_000);
    assert!(cache.get(&key(4)).is_none() && !disk_of(&cache).path(&key(4)).exists());
}

#[test]
fn memory_stays_bounded() {
    let mut lru = Lru::new(10);
    for n in 0..100 {
        lru.put(key(n), n, 3);
        assert!(lru.bytes() <= 10);
    }
    assert!(lru.get(&key(99)).is_some() && lru.get(&key(96)).is_none());
    lru.put(key(200), 200, 11);
    assert!(lru.get(&key(200)).is_none());
}

#[test]
fn an_unfinished_file_of_a_crash_is_removed() {
    let dir = tempfile::tempdir().unwrap();
    let left = dir.path().join("unfinished.1");
    std::fs::write(&left, b"half").unwrap();
    Artifacts::open(dir.path(), ArtifactBounds::default()).unwrap();
    assert!(!left.exists());
}

#[test]
fn what_was_kept_is_on_disk_once_the_cache_has_settled() {
    let dir = tempfile::tempdir().unwrap();
    let cache = Artifacts::open(dir.path(), ArtifactBounds::default()).unwrap();
    let (files, output) = entry("hello", 1000);
    cache.put(key(1), &files, &output);
    cache.settle();
    assert!(Artifacts::open(dir.path(), ArtifactBounds::default()).unwrap().get(&key(1)).is_some());
}
