//! How many bytes of request bodies, and of large answers, may be in memory at one time: of everybody, and of one user.
//!
//! One body is bounded in `body.rs`, and one answer by what is kept of a submission's output; without this, a few
//! hundred large ones at once would still take all memory.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cupel_types::UserId;
use tokio::sync::Notify;

use crate::problem::{Problem, ProblemKind};

/// The budget of this process. A clone is another handle.
#[derive(Clone)]
pub(crate) struct ByteBudget {
    used: Arc<Mutex<Used>>,
    /// Told whenever something was given back.
    freed: Arc<Notify>,
    of: Of,
    all_bytes_max: usize,
    user_bytes_max: usize,
}

/// What a budget is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Of {
    Bodies,
    Answers,
}

#[derive(Default)]
struct Used {
    all: usize,
    by_user: HashMap<UserId, usize>,
}

/// Bytes that are held; given back when dropped.
pub(crate) struct Held {
    budget: ByteBudget,
    user: UserId,
    bytes: usize,
}

impl ByteBudget {
    /// One thing of `one_bytes_max` always fits.
    pub(crate) fn new(of: Of, all_bytes_max: usize, user_bytes_max: usize, one_bytes_max: usize) -> ByteBudget {
        let (all_bytes_max, user_bytes_max) = (all_bytes_max.max(one_bytes_max), user_bytes_max.max(one_bytes_max));
        ByteBudget { used: Arc::default(), freed: Arc::default(), of, all_bytes_max, user_bytes_max }
    }

    /// Holds `bytes` for this user, as soon as there is room; says after `at_most` who has to wait longer. What is more
    /// than a user may have counts as all of that.
    pub(crate) async fn wait_for(&self, user: UserId, bytes: usize, at_most: Duration) -> Result<Held, Problem> {
        let bytes = bytes.min(self.user_bytes_max).min(self.all_bytes_max);
        let deadline = tokio::time::Instant::now() + at_most;
        loop {
            let mut freed = std::pin::pin!(self.freed.notified());
            // Listens before it looks, so that nothing given back between the two is missed.
            freed.as_mut().enable();
            let mut held = self.hold(user);
            let Err(problem) = held.more(bytes) else { return Ok(held) };
            if tokio::time::timeout_at(deadline, freed).await.is_err() {
                return Err(problem);
            }
        }
    }

    /// Nothing yet, for something of this user.
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
            let most = self.budget.user_bytes_max;
            let detail = match self.budget.of {
                Of::Bodies => format!("You are sending more than {most} bytes at the same time."),
                Of::Answers => {
                    format!("Your large answers occupy the {most} bytes they may: take those that are open first.")
                }
            };
            return Err(Problem::new(ProblemKind::RateLimited, detail).retry_after(Duration::from_secs(1)));
        }
        if used.all + more > self.budget.all_bytes_max {
            let detail = match self.budget.of {
                Of::Bodies => "The server is receiving as much as it can hold. Nothing was accepted; send it again.",
                Of::Answers => "The server is sending as many large answers as it can hold. Ask again.",
            };
            return Err(Problem::new(ProblemKind::Unavailable, detail).retry_after(Duration::from_secs(1)));
        }
        used.all += more;
        *used.by_user.entry(self.user).or_default() += more;
        self.bytes += more;
        Ok(())
    }

    /// Gives back what is held beyond `bytes`.
    pub(crate) fn keep_only(&mut self, bytes: usize) {
        let back = self.bytes.saturating_sub(bytes);
        if back == 0 {
            return;
        }
        self.bytes -= back;
        let mut used = self.budget.used();
        used.all -= back;
        if let Some(of_user) = used.by_user.get_mut(&self.user) {
            *of_user -= back;
            if *of_user == 0 {
                used.by_user.remove(&self.user);
            }
        }
        drop(used);
        self.budget.freed.notify_waiters();
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.keep_only(0);
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
        let budget = ByteBudget::new(Of::Bodies, 100, 60, 10);
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

    #[tokio::test]
    async fn who_waits_goes_on_as_soon_as_there_is_room() {
        let budget = ByteBudget::new(Of::Answers, 100, 60, 0);
        let mut first = budget.wait_for(user(1), 1000, Duration::ZERO).await.ok().unwrap();
        assert_eq!(budget.used().all, 60, "more than a user may have counts as all of that");
        let refused = budget.wait_for(user(1), 1, Duration::ZERO).await.err().unwrap();
        assert_eq!(refused.kind(), ProblemKind::RateLimited);
        let waiting = tokio::spawn({
            let budget = budget.clone();
            async move { budget.wait_for(user(1), 30, Duration::from_secs(60)).await.is_ok() }
        });
        tokio::task::yield_now().await;
        first.keep_only(30);
        assert!(waiting.await.unwrap());
        drop(first);
        assert_eq!(budget.used().all, 0);
    }

    #[test]
    fn one_body_always_fits() {
        assert!(ByteBudget::new(Of::Bodies, 0, 0, 10).hold(user(1)).more(10).is_ok());
    }
}
