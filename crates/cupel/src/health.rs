//! How this server stands: what `/readyz` and `/healthz` tell.

use std::sync::Arc;

use async_trait::async_trait;
use cupel_api::{Check, Health, HealthReport, Wall};
use cupel_core::cluster::Order;
use cupel_core::{Core, SKEW_TOLD};
use cupel_sandbox::doctor::Examination;

use crate::executor::LocalSandbox;

/// The parts of a process.
pub(crate) struct ServerHealth {
    core: Core,
    sandbox: Option<Arc<LocalSandbox>>,
    walls: Vec<Wall>,
    degraded: Vec<String>,
}

impl ServerHealth {
    /// The walls are those that stood when they were attacked at the start.
    pub(crate) fn new(core: Core, sandbox: Arc<LocalSandbox>, examination: &Examination) -> ServerHealth {
        let wall = |f: &cupel_sandbox::doctor::Finding| Wall {
            name: f.wall.slug().to_owned(),
            stands: f.breach.is_none(),
            detail: f.breach.clone(),
        };
        let degraded =
            examination.missing().map(|f| format!("nothing keeps a program from {}", f.wall.describe())).collect();
        ServerHealth { core, sandbox: Some(sandbox), walls: examination.findings.iter().map(wall).collect(), degraded }
    }

    /// For an API that runs no programs.
    pub(crate) fn without_sandbox(core: Core) -> ServerHealth {
        ServerHealth { core, sandbox: None, walls: Vec::new(), degraded: Vec::new() }
    }
}

#[async_trait]
impl Health for ServerHealth {
    async fn report(&self) -> HealthReport {
        let store = self.core.store().ping().await.err().map(|error| error.to_string());
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
        // What is accepted waits until there is somebody who runs it.
        match self.core.workers_alive().await {
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
