//! What nodes at one broker leave to each other. Rules are functions of a broker's URL; not every broker has to keep all of them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use cupel_core::{Queue, RunHint};
use cupel_queue::Settings;
use cupel_testkit::brokers::comes_true;
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

/// Nothing of the first owner's waits here any more.
pub(crate) async fn at_the_broker(queue: &Arc<dyn Queue>) {
    comes_true("all are at the broker", async || queue.depth_of(hint(0).owner).await.unwrap() == 0).await;
}

/// It says so, for this reason, and goes on saying it: it does not come and go.
pub(crate) async fn is_full(queue: &Arc<dyn Queue>, why: &str) {
    let says_so = || queue.health().is_err_and(|told| told.contains("has taken nothing") && told.contains(why));
    comes_true("it is full", async || says_so()).await;
    for _ in 0..40 {
        assert!(says_so(), "{:?}", queue.health());
        sleep(Duration::from_millis(50)).await;
    }
}

/// These come, once there is room, however many others go on publishing; and it is well again.
pub(crate) async fn has_room(full: &Arc<dyn Queue>, expected: &[RunHint], taker: &Arc<dyn Queue>) {
    let publishes = {
        let full = Arc::clone(full);
        tokio::spawn(async move {
            for run in 1000.. {
                // It may be full here, too.
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
    timeout(Duration::from_secs(120), come).await.expect("they come");
    comes_true("it is well again", async || full.health().is_ok()).await;
    publishes.abort();
}

/// Rule.
pub(crate) async fn hints_in_the_hands_of_a_node_that_died_are_given_to_another(url: impl AsyncFn() -> String) {
    let (url, settings) = (url().await, Settings { reclaim_after: Duration::from_secs(2), ..settings(100) });
    let (dies, lives) = (connect(&url, settings.clone()).await, connect(&url, settings).await);
    dies.publish(&[hint(1), hint(2), hint(3)]).await.unwrap();
    for _ in 0..3 {
        let _never_settled = dies.next().await.unwrap();
    }
    dies.close();
    // Before the other asks: tansu 0.6 never does without a member that led a group and left while it was being divided.
    dies.gone().await;
    drop(dies);
    let mut runs = Vec::new();
    for _ in 0..3 {
        runs.push(next(&lives).await);
    }
    runs.sort_by_key(|hint| hint.run);
    assert_eq!(runs, [hint(1), hint(2), hint(3)]);
}

/// Rule: what a busy node was sent ahead of need is another's as soon as that one wants it.
pub(crate) async fn a_busy_node_holds_nothing_that_an_idle_one_could_do(url: impl AsyncFn() -> String) {
    let (url, settings) = (url().await, settings(100));
    let (busy, idle) = (connect(&url, settings.clone()).await, connect(&url, settings).await);
    let waiting = tokio::spawn({
        let busy = Arc::clone(&busy);
        async move { busy.next().await }
    });
    busy.publish(&[hint(1), hint(2), hint(3), hint(4)]).await.unwrap();
    let first = waiting.await.unwrap().unwrap();
    // The busy node never asks again.
    for _ in 0..3 {
        next(&idle).await;
    }
    busy.settle(first).await.unwrap();
}
