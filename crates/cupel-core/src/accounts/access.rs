//! Whether a client that keeps a connection open still has access. Its requests are authenticated one by one; a
//! connection is authenticated once, so it is checked again while it is open.
//!
//! *Invariant:* a check reads the store once, because every open connection is checked every few seconds.

use cupel_types::{ApiKeyId, SessionId};

use super::{Accounts, Role};
use crate::{AuthenticatedUser, StoreError};

/// The credential with which a client was authenticated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialId {
    /// An access token or the cookie of this session. The session may outlive the access token.
    Session(SessionId),
    /// This API key.
    Key(ApiKeyId),
    /// None, which some dialects allow.
    Keyless,
}

/// Why a client has no access any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessEnded {
    /// The account is disabled or was deleted.
    Account,
    /// The session was ended or has expired.
    Session,
    /// The API key was revoked or has expired.
    Key,
    /// The client had an administrator's view, and its user is no longer an administrator.
    Role,
}

impl Accounts {
    /// Why this client has no access any more; `None` if it still has access.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub async fn access_ended(
        &self,
        viewer: &AuthenticatedUser,
        credential: CredentialId,
    ) -> Result<Option<AccessEnded>, StoreError> {
        let found = self.inner.store.user_with(viewer.user, credential, self.now()).await?;
        Ok(match found.filter(|(user, _)| user.disabled_at.is_none()) {
            None => Some(AccessEnded::Account),
            Some((_, false)) => match credential {
                CredentialId::Session(_) => Some(AccessEnded::Session),
                CredentialId::Key(_) => Some(AccessEnded::Key),
                CredentialId::Keyless => None,
            },
            Some((user, true)) => (viewer.is_admin && user.role != Role::Admin).then_some(AccessEnded::Role),
        })
    }
}
