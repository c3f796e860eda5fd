//! The PostgreSQL queue.

use cupel_testkit::brokers::Site;
use cupel_testkit::queue::QueueUnderTest;
use cupel_testkit::servers::Postgres;

use super::{WINDOW, connect, settings, site as site_of};

mod every_queue {
    use super::*;

    cupel_testkit::queue_conformance!(async |depth_max| QueueUnderTest {
        queue: connect(&Postgres::shared().url(), settings(depth_max)).await,
        window: WINDOW,
        is_ordered: true
    });
}

mod every_broker {
    use super::*;

    async fn site() -> Site {
        let server = Postgres::lent().await;
        let url = server.url();
        // The table is unlogged, so hints do not survive a crash.
        site_of(server, url, false)
    }

    cupel_testkit::broker_conformance!(site);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_that_start_at_the_same_time_create_one_table() {
    let url = Postgres::shared().database().await;
    let settings = settings(10);
    let nodes: Vec<_> = (0..8)
        .map(|_| {
            let (url, settings) = (url.clone(), settings.clone());
            tokio::spawn(async move { cupel_queue::connect(&url, settings).await.map(drop) })
        })
        .collect();
    for node in nodes {
        node.await.unwrap().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_newer_schema_version_is_refused_at_connect() {
    let postgres = Postgres::shared();
    let url = postgres.database().await;
    drop(connect(&url, settings(10)).await);
    let database = url.rsplit_once('/').unwrap().1;
    postgres.psql(database, "UPDATE cupel_queue_schema SET version = 99");
    let refused = cupel_queue::connect(&url, settings(10)).await.map(drop).unwrap_err();
    let message = cupel_core::chain(&refused);
    assert!(
        message.contains("queue.url") && message.contains("99") && message.contains("update the older"),
        "{message}"
    );
}
