//! The tier behind the disk: artefacts compiled by other workers, in the blob store that all nodes reach.
//!
//! Invariants: no run waits for this tier longer than [`WAIT_MAX`] or fails because of it. Separate threads read and
//! write; if they are busy, a lookup is a miss and a new entry is not stored. A worker runs the programs that it finds
//! here. So it accepts only an entry that a holder of the cluster's secret stored under the requested name. The
//! signature covers the entry and its name. Because the name is derived from the secret, only workers can find out
//! whether a known source has been compiled.
//!
//! ```text
//! HMAC-SHA256 of name and rest (32) · an entry as on the disk (`format.rs`)
//! ```

use std::fs;
use std::io::Read as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cupel_core::{BlobKey, Blobs, BlobsError, chain};
use cupel_judge::ArtifactKey;
use cupel_types::ContentHash;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::write_queue::WriteQueue;
use super::{Entry, Memory, format};

/// How long a run waits for an entry. Most compilations take longer than this.
const WAIT_MAX: Duration = Duration::from_millis(250);

/// Number of reader threads, and of requests that may wait for one of them.
const ASKERS: usize = 2;
const ASKS_WAITING_MAX: usize = 2;

/// Larger entries are not shared.
const ENTRY_BYTES_MAX: u64 = 32 << 20;

const MAC_BYTES: usize = 32;

#[derive(Debug)]
pub(super) struct Shared {
    asks: SyncSender<Ask>,
    puts: WriteQueue,
}

/// A lookup; the requester waits for the answer for up to [`WAIT_MAX`].
struct Ask {
    key: ArtifactKey,
    answer: SyncSender<Option<Entry>>,
}

impl Shared {
    /// Opens the tier. An entry that is found after its requester's timeout is stored in `memory`.
    pub(super) fn open(blobs: Arc<dyn Blobs>, secret: &[u8; 32], memory: &Arc<Memory>) -> std::io::Result<Shared> {
        let shelf = Arc::new(Shelf::new(blobs, secret, &platform()));
        let (asks, lookups) = sync_channel::<Ask>(ASKS_WAITING_MAX);
        let lookups = Arc::new(Mutex::new(lookups));
        // The threads end when the cache is dropped, and with it the last sender.
        for _ in 0..ASKERS {
            let (shelf, lookups, memory) = (Arc::clone(&shelf), Arc::clone(&lookups), Arc::clone(memory));
            let answer = move || {
                while let Some(Ask { key, answer }) = next(&lookups) {
                    let entry = shelf.get(&key);
                    if let Err(late) = answer.try_send(entry)
                        && let std::sync::mpsc::TrySendError::Disconnected(Some(entry)) = late
                    {
                        memory.put(key, entry);
                    }
                }
            };
            std::thread::Builder::new().name("artifacts-get".into()).spawn(answer)?;
        }
        let put = move |key: &ArtifactKey, entry: &Entry| shelf.put(key, entry);
        Ok(Shared { asks, puts: WriteQueue::start("artifacts-put", ENTRY_BYTES_MAX, put)? })
    }

    pub(super) fn get(&self, key: &ArtifactKey) -> Option<Entry> {
        let (answer, answered) = sync_channel(1);
        // If the queue is full, the blob store is slow or unreachable, and the lookup is a miss.
        self.asks.try_send(Ask { key: *key, answer }).ok()?;
        answered.recv_timeout(WAIT_MAX).ok()?
    }

    pub(super) fn put(&self, key: ArtifactKey, entry: Entry) {
        self.puts.offer(key, entry);
    }

    /// Waits until each queued entry is stored, or its storing has failed.
    pub(super) fn settle(self) {
        self.puts.settle();
    }
}

fn next(lookups: &Mutex<Receiver<Ask>>) -> Option<Ask> {
    lookups.lock().unwrap_or_else(PoisonError::into_inner).recv().ok()
}

/// The entries in the blob store.
struct Shelf {
    blobs: Arc<dyn Blobs>,
    names: Hmac<Sha256>,
    signatures: Hmac<Sha256>,
    /// Whether the last request failed, so that an outage is logged only once.
    fails: AtomicBool,
}

impl Shelf {
    fn new(blobs: Arc<dyn Blobs>, secret: &[u8; 32], platform: &[u8]) -> Shelf {
        // Derives two keys with different purposes from one key.
        let key = |purpose: &str| {
            let mut key = keyed(secret);
            key.update(purpose.as_bytes());
            keyed(&key.finalize().into_bytes().into())
        };
        let mut names = key("names of cupel's shared artefacts 1");
        names.update(&(platform.len() as u64).to_le_bytes());
        names.update(platform);
        let signatures = key("signatures of cupel's shared artefacts 1");
        Shelf { blobs, names, signatures, fails: AtomicBool::new(false) }
    }

    fn name(&self, key: &ArtifactKey) -> ContentHash {
        let mut name = self.names.clone();
        name.update(&key.0);
        ContentHash::from_bytes(name.finalize().into_bytes().into())
    }

    fn signature(&self, name: &ContentHash, entry: &[u8]) -> Hmac<Sha256> {
        let mut signature = self.signatures.clone();
        signature.update(name.as_bytes());
        signature.update(entry);
        signature
    }

    fn get(&self, key: &ArtifactKey) -> Option<Entry> {
        let name = self.name(key);
        let mut signed = Vec::new();
        let read = self.blobs.get(&BlobKey::Artifacts(name), &mut signed, ENTRY_BYTES_MAX + 2 * ENTRY_BYTES_MAX / 1024);
        match self.logged(read) {
            Ok(_) => {}
            Err(BlobsError::TooLarge { .. }) => return self.forged(&name),
            Err(_) => return None,
        }
        let Some((signature, entry)) = signed.split_at_checked(MAC_BYTES) else { return self.forged(&name) };
        let is_ours = self.signature(&name, entry).verify_slice(signature).is_ok();
        let decoded = is_ours.then(|| format::decode(entry)).flatten();
        if decoded.is_none() { self.forged(&name) } else { decoded }
    }

    /// Removes an invalid entry, so that a worker can store a valid one.
    fn forged(&self, name: &ContentHash) -> Option<Entry> {
        tracing::warn!(blob = %BlobKey::Artifacts(*name), "removed a shared compiled program that is damaged or has an invalid signature");
        let _ = self.logged(self.blobs.remove(&BlobKey::Artifacts(*name)));
        None
    }

    fn put(&self, key: &ArtifactKey, entry: &Entry) {
        let name = self.name(key);
        let blob = BlobKey::Artifacts(name);
        if !matches!(self.logged(self.blobs.has(&blob)), Ok(false)) {
            return;
        }
        let entry = format::encode(entry);
        let signature = self.signature(&name, &entry).finalize().into_bytes();
        let _ = self.logged(self.blobs.put(&blob, &mut signature.as_slice().chain(entry.as_slice())));
    }

    fn logged<T>(&self, answer: Result<T, BlobsError>) -> Result<T, BlobsError> {
        let fails = matches!(answer, Err(BlobsError::Store { .. }));
        let failed = self.fails.swap(fails, Ordering::Relaxed);
        match &answer {
            Err(error) if fails && !failed => {
                tracing::warn!(
                    error = chain(error),
                    "the blob store failed: compiled programs are not shared with other workers until it recovers"
                );
            }
            _ if failed && !fails => tracing::info!("compiled programs are shared with other workers again"),
            _ => {}
        }
        answer
    }
}

fn keyed(key: &[u8; 32]) -> Hmac<Sha256> {
    // The key is padded with zeros to one block of the hash. Source: RFC 2104, section 2.
    let mut block = [0; 64];
    block[..key.len()].copy_from_slice(key);
    Hmac::new(&block.into())
}

/// What a compiled program depends on besides the toolchain: the processor architecture, and the system whose libraries
/// the program is linked with.
fn platform() -> Vec<u8> {
    let system = fs::read("/etc/os-release").unwrap_or_default();
    [std::env::consts::ARCH.as_bytes(), b"\n", &system].concat()
}

#[cfg(test)]
mod tests {
    use cupel_store::DirectoryBlobs;

    use super::*;

    #[test]
    fn the_name_depends_on_key_platform_and_secret() {
        let folder = tempfile::tempdir().unwrap();
        let blobs: Arc<dyn Blobs> = Arc::new(DirectoryBlobs::open(folder.path(), "one").unwrap());
        let name = |secret: u8, platform: &str, key: u8| {
            Shelf::new(Arc::clone(&blobs), &[secret; 32], platform.as_bytes()).name(&ArtifactKey([key; 32]))
        };
        assert_eq!(name(1, "x86_64", 1), name(1, "x86_64", 1));
        for other in [name(2, "x86_64", 1), name(1, "aarch64", 1), name(1, "x86_64", 2)] {
            assert_ne!(other, name(1, "x86_64", 1));
        }
    }
}
