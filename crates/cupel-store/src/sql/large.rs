//! Large data of rows: a submission's sources and inputs and a run's outputs, stored in the blob store under their
//! hash.
//!
//! Only data of more than 64 KiB ([`IN_ROW_BYTES_MAX`]) and at most 256 MiB ([`BLOB_BYTES_MAX`]) are moved, and only
//! with PostgreSQL, if the blob store is not in the same database. With SQLite, all data stay in their rows, so that
//! the database is one file.
//!
//! - Data of guests stay in their rows, and are deleted with them. They are bounded by the guests' limits. Nothing
//!   would remove a blob of a guest, because submissions of other users may refer to it.
//! - A blob is durable before the row that refers to it is written.
//! - If the blob store refuses data, they stay in their row. While the blob store is unavailable, large data take space
//!   in the database. The first writes after every 30 seconds ([`RETRY_AFTER`]) try the blob store again, and wait
//!   until the failure is detected.
//! - If a row is refused after its blob was written, the blob stays without a reference. Removing it would race with
//!   another writer of the same bytes.
//! - A query that finds data in a blob releases its connection, fetches the blob, and is run again.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use cupel_core::{BlobKey, Blobs, StoreError, chain};
use cupel_types::{ContentHash, UserId};
use sha2::{Digest as _, Sha256};

use super::fault::SqlFault;
use super::{Row, Sql, SqlStore};
use crate::rows::hash_from;

/// Data larger than this are stored as a blob.
const IN_ROW_BYTES_MAX: usize = 64 << 10;
/// Data larger than this stay in the row. Reads from the blob store are limited to this size, which bounds memory.
const BLOB_BYTES_MAX: usize = 256 << 20;

/// For this time after a failure of the blob store, large data stay in the database. Without this pause, every write
/// would wait until its request to the blob store fails.
const RETRY_AFTER: Duration = Duration::from_secs(30);

/// The blob store for large data; without one, all data stay in their rows.
#[derive(Clone, Default)]
pub(crate) struct Large(Option<Arc<BlobBackend>>);

struct BlobBackend {
    blobs: Arc<dyn Blobs>,
    failed_at: Mutex<Option<Instant>>,
}

impl std::fmt::Debug for Large {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Large").field(&self.0.is_some()).finish()
    }
}

impl BlobBackend {
    fn is_paused(&self) -> bool {
        self.failed_at().is_some_and(|at| at.elapsed() < RETRY_AFTER)
    }

    fn failed_at(&self) -> MutexGuard<'_, Option<Instant>> {
        self.failed_at.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A row's data as they are written: in the column `data`, or as a hash in the column `data_hash`.
#[derive(Debug)]
pub(crate) enum Data {
    Here(Vec<u8>),
    Blob(ContentHash),
}

impl Data {
    pub(crate) fn here(&self) -> &[u8] {
        match self {
            Data::Here(data) => data,
            Data::Blob(_) => &[],
        }
    }

    pub(crate) fn hash(&self) -> Option<&[u8; 32]> {
        match self {
            Data::Here(_) => None,
            Data::Blob(hash) => Some(hash.as_bytes()),
        }
    }
}

/// Blobs that were fetched for a query.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fetched(HashMap<ContentHash, Arc<[u8]>>);

impl Fetched {
    /// The data of a row: from column `data`, or the blob whose hash is in column `hash`.
    ///
    /// # Errors
    /// [`SqlFault::Elsewhere`] if the data are in a blob that has not been fetched.
    pub(crate) fn data<'a>(&'a self, row: Row<'a>, data: usize, hash: usize) -> Result<&'a [u8], SqlFault> {
        let Some(hash) = row.get::<Option<&[u8]>>(hash)? else { return row.blob(data) };
        let hash = hash_from(hash, "data_hash")?;
        self.0.get(&hash).map(|bytes| &**bytes).ok_or_else(|| SqlFault::Elsewhere(vec![hash]))
    }
}

impl Large {
    pub(crate) fn in_blobs(blobs: Arc<dyn Blobs>) -> Large {
        Large(Some(Arc::new(BlobBackend { blobs, failed_at: Mutex::default() })))
    }

    /// Puts large data of a submission of `owner` into the blob store, and returns what to write into the row.
    pub(crate) async fn store_large(&self, owner: UserId, data: Vec<u8>) -> Data {
        let Some(backend) = self.0.clone() else { return Data::Here(data) };
        if owner.is_guest() || !(IN_ROW_BYTES_MAX + 1..=BLOB_BYTES_MAX).contains(&data.len()) {
            return Data::Here(data);
        }
        let put = tokio::task::spawn_blocking(move || {
            if !backend.is_paused() {
                let hash = hash_of(&data);
                match backend.blobs.put(&BlobKey::Data(hash), &mut &*data) {
                    Ok(()) => return Data::Blob(hash),
                    Err(error) => {
                        tracing::warn!(
                            error = chain(&error),
                            "the blob store failed; for the next 30 s, large data is stored in the database"
                        );
                        *backend.failed_at() = Some(Instant::now());
                    }
                }
            }
            metrics::counter!("cupel_store_large_rows_total").increment(1);
            Data::Here(data)
        });
        put.await.unwrap_or_else(|panicked| std::panic::resume_unwind(panicked.into_panic()))
    }

    /// The bytes of a blob.
    ///
    /// # Errors
    /// [`SqlFault::Blob`], [`SqlFault::DamagedBlob`]; [`SqlFault::Elsewhere`] when there is no blob store.
    pub(crate) async fn fetch(&self, hash: ContentHash) -> Result<Arc<[u8]>, SqlFault> {
        let Some(backend) = self.0.clone() else { return Err(SqlFault::Elsewhere(vec![hash])) };
        let read = tokio::task::spawn_blocking(move || {
            let mut bytes = Vec::new();
            let read = backend.blobs.get(&BlobKey::Data(hash), &mut bytes, BLOB_BYTES_MAX as u64);
            read.map_err(|error| SqlFault::Blob(Arc::new(error)))?;
            if hash_of(&bytes) == hash { Ok(bytes.into()) } else { Err(SqlFault::DamagedBlob(hash)) }
        });
        read.await.unwrap_or(Err(SqlFault::BrokenOff))
    }
}

impl SqlStore {
    /// Like [`SqlStore::read`], for queries whose rows may have data in the blob store.
    pub(crate) async fn read_whole<T: Send + 'static>(
        &self,
        operation: &'static str,
        question: impl Fn(&dyn Sql, &Fetched) -> Result<T, SqlFault> + Send + Sync + 'static,
    ) -> Result<T, StoreError> {
        let (question, mut fetched) = (Arc::new(question), Fetched::default());
        loop {
            let (run_query, blobs) = (Arc::clone(&question), fetched.clone());
            let answer = self.read(operation, move |db| match run_query(db, &blobs) {
                Err(SqlFault::Elsewhere(hashes)) => Ok(Err(hashes)),
                answer => answer.map(Ok),
            });
            match answer.await? {
                Ok(answer) => return Ok(answer),
                Err(hashes) => {
                    for hash in hashes {
                        if let Entry::Vacant(place) = fetched.0.entry(hash) {
                            place.insert(self.large.fetch(hash).await.map_err(|fault| fault.during(operation))?);
                        }
                    }
                }
            }
        }
    }
}

fn hash_of(bytes: &[u8]) -> ContentHash {
    ContentHash::from_bytes(Sha256::digest(bytes).into())
}
