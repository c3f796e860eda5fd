//! The artefact cache: exact, bounded, and robust against leftovers of a crash and a damaged disk.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use cupel_core::{BlobInfo, BlobKind};
use cupel_store::{DirectoryBlobs, PostgresBlobs};
use cupel_testkit::servers::Postgres;
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
fn a_stored_entry_is_returned_unchanged() {
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
fn a_damaged_entry_is_a_miss_and_is_removed() {
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
fn the_least_recently_used_entry_is_evicted_first_and_the_disk_stays_bounded() {
    let dir = tempfile::tempdir().unwrap();
    let bounds = ArtifactBounds { memory: Bytes::ZERO, disk: Bytes::kib(20) };
    let cache = Artifacts::open(dir.path(), bounds).unwrap();
    // Each entry takes two blocks of 4 KiB: two entries fit, three do not.
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
fn small_entries_count_as_the_space_that_they_take() {
    let dir = tempfile::tempdir().unwrap();
    let cache = Artifacts::open(dir.path(), ArtifactBounds { memory: Bytes::kib(10), disk: Bytes::kib(90) }).unwrap();
    for n in 0..100 {
        put_on_disk(&cache, n, 1);
    }
    let on_disk = (0..100).filter(|n| disk_of(&cache).path(&key(*n)).exists()).count();
    assert_eq!(on_disk, 20, "each takes 4 KiB on the disk and 512 bytes of memory");
    for n in 0..100 {
        let (files, output) = entry("x", 1);
        cache.memory.put(key(n), Entry { files, output });
    }
    let in_memory = (0..100).filter(|n| cache.memory.get(&key(*n)).is_some()).count();
    assert!((12..20).contains(&in_memory), "{in_memory}");
}

#[test]
fn an_entry_of_many_empty_files_counts_as_the_memory_that_it_takes() {
    let file = |n| BoxFile {
        path: BoxPath::new(&format!("{n}{}", "x".repeat(250))).unwrap(),
        data: Arc::from([]),
        executable: false,
    };
    let entry = Entry { files: BoxFiles::new((0..1000).map(file).collect()), output: Arc::from([]) };
    assert!(entry.bytes() > 350_000, "{}", entry.bytes());
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
fn an_unfinished_file_left_by_a_crash_is_removed() {
    let dir = tempfile::tempdir().unwrap();
    let left = dir.path().join("unfinished.1");
    std::fs::write(&left, b"half").unwrap();
    Artifacts::open(dir.path(), ArtifactBounds::default()).unwrap();
    assert!(!left.exists());
}

#[test]
fn pending_entries_are_on_disk_once_the_cache_has_settled() {
    let dir = tempfile::tempdir().unwrap();
    let cache = Artifacts::open(dir.path(), ArtifactBounds::default()).unwrap();
    let (files, output) = entry("hello", 1000);
    cache.put(key(1), &files, &output);
    cache.settle();
    assert!(Artifacts::open(dir.path(), ArtifactBounds::default()).unwrap().get(&key(1)).is_some());
}

/// A directory shared by workers, and one for each of them.
struct Cluster {
    folder: tempfile::TempDir,
    blobs: Arc<DirectoryBlobs>,
}

impl Cluster {
    fn new() -> Cluster {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("blobs")).unwrap();
        let blobs = Arc::new(DirectoryBlobs::open(&folder.path().join("blobs"), "one").unwrap());
        Cluster { folder, blobs }
    }

    /// The cache of a worker with this secret and an empty directory.
    fn worker(&self, secret: u8) -> Artifacts {
        let place = tempfile::tempdir_in(self.folder.path()).unwrap().keep();
        let cache = Artifacts::open(&place, ArtifactBounds::default()).unwrap();
        cache.shared_by(Arc::clone(&self.blobs) as _, &[secret; 32]).unwrap()
    }

    /// Paths of the shared entries.
    fn files(&self) -> Vec<PathBuf> {
        let listed: Vec<BlobInfo> = self.blobs.list(BlobKind::Artifacts).unwrap();
        listed.iter().map(|blob| self.folder.path().join("blobs/one").join(blob.key.to_string())).collect()
    }

    fn put(&self, n: u8, bytes: usize) {
        let (worker, (files, output)) = (self.worker(1), entry("x", bytes));
        worker.put(key(n), &files, &output);
        worker.settle();
    }
}

/// Repeats the lookup: an entry may arrive too late for one lookup and is then available to the next.
fn found(cache: &Artifacts, n: u8) -> (BoxFiles, Arc<[u8]>) {
    loop {
        if let Some(found) = cache.get(&key(n)) {
            return found;
        }
        std::thread::yield_now();
    }
}

#[test]
fn an_artefact_compiled_by_one_worker_is_available_to_the_others() {
    let cluster = Cluster::new();
    cluster.put(1, 100_000);
    let other = cluster.worker(1);
    assert_eq!(found(&other, 1), entry("x", 100_000));
    assert_eq!(other.get(&key(2)), None);
    // The lookup has stored the entry locally.
    cluster.files().iter().for_each(|file| fs::remove_file(file).unwrap());
    assert_eq!(other.get(&key(1)), Some(entry("x", 100_000)));
}

/// A process that can write to the blob store but does not have the secret cannot make a worker run its code.
#[test]
fn entries_that_other_programs_put_into_the_blob_store_are_ignored() {
    let cluster = Cluster::new();
    cluster.put(1, 1000);
    let [file] = &cluster.files()[..] else { panic!("expected one entry") };
    let whole = fs::read(file).unwrap();
    assert_eq!(cluster.worker(2).get(&key(1)), None, "another secret gives another name");
    let is_refused = |bytes: &[u8]| {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, bytes).unwrap();
        let refused = cluster.worker(1).get(&key(1)).is_none();
        let end = Instant::now() + Duration::from_secs(60);
        while file.exists() {
            // The reader thread removes the entry, possibly after the lookup has timed out.
            assert!(Instant::now() < end, "the entry was not removed");
            std::thread::yield_now();
        }
        refused
    };
    for at in [0, 31, 32, 40, whole.len() / 2, whole.len() - 1] {
        let mut changed = whole.clone();
        changed[at] ^= 1;
        assert!(is_refused(&changed), "byte {at}");
    }
    for length in [0, 10, 32, whole.len() - 1] {
        assert!(is_refused(&whole[..length]), "{length} bytes");
    }
    // An entry made by a legitimate worker, stored under the name of another entry.
    cluster.put(2, 2000);
    let [other] = &cluster.files()[..] else { panic!("expected one entry") };
    assert!(is_refused(&fs::read(other).unwrap()));
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, whole).unwrap();
    assert_eq!(found(&cluster.worker(1), 1), entry("x", 1000));
}

#[test]
fn without_the_blob_store_a_worker_continues_alone() {
    let cluster = Cluster::new();
    let worker = cluster.worker(1);
    fs::rename(cluster.folder.path().join("blobs"), cluster.folder.path().join("away")).unwrap();
    let (files, output) = entry("x", 1000);
    assert_eq!(worker.get(&key(1)), None);
    worker.put(key(1), &files, &output);
    assert_eq!(worker.get(&key(1)), Some((files, output)));
    worker.settle();
}

#[test]
fn an_unresponsive_blob_store_is_a_miss() {
    let (server, folder) = (Postgres::start(), tempfile::tempdir().unwrap());
    let blobs = Arc::new(PostgresBlobs::open(&server.url(), "one").unwrap());
    let cache = Artifacts::open(folder.path(), ArtifactBounds::default()).unwrap();
    let cache = cache.shared_by(blobs, &[1; 32]).unwrap();
    server.freeze();
    // More lookups than there are reader threads.
    for n in 0..20 {
        assert_eq!(cache.get(&key(n)), None);
        let (files, output) = entry("x", 1000);
        cache.put(key(n), &files, &output);
        assert!(cache.get(&key(n)).is_some());
    }
    server.thaw();
}
