//! A live run on one node, and its client on two others.

use cupel_testkit::servers::{Postgres, Redis};

use super::nodes::Cluster;
use crate::live::{Client, converse, say_everything};

fn across_nodes(events: impl Fn(&Postgres, &Redis) -> String) {
    let (postgres, redis) = (Postgres::start(), Redis::start());
    let (store, events) = (postgres.url(), events(&postgres, &redis));
    let cluster = Cluster::new(&[
        ("CUPEL_STORE__URL", store.as_str()),
        ("CUPEL_QUEUE__URL", "postgres"),
        ("CUPEL_EVENTS__URL", &events),
        ("CUPEL_BLOBS__URL", "postgres"),
    ]);
    let apis = [cluster.start("api"), cluster.start("api")];
    let worker = cluster.start("worker");
    let connect = |api: usize| Client::connect(&apis[api].url, cluster.key());
    // The worker's languages reach the API nodes with its heartbeat.
    let mut first = connect(0);
    first.until_accepted();
    converse(&mut first, || connect(1));
    // Of the connection that `converse` left in the middle, nothing more is read.
    say_everything(&mut connect(0));
    say_everything(&mut connect(1));
    worker.stop();
}

#[test]
fn every_message_reaches_a_worker_on_another_node_over_redis() {
    across_nodes(|_, redis| redis.url());
}

#[test]
fn every_message_reaches_a_worker_on_another_node_over_postgres() {
    across_nodes(|postgres, _| postgres.url());
}
