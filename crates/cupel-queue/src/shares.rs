//! Scheduling between priority classes: smooth weighted round robin, 8 : 4 : 1.
//!
//! If hints of all classes wait, interactive runs get 8 of 13 turns, ordinary runs 4 and batch runs 1, spread evenly.
//! An empty class leaves its share to the others and accumulates no credit. No class starves.

use cupel_types::PriorityClass;

pub(crate) const CLASSES: usize = PriorityClass::ALL.len();

/// One value per class, in the order of [`PriorityClass::ALL`].
pub(crate) type PerClass<T> = [T; CLASSES];

const WEIGHTS: PerClass<i64> = [8, 4, 1];

/// Index of a class in a [`PerClass`].
pub(crate) const fn index(class: PriorityClass) -> usize {
    match class {
        PriorityClass::Interactive => 0,
        PriorityClass::Submission => 1,
        PriorityClass::Batch => 2,
    }
}

/// Credit of each class.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shares {
    credit: PerClass<i64>,
}

impl Shares {
    /// Selects the class whose turn it is among those that are `open`.
    pub(crate) fn turn(&mut self, open: PerClass<bool>) -> Option<usize> {
        let mut best: Option<usize> = None;
        let mut total = 0;
        for (i, weight) in WEIGHTS.iter().enumerate() {
            if !open[i] {
                continue;
            }
            self.credit[i] += weight;
            total += weight;
            if best.is_none_or(|b| self.credit[i] > self.credit[b]) {
                best = Some(i);
            }
        }
        self.credit[best?] -= total;
        best
    }

    /// Resets the credit of a class that has become empty.
    pub(crate) fn idle(&mut self, class: usize) {
        self.credit[class] = 0;
    }
}
