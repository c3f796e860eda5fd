//! Who may call an operation: the words in which a dialect's access table is written.

use cupel_core::accounts::Scope;

/// Who may call an operation. The scope is the one an API key must have; access tokens have every scope of their user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// Everybody; some clients see more if they authenticate.
    Everybody,
    /// Every user, for their own resources.
    User(Scope),
    /// Authors and administrators.
    Author(Scope),
    /// Authors for their own problems and contests, and administrators. To other authors these do not exist.
    Owner(Scope),
    /// Administrators.
    Admin,
}

impl Who {
    /// Scope that an API key must have.
    pub const fn scope(self) -> Option<Scope> {
        match self {
            Who::Everybody => None,
            Who::User(scope) | Who::Author(scope) | Who::Owner(scope) => Some(scope),
            Who::Admin => Some(Scope::Admin),
        }
    }

    /// Name in the OpenAPI document.
    pub const fn name(self) -> &'static str {
        match self {
            Who::Everybody => "everybody",
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
            Who::User(_) => "Everybody with an account may call this.",
            Who::Author(_) => "Authors and administrators may call this.",
            Who::Owner(_) => "Authors may call this about their own problems and contests, and administrators.",
            Who::Admin => "Administrators may call this.",
        }
    }
}
