//! Assignments to workers, and how they end.

use std::time::Duration;

use cupel_core::event::{Event, EventKind, Seq};
use cupel_core::run::RunState;
use cupel_core::{Clock as _, NextError, Received, RunStore as _};
use cupel_testkit::a_report;
use cupel_types::{SubmissionId, Verdict};

use super::{App, finish, next, worker};

#[tokio::test]
async fn hints_of_cancelled_runs_are_skipped() {
    let app = App::start().await;
    let gone = app.submit_one().await;
    let there = app.submit_one().await;
    app.core.cancel(&app.me(), gone).await.unwrap();
    assert_eq!(next(&app.core).await.leased.submission.id, there);
    assert_eq!(app.core.queue_depth().await.unwrap(), 0);
}

#[tokio::test]
async fn cancelling_raises_the_stop_flag_at_once() {
    let app = App::start().await;
    let id = app.submit_one().await;
    let assignment = next(&app.core).await;
    let stop = assignment.stop.clone();
    let notified = tokio::spawn(async move { stop.raised().await });
    tokio::task::yield_now().await;
    assert!(!assignment.stop.is_raised());
    app.core.cancel(&app.me(), id).await.unwrap();
    notified.await.unwrap();
    assert!(assignment.stop.is_raised());
    assignment.stop.raised().await;
}

#[tokio::test]
async fn losing_a_lease_stops_the_worker_and_its_result_is_refused() {
    let app = App::start().await;
    let id = app.submit_one().await;
    let first = next(&app.core).await;
    app.clock.advance(Duration::from_secs(31));
    assert_eq!(app.core.sweep().await.unwrap().expired, 1);
    assert!(first.stop.is_raised());
    let second = next(&app.core).await;
    assert_eq!((second.leased.run, second.leased.attempt), (first.leased.run, 2));
    assert_eq!(app.core.renew(&[(first.leased.run, first.leased.lease)]).await.unwrap(), [first.leased.lease]);
    assert!(!second.stop.is_raised(), "the lost attempt does not stop the new one");
    assert!(!app.core.complete(&first, a_report(b"late"), Vec::new()).await.unwrap());
    app.core.give_back(&first, true, "late").await.unwrap();
    app.core.sweep().await.unwrap();
    assert!(!second.stop.is_raised());
    finish(&app.core, &second).await;
    let record = app.core.submission(&app.me(), id).await.unwrap().expect("a record");
    assert_eq!(record.report.expect("a report"), a_report(b"42\n"));
}

#[tokio::test]
async fn a_cancellation_reaches_the_new_attempt_after_a_late_report_of_the_lost_attempt() {
    let app = App::start().await;
    let id = app.submit_one().await;
    let first = next(&app.core).await;
    app.clock.advance(Duration::from_secs(31));
    app.core.sweep().await.unwrap();
    let second = next(&app.core).await;
    assert!(!app.core.complete(&first, a_report(b"late"), Vec::new()).await.unwrap());
    app.core.cancel(&app.me(), id).await.unwrap();
    assert!(second.stop.is_raised());
}

#[tokio::test]
async fn a_renewed_lease_does_not_expire() {
    let app = App::start().await;
    app.submit_one().await;
    let assignment = next(&app.core).await;
    for _ in 0..5 {
        app.clock.advance(Duration::from_secs(20));
        assert!(app.core.renew(&[(assignment.leased.run, assignment.leased.lease)]).await.unwrap().is_empty());
        assert_eq!(app.core.sweep().await.unwrap().expired, 0);
    }
    finish(&app.core, &assignment).await;
}

#[tokio::test]
async fn a_run_given_back_by_a_draining_worker_loses_no_attempt_and_is_leased_at_once() {
    let app = App::start().await;
    let id = app.submit_one().await;
    for attempt in 1..=5 {
        let assignment = next(&app.core).await;
        assert_eq!(assignment.leased.attempt, attempt);
        app.core.give_back(&assignment, false, "drain").await.unwrap();
        assert_eq!(app.state(id).await, RunState::Queued { attempts: attempt, lost: 0 });
    }
}

#[tokio::test]
async fn a_failed_run_is_retried_after_a_backoff_and_finally_abandoned() {
    let app = App::start().await;
    let id = app.submit_one().await;
    for pause in [1, 4] {
        let assignment = next(&app.core).await;
        app.core.give_back(&assignment, true, "the sandbox broke").await.unwrap();
        app.core.sweep().await.unwrap();
        assert_eq!(app.core.queue_depth().await.unwrap(), 0, "the run is not due yet");
        app.clock.advance(Duration::from_secs(pause));
        app.core.sweep().await.unwrap();
        assert_eq!(app.core.queue_depth().await.unwrap(), 1, "after {pause} s");
    }
    let waiting = tokio::spawn({
        let (core, me) = (app.core.clone(), app.me());
        async move { core.wait(&me, id, Duration::from_secs(600)).await.unwrap().expect("a record") }
    });
    let assignment = next(&app.core).await;
    app.core.give_back(&assignment, true, "the sandbox broke").await.unwrap();
    assert_eq!(waiting.await.unwrap().state, RunState::Abandoned { attempts: 3 });
    let log = app.store.events(id, Seq::default()).await.unwrap();
    assert_eq!(log.last().expect("an event").kind, EventKind::Finished { verdict: Verdict::InternalError });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancelled_next_run_call_leaves_no_run_behind() {
    let app = App::start().await;
    let mut ids = Vec::new();
    for _ in 0..30 {
        ids.push(app.submit_one().await);
        let (core, me) = (app.core.clone(), worker());
        let asking = tokio::spawn(async move { core.next_run(me).await.map(drop) });
        tokio::task::yield_now().await;
        asking.abort();
        let _ = asking.await;
    }
    // A run that was leased for a cancelled caller is given back, so every run ends.
    let mut sweeps = 0;
    while let Some(id) = first_without_end(&app, &ids).await {
        // On a slow machine, a run that waits is leased late. If this call were cancelled then, the run would lose an
        // attempt.
        let ask = tokio::time::timeout(Duration::from_secs(5), app.core.next_run(worker())).await;
        match ask {
            Ok(assignment) => finish(&app.core, &assignment.expect("a run")).await,
            Err(_nothing_waits) => {
                // A caller that finished before the abort holds a lease, like a worker that was killed.
                app.clock.advance(Duration::from_secs(31));
                app.core.sweep().await.unwrap();
                sweeps += 1;
                assert!(sweeps < 50, "{:?}", app.state(id).await);
            }
        }
    }
    for id in &ids {
        let state = app.state(*id).await;
        assert!(matches!(state, RunState::Judged { .. }), "{state:?}");
    }
}

async fn first_without_end(app: &App, ids: &[SubmissionId]) -> Option<SubmissionId> {
    for id in ids {
        if !app.state(*id).await.is_final() {
            return Some(*id);
        }
    }
    None
}

#[tokio::test]
async fn only_core_writes_the_final_event_and_foreign_events_are_dropped() {
    let app = App::start().await;
    let id = app.submit_one().await;
    let other = app.submit_one().await;
    let assignment = next(&app.core).await;
    let at = assignment.leased.until;
    let event = |submission, attempt, n, kind| Event { submission, seq: Seq::of_attempt(attempt, n), at, kind };
    let events = vec![
        event(id, 1, 1, EventKind::Started { attempt: 1 }),
        event(other, 1, 2, EventKind::CompileStarted),
        event(id, 7, 3, EventKind::CompileStarted),
        event(id, 1, 4, EventKind::Finished { verdict: Verdict::WrongAnswer }),
    ];
    assert!(app.core.complete(&assignment, a_report(b""), events).await.unwrap());
    let log = app.store.events(id, Seq::default()).await.unwrap();
    let names: Vec<_> = log.iter().map(|e| e.kind.name()).collect();
    assert_eq!(names, ["queued", "started", "verdict"]);
    assert_eq!(log[2].kind, EventKind::Finished { verdict: Verdict::Accepted });
}

/// Sweeps after this time, while the store cannot write.
async fn fail_a_sweep_after(app: &App, time: Duration) {
    let raw = rusqlite::Connection::open(app.folder.path().join("cupel.db")).unwrap();
    raw.execute_batch("CREATE TRIGGER full BEFORE UPDATE ON runs BEGIN SELECT RAISE(FAIL, 'full'); END").unwrap();
    app.clock.advance(time);
    app.core.sweep().await.expect_err("the store cannot write");
    raw.execute_batch("DROP TRIGGER full").unwrap();
}

#[tokio::test]
async fn a_lease_that_ended_while_the_store_failed_expires_only_after_another_lease_time() {
    let app = App::start().await;
    let (kept, lost) = (app.submit_one().await, app.submit_one().await);
    let first = next(&app.core).await;
    let second = next(&app.core).await;
    let (kept, lost) = if first.leased.submission.id == kept { (kept, lost) } else { (lost, kept) };
    fail_a_sweep_after(&app, Duration::from_secs(60)).await;

    app.clock.advance(Duration::from_secs(20));
    assert_eq!(app.core.sweep().await.unwrap().expired, 0, "workers get the time of a lease");
    assert_eq!(app.core.renew(&[(first.leased.run, first.leased.lease)]).await.unwrap(), []);
    app.clock.advance(Duration::from_secs(11));
    assert_eq!(app.core.sweep().await.unwrap().expired, 1, "the other worker has died");
    finish(&app.core, &first).await;
    assert!(matches!(app.state(kept).await, RunState::Judged { attempts: 1, .. }));
    assert!(matches!(app.state(lost).await, RunState::Queued { attempts: 1, lost: 1 }));
    drop(second);
}

/// Otherwise, no lease would expire until the clock reaches the time of the failure again.
#[tokio::test]
async fn leases_expire_after_a_failure_of_the_store_although_the_clock_is_set_back() {
    let app = App::start().await;
    app.submit_one().await;
    let before = next(&app.core).await;
    fail_a_sweep_after(&app, Duration::from_secs(60)).await;

    app.clock.set_back(Duration::from_secs(60 * 60));
    app.submit_one().await;
    let after = next(&app.core).await;
    assert_eq!(app.core.sweep().await.unwrap().expired, 0, "workers get the time of a lease");
    app.clock.advance(Duration::from_secs(31));
    assert_eq!(app.core.sweep().await.unwrap().expired, 1, "the worker has died");
    drop((before, after));
}

#[tokio::test]
async fn a_run_with_an_unreadable_submission_is_given_back_and_finally_abandoned() {
    let app = App::start().await;
    let id = app.submit_one().await;
    // A store may cache what it has just written; it drops the entry once a worker has leased the run.
    let first = app.core.next_run(worker()).await.unwrap();
    app.core.give_back(&first, false, "a worker that does not start the run").await.unwrap();
    let mut log = app.core.watch(&app.me(), id, Seq::default()).await.unwrap().expect("the submission");
    let raw = rusqlite::Connection::open(app.folder.path().join("cupel.db")).unwrap();
    raw.execute_batch("UPDATE code_submissions SET spec = 'damaged'").unwrap();
    for attempt in 1..=3 {
        let refused = app.core.next_run(worker()).await.expect_err("the submission cannot be read");
        assert!(matches!(refused, NextError::Store(_)), "{refused:?}");
        assert_eq!(app.store.counts(app.clock.now()).await.unwrap().leased, 0, "attempt {attempt}");
        app.clock.advance(Duration::from_secs(16));
        app.core.sweep().await.unwrap();
    }
    let counts = app.store.counts(app.clock.now()).await.unwrap();
    assert_eq!((counts.queued, counts.scheduled, counts.leased), (0, 0, 0), "{id} was abandoned");
    // The end is announced, so that no client waits until it queries the store.
    let end = async { while !matches!(log.next().await, Some(Received::Event(event)) if event.kind.is_final()) {} };
    tokio::time::timeout(Duration::from_secs(120), end).await.expect("an announcement");
}
