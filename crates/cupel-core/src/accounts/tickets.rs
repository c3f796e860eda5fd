//! Tickets for browsers, whose `EventSource` and `WebSocket` cannot send a header. A ticket opens one event stream or
//! one live connection, once, within a minute.
//!
//! A ticket carries a token in the format of a key (`tokens.rs`): `cut_…`. Tickets are in the store, so any API node
//! accepts a ticket that another node created, and each ticket is accepted only once. After a power failure, the store
//! may have lost the fact that a ticket was used; the ticket is then accepted once more until it expires.

use std::time::Duration;

use cupel_types::{SubmissionId, TicketId};
use jiff::{SignedDuration, Timestamp};

use super::tokens::{TICKET, Token};
use super::{Accounts, CredentialId, Role, Scope, StreamTicket, User};
use crate::{AuthenticatedUser, StoreError};

/// Lifetime of a ticket.
pub const TICKET_LIFETIME: Duration = Duration::from_secs(60);

/// Maximum number of tickets per user that are neither used nor expired.
const TICKETS_MAX: u32 = 128;

/// What a ticket opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TicketUse {
    /// The event stream of this submission.
    Stream(SubmissionId),
    /// A live connection, which can start runs: only callers who may do that get such a ticket.
    Live,
}

impl TicketUse {
    /// The submission's id in the ticket's row. A ticket for a live connection has the nil id, which no submission has.
    fn stored(self) -> SubmissionId {
        match self {
            TicketUse::Stream(submission) => submission,
            TicketUse::Live => SubmissionId::from_uuid(uuid::Uuid::nil()),
        }
    }
}

impl Accounts {
    /// Creates a ticket for this viewer; returns its text and expiry. The ticket is valid only as long as `credential`,
    /// with which it is requested. `None`: the user has too many tickets.
    ///
    /// # Errors
    /// If the store cannot write.
    pub async fn make_ticket(
        &self,
        viewer: &AuthenticatedUser,
        credential: CredentialId,
        opens: TicketUse,
    ) -> Result<Option<(String, Timestamp)>, StoreError> {
        let now = self.now();
        let token = Token::new(self.inner.ids.next(now));
        let lifetime = SignedDuration::try_from(TICKET_LIFETIME).unwrap_or(SignedDuration::MAX);
        let expires_at = now.saturating_add(lifetime).unwrap_or(now);
        let ticket = StreamTicket {
            id: TicketId::from_uuid(token.id),
            secret_hash: token.hash(),
            user: viewer.user,
            submission: opens.stored(),
            as_admin: viewer.is_admin,
            credential,
            expires_at,
        };
        let is_stored = self.inner.store.put_ticket(ticket, TICKETS_MAX, now).await?;
        Ok(is_stored.then(|| (token.text(TICKET), expires_at)))
    }

    /// The holder of a ticket, and the credential with which the ticket was requested. The ticket stays valid. `None`:
    /// it is not valid for this use, or no longer valid.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub async fn holder_of_ticket(
        &self,
        text: &str,
        opens: TicketUse,
    ) -> Result<Option<(User, AuthenticatedUser, CredentialId)>, StoreError> {
        let Some(token) = Token::parse(TICKET, text) else { return Ok(None) };
        let (id, now) = (TicketId::from_uuid(token.id), self.now());
        let found = self.inner.store.ticket(id, token.hash(), opens.stored(), now).await?;
        let Some(ticket) = found else { return Ok(None) };
        let found = self.inner.store.user_with(ticket.user, ticket.credential, now).await?;
        let Some((user, _)) = found.filter(|(user, is_valid)| *is_valid && user.disabled_at.is_none()) else {
            return Ok(None);
        };
        let is_admin = ticket.as_admin && user.role == Role::Admin;
        let is_author = user.role.is_author() && self.permits_authoring(ticket.credential).await?;
        let viewer = AuthenticatedUser { user: user.id, is_admin, is_author };
        Ok(Some((user, viewer, ticket.credential)))
    }

    /// Whether a client with this credential has the rights of an author, if its user has them.
    async fn permits_authoring(&self, credential: CredentialId) -> Result<bool, StoreError> {
        match credential {
            CredentialId::Session(_) => Ok(true),
            CredentialId::Key(id) => {
                let key = self.inner.store.key(id).await?;
                Ok(key.is_some_and(|key| key.scopes.contains(&Scope::ProblemsWrite)))
            }
            CredentialId::Keyless => Ok(false),
        }
    }

    /// Consumes a ticket. `false`: it is not valid for this use, or no longer valid.
    ///
    /// # Errors
    /// If the store cannot write.
    pub async fn use_ticket(&self, text: &str, opens: TicketUse) -> Result<bool, StoreError> {
        let Some(token) = Token::parse(TICKET, text) else { return Ok(false) };
        let id = TicketId::from_uuid(token.id);
        Ok(self.inner.store.take_ticket(id, token.hash(), opens.stored(), self.now()).await?.is_some())
    }
}
