//! Buckets limit all nodes together. While Redis is unreachable, each node limits locally.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cupel_cache::{SharedCaches, connect, connect_patiently};
use cupel_core::rate_limit::{BucketKind, Buckets, Charge, Rate};
use cupel_core::result_cache::ResultKey;
use cupel_testkit::servers::{self, Redis};
use cupel_types::{Bytes, SubmissionId};
use tokio::task::{JoinSet, block_in_place};
use tokio::time::{sleep, timeout};

/// A rate so low that the bucket does not refill during a test.
const SLOW: Rate = Rate::new(10, Duration::from_secs(24 * 3600), 10);

fn charge(key: &str, rate: Rate, cost: u32) -> Charge {
    Charge { kind: BucketKind::User, key: key.to_owned(), rate, cost }
}

/// Timeout of an answer, long enough for a slow machine. Requests to a killed server fail at once.
const PATIENCE: Duration = Duration::from_secs(60);

async fn shared(redis: &Redis, cluster: &str) -> SharedCaches {
    connect_patiently(&redis.url(), cluster, Bytes::mib(1), PATIENCE).await.expect("Redis runs")
}

async fn node(redis: &Redis, cluster: &str) -> Arc<dyn Buckets> {
    shared(redis, cluster).await.buckets
}

async fn both() -> [Arc<dyn Buckets>; 2] {
    let memory = connect("", "here", Bytes::mib(1)).await.expect("local state needs no connection");
    [memory.buckets, node(Redis::shared(), &servers::cluster()).await]
}

#[tokio::test]
async fn a_burst_is_granted_and_the_remainder_reported() {
    for buckets in both().await {
        for left in (0..10).rev() {
            let standing = buckets.take(&[charge("a", SLOW, 1)]).await.unwrap();
            assert_eq!(standing.remaining, left);
            assert!(standing.reset > SLOW.window / 10 * (9 - left) && standing.reset <= SLOW.window / 10 * (10 - left));
        }
        let exhausted = buckets.take(&[charge("a", SLOW, 1)]).await.unwrap_err();
        assert_eq!((exhausted.charge_index, exhausted.standing.remaining), (0, 0));
        assert!(exhausted.wait <= SLOW.window / 10 && exhausted.wait > SLOW.window / 11);
        assert!(buckets.take(&[charge("b", SLOW, 1)]).await.is_ok(), "keys have separate buckets");
        let address = Charge { kind: BucketKind::Address, ..charge("a", SLOW, 1) };
        assert!(buckets.take(&[address]).await.is_ok(), "kinds have separate buckets");
    }
}

#[tokio::test]
async fn several_charges_are_taken_together_or_not_at_all_and_a_refund_undoes_them() {
    for buckets in both().await {
        assert_eq!(buckets.take(&[charge("a", SLOW, 1), charge("b", SLOW, 10)]).await.unwrap().remaining, 9);
        assert_eq!(buckets.take(&[charge("a", SLOW, 1), charge("b", SLOW, 1)]).await.unwrap_err().charge_index, 1);
        buckets.refund(&[charge("b", SLOW, 10)]).await;
        assert_eq!(buckets.take(&[charge("b", SLOW, 1)]).await.unwrap().remaining, 9);
        assert_eq!(buckets.take(&[charge("a", SLOW, 9)]).await.unwrap().remaining, 0);
    }
}

#[tokio::test]
async fn a_cost_above_the_burst_needs_a_full_bucket_and_is_paid_in_full() {
    for buckets in both().await {
        buckets.take(&[charge("a", SLOW, 1)]).await.unwrap();
        assert!(buckets.take(&[charge("a", SLOW, 100)]).await.is_err());
        buckets.refund(&[charge("a", SLOW, 1)]).await;
        let standing = buckets.take(&[charge("a", SLOW, 100)]).await.unwrap();
        assert!(standing.reset > SLOW.window * 9);
        assert!(buckets.take(&[charge("a", SLOW, 1)]).await.is_err());
    }
}

#[tokio::test]
async fn a_bucket_fills_again() {
    let fast = Rate::new(1000, Duration::from_secs(1), 1);
    for buckets in both().await {
        for _ in 0..20 {
            while let Err(exhausted) = buckets.take(&[charge("a", fast, 1)]).await {
                assert!(exhausted.wait <= Duration::from_millis(1));
                sleep(exhausted.wait).await;
            }
        }
    }
}

#[tokio::test]
async fn rates_too_fast_for_whole_microseconds_are_exact() {
    let fast = Rate::per_minute(1_000_000_000, 1_000_000);
    for buckets in both().await {
        let standing = buckets.take(&[charge("a", fast, 900_000)]).await.unwrap();
        assert!(standing.remaining >= 100_000 && standing.reset <= Duration::from_millis(54));
    }
}

#[tokio::test]
async fn a_remembered_key_is_known_on_every_node() {
    let cluster = servers::cluster();
    let (here, there) = (node(Redis::shared(), &cluster).await, node(Redis::shared(), &cluster).await);
    assert!(!there.remembers("x").await);
    here.remember("x").await;
    assert!(here.remembers("x").await && there.remembers("x").await);
    assert!(!there.remembers("y").await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_together_are_limited_like_one() {
    let cluster = servers::cluster();
    let mut takers = JoinSet::new();
    for _ in 0..4 {
        let buckets = node(Redis::shared(), &cluster).await;
        takers.spawn(async move {
            let mut taken = 0;
            for _ in 0..10 {
                taken += u32::from(buckets.take(&[charge("a", SLOW, 1)]).await.is_ok());
            }
            taken
        });
    }
    let taken: u32 = takers.join_all().await.into_iter().sum();
    assert_eq!(taken, SLOW.burst);
}

async fn until(is_so: impl Fn() -> bool) {
    let wait = async {
        while !is_so() {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(Duration::from_secs(60), wait).await.expect("the condition is reached");
}

/// Amounts that the nodes, one after the other, can take from a bucket until it is empty.
async fn used_up(nodes: &[Arc<dyn Buckets>; 2], key: &str) -> [u32; 2] {
    let mut taken = [0, 0];
    for (node, of_node) in nodes.iter().zip(&mut taken) {
        while node.take(&[charge(key, SLOW, 1)]).await.is_ok() {
            *of_node += 1;
        }
    }
    taken
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_redis_is_down_each_node_limits_locally_and_reports_it() {
    let redis = Redis::start();
    let cluster = servers::cluster();
    let nodes = [node(&redis, &cluster).await, node(&redis, &cluster).await];
    let use_up = async |key: &str| used_up(&nodes, key).await;
    assert_eq!(use_up("before").await, [10, 0]);
    block_in_place(|| redis.kill());
    assert_eq!(use_up("away").await, [10, 10], "each node limits by itself");
    for node in &nodes {
        assert!(node.health().unwrap_err().contains("shared.url"));
    }
    block_in_place(|| redis.start_again());
    until(|| nodes.iter().all(|node| node.health().is_ok())).await;
    assert_eq!(use_up("back").await, [10, 0]);
    block_in_place(|| redis.kill());
    until(|| nodes.iter().all(|node| node.health().is_err())).await;
    block_in_place(|| redis.wipe_and_start());
    until(|| nodes.iter().all(|node| node.health().is_ok())).await;
    assert_eq!(use_up("before").await, [10, 0], "buckets are full on an empty Redis");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_redis_hangs_each_node_limits_locally_and_reports_it() {
    let redis = Redis::start();
    let cluster = servers::cluster();
    let usual = async || connect(&redis.url(), &cluster, Bytes::mib(1)).await.expect("Redis runs").buckets;
    let nodes = [usual().await, usual().await];
    block_in_place(|| redis.freeze());
    assert_eq!(used_up(&nodes, "away").await, [10, 10], "each node limits by itself");
    for node in &nodes {
        assert!(node.health().unwrap_err().contains("shared.url"));
    }
    block_in_place(|| redis.thaw());
    let mut tries = 0;
    let back = async {
        // Answers that are too slow are ignored, and this machine may be slow.
        while used_up(&nodes, &format!("back-{tries}")).await != [10, 0] {
            tries += 1;
            sleep(Duration::from_millis(100)).await;
        }
    };
    timeout(Duration::from_secs(60), back).await.expect("the nodes limit together again");
}

/// A full Redis answers but cannot count.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_rejects_writes_counts_as_unreachable() {
    let redis = Redis::start();
    let cluster = servers::cluster();
    let buckets = node(&redis, &cluster).await;
    block_in_place(|| redis.command("CONFIG SET maxmemory 1"));
    let refused =
        connect(&redis.url(), &cluster, Bytes::mib(1)).await.err().expect("a full Redis is refused at the start");
    assert!(cupel_core::chain(&refused).contains("shared.url"), "{refused}");
    for left in (0..10).rev() {
        assert_eq!(buckets.take(&[charge("a", SLOW, 1)]).await.unwrap().remaining, left);
    }
    assert!(buckets.take(&[charge("a", SLOW, 1)]).await.is_err());
    assert!(buckets.health().unwrap_err().contains("shared.url"));
    block_in_place(|| redis.command("CONFIG SET maxmemory 0"));
    until(|| buckets.health().is_ok()).await;
}

#[tokio::test]
async fn a_full_bucket_expires_on_the_server() {
    let cluster = servers::cluster();
    let buckets = node(Redis::shared(), &cluster).await;
    let quick = Rate::new(10, Duration::from_secs(1), 10);
    buckets.take(&[charge("a", quick, 1)]).await.unwrap();
    let key = format!("{cluster}:limits:user:a");
    let expired = async {
        while Redis::shared().command(&format!("EXISTS {key}")).starts_with(":1") {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(Duration::from_secs(60), expired).await.expect("the key expires");
}

#[tokio::test]
async fn an_invalid_url_or_password_is_refused_and_names_the_setting() {
    let redis = Redis::shared();
    let wrong = redis.url().replace("redis://:", "redis://:x");
    for url in ["postgres://host", "redis://127.0.0.1:1", "redis://host:port", &wrong] {
        let refused = connect(url, "cupel", Bytes::mib(1)).await.err().expect("the URL is refused");
        let text = cupel_core::chain(&refused);
        assert!(text.contains("shared.url"), "{text}");
    }
}

const HOUR: Duration = Duration::from_secs(3600);

/// A unique key, distributed over the table like a hash, and a submission.
fn a_result() -> (ResultKey, SubmissionId) {
    static MADE: AtomicU64 = AtomicU64::new(0);
    let mut key = [0; 32];
    key[..8].copy_from_slice(&MADE.fetch_add(1, Ordering::Relaxed).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    (ResultKey(key), SubmissionId::from_uuid(cupel_testkit::fresh()))
}

#[tokio::test]
async fn a_result_is_found_by_its_key_until_it_expires() {
    let memory = connect("", "here", Bytes::mib(1)).await.expect("local state needs no connection").results;
    let cluster = servers::cluster();
    let (here, there) =
        (shared(Redis::shared(), &cluster).await.results, shared(Redis::shared(), &cluster).await.results);
    let other_cluster = shared(Redis::shared(), &servers::cluster()).await.results;
    for (keeps, finds) in [(&memory, &memory), (&here, &there)] {
        let (key, id) = a_result();
        assert_eq!(finds.find(&key).await, None);
        keeps.keep(&key, id, HOUR).await;
        assert_eq!(finds.find(&key).await, Some(id));
        assert_eq!(finds.find(&a_result().0).await, None);
        let later = a_result().1;
        keeps.keep(&key, later, HOUR).await;
        assert_eq!(finds.find(&key).await, Some(later), "the latest entry wins");
        keeps.keep(&key, id, Duration::from_millis(1)).await;
        let expired = async {
            while finds.find(&key).await.is_some() {
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(Duration::from_secs(60), expired).await.expect("the entry expires");
        keeps.keep(&key, id, HOUR).await;
        assert_eq!(other_cluster.find(&key).await, None);
    }
}

#[tokio::test]
async fn results_on_redis_stay_within_their_bound() {
    let cluster = servers::cluster();
    let results = connect_patiently(&Redis::shared().url(), &cluster, Bytes::kib(4), PATIENCE).await;
    let results = results.expect("Redis runs").results;
    for _ in 0..400 {
        let (key, id) = a_result();
        results.keep(&key, id, HOUR).await;
        assert_eq!(results.find(&key).await, Some(id), "the latest entry is found");
    }
    let (mut held, mut bytes) = (0, 0);
    for place in 0..1000 {
        let used = Redis::shared().command(&format!("MEMORY USAGE {cluster}:results:{place}"));
        if let Some(used) = used.lines().find_map(|line| line.trim().strip_prefix(':')?.parse::<u64>().ok()) {
            (held, bytes) = (held + 1, bytes + used);
        }
    }
    assert!((10..=16).contains(&held) && bytes <= 4096, "{held} with {bytes} bytes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_redis_lookups_miss_at_once() {
    let redis = Redis::start();
    let SharedCaches { buckets, results } = shared(&redis, &servers::cluster()).await;
    let (key, id) = a_result();
    results.keep(&key, id, HOUR).await;
    assert_eq!(results.find(&key).await, Some(id));
    block_in_place(|| redis.kill());
    assert_eq!(results.find(&key).await, None);
    results.keep(&key, id, HOUR).await;
    assert!(buckets.health().is_err());
    block_in_place(|| redis.start_again());
    until(|| buckets.health().is_ok()).await;
    assert_eq!(results.find(&key).await, Some(id), "Redis reads the entry from its file when it starts");
}
