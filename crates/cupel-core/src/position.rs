//! Positions of waiting runs in the queue, for the clients that follow them.
//!
//! All clients of this process share one list of the longest-waiting runs. The list is bounded and is read from the
//! store at a bounded rate. So the number of queries does not depend on the number of clients.
//!
//! A position is an estimate, because the queue serves the owners in turn, and weighs priorities and used slot time.
//! Positions are not part of any log. A position counts the runs that became due earlier and use the same language
//! queue. Because the owners take turns, it counts at most one more run of another owner than of the run's own owner.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use cupel_types::{LanguageId, RunId, SubmissionId, UserId};
use jiff::Timestamp;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use crate::event::{Event, EventKind, Seq};
use crate::run::{RunState, SubmissionRecord};
use crate::{AuthenticatedUser, Core, DuePlace, DueRun, Needs, Received, StoreError, Subscription};

/// Maximum number of waiting runs in the list. Runs behind them have no position.
const LISTED_MAX: u32 = 1000;

/// Minimum time between two reads of the list.
const READ_PAUSE: Duration = Duration::from_millis(50);

/// Maximum age of the list from which a position is determined.
const LIST_AGE_MAX: Duration = Duration::from_secs(1);

/// Time between two computations of the position of a waiting run.
const UPDATE_PAUSE: Duration = Duration::from_secs(2);

/// The log of a submission, with its position in the queue while it waits for its first attempt.
pub struct Follow {
    core: Core,
    log: Box<dyn Subscription>,
    /// `None`: the run no longer waits for its first attempt.
    waiting: Option<Waiting>,
    gap: GapState,
    /// An event of the log that is held back until the repeated gap before it has been returned.
    held: Option<Event>,
}

/// The client's knowledge of a gap before the next event of the log. A repeated `queued` is not in the log, so the
/// client must not take it for the event after the gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum GapState {
    /// There is no gap.
    None,
    /// The gap was the last entry.
    Last,
    /// A repeated `queued` followed the gap, so the gap is repeated before the next event.
    Followed,
}

/// An entry of a followed log.
#[derive(Debug)]
pub struct Followed {
    /// The entry.
    pub received: Received,
    /// Position in the queue, from 1, if the event is `queued` and the position is known.
    pub position: Option<u64>,
    /// A language that the run needs and no worker has yet, because workers are pulling its image and have not failed.
    /// Only with a position.
    pub pulling: Option<LanguageId>,
}

/// Why a run waits.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Wait {
    position: u64,
    /// As [`Followed::pulling`].
    pulling: Option<LanguageId>,
}

impl Followed {
    fn new(received: Received, wait: Option<Wait>) -> Followed {
        let (position, pulling) = wait.map(|wait| (wait.position, wait.pulling)).unzip();
        Followed { received, position, pulling: pulling.flatten() }
    }
}

struct Waiting {
    run: WaitingRun,
    /// Number of the last `queued` event that the client has. Updates continue from it.
    last: Seq,
    /// The last position and reason that the client has.
    reported: Option<Wait>,
    updates: Interval,
}

/// A run that was queued at a known time.
#[derive(Debug)]
struct WaitingRun {
    submission: SubmissionId,
    run: RunId,
    owner: UserId,
    language: Option<LanguageId>,
    /// Time at which the store last showed the run as queued.
    queued_at: Timestamp,
}

/// The waiting runs, in the order in which they became due.
#[derive(Debug)]
pub(crate) struct WaitingList {
    read_at: Timestamp,
    runs: Vec<DueRun>,
}

/// The list that all clients share. The holder of the lock reads it for all waiting callers.
pub(crate) type SharedList = tokio::sync::Mutex<Option<Arc<WaitingList>>>;

impl Core {
    /// Like [`Core::watch`], with positions: every `queued` event has the position in the queue, if the position is
    /// known. While the run waits for its first attempt, `queued` is repeated with a larger number whenever the
    /// position has changed, or the workers have pulled the image that the run needs. The repetitions are not in the
    /// log.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub async fn follow(
        &self,
        viewer: &AuthenticatedUser,
        id: SubmissionId,
        after: Seq,
    ) -> Result<Option<Follow>, StoreError> {
        // The time is taken before the submission is read, so that a list that is read later contains the run unless
        // the run has started.
        let now = self.now();
        let Some((record, log)) = self.watch_record(viewer, id, after).await? else { return Ok(None) };
        let waits = matches!(record.state, RunState::Queued { attempts: 0, .. }) && after.attempt() == 0;
        let waiting = waits.then(|| Waiting::new(WaitingRun::of(&record, now), after));
        Ok(Some(Follow { core: self.clone(), log, waiting, gap: GapState::None, held: None }))
    }

    /// Why a run waits; `None`: it does not wait, or is not among the listed runs.
    async fn wait_of(&self, run: &WaitingRun) -> Option<Wait> {
        match self.waiting_list(run).await {
            Ok(list) => self.wait_in(&list, run),
            Err(error) => {
                tracing::debug!(%error, "cannot determine the position of a waiting run");
                None
            }
        }
    }

    /// A list that contains the run if the run waits and is among the first [`LISTED_MAX`]. Exception: a list that was
    /// read less than [`READ_PAUSE`] ago is returned even without the run.
    async fn waiting_list(&self, run: &WaitingRun) -> Result<Arc<WaitingList>, StoreError> {
        let mut shared = self.inner.waiting_list.lock().await;
        let now = self.now();
        if let Some(list) = shared.as_ref() {
            let may_have_it = list.read_at >= run.queued_at || list.runs.iter().any(|due| due.hint.run == run.run);
            let age_max = if may_have_it { LIST_AGE_MAX } else { READ_PAUSE };
            if (list.read_at..list.read_at + age_max).contains(&now) {
                return Ok(Arc::clone(list));
            }
        }
        let runs = self.inner.store.due(now, DuePlace::before(Timestamp::UNIX_EPOCH), LISTED_MAX).await?;
        Ok(Arc::clone(shared.insert(Arc::new(WaitingList { read_at: now, runs }))))
    }

    fn wait_in(&self, list: &WaitingList, run: &WaitingRun) -> Option<Wait> {
        let place = list.runs.iter().position(|due| due.hint.run == run.run);
        let is_complete = list.runs.len() < LISTED_MAX as usize;
        let (before, needs) = match place {
            Some(place) => (&list.runs[..place], list.runs[place].needs.clone()),
            // The run was queued after the list was read, so it is behind all listed runs.
            None if list.read_at < run.queued_at && is_complete => {
                (&list.runs[..], run.language.iter().cloned().collect::<Needs>())
            }
            None => return None,
        };
        let routes = self.inner.language_queues.routes();
        let queue = |needs: &Needs| routes.as_ref().and_then(|routes| routes.language_queue(needs));
        let own = queue(&needs);
        let owners = before.iter().filter(|due| queue(&due.needs) == own).map(|due| due.hint.owner);
        let registry = self.registry();
        let is_pulled = |id: &&LanguageId| registry.get(id).is_some_and(|language| language.is_being_pulled());
        Some(Wait {
            position: position_after(owners, run.owner.share()),
            pulling: needs.iter().find(is_pulled).cloned(),
        })
    }
}

/// The position of an owner's run behind the runs of these owners.
fn position_after(before: impl Iterator<Item = UserId>, owner: UserId) -> u64 {
    let mut counts: HashMap<UserId, u64> = HashMap::new();
    before.for_each(|of| *counts.entry(of).or_default() += 1);
    let own = counts.remove(&owner).unwrap_or(0);
    1 + own + counts.values().map(|others| (*others).min(own + 1)).sum::<u64>()
}

impl WaitingRun {
    fn of(record: &SubmissionRecord, queued_at: Timestamp) -> WaitingRun {
        let submission = &record.submission;
        WaitingRun {
            submission: submission.id,
            run: record.run,
            owner: submission.owner,
            language: submission.language().cloned(),
            queued_at,
        }
    }
}

impl Waiting {
    fn new(run: WaitingRun, after: Seq) -> Waiting {
        // A client that has the event `queued` already gets the current position at once.
        let first = if after == Seq::default() { UPDATE_PAUSE } else { Duration::ZERO };
        let mut updates = interval_at(Instant::now() + first, UPDATE_PAUSE);
        updates.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Waiting { run, last: after, reported: None, updates }
    }

    /// The next `queued` event, if the position or the reason has changed.
    async fn update(&mut self, core: &Core) -> Option<Followed> {
        self.updates.tick().await;
        let wait = core.wait_of(&self.run).await.filter(|wait| self.reported.as_ref() != Some(wait))?;
        let seq = Seq(self.last.0 + 1);
        // The final event must keep the largest number.
        if seq >= Seq::of_end(0) {
            return None;
        }
        (self.last, self.reported) = (seq, Some(wait.clone()));
        let event = Event { submission: self.run.submission, seq, at: core.now(), kind: EventKind::Queued };
        Some(Followed::new(Received::Event(event), Some(wait)))
    }
}

impl Follow {
    /// The next entry; `None`: as [`Subscription::next`].
    pub async fn next(&mut self) -> Option<Followed> {
        let received = match self.held.take() {
            Some(event) => Received::Event(event),
            None => match self.received_or_update().await? {
                Ok(received) => received,
                Err(update) => {
                    if self.gap == GapState::Last {
                        self.gap = GapState::Followed;
                    }
                    return Some(update);
                }
            },
        };
        let received = match received {
            Received::Event(event) if self.gap == GapState::Followed => {
                self.held = Some(event);
                Received::Gap
            }
            other => other,
        };
        self.gap = if matches!(received, Received::Gap) { GapState::Last } else { GapState::None };
        let mut wait = None;
        if let Some(waiting) = &mut self.waiting {
            match &received {
                Received::Event(Event { kind: EventKind::Queued, seq, .. }) if seq.attempt() == 0 => {
                    wait = self.core.wait_of(&waiting.run).await;
                    (waiting.last, waiting.reported) = (*seq, wait.clone());
                }
                Received::Event(_) => self.waiting = None,
                Received::Gap => {}
            }
        }
        Some(Followed::new(received, wait))
    }

    /// The next entry of the log, or (`Err`) a repeated `queued` with a new position.
    async fn received_or_update(&mut self) -> Option<Result<Received, Followed>> {
        let Some(waiting) = &mut self.waiting else { return self.log.next().await.map(Ok) };
        // If the position has not changed, the same future is polled again. A new future would restart its wait for the
        // bus, so it would never query the store for an end that was not announced.
        let mut next = self.log.next();
        loop {
            tokio::select! {
                biased;
                received = &mut next => return received.map(Ok),
                update = waiting.update(&self.core) => if let Some(update) = update {
                    return Some(Err(update));
                },
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_position_counts_at_most_one_more_run_of_another_owner_than_of_the_own_owner() {
        let user = |n| UserId::from_uuid(uuid::Uuid::from_u128(n));
        let place = |before: &[u128]| position_after(before.iter().map(|n| user(*n)), user(1));
        assert_eq!(place(&[]), 1);
        assert_eq!(place(&[2]), 2);
        assert_eq!(place(&[1, 1]), 3);
        assert_eq!(place(&[2, 2, 2, 2]), 2, "the owners take turns");
        assert_eq!(
            place(&[2, 2, 2, 1, 3]),
            5,
            "two runs of owner 2, one of owner 3 and one of the same owner come first"
        );
    }
}
