//! Changing a password with the old password, and setting a password with a one-time link.
//!
//! A link carries a token in the format of a key (`tokens.rs`), with the user's id: `cul_…`. A user has at most one
//! link. A link expires, and any change of the password removes it.

use std::time::Duration;

use cupel_types::{SessionId, UserId};
use jiff::{SignedDuration, Timestamp};

use super::service::fault_of_password;
use super::tokens::{LINK, Token};
use super::{AccountError, Accounts, PasswordError, User};
use crate::StoreError;
use crate::fault::InputFault;

/// A one-time link, without the URL prefix.
#[derive(Clone)]
pub struct PasswordLink {
    /// The token: shown once, valid for one use.
    pub token: String,
    /// When the link expires.
    pub expires_at: Timestamp,
}

/// Why a password was not changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangePasswordError {
    /// The old password is wrong.
    #[error("the old password is wrong")]
    Wrong,
    /// The link was used or replaced, has expired, or never existed.
    #[error("the link is not valid")]
    NotGood,
    /// The new password is invalid; the pointer is `/password`.
    #[error("the new password is not acceptable")]
    Invalid(InputFault),
    /// Failure of Cupel.
    #[error(transparent)]
    Failed(#[from] AccountError),
}

impl From<StoreError> for ChangePasswordError {
    fn from(error: StoreError) -> Self {
        ChangePasswordError::Failed(error.into())
    }
}

impl From<PasswordError> for ChangePasswordError {
    fn from(error: PasswordError) -> Self {
        ChangePasswordError::Failed(error.into())
    }
}

impl Accounts {
    /// Changes a user's password, and ends all of the user's sessions except `keep`.
    ///
    /// # Errors
    /// [`ChangePasswordError`]; nothing has changed.
    pub async fn change_password(
        &self,
        user: &User,
        old: &str,
        new: &str,
        keep: Option<SessionId>,
    ) -> Result<(), ChangePasswordError> {
        if let Some(fault) = fault_of_password(new, &user.username, &user.email) {
            return Err(ChangePasswordError::Invalid(fault));
        }
        let verified = self.verified_hash(user, old).await?.ok_or(ChangePasswordError::Wrong)?;
        let hash = self.inner.passwords.hash(new).await?;
        // The password may have been changed in the meantime, for example with a link after the old one was stolen.
        if self.inner.store.change_password(user.id, Some(&verified), hash, keep, self.now()).await? {
            Ok(())
        } else {
            Err(ChangePasswordError::Wrong)
        }
    }

    /// Whether this is the user's password.
    ///
    /// # Errors
    /// If the password cannot be checked.
    pub async fn is_password(&self, user: &User, password: &str) -> Result<bool, AccountError> {
        Ok(self.verified_hash(user, password).await?.is_some())
    }

    /// The stored hash of the user's password, if this is the password.
    async fn verified_hash(&self, user: &User, password: &str) -> Result<Option<String>, AccountError> {
        let found = self.inner.store.user_by_login(&user.username).await?;
        let hash = found.filter(|(found, _)| found.id == user.id).and_then(|(_, hash)| super::sessions::usable(hash));
        let fits = password.chars().count() <= 256;
        let password: String = password.chars().take(256).collect();
        let right = self.inner.passwords.verify(&password, hash.clone()).await?;
        Ok(hash.filter(|_| right && fits))
    }

    /// Creates a link with which the user sets a password; an older link becomes invalid. `None`: there is no such
    /// user, or it is a guest or an internal account.
    ///
    /// # Errors
    /// If the store cannot write.
    pub async fn make_link(&self, user: UserId, lifetime: Duration) -> Result<Option<PasswordLink>, StoreError> {
        if user.is_guest() || self.is_internal(user).await? {
            return Ok(None);
        }
        let now = self.now();
        let token = Token::new(*user.as_uuid());
        let lifetime = SignedDuration::try_from(lifetime).unwrap_or(SignedDuration::MAX);
        let expires_at = now.saturating_add(lifetime).unwrap_or(now);
        let stored = self.inner.store.put_link(user, token.hash(), now, expires_at).await?;
        Ok(stored.then(|| PasswordLink { token: token.text(LINK), expires_at }))
    }

    /// The user of a link that is valid now. The link stays valid. `None`: the link was used or replaced, has expired,
    /// or never existed.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub async fn user_of_link(&self, link: &str) -> Result<Option<User>, StoreError> {
        match Token::parse(LINK, link) {
            Some(token) => self.user_of_token(&token).await,
            None => Ok(None),
        }
    }

    async fn user_of_token(&self, token: &Token) -> Result<Option<User>, StoreError> {
        let user = UserId::from_uuid(token.id);
        // The store compares hashes of the secret, so the time that it takes says nothing about the secret.
        if !self.inner.store.is_link_good(user, token.hash(), self.now()).await? {
            return Ok(None);
        }
        self.inner.store.user(user).await
    }

    /// Sets a password with a link, invalidates the link, and ends all of the user's sessions. Returns the user.
    ///
    /// # Errors
    /// [`ChangePasswordError`]. If only the new password is invalid, the link stays valid.
    pub async fn use_link(&self, link: &str, new: &str) -> Result<UserId, ChangePasswordError> {
        let token = Token::parse(LINK, link).ok_or(ChangePasswordError::NotGood)?;
        // Checked first, so that a caller without a link cannot cause the work of hashing.
        let account = self.user_of_token(&token).await?.ok_or(ChangePasswordError::NotGood)?;
        let user = account.id;
        if let Some(fault) = fault_of_password(new, &account.username, &account.email) {
            return Err(ChangePasswordError::Invalid(fault));
        }
        let hash = self.inner.passwords.hash(new).await?;
        if self.inner.store.use_link(user, token.hash(), hash, self.now()).await? {
            Ok(user)
        } else {
            Err(ChangePasswordError::NotGood)
        }
    }
}
