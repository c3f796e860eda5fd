//! The port for passwords, one-time links, deletion of accounts, sessions, join codes and stream tickets.

use async_trait::async_trait;
use cupel_types::{JoinCodeId, SessionId, SubmissionId, TicketId, UserId};
use jiff::Timestamp;

use super::{CredentialId, NewUser, User};
use crate::{StoreError, UserTaken};

/// A session as its user sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Session {
    pub id: SessionId,
    pub created_at: Timestamp,
    /// When its refresh token was last replaced.
    pub last_used_at: Option<Timestamp>,
    pub expires_at: Timestamp,
    /// The `User-Agent` of the login.
    pub user_agent: Option<String>,
}

/// A code with which a group of people registers, for example a class. Registrations with it count against the code,
/// not against the IP address.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct RegistrationCode {
    pub id: JoinCodeId,
    /// Ten letters and digits, like the join code of a contest.
    pub code: String,
    /// Display name, such as the name of the class.
    pub name: String,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    pub uses_max: u32,
    pub uses: u32,
    pub ended_at: Option<Timestamp>,
}

/// A ticket for the event stream of one submission, or for a live connection.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub struct StreamTicket {
    pub id: TicketId,
    pub secret_hash: [u8; 32],
    pub user: UserId,
    /// The submission; the nil id for a live connection.
    pub submission: SubmissionId,
    /// Whether the holder has an administrator's view.
    pub as_admin: bool,
    /// The credential with which the ticket was requested.
    pub credential: CredentialId,
    pub expires_at: Timestamp,
}

/// Result of a change to an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountChange {
    /// The change was made.
    Done,
    /// There is no such user.
    NoSuchUser,
    /// The change would leave no administrator.
    LastAdministrator,
    /// The account is an internal one (`~NAME`), which Cupel needs.
    Internal,
}

/// Why a registration with a code was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeRefused {
    /// The code does not exist, has expired, was ended by an administrator, or is used up.
    NotGood,
    /// The name or address is taken.
    Taken(UserTaken),
}

/// Stored account data: one-time links, join codes and tickets, and the operations on users and sessions that
/// `AccountStore` does not have.
#[async_trait]
pub trait MembershipStore: Send + Sync {
    /// Replaces the password hash, removes the user's link, and ends all sessions except `keep`. `verified`: the hash
    /// of the password that the user confirmed. `false`: there is no such user, or `verified` is not the current hash;
    /// nothing has changed.
    async fn change_password(
        &self,
        user: UserId,
        verified: Option<&str>,
        password_hash: String,
        keep: Option<SessionId>,
        now: Timestamp,
    ) -> Result<bool, StoreError>;
    /// Removes a user's personal data and all credentials. Submissions stay, under an anonymous name. The user is one
    /// of those [to cancel](MembershipStore::users_to_cancel). Nothing is delivered to the user's webhooks any more;
    /// [`end_cancelling`](MembershipStore::end_cancelling) removes those of submissions that have ended.
    async fn delete_user(&self, user: UserId, now: Timestamp) -> Result<AccountChange, StoreError>;
    /// Users whose submissions the sweeper cancels, and when their accounts were disabled or deleted: longest ago
    /// first, those after `after`, at most `limit`.
    async fn users_to_cancel(
        &self,
        after: Option<(Timestamp, UserId)>,
        limit: u32,
    ) -> Result<Vec<(Timestamp, UserId)>, StoreError>;
    /// Ends the cancelling of a user's submissions, unless the account was disabled again after `since`. If the user is
    /// deleted, one call removes a bounded number of webhooks and their deliveries, and the user stays one of those
    /// [to cancel](MembershipStore::users_to_cancel) until none is left.
    async fn end_cancelling(&self, user: UserId, since: Timestamp) -> Result<(), StoreError>;
    /// Sessions that have not ended, newest first.
    async fn sessions(&self, user: UserId, now: Timestamp) -> Result<Vec<Session>, StoreError>;
    /// Ends a session of this user. `false`: there is no such session, or it has ended.
    async fn end_session_of(&self, user: UserId, id: SessionId, now: Timestamp) -> Result<bool, StoreError>;
    /// Replaces the user's one-time link. `false`: there is no such user.
    async fn put_link(
        &self,
        user: UserId,
        secret_hash: [u8; 32],
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<bool, StoreError>;
    /// Whether the link is valid now.
    async fn is_link_good(&self, user: UserId, secret_hash: [u8; 32], now: Timestamp) -> Result<bool, StoreError>;
    /// Sets the password, removes the link, and ends all sessions. `false`: the link is not valid.
    async fn use_link(
        &self,
        user: UserId,
        secret_hash: [u8; 32],
        password_hash: String,
        now: Timestamp,
    ) -> Result<bool, StoreError>;
    /// Inserts a code.
    async fn insert_code(&self, code: RegistrationCode) -> Result<(), StoreError>;
    /// All codes, newest first, including ended and expired ones; at most 1000.
    async fn codes(&self) -> Result<Vec<RegistrationCode>, StoreError>;
    /// Ends a code, so that it can no longer be used. Returns `false` if there is no such code.
    async fn end_code(&self, id: JoinCodeId, now: Timestamp) -> Result<bool, StoreError>;
    /// Whether registration with this code is possible now.
    async fn is_code_good(&self, code: &str, now: Timestamp) -> Result<bool, StoreError>;
    /// Inserts a user and consumes one use of the code, or does neither.
    async fn insert_user_with_code(
        &self,
        user: NewUser,
        code: &str,
        now: Timestamp,
    ) -> Result<Result<User, CodeRefused>, StoreError>;
    /// Inserts a ticket, and deletes expired tickets. Returns `false` if the user already has `most` tickets.
    async fn put_ticket(&self, ticket: StreamTicket, most: u32, now: Timestamp) -> Result<bool, StoreError>;
    /// A ticket for this submission that is valid now.
    async fn ticket(
        &self,
        id: TicketId,
        secret_hash: [u8; 32],
        submission: SubmissionId,
        now: Timestamp,
    ) -> Result<Option<StreamTicket>, StoreError>;
    /// Consumes a ticket for this submission: it cannot be used again.
    async fn take_ticket(
        &self,
        id: TicketId,
        secret_hash: [u8; 32],
        submission: SubmissionId,
        now: Timestamp,
    ) -> Result<Option<StreamTicket>, StoreError>;
}
