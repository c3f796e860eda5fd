//! Which buckets a URL means.

use std::sync::Arc;

use cupel_core::limits::Buckets;

use crate::{MemoryBuckets, RedisBuckets};

/// The buckets cannot be had. Names the setting, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// No server of any kind has such a URL.
    #[error("`shared.url` has to be empty, or a URL that begins with redis:// or rediss://")]
    Scheme,
    /// It is no URL, or Redis does not answer, or does not let us do what we must.
    #[error(
        "Redis cannot be used for rate limits (`shared.url`); is the address like redis://:password@host:6379/0, is it running, \
         reachable from here, 6.2 or later, with memory left, and may this user write and run scripts?"
    )]
    Redis(#[source] redis::RedisError),
}

/// The buckets that `url` names, under the name of a cluster, which keeps several apart that share a server. An empty URL are
/// those of this process.
///
/// # Errors
/// When the URL or the server cannot be used.
pub async fn connect(url: &str, cluster: &str) -> Result<Arc<dyn Buckets>, ConnectError> {
    if url.is_empty() {
        return Ok(Arc::new(MemoryBuckets::default()));
    }
    if !url.starts_with("redis://") && !url.starts_with("rediss://") {
        return Err(ConnectError::Scheme);
    }
    Ok(Arc::new(RedisBuckets::start(url, cluster).await.map_err(ConnectError::Redis)?))
}
