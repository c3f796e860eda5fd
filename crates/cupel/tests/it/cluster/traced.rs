//! A trace that nodes write together.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::thread;

use cupel_testkit::servers::Postgres;

use super::dead::Client;
use super::nodes::Cluster;

/// A collector of traces, and the bodies that it gets. (What is in them is a matter of `cupel-traces`; names and ids stand in them as
/// they are.)
fn collector() -> (String, Arc<Mutex<Vec<Vec<u8>>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let bodies = Arc::new(Mutex::new(Vec::new()));
    let got = Arc::clone(&bodies);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            let head: Vec<String> =
                stream.by_ref().lines().map(Result::unwrap).take_while(|line| !line.is_empty()).collect();
            let length =
                head.iter().find_map(|line| line.to_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
            let mut body = vec![0; length.unwrap_or(0)];
            stream.read_exact(&mut body).unwrap();
            got.lock().unwrap().push(body);
            let answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            stream.get_mut().write_all(answer.as_bytes()).unwrap();
        }
    });
    (url, bodies)
}

#[test]
fn an_api_node_and_a_worker_write_to_the_trace_that_has_the_submissions_id() {
    let postgres = Postgres::start();
    let (collector, bodies) = collector();
    let cluster = Cluster::new(&[
        ("CUPEL_STORE__URL", &postgres.url()),
        ("CUPEL_QUEUE__URL", "postgres"),
        ("CUPEL_EVENTS__URL", "postgres"),
        ("CUPEL_BLOBS__URL", "postgres"),
        ("CUPEL_TRACES__URL", &collector),
    ]);
    let (api, worker) = (cluster.start("api"), cluster.start("worker"));
    let client = Client { url: &api.url, key: cluster.key() };
    let id = client.submit_in("python", "print('not to be traced')");
    client.once(&id, |told| told["status"] == "completed");
    for node in [worker, api] {
        node.stop();
    }

    let bodies = bodies.lock().unwrap();
    let trace = uuid::Uuid::parse_str(&id).unwrap();
    let has = |body: &[u8], part: &[u8]| body.windows(part.len()).any(|window| window == part);
    for (service, spans) in [("cupel-api", ["submit", "POST /api/v1/execute"]), ("cupel-worker", ["run", "execute"])] {
        let told = bodies.iter().any(|body| {
            let parts = [service.as_bytes(), trace.as_bytes(), spans[0].as_bytes(), spans[1].as_bytes()];
            parts.iter().all(|part| has(body, part))
        });
        assert!(told, "{service} told nothing of {spans:?} in {} batches", bodies.len());
    }
    assert!(!bodies.iter().any(|body| has(body, b"not to be traced")));
}
