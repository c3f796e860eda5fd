//! Workers with different languages: each gets the runs it can judge, and runs that no worker can judge do not delay
//! others.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use cupel_core::cluster::{ClusterStore as _, Order, WORKER_GONE_AFTER, WorkerBeat, unserved};
use cupel_core::event::Seq;
use cupel_core::run::RunState;
use cupel_core::{Bounds, Clock as _, Core, CoreParts, Hinted, Needs, Queue, QueueError, RunHint, SubmitError};
use cupel_events::EmbeddedBus;
use cupel_languages::{Pulling, Registry};
use cupel_queue::EmbeddedQueue;
use cupel_testkit::{Unlimited, a_submission, registry};
use cupel_types::{LanguageId, SubmissionId, UserId, WorkerId};
use futures_util::future::join_all;

use super::{App, core_of, finish, parts};

/// An API node, and the store and queue that its workers share with it.
struct Site {
    app: App,
    queue: Arc<EmbeddedQueue>,
    api: Core,
}

struct Worker {
    core: Core,
    beat: WorkerBeat,
}

fn versions(languages: &[&str]) -> BTreeMap<LanguageId, String> {
    languages.iter().map(|id| (id.parse().unwrap(), "1".to_owned())).collect()
}

fn needs(languages: &[&str]) -> Needs {
    versions(languages).into_keys().collect()
}

impl Site {
    async fn start() -> Site {
        Site::with_queue(EmbeddedQueue::default()).await
    }

    async fn with_queue(queue: EmbeddedQueue) -> Site {
        let app = App::start().await;
        let queue = Arc::new(queue);
        let api = node(&app, &queue);
        Site { app, queue, api }
    }

    /// A worker with these languages that has sent its heartbeat.
    async fn worker(&self, languages: &[&str]) -> Worker {
        let core = node(&self.app, &self.queue);
        core.set_registry(registry().with_versions(&versions(languages), &[].into(), "not on this machine"));
        let beat = WorkerBeat {
            id: WorkerId::from_uuid(cupel_testkit::fresh()),
            name: languages.join(" "),
            version: "1".into(),
            slots: 1,
            busy: 0,
            judged_last_minute: 0,
            languages: versions(languages),
            libraries: BTreeMap::new(),
            pulling: BTreeMap::new(),
            order: Order::Work,
        };
        let worker = Worker { core, beat };
        self.hear(&worker).await;
        worker
    }

    async fn hear(&self, worker: &Worker) {
        self.app.store.beat(worker.beat.clone(), self.app.clock.now()).await.unwrap();
        worker.core.join_workers().await.unwrap();
    }

    /// Sends the heartbeats of the workers that are alive, and updates all nodes' routes.
    async fn send_heartbeats(&self, workers: &[&Worker]) {
        for _ in 0..2 {
            for worker in workers {
                self.hear(worker).await;
            }
        }
        self.api.offer_languages_of_workers(None).await.unwrap();
    }

    async fn submit(&self, language: &str) -> SubmissionId {
        let new = a_submission().in_language(language).as_sent();
        self.api.submit(self.app.owner, vec![new], None, &Unlimited).await.expect("accepted").ids[0]
    }

    async fn depth(&self) -> usize {
        self.api.queue_depth().await.unwrap()
    }

    /// A site with a worker for Python, on which two runs in C wait: their worker was killed, and the broker has lost
    /// all hints.
    async fn with_unserved_runs() -> (Site, Worker, [SubmissionId; 2]) {
        let site = Site::start().await;
        let (python, c) = (site.worker(&["python"]).await, site.worker(&["c"]).await);
        site.send_heartbeats(&[&python, &c]).await;
        let waits = [site.submit("c").await, site.submit("c").await];
        drop(c);
        site.app.clock.advance(Duration::try_from(WORKER_GONE_AFTER).unwrap());
        let (site, python) = site.restarted(python).await;
        site.send_heartbeats(&[&python]).await;
        (site, python, waits)
    }

    /// The queue loses all hints, and the API node restarts. The worker becomes another process with the same
    /// languages.
    async fn restarted(self, worker: Worker) -> (Site, Worker) {
        let queue = Arc::new(EmbeddedQueue::default());
        let api = node(&self.app, &queue);
        let site = Site { queue, api, ..self };
        let core = node(&site.app, &site.queue);
        core.set_registry((*worker.core.registry()).clone());
        (site, Worker { core, ..worker })
    }
}

/// A language file was added or changed on a node that runs no programs.
#[tokio::test]
async fn an_api_node_offers_the_workers_languages_by_the_definitions_that_it_has_read_again() {
    let site = Site::start().await;
    let python: LanguageId = "python".parse().unwrap();
    let course: LanguageId = "python-course".parse().unwrap();
    let mut worker = site.worker(&["python"]).await;
    worker.beat.languages.extend(versions(&["python-course"]));
    site.send_heartbeats(&[&worker]).await;
    assert!(site.api.registry().get(&course).is_none(), "no file of the node defines it");

    let shipped = Registry::load(None).unwrap();
    let mut languages: Vec<_> = shipped.iter().cloned().collect();
    let mut added = shipped.get(&python).unwrap().clone();
    (added.id, added.version_of) = (course.clone(), Some(python.clone()));
    (added.aliases, added.extensions, added.facades) = Default::default();
    languages.iter_mut().find(|language| language.id == python).unwrap().name = "Python of this school".to_owned();
    languages.push(added);
    let read_again = Registry::new(languages).unwrap();
    site.api.offer_languages_of_workers(Some(&read_again)).await.unwrap();
    let registry = site.api.registry();
    assert!(registry.get(&course).unwrap().is_available());
    let python = registry.get(&python).unwrap();
    assert!(python.is_available() && python.name == "Python of this school");

    // The file was removed.
    site.api.offer_languages_of_workers(Some(&shipped)).await.unwrap();
    assert!(site.api.registry().get(&course).is_none());
}

fn node(app: &App, queue: &Arc<EmbeddedQueue>) -> Core {
    core_of(&app.store, &app.clock, Arc::clone(queue), Arc::new(EmbeddedBus::default()), Bounds::default())
}

impl Worker {
    /// Judges the next run; returns its submission.
    async fn judge(&self) -> SubmissionId {
        let assignment = self.core.next_run(self.beat.id).await.expect("a run");
        finish(&self.core, &assignment).await;
        assignment.leased.submission.id
    }

    /// Checks that no run waits for this worker, which has Python: it gets a run that is submitted only now.
    async fn assert_no_run(&self, site: &Site) {
        let id = site.submit("python").await;
        assert_eq!(self.judge().await, id);
    }
}

#[tokio::test]
async fn each_worker_gets_runs_in_its_languages() {
    let site = Site::start().await;
    let (python, both) = (site.worker(&["python"]).await, site.worker(&["c", "python"]).await);
    site.send_heartbeats(&[&python, &both]).await;
    let mut c = Vec::new();
    for _ in 0..20 {
        c.push(site.submit("c").await);
    }
    // The new run does not wait behind the C runs, which only one worker can judge.
    let id = site.submit("python").await;
    assert_eq!(python.judge().await, id);
    python.assert_no_run(&site).await;
    for id in c {
        assert_eq!(both.judge().await, id);
    }
    let id = site.submit("python").await;
    assert_eq!(both.judge().await, id);
}

/// Regression: the worker still took from the queue of the language, and dropped the hints.
#[tokio::test]
async fn a_worker_that_has_lost_a_language_leaves_its_runs_to_others() {
    let site = Site::start().await;
    let (python, mut loses) = (site.worker(&["python"]).await, site.worker(&["c", "python"]).await);
    let keeps = site.worker(&["c", "python"]).await;
    site.send_heartbeats(&[&python, &loses, &keeps]).await;
    // It takes from the queue already when it loses the language.
    let (core, id) = (loses.core.clone(), loses.beat.id);
    let idle = tokio::spawn(async move { core.next_run(id).await });
    let reads = site.submit("c").await;
    assert_eq!(idle.await.unwrap().expect("a run").leased.submission.id, reads);
    let core = loses.core.clone();
    let mut idle = tokio::spawn(async move { core.next_run(id).await });

    loses.beat.languages = versions(&["python"]);
    loses.core.set_registry(registry().with_versions(&loses.beat.languages, &[].into(), "its engine has stopped"));
    site.send_heartbeats(&[&python, &loses, &keeps]).await;
    let id = site.submit("c").await;
    assert!(tokio::time::timeout(Duration::from_millis(100), &mut idle).await.is_err(), "it waits for other runs");
    assert_eq!(site.depth().await, 1, "the hint is in the queue");
    assert_eq!(keeps.judge().await, id);

    // The worker has the language again.
    loses.beat.languages = versions(&["c", "python"]);
    loses.core.set_registry(registry().with_versions(&loses.beat.languages, &[].into(), "not on this machine"));
    site.send_heartbeats(&[&python, &loses, &keeps]).await;
    let id = site.submit("c").await;
    assert_eq!(idle.await.unwrap().expect("a run").leased.submission.id, id);
}

#[tokio::test]
async fn a_hint_at_the_wrong_worker_costs_no_attempt_and_the_right_worker_gets_the_run() {
    let site = Site::start().await;
    // No node knows any worker yet, so every hint goes to the common queue.
    let id = site.submit("c").await;
    let (python, c) = (site.worker(&["python"]).await, site.worker(&["c"]).await);
    python.assert_no_run(&site).await;
    assert_eq!(site.depth().await, 0, "the hint is gone");
    assert_eq!(site.app.state(id).await, RunState::Queued { attempts: 0, lost: 0 });
    site.send_heartbeats(&[&python, &c]).await;
    assert_eq!(site.api.sweep().await.unwrap().offered, 1);
    python.assert_no_run(&site).await;
    assert_eq!(c.judge().await, id);
}

#[tokio::test]
async fn a_submission_is_refused_while_no_worker_has_its_languages() {
    let site = Site::start().await;
    let python = site.worker(&["python"]).await;
    site.send_heartbeats(&[&python]).await;
    let submit = async |language: &str, also: &[&str]| {
        let mut new = a_submission().in_language(language).as_sent();
        new.also_needs = needs(also);
        site.api.submit(site.app.owner, vec![new], None, &Unlimited).await
    };
    for (language, also, expected) in [("c", &[][..], needs(&["c"])), ("python", &["cpp"], needs(&["cpp", "python"]))] {
        match submit(language, also).await {
            Err(SubmitError::NoWorker { needs, pulling, retry_after }) => {
                assert_eq!((needs, pulling), (expected, None));
                assert!(retry_after >= Duration::from_secs(1));
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(site.api.counts().await.unwrap().queued, 0);
    // The new worker is known at once, not only after the next refresh.
    let _c = site.worker(&["c", "cpp"]).await;
    submit("c", &[]).await.expect("accepted");
    // Only two workers together have all of these languages.
    assert!(matches!(submit("python", &["cpp"]).await, Err(SubmitError::NoWorker { .. })));
}

#[tokio::test]
async fn a_node_without_workers_knows_from_their_heartbeats_when_a_full_queue_has_space() {
    let site = Site::with_queue(EmbeddedQueue::new(30)).await;
    let mut worker = site.worker(&["python"]).await;
    for _ in 0..30 {
        site.submit("python").await;
    }
    // A tenth of the 30 runs that wait.
    for (judged_last_minute, seconds) in [(0, 60), (60, 3), (20, 9), (600, 1)] {
        worker.beat.judged_last_minute = judged_last_minute;
        site.send_heartbeats(&[&worker]).await;
        let new = a_submission().in_language("python").as_sent();
        match site.api.submit(site.app.owner, vec![new], None, &Unlimited).await {
            Err(SubmitError::QueueFull { retry_after }) => assert_eq!(retry_after.as_secs(), seconds),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_submission_in_a_language_whose_image_is_being_pulled_waits_for_the_image_unless_the_pull_fails() {
    let site = Site::start().await;
    let (mut python, mut other) = (site.worker(&["python"]).await, site.worker(&["python"]).await);
    let c: LanguageId = "c".parse().unwrap();
    let pulling = |failure: Option<&str>| [(c.clone(), Pulling { failure: failure.map(str::to_owned) })].into();
    let refused = async |language: &str| {
        let new = a_submission().in_language(language).as_sent();
        match site.api.submit(site.app.owner, vec![new], None, &Unlimited).await {
            Err(SubmitError::NoWorker { pulling, .. }) => {
                pulling.map(|(language, reason)| format!("{language}: {reason}"))
            }
            other => panic!("{other:?}"),
        }
    };
    python.beat.pulling = pulling(Some("the registry failed"));
    site.send_heartbeats(&[&python, &other]).await;
    let failed = "c: its image could not be pulled so far; the attempts continue";
    assert_eq!(refused("c").await.as_deref(), Some(failed));
    // Another worker pulls the same image, and has not failed.
    other.beat.pulling = pulling(None);
    site.send_heartbeats(&[&python, &other]).await;
    let waits = site.submit("c").await;
    assert_eq!(refused("cpp").await, None);
    // No worker will have both languages: the one with `cpp` does not pull `c`.
    let cpp = site.worker(&["cpp"]).await;
    site.send_heartbeats(&[&python, &other, &cpp]).await;
    let mut both = a_submission().in_language("c").as_sent();
    both.also_needs = needs(&["cpp"]);
    let answer = site.api.submit(site.app.owner, vec![both], None, &Unlimited).await;
    assert!(matches!(answer, Err(SubmitError::NoWorker { pulling: None, .. })), "{answer:?}");
    let mut log = site.api.follow(&site.app.me(), waits, Seq::default()).await.unwrap().expect("it is visible");
    let queued = log.next().await.expect("an event");
    assert_eq!((queued.position, queued.pulling), (Some(1), Some(c.clone())), "the client is told why the run waits");
    // One of the workers has the image now; the other one still pulls it.
    other.beat.pulling.clear();
    other.beat.languages = versions(&["c", "python"]);
    other.core.set_registry(registry().with_versions(&other.beat.languages, &[].into(), "not on this machine"));
    site.send_heartbeats(&[&python, &other]).await;
    assert!(site.api.registry().find("c").unwrap().is_available());
    // A client that comes now gets no such reason.
    let mut log = site.api.follow(&site.app.me(), waits, Seq::default()).await.unwrap().expect("it is visible");
    assert_eq!(log.next().await.expect("an event").pulling, None);
    site.app.clock.advance(Duration::from_secs(1));
    site.api.sweep().await.unwrap();
    assert_eq!(other.judge().await, waits);
    let id = site.submit("c").await;
    python.assert_no_run(&site).await;
    assert_eq!(other.judge().await, id);
}

#[tokio::test]
async fn a_run_whose_last_worker_left_waits_for_the_next_and_does_not_delay_others() {
    let (site, python, waits) = Site::with_unserved_runs().await;
    let swept = site.api.sweep().await.unwrap();
    assert_eq!((swept.offered, swept.unserved), (0, 2));
    assert_eq!(site.depth().await, 0);
    let now = site.app.clock.now();
    assert_eq!(unserved(&*site.app.store, now).await.unwrap(), [(needs(&["c"]), 2)]);
    let id = site.submit("python").await;
    assert_eq!(python.judge().await, id);
    // One of the runs is cancelled, which a later walk notices.
    site.api.cancel(&site.app.me(), waits[1]).await.unwrap();
    let mut swept = site.api.sweep().await.unwrap();
    for _ in 0..30 {
        swept = site.api.sweep().await.unwrap();
    }
    assert_eq!((swept.offered, swept.unserved), (0, 1));

    let c = site.worker(&["c"]).await;
    site.send_heartbeats(&[&python, &c]).await;
    let swept = site.api.sweep().await.unwrap();
    assert_eq!((swept.offered, swept.unserved), (1, 0));
    assert_eq!(c.judge().await, waits[0]);
    assert!(unserved(&*site.app.store, now).await.unwrap().is_empty());
}

/// Regression: the metric was zero until they were counted again, so its alert resolved or never fired.
#[tokio::test]
async fn while_runs_without_a_worker_are_counted_again_their_last_number_is_reported() {
    let (site, python, waits) = Site::with_unserved_runs().await;
    // With so many hints in the queue, a sweep does not search at once for the few that are missing.
    for _ in 0..65 {
        site.submit("python").await;
    }
    assert_eq!(site.api.sweep().await.unwrap().unserved, 2);
    // A worker joins, so a new count is due.
    let both = site.worker(&["python", "cpp"]).await;
    site.send_heartbeats(&[&python, &both]).await;
    assert_eq!(site.api.sweep().await.unwrap().unserved, 2);
    for id in waits {
        site.api.cancel(&site.app.me(), id).await.unwrap();
    }
    let mut unserved = None;
    for _ in 0..30 {
        unserved = Some(site.api.sweep().await.unwrap().unserved);
    }
    assert_eq!(unserved, Some(0));
}

#[tokio::test]
async fn runs_in_a_language_queue_are_found_when_all_workers_have_equal_languages() {
    let site = Site::start().await;
    let (python, both) = (site.worker(&["python"]).await, site.worker(&["c", "python"]).await);
    site.send_heartbeats(&[&python, &both]).await;
    let id = site.submit("c").await;
    // The worker without C is replaced, and then the other worker restarts. No worker takes from the language queue any
    // more.
    drop((python, both));
    site.app.clock.advance(Duration::try_from(WORKER_GONE_AFTER).unwrap());
    let alike = site.worker(&["c", "python"]).await;
    site.send_heartbeats(&[&alike]).await;
    site.api.sweep().await.unwrap();
    let judged = tokio::time::timeout(Duration::from_secs(120), alike.judge()).await;
    assert_eq!(judged.expect("the run is leased again"), id);
    // The hint is not published again.
    assert_eq!(site.api.sweep().await.unwrap().offered, 0);
}

#[tokio::test]
async fn hints_in_a_queue_without_consumers_do_not_hide_lost_hints() {
    let site = Site::start().await;
    let (python, c) = (site.worker(&["python"]).await, site.worker(&["c"]).await);
    site.send_heartbeats(&[&python, &c]).await;
    let cancelled = [site.submit("c").await, site.submit("c").await];
    drop(c);
    site.app.clock.advance(Duration::try_from(WORKER_GONE_AFTER).unwrap());
    site.send_heartbeats(&[&python]).await;
    for id in cancelled {
        site.api.cancel(&site.app.me(), id).await.unwrap();
    }
    let id = site.submit("python").await;
    // The run's hint is lost.
    site.queue.next().await.unwrap();
    for _ in 0..31 {
        site.api.sweep().await.unwrap();
    }
    let judged = tokio::time::timeout(Duration::from_secs(120), python.judge()).await;
    assert_eq!(judged.expect("the run whose hint was lost"), id);
}

#[tokio::test]
async fn the_position_counts_only_the_runs_in_the_same_language_queue() {
    let site = Site::start().await;
    let (python, both) = (site.worker(&["python"]).await, site.worker(&["c", "python"]).await);
    site.send_heartbeats(&[&python, &both]).await;
    let mut ids = Vec::new();
    for language in ["c", "python", "python", "c"] {
        site.app.clock.advance(Duration::from_secs(1));
        ids.push(site.submit(language).await);
    }
    for (id, position) in ids.into_iter().zip([1, 1, 2, 2]) {
        let mut log = site.api.follow(&site.app.me(), id, Seq::default()).await.unwrap().expect("it is visible");
        assert_eq!(log.next().await.expect("an event").position, Some(position));
    }
}

/// A queue in memory whose language queues cannot be used.
struct Stubborn {
    inner: EmbeddedQueue,
    opening: Opening,
    is_connected: bool,
    /// Number of calls that open a language queue.
    calls: AtomicUsize,
}

/// Result of opening a language queue.
#[derive(Clone, Copy)]
enum Opening {
    /// The broker does not answer.
    Hangs,
    Fails,
    /// The language queue has lost its connection.
    Succeeds,
}

impl Stubborn {
    fn new(opening: Opening, is_connected: bool) -> Arc<Stubborn> {
        Arc::new(Stubborn { inner: EmbeddedQueue::default(), opening, is_connected, calls: AtomicUsize::default() })
    }
}

#[async_trait]
impl Queue for Stubborn {
    async fn publish(&self, hints: &[RunHint]) -> Result<(), QueueError> {
        self.inner.publish(hints).await
    }
    async fn next(&self) -> Result<Hinted, QueueError> {
        self.inner.next().await
    }
    async fn next_other(&self, not: &[UserId]) -> Result<Option<Hinted>, QueueError> {
        self.inner.next_other(not).await
    }
    fn charge(&self, owner: UserId, time: Duration) {
        self.inner.charge(owner, time);
    }
    async fn settle(&self, hinted: Hinted) -> Result<(), QueueError> {
        self.inner.settle(hinted).await
    }
    async fn depth(&self) -> Result<usize, QueueError> {
        self.inner.depth().await
    }
    async fn depth_of(&self, owner: UserId) -> Result<usize, QueueError> {
        self.inner.depth_of(owner).await
    }
    fn depth_max(&self) -> usize {
        self.inner.depth_max()
    }
    fn health(&self) -> Result<(), String> {
        if self.is_connected { Ok(()) } else { Err("it has lost its connection".to_owned()) }
    }
    async fn language_queue(&self, _: &LanguageId) -> Result<Arc<dyn Queue>, QueueError> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        match self.opening {
            Opening::Hangs => std::future::pending().await,
            Opening::Fails => Err(QueueError::Unreachable("too many connections".into())),
            Opening::Succeeds => Ok(Stubborn::new(self.opening, false)),
        }
    }
    fn close(&self) {
        self.inner.close();
    }
}

/// An API node with this queue. Some of the workers cannot judge runs in C, so these runs need a language queue.
async fn api_with(queue: &Arc<Stubborn>) -> (App, Core) {
    let site = Site::start().await;
    for languages in [&["python"][..], &["c", "python"]] {
        site.worker(languages).await;
    }
    let app = site.app;
    let parts = parts(&app.store, &app.clock, Arc::default(), Arc::new(EmbeddedBus::default()));
    let api = Core::new(CoreParts { queue: queue.clone(), ..parts });
    api.offer_languages_of_workers(None).await.unwrap();
    (app, api)
}

async fn submit_to(api: &Core, app: &App, language: &str, runs: usize) {
    let new = vec![a_submission().in_language(language).as_sent(); runs];
    api.submit(app.owner, new, None, &Unlimited).await.expect("accepted");
}

/// Longer than any step takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_language_queue_that_is_being_opened_blocks_neither_submissions_nor_sweeps_nor_heartbeats() {
    let queue = Stubborn::new(Opening::Hangs, true);
    let (app, api) = api_with(&queue).await;
    let submissions = join_all((0..20).map(|_| submit_to(&api, &app, "c", 1)));
    tokio::time::timeout(PATIENCE, submissions).await.expect("submissions do not wait for the queue");
    tokio::time::timeout(PATIENCE, api.sweep()).await.expect("nor do sweeps").unwrap();
    tokio::time::timeout(PATIENCE, api.join_workers()).await.expect("nor do heartbeats").unwrap();
    assert_eq!(queue.calls.load(Ordering::Relaxed), 1, "one task opens the queue");
    assert_eq!(api.counts().await.unwrap().queued, 20);
}

#[tokio::test]
async fn a_language_queue_that_cannot_be_opened_does_not_stop_the_sweeper_for_other_languages() {
    let queue = Stubborn::new(Opening::Fails, true);
    let (app, api) = api_with(&queue).await;
    // More runs than the sweeper publishes at a time.
    submit_to(&api, &app, "c", 150).await;
    submit_to(&api, &app, "python", 1).await;
    queue.inner.next().await.expect("the hint of the run in Python is lost");
    assert_eq!(api.sweep().await.unwrap().offered, 1);
    assert_eq!(queue.inner.depth().await.unwrap(), 1);
}

#[tokio::test]
async fn health_names_the_language_queue_that_fails() {
    for (opening, expected) in
        [(Opening::Fails, "cannot be opened: the queue cannot be reached: too many"), (Opening::Succeeds, "lost its")]
    {
        let (app, api) = api_with(&Stubborn::new(opening, true)).await;
        api.queue_health().expect("no language queue is needed yet");
        submit_to(&api, &app, "c", 1).await;
        let health = api.queue_health().unwrap_err();
        assert!(health.starts_with("language queue of c: ") && health.contains(expected), "{health}");
    }
}
