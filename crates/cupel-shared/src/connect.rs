//! What a URL means.

use std::sync::Arc;
use std::time::Duration;

use cupel_core::limits::Buckets;
use cupel_core::recall::Results;
use cupel_types::Bytes;

use crate::link::{ANSWER_MAX, Link};
use crate::redis::RedisBuckets;
use crate::results::RedisResults;
use crate::{MemoryBuckets, MemoryResults};

/// What nodes share, or each has of its own.
pub struct Shared {
    /// What limits rates.
    pub buckets: Arc<dyn Buckets>,
    /// Which submission has which result.
    pub results: Arc<dyn Results>,
}

impl Shared {
    /// Of this process, with at most so many bytes of results.
    pub fn in_memory(results_max: Bytes) -> Shared {
        Shared { buckets: Arc::new(MemoryBuckets::default()), results: Arc::new(MemoryResults::new(results_max)) }
    }
}

/// It cannot be had. Names the setting, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// No server of any kind has such a URL.
    #[error("`shared.url` has to be empty, or a URL that begins with redis:// or rediss://")]
    Scheme,
    /// It is no URL, or Redis does not answer, or does not let us do what we must.
    #[error(
        "Redis cannot be used for rate limits and results (`shared.url`); is the address like redis://:password@host:6379/0, is it running, \
         reachable from here, 6.2 or later, with memory left, and may this user write and run scripts?"
    )]
    Redis(#[source] redis::RedisError),
}

/// What `url` names, under the name of a cluster, which keeps several apart that share a server, with at most so many bytes of
/// results. With an empty URL it is this process's own.
///
/// # Errors
/// When the URL or the server cannot be used.
pub async fn connect(url: &str, cluster: &str, results_max: Bytes) -> Result<Shared, ConnectError> {
    connect_patiently(url, cluster, results_max, ANSWER_MAX).await
}

/// With another time for an answer than half a second: for tests that count, on machines that stand still now and then.
///
/// # Errors
/// When the URL or the server cannot be used.
#[doc(hidden)]
pub async fn connect_patiently(
    url: &str,
    cluster: &str,
    results_max: Bytes,
    answer_max: Duration,
) -> Result<Shared, ConnectError> {
    if url.is_empty() {
        return Ok(Shared::in_memory(results_max));
    }
    if !url.starts_with("redis://") && !url.starts_with("rediss://") {
        return Err(ConnectError::Scheme);
    }
    let link = Link::start(url, format!("{cluster}:limits:trial"), answer_max).await.map_err(ConnectError::Redis)?;
    let link = Arc::new(link);
    Ok(Shared {
        buckets: Arc::new(RedisBuckets::new(Arc::clone(&link), cluster)),
        results: Arc::new(RedisResults::new(link, cluster, results_max)),
    })
}
