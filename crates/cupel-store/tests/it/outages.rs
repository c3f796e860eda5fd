//! A PostgreSQL server that is restarted, killed or frozen causes only transient errors, and no acknowledged write is
//! lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use cupel_core::{AccountStore as _, RunStore as _, StoreError, chain, is_disk_full};
use cupel_store::{PostgresError, PostgresOptions, SqlStore, Timeouts, outage_of};
use cupel_testkit::servers::Postgres;
use cupel_testkit::{a_completion, a_submission, a_user, fresh, t0};
use cupel_types::{LeaseId, SubmissionId, UserId, WorkerId};

async fn open(url: &str) -> SqlStore {
    // A slow machine connects slowly.
    let timeouts = Timeouts { connect: Duration::from_secs(60), ..Timeouts::default() };
    let options = PostgresOptions { timeouts, ..PostgresOptions::new(url, "cupel") };
    SqlStore::open_postgres(options).await.expect("a store")
}

/// A store with short timeouts.
async fn impatient(url: &str) -> SqlStore {
    let timeouts = Timeouts {
        connect: Duration::from_secs(2),
        acquire: Duration::from_secs(2),
        statement: Duration::from_secs(1),
        answer: Duration::from_secs(2),
    };
    let deadline = Instant::now() + Duration::from_secs(120);
    // On a slow machine, a store sometimes does not open within these timeouts.
    loop {
        match SqlStore::open_postgres(PostgresOptions { timeouts, ..PostgresOptions::new(url, "cupel") }).await {
            Ok(store) => return store,
            Err(error) => assert!(Instant::now() < deadline, "{error:?}"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn submit(store: &SqlStore, owner: UserId) -> Result<SubmissionId, StoreError> {
    let new = a_submission().by(owner).alone();
    let id = new.submissions[0].0.id;
    store.insert(new).await.map(|_| id)
}

/// Retries until a submission succeeds; every error until then must be transient.
async fn submit_at_last(store: &SqlStore, owner: UserId) -> SubmissionId {
    loop {
        match submit(store, owner).await {
            Ok(id) => return id,
            Err(error) => {
                assert!(error.transient, "{error:?}");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_store_reconnects_after_a_restart_of_the_server() {
    let server = Postgres::start();
    let store = open(&server.database().await).await;
    let owner = store.insert_user(a_user()).await.unwrap().unwrap().id;
    let before = submit(&store, owner).await.unwrap();
    server.stop();
    let down = submit(&store, owner).await.expect_err("the server is down");
    assert!(down.transient, "{down:?}");
    assert!(store.ping().await.expect_err("the server is down").transient);
    server.start_again();
    // All idle connections of the pool are closed now.
    let after = submit_at_last(&store, owner).await;
    assert!(store.submission(before).await.unwrap().is_some());
    assert!(store.submission(after).await.unwrap().is_some());
    store.ping().await.unwrap();
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_of_the_server_is_a_transient_error_that_names_the_server() {
    let server = Postgres::shared();
    let url = server.database().await;
    let store = open(&url).await;
    let owner = store.insert_user(a_user()).await.unwrap().unwrap().id;
    let database = url.split('?').next().unwrap().rsplit('/').next().unwrap();
    // The error that the server returns when it cannot extend a table's file.
    server.psql(
        database,
        "CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$; \
         CREATE TRIGGER no_room BEFORE INSERT ON code_submissions EXECUTE FUNCTION no_room()",
    );
    for error in [submit(&store, owner).await.expect_err("no room"), store.ping().await.expect_err("no room")] {
        assert!(error.transient && is_disk_full(&error), "{error:?}");
        let place = format!("the database server at {}", url.split('@').next_back().unwrap());
        assert!(chain(&error).contains(place.split('?').next().unwrap()), "{error:?}");
    }
    server.psql(database, "DROP TRIGGER no_room ON code_submissions");
    submit(&store, owner).await.unwrap();
    while store.ping().await.is_err() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_cause_of_an_outage_is_named() {
    let server = Postgres::shared();
    let url = server.database().await;
    let name = url.rsplit('/').next().unwrap();
    let user = format!("user_of_{name}");
    let owner = format!("CREATE ROLE {user} LOGIN PASSWORD 'secret'; ALTER DATABASE {name} OWNER TO {user}");
    server.psql(name, &owner);
    let store = open(&format!("postgres://{user}:secret@127.0.0.1:{}/{name}", server.port())).await;
    let disconnect = format!("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = '{user}'");
    for (sql, cause) in [
        ("PASSWORD 'other'", "the database server rejects the user or the password of `store.url`"),
        ("PASSWORD 'secret' CONNECTION LIMIT 0", "the database server permits no further connection"),
    ] {
        server.psql(name, &format!("ALTER ROLE {user} {sql}"));
        while server.psql(name, &disconnect) != "0" {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        for error in [store.ping().await.unwrap_err(), store.insert_user(a_user()).await.unwrap_err()] {
            assert!(error.transient, "{error:?}");
            assert_eq!(outage_of(&error), Some(cause), "{error:?}");
        }
    }
    server.psql(name, &format!("ALTER ROLE {user} CONNECTION LIMIT -1"));
    store.ping().await.unwrap();
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_only_server_is_an_outage_until_it_accepts_writes() {
    let server = Postgres::start();
    let url = server.database().await;
    let any = open(&format!("{url}?target_session_attrs=any")).await;
    let store = open(&url).await;
    store.ping().await.unwrap();
    // Open connections become read-only as well, as those through a proxy do when it switches to a standby.
    let set = |value: &str| {
        server.psql("postgres", &format!("ALTER SYSTEM SET default_transaction_read_only = {value}"));
        server.psql("postgres", "SELECT pg_reload_conf()");
    };
    set("on");
    for store in [&store, &any] {
        let error = loop {
            match store.ping().await {
                Ok(()) => tokio::time::sleep(Duration::from_millis(50)).await,
                Err(error) => break error,
            }
        };
        for error in [error, store.insert_user(a_user()).await.unwrap_err()] {
            assert!(error.transient, "{error:?}");
            let cause = "the database server accepts no writes, because it is a standby or read-only";
            assert_eq!(outage_of(&error), Some(cause), "{error:?}");
        }
    }
    assert_eq!(any.count_users().await.unwrap(), 0, "with `any`, a standby is read");
    let refused = SqlStore::open_postgres(PostgresOptions::new(&url, "cupel")).await;
    assert!(matches!(refused, Err(PostgresError::ReadOnly { .. })), "{refused:?}");
    set("off");
    for store in [&store, &any] {
        while store.ping().await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        store.insert_user(a_user()).await.unwrap().unwrap();
        store.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_server_gives_transient_errors_within_the_timeouts() {
    let server = Postgres::start();
    let url = server.database().await;
    // The data is prepared through a store with long timeouts: a slow machine could exceed the short ones.
    let patient = open(&url).await;
    let owner = patient.insert_user(a_user()).await.unwrap().unwrap().id;
    let store = impatient(&url).await;
    server.freeze();
    let asked: Vec<_> = (0..20)
        .map(|n| {
            let store = store.clone();
            tokio::spawn(
                async move { if n % 2 == 0 { submit(&store, owner).await.map(drop) } else { store.ping().await } },
            )
        })
        .collect();
    for asked in asked {
        let error = asked.await.unwrap().expect_err("the server is frozen");
        assert!(error.transient, "{error:?}");
    }
    server.thaw();
    let id = submit_at_last(&store, owner).await;
    assert!(patient.submission(id).await.unwrap().is_some());
    store.close().await;
    patient.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_submissions_survive_a_kill_of_the_server() {
    let server = Postgres::start_durable();
    let store = Arc::new(open(&server.database().await).await);
    let owner = store.insert_user(a_user()).await.unwrap().unwrap().id;
    let (count, is_killed) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let (store, count, is_killed) = (Arc::clone(&store), Arc::clone(&count), Arc::clone(&is_killed));
            tokio::spawn(async move {
                let (mut accepted, mut judged) = (Vec::new(), Vec::new());
                loop {
                    let new = a_submission().by(owner).alone();
                    let (id, run) = (new.submissions[0].0.id, new.submissions[0].1);
                    if store.insert(new).await.is_err() {
                        // A slow machine may exceed a timeout before the server is killed.
                        if is_killed.load(Ordering::Relaxed) {
                            return (accepted, judged);
                        }
                        continue;
                    }
                    accepted.push(id);
                    count.fetch_add(1, Ordering::Relaxed);
                    let (lease, worker) = (LeaseId::from_uuid(fresh()), WorkerId::from_uuid(fresh()));
                    let Ok(Some(leased)) = store.lease(run, lease, worker, t0(), t0(), None).await else { continue };
                    if let Ok(true) = store.complete(run, lease, a_completion(&leased, b"42\n", t0())).await {
                        judged.push(id);
                    }
                }
            })
        })
        .collect();
    let many = async {
        while count.load(Ordering::Relaxed) < 200 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(120), many).await.expect("200 are accepted in time");
    server.kill();
    is_killed.store(true, Ordering::Relaxed);
    let (mut accepted, mut judged) = (Vec::new(), Vec::new());
    for task in tasks {
        let (mine, ended) = task.await.unwrap();
        accepted.extend(mine);
        judged.extend(ended);
    }
    server.start_again();
    submit_at_last(&store, owner).await;
    assert!(accepted.len() >= 200 && !judged.is_empty(), "{} {}", accepted.len(), judged.len());
    assert_eq!(store.submissions(&accepted).await.unwrap().len(), accepted.len());
    for record in store.submissions(&judged).await.unwrap() {
        assert!(
            record.state.is_final() && record.report.is_some(),
            "the result of {} is missing",
            record.submission.id
        );
    }
}
