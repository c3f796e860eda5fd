//! What every `Queue` at a broker does, beside the rules of [`queue`](crate::queue): nodes share it, and it goes on whatever
//! happens to the broker. Call [`broker_conformance!`](crate::broker_conformance) with a function to a [`Site`].

use std::collections::{HashMap, HashSet};
use std::ops::Deref;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use cupel_core::{Queue, QueueError, RunHint};
use cupel_types::RunId;
use tokio::sync::OwnedMutexGuard;
use tokio::task::JoinHandle;

use crate::queue::{PATIENCE, hint, take};
use crate::servers::Server;

/// Makes a test of each rule in [`brokers`](crate::brokers).
#[macro_export]
macro_rules! broker_conformance {
    ($make:expr) => {
        $crate::rules!(
            $crate::brokers,
            $make,
            [
                two_nodes_share_the_work_and_each_hint_goes_to_one,
                what_a_node_had_taken_and_not_given_out_is_found_by_others,
                a_broker_that_is_killed_and_started_again_goes_on,
                a_broker_that_lost_everything_goes_on,
                a_broker_that_hangs_is_given_up_and_found_again,
                what_is_published_while_the_broker_is_away_is_bounded_and_comes,
            ]
        );
    };
}

/// A broker, and how nodes get to it. No other test has it meanwhile.
pub struct Site {
    server: Lent,
    node: Box<dyn Fn(usize, Duration) -> Node>,
    keeps: bool,
}

type Node = Pin<Box<dyn Future<Output = Arc<dyn Queue>>>>;

impl Site {
    /// A broker with its nodes: `node` makes one more, that takes so many hints, and gives others what a node has not settled for so
    /// long; `keeps` says whether hints survive the broker's being killed.
    pub fn new<T, F>(server: OwnedMutexGuard<T>, keeps: bool, node: impl Fn(usize, Duration) -> F + 'static) -> Site
    where
        T: Deref<Target = Server> + 'static,
        F: Future<Output = Arc<dyn Queue>> + 'static,
    {
        let node = Box::new(move |depth_max, reclaim_after| -> Node { Box::pin(node(depth_max, reclaim_after)) });
        Site { server: Lent(Box::new(server)), node, keeps }
    }

    /// One that soon gives others what a node has not settled.
    async fn node(&self, depth_max: usize) -> Arc<dyn Queue> {
        (self.node)(depth_max, Duration::from_secs(2)).await
    }

    /// One that does not, however long this machine stands still.
    async fn patient_node(&self, depth_max: usize) -> Arc<dyn Queue> {
        (self.node)(depth_max, Duration::from_secs(60)).await
    }
}

/// The server, whichever it is.
struct Lent(Box<dyn AsServer>);

trait AsServer {
    fn server(&self) -> &Server;
}

impl<T: Deref<Target = Server>> AsServer for OwnedMutexGuard<T> {
    fn server(&self) -> &Server {
        self
    }
}

impl Deref for Lent {
    type Target = Server;

    fn deref(&self) -> &Server {
        self.0.server()
    }
}

/// Waits until it is so.
///
/// # Panics
/// When it is not for two minutes.
pub async fn comes_true(what: &str, is_true: impl AsyncFnMut() -> bool) {
    assert!(becomes_true(is_true).await, "not in {PATIENCE:?}: {what}");
}

/// Waits until it is so: whether it is in time.
async fn becomes_true(mut is_true: impl AsyncFnMut() -> bool) -> bool {
    let deadline = Instant::now() + PATIENCE;
    while !is_true().await {
        if Instant::now() >= deadline {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    true
}

async fn in_time<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.unwrap_or_else(|_| panic!("not in {PATIENCE:?}: {what}"))
}

/// Takers of several nodes, and what they took: how often, and on which node.
#[derive(Clone, Default)]
struct Taken(Arc<Mutex<HashMap<RunId, Vec<usize>>>>);

impl Taken {
    fn by(&self, node: usize, queue: &Arc<dyn Queue>, takers: usize) -> Vec<JoinHandle<()>> {
        let taker = || {
            let (queue, taken) = (Arc::clone(queue), self.clone());
            tokio::spawn(async move {
                while let Ok(hinted) = queue.next().await {
                    taken.0.lock().unwrap().entry(hinted.hint.run).or_default().push(node);
                    queue.settle(hinted).await.unwrap();
                }
            })
        };
        (0..takers).map(|_| taker()).collect()
    }

    fn nodes(&self) -> HashSet<usize> {
        self.0.lock().unwrap().values().flatten().copied().collect()
    }

    fn missing(&self, hints: &[RunHint]) -> Vec<RunHint> {
        let taken = self.0.lock().unwrap();
        hints.iter().filter(|hint| !taken.contains_key(&hint.run)).copied().collect()
    }

    fn has_one(&self, hints: &[RunHint]) -> bool {
        let taken = self.0.lock().unwrap();
        hints.iter().any(|hint| taken.contains_key(&hint.run))
    }

    fn has_all(&self, hints: &[RunHint]) -> bool {
        self.missing(hints).is_empty()
    }
}

/// Takers whose queues are closed end, without a failure.
async fn ended(takers: Vec<JoinHandle<()>>) {
    for taker in takers {
        taker.await.unwrap();
    }
}

fn hints(runs: std::ops::Range<u128>) -> Vec<RunHint> {
    runs.map(hint).collect()
}

async fn published(queue: &Arc<dyn Queue>, hints: &[RunHint]) {
    in_time("publishing", queue.publish(hints)).await.unwrap();
}

/// Rule.
pub async fn two_nodes_share_the_work_and_each_hint_goes_to_one(make: impl AsyncFn() -> Site) {
    let site = make().await;
    let (a, b) = (site.patient_node(1000).await, site.patient_node(1000).await);
    let taken = Taken::default();
    let mut takers = taken.by(0, &a, 4);
    takers.append(&mut taken.by(1, &b, 4));
    // Until both are known to get something: some brokers take their time to share.
    let mut run = 0;
    comes_true("both nodes get hints", async || {
        run += 1;
        published(&a, &[hint(run)]).await;
        taken.nodes().len() == 2
    })
    .await;
    let before = hints(1..run + 1);
    comes_true("the first hints have come", async || taken.has_all(&before)).await;
    let shared = hints(10_000..10_500);
    for (n, part) in shared.chunks(10).enumerate() {
        published(if n % 2 == 0 { &a } else { &b }, part).await;
    }
    let all_came = async || becomes_true(async || taken.has_all(&shared)).await;
    let mut have_come = all_came().await;
    if !have_come && !site.keeps {
        // Seen once, at a broker that has all in its memory; why is not known. They are offered again, as by the sweeper.
        let missing = taken.missing(&shared);
        assert!(missing.len() <= shared.len() / 16, "{} are missing", missing.len());
        published(&a, &missing).await;
        have_come = all_came().await;
    }
    let depths =
        (a.depth().await, b.depth().await, a.depth_of(shared[0].owner).await, b.depth_of(shared[0].owner).await);
    assert!(have_come, "{:?} are missing; at the broker, and before it: {depths:?}", taken.missing(&shared));
    a.close();
    b.close();
    ended(takers).await;
    let taken = taken.0.lock().unwrap();
    for hint in shared {
        assert_eq!(taken[&hint.run].len(), 1, "{} went to {:?}", hint.run, taken[&hint.run]);
    }
}

/// Rule: a node that ends in good order takes nothing along that it has not given out.
pub async fn what_a_node_had_taken_and_not_given_out_is_found_by_others(make: impl AsyncFn() -> Site) {
    let site = make().await;
    let a = site.node(1000).await;
    let all = hints(0..50);
    published(&a, &all).await;
    let mut seen = HashSet::new();
    for _ in 0..5 {
        seen.insert(take(&*a).await.run);
    }
    // It goes on waiting for more, and is gone in that moment.
    let waiting = tokio::spawn({
        let a = Arc::clone(&a);
        async move { a.next().await.map(drop) }
    });
    tokio::task::yield_now().await;
    comes_true("everything is at the broker", async || a.depth_of(all[0].owner).await.unwrap() == 0).await;
    a.close();
    let _ = waiting.await;
    in_time("the node's end", a.gone()).await;
    drop(a);
    let b = site.node(1000).await;
    // One may have been in the hands of the taker who went, and was not settled.
    in_time("all hints", async {
        while seen.len() < all.len() - 1 {
            seen.insert(take(&*b).await.run);
        }
    })
    .await;
    b.close();
}

/// Rule.
pub async fn a_broker_that_is_killed_and_started_again_goes_on(make: impl AsyncFn() -> Site) {
    let site = make().await;
    let queue = site.node(1000).await;
    let (first, second) = (hints(0..10), hints(100..110));
    published(&queue, &first).await;
    comes_true("everything is at the broker", async || queue.depth_of(first[0].owner).await.unwrap() == 0).await;
    site.server.kill();
    published(&queue, &second).await;
    comes_true("it is told that the broker is away", async || queue.health().is_err()).await;
    site.server.start_again();
    comes_true("it is told that the broker is back", async || queue.health().is_ok()).await;
    let taken = Taken::default();
    let takers = taken.by(0, &queue, 2);
    comes_true("what was published while it was away comes", async || taken.has_all(&second)).await;
    if site.keeps {
        comes_true("what was there before comes", async || taken.has_all(&first)).await;
    }
    queue.close();
    ended(takers).await;
}

/// Rule.
pub async fn a_broker_that_lost_everything_goes_on(make: impl AsyncFn() -> Site) {
    let site = make().await;
    let (api, worker) = (site.node(100_000).await, site.node(100_000).await);
    let taken = Taken::default();
    let takers = taken.by(0, &worker, 2);
    let first = hints(0..5);
    published(&api, &first).await;
    comes_true("the first hints come", async || taken.has_all(&first)).await;
    site.server.wipe_and_start();
    // The first may be lost, as long as nobody has noticed; then they are the sweeper's.
    let mut run = 100;
    comes_true("later hints come", async || {
        run += 1;
        published(&api, &[hint(run)]).await;
        taken.has_one(&hints(101..run + 1))
    })
    .await;
    let later = hints(1000..1020);
    published(&api, &later).await;
    comes_true("all later hints come", async || taken.has_all(&later)).await;
    api.close();
    worker.close();
    ended(takers).await;
}

/// Rule.
pub async fn a_broker_that_hangs_is_given_up_and_found_again(make: impl AsyncFn() -> Site) {
    let site = make().await;
    let queue = site.node(1000).await;
    site.server.freeze();
    let all = hints(0..10);
    published(&queue, &all).await;
    in_time("the depth", queue.depth()).await.unwrap();
    comes_true("it is told that the broker is away", async || queue.health().is_err()).await;
    site.server.thaw();
    let taken = Taken::default();
    let takers = taken.by(0, &queue, 2);
    comes_true("all hints come", async || taken.has_all(&all)).await;
    queue.close();
    ended(takers).await;
}

/// Rule.
pub async fn what_is_published_while_the_broker_is_away_is_bounded_and_comes(make: impl AsyncFn() -> Site) {
    let site = make().await;
    let queue = site.node(100).await;
    site.server.kill();
    let all = hints(0..100);
    for part in all.chunks(10) {
        published(&queue, part).await;
    }
    let beyond = in_time("publishing", queue.publish(&hints(100..101))).await;
    assert!(matches!(beyond, Err(QueueError::Full { depth_max: 100 })), "{beyond:?}");
    assert_eq!(in_time("the depth", queue.depth()).await.unwrap(), 100);
    site.server.start_again();
    let taken = Taken::default();
    let takers = taken.by(0, &queue, 2);
    comes_true("all hints come", async || taken.has_all(&all)).await;
    queue.close();
    ended(takers).await;
}
