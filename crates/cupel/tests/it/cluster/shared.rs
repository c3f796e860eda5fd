//! Rate limits and result cache that API nodes share over Redis.

use cupel_testkit::servers::{Postgres, Redis};
use serde_json::{Value, json};

use super::nodes::{Cluster, Node};
use crate::support::{agent, eventually};

const BURST: usize = 5;

struct Site {
    cluster: Cluster,
    apis: [Node; 2],
}

impl Site {
    /// Sends a submission and returns status and response.
    fn send(&self, api: usize, source: &str, cache: bool) -> (u16, Value) {
        let request = agent()
            .post(format!("{}/api/v1/execute{}", self.apis[api].url, if cache { "?wait=60" } else { "" }))
            .header("authorization", format!("Bearer {}", self.cluster.key()));
        let body = json!({ "language": "python", "source_code": source, "cache": cache });
        let mut answer = request.send_json(body).unwrap();
        (answer.status().as_u16(), answer.body_mut().read_json().unwrap())
    }

    /// Returns the number of submissions that a node accepts before it refuses a submission.
    fn taken(&self, api: usize) -> usize {
        (0..100).take_while(|_| self.send(api, "pass", false).0 == 202).count()
    }

    fn get(&self, api: usize, path: &str) -> Value {
        let mut answer = agent().get(format!("{}{path}", self.apis[api].url)).call().unwrap();
        answer.body_mut().read_json().unwrap()
    }

    /// Returns whether the node uses Redis, once health check and metric agree.
    fn shares(&self, api: usize) -> Option<bool> {
        let is_well = !self.get(api, "/healthz")["degraded"].to_string().contains("shared.url");
        let mut metrics = agent().get(format!("{}/metrics", self.apis[api].url)).call().unwrap();
        let line = format!("cupel_cache_connected {}", u8::from(is_well));
        metrics.body_mut().read_to_string().unwrap().lines().any(|view| view == line).then_some(is_well)
    }

    /// Returns how often the API nodes worked without Redis, including because of a slow response.
    fn times_alone(&self) -> usize {
        self.apis.iter().map(|api| api.log().matches("Redis is unavailable").count()).sum()
    }

    fn has_python(&self, api: usize) -> bool {
        let view = self.get(api, "/api/v1/languages");
        view["languages"].as_array().unwrap().iter().any(|l| l["language_id"] == "python" && l["available"] == true)
    }
}

/// Whether a node says that it can use the store.
fn has_store(api: &Node) -> bool {
    let mut metrics = agent().get(format!("{}/metrics", api.url)).call().unwrap();
    metrics.body_mut().read_to_string().unwrap().lines().any(|line| line == "cupel_store_connected 1")
}

#[test]
fn a_metric_says_whether_an_api_node_can_use_the_store() {
    let postgres = Postgres::start();
    let store = postgres.url();
    let cluster = Cluster::new(&[
        ("CUPEL_STORE__URL", &store),
        ("CUPEL_QUEUE__URL", "postgres"),
        ("CUPEL_EVENTS__URL", "postgres"),
        ("CUPEL_BLOBS__URL", "postgres"),
    ]);
    let api = cluster.start("api");
    eventually(|| has_store(&api).then_some(()));
    postgres.stop();
    eventually(|| (!has_store(&api)).then_some(()));
    postgres.start_again();
    eventually(|| has_store(&api).then_some(()));
}

#[test]
fn api_nodes_share_limits_and_results_and_work_alone_while_redis_is_down() {
    let (postgres, redis) = (Postgres::start(), Redis::start());
    let (store, shared, burst) = (postgres.url(), redis.url(), BURST.to_string());
    let cluster = Cluster::new(&[
        ("CUPEL_STORE__URL", &store),
        ("CUPEL_QUEUE__URL", "postgres"),
        ("CUPEL_EVENTS__URL", "postgres"),
        ("CUPEL_BLOBS__URL", "postgres"),
        ("CUPEL_SHARED__URL", &shared),
        ("CUPEL_RATE_LIMITS__TIERS__BASIC__SUBMISSIONS_PER_MINUTE", "1"),
        ("CUPEL_RATE_LIMITS__TIERS__BASIC__SUBMISSIONS_BURST", &burst),
    ]);
    let apis = [cluster.start("api"), cluster.start("api")];
    let worker = cluster.start("worker");
    let site = Site { cluster, apis };

    // The API nodes read the worker's languages within seconds.
    eventually(|| (site.has_python(0) && site.has_python(1)).then_some(()));
    let (_, first) = site.send(0, "print(1)", true);
    assert_eq!((&first["verdict"], first.get("cached")), (&json!("AC"), None), "{first}");
    let (_, known) = site.send(1, "print(1)", true);
    let is_known = (&known["submission_id"], &known["cached"]) == (&first["submission_id"], &json!(true));
    assert!(is_known || site.times_alone() > 0, "{known}");

    // The bucket gains one token per minute. If each node counted separately, each would accept the whole
    // burst.
    assert!((BURST - 1..BURST + 2).contains(&site.taken(0)) || site.times_alone() > 0);
    assert!(site.taken(1) < 3 || site.times_alone() > 0);

    redis.kill();
    for api in [0, 1] {
        assert!((BURST..BURST + 3).contains(&site.taken(api)), "without Redis, each node accepts one burst");
        eventually(|| (site.shares(api) == Some(false)).then_some(()));
    }
    redis.start_again();
    for api in [0, 1] {
        eventually(|| (site.shares(api) == Some(true)).then_some(()));
    }
    let alone = site.times_alone();
    assert!(site.taken(0) + site.taken(1) < 5 || site.times_alone() > alone, "Redis stores the earlier requests");

    for node in site.apis.into_iter().chain([worker]) {
        node.stop();
    }
    site.cluster.nothing_is_left();
}
