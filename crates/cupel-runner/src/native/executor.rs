//! The judge's executor on one slot of the sandbox. It converts steps into commands and reports into results, and
//! repeats a step if the step's lane has died.

use std::sync::Arc;
use std::time::{Duration, Instant};

use cupel_judge::{
    Collect, ExecuteError, Executor, Interaction, InteractionResult, LiveStdin, StdinSource, StepInput, StepKind,
    StepObserver, StepResult, WarmInput,
};
use cupel_sandbox::{CellKind, CollectLimits, Command, RunError, Slot, Stdin};
use cupel_types::{ImageRoot, Root, chain};

use crate::cell::{Cell, CellError, ContainerCell};
use crate::docker::Containers;

use super::compile_services::CompileServices;
use super::interaction;
use super::live::LiveInputThread;
use super::output::{OutputCapture, has_warm_start};
use super::sandbox::{ARTIFACTS_MAX, SharedSandbox};

/// Maximum number of attempts of one step. A step is repeated only if no data of the failed attempt has been observed.
/// Several lanes of a slot may have died, and each attempt detects only one of them.
const TRIES_MAX: u32 = 8;

/// Time after the start of a step within which a failed attempt is repeated. A dead lane is detected sooner than this,
/// so a longer attempt failed for another reason.
const RETRIED_WITHIN: Duration = Duration::from_secs(1);

/// Type of every terminal, by its name in terminfo(5).
const TERMINAL_TYPE: &str = "xterm-256color";

/// One slot of the sandbox.
pub(super) struct SlotExecutor {
    sandbox: Arc<SharedSandbox>,
    compilers: Arc<CompileServices>,
    number: usize,
    slot: Slot,
    /// Slot for the second program of a conversation. Both slots use the same processor, because one of the two
    /// programs is usually waiting.
    partner: Option<Slot>,
    /// Runs the programs of images of Docker Engine.
    containers: Option<Arc<Containers>>,
}

impl Executor for SlotExecutor {
    /// Repeats an attempt that failed soon after the start for a transient reason, if the observer has received no data
    /// from it, and no input can have been consumed: standard input is not a descriptor, and no live input was taken.
    /// Each attempt has a fresh cell, so the repetition cannot be observed, and the run does not lose an attempt.
    fn execute(&mut self, step: StepInput<'_>, observer: &mut dyn StepObserver) -> Result<StepResult, ExecuteError> {
        if let Root::Docker(image) = step.root {
            return self.execute_in_container(image, step, observer);
        }
        let live = match &step.stdin {
            StdinSource::Live(stdin) => {
                let started = LiveInputThread::start(Arc::clone(&stdin.source));
                Some(started.map_err(|error| ExecuteError { transient: true, source: error.into() })?)
            }
            StdinSource::Bytes(_) | StdinSource::Descriptor(_) => None,
        };
        let is_descriptor = matches!(step.stdin, StdinSource::Descriptor(_));
        let keep = step.keep;
        let command = self.command(step, live.as_ref());
        let sandbox = Arc::clone(&self.sandbox);
        let _running = sandbox.count_step(self.number);
        let (began, mut tries) = (Instant::now(), 1);
        loop {
            let mut capture = OutputCapture::new(keep, has_warm_start(&command), observer);
            capture.live = live.as_ref();
            let error = match self.slot.run(&command, &mut capture) {
                Ok(report) => return Ok(capture.result(report)),
                Err(error) => error,
            };
            let is_unseen = !capture.heard;
            let is_repeatable = !is_descriptor && live.as_ref().is_none_or(LiveInputThread::is_untouched);
            let again = tries < TRIES_MAX
                && began.elapsed() < RETRIED_WITHIN
                && error.is_transient()
                && is_unseen
                && is_repeatable;
            tracing::warn!(slot = self.number, again, error = %chain(&error), "a cell failed");
            sandbox.note(&error);
            if !again {
                return Err(failed(error));
            }
            tries += 1;
        }
    }

    fn interact(
        &mut self,
        interaction: Interaction<'_>,
        observer: &mut dyn StepObserver,
    ) -> Result<InteractionResult, ExecuteError> {
        let _running = self.sandbox.count_step(self.number);
        let (program, interactor) =
            (self.command(interaction.program.clone(), None), self.command(interaction.interactor.clone(), None));
        let partner = match self.partner.take() {
            Some(partner) => partner,
            None => self.sandbox.sandbox.slot(self.number),
        };
        let partner = self.partner.insert(partner);
        let mut of_program = container_cell(&self.containers, interaction.program.root)?;
        let mut of_interactor = container_cell(&self.containers, interaction.interactor.root)?;
        let result = interaction::run(
            interaction::Participant {
                cell: of_program.as_mut().map_or(&mut self.slot as &mut dyn Cell, |cell| cell),
                command: program,
                keep: interaction.program.keep,
            },
            interaction::Participant {
                cell: of_interactor.as_mut().map_or(partner as &mut dyn Cell, |cell| cell),
                command: interactor,
                keep: interaction.interactor.keep,
            },
            interaction.transcript,
            interaction.settles,
            observer,
        );
        result.map_err(|error| {
            tracing::warn!(slot = self.number, error = %chain(&error), "a cell failed");
            if let CellError::Native(error) = &error {
                self.sandbox.note(error);
            }
            error.into()
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
        containers: Option<Arc<Containers>>,
    ) -> SlotExecutor {
        SlotExecutor { sandbox, compilers, number, slot, partner: None, containers }
    }

    /// Runs a step in a container. Containers repeat a failed attempt themselves.
    fn execute_in_container(
        &mut self,
        image: &Arc<ImageRoot>,
        step: StepInput<'_>,
        observer: &mut dyn StepObserver,
    ) -> Result<StepResult, ExecuteError> {
        let _running = self.sandbox.count_step(self.number);
        let live = match &step.stdin {
            StdinSource::Live(live) => Some(live.clone()),
            StdinSource::Bytes(_) | StdinSource::Descriptor(_) => None,
        };
        let keep = step.keep;
        let containers = self.containers.as_ref().ok_or_else(no_containers)?;
        let mut cell = ContainerCell { containers: Arc::clone(containers), image, live };
        let command = self.command(step, None);
        let mut capture = OutputCapture::new(keep, false, observer);
        match cell.run(&command, &mut capture) {
            Ok(report) => Ok(capture.result(report)),
            Err(error) => {
                tracing::warn!(slot = self.number, error = %chain(&error), "a container failed");
                Err(error.into())
            }
        }
    }

    /// The command of a step; `live` provides its live input.
    fn command(&self, step: StepInput<'_>, live: Option<&LiveInputThread>) -> Command {
        let env = environment(&step);
        let root = self.sandbox.cell_root(&step);
        // The slot decides whether the program can be forked from the zygote. Here, the interpreter only has to match.
        let warm = self.sandbox.warm(&step);
        let bounds = match &step.collect {
            Collect::Nothing => None,
            Collect::All | Collect::Outbox(_) => Some((ARTIFACTS_MAX, step.limits.disk)),
            Collect::Named { paths, keep, find: _ } => Some((u32::try_from(paths.len()).unwrap_or(u32::MAX), *keep)),
        };
        let (outbox, fetch, find) = match step.collect {
            Collect::Nothing | Collect::All => (None, Vec::new(), None),
            Collect::Outbox(path) => (Some(path), Vec::new(), None),
            Collect::Named { paths, find, .. } => (None, paths, find),
        };
        Command {
            root,
            argv: step.argv.to_vec(),
            env,
            files: step.files.to_vec(),
            stdin: match step.stdin {
                StdinSource::Bytes(bytes) => Stdin::Bytes(bytes),
                StdinSource::Descriptor(descriptor) => Stdin::Descriptor(descriptor),
                StdinSource::Live(LiveStdin { terminal, .. }) => match live {
                    Some(live) => Stdin::Live { queue: live.queue(), terminal },
                    // This input is ignored: in a conversation, a pipe replaces it; for a container, the cell has the
                    // live input.
                    None => Stdin::Bytes(Arc::from([])),
                },
            },
            limits: step.limits,
            kind: match step.kind {
                StepKind::Compile => CellKind::Compile,
                StepKind::Execute => CellKind::Run,
            },
            warm,
            stderr_to_stdout: step.stderr_to_stdout,
            result: step.result,
            collect: bounds.map(|(files, bytes)| CollectLimits {
                files,
                bytes,
                // The files of a failed compilation are not needed.
                after_failure: step.kind == StepKind::Execute,
            }),
            outbox,
            fetch,
            find,
            watch: false,
        }
    }
}

/// The container for a root; `None` if the native sandbox provides the root.
fn container_cell<'r>(
    containers: &Option<Arc<Containers>>,
    root: &'r Root,
) -> Result<Option<ContainerCell<'r>>, ExecuteError> {
    let Root::Docker(image) = root else { return Ok(None) };
    let containers = containers.as_ref().ok_or_else(no_containers)?;
    Ok(Some(ContainerCell { containers: Arc::clone(containers), image, live: None }))
}

fn no_containers() -> ExecuteError {
    ExecuteError { transient: false, source: "this process is not connected to Docker Engine".into() }
}

/// The environment of a step. If the step has a terminal and does not set `TERM`, the terminal's type is added.
fn environment(step: &StepInput<'_>) -> Vec<(String, String)> {
    let mut env = step.env.to_vec();
    let has_terminal = matches!(&step.stdin, StdinSource::Live(LiveStdin { terminal: Some(_), .. }));
    if has_terminal && !env.iter().any(|(name, _)| name == "TERM") {
        env.push(("TERM".to_owned(), TERMINAL_TYPE.to_owned()));
    }
    env
}

pub(super) fn failed(error: RunError) -> ExecuteError {
    ExecuteError { transient: error.is_transient(), source: error.into() }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use cupel_judge::{LiveInput, LiveSource, TerminalSize};
    use cupel_types::{Bytes, Limits};

    use super::*;

    struct Silent;

    impl LiveSource for Silent {
        fn next(&self, _: Duration) -> Option<LiveInput> {
            None
        }

        fn consumed(&self, _: u64) {}
    }

    #[test]
    fn a_step_with_a_terminal_knows_its_type() {
        let check = |own: &[(&str, &str)], terminal, expected: Option<&str>| {
            let env: Vec<_> = own.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
            let step = StepInput {
                kind: StepKind::Execute,
                root: &Root::System,
                argv: &[],
                env: &env,
                files: &[],
                stdin: StdinSource::Live(LiveStdin { source: Arc::new(Silent), terminal }),
                limits: Limits::default(),
                keep: Bytes::ZERO,
                stderr_to_stdout: false,
                result: false,
                collect: Collect::Nothing,
            };
            let found = environment(&step).into_iter().find(|(name, _)| name == "TERM");
            assert_eq!(found.map(|(_, value)| value).as_deref(), expected);
        };
        check(&[], TerminalSize::new(80, 24), Some("xterm-256color"));
        check(&[("TERM", "dumb")], TerminalSize::new(80, 24), Some("dumb"));
        check(&[], None, None);
    }
}
