//! Traces that contain spans of several nodes.

use std::time::Duration;

use cupel_testkit::http::HttpReceiver;
use cupel_testkit::servers::Postgres;

use super::dead_letters::Client;
use super::nodes::Cluster;

#[test]
fn api_node_and_worker_write_spans_to_the_submissions_trace() {
    let postgres = Postgres::start();
    let collector = HttpReceiver::start(["200 OK"]);
    let cluster = Cluster::new(&[
        ("CUPEL_STORE__URL", &postgres.url()),
        ("CUPEL_QUEUE__URL", "postgres"),
        ("CUPEL_EVENTS__URL", "postgres"),
        ("CUPEL_BLOBS__URL", "postgres"),
        ("CUPEL_TRACES__URL", collector.url()),
    ]);
    let (api, worker) = (cluster.start("api"), cluster.start("worker"));
    let client = Client { url: &api.url, key: cluster.key() };
    let id = client.submit_in("python", "print('not to be traced')");
    client.wait_until(&id, |answer| answer["status"] == "completed");
    for node in [worker, api] {
        node.stop();
    }

    // The content of spans is tested in `cupel-traces`. Names and ids are not encoded, so this test searches for them.
    let answer = std::iter::from_fn(|| collector.next_within(Duration::from_millis(300)));
    let bodies: Vec<Vec<u8>> = answer.map(|request| request.body).collect();
    let trace = uuid::Uuid::parse_str(&id).unwrap();
    let has = |body: &[u8], part: &[u8]| body.windows(part.len()).any(|window| window == part);
    for (service, spans) in [("cupel-api", ["submit", "POST /api/v1/execute"]), ("cupel-worker", ["run", "execute"])] {
        let answer = bodies.iter().any(|body| {
            let parts = [service.as_bytes(), trace.as_bytes(), spans[0].as_bytes(), spans[1].as_bytes()];
            parts.iter().all(|part| has(body, part))
        });
        assert!(answer, "{service} sent none of {spans:?} in {} batches", bodies.len());
    }
    assert!(!bodies.iter().any(|body| has(body, b"not to be traced")));
}
