//! Creates the engine behind each port from `[store]`, `[queue]`, `[events]`, `[shared]` and `[blobs]`. No other file
//! of `compose` names an engine, except for the empty queue and event bus of `idle_api` in `mod.rs`.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use cupel_cache::SharedCaches;
use cupel_core::{Blobs, Clock, EventBus, ProblemStore, Queue, Store};
use cupel_events::EventBounds;
use cupel_store::{PostgresOptions, SqlStore};
use rustix::fs::Access;

use crate::config::{self, Config};
use crate::data_dir::DataDir;
use crate::role::Role;

/// The engines of the ports.
pub(crate) struct Engines {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) queue: Arc<dyn Queue>,
    pub(crate) events: Arc<dyn EventBus>,
    pub(crate) clock: Arc<dyn Clock>,
    /// The blob store; `None` if the data directory contains all data, because there is only one node.
    pub(crate) blobs: Option<Arc<dyn Blobs>>,
}

/// The store and its clock.
pub(crate) type StoreAndClock = (Arc<dyn Store>, Arc<dyn Clock>);

impl Engines {
    /// Connects to all engines.
    ///
    /// # Errors
    /// An engine cannot be reached or has the wrong kind or version. The error names the setting.
    pub(crate) async fn open(config: &Config, data: &DataDir) -> anyhow::Result<Engines> {
        let ((store, clock), blobs) = open_store_and_blobs(config, data).await?;
        let config::Engines { cluster, store: store_url, queue, events, .. } = &config.engines;
        let settings = cupel_queue::Settings {
            cluster: cluster.clone(),
            depth_max: config.queue_depth_max as usize,
            window: config.queue_window as usize,
            reclaim_after: config.queue_reclaim_after,
            store_url: store_url.clone(),
        };
        let queue = cupel_queue::connect(queue.as_deref().unwrap_or_default(), settings).await?;
        let events = match events.as_deref() {
            // `postgres` means the store's database. The configuration is refused if `store.url` names no PostgreSQL
            // database.
            Some("postgres") => store_url.as_deref().unwrap_or_default(),
            url => url.unwrap_or_default(),
        };
        let events = cupel_events::connect(events, cluster, EventBounds::default()).await?;
        Ok(Engines { store, queue, events, clock, blobs })
    }
}

/// Opens the configured store: SQLite in the data directory, or a server, which needs no data directory. The store is
/// opened without a blob store, so it must not be used to read large inputs and outputs of submissions.
///
/// # Errors
/// The store cannot be opened.
pub(crate) async fn open_store(config: &Config, data: Option<&DataDir>) -> anyhow::Result<StoreAndClock> {
    match &config.engines.store {
        None => open_sqlite(data.context("the data directory was not opened")?).await,
        Some(url) => Ok(with_its_clock(open_postgres(&config.engines, url).await?)),
    }
}

async fn open_store_and_blobs(
    config: &Config,
    data: &DataDir,
) -> anyhow::Result<(StoreAndClock, Option<Arc<dyn Blobs>>)> {
    match &config.engines.store {
        None => {
            let (store, clock) = open_sqlite(data).await?;
            let blobs = open_blobs(&config.engines, &*store).await?;
            Ok(((store, clock), blobs))
        }
        Some(url) => {
            let (store, blobs) = open_postgres_and_blobs(&config.engines, url).await?;
            Ok((with_its_clock(store), blobs))
        }
    }
}

/// Opens the database of `store.url` with its large values, and the configured blob store. The database is opened
/// first: if it fails, the error names `store.url` even if blobs are in the same database.
///
/// # Errors
/// The database or the blob store cannot be opened.
pub(crate) async fn open_postgres_and_blobs(
    engines: &config::Engines,
    url: &str,
) -> anyhow::Result<(SqlStore, Option<Arc<dyn Blobs>>)> {
    let store = open_postgres(engines, url).await?;
    let blobs = open_blobs(engines, &store).await?;
    let store = match &blobs {
        // If the blobs are in the same database, large values stay in their rows.
        Some(blobs) if engines.blobs.as_deref() != Some("postgres") => store.with_blobs(Arc::clone(blobs)),
        _ => store,
    };
    Ok((store, blobs))
}

async fn open_sqlite(data: &DataDir) -> anyhow::Result<StoreAndClock> {
    let database = data.database();
    let store = SqlStore::open_sqlite(&database).await.map_err(|error| {
        let is_ours = |path: &Path| rustix::fs::access(path, Access::READ_OK | Access::WRITE_OK).is_ok();
        let error = anyhow::Error::from(error);
        match [data.path(), database.as_path()].into_iter().find(|path| path.exists() && !is_ours(path)) {
            Some(path) => error.context(format!(
                "the owner of the data directory (user id {}) must be able to read and write {}",
                rustix::process::geteuid().as_raw(),
                path.display()
            )),
            None => error,
        }
    })?;
    Ok(with_its_clock(store))
}

/// Opens the database at `url`. Large values in a blob store cannot be read through this store.
///
/// # Errors
/// The store cannot be opened.
pub(crate) async fn open_postgres(engines: &config::Engines, url: &str) -> anyhow::Result<SqlStore> {
    Ok(SqlStore::open_postgres(PostgresOptions::new(url, &engines.cluster)).await?)
}

fn with_its_clock(store: SqlStore) -> StoreAndClock {
    let clock = store.clock();
    (Arc::new(store), clock)
}

async fn open_blobs(
    engines: &config::Engines,
    store: &(impl ProblemStore + ?Sized),
) -> anyhow::Result<Option<Arc<dyn Blobs>>> {
    let Some(url) = &engines.blobs else { return Ok(None) };
    let has_packages = !store.packages().await?.is_empty();
    Ok(Some(cupel_store::connect_blobs(url, engines.store.as_deref(), &engines.cluster, has_packages).await?))
}

/// Opens rate limits and result cache. Only nodes that accept submissions share them; other nodes have both in memory.
///
/// # Errors
/// The engine of `[shared]` cannot be used.
pub(super) async fn open_shared(config: &Config, role: Role) -> anyhow::Result<SharedCaches> {
    let url = config.engines.shared.as_deref().filter(|_| role.accepts()).unwrap_or_default();
    Ok(cupel_cache::connect(url, &config.engines.cluster, config.results.size_max).await?)
}

/// Whether all workers of the store are in the process that opens it.
pub(super) fn is_sole(config: &Config) -> bool {
    config.engines.store.is_none()
}

/// Checks that a process of this role can use the configured engines.
///
/// # Errors
/// Lists every unsuitable setting, with the remedy.
pub(crate) fn fit(config: &config::Engines, role: Role) -> anyhow::Result<()> {
    let faults = if role == Role::All { Vec::new() } else { not_shared(config) };
    if faults.is_empty() {
        return Ok(());
    }
    let command = role.command();
    Err(anyhow::anyhow!("\n  {}", faults.join("\n  ")))
        .with_context(|| format!("the configuration is not suitable for `cupel {command}`"))
}

/// The engines that are inside a process, so that `cupel api` and `cupel worker` cannot use the configuration: for each,
/// the setting with the remedy.
pub(crate) fn not_shared(config: &config::Engines) -> Vec<String> {
    let engines = [
        ("store.url", &config.store),
        ("queue.url", &config.queue),
        ("events.url", &config.events),
        ("blobs.url", &config.blobs),
    ];
    let here = engines.iter().filter(|(_, url)| url.is_none());
    let fault = |(key, _): &(&str, _)| {
        format!("{key} is empty, so no other process could use it: name a server, the same for all processes")
    };
    here.map(fault).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn engines(store: &str, queue: &str, events: &str) -> config::Engines {
        let shared = if store.is_empty() { "" } else { "postgres" };
        let url = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        config::Engines {
            cluster: "cupel".to_owned(),
            store: url(store),
            queue: url(queue),
            events: url(events),
            shared: None,
            blobs: url(shared),
            blobs_kept_max: cupel_types::Bytes::mib(1),
        }
    }

    #[test]
    fn separate_processes_require_engines_that_all_of_them_can_reach() {
        let fitted = |engines: config::Engines, role| fit(&engines, role).map_err(|error| format!("{error:#}"));
        assert_eq!(fitted(engines("", "", ""), Role::All), Ok(()));
        assert_eq!(fitted(engines("postgres://h/d", "postgres", "redis://h"), Role::Worker), Ok(()));
        let refused = fitted(engines("postgres://h/d", "", ""), Role::Api).unwrap_err();
        assert!(
            refused.contains("cupel api") && refused.contains("queue.url") && refused.contains("events.url"),
            "{refused}"
        );
        assert!(!refused.contains("store.url"), "{refused}");
    }
}
