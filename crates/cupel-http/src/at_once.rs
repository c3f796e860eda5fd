//! Counts work that is in progress for each user, so that neither one user nor all users together can start too much.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cupel_types::UserId;

use crate::error::{ApiError, ErrorKind};

/// A kind of work with a maximum number at the same time, per user and in total.
#[derive(Clone)]
pub struct AtOnce {
    begun: Arc<Mutex<HashMap<UserId, usize>>>,
    /// What is counted, in the plural.
    what: &'static str,
    user_max: usize,
    all_max: usize,
}

/// Work in progress, until it is dropped.
pub struct Begun {
    of: AtOnce,
    user: UserId,
}

impl AtOnce {
    pub(crate) fn new(what: &'static str, user_max: usize, all_max: usize) -> AtOnce {
        AtOnce { begun: Arc::default(), what, user_max, all_max }
    }

    /// Counts one more for this user, until the returned value is dropped.
    ///
    /// # Errors
    ///
    /// If the user or the server has the maximum number in progress.
    pub fn begin(&self, user: UserId) -> Result<Begun, ApiError> {
        let mut begun = self.begun();
        let (of_user, all) = (begun.get(&user).copied().unwrap_or(0), begun.values().sum::<usize>());
        let (what, second) = (self.what, Duration::from_secs(1));
        if of_user >= self.user_max {
            let detail =
                format!("You may have at most {} {what} in progress. Wait until one has ended.", self.user_max);
            return Err(ApiError::new(ErrorKind::RateLimited, detail).retry_after(second));
        }
        if all >= self.all_max {
            let detail = format!("The server has its maximum number of {what} in progress. Try again later.");
            return Err(ApiError::new(ErrorKind::Unavailable, detail).retry_after(second));
        }
        begun.insert(user, of_user + 1);
        Ok(Begun { of: self.clone(), user })
    }

    fn begun(&self) -> MutexGuard<'_, HashMap<UserId, usize>> {
        self.begun.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        let mut begun = self.of.begun();
        if let Some(count) = begun.get_mut(&self.user) {
            *count -= 1;
            if *count == 0 {
                begun.remove(&self.user);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_bounded_per_user_and_in_total() {
        let user = |n| UserId::from_uuid(uuid::Uuid::from_u128(n));
        let exports = AtOnce::new("exports", 2, 3);
        let kind = |user| exports.begin(user).map_err(|error| error.kind());
        let own = [exports.begin(user(1)).ok().unwrap(), exports.begin(user(1)).ok().unwrap()];
        assert_eq!(kind(user(1)).err(), Some(ErrorKind::RateLimited));
        let other = exports.begin(user(2)).ok().unwrap();
        assert_eq!(kind(user(2)).err(), Some(ErrorKind::Unavailable));
        drop(own);
        assert!(kind(user(1)).is_ok() && kind(user(2)).is_ok());
        drop(other);
        assert!(exports.begun().is_empty());
    }
}
