//! Presence: the worker's regular report to the store, which returns the worker's order.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use cupel_core::chain;
use cupel_core::cluster::{Order, WorkerBeat};
use cupel_types::{LanguageId, Verdict};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::ending::count_runs;
use crate::shared::Shared;

/// Timeout of the deregistration at the end.
const DEREGISTER_MAX: Duration = Duration::from_secs(2);

/// The reported data, and the worker to which the orders apply.
pub(crate) struct Presence {
    pub(crate) shared: Arc<Shared>,
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) slots: usize,
    pub(crate) every: Duration,
    /// Whether the last report arrived; `true` before the first report.
    pub(crate) is_heard: bool,
}

impl Presence {
    /// Reports until `gone` is cancelled, then deregisters the worker. Reports new languages at once, because a run
    /// goes only to a worker that has reported its language. Cancels `drain` when the order is to drain.
    pub(crate) async fn run(mut self, drain: CancellationToken, gone: CancellationToken) {
        let mut ticks = tokio::time::interval(self.every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let core = self.shared.parts.core.clone();
        let mut registry_changes = core.registry_changes();
        loop {
            tokio::select! {
                () = gone.cancelled() => break,
                _ = ticks.tick() => {}
                // The core owns the sender and exists as long as this worker.
                Ok(()) = registry_changes.changed() => {}
            }
            self.report(&drain).await;
        }
        let farewell = tokio::time::timeout(DEREGISTER_MAX, core.leave(self.shared.id)).await;
        if !matches!(farewell, Ok(Ok(()))) {
            tracing::debug!("could not remove worker {} from the store", self.shared.id);
        }
    }

    /// Reports once, and obeys the order that the store returns.
    pub(crate) async fn report(&mut self, drain: &CancellationToken) {
        let core = &self.shared.parts.core;
        let beat = self.beat(drain);
        // An alert watches these counters. A counter that first appears with a failure shows no increase.
        for language in beat.languages.keys() {
            count_runs(Verdict::InternalError, language.to_string(), 0);
        }
        match core.beat(beat).await {
            Ok(order) => {
                self.is_heard = true;
                self.obey(order, drain);
                if let Err(error) = core.join_workers().await {
                    tracing::debug!(error = chain(&error), "cannot read the state of other workers from the store");
                }
            }
            // Logged once. After that, the list of workers shows that this worker is silent.
            Err(error) if self.is_heard => {
                self.is_heard = false;
                tracing::warn!(
                    error = chain(&error),
                    "cannot send the heartbeat of worker {} to the store",
                    self.shared.id
                );
            }
            Err(_) => {}
        }
    }

    fn beat(&self, drain: &CancellationToken) -> WorkerBeat {
        let registry = self.shared.parts.core.registry();
        let version = |language: &cupel_languages::Language| {
            Some((language.id.clone(), language.installed_version()?.to_owned()))
        };
        let languages: BTreeMap<LanguageId, String> = registry.iter().filter_map(version).collect();
        let order = match (drain.is_cancelled(), *self.shared.is_paused.borrow()) {
            (true, _) => Order::Drain,
            (false, true) => Order::Pause,
            (false, false) => Order::Work,
        };
        WorkerBeat {
            id: self.shared.id,
            name: self.name.clone(),
            version: self.version.clone(),
            slots: u32::try_from(self.slots).unwrap_or(u32::MAX),
            busy: self.shared.busy.load(Ordering::Relaxed),
            judged_last_minute: self.shared.judged.last_minute(),
            languages,
            libraries: registry.library_versions(),
            pulling: registry.pulling(),
            order,
        }
    }

    fn obey(&self, order: Order, drain: &CancellationToken) {
        let pause = order == Order::Pause;
        if self.shared.is_paused.send_if_modified(|is_paused| std::mem::replace(is_paused, pause) != pause) {
            let does = if pause { "takes no new runs until further notice" } else { "takes runs again" };
            tracing::info!(worker.id = %self.shared.id, "order received: worker {} {does}", self.shared.id);
        }
        if order == Order::Drain && !drain.is_cancelled() {
            tracing::info!(worker.id = %self.shared.id, "order received: worker {} drains", self.shared.id);
            drain.cancel();
        }
    }
}
