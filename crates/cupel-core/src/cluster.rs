//! The processes that share one store: workers with their languages, operators' orders, and the leader that sweeps.
//!
//! A worker writes a row every few seconds ([`ClusterStore::beat`]) and reads its orders from the row. A worker whose
//! row is old counts as gone: displays and `/healthz` show that, and its languages are no longer offered or used for
//! routing. Its leases expire by themselves. One node at a time is the leader. The leader sweeps for as long as it
//! renews that role ([`ClusterStore::lead`]).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use async_trait::async_trait;
use cupel_languages::Availability::Unprobed;
use cupel_languages::{LibraryVersions, PullingLanguages, Registry};
use cupel_types::{LanguageId, NodeId, WorkerId};
use jiff::{SignedDuration, Timestamp};

use crate::{Core, Needs, Routes, Store, StoreError, chain};

/// Heartbeat interval of a worker.
pub const BEAT_EVERY: Duration = Duration::from_secs(5);

/// Time without a heartbeat after which a worker counts as gone: two heartbeats may be late.
pub const WORKER_GONE_AFTER: SignedDuration = SignedDuration::from_secs(15);

/// Why a language is unavailable on a node that offers the workers' languages.
pub(crate) const NO_WORKER: &str = "no worker has this language";

/// How long a node remains leader without renewal. The leader renews with every sweep, once per second.
const LEADS_FOR: SignedDuration = SignedDuration::from_secs(5);

/// How long the row of a worker that is gone is kept for display.
pub(crate) const WORKERS_KEPT: SignedDuration = SignedDuration::from_hours(24);

/// Cluster state in the store.
#[async_trait]
pub trait ClusterStore: Send + Sync {
    /// Records a worker's heartbeat and returns its current order.
    async fn beat(&self, worker: WorkerBeat, now: Timestamp) -> Result<Order, StoreError>;

    /// Records that a worker has stopped.
    async fn leave(&self, worker: WorkerId) -> Result<(), StoreError>;

    /// All stored workers, oldest first.
    async fn workers(&self) -> Result<Vec<WorkerRecord>, StoreError>;

    /// The sets of languages and versions of the workers that are not draining and whose last heartbeat is after
    /// `seen_after`, each with the number of workers that have exactly this set.
    async fn offers(&self, seen_after: Timestamp) -> Result<Vec<(BTreeMap<LanguageId, String>, u64)>, StoreError>;

    /// Sets the order for one worker, or for all current and future workers (`None`). An order to all workers to drain
    /// does not apply to future workers. While all workers are ordered to pause, no single worker can be ordered to
    /// work.
    async fn send_order(&self, worker: Option<WorkerId>, order: Order) -> Result<OrderSent, StoreError>;

    /// Whether all workers are ordered to pause.
    async fn is_paused(&self) -> Result<bool, StoreError>;

    /// Makes `node` the leader until `until`, unless another node is leader beyond `now`. Returns whether `node` is the
    /// leader.
    async fn lead(&self, node: NodeId, now: Timestamp, until: Timestamp) -> Result<bool, StoreError>;

    /// Names of the alerts that the operator's receiver has accepted and that have not ended.
    async fn open_alerts(&self) -> Result<BTreeSet<String>, StoreError>;

    /// Replaces the names of the open alerts. A name has no spaces.
    async fn set_open_alerts(&self, names: BTreeSet<String>) -> Result<(), StoreError>;

    /// A secret that all nodes share. Stores `proposed` if there is none yet.
    async fn shared_secret(&self, name: &'static str, proposed: [u8; 32]) -> Result<[u8; 32], StoreError>;
}

/// Heartbeat of a worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerBeat {
    /// The worker.
    pub id: WorkerId,
    /// The worker's display name; the machine's name by default.
    pub name: String,
    /// The worker's version of Cupel.
    pub version: String,
    /// Number of programs that it can run at the same time.
    pub slots: u32,
    /// Number of occupied slots.
    pub busy: u32,
    /// Number of runs that it judged within the last minute.
    pub judged_last_minute: u32,
    /// The worker's languages, with the versions of their toolchains.
    pub languages: BTreeMap<LanguageId, String>,
    /// The versions of the libraries that programs can use on the worker.
    pub libraries: LibraryVersions,
    /// Languages that it lacks because it is still pulling their images.
    pub pulling: PullingLanguages,
    /// The order it currently follows.
    pub order: Order,
}

/// A worker's behaviour towards new runs, as ordered and as reported by the worker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// Takes new runs.
    #[default]
    Work,
    /// Takes no new runs for now; finishes those it has.
    Pause,
    /// Takes no more runs, finishes or releases its runs, and exits.
    Drain,
}

impl Order {
    /// All orders.
    pub const ALL: [Order; 3] = [Order::Work, Order::Pause, Order::Drain];

    /// The stable name: `work`, `pause` or `drain`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Order::Work => "work",
            Order::Pause => "pause",
            Order::Drain => "drain",
        }
    }

    /// The order with this stable name.
    pub fn from_name(name: &str) -> Option<Order> {
        Order::ALL.into_iter().find(|order| order.as_str() == name)
    }
}

/// Result of [`ClusterStore::send_order`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderSent {
    /// The workers get the order with their next heartbeats.
    Sent,
    /// There is no such worker.
    NoWorker,
    /// Refused, because the order for all workers to pause would continue to apply to this worker.
    AllPaused,
}

/// A worker as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerRecord {
    /// The worker's last heartbeat.
    pub beat: WorkerBeat,
    /// The operator's order for the worker, including an order for all workers.
    pub order: Order,
    /// When the worker started.
    pub started_at: Timestamp,
    /// When the last heartbeat arrived.
    pub seen_at: Timestamp,
}

impl WorkerRecord {
    /// Whether the worker counts as alive at `now`.
    pub fn is_alive(&self, now: Timestamp) -> bool {
        now.duration_since(self.seen_at) < WORKER_GONE_AFTER
    }
}

/// Number of due runs that wait although no live worker has all needed languages, per set of needed languages.
///
/// # Errors
/// If the store cannot answer.
pub async fn unserved(store: &(impl Store + ?Sized), now: Timestamp) -> Result<Vec<(Needs, u64)>, StoreError> {
    let routes = routes_of(&offers(store, now).await?);
    let waiting = store.waiting_for(now).await?;
    Ok(waiting.into_iter().filter(|(needs, _)| !routes.serves(needs)).collect())
}

/// Languages of the live workers.
async fn offers(
    store: &(impl Store + ?Sized),
    now: Timestamp,
) -> Result<Vec<(BTreeMap<LanguageId, String>, u64)>, StoreError> {
    store.offers(now.saturating_sub(WORKER_GONE_AFTER).unwrap_or(now)).await
}

fn routes_of(offers: &[(BTreeMap<LanguageId, String>, u64)]) -> Routes {
    Routes::of_many(offers.iter().map(|(has, workers)| (has.keys().cloned().collect(), *workers)))
}

impl Core {
    /// Records a heartbeat of a worker of this process, and returns the operator's order.
    ///
    /// # Errors
    /// If the store cannot write.
    pub async fn beat(&self, beat: WorkerBeat) -> Result<Order, StoreError> {
        self.inner.store.beat(beat, self.now()).await
    }

    /// Deregisters a worker of this process.
    ///
    /// # Errors
    /// If the store cannot write.
    pub async fn leave(&self, worker: WorkerId) -> Result<(), StoreError> {
        self.inner.store.leave(worker).await
    }

    /// Number of due runs that wait although no live worker has all needed languages, per set of needed languages.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub async fn unserved(&self) -> Result<Vec<(Needs, u64)>, StoreError> {
        unserved(&*self.inner.store, self.now()).await
    }

    /// Names of the alerts that the operator's receiver has accepted and that have not ended. The sweeper keeps them
    /// here for the next sweeper.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub async fn open_alerts(&self) -> Result<BTreeSet<String>, StoreError> {
        self.inner.store.open_alerts().await
    }

    /// Replaces the names of the open alerts.
    ///
    /// # Errors
    /// If the store cannot write.
    pub async fn set_open_alerts(&self, names: BTreeSet<String>) -> Result<(), StoreError> {
        self.inner.store.set_open_alerts(names).await
    }

    /// Workers that are alive now.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub async fn workers_alive(&self) -> Result<Vec<WorkerRecord>, StoreError> {
        let now = self.now();
        let mut workers = self.inner.store.workers().await?;
        workers.retain(|worker| worker.is_alive(now));
        Ok(workers)
    }

    /// For a node without toolchains: offers the workers' languages, routes runs accordingly, and learns how fast the
    /// workers judge. If versions differ, the most frequent version is shown. `read_again` replaces the definitions of
    /// the languages, if the node's language files have changed.
    ///
    /// # Errors
    /// If the store cannot answer; nothing changes then.
    pub async fn offer_languages_of_workers(&self, read_again: Option<&Registry>) -> Result<(), StoreError> {
        let mut versions: BTreeMap<LanguageId, BTreeMap<String, u64>> = BTreeMap::new();
        for (languages, workers) in self.follow_workers().await? {
            for (language, version) in languages {
                *versions.entry(language).or_default().entry(version).or_default() += workers;
            }
        }
        let most = |counts: BTreeMap<String, u64>| counts.into_iter().max_by_key(|(_, count)| *count);
        let found: BTreeMap<LanguageId, String> =
            versions.into_iter().filter_map(|(language, counts)| Some((language, most(counts)?.0))).collect();
        let workers = self.workers_alive().await?;
        let judged: u64 = workers.iter().map(|worker| u64::from(worker.beat.judged_last_minute)).sum();
        self.inner.admission.judged_last_minute(usize::try_from(judged).unwrap_or(usize::MAX));
        let mut libraries = LibraryVersions::new();
        let mut pulling = PullingLanguages::new();
        for beat in workers.into_iter().map(|worker| worker.beat) {
            // The workers of a cluster normally have the same libraries. If versions differ, that of one worker is
            // shown.
            for (language, found) in beat.libraries {
                libraries.entry(language).or_default().extend(found);
            }
            for (language, pulled) in beat.pulling.into_iter().filter(|(id, _)| !found.contains_key(id)) {
                // A worker whose pull has not failed may finish first, so its state is the one to show.
                let shown = pulling.entry(language).or_insert_with(|| pulled.clone());
                if pulled.failure.is_none() {
                    *shown = pulled;
                }
            }
        }
        let current = self.registry();
        let registry = read_again.unwrap_or(&current);
        pulling.retain(|language, _| registry.get(language).is_some());
        let is_same = |registry: &Registry| {
            registry.iter().all(|language| language.installed_version() == found.get(&language.id).map(String::as_str))
                && registry.library_versions() == libraries
                && registry.pulling() == pulling
                && found.keys().filter(|id| id.image().is_some()).all(|id| registry.get(id).is_some())
        };
        let is_new = read_again.is_some() || registry.iter().any(|language| matches!(language.availability, Unprobed));
        if is_new || !is_same(registry) {
            let mut registry = registry.with_versions(&found, &pulling, NO_WORKER);
            registry.set_library_versions(&libraries);
            self.set_registry(registry);
        }
        Ok(())
    }

    /// Routes runs by the workers' current languages, and returns these languages.
    ///
    /// # Errors
    /// If the store cannot answer; nothing changes then.
    pub(crate) async fn follow_workers(&self) -> Result<Vec<(BTreeMap<LanguageId, String>, u64)>, StoreError> {
        let offers = offers(&*self.inner.store, self.now()).await?;
        self.inner.language_queues.set_routes(routes_of(&offers));
        Ok(offers)
    }

    /// For a process whose worker has just sent its heartbeat: routes runs by the languages of all workers, and takes
    /// runs from the language queues meant for this worker.
    ///
    /// # Errors
    /// If the store cannot answer; nothing changes then. If a queue cannot be opened, the next call tries again.
    pub async fn join_workers(&self) -> Result<(), StoreError> {
        self.follow_workers().await?;
        if let Err(error) = self.inner.language_queues.take_for(&self.languages()).await {
            tracing::warn!(error = chain(&error), "cannot open a language queue; retrying at the next heartbeat");
        }
        Ok(())
    }

    /// Takes or renews the leader's role for [`LEADS_FOR`]. Returns whether this node is the leader.
    pub(crate) async fn leads(&self, now: Timestamp) -> Result<bool, StoreError> {
        let until = now.saturating_add(LEADS_FOR).unwrap_or(now);
        self.inner.store.lead(self.inner.node, now, until).await
    }
}
