//! Charges a user for the unconsumed input of live runs.
//!
//! The bus keeps the unconsumed input of a run until the run ends, also after its client has left, and a user may have
//! thousands of runs that wait. So a run's input is charged until its worker reports it as consumed, or the run has
//! ended.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cupel_core::live::InputCount;
use cupel_http::app::Shared;
use cupel_http::budget::Held;
use cupel_http::error::ApiError;
use cupel_types::{SubmissionId, UserId};

/// The charge for each input besides its bytes: more than the input and the task that waits for its end need.
const INPUT_OVERHEAD: usize = 1 << 10;

/// The charge for the inputs that one attachment has sent. It remains after the attachment has ended.
pub(super) struct InputCharge {
    app: Shared,
    run: SubmissionId,
    state: Arc<Mutex<State>>,
}

struct State {
    held: Held,
    /// All inputs of the run, up to the last that this attachment has sent.
    sent: InputCount,
    /// Whether a task waits for reports of consumed input.
    is_watched: bool,
}

impl InputCharge {
    pub(super) fn new(app: Shared, user: UserId, run: SubmissionId) -> InputCharge {
        let held = app.live_input.hold(user);
        let state = State { held, sent: InputCount::default(), is_watched: false };
        InputCharge { app, run, state: Arc::new(Mutex::new(state)) }
    }

    /// Charges an input with this many bytes. `sent`: all inputs up to this one.
    pub(super) fn add(&self, bytes: usize, sent: InputCount) -> Result<(), ApiError> {
        let mut state = lock(&self.state);
        state.held.more(bytes + INPUT_OVERHEAD)?;
        state.sent = sent;
        if !std::mem::replace(&mut state.is_watched, true) {
            tokio::spawn(release(self.app.clone(), self.run, Arc::clone(&self.state)));
        }
        Ok(())
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    // No code that holds the lock panics between two changes, so a poisoned lock protects a valid state.
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Releases what the worker reports as consumed, until nothing is charged or the run has ended.
async fn release(app: Shared, run: SubmissionId, state: Arc<Mutex<State>>) {
    let mut credit = app.core.credit(run).await;
    while let Some(consumed) = app.core.next_credit(run, &mut credit).await {
        let mut state = lock(&state);
        let left = state.sent.inputs.saturating_sub(consumed.inputs) as usize;
        let bytes = state.sent.bytes.saturating_sub(consumed.bytes) as usize;
        state.held.keep_only(bytes + left * INPUT_OVERHEAD);
        if bytes + left == 0 {
            state.is_watched = false;
            return;
        }
    }
    lock(&state).held.keep_only(0);
}
