//! The rules that every `EventBus` must follow between nodes, over a real server and through its faults. Call
//! [`event_nodes_conformance!`](crate::event_nodes_conformance) with functions that return a [`Site`].

#![expect(missing_docs, reason = "the name of each function states its rule")]

use std::sync::Arc;
use std::time::Duration;

use cupel_core::event::{Event, EventKind, Seq, Stream};
use cupel_core::{EventBus, Interest, Notice, Received, Subscription};
use cupel_types::{
    Accuracy, Bytes, Instructions, LiveInput, Outcome, RunId, Signal, Start, SubmissionId, Usage, Verdict,
};
use tokio::sync::{Notify, mpsc};
use tokio::task::{JoinSet, block_in_place};
use tokio::time::{sleep, timeout};

use super::{attached, event, hear, id, input, output};
use crate::builders::{fresh, t0};
use crate::servers::Server;

/// A server and the nodes that use it.
pub trait Site: Send + Sync + 'static {
    /// Creates another node.
    fn node(&self) -> impl Future<Output = Arc<dyn EventBus>> + Send;
    /// Returns the server, for fault injection.
    fn server(&self) -> &Server;
}

/// Turns each rule in [`events::nodes`](crate::events::nodes) into a test. `shared` creates a site on a server that
/// other tests also use; `own` creates one on a server that no other test uses.
#[macro_export]
macro_rules! event_nodes_conformance {
    ($shared:expr, $own:expr) => {
        $crate::rules!(
            $crate::events::nodes,
            $shared,
            [
                events_reach_other_nodes_unchanged,
                a_subscriber_of_the_end_on_another_node_gets_only_the_end,
                a_late_subscriber_gets_past_events_or_a_gap,
                events_during_a_subscription_arrive_exactly_once,
                much_output_takes_bounded_memory_on_other_nodes,
                events_of_a_lost_attempt_on_a_third_node_are_dropped,
                a_rejudge_on_another_node_starts_a_new_log,
                a_stop_reaches_every_node_once,
                closing_delivers_events_published_just_before,
                live_input_through_two_nodes_reaches_the_worker_in_order_and_once,
                reports_of_attached_clients_through_two_nodes_reach_the_worker,
            ]
        );
        $crate::rules!(
            $crate::events::nodes,
            $own,
            [
                a_restart_of_the_server_may_cause_a_gap_but_loses_no_final_event,
                a_restart_without_data_may_cause_a_gap_but_loses_no_final_event,
                a_frozen_server_blocks_no_node_and_loses_no_final_event,
                a_subscriber_gets_the_end_if_it_subscribes_while_the_server_is_down,
            ]
        );
    };
}

/// Timeout of a step: longer than any step takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

async fn in_time<T>(what: impl Future<Output = T>) -> T {
    timeout(PATIENCE, what).await.expect("the step ends within two minutes")
}

/// Receives everything up to the end: events, and `None` for a gap. Asserts that the order is right.
async fn to_the_end(subscription: &mut Box<dyn Subscription>) -> Vec<Option<Event>> {
    let (mut heard, mut last): (Vec<Option<Event>>, _) = (Vec::new(), Seq::default());
    // The timeout covers the whole loop: if the end is lost, gaps may continue to arrive while the server is
    // unreachable.
    in_time(async {
        while let Some(received) = subscription.next().await {
            heard.push(match received {
                Received::Gap => None,
                Received::Event(event) => {
                    assert!(event.seq > last, "events arrive in order, each once");
                    last = event.seq;
                    Some(event)
                }
            });
        }
    })
    .await;
    assert!(
        matches!(heard.last(), Some(Some(event)) if event.kind.is_final()),
        "the last event is not the end: {heard:?}"
    );
    heard
}

/// Receives the end, which must be the only event; gaps may precede it.
async fn the_end(subscription: &mut Box<dyn Subscription>) -> Event {
    let heard = to_the_end(subscription).await;
    assert_eq!(heard.iter().flatten().count(), 1);
    heard.into_iter().flatten().next().expect("there is exactly one event")
}

/// Waits until all earlier events of one node are delivered: publishes another event and waits for it on another node.
async fn has_gone_through(from: &Arc<dyn EventBus>, to: &Arc<dyn EventBus>) {
    let id = id();
    let mut waiting = to.subscribe(id, Seq::default(), Interest::End).await;
    from.publish(end(id, 1));
    // On a busy machine, a gap may precede the event.
    the_end(&mut waiting).await;
}

/// A client that has lost its connection reconnects through another node and repeats inputs that may have been lost.
pub async fn live_input_through_two_nodes_reaches_the_worker_in_order_and_once<S: Site>(make: impl AsyncFn() -> S) {
    let site = make().await;
    let (first, second, worker) = (site.node().await, site.node().await, site.node().await);
    let log = id();
    let inputs: Vec<Event> = (1..=6).map(|n| input(log, n, LiveInput::Bytes(vec![n as u8; 10_000]))).collect();
    for event in &inputs[..2] {
        first.publish(event.clone());
    }
    has_gone_through(&first, &worker).await;
    let mut reading = worker.subscribe(log, Seq::default(), Interest::Everything).await;
    for event in &inputs[..2] {
        assert_eq!(in_time(hear(&mut reading)).await, *event);
    }
    first.publish(inputs[2].clone());
    assert_eq!(in_time(hear(&mut reading)).await, inputs[2]);
    for event in &inputs[1..5] {
        second.publish(event.clone());
    }
    for event in &inputs[3..5] {
        assert_eq!(in_time(hear(&mut reading)).await, *event);
    }
    // The client then returns to the first node.
    first.publish(inputs[5].clone());
    assert_eq!(in_time(hear(&mut reading)).await, inputs[5]);
}

pub async fn reports_of_attached_clients_through_two_nodes_reach_the_worker<S: Site>(make: impl AsyncFn() -> S) {
    let site = make().await;
    let (first, second, worker) = (site.node().await, site.node().await, site.node().await);
    let (log, now) = (id(), 1_800_000_000);
    first.publish(attached(log, now));
    has_gone_through(&first, &worker).await;
    let mut reading = worker.subscribe(log, Seq::default(), Interest::Everything).await;
    assert_eq!(in_time(hear(&mut reading)).await, attached(log, now));
    // The client reconnects through the other node, and then through the first.
    for (node, second) in [(&second, now + 5), (&first, now + 10)] {
        node.publish(attached(log, second));
        assert_eq!(in_time(hear(&mut reading)).await, attached(log, second));
    }
}

fn end(id: SubmissionId, attempts: u32) -> Event {
    Event::finished(id, attempts, t0(), Verdict::Accepted)
}

/// Returns events of every kind that an attempt has except the final event, with all fields set and one large output.
fn everything(id: SubmissionId) -> Vec<Event> {
    let case = Some("näme \"1\"\n".to_owned());
    let usage = Usage {
        cpu_time: Duration::from_nanos(1_234_567_891),
        cpu_user: Duration::from_micros(7),
        cpu_system: Duration::ZERO,
        wall_time: Duration::from_secs(3),
        instructions: Some(Instructions::new(u64::MAX)),
        memory: Bytes::new(1 << 40),
        output: Bytes::new(5),
        start: Some(Start::Cold),
        accuracy: Accuracy::Approximate,
    };
    let ended = |outcome, verdict| EventKind::ExecutionEnded { case: case.clone(), verdict, outcome, usage };
    let kinds = [
        EventKind::Started { attempt: 1 },
        EventKind::CompileStarted,
        EventKind::CompileEnded {
            ok: true,
            cached: false,
            wall_time: Duration::from_nanos(5_000_000_001),
            output: Arc::from(&b"a warning \xff"[..]),
        },
        EventKind::ExecutionStarted { case: None },
        EventKind::Output { case: None, stream: Stream::Stderr, data: (0..=255u8).collect::<Vec<_>>().into() },
        ended(Outcome::Exited(-1), Verdict::RuntimeError),
        EventKind::ExecutionStarted { case: case.clone() },
        EventKind::Output { case: case.clone(), stream: Stream::Stdout, data: vec![0xff; 64 << 10].into() },
        EventKind::Output { case: case.clone(), stream: Stream::Stdout, data: Vec::new().into() },
        ended(Outcome::Signalled(Signal(11)), Verdict::RuntimeError),
    ];
    kinds.into_iter().zip(1..).map(|(kind, n)| event(id, 1, n, kind)).collect()
}

pub async fn events_reach_other_nodes_unchanged<S: Site>(make: impl AsyncFn() -> S) {
    let site = make().await;
    let (here, there, elsewhere) = (site.node().await, site.node().await, site.node().await);
    let id = id();
    let mut log = everything(id);
    let mut early = there.subscribe(id, Seq::default(), Interest::Everything).await;
    log.iter().for_each(|event| here.publish(event.clone()));
    for expected in &log {
        assert_eq!(in_time(hear(&mut early)).await, *expected);
    }
    // The events are on the server now.
    let mut late = there.subscribe(id, Seq::default(), Interest::Everything).await;
    let mut again = there.subscribe(id, Seq::of_attempt(1, 7), Interest::Everything).await;
    let mut third = elsewhere.subscribe(id, Seq::of_attempt(1, 9), Interest::Everything).await;
    // The third subscriber receives its event before the end is published: a subscriber that still joins when the end
    // is published may miss earlier events.
    assert_eq!(in_time(hear(&mut third)).await, log[9]);
    log.push(end(id, 1));
    here.publish(end(id, 1));
    let heard = |after: usize| log[after..].iter().cloned().map(Some).collect::<Vec<_>>();
    assert_eq!(to_the_end(&mut early).await, heard(10));
    assert_eq!(to_the_end(&mut late).await, heard(0));
    assert_eq!(to_the_end(&mut again).await, heard(7));
    assert_eq!(to_the_end(&mut third).await, heard(10));
    assert!(late.next().await.is_none(), "an ended subscription stays ended");
}

pub async fn a_subscriber_of_the_end_on_another_node_gets_only_the_end<S: Site>(make: impl AsyncFn() -> S) {
    let site = make().await;
    let (here, there) = (site.node().await, site.node().await);
    let id = id();
    let mut waiting = there.subscribe(id, Seq::default(), Interest::End).await;
    here.publish(event(id, 1, 1, EventKind::Started { attempt: 1 }));
    (2..1000).for_each(|n| here.publish(output(id, n, 100)));
    here.publish(end(id, 1));
    assert_eq!(in_time(hear(&mut waiting)).await, end(id, 1));
    assert!(waiting.next().await.is_none());
    // A subscriber that starts just after the end also gets it.
    let mut late = there.subscribe(id, Seq::default(), Interest::End).await;
    assert_eq!(in_time(hear(&mut late)).await, end(id, 1));
}

pub async fn a_late_subscriber_gets_past_events_or_a_gap<S: Site>(make: impl AsyncFn() -> S) {
    let site = make().await;
    let (here, there) = (site.node().await, site.node().await);
    let id = id();
    let log: Vec<Event> = (1..=20).map(|n| output(id, n, 10)).chain([end(id, 1)]).collect();
    log.iter().for_each(|event| here.publish(event.clone()));
    let mut waiting = there.subscribe(id, Seq::default(), Interest::End).await;
    in_time(hear(&mut waiting)).await;
    let mut late = there.subscribe(id, Seq::default(), Interest::Everything).await;
    let heard = to_the_end(&mut late).await;
    assert!(heard.contains(&None) || heard.len() == log.len(), "{heard:?}");
    assert!(heard.iter().flatten().all(|event| log.contains(event)));
}

pub async fn events_during_a_subscription_arrive_exactly_once<S: Site>(make: impl AsyncFn() -> S) {
    // Fewer events than a log keeps.
    const EVENTS: u32 = 800;
    const READERS: usize = 12;
    let site = make().await;
    let (here, there, third) = (site.node().await, site.node().await, site.node().await);
    let id = id();
    let many_join = Arc::new(Notify::new());
    let publisher = {
        let (here, many_join) = (Arc::clone(&here), Arc::clone(&many_join));
        tokio::spawn(async move {
            here.publish(event(id, 1, 1, EventKind::Started { attempt: 1 }));
            for n in 2..=EVENTS {
                here.publish(output(id, n, 10));
                if n.is_multiple_of(8) {
                    sleep(Duration::from_millis(1)).await;
                }
                if n == EVENTS - 100 {
                    many_join.notified().await;
                }
            }
        })
    };
    let mut readers = JoinSet::new();
    let (has_all, mut have_all) = mpsc::unbounded_channel();
    let mut nodes = [&there, &third, &here].into_iter().cycle();
    while !publisher.is_finished() {
        let (node, has_all) = (Arc::clone(nodes.next().expect("the iterator is endless")), has_all.clone());
        readers.spawn(async move {
            let mut reader = node.subscribe(id, Seq::default(), Interest::Everything).await;
            let mut numbers = Vec::new();
            while numbers.last() != Some(&EVENTS) {
                // The reader records a gap as number 0.
                numbers.push(in_time(reader.next()).await.map_or(0, |received| match received {
                    Received::Gap => 0,
                    Received::Event(event) => event.seq.number(),
                }));
            }
            has_all.send(()).expect("the test still receives");
            (numbers, to_the_end(&mut reader).await)
        });
        if readers.len() == READERS {
            many_join.notify_one();
        }
        sleep(Duration::from_millis(2)).await;
    }
    publisher.await.expect("the publisher ends");
    // Readers that have received all events before the end get no gap; a reader that joins later may get one.
    for _ in 0..readers.len() {
        in_time(have_all.recv()).await;
    }
    here.publish(end(id, 1));
    while let Some(heard) = readers.join_next().await {
        let (numbers, rest) = heard.expect("a reader ends");
        assert_eq!((numbers, rest), ((1..=EVENTS).collect::<Vec<_>>(), vec![Some(end(id, 1))]));
    }
}

pub async fn much_output_takes_bounded_memory_on_other_nodes<S: Site>(make: impl AsyncFn() -> S) {
    let site = make().await;
    let (here, there, elsewhere) = (site.node().await, site.node().await, site.node().await);
    let id = id();
    let mut slow = there.subscribe(id, Seq::default(), Interest::Everything).await;
    let started = event(id, 1, 1, EventKind::Started { attempt: 1 });
    here.publish(started.clone());
    (2..20_000).for_each(|n| here.publish(output(id, n, 1000)));
    has_gone_through(&here, &there).await;
    let late = there.subscribe(id, Seq::default(), Interest::Everything).await;
    let late_elsewhere = elsewhere.subscribe(id, Seq::default(), Interest::Everything).await;
    here.publish(end(id, 1));
    for mut reader in [late_elsewhere, late] {
        let heard = to_the_end(&mut reader).await;
        assert!(heard.contains(&None), "20 MB exceed the buffer, so there is a gap");
        let kept: usize = heard.iter().flatten().map(bytes).sum();
        assert!(kept < 4_000_000, "{kept} bytes are kept for a late subscriber");
    }
    let heard = to_the_end(&mut slow).await;
    assert!(heard.contains(&None) && heard.iter().flatten().map(bytes).sum::<usize>() < 4_000_000);
    assert_eq!(heard.first(), Some(&Some(started)), "other events are kept longer than output");
}

fn bytes(event: &Event) -> usize {
    match &event.kind {
        EventKind::Output { data, .. } => data.len(),
        _ => 0,
    }
}

pub async fn events_of_a_lost_attempt_on_a_third_node_are_dropped<S: Site>(make: impl AsyncFn() -> S) {
    let site = make().await;
    let (worker, listener, zombie) = (site.node().await, site.node().await, site.node().await);
    let fourth = site.node().await;
    let id = id();
    let mut listening = listener.subscribe(id, Seq::default(), Interest::Everything).await;
    let second = event(id, 2, 1, EventKind::Started { attempt: 2 });
    worker.publish(second.clone());
    assert_eq!(in_time(hear(&mut listening)).await, second);
    zombie.publish(event(id, 1, 7, EventKind::CompileStarted));
    has_gone_through(&zombie, &listener).await;
    let mut late = listener.subscribe(id, Seq::default(), Interest::Everything).await;
    let mut elsewhere = fourth.subscribe(id, Seq::default(), Interest::Everything).await;
    for reader in [&mut late, &mut elsewhere] {
        assert_eq!(in_time(hear(reader)).await, second);
    }
    worker.publish(end(id, 2));
    for reader in [&mut listening, &mut late, &mut elsewhere] {
        assert_eq!(to_the_end(reader).await, [Some(end(id, 2))]);
    }
}

pub async fn a_rejudge_on_another_node_starts_a_new_log<S: Site>(make: impl AsyncFn() -> S) {
    let site = make().await;
    let (first, api, second) = (site.node().await, site.node().await, site.node().await);
    let id = id();
    let mut one = api.subscribe(id, Seq::default(), Interest::End).await;
    first.publish(event(id, 1, 1, EventKind::Started { attempt: 1 }));
    first.publish(end(id, 1));
    assert_eq!(in_time(hear(&mut one)).await, end(id, 1));
    let queued = event(id, 2, 0, EventKind::Queued);
    api.publish(queued.clone());
    has_gone_through(&api, &second).await;
    let mut watching = second.subscribe(id, end(id, 1).seq, Interest::Everything).await;
    assert_eq!(in_time(hear(&mut watching)).await, queued);
    let mut waiting = api.subscribe(id, Seq::default(), Interest::End).await;
    let started = event(id, 2, 1, EventKind::Started { attempt: 2 });
    second.publish(started.clone());
    second.publish(end(id, 2));
    assert_eq!(in_time(hear(&mut waiting)).await, end(id, 2), "the end of the previous run is not delivered");
    assert_eq!(to_the_end(&mut watching).await, [Some(started), Some(end(id, 2))]);
}

pub async fn a_stop_reaches_every_node_once<S: Site>(make: impl AsyncFn() -> S) {
    let site = make().await;
    let nodes = [site.node().await, site.node().await, site.node().await];
    let mut notices: Vec<_> = nodes.iter().map(|node| node.notices()).collect();
    let stops = [fresh(), fresh()].map(|run| Notice::Stop(RunId::from_uuid(run)));
    nodes[0].announce(stops[0]);
    for notices in &mut notices {
        assert_eq!(in_time(notices.next()).await, Some(stops[0]));
    }
    nodes[0].announce(stops[1]);
    for notices in &mut notices {
        assert_eq!(in_time(notices.next()).await, Some(stops[1]), "the first notice arrives only once");
    }
}

pub async fn closing_delivers_events_published_just_before<S: Site>(make: impl AsyncFn() -> S) {
    let site = make().await;
    let (here, there) = (site.node().await, site.node().await);
    let ids: Vec<_> = (0..100).map(|_| id()).collect();
    let mut waiting = Vec::new();
    for id in &ids {
        waiting.push(there.subscribe(*id, Seq::default(), Interest::End).await);
    }
    let mut open = here.subscribe(ids[0], Seq::default(), Interest::Everything).await;
    ids.iter().for_each(|id| here.publish(end(*id, 1)));
    in_time(here.close()).await;
    drop(here);
    for (id, waiting) in ids.iter().zip(&mut waiting) {
        assert_eq!(in_time(hear(waiting)).await, end(*id, 1));
    }
    while let Some(received) = in_time(open.next()).await {
        assert!(matches!(received, Received::Event(_)), "{received:?}");
    }
}

/// Asserts the rules that hold after an outage of the server: `away` starts the outage, and `back` ends it.
async fn survives<S: Site>(site: S, away: impl Fn(&Server), back: impl Fn(&Server)) {
    let (here, there) = (site.node().await, site.node().await);
    let (running, over) = (id(), id());
    let mut watching = there.subscribe(running, Seq::default(), Interest::Everything).await;
    let mut waiting = there.subscribe(running, Seq::default(), Interest::End).await;
    let mut own = here.subscribe(running, Seq::default(), Interest::Everything).await;
    let mut ended_meanwhile = there.subscribe(over, Seq::default(), Interest::End).await;
    let started = event(running, 1, 1, EventKind::Started { attempt: 1 });
    here.publish(started.clone());
    assert_eq!(in_time(hear(&mut watching)).await, started);
    assert_eq!(in_time(hear(&mut own)).await, started);

    block_in_place(|| away(site.server()));
    for n in 2..100 {
        here.publish(output(running, n, 10));
    }
    here.publish(end(over, 1));
    // Subscribers on the publishing node do not depend on the server.
    in_time(async {
        let mut n = 2;
        while n < 100 {
            match own.next().await {
                Some(Received::Gap) => {}
                Some(Received::Event(event)) => {
                    assert_eq!(event, output(running, n, 10));
                    n += 1;
                }
                None => panic!("the subscription ended during the outage"),
            }
        }
    })
    .await;
    // Wait until both nodes have detected the outage.
    in_time(async {
        while there.health().is_ok() || here.health().is_ok() {
            sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
    block_in_place(|| back(site.server()));
    in_time(async {
        while there.health().is_err() || here.health().is_err() {
            sleep(Duration::from_millis(50)).await;
        }
    })
    .await;

    assert_eq!(the_end(&mut ended_meanwhile).await, end(over, 1));
    let mut late = there.subscribe(running, Seq::default(), Interest::Everything).await;
    let last = output(running, 100, 10);
    here.publish(last.clone());
    here.publish(end(running, 1));
    assert_eq!(the_end(&mut waiting).await, end(running, 1));
    for reader in [&mut watching, &mut late] {
        let heard = to_the_end(reader).await;
        assert!(heard.contains(&Some(last.clone())));
        let mut expected = 2;
        let mut had_gap = false;
        for event in heard {
            match event {
                None => had_gap = true,
                Some(event) if event == started || event.kind.is_final() => {}
                Some(event) => {
                    assert!(event.seq.number() == expected || had_gap, "event {expected} is missing without a gap");
                    expected = event.seq.number() + 1;
                    had_gap = false;
                }
            }
        }
    }
    let mut after = there.subscribe(id(), Seq::default(), Interest::End).await;
    drop(timeout(Duration::from_millis(100), after.next()).await);
    let next = id();
    let mut waiting = there.subscribe(next, Seq::default(), Interest::End).await;
    here.publish(end(next, 1));
    assert_eq!(in_time(hear(&mut waiting)).await, end(next, 1), "events are delivered as before the outage");
}

pub async fn a_restart_of_the_server_may_cause_a_gap_but_loses_no_final_event<S: Site>(make: impl AsyncFn() -> S) {
    survives(make().await, Server::kill, Server::start_again).await;
}

pub async fn a_restart_without_data_may_cause_a_gap_but_loses_no_final_event<S: Site>(make: impl AsyncFn() -> S) {
    survives(make().await, Server::kill, Server::wipe_and_start).await;
}

pub async fn a_frozen_server_blocks_no_node_and_loses_no_final_event<S: Site>(make: impl AsyncFn() -> S) {
    survives(make().await, Server::freeze, Server::thaw).await;
}

pub async fn a_subscriber_gets_the_end_if_it_subscribes_while_the_server_is_down<S: Site>(make: impl AsyncFn() -> S) {
    let site = make().await;
    let (here, there) = (site.node().await, site.node().await);
    block_in_place(|| site.server().kill());
    let id = id();
    let mut waiting = in_time(there.subscribe(id, Seq::default(), Interest::End)).await;
    let mut watching = in_time(there.subscribe(id, Seq::default(), Interest::Everything)).await;
    here.publish(event(id, 1, 1, EventKind::Started { attempt: 1 }));
    here.publish(end(id, 1));
    block_in_place(|| site.server().start_again());
    assert_eq!(the_end(&mut waiting).await, end(id, 1));
    to_the_end(&mut watching).await;
}
