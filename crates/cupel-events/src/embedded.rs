//! The bus inside one process: a bounded log per live submission, read by its subscribers at their own pace.
//!
//! A subscriber has no buffer of its own, only its place in the log, so a slow one costs nothing: what was
//! dropped before it got there is a gap to it. Publishing takes two short locks and wakes whoever waits.
//!
//! A log lives from its first event or subscriber to a while after its final event. All logs together are
//! bounded in number and bytes; beyond that those that ended go first, then the oldest.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use cupel_core::event::{Event, Seq};
use cupel_core::{EventBus, Interest, Received, Subscription};
use cupel_types::SubmissionId;
use tokio::sync::Notify;

use crate::log::Log;

/// How much the bus keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventBounds {
    /// Events in one log.
    pub log_events_max: usize,
    /// Bytes in one log.
    pub log_bytes_max: usize,
    /// Logs of submissions that have not ended. Live listeners of the oldest lose theirs beyond that.
    pub live_max: usize,
    /// Logs kept of submissions that have ended.
    pub ended_max: usize,
    /// Bytes in the logs of submissions that have ended.
    pub ended_bytes_max: usize,
}

impl Default for EventBounds {
    fn default() -> EventBounds {
        EventBounds {
            log_events_max: 1024,
            log_bytes_max: 256 << 10,
            live_max: 16_384,
            ended_max: 1024,
            ended_bytes_max: 16 << 20,
        }
    }
}

/// Live events in memory.
#[derive(Debug, Default)]
pub struct EmbeddedBus {
    bounds: EventBounds,
    logs: Arc<Mutex<Logs>>,
}

#[derive(Debug, Default)]
struct Logs {
    by_id: HashMap<SubmissionId, Arc<Shared>>,
    /// In the order they began. Those that ended or went are skipped when their turn comes.
    begun: VecDeque<(SubmissionId, Arc<Shared>)>,
    /// In the order they ended.
    ended: VecDeque<(SubmissionId, usize)>,
    ended_bytes: usize,
    closed: bool,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    /// Rung at every event, for those who want every event.
    bell: Notify,
    /// Rung at the end, for those who want nothing else: most who wait, and waking them costs more than all the rest.
    end_bell: Notify,
}

#[derive(Debug, Default)]
struct State {
    log: Log,
    subscribers: usize,
    /// No more will come: evicted, or the bus was closed.
    cut: bool,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn cut(&self) {
        self.state().cut = true;
        self.bell.notify_waiters();
        self.end_bell.notify_waiters();
    }
}

fn lock(logs: &Mutex<Logs>) -> MutexGuard<'_, Logs> {
    logs.lock().unwrap_or_else(PoisonError::into_inner)
}

impl EmbeddedBus {
    /// An empty bus.
    pub fn new(bounds: EventBounds) -> EmbeddedBus {
        EmbeddedBus { bounds, logs: Arc::default() }
    }

    /// Ends all subscriptions, after what is already there. Later ones end at once.
    pub fn close(&self) {
        let mut logs = lock(&self.logs);
        logs.closed = true;
        for (_, shared) in logs.by_id.drain() {
            shared.cut();
        }
        *logs = Logs { closed: true, ..Logs::default() };
    }
}

impl Logs {
    fn get_or_begin(&mut self, id: SubmissionId, live_max: usize) -> Arc<Shared> {
        if let Some(shared) = self.by_id.get(&id) {
            return Arc::clone(shared);
        }
        let shared = Arc::new(Shared::default());
        if self.closed {
            shared.cut();
            return shared;
        }
        self.by_id.insert(id, Arc::clone(&shared));
        self.begun.push_back((id, Arc::clone(&shared)));
        if self.begun.len() > 2 * live_max {
            // Mostly logs that have ended or gone: at least half of them, so this is rare.
            let by_id = &self.by_id;
            self.begun.retain(|(id, log)| is_live(by_id, *id, log));
        }
        while self.by_id.len() - self.ended.len() > live_max {
            let Some((old, log)) = self.begun.pop_front() else { break };
            if is_live(&self.by_id, old, &log) {
                self.by_id.remove(&old);
                log.cut();
            }
        }
        shared
    }

    /// Begins anew where a submission is judged again: the log of what ended is in the store.
    fn forget_earlier(&mut self, event: &Event) {
        let id = event.submission;
        if !self.by_id.get(&id).is_some_and(|shared| shared.state().log.is_over_before(event.seq)) {
            return;
        }
        self.by_id.remove(&id);
        if let Some(at) = self.ended.iter().position(|(ended, _)| *ended == id)
            && let Some((_, bytes)) = self.ended.remove(at)
        {
            self.ended_bytes -= bytes;
        }
    }

    fn end(&mut self, id: SubmissionId, bytes: usize, bounds: &EventBounds) {
        self.ended.push_back((id, bytes));
        self.ended_bytes += bytes;
        while self.ended.len() > bounds.ended_max || self.ended_bytes > bounds.ended_bytes_max {
            let Some((old, bytes)) = self.ended.pop_front() else { break };
            self.ended_bytes -= bytes;
            self.by_id.remove(&old);
        }
        while self.begun.front().is_some_and(|(_, log)| log.state().log.ended()) {
            self.begun.pop_front();
        }
    }
}

/// Whether this is the log of that name now, and has not ended.
fn is_live(by_id: &HashMap<SubmissionId, Arc<Shared>>, id: SubmissionId, log: &Arc<Shared>) -> bool {
    by_id.get(&id).is_some_and(|now| Arc::ptr_eq(now, log)) && !log.state().log.ended()
}

#[async_trait]
impl EventBus for EmbeddedBus {
    fn publish(&self, event: Event) {
        let bounds = &self.bounds;
        let id = event.submission;
        let mut logs = lock(&self.logs);
        if logs.closed {
            return;
        }
        logs.forget_earlier(&event);
        let shared = logs.get_or_begin(id, bounds.live_max);
        let mut state = shared.state();
        let added = state.log.push(event, bounds.log_events_max, bounds.log_bytes_max);
        let ended = added && state.log.ended();
        let bytes = state.log.bytes();
        drop(state);
        if ended {
            logs.end(id, bytes, bounds);
        }
        drop(logs);
        if added {
            shared.bell.notify_waiters();
        }
        if ended {
            shared.end_bell.notify_waiters();
        }
    }

    async fn subscribe(&self, id: SubmissionId, after: Seq, interest: Interest) -> Box<dyn Subscription> {
        let mut logs = lock(&self.logs);
        let shared = logs.get_or_begin(id, self.bounds.live_max);
        shared.state().subscribers += 1;
        drop(logs);
        Box::new(Reader { id, shared, after, interest, logs: Arc::clone(&self.logs) })
    }
}

/// A subscriber's place in a log.
struct Reader {
    id: SubmissionId,
    shared: Arc<Shared>,
    after: Seq,
    interest: Interest,
    logs: Arc<Mutex<Logs>>,
}

enum Look {
    Found(Received, Seq),
    Over,
    Nothing,
}

impl Reader {
    fn look(&self) -> Look {
        let state = self.shared.state();
        let found = match self.interest {
            Interest::Everything => state.log.next(self.after),
            Interest::End => state.log.end(self.after),
        };
        match found {
            Some((received, seq)) => Look::Found(received, seq),
            None if state.log.ended() || state.cut => Look::Over,
            None => Look::Nothing,
        }
    }
}

#[async_trait]
impl Subscription for Reader {
    async fn next(&mut self) -> Option<Received> {
        let shared = Arc::clone(&self.shared);
        let bell = match self.interest {
            Interest::Everything => &shared.bell,
            Interest::End => &shared.end_bell,
        };
        loop {
            let ring = bell.notified();
            tokio::pin!(ring);
            ring.as_mut().enable();
            match self.look() {
                Look::Found(received, seq) => {
                    self.after = seq;
                    return Some(received);
                }
                Look::Over => return None,
                Look::Nothing => ring.await,
            }
        }
    }
}

impl Drop for Reader {
    /// A log that nothing was written to goes with its last subscriber.
    fn drop(&mut self) {
        let mut logs = lock(&self.logs);
        let mut state = self.shared.state();
        state.subscribers -= 1;
        let forget = state.subscribers == 0 && state.log.bytes() == 0;
        drop(state);
        if forget && logs.by_id.get(&self.id).is_some_and(|now| Arc::ptr_eq(now, &self.shared)) {
            logs.by_id.remove(&self.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cupel_core::event::EventKind;
    use cupel_types::Verdict;

    fn id(n: u128) -> SubmissionId {
        SubmissionId::from_uuid(uuid::Uuid::from_u128(n))
    }

    fn started(n: u128) -> Event {
        let kind = EventKind::Started { attempt: 1 };
        Event { submission: id(n), seq: Seq::of_attempt(1, 1), at: jiff::Timestamp::UNIX_EPOCH, kind }
    }

    fn finished(n: u128) -> Event {
        Event::finished(id(n), 1, jiff::Timestamp::UNIX_EPOCH, Verdict::Accepted)
    }

    #[tokio::test]
    async fn memory_is_bounded_by_logs_that_never_end_and_by_those_that_did() {
        let bounds = EventBounds { live_max: 10, ended_max: 5, ..EventBounds::default() };
        let bus = EmbeddedBus::new(bounds);
        let mut first = bus.subscribe(id(0), Seq::default(), Interest::Everything).await;
        for n in 0..1000 {
            bus.publish(started(n));
            if n % 2 == 0 {
                bus.publish(finished(n));
            }
            let _subscribed_and_gone = bus.subscribe(id(n + 5000), Seq::default(), Interest::End).await;
        }
        {
            let logs = lock(&bus.logs);
            assert!(logs.by_id.len() <= 15, "{}", logs.by_id.len());
            assert!(logs.begun.len() <= 21, "{}", logs.begun.len());
            assert!(logs.ended.len() <= 5);
        }
        // Whoever has subscribed keeps the log, however long ago it was evicted.
        assert!(matches!(first.next().await, Some(Received::Event(e)) if e == started(0)));
        assert!(matches!(first.next().await, Some(Received::Event(e)) if e == finished(0)));
        assert!(first.next().await.is_none());
    }

    #[tokio::test]
    async fn closing_ends_subscriptions_now_and_later() {
        let bus = EmbeddedBus::default();
        let mut before = bus.subscribe(id(1), Seq::default(), Interest::Everything).await;
        bus.publish(started(1));
        bus.close();
        assert!(matches!(before.next().await, Some(Received::Event(_))));
        assert!(before.next().await.is_none());
        let mut after = bus.subscribe(id(1), Seq::default(), Interest::End).await;
        assert!(after.next().await.is_none());
        bus.publish(started(1));
        assert!(after.next().await.is_none());
    }
}
