//! Rules about repeated requests, lists and counts.

#![expect(missing_docs, reason = "the name of each function states its rule")]

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use cupel_core::run::RunState;
use cupel_core::{Idempotency, IdempotencyRecord, Inserted, NewSubmissions, Store};
use cupel_types::{Bytes, SubmissionId, Verdict};

use super::{at, insert, lease, lease_id, user, worker};
use crate::Subject;
use crate::builders::{a_completion, a_submission};

fn keyed(submissions: usize, owner: cupel_types::UserId, hash: u8) -> NewSubmissions {
    NewSubmissions {
        is_awaited: false,
        also_needs: cupel_core::Needs::new(),
        submissions: (0..submissions).map(|_| a_submission().by(owner).build()).collect(),
        idempotency: Some(Idempotency { key: "k".into(), request_hash: [hash; 32], expires_at: at(3600) }),
    }
}

pub async fn a_repeated_request_returns_the_submissions_of_the_first<S: Store>(make: impl AsyncFn() -> Subject<S>) {
    let store = make().await;
    let (owner, other) = (user(&*store).await, user(&*store).await);
    let first = keyed(3, owner, 1);
    let ids: Vec<SubmissionId> = first.submissions.iter().map(|(s, _)| s.id).collect();
    let record = IdempotencyRecord { request_hash: [1; 32], submissions: ids };
    assert_eq!(store.idempotent(owner, "k", at(0)).await.unwrap(), None);
    assert_eq!(store.insert(first).await.unwrap(), Inserted::New);
    assert_eq!(store.idempotent(owner, "k", at(0)).await.unwrap(), Some(record.clone()));
    assert_eq!(
        store.insert(keyed(3, owner, 2)).await.unwrap(),
        Inserted::Repeated(record),
        "even if the repeated request differs"
    );
    assert_eq!(store.insert(keyed(1, other, 1)).await.unwrap(), Inserted::New, "another owner may use the same key");
    assert_eq!(store.list(Some(owner), 0, 10).await.unwrap().1, 3);
    assert_eq!(store.idempotent(owner, "k", at(3600)).await.unwrap(), None, "the key has expired");
    let mut late = keyed(1, owner, 3);
    late.submissions[0].0.submitted_at = at(3600);
    assert_eq!(store.insert(late).await.unwrap(), Inserted::New, "an expired key can be used again");
}

pub async fn one_of_many_concurrent_equal_requests_inserts<S: Store + 'static>(make: impl AsyncFn() -> Subject<S>) {
    let store = Arc::new(make().await);
    let owner = user(&**store).await;
    let tasks: Vec<_> = (0..50)
        .map(|_| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                let new = keyed(1, owner, 1);
                let mine = new.submissions[0].0.id;
                match store.insert(new).await.unwrap() {
                    Inserted::New => (mine, true),
                    Inserted::Repeated(record) => (record.submissions[0], false),
                    Inserted::OwnerDisabled => panic!("the owner is not disabled"),
                }
            })
        })
        .collect();
    let (mut ids, mut new) = (HashSet::new(), 0);
    for task in tasks {
        let (id, first) = task.await.unwrap();
        ids.insert(id);
        new += u32::from(first);
    }
    assert_eq!((new, ids.len()), (1, 1));
}

pub async fn lists_are_newest_first_and_limited_to_the_owner<S: Store>(make: impl AsyncFn() -> Subject<S>) {
    let store = make().await;
    let (owner, other) = (user(&*store).await, user(&*store).await);
    let mut ids = Vec::new();
    for i in 0..5 {
        let (submission, run) = insert(&*store, a_submission().by(owner).submitted_at(at(i))).await;
        ids.insert(0, submission.id);
        if i == 4 {
            let leased = lease(&*store, run, 5).await;
            assert!(store.complete(run, leased.lease, a_completion(&leased, b"", at(6))).await.unwrap());
        }
    }
    insert(&*store, a_submission().by(other)).await;
    let (page, total) = store.list(Some(owner), 0, 3).await.unwrap();
    assert_eq!((page.iter().map(|s| s.id).collect::<Vec<_>>(), total), (ids[..3].to_vec(), 5));
    assert_eq!(page[0].state, RunState::Judged { attempts: 1, verdict: Verdict::Accepted });
    assert_eq!((page[0].completed_at, page[0].memory), (Some(at(6)), Some(Bytes::mib(9))));
    assert_eq!((page[0].cpu_time, page[1].cpu_time), (Some(Duration::from_micros(12_345)), None));
    assert_eq!((page[0].is_exact, page[1].is_exact), (true, false), "no hidden case ran, and nothing ran");
    assert_eq!((page[1].submitted_at, page[1].language.as_ref().map(|l| l.as_str())), (at(3), Some("python")));
    let (page, total) = store.list(Some(owner), 3, 3).await.unwrap();
    assert_eq!((page.iter().map(|s| s.id).collect::<Vec<_>>(), total), (ids[3..].to_vec(), 5));
    assert_eq!(store.list(Some(owner), u64::MAX, u64::MAX).await.unwrap().0.len(), 0);
    assert_eq!(store.list(None, 0, 10).await.unwrap().1, 6);
}

pub async fn counts_include_waiting_and_running_runs<S: Store>(make: impl AsyncFn() -> Subject<S>) {
    let store = make().await;
    let owner = user(&*store).await;
    assert_eq!(store.counts(at(0)).await.unwrap(), cupel_core::RunCounts::default());
    let (held, first) = insert(&*store, a_submission().by(owner)).await;
    insert(&*store, a_submission().by(owner).submitted_at(at(2))).await;
    insert(&*store, a_submission().by(owner).run_at(at(100))).await;
    let holder = worker();
    store.lease(first, lease_id(), holder, at(3), at(33), None).await.unwrap().expect("a lease");
    let counts = store.counts(at(5)).await.unwrap();
    assert_eq!((counts.queued, counts.scheduled, counts.leased, counts.oldest_due_at), (1, 1, 1, Some(at(2))));
    assert_eq!(store.counts(at(100)).await.unwrap().queued, 2);
    let running = store.running(10).await.unwrap();
    let shown = |run: &cupel_core::RunningRun| {
        let language = run.language.as_ref().map(ToString::to_string);
        (run.submission, language, run.attempt, run.started_at, run.worker, run.worker_name.clone())
    };
    let language = Some("python".to_owned());
    assert_eq!(running.iter().map(shown).collect::<Vec<_>>(), [(held.id, language, 1, at(3), holder, None)]);
    assert_eq!(store.running(0).await.unwrap(), []);
    assert_eq!(store.scheduled_of(owner, at(5)).await.unwrap(), 1);
    assert_eq!(store.scheduled_of(owner, at(100)).await.unwrap(), 0);
    assert_eq!(store.scheduled_of(user(&*store).await, at(5)).await.unwrap(), 0, "only the owner's runs count");
    store.ping().await.unwrap();
}
