//! The event bus, which carries live events and notices between the nodes.

use std::sync::Arc;

use async_trait::async_trait;
use cupel_types::{RunId, SubmissionId, UserId};

use crate::event::{Event, Seq};

/// Live status and output, across all nodes. A restart may lose all events; the logs of ended runs are in the store.
#[async_trait]
pub trait EventBus: Send + Sync {
    /// Publishes an event to all subscribers of its submission. Never blocks and never returns an error; slow
    /// subscribers get gaps. One node publishes all events of an attempt, except that another node may publish the
    /// final event. The first event (`Seq::of_attempt(attempt, 1)`) is published before the others.
    fn publish(&self, event: Event);
    /// The events of a submission after `after` that the bus still has, followed by live events. A caller that needs
    /// the earlier events subscribes first and then reads the store.
    async fn subscribe(&self, id: SubmissionId, after: Seq, interest: Interest) -> Box<dyn Subscription>;
    /// Keeps the events of an attempt, all of which this node has published, for some more minutes. A worker calls this
    /// several times per minute as long as the attempt lasts: the program may be silent for long, and a bus that stores
    /// events on a server drops them after a time. Never blocks and never returns an error.
    fn keep(&self, _id: SubmissionId) {}
    /// Sends a notice to all nodes, this one included. Never blocks and never returns an error. The effect of a
    /// lost `Stop` is only delayed. A node that misses a `Used` does not charge its slot time.
    fn announce(&self, notice: Notice);
    /// Subscribes to notices announced from now on. One listener per process is enough.
    fn notices(&self) -> Box<dyn Notices>;
    /// Whether other nodes can be reached at the moment; if not, the cause as human-readable text. Makes no network
    /// call.
    fn health(&self) -> Result<(), String>;
    /// Publishes pending events for at most a few seconds, and ends all subscriptions. Later subscriptions end at once.
    async fn close(&self);
}

#[async_trait]
impl<B: EventBus + ?Sized> EventBus for Arc<B> {
    fn publish(&self, event: Event) {
        (**self).publish(event);
    }

    async fn subscribe(&self, id: SubmissionId, after: Seq, interest: Interest) -> Box<dyn Subscription> {
        (**self).subscribe(id, after, interest).await
    }

    fn keep(&self, id: SubmissionId) {
        (**self).keep(id);
    }

    fn announce(&self, notice: Notice) {
        (**self).announce(notice);
    }

    fn notices(&self) -> Box<dyn Notices> {
        (**self).notices()
    }

    fn health(&self) -> Result<(), String> {
        (**self).health()
    }

    async fn close(&self) {
        (**self).close().await;
    }
}

/// The events a subscriber wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Interest {
    /// Every event.
    Everything,
    /// The final event only. A gap is reported only if the final event may have been missed.
    End,
}

/// Receiving end of a subscription.
#[async_trait]
pub trait Subscription: Send {
    /// The next event; `None` when the log has ended (after a final event, or at shutdown).
    async fn next(&mut self) -> Option<Received>;
}

/// An item of a subscription.
#[derive(Clone, Debug)]
pub enum Received {
    /// The next event, with a greater [`Seq`] than any before.
    Event(Event),
    /// Events were dropped because the subscriber was too slow, or may have been lost because the bus was unreachable.
    /// The final event may be among them: read the store. More events may follow.
    Gap,
}

/// A message to all nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// The result of a run is no longer wanted: the worker that runs it should stop.
    Stop(RunId),
    /// Slot time that runs of this owner used: queues charge it to the owner.
    Used {
        /// The owner.
        owner: UserId,
        /// Slot time, in milliseconds.
        millis: u64,
    },
}

/// Receiving end of the notices.
#[async_trait]
pub trait Notices: Send {
    /// The next notice; `None` at shutdown. A slow reader loses the oldest notices.
    async fn next(&mut self) -> Option<Notice>;
}
