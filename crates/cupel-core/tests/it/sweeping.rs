//! Recovery: no accepted submission is lost.

use std::collections::HashSet;
use std::time::Duration;

use cupel_core::accounts::{AccountChange, MembershipStore as _};
use cupel_core::run::RunState;
use cupel_core::{AccountStore as _, Clock as _, RunStore as _, SubmitError};
use cupel_testkit::{SubmissionBuilder, Unlimited, a_submission};
use cupel_types::PriorityClass;

use super::{App, another_user, finish, next};

#[tokio::test]
async fn after_a_restart_all_waiting_and_running_runs_end() {
    let app = App::start().await;
    let mut ids = HashSet::new();
    for _ in 0..50 {
        ids.insert(app.submit_one().await);
    }
    for n in 0..20 {
        let assignment = next(&app.core).await;
        if n < 10 {
            finish(&app.core, &assignment).await;
        }
    }
    let core = app.restarted();
    let orphans = core.recover_orphans().await.unwrap();
    assert_eq!((orphans.expired, orphans.abandoned), (10, 0));
    core.recover().await.unwrap();
    assert_eq!(core.queue_depth().await.unwrap(), 40);
    for _ in 0..40 {
        let assignment = next(&core).await;
        finish(&core, &assignment).await;
    }
    for id in ids {
        assert!(matches!(app.state(id).await, RunState::Judged { .. }));
    }
    assert_eq!(core.queue_depth().await.unwrap(), 0);
}

#[tokio::test]
async fn a_run_that_kills_the_process_every_time_is_abandoned() {
    let app = App::start().await;
    let id = app.submit_one().await;
    let mut core = app.core.clone();
    for _ in 0..3 {
        next(&core).await;
        core = app.restarted();
        core.recover_orphans().await.unwrap();
        core.recover().await.unwrap();
    }
    assert_eq!(app.state(id).await, RunState::Abandoned { attempts: 3 });
    assert_eq!(core.queue_depth().await.unwrap(), 0);
}

#[tokio::test]
async fn the_sweeper_replaces_lost_hints() {
    let app = App::start().await;
    for _ in 0..5 {
        app.submit_one().await;
    }
    let core = app.restarted();
    assert_eq!(core.queue_depth().await.unwrap(), 0);
    assert_eq!(core.sweep().await.unwrap().offered, 5);
    core.sweep().await.unwrap();
    assert_eq!(core.queue_depth().await.unwrap(), 5, "no hint is published twice");
}

#[tokio::test]
async fn a_scheduled_run_starts_at_its_time_and_not_before() {
    let app = App::start().await;
    let hour = Duration::from_secs(3600);
    let id = app.submit(a_submission().run_at(app.clock.now() + hour).priority(PriorityClass::Batch)).await;
    let past = app.submit(a_submission().run_at(app.clock.now() - hour)).await;
    app.core.sweep().await.unwrap();
    assert_eq!(app.core.queue_depth().await.unwrap(), 1, "a run with a past `run_at` is due now");
    let first = next(&app.core).await;
    assert_eq!(first.leased.submission.id, past);
    finish(&app.core, &first).await;
    app.clock.advance(hour - Duration::from_secs(1));
    app.core.sweep().await.unwrap();
    assert_eq!(app.core.queue_depth().await.unwrap(), 0);
    app.clock.advance(Duration::from_secs(1));
    app.core.sweep().await.unwrap();
    assert_eq!(next(&app.core).await.leased.submission.id, id);
}

#[tokio::test]
async fn a_scheduled_run_is_queued_in_time_behind_many_waiting_runs() {
    let app = App::start().await;
    let later = app.clock.now() + Duration::from_secs(100);
    app.core
        .submit(app.owner, vec![a_submission().priority(PriorityClass::Batch).as_sent(); 500], None, &Unlimited)
        .await
        .unwrap();
    let id = app.submit(a_submission().run_at(later).priority(PriorityClass::Interactive)).await;
    app.core.sweep().await.unwrap();
    app.clock.advance(Duration::from_secs(101));
    app.core.sweep().await.unwrap();
    assert_eq!(app.core.queue_depth().await.unwrap(), 501);
    assert_eq!(next(&app.core).await.leased.submission.id, id);
}

#[tokio::test]
async fn the_submissions_of_disabled_and_deleted_users_are_cancelled() {
    let app = App::start().await;
    let accounts = app.accounts();
    let (disabled, deleted) = (another_user(&*app.store).await, another_user(&*app.store).await);
    let later = app.clock.now() + Duration::from_secs(3600);
    let submit = async |owner, one: SubmissionBuilder| {
        app.core.submit(owner, vec![one.as_sent()], None, &Unlimited).await.expect("accepted").ids[0]
    };
    let mut ids = Vec::new();
    for owner in [disabled, deleted] {
        ids.push(submit(owner, a_submission()).await);
        next(&app.core).await;
    }
    for owner in [disabled, deleted] {
        ids.extend([submit(owner, a_submission()).await, submit(owner, a_submission().run_at(later)).await]);
    }
    let kept = app.submit_one().await;
    // Like the command line, this writes only to the store.
    assert_eq!(accounts.set_disabled(disabled, true).await.unwrap(), AccountChange::Done);
    assert_eq!(accounts.delete(deleted).await.unwrap(), AccountChange::Done);
    assert_eq!(app.core.sweep().await.unwrap().cancelled, ids.len() as u64);
    for id in &ids {
        assert!(matches!(app.state(*id).await, RunState::Cancelled { .. }), "{id}");
    }
    assert_eq!(app.state(kept).await, RunState::Queued { attempts: 0, lost: 0 });

    // A request whose credential was checked before the change.
    let scheduled = a_submission().run_at(later).as_sent();
    let late = app.core.submit(disabled, vec![scheduled], None, &Unlimited).await;
    assert!(matches!(late, Err(SubmitError::OwnerDisabled)), "{late:?}");
    app.core.sweep().await.unwrap();
    assert_eq!(app.store.users_to_cancel(None, 10).await.unwrap().len(), 2);
    app.clock.advance(Duration::from_secs(121));
    app.core.sweep().await.unwrap();
    assert_eq!(app.store.users_to_cancel(None, 10).await.unwrap(), []);
}

#[tokio::test]
async fn a_guest_is_deleted_with_its_runs_soon_after_its_end() {
    let app = App::start().await;
    let accounts = app.accounts();
    let guest = accounts.open_guest(7).await.unwrap();
    let owner = guest.user.id;
    app.core.submit(owner, vec![a_submission().as_sent()], None, &Unlimited).await.expect("accepted");
    let leased = next(&app.core).await;
    // More than one sweep deletes.
    for _ in 0..500 {
        app.store.insert(a_submission().by(owner).alone()).await.unwrap();
    }
    let kept = app.submit_one().await;
    let held = async || app.store.list(Some(owner), 0, 1).await.unwrap().1;

    accounts.logout(guest.session).await.unwrap();
    let late = app.core.submit(owner, vec![a_submission().as_sent()], None, &Unlimited).await;
    assert!(matches!(late, Err(SubmitError::OwnerDisabled)), "{late:?}");
    // A sweep cancels at most 100 runs.
    let mut cancelled = 0;
    for _ in 0..20 {
        cancelled += app.core.sweep().await.unwrap().cancelled;
    }
    assert_eq!(cancelled, 501);
    assert!(matches!(app.state(leased.leased.submission.id).await, RunState::Cancelled { .. }));
    assert_eq!(held().await, 501, "for two minutes, insertions that began before may still end");
    app.clock.advance(Duration::from_secs(121));
    let mut forgotten = Vec::new();
    for _ in 0..70 {
        forgotten.push(app.core.sweep().await.unwrap().forgotten);
    }
    forgotten.retain(|rows| *rows > 0);
    assert_eq!(forgotten, [500, 2], "each sweep has ten steps of 50 submissions; the guest is the last row");
    assert_eq!((held().await, app.store.user(owner).await.unwrap()), (0, None));
    assert_eq!(app.state(kept).await, RunState::Queued { attempts: 0, lost: 0 });
}

#[tokio::test]
async fn the_submissions_of_many_disabled_users_are_cancelled_in_turn() {
    let app = App::start().await;
    let later = app.clock.now() + Duration::from_secs(3600);
    let mut waiting = HashSet::new();
    for submissions in [150].into_iter().chain([0; 120]).chain([1]) {
        let user = another_user(&*app.store).await;
        if submissions > 0 {
            let new = vec![a_submission().run_at(later).as_sent(); submissions];
            waiting.extend(app.core.submit(user, new, None, &Unlimited).await.expect("accepted").ids);
        }
        assert_eq!(app.accounts().set_disabled(user, true).await.unwrap(), AccountChange::Done);
        app.clock.advance(Duration::from_millis(1));
    }
    // The first sweep reaches the bound with the first user, the second passes 100 others, the third reaches the last.
    for cancelled in [100, 0, 1, 50, 0] {
        assert_eq!(app.core.sweep().await.unwrap().cancelled, cancelled);
    }
    for id in waiting {
        assert!(matches!(app.state(id).await, RunState::Cancelled { .. }), "{id}");
    }
}

/// The clients of a busy server leave more records than one step deletes.
#[tokio::test]
async fn every_sweep_deletes_expired_records_until_none_is_left() {
    let app = App::start().await;
    let raw = rusqlite::Connection::open(app.folder.path().join("cupel.db")).unwrap();
    let insert = |records: u32, expires_at: jiff::Timestamp| {
        let sql = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1) \
                   INSERT INTO idempotency_keys SELECT randomblob(16), 'k', zeroblob(32), x'', ?2 FROM n";
        raw.execute(sql, (records, expires_at.as_microsecond())).unwrap();
    };
    let now = app.clock.now();
    insert(12_500, now);
    insert(1, now + Duration::from_secs(3600));
    let mut forgotten = Vec::new();
    for _ in 0..3 {
        forgotten.push(app.core.sweep().await.unwrap().forgotten);
    }
    assert_eq!(forgotten, [10_000, 2500, 0]);
    let left: u32 = raw.query_row("SELECT count(*) FROM idempotency_keys", [], |row| row.get(0)).unwrap();
    assert_eq!(left, 1);
    insert(1, now);
    assert_eq!(app.core.sweep().await.unwrap().forgotten, 0, "until the next turn, a minute later");
}

/// Workers can renew their leases while only a later step of the sweep fails.
#[tokio::test]
async fn a_lease_expires_although_the_sweep_cannot_delete_old_records() {
    let app = App::start().await;
    let raw = rusqlite::Connection::open(app.folder.path().join("cupel.db")).unwrap();
    app.submit_one().await;
    next(&app.core).await;
    app.clock.advance(Duration::from_secs(29));
    raw.execute_batch("ALTER TABLE idempotency_keys RENAME TO away").unwrap();
    app.core.sweep().await.expect_err("the first sweep deletes old records");
    raw.execute_batch("ALTER TABLE away RENAME TO idempotency_keys").unwrap();
    app.clock.advance(Duration::from_secs(2));
    assert_eq!(app.core.sweep().await.unwrap().expired, 1);
}

#[tokio::test]
async fn sweeping_an_idle_store_does_nothing() {
    let app = App::start().await;
    for _ in 0..3 {
        assert_eq!(app.core.sweep().await.unwrap(), cupel_core::Swept { led: true, ..cupel_core::Swept::default() });
        app.clock.advance(Duration::from_secs(1));
    }
}
