//! The RabbitMQ queue.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use cupel_queue::Settings;
use cupel_testkit::brokers::Site;
use cupel_testkit::queue::QueueUnderTest;
use cupel_testkit::servers::RabbitMq;
use tokio::task::block_in_place;
use tokio::time::{sleep, timeout};

use super::nodes::{at_the_broker, has_room, hint, is_full, next};
use super::{WINDOW, connect, settings, site as site_of};

mod every_queue {
    use super::*;

    cupel_testkit::queue_conformance!(async |depth_max| QueueUnderTest {
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

mod nodes_at_it {
    use super::*;

    cupel_testkit::rules!(
        crate::nodes,
        async || RabbitMq::shared().url(),
        [hints_held_by_a_dead_node_are_redelivered, a_busy_node_holds_no_hint_that_an_idle_one_could_take,]
    );
}

/// Regression: a node that took a hint more often than every 100 ms kept the 32 that it had prefetched.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_with_short_runs_does_not_keep_prefetched_hints_from_an_idle_one() {
    const HINTS: u128 = 64;
    let (url, settings) = (RabbitMq::shared().url(), Settings { window: 256, ..settings(1000) });
    let (short, idle) = (connect(&url, settings.clone()).await, connect(&url, settings).await);
    let ended = Arc::new(AtomicBool::new(false));
    // Its one slot has a run of 50 ms at a time.
    let slot = tokio::spawn({
        let (short, ended) = (Arc::clone(&short), Arc::clone(&ended));
        async move {
            let mut count = 0;
            while !ended.load(Ordering::Relaxed) {
                let Ok(hinted) = timeout(Duration::from_millis(50), short.next()).await else { continue };
                short.settle(hinted.unwrap()).await.unwrap();
                count += 1;
                sleep(Duration::from_millis(50)).await;
            }
            count
        }
    });
    short.publish(&(0..HINTS).map(hint).collect::<Vec<_>>()).await.unwrap();
    while let Ok(hinted) = timeout(Duration::from_secs(3), idle.next()).await {
        idle.settle(hinted.unwrap()).await.unwrap();
    }
    ended.store(true, Ordering::Relaxed);
    let count = slot.await.unwrap();
    assert!((1..20).contains(&count), "the node with short runs took {count} of {HINTS} hints");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_short_of_memory_refuses_hints_and_still_delivers() {
    let (server, settings) = (RabbitMq::start(), settings(10_000));
    let queue = connect(&server.url(), settings.clone()).await;
    queue.publish(&[hint(0)]).await.unwrap();
    at_the_broker(&queue).await;
    // Sets and clears the alarm that RabbitMQ's own memory monitor sets.
    let alarm = |does: &str, of: &str| {
        block_in_place(|| server.control(&["eval", &format!("rabbit_alarm:{does}_alarm({of}).")]));
    };
    alarm("set", "{{resource_limit, memory, node()}, []}");
    queue.publish(&[hint(1), hint(2)]).await.expect("the hints wait in the line");
    is_full(&queue, "short of memory").await;
    let other = connect(&server.url(), settings).await;
    assert_eq!(next(&other).await, hint(0));
    alarm("clear", "{resource_limit, memory, node()}");
    has_room(&queue, &[hint(1), hint(2)], &other).await;
}
