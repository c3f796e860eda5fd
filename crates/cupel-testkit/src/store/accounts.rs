//! Rules about users, keys and sessions.

#![expect(missing_docs, reason = "the name of each function states its rule")]

use std::sync::Arc;

use cupel_core::accounts::{
    AccessEnded, AccountChange, ApiKey, CredentialId, KeyBounds, KeyRefused, RefreshSession, Role, Scope, Tier,
};
use cupel_core::{Store, UserTaken};
use cupel_types::{ApiKeyId, SessionId, UserId};

use super::{at, set_access, set_disabled, user};
use crate::Subject;
use crate::builders::{a_user, fresh};

pub async fn names_and_addresses_are_unique_ignoring_case<S: Store>(make: impl AsyncFn() -> Subject<S>) {
    let store = make().await;
    let mut ada = a_user();
    ada.user.username = "Ada".into();
    ada.user.email = "Ada@Users.Example".into();
    assert_eq!(store.insert_user(ada.clone()).await.unwrap(), Ok(ada.user.clone()));
    let with = |name: &str, email: &str| {
        let mut new = a_user();
        new.user.username = name.into();
        new.user.email = email.into();
        new
    };
    assert_eq!(store.insert_user(with("aDA", "b@users.example")).await.unwrap(), Err(UserTaken::Username));
    assert_eq!(store.insert_user(with("bob", "ADA@users.example")).await.unwrap(), Err(UserTaken::Email));
    for login in ["ada", "ADA", "ada@users.example", "Ada@Users.Example"] {
        let (found, hash) = store.user_by_login(login).await.unwrap().expect("Ada");
        assert_eq!((found, hash), (ada.user.clone(), ada.password_hash.clone()));
    }
    assert!(store.user_by_login("bob").await.unwrap().is_none());
    let id = ada.user.id;
    assert_eq!(store.user(id).await.unwrap(), Some(ada.user));
    assert_eq!(store.count_users().await.unwrap(), 1);
    // Only names are compared, no e-mail addresses.
    let named = ["bob", "aDA", "ada@users.example"].map(str::to_owned);
    assert_eq!(store.users_named(&named).await.unwrap(), [(id, "Ada".to_owned(), Role::User)]);
    assert!(store.users_named(&[]).await.unwrap().is_empty());
}

pub async fn access_and_password_of_a_user_can_be_changed<S: Store>(make: impl AsyncFn() -> Subject<S>) {
    let store = make().await;
    let id = user(&*store).await;
    assert_eq!(set_access(&*store, id, Role::Admin, Tier("large".into())).await, AccountChange::Done);
    let now = store.user(id).await.unwrap().expect("the user");
    assert_eq!((now.role, now.tier.0.as_str()), (Role::Admin, "large"));
    assert_eq!(store.webhook_secret(id).await.unwrap(), Some([7; 32]));
    assert!(store.change_password(id, None, "another".into(), None, at(1)).await.unwrap());
    let (found, hash) = store.user_by_login(&now.username).await.unwrap().expect("the user");
    assert_eq!((found.role, hash.as_str()), (Role::Admin, "another"));
    let nobody = UserId::from_uuid(fresh());
    for role in [Role::Admin, Role::User] {
        assert_eq!(set_access(&*store, nobody, role, Tier::default()).await, AccountChange::NoSuchUser);
    }
    assert!(!store.change_password(nobody, None, "another".into(), None, at(1)).await.unwrap());
    assert_eq!(store.webhook_secret(nobody).await.unwrap(), None);
    assert_eq!(store.user(nobody).await.unwrap(), None);
}

pub async fn users_are_listed_in_creation_order_and_paginated<S: Store>(make: impl AsyncFn() -> Subject<S>) {
    let store = make().await;
    assert!(store.users(0, 10).await.unwrap().is_empty());
    let mut all = Vec::new();
    for n in 0..5 {
        let mut new = a_user();
        // Users with the same time of creation are ordered by id.
        new.user.created_at = at(n / 2);
        all.push(store.insert_user(new).await.unwrap().unwrap());
    }
    all.sort_by_key(|user| (user.created_at, user.id));
    assert_eq!(store.users(0, 10).await.unwrap(), all);
    assert_eq!(store.users(1, 2).await.unwrap(), all[1..3]);
    assert_eq!(store.users(4, 2).await.unwrap(), all[4..]);
    assert!(store.users(5, 2).await.unwrap().is_empty());
    assert!(store.users(u64::MAX, u64::MAX).await.unwrap().is_empty());
}

/// Returns a valid API key.
pub(super) fn key(owner: UserId, n: u8) -> ApiKey {
    ApiKey {
        id: ApiKeyId::from_uuid(fresh()),
        owner,
        name: format!("key {n}"),
        secret_hash: [n; 32],
        scopes: vec![Scope::RunsRead, Scope::RunsWrite],
        created_at: at(i64::from(n)),
        expires_at: None,
        last_used_at: None,
        revoked_at: None,
    }
}

/// Inserts a key within the default bounds.
pub(super) async fn insert_key(store: &impl Store, key: &ApiKey) {
    store.insert_key(key.clone(), None, KeyBounds::default()).await.unwrap().unwrap();
}

pub async fn keys_are_listed_and_revoked_only_for_their_owner<S: Store>(make: impl AsyncFn() -> Subject<S>) {
    let store = make().await;
    let (owner, other) = (user(&*store).await, user(&*store).await);
    let keys = [key(owner, 1), ApiKey { expires_at: Some(at(99)), ..key(owner, 2) }, key(other, 3)];
    for key in &keys {
        insert_key(&*store, key).await;
    }
    assert_eq!(store.key(keys[1].id).await.unwrap().as_ref(), Some(&keys[1]));
    assert_eq!(store.keys(owner, 9, at(5)).await.unwrap(), [keys[1].clone(), keys[0].clone()]);
    assert!(!store.revoke_key(other, keys[0].id, at(5)).await.unwrap(), "another user's key");
    assert!(store.revoke_key(owner, keys[0].id, at(5)).await.unwrap());
    assert!(store.revoke_key(owner, keys[0].id, at(6)).await.unwrap());
    store.touch_key(keys[1].id, at(7)).await.unwrap();
    assert_eq!(store.key(keys[0].id).await.unwrap().expect("the key").revoked_at, Some(at(5)));
    assert_eq!(store.key(keys[1].id).await.unwrap().expect("the key").last_used_at, Some(at(7)));
    assert_eq!(store.key(ApiKeyId::from_uuid(fresh())).await.unwrap(), None);
}

/// The names of the listed keys of an owner.
async fn key_names(store: &impl Store, owner: UserId, most: u64, seconds: i64) -> Vec<String> {
    store.keys(owner, most, at(seconds)).await.unwrap().into_iter().map(|key| key.name).collect()
}

pub async fn concurrent_insertions_of_keys_do_not_exceed_the_maximum<S: Store + 'static>(
    make: impl AsyncFn() -> Subject<S>,
) {
    let store = Arc::new(make().await);
    let (owner, other) = (user(&**store).await, user(&**store).await);
    let bounds = KeyBounds { live_max: 3, stored_max: 100 };
    let tasks: Vec<_> = (0..12)
        .map(|n| {
            let (store, key) = (Arc::clone(&store), key(owner, n));
            tokio::spawn(async move { store.insert_key(key, None, bounds).await.unwrap() })
        })
        .collect();
    let mut inserted = 0;
    for task in tasks {
        inserted += usize::from(task.await.unwrap().is_ok());
    }
    let keys = store.keys(owner, 100, at(20)).await.unwrap();
    assert_eq!((inserted, keys.len()), (3, 3));
    assert_eq!(store.insert_key(key(other, 20), None, bounds).await.unwrap(), Ok(()), "another owner");
    // A key that was revoked or has expired no longer counts.
    assert!(store.revoke_key(owner, keys[0].id, at(20)).await.unwrap());
    let short = ApiKey { expires_at: Some(at(30)), ..key(owner, 20) };
    assert_eq!(store.insert_key(short, None, bounds).await.unwrap(), Ok(()));
    assert_eq!(store.insert_key(key(owner, 29), None, bounds).await.unwrap(), Err(KeyRefused::TooMany));
    assert_eq!(store.insert_key(key(owner, 30), None, bounds).await.unwrap(), Ok(()));
}

/// Otherwise, a client that creates keys which expire at once could fill the store.
pub async fn the_oldest_revoked_and_expired_keys_beyond_the_maximum_are_deleted<S: Store>(
    make: impl AsyncFn() -> Subject<S>,
) {
    let store = make().await;
    let (owner, other) = (user(&*store).await, user(&*store).await);
    let bounds = KeyBounds { live_max: 3, stored_max: 4 };
    let insert = async |key: ApiKey| assert_eq!(store.insert_key(key, None, bounds).await.unwrap(), Ok(()));
    let expiring = |owner, n: u8| ApiKey { expires_at: Some(at(i64::from(n) + 1)), ..key(owner, n) };
    insert(key(owner, 1)).await;
    insert(expiring(other, 1)).await;
    for n in 2..10 {
        insert(expiring(owner, n)).await;
    }
    assert_eq!(key_names(&*store, owner, 9, 10).await, ["key 9", "key 8", "key 7", "key 1"]);
    // The revoked key is older than the expired ones.
    let revoked = store.keys(owner, 9, at(10)).await.unwrap()[3].id;
    assert!(store.revoke_key(owner, revoked, at(10)).await.unwrap());
    insert(key(owner, 10)).await;
    assert_eq!(key_names(&*store, owner, 9, 10).await, ["key 10", "key 9", "key 8", "key 7"]);
    for n in 11..13 {
        insert(key(owner, n)).await;
    }
    assert_eq!(key_names(&*store, owner, 9, 20).await, ["key 12", "key 11", "key 10", "key 9"]);
    assert_eq!(key_names(&*store, other, 9, 20).await, ["key 1"], "another owner's keys stay");
}

/// A database of an earlier version may have more keys than the maximum.
pub async fn a_bounded_list_of_keys_has_all_valid_keys<S: Store>(make: impl AsyncFn() -> Subject<S>) {
    let store = make().await;
    let owner = user(&*store).await;
    for n in 1..=6 {
        let expires_at = [None, Some(at(9))][usize::from(n > 2)];
        insert_key(&*store, &ApiKey { expires_at, ..key(owner, n) }).await;
    }
    assert_eq!(key_names(&*store, owner, 3, 9).await, ["key 6", "key 2", "key 1"]);
    assert_eq!(key_names(&*store, owner, 3, 8).await, ["key 6", "key 5", "key 4"], "all are valid");
}

pub async fn only_a_valid_credential_of_an_enabled_owner_creates_a_key<S: Store>(make: impl AsyncFn() -> Subject<S>) {
    let store = make().await;
    let (session, other) = (session(&*store).await, session(&*store).await);
    let owner = session.user;
    let (lasting, limited) = (key(owner, 1), ApiKey { expires_at: Some(at(50)), ..key(owner, 2) });
    for key in [&lasting, &limited] {
        insert_key(&*store, key).await;
    }
    let insert = async |creator, seconds| {
        let key = ApiKey { created_at: at(seconds), ..key(owner, 9) };
        store.insert_key(key, Some(creator), KeyBounds::default()).await.unwrap()
    };
    let by_session = CredentialId::Session(session.id);
    let (by_key, by_limited) = (CredentialId::Key(lasting.id), CredentialId::Key(limited.id));
    let refused = |ended| Err(KeyRefused::NoAccess(ended));
    for creator in [by_session, by_key, by_limited] {
        assert_eq!(insert(creator, 49).await, Ok(()), "{creator:?}");
    }
    assert_eq!(insert(by_limited, 50).await, refused(AccessEnded::Key), "expired");
    assert_eq!(insert(CredentialId::Session(other.id), 49).await, refused(AccessEnded::Session), "another user's");
    assert!(store.revoke_key(owner, lasting.id, at(50)).await.unwrap());
    assert_eq!(insert(by_key, 51).await, refused(AccessEnded::Key));
    assert_eq!(set_disabled(&*store, owner, true, 52).await, AccountChange::Done);
    assert_eq!(insert(by_session, 53).await, refused(AccessEnded::Account));
    assert_eq!(set_disabled(&*store, owner, false, 54).await, AccountChange::Done);
    assert_eq!(insert(by_session, 55).await, refused(AccessEnded::Session), "ended when the user was disabled");
    assert_eq!(store.keys(owner, 9, at(55)).await.unwrap().len(), 5, "a refusal inserts nothing");
}

async fn session(store: &impl Store) -> RefreshSession {
    let session = RefreshSession {
        id: SessionId::from_uuid(fresh()),
        user: user(store).await,
        token_hash: [1; 32],
        created_at: at(0),
        expires_at: at(100),
        user_agent: None,
    };
    assert!(store.insert_session(session.clone(), None).await.unwrap());
    session
}

pub async fn a_refresh_token_is_valid_once_and_its_reuse_ends_the_session<S: Store>(
    make: impl AsyncFn() -> Subject<S>,
) {
    let store = make().await;
    let session = session(&*store).await;
    let rotate =
        async |old, new, seconds| store.rotate_session(session.id, [old; 32], [new; 32], at(seconds)).await.unwrap();
    let rotated = rotate(1, 2, 1).await.expect("the first use");
    assert_eq!((rotated.user.id, rotated.expires_at), (session.user, at(100)));
    assert_eq!(rotate(9, 8, 2).await, None, "an unknown token");
    assert!(store.session_alive(session.id, at(2)).await.unwrap(), "a wrong guess does not end the session");
    assert!(rotate(2, 3, 3).await.is_some());
    assert_eq!(rotate(1, 4, 4).await, None, "a used token counts as stolen");
    assert!(!store.session_alive(session.id, at(4)).await.unwrap());
    assert_eq!(rotate(3, 5, 5).await, None, "the current token is invalid, too");
}

pub async fn ended_and_expired_sessions_are_not_alive<S: Store>(make: impl AsyncFn() -> Subject<S>) {
    let store = make().await;
    let (ended, expired) = (session(&*store).await, session(&*store).await);
    let of_old_password = session(&*store).await;
    assert!(store.change_password(of_old_password.user, None, "another".into(), None, at(1)).await.unwrap());
    assert!(!store.session_alive(of_old_password.id, at(1)).await.unwrap());
    assert!(store.session_alive(ended.id, at(1)).await.unwrap());
    store.end_session(ended.id, at(1)).await.unwrap();
    store.end_session(ended.id, at(2)).await.unwrap();
    assert!(!store.session_alive(ended.id, at(1)).await.unwrap());
    assert_eq!(store.rotate_session(ended.id, [1; 32], [2; 32], at(1)).await.unwrap(), None);
    assert!(store.session_alive(expired.id, at(99)).await.unwrap());
    assert!(!store.session_alive(expired.id, at(100)).await.unwrap());
    assert_eq!(store.rotate_session(expired.id, [1; 32], [2; 32], at(100)).await.unwrap(), None);
    assert!(!store.session_alive(SessionId::from_uuid(fresh()), at(0)).await.unwrap());
}

pub async fn a_credential_is_valid_for_its_user_until_it_ends<S: Store>(make: impl AsyncFn() -> Subject<S>) {
    let store = make().await;
    let (session, other) = (session(&*store).await, user(&*store).await);
    let owner = session.user;
    let (unlimited, limited) = (key(owner, 1), ApiKey { expires_at: Some(at(50)), ..key(owner, 2) });
    for key in [&unlimited, &limited] {
        insert_key(&*store, key).await;
    }
    let of = async |user, credential, seconds| {
        let found = store.user_with(user, credential, at(seconds)).await.unwrap();
        found.map(|(found, is_valid)| {
            assert_eq!(found.id, user);
            is_valid
        })
    };
    let by_session = CredentialId::Session(session.id);
    let (by_key, by_limited) = (CredentialId::Key(unlimited.id), CredentialId::Key(limited.id));
    for credential in [by_session, by_key, by_limited] {
        assert_eq!(of(owner, credential, 49).await, Some(true));
        assert_eq!(of(other, credential, 49).await, Some(false), "another user's credential");
    }
    assert_eq!((of(owner, by_limited, 50).await, of(owner, by_key, 50).await), (Some(false), Some(true)), "expired");
    assert_eq!((of(owner, by_session, 99).await, of(owner, by_session, 100).await), (Some(true), Some(false)));
    store.end_session(session.id, at(5)).await.unwrap();
    assert!(store.revoke_key(owner, unlimited.id, at(5)).await.unwrap());
    assert_eq!((of(owner, by_session, 6).await, of(owner, by_key, 6).await), (Some(false), Some(false)), "ended");
    let unknown =
        [CredentialId::Session(SessionId::from_uuid(fresh())), CredentialId::Key(ApiKeyId::from_uuid(fresh()))];
    for credential in unknown {
        assert_eq!(of(owner, credential, 0).await, Some(false));
    }
    assert_eq!(of(owner, CredentialId::Keyless, 0).await, Some(true));
    assert_eq!(store.delete_user(owner, at(7)).await.unwrap(), AccountChange::Done);
    for credential in [by_session, by_key, CredentialId::Keyless] {
        assert_eq!(of(owner, credential, 8).await, None, "the user was deleted");
    }
}
