//! The port behind what happens to an account after it was made: one-time links, disabling, deletion, sessions, join codes and
//! tickets for streams.

use async_trait::async_trait;
use cupel_types::{JoinCodeId, SessionId, SubmissionId, TicketId, UserId};
use jiff::Timestamp;

use super::{NewUser, User};
use crate::{StoreError, UserTaken};

/// A session as its user sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Session {
    pub id: SessionId,
    pub created_at: Timestamp,
    /// When its refresh token was last exchanged.
    pub last_used_at: Option<Timestamp>,
    pub expires_at: Timestamp,
    /// The `User-Agent` of the login.
    pub user_agent: Option<String>,
}

/// A code with which people register, a class for example. Registrations with it count against the code, not against the address.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct RegistrationCode {
    pub id: JoinCodeId,
    /// Ten letters and digits, as of a contest's join code.
    pub code: String,
    /// For people, such as the name of the class.
    pub name: String,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    pub uses_max: u32,
    pub uses: u32,
    pub ended_at: Option<Timestamp>,
}

/// A ticket for the stream of one submission.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub struct StreamTicket {
    pub id: TicketId,
    pub secret_hash: [u8; 32],
    pub user: UserId,
    pub submission: SubmissionId,
    /// Whether the holder sees as an administrator.
    pub as_admin: bool,
    pub expires_at: Timestamp,
}

/// What became of a change to an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountChange {
    /// It was made.
    Done,
    /// There is no such user.
    NoSuchUser,
    /// It would leave nobody who administers.
    LastAdministrator,
}

/// Why nobody was registered with a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeRefused {
    /// There is none, it has ended, or it is used up.
    NotGood,
    /// Somebody has the name or address.
    Taken(UserTaken),
}

/// What is kept of accounts beside users, keys and sessions.
#[async_trait]
pub trait MembershipStore: Send + Sync {
    /// Changes the password's hash, removes the user's link, and ends all sessions but `keep`. `false`: there is no such user.
    async fn change_password(
        &self,
        user: UserId,
        password_hash: String,
        keep: Option<SessionId>,
        now: Timestamp,
    ) -> Result<bool, StoreError>;
    /// Removes what is personal of a user and everything that opens the account. What was submitted stays, under a name that
    /// says nothing.
    async fn delete_user(&self, user: UserId, now: Timestamp) -> Result<AccountChange, StoreError>;
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
    /// Whether the link would set a password now.
    async fn is_link_good(&self, user: UserId, secret_hash: [u8; 32], now: Timestamp) -> Result<bool, StoreError>;
    /// Sets the password, removes the link, and ends all sessions. `false`: the link is not good.
    async fn use_link(
        &self,
        user: UserId,
        secret_hash: [u8; 32],
        password_hash: String,
        now: Timestamp,
    ) -> Result<bool, StoreError>;
    /// Writes a code.
    async fn insert_code(&self, code: RegistrationCode) -> Result<(), StoreError>;
    /// All codes, newest first, ended and expired ones included; at most 1000.
    async fn codes(&self) -> Result<Vec<RegistrationCode>, StoreError>;
    /// Ends a code. `false`: there is none.
    async fn end_code(&self, id: JoinCodeId, now: Timestamp) -> Result<bool, StoreError>;
    /// Whether somebody could register with this code now.
    async fn is_code_good(&self, code: &str, now: Timestamp) -> Result<bool, StoreError>;
    /// Writes a user, and one use of the code, or neither.
    async fn insert_user_with_code(
        &self,
        user: NewUser,
        code: &str,
        now: Timestamp,
    ) -> Result<Result<User, CodeRefused>, StoreError>;
    /// Writes a ticket, and forgets those that have expired. `false`: the user has `most` already.
    async fn put_ticket(&self, ticket: StreamTicket, most: u32, now: Timestamp) -> Result<bool, StoreError>;
    /// A ticket for this submission that is good now.
    async fn ticket(
        &self,
        id: TicketId,
        secret_hash: [u8; 32],
        submission: SubmissionId,
        now: Timestamp,
    ) -> Result<Option<StreamTicket>, StoreError>;
    /// Takes a ticket for this submission: nobody gets it again.
    async fn take_ticket(
        &self,
        id: TicketId,
        secret_hash: [u8; 32],
        submission: SubmissionId,
        now: Timestamp,
    ) -> Result<Option<StreamTicket>, StoreError>;
}
