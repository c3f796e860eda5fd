//! Queue of events between `publish`, which never waits, and the task that sends them to the server.
//!
//! *Invariants:* the queue is bounded in number and bytes. Each event carries the number of the previous one, so that a
//! receiver detects events dropped here. If a bound is reached, only final events and messages that are not events are
//! accepted, up to twice the bound. If even final events do not fit, [`Message::Lost`] informs all receivers that they
//! may have missed something.
//!
//! The queue also tracks, per submission, the events that the server stores for late subscribers, and selects the
//! events to remove when there are too many: output first, oldest first, as in a [`Log`](crate::log::Log).

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use cupel_core::event::{Event, EventKind, Seq};
use cupel_types::SubmissionId;
use tokio::sync::Notify;

use crate::EventBounds;
use crate::log::size;
use crate::wire::Message;

/// Bounds of the messages that wait for a slow or unreachable server. Final events, and messages that are not events,
/// are accepted until twice as much waits.
const WAITING_EVENTS_MAX: usize = 65_536;
const WAITING_BYTES_MAX: usize = 32 << 20;

/// Maximum number of submissions whose events this node tracks. Beyond it the oldest submissions are no longer tracked,
/// and a gap in their events may remain undetected.
const CHAINS_MAX: usize = 16_384;

/// Time without an event after which a submission is no longer tracked. An API node that publishes the inputs of a live
/// run does not publish the run's end. The servers have deleted the stored events of such a submission (`LIVE_KEPT` in
/// `redis.rs` and `postgres.rs`), except inputs of a live run. These are bounded by the window of unconsumed input, and
/// are deleted when the run ends.
const FORGET_AFTER: Duration = Duration::from_secs(11 * 60);

/// Interval at which the expiry of a submission's stored events is extended.
pub(crate) const REFRESH: Duration = Duration::from_secs(60);

/// Approximate size of a message that is not an event, in bytes.
const SMALL: usize = 64;

/// A message to send.
#[derive(Clone, Debug)]
pub(crate) struct Outgoing {
    pub(crate) message: Message,
    /// Stored events of the same submission to remove.
    pub(crate) gone: Vec<Seq>,
    /// Whether to extend the expiry of the submission's stored events.
    pub(crate) refresh: bool,
    size: usize,
}

impl Outgoing {
    /// A message without data that removes nothing.
    pub(crate) fn of(message: Message, refresh: bool) -> Outgoing {
        Outgoing { message, gone: Vec::new(), refresh, size: SMALL }
    }
}

/// The queue.
#[derive(Debug)]
pub(crate) struct Outbox {
    bounds: EventBounds,
    state: Mutex<State>,
    filled: Notify,
    /// Notified whenever messages have been sent.
    progress: Notify,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Outgoing>,
    bytes: usize,
    /// Messages that were taken but are not confirmed as sent.
    under_way: Vec<Outgoing>,
    /// Total number of messages added, and of messages sent.
    put: u64,
    sent: u64,
    chains: HashMap<SubmissionId, Chain>,
    /// Tracked submissions, in about the order in which they began. Entries without a chain are skipped.
    begun: VecDeque<SubmissionId>,
    /// Whether a message was dropped whose loss the receivers cannot detect.
    lost: bool,
}

/// The events of an attempt that this node has published.
#[derive(Debug)]
struct Chain {
    last: Seq,
    kept: VecDeque<PendingEvent>,
    kept_bytes: usize,
    /// When an event last extended the expiry: at most [`REFRESH`] before the last event.
    refreshed: Instant,
}

#[derive(Debug)]
struct PendingEvent {
    seq: Seq,
    size: usize,
    is_output: bool,
}

impl Outbox {
    pub(crate) fn new(bounds: EventBounds) -> Outbox {
        Outbox { bounds, state: Mutex::default(), filled: Notify::new(), progress: Notify::new() }
    }

    /// Adds an event. Returns the number of the previous event, or `None` if the event is late and must not be
    /// published.
    pub(crate) fn event(&self, event: Event) -> Option<Seq> {
        let mut state = self.state();
        let before = state.follow(&event)?;
        let (id, seq) = (event.submission, event.seq);
        let (size, is_final) = (size(&event), event.kind.is_final());
        let is_output = matches!(event.kind, EventKind::Output { .. });
        let more = if is_final { 2 } else { 1 };
        if state.waiting.len() >= more * WAITING_EVENTS_MAX || state.bytes + size > more * WAITING_BYTES_MAX {
            metrics::counter!("cupel_events_dropped_total", "why" => "overflow").increment(1);
            // If the submission is tracked, receivers detect the missing event at the next event of the attempt.
            state.lost |= !state.chains.contains_key(&id);
            return Some(before);
        }
        let (mut gone, mut refresh) = (Vec::new(), true);
        if let Some(chain) = state.chains.get_mut(&id) {
            gone = chain.keep(PendingEvent { seq, size, is_output }, &self.bounds);
            refresh = chain.is_due_for_refresh();
        }
        state.put(Outgoing { message: Message::Event { event, before }, gone, refresh, size });
        drop(state);
        self.filled.notify_one();
        Some(before)
    }

    /// Extends the expiry of the submission's stored events, if that is due. The message is a reference to the last
    /// event, which only a subscriber without this event needs.
    pub(crate) fn keep(&self, id: SubmissionId) {
        let mut state = self.state();
        if state.waiting.len() >= WAITING_EVENTS_MAX {
            return;
        }
        let Some(chain) = state.chains.get_mut(&id) else { return };
        if !chain.is_due_for_refresh() {
            return;
        }
        let message = Message::PendingEvent { submission: id, seq: chain.last };
        state.put(Outgoing::of(message, true));
        drop(state);
        self.filled.notify_one();
    }

    /// Adds a message that is not stored for late subscribers.
    pub(crate) fn message(&self, message: Message) {
        let mut state = self.state();
        if state.waiting.len() >= 2 * WAITING_EVENTS_MAX {
            metrics::counter!("cupel_events_dropped_total", "why" => "overflow").increment(1);
            return;
        }
        state.put(Outgoing::of(message, false));
        drop(state);
        self.filled.notify_one();
    }

    /// Waits for messages and takes the next ones. The outbox keeps them until [`Outbox::sent`] or [`Outbox::restore`]
    /// is called. Cancel-safe.
    pub(crate) async fn take(&self, events_max: usize, bytes_max: usize) -> Vec<Outgoing> {
        loop {
            let filled = self.filled.notified();
            if let Some(taken) = self.state().take(events_max, bytes_max) {
                return taken;
            }
            filled.await;
        }
    }

    /// Records that the taken messages were sent.
    pub(crate) fn sent(&self) {
        let mut state = self.state();
        state.sent += state.under_way.len() as u64;
        state.under_way.clear();
        drop(state);
        self.progress.notify_waiters();
    }

    /// Puts the taken messages back to be sent again, because it is unknown whether they were sent.
    pub(crate) fn restore(&self) {
        let mut state = self.state();
        for outgoing in std::mem::take(&mut state.under_way).into_iter().rev() {
            state.bytes += outgoing.size;
            state.waiting.push_front(outgoing);
        }
        self.filled.notify_one();
    }

    /// Waits until every message that is currently in the queue has been sent.
    pub(crate) async fn settled(&self) {
        let all = self.state().put;
        loop {
            let progress = self.progress.notified();
            tokio::pin!(progress);
            progress.as_mut().enable();
            if self.state().sent >= all {
                return;
            }
            progress.await;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic while the lock is held could at most leave a count temporarily wrong, so a poisoned lock is ignored.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Returns the number of the previous event that this node published in the same attempt (0 if there is none), or
    /// `None` if this event is late.
    fn follow(&mut self, event: &Event) -> Option<Seq> {
        let (id, seq) = (event.submission, event.seq);
        let mut before = Seq::default();
        if let Some(chain) = self.chains.get_mut(&id) {
            if seq <= chain.last {
                return None;
            }
            if chain.last.attempt() == seq.attempt() {
                before = chain.last;
            }
            chain.last = seq;
        }
        if event.kind.is_final() {
            self.chains.remove(&id);
        } else if !self.chains.contains_key(&id) && seq.number() > 0 {
            self.begin(id, seq);
        }
        Some(before)
    }

    fn begin(&mut self, id: SubmissionId, last: Seq) {
        // The refresh is due at once, so that the first event sets the expiry.
        let now = Instant::now();
        let refreshed = now.checked_sub(REFRESH).unwrap_or(now);
        self.forget_idle();
        self.chains.insert(id, Chain { last, kept: VecDeque::new(), kept_bytes: 0, refreshed });
        self.begun.push_back(id);
        if self.begun.len() > 2 * CHAINS_MAX {
            let chains = &self.chains;
            self.begun.retain(|id| chains.contains_key(id));
        }
        while self.chains.len() > CHAINS_MAX {
            let Some(oldest) = self.begun.pop_front() else { break };
            self.chains.remove(&oldest);
        }
    }

    /// Stops tracking submissions without recent events, oldest first, up to the first one with recent events. That one
    /// is moved to the end, so that later calls examine the others.
    fn forget_idle(&mut self) {
        while let Some(oldest) = self.begun.pop_front() {
            match self.chains.get(&oldest) {
                Some(chain) if chain.refreshed.elapsed() < FORGET_AFTER => return self.begun.push_back(oldest),
                Some(_) => drop(self.chains.remove(&oldest)),
                None => {}
            }
        }
    }

    fn put(&mut self, outgoing: Outgoing) {
        self.put += 1;
        self.bytes += outgoing.size;
        self.waiting.push_back(outgoing);
    }

    fn take(&mut self, events_max: usize, bytes_max: usize) -> Option<Vec<Outgoing>> {
        let mut bytes = 0;
        while let Some(first) = self.waiting.front() {
            let fits = self.under_way.len() < events_max && bytes + first.size <= bytes_max;
            if !fits && !self.under_way.is_empty() {
                break;
            }
            bytes += first.size;
            self.under_way.extend(self.waiting.pop_front());
        }
        self.bytes -= bytes;
        if self.waiting.is_empty() && std::mem::take(&mut self.lost) {
            self.put += 1;
            self.under_way.push(Outgoing::of(Message::Lost, false));
        }
        (!self.under_way.is_empty()).then(|| self.under_way.clone())
    }
}

impl Chain {
    /// Adds a stored event. Returns the events that must be removed for it.
    fn keep(&mut self, kept: PendingEvent, bounds: &EventBounds) -> Vec<Seq> {
        let mut gone = Vec::new();
        // Events of an earlier attempt are removed or expire on the server.
        if self.kept.back().is_some_and(|last| last.seq.attempt() != kept.seq.attempt()) {
            self.kept.clear();
            self.kept_bytes = 0;
        }
        self.kept_bytes += kept.size;
        self.kept.push_back(kept);
        while self.kept.len() > 1 && (self.kept.len() > bounds.log_events_max || self.kept_bytes > bounds.log_bytes_max)
        {
            let old = self.kept.len() - 1;
            let at = self.kept.iter().take(old).position(|kept| kept.is_output).unwrap_or(0);
            let Some(out) = self.kept.remove(at) else { break };
            self.kept_bytes -= out.size;
            gone.push(out.seq);
        }
        gone
    }

    fn is_due_for_refresh(&mut self) -> bool {
        let is_due = self.refreshed.elapsed() >= REFRESH;
        if is_due {
            self.refreshed = Instant::now();
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cupel_core::event::Stream;
    use cupel_types::Verdict;

    fn id(n: u128) -> SubmissionId {
        SubmissionId::from_uuid(uuid::Uuid::from_u128(n))
    }

    fn event(of: u128, attempt: u32, n: u32, kind: EventKind) -> Event {
        Event { submission: id(of), seq: Seq::of_attempt(attempt, n), at: jiff::Timestamp::UNIX_EPOCH, kind }
    }

    fn output(of: u128, n: u32, len: usize) -> Event {
        let kind = EventKind::Output { case: None, stream: Stream::Stdout, data: vec![b'x'; len].into() };
        event(of, 1, n, kind)
    }

    fn finished(of: u128, attempts: u32) -> Event {
        Event::finished(id(of), attempts, jiff::Timestamp::UNIX_EPOCH, Verdict::Accepted)
    }

    #[test]
    fn each_event_has_the_number_of_the_previous_event() {
        let outbox = Outbox::new(EventBounds::default());
        let started = |attempt| event(1, attempt, 1, EventKind::Started { attempt });
        assert_eq!(outbox.event(started(1)), Some(Seq::default()));
        assert_eq!(outbox.event(output(1, 2, 1)), Some(Seq::of_attempt(1, 1)));
        assert_eq!(outbox.event(output(2, 5, 1)), Some(Seq::default()), "another submission");
        assert_eq!(
            outbox.event(started(2)),
            Some(Seq::default()),
            "the first event of a new attempt has none before it"
        );
        assert_eq!(outbox.event(output(1, 3, 1)), None, "the attempt is dead");
        assert_eq!(outbox.event(finished(1, 2)), Some(Seq::of_attempt(2, 1)));
        assert!(!outbox.state().chains.contains_key(&id(1)));
    }

    #[tokio::test]
    async fn unconfirmed_messages_are_sent_again_in_order() {
        let outbox = Outbox::new(EventBounds::default());
        for n in 1..=5 {
            outbox.event(output(1, n, 1));
        }
        let numbers = |batch: Vec<Outgoing>| -> Vec<u64> {
            batch
                .into_iter()
                .map(|outgoing| match outgoing.message {
                    Message::Event { event, .. } => event.seq.number().into(),
                    other => panic!("{other:?}"),
                })
                .collect()
        };
        assert_eq!(numbers(outbox.take(2, usize::MAX).await), [1, 2]);
        outbox.sent();
        assert_eq!(numbers(outbox.take(2, usize::MAX).await), [3, 4]);
        outbox.restore();
        assert_eq!(numbers(outbox.take(10, usize::MAX).await), [3, 4, 5]);
        outbox.sent();
        outbox.settled().await;
        assert_eq!(outbox.state().bytes, 0);
    }

    #[tokio::test]
    async fn memory_is_bounded_while_the_server_is_unreachable_and_final_events_are_kept() {
        let outbox = Outbox::new(EventBounds::default());
        let big = output(1, 1, 1 << 20);
        for n in 1..200 {
            outbox.event(Event { seq: Seq::of_attempt(1, n), ..big.clone() });
        }
        for n in 0..1000 {
            outbox.event(finished(n, 1));
        }
        assert!(outbox.state().bytes <= 2 * WAITING_BYTES_MAX);
        let batch = outbox.take(usize::MAX, usize::MAX).await;
        let ends = |batch: &[Outgoing]| {
            let is_end = |o: &&Outgoing| matches!(&o.message, Message::Event { event, .. } if event.kind.is_final());
            batch.iter().filter(is_end).count()
        };
        assert_eq!(ends(&batch), 1000);
        assert!(batch.len() < 1100, "most of the output was dropped");
        let end = batch.iter().find_map(|o| match &o.message {
            Message::Event { event, before } if event.submission == id(1) && event.kind.is_final() => Some(*before),
            _ => None,
        });
        assert_eq!(end, Some(Seq::of_attempt(1, 199)), "the end names an event that a receiver may have missed");
        outbox.sent();

        // If more final events are published than fit, receivers learn that something is missing.
        for n in 0..3 * WAITING_EVENTS_MAX as u128 {
            outbox.event(finished(n, 1));
        }
        let batch = outbox.take(usize::MAX, usize::MAX).await;
        assert_eq!(ends(&batch), 2 * WAITING_EVENTS_MAX);
        assert_eq!(batch.last().map(|o| &o.message), Some(&Message::Lost));
    }

    #[test]
    fn stored_events_are_bounded_and_output_is_removed_first() {
        let outbox = Outbox::new(EventBounds { log_events_max: 4, log_bytes_max: 10_000, ..EventBounds::default() });
        outbox.event(event(1, 1, 1, EventKind::Started { attempt: 1 }));
        for n in 2..=8 {
            outbox.event(output(1, n, 10));
        }
        outbox.event(output(1, 9, 9_700));
        let gone: Vec<Vec<u32>> = {
            let state = outbox.state();
            state.waiting.iter().map(|o| o.gone.iter().map(|seq| seq.number()).collect()).collect()
        };
        let none = Vec::new;
        assert_eq!(gone, [none(), none(), none(), none(), vec![2], vec![3], vec![4], vec![5], vec![6, 7, 8]]);
    }

    /// Regression: the stored events of a program that prints nothing for some minutes expired, so a client that
    /// subscribed then got neither these events nor a gap.
    #[test]
    fn the_expiry_of_a_silent_submissions_events_is_extended_once_per_interval() {
        let outbox = Outbox::new(EventBounds::default());
        outbox.event(event(1, 1, 1, EventKind::Started { attempt: 1 }));
        let refreshes = || {
            let waiting = std::mem::take(&mut outbox.state().waiting);
            waiting.into_iter().filter(|outgoing| outgoing.refresh).map(|outgoing| outgoing.message).collect::<Vec<_>>()
        };
        assert_eq!(refreshes().len(), 1, "the first event sets the expiry");
        outbox.keep(id(1));
        outbox.keep(id(2));
        assert_eq!(refreshes(), [], "it is not due, or this node has published no event");
        let due = Instant::now().checked_sub(REFRESH).expect("the clock began earlier");
        outbox.state().chains.get_mut(&id(1)).unwrap().refreshed = due;
        outbox.keep(id(1));
        outbox.keep(id(1));
        assert_eq!(refreshes(), [Message::PendingEvent { submission: id(1), seq: Seq::of_attempt(1, 1) }]);
        outbox.event(finished(1, 1));
        refreshes();
        outbox.keep(id(1));
        assert_eq!(refreshes(), [], "the submission has ended");
    }

    #[test]
    fn submissions_without_recent_events_are_forgotten() {
        let outbox = Outbox::new(EventBounds::default());
        let input = |of, n| {
            let kind = EventKind::Started { attempt: 1 };
            outbox.event(event(of, 1, n, kind))
        };
        for of in 0..100 {
            input(of, 1);
        }
        {
            let mut state = outbox.state();
            assert_eq!(state.chains.len(), 100);
            let idle = Instant::now().checked_sub(FORGET_AFTER).expect("the clock began earlier");
            state.chains.iter_mut().filter(|(of, _)| **of != id(7)).for_each(|(_, chain)| chain.refreshed = idle);
        }
        // Each new submission removes the idle ones up to the next active one.
        input(200, 1);
        input(201, 1);
        let mut left: Vec<SubmissionId> = outbox.state().chains.keys().copied().collect();
        left.sort();
        assert_eq!(left, [id(7), id(200), id(201)]);
        assert_eq!(input(7, 2), Some(Seq::of_attempt(1, 1)), "an active submission is still tracked");
    }

    #[test]
    fn the_number_of_tracked_submissions_is_bounded() {
        let outbox = Outbox::new(EventBounds::default());
        for n in 0..3 * CHAINS_MAX as u128 {
            outbox.event(event(n, 1, 1, EventKind::Started { attempt: 1 }));
            outbox.state().waiting.clear();
            outbox.state().bytes = 0;
        }
        let state = outbox.state();
        assert_eq!(state.chains.len(), CHAINS_MAX);
        assert!(state.begun.len() <= 2 * CHAINS_MAX + 1);
    }
}
