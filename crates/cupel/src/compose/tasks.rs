//! Periodic tasks of a process, which run until it stops.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use cupel_core::blobs::remove_older;
use cupel_core::cluster::Order;
use cupel_core::problems::PackageCount;
use cupel_core::{BlobKind, Blobs, Core, chain, is_disk_full};
use cupel_types::counted;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::time::{Interval, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::disk_space::{self, DiskSpace};
use crate::health::ReportedFault;
use crate::{alerts, telemetry};

/// Interval of the sweeps, which handle expired leases and due runs, and of the upkeep.
const SWEEP: Duration = Duration::from_secs(1);

/// Interval at which packages that no problem refers to and old compiled programs are removed, and at which missing
/// packages are looked for.
pub(super) const TIDY: Duration = Duration::from_secs(20 * 60);

/// How long the blob store keeps a compiled program. A worker that needs it later compiles the source again.
const ARTIFACTS_KEPT: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Number of parts of the compiled programs (of 256) that are cleaned up every [`TIDY`], so that each part has its turn
/// within a day.
const ARTIFACT_PARTS: u32 = 4;

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
    /// Number of waiting runs at which this node refuses new runs.
    pub(super) waiting_max: u32,
    /// Where runs that no worker can judge are reported.
    pub(super) unserved: ReportedFault,
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
                let found = |n| format!("{n} waiting for a language that no worker has; `cupel admin queue` names it");
                look.unserved.set((swept.unserved > 0).then(|| found(counted(swept.unserved, "run"))));
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
        // A read-only database answers both queries. A full disk is reported by its own alert.
        let is_writable = core.ping_store().await.map_or_else(|error| is_disk_full(&error), |()| true);
        let is_connected = is_writable && matches!(found, (Ok(_), Ok(_)));
        metrics::gauge!("cupel_store_connected").set(if is_connected { 1.0 } else { 0.0 });
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
                // Until this node knows which alerts its predecessor sent, it sends none.
                if alerts.keep(&core, Instant::now()).await {
                    alerts.look(&seen, Instant::now());
                }
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

/// At each `period` ([`TIDY`] except in tests): removes old compiled programs from some parts of the blob store. The
/// submissions of users decide how many programs are compiled, so without this the blob store would grow without bound.
/// Every node that accepts submissions does this, because removing a blob twice does no harm.
pub(super) async fn tidy_artifacts(blobs: Arc<dyn Blobs>, period: Duration, shutdown: CancellationToken) {
    let mut ticks = Ticks::every(period, shutdown.clone());
    // A server that is restarted often must not begin with the same parts every time.
    let mut part: u8 = rand::random();
    while ticks.next().await {
        for _ in 0..ARTIFACT_PARTS {
            if shutdown.is_cancelled() {
                return;
            }
            let (blobs, shutdown) = (Arc::clone(&blobs), shutdown.clone());
            let removing = tokio::task::spawn_blocking(move || {
                remove_older(&*blobs, BlobKind::ArtifactsUnder(part), ARTIFACTS_KEPT, &|| shutdown.is_cancelled())
            });
            match removing.await {
                Ok(Ok(0)) => {}
                Ok(Ok(removed)) => tracing::debug!(removed, "removed old compiled programs from the blob store"),
                Ok(Err(error)) => {
                    tracing::warn!(error = chain(&error), "cannot remove old compiled programs from the blob store");
                }
                Err(error) => tracing::error!(%error, "the removal of old compiled programs failed"),
            }
            part = part.wrapping_add(1);
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

/// Runs the upkeep of the histograms, measures the disk, and checks the connection to the queue.
pub(super) async fn upkeep(core: Core, metrics: PrometheusHandle, data: PathBuf, shutdown: CancellationToken) {
    let mut ticks = Ticks::every(SWEEP, shutdown);
    while ticks.next().await {
        metrics.run_upkeep();
        telemetry::look_at_disk(&data);
        metrics::gauge!("cupel_queue_connected").set(if core.queue_health().is_ok() { 1.0 } else { 0.0 });
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use cupel_core::BlobKey;
    use cupel_store::DirectoryBlobs;
    use cupel_types::ContentHash;

    use super::*;

    #[tokio::test]
    async fn old_compiled_programs_are_removed_from_every_part_and_nothing_else_is() {
        let folder = tempfile::tempdir().unwrap();
        let blobs: Arc<dyn Blobs> = Arc::new(DirectoryBlobs::open(folder.path(), "one").unwrap());
        let put = |key: BlobKey, age: Duration| {
            blobs.put(&key, &mut b"x".as_slice()).unwrap();
            let file = File::options().write(true).open(folder.path().join(format!("one/{key}"))).unwrap();
            let now = file.metadata().unwrap().modified().unwrap();
            file.set_modified(now - age).unwrap();
        };
        let hash = |first: u8| ContentHash::from_bytes([first; 32]);
        let day = Duration::from_secs(24 * 60 * 60);
        for first in [0, 7, 128, 255] {
            put(BlobKey::Artifacts(hash(first)), 8 * day);
        }
        put(BlobKey::Artifacts(hash(200)), 6 * day);
        put(BlobKey::Data(hash(3)), 100 * day);
        let shutdown = CancellationToken::new();
        let left = |kind| blobs.list(kind).unwrap().iter().map(|blob| blob.key).collect::<Vec<_>>();
        let tidying = tidy_artifacts(Arc::clone(&blobs), Duration::from_millis(1), shutdown.clone());
        let watching = async {
            while left(BlobKind::Artifacts).len() > 1 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            shutdown.cancel();
        };
        tokio::join!(tidying, watching);
        assert_eq!(left(BlobKind::Artifacts), [BlobKey::Artifacts(hash(200))]);
        assert_eq!(left(BlobKind::Data), [BlobKey::Data(hash(3))]);
    }
}
