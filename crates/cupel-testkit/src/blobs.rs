//! The rules that every `Blobs` must follow. Call [`blobs_conformance!`](crate::blobs_conformance) with a function that
//! returns a subject: an empty blob store.

#![expect(missing_docs, reason = "the name of each function states its rule")]

use std::io::{self, Read, Write};
use std::sync::Barrier;
use std::time::{Duration, Instant};

use cupel_core::{BlobKey, BlobKind, Blobs, BlobsError};
use cupel_types::ContentHash;
use uuid::Uuid;

use crate::Subject;

/// Turns each rule in [`blobs`](crate::blobs) into a test.
#[macro_export]
macro_rules! blobs_conformance {
    ($make:expr) => {
        $crate::blobs_rules!(
            $make,
            [
                get_returns_the_bytes_that_were_put,
                an_interrupted_put_leaves_nothing,
                concurrent_puts_of_one_key_all_succeed,
                a_missing_blob_is_reported_as_missing,
                get_refuses_a_blob_over_the_given_maximum,
                a_failing_target_is_not_an_error_of_the_store,
                a_list_has_the_blobs_of_its_kind_with_length_and_age,
                a_removed_blob_is_gone_and_can_be_put_again,
            ]
        );

        #[test]
        fn a_hundred_mebibytes_are_streamed_in_little_memory() {
            let path = concat!(module_path!(), "::a_hundred_mebibytes_are_streamed_in_little_memory");
            $crate::alone::in_its_own_process(path, || {
                $crate::blobs::a_hundred_mebibytes_are_streamed_in_little_memory($make);
            });
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! blobs_rules {
    ($make:expr, [$($rule:ident),* $(,)?]) => {$(
        #[test]
        fn $rule() {
            $crate::blobs::$rule($make);
        }
    )*};
}

const MIB: u64 = 1 << 20;

fn hash(n: u8) -> ContentHash {
    ContentHash::from_bytes([n; 32])
}

fn package(n: u8, copy: u128) -> BlobKey {
    BlobKey::Package { hash: hash(n), copy: Uuid::from_u128(copy) }
}

/// A reader of `length` bytes whose values depend on their position. Each read returns a few bytes; at the end, the
/// reader returns the end of file or an error.
struct Pattern {
    at: u64,
    length: u64,
    breaks_off: bool,
    /// Peak memory of the process while this reader was in use, in bytes.
    memory: u64,
}

impl Pattern {
    fn of(length: u64) -> Pattern {
        Pattern { at: 0, length, breaks_off: false, memory: 0 }
    }
}

/// Returns the byte at a position. If the data is divided into pieces whose size is a power of two, all pieces differ.
fn byte(at: u64) -> u8 {
    (at ^ (at >> 9) ^ (at / 251)) as u8
}

impl Read for Pattern {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at == self.length && self.breaks_off {
            return Err(io::Error::other("broken off"));
        }
        // A reader may return fewer bytes than requested.
        let count = (self.length - self.at).min(buffer.len() as u64).min(100_003);
        for byte_of in &mut buffer[..count as usize] {
            *byte_of = byte(self.at);
            self.at += 1;
        }
        self.memory = self.memory.max(memory());
        Ok(count as usize)
    }
}

/// A writer that asserts that it receives the bytes of a [`Pattern`].
struct Compared {
    at: u64,
    memory: u64,
}

impl Write for Compared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for given in bytes {
            assert_eq!(*given, byte(self.at), "byte {}", self.at);
            self.at += 1;
        }
        self.memory = self.memory.max(memory());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Returns the resident memory of this process in bytes.
fn memory() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").expect("/proc/self/statm can be read");
    pages.split_whitespace().nth(1).and_then(|pages| pages.parse::<u64>().ok()).expect("a number") * 4096
}

fn put(blobs: &impl Blobs, key: &BlobKey, length: u64) {
    blobs.put(key, &mut Pattern::of(length)).unwrap();
}

/// Gets a blob, compares it with the pattern, and returns its length.
fn get(blobs: &impl Blobs, key: &BlobKey) -> u64 {
    let mut compared = Compared { at: 0, memory: 0 };
    let copied = blobs.get(key, &mut compared, u64::MAX).unwrap();
    assert_eq!(copied, compared.at);
    copied
}

pub fn get_returns_the_bytes_that_were_put<B: Blobs>(make: impl Fn() -> Subject<B>) {
    let blobs = make();
    for (n, length) in (1..).zip([0, 1, MIB - 1, MIB, MIB + 1, 5 * MIB + 1, 8 * MIB, 16 * MIB, 17 * MIB + 12_345]) {
        let key = package(1, n);
        put(&*blobs, &key, length);
        assert_eq!(get(&*blobs, &key), length);
    }
}

/// Measures the memory of the process, so no other test may run in it. Prints the throughput.
pub fn a_hundred_mebibytes_are_streamed_in_little_memory<B: Blobs>(make: impl Fn() -> Subject<B>) {
    const BYTES: u64 = 100 * MIB;
    const MEMORY_MAX: u64 = 64 * MIB;
    let blobs = make();
    let (key, before) = (package(1, 1), memory());
    let mut source = Pattern::of(BYTES);
    let began = Instant::now();
    blobs.put(&key, &mut source).unwrap();
    let put_in = began.elapsed();
    let mut target = Compared { at: 0, memory: 0 };
    let began = Instant::now();
    assert_eq!(blobs.get(&key, &mut target, BYTES).unwrap(), BYTES);
    let got_in = began.elapsed();
    let mb_per_s = |time: Duration| BYTES as f64 / 1e6 / time.as_secs_f64();
    println!("100 MiB put at {:.0} MB/s, got at {:.0} MB/s", mb_per_s(put_in), mb_per_s(got_in));
    let [put, got] = [source.memory, target.memory].map(|peak| peak.saturating_sub(before));
    println!("put used {} MiB of memory, get {} MiB", put / MIB, got / MIB);
    assert!(put.max(got) < MEMORY_MAX, "put used {put} bytes of memory, get {got}; at most {MEMORY_MAX}");
}

pub fn an_interrupted_put_leaves_nothing<B: Blobs>(make: impl Fn() -> Subject<B>) {
    let blobs = make();
    for (n, length) in (1..).zip([0, 1, 20 * MIB]) {
        let key = package(1, n);
        let broken_off = blobs.put(&key, &mut Pattern { breaks_off: true, ..Pattern::of(length) });
        assert!(matches!(broken_off, Err(BlobsError::Source(_))), "{broken_off:?}");
        assert!(!blobs.has(&key).unwrap());
        assert_eq!(blobs.list(BlobKind::Packages).unwrap(), []);
        assert!(matches!(blobs.get(&key, &mut Vec::new(), u64::MAX), Err(BlobsError::Missing(_))));
    }
    let key = package(1, 3);
    put(&*blobs, &key, 2 * MIB);
    assert_eq!(get(&*blobs, &key), 2 * MIB);
}

pub fn concurrent_puts_of_one_key_all_succeed<B: Blobs>(make: impl Fn() -> Subject<B>) {
    let (blobs, key, together) = (make(), package(1, 1), Barrier::new(4));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                together.wait();
                put(&*blobs, &key, 9 * MIB);
                assert_eq!(get(&*blobs, &key), 9 * MIB);
            });
        }
    });
    assert_eq!(blobs.list(BlobKind::Packages).unwrap().len(), 1);
    put(&*blobs, &key, 9 * MIB);
    assert_eq!(get(&*blobs, &key), 9 * MIB);
}

pub fn a_missing_blob_is_reported_as_missing<B: Blobs>(make: impl Fn() -> Subject<B>) {
    let blobs = make();
    for key in [package(1, 1), BlobKey::Artifacts(hash(1)), BlobKey::Data(hash(1))] {
        assert!(!blobs.has(&key).unwrap());
        let got = blobs.get(&key, &mut Vec::new(), u64::MAX);
        assert!(matches!(got, Err(BlobsError::Missing(missing)) if missing == key), "{got:?}");
        blobs.remove(&key).unwrap();
    }
    for kind in [BlobKind::Packages, BlobKind::CopiesOf(hash(1)), BlobKind::Artifacts, BlobKind::Data] {
        assert_eq!(blobs.list(kind).unwrap(), []);
    }
}

pub fn get_refuses_a_blob_over_the_given_maximum<B: Blobs>(make: impl Fn() -> Subject<B>) {
    let (blobs, key) = (make(), package(1, 1));
    put(&*blobs, &key, 3 * MIB);
    let mut got = Vec::new();
    let refused = blobs.get(&key, &mut got, 3 * MIB - 1);
    assert!(matches!(refused, Err(BlobsError::TooLarge { .. })), "{refused:?}");
    assert!((got.len() as u64) < 3 * MIB);
    assert_eq!(blobs.get(&key, &mut Vec::new(), 3 * MIB).unwrap(), 3 * MIB);
}

pub fn a_failing_target_is_not_an_error_of_the_store<B: Blobs>(make: impl Fn() -> Subject<B>) {
    let (blobs, key) = (make(), package(1, 1));
    put(&*blobs, &key, 3 * MIB);
    let mut little_room = [0_u8; 1000];
    let failed = blobs.get(&key, &mut little_room.as_mut_slice(), u64::MAX);
    assert!(matches!(failed, Err(BlobsError::Target(_))), "{failed:?}");
    assert_eq!(get(&*blobs, &key), 3 * MIB, "a later get succeeds");
}

pub fn a_list_has_the_blobs_of_its_kind_with_length_and_age<B: Blobs>(make: impl Fn() -> Subject<B>) {
    let blobs = make();
    let (artifacts, data) = (BlobKey::Artifacts(hash(1)), BlobKey::Data(hash(1)));
    let all = [(package(1, 1), 10), (package(1, 2), 0), (package(2, 1), 30), (artifacts, 40), (data, 50)];
    for (key, length) in all {
        put(&*blobs, &key, length);
    }
    let listed = |kind| {
        let mut found = blobs.list(kind).unwrap();
        assert!(found.iter().all(|blob| blob.age < Duration::from_secs(600)), "{found:?}");
        found.sort_by_key(|blob| blob.key);
        found.iter().map(|blob| (blob.key, blob.bytes)).collect::<Vec<_>>()
    };
    assert_eq!(listed(BlobKind::Packages), all[..3]);
    assert_eq!(listed(BlobKind::CopiesOf(hash(1))), all[..2]);
    assert_eq!(listed(BlobKind::CopiesOf(hash(3))), []);
    assert_eq!(listed(BlobKind::Artifacts), all[3..4]);
    assert_eq!(listed(BlobKind::ArtifactsUnder(1)), all[3..4]);
    assert_eq!(listed(BlobKind::ArtifactsUnder(0x10)), []);
    assert_eq!(listed(BlobKind::Data), all[4..]);
    // The age of a blob grows.
    let age = |key| blobs.list(BlobKind::Packages).unwrap().iter().find(|blob| blob.key == key).unwrap().age;
    let first = age(package(1, 1));
    let deadline = Instant::now() + Duration::from_secs(60);
    while age(package(1, 1)) <= first {
        assert!(Instant::now() < deadline, "the age of a blob does not grow");
        std::thread::sleep(Duration::from_millis(50));
    }
    // There are more blobs than fit on one page of a paginated listing.
    for n in 0..1100 {
        put(&*blobs, &package(9, n), 1);
    }
    assert_eq!(blobs.list(BlobKind::CopiesOf(hash(9))).unwrap().len(), 1100);
}

pub fn a_removed_blob_is_gone_and_can_be_put_again<B: Blobs>(make: impl Fn() -> Subject<B>) {
    let (blobs, key, other) = (make(), package(1, 1), package(1, 2));
    put(&*blobs, &key, 2 * MIB);
    put(&*blobs, &other, 1);
    blobs.remove(&key).unwrap();
    assert!(!blobs.has(&key).unwrap() && blobs.has(&other).unwrap());
    assert!(matches!(blobs.get(&key, &mut Vec::new(), u64::MAX), Err(BlobsError::Missing(_))));
    blobs.remove(&key).unwrap();
    put(&*blobs, &key, 3 * MIB);
    assert_eq!(get(&*blobs, &key), 3 * MIB);
    blobs.remove(&key).unwrap();
    blobs.remove(&other).unwrap();
    assert_eq!(blobs.list(BlobKind::Packages).unwrap(), []);
}
