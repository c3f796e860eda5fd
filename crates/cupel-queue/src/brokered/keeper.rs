//! Holds the connection to the broker, and replaces it when it breaks.
//!
//! A connection proves itself by lasting for [`LASTS_AFTER`]. If a connection breaks before that, the pauses between
//! reconnections go on growing, and the outage goes on until hints are published or a later connection proves itself.
//! The reason is that some faults permit connecting and fail every operation, such as a missing permission to publish.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cupel_core::{Backoff, chain};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::{LEAVE_MAX, Shared, in_time};
use crate::broker::{Broker, BrokerError, Link};

/// Timeout of connecting, including the creation of the broker's objects.
pub(super) const CONNECT_MAX: Duration = Duration::from_secs(20);
/// Pause before the first reconnection attempt; it doubles with each attempt.
const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(5);
/// Lifetime after which a connection has proved itself: longer than an operation without an answer takes to break it.
const LASTS_AFTER: Duration = Duration::from_secs(10);
/// Interval at which a lasting outage is logged again.
const LOG_INTERVAL: Duration = Duration::from_secs(60);

type Break = (Arc<dyn Link>, BrokerError);

/// The current connection and the broker's condition.
pub(super) struct Keeper {
    /// Name of the queue, for the log.
    queue: String,
    link: watch::Sender<Option<Arc<dyn Link>>>,
    breaks: mpsc::UnboundedSender<Break>,
    /// When the broker became unreachable, and why.
    away: Mutex<Trouble>,
    /// When the broker began to refuse hints, and why.
    full: Mutex<Trouble>,
}

type Trouble = Option<(Instant, String)>;

/// Records a problem with its latest cause. The start time of the problem does not change. Returns whether the problem
/// is new.
fn trouble(of_kind: &Mutex<Trouble>, why: &BrokerError) -> bool {
    let mut trouble = of_kind.lock().unwrap_or_else(PoisonError::into_inner);
    let before = trouble.as_ref().map(|(since, _)| *since);
    *trouble = Some((before.unwrap_or_else(Instant::now), chain(why)));
    before.is_none()
}

fn over(of_kind: &Mutex<Trouble>) -> Option<Duration> {
    of_kind.lock().unwrap_or_else(PoisonError::into_inner).take().map(|(since, _)| since.elapsed())
}

impl Keeper {
    pub(super) fn new(queue: String, first: Arc<dyn Link>) -> (Keeper, mpsc::UnboundedReceiver<Break>) {
        let (breaks, broken) = mpsc::unbounded_channel();
        let link = watch::Sender::new(Some(first));
        (Keeper { queue, link, breaks, away: Mutex::default(), full: Mutex::default() }, broken)
    }

    /// The current connection, if there is one.
    pub(super) fn link(&self) -> Option<Arc<dyn Link>> {
        self.link.borrow().clone()
    }

    /// Waits until there is a connection.
    pub(super) async fn connected(&self) -> Arc<dyn Link> {
        let mut link = self.link.subscribe();
        loop {
            if let Some(link) = &*link.borrow_and_update() {
                return Arc::clone(link);
            }
            // `self` owns the sender, so this cannot fail.
            let _ = link.changed().await;
        }
    }

    /// Drops this connection after an error on it.
    pub(super) fn broke(&self, link: &Arc<dyn Link>, error: BrokerError) {
        let given_up = self.link.send_if_modified(|current| {
            let is_it = current.as_ref().is_some_and(|current| Arc::ptr_eq(current, link));
            if is_it {
                *current = None;
            }
            is_it
        });
        if given_up {
            // The receiving task may have ended with the queue.
            let _ = self.breaks.send((Arc::clone(link), error));
        }
    }

    pub(super) fn health(&self) -> Result<(), String> {
        for (of_kind, is) in [(&self.away, "been unreachable"), (&self.full, "refused hints")] {
            if let Some((since, why)) = &*of_kind.lock().unwrap_or_else(PoisonError::into_inner) {
                let lasted = since.elapsed().as_secs();
                return Err(format!("the queue's broker has {is} for {lasted} s; hints wait on this node: {why}"));
            }
        }
        Ok(())
    }

    /// Records that the broker refused hints for lack of room. The broker still delivers hints.
    pub(super) fn is_full(&self, error: &BrokerError) {
        if trouble(&self.full, error) {
            let queue = &self.queue;
            tracing::warn!(queue, error = chain(error), "the broker of queue {queue} is full; hints wait on this node");
        }
    }

    /// Records that the broker accepted hints from this connection.
    pub(super) fn accepted(&self, link: &Arc<dyn Link>) {
        if let Some(lasted) = over(&self.full) {
            let (queue, lasted_ms) = (&self.queue, lasted.as_millis() as u64);
            tracing::info!(queue, lasted_ms, "the broker of queue {queue} accepts hints again");
        }
        if self.link().is_some_and(|current| Arc::ptr_eq(&current, link)) {
            self.is_back();
        }
    }

    /// Records the end of an outage, if there was one.
    fn is_back(&self) {
        if let Some(lasted) = over(&self.away) {
            let (queue, lasted_ms) = (&self.queue, lasted.as_millis() as u64);
            tracing::info!(queue, lasted_ms, "queue {queue} is connected to its broker again");
        }
    }
}

/// Runs until the queue is closed.
pub(super) async fn keep(shared: Arc<Shared>, broker: impl Broker, mut breaks: mpsc::UnboundedReceiver<Break>) {
    let (keeper, queue) = (&shared.keeper, &shared.keeper.queue);
    // Pauses before reconnections, until a connection has lasted for `LASTS_AFTER`.
    let mut backoff = Backoff::new(PAUSE_MIN, PAUSE_MAX);
    let mut lasts_at = Some(Instant::now() + LASTS_AFTER);
    let mut logged_at = None;
    loop {
        let (broken, error) = tokio::select! {
            () = shared.end.cancelled() => return,
            broken = breaks.recv() => match broken {
                Some(broken) => broken,
                None => return,
            },
            () = tokio::time::sleep_until(lasts_at.unwrap_or_else(Instant::now)), if lasts_at.is_some() => {
                lasts_at = None;
                backoff.reset();
                keeper.is_back();
                continue;
            }
        };
        // The timer may be late.
        let has_lasted = lasts_at.is_none_or(|at| Instant::now() >= at);
        if has_lasted {
            backoff.reset();
            keeper.is_back();
        }
        shared.state().disconnected();
        let is_new = trouble(&keeper.away, &error);
        if is_new || logged_at.is_none_or(|at: Instant| at.elapsed() > LOG_INTERVAL) {
            tracing::warn!(
                queue,
                error = chain(&error),
                "queue {queue} lost the connection to its broker; hints wait on this node"
            );
            logged_at = Some(Instant::now());
        }
        // Leave before reconnecting, so that a broker with group members never counts this node twice.
        let _ = tokio::time::timeout(LEAVE_MAX, broken.leave()).await;
        drop(broken);
        let link = loop {
            tokio::select! {
                () = shared.end.cancelled() => return,
                () = tokio::time::sleep(spread(backoff.pause())) => {}
            }
            let connected = tokio::select! {
                () = shared.end.cancelled() => return,
                connected = in_time("connect", CONNECT_MAX, broker.connect()) => connected,
            };
            match connected {
                Ok(link) => break link,
                Err(error) => {
                    trouble(&keeper.away, &error);
                    if logged_at.is_none_or(|at| at.elapsed() > LOG_INTERVAL) {
                        tracing::warn!(
                            queue,
                            error = chain(&error),
                            "the broker of queue {queue} is still unreachable"
                        );
                        logged_at = Some(Instant::now());
                    }
                }
            }
        };
        if has_lasted {
            keeper.is_back();
        }
        lasts_at = Some(Instant::now() + LASTS_AFTER);
        keeper.link.send_replace(Some(link));
    }
}

/// Random duration between half of `pause` and all of it, so that nodes do not reconnect at the same time.
fn spread(pause: Duration) -> Duration {
    let part = RandomState::new().hash_one(0) % 512;
    pause / 2 + pause.mul_f64(part as f64 / 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_until_a_connection_has_lasted() {
        let mut backoff = Backoff::new(PAUSE_MIN, PAUSE_MAX);
        let pauses: Vec<u64> = (0..8).map(|_| backoff.pause().as_millis() as u64).collect();
        assert_eq!(pauses, [100, 200, 400, 800, 1600, 3200, 5000, 5000]);
        backoff.reset();
        assert_eq!(backoff.pause(), PAUSE_MIN);
    }
}
