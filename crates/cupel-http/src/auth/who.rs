//! Classes of callers, for the access tables of dialects.

use cupel_core::accounts::{Role, Scope};

/// Class of callers that may use an operation. An API key must have the scope; access tokens and session cookies have
/// every scope of their user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// All clients, without authentication. Some clients see more if they authenticate.
    Everybody,
    /// Every user, and guests, for their own resources.
    Guest(Scope),
    /// Every user with an account, for their own resources.
    User(Scope),
    /// Authors and administrators.
    Author(Scope),
    /// Authors for their own problems and contests, and administrators. Other authors get 404.
    Owner(Scope),
    /// Administrators.
    Admin,
}

impl Who {
    /// Scope that an API key must have.
    pub const fn scope(self) -> Option<Scope> {
        match self {
            Who::Everybody => None,
            Who::Guest(scope) | Who::User(scope) | Who::Author(scope) | Who::Owner(scope) => Some(scope),
            Who::Admin => Some(Scope::Admin),
        }
    }

    /// Whether users with this role belong to the class.
    pub const fn includes(self, role: Role) -> bool {
        match (self, role) {
            (Who::Everybody | Who::Guest(_), Role::Guest | Role::User | Role::Author | Role::Admin)
            | (Who::User(_), Role::User | Role::Author | Role::Admin)
            | (Who::Author(_) | Who::Owner(_), Role::Author | Role::Admin)
            | (Who::Admin, Role::Admin) => true,
            (Who::User(_), Role::Guest)
            | (Who::Author(_) | Who::Owner(_), Role::Guest | Role::User)
            | (Who::Admin, Role::Guest | Role::User | Role::Author) => false,
        }
    }

    /// Name in the OpenAPI document.
    pub const fn name(self) -> &'static str {
        match self {
            Who::Everybody => "everybody",
            Who::Guest(_) => "guest",
            Who::User(_) => "user",
            Who::Author(_) => "author",
            Who::Owner(_) => "owner",
            Who::Admin => "admin",
        }
    }

    /// Sentence for the OpenAPI document.
    pub const fn sentence(self) -> &'static str {
        match self {
            Who::Everybody => "Everybody may call this, without an account.",
            Who::Guest(_) => "Everybody with an account may call this, and guests (`POST /auth/guest`).",
            Who::User(_) => "Everybody with an account may call this.",
            Who::Author(_) => "Authors and administrators may call this.",
            Who::Owner(_) => "Authors may call this for their own problems and contests, and administrators for all.",
            Who::Admin => "Administrators may call this.",
        }
    }
}
