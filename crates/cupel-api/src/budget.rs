//! How many bytes of request bodies may be in memory at one time: of everybody, and of one user.
//!
//! One body is bounded in `body.rs`; without this, a few hundred large ones at once would still take all memory.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cupel_types::UserId;

use crate::problem::{Problem, ProblemKind};

/// The budget of this process. A clone is another handle.
#[derive(Clone)]
pub(crate) struct BodyBudget {
    used: Arc<Mutex<Used>>,
    all_bytes_max: usize,
    user_bytes_max: usize,
}

#[derive(Default)]
struct Used {
    all: usize,
    by_user: HashMap<UserId, usize>,
}

/// Bytes that are held; given back when dropped.
pub(crate) struct Held {
    budget: BodyBudget,
    user: UserId,
    bytes: usize,
}

impl BodyBudget {
    /// One body of `body_bytes_max` always fits.
    pub(crate) fn new(all_bytes_max: usize, user_bytes_max: usize, body_bytes_max: usize) -> BodyBudget {
        let (all_bytes_max, user_bytes_max) = (all_bytes_max.max(body_bytes_max), user_bytes_max.max(body_bytes_max));
        BodyBudget { used: Arc::default(), all_bytes_max, user_bytes_max }
    }

    /// Nothing yet, for a body of this user.
    pub(crate) fn hold(&self, user: UserId) -> Held {
        Held { budget: self.clone(), user, bytes: 0 }
    }

    fn used(&self) -> MutexGuard<'_, Used> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    /// Holds `more` bytes, or says who has to wait.
    pub(crate) fn more(&mut self, more: usize) -> Result<(), Problem> {
        let mut used = self.budget.used();
        let of_user = used.by_user.get(&self.user).copied().unwrap_or(0);
        if of_user + more > self.budget.user_bytes_max {
            let detail = format!("You are sending more than {} bytes at the same time.", self.budget.user_bytes_max);
            return Err(Problem::new(ProblemKind::RateLimited, detail).retry_after(Duration::from_secs(1)));
        }
        if used.all + more > self.budget.all_bytes_max {
            let detail = "The server is receiving as much as it can hold. Nothing was accepted; send it again.";
            return Err(Problem::new(ProblemKind::Unavailable, detail).retry_after(Duration::from_secs(1)));
        }
        used.all += more;
        *used.by_user.entry(self.user).or_default() += more;
        self.bytes += more;
        Ok(())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if self.bytes == 0 {
            return;
        }
        let mut used = self.budget.used();
        used.all -= self.bytes;
        if let Some(of_user) = used.by_user.get_mut(&self.user) {
            *of_user -= self.bytes;
            if *of_user == 0 {
                used.by_user.remove(&self.user);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(n: u128) -> UserId {
        UserId::from_uuid(uuid::Uuid::from_u128(n))
    }

    #[test]
    fn one_user_cannot_take_what_is_for_all() {
        let budget = BodyBudget::new(100, 60, 10);
        let (mut a, mut b) = (budget.hold(user(1)), budget.hold(user(2)));
        a.more(60).unwrap();
        assert_eq!(budget.hold(user(1)).more(1).unwrap_err().kind(), ProblemKind::RateLimited);
        b.more(40).unwrap();
        assert_eq!(b.more(1).unwrap_err().kind(), ProblemKind::Unavailable);
        drop(a);
        b.more(20).unwrap();
        drop(b);
        assert_eq!(budget.used().all, 0);
        assert!(budget.used().by_user.is_empty());
    }

    #[test]
    fn one_body_always_fits() {
        assert!(BodyBudget::new(0, 0, 10).hold(user(1)).more(10).is_ok());
    }
}
