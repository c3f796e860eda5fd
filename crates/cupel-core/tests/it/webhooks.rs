//! The outbox from the sender's perspective.

use std::time::Duration;

use cupel_core::webhook::{Reported, Sent, Turns};
use cupel_core::{Clock as _, Delivery, RunStore as _};
use cupel_testkit::{Unlimited, a_submission};
use cupel_types::UserId;

use super::{App, another_user, finish, next};

const HOLD: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_delivery_is_retried_by_the_schedule_and_then_given_up() {
    let app = App::start().await;
    let id = app.submit(a_submission().webhook("https://example.test/hook")).await;
    assert!(app.core.take_deliveries(HOLD, 10, &[], &mut Turns::default()).await.unwrap().is_empty());
    let assignment = next(&app.core).await;
    finish(&app.core, &assignment).await;
    let mut tries = 0;
    let mut first = None;
    // 6000 steps of one minute are 100 hours, longer than the schedule.
    for _ in 0..6000 {
        for delivery in app.core.take_deliveries(HOLD, 10, &[], &mut Turns::default()).await.unwrap() {
            assert_eq!((delivery.submission, delivery.owner, delivery.tries), (id, app.owner, tries));
            assert_eq!(*first.get_or_insert(delivery.id), delivery.id, "the same id at every try");
            tries += 1;
            app.core.record_delivery(&delivery, Sent::Failed { error: "503".into(), status: Some(503) }).await.unwrap();
        }
        app.clock.advance(Duration::from_secs(60));
    }
    assert_eq!(tries, 10);
}

#[tokio::test]
async fn delivered_and_gone_deliveries_are_not_retried() {
    let app = App::start().await;
    for sent in [Sent::Delivered { status: 204 }, Sent::Gone] {
        let id = app.submit(a_submission().webhook("https://example.test/hook")).await;
        app.core.cancel(&app.me(), id).await.unwrap();
        let delivery = app.core.take_deliveries(HOLD, 10, &[], &mut Turns::default()).await.unwrap().remove(0);
        app.core.record_delivery(&delivery, sent).await.unwrap();
        app.clock.advance(Duration::from_secs(100 * 3600));
        assert!(app.core.take_deliveries(HOLD, 10, &[], &mut Turns::default()).await.unwrap().is_empty());
    }
}

/// Regression: the receiver got the verdict JE of a run that had not ended.
#[tokio::test]
async fn a_delivery_waits_while_its_submission_is_judged_again() {
    let app = App::start().await;
    let id = app.submit(a_submission().webhook("https://example.test/hook")).await;
    for _ in 0..3 {
        let failed = next(&app.core).await;
        app.core.give_back(&failed, true, "the worker stopped").await.unwrap();
        app.clock.advance(Duration::from_secs(600));
        app.core.sweep().await.unwrap();
    }
    let take = async || app.core.take_deliveries(HOLD, 10, &[], &mut Turns::default()).await.unwrap();
    let reported = async |delivery: &Delivery| app.core.reported_by(delivery).await.unwrap();
    let first = take().await.remove(0);
    assert!(matches!(reported(&first).await, Reported::Ended(record) if record.submission.id == id));
    app.core.record_delivery(&first, Sent::Failed { error: "503".into(), status: Some(503) }).await.unwrap();

    assert!(app.core.retry_dead(id).await.unwrap());
    app.clock.advance(Duration::from_secs(60));
    let waits = take().await.remove(0);
    assert_eq!((waits.id, waits.tries), (first.id, 1));
    assert!(matches!(reported(&waits).await, Reported::JudgedAgain));
    assert!(take().await.is_empty());

    finish(&app.core, &next(&app.core).await).await;
    app.clock.advance(Duration::from_secs(60));
    let (again, new) = take().await.into_iter().partition::<Vec<_>, _>(|delivery| delivery.id == first.id);
    assert_eq!((again[0].tries, new[0].tries), (1, 0), "the wait was no attempt; the new run has its own delivery");
    assert!(matches!(reported(&again[0]).await, Reported::Ended(record) if record.report.is_some()));
}

#[tokio::test]
async fn owners_with_deliveries_in_progress_come_last() {
    let app = App::start().await;
    let others = another_user(&*app.store).await;
    let end_one = async |owner: UserId| {
        let new = a_submission().webhook("https://example.test/hook").as_sent();
        let id = app.core.submit(owner, vec![new], None, &Unlimited).await.expect("accepted").ids[0];
        app.store.cancel(id, None, app.clock.now()).await.unwrap();
        app.clock.advance(Duration::from_millis(1));
    };
    for _ in 0..5 {
        end_one(app.owner).await;
    }
    end_one(others).await;
    let mut turns = Turns::default();
    let mut take = async |limit, busy: &[UserId]| {
        let taken = app.core.take_deliveries(HOLD, limit, busy, &mut turns).await.unwrap();
        let of = |owner| taken.iter().filter(|delivery| delivery.owner == owner).count();
        (of(app.owner), of(others))
    };
    assert_eq!(take(1, &[]).await, (1, 0), "the oldest delivery");
    assert_eq!(take(1, &[app.owner]).await, (0, 1));
    // No other owner needs the capacity.
    assert_eq!(take(2, &[app.owner, others]).await, (2, 0));
    end_one(others).await;
    assert_eq!(take(5, &[app.owner]).await, (2, 1));
}
