//! Logs for the subscribers on this node, filled with the events that arrive from the server.
//!
//! A topic is either all events of a submission or only its final event. While a topic has subscribers on this node, it
//! has a *feed* with one log for all of them. Its states:
//!
//! ```text
//!  enter ──► waiting ── subscribed on the server, and its stored events read ──► joined
//!               ▲                                                                  │
//!               └────── the session with the server ended: a break ◄───────────────┘
//! ```
//!
//! Live events of a waiting feed are held back until the stored events, which may be older, have been read. So no event
//! is lost between the stored and the live events. An event that arrives both ways is recognised by its number and
//! added only once. After an interruption, subscribers get a gap when their feed is joined again. They then read the
//! earlier events from the store, and all later events follow.
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
    /// Live events that are held back, and their total size in bytes.
    Waiting(Vec<(Event, Seq)>, usize),
    Joined,
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
                feed.link = Link::Waiting(Vec::new(), 0);
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
            feed.link = Link::Waiting(Vec::new(), 0);
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

    /// Waits for topics to join or leave, and returns at most `most` of each.
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
            if let Some(feed) = feeds.get(&topic)
                && !feed.is_joined()
            {
                work.join.push((topic, feed.shared.state().log.last()));
            }
        }
        if !join.is_empty() || !leave.is_empty() {
            self.work.notify_one();
        }
        (!work.join.is_empty() || !work.leave.is_empty()).then_some(work)
    }

    /// Joins a feed whose topic is subscribed on the server. `kept` has the topic's stored events, oldest first; if the
    /// topic's interest is [`Interest::End`], `kept` has only the last stored event.
    pub(crate) fn join(&self, topic: Topic, kept: &[Message], session: Session) {
        let mut state = self.state();
        if state.session != Some(session) {
            return;
        }
        let Some(feed) = state.feeds.get_mut(&topic) else { return };
        // Skip the events of runs before the current one.
        let is_end = |message: &Message| matches!(message, Message::Event { event, .. } if event.kind.is_final());
        let newest = kept.len().saturating_sub(1);
        let begin = kept[..newest].iter().rposition(is_end).map_or(0, |at| at + 1);
        for message in &kept[begin..] {
            if let Message::Event { event, before } = message {
                feed.add(topic.interest, event.clone(), *before, &self.bounds);
            }
        }
        if let Link::Waiting(held, _) = std::mem::replace(&mut feed.link, Link::Joined) {
            for (event, before) in held {
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
        if feed.is_joined() && feed.shared.state().log.last() < seq {
            feed.link = Link::Waiting(Vec::new(), 0);
            state.join.push(topic);
            self.work.notify_one();
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

impl Feed {
    fn new(session: Option<Session>) -> Feed {
        let link = Link::Waiting(Vec::new(), 0);
        Feed { shared: Arc::default(), readers: 0, link, since: session, own_attempt: None }
    }

    fn is_joined(&self) -> bool {
        matches!(self.link, Link::Joined)
    }

    /// Processes a live event.
    fn hear(&mut self, interest: Interest, event: &Event, before: Seq, bounds: &EventBounds) {
        match &mut self.link {
            Link::Joined => self.add(interest, event.clone(), before, bounds),
            // Beyond the bound the event is dropped; the next event reveals the gap.
            Link::Waiting(held, bytes) => {
                let size = size(event);
                if held.len() < bounds.log_events_max && *bytes + size <= bounds.log_bytes_max {
                    *bytes += size;
                    held.push((event.clone(), before));
                }
            }
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

    /// Event 1 is sent to the server first, so its echo may arrive before this node has added the event itself.
    #[tokio::test]
    async fn an_early_echo_of_the_first_event_does_not_prevent_local_delivery() {
        let hub = Arc::new(Hub::new(EventBounds::default()));
        let id = SubmissionId::from_uuid(uuid::Uuid::nil());
        let event = |n| {
            let kind = EventKind::Started { attempt: 1 };
            Event { submission: id, seq: Seq::of_attempt(1, n), at: jiff::Timestamp::UNIX_EPOCH, kind }
        };
        let topic = Topic { id, interest: Interest::Everything };
        let session = hub.begin_session();
        let mut reader = hub.enter(topic, Seq::default());
        hub.join(topic, &[], session);

        hub.hear(&wire::frame(&Message::Event { event: event(1), before: Seq::default() }));
        hub.published(&event(1), Seq::default());
        hub.published(&event(2), Seq::of_attempt(1, 1));
        hub.close();

        let mut heard = Vec::new();
        while let Some(received) = reader.next().await {
            match received {
                Received::Event(event) => heard.push(event),
                Received::Gap => panic!("nothing is missing"),
            }
        }
        assert_eq!(heard, [event(1), event(2)]);
    }
}
