//! Rules about the outbox of webhooks, and about the deletion of old records.

#![expect(missing_docs, reason = "the name of each function states its rule")]

use cupel_core::accounts::{AccountChange, ApiKey, RefreshSession};
use cupel_core::problems::RejudgeOne;
use cupel_core::{Delivery, GivenBack, Idempotency, RetentionCutoffs, Store};
use cupel_types::{RunId, SessionId, SubmissionId, UserId, WebhookId};

use super::accounts::{insert_key, key};
use super::{at, insert, lease, user};
use crate::Subject;
use crate::builders::{a_completion, a_submission, fresh};

const URL: &str = "https://example.test/hook";

async fn take(store: &impl Store, seconds: i64) -> Vec<Delivery> {
    let due = store.due_owners(at(seconds), 100).await.unwrap();
    let owners: Vec<_> = due.iter().flat_map(|(owner, due)| vec![*owner; usize::try_from(*due).unwrap()]).collect();
    store.take_deliveries(at(seconds), at(seconds + 60), &owners).await.unwrap()
}

async fn cancelled(store: &impl Store, owner: UserId, url: &str) -> SubmissionId {
    let (submission, _) = insert(store, a_submission().by(owner).webhook(url)).await;
    store.cancel(submission.id, None, at(0)).await.unwrap();
    submission.id
}

pub async fn every_run_that_ends_queues_one_webhook<S: Store>(make: impl AsyncFn() -> Subject<S>) {
    let store = make().await;
    let owner = user(&*store).await;
    let mut runs = Vec::new();
    for _ in 0..4 {
        runs.push(insert(&*store, a_submission().by(owner).webhook(URL)).await);
    }
    let (silent, _) = insert(&*store, a_submission().by(owner)).await;
    store.cancel(silent.id, None, at(0)).await.unwrap();
    assert!(take(&*store, 0).await.is_empty(), "no submission with a webhook has ended");

    let judged = lease(&*store, runs[0].1, 0).await;
    assert!(store.complete(runs[0].1, judged.lease, a_completion(&judged, b"", at(1))).await.unwrap());
    assert!(!store.complete(runs[0].1, judged.lease, a_completion(&judged, b"", at(1))).await.unwrap());
    store.cancel(runs[1].0.id, None, at(1)).await.unwrap();
    store.cancel(runs[1].0.id, None, at(1)).await.unwrap();
    lease(&*store, runs[2].1, 0).await;
    assert_eq!(store.expire(at(30), at(1), 1, 10).await.unwrap().len(), 1);
    let failed = lease(&*store, runs[3].1, 0).await;
    let given = GivenBack { lost_attempt: true, why: String::new(), now: at(1), due: at(1), attempts_max: 1 };
    store.give_back(runs[3].1, failed.lease, given).await.unwrap();

    let mut posted = take(&*store, 1).await;
    posted.sort_by_key(|d| d.submission);
    assert_eq!(
        posted.iter().map(|d| d.submission).collect::<Vec<_>>(),
        runs.iter().map(|(s, _)| s.id).collect::<Vec<_>>()
    );
    assert!(posted.iter().all(|d| d.url == URL && d.tries == 0 && d.owner == owner));
}

pub async fn a_taken_delivery_is_hidden_until_it_is_due_again<S: Store>(make: impl AsyncFn() -> Subject<S>) {
    let store = make().await;
    let owner = user(&*store).await;
    for _ in 0..3 {
        cancelled(&*store, owner, URL).await;
    }
    assert_eq!(store.take_deliveries(at(0), at(60), &[owner; 2]).await.unwrap().len(), 2);
    assert_eq!(take(&*store, 0).await.len(), 1);
    assert!(take(&*store, 59).await.is_empty());
    assert_eq!(take(&*store, 60).await.len(), 3, "the sender that took them is silent, so they are due again");
}

pub async fn the_oldest_due_deliveries_of_the_listed_owners_are_taken<S: Store>(make: impl AsyncFn() -> Subject<S>) {
    let store = make().await;
    let owners = [user(&*store).await, user(&*store).await, user(&*store).await];
    let mut ended = Vec::new();
    for (second, owner) in owners.iter().rev().cycle().take(6).enumerate() {
        let (submission, _) = insert(&*store, a_submission().by(*owner).webhook(URL)).await;
        store.cancel(submission.id, None, at(second as i64)).await.unwrap();
        ended.push(submission.id);
    }
    assert!(store.due_owners(at(-1), 10).await.unwrap().is_empty());
    let due = store.due_owners(at(3), 10).await.unwrap();
    assert_eq!(due, [(owners[2], 2), (owners[1], 1), (owners[0], 1)]);
    assert_eq!(store.due_owners(at(3), 2).await.unwrap(), due[..2]);
    let take = async |of: &[UserId]| {
        let taken = store.take_deliveries(at(9), at(60), of).await.unwrap();
        let mut taken: Vec<_> = taken.into_iter().map(|delivery| delivery.submission).collect();
        taken.sort_unstable_by_key(|id| ended.iter().position(|of| of == id));
        taken
    };
    assert_eq!(take(&[]).await, []);
    assert_eq!(take(&[owners[0], owners[2]]).await, [ended[0], ended[2]]);
    assert_eq!(take(&[owners[2], owners[1], owners[2], owners[1]]).await, [ended[1], ended[3], ended[4]]);
    assert_eq!(store.due_owners(at(9), 10).await.unwrap(), [(owners[0], 1)]);
}

pub async fn a_failed_delivery_is_retried_until_it_is_given_up<S: Store>(make: impl AsyncFn() -> Subject<S>) {
    let store = make().await;
    let owner = user(&*store).await;
    cancelled(&*store, owner, URL).await;
    let first = take(&*store, 0).await.remove(0);
    store.delivery_failed(&first, at(0), "500", Some(500), Some(at(5))).await.unwrap();
    assert!(take(&*store, 4).await.is_empty());
    let again = take(&*store, 5).await.remove(0);
    assert_eq!((again.id, again.tries), (first.id, 1));
    store.delivery_failed(&again, at(5), "500", Some(500), None).await.unwrap();
    assert!(take(&*store, 9999).await.is_empty(), "the delivery is given up");

    cancelled(&*store, owner, URL).await;
    let good = take(&*store, 0).await.remove(0);
    store.delivered(&good, at(1), 204).await.unwrap();
    store.delivery_failed(&good, at(2), "late", None, Some(at(3))).await.unwrap();
    assert!(take(&*store, 9999).await.is_empty(), "a completed delivery is not sent again");
}

pub async fn a_postponed_delivery_counts_no_attempt<S: Store>(make: impl AsyncFn() -> Subject<S>) {
    let store = make().await;
    let owner = user(&*store).await;
    cancelled(&*store, owner, URL).await;
    let first = take(&*store, 0).await.remove(0);
    store.delivery_failed(&first, at(0), "500", Some(500), Some(at(5))).await.unwrap();
    let postponed = take(&*store, 5).await.remove(0);
    store.postpone_delivery(&postponed, at(90)).await.unwrap();
    // The claim has ended, so its late result changes nothing.
    store.delivered(&postponed, at(6), 200).await.unwrap();
    store.postpone_delivery(&postponed, at(7)).await.unwrap();
    assert!(take(&*store, 89).await.is_empty());
    let (listed, _) = store.deliveries(Some(owner), 0, 10).await.unwrap();
    assert_eq!((listed[0].tries, listed[0].status, listed[0].next_at), (1, Some(500), Some(at(90))));
    let again = take(&*store, 90).await.remove(0);
    assert_eq!((again.id, again.tries), (first.id, 1));
}

pub async fn a_requested_redelivery_outlives_the_attempt_in_progress<S: Store>(make: impl AsyncFn() -> Subject<S>) {
    let store = make().await;
    let owner = user(&*store).await;
    cancelled(&*store, owner, URL).await;
    for way in 0..3 {
        let slow = take(&*store, 0).await.remove(0);
        assert!(store.redeliver(slow.id, Some(owner), at(10)).await.unwrap());
        match way {
            0 => store.delivery_failed(&slow, at(11), "the last attempt", None, None).await.unwrap(),
            1 => store.delivered(&slow, at(11), 200).await.unwrap(),
            _ => assert_eq!(store.receiver_gone(&slow, at(11)).await.unwrap(), 0),
        }
        let again = take(&*store, 11).await.remove(0);
        assert_eq!((again.id, again.tries), (slow.id, 0), "{way}");
        // The late result of the first attempt changes nothing either.
        store.delivery_failed(&slow, at(12), "the last attempt", None, None).await.unwrap();
        store.delivered(&again, at(12), 200).await.unwrap();
        let (listed, _) = store.deliveries(Some(owner), 0, 10).await.unwrap();
        assert_eq!((listed[0].status, listed[0].tries, listed[0].ended_at), (Some(200), 1, Some(at(12))), "{way}");
        assert!(store.redeliver(slow.id, Some(owner), at(0)).await.unwrap());
    }
}

pub async fn a_receiver_that_is_gone_gets_no_more_deliveries_of_the_owner<S: Store>(
    make: impl AsyncFn() -> Subject<S>,
) {
    let store = make().await;
    let (owner, other) = (user(&*store).await, user(&*store).await);
    for _ in 0..3 {
        cancelled(&*store, owner, URL).await;
    }
    let elsewhere = cancelled(&*store, owner, "https://example.test/other").await;
    let others = cancelled(&*store, other, URL).await;
    let taken = take(&*store, 0).await;
    let gone = taken.iter().find(|d| d.owner == owner && d.url == URL).expect("a delivery");
    assert_eq!(store.receiver_gone(gone, at(1)).await.unwrap(), 3);
    let mut left: Vec<_> = take(&*store, 9999).await.into_iter().map(|d| d.submission).collect();
    left.sort_unstable();
    assert_eq!(left, [elsewhere, others]);
}

pub async fn expired_records_are_deleted<S: Store>(make: impl AsyncFn() -> Subject<S>) {
    let store = make().await;
    let owner = user(&*store).await;
    let mut new = a_submission().by(owner).alone();
    new.idempotency = Some(Idempotency { key: "k".into(), request_hash: [1; 32], expires_at: at(10) });
    store.insert(new).await.unwrap();
    let session = |expires: i64| RefreshSession {
        id: SessionId::from_uuid(fresh()),
        user: owner,
        token_hash: [1; 32],
        created_at: at(0),
        expires_at: at(expires),
        user_agent: None,
    };
    let (short, long) = (session(10), session(1000));
    store.insert_session(short.clone(), None).await.unwrap();
    store.insert_session(long.clone(), None).await.unwrap();
    store.rotate_session(short.id, [1; 32], [2; 32], at(1)).await.unwrap().expect("a rotation");
    cancelled(&*store, owner, URL).await;
    let delivery = take(&*store, 0).await.remove(0);
    store.delivered(&delivery, at(5), 200).await.unwrap();

    let cutoffs = |now: i64, deliveries_before: i64| RetentionCutoffs {
        now: at(now),
        deliveries_before: at(deliveries_before),
        keys_before: at(0),
        workers_before: at(0),
        failures_before: at(0),
        snippets_before: at(0),
        drafts_before: at(0),
    };
    assert_eq!(store.purge_expired(cutoffs(4, 4), 100).await.unwrap().deleted, 0);
    assert_eq!(store.purge_expired(cutoffs(10, 5), 100).await.unwrap().deleted, 3);
    assert_eq!(store.purge_expired(cutoffs(10, 5), 100).await.unwrap().deleted, 0);
    assert!(store.session_alive(long.id, at(10)).await.unwrap());
}

pub async fn keys_that_ended_long_ago_are_deleted_in_batches<S: Store>(make: impl AsyncFn() -> Subject<S>) {
    let store = make().await;
    let owner = user(&*store).await;
    let ended = |n, expires: Option<i64>, revoked: Option<i64>| ApiKey {
        expires_at: expires.map(at),
        revoked_at: revoked.map(at),
        ..key(owner, n)
    };
    let keys = [
        ended(1, None, Some(5)),
        ended(2, Some(5), None),
        ended(3, Some(99), Some(4)),
        ended(4, Some(4), Some(99)),
        ended(5, None, None),
        ended(6, Some(6), None),
        ended(7, None, Some(6)),
        ended(8, Some(99), Some(6)),
    ];
    for key in &keys {
        insert_key(&*store, key).await;
    }
    let cutoffs = |keys_before: i64| RetentionCutoffs {
        now: at(100),
        deliveries_before: at(0),
        keys_before: at(keys_before),
        workers_before: at(0),
        failures_before: at(0),
        snippets_before: at(0),
        drafts_before: at(0),
    };
    assert_eq!(store.purge_expired(cutoffs(3), 100).await.unwrap().deleted, 0);
    let mut rounds = 0;
    loop {
        let purged = store.purge_expired(cutoffs(5), 1).await.unwrap();
        assert_eq!(purged.may_have_more, purged.deleted > 0, "the limit is 1");
        if !purged.may_have_more {
            break;
        }
        rounds += 1;
    }
    assert!((2..=4).contains(&rounds), "{rounds} rounds for 4 keys, one or two at a time");
    let left: Vec<_> = store.keys(owner, 100, at(100)).await.unwrap().into_iter().map(|key| key.name).collect();
    assert_eq!(left, ["key 8", "key 7", "key 6", "key 5"]);
    let purged = store.purge_expired(cutoffs(6), 100).await.unwrap();
    assert!(purged.deleted > 0 && !purged.may_have_more, "{purged:?}");
}

pub async fn nothing_is_delivered_for_a_deleted_user<S: Store>(make: impl AsyncFn() -> Subject<S>) {
    let store = make().await;
    let owner = user(&*store).await;
    let (queued, _) = insert(&*store, a_submission().by(owner).webhook(URL)).await;
    let (dead, run) = insert(&*store, a_submission().by(owner).webhook(URL)).await;
    let failed = lease(&*store, run, 0).await;
    let given = GivenBack { lost_attempt: true, why: String::new(), now: at(0), due: at(0), attempts_max: 1 };
    store.give_back(run, failed.lease, given).await.unwrap().unwrap();
    let delivered = take(&*store, 0).await.remove(0);
    store.delivered(&delivered, at(0), 200).await.unwrap();
    cancelled(&*store, owner, URL).await;
    assert_eq!(store.delete_user(owner, at(1)).await.unwrap(), AccountChange::Done);

    // A submission that had not ended, a new run of one that had, and a delivery that is repeated.
    store.cancel(queued.id, None, at(2)).await.unwrap().expect("a submission");
    let again = RejudgeOne { submission: dead.id, run: RunId::from_uuid(fresh()) };
    assert_eq!(store.retry_dead(vec![again], at(2)).await.unwrap().len(), 1);
    store.cancel(dead.id, None, at(2)).await.unwrap().expect("a submission");
    assert!(!store.redeliver(delivered.id, None, at(2)).await.unwrap());
    assert!(take(&*store, 100).await.is_empty());

    for _ in 0..2 {
        store.end_cancelling(owner, at(1)).await.unwrap();
    }
    assert_eq!(store.users_to_cancel(None, 1).await.unwrap(), []);
    assert_eq!(store.deliveries(None, 0, 10).await.unwrap(), (Vec::new(), 0));
}

pub async fn a_user_lists_and_resends_only_own_deliveries<S: Store>(make: impl AsyncFn() -> Subject<S>) {
    let store = make().await;
    let (owner, other) = (user(&*store).await, user(&*store).await);
    let first = cancelled(&*store, owner, URL).await;
    let second = cancelled(&*store, owner, URL).await;
    cancelled(&*store, other, URL).await;
    let taken = take(&*store, 0).await;
    let of = |submission| taken.iter().find(|delivery| delivery.submission == submission).unwrap();
    store.delivered(of(first), at(1), 204).await.unwrap();
    store.delivery_failed(of(second), at(2), "the receiver answered 500", Some(500), None).await.unwrap();

    let (listed, total) = store.deliveries(Some(owner), 0, 10).await.unwrap();
    assert_eq!((listed.len(), total), (2, 2));
    assert_eq!(store.deliveries(None, 0, 10).await.unwrap().1, 3);
    let (last, rest) = (store.deliveries(Some(owner), 1, 1).await.unwrap().0, &listed[1..]);
    assert_eq!(last, rest);
    let one = |id| listed.iter().find(|delivery| delivery.id == id).unwrap();
    let (taken_well, failed) = (one(of(first).id), one(of(second).id));
    assert_eq!((taken_well.status, taken_well.ended_at, taken_well.tries), (Some(204), Some(at(1)), 1));
    assert_eq!((failed.status, failed.next_at), (Some(500), None));
    assert_eq!(failed.error.as_deref(), Some("the receiver answered 500"));

    assert!(!store.redeliver(of(second).id, Some(other), at(3)).await.unwrap(), "another user's delivery");
    assert!(take(&*store, 3).await.is_empty());
    assert!(store.redeliver(of(second).id, Some(owner), at(3)).await.unwrap());
    assert!(store.redeliver(of(first).id, None, at(3)).await.unwrap(), "a completed delivery can be resent, too");
    let mut again: Vec<_> = take(&*store, 3).await.into_iter().map(|delivery| (delivery.id, delivery.tries)).collect();
    again.sort_unstable();
    let mut expected = vec![(of(first).id, 0), (of(second).id, 0)];
    expected.sort_unstable();
    assert_eq!(again, expected);
    assert!(!store.redeliver(WebhookId::from_uuid(fresh()), None, at(3)).await.unwrap());
}
