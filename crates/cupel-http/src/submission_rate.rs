//! The rate limit on a caller's submissions, as core's port `RateLimit`.

use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use cupel_core::{RateExceeded, RateLimit};

use crate::app::Shared;
use crate::auth::Via;
use crate::caller::Caller;
use crate::limits::RateClass;
use crate::notes::Notes;

/// Rate limit of one request. If a request is submitted repeatedly because the queue is full, it is charged once.
/// Clients without a key share an account that has no submission rate. The response's headers show the state of the
/// limit.
pub struct SubmissionRate<'a> {
    app: &'a Shared,
    caller: &'a Caller,
    notes: &'a Notes,
    is_charged: AtomicBool,
}

impl<'a> SubmissionRate<'a> {
    /// The rate limit for a request of `caller`.
    pub fn new(app: &'a Shared, caller: &'a Caller, notes: &'a Notes) -> SubmissionRate<'a> {
        SubmissionRate { app, caller, notes, is_charged: AtomicBool::new(false) }
    }
}

#[async_trait]
impl RateLimit for SubmissionRate<'_> {
    async fn charge(&self, submissions: usize) -> Result<(), RateExceeded> {
        if matches!(self.caller.identity.via, Via::Keyless) || self.is_charged.load(Ordering::Relaxed) {
            return Ok(());
        }
        let cost = u32::try_from(submissions).unwrap_or(u32::MAX);
        let (note, charged) =
            self.app.limits.charge(self.caller.user, RateClass::Submissions, &self.caller.rates, cost).await;
        self.notes.set_rate(note);
        self.is_charged.store(charged.is_ok(), Ordering::Relaxed);
        charged
    }
}
