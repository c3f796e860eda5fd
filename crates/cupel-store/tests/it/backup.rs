//! Backups of an SQLite database in use, and restoring them.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use cupel_core::{AccountStore as _, RunStore as _};
use cupel_store::{BackupError, SqlStore, back_up, restore};
use cupel_testkit::{a_submission, a_user};

fn nothing_else(folder: &Path, expected: &[&str]) {
    let mut names: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_of_a_database_in_use_has_everything_acknowledged_before_it() {
    let (folder, copies) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let path = folder.path().join("cupel.db");
    let store = SqlStore::open_sqlite(&path).await.unwrap();
    let owner = store.insert_user(a_user()).await.unwrap().unwrap().id;
    let mut ids = Vec::new();
    for _ in 0..50 {
        let new = a_submission().by(owner).alone();
        ids.push(new.submissions[0].0.id);
        store.insert(new).await.unwrap();
    }
    // Another task writes continuously.
    let busy = store.clone();
    let writing = tokio::spawn(async move {
        loop {
            busy.insert(a_submission().by(owner).stdin(&[7; 10_000]).alone()).await.unwrap();
        }
    });
    let copy = copies.path().join("copy.db");
    let (from, to) = (path.clone(), copy.clone());
    let bytes = tokio::task::spawn_blocking(move || back_up(&from, &to)).await.unwrap().unwrap();
    writing.abort();
    assert_eq!(bytes, std::fs::metadata(&copy).unwrap().len());
    assert_eq!(std::fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(matches!(back_up(&path, &copy), Err(BackupError::Exists { .. })));
    nothing_else(copies.path(), &["copy.db"]);

    let restored = copies.path().join("cupel.db");
    restore(&copy, &restored).unwrap();
    let again = SqlStore::open_sqlite(&restored).await.unwrap();
    assert_eq!(again.submissions(&ids).await.unwrap().len(), 50);
    again.insert(a_submission().by(owner).alone()).await.unwrap();
    assert!(matches!(restore(&copy, &restored), Err(BackupError::Exists { .. })), "a database is not overwritten");
}

#[tokio::test]
async fn a_damaged_copy_is_not_restored() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let path = at("cupel.db");
    let store = SqlStore::open_sqlite(&path).await.unwrap();
    let owner = store.insert_user(a_user()).await.unwrap().unwrap().id;
    for _ in 0..100 {
        store.insert(a_submission().by(owner).stdin(&[7; 10_000]).alone()).await.unwrap();
    }
    store.close().await;
    back_up(&path, &at("copy.db")).unwrap();
    let good = std::fs::read(at("copy.db")).unwrap();

    std::fs::write(at("no.db"), "dear diary, ".repeat(1000)).unwrap();
    assert!(matches!(restore(&at("no.db"), &at("new.db")), Err(BackupError::Source { .. })));
    assert!(matches!(restore(&at("missing.db"), &at("new.db")), Err(BackupError::Unread { .. })));
    std::fs::write(at("cut.db"), &good[..good.len() / 2]).unwrap();
    let cut = restore(&at("cut.db"), &at("new.db"));
    assert!(matches!(cut, Err(BackupError::Damaged { .. } | BackupError::Source { .. })), "{cut:?}");
    rusqlite::Connection::open(at("other.db")).unwrap().execute_batch("CREATE TABLE notes (text)").unwrap();
    assert!(matches!(restore(&at("other.db"), &at("new.db")), Err(BackupError::Stranger { .. })));
    let newer = rusqlite::Connection::open(at("copy.db")).unwrap();
    newer.execute_batch("PRAGMA user_version = 900").unwrap();
    drop(newer);
    assert!(matches!(restore(&at("copy.db"), &at("new.db")), Err(BackupError::Newer { version: 900, .. })));
    assert!(!at("new.db").exists());
    let left =
        || std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert!(!left().any(|name| name.ends_with(".part")), "{:?}", left().collect::<Vec<_>>());
}

/// After a server was killed, its log stays beside the database. SQLite would write the pages in it into any database
/// that gets the same name.
#[tokio::test]
async fn a_copy_never_gets_the_name_of_a_database_whose_log_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let store = SqlStore::open_sqlite(&at("cupel.db")).await.unwrap();
    let owner = store.insert_user(a_user()).await.unwrap().unwrap().id;
    back_up(&at("cupel.db"), &at("copy.db")).unwrap();
    for _ in 0..50 {
        store.insert(a_submission().by(owner).stdin(&[7; 10_000]).alone()).await.unwrap();
    }
    // What a killed server leaves, without the database that the operator removed.
    for suffix in ["-wal", "-shm"] {
        std::fs::copy(at(&format!("cupel.db{suffix}")), at(&format!("new.db{suffix}"))).unwrap();
    }
    assert!(std::fs::metadata(at("new.db-wal")).unwrap().len() > 0);
    let refused = restore(&at("copy.db"), &at("new.db"));
    assert!(matches!(&refused, Err(BackupError::Leftover { path }) if *path == at("new.db-wal")), "{refused:?}");
    let refused = back_up(&at("cupel.db"), &at("new.db"));
    assert!(matches!(refused, Err(BackupError::Leftover { .. })), "{refused:?}");
    assert!(!at("new.db").exists());
    std::fs::rename(at("new.db-wal"), at("new.db-journal")).unwrap();
    let refused = restore(&at("copy.db"), &at("new.db"));
    assert!(matches!(&refused, Err(BackupError::Leftover { path }) if *path == at("new.db-journal")), "{refused:?}");

    // An empty log and the index of a log contain no changes.
    std::fs::remove_file(at("new.db-journal")).unwrap();
    std::fs::write(at("new.db-wal"), b"").unwrap();
    restore(&at("copy.db"), &at("new.db")).unwrap();
    let again = SqlStore::open_sqlite(&at("new.db")).await.unwrap();
    assert!(again.user(owner).await.unwrap().is_some());
    again.close().await;
    let restored = rusqlite::Connection::open(at("new.db")).unwrap();
    let finding: String = restored.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(finding, "ok");
    let submissions: i64 = restored.query_row("SELECT count(*) FROM code_submissions", [], |row| row.get(0)).unwrap();
    assert_eq!(submissions, 0);
}

/// Other users may write to the folder of the backup, for example `/tmp`.
#[tokio::test]
async fn a_backup_does_not_follow_a_symbolic_link() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    SqlStore::open_sqlite(&at("cupel.db")).await.unwrap().close().await;
    std::fs::write(at("precious"), "what was there").unwrap();
    std::os::unix::fs::symlink(at("precious"), at("copy.db.part")).unwrap();
    back_up(&at("cupel.db"), &at("copy.db")).unwrap();
    assert_eq!(std::fs::read(at("precious")).unwrap(), b"what was there");
    assert!(at("copy.db").is_file() && at("copy.db.part").is_symlink());
}
