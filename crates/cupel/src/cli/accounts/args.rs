//! Arguments of `cupel user` and `cupel key`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Subcommand;
use cupel_core::accounts::Role;

use crate::cli::shared_args::{Settings, parse_duration, parse_url};

/// Add, import, list, disable and delete users, set their roles, tiers and passwords, print one-time links, join codes
/// and tokens. This command accesses the store directly and can be used while servers run.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  cupel user add ada ada@example.org --admin
  printf %s \"$PASSWORD\" | cupel user add ada ada@example.org --password-stdin
  cupel user list --json | jq -r '.users[].email'
  cupel user role ada author
  cupel user tier ada pro
  cupel user password ada
  cupel user link ada
  cupel user import class.csv > links.csv
  cupel user code \"Class 10b\" --uses 30 --valid 7d
  cupel user codes
  cupel user end-session ada --all
  cupel user token ada")]
pub(crate) struct User {
    #[command(subcommand)]
    pub(crate) command: UserCommand,
    #[command(flatten)]
    pub(crate) settings: Settings,
}

#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// Add a user; prints a random password unless one is given.
    Add {
        name: String,
        email: String,
        /// Make the user an administrator.
        #[arg(long)]
        admin: bool,
        /// Read the password from standard input.
        #[arg(long)]
        password_stdin: bool,
    },
    /// List all users, oldest first.
    List {
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Print an access token for a user.
    Token { name: String },
    /// Set the role of a user.
    Role {
        /// The user's name or e-mail address.
        name: String,
        /// Role: `user` submits, `author` also creates problems and contests, `admin` may do everything.
        #[arg(value_name = "user|author|admin", value_parser = parse_role, hide_possible_values = true)]
        role: Role,
    },
    /// Set the tier of a user, which determines the rate limits.
    Tier {
        /// The user's name or e-mail address.
        name: String,
        /// A tier defined in the configuration (rate_limits.tiers).
        tier: String,
    },
    /// Create users from a CSV file, and print CSV with a one-time link for each.
    ///
    /// The first line names the columns: username, and optionally email, role and tier. If any line is invalid, no user
    /// is created. The column `status` of the output is `created`, `taken` or `exists`. `taken`: the name or address
    /// belongs to another user, or the user has a password. `exists`: an earlier import created the user, who has no
    /// password yet and gets a new link. The earlier link becomes invalid. The user's role and tier do not change.
    Import {
        /// The file; `-` is standard input.
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// How long the links are valid.
        #[arg(long, value_name = "DURATION", default_value = "14d", value_parser = parse_duration)]
        valid: Duration,
        /// The server's address for users, such as `https://judge.example` [default: server.public_url].
        #[arg(long, value_name = "URL", value_parser = parse_url)]
        url: Option<String>,
    },
    /// Print a one-time link with which a user sets a password; any earlier link becomes invalid.
    Link {
        /// The user's name or e-mail address.
        name: String,
        /// How long the link is valid.
        #[arg(long, value_name = "DURATION", default_value = "24h", value_parser = parse_duration)]
        valid: Duration,
        /// The server's address for users, such as `https://judge.example` [default: server.public_url].
        #[arg(long, value_name = "URL", value_parser = parse_url)]
        url: Option<String>,
    },
    /// Print a join code. With it, a whole class can register from one IP address, even if registration is closed.
    Code {
        /// Name of the code, such as the name of the class.
        name: String,
        /// Maximum number of registrations.
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
        uses: u32,
        /// How long the code is valid.
        #[arg(long, value_name = "DURATION", default_value = "7d", value_parser = parse_duration)]
        valid: Duration,
    },
    /// List the join codes, newest first, including ended and expired ones.
    Codes {
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// End a join code: it is no longer valid; users who registered with it stay.
    EndCode {
        /// The code, or its id from `cupel user codes`.
        #[arg(value_name = "CODE")]
        code: String,
    },
    /// List a user's sessions: one for each login.
    Sessions {
        /// The user's name or e-mail address.
        name: String,
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// End a session of a user: within five seconds, servers refuse its access token and refresh token.
    #[command(group = clap::ArgGroup::new("which").required(true).args(["id", "all"]))]
    EndSession {
        /// The user's name or e-mail address.
        name: String,
        /// The session's id from `cupel user sessions`.
        #[arg(value_name = "ID")]
        id: Option<String>,
        /// All of the user's sessions.
        #[arg(long)]
        all: bool,
    },
    /// Disable a user: end all sessions. Within five seconds, servers refuse all logins, tokens and API keys, and begin
    /// to cancel the user's submissions.
    Disable {
        /// The user's name or e-mail address.
        name: String,
    },
    /// Enable a disabled user again.
    Enable {
        /// The user's name or e-mail address.
        name: String,
    },
    /// Delete a user: personal data is removed; submissions stay under an anonymous name, and a server cancels those
    /// that have not ended.
    Delete {
        /// The user's name or e-mail address.
        name: String,
        /// Confirm: a deleted user cannot be restored.
        #[arg(long, required = true)]
        yes: bool,
    },
    /// Change the password of a user and end all sessions; prints a random password unless one is given.
    Password {
        /// The user's name or e-mail address.
        name: String,
        /// Read the password from standard input.
        #[arg(long)]
        password_stdin: bool,
    },
}

/// Create, list and revoke API keys. This command accesses the store directly and can be used while servers run.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  cupel key create ci --user ada --scope runs:read --scope runs:write --expires 90d
  cupel key list --user ada
  cupel key revoke 0193c5e2-…")]
pub(crate) struct Key {
    #[command(subcommand)]
    pub(crate) command: KeyCommand,
    #[command(flatten)]
    pub(crate) settings: Settings,
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Create a key and print it, once.
    Create {
        /// Name of the key.
        name: String,
        /// Owner of the key.
        #[arg(long, value_name = "USER", default_value = "admin")]
        user: String,
        /// Scope: runs:read, runs:write, problems:write, account, admin [default: runs:read and runs:write].
        #[arg(long, value_name = "SCOPE")]
        scope: Vec<String>,
        /// Lifetime, such as 30d [default: unlimited].
        #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
        expires: Option<Duration>,
    },
    /// List a user's keys; revoked and expired ones are listed for 90 days.
    List {
        /// Owner of the keys.
        #[arg(long, value_name = "USER", default_value = "admin")]
        user: String,
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Revoke a key by its id.
    Revoke {
        /// The key's id, which `cupel key create` and `cupel key list` print.
        id: String,
        /// Revoke the key only if it is this user's.
        #[arg(long, value_name = "USER")]
        user: Option<String>,
    },
}

fn parse_role(text: &str) -> Result<Role, String> {
    Role::granted(text).ok_or_else(|| format!("expected one of {}", Role::GRANTED.map(Role::as_str).join(", ")))
}
