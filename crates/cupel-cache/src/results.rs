//! The result cache's index, from a key to a submission: a table with a fixed number of entries, in this process or on
//! Redis. A key hashes to one entry, which a new result overwrites. So the table is bounded in bytes and needs no
//! eviction.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use cupel_core::result_cache::{ResultKey, Results};
use cupel_types::{Bytes, SubmissionId};
use uuid::Uuid;

use crate::link::Link;

/// Upper bound on the size of one entry. On Redis, this includes the name of the key, the value, the expiry time, and
/// Redis' own overhead.
const PLACE: Bytes = Bytes::new(256);

/// Number of entries.
#[derive(Clone, Copy)]
struct Places(u64);

impl Places {
    fn in_bytes(bytes: Bytes) -> Places {
        Places((bytes.get() / PLACE.get()).max(1))
    }

    fn of(self, ResultKey(key): &ResultKey) -> u64 {
        let (begin, _) = key.split_at(8);
        begin.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)) % self.0
    }
}

/// The index in this process.
pub struct MemoryResults {
    places: Places,
    entries: Mutex<HashMap<u64, (ResultKey, SubmissionId, Instant)>>,
}

impl MemoryResults {
    /// Creates an index of at most `bytes_max` bytes.
    pub fn new(bytes_max: Bytes) -> MemoryResults {
        MemoryResults { places: Places::in_bytes(bytes_max), entries: Mutex::default() }
    }
}

#[async_trait]
impl Results for MemoryResults {
    async fn find(&self, key: &ResultKey) -> Option<SubmissionId> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let (of, id, until) = entries.get(&self.places.of(key))?;
        (of == key && Instant::now() < *until).then_some(*id)
    }

    async fn keep(&self, key: &ResultKey, id: SubmissionId, lifetime: Duration) {
        let Some(until) = Instant::now().checked_add(lifetime) else { return };
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.insert(self.places.of(key), (*key, id, until));
    }
}

/// The index on Redis, shared by all nodes. While Redis is unreachable, every lookup is a miss, so programs are run.
pub(crate) struct RedisResults {
    link: Arc<Link>,
    /// Prefix of all keys.
    prefix: String,
    places: Places,
}

impl RedisResults {
    pub(crate) fn new(link: Arc<Link>, cluster: &str, bytes_max: Bytes) -> RedisResults {
        RedisResults { link, prefix: format!("{cluster}:results"), places: Places::in_bytes(bytes_max) }
    }

    fn place(&self, key: &ResultKey) -> String {
        format!("{}:{}", self.prefix, self.places.of(key))
    }
}

#[async_trait]
impl Results for RedisResults {
    async fn find(&self, key: &ResultKey) -> Option<SubmissionId> {
        let mut get = redis::cmd("GET");
        get.arg(self.place(key));
        let entry: Vec<u8> =
            self.link.ask(async |connection| get.query_async::<Option<Vec<u8>>>(connection).await).await??;
        let id = entry.strip_prefix(&key.0)?;
        Some(SubmissionId::from_uuid(Uuid::from_slice(id).ok()?))
    }

    async fn keep(&self, key: &ResultKey, id: SubmissionId, lifetime: Duration) {
        let value = [key.0.as_slice(), id.as_uuid().as_bytes()].concat();
        let lifetime = u64::try_from(lifetime.as_millis()).unwrap_or(u64::MAX).clamp(1, LIFETIME_MAX);
        let mut set = redis::cmd("SET");
        set.arg(self.place(key)).arg(value).arg("PX").arg(lifetime);
        self.link.ask(async |connection| set.query_async::<()>(connection).await).await;
    }
}

/// A hundred years, in milliseconds; Redis rejects expiry times beyond its calendar.
const LIFETIME_MAX: u64 = 100 * 366 * 24 * 3600 * 1000;

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: u64) -> ResultKey {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
        key[31] = 1;
        ResultKey(key)
    }

    #[tokio::test]
    async fn memory_stays_bounded_with_a_hundred_thousand_results() {
        let results = MemoryResults::new(Bytes::kib(64));
        let hour = Duration::from_secs(3600);
        for n in 0..100_000 {
            let id = SubmissionId::from_uuid(Uuid::from_u128(n.into()));
            results.keep(&key(n), id, hour).await;
            assert_eq!(results.find(&key(n)).await, Some(id));
        }
        let entries = results.entries.lock().unwrap();
        assert!(entries.len() <= 256 && entries.len() > 200, "{}", entries.len());
    }
}
