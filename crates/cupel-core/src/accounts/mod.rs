//! Users, roles, tiers, API keys and refresh sessions: the types here, the use cases in [`Accounts`].
//! Passwords are argon2id; tokens and keys are kept as SHA-256 of their (high-entropy) secret.

mod keys;
mod passwords;
mod service;
mod sessions;
mod tokens;

pub use keys::{CreateKeyError, KeyError, NewKey};
pub use passwords::{PasswordCost, PasswordError};
pub use service::{AccountError, AccountSettings, Accounts, NewAccount, RegisterError};
pub use sessions::{Login, LoginError, RefreshError};

use cupel_types::{ApiKeyId, SessionId, UserId};
use jiff::Timestamp;

/// What a user may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Role {
    /// Submits, and sees their own.
    #[default]
    User,
    /// Also writes problems.
    Author,
    /// Everything.
    Admin,
}

impl Role {
    /// The stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Role::User => "user",
            Role::Author => "author",
            Role::Admin => "admin",
        }
    }

    /// The role with this name.
    pub fn from_name(name: &str) -> Option<Role> {
        [Role::User, Role::Author, Role::Admin].into_iter().find(|r| r.as_str() == name)
    }
}

/// The name of a rate-limit tier, such as `basic`; what it allows is configuration.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Tier(pub String);

impl Default for Tier {
    fn default() -> Self {
        Tier("basic".into())
    }
}

/// Somebody who may submit.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct User {
    pub id: UserId,
    pub username: String,
    pub email: String,
    pub role: Role,
    pub tier: Tier,
    pub created_at: Timestamp,
}

/// A user to be written.
#[derive(Clone)]
#[expect(missing_docs, reason = "the names say it")]
pub struct NewUser {
    pub user: User,
    /// PHC string of the argon2id hash.
    pub password_hash: String,
    /// With which webhooks to this user's receivers are signed.
    pub webhook_secret: [u8; 32],
}

/// What a key may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// `runs:read`: look at submissions.
    RunsRead,
    /// `runs:write`: submit and cancel.
    RunsWrite,
    /// `account`: everything the owner may do with the account, keys included.
    Account,
    /// `admin`: what the owner may do as an administrator.
    Admin,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Scope; 4] = [Scope::RunsRead, Scope::RunsWrite, Scope::Account, Scope::Admin];

    /// The stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Scope::RunsRead => "runs:read",
            Scope::RunsWrite => "runs:write",
            Scope::Account => "account",
            Scope::Admin => "admin",
        }
    }

    /// The scope with this name.
    pub fn from_name(name: &str) -> Option<Scope> {
        Scope::ALL.into_iter().find(|s| s.as_str() == name)
    }
}

/// An API key: `cup_<id>_<secret>_<checksum>` to its owner, this to us.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct ApiKey {
    pub id: ApiKeyId,
    pub owner: UserId,
    pub name: String,
    pub secret_hash: [u8; 32],
    pub scopes: Vec<Scope>,
    pub created_at: Timestamp,
    pub expires_at: Option<Timestamp>,
    pub last_used_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
}

/// One login on one device; its refresh token changes at every use.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct RefreshSession {
    pub id: SessionId,
    pub user: UserId,
    pub token_hash: [u8; 32],
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
}
