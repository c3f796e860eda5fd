//! Selection of the blob store by `blobs.url`. Errors name the setting and the remedy.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use cupel_core::{Blobs, BlobsError};

use super::directory::MARK;
use super::{DirectoryBlobs, PostgresBlobs, PostgresBlobsError};
#[cfg(feature = "s3")]
use super::{S3Blobs, S3UrlError};

/// Reason why the blob store cannot be used. No message contains a password or a key.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages document the variants")]
pub enum ConnectBlobsError {
    #[error("blobs.url must be \"postgres\", s3://bucket/prefix or file:///directory, and the same on all nodes")]
    Unknown,
    #[error("blobs.url is \"postgres\", but store.url is not a PostgreSQL database: change one of them")]
    NoDatabase,
    #[error("blobs.url: the path of a directory must be absolute, as in file:///srv/cupel")]
    NoPath,
    #[error(
        "blobs.url: cannot use the directory: mount it on every node, and make it writable for the user that Cupel runs as"
    )]
    Directory(#[source] BlobsError),
    #[error(
        "blobs.url: the directory `{}` is empty, but the database names packages that were stored in a directory before: check \
         that the directory is mounted. If it is new, or its content is lost, create the file `{MARK}` in it", .0.display()
    )]
    Unmounted(PathBuf),
    #[error("blobs.url: cannot use the database of store.url for blobs")]
    Postgres(#[from] PostgresBlobsError),
    #[cfg(not(feature = "s3"))]
    #[error(
        "blobs.url: this program was built without support for S3: `make build` builds a program with every engine"
    )]
    NotBuilt,
    #[cfg(feature = "s3")]
    #[error("blobs.url: not the URL of a bucket")]
    S3Url(#[from] S3UrlError),
    #[cfg(feature = "s3")]
    #[error(
        "blobs.url: cannot write to the bucket: check that it exists, that `endpoint` and `region` are right, and that the keys \
         (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY) permit reading, writing, listing and deleting"
    )]
    S3(#[source] BlobsError),
}

/// Connects to the blob store that `blobs.url` names, and checks that it responds. `store_url` is the URL of the
/// store's PostgreSQL database, or `None` if the store is on SQLite; `cluster` is the cluster's name. `has_packages`:
/// whether the store names packages, so that an empty directory cannot be the right one.
///
/// # Errors
/// [`ConnectBlobsError`].
pub async fn connect_blobs(
    url: &str,
    store_url: Option<&str>,
    cluster: &str,
    has_packages: bool,
) -> Result<Arc<dyn Blobs>, ConnectBlobsError> {
    let (url, store_url, cluster) = (url.to_owned(), store_url.map(str::to_owned), cluster.to_owned());
    let connecting = tokio::task::spawn_blocking(move || connect(&url, store_url.as_deref(), &cluster, has_packages));
    connecting.await.unwrap_or_else(|panicked| std::panic::resume_unwind(panicked.into_panic()))
}

fn connect(
    url: &str,
    store_url: Option<&str>,
    cluster: &str,
    has_packages: bool,
) -> Result<Arc<dyn Blobs>, ConnectBlobsError> {
    if url == "postgres" {
        let database = store_url.ok_or(ConnectBlobsError::NoDatabase)?;
        return Ok(Arc::new(PostgresBlobs::open(database, cluster)?));
    }
    if let Some(path) = url.strip_prefix("file://") {
        let path = Path::new(path);
        if !path.is_absolute() {
            return Err(ConnectBlobsError::NoPath);
        }
        if has_packages && DirectoryBlobs::is_empty(path) {
            return Err(ConnectBlobsError::Unmounted(path.to_owned()));
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
