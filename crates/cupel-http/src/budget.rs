//! Memory budget for request bodies, large responses and the input of live runs: in total, and per user. Guests with
//! one share of the queue ([`UserId::share`]) count as one user with a quarter of a user's maximum, and all guests
//! together have a quarter of the total: anyone can be many guests.
//!
//! `body.rs` bounds one body, and the limit on stored output bounds one response. Without this budget, a few hundred
//! large bodies or responses at the same time would still exhaust the memory.
//!
//! *Invariant:* reservations of requests that wait ([`Held::keep_long`]) take at most half of each maximum. Otherwise,
//! a few users whose programs wait could keep the requests of all others out for as long as the programs wait.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cupel_types::UserId;
use tokio::sync::Notify;

use crate::error::{ApiError, ErrorKind};

/// Budget of this process. Clones share one budget.
#[derive(Clone)]
pub struct ByteBudget {
    used: Arc<Mutex<Used>>,
    /// Notified whenever bytes are released.
    freed: Arc<Notify>,
    of: BudgetKind,
    all_bytes_max: usize,
    user_bytes_max: usize,
    one_bytes_max: usize,
}

/// Purpose of a budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BudgetKind {
    /// Request bodies.
    Bodies,
    /// The part of a body that has arrived, if the body arrives slowly.
    SlowBodies,
    /// Large responses.
    Answers,
    /// Input of live runs that their programs have not read.
    LiveInput,
}

#[derive(Default)]
struct Used {
    all: usize,
    guests: usize,
    by_user: HashMap<UserId, usize>,
    /// The part of `all` that is kept long.
    long: usize,
    long_by_user: HashMap<UserId, usize>,
    waiting: usize,
    waiting_by_user: HashMap<UserId, usize>,
}

/// Divisor of the maxima of guests.
const GUESTS_PART: usize = 4;

/// Divisor of the maxima of reservations that are kept long.
const LONG_PART: usize = 2;

/// Factor of the maxima for which requests may wait. What a waiting request wants to send is in memory already.
const WAITING_FACTOR: usize = 4;

/// A request that waits for bytes, until it is dropped.
struct Waiting<'b> {
    budget: &'b ByteBudget,
    user: UserId,
    bytes: usize,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut used = self.budget.used();
        used.waiting -= self.bytes;
        release(&mut used.waiting_by_user, self.user, self.bytes);
    }
}

/// Subtracts bytes from those of a user. A user without bytes has no entry.
fn release(by_user: &mut HashMap<UserId, usize>, user: UserId, bytes: usize) {
    if let Some(of_user) = by_user.get_mut(&user) {
        *of_user -= bytes;
        if *of_user == 0 {
            by_user.remove(&user);
        }
    }
}

/// Reserved bytes; released when dropped.
pub struct Held {
    budget: ByteBudget,
    pub(crate) user: UserId,
    bytes: usize,
    /// The part of `bytes` that is kept long.
    long: usize,
}

impl ByteBudget {
    /// Creates a budget. The maxima are raised if necessary, so that one item of `one_bytes_max` always fits.
    pub fn new(of: BudgetKind, all_bytes_max: usize, user_bytes_max: usize, one_bytes_max: usize) -> ByteBudget {
        let (all_bytes_max, user_bytes_max) = (all_bytes_max.max(one_bytes_max), user_bytes_max.max(one_bytes_max));
        ByteBudget { used: Arc::default(), freed: Arc::default(), of, all_bytes_max, user_bytes_max, one_bytes_max }
    }

    /// Reserves `bytes` for this user as soon as they are available. After `at_most`, returns an error that names the
    /// limit. Returns the error at once if requests wait for `WAITING_FACTOR` times a maximum already. If `bytes`
    /// exceeds a maximum, only that maximum is reserved.
    pub async fn wait_for(&self, user: UserId, bytes: usize, at_most: Duration) -> Result<Held, ApiError> {
        let bytes = bytes.min(self.of_user_max(user)).min(self.all_bytes_max);
        let deadline = tokio::time::Instant::now() + at_most;
        let mut waiting = None;
        loop {
            let mut freed = std::pin::pin!(self.freed.notified());
            // Register before the check, so that a release in between is not missed.
            freed.as_mut().enable();
            let mut held = self.hold(user);
            let Err(error) = held.more(bytes) else { return Ok(held) };
            if waiting.is_none() {
                match self.waiting(user, bytes) {
                    None => return Err(error),
                    counted => waiting = counted,
                }
            }
            if tokio::time::timeout_at(deadline, freed).await.is_err() {
                return Err(error);
            }
        }
    }

    /// Empty reservation for this user.
    pub fn hold(&self, user: UserId) -> Held {
        Held { budget: self.clone(), user: user.share(), bytes: 0, long: 0 }
    }

    /// Counts a request that waits. `None`: too many wait already.
    fn waiting(&self, user: UserId, bytes: usize) -> Option<Waiting<'_>> {
        let share = user.share();
        let mut used = self.used();
        let of_user = used.waiting_by_user.get(&share).copied().unwrap_or(0);
        let has_room = used.waiting + bytes <= WAITING_FACTOR * self.all_bytes_max
            && of_user + bytes <= WAITING_FACTOR * self.of_user_max(user);
        has_room.then(|| {
            used.waiting += bytes;
            *used.waiting_by_user.entry(share).or_default() += bytes;
            Waiting { budget: self, user: share, bytes }
        })
    }

    fn of_user_max(&self, user: UserId) -> usize {
        if user.is_guest() { self.user_bytes_max / GUESTS_PART } else { self.user_bytes_max }
    }

    /// The part of this maximum that reservations may keep long. One item always fits.
    fn long_max(&self, bytes_max: usize) -> usize {
        (bytes_max / LONG_PART).max(self.one_bytes_max.min(bytes_max))
    }

    fn used(&self) -> MutexGuard<'_, Used> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    /// Reserves `more` bytes. The error names the limit.
    pub fn more(&mut self, more: usize) -> Result<(), ApiError> {
        let mut used = self.budget.used();
        let of_user = used.by_user.get(&self.user).copied().unwrap_or(0);
        let most = self.budget.of_user_max(self.user);
        if of_user + more > most {
            let detail = match self.budget.of {
                BudgetKind::Bodies => format!("You are sending more than {most} bytes at the same time."),
                BudgetKind::SlowBodies => {
                    format!(
                        "Together, your request bodies that arrive slowly may have {most} bytes. Send one at a time."
                    )
                }
                BudgetKind::Answers => {
                    format!("Together, your open large responses may use {most} bytes. Read them first.")
                }
                BudgetKind::LiveInput => format!(
                    "Together, the unread input of your interactive runs may use {most} bytes. Wait until a program \
                     reads its input, or end a run."
                ),
            };
            return Err(ApiError::new(ErrorKind::RateLimited, detail).retry_after(Duration::from_secs(1)));
        }
        let guests_max = self.budget.all_bytes_max / GUESTS_PART;
        let is_guest = self.user.is_guest();
        if used.all + more > self.budget.all_bytes_max || (is_guest && used.guests + more > guests_max) {
            let detail = match self.budget.of {
                BudgetKind::Bodies => {
                    "The server's memory for request bodies is full. Nothing was accepted; send the request again."
                }
                BudgetKind::SlowBodies => {
                    "The server's memory for request bodies that arrive slowly is full. Nothing was accepted; send the \
                     request again."
                }
                BudgetKind::Answers => "The server's memory for large responses is full. Send the request again.",
                BudgetKind::LiveInput => "The server's memory for unread input is full. Send the input again.",
            };
            return Err(ApiError::new(ErrorKind::Unavailable, detail).retry_after(Duration::from_secs(1)));
        }
        used.all += more;
        used.guests += if is_guest { more } else { 0 };
        *used.by_user.entry(self.user).or_default() += more;
        self.bytes += more;
        Ok(())
    }

    /// Reserves or releases bytes, so that this number of bytes is reserved.
    ///
    /// # Errors
    ///
    /// If there is too little room. The error names the limit; the bytes stay reserved as before.
    pub fn keep_exactly(&mut self, bytes: usize) -> Result<(), ApiError> {
        self.more(bytes.saturating_sub(self.bytes))?;
        self.keep_only(bytes);
        Ok(())
    }

    /// Keeps the reserved bytes for longer than a body needs to arrive or a response needs to be sent: while a program
    /// waits for room, or until the last of several programs has ended.
    ///
    /// # Errors
    ///
    /// If other such reservations leave too little room. The error names the limit; the bytes stay reserved as before.
    pub fn keep_long(&mut self) -> Result<(), ApiError> {
        let more = self.bytes - self.long;
        if more == 0 {
            return Ok(());
        }
        let what = match self.budget.of {
            BudgetKind::Bodies => "requests whose programs wait or run",
            BudgetKind::SlowBodies => "request bodies that arrive slowly",
            BudgetKind::Answers => "unfinished large responses",
            BudgetKind::LiveInput => "interactive runs with unread input",
        };
        let second = Duration::from_secs(1);
        let mut used = self.budget.used();
        let of_user = used.long_by_user.get(&self.user).copied().unwrap_or(0);
        let most = self.budget.long_max(self.budget.of_user_max(self.user));
        if of_user + more > most {
            let detail = format!("Together, your {what} may use {most} bytes. Wait until one has ended.");
            return Err(ApiError::new(ErrorKind::RateLimited, detail).retry_after(second));
        }
        if used.long + more > self.budget.long_max(self.budget.all_bytes_max) {
            let detail = format!("The server's memory for {what} is full. Send the request again.");
            return Err(ApiError::new(ErrorKind::Unavailable, detail).retry_after(second));
        }
        used.long += more;
        *used.long_by_user.entry(self.user).or_default() += more;
        self.long += more;
        Ok(())
    }

    /// Releases all but `bytes`.
    pub fn keep_only(&mut self, bytes: usize) {
        let back = self.bytes.saturating_sub(bytes);
        if back == 0 {
            return;
        }
        self.bytes -= back;
        let long_back = self.long.saturating_sub(self.bytes);
        self.long -= long_back;
        let mut used = self.budget.used();
        used.all -= back;
        used.guests -= if self.user.is_guest() { back } else { 0 };
        used.long -= long_back;
        release(&mut used.by_user, self.user, back);
        release(&mut used.long_by_user, self.user, long_back);
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

    #[test]
    fn guests_of_one_share_have_a_quarter_of_a_user_and_all_guests_a_quarter_of_the_budget() {
        let guest = |n: u128, share: u32| UserId::of_guest(uuid::Uuid::from_u128(n << 40), share);
        let budget = ByteBudget::new(BudgetKind::Bodies, 160, 80, 1);
        let mut one = budget.hold(guest(1, 7));
        one.more(20).unwrap();
        assert_eq!(budget.hold(guest(2, 7)).more(1).unwrap_err().kind(), ErrorKind::RateLimited);
        let mut other = budget.hold(guest(1, 8));
        other.more(20).unwrap();
        assert_eq!(budget.hold(guest(1, 9)).more(1).unwrap_err().kind(), ErrorKind::Unavailable);
        budget.hold(user(1)).more(80).unwrap();
        drop((one, other));
        let left = budget.used();
        assert_eq!((left.all, left.guests), (0, 0));
    }

    fn user(n: u128) -> UserId {
        UserId::from_uuid(uuid::Uuid::from_u128(n))
    }

    #[test]
    fn one_user_cannot_take_the_whole_budget() {
        let budget = ByteBudget::new(BudgetKind::Bodies, 100, 60, 10);
        let (mut a, mut b) = (budget.hold(user(1)), budget.hold(user(2)));
        a.more(60).unwrap();
        assert_eq!(budget.hold(user(1)).more(1).unwrap_err().kind(), ErrorKind::RateLimited);
        b.more(40).unwrap();
        assert_eq!(b.more(1).unwrap_err().kind(), ErrorKind::Unavailable);
        drop(a);
        b.more(20).unwrap();
        drop(b);
        assert_eq!(budget.used().all, 0);
        assert!(budget.used().by_user.is_empty());
    }

    #[tokio::test]
    async fn a_waiting_request_continues_as_soon_as_bytes_are_released() {
        let budget = ByteBudget::new(BudgetKind::Answers, 100, 60, 0);
        let mut first = budget.wait_for(user(1), 1000, Duration::ZERO).await.ok().unwrap();
        assert_eq!(budget.used().all, 60, "a request above the user's maximum counts as the maximum");
        let refused = budget.wait_for(user(1), 1, Duration::ZERO).await.err().unwrap();
        assert_eq!(refused.kind(), ErrorKind::RateLimited);
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

    #[tokio::test]
    async fn a_request_is_refused_at_once_if_others_wait_for_four_times_the_maximum() {
        let budget = ByteBudget::new(BudgetKind::Answers, 1000, 60, 0);
        let first = budget.wait_for(user(1), 60, Duration::ZERO).await.ok().unwrap();
        let wait = |bytes| {
            let budget = budget.clone();
            tokio::spawn(async move { budget.wait_for(user(1), bytes, Duration::from_secs(600)).await.map(drop) })
        };
        let waiting: Vec<_> = (0..4).map(|_| wait(60)).collect();
        tokio::task::yield_now().await;
        let refused = tokio::time::timeout(Duration::from_secs(120), wait(1)).await.expect("no wait").unwrap();
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::RateLimited);
        assert!(budget.wait_for(user(2), 60, Duration::ZERO).await.is_ok(), "others do not wait");
        drop(first);
        for one in waiting {
            assert!(one.await.unwrap().is_ok());
        }
        let left = budget.used();
        assert_eq!((left.waiting, left.waiting_by_user.len()), (0, 0));
    }

    #[test]
    fn reservations_that_are_kept_long_take_at_most_half_of_each_maximum() {
        let budget = ByteBudget::new(BudgetKind::Bodies, 160, 80, 10);
        let long = |n: u128, bytes: usize| {
            let mut held = budget.hold(user(n));
            held.more(bytes).unwrap();
            held.keep_long().map(|()| held).map_err(|error| error.kind())
        };
        let mut one = long(1, 30).ok().unwrap();
        assert_eq!(long(1, 20).err(), Some(ErrorKind::RateLimited));
        let other = (long(1, 10).ok().unwrap(), long(2, 40).ok().unwrap());
        assert_eq!(long(3, 1).err(), Some(ErrorKind::Unavailable));
        budget.hold(user(3)).more(80).unwrap();
        // Of a reservation that is kept long, a part may be released, and further bytes are not kept long at once.
        one.keep_exactly(10).unwrap();
        one.keep_exactly(20).unwrap();
        one.keep_long().unwrap();
        let mut third = long(3, 10).ok().unwrap();
        third.more(70).unwrap();
        assert!(third.keep_long().is_err());
        drop((one, other, third));
        let left = budget.used();
        assert_eq!((left.all, left.long, left.by_user.len(), left.long_by_user.len()), (0, 0, 0, 0));
    }

    #[test]
    fn one_body_always_fits() {
        let budget = ByteBudget::new(BudgetKind::Bodies, 0, 0, 10);
        let mut held = budget.hold(user(1));
        assert!(held.more(10).is_ok() && held.keep_long().is_ok());
    }
}
