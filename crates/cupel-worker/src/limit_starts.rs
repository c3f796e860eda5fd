//! Warns if programs start in another mode (warm or cold) than the program that determined a derived time limit.
//!
//! A cold start uses CPU time that a warm start does not. So a limit measured with warm starts is strict for cold
//! starts, and a limit measured with cold starts is generous for warm starts.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use cupel_types::{ContentHash, Start};

/// Maximum number of packages remembered. Beyond it, a warning may be repeated.
const REMEMBERED_MAX: usize = 4096;

/// The packages for which this worker has already warned.
#[derive(Debug, Default)]
pub(crate) struct LimitStarts {
    warned: Mutex<HashSet<ContentHash>>,
}

impl LimitStarts {
    /// Returns the first start in `seen` that differs from the measured one; `None` if there is none, or if it has
    /// already returned one for this package.
    pub(crate) fn first_other(
        &self,
        package: ContentHash,
        measured: Option<Start>,
        seen: impl Iterator<Item = Start>,
    ) -> Option<Start> {
        let measured = measured?;
        let other = seen.into_iter().find(|start| *start != measured)?;
        // Each change is a single call, so the data are consistent even if the lock is poisoned.
        let mut warned = self.warned.lock().unwrap_or_else(PoisonError::into_inner);
        if warned.len() >= REMEMBERED_MAX {
            warned.clear();
        }
        warned.insert(package).then_some(other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(n: u8) -> ContentHash {
        ContentHash::from_bytes([n; 32])
    }

    #[test]
    fn a_different_kind_of_start_is_reported_once_per_version() {
        use Start::{Cold, Warm};
        let starts = LimitStarts::default();
        let other = |n, measured, seen: &[Start]| starts.first_other(package(n), measured, seen.iter().copied());
        assert_eq!(other(1, Some(Warm), &[Warm, Warm]), None);
        assert_eq!(other(1, None, &[Cold]), None, "a limit with an unknown start mode");
        assert_eq!(other(1, Some(Warm), &[]), None, "a language without a warm start");
        assert_eq!(other(1, Some(Warm), &[Warm, Cold]), Some(Cold));
        assert_eq!(other(1, Some(Warm), &[Cold]), None);
        assert_eq!(other(2, Some(Cold), &[Warm]), Some(Warm));
    }

    #[test]
    fn the_number_of_remembered_packages_is_bounded() {
        let starts = LimitStarts::default();
        for n in 0..=u32::try_from(REMEMBERED_MAX).unwrap() {
            let mut hash = [0; 32];
            hash[..4].copy_from_slice(&n.to_le_bytes());
            starts.first_other(ContentHash::from_bytes(hash), Some(Start::Warm), [Start::Cold].into_iter());
        }
        assert_eq!(starts.warned.lock().unwrap().len(), 1);
    }
}
