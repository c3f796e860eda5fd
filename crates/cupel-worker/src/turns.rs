//! Shares the slots of this worker among owners: while runs of other owners wait, a slot that becomes free does not
//! take another run of an owner that already has its share.
//!
//! Only turns that have lasted for a quantum (the minimum length of a turn) are counted. So a user whose turns are
//! shorter may use all slots, and the worker need not search for runs of other owners. If the worker has several slots
//! and other users wait, a user whose turns are longer leaves them at least one slot.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use cupel_types::UserId;

/// Maximum number of runs begun by one slot: one run has its turn, the others wait.
pub(crate) const RUNS_PER_SLOT_MAX: usize = 4;

/// The current turn of each slot.
#[derive(Debug)]
pub(crate) struct Turns {
    slots: Mutex<Vec<Option<(UserId, Instant)>>>,
    quantum: Duration,
}

impl Turns {
    pub(crate) fn new(slots: usize, quantum: Duration) -> Turns {
        Turns { slots: Mutex::new(vec![None; slots]), quantum }
    }

    /// Marks the slot as running a run of this owner until the returned value is dropped.
    pub(crate) fn begin(&self, slot: usize, owner: UserId) -> Turn<'_> {
        self.set(slot, Some((owner, Instant::now())));
        Turn { turns: self, slot }
    }

    /// Owners that use at least their share of the slots.
    pub(crate) fn crowding(&self) -> Vec<UserId> {
        let slots = self.slots();
        let share = share_of(slots.len());
        let mut counts: Vec<(UserId, usize)> = Vec::new();
        for (owner, _) in slots.iter().flatten().filter(|(_, since)| since.elapsed() >= self.quantum) {
            match counts.iter_mut().find(|(of, _)| of == owner) {
                Some((_, count)) => *count += 1,
                None => counts.push((*owner, 1)),
            }
        }
        counts.into_iter().filter(|(_, count)| *count >= share).map(|(owner, _)| owner).collect()
    }

    fn set(&self, slot: usize, turn: Option<(UserId, Instant)>) {
        if let Some(place) = self.slots().get_mut(slot) {
            *place = turn;
        }
    }

    fn slots(&self) -> MutexGuard<'_, Vec<Option<(UserId, Instant)>>> {
        // Each change is one assignment, so the data are consistent even if the lock is poisoned.
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Maximum number of `slots` that one user may have while others wait: half of them, rounded up, but never all if there
/// are several.
fn share_of(slots: usize) -> usize {
    slots.div_ceil(2).min(slots.saturating_sub(1)).max(1)
}

/// A slot's turn; ends on drop.
pub(crate) struct Turn<'a> {
    turns: &'a Turns,
    slot: usize,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.turns.set(self.slot, None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn owner(n: u128) -> UserId {
        UserId::from_uuid(Uuid::from_u128(n))
    }

    #[test]
    fn a_share_is_half_of_the_slots_and_never_all_of_several() {
        assert_eq!([1, 2, 3, 4, 5, 8].map(share_of), [1, 1, 2, 2, 3, 4]);
    }

    #[test]
    fn an_owner_with_a_share_of_the_slots_crowds_until_a_turn_ends() {
        let turns = Turns::new(4, Duration::ZERO);
        let first = turns.begin(0, owner(1));
        let _other = turns.begin(1, owner(2));
        assert_eq!(turns.crowding(), []);
        let _second = turns.begin(2, owner(1));
        assert_eq!(turns.crowding(), [owner(1)]);
        drop(first);
        assert_eq!(turns.crowding(), []);
    }
}
