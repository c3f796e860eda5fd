//! Users, roles, tiers, API keys and refresh sessions: the types here, the use cases in [`Accounts`]. Passwords are
//! hashed with argon2id. Tokens and keys contain a high-entropy secret, of which only the SHA-256 is stored.

mod access;
mod codes;
mod guests;
mod import;
mod internal;
mod keys;
mod links;
mod membership;
mod passwords;
mod service;
mod sessions;
mod tickets;
mod tokens;

pub use access::{Access, AccessEnded, CredentialId};
pub use codes::{CODE_USES_MAX, CreateCodeError, NewCode};
pub use guests::{GUEST_LIFETIME, GUESTS_WAITING_MAX, GuestFault, GuestSession};
pub use import::{IMPORT_MAX, Imported, LineFault, Person, read_people, write_links};
pub use keys::{CreateKeyError, KeyBounds, KeyError, KeyRefused, NewKey};
pub use links::{ChangePasswordError, PasswordLink};
pub use membership::{AccountChange, CodeRefused, MembershipStore, RegistrationCode, Session, StreamTicket};
pub use passwords::{PasswordCost, PasswordError};
pub use service::{AccountError, AccountSettings, Accounts, NewAccount, RegisterError};
pub use sessions::{Login, LoginError, RefreshError, VerifiedLogin};
pub use tickets::{TICKET_LIFETIME, TicketUse};

use cupel_types::{ApiKeyId, SessionId, UserId, named};
use jiff::Timestamp;

named! {
    /// Role of a user.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub enum Role, as_str, from_name {
        /// A visitor without an account: runs programs, and nothing else. Nobody can be given this role, and nobody who
        /// has it can be given another.
        Guest = "guest",
        /// Submits, and sees only their own submissions.
        #[default]
        User = "user",
        /// May also create problems.
        Author = "author",
        /// May also administer the server.
        Admin = "admin",
    }
}

impl Role {
    /// The roles that a user can be given.
    pub const GRANTED: [Role; 3] = [Role::User, Role::Author, Role::Admin];

    /// Whether users with this role have the rights of an author.
    pub const fn is_author(self) -> bool {
        matches!(self, Role::Author | Role::Admin)
    }

    /// The role with this name, if a user can be given it.
    pub fn granted(name: &str) -> Option<Role> {
        Role::GRANTED.into_iter().find(|role| role.as_str() == name)
    }
}

/// Name of a rate-limit tier, such as `basic`; its rates are configured.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Tier(pub String);

impl Tier {
    /// The tier of new users, and of users whose tier does not exist any more. Every configuration has it.
    pub const BASIC: &str = "basic";
}

impl Default for Tier {
    fn default() -> Self {
        Tier(Tier::BASIC.into())
    }
}

/// A change of a user's access; `None` leaves a value unchanged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct AccessChange {
    pub role: Option<Role>,
    pub tier: Option<Tier>,
    pub disabled: Option<bool>,
}

/// A user account.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct User {
    pub id: UserId,
    pub username: String,
    /// The e-mail address; empty if the user has none.
    pub email: String,
    pub role: Role,
    pub tier: Tier,
    pub created_at: Timestamp,
    /// When the account was disabled; `None`: the account is enabled.
    pub disabled_at: Option<Timestamp>,
    /// Whether leaderboards show the user. Standings of contests show every participant.
    pub in_leaderboards: bool,
}

/// A user to insert.
#[derive(Clone)]
#[expect(missing_docs, reason = "the names say it")]
pub struct NewUser {
    pub user: User,
    /// PHC string of the argon2id hash.
    pub password_hash: String,
    /// The key that signs webhooks for this user's submissions.
    pub webhook_secret: [u8; 32],
}

named! {
    /// Permission of an API key.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
    pub enum Scope, as_str, from_name {
        /// `runs:read`: read submissions.
        RunsRead = "runs:read",
        /// `runs:write`: submit and cancel.
        RunsWrite = "runs:write",
        /// `problems:write`: the owner's rights as an author of problems and contests, also those to read.
        ProblemsWrite = "problems:write",
        /// `account`: all of the owner's rights to the account, including its keys.
        Account = "account",
        /// `admin`: the owner's rights as an administrator.
        Admin = "admin",
    }
}

/// An API key as stored; its owner has the text `cup_<id>_<secret>_<checksum>`.
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

/// One login on one device; its refresh token is replaced at every use.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct RefreshSession {
    pub id: SessionId,
    pub user: UserId,
    pub token_hash: [u8; 32],
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    /// The `User-Agent` of the login.
    pub user_agent: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_roles_and_scopes_are_distinct_and_parse_back() {
        for role in Role::ALL {
            assert_eq!(Role::from_name(role.as_str()), Some(role));
        }
        for scope in Scope::ALL {
            assert_eq!(Scope::from_name(scope.as_str()), Some(scope));
        }
        assert_eq!(Role::ALL.map(|role| Role::granted(role.as_str()).is_some()), [false, true, true, true]);
        assert_eq!((Role::from_name("Admin"), Scope::from_name("runs")), (None, None));
    }
}
