//! The queue at RabbitMQ.

use cupel_testkit::brokers::Site;
use cupel_testkit::queue::Tried;
use cupel_testkit::servers::RabbitMq;

use tokio::task::block_in_place;

use super::nodes::{at_the_broker, has_room, hint, is_full, next};
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

mod nodes_at_it {
    use super::*;

    cupel_testkit::rules!(
        crate::nodes,
        async || RabbitMq::shared().url(),
        [
            hints_in_the_hands_of_a_node_that_died_are_given_to_another,
            a_busy_node_holds_nothing_that_an_idle_one_could_do,
        ]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_is_short_of_memory_takes_nothing_and_gives_what_it_has() {
    let (server, settings) = (RabbitMq::start(), settings(10_000));
    let queue = connect(&server.url(), settings.clone()).await;
    queue.publish(&[hint(0)]).await.unwrap();
    at_the_broker(&queue).await;
    // What its own look at its memory does.
    let alarm = |does: &str, of: &str| {
        block_in_place(|| server.control(&["eval", &format!("rabbit_alarm:{does}_alarm({of}).")]));
    };
    alarm("set", "{{resource_limit, memory, node()}, []}");
    queue.publish(&[hint(1), hint(2)]).await.expect("they wait here");
    is_full(&queue, "short of memory").await;
    let other = connect(&server.url(), settings).await;
    assert_eq!(next(&other).await, hint(0));
    alarm("clear", "{resource_limit, memory, node()}");
    has_room(&queue, &[hint(1), hint(2)], &other).await;
}
