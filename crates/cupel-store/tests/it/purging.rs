//! On PostgreSQL, the deletion of expired records runs at the same time as requests that renew them.

use std::time::Duration;

use cupel_core::{AccountStore as _, Idempotency, NewSubmissions, RetentionCutoffs, RunStore as _};
use cupel_postgres::Endpoint;
use cupel_testkit::servers::Postgres;
use cupel_testkit::{a_submission, a_user, t0};
use jiff::SignedDuration;

use crate::postgres::open;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_that_is_renewed_during_the_deletion_of_expired_records_stays() {
    let server = Postgres::shared();
    let url = server.database().await;
    let store = open(&url).await;
    let owner = store.insert_user(a_user()).await.unwrap().unwrap().id;
    let idempotency = Some(Idempotency { key: "k".into(), request_hash: [1; 32], expires_at: t0() });
    store.insert(NewSubmissions { idempotency, ..a_submission().by(owner).alone() }).await.unwrap();

    let (renewing, connection) = Endpoint::parse(&url, "test").unwrap().connect().await.unwrap();
    tokio::spawn(connection);
    let renew = "BEGIN; UPDATE idempotency_keys SET expires_at = expires_at + 3600000000";
    renewing.batch_execute(renew).await.unwrap();
    let purge = tokio::spawn({
        let (store, now) = (store.clone(), t0() + SignedDuration::from_secs(1));
        let cutoffs = RetentionCutoffs {
            now,
            deliveries_before: t0(),
            keys_before: t0(),
            workers_before: t0(),
            failures_before: t0(),
            snippets_before: t0(),
            drafts_before: t0(),
        };
        async move { store.purge_expired(cutoffs, 10).await }
    });
    let name = url.rsplit('/').next().unwrap();
    let waits = format!("SELECT count(*) FROM pg_stat_activity WHERE datname = '{name}' AND wait_event_type = 'Lock'");
    while server.psql(name, &waits) == "0" {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    renewing.batch_execute("COMMIT").await.unwrap();
    assert_eq!(purge.await.unwrap().unwrap().deleted, 0);
    let later = t0() + SignedDuration::from_secs(60);
    assert!(store.idempotent(owner, "k", later).await.unwrap().is_some());
    store.close().await;
}
