//! Many processes around real servers: API nodes and workers on PostgreSQL with every broker, through everything that
//! may happen to them. Each test ends with the history that clients saw being checked (`history.rs`), and with nothing
//! left behind.
//!
//! A test is a module with a test for each broker: those of `make test`, and those that only `make soak` takes, too. `CUPEL_SOAK=1`
//! makes each of them take 10,000 submissions instead of some hundred.

mod dead;
mod encrypted;
mod faults;
mod full;
mod history;
mod large;
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

/// How long a worker that fell silent keeps what it has; as short as may be configured.
const LEASE: &str = "3s";

/// For tests that say that nobody loses a lease: less than this machine may stand still.
const PATIENT: (&str, &str) = ("CUPEL_WORKER__LEASE", "60s");

fn is_soak() -> bool {
    std::env::var_os("CUPEL_SOAK").is_some()
}

/// How many submissions a test sends.
fn submissions(usual: usize) -> usize {
    if is_soak() { 10_000 } else { usual }
}

/// How long a client waits for anything: as long as all the others' runs may take.
fn patience() -> Duration {
    if is_soak() { 15 * PATIENCE } else { PATIENCE }
}

/// What carries hints. One more is a line here, in [`through!`] and in [`Broker::start`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Broker {
    Postgres,
    Redis,
    RabbitMq,
    Kafka,
}

/// A server that does nothing but carry hints.
type Carrier = Box<dyn Deref<Target = Server>>;

impl Broker {
    /// `queue.url`, and the server there if it is one of its own.
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

/// Makes a test of each function and broker: `through!(function: those of make test | those of make soak alone;)`.
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

/// Servers of a test's own, and a cluster on them: two API nodes, two workers.
struct Site {
    broker: Broker,
    postgres: Postgres,
    /// Carries events in any case.
    redis: Redis,
    /// What carries hints, if it does nothing else.
    carrier: Option<Carrier>,
    cluster: Cluster,
    apis: Vec<Node>,
    workers: Vec<Node>,
    /// What its clients send.
    sends: Sends,
}

impl Site {
    fn new(broker: Broker) -> Site {
        Site::with(broker, &[])
    }

    /// With more settings.
    fn with(broker: Broker, settings: &[(&str, &str)]) -> Site {
        let mut site = Site::empty(broker, settings);
        site.apis = vec![site.cluster.start("api"), site.cluster.start("api")];
        site.workers = vec![site.cluster.start("worker"), site.cluster.start("worker")];
        site
    }

    /// With servers and without nodes.
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
        ];
        let cluster = Cluster::new(&[&engines, settings].concat());
        let (apis, workers) = (Vec::new(), Vec::new());
        Site { broker, postgres, redis, carrier, cluster, apis, workers, sends: Sends::Programs { sleep: "0.05" } }
    }

    /// The server that carries hints.
    fn carrier(&self) -> &Server {
        match (&self.carrier, self.broker) {
            (Some(carrier), _) => carrier,
            (None, Broker::Redis) => &self.redis,
            (None, _) => &self.postgres,
        }
    }

    /// The ports of all servers.
    fn ports(&self) -> Vec<u16> {
        let carrier = self.carrier.iter().map(|carrier| carrier.port());
        [self.postgres.port(), self.redis.port()].into_iter().chain(carrier).collect()
    }

    /// Waits until the clients have what they were promised, while `fault` happens to the cluster: when some of the submissions
    /// are accepted, and most are still to come. Then stops all of it, and sees that nothing is left.
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
        assert_eq!(kept, "0", "runs that are not over");
        // A hint too many is taken and found to be over.
        eventually(|| (self.hints() == 0).then_some(()));
        for api in self.apis {
            api.stop();
        }
        let logs = self.workers.into_iter().map(Node::stop).collect();
        // Those that were killed could not say so.
        eventually(|| {
            let told: Value = serde_json::from_str(&self.cluster.admin(&["workers", "--json"])).unwrap();
            told["workers"].as_array().unwrap().iter().all(|worker| worker["state"] == "gone").then_some(())
        });
        self.cluster.nothing_is_left();
        Outcome { attempts_max: load.attempts_max(), logs }
    }

    /// How many hints wait at the broker.
    fn hints(&self) -> usize {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async { self.queue().await.depth().await.unwrap() })
    }

    /// The queue as one more node sees it.
    async fn queue(&self) -> Arc<dyn Queue> {
        let settings = cupel_queue::Settings { store_url: Some(self.postgres.url()), ..Default::default() };
        cupel_queue::connect(&self.cluster.setting("CUPEL_QUEUE__URL"), settings).await.unwrap()
    }
}

/// What else there is to be said when a test is over.
struct Outcome {
    /// How many attempts a submission took, at most.
    attempts_max: u64,
    /// Those of the workers that were stopped, whole.
    logs: Vec<String>,
}

fn everything_is_judged_once(broker: Broker) {
    let outcome = Site::with(broker, &[PATIENT]).through(200, |_, _| {});
    assert_eq!(outcome.attempts_max, 1, "nobody died, so nothing was tried twice");
}

through! {
    everything_is_judged_once: on_postgres on_redis on_rabbitmq on_kafka |;
}
