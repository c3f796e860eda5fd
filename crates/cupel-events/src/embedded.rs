//! The bus inside one process: a bounded log per live submission, which its subscribers read at individual speeds.
//!
//! Publishing takes two short locks and wakes the waiting subscribers.
//!
//! A log exists from its first event or subscriber until some time after its final event. Each log is bounded, and so
//! are the number of live logs and the number and bytes of ended logs. If one of the latter bounds is exceeded, the
//! live log that began first or the log that ended first is evicted.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use cupel_core::event::{Event, Seq};
use cupel_core::{EventBus, Interest, Notice, Notices, Subscription};
use cupel_types::SubmissionId;

use crate::notices::NoticeBoard;
use crate::reader::{Reader, Shared};

/// Bounds of the bus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventBounds {
    /// Events in one log.
    pub log_events_max: usize,
    /// Bytes in one log.
    pub log_bytes_max: usize,
    /// Number of logs of submissions that have not ended. If there are more, the oldest log is evicted, and its
    /// subscriptions end.
    pub live_max: usize,
    /// Number of logs of submissions that have ended.
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

/// Event bus in memory.
#[derive(Debug, Default)]
pub struct EmbeddedBus {
    bounds: EventBounds,
    logs: Arc<Mutex<Logs>>,
    notices: NoticeBoard,
}

#[derive(Debug, Default)]
struct Logs {
    by_id: HashMap<SubmissionId, Arc<Shared>>,
    /// Logs in the order in which they began. Ended and removed logs are skipped.
    begun: VecDeque<(SubmissionId, Arc<Shared>)>,
    /// Ended logs in the order in which they ended, with their sizes in bytes.
    ended: VecDeque<(SubmissionId, usize)>,
    ended_bytes: usize,
    closed: bool,
}

fn lock(logs: &Mutex<Logs>) -> MutexGuard<'_, Logs> {
    logs.lock().unwrap_or_else(PoisonError::into_inner)
}

impl EmbeddedBus {
    /// Creates an empty bus.
    pub fn new(bounds: EventBounds) -> EmbeddedBus {
        EmbeddedBus { bounds, ..EmbeddedBus::default() }
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
            // At least half of the entries are logs that have ended or were removed, so this clean-up is rare.
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

    /// Removes the ended log if the event belongs to a later run of the submission. The store has the old log.
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

/// Whether this is the submission's current log, and it has not ended.
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
            shared.ring(ended);
        }
    }

    async fn subscribe(&self, id: SubmissionId, after: Seq, interest: Interest) -> Box<dyn Subscription> {
        let mut logs = lock(&self.logs);
        let shared = logs.get_or_begin(id, self.bounds.live_max);
        let guard = Guard { id, shared: Arc::clone(&shared), logs: Arc::clone(&self.logs) };
        Box::new(Reader::new(shared, after, interest, guard))
    }

    fn announce(&self, notice: Notice) {
        self.notices.send(notice);
    }

    fn notices(&self) -> Box<dyn Notices> {
        self.notices.listen()
    }

    fn health(&self) -> Result<(), String> {
        Ok(())
    }

    async fn close(&self) {
        let mut logs = lock(&self.logs);
        for (_, shared) in logs.by_id.drain() {
            shared.cut();
        }
        *logs = Logs { closed: true, ..Logs::default() };
        self.notices.close();
    }
}

/// Notifies the bus when the reader that holds this guard is dropped.
struct Guard {
    id: SubmissionId,
    shared: Arc<Shared>,
    logs: Arc<Mutex<Logs>>,
}

impl Drop for Guard {
    /// Removes an empty log when its last subscriber leaves.
    fn drop(&mut self) {
        let mut logs = lock(&self.logs);
        let mut state = self.shared.state();
        state.readers -= 1;
        let forget = state.readers == 0 && state.log.bytes() == 0;
        drop(state);
        if forget && logs.by_id.get(&self.id).is_some_and(|now| Arc::ptr_eq(now, &self.shared)) {
            logs.by_id.remove(&self.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cupel_core::Received;
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
    async fn live_and_ended_logs_are_bounded() {
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
        // A subscriber still reads its log after the eviction.
        assert!(matches!(first.next().await, Some(Received::Event(e)) if e == started(0)));
        assert!(matches!(first.next().await, Some(Received::Event(e)) if e == finished(0)));
        assert!(first.next().await.is_none());
    }
}
