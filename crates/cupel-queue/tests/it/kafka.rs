//! The Kafka queue.

use cupel_testkit::brokers::Site;
use cupel_testkit::queue::QueueUnderTest;
use cupel_testkit::servers::Kafka;

use super::{WINDOW, connect, settings, site as site_of};

mod every_queue {
    use super::*;

    // One partition, because hints are ordered only within a partition.
    cupel_testkit::queue_conformance!(async |depth_max| QueueUnderTest {
        queue: connect(&format!("{}&partitions=1", Kafka::shared().url()), settings(depth_max)).await,
        window: WINDOW,
        is_ordered: true
    });
}

mod every_broker {
    use super::*;

    async fn site() -> Site {
        let server = Kafka::lent().await;
        let url = server.url();
        // The test server keeps everything in memory.
        site_of(server, url, false)
    }

    cupel_testkit::broker_conformance!(site);
}

mod nodes_at_it {
    use super::*;

    cupel_testkit::rules!(
        crate::nodes,
        async || Kafka::shared().url(),
        [hints_held_by_a_dead_node_are_redelivered, a_busy_node_holds_no_hint_that_an_idle_one_could_take,]
    );
}
