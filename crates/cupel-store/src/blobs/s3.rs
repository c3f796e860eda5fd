//! [`S3Blobs`]: blobs in a bucket of Amazon S3 or a compatible service.
//!
//! A blob is one object, `<prefix>/<cluster>/<key>`. Small blobs are put with one request, larger ones as a multipart
//! upload, which is invisible until it is complete. The parts of an interrupted upload are invisible, but take space
//! until the bucket's own rule for incomplete uploads removes them. Ages are measured with the server's clock. To
//! read that clock, each list operation rewrites an object.
//!
//! Invariant: no request waits forever. Connecting, pauses in a response, and retries have time limits.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::sync::Arc;
use std::time::Duration;

use cupel_core::{BlobInfo, BlobKey, BlobKind, Blobs, BlobsError, chain};
use futures_util::TryStreamExt as _;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::path::Path;
use object_store::{
    BackoffConfig, ClientOptions, Error, MultipartUpload, ObjectStore as _, ObjectStoreExt as _, PutPayload,
    RetryConfig,
};
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use url::Url;

use super::failed;

/// Size of the parts of a large blob. S3 allows 10,000 parts, so a blob may be many times as large as the largest
/// package.
const PART_BYTES: usize = 8 << 20;

/// Number of parts uploaded concurrently.
const PARTS_AT_ONCE: usize = 2;

const CONNECT_MAX: Duration = Duration::from_secs(5);
/// Timeout for the next byte of a response.
const SILENCE_MAX: Duration = Duration::from_secs(20);
/// Time limit for retries, from the first attempt.
const RETRY_MAX: Duration = Duration::from_secs(15);
const RETRIES_MAX: usize = 4;

/// Blobs in a bucket.
pub struct S3Blobs {
    /// `Some` until this value is dropped. The runtime's threads send the requests while the caller blocks.
    runtime: Option<Runtime>,
    store: Arc<AmazonS3>,
    root: Path,
}

/// Reason why a bucket's URL is refused. Messages do not repeat the URL, since it may contain a key.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages document the variants")]
pub enum S3UrlError {
    #[error("the URL is malformed")]
    Form(#[source] url::ParseError),
    #[error("the URL names no bucket; expected s3://bucket/prefix")]
    NoBucket,
    #[error("unknown setting `{0}`; use endpoint, region, access_key_id or secret_access_key")]
    Unknown(String),
    #[error("the settings are not valid")]
    Settings(#[source] Error),
    #[error("cannot set up TLS or threads")]
    Setup(#[source] io::Error),
}

impl S3Blobs {
    /// Blobs in a bucket, `s3://bucket/prefix?endpoint=…&region=…`, below the cluster's name. Credentials and other
    /// settings that the URL does not contain come from the usual environment variables, `AWS_…`. Sends no request.
    ///
    /// # Errors
    /// [`S3UrlError`].
    pub fn new(url: &str, cluster: &str) -> Result<S3Blobs, S3UrlError> {
        let url = Url::parse(url).map_err(S3UrlError::Form)?;
        let bucket = url.host_str().filter(|bucket| !bucket.is_empty()).ok_or(S3UrlError::NoBucket)?;
        // The rest of Cupel passes its TLS provider explicitly; this library uses the provider of the process. If a
        // provider is installed already, it is the same one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let options = ClientOptions::new()
            .with_connect_timeout(CONNECT_MAX)
            .with_read_timeout(SILENCE_MAX)
            // No limit on the total time: a response may take long if its bytes keep arriving.
            .with_timeout_disabled();
        let retry = RetryConfig {
            backoff: BackoffConfig { max_backoff: Duration::from_secs(2), ..BackoffConfig::default() },
            max_retries: RETRIES_MAX,
            retry_timeout: RETRY_MAX,
        };
        let mut builder = AmazonS3Builder::from_env().with_bucket_name(bucket).with_retry(retry);
        let mut allows_http = false;
        for (name, value) in url.query_pairs() {
            builder = match &*name {
                "endpoint" => {
                    allows_http = value.starts_with("http://");
                    builder.with_endpoint(value)
                }
                "region" => builder.with_region(value),
                "access_key_id" => builder.with_access_key_id(value),
                "secret_access_key" => builder.with_secret_access_key(value),
                other => return Err(S3UrlError::Unknown(other.to_owned())),
            };
        }
        let store = builder.with_client_options(options.with_allow_http(allows_http)).build();
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).thread_name("blobs").enable_all().build();
        Ok(S3Blobs {
            runtime: Some(runtime.map_err(S3UrlError::Setup)?),
            store: Arc::new(store.map_err(S3UrlError::Settings)?),
            root: Path::from(format!("{}/{cluster}", url.path())),
        })
    }

    /// Checks that the bucket exists and is writable.
    ///
    /// # Errors
    /// If the bucket does not exist or is not writable, or the server is unreachable.
    pub fn check(&self) -> Result<(), BlobsError> {
        self.now().map(drop)
    }

    fn path(&self, name: impl ToString) -> Path {
        Path::from(format!("{}/{}", self.root, name.to_string()))
    }

    fn wait<T>(&self, answer: impl Future<Output = T>) -> T {
        // The runtime is `Some` until `self` is dropped.
        self.runtime.as_ref().map(|runtime| runtime.block_on(answer)).unwrap_or_else(|| unreachable!("dropped"))
    }

    /// The server's time, in whole seconds.
    fn now(&self) -> Result<jiff::Timestamp, BlobsError> {
        let clock = self.path("clock");
        let head = self.wait(async {
            self.store.put(&clock, PutPayload::new()).await?;
            self.store.head(&clock).await
        });
        head.map(|meta| seconds(meta.last_modified.timestamp())).map_err(failed("write to", self.root.as_ref()))
    }

    /// Puts a blob that begins with `first` as a multipart upload.
    fn put_parts(&self, key: &BlobKey, first: Vec<u8>, source: &mut dyn Read) -> Result<(), BlobsError> {
        let upload = self.wait(self.store.put_multipart(&self.path(key)));
        let mut upload = upload.map_err(failed("put", key))?;
        let put = self.put_all_parts(key, upload.as_mut(), first, source);
        if put.is_err() {
            // Even if the abort fails, the parts stay invisible.
            let _ = self.wait(upload.abort());
        }
        put
    }

    fn put_all_parts(
        &self,
        key: &BlobKey,
        upload: &mut dyn MultipartUpload,
        first: Vec<u8>,
        source: &mut dyn Read,
    ) -> Result<(), BlobsError> {
        let mut part = first;
        let mut under_way: VecDeque<JoinHandle<Result<(), Error>>> = VecDeque::new();
        while !part.is_empty() {
            if under_way.len() == PARTS_AT_ONCE {
                self.sent(key, under_way.pop_front())?;
            }
            let sending = upload.put_part(PutPayload::from(part));
            under_way.extend(self.runtime.as_ref().map(|runtime| runtime.spawn(sending)));
            part = read_part(source)?;
        }
        under_way.into_iter().try_for_each(|part| self.sent(key, Some(part)))?;
        self.wait(upload.complete()).map(drop).map_err(failed("put", key))
    }

    fn sent(&self, key: &BlobKey, part: Option<JoinHandle<Result<(), Error>>>) -> Result<(), BlobsError> {
        let Some(part) = part else { return Ok(()) };
        let sent = self.wait(part).map_err(failed("put", key))?;
        sent.map_err(failed("put", key))
    }
}

/// Reads one part, or the rest of the source.
fn read_part(source: &mut dyn Read) -> Result<Vec<u8>, BlobsError> {
    let mut part = Vec::with_capacity(PART_BYTES);
    source.take(PART_BYTES as u64).read_to_end(&mut part).map_err(BlobsError::Source)?;
    Ok(part)
}

/// A missing object is [`BlobsError::Missing`]; a missing bucket is another error.
fn missing_or(action: &'static str, key: &BlobKey, error: Error) -> BlobsError {
    match error {
        Error::NotFound { .. } if !chain(&error).contains("NoSuchBucket") => BlobsError::Missing(*key),
        error => failed(action, key)(error),
    }
}

fn seconds(since_1970: i64) -> jiff::Timestamp {
    jiff::Timestamp::from_second(since_1970).unwrap_or_default()
}

impl Blobs for S3Blobs {
    fn put(&self, key: &BlobKey, source: &mut dyn Read) -> Result<(), BlobsError> {
        let first = read_part(source)?;
        if first.len() == PART_BYTES {
            return self.put_parts(key, first, source);
        }
        let put = self.wait(self.store.put(&self.path(key), PutPayload::from(first)));
        put.map(drop).map_err(failed("put", key))
    }

    fn get(&self, key: &BlobKey, into: &mut dyn Write, bytes_max: u64) -> Result<u64, BlobsError> {
        let found = self.wait(self.store.get(&self.path(key))).map_err(|error| missing_or("get", key, error))?;
        if found.meta.size > bytes_max {
            return Err(BlobsError::TooLarge { key: *key, bytes_max });
        }
        let mut pieces = found.into_stream();
        let mut bytes = 0;
        while let Some(piece) = self.wait(pieces.try_next()).map_err(|error| missing_or("get", key, error))? {
            bytes += piece.len() as u64;
            if bytes > bytes_max {
                return Err(BlobsError::TooLarge { key: *key, bytes_max });
            }
            into.write_all(&piece).map_err(BlobsError::Target)?;
        }
        Ok(bytes)
    }

    fn has(&self, key: &BlobKey) -> Result<bool, BlobsError> {
        match self.wait(self.store.head(&self.path(key))) {
            Ok(_) => Ok(true),
            Err(Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(failed("find", key)(error)),
        }
    }

    fn remove(&self, key: &BlobKey) -> Result<(), BlobsError> {
        match self.wait(self.store.delete(&self.path(key))) {
            Err(error) => match missing_or("remove", key, error) {
                BlobsError::Missing(_) => Ok(()),
                error => Err(error),
            },
            Ok(()) => Ok(()),
        }
    }

    fn list(&self, kind: BlobKind) -> Result<Vec<BlobInfo>, BlobsError> {
        let now = self.now()?;
        let (within, above) = (self.path(kind), format!("{}/", self.root));
        let listed: Result<Vec<_>, Error> = self.wait(self.store.list(Some(&within)).try_collect());
        let listed = listed.map_err(failed("list", kind))?;
        let found = listed.into_iter().filter_map(|meta| {
            let key = meta.location.as_ref().strip_prefix(&above)?.parse().ok()?;
            let age = now.duration_since(seconds(meta.last_modified.timestamp()));
            Some(BlobInfo { key, bytes: meta.size, age: Duration::try_from(age).unwrap_or_default() })
        });
        Ok(found.collect())
    }
}

impl Drop for S3Blobs {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Does not wait for the runtime's threads, because this thread may be one that must not block.
            runtime.shutdown_background();
        }
    }
}

impl std::fmt::Debug for S3Blobs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("S3Blobs").field("root", &self.root).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_a_url_do_not_contain_its_keys() {
        for (url, expected) in [
            ("s3://?secret_access_key=hush", "names no bucket"),
            ("s3://bucket?secret_key=hush", "unknown setting `secret_key`"),
            ("s3://bucket:port/?secret_access_key=hush", "malformed"),
        ] {
            let error = S3Blobs::new(url, "cupel").unwrap_err();
            assert!(error.to_string().contains(expected), "{url}: {error}");
            assert!(!format!("{error:?}").contains("hush"), "{error:?}");
        }
        let blobs = S3Blobs::new("s3://bucket/a/b/?endpoint=http://127.0.0.1:1&region=r", "cupel").unwrap();
        assert_eq!(blobs.root.as_ref(), "a/b/cupel");
        assert!(!format!("{blobs:?}").contains("hush"));
    }
}
