//! Clusters of real processes: API nodes and workers on PostgreSQL with each broker, under faults. At the end of each
//! test, the history of the clients is checked (`history.rs`), and no process or file may be left behind.
//!
//! A test in [`through!`] is a module with one test per broker: some run in `make test`, the others only in `make
//! soak`. With `CUPEL_SOAK=1`, a test that uses [`submissions`] sends 10,000 submissions instead of some hundred.

mod dead_letters;
mod encrypted;
mod faults;
mod full;
mod history;
mod large;
mod live;
mod load;
mod nodes;
mod places;
mod routing;
mod shared;
mod traced;

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use cupel_core::Queue;
use cupel_testkit::servers::{Kafka, Postgres, RabbitMq, Redis, Server};
use serde_json::Value;

use self::load::{Load, Sends};
use self::nodes::{Cluster, Node};
use crate::support::{PATIENCE, eventually, eventually_within};

/// Lease of a worker: the shortest that can be configured.
const LEASE: &str = "3s";

/// For tests in which no lease may expire: longer than any stall of this machine.
const PATIENT: (&str, &str) = ("CUPEL_WORKER__LEASE", "60s");

fn is_soak() -> bool {
    std::env::var_os("CUPEL_SOAK").is_some()
}

/// Returns the number of submissions of a test.
fn submissions(usual: usize) -> usize {
    if is_soak() { 10_000 } else { usual }
}

/// Returns the maximum wait of a client: the time that all other runs may take.
fn patience() -> Duration {
    if is_soak() { 15 * PATIENCE } else { 4 * PATIENCE }
}

/// Engine of the queue. A new engine needs a variant here, and an entry in [`through!`] and in [`Broker::start`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Broker {
    Postgres,
    Redis,
    RabbitMq,
    Kafka,
}

/// A server that is used only as the queue's broker.
type Carrier = Box<dyn Deref<Target = Server>>;

impl Broker {
    /// Starts the broker. Returns `queue.url`, and the server if it is used only for the queue.
    fn start(self, redis: &Redis) -> (String, Option<Carrier>) {
        match self {
            Broker::Postgres => ("postgres".to_owned(), None),
            Broker::Redis => (redis.url(), None),
            Broker::RabbitMq => own(RabbitMq::start(), RabbitMq::url),
            Broker::Kafka => own(Kafka::start(), Kafka::url),
        }
    }
}

fn own<S: Deref<Target = Server> + 'static>(server: S, url: impl Fn(&S) -> String) -> (String, Option<Carrier>) {
    (url(&server), Some(Box::new(server)))
}

/// Creates a test for each function and broker: `through!(function: brokers in make test | brokers only in make
/// soak;)`.
macro_rules! through {
    ($($fault:ident: $($usual:ident)* | $($soak:ident)*;)*) => {$(
        mod $fault {
            $(
                #[test]
                fn $usual() {
                    super::$fault($crate::cluster::through!(@broker $usual));
                }
            )*
            $(
                #[test]
                #[ignore = "for `make soak`"]
                fn $soak() {
                    super::$fault($crate::cluster::through!(@broker $soak));
                }
            )*
        }
    )*};
    (@broker on_postgres) => { $crate::cluster::Broker::Postgres };
    (@broker on_redis) => { $crate::cluster::Broker::Redis };
    (@broker on_rabbitmq) => { $crate::cluster::Broker::RabbitMq };
    (@broker on_kafka) => { $crate::cluster::Broker::Kafka };
}
use through;

/// The servers that a test started, and a cluster on them: two API nodes, two workers.
struct Site {
    broker: Broker,
    postgres: Postgres,
    /// Redis always carries the events.
    redis: Redis,
    /// The broker, if it is a separate server.
    carrier: Option<Carrier>,
    cluster: Cluster,
    apis: Vec<Node>,
    workers: Vec<Node>,
    /// The kind of submissions that the clients send.
    sends: Sends,
}

impl Site {
    fn new(broker: Broker) -> Site {
        Site::with(broker, &[])
    }

    /// Starts a site with additional settings.
    fn with(broker: Broker, settings: &[(&str, &str)]) -> Site {
        let mut site = Site::empty(broker, settings);
        site.apis = vec![site.cluster.start("api"), site.cluster.start("api")];
        site.workers = vec![site.cluster.start("worker"), site.cluster.start("worker")];
        site
    }

    /// Starts the servers, but no nodes.
    fn empty(broker: Broker, settings: &[(&str, &str)]) -> Site {
        let (postgres, redis) = (Postgres::start(), Redis::start());
        let (queue, carrier) = broker.start(&redis);
        let (store, events) = (postgres.url(), redis.url());
        let engines = [
            ("CUPEL_STORE__URL", store.as_str()),
            ("CUPEL_QUEUE__URL", &queue),
            ("CUPEL_EVENTS__URL", &events),
            ("CUPEL_BLOBS__URL", "postgres"),
            ("CUPEL_WORKER__LEASE", LEASE),
            ("CUPEL_QUEUE__RECLAIM_AFTER", LEASE),
            // A stall of the machine that is longer than a lease costs each run an attempt, but no test its result.
            ("CUPEL_WORKER__ATTEMPTS_MAX", "100"),
        ];
        let cluster = Cluster::new(&[&engines, settings].concat());
        let (apis, workers) = (Vec::new(), Vec::new());
        Site { broker, postgres, redis, carrier, cluster, apis, workers, sends: Sends::Programs { sleep: "0.05" } }
    }

    /// Returns the server of the queue.
    fn carrier(&self) -> &Server {
        match (&self.carrier, self.broker) {
            (Some(carrier), _) => carrier,
            (None, Broker::Redis) => &self.redis,
            (None, _) => &self.postgres,
        }
    }

    /// Returns the ports of all servers.
    fn ports(&self) -> Vec<u16> {
        let carrier = self.carrier.iter().map(|carrier| carrier.port());
        [self.postgres.port(), self.redis.port()].into_iter().chain(carrier).collect()
    }

    /// Runs the clients, and `fault` at the same time: after some of the submissions were accepted, and before most of
    /// them are sent. Waits until the clients have all results, then stops all processes and checks that none is left.
    fn through(mut self, usual: usize, fault: impl FnOnce(&mut Site, &Load)) -> Outcome {
        let count = submissions(usual);
        let load = self.load();
        load.let_in(count * 3 / 10);
        load.run(count, || {
            eventually_within(patience(), || (load.accepted() == count * 3 / 10).then_some(()));
            load.let_in(count);
            fault(&mut self, &load);
        });
        self.end(&load)
    }

    fn load(&self) -> Load {
        let urls: Vec<&str> = self.apis.iter().map(|api| api.url.as_str()).collect();
        Load::new(&urls, self.cluster.key(), self.sends.clone(), patience())
    }

    fn admin(&self, args: &[&str]) -> Value {
        let mut all = args.to_vec();
        all.push("--json");
        serde_json::from_str(&self.cluster.admin(&all)).unwrap()
    }

    fn end(self, load: &Load) -> Outcome {
        assert_eq!(load.violations(), Vec::<String>::new());
        let queue = self.admin(&["queue"]);
        assert_eq!((&queue["queued"], &queue["running"]), (&0.into(), &0.into()), "{queue}");
        let kept = self.postgres.psql("postgres", "SELECT count(*) FROM runs WHERE lease IS NOT NULL OR state < 2");
        assert_eq!(kept, "0", "runs that have not ended");
        // A worker takes a redundant hint and drops it, because its run has ended.
        eventually(|| (self.hints() == 0).then_some(()));
        for api in self.apis {
            api.stop();
        }
        let logs = self.workers.into_iter().map(Node::stop).collect();
        // Killed workers could not report their end, so the store shows them as gone only after some time.
        eventually(|| {
            let worker_list: Value = serde_json::from_str(&self.cluster.admin(&["workers", "--json"])).unwrap();
            worker_list["workers"].as_array().unwrap().iter().all(|worker| worker["state"] == "gone").then_some(())
        });
        self.cluster.nothing_is_left();
        Outcome { attempts_max: load.attempts_max(), logs }
    }

    /// Number of hints that wait at the broker.
    fn hints(&self) -> usize {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async { self.queue().await.depth().await.unwrap() })
    }

    /// Connects to the queue as an additional node.
    async fn queue(&self) -> Arc<dyn Queue> {
        let settings = cupel_queue::Settings { store_url: Some(self.postgres.url()), ..Default::default() };
        cupel_queue::connect(&self.cluster.setting("CUPEL_QUEUE__URL"), settings).await.unwrap()
    }
}

/// Further results of a test.
struct Outcome {
    /// Largest number of attempts that any submission needed.
    attempts_max: u64,
    /// Complete logs of the stopped workers.
    logs: Vec<String>,
}

fn everything_is_judged_once(broker: Broker) {
    let outcome = Site::with(broker, &[PATIENT]).through(100, |_, _| {});
    assert_eq!(outcome.attempts_max, 1, "no worker was killed, so no run needs a second attempt");
}

through! {
    everything_is_judged_once: on_postgres on_redis on_rabbitmq on_kafka |;
}
