//! The Redis queue.

use std::sync::Arc;
use std::time::{Duration, Instant};

use cupel_queue::Settings;
use cupel_testkit::brokers::{Site, wait_until};
use cupel_testkit::queue::QueueUnderTest;
use cupel_testkit::servers::Redis;
use tokio::task::block_in_place;

use super::nodes::{at_the_broker, has_room, hint, is_full, next};
use super::{WINDOW, connect, settings, site as site_of};

mod every_queue {
    use super::*;

    cupel_testkit::queue_conformance!(async |depth_max| QueueUnderTest {
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

mod nodes_at_it {
    use super::*;

    cupel_testkit::rules!(
        crate::nodes,
        async || Redis::shared().url(),
        [hints_held_by_a_dead_node_are_redelivered, a_busy_node_holds_no_hint_that_an_idle_one_could_take,]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unreadable_entries_are_dropped_and_later_hints_delivered() {
    let settings = settings(100);
    let redis = Redis::shared();
    let stream = format!("{}.any.batch", settings.cluster);
    let queue = connect(&redis.url(), settings).await;
    for entry in ["hint nonsense", "hint 2", "other field", "hint 9999999999"] {
        redis.command(&format!("XADD {stream} * {entry}"));
    }
    queue.publish(&[hint(7)]).await.unwrap();
    assert_eq!(next(&queue).await, hint(7));
    let deadline = Instant::now() + Duration::from_secs(60);
    while !redis.command(&format!("XLEN {stream}")).contains(":0") {
        assert!(Instant::now() < deadline, "settled entries remain in the stream");
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_stream_is_created_again() {
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_redis_refuses_hints_and_still_delivers() {
    let (redis, settings) = (Redis::start(), settings(10_000));
    let (queue, other) = (connect(&redis.url(), settings.clone()).await, connect(&redis.url(), settings.clone()).await);
    queue.publish(&[hint(0)]).await.unwrap();
    at_the_broker(&queue).await;
    block_in_place(|| redis.command("CONFIG SET maxmemory 1"));
    queue.publish(&[hint(1), hint(2)]).await.expect("the hints wait in the line");
    is_full(&queue, "OOM").await;
    let of_new_cluster = super::settings(10);
    let refused = cupel_queue::connect(&redis.url(), of_new_cluster).await.err().expect("it needs new streams");
    let message = cupel_core::chain(&refused);
    assert!(message.contains("queue.url") && message.contains("more memory"), "{message}");
    let new_node = connect(&redis.url(), settings).await;
    assert_eq!(next(&new_node).await, hint(0));
    block_in_place(|| redis.command("CONFIG SET maxmemory 0"));
    has_room(&queue, &[hint(1), hint(2)], &other).await;
}

/// Redis delivers a hint to the client whose blocking read has waited longest, even if nobody reads the reply.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_closed_queue_receives_no_hint_although_its_process_lives_on() {
    let redis = Redis::start();
    let blocked = || block_in_place(|| redis.command("INFO clients")).contains("blocked_clients:1");
    let settings = Settings { reclaim_after: Duration::from_secs(3600), ..settings(100) };
    let lives = connect(&redis.url(), settings.clone()).await;
    for run in 0..3 {
        let closed = connect(&redis.url(), settings.clone()).await;
        let taker = tokio::spawn({
            let closed = Arc::clone(&closed);
            async move { closed.next().await.map(drop) }
        });
        wait_until("the taker's read blocks", async || blocked()).await;
        closed.close();
        assert!(taker.await.unwrap().is_err());
        closed.gone().await;
        lives.publish(&[hint(run)]).await.unwrap();
        at_the_broker(&lives).await;
        assert_eq!(next(&lives).await, hint(run));
        drop(closed);
    }
}
