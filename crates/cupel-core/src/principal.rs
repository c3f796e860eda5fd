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
}

impl AuthenticatedUser {
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
}
