//! The use cases over the real embedded adapters, with a clock that the test controls.

mod accounts;
mod authoring;
mod contests;
mod drafts;
mod leases;
mod live;
mod nodes;
mod packages;
mod positions;
mod result_cache;
mod routing;
mod snippets;
mod submitting;
mod sweeping;
mod viewing;
mod webhooks;

use std::sync::Arc;
use std::time::Duration;

use cupel_core::accounts::{AccountSettings, Accounts, KeyBounds, PasswordCost};
use cupel_core::{
    Assignment, AuthenticatedUser, Bounds, Clock as _, Core, CoreParts, EventBus, LeasePolicy, RunStore as _, Store,
};
use cupel_events::EmbeddedBus;
use cupel_queue::EmbeddedQueue;
use cupel_store::{LocalPackages, SqlStore};
use cupel_testkit::{FakeClock, SubmissionBuilder, Unlimited, a_report, a_submission, a_user, registry};
use cupel_types::{SubmissionId, UserId, WorkerId};

/// Core on an empty store.
struct App {
    core: Core,
    clock: FakeClock,
    store: Arc<SqlStore>,
    owner: UserId,
    folder: tempfile::TempDir,
}

impl App {
    async fn start() -> App {
        App::with_queue(EmbeddedQueue::default()).await
    }

    async fn with_queue(queue: EmbeddedQueue) -> App {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let store = Arc::new(SqlStore::open_sqlite(&folder.path().join("cupel.db")).await.expect("a store"));
        let clock = FakeClock::default();
        let core = core_on(&store, &clock, queue);
        let owner = another_user(&*store).await;
        App { core, clock, store, owner, folder }
    }

    /// A new process after a kill: everything in memory is lost, the store is unchanged.
    fn restarted(&self) -> Core {
        core_on(&self.store, &self.clock, EmbeddedQueue::default())
    }

    fn me(&self) -> AuthenticatedUser {
        AuthenticatedUser::of(self.owner)
    }

    async fn submit(&self, submission: SubmissionBuilder) -> SubmissionId {
        self.core.submit(self.owner, vec![submission.as_sent()], None, &Unlimited).await.expect("accepted").ids[0]
    }

    async fn submit_one(&self) -> SubmissionId {
        self.submit(a_submission()).await
    }

    async fn state(&self, id: SubmissionId) -> cupel_core::run::RunState {
        self.store.submission(id).await.unwrap().expect("a record").state
    }

    fn accounts(&self) -> Accounts {
        let password_cost = PasswordCost { memory_kib: 64, passes: 1, lanes: 1 };
        let keys = KeyBounds { live_max: 3, stored_max: 5 };
        let settings = AccountSettings { password_cost, keys, ..AccountSettings::default() };
        Accounts::new(self.store.clone(), Arc::new(self.clock.clone()), settings)
    }
}

fn core_on(store: &Arc<SqlStore>, clock: &FakeClock, queue: EmbeddedQueue) -> Core {
    core_with(store, clock, queue, Bounds::default())
}

fn core_with(store: &Arc<SqlStore>, clock: &FakeClock, queue: EmbeddedQueue, bounds: Bounds) -> Core {
    core_of(store, clock, Arc::new(queue), Arc::new(EmbeddedBus::default()), bounds)
}

fn core_of(
    store: &Arc<SqlStore>,
    clock: &FakeClock,
    queue: Arc<EmbeddedQueue>,
    events: Arc<dyn EventBus>,
    bounds: Bounds,
) -> Core {
    Core::new(CoreParts { bounds, ..parts(store, clock, queue, events) })
}

fn parts(store: &Arc<SqlStore>, clock: &FakeClock, queue: Arc<EmbeddedQueue>, events: Arc<dyn EventBus>) -> CoreParts {
    CoreParts {
        store: store.clone(),
        queue,
        events,
        packages: Arc::new(packages()),
        clock: Arc::new(clock.clone()),
        registry: registry(),
        policy: LeasePolicy { lease: Duration::from_secs(30), attempts_max: 3 },
        bounds: Bounds::default(),
    }
}

/// Packages in a temporary folder that all tests of the process share.
fn packages() -> LocalPackages {
    static FOLDER: std::sync::LazyLock<tempfile::TempDir> =
        std::sync::LazyLock::new(|| tempfile::tempdir().expect("a temporary folder"));
    LocalPackages::open(FOLDER.path(), registry()).expect("a folder")
}

async fn another_user(store: &impl Store) -> UserId {
    store.insert_user(a_user()).await.unwrap().unwrap().id
}

fn worker() -> WorkerId {
    WorkerId::from_uuid(cupel_testkit::fresh())
}

async fn next(core: &Core) -> Assignment {
    core.next_run(worker()).await.expect("a run")
}

async fn finish(core: &Core, assignment: &Assignment) {
    assert!(core.complete(assignment, a_report(b"42\n"), Vec::new()).await.unwrap());
}

#[tokio::test]
async fn a_submission_goes_from_source_to_verdict() {
    let app = App::start().await;
    let id = app.submit_one().await;
    let assignment = next(&app.core).await;
    assert_eq!((assignment.leased.submission.id, assignment.leased.attempt), (id, 1));
    assert_eq!(assignment.leased.until, app.clock.now() + Duration::from_secs(30));
    finish(&app.core, &assignment).await;
    let record = app.core.submission(&app.me(), id).await.unwrap().expect("a record");
    assert_eq!(record.report, Some(a_report(b"42\n")));
    assert!(app.folder.path().exists());
}
