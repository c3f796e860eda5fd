//! Positions of waiting runs in the queue.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use cupel_core::event::{Event, EventKind, Seq};
use cupel_core::run::LeasedRun;
use cupel_core::{
    AuthenticatedUser, Clock as _, Completion, Core, CoreParts, EventBus, Follow, Followed, Interest, LeasePolicy,
    Notice, Notices, Received, RunStore as _, Subscription,
};
use cupel_events::EmbeddedBus;
use cupel_testkit::{Unlimited, a_report, a_submission};
use cupel_types::{SubmissionId, UserId, Verdict};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::{App, another_user, finish, next, parts};

async fn follow(core: &Core, owner: UserId, id: SubmissionId, after: Seq) -> Follow {
    let viewer = AuthenticatedUser::of(owner);
    core.follow(&viewer, id, after).await.unwrap().expect("it is visible")
}

/// The next event's name, number and position.
async fn hear(log: &mut Follow) -> (&'static str, Seq, Option<u64>) {
    match log.next().await.expect("the log continues") {
        Followed { received: Received::Event(event), position, .. } => (event.kind.name(), event.seq, position),
        Followed { received: Received::Gap, .. } => panic!("a gap"),
    }
}

impl App {
    /// Submits a run one second after the previous run.
    async fn submit_later(&self, owner: UserId, language: &str) -> SubmissionId {
        self.clock.advance(Duration::from_secs(1));
        let new = a_submission().in_language(language).as_sent();
        self.core.submit(owner, vec![new], None, &Unlimited).await.expect("accepted").ids[0]
    }

    async fn position(&self, owner: UserId, id: SubmissionId) -> Option<u64> {
        let (name, seq, position) = hear(&mut follow(&self.core, owner, id, Seq::default()).await).await;
        assert_eq!((name, seq), ("queued", Seq::of_attempt(0, 1)));
        position
    }
}

#[tokio::test]
async fn a_queued_event_has_the_position_in_the_queue() {
    let app = App::start().await;
    let ids = [app.submit_one().await, app.submit_later(app.owner, "python").await];
    assert_eq!(app.position(app.owner, ids[0]).await, Some(1));
    assert_eq!(app.position(app.owner, ids[1]).await, Some(2));
    let third = app.submit_later(app.owner, "python").await;
    assert_eq!(app.position(app.owner, third).await, Some(3));
    let other = another_user(&*app.store).await;
    let theirs = app.submit_later(other, "python").await;
    assert_eq!(app.position(other, theirs).await, Some(2), "the owners take turns");
    app.core.cancel(&app.me(), ids[0]).await.unwrap();
    app.clock.advance(Duration::from_secs(2));
    assert_eq!(app.position(app.owner, ids[1]).await, Some(1));
    assert_eq!(app.position(app.owner, ids[0]).await, None, "the run does not wait any more");
}

#[tokio::test]
async fn a_waiting_run_gets_its_new_position_until_it_starts() {
    let app = App::start().await;
    let (first, second) = (app.submit_one().await, app.submit_later(app.owner, "python").await);
    let mut log = follow(&app.core, app.owner, second, Seq::default()).await;
    assert_eq!(hear(&mut log).await, ("queued", Seq::of_attempt(0, 1), Some(2)));
    let assignment = next(&app.core).await;
    assert_eq!(assignment.leased.submission.id, first);
    app.clock.advance(Duration::from_secs(2));
    assert_eq!(hear(&mut log).await, ("queued", Seq::of_attempt(0, 2), Some(1)));
    let mut resumed = follow(&app.core, app.owner, second, Seq::of_attempt(0, 2)).await;
    assert_eq!(hear(&mut resumed).await, ("queued", Seq::of_attempt(0, 3), Some(1)), "the numbers continue");
    finish(&app.core, &assignment).await;
    let assignment = next(&app.core).await;
    let kind = EventKind::Started { attempt: 1 };
    let started = Event { submission: second, seq: Seq::of_attempt(1, 1), at: app.core.now(), kind };
    app.core.emit(started);
    finish(&app.core, &assignment).await;
    for log in [&mut log, &mut resumed] {
        assert_eq!(hear(log).await, ("started", Seq::of_attempt(1, 1), None));
        assert_eq!(hear(log).await, ("verdict", Seq::of_end(1), None));
        assert!(log.next().await.is_none());
    }
}

/// A bus that delivers the test's events to subscribers.
struct ScriptedBus(Mutex<Option<UnboundedReceiver<Received>>>);

struct Script(UnboundedReceiver<Received>);

#[async_trait]
impl Subscription for Script {
    async fn next(&mut self) -> Option<Received> {
        self.0.recv().await
    }
}

#[async_trait]
impl EventBus for ScriptedBus {
    fn publish(&self, _: Event) {}
    async fn subscribe(&self, _: SubmissionId, _: Seq, _: Interest) -> Box<dyn Subscription> {
        Box::new(Script(self.0.lock().unwrap().take().expect("one subscriber")))
    }
    fn announce(&self, _: Notice) {}
    fn notices(&self) -> Box<dyn Notices> {
        EmbeddedBus::default().notices()
    }
    fn health(&self) -> Result<(), String> {
        Ok(())
    }
    async fn close(&self) {}
}

#[tokio::test]
async fn a_position_after_a_gap_does_not_hide_the_gap() {
    let app = App::start().await;
    let (first, second) = (app.submit_one().await, app.submit_later(app.owner, "python").await);
    let (script, receiver) = unbounded_channel();
    let bus = Arc::new(ScriptedBus(Mutex::new(Some(receiver))));
    let core = Core::new(parts(&app.store, &app.clock, Arc::default(), bus));
    let mut log = follow(&core, app.owner, second, Seq::default()).await;
    assert_eq!(hear(&mut log).await, ("queued", Seq::of_attempt(0, 1), Some(2)));
    let is_gap = |entry: Option<Followed>| matches!(entry, Some(Followed { received: Received::Gap, .. }));
    script.send(Received::Gap).unwrap();
    assert!(is_gap(log.next().await));
    app.core.cancel(&app.me(), first).await.unwrap();
    app.clock.advance(Duration::from_secs(2));
    assert_eq!(hear(&mut log).await, ("queued", Seq::of_attempt(0, 2), Some(1)));
    script.send(Received::Event(Event::finished(second, 1, app.clock.now(), Verdict::Accepted))).unwrap();
    assert!(is_gap(log.next().await), "the events of the attempt are missing");
    assert_eq!(hear(&mut log).await, ("verdict", Seq::of_end(1), None));
}

#[tokio::test]
async fn the_end_of_a_waiting_run_that_was_never_announced_is_found_in_the_store() {
    let app = App::start().await;
    // Longer than the time between two computations of the position.
    let policy = LeasePolicy { lease: Duration::from_millis(2500), attempts_max: 3 };
    let bus = Arc::new(EmbeddedBus::default());
    let core = Core::new(CoreParts { policy, ..parts(&app.store, &app.clock, Arc::default(), bus) });
    let id = core.submit(app.owner, vec![a_submission().as_sent()], None, &Unlimited).await.expect("accepted").ids[0];
    let mut log = follow(&core, app.owner, id, Seq::default()).await;
    assert_eq!(hear(&mut log).await.0, "queued");
    let LeasedRun { run, lease, .. } = next(&core).await.leased;
    // The worker writes the result and is killed before it announces anything.
    let at = app.clock.now();
    let events = vec![Event::finished(id, 1, at, Verdict::Accepted)];
    let done = Completion { owner: app.owner, report: a_report(b"42\n"), events, at };
    assert!(app.store.complete(run, lease, done).await.unwrap());
    let end = tokio::time::timeout(Duration::from_secs(120), async {
        loop {
            if hear(&mut log).await.0 == "verdict" {
                break;
            }
        }
    });
    end.await.expect("an end");
}
