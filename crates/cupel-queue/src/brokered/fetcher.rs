//! Takes hints from the broker for this node's waiting takers, and divides them between classes by weight.

use std::sync::Arc;
use std::time::{Duration, Instant};

use cupel_core::chain;
use tokio_util::sync::CancellationToken;

use super::{ANSWER_MAX, LEAVE_MAX, Shared, WAIT_MAX, in_time};
use crate::broker::{BrokerError, BrokerFault, Delivery, Link};
use crate::shares::{CLASSES, PerClass, Shares, index};

/// Time after which prefetched hints are returned while no taker waits. It begins with the last taker, or with the
/// arrival of the oldest hint. Otherwise, a node with few slots and short runs would keep them until it has judged all.
const REST_AFTER: Duration = Duration::from_millis(100);
/// How long an empty class is skipped while others have hints.
const EMPTY_FOR: Duration = Duration::from_millis(10);

/// Runs until the queue is closed.
pub(super) async fn fetch(shared: Arc<Shared>) {
    let mut classes = Classes::default();
    let mut rested = false;
    while !shared.end.is_cancelled() {
        let wanted = shared.state().wanted();
        if wanted == 0 {
            tokio::select! {
                () = shared.end.cancelled() => {}
                () = shared.fetch.notified() => {}
                () = tokio::time::sleep(until_rest(&shared)), if !rested => rested = rest(&shared).await,
            }
            continue;
        }
        rested = false;
        let link = tokio::select! {
            () = shared.end.cancelled() => break,
            link = shared.keeper.connected() => link,
        };
        let taken = tokio::select! {
            taken = take_or_wait(&*link, &mut classes, wanted, &shared.end) => taken,
            // The queue is closed, but the hints of an operation that is cancelled may be lost.
            () = ended_for(LEAVE_MAX, &shared.end) => break,
        };
        match taken {
            Ok(deliveries) => {
                let rings = deliveries.len();
                shared.state().arrive(&link, deliveries);
                for _ in 0..rings {
                    shared.bell.notify_one();
                }
                // The window has room now.
                shared.feed.notify_one();
            }
            Err(error) => shared.keeper.broke(&link, error),
        }
    }
    let last_words = async {
        rest(&shared).await;
        if let Some(link) = shared.keeper.link() {
            link.leave().await;
        }
    };
    let _ = tokio::time::timeout(LEAVE_MAX, last_words).await;
}

/// How long to wait for a taker before the next [`rest`].
fn until_rest(shared: &Shared) -> Duration {
    let oldest = shared.keeper.link().and_then(|link| link.oldest_prefetched());
    REST_AFTER.saturating_sub(oldest.unwrap_or_default())
}

/// Returns prefetched hints to other nodes. `false` if hints are left here or the broker may push more, in which case
/// the call must be repeated.
async fn rest(shared: &Shared) -> bool {
    let Some(link) = shared.keeper.link() else { return true };
    let unwanted = shared.state().unwanted(&link);
    match in_time("requeue hints", ANSWER_MAX, link.rest(unwanted.clone())).await {
        Ok(()) => {}
        Err(error) if error.fault == BrokerFault::Full => {
            tracing::debug!(error = chain(&error), "a full broker does not take hints back; they stay on this node");
            shared.state().keep(&link, unwanted);
            // A taker may have begun to wait meanwhile. It wakes the next one.
            shared.bell.notify_one();
            return false;
        }
        Err(error) => shared.keeper.broke(&link, error),
    }
    !link.pushes_hints() && !shared.state().has_arrived()
}

/// Completes when the queue has been closed for this time.
async fn ended_for(time: Duration, end: &CancellationToken) {
    end.cancelled().await;
    tokio::time::sleep(time).await;
}

async fn take_or_wait(
    link: &dyn Link,
    classes: &mut Classes,
    wanted: usize,
    end: &CancellationToken,
) -> Result<Vec<Delivery>, BrokerError> {
    let taken = take(link, classes, wanted).await?;
    if !taken.is_empty() {
        return Ok(taken);
    }
    let waited = in_time("wait for hints", WAIT_MAX + ANSWER_MAX, link.wait(end)).await?;
    classes.may_have_something();
    Ok(waited)
}

async fn take(link: &dyn Link, classes: &mut Classes, wanted: usize) -> Result<Vec<Delivery>, BrokerError> {
    let mut taken: Vec<Delivery> = Vec::new();
    while let Some(quota) = classes.quota(wanted - taken.len()) {
        let mut part = in_time("take hints", ANSWER_MAX, link.take(quota)).await?;
        classes.got(quota, &part);
        taken.append(&mut part);
    }
    Ok(taken)
}

/// The classes that may have hints, and the order in which they are served.
struct Classes {
    shares: Shares,
    /// When a class was found to be empty.
    empty: PerClass<Option<Instant>>,
}

impl Default for Classes {
    fn default() -> Classes {
        Classes { shares: Shares::default(), empty: [None; CLASSES] }
    }
}

impl Classes {
    /// Number of hints to take from each class; `None` if no more are wanted or all classes are empty.
    fn quota(&mut self, wanted: usize) -> Option<PerClass<usize>> {
        let open = self.empty.map(|empty| empty.is_none_or(|since| since.elapsed() > EMPTY_FOR));
        let mut quota = [0; CLASSES];
        for _ in 0..wanted {
            quota[self.shares.turn(open)?] += 1;
        }
        (wanted > 0).then_some(quota)
    }

    fn got(&mut self, quota: PerClass<usize>, part: &[Delivery]) {
        for (class, wanted) in quota.into_iter().enumerate() {
            let got = part.iter().filter(|delivery| index(delivery.hint.class) == class).count();
            if got < wanted {
                self.empty[class] = Some(Instant::now());
                self.shares.idle(class);
            } else if got > 0 {
                self.empty[class] = None;
            }
        }
    }

    fn may_have_something(&mut self) {
        self.empty = [None; CLASSES];
    }
}
