//! Long runs that wait in this worker until a slot is free for them (`long.rs`).

use std::sync::Arc;
use std::time::Duration;

use cupel_core::Assignment;

use crate::long::{PAUSE, is_always_long};
use crate::shared::Shared;

/// How long a long run waits in this worker.
const WAIT_MAX: Duration = Duration::from_secs(5);

impl Shared {
    /// Whether this run may occupy a slot for long. Of a submission, only the limits that it requests count: the
    /// authors set the limits of a problem, and the operator sets the limits of a language.
    pub(crate) fn is_long(&self, assignment: &Assignment) -> bool {
        let submission = &assignment.leased.submission;
        if is_always_long(&submission.kind) {
            return true;
        }
        let registry = self.parts.core.registry();
        let language = submission.language().and_then(|language| registry.get(language));
        language.is_some_and(|language| self.long.is_long(submission.limits, language))
    }

    /// Lets a long run that has not begun wait for a slot, or gives it back.
    pub(crate) fn let_wait(self: &Arc<Shared>, assignment: Arc<Assignment>) {
        let lease = assignment.leased.lease;
        self.leases().hold(&assignment.leased);
        let pushed = self.long.push(Arc::clone(&assignment));
        if pushed.is_ok() {
            self.hand_over_waiting();
        }
        let shared = Arc::clone(self);
        self.tracker.spawn(async move {
            if pushed.is_ok() {
                tokio::select! {
                    () = tokio::time::sleep(WAIT_MAX) => {}
                    () = assignment.stop.raised() => {}
                    // At its end, the worker itself returns the remaining runs.
                    () = shared.ended.cancelled() => return,
                }
                if shared.long.take_of(|waiting| waiting.leased.lease == lease).is_none() {
                    return;
                }
            }
            let pause = pushed.err().unwrap_or(PAUSE);
            shared.give_back_waiting(&assignment, pause, "all slots for long runs are in use").await;
        });
    }
}
