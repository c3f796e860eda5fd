//! Measures how many submissions per second core and the embedded adapters process if judging takes no time: `cargo run
//! --release -p cupel-core --example throughput -- [SUBMISSIONS] [CLIENTS] [WORKERS] [postgres://…]`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use cupel_core::{Bounds, Core, CoreParts, LeasePolicy, Store, SystemClock};
use cupel_events::EmbeddedBus;
use cupel_queue::EmbeddedQueue;
use cupel_store::{LocalPackages, PostgresOptions, SqlStore};
use cupel_testkit::{Unlimited, a_report, a_submission, a_user, fresh, registry};
use cupel_types::WorkerId;

#[tokio::main]
async fn main() {
    let number = |n: usize, default| std::env::args().nth(n).map_or(default, |a| a.parse().expect("a number"));
    let (submissions, clients, workers) = (number(1, 5000), number(2, 16), number(3, 2));
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store: Arc<dyn Store> = match std::env::args().nth(4) {
        None => Arc::new(SqlStore::open_sqlite(&folder.path().join("cupel.db")).await.expect("a store")),
        Some(url) => Arc::new(SqlStore::open_postgres(PostgresOptions::new(url, "cupel")).await.expect("a store")),
    };
    let owner = store.insert_user(a_user()).await.expect("a store").expect("a user").id;
    let core = Core::new(CoreParts {
        store: store.clone(),
        queue: Arc::new(EmbeddedQueue::default()),
        events: Arc::new(EmbeddedBus::default()),
        packages: Arc::new(LocalPackages::open(&folder.path().join("packages"), registry()).expect("a folder")),
        clock: Arc::new(SystemClock),
        registry: registry(),
        policy: LeasePolicy::default(),
        bounds: Bounds::default(),
    });

    let done = Arc::new(AtomicUsize::new(0));
    let all_done = Arc::new(tokio::sync::Notify::new());
    for _ in 0..workers {
        let (core, done, all_done) = (core.clone(), Arc::clone(&done), Arc::clone(&all_done));
        tokio::spawn(async move {
            let me = WorkerId::from_uuid(fresh());
            loop {
                let assignment = core.next_run(me).await.expect("a run");
                assert!(core.complete(&assignment, a_report(b"42\n"), Vec::new()).await.expect("a store"));
                if done.fetch_add(1, Ordering::Relaxed) + 1 == submissions / clients * clients {
                    all_done.notify_one();
                }
            }
        });
    }
    let start = Instant::now();
    let tasks: Vec<_> = (0..clients)
        .map(|_| {
            let core = core.clone();
            tokio::spawn(async move {
                let mut times = Vec::new();
                for _ in 0..submissions / clients {
                    let before = Instant::now();
                    core.submit(owner, vec![a_submission().as_sent()], None, &Unlimited).await.expect("accepted");
                    times.push(before.elapsed());
                }
                times
            })
        })
        .collect();
    let mut times: Vec<Duration> = Vec::new();
    for task in tasks {
        times.extend(task.await.expect("a client"));
    }
    let accepted = start.elapsed();
    all_done.notified().await;
    let all = start.elapsed();
    times.sort_unstable();
    let n = times.len();
    println!("accepted {:.0}/s, judged {:.0}/s", n as f64 / accepted.as_secs_f64(), n as f64 / all.as_secs_f64());
    println!("accepting: p50 {:?}, p99 {:?}, max {:?}", times[n / 2], times[n * 99 / 100], times[n - 1]);
}
