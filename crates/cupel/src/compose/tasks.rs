//! Periodic tasks of a process, which run until it stops.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use cupel_core::cluster::{BEAT_EVERY, Order};
use cupel_core::problems::PackageCount;
use cupel_core::{Core, chain, is_disk_full};
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::time::{Interval, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::disk_space::{self, DiskSpace};
use crate::health::ReportedFault;
use crate::{alerts, telemetry};

/// Interval of the sweeps, which handle expired leases and due runs, and of the upkeep.
const SWEEP: Duration = Duration::from_secs(1);

/// Interval at which packages that no problem refers to are removed, and at which missing packages are looked for.
const TIDY: Duration = Duration::from_secs(20 * 60);

/// Interval at which missing packages are looked for again.
const RECHECK: Duration = Duration::from_secs(10);

/// Ticker. The first tick is immediate. After a late tick, the next tick follows a full period later.
pub(super) struct Ticks {
    interval: Interval,
    shutdown: CancellationToken,
}

impl Ticks {
    pub(super) fn every(period: Duration, shutdown: CancellationToken) -> Ticks {
        let mut interval = interval(period);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Ticks { interval, shutdown }
    }

    /// Waits for the next tick. Returns `false` when the process stops.
    pub(super) async fn next(&mut self) -> bool {
        self.shutdown.run_until_cancelled(self.interval.tick()).await.is_some()
    }
}

/// Data that the sweep task needs for alerts and gauges.
pub(super) struct SweepInputs {
    pub(super) alerts: Option<alerts::Watch>,
    /// The data directory, whose disk usage is watched.
    pub(super) data: PathBuf,
    /// Maximum number of waiting runs.
    pub(super) waiting_max: u32,
}

/// Each second: handles expired leases and due runs, updates the gauges, and checks for faults that need an alert.
pub(super) async fn sweep(core: Core, mut look: SweepInputs, shutdown: CancellationToken) {
    let mut ticks = Ticks::every(SWEEP, shutdown);
    let mut led = false;
    while ticks.next().await {
        led = match core.sweep().await {
            Ok(swept) => {
                // The gauge is zero if another node is the sweeper, because this node's last value would become
                // outdated.
                metrics::gauge!("cupel_queue_unserved").set(swept.unserved as f64);
                swept.led
            }
            Err(error) => {
                tracing::warn!(error = chain(&error), "the sweep failed; the next one is in one second");
                // If the store can be read but not written, for example because its disk is full, the last sweeper
                // keeps sending alerts.
                led
            }
        };
        let now = core.now();
        let found = (core.counts().await, core.workers_alive().await);
        metrics::gauge!("cupel_store_connected").set(if matches!(found, (Ok(_), Ok(_))) { 1.0 } else { 0.0 });
        // Without the store, the gauges below keep their last values.
        let (Ok(counts), Ok(workers)) = found else { continue };
        let oldest =
            counts.oldest_due_at.map_or(Duration::ZERO, |at| now.duration_since(at).try_into().unwrap_or_default());
        metrics::gauge!("cupel_queue_depth").set(counts.queued as f64);
        metrics::gauge!("cupel_queue_oldest_age_seconds").set(oldest.as_secs_f64());
        metrics::gauge!("cupel_dead_letters").set(counts.dead as f64);
        let there = |order| workers.iter().filter(|worker| worker.beat.order == order).count();
        for (state, order) in [("working", Order::Work), ("paused", Order::Pause), ("draining", Order::Drain)] {
            metrics::gauge!("cupel_workers", "state" => state).set(there(order) as f64);
        }
        match &mut look.alerts {
            Some(alerts) if led => {
                let seen = alerts::InstallationState {
                    workers: there(Order::Work),
                    waiting: counts.queued,
                    waiting_max: u64::from(look.waiting_max),
                    oldest,
                    dead: counts.dead,
                    disk_left: DiskSpace::under(&look.data).map(|room| room.left()),
                    full: full(&core, &look.data).await,
                };
                alerts.look(&seen, Instant::now());
            }
            Some(alerts) => alerts.forget(),
            None => {}
        }
    }
}

/// Returns the description of a full disk: the disk of the data directory or that of the database.
async fn full(core: &Core, data: &Path) -> Option<String> {
    let of_store = async {
        let error = core.ping_store().await.err()?;
        is_disk_full(&error).then(|| chain(&*error.source))
    };
    match disk_space::lack(data) {
        Some(lack) => Some(lack),
        None => of_store.await,
    }
}

/// Every 20 minutes: removes packages that no problem refers to.
pub(super) async fn tidy(core: Core, shutdown: CancellationToken) {
    let mut ticks = Ticks::every(TIDY, shutdown);
    // The first clean-up happens one period later. The server cleaned up at its start, and a package that another node
    // is importing needs time until a problem refers to it.
    ticks.interval.reset();
    while ticks.next().await {
        if let Err(error) = core.remove_unnamed_packages().await {
            tracing::warn!(error = chain(&error), "cannot remove packages that no problem refers to");
        }
    }
}

/// Checks whether all packages that the store names exist, and reports missing ones. While some are missing, checks
/// more often, so that the report ends soon after they are back. `place` is where they should be.
pub(super) async fn check_packages(core: Core, fault: ReportedFault, place: &'static str, shutdown: CancellationToken) {
    loop {
        match core.count_packages().await {
            Ok(PackageCount { missing: 0, .. }) => {
                metrics::gauge!("cupel_packages_missing").set(0.0);
                fault.set(None);
            }
            Ok(PackageCount { named, missing }) => {
                metrics::gauge!("cupel_packages_missing").set(missing as f64);
                let found = format!(
                    "{missing} of {named} packages of problems are missing in {place}, so submissions to these problems \
                     fail: check `blobs.url`, or copy the packages back from a backup"
                );
                if fault.get().as_ref() != Some(&found) {
                    tracing::error!(missing, named, "{found}");
                }
                fault.set(Some(found));
            }
            Err(error) => tracing::warn!(error = chain(&error), "cannot check whether all packages exist"),
        }
        let pause = if fault.get().is_some() { RECHECK } else { TIDY };
        if shutdown.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
            return;
        }
    }
}

/// At each heartbeat interval: reads the languages that the workers offer.
pub(super) async fn offer_languages(core: Core, shutdown: CancellationToken) {
    let mut ticks = Ticks::every(BEAT_EVERY, shutdown);
    while ticks.next().await {
        if let Err(error) = core.offer_languages_of_workers().await {
            tracing::warn!(error = chain(&error), "cannot read the workers' languages from the store");
        }
    }
}

/// Runs the upkeep of the histograms, measures the disk, and checks the connection to the queue.
pub(super) async fn upkeep(core: Core, metrics: PrometheusHandle, data: PathBuf, shutdown: CancellationToken) {
    let mut ticks = Ticks::every(SWEEP, shutdown);
    while ticks.next().await {
        metrics.run_upkeep();
        telemetry::look_at_disk(&data);
        metrics::gauge!("cupel_queue_connected").set(if core.queue_health().is_ok() { 1.0 } else { 0.0 });
    }
}
