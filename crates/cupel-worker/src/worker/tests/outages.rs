//! Runs that the store does not take back at once.

use cupel_store::{PostgresOptions, Timeouts};
use cupel_testkit::servers::Postgres;

use super::*;

/// Refuses, with a transient error, every write that queues a leased run again. Counts the refusals.
const REFUSE: &str = "
    CREATE SEQUENCE refusals;
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            PERFORM nextval('refusals');
            RAISE 'as scripted' USING ERRCODE = 'configuration_limit_exceeded';
        END
    $$;
    CREATE TRIGGER refuse BEFORE UPDATE ON runs FOR EACH ROW WHEN (OLD.state = 1 AND NEW.state = 0)
        EXECUTE FUNCTION refuse();";

/// The worker's database, which takes no run back until [`Database::recovers`].
struct Database(String);

impl Database {
    fn refusals(&self) -> u32 {
        let count = "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM refusals";
        Postgres::shared().psql(&self.0, count).parse().unwrap()
    }

    /// Waits until the store has refused to take back a run.
    async fn until_it_refused(&self) {
        let refused = async {
            while self.refusals() == 0 {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), refused).await.expect("a run is given back");
    }

    fn recovers(&self) {
        Postgres::shared().psql(&self.0, "DROP TRIGGER refuse ON runs");
    }
}

impl Bench {
    /// A worker, and its database.
    async fn that_cannot_give_back(slots: usize, script: Vec<Does>) -> (Bench, Database) {
        let url = Postgres::shared().database().await;
        let database = url.rsplit('/').next().unwrap().to_owned();
        // On a busy machine, the server may be slow.
        let timeouts = Timeouts { connect: Duration::from_secs(60), ..Timeouts::default() };
        let options = PostgresOptions { timeouts, ..PostgresOptions::new(url, "cupel") };
        let store = SqlStore::open_postgres(options).await.unwrap();
        Postgres::shared().psql(&database, REFUSE);
        let (data, ends) = (tempfile::tempdir().unwrap(), (Duration::ZERO, false));
        (Bench::with_store(store, data, 0, (slots, 0), ends, script, once()).await, Database(database))
    }
}

/// Regression: after one refused write, nobody renewed the lease. It expired, so that a live run that had never begun
/// ended as an internal error.
#[tokio::test(flavor = "multi_thread")]
async fn a_live_run_that_waits_during_an_outage_of_the_store_loses_no_attempt() {
    let (bench, database) = Bench::that_cannot_give_back(2, vec![Does::Ends, Does::Leaves]).await;
    let first = bench.submit_long(bench.owner, 1).await;
    bench.until_left(1).await;
    let live = bench.submit_live_in("python", bench.other).await;
    bench.until(live, |state| matches!(state, RunState::Leased { .. })).await;
    database.until_it_refused().await;
    assert_eq!(bench.shared.leases().len(), 2, "the lease is renewed");
    database.recovers();
    let state = bench.until(live, |state| !matches!(state, RunState::Leased { .. })).await;
    assert!(matches!(state, RunState::Queued { lost: 0, .. }), "{state:?}");
    bench.leave.store(true, Ordering::Release);
    // This is longer than the pause of a long run that was given back.
    bench.clock.advance(Duration::from_secs(2));
    for id in [first, live] {
        bench.until_judged(id).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_leased_in_advance_during_an_outage_of_the_store_loses_no_attempt() {
    let (bench, database) = Bench::that_cannot_give_back(1, vec![Does::Leaves, Does::Ends]).await;
    bench.until(bench.submit().await, RunState::is_final).await;
    let (long, next) = (bench.submit().await, bench.submit().await);
    database.until_it_refused().await;
    assert_eq!(bench.shared.leases().len(), 2, "the lease is renewed");
    database.recovers();
    let state = bench.until(next, |state| !matches!(state, RunState::Leased { .. })).await;
    assert!(matches!(state, RunState::Queued { lost: 0, .. }), "{state:?}");
    bench.leave.store(true, Ordering::Release);
    for id in [long, next] {
        bench.until_judged(id).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_drains_while_the_store_is_down_for_a_moment_loses_no_attempt() {
    let (bench, database) = Bench::that_cannot_give_back(1, vec![Does::WaitsForStop, Does::Ends]).await;
    bench.until(bench.submit().await, RunState::is_final).await;
    let (long, next) = (bench.submit().await, bench.submit().await);
    bench.until(next, |state| matches!(state, RunState::Leased { .. })).await;
    bench.shutdown.cancel();
    database.until_it_refused().await;
    database.recovers();
    for id in [long, next] {
        let state = bench.until(id, |state| !matches!(state, RunState::Leased { .. })).await;
        assert!(matches!(state, RunState::Queued { lost: 0, .. }), "{state:?}");
    }
    bench.worker.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_drains_during_an_outage_of_the_store_ends_before_the_outage() {
    let (bench, database) = Bench::that_cannot_give_back(1, vec![Does::WaitsForStop, Does::Ends]).await;
    bench.until(bench.submit().await, RunState::is_final).await;
    let (_long, next) = (bench.submit().await, bench.submit().await);
    bench.until(next, |state| matches!(state, RunState::Leased { .. })).await;
    bench.shutdown.cancel();
    tokio::time::timeout(Duration::from_secs(60), bench.worker).await.expect("the worker ends").unwrap();
    assert!(database.refusals() > 2, "each run was tried again");
    assert!(bench.shared.leases().is_empty());
}

/// A lease request that is dropped while the store grants the lease: see [`Core::next_run`].
#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_was_leased_for_nobody_during_an_outage_of_the_store_loses_no_attempt() {
    let (bench, database) = Bench::that_cannot_give_back(1, vec![]).await;
    bench.store.send_order(None, Order::Pause).await.unwrap();
    while !*bench.shared.is_paused.borrow() {
        tokio::task::yield_now().await;
    }
    let id = bench.submit().await;
    let request = bench.core.next_run(WorkerId::from_uuid(fresh()));
    assert!(tokio::time::timeout(Duration::ZERO, request).await.is_err(), "the lease takes a round trip");
    database.until_it_refused().await;
    database.recovers();
    let state = bench.until(id, |state| !matches!(state, RunState::Leased { .. })).await;
    assert!(matches!(state, RunState::Queued { lost: 0, .. }), "{state:?}");
}
