//! The queue inside one process: a [`Line`] behind a mutex, and a `Notify` for takers.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use cupel_core::{Hinted, Queue, QueueError, RunHint};
use cupel_types::{LanguageId, UserId};
use tokio::sync::Notify;

use crate::line::Line;

/// Default maximum number of waiting hints; they take about 20 MB.
pub const QUEUE_DEPTH_MAX: usize = 100_000;

/// A queue in memory. Its hints are lost when the process ends; the store has the runs.
#[derive(Debug)]
pub struct EmbeddedQueue {
    depth_max: usize,
    state: Mutex<State>,
    /// Notifies one taker when there may be a hint to take, and all takers when the queue closes.
    bell: Notify,
    tokens: AtomicU64,
    language_queues: Mutex<HashMap<LanguageId, Arc<EmbeddedQueue>>>,
}

#[derive(Debug, Default)]
struct State {
    line: Line,
    closed: bool,
}

impl Default for EmbeddedQueue {
    fn default() -> EmbeddedQueue {
        EmbeddedQueue::new(QUEUE_DEPTH_MAX)
    }
}

impl EmbeddedQueue {
    /// Creates an empty queue in which at most `depth_max` hints wait.
    pub fn new(depth_max: usize) -> EmbeddedQueue {
        EmbeddedQueue {
            depth_max,
            state: Mutex::default(),
            bell: Notify::new(),
            tokens: AtomicU64::new(0),
            language_queues: Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No critical section can panic between two changes, so the data are consistent even if the lock is
        // poisoned.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn language_queues(&self) -> MutexGuard<'_, HashMap<LanguageId, Arc<EmbeddedQueue>>> {
        self.language_queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self) -> Result<Option<RunHint>, QueueError> {
        let mut state = self.state();
        if state.closed {
            return Err(QueueError::Closed);
        }
        let hint = state.line.pop();
        if hint.is_some() && state.line.len() > 0 {
            // One notification may represent several hints, so each taker that wakes notifies the next.
            self.bell.notify_one();
        }
        Ok(hint)
    }
}

#[async_trait]
impl Queue for EmbeddedQueue {
    async fn publish(&self, hints: &[RunHint]) -> Result<(), QueueError> {
        {
            let mut state = self.state();
            if state.closed {
                return Err(QueueError::Closed);
            }
            let new = hints.iter().filter(|h| !state.line.is_waiting(h.run)).count();
            if state.line.len() + new > self.depth_max {
                return Err(QueueError::Full { depth_max: self.depth_max });
            }
            for hint in hints {
                state.line.push(*hint);
            }
        }
        if !hints.is_empty() {
            self.bell.notify_one();
        }
        Ok(())
    }

    async fn next(&self) -> Result<Hinted, QueueError> {
        loop {
            let ring = self.bell.notified();
            tokio::pin!(ring);
            ring.as_mut().enable();
            if let Some(hint) = self.take()? {
                return Ok(Hinted { hint, token: self.tokens.fetch_add(1, Ordering::Relaxed) });
            }
            ring.await;
        }
    }

    async fn next_other(&self, not: &[UserId]) -> Result<Option<Hinted>, QueueError> {
        let hint = {
            let mut state = self.state();
            if state.closed {
                return Err(QueueError::Closed);
            }
            state.line.pop_other(not)
        };
        Ok(hint.map(|hint| Hinted { hint, token: self.tokens.fetch_add(1, Ordering::Relaxed) }))
    }

    fn charge(&self, owner: UserId, time: Duration) {
        self.state().line.charge(owner, time);
    }

    /// Nothing to do, because the queue does not keep hints that it has handed out.
    async fn settle(&self, _: Hinted) -> Result<(), QueueError> {
        Ok(())
    }

    async fn depth(&self) -> Result<usize, QueueError> {
        Ok(self.state().line.len())
    }

    async fn depth_of(&self, owner: UserId) -> Result<usize, QueueError> {
        Ok(self.state().line.len_of(owner))
    }

    fn depth_max(&self) -> usize {
        self.depth_max
    }

    fn health(&self) -> Result<(), String> {
        Ok(())
    }

    async fn language_queue(&self, language: &LanguageId) -> Result<Arc<dyn Queue>, QueueError> {
        let mut language_queues = self.language_queues();
        if self.state().closed {
            return Err(QueueError::Closed);
        }
        let language_queue =
            language_queues.entry(language.clone()).or_insert_with(|| Arc::new(EmbeddedQueue::new(self.depth_max)));
        Ok(Arc::clone(language_queue) as _)
    }

    fn close(&self) {
        self.state().closed = true;
        self.bell.notify_waiters();
        for language_queue in self.language_queues().values() {
            language_queue.close();
        }
    }
}
