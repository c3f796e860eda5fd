//! Errors of opening a PostgreSQL database name the setting and the remedy.

use std::error::Error;

use cupel_core::{AccountStore as _, Clock as _, RunStore as _, SystemClock};
use cupel_store::{PostgresError, PostgresOptions, SqlStore};
use cupel_testkit::servers::Postgres;

use crate::postgres::open;

async fn refused(url: &str) -> PostgresError {
    SqlStore::open_postgres(PostgresOptions::new(url, "cupel")).await.expect_err("opening fails")
}

/// The error with all its sources, as the command line prints it.
fn with_sources(error: &PostgresError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

fn names_setting(error: &PostgresError) {
    let text = with_sources(error);
    assert!(text.contains("`store.url`"), "{text}");
    assert!(!text.contains("secret"), "{text}");
}

#[tokio::test]
async fn a_wrong_url_is_reported_with_the_setting() {
    let server = Postgres::shared();
    let url = server.url();
    let wrong = url.replace("secret", "other");
    assert!(matches!(refused(&wrong).await, error @ PostgresError::Login { .. } if { names_setting(&error); true }));
    let nobody = url.replacen("://cupel", "://nobody", 1);
    assert!(matches!(refused(&nobody).await, error @ PostgresError::Login { .. } if { names_setting(&error); true }));
    let nowhere = server.url_of("nowhere");
    assert!(
        matches!(refused(&nowhere).await, error @ PostgresError::NoDatabase { .. } if { names_setting(&error); true })
    );
    // A port on which nothing listens.
    let error = refused("postgres://u:secret@127.0.0.1:1/d").await;
    assert!(matches!(&error, PostgresError::Unreachable { place, .. } if place.ends_with("/d")), "{error:?}");
    names_setting(&error);
    // TLS is required, but the server does not support it.
    let error = refused(&format!("{url}?sslmode=require")).await;
    assert!(matches!(error, PostgresError::Unreachable { .. }), "{error:?}");
    names_setting(&error);
    assert!(matches!(refused("mysql://u@h/d").await, error @ PostgresError::Url(_) if { names_setting(&error); true }));
}

#[tokio::test]
async fn nodes_can_start_concurrently_on_an_empty_database() {
    let url = Postgres::shared().database().await;
    let nodes: Vec<_> = (0..8)
        .map(|_| {
            let url = url.clone();
            tokio::spawn(async move { open(&url).await })
        })
        .collect();
    for node in nodes {
        assert_eq!(node.await.unwrap().count_users().await.unwrap(), 0);
    }
}

#[tokio::test]
async fn a_database_belongs_to_one_cluster() {
    let url = Postgres::shared().database().await;
    open(&url).await;
    let other = SqlStore::open_postgres(PostgresOptions::new(&url, "other")).await;
    match other {
        Err(error @ PostgresError::OtherCluster { .. }) => {
            assert!(error.to_string().contains("`cluster.name`"), "{error}");
            names_setting(&error);
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_left_unchanged() {
    let server = Postgres::shared();
    let url = server.database().await;
    let name = url.rsplit('/').next().unwrap();
    open(&url).await.close().await;
    server.psql(name, "UPDATE cupel SET schema_version = 900");
    let error = refused(&url).await;
    assert!(matches!(error, PostgresError::Newer { version: 900, .. }), "{error:?}");
    assert_eq!(server.psql(name, "SELECT schema_version FROM cupel"), "900");
}

#[tokio::test]
async fn missing_rights_are_reported() {
    let server = Postgres::shared();
    let url = server.database().await;
    let name = url.rsplit('/').next().unwrap();
    server.psql(name, "CREATE ROLE guest LOGIN PASSWORD 'secret'; REVOKE CREATE ON SCHEMA public FROM PUBLIC");
    let guest = format!("postgres://guest:secret@127.0.0.1:{}/{name}", server.port());
    let error = refused(&guest).await;
    assert!(matches!(error, PostgresError::Rights { .. }), "{error:?}");
    names_setting(&error);
}

#[tokio::test]
async fn foreign_tables_are_left_unchanged() {
    let server = Postgres::shared();
    let url = server.database().await;
    let name = url.rsplit('/').next().unwrap();
    server.psql(name, "CREATE TABLE users (name TEXT); INSERT INTO users VALUES ('ada')");
    let error = refused(&url).await;
    assert!(matches!(error, PostgresError::Migrate { .. }), "{error:?}");
    names_setting(&error);
    assert_eq!(server.psql(name, "SELECT name FROM users"), "ada");
    assert_eq!(server.psql(name, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"), "1");
}

#[tokio::test]
async fn the_stores_clock_shows_the_databases_time() {
    let url = Postgres::shared().database().await;
    let slack = jiff::SignedDuration::from_secs(1);
    // The server uses this machine's clock, so the difference is the error of the measurement: half a round trip on
    // loopback. If the machine stalls during the round trip, the error is larger, so another store measures again.
    for attempt in 1.. {
        let store = open(&url).await;
        let clock = store.clock();
        let (before, now, after) = (SystemClock.now(), clock.now(), SystemClock.now());
        assert!(clock.now() >= now);
        if now >= before - slack && now <= after + slack && clock.skew().abs() < slack {
            break;
        }
        assert!(attempt < 20, "{before} {now} {after} {:?}", clock.skew());
    }
}
