//! What every `Queue` does. Call [`queue_conformance!`](crate::queue_conformance) with a function from the
//! largest depth to a subject.

use std::collections::HashSet;
use std::sync::Arc;

use cupel_core::{Queue, QueueError, RunHint};
use cupel_types::{PriorityClass, RunId, UserId};
use uuid::Uuid;

use crate::Subject;

/// Makes a test of each rule in [`queue`](crate::queue).
#[macro_export]
macro_rules! queue_conformance {
    ($make:expr) => {
        $crate::rules!(
            $crate::queue,
            $make,
            [
                hints_of_an_owner_come_in_order,
                a_waiting_run_is_not_queued_twice_and_a_taken_one_may_come_again,
                publishing_beyond_the_bound_takes_none,
                who_waits_is_woken,
                many_takers_get_each_hint_once,
                a_taker_who_goes_away_takes_nothing_along,
                no_class_and_no_owner_starves,
            ]
        );
    };
}

fn owner(n: u128) -> UserId {
    UserId::from_uuid(Uuid::from_u128(n))
}

fn hint(run: u128) -> RunHint {
    RunHint { run: RunId::from_uuid(Uuid::from_u128(run)), owner: owner(1), class: PriorityClass::Submission }
}

async fn take(queue: &impl Queue) -> RunHint {
    let hinted = queue.next().await.expect("a hint");
    let hint = hinted.hint;
    queue.settle(hinted).await.expect("settling");
    hint
}

/// Rule.
pub async fn hints_of_an_owner_come_in_order<Q: Queue>(make: impl AsyncFn(usize) -> Subject<Q>) {
    let queue = make(100).await;
    let hints: Vec<RunHint> = (0..10).map(hint).collect();
    queue.publish(&hints[..5]).await.unwrap();
    queue.publish(&hints[5..]).await.unwrap();
    assert_eq!(queue.depth().await.unwrap(), 10);
    assert_eq!((queue.depth_of(owner(1)).await.unwrap(), queue.depth_of(owner(2)).await.unwrap()), (10, 0));
    for expected in hints {
        assert_eq!(take(&*queue).await, expected);
    }
    assert_eq!(queue.depth().await.unwrap(), 0);
}

/// Rule.
pub async fn a_waiting_run_is_not_queued_twice_and_a_taken_one_may_come_again<Q: Queue>(
    make: impl AsyncFn(usize) -> Subject<Q>,
) {
    let queue = make(100).await;
    queue.publish(&[hint(1), hint(1)]).await.unwrap();
    queue.publish(&[hint(1)]).await.unwrap();
    assert_eq!(queue.depth().await.unwrap(), 1);
    assert_eq!(take(&*queue).await, hint(1));
    queue.publish(&[hint(1)]).await.unwrap();
    assert_eq!(take(&*queue).await, hint(1));
}

/// Rule.
pub async fn publishing_beyond_the_bound_takes_none<Q: Queue>(make: impl AsyncFn(usize) -> Subject<Q>) {
    let queue = make(3).await;
    assert_eq!(queue.depth_max(), 3);
    queue.publish(&[hint(1), hint(2)]).await.unwrap();
    let refused = queue.publish(&[hint(3), hint(4)]).await;
    assert!(matches!(refused, Err(QueueError::Full { depth_max: 3 })), "{refused:?}");
    assert_eq!(queue.depth().await.unwrap(), 2);
    queue.publish(&[hint(1), hint(3)]).await.expect("one of them waits already, so there is room");
    assert!(queue.publish(&[hint(5)]).await.is_err());
    take(&*queue).await;
    queue.publish(&[hint(5)]).await.expect("there is room again");
}

/// Rule.
pub async fn who_waits_is_woken<Q: Queue + 'static>(make: impl AsyncFn(usize) -> Subject<Q>) {
    let queue = Arc::new(make(100).await);
    let takers: Vec<_> = (0..4)
        .map(|_| {
            let queue = Arc::clone(&queue);
            tokio::spawn(async move { take(&**queue).await.run })
        })
        .collect();
    tokio::task::yield_now().await;
    queue.publish(&(0..4).map(hint).collect::<Vec<_>>()).await.unwrap();
    let mut runs = HashSet::new();
    for taker in takers {
        assert!(runs.insert(taker.await.unwrap()));
    }
}

/// Rule.
pub async fn many_takers_get_each_hint_once<Q: Queue + 'static>(make: impl AsyncFn(usize) -> Subject<Q>) {
    const HINTS: u128 = 2000;
    const TAKERS: u128 = 8;
    let queue = Arc::new(make(HINTS as usize).await);
    let takers: Vec<_> = (0..TAKERS)
        .map(|_| {
            let queue = Arc::clone(&queue);
            tokio::spawn(async move {
                let mut mine = Vec::new();
                for _ in 0..HINTS / TAKERS {
                    mine.push(take(&**queue).await.run);
                }
                mine
            })
        })
        .collect();
    for start in (0..HINTS).step_by(10) {
        queue.publish(&(start..start + 10).map(hint).collect::<Vec<_>>()).await.unwrap();
    }
    let mut seen = HashSet::new();
    for taker in takers {
        for run in taker.await.unwrap() {
            assert!(seen.insert(run), "{run} came twice");
        }
    }
    assert_eq!(seen.len() as u128, HINTS);
}

/// Rule.
pub async fn a_taker_who_goes_away_takes_nothing_along<Q: Queue + 'static>(make: impl AsyncFn(usize) -> Subject<Q>) {
    let queue = Arc::new(make(100).await);
    for _ in 0..50 {
        let waiting = tokio::spawn({
            let queue = Arc::clone(&queue);
            async move {
                // Never resolves before it is dropped: nothing has been published.
                let _ = queue.next().await;
            }
        });
        tokio::task::yield_now().await;
        waiting.abort();
        let _ = waiting.await;
    }
    queue.publish(&[hint(1)]).await.unwrap();
    assert_eq!(take(&**queue).await, hint(1));
}

/// Rule: with all classes and three owners waiting, all of them are served within a bounded stretch.
pub async fn no_class_and_no_owner_starves<Q: Queue>(make: impl AsyncFn(usize) -> Subject<Q>) {
    let queue = make(1000).await;
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
    for _ in 0..60 {
        let hint = take(&*queue).await;
        served.insert((hint.owner, hint.class));
    }
    assert_eq!(served.len(), 9, "every owner in every class had a turn among the first 60");
}
