//! The judge's executor on one slot of the sandbox: converts steps into commands and results back, and repeats a step
//! whose lane has died.

use std::sync::Arc;
use std::time::{Duration, Instant};

use cupel_judge::{
    Collect, ExecuteError, Executor, Interaction, InteractionResult, StdinSource, StepInput, StepKind, StepObserver,
    StepResult, WarmInput,
};
use cupel_sandbox::{CellKind, CollectLimits, Command, RunError, Slot, Stdin};
use cupel_types::chain;

use super::compile_services::CompileServices;
use super::interaction;
use super::output::{OutputCapture, has_warm_start};
use super::sandbox::{ARTIFACTS_MAX, SharedSandbox};

/// Maximum tries of one step. A step is repeated only if nobody has observed anything of the failed try. Several lanes
/// of a slot may have died, and each is detected by a separate try.
const TRIES_MAX: u32 = 8;

/// Longest duration of a failed try that is repeated. A dead lane is detected sooner than this, so a longer try failed
/// for another reason.
const QUICK: Duration = Duration::from_secs(1);

/// One slot of the sandbox.
pub(super) struct SlotExecutor {
    sandbox: Arc<SharedSandbox>,
    compilers: Arc<CompileServices>,
    number: usize,
    slot: Slot,
    /// Slot for the second program of a conversation. It uses the same processor, because one of the two programs is
    /// usually waiting.
    partner: Option<Slot>,
}

impl Executor for SlotExecutor {
    /// Repeats a failed try if neither the observer nor one of our pipes has received anything of it. Each try has a
    /// fresh cell, so the repetition cannot be observed, and the run does not lose an attempt.
    fn execute(&mut self, step: StepInput<'_>, observer: &mut dyn StepObserver) -> Result<StepResult, ExecuteError> {
        if matches!(step.stdin, StdinSource::Live(_)) {
            return Err(ExecuteError { transient: false, source: "this executor has no live input".into() });
        }
        let is_repeatable = matches!(step.stdin, StdinSource::Bytes(_));
        let keep = step.keep;
        let command = self.command(step);
        let sandbox = Arc::clone(&self.sandbox);
        let _running = sandbox.count_step(self.number);
        let (began, mut tries) = (Instant::now(), 1);
        loop {
            let mut kept = OutputCapture::new(keep, has_warm_start(&command), observer);
            let error = match self.slot.run(&command, &mut kept) {
                Ok(report) => return Ok(kept.result(report)),
                Err(error) => error,
            };
            let is_unseen = !kept.heard;
            let again =
                tries < TRIES_MAX && began.elapsed() < QUICK && error.is_transient() && is_unseen && is_repeatable;
            tracing::warn!(slot = self.number, again, error = %chain(&error), "a cell failed");
            sandbox.note(&error);
            if !again {
                return Err(failed(error));
            }
            tries += 1;
        }
    }

    fn talk(
        &mut self,
        talk: Interaction<'_>,
        observer: &mut dyn StepObserver,
    ) -> Result<InteractionResult, ExecuteError> {
        let _running = self.sandbox.count_step(self.number);
        let (program, interactor) = (self.command(talk.program.clone()), self.command(talk.interactor.clone()));
        let partner = match self.partner.take() {
            Some(partner) => partner,
            None => self.sandbox.sandbox.slot(self.number),
        };
        let partner = self.partner.insert(partner);
        let result = interaction::run(
            interaction::Side { slot: &mut self.slot, command: program, keep: talk.program.keep },
            interaction::Side { slot: partner, command: interactor, keep: talk.interactor.keep },
            talk.transcript,
            talk.settles,
            observer,
        );
        result.map_err(|error| {
            tracing::warn!(slot = self.number, error = %chain(&error), "a cell failed");
            self.sandbox.note(&error);
            failed(error)
        })
    }

    fn compile_warm(&mut self, step: WarmInput<'_>, observer: &mut dyn StepObserver) -> Option<StepResult> {
        // The slot waits for the compile service and counts as busy, as with a program.
        let _running = self.sandbox.count_step(self.number);
        self.compilers.compile(step, observer)
    }
}

impl SlotExecutor {
    pub(super) fn new(
        sandbox: Arc<SharedSandbox>,
        compilers: Arc<CompileServices>,
        number: usize,
        slot: Slot,
    ) -> SlotExecutor {
        SlotExecutor { sandbox, compilers, number, slot, partner: None }
    }

    fn command(&self, step: StepInput<'_>) -> Command {
        let bounds = match &step.collect {
            Collect::Nothing => None,
            Collect::All | Collect::Outbox(_) => Some((ARTIFACTS_MAX, step.limits.disk)),
            Collect::Named { paths, keep } => Some((u32::try_from(paths.len()).unwrap_or(u32::MAX), *keep)),
        };
        let (outbox, fetch) = match step.collect {
            Collect::Nothing | Collect::All => (None, Vec::new()),
            Collect::Outbox(path) => (Some(path), Vec::new()),
            Collect::Named { paths, .. } => (None, paths),
        };
        Command {
            argv: step.argv.to_vec(),
            env: step.env.to_vec(),
            files: step.files.to_vec(),
            stdin: match step.stdin {
                StdinSource::Bytes(bytes) => Stdin::Bytes(bytes),
                StdinSource::Descriptor(descriptor) => Stdin::Descriptor(descriptor),
                // Refused above.
                StdinSource::Live(_) => Stdin::Bytes(Arc::from([])),
            },
            limits: step.limits,
            kind: match step.kind {
                StepKind::Compile => CellKind::Compile,
                StepKind::Execute => CellKind::Run,
            },
            // The slot decides whether the program can be forked from the zygote. Here only the interpreter has to
            // match.
            warm: self.sandbox.warm.iter().find(|warm| warm.argv.first() == step.argv.first()).map(|warm| warm.kind),
            result: step.result,
            collect: bounds.map(|(files, bytes)| CollectLimits {
                files,
                bytes,
                // The files of a failed compilation are of no use.
                after_failure: step.kind == StepKind::Execute,
            }),
            outbox,
            fetch,
            watch: false,
        }
    }
}

pub(super) fn failed(error: RunError) -> ExecuteError {
    ExecuteError { transient: error.is_transient(), source: error.into() }
}
