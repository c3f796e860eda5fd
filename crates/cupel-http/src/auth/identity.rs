//! Cache of the identities to which tokens and keys belong. An entry is used for a few seconds.
//!
//! *Invariants:* a cached identity is at most [`FRESH`] old, so a demotion, a logout or a revoked key takes effect on
//! every node within that time, and at once on the node that handled the request, if a request caused it. The cache is
//! bounded. Refusals are never cached. An identity that was read before [`Identities::forget`] is not cached after it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use cupel_core::accounts::{Accounts, CredentialId, KeyError, Scope, User};
use cupel_types::{ApiKeyId, SessionId, UserId};
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::tokens::Named;
use crate::error::ApiError;

/// How long a cached identity is used without reading the store.
const FRESH: Duration = Duration::from_secs(4);
const REMEMBERED_MAX: usize = 20_000;
pub(crate) const DISABLED: &str = "This account is disabled. Ask an administrator.";

/// User and authentication method.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The user.
    pub user: User,
    /// Authentication method.
    pub via: Via,
}

/// Authentication method of a user.
#[derive(Clone, Debug)]
pub enum Via {
    /// Authenticated by an access token or the cookie of this session.
    Session(SessionId),
    /// Authenticated by an API key with these scopes.
    Key {
        /// The key.
        id: ApiKeyId,
        /// The key's permissions.
        scopes: Vec<Scope>,
        /// When the key expires, if it does.
        expires_at: Option<Timestamp>,
    },
    /// Not authenticated, which the dialect allows. The client may only run programs and read their results.
    Keyless,
}

impl Via {
    /// The credential.
    pub fn credential(&self) -> CredentialId {
        match self {
            Via::Session(id) => CredentialId::Session(*id),
            Via::Key { id, .. } => CredentialId::Key(*id),
            Via::Keyless => CredentialId::Keyless,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Credential {
    Session(SessionId, UserId),
    /// SHA-256 of the key's text.
    Key([u8; 32]),
    Keyless(UserId),
}

/// Why a credential could not be resolved to an identity.
pub enum IdentityError {
    /// The credential is invalid. The text has the reason for the client.
    Refused(&'static str),
    /// A failure of the server.
    Failed(ApiError),
}

impl From<cupel_core::StoreError> for IdentityError {
    fn from(error: cupel_core::StoreError) -> IdentityError {
        IdentityError::Failed(error.into())
    }
}

/// The cache.
#[derive(Default)]
pub struct Identities(Mutex<Memory>);

#[derive(Default)]
struct Memory {
    entries: HashMap<Credential, (Instant, Arc<Identity>)>,
    /// Number of removals so far.
    removals: u64,
}

/// No cached identity. Contains the number of removals before the store is read.
struct Miss(u64);

impl Identities {
    /// User of a valid access token or session cookie, if the session still exists and the user is not disabled.
    pub async fn of_token(&self, accounts: &Accounts, named: Named) -> Result<Arc<Identity>, IdentityError> {
        let credential = Credential::Session(named.session, named.user);
        let miss = match self.cached(&credential) {
            Ok(identity) => return Ok(identity),
            Err(miss) => miss,
        };
        if !accounts.session_alive(named.session).await? {
            return Err(IdentityError::Refused("The session has ended. Log in again."));
        }
        let user =
            accounts.user(named.user).await?.ok_or(IdentityError::Refused("The user does not exist any more."))?;
        if user.disabled_at.is_some() {
            return Err(IdentityError::Refused(DISABLED));
        }
        Ok(self.remember(&miss, credential, Identity { user, via: Via::Session(named.session) }))
    }

    /// Owner of an API key.
    pub async fn of_key(&self, accounts: &Accounts, text: &str) -> Result<Arc<Identity>, IdentityError> {
        let credential = Credential::Key(Sha256::digest(text.as_bytes()).into());
        let miss = match self.cached(&credential) {
            Ok(identity) => return Ok(identity),
            Err(miss) => miss,
        };
        let (key, user) = accounts.authenticate_key(text).await.map_err(|error| match error {
            KeyError::Unknown => IdentityError::Refused("There is no such API key."),
            KeyError::Revoked => IdentityError::Refused("The API key was revoked."),
            KeyError::Expired => IdentityError::Refused("The API key has expired."),
            KeyError::Disabled => IdentityError::Refused(DISABLED),
            KeyError::Store(error) => error.into(),
        })?;
        let via = Via::Key { id: key.id, scopes: key.scopes, expires_at: key.expires_at };
        Ok(self.remember(&miss, credential, Identity { user, via }))
    }

    /// User to whom requests without a credential are attributed.
    pub(crate) async fn of_keyless(&self, accounts: &Accounts, user: UserId) -> Result<Arc<Identity>, IdentityError> {
        let credential = Credential::Keyless(user);
        let miss = match self.cached(&credential) {
            Ok(identity) => return Ok(identity),
            Err(miss) => miss,
        };
        let user = accounts.user(user).await?.filter(|user| user.disabled_at.is_none());
        let user = user.ok_or(IdentityError::Refused("Calls without a key are disabled here. Send a key."))?;
        Ok(self.remember(&miss, credential, Identity { user, via: Via::Keyless }))
    }

    /// Removes all entries of a user whose role, tier, sessions or keys have changed.
    pub fn forget(&self, user: UserId) {
        let mut memory = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        memory.removals += 1;
        memory.entries.retain(|_, (_, identity)| identity.user.id != user);
    }

    /// Removes the entries of a session. Called when the session may have ended.
    pub fn forget_session(&self, session: SessionId) {
        let mut memory = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        memory.removals += 1;
        memory.entries.retain(|credential, _| !matches!(credential, Credential::Session(of, _) if *of == session));
    }

    fn cached(&self, credential: &Credential) -> Result<Arc<Identity>, Miss> {
        let memory = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = memory.entries.get(credential).filter(|(at, _)| at.elapsed() < FRESH);
        fresh.map(|(_, identity)| Arc::clone(identity)).ok_or(Miss(memory.removals))
    }

    /// Caches an identity that was read after `miss`, unless entries were removed since: the identity may be one of
    /// them.
    fn remember(&self, miss: &Miss, credential: Credential, identity: Identity) -> Arc<Identity> {
        let identity = Arc::new(identity);
        let mut memory = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if memory.removals != miss.0 {
            return identity;
        }
        let entries = &mut memory.entries;
        if entries.len() >= REMEMBERED_MAX {
            entries.retain(|_, (at, _)| at.elapsed() < FRESH);
            if entries.len() >= REMEMBERED_MAX {
                entries.clear();
            }
        }
        entries.insert(credential, (Instant::now(), Arc::clone(&identity)));
        identity
    }
}

#[cfg(test)]
mod tests {
    use cupel_core::accounts::{Role, Tier};

    use super::*;

    #[test]
    fn an_identity_that_was_read_before_a_removal_is_not_cached() {
        let user = User {
            id: UserId::from_uuid(uuid::Uuid::from_u128(1)),
            username: "ada".into(),
            email: String::new(),
            role: Role::User,
            tier: Tier::default(),
            created_at: Timestamp::UNIX_EPOCH,
            disabled_at: None,
            in_leaderboards: true,
        };
        let session = SessionId::from_uuid(uuid::Uuid::from_u128(2));
        let credential = Credential::Session(session, user.id);
        let identity = Identity { user: user.clone(), via: Via::Session(session) };
        let identities = Identities::default();
        let forget_user = || identities.forget(user.id);
        let forget_session = || identities.forget_session(session);
        for forget in [&forget_user as &dyn Fn(), &forget_session] {
            let Err(miss) = identities.cached(&credential) else { panic!("a cached identity") };
            forget();
            identities.remember(&miss, credential, identity.clone());
            let Err(miss) = identities.cached(&credential) else { panic!("an identity from before the removal") };
            identities.remember(&miss, credential, identity.clone());
            assert!(identities.cached(&credential).is_ok());
            forget();
        }
    }
}
