//! Selection of the blob store by `blobs.url`. Errors name the setting and the remedy.

use std::path::Path;
use std::sync::Arc;

use cupel_core::{Blobs, BlobsError};

use super::{DirectoryBlobs, PostgresBlobs, PostgresBlobsError};
#[cfg(feature = "s3")]
use super::{S3Blobs, S3UrlError};

/// Reason why the blob store cannot be used. No message contains a password or a key.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum ConnectBlobsError {
    #[error(
        "blobs.url is none of \"postgres\", s3://bucket/prefix and file:///directory: name one of these, the same for all nodes"
    )]
    Unknown,
    #[error(
        "blobs.url is \"postgres\", and the store is not: name a PostgreSQL database in store.url, or another blob store"
    )]
    NoDatabase,
    #[error("blobs.url: a directory is named by its whole path, as in file:///srv/cupel")]
    NoPath,
    #[error(
        "blobs.url: the directory cannot be used: mount it on every node, writable for the user that Cupel runs as"
    )]
    Directory(#[source] BlobsError),
    #[error("blobs.url: the database of store.url cannot keep blobs")]
    Postgres(#[from] PostgresBlobsError),
    #[cfg(not(feature = "s3"))]
    #[error("blobs.url: this program was built without support for S3: `make build` builds one with every engine")]
    NotBuilt,
    #[cfg(feature = "s3")]
    #[error("blobs.url: no bucket can be found by it")]
    S3Url(#[from] S3UrlError),
    #[cfg(feature = "s3")]
    #[error(
        "blobs.url: the bucket cannot be written to: see that it is there, that `endpoint` and `region` are right, and that the keys \
         (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY) may read, write, list and delete in it"
    )]
    S3(#[source] BlobsError),
}

/// Connects to the blob store that `blobs.url` names, and checks that it responds. `store_url` is the URL of the
/// store's PostgreSQL database, if it has one; `cluster` is the cluster's name.
///
/// # Errors
/// [`ConnectBlobsError`].
pub async fn connect_blobs(
    url: &str,
    store_url: Option<&str>,
    cluster: &str,
) -> Result<Arc<dyn Blobs>, ConnectBlobsError> {
    let (url, store_url, cluster) = (url.to_owned(), store_url.map(str::to_owned), cluster.to_owned());
    let connecting = tokio::task::spawn_blocking(move || connect(&url, store_url.as_deref(), &cluster));
    connecting.await.unwrap_or_else(|panicked| std::panic::resume_unwind(panicked.into_panic()))
}

fn connect(url: &str, store_url: Option<&str>, cluster: &str) -> Result<Arc<dyn Blobs>, ConnectBlobsError> {
    if url == "postgres" {
        let database = store_url.ok_or(ConnectBlobsError::NoDatabase)?;
        return Ok(Arc::new(PostgresBlobs::open(database, cluster)?));
    }
    if let Some(path) = url.strip_prefix("file://") {
        let path = Path::new(path);
        if !path.is_absolute() {
            return Err(ConnectBlobsError::NoPath);
        }
        return Ok(Arc::new(DirectoryBlobs::open(path, cluster).map_err(ConnectBlobsError::Directory)?));
    }
    if url.starts_with("s3://") {
        #[cfg(feature = "s3")]
        return {
            let blobs = S3Blobs::new(url, cluster)?;
            blobs.check().map_err(ConnectBlobsError::S3)?;
            Ok(Arc::new(blobs))
        };
        #[cfg(not(feature = "s3"))]
        return Err(ConnectBlobsError::NotBuilt);
    }
    Err(ConnectBlobsError::Unknown)
}
