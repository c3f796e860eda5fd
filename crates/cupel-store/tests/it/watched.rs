//! A blob store for tests that counts fetches and whose reads and writes can be made to fail.

use std::io::{self, Read, Write};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use cupel_core::{BlobInfo, BlobKey, BlobKind, Blobs, BlobsError};
use cupel_store::DirectoryBlobs;

pub(crate) struct Watched {
    pub(crate) blobs: DirectoryBlobs,
    pub(crate) gets: AtomicUsize,
    pub(crate) is_away: AtomicBool,
}

impl Watched {
    pub(crate) fn new(blobs: DirectoryBlobs) -> Watched {
        Watched { blobs, gets: AtomicUsize::new(0), is_away: AtomicBool::new(false) }
    }

    fn is_here(&self, action: &'static str) -> Result<(), BlobsError> {
        if self.is_away.load(Ordering::Relaxed) {
            let source = Box::new(io::Error::from(io::ErrorKind::ConnectionRefused));
            return Err(BlobsError::Store { action, what: "a blob".into(), source });
        }
        Ok(())
    }
}

impl Blobs for Watched {
    fn put(&self, key: &BlobKey, source: &mut dyn Read) -> Result<(), BlobsError> {
        self.is_here("put")?;
        self.blobs.put(key, source)
    }

    fn get(&self, key: &BlobKey, into: &mut dyn Write, bytes_max: u64) -> Result<u64, BlobsError> {
        self.is_here("get")?;
        self.gets.fetch_add(1, Ordering::Relaxed);
        self.blobs.get(key, into, bytes_max)
    }

    fn has(&self, key: &BlobKey) -> Result<bool, BlobsError> {
        self.blobs.has(key)
    }

    fn remove(&self, key: &BlobKey) -> Result<(), BlobsError> {
        self.blobs.remove(key)
    }

    fn list(&self, kind: BlobKind) -> Result<Vec<BlobInfo>, BlobsError> {
        self.blobs.list(kind)
    }
}
