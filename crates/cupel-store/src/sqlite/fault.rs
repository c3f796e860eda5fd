//! What can go wrong inside, and whether trying again may help.

use std::sync::Arc;

use cupel_core::StoreError;

use crate::rows::RowError;

/// A failure on its way to becoming a [`StoreError`]. Cheap to clone: one failed commit fails many commands.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error("the database refused")]
    Sql(#[source] Arc<sqlx::Error>),
    #[error("a row makes no sense")]
    Row(#[source] Arc<RowError>),
    #[error("the store is closed")]
    Closed,
}

impl From<sqlx::Error> for Fault {
    fn from(error: sqlx::Error) -> Fault {
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
    /// Source of the codes: sqlite.org, "Result and Error Codes"; the low byte is the primary code.
    fn is_transient(&self) -> bool {
        match self {
            Fault::Sql(error) => match &**error {
                sqlx::Error::Database(error) => {
                    const BUSY: i32 = 5;
                    const LOCKED: i32 = 6;
                    const NOMEM: i32 = 7;
                    const READONLY: i32 = 8;
                    const IOERR: i32 = 10;
                    const FULL: i32 = 13;
                    const CANTOPEN: i32 = 14;
                    let code = error.code().and_then(|c| c.parse::<i32>().ok()).unwrap_or(0);
                    matches!(code & 0xff, BUSY | LOCKED | NOMEM | READONLY | IOERR | FULL | CANTOPEN)
                }
                sqlx::Error::PoolTimedOut | sqlx::Error::Io(_) => true,
                _ => false,
            },
            Fault::Row(_) => false,
            Fault::Closed => true,
        }
    }
}
