//! An API node and a worker as two processes: one store, and a bus between them.

use std::sync::Arc;
use std::time::Duration;

use cupel_core::event::{Event, EventKind, Seq};
use cupel_core::{AuthenticatedUser, Bounds, Clock as _, Core, EventBus, Received, RunStore as _, Subscription};
use cupel_events::{EmbeddedBus, EventBounds, connect};
use cupel_queue::EmbeddedQueue;
use cupel_testkit::servers::{self, Redis};
use cupel_testkit::{Unlimited, a_submission};
use tokio::task::block_in_place;

use super::{App, core_of, finish, next};

/// A timeout longer than any test may take; it never expires.
const LONG: Duration = Duration::from_secs(600);

/// An API node and a worker node.
struct Nodes {
    app: App,
    api: Core,
    worker: Core,
}

impl Nodes {
    async fn start(api_bus: Arc<dyn EventBus>, worker_bus: Arc<dyn EventBus>) -> Nodes {
        let app = App::start().await;
        let queue = Arc::new(EmbeddedQueue::default());
        let node = |bus| core_of(&app.store, &app.clock, Arc::clone(&queue), bus, Bounds::default());
        let (api, worker) = (node(api_bus), node(worker_bus));
        let notices = worker.clone();
        tokio::spawn(async move { notices.handle_notices().await });
        Nodes { app, api, worker }
    }

    fn me(&self) -> AuthenticatedUser {
        self.app.me()
    }

    async fn submit_one(&self) -> cupel_types::SubmissionId {
        self.api.submit(self.app.owner, vec![a_submission().as_sent()], None, &Unlimited).await.expect("accepted").ids
            [0]
    }
}

async fn heard(log: &mut Box<dyn Subscription>) -> Event {
    loop {
        match log.next().await {
            Some(Received::Event(event)) => return event,
            Some(Received::Gap) => {}
            None => panic!("the log continues"),
        }
    }
}

#[tokio::test]
async fn cancelling_on_one_node_stops_the_worker_of_another_at_once() {
    let bus: Arc<dyn EventBus> = Arc::new(EmbeddedBus::default());
    let nodes = Nodes::start(Arc::clone(&bus), bus).await;
    let (cancelled, other) = (nodes.submit_one().await, nodes.submit_one().await);
    let (first, second) = (next(&nodes.worker).await, next(&nodes.worker).await);
    tokio::task::yield_now().await;
    assert_eq!((first.leased.submission.id, second.leased.submission.id), (cancelled, other));
    nodes.api.cancel(&nodes.me(), cancelled).await.unwrap();
    first.stop.raised().await;
    assert!(!second.stop.is_raised(), "the other runs continue");
    finish(&nodes.worker, &second).await;
}

#[tokio::test]
async fn a_repeated_cancellation_stops_the_worker_if_the_first_announced_nothing() {
    let bus: Arc<dyn EventBus> = Arc::new(EmbeddedBus::default());
    let nodes = Nodes::start(Arc::clone(&bus), bus).await;
    let id = nodes.submit_one().await;
    let assignment = next(&nodes.worker).await;
    tokio::task::yield_now().await;
    // The store has cancelled the run, but its answer was lost.
    let lost = nodes.app.store.cancel(id, None, nodes.app.clock.now()).await.unwrap();
    assert!(lost.expect("a submission").changed && !assignment.stop.is_raised());
    nodes.api.cancel(&nodes.me(), id).await.unwrap();
    assignment.stop.raised().await;
}

/// The bus's server is killed and not restarted, and the nodes have not noticed yet. The watched log is complete
/// nevertheless.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn results_reach_waiting_callers_while_the_bus_has_no_server() {
    let redis = Redis::start();
    let cluster = servers::cluster();
    let bus = async || connect(&redis.url(), &cluster, EventBounds::default()).await.expect("Redis is running");
    let nodes = Nodes::start(bus().await, bus().await).await;
    let id = nodes.submit_one().await;
    let assignment = next(&nodes.worker).await;
    let started = Event {
        submission: id,
        seq: Seq::of_attempt(1, 1),
        at: nodes.app.clock.now(),
        kind: EventKind::Started { attempt: 1 },
    };
    let mut log = nodes.api.watch(&nodes.me(), id, Seq::default()).await.unwrap().expect("it is visible");
    assert_eq!(heard(&mut log).await.kind, EventKind::Queued);
    nodes.worker.emit(started.clone());
    assert_eq!(heard(&mut log).await, started);

    block_in_place(|| redis.kill());
    let waiting = {
        let (api, me) = (nodes.api.clone(), nodes.me());
        tokio::spawn(async move { api.wait(&me, id, LONG).await.unwrap().expect("a record") })
    };
    assert!(nodes.worker.complete(&assignment, cupel_testkit::a_report(b"42\n"), vec![started.clone()]).await.unwrap());
    assert!(waiting.await.unwrap().state.is_final());
    let end = heard(&mut log).await;
    assert!(end.kind.is_final() && end.seq == Seq::of_end(1));
    assert!(log.next().await.is_none());
}
