//! Whether a client that keeps a connection open still has access. Its requests are authenticated one by one; a
//! connection is authenticated once, so it is checked again while it is open.
//!
//! *Invariant:* a check reads the store once, because every open connection is checked every few seconds.

use cupel_types::{ApiKeyId, SessionId};

use super::{Accounts, Role, Tier, User};
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
    Administrator,
    /// The client had an author's view, and its user is no longer an author.
    Author,
}

impl AccessEnded {
    /// Why a client with this credential has no access any more, if so. `found`: its user, and whether the credential
    /// is valid; `None`: the user was deleted.
    pub fn of(found: Option<&(User, bool)>, credential: CredentialId) -> Option<AccessEnded> {
        match found.filter(|(user, _)| user.disabled_at.is_none()) {
            None => Some(AccessEnded::Account),
            Some((_, true)) => None,
            Some((_, false)) => match credential {
                CredentialId::Session(_) => Some(AccessEnded::Session),
                CredentialId::Key(_) => Some(AccessEnded::Key),
                CredentialId::Keyless => None,
            },
        }
    }

    /// The reason, as a sentence for the client. At most 123 bytes, so that it fits into the close frame of a
    /// WebSocket.
    pub const fn sentence(self) -> &'static str {
        match self {
            AccessEnded::Account => "The account is disabled or was deleted.",
            AccessEnded::Session => "The session has ended. Sign in again.",
            AccessEnded::Key => "The API key was revoked or has expired.",
            AccessEnded::Administrator => "The account is no longer an administrator.",
            AccessEnded::Author => "The account is no longer an author.",
        }
    }
}

/// Access of a client that keeps a connection open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Access {
    /// The client still has access. Its user has this tier now.
    Continues(Tier),
    /// The client has no access any more.
    Ended(AccessEnded),
}

impl Accounts {
    /// Whether this client still has access.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub async fn access(&self, viewer: &AuthenticatedUser, credential: CredentialId) -> Result<Access, StoreError> {
        let found = self.inner.store.user_with(viewer.user, credential, self.now()).await?;
        if let Some(ended) = AccessEnded::of(found.as_ref(), credential) {
            return Ok(Access::Ended(ended));
        }
        let Some((user, _)) = found else { return Ok(Access::Ended(AccessEnded::Account)) };
        Ok(if viewer.is_admin && user.role != Role::Admin {
            Access::Ended(AccessEnded::Administrator)
        } else if viewer.is_author && !user.role.is_author() {
            Access::Ended(AccessEnded::Author)
        } else {
            Access::Continues(user.tier)
        })
    }
}
