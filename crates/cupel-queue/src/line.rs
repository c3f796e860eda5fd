//! Order in which waiting hints are handed out. Plain data without locks or waiting.
//!
//! - Between classes: by weight ([`Shares`]).
//! - Between owners of a class: by slot time. Each owner has an account of the slot time charged to the owner, and the
//!   owner with the lowest account is next. Each hand-out charges [`HAND_OUT`] to the account. The time that a run
//!   occupied a slot is charged once it is known ([`Line::charge`]). So owners whose runs take equally long take turns,
//!   and an owner whose runs sleep for minutes waits until the others have used as much time.
//! - Within an owner: first in, first out.
//!
//! Accounts follow weighted fair queueing. `floor` is the virtual time; it advances by the time charged divided by the
//! number of waiting owners. When an owner begins to wait, the owner's account is raised to `floor`, so idle time earns
//! no credit. Time used while no other owner waits raises the account and `floor` by the same amount, and is therefore
//! free. An account is at most [`DEBT_MAX`] above `floor`, so no owner waits for long. The account of an owner who
//! waits in a class with a small share counts as at most [`DEBT_MAX`] below `floor`, which bounds how long others wait
//! once that owner is served.
//!
//! Every operation is O(log owners), except that [`Line::pop_other`] also skips the given owners, and that the rare
//! removal of accounts visits all of them.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::time::Duration;

use cupel_core::RunHint;
use cupel_types::{RunId, UserId};

use crate::shares::{CLASSES, PerClass, Shares, index};

/// Time charged at each hand-out, independent of how long the run takes.
const HAND_OUT: Duration = Duration::from_millis(1);

/// Maximum distance of an account above `floor`. An account that is further below `floor` than this distance counts as
/// if it were at this distance.
const DEBT_MAX: Duration = Duration::from_secs(300);

/// Maximum number of accounts kept for owners that do not wait. If there are more, such accounts are removed, and the
/// time charged to them is forgotten.
const RESTING_MAX: usize = 10_000;

#[derive(Debug, Default)]
pub(crate) struct Line {
    classes: PerClass<ClassLine>,
    shares: Shares,
    /// Waiting runs; used to reject duplicates.
    waiting: HashSet<RunId>,
    /// Accounts of owners that wait, and of others that waited or were charged before, until [`Line::forget`] removes
    /// them.
    accounts: HashMap<UserId, Account>,
    /// Number of owners that wait.
    owners: usize,
    floor: Duration,
    /// Number of the next turn; it orders equal accounts.
    turn: u64,
}

#[derive(Debug, Default)]
struct ClassLine {
    /// Owners with waiting hints, in the order of their turns.
    turns: BTreeSet<Turn>,
    runs: HashMap<UserId, OwnersLine>,
}

/// The time charged to an owner, and the number of the turn, which orders equal times first come, first served.
type Turn = (Duration, u64, UserId);

#[derive(Debug)]
struct OwnersLine {
    turn: Turn,
    hints: VecDeque<RunHint>,
}

#[derive(Debug, Default)]
struct Account {
    charged: Duration,
    /// Number of classes in which the owner waits.
    classes: usize,
}

impl Line {
    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Number of waiting hints of one owner.
    pub(crate) fn len_of(&self, owner: UserId) -> usize {
        self.classes.iter().filter_map(|class| class.runs.get(&owner)).map(|line| line.hints.len()).sum()
    }

    pub(crate) fn is_waiting(&self, run: RunId) -> bool {
        self.waiting.contains(&run)
    }

    /// Appends a hint to its owner's line. Returns `false` if the run waits already.
    pub(crate) fn push(&mut self, hint: RunHint) -> bool {
        if !self.waiting.insert(hint.run) {
            return false;
        }
        let account = self.accounts.entry(hint.owner).or_default();
        let class = &mut self.classes[index(hint.class)];
        if let Some(line) = class.runs.get_mut(&hint.owner) {
            line.hints.push_back(hint);
            return true;
        }
        if account.classes == 0 {
            self.owners += 1;
            account.charged = account.charged.clamp(self.floor, self.floor + DEBT_MAX);
        }
        account.charged = account.charged.max(self.floor.saturating_sub(DEBT_MAX));
        account.classes += 1;
        let turn = (account.charged, self.turn, hint.owner);
        self.turn += 1;
        class.turns.insert(turn);
        class.runs.insert(hint.owner, OwnersLine { turn, hints: VecDeque::from([hint]) });
        true
    }

    /// Takes the next hint.
    pub(crate) fn pop(&mut self) -> Option<RunHint> {
        self.pop_of([true; CLASSES])
    }

    /// Takes the next hint among the classes that are `open`.
    pub(crate) fn pop_of(&mut self, open: PerClass<bool>) -> Option<RunHint> {
        let firsts = std::array::from_fn(|i| self.classes[i].turns.first().copied());
        self.pop_among(open, firsts)
    }

    /// Takes the next hint among those of owners that are not in `not`.
    pub(crate) fn pop_other(&mut self, not: &[UserId]) -> Option<RunHint> {
        let others =
            std::array::from_fn(|i| self.classes[i].turns.iter().find(|(_, _, owner)| !not.contains(owner)).copied());
        self.pop_among([true; CLASSES], others)
    }

    fn pop_among(&mut self, open: PerClass<bool>, firsts: PerClass<Option<Turn>>) -> Option<RunHint> {
        let place = self.shares.turn(std::array::from_fn(|i| open[i] && firsts[i].is_some()))?;
        let (_, _, owner) = firsts[place]?;
        let class = &mut self.classes[place];
        let line = class.runs.get_mut(&owner)?;
        let hint = line.hints.pop_front()?;
        if line.hints.is_empty() {
            class.turns.remove(&line.turn);
            class.runs.remove(&owner);
            if let Some(account) = self.accounts.get_mut(&owner) {
                account.classes -= 1;
                self.owners -= usize::from(account.classes == 0);
            }
        }
        if class.turns.is_empty() {
            self.shares.idle(place);
        }
        self.waiting.remove(&hint.run);
        self.charge(owner, HAND_OUT);
        Some(hint)
    }

    /// Charges an owner for the time that a run occupied a slot.
    pub(crate) fn charge(&mut self, owner: UserId, time: Duration) {
        let account = self.accounts.entry(owner).or_insert(Account { charged: self.floor, classes: 0 });
        // The owner shares the slots with the waiting owners.
        let sharers = self.owners + usize::from(account.classes == 0);
        self.floor += time / u32::try_from(sharers).unwrap_or(u32::MAX);
        let charged = account.charged.max(self.floor.saturating_sub(DEBT_MAX)) + time;
        account.charged = charged.min(self.floor + DEBT_MAX);
        if account.classes == 0 {
            self.forget();
            return;
        }
        let charged = account.charged;
        for class in &mut self.classes {
            if let Some(line) = class.runs.get_mut(&owner) {
                class.turns.remove(&line.turn);
                line.turn = (charged, self.turn, owner);
                self.turn += 1;
                class.turns.insert(line.turn);
            }
        }
    }

    /// If there are too many accounts of owners that do not wait, removes those at or below `floor`. If too many
    /// remain, removes all accounts of owners that do not wait.
    fn forget(&mut self) {
        if self.accounts.len() - self.owners.min(self.accounts.len()) < RESTING_MAX {
            return;
        }
        let floor = self.floor;
        self.accounts.retain(|_, account| account.classes > 0 || account.charged > floor);
        if self.accounts.len() - self.owners.min(self.accounts.len()) >= RESTING_MAX {
            self.accounts.retain(|_, account| account.classes > 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cupel_types::PriorityClass;
    use proptest::prelude::*;
    use uuid::Uuid;

    fn hint(run: u128, owner: u128, class: PriorityClass) -> RunHint {
        RunHint { run: RunId::from_uuid(Uuid::from_u128(run)), owner: UserId::from_uuid(Uuid::from_u128(owner)), class }
    }

    #[test]
    fn classes_share_by_weight_and_none_starves() {
        let mut line = Line::default();
        let mut run = 0;
        for class in PriorityClass::ALL {
            for _ in 0..130 {
                run += 1;
                line.push(hint(run, 1, class));
            }
        }
        let round: Vec<_> = (0..13).filter_map(|_| line.pop()).map(|h| h.class).collect();
        let count = |class| round.iter().filter(|c| **c == class).count();
        assert_eq!(PriorityClass::ALL.map(count), [8, 4, 1]);
        // Spread evenly: at most three interactive hints in a row while other classes wait.
        assert!(!round.windows(4).any(|w| w.iter().all(|c| *c == PriorityClass::Interactive)), "{round:?}");
    }

    #[test]
    fn ten_thousand_hints_of_one_owner_delay_another_by_a_few_hand_outs() {
        let mut line = Line::default();
        for run in 0..10_000 {
            line.push(hint(run, 1, PriorityClass::Submission));
        }
        for _ in 0..100 {
            line.pop();
        }
        line.push(hint(1_000_000, 2, PriorityClass::Submission));
        let place =
            (0..10).position(|_| line.pop().is_some_and(|h| h.run == RunId::from_uuid(Uuid::from_u128(1_000_000))));
        assert!(place.is_some_and(|p| p <= 2), "{place:?}");
    }

    const SECOND: Duration = Duration::from_secs(1);

    fn owner(n: u128) -> UserId {
        UserId::from_uuid(Uuid::from_u128(n))
    }

    /// Slot time that each owner gets if each run of owner `i` takes `takes[i]` and all owners always have hints
    /// waiting.
    fn slot_time(takes: &[Duration], hand_outs: usize) -> Vec<Duration> {
        let mut line = Line::default();
        for run in 0..hand_outs {
            for who in 0..takes.len() {
                line.push(hint((run * takes.len() + who) as u128, who as u128, PriorityClass::Submission));
            }
        }
        let mut had = vec![Duration::ZERO; takes.len()];
        for _ in 0..hand_outs {
            let owner = line.pop().unwrap().owner;
            let who = owner.as_uuid().as_u128() as usize;
            had[who] += takes[who];
            line.charge(owner, takes[who]);
        }
        had
    }

    #[test]
    fn owners_get_equal_slot_time_however_long_their_runs_take() {
        let had = slot_time(&[10 * SECOND, SECOND, SECOND / 10], 1000);
        let (least, most) = (had.iter().min().unwrap(), had.iter().max().unwrap());
        // The times may differ by one run of each owner.
        assert!(*most - *least <= 12 * SECOND, "{had:?}");
        assert!(*least > 30 * SECOND, "{had:?}");
    }

    #[test]
    fn an_owner_in_debt_waits_for_a_bounded_time_despite_newcomers() {
        let mut line = Line::default();
        line.push(hint(5000, 2, PriorityClass::Submission));
        for run in 0..1000 {
            line.push(hint(run, 1, PriorityClass::Submission));
            line.pop_other(&[owner(2)]);
            line.charge(owner(1), 3600 * SECOND);
        }
        line.push(hint(5001, 1, PriorityClass::Submission));
        line.pop();
        // A sequence of new owners, each of which has used less than the first owner.
        let mut had = Duration::ZERO;
        for run in 6000.. {
            line.push(hint(run, run, PriorityClass::Submission));
            let next = line.pop().unwrap();
            if next.owner == owner(1) {
                break;
            }
            line.charge(next.owner, SECOND);
            had += SECOND;
        }
        assert!(had > Duration::ZERO && had <= 3 * DEBT_MAX, "{had:?}");
    }

    #[test]
    fn an_idle_owner_earns_no_credit() {
        let mut line = Line::default();
        for run in 0..100 {
            line.push(hint(run, 1, PriorityClass::Submission));
        }
        for _ in 0..50 {
            line.pop();
            line.charge(owner(1), SECOND);
        }
        for run in 200..300 {
            line.push(hint(run, 2, PriorityClass::Submission));
        }
        let turns = (0..20).filter_map(|_| {
            let next = line.pop()?;
            line.charge(next.owner, SECOND);
            Some(next.owner)
        });
        let seconds = turns.filter(|next| *next == owner(2)).count();
        assert!((9..=12).contains(&seconds), "{seconds} of 20");
    }

    #[test]
    fn a_long_wait_in_one_class_gives_a_bounded_advantage_in_another() {
        let mut line = Line::default();
        // Owner 1 waits while another owner uses ten hours.
        line.push(hint(0, 1, PriorityClass::Batch));
        line.charge(owner(3), 36_000 * SECOND);
        for run in 1..2000 {
            line.push(hint(run, 1, PriorityClass::Interactive));
            line.push(hint(10_000 + run, 2, PriorityClass::Interactive));
        }
        let mut ahead = Duration::ZERO;
        while let Some(next) = line.pop().filter(|next| next.owner == owner(1)) {
            line.charge(next.owner, SECOND);
            ahead += SECOND;
        }
        // Meanwhile the floor advances by half the time charged.
        assert!(ahead > SECOND && ahead <= 2 * DEBT_MAX + 2 * SECOND, "{ahead:?}");
    }

    #[test]
    fn pop_other_skips_the_given_owners() {
        let mut line = Line::default();
        for run in 0..10 {
            line.push(hint(run, 1, PriorityClass::Interactive));
        }
        assert_eq!(line.pop_other(&[owner(1)]), None);
        let other = hint(100, 2, PriorityClass::Batch);
        line.push(other);
        assert_eq!(line.pop_other(&[owner(1), owner(2)]), None);
        assert_eq!(line.pop_other(&[owner(1)]), Some(other));
        assert_eq!(line.pop_other(&[owner(1)]), None);
        assert_eq!(line.len(), 10);
    }

    #[test]
    fn accounts_are_bounded() {
        let mut line = Line::default();
        for n in 0..3 * RESTING_MAX as u128 {
            line.push(hint(n, n, PriorityClass::Submission));
            line.pop();
            line.charge(owner(n), 10 * SECOND);
        }
        assert!(line.accounts.len() <= RESTING_MAX, "{}", line.accounts.len());
    }

    #[test]
    fn an_idle_class_earns_no_credit() {
        let mut line = Line::default();
        for run in 0..1000 {
            line.push(hint(run, 1, PriorityClass::Batch));
        }
        for _ in 0..500 {
            line.pop();
        }
        for run in 2000..2100 {
            line.push(hint(run, 2, PriorityClass::Interactive));
        }
        let taken: Vec<_> = (0..18).filter_map(|_| line.pop()).collect();
        assert_eq!(taken.iter().filter(|h| h.class == PriorityClass::Batch).count(), 2, "batch gets its share, 1 of 9");
    }

    #[derive(Clone, Debug)]
    enum Step {
        Push { run: u128, owner: u128, class: usize },
        Pop,
        PopOther { not: u128 },
        Charge { owner: u128, millis: u64 },
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            3 => (0..60u128, 0..5u128, 0..3usize).prop_map(|(run, owner, class)| Step::Push { run, owner, class }),
            2 => Just(Step::Pop),
            1 => (0..5u128).prop_map(|not| Step::PopOther { not }),
            1 => (0..5u128, 0..100_000u64).prop_map(|(owner, millis)| Step::Charge { owner, millis }),
        ]
    }

    proptest! {
        /// Compares with a model: no hint is lost or duplicated, and the hints of one owner in one class keep their
        /// order.
        #[test]
        fn hints_are_neither_lost_nor_duplicated_and_keep_their_order(steps in prop::collection::vec(step(), 1..300)) {
            let mut line = Line::default();
            let mut model: Vec<RunHint> = Vec::new();
            for step in steps {
                match step {
                    Step::Push { run, owner, class } => {
                        let hint = hint(run, owner, PriorityClass::ALL[class]);
                        let known = model.iter().any(|h| h.run == hint.run);
                        prop_assert_eq!(line.push(hint), !known);
                        if !known {
                            model.push(hint);
                        }
                    }
                    Step::PopOther { not } => match line.pop_other(&[owner(not)]) {
                        None => prop_assert!(model.iter().all(|h| h.owner == owner(not))),
                        Some(hint) => {
                            prop_assert_ne!(hint.owner, owner(not));
                            let first = model.iter().position(|h| h.owner == hint.owner && h.class == hint.class);
                            prop_assert_eq!(first.map(|i| model.remove(i)), Some(hint));
                        }
                    },
                    Step::Charge { owner: who, millis } => line.charge(owner(who), Duration::from_millis(millis)),
                    Step::Pop => match line.pop() {
                        None => prop_assert!(model.is_empty()),
                        Some(hint) => {
                            let first = model.iter().position(|h| h.owner == hint.owner && h.class == hint.class);
                            prop_assert_eq!(first.map(|i| model.remove(i)), Some(hint));
                        }
                    },
                }
                prop_assert_eq!(line.len(), model.len());
                let owners: HashSet<_> = model.iter().map(|h| h.owner).collect();
                prop_assert_eq!(line.owners, owners.len());
                for owner in (0..5).map(|n| UserId::from_uuid(Uuid::from_u128(n))) {
                    prop_assert_eq!(line.len_of(owner), model.iter().filter(|h| h.owner == owner).count());
                }
            }
            while let Some(hint) = line.pop() {
                let at = model.iter().position(|h| *h == hint);
                prop_assert!(at.is_some());
                model.remove(at.unwrap());
            }
            prop_assert!(model.is_empty());
        }

        #[test]
        fn an_owner_waits_for_at_most_one_hand_out_per_other_owner(loads in prop::collection::vec(1..50usize, 1..8)) {
            let mut line = Line::default();
            let mut run = 0;
            for (owner, load) in loads.iter().enumerate() {
                for _ in 0..*load {
                    run += 1;
                    line.push(hint(run, owner as u128, PriorityClass::Batch));
                }
            }
            let late = hint(u128::MAX, 999, PriorityClass::Batch);
            line.push(late);
            let place = std::iter::from_fn(|| line.pop()).position(|h| h == late);
            prop_assert!(place.is_some_and(|p| p <= loads.len()));
        }
    }
}
