//! How this server stands: what `/readyz` and `/healthz` tell.

use async_trait::async_trait;
use cupel_api::{Check, Health, HealthReport, Wall};
use cupel_core::Core;
use cupel_sandbox::doctor::Examination;

/// The parts of an all-in-one server.
pub(crate) struct ServerHealth {
    core: Core,
    walls: Vec<Wall>,
    degraded: Vec<String>,
}

impl ServerHealth {
    /// The walls are those that stood when they were attacked at the start.
    pub(crate) fn new(core: Core, examination: &Examination) -> ServerHealth {
        let wall = |f: &cupel_sandbox::doctor::Finding| Wall {
            name: f.wall.slug().to_owned(),
            stands: f.breach.is_none(),
            detail: f.breach.clone(),
        };
        let degraded = examination.missing().map(|f| format!("nothing keeps a program from {}", f.wall.describe())).collect();
        ServerHealth { core, walls: examination.findings.iter().map(wall).collect(), degraded }
    }

    /// For an API that runs no programs.
    pub(crate) fn without_sandbox(core: Core) -> ServerHealth {
        ServerHealth { core, walls: Vec::new(), degraded: Vec::new() }
    }
}

#[async_trait]
impl Health for ServerHealth {
    async fn report(&self) -> HealthReport {
        let store = self.core.store().ping().await.err().map(|error| error.to_string());
        let queue = self.core.queue().depth().await.err().map(|error| error.to_string());
        let check = |name: &str, failure: Option<String>| Check { name: name.to_owned(), ok: failure.is_none(), detail: failure };
        HealthReport {
            checks: vec![check("store", store), check("queue", queue)],
            walls: self.walls.clone(),
            degraded: self.degraded.clone(),
        }
    }
}
