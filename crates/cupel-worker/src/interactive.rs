//! Slots that only live runs use (`worker.interactive_slots`). A live run waits for its user most of the time, so such
//! a slot needs no separate processor. Several users can have terminals open on a worker with one other slot.
//!
//! The other slots lease the runs. A slot that has leased a live run hands it over to an idle interactive slot, and
//! goes on. If that is not possible, the live run is a long run like others (`long.rs`): it gets another slot, but
//! never the last one, or waits in this worker. An interactive slot that becomes idle takes a live run that waits.
//!
//! A live run in an interactive slot is compiled with the executor of another slot (`compile_turns.rs`).
//!
//! An owner has at most half of the interactive slots, rounded up. Of the idle slots, the one that was used last takes
//! the next run, so the worker creates only as many executors as live runs have run at the same time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cupel_core::Assignment;
use cupel_types::UserId;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::ending::DRAINS;
use crate::shared::Shared;

/// The interactive slots of a worker.
#[derive(Debug)]
pub(crate) struct InteractiveSlots {
    /// Maximum number of slots that one share ([`UserId::share`]) uses.
    of_share_max: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The idle slots: each waits for the run that is sent to it. The last one is the next to be used.
    idle: Vec<oneshot::Sender<Arc<Assignment>>>,
    /// Number of slots that each share uses; no entry means none.
    used: HashMap<UserId, usize>,
}

impl State {
    fn used_by(&self, share: UserId) -> usize {
        self.used.get(&share).copied().unwrap_or_default()
    }
}

impl InteractiveSlots {
    pub(crate) fn new(slots: usize) -> InteractiveSlots {
        InteractiveSlots { of_share_max: slots.div_ceil(2), state: Mutex::default() }
    }

    /// Whether the run is live, and its owner may use another interactive slot.
    fn suits(&self, assignment: &Arc<Assignment>) -> bool {
        is_live(assignment) && self.state().used_by(share_of(assignment)) < self.of_share_max
    }

    /// An idle slot, which this share uses from now on.
    fn take(&self, share: UserId) -> Option<oneshot::Sender<Arc<Assignment>>> {
        let mut state = self.state();
        if state.used_by(share) >= self.of_share_max {
            return None;
        }
        let slot = state.idle.pop()?;
        *state.used.entry(share).or_default() += 1;
        Some(slot)
    }

    /// The run of a slot of this share has ended.
    pub(crate) fn release(&self, share: UserId) {
        let mut state = self.state();
        let used = state.used_by(share);
        if used > 1 {
            state.used.insert(share, used - 1);
        } else {
            state.used.remove(&share);
        }
    }

    /// Number of idle slots.
    pub(crate) fn idle(&self) -> usize {
        self.state().idle.len()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No change panics before it is complete, so the data are consistent even if the lock is poisoned.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    /// Hands a live run over to an idle interactive slot. Returns the run if it is not live, or if no such slot may
    /// take it.
    pub(crate) fn hand_over(&self, mut assignment: Arc<Assignment>) -> Option<Arc<Assignment>> {
        if !is_live(&assignment) {
            return Some(assignment);
        }
        let share = share_of(&assignment);
        while let Some(slot) = self.interactive.take(share) {
            match slot.send(assignment) {
                Ok(()) => return None,
                // That slot has ended.
                Err(returned) => assignment = returned,
            }
            self.interactive.release(share);
        }
        Some(assignment)
    }

    /// Hands live runs that wait in this worker over to idle interactive slots. Called after a run began to wait, and
    /// after a slot became idle: whichever comes second finds the other.
    pub(crate) fn hand_over_waiting(self: &Arc<Shared>) {
        while self.interactive.idle() > 0 {
            let Some(assignment) = self.long.take_for_turn(|waiting| self.interactive.suits(waiting)) else { return };
            if let Some(assignment) = self.hand_over(assignment) {
                // Another run got the slot in the meantime.
                self.let_wait(assignment);
                return;
            }
        }
    }

    /// The next live run of an interactive slot. `None` at shutdown. When the run has ended, the caller calls
    /// [`release`](InteractiveSlots::release).
    pub(crate) async fn next_interactive(self: &Arc<Shared>, shutdown: &CancellationToken) -> Option<Arc<Assignment>> {
        let (slot, mut handed) = oneshot::channel();
        self.interactive.state().idle.push(slot);
        self.hand_over_waiting();
        tokio::select! {
            biased;
            () = shutdown.cancelled() => {}
            assignment = &mut handed => return assignment.ok(),
        }
        handed.close();
        if let Ok(assignment) = handed.try_recv() {
            self.give_back_unfinished(assignment, DRAINS);
        }
        None
    }
}

/// Whether the run is live.
pub(crate) fn is_live(assignment: &Arc<Assignment>) -> bool {
    assignment.leased.submission.kind.is_live()
}

/// The share of the run's owner.
pub(crate) fn share_of(assignment: &Arc<Assignment>) -> UserId {
    assignment.leased.submission.owner.share()
}
