//! Internal accounts of Cupel, which own the submissions of clients without an account.
//!
//! *Invariant:* a client cannot log in to such an account, because it has no password. A client cannot register the
//! account's name, because the name contains a character that a registration refuses. Nobody can delete or disable the
//! account, because clients without a key would then be refused. Nobody can give it another role or a password.

use cupel_types::UserId;

use super::service::Accounts;
use super::sessions::NO_PASSWORD;
use super::{NewUser, Role, Tier, User};
use crate::StoreError;

/// First character of the names of internal accounts.
const PREFIX: char = '~';

impl User {
    /// Whether this is an internal account of Cupel.
    pub fn is_internal(&self) -> bool {
        self.username.starts_with(PREFIX)
    }
}

impl Accounts {
    pub(super) async fn is_internal(&self, id: UserId) -> Result<bool, StoreError> {
        Ok(self.inner.store.user(id).await?.is_some_and(|user| user.is_internal()))
    }

    /// The internal account for `purpose`, such as the name of a facade. Creates the account if it does not exist.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub async fn internal(&self, purpose: &str) -> Result<User, StoreError> {
        let username = format!("{PREFIX}{purpose}");
        if let Some(user) = self.find_user(&username).await? {
            return Ok(user);
        }
        let now = self.now();
        let user = User {
            id: UserId::from_uuid(self.inner.ids.next(now)),
            // Not a valid address, so no registration can take it.
            email: username.clone(),
            username: username.clone(),
            role: Role::User,
            tier: Tier::default(),
            created_at: now,
            disabled_at: None,
            in_leaderboards: true,
        };
        let new = NewUser { user, password_hash: NO_PASSWORD.to_owned(), webhook_secret: crate::ids::secret() };
        match self.inner.store.insert_user(new).await? {
            Ok(user) => Ok(user),
            // Another node has inserted the account concurrently.
            Err(_taken) => self.find_user(&username).await?.ok_or_else(|| vanished(&username)),
        }
    }
}

fn vanished(username: &str) -> StoreError {
    let source =
        format!("the store reports the user name `{username}` as taken, but has no user with that name").into();
    StoreError { operation: "create an internal account", transient: false, source }
}
