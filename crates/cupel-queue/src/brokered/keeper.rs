//! Holds the connection to the broker, and replaces it when it breaks.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use cupel_core::chain;
use tokio::sync::{mpsc, watch};

use super::{LEAVE_MAX, Shared, in_time};
use crate::broker::{Broker, BrokerError, Link};

/// Timeout of connecting, including the creation of the broker's objects.
pub(super) const CONNECT_MAX: Duration = Duration::from_secs(20);
/// Pause before the first reconnection attempt; it doubles with each attempt.
const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(5);
/// Interval at which a lasting outage is logged again.
const LOG_INTERVAL: Duration = Duration::from_secs(60);

type Break = (Arc<dyn Link>, BrokerError);

/// The current connection and the broker's condition.
pub(super) struct Keeper {
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
    pub(super) fn new(first: Arc<dyn Link>) -> (Keeper, mpsc::UnboundedReceiver<Break>) {
        let (breaks, broken) = mpsc::unbounded_channel();
        (
            Keeper { link: watch::Sender::new(Some(first)), breaks, away: Mutex::default(), full: Mutex::default() },
            broken,
        )
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
            tracing::warn!(error = chain(error), "the queue's broker is full; hints wait on this node");
        }
    }

    /// Records that the broker accepted hints.
    pub(super) fn has_room(&self) {
        if let Some(lasted) = over(&self.full) {
            tracing::info!(lasted_ms = lasted.as_millis() as u64, "the queue's broker accepts hints again");
        }
    }

    fn back(&self, link: Arc<dyn Link>) {
        let lasted_ms = over(&self.away).map_or(0, |lasted| lasted.as_millis() as u64);
        tracing::info!(lasted_ms, "reconnected to the queue's broker");
        self.link.send_replace(Some(link));
    }
}

/// Runs until the queue is closed.
pub(super) async fn keep(shared: Arc<Shared>, broker: impl Broker, mut breaks: mpsc::UnboundedReceiver<Break>) {
    let keeper = &shared.keeper;
    loop {
        let (broken, error) = tokio::select! {
            () = shared.end.cancelled() => break,
            broken = breaks.recv() => match broken {
                Some(broken) => broken,
                None => break,
            },
        };
        shared.state().disconnected();
        trouble(&keeper.away, &error);
        tracing::warn!(error = chain(&error), "lost the connection to the queue's broker; hints wait on this node");
        // Leave before reconnecting, so that a broker with group members never counts this node twice.
        let _ = tokio::time::timeout(LEAVE_MAX, broken.leave()).await;
        drop(broken);
        let mut logged_at = Instant::now();
        let mut pause = PAUSE_MIN;
        loop {
            tokio::select! {
                () = shared.end.cancelled() => return,
                () = tokio::time::sleep(spread(pause)) => {}
            }
            let connected = tokio::select! {
                () = shared.end.cancelled() => return,
                connected = in_time("connect", CONNECT_MAX, broker.connect()) => connected,
            };
            match connected {
                Ok(link) => {
                    keeper.back(link);
                    break;
                }
                Err(error) => {
                    trouble(&keeper.away, &error);
                    if logged_at.elapsed() > LOG_INTERVAL {
                        tracing::warn!(error = chain(&error), "the queue's broker is still unreachable");
                        logged_at = Instant::now();
                    }
                    pause = (pause * 2).min(PAUSE_MAX);
                }
            }
        }
    }
}

/// Random duration between half of `pause` and all of it, so that nodes do not reconnect at the same time.
fn spread(pause: Duration) -> Duration {
    let part = RandomState::new().hash_one(0) % 512;
    pause / 2 + pause.mul_f64(part as f64 / 1024.0)
}
