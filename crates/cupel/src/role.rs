//! The roles that a process can have, one for each of `cupel serve`, `cupel api` and `cupel worker`.

/// Role of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// All roles in one process: `cupel serve`.
    All,
    /// API node: accepts submissions and serves reads; runs no programs.
    Api,
    /// Worker: runs programs. Its HTTP listener serves only health checks and metrics.
    Worker,
}

impl Role {
    pub(crate) const fn command(self) -> &'static str {
        match self {
            Role::All => "serve",
            Role::Api => "api",
            Role::Worker => "worker",
        }
    }

    pub(crate) const fn accepts(self) -> bool {
        matches!(self, Role::All | Role::Api)
    }
}
