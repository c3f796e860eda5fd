//! Large data of rows: sources and inputs of a submission, and outputs of a run, that are kept in the blob store by their hash.
//!
//! - A blob is durable before the row that names it is written.
//! - Data that cannot be put there stay in their row: a blob store that is away costs room in the database, and, once in a while,
//!   the time until it is seen to be away.
//! - What was put for a row that was refused afterwards stays, named by nobody: to remove it would be to race with whoever puts the
//!   same bytes next.
//! - Who asks for rows and finds that data are elsewhere fetches them with no connection in hand, and asks again.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use cupel_core::{BlobKey, Blobs, StoreError, chain};
use cupel_types::ContentHash;
use sha2::{Digest as _, Sha256};

use super::fault::Fault;
use super::{Backend, Row, Sql, SqlStore};
use crate::rows::hash_from;

/// With more bytes than this a row's data are a blob.
const IN_ROW_BYTES_MAX: usize = 64 << 10;
/// With more than this they are in the row all the same, so that a blob store that gives more than was put costs no more memory.
const BLOB_BYTES_MAX: usize = 256 << 20;

/// For how long nothing is put into a blob store that failed, so that one after another does not wait for it in vain.
const REST: Duration = Duration::from_secs(30);

/// Where large data lie, if not in their rows.
#[derive(Clone, Default)]
pub(crate) struct Large(Option<Arc<Place>>);

struct Place {
    blobs: Arc<dyn Blobs>,
    failed_at: Mutex<Option<Instant>>,
}

impl std::fmt::Debug for Large {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Large").field(&self.0.is_some()).finish()
    }
}

impl Place {
    fn rests(&self) -> bool {
        self.failed_at().is_some_and(|at| at.elapsed() < REST)
    }

    fn failed_at(&self) -> MutexGuard<'_, Option<Instant>> {
        self.failed_at.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A row's data on their way into it: the columns `data` and `data_hash`.
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

/// The blobs that were fetched for a question.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fetched(HashMap<ContentHash, Arc<[u8]>>);

impl Fetched {
    /// The data of a row that has them in the column `data`, or their hash in the column `hash`.
    ///
    /// # Errors
    /// [`Fault::Elsewhere`] when they are in a blob that was not fetched yet.
    pub(crate) fn data<'a>(&'a self, row: Row<'a>, data: usize, hash: usize) -> Result<&'a [u8], Fault> {
        let Some(hash) = row.get::<Option<&[u8]>>(hash)? else { return row.blob(data) };
        let hash = hash_from(hash, "data_hash")?;
        self.0.get(&hash).map(|bytes| &**bytes).ok_or_else(|| Fault::Elsewhere(vec![hash]))
    }
}

impl Large {
    pub(crate) fn in_blobs(blobs: Arc<dyn Blobs>) -> Large {
        Large(Some(Arc::new(Place { blobs, failed_at: Mutex::default() })))
    }

    /// Puts data where they belong.
    pub(crate) async fn put_away(&self, data: Vec<u8>) -> Data {
        let Some(place) = self.0.clone() else { return Data::Here(data) };
        if !(IN_ROW_BYTES_MAX + 1..=BLOB_BYTES_MAX).contains(&data.len()) {
            return Data::Here(data);
        }
        let put = tokio::task::spawn_blocking(move || {
            if !place.rests() {
                let hash = hash_of(&data);
                match place.blobs.put(&BlobKey::Data(hash), &mut &*data) {
                    Ok(()) => return Data::Blob(hash),
                    Err(error) => {
                        tracing::warn!(error = chain(&error), "large data stay in the database for a while");
                        *place.failed_at() = Some(Instant::now());
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
    /// [`Fault::Blob`], [`Fault::DamagedBlob`]; [`Fault::Elsewhere`] when there is no blob store.
    pub(crate) async fn fetch(&self, hash: ContentHash) -> Result<Arc<[u8]>, Fault> {
        let Some(place) = self.0.clone() else { return Err(Fault::Elsewhere(vec![hash])) };
        let got = tokio::task::spawn_blocking(move || {
            let mut bytes = Vec::new();
            let got = place.blobs.get(&BlobKey::Data(hash), &mut bytes, BLOB_BYTES_MAX as u64);
            got.map_err(|error| Fault::Blob(Arc::new(error)))?;
            if hash_of(&bytes) == hash { Ok(bytes.into()) } else { Err(Fault::DamagedBlob(hash)) }
        });
        got.await.unwrap_or(Err(Fault::BrokenOff))
    }
}

impl<B> SqlStore<B> {
    /// As [`SqlStore::read`], where the answer has data that may be elsewhere.
    pub(crate) async fn read_whole<T: Send + 'static>(
        &self,
        operation: &'static str,
        question: impl Fn(&dyn Sql, &Fetched) -> Result<T, Fault> + Send + Sync + 'static,
    ) -> Result<T, StoreError>
    where
        B: Backend,
    {
        let (question, mut fetched) = (Arc::new(question), Fetched::default());
        loop {
            let (asked, with) = (Arc::clone(&question), fetched.clone());
            let answer = self.read(operation, move |db| match asked(db, &with) {
                Err(Fault::Elsewhere(hashes)) => Ok(Err(hashes)),
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
