//! The queue at RabbitMQ.

use cupel_testkit::brokers::Site;
use cupel_testkit::queue::Tried;
use cupel_testkit::servers::RabbitMq;

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
