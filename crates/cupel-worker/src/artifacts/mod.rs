//! Artefact cache of a worker: compiled programs in memory and on disk, evicted least recently used first. Behind both
//! is the cluster's blob store, which has artefacts compiled by other workers.
//!
//! Invariants: A hit returns exactly the stored bytes. A checksum guards each file on disk, and a signature each blob;
//! a mismatch is a miss and removes the entry. Memory, disk and the entries that wait to be written are bounded in
//! bytes. A reader never sees a half-written file, because a file is written under a temporary name and then renamed. A
//! run never waits for a disk write: one thread writes the entries of a short queue, and entries that do not fit into
//! the queue are not kept on disk. A run waits only briefly for the blob store (`shared.rs`). Any failure of disk or
//! blob store is a miss, never an error of the run.

mod disk;
mod format;
mod lru;
mod shared;
mod write_queue;

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cupel_core::Blobs;
use cupel_judge::{ArtifactCache, ArtifactKey};
use cupel_types::{BoxFiles, Bytes};

use disk::Disk;
use lru::Lru;
use shared::Shared;
use write_queue::WriteQueue;

/// What an entry costs in addition to its bytes: its key and its places in the maps, in bytes.
const ENTRY_COST: u64 = 512;

/// What a file of an entry costs in memory in addition to its data and its path, in bytes.
const FILE_COST: u64 = 128;

/// Maximum size of each tier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArtifactBounds {
    /// Bytes of artefacts in memory.
    pub memory: Bytes,
    /// Bytes of files on disk; zero disables the disk tier.
    pub disk: Bytes,
}

impl Default for ArtifactBounds {
    fn default() -> Self {
        ArtifactBounds { memory: Bytes::mib(256), disk: Bytes::mib(2048) }
    }
}

/// A bounded artefact cache in memory, backed by one on disk and one shared by workers. Cheap to share behind an `Arc`.
#[derive(Debug)]
pub struct Artifacts {
    memory: Arc<Memory>,
    disk: Option<Arc<Disk>>,
    writer: Option<WriteQueue>,
    shared: Option<Shared>,
}

#[derive(Debug)]
struct Memory(Mutex<Lru<Entry>>);

impl Memory {
    fn get(&self, key: &ArtifactKey) -> Option<Entry> {
        self.locked().get(key).cloned()
    }

    fn put(&self, key: ArtifactKey, entry: Entry) {
        let bytes = entry.bytes() + ENTRY_COST;
        self.locked().put(key, entry, bytes);
    }

    fn locked(&self) -> MutexGuard<'_, Lru<Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The stored result of one compilation.
#[derive(Clone, Debug)]
struct Entry {
    files: BoxFiles,
    output: Arc<[u8]>,
}

impl Entry {
    /// Size in memory. The programs of users decide how many files a compilation leaves, so empty files count, too.
    fn bytes(&self) -> u64 {
        let paths: usize = self.files.iter().map(|file| file.path.as_str().len()).sum();
        let files = self.files.total_bytes() + paths as u64 + FILE_COST * self.files.iter().len() as u64;
        files + self.output.len() as u64
    }
}

/// Error: the cache directory cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot use {path} as the cache of compiled programs")]
pub struct ArtifactsError {
    /// The directory.
    pub path: std::path::PathBuf,
    /// The cause.
    #[source]
    pub source: std::io::Error,
}

impl Artifacts {
    /// Opens the cache in `directory`, which is created if missing.
    ///
    /// # Errors
    /// If the directory cannot be created or listed, or if the thread that writes to it cannot be started.
    pub fn open(directory: &Path, bounds: ArtifactBounds) -> Result<Artifacts, ArtifactsError> {
        let memory = Arc::new(Memory(Mutex::new(Lru::new(bounds.memory.get()))));
        if bounds.disk == Bytes::ZERO {
            return Ok(Artifacts { memory, disk: None, writer: None, shared: None });
        }
        let at = |source| ArtifactsError { path: directory.to_owned(), source };
        let disk = Arc::new(Disk::open(directory, bounds.disk.get()).map_err(at)?);
        let behind = Arc::clone(&disk);
        let write = move |key: &ArtifactKey, entry: &Entry| behind.put(key, entry);
        let writer = WriteQueue::start("artifacts", bounds.disk.get(), write).map_err(at)?;
        Ok(Artifacts { memory, disk: Some(disk), writer: Some(writer), shared: None })
    }

    /// Adds the tier shared by workers: reads artefacts that other workers compiled, and publishes those compiled here.
    /// Only workers know `secret`; entries not signed with it are rejected.
    ///
    /// # Errors
    /// If no thread can be started.
    pub fn shared_by(self, blobs: Arc<dyn Blobs>, secret: &[u8; 32]) -> std::io::Result<Artifacts> {
        let shared = Shared::open(blobs, secret, &self.memory)?;
        Ok(Artifacts { shared: Some(shared), ..self })
    }

    /// Waits until all pending entries are on disk and in the blob store; for a process that is about to end.
    pub fn settle(self) {
        if let Some(writer) = self.writer {
            writer.settle();
        }
        if let Some(shared) = self.shared {
            shared.settle();
        }
    }

    fn write(&self, key: ArtifactKey, entry: &Entry) {
        if let Some(writer) = &self.writer {
            writer.offer(key, entry.clone());
        }
    }
}

impl ArtifactCache for Artifacts {
    fn get(&self, key: &ArtifactKey) -> Option<(BoxFiles, Arc<[u8]>)> {
        if let Some(entry) = self.memory.get(key) {
            return Some((entry.files, entry.output));
        }
        let found = self.disk.as_ref().and_then(|disk| disk.get(key));
        let entry = match found {
            Some(entry) => entry,
            None => {
                let entry = self.shared.as_ref()?.get(key)?;
                self.write(*key, &entry);
                entry
            }
        };
        self.memory.put(*key, entry.clone());
        Some((entry.files, entry.output))
    }

    fn put(&self, key: ArtifactKey, files: &BoxFiles, compiler_output: &Arc<[u8]>) {
        let entry = Entry { files: files.clone(), output: Arc::clone(compiler_output) };
        self.memory.put(key, entry.clone());
        self.write(key, &entry);
        if let Some(shared) = &self.shared {
            shared.put(key, entry);
        }
    }
}

#[cfg(test)]
mod tests;
