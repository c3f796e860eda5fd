//! The complete store.

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
