//! Rules for several nodes at one broker. Each rule is a function of the broker's URL; not every broker has to follow
//! all of them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use cupel_core::{Queue, RunHint};
use cupel_queue::Settings;
use cupel_testkit::brokers::wait_until;
use cupel_testkit::queue::take;
use cupel_types::{PriorityClass, RunId, UserId};
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use super::{connect, settings};

pub(crate) fn hint(run: u128) -> RunHint {
    let id = |n| Uuid::from_u128(n);
    RunHint { run: RunId::from_uuid(id(run)), owner: UserId::from_uuid(id(1)), class: PriorityClass::Batch }
}

pub(crate) async fn next(queue: &Arc<dyn Queue>) -> RunHint {
    take(&**queue).await
}

/// Waits until no hint of the first owner is left in this node's line.
pub(crate) async fn at_the_broker(queue: &Arc<dyn Queue>) {
    wait_until("all hints are at the broker", async || queue.depth_of(hint(0).owner).await.unwrap() == 0).await;
}

/// Asserts that `health` reports the broker as full for this reason, and keeps reporting it without interruption.
pub(crate) async fn is_full(queue: &Arc<dyn Queue>, why: &str) {
    let says_so =
        || queue.health().is_err_and(|message| message.contains("has refused hints") && message.contains(why));
    wait_until("the queue reports that the broker is full", async || says_so()).await;
    for _ in 0..40 {
        assert!(says_so(), "{:?}", queue.health());
        sleep(Duration::from_millis(50)).await;
    }
}

/// Asserts that `expected` arrive once the broker has room, while others continue to publish, and that `health`
/// recovers.
pub(crate) async fn has_room(full: &Arc<dyn Queue>, expected: &[RunHint], taker: &Arc<dyn Queue>) {
    let publishes = {
        let full = Arc::clone(full);
        tokio::spawn(async move {
            for run in 1000.. {
                // The line may be full as well.
                let _ = full.publish(&[hint(run)]).await;
                sleep(Duration::from_millis(100)).await;
            }
        })
    };
    let come = async {
        let mut missing: BTreeSet<_> = expected.iter().map(|hint| hint.run).collect();
        while !missing.is_empty() {
            missing.remove(&next(taker).await.run);
        }
    };
    timeout(Duration::from_secs(120), come).await.expect("all expected hints arrive");
    wait_until("the queue is healthy again", async || full.health().is_ok()).await;
    publishes.abort();
}

/// Rule: hints that a dead node took and did not settle are delivered to another node.
pub(crate) async fn hints_held_by_a_dead_node_are_redelivered(url: impl AsyncFn() -> String) {
    let (url, settings) = (url().await, Settings { reclaim_after: Duration::from_secs(2), ..settings(100) });
    let (dies, lives) = (connect(&url, settings.clone()).await, connect(&url, settings).await);
    dies.publish(&[hint(1), hint(2), hint(3)]).await.unwrap();
    for _ in 0..3 {
        let _never_settled = dies.next().await.unwrap();
    }
    dies.close();
    // Wait until the node has left before the other node takes hints, because tansu 0.6 waits forever for a group
    // leader that left during a rebalance.
    dies.gone().await;
    drop(dies);
    let mut runs = Vec::new();
    for _ in 0..3 {
        runs.push(next(&lives).await);
    }
    runs.sort_by_key(|hint| hint.run);
    assert_eq!(runs, [hint(1), hint(2), hint(3)]);
}

/// Rule: hints that were prefetched by a busy node are delivered to an idle node as soon as it takes hints.
pub(crate) async fn a_busy_node_holds_no_hint_that_an_idle_one_could_take(url: impl AsyncFn() -> String) {
    let (url, settings) = (url().await, settings(100));
    let (busy, idle) = (connect(&url, settings.clone()).await, connect(&url, settings).await);
    let waiting = tokio::spawn({
        let busy = Arc::clone(&busy);
        async move { busy.next().await }
    });
    busy.publish(&[hint(1), hint(2), hint(3), hint(4)]).await.unwrap();
    let first = waiting.await.unwrap().unwrap();
    // The busy node takes no further hints.
    for _ in 0..3 {
        next(&idle).await;
    }
    busy.settle(first).await.unwrap();
}
