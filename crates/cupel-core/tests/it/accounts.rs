//! Registration, login, sessions and API keys.

use std::time::Duration;

use cupel_core::accounts::{
    Access, AccessEnded, AccountChange, ChangePasswordError, CreateKeyError, CredentialId, KeyError, LoginError,
    NewAccount, NewKey, RefreshError, RegisterError, Role, Scope, TicketUse, Tier,
};
use cupel_core::{AuthenticatedUser, Clock as _, UserTaken};

use super::App;

fn ada() -> NewAccount {
    NewAccount { username: "Ada".into(), email: Some("ada@users.example".into()), password: "correct horse".into() }
}

#[tokio::test]
async fn a_user_logs_in_by_name_or_address_and_only_with_the_password() {
    let app = App::start().await;
    let accounts = app.accounts();
    let user = accounts.register(ada()).await.unwrap();
    assert_eq!((user.role, user.tier.clone()), (Role::User, Tier("basic".into())));
    for login in ["ada", "ADA@users.example"] {
        let login = accounts.login(login, "correct horse").await.unwrap();
        assert_eq!(login.user, user);
        assert!(accounts.session_alive(login.session).await.unwrap());
    }
    for (login, password) in [
        ("ada", "correct horsf"),
        ("ada", ""),
        ("nobody", "correct horse"),
        ("", ""),
        ("\0", "\0"),
        ("ada", &"x".repeat(100_000)),
    ] {
        let refused = accounts.login(login, password).await.err().expect("a refusal");
        assert!(matches!(refused, LoginError::Wrong), "{refused:?}");
        assert_eq!(refused.to_string(), "the user name or the password is wrong");
    }
}

#[tokio::test]
async fn names_and_addresses_are_unique_and_all_invalid_fields_are_reported_together() {
    let app = App::start().await;
    let accounts = app.accounts();
    accounts.register(ada()).await.unwrap();
    let by_name = accounts.register(NewAccount { email: Some("b@users.example".into()), ..ada() }).await;
    assert!(matches!(by_name, Err(RegisterError::Taken(UserTaken::Username))));
    let by_address = accounts.register(NewAccount { username: "bob".into(), ..ada() }).await;
    assert!(matches!(by_address, Err(RegisterError::Taken(UserTaken::Email))));
    let bad = NewAccount { username: "a".into(), email: Some("b".into()), password: "c".into() };
    match accounts.register(bad).await {
        Err(RegisterError::Invalid(faults)) => assert_eq!(faults.len(), 3),
        other => panic!("{other:?}"),
    }
    let secrets = [accounts.find_user("ada").await.unwrap().expect("Ada").id, app.owner];
    assert_ne!(accounts.webhook_secret(secrets[0]).await.unwrap(), accounts.webhook_secret(secrets[1]).await.unwrap());
}

#[tokio::test]
async fn of_two_concurrent_changes_of_a_password_one_succeeds() {
    let app = App::start().await;
    let accounts = app.accounts();
    let user = accounts.register(ada()).await.unwrap();
    let change = |new| accounts.change_password(&user, "correct horse", new, None);
    let (one, other) = tokio::join!(change("first new one"), change("second new one"));
    assert_eq!([&one, &other].iter().filter(|changed| changed.is_ok()).count(), 1, "{one:?} {other:?}");
    for refused in [one, other].into_iter().filter_map(Result::err) {
        assert!(matches!(refused, ChangePasswordError::Wrong), "{refused:?}");
    }
}

#[tokio::test]
async fn a_session_refreshes_until_it_ends_and_a_reused_token_ends_it() {
    let app = App::start().await;
    let accounts = app.accounts();
    accounts.register(ada()).await.unwrap();
    let login = accounts.login("ada", "correct horse").await.unwrap();
    let second = accounts.refresh(&login.refresh_token).await.unwrap();
    assert_eq!((second.session, second.expires_at), (login.session, login.expires_at));
    let third = accounts.refresh(&second.refresh_token).await.unwrap();
    assert!(matches!(accounts.refresh(&login.refresh_token).await, Err(RefreshError::Invalid)));
    assert!(!accounts.session_alive(login.session).await.unwrap());
    assert!(matches!(accounts.refresh(&third.refresh_token).await, Err(RefreshError::Invalid)));
    assert!(matches!(accounts.refresh("cur_nonsense").await, Err(RefreshError::Invalid)));

    let login = accounts.login("ada", "correct horse").await.unwrap();
    accounts.logout(login.session).await.unwrap();
    assert!(!accounts.session_alive(login.session).await.unwrap());
    assert!(matches!(accounts.refresh(&login.refresh_token).await, Err(RefreshError::Invalid)));

    let login = accounts.login("ada", "correct horse").await.unwrap();
    app.clock.advance(Duration::from_secs(31 * 24 * 3600));
    assert!(matches!(accounts.refresh(&login.refresh_token).await, Err(RefreshError::Invalid)));
}

fn a_key() -> NewKey {
    NewKey { name: "ci".into(), scopes: vec![Scope::RunsWrite, Scope::RunsRead, Scope::RunsRead], expires_at: None }
}

#[tokio::test]
async fn a_key_is_valid_until_it_is_revoked_or_expires() {
    let app = App::start().await;
    let accounts = app.accounts();
    let user = accounts.register(ada()).await.unwrap();
    let (key, text) = accounts.create_key(&user, a_key()).await.unwrap();
    assert!(text.starts_with("cup_") && text.is_ascii(), "the form of a key");
    let (found, owner) = accounts.authenticate_key(&text).await.unwrap();
    assert_eq!((found.id, owner, found.scopes), (key.id, user.clone(), vec![Scope::RunsRead, Scope::RunsWrite]));
    assert_eq!(accounts.keys(user.id).await.unwrap()[0].last_used_at, Some(app.clock.now()), "its use is recorded");

    let (_, other) = accounts.create_key(&user, a_key()).await.unwrap();
    let forged = {
        // The text combines the id of one key with the secret and the checksum of the other, so the checksum is wrong.
        let (a, b): (Vec<&str>, Vec<&str>) = (text.splitn(3, '_').collect(), other.splitn(3, '_').collect());
        format!("cup_{}_{}", a[1], b[2])
    };
    for bad in [forged.as_str(), "cup_", "", "Bearer x"] {
        assert!(matches!(accounts.authenticate_key(bad).await, Err(KeyError::Unknown)), "{bad}");
    }
    assert!(accounts.revoke_key(user.id, key.id).await.unwrap());
    assert!(!accounts.revoke_key(app.owner, key.id).await.unwrap());
    assert!(matches!(accounts.authenticate_key(&text).await, Err(KeyError::Revoked)));

    let expires_at = Some(app.clock.now() + Duration::from_secs(60));
    let (_, short) = accounts.create_key(&user, NewKey { expires_at, ..a_key() }).await.unwrap();
    assert!(accounts.authenticate_key(&short).await.is_ok());
    app.clock.advance(Duration::from_secs(60));
    assert!(matches!(accounts.authenticate_key(&short).await, Err(KeyError::Expired)));
}

#[tokio::test]
async fn a_revoked_or_expired_key_is_listed_for_90_more_days() {
    let app = App::start().await;
    let accounts = app.accounts();
    let user = accounts.register(ada()).await.unwrap();
    let day = Duration::from_secs(24 * 3600);
    let expires_at = Some(app.clock.now() + day);
    let new = |name: &str, expires_at| NewKey { name: name.into(), scopes: vec![Scope::RunsRead], expires_at };
    accounts.create_key(&user, new("expires", expires_at)).await.unwrap();
    accounts.create_key(&user, new("stays", None)).await.unwrap();
    let (revoked, _) = accounts.create_key(&user, new("revoked", None)).await.unwrap();
    app.clock.advance(day);
    accounts.revoke_key(user.id, revoked.id).await.unwrap();
    for (days, listed) in [(89, &["revoked", "stays", "expires"][..]), (2, &["stays"])] {
        app.clock.advance(days * day);
        // The sweeper removes old records only in every 60th sweep.
        for _ in 0..60 {
            app.core.sweep().await.unwrap();
        }
        let names: Vec<_> = accounts.keys(user.id).await.unwrap().into_iter().map(|key| key.name).collect();
        assert_eq!(names, listed);
    }
}

#[tokio::test]
async fn a_key_needs_a_name_and_is_bounded_by_its_owners_role_and_quota() {
    let app = App::start().await;
    let accounts = app.accounts();
    let user = accounts.register(ada()).await.unwrap();
    let bad = NewKey { name: String::new(), scopes: vec![Scope::Admin], expires_at: Some(app.clock.now()) };
    let pointers = |result: Result<_, CreateKeyError>| match result {
        Err(CreateKeyError::Invalid(faults)) => faults.into_iter().map(|f| f.pointer).collect::<Vec<_>>(),
        Err(other) => panic!("{other:?}"),
        Ok((_, _)) => Vec::new(),
    };
    assert_eq!(pointers(accounts.create_key(&user, bad.clone()).await), ["/name", "/scopes", "/expires_at"]);
    assert_eq!(pointers(accounts.create_key(&user, NewKey { scopes: vec![], ..a_key() }).await), ["/scopes"]);
    assert_eq!(accounts.set_access(user.id, Role::Admin, Tier::default()).await.unwrap(), AccountChange::Done);
    let admin = accounts.user(user.id).await.unwrap().expect("Ada");
    assert!(pointers(accounts.create_key(&admin, NewKey { scopes: vec![Scope::Admin], ..a_key() }).await).is_empty());
    for _ in 0..2 {
        assert!(pointers(accounts.create_key(&admin, a_key()).await).is_empty());
    }
    assert_eq!(pointers(accounts.create_key(&admin, a_key()).await), [""], "the maximum is three keys");
}

#[tokio::test]
async fn keys_that_expire_at_once_do_not_accumulate() {
    let app = App::start().await;
    let accounts = app.accounts();
    let user = accounts.register(ada()).await.unwrap();
    let (lasting, _) = accounts.create_key(&user, a_key()).await.unwrap();
    for _ in 0..9 {
        let expires_at = Some(app.clock.now() + Duration::from_secs(1));
        accounts.create_key(&user, NewKey { expires_at, ..a_key() }).await.unwrap();
        app.clock.advance(Duration::from_secs(1));
    }
    let keys = accounts.keys(user.id).await.unwrap();
    assert_eq!((keys.len(), keys.last()), (5, Some(&lasting)), "the maximum is five stored keys");
}

#[tokio::test]
async fn an_internal_account_cannot_be_deleted_disabled_or_given_a_password() {
    let app = App::start().await;
    let accounts = app.accounts();
    let id = accounts.internal("piston").await.unwrap().id;
    for change in [
        accounts.delete(id).await.unwrap(),
        accounts.set_disabled(id, true).await.unwrap(),
        accounts.set_access(id, Role::Admin, Tier::default()).await.unwrap(),
    ] {
        assert_eq!(change, AccountChange::Internal);
    }
    let refused = accounts.set_password(id, "correct horse").await.unwrap_err();
    assert!(matches!(refused, RegisterError::Invalid(_)), "{refused:?}");
    // Another tier is allowed, because it gives clients without a key other rate limits.
    assert_eq!(accounts.set_access(id, Role::User, Tier("pro".into())).await.unwrap(), AccountChange::Done);
    assert!(accounts.user(id).await.unwrap().is_some_and(|user| user.disabled_at.is_none()));
}

/// Regression: a user who was no author any more, and a key without the scope, kept the view of an author.
#[tokio::test]
async fn a_ticket_has_the_rights_of_an_author_only_with_the_role_and_the_keys_scope() {
    let app = App::start().await;
    let accounts = app.accounts();
    let mut user = accounts.register(ada()).await.unwrap();
    let id = user.id;
    let session = CredentialId::Session(accounts.login("ada", "correct horse").await.unwrap().session);
    let set = async |role| {
        assert_eq!(accounts.set_access(id, role, Tier::default()).await.unwrap(), AccountChange::Done);
    };
    set(Role::Author).await;
    user.role = Role::Author;
    let key = async |name: &str, scopes: &[Scope]| {
        let new = NewKey { name: name.into(), scopes: scopes.to_vec(), expires_at: None };
        CredentialId::Key(accounts.create_key(&user, new).await.unwrap().0.id)
    };
    let runs = key("runs", &[Scope::RunsRead, Scope::RunsWrite]).await;
    let all = key("all", &[Scope::RunsWrite, Scope::ProblemsWrite]).await;
    let viewer = AuthenticatedUser { is_author: true, ..AuthenticatedUser::of(user.id) };
    let mut tickets = Vec::new();
    for (credential, expected) in [(session, true), (runs, false), (all, true)] {
        let (text, _) = accounts.make_ticket(&viewer, credential, TicketUse::Live).await.unwrap().expect("a ticket");
        tickets.push((text, credential, expected));
    }
    for (role, is_author) in [(Role::Author, true), (Role::User, false)] {
        set(role).await;
        for (text, credential, expected) in &tickets {
            let (_, viewer, _) = accounts.holder_of_ticket(text, TicketUse::Live).await.unwrap().expect("a holder");
            assert_eq!(viewer.is_author, *expected && is_author, "{role:?} {credential:?}");
        }
    }
    for (role, ends) in [(Role::Author, false), (Role::User, true), (Role::Admin, false)] {
        set(role).await;
        let access = accounts.access(&viewer, session).await.unwrap();
        assert_eq!(access == Access::Ended(AccessEnded::Author), ends, "{role:?}: {access:?}");
    }
}
