//! Guests: temporary accounts of visitors, with which they run programs.
//!
//! *Invariants:* a guest has no password, no e-mail address and no refresh token, so nobody can log in to it. It ends
//! with its only session, after [`GUEST_LIFETIME`] at the latest. No other user can have its name, which contains a
//! character that a registration refuses. Lists, counts and searches of users omit guests. The sweeper removes a guest
//! that has ended, with all its runs.

use std::time::Duration;

use cupel_types::{Cases, SessionId, UserId};
use jiff::{SignedDuration, Timestamp};

use super::sessions::NO_PASSWORD;
use super::tokens::Token;
use super::{Accounts, NewUser, RefreshSession, Role, Tier, User};
use crate::{NewSubmission, NewSubmissionKind, StoreError};

/// How long a guest exists.
pub const GUEST_LIFETIME: Duration = Duration::from_secs(24 * 3600);

/// Maximum number of waiting runs of all guests with one share of the queue together.
pub const GUESTS_WAITING_MAX: usize = 50;

/// Maximum number of bytes in the sources and inputs of a guest's submission.
const BYTES_MAX: usize = 1 << 20;

/// Tier of guests.
const TIER: &str = "guest";

/// A new guest and its session. The session cannot be refreshed.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub struct GuestSession {
    pub user: User,
    pub session: SessionId,
    pub expires_at: Timestamp,
}

/// What a guest requested that only users with an account get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GuestFault {
    /// Requests to another server: they would hide who sends them.
    Webhook,
    /// A later start: the guest may not exist any more.
    RunAt,
    /// Several tests: a run of many tests is as long as many runs, but is charged as one.
    Tests,
    /// Sources and inputs of more than 1 MiB: the database keeps them for a day.
    Bytes,
    /// A solution that counts, or the verification of a package.
    Kind,
}

impl Accounts {
    /// Creates a guest and its session. Guests with the same number have one share of the queue and of the slots
    /// together.
    ///
    /// # Errors
    /// If the store cannot write.
    pub async fn open_guest(&self, share: u32) -> Result<GuestSession, StoreError> {
        let now = self.now();
        let id = UserId::of_guest(self.inner.ids.next(now), share);
        let user = User {
            id,
            username: format!("guest:{}", id.as_uuid().as_simple()),
            email: String::new(),
            role: Role::Guest,
            tier: Tier(TIER.into()),
            created_at: now,
            disabled_at: None,
            in_leaderboards: false,
        };
        let session = SessionId::from_uuid(self.inner.ids.next(now));
        let lifetime = SignedDuration::try_from(GUEST_LIFETIME).unwrap_or(SignedDuration::MAX);
        let expires_at = now.saturating_add(lifetime).unwrap_or(now);
        // Nobody learns the refresh token.
        let token_hash = Token::new(*session.as_uuid()).hash();
        let row = RefreshSession { id: session, user: id, token_hash, created_at: now, expires_at, user_agent: None };
        let new =
            NewUser { user: user.clone(), password_hash: NO_PASSWORD.to_owned(), webhook_secret: crate::ids::secret() };
        self.inner.store.insert_guest(new, row).await?;
        Ok(GuestSession { user, session, expires_at })
    }
}

impl NewSubmission {
    /// Checks that a user with this role may request this submission.
    ///
    /// # Errors
    /// What a guest may not request. Users with an account may request everything.
    pub fn permitted_to(&self, role: Role) -> Result<(), GuestFault> {
        match role {
            Role::User | Role::Author | Role::Admin => return Ok(()),
            Role::Guest => {}
        }
        let NewSubmission { kind, priority: _, run_at, webhook, request_id: _, facade: _, also_needs: _ } = self;
        if webhook.is_some() {
            return Err(GuestFault::Webhook);
        }
        if run_at.is_some() {
            return Err(GuestFault::RunAt);
        }
        let (source, input) = match kind {
            NewSubmissionKind::Program(program) if !program.tests.is_empty() => return Err(GuestFault::Tests),
            NewSubmissionKind::Program(program) => (&program.source, program.stdin.len()),
            NewSubmissionKind::Problem(solution) => match &solution.cases {
                Cases::Samples => (&solution.source, 0),
                Cases::Input(input) => (&solution.source, input.len()),
                Cases::All => return Err(GuestFault::Kind),
            },
            NewSubmissionKind::Verify(_) => return Err(GuestFault::Kind),
        };
        let files: usize = source.files.iter().map(|(_, content)| content.len()).sum();
        if files + input > BYTES_MAX { Err(GuestFault::Bytes) } else { Ok(()) }
    }
}
