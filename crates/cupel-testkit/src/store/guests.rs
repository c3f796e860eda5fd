//! Rules about guests, the temporary accounts of visitors.

#![expect(missing_docs, reason = "the name of each function states its rule")]

use cupel_core::accounts::{NewUser, RefreshSession, Role, Tier};
use cupel_core::contests::NewClarification;
use cupel_core::{Idempotency, NewSubmissions, Store};
use cupel_types::{ClarificationId, SessionId, UserId};

use super::contests::new_contest;
use super::problems::problem;
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
    let (disabled, _) = guest(&*store, 100).await;
    let (expired, _) = guest(&*store, 50).await;
    let (lasting, _) = guest(&*store, 100).await;
    let large = "#".repeat(3 << 20);
    for (id, submissions, source) in [
        (signed_out.user.id, 3, "print(42)"),
        (disabled.user.id, 59, "print(42)"),
        (expired.user.id, 3, &*large),
        (lasting.user.id, 3, "print(42)"),
    ] {
        let idempotency = Some(Idempotency { key: "k".into(), request_hash: [1; 32], expires_at: at(3600) });
        store.insert(NewSubmissions { idempotency, ..a_submission().by(id).alone() }).await.unwrap();
        for _ in 0..submissions {
            insert(&*store, a_submission().by(id).source(source)).await;
        }
    }
    store.end_session(session, at(20)).await.unwrap();
    set_disabled(&*store, disabled.user.id, true, 30).await;
    let of_guests = [signed_out.user.id, disabled.user.id, expired.user.id];
    assert_eq!(store.forget_guests(at(50)).await.unwrap(), 1, "the session that expired; the others have ended before");
    // First, the submissions are cancelled, and no others are accepted.
    let mut ended = store.users_to_cancel(None, 10).await.unwrap();
    ended.sort_unstable_by_key(|(_, id)| *id);
    assert_eq!(ended, [(at(20), of_guests[0]), (at(30), of_guests[1]), (at(50), of_guests[2])]);
    assert_eq!(store.forget_guests(at(51)).await.unwrap(), 0);
    for (since, id) in ended {
        store.end_cancelling(id, since).await.unwrap();
    }
    // Then they are deleted in steps, which bounds how long other writes wait.
    let mut steps = Vec::new();
    loop {
        match store.forget_guests(at(51)).await.unwrap() {
            0 => break,
            forgotten => steps.push(forgotten),
        }
    }
    assert_eq!(steps, [4, 1, 50, 10, 1, 2, 1, 1, 1], "submissions of a guest, then the guest");
    for id in of_guests {
        assert_eq!(store.user(id).await.unwrap(), None);
        assert_eq!(store.list(Some(id), 0, 10).await.unwrap().1, 0);
        assert!(store.idempotent(id, "k", at(51)).await.unwrap().is_none());
        assert!(store.webhook_secret(id).await.unwrap().is_none(), "no row is left");
    }
    assert_eq!(store.list(Some(lasting.user.id), 0, 10).await.unwrap().1, 4);
    assert_eq!(store.list(Some(other), 0, 10).await.unwrap().0[0].id, kept);
    assert_eq!(set_disabled(&*store, lasting.user.id, true, 60).await, cupel_core::accounts::AccountChange::Done);
}

/// A node of an earlier version treats a guest as a user.
pub async fn what_other_users_see_of_a_guest_is_kept<S: Store>(make: impl AsyncFn() -> Subject<S>) {
    let store = make().await;
    let owner = user(&*store).await;
    let (author, _) = guest(&*store, 10).await;
    let (asker, _) = guest(&*store, 11).await;
    let (other, _) = guest(&*store, 12).await;
    let one = problem(&*store, 1, |new| new.owner = Some(author.user.id)).await;
    let new = new_contest("c", owner, vec![one.id]);
    let contest = new.id;
    store.insert_contest(new, u64::MAX, jiff::Timestamp::UNIX_EPOCH).await.unwrap().unwrap();
    let question = NewClarification {
        id: ClarificationId::from_uuid(fresh()),
        contest,
        asker: asker.user.id,
        place: None,
        is_announcement: false,
        text: "May n be 0?".into(),
        asked_at: at(5),
    };
    assert!(store.ask(question, 2).await.unwrap());
    assert_eq!(store.forget_guests(at(20)).await.unwrap(), 3);
    for (since, id) in store.users_to_cancel(None, 10).await.unwrap() {
        store.end_cancelling(id, since).await.unwrap();
    }
    while store.forget_guests(at(21)).await.unwrap() > 0 {}
    let (questions, _) = store.clarifications(contest, None, 0, 10).await.unwrap();
    assert!(questions[0].asker_name.starts_with("deleted-"), "{}", questions[0].asker_name);
    for id in [author.user.id, asker.user.id, other.user.id] {
        assert_eq!(store.user(id).await.unwrap(), None);
    }
    assert!(store.webhook_secret(other.user.id).await.unwrap().is_none(), "the last guest was removed all the same");
}
