//! Rules about dead letters.

#![expect(missing_docs, reason = "the name of each function states its rule")]

use std::sync::Arc;

use cupel_core::cluster::{Order, WorkerBeat};
use cupel_core::dead_letters::retry_in;
use cupel_core::event::{Event, Seq};
use cupel_core::problems::RejudgeOne;
use cupel_core::run::RunState;
use cupel_core::{GivenBack, Needs, RetentionCutoffs, Store};
use cupel_types::{Cases, PriorityClass, RunId, Submission, SubmissionId, UserId, Verdict};

use super::{at, insert, lease, lease_id, user, worker};
use crate::Subject;
use crate::builders::{a_completion, a_submission};

/// Gives an attempt back as lost, with a reason, `second` seconds after `t0`.
async fn fail(store: &impl Store, run: RunId, second: i64, why: &str, attempts_max: u32) {
    let leased = lease(store, run, second).await;
    let given = GivenBack { lost_attempt: true, why: why.into(), now: at(second), due: at(second), attempts_max };
    store.give_back(run, leased.lease, given).await.unwrap().expect("the lease is current");
}

/// Inserts a submission whose run was abandoned `second` seconds after `t0`.
async fn dead(store: &impl Store, owner: UserId, second: i64) -> (Submission, RunId) {
    let (submission, run) = insert(store, a_submission().by(owner)).await;
    fail(store, run, second, "the sandbox broke", 1).await;
    (submission, run)
}

async fn retry(store: &impl Store, id: SubmissionId, second: i64) -> Option<RunId> {
    retry_in(store, &[id], at(second)).await.unwrap().first().map(|run| run.hint.run)
}

pub async fn an_abandoned_run_is_a_dead_letter_with_every_failed_attempt<S: Store>(make: impl AsyncFn() -> Subject<S>) {
    let store = make().await;
    let owner = user(&*store).await;
    let known = WorkerBeat {
        id: worker(),
        name: "rack-1".into(),
        version: "1".into(),
        slots: 1,
        busy: 0,
        judged_last_minute: 0,
        languages: std::iter::empty().collect(),
        libraries: std::iter::empty().collect(),
        pulling: std::iter::empty().collect(),
        order: Order::Work,
    };
    store.beat(known.clone(), at(0)).await.unwrap();
    let (submission, run) = insert(&*store, a_submission().by(owner).priority(PriorityClass::Batch)).await;
    // An attempt that was not lost is not recorded. A judged run is not a dead letter.
    let drained = lease(&*store, run, 0).await;
    let free = GivenBack { lost_attempt: false, why: "drains".into(), now: at(0), due: at(0), attempts_max: 3 };
    store.give_back(run, drained.lease, free).await.unwrap();
    store.lease(run, lease_id(), known.id, at(1), at(31), None).await.unwrap().expect("a lease");
    assert_eq!(store.expire(at(31), at(31), 3, 10).await.unwrap().len(), 1);
    fail(&*store, run, 32, "ü: the sandbox broke", 3).await;
    assert_eq!(store.counts(at(33)).await.unwrap().dead, 0);
    assert!(store.dead_letter(submission.id).await.unwrap().is_none());
    fail(&*store, run, 40, "again", 3).await;

    let (letter, attempts) = store.dead_letter(submission.id).await.unwrap().expect("a dead letter");
    assert_eq!((letter.submission, letter.run, letter.owner), (submission.id, run, owner));
    assert_eq!((letter.attempts, letter.died_at, letter.why.as_str()), (4, at(40), "again"));
    assert_eq!((letter.language.map(|id| id.to_string()).as_deref(), letter.problem), (Some("python"), None));
    assert_eq!(
        attempts.iter().map(|a| (a.attempt, a.failed_at)).collect::<Vec<_>>(),
        [(2, at(31)), (3, at(32)), (4, at(40))]
    );
    assert!(attempts.iter().all(|attempt| attempt.run == run && attempt.worker.is_some()));
    let named: Vec<_> = attempts.iter().map(|a| (a.worker == Some(known.id), a.worker_name.as_deref())).collect();
    assert_eq!(named, [(true, Some("rack-1")), (false, None), (false, None)]);
    assert!(!attempts[0].why.is_empty());
    assert_eq!(attempts[1].why, "ü: the sandbox broke");

    let mut ids = vec![submission.id];
    for second in 41..=45 {
        ids.push(dead(&*store, owner, second).await.0.id);
    }
    // An attempt of a silent worker is also recorded.
    let (silent, silent_run) = insert(&*store, a_submission().by(owner)).await;
    lease(&*store, silent_run, 46).await;
    store.expire(at(76), at(76), 1, 10).await.unwrap();
    ids.push(silent.id);
    ids.reverse();
    assert_eq!(store.counts(at(77)).await.unwrap().dead, 7);
    let mut listed = Vec::new();
    for page in 0..4 {
        let (letters, total) = store.dead_letters(page * 2, 2).await.unwrap();
        assert_eq!(total, 7);
        listed.extend(letters.iter().map(|letter| letter.submission));
    }
    assert_eq!(listed, ids, "the newest comes first");
    ids.reverse();
    assert_eq!(store.dead_until(at(42), 10).await.unwrap(), ids[..3]);
    assert_eq!(store.dead_until(at(100), 2).await.unwrap(), ids[..2]);
}

pub async fn a_retried_dead_letter_gets_all_attempts_and_one_result<S: Store>(make: impl AsyncFn() -> Subject<S>) {
    let store = make().await;
    let owner = user(&*store).await;
    let (submission, first) = insert(&*store, a_submission().by(owner).priority(PriorityClass::Interactive)).await;
    fail(&*store, first, 1, "one", 2).await;
    let late = lease(&*store, first, 2).await;
    assert_eq!(store.expire(at(32), at(32), 2, 10).await.unwrap().len(), 1);
    let end = Event::finished(submission.id, 2, at(32), Verdict::InternalError);
    let log = store.events(submission.id, Seq::default()).await.unwrap();
    assert_eq!(log, [Event::queued(submission.id, at(0)), end.clone()]);

    let retried = retry_in(&*store, &[submission.id], at(50)).await.unwrap();
    let [run] = &retried[..] else { panic!("{retried:?}") };
    assert_eq!((run.submission, run.attempts, run.hint.owner), (submission.id, 2, owner));
    assert_eq!(run.hint.class, PriorityClass::Interactive, "the retry has the same priority");
    let run = run.hint.run;
    assert_ne!(run, first);
    let record = store.submission(submission.id).await.unwrap().expect("a record");
    assert_eq!((record.run, record.state), (run, RunState::Queued { attempts: 2, lost: 0 }));
    assert!(store.dead_letter(submission.id).await.unwrap().is_none());
    assert_eq!(store.counts(at(50)).await.unwrap().dead, 0);
    assert!(!store.complete(first, late.lease, a_completion(&late, b"late", at(51))).await.unwrap());

    // The retry has as many attempts as the first run.
    fail(&*store, run, 51, "three", 2).await;
    let last = lease(&*store, run, 52).await;
    assert_eq!((last.attempt, last.lost), (4, 1), "attempt numbers continue");
    assert!(store.complete(run, last.lease, a_completion(&last, b"42", at(53))).await.unwrap());
    assert!(!store.complete(run, last.lease, a_completion(&last, b"43", at(54))).await.unwrap());
    assert_eq!(retry(&*store, submission.id, 55).await, None, "a judged submission cannot be retried");
    let log = store.events(submission.id, end.seq).await.unwrap();
    assert!(!log.is_empty() && log.iter().all(|event| event.seq > end.seq), "{log:?}");
    assert_eq!(log.iter().filter(|event| event.kind.is_final()).count(), 1);
    assert_eq!(store.dead_letters(0, 10).await.unwrap(), (Vec::new(), 0));

    // The recorded attempts are the failed attempts of all runs.
    let (again, run) = dead(&*store, owner, 60).await;
    let run = (run, retry(&*store, again.id, 61).await.expect("a run"));
    fail(&*store, run.1, 62, "again", 1).await;
    let (letter, attempts) = store.dead_letter(again.id).await.unwrap().expect("a dead letter");
    assert_eq!((letter.run, letter.attempts), (run.1, 2));
    assert_eq!(attempts.iter().map(|a| (a.attempt, a.run)).collect::<Vec<_>>(), [(1, run.0), (2, run.1)]);
}

pub async fn one_of_many_concurrent_retries_of_a_dead_letter_succeeds<S: Store + 'static>(
    make: impl AsyncFn() -> Subject<S>,
) {
    let store = Arc::new(make().await);
    let owner = user(&**store).await;
    let ids = [dead(&**store, owner, 1).await.0.id, dead(&**store, owner, 2).await.0.id];
    let tasks: Vec<_> = (0..20)
        .map(|n| {
            let store = Arc::clone(&store);
            let ids = if n % 2 == 0 { ids } else { [ids[1], ids[0]] };
            tokio::spawn(async move { retry_in(&**store, &ids, at(10)).await.unwrap() })
        })
        .collect();
    let mut runs = Vec::new();
    for task in tasks {
        runs.extend(task.await.unwrap());
    }
    assert_eq!(runs.len(), 2);
    for run in runs {
        assert_eq!(store.submission(run.submission).await.unwrap().expect("a record").run, run.hint.run);
    }
}

pub async fn purging_a_dead_letter_keeps_the_submission<S: Store>(make: impl AsyncFn() -> Subject<S>) {
    let store = make().await;
    let owner = user(&*store).await;
    let (purged, kept) = (dead(&*store, owner, 1).await, dead(&*store, owner, 2).await);
    assert_eq!(store.purge_dead(&[purged.0.id, SubmissionId::from_uuid(crate::fresh())]).await.unwrap(), 1);
    assert_eq!(store.purge_dead(&[purged.0.id]).await.unwrap(), 0);
    assert!(store.dead_letter(purged.0.id).await.unwrap().is_none());
    assert_eq!(retry(&*store, purged.0.id, 3).await, None);
    let record = store.submission(purged.0.id).await.unwrap().expect("a record");
    assert_eq!(record.state, RunState::Abandoned { attempts: 1 });
    let left: Vec<_> = store.dead_letters(0, 10).await.unwrap().0.iter().map(|letter| letter.submission).collect();
    assert_eq!(left, [kept.0.id]);
}

pub async fn a_rejudge_ends_a_dead_letter<S: Store>(make: impl AsyncFn() -> Subject<S>) {
    let store = make().await;
    let owner = user(&*store).await;
    let problem = super::problems::problem(&*store, 1, |_| {}).await;
    let (submission, run) = super::problems::send(&*store, &problem, owner, Cases::All).await;
    fail(&*store, run, 1, "the sandbox broke", 1).await;
    let package = submission.of_problem().expect("a problem").package;
    assert_eq!(store.dead_letters(0, 1).await.unwrap().1, 1);
    let again = RejudgeOne { submission: submission.id, run: RunId::from_uuid(crate::fresh()) };
    assert_eq!(store.rejudge(vec![again], package, Needs::new(), at(2)).await.unwrap().queued.len(), 1);
    assert_eq!(store.dead_letters(0, 1).await.unwrap().1, 0);
    fail(&*store, again.run, 3, "once more", 1).await;
    // A retried submission still belongs to its problem.
    let third = retry(&*store, submission.id, 4).await.expect("a run");
    let leased = lease(&*store, third, 4).await;
    assert_eq!(leased.submission.of_problem(), submission.of_problem());
}

pub async fn failed_attempts_of_judged_runs_are_deleted<S: Store>(make: impl AsyncFn() -> Subject<S>) {
    let store = make().await;
    let owner = user(&*store).await;
    let (letter, _) = dead(&*store, owner, 1).await;
    for second in [1, 9] {
        let (_, run) = insert(&*store, a_submission().by(owner)).await;
        fail(&*store, run, second, "once", 2).await;
        let leased = lease(&*store, run, second).await;
        assert!(store.complete(run, leased.lease, a_completion(&leased, b"", at(second))).await.unwrap());
    }
    let cutoffs = |second| RetentionCutoffs {
        now: at(second),
        deliveries_before: at(0),
        keys_before: at(0),
        workers_before: at(0),
        failures_before: at(second),
        snippets_before: at(0),
        drafts_before: at(0),
    };
    assert_eq!(store.purge_expired(cutoffs(5), 10).await.unwrap().deleted, 1);
    assert_eq!(store.purge_expired(cutoffs(9), 10).await.unwrap().deleted, 1);
    assert_eq!(store.purge_expired(cutoffs(9), 10).await.unwrap().deleted, 0);
    assert_eq!(store.dead_letter(letter.id).await.unwrap().expect("a dead letter").1.len(), 1);
}
