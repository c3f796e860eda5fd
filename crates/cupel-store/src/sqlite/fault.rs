//! What can go wrong inside, and whether trying again may help.

use std::sync::Arc;

use cupel_core::StoreError;
use rusqlite::ErrorCode;

use crate::rows::RowError;

/// A failure on its way to becoming a [`StoreError`]. Cheap to clone: one failed commit fails many commands.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error("the database refused")]
    Sql(#[source] Arc<rusqlite::Error>),
    #[error("a row makes no sense")]
    Row(#[source] Arc<RowError>),
    #[error("all readers of the database were busy for too long")]
    Busy,
    #[error("a read of the database broke off")]
    BrokenOff,
    #[error("the store is closed")]
    Closed,
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Fault {
        Fault::Sql(Arc::new(error))
    }
}

impl From<RowError> for Fault {
    fn from(error: RowError) -> Fault {
        Fault::Row(Arc::new(error))
    }
}

impl Fault {
    pub(crate) fn during(self, operation: &'static str) -> StoreError {
        StoreError { operation, transient: self.is_transient(), source: Box::new(self) }
    }

    /// Busy, full, out of memory or an I/O error may pass; a broken constraint or row will not.
    fn is_transient(&self) -> bool {
        match self {
            Fault::Sql(error) => matches!(
                error.sqlite_error_code(),
                Some(
                    ErrorCode::DatabaseBusy
                        | ErrorCode::DatabaseLocked
                        | ErrorCode::OutOfMemory
                        | ErrorCode::ReadOnly
                        | ErrorCode::SystemIoFailure
                        | ErrorCode::DiskFull
                        | ErrorCode::CannotOpen
                )
            ),
            Fault::Row(_) | Fault::BrokenOff => false,
            Fault::Busy | Fault::Closed => true,
        }
    }
}
