//! What a process does without being asked, again and again until it stops.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use cupel_core::cluster::{BEAT_EVERY, Order};
use cupel_core::{Core, chain, is_disk_full};
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::time::{Interval, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::room::{self, Room};
use crate::{alerts, telemetry};

/// How often leases are checked and due runs are offered.
const SWEEP: Duration = Duration::from_secs(1);

/// How often packages that no problem names are looked for.
const TIDY: Duration = Duration::from_secs(20 * 60);

/// The first tick is at once; after a late one the next is a whole period away.
struct Ticks {
    interval: Interval,
    shutdown: CancellationToken,
}

impl Ticks {
    fn every(period: Duration, shutdown: CancellationToken) -> Ticks {
        let mut interval = interval(period);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Ticks { interval, shutdown }
    }

    /// Waits for the next one; `false` when the process is to stop.
    async fn next(&mut self) -> bool {
        self.shutdown.run_until_cancelled(self.interval.tick()).await.is_some()
    }
}

/// What is looked at beside sweeping, and who is told.
pub(super) struct Look {
    pub(super) alerts: Option<alerts::Watch>,
    /// The data directory: how full its disk is.
    pub(super) data: PathBuf,
    /// How many runs may wait.
    pub(super) waiting_max: u32,
}

/// Every second: expired leases, due runs, and the figures that are looked at rather than counted.
pub(super) async fn sweep(core: Core, mut look: Look, shutdown: CancellationToken) {
    let mut ticks = Ticks::every(SWEEP, shutdown);
    let mut led = false;
    while ticks.next().await {
        led = match core.sweep().await {
            Ok(swept) => {
                // None where another node sweeps: what this one saw when it did so is not true for ever.
                metrics::gauge!("cupel_queue_unserved").set(swept.unserved as f64);
                swept.led
            }
            Err(error) => {
                tracing::warn!(error = chain(&error), "could not sweep; the next second tries again");
                // Whoever led goes on with the alerts: what is wrong now is what they are for.
                led
            }
        };
        let now = core.now();
        let (Ok(counts), Ok(workers)) = (core.store().counts(now).await, core.workers_alive().await) else { continue };
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
                let seen = alerts::Seen {
                    workers: there(Order::Work),
                    waiting: counts.queued,
                    waiting_max: u64::from(look.waiting_max),
                    oldest,
                    dead: counts.dead,
                    disk_left: Room::under(&look.data).map(|room| room.left()),
                    full: full(&core, &look.data).await,
                };
                alerts.look(&seen, Instant::now());
            }
            Some(alerts) => alerts.forget(),
            None => {}
        }
    }
}

/// What says that a disk is full: that of the data directory, or that of the database.
async fn full(core: &Core, data: &Path) -> Option<String> {
    let of_store = async {
        let error = core.store().ping().await.err()?;
        is_disk_full(&error).then(|| chain(&*error.source))
    };
    match room::lack(data) {
        Some(lack) => Some(lack),
        None => of_store.await,
    }
}

/// Every twenty minutes: packages that no problem names.
pub(super) async fn tidy(core: Core, shutdown: CancellationToken) {
    let mut ticks = Ticks::every(TIDY, shutdown);
    // The start has looked at its own; what others are importing must have time to be named.
    ticks.interval.reset();
    while ticks.next().await {
        if let Err(error) = core.remove_unnamed_packages().await {
            tracing::warn!(error = chain(&error), "could not remove packages that no problem names");
        }
    }
}

/// Every few seconds: which languages the workers have.
pub(super) async fn offer_languages(core: Core, shutdown: CancellationToken) {
    let mut ticks = Ticks::every(BEAT_EVERY, shutdown);
    while ticks.next().await {
        if let Err(error) = core.offer_languages_of_workers().await {
            tracing::warn!(error = chain(&error), "cannot ask the store which languages workers have");
        }
    }
}

/// Keeps the histograms small, and looks at the disk.
pub(super) async fn upkeep(metrics: PrometheusHandle, data: PathBuf, shutdown: CancellationToken) {
    let mut ticks = Ticks::every(SWEEP, shutdown);
    while ticks.next().await {
        metrics.run_upkeep();
        telemetry::look_at_disk(&data);
    }
}
