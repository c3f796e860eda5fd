//! The queue at RabbitMQ.

use std::sync::Arc;

use cupel_core::RunHint;
use cupel_testkit::brokers::Site;
use cupel_testkit::queue::Tried;
use cupel_testkit::servers::RabbitMq;
use cupel_types::{PriorityClass, RunId, UserId};
use uuid::Uuid;

use super::{WINDOW, connect, settings, site as site_of};

mod every_queue {
    use super::*;

    cupel_testkit::queue_conformance!(async |depth_max| Tried {
        queue: connect(&RabbitMq::shared().url(), settings(depth_max)).await,
        window: WINDOW,
        is_ordered: true
    });
}

mod every_broker {
    use super::*;

    async fn site() -> Site {
        let server = RabbitMq::lent().await;
        let url = server.url();
        site_of(server, url, true)
    }

    cupel_testkit::broker_conformance!(site);
}

fn hint(run: u128) -> RunHint {
    let id = |n| Uuid::from_u128(n);
    RunHint { run: RunId::from_uuid(id(run)), owner: UserId::from_uuid(id(1)), class: PriorityClass::Batch }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hints_in_the_hands_of_a_node_that_died_are_given_to_another() {
    let settings = settings(100);
    let url = RabbitMq::shared().url();
    let (dies, lives) = (connect(&url, settings.clone()).await, connect(&url, settings).await);
    dies.publish(&[hint(1), hint(2), hint(3)]).await.unwrap();
    for _ in 0..3 {
        let _never_settled = dies.next().await.unwrap();
    }
    drop(dies);
    let mut runs = Vec::new();
    for _ in 0..3 {
        let hinted = lives.next().await.unwrap();
        runs.push(hinted.hint);
        lives.settle(hinted).await.unwrap();
    }
    runs.sort_by_key(|hint| hint.run);
    assert_eq!(runs, [hint(1), hint(2), hint(3)]);
}

/// What a busy node was sent ahead of need is another's as soon as that one wants it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_busy_node_holds_nothing_that_an_idle_one_could_do() {
    let settings = settings(100);
    let url = RabbitMq::shared().url();
    let (busy, idle) = (connect(&url, settings.clone()).await, connect(&url, settings).await);
    let waiting = tokio::spawn({
        let busy = Arc::clone(&busy);
        async move { busy.next().await }
    });
    busy.publish(&[hint(1), hint(2), hint(3), hint(4)]).await.unwrap();
    let first = waiting.await.unwrap().unwrap();
    // The busy node never asks again.
    for _ in 0..3 {
        let hinted = idle.next().await.unwrap();
        idle.settle(hinted).await.unwrap();
    }
    busy.settle(first).await.unwrap();
}
