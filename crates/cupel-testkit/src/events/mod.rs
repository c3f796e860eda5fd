//! The rules that every `EventBus` must follow. Call [`event_bus_conformance!`](crate::event_bus_conformance) with a
//! function that returns a subject.

#![expect(missing_docs, reason = "the name of each function states its rule")]

pub mod nodes;

use cupel_core::event::{Event, EventKind, LiveEvent, Seq, Stream};
use cupel_core::live::{INPUTS_MAX, PRESENCE_END};
use cupel_core::{EventBus, Interest, Notice, Received, Subscription};
use cupel_types::{LiveInput, LiveSignal, RunId, SubmissionId, TerminalSize, Verdict};

use crate::Subject;
use crate::builders::{fresh, t0};

/// Turns each rule in [`events`](crate::events) into a test.
#[macro_export]
macro_rules! event_bus_conformance {
    ($make:expr) => {
        $crate::rules!(
            $crate::events,
            $make,
            [
                a_subscriber_gets_past_and_new_events_in_order_until_the_end,
                a_subscriber_resumes_after_its_last_event,
                a_subscriber_of_the_end_gets_only_the_end,
                late_events_of_a_lost_attempt_are_dropped,
                publishing_never_blocks_and_a_slow_subscriber_gets_a_gap,
                a_subscriber_gets_no_events_of_other_submissions,
                a_rejudged_submission_starts_a_new_log,
                a_notice_reaches_all_listeners,
                closing_ends_current_and_later_subscriptions,
                a_whole_window_of_live_input_waits_for_its_worker,
                reports_of_attached_clients_reach_the_worker_until_the_run_ends,
            ]
        );
    };
}

fn id() -> SubmissionId {
    SubmissionId::from_uuid(fresh())
}

fn event(submission: SubmissionId, attempt: u32, n: u32, kind: EventKind) -> Event {
    Event { submission, seq: Seq::of_attempt(attempt, n), at: t0(), kind }
}

fn output(submission: SubmissionId, n: u32, len: usize) -> Event {
    event(submission, 1, n, EventKind::Output { case: None, stream: Stream::Stdout, data: vec![b'x'; len].into() })
}

async fn hear(subscription: &mut Box<dyn Subscription>) -> Event {
    match subscription.next().await {
        Some(Received::Event(event)) => event,
        other => panic!("expected an event, got {other:?}"),
    }
}

pub async fn a_subscriber_gets_past_and_new_events_in_order_until_the_end<B: EventBus>(
    make: impl AsyncFn() -> Subject<B>,
) {
    let bus = make().await;
    let id = id();
    let log = [
        event(id, 1, 1, EventKind::Started { attempt: 1 }),
        event(id, 1, 2, EventKind::CompileStarted),
        output(id, 3, 10),
        Event::finished(id, 1, t0(), Verdict::Accepted),
    ];
    bus.publish(log[0].clone());
    let mut early = bus.subscribe(id, Seq::default(), Interest::Everything).await;
    assert_eq!(hear(&mut early).await, log[0]);
    bus.publish(log[1].clone());
    let mut late = bus.subscribe(id, Seq::default(), Interest::Everything).await;
    bus.publish(log[2].clone());
    bus.publish(log[3].clone());
    for expected in &log[1..] {
        assert_eq!(hear(&mut early).await, *expected);
    }
    for expected in &log {
        assert_eq!(hear(&mut late).await, *expected);
    }
    assert!(early.next().await.is_none());
    assert!(late.next().await.is_none());
    assert!(late.next().await.is_none(), "an ended subscription stays ended");
}

pub async fn a_subscriber_resumes_after_its_last_event<B: EventBus>(make: impl AsyncFn() -> Subject<B>) {
    let bus = make().await;
    let id = id();
    for n in 1..=5 {
        bus.publish(output(id, n, 1));
    }
    let mut again = bus.subscribe(id, Seq::of_attempt(1, 3), Interest::Everything).await;
    assert_eq!(hear(&mut again).await, output(id, 4, 1));
    assert_eq!(hear(&mut again).await, output(id, 5, 1));
}

pub async fn a_subscriber_of_the_end_gets_only_the_end<B: EventBus>(make: impl AsyncFn() -> Subject<B>) {
    let bus = make().await;
    let id = id();
    let end = Event::finished(id, 1, t0(), Verdict::WrongAnswer);
    let mut waiting = bus.subscribe(id, Seq::default(), Interest::End).await;
    for n in 1..=10_000 {
        bus.publish(output(id, n, 100));
    }
    bus.publish(end.clone());
    assert_eq!(hear(&mut waiting).await, end);
    assert!(waiting.next().await.is_none());
}

pub async fn late_events_of_a_lost_attempt_are_dropped<B: EventBus>(make: impl AsyncFn() -> Subject<B>) {
    let bus = make().await;
    let id = id();
    let mut listening = bus.subscribe(id, Seq::default(), Interest::Everything).await;
    let second = event(id, 2, 1, EventKind::Started { attempt: 2 });
    let end = Event::finished(id, 2, t0(), Verdict::Cancelled);
    bus.publish(second.clone());
    bus.publish(event(id, 1, 7, EventKind::CompileStarted));
    bus.publish(end.clone());
    bus.publish(event(id, 2, 9, EventKind::CompileStarted));
    assert_eq!(hear(&mut listening).await, second);
    assert_eq!(hear(&mut listening).await, end);
    assert!(listening.next().await.is_none());
}

pub async fn publishing_never_blocks_and_a_slow_subscriber_gets_a_gap<B: EventBus>(make: impl AsyncFn() -> Subject<B>) {
    let bus = make().await;
    let id = id();
    let started = event(id, 1, 1, EventKind::Started { attempt: 1 });
    let end = Event::finished(id, 1, t0(), Verdict::OutputLimit);
    let mut slow = bus.subscribe(id, Seq::default(), Interest::Everything).await;
    bus.publish(started.clone());
    for n in 2..20_000 {
        bus.publish(output(id, n, 1000));
    }
    bus.publish(end.clone());
    let (mut gaps, mut last, mut bytes) = (0, Seq::default(), 0);
    loop {
        match slow.next().await {
            Some(Received::Event(event)) => {
                assert!(event.seq > last, "events arrive in order");
                last = event.seq;
                if let EventKind::Output { data, .. } = &event.kind {
                    bytes += data.len();
                }
            }
            Some(Received::Gap) => gaps += 1,
            None => break,
        }
    }
    assert!(gaps >= 1, "20 MB exceed the buffer, so there is a gap");
    assert!(bytes < 10_000_000, "{bytes} bytes were kept for one slow subscriber");
    assert_eq!(last, end.seq, "the end is never lost");
}

pub async fn a_subscriber_gets_no_events_of_other_submissions<B: EventBus>(make: impl AsyncFn() -> Subject<B>) {
    let bus = make().await;
    let (mine, other) = (id(), id());
    let mut listening = bus.subscribe(mine, Seq::default(), Interest::Everything).await;
    bus.publish(event(other, 1, 1, EventKind::Started { attempt: 1 }));
    bus.publish(Event::finished(other, 1, t0(), Verdict::Accepted));
    let end = Event::finished(mine, 1, t0(), Verdict::Accepted);
    bus.publish(end.clone());
    assert_eq!(hear(&mut listening).await, end);
}

pub async fn a_rejudged_submission_starts_a_new_log<B: EventBus>(make: impl AsyncFn() -> Subject<B>) {
    let bus = make().await;
    let id = id();
    let first_end = Event::finished(id, 1, t0(), Verdict::Accepted);
    bus.publish(first_end.clone());
    let again = event(id, 2, 0, EventKind::Queued);
    bus.publish(again.clone());
    let mut waiting = bus.subscribe(id, Seq::default(), Interest::End).await;
    let mut listening = bus.subscribe(id, first_end.seq, Interest::Everything).await;
    let end = Event::finished(id, 2, t0(), Verdict::WrongAnswer);
    bus.publish(end.clone());
    bus.publish(first_end);
    assert_eq!(hear(&mut waiting).await, end, "the end of the previous run is not delivered");
    assert_eq!((hear(&mut listening).await, hear(&mut listening).await), (again, end));
    assert!(listening.next().await.is_none());
}

pub async fn a_notice_reaches_all_listeners<B: EventBus>(make: impl AsyncFn() -> Subject<B>) {
    let bus = make().await;
    let stops = [fresh(), fresh()].map(|run| Notice::Stop(RunId::from_uuid(run)));
    bus.announce(stops[0]);
    let (mut one, mut other) = (bus.notices(), bus.notices());
    bus.announce(stops[1]);
    assert_eq!((one.next().await, other.next().await), (Some(stops[1]), Some(stops[1])));
    bus.close().await;
    assert_eq!(one.next().await, None);
}

/// An input of a live run.
fn input(log: SubmissionId, n: u32, input: LiveInput) -> Event {
    event(log, 1, n, EventKind::Live(LiveEvent::Input { input, total_bytes: u64::from(n) }))
}

pub async fn a_whole_window_of_live_input_waits_for_its_worker<B: EventBus>(make: impl AsyncFn() -> Subject<B>) {
    let bus = make().await;
    let log = id();
    // The maximum number of inputs, then an input of the maximum size.
    let piece = LiveInput::WINDOW / INPUTS_MAX as usize;
    let mut sent: Vec<Event> =
        (1..=INPUTS_MAX).map(|n| input(log, n, LiveInput::Bytes(vec![n as u8; piece]))).collect();
    sent.push(input(log, INPUTS_MAX + 1, LiveInput::Bytes(vec![0; LiveInput::WINDOW])));
    for event in &sent {
        bus.publish(event.clone());
    }
    let mut worker = bus.subscribe(log, Seq::default(), Interest::Everything).await;
    for event in &sent {
        assert_eq!(hear(&mut worker).await, *event);
    }
    // Afterwards, each input arrives exactly once, as it was sent.
    let next = [
        input(log, INPUTS_MAX + 2, LiveInput::Signal(LiveSignal::Interrupt)),
        input(log, INPUTS_MAX + 3, LiveInput::Resize(TerminalSize::default())),
        input(log, INPUTS_MAX + 4, LiveInput::EndOfInput),
    ];
    for event in &next {
        bus.publish(sent[3].clone());
        bus.publish(event.clone());
        assert_eq!(hear(&mut worker).await, *event);
    }
}

/// A report that a client of a live run was attached in this second.
pub(super) fn attached(log: SubmissionId, second: u32) -> Event {
    event(log, second, 1, EventKind::Live(LiveEvent::Attached))
}

pub async fn reports_of_attached_clients_reach_the_worker_until_the_run_ends<B: EventBus>(
    make: impl AsyncFn() -> Subject<B>,
) {
    let bus = make().await;
    let (log, now) = (id(), 1_800_000_000);
    bus.publish(attached(log, now));
    let mut worker = bus.subscribe(log, Seq::default(), Interest::Everything).await;
    assert_eq!(hear(&mut worker).await, attached(log, now), "a report that was sent before the worker subscribed");
    // Several clients report in the same second.
    bus.publish(attached(log, now));
    bus.publish(attached(log, now + 5));
    assert_eq!(hear(&mut worker).await, attached(log, now + 5));
    let end = Event::finished(log, PRESENCE_END, t0(), Verdict::Accepted);
    bus.publish(end.clone());
    assert_eq!(hear(&mut worker).await, end);
    bus.publish(attached(log, now + 10));
    assert!(worker.next().await.is_none());
}

pub async fn closing_ends_current_and_later_subscriptions<B: EventBus>(make: impl AsyncFn() -> Subject<B>) {
    let bus = make().await;
    let id = id();
    let mut before = bus.subscribe(id, Seq::default(), Interest::Everything).await;
    let started = event(id, 1, 1, EventKind::Started { attempt: 1 });
    bus.publish(started.clone());
    assert_eq!(hear(&mut before).await, started);
    bus.close().await;
    assert!(before.next().await.is_none());
    let mut after = bus.subscribe(id, Seq::default(), Interest::End).await;
    assert!(after.next().await.is_none());
    bus.publish(Event::finished(id, 1, t0(), Verdict::Accepted));
    assert!(after.next().await.is_none());
    assert!(bus.notices().next().await.is_none());
}
