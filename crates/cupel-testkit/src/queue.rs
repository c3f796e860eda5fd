//! The rules that every `Queue` must follow. Call [`queue_conformance!`](crate::queue_conformance) with a function that
//! maps a maximum depth to a [queue under test](QueueUnderTest).
//!
//! A queue at a broker updates its depth with a delay, and delivers the hints of a window first come, first served. So
//! the rules wait for depths and allow for the window's size. Rules that apply only to queues at a broker are in
//! [`brokers`](crate::brokers).

#![expect(missing_docs, reason = "the name of each function states its rule")]

use std::collections::HashSet;
use std::ops::Deref;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cupel_core::{Queue, QueueError, RunHint};
use cupel_types::{PriorityClass, RunId, UserId};
use uuid::Uuid;

/// Turns each rule in [`queue`](crate::queue) into a test.
#[macro_export]
macro_rules! queue_conformance {
    ($make:expr) => {
        $crate::rules!(
            $crate::queue,
            $make,
            [
                hints_of_an_owner_are_delivered_in_order,
                a_waiting_run_is_not_queued_twice_and_a_taken_one_may_be_queued_again,
                publishing_beyond_the_bound_is_refused_as_a_whole,
                publishing_wakes_waiting_takers,
                many_takers_get_each_hint_once,
                a_cancelled_taker_loses_no_hint,
                no_class_and_no_owner_starves,
                an_owner_charged_for_slot_time_waits_for_other_owners,
                next_other_finds_hints_behind_those_of_excluded_owners,
                language_queues_are_separate_and_do_not_block_each_other,
                closing_a_queue_closes_its_language_queues,
            ]
        );
    };
}

/// A queue under test and its properties.
pub struct QueueUnderTest {
    /// The queue.
    pub queue: Arc<dyn Queue>,
    /// Maximum number of hints of each class that are sent to the broker in advance; 0 if there is no broker.
    pub window: usize,
    /// Whether one taker gets the hints of one owner and class in the order in which they were published.
    pub is_ordered: bool,
}

impl Deref for QueueUnderTest {
    type Target = Arc<dyn Queue>;

    fn deref(&self) -> &Arc<dyn Queue> {
        &self.queue
    }
}

impl Drop for QueueUnderTest {
    fn drop(&mut self) {
        self.queue.close();
    }
}

fn owner(n: u128) -> UserId {
    UserId::from_uuid(Uuid::from_u128(n))
}

pub(crate) fn hint(run: u128) -> RunHint {
    RunHint { run: RunId::from_uuid(Uuid::from_u128(run)), owner: owner(1), class: PriorityClass::Submission }
}

/// Timeout of a step: longer than any step takes on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// Waits until the depth is `expected`.
async fn depth_becomes(queue: &dyn Queue, expected: usize) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let depth = queue.depth().await.unwrap();
        if depth == expected {
            return;
        }
        assert!(Instant::now() < deadline, "the depth is {depth}, not {expected}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Returns the result of the first call of `tried` that ends within two seconds of the returned instant. Slower calls
/// are repeated, because a queue remembers the hints that it sent to a broker only for some seconds, and detects no
/// duplicates afterwards.
async fn within_two_seconds<T>(tried: impl AsyncFn() -> (Instant, T)) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let (began, outcome) = tried().await;
        if began.elapsed() < Duration::from_secs(2) {
            return outcome;
        }
        assert!(
            Instant::now() < deadline,
            "this machine is too slow for this rule: each attempt took two seconds or more"
        );
    }
}

/// Takes the next hint and settles it.
///
/// # Panics
/// If no hint arrives within two minutes.
pub async fn take(queue: &dyn Queue) -> RunHint {
    let hinted =
        tokio::time::timeout(PATIENCE, queue.next()).await.expect("a hint arrives within two minutes").expect("a hint");
    let hint = hinted.hint;
    queue.settle(hinted).await.expect("settling");
    hint
}

pub async fn hints_of_an_owner_are_delivered_in_order(make: impl AsyncFn(usize) -> QueueUnderTest) {
    let queue = make(100).await;
    let hints: Vec<RunHint> = (0..40).map(hint).collect();
    queue.publish(&hints[..5]).await.unwrap();
    queue.publish(&hints[5..]).await.unwrap();
    depth_becomes(&**queue, 40).await;
    let of_owner = queue.depth_of(owner(1)).await.unwrap();
    // If the broker's count is outdated, the queue sends slightly more than a window to the broker.
    assert!(of_owner <= 40 && of_owner + 2 * queue.window >= 40, "{of_owner}");
    assert_eq!(queue.depth_of(owner(2)).await.unwrap(), 0);
    let mut taken = Vec::new();
    for _ in 0..40 {
        taken.push(take(&**queue).await);
    }
    if !queue.is_ordered {
        taken.sort_by_key(|hint| hint.run);
    }
    assert_eq!(taken, hints);
    depth_becomes(&**queue, 0).await;
}

pub async fn a_waiting_run_is_not_queued_twice_and_a_taken_one_may_be_queued_again(
    make: impl AsyncFn(usize) -> QueueUnderTest,
) {
    let queue = within_two_seconds(async || {
        let queue = make(100).await;
        let began = Instant::now();
        queue.publish(&[hint(1), hint(1)]).await.unwrap();
        queue.publish(&[hint(1)]).await.unwrap();
        (began, queue)
    });
    let queue = queue.await;
    depth_becomes(&**queue, 1).await;
    assert_eq!(take(&**queue).await, hint(1));
    queue.publish(&[hint(1)]).await.unwrap();
    assert_eq!(take(&**queue).await, hint(1));
}

pub async fn publishing_beyond_the_bound_is_refused_as_a_whole(make: impl AsyncFn(usize) -> QueueUnderTest) {
    let published = within_two_seconds(async || {
        let queue = make(3).await;
        assert_eq!(queue.depth_max(), 3);
        let began = Instant::now();
        queue.publish(&[hint(1), hint(2)]).await.unwrap();
        depth_becomes(&**queue, 2).await;
        let refused = queue.publish(&[hint(3), hint(4)]).await;
        assert!(matches!(refused, Err(QueueError::Full { depth_max: 3 })), "{refused:?}");
        depth_becomes(&**queue, 2).await;
        let published = queue.publish(&[hint(1), hint(3)]).await;
        (began, (queue, published))
    });
    let (queue, published) = published.await;
    published.expect("one of the two is queued already, so there is room for the other");
    assert!(queue.publish(&[hint(5)]).await.is_err());
    take(&**queue).await;
    depth_becomes(&**queue, 2).await;
    queue.publish(&[hint(5)]).await.expect("there is room again");
}

pub async fn publishing_wakes_waiting_takers(make: impl AsyncFn(usize) -> QueueUnderTest) {
    let queue = Arc::new(make(100).await);
    let takers: Vec<_> = (0..4)
        .map(|_| {
            let queue = Arc::clone(&queue);
            tokio::spawn(async move { take(&***queue).await.run })
        })
        .collect();
    tokio::task::yield_now().await;
    queue.publish(&(0..4).map(hint).collect::<Vec<_>>()).await.unwrap();
    let mut runs = HashSet::new();
    for taker in takers {
        assert!(runs.insert(taker.await.unwrap()));
    }
}

pub async fn many_takers_get_each_hint_once(make: impl AsyncFn(usize) -> QueueUnderTest) {
    const TAKERS: u128 = 8;
    let queue = Arc::new(make(2000).await);
    // A broker receives one small window after the other, each after several round trips.
    let hints: u128 = if queue.window == 0 { 2000 } else { 400 };
    let takers: Vec<_> = (0..TAKERS)
        .map(|_| {
            let queue = Arc::clone(&queue);
            tokio::spawn(async move {
                let mut mine = Vec::new();
                for _ in 0..hints / TAKERS {
                    mine.push(take(&***queue).await.run);
                }
                mine
            })
        })
        .collect();
    for start in (0..hints).step_by(10) {
        queue.publish(&(start..start + 10).map(hint).collect::<Vec<_>>()).await.unwrap();
    }
    let mut seen = HashSet::new();
    for taker in takers {
        for run in taker.await.unwrap() {
            assert!(seen.insert(run), "{run} was delivered twice");
        }
    }
    assert_eq!(seen.len() as u128, hints);
}

pub async fn a_cancelled_taker_loses_no_hint(make: impl AsyncFn(usize) -> QueueUnderTest) {
    let queue = Arc::new(make(100).await);
    for _ in 0..50 {
        let waiting = tokio::spawn({
            let queue = Arc::clone(&queue);
            async move {
                // The future is dropped before it resolves, because no hint has been published.
                let _ = queue.next().await;
            }
        });
        tokio::task::yield_now().await;
        waiting.abort();
        let _ = waiting.await;
    }
    queue.publish(&[hint(1)]).await.unwrap();
    assert_eq!(take(&***queue).await, hint(1));
}

/// If hints of all classes and of three owners wait, each pair of class and owner is served within a bounded number of
/// hints.
pub async fn no_class_and_no_owner_starves(make: impl AsyncFn(usize) -> QueueUnderTest) {
    let mut turns = 0;
    // Hints of a class or owner may still be on their way to the broker, so the check is repeated, and one success is
    // enough.
    for _ in 0..4 {
        turns = turns_of_nine(make(1000).await).await;
        if turns == 9 {
            return;
        }
    }
    panic!("only {turns} of 9 pairs of class and owner were served");
}

/// Returns how many of the nine pairs of class and owner are served.
async fn turns_of_nine(queue: QueueUnderTest) -> usize {
    let mut run = 0;
    for class in PriorityClass::ALL {
        for who in 0..3 {
            for _ in 0..100 {
                run += 1;
                queue.publish(&[RunHint { owner: owner(who), class, ..hint(run) }]).await.unwrap();
            }
        }
    }
    let mut served = HashSet::new();
    // One of 13 deliveries belongs to the last class. The window of that class may be full of hints of one owner, and
    // the next window may be late.
    let most = 60 + 26 * queue.window;
    assert!(most < 900, "the window is too large for this rule");
    for _ in 0..most {
        let hint = take(&**queue).await;
        served.insert((hint.owner, hint.class));
    }
    served.len()
}

/// Fairness counts slot time, not only deliveries.
pub async fn an_owner_charged_for_slot_time_waits_for_other_owners(make: impl AsyncFn(usize) -> QueueUnderTest) {
    const HINTS: u128 = 100;
    let queue = make(1000).await;
    // Hints of both owners alternate and are published together, so only the charge determines the order.
    let of = |who, run| RunHint { owner: owner(who), ..hint(run) };
    let hints: Vec<RunHint> = (0..HINTS).flat_map(|n| [of(1, 2 * n), of(2, 2 * n + 1)]).collect();
    queue.publish(&hints).await.unwrap();
    // The owner is charged while the other owner's hints wait: slot time used without competition is free.
    queue.charge(owner(1), Duration::from_secs(100));
    // Hints that are already at a broker are delivered first come, first served.
    let first = HINTS as usize + 3 * queue.window;
    let mut of_others = 0;
    for _ in 0..first.min(hints.len()) {
        of_others += usize::from(take(&**queue).await.owner == owner(2));
    }
    assert_eq!(of_others, HINTS as usize, "among the first {first} hints");
}

pub async fn next_other_finds_hints_behind_those_of_excluded_owners(make: impl AsyncFn(usize) -> QueueUnderTest) {
    let queue = make(100).await;
    assert!(queue.next_other(&[]).await.unwrap().is_none(), "an empty queue returns None without waiting");
    let of_one: Vec<RunHint> = (0..5).map(hint).collect();
    let of_other = RunHint { owner: owner(2), ..hint(100) };
    queue.publish(&of_one).await.unwrap();
    queue.publish(&[of_other]).await.unwrap();
    let deadline = Instant::now() + PATIENCE;
    let found = loop {
        if let Some(found) = queue.next_other(&[owner(1)]).await.unwrap() {
            break found;
        }
        assert!(Instant::now() < deadline, "the other owner's hint is not found");
    };
    assert_eq!(found.hint, of_other);
    queue.settle(found).await.unwrap();
    assert!(queue.next_other(&[owner(1)]).await.unwrap().is_none());
    // The skipped hints are still queued.
    let mut taken = Vec::new();
    for _ in &of_one {
        taken.push(take(&**queue).await);
    }
    taken.sort_by_key(|hint| hint.run);
    assert_eq!(taken, of_one);
}

pub async fn language_queues_are_separate_and_do_not_block_each_other(make: impl AsyncFn(usize) -> QueueUnderTest) {
    let queue = make(1000).await;
    let language_queue =
        async |language: &str| queue.language_queue(&language.parse().unwrap()).await.expect("a language queue");
    let (java, java_again, cpp) =
        (language_queue("java").await, language_queue("java").await, language_queue("c++17").await);
    // A language queue without takers gets more hints than a window.
    let many: Vec<RunHint> = (1000..1300).map(hint).collect();
    cpp.publish(&many).await.unwrap();
    queue.publish(&[hint(1)]).await.unwrap();
    java.publish(&[hint(2)]).await.unwrap();
    assert_eq!(take(&**queue).await, hint(1));
    assert_eq!(take(&*java_again).await, hint(2), "both handles of a language queue share its hints");
    depth_becomes(&**queue, 0).await;
    depth_becomes(&*java, 0).await;
    let mut taken = Vec::new();
    for _ in &many {
        taken.push(take(&*cpp).await);
    }
    taken.sort_by_key(|hint| hint.run);
    assert_eq!(taken, many);
}

pub async fn closing_a_queue_closes_its_language_queues(make: impl AsyncFn(usize) -> QueueUnderTest) {
    let queue = make(10).await;
    let java = "java".parse().unwrap();
    let language_queue = queue.language_queue(&java).await.expect("a language queue");
    let waits = tokio::spawn({
        let language_queue = Arc::clone(&language_queue);
        async move { language_queue.next().await }
    });
    tokio::task::yield_now().await;
    queue.close();
    assert!(matches!(waits.await.unwrap(), Err(QueueError::Closed)));
    assert!(matches!(language_queue.publish(&[hint(1)]).await, Err(QueueError::Closed)));
    assert!(matches!(queue.language_queue(&java).await, Err(QueueError::Closed)));
    queue.gone().await;
}
