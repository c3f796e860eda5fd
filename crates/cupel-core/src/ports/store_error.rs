//! The failure of the store.

/// Failure of the store. Never the client's mistake.
#[derive(Debug, thiserror::Error)]
#[error("cannot {operation}")]
pub struct StoreError {
    /// The failed operation, such as `insert a submission`.
    pub operation: &'static str,
    /// Whether the same call may succeed later (busy, full disk, connection lost).
    pub transient: bool,
    /// The cause.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}
