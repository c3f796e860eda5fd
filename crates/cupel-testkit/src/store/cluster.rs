//! Rules about workers, operators' orders to workers, secrets that nodes share, and the leading node.

#![expect(missing_docs, reason = "the name of each function states its rule")]

use std::collections::{BTreeMap, BTreeSet};

use cupel_core::cluster::{Order, OrderSent, WorkerBeat};
use cupel_core::{RetentionCutoffs, Store};
use cupel_languages::Pulling;
use cupel_types::{NodeId, WorkerId};

use super::at;
use crate::Subject;
use crate::builders::fresh;

fn a_worker(name: &str) -> WorkerBeat {
    WorkerBeat {
        id: WorkerId::from_uuid(fresh()),
        name: name.into(),
        version: "1.2.3".into(),
        slots: 4,
        busy: 0,
        judged_last_minute: 0,
        languages: BTreeMap::from([("c".parse().unwrap(), "12.2.0".into())]),
        libraries: BTreeMap::new(),
        pulling: BTreeMap::new(),
        order: Order::Work,
    }
}

pub async fn workers_are_listed_with_their_last_heartbeat<S: Store>(make: impl AsyncFn() -> Subject<S>) {
    let store = make().await;
    assert!(store.workers().await.unwrap().is_empty());
    let (one, two) = (a_worker("one"), a_worker("two"));
    assert_eq!(store.beat(one.clone(), at(1)).await.unwrap(), Order::Work);
    store.beat(two.clone(), at(2)).await.unwrap();
    let later = WorkerBeat {
        busy: 3,
        judged_last_minute: 40,
        languages: BTreeMap::from([("python".parse().unwrap(), "3.11".into())]),
        libraries: BTreeMap::from([("python".parse().unwrap(), [("NumPy".to_owned(), "1.24.2".to_owned())].into())]),
        pulling: BTreeMap::from([
            ("a".parse().unwrap(), Pulling { failure: None }),
            ("b".parse().unwrap(), Pulling { failure: Some("the registry failed".to_owned()) }),
        ]),
        order: Order::Pause,
        ..one.clone()
    };
    store.beat(later.clone(), at(6)).await.unwrap();
    let workers = store.workers().await.unwrap();
    assert_eq!(workers.iter().map(|w| &w.beat).collect::<Vec<_>>(), [&later, &two]);
    assert_eq!((workers[0].started_at, workers[0].seen_at), (at(1), at(6)));
    assert!(workers[0].is_alive(at(10)) && !workers[0].is_alive(at(60)));
    store.leave(one.id).await.unwrap();
    assert_eq!(store.workers().await.unwrap().len(), 1);
    let cutoffs = RetentionCutoffs {
        now: at(0),
        deliveries_before: at(0),
        keys_before: at(0),
        workers_before: at(2),
        failures_before: at(0),
        snippets_before: at(0),
        drafts_before: at(0),
    };
    assert_eq!(store.purge_expired(cutoffs, 10).await.unwrap().deleted, 1);
    assert!(store.workers().await.unwrap().is_empty());
}

pub async fn offers_include_live_workers_that_do_not_drain<S: Store>(make: impl AsyncFn() -> Subject<S>) {
    let store = make().await;
    assert_eq!(store.offers(at(0)).await.unwrap(), []);
    let with_python = |worker: WorkerBeat| {
        let python =
            BTreeMap::from([("c".parse().unwrap(), "12.2.0".into()), ("python".parse().unwrap(), "3.11".into())]);
        WorkerBeat { languages: python, ..worker }
    };
    let (silent, paused, drains) = (a_worker("silent"), a_worker("paused"), a_worker("drains"));
    let beats = [
        (silent.clone(), 1),
        (a_worker("one"), 5),
        (WorkerBeat { order: Order::Pause, ..paused.clone() }, 5),
        (WorkerBeat { order: Order::Drain, ..drains.clone() }, 5),
        (with_python(a_worker("two")), 6),
    ];
    for (worker, second) in &beats {
        store.beat(worker.clone(), at(*second)).await.unwrap();
    }
    let mut offers = store.offers(at(2)).await.unwrap();
    offers.sort();
    assert_eq!(offers, [(silent.languages.clone(), 2), (with_python(silent).languages, 1)]);
}

pub async fn a_worker_gets_an_order_with_its_next_heartbeat<S: Store>(make: impl AsyncFn() -> Subject<S>) {
    let store = make().await;
    let (one, two) = (a_worker("one"), a_worker("two"));
    let unknown = store.send_order(Some(one.id), Order::Pause).await.unwrap();
    assert_eq!(unknown, OrderSent::NoWorker, "an unknown worker gets no order");
    store.beat(one.clone(), at(0)).await.unwrap();
    store.beat(two.clone(), at(0)).await.unwrap();
    assert_eq!(store.send_order(Some(one.id), Order::Pause).await.unwrap(), OrderSent::Sent);
    assert_eq!(store.beat(one.clone(), at(1)).await.unwrap(), Order::Pause);
    assert_eq!(store.beat(two.clone(), at(1)).await.unwrap(), Order::Work);
    assert_eq!(store.send_order(Some(one.id), Order::Work).await.unwrap(), OrderSent::Sent);
    assert_eq!(store.beat(one.clone(), at(2)).await.unwrap(), Order::Work);
}

/// An order to work or to pause also reaches workers that register later. A draining worker continues to drain.
pub async fn one_order_reaches_all_workers<S: Store>(make: impl AsyncFn() -> Subject<S>) {
    let store = make().await;
    let (one, draining, late) = (a_worker("one"), a_worker("draining"), a_worker("late"));
    store.beat(one.clone(), at(0)).await.unwrap();
    store.beat(draining.clone(), at(0)).await.unwrap();
    store.send_order(Some(draining.id), Order::Drain).await.unwrap();
    assert!(!store.is_paused().await.unwrap());
    assert_eq!(store.send_order(None, Order::Pause).await.unwrap(), OrderSent::Sent);
    assert!(store.is_paused().await.unwrap());
    for (worker, expected) in [(&one, Order::Pause), (&draining, Order::Drain), (&late, Order::Pause)] {
        assert_eq!(store.beat(worker.clone(), at(1)).await.unwrap(), expected, "{}", worker.name);
    }
    let orders: Vec<Order> = store.workers().await.unwrap().iter().map(|worker| worker.order).collect();
    assert_eq!(orders.iter().filter(|order| **order == Order::Pause).count(), 2);
    assert_eq!(store.send_order(None, Order::Work).await.unwrap(), OrderSent::Sent);
    for (worker, expected) in [(&one, Order::Work), (&draining, Order::Drain), (&late, Order::Work)] {
        assert_eq!(store.beat(worker.clone(), at(2)).await.unwrap(), expected, "{}", worker.name);
    }
    assert_eq!(store.send_order(None, Order::Drain).await.unwrap(), OrderSent::Sent);
    assert!(!store.is_paused().await.unwrap(), "a worker that registers later works");
    assert_eq!(store.beat(one, at(3)).await.unwrap(), Order::Drain);
    assert_eq!(store.beat(a_worker("new"), at(3)).await.unwrap(), Order::Work);
}

/// Regression: the order was stored and the worker stayed paused.
pub async fn one_worker_cannot_resume_while_all_workers_are_paused<S: Store>(make: impl AsyncFn() -> Subject<S>) {
    let store = make().await;
    let worker = a_worker("one");
    store.beat(worker.clone(), at(0)).await.unwrap();
    assert_eq!(store.send_order(None, Order::Pause).await.unwrap(), OrderSent::Sent);
    assert_eq!(store.send_order(Some(worker.id), Order::Work).await.unwrap(), OrderSent::AllPaused);
    let unknown = store.send_order(Some(a_worker("unknown").id), Order::Work).await.unwrap();
    assert_eq!(unknown, OrderSent::NoWorker);
    assert_eq!(store.beat(worker.clone(), at(1)).await.unwrap(), Order::Pause);
    assert_eq!(store.send_order(None, Order::Work).await.unwrap(), OrderSent::Sent);
    assert_eq!(store.send_order(Some(worker.id), Order::Work).await.unwrap(), OrderSent::Sent);
    assert_eq!(store.beat(worker, at(2)).await.unwrap(), Order::Work);
}

pub async fn the_open_alerts_are_kept_for_the_next_sweeper<S: Store>(make: impl AsyncFn() -> Subject<S>) {
    let store = make().await;
    let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<BTreeSet<_>>();
    for open in [names(&[]), names(&["no-workers"]), names(&["backlog-old", "no-workers"]), names(&[])] {
        store.set_open_alerts(open.clone()).await.unwrap();
        assert_eq!(store.open_alerts().await.unwrap(), open);
    }
}

pub async fn the_first_proposed_shared_secret_wins<S: Store>(make: impl AsyncFn() -> Subject<S>) {
    let store = make().await;
    assert_eq!(store.shared_secret("tokens", [1; 32]).await.unwrap(), [1; 32]);
    assert_eq!(store.shared_secret("tokens", [2; 32]).await.unwrap(), [1; 32]);
    assert_eq!(store.shared_secret("other", [3; 32]).await.unwrap(), [3; 32]);
}

/// For stores that several nodes may use at the same time.
pub async fn one_node_leads_until_it_is_silent<S: Store>(make: impl AsyncFn() -> Subject<S>) {
    let store = make().await;
    let (one, two) = (NodeId::from_uuid(fresh()), NodeId::from_uuid(fresh()));
    assert!(store.lead(one, at(0), at(5)).await.unwrap());
    assert!(!store.lead(two, at(1), at(6)).await.unwrap());
    assert!(store.lead(one, at(4), at(9)).await.unwrap(), "the leader extends its lease");
    assert!(!store.lead(two, at(8), at(13)).await.unwrap());
    assert!(store.lead(two, at(9), at(14)).await.unwrap());
    assert!(!store.lead(one, at(10), at(15)).await.unwrap());
}
