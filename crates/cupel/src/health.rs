//! Health of this process, for `/readyz` and `/healthz`.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use cupel_core::cluster::Order;
use cupel_core::{Core, DiskFull, SKEW_REPORTED, StoreError};
use cupel_http::{Check, Health, HealthReport, Wall};
use cupel_runner::Runner;
use cupel_sandbox::doctor::Examination;
use cupel_types::ImageName;
use tokio::time::error::Elapsed;
use tokio::time::timeout;

use crate::disk_space;
use crate::images::Pulls;

/// Maximum time of the checks, because a load balancer waits only some seconds for an answer.
const CHECK_MAX: Duration = Duration::from_secs(5);

/// A fault that `/healthz` reports, found by another task; empty if there is none.
#[derive(Clone, Default)]
pub(crate) struct ReportedFault(Arc<Mutex<Option<String>>>);

impl ReportedFault {
    pub(crate) fn set(&self, fault: Option<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = fault;
    }

    pub(crate) fn get(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Faults of the languages of a process.
#[derive(Clone)]
pub(crate) struct LanguageFaults {
    /// Why changed language files are not in effect.
    pub(crate) of_files: ReportedFault,
    /// The images that are pulled; none in a process that runs no programs.
    pub(crate) pulls: Pulls,
}

impl LanguageFaults {
    fn all(&self) -> impl Iterator<Item = String> {
        // Reasons may contain addresses of registries, so only administrators can read them.
        let pull = |image: ImageName| {
            format!(
                "the image `{image}` of a language file could not be pulled; the attempts continue: `GET \
                 /admin/images` and the log have the reason"
            )
        };
        self.of_files.get().into_iter().chain(self.pulls.failures().into_keys().map(pull))
    }
}

/// Faults that the periodic tasks of a server find.
#[derive(Clone, Default)]
pub(crate) struct FoundFaults {
    /// Packages of problems that are missing.
    pub(crate) packages: ReportedFault,
    /// Runs that wait for a language that no worker has. Only the sweeper counts them.
    pub(crate) unserved: ReportedFault,
}

/// The parts of a process that are checked.
pub(crate) struct ServerHealth {
    core: Core,
    /// The data directory.
    data: PathBuf,
    /// Whether a full disk stops this process, because the process runs programs or its database is on the disk.
    needs_disk: bool,
    /// The runner; `None` in a process that runs no programs.
    runner: Option<Arc<dyn Runner>>,
    walls: Vec<Wall>,
    degraded: Vec<String>,
    languages: LanguageFaults,
    found: FoundFaults,
}

impl ServerHealth {
    /// `examination`: the result of the attacks on the walls at the start.
    pub(crate) fn new(
        core: Core,
        data: PathBuf,
        runner: Arc<dyn Runner>,
        examination: &Examination,
        languages: LanguageFaults,
        found: FoundFaults,
    ) -> ServerHealth {
        let wall = |f: &cupel_sandbox::doctor::WallFinding| Wall {
            name: f.wall.slug().to_owned(),
            stands: f.breach.is_none(),
            detail: f.breach.clone(),
        };
        let degraded =
            examination.missing().map(|f| format!("no wall prevents a program from {}", f.wall.describe())).collect();
        let walls = examination.findings.iter().map(wall).collect();
        ServerHealth { core, data, needs_disk: true, runner: Some(runner), walls, degraded, languages, found }
    }

    /// Health of an API node, which runs no programs. `has_database`: whether the database is in the node's data
    /// directory. `of_files`: why changed language files are not in effect.
    pub(crate) fn without_sandbox(
        core: Core,
        data: PathBuf,
        has_database: bool,
        of_files: ReportedFault,
        found: FoundFaults,
    ) -> ServerHealth {
        ServerHealth {
            core,
            data,
            needs_disk: has_database,
            runner: None,
            walls: Vec::new(),
            degraded: Vec::new(),
            languages: LanguageFaults { of_files, pulls: Pulls::default() },
            found,
        }
    }
}

#[async_trait]
impl Health for ServerHealth {
    async fn report(&self) -> HealthReport {
        // A full disk is reported with its mount point. The message of any other cause is only logged, because
        // everybody may read this report.
        let described = |error: StoreError| {
            let full = error.source.source().filter(|cause| cause.is::<DiskFull>());
            match (full, cupel_store::outage_of(&error)) {
                (Some(full), _) => full.to_string(),
                (None, Some(outage)) => format!("{error}: {outage}; the log has the database's message"),
                (None, None) => error.to_string(),
            }
        };
        let (store, queue, depth, workers) = tokio::join!(
            timeout(CHECK_MAX, self.core.ping_store()),
            timeout(CHECK_MAX, self.core.ping_queue()),
            timeout(CHECK_MAX, self.core.queue_depth()),
            timeout(CHECK_MAX, self.core.workers_alive()),
        );
        let late = |_: Elapsed| Some(format!("it did not answer within {} s", CHECK_MAX.as_secs()));
        let store = store.map_or_else(late, |result| result.err().map(described));
        let store_writes = store.is_none();
        let queue = queue.map_or_else(late, |result| result.err().map(|error| error.to_string()));
        let check = |name: &str, failure: Option<String>| Check {
            name: name.to_owned(),
            ok: failure.is_none(),
            detail: failure,
        };
        let mut checks = vec![check("store", store), check("queue", queue)];
        if let Some(runner) = &self.runner {
            checks.push(check(
                "sandbox",
                runner.has_ended().then(|| "its launcher has ended, and this process cannot start another".to_owned()),
            ));
        }
        let mut degraded = self.degraded.clone();
        degraded.extend(self.languages.all());
        degraded.extend(self.found.packages.get());
        degraded.extend(self.found.unserved.get());
        let lack = disk_space::lack(&self.data);
        let has_room = lack.is_none();
        if self.needs_disk {
            checks.push(check("disk", lack));
        } else {
            degraded.extend(lack);
        }
        // Failures of the queue and the event bus only degrade the service: accepted submissions wait until the queue
        // works again, and waiting clients also poll the store.
        degraded.extend(self.core.queue_health().err());
        degraded.extend(self.core.events().health().err());
        // A queue that does not respond is reported above.
        let depth_max = self.core.queue_depth_max();
        if matches!(depth, Ok(Ok(depth)) if depth >= depth_max) {
            degraded.push(format!("the queue is full: `queue.depth_max` is {depth_max}; new runs are refused"));
        }
        // Leases use the database's clock. Certificates, log lines and other programs use the machine's.
        let skew = self.core.skew();
        if skew.abs() >= SKEW_REPORTED {
            let (seconds, where_to) = (skew.abs().as_secs(), if skew.is_negative() { "behind" } else { "ahead of" });
            degraded.push(format!(
                "this machine's clock is {seconds} s {where_to} the database's clock: synchronize it with a time service (chrony, systemd-timesyncd)"
            ));
        }
        // Without workers, accepted submissions wait. While the store cannot write, workers cannot send heartbeats, so
        // only the store's failure is reported, above.
        let can_write = store_writes && (has_room || !self.needs_disk);
        match workers {
            Ok(Ok(_)) if !can_write => {}
            Ok(Ok(workers)) if workers.is_empty() => {
                degraded.push("no worker is running: accepted submissions wait, and new ones may be refused".to_owned())
            }
            Ok(Ok(workers)) if workers.iter().all(|worker| worker.beat.order != Order::Work) => {
                degraded.push("no worker takes new runs: all workers are paused or draining".to_owned());
            }
            // A store that does not respond is reported above.
            Ok(Ok(_) | Err(_)) | Err(_) => {}
        }
        HealthReport { checks, walls: self.walls.clone(), degraded }
    }
}
