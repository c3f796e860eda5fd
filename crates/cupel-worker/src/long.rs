//! Long runs: those that may occupy a slot for longer than `worker.long_step` without interruption.
//!
//! A step is not interrupted for other runs, so programs that sleep could hold every slot of the worker. Therefore,
//! until the worker shuts down, long runs together use at most all slots but one. With a single slot no slot can be
//! reserved for short runs, so long runs only take turns with them between steps. A live run does not use a single slot
//! if the worker has interactive slots (`interactive.rs`): it waits for one of these.
//!
//! Two kinds of runs are long regardless of their limits: a live run that gets no interactive slot (`interactive.rs`),
//! because it waits for its client, and the verification of a package, whose programs may take a minute each.
//!
//! A worker leases a run before it knows whether the run is long. If no slot is free for a long run, the run waits in
//! this worker, and short runs behind it in the queue overtake it. After five seconds, or at once if too many wait, it
//! is returned to the store, which offers it to all workers after a second (`waiting.rs`). The run loses no attempt. If
//! a worker returns many runs of one owner at once, the store offers them one after another, so that the number of
//! leases and writes per second does not grow with the number of runs.
//!
//! The queue does not know which runs are long, so its fairness does not extend to the slots for them: an owner with
//! many long runs would have most of the places in which they wait. So one run of each owner waits here, and the next
//! turn goes to the owner whose last turn is longest ago.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use cupel_core::Assignment;
use cupel_languages::Language;
use cupel_types::{LimitsRequest, SubmissionKind, UserId};
use tokio::sync::{Semaphore, SemaphorePermit, watch};

use crate::interactive::{is_live, share_of};

/// The slots that long runs may occupy, and the long runs that wait for one.
#[derive(Debug)]
pub(crate) struct LongRuns {
    long_step: Duration,
    /// Whether live runs may use these slots.
    may_be_live: bool,
    /// One permit per slot that long runs may occupy. First come, first served.
    slots: Semaphore,
    /// Runs that have not begun.
    waiting: Mutex<Waiting<Arc<Assignment>>>,
    waiting_max: usize,
    /// Number of waiting runs.
    count: watch::Sender<usize>,
}

/// Number of long runs that may wait in a worker with few slots, each of another owner, so that after the long run of
/// one owner, the short turns of several others can follow.
const WAITING_MIN: usize = 8;

/// The long runs that wait, and the turns that their owners had.
#[derive(Debug)]
struct Waiting<T> {
    /// The share ([`UserId::share`]) of each run.
    runs: VecDeque<(UserId, T)>,
    /// Number of the last turn of each share.
    turns: HashMap<UserId, u64>,
    turn: u64,
    /// When the store offers the last of the runs of a share that were refused.
    offers: HashMap<UserId, Instant>,
}

/// Number of shares whose last turn, or last offer, is remembered. When there are more, all are forgotten.
const TURNS_MAX: usize = 4096;

/// How long the store waits before it offers a given-back long run again.
pub(crate) const PAUSE: Duration = Duration::from_secs(1);

/// Time between the offers of two refused runs of a share.
const OFFER_PAUSE: Duration = Duration::from_millis(250);

/// Maximum time until a refused run is offered again.
const OFFER_PAUSE_MAX: Duration = Duration::from_mins(1);

impl<T> Waiting<T> {
    fn new() -> Waiting<T> {
        Waiting { runs: VecDeque::new(), turns: HashMap::new(), turn: 0, offers: HashMap::new() }
    }

    /// Returns `false` if `most` runs wait, or one of the same share.
    fn push(&mut self, share: UserId, run: T, most: usize) -> bool {
        let has_room = self.runs.len() < most && self.runs.iter().all(|(other, _)| *other != share);
        if has_room {
            self.runs.push_back((share, run));
        }
        has_room
    }

    /// How long the store waits before it offers a refused run of this share again.
    fn pause(&mut self, share: UserId, now: Instant) -> Duration {
        if self.offers.len() >= TURNS_MAX {
            self.offers.clear();
        }
        let after_last = self.offers.get(&share).map(|last| *last + OFFER_PAUSE);
        let at = after_last.unwrap_or(now).clamp(now + PAUSE, now + OFFER_PAUSE_MAX);
        self.offers.insert(share, at);
        at - now
    }

    /// Takes the first run that satisfies `suits`.
    fn take(&mut self, suits: impl Fn(&T) -> bool) -> Option<T> {
        let at = self.runs.iter().position(|(_, run)| suits(run))?;
        self.runs.remove(at).map(|(_, run)| run)
    }

    /// Takes, for its turn, the run that satisfies `suits` and whose share had its last turn longest ago.
    fn take_for_turn(&mut self, suits: impl Fn(&T) -> bool) -> Option<T> {
        let suitable = self.runs.iter().enumerate().filter(|(_, (_, run))| suits(run));
        let (at, _) = suitable.min_by_key(|(_, (share, _))| self.turns.get(share).copied())?;
        let (share, run) = self.runs.remove(at)?;
        if self.turns.len() >= TURNS_MAX {
            self.turns.clear();
        }
        self.turn += 1;
        self.turns.insert(share, self.turn);
        Some(run)
    }
}

/// A long run's turn; ends on drop.
pub(crate) type LongTurn<'a> = SemaphorePermit<'a>;

impl LongRuns {
    pub(crate) fn new(slots: usize, interactive_slots: usize, long_step: Duration) -> LongRuns {
        LongRuns {
            long_step,
            may_be_live: slots > 1 || interactive_slots == 0,
            slots: Semaphore::new(slots.saturating_sub(1).max(1)),
            waiting: Mutex::new(Waiting::new()),
            waiting_max: slots.max(WAITING_MIN),
            count: watch::Sender::new(0),
        }
    }

    /// Whether a program with these requested limits may occupy a slot for long: longer than `long_step`, and longer
    /// than its language allows by default.
    pub(crate) fn is_long(&self, limits: LimitsRequest, language: &Language) -> bool {
        limits.over(language.limits).wall_time > self.long_step.max(language.limits.wall_time)
    }

    /// Begins a new run, unless it must wait for an interactive slot or no turn can begin.
    pub(crate) fn try_begin(&self, assignment: &Arc<Assignment>) -> Option<LongTurn<'_>> {
        if self.may_use_slot(assignment) { self.try_turn() } else { None }
    }

    /// Begins a long run's turn, unless all slots for long runs are in use or other long runs wait for one.
    pub(crate) fn try_turn(&self) -> Option<LongTurn<'_>> {
        self.slots.try_acquire().ok()
    }

    fn may_use_slot(&self, assignment: &Arc<Assignment>) -> bool {
        self.may_be_live || !is_live(assignment)
    }

    /// Begins a long run's turn as soon as possible.
    pub(crate) async fn begin(&self) -> LongTurn<'_> {
        match self.slots.acquire().await {
            Ok(turn) => turn,
            // The semaphore is never closed.
            Err(_) => std::future::pending().await,
        }
    }

    /// Waits until a waiting run can have a turn, and takes it.
    pub(crate) async fn next(&self) -> (Arc<Assignment>, LongTurn<'_>) {
        let mut count = self.count.subscribe();
        loop {
            // The sender exists as long as `self`, so this never fails.
            drop(count.wait_for(|count| *count > 0).await);
            let turn = self.begin().await;
            if let Some(assignment) = self.take_for_turn(|waiting| self.may_use_slot(waiting)) {
                return (assignment, turn);
            }
            drop(turn);
            // Another slot took the run, or only live runs wait, which must not use this slot.
            drop(count.changed().await);
        }
    }

    /// Takes a waiting run that satisfies `suits`, if it can have a turn at once.
    pub(crate) fn try_next(&self, suits: impl Fn(&Arc<Assignment>) -> bool) -> Option<(Arc<Assignment>, LongTurn<'_>)> {
        let turn = self.try_turn()?;
        Some((self.take_for_turn(|waiting| self.may_use_slot(waiting) && suits(waiting))?, turn))
    }

    /// Takes, for its turn, the waiting run that satisfies `suits` and whose owner's last turn is longest ago.
    pub(crate) fn take_for_turn(&self, suits: impl Fn(&Arc<Assignment>) -> bool) -> Option<Arc<Assignment>> {
        let mut waiting = self.waiting();
        let assignment = waiting.take_for_turn(suits);
        self.count(&waiting);
        assignment
    }

    /// Takes the first waiting run that satisfies `suits`.
    pub(crate) fn take_of(&self, suits: impl Fn(&Arc<Assignment>) -> bool) -> Option<Arc<Assignment>> {
        let mut waiting = self.waiting();
        let assignment = waiting.take(suits);
        self.count(&waiting);
        assignment
    }

    /// Lets a run wait. If too many wait, or one of the same owner, returns how long the store waits before it offers
    /// the run again.
    pub(crate) fn push(&self, assignment: Arc<Assignment>) -> Result<(), Duration> {
        let mut waiting = self.waiting();
        let share = share_of(&assignment);
        let has_room = waiting.push(share, assignment, self.waiting_max);
        self.count(&waiting);
        if has_room { Ok(()) } else { Err(waiting.pause(share, Instant::now())) }
    }

    /// Number of waiting runs.
    #[cfg(test)]
    pub(crate) fn waiting_count(&self) -> usize {
        *self.count.borrow()
    }

    /// Publishes the number of waiting runs, if it has changed.
    fn count(&self, waiting: &Waiting<Arc<Assignment>>) {
        self.count.send_if_modified(|count| std::mem::replace(count, waiting.runs.len()) != waiting.runs.len());
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting<Arc<Assignment>>> {
        // Each change is a single call, so the data are consistent even if the lock is poisoned.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether runs of this kind are long regardless of their limits. The program of a live run may wait for its client at
/// any time. A verification runs programs of a package that has not been tried yet, each of which may take a minute
/// (Kattis, `validation_time`).
pub(crate) fn is_always_long(kind: &SubmissionKind) -> bool {
    kind.is_live() || matches!(kind, SubmissionKind::Verify(_))
}

#[cfg(test)]
mod tests {
    use cupel_testkit::registry;
    use cupel_types::{ContentHash, ProblemId, ProblemVersion};

    use super::*;

    #[test]
    fn the_next_turn_goes_to_the_owner_whose_last_turn_is_longest_ago() {
        let [many, one, other] = [1, 2, 3].map(|n| UserId::from_uuid(uuid::Uuid::from_u128(n)));
        let mut waiting = Waiting::new();
        assert!(waiting.push(many, "many 1", 2));
        assert!(!waiting.push(many, "many 2", 2), "one run of each owner waits");
        assert_eq!(waiting.take_for_turn(|_| true), Some("many 1"));
        assert!(waiting.push(many, "many 2", 2) && waiting.push(one, "one 1", 2));
        assert!(!waiting.push(other, "other 1", 2), "no more than the maximum wait");
        assert_eq!(waiting.take_for_turn(|_| true), Some("one 1"));
        assert!(waiting.push(one, "one 2", 2));
        assert_eq!(waiting.take_for_turn(|run| *run != "many 2"), Some("one 2"));
        assert_eq!(waiting.take(|_| true), Some("many 2"), "a run that gave up its place had no turn");
        assert!(waiting.push(one, "one 3", 2) && waiting.push(many, "many 3", 2));
        assert_eq!(waiting.take_for_turn(|_| true), Some("many 3"));
    }

    /// Regression: each of an owner's refused runs was leased and given back every second.
    #[test]
    fn refused_runs_of_one_owner_are_offered_one_after_another() {
        let [many, one] = [1, 2].map(|n| UserId::from_uuid(uuid::Uuid::from_u128(n)));
        let mut waiting = Waiting::<()>::new();
        let now = Instant::now();
        let pauses: Vec<_> = (0..5).map(|_| waiting.pause(many, now).as_millis()).collect();
        assert_eq!(pauses, [1000, 1250, 1500, 1750, 2000]);
        assert_eq!(waiting.pause(one, now), PAUSE);
        assert_eq!(waiting.pause(many, now + Duration::from_millis(900)).as_millis(), 1350);
        assert_eq!(waiting.pause(many, now + Duration::from_secs(9)), PAUSE);
        let last = (0..1000).map(|_| waiting.pause(many, now)).last();
        assert_eq!(last, Some(OFFER_PAUSE_MAX));
    }

    #[test]
    fn a_verification_is_long() {
        let version = ProblemVersion {
            problem: ProblemId::from_uuid(uuid::Uuid::nil()),
            package: ContentHash::from_bytes([0; 32]),
        };
        assert!(is_always_long(&SubmissionKind::Verify(version)));
    }

    #[test]
    fn a_run_is_long_above_both_the_long_step_and_the_default_of_its_language() {
        let registry = registry();
        let language = registry.get(&"python".parse().unwrap()).unwrap();
        let default = language.limits.wall_time;
        let second = Duration::from_secs(1);
        let with = |wall_time| LimitsRequest { wall_time: Some(wall_time), ..LimitsRequest::default() };
        let long = |long_step, limits| LongRuns::new(2, 0, long_step).is_long(limits, language);
        assert!(!long(second, LimitsRequest::default()));
        assert!(long(second, with(default + second)));
        assert!(!long(default + second, with(default + second)));
        assert!(long(default + second, with(default + 2 * second)));
        // More CPU time raises the wall-clock limit.
        let more = LimitsRequest { cpu_time: Some(language.limits.cpu_time + second), ..LimitsRequest::default() };
        assert!(long(second, more));
    }
}
