//! Visibility of submissions; waiting and watching.

use std::sync::Arc;
use std::time::Duration;

use cupel_core::event::{Event, EventKind, Seq, Stream};
use cupel_core::run::{HistoryFilter, LeasedRun, RunState};
use cupel_core::{
    AuthenticatedUser, Clock as _, Completion, Core, CoreParts, ExecuteRequest, Executed, Idempotency, LeasePolicy,
    Origin, Received, RunStore as _, Subscription, Wait,
};
use cupel_events::EmbeddedBus;
use cupel_testkit::{Unlimited, a_report, a_submission};
use cupel_types::{UserId, Verdict};

use super::{App, another_user, finish, next, parts};

/// A timeout longer than any test may take; it never expires.
const LONG: Duration = Duration::from_secs(600);

async fn hear_all(mut log: Box<dyn Subscription>) -> Vec<Event> {
    let mut events = Vec::new();
    while let Some(received) = log.next().await {
        match received {
            Received::Event(event) => events.push(event),
            Received::Gap => panic!("a gap"),
        }
    }
    events
}

fn names(events: &[Event]) -> Vec<&'static str> {
    events.iter().map(|e| e.kind.name()).collect()
}

#[tokio::test]
async fn a_submission_does_not_exist_for_other_users() {
    let app = App::start().await;
    let id = app.submit_one().await;
    let other = AuthenticatedUser::of(another_user(&*app.store).await);
    let admin = AuthenticatedUser { is_admin: true, ..other };
    assert!(app.core.submission(&other, id).await.unwrap().is_none());
    assert!(app.core.submissions(&other, &[id]).await.unwrap().is_empty());
    assert!(app.core.wait(&other, id, LONG).await.unwrap().is_none(), "the call returns at once");
    assert!(app.core.watch(&other, id, Seq::default()).await.unwrap().is_none());
    assert_eq!(app.core.cancel(&other, id).await.unwrap(), None);
    for theirs in [&other, &admin] {
        assert_eq!(app.core.list(theirs, 0, 10).await.unwrap().1, 0);
    }
    let history = || HistoryFilter::of(app.owner);
    for (viewer, expected) in [(&other, 0), (&admin, 1), (&app.me(), 1)] {
        assert_eq!(app.core.history(viewer, history(), 0, 10).await.unwrap().len(), expected);
        assert_eq!(app.core.history_count(viewer, history()).await.unwrap(), expected as u64);
    }
    assert!(app.core.submission(&admin, id).await.unwrap().is_some());
    assert_eq!(app.core.submissions(&app.me(), &[id]).await.unwrap().len(), 1);
    assert_eq!(app.core.cancel(&admin, id).await.unwrap(), Some(RunState::Cancelled { attempts: 0 }));
}

#[tokio::test]
async fn waiting_ends_when_the_run_is_judged_or_cancelled() {
    let app = App::start().await;
    for cancel in [false, true] {
        let id = app.submit_one().await;
        let assignment = next(&app.core).await;
        let waiting = tokio::spawn({
            let (core, me) = (app.core.clone(), app.me());
            async move { core.wait(&me, id, LONG).await.unwrap().expect("a record") }
        });
        tokio::task::yield_now().await;
        if cancel {
            app.core.cancel(&app.me(), id).await.unwrap();
        } else {
            finish(&app.core, &assignment).await;
        }
        assert!(waiting.await.unwrap().state.is_final());
        let again = app.core.wait(&app.me(), id, LONG).await.unwrap().expect("a record");
        assert!(again.state.is_final(), "a run that has ended needs no wait");
    }
}

/// Sends one submission and waits for its result.
async fn execute(
    core: &Core,
    owner: UserId,
    at_most: Duration,
    given_up: impl Future<Output = ()> + Send,
    idempotency: Option<Idempotency>,
) -> Executed {
    let wait = Wait { at_most, for_room: false, given_up: Box::pin(given_up), permit: Box::new(()) };
    let request = ExecuteRequest::new(owner, a_submission().as_sent(), &Unlimited);
    core.execute(ExecuteRequest { wait: Some(wait), idempotency, ..request }).await.expect("accepted")
}

#[tokio::test]
async fn a_waiting_client_gets_the_stored_result() {
    let app = App::start().await;
    for cancel in [false, true] {
        let waiting = tokio::spawn({
            let (core, owner) = (app.core.clone(), app.owner);
            async move { execute(&core, owner, LONG, std::future::pending(), None).await }
        });
        let assignment = next(&app.core).await;
        let id = assignment.leased.submission.id;
        if cancel {
            app.core.cancel(&app.me(), id).await.unwrap();
        } else {
            finish(&app.core, &assignment).await;
        }
        let Executed::Finished { record: heard, origin } = waiting.await.unwrap() else { panic!("it has not ended") };
        assert_eq!(origin, Origin::Run);
        let stored = app.core.submission(&app.me(), id).await.unwrap().expect("a record");
        assert_eq!(format!("{heard:?}"), format!("{stored:?}"), "cancelled: {cancel}");
    }
}

#[tokio::test]
async fn a_wait_that_times_out_returns_and_the_run_continues() {
    let app = App::start().await;
    let wait = async |at_most, given_up: std::future::Ready<()>| {
        let given_up =
            async move { if at_most > Duration::from_secs(1) { given_up.await } else { std::future::pending().await } };
        match execute(&app.core, app.owner, at_most, given_up, None).await {
            Executed::Accepted { id, is_repeated: false, state: Some(RunState::Queued { .. }) } => id,
            other => panic!("{other:?}"),
        }
    };
    let ids = [
        wait(Duration::from_millis(1), std::future::ready(())).await,
        wait(Duration::from_millis(300), std::future::ready(())).await,
        wait(LONG, std::future::ready(())).await,
    ];
    for id in ids {
        let assignment = next(&app.core).await;
        assert_eq!(assignment.leased.submission.id, id);
        finish(&app.core, &assignment).await;
    }
}

#[tokio::test]
async fn the_requests_content_is_released_before_the_wait_and_the_permit_after_it() {
    let app = App::start().await;
    let (content, permit) = (Arc::new(()), Arc::new(()));
    let waiting = tokio::spawn({
        let (core, owner, content, permit) = (app.core.clone(), app.owner, Arc::clone(&content), Arc::clone(&permit));
        async move {
            let wait = Wait {
                at_most: LONG,
                for_room: false,
                given_up: Box::pin(std::future::pending()),
                permit: Box::new(permit),
            };
            let request = ExecuteRequest::new(owner, a_submission().as_sent(), &Unlimited);
            core.execute(ExecuteRequest { wait: Some(wait), on_stored: Box::new(|| drop(content)), ..request }).await
        }
    });
    let assignment = next(&app.core).await;
    while Arc::strong_count(&content) > 1 {
        tokio::task::yield_now().await;
    }
    assert_eq!(Arc::strong_count(&permit), 2, "the client waits");
    finish(&app.core, &assignment).await;
    assert!(matches!(waiting.await.unwrap(), Ok(Executed::Finished { .. })));
    assert_eq!(Arc::strong_count(&permit), 1);
}

#[tokio::test]
async fn a_repeated_request_gets_the_id_of_the_first_and_waits_for_its_result() {
    let app = App::start().await;
    let key = || Idempotency { key: "k".into(), request_hash: [7; 32], expires_at: app.clock.now() + LONG };
    let send = async |at_most| execute(&app.core, app.owner, at_most, std::future::pending(), Some(key())).await;
    let Executed::Accepted { id, is_repeated: false, .. } = send(Duration::from_millis(1)).await else {
        panic!("the run is new and has not ended")
    };
    match send(Duration::from_millis(1)).await {
        Executed::Accepted { id: again, is_repeated: true, state: Some(RunState::Queued { .. }) } => {
            assert_eq!(again, id)
        }
        other => panic!("{other:?}"),
    }
    finish(&app.core, &next(&app.core).await).await;
    match send(LONG).await {
        Executed::Finished { record, origin: Origin::RepeatedRequest } => assert_eq!(record.submission.id, id),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_wait_that_times_out_returns_the_current_state() {
    let app = App::start().await;
    let id = app.submit_one().await;
    let record = app.core.wait(&app.me(), id, Duration::ZERO).await.unwrap().expect("a record");
    assert_eq!(record.state, RunState::Queued { attempts: 0, lost: 0 });
    let record = app.core.wait(&app.me(), id, Duration::from_millis(1)).await.unwrap().expect("a record");
    assert!(!record.state.is_final());
}

#[tokio::test]
async fn the_log_of_an_ended_run_has_nothing_after_its_last_event_also_after_a_restart() {
    let app = App::start().await;
    let id = app.submit_one().await;
    finish(&app.core, &next(&app.core).await).await;
    let log = hear_all(app.core.watch(&app.me(), id, Seq::default()).await.unwrap().expect("a log")).await;
    let last = log.last().expect("an event").seq;
    for after in [last, Seq(u64::MAX)] {
        let rest = app.restarted().watch(&app.me(), id, after).await.unwrap().expect("a log");
        let rest = tokio::time::timeout(Duration::from_secs(120), hear_all(rest)).await.expect("it ends");
        assert!(rest.is_empty(), "{rest:?}");
    }
}

#[tokio::test]
async fn every_watcher_gets_the_same_log() {
    let app = App::start().await;
    let id = app.submit_one().await;
    let watch = async || app.core.watch(&app.me(), id, Seq::default()).await.unwrap().expect("a log");
    let mut watchers = vec![tokio::spawn(hear_all(watch().await))];
    let assignment = next(&app.core).await;
    let output = |data: &[u8]| EventKind::Output { case: None, stream: Stream::Stdout, data: data.into() };
    let kinds =
        [EventKind::Started { attempt: 1 }, EventKind::ExecutionStarted { case: None }, output(b"42"), output(b"\n")];
    let mut events = Vec::new();
    for (n, kind) in (1..).zip(kinds) {
        let event = Event { submission: id, seq: Seq::of_attempt(1, n), at: app.clock.now(), kind };
        events.push(event.clone());
        app.core.emit(event);
        watchers.push(tokio::spawn(hear_all(watch().await)));
    }
    assert!(app.core.complete(&assignment, a_report(b"42\n"), events).await.unwrap());
    watchers.push(tokio::spawn(hear_all(watch().await)));
    let mut logs = Vec::new();
    for watcher in watchers {
        logs.push(watcher.await.unwrap());
    }
    assert_eq!(names(&logs[0]), ["queued", "started", "test.start", "output", "output", "verdict"]);
    for log in &logs {
        assert_eq!(*log, logs[0]);
    }
    let log = app.core.watch(&app.me(), id, logs[0][3].seq).await.unwrap().expect("a log");
    assert_eq!(hear_all(log).await, logs[0][4..], "the log continues after the last event");
}

#[tokio::test]
async fn the_log_of_a_cancelled_run_ends_and_later_events_are_dropped() {
    let app = App::start().await;
    let id = app.submit_one().await;
    let assignment = next(&app.core).await;
    let log = app.core.watch(&app.me(), id, Seq::default()).await.unwrap().expect("a log");
    let started = Event {
        submission: id,
        seq: Seq::of_attempt(1, 1),
        at: app.clock.now(),
        kind: EventKind::Started { attempt: 1 },
    };
    app.core.emit(started.clone());
    app.core.cancel(&app.me(), id).await.unwrap();
    app.core.emit(Event { seq: Seq::of_attempt(1, 2), kind: EventKind::CompileStarted, ..started });
    assert!(!app.core.complete(&assignment, a_report(b""), Vec::new()).await.unwrap());
    let events = hear_all(log).await;
    assert_eq!(names(&events), ["queued", "started", "verdict"]);
    assert_eq!(events[2].kind, EventKind::Finished { verdict: Verdict::Cancelled });
}

#[tokio::test]
async fn a_log_is_complete_after_a_restart_that_lost_the_live_events() {
    let app = App::start().await;
    let id = app.submit(a_submission()).await;
    let assignment = next(&app.core).await;
    let started = Event {
        submission: id,
        seq: Seq::of_attempt(1, 1),
        at: app.clock.now(),
        kind: EventKind::Started { attempt: 1 },
    };
    assert!(app.core.complete(&assignment, a_report(b""), vec![started]).await.unwrap());
    let log = app.restarted().watch(&app.me(), id, Seq::default()).await.unwrap().expect("a log");
    assert_eq!(names(&hear_all(log).await), ["queued", "started", "verdict"]);
}

#[tokio::test]
async fn a_large_stored_log_is_read_in_parts_and_is_complete() {
    let app = App::start().await;
    let id = app.submit(a_submission()).await;
    let assignment = next(&app.core).await;
    let at = app.clock.now();
    let output =
        |n: u32| EventKind::Output { case: None, stream: Stream::Stdout, data: vec![n as u8; 64 << 10].into() };
    let event = |n: u32| Event { submission: id, seq: Seq::of_attempt(1, n), at, kind: output(n) };
    let events: Vec<_> = (1..=60).map(event).collect();
    assert!(app.core.complete(&assignment, a_report(b""), events.clone()).await.unwrap());
    let watch = async |after| app.restarted().watch(&app.me(), id, after).await.unwrap().expect("a log");
    let log = hear_all(watch(Seq::default()).await).await;
    assert_eq!(log[1..61], events);
    assert_eq!(names(&log[61..]), ["verdict"]);
    assert_eq!(hear_all(watch(events[29].seq).await).await, log[31..]);
}

#[tokio::test]
async fn an_end_that_was_never_announced_is_found_in_the_store() {
    let app = App::start().await;
    let policy = LeasePolicy { lease: Duration::from_millis(150), attempts_max: 3 };
    let bus = Arc::new(EmbeddedBus::default());
    let core = Core::new(CoreParts { policy, ..parts(&app.store, &app.clock, Arc::default(), bus) });
    let id = core.submit(app.owner, vec![a_submission().as_sent()], None, &Unlimited).await.expect("accepted").ids[0];
    let watching = core.watch(&app.me(), id, Seq::default()).await.unwrap().expect("a log");
    let waiting = tokio::spawn({
        let (core, me) = (core.clone(), app.me());
        async move { core.wait(&me, id, LONG).await.unwrap().expect("a record") }
    });
    let LeasedRun { run, lease, .. } = next(&core).await.leased;
    // The worker writes the result and is killed before it announces the end.
    let at = app.clock.now();
    let events = vec![Event::finished(id, 1, at, Verdict::Accepted)];
    let done = Completion { owner: app.owner, report: a_report(b"42\n"), events, at };
    assert!(app.store.complete(run, lease, done).await.unwrap());
    let heard = tokio::time::timeout(Duration::from_secs(120), hear_all(watching)).await;
    assert_eq!(names(&heard.expect("an end")), ["queued", "verdict"]);
    let waited = tokio::time::timeout(Duration::from_secs(120), waiting).await;
    assert!(waited.expect("an end").unwrap().state.is_final());
}
