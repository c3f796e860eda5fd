//! What an adapter is: a way to connect to a broker, and what can be done with a connection.
//!
//! Everything else is the same for all of them and lies in [`crate::brokered`]: the line, its bound and its fairness, the window,
//! classes by weight, waiting, connecting again, and what is done while the broker is away.

use std::sync::Arc;

use async_trait::async_trait;
use cupel_core::RunHint;
use cupel_types::PriorityClass;

use crate::shares::PerClass;

/// Connects to a broker.
#[async_trait]
pub(crate) trait Broker: Send + Sync + 'static {
    /// A connection, with everything made that this needs to find there: at the first start, and after the broker has lost it.
    async fn connect(&self) -> Result<Arc<dyn Link>, BrokerError>;
}

/// A connection. After an error it is given up for another one; dropping it closes it.
///
/// Calls come at the same time from several tasks, but for `take`, `wait` and `rest`, which come from one.
#[async_trait]
pub(crate) trait Link: Send + Sync + 'static {
    /// Hands hints over. When this returns the broker has them; after an error it may have some.
    async fn put(&self, hints: &[RunHint]) -> Result<(), BrokerError>;
    /// How many of each class anybody could take. Asked often: one round trip.
    async fn ready(&self) -> Result<PerClass<usize>, BrokerError>;
    /// Up to so many of each class, without waiting.
    async fn take(&self, wanted: PerClass<usize>) -> Result<Vec<Delivery>, BrokerError>;
    /// Waits until there may be something to take, [`WAIT_MAX`](crate::brokered::WAIT_MAX) at most. May bring what it found,
    /// few at a time.
    async fn wait(&self) -> Result<Vec<Delivery>, BrokerError>;
    /// Nobody needs these any more. An adapter that has nothing to settle does not say anything.
    async fn settle(&self, _: &[Settled]) -> Result<(), BrokerError> {
        Ok(())
    }
    /// Nobody here waits for hints: what was taken ahead of need goes back to where others find it, and so does `unwanted`.
    async fn rest(&self, unwanted: Vec<Delivery>) -> Result<(), BrokerError>;
    /// The last word: nobody will wait for hints on this connection any more, and it is dropped as soon as all calls are over.
    async fn leave(&self) {}
    /// Whether hints come here although nobody waits, so that `rest` has to be called again and again.
    fn comes_unasked(&self) -> bool {
        false
    }
}

/// A hint that was taken from the broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Delivery {
    pub(crate) hint: RunHint,
    pub(crate) tag: Tag,
}

/// By what the broker knows a delivery: what the two numbers mean is each adapter's own affair.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tag(pub(crate) u64, pub(crate) u64);

/// A delivery that is done with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Settled {
    pub(crate) class: PriorityClass,
    pub(crate) tag: Tag,
}

/// The broker could not do something.
#[derive(Debug, thiserror::Error)]
#[error("cannot {doing}")]
pub(crate) struct BrokerError {
    /// Such as `put hints`.
    pub(crate) doing: &'static str,
    pub(crate) fault: Fault,
    #[source]
    pub(crate) source: Box<dyn std::error::Error + Send + Sync>,
}

/// What an administrator would have to look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The URL cannot be meant.
    Url,
    /// Nobody answers there, or not in time.
    Unreachable,
    /// Somebody answers there, but not as such a broker does.
    #[cfg(feature = "kafka")]
    Stranger,
    /// The broker does not know this user or password, or what the URL names beside.
    Denied,
    /// The broker knows this user, who may not do what this needs.
    #[cfg(feature = "kafka")]
    Rights,
    /// The broker has no room for more hints, and gives what it has all the same: this is no fault of the connection.
    Full,
    /// The broker is older than what is used of it, or has been used by something newer than this.
    Version,
    /// Anything else; what the source says.
    Other,
}

impl BrokerError {
    pub(crate) fn new(
        doing: &'static str,
        fault: Fault,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> BrokerError {
        BrokerError { doing, fault, source: source.into() }
    }
}

/// A number's place among things of which there is one a class.
pub(crate) fn per_class<T>(make: impl Fn(PriorityClass) -> T) -> PerClass<T> {
    PriorityClass::ALL.map(make)
}
