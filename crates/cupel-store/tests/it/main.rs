//! The stores on SQLite and PostgreSQL pass the conformance tests of the `Store` port, and adapter-specific tests.

mod backup;
mod blobs;
mod file;
mod kill;
mod large;
mod migrations;
mod moving;
mod opening;
mod outages;
mod packages;
mod purging;
mod shared_packages;
mod watched;

/// The conformance tests on SQLite.
mod sqlite {
    use std::sync::Arc;

    use cupel_store::SqlStore;
    use cupel_testkit::Subject;

    async fn make() -> Subject<SqlStore> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let store = SqlStore::open_sqlite(&folder.path().join("cupel.db")).await.expect("a store");
        Subject::keeping(store, folder)
    }

    /// Two stores on one file, like those of a server and of a command that runs at the same time.
    async fn make_nodes() -> Subject<Vec<Arc<SqlStore>>> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("cupel.db");
        let nodes = [SqlStore::open_sqlite(&path).await, SqlStore::open_sqlite(&path).await];
        Subject::keeping(nodes.map(|node| Arc::new(node.expect("a store"))).into(), folder)
    }

    cupel_testkit::store_conformance!(make);
    cupel_testkit::store_nodes_conformance!(make_nodes);
}

/// The conformance tests on PostgreSQL, each with a new database.
mod postgres {
    use std::sync::Arc;
    use std::time::Duration;

    use cupel_store::{PostgresOptions, SqlStore, Timeouts};
    use cupel_testkit::Subject;
    use cupel_testkit::servers::Postgres;

    pub(crate) async fn open(url: &str) -> SqlStore {
        // A slow machine connects slowly.
        let timeouts = Timeouts { connect: Duration::from_secs(60), ..Timeouts::default() };
        let options = PostgresOptions { timeouts, ..PostgresOptions::new(url, "cupel") };
        SqlStore::open_postgres(options).await.expect("a store")
    }

    async fn make() -> Subject<SqlStore> {
        Subject::new(open(&Postgres::shared().database().await).await)
    }

    async fn make_nodes() -> Subject<Vec<Arc<SqlStore>>> {
        let url = Postgres::shared().database().await;
        let nodes = [open(&url).await, open(&url).await, open(&url).await];
        Subject::new(nodes.map(Arc::new).into())
    }

    cupel_testkit::store_conformance!(make);
    cupel_testkit::rules!(cupel_testkit::store, make, [one_node_leads_until_it_is_silent]);
    cupel_testkit::store_nodes_conformance!(make_nodes);
}
