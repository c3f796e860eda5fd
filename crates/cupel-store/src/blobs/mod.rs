//! The `Blobs` port: a directory that all nodes mount, tables in the store's PostgreSQL database, or an S3-compatible
//! store.

mod connect;
mod directory;
mod postgres;
#[cfg(feature = "s3")]
mod s3;

pub use connect::{ConnectBlobsError, connect_blobs};
pub use directory::DirectoryBlobs;
pub use postgres::{PostgresBlobs, PostgresBlobsError};
#[cfg(feature = "s3")]
pub use s3::{S3Blobs, S3UrlError};

use cupel_core::BlobsError;

/// For `map_err`: the error of an action on a blob or kind.
fn failed<E: Into<Box<dyn std::error::Error + Send + Sync>>>(
    action: &'static str,
    what: impl ToString,
) -> impl FnOnce(E) -> BlobsError {
    let what = what.to_string();
    move |source| BlobsError::Store { action, what, source: source.into() }
}
