//! The sandbox, shared by executors and compile services, with the number of running steps of each slot and whether its
//! launcher is lost.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use cupel_judge::{StepInput, StepKind};
use cupel_sandbox::{CellRoot, RunError, Sandbox, Warm, WarmTemplate};
use cupel_types::Root;

/// Maximum number of files that a compile step may return. Their total size is bounded by the step's disk limit.
pub(super) const ARTIFACTS_MAX: u32 = 1000;

/// Running sandbox. A lost launcher is not replaced, because this process may have dropped the privileges to start one.
/// If the launcher is lost, the process must end.
pub(super) struct SharedSandbox {
    pub(super) sandbox: Sandbox,
    /// Warm starts of the sandbox's languages, including those that this sandbox does not use.
    warm: Vec<WarmTemplate>,
    lost: AtomicBool,
    /// Number of running steps, by slot.
    running: Vec<AtomicU32>,
}

impl SharedSandbox {
    pub(super) fn new(sandbox: Sandbox, warm: Vec<WarmTemplate>) -> SharedSandbox {
        let running = (0..sandbox.slots()).map(|_| AtomicU32::new(0)).collect();
        SharedSandbox { sandbox, warm, lost: AtomicBool::new(false), running }
    }

    /// The interpreter that can be forked for a step, if its language keeps one warm.
    pub(super) fn warm(&self, step: &StepInput<'_>) -> Option<Warm> {
        let is_it = |template: &&WarmTemplate| template.argv.first() == step.argv.first();
        let may_be_warm = *step.root == Root::System && step.kind == StepKind::Execute;
        self.warm.iter().find(is_it).filter(|_| may_be_warm).map(|template| template.kind)
    }

    /// The root of a step's cell.
    pub(super) fn cell_root(&self, step: &StepInput<'_>) -> CellRoot {
        match step.root {
            // A container uses the root of its image, not the root of the command.
            Root::System | Root::Docker(_) => CellRoot::System,
            Root::Image(image) => CellRoot::Image(image.clone()),
        }
    }

    /// Counts a running step of a slot until the guard is dropped.
    pub(super) fn count_step(&self, slot: usize) -> RunningStep<'_> {
        let count = self.running.get(slot);
        if let Some(count) = count {
            count.fetch_add(1, Ordering::Relaxed);
        }
        RunningStep(count)
    }

    /// A slot without running steps.
    pub(super) fn idle_slot(&self) -> Option<usize> {
        self.running.iter().position(|running| running.load(Ordering::Relaxed) == 0)
    }

    /// Whether more than one step runs in a slot.
    pub(super) fn is_shared(&self, slot: usize) -> bool {
        self.running.get(slot).is_some_and(|running| running.load(Ordering::Relaxed) > 1)
    }

    /// Whether the launcher has ended.
    pub(super) fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Relaxed)
    }

    /// Records whether a failure means that the launcher has ended.
    pub(super) fn note(&self, error: &RunError) {
        if matches!(error, RunError::LauncherLost) {
            self.lost.store(true, Ordering::Relaxed);
        }
    }
}

/// Guard that counts a running step until it is dropped.
pub(super) struct RunningStep<'a>(Option<&'a AtomicU32>);

impl Drop for RunningStep<'_> {
    fn drop(&mut self) {
        if let Some(count) = self.0 {
            count.fetch_sub(1, Ordering::Relaxed);
        }
    }
}
