//! Rules about one-time links, sessions, changes to accounts, registration codes, and tickets for streams.

#![expect(missing_docs, reason = "the name of each function states its rule")]

use cupel_core::accounts::{
    AccountChange, CodeRefused, CredentialId, NewUser, RefreshSession, RegistrationCode, Role, StreamTicket, Tier, User,
};
use cupel_core::{Idempotency, Inserted, NewSubmissions, Store, UserTaken};
use cupel_types::{ApiKeyId, JoinCodeId, SessionId, SubmissionId, TicketId, UserId};

use super::accounts::{insert_key, key};
use super::{at, insert, set_access, set_disabled, user};
use crate::Subject;
use crate::builders::{a_submission, a_user, fresh};

async fn session(store: &impl Store, user: UserId) -> SessionId {
    let id = SessionId::from_uuid(fresh());
    let session =
        RefreshSession { id, user, token_hash: [1; 32], created_at: at(0), expires_at: at(100), user_agent: None };
    assert!(store.insert_session(session, None).await.unwrap());
    id
}

async fn login(store: &impl Store, id: UserId) -> Option<(User, String)> {
    let user = store.user(id).await.unwrap()?;
    store.user_by_login(&user.username).await.unwrap()
}

pub async fn only_the_latest_one_time_link_is_valid_once_before_it_expires<S: Store>(
    make: impl AsyncFn() -> Subject<S>,
) {
    let store = make().await;
    let (id, other) = (user(&*store).await, user(&*store).await);
    let open = session(&*store, id).await;
    assert!(store.put_link(id, [1; 32], at(0), at(10)).await.unwrap());
    assert!(store.put_link(id, [2; 32], at(1), at(10)).await.unwrap());
    assert!(!store.put_link(UserId::from_uuid(fresh()), [2; 32], at(1), at(10)).await.unwrap());
    for (user, hash, seconds, good) in
        [(id, 1, 2, false), (other, 2, 2, false), (id, 2, 10, false), (id, 2, 9, true), (id, 2, 2, true)]
    {
        assert_eq!(store.is_link_good(user, [hash; 32], at(seconds)).await.unwrap(), good, "{hash} at {seconds}");
    }
    assert!(!store.use_link(id, [1; 32], "stolen".into(), at(2)).await.unwrap());
    assert!(!store.use_link(id, [2; 32], "late".into(), at(10)).await.unwrap());
    assert!(store.session_alive(open, at(2)).await.unwrap());
    assert!(store.use_link(id, [2; 32], "another".into(), at(2)).await.unwrap());
    assert_eq!(login(&*store, id).await.expect("the user").1, "another");
    assert!(!store.session_alive(open, at(2)).await.unwrap());
    assert!(!store.use_link(id, [2; 32], "again".into(), at(3)).await.unwrap());
    // A change of the password in another way also invalidates the link.
    assert!(store.put_link(id, [3; 32], at(3), at(10)).await.unwrap());
    assert!(store.change_password(id, None, "third".into(), None, at(4)).await.unwrap());
    assert!(!store.is_link_good(id, [3; 32], at(4)).await.unwrap());
}

pub async fn a_changed_password_ends_all_sessions_but_one<S: Store>(make: impl AsyncFn() -> Subject<S>) {
    let store = make().await;
    let (id, other) = (user(&*store).await, user(&*store).await);
    let (first, second, foreign) =
        (session(&*store, id).await, session(&*store, id).await, session(&*store, other).await);
    assert!(store.rotate_session(second, [1; 32], [2; 32], at(5)).await.unwrap().is_some());
    let listed = store.sessions(id, at(6)).await.unwrap();
    let summary: Vec<_> = listed.iter().map(|s| (s.id, s.last_used_at)).collect();
    assert_eq!(summary, [(second, Some(at(5))), (first, None)]);
    assert!(store.sessions(id, at(100)).await.unwrap().is_empty(), "expired");
    assert!(store.change_password(id, None, "another".into(), Some(first), at(6)).await.unwrap());
    for (session, alive) in [(first, true), (second, false), (foreign, true)] {
        assert_eq!(store.session_alive(session, at(6)).await.unwrap(), alive);
    }
    assert!(!store.end_session_of(id, foreign, at(7)).await.unwrap(), "another user's session");
    assert!(!store.end_session_of(id, second, at(7)).await.unwrap(), "the session has already ended");
    assert!(store.end_session_of(id, first, at(7)).await.unwrap());
    assert!(store.sessions(id, at(7)).await.unwrap().is_empty());
}

pub async fn a_password_is_changed_only_if_the_verified_one_is_current<S: Store>(make: impl AsyncFn() -> Subject<S>) {
    let store = make().await;
    let id = user(&*store).await;
    let (_, verified) = login(&*store, id).await.expect("the user");
    assert!(store.put_link(id, [1; 32], at(0), at(10)).await.unwrap());
    assert!(store.use_link(id, [1; 32], "recovered".into(), at(1)).await.unwrap());
    let open = session(&*store, id).await;
    assert!(store.put_link(id, [2; 32], at(2), at(10)).await.unwrap());
    let change =
        async |verified: &str| store.change_password(id, Some(verified), "another".into(), None, at(3)).await.unwrap();
    assert!(!change(&verified).await, "the password has changed meanwhile");
    assert_eq!(login(&*store, id).await.expect("the user").1, "recovered");
    assert!(store.session_alive(open, at(3)).await.unwrap());
    assert!(store.is_link_good(id, [2; 32], at(3)).await.unwrap());
    assert!(change("recovered").await);
    assert_eq!(login(&*store, id).await.expect("the user").1, "another");
}

pub async fn no_session_starts_if_the_verified_password_has_changed<S: Store>(make: impl AsyncFn() -> Subject<S>) {
    let store = make().await;
    let (id, deleted) = (user(&*store).await, user(&*store).await);
    let open = async |user, password_hash: Option<&str>| {
        let id = SessionId::from_uuid(fresh());
        let session =
            RefreshSession { id, user, token_hash: [1; 32], created_at: at(0), expires_at: at(100), user_agent: None };
        let opened = store.insert_session(session, password_hash).await.unwrap();
        assert_eq!(store.session_alive(id, at(1)).await.unwrap(), opened);
        opened
    };
    let (_, verified) = login(&*store, id).await.expect("the user");
    assert!(open(id, Some(&verified)).await);
    assert!(store.change_password(id, None, "another".into(), None, at(1)).await.unwrap());
    assert!(!open(id, Some(&verified)).await, "the password has changed meanwhile");
    assert!(open(id, Some("another")).await);
    assert!(open(id, None).await);
    assert_eq!(set_disabled(&*store, id, true, 2).await, AccountChange::Done);
    assert!(!open(id, Some("another")).await, "disabled");
    assert!(!open(id, None).await, "disabled");
    assert_eq!(store.delete_user(deleted, at(2)).await.unwrap(), AccountChange::Done);
    assert!(!open(deleted, None).await, "deleted");
    assert!(!open(UserId::from_uuid(fresh()), None).await, "nobody");
}

pub async fn a_disabled_user_has_no_sessions_and_the_last_administrator_stays<S: Store>(
    make: impl AsyncFn() -> Subject<S>,
) {
    let store = make().await;
    let (id, admin) = (user(&*store).await, user(&*store).await);
    let open = session(&*store, id).await;
    assert_eq!(set_disabled(&*store, id, true, 1).await, AccountChange::Done);
    assert_eq!(set_disabled(&*store, id, true, 2).await, AccountChange::Done);
    assert!(!store.session_alive(open, at(2)).await.unwrap());
    assert_eq!(store.user(id).await.unwrap().expect("the user").disabled_at, Some(at(1)));
    assert_eq!(set_disabled(&*store, id, false, 3).await, AccountChange::Done);
    assert_eq!(store.user(id).await.unwrap().expect("the user").disabled_at, None);
    assert!(!store.session_alive(open, at(3)).await.unwrap(), "the session stays ended");

    assert_eq!(set_access(&*store, admin, Role::Admin, Tier::default()).await, AccountChange::Done);
    assert_eq!(set_disabled(&*store, admin, true, 4).await, AccountChange::LastAdministrator);
    assert_eq!(store.delete_user(admin, at(4)).await.unwrap(), AccountChange::LastAdministrator);
    for role in [Role::User, Role::Author] {
        assert_eq!(set_access(&*store, admin, role, Tier::default()).await, AccountChange::LastAdministrator);
    }
    assert_eq!(set_access(&*store, admin, Role::Admin, Tier("large".into())).await, AccountChange::Done);
    assert_eq!(set_access(&*store, id, Role::Admin, Tier::default()).await, AccountChange::Done);
    assert_eq!(set_disabled(&*store, admin, true, 5).await, AccountChange::Done);
    assert_eq!(
        store.delete_user(id, at(5)).await.unwrap(),
        AccountChange::LastAdministrator,
        "the other administrator is disabled"
    );
    // An administrator without a password, which an import creates, cannot log in either.
    let mut new = a_user();
    (new.user.role, new.password_hash) = (Role::Admin, "!".into());
    let imported = store.insert_user(new).await.unwrap().unwrap().id;
    assert_eq!(set_disabled(&*store, id, true, 5).await, AccountChange::LastAdministrator, "the other has no password");
    assert_eq!(set_disabled(&*store, imported, true, 5).await, AccountChange::Done);
    assert_eq!(set_disabled(&*store, imported, false, 5).await, AccountChange::Done);
    assert!(store.change_password(imported, None, "another".into(), None, at(5)).await.unwrap());
    assert_eq!(set_disabled(&*store, id, true, 5).await, AccountChange::Done);
    let nobody = UserId::from_uuid(fresh());
    assert_eq!(set_disabled(&*store, nobody, true, 6).await, AccountChange::NoSuchUser);
    assert_eq!(set_disabled(&*store, nobody, false, 6).await, AccountChange::NoSuchUser);
}

pub async fn deleting_a_user_removes_personal_data_and_keeps_submissions<S: Store>(make: impl AsyncFn() -> Subject<S>) {
    let store = make().await;
    let new = a_user();
    let (id, name, email) = (new.user.id, new.user.username.clone(), new.user.email.clone());
    store.insert_user(new).await.unwrap().unwrap();
    let open = session(&*store, id).await;
    let key = key(id, 1);
    insert_key(&*store, &key).await;
    assert!(store.put_link(id, [1; 32], at(0), at(10)).await.unwrap());
    let submitted = insert(&*store, a_submission().by(id)).await.0.id;
    assert_eq!(store.delete_user(id, at(1)).await.unwrap(), AccountChange::Done);

    assert_eq!(store.user(id).await.unwrap(), None);
    for login in [name.as_str(), email.as_str(), ""] {
        assert!(store.user_by_login(login).await.unwrap().is_none(), "{login:?}");
    }
    assert_eq!((store.count_users().await.unwrap(), store.users(0, 10).await.unwrap()), (0, Vec::new()));
    assert!(!store.session_alive(open, at(1)).await.unwrap());
    assert_eq!(store.key(key.id).await.unwrap(), None);
    assert!(!store.is_link_good(id, [1; 32], at(1)).await.unwrap());
    assert_eq!(store.delete_user(id, at(2)).await.unwrap(), AccountChange::NoSuchUser);

    let (listed, total) = store.list(None, 0, 10).await.unwrap();
    assert_eq!((listed[0].id, total), (submitted, 1));
    assert!(listed[0].username.starts_with("deleted-"), "{}", listed[0].username);
    // The name and the address can be used again, and another user can be deleted.
    let mut again = a_user();
    (again.user.username, again.user.email) = (name, email);
    let again = store.insert_user(again).await.unwrap().expect("the name is free");
    assert_eq!(store.delete_user(again.id, at(3)).await.unwrap(), AccountChange::Done);
}

pub async fn the_submissions_of_a_disabled_or_deleted_user_are_to_be_cancelled<S: Store>(
    make: impl AsyncFn() -> Subject<S>,
) {
    let store = make().await;
    let (disabled, deleted, enabled) = (user(&*store).await, user(&*store).await, user(&*store).await);
    assert_eq!(set_access(&*store, disabled, Role::Author, Tier::default()).await, AccountChange::Done);
    let listed = async |after, limit| store.users_to_cancel(after, limit).await.unwrap();
    assert_eq!(listed(None, 10).await, [], "only these two changes end an account");
    assert_eq!(store.delete_user(deleted, at(2)).await.unwrap(), AccountChange::Done);
    assert_eq!(set_disabled(&*store, disabled, true, 1).await, AccountChange::Done);
    assert_eq!(set_disabled(&*store, enabled, true, 3).await, AccountChange::Done);
    assert_eq!(listed(None, 2).await, [(at(1), disabled), (at(2), deleted)]);
    assert_eq!(listed(Some((at(2), deleted)), 2).await, [(at(3), enabled)]);
    assert_eq!(set_disabled(&*store, enabled, false, 4).await, AccountChange::Done);
    assert_eq!(listed(None, 10).await, [(at(1), disabled), (at(2), deleted)]);
    store.end_cancelling(deleted, at(2)).await.unwrap();
    assert_eq!(set_disabled(&*store, disabled, true, 5).await, AccountChange::Done);
    store.end_cancelling(disabled, at(1)).await.unwrap();
    assert_eq!(listed(None, 10).await, [(at(5), disabled)], "it was disabled again meanwhile");
}

pub async fn a_disabled_or_deleted_user_submits_nothing<S: Store>(make: impl AsyncFn() -> Subject<S>) {
    let store = make().await;
    let (disabled, deleted, other) = (user(&*store).await, user(&*store).await, user(&*store).await);
    let key = |owner| NewSubmissions {
        idempotency: Some(Idempotency { key: "k".into(), request_hash: [1; 32], expires_at: at(3600) }),
        ..a_submission().by(owner).alone()
    };
    assert_eq!(set_disabled(&*store, disabled, true, 1).await, AccountChange::Done);
    assert_eq!(store.delete_user(deleted, at(2)).await.unwrap(), AccountChange::Done);
    // The commands may share a transaction; those of the other user succeed.
    for owner in [disabled, deleted] {
        let (refused, inserted) =
            tokio::join!(store.insert(key(owner)), store.insert(a_submission().by(other).alone()));
        assert_eq!((refused.unwrap(), inserted.unwrap()), (Inserted::OwnerDisabled, Inserted::New));
        assert_eq!(store.insert(a_submission().by(owner).alone()).await.unwrap(), Inserted::OwnerDisabled);
        assert_eq!(store.list(Some(owner), 0, 10).await.unwrap().1, 0);
    }
    assert_eq!(store.list(Some(other), 0, 10).await.unwrap().1, 2);
    // The refused request did not use up its idempotency key.
    assert_eq!(set_disabled(&*store, disabled, false, 3).await, AccountChange::Done);
    assert_eq!(store.insert(key(disabled)).await.unwrap(), Inserted::New);
}

pub async fn a_join_code_enrols_up_to_its_limit<S: Store>(make: impl AsyncFn() -> Subject<S>) {
    let store = make().await;
    let code = |text: &str, uses_max| RegistrationCode {
        id: JoinCodeId::from_uuid(fresh()),
        code: text.into(),
        name: "a class".into(),
        created_at: at(0),
        expires_at: at(10),
        uses_max,
        uses: 0,
        ended_at: None,
    };
    let (class, other) = (code("0123456789", 2), code("abcdefghjk", 9));
    for code in [&class, &other] {
        store.insert_code(code.clone()).await.unwrap();
    }
    assert_eq!(store.codes().await.unwrap(), [other.clone(), class.clone()]);
    let with =
        async |new: NewUser, code: &str, seconds| store.insert_user_with_code(new, code, at(seconds)).await.unwrap();
    let first = a_user();
    let mut without_address = a_user();
    without_address.user.email = String::new();
    assert_eq!(with(first.clone(), "0123456789", 1).await, Ok(first.user.clone()));
    let mut same = a_user();
    same.user.username = first.user.username.to_uppercase();
    assert_eq!(with(same, "0123456789", 1).await, Err(CodeRefused::Taken(UserTaken::Username)));
    assert_eq!(with(a_user(), "0123456789", 10).await, Err(CodeRefused::NotGood), "expired");
    assert_eq!(with(a_user(), "zzzzzzzzzz", 1).await, Err(CodeRefused::NotGood));
    assert!(store.is_code_good("0123456789", at(1)).await.unwrap());
    assert!(with(without_address, "0123456789", 1).await.is_ok());
    assert_eq!(with(a_user(), "0123456789", 1).await, Err(CodeRefused::NotGood), "used up");
    assert!(!store.is_code_good("0123456789", at(1)).await.unwrap());
    let mut another_without = a_user();
    another_without.user.email = String::new();
    assert!(with(another_without, "abcdefghjk", 1).await.is_ok(), "users without an address do not conflict");
    assert!(store.end_code(other.id, at(2)).await.unwrap());
    assert_eq!(with(a_user(), "abcdefghjk", 3).await, Err(CodeRefused::NotGood), "ended");
    assert!(!store.end_code(JoinCodeId::from_uuid(fresh()), at(2)).await.unwrap());
    let summary: Vec<_> = store.codes().await.unwrap().iter().map(|c| (c.uses, c.ended_at)).collect();
    assert_eq!(summary, [(1, Some(at(2))), (2, None)]);
}

pub async fn a_ticket_opens_one_submission_once<S: Store>(make: impl AsyncFn() -> Subject<S>) {
    let store = make().await;
    let user = user(&*store).await;
    let submission = SubmissionId::from_uuid(fresh());
    let ticket = || StreamTicket {
        id: TicketId::from_uuid(fresh()),
        secret_hash: [3; 32],
        user,
        submission,
        as_admin: true,
        credential: CredentialId::Keyless,
        expires_at: at(60),
    };
    let take = async |t: &StreamTicket, hash: u8, submission, seconds| {
        store
            .take_ticket(t.id, [hash; 32], submission, at(seconds))
            .await
            .unwrap()
            .map(|taken| (taken.user, taken.as_admin))
    };
    let look = async |t: &StreamTicket, hash: u8, submission, seconds| {
        store.ticket(t.id, [hash; 32], submission, at(seconds)).await.unwrap().map(|found| (found.user, found.as_admin))
    };
    let one = ticket();
    assert!(store.put_ticket(one, 2, at(0)).await.unwrap());
    assert_eq!(look(&one, 4, submission, 1).await, None, "another secret");
    assert_eq!(look(&one, 3, SubmissionId::from_uuid(fresh()), 1).await, None, "another submission");
    assert_eq!(look(&one, 3, submission, 60).await, None, "expired");
    assert_eq!(look(&one, 3, submission, 59).await, Some((user, true)), "reading a ticket does not use it up");
    assert_eq!(take(&one, 4, submission, 1).await, None, "another secret");
    assert_eq!(take(&one, 3, SubmissionId::from_uuid(fresh()), 1).await, None, "another submission");
    assert_eq!(take(&one, 3, submission, 60).await, None, "expired");
    assert_eq!(take(&one, 3, submission, 59).await, Some((user, true)));
    assert_eq!(take(&one, 3, submission, 59).await, None, "used");
    assert_eq!(look(&one, 3, submission, 59).await, None, "used");
    assert!(store.put_ticket(ticket(), 2, at(0)).await.unwrap());
    assert!(store.put_ticket(ticket(), 2, at(0)).await.unwrap());
    assert!(!store.put_ticket(ticket(), 2, at(1)).await.unwrap(), "the user has the maximum number of tickets");
    assert!(store.put_ticket(ticket(), 2, at(60)).await.unwrap(), "expired tickets do not count");
    let credentials = [
        CredentialId::Session(SessionId::from_uuid(fresh())),
        CredentialId::Key(ApiKeyId::from_uuid(fresh())),
        CredentialId::Keyless,
    ];
    for credential in credentials {
        let one = StreamTicket { credential, ..ticket() };
        assert!(store.put_ticket(one, 9, at(0)).await.unwrap());
        let found = store.ticket(one.id, [3; 32], submission, at(1)).await.unwrap().expect("the ticket");
        let taken = store.take_ticket(one.id, [3; 32], submission, at(1)).await.unwrap().expect("the ticket");
        assert_eq!((found.credential, taken.credential), (credential, credential));
    }
}
