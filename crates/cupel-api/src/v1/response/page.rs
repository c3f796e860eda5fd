//! The position of a page in a list.

use serde::Serialize;
use utoipa::ToSchema;

/// Position of a page.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Pagination {
    /// Page number, from 1.
    pub(crate) page: u64,
    /// Entries per page.
    pub(crate) limit: u64,
    /// Total number of entries.
    pub(crate) total: u64,
}
