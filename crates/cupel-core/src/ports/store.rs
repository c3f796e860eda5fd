//! The complete store, and its failure.

use super::accounts::AccountStore;
use super::runs::RunStore;
use super::webhooks::WebhookStore;
use crate::accounts::MembershipStore;
use crate::cluster::ClusterStore;
use crate::contests::ContestStore;
use crate::dead_letters::DeadLetterStore;
use crate::drafts::DraftStore;
use crate::problems::ProblemStore;
use crate::snippets::SnippetStore;

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

/// The complete store.
pub trait Store:
    RunStore
    + AccountStore
    + MembershipStore
    + WebhookStore
    + ProblemStore
    + ContestStore
    + ClusterStore
    + DeadLetterStore
    + SnippetStore
    + DraftStore
{
}
impl<T> Store for T where
    T: RunStore
        + AccountStore
        + MembershipStore
        + WebhookStore
        + ProblemStore
        + ContestStore
        + ClusterStore
        + DeadLetterStore
        + SnippetStore
        + DraftStore
{
}
