//! A queue at a broker: fairness is decided here, before the broker, which holds a bounded window.
//!
//! ```text
//!  publish ─► line ──feeder──► broker: a window of each class ──fetcher──► arrived ─► next ─► settle ──settler──► broker
//!            (fair, bounded)   (all nodes' hints, first come)  (8 : 4 : 1)
//! ```
//!
//! - **The line** is this process's own. What it publishes waits there, tenants by the slot time they used, until the broker has room: fewer than
//!   `window` hints of a class that nobody has taken, all nodes together. So at a broker that knows neither tenants nor
//!   bounds, a tenant's million hints are ahead of another's single one by a window at most, and every class has a window of its
//!   own, so that none is shut out by another.
//! - **The feeder** moves hints from the line to the broker, in batches, several under way. A batch that fails is tried again: a
//!   hint may come twice, none is forgotten.
//! - **The fetcher** takes as many hints as takers wait here, never more: what a busy node holds, an idle one cannot have. Classes
//!   get their shares there.
//! - **The settler** tells the broker what is done with, in batches, behind everybody's back: a hint that is not settled comes
//!   again, and then its run is found to be leased.
//! - **The keeper** holds the connection. When anything fails it is given up, and another one made, with pauses that grow; the
//!   broker's objects are made again with it, so that a broker that lost everything goes on. Meanwhile hints wait in the line, and
//!   takers wait. `health` says so.
//!
//! A hint in the line of a node that dies is lost; the store has the run, and the sweeper of another node finds that the line and
//! the broker have fewer hints than runs wait. Doubles of what waits in the line, or was moved to the broker a moment ago, are
//! refused ([`recent`]); other doubles do no harm.

mod feeder;
mod fetcher;
mod gauge;
mod keeper;
mod recent;
mod settler;
mod state;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use async_trait::async_trait;
use cupel_core::{Hinted, Queue, QueueError, RunHint};
use cupel_types::{LanguageId, UserId};
use futures_util::future::{BoxFuture, join, join_all};
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::ConnectError;
use crate::broker::{Broker, BrokerError, Fault, Link, Settled};
use keeper::Keeper;
use state::{State, Unsettled};

/// How long a broker may take to answer before its connection is given up.
pub(crate) const ANSWER_MAX: Duration = Duration::from_secs(5);
/// How long [`Link::wait`] waits at most before somebody looks by himself.
pub(crate) const WAIT_MAX: Duration = Duration::from_secs(2);
/// How long the last words on a connection may take, at the end or before it is given up for another.
const LAST_WORDS_MAX: Duration = Duration::from_secs(1);
/// How long who publishes waits for a word of how much there is.
const LOOK_MAX: Duration = Duration::from_millis(250);
/// How many hints [`Queue::next_other`] looks past, and for how long it looks.
const LOOK_PAST_MAX: usize = 8;
const LOOK_PAST_FOR: Duration = Duration::from_millis(100);
/// How long a look that found nothing holds. Looking costs the slot time, and the broker what is put back.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(1);
/// Settlements that may wait to be told. One more is not told: its hint comes again.
const SETTLING_MAX: usize = 10_000;

/// A queue at a broker.
pub(crate) struct BrokeredQueue {
    shared: Arc<Shared>,
    make_lane: MakeLane,
    /// Those that were made, which end with it.
    lanes: Mutex<Vec<Weak<dyn Queue>>>,
}

/// Makes the queue of a lane at the same broker.
pub(crate) type MakeLane =
    Box<dyn Fn(&LanguageId) -> BoxFuture<'static, Result<Arc<dyn Queue>, ConnectError>> + Send + Sync>;

struct Shared {
    /// How many hints of a class may be ready at the broker.
    window: usize,
    depth_max: usize,
    state: Mutex<State>,
    keeper: Keeper,
    /// Rung for the feeder when the line has got something.
    feed: Notify,
    /// Rung for the fetcher when somebody begins to wait.
    fetch: Notify,
    /// Rung for one taker for each hint that has arrived, for all at the end.
    bell: Notify,
    settling: mpsc::Sender<(Arc<dyn Link>, Settled)>,
    /// The last look past owners that found nobody else's hint: whose hints it looked past, and until when it holds.
    nobody_else: Mutex<Option<(Vec<UserId>, tokio::time::Instant)>>,
    /// One at a time asks the broker how much it has.
    reading: tokio::sync::Mutex<()>,
    end: CancellationToken,
    /// What runs until then.
    tasks: TaskTracker,
}

impl BrokeredQueue {
    /// A queue at a broker that can be reached.
    ///
    /// # Errors
    /// When it cannot, the first time.
    pub(crate) async fn start(
        broker: impl Broker,
        make_lane: MakeLane,
        window: usize,
        depth_max: usize,
    ) -> Result<BrokeredQueue, BrokerError> {
        let first = in_time("connect", keeper::CONNECT_MAX, broker.connect()).await?;
        let (settling, settled) = mpsc::channel(SETTLING_MAX);
        let (keeper, breaks) = Keeper::new(first);
        let shared = Arc::new(Shared {
            window,
            depth_max,
            state: Mutex::default(),
            keeper,
            feed: Notify::new(),
            fetch: Notify::new(),
            bell: Notify::new(),
            settling,
            nobody_else: Mutex::default(),
            reading: tokio::sync::Mutex::default(),
            end: CancellationToken::new(),
            tasks: TaskTracker::new(),
        });
        let tasks = &shared.tasks;
        tasks.spawn(keeper::keep(Arc::clone(&shared), broker, breaks));
        tasks.spawn(feeder::feed(Arc::clone(&shared)));
        tasks.spawn(fetcher::fetch(Arc::clone(&shared)));
        tasks.spawn(settler::settle(Arc::clone(&shared), settled));
        tasks.close();
        Ok(BrokeredQueue { shared, make_lane, lanes: Mutex::default() })
    }

    fn lanes(&self) -> Vec<Arc<dyn Queue>> {
        let lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        lanes.iter().filter_map(Weak::upgrade).collect()
    }
}

impl Drop for BrokeredQueue {
    fn drop(&mut self) {
        self.shared.close();
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing in there panics halfway, so a poisoned lock guards sound data.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn nobody_else(&self) -> MutexGuard<'_, Option<(Vec<UserId>, tokio::time::Instant)>> {
        self.nobody_else.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn close(&self) {
        self.state().closed = true;
        self.end.cancel();
        self.bell.notify_waiters();
    }

    /// Sees to it that what is known of the broker is fresh, or that there is nothing fresher to be known soon: who publishes
    /// does not wait for a broker that hangs.
    async fn look(&self) {
        let in_time = tokio::time::timeout(LOOK_MAX, self.read_if_older(gauge::FRESH)).await.is_ok();
        if !in_time || self.keeper.link().is_none() {
            self.state().gauge.touch();
        }
    }

    /// Asks the broker how much it has, unless it was asked since `than` ago. What is not known stays as it was.
    async fn read_if_older(&self, than: Duration) {
        let _one = self.reading.lock().await;
        if !self.state().gauge.is_older(than) {
            return;
        }
        let Some(link) = self.keeper.link() else { return };
        match in_time("ask how much waits", ANSWER_MAX, link.ready()).await {
            Ok(ready) => self.state().gauge.read(ready),
            Err(error) => self.keeper.broke(&link, error),
        }
    }
}

#[async_trait]
impl Queue for BrokeredQueue {
    async fn publish(&self, hints: &[RunHint]) -> Result<(), QueueError> {
        let shared = &*self.shared;
        loop {
            {
                let mut state = shared.state();
                if state.closed {
                    return Err(QueueError::Closed);
                }
                let more = hints.iter().filter(|hint| !state.is_known(hint.run)).count();
                if state.depth() + more <= shared.depth_max {
                    for hint in hints {
                        if !state.is_known(hint.run) {
                            state.line.push(*hint);
                        }
                    }
                    break;
                }
                if !state.gauge.is_older(gauge::FRESH) {
                    return Err(QueueError::Full { depth_max: shared.depth_max });
                }
            }
            // Others may have taken some since it was asked.
            shared.look().await;
        }
        // A hint of somebody else's ends what the last look found.
        shared.nobody_else().take_if(|(not, _)| hints.iter().any(|hint| !not.contains(&hint.owner)));
        shared.feed.notify_one();
        Ok(())
    }

    async fn next(&self) -> Result<Hinted, QueueError> {
        let shared = &*self.shared;
        let mut waiting = None;
        loop {
            let ring = shared.bell.notified();
            tokio::pin!(ring);
            ring.as_mut().enable();
            {
                let mut state = shared.state();
                if state.closed {
                    return Err(QueueError::Closed);
                }
                if let Some(hinted) = state.hand_out() {
                    // In the same moment, so that nothing is taken for who has got something.
                    if let Some(waiting) = waiting.take() {
                        state.waiting -= 1;
                        std::mem::forget::<Waiting>(waiting);
                    }
                    if state.has_arrived() {
                        // A ring may have been for several hints: whoever wakes wakes the next.
                        shared.bell.notify_one();
                    }
                    return Ok(hinted);
                }
            }
            waiting.get_or_insert_with(|| Waiting::new(shared));
            ring.await;
        }
    }

    /// Owners are not known at the broker: what is not wanted is taken and goes behind everything that its owner has here.
    async fn next_other(&self, not: &[UserId]) -> Result<Option<Hinted>, QueueError> {
        let holds = |(past, until): &(Vec<UserId>, tokio::time::Instant)| {
            tokio::time::Instant::now() < *until && past.iter().all(|owner| not.contains(owner))
        };
        if self.shared.nobody_else().as_ref().is_some_and(holds) {
            return Ok(None);
        }
        self.shared.look().await;
        if self.shared.state().is_empty() {
            return Ok(None);
        }
        let until = tokio::time::Instant::now() + LOOK_PAST_FOR;
        let mut past = Vec::new();
        let found = loop {
            match tokio::time::timeout_at(until, self.next()).await {
                Ok(Ok(hinted)) if not.contains(&hinted.hint.owner) => past.push(hinted),
                Ok(found) => break found.map(Some),
                Err(_) => break Ok(None),
            }
            if past.len() == LOOK_PAST_MAX {
                break Ok(None);
            }
        };
        for hinted in past {
            {
                let mut state = self.shared.state();
                // It was in the queue before, so there is room for it.
                if !state.is_known(hinted.hint.run) {
                    state.line.push(hinted.hint);
                }
            }
            self.settle(hinted).await?;
        }
        self.shared.feed.notify_one();
        if matches!(found, Ok(None)) {
            *self.shared.nobody_else() = Some((not.to_vec(), tokio::time::Instant::now() + LOOK_AGAIN_AFTER));
        }
        found
    }

    fn charge(&self, owner: UserId, time: Duration) {
        self.shared.state().line.charge(owner, time);
    }

    async fn settle(&self, hinted: Hinted) -> Result<(), QueueError> {
        let settled = self.shared.state().settle(hinted.token);
        // One from a connection that is gone cannot be settled, and need not be.
        if let Some(Unsettled { link, settled }) = settled
            && let Some(link) = link.upgrade()
            && self.shared.settling.try_send((link, settled)).is_err()
        {
            tracing::debug!("too many hints wait to be settled; this one will come again");
        }
        Ok(())
    }

    async fn depth(&self) -> Result<usize, QueueError> {
        self.shared.look().await;
        Ok(self.shared.state().depth())
    }

    async fn depth_of(&self, owner: UserId) -> Result<usize, QueueError> {
        Ok(self.shared.state().depth_of(owner))
    }

    fn depth_max(&self) -> usize {
        self.shared.depth_max
    }

    fn health(&self) -> Result<(), String> {
        self.shared.keeper.health()
    }

    async fn lane(&self, language: &LanguageId) -> Result<Arc<dyn Queue>, QueueError> {
        let lane = (self.make_lane)(language).await.map_err(|error| QueueError::Unreachable(error.into()))?;
        {
            let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
            lanes.retain(|lane| lane.strong_count() > 0);
            lanes.push(Arc::downgrade(&lane));
        }
        // Who closed it before did not see this one.
        if self.shared.state().closed {
            lane.close();
            return Err(QueueError::Closed);
        }
        Ok(lane)
    }

    fn close(&self) {
        self.shared.close();
        for lane in self.lanes() {
            lane.close();
        }
    }

    async fn gone(&self) {
        let lanes = self.lanes();
        let lanes = join_all(lanes.iter().map(|lane| lane.gone()));
        // The settler may be waiting for a broker that hangs; what it has to say can be left out.
        let own = tokio::time::timeout(ANSWER_MAX, self.shared.tasks.wait());
        let _ = join(own, lanes).await;
    }
}

/// Somebody who waits for a hint, for as long as this lives.
struct Waiting<'a>(&'a Shared);

impl Waiting<'_> {
    fn new(shared: &Shared) -> Waiting<'_> {
        shared.state().waiting += 1;
        shared.fetch.notify_one();
        Waiting(shared)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.state().waiting -= 1;
    }
}

/// What takes longer has failed.
async fn in_time<T>(
    doing: &'static str,
    time: Duration,
    what: impl Future<Output = Result<T, BrokerError>>,
) -> Result<T, BrokerError> {
    match tokio::time::timeout(time, what).await {
        Ok(result) => result,
        Err(_) => Err(BrokerError::new(doing, Fault::Unreachable, format!("no answer for {} s", time.as_secs()))),
    }
}
