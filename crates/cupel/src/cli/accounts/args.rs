//! What can be typed: `cupel user` and `cupel key`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Subcommand;
use cupel_core::accounts::Role;

use crate::cli::shared_args::{Settings, parse_duration, parse_url};

/// Add, import, list, disable and delete users, say what they may do, give them passwords, one-time links and tokens, in the store;
/// also while servers run.
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
        /// Makes them an administrator.
        #[arg(long)]
        admin: bool,
        /// Reads the password from standard input.
        #[arg(long)]
        password_stdin: bool,
    },
    /// List all users, the oldest first.
    List {
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Print an access token of a user.
    Token { name: String },
    /// Say what a user may do.
    Role {
        /// The user's name or e-mail address.
        name: String,
        /// What they may do: submit, also write problems and arrange contests, or everything.
        #[arg(value_name = "user|author|admin", value_parser = parse_role, hide_possible_values = true)]
        role: Role,
    },
    /// Say in which tier a user is: how much they may do.
    Tier {
        /// The user's name or e-mail address.
        name: String,
        /// A tier of the configuration (rate_limits.tiers).
        tier: String,
    },
    /// Create users from a CSV file, and print CSV with a one-time link for each.
    ///
    /// The first line names the columns: username, and optionally email, role and tier. If any line has a fault, no account is created.
    /// The column `status` of the output is `created`, `taken` (the name or address belongs to another account, or the account has a
    /// password), or `exists`: the account is of an earlier import and has no password yet; it gets a new link, and the earlier one
    /// is void.
    Import {
        /// The file; `-` is standard input.
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// How long the links are good for.
        #[arg(long, value_name = "DURATION", default_value = "14d", value_parser = parse_duration)]
        valid: Duration,
        /// The server's address for users, such as https://judge.example [default: server.public_url].
        #[arg(long, value_name = "URL", value_parser = parse_url)]
        url: Option<String>,
    },
    /// Print a one-time link with which a user sets a password; an older one is void.
    Link {
        /// The user's name or e-mail address.
        name: String,
        /// How long the link is good for.
        #[arg(long, value_name = "DURATION", default_value = "24h", value_parser = parse_duration)]
        valid: Duration,
        /// The server's address for users, such as https://judge.example [default: server.public_url].
        #[arg(long, value_name = "URL", value_parser = parse_url)]
        url: Option<String>,
    },
    /// Print a join code: a class registers with it behind one address, and where registration is closed.
    Code {
        /// What it is for, such as the name of the class.
        name: String,
        /// How many may register with it.
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
        uses: u32,
        /// How long it is good for.
        #[arg(long, value_name = "DURATION", default_value = "7d", value_parser = parse_duration)]
        valid: Duration,
    },
    /// List the join codes, newest first, ended and expired ones included.
    Codes {
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// End a join code: nobody registers with it any more; who did stays.
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
    /// End a session of a user: its access token and refresh token are refused.
    EndSession {
        /// The user's name or e-mail address.
        name: String,
        /// The session's id from `cupel user sessions`.
        #[arg(value_name = "ID", required_unless_present = "all", conflicts_with = "all")]
        id: Option<String>,
        /// All of the user's sessions.
        #[arg(long)]
        all: bool,
    },
    /// Refuse a user's logins, tokens and API keys, and end their sessions.
    Disable {
        /// The user's name or e-mail address.
        name: String,
    },
    /// Let a disabled user in again.
    Enable {
        /// The user's name or e-mail address.
        name: String,
    },
    /// Delete a user: removes what is personal; what was submitted stays under a name that says nothing.
    Delete {
        /// The user's name or e-mail address.
        name: String,
        /// Confirms it: a deleted user does not come back.
        #[arg(long, required = true)]
        yes: bool,
    },
    /// Give a user another password and end their sessions; prints a random one unless one is given.
    Password {
        /// The user's name or e-mail address.
        name: String,
        /// Reads the password from standard input.
        #[arg(long)]
        password_stdin: bool,
    },
}

/// Make, list and revoke API keys, in the store; also while servers run.
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
    /// Make a key and print it, once.
    Create {
        /// A name by which you recognise it.
        name: String,
        /// Whose key.
        #[arg(long, value_name = "USER", default_value = "admin")]
        user: String,
        /// What it may do: runs:read, runs:write, problems:write, account, admin [default: runs:read and runs:write].
        #[arg(long, value_name = "SCOPE")]
        scope: Vec<String>,
        /// When it ends, such as 30d [default: never].
        #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
        expires: Option<Duration>,
    },
    /// List a user's keys; revoked and expired ones stay for 90 days.
    List {
        /// Whose keys.
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
    Role::from_name(text).ok_or_else(|| format!("expected one of {}", Role::ALL.map(Role::as_str).join(", ")))
}
