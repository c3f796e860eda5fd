//! The queue at Redis.

use std::sync::Arc;

use cupel_core::{Queue, RunHint};
use cupel_testkit::brokers::Site;
use cupel_testkit::queue::Tried;
use cupel_testkit::servers::Redis;
use cupel_types::{PriorityClass, RunId, UserId};
use uuid::Uuid;

use super::{WINDOW, connect, settings, site as site_of};

mod every_queue {
    use super::*;

    cupel_testkit::queue_conformance!(async |depth_max| Tried {
        queue: connect(&Redis::shared().url(), settings(depth_max)).await,
        window: WINDOW,
        is_ordered: true
    });
}

mod every_broker {
    use super::*;

    async fn site() -> Site {
        let server = Redis::lent().await;
        let url = server.url();
        site_of(server, url, true)
    }

    cupel_testkit::broker_conformance!(site);
}

fn hint(run: u128) -> RunHint {
    let id = |n| Uuid::from_u128(n);
    RunHint { run: RunId::from_uuid(id(run)), owner: UserId::from_uuid(id(1)), class: PriorityClass::Batch }
}

async fn next(queue: &Arc<dyn Queue>) -> RunHint {
    let hinted = queue.next().await.unwrap();
    let hint = hinted.hint;
    queue.settle(hinted).await.unwrap();
    hint
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hints_in_the_hands_of_a_node_that_died_are_given_to_another() {
    let settings = settings(100);
    let url = Redis::shared().url();
    let (dies, lives) = (connect(&url, settings.clone()).await, connect(&url, settings).await);
    dies.publish(&[hint(1), hint(2), hint(3)]).await.unwrap();
    for _ in 0..3 {
        let _never_settled = dies.next().await.unwrap();
    }
    drop(dies);
    let mut runs = Vec::new();
    for _ in 0..3 {
        runs.push(next(&lives).await);
    }
    runs.sort_by_key(|hint| hint.run);
    assert_eq!(runs, [hint(1), hint(2), hint(3)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_hint_is_dropped_and_hints_behind_it_come() {
    let settings = settings(100);
    let redis = Redis::shared();
    let stream = format!("{}.any.batch", settings.cluster);
    let queue = connect(&redis.url(), settings).await;
    for entry in ["hint nonsense", "hint 2", "other field", "hint 9999999999"] {
        redis.command(&format!("XADD {stream} * {entry}"));
    }
    queue.publish(&[hint(7)]).await.unwrap();
    assert_eq!(next(&queue).await, hint(7));
    let gone = async || redis.command(&format!("XLEN {stream}")).contains(":0");
    while !gone().await {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_is_deleted_under_a_node_is_made_again() {
    let settings = settings(100);
    let redis = Redis::shared();
    let stream = format!("{}.any.batch", settings.cluster);
    let queue = connect(&redis.url(), settings).await;
    queue.publish(&[hint(1)]).await.unwrap();
    assert_eq!(next(&queue).await, hint(1));
    redis.command(&format!("DEL {stream}"));
    let waiting = tokio::spawn({
        let queue = Arc::clone(&queue);
        async move { next(&queue).await }
    });
    queue.publish(&[hint(2)]).await.unwrap();
    assert_eq!(waiting.await.unwrap(), hint(2));
}
