//! Errors caused by a full disk: the disk of the database, or the disk of the data directory.
//!
//! A full disk is distinguished from other causes, because no retry succeeds until an operator frees space. The API
//! responds with 503 `disk-full`, and the node reports that it is not ready.

use std::error::Error;
use std::io;
use std::sync::Arc;

/// The store cannot write because a disk is full.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the disk is full: no space is left for {place}")]
pub struct DiskFull {
    /// The full disk, for an operator: a file of this machine, or the database server.
    pub place: String,
    /// The error of the database or the kernel.
    #[source]
    pub source: Arc<dyn Error + Send + Sync>,
}

/// Whether a full disk is among the causes of an error. The error may come from the store or from a file of this
/// machine.
pub fn is_disk_full(error: &(dyn Error + 'static)) -> bool {
    let of_file = |error: &io::Error| matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.is::<DiskFull>() || error.downcast_ref::<io::Error>().is_some_and(of_file) {
            return true;
        }
        cause = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::StoreError;

    fn failed(source: impl Into<Box<dyn Error + Send + Sync>>) -> StoreError {
        StoreError { operation: "write a row", transient: true, source: source.into() }
    }

    #[test]
    fn a_full_disk_is_recognised_at_any_depth_of_the_chain() {
        let full = || io::Error::from(io::ErrorKind::StorageFull);
        assert!(is_disk_full(&failed(full())));
        let place = "`/data/cupel.db`".to_owned();
        assert!(is_disk_full(&failed(failed(DiskFull { place, source: Arc::new(full()) }))));
        assert!(!is_disk_full(&failed(io::Error::from(io::ErrorKind::NotFound))));
        assert!(!is_disk_full(&failed("the disk is full")));
    }
}
