//! A queue at a broker. Fairness is decided on the node, before hints reach the broker, which holds only a bounded
//! window of hints.
//!
//! ```text
//!  publish ─► line ──feeder──► broker: a window of each class ──fetcher──► arrived ─► next ─► settle ──settler──► broker
//!            (fair, bounded)   (all nodes' hints, first come)  (8 : 4 : 1)
//! ```
//!
//! - **The line** is local to this process. Published hints wait in it, ordered between owners by slot time
//!   (`line.rs`), until the broker has room for their class. The broker has room while fewer than `window` hints of the
//!   class, from all nodes together, wait there. The broker itself does not distinguish owners and has no bound.
//!   Because of the window, one owner's million hints delay another owner's single hint by about one window; by more if
//!   several nodes fill the window at the same time (`gauge.rs`). Each class has a separate window, so no class blocks
//!   another.
//! - **The feeder** moves hints from the line to the broker, in batches, several at a time. A batch that fails is
//!   retried: a hint may be duplicated, but none is lost.
//! - **The fetcher** requests at most as many hints from the broker as there are waiting takers, because a hint held by
//!   a busy node is not available to an idle node. Hints that a broker delivers beyond that number are given back when
//!   no taker waits. The fetcher divides the hints between classes by weight.
//! - **The settler** acknowledges hints at the broker, in batches, in the background. A hint that is not acknowledged
//!   is redelivered; the taker then finds that its run is leased.
//! - **The keeper** holds the connection. When an operation fails, the keeper drops the connection and opens another
//!   one, with exponential backoff (`keeper.rs`). Connecting creates the broker's objects again, so the queue survives
//!   a broker that lost everything. Meanwhile hints wait in the line, takers wait, and `health` reports the outage. A
//!   broker that is full refuses hints and still delivers, so its connection is kept and the feeder retries.
//!
//! If a node dies, the hints in its line are lost. The store has the runs, and the sweeper of another node detects that
//! more runs wait than there are hints in its line and at the broker. Duplicates of hints that are in the line or were
//! recently passed to the broker are rejected ([`recent`]); other duplicates do no harm.

mod feeder;
mod fetcher;
mod gauge;
mod keeper;
mod recent;
mod settler;
mod state;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use async_trait::async_trait;
use cupel_core::{Hinted, Queue, QueueError, RunHint};
use cupel_types::{LanguageId, UserId};
use futures_util::future::{BoxFuture, join, join_all};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::broker::{Broker, BrokerError, BrokerFault, Link, Settled};
use crate::error::ConnectError;
use keeper::Keeper;
use state::{State, Unsettled};

/// Timeout of an operation on the broker; after it the connection is dropped.
pub(crate) const ANSWER_MAX: Duration = Duration::from_secs(5);
/// Maximum time that [`Link::wait`] waits; then the fetcher polls.
pub(crate) const WAIT_MAX: Duration = Duration::from_secs(2);
/// Timeout for disconnecting cleanly, at the end or before the connection is replaced.
const LEAVE_MAX: Duration = Duration::from_secs(1);
/// Maximum time that a publisher waits for the broker's count of hints.
const LOOK_MAX: Duration = Duration::from_millis(250);
/// Maximum number of hints that [`Queue::next_other`] skips.
const SKIPPED_MAX: usize = 8;
/// Maximum duration of one call of [`Queue::next_other`].
const LOOK_PAST_FOR: Duration = Duration::from_millis(100);
/// How long a fruitless [`Queue::next_other`] is remembered. Each such call delays an idle slot, and makes the broker
/// deliver hints that are then put back.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(1);
/// Maximum number of pending acknowledgements. Further acknowledgements are dropped, and their hints are redelivered.
const SETTLING_MAX: usize = 10_000;

/// A queue at a broker, with local fairness.
pub(crate) struct BrokeredQueue {
    shared: Arc<Shared>,
    make_language_queue: MakeLanguageQueue,
    /// The language queues that were created; they close with this queue.
    language_queues: Mutex<Vec<Weak<dyn Queue>>>,
}

/// Creates a language queue at the same broker.
pub(crate) type MakeLanguageQueue =
    Box<dyn Fn(&LanguageId) -> BoxFuture<'static, Result<Arc<dyn Queue>, ConnectError>> + Send + Sync>;

struct Shared {
    /// Maximum number of ready hints per class at the broker.
    window: usize,
    depth_max: usize,
    state: Mutex<State>,
    keeper: Keeper,
    /// Wakes the feeder when the line has received hints.
    feed: Notify,
    /// Wakes the fetcher when a taker begins to wait.
    fetch: Notify,
    /// Wakes a taker when hints have arrived (it wakes the next one if more hints are left), and all takers when the
    /// queue closes.
    bell: Notify,
    settling: mpsc::Sender<(Arc<dyn Link>, Settled)>,
    /// The last fruitless [`Queue::next_other`]: the owners that it excluded, and the time until which the result is
    /// valid.
    no_other_owner: Mutex<Option<(Vec<UserId>, tokio::time::Instant)>>,
    /// Serialises reads of the broker's count.
    reading: tokio::sync::Mutex<()>,
    end: CancellationToken,
    /// Background tasks, which run until `end` is cancelled.
    tasks: TaskTracker,
}

impl BrokeredQueue {
    /// Connects to the broker and starts the queue's tasks. `name` identifies the queue in the log.
    ///
    /// # Errors
    /// If the first connection fails.
    pub(crate) async fn start(
        name: String,
        broker: impl Broker,
        make_language_queue: MakeLanguageQueue,
        window: usize,
        depth_max: usize,
    ) -> Result<BrokeredQueue, BrokerError> {
        let first = in_time("connect", keeper::CONNECT_MAX, broker.connect()).await?;
        let (settling, settled) = mpsc::channel(SETTLING_MAX);
        let (keeper, breaks) = Keeper::new(name, first);
        let shared = Arc::new(Shared {
            window,
            depth_max,
            state: Mutex::default(),
            keeper,
            feed: Notify::new(),
            fetch: Notify::new(),
            bell: Notify::new(),
            settling,
            no_other_owner: Mutex::default(),
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
        Ok(BrokeredQueue { shared, make_language_queue, language_queues: Mutex::default() })
    }

    fn language_queues(&self) -> Vec<Arc<dyn Queue>> {
        let language_queues = self.language_queues.lock().unwrap_or_else(PoisonError::into_inner);
        language_queues.iter().filter_map(Weak::upgrade).collect()
    }
}

impl Drop for BrokeredQueue {
    fn drop(&mut self) {
        self.shared.close();
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // No critical section can panic between two changes, so the data are consistent even if the lock is poisoned.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn no_other_owner(&self) -> MutexGuard<'_, Option<(Vec<UserId>, tokio::time::Instant)>> {
        self.no_other_owner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn close(&self) {
        self.state().closed = true;
        self.end.cancel();
        self.bell.notify_waiters();
    }

    /// Acknowledges a hint in the background.
    fn settle(&self, token: u64) {
        let settled = self.state().settle(token);
        // A delivery of a lost connection cannot be acknowledged; the broker redelivers it.
        if let Some(Unsettled { link, settled }) = settled
            && let Some(link) = link.upgrade()
            && let Err(TrySendError::Full(_)) = self.settling.try_send((link, settled))
        {
            tracing::debug!("too many acknowledgements are pending; the broker will redeliver this hint");
        }
    }

    /// Refreshes the count of hints at the broker if it is stale. If the broker does not answer in time, the old count
    /// is marked fresh, so that publishers do not wait for a broker that hangs.
    async fn look(&self) {
        let in_time = tokio::time::timeout(LOOK_MAX, self.read_if_older(gauge::FRESH)).await.is_ok();
        if !in_time || self.keeper.link().is_none() {
            self.state().gauge.touch();
        }
    }

    /// Reads the broker's count unless the last reading is younger than `than`. On failure the old count stays.
    async fn read_if_older(&self, than: Duration) {
        let _one = self.reading.lock().await;
        if !self.state().gauge.is_older(than) {
            return;
        }
        let Some(link) = self.keeper.link() else { return };
        match in_time("count hints", ANSWER_MAX, link.ready()).await {
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
            // Other nodes may have taken hints since the last reading.
            shared.look().await;
        }
        // A hint of another owner invalidates the last fruitless `next_other`.
        shared.no_other_owner().take_if(|(not, _)| hints.iter().any(|hint| !not.contains(&hint.owner)));
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
                    // Under the same lock, so that the fetcher takes no hint for a taker that already has one.
                    if let Some(waiting) = waiting.take() {
                        state.waiting -= 1;
                        std::mem::forget::<Waiting>(waiting);
                    }
                    if state.has_arrived() {
                        // One notification may represent several hints, so each taker that wakes notifies the next.
                        shared.bell.notify_one();
                    }
                    return Ok(hinted);
                }
            }
            waiting.get_or_insert_with(|| Waiting::new(shared));
            ring.await;
        }
    }

    /// The broker does not know the owners of hints. So hints of excluded owners are taken, and then put back at the
    /// end of their owner's hints in the line.
    async fn next_other(&self, not: &[UserId]) -> Result<Option<Hinted>, QueueError> {
        let holds = |(past, until): &(Vec<UserId>, tokio::time::Instant)| {
            tokio::time::Instant::now() < *until && past.iter().all(|owner| not.contains(owner))
        };
        if self.shared.no_other_owner().as_ref().is_some_and(holds) {
            return Ok(None);
        }
        self.shared.look().await;
        if self.shared.state().is_empty() {
            return Ok(None);
        }
        let until = tokio::time::Instant::now() + LOOK_PAST_FOR;
        let mut skipped = Skipped { shared: &self.shared, hints: Vec::new() };
        let found = loop {
            match tokio::time::timeout_at(until, self.next()).await {
                Ok(Ok(hinted)) if not.contains(&hinted.hint.owner) => skipped.hints.push(hinted),
                Ok(found) => break found.map(Some),
                Err(_) => break Ok(None),
            }
            if skipped.hints.len() == SKIPPED_MAX {
                break Ok(None);
            }
        };
        drop(skipped);
        if matches!(found, Ok(None)) {
            *self.shared.no_other_owner() = Some((not.to_vec(), tokio::time::Instant::now() + LOOK_AGAIN_AFTER));
        }
        found
    }

    fn charge(&self, owner: UserId, time: Duration) {
        self.shared.state().line.charge(owner, time);
    }

    async fn settle(&self, hinted: Hinted) -> Result<(), QueueError> {
        self.shared.settle(hinted.token);
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

    async fn language_queue(&self, language: &LanguageId) -> Result<Arc<dyn Queue>, QueueError> {
        let language_queue =
            (self.make_language_queue)(language).await.map_err(|error| QueueError::Unreachable(error.into()))?;
        {
            let mut language_queues = self.language_queues.lock().unwrap_or_else(PoisonError::into_inner);
            language_queues.retain(|language_queue| language_queue.strong_count() > 0);
            language_queues.push(Arc::downgrade(&language_queue));
        }
        // A concurrent `close` may have missed this language queue.
        if self.shared.state().closed {
            language_queue.close();
            return Err(QueueError::Closed);
        }
        Ok(language_queue)
    }

    fn close(&self) {
        self.shared.close();
        for language_queue in self.language_queues() {
            language_queue.close();
        }
    }

    async fn gone(&self) {
        let language_queues = self.language_queues();
        let language_queues = join_all(language_queues.iter().map(|language_queue| language_queue.gone()));
        // The settler may be waiting for a broker that hangs; its acknowledgements can be dropped.
        let own = tokio::time::timeout(ANSWER_MAX, self.shared.tasks.wait());
        let _ = join(own, language_queues).await;
    }
}

/// A taker that waits for a hint, counted while this value lives.
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

/// Hints of excluded owners that a call of [`Queue::next_other`] has skipped. They are put back when the call ends or
/// is cancelled. If the queue is closed, they stay unsettled: a broker that keeps unsettled hints redelivers them, and
/// the sweeper of the store finds the others.
struct Skipped<'a> {
    shared: &'a Shared,
    hints: Vec<Hinted>,
}

impl Drop for Skipped<'_> {
    fn drop(&mut self) {
        for Hinted { hint, token } in self.hints.drain(..) {
            {
                let mut state = self.shared.state();
                if state.closed {
                    return;
                }
                // The hint was already counted as waiting, so the bound permits it.
                if !state.is_known(hint.run) {
                    state.line.push(hint);
                }
            }
            self.shared.settle(token);
        }
        self.shared.feed.notify_one();
    }
}

/// Runs an operation with a timeout.
async fn in_time<T>(
    doing: &'static str,
    time: Duration,
    what: impl Future<Output = Result<T, BrokerError>>,
) -> Result<T, BrokerError> {
    match tokio::time::timeout(time, what).await {
        Ok(result) => result,
        Err(_) => {
            Err(BrokerError::new(doing, BrokerFault::Unreachable, format!("no answer within {} s", time.as_secs())))
        }
    }
}
