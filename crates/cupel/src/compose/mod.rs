//! Composition root: builds a process from store, queue, events, sandbox, worker and API.
//!
//! Order at the start: first, while this process may still start programs, it reads the versions of the toolchains and
//! starts the launcher. Then it gives up all privileges, while it has only one thread. Then it tests and starts the
//! sandbox, so that the server accepts no submission that it cannot run (`startup.rs`). Then it opens the store and
//! requeues the runs that a previous server left unfinished. The parts that take or create work start last. The server
//! reserves its addresses before it opens the store and listens last: meanwhile, for example while it migrates the
//! database, it refuses connections (`listen.rs`). Order at the end: the process stops accepting submissions, lets
//! running programs end or gives their runs back, stops listening, and closes the store. With a shared store, other
//! nodes serve the clients, so a node that accepts submissions stops listening first: a gateway tries a request again
//! at another node if the connection was refused, but not every request that was answered with 503.
//!
//! If the launcher is killed, the process gives its runs back and exits with code 7, because it has no privilege to
//! start another launcher. The service manager restarts it, and no accepted submission is lost.

pub(crate) mod engines;
mod facades;
mod language_files;
mod listen;
mod reload;
mod settings;
pub(crate) mod startup;
mod tasks;

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Context;
use cupel_cache::SharedCaches;
use cupel_core::accounts::Accounts;
use cupel_core::cluster::BEAT_EVERY;
use cupel_core::result_cache::{ResultCache, Results};
use cupel_core::{Blobs, Bounds, Clock, Core, CoreParts, EventBus, Packages, Queue, Store};
use cupel_events::{EmbeddedBus, EventBounds};
use cupel_http::{ApiState, Mounted, ServeSettings};
use cupel_languages::Registry;
use cupel_queue::EmbeddedQueue;
use cupel_runner::{Runner, SlotCounts, prepared};
use cupel_store::{LocalPackages, ServeLock, SharedPackages};
use cupel_traces::Traces;
use cupel_types::{Bytes, WorkerId};
use cupel_worker::{ExecutorFactory, Worker, WorkerParts};
use rustix::fs::Access;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use self::engines::{Engines, StoreAndClock};
use self::language_files::LanguageFiles;
use self::listen::ReservedAddress;
use self::settings::{account_settings, api_settings, policy};
pub(crate) use self::settings::{bounds, public_url};
use self::startup::{ExecutionRuntime, Startup};
use crate::config::Config;
use crate::data_dir::DataDir;
use crate::first_account::{self, FirstAccount};
use crate::health::{FoundFaults, LanguageFaults, ReportedFault, ServerHealth};
use crate::images::{self, ManagedImages};
use crate::role::Role;
use crate::{alerts, shipped, telemetry, webhooks};

/// A running process.
pub(crate) struct Server {
    /// Result of creating the first administrator.
    pub(crate) first_account: FirstAccount,
    pub(crate) address: std::net::SocketAddr,
    /// Names of facades with an additional address, and the addresses.
    pub(crate) facades: Vec<(&'static str, std::net::SocketAddr)>,
    shutdown: CancellationToken,
    /// Cancelled when the process stops listening.
    stop_listening: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
    /// The tasks that serve the addresses.
    listening: Vec<JoinHandle<()>>,
    queue: Arc<dyn Queue>,
    events: Arc<dyn EventBus>,
    store: Arc<dyn Store>,
    /// Cancelled when the launcher has ended; never cancelled in a process without one.
    launcher_lost: CancellationToken,
    /// Cancelled when the worker has ended although this process was not stopped.
    drained: CancellationToken,
    traces: Option<Traces>,
    _lock: ServeLock,
}

impl Server {
    /// Starts all parts.
    ///
    /// # Errors
    /// An engine cannot be reached, or the server cannot listen on the address.
    pub(crate) async fn start(config: &Config, role: Role, startup: Startup) -> anyhow::Result<Server> {
        let Startup { data, lock, registry, metrics, runtime } = startup;
        let reserved = ReservedAddress::new(&config.server.listen, "server.listen, --listen").await?;
        let address = reserved.address;
        let facade_addresses = if role.accepts() { facades::reserve(&config.facades).await? } else { Vec::new() };
        let traces = telemetry::traces(config, role)?;
        let engines = Engines::open(config, &data).await?;
        let (store, queue) = (Arc::clone(&engines.store), Arc::clone(&engines.queue));
        let (events, blobs) = (Arc::clone(&engines.events), engines.blobs.clone());
        let counts_instructions = runtime.as_ref().is_some_and(|w| w.examination.features.uncounted.is_none());
        let mut core = core(&data, &engines, registry.clone(), config, counts_instructions)?;
        let images = runtime
            .as_ref()
            .map(|runtime| Arc::new(ManagedImages::new(runtime.images.clone(), config.images.registries.clone())));
        if let Some(images) = &images {
            core = core.with_images(Arc::clone(images) as _);
        }
        if role.accepts() {
            begin(config, &core).await?;
        }
        let accounts = Accounts::new(Arc::clone(&store) as _, engines.clock, account_settings(&config.auth));

        let shutdown = CancellationToken::new();
        let (mut tasks, mut launcher_lost, mut drained) =
            (Vec::new(), CancellationToken::new(), CancellationToken::new());
        let (language_fault, found) = (ReportedFault::default(), FoundFaults::default());
        let health = match &runtime {
            Some(runtime) => {
                let runner = Arc::clone(&runtime.runner);
                let faults = LanguageFaults { of_files: language_fault.clone(), pulls: runtime.pulls.clone() };
                let data = data.path().to_owned();
                ServerHealth::new(core.clone(), data, runner, &runtime.examination, faults, found.clone())
            }
            None => {
                let (data, is_sole) = (data.path().to_owned(), engines::is_sole(config));
                ServerHealth::without_sandbox(core.clone(), data, is_sole, language_fault.clone(), found.clone())
            }
        };
        let slots = runtime.as_ref().map_or(SlotCounts::from(0), |runtime| runtime.slots);
        if let Some(runtime) = runtime {
            launcher_lost = watch_runner(&*runtime.runner)?;
            let runtime = share_artifacts(runtime, blobs.clone(), &store).await?;
            if let Some(images) = images {
                tasks.push(tokio::spawn(images::pull(runtime.pulls.clone(), images, shutdown.clone())));
            }
            drained =
                start_worker(config, &core, runtime, registry, language_fault.clone(), &shutdown, &mut tasks).await;
        }
        let place = match &config.engines.blobs {
            Some(_) => "the blob store of `blobs.url`",
            None => "`packages/` of the data directory",
        };
        let packages = found.packages;
        tasks.push(tokio::spawn(tasks::check_packages(core.clone(), packages, place, shutdown.clone())));
        // This task ends with the event bus, which outlives the worker.
        let notices = core.clone();
        tokio::spawn(async move { notices.handle_notices().await });
        let shared = engines::open_shared(config, role).await?;
        let connections = connections(config, slots, 1 + facade_addresses.len());
        let mut settings = api_settings(config, secret(config, &data, &store).await?);
        settings.long_answers_max = settings.long_answers_max.min(connections.connections_max / 2);
        settings.answers_while_draining = is_whole(config, role);
        let state = ApiState {
            core: core.clone().with_result_cache(result_cache(config, shared.results, &store).await?),
            accounts: accounts.clone(),
            settings: Arc::new(settings),
            buckets: shared.buckets,
            health: Arc::new(health),
            metrics: {
                let metrics = metrics.clone();
                Arc::new(move || metrics.render())
            },
            shutdown: shutdown.clone(),
        };
        let router = if role.accepts() {
            metrics::gauge!("cupel_queue_depth_max").set(f64::from(config.queue_depth_max));
            let alerts = (!config.alerts.url.is_empty()).then(|| {
                let (watch, sending) = alerts::watch(&config.alerts, shutdown.clone());
                tasks.push(tokio::spawn(sending));
                watch
            });
            let look = tasks::SweepInputs {
                alerts,
                data: data.path().to_owned(),
                waiting_max: config.queue_depth_max,
                unserved: found.unserved,
            };
            tasks.push(tokio::spawn(tasks::sweep(core.clone(), look, shutdown.clone())));
            tasks.push(tokio::spawn(tasks::tidy(core.clone(), shutdown.clone())));
            if let Some(blobs) = blobs {
                tasks.push(tokio::spawn(tasks::tidy_artifacts(blobs, tasks::TIDY, shutdown.clone())));
            }
            let (webhooks, judge0) = (config.webhooks.clone(), config.facades.judge0_options.clone());
            tasks.push(tokio::spawn(webhooks::run(core.clone(), webhooks, judge0, shutdown.clone())));
            let public_url = &state.settings.public_url;
            let mut site = Mounted::pages(cupel_web::routes(public_url, &config.server.embed_origins));
            if let Some(page) = cupel_web::not_found(public_url) {
                site = site.with_not_found(page);
            }
            let mut dialects = vec![cupel_api::native(&state.settings, cupel_web::font()), site];
            dialects.extend(facades::open(&config.facades, &state.accounts, address, &facade_addresses).await?);
            cupel_http::router(state, dialects)
        } else {
            cupel_http::ops_router(state)
        };
        if role == Role::Api {
            let files = LanguageFiles::new(Arc::new(config.clone()), language_fault);
            tasks.push(tokio::spawn(language_files::offer_of_workers(core.clone(), files, shutdown.clone())));
        }
        tasks.push(tokio::spawn(tasks::upkeep(core.clone(), metrics, data.path().to_owned(), shutdown.clone())));
        let facades = facade_addresses.iter().map(|facade| (facade.name, facade.reserved.address)).collect();
        let listener = reserved.listen()?;
        let mut facade_listeners = Vec::new();
        for facade in facade_addresses {
            let router = facade.router(router.clone());
            facade_listeners.push((facade.reserved.listen()?, router));
        }
        // No later step of the start can fail: the credentials of an account made by a start that failed would be lost.
        let first_account =
            if role.accepts() { first_account::make(&accounts).await? } else { FirstAccount::HasOthers };
        // An API node of a cluster stops listening at once, so that gateways use another node. Clients of the only
        // process can read results until its last run has ended, and a worker can be monitored as long.
        let stops_at_once = role.accepts() && !is_whole(config, role);
        let stop_listening = if stops_at_once { shutdown.clone() } else { CancellationToken::new() };
        let listening = facade_listeners.into_iter().chain([(listener, router)]).map(|(listener, router)| {
            tokio::spawn(cupel_http::serve(listener, router, stop_listening.clone(), connections.clone()))
        });
        let listening = listening.collect();
        Ok(Server {
            facades,
            first_account,
            address,
            shutdown,
            stop_listening,
            tasks,
            listening,
            queue,
            events,
            store,
            launcher_lost,
            drained,
            traces,
            _lock: lock,
        })
    }

    /// Waits until the launcher has ended. No program can run after that, and this process has no privilege to start
    /// another launcher.
    pub(crate) async fn launcher_lost(&self) {
        self.launcher_lost.cancelled().await;
    }

    /// Waits until the worker has ended after an order to drain.
    pub(crate) async fn drained(&self) {
        self.drained.cancelled().await;
    }

    /// Stops accepting, drains and closes. Nothing is lost: waiting runs are in the database.
    ///
    /// # Errors
    /// A part failed.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        self.shutdown.cancel();
        // This wakes the tasks that wait for the next run. Closing the queue loses nothing, because runs are in the
        // store.
        self.queue.close();
        for task in self.tasks {
            task.await?;
        }
        self.stop_listening.cancel();
        for listening in self.listening {
            listening.await?;
        }
        self.queue.gone().await;
        self.events.close().await;
        self.store.close().await;
        if let Some(traces) = self.traces {
            tokio::task::spawn_blocking(move || traces.end()).await?;
        }
        Ok(())
    }
}

/// Whether this process is the only one of its store, and has the API and the worker.
fn is_whole(config: &Config, role: Role) -> bool {
    role == Role::All && engines::is_sole(config)
}

/// Recovery, clean-up and loading of the shipped problems, before submissions are accepted.
async fn begin(config: &Config, core: &Core) -> anyhow::Result<()> {
    if engines::is_sole(config) {
        // No import can run before the API listens, and no other process uses these packages.
        core.sweep_packages().await?;
        // All workers of this database are in this process, which has just started.
        core.recover_orphans().await?;
        // Only a single node does this. With several nodes, only the sweeper publishes the missing hints, so that not
        // every node publishes them.
        core.recover().await?;
    } else if config.engines.blobs.is_some() {
        // Other nodes may be importing. Recent packages are kept, because a problem may refer to them soon.
        core.sweep_packages().await?;
    }
    if config.problems.shipped {
        shipped::load(core).await?;
    }
    Ok(())
}

/// Shares compiled programs with the workers of other nodes.
async fn share_artifacts(
    runtime: ExecutionRuntime,
    blobs: Option<Arc<dyn Blobs>>,
    store: &Arc<dyn Store>,
) -> anyhow::Result<ExecutionRuntime> {
    let Some(blobs) = blobs else { return Ok(runtime) };
    let secret = store.shared_secret("artifacts", rand::random()).await?;
    let artifacts = runtime.artifacts.shared_by(blobs, &secret).context("cannot share compiled programs")?;
    Ok(ExecutionRuntime { artifacts, ..runtime })
}

/// Registers and starts the worker. The returned token is cancelled if the worker ends before the process stops.
async fn start_worker(
    config: &Config,
    core: &Core,
    runtime: ExecutionRuntime,
    registry: Registry,
    fault: ReportedFault,
    shutdown: &CancellationToken,
    tasks: &mut Vec<JoinHandle<()>>,
) -> CancellationToken {
    let ExecutionRuntime { prepared: store, images: _, pulls, probe, runner, examination: _, slots, artifacts } =
        runtime;
    let sources = reload::LanguageSources {
        files: LanguageFiles::new(Arc::new(config.clone()), fault),
        probe,
        pulls,
        failures: BTreeMap::new(),
        runner: Arc::clone(&runner),
        prune_fault: None,
        retry: reload::Retry::default(),
    };
    tasks.push(reload::start(core, sources, shutdown.clone()).await);
    let factory: ExecutorFactory = {
        let runner = Arc::clone(&runner);
        Arc::new(move |slot| runner.executor(slot))
    };
    let mut worker = Worker::new(WorkerParts {
        core: core.clone(),
        id: WorkerId::from_uuid(Uuid::new_v4()),
        slots: slots.ordinary,
        interactive_slots: slots.interactive,
        cache: Arc::new(artifacts),
        factory,
        run_time_max: config.worker.run_time_max,
        detached_timeout: config.worker.detached_timeout,
        is_alone: engines::is_sole(config),
        judging_time_max: config.worker.judging_time_max,
        function_batches: config.worker.function_batches,
        long_step: config.worker.long_step,
        grace: config.server.drain,
        quantum: cupel_worker::QUANTUM,
        short_run: cupel_worker::SHORT_RUN,
        name: config.worker.called(),
        version: crate::VERSION.to_owned(),
        beat: BEAT_EVERY,
    });
    worker.register().await;
    let drained = CancellationToken::new();
    let (ended, stopping) = (drained.clone(), shutdown.clone());
    tasks.push(tokio::spawn(async move {
        worker.run(stopping.clone()).await;
        if !stopping.is_cancelled() {
            ended.cancel();
        }
    }));
    if let Some(store) = store.filter(|_| config.languages.prepare) {
        let (registry, shutdown) = (registry.without_roots(), shutdown.clone());
        tasks.push(tokio::task::spawn_blocking(move || {
            prepared::make_in_background(&store, &registry, &*runner, &|| shutdown.is_cancelled());
        }));
    }
    drained
}

/// Returns the settings of the result cache.
async fn result_cache(
    config: &Config,
    results: Arc<dyn Results>,
    store: &Arc<dyn Store>,
) -> anyhow::Result<ResultCache> {
    let secret = store.shared_secret("results", rand::random()).await?;
    Ok(ResultCache { results, secret, lifetime: config.results.lifetime })
}

/// Returns the key that signs access tokens: from the data directory, or from the store if several processes need the
/// same key.
async fn secret(config: &Config, data: &DataDir, store: &Arc<dyn Store>) -> anyhow::Result<Vec<u8>> {
    if engines::is_sole(config) {
        return Ok(data.secret()?);
    }
    Ok(store.shared_secret("access-tokens", rand::random()).await?.to_vec())
}

/// Returns a token that is cancelled when the runner has ended. The waiting thread ends with the runner or the process.
fn watch_runner(runner: &dyn Runner) -> anyhow::Result<CancellationToken> {
    let (wait_for_end, ended) = (runner.end()?, CancellationToken::new());
    let token = ended.clone();
    let wait = move || {
        wait_for_end();
        token.cancel();
    };
    std::thread::Builder::new().name("runner-end".into()).spawn(wait).context("cannot start a thread")?;
    Ok(ended)
}

/// Returns connection limits that leave file descriptors for the database and the sandbox, so that idle connections
/// cannot exhaust them.
fn connections(config: &Config, slots: SlotCounts, listeners: usize) -> ServeSettings {
    const OF_A_SLOT: u64 = 64;
    const OF_AN_INTERACTIVE_SLOT: u64 = 16;
    const OF_THE_REST: u64 = 256;
    let descriptors = cupel_sandbox::launcher::raise_descriptor_limit();
    let of_slots = OF_A_SLOT * slots.ordinary as u64 + OF_AN_INTERACTIVE_SLOT * slots.interactive as u64;
    let reserved = OF_THE_REST + of_slots;
    let free = usize::try_from(descriptors.saturating_sub(reserved)).unwrap_or(usize::MAX).max(16);
    let usual = ServeSettings::default();
    let connections_max = (usual.connections_max.min(free) / listeners.max(1)).max(16);
    ServeSettings {
        connections_max,
        connections_of_address_max: usual.connections_of_address_max.min(connections_max / 2),
        trusted_proxies: config.server.trusted_proxies.clone(),
        ..usual
    }
}

fn core(
    data: &DataDir,
    engines: &Engines,
    registry: Registry,
    config: &Config,
    counts_instructions: bool,
) -> anyhow::Result<Core> {
    let folder = data.packages();
    // Somebody may have copied the packages as another user, for instance from a backup.
    if folder.exists() && rustix::fs::access(&folder, Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK).is_err() {
        let (owner, data, folder) = (rustix::process::geteuid().as_raw(), data.path().display(), folder.display());
        anyhow::bail!(
            "the owner of the data directory (user id {owner}) must be able to read and write {folder}: \
             `chown --recursive --reference={data} {folder}`"
        );
    }
    let local = LocalPackages::open(&folder, registry.without_roots())?;
    let packages: Arc<dyn Packages> = match &engines.blobs {
        None => Arc::new(local),
        Some(blobs) => Arc::new(SharedPackages::new(Arc::clone(blobs), local, config.engines.blobs_kept_max)?),
    };
    Ok(Core::new(CoreParts {
        store: Arc::clone(&engines.store),
        queue: Arc::clone(&engines.queue),
        events: Arc::clone(&engines.events),
        packages,
        clock: Arc::clone(&engines.clock),
        registry,
        policy: policy(&config.worker),
        bounds: Bounds { counts_instructions, ..bounds(config) },
    })
    .with_resolver(Arc::new(cupel_core::SystemResolver)))
}

/// Returns the account use cases, for the commands that run beside a server.
pub(crate) fn accounts(config: &Config, store: &Arc<dyn Store>, clock: &Arc<dyn Clock>) -> Accounts {
    Accounts::new(Arc::clone(store) as _, Arc::clone(clock), account_settings(&config.auth))
}

/// Returns an API over a store without a listener, for commands that call operations of the API or need an access
/// token.
///
/// # Errors
/// The data directory or the store cannot be used.
pub(crate) async fn idle_api(
    config: &Config,
    data: &DataDir,
    (store, clock): &StoreAndClock,
) -> anyhow::Result<axum::Router> {
    let engines = Engines {
        store: Arc::clone(store),
        queue: Arc::new(EmbeddedQueue::new(1)),
        events: Arc::new(EmbeddedBus::new(EventBounds::default())),
        clock: Arc::clone(clock),
        blobs: None,
    };
    let core = core(data, &engines, Registry::default(), config, false)?;
    let shared = SharedCaches::in_memory(Bytes::ZERO);
    let state = ApiState {
        core: core.clone(),
        accounts: accounts(config, store, clock),
        settings: Arc::new(api_settings(config, secret(config, data, store).await?)),
        buckets: shared.buckets,
        health: Arc::new(ServerHealth::without_sandbox(
            core,
            data.path().to_owned(),
            engines::is_sole(config),
            ReportedFault::default(),
            FoundFaults::default(),
        )),
        metrics: Arc::new(String::new),
        shutdown: CancellationToken::new(),
    };
    let native = cupel_api::native(&state.settings, None);
    Ok(cupel_http::router(state, [native]))
}
