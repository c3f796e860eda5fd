//! State that the tasks of a queue at a broker share, behind one lock that is never held across an await.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Weak};

use cupel_core::{Hinted, RunHint};
use cupel_types::{RunId, UserId};

use super::gauge::Gauge;
use super::recent::Recent;
use crate::broker::{Delivery, Link, Settled};
use crate::line::Line;
use crate::shares::index;

/// Maximum number of unsettled hints, more than any node has slots. It bounds memory if a taker never settles.
const UNSETTLED_MAX: usize = 100_000;

#[derive(Default)]
pub(super) struct State {
    pub(super) line: Line,
    /// Hints on their way from the line to the broker.
    pub(super) moving: HashMap<RunId, RunHint>,
    pub(super) recent: Recent,
    /// Number of hints at the broker.
    pub(super) gauge: Gauge,
    /// Number of takers that wait.
    pub(super) waiting: usize,
    /// Hints taken from the broker, for the next taker.
    arrived: VecDeque<(Weak<dyn Link>, Delivery)>,
    unsettled: BTreeMap<u64, Unsettled>,
    tokens: u64,
    pub(super) closed: bool,
}

/// A hint that a taker holds.
pub(super) struct Unsettled {
    pub(super) link: Weak<dyn Link>,
    pub(super) settled: Settled,
}

impl State {
    /// Whether a hint for the run waits here, or was moved from here to the broker a moment ago.
    pub(super) fn is_known(&mut self, run: RunId) -> bool {
        self.line.is_waiting(run) || self.moving.contains_key(&run) || self.recent.has(run)
    }

    /// Number of waiting hints known here. Arrived hints are excluded: they were counted while they were at the broker,
    /// and are about to be handed out.
    pub(super) fn depth(&self) -> usize {
        self.line.len() + self.moving.len() + self.gauge.total()
    }

    /// Whether no hint is known to wait, here or at the broker.
    pub(super) fn is_empty(&self) -> bool {
        self.depth() == 0 && self.arrived.is_empty()
    }

    pub(super) fn depth_of(&self, owner: UserId) -> usize {
        self.line.len_of(owner) + self.moving.values().filter(|hint| hint.owner == owner).count()
    }

    /// Takes the next hints for the broker: at most `most` in total, and at most as many of each class as fit in its
    /// window.
    pub(super) fn next_to_move(&mut self, window: usize, most: usize) -> Vec<RunHint> {
        let mut under_way = [0; crate::shares::CLASSES];
        for hint in self.moving.values() {
            under_way[index(hint.class)] += 1;
        }
        let mut hints = Vec::new();
        while hints.len() < most {
            let open = std::array::from_fn(|class| self.gauge.ready(class) + under_way[class] < window);
            let Some(hint) = self.line.pop_of(open) else { break };
            under_way[index(hint.class)] += 1;
            self.moving.insert(hint.run, hint);
            hints.push(hint);
        }
        hints
    }

    /// Records that the broker has the hints. Hints that have been taken before the broker's confirmation are left out.
    pub(super) fn moved(&mut self, hints: &[RunHint]) {
        for hint in hints {
            if self.moving.remove(&hint.run).is_some() {
                self.recent.add(hint.run);
                self.gauge.put(index(hint.class));
            }
        }
    }

    /// Number of hints to take from the broker.
    pub(super) fn wanted(&self) -> usize {
        self.waiting.saturating_sub(self.arrived.len())
    }

    pub(super) fn arrive(&mut self, link: &Arc<dyn Link>, deliveries: Vec<Delivery>) {
        for delivery in deliveries {
            if self.moving.remove(&delivery.hint.run).is_none() {
                self.recent.forget(delivery.hint.run);
                self.gauge.taken(index(delivery.hint.class));
            }
            self.arrived.push_back((Arc::downgrade(link), delivery));
        }
    }

    pub(super) fn has_arrived(&self) -> bool {
        !self.arrived.is_empty()
    }

    /// Returns unwanted hints to the hints that have arrived, because the broker is too full to take them back.
    pub(super) fn keep(&mut self, link: &Arc<dyn Link>, unwanted: Vec<Delivery>) {
        self.arrived.extend(unwanted.into_iter().map(|delivery| (Arc::downgrade(link), delivery)));
    }

    /// Takes the hints that arrived by this connection if no taker waits, or if the queue is closed, because a closed
    /// queue hands out no hints. Hints of other connections stay for the next taker.
    pub(super) fn unwanted(&mut self, link: &Arc<dyn Link>) -> Vec<Delivery> {
        if self.waiting > 0 && !self.closed {
            return Vec::new();
        }
        let by_it = Arc::downgrade(link);
        let (unwanted, kept) = self.arrived.drain(..).partition(|(link, _)| link.ptr_eq(&by_it));
        self.arrived = kept;
        unwanted.into_iter().map(|(_, delivery): (_, Delivery)| delivery).collect()
    }

    pub(super) fn hand_out(&mut self) -> Option<Hinted> {
        let (link, Delivery { hint, tag }) = self.arrived.pop_front()?;
        self.tokens += 1;
        self.unsettled.insert(self.tokens, Unsettled { link, settled: Settled { class: hint.class, tag } });
        if self.unsettled.len() > UNSETTLED_MAX {
            self.unsettled.pop_first();
        }
        Some(Hinted { hint, token: self.tokens })
    }

    pub(super) fn settle(&mut self, token: u64) -> Option<Unsettled> {
        self.unsettled.remove(&token)
    }

    /// Records that the connection is lost, and possibly the hints that were sent over it.
    pub(super) fn disconnected(&mut self) {
        self.recent = Recent::default();
        self.unsettled.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_trait::async_trait;
    use cupel_types::PriorityClass;
    use tokio_util::sync::CancellationToken;
    use uuid::Uuid;

    use crate::broker::{BrokerError, Tag};
    use crate::shares::PerClass;

    struct Nowhere;

    #[async_trait]
    impl Link for Nowhere {
        async fn put(&self, _: &[RunHint]) -> Result<(), BrokerError> {
            Ok(())
        }
        async fn ready(&self) -> Result<PerClass<usize>, BrokerError> {
            Ok(PerClass::default())
        }
        async fn take(&self, _: PerClass<usize>) -> Result<Vec<Delivery>, BrokerError> {
            Ok(Vec::new())
        }
        async fn wait(&self, _: &CancellationToken) -> Result<Vec<Delivery>, BrokerError> {
            Ok(Vec::new())
        }
        async fn rest(&self, _: Vec<Delivery>) -> Result<(), BrokerError> {
            Ok(())
        }
    }

    fn hint() -> RunHint {
        let id = |n| Uuid::from_u128(n);
        RunHint { run: RunId::from_uuid(id(1)), owner: UserId::from_uuid(id(2)), class: PriorityClass::Batch }
    }

    #[test]
    fn a_closed_queue_returns_arrived_hints_although_takers_still_wait() {
        let link: Arc<dyn Link> = Arc::new(Nowhere);
        let mut state = State { waiting: 1, ..State::default() };
        let delivery = Delivery { hint: hint(), tag: Tag::default() };
        state.arrive(&link, vec![delivery]);
        assert_eq!(state.unwanted(&link), [], "the taker gets the hint");
        state.closed = true;
        assert_eq!(state.unwanted(&link), [delivery]);
    }

    /// RabbitMQ may confirm a hint after delivering it, and Redis' replies come by two connections.
    #[test]
    fn a_hint_that_arrives_before_its_confirmation_may_be_published_again_at_once() {
        let hint = hint();
        let link: Arc<dyn Link> = Arc::new(Nowhere);
        let mut state = State::default();
        state.line.push(hint);
        let moving = state.next_to_move(10, 10);
        assert_eq!((moving.as_slice(), state.is_known(hint.run), state.depth()), ([hint].as_slice(), true, 1));
        state.arrive(&link, vec![Delivery { hint, tag: Tag::default() }]);
        state.moved(&moving);
        assert_eq!((state.is_known(hint.run), state.depth()), (false, 0));
        assert_eq!(state.hand_out().map(|hinted| hinted.hint), Some(hint));
    }
}
