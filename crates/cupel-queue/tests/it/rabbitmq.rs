//! The RabbitMQ queue.

use cupel_testkit::brokers::Site;
use cupel_testkit::queue::QueueUnderTest;
use cupel_testkit::servers::RabbitMq;

use tokio::task::block_in_place;

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
