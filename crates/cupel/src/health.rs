//! How this server stands: what `/readyz` and `/healthz` tell.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use cupel_api::{Check, Health, HealthReport, Wall};
use cupel_core::cluster::Order;
use cupel_core::{Core, DiskFull, SKEW_TOLD, StoreError};
use cupel_sandbox::doctor::Examination;

use crate::executor::LocalSandbox;
use crate::room;

/// The parts of a process.
pub(crate) struct ServerHealth {
    core: Core,
    /// The data directory.
    data: PathBuf,
    /// Whether this process cannot do its work on a full disk: it runs programs, or has the database there.
    needs_disk: bool,
    sandbox: Option<Arc<LocalSandbox>>,
    walls: Vec<Wall>,
    degraded: Vec<String>,
}

impl ServerHealth {
    /// The walls are those that stood when they were attacked at the start.
    pub(crate) fn new(
        core: Core,
        data: PathBuf,
        sandbox: Arc<LocalSandbox>,
        examination: &Examination,
    ) -> ServerHealth {
        let wall = |f: &cupel_sandbox::doctor::Finding| Wall {
            name: f.wall.slug().to_owned(),
            stands: f.breach.is_none(),
            detail: f.breach.clone(),
        };
        let degraded =
            examination.missing().map(|f| format!("nothing keeps a program from {}", f.wall.describe())).collect();
        let walls = examination.findings.iter().map(wall).collect();
        ServerHealth { core, data, needs_disk: true, sandbox: Some(sandbox), walls, degraded }
    }

    /// For an API that runs no programs. `has_database`: its data directory has the database.
    pub(crate) fn without_sandbox(core: Core, data: PathBuf, has_database: bool) -> ServerHealth {
        ServerHealth { core, data, needs_disk: has_database, sandbox: None, walls: Vec::new(), degraded: Vec::new() }
    }
}

#[async_trait]
impl Health for ServerHealth {
    async fn report(&self) -> HealthReport {
        // A full disk is told with its place; any other cause stays in the log.
        let told = |error: StoreError| {
            let full = error.source.source().filter(|cause| cause.is::<DiskFull>());
            full.map_or_else(|| error.to_string(), ToString::to_string)
        };
        let store = self.core.store().ping().await.err().map(told);
        let store_writes = store.is_none();
        let queue = self.core.queue().depth().await.err().map(|error| error.to_string());
        let check = |name: &str, failure: Option<String>| Check {
            name: name.to_owned(),
            ok: failure.is_none(),
            detail: failure,
        };
        let mut checks = vec![check("store", store), check("queue", queue)];
        if let Some(sandbox) = &self.sandbox {
            checks.push(check(
                "sandbox",
                sandbox.is_lost().then(|| "its launcher is gone and could not be replaced yet".to_owned()),
            ));
        }
        let mut degraded = self.degraded.clone();
        let lack = room::lack(&self.data);
        let has_room = lack.is_none();
        if self.needs_disk {
            checks.push(check("disk", lack));
        } else {
            degraded.extend(lack);
        }
        // What waits and what has ended is in the store all the same: those who work and those who wait look there.
        degraded.extend(self.core.queue().health().err());
        degraded.extend(self.core.events().health().err());
        // Leases go by the database's clock; certificates, log lines and other programs of this machine do not.
        let skew = self.core.skew();
        if skew.abs() >= SKEW_TOLD {
            let (seconds, where_to) = (skew.abs().as_secs(), if skew.is_negative() { "behind" } else { "ahead of" });
            degraded.push(format!(
                "this machine's clock is {seconds} s {where_to} the database's: let a time service (chrony, systemd-timesyncd) set it"
            ));
        }
        // What is accepted waits until there is somebody who runs it. Workers cannot say that they are there while the store
        // cannot write, which is told above.
        let can_write = store_writes && (has_room || !self.needs_disk);
        match self.core.workers_alive().await {
            Ok(_) if !can_write => {}
            Ok(workers) if workers.is_empty() => {
                degraded.push("no worker is there: what is submitted waits".to_owned())
            }
            Ok(workers) if workers.iter().all(|worker| worker.beat.order != Order::Work) => {
                degraded.push("no worker takes new runs: all of them were told to pause or to drain".to_owned());
            }
            // That the store does not answer is told above.
            Ok(_) | Err(_) => {}
        }
        HealthReport { checks, walls: self.walls.clone(), degraded }
    }
}
