//! Opening packages for concurrent requests: each package is read once, and few packages at once.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};

use cupel_core::problems::{PackageCopy, PackagesError, Removable, TakeError, Taken};
use cupel_core::{Core, CoreParts, Packages};
use cupel_events::EmbeddedBus;
use cupel_package::Imported;
use cupel_queue::EmbeddedQueue;
use cupel_store::LocalPackages;
use cupel_testkit::registry;
use cupel_types::{Bytes, ContentHash};
use futures_util::FutureExt as _;
use futures_util::future::join_all;

use crate::{App, parts};

/// Packages without memory that count the reads.
pub(crate) struct Counted {
    folder: tempfile::TempDir,
    packages: LocalPackages,
    pub(crate) reads: AtomicUsize,
    /// Reads that have not ended.
    reading: AtomicUsize,
    reading_max: AtomicUsize,
    /// All reads of a group end together.
    pub(crate) group: Barrier,
}

impl Counted {
    pub(crate) fn new(group: usize) -> Arc<Counted> {
        let folder = tempfile::tempdir().unwrap();
        let packages = LocalPackages::open(&folder.path().join("packages"), registry()).unwrap();
        let (reads, reading, reading_max) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
        Arc::new(Counted { folder, packages, reads, reading, reading_max, group: Barrier::new(group) })
    }

    pub(crate) fn package(&self, title: &str) -> ContentHash {
        let source = self.folder.path().join(title);
        let problem = format!("title = \"{title}\"\nslug = \"echo\"\n[limits]\ntime = 1.0\n");
        for (path, text) in [
            ("problem.toml", problem.as_str()),
            ("statement.md", "Print what you read.\n"),
            ("tests/secret/1.in", "b\n"),
            ("tests/secret/1.out", "b\n"),
        ] {
            let path = source.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        self.packages.import(&source).unwrap().copy.hash
    }

    pub(crate) async fn core(self: &Arc<Counted>) -> (App, Core) {
        let app = App::start().await;
        let parts = parts(&app.store, &app.clock, Arc::new(EmbeddedQueue::default()), Arc::new(EmbeddedBus::default()));
        let core = Core::new(CoreParts { packages: Arc::clone(self) as _, ..parts });
        (app, core)
    }
}

impl Packages for Counted {
    fn opened(&self, _: &ContentHash) -> Option<Arc<Imported>> {
        None
    }

    fn open(&self, hash: &ContentHash) -> Result<Arc<Imported>, PackagesError> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        let reading = self.reading.fetch_add(1, Ordering::SeqCst) + 1;
        self.reading_max.fetch_max(reading, Ordering::SeqCst);
        self.group.wait();
        let opened = self.packages.open(hash);
        self.reading.fetch_sub(1, Ordering::SeqCst);
        opened
    }

    fn import(&self, source: &Path) -> Result<Taken, TakeError> {
        self.packages.import(source)
    }

    fn settle(&self, taken: &Taken) -> Result<(), PackagesError> {
        self.packages.settle(taken)
    }

    fn discard(&self, taken: &Taken, is_named: bool) -> Result<(), PackagesError> {
        self.packages.discard(taken, is_named)
    }

    fn exists(&self, hash: &ContentHash) -> Result<bool, PackagesError> {
        self.packages.exists(hash)
    }

    fn missing(&self, of: &[ContentHash]) -> Result<Vec<ContentHash>, PackagesError> {
        self.packages.missing(of)
    }

    fn size(&self, hash: &ContentHash) -> Result<Bytes, PackagesError> {
        self.packages.size(hash)
    }

    fn removable(&self, of: Option<&[ContentHash]>) -> Result<Vec<Removable>, PackagesError> {
        self.packages.removable(of)
    }

    fn remove(&self, copies: &[PackageCopy]) -> Result<(), PackagesError> {
        self.packages.remove(copies)
    }

    fn upload(&self) -> io::Result<tempfile::NamedTempFile> {
        self.packages.upload()
    }

    fn tidy(&self) -> Result<u64, PackagesError> {
        self.packages.tidy()
    }
}

#[tokio::test]
async fn concurrent_requests_for_a_package_read_it_once() {
    let packages = Counted::new(1);
    let hash = packages.package("one");
    let (_app, core) = packages.core().await;
    let opened = join_all((0..100).map(|_| core.package(hash))).await;
    assert!(opened.iter().all(|one| one.as_ref().unwrap().package.hash == hash));
    assert_eq!(packages.reads.load(Ordering::SeqCst), 1);
    core.package(hash).await.unwrap();
    assert_eq!(packages.reads.load(Ordering::SeqCst), 2, "these packages keep nothing in memory");
}

#[tokio::test]
async fn a_request_that_is_cancelled_leaves_the_package_to_the_others() {
    let packages = Counted::new(2);
    let hash = packages.package("one");
    let (_app, core) = packages.core().await;
    let cancelled = tokio::spawn({
        let core = core.clone();
        async move { core.package(hash).await.map(drop) }
    });
    while packages.reads.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    let mut others = join_all((0..10).map(|_| core.package(hash)));
    assert!((&mut others).now_or_never().is_none(), "they wait for the read");
    cancelled.abort();
    assert!(cancelled.await.unwrap_err().is_cancelled());
    // The read goes on, and ends now.
    let group = Arc::clone(&packages);
    tokio::task::spawn_blocking(move || group.group.wait()).await.unwrap();
    assert!(others.await.iter().all(Result::is_ok));
    assert_eq!(packages.reads.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn at_most_four_packages_are_read_at_once() {
    let packages = Counted::new(4);
    let hashes: Vec<_> = (0..12).map(|number| packages.package(&format!("package {number}"))).collect();
    let (_app, core) = packages.core().await;
    let opened = join_all(hashes.iter().map(|hash| core.package(*hash))).await;
    assert!(opened.iter().all(Result::is_ok));
    assert_eq!(packages.reads.load(Ordering::SeqCst), 12);
    assert_eq!(packages.reading_max.load(Ordering::SeqCst), 4);
}
