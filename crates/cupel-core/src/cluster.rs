//! The processes that work on one store: workers and what they offer, what operators tell them, and who sweeps.
//!
//! A worker writes a row every few seconds ([`ClusterStore::beat`]) and reads from it what it has been told. One whose
//! row is old is gone; nothing follows from that but what people and `/healthz` are told, since its leases expire by
//! themselves. Of all nodes one sweeps at a time, for as long as it says so again ([`ClusterStore::lead`]).

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use cupel_languages::Availability::Unprobed;
use cupel_languages::Registry;
use cupel_types::{LanguageId, NodeId, WorkerId};
use jiff::{SignedDuration, Timestamp};

use crate::{Core, Needs, Routes, Store, StoreError, chain};

/// How often a worker says that it is there.
pub const BEAT_EVERY: Duration = Duration::from_secs(5);

/// After how long without a word a worker counts as gone: two beats may be late.
pub const WORKER_GONE_AFTER: SignedDuration = SignedDuration::from_secs(15);

/// Why a language is not available on a node that offers what workers have.
pub(crate) const NO_WORKER: &str = "no worker has it";

/// How long a node leads without saying so again. It sweeps every second.
const LEADS_FOR: SignedDuration = SignedDuration::from_secs(5);

/// How long the row of a worker that is gone is kept for people to look at.
pub(crate) const WORKERS_KEPT: SignedDuration = SignedDuration::from_hours(24);

/// What the store knows of the processes that work on it.
#[async_trait]
pub trait ClusterStore: Send + Sync {
    /// Writes that a worker is there, and how; what it has been told.
    async fn beat(&self, worker: WorkerBeat, now: Timestamp) -> Result<Order, StoreError>;

    /// A worker has stopped, and says so.
    async fn leave(&self, worker: WorkerId) -> Result<(), StoreError>;

    /// All workers whose rows are there, those that came first first.
    async fn workers(&self) -> Result<Vec<WorkerRecord>, StoreError>;

    /// What the workers have that have said something since `seen_after` and do not drain: languages with their versions, and how many
    /// have exactly these.
    async fn offers(&self, seen_after: Timestamp) -> Result<Vec<(BTreeMap<LanguageId, String>, u64)>, StoreError>;

    /// Tells a worker something, or all of them and those that come later (`None`), who are not told to drain thereby.
    /// `false`: there is no such worker.
    async fn tell(&self, worker: Option<WorkerId>, order: Order) -> Result<bool, StoreError>;

    /// Whether all workers are told to pause.
    async fn is_paused(&self) -> Result<bool, StoreError>;

    /// Makes `node` the one that sweeps, until `until`, unless another one is until a time after `now`. Whether it is.
    async fn lead(&self, node: NodeId, now: Timestamp, until: Timestamp) -> Result<bool, StoreError>;

    /// A secret that all nodes share: `proposed`, if there is none yet.
    async fn shared_secret(&self, name: &'static str, proposed: [u8; 32]) -> Result<[u8; 32], StoreError>;
}

/// What a worker says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerBeat {
    /// Which.
    pub id: WorkerId,
    /// What people call it: its machine's name, unless configured.
    pub name: String,
    /// Its version of Cupel.
    pub version: String,
    /// Programs that it runs at one time.
    pub slots: u32,
    /// How many of them are running one.
    pub busy: u32,
    /// The languages that it has, with the versions of their toolchains.
    pub languages: BTreeMap<LanguageId, String>,
    /// What it is doing about new runs.
    pub order: Order,
}

/// What a worker does about new runs: what it is told, and what it says that it does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// Takes them.
    #[default]
    Work,
    /// Takes none for now. What it has, it finishes.
    Pause,
    /// Takes none any more, finishes what it has or gives it back, and ends.
    Drain,
}

impl Order {
    /// All of them.
    pub const ALL: [Order; 3] = [Order::Work, Order::Pause, Order::Drain];

    /// The stable name: `work`, `pause` or `drain`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Order::Work => "work",
            Order::Pause => "pause",
            Order::Drain => "drain",
        }
    }

    /// By its stable name.
    pub fn from_name(name: &str) -> Option<Order> {
        Order::ALL.into_iter().find(|order| order.as_str() == name)
    }
}

/// A worker as the store knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerRecord {
    /// What it last said.
    pub beat: WorkerBeat,
    /// What it is told, also as one of all.
    pub told: Order,
    /// When it came.
    pub started_at: Timestamp,
    /// When it last said something.
    pub seen_at: Timestamp,
}

impl WorkerRecord {
    /// Whether it is there, as far as anybody can know at `now`.
    pub fn is_alive(&self, now: Timestamp) -> bool {
        now.duration_since(self.seen_at) < WORKER_GONE_AFTER
    }
}

/// Runs that are due and wait though no worker that is there has all languages that they need, by these.
///
/// # Errors
/// When the store cannot answer.
pub async fn unserved(store: &(impl Store + ?Sized), now: Timestamp) -> Result<Vec<(Needs, u64)>, StoreError> {
    let routes = routes_of(&offers(store, now).await?);
    let waiting = store.waiting_for(now).await?;
    Ok(waiting.into_iter().filter(|(needs, _)| !routes.serves(needs)).collect())
}

/// What the workers that are there have.
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
    /// Workers that are there now.
    ///
    /// # Errors
    /// When the store cannot answer.
    pub async fn workers_alive(&self) -> Result<Vec<WorkerRecord>, StoreError> {
        let now = self.now();
        let mut workers = self.inner.store.workers().await?;
        workers.retain(|worker| worker.is_alive(now));
        Ok(workers)
    }

    /// Offers the languages that workers have, for a node that has no toolchains of its own, and follows what they have. Where
    /// versions differ, the one that most of them have is told.
    ///
    /// # Errors
    /// When the store cannot answer; everything stays as it was.
    pub async fn offer_languages_of_workers(&self) -> Result<(), StoreError> {
        let mut versions: BTreeMap<LanguageId, BTreeMap<String, u64>> = BTreeMap::new();
        for (languages, workers) in self.follow_workers().await? {
            for (language, version) in languages {
                *versions.entry(language).or_default().entry(version).or_default() += workers;
            }
        }
        let most = |counts: BTreeMap<String, u64>| counts.into_iter().max_by_key(|(_, count)| *count);
        let found: BTreeMap<LanguageId, String> =
            versions.into_iter().filter_map(|(language, counts)| Some((language, most(counts)?.0))).collect();
        let registry = self.registry();
        let is_same = |registry: &Registry| {
            registry.iter().all(|language| language.installed_version() == found.get(&language.id).map(String::as_str))
        };
        if !is_same(&registry) || registry.iter().any(|language| matches!(language.availability, Unprobed)) {
            self.set_registry(registry.with_versions(&found, NO_WORKER));
        }
        Ok(())
    }

    /// Takes what the workers have now for where to send runs, and says it.
    ///
    /// # Errors
    /// When the store cannot answer; everything stays as it was.
    pub(crate) async fn follow_workers(&self) -> Result<Vec<(BTreeMap<LanguageId, String>, u64)>, StoreError> {
        let offers = offers(&*self.inner.store, self.now()).await?;
        self.inner.lanes.set_routes(routes_of(&offers));
        Ok(offers)
    }

    /// For a process with a worker, which has just said that it is there: takes what the other workers have for where to send runs, and
    /// takes runs from where those come that not every worker can judge.
    ///
    /// # Errors
    /// When the store cannot answer; everything stays as it was. A queue that cannot be made is made the next time.
    pub async fn join_workers(&self) -> Result<(), StoreError> {
        self.follow_workers().await?;
        if let Err(error) = self.inner.lanes.take_for(&self.languages()).await {
            tracing::warn!(error = chain(&error), "cannot take runs that only some workers can judge, for now");
        }
        Ok(())
    }

    /// Whether this node is the one that sweeps, from now on for some seconds.
    pub(crate) async fn leads(&self, now: Timestamp) -> Result<bool, StoreError> {
        let until = now.saturating_add(LEADS_FOR).unwrap_or(now);
        self.inner.store.lead(self.inner.node, now, until).await
    }
}
