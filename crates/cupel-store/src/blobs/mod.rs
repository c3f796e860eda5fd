//! The `Blobs` port: a directory that all nodes mount, a table of the store's PostgreSQL database, or an S3-compatible store.

mod directory;

pub use directory::DirectoryBlobs;

use cupel_core::BlobsError;

/// For `map_err`: the blob store could not do this with that.
fn failed<E: Into<Box<dyn std::error::Error + Send + Sync>>>(
    action: &'static str,
    what: impl ToString,
) -> impl FnOnce(E) -> BlobsError {
    let what = what.to_string();
    move |source| BlobsError::Store { action, what, source: source.into() }
}
