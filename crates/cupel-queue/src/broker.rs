//! The interface that a broker adapter implements: connecting to a broker, and the operations on a connection.
//!
//! All adapters share everything else, which is in [`crate::brokered`]: the line with its bound and its fairness, the
//! window, the weights of classes, waiting, reconnecting, and buffering while the broker is unreachable.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use cupel_core::RunHint;
use cupel_types::PriorityClass;
use tokio_util::sync::CancellationToken;

use crate::shares::PerClass;

/// A broker that can be connected to.
#[async_trait]
pub(crate) trait Broker: Send + Sync + 'static {
    /// Opens a connection and creates the broker's objects (queues, topics, tables) that do not exist, both at the
    /// first start and after the broker lost them.
    async fn connect(&self) -> Result<Arc<dyn Link>, BrokerError>;
}

/// A connection to the broker. Dropping a link closes it. The keeper (`brokered/keeper.rs`) replaces a link after any
/// error but [`BrokerFault::Full`].
///
/// Several tasks call a link concurrently, but `take`, `wait` and `rest` are always called from the same task.
#[async_trait]
pub(crate) trait Link: Send + Sync + 'static {
    /// Publishes hints. On success the broker has all of them; on error it may have some.
    async fn put(&self, hints: &[RunHint]) -> Result<(), BrokerError>;
    /// Number of hints of each class that are ready to be taken. Called often, so it must take only one round trip.
    async fn ready(&self) -> Result<PerClass<usize>, BrokerError>;
    /// Takes up to `wanted` hints of each class, without waiting.
    async fn take(&self, wanted: PerClass<usize>) -> Result<Vec<Delivery>, BrokerError>;
    /// Waits until there may be hints to take or `end` is cancelled, for [`WAIT_MAX`](crate::brokered::WAIT_MAX) at
    /// most. May return a few hints, also after `end` is cancelled.
    async fn wait(&self, end: &CancellationToken) -> Result<Vec<Delivery>, BrokerError>;
    /// Acknowledges deliveries. An adapter without acknowledgements keeps this default.
    async fn settle(&self, _: &[Settled]) -> Result<(), BrokerError> {
        Ok(())
    }
    /// Called when no taker waits here: gives `unwanted`, and the hints that the adapter has prefetched, back to the
    /// broker, so that other nodes can take them. If the broker is full, the caller keeps `unwanted`.
    async fn rest(&self, unwanted: Vec<Delivery>) -> Result<(), BrokerError>;
    /// How long the oldest prefetched hint has waited for a taker; `None` if there is none.
    fn oldest_prefetched(&self) -> Option<Duration> {
        None
    }
    /// Disconnects cleanly. No taker waits on this connection any more, and the link is dropped once all calls have
    /// returned.
    async fn leave(&self) {}
    /// Whether the broker pushes hints even if no taker waits, so that `rest` must be called repeatedly.
    fn pushes_hints(&self) -> bool {
        false
    }
}

/// A hint that was taken from the broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Delivery {
    pub(crate) hint: RunHint,
    pub(crate) tag: Tag,
}

/// The broker's identifier of a delivery. Each adapter defines the meaning of the two numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tag(pub(crate) u64, pub(crate) u64);

/// A delivery to acknowledge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Settled {
    pub(crate) class: PriorityClass,
    pub(crate) tag: Tag,
}

/// A failed operation on the broker.
#[derive(Debug, thiserror::Error)]
#[error("cannot {doing}")]
pub(crate) struct BrokerError {
    /// The operation, such as `publish hints`.
    pub(crate) doing: &'static str,
    pub(crate) fault: BrokerFault,
    #[source]
    pub(crate) source: Box<dyn std::error::Error + Send + Sync>,
}

/// The kind of failure, which determines the remedy shown to an administrator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BrokerFault {
    /// The URL is malformed.
    Url,
    /// No server answers in time.
    Unreachable,
    /// A server answers, but does not speak the broker's protocol.
    #[cfg(feature = "kafka")]
    Stranger,
    /// The broker rejects the user or the password, or the database or virtual host in the URL does not exist.
    Denied,
    /// The broker accepts the user, but the user lacks a required permission.
    #[cfg(feature = "kafka")]
    Rights,
    /// The broker refuses new hints for lack of memory or disk space, but still delivers its hints. The connection
    /// stays usable.
    Full,
    /// The broker is too old, or a newer version of Cupel has changed its objects.
    Version,
    /// Any other failure; the source explains it.
    Other,
}

impl BrokerError {
    pub(crate) fn new(
        doing: &'static str,
        fault: BrokerFault,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> BrokerError {
        BrokerError { doing, fault, source: source.into() }
    }
}

/// Creates one value per class.
pub(crate) fn per_class<T>(make: impl Fn(PriorityClass) -> T) -> PerClass<T> {
    PriorityClass::ALL.map(make)
}
