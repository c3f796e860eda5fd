//! The rate limit on a caller's submissions, as core's port `RateLimit`.

use async_trait::async_trait;
use cupel_core::{RateExceeded, RateLimit};
use cupel_types::UserId;

use crate::app::Shared;
use crate::auth::Via;
use crate::caller::{Caller, Holder};
use crate::notes::Notes;
use crate::rate_limit::RateClass;
use crate::state::TierRates;

/// Rate limit of one request. Clients without a key share an account, which has no rate.
pub struct SubmissionRate<'a> {
    app: &'a Shared,
    user: UserId,
    rates: TierRates,
    /// Where the limit's state is noted for the response's headers.
    notes: Option<&'a Notes>,
    is_limited: bool,
}

impl<'a> SubmissionRate<'a> {
    /// The rate limit for a request of `caller`.
    pub fn new(app: &'a Shared, caller: &'a Caller, notes: &'a Notes) -> SubmissionRate<'a> {
        let is_limited = !matches!(caller.identity.via, Via::Keyless);
        SubmissionRate { app, user: caller.user, rates: caller.rates, notes: Some(notes), is_limited }
    }

    /// The rate limit for a message of a live connection, which has no headers.
    pub fn of_message(app: &'a Shared, holder: &Holder) -> SubmissionRate<'a> {
        SubmissionRate { app, user: holder.user, rates: holder.rates(), notes: None, is_limited: true }
    }
}

#[async_trait]
impl RateLimit for SubmissionRate<'_> {
    async fn charge(&self, submissions: usize) -> Result<(), RateExceeded> {
        if !self.is_limited {
            return Ok(());
        }
        let cost = u32::try_from(submissions).unwrap_or(u32::MAX);
        let (note, charged) = self.app.limits.charge(self.user, RateClass::Submissions, &self.rates, cost).await;
        if let Some(notes) = self.notes {
            notes.set_rate(note);
        }
        charged
    }
}
