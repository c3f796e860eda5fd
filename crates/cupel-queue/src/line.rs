//! The order in which waiting hints are handed out; plain data, no locks, no waiting.
//!
//! - Between classes: by their shares ([`Shares`]).
//! - Between owners of a class: in turn. A million hints of one owner delay another's single hint by at most
//!   one hand-out per owner that waits.
//! - Within an owner: first come, first served.
//!
//! Every operation is O(1) but for hashing.

use std::collections::{HashMap, HashSet, VecDeque};

use cupel_core::RunHint;
use cupel_types::{RunId, UserId};

use crate::shares::{CLASSES, PerClass, Shares, index};

#[derive(Debug, Default)]
pub(crate) struct Line {
    classes: PerClass<ClassLine>,
    shares: Shares,
    /// What is waiting, to refuse doubles.
    waiting: HashSet<RunId>,
}

#[derive(Debug, Default)]
struct ClassLine {
    /// Owners with something waiting, in the order of their turns.
    turns: VecDeque<UserId>,
    runs: HashMap<UserId, VecDeque<RunHint>>,
}

impl Line {
    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// How many hints of one owner wait.
    pub(crate) fn len_of(&self, owner: UserId) -> usize {
        self.classes.iter().filter_map(|class| class.runs.get(&owner)).map(VecDeque::len).sum()
    }

    pub(crate) fn is_waiting(&self, run: RunId) -> bool {
        self.waiting.contains(&run)
    }

    /// Adds a hint at the end of its owner's line. `false`: it is waiting already.
    pub(crate) fn push(&mut self, hint: RunHint) -> bool {
        if !self.waiting.insert(hint.run) {
            return false;
        }
        let class = &mut self.classes[index(hint.class)];
        let runs = class.runs.entry(hint.owner).or_default();
        if runs.is_empty() {
            class.turns.push_back(hint.owner);
        }
        runs.push_back(hint);
        true
    }

    /// Which classes have something waiting.
    pub(crate) fn waits(&self) -> PerClass<bool> {
        std::array::from_fn(|i| !self.classes[i].turns.is_empty())
    }

    /// Takes the hint whose turn it is.
    pub(crate) fn pop(&mut self) -> Option<RunHint> {
        self.pop_of([true; CLASSES])
    }

    /// Takes the hint whose turn it is among the classes that are `open`.
    pub(crate) fn pop_of(&mut self, open: PerClass<bool>) -> Option<RunHint> {
        let waits = self.waits();
        let turn = self.shares.turn(std::array::from_fn(|i| open[i] && waits[i]))?;
        let class = &mut self.classes[turn];
        let owner = class.turns.pop_front()?;
        let runs = class.runs.get_mut(&owner)?;
        let hint = runs.pop_front()?;
        if runs.is_empty() {
            class.runs.remove(&owner);
        } else {
            class.turns.push_back(owner);
        }
        if class.turns.is_empty() {
            self.shares.idle(turn);
        }
        self.waiting.remove(&hint.run);
        Some(hint)
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
        // Evenly: never more than three interactive ones in a row while others wait.
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

    #[test]
    fn a_class_that_was_idle_has_saved_up_nothing() {
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
        assert_eq!(taken.iter().filter(|h| h.class == PriorityClass::Batch).count(), 2, "its share, 1 of 9");
    }

    #[derive(Clone, Debug)]
    enum Step {
        Push { run: u128, owner: u128, class: usize },
        Pop,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            3 => (0..60u128, 0..5u128, 0..3usize).prop_map(|(run, owner, class)| Step::Push { run, owner, class }),
            2 => Just(Step::Pop),
        ]
    }

    proptest! {
        /// Against a model: nothing is lost, nothing comes twice, each owner's hints of a class keep their
        /// order, and an owner who waits is passed over at most once per other owner of the class.
        #[test]
        fn nothing_lost_nothing_doubled_order_kept(steps in prop::collection::vec(step(), 1..300)) {
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
                    Step::Pop => match line.pop() {
                        None => prop_assert!(model.is_empty()),
                        Some(hint) => {
                            let first = model.iter().position(|h| h.owner == hint.owner && h.class == hint.class);
                            prop_assert_eq!(first.map(|i| model.remove(i)), Some(hint));
                        }
                    },
                }
                prop_assert_eq!(line.len(), model.len());
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
