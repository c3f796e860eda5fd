//! API keys: creation (the text is shown once), authentication of requests, revocation.
//!
//! Invariant: the number of stored keys of one owner is bounded, so that a client cannot fill the store with keys that
//! expire at once ([`KeyBounds`]).

use cupel_types::{ApiKeyId, UserId};
use jiff::{SignedDuration, Timestamp};

use super::service::fault;
use super::tokens::{API_KEY, Token};
use super::{AccessEnded, Accounts, ApiKey, CredentialId, Role, Scope, User};
use crate::StoreError;
use crate::fault::{InputFault, InputFaultKind};

/// Minimum time between two recorded uses of a key.
const TOUCH_AFTER: SignedDuration = SignedDuration::from_secs(60);

/// A key to create.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// Display name; 1 to 100 characters.
    pub name: String,
    /// Scopes; at least one.
    pub scopes: Vec<Scope>,
    /// Time at which the key expires. Must be in the future.
    pub expires_at: Option<Timestamp>,
}

/// Bounds on the keys of one owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyBounds {
    /// Maximum number of keys that are neither revoked nor expired.
    pub live_max: u64,
    /// Maximum number of stored keys, including revoked and expired ones; larger than `live_max`.
    pub stored_max: u64,
}

impl Default for KeyBounds {
    fn default() -> KeyBounds {
        KeyBounds { live_max: 100, stored_max: 1000 }
    }
}

/// Why a key was not inserted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyRefused {
    /// The owner has the maximum number of keys that are neither revoked nor expired.
    TooMany,
    /// The client that creates the key has no access any more.
    NoAccess(AccessEnded),
}

/// Why a key was not created.
#[derive(Debug, thiserror::Error)]
pub enum CreateKeyError {
    /// The input is invalid; the pointers are `/name`, `/scopes`, `/expires_at`, or empty for too many keys.
    #[error("the key has {} fault(s)", .0.len())]
    Invalid(Vec<InputFault>),
    /// The client that creates the key has no access any more.
    #[error("the credential that creates the key is no longer valid")]
    NoAccess(AccessEnded),
    /// Failure of Cupel.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a key was refused.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Not a valid key of this server: mistyped, forged, or of a deleted user.
    #[error("there is no such API key")]
    Unknown,
    /// The key was revoked.
    #[error("the API key was revoked")]
    Revoked,
    /// The key has expired.
    #[error("the API key has expired")]
    Expired,
    /// The account of the key's owner is disabled.
    #[error("the account is disabled")]
    Disabled,
    /// Failure of Cupel.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Accounts {
    /// Creates a key for the command line: a caller with access to the database needs no credential. The second value
    /// is the key's text, which is shown only once.
    ///
    /// # Errors
    /// [`CreateKeyError`].
    pub async fn create_key(&self, owner: &User, new: NewKey) -> Result<(ApiKey, String), CreateKeyError> {
        self.create(owner, None, new).await
    }

    /// Creates a key for a client that was authenticated as the owner with this credential. Refused if the credential
    /// is no longer valid when the key is stored; otherwise, the new key would outlive it.
    ///
    /// # Errors
    /// [`CreateKeyError`].
    pub async fn create_key_with(
        &self,
        owner: &User,
        creator: CredentialId,
        new: NewKey,
    ) -> Result<(ApiKey, String), CreateKeyError> {
        self.create(owner, Some(creator), new).await
    }

    async fn create(
        &self,
        owner: &User,
        creator: Option<CredentialId>,
        new: NewKey,
    ) -> Result<(ApiKey, String), CreateKeyError> {
        let now = self.now();
        let faults = self.faults_of(owner, &new, now);
        if !faults.is_empty() {
            return Err(CreateKeyError::Invalid(faults));
        }
        let token = Token::new(self.inner.ids.next(now));
        let mut scopes = new.scopes;
        scopes.sort_unstable();
        scopes.dedup();
        let key = ApiKey {
            id: ApiKeyId::from_uuid(token.id),
            owner: owner.id,
            name: new.name,
            secret_hash: token.hash(),
            scopes,
            created_at: now,
            expires_at: new.expires_at,
            last_used_at: None,
            revoked_at: None,
        };
        let bounds = self.inner.settings.keys;
        self.inner.store.insert_key(key.clone(), creator, bounds).await?.map_err(|refused| match refused {
            KeyRefused::TooMany => {
                let detail = format!("you have {} keys, which is the maximum; revoke one first", bounds.live_max);
                CreateKeyError::Invalid(vec![fault("", InputFaultKind::TooMany, &detail)])
            }
            KeyRefused::NoAccess(ended) => CreateKeyError::NoAccess(ended),
        })?;
        Ok((key, token.text(API_KEY)))
    }

    /// Whether a text has the prefix of an API key, so that the caller need not try it as an access token.
    pub fn looks_like_key(text: &str) -> bool {
        text.starts_with("cup_")
    }

    /// The key and its owner, if the text is a valid key. The request's permissions are the intersection of the key's
    /// scopes and the owner's role.
    ///
    /// # Errors
    /// [`KeyError`], which may be shown to the client: a client without the secret always gets [`KeyError::Unknown`].
    pub async fn authenticate_key(&self, text: &str) -> Result<(ApiKey, User), KeyError> {
        let token = Token::parse(API_KEY, text).ok_or(KeyError::Unknown)?;
        let key = self.inner.store.key(ApiKeyId::from_uuid(token.id)).await?.ok_or(KeyError::Unknown)?;
        if !token.matches(&key.secret_hash) {
            return Err(KeyError::Unknown);
        }
        let now = self.now();
        if key.revoked_at.is_some() {
            return Err(KeyError::Revoked);
        }
        if key.expires_at.is_some_and(|at| at <= now) {
            return Err(KeyError::Expired);
        }
        let user = self.inner.store.user(key.owner).await?.ok_or(KeyError::Unknown)?;
        if user.disabled_at.is_some() {
            return Err(KeyError::Disabled);
        }
        if key.last_used_at.is_none_or(|at| now.duration_since(at) > TOUCH_AFTER)
            && let Err(error) = self.inner.store.touch_key(key.id, now).await
        {
            tracing::debug!(%error, "the use of a key was not recorded");
        }
        Ok((key, user))
    }

    /// An owner's keys, newest first. A revoked or expired key remains in the list for 90 days, or until
    /// [`KeyBounds::stored_max`] keys are newer.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub async fn keys(&self, owner: UserId) -> Result<Vec<ApiKey>, StoreError> {
        self.inner.store.keys(owner, self.inner.settings.keys.stored_max, self.now()).await
    }

    /// Revokes an owner's key. `false`: the owner has no such key.
    ///
    /// # Errors
    /// If the store cannot write.
    pub async fn revoke_key(&self, owner: UserId, id: ApiKeyId) -> Result<bool, StoreError> {
        self.inner.store.revoke_key(owner, id, self.now()).await
    }

    /// Revokes a key of any owner. Returns the owner; `None` if there is no such key.
    ///
    /// # Errors
    /// If the store cannot answer or write.
    pub async fn revoke_any_key(&self, id: ApiKeyId) -> Result<Option<UserId>, StoreError> {
        let Some(key) = self.inner.store.key(id).await? else { return Ok(None) };
        let is_revoked = self.revoke_key(key.owner, id).await?;
        Ok(is_revoked.then_some(key.owner))
    }

    fn faults_of(&self, owner: &User, new: &NewKey, now: Timestamp) -> Vec<InputFault> {
        let mut faults = Vec::new();
        if !(1..=100).contains(&new.name.chars().count()) || new.name.chars().any(char::is_control) {
            faults.push(fault(
                "/name",
                InputFaultKind::BadName,
                "a key's name must have 1 to 100 characters and no control characters",
            ));
        }
        if new.scopes.is_empty() {
            faults.push(fault("/scopes", InputFaultKind::Missing, "name at least one scope"));
        }
        if new.scopes.contains(&Scope::Admin) && owner.role != Role::Admin {
            faults.push(fault(
                "/scopes",
                InputFaultKind::BadScope,
                "only an administrator's key can have the scope `admin`",
            ));
        }
        if new.expires_at.is_some_and(|at| at <= now) {
            faults.push(fault("/expires_at", InputFaultKind::BadExpiry, "this time has passed"));
        }
        faults
    }
}
