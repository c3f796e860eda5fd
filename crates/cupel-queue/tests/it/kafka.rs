//! The queue at a broker of Kafka's protocol.

use cupel_testkit::brokers::Site;
use cupel_testkit::queue::Tried;
use cupel_testkit::servers::Kafka;

use super::{WINDOW, connect, settings, site as site_of};

mod every_queue {
    use super::*;

    // One partition, so that there is an order; several are for several nodes.
    cupel_testkit::queue_conformance!(async |depth_max| Tried {
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
        // The test server has everything in its memory.
        site_of(server, url, false)
    }

    cupel_testkit::broker_conformance!(site);
}

mod nodes_at_it {
    use super::*;

    cupel_testkit::rules!(
        crate::nodes,
        async || Kafka::shared().url(),
        [
            hints_in_the_hands_of_a_node_that_died_are_given_to_another,
            a_busy_node_holds_nothing_that_an_idle_one_could_do,
        ]
    );
}
