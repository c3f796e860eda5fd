//! The one place where ports meet adapters: a server out of store, queue, events, sandbox, worker and API.
//!
//! Order at the start: toolchains are asked for their versions and the launcher is started, while this process may
//! still start programs; then all privileges are given up, while there is one thread; then the sandbox is proved and
//! started (nothing is accepted that could not be run); then the store, with what an earlier server left put back; then
//! whatever takes or makes work. At the end: nothing new is accepted, running programs end or are given back, then
//! the store is closed.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use cupel_api::{ApiState, LoginRates, Rate, Secret, ServeSettings, TierRates};
use cupel_core::accounts::{AccountSettings, Accounts};
use cupel_core::{Bounds, Core, CoreParts, LeasePolicy, SystemClock, chain};
use cupel_events::{EmbeddedBus, EventBounds};
use cupel_judge::Executor;
use cupel_languages::{HostProbe, Registry};
use cupel_queue::EmbeddedQueue;
use cupel_sandbox::Wall;
use cupel_sandbox::doctor::{self, Examination};
use cupel_store::{LocalPackages, ServeLock, SqliteStore};
use cupel_types::WorkerId;
use cupel_worker::{ArtifactBounds, Artifacts, ExecutorFactory, Worker, WorkerParts};
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::config::{self, Config};
use crate::data_dir::DataDir;
use crate::executor::{self, LocalSandbox};
use crate::first_account::{self, FirstAccount};
use crate::health::ServerHealth;
use crate::prepared::{self, Look, Shelf};
use crate::{local, owner, shipped, telemetry, webhooks};

/// How often leases are checked and due runs are offered.
const SWEEP: Duration = Duration::from_secs(1);

/// What a server needs before it has anything asynchronous: the parts that take a second and may fail.
pub(crate) struct Ground {
    pub(crate) data: DataDir,
    lock: ServeLock,
    pub(crate) registry: Registry,
    shelf: Option<Shelf>,
    sandbox: Arc<LocalSandbox>,
    pub(crate) examination: Examination,
    pub(crate) slots: usize,
    artifacts: Artifacts,
    metrics: PrometheusHandle,
}

/// Prepares everything that a server stands on.
///
/// # Errors
/// Another server has the data directory, a wall of the sandbox is missing, or a part cannot be made.
pub(crate) fn prepare(config: &Config) -> anyhow::Result<Ground> {
    let data = DataDir::open(&config.data)?;
    let mut registry = local::registry(&config.languages)?;
    let slots = match config.worker.slots as usize {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        slots => slots,
    };
    // Asks toolchains for their versions; its threads end with it.
    registry.probe(&HostProbe::default());
    // The last programs that this process starts.
    owner::settle(&data)?;
    let shelf = prepared::shelf_of_server(&data);
    let prepared = shelf.as_ref().map(Shelf::root);
    let examined = executor::launch_examination(registry.iter(), prepared)?;
    let launched = match config.worker.warm_interpreters {
        true => LocalSandbox::launch_warm(slots, registry.iter(), prepared),
        false => LocalSandbox::launch(slots, registry.iter(), prepared),
    };
    let launched = launched.context("cannot start the sandbox")?;
    owner::become_owner(&data)?;
    // From here on whatever is made in the data directory is its owner's.
    let lock = data.lock()?;
    for language in registry.iter().filter(|language| language.is_available()) {
        shelf.iter().for_each(|shelf| drop(prepared::take_up(shelf, language, Look::Sizes)));
    }
    let examination = doctor::examine_launched(examined)?;
    refuse_missing_walls(&examination, &config.accept_missing)?;
    let sandbox = launched.start();
    sandbox.keep_compilers(config.worker.warm_compilers);
    let artifacts = Artifacts::open(&data.artifacts(), artifact_bounds(&config.worker))?;
    Ok(Ground { data, lock, registry, shelf, sandbox, examination, slots, artifacts, metrics: telemetry::metrics()? })
}

fn refuse_missing_walls(examination: &Examination, accepted: &[Wall]) -> anyhow::Result<()> {
    let mut refused = Vec::new();
    for finding in examination.missing() {
        let breach = finding.breach.as_deref().unwrap_or_default();
        if accepted.contains(&finding.wall) {
            tracing::warn!(
                wall = finding.wall.slug(),
                breach,
                "a wall of the sandbox is missing, as the configuration accepts"
            );
        } else {
            refused.push(format!("  {}: {breach}\n    {}", finding.wall, finding.remedy));
        }
    }
    if refused.is_empty() {
        return Ok(());
    }
    bail!(
        "the sandbox has walls missing, and programs could get out of it:\n{}\n\
         Mend them (`cupel doctor` tests again), or name them in [sandbox] accept_missing if you accept that.",
        refused.join("\n")
    )
}

/// A running server.
pub(crate) struct Server {
    /// Told once, when this start made it.
    pub(crate) first_account: Option<FirstAccount>,
    pub(crate) address: std::net::SocketAddr,
    shutdown: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
    api: JoinHandle<std::io::Result<()>>,
    queue: Arc<EmbeddedQueue>,
    store: SqliteStore,
    launcher_lost: CancellationToken,
    _lock: ServeLock,
}

impl Server {
    /// Starts everything.
    ///
    /// # Errors
    /// The database cannot be opened, or the address cannot be listened on.
    pub(crate) async fn start(config: &Config, ground: Ground) -> anyhow::Result<Server> {
        let Ground { data, lock, registry, shelf, sandbox, examination, slots, artifacts, metrics } = ground;
        let listener = TcpListener::bind(&config.server.listen)
            .await
            .with_context(|| format!("cannot listen on {}", config.server.listen))?;
        let address = listener.local_addr()?;
        let store = SqliteStore::open(&data.database()).await?;
        let queue = Arc::new(EmbeddedQueue::new(config.queue_depth_max as usize));
        let bounds = Bounds { counts_instructions: examination.features.uncounted.is_none(), ..bounds(config) };
        let core = core(config, &data, &store, Arc::clone(&queue), registry.clone(), bounds)?;
        // Nobody can import before the API listens.
        core.sweep_packages().await?;
        // All workers of this database live in this process, and it has just begun.
        core.recover_orphans().await?;
        core.recover().await?;
        if config.problems.shipped {
            shipped::load(&core).await?;
        }

        let launcher_lost = watch_launcher(&sandbox)?;
        let shutdown = CancellationToken::new();
        let factory: ExecutorFactory = {
            let sandbox = Arc::clone(&sandbox);
            Arc::new(move |slot| Ok(Box::new(sandbox.executor(slot)?) as Box<dyn Executor>))
        };
        let worker = Worker::new(WorkerParts {
            core: core.clone(),
            id: WorkerId::from_uuid(Uuid::new_v4()),
            slots,
            cache: Arc::new(artifacts),
            factory,
            judging_time_max: config.worker.judging_time_max,
            grace: config.server.drain,
        });
        let accounts = accounts(config, &store);
        let first_account = first_account::make(&accounts).await?;
        let api = ApiState {
            core: core.clone(),
            accounts,
            settings: Arc::new(api_settings(config, data.secret()?)),
            health: Arc::new(ServerHealth::new(core.clone(), Arc::clone(&sandbox), &examination)),
            metrics: {
                let metrics = metrics.clone();
                Arc::new(move || metrics.render())
            },
            shutdown: shutdown.clone(),
        };
        let mut tasks = vec![
            tokio::spawn(worker.run(shutdown.clone())),
            tokio::spawn(sweep(core.clone(), metrics, shutdown.clone())),
            tokio::spawn(webhooks::run(core.clone(), config.webhooks.clone(), shutdown.clone())),
        ];
        if let Some(shelf) = shelf.filter(|_| config.languages.prepare) {
            let shutdown = shutdown.clone();
            tasks.push(tokio::task::spawn_blocking(move || {
                prepared::make_in_background(&shelf, &registry, &sandbox, &shutdown);
            }));
        }
        let router = cupel_api::router(api);
        let api = tokio::spawn(cupel_api::serve(listener, router, shutdown.clone(), connections(slots)));
        Ok(Server { first_account, address, shutdown, tasks, api, queue, store, launcher_lost, _lock: lock })
    }

    /// Waits until the launcher is gone. Then nothing can be run any more, and nobody here may start another one.
    pub(crate) async fn launcher_lost(&self) {
        self.launcher_lost.cancelled().await;
    }

    /// Stops accepting, drains, closes. Nothing is lost: what waits, waits in the database.
    ///
    /// # Errors
    /// When a part ended badly.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        self.shutdown.cancel();
        // Whoever waits for the next run hears at once that there is none; hints are in the store all the same.
        self.queue.close();
        self.api.await?.context("the HTTP server failed")?;
        for task in self.tasks {
            task.await?;
        }
        self.store.close().await;
        Ok(())
    }
}

/// Cancelled when the launcher has ended. The thread that waits for that ends with the launcher or the process.
fn watch_launcher(sandbox: &LocalSandbox) -> anyhow::Result<CancellationToken> {
    let (end, lost) = (sandbox.launcher_end()?, CancellationToken::new());
    let told = lost.clone();
    let wait = move || {
        end.wait();
        told.cancel();
    };
    std::thread::Builder::new().name("launcher-end".into()).spawn(wait).context("cannot start a thread")?;
    Ok(lost)
}

/// As many connections as leave descriptors for the database and for what runs: idle connections must never be able to
/// take the sandbox's.
fn connections(slots: usize) -> ServeSettings {
    const OF_A_SLOT: u64 = 64;
    const OF_THE_REST: u64 = 256;
    let descriptors = cupel_sandbox::launcher::raise_descriptor_limit();
    let kept = OF_THE_REST + OF_A_SLOT * slots as u64;
    let free = usize::try_from(descriptors.saturating_sub(kept)).unwrap_or(usize::MAX).max(16);
    let usual = ServeSettings::default();
    let connections_max = usual.connections_max.min(free);
    ServeSettings {
        connections_max,
        connections_of_address_max: usual.connections_of_address_max.min(connections_max / 2),
        ..usual
    }
}

fn core(
    config: &Config,
    data: &DataDir,
    store: &SqliteStore,
    queue: Arc<EmbeddedQueue>,
    registry: Registry,
    bounds: Bounds,
) -> anyhow::Result<Core> {
    Ok(Core::new(CoreParts {
        store: Arc::new(store.clone()),
        queue,
        events: Arc::new(EmbeddedBus::new(EventBounds::default())),
        packages: Arc::new(LocalPackages::open(&data.packages(), registry.clone())?),
        clock: Arc::new(SystemClock),
        registry,
        policy: policy(&config.worker),
        bounds,
    }))
}

fn policy(worker: &config::Worker) -> LeasePolicy {
    LeasePolicy { lease: worker.lease, attempts_max: worker.attempts_max }
}

fn artifact_bounds(worker: &config::Worker) -> ArtifactBounds {
    ArtifactBounds { memory: worker.artifacts_memory, disk: worker.artifacts_disk }
}

fn bounds(config: &Config) -> Bounds {
    let (limits, problems) = (&config.limits, &config.problems);
    Bounds {
        problems_per_author_max: problems.per_author_max.into(),
        package_bytes_per_author_max: problems.bytes_per_author_max,
        file_bytes_max: limits.source_max,
        files_max: limits.files_max as usize,
        files_bytes_max: limits.files_bytes_max,
        stdin_bytes_max: limits.stdin_max,
        args_max: limits.args_max as usize,
        env_max: limits.env_max as usize,
        args_env_bytes_max: limits.args_env_bytes_max,
        tests_max: limits.tests_max as usize,
        tests_bytes_max: limits.tests_bytes_max,
        output_kept_max: limits.output_kept_max,
        run_at_ahead_max: limits.run_at_ahead_max,
        counts_instructions: false,
        batch_max: limits.batch_max as usize,
        batch_bytes_max: limits.batch_bytes_max,
    }
}

/// The use cases around accounts, for a server and for the commands beside it.
pub(crate) fn accounts(config: &Config, store: &SqliteStore) -> Accounts {
    Accounts::new(Arc::new(store.clone()), Arc::new(SystemClock), account_settings(&config.auth))
}

fn account_settings(auth: &config::Auth) -> AccountSettings {
    AccountSettings { session: auth.refresh_lifetime, ..AccountSettings::default() }
}

/// The store of a data directory whose owner we are.
///
/// # Errors
/// When the database cannot be opened.
pub(crate) async fn open_store(data: &DataDir) -> anyhow::Result<SqliteStore> {
    Ok(SqliteStore::open(&data.database()).await?)
}

/// An API over a store that nobody listens to: for commands that need what only the API can make.
pub(crate) fn idle_api(config: &Config, data: &DataDir, store: &SqliteStore) -> anyhow::Result<axum::Router> {
    let core = core(config, data, store, Arc::new(EmbeddedQueue::new(1)), Registry::default(), bounds(config))?;
    Ok(cupel_api::router(ApiState {
        core: core.clone(),
        accounts: accounts(config, store),
        settings: Arc::new(api_settings(config, data.secret()?)),
        health: Arc::new(ServerHealth::without_sandbox(core)),
        metrics: Arc::new(String::new),
        shutdown: CancellationToken::new(),
    }))
}

fn api_settings(config: &Config, secret: Vec<u8>) -> cupel_api::Settings {
    let rates = &config.rate_limits;
    let quarter = Duration::from_secs(15 * 60);
    let per_quarter = |quota| Rate::new(quota, quarter, quota);
    let tier = |limits: &config::TierLimits| TierRates {
        submissions: Rate::per_minute(limits.submissions_per_minute, limits.submissions_burst),
        reads: Rate::per_minute(limits.reads_per_minute, limits.reads_burst),
    };
    cupel_api::Settings {
        jwt_secret: Secret(secret),
        access_token_lifetime: config.auth.token_lifetime,
        tiers: rates.tiers.iter().map(|(name, limits)| (name.clone(), tier(limits))).collect(),
        login: LoginRates {
            account_and_address: per_quarter(rates.logins_per_account_and_address),
            address: per_quarter(rates.logins_per_address),
            account: per_quarter(rates.logins_per_account),
            registrations: Rate::new(
                rates.registrations_per_address,
                Duration::from_secs(3600),
                rates.registrations_per_address,
            ),
            ..LoginRates::default()
        },
        anonymous_reads: Rate::per_minute(rates.anonymous_reads_per_minute, rates.anonymous_reads_burst),
        registration_open: config.auth.registration,
        execute_body_bytes_max: usize::try_from(config.server.body_max.get()).unwrap_or(usize::MAX),
        body_time_max: config.server.body_time_max,
        package_bytes_max: config.problems.package_max.get(),
        package_time_max: config.problems.package_time_max,
        wait_max: config.server.wait_max,
        cors_origins: config.server.cors_origins.clone(),
        trusted_proxies: config.server.trusted_proxies.clone(),
        metrics_access: config.metrics.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        ..cupel_api::Settings::default()
    }
}

/// Every second: expired leases, due runs, and the figures that are looked at rather than counted.
async fn sweep(core: Core, metrics: PrometheusHandle, shutdown: CancellationToken) {
    let mut ticks = tokio::time::interval(SWEEP);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            _ = ticks.tick() => {}
        }
        if let Err(error) = core.sweep().await {
            tracing::warn!(error = chain(&error), "could not sweep; the next second tries again");
        }
        let now = core.now();
        if let Ok(counts) = core.store().counts(now).await {
            metrics::gauge!("cupel_queue_depth").set(counts.queued as f64);
            let age = counts.oldest_due_at.map_or(0.0, |at| now.duration_since(at).as_secs_f64().max(0.0));
            metrics::gauge!("cupel_queue_oldest_age_seconds").set(age);
        }
        metrics.run_upkeep();
    }
}

#[cfg(test)]
mod tests {
    use cupel_sandbox::Features;
    use cupel_sandbox::doctor::Finding;

    use super::*;

    #[test]
    fn the_default_file_and_the_defaults_in_the_code_say_the_same() {
        let config = config::defaults();
        assert_eq!(bounds(&config), Bounds::default());
        assert_eq!(policy(&config.worker), LeasePolicy::default());
        assert_eq!(artifact_bounds(&config.worker), ArtifactBounds::default());
        assert_eq!(account_settings(&config.auth), AccountSettings::default());
        assert_eq!(config.queue_depth_max as usize, cupel_queue::QUEUE_DEPTH_MAX);

        let code = cupel_api::Settings::default();
        let mut file = api_settings(&config, code.jwt_secret.0.clone());
        // The code knows one tier; the file may have more.
        file.tiers.retain(|name, _| code.tiers.contains_key(name));
        let version = code.version.clone();
        assert_eq!(format!("{:#?}", cupel_api::Settings { version, ..file }), format!("{code:#?}"));
    }

    #[test]
    fn a_missing_wall_stops_the_start_unless_it_is_accepted_by_name() {
        let finding =
            |wall: Wall, breach: Option<&str>| Finding { wall, breach: breach.map(str::to_owned), remedy: "mend it" };
        let examination = Examination {
            findings: vec![
                finding(Wall::Seccomp, None),
                finding(Wall::Landlock, Some("it read a file")),
                finding(Wall::DiskLimit, Some("it wrote on")),
            ],
            features: Features { cgroup_v2: true, uncounted: None },
            kernel: "6.1".to_owned(),
        };
        let refused =
            |accepted: &[Wall]| refuse_missing_walls(&examination, accepted).map_err(|error| error.to_string());
        let told = refused(&[Wall::Seccomp]).unwrap_err();
        assert!(
            told.contains("landlock: it read a file") && told.contains("disk-limit") && told.contains("mend it"),
            "{told}"
        );
        let told = refused(&[Wall::Landlock]).unwrap_err();
        assert!(!told.contains("landlock") && told.contains("disk-limit"), "{told}");
        assert_eq!(refused(&[Wall::Landlock, Wall::DiskLimit]), Ok(()));
    }
}
