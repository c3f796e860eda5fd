//! Holds the connection to the broker, and makes another one when it breaks.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use cupel_core::chain;
use tokio::sync::{mpsc, watch};

use super::{LAST_WORDS_MAX, Shared, in_time};
use crate::broker::{Broker, BrokerError, Link};

/// How long connecting may take, with everything that is made then.
pub(super) const CONNECT_MAX: Duration = Duration::from_secs(20);
/// The pause before the first new try; each is twice as long as the one before.
const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(5);
/// How often an absence that lasts is told again.
const TOLD_EVERY: Duration = Duration::from_secs(60);

type Break = (Arc<dyn Link>, BrokerError);

/// The connection, for those who use it.
pub(super) struct Keeper {
    link: watch::Sender<Option<Arc<dyn Link>>>,
    breaks: mpsc::UnboundedSender<Break>,
    /// Since when the broker is away, and why.
    away: Mutex<Trouble>,
    /// Since when the broker takes nothing, and why.
    full: Mutex<Trouble>,
}

type Trouble = Option<(Instant, String)>;

/// Since when there is one of a kind, and why now. Whether it is new.
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

    /// The connection, if there is one.
    pub(super) fn link(&self) -> Option<Arc<dyn Link>> {
        self.link.borrow().clone()
    }

    /// The connection, once there is one.
    pub(super) async fn connected(&self) -> Arc<dyn Link> {
        let mut link = self.link.subscribe();
        loop {
            if let Some(link) = &*link.borrow_and_update() {
                return Arc::clone(link);
            }
            // The sender is in here, so this cannot fail.
            let _ = link.changed().await;
        }
    }

    /// Something failed on this connection: it is given up.
    pub(super) fn broke(&self, link: &Arc<dyn Link>, error: BrokerError) {
        let given_up = self.link.send_if_modified(|current| {
            let is_it = current.as_ref().is_some_and(|current| Arc::ptr_eq(current, link));
            if is_it {
                *current = None;
            }
            is_it
        });
        if given_up {
            // The task that takes it may have ended, with everything else.
            let _ = self.breaks.send((Arc::clone(link), error));
        }
    }

    pub(super) fn health(&self) -> Result<(), String> {
        for (of_kind, is) in [(&self.away, "been away"), (&self.full, "taken nothing")] {
            if let Some((since, why)) = &*of_kind.lock().unwrap_or_else(PoisonError::into_inner) {
                let lasted = since.elapsed().as_secs();
                return Err(format!("the queue's broker has {is} for {lasted} s, and hints of runs wait here: {why}"));
            }
        }
        Ok(())
    }

    /// The broker took nothing. What it has it gives all the same.
    pub(super) fn is_full(&self, error: &BrokerError) {
        if trouble(&self.full, error) {
            tracing::warn!(error = chain(error), "the queue's broker takes nothing; hints wait here");
        }
    }

    /// The broker took something.
    pub(super) fn has_room(&self) {
        if let Some(lasted) = over(&self.full) {
            tracing::info!(lasted_ms = lasted.as_millis() as u64, "the queue's broker takes hints again");
        }
    }

    fn back(&self, link: Arc<dyn Link>) {
        let lasted_ms = over(&self.away).map_or(0, |lasted| lasted.as_millis() as u64);
        tracing::info!(lasted_ms, "the queue's broker is back");
        self.link.send_replace(Some(link));
    }
}

/// Until the queue is closed.
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
        tracing::warn!(error = chain(&error), "the queue's broker is away; hints wait here");
        // It goes before another comes: a broker that has members is told of one that leaves, not of two that are one.
        let _ = tokio::time::timeout(LAST_WORDS_MAX, broken.leave()).await;
        drop(broken);
        let mut told = Instant::now();
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
                    if told.elapsed() > TOLD_EVERY {
                        tracing::warn!(error = chain(&error), "the queue's broker is still away");
                        told = Instant::now();
                    }
                    pause = (pause * 2).min(PAUSE_MAX);
                }
            }
        }
    }
}

/// A time from half to the whole of it, so that nodes do not all come back at once.
fn spread(pause: Duration) -> Duration {
    let part = RandomState::new().hash_one(0) % 512;
    pause / 2 + pause.mul_f64(part as f64 / 1024.0)
}
