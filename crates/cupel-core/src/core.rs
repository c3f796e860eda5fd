//! [`Core`]: the shared state of the use cases. One value per process, cheap to clone.
//!
//! The use cases are grouped by caller, one file each: `execute.rs`, `submit.rs` and `view.rs` for clients, `lease.rs`
//! for workers, `sweep.rs` for the periodic sweep, `webhook.rs` for the webhook sender. User accounts have a separate
//! type, [`Accounts`](crate::accounts::Accounts).

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock, Weak};
use std::time::Duration;

use cupel_languages::Registry;
use cupel_types::{LanguageId, LeaseId, NodeId, RunId, UserId};
use jiff::{SignedDuration, Timestamp, TimestampRound, Unit};
use tokio::sync::{Semaphore, watch};

use crate::admission::Admission;
use crate::bounds::Bounds;
use crate::completion_waiters::CompletionWaiters;
use crate::contests::Boards;
use crate::ids::IdGenerator;
use crate::lease::StopFlag;
use crate::position::SharedList;
use crate::problems::Imports;
use crate::result_cache::ResultCache;
use crate::routes::{LanguageQueues, languages_of};
use crate::sweep::SweepState;
use crate::targets::RESOLVING_MAX;
use crate::{
    Clock, EventBus, LeasePolicy, Packages, Queue, QueueError, Resolver, RunCounts, RunningRun, Store, StoreError,
};

/// The use cases over the ports. Clones share the same state.
#[derive(Clone)]
pub struct Core {
    pub(crate) inner: Arc<Inner>,
    /// `None`: results are never returned from a cache.
    pub(crate) result_cache: Option<ResultCache>,
}

/// Arguments of [`Core::new`].
pub struct CoreParts {
    /// The store: the source of truth.
    pub store: Arc<dyn Store>,
    /// The queue that carries hints to workers.
    pub queue: Arc<dyn Queue>,
    /// Live events.
    pub events: Arc<dyn EventBus>,
    /// Problem packages.
    pub packages: Arc<dyn Packages>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The offered languages.
    pub registry: Registry,
    /// Length of a lease and maximum number of attempts.
    pub policy: LeasePolicy,
    /// Bounds on submissions, and on what one user may store.
    pub bounds: Bounds,
}

pub(crate) struct Inner {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) language_queues: LanguageQueues,
    pub(crate) events: Arc<dyn EventBus>,
    pub(crate) packages: Arc<dyn Packages>,
    clock: Arc<dyn Clock>,
    registry: RwLock<Arc<Registry>>,
    /// Notified when the registry is replaced.
    registry_changes: watch::Sender<()>,
    /// The languages of the registry that are available here.
    languages: RwLock<Arc<BTreeSet<LanguageId>>>,
    pub(crate) policy: LeasePolicy,
    pub(crate) bounds: Bounds,
    pub(crate) ids: IdGenerator,
    /// Id of this process among the nodes that share the store.
    pub(crate) node: NodeId,
    pub(crate) admission: Admission,
    /// Stop flags of the attempts that this process's workers run; raising one stops the attempt at once. Keyed by
    /// lease, because a lost attempt may still be running when a new attempt at the same run starts.
    pub(crate) running: Mutex<HashMap<LeaseId, (RunId, Weak<StopFlag>)>>,
    /// Slot time (how long runs occupied slots) per owner that this process's workers have not announced yet.
    pub(crate) used: Mutex<HashMap<UserId, Duration>>,
    /// Callers in this process that wait for results.
    pub(crate) waiters: CompletionWaiters,
    pub(crate) sweep: tokio::sync::Mutex<SweepState>,
    /// Recently read standings.
    pub(crate) boards: Boards,
    /// Recently read waiting runs.
    pub(crate) waiting_list: SharedList,
    pub(crate) imports: Imports,
    /// Admits one custom input at a time, because examining it may need far more memory than its size.
    pub(crate) custom_inputs: Arc<Semaphore>,
    /// Resolver for the host names of webhook receivers. If no resolver is set, only the webhook sender resolves the
    /// names.
    pub(crate) resolver: OnceLock<Arc<dyn Resolver>>,
    pub(crate) resolving: Arc<Semaphore>,
    /// The container images of this node, if it runs programs.
    pub(crate) images: OnceLock<Arc<dyn crate::images::Images>>,
}

impl Core {
    /// Creates the core from its parts; does no I/O. The caller then calls [`Core::recover`] (preceded by
    /// [`Core::recover_orphans`] if no other process uses the store), then [`Core::sweep`] every second.
    pub fn new(parts: CoreParts) -> Core {
        let CoreParts { store, queue, events, packages, clock, registry, policy, bounds } = parts;
        Core {
            inner: Arc::new(Inner {
                store,
                language_queues: LanguageQueues::new(queue),
                events,
                packages,
                clock,
                languages: RwLock::new(Arc::new(languages_of(&registry))),
                registry: RwLock::new(Arc::new(registry)),
                registry_changes: watch::Sender::new(()),
                policy,
                bounds,
                ids: IdGenerator::default(),
                node: NodeId::from_uuid(uuid::Uuid::new_v4()),
                admission: Admission::default(),
                running: Mutex::default(),
                used: Mutex::default(),
                waiters: CompletionWaiters::default(),
                sweep: tokio::sync::Mutex::default(),
                waiting_list: SharedList::default(),
                imports: Imports::default(),
                custom_inputs: Arc::new(Semaphore::new(1)),
                resolver: OnceLock::new(),
                resolving: Arc::new(Semaphore::new(RESOLVING_MAX)),
                boards: Boards::default(),
                images: OnceLock::new(),
            }),
            result_cache: None,
        }
    }

    /// Sets the resolver for the host names of webhook receivers, used when a submission is sent. Later calls have no
    /// effect.
    #[must_use]
    pub fn with_resolver(self, resolver: Arc<dyn Resolver>) -> Core {
        let _ = self.inner.resolver.set(resolver);
        self
    }

    /// Uses this result cache in requests through this value and its clones.
    #[must_use]
    pub fn with_result_cache(self, cache: ResultCache) -> Core {
        Core { result_cache: Some(cache), ..self }
    }

    /// The current time, truncated to microseconds, which every store can represent exactly.
    pub fn now(&self) -> Timestamp {
        let now = self.inner.clock.now();
        now.round(TimestampRound::new().smallest(Unit::Microsecond).mode(jiff::RoundMode::Trunc)).unwrap_or(now)
    }

    /// How far this machine's clock is ahead of the authoritative clock (negative: behind).
    pub fn skew(&self) -> SignedDuration {
        self.inner.clock.skew()
    }

    /// The current languages; a later [`Core::set_registry`] does not change a returned value.
    pub fn registry(&self) -> Arc<Registry> {
        Arc::clone(&self.inner.registry.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Replaces the languages.
    pub fn set_registry(&self, registry: Registry) {
        let languages = Arc::new(languages_of(&registry));
        *self.inner.languages.write().unwrap_or_else(PoisonError::into_inner) = languages;
        *self.inner.registry.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(registry);
        self.inner.registry_changes.send_replace(());
    }

    /// Changes whenever the languages are replaced.
    pub fn registry_changes(&self) -> watch::Receiver<()> {
        self.inner.registry_changes.subscribe()
    }

    /// The languages of the registry that are available here.
    pub(crate) fn languages(&self) -> Arc<BTreeSet<LanguageId>> {
        Arc::clone(&self.inner.languages.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Bounds on submissions, and on what one user may store.
    pub fn bounds(&self) -> &Bounds {
        &self.inner.bounds
    }

    /// Length of a lease and maximum number of attempts.
    pub fn policy(&self) -> LeasePolicy {
        self.inner.policy
    }

    /// Whether the store answers, for health checks.
    ///
    /// # Errors
    /// If the store does not answer.
    pub async fn ping_store(&self) -> Result<(), StoreError> {
        self.inner.store.ping().await
    }

    /// Number of runs by state, for administrators and metrics.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub async fn counts(&self) -> Result<RunCounts, StoreError> {
        self.inner.store.counts(self.now()).await
    }

    /// The runs that workers hold, longest first, at most `limit`, for administrators.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub async fn runs_of_workers(&self, limit: u32) -> Result<Vec<RunningRun>, StoreError> {
        self.inner.store.running(limit).await
    }

    /// The event bus, for health checks.
    pub fn events(&self) -> &Arc<dyn EventBus> {
        &self.inner.events
    }

    /// The common queue, for runs that every worker can judge.
    pub(crate) fn queue(&self) -> &Arc<dyn Queue> {
        self.inner.language_queues.common()
    }

    /// Whether the queue answers, for health checks.
    ///
    /// # Errors
    /// If the queue does not answer.
    pub async fn ping_queue(&self) -> Result<(), QueueError> {
        self.queue().depth().await.map(drop)
    }

    /// Whether this process can currently exchange hints with others through the common queue and the language queues
    /// in use; if not, the cause as human-readable text. Makes no network call.
    ///
    /// # Errors
    /// The cause.
    pub fn queue_health(&self) -> Result<(), String> {
        self.inner.language_queues.health()
    }

    /// Maximum number of waiting hints.
    pub fn queue_depth_max(&self) -> usize {
        self.queue().depth_max()
    }

    /// Number of waiting hints, in the common queue and in the language queues.
    ///
    /// # Errors
    /// If the depth of a queue cannot be read.
    pub async fn queue_depth(&self) -> Result<usize, QueueError> {
        self.inner.language_queues.depth().await
    }
}

impl std::fmt::Debug for Core {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Core").field("policy", &self.inner.policy).finish_non_exhaustive()
    }
}
