//! A log that is still being written, and readers that follow it at individual speeds.
//!
//! A reader has no buffer, only a position in the log, so a slow reader costs no memory. If events were dropped before
//! a reader reached them, the reader gets a gap.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use cupel_core::event::Seq;
use cupel_core::{Interest, Received, Subscription};
use tokio::sync::Notify;

use crate::log::{Log, ReaderPosition};

#[derive(Debug, Default)]
pub(crate) struct Shared {
    state: Mutex<State>,
    /// Notified at every event, for readers of all events.
    bell: Notify,
    /// Notified at the end, for readers that wait only for the end. Most readers are of this kind, and waking them at
    /// every event would be the largest cost of the bus.
    end_bell: Notify,
}

#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) log: Log,
    pub(crate) readers: usize,
    /// Whether no more events will be added, because the log was evicted or the bus was closed.
    pub(crate) cut: bool,
}

impl Shared {
    /// Every change is a single call, so the log is consistent even if the lock is poisoned.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends all readers once they have read the existing entries.
    pub(crate) fn cut(&self) {
        self.state().cut = true;
        self.ring(true);
    }

    /// Wakes the readers of all events and, if `for_end`, also the readers of the end.
    pub(crate) fn ring(&self, for_end: bool) {
        self.bell.notify_waiters();
        if for_end {
            self.end_bell.notify_waiters();
        }
    }

    fn bell(&self, interest: Interest) -> &Notify {
        match interest {
            Interest::Everything => &self.bell,
            Interest::End => &self.end_bell,
        }
    }
}

/// A subscriber's position in a log. The guard `G` notifies the bus when it is dropped.
pub(crate) struct Reader<G> {
    shared: Arc<Shared>,
    place: ReaderPosition,
    interest: Interest,
    _guard: G,
}

enum Look {
    Found(Received, ReaderPosition),
    Over,
    Nothing,
}

impl<G> Reader<G> {
    pub(crate) fn new(shared: Arc<Shared>, after: Seq, interest: Interest, guard: G) -> Reader<G> {
        let mut state = shared.state();
        state.readers += 1;
        let place = state.log.place(after);
        drop(state);
        Reader { shared, place, interest, _guard: guard }
    }

    fn look(&self) -> Look {
        let state = self.shared.state();
        let found = match self.interest {
            Interest::Everything => state.log.next(self.place),
            Interest::End => state.log.end(self.place),
        };
        match found {
            Some((received, place)) => Look::Found(received, place),
            None if state.log.ended() || state.cut => Look::Over,
            None => Look::Nothing,
        }
    }
}

#[async_trait]
impl<G: Send + Sync> Subscription for Reader<G> {
    async fn next(&mut self) -> Option<Received> {
        let shared = Arc::clone(&self.shared);
        loop {
            let ring = shared.bell(self.interest).notified();
            tokio::pin!(ring);
            ring.as_mut().enable();
            match self.look() {
                Look::Found(received, place) => {
                    self.place = place;
                    return Some(received);
                }
                Look::Over => return None,
                Look::Nothing => ring.await,
            }
        }
    }
}
