//! The use case of every client that sends one submission: return the result from the cache or accept the submission,
//! and wait for the result if the client requests it.
//!
//! A dialect of the API translates its request into an [`ExecuteRequest`] and renders the returned [`Executed`]. A
//! batch uses [`Core::submit`], which has neither cache nor wait.

use std::pin::Pin;
use std::time::Duration;

use cupel_types::{SubmissionId, UserId};
use tokio::time::Instant;

use crate::awaited::Awaited;
use crate::new_submission::NewSubmission;
use crate::run::{RunState, SubmissionRecord};
use crate::submit::{RateLimit, RoomWait, SubmitError};
use crate::{AuthenticatedUser, Core, Idempotency, StoreError};

/// One submission, with the client's options for its result.
pub struct ExecuteRequest<'a> {
    /// The sender.
    pub owner: UserId,
    /// The submission.
    pub new: NewSubmission,
    /// Set if a repeated request must get the id of the first request.
    pub idempotency: Option<Idempotency>,
    /// Whether the client accepts a result from the result cache. Ignored if `idempotency` is set, because a repeated
    /// request must get the first request's id for longer than the cache keeps results.
    pub accepts_cached: bool,
    /// `None`: the client does not wait.
    pub wait: Option<Wait<'a>>,
    /// Rate limit on the owner's submissions. A cached result and a repeated request are not charged.
    pub rate_limit: &'a dyn RateLimit,
    /// Called once the submission is stored, before the wait. Releases the memory reserved for the request's body.
    pub on_stored: Box<dyn FnOnce() + Send + 'a>,
}

/// How long a client waits for the result.
pub struct Wait<'a> {
    /// Maximum duration. Zero: the client gets the current state.
    pub at_most: Duration,
    /// Whether the client also waits while the submission cannot be accepted because the queue is full, the owner has
    /// too many waiting runs, or no live worker has the language. Otherwise it is refused at once.
    pub for_room: bool,
    /// Ends the wait early when it completes, for instance at shutdown.
    pub given_up: Pin<Box<dyn Future<Output = ()> + Send + 'a>>,
    /// Permit that bounds the number of waiting clients. Dropped when the wait ends.
    pub permit: Box<dyn Send + 'a>,
}

/// Result of [`Core::execute`].
#[derive(Debug)]
pub enum Executed {
    /// The submission was accepted. As far as this node knows, it has not ended.
    Accepted {
        /// The id.
        id: SubmissionId,
        /// Whether an earlier request with the same idempotency key created it.
        is_repeated: bool,
        /// State at the end of the wait. `None`: the client did not wait, or the state could not be read.
        state: Option<RunState>,
    },
    /// The submission ended during the wait, or before it.
    Finished {
        /// The submission with its result.
        record: Box<SubmissionRecord>,
        /// Origin of the result.
        origin: Origin,
    },
}

/// Origin of a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The submission was accepted and run for this request.
    Run,
    /// The result cache; nothing was written or charged.
    Cache,
    /// An earlier request with the same idempotency key; nothing was written or charged.
    RepeatedRequest,
}

impl<'a> ExecuteRequest<'a> {
    /// A request without options: no idempotency key, no cached result, no wait.
    pub fn new(owner: UserId, new: NewSubmission, rate_limit: &'a dyn RateLimit) -> ExecuteRequest<'a> {
        ExecuteRequest {
            owner,
            new,
            idempotency: None,
            accepts_cached: false,
            wait: None,
            rate_limit,
            on_stored: Box::new(|| ()),
        }
    }
}

impl Core {
    /// Returns a cached result, or accepts the submission. If the client waits, also returns the result of the accepted
    /// submission.
    ///
    /// # Errors
    /// [`SubmitError`]; the client must not be given a submission's id.
    pub async fn execute(&self, request: ExecuteRequest<'_>) -> Result<Executed, SubmitError> {
        let ExecuteRequest { owner, new, idempotency, accepts_cached, mut wait, rate_limit, on_stored } = request;
        let begun = Instant::now();
        let checked = self.validate(vec![new]);
        let query = if accepts_cached && idempotency.is_none() { self.cache_query(owner, &checked) } else { None };
        if let Some(query) = &query
            && let Some(record) = self.cached_result(query).await
        {
            return Ok(Executed::Finished { record: Box::new(record), origin: Origin::Cache });
        }
        let earlier = self.earlier_request(owner, idempotency.as_ref()).await?;
        if earlier.is_none() {
            rate_limit.charge(1).await?;
        }
        let is_awaited = wait.as_ref().is_some_and(|wait| !wait.at_most.is_zero());
        let room = wait
            .as_mut()
            .filter(|wait| wait.for_room)
            .map(|wait| RoomWait { until: begun + wait.at_most, given_up: wait.given_up.as_mut() });
        let (submitted, awaited) = match earlier {
            Some(earlier) => {
                // The memory that was reserved for the program is released before the wait.
                drop(checked);
                (earlier, None)
            }
            None => self.accept(owner, checked, idempotency, is_awaited, room).await?,
        };
        on_stored();
        let (id, is_repeated) = (*submitted.ids.first().ok_or_else(no_id)?, submitted.repeated);
        if let Some(query) = &query {
            self.remember_result(query, id).await;
        }
        let record = match wait {
            Some(wait) => {
                let at_most = wait.at_most.saturating_sub(begun.elapsed());
                self.await_result(owner, id, awaited, Wait { at_most, ..wait }).await?
            }
            None => None,
        };
        Ok(match record {
            Some(record) if record.state.is_final() => {
                let origin = if is_repeated { Origin::RepeatedRequest } else { Origin::Run };
                Executed::Finished { record: Box::new(record), origin }
            }
            record => Executed::Accepted { id, is_repeated, state: record.map(|record| record.state) },
        })
    }

    /// The submission after it has ended or the wait is over. `None`: the submission cannot be read.
    async fn await_result(
        &self,
        owner: UserId,
        id: SubmissionId,
        awaited: Option<Awaited>,
        wait: Wait<'_>,
    ) -> Result<Option<SubmissionRecord>, StoreError> {
        let Wait { at_most, for_room: _, given_up, permit: _permit } = wait;
        let Some(awaited) = awaited else {
            // The submission is already durable: even if the wait fails, the client gets its id.
            let viewer = AuthenticatedUser::of(owner);
            let record = tokio::select! {
                record = self.wait(&viewer, id, at_most) => record,
                () = given_up => self.submission(&viewer, id).await,
            };
            let record = record.inspect_err(|error| tracing::warn!(%error, "cannot wait for a submission"));
            return Ok(record.ok().flatten());
        };
        self.wait_for(awaited, at_most, given_up).await
    }
}

/// The error if the store breaks its contract: the idempotency record of one submission has no id.
fn no_id() -> SubmitError {
    SubmitError::Store(StoreError {
        operation: "insert submissions",
        transient: false,
        source: "the idempotency record has no submission".into(),
    })
}
