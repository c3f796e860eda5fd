//! Values that are too large for the store are written to a bucket.

use cupel_testkit::servers::{Postgres, S3};
use serde_json::{Value, json};

use super::nodes::{Cluster, Node};
use crate::support::agent;

/// HTTP status and response.
type Response = (u16, Value);

/// Runs a program that repeats its input.
fn repeat(api: &Node, key: &str, stdin: &str) -> Response {
    let source = "import sys\nsys.stdout.write(sys.stdin.read())";
    let body = json!({ "language": "python", "source_code": source, "stdin": stdin });
    let request =
        agent().post(format!("{}/api/v1/execute?wait=60", api.url)).header("authorization", format!("Bearer {key}"));
    let mut answer = request.send_json(body).unwrap();
    (answer.status().as_u16(), answer.body_mut().with_config().limit(1 << 24).read_json().unwrap())
}

fn ask_again(api: &Node, key: &str, view: &Value) -> Response {
    let url = format!("{}/api/v1/submissions/{}", api.url, view["submission_id"].as_str().unwrap());
    let mut answer = agent().get(url).header("authorization", format!("Bearer {key}")).call().unwrap();
    (answer.status().as_u16(), answer.body_mut().with_config().limit(1 << 24).read_json().unwrap())
}

#[test]
fn large_inputs_and_outputs_use_the_bucket_or_the_store_while_it_is_down() {
    let (postgres, s3) = (Postgres::start(), S3::start());
    let cluster = Cluster::new(&[
        ("CUPEL_STORE__URL", &postgres.url()),
        ("CUPEL_QUEUE__URL", "postgres"),
        ("CUPEL_EVENTS__URL", "postgres"),
        ("CUPEL_BLOBS__URL", &s3.bucket()),
    ]);
    let (api, worker) = (cluster.start("api"), cluster.start("worker"));
    let key = cluster.key();

    let large: String = (0..60_000).map(|n| format!("{n}\n")).collect();
    let (status, view) = repeat(&api, key, &large);
    assert_eq!((status, &view["verdict"]), (200, &json!("AC")), "{view}");
    assert!(view["stdout"] == large.as_str(), "{} characters", view["stdout"].as_str().unwrap_or_default().len());
    let (status, again) = ask_again(&api, key, &view);
    assert!(status == 200 && again["stdout"] == view["stdout"]);

    s3.kill();
    let (status, problem) = ask_again(&api, key, &view);
    assert_eq!(status, 503, "{problem}");
    let other = large.replace('7', "x");
    let (status, view) = repeat(&api, key, &other);
    assert_eq!((status, &view["verdict"]), (200, &json!("AC")), "{view}");
    assert!(view["stdout"] == other.as_str());
    let (status, again) = ask_again(&api, key, &view);
    assert!(status == 200 && again["stdout"] == view["stdout"]);

    for node in [worker, api] {
        node.stop();
    }
    cluster.nothing_is_left();
}
