//! The queue, which carries hints from API nodes to workers.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use cupel_types::{LanguageId, PriorityClass, RunId, UserId};

/// "Look at this run": the only message of a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RunHint {
    /// The run.
    pub run: RunId,
    /// The owner of the run, or the share of a guest ([`UserId::share`]); queues are fair between owners.
    pub owner: UserId,
    /// The priority.
    pub class: PriorityClass,
}

impl RunHint {
    /// The hint for a run of this user.
    pub fn new(run: RunId, user: UserId, class: PriorityClass) -> RunHint {
        RunHint { run, owner: user.share(), class }
    }
}

/// A hint that a worker has taken; [`Queue::settle`] ends it.
#[derive(Debug)]
pub struct Hinted {
    /// The hint.
    pub hint: RunHint,
    /// Data that the adapter needs for settling the hint.
    pub token: u64,
}

/// Failure to publish or take a hint.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum QueueError {
    #[error("the queue is full ({depth_max} runs wait)")]
    Full { depth_max: usize },
    #[error("the queue is closed")]
    Closed,
    #[error("the queue cannot be reached")]
    Unreachable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Carries hints from API nodes to workers. It may lose hints and may deliver a hint twice: the store is the source of
/// truth.
#[async_trait]
pub trait Queue: Send + Sync {
    /// Publishes all hints or none. Skips hints of runs that this process knows to be in the queue.
    async fn publish(&self, hints: &[RunHint]) -> Result<(), QueueError>;
    /// The next hint. The priority classes share the hints by weight, and the owners within a class by the slot time
    /// charged to them. Waits until a hint is available.
    async fn next(&self) -> Result<Hinted, QueueError>;
    /// The next hint of an owner not in `not`, if one is available at once. A queue at a broker examines a bounded
    /// number of hints, which takes some time.
    async fn next_other(&self, not: &[UserId]) -> Result<Option<Hinted>, QueueError>;
    /// Charges slot time to an owner. Cheap, never blocks.
    fn charge(&self, owner: UserId, time: Duration);
    /// Settles a hint, so that the queue does not deliver it again. The outcome of its run does not matter.
    async fn settle(&self, hinted: Hinted) -> Result<(), QueueError>;
    /// Number of waiting hints, for admission and metrics: hints that this process has not yet passed to the broker,
    /// plus hints at the broker as of the last reading.
    async fn depth(&self) -> Result<usize, QueueError>;
    /// Number of an owner's waiting hints. Hints already handed to the broker cannot be counted per owner. Called for
    /// every submission, so it must be cheap.
    async fn depth_of(&self, owner: UserId) -> Result<usize, QueueError>;
    /// Maximum number of waiting hints.
    fn depth_max(&self) -> usize;
    /// Whether this process can currently exchange hints with others; if not, the cause as human-readable text. Makes
    /// no network call.
    fn health(&self) -> Result<(), String>;
    /// A separate queue for one language: its hints are taken only by workers with this language. The queue uses the
    /// same broker and has its own bounds. A repeated call returns another handle to the same queue.
    async fn language_queue(&self, language: &LanguageId) -> Result<Arc<dyn Queue>, QueueError>;
    /// Closes the queue and its language queues: current and later calls get [`QueueError::Closed`]. Hints that were
    /// taken from the broker and not handed out are returned to it for other processes.
    fn close(&self);
    /// Waits at most a few seconds until a closed queue and its language queues have shut down and have returned their
    /// hints to other processes.
    async fn gone(&self) {}
}
