//! The PostgreSQL queue.

use cupel_testkit::brokers::Site;
use cupel_testkit::queue::QueueUnderTest;
use cupel_testkit::servers::Postgres;

use tokio::task::block_in_place;

use super::nodes::{at_the_broker, has_room, hint, is_full, next};
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

/// A trigger raises the error of a full disk.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_on_a_full_disk_refuses_hints_and_still_delivers() {
    let postgres = Postgres::shared();
    let url = postgres.database().await;
    let database = url.rsplit_once('/').unwrap().1;
    let sql = |sql: &str| block_in_place(|| postgres.psql(database, sql));
    let settings = settings(10_000);
    let (queue, other) = (connect(&url, settings.clone()).await, connect(&url, settings).await);
    queue.publish(&[hint(0)]).await.unwrap();
    at_the_broker(&queue).await;
    sql("CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql
         AS $$ BEGIN RAISE EXCEPTION 'no space left on device' USING ERRCODE = 'disk_full'; END $$");
    sql("CREATE TRIGGER full_disk BEFORE INSERT ON cupel_queue EXECUTE FUNCTION refuse()");
    queue.publish(&[hint(1), hint(2)]).await.expect("the hints wait in the line");
    is_full(&queue, "no space left").await;
    assert_eq!(next(&other).await, hint(0));
    sql("DROP TRIGGER full_disk ON cupel_queue");
    has_room(&queue, &[hint(1), hint(2)], &other).await;
}
