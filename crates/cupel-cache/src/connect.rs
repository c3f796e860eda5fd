//! Creates the rate limit buckets and the result cache: on the Redis server that `shared.url` names, or in this
//! process.

use std::sync::Arc;
use std::time::Duration;

use cupel_core::rate_limit::Buckets;
use cupel_core::result_cache::Results;
use cupel_types::Bytes;

use crate::link::{ANSWER_MAX, Link};
use crate::redis::RedisBuckets;
use crate::results::RedisResults;
use crate::{MemoryBuckets, MemoryResults};

/// Rate limits and result cache, shared by all nodes or local to this one.
pub struct SharedCaches {
    /// The rate limit buckets.
    pub buckets: Arc<dyn Buckets>,
    /// The result cache.
    pub results: Arc<dyn Results>,
}

impl SharedCaches {
    /// Creates local state, with at most `results_max` bytes of results.
    pub fn in_memory(results_max: Bytes) -> SharedCaches {
        SharedCaches { buckets: Arc::new(MemoryBuckets::default()), results: Arc::new(MemoryResults::new(results_max)) }
    }
}

/// Error of [`connect`]. The messages name the setting and the remedy.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The scheme is not supported.
    #[error("`shared.url` must be empty, or a URL that begins with redis:// or rediss://")]
    Scheme,
    /// The URL is malformed.
    #[error("`shared.url` is not a valid URL of Redis; use a URL like redis://:password@host:6379/0")]
    Url(#[source] redis::RedisError),
    /// Redis does not answer or refuses a required command.
    #[error(
        "cannot use the Redis of `shared.url`; check that it runs, is reachable, has version 6.2 or later and is not out of \
         memory, and that the user may write and run scripts"
    )]
    Redis(#[source] redis::RedisError),
}

/// Creates the shared state that `url` names, with at most `results_max` bytes of results. The name of the cluster
/// separates clusters that share a server. With an empty URL the state is local to this process.
///
/// # Errors
/// If the URL or the server cannot be used.
pub async fn connect(url: &str, cluster: &str, results_max: Bytes) -> Result<SharedCaches, ConnectError> {
    connect_patiently(url, cluster, results_max, ANSWER_MAX).await
}

/// Like [`connect`], but with a timeout other than the usual half second. For tests that count requests: with the usual
/// timeout, they would fail on machines that stall occasionally.
///
/// # Errors
/// If the URL or the server cannot be used.
#[doc(hidden)]
pub async fn connect_patiently(
    url: &str,
    cluster: &str,
    results_max: Bytes,
    answer_max: Duration,
) -> Result<SharedCaches, ConnectError> {
    if url.is_empty() {
        return Ok(SharedCaches::in_memory(results_max));
    }
    if !url.starts_with("redis://") && !url.starts_with("rediss://") {
        return Err(ConnectError::Scheme);
    }
    let client = redis::Client::open(url).map_err(ConnectError::Url)?;
    let link = Link::start(client, format!("{cluster}:limits:trial"), answer_max).await.map_err(ConnectError::Redis)?;
    let link = Arc::new(link);
    Ok(SharedCaches {
        buckets: Arc::new(RedisBuckets::new(Arc::clone(&link), cluster)),
        results: Arc::new(RedisResults::new(link, cluster, results_max)),
    })
}
