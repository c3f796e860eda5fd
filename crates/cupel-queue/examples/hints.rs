//! Measures the throughput of each queue in hints per second: publish, next, settle, with eight takers, on servers that
//! this program starts.
//!
//!     cargo run --release -p cupel-queue --example hints [HINTS] [QUEUE...]
//!
//! The embedded queue is measured in the same run; on a busy machine only the ratio to it is meaningful.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use cupel_core::{Queue, QueueError, RunHint};
use cupel_queue::Settings;
use cupel_testkit::servers::{self, Kafka, Postgres, RabbitMq, Redis};
use cupel_types::{PriorityClass, RunId, UserId};
use uuid::Uuid;

const TAKERS: usize = 8;
/// Number of hints per publish call, similar to a server under load.
const BATCH: usize = 16;

#[tokio::main]
async fn main() {
    let mut words = std::env::args().skip(1);
    let hints: usize =
        words.next().map_or(20_000, |hints| hints.parse().expect("the first argument is a number of hints"));
    let named: Vec<String> = words.collect();
    let embedded = measure("", hints).await;
    println!("embedded   {embedded:>9.0} hints/s  1");
    for queue in ["redis", "postgres", "rabbitmq", "kafka"] {
        if !named.is_empty() && !named.iter().any(|name| name == queue) {
            continue;
        }
        let url = match queue {
            "redis" => Redis::shared().url(),
            "postgres" => Postgres::shared().url(),
            "rabbitmq" => RabbitMq::shared().url(),
            _ => Kafka::shared().url(),
        };
        let rate = measure(&url, hints).await;
        println!(
            "{queue:10} {rate:>9.0} hints/s  1/{:.0}   one hint alone: {:.2} ms",
            embedded / rate,
            alone(&url).await
        );
    }
}

async fn connect(url: &str) -> Arc<dyn Queue> {
    let settings = Settings { cluster: servers::cluster(), ..Settings::default() };
    cupel_queue::connect(url, settings).await.expect("the server runs")
}

fn hint(run: usize) -> RunHint {
    let id = |n: usize| Uuid::from_u128(n as u128);
    RunHint { run: RunId::from_uuid(id(run)), owner: UserId::from_uuid(id(run % 50)), class: PriorityClass::Submission }
}

async fn take(queue: &dyn Queue) -> Result<(), QueueError> {
    let hinted = queue.next().await?;
    queue.settle(hinted).await
}

/// Returns hints per second.
async fn measure(url: &str, hints: usize) -> f64 {
    let queue = connect(url).await;
    // After this first hint, all objects exist and all nodes have joined their groups.
    queue.publish(&[hint(usize::MAX / 2)]).await.expect("publishing");
    take(&*queue).await.expect("a hint");
    let taken = Arc::new(AtomicUsize::new(0));
    let started = Instant::now();
    let takers: Vec<_> = (0..TAKERS)
        .map(|_| {
            let (queue, taken) = (Arc::clone(&queue), Arc::clone(&taken));
            tokio::spawn(async move {
                while take(&*queue).await.is_ok() {
                    if taken.fetch_add(1, Ordering::Relaxed) + 1 == hints {
                        queue.close();
                    }
                }
            })
        })
        .collect();
    for start in (0..hints).step_by(BATCH) {
        let batch: Vec<RunHint> = (start..hints.min(start + BATCH)).map(hint).collect();
        while let Err(QueueError::Full { .. }) = queue.publish(&batch).await {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    for taker in takers {
        taker.await.expect("a taker");
    }
    hints as f64 / started.elapsed().as_secs_f64()
}

/// Returns the median time from publishing a hint until a waiting taker has it, in milliseconds.
async fn alone(url: &str) -> f64 {
    let queue = connect(url).await;
    let mut times = Vec::new();
    for run in 0..100 {
        let waiting = tokio::spawn({
            let queue = Arc::clone(&queue);
            async move { take(&*queue).await }
        });
        tokio::time::sleep(Duration::from_millis(10)).await;
        let started = Instant::now();
        queue.publish(&[hint(run)]).await.expect("publishing");
        waiting.await.expect("the taker").expect("a hint");
        times.push(started.elapsed());
    }
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64() * 1000.0
}
