//! A live run on one node, and its client on two other nodes, over each event bus and each queue that nodes can share.

use cupel_testkit::servers::{Postgres, Redis};

use super::nodes::Cluster;
use super::{Broker, through};
use crate::live::{Client, converse, say_everything};

through! {
    every_message_reaches_a_worker_on_another_node_over_redis: on_postgres on_redis on_rabbitmq on_kafka |;
    every_message_reaches_a_worker_on_another_node_over_postgres: on_postgres | on_redis on_rabbitmq on_kafka;
}

fn every_message_reaches_a_worker_on_another_node_over_redis(queue: Broker) {
    across_nodes(queue, |_, redis| redis.url());
}

fn every_message_reaches_a_worker_on_another_node_over_postgres(queue: Broker) {
    across_nodes(queue, |postgres, _| postgres.url());
}

fn across_nodes(queue: Broker, events: impl Fn(&Postgres, &Redis) -> String) {
    let (postgres, redis) = (Postgres::start(), Redis::start());
    let (queue, _carrier) = queue.start(&redis);
    let (store, events) = (postgres.url(), events(&postgres, &redis));
    let cluster = Cluster::new(&[
        ("CUPEL_STORE__URL", store.as_str()),
        ("CUPEL_QUEUE__URL", &queue),
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
    // `converse` has abandoned the first connection, so new connections are used.
    say_everything(&mut connect(0));
    say_everything(&mut connect(1));
    worker.stop();
}
