//! [`Core`]: what the use cases stand on. One value per process, cheap to clone.
//!
//! The use cases themselves are one file per asker: `submit.rs` and `view.rs` for clients, `lease.rs` for
//! workers, `sweep.rs` for the clock, `webhook.rs` for the sender of webhooks. Those around users are a value of
//! their own, [`Accounts`](crate::accounts::Accounts).

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock, Weak};
use std::time::Duration;

use cupel_languages::Registry;
use cupel_types::{LanguageId, LeaseId, NodeId, RunId, UserId};
use jiff::{SignedDuration, Timestamp, TimestampRound, Unit};
use tokio::sync::Semaphore;

use crate::contests::Boards;
use crate::ends::Ends;
use crate::ids::IdGenerator;
use crate::lease::StopFlag;
use crate::problems::Imports;
use crate::routes::{Lanes, languages_of};
use crate::submit::{Admission, Bounds};
use crate::sweep::SweepState;
use crate::targets::RESOLVING_MAX;
use crate::{Clock, EventBus, LeasePolicy, Packages, Queue, QueueError, Resolver, Store};

/// The use cases over the ports. A clone is another handle on the same thing.
#[derive(Clone)]
pub struct Core {
    pub(crate) inner: Arc<Inner>,
}

/// What [`Core::new`] needs.
pub struct CoreParts {
    /// The truth.
    pub store: Arc<dyn Store>,
    /// Hints on their way to workers.
    pub queue: Arc<dyn Queue>,
    /// Live events.
    pub events: Arc<dyn EventBus>,
    /// Problem packages.
    pub packages: Arc<dyn Packages>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The languages offered.
    pub registry: Registry,
    /// Lease length and attempts.
    pub policy: LeasePolicy,
    /// What one submission may contain.
    pub bounds: Bounds,
}

pub(crate) struct Inner {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) lanes: Lanes,
    pub(crate) events: Arc<dyn EventBus>,
    pub(crate) packages: Arc<dyn Packages>,
    clock: Arc<dyn Clock>,
    registry: RwLock<Arc<Registry>>,
    /// Those of its languages that can be used here.
    languages: RwLock<Arc<BTreeSet<LanguageId>>>,
    pub(crate) policy: LeasePolicy,
    pub(crate) bounds: Bounds,
    pub(crate) ids: IdGenerator,
    /// This process, among those that work on the store.
    pub(crate) node: NodeId,
    pub(crate) admission: Admission,
    /// Attempts in the hands of this process's workers: who holds the flag learns at once that it should
    /// stop. By lease, because a run may have a lost attempt that does not know it yet and a new one.
    pub(crate) running: Mutex<HashMap<LeaseId, (RunId, Weak<StopFlag>)>>,
    /// Slot time that this process's workers have not told yet.
    pub(crate) used: Mutex<HashMap<UserId, Duration>>,
    /// Results that somebody in this process waits for.
    pub(crate) ends: Ends,
    pub(crate) sweep: tokio::sync::Mutex<SweepState>,
    /// Standings that were just read.
    pub(crate) boards: Boards,
    pub(crate) imports: Imports,
    /// One input of somebody's own is looked at at a time: it may take a hundred times its size.
    pub(crate) own_inputs: Arc<Semaphore>,
    /// Resolves the names of webhook receivers; without one, only the sender of webhooks does.
    pub(crate) resolver: OnceLock<Arc<dyn Resolver>>,
    pub(crate) resolving: Arc<Semaphore>,
}

impl Core {
    /// Puts the parts together. Does nothing yet: call [`Core::recover`] (and, where this process is the
    /// only one, [`Core::recover_orphans`] before it), then [`Core::sweep`] every second.
    pub fn new(parts: CoreParts) -> Core {
        let CoreParts { store, queue, events, packages, clock, registry, policy, bounds } = parts;
        Core {
            inner: Arc::new(Inner {
                store,
                lanes: Lanes::new(queue),
                events,
                packages,
                clock,
                languages: RwLock::new(Arc::new(languages_of(&registry))),
                registry: RwLock::new(Arc::new(registry)),
                policy,
                bounds,
                ids: IdGenerator::default(),
                node: NodeId::from_uuid(uuid::Uuid::new_v4()),
                admission: Admission::default(),
                running: Mutex::default(),
                used: Mutex::default(),
                ends: Ends::default(),
                sweep: tokio::sync::Mutex::default(),
                imports: Imports::default(),
                own_inputs: Arc::new(Semaphore::new(1)),
                resolver: OnceLock::new(),
                resolving: Arc::new(Semaphore::new(RESOLVING_MAX)),
                boards: Boards::default(),
            }),
        }
    }

    /// From now on, names of webhook receivers are resolved when a submission is sent. The first resolver stays.
    #[must_use]
    pub fn with_resolver(self, resolver: Arc<dyn Resolver>) -> Core {
        let _ = self.inner.resolver.set(resolver);
        self
    }

    /// The time, to the microsecond: what every store can keep exactly.
    pub fn now(&self) -> Timestamp {
        let now = self.inner.clock.now();
        now.round(TimestampRound::new().smallest(Unit::Microsecond).mode(jiff::RoundMode::Trunc)).unwrap_or(now)
    }

    /// How far this machine's own clock is ahead of the one that counts (negative: behind).
    pub fn skew(&self) -> SignedDuration {
        self.inner.clock.skew()
    }

    /// The languages as they are now; a later [`Core::set_registry`] does not change what was returned.
    pub fn registry(&self) -> Arc<Registry> {
        Arc::clone(&self.inner.registry.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Replaces the languages.
    pub fn set_registry(&self, registry: Registry) {
        let languages = Arc::new(languages_of(&registry));
        *self.inner.languages.write().unwrap_or_else(PoisonError::into_inner) = languages;
        *self.inner.registry.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(registry);
    }

    /// Those of them that can be used here.
    pub(crate) fn languages(&self) -> Arc<BTreeSet<LanguageId>> {
        Arc::clone(&self.inner.languages.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// What one submission may contain.
    pub fn bounds(&self) -> &Bounds {
        &self.inner.bounds
    }

    /// Lease length and attempts.
    pub fn policy(&self) -> LeasePolicy {
        self.inner.policy
    }

    /// The store, for health checks and metrics.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.inner.store
    }

    /// Problem packages.
    pub fn packages(&self) -> &Arc<dyn Packages> {
        &self.inner.packages
    }

    /// The bus, for health checks.
    pub fn events(&self) -> &Arc<dyn EventBus> {
        &self.inner.events
    }

    /// The queue of what every worker can do, for health checks and metrics.
    pub fn queue(&self) -> &Arc<dyn Queue> {
        self.inner.lanes.common()
    }

    /// How many hints wait, in that queue and in those beside it for what only some workers can do.
    ///
    /// # Errors
    /// When a queue cannot be asked.
    pub async fn queue_depth(&self) -> Result<usize, QueueError> {
        self.inner.lanes.depth().await
    }
}

impl std::fmt::Debug for Core {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Core").field("policy", &self.inner.policy).finish_non_exhaustive()
    }
}
