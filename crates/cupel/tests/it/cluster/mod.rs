//! Many processes around real servers: API nodes and workers on PostgreSQL with every broker, through everything that
//! may happen to them. Each test ends with the history that clients saw being checked (`history.rs`), and with nothing
//! left behind.
//!
//! `CUPEL_SOAK=1` makes each of them take 10,000 submissions instead of some hundred.

mod dead;
mod encrypted;
mod faults;
mod history;
mod load;
mod nodes;
mod routing;
mod shared;
mod traced;

use cupel_testkit::servers::{Postgres, Redis};

use self::load::Load;
use self::nodes::{Cluster, Node};
use crate::support::eventually;

/// How long a worker that fell silent keeps what it has; as short as may be configured.
pub(super) const LEASE: &str = "3s";

/// How many submissions a test sends.
fn submissions(usual: usize) -> usize {
    if std::env::var_os("CUPEL_SOAK").is_some() { 10_000 } else { usual }
}

/// Servers of a test's own, and a cluster on them: two API nodes, two workers.
struct Site {
    postgres: Postgres,
    redis: Redis,
    cluster: Cluster,
    apis: Vec<Node>,
    workers: Vec<Node>,
}

/// What carries hints.
#[derive(Clone, Copy, Debug)]
enum Broker {
    Postgres,
    Redis,
}

impl Site {
    fn new(broker: Broker) -> Site {
        let (postgres, redis) = (Postgres::start(), Redis::start());
        let (store, events) = (postgres.url(), redis.url());
        let queue = match broker {
            Broker::Postgres => "postgres".to_owned(),
            Broker::Redis => redis.url(),
        };
        let cluster = Cluster::new(&[
            ("CUPEL_STORE__URL", &store),
            ("CUPEL_QUEUE__URL", &queue),
            ("CUPEL_EVENTS__URL", &events),
            ("CUPEL_BLOBS__URL", "postgres"),
            ("CUPEL_WORKER__LEASE", LEASE),
            ("CUPEL_QUEUE__RECLAIM_AFTER", LEASE),
        ]);
        let start = |role| cluster.start(role);
        let apis = vec![start("api"), start("api")];
        let workers = vec![start("worker"), start("worker")];
        Site { postgres, redis, cluster, apis, workers }
    }

    fn load(&self) -> Load {
        let urls: Vec<&str> = self.apis.iter().map(|api| api.url.as_str()).collect();
        Load::new(&urls, self.cluster.key())
    }

    /// Stops all of it, and sees that nothing is left.
    fn end(self, load: &Load) {
        assert_eq!(load.violations(), Vec::<String>::new());
        let queue: serde_json::Value = serde_json::from_str(&self.cluster.admin(&["queue", "--json"])).unwrap();
        assert_eq!((&queue["queued"], &queue["running"]), (&0.into(), &0.into()), "{queue}");
        let nodes: Vec<Node> = self.apis.into_iter().chain(self.workers).collect();
        let pids: Vec<u32> = nodes.iter().map(Node::pid).collect();
        for node in nodes {
            assert_eq!(node.stop().code(), Some(0));
        }
        // Those that were killed could not say so.
        eventually(|| {
            let told: serde_json::Value = serde_json::from_str(&self.cluster.admin(&["workers", "--json"])).unwrap();
            told["workers"].as_array().unwrap().iter().all(|worker| worker["state"] == "gone").then_some(())
        });
        nothing_is_left(&pids);
    }
}

/// No process of theirs, no mount.
fn nothing_is_left(pids: &[u32]) {
    for pid in pids {
        assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists(), "process {pid} is still there");
    }
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    for pid in pids {
        assert!(!mounts.contains(&format!("cupel-{pid}")), "{mounts}");
    }
}

fn judges_all(broker: Broker) {
    let site = Site::new(broker);
    let load = site.load();
    load.run(submissions(200), "0", || {});
    assert_eq!(load.attempts_max(), 1, "nobody died, so nothing was tried twice");
    site.end(&load);
}

#[test]
fn a_cluster_on_postgresql_judges_everything_once() {
    judges_all(Broker::Postgres);
}

#[test]
fn a_cluster_on_redis_judges_everything_once() {
    judges_all(Broker::Redis);
}
