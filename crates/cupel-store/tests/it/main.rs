//! The store on SQLite keeps the rules of every store, and some of its own.

mod blobs;
mod file;
mod kill;
mod packages;
mod shared_packages;

use cupel_store::SqliteStore;
use cupel_testkit::Subject;

async fn make() -> Subject<SqliteStore> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = SqliteStore::open(&folder.path().join("cupel.db")).await.expect("a store");
    Subject::keeping(store, folder)
}

cupel_testkit::store_conformance!(make);
