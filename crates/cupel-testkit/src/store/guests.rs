//! Rules about guests, the temporary accounts of visitors.

#![expect(missing_docs, reason = "the name of each function states its rule")]

use cupel_core::accounts::{NewUser, RefreshSession, Role, Tier};
use cupel_core::{Idempotency, NewSubmissions, RetentionCutoffs, Store};
use cupel_types::{SessionId, UserId};

use super::{at, insert, set_disabled, user};
use crate::Subject;
use crate::builders::{a_submission, a_user, fresh};

/// A guest until this time.
async fn guest(store: &impl Store, until: i64) -> (NewUser, SessionId) {
    let mut new = a_user();
    new.user.username = format!("guest:{}", new.user.id.as_uuid().as_simple());
    new.user.email = String::new();
    new.user.role = Role::Guest;
    new.user.tier = Tier("guest".into());
    let session = RefreshSession {
        id: SessionId::from_uuid(fresh()),
        user: new.user.id,
        token_hash: [1; 32],
        created_at: at(0),
        expires_at: at(until),
        user_agent: None,
    };
    let id = session.id;
    store.insert_guest(new.clone(), session).await.unwrap();
    (new, id)
}

async fn purge(store: &impl Store, now: i64, limit: u32) -> u64 {
    let cutoffs = RetentionCutoffs {
        now: at(now),
        deliveries_before: at(0),
        keys_before: at(0),
        workers_before: at(0),
        failures_before: at(0),
        snippets_before: at(0),
        drafts_before: at(0),
    };
    store.purge_expired(cutoffs, limit).await.unwrap()
}

pub async fn a_guest_is_no_user_among_others<S: Store>(make: impl AsyncFn() -> Subject<S>) {
    let store = make().await;
    let id = user(&*store).await;
    let (guest, session) = guest(&*store, 100).await;
    let found = store.user(guest.user.id).await.unwrap().expect("the guest");
    assert_eq!(
        (found.role, found.tier, found.username.as_str()),
        (Role::Guest, guest.user.tier, &*guest.user.username)
    );
    assert!(store.session_alive(session, at(99)).await.unwrap());
    assert!(!store.session_alive(session, at(100)).await.unwrap());
    assert_eq!(store.count_users().await.unwrap(), 1);
    let listed: Vec<UserId> = store.users(0, 10).await.unwrap().into_iter().map(|user| user.id).collect();
    assert_eq!(listed, [id]);
    assert_eq!(store.user_by_login(&guest.user.username).await.unwrap(), None, "nobody can log in to it");
    assert_eq!(store.users_named(&[guest.user.username]).await.unwrap(), []);
}

pub async fn a_guest_that_has_ended_is_deleted_with_all_its_submissions<S: Store>(make: impl AsyncFn() -> Subject<S>) {
    let store = make().await;
    let other = user(&*store).await;
    let kept = insert(&*store, a_submission().by(other)).await.0.id;
    let (signed_out, session) = guest(&*store, 100).await;
    let (expired, _) = guest(&*store, 50).await;
    let (lasting, _) = guest(&*store, 100).await;
    for id in [signed_out.user.id, expired.user.id, lasting.user.id] {
        for _ in 0..3 {
            insert(&*store, a_submission().by(id)).await;
        }
        let idempotency = Some(Idempotency { key: "k".into(), request_hash: [1; 32], expires_at: at(3600) });
        store.insert(NewSubmissions { idempotency, ..a_submission().by(id).alone() }).await.unwrap();
    }
    store.end_session(session, at(20)).await.unwrap();
    assert_eq!(purge(&*store, 50, 10).await, 2, "the session that was ended and the one that expired");
    // First, the submissions are cancelled, and no others are accepted.
    let mut ended = store.users_to_cancel(None, 10).await.unwrap();
    ended.sort_unstable_by_key(|(_, id)| *id);
    assert_eq!(ended, [(at(50), signed_out.user.id), (at(50), expired.user.id)]);
    assert_eq!(store.list(Some(expired.user.id), 0, 10).await.unwrap().1, 4);
    for (since, id) in ended {
        store.end_cancelling(id, since).await.unwrap();
    }
    // Then they are deleted, in bounded steps.
    let mut steps = 0;
    while purge(&*store, 51, 3).await > 0 {
        steps += 1;
    }
    assert_eq!(steps, 3, "8 submissions and 2 guests, about 3 at a time");
    for id in [signed_out.user.id, expired.user.id] {
        assert_eq!(store.user(id).await.unwrap(), None);
        assert_eq!(store.list(Some(id), 0, 10).await.unwrap().1, 0);
        assert!(store.idempotent(id, "k", at(51)).await.unwrap().is_none());
        assert!(store.webhook_secret(id).await.unwrap().is_none(), "no row is left");
    }
    assert_eq!(store.list(Some(lasting.user.id), 0, 10).await.unwrap().1, 4);
    assert_eq!(store.list(Some(other), 0, 10).await.unwrap().0[0].id, kept);
    assert_eq!(set_disabled(&*store, lasting.user.id, true, 60).await, cupel_core::accounts::AccountChange::Done);
}
