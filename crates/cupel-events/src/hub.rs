//! Logs for the subscribers on this node, filled with the events that arrive from the server.
//!
//! A topic is either all events of a submission or only its final event. While a topic has subscribers on this node, it
//! has a *feed* with one log for all of them. Its states:
//!
//! ```text
//!  enter ──► waiting ── subscribed on the server, and its stored events read ──► joined
//!               ▲                                                                  │
//!               ├────── the session with the server ended: a break ◄───────────────┤
//!               └────── a reference to a stored event arrived ◄────────────────────┘
//! ```
//!
//! Live events of a waiting feed are held back until the stored events, which may be older, have been read. So no event
//! is lost between the stored and the live events. An event that arrives both ways is recognised by its number and
//! added only once. A reference to a stored event may arrive while the stored events are being read. This read may have
//! begun before the event was stored, so the feed then remains waiting, and they are read again. A read that begins
//! later and does not find the event shows that the server no longer has it: subscribers get a gap. After an
//! interruption, subscribers get a gap when their feed is joined again. They then read the earlier events from the
//! store, and all later events follow.
//!
//! If the feed existed when an attempt's first event was published on this node, all events of the attempt reach the
//! feed directly. If not, they all arrive from the server, in order.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cupel_core::Interest;
use cupel_core::event::{Event, Seq};
use cupel_types::SubmissionId;
use tokio::sync::Notify;

use crate::EventBounds;
use crate::log::size;
use crate::notices::NoticeBoard;
use crate::reader::{Reader, Shared};
use crate::wire::{self, Message};

/// The subject of a subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Topic {
    pub(crate) id: SubmissionId,
    pub(crate) interest: Interest,
}

/// Number of a session with the server.
pub(crate) type Session = u64;

/// The feeds of this node.
#[derive(Debug)]
pub(crate) struct Hub {
    /// Random id of this node.
    pub(crate) node: u64,
    pub(crate) notices: NoticeBoard,
    bounds: EventBounds,
    state: Mutex<State>,
    work: Notify,
    /// Notified when a feed was joined, and when the session ended.
    joins: Notify,
}

#[derive(Debug, Default)]
struct State {
    feeds: HashMap<Topic, Feed>,
    join: Vec<Topic>,
    leave: Vec<Topic>,
    /// The current session. Sessions are numbered from 1.
    session: Option<Session>,
    sessions: Session,
    closed: bool,
}

#[derive(Debug)]
struct Feed {
    shared: Arc<Shared>,
    readers: usize,
    link: Link,
    /// The session in which the feed was created or last received a break.
    since: Option<Session>,
    /// The attempt whose events are all published on this node.
    own_attempt: Option<u32>,
}

#[derive(Debug)]
enum Link {
    Waiting(Waiting),
    Joined,
}

/// What arrived while the stored events have not been read.
#[derive(Debug, Default)]
struct Waiting {
    /// Live events that are held back, each with the number of the previous event.
    held: Vec<(Event, Seq)>,
    /// Total size of these events, in bytes.
    bytes: usize,
    /// The highest number that was only referenced since the current read of the stored events began. A read that
    /// begins after a reference has arrived finds the event, or the event is no longer stored. So each reference causes
    /// at most one more read.
    referenced: Seq,
    /// The highest number that was only referenced before that read began. If the read does not find the event, the
    /// server has lost or dropped it.
    sought: Seq,
}

/// Topics to join and to leave on the server.
#[derive(Debug, Default)]
pub(crate) struct TopicChanges {
    pub(crate) leave: Vec<Topic>,
    /// Topics to join, each with the number of the last event already in the feed's log.
    pub(crate) join: Vec<(Topic, Seq)>,
}

/// Notifies the hub when the reader that holds this guard is dropped.
pub(crate) struct Leave {
    hub: Arc<Hub>,
    topic: Topic,
}

impl Drop for Leave {
    fn drop(&mut self) {
        let mut state = self.hub.state();
        let Some(feed) = state.feeds.get_mut(&self.topic) else { return };
        feed.readers -= 1;
        if feed.readers == 0 {
            state.feeds.remove(&self.topic);
            if state.session.is_some() {
                state.leave.push(self.topic);
                drop(state);
                self.hub.work.notify_one();
            }
        }
    }
}

impl Hub {
    pub(crate) fn new(bounds: EventBounds) -> Hub {
        Hub {
            node: uuid::Uuid::new_v4().as_u64_pair().0,
            notices: NoticeBoard::default(),
            bounds,
            state: Mutex::default(),
            work: Notify::new(),
            joins: Notify::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // The feeds are consistent after each step of every change, so the data behind a poisoned lock is usable.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    // ---- Methods for subscribers ----

    /// Subscribes to a topic.
    pub(crate) fn enter(self: &Arc<Hub>, topic: Topic, after: Seq) -> Reader<Leave> {
        let mut state = self.state();
        let shared = if state.closed {
            let shared = Arc::new(Shared::default());
            shared.cut();
            shared
        } else {
            let session = state.session;
            let State { feeds, join, .. } = &mut *state;
            let feed = feeds.entry(topic).or_insert_with(|| {
                join.push(topic);
                self.work.notify_one();
                Feed::new(session)
            });
            feed.readers += 1;
            if topic.interest == Interest::End && feed.is_joined() && feed.shared.state().log.ended() {
                // The submission may have been rejudged since the log ended. Only the stored events show that.
                feed.shared = Arc::default();
                feed.link = Link::waiting();
                join.push(topic);
                self.work.notify_one();
            }
            Arc::clone(&feed.shared)
        };
        let guard = Leave { hub: Arc::clone(self), topic };
        // The lock is still held, so that the feed's log cannot be replaced first.
        Reader::new(shared, after, topic.interest, guard)
    }

    /// Waits until the topic's feed is joined, or the session has ended.
    pub(crate) async fn joined(&self, topic: Topic) {
        loop {
            let ring = self.joins.notified();
            tokio::pin!(ring);
            ring.as_mut().enable();
            {
                let state = self.state();
                if state.session.is_none() || state.feeds.get(&topic).is_none_or(Feed::is_joined) {
                    return;
                }
            }
            ring.await;
        }
    }

    /// Ends all subscriptions after their existing events. Later subscriptions end at once.
    pub(crate) fn close(&self) {
        let mut state = self.state();
        state.closed = true;
        state.feeds.drain().for_each(|(_, feed)| feed.shared.cut());
        self.notices.close();
    }

    // ---- Methods for publishers on this node ----

    /// Adds an event published on this node to the feeds that can receive it without the server. `before` is the number
    /// of the previous event.
    pub(crate) fn published(&self, event: &Event, before: Seq) {
        let mut state = self.state();
        for topic in topics(event.submission) {
            let Some(feed) = state.feeds.get_mut(&topic) else { continue };
            let attempt = event.seq.attempt();
            // The numbers are equal if the server's echo of this event has reached the feed first.
            if event.seq.number() == 1 && event.seq >= feed.shared.state().log.last() {
                feed.own_attempt = Some(attempt);
            }
            if feed.own_attempt == Some(attempt) {
                feed.add(topic.interest, event.clone(), before, &self.bounds);
            }
        }
    }

    // ---- Methods for the session with the server ----

    /// Begins a session. All feeds must be joined again.
    pub(crate) fn begin_session(&self) -> Session {
        let mut state = self.state();
        state.sessions += 1;
        state.session = Some(state.sessions);
        state.leave.clear();
        state.join = state.feeds.keys().copied().collect();
        self.work.notify_one();
        state.sessions
    }

    /// Ends the session. Events may be missed until the next session.
    pub(crate) fn end_session(&self) {
        let mut state = self.state();
        state.session = None;
        for feed in state.feeds.values_mut() {
            feed.link = Link::waiting();
        }
        drop(state);
        self.joins.notify_waiters();
        self.break_all();
    }

    /// Adds a break to all logs, because every subscriber may have missed something.
    pub(crate) fn break_all(&self) {
        for feed in self.state().feeds.values() {
            feed.shared.state().log.break_here();
            feed.shared.ring(true);
        }
    }

    /// Waits for topics to join or leave, and returns at most `most` of each. The caller then reads the stored events
    /// of the topics to join, and calls [`Hub::join`].
    pub(crate) async fn work(&self, most: usize) -> TopicChanges {
        loop {
            let ring = self.work.notified();
            if let Some(work) = self.take_work(most) {
                return work;
            }
            ring.await;
        }
    }

    fn take_work(&self, most: usize) -> Option<TopicChanges> {
        let mut state = self.state();
        let mut work = TopicChanges::default();
        let State { feeds, join, leave, .. } = &mut *state;
        while work.leave.len() < most
            && let Some(topic) = leave.pop()
        {
            if !feeds.contains_key(&topic) {
                work.leave.push(topic);
            }
        }
        while work.join.len() < most
            && let Some(topic) = join.pop()
        {
            if let Some(feed) = feeds.get_mut(&topic)
                && let Link::Waiting(waiting) = &mut feed.link
            {
                // The read begins now, so it finds the events that were referenced before.
                waiting.sought = waiting.sought.max(std::mem::take(&mut waiting.referenced));
                work.join.push((topic, feed.shared.state().log.last()));
            }
        }
        if !join.is_empty() || !leave.is_empty() {
            self.work.notify_one();
        }
        (!work.join.is_empty() || !work.leave.is_empty()).then_some(work)
    }

    /// Joins a feed whose topic is subscribed on the server. `kept` has the topic's stored events, oldest first; if the
    /// topic's interest is [`Interest::End`], `kept` has only the last stored event. If the read may have missed an
    /// event that was referenced in the meantime, the feed is not joined yet, and its stored events are read again.
    pub(crate) fn join(&self, topic: Topic, kept: &[Message], session: Session) {
        let mut state = self.state();
        if state.session != Some(session) {
            return;
        }
        let State { feeds, join, .. } = &mut *state;
        let Some(feed) = feeds.get_mut(&topic) else { return };
        // Skip the events of runs before the current one.
        let is_end = |message: &Message| matches!(message, Message::Event { event, .. } if event.kind.is_final());
        let newest = kept.len().saturating_sub(1);
        let begin = kept[..newest].iter().rposition(is_end).map_or(0, |at| at + 1);
        for message in &kept[begin..] {
            if let Message::Event { event, before } = message {
                feed.add(topic.interest, event.clone(), *before, &self.bounds);
            }
        }
        let last = feed.shared.state().log.last();
        if let Link::Waiting(waiting) = &mut feed.link
            && waiting.referenced > last
        {
            // The held events may follow the referenced event, so they are added after the next read.
            waiting.forget_until(last);
            feed.shared.ring(false);
            join.push(topic);
            self.work.notify_one();
            return;
        }
        if let Link::Waiting(waiting) = std::mem::replace(&mut feed.link, Link::Joined) {
            if topic.interest == Interest::Everything {
                feed.shared.state().log.miss(waiting.sought);
            }
            for (event, before) in waiting.held {
                feed.add(topic.interest, event, before, &self.bounds);
            }
        }
        let had_gone = feed.since.replace(session) != Some(session);
        if had_gone {
            feed.shared.state().log.break_here();
        }
        feed.shared.ring(had_gone);
        self.joins.notify_waiters();
    }

    /// Processes bytes that arrived from the server.
    pub(crate) fn hear(&self, bytes: &[u8]) {
        let reading = wire::read(bytes);
        if reading.garbage > 0 {
            garbage(reading.garbage);
        }
        reading.messages.into_iter().for_each(|message| self.heard(message));
    }

    fn heard(&self, message: Message) {
        match message {
            Message::Event { event, before } => {
                let mut state = self.state();
                for topic in topics(event.submission) {
                    if let Some(feed) = state.feeds.get_mut(&topic) {
                        feed.hear(topic.interest, &event, before, &self.bounds);
                    }
                }
            }
            Message::PendingEvent { submission, seq } => self.fetch(submission, seq),
            Message::Notice { notice, from } => {
                // This node's own notices were delivered locally at once.
                if from != self.node {
                    self.notices.send(notice);
                }
            }
            Message::Lost => self.break_all(),
        }
    }

    /// Requests a stored event. Later events are held back until the stored event has been read.
    fn fetch(&self, id: SubmissionId, seq: Seq) {
        let topic = Topic { id, interest: Interest::Everything };
        let mut state = self.state();
        let Some(feed) = state.feeds.get_mut(&topic) else { return };
        match &mut feed.link {
            Link::Waiting(waiting) => waiting.referenced = waiting.referenced.max(seq),
            Link::Joined if feed.shared.state().log.last() < seq => {
                feed.link = Link::Waiting(Waiting { sought: seq, ..Waiting::default() });
                state.join.push(topic);
                self.work.notify_one();
            }
            Link::Joined => {}
        }
    }
}

/// The possible topics of a submission.
fn topics(id: SubmissionId) -> [Topic; 2] {
    [Interest::Everything, Interest::End].map(|interest| Topic { id, interest })
}

/// Counts unreadable frames.
pub(crate) fn garbage(frames: u64) {
    metrics::counter!("cupel_events_dropped_total", "why" => "unreadable").increment(frames);
    tracing::debug!(frames, "dropped unreadable data from the event bus");
}

impl Link {
    fn waiting() -> Link {
        Link::Waiting(Waiting::default())
    }
}

impl Waiting {
    /// Holds a live event back. Beyond the bound the event is dropped; the next event reveals the gap.
    fn hold(&mut self, event: &Event, before: Seq, bounds: &EventBounds) {
        let size = size(event);
        if self.held.len() < bounds.log_events_max && self.bytes + size <= bounds.log_bytes_max {
            self.bytes += size;
            self.held.push((event.clone(), before));
        }
    }

    /// Drops the held events up to `last`, because the log has them.
    fn forget_until(&mut self, last: Seq) {
        self.held.retain(|(event, _)| event.seq > last);
        self.bytes = self.held.iter().map(|(event, _)| size(event)).sum();
    }
}

impl Feed {
    fn new(session: Option<Session>) -> Feed {
        Feed { shared: Arc::default(), readers: 0, link: Link::waiting(), since: session, own_attempt: None }
    }

    fn is_joined(&self) -> bool {
        matches!(self.link, Link::Joined)
    }

    /// Processes a live event.
    fn hear(&mut self, interest: Interest, event: &Event, before: Seq, bounds: &EventBounds) {
        match &mut self.link {
            Link::Joined => self.add(interest, event.clone(), before, bounds),
            Link::Waiting(waiting) => waiting.hold(event, before, bounds),
        }
    }

    fn add(&mut self, interest: Interest, event: Event, before: Seq, bounds: &EventBounds) {
        let mut state = self.shared.state();
        if state.log.is_over_before(event.seq) {
            // The submission is being rejudged. Readers of the previous run keep that run's log, which has ended.
            drop(state);
            self.shared = Arc::default();
            state = self.shared.state();
        }
        let is_final = event.kind.is_final();
        match interest {
            Interest::End if !is_final => return state.log.skip(event.seq),
            Interest::End => {}
            Interest::Everything => state.log.miss(before),
        }
        if state.log.push(event, bounds.log_events_max, bounds.log_bytes_max) {
            drop(state);
            self.shared.ring(is_final);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cupel_core::event::EventKind;
    use cupel_core::{Received, Subscription as _};

    const TOPIC: Topic = Topic { id: SubmissionId::from_uuid(uuid::Uuid::nil()), interest: Interest::Everything };

    fn event(n: u32) -> Event {
        let kind = EventKind::Started { attempt: 1 };
        Event { submission: TOPIC.id, seq: Seq::of_attempt(1, n), at: jiff::Timestamp::UNIX_EPOCH, kind }
    }

    /// An event with the number of the previous event.
    fn message(n: u32) -> Message {
        let before = if n == 1 { Seq::default() } else { Seq::of_attempt(1, n - 1) };
        Message::Event { event: event(n), before }
    }

    fn reference(n: u32) -> Message {
        Message::PendingEvent { submission: TOPIC.id, seq: Seq::of_attempt(1, n) }
    }

    /// Receives until the bus is closed: the numbers of the events, and `None` for a gap.
    async fn heard(reader: &mut Reader<Leave>) -> Vec<Option<u32>> {
        let mut heard = Vec::new();
        while let Some(received) = reader.next().await {
            heard.push(match received {
                Received::Event(event) => Some(event.seq.number()),
                Received::Gap => None,
            });
        }
        heard
    }

    /// The next topic to join must be `TOPIC`, of which the hub has the events up to `last`. Its read begins.
    fn begin_read(hub: &Hub, last: u32) {
        let work = hub.take_work(1).expect("the stored events are to be read");
        let expected = if last == 0 { Seq::default() } else { Seq::of_attempt(1, last) };
        assert_eq!(work.join, [(TOPIC, expected)]);
    }

    /// The read does not contain the event, because it began before the event was stored.
    #[tokio::test]
    async fn an_event_that_is_referenced_during_a_read_causes_another_read() {
        for is_first_read in [true, false] {
            let hub = Arc::new(Hub::new(EventBounds::default()));
            let session = hub.begin_session();
            let mut reader = hub.enter(TOPIC, Seq::default());
            begin_read(&hub, 0);
            if !is_first_read {
                hub.join(TOPIC, &[], session);
                hub.heard(reference(1));
                begin_read(&hub, 0);
            }
            hub.heard(reference(2));
            hub.heard(message(3));
            hub.join(TOPIC, &[message(1)], session);
            begin_read(&hub, 1);
            hub.heard(reference(4));
            hub.heard(message(5));
            hub.join(TOPIC, &[message(2), message(3)], session);
            begin_read(&hub, 3);
            hub.join(TOPIC, &[message(4), message(5)], session);
            hub.heard(message(6));
            assert!(hub.take_work(1).is_none());
            hub.close();
            assert_eq!(heard(&mut reader).await, (1..=6).map(Some).collect::<Vec<_>>());
        }
    }

    /// A worker references the last event of a silent program from time to time.
    #[tokio::test]
    async fn a_subscriber_without_the_events_of_a_silent_program_gets_a_gap_although_none_follows() {
        let hub = Arc::new(Hub::new(EventBounds::default()));
        let session = hub.begin_session();
        let mut reader = hub.enter(TOPIC, Seq::default());
        begin_read(&hub, 0);
        hub.join(TOPIC, &[], session);
        hub.heard(reference(2));
        begin_read(&hub, 0);
        hub.join(TOPIC, &[], session);
        assert!(matches!(reader.next().await, Some(Received::Gap)));
        hub.heard(reference(2));
        assert!(hub.take_work(1).is_none(), "the reference is known");
        hub.heard(message(3));
        hub.close();
        assert_eq!(heard(&mut reader).await, [Some(3)]);
    }

    #[tokio::test]
    async fn a_referenced_event_that_is_not_stored_causes_one_more_read_and_a_gap() {
        let hub = Arc::new(Hub::new(EventBounds::default()));
        let session = hub.begin_session();
        let mut reader = hub.enter(TOPIC, Seq::default());
        begin_read(&hub, 0);
        hub.heard(reference(2));
        hub.heard(message(3));
        hub.join(TOPIC, &[message(1)], session);
        begin_read(&hub, 1);
        hub.join(TOPIC, &[], session);
        assert!(hub.take_work(1).is_none());
        hub.close();
        assert_eq!(heard(&mut reader).await, [Some(1), None, Some(3)]);
    }

    /// Event 1 is sent to the server first, so its echo may arrive before this node has added the event itself.
    #[tokio::test]
    async fn an_early_echo_of_the_first_event_does_not_prevent_local_delivery() {
        let hub = Arc::new(Hub::new(EventBounds::default()));
        let session = hub.begin_session();
        let mut reader = hub.enter(TOPIC, Seq::default());
        hub.join(TOPIC, &[], session);

        hub.hear(&wire::frame(&message(1)));
        hub.published(&event(1), Seq::default());
        hub.published(&event(2), Seq::of_attempt(1, 1));
        hub.close();

        assert_eq!(heard(&mut reader).await, [Some(1), Some(2)]);
    }
}
