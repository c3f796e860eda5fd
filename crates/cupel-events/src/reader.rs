//! A log that is being written, and those who read it at their own pace.
//!
//! A reader has no buffer of its own, only its place in the log, so a slow one costs nothing: what was dropped before
//! it got there is a gap to it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use cupel_core::event::Seq;
use cupel_core::{Interest, Received, Subscription};
use tokio::sync::Notify;

use crate::log::{Log, Place};

#[derive(Debug, Default)]
pub(crate) struct Shared {
    state: Mutex<State>,
    /// Rung at every event, for those who want every event.
    bell: Notify,
    /// Rung at the end, for those who want nothing else: most who wait, and waking them costs more than all the rest.
    end_bell: Notify,
}

#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) log: Log,
    pub(crate) readers: usize,
    /// No more will come: evicted, or the bus was closed.
    pub(crate) cut: bool,
}

impl Shared {
    /// Every change is one call, so a poisoned lock guards a sound log.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends all readers, after what is there.
    pub(crate) fn cut(&self) {
        self.state().cut = true;
        self.ring(true);
    }

    /// Wakes who waits for any event, and, if `for_end`, who waits for the end.
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

/// A subscriber's place in a log. `G` tells the bus when it goes.
pub(crate) struct Reader<G> {
    shared: Arc<Shared>,
    place: Place,
    interest: Interest,
    _guard: G,
}

enum Look {
    Found(Received, Place),
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
