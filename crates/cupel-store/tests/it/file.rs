//! The database file: modes, versions, durability settings, a full disk.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use cupel_core::accounts::{AccountChange, MembershipStore as _};
use cupel_core::{AccountStore as _, RunStore as _, Store};
use cupel_store::{OpenError, ServeLock, SqlStore};
use cupel_testkit::{a_submission, a_user, t0};

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn raw(path: &Path) -> rusqlite::Connection {
    rusqlite::Connection::open(path).unwrap()
}

async fn submit(store: &impl Store) -> cupel_types::SubmissionId {
    let owner = store.insert_user(a_user()).await.unwrap().unwrap().id;
    let new = a_submission().by(owner).alone();
    let id = new.submissions[0].0.id;
    store.insert(new).await.unwrap();
    id
}

#[tokio::test]
async fn only_the_owner_can_read_the_data() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a/b/cupel.db");
    let store = SqlStore::open_sqlite(&path).await.unwrap();
    submit(&store).await;
    assert_eq!(mode(&folder.path().join("a")), 0o700);
    assert_eq!(mode(&folder.path().join("a/b")), 0o700);
    for file in std::fs::read_dir(folder.path().join("a/b")).unwrap() {
        let file = file.unwrap().path();
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
    store.close().await;
}

#[tokio::test]
async fn accepted_submissions_survive_reopening() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cupel.db");
    let store = SqlStore::open_sqlite(&path).await.unwrap();
    let id = submit(&store).await;
    // The first store is not closed, as after a kill.
    let again = SqlStore::open_sqlite(&path).await.unwrap();
    assert!(again.submission(id).await.unwrap().is_some());
    again.close().await;
    assert!(store.submission(id).await.unwrap().is_some());
}

#[tokio::test]
async fn a_closed_store_returns_errors() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqlStore::open_sqlite(&folder.path().join("cupel.db")).await.unwrap();
    store.close().await;
    assert!(store.insert_user(a_user()).await.is_err());
    assert!(store.ping().await.is_err());
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_left_unchanged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cupel.db");
    SqlStore::open_sqlite(&path).await.unwrap().close().await;
    let raw = raw(&path);
    raw.execute_batch("PRAGMA user_version = 900").unwrap();
    let refused = SqlStore::open_sqlite(&path).await;
    match refused {
        Err(error @ OpenError::Newer { version: 900, .. }) => {
            assert!(error.to_string().contains("newer version of cupel"), "{error}");
        }
        other => panic!("{other:?}"),
    }
    let count: i64 = raw.query_row("SELECT count(*) FROM users", [], |row| row.get(0)).unwrap();
    assert_eq!(count, 0);
}

#[tokio::test]
async fn a_file_that_is_not_a_database_is_refused_and_unchanged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cupel.db");
    std::fs::write(&path, "dear diary, ".repeat(100)).unwrap();
    assert!(matches!(SqlStore::open_sqlite(&path).await, Err(OpenError::Database { .. } | OpenError::Migrate { .. })));
    assert!(std::fs::read_to_string(&path).unwrap().starts_with("dear diary"));
}

#[test]
fn only_one_process_serves_from_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("cupel.db");
    let held = ServeLock::take(&database).unwrap().expect("the lock is free");
    assert!(ServeLock::take(&database).unwrap().is_none());
    drop(held);
    assert!(ServeLock::take(&database).unwrap().is_some());
}

/// Number of commits in the write-ahead log. The log has a header of 32 bytes, then frames of 24 bytes and a page each.
/// Bytes 4 to 8 of a frame are not zero if it ends a transaction. Frames of an earlier round of the log have another
/// salt (bytes 8 to 16). Source: sqlite.org, "WAL-mode File Format".
fn commits(database: &Path) -> usize {
    let log = std::fs::read(database.with_extension("db-wal")).unwrap();
    let salt = &log[16..24];
    let frames = log[32..].chunks_exact(24 + 4096);
    frames.filter(|f| &f[8..16] == salt && f[4..8] != [0; 4]).count()
}

/// One statement for all of them would take too long: SQLite accepts no other write meanwhile, and PostgreSQL ends a
/// long statement.
#[tokio::test]
async fn the_webhooks_of_a_deleted_user_are_removed_in_steps() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cupel.db");
    let store = SqlStore::open_sqlite(&path).await.unwrap();
    let owner = store.insert_user(a_user()).await.unwrap().unwrap().id;
    let new = a_submission().by(owner).webhook("https://example.test/hook").alone();
    store.insert(new).await.unwrap();
    // 1199 ended runs with an ended delivery each, copied from this one.
    let raw = raw(&path);
    raw.pragma_update(None, "foreign_keys", false).unwrap();
    let copies = "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 1199) \
         INSERT INTO runs (id, submission, owner, class, webhook, state, attempts, lost, due_at) \
         SELECT randomblob(16), submission, owner, class, webhook, 2, 1, 0, due_at FROM runs, n; \
         INSERT INTO webhook_deliveries (id, submission, owner, url, tries, ended_at) \
         SELECT id, submission, owner, webhook, 1, 0 FROM runs WHERE state = 2";
    raw.execute_batch(copies).unwrap();
    assert_eq!(store.delete_user(owner, t0()).await.unwrap(), AccountChange::Done);
    let count = |sql: &str| raw.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    let mut left = Vec::new();
    loop {
        let runs = count("SELECT count(*) FROM runs WHERE webhook IS NOT NULL");
        left.push((runs, count("SELECT count(*) FROM webhook_deliveries")));
        if store.users_to_cancel(None, 1).await.unwrap().is_empty() {
            break;
        }
        store.end_cancelling(owner, t0()).await.unwrap();
    }
    assert_eq!(left, [(1199, 1199), (699, 699), (199, 199), (0, 0)]);
}

#[tokio::test]
async fn queued_commands_share_one_commit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cupel.db");
    let store = SqlStore::open_sqlite(&path).await.unwrap();
    let owner = store.insert_user(a_user()).await.unwrap().unwrap().id;
    let before = commits(&path);

    // Another connection holds the write lock, so the writer blocks with the first commands, and the others queue up.
    let other = raw(&path);
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut inserts: Vec<_> = (0..100).map(|_| store.insert(a_submission().by(owner).alone())).collect();
    for insert in &mut inserts {
        let first_poll = std::future::poll_fn(|context| std::task::Poll::Ready(insert.as_mut().poll(context))).await;
        assert!(first_poll.is_pending());
    }
    other.execute_batch("ROLLBACK").unwrap();
    for insert in inserts {
        insert.await.unwrap();
    }
    let made = commits(&path) - before;
    assert!((1..=2).contains(&made), "{made} commits for 100 insertions");
    assert_eq!(store.list(Some(owner), 0, 1).await.unwrap().1, 100);
}
