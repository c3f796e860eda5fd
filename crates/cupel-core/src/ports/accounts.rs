//! The part of the store with users, keys and refresh sessions.

use async_trait::async_trait;
use cupel_types::{ApiKeyId, SessionId, UserId};
use jiff::Timestamp;

use super::store_error::StoreError;
use crate::accounts::{
    AccessChange, AccountChange, ApiKey, CredentialId, KeyBounds, KeyRefused, NewUser, RefreshSession, Role, User,
};

/// Users, keys and refresh sessions.
#[async_trait]
pub trait AccountStore: Send + Sync {
    /// Inserts a user. Names and e-mail addresses are compared case-insensitively.
    async fn insert_user(&self, user: NewUser) -> Result<Result<User, UserTaken>, StoreError>;
    /// Inserts a guest and its only session, until whose end it exists.
    async fn insert_guest(&self, guest: NewUser, session: RefreshSession) -> Result<(), StoreError>;
    /// Disables some of the guests that ended by `now`, and deletes some submissions of a guest whose submissions
    /// [were cancelled](crate::accounts::MembershipStore::end_cancelling), or the guest if it has none. One step is
    /// short. Returns the number of guests and submissions; 0: nothing is left to do.
    async fn forget_guests(&self, now: Timestamp) -> Result<u64, StoreError>;
    /// A user by id; `None` also for a deleted user.
    async fn user(&self, id: UserId) -> Result<Option<User>, StoreError>;
    /// A user by id, and whether the user has this credential and it is valid now: the session has not ended, or the
    /// key was not revoked and has not expired. `None` also for a deleted user.
    async fn user_with(
        &self,
        id: UserId,
        credential: CredentialId,
        now: Timestamp,
    ) -> Result<Option<(User, bool)>, StoreError>;
    /// A user by e-mail address or user name, with the password hash (PHC string). Not guests.
    async fn user_by_login(&self, login: &str) -> Result<Option<(User, String)>, StoreError>;
    /// The ids and names of the users with these names, compared case-insensitively, in any order; at most 500 names.
    /// Not guests.
    async fn users_named(&self, names: &[String]) -> Result<Vec<(UserId, String, Role)>, StoreError>;
    /// The key that signs webhooks for this user's submissions. `None`: no such user.
    async fn webhook_secret(&self, id: UserId) -> Result<Option<[u8; 32]>, StoreError>;
    /// A page of all users, oldest first. Not guests.
    async fn users(&self, offset: u64, limit: u64) -> Result<Vec<User>, StoreError>;
    /// Applies all parts of the change or none. The only administrator who can log in (enabled, with a password) cannot
    /// be disabled or lose the role. Disabling a user ends all of the user's sessions, and makes the user one of those
    /// [to cancel](crate::accounts::MembershipStore::users_to_cancel) until the user is enabled again. A guest that is
    /// disabled has ended.
    async fn change_access(
        &self,
        id: UserId,
        change: AccessChange,
        now: Timestamp,
    ) -> Result<AccountChange, StoreError>;
    /// Shows the user in leaderboards, or omits the user from them. `false`: no such user.
    async fn set_in_leaderboards(&self, id: UserId, in_leaderboards: bool) -> Result<bool, StoreError>;
    /// Number of users. Not guests.
    async fn count_users(&self) -> Result<u64, StoreError>;
    /// Inserts a key. `creator`: the owner's credential with which the key is created; refused if the owner is disabled
    /// or deleted, or the credential is not valid when the key is created. Also refused if the owner has `live_max`
    /// other keys that are neither revoked nor expired when the key is created. If the owner then has more than
    /// `stored_max` keys, the oldest revoked or expired keys are deleted. Concurrent insertions for one owner are
    /// counted one after another.
    async fn insert_key(
        &self,
        key: ApiKey,
        creator: Option<CredentialId>,
        bounds: KeyBounds,
    ) -> Result<Result<(), KeyRefused>, StoreError>;
    /// A key by its id; includes revoked and expired keys.
    async fn key(&self, id: ApiKeyId) -> Result<Option<ApiKey>, StoreError>;
    /// At most `most` of an owner's keys, newest first. If there are more, the oldest keys that are revoked or expired
    /// at `now` are omitted: an owner must be able to find and revoke every valid key.
    async fn keys(&self, owner: UserId, most: u64, now: Timestamp) -> Result<Vec<ApiKey>, StoreError>;
    /// Revokes an owner's key. `false`: the owner has no such key.
    async fn revoke_key(&self, owner: UserId, id: ApiKeyId, now: Timestamp) -> Result<bool, StoreError>;
    /// Records that a key was used (coarse: at most once a minute per key is enough).
    async fn touch_key(&self, id: ApiKeyId, now: Timestamp) -> Result<(), StoreError>;
    /// Inserts a refresh session. `password_hash`: the hash that was verified. Returns `false` and writes nothing if
    /// the user has a different hash by now, or is disabled or deleted.
    async fn insert_session(&self, session: RefreshSession, password_hash: Option<&str>) -> Result<bool, StoreError>;
    /// Replaces the current refresh token hash of a session with the next. A hash that was already replaced means a
    /// stolen token: the whole session ends.
    async fn rotate_session(
        &self,
        id: SessionId,
        old_hash: [u8; 32],
        new_hash: [u8; 32],
        now: Timestamp,
    ) -> Result<Option<Rotated>, StoreError>;
    /// Ends a session. A guest ends with its session.
    async fn end_session(&self, id: SessionId, now: Timestamp) -> Result<(), StoreError>;
    /// Whether the session exists and has not ended. Access tokens carry the session's id.
    async fn session_alive(&self, id: SessionId, now: Timestamp) -> Result<bool, StoreError>;
}

/// A session whose refresh token was replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotated {
    /// The session's user, read in the same transaction.
    pub user: User,
    /// When the session expires; a refresh does not extend it.
    pub expires_at: Timestamp,
}

/// The unique value that another account already has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum UserTaken {
    Username,
    Email,
}
