//! An event stream, a live connection or a Socket.IO connection ends with the credential that opened it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use axum::http::Method;
use axum::response::Response;
use cupel_cache::SharedCaches;
use cupel_core::accounts::{AccountSettings, Accounts, NewKey, PasswordCost, Scope};
use cupel_core::{Clock, SystemClock};
use cupel_types::Bytes;
use http_body_util::BodyExt;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::app::{PASSWORD, TestApp, TestUser, a_report};
use crate::live::{Client, address_of};
use crate::socketio::Poller;

const PATIENCE: Duration = Duration::from_secs(120);

/// Lifetime of the sessions and keys that expire in a test.
const LIFETIME: Duration = Duration::from_secs(3600);

/// The clock of the accounts: the system's, set forward.
#[derive(Clone, Debug, Default)]
struct AheadClock(Arc<AtomicI64>);

impl Clock for AheadClock {
    fn now(&self) -> Timestamp {
        SystemClock.now() + SignedDuration::from_secs(self.0.load(Ordering::SeqCst))
    }
}

/// How a credential ends.
#[derive(Clone, Copy, Debug)]
enum End {
    SignedOut,
    SessionEnded,
    PasswordChanged,
    PasswordReset,
    SessionExpired,
    KeyRevoked,
    KeyExpired,
    Demoted,
    AuthorDemoted,
}

impl End {
    const ALL: [End; 9] = [
        End::SignedOut,
        End::SessionEnded,
        End::PasswordChanged,
        End::PasswordReset,
        End::SessionExpired,
        End::KeyRevoked,
        End::KeyExpired,
        End::Demoted,
        End::AuthorDemoted,
    ];

    /// The reason in the close frame of a live connection.
    fn reason(self) -> &'static str {
        match self {
            End::KeyRevoked | End::KeyExpired => "The API key was revoked or has expired.",
            End::Demoted => "The account is no longer an administrator.",
            End::AuthorDemoted => "The account is no longer an author.",
            _ => "The session has ended. Sign in again.",
        }
    }
}

/// A user with two sessions, and the credential of a connection.
struct Case {
    end: End,
    user: TestUser,
    credential: String,
}

async fn log_in(app: &TestApp, user: &TestUser) -> String {
    let body = json!({ "email": user.user.email, "password": PASSWORD });
    let login = app.post("/api/v1/auth/login", &body).send().await;
    login.json["access_token"].as_str().expect("a token").to_owned()
}

impl Case {
    async fn new(app: &TestApp, clock: &AheadClock, end: End) -> Case {
        let user = match end {
            End::Demoted => app.admin().await,
            End::AuthorDemoted => app.author().await,
            _ => app.user().await,
        };
        let credential = match end {
            End::KeyRevoked => app.key(&user, &[Scope::RunsRead, Scope::RunsWrite]).await,
            End::KeyExpired => {
                let scopes = vec![Scope::RunsRead, Scope::RunsWrite];
                let new = NewKey { name: "short".into(), scopes, expires_at: Some(clock.now() + LIFETIME) };
                app.accounts.create_key(&user.user, new).await.unwrap().1
            }
            End::SessionExpired => log_in(&with_accounts(app, clock, LIFETIME), &user).await,
            _ => log_in(app, &user).await,
        };
        Case { end, user, credential }
    }

    /// Ends the credential.
    async fn end(&self, app: &TestApp, clock: &AheadClock) {
        let (own, other) = (&*self.credential, &*self.user.token);
        let answer = match self.end {
            End::SessionExpired | End::KeyExpired => {
                clock.0.fetch_add(i64::try_from(LIFETIME.as_secs()).unwrap(), Ordering::SeqCst);
                return;
            }
            End::SignedOut => app.post("/api/v1/auth/logout", &json!({})).bearer(own).send().await,
            End::SessionEnded => {
                let list = app.get("/api/v1/auth/sessions").bearer(own).send().await;
                let sessions = list.json["sessions"].as_array().unwrap();
                let current = sessions.iter().find(|session| session["current"] == true).unwrap();
                let place = format!("/api/v1/auth/sessions/{}", current["session_id"].as_str().unwrap());
                app.delete(&place).bearer(other).send().await
            }
            End::PasswordChanged => {
                let body = json!({ "old_password": PASSWORD, "password": "staple correct horse" });
                app.post("/api/v1/auth/password", &body).bearer(other).send().await
            }
            End::PasswordReset => {
                let link = app.accounts.make_link(self.user.user.id, PATIENCE).await.unwrap().unwrap();
                let body = json!({ "token": link.token, "password": "staple correct horse" });
                app.post("/api/v1/auth/password/reset", &body).send().await
            }
            End::KeyRevoked => {
                let list = app.get("/api/v1/auth/keys").bearer(other).send().await;
                let oldest = list.json["keys"].as_array().unwrap().last().unwrap();
                let place = format!("/api/v1/auth/keys/{}", oldest["key_id"].as_str().unwrap());
                app.delete(&place).bearer(other).send().await
            }
            End::Demoted | End::AuthorDemoted => {
                let admin = app.admin().await;
                let place = format!("/api/v1/admin/users/{}", self.user.user.id);
                app.request(Method::PATCH, &place).json(&json!({ "role": "user" })).bearer(&admin.token).send().await
            }
        };
        assert!(answer.status.is_success(), "{:?}: {answer:?}", self.end);
    }
}

/// Another node of the app, whose sessions expire after this time of this clock.
fn with_accounts(app: &TestApp, clock: &AheadClock, session: Duration) -> TestApp {
    let password_cost = PasswordCost { memory_kib: 64, passes: 1, lanes: 1 };
    let settings = AccountSettings { session, password_cost, ..AccountSettings::default() };
    let mut node = app.node(SharedCaches::in_memory(Bytes::mib(1)));
    node.accounts = Accounts::new(node.store.clone(), Arc::new(clock.clone()), settings);
    node.node(SharedCaches::in_memory(Bytes::mib(1)))
}

async fn app() -> (TestApp, AheadClock) {
    let clock = AheadClock::default();
    let app = TestApp::with_settings(|settings| settings.access_check = Duration::from_millis(20)).await;
    (with_accounts(&app, &clock, AccountSettings::default().session), clock)
}

fn program() -> Value {
    json!({ "language": "python", "source_code": "input()" })
}

#[tokio::test]
async fn a_live_connection_ends_with_its_credential_and_says_why() {
    let ends = async |end: End| {
        let (app, clock) = app().await;
        let at = address_of(&app).await;
        let case = Case::new(&app, &clock, end).await;
        let other = app.key(&case.user, &[Scope::RunsRead, Scope::RunsWrite]).await;
        let mut client = Client::with_bearer(at, &case.credential).await;
        let mut unaffected = Client::with_bearer(at, &other).await;
        client.send(json!({ "type": "start", "request": program(), "interactive": true })).await;
        let run = client.until("accepted").await["run"].clone();
        case.end(&app, &clock).await;
        assert_eq!(client.closed().await, (1008, end.reason().to_owned()), "{end:?}");
        // The run goes on, and the user can attach to it with another credential.
        unaffected.send(json!({ "type": "attach", "run": run })).await;
        unaffected.until("attached").await;
        unaffected.event("queued").await;
    };
    futures_util::future::join_all(End::ALL.map(ends)).await;
}

#[tokio::test]
async fn a_socket_io_client_is_disconnected_with_its_credential_and_cannot_connect_again() {
    let ends = async |end: End| {
        let (app, clock) = app().await;
        let case = Case::new(&app, &clock, end).await;
        let other = app.key(&case.user, &[Scope::RunsRead]).await;
        let mut client = Poller::connected(&app, &case.credential).await;
        let mut unaffected = Poller::connected(&app, &other).await;
        case.end(&app, &clock).await;
        client.until(|packet| packet == "41").await;
        let refused = client.connect_again().await;
        assert!(refused.starts_with("44") && refused.contains("has lost its access"), "{end:?}: {refused}");
        unaffected.send(&["41"]).await;
        let accepted = unaffected.connect_again().await;
        assert!(accepted.starts_with("40"), "{end:?}: another credential of the user keeps its access: {accepted}");
    };
    futures_util::future::join_all(End::ALL.map(ends)).await;
}

#[tokio::test]
async fn an_event_stream_ends_with_its_credential() {
    let text = async |stream: Response| {
        let body = tokio::time::timeout(PATIENCE, stream.into_body().collect()).await.expect("the stream ends");
        String::from_utf8(body.unwrap().to_bytes().to_vec()).unwrap()
    };
    let ends = async |end: End| {
        let (app, clock) = app().await;
        let case = Case::new(&app, &clock, end).await;
        let other = app.key(&case.user, &[Scope::RunsRead]).await;
        let id = app.submit(&case.user, &program()).await;
        let open = async |bearer: &str| {
            let stream = app.get(&format!("/api/v1/execute/{id}/events")).bearer(bearer).start().await;
            assert_eq!(stream.status(), 200, "{end:?}");
            stream
        };
        let (mut stream, unaffected) = (open(&case.credential).await, open(&other).await);
        // The stream may end before its first event if the credential ends at once.
        let first =
            tokio::time::timeout(PATIENCE, stream.body_mut().frame()).await.expect("an event").unwrap().unwrap();
        assert!(first.data_ref().is_some_and(|data| data.starts_with(b"event: queued")), "{end:?}: {first:?}");
        case.end(&app, &clock).await;
        let ended = text(stream).await;
        assert!(!ended.contains("event: verdict"), "{end:?}: {ended}");
        app.complete(a_report()).await;
        let whole = text(unaffected).await;
        assert!(whole.contains("event: verdict"), "{end:?}: another credential of the user keeps its stream: {whole}");
    };
    futures_util::future::join_all(End::ALL.map(ends)).await;
}

#[tokio::test]
async fn a_ticket_and_the_stream_that_it_opened_end_with_the_session_that_requested_it() {
    let (app, _) = app().await;
    let user = app.user().await;
    let token = log_in(&app, &user).await;
    let id = app.submit(&user, &program()).await;
    let ticket = async || {
        let made = app.post("/api/v1/tickets", &json!({ "submission_id": id })).bearer(&token).send().await;
        made.json["url"].as_str().expect("a ticket").to_owned()
    };
    let (used, unused) = (ticket().await, ticket().await);
    let stream = app.get(&used).start().await;
    assert_eq!(stream.status(), 200);
    assert_eq!(app.post("/api/v1/auth/logout", &json!({})).bearer(&token).send().await.status, 204);
    tokio::time::timeout(PATIENCE, stream.into_body().collect()).await.expect("the stream ends").unwrap();
    app.get(&unused).send().await.is_error(401, "unauthorized");
}

#[tokio::test]
async fn a_credential_that_ended_on_another_node_creates_no_key() {
    let app = TestApp::start().await;
    let user = app.user().await;
    let create = async |credential: &str| {
        let body = json!({ "name": "another", "scopes": ["account"] });
        app.post("/api/v1/auth/keys", &body).bearer(credential).send().await
    };
    let count = async || app.accounts.keys(user.user.id).await.unwrap().len();
    let key = app.key(&user, &[Scope::Account]).await;
    // This node now has both credentials in its cache.
    assert_eq!((create(&key).await.status.as_u16(), create(&user.token).await.status.as_u16()), (201, 201));
    let id = app.accounts.keys(user.user.id).await.unwrap().last().unwrap().id;
    assert!(app.accounts.revoke_key(user.user.id, id).await.unwrap());
    create(&key).await.is_error(401, "unauthorized");
    assert_eq!((create(&user.token).await.status.as_u16(), count().await), (201, 4));
    for session in app.accounts.sessions(user.user.id).await.unwrap() {
        assert!(app.accounts.end_session(user.user.id, session.id).await.unwrap());
    }
    create(&user.token).await.is_error(401, "unauthorized");
    assert_eq!(count().await, 4);
}
