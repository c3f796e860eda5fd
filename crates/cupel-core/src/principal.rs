//! The client of a request, as the use cases see it.

use cupel_types::UserId;

/// A client: anonymous or a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Principal {
    /// Not authenticated.
    Anonymous,
    /// A user.
    User(AuthenticatedUser),
}

/// A user who makes a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuthenticatedUser {
    /// The user.
    pub user: UserId,
    /// Whether this user has the rights of an administrator.
    pub is_admin: bool,
    /// Whether this user has the rights of an author: to the user's own problems and contests, and to the problems of
    /// others who have made the user an author of them. An owner who is no longer an author has none of these rights.
    pub is_author: bool,
}

impl AuthenticatedUser {
    /// A user with the rights that every user has.
    pub fn of(user: UserId) -> AuthenticatedUser {
        AuthenticatedUser { user, is_admin: false, is_author: false }
    }

    /// Whether this user may see the submissions of `owner`.
    pub(crate) fn may_see(&self, owner: UserId) -> bool {
        self.is_admin || self.user == owner
    }
}

impl Principal {
    /// The user, unless the client is anonymous.
    pub fn user(&self) -> Option<UserId> {
        match self {
            Principal::Anonymous => None,
            Principal::User(user) => Some(user.user),
        }
    }

    /// Whether the client has the rights of an administrator.
    pub fn is_admin(&self) -> bool {
        matches!(self, Principal::User(AuthenticatedUser { is_admin: true, .. }))
    }

    /// Whether the client has the rights of an author.
    pub fn is_author(&self) -> bool {
        matches!(self, Principal::User(AuthenticatedUser { is_author: true, .. }))
    }
}
