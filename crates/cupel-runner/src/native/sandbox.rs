//! The sandbox, shared by executors and compile services, and whether its launcher is lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use cupel_judge::{StepInput, StepKind};
use cupel_sandbox::{RunError, Sandbox, Warm, WarmTemplate};
use cupel_types::Root;

use crate::running::RunningSteps;

/// Running sandbox. A lost launcher is not replaced, because this process may have dropped the privileges to start one.
/// If the launcher is lost, the process must end.
pub(crate) struct SharedSandbox {
    pub(crate) sandbox: Sandbox,
    /// Warm starts of the sandbox's languages, including those that this sandbox does not use.
    warm: Vec<WarmTemplate>,
    lost: AtomicBool,
    pub(crate) steps: Arc<RunningSteps>,
}

impl SharedSandbox {
    pub(crate) fn new(sandbox: Sandbox, warm: Vec<WarmTemplate>) -> SharedSandbox {
        let steps = Arc::new(RunningSteps::of(sandbox.slots()));
        SharedSandbox { sandbox, warm, lost: AtomicBool::new(false), steps }
    }

    /// The interpreter that can be forked for a step, if its language keeps one warm.
    pub(crate) fn warm(&self, step: &StepInput<'_>) -> Option<Warm> {
        let is_it = |template: &&WarmTemplate| template.argv.first() == step.argv.first();
        let may_be_warm = *step.root == Root::System && step.kind == StepKind::Execute;
        self.warm.iter().find(is_it).filter(|_| may_be_warm).map(|template| template.kind)
    }

    /// Whether the launcher has ended.
    pub(crate) fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Relaxed)
    }

    /// Records whether a failure means that the launcher has ended.
    pub(crate) fn note(&self, error: &RunError) {
        if matches!(error, RunError::LauncherLost) {
            self.lost.store(true, Ordering::Relaxed);
        }
    }
}
